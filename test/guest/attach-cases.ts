/**
 * What stands in for a way to attach that a kernel lacks: kprobe programs at trampolines. On a kernel that has kprobes, they are said to be missing, so that
 * what the program tells can be compared.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import type { AttachWay } from '../../bindings/linux/attach/attach-kind.ts';
import { LinuxBackend } from '../../bindings/linux/backend.ts';
import { BPF } from '../../core/index.ts';
import { type Case, count, load, MINE, makeFolders, nothingLeft, warnings } from './bench.ts';

const NO_KPROBES: readonly AttachWay[] = ['kprobe', 'kprobe_multi'];

/** What `program` tells of three folders, as text. */
function told(program: string, without: readonly AttachWay[]): string[] {
  const b = load(program, ...without);
  const lines: string[] = [];
  const events = b.getTable('events');
  events.openPerfBuffer((_cpu: number, data: Uint8Array) => lines.push(JSON.stringify(events.event(data), plain)));
  makeFolders(3);
  b.perfBufferPoll(200);
  b.close();
  return lines;
}

const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

const PROGRAM = `
struct event { u64 kind, ip, cookie; u32 mode; int ret; char name[24]; };
BPF_PERF_OUTPUT(events);
BPF_HASH(begun, u32, struct dentry *);
int kprobe__vfs_mkdir(struct pt_regs *ctx, struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode)
{
    ${MINE}
    u32 tid = bpf_get_current_pid_tgid();
    begun.update(&tid, &dentry);
    struct event e = { .kind = 1, .ip = bpf_get_func_ip(ctx), .mode = PT_REGS_PARM4(ctx) };
    bpf_probe_read_kernel_str(&e.name, sizeof(e.name), dentry->d_name.name);
    events.perf_submit(ctx, &e, sizeof(e));
    return 1;
}
int kretprobe__vfs_mkdir(struct pt_regs *ctx)
{
    ${MINE}
    u32 tid = bpf_get_current_pid_tgid();
    struct dentry **dentry = begun.lookup(&tid);
    if (dentry == 0) return 0;
    struct event e = { .kind = 2, .ret = PT_REGS_RC(ctx), .mode = (*dentry)->d_name.len };
    bpf_probe_read_kernel_str(&e.name, sizeof(e.name), (*dentry)->d_name.name);
    begun.delete(&tid);
    events.perf_submit(ctx, &e, sizeof(e));
    return 0;
}`;

const STACKS = `
BPF_STACK_TRACE(stacks, 64);
BPF_HASH(ids, u32, u32);
int kprobe__vfs_mkdir(struct pt_regs *ctx)
{
    ${MINE}
    u32 zero = 0, id = stacks.get_stackid(ctx, 0);
    ids.update(&zero, &id);
    return 0;
}`;

/** Names of the kernel's functions that led to a probe of vfs_mkdir. */
export function stackOf(without: readonly AttachWay[]): string[] {
  const b = load(STACKS, ...without);
  makeFolders(1);
  const id = Number(b.getTable('ids').get(0));
  const names = [...b.getTable('stacks').walk(id)].map((address) => String(b.ksym(address)));
  b.close();
  return names;
}

export const ATTACH_CASES: readonly Case[] = [
  {
    name: 'kprobe and kretprobe where there are none: fentry and fexit tell the same',
    run() {
      const asKprobe = told(PROGRAM, []);
      assert.equal(asKprobe.length, 6);
      warnings.length = 0;
      assert.deepEqual(told(PROGRAM, NO_KPROBES), asKprobe);
      assert.deepEqual(warnings.splice(0), [
        "kprobe 'vfs_mkdir': attached to 'fentry of vfs_mkdir' instead, the running kernel has no kprobes",
        "kretprobe 'vfs_mkdir': attached to 'fexit of vfs_mkdir' instead, the running kernel has no kprobes",
      ]);
      nothingLeft();
    },
  },
  {
    name: 'stacks of a kprobe at the trampoline begin with the function as well',
    run() {
      const asKprobe = stackOf([]);
      assert.equal(asKprobe[0], 'vfs_mkdir');
      assert.deepEqual(stackOf(NO_KPROBES), asKprobe);
      warnings.length = 0;
    },
  },
  {
    name: 'a function that no kprobe may touch is traced by fentry',
    run() {
      // What the kernel calls when a kprobe fires: on its list of what kprobes may not touch.
      const b = load(`
BPF_ARRAY(calls, u64, 1);
int on_handler(struct pt_regs *ctx) { ${MINE} calls.increment(0); return 0; }`);
      b.attachKprobe({ event: 'kprobe_ftrace_handler', fnName: 'on_handler' });
      assert.deepEqual(warnings.splice(0), [
        "kprobe 'kprobe_ftrace_handler': attached to 'fentry of kprobe_ftrace_handler' instead, no kprobe can be put there",
      ]);
      assert.equal(b.numOpenKprobes(), 1);
      const other = load('int kprobe__vfs_mkdir(void *ctx) { return 0; }');
      makeFolders(3);
      other.close();
      assert.equal(count(b, 'calls', 0), 3);
      b.detachKprobe('kprobe_ftrace_handler');
      assert.equal(b.numOpenKprobes(), 0);
      b.close();
      nothingLeft();
    },
  },
  {
    name: 'a program that only a kprobe can run says why',
    run() {
      const b = load(
        'int on_call(struct pt_regs *ctx) { bpf_trace_printk("%d", PT_REGS_SP(ctx)); return 0; }',
        ...NO_KPROBES,
      );
      assert.throws(
        () => b.attachKprobe({ event: 'vfs_mkdir', fnName: 'on_call' }),
        /has no kprobes \(CONFIG_KPROBES\), and in their place fentry cannot be: the program reads register sp/,
      );
      assert.throws(
        () => b.attachKprobe({ event: 'vfs_mkdir', eventOff: 4, fnName: 'on_call' }),
        /fentry has only whole functions/,
      );
      const neither = load('int on_call(struct pt_regs *ctx) { return 0; }', ...NO_KPROBES, 'fentry');
      assert.throws(
        () => neither.attachKprobe({ event: 'vfs_mkdir', fnName: 'on_call' }),
        /fentry is not there either/,
      );
    },
  },
  {
    name: 'a command is followed through a trampoline: the filter stands in front of the rewritten program',
    run() {
      const backend = new LinuxBackend({ command: ['busybox', 'mkdir', '/tmp/x1', '/tmp/x2'], without: NO_KPROBES });
      try {
        const b = new BPF({
          text: 'BPF_ARRAY(calls, u64, 1); int kprobe__vfs_mkdir(struct pt_regs *ctx) { calls.increment(0); return 0; }',
          backend,
        });
        mkdirSync('/tmp/not-of-the-command');
        b.wait();
        assert.equal(count(b, 'calls', 0), 2);
      } finally {
        backend.close();
      }
    },
  },
  {
    name: 'many functions: by one link where the kernel has kprobe_multi, the same counts by one kprobe each',
    run() {
      const counts = (without: readonly AttachWay[]) => {
        const b = load(
          `BPF_ARRAY(calls, u64, 1000);
int on_call(struct pt_regs *ctx) { ${MINE} calls.atomic_increment(bpf_get_attach_cookie(ctx)); return 0; }`,
          ...without,
        );
        const events = b.getKprobeFunctions('vfs_.*');
        // The list of symbols is read once.
        b.ksymname('vfs_read');
        warnings.length = 0;
        const begun = performance.now();
        b.attachKprobe({ events, cookies: events.map((_, i) => i), fnName: 'on_call' });
        const attached = performance.now();
        assert.equal(b.numOpenKprobes(), events.length);
        makeFolders(3);
        b.detachKprobe('vfs_rmdir');
        assert.equal(b.numOpenKprobes(), events.length - 1);
        makeFolders(2);
        const links = linksOf(process.pid);
        const at = (name: string) => count(b, 'calls', events.indexOf(name));
        const seen = [at('vfs_mkdir'), at('vfs_rmdir')];
        const closing = performance.now();
        b.close();
        process.stderr.write(
          `${events.length} functions${without.length ? ` without ${without}` : ''}: ${links} links, attached in ${(attached - begun).toFixed(0)} ms, gone in ${(performance.now() - closing).toFixed(0)} ms; ${warnings.splice(0).join()}\n`,
        );
        nothingLeft();
        return { seen, links, places: events.length - 1 };
      };
      const together = counts([]);
      const alone = counts(['kprobe_multi']);
      assert.deepEqual(together.seen, [5, 3]);
      assert.deepEqual(alone.seen, [5, 3]);
      assert.equal(alone.links, alone.places);
      const b = load('int f(void *ctx) { return 0; }');
      if (b.ksymname('register_fprobe_ips') !== -1n) assert.equal(together.links, 1);
    },
  },
];

/** Links that a process holds. */
function linksOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return /bpf.link/.test(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}
