/** vfsstat: calls of the virtual file system by second, with BCC's flags and columns. */
import { defines, left, right, timeOfDay } from '../columns.ts';
import { countArgument, everyInterval, FOREVER } from '../interval.ts';
import { defineTool } from '../tool.ts';
import text from './vfsstat.c';

/** Columns in BCC's order: the index is the slot. Each is `vfs_` + name, and `on_` + name in the C file. */
const STATS = ['read', 'write', 'fsync', 'open', 'create'] as const;

export default defineTool<{ pid?: number }>({
  name: 'vfsstat',
  summary: 'count calls of the virtual file system',
  options: [{ flags: '-p, --pid <pid>', description: 'trace this process only', type: 'number' }],
  args: ['[interval]', '[count]'],
  examples: `  skep vfsstat -- cat /etc/hostname
  skep vfsstat 5 3 -- make`,
  main({ options, args, bpf, print, warn }) {
    const intervalS = countArgument(args[0], 'interval', 1);
    const times = countArgument(args[1], 'count', FOREVER);
    const b = bpf({ text, cflags: defines({ FILTER_PID: options.pid, STATS: STATS.length }) });
    const missing: string[] = [];
    for (const name of STATS) {
      if (b.getKprobeFunctions(`vfs_${name}$`).length === 0) missing.push(`vfs_${name}`);
      else b.attachKprobe({ event: `vfs_${name}`, fnName: `on_${name}` });
    }
    if (missing.length > 0) warn(`vfsstat: this kernel never passes ${missing.join(', ')}: no counts of it`);
    print(`${left('TIME', 8)}  ${STATS.map((name) => ` ${right(`${name.toUpperCase()}/s`, 8)}`).join('')}`);
    const stats = b.getTable<number, bigint>('stats');
    everyInterval(b, { intervalS, times }, () => {
      const cells = STATS.map((_, slot) => ` ${right(Math.trunc(Number(stats.get(slot)) / intervalS), 8)}`);
      print(`${left(timeOfDay(), 8)}: ${cells.join('')}`);
      stats.clear();
    });
  },
});
