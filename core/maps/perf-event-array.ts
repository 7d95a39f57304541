/**
 * perf_event_array: one perf buffer a CPU (kernel/bpf/arraymap.c, bpf_perf_event_output in kernel/trace/bpf_trace.c).
 *
 * In the kernel user space opens a PERF_COUNT_SW_BPF_OUTPUT event per CPU, maps its buffer and stores its fd. Here
 * `openRing` does the three at once; counters (hardware events and the like, for perf_event_read) are stored with
 * `openCounter`.
 */
import { BpfError } from '../base/errors.ts';
import { E2BIG, EBADF, EINVAL, ENOENT, EOPNOTSUPP } from './errno.ts';
import { checkFdArray, FdArrayMap } from './fd-array.ts';
import { BPF_F_PRESERVE_ELEMS } from './flags.ts';
import type { MapAttrs, MapHost, MapTypeRow } from './map.ts';
import { PerfRing } from './perf-ring.ts';

/** A counter in a slot: its value now, in halves, and how long it was enabled and running (ns, halves). */
export interface PerfCounter {
  read(): {
    readonly value: readonly [number, number];
    readonly enabled: readonly [number, number];
    readonly running: readonly [number, number];
  };
}

/** BPF_F_CURRENT_CPU, and BPF_F_INDEX_MASK. */
export const CURRENT_CPU = 0xffffffff;

export class PerfEventArrayMap extends FdArrayMap {
  readonly #rings = new Map<number, { readonly ring: PerfRing; readonly cpu: number }>();
  readonly #counters = new Map<number, { readonly counter: PerfCounter; readonly cpu: number }>();
  #ids = 0;

  constructor(attrs: MapAttrs, host: MapHost) {
    super(attrs, 4, host);
  }

  /** Make the buffer of one CPU (`pages` data pages, a power of two) and put it into slot `cpu`. Throws BpfError. */
  openRing(cpu: number, pages: number): PerfRing {
    this.#place(cpu);
    const id = ++this.#ids;
    const ring = new PerfRing(this.host.memory, pages, id);
    this.#rings.set(id, { ring, cpu });
    this.put(cpu, id);
    return ring;
  }

  /** Put a counter into slot `cpu`. */
  openCounter(cpu: number, counter: PerfCounter): void {
    this.#place(cpu);
    const id = ++this.#ids;
    this.#counters.set(id, { counter, cpu });
    this.put(cpu, id);
  }

  #place(cpu: number): void {
    if (cpu < 0 || cpu >= this.attrs.maxEntries) {
      throw new BpfError('E2BIG', `map ${this.attrs.name}: no slot ${cpu}, it has ${this.attrs.maxEntries}`);
    }
  }

  /** Close slot `index`: later output there is -ENOENT. */
  closeSlot(index: number): void {
    if (this.slot(index) !== 0) this.put(index, 0);
  }

  ring(index: number): PerfRing | undefined {
    return this.#rings.get(this.slot(index))?.ring;
  }

  #slotFor(index: number): number {
    const at = index === CURRENT_CPU ? this.host.currentCpu() : index;
    if (at >= this.attrs.maxEntries) return E2BIG;
    const id = this.slot(at);
    return id === 0 ? ENOENT : id;
  }

  /**
   * bpf_perf_event_output of `size` bytes at `from` (and `moreSize` at `more`): `index` is the low half of its flags. 0,
   * or a negative errno; -ENOSPC when the sample was dropped.
   */
  output(index: number, from: number, size: number, more = 0, moreSize = 0): number {
    const id = this.#slotFor(index);
    if (id < 0) return id;
    const entry = this.#rings.get(id);
    if (!entry) return EINVAL;
    if (entry.cpu !== this.host.currentCpu()) return EOPNOTSUPP;
    return entry.ring.write(from, size, more, moreSize);
  }

  /** bpf_perf_event_read[_value]: the counter, or a negative errno. */
  counter(index: number): PerfCounter | number {
    const id = this.#slotFor(index);
    if (id < 0) return id;
    const entry = this.#counters.get(id);
    if (!entry) return EINVAL;
    // The kernel reads a per-CPU counter on its own CPU only.
    return entry.cpu === this.host.currentCpu() ? entry.counter : EINVAL;
  }

  /** File descriptors of perf events come from `openRing`; there are no others here. */
  protected take(_fd: number): number {
    return EBADF;
  }

  protected show(_slot: number): undefined {
    return undefined;
  }

  protected override release(id: number): void {
    this.#rings.get(id)?.ring.free();
    this.#rings.delete(id);
    this.#counters.delete(id);
  }

  override close(): void {
    for (const { ring } of this.#rings.values()) ring.free();
    this.#rings.clear();
    super.close();
  }
}

export const PERF_EVENT_ARRAY = {
  id: 4,
  name: 'perf_event_array',
  since: '4.3',
  check: (attrs) => checkFdArray(attrs, BPF_F_PRESERVE_ELEMS),
  create: (attrs, host) => new PerfEventArrayMap(attrs, host),
} as const satisfies MapTypeRow;
