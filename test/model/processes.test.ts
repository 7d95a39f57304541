import { describe, expect, it } from 'vitest';
import { KernelObjects } from '../../core/model/objects.ts';
import { VmMemory } from '../../core/vm/memory.ts';
import {
  attach,
  call,
  HELPER,
  load,
  messages,
  modelOf,
  mov,
  printk,
  probeRead,
  R,
  runAll,
  shippedBtf,
  store,
} from './programs.ts';

const objects = new KernelObjects(new VmMemory(), shippedBtf());
const TASK = (field: string) => objects.field('task_struct', field).offset;

describe('fork, exec, exit', () => {
  it('pass their functions and tracepoints in the kernel order', () => {
    const b = modelOf((w) => {
      const shell = w.spawn({ comm: 'bash', pid: 10 });
      const child = shell.fork();
      child.exec('/bin/true');
      child.exit(3 << 8);
    });
    for (const hook of [
      'kprobe:__x64_sys_clone',
      'kretprobe:__x64_sys_clone',
      'kprobe:kernel_clone',
      'kretprobe:kernel_clone',
      'kretprobe:copy_process',
      'kprobe:wake_up_new_task',
      'tracepoint:task:task_newtask',
      'tracepoint:sched:sched_process_fork',
      'tracepoint:sched:sched_wakeup_new',
      'kprobe:bprm_execve',
      'kprobe:begin_new_exec',
      'tracepoint:sched:sched_process_exec',
      'kretprobe:__x64_sys_execve',
      'kprobe:do_group_exit',
      'kprobe:do_exit',
      'tracepoint:sched:sched_process_exit',
    ]) {
      attach(b, hook, printk(hook));
    }
    expect(messages(runAll(b))).toEqual([
      'kprobe:__x64_sys_clone',
      'kprobe:kernel_clone',
      'tracepoint:task:task_newtask',
      'kretprobe:copy_process',
      'tracepoint:sched:sched_process_fork',
      'kprobe:wake_up_new_task',
      'tracepoint:sched:sched_wakeup_new',
      'kretprobe:kernel_clone',
      'kretprobe:__x64_sys_clone',
      'kprobe:bprm_execve',
      'kprobe:begin_new_exec',
      'tracepoint:sched:sched_process_exec',
      'kretprobe:__x64_sys_execve',
      'kprobe:do_group_exit',
      'kprobe:do_exit',
      'tracepoint:sched:sched_process_exit',
    ]);
  });

  it('clone comes back twice: sys_exit in the child too', () => {
    const b = modelOf((w) => void w.spawn({ comm: 'bash', pid: 10 }).fork());
    attach(b, 'tracepoint:syscalls:sys_exit_clone', [
      load('DW', R.r7, R.r1, 16),
      call(HELPER.get_current_pid_tgid),
      store('DW', R.fp, -8, R.r0),
      load('W', R.r6, R.fp, -8),
      ...printk('%d returns %d', R.r6, R.r7),
    ]);
    attach(b, 'kretprobe:__x64_sys_clone', printk('wrapper'));
    expect(messages(runAll(b))).toEqual(['1000 returns 0', 'wrapper', '10 returns 1000']);
  });

  it('an exec whose call nobody watches leaves the calls of others alone', () => {
    const b = modelOf((w) => {
      const one = w.spawn({ comm: 'one' });
      const two = w.spawn({ comm: 'two' });
      one.exec('/bin/a');
      const frames = w.frames;
      one.read(one.open('/a'), 10);
      const exitOfRead = frames.pop()!;
      two.exec('/bin/b');
      frames.push({ ...exitOfRead, event: { ...exitOfRead.event, tsNs: w.tick() } });
    });
    attach(b, 'tracepoint:sched:sched_process_exec', printk('exec'));
    attach(b, 'kretprobe:vfs_read', printk('read'));
    expect(messages(runAll(b))).toEqual(['exec', 'exec', 'read']);
  });

  it('exec in a thread: the thread takes the leader over, the others die once, the call returns in the new leader', () => {
    const b = modelOf((w) => {
      const leader = w.spawn({ comm: 'main', pid: 10 });
      const blocked = leader.thread();
      const s = leader.socket();
      blocked.connect(s, '127.0.0.1', 80);
      w.frames.pop();
      const execs = leader.thread();
      const frames = w.frames.length;
      execs.exec('/bin/new');
      // What the script wrote for the thread, as a thread's exec is told: the exec and the exit come from the leader's tid.
      for (const i of [frames + 1, frames + 2]) {
        const { event } = w.frames[i]!;
        w.frames[i] = {
          ...w.frames[i]!,
          event: { ...event, tid: 10, ...(event.type === 'exec' && { formerTid: execs.tid }) } as typeof event,
        };
      }
      blocked.exit(9);
      leader.exit(0);
    });
    const pid = (text: string) => [call(HELPER.get_current_pid_tgid), mov(R.r6, R.r0), ...printk(`${text} %lx`, R.r6)];
    for (const hook of [
      'kretprobe:tcp_v4_connect',
      'kprobe:__x64_sys_execve',
      'kretprobe:__x64_sys_execve',
      'tracepoint:sched:sched_process_exec',
      'tracepoint:sched:sched_process_exit',
    ]) {
      attach(b, hook, pid(hook.slice(hook.lastIndexOf(':') + 1)));
    }
    expect(messages(runAll(b))).toEqual([
      '__x64_sys_execve a000003e9',
      'tcp_v4_connect a000003e8',
      'sched_process_exit a000003e8',
      'sched_process_exec a0000000a',
      '__x64_sys_execve a0000000a',
      'sched_process_exit a0000000a',
    ]);
  });

  it('the task and its parent can be followed in memory', () => {
    const b = modelOf((w) => {
      const shell = w.spawn({ comm: 'bash', pid: 10, uid: 1000 });
      shell.fork().exec('/usr/bin/a-rather-long-name');
    });
    // current->tgid, current->real_parent->tgid, current->comm, current->cred->uid
    attach(b, 'tracepoint:sched:sched_process_exec', [
      call(HELPER.get_current_task),
      mov(R.r9, R.r0),
      ...probeRead(-8, 4, R.r9, TASK('tgid'), HELPER.probe_read_kernel),
      load('W', R.r6, R.fp, -8),
      ...probeRead(-8, 8, R.r9, TASK('real_parent'), HELPER.probe_read_kernel),
      load('DW', R.r8, R.fp, -8),
      ...probeRead(-8, 4, R.r8, TASK('tgid'), HELPER.probe_read_kernel),
      load('W', R.r7, R.fp, -8),
      ...probeRead(-32, 16, R.r9, TASK('comm'), HELPER.probe_read_kernel),
      mov(R.r8, R.fp),
      { ...mov(R.r0, R.r0) },
      ...printk('%d %d', R.r6, R.r7),
    ]);
    expect(messages(runAll(b))).toEqual(['1000 10']);
    expect(b.kernel.tasks.known(1000)!.comm).toBe('a-rather-long-n');
  });

  it('helpers tell who runs: pid of the thread, tgid of the process, comm', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'main', pid: 10 });
      t.thread().open('/a');
    });
    attach(b, 'kprobe:do_sys_openat2', [call(HELPER.get_current_pid_tgid), mov(R.r6, R.r0), ...printk('%lx', R.r6)]);
    const lines = runAll(b);
    expect(messages(lines)).toEqual(['a000003e8']);
    expect(lines[0]).toBe('            main-1000    [000] ...21     1.000050: bpf_trace_printk: a000003e8');
  });

  it('a closed socket is closed once: not while a child still holds it', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'main' });
      const s = t.socket();
      t.connect(s, '127.0.0.1', 80);
      t.close(s);
      const held = t.socket();
      t.connect(held, '127.0.0.1', 81);
      t.exit(0);
    });
    attach(b, 'kprobe:tcp_close', printk('close'));
    // One by close(2), one because its owner died.
    expect(messages(runAll(b))).toEqual(['close', 'close']);
  });
});

describe('files', () => {
  it('an open that works passes vfs_open with a dentry that has the name; a failed one does not', () => {
    const F = (s: string, f: string) => objects.field(s, f).offset;
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'cat' });
      t.open('/etc/hostname', 2);
      t.open('/nope', 0, -2);
    });
    attach(b, 'kprobe:vfs_open', [
      load('DW', R.r9, R.r1, 112),
      ...probeRead(-8, 8, R.r9, F('path', 'dentry'), HELPER.probe_read_kernel),
      load('DW', R.r9, R.fp, -8),
      ...probeRead(-8, 8, R.r9, F('dentry', 'd_name.name'), HELPER.probe_read_kernel),
      load('DW', R.r9, R.fp, -8),
      ...probeRead(-24, 16, R.r9, 0, HELPER.probe_read_kernel_str),
      mov(R.r8, R.fp),
      { ...load('DW', R.r7, R.fp, -24) },
      ...printk('%lx', R.r7),
    ]);
    attach(b, 'kretprobe:do_sys_openat2', [load('DW', R.r6, R.r1, 80), ...printk('ret %d', R.r6)]);
    const name = [...new TextEncoder().encode('hostname')]
      .reverse()
      .map((c) => c.toString(16))
      .join('');
    expect(messages(runAll(b))).toEqual([name, 'ret 3', 'ret -2']);
  });

  it('read and write pass vfs_read and vfs_write, and tcp_sendmsg for sockets', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'x' });
      t.read(t.open('/a'), 100, new Uint8Array(10));
      const s = t.socket();
      t.connect(s, '127.0.0.1', 80);
      t.write(s, new Uint8Array(7));
      t.read(s, 50, new Uint8Array(5));
      t.write(77, new Uint8Array(1));
    });
    attach(b, 'kprobe:vfs_read', [load('DW', R.r6, R.r1, 96), ...printk('vfs_read %d', R.r6)]);
    attach(b, 'kretprobe:vfs_read', [load('DW', R.r6, R.r1, 80), ...printk('= %d', R.r6)]);
    attach(b, 'kprobe:vfs_write', printk('vfs_write'));
    attach(b, 'kprobe:tcp_sendmsg', [load('DW', R.r6, R.r1, 96), ...printk('tcp_sendmsg %d', R.r6)]);
    attach(b, 'kprobe:tcp_cleanup_rbuf', [load('DW', R.r6, R.r1, 104), ...printk('rbuf %d', R.r6)]);
    expect(messages(runAll(b))).toEqual([
      'vfs_read 100',
      '= 10',
      'vfs_write',
      'tcp_sendmsg 7',
      'vfs_read 50',
      'rbuf 5',
      '= 5',
    ]);
  });
});

describe('the whole model', () => {
  it('writes no field that the shipped BTF lacks, and gives its memory back', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'all' });
      for (const domain of [1, 2, 10]) for (const type of [1, 2]) t.close(t.socket(domain, type));
      const s = t.socket(10);
      t.bind(s, '::', 80);
      t.listen(s);
      t.close(t.accept(s, '::1', 5000));
      const c = t.fork();
      c.exec('/bin/x', ['x', 'y'], ['A=1']);
      c.kill(t.tid, 15);
      c.open(`/tmp/${'n'.repeat(60)}`);
      c.unlink('/tmp/f');
      c.syscall('rmdir', [0n], -14);
      c.syscall('prctl', [15n, 0n], 0);
      c.syscall('setuid', [1n], 0);
      c.exit(0);
      t.connect(t.socket(10), '127.0.0.1', 1);
      t.connect(t.socket(2, 2), '127.0.0.1', 53);
      t.exit(0);
    });
    for (const f of b.kernelFunctions()) {
      attach(b, `kprobe:${f}`, []);
      if (f !== 'do_exit') attach(b, `kretprobe:${f}`, []);
    }
    for (const t of b.tracepoints()) attach(b, `tracepoint:${t}`, []);
    runAll(b);
    expect([...b.kernel.objects.missing]).toEqual([]);
  });
});
