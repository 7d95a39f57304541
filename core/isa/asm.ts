/**
 * The assembler: reads the kernel's notation (disasm.ts) and what people add when they type it: labels, comments,
 * immediates in hex.
 *
 *   text    := { line '\n' }
 *   line    := [ NUMBER ':' ] { NAME ':' } [ '(' HEX HEX ')' ] [ insn ] [ comment ]
 *   comment := ( ';' | '//' ) anything
 *   target  := 'pc' ( '+' | '-' ) NUMBER | NAME          counted in slots from the next instruction
 *   insn    := what insnText prints, with `target` where it prints pc+N
 *
 * `r1 = 5` is a mov and `r1 = 0x5` a ld_imm64, as the kernel prints them; an opcode in front, `(18)` or `(b7)`, decides.
 * `call` takes a target, `name#id`, `#id`, or a helper's name when the caller can look names up.
 */
import type { Diagnostic } from '../base/diagnostics.ts';
import { SourceFile } from '../base/diagnostics.ts';
import { CompileError } from '../base/errors.ts';
import { encode, type Insn } from './insn.ts';
import {
  ALU,
  ALU_OPS,
  ALU_VARIANTS,
  ATOMIC_OPS,
  CALL,
  CLASS,
  JMP_OPS,
  MODE,
  OP_CALL,
  OP_EXIT,
  OP_GOTOL,
  OP_JA,
  OP_LD_IMM64,
  OP_MAY_GOTO,
  PSEUDO,
  SIZE,
  SIZES,
  SRC,
} from './ops.ts';

export interface AsmOptions {
  /** For messages. Default `<asm>`. */
  readonly file?: string;
  /** Id of a helper by its name without `bpf_`: allows `call map_lookup_elem`. */
  readonly helper?: (name: string) => number | undefined;
  /** Gets the slot of each label. */
  readonly labels?: Map<string, number>;
}

/** Machine code of a text. Throws CompileError with every line that is wrong. */
export function assemble(text: string, options: AsmOptions = {}): Uint8Array {
  return encode(assembleInsns(text, options));
}

/** An instruction whose jump distance may wait for a label. */
interface Draft {
  insn: { -readonly [K in keyof Insn]: Insn[K] };
  /** Which field takes the distance to `label`. */
  field?: 'off' | 'imm';
  label?: string;
}

export function assembleInsns(text: string, options: AsmOptions = {}): Insn[] {
  const file = new SourceFile(options.file ?? '<asm>', text);
  const diagnostics: Diagnostic[] = [];
  const labels = options.labels ?? new Map<string, number>();
  const drafts: { draft: Draft; slot: number; start: number; end: number }[] = [];
  let slot = 0;
  let lineStart = 0;
  for (const line of text.split('\n')) {
    const start = lineStart;
    lineStart += line.length + 1;
    const span = (from: number, to: number) => ({ file, start: start + from, end: start + to });
    let body = line.replace(/(;|\/\/).*$/, '');
    let at = 0;
    for (;;) {
      const head = /^\s*(\d+|[A-Za-z_.$][\w.$]*):(?!\S*\])/.exec(body.slice(at));
      if (!head) break;
      const name = head[1]!;
      if (!/^\d/.test(name)) {
        if (labels.has(name))
          diagnostics.push({
            severity: 'error',
            message: `label '${name}' is already defined`,
            span: span(at, at + head[0].length),
          });
        labels.set(name, slot);
      }
      at += head[0].length;
    }
    const given = /^\s*\(([0-9a-fA-F]{2})\)/.exec(body.slice(at));
    if (given) at += given[0].length;
    body = body.slice(at);
    const indent = body.length - body.trimStart().length;
    const source = body.trim().replace(/\s+/g, ' ');
    if (source === '') continue;
    const where = span(at + indent, at + body.trimEnd().length);
    const opcode = given ? Number.parseInt(given[1]!, 16) : undefined;
    const draft = parseInsn(source, opcode, options);
    if (typeof draft === 'string') diagnostics.push({ severity: 'error', message: draft, span: where });
    else if (opcode !== undefined && draft.insn.opcode !== opcode) {
      const hex = draft.insn.opcode.toString(16).padStart(2, '0');
      diagnostics.push({ severity: 'error', message: `'${source}' is opcode ${hex}, not ${given![1]}`, span: where });
    } else {
      drafts.push({ draft, slot, start: where.start, end: where.end });
      slot += draft.insn.opcode === OP_LD_IMM64 ? 2 : 1;
    }
  }
  for (const { draft, slot: from, start, end } of drafts) {
    if (draft.label === undefined) continue;
    const to = labels.get(draft.label);
    const span = { file, start, end };
    if (to === undefined)
      diagnostics.push({ severity: 'error', message: `label '${draft.label}' is not defined`, span });
    else if (draft.field === 'off' && Math.abs(to - from - 1) > 32767) {
      diagnostics.push({
        severity: 'error',
        message: `label '${draft.label}' is ${to - from - 1} instructions away: use gotol`,
        span,
      });
    } else draft.insn[draft.field!] = to - from - 1;
  }
  if (diagnostics.length > 0) throw new CompileError(diagnostics);
  return drafts.map((d) => d.draft.insn);
}

const NUM = String.raw`[-+]?(?:0[xX][0-9a-fA-F]+|\d+)`;
const REG = String.raw`[rw](?:10|\d)`;
const TARGET = String.raw`pc[+-]\d+|[A-Za-z_.$][\w.$]*`;
const PLACE = String.raw`\(([us])(8|16|32|64) \*\)\(r(10|\d) ?(?:([+-]) ?(0[xX][0-9a-fA-F]+|\d+))?\)`;
const pattern = (source: string): RegExp => new RegExp(`^${source.replaceAll(' ', ' ?')}$`);

const MATCH = {
  end: pattern(String.raw`r(\d+) = (le|be|bswap)(16|32|64) r(\d+)`),
  neg: pattern(String.raw`([rw])(\d+) = -([rw])(\d+)`),
  alu: pattern(String.raw`(${REG}) (s/|s%|s>>|<<|>>|[-+*/|&%^])?= (?:\((s8|s16|s32)\) ?)?(${REG}|${NUM})(?: (ll))?`),
  constant: pattern(String.raw`r(\d+) = (map\[id:|map\[idx:|subprog\[|btf\[id:)(${NUM})\](\[0\])?(?:\+(\d+))?`),
  function: pattern(String.raw`r(\d+) = subprog (${TARGET})`),
  ldx: pattern(String.raw`r(\d+) = \*${PLACE}`),
  packet: pattern(String.raw`r0 = \*\(u(8|16|32) \*\)skb\[(?:r(\d+) ?\+ ?)?(${NUM})\]`),
  store: pattern(String.raw`(lock )?\*${PLACE} ([|&^+])?= (${REG}|${NUM})`),
  fetch: pattern(String.raw`r(\d+) = atomic(64)?_(fetch_\w+|xchg)\(${PLACE}, r(\d+)\)`),
  cmpxchg: pattern(String.raw`r0 = atomic(64)?_cmpxchg\(${PLACE}, r0, r(\d+)\)`),
  loadAcquire: pattern(String.raw`r(\d+) = load_acquire\(${PLACE}\)`),
  storeRelease: pattern(String.raw`store_release\(${PLACE}, r(\d+)\)`),
  jump: pattern(`(goto|gotol|may_goto) (${TARGET})`),
  branch: pattern(`if (${REG}) (s>=|s<=|s>|s<|==|!=|>=|<=|>|<|&) (${REG}|${NUM}) goto (${TARGET})`),
  call: /^call (?:([A-Za-z_.$][\w.$-]*)?#(-?\d+)|(.+))$/,
};

const SIZE_OF: Readonly<Record<string, number>> = Object.fromEntries(SIZES.map((r) => [String(r.bytes * 8), r.code]));

function parseInsn(source: string, opcode: number | undefined, options: AsmOptions): Draft | string {
  if (source === 'exit') return done(OP_EXIT, 0, 0, 0, 0);
  let m: RegExpExecArray | null;
  if ((m = MATCH.end.exec(source))) return byteOrder(m);
  if ((m = MATCH.neg.exec(source))) {
    if (m[2] !== m[4] || m[1] !== m[3]) return 'negation works on one register: rN = -rN';
    return done((m[1] === 'r' ? CLASS.ALU64 : CLASS.ALU) | ALU.neg, +m[2]!, 0, 0, 0);
  }
  if ((m = MATCH.packet.exec(source))) {
    const mode = m[2] === undefined ? MODE.ABS : MODE.IND;
    return done(CLASS.LD | mode | SIZE_OF[m[1]!]!, 0, +(m[2] ?? 0), 0, number(m[3]!));
  }
  if ((m = MATCH.constant.exec(source))) return pseudo(m);
  if ((m = MATCH.function.exec(source))) return target(OP_LD_IMM64, +m[1]!, PSEUDO.func, 0, m[2]!, 'imm');
  if ((m = MATCH.alu.exec(source))) return alu(m, opcode);
  if ((m = MATCH.ldx.exec(source))) {
    const p = place(m, 2);
    if (p.signed && p.size === SIZE.DW) return 's64 is no sign extension: load u64';
    return done(CLASS.LDX | (p.signed ? MODE.MEMSX : MODE.MEM) | p.size, +m[1]!, p.base, p.off, 0);
  }
  if ((m = MATCH.store.exec(source))) return store(m);
  if ((m = MATCH.fetch.exec(source))) {
    const row = ATOMIC_OPS.find((r) => r.name === m![3]);
    const p = place(m, 4);
    if (!row) return `there is no atomic ${m[3]}`;
    if (m[1] !== m[9]) return 'a fetching atomic gives the old value to its own operand: rN = ...(..., rN)';
    return atomic(p, m[2] !== undefined, row.imm, +m[9]!);
  }
  if ((m = MATCH.cmpxchg.exec(source))) return atomic(place(m, 2), m[1] !== undefined, 0xf1, +m[7]!);
  if ((m = MATCH.loadAcquire.exec(source))) {
    const p = place(m, 2);
    return done(CLASS.STX | MODE.ATOMIC | p.size, +m[1]!, p.base, p.off, 0x100);
  }
  if ((m = MATCH.storeRelease.exec(source))) {
    const p = place(m, 1);
    return done(CLASS.STX | MODE.ATOMIC | p.size, p.base, +m[6]!, p.off, 0x110);
  }
  if ((m = MATCH.jump.exec(source))) {
    const code = m[1] === 'goto' ? OP_JA : m[1] === 'gotol' ? OP_GOTOL : OP_MAY_GOTO;
    return target(code, 0, 0, 0, m[2]!, m[1] === 'gotol' ? 'imm' : 'off');
  }
  if ((m = MATCH.branch.exec(source))) return branch(m);
  if ((m = MATCH.call.exec(source))) return call(m, options);
  return `'${source}' is no instruction`;
}

function done(opcode: number, dst: number, src: number, off: number, imm: number | undefined): Draft | string {
  if (imm === undefined) return 'the number does not fit 32 bits';
  if (dst > 10 || src > 10) return `register r${Math.max(dst, src)} does not exist`;
  if (off < -32768 || off > 32767) return `offset ${off} does not fit 16 bits`;
  return { insn: { opcode, dst, src, off, imm } };
}

/** A 32-bit number, given signed or unsigned; undefined when it does not fit. */
function number(text: string): number | undefined {
  const value = Number(text.replace(/^[-+]/, '')) * (text.startsWith('-') ? -1 : 1);
  return value >= -0x80000000 && value <= 0xffffffff ? value | 0 : undefined;
}

function place(m: RegExpExecArray, at: number): { signed: boolean; size: number; base: number; off: number } {
  const off = Number(m[at + 4] ?? 0) * (m[at + 3] === '-' ? -1 : 1);
  return { signed: m[at] === 's', size: SIZE_OF[m[at + 1]!]!, base: +m[at + 2]!, off };
}

function byteOrder(m: RegExpExecArray): Draft | string {
  if (m[1] !== m[4]) return 'byte order works on one register: rN = be16 rN';
  const cls = m[2] === 'bswap' ? CLASS.ALU64 : CLASS.ALU;
  return done(cls | ALU.end | (m[2] === 'be' ? SRC.X : SRC.K), +m[1]!, 0, 0, +m[3]!);
}

function pseudo(m: RegExpExecArray): Draft | string {
  const imm = number(m[3]!);
  const offset = m[5] === undefined ? undefined : Number(m[5]);
  const kind =
    m[2] === 'subprog['
      ? PSEUDO.func
      : m[2] === 'btf[id:'
        ? PSEUDO.btf_id
        : m[2] === 'map[id:'
          ? m[4] === undefined
            ? PSEUDO.map_fd
            : PSEUDO.map_value
          : offset === undefined
            ? PSEUDO.map_idx
            : PSEUDO.map_idx_value;
  const draft = done(OP_LD_IMM64, +m[1]!, kind, 0, imm);
  if (typeof draft !== 'string') draft.insn.immHi = (offset ?? 0) | 0;
  return draft;
}

function alu(m: RegExpExecArray, opcode: number | undefined): Draft | string {
  const [, dst, sign = '', cast, operand] = m as unknown as [
    string,
    string,
    string | undefined,
    string | undefined,
    string,
  ];
  const wide = dst[0] === 'r';
  const cls = wide ? CLASS.ALU64 : CLASS.ALU;
  const symbol = `${sign}=`;
  const register = /^[rw]/.test(operand);
  if (register && operand[0] !== dst[0]) return `${dst} and ${operand} differ in width`;
  if (cast !== undefined) {
    const row = ALU_VARIANTS.find((v) => v.name === `movsx${cast.slice(1)}`)!;
    if (sign !== '' || !register) return `a cast like (${cast}) goes before the register of a plain move`;
    if (!wide && row.off === 32) return '(s32) of a w register changes nothing';
    return done(cls | ALU.mov | SRC.X, +dst.slice(1), +operand.slice(1), row.off, 0);
  }
  const variant = ALU_VARIANTS.find((v) => v.symbol === symbol && v.base !== 'mov');
  const row = variant
    ? ALU_OPS.find((r) => r.name === variant.base)!
    : ALU_OPS.find((r) => r.symbol === symbol && r.name !== 'end')!;
  const off = variant?.off ?? 0;
  if (register) return done(cls | row.code | SRC.X, +dst.slice(1), +operand.slice(1), off, 0);
  const value = BigInt(operand.replace(/^[-+]/, '')) * (operand.startsWith('-') ? -1n : 1n);
  const narrow = value >= -0x80000000n && value <= 0x7fffffffn;
  const hex = /^[-+]?0[xX]/.test(operand);
  const long = opcode === undefined ? m[5] !== undefined || hex || !narrow : opcode === OP_LD_IMM64;
  if (row.name === 'mov' && wide && long) {
    if (value < -(1n << 63n) || value >= 1n << 64n) return `${operand} does not fit 64 bits`;
    const draft = done(OP_LD_IMM64, +dst.slice(1), 0, 0, Number(BigInt.asIntN(32, value)));
    if (typeof draft !== 'string') draft.insn.immHi = Number(BigInt.asIntN(32, value >> 32n));
    return draft;
  }
  return done(cls | row.code | SRC.K, +dst.slice(1), 0, off, number(operand));
}

function store(m: RegExpExecArray): Draft | string {
  const p = place(m, 2);
  const [locked, sign, operand] = [m[1] !== undefined, m[7], m[8]!];
  if (p.signed) return 'stores have no sign: use u8, u16, u32, u64';
  if (locked !== (sign !== undefined)) return 'an atomic is written: lock *(u64 *)(r1 +0) += r2';
  if (operand.startsWith('w')) return `stores take r registers: r${operand.slice(1)}`;
  const register = operand.startsWith('r') ? +operand.slice(1) : undefined;
  if (locked) {
    const name = ALU_OPS.find((r) => r.symbol === `${sign}=`)!.name;
    if (register === undefined) return 'an atomic takes a register';
    return atomic(p, p.size === SIZE.DW, ATOMIC_OPS.find((r) => r.name === name)!.imm, register);
  }
  if (register !== undefined) return done(CLASS.STX | MODE.MEM | p.size, p.base, register, p.off, 0);
  return done(CLASS.ST | MODE.MEM | p.size, p.base, 0, p.off, number(operand));
}

function atomic(p: ReturnType<typeof place>, wide: boolean, imm: number, src: number): Draft | string {
  if (p.signed || (p.size !== SIZE.W && p.size !== SIZE.DW)) return 'this atomic works on u32 and u64 only';
  if (wide !== (p.size === SIZE.DW)) return 'atomic64_ goes with u64, atomic_ with u32';
  return done(CLASS.STX | MODE.ATOMIC | p.size, p.base, src, p.off, imm);
}

function branch(m: RegExpExecArray): Draft | string {
  const [dst, symbol, operand] = [m[1]!, m[2]!, m[3]!];
  const cls = dst[0] === 'r' ? CLASS.JMP : CLASS.JMP32;
  const row = JMP_OPS.find((r) => r.symbol === symbol && r.cond)!;
  const register = /^[rw]/.test(operand);
  if (register && operand[0] !== dst[0]) return `${dst} and ${operand} differ in width`;
  const imm = register ? 0 : number(operand);
  if (imm === undefined) return `${operand} does not fit 32 bits`;
  const code = cls | row.code | (register ? SRC.X : SRC.K);
  return target(code, +dst.slice(1), register ? +operand.slice(1) : 0, imm, m[4]!, 'off');
}

function call(m: RegExpExecArray, options: AsmOptions): Draft | string {
  if (m[2] !== undefined) {
    const kind = m[1] === 'kernel-function' ? CALL.kfunc : CALL.helper;
    return done(OP_CALL, 0, kind, 0, number(m[2]));
  }
  const where = m[3]!;
  const id = options.helper?.(where.replace(/^bpf_/, ''));
  if (id !== undefined) return done(OP_CALL, 0, CALL.helper, 0, id);
  if (!new RegExp(`^(?:${TARGET})$`).test(where)) return `'${where}' is neither a helper nor a label`;
  return target(OP_CALL, 0, CALL.local, 0, where, 'imm');
}

function target(
  code: number,
  dst: number,
  src: number,
  imm: number,
  where: string,
  field: 'off' | 'imm',
): Draft | string {
  const relative = /^pc([+-]\d+)$/.exec(where);
  const distance = relative ? Number(relative[1]) : 0;
  const draft = field === 'off' ? done(code, dst, src, distance, imm) : done(code, dst, src, 0, distance);
  if (typeof draft === 'string' || relative) return draft;
  return { ...draft, field, label: where };
}
