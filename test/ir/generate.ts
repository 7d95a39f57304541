/**
 * Random IR for differential tests: a program built with the builder, from a seed. It reads and writes the context buffer and a few
 * variables (some whose address goes to a helper), has branches, switches, bounded loops, calls, and all widths of arithmetic. Memory is
 * written before it is read.
 */
import { Builder, newModule } from '../../core/ir/build.ts';
import { type BinaryOp, CONDS, type Inst, type IntType, type Module, TYPE_BITS, TYPE_BYTES } from '../../core/ir/ir.ts';

export const CTX_BYTES = 64;

/** A small generator with good low bits (mulberry32). */
export function random(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const BINARY: BinaryOp[] = [
  'add',
  'sub',
  'mul',
  'and',
  'or',
  'xor',
  'shl',
  'lshr',
  'ashr',
  'udiv',
  'urem',
  'sdiv',
  'srem',
];
const WIDTHS: IntType[] = ['i8', 'i16', 'i32', 'i64'];
const INTERESTING = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  10n,
  16n,
  31n,
  32n,
  63n,
  64n,
  100n,
  127n,
  128n,
  255n,
  256n,
  1000n,
  4096n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  -1n,
  -2n,
  -8n,
  -128n,
  -0x80000000n,
];

export function randomModule(seed: number, size = 40): Module {
  const rnd = random(seed);
  const module = newModule();
  const withCallee = rnd() < 0.3;
  if (withCallee) {
    const callee = new Writer(new Builder(module, 'callee', 'i64'), rnd, undefined);
    callee.b.fn.noinline = rnd() < 0.5;
    callee.function(['i64', 'i32'], Math.floor(size / 3));
  }
  new Writer(new Builder(module, 'main', 'i64'), rnd, withCallee ? 'callee' : undefined).program(size);
  return module;
}

class Writer {
  readonly b: Builder;
  private readonly rnd: () => number;
  private readonly callee: string | undefined;
  private values: Inst[] = [];
  /** Variables that only loads and stores touch, and buffers that helpers see too. */
  private readonly locals: { ptr: Inst; type: IntType }[] = [];
  private readonly buffers: { ptr: Inst; size: number }[] = [];
  private ctx: Inst | undefined;
  private depth = 0;

  constructor(b: Builder, rnd: () => number, callee: string | undefined) {
    this.b = b;
    this.rnd = rnd;
    this.callee = callee;
  }

  program(size: number): void {
    this.b.fn.entry = true;
    this.ctx = this.b.param('ptr', 'ctx', 'ctx');
    this.body(size);
  }

  function(params: IntType[], size: number): void {
    for (const p of params) this.values.push(this.b.param(p));
    this.body(size);
  }

  private pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.rnd() * list.length)]!;
  }

  private body(size: number): void {
    const { b } = this;
    for (let i = 0; i < 3; i++) {
      const type = this.pick(WIDTHS);
      const ptr = b.alloca(TYPE_BYTES[type], TYPE_BYTES[type], `v${i}`);
      b.store(b.const(type, this.pick(INTERESTING)), ptr);
      this.locals.push({ ptr, type });
    }
    for (let i = 0; i < 2; i++) {
      const bytes = this.pick([8, 12, 16, 24, 31]);
      const ptr = b.alloca(bytes, 8, `buf${i}`);
      b.memset(ptr, Math.floor(this.rnd() * 256), bytes, 8);
      this.buffers.push({ ptr, size: bytes });
    }
    this.statements(size);
    let sum = this.value('i64');
    for (const l of this.locals)
      sum = b.binary(
        'add',
        b.binary('mul', sum, b.const('i64', 31)),
        b.intCast(b.load(l.type, l.ptr), 'i64', this.rnd() < 0.5),
      );
    for (const buffer of this.buffers)
      sum = b.binary(
        'xor',
        b.binary('mul', sum, b.const('i64', 17)),
        b.intCast(b.load('i8', buffer.ptr, Math.floor(this.rnd() * buffer.size)), 'i64', false),
      );
    b.ret(sum);
    b.finish();
  }

  private statements(n: number): void {
    for (let i = 0; i < n; i++) this.statement();
  }

  private statement(): void {
    const r = this.rnd();
    if (r < 0.45) this.values.push(this.compute());
    else if (r < 0.58) this.storeLocal();
    else if (r < 0.7) this.bufferAccess();
    else if (r < 0.78) this.ctxAccess();
    else if (r < 0.84) this.call();
    else if (this.depth < 3) this.control();
    if (this.values.length > 12) this.values.splice(Math.floor(this.rnd() * this.values.length), 1);
  }

  /** Some value of this type: an old one cast, or a constant. */
  private value(type: IntType): Inst {
    const { b } = this;
    if (this.values.length === 0 || this.rnd() < 0.25) return b.const(type, this.pick(INTERESTING));
    if (this.rnd() < 0.3) {
      const l = this.pick(this.locals);
      return b.intCast(b.load(l.type, l.ptr), type, this.rnd() < 0.5);
    }
    return b.intCast(this.pick(this.values), type, this.rnd() < 0.5);
  }

  private condition(): Inst {
    const type = this.pick(WIDTHS);
    return this.b.icmp(this.pick(CONDS).name, this.value(type), this.value(type));
  }

  private compute(): Inst {
    const { b } = this;
    const type = this.pick(['i32', 'i64'] as const);
    const r = this.rnd();
    if (r < 0.7) return b.binary(this.pick(BINARY), this.value(type), this.value(type));
    if (r < 0.76) return b.neg(this.value(type));
    if (r < 0.82) return b.select(this.condition(), this.value(type), this.value(type));
    if (r < 0.88) return b.cast('zext', this.condition(), type);
    if (r < 0.92)
      return b.bswap(this.pick(type === 'i64' ? ([16, 32, 64] as const) : ([16, 32] as const)), this.value(type));
    if (r < 0.95) return b.opaque(this.value(type));
    const narrow = this.pick(WIDTHS.filter((w) => TYPE_BITS[w] < TYPE_BITS[type]));
    return b.cast(this.rnd() < 0.5 ? 'zext' : 'sext', this.value(narrow), type);
  }

  private storeLocal(): void {
    const l = this.pick(this.locals);
    this.b.store(this.value(l.type), l.ptr);
  }

  private bufferAccess(): void {
    const { b } = this;
    const buffer = this.pick(this.buffers);
    const type = this.pick(WIDTHS);
    const bytes = TYPE_BYTES[type];
    if (buffer.size < bytes) return;
    const off = Math.floor((this.rnd() * (buffer.size - bytes + 1)) / bytes) * bytes;
    const r = this.rnd();
    if (r < 0.4) b.store(this.value(type), buffer.ptr, off);
    else if (r < 0.7) this.values.push(b.load(type, buffer.ptr, off));
    else if (r < 0.8) {
      const other = this.pick(this.buffers);
      const n = 1 + Math.floor(this.rnd() * Math.min(buffer.size, other.size));
      if (other === buffer)
        b.memmove(b.ptrAdd(buffer.ptr, Math.floor(this.rnd() * (buffer.size - n + 1))), other.ptr, n);
      else b.memcpy(buffer.ptr, other.ptr, n, this.pick([1, 8]));
    } else if (r < 0.9) {
      const n = 1 + Math.floor(this.rnd() * buffer.size);
      b.memset(buffer.ptr, this.rnd() < 0.7 ? 0 : this.value('i8'), n, this.pick([1, 8]));
    } else if (bytes >= 4 && buffer.size >= 8) {
      const at = type === 'i64' ? 0 : 4;
      if (this.rnd() < 0.7)
        this.values.push(b.atomicRmw(this.pick(['add', 'and', 'or', 'xor', 'xchg']), buffer.ptr, this.value(type), at));
      else this.values.push(b.cmpxchg(buffer.ptr, this.value(type), this.value(type), at));
    } else {
      const index = b.binary('and', this.value('i64'), b.const('i64', 7));
      const p = b.ptrAdd(buffer.ptr, index);
      if (this.rnd() < 0.5) b.store(this.value('i8'), p);
      else this.values.push(b.load('i8', p));
    }
  }

  private ctxAccess(): void {
    if (!this.ctx) return;
    const type = this.pick(WIDTHS);
    const bytes = TYPE_BYTES[type];
    const off = Math.floor((this.rnd() * CTX_BYTES) / bytes) * bytes;
    if (this.rnd() < 0.6) this.values.push(this.b.load(type, this.ctx, off));
    else this.b.store(this.value(type), this.ctx, off);
  }

  /** Helper 100 mixes its arguments; 101 reads and writes eight bytes at its first. */
  private call(): void {
    const { b } = this;
    if (this.callee && this.rnd() < 0.4)
      this.values.push(b.callLocal(this.callee, 'i64', [this.value('i64'), this.value('i32')]));
    else if (this.rnd() < 0.5)
      this.values.push(b.callHelper(100, 'mix', 'i64', [this.value('i64'), this.value('i64')]));
    else this.values.push(b.callHelper(101, 'touch', 'i64', [this.pick(this.buffers).ptr, this.value('i64')]));
  }

  private control(): void {
    const { b } = this;
    this.depth++;
    const r = this.rnd();
    const n = 1 + Math.floor(this.rnd() * 5);
    const done = b.block();
    const part = (block: ReturnType<Builder['block']>) => {
      const kept = [...this.values];
      b.setBlock(block);
      this.statements(n);
      b.br(done);
      this.values = kept;
    };
    if (r < 0.5) {
      const [yes, no] = [b.block(), b.block()];
      b.condBr(this.condition(), yes, this.rnd() < 0.5 ? no : done);
      part(yes);
      part(no);
    } else if (r < 0.7) {
      const type = this.pick(['i32', 'i64'] as const);
      const count = 1 + Math.floor(this.rnd() * 8);
      const targets = Array.from({ length: count }, () => b.block());
      const cases = new Set<bigint>();
      while (cases.size < count + 2)
        cases.add(
          BigInt.asIntN(
            TYPE_BITS[type],
            this.rnd() < 0.8 ? BigInt(Math.floor(this.rnd() * 12) - 2) : this.pick(INTERESTING),
          ),
        );
      b.switch(
        b.binary('and', this.value(type), b.const(type, 15)),
        done,
        [...cases].map((c, i) => [c, targets[i % count]!] as const),
      );
      for (const t of targets) part(t);
    } else {
      const type = this.pick(['i32', 'i64'] as const);
      const i = b.alloca(8, 8, 'i');
      const limit = 1 + Math.floor(this.rnd() * 9);
      b.store(b.const(type, 0), i);
      const [head, body] = [b.block(), b.block()];
      if (this.rnd() < 0.4) head.unroll = 0;
      b.br(head);
      b.setBlock(head);
      b.condBr(b.icmp(this.pick(['ult', 'slt', 'ne'] as const), b.load(type, i), b.const(type, limit)), body, done);
      const kept = [...this.values];
      b.setBlock(body);
      this.values.push(b.load(type, i));
      this.statements(n);
      b.store(b.binary('add', b.load(type, i), b.const(type, 1)), i);
      b.br(head);
      this.values = kept;
    }
    b.setBlock(done);
    this.depth--;
  }
}
