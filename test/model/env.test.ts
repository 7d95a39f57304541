/** What programs may ask of the model kernel: a program in C for each, over a scripted workload. */
import { describe, expect, it } from 'vitest';
import { BPF } from '../../core/bcc/bpf.ts';
import { defineWorkload, type World } from '../../core/model/workload/workload.ts';
import { bench } from '../bcc/model.ts';

const script = (world: World) => {
  const task = world.spawn({ comm: 'task', cwd: '/srv' });
  task.close(task.open('/srv/data/file.txt'));
  world.spawn({ comm: 'init', pid: 1 }).open('/x');
};

/** Messages that a program prints over the workload. */
function printed(
  text: string,
  attach: (b: BPF) => void = () => {},
): { lines: string[]; kernel: ReturnType<typeof bench>['backend']['kernel'] } {
  const { backend } = bench(defineWorkload('env', 'a file opened', script));
  const b = new BPF({ text, backend });
  attach(b);
  const lines: string[] = [];
  for (const { msg } of b.traceFields()) lines.push(msg);
  b.close();
  return { lines, kernel: backend.kernel };
}

const at = (body: string) =>
  `#include <linux/sched.h>\n#include <linux/fs.h>\nint kprobe__vfs_open(struct pt_regs *ctx, struct path *path) { ${body} return 0; }`;

describe('helpers on the model kernel', () => {
  it('the control group is the root, whatever ancestor is asked for', () => {
    const body = 'bpf_trace_printk("%llu %llu", bpf_get_current_cgroup_id(), bpf_get_current_ancestor_cgroup_id(1));';
    expect(printed(at(body)).lines[0]).toBe('1 0');
  });

  it('ids in the pid namespace that was named by device and inode', () => {
    const ids = 'struct bpf_pidns_info ns = {};';
    const show = 'bpf_trace_printk("%d %d %d", r, ns.pid, ns.tgid);';
    const good = at(`${ids} int r = bpf_get_ns_current_pid_tgid(4, 0xeffffffcULL, &ns, sizeof(ns)); ${show}`);
    expect(printed(good).lines[0]).toBe('0 1000 1000');
    const bad = at(`${ids} int r = bpf_get_ns_current_pid_tgid(4, 5, &ns, sizeof(ns)); ${show}`);
    expect(printed(bad).lines[0]).toBe('-22 0 0');
  });

  it('signals go out after the event, never to init, and pass their tracepoint [C.data.send_signal]', () => {
    const text = `${at('bpf_trace_printk("%d %d", bpf_send_signal(10), bpf_send_signal_thread(99));')}
TRACEPOINT_PROBE(signal, signal_generate) { bpf_trace_printk("sig %d to %d", args->sig, args->pid); return 0; }`;
    const { lines, kernel } = printed(text);
    expect(lines).toEqual(['0 -22', 'sig 10 to 1000', '-1 -1']);
    expect(kernel.signals).toEqual([{ tid: 1000, signal: 10, thread: false }]);
  });

  it('the address of the function that a probe is on', () => {
    const { lines, kernel } = printed(at('bpf_trace_printk("%llx", bpf_get_func_ip(ctx));'));
    expect(BigInt(`0x${lines[0]}`)).toBe(kernel.symbols.address('vfs_open'));
  });

  it("a task's values, and its registers", () => {
    const text = `#include <linux/sched.h>
BPF_TASK_STORAGE(seen, u64);
KFUNC_PROBE(vfs_open) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
  u64 *n = bpf_task_storage_get(&seen, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (n) { *n += 1; bpf_trace_printk("%llu", *n); }
  return 0;
}`;
    const { lines } = printed(text);
    expect(lines[0]).toBe('1');
  });
});
