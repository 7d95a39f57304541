/**
 * What a machine lacks, what a user gets wrong, what ends too early: one clear error each, exit status 1, and nothing left in the kernel. What
 * processes hold goes with them; names in tracefs are what could stay.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bpf } from '../../bindings/linux/bpf.ts';
import { lockdownMode } from '../../bindings/linux/features.ts';
import { pmuType } from '../../bindings/linux/perf-event.ts';
import { tracefsRoot } from '../../bindings/linux/tracefs.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { SKEP, skep } from '../tools/skep.ts';
import { afterwards, compileC, liveBackend, noCommand, noKernel, noTracefs, scratch, title } from './machine.ts';

const OPENSNOOP = ['opensnoop', '--backend', 'linux', '--', 'true'];

/** A script for `skep run`. */
function script(body: string): string {
  const file = join(scratch(), 'script.ts');
  writeFileSync(file, `import { BPF } from 'skep';\n${body}`);
  return file;
}

/** What a process may have left: its names in tracefs. */
function leftBy(pid: number): string[] {
  const root = tracefsRoot();
  if (root === undefined) return [];
  const text = (path: string): string => {
    try {
      return readFileSync(`${root}/${path}`, 'utf8');
    } catch {
      return '';
    }
  };
  const events = `${text('kprobe_events')}${text('uprobe_events')}`.split('\n');
  return [
    ...readdirSync(`${root}/instances`).filter((name) => name.startsWith(`skep-${pid}-`)),
    ...events.filter((line) => line.includes(`skep_${pid}/`)),
  ];
}

/** The command under another command (`setpriv ...`), and what it left. */
function under(wrapper: readonly string[], args: readonly string[]) {
  const [first, ...rest] = [...wrapper, process.execPath, SKEP, ...args];
  const ran = spawnSync(first!, rest, { encoding: 'utf8', timeout: 50_000 });
  return { ...ran, left: leftBy(ran.pid) };
}

/** One line, which says this; status 1; nothing left. */
function expectOneError(ran: ReturnType<typeof under>, message: RegExp): void {
  expect(ran.stderr).toMatch(message);
  expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(ran.stderr).toMatch(/^skep: /);
  expect(ran).toMatchObject({ status: 1, left: [] });
}

const noSetpriv = noTracefs ?? noCommand('setpriv');
const without = (caps: string): string[] => ['setpriv', '--bounding-set', caps, '--inh-caps', caps, '--'];

describe.skipIf(noSetpriv)(title('each capability missing in turn', noSetpriv), () => {
  it.each([
    [
      '-all',
      /the live kernel cannot be used: bpf\(2\) answers EPERM: it needs CAP_BPF .*--backend model needs no rights$/m,
    ],
    ['-sys_admin,-bpf', /the live kernel cannot be used: bpf\(2\) answers EPERM: it needs CAP_BPF/],
    ['-sys_admin,-perfmon', /CAP_PERFMON|tracefs: .*CAP_SYS_ADMIN/],
  ])('%s', (caps, message) => {
    expectOneError(under(without(caps), OPENSNOOP), message);
  });

  it.each([
    [
      '-sys_admin,-net_admin',
      "b.attachXdp({ dev: 'lo', fnName: 'p' });",
      'xdp_md',
      /loading the program 'p'.*CAP_NET_ADMIN/,
    ],
    [
      '-net_raw',
      "b.attachRawSocket({ dev: 'lo', fn: b.loadFunc('p', BPF.SOCKET_FILTER) });",
      '__sk_buff',
      /attaching 'p' to socket 'lo'.*CAP_NET_RAW/,
    ],
    [
      '-sys_admin,-perfmon',
      "b.attachPerfEvent({ evType: 1, evConfig: 0, fnName: 'p', sampleFreq: 9 });",
      'bpf_perf_event_data',
      /loading the program 'p'.*CAP_PERFMON/,
    ],
  ])('%s for %s', (caps, attach, context, message) => {
    const file = script(`const b = new BPF({ text: 'int p(struct ${context} *ctx) { return 0; }' });\n${attach}`);
    expectOneError(under(without(caps), ['run', '--backend', 'linux', file]), message);
  });

  it('little locked memory: enough for maps, too little for large buffers', () => {
    const limited = ['sh', '-c', 'ulimit -l 0; exec "$@"', 'sh', ...without('-ipc_lock')];
    const few = under(limited, OPENSNOOP);
    if (few.status !== 0) expectOneError(few, /ulimit -l/);
    const file = script(
      `const b = new BPF({ text: 'BPF_PERF_OUTPUT(e); int f(void *ctx) { return 0; }' });
       b.getTable('e').openPerfBuffer(() => {}, { pageCnt: 4096 });`,
    );
    expectOneError(
      under(limited, ['run', '--backend', 'linux', file]),
      /perf buffer 'e' \(4096 pages a CPU\): mmap: EPERM .*`ulimit -l`/,
    );
  });
});

const noUserns =
  noTracefs ?? (spawnSync('unshare', ['-Ur', 'true']).status === 0 ? undefined : 'no user namespaces (unshare -Ur)');
it.skipIf(noUserns)(title('in a user namespace, whose root is nobody outside', noUserns), () => {
  expectOneError(
    under(['unshare', '-Ur', '--'], OPENSNOOP),
    /bpf\(2\) answers EPERM: this process is in a user namespace .*: run outside, as root/,
  );
});

const noPidns =
  noTracefs ??
  (spawnSync('unshare', ['-pf', '--mount-proc', 'true']).status === 0 ? undefined : 'no pid namespaces (unshare -pf)');
it.skipIf(noPidns)(title('in a pid namespace, whose numbers the kernel does not know', noPidns), () => {
  const inside = ['unshare', '-pf', '--mount-proc'];
  const message = /^skep: skep runs in a pid namespace .*--pid=host.*without -p and --$/m;
  expectOneError(under(inside, OPENSNOOP), message);
  expectOneError(under(inside, ['opensnoop', '-p', '1']), message);
  expect(under(inside, ['opensnoop', '--backend', 'linux', '--duration', '0.1'])).toMatchObject({ status: 0 });
});

describe.skipIf(noTracefs)(title('few open files', noTracefs), () => {
  // How many Node needs itself differs: each number of these hits another place.
  it.each([24, 26, 28, 30, 32, 34, 36, 40, 44])('%i', (most) => {
    const limited = ['sh', '-c', `ulimit -n ${most}; exec "$@"`, 'sh'];
    const ran = under(limited, OPENSNOOP);
    if (ran.status !== 0) expectOneError(ran, /EMFILE \(more open files than `ulimit -n` allows\)$/m);
  });
});

/** Numbers of bpf(2) and perf_event_open(2), by architecture. */
const CALLS: Readonly<Record<string, readonly [bpf: number, perf: number]>> = { x64: [321, 298], arm64: [280, 241] };
const [bpfCall, perfCall] = CALLS[process.arch] ?? [0, 0];
const noSeccomp =
  noTracefs ?? noCommand('python3') ?? (bpfCall === 0 ? `no call numbers for ${process.arch}` : undefined);

describe.skipIf(noSeccomp)(title('system calls refused by a filter, as in containers', noSeccomp), () => {
  /** Answers `errno` for one call (seccomp(2)), then runs what follows. */
  const FILTER = `
import ctypes, os, struct, sys
call, errno = int(sys.argv[1]), int(sys.argv[2])
code = b''.join(struct.pack('HBBI', *i) for i in [(0x20, 0, 0, 0), (0x15, 0, 1, call), (6, 0, 0, 0x50000 | errno), (6, 0, 0, 0x7fff0000)])
insns = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', 4, ctypes.addressof(insns)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[3], sys.argv[3:])`;
  const filtered = (call: number, errno: number): string[] => ['python3', '-c', FILTER, String(call), String(errno)];

  it.each([
    [
      'bpf(2)',
      'ENOSYS',
      bpfCall,
      38,
      /the live kernel cannot be used: bpf\(2\) answers ENOSYS: a seccomp filter .*CONFIG_BPF_SYSCALL/,
    ],
    ['bpf(2)', 'EPERM', bpfCall, 1, /bpf\(2\) answers EPERM: no capability is missing: a seccomp filter/],
    ['perf_event_open(2)', 'ENOSYS', perfCall, 38, /perf_event_open: ENOSYS \(a seccomp filter .*CONFIG_PERF_EVENTS/],
    [
      'perf_event_open(2)',
      'EACCES',
      perfCall,
      13,
      /perf_event_open: EACCES \(no capability is missing: a seccomp filter/,
    ],
  ])('%s gives %s', (_name, _errno, call, errno, message) => {
    expectOneError(under(filtered(call, errno), OPENSNOOP), message);
  });

  it('features still tells what it can', () => {
    const ran = under(filtered(bpfCall, 1), ['features']);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/bpf\(2\) +no +bpf\(2\) answers EPERM: no capability is missing: a seccomp filter/);
  });
});

const noUnshare =
  noTracefs ?? (spawnSync('unshare', ['-m', 'true']).status === 0 ? undefined : 'no mount namespaces (unshare -m)');
describe.skipIf(noUnshare)(title('files that are not there', noUnshare), () => {
  const hiding = (commands: string): string[] => ['unshare', '-m', 'sh', '-c', `${commands}; exec "$@"`, 'sh'];
  const NO_TRACEFS = 'for d in /sys/kernel/debug/tracing /sys/kernel/tracing; do umount -l $d 2>/dev/null; done';

  it('no types', () => {
    expectOneError(
      under(hiding('mount -t tmpfs none /sys/kernel/btf'), OPENSNOOP),
      /the running kernel tells no types: \/sys\/kernel\/btf\/vmlinux: ENOENT .*CONFIG_DEBUG_INFO_BTF.*--backend model/,
    );
  });

  it('types that are none', () => {
    expectOneError(
      under(hiding('mount -t tmpfs none /sys/kernel/btf; echo nonsense > /sys/kernel/btf/vmlinux'), OPENSNOOP),
      /\/sys\/kernel\/btf\/vmlinux: malformed BTF/,
    );
  });

  it('no /proc', () => {
    expectOneError(under(hiding('mount -t tmpfs none /proc'), OPENSNOOP), /\/proc is not mounted: `mount -t proc/);
  });

  it('no tracefs: mounted for the run alone', () => {
    const ran = under(hiding(NO_TRACEFS), OPENSNOOP);
    expect(ran).toMatchObject({ status: 0, stderr: '', left: [] });
    expect(ran.stdout).toMatch(/true .*\/etc\/ld\.so\.cache/);
  });

  it.skipIf(noSetpriv)('no tracefs and no right to mount it: how to get it', () => {
    expectOneError(
      under([...hiding(NO_TRACEFS), ...without('-sys_admin')], OPENSNOOP),
      /needs tracefs: it is not mounted, .*CAP_SYS_ADMIN is needed\); mount it with `mount -t tracefs nodev \/sys\/kernel\/tracing`/,
    );
  });
});

describe.skipIf(noTracefs)(title('places that do not exist', noTracefs), () => {
  it.each([
    ['KFUNC_PROBE(vfs_mkdirr)', '', /no kernel function 'vfs_mkdirr'; nearest: .*vfs_mkdir/],
    ['int kprobe__vfs_mkdirr(void *ctx)', '', /no function 'vfs_mkdirr'; nearest: .*vfs_mkdir/],
    ['RAW_TRACEPOINT_PROBE(sched_swich)', '', /no raw tracepoint 'sched_swich'; nearest: .*sched_switch/],
    [
      'int f(void *ctx)',
      "b.attachTracepoint({ tp: 'sched:sched_swich', fnName: 'f' })",
      /nearest: .*sched:sched_switch/,
    ],
    [
      'int f(void *ctx)',
      "b.attachUprobe({ name: 'c', sym: 'mallok', fnName: 'f' })",
      /no symbol in .*libc.* 'mallok'; did you mean 'malloc'/,
    ],
    ['int f(struct xdp_md *ctx)', "b.attachXdp({ dev: 'lo0', fnName: 'f' })", /no network interface 'lo0'.*lo/],
  ])('%s %s', (head, attach, message) => {
    const file = script(`const b = new BPF({ text: '${head} { return 0; }' });\n${attach}`);
    expectOneError(under([], ['run', '--backend', 'linux', file]), message);
  });

  it('a process that does not exist', () => {
    expectOneError(under([], ['opensnoop', '-p', '4194303']), /there is no process 4194303$/m);
  });

  it('a process that ends while it is traced ends the run', async () => {
    const target = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    afterwards(() => void target.kill('SIGKILL'));
    const tool = spawn(process.execPath, [SKEP, 'opensnoop', '--backend', 'linux', '-p', String(target.pid)]);
    afterwards(() => void tool.kill('SIGKILL'));
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      tool[stream].on('data', (data) => {
        said[stream] += data;
        // The header: all is attached.
        if (stream === 'stdout') target.stdin.end();
      });
    const status = await new Promise((done) => tool.on('close', done));
    expect({ status, stderr: said.stderr }).toEqual({ status: 0, stderr: `process ${target.pid} has ended\n` });
    expect(leftBy(tool.pid!)).toEqual([]);
  });
});

describe.skipIf(noSetpriv)(title('tracefs that may not be looked into', noSetpriv), () => {
  const CAPS = '+bpf,+perfmon';
  const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
    .concat(['--inh-caps', CAPS, '--ambient-caps', CAPS, '--'])
    .join(' ');
  const closed = ['unshare', '-m', 'sh', '-c', `mount -t tracefs none /sys/kernel/tracing; exec ${nobody} "$@"`, 'sh'];

  it.each([
    ['opensnoop', ['opensnoop']],
    ['a pattern of tracepoints', ['funccount', 't:syscalls:sys_enter_openat']],
  ])('%s', (_what, tool) => {
    expectOneError(
      under(closed, [...tool, '--backend', 'linux', '--', 'true']),
      /needs tracefs: user 65534 may not look into it: be root, or have CAP_DAC_READ_SEARCH$/m,
    );
  });
});

describe.skipIf(noTracefs)(title('perf events that cannot be', noTracefs), () => {
  it.each([
    ['cpu: 4095', /EINVAL \(CPU 4095 is not online: there is 0/],
    ['sampleFreq: 1e9', /EINVAL \(1000000000 samples a second are more than kernel.perf_event_max_sample_rate, \d+\)/],
  ])('%s', (option, message) => {
    const file = script(`const b = new BPF({ text: 'int f(struct bpf_perf_event_data *ctx) { return 0; }' });
      b.attachPerfEvent({ evType: 1, evConfig: 0, fnName: 'f', sampleFreq: 9, ...{ ${option} } });`);
    expectOneError(under([], ['run', '--backend', 'linux', file]), message);
  });
});

/** Programs that only one of the two verifiers takes. */
describe.skipIf(noKernel)(title('programs that are refused', noKernel), () => {
  const BAD =
    'BPF_HASH(h, u32, u64); RAW_TRACEPOINT_PROBE(sys_enter) { u32 k = 1; u64 *v = h.lookup(&k); *v = 1; return 0; }';

  it('by ours: explained, and the kernel is not asked [E.mem E.exc]', () => {
    liveBackend();
    let error: unknown;
    try {
      new BPF({ text: BAD });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'VERIFIER', pc: 6, cause: undefined });
    const { message } = error as Error;
    expect(message).toMatch(/was refused: R0 invalid mem access 'map_value_or_null'/);
    expect(message).toMatch(/\*v = 1/);
    expect(message).toMatch(/mend: `if \(!v\) return 0;`/);
    expect(message).toMatch(/\nnot loaded; with --no-verify the running kernel is asked all the same$/);
  });

  it('--no-verify asks the kernel, whose log comes along', () => {
    liveBackend({ askKernel: true });
    expect(() => new BPF({ text: BAD })).toThrow(
      expect.objectContaining({
        message: expect.not.stringContaining('not loaded'),
        cause: expect.objectContaining({ code: 'VERIFIER' }),
        log: expect.stringMatching(/R\d invalid mem access 'map_value_or_null'/),
      }),
    );
    const file = script(`new BPF({ text: '${BAD}' });`);
    const ran = skep(['run', '--backend', 'linux', '--no-verify', file]);
    expect(ran.stderr).toMatch(/was refused: R0 invalid mem access/);
    expect(ran.stderr).not.toMatch(/not loaded/);
    expect(skep(['run', '--no-verify', file, '--', 'true'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--no-verify is for the running kernel'),
    });
  });

  const noLockdown = ['integrity', 'confidentiality'].includes(lockdownMode() ?? '') ? undefined : 'no lockdown';
  it.skipIf(noLockdown)('by the kernel alone: explained from its log, and said that it was not foreseen', () => {
    liveBackend();
    const text =
      'RAW_TRACEPOINT_PROBE(sys_enter) { u32 x = 1; bpf_probe_write_user((void *)ctx->args[0], &x, 4); return 0; }';
    expect(() => new BPF({ text })).toThrow(
      /refused by the running kernel, which skep's verifier did not foresee: .*\n.*the kernel withholds `bpf_probe_write_user`.*\n.*\n.*\n.*lockdown \('integrity'/,
    );
  });
});

describe.skipIf(pmuType('uprobe') === undefined)('a process that is gone', () => {
  it.skipIf(noCommand('cc'))('cannot be probed', () => {
    liveBackend();
    const b = new BPF({ text: 'int f(struct pt_regs *ctx) { return 0; }' });
    const program = compileC('int twice(int x) { return 2 * x; } int main(void) { return twice(0); }');
    const { pid } = spawnSync(program);
    expect(() => b.attachUprobe({ name: program, sym: 'twice', fnName: 'f', pid })).toThrow(/ESRCH|no process/);
  });
});

const groups = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
const noGroups = noKernel ?? (groups === undefined ? 'no cgroup2 is mounted' : undefined);
it.skipIf(noGroups)(title('a control group whose program suffers no other', noGroups), () => {
  const group = `${groups}/skep-alone-${process.pid}`;
  mkdirSync(group);
  afterwards(() => rmdirSync(group));
  const { backend } = liveBackend();
  const b = new BPF({ text: 'int f(struct __sk_buff *skb) { return 1; }' });
  const { handle } = b.loadFunc('f', BPF.CGROUP_SKB);
  const fd = openSync(group, 'r');
  // 1 is cgroup_inet_egress.
  const attr = { target_fd: fd, attach_bpf_fd: handle.fd!, attach_type: 1 };
  expect(bpf('PROG_ATTACH', { ...attr, attach_flags: 0 })).toBe(0);
  try {
    expect(() =>
      backend.attach(handle, { kind: 'cgroup', target: group, options: { attachType: 'cgroup_inet_egress' } }),
    ).toThrow(/EPERM \(this group or one above it has a program of this kind that suffers no other/);
  } finally {
    bpf('PROG_DETACH', attr);
    closeSync(fd);
  }
});
