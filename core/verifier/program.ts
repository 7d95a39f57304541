/**
 * The program as the walk needs it: decoded, maps resolved, divided into functions, its flow graph known. The checks here
 * need no register state; they are made in Linux's order (kernel/bpf/verifier.c: add_subprog_and_kfunc, check_subprogs,
 * resolve_pseudo_ldimm64, check_cfg), so that the first complaint is the same one.
 */
import type { Btf } from '../btf/btf.ts';
import { type DecodedProgram, decode, INSN_SIZE } from '../isa/insn.ts';
import { CALL, CLASS, MODE, OP_CALL, OP_EXIT, OP_GOTOL, OP_JA, OP_LD_IMM64, PSEUDO, SIZE, SRC } from '../isa/ops.ts';
import type { MapTypeRow } from '../maps/map.ts';
import type { MapSpec, ProgSpec } from '../spec/spec.ts';
import { type Category, Refusal } from './refusal.ts';
import { formsMissing, type InsnForm, refusedForm } from './versions.ts';

/** A map the program uses, with the row of its type. */
export interface UsedMap {
  readonly index: number;
  readonly spec: MapSpec;
  readonly row: MapRow;
  readonly innerRow?: MapRow | undefined;
}

export type MapRow = Pick<MapTypeRow, 'id' | 'name' | 'perCpu'>;

export interface Subprog {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** Callable from elsewhere, so verified by itself for any arguments. Only BTF can say so. */
  readonly global: boolean;
  stackDepth: number;
  hasTailCall: boolean;
  hasLdAbs: boolean;
  isCallback: boolean;
  isAsyncCallback: boolean;
  changesPacket: boolean;
  mightSleep: boolean;
}

/** Marks of an instruction (bits of `marks`). */
export const MARK = {
  /** A place where states are compared and kept. */
  PRUNE: 1,
  /** Reached not only from the instruction before: history must be kept. */
  JUMP: 2,
  /** Always keep the state here (loops that only converge this way). */
  CHECKPOINT: 4,
  /** Calls a helper that calls back synchronously. */
  CALLBACK: 8,
} as const;

export class Program {
  readonly spec: ProgSpec;
  readonly code: DecodedProgram;
  readonly length: number;
  readonly maps: UsedMap[] = [];
  /** Index into `maps` + 1 for ld_imm64 of maps. */
  readonly mapOf: Int32Array;
  readonly marks: Uint8Array;
  /** Registers that are read later, by instruction (bit i: ri). */
  readonly live: Uint16Array;
  /** Number of the loop (strongly connected component) an instruction is in, 0 for none. */
  readonly loopOf: Int32Array;
  subprogs: Subprog[] = [];
  /** Number of the function that bpf_throw calls with what it is given, 0 for none. */
  exceptionCallback = 0;
  /** The object has BTF for its functions, so that callbacks and tail calls in subprograms are allowed. */
  readonly hasFuncInfo: boolean;
  readonly objectBtf: Btf | undefined;
  readonly #subprogAt = new Map<number, number>();

  constructor(spec: ProgSpec, objectBtf: Btf | undefined) {
    this.spec = spec;
    this.objectBtf = objectBtf;
    if (spec.insns.length % INSN_SIZE !== 0 || spec.insns.length === 0) {
      throw new Refusal(
        'structure',
        `program of ${spec.insns.length} bytes is not a positive number of 8-byte instructions`,
      );
    }
    this.code = decode(spec.insns);
    this.length = this.code.length;
    this.mapOf = new Int32Array(this.length);
    this.marks = new Uint8Array(this.length + 1);
    this.live = new Uint16Array(this.length);
    this.loopOf = new Int32Array(this.length);
    this.hasFuncInfo = objectBtf !== undefined && spec.funcs.length > 0 && spec.funcs.every((f) => f.btfId !== 0);
  }

  /** Number of the function that starts at this instruction, or -1. */
  subprogStarting(insn: number): number {
    return this.#subprogAt.get(insn) ?? -1;
  }

  /** Number of the function that contains the instruction. */
  subprogOf(insn: number): number {
    let low = 0;
    let high = this.subprogs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.subprogs[middle]!.start <= insn) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  isLocalCall(i: number): boolean {
    return this.code.opcode[i] === OP_CALL && this.code.src[i] === CALL.local;
  }

  isHelperCall(i: number): boolean {
    return this.code.opcode[i] === OP_CALL && this.code.src[i] === CALL.helper;
  }

  isKfuncCall(i: number): boolean {
    return this.code.opcode[i] === OP_CALL && this.code.src[i] === CALL.kfunc;
  }

  isFuncLoad(i: number): boolean {
    return this.code.opcode[i] === OP_LD_IMM64 && this.code.src[i] === PSEUDO.func;
  }

  #isKnownForm(i: number, missing: readonly InsnForm[]): boolean {
    const { opcode, src, off, imm } = this.code;
    return refusedForm(missing, opcode[i]!, src[i]!, off[i]!, imm[i]!) === undefined;
  }

  /** Find where functions start. */
  findSubprogs(
    privileged: boolean,
    globalFunctions: boolean,
    release: number,
    checkKfunc: (insn: number) => void,
  ): void {
    const { imm } = this.code;
    const missing = formsMissing(release);
    const starts = new Set<number>([0]);
    for (let i = 0; i < this.length; i++) {
      const local = this.isLocalCall(i) || (this.isFuncLoad(i) && this.#isKnownForm(i, missing));
      if (!local && !this.isKfuncCall(i)) continue;
      if (!privileged) {
        refuse('helper', 'loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN');
      }
      if (!local) {
        checkKfunc(i);
        continue;
      }
      const target = i + imm[i]! + 1;
      if (target < 0 || target >= this.length) refuse('structure', 'call to invalid destination');
      starts.add(target);
      if (starts.size > 256) refuse('limit', 'too many subprograms');
    }
    const handler = this.#exceptionHandler();
    if (handler > 0) starts.add(handler);
    const sorted = [...starts].sort((a, b) => a - b);
    const names = new Map(this.spec.funcs.map((f) => [f.insn, f]));
    this.subprogs = sorted.map((start, i) => {
      const info = names.get(start);
      const type = info && info.btfId !== 0 ? this.objectBtf?.type(info.btfId) : undefined;
      return {
        start,
        end: sorted[i + 1] ?? this.length,
        name: info?.name ?? (i === 0 ? this.spec.name : ''),
        global: globalFunctions && type?.kind === 'func' && type.linkage === 'global',
        stackDepth: 0,
        hasTailCall: false,
        hasLdAbs: false,
        isCallback: false,
        isAsyncCallback: false,
        changesPacket: false,
        mightSleep: false,
      };
    });
    sorted.forEach((start, i) => {
      this.#subprogAt.set(start, i);
    });
    if (handler > 0) {
      this.exceptionCallback = this.subprogStarting(handler);
      const sub = this.subprogs[this.exceptionCallback]!;
      sub.isCallback = sub.isAsyncCallback = true;
    }
  }

  /** Where the function starts that the main one's tag `exception_callback:NAME` names; 0 without one (Linux: bpf_find_exception_callback_insn_off). */
  #exceptionHandler(): number {
    const btf = this.objectBtf;
    const { funcs } = this.spec;
    const main = funcs.find((f) => f.insn === 0);
    if (!this.hasFuncInfo || !btf || !main) return 0;
    const names: string[] = [];
    for (let id = 1; id < btf.typeCount; id++) {
      const t = btf.type(id);
      if (t.kind !== 'decl_tag' || t.type !== main.btfId || t.component !== -1) continue;
      if (t.name.startsWith(EXCEPTION_TAG)) names.push(t.name.slice(EXCEPTION_TAG.length));
    }
    if (names.length === 0) return 0;
    if (names.length > 1) refuse('structure', 'multiple exception callback tags for main subprog');
    const id = btf.find(names[0]!, 'func');
    const func = id === undefined ? undefined : btf.type(id);
    if (func?.kind !== 'func') {
      return refuse('structure', `exception callback '${names[0]}' could not be found in BTF`);
    }
    if (func.linkage !== 'global') {
      refuse('structure', `exception callback '${names[0]}' must have global linkage`);
    }
    const info = funcs.find((f) => f.btfId === id);
    if (!info) return refuse('structure', 'exception callback type id not found in func_info');
    if (info.insn === 0) refuse('structure', 'invalid exception callback insn_off in func_info: 0');
    return info.insn;
  }

  /** Jumps stay inside their function, and no function falls through its end. */
  checkSubprogs(): void {
    const { opcode, off, imm, src } = this.code;
    let current = 0;
    for (let i = 0; i < this.length; i++) {
      const sub = this.subprogs[current]!;
      const code = opcode[i]!;
      const cls = code & 7;
      if (code === OP_CALL && src[i] === 0 && imm[i] === TAIL_CALL) sub.hasTailCall = true;
      if (cls === CLASS.LD && ((code & 0xe0) === MODE.ABS || (code & 0xe0) === MODE.IND)) sub.hasLdAbs = true;
      if (cls === CLASS.JMP || cls === CLASS.JMP32) {
        const op = code & 0xf0;
        if (op !== 0x80 && op !== 0x90) {
          // In 32 bits, as C adds.
          const target = (i + 1 + (code === OP_GOTOL ? imm[i]! : off[i]!)) | 0;
          if (target < sub.start || target >= sub.end) {
            refuse('structure', `jump out of range from insn ${i} to ${target}`);
          }
        }
      }
      if (i === sub.end - 1) {
        if (code !== OP_EXIT && code !== OP_GOTOL && code !== OP_JA) {
          refuse('structure', 'last insn is not an exit or jmp');
        }
        current++;
      }
    }
    for (const sub of this.subprogs.slice(1)) {
      if (this.hasFuncInfo) {
        if (this.#returnsInt(sub)) continue;
        if (sub.hasLdAbs) refuse('structure', "LD_ABS is only allowed in functions that return 'int'.");
        if (sub.hasTailCall) refuse('structure', "tail_call is only allowed in functions that return 'int'.");
        continue;
      }
      if (sub.hasLdAbs) refuse('structure', 'LD_ABS is not allowed in subprogs without BTF');
      if (sub.hasTailCall) refuse('structure', 'tail_call is not allowed in subprogs without BTF');
    }
  }

  #returnsInt(sub: Subprog): boolean {
    const btf = this.objectBtf;
    const info = this.spec.funcs.find((f) => f.insn === sub.start);
    const func = btf && info ? btf.type(info.btfId) : undefined;
    const proto = func?.kind === 'func' ? btf!.type(func.type) : undefined;
    if (proto?.kind !== 'func_proto' || proto.ret === 0) return false;
    let t = btf!.type(proto.ret);
    while (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile') t = btf!.type(t.type);
    return t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64';
  }

  /**
   * Which map each ld_imm64 means (by relocation, or else by its imm as an index into `maps`), and whether each opcode exists.
   * `check` says whether the program type may use the map; `release` (major * 100 + minor) what forms of instructions there are.
   */
  resolveLoads(
    maps: readonly MapSpec[],
    rowOf: (spec: MapSpec) => MapRow,
    check: (map: UsedMap) => void,
    kernelVariable: (name: string) => number | undefined,
    checkVariable: (id: number) => void,
    release: number,
  ): void {
    const { opcode, dst, src, off, imm } = this.code;
    const relocs = new Map(this.spec.relocs.map((r) => [r.insn, r]));
    const used = new Map<number, UsedMap>();
    const missing = formsMissing(release);
    for (let i = 0; i < this.length; i++) {
      const code = opcode[i]!;
      const mode = code & 0xe0;
      if ((code & 7) === CLASS.LDX && ((mode !== MODE.MEM && mode !== MODE.MEMSX) || imm[i] !== 0)) {
        refuse('structure', 'BPF_LDX uses reserved fields');
      }
      const newer = refusedForm(missing, code, src[i]!, off[i]!, imm[i]!);
      if (newer !== undefined) refuse('structure', newer);
      if (code !== OP_LD_IMM64) {
        if (OPCODE_EXISTS[code] === 0) {
          refuse('structure', `unknown opcode ${code.toString(16).padStart(2, '0')}`);
        }
        continue;
      }
      const next = i + 1;
      if (next === this.length || opcode[next] !== 0 || dst[next] !== 0 || src[next] !== 0 || off[next] !== 0) {
        refuse('structure', 'invalid bpf_ld_imm64 insn');
      }
      const reloc = relocs.get(i);
      if (reloc?.kind === 'map') {
        src[i] = PSEUDO.map_fd;
        imm[next] = 0;
      } else if (reloc?.kind === 'map_value') {
        src[i] = PSEUDO.map_value;
        imm[next] = reloc.offset;
      } else if (reloc?.kind === 'ksym') {
        const id = kernelVariable(reloc.name);
        if (id === undefined && !reloc.weak)
          refuse('structure', `the kernel has no variable or function '${reloc.name}' with BTF`);
        src[i] = id === undefined ? PSEUDO.imm : PSEUDO.btf_id;
        imm[i] = id ?? 0;
        imm[next] = 0;
      }
      const pseudo = src[i]!;
      i = next;
      if (pseudo === PSEUDO.imm || pseudo === PSEUDO.func) continue;
      if (pseudo === PSEUDO.btf_id) {
        // The second half names a module's BTF by a descriptor of the process that loads; an inert program has none.
        if (imm[next] !== 0) refuse('structure', 'invalid module BTF object FD specified.');
        checkVariable(imm[next - 1]!);
        continue;
      }
      const wholeMap = pseudo === PSEUDO.map_fd || pseudo === PSEUDO.map_idx;
      if (pseudo > PSEUDO.map_idx_value || (wholeMap && imm[next] !== 0)) {
        refuse('structure', 'unrecognized bpf_ld_imm64 insn');
      }
      if (!reloc && pseudo >= PSEUDO.map_idx) refuse('structure', 'fd_idx without fd_array is invalid');
      const specIndex = reloc && 'map' in reloc ? maps.findIndex((m) => m.name === reloc.map) : (imm[i - 1] as number);
      const spec = maps[specIndex];
      if (!spec) {
        refuse(
          'structure',
          reloc && 'map' in reloc ? `no map named '${reloc.map}'` : `fd ${imm[i - 1]} is not pointing to valid bpf_map`,
        );
      }
      let map = used.get(specIndex);
      if (!map) {
        map = {
          index: this.maps.length,
          spec: spec!,
          row: rowOf(spec!),
          innerRow: spec!.inner && rowOf(spec!.inner),
        };
        used.set(specIndex, map);
        this.maps.push(map);
        if (this.maps.length > 64) refuse('limit', 'The total number of maps per program has reached the limit of 64');
        check(map);
      }
      this.mapOf[i - 1] = map.index + 1;
      if (!wholeMap) this.#checkDirectValue(map, imm[next]!);
    }
  }

  #checkDirectValue(map: UsedMap, offset: number): void {
    if (offset >>> 0 >= MAX_VAR_OFF) {
      refuse('bounds', `direct value offset of ${offset >>> 0} is not allowed`);
    }
    const { type, valueSize, maxEntries } = map.spec;
    if (type !== 'array' && type !== 'insn_array' && type !== 'arena') {
      refuse('type', 'no direct value access support for this map type');
    }
    if (type === 'array' && (maxEntries !== 1 || offset >= valueSize)) {
      refuse('bounds', `invalid access to map value pointer, value_size=${valueSize} off=${offset}`);
    }
  }
}

/** Largest offset a pointer may have, and the largest memory size (kernel: BPF_MAX_VAR_OFF, BPF_MAX_VAR_SIZ). */
export const MAX_VAR_OFF = 1 << 29;
const TAIL_CALL = 12;
const EXCEPTION_TAG = 'exception_callback:';

export function refuse(category: Category, message: string): never {
  throw new Refusal(category, message);
}

/** Opcodes of single-slot instructions that Linux 6.18 knows (kernel/bpf/core.c, BPF_INSN_MAP). */
const OPCODE_EXISTS: Uint8Array = (() => {
  const known = new Uint8Array(256);
  const alu = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0];
  for (const cls of [CLASS.ALU, CLASS.ALU64]) {
    for (const op of alu) known[cls | op] = known[cls | op | SRC.X] = 1;
    known[cls | 0x80] = 1;
    known[cls | 0xd0] = 1;
  }
  known[CLASS.ALU | 0xd0 | SRC.X] = 1;
  const conditions = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
  for (const cls of [CLASS.JMP, CLASS.JMP32]) {
    for (const op of conditions) known[cls | op] = known[cls | op | SRC.X] = 1;
    known[cls] = 1;
  }
  known[CLASS.JMP | 0xe0] = 1;
  known[OP_CALL] = known[OP_EXIT] = 1;
  for (const size of [SIZE.B, SIZE.H, SIZE.W, SIZE.DW]) {
    known[CLASS.LDX | MODE.MEM | size] = known[CLASS.ST | MODE.MEM | size] = known[CLASS.STX | MODE.MEM | size] = 1;
    known[CLASS.STX | MODE.ATOMIC | size] = 1;
    if (size === SIZE.DW) continue;
    known[CLASS.LDX | MODE.MEMSX | size] = 1;
    known[CLASS.LD | MODE.ABS | size] = known[CLASS.LD | MODE.IND | size] = 1;
  }
  return known;
})();
