/** Lowering of map methods: most are one helper call; lookup-or-init and the increments are short sequences. */
import { helperByName } from '../../helpers/index.ts';
import type { Block, Inst, IntType } from '../../ir/ir.ts';
import { alignOf, integerOf, isInteger, sizeOf } from '../ctype.ts';
import { methodRow } from '../flavour/methods.ts';
import type { BuiltinExpr, Expr } from '../tree.ts';
import { inMemory, irType, type Lowering } from './lowering.ts';
import { recordInto, rvalue } from './value.ts';

const LOOKUP = [1, 'map_lookup_elem'] as const;
const UPDATE = [2, 'map_update_elem'] as const;
const NOEXIST = 1n;

export function lowerMethod(f: Lowering, e: BuiltinExpr, unused: boolean): Inst | undefined {
  const { b } = f;
  const map = e.map!;
  if (e.what === 'map_lookup_or_init') return lookupOrInit(f, e);
  if (e.what === 'map_increment') return increment(f, e, false);
  if (e.what === 'map_atomic_increment') return increment(f, e, true);
  const args = e.args.map((a) => rvalue(f, a));
  f.at(e.at);
  if (e.what === 'map_submit_skb') {
    // The packet's length travels in the upper half of the flags.
    const flags = b.binary('or', b.binary('shl', args[1]!, f.i64(32)), f.i64(0xffffffffn));
    return b.intCast(
      b.callHelper(25, 'perf_event_output', 'i64', [args[0]!, b.mapRef(map.name), flags, args[2]!, args[3]!]),
      'i32',
      true,
    );
  }
  const row = methodRow(e.data as string)!;
  const helper = helperByName(row.helper!)!;
  const operands = row.order!.map((o) =>
    o === 'map' ? b.mapRef(map.name) : typeof o === 'number' ? args[o]! : f.i64(o.constant),
  );
  const type = e.type.kind === 'ptr' ? 'ptr' : helper.ret === 'void' ? 'void' : 'i64';
  const made = b.callHelper(helper.id, helper.name, type, operands);
  if (unused || type === 'void' || e.type.kind === 'void') return undefined;
  return type === 'ptr' ? made : b.intCast(made, irType(e.type) as IntType, true);
}

/** lookup; if absent, store the initial value (another CPU may win) and look up again. */
function lookupOrInit(f: Lowering, e: BuiltinExpr): Inst {
  const { b } = f;
  const map = e.map!;
  const key = rvalue(f, e.args[0]!);
  const given = e.args[1] ? rvalue(f, e.args[1]) : undefined;
  f.at(e.at);
  const [absent, present] = [b.block('init'), b.block('found')];
  const first = b.callHelper(...LOOKUP, 'ptr', [b.mapRef(map.name), key]);
  const firstFrom = b.current;
  b.condBr(b.icmp('ne', first, b.const('ptr', 0n)), present, absent);
  b.setBlock(absent);
  const initial = given ?? zeroValue(f, map.valueSize, map.value ? alignOf(map.value) : 8);
  b.callHelper(...UPDATE, 'i64', [b.mapRef(map.name), key, initial, f.i64(NOEXIST)]);
  const second = b.callHelper(...LOOKUP, 'ptr', [b.mapRef(map.name), key]);
  const legacy = e.data === 'lookup_or_init';
  if (!legacy) {
    const secondFrom = b.current;
    b.br(present);
    b.setBlock(present);
    return b.phi('ptr', [
      [first, firstFrom],
      [second, secondFrom],
    ]);
  }
  // The old method leaves the function when even that fails, so that its users need no null check.
  const [leave, kept] = [b.block('leave'), b.block('kept')];
  b.condBr(b.icmp('ne', second, b.const('ptr', 0n)), kept, leave);
  b.setBlock(leave);
  returnZero(f);
  b.setBlock(kept);
  b.br(present);
  b.setBlock(present);
  return b.phi('ptr', [
    [first, firstFrom],
    [second, kept],
  ]);
}

/** Leave the function whose body this is, with zero. */
function returnZero(f: Lowering): void {
  const { b, frame } = f;
  if (frame.exit) {
    if (frame.result && irType(frame.fn.type.ret)) {
      const t = irType(frame.fn.type.ret)!;
      b.store(b.const(t, 0n), frame.result);
    }
    b.br(frame.exit);
  } else b.ret(b.fn.ret === 'void' ? undefined : b.const(b.fn.ret as IntType, 0n));
}

function zeroValue(f: Lowering, size: number, align: number): Inst {
  const slot = f.b.alloca(Math.max(size, 1), Math.min(Math.max(align, size >= 8 ? 8 : align), 8), '');
  f.b.memset(slot, 0, size, Math.min(align, 8));
  return slot;
}

/**
 * `map.increment(key, n)`: add to the value of the key, making it when it is not there. A key of an array is always there.
 */
function increment(f: Lowering, e: BuiltinExpr, atomic: boolean): undefined {
  const { b } = f;
  const map = e.map!;
  const [key, amount] = e.args as [Expr, Expr];
  const value = map.value;
  if (!value || !isInteger(value) || ![4, 8].includes(integerOf(value).size)) {
    f.error(e.at, `'${map.name}' has values that cannot be incremented: they are no 4- or 8-byte integers`);
    return undefined;
  }
  const slot = b.alloca(sizeOf(key.type) ?? 8, Math.min(Math.max(alignOf(key.type), 4), 8), '');
  if (inMemory(key.type))
    recordInto(f, key, { base: slot, off: 0, type: key.type, space: 'native', volatile: false, at: e.at });
  else b.store(rvalue(f, key), slot);
  const type = irType(value) as IntType;
  const add = b.intCast(rvalue(f, amount), type, false);
  f.at(e.at);
  const fixed = map.type === 'array' || map.type === 'percpu_array';
  const [found, end] = [b.block('found'), b.block('end')];
  const isNull = (v: Inst) => b.icmp('ne', v, b.const('ptr', 0n));
  const first = b.callHelper(...LOOKUP, 'ptr', [b.mapRef(map.name), slot]);
  const firstFrom = b.current;
  let pointer = first;
  if (fixed) b.condBr(isNull(first), found, end);
  else {
    const absent: Block = b.block('absent');
    b.condBr(isNull(first), found, absent);
    b.setBlock(absent);
    const zero = zeroValue(f, map.valueSize, map.valueSize);
    b.callHelper(...UPDATE, 'i64', [b.mapRef(map.name), slot, zero, f.i64(NOEXIST)]);
    const second = b.callHelper(...LOOKUP, 'ptr', [b.mapRef(map.name), slot]);
    const secondFrom = b.current;
    b.condBr(isNull(second), found, end);
    b.setBlock(found);
    pointer = b.phi('ptr', [
      [first, firstFrom],
      [second, secondFrom],
    ]);
  }
  b.setBlock(found);
  if (atomic) b.atomicRmw('add', pointer, add, 0, false);
  else b.store(b.binary('add', b.load(type, pointer), add), pointer);
  b.br(end);
  b.setBlock(end);
  return undefined;
}
