/** vfsstat: calls of the virtual file system by second, with BCC's flags and columns. */
import { BpfError } from '../../core/base/errors.ts';
import { attachFirst } from '../attach.ts';
import { defines, timeOfDay } from '../columns.ts';
import { countArgument, everyInterval, FOREVER } from '../interval.ts';
import type { Column } from '../report.ts';
import { defineTool } from '../tool.ts';
import text from './vfsstat.c';

/** Columns in BCC's order: the index is the slot. `on_` + name in the C file. */
const STATS = [
  { name: 'read', functions: ['vfs_read'] },
  { name: 'write', functions: ['vfs_write'] },
  { name: 'fsync', functions: ['vfs_fsync_range', 'vfs_fsync'] },
  { name: 'open', functions: ['vfs_open'] },
  { name: 'create', functions: ['vfs_create'] },
] as const;

interface Second {
  readonly time: string;
  readonly counts: readonly number[];
}

export default defineTool<{ pid?: number }>({
  name: 'vfsstat',
  summary: 'count calls of the virtual file system',
  options: [{ flags: '-p, --pid <pid>', description: 'trace this process only', type: 'pid' }],
  args: ['[interval]', '[count]'],
  examples: `  skep vfsstat -- cat /etc/hostname
  skep vfsstat 5 3 -- make`,
  main({ options, args, bpf, report, warn }) {
    const intervalS = countArgument(args[0], 'interval', 1);
    const times = countArgument(args[1], 'count', FOREVER);
    const b = bpf({ text, cflags: defines({ FILTER_PID: options.pid, STATS: STATS.length }) });
    const missing: BpfError[] = [];
    for (const { name, functions } of STATS) {
      try {
        attachFirst(
          b,
          functions.map((target) => [{ kind: 'kprobe', target, fn: `on_${name}` }]),
          warn,
        );
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        missing.push(error);
      }
    }
    // A kernel that inlined one of them still has the others.
    if (missing.length === STATS.length) throw missing[0]!;
    for (const error of missing) warn(`vfsstat: no counts: ${error.message}`);
    const table = report<Second>([
      { name: 'TIME', cell: '%-8s: ', header: '%-8s  ', value: (s) => s.time },
      ...STATS.map(({ name }, i): Column<Second> => {
        return { name: `${name.toUpperCase()}/s`, cell: ' %8d', value: (s) => s.counts[i]! };
      }),
    ]);
    table.header();
    const stats = b.getTable<number, bigint>('stats');
    everyInterval(b, { intervalS, times }, () => {
      const counts = STATS.map((_, slot) => Math.trunc(Number(stats.get(slot)) / intervalS));
      table.row({ time: timeOfDay(), counts });
      stats.clear();
    });
  },
});
