/** biolatency: how long requests to block devices take, as a histogram, with BCC's flags. */
import { readFileSync, statSync } from 'node:fs';
import { BpfError } from '../../core/base/errors.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { type Attachment, attachFirst } from '../attach.ts';
import { defines } from '../columns.ts';
import { reportHistograms } from '../histogram.ts';
import { plain } from '../report.ts';
import { defineTool } from '../tool.ts';
import text from './biolatency.c';

interface Options {
  timestamp?: boolean;
  queued?: boolean;
  milliseconds?: boolean;
  disks?: boolean;
  flags?: boolean;
  extension?: boolean;
  disk?: string;
}

interface Sums {
  readonly total: bigint;
  readonly count: bigint;
}

/** REQ_OP_* (include/linux/blk_types.h), by the names that BCC prints. */
const OPERATIONS: Readonly<Record<number, string>> = {
  0: 'Read',
  1: 'Write',
  2: 'Flush',
  3: 'Discard',
  5: 'SecureErase',
  6: 'ZoneReset',
  7: 'WriteSame',
  9: 'WriteZeros',
};
const OPERATION_BITS = 8;
/** REQ_* by their distance from the operation's bits, each put before what there is already. */
const FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [3, 'Sync'],
  [4, 'Metadata'],
  [9, 'ForcedUnitAccess'],
  [5, 'Priority'],
  [6, 'NoMerge'],
  [7, 'Idle'],
  [11, 'ReadAhead'],
  [12, 'Background'],
  [13, 'NoWait'],
];

const DONE = ['__blk_account_io_done', 'blk_account_io_done'];
const QUEUED = ['__blk_account_io_start', 'blk_account_io_start'];

export default defineTool<Options>({
  name: 'biolatency',
  summary: 'summarise the latency of block devices as a histogram',
  options: [
    { flags: '-T, --timestamp', description: 'include the time of day' },
    { flags: '-Q, --queued', description: 'include the time in the queue' },
    { flags: '-m, --milliseconds', description: 'a histogram of milliseconds' },
    { flags: '-D, --disks', description: 'a histogram for each disk' },
    { flags: '-F, --flags', description: 'a histogram for each set of flags' },
    { flags: '-e, --extension', description: 'also the average, the total and the count' },
    { flags: '-j, --json', description: 'one JSON object for each histogram' },
    { flags: '-d, --disk <disk>', description: 'trace this disk only (sda)' },
  ],
  args: ['[interval]', '[count]'],
  examples: `  skep biolatency --workload disks
  skep biolatency -mT 1 10
  skep biolatency -D -Q`,
  main(context) {
    const { options, bpf, title, print, json, warn } = context;
    const label = options.milliseconds ? 'msecs' : 'usecs';
    const device = options.disk === undefined ? undefined : deviceOf(options.disk);
    const b = bpf({
      text,
      cflags: [
        ...defines({
          UNIT: options.milliseconds ? 1_000_000 : 1000,
          BY_DISK: options.disks,
          BY_FLAGS: options.flags && !options.disks,
          EXTENSION: options.extension,
          FILTER_MAJOR: device?.major,
          FILTER_MINOR: device?.minor,
        }),
        ...(options.disks || device
          ? [`-DDISK=${BPF.kernelStructHasField('request', 'rq_disk') ? 'rq_disk' : 'q->disk'}`]
          : []),
      ],
    });
    attachFirst(
      b,
      options.queued
        ? ways(QUEUED, 'block_io_start', 'block_io_done')
        : ways(['blk_mq_start_request'], 'block_rq_issue', 'block_rq_complete'),
      warn,
    );
    title('Tracing block device I/O... Hit Ctrl-C to end.');
    reportHistograms(context, b, {
      label,
      ...(options.flags && !options.disks
        ? { section: 'flags', sectionText: (flags: bigint) => flagsText(Number(flags)) }
        : { section: 'disk', sectionText: (disk: string) => disk || '<unknown>' }),
      timestamp: options.timestamp ?? false,
      more() {
        if (!options.extension) return;
        const table = b.getTable<number, Sums>('extension');
        const { total, count } = table.get(0)!;
        table.clear();
        if (count === 0n) return;
        const average = total / count;
        if (json)
          print(JSON.stringify({ avg: plain(average), val_type: label, total: plain(total), count: plain(count) }));
        else print(`\navg = ${average} ${label}, total: ${total} ${label}, count: ${count}\n`);
      },
    });
  },
});

/** By functions, whose names changed over the years, and by the tracepoints of the same places. */
function ways(starts: readonly string[], startEvent: string, endEvent: string): Attachment[][] {
  const byFunction = starts.flatMap((start) =>
    DONE.map((done): Attachment[] => [
      { kind: 'kprobe', target: start, fn: 'on_start' },
      { kind: 'kprobe', target: done, fn: 'on_end' },
    ]),
  );
  return [
    ...byFunction,
    [
      { kind: 'raw_tracepoint', target: startEvent, fn: 'on_start_event' },
      { kind: 'raw_tracepoint', target: endEvent, fn: 'on_end_event' },
    ],
  ];
}

export function flagsText(flags: number): string {
  const operation = OPERATIONS[flags & ((1 << OPERATION_BITS) - 1)] ?? 'Unknown';
  const set = FLAGS.filter(([bit]) => (flags & (1 << (OPERATION_BITS + bit))) !== 0);
  return set.reduce((text, [, name]) => `${name}-${text}`, operation);
}

/** Numbers of a disk: of its node in /dev, or as sysfs has them where /dev lacks it. */
function deviceOf(disk: string): { readonly major: number; readonly minor: number } {
  try {
    const { rdev } = statSync(`/dev/${disk}`);
    // makedev(3) of the C library.
    return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
  } catch {
    try {
      const [major, minor] = readFileSync(`/sys/block/${disk}/dev`, 'utf8').trim().split(':').map(Number);
      return { major: major!, minor: minor! };
    } catch {
      throw new BpfError('ENOENT', `biolatency: no such disk '${disk}'`);
    }
  }
}
