/** opensnoop: a line for every open(2) and its kin, with BCC's flags and columns. */
import { BpfError } from '../../core/base/errors.ts';
import { defines, left, right } from '../columns.ts';
import { defineTool } from '../tool.ts';
import text from './opensnoop.c';

interface Options {
  timestamp?: boolean;
  printUid?: boolean;
  failed?: boolean;
  pid?: number;
  tid?: number;
  uid?: number;
  name?: string;
  extended_fields?: boolean;
  flag_filter?: string;
  bufferPages: number;
}

interface OpenEvent {
  id: bigint;
  ts_us: bigint;
  uid: number;
  ret: number;
  flags: number;
  comm: string;
  name: string;
}

/** open(2)'s flags of x86-64 (include/uapi/asm-generic/fcntl.h), by their C names. */
const OPEN_FLAGS: Readonly<Record<string, number>> = {
  O_WRONLY: 0o1,
  O_RDWR: 0o2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_DSYNC: 0o10000,
  O_DIRECTORY: 0o200000,
  O_NOFOLLOW: 0o400000,
  O_CLOEXEC: 0o2000000,
  O_SYNC: 0o4010000,
  O_PATH: 0o10000000,
  O_TMPFILE: 0o20200000,
};

export default defineTool<Options>({
  name: 'opensnoop',
  summary: 'trace open() and its kin',
  options: [
    { flags: '-T, --timestamp', description: 'include seconds since the first event' },
    { flags: '-U, --print-uid', description: 'print the UID column' },
    { flags: '-x, --failed', description: 'only show failed opens' },
    { flags: '-p, --pid <pid>', description: 'trace this process only', type: 'number' },
    { flags: '-t, --tid <tid>', description: 'trace this thread only', type: 'number' },
    { flags: '-u, --uid <uid>', description: 'trace this user only', type: 'number' },
    { flags: '-n, --name <name>', description: 'only print process names containing this name' },
    { flags: '-e, --extended_fields', description: 'show the flags of the open' },
    { flags: '-f, --flag_filter <flags>', description: 'only opens with one of these flags (O_WRONLY,O_CREAT)' },
    { flags: '-b, --buffer-pages <pages>', description: 'pages of each perf buffer', type: 'number', default: 64 },
  ],
  examples: `  skep opensnoop -- cat /etc/hostname
  skep opensnoop -x -- ls /nonexistent
  skep opensnoop -e -f O_WRONLY,O_RDWR -- sh -c 'echo > /tmp/x'`,
  main({ options, bpf, print }) {
    const { extended_fields: extended, flag_filter: filter } = options;
    const b = bpf({
      text,
      cflags: defines({
        FILTER_PID: options.pid,
        FILTER_TID: options.tid,
        FILTER_UID: options.uid,
        FILTER_FLAGS: filter === undefined ? undefined : flagsOf(filter),
        FAILED_ONLY: options.failed,
      }),
    });
    const events = b.events<OpenEvent>('events', { pageCnt: options.bufferPages });
    print(
      (options.timestamp ? left('TIME(s)', 14) : '') +
        (options.printUid ? left('UID', 6) : '') +
        `${left(options.tid === undefined ? 'PID' : 'TID', 6)} ${left('COMM', 16)} ${right('FD', 4)} ${right('ERR', 3)} ` +
        (extended ? left('FLAGS', 9) : '') +
        'PATH',
    );
    let first: bigint | undefined;
    for (const e of events) {
      if (options.name !== undefined && !e.comm.includes(options.name)) continue;
      first ??= e.ts_us;
      const [fd, err] = e.ret >= 0 ? [e.ret, 0] : [-1, -e.ret];
      const id = options.tid === undefined ? e.id >> 32n : e.id & 0xffffffffn;
      print(
        (options.timestamp ? left((Number(e.ts_us - first) / 1e6).toFixed(9), 14) : '') +
          (options.printUid ? left(e.uid, 6) : '') +
          `${left(id, 6)} ${left(e.comm, 16)} ${right(fd, 4)} ${right(err, 3)} ` +
          (extended ? `${e.flags.toString(8).padStart(8, '0')} ` : '') +
          e.name,
      );
    }
  },
});

function flagsOf(list: string): number {
  return list.split(/[,|\s]+/).reduce((mask, name) => {
    const flag = OPEN_FLAGS[name];
    if (flag === undefined)
      throw new BpfError(
        'EINVAL',
        `opensnoop: '${name}' is no flag of open; there is ${Object.keys(OPEN_FLAGS).join(', ')}`,
      );
    return mask | flag;
  }, 0);
}
