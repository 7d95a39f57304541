/** tcpconnect: a line for every active TCP connection, or counts of them, with BCC's flags and columns. */
import { BpfError } from '../../core/base/errors.ts';
import { ipv4Text, ipv6Text } from '../../core/base/inet.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { attachFirst } from '../attach.ts';
import { defines } from '../columns.ts';
import { CONTAINER_OPTIONS, type ContainerOptions, withContainers } from '../containers.ts';
import { eachRecord } from '../interval.ts';
import { defineTool } from '../tool.ts';
import { readAnswer } from './dns.ts';
import text from './tcpconnect.c';

interface Options extends ContainerOptions {
  timestamp?: boolean;
  pid?: number;
  port?: string;
  ipv4?: boolean;
  ipv6?: boolean;
  lport?: boolean;
  printUid?: boolean;
  uid?: number;
  count?: boolean;
  dns?: boolean;
}

const AF_INET = 2;
const AF_INET6 = 10;
/** A name that was asked for longer ago than this is shown with its age. */
const DELAY_MS = 100;

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
    { flags: '-p, --pid <pid>', description: 'trace this process only', type: 'pid' },
    { flags: '-P, --port <ports>', description: 'only these destination ports, separated by commas' },
    { flags: '-4, --ipv4', description: 'trace IPv4 only' },
    { flags: '-6, --ipv6', description: 'trace IPv6 only' },
    { flags: '-L, --lport', description: 'include the local port' },
    { flags: '-U, --print-uid', description: 'print the UID column' },
    { flags: '-u, --uid <uid>', description: 'trace this user only', type: 'uid' },
    { flags: '-c, --count', description: 'count connects per source, destination and port' },
    ...CONTAINER_OPTIONS,
    { flags: '-d, --dns', description: 'include the name that was looked up before' },
  ],
  examples: `  skep tcpconnect -- curl -s http://127.0.0.1:8080/
  skep tcpconnect -P 80,443 -U -- wget http://127.0.0.1/
  skep tcpconnect -c --workload connects`,
  main({ options, bpf, report, title, warn }) {
    if (options.ipv4 && options.ipv6) throw new BpfError('EINVAL', 'tcpconnect: -4 and -6 exclude each other');
    if (options.count && options.dns) throw new BpfError('EINVAL', 'tcpconnect: -c and -d exclude each other');
    const ports = options.port === undefined ? [] : portsOf(options.port);
    const b = bpf({
      text: withContainers(text, options),
      cflags: [
        ...defines({
          FILTER_PID: options.pid,
          FILTER_UID: options.uid,
          // As in BCC it is the socket's family that counts: an IPv6 socket to ::ffff:a.b.c.d is IPv6, though it connects over IPv4.
          FILTER_FAMILY: options.ipv4 ? AF_INET : options.ipv6 ? AF_INET6 : undefined,
          COUNT: options.count,
          DNS: options.dns,
        }),
        ...(options.dns ? vectorFlags() : []),
        ...(ports.length > 0 ? [`-DFILTER_PORTS=(${ports.map((port) => `dport==${port}`).join('||')})`] : []),
      ],
    });
    attachFirst(
      b,
      [
        [
          { kind: 'kprobe', target: 'tcp_v4_connect', fn: 'on_connect' },
          { kind: 'kprobe', target: 'tcp_v6_connect', fn: 'on_connect' },
          { kind: 'kretprobe', target: 'tcp_v4_connect', fn: 'on_v4_return' },
          { kind: 'kretprobe', target: 'tcp_v6_connect', fn: 'on_v6_return' },
        ],
        [{ kind: 'raw_tracepoint', target: 'inet_sock_set_state', fn: 'on_state' }],
      ],
      warn,
    );
    if (options.dns) attachReceivers(b);
    const address = (e: Flow, which: 'saddr' | 'daddr') => (e.ip === 4 ? ipv4Text(e[which]) : ipv6Text(e[which]));
    title('Tracing connect ... Hit Ctrl-C to end');
    if (options.count) {
      b.wait();
      title('');
      const table = report<readonly [Flow, bigint]>([
        { name: 'LADDR', cell: '%-25s ', value: ([flow]) => address(flow, 'saddr') },
        { name: 'RADDR', cell: '%-25s ', value: ([flow]) => address(flow, 'daddr') },
        { name: 'RPORT', cell: '%-20s ', value: ([flow]) => flow.dport },
        { name: 'CONNECTS', cell: '%-10d', value: ([, count]) => count },
      ]);
      table.header();
      const rows = b.getTable<Flow, bigint>('counts').items();
      rows.sort(([a, n], [c, m]) => a.ip - c.ip || Number(m - n));
      for (const row of rows) table.row(row);
      return;
    }
    let first: bigint | undefined;
    const names = new Names(() => Number(b.monotonicTime()) / 1e6);
    const table = report<ConnectEvent>([
      { name: 'TIME(s)', cell: '%-9.3f', when: options.timestamp, value: (e) => Number(e.ts_us - first!) / 1e6 },
      { name: 'UID', cell: '%-6d', when: options.printUid, value: (e) => e.uid },
      { name: 'PID', cell: '%-7d ', value: (e) => e.pid },
      { name: 'COMM', cell: '%-12.12s ', value: (e) => e.comm },
      { name: 'IP', cell: '%-2d ', value: (e) => e.ip },
      { name: 'SADDR', cell: '%-16s ', value: (e) => address(e, 'saddr') },
      { name: 'LPORT', cell: '%-6d ', when: options.lport, value: (e) => e.lport },
      { name: 'DADDR', cell: '%-16s ', value: (e) => address(e, 'daddr') },
      // BCC leaves a column for -d, the name that was looked up.
      { name: 'DPORT', cell: '%-6d ', header: options.dns ? '%-6s ' : '%-6s', value: (e) => e.dport },
      { name: 'QUERY', cell: '%s', when: options.dns, value: (e) => names.of(address(e, 'daddr')) },
    ]);
    eachRecord(
      b,
      options.dns ? ['dns_events', 'events'] : ['events'],
      { ready: () => table.header() },
      (name, record) => {
        if (name === 'dns_events') {
          const { size, bytes } = record as { readonly size: number; readonly bytes: Uint8Array };
          names.learn(Uint8Array.from(bytes).subarray(0, size));
          return;
        }
        const e = record as ConnectEvent;
        first ??= e.ts_us;
        table.row(e);
      },
    );
  },
});

/** Which names addresses were looked up by, and when. */
class Names {
  readonly #nowMs: () => number;
  readonly #known = new Map<string, { readonly name: string; readonly ms: number }>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  learn(packet: Uint8Array): void {
    const answer = readAnswer(packet);
    for (const address of answer?.addresses ?? []) this.#known.set(address, { name: answer!.name, ms: this.#nowMs() });
  }

  of(address: string): string {
    const known = this.#known.get(address);
    if (!known) return address === '127.0.0.1' || address === '::1' ? 'localhost' : 'No DNS Query';
    const age = this.#nowMs() - known.ms;
    return age > DELAY_MS ? `${known.name} (${age.toFixed(3)}ms)` : known.name;
  }
}

/** Fields of struct iov_iter, which changed their names. */
function vectorFlags(): string[] {
  const has = (field: string) => BPF.kernelStructHasField('iov_iter', field);
  return [`-DIOV_FIELD=${has('__iov') ? '__iov' : 'iov'}`, ...(has('ubuf') ? ['-DHAVE_UBUF'] : [])];
}

function attachReceivers(b: BPF): void {
  for (const target of ['udp_recvmsg', 'udpv6_recvmsg']) {
    b.attachKprobe({ event: target, fnName: 'on_receive' });
    b.attachKretprobe({ event: target, fnName: 'on_received' });
  }
}

function portsOf(list: string): number[] {
  return list.split(',').map((text) => {
    const port = Number(text);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new BpfError('EINVAL', `tcpconnect: '${text}' is no port`);
    return port;
  });
}
