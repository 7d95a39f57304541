/**
 * Reading perf and ring buffers from user space: RecordReader over the maps' own rings. All CPUs' buffers are read in the order of
 * their CPUs; what was dropped is told when the map says so, and what it never could tell, behind the last record.
 */
import type { RecordReader, RecordSink } from '../backend/backend.ts';
import { BpfError, Unsupported } from '../base/errors.ts';
import type { BpfMap } from '../maps/map.ts';
import { PerfEventArrayMap } from '../maps/perf-event-array.ts';
import type { PerfRing } from '../maps/perf-ring.ts';
import { RINGBUF_QUERY, RingbufMap } from '../maps/ringbuf.ts';

/** Pages of one CPU's perf buffer when the caller does not say (BCC's default). */
const DEFAULT_PAGES = 8;

/** A reader, with what `wait` needs: how many records have ever been written. */
export interface CountingReader extends RecordReader {
  readonly written: number;
}

export function openRecordReader(map: BpfMap, cpus: number, options: { readonly pages?: number }): CountingReader {
  if (map instanceof PerfEventArrayMap) return new PerfReader(map, cpus, options.pages ?? DEFAULT_PAGES);
  if (map instanceof RingbufMap) return new RingReader(map);
  throw new Unsupported(`reading records from map ${map.attrs.name} of type ${map.attrs.type}`, {
    backend: 'model',
    hint: 'perf_event_array and ringbuf maps have records',
  });
}

/** A sink's records as the rings give them. */
function spans(sink: RecordSink, cpu: number): (bytes: Uint8Array, at: number, size: number) => void {
  return sink.onSpan
    ? (bytes, at, size) => sink.onSpan!(cpu, bytes, at, size)
    : (bytes, at, size) => sink.onRecord(cpu, bytes.subarray(at, at + size));
}

class PerfReader implements CountingReader {
  #rings: { readonly cpu: number; readonly ring: PerfRing }[];
  #map: PerfEventArrayMap;
  #open = true;

  constructor(map: PerfEventArrayMap, cpus: number, pages: number) {
    if (map.ring(0)) throw new BpfError('EBUSY', `the perf buffer ${map.attrs.name} is being read already`);
    this.#map = map;
    this.#rings = Array.from({ length: Math.min(cpus, map.attrs.maxEntries) }, (_, cpu) => ({
      cpu,
      ring: map.openRing(cpu, pages),
    }));
  }

  get written(): number {
    let sum = 0;
    for (const { ring } of this.#rings) sum += ring.written + ring.lostTotal;
    return sum;
  }

  consume(sink: RecordSink): number {
    if (!this.#open) return 0;
    let records = 0;
    for (const { cpu, ring } of this.#rings) {
      records += ring.read({
        onSample: spans(sink, cpu),
        onLost: (count) => sink.onLost(cpu, count),
      });
      // Nothing is left that could carry the LOST record: tell now what was dropped since the last sample.
      const lost = ring.takeLost();
      if (lost > 0) sink.onLost(cpu, lost);
    }
    return records;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const { cpu } of this.#rings) this.#map.closeSlot(cpu);
    this.#rings = [];
  }
}

class RingReader implements CountingReader {
  #map: RingbufMap;
  #open = true;

  /** Records without room that the sink knows of, or that were before it. */
  #told: number;

  constructor(map: RingbufMap) {
    this.#map = map;
    this.#told = map.dropped;
  }

  /** Bytes ever produced: it grows with every record. */
  get written(): number {
    return this.#map.query(RINGBUF_QUERY.PROD_POS);
  }

  consume(sink: RecordSink): number {
    if (!this.#open) return 0;
    const records = this.#map.consume(spans(sink, -1));
    // The kernel tells nobody but the program; here the map has counted.
    const lost = this.#map.dropped - this.#told;
    this.#told = this.#map.dropped;
    if (lost > 0) sink.onLost(-1, lost);
    return records;
  }

  close(): void {
    this.#open = false;
  }
}
