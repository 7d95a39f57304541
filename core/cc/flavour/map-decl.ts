/** A BPF map as the program declares it, before it becomes a MapSpec. */
import type { CType } from '../ctype.ts';
import type { Token } from '../token.ts';

export interface MapDecl {
  readonly name: string;
  /** Name of the map table (core/maps): 'hash', 'perf_event_array', ...; '' for a map that another module owns. */
  readonly type: string;
  /** Undefined where the map has none (queues, ring buffers). */
  readonly key: CType | undefined;
  readonly value: CType | undefined;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** map_extra. */
  readonly extra?: number;
  readonly at: Token;
  /** bpffs path of BPF_TABLE_PINNED. */
  readonly pin?: string;
  /** Shared between modules under this name (BPF_TABLE_PUBLIC, BPF_TABLE_SHARED), or taken from one ("extern"). */
  readonly share?: 'public' | 'shared' | 'extern';
  /** Map-in-map: name of the map whose shape the inner maps have. */
  readonly inner?: string;
  /** Only the shape of another map's inner maps: no map of its own. */
  readonly shape?: boolean;
  /** The macro's name, for messages. */
  readonly macro: string;
  /** What perf_submit and ringbuf_* were seen to send. */
  event?: CType;
  used: boolean;
}
