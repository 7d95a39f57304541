/** execsnoop: a line for every new program that a process becomes, with BCC's flags and columns. */
import { defines, left, right, timeOfDay } from '../columns.ts';
import { defineTool } from '../tool.ts';
import text from './execsnoop.c';

interface Options {
  time?: boolean;
  timestamp?: boolean;
  fails?: boolean;
  quote?: boolean;
  name?: string;
  line?: string;
  printUid?: boolean;
  uid?: number;
  ppid?: number;
  maxArgs: number;
}

interface ExecEvent {
  pid: number;
  ppid: number;
  uid: number;
  is_return: number;
  comm: string;
  argv: string;
  retval: number;
}

export default defineTool<Options>({
  name: 'execsnoop',
  summary: 'trace new processes by exec()',
  options: [
    { flags: '-T, --time', description: 'include the time of day' },
    { flags: '-t, --timestamp', description: 'include seconds since the tool started' },
    { flags: '-x, --fails', description: 'include failed exec()s' },
    { flags: '-q, --quote', description: 'put quotes around the arguments' },
    { flags: '-n, --name <pattern>', description: 'only commands whose name matches this regular expression' },
    { flags: '-l, --line <pattern>', description: 'only commands whose arguments match this regular expression' },
    { flags: '-U, --print-uid', description: 'print the UID column' },
    { flags: '-u, --uid <uid>', description: 'trace this user only', type: 'number' },
    { flags: '-P, --ppid <ppid>', description: 'only children of this process', type: 'number' },
    { flags: '--max-args <count>', description: 'arguments that are shown at most', type: 'number', default: 20 },
  ],
  examples: `  skep execsnoop -- sh -c 'date; ls /'
  skep execsnoop -x -T -- make`,
  main({ options, bpf, print }) {
    const b = bpf({
      text,
      cflags: defines({ FILTER_UID: options.uid, FILTER_PPID: options.ppid, MAX_ARGS: options.maxArgs }),
    });
    const events = b.events<ExecEvent>('events');
    const start = b.monotonicTime();
    const name = options.name === undefined ? undefined : new RegExp(options.name);
    const line = options.line === undefined ? undefined : new RegExp(options.line);
    print(
      (options.time ? left('TIME', 9) : '') +
        (options.timestamp ? left('TIME(s)', 8) : '') +
        (options.printUid ? left('UID', 6) : '') +
        `${left('PCOMM', 16)} ${left('PID', 7)} ${left('PPID', 7)} ${right('RET', 3)} ARGS`,
    );
    /** Arguments seen of each exec() under way, by process. */
    const pending = new Map<number, string[]>();
    for (const e of events) {
      const args = pending.get(e.pid) ?? [];
      if (!e.is_return) {
        pending.set(e.pid, args);
        args.push(e.argv);
        continue;
      }
      pending.delete(e.pid);
      if (e.retval !== 0 && !options.fails) continue;
      if (name && !name.test(e.comm)) continue;
      if (line && !line.test(args.join(' '))) continue;
      const shown = options.quote ? args.map((arg) => `"${arg.replaceAll('"', '\\"')}"`) : args;
      print(
        (options.time ? left(timeOfDay(), 9) : '') +
          (options.timestamp ? left((Number(b.monotonicTime() - start) / 1e9).toFixed(3), 8) : '') +
          (options.printUid ? left(e.uid, 6) : '') +
          `${left(e.comm, 16)} ${left(e.pid, 7)} ${left(e.ppid > 0 ? e.ppid : '?', 7)} ${right(e.retval, 3)} ` +
          shown.join(' ').replaceAll('\n', '\\n'),
      );
    }
  },
});
