/**
 * Which node an LRU map gives up: the kernel's two lists with reference bits (kernel/bpf/bpf_lru_list.c), including its
 * per-CPU free and pending lists, since what is evicted and when can be seen from outside. Numbers stand for nodes;
 * lists are kept beside the linear memory, only the reference bit is in the node, where lookups of every engine set it.
 *
 * New nodes wait in the CPU's pending list; when the CPU's free list is empty, they move to the inactive list (active
 * if referenced), the lists rotate, and up to `targetFree` nodes come over, evicted from the inactive tail when none
 * are free. With BPF_F_NO_COMMON_LRU each CPU has its own lists and nothing is pending.
 */

/** What a node is in. */
const ACTIVE = 0;
const INACTIVE = 1;
const FREE = 2;
const LOCAL_FREE = 3;
const LOCAL_PENDING = 4;

const SCANS_COMMON = 128;
const SCANS_PERCPU = 4;

export interface LruOwner {
  isReferenced(node: number): boolean;
  clearReferenced(node: number): void;
  /** Take the node out of the hash table; false when it is not in. */
  evict(node: number): boolean;
}

/** Active, inactive and free list, with the place where the inactive list's rotation goes on. */
interface Lists {
  readonly heads: readonly [number, number, number];
  readonly counts: [number, number];
  rotation: number;
}

export class LruList {
  readonly #owner: LruOwner;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  readonly #type: Uint8Array;
  /** CPU whose lists a node belongs to (or in whose pending list it waits). */
  readonly #cpu: Uint16Array;
  readonly #perCpu: boolean;
  readonly #scans: number;
  readonly #targetFree: number;
  readonly #lists: readonly Lists[];
  readonly #localFree: readonly number[];
  readonly #localPending: readonly number[];
  readonly #steal: number[];

  constructor(nodes: number, cpus: number, perCpu: boolean, owner: LruOwner) {
    this.#owner = owner;
    this.#perCpu = perCpu;
    this.#scans = perCpu ? SCANS_PERCPU : SCANS_COMMON;
    this.#targetFree = Math.min(Math.max(Math.floor(Math.floor(nodes / cpus) / 2), 1), SCANS_COMMON);
    const sets = perCpu ? cpus : 1;
    const size = nodes + 3 * sets + 2 * cpus;
    this.#previous = new Int32Array(size);
    this.#next = new Int32Array(size);
    this.#type = new Uint8Array(size);
    this.#cpu = new Uint16Array(size);
    let head = nodes;
    const newHead = () => {
      this.#previous[head] = this.#next[head] = head;
      return head++;
    };
    this.#lists = Array.from({ length: sets }, () => {
      const heads = [newHead(), newHead(), newHead()] as const;
      return { heads, counts: [0, 0], rotation: heads[INACTIVE] };
    });
    this.#localFree = Array.from({ length: cpus }, newHead);
    this.#localPending = Array.from({ length: cpus }, newHead);
    this.#steal = Array.from({ length: cpus }, (_, cpu) => cpu);
    const share = Math.max(1, Math.floor(nodes / cpus));
    for (let node = 0; node < nodes; node++) {
      const cpu = perCpu ? Math.min(Math.floor(node / share), cpus - 1) : 0;
      this.#cpu[node] = cpu;
      this.#type[node] = FREE;
      this.#addHead(node, this.#lists[cpu]!.heads[FREE]);
    }
  }

  #addHead(node: number, list: number): void {
    const first = this.#next[list]!;
    this.#next[list] = node;
    this.#previous[node] = list;
    this.#next[node] = first;
    this.#previous[first] = node;
  }

  #remove(node: number): void {
    const before = this.#previous[node]!;
    const after = this.#next[node]!;
    this.#next[before] = after;
    this.#previous[after] = before;
  }

  #move(node: number, list: number): void {
    this.#remove(node);
    this.#addHead(node, list);
  }

  #count(l: Lists, type: number, by: number): void {
    if (type === ACTIVE || type === INACTIVE) l.counts[type] = l.counts[type]! + by;
  }

  #skipRotation(l: Lists, node: number): void {
    if (l.rotation === node) l.rotation = this.#previous[node]!;
  }

  /** Between active, inactive and free; clears the reference bit. */
  #moveWithin(l: Lists, node: number, type: number): void {
    this.#count(l, this.#type[node]!, -1);
    this.#count(l, type, 1);
    this.#type[node] = type;
    this.#owner.clearReferenced(node);
    this.#skipRotation(l, node);
    this.#move(node, l.heads[type]!);
  }

  #moveToFree(l: Lists, node: number, list: number, type: number): void {
    this.#skipRotation(l, node);
    this.#count(l, this.#type[node]!, -1);
    this.#type[node] = type;
    this.#move(node, list);
  }

  #rotateActive(l: Lists): void {
    const list = l.heads[ACTIVE];
    const first = this.#next[list]!;
    let scanned = 0;
    for (let node = this.#previous[list]!; node !== list; ) {
      const before = this.#previous[node]!;
      this.#moveWithin(l, node, this.#owner.isReferenced(node) ? ACTIVE : INACTIVE);
      if (++scanned === this.#scans || node === first) break;
      node = before;
    }
  }

  #rotateInactive(l: Lists): void {
    const list = l.heads[INACTIVE];
    if (this.#next[list] === list) return;
    let last = this.#next[l.rotation]!;
    if (last === list) last = this.#next[last]!;
    let next = list;
    let at = l.rotation;
    for (let scanned = 0; scanned < this.#scans; ) {
      if (at === list) {
        at = this.#previous[at]!;
        continue;
      }
      next = this.#previous[at]!;
      if (this.#owner.isReferenced(at)) this.#moveWithin(l, at, ACTIVE);
      if (at === last) break;
      at = next;
      scanned++;
    }
    l.rotation = next;
  }

  #rotate(l: Lists): void {
    if (l.counts[INACTIVE]! < l.counts[ACTIVE]!) this.#rotateActive(l);
    this.#rotateInactive(l);
  }

  /** Evict up to `wanted` nodes to a free list; one at least when anything can be evicted at all. */
  #shrink(l: Lists, wanted: number, free: number, freeType: number): void {
    const inactive = l.heads[INACTIVE];
    let evicted = 0;
    let scanned = 0;
    for (let node = this.#previous[inactive]!; node !== inactive; ) {
      const before = this.#previous[node]!;
      if (this.#owner.isReferenced(node)) {
        this.#moveWithin(l, node, ACTIVE);
      } else if (this.#owner.evict(node)) {
        this.#moveToFree(l, node, free, freeType);
        if (++evicted === wanted) break;
      }
      if (++scanned === this.#scans) break;
      node = before;
    }
    if (evicted > 0) return;
    const list = this.#next[inactive] !== inactive ? inactive : l.heads[ACTIVE];
    for (let node = this.#previous[list]!; node !== list; node = this.#previous[node]!) {
      if (this.#owner.evict(node)) {
        this.#moveToFree(l, node, free, freeType);
        return;
      }
    }
  }

  /** Move this CPU's pending nodes to the lists, oldest first. */
  #flushPending(l: Lists, cpu: number): void {
    const pending = this.#localPending[cpu]!;
    for (let node = this.#previous[pending]!; node !== pending; ) {
      const before = this.#previous[node]!;
      const type = this.#owner.isReferenced(node) ? ACTIVE : INACTIVE;
      this.#count(l, type, 1);
      this.#type[node] = type;
      this.#owner.clearReferenced(node);
      this.#move(node, l.heads[type]!);
      node = before;
    }
  }

  #refill(cpu: number): void {
    const l = this.#lists[0]!;
    const free = this.#localFree[cpu]!;
    this.#flushPending(l, cpu);
    this.#rotate(l);
    let got = 0;
    for (let node = this.#next[l.heads[FREE]]!; node !== l.heads[FREE]; ) {
      const after = this.#next[node]!;
      this.#moveToFree(l, node, free, LOCAL_FREE);
      if (++got === this.#targetFree) break;
      node = after;
    }
    if (got < this.#targetFree) this.#shrink(l, this.#targetFree - got, free, LOCAL_FREE);
  }

  #takeLocalFree(cpu: number): number {
    const list = this.#localFree[cpu]!;
    const node = this.#next[list]!;
    if (node === list) return -1;
    this.#remove(node);
    return node;
  }

  #takePending(cpu: number): number {
    const list = this.#localPending[cpu]!;
    for (const force of [false, true]) {
      for (let node = this.#previous[list]!; node !== list; node = this.#previous[node]!) {
        if ((force || !this.#owner.isReferenced(node)) && this.#owner.evict(node)) {
          this.#remove(node);
          return node;
        }
      }
    }
    return -1;
  }

  #addPending(node: number, cpu: number): void {
    this.#cpu[node] = cpu;
    this.#type[node] = LOCAL_PENDING;
    this.#owner.clearReferenced(node);
    this.#addHead(node, this.#localPending[cpu]!);
  }

  /** A node for a new element on this CPU, something evicted for it where necessary; -1 when nothing can be. */
  pop(cpu: number): number {
    if (this.#perCpu) return this.#popPerCpu(cpu);
    let node = this.#takeLocalFree(cpu);
    if (node < 0) {
      this.#refill(cpu);
      node = this.#takeLocalFree(cpu);
    }
    if (node < 0) {
      const cpus = this.#localFree.length;
      const first = this.#steal[cpu]!;
      let from = first;
      do {
        node = this.#takeLocalFree(from);
        if (node < 0) node = this.#takePending(from);
        from = (from + 1) % cpus;
      } while (node < 0 && from !== first);
      this.#steal[cpu] = from;
    }
    if (node >= 0) this.#addPending(node, cpu);
    return node;
  }

  #popPerCpu(cpu: number): number {
    const l = this.#lists[cpu]!;
    this.#rotate(l);
    const free = l.heads[FREE];
    if (this.#next[free] === free) this.#shrink(l, SCANS_PERCPU, free, FREE);
    const node = this.#next[free]!;
    if (node === free) return -1;
    this.#owner.clearReferenced(node);
    this.#moveWithin(l, node, INACTIVE);
    return node;
  }

  /** Give a node back: deleted, replaced, or not needed after all. It is not in the hash table any more. */
  push(node: number): void {
    if (!this.#perCpu && this.#type[node] === LOCAL_PENDING) {
      this.#type[node] = LOCAL_FREE;
      this.#owner.clearReferenced(node);
      this.#move(node, this.#localFree[this.#cpu[node]!]!);
      return;
    }
    this.#moveWithin(this.#lists[this.#perCpu ? this.#cpu[node]! : 0]!, node, FREE);
  }
}
