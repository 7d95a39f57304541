/**
 * Instructions as text, in the kernel's notation: what `bpftool prog dump xlated` and the verifier log print
 * (kernel/bpf/disasm.c, tools/bpf/bpftool/xlated_dumper.c). `asm.ts` reads the same notation back.
 */
import { type Insn, toInsns } from './insn.ts';
import {
  ALU,
  ALU_OPS,
  ALU_VARIANTS,
  type AluRow,
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

/** Names that the instruction set does not know. Each may answer undefined: the number alone is printed then. */
export interface DisasmNames {
  /** Helper name without `bpf_`. */
  readonly helper?: (id: number) => string | undefined;
  readonly kfunc?: (btfId: number, off: number) => string | undefined;
  /** What to print for a map (`map_fd` and `map_value`), instead of `map[id:N]`. */
  readonly map?: (fd: number) => string | undefined;
}

/** One instruction, without its index: `(b7) r0 = 0`. */
export function insnText(insn: Insn, names: DisasmNames = {}): string {
  return `(${insn.opcode.toString(16).padStart(2, '0')}) ${operation(insn, names)}`;
}

/** A whole program, one line an instruction: `   0: (b7) r0 = 0`. Indices count slots. */
export function disassemble(bytes: Uint8Array, names: DisasmNames = {}): string {
  const lines: string[] = [];
  let pc = 0;
  for (const insn of toInsns(bytes)) {
    lines.push(`${String(pc).padStart(4)}: ${insnText(insn, names)}\n`);
    pc += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  }
  return lines.join('');
}

const MOVSX_CAST: Readonly<Record<number, string>> = { 8: '(s8)', 16: '(s16)', 32: '(s32)' };

function operation(insn: Insn, names: DisasmNames): string {
  switch (insn.opcode & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return alu(insn);
    case CLASS.LD:
      return load(insn, names);
    case CLASS.LDX: {
      const signed = (insn.opcode & 0xe0) === MODE.MEMSX;
      if (!signed && (insn.opcode & 0xe0) !== MODE.MEM) return bug(insn);
      return `r${insn.dst} = *(${typeOf(insn, signed)} *)(r${insn.src} ${plus(insn.off)})`;
    }
    case CLASS.ST:
      return (insn.opcode & 0xe0) === MODE.MEM ? `${place(insn)} = ${insn.imm}` : bug(insn);
    case CLASS.STX:
      return (insn.opcode & 0xe0) === MODE.MEM ? `${place(insn)} = r${insn.src}` : atomic(insn);
    default:
      return jump(insn, names);
  }
}

function alu(insn: Insn): string {
  const wide = (insn.opcode & 7) === CLASS.ALU64;
  const op = insn.opcode & 0xf0;
  const reg = wide ? 'r' : 'w';
  const x = (insn.opcode & SRC.X) !== 0;
  if (op === ALU.end) {
    const kind = wide ? 'bswap' : x ? 'be' : 'le';
    return `r${insn.dst} = ${kind}${insn.imm} r${insn.dst}`;
  }
  if (op === ALU.neg) return `${reg}${insn.dst} = -${reg}${insn.dst}`;
  const row: AluRow | undefined = ALU_OPS.find((r) => r.code === op);
  if (row === undefined) return bug(insn);
  const variant = ALU_VARIANTS.find((v) => v.base === row.name && v.off === insn.off);
  const cast = row.name === 'mov' && x ? (MOVSX_CAST[insn.off] ?? '') : '';
  return `${reg}${insn.dst} ${variant?.symbol ?? row.symbol} ${x ? `${cast}${reg}${insn.src}` : insn.imm}`;
}

function load(insn: Insn, names: DisasmNames): string {
  if (insn.opcode === OP_LD_IMM64) return `r${insn.dst} = ${constant(insn, names)}`;
  const mode = insn.opcode & 0xe0;
  if (mode === MODE.ABS) return `r0 = *(${typeOf(insn, false)} *)skb[${insn.imm}]`;
  if (mode === MODE.IND) return `r0 = *(${typeOf(insn, false)} *)skb[r${insn.src} + ${insn.imm}]`;
  return bug(insn);
}

function constant(insn: Insn, names: DisasmNames): string {
  const { imm } = insn;
  const high = insn.immHi ?? 0;
  switch (insn.src) {
    case PSEUDO.map_fd:
      return names.map?.(imm) ?? `map[id:${imm}]`;
    case PSEUDO.map_value:
      return `${names.map?.(imm) ?? `map[id:${imm}]`}[0]+${high}`;
    case PSEUDO.map_idx:
      return `map[idx:${imm}]`;
    case PSEUDO.map_idx_value:
      return `map[idx:${imm}]+${high}`;
    case PSEUDO.func:
      return `subprog[${plus(imm)}]`;
    case PSEUDO.btf_id:
      return `btf[id:${imm}]`;
    default:
      return `0x${((BigInt(high >>> 0) << 32n) | BigInt(imm >>> 0)).toString(16)}`;
  }
}

function atomic(insn: Insn): string {
  const row = ATOMIC_OPS.find((r) => r.imm === insn.imm);
  if ((insn.opcode & 0xe0) !== MODE.ATOMIC || row === undefined) return bug(insn);
  const bits = (insn.opcode & 0x18) === SIZE.DW ? '64' : '';
  const pointer = (register: number) => `(${typeOf(insn, false)} *)(r${register} ${plus(insn.off)})`;
  switch (row.name) {
    case 'cmpxchg':
      return `r0 = atomic${bits}_cmpxchg(${pointer(insn.dst)}, r0, r${insn.src})`;
    case 'load_acq':
      return `r${insn.dst} = load_acquire(${pointer(insn.src)})`;
    case 'store_rel':
      return `store_release(${pointer(insn.dst)}, r${insn.src})`;
    default:
      if (row.fetch) return `r${insn.src} = atomic${bits}_${row.name}(${pointer(insn.dst)}, r${insn.src})`;
      return `lock ${place(insn)} ${ALU_OPS.find((r) => r.name === row.name)!.symbol} r${insn.src}`;
  }
}

function jump(insn: Insn, names: DisasmNames): string {
  switch (insn.opcode) {
    case OP_EXIT:
      return 'exit';
    case OP_JA:
      return `goto pc${plus(insn.off)}`;
    case OP_GOTOL:
      return `gotol pc${plus(insn.imm)}`;
    case OP_MAY_GOTO:
      return `may_goto pc${plus(insn.off)}`;
    case OP_CALL: {
      if (insn.src === CALL.local) return `call pc${plus(insn.imm)}`;
      if (insn.src === CALL.kfunc) return `call ${names.kfunc?.(insn.imm, insn.off) ?? 'kernel-function'}#${insn.imm}`;
      const name = names.helper?.(insn.imm);
      return `call ${name === undefined ? 'unknown' : `bpf_${name}`}#${insn.imm}`;
    }
  }
  const row = JMP_OPS.find((r) => r.code === (insn.opcode & 0xf0));
  if (row?.cond !== true) return bug(insn);
  const reg = (insn.opcode & 7) === CLASS.JMP32 ? 'w' : 'r';
  const operand = (insn.opcode & SRC.X) !== 0 ? `${reg}${insn.src}` : `0x${(insn.imm >>> 0).toString(16)}`;
  return `if ${reg}${insn.dst} ${row.symbol} ${operand} goto pc${plus(insn.off)}`;
}

function place(insn: Insn): string {
  return `*(${typeOf(insn, false)} *)(r${insn.dst} ${plus(insn.off)})`;
}

function typeOf(insn: Insn, signed: boolean): string {
  const size = SIZES.find((r) => r.code === (insn.opcode & 0x18))!;
  return signed ? size.signed : size.unsigned;
}

function plus(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}

function bug(insn: Insn): string {
  return `BUG_${insn.opcode.toString(16).padStart(2, '0')}`;
}
