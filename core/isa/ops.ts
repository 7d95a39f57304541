/**
 * THE OPCODE TABLE, factored: operation x width x source. Everything else (encoder, assembler, disassembler, engines,
 * verifier, generated C++ headers) is derived from the rows below. RFC 9669, and what Linux 6.18 adds to it.
 *
 * An instruction is 8 bytes: opcode u8, dst:4 src:4, off s16, imm s32 (little-endian); `ld_imm64` takes two such slots.
 * `version` is the cpu version (clang's -mcpu=vN) that first has the form; 1 is the machine of Linux 3.18.
 */

/** Instruction classes: the low three bits of the opcode. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;
export type ClassCode = (typeof CLASS)[keyof typeof CLASS];

/** Source bit of ALU and JMP classes: K takes the immediate, X the source register. */
export const SRC = { K: 0x00, X: 0x08 } as const;

/** Modes of the load and store classes (bits 5-7). */
export const MODE = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;

/** Access sizes (bits 3-4) with their width in bytes and the type name that the kernel's notation uses. */
export const SIZES = [
  { name: 'W', code: 0x00, bytes: 4, unsigned: 'u32', signed: 's32' },
  { name: 'H', code: 0x08, bytes: 2, unsigned: 'u16', signed: 's16' },
  { name: 'B', code: 0x10, bytes: 1, unsigned: 'u8', signed: 's8' },
  { name: 'DW', code: 0x18, bytes: 8, unsigned: 'u64', signed: 's64' },
] as const;
export type SizeRow = (typeof SIZES)[number];
export type SizeName = SizeRow['name'];
export const SIZE = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const satisfies Record<SizeName, number>;

/**
 * ALU operations. `off` says which instruction offsets the operation takes and what each means: division and modulo are
 * signed with offset 1; mov with 8, 16 or 32 is movsx. `symbol` is the kernel disassembler's.
 */
export const ALU_OPS = [
  { name: 'add', code: 0x00, symbol: '+=', version: 1 },
  { name: 'sub', code: 0x10, symbol: '-=', version: 1 },
  { name: 'mul', code: 0x20, symbol: '*=', version: 1 },
  { name: 'div', code: 0x30, symbol: '/=', version: 1 },
  { name: 'or', code: 0x40, symbol: '|=', version: 1 },
  { name: 'and', code: 0x50, symbol: '&=', version: 1 },
  { name: 'lsh', code: 0x60, symbol: '<<=', version: 1 },
  { name: 'rsh', code: 0x70, symbol: '>>=', version: 1 },
  { name: 'neg', code: 0x80, symbol: '-', version: 1 },
  { name: 'mod', code: 0x90, symbol: '%=', version: 1 },
  { name: 'xor', code: 0xa0, symbol: '^=', version: 1 },
  { name: 'mov', code: 0xb0, symbol: '=', version: 1 },
  { name: 'arsh', code: 0xc0, symbol: 's>>=', version: 1 },
  { name: 'end', code: 0xd0, symbol: '=', version: 1 },
] as const;
export type AluRow = (typeof ALU_OPS)[number];
export type AluOp = AluRow['name'];
export const ALU = Object.fromEntries(ALU_OPS.map((r) => [r.name, r.code])) as Record<AluOp, number>;

/** Offset-selected variants of ALU operations. */
export const ALU_VARIANTS = [
  { name: 'sdiv', base: 'div', off: 1, symbol: 's/=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'smod', base: 'mod', off: 1, symbol: 's%=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'movsx8', base: 'mov', off: 8, symbol: '=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'movsx16', base: 'mov', off: 16, symbol: '=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'movsx32', base: 'mov', off: 32, symbol: '=', version: 4, classes: ['ALU64'] },
] as const;

/** Byte-order forms of `end`: class and source bit select, imm is the width in bits. */
export const END_FORMS = [
  { name: 'le', class: 'ALU', src: 'K', version: 1 },
  { name: 'be', class: 'ALU', src: 'X', version: 1 },
  { name: 'bswap', class: 'ALU64', src: 'K', version: 4 },
] as const;

/** Jumps. `cond` rows compare dst with src or imm and exist in JMP (64 bits) and JMP32 (version 3). */
export const JMP_OPS = [
  { name: 'ja', code: 0x00, symbol: 'goto', cond: false, version: 1 },
  { name: 'jeq', code: 0x10, symbol: '==', cond: true, version: 1 },
  { name: 'jgt', code: 0x20, symbol: '>', cond: true, version: 1 },
  { name: 'jge', code: 0x30, symbol: '>=', cond: true, version: 1 },
  { name: 'jset', code: 0x40, symbol: '&', cond: true, version: 1 },
  { name: 'jne', code: 0x50, symbol: '!=', cond: true, version: 1 },
  { name: 'jsgt', code: 0x60, symbol: 's>', cond: true, version: 1 },
  { name: 'jsge', code: 0x70, symbol: 's>=', cond: true, version: 1 },
  { name: 'call', code: 0x80, symbol: 'call', cond: false, version: 1 },
  { name: 'exit', code: 0x90, symbol: 'exit', cond: false, version: 1 },
  { name: 'jlt', code: 0xa0, symbol: '<', cond: true, version: 2 },
  { name: 'jle', code: 0xb0, symbol: '<=', cond: true, version: 2 },
  { name: 'jslt', code: 0xc0, symbol: 's<', cond: true, version: 2 },
  { name: 'jsle', code: 0xd0, symbol: 's<=', cond: true, version: 2 },
  { name: 'jcond', code: 0xe0, symbol: 'may_goto', cond: false, version: 4 },
] as const;
export type JmpRow = (typeof JMP_OPS)[number];
export type JmpOp = JmpRow['name'];
export type CondOp = Extract<JmpRow, { cond: true }>['name'];
export const JMP = Object.fromEntries(JMP_OPS.map((r) => [r.name, r.code])) as Record<JmpOp, number>;

/** Atomic operations: the imm of STX | ATOMIC. W and DW always; load_acq and store_rel also B and H. */
export const ATOMIC_FETCH = 0x01;
export const ATOMIC_OPS = [
  { name: 'add', imm: 0x00, fetch: false, version: 1 },
  { name: 'or', imm: 0x40, fetch: false, version: 3 },
  { name: 'and', imm: 0x50, fetch: false, version: 3 },
  { name: 'xor', imm: 0xa0, fetch: false, version: 3 },
  { name: 'fetch_add', imm: 0x01, fetch: true, version: 3 },
  { name: 'fetch_or', imm: 0x41, fetch: true, version: 3 },
  { name: 'fetch_and', imm: 0x51, fetch: true, version: 3 },
  { name: 'fetch_xor', imm: 0xa1, fetch: true, version: 3 },
  { name: 'xchg', imm: 0xe1, fetch: true, version: 3 },
  { name: 'cmpxchg', imm: 0xf1, fetch: true, version: 3 },
  { name: 'load_acq', imm: 0x100, fetch: false, version: 4 },
  { name: 'store_rel', imm: 0x110, fetch: false, version: 4 },
] as const;
export type AtomicRow = (typeof ATOMIC_OPS)[number];
export type AtomicOp = AtomicRow['name'];
export const ATOMIC = Object.fromEntries(ATOMIC_OPS.map((r) => [r.name, r.imm])) as Record<AtomicOp, number>;

/** What the src field of `ld_imm64` says its 64 bits are. */
export const PSEUDO_LD = [
  { name: 'imm', src: 0 },
  { name: 'map_fd', src: 1 },
  { name: 'map_value', src: 2 },
  { name: 'btf_id', src: 3 },
  { name: 'func', src: 4 },
  { name: 'map_idx', src: 5 },
  { name: 'map_idx_value', src: 6 },
] as const;
export const PSEUDO = Object.fromEntries(PSEUDO_LD.map((r) => [r.name, r.src])) as Record<
  (typeof PSEUDO_LD)[number]['name'],
  number
>;

/** What the src field of `call` says its target is. */
export const CALL_KINDS = [
  { name: 'helper', src: 0 },
  { name: 'local', src: 1 },
  { name: 'kfunc', src: 2 },
] as const;
export const CALL = { helper: 0, local: 1, kfunc: 2 } as const;

/** Whole opcode bytes that stand alone. */
export const OP_LD_IMM64 = CLASS.LD | SIZE.DW | MODE.IMM;
export const OP_CALL = CLASS.JMP | 0x80;
export const OP_CALLX = CLASS.JMP | 0x80 | SRC.X;
export const OP_EXIT = CLASS.JMP | 0x90;
export const OP_JA = CLASS.JMP;
/** `gotol`: JA in class JMP32, target in imm (version 4). */
export const OP_GOTOL = CLASS.JMP32;
export const OP_MAY_GOTO = CLASS.JMP | 0xe0;

/** Registers. r0 return value, r1-r5 arguments, r6-r9 saved by the callee, r10 the read-only frame pointer. */
export const REG_COUNT = 11;
export const REG_FP = 10;
/** Bytes of stack a frame has, and frames a call chain may have (kernel: MAX_BPF_STACK, MAX_CALL_FRAMES). */
export const STACK_SIZE = 512;
export const MAX_CALL_FRAMES = 8;
/** Tail calls that may follow one another (kernel: MAX_TAIL_CALL_CNT). */
export const MAX_TAIL_CALLS = 33;
