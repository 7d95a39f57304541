/** Initialising locals: zero what is not named, then store what is, in order. */
import { alignOf, type CType, sizeOf } from '../ctype.ts';
import type { Expr, Init, VarSymbol } from '../tree.ts';
import { inMemory, type Lowering, resultNames } from './lowering.ts';
import { type Place, store } from './place.ts';
import { recordInto, rvalue } from './value.ts';

export function initVariable(f: Lowering, symbol: VarSymbol): void {
  if (!symbol.init) return;
  f.at(symbol.at);
  const place: Place = {
    base: f.slot(symbol),
    off: 0,
    type: symbol.type,
    space: 'native',
    volatile: symbol.type.volatile === true,
    at: symbol.at,
  };
  initPlace(f, place, symbol.init);
}

function initPlace(f: Lowering, place: Place, init: Init): void {
  if (init.kind === 'expr') {
    if (init.expr.kind === 'error') return;
    if (inMemory(place.type)) recordInto(f, init.expr, place);
    else {
      const value = rvalue(f, init.expr);
      if (value.op === 'callhelper' && place.base.name) resultNames.set(value, place.base.name);
      store(f, place, value);
    }
    return;
  }
  const size = sizeOf(place.type) ?? 0;
  if (!coversAll(init, size)) f.b.memset(f.b.ptrAdd(place.base, place.off), 0, size, Math.min(alignOf(place.type), 8));
  for (const item of init.items) {
    f.at(item.expr.at);
    if (item.expr.kind === 'error') continue;
    const byte = Math.floor(item.bitOffset / 8);
    if (item.expr.kind === 'string' && item.type.kind === 'array') {
      storeBytes(f, place, byte, item.expr.bytes);
      continue;
    }
    const target = memberPlace(place, item.type, item.bitOffset, item.bitWidth, item.expr);
    if (inMemory(item.type)) recordInto(f, item.expr, target);
    // The object was zeroed: a constant zero is there already.
    else if (!(item.expr.kind === 'int' && item.expr.value === 0n && !coversAll(init, size)))
      store(f, target, rvalue(f, item.expr));
  }
}

function memberPlace(place: Place, type: CType, bitOffset: number, bitWidth: number | undefined, expr: Expr): Place {
  const byte = Math.floor(bitOffset / 8);
  if (bitWidth === undefined) return { ...place, off: place.off + byte, type, at: expr.at };
  const unit = sizeOf(type) ?? 4;
  const start = Math.floor(bitOffset / (unit * 8)) * unit;
  const fits = bitOffset + bitWidth <= (start + unit) * 8;
  const from = fits ? start : byte;
  return { ...place, off: place.off + from, type, bits: { from: bitOffset - from * 8, width: bitWidth }, at: expr.at };
}

/** Do the items, none of them bitfields, leave no byte unset? */
function coversAll(init: Extract<Init, { kind: 'list' }>, size: number): boolean {
  if (init.items.length > 512) return false;
  let covered = 0;
  let next = 0;
  for (const item of init.items) {
    if (item.bitWidth !== undefined || item.bitOffset !== next * 8) return false;
    const bytes = sizeOf(item.type) ?? 0;
    covered += bytes;
    next += bytes;
  }
  return covered === size && size > 0;
}

/** A string constant on the stack, in the widest stores. */
export function storeBytes(
  f: Lowering,
  place: Pick<Place, 'base' | 'off'>,
  byte: number,
  bytes: readonly number[],
): void {
  const { b } = f;
  let i = 0;
  while (i < bytes.length) {
    const at = place.off + byte + i;
    const width = [8, 4, 2, 1].find((w) => i + w <= bytes.length && at % w === 0)!;
    let value = 0n;
    for (let k = width - 1; k >= 0; k--) value = (value << 8n) | BigInt(bytes[i + k]!);
    b.store(
      b.const(({ 8: 'i64', 4: 'i32', 2: 'i16', 1: 'i8' } as const)[width as 1 | 2 | 4 | 8], value),
      place.base,
      at,
    );
    i += width;
  }
}
