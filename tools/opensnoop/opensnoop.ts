/** opensnoop: a line for every open(2) and its kin, with BCC's flags and columns. */
import { BpfError } from '../../core/base/errors.ts';
import { defines } from '../columns.ts';
import { CONTAINER_OPTIONS, type ContainerOptions, withContainers } from '../containers.ts';
import { eachEvent } from '../interval.ts';
import { defineTool } from '../tool.ts';
import { OPEN_FLAGS } from './flags.ts';
import text from './opensnoop.c';

interface Options extends ContainerOptions {
  timestamp?: boolean;
  printUid?: boolean;
  failed?: boolean;
  pid?: number;
  tid?: number;
  uid?: number;
  duration?: number;
  name?: string;
  extended_fields?: boolean;
  flag_filter?: string[];
  fullPath?: boolean;
  bufferPages: number;
}

interface OpenEvent {
  id: bigint;
  ts_us: bigint;
  uid: number;
  ret: number;
  flags: number;
  /** With -F: a part of the working directory's path follows the name, innermost first, until `last`. */
  last: number;
  comm: string;
  name: string;
}

interface Line extends OpenEvent {
  readonly seconds: number;
  readonly path: string;
}

export default defineTool<Options>({
  name: 'opensnoop',
  summary: 'trace open() and its kin',
  options: [
    { flags: '-T, --timestamp', description: 'include seconds since the first event' },
    { flags: '-U, --print-uid', description: 'print the UID column' },
    { flags: '-x, --failed', description: 'only show failed opens' },
    { flags: '-p, --pid <pid>', description: 'trace this process only', type: 'pid' },
    { flags: '-t, --tid <tid>', description: 'trace this thread only', type: 'pid' },
    ...CONTAINER_OPTIONS,
    { flags: '-u, --uid <uid>', description: 'trace this user only', type: 'uid' },
    { flags: '-d, --duration <seconds>', description: 'end after so many seconds', type: 'seconds' },
    { flags: '-n, --name <name>', description: 'only print process names containing this name' },
    { flags: '-e, --extended_fields', description: 'show the flags of the open' },
    {
      flags: '-f, --flag_filter <flag>',
      description: 'only opens with this flag (O_WRONLY); may be given several times',
      repeated: true,
    },
    { flags: '-F, --full-path', description: 'show the full path of a relative name' },
    { flags: '-b, --buffer-pages <pages>', description: 'pages of each perf buffer', type: 'pages', default: 64 },
  ],
  examples: `  skep opensnoop -- cat /etc/hostname
  skep opensnoop -x -- ls /nonexistent
  skep opensnoop -e -f O_WRONLY -f O_RDWR -- sh -c 'echo > /tmp/x'
  skep opensnoop -d 10 -T`,
  main({ options, bpf, report }) {
    const { extended_fields: extended, flag_filter: filter, tid } = options;
    const b = bpf({
      text: withContainers(text, options),
      cflags: [
        ...defines({
          // A thread goes before a process, as in BCC.
          FILTER_PID: tid === undefined ? options.pid : undefined,
          FILTER_TID: tid,
          FILTER_UID: options.uid,
          FILTER_FLAGS: filter && flagsOf(filter),
          FAILED_ONLY: options.failed,
          FULL_PATH: options.fullPath,
        }),
      ],
    });
    const table = report<Line>([
      { name: 'TIME(s)', cell: '%-14.9f', when: options.timestamp, value: (e) => e.seconds },
      { name: 'UID', cell: '%-6d', when: options.printUid, value: (e) => e.uid },
      { name: 'PID', cell: '%-6d ', when: tid === undefined, value: (e) => e.id >> 32n },
      { name: 'TID', cell: '%-6d ', when: tid !== undefined, value: (e) => e.id & 0xffffffffn },
      { name: 'COMM', cell: '%-16s ', value: (e) => e.comm },
      { name: 'FD', cell: '%4d ', value: (e) => (e.ret >= 0 ? e.ret : -1) },
      { name: 'ERR', cell: '%3d ', value: (e) => (e.ret >= 0 ? 0 : -e.ret) },
      { name: 'FLAGS', cell: '%08o ', header: '%-9s', when: extended, value: (e) => e.flags },
      { name: 'PATH', cell: '%s', value: (e) => e.path },
    ]);
    let first: bigint | undefined;
    /** With -F: the parts of each open's path that came so far, by thread. */
    const parts = new Map<bigint, string[]>();
    eachEvent<OpenEvent>(
      b,
      'events',
      { pageCnt: options.bufferPages, durationS: options.duration, ready: () => table.header() },
      (e) => {
        let path = e.name;
        if (options.fullPath) {
          const known = parts.get(e.id) ?? [];
          known.push(e.name);
          parts.set(e.id, known);
          if (!e.last) return;
          parts.delete(e.id);
          path = joinPath(known);
        }
        first ??= e.ts_us;
        if (options.name !== undefined && !e.comm.includes(options.name)) return;
        table.row({ ...e, path, seconds: Number(e.ts_us - first) / 1e6 });
      },
    );
  },
});

/** The name, then directories from the innermost out to the root's '/'. */
function joinPath([name = '', ...directories]: readonly string[]): string {
  return [...directories].reverse().concat(name).join('/').replace(/^\/+/, '/');
}

function flagsOf(names: readonly string[]): number {
  return names.reduce((mask, name) => {
    const flag = OPEN_FLAGS[name];
    if (flag === undefined)
      throw new BpfError(
        'EINVAL',
        `opensnoop: '${name}' is no flag of open; there is ${Object.keys(OPEN_FLAGS).join(', ')}`,
      );
    return mask | flag;
  }, 0);
}
