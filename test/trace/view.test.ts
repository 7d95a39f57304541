/**
 * What can be asked about a task while it stands still: memory, descriptors, who it is, the way out of the machine.
 */
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { addon } from '../../bindings/addon/index.ts';
import { RECORD } from '../../bindings/trace/record.ts';
import type { FdFacts, TaskFacts } from '../../core/model/source.ts';
import { nr, only, python, trace, unavailable } from './harness.ts';

const suite = unavailable ? `(skipped: ${unavailable})` : '';
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('latin1');

/** AF_INET sockaddr. */
function inet(address: string, port: number): Uint8Array {
  const out = new Uint8Array(16);
  new DataView(out.buffer).setUint16(0, 2, true);
  new DataView(out.buffer).setUint16(2, port);
  out.set(address.split('.').map(Number), 4);
  return out;
}
const inetText = (bytes: Uint8Array | undefined): string | undefined => bytes && [...bytes.subarray(4, 8)].join('.');
const inetPort = (bytes: Uint8Array): number => (bytes[2]! << 8) | bytes[3]!;

describe.skipIf(unavailable)(`the shared record ${suite}`, () => {
  it('lies where the addon lays it', () => {
    expect(addon()!.recordLayout).toEqual(RECORD);
  });
});

const MEMORY = `
import ctypes, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
page = mmap.PAGESIZE
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
at = libc.mmap(None, 3 * page, 3, 0x22, -1, 0)
libc.munmap(ctypes.c_void_p(at + 2 * page), page)
ctypes.memmove(at + 2 * page - 8, b'last8byt', 8)
ctypes.memmove(at + page - 4, b'astride!', 8)
libc.syscall(110, ctypes.c_void_p(at + 2 * page - 8), ctypes.c_void_p(at + page - 4), ctypes.c_void_p(at), ctypes.c_long(-1))
`;

describe.skipIf(unavailable || !python)(`memory ${suite}`, () => {
  it('is read whole or not at all, and up to the first unmapped page', () => {
    let seen = 0;
    trace({ command: [python!, '-c', MEMORY] }, ['getppid'], (event, { view }) => {
      if (event.type !== 'enter' || event.args[3] !== 2n ** 64n - 1n) return;
      seen++;
      const [end, astride, start] = event.args as [bigint, bigint, bigint];
      expect(text(view.read(event.tid, end, 8))).toBe('last8byt');
      expect(view.read(event.tid, end, 9)).toBeUndefined();
      expect(view.read(event.tid, end + 8n, 1)).toBeUndefined();
      expect(text(view.readUpTo(event.tid, end, 4096))).toBe('last8byt');
      expect(view.readUpTo(event.tid, end + 8n, 16).length).toBe(0);
      expect(view.readUpTo(event.tid, start, 1 << 20).length).toBe(8192);
      expect(text(view.read(event.tid, astride, 8))).toBe('astride!');
      expect(view.read(event.tid, 0n, 1)).toBeUndefined();
      expect(view.read(event.tid, 2n ** 64n - 4096n, 8)).toBeUndefined();
      expect(view.read(event.tid, start, 0)).toEqual(new Uint8Array(0));
      expect(view.read(2 ** 22 + 1, start, 8)).toBeUndefined();
    });
    expect(seen).toBe(1);
  });
});

const DESCRIPTORS = `
import os, socket
server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen(1)
client = socket.socket(); client.connect(server.getsockname())
peer, _ = server.accept()
refused = socket.socket()
try: refused.connect(('127.0.0.1', 1))
except ConnectionRefusedError: pass
udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
file = os.open('/etc/passwd', os.O_RDONLY)
directory = os.open('/etc', os.O_RDONLY)
null = os.open('/dev/null', os.O_RDWR)
r, w = os.pipe()
import ctypes
def ask(*fds): ctypes.CDLL(None).syscall(*[ctypes.c_long(n) for n in (110, -7) + fds])
ask(server.fileno(), client.fileno(), peer.fileno(), refused.fileno(), udp6.fileno())
ask(file, directory, null, r, 999)
# The duplicates are closed: the peer sees the end at once.
client.close()
assert peer.recv(1) == b''
`;

describe.skipIf(unavailable || !python)(`descriptors ${suite}`, () => {
  it('are files, directories, devices, pipes, and sockets with their addresses', () => {
    const asked: (FdFacts | undefined)[] = [];
    const { status } = trace({ command: [python!, '-c', DESCRIPTORS] }, ['getppid'], (event, { view }) => {
      if (event.type !== 'enter' || BigInt.asIntN(64, event.args[0]!) !== -7n) return;
      for (const fd of event.args.slice(1)) asked.push(view.fd(event.tid, Number(fd)));
    });
    expect(status).toBe(0);
    expect(asked.length).toBe(10);
    const [server, client, peer, refused, udp6, file, directory, nul, pipe, none] = asked;
    for (const fact of [server, client, peer, refused]) {
      expect(fact!.kind).toBe('socket');
      expect(fact!.path).toBe(`socket:[${fact!.inode}]`);
      expect(fact!.socket).toMatchObject({ domain: 2, type: 1, protocol: 6 });
    }
    expect(server!.socket!.peer).toBeUndefined();
    expect(client!.socket!.peer).toEqual(server!.socket!.local);
    expect(peer!.socket!.peer).toEqual(client!.socket!.local);
    // What the kernel leaves of a refused connect: no peer, no local address.
    expect(refused!.socket!.peer).toBeUndefined();
    expect(inetText(refused!.socket!.local)).toBe('0.0.0.0');
    expect(udp6!.socket).toMatchObject({ domain: 10, type: 2, protocol: 17 });
    expect(file).toMatchObject({ kind: 'file', path: '/etc/passwd' });
    expect(file!.inode).toBeGreaterThan(0);
    expect(directory).toMatchObject({ kind: 'dir', path: '/etc' });
    expect(nul).toMatchObject({ kind: 'char', path: '/dev/null' });
    expect(pipe!.kind).toBe('pipe');
    expect(pipe!.path).toMatch(/^pipe:\[\d+\]$/);
    expect(none).toBeUndefined();
  });
});

describe.skipIf(unavailable)(`tasks ${suite}`, () => {
  it('are known from start to end, by name, ids and parent', () => {
    const facts = new Map<string, TaskFacts | undefined>();
    const command = ['sh', '-c', '(sleep 0; true) & wait'];
    const { events } = trace({ command }, ['getpid'], (event, { view }) => {
      facts.set(`${event.type} ${event.tid}`, view.task(event.tid));
      if (event.type === 'fork') facts.set(`child ${event.child}`, view.task(event.child));
    });
    const shell = only(events, 'start')[0]!.tid;
    const [subshell, sleep] = only(events, 'fork').map((event) => event.child) as [number, number];
    const ids = { uid: process.getuid!(), gid: process.getgid!(), cwd: process.cwd() };
    expect(facts.get(`start ${shell}`)).toMatchObject({ tid: shell, tgid: shell, ppid: process.pid, ...ids });
    expect(facts.get(`exec ${shell}`)).toEqual({ tid: shell, tgid: shell, ppid: process.pid, comm: 'sh', ...ids });
    expect(facts.get(`child ${subshell}`)).toEqual({ tid: subshell, tgid: subshell, ppid: shell, comm: 'sh', ...ids });
    expect(facts.get(`exec ${sleep}`)).toEqual({ tid: sleep, tgid: sleep, ppid: subshell, comm: 'sleep', ...ids });
    // Who is dying has no working directory any more.
    expect({ ...facts.get(`task_exit ${sleep}`), cwd: ids.cwd }).toEqual(facts.get(`exec ${sleep}`));
    expect(facts.get(`task_exit ${shell}`)!.comm).toBe('sh');
  });

  it('no task, no facts', () => {
    let asked = 0;
    trace({ command: ['true'] }, [], (event, { view }) => {
      expect(view.task(2 ** 22 + 1)).toBeUndefined();
      expect(view.fd(2 ** 22 + 1, 0)).toBeUndefined();
      expect(view.fd(event.tid, -1)).toBeUndefined();
      asked++;
    });
    expect(asked).toBeGreaterThan(0);
  });

  it('clocks and stacks are plausible: monotonic times, an ip and an sp in user space', () => {
    const before = process.hrtime.bigint();
    const { events } = trace({ command: ['sh', '-c', 'true'] }, ['openat', 'execve']);
    const after = process.hrtime.bigint();
    let last = before;
    for (const event of events) {
      expect(event.tsNs >= last && event.tsNs <= after).toBe(true);
      last = event.tsNs;
      if (event.type !== 'enter') continue;
      expect(event.ip > 4096n && event.ip < 2n ** 47n).toBe(true);
      expect(event.sp > 4096n && event.sp < 2n ** 47n).toBe(true);
      expect([nr('openat'), nr('execve')]).toContain(event.nr);
    }
  });
});

describe.skipIf(unavailable)(`the source address ${suite}`, () => {
  const source = (to: Uint8Array): Uint8Array | undefined => addon()!.sourceAddress!(to);

  it('towards loopback is loopback, with some port', () => {
    const from = source(inet('127.0.0.1', 80))!;
    expect(inetText(from)).toBe('127.0.0.1');
    expect(inetPort(from)).toBeGreaterThan(0);
  });

  it('towards an own address is that address', () => {
    const own = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    if (own) expect(inetText(source(inet(own, 80)))).toBe(own);
  });

  it('of nothing is nothing', () => {
    expect(source(new Uint8Array(1))).toBeUndefined();
    expect(source(Uint8Array.of(255, 255, 0, 0))).toBeUndefined();
    expect(source(Uint8Array.of(1, 0, 0x2f, 0x78, 0))).toBeUndefined();
  });
});
