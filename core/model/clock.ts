/**
 * The virtual clock. Time moves only when an event says so, never by itself, so that the same input gives the same output.
 *
 * Events carry CLOCK_MONOTONIC nanoseconds. Between two events every fired hook moves the clock by one nanosecond, so that
 * two hooks of one event never see the same time and their order survives sorting. Times are kept as two doubles (seconds
 * and nanoseconds) because programs ask often and BigInt is slow (u64 nanoseconds pass 2^53 after 104 days).
 */

const NS_PER_S = 1_000_000_000;
const TWO32 = 4294967296;

/** CLOCK_TAI is ahead of UTC by this many seconds (since 2017). */
const TAI_OFFSET_S = 37;

export type ClockName = 'monotonic' | 'boottime' | 'tai' | 'realtime';

export class VirtualClock {
  #seconds = 0;
  #nanos = 0;
  #realtimeSeconds: number;

  /** `realtimeAtBootS`: what CLOCK_REALTIME showed, in seconds since 1970, when CLOCK_MONOTONIC was zero. */
  constructor(realtimeAtBootS = 0) {
    this.#realtimeSeconds = realtimeAtBootS;
  }

  set realtimeAtBootS(seconds: number) {
    this.#realtimeSeconds = seconds;
  }

  /** Move to `tsNs` (CLOCK_MONOTONIC); a time that is past already changes nothing, the clock is monotonic. */
  advanceTo(tsNs: bigint): void {
    const seconds = Number(tsNs / 1_000_000_000n);
    const nanos = Number(tsNs % 1_000_000_000n);
    if (seconds > this.#seconds || (seconds === this.#seconds && nanos > this.#nanos)) {
      this.#seconds = seconds;
      this.#nanos = nanos;
    }
  }

  /** One nanosecond passes: called at every hook that fires. */
  tick(): void {
    if (++this.#nanos === NS_PER_S) {
      this.#nanos = 0;
      this.#seconds++;
    }
  }

  get seconds(): number {
    return this.#seconds;
  }

  /** Nanoseconds within the second. */
  get nanos(): number {
    return this.#nanos;
  }

  /** CLOCK_MONOTONIC in nanoseconds. */
  get ns(): bigint {
    return BigInt(this.#seconds) * 1_000_000_000n + BigInt(this.#nanos);
  }

  /** A clock's nanoseconds as [low, high] signed 32-bit halves: what bpf_ktime_get_* return. The model never suspends: boottime is monotonic. */
  now(clock: ClockName): readonly [number, number] {
    let seconds = this.#seconds;
    if (clock === 'realtime') seconds += this.#realtimeSeconds;
    else if (clock === 'tai') seconds += this.#realtimeSeconds + TAI_OFFSET_S;
    // seconds * 1e9 + nanos in two halves without losing bits: split the multiplication at 16 bits of the seconds.
    const low = (seconds % 65536) * NS_PER_S + this.#nanos;
    const high = Math.floor(seconds / 65536) * NS_PER_S;
    // high * 65536 + low, where both products are below 2^53.
    const lo = low + (high % 65536) * 65536;
    return [(lo % TWO32) | 0, (Math.floor(lo / TWO32) + Math.floor(high / 65536)) | 0];
  }
}
