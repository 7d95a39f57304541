/**
 * bpf_map_lookup_elem inside wasm: a function for each array or hash map whose address the program spells out, with the
 * map's numbers baked in. Storage never moves while a map lives (core/maps/layout.ts, where the hash is defined too).
 */
import { KERNEL_HI } from '../../base/memory.ts';
import type { HelperEnv } from '../../helpers/helper.ts';
import { HEADER, NODE } from '../../maps/layout.ts';
import { Code, OP, VOID } from './wasm.ts';

/** Body of (key: i32) -> i64 address of the value or 0, with three i32 locals; undefined for other map types. */
export function lookupBody(env: HelperEnv, offset: number): Code | undefined {
  const map = env.mapAt(offset);
  if (map === undefined || map.offset !== offset) return undefined;
  const field = (at: number) => env.memory.view.getUint32(offset + at, true);
  if (map.attrs.type === 'array') return arrayLookup(field);
  if (map.attrs.type === 'hash') return hashLookup(field);
  return undefined;
}

type Field = (at: number) => number;

function address(code: Code): Code {
  return code.op(OP.i64_extend_u).i64(0, KERNEL_HI).op(OP.i64_or);
}

function arrayLookup(field: Field): Code {
  const [key, index] = [0, 1] as const;
  const code = new Code();
  code.get(key).access(OP.i32_load, 0).tee(index).i32(field(HEADER.MAX_ENTRIES)).op(OP.i32_ge_u, OP.if).byte(VOID);
  code.i64(0).op(OP.return, OP.end);
  code.get(index).i32(field(HEADER.ELEM_SIZE)).op(OP.i32_mul).i32(field(HEADER.DATA)).op(OP.i32_add);
  return address(code).op(OP.end);
}

/** Words of the key: [offset, bytes] with bytes 4, or 1 to 3 at the end. */
function words(size: number): { at: number; bytes: number }[] {
  const out: { at: number; bytes: number }[] = [];
  for (let at = 0; at < size; at += 4) out.push({ at, bytes: Math.min(4, size - at) });
  return out;
}

/** A word of the key, zero-padded: never reads past the key. */
function word(code: Code, base: number, at: number, bytes: number): void {
  switch (bytes) {
    case 4:
      code.get(base).access(OP.i32_load, at);
      return;
    case 3:
      code.get(base).access(OP.i32_load16_u, at);
      code
        .get(base)
        .access(OP.i32_load8_u, at + 2)
        .i32(16)
        .op(OP.i32_shl, OP.i32_or);
      return;
    case 2:
      code.get(base).access(OP.i32_load16_u, at);
      return;
    default:
      code.get(base).access(OP.i32_load8_u, at);
  }
}

function hashLookup(field: Field): Code | undefined {
  const [key, hash, node] = [0, 1, 2] as const;
  const keySize = field(HEADER.KEY_SIZE);
  const parts = words(keySize);
  // A long key is hashed by a loop in JavaScript just as well.
  if (parts.length > 64) return undefined;
  const code = new Code();
  code.i32((field(HEADER.SEED) ^ keySize) | 0).set(hash);
  for (const part of parts) {
    code.get(hash);
    word(code, key, part.at, part.bytes);
    code
      .op(OP.i32_xor)
      .i32(0x9e3779b1 | 0)
      .op(OP.i32_mul)
      .tee(hash);
    code.get(hash).i32(15).op(OP.i32_shr_u, OP.i32_xor).set(hash);
  }
  code
    .get(hash)
    .i32(0x85ebca6b | 0)
    .op(OP.i32_mul)
    .tee(hash)
    .get(hash)
    .i32(13)
    .op(OP.i32_shr_u, OP.i32_xor)
    .set(hash);
  code
    .get(hash)
    .i32(field(HEADER.BUCKET_MASK))
    .op(OP.i32_and)
    .i32(2)
    .op(OP.i32_shl)
    .access(OP.i32_load, field(HEADER.BUCKETS))
    .set(node);
  code.op(OP.block).byte(VOID).op(OP.loop).byte(VOID);
  code.get(node).op(OP.i32_eqz, OP.br_if).u(1);
  code.op(OP.block).byte(VOID);
  code.get(node).access(OP.i32_load, NODE.HASH).get(hash).op(OP.i32_ne, OP.br_if).u(0);
  const keyAt = field(HEADER.KEY_AT);
  for (const part of parts) {
    // The node's key is padded with zeros to 8 bytes, so whole words may be read there.
    code.get(node).access(OP.i32_load, keyAt + part.at);
    word(code, key, part.at, part.bytes);
    code.op(OP.i32_ne, OP.br_if).u(0);
  }
  address(code.get(node).i32(field(HEADER.VALUE_AT)).op(OP.i32_add)).op(OP.return, OP.end);
  code.get(node).access(OP.i32_load, NODE.NEXT).set(node).op(OP.br).u(0).op(OP.end, OP.end);
  return code.i64(0).op(OP.end);
}
