/** struct perf_event_attr (include/uapi/linux/perf_event.h, PERF_ATTR_SIZE_VER6) for attach_perf_event_raw: bytes from fields by name. */
import { BpfError } from '../base/errors.ts';

const SIZE = 120;

/** Field, byte offset, bytes. */
const FIELDS = {
  type: [0, 4],
  size: [4, 4],
  config: [8, 8],
  sample_period: [16, 8],
  sample_freq: [16, 8],
  sample_type: [24, 8],
  read_format: [32, 8],
  wakeup_events: [48, 4],
  wakeup_watermark: [48, 4],
  bp_type: [52, 4],
  bp_addr: [56, 8],
  config1: [56, 8],
  bp_len: [64, 8],
  config2: [64, 8],
  branch_sample_type: [72, 8],
  sample_regs_user: [80, 8],
  sample_stack_user: [88, 4],
  clockid: [92, 4],
  sample_regs_intr: [96, 8],
  aux_watermark: [104, 4],
  sample_max_stack: [108, 2],
  aux_sample_size: [112, 4],
} as const satisfies Record<string, readonly [offset: number, bytes: number]>;

/** The one-bit fields of byte 40, from the lowest; precise_ip has two. */
const FLAGS = [
  'disabled',
  'inherit',
  'pinned',
  'exclusive',
  'exclude_user',
  'exclude_kernel',
  'exclude_hv',
  'exclude_idle',
  'mmap',
  'comm',
  'freq',
  'inherit_stat',
  'enable_on_exec',
  'task',
  'watermark',
  'precise_ip',
  'precise_ip_high',
  'mmap_data',
  'sample_id_all',
  'exclude_host',
  'exclude_guest',
  'exclude_callchain_kernel',
  'exclude_callchain_user',
  'mmap2',
  'comm_exec',
  'use_clockid',
  'context_switch',
  'write_backward',
  'namespaces',
  'ksymbol',
  'bpf_event',
  'aux_output',
  'cgroup',
  'text_poke',
] as const;
const FLAGS_AT = 40;
const FREQ = 1n << BigInt(FLAGS.indexOf('freq'));

export interface PerfAttr {
  readonly bytes: Uint8Array;
  readonly type: number;
  readonly config: bigint;
  /** One of the two, by the bit `freq`. */
  readonly samplePeriod?: number;
  readonly sampleFreq?: number;
}

/** Throws BpfError BAD_VALUE for a field that is none, and for bytes too few to be one. */
export function encodePerfAttr(attr: Uint8Array | Readonly<Record<string, number | bigint>>): PerfAttr {
  const bytes = attr instanceof Uint8Array ? attr.slice() : fromFields(attr);
  if (bytes.length < 64)
    throw new BpfError('BAD_VALUE', `a struct perf_event_attr has 64 bytes or more, not ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const period = Number(view.getBigUint64(16, true));
  const byFrequency = (view.getBigUint64(FLAGS_AT, true) & FREQ) !== 0n;
  return {
    bytes,
    type: view.getUint32(0, true),
    config: view.getBigUint64(8, true),
    ...(byFrequency ? { sampleFreq: period } : { samplePeriod: period }),
  };
}

function fromFields(fields: Readonly<Record<string, number | bigint>>): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(FIELDS.size[0], SIZE, true);
  let flags = 0n;
  for (const [name, value] of Object.entries(fields)) {
    const bit = (FLAGS as readonly string[]).indexOf(name);
    const field = (FIELDS as Readonly<Record<string, readonly [number, number]>>)[name];
    if (bit >= 0) flags |= BigInt.asUintN(name === 'precise_ip' ? 2 : 1, BigInt(value)) << BigInt(bit);
    else if (field)
      for (let i = 0; i < field[1]; i++) bytes[field[0] + i] = Number((BigInt(value) >> BigInt(8 * i)) & 255n);
    else throw new BpfError('BAD_VALUE', `struct perf_event_attr has no field '${name}'`);
  }
  view.setBigUint64(FLAGS_AT, flags, true);
  return bytes;
}
