/** execsnoop: a line for every new program that a process becomes, with BCC's flags and columns. */
import { BpfError } from '../../core/base/errors.ts';
import { defines, timeOfDay } from '../columns.ts';
import { CONTAINER_OPTIONS, type ContainerOptions, withContainers } from '../containers.ts';
import { eachEvent } from '../interval.ts';
import { defineTool } from '../tool.ts';
import text from './execsnoop.c';

interface Options extends ContainerOptions {
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
    ...CONTAINER_OPTIONS,
    { flags: '-u, --uid <user>', description: 'trace this user only (an id or a name)', type: 'user' },
    { flags: '-q, --quote', description: 'put quotes around the arguments' },
    { flags: '-n, --name <pattern>', description: 'only commands whose name matches this regular expression' },
    { flags: '-l, --line <pattern>', description: 'only commands whose arguments match this regular expression' },
    { flags: '-U, --print-uid', description: 'print the UID column' },
    { flags: '-P, --ppid <ppid>', description: 'only children of this process', type: 'pid' },
    { flags: '--max-args <count>', description: 'arguments that are shown at most', type: 'count', default: 20 },
  ],
  examples: `  skep execsnoop -- sh -c 'date; ls /'
  skep execsnoop -x -T -- make`,
  main({ options, bpf, report }) {
    const name = pattern('-n', options.name);
    const line = pattern('-l', options.line);
    const b = bpf({
      text: withContainers(text, options),
      cflags: [...defines({ FILTER_UID: options.uid, FILTER_PPID: options.ppid, MAX_ARGS: options.maxArgs })],
    });
    const start = b.monotonicTime();
    const table = report<ExecEvent & { readonly args: readonly string[] }>([
      { name: 'TIME', cell: '%-9s', when: options.time, value: () => timeOfDay() },
      {
        name: 'TIME(s)',
        cell: '%-8.3f',
        when: options.timestamp,
        value: () => Number(b.monotonicTime() - start) / 1e9,
      },
      { name: 'UID', cell: '%-6d', when: options.printUid, value: (e) => e.uid },
      { name: 'PCOMM', cell: '%-16s ', value: (e) => e.comm },
      { name: 'PID', cell: '%-7d ', value: (e) => e.pid },
      { name: 'PPID', cell: '%-7s ', value: (e) => (e.ppid > 0 ? e.ppid : '?') },
      { name: 'RET', cell: '%3d ', value: (e) => e.retval },
      {
        name: 'ARGS',
        cell: '%s',
        value: (e) => e.args.join(' ').replaceAll('\n', '\\n'),
        json: (e) => e.args.join(' '),
      },
    ]);
    /** Arguments seen of each exec() under way, by process. */
    const pending = new Map<number, string[]>();
    eachEvent<ExecEvent>(b, 'events', { ready: () => table.header() }, (e) => {
      const args = pending.get(e.pid) ?? [];
      if (!e.is_return) {
        pending.set(e.pid, args);
        args.push(e.argv);
        return;
      }
      pending.delete(e.pid);
      if (e.retval !== 0 && !options.fails) return;
      if (name && !name.test(e.comm)) return;
      if (line && !line.test(args.join(' '))) return;
      table.row({ ...e, args: options.quote ? args.map((arg) => `"${arg.replaceAll('"', '\\"')}"`) : args });
    });
  },
});

function pattern(flag: string, text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text);
  } catch (error) {
    throw new BpfError('EINVAL', `execsnoop: ${flag} '${text}' is no regular expression: ${(error as Error).message}`);
  }
}
