/**
 * Reading perf and ring buffers: opened here, emptied by a thread of the addon (native/linux/records.h), handed out in batches. A record's bytes
 * stay valid as long as somebody holds them: each batch is memory of its own.
 */
import type { MapHandle, RecordReader, RecordSink } from '../../core/backend/backend.ts';
import { ERRNO, errnoName } from '../../core/base/errno.ts';
import { BpfError, SysError, Unsupported } from '../../core/base/errors.ts';
import type { NativeRecords } from '../addon/index.ts';
import { sys } from './bpf.ts';
import { onlineCpus } from './machine.ts';
import { type LinuxMap, ownMap } from './maps.ts';
import {
  closeAll,
  enableEvent,
  FORMAT_LOST,
  PERF_COUNT_SW_BPF_OUTPUT,
  PERF_TYPE,
  perfEventOpen,
  perfHint,
  SAMPLE_RAW,
  SAMPLE_TIME,
} from './perf-event.ts';

/** BCC's default. */
const DEFAULT_PAGES = 8;
const HEADER_BYTES = 16;
/** `size` of a header that tells of lost samples (native/linux/records.h). */
const LOST = -1;

export interface RecordOptions {
  readonly pages?: number;
  readonly wakeupEvents?: number;
  /** Records of all CPUs by their times. */
  readonly ordered?: boolean;
}

/** A reader, and the descriptor that is readable while something waits in it. */
export class LinuxRecords implements RecordReader {
  readonly eventFd: number;
  readonly #native: NativeRecords;
  readonly #release: () => void;
  /** What is left of the batch taken last: a callback that throws loses nothing. */
  #batch: { readonly words: Int32Array; readonly bytes: Uint8Array; at: number } | undefined;
  #open = true;

  constructor(native: NativeRecords, eventFd: number, release: () => void) {
    this.#native = native;
    this.eventFd = eventFd;
    this.#release = release;
  }

  consume(sink: RecordSink): number {
    if (!this.#open) return 0;
    if (!this.#batch) {
      const buffer = this.#native.take();
      if (!buffer) return 0;
      this.#batch = { words: new Int32Array(buffer), bytes: new Uint8Array(buffer), at: 0 };
    }
    const batch = this.#batch;
    const { words, bytes } = batch;
    let records = 0;
    while (batch.at < bytes.length) {
      const word = batch.at >> 2;
      const cpu = words[word]!;
      const size = words[word + 1]!;
      const start = batch.at + HEADER_BYTES;
      // Before the callback, which may throw.
      batch.at = size === LOST ? start : start + ((size + 7) & ~7);
      if (size === LOST) sink.onLost(cpu, (words[word + 2]! >>> 0) + words[word + 3]! * 2 ** 32);
      else {
        records++;
        if (sink.onSpan) sink.onSpan(cpu, bytes, start, size);
        else sink.onRecord(cpu, bytes.subarray(start, start + size));
      }
      // A callback may have closed us.
      if (!this.#open) return records;
    }
    this.#batch = undefined;
    return records;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#native.close();
    this.#release();
  }
}

/** Throws BpfError EBUSY, SysError, Unsupported for maps without records. */
export function openLinuxRecords(handle: MapHandle, options: RecordOptions): LinuxRecords {
  const map = ownMap(handle);
  if (map.spec.type === 'perf_event_array') return openPerf(map, options);
  if (map.spec.type === 'ringbuf') return openRing(map);
  throw new Unsupported(`reading records from map ${map.spec.name} of type ${map.spec.type}`, {
    backend: 'linux',
    hint: 'perf_event_array and ringbuf maps have records',
  });
}

function openPerf(
  map: LinuxMap,
  { pages = DEFAULT_PAGES, wakeupEvents = 1, ordered = false }: RecordOptions,
): LinuxRecords {
  const doing = `opening the perf buffer '${map.spec.name}' (${pages} pages a CPU)`;
  const native = new (sys().Records)(ordered);
  const fds: number[] = [];
  const keys: Uint8Array[] = [];
  const release = (): void => {
    for (const key of keys) map.delete(key);
    closeAll(fds);
  };
  const check = (call: string, errno: number, hint: { hint?: string } = {}): number => {
    if (errno < 0) throw new SysError(call, errnoName(errno), doing, hint);
    return errno;
  };
  try {
    for (const cpu of onlineCpus()) {
      if (map.spec.maxEntries > 0 && cpu >= map.spec.maxEntries) continue;
      const attr = {
        type: PERF_TYPE.SOFTWARE,
        config: PERF_COUNT_SW_BPF_OUTPUT,
        samplePeriod: 1,
        wakeupEvents,
        sampleType: SAMPLE_RAW | (ordered ? SAMPLE_TIME : 0),
        monotonic: ordered,
        disabled: true,
      };
      let event = perfEventOpen({ ...attr, readFormat: FORMAT_LOST }, -1, cpu);
      const countsLost = event >= 0;
      if (event === -ERRNO.EINVAL) event = perfEventOpen(attr, -1, cpu);
      check('perf_event_open', event, perfHint(event));
      fds.push(event);
      const mapped = native.addPerf(cpu, event, pages, countsLost);
      check(
        'mmap',
        mapped,
        mapped === -ERRNO.EPERM
          ? { hint: 'more than kernel.perf_event_mlock_kb and `ulimit -l` allow: give fewer pages' }
          : {},
      );
      const key = new Uint8Array(Uint32Array.of(cpu).buffer);
      check('bpf(BPF_MAP_UPDATE_ELEM)', map.update(key, new Uint8Array(Int32Array.of(event).buffer)));
      keys.push(key);
      check('ioctl(PERF_EVENT_IOC_ENABLE)', enableEvent(event));
    }
    return new LinuxRecords(native, check('epoll', native.start()), release);
  } catch (error) {
    native.close();
    release();
    throw error;
  }
}

function openRing(map: LinuxMap): LinuxRecords {
  const doing = `opening the ring buffer '${map.spec.name}'`;
  if (map.spec.maxEntries === 0) throw new BpfError('EINVAL', `${doing}: it has no size`);
  const native = new (sys().Records)(false);
  const mapped = native.addRing(map.fd, map.spec.maxEntries);
  const eventFd = mapped < 0 ? mapped : native.start();
  if (eventFd >= 0) return new LinuxRecords(native, eventFd, () => {});
  native.close();
  throw new SysError('mmap', errnoName(eventFd), doing);
}
