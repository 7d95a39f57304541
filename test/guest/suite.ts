/**
 * What the running kernel of the test machine does not permit, on the guest's 6.1: kprobes, fentry, fmod_ret, LSM. Bundled by the test, run in the
 * guest by plain Node, one line of JSON a case on stdout. The programs are compiled, verified, loaded and attached by this project inside the guest.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { ATTACH_CASES, stackOf } from './attach-cases.ts';
import {
  type Case,
  closeBackends,
  closePrograms,
  command,
  count,
  load,
  MINE,
  makeFolders,
  nothingLeft,
  warnings,
} from './bench.ts';
import { MODULE_CASES } from './module-cases.ts';

/** Sum of the counts of a histogram. */
const histogramTotal = (text: string): number =>
  [...text.matchAll(/^\s+\d+ -> \d+\s+: (\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0);

/** The shipped tools as users run them, on a command of their own; biolatency, tcpv4connect and funccount's end have cases below. */
const TOOL_RUNS: readonly { readonly line: string; check(stdout: string): void }[] = [
  {
    line: "opensnoop -- sh -c 'cat /etc/passwd /nonexistent/1 >/dev/null 2>&1; true'",
    check(stdout) {
      assert.match(stdout, /^PID +COMM +FD ERR PATH$/m);
      assert.match(stdout, /^\d+ +(cat|busybox) +3 +0 \/etc\/passwd$/m);
      assert.match(stdout, /^\d+ +(cat|busybox) +-1 +2 \/nonexistent\/1$/m);
    },
  },
  {
    line: `execsnoop -- sh -c '/bin/busybox true lab 0; /bin/busybox true "a b"'`,
    check(stdout) {
      assert.match(stdout, /^PCOMM +PID +PPID +RET ARGS$/m);
      assert.match(stdout, /^busybox +\d+ +\d+ +0 \/bin\/busybox true lab 0$/m);
      assert.match(stdout, /^busybox +\d+ +\d+ +0 \/bin\/busybox true a b$/m);
    },
  },
  {
    line: `tcpconnect -- sh -c '/bin/busybox nc -w 1 127.0.0.1 5001 2>/dev/null; true'`,
    check(stdout) {
      assert.match(stdout, /^PID +COMM +IP SADDR +DADDR +DPORT *$/m);
      assert.match(stdout, /^\d+ +busybox +4 +127\.0\.0\.1 +127\.0\.0\.1 +5001 *$/m);
    },
  },
  {
    line: 'runqlat -- busybox usleep 1000',
    check(stdout) {
      assert.match(stdout, /^ +usecs +: count +distribution$/m);
      assert.ok(histogramTotal(stdout) > 0, stdout);
    },
  },
  {
    line: 'vfsstat -- busybox dd if=/dev/zero of=/tmp/zeros bs=1 count=300 status=none',
    check(stdout) {
      assert.match(stdout, /^TIME +READ\/s +WRITE\/s +FSYNC\/s +OPEN\/s +CREATE\/s$/m);
      const writes = [...stdout.matchAll(/^\d\d:\d\d:\d\d: +\d+ +(\d+) /gm)].map(([, n]) => Number(n));
      assert.equal(
        writes.reduce((sum, n) => sum + n, 0),
        300,
        stdout,
      );
    },
  },
  {
    line: 'funccount vfs_mkdir -- busybox mkdir /tmp/a /tmp/b /tmp/c',
    check: (stdout) => assert.match(stdout, /^FUNC +COUNT\nvfs_mkdir +3$/m),
  },
  {
    line: `trace 'r::vfs_mkdir "returns %d", retval' -- busybox mkdir /tmp/d`,
    check: (stdout) => assert.match(stdout, /^\d+ +\d+ +busybox +vfs_mkdir +returns 0$/m),
  },
];

export const CASES: readonly Case[] = [
  ...ATTACH_CASES,
  ...MODULE_CASES,
  ...TOOL_RUNS.map(({ line, check }) => ({
    name: `skep ${line.split(' ')[0]} live on a command`,
    run() {
      const [tool, ...rest] = line.split(' ');
      const ran = command(`skep ${tool} --backend linux ${rest.join(' ')}`);
      assert.equal(ran.status, 0, ran.stderr);
      check(ran.stdout);
    },
  })),
  {
    name: 'kprobe and kretprobe by prefix, with arguments and the returned value [C.ev.kprobe_prefix C.ev.kretprobe_prefix C.ev.kprobe_args C.ev.ptregs_rc P.init.autoload]',
    run() {
      const b = load(`
BPF_HASH(seen, u32, u64);
int kprobe__vfs_mkdir(struct pt_regs *ctx, struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode)
{
    ${MINE}
    seen.increment(1);
    if (dentry->d_name.len == 8 && (mode & 0777) == 0777) seen.increment(3);
    return 0;
}
int kretprobe__vfs_mkdir(struct pt_regs *ctx)
{
    ${MINE}
    if (PT_REGS_RC(ctx) == 0) seen.increment(2);
    return 0;
}`);
      makeFolders(3);
      assert.deepEqual([count(b, 'seen', 1), count(b, 'seen', 2), count(b, 'seen', 3)], [3, 3, 3]);
      b.close();
      nothingLeft();
    },
  },
  {
    name: 'kprobes by regular expression, and detaching [P.ev.attach_kprobe P.ev.event_re P.ev.detach_kprobe P.help.num_open_kprobes X.attach_kprobe_detach_kprobe]',
    run() {
      const b = load(`
BPF_ARRAY(calls, u64, 1);
int on_call(struct pt_regs *ctx) { ${MINE} calls.increment(0); return 0; }`);
      b.attachKprobe({ eventRe: '^vfs_(mk|rm)dir$', fnName: 'on_call' });
      assert.equal(b.numOpenKprobes(), 2);
      makeFolders(2);
      assert.equal(count(b, 'calls', 0), 4);
      b.detachKprobe('vfs_mkdir');
      makeFolders(2);
      assert.equal(count(b, 'calls', 0), 6);
      b.close();
      nothingLeft();
    },
  },
  {
    name: 'a system call by its prefix, with its arguments [C.ev.syscall_prefix P.help.get_syscall_fnname]',
    run() {
      const b = load(`
struct event { u32 mode; char path[24]; };
BPF_PERF_OUTPUT(events);
int syscall__mkdir(struct pt_regs *ctx, const char __user *path, int mode)
{
    ${MINE}
    struct event e = {};
    e.mode = mode;
    bpf_probe_read_user_str(&e.path, sizeof(e.path), (void *)path);
    events.perf_submit(ctx, &e, sizeof(e));
    return 0;
}`);
      b.attachKprobe({ event: b.getSyscallFnname('mkdir'), fnName: 'syscall__mkdir' });
      const seen: { mode: number; path: string }[] = [];
      const table = b.getTable('events');
      table.openPerfBuffer((_cpu: number, data: Uint8Array) => {
        const { mode, path } = table.event(data) as unknown as { mode: number; path: string };
        seen.push({ mode, path: String(path) });
      });
      makeFolders(2);
      b.perfBufferPoll(200);
      assert.deepEqual(seen, [
        { mode: 0o777, path: '/tmp/folder-0' },
        { mode: 0o777, path: '/tmp/folder-1' },
      ]);
      b.close();
    },
  },
  {
    name: 'a function that does not exist, with the nearest names',
    run() {
      const b = load('int f(struct pt_regs *ctx) { return 0; }');
      assert.throws(() => b.attachKprobe({ event: 'vfs_mkdirr', fnName: 'f' }), /vfs_mkdirr.*vfs_mkdir/s);
      b.close();
      nothingLeft();
    },
  },
  {
    name: 'fentry and fexit (KFUNC_PROBE, KRETFUNC_PROBE) [C.ev.kfunc C.ev.kretfunc P.ev.attach_kfunc P.ev.attach_kretfunc]',
    run() {
      const b = load(`
BPF_ARRAY(seen, u64, 2);
KFUNC_PROBE(vfs_mkdir, struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode)
{
    ${MINE}
    if (dentry->d_name.len == 8) seen.increment(0);
    return 0;
}
KRETFUNC_PROBE(vfs_mkdir, struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode, int ret)
{
    ${MINE}
    if (ret == 0) seen.increment(1);
    return 0;
}`);
      makeFolders(4);
      assert.deepEqual([count(b, 'seen', 0), count(b, 'seen', 1)], [4, 4]);
      b.close();
    },
  },
  {
    name: 'fmod_ret on a security function refuses the call (KMOD_RET) [C.ev.kmod_ret P.ev.attach_fmod_ret]',
    run() {
      const b = load(`
KMOD_RET(security_path_mkdir, const struct path *dir, struct dentry *dentry, umode_t mode, int ret)
{
    ${MINE}
    return -1;
}`);
      b.attachFmodRet({ fnName: b.functions()[0]! });
      assert.throws(() => mkdirSync('/tmp/refused'), { code: 'EPERM' });
      b.close();
      makeFolders(1);
    },
  },
  {
    name: 'an LSM program refuses the call (LSM_PROBE) [C.ev.lsm P.ev.attach_lsm]',
    run() {
      const b = load(`
LSM_PROBE(path_mkdir, const struct path *dir, struct dentry *dentry, umode_t mode)
{
    ${MINE}
    return -13;
}`);
      assert.throws(() => mkdirSync('/tmp/refused-2'), { code: 'EACCES' });
      b.close();
      makeFolders(1);
    },
  },
  {
    name: 'functions of a module by its types, with its name and without [C.ev.modkfunc]',
    run() {
      const b = load(`
BPF_ARRAY(seen, u64, 2);
MODULE_KFUNC_PROBE(virtio_blk, virtblk_done, struct virtqueue *vq) { seen.increment(0); return 0; }
KFUNC_PROBE(virtblk_done, struct virtqueue *vq) { if (vq->index < 64) seen.increment(1); return 0; }`);
      const read = command('busybox dd if=/dev/vda of=/dev/null bs=4k count=8 iflag=direct');
      assert.equal(read.status, 0, read.stderr);
      assert.ok(count(b, 'seen', 0) > 0);
      assert.equal(count(b, 'seen', 1), count(b, 'seen', 0));
      assert.throws(
        () => load('MODULE_KFUNC_PROBE(virtio_blk, virtblk_dne, struct virtqueue *vq) { return 0; }'),
        /module 'virtio_blk' has no kernel function 'virtblk_dne'; nearest: .*virtblk_done/,
      );
      assert.throws(
        () => load('MODULE_KFUNC_PROBE(no_such, virtblk_done, struct virtqueue *vq) { return 0; }'),
        /there is no module 'no_such' here that tells its types/,
      );
    },
  },
  {
    name: 'a function that this kernel calls otherwise: attached to that, and said',
    run() {
      const b = load(`
BPF_ARRAY(calls, u64, 1);
int on_fork(struct pt_regs *ctx) { ${MINE} calls.increment(0); return 0; }`);
      b.attachKprobe({ event: '_do_fork', fnName: 'on_fork' });
      assert.equal(warnings.pop(), "kprobe '_do_fork': attached to 'kernel_clone' instead, so called since Linux 5.10");
      command('true');
      assert.ok(count(b, 'calls', 0) > 0);
      b.close();
      nothingLeft();
    },
  },
  {
    name: 'kernel stacks of a kprobe, with symbols',
    run() {
      const names = stackOf([]);
      assert.equal(names[0], 'vfs_mkdir');
      assert.ok(
        names.some((name) => /do_mkdirat|do_syscall_64/.test(name)),
        names.join(' '),
      );
    },
  },
  {
    name: 'tracepoint, raw tracepoint and tp_btf of the same event count the same',
    run() {
      const b = load(`
BPF_ARRAY(seen, u64, 3);
TRACEPOINT_PROBE(raw_syscalls, sys_enter) { ${MINE} if (args->id == 83) seen.increment(0); return 0; }
RAW_TRACEPOINT_PROBE(sys_enter) { ${MINE} if (ctx->args[1] == 83) seen.increment(1); return 0; }`);
      makeFolders(5);
      assert.deepEqual([count(b, 'seen', 0), count(b, 'seen', 1)], [5, 5]);
      b.close();
    },
  },
  {
    name: 'skep tcpv4connect: the same lines on the real kernel as on the model kernel',
    run() {
      const rows = (backendName: string) => {
        const ran = command(`skep tcpv4connect --backend ${backendName} -- node /skep/tools/demo/connects.mjs`);
        assert.equal(ran.status, 0, ran.stderr);
        const lines = ran.stdout.trimEnd().split('\n');
        // Process ids and the port of the demonstration's server are of each run.
        const ports = new Map<string, string>();
        return lines.map((line) =>
          line
            .replace(/^\d+\s+/, '')
            .replace(/\d+$/, (port) => ports.get(port) ?? ports.set(port, `port ${ports.size}`).get(port)!)
            .trimEnd(),
        );
      };
      const live = rows('linux');
      assert.equal(live.length, 5);
      assert.deepEqual(live, rows('model'));
    },
  },
  {
    name: 'skep biolatency shows the block layer of 6.1, where BCC 0.26 cannot attach',
    run() {
      const ran = command(
        'skep biolatency --backend linux -- busybox dd if=/dev/vda of=/dev/null bs=4k count=64 iflag=direct',
      );
      assert.equal(ran.status, 0, ran.stderr);
      assert.match(ran.stdout, /usecs\s+: count\s+distribution/);
      assert.ok(histogramTotal(ran.stdout) >= 64, ran.stdout);
    },
  },
  {
    name: 'a tool killed by SIGKILL leaves no probe',
    async run() {
      const tool = spawn('skep', ['funccount', '--backend', 'linux', 'vfs_mkdir'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let text = '';
      await new Promise<void>((resolve, reject) => {
        const hear = (bytes: Buffer) => {
          text += bytes;
          if (text.includes('Ctrl-C')) resolve();
        };
        tool.stdout.on('data', hear);
        tool.stderr.on('data', hear);
        tool.once('close', () => reject(new Error(text)));
      });
      assert.match(readFileSync('/sys/kernel/debug/kprobes/list', 'utf8'), /vfs_mkdir/);
      const gone = new Promise((resolve) => tool.once('close', resolve));
      tool.kill('SIGKILL');
      await gone;
      // The kernel frees the descriptors' work after the process is gone.
      for (let i = 0; i < 50 && readFileSync('/sys/kernel/debug/kprobes/list', 'utf8') !== ''; i++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      nothingLeft();
    },
  },
];

/** Those whose names match SKEP_GUEST_ONLY, all without it. */
export function chosen(): readonly Case[] {
  const only = new RegExp(process.env['SKEP_GUEST_ONLY'] ?? '');
  return CASES.filter(({ name }) => only.test(name));
}

/** In the guest. */
export async function runAll(): Promise<void> {
  process.umask(0o022);
  for (const { name, run } of chosen()) {
    const begun = performance.now();
    let error: string | undefined;
    try {
      await run();
    } catch (problem) {
      error = problem instanceof Error ? `${problem.message}\n${problem.stack}` : String(problem);
    }
    closePrograms();
    const seconds = Number(((performance.now() - begun) / 1000).toFixed(2));
    process.stdout.write(`${JSON.stringify({ name, seconds, ...(error !== undefined && { error }) })}\n`);
  }
  closeBackends();
  process.stdout.write(`${JSON.stringify({ warnings })}\n`);
}

if (process.env['SKEP_IN_GUEST']) await runAll();
