import { describe, expect, it } from 'vitest';
import type { Insn } from '../../core/isa/insn.ts';
import { KernelObjects } from '../../core/model/objects.ts';
import { AF, makeSockaddr, parseAddress, SOCK } from '../../core/model/sockaddr.ts';
import { ERRNO } from '../../core/model/syscalls/errno.ts';
import type { ScriptTask, World } from '../../core/model/workload/workload.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import { attach, load, messages, modelOf, printk, probeRead, R, runAll, shippedBtf } from './programs.ts';

const objects = new KernelObjects(new VmMemory(), shippedBtf());
const COMMON = (field: string) => objects.field('sock', `__sk_common.${field}`).offset;

/** At the return of tcp_v4_connect: its result, and what a tool reads from the sock. The sock is remembered in a map by real tools; here the
 * arguments are gone at the return, so a second program at tcp_set_state (SYN_SENT) shows the addresses. */
const atEntry = (name: string): Insn[] => printk(`${name}`);
const atReturn = (name: string): Insn[] => [load('DW', R.r6, R.r1, 80), ...printk(`${name}=%d`, R.r6)];

/** Address words of the sock in the first argument, as the kernel holds them (network order). */
const addresses: Insn[] = [
  load('DW', R.r9, R.r1, 112),
  ...probeRead(-8, 4, R.r9, COMMON('skc_rcv_saddr')),
  load('W', R.r6, R.fp, -8),
  ...probeRead(-8, 4, R.r9, COMMON('skc_daddr')),
  load('W', R.r7, R.fp, -8),
  ...probeRead(-8, 2, R.r9, COMMON('skc_dport')),
  load('H', R.r8, R.fp, -8),
  ...printk('s=%x d=%x p=%x', R.r6, R.r7, R.r8),
];

function trace(script: (t: ScriptTask, w: World) => void): string[] {
  const b = modelOf((w) => script(w.spawn({ comm: 'test' }), w));
  for (const f of ['tcp_v4_connect', 'tcp_v6_connect']) {
    attach(b, `kprobe:${f}`, atEntry(f));
    attach(b, `kretprobe:${f}`, atReturn(f));
  }
  attach(b, 'kprobe:tcp_connect', addresses);
  return messages(runAll(b));
}

const LOOPBACK = 's=100007f d=100007f p=901f';

describe('connect', () => {
  it('that works: entry, addresses, return 0', () => {
    expect(trace((t) => void t.connect(t.socket(), '127.0.0.1', 8080))).toEqual([
      'tcp_v4_connect',
      LOOPBACK,
      'tcp_v4_connect=0',
    ]);
  });

  it('to a port that refuses: tcp_v4_connect itself returned 0, and the source comes from the route', () => {
    expect(trace((t) => void t.connect(t.socket(), '127.0.0.1', 8080, { ret: -ERRNO.ECONNREFUSED }))).toEqual([
      'tcp_v4_connect',
      LOOPBACK,
      'tcp_v4_connect=0',
    ]);
  });

  it('that does not block (EINPROGRESS), and one that timed out', () => {
    for (const ret of [-ERRNO.EINPROGRESS, -ERRNO.ETIMEDOUT]) {
      expect(trace((t) => void t.connect(t.socket(), '127.0.0.1', 8080, { ret }))).toEqual([
        'tcp_v4_connect',
        LOOPBACK,
        'tcp_v4_connect=0',
      ]);
    }
  });

  it.each([
    ERRNO.EADDRNOTAVAIL,
    ERRNO.EACCES,
    ERRNO.EINVAL,
  ])('with error %i of tcp_v4_connect itself: that is what it returns', (errno) => {
    expect(trace((t) => void t.connect(t.socket(), '127.0.0.1', 8080, { ret: -errno }))).toEqual([
      'tcp_v4_connect',
      `tcp_v4_connect=-${errno}`,
    ]);
  });

  it('without a route fails in tcp_v4_connect; with a route the same error came later by ICMP', () => {
    const ret = -ERRNO.ENETUNREACH;
    expect(trace((t) => void t.connect(t.socket(), '192.0.2.1', 80, { ret, unreachable: true }))).toEqual([
      'tcp_v4_connect',
      'tcp_v4_connect=-101',
    ]);
    expect(trace((t) => void t.connect(t.socket(), '192.0.2.1', 80, { ret }))).toEqual([
      'tcp_v4_connect',
      's=200000a d=10200c0 p=5000',
      'tcp_v4_connect=0',
    ]);
  });

  it('on a connected socket (EISCONN) never reaches tcp_v4_connect', () => {
    const lines = trace((t) => {
      const s = t.socket();
      t.connect(s, '127.0.0.1', 8080);
      t.connect(s, '127.0.0.1', 8080, { ret: -ERRNO.EISCONN });
    });
    expect(lines).toEqual(['tcp_v4_connect', LOOPBACK, 'tcp_v4_connect=0']);
  });

  it('on a connecting socket (EALREADY) never reaches it, nor does the call that fetches the outcome; a later one does', () => {
    const lines = trace((t) => {
      const s = t.socket();
      t.connect(s, '127.0.0.1', 8080, { ret: -ERRNO.EINPROGRESS });
      t.connect(s, '127.0.0.1', 8080, { ret: -ERRNO.EALREADY });
      t.connect(s, '127.0.0.1', 8080, { ret: -ERRNO.ECONNREFUSED });
      t.connect(s, '127.0.0.1', 8080);
    });
    expect(lines.filter((l) => l === 'tcp_v4_connect')).toHaveLength(2);
  });

  it('on a listening socket never reaches it', () => {
    const lines = trace((t) => {
      const s = t.socket();
      t.bind(s, '127.0.0.1', 80);
      t.listen(s);
      t.accept(s, '127.0.0.1', 5555);
      t.connect(s, '127.0.0.1', 8080, { ret: -ERRNO.EISCONN });
    });
    expect(lines).toEqual([]);
  });

  it('of a UDP socket does not reach tcp_v4_connect', () => {
    expect(trace((t) => void t.connect(t.socket(AF.INET, SOCK.DGRAM), '127.0.0.1', 53))).toEqual([]);
  });

  it('with AF_UNSPEC, a short address, or a wrong descriptor', () => {
    const unspec = new Uint8Array(16);
    expect(trace((t) => void t.connectRaw(t.socket(), unspec))).toEqual([]);
    expect(
      trace((t) => void t.connectRaw(t.socket(), makeSockaddr(parseAddress('127.0.0.1'), 1), { length: 1, ret: -22 })),
    ).toEqual([]);
    expect(trace((t) => void t.connectRaw(99, makeSockaddr(parseAddress('127.0.0.1'), 1), { ret: -9 }))).toEqual([]);
    expect(
      trace(
        (t) => void t.connectRaw(t.socket(), makeSockaddr(parseAddress('127.0.0.1'), 1), { length: 129, ret: -22 }),
      ),
    ).toEqual([]);
    // 8 bytes are enough for the family: tcp_v4_connect is reached and finds them too few.
    expect(
      trace((t) => void t.connectRaw(t.socket(), makeSockaddr(parseAddress('127.0.0.1'), 1), { length: 8, ret: -22 })),
    ).toEqual(['tcp_v4_connect', 'tcp_v4_connect=-22']);
  });

  it('of an IPv6 socket goes to tcp_v6_connect; IPv4-mapped on to tcp_v4_connect', () => {
    expect(trace((t) => void t.connect(t.socket(AF.INET6), '::1', 8080))[0]).toBe('tcp_v6_connect');
    const lines = trace((t) => void t.connect(t.socket(AF.INET6), '127.0.0.1', 8080));
    expect(lines).toEqual(['tcp_v6_connect', 'tcp_v4_connect', LOOPBACK, 'tcp_v4_connect=0', 'tcp_v6_connect=0']);
  });

  it('interrupted by a signal and made again: one tcp_v4_connect', () => {
    const lines = trace((t) => {
      const s = t.socket();
      t.connect(s, '127.0.0.1', 8080, { ret: -512 });
      t.connect(s, '127.0.0.1', 8080);
    });
    expect(lines).toEqual(['tcp_v4_connect', LOOPBACK, 'tcp_v4_connect=0']);
  });

  it('of a task that is killed while it blocks: the return is passed at its death', () => {
    expect(trace((t) => void t.connect(t.socket(), '127.0.0.1', 8080, { killed: true }))).toEqual([
      'tcp_v4_connect',
      LOOPBACK,
      'tcp_v4_connect=0',
    ]);
  });

  it('to 0.0.0.0 goes to this host', () => {
    expect(trace((t) => void t.connect(t.socket(), '0.0.0.0', 8080, { from: '127.0.0.1' }))[1]).toBe(LOOPBACK);
  });

  it('of two threads at once keeps their calls apart', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'test', pid: 10 });
      const [one, two] = [t.socket(), t.socket()];
      const other = t.thread();
      // The other thread's whole call lies inside the first one's.
      const frames = w.frames;
      t.connect(one, '127.0.0.1', 1);
      const exitOfFirst = frames.pop()!;
      other.connect(two, '127.0.0.1', 2, { ret: -ERRNO.EADDRNOTAVAIL });
      frames.push({ ...exitOfFirst, event: { ...exitOfFirst.event, tsNs: w.tick() } });
    });
    attach(b, 'kretprobe:tcp_v4_connect', atReturn('ret'));
    expect(runAll(b).map((l) => `${l.slice(12, 21)} ${l.split(': ').at(-1)}`)).toEqual([
      'test-1000 ret=-99',
      'test-10   ret=0',
    ]);
  });
});

describe('states', () => {
  it('inet_sock_set_state tells them with the addresses', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'test' });
      const s = t.socket();
      t.connect(s, '127.0.0.1', 8080, { fromPort: 40000 });
      t.close(s);
    });
    attach(b, 'tracepoint:sock:inet_sock_set_state', [
      load('W', R.r6, R.r1, 16),
      load('W', R.r7, R.r1, 20),
      load('W', R.r8, R.r1, 24),
      ...printk('%d -> %d ports %x', R.r6, R.r7, R.r8),
    ]);
    // The source port is picked after the first change, as in the kernel.
    expect(messages(runAll(b))).toEqual(['7 -> 2 ports 1f900000', '2 -> 1 ports 1f909c40', '1 -> 4 ports 1f909c40']);
  });
});
