/**
 * lpm_trie: longest-prefix match (kernel/bpf/lpm_trie.c). A key is { u32 prefixlen; u8 data[] } with the most
 * significant bit of data[0] first. Nodes hold { left, right, prefixlen, flags } as u32, the data (padded to 8), then
 * the value (padded to 8); an intermediate node joins two subtrees and has no value. Order of nextKey: more specific
 * before less specific (postorder).
 */
import { alignUp } from '../base/bytes.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC } from './errno.ts';
import {
  ACCESS_MASK,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  checkFlags,
  checkSizes,
  KMALLOC_MAX,
  type Refusal,
} from './flags.ts';
import { HEADER } from './layout.ts';
import { BPF_EXIST, BPF_NOEXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

const LEFT = 0;
const PREFIX = 8;
const FLAGS = 12;
const DATA = 16;
const INTERMEDIATE = 1;
const ROOT = HEADER.OWN;
/** Nodes made at a time. */
const SLAB = 64;

export class LpmTrieMap extends MapBase {
  readonly #dataSize: number;
  readonly #maxPrefix: number;
  readonly #valueAt: number;
  readonly #nodeSize: number;
  /** Free nodes, oldest first: what a program may still hold a pointer to is used again last. */
  readonly #free: number[] = [];

  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 11, host, false);
    this.#dataSize = attrs.keySize - 4;
    this.#maxPrefix = this.#dataSize * 8;
    this.#valueAt = DATA + alignUp(this.#dataSize, 8);
    this.#nodeSize = this.#valueAt + alignUp(attrs.valueSize, 8);
    this.setHeader(HEADER.ELEM_SIZE, this.#nodeSize);
    this.setHeader(HEADER.KEY_AT, DATA);
    this.setHeader(HEADER.VALUE_AT, this.#valueAt);
  }

  #word(at: number): number {
    return this.host.memory.i32[at >>> 2]! >>> 0;
  }

  #setWord(at: number, value: number): void {
    this.host.memory.i32[at >>> 2] = value;
  }

  #newNode(prefix: number, dataOffset: number, flags: number): number {
    if (this.#free.length === 0) {
      const at = this.allocate(SLAB * this.#nodeSize);
      for (let i = 0; i < SLAB; i++) this.#free.push(at + i * this.#nodeSize);
    }
    const node = this.#free.shift()!;
    this.#setWord(node + LEFT, 0);
    this.#setWord(node + LEFT + 4, 0);
    this.#setWord(node + PREFIX, prefix);
    this.#setWord(node + FLAGS, flags);
    this.host.memory.u8.copyWithin(node + DATA, dataOffset, dataOffset + this.#dataSize);
    return node;
  }

  /** Bit `index` of data at an offset, 0 or 1. */
  #bit(dataOffset: number, index: number): number {
    return (this.host.memory.u8[dataOffset + (index >> 3)]! >> (7 - (index & 7))) & 1;
  }

  /** How many leading bits a node and a key share, at most the shorter prefix. */
  #match(node: number, keyOffset: number, keyPrefix: number): number {
    const { u8 } = this.host.memory;
    const limit = Math.min(this.#word(node + PREFIX), keyPrefix);
    const a = node + DATA;
    const b = keyOffset + 4;
    let bits = 0;
    for (let i = 0; bits < limit; i++) {
      const difference = u8[a + i]! ^ u8[b + i]!;
      if (difference !== 0) return Math.min(limit, bits + Math.clz32(difference) - 24);
      bits += 8;
    }
    return limit;
  }

  #prefixOf(keyOffset: number): number {
    return this.host.memory.view.getUint32(keyOffset, true);
  }

  lookupOffset(keyOffset: number): number {
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return 0;
    let found = 0;
    for (let node = this.header(ROOT); node !== 0; ) {
      const match = this.#match(node, keyOffset, prefix);
      if (match === this.#maxPrefix) {
        found = node;
        break;
      }
      const own = this.#word(node + PREFIX);
      if (match < own) break;
      if ((this.#word(node + FLAGS) & INTERMEDIATE) === 0) found = node;
      node = this.#word(node + LEFT + 4 * this.#bit(keyOffset + 4, own));
    }
    return found === 0 ? 0 : found + this.#valueAt;
  }

  /** Room and rules for one more element, counting it: 0, -ENOENT, or -ENOSPC (this type's word for full). */
  #add(flags: number): number {
    if (flags === BPF_EXIST) return ENOENT;
    if (this.count === this.attrs.maxEntries) return ENOSPC;
    this.setHeader(HEADER.COUNT, this.count + 1);
    return 0;
  }

  updateOffset(keyOffset: number, valueOffset: number, flags: number): number {
    if (flags > BPF_EXIST) return EINVAL;
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return EINVAL;
    let slot = this.offset + ROOT;
    let match = 0;
    let node = this.#word(slot);
    while (node !== 0) {
      match = this.#match(node, keyOffset, prefix);
      const own = this.#word(node + PREFIX);
      if (own !== match || own === prefix || own === this.#maxPrefix) break;
      slot = node + LEFT + 4 * this.#bit(keyOffset + 4, own);
      node = this.#word(slot);
    }
    const replaces = node !== 0 && this.#word(node + PREFIX) === match;
    if (replaces && (this.#word(node + FLAGS) & INTERMEDIATE) === 0) {
      if (flags === BPF_NOEXIST) return EEXIST;
    } else {
      const refused = this.#add(flags);
      if (refused !== 0) return refused;
    }
    const fresh = this.#newNode(prefix, keyOffset + 4, 0);
    this.copyValue(fresh + this.#valueAt, valueOffset);
    if (node === 0) {
      this.#setWord(slot, fresh);
    } else if (replaces) {
      this.#setWord(fresh + LEFT, this.#word(node + LEFT));
      this.#setWord(fresh + LEFT + 4, this.#word(node + LEFT + 4));
      this.#setWord(slot, fresh);
      this.#free.push(node);
    } else if (match === prefix) {
      // The new prefix is an ancestor of the node.
      this.#setWord(fresh + LEFT + 4 * this.#bit(node + DATA, match), node);
      this.#setWord(slot, fresh);
    } else {
      const joint = this.#newNode(match, node + DATA, INTERMEDIATE);
      const side = this.#bit(keyOffset + 4, match);
      this.#setWord(joint + LEFT + 4 * side, fresh);
      this.#setWord(joint + LEFT + 4 * (1 - side), node);
      this.#setWord(slot, joint);
    }
    return 0;
  }

  deleteOffset(keyOffset: number): number {
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return EINVAL;
    let slot = this.offset + ROOT;
    let parentSlot = slot;
    let parent = 0;
    let match = 0;
    let node = this.#word(slot);
    while (node !== 0) {
      match = this.#match(node, keyOffset, prefix);
      const own = this.#word(node + PREFIX);
      if (own !== match || own === prefix) break;
      parent = node;
      parentSlot = slot;
      slot = node + LEFT + 4 * this.#bit(keyOffset + 4, own);
      node = this.#word(slot);
    }
    if (node === 0 || this.#word(node + PREFIX) !== prefix || match !== prefix) return ENOENT;
    if ((this.#word(node + FLAGS) & INTERMEDIATE) !== 0) return ENOENT;
    this.setHeader(HEADER.COUNT, this.count - 1);
    const left = this.#word(node + LEFT);
    const right = this.#word(node + LEFT + 4);
    if (left !== 0 && right !== 0) {
      this.#setWord(node + FLAGS, INTERMEDIATE);
      return 0;
    }
    if (parent !== 0 && left === 0 && right === 0 && (this.#word(parent + FLAGS) & INTERMEDIATE) !== 0) {
      // The joint above has one child left: that child takes its place.
      const other = this.#word(parent + LEFT) === node ? LEFT + 4 : LEFT;
      this.#setWord(parentSlot, this.#word(parent + other));
      this.#free.push(parent);
    } else {
      this.#setWord(slot, left !== 0 ? left : right);
    }
    this.#free.push(node);
    return 0;
  }

  /** First real node of a subtree in postorder. */
  #leftmost(root: number): number {
    let found = 0;
    for (let node = root; node !== 0; ) {
      const left = this.#word(node + LEFT);
      if ((this.#word(node + FLAGS) & INTERMEDIATE) !== 0) {
        node = left;
      } else {
        found = node;
        node = left !== 0 ? left : this.#word(node + LEFT + 4);
      }
    }
    return found;
  }

  #keyOf(node: number): Uint8Array {
    const out = new Uint8Array(this.attrs.keySize);
    out.set(this.bytes(node + PREFIX, 4));
    out.set(this.bytes(node + DATA, this.#dataSize), 4);
    return out;
  }

  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    const root = this.header(ROOT);
    if (root === 0) return undefined;
    const first = () => this.#keyOf(this.#leftmost(root));
    if (key === undefined) return first();
    const keyOffset = this.keyIn(key);
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return first();
    const path: number[] = [];
    let match = 0;
    let node = root;
    while (node !== 0) {
      path.push(node);
      match = this.#match(node, keyOffset, prefix);
      const own = this.#word(node + PREFIX);
      if (own !== match || own === prefix) break;
      node = this.#word(node + LEFT + 4 * this.#bit(keyOffset + 4, own));
    }
    const exact = node !== 0 && this.#word(node + PREFIX) === match && (this.#word(node + FLAGS) & INTERMEDIATE) === 0;
    if (!exact) return first();
    for (let i = path.length - 1; i > 0; i--) {
      const parent = path[i - 1]!;
      if (this.#word(parent + LEFT) === path[i]) {
        const right = this.#word(parent + LEFT + 4);
        if (right !== 0) return this.#keyOf(this.#leftmost(right));
      }
      if ((this.#word(parent + FLAGS) & INTERMEDIATE) === 0) return this.#keyOf(parent);
    }
    return undefined;
  }
}

/** trie_alloc. */
function check(attrs: MapAttrs): Refusal {
  return (
    checkSizes(attrs, { maxEntries: 'some', valueSize: 'some' }) ??
    (((attrs.flags ?? 0) & BPF_F_NO_PREALLOC) === 0
      ? 'EINVAL: an lpm_trie map must have BPF_F_NO_PREALLOC'
      : undefined) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE) ??
    (attrs.keySize < 5 || attrs.keySize > 260
      ? `EINVAL: a key of an lpm_trie map has 5 to 260 bytes, not ${attrs.keySize}`
      : undefined) ??
    (attrs.valueSize > KMALLOC_MAX - 256 - 40 ? `EINVAL: a value of ${attrs.valueSize} bytes is too large` : undefined)
  );
}

export const LPM_TRIE = {
  id: 11,
  name: 'lpm_trie',
  since: '4.11',
  check,
  create: (attrs, host) => new LpmTrieMap(attrs, host),
} as const satisfies MapTypeRow;
