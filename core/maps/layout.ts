/**
 * THE LAYOUT of map storage in the linear memory, for everyone who looks keys up without asking JavaScript: the
 * WebAssembly JIT, C++ and the tests. All fields are little-endian u32 unless said otherwise; offsets are offsets into
 * the linear memory (a kernel address is 0xffff888000000000 + offset); offset 0 means none.
 *
 * A map is a header of HEADER_SIZE bytes (64-byte aligned) whose offset is the map pointer a program holds, and storage
 * that the header points to. Storage never moves while the map lives.
 *
 * ARRAY and PERCPU_ARRAY: element i starts at DATA + i * ELEM_SIZE. The value for CPU c is at + c * CPU_STRIDE (0
 * unless per-CPU). An index is in range when it is below MAX_ENTRIES, compared unsigned.
 *
 * HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, HASH_OF_MAPS: BUCKETS points to BUCKET_MASK + 1 u32 heads of singly
 * linked node lists; the bucket of hash h is h & BUCKET_MASK. A node is
 *     +0   next       offset of the next node in the bucket
 *     +4   hash       the whole 32-bit hash
 *     +8   state      0 free, 1 in use, 3 in use and referenced (LRU: a program's lookup must set bit 1)
 *     +12  link       next free node while free (not LRU, whose lists are outside: lru-list.ts)
 *     +KEY_AT         the key, zero-padded to 8 bytes
 *     +VALUE_AT       the value; for CPU c at + c * CPU_STRIDE
 * To look up: compute the hash, walk the bucket, compare `hash`, then the key in 4-byte words (the padding is zero on
 * both sides). A map changes only while no other thread runs a program on it, or under LOCK.
 *
 * The hash (a function of the key's bytes and SEED alone, see `hashKey` in hash-key.ts): h = SEED ^ keySize; for each
 * little-endian 32-bit word w of the key, the last one zero-padded: h = imul(h ^ w, 0x9e3779b1), h ^= h >>> 15;
 * at the end h = imul(h, 0x85ebca6b), h ^= h >>> 13.
 *
 * PERF_EVENT_ARRAY, RINGBUF: see perf-ring.ts and ringbuf.ts. PROG_ARRAY, CGROUP_ARRAY: an array of u32 ids, 0 is
 * empty. ARRAY_OF_MAPS, HASH_OF_MAPS: values are u64 kernel addresses of inner maps' headers, 0 is empty.
 */

export const HEADER_SIZE = 128;

/** Byte offsets in the header. */
export const HEADER = {
  TYPE: 0,
  KEY_SIZE: 4,
  VALUE_SIZE: 8,
  MAX_ENTRIES: 12,
  FLAGS: 16,
  /** Bytes from one element (array) or node (hash) to the next. */
  ELEM_SIZE: 20,
  /** First element, node, ring or bitmap. */
  DATA: 24,
  BUCKETS: 28,
  BUCKET_MASK: 32,
  SEED: 36,
  /** Live elements. */
  COUNT: 40,
  /** Oldest and newest free node. */
  FREE_HEAD: 44,
  FREE_TAIL: 48,
  /** Nodes from here to FRESH_END were never used. */
  FRESH: 52,
  FRESH_END: 56,
  CPUS: 60,
  /** Bytes from one CPU's value to the next; 0 when values are not per-CPU. */
  CPU_STRIDE: 64,
  /** Lock word: 0 free, 1 held. */
  LOCK: 68,
  /** Offsets inside a hash node. */
  KEY_AT: 72,
  VALUE_AT: 76,
  /** Type-specific words, named by each type's file. */
  OWN: 80,
} as const;

/** Byte offsets in a hash node. */
export const NODE = { NEXT: 0, HASH: 4, STATE: 8, LINK: 12, KEY: 16 } as const;

/** Values of NODE.STATE. */
export const NODE_FREE = 0;
export const NODE_USED = 1;
/** Bit that a program's lookup sets in an LRU map's node. */
export const NODE_REFERENCED = 2;
