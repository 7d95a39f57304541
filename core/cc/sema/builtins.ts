/**
 * Functions that the compiler knows by name: GCC's builtins, the libc memory functions that BPF programs write, atomics, and
 * BCC's own (trace_printk with a format, packet loads, USDT arguments). Each row types its arguments; lowering has a rule by the
 * same name. A program's own function of that name wins.
 */
import type { Context } from '../context.ts';
import {
  BOOL,
  type CType,
  INT,
  type IntType,
  integerOf,
  isInteger,
  LLONG,
  LONG,
  type PtrType,
  pointerTo,
  quotedType,
  rvalueType,
  sizeOf,
  UINT,
  ULLONG,
  ULONG,
  USHORT,
  VOID,
} from '../ctype.ts';
import { checkFormat } from '../flavour/printk.ts';
import type { Expr, VarSymbol } from '../tree.ts';
import { addressOf, deref, nameExpr } from './access.ts';
import { call } from './call.ts';
import { assignTo, rangeOf, rvalue } from './convert.ts';
import { depthOf, errorExpr, intExpr, type Place, rawCast } from './make.ts';
import { assign, comma } from './operators.ts';

type Builtin = (cx: Context, args: readonly Expr[], place: Place, name: string) => Expr;

const VOIDP = pointerTo(VOID);

export function builtinExpr(
  cx: Context,
  what: string,
  args: readonly Expr[],
  type: CType,
  place: Place,
  data?: unknown,
): Expr {
  return {
    kind: 'builtin',
    what,
    args,
    type,
    at: place.at,
    from: place.from,
    to: place.to,
    depth: depthOf(cx, place.at, ...args),
    ...(data === undefined ? {} : { data }),
  };
}

function wrongCount(cx: Context, args: readonly Expr[], want: string, place: Place, name: string): Expr {
  cx.report.error(place.at, `wrong number of arguments to '${name}': expected ${want}, have ${args.length}`, {
    ranges: [rangeOf(place)],
  });
  return errorExpr(place);
}

/** A row with fixed parameter types. */
function fixed(
  params: readonly CType[],
  ret: CType | ((args: readonly Expr[]) => CType),
  what?: string,
  data?: unknown,
): Builtin {
  return (cx, args, place, name) => {
    if (args.length !== params.length) return wrongCount(cx, args, String(params.length), place, name);
    const converted = args.map((a, i) => assignTo(cx, a, params[i]!, { verb: 'passing' }));
    if (converted.some((a) => a.type.kind === 'error')) return errorExpr(place);
    return builtinExpr(
      cx,
      what ?? name.replace(/^__builtin_/, ''),
      converted,
      typeof ret === 'function' ? ret(converted) : ret,
      place,
      data,
    );
  };
}

/** A row that folds when its argument is constant. */
function folded(param: IntType, ret: IntType, what: string, compute: (v: bigint) => bigint, data?: unknown): Builtin {
  const make = fixed([param], ret, what, data);
  return (cx, args, place, name) => {
    const e = make(cx, args, place, name);
    const only = e.kind === 'builtin' ? e.args[0] : undefined;
    return only?.kind === 'int' ? intExpr(compute(BigInt.asUintN(param.size * 8, only.value)), ret, place) : e;
  };
}

export function swapBytes(v: bigint, bytes: number): bigint {
  let out = 0n;
  for (let i = 0; i < bytes; i++) out = (out << 8n) | ((v >> BigInt(8 * i)) & 0xffn);
  return out;
}

const bswap16 = folded(USHORT, USHORT, 'bswap', (v) => swapBytes(v, 2), 16);
const bswap32 = folded(UINT, UINT, 'bswap', (v) => swapBytes(v, 4), 32);
const bswap64 = folded(ULLONG, ULLONG, 'bswap', (v) => swapBytes(v, 8), 64);

const bitCount = (v: bigint) => BigInt(v.toString(2).replace(/0/g, '').length);
const leading = (bits: number) => (v: bigint) => BigInt(v === 0n ? bits : bits - v.toString(2).length);
const trailing = (bits: number) => (v: bigint) =>
  BigInt(v === 0n ? bits : v.toString(2).length - v.toString(2).lastIndexOf('1') - 1);

const memory = fixed([VOIDP, pointerTo({ ...VOID, const: true }), ULONG], VOIDP);
const memset = fixed([VOIDP, INT, ULONG], VOIDP);
const memcmp = fixed([pointerTo({ ...VOID, const: true }), pointerTo({ ...VOID, const: true }), ULONG], INT);

/** `likely(x)`: the value, with a hint that lowering gives to branches. */
const expect: Builtin = (cx, args, place, name) => {
  if (args.length < 2) return wrongCount(cx, args, '2', place, name);
  const v = assignTo(cx, args[0]!, LONG, { verb: 'passing' });
  const hint = rvalue(cx, args[1]!);
  if (v.type.kind === 'error') return v;
  if (hint.kind !== 'int') return comma(cx, hint, v, place.at);
  return v.kind === 'int' ? v : builtinExpr(cx, 'expect', [v], LONG, place, hint.value !== 0n);
};

// --- atomics ---------------------------------------------------------------------------------------------------------

/** Pointer to an integer of 4 or 8 bytes, and a value of that type. */
function atomicOperands(
  cx: Context,
  args: readonly Expr[],
  place: Place,
  name: string,
  values: number,
): Expr[] | undefined {
  if (args.length < 1 + values) {
    wrongCount(cx, args, `at least ${1 + values}`, place, name);
    return undefined;
  }
  const pointer = rvalue(cx, args[0]!);
  const to = pointer.type.kind === 'ptr' ? pointer.type.to : undefined;
  if (!to || !(isInteger(to) || to.kind === 'ptr')) {
    if (pointer.type.kind !== 'error')
      cx.report.error(
        place.at,
        `address argument to '${name}' must be a pointer to an integer (${quotedType(pointer.type)} invalid)`,
        { ranges: [rangeOf(pointer)] },
      );
    return undefined;
  }
  const size = sizeOf(to) ?? 0;
  if (size !== 4 && size !== 8) {
    cx.report.error(place.at, `BPF has atomic operations on 4 and 8 bytes only, not on ${quotedType(to)}`, {
      ranges: [rangeOf(pointer)],
    });
    return undefined;
  }
  const out = [pointer, ...args.slice(1, 1 + values).map((a) => assignTo(cx, a, rvalueType(to), { verb: 'passing' }))];
  return out.some((a) => a.type.kind === 'error') ? undefined : out;
}

type Result = 'old' | 'new' | 'none';

function atomic(op: 'add' | 'sub' | 'and' | 'or' | 'xor' | 'xchg' | 'nand', result: Result): Builtin {
  return (cx, args, place, name) => {
    const ops = atomicOperands(cx, args, place, name, 1);
    if (!ops) return errorExpr(place);
    if (op === 'nand') {
      cx.report.error(place.at, `BPF has no atomic nand`);
      return errorExpr(place);
    }
    const to = rvalueType((ops[0]!.type as PtrType).to);
    return builtinExpr(cx, 'atomic', ops, result === 'none' ? VOID : to, place, { op, result });
  };
}

function compareSwap(bool: boolean): Builtin {
  return (cx, args, place, name) => {
    const ops = atomicOperands(cx, args, place, name, 2);
    if (!ops) return errorExpr(place);
    return builtinExpr(cx, 'cmpxchg', ops, bool ? BOOL : rvalueType((ops[0]!.type as PtrType).to), place, { bool });
  };
}

/** `__atomic_compare_exchange_n(p, &expected, desired, weak, ok, fail)` */
const atomicCompareExchange: Builtin = (cx, args, place, name) => {
  if (args.length !== 6) return wrongCount(cx, args, '6', place, name);
  const ops = atomicOperands(cx, [args[0]!, args[2]!], place, name, 1);
  const expected = rvalue(cx, args[1]!);
  if (!ops || expected.type.kind !== 'ptr') return errorExpr(place);
  return builtinExpr(cx, 'compare_exchange', [ops[0]!, rawCast(cx, expected, ops[0]!.type), ops[1]!], BOOL, place);
};

const atomicLoad: Builtin = (cx, args, place, name) => {
  const ops = args[0] && rvalue(cx, args[0]);
  if (ops?.type.kind !== 'ptr') return wrongCount(cx, args, '2', place, name);
  return builtinExpr(cx, 'atomic_load', [ops], rvalueType(ops.type.to), place);
};

const atomicStore: Builtin = (cx, args, place, name) => {
  if (args.length < 2) return wrongCount(cx, args, '3', place, name);
  const target = deref(cx, args[0]!, place.at);
  const e = assign(cx, { ...target, type: { ...target.type, volatile: true } } as Expr, args[1]!, place.at);
  return e.kind === 'error' ? e : builtinExpr(cx, 'discard', [e], VOID, place);
};

/** `*pointer`, as a value: the operands that GCC's generic forms take by address. */
const pointee = (cx: Context, pointer: Expr, place: Place): Expr => rvalue(cx, deref(cx, pointer, place.at));

/** `__atomic_load(p, &result, order)` */
const atomicLoadInto: Builtin = (cx, args, place, name) => {
  if (args.length !== 3) return wrongCount(cx, args, '3', place, name);
  const value = atomicLoad(cx, [args[0]!, args[2]!], place, name);
  if (value.kind === 'error') return value;
  const e = assign(cx, deref(cx, args[1]!, place.at), value, place.at);
  return e.kind === 'error' ? e : builtinExpr(cx, 'discard', [e], VOID, place);
};

/** `__atomic_exchange(p, &value, &result, order)` */
const atomicExchangeInto: Builtin = (cx, args, place, name) => {
  if (args.length !== 4) return wrongCount(cx, args, '4', place, name);
  const old = atomic('xchg', 'old')(cx, [args[0]!, pointee(cx, args[1]!, place)], place, name);
  if (old.kind === 'error') return old;
  const e = assign(cx, deref(cx, args[2]!, place.at), old, place.at);
  return e.kind === 'error' ? e : builtinExpr(cx, 'discard', [e], VOID, place);
};

// --- overflow --------------------------------------------------------------------------------------------------------

function overflow(op: 'add' | 'sub' | 'mul'): Builtin {
  return (cx, args, place, name) => {
    if (args.length !== 3) return wrongCount(cx, args, '3', place, name);
    const [a, b, to] = [rvalue(cx, args[0]!), rvalue(cx, args[1]!), rvalue(cx, args[2]!)];
    if (to.type.kind !== 'ptr' || !isInteger(to.type.to) || !isInteger(a.type) || !isInteger(b.type)) {
      cx.report.error(place.at, `'${name}' takes two integers and a pointer to an integer`);
      return errorExpr(place);
    }
    if ([a.type, b.type, to.type.to].some((t) => (sizeOf(t) ?? 0) > 8)) {
      cx.report.error(place.at, `'${name}' of __int128 is not available in a BPF program`);
      return errorExpr(place);
    }
    return builtinExpr(cx, 'overflow', [a, b, to], BOOL, place, { op });
  };
}

// --- BCC's own -------------------------------------------------------------------------------------------------------

/** bpf_trace_printk("format", ...): the format goes to the stack and its size is added. With a non-literal format it is the bare helper. */
const tracePrintk: Builtin = (cx, args, place) => {
  const first = args[0];
  if (first?.kind === 'string') {
    const values = args.slice(1).map((a) => rvalue(cx, a));
    if (values.some((v) => v.type.kind === 'error')) return errorExpr(place);
    checkFormat(cx, first, values, place);
    return builtinExpr(
      cx,
      'trace_printk',
      [first, ...values.map((v) => (isInteger(v.type) && integerOf(v.type).size < 4 ? rawCast(cx, v, INT) : v))],
      INT,
      place,
    );
  }
  const helper = cx.outer.symbol('bpf_trace_printk', place.at);
  if (helper?.kind !== 'func') return errorExpr(place);
  return call(cx, nameExpr(cx, helper, place.at), args, place.at, place.to);
};

/** load_byte(skb, offset) and kin: classic packet loads. */
function packetLoad(size: 1 | 2 | 4 | 8): Builtin {
  return fixed([VOIDP, ULLONG], ULLONG, 'packet_load', size);
}

/** bpf_usdt_readarg(n, ctx, &value): where the probe's nth argument is will be known when the probe is attached. */
const usdtReadarg: Builtin = (cx, args, place, name) => {
  const user = name.endsWith('_p');
  if (args.length !== (user ? 4 : 3)) return wrongCount(cx, args, user ? '4' : '3', place, name);
  const index = rvalue(cx, args[0]!);
  if (index.kind !== 'int' || index.value < 1n || index.value > 12n) {
    cx.report.error(index.at, `first argument of '${name}' must be the number of a probe argument, 1 to 12`);
    return errorExpr(place);
  }
  const reader = cx.lookupOwn(`_bpf_readarg_${cx.fn?.name ?? ''}_${index.value}`);
  if (reader?.kind !== 'func') {
    cx.report.error(
      place.at,
      `argument ${index.value} of a USDT probe is read here, but no probe was enabled for function '${cx.fn?.name ?? ''}'`,
      {
        ranges: [rangeOf(place)],
      },
    );
    return errorExpr(place);
  }
  const read = (target: Expr, size: number) =>
    call(
      cx,
      nameExpr(cx, reader, place.at),
      [args[1]!, target, intExpr(BigInt(size), ULONG, place)],
      place.at,
      place.to,
    );
  if (!user) {
    const target = rvalue(cx, args[2]!);
    if (target.type.kind !== 'ptr') {
      cx.report.error(target.at, `third argument of '${name}' must be a pointer to where the value goes`);
      return errorExpr(place);
    }
    return read(target, sizeOf(target.type.to) ?? 8);
  }
  // The argument is a string's address: read it, then what it points to.
  const symbol: VarSymbol = {
    kind: 'var',
    name: '',
    type: ULLONG,
    at: place.at,
    storage: 'auto',
    init: undefined,
    used: true,
  };
  const address: Expr = { kind: 'var', symbol, type: ULLONG, ...place, depth: 1 };
  const helper = cx.outer.symbol('bpf_probe_read_user', place.at);
  if (helper?.kind !== 'func') return errorExpr(place);
  const first = read(addressOf(cx, address, place.at), 8);
  const second = call(
    cx,
    nameExpr(cx, helper, place.at),
    [args[2]!, args[3]!, rawCast(cx, address, VOIDP, true)],
    place.at,
    place.to,
  );
  return comma(cx, first, second, place.at);
};

/** incr_cksum_l3(&ip->hchecksum, old, new), incr_cksum_l4(&tcp->cksum, old, new, is_pseudo): offset in the packet, values in host order. */
function checksum(layer: 3 | 4): Builtin {
  return (cx, args, place, name) => {
    const want = layer === 3 ? 3 : 4;
    if (args.length < 3 || args.length > want) return wrongCount(cx, args, String(want), place, name);
    const at = rawCast(cx, rvalue(cx, args[0]!), ULLONG, true);
    const rest = args.slice(1).map((a) => assignTo(cx, a, ULLONG, { verb: 'passing' }));
    return builtinExpr(cx, 'incr_cksum', [at, ...rest], INT, place, {
      layer,
      size: sizeOf(rvalue(cx, args[1]!).type) ?? 2,
    });
  };
}

const strlen: Builtin = (cx, args, place, name) => {
  const only = args[0];
  if (only?.kind === 'string') return intExpr(BigInt(only.bytes.indexOf(0)), ULONG, place);
  cx.report.error(place.at, `'${name}' works on string literals only: use a bounded loop or bpf_probe_read_*_str`);
  return errorExpr(place);
};

const coreRead =
  (helper: string): Builtin =>
  (cx, args, place, name) => {
    if (args.length !== 3) return wrongCount(cx, args, '3', place, name);
    const fn = cx.outer.symbol(helper, place.at);
    return fn?.kind === 'func' ? call(cx, nameExpr(cx, fn, place.at), args, place.at, place.to) : errorExpr(place);
  };

const abs: Builtin = (cx, args, place, name) => {
  if (args.length !== 1) return wrongCount(cx, args, '1', place, name);
  const t = name.includes('ll') ? LLONG : name.includes('labs') ? LONG : INT;
  const v = assignTo(cx, args[0]!, t, { verb: 'passing' });
  if (v.kind === 'int') return intExpr(v.value < 0n ? -v.value : v.value, t, place);
  return v.type.kind === 'error' ? v : builtinExpr(cx, 'abs', [v], t, place);
};

const ROWS: Record<string, Builtin> = {
  __builtin_bswap16: bswap16,
  __builtin_bswap32: bswap32,
  __builtin_bswap64: bswap64,
  __builtin_expect: expect,
  __builtin_expect_with_probability: expect,
  __builtin_unreachable: fixed([], VOID, 'unreachable'),
  __builtin_trap: fixed([], VOID, 'unreachable'),
  __builtin_assume: (cx, args, place) => builtinExpr(cx, 'nothing', args.slice(0, 0), VOID, place),
  __builtin_prefetch: (cx, _args, place) => builtinExpr(cx, 'nothing', [], VOID, place),
  __builtin_strlen: strlen,
  strlen,
  __builtin_abs: abs,
  __builtin_labs: abs,
  __builtin_llabs: abs,
  abs,
  __builtin_add_overflow: overflow('add'),
  __builtin_sub_overflow: overflow('sub'),
  __builtin_mul_overflow: overflow('mul'),
  __sync_synchronize: fixed([], VOID, 'barrier'),
  __sync_val_compare_and_swap: compareSwap(false),
  __sync_bool_compare_and_swap: compareSwap(true),
  __sync_lock_test_and_set: atomic('xchg', 'old'),
  __atomic_exchange_n: atomic('xchg', 'old'),
  __atomic_compare_exchange_n: atomicCompareExchange,
  __atomic_load_n: atomicLoad,
  __atomic_store_n: atomicStore,
  __sync_lock_release: (cx, args, place, name) =>
    atomicStore(cx, [...args.slice(0, 1), intExpr(0n, INT, place)], place, name),
  __atomic_load: atomicLoadInto,
  __atomic_store: (cx, args, place, name) =>
    args.length === 3
      ? atomicStore(cx, [args[0]!, pointee(cx, args[1]!, place), args[2]!], place, name)
      : wrongCount(cx, args, '3', place, name),
  __atomic_exchange: atomicExchangeInto,
  __atomic_compare_exchange: (cx, args, place, name) =>
    args.length === 6
      ? atomicCompareExchange(cx, [args[0]!, args[1]!, pointee(cx, args[2]!, place), ...args.slice(3)], place, name)
      : wrongCount(cx, args, '6', place, name),
  __atomic_signal_fence: (cx, _args, place) => builtinExpr(cx, 'barrier', [], VOID, place),
  __atomic_thread_fence: (cx, _args, place) => builtinExpr(cx, 'barrier', [], VOID, place),
  lock_xadd: atomic('add', 'none'),
  bpf_trace_printk: tracePrintk,
  bpf_printk: tracePrintk,
  load_byte: packetLoad(1),
  load_half: packetLoad(2),
  load_word: packetLoad(4),
  load_dword: packetLoad(8),
  bpf_usdt_readarg: usdtReadarg,
  bpf_usdt_readarg_p: usdtReadarg,
  incr_cksum_l3: checksum(3),
  incr_cksum_l4: checksum(4),
  bpf_num_cpus: (cx, _args, place) => intExpr(BigInt(cx.target.cpuCount), INT, place),
  bpf_core_read: coreRead('bpf_probe_read_kernel'),
  bpf_core_read_str: coreRead('bpf_probe_read_kernel_str'),
  bpf_core_read_user: coreRead('bpf_probe_read_user'),
  bpf_core_read_user_str: coreRead('bpf_probe_read_user_str'),
};

for (const name of ['memcpy', 'memmove']) ROWS[name] = ROWS[`__builtin_${name}`] = memory;
for (const name of ['memset']) ROWS[name] = ROWS[`__builtin_${name}`] = memset;
for (const name of ['memcmp', 'bcmp']) ROWS[name] = ROWS[`__builtin_${name}`] = memcmp;
for (const op of ['add', 'sub', 'and', 'or', 'xor', 'nand'] as const) {
  ROWS[`__sync_fetch_and_${op}`] = ROWS[`__atomic_fetch_${op}`] = atomic(op, 'old');
  ROWS[`__sync_${op}_and_fetch`] = ROWS[`__atomic_${op}_fetch`] = atomic(op, 'new');
}
for (const [suffix, t] of [
  ['', UINT],
  ['l', ULONG],
  ['ll', ULLONG],
] as const) {
  const bits = t.size * 8;
  ROWS[`__builtin_popcount${suffix}`] = folded(t, INT, 'popcount', bitCount);
  ROWS[`__builtin_parity${suffix}`] = folded(t, INT, 'parity', (v) => bitCount(v) & 1n);
  ROWS[`__builtin_clz${suffix}`] = folded(t, INT, 'clz', leading(bits));
  ROWS[`__builtin_ctz${suffix}`] = folded(t, INT, 'ctz', trailing(bits));
  ROWS[`__builtin_ffs${suffix}`] = folded(t, INT, 'ffs', (v) => (v === 0n ? 0n : trailing(bits)(v) + 1n));
}

export const BUILTINS: Readonly<Record<string, Builtin>> = ROWS;
