/**
 * lru_hash and lru_percpu_hash (kernel/bpf/hashtab.c): a hash that never is full, because an update takes the node of
 * an element not used lately (lru-list.ts says which). A program's lookup marks the element as used; bpf(2)'s lookup
 * does not.
 */
import { ENOMEM } from './errno.ts';
import { BPF_F_NO_COMMON_LRU } from './flags.ts';
import { checkHash, HashMap } from './hash.ts';
import { HEADER, NODE, NODE_FREE, NODE_REFERENCED, NODE_USED } from './layout.ts';
import { LruList } from './lru-list.ts';
import { BPF_EXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';

/** With a list a CPU, each has the same number of nodes. */
function rounded(attrs: MapAttrs, host: MapHost): MapAttrs {
  if (((attrs.flags ?? 0) & BPF_F_NO_COMMON_LRU) === 0) return attrs;
  return { ...attrs, maxEntries: Math.ceil(attrs.maxEntries / host.cpus) * host.cpus };
}

export class LruHashMap extends HashMap {
  readonly #lru: LruList;
  readonly #nodes: number;

  constructor(attrs: MapAttrs, typeId: number, host: MapHost, perCpu: boolean) {
    super(rounded(attrs, host), typeId, host, perCpu, 0);
    this.#nodes = this.header(HEADER.DATA);
    const state = (node: number) => (this.#nodes + node * this.nodeSize + NODE.STATE) >>> 2;
    const { memory } = host;
    this.#lru = new LruList(this.attrs.maxEntries, host.cpus, (this.flags & BPF_F_NO_COMMON_LRU) !== 0, {
      isReferenced: (node) => (memory.i32[state(node)]! & NODE_REFERENCED) !== 0,
      clearReferenced: (node) => {
        memory.i32[state(node)]! &= ~NODE_REFERENCED;
      },
      evict: (node) => {
        if ((memory.i32[state(node)]! & NODE_USED) === 0) return false;
        this.#drop(this.#nodes + node * this.nodeSize);
        return true;
      },
    });
  }

  /** Out of its bucket. */
  #drop(node: number): void {
    this.unlink(node);
    this.host.memory.i32[(node + NODE.STATE) >>> 2] = NODE_FREE;
    this.addCount(-1);
  }

  #refer(node: number): void {
    this.host.memory.i32[(node + NODE.STATE) >>> 2]! |= NODE_REFERENCED;
  }

  protected override takeNode(): number {
    const node = this.#lru.pop(this.host.currentCpu());
    return node < 0 ? 0 : this.#nodes + node * this.nodeSize;
  }

  /** A node that is in no bucket any more. */
  protected override giveNode(node: number): void {
    this.#lru.push((node - this.#nodes) / this.nodeSize);
  }

  protected override remove(node: number): void {
    this.#drop(node);
    this.giveNode(node);
  }

  override lookupOffset(keyOffset: number): number {
    return this.#lookUp(keyOffset, this.host.currentCpu());
  }

  override lookupCpuOffset(keyOffset: number, cpu: number): number {
    return this.cpuStride === 0 || cpu < 0 || cpu >= this.host.cpus ? 0 : this.#lookUp(keyOffset, cpu);
  }

  /** A program's lookup: marks the element as used. */
  #lookUp(keyOffset: number, cpu: number): number {
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return 0;
    this.#refer(node);
    return node + this.valueAt + this.cpuStride * cpu;
  }

  protected override store(keyOffset: number, valueOffset: number, flags: number, allCpus: boolean): number {
    const bad = this.checkUpdateFlags(flags);
    if (bad !== 0) return bad;
    const hash = this.hash(keyOffset);
    const perCpu = this.cpuStride !== 0;
    // As in the kernel the node is taken before the table is looked at: even an update that fails may evict.
    const node = perCpu && flags === BPF_EXIST ? 0 : this.takeNode();
    if (node === 0 && !(perCpu && flags === BPF_EXIST)) return ENOMEM;
    const old = this.find(keyOffset, hash);
    const refused = this.existence(old, flags);
    if (refused !== 0) {
      if (node !== 0) this.giveNode(node);
      return refused;
    }
    if (perCpu && old !== 0) {
      this.#refer(old);
      this.writeValue(old, valueOffset, allCpus, false);
      if (node !== 0) this.giveNode(node);
      return 0;
    }
    this.prepareNode(node, keyOffset, hash);
    this.writeValue(node, valueOffset, allCpus, true);
    this.link(node, hash);
    this.addCount(1);
    if (old !== 0) {
      this.#refer(node);
      this.remove(old);
    }
    return 0;
  }
}

export const LRU_HASH = {
  id: 9,
  name: 'lru_hash',
  since: '4.10',
  check: (attrs) => checkHash(attrs, false, true),
  create: (attrs, host) => new LruHashMap(attrs, 9, host, false),
} as const satisfies MapTypeRow;

export const LRU_PERCPU_HASH = {
  id: 10,
  name: 'lru_percpu_hash',
  since: '4.10',
  perCpu: true,
  check: (attrs) => checkHash(attrs, true, true),
  create: (attrs, host) => new LruHashMap(attrs, 10, host, true),
} as const satisfies MapTypeRow;
