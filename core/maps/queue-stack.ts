/**
 * queue and stack: values without keys (kernel/bpf/queue_stack_maps.c). One ring of max_entries + 1 slots; a push with
 * BPF_EXIST into a full one drops the oldest. bpf(2) sees update as push, lookup as peek, lookup-and-delete as pop.
 */
import { E2BIG, EINVAL, ENOENT } from './errno.ts';
import { ACCESS_MASK, BPF_F_NUMA_NODE, checkFlags, checkSizes, KMALLOC_MAX, type Refusal } from './flags.ts';
import { HEADER } from './layout.ts';
import { BPF_EXIST, BPF_NOEXIST, type MapAttrs, type MapHost, type MapTypeRow } from './map.ts';
import { MapBase } from './map-base.ts';

/** Where the next value goes, and the oldest value: slot numbers. */
const HEAD = HEADER.OWN;
const TAIL = HEADER.OWN + 4;

export class QueueStackMap extends MapBase {
  readonly #lifo: boolean;
  readonly #slots: number;
  readonly #data: number;

  constructor(attrs: MapAttrs, typeId: number, host: MapHost, lifo: boolean) {
    super(attrs, typeId, host, false);
    this.#lifo = lifo;
    this.#slots = attrs.maxEntries + 1;
    this.#data = this.allocate(this.#slots * attrs.valueSize);
    this.setHeader(HEADER.ELEM_SIZE, attrs.valueSize);
    this.setHeader(HEADER.DATA, this.#data);
  }

  #at(slot: number): number {
    return this.#data + slot * this.attrs.valueSize;
  }

  pushOffset(valueOffset: number, flags: number): number {
    if ((flags & BPF_NOEXIST) !== 0 || flags > BPF_EXIST) return EINVAL;
    const head = this.header(HEAD);
    let tail = this.header(TAIL);
    const next = (head + 1) % this.#slots;
    if (next === tail) {
      if ((flags & BPF_EXIST) === 0) return E2BIG;
      tail = (tail + 1) % this.#slots;
      this.setHeader(TAIL, tail);
    }
    this.host.memory.u8.copyWithin(this.#at(head), valueOffset, valueOffset + this.attrs.valueSize);
    this.setHeader(HEAD, next);
    this.setHeader(HEADER.COUNT, (next - tail + this.#slots) % this.#slots);
    return 0;
  }

  /** Copy out the value whose turn it is; zeros and -ENOENT when there is none. */
  #get(valueOffset: number, remove: boolean): number {
    const { u8 } = this.host.memory;
    const size = this.attrs.valueSize;
    if (this.count === 0) {
      u8.fill(0, valueOffset, valueOffset + size);
      return ENOENT;
    }
    const head = this.header(HEAD);
    const tail = this.header(TAIL);
    const slot = this.#lifo ? (head - 1 + this.#slots) % this.#slots : tail;
    u8.copyWithin(valueOffset, this.#at(slot), this.#at(slot) + size);
    if (remove) {
      this.setHeader(this.#lifo ? HEAD : TAIL, this.#lifo ? slot : (tail + 1) % this.#slots);
      this.setHeader(HEADER.COUNT, this.count - 1);
    }
    return 0;
  }

  popOffset(valueOffset: number): number {
    return this.#get(valueOffset, true);
  }

  peekOffset(valueOffset: number): number {
    return this.#get(valueOffset, false);
  }

  // Programs have push, pop and peek only.
  lookupOffset(_keyOffset: number): number {
    return 0;
  }

  updateOffset(_keyOffset: number, _valueOffset: number, _flags: number): number {
    return EINVAL;
  }

  deleteOffset(_keyOffset: number): number {
    return EINVAL;
  }

  protected override updateUserOffset(_keyOffset: number, valueOffset: number, flags: number): number {
    return this.pushOffset(valueOffset, flags);
  }

  #take(remove: boolean): Uint8Array | undefined {
    const to = this.valueIn(new Uint8Array(this.attrs.valueSize));
    return this.#get(to, remove) < 0 ? undefined : this.valueOut(to);
  }

  override lookup(key: Uint8Array): Uint8Array | undefined {
    this.keyIn(key);
    return this.#take(false);
  }

  lookupAndDelete(key: Uint8Array): Uint8Array | undefined {
    this.keyIn(key);
    return this.refuseUserWrite() === 0 ? this.#take(true) : undefined;
  }

  nextKey(_key: Uint8Array | undefined): undefined {
    return undefined;
  }
}

/** queue_stack_map_alloc_check. */
function check(attrs: MapAttrs): Refusal {
  return (
    checkSizes(attrs, { keySize: 0, valueSize: 'some', maxEntries: 'some' }) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE) ??
    (attrs.valueSize > KMALLOC_MAX || attrs.maxEntries >= 0xffffffff / attrs.valueSize
      ? `E2BIG: ${attrs.maxEntries} values of ${attrs.valueSize} bytes are too many`
      : undefined)
  );
}

export const QUEUE = {
  id: 22,
  name: 'queue',
  since: '4.20',
  check,
  create: (attrs, host) => new QueueStackMap(attrs, 22, host, false),
} as const satisfies MapTypeRow;

export const STACK = {
  id: 23,
  name: 'stack',
  since: '4.20',
  check,
  create: (attrs, host) => new QueueStackMap(attrs, 23, host, true),
} as const satisfies MapTypeRow;
