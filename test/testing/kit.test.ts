import { afterEach, describe, expect, it } from 'vitest';
import { TestKernel, type TestKernelOptions } from '../../tools/testing/index.ts';
import { text } from './program.ts';

const open: TestKernel[] = [];
function kernel(options: TestKernelOptions = {}): TestKernel {
  const k = new TestKernel(options);
  open.push(k);
  return k;
}
afterEach(() => {
  for (const k of open.splice(0)) k.close();
});

const sock = (port: number) => ({
  sk: { __sk_common: { skc_dport: ((port & 255) << 8) | (port >> 8), skc_family: 2 } },
});

describe('fire', () => {
  it('calls a function with made-up structs, in a task, on a clock that only the test moves', () => {
    const k = kernel();
    const b = k.bpf(text);
    k.task({ pid: 4242, tgid: 4000, comm: 'curl' });
    const before = k.nowNs;
    k.fire('tcp_v4_connect', sock(8080), { ret: 0 });
    k.fire('tcp_v4_connect', sock(443));
    expect(k.entries(b, 'ports')).toEqual(
      expect.arrayContaining([
        [8080, 1n],
        [443, 1n],
      ]),
    );
    const [event, ...rest] = k.events(b, 'events');
    expect(rest).toEqual([]);
    expect(event).toMatchObject({ pid: 4000, ok: 1, comm: 'curl' });
    expect(k.nowNs - before).toBe(3n);
    expect(k.entries(b, 'started')).toHaveLength(1);
  });

  it('between entry and return time passes as the test says', () => {
    const k = kernel();
    const b = k.bpf(`
BPF_HASH(at, u32, u64);
BPF_HISTOGRAM(dist);
int kprobe__vfs_read(void *ctx) { u32 zero = 0; u64 now = bpf_ktime_get_ns(); at.update(&zero, &now); return 0; }
int kprobe__vfs_write(void *ctx) { u32 zero = 0; u64 *t = at.lookup(&zero); if (t) dist.increment(bpf_log2l((bpf_ktime_get_ns() - *t) / 1000)); return 0; }`);
    k.fire('vfs_read');
    k.advance(70_000);
    k.fire('vfs_write');
    expect(k.entries(b, 'dist').filter(([, n]) => n !== 0n)).toEqual([[7, 1n]]);
  });

  it('calls any function of the kernel, with pointers in pointers, user memory, and a list of arguments', () => {
    const k = kernel();
    k.bpf(`#include <linux/fs.h>
int kprobe__ext4_file_open(struct pt_regs *ctx, struct inode *inode, struct file *filp) {
  char name[16] = {};
  bpf_probe_read_kernel_str(name, sizeof(name), (void *)filp->f_path.dentry->d_name.name);
  bpf_trace_printk("%s of %d", name, inode->i_ino);
  return 0;
}
int kprobe__do_sys_openat2(struct pt_regs *ctx, int dfd, const char *path) {
  char name[16] = {};
  bpf_probe_read_user_str(name, sizeof(name), path);
  bpf_trace_printk("%d %s", dfd, name);
  return 0;
}`);
    k.fire('ext4_file_open', { inode: { i_ino: 77 }, filp: { f_path: { dentry: { d_name: { name: 'notes.txt' } } } } });
    k.fire('do_sys_openat2', [-100, k.user('/etc/motd'), 0]);
    expect(k.messages()).toEqual(['notes.txt of 77', '-100 /etc/motd']);
  });

  it('passes tracepoints, by their fields and raw', () => {
    const k = kernel();
    k.bpf(`#include <linux/sched.h>
TRACEPOINT_PROBE(sched, sched_switch) { bpf_trace_printk("%s %d", args->next_comm, args->next_pid); return 0; }
RAW_TRACEPOINT_PROBE(sched_wakeup) { struct task_struct *p = (struct task_struct *)ctx->args[0]; bpf_trace_printk("woken %d", p->pid); return 0; }`);
    k.fire('sched:sched_switch', { next_comm: 'vim', next_pid: 9 });
    k.fire('sched:sched_wakeup', {}, { raw: [{ pid: 31 }] });
    expect(k.messages()).toEqual(['vim 9', 'woken 31']);
  });

  it.each([
    ['no_such_function', {}, 'there is no kernel function no_such_function'],
    ['no:such', {}, 'no tracepoint no:such'],
    ['vfs_read', { fil: 1 }, "vfs_read has no parameter 'fil'; it has file, buf, count, pos"],
    ['vfs_read', { file: { f_flag: 1 } }, 'struct file has no field f_flag; nearest: f_flags'],
    ['vfs_read', { count: 'x' }, 'vfs_read: count is no pointer: it takes a number'],
    ['sched:sched_switch', { pid: 1 }, "sched:sched_switch has no field 'pid'; it has prev_comm"],
  ] as const)('refuses %s %o', (name, args, message) => {
    expect(() => kernel().fire(name, args)).toThrow(message);
  });
});

describe('failures', () => {
  it('a full table takes no new keys, until it heals', () => {
    const k = kernel();
    const b = k.bpf(text);
    k.fire('tcp_v4_connect', sock(1));
    k.full(b, 'started');
    k.fire('tcp_v4_connect', sock(1));
    expect(k.messages()).toEqual([]);
    k.task({ pid: 200, comm: 'other' });
    k.fire('tcp_v4_connect', sock(1), { ret: 0 });
    expect(k.messages()).toEqual(['table full']);
    expect(k.events(b, 'events')).toEqual([]);
    k.heal();
    k.fire('tcp_v4_connect', sock(1), { ret: 0 });
    expect(k.events(b, 'events')).toHaveLength(1);
  });

  it('a helper fails as often as it is told, after so many calls', () => {
    const k = kernel();
    k.bpf(
      'int kprobe__vfs_read(void *ctx) { u64 x = 0; bpf_trace_printk("%d", bpf_probe_read_kernel(&x, 8, ctx)); return 0; }',
    );
    k.failHelper('bpf_probe_read_kernel', -14, { after: 1, times: 1 });
    for (let i = 0; i < 3; i++) k.fire('vfs_read');
    expect(k.messages()).toEqual(['0', '-14', '0']);
    expect(() => k.failHelper('no_such', 0)).toThrow('there is no helper bpf_no_such');
  });

  it('a ring buffer gives no room, a perf buffer that nobody reads loses', () => {
    const k = kernel({ pages: 1 });
    const b = k.bpf(`struct e { u64 n; char pad[200]; };
BPF_RINGBUF_OUTPUT(ring, 1);
BPF_PERF_OUTPUT(perf);
int kprobe__vfs_read(struct pt_regs *ctx) {
  struct e *r = ring.ringbuf_reserve(sizeof(*r));
  if (!r) { bpf_trace_printk("no room"); return 0; }
  r->n = 1; ring.ringbuf_submit(r, 0); return 0;
}
int kprobe__vfs_write(struct pt_regs *ctx) { struct e x = {}; x.n = 2; perf.perf_submit(ctx, &x, sizeof(x)); return 0; }`);
    k.fire('vfs_read');
    k.full(b, 'ring');
    k.fire('vfs_read');
    expect(k.messages()).toEqual(['no room']);
    expect(k.events(b, 'ring')).toHaveLength(1);
    expect(k.lost(b, 'ring')).toBe(1);
    for (let i = 0; i < 50; i++) k.fire('vfs_write');
    const received = k.events(b, 'perf').length;
    expect(received).toBeLessThan(50);
    expect(received + k.lost(b, 'perf')).toBe(50);
  });

  it('a full perf buffer refuses samples and counts each as lost, until it heals', () => {
    const k = kernel({ cpus: 2 });
    const b = k.bpf(`BPF_PERF_OUTPUT(perf);
int kprobe__vfs_write(struct pt_regs *ctx) { u64 x = 2; bpf_trace_printk("%d", perf.perf_submit(ctx, &x, sizeof(x))); return 0; }`);
    k.fire('vfs_write');
    k.full(b, 'perf');
    for (const cpu of [0, 1, 1]) k.fire('vfs_write', {}, { cpu });
    expect(k.messages()).toEqual(['0', '-28', '-28', '-28']);
    expect(k.events(b, 'perf')).toHaveLength(1);
    expect(k.lost(b, 'perf')).toBe(3);
    k.heal();
    k.fire('vfs_write', {}, { cpu: 1 });
    expect(k.events(b, 'perf')).toHaveLength(1);
    expect(k.lost(b, 'perf')).toBe(3);
  });
});

describe('steps', () => {
  it('tells the source lines that a run passes', () => {
    const k = kernel();
    k.bpf(text);
    const lines = k.lines(() => k.fire('tcp_v4_connect', {}, { ret: 0 }));
    expect(lines[0]).toMatch(/^\d+: .*(?:kprobe__tcp_v4_connect|bpf_get_current_pid_tgid)/);
    expect(lines.some((line) => line.includes('events.perf_submit(ctx, &e, sizeof(e));'))).toBe(true);
  });

  it('tells instructions and registers', () => {
    const k = kernel();
    k.bpf('int kprobe__vfs_read(void *ctx) { return 0; }');
    const steps = k.steps(() => k.fire('vfs_read'));
    expect(steps.at(-1)).toMatchObject({ program: 'kprobe__vfs_read', insn: '(95) exit' });
    expect(steps.at(-1)!.registers[0]).toBe(0n);
    expect(k.steps(() => {})).toEqual([]);
  });
});

describe('workloads and tools', () => {
  it('a script of the test moves the kernel', () => {
    const k = kernel({
      workload(world) {
        const cat = world.spawn({ comm: 'cat', uid: 7 });
        cat.open('/etc/hosts');
      },
    });
    k.bpf(
      'TRACEPOINT_PROBE(syscalls, sys_enter_openat) { bpf_trace_printk("%d", bpf_get_current_uid_gid()); return 0; }',
    );
    k.run();
    expect(k.messages()).toEqual(['7']);
  });

  it('a shipped tool runs with its own arguments', async () => {
    const k = kernel({ workload: 'shell' });
    const { lines, warnings } = await k.tool('opensnoop', ['-x', '-j']);
    expect(lines.map((line) => JSON.parse(line).PATH)).toEqual(['two words', '/root/missing']);
    expect(warnings).toEqual([]);
    await expect(k.tool('opensnoop', ['-p', 'x'])).rejects.toThrow('a process id (1 to 4194304) is needed');
    await expect(k.tool('nosuch')).rejects.toThrow("there is no tool 'nosuch'");
  });
});
