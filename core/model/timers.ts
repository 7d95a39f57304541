/**
 * Timers in map values (struct bpf_timer, kernel/bpf/helpers.c) on the virtual clock: one that is due fires when an event moves the clock past its time,
 * at that time and before the event. What comes after the last event never fires: time stands still then.
 *
 * The handle lies in the first word of the struct. A value that was deleted or stored anew has no handle any more (MapBase.emptySpecial), and what it had
 * started does not fire.
 */
import { ERRNO } from '../base/errno.ts';
import { KERNEL_HI } from '../base/memory.ts';
import type { HelperEnv } from '../helpers/helper.ts';
import { EINVAL } from '../maps/errno.ts';
import { HEADER } from '../maps/layout.ts';
import type { BpfMap } from '../maps/map.ts';
import type { ModelKernel } from './kernel.ts';

const CLOCK_REALTIME = 0;
/** BPF_F_TIMER_ABS. */
const ABSOLUTE = 1;
const EDEADLK = -ERRNO.EDEADLK;

type Program = NonNullable<HelperEnv['program']>;

interface Timer {
  readonly handle: number;
  /** Offset of the struct bpf_timer, and of the map's header. */
  readonly at: number;
  readonly map: number;
  readonly clock: number;
  callback: { readonly program: Program; readonly address: number } | undefined;
  /** CLOCK_MONOTONIC when it fires; undefined while it is not started. */
  due: bigint | undefined;
}

export class Timers {
  readonly #kernel: ModelKernel;
  readonly #maps: ReadonlyMap<number, BpfMap>;
  readonly #running: () => Program | undefined;
  readonly #timers = new Map<number, Timer>();
  #started = 0;
  #next = 1;
  #firing: Timer | undefined;

  /** `running`: the program whose helper is being called. */
  constructor(kernel: ModelKernel, maps: ReadonlyMap<number, BpfMap>, running: () => Program | undefined) {
    this.#kernel = kernel;
    this.#maps = maps;
    this.#running = running;
  }

  create(at: number, map: number, clock: number): number {
    const handle = this.#next++;
    this.#timers.set(handle, { handle, at, map, clock, callback: undefined, due: undefined });
    return handle;
  }

  setCallback(handle: number, address: number): number {
    const timer = this.#timers.get(handle);
    const program = this.#running();
    if (!timer || !program) return EINVAL;
    timer.callback = { program, address };
    return 0;
  }

  start(handle: number, nsLo: number, nsHi: number, flags: number): number {
    const timer = this.#timers.get(handle);
    if (!timer?.callback) return EINVAL;
    const ns = (BigInt(nsHi >>> 0) << 32n) | BigInt(nsLo >>> 0);
    const { clock } = this.#kernel;
    let due = ns;
    if ((flags & ABSOLUTE) === 0) due += clock.ns;
    else if (timer.clock === CLOCK_REALTIME) {
      const [lo, hi] = clock.now('realtime');
      due += clock.ns - ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
    }
    if (timer.due === undefined) this.#started++;
    timer.due = due;
    return 0;
  }

  cancel(handle: number): number {
    const timer = this.#timers.get(handle);
    if (!timer) return EINVAL;
    // Its own callback would wait for itself.
    if (timer === this.#firing) return EDEADLK;
    if (timer.due === undefined) return 0;
    this.#stop(timer);
    return 1;
  }

  #stop(timer: Timer): void {
    if (timer.due !== undefined) this.#started--;
    timer.due = undefined;
  }

  /** Fire what is due until then, in the order of times; a callback may start others. Throws the Fault of a callback. */
  run(untilNs: bigint): void {
    while (this.#started > 0) {
      let first: Timer | undefined;
      for (const timer of this.#timers.values())
        if (timer.due !== undefined && timer.due <= untilNs && (!first || timer.due < first.due!)) first = timer;
      if (!first) return;
      const { due } = first;
      this.#stop(first);
      if (this.#isGone(first)) {
        this.#timers.delete(first.handle);
        continue;
      }
      this.#kernel.clock.advanceTo(due!);
      this.#fire(first);
    }
  }

  #isGone({ at, handle, map }: Timer): boolean {
    return !this.#maps.has(map) || this.#kernel.memory.view.getUint32(at, true) !== handle;
  }

  /** bpf_timer_cb(): the callback gets the map, the key (of an array: its index) and the value. */
  #fire(timer: Timer): void {
    const { memory } = this.#kernel;
    const header = (field: number): number => memory.view.getUint32(timer.map + field, true);
    const map = this.#maps.get(timer.map)!;
    const field = map.attrs.special?.find(({ name }) => name === 'bpf_timer');
    const value = timer.at - (field?.offset ?? 0);
    const index = map.attrs.type === 'array' ? memory.alloc(8) : 0;
    if (index !== 0) memory.view.setUint32(index, (value - header(HEADER.DATA)) / header(HEADER.ELEM_SIZE), true);
    const key = index !== 0 ? index : value - header(HEADER.VALUE_AT) + header(HEADER.KEY_AT);
    const args = Int32Array.of(timer.map, KERNEL_HI, key, KERNEL_HI, value, KERNEL_HI, 0, 0, 0, 0);
    this.#firing = timer;
    try {
      timer.callback!.program.call(timer.callback!.address, args);
    } finally {
      this.#firing = undefined;
      if (index !== 0) memory.free(index, 8);
    }
  }
}
