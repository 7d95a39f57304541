/** tcpconnect: a line for every active TCP connection, or counts of them, with BCC's flags and columns. */
import { BpfError } from '../../core/base/errors.ts';
import { defines, ipv4, ipv6, left } from '../columns.ts';
import { defineTool } from '../tool.ts';
import text from './tcpconnect.c';

interface Options {
  timestamp?: boolean;
  pid?: number;
  port?: string;
  ipv4?: boolean;
  ipv6?: boolean;
  lport?: boolean;
  printUid?: boolean;
  uid?: number;
  count?: boolean;
}

const AF_INET = 2;
const AF_INET6 = 10;

interface Flow {
  ip: number;
  dport: number;
  saddr: Uint8Array;
  daddr: Uint8Array;
}

interface ConnectEvent extends Flow {
  ts_us: bigint;
  pid: number;
  uid: number;
  lport: number;
  comm: string;
}

export default defineTool<Options>({
  name: 'tcpconnect',
  summary: 'trace active TCP connections by connect()',
  options: [
    { flags: '-t, --timestamp', description: 'include seconds since the first event' },
    { flags: '-p, --pid <pid>', description: 'trace this process only', type: 'number' },
    { flags: '-P, --port <ports>', description: 'only these destination ports, separated by commas' },
    { flags: '-4, --ipv4', description: 'trace IPv4 only' },
    { flags: '-6, --ipv6', description: 'trace IPv6 only' },
    { flags: '-L, --lport', description: 'include the local port' },
    { flags: '-U, --print-uid', description: 'print the UID column' },
    { flags: '-u, --uid <uid>', description: 'trace this user only', type: 'number' },
    { flags: '-c, --count', description: 'count connects per source, destination and port' },
  ],
  examples: `  skep tcpconnect -- curl -s http://127.0.0.1:8080/
  skep tcpconnect -P 80,443 -U -- wget http://127.0.0.1/
  skep tcpconnect -c --workload connects`,
  main({ options, bpf, print }) {
    if (options.ipv4 && options.ipv6) throw new BpfError('EINVAL', 'tcpconnect: -4 and -6 exclude each other');
    const ports = options.port === undefined ? [] : portsOf(options.port);
    const b = bpf({
      text,
      cflags: [
        ...defines({
          FILTER_PID: options.pid,
          FILTER_UID: options.uid,
          // As in BCC it is the socket's family that counts: an IPv6 socket to ::ffff:a.b.c.d is IPv6, though it connects over IPv4.
          FILTER_FAMILY: options.ipv4 ? AF_INET : options.ipv6 ? AF_INET6 : undefined,
          COUNT: options.count,
        }),
        ...(ports.length > 0 ? [`-DFILTER_PORTS=(${ports.map((port) => `dport==${port}`).join('||')})`] : []),
      ],
    });
    const address = (e: Flow, which: 'saddr' | 'daddr') => (e.ip === 4 ? ipv4(e[which]) : ipv6(e[which]));
    print('Tracing connect ... Hit Ctrl-C to end');
    if (options.count) {
      b.wait();
      print('');
      print(`${left('LADDR', 25)} ${left('RADDR', 25)} ${left('RPORT', 20)} ${left('CONNECTS', 10)}`);
      const rows = b.getTable<Flow, bigint>('counts').items();
      rows.sort(([a, n], [c, m]) => a.ip - c.ip || Number(m - n));
      for (const [flow, count] of rows) {
        const cells = [left(address(flow, 'saddr'), 25), left(address(flow, 'daddr'), 25), left(flow.dport, 20)];
        print(`${cells.join(' ')} ${left(count, 10)}`);
      }
      return;
    }
    const events = b.events<ConnectEvent>('events');
    print(
      (options.timestamp ? left('TIME(s)', 9) : '') +
        (options.printUid ? left('UID', 6) : '') +
        `${left('PID', 7)} ${left('COMM', 12)} ${left('IP', 2)} ${left('SADDR', 16)} ` +
        (options.lport ? `${left('LPORT', 6)} ` : '') +
        `${left('DADDR', 16)} ${left('DPORT', 6)}`,
    );
    let first: bigint | undefined;
    for (const e of events) {
      first ??= e.ts_us;
      print(
        (options.timestamp ? left((Number(e.ts_us - first) / 1e6).toFixed(3), 9) : '') +
          (options.printUid ? left(e.uid, 6) : '') +
          `${left(e.pid, 7)} ${left(e.comm, 12, 12)} ${left(e.ip, 2)} ${left(address(e, 'saddr'), 16)} ` +
          (options.lport ? `${left(e.lport, 6)} ` : '') +
          // BCC leaves a column for -d, the name that was looked up.
          `${left(address(e, 'daddr'), 16)} ${left(e.dport, 6)} `,
      );
    }
  },
});

function portsOf(list: string): number[] {
  return list.split(',').map((text) => {
    const port = Number(text);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new BpfError('EINVAL', `tcpconnect: '${text}' is no port`);
    return port;
  });
}
