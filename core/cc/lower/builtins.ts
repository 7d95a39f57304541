/** Lowering of builtins: one rule each, by the name that sema/builtins.ts gave. */
import { POISON_HELPER } from '../../elf/core-relo.ts';
import type { Inst, IntType, RmwOp } from '../../ir/ir.ts';
import { type IntType as CIntType, type CType, integerOf, type PtrType, sizeOf } from '../ctype.ts';
import type { BuiltinExpr, Expr } from '../tree.ts';
import { storeBytes } from './init.ts';
import { irType, isSigned, type Lowering } from './lowering.ts';
import { lowerMethod } from './methods.ts';
import { packetLoad } from './packet.ts';
import { load, pointerParts, probeInto } from './place.ts';
import { isForeign } from './provenance.ts';
import { effect, rvalue } from './value.ts';
import { wideOperate, wideValue } from './wide.ts';

type Rule = (f: Lowering, e: BuiltinExpr, unused: boolean) => Inst | undefined;

/** Largest block that memcpy, memset and memcmp are expanded for. */
const MOST_INLINE = 4096;

export function lowerBuiltin(f: Lowering, e: BuiltinExpr, unused = false): Inst | undefined {
  const rule = RULES[e.what];
  if (rule) return rule(f, e, unused);
  if (e.map) return lowerMethod(f, e, unused);
  f.error(e.at, `'${e.what}' cannot be used here`);
  return undefined;
}

/** The constant size of a memory operation, after the promises of the front end; reports otherwise. */
function constantSize(f: Lowering, e: Expr, name: string): number | undefined {
  if (e.kind !== 'int') {
    f.error(e.at, `the size of '${name}' must be a constant in a BPF program`);
    return undefined;
  }
  const size = Number(e.value);
  if (size > MOST_INLINE) {
    f.error(e.at, `'${name}' of ${size} bytes is too large to be expanded in a BPF program (at most ${MOST_INLINE})`);
    return undefined;
  }
  return size;
}

/** Alignment that the pointer's own type promises. */
function promised(e: Expr): number {
  let at = e;
  while (at.kind === 'cast' && at.operand.type.kind === 'ptr') at = at.operand;
  const to = at.type.kind === 'ptr' ? at.type.to : undefined;
  if (!to || to.kind === 'void' || to.kind === 'func') return 1;
  return alignment(to);
}

function alignment(t: CType): number {
  if (t.align !== undefined) return Math.min(t.align, 8);
  if (t.kind === 'record') return Math.min(t.decl.align, 8);
  if (t.kind === 'array') return alignment(t.of);
  return Math.min(sizeOf(t) ?? 1, 8);
}

const copyRule =
  (move: boolean): Rule =>
  (f, e) => {
    const [to, from, count] = e.args as [Expr, Expr, Expr];
    const size = constantSize(f, count, e.what);
    const dst = rvalue(f, to);
    if (size === undefined) return dst;
    const space = f.frame.provenance.spaceOf(from);
    if (space === 'btf' || isForeign(space)) {
      // Kernel memory: the copy is a helper's.
      const p = pointerParts(f, from);
      probeInto(
        f,
        { ...p, type: e.type, space: space === 'btf' ? 'kernel' : space, volatile: false, at: e.at },
        dst,
        size,
      );
      return dst;
    }
    if (space === 'none' && f.frame.provenance.unknown !== 'native' && carriesNothing(from)) {
      const p = pointerParts(f, from);
      probeInto(f, { ...p, type: e.type, space: 'kernel', volatile: false, at: e.at }, dst, size);
      return dst;
    }
    const src = rvalue(f, from);
    const align = Math.min(promised(to), promised(from));
    if (move) f.b.memmove(dst, src, size, align);
    else f.b.memcpy(dst, src, size, align);
    return dst;
  };

function carriesNothing(e: Expr): boolean {
  let at = e;
  while (at.kind === 'cast') at = at.operand;
  return at.kind === 'int';
}

/** memcmp as loads and compares from the first byte on: the sign of the first difference. */
const compareRule: Rule = (f, e) => {
  const { b } = f;
  const [x, y, count] = e.args as [Expr, Expr, Expr];
  const size = constantSize(f, count, e.what);
  if (size === undefined || size === 0) return f.i32(0);
  const side = (p: Expr): { base: Inst; off: number } => {
    const space = f.frame.provenance.spaceOf(p);
    if (!isForeign(space) && space !== 'btf') return pointerParts(f, p);
    const slot = b.alloca(size, 8, '');
    probeInto(
      f,
      { ...pointerParts(f, p), type: e.type, space: space === 'btf' ? 'kernel' : space, volatile: false, at: e.at },
      slot,
      size,
    );
    return { base: slot, off: 0 };
  };
  const [p, q] = [side(x), side(y)];
  const align = Math.min(promised(x), promised(y));
  const end = b.block('memcmp.end');
  const ways: [Inst, typeof end][] = [];
  for (let i = 0; i < size; ) {
    const width = ([8, 4, 2, 1] as const).find((w) => w <= align && i + w <= size && i % w === 0)!;
    const type = ({ 8: 'i64', 4: 'i32', 2: 'i16', 1: 'i8' } as const)[width];
    const [u, v] = [b.load(type, p.base, p.off + i), b.load(type, q.base, q.off + i)];
    const [differ, next] = [b.block('memcmp.differ'), b.block('memcmp.next')];
    b.condBr(b.icmp('ne', u, v), differ, next);
    b.setBlock(differ);
    // Big-endian order decides; on equal it is not reached.
    const big = (w: Inst): Inst =>
      width === 1 ? w : width === 8 ? b.bswap(64, w) : b.bswap((width * 8) as 16 | 32, b.intCast(w, 'i32', false));
    const [ub, vb] = [big(u), big(v)];
    ways.push([b.select(b.icmp('ult', ub, vb), f.i32(-1), f.i32(1)), differ]);
    b.br(end);
    b.setBlock(next);
    i += width;
  }
  ways.push([f.i32(0), b.current]);
  b.br(end);
  b.setBlock(end);
  return b.phi('i32', ways);
};

function pointee(e: Expr): CType {
  return (e.type as PtrType).to;
}

/** Bits set in an i64 or i32: the classic halving sums. */
function popcount(f: Lowering, x: Inst): Inst {
  const { b } = f;
  const t = x.type as IntType;
  const k = (v: bigint) => b.const(t, v);
  const wide = t === 'i64';
  const mask = (byte: bigint) => k(wide ? byte * 0x0101010101010101n : byte * 0x01010101n);
  let v = b.binary('sub', x, b.binary('and', b.binary('lshr', x, k(1n)), mask(0x55n)));
  v = b.binary('add', b.binary('and', v, mask(0x33n)), b.binary('and', b.binary('lshr', v, k(2n)), mask(0x33n)));
  v = b.binary('and', b.binary('add', v, b.binary('lshr', v, k(4n))), mask(0x0fn));
  return b.binary('lshr', b.binary('mul', v, mask(1n)), k(wide ? 56n : 24n));
}

/** Smear the highest bit down, count what is above: 64 or 32 for zero. */
function leadingZeros(f: Lowering, x: Inst): Inst {
  const { b } = f;
  const t = x.type as IntType;
  let v = x;
  for (let s = 1n; s < (t === 'i64' ? 64n : 32n); s *= 2n) v = b.binary('or', v, b.binary('lshr', v, b.const(t, s)));
  return popcount(f, b.not(v));
}

function trailingZeros(f: Lowering, x: Inst): Inst {
  const { b } = f;
  const below = b.binary('and', b.not(x), b.binary('sub', x, b.const(x.type, 1n)));
  return popcount(f, below);
}

function bits(compute: (f: Lowering, x: Inst) => Inst): Rule {
  return (f, e) => f.b.intCast(compute(f, rvalue(f, e.args[0]!)), 'i32', false);
}

/** Sum or difference of two 64-bit values of one type, and whether it wrapped. */
function overflow64(f: Lowering, op: 'add' | 'sub', signed: boolean, x: Expr, y: Expr, to: Expr): Inst {
  const { b } = f;
  const [u, v] = [rvalue(f, x), rvalue(f, y)];
  const p = pointerParts(f, to);
  const r = b.binary(op, u, v);
  b.store(r, p.base, p.off);
  if (!signed) return b.cast('zext', op === 'add' ? b.icmp('ult', r, u) : b.icmp('ult', u, v), 'i8');
  const other = op === 'add' ? b.binary('xor', v, r) : b.binary('xor', u, v);
  return b.cast('zext', b.icmp('slt', b.binary('and', b.binary('xor', u, r), other), f.i64(0)), 'i8');
}

const RULES: Readonly<Record<string, Rule>> = {
  unevaluated: (f, e) => {
    f.error(e.at, `'key' and 'leaf' of a map are types: use them in typeof or sizeof`);
    return undefined;
  },
  map_address: (f, e) => f.b.mapRef(e.map!.name),
  memcpy: copyRule(false),
  memmove: copyRule(true),
  memset: (f, e) => {
    const [to, value, count] = e.args as [Expr, Expr, Expr];
    const size = constantSize(f, count, 'memset');
    const dst = rvalue(f, to);
    if (size !== undefined)
      f.b.memset(dst, value.kind === 'int' ? Number(value.value & 0xffn) : rvalue(f, value), size, promised(to));
    return dst;
  },
  memcmp: compareRule,
  bcmp: compareRule,
  expect: (f, e) => rvalue(f, e.args[0]!),
  nothing: () => undefined,
  discard: (f, e) => {
    effect(f, e.args[0]!);
    return undefined;
  },
  unreachable: (f) => {
    f.b.unreachable();
    f.b.setBlock(f.b.block('dead'));
    return undefined;
  },
  barrier: (f) => {
    f.b.barrier();
    return undefined;
  },
  bswap: (f, e) => {
    const width = e.data as 16 | 32 | 64;
    const v = rvalue(f, e.args[0]!);
    const swapped = f.b.bswap(width, width === 16 ? f.b.intCast(v, 'i32', false) : v);
    return width === 16 ? f.b.cast('trunc', swapped, 'i16') : swapped;
  },
  popcount: bits(popcount),
  parity: bits((f, x) => {
    const n = popcount(f, x);
    return f.b.binary('and', n, f.b.const(n.type, 1n));
  }),
  clz: bits(leadingZeros),
  ctz: bits(trailingZeros),
  ffs: bits((f, x) => {
    const { b } = f;
    const n = trailingZeros(f, x);
    return b.select(b.icmp('eq', x, b.const(x.type, 0n)), b.const(n.type, 0n), b.binary('add', n, b.const(n.type, 1n)));
  }),
  unresolved: (f) => f.b.cast('inttoptr', f.b.callHelper(POISON_HELPER, 'unresolved', 'i64', []), 'ptr'),
  abs: (f, e) => {
    const { b } = f;
    const v = rvalue(f, e.args[0]!);
    const sign = b.binary('ashr', v, b.const(v.type, v.type === 'i64' ? 63n : 31n));
    return b.binary('sub', b.binary('xor', v, sign), sign);
  },
  overflow: (f, e) => {
    const { b } = f;
    const { op } = e.data as { op: 'add' | 'sub' | 'mul' };
    const [x, y, to] = e.args as [Expr, Expr, Expr];
    const type = integerOf(pointee(to) as CIntType);
    const t = irType(type) as IntType;
    const bytes = Math.max(...[x, y].map((v) => sizeOf(v.type)!));
    const same = (v: Expr) => sizeOf(v.type) === type.size && isSigned(v.type) === type.signed;
    if (type.size === 8 && op !== 'mul' && same(x) && same(y)) return overflow64(f, op, type.signed, x, y, to);
    // The exact result in a type that holds it, whatever the operands' types; then see whether it survives the cut.
    if (bytes > 4 || type.size > 4) {
      const exact = wideOperate(f, op, wideValue(f, x), wideValue(f, y));
      const cut = b.intCast(exact.low, t, false);
      const p = pointerParts(f, to);
      b.store(cut, p.base, p.off);
      const low = b.intCast(cut, 'i64', type.signed);
      const high = type.signed ? b.binary('ashr', low, f.i64(63)) : f.i64(0);
      const lost = b.binary('or', b.binary('xor', low, exact.low), b.binary('xor', high, exact.high));
      return b.cast('zext', b.icmp('ne', lost, f.i64(0)), 'i8');
    }
    const [u, v] = [x, y].map((a) => b.intCast(rvalue(f, a), 'i64', isSigned(a.type))) as [Inst, Inst];
    const p = pointerParts(f, to);
    const wide = b.binary(op, u, v);
    const cut = b.intCast(wide, t, false);
    b.store(cut, p.base, p.off);
    return b.cast('zext', b.icmp('ne', b.intCast(cut, 'i64', type.signed), wide), 'i8');
  },
  atomic: (f, e, unused) => {
    const { b } = f;
    const { op, result } = e.data as {
      op: 'add' | 'sub' | 'and' | 'or' | 'xor' | 'xchg';
      result: 'old' | 'new' | 'none';
    };
    const p = pointerParts(f, e.args[0]!);
    const raw = rvalue(f, e.args[1]!);
    const pointer = raw.type === 'ptr';
    const v = pointer ? b.cast('ptrtoint', raw, 'i64') : raw;
    const rmw: RmwOp = op === 'sub' ? 'add' : op;
    const operand = op === 'sub' ? b.neg(v) : v;
    const wanted = !unused && result !== 'none';
    const old = b.atomicRmw(rmw, p.base, operand, p.off, wanted);
    if (!wanted) return undefined;
    if (result === 'old') return pointer ? b.cast('inttoptr', old, 'ptr') : old;
    const again = { add: 'add', sub: 'sub', and: 'and', or: 'or', xor: 'xor', xchg: 'add' } as const;
    return b.binary(again[op], old, v);
  },
  cmpxchg: (f, e) => {
    const { b } = f;
    const p = pointerParts(f, e.args[0]!);
    const number = (x: Expr): Inst => {
      const v = rvalue(f, x);
      return v.type === 'ptr' ? b.cast('ptrtoint', v, 'i64') : v;
    };
    const expected = number(e.args[1]!);
    const old = b.cmpxchg(p.base, expected, number(e.args[2]!), p.off);
    if ((e.data as { bool: boolean }).bool) return b.cast('zext', b.icmp('eq', old, expected), 'i8');
    return e.type.kind === 'ptr' ? b.cast('inttoptr', old, 'ptr') : old;
  },
  compare_exchange: (f, e) => {
    const { b } = f;
    const p = pointerParts(f, e.args[0]!);
    const at = pointerParts(f, e.args[1]!);
    const wanted = rvalue(f, e.args[2]!);
    const expected = b.load(wanted.type as IntType, at.base, at.off);
    const old = b.cmpxchg(p.base, expected, wanted, p.off);
    b.store(old, at.base, at.off);
    return b.cast('zext', b.icmp('eq', old, expected), 'i8');
  },
  atomic_load: (f, e) => {
    const p = pointerParts(f, e.args[0]!);
    return load(f, {
      ...p,
      type: e.type,
      space: f.frame.provenance.placeSpace({ ...e, kind: 'deref', operand: e.args[0]!, type: e.type } as Expr),
      volatile: true,
      at: e.at,
    });
  },
  trace_printk: (f, e) => {
    const { b } = f;
    const format = e.args[0] as Extract<Expr, { kind: 'string' }>;
    const slot = b.alloca(format.bytes.length, 8, '');
    const values = e.args.slice(1).map((a) => rvalue(f, a));
    storeBytes(f, { base: slot, off: 0 }, 0, format.bytes);
    return b.intCast(
      b.callHelper(6, 'trace_printk', 'i64', [slot, f.i32(format.bytes.length), ...values]),
      'i32',
      true,
    );
  },
  packet_load: (f, e) => {
    const ctx = rvalue(f, e.args[0]!);
    const size = e.data as 1 | 2 | 4 | 8;
    const offset = e.args[1]!;
    return packetLoad(f, ctx, offset.kind === 'int' ? f.i64(offset.value) : rvalue(f, offset), 0, size);
  },
  incr_cksum: (f, e) => {
    const { b } = f;
    const { layer, size } = e.data as { layer: 3 | 4; size: number };
    if (!f.context) {
      f.error(e.at, 'checksums can be changed only in a function whose first parameter is the struct __sk_buff');
      return undefined;
    }
    const [at, from, to, pseudo] = e.args.map((a) => rvalue(f, a)) as [Inst, Inst, Inst, Inst | undefined];
    // The helpers want network order.
    const swap = (v: Inst): Inst =>
      size === 2 ? b.bswap(16, v) : size === 4 ? b.bswap(32, v) : size === 8 ? b.bswap(64, v) : v;
    let flags: Inst = f.i64(size);
    if (pseudo) flags = b.binary('or', b.binary('shl', b.binary('and', pseudo, f.i64(1)), f.i64(4)), f.i64(size));
    const [id, name] = layer === 3 ? ([10, 'l3_csum_replace'] as const) : ([11, 'l4_csum_replace'] as const);
    return b.intCast(
      b.callHelper(id, name, 'i64', [f.context, b.intCast(at, 'i32', false), swap(from), swap(to), flags]),
      'i32',
      true,
    );
  },
};
