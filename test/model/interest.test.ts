import { describe, expect, it } from 'vitest';
import { hasHook } from '../../core/model/hook-table.ts';
import { NEVER_RETURN } from '../../core/model/lifecycle.ts';
import { AF, SOCK } from '../../core/model/sockaddr.ts';
import { ERRNO } from '../../core/model/syscalls/errno.ts';
import { syscallByName } from '../../core/model/syscalls/index.ts';
import { Cpu, Disk } from '../../core/model/workload/machine.ts';
import type { World } from '../../core/model/workload/workload.ts';
import { attach, modelOf, printk, runAll } from './programs.ts';

/** Passes every function and tracepoint that the model has beyond the plain wrappers. */
function everything(w: World): void {
  const t = w.spawn({ comm: 'all' });
  const server = t.socket(AF.INET6);
  t.bind(server, '::1', 80);
  t.listen(server);
  const conn = t.accept(server, '::1', 5000);
  t.write(conn, new Uint8Array(3));
  t.read(conn, 10, new Uint8Array(4));
  t.syscall('shutdown', [BigInt(conn), 2n], 0, { fds: [[t.tid, conn]] });
  for (const [call, args] of [
    ['sendto', [BigInt(conn), 0n, 5n, 0n, 0n, 0n]],
    ['recvfrom', [BigInt(conn), 0n, 5n, 0n, 0n, 0n]],
    ['sendmsg', [BigInt(conn), 0n, 0n]],
    ['recvmsg', [BigInt(conn), 0n, 0n]],
    ['readv', [BigInt(conn), 0n, 0n]],
    ['writev', [BigInt(conn), 0n, 0n]],
    ['pread64', [BigInt(conn), 0n, 0n, 0n]],
    ['pwrite64', [BigInt(conn), 0n, 0n, 0n]],
  ] as const) {
    t.syscall(call, args, 0, { fds: [[t.tid, conn]] });
  }
  t.close(conn);
  const four = t.socket();
  t.bind(four, '127.0.0.1', 81);
  t.connect(four, '127.0.0.1', 80);
  t.connect(t.socket(), '127.0.0.1', 1, { ret: -ERRNO.ECONNREFUSED });
  t.connect(t.socket(AF.INET6), '127.0.0.1', 80);
  for (const domain of [AF.INET, AF.INET6]) {
    const udp = t.socket(domain, SOCK.DGRAM);
    t.connect(udp, domain === AF.INET ? '127.0.0.1' : '::1', 53);
    t.write(udp, new Uint8Array(3));
    t.read(udp, 3);
  }
  for (const type of [SOCK.STREAM, SOCK.DGRAM])
    t.connectRaw(t.socket(AF.UNIX, type), Uint8Array.from([1, 0, 47, 97, 0]));
  const child = t.fork();
  child.exec('/bin/sh', ['sh'], ['A=1']);
  child.close(child.open('/etc/passwd'));
  child.unlink('/tmp/x');
  const dir = { memory: [{ tid: child.tid, address: 0x1000n, bytes: Uint8Array.from([47, 100, 0]) }] };
  child.syscall('rmdir', [0x1000n], 0, dir);
  child.syscall('prctl', [15n, 0x1000n], 0, dir);
  child.syscall('mkdir', [0x1000n, 0o755n], 0, dir);
  child.syscall('mknod', [0x1000n, 0o100644n, 0n], 0, dir);
  child.syscall('mknod', [0x1000n, 0o010644n, 0n], 0, dir);
  child.fsync(child.open('/etc/passwd'));
  const sleeper = w.spawn({ comm: 'sleeper' });
  const cpu = new Cpu(w);
  cpu.wake(sleeper);
  cpu.run(sleeper);
  cpu.run(undefined);
  new Disk(w, 'sda', 8, 0).request(child, { op: 'read', bytes: 512 }).run(1000n);
  child.kill(t.tid, 15);
  child.exit(0);
  t.exit(0);
}

const functions = [...modelOf(() => {}).kernelFunctions()].filter((f) => !f.startsWith('__x64_sys_'));
const events = [...modelOf(() => {}).tracepoints()].filter(
  (t) => !t.startsWith('syscalls:') && !t.startsWith('raw_syscalls:'),
);
const hooks = [
  ...functions.flatMap((f) => [`kprobe:${f}`, `kretprobe:${f}`]),
  ...events.map((t) => `tracepoint:${t}`),
].filter((h) => hasHook(h) && !NEVER_RETURN.some((f) => h === `kretprobe:${f}`));

function passed(attached: readonly string[]): Map<string, number> {
  const b = modelOf(everything);
  for (const hook of attached) attach(b, hook, printk(hook));
  const counts = new Map<string, number>();
  for (const line of runAll(b)) {
    const hook = line.slice(line.indexOf('bpf_trace_printk: ') + 18);
    counts.set(hook, (counts.get(hook) ?? 0) + 1);
  }
  return counts;
}

describe('what a hook needs is derived from the rows', () => {
  const all = passed(hooks);

  it('every hook that the model has is passed by some call', () => {
    expect(hooks.filter((h) => !all.has(h))).toEqual([]);
  });

  it('a hook attached alone fires as often as with all others: its calls, and their exits, are watched', () => {
    const differ: string[] = [];
    for (const hook of hooks) {
      const alone = passed([hook]).get(hook) ?? 0;
      if (alone !== all.get(hook)) differ.push(`${hook}: ${alone} alone, ${all.get(hook)} with all`);
    }
    expect(differ).toEqual([]);
  });

  it('asks for no more than that', () => {
    const b = modelOf(() => {});
    attach(b, 'kprobe:vfs_read', []);
    const always = new Set(
      ['prctl', 'chdir', 'fchdir', 'setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid'].map(
        (n) => syscallByName(n)!.nr,
      ),
    );
    expect(b.kernel.interest().filter((i) => !always.has(i.nr))).toEqual([
      { nr: 0, exit: false },
      { nr: 17, exit: false },
    ]);
    attach(b, 'kretprobe:ksys_read', []);
    expect(b.kernel.interest().find((i) => i.nr === 0)).toEqual({ nr: 0, exit: true });
  });
});
