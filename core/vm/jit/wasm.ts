/**
 * Bytes of a WebAssembly module: LEB128, sections, the opcodes that the JIT uses
 * (https://webassembly.github.io/spec/core/binary/). No validation: V8 does that.
 */

export const I32 = 0x7f;
export const I64 = 0x7e;
export type ValType = typeof I32 | typeof I64;
/** Block type without result. */
export const VOID = 0x40;

// biome-ignore format: a table
export const OP = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, br_if: 0x0d, br_table: 0x0e,
  return: 0x0f, call: 0x10, select: 0x1b, local_get: 0x20, local_set: 0x21, local_tee: 0x22,
  i32_load: 0x28, i64_load: 0x29, i64_load8_s: 0x30, i64_load8_u: 0x31, i64_load16_s: 0x32, i64_load16_u: 0x33,
  i64_load32_s: 0x34, i64_load32_u: 0x35, i32_load8_u: 0x2d, i32_load16_u: 0x2f,
  i32_store: 0x36, i64_store: 0x37, i64_store8: 0x3c, i64_store16: 0x3d, i64_store32: 0x3e,
  memory_size: 0x3f, i32_const: 0x41, i64_const: 0x42,
  i32_eqz: 0x45, i32_eq: 0x46, i32_ne: 0x47, i32_lt_s: 0x48, i32_lt_u: 0x49, i32_gt_s: 0x4a, i32_gt_u: 0x4b,
  i32_le_s: 0x4c, i32_le_u: 0x4d, i32_ge_s: 0x4e, i32_ge_u: 0x4f,
  i64_eqz: 0x50, i64_eq: 0x51, i64_ne: 0x52, i64_lt_s: 0x53, i64_lt_u: 0x54, i64_gt_s: 0x55, i64_gt_u: 0x56,
  i64_le_s: 0x57, i64_le_u: 0x58, i64_ge_s: 0x59, i64_ge_u: 0x5a,
  i32_add: 0x6a, i32_sub: 0x6b, i32_mul: 0x6c, i32_div_s: 0x6d, i32_div_u: 0x6e, i32_rem_s: 0x6f, i32_rem_u: 0x70,
  i32_and: 0x71, i32_or: 0x72, i32_xor: 0x73, i32_shl: 0x74, i32_shr_s: 0x75, i32_shr_u: 0x76, i32_rotl: 0x77, i32_rotr: 0x78,
  i64_add: 0x7c, i64_sub: 0x7d, i64_mul: 0x7e, i64_div_s: 0x7f, i64_div_u: 0x80, i64_rem_s: 0x81, i64_rem_u: 0x82,
  i64_and: 0x83, i64_or: 0x84, i64_xor: 0x85, i64_shl: 0x86, i64_shr_s: 0x87, i64_shr_u: 0x88, i64_rotl: 0x89,
  i32_wrap: 0xa7, i64_extend_s: 0xac, i64_extend_u: 0xad,
  i32_extend8_s: 0xc0, i32_extend16_s: 0xc1, i64_extend8_s: 0xc2, i64_extend16_s: 0xc3, i64_extend32_s: 0xc4,
} as const;
export type OpCode = (typeof OP)[keyof typeof OP];

/** A growing run of bytes. */
export class Code {
  bytes: Uint8Array = new Uint8Array(256);
  length = 0;

  byte(b: number): this {
    if (this.length === this.bytes.length) this.#reserve(1);
    this.bytes[this.length++] = b;
    return this;
  }

  /** Unsigned LEB128 of a number below 2^32. */
  u(value: number): this {
    let v = value >>> 0;
    if (v < 0x80) return this.byte(v);
    while (v >= 0x80) {
      this.byte((v & 0x7f) | 0x80);
      v >>>= 7;
    }
    return this.byte(v);
  }

  /** Signed LEB128 of a signed 32-bit number. */
  s(value: number): this {
    let v = value | 0;
    while (v < -64 || v > 63) {
      this.byte((v & 0x7f) | 0x80);
      v >>= 7;
    }
    return this.byte(v & 0x7f);
  }

  /** Signed LEB128 of a 64-bit number given as halves. */
  s64(lo: number, hi: number): this {
    let [l, h] = [lo | 0, hi | 0];
    for (;;) {
      const bits = l & 0x7f;
      l = (l >>> 7) | (h << 25);
      h >>= 7;
      const last = (h === 0 && l === 0 && (bits & 0x40) === 0) || (h === -1 && l === -1 && (bits & 0x40) !== 0);
      this.byte(last ? bits : bits | 0x80);
      if (last) return this;
    }
  }

  /** Up to five opcodes without operands. */
  op(a: OpCode, b?: OpCode, c?: OpCode, d?: OpCode, e?: OpCode): this {
    this.byte(a);
    if (b === undefined) return this;
    this.byte(b);
    if (c === undefined) return this;
    this.byte(c);
    if (d !== undefined) this.byte(d);
    return e === undefined ? this : this.byte(e);
  }

  get(local: number): this {
    return this.byte(OP.local_get).u(local);
  }

  set(local: number): this {
    return this.byte(OP.local_set).u(local);
  }

  tee(local: number): this {
    return this.byte(OP.local_tee).u(local);
  }

  i32(value: number): this {
    return this.byte(OP.i32_const).s(value);
  }

  i64(lo: number, hi = lo >> 31): this {
    return this.byte(OP.i64_const).s64(lo, hi);
  }

  call(index: number): this {
    return this.byte(OP.call).u(index);
  }

  /** A load or store with no alignment promise, at a constant offset from the address on the stack. */
  access(op: OpCode, offset: number): this {
    return this.byte(op).byte(0).u(offset);
  }

  append(other: Code): this {
    this.#reserve(other.length);
    this.bytes.set(other.bytes.subarray(0, other.length), this.length);
    this.length += other.length;
    return this;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  name(text: string): this {
    this.u(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
    return this;
  }

  slice(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

export interface FunctionType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

export interface FunctionBody {
  readonly type: FunctionType;
  /** Types of the locals after the parameters. */
  readonly locals: readonly ValType[];
  readonly code: Code;
}

export interface ModuleParts {
  /** Imported functions, in index order: module 'e', these names. */
  readonly imports: readonly { readonly name: string; readonly type: FunctionType }[];
  readonly functions: readonly FunctionBody[];
  /** Name and function index (imports come first). */
  readonly exports: readonly { readonly name: string; readonly index: number }[];
  readonly sharedMemory: boolean;
}

export interface BuiltModule {
  readonly bytes: Uint8Array;
  /** Where in the module each function's code (after its locals) begins: what positions in stack traces count from. */
  readonly codeOffsets: readonly number[];
}

/** The module's bytes. It imports its memory as e.m. */
export function buildModule(parts: ModuleParts): BuiltModule {
  const types: FunctionType[] = [];
  const typeIndex = (type: FunctionType): number => {
    const same = (t: FunctionType) =>
      t.params.join() === type.params.join() && t.results.join() === type.results.join();
    const at = types.findIndex(same);
    return at >= 0 ? at : types.push(type) - 1;
  };
  const imports = new Code().u(parts.imports.length + 1);
  imports.name('e').name('m').byte(2);
  if (parts.sharedMemory) imports.byte(3).u(1).u(65536);
  else imports.byte(0).u(1);
  for (const i of parts.imports) imports.name('e').name(i.name).byte(0).u(typeIndex(i.type));
  const functions = new Code().u(parts.functions.length);
  for (const f of parts.functions) functions.u(typeIndex(f.type));
  const exports = new Code().u(parts.exports.length);
  for (const e of parts.exports) exports.name(e.name).byte(0).u(e.index);
  const typeSection = new Code().u(types.length);
  for (const t of types) {
    typeSection.byte(0x60).u(t.params.length);
    for (const p of t.params) typeSection.byte(p);
    typeSection.u(t.results.length);
    for (const r of t.results) typeSection.byte(r);
  }
  const out = new Code();
  for (const b of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(b);
  const section = (id: number, body: Code) => out.byte(id).u(body.length).append(body);
  section(1, typeSection);
  section(2, imports);
  section(3, functions);
  section(7, exports);
  const code = new Code().u(parts.functions.length);
  const starts: number[] = [];
  for (const f of parts.functions) {
    const locals = new Code();
    // Runs of equal types, as the format wants them.
    const runs: { type: ValType; count: number }[] = [];
    for (const type of f.locals) {
      const last = runs[runs.length - 1];
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    locals.u(runs.length);
    for (const r of runs) locals.u(r.count).byte(r.type);
    code.u(locals.length + f.code.length).append(locals);
    starts.push(code.length);
    code.append(f.code);
  }
  out.byte(10).u(code.length);
  const base = out.length;
  out.append(code);
  return { bytes: out.slice(), codeOffsets: starts.map((s) => base + s) };
}
