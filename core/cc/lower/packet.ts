/**
 * Packet fields of bcc/proto.h: the "pointer" is an offset in the packet, the field a run of bits in network order. Reads are classic packet
 * loads (LD_ABS, LD_IND), writes go through bpf_skb_store_bytes.
 */
import type { Inst, IntType } from '../../ir/ir.ts';
import { irType, type Lowering } from './lowering.ts';
import type { Place } from './place.ts';

/** The program's __sk_buff, which packet loads need. */
function skb(f: Lowering, place: Place): Inst | undefined {
  if (!f.context)
    f.error(place.at, 'packet fields can be read only in a function whose first parameter is the struct __sk_buff');
  return f.context;
}

/** `size` bytes at a packet offset, in host order, as i64. */
export function packetLoad(f: Lowering, ctx: Inst, offset: Inst, extra: number, size: 1 | 2 | 4 | 8): Inst {
  const { b } = f;
  if (size === 8) {
    const high = packetLoad(f, ctx, offset, extra, 4);
    const low = packetLoad(f, ctx, offset, extra + 4, 4);
    return b.binary('or', b.binary('shl', high, b.const('i64', 32n)), low);
  }
  if (offset.op === 'const') return b.packetLoad(ctx, size, Number(BigInt.asIntN(32, offset.value)) + extra);
  return b.packetLoad(ctx, size, extra, offset);
}

export function loadPacketField(f: Lowering, place: Place): Inst {
  const { b } = f;
  const type = (irType(place.type) ?? 'i64') as IntType;
  const ctx = skb(f, place);
  const { bitOffset, bitWidth } = place.packet!;
  if (!ctx) return b.const(type, 0n);
  const offset = b.cast('ptrtoint', place.base, 'i64');
  const byte = place.off + Math.floor(bitOffset / 8);
  const from = bitOffset % 8;
  const unit = ([1, 2, 4, 8] as const).find((n) => from + bitWidth <= n * 8) ?? 8;
  let v = packetLoad(f, ctx, offset, byte, unit);
  const right = unit * 8 - from - bitWidth;
  if (right > 0) v = b.binary('lshr', v, b.const('i64', right));
  if (from > 0 || (right > 0 && unit === 8)) v = b.binary('and', v, b.const('i64', (1n << BigInt(bitWidth)) - 1n));
  return b.intCast(v, type, false);
}

export function storePacketField(f: Lowering, place: Place, value: Inst): void {
  const { b } = f;
  const ctx = skb(f, place);
  if (!ctx) return;
  const { bitOffset, bitWidth } = place.packet!;
  const offset = b.ptrAdd(place.base, place.off + Math.floor(bitOffset / 8));
  const from = bitOffset % 8;
  const bytes = Math.ceil((from + bitWidth) / 8);
  const unit = ([1, 2, 4, 8] as const).find((n) => bytes <= n) ?? 8;
  const at = b.intCast(b.cast('ptrtoint', offset, 'i64'), 'i32', false);
  let v = b.intCast(value, 'i64', false);
  const right = bytes * 8 - from - bitWidth;
  if (from > 0 || right > 0) {
    // Part of a byte: read what is there, and change only the field.
    let old: Inst | undefined;
    for (let i = 0; i < bytes; i++) {
      const one = packetLoad(f, ctx, b.cast('ptrtoint', offset, 'i64'), i, 1);
      old = old ? b.binary('or', b.binary('shl', old, b.const('i64', 8n)), one) : one;
    }
    const mask = (1n << BigInt(bitWidth)) - 1n;
    const field = b.binary('and', v, b.const('i64', mask));
    v = b.binary(
      'or',
      b.binary('and', old!, b.const('i64', ~(mask << BigInt(right)))),
      right > 0 ? b.binary('shl', field, b.const('i64', right)) : field,
    );
  }
  // Network order: the field's bytes, highest first, at the start of the buffer.
  const shifted = bytes < unit ? b.binary('shl', v, b.const('i64', (unit - bytes) * 8)) : v;
  const slot = f.b.alloca(8, 8, '');
  if (unit === 1) b.store(b.intCast(shifted, 'i8', false), slot);
  else {
    const bits = (unit * 8) as 16 | 32 | 64;
    const swapped = b.bswap(bits, shifted);
    b.store(b.intCast(swapped, ({ 2: 'i16', 4: 'i32', 8: 'i64' } as const)[unit as 2 | 4 | 8], false), slot);
  }
  b.callHelper(9, 'skb_store_bytes', 'i64', [ctx, at, slot, f.i32(bytes), f.i64(0)]);
}
