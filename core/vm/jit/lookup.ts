/**
 * bpf_map_lookup_elem inside wasm, for each array or hash map whose address the program spells out, with the map's numbers baked in: as a
 * function that is given where the key is, or in the code itself where the key's words are at hand. Storage never moves while a map
 * lives (core/maps/layout.ts, where the hash is defined too).
 */
import { KERNEL_HI } from '../../base/memory.ts';
import type { HelperEnv } from '../../helpers/helper.ts';
import { HEADER, NODE } from '../../maps/layout.ts';
import { Code, I64, OP, VOID } from './wasm.ts';

/** Where a lookup has its key from, what it leaves its result by, and the i32 locals that it may use. */
interface Place {
  readonly code: Code;
  /** Push a word of the key, zero-padded: `bytes` from byte `at` on, 4 or at the end fewer. */
  readonly word: (at: number, bytes: number) => void;
  /** The address or 0 is on the stack: leave, `depth` labels inside. */
  readonly leave: (depth: number) => void;
  readonly hash: number;
  readonly node: number;
}

/** Longest key that is hashed in wasm: a loop in JavaScript does as well for longer ones. */
const MOST_WORDS = 64;

/** Body of (key: i32) -> i64 address of the value or 0, with three i32 locals; undefined for other map types. */
export function lookupBody(env: HelperEnv, offset: number): Code | undefined {
  const code = new Code();
  const place = { code, word: wordInMemory(code, 0), leave: () => code.op(OP.return), hash: 1, node: 2 };
  if (!emitLookup(env, offset, place)) return undefined;
  code.op(OP.end);
  return code;
}

/** The lookup where it is called: the address or 0 is on the stack then. */
export function inlineLookup(env: HelperEnv, offset: number, place: Omit<Place, 'leave'>): void {
  const { code } = place;
  code.op(OP.block).byte(I64);
  emitLookup(env, offset, { ...place, leave: (depth) => code.op(OP.br).u(depth) });
  code.op(OP.end);
}

/** False for a map type that has no lookup here; nothing is emitted then. */
function emitLookup(env: HelperEnv, offset: number, place: Place): boolean {
  const map = env.mapAt(offset);
  if (map === undefined || map.offset !== offset) return false;
  const field = (at: number) => env.memory.view.getUint32(offset + at, true);
  if (map.attrs.type === 'array') {
    arrayLookup(field, place);
    return true;
  }
  if (map.attrs.type !== 'hash' || keyWords(field(HEADER.KEY_SIZE)).length > MOST_WORDS) return false;
  hashLookup(field, place);
  return true;
}

type Field = (at: number) => number;

function address(code: Code): Code {
  return code.op(OP.i64_extend_u).i64(0, KERNEL_HI).op(OP.i64_or);
}

function arrayLookup(field: Field, { code, word, hash: index }: Place): void {
  word(0, 4);
  code.tee(index).i32(field(HEADER.MAX_ENTRIES)).op(OP.i32_lt_u, OP.if).byte(I64);
  code.get(index).i32(field(HEADER.ELEM_SIZE)).op(OP.i32_mul).i32(field(HEADER.DATA)).op(OP.i32_add);
  address(code).op(OP.else).i64(0).op(OP.end);
}

/** Words of the key: [offset, bytes] with bytes 4, or 1 to 3 at the end. */
export function keyWords(size: number): { at: number; bytes: number }[] {
  const out: { at: number; bytes: number }[] = [];
  for (let at = 0; at < size; at += 4) out.push({ at, bytes: Math.min(4, size - at) });
  return out;
}

/** Words of a key in memory, whose offset is in local `base`: nothing is read past the key. */
function wordInMemory(code: Code, base: number): Place['word'] {
  return (at, bytes) => {
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
  };
}

function hashLookup(field: Field, { code, word, leave, hash, node }: Place): void {
  const keySize = field(HEADER.KEY_SIZE);
  const parts = keyWords(keySize);
  code.i32((field(HEADER.SEED) ^ keySize) | 0).set(hash);
  for (const part of parts) {
    code.get(hash);
    word(part.at, part.bytes);
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
    word(part.at, part.bytes);
    code.op(OP.i32_ne, OP.br_if).u(0);
  }
  address(code.get(node).i32(field(HEADER.VALUE_AT)).op(OP.i32_add));
  leave(3);
  code.op(OP.end);
  code.get(node).access(OP.i32_load, NODE.NEXT).set(node).op(OP.br).u(0).op(OP.end, OP.end);
  code.i64(0);
}
