/** What programs and scripts ask of the running kernel and get of this machine: real tasks, memory, stacks, counters, groups, files. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { onlineCpus, possibleCpus } from '../../bindings/linux/machine.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { mountBpffs } from '../linux/bpffs.ts';
import { afterwards, compileC, liveBackend, noCommand, noTracefs, noUprobes, title } from './machine.ts';

const OUT =
  'BPF_ARRAY(out, u64, 12);\n#define OUT(i, v) { int slot = i; u64 value = (u64)(v); out.update(&slot, &value); }\n';
const OF_THIS = `if ((bpf_get_current_pid_tgid() >> 32) != ${process.pid}) return 0;`;

const noCompiler = noUprobes ?? noCommand('cc');
describe.skipIf(noCompiler)(title('of a program, by a uprobe', noCompiler), () => {
  const TARGET = `
    #include <string.h>
    __attribute__((noinline)) int say(const char *text, long number) { asm volatile("" : : "r"(text), "r"(number)); return strlen(text) + number; }
    int main(void) { char text[] = "hello"; return say(text, 77) == 82 ? 0 : 1; }`;
  /** What a body leaves, run once at say("hello", 77); the process id. */
  function said(
    body: string,
    args = '',
    { atReturn = false, decls = '' } = {},
  ): { out: bigint[]; pid: number; b: BPF } {
    const program = compileC(TARGET);
    liveBackend();
    const b = new BPF({ text: `${OUT}${decls}\nint on_say(struct pt_regs *ctx${args}) {\n${body}\nreturn 0;\n}` });
    if (atReturn) b.attachUretprobe({ name: program, sym: 'say', fnName: 'on_say' });
    else b.attachUprobe({ name: program, sym: 'say', fnName: 'on_say' });
    const { pid, status } = spawnSync(program);
    expect(status).toBe(0);
    return { out: [...b.getTable<number, bigint>('out').values()], pid, b };
  }

  it('who runs, where [C.data.bpf_get_current_pid_tgid C.data.bpf_get_current_uid_gid C.data.cgroup_id C.data.num_cpus C.data.bpf_get_prandom_u32]', () => {
    const { out, pid } = said(
      `u64 id = bpf_get_current_pid_tgid(); OUT(0, id >> 32); OUT(1, (u32)id); OUT(2, (u32)bpf_get_current_uid_gid());
       OUT(3, bpf_get_current_cgroup_id() != 0); OUT(4, bpf_num_cpus()); OUT(5, bpf_get_prandom_u32()); OUT(6, bpf_get_prandom_u32());
       OUT(7, bpf_get_smp_processor_id() < bpf_num_cpus());`,
    );
    expect(out.slice(0, 5)).toEqual([BigInt(pid), BigInt(pid), 0n, 1n, BigInt(onlineCpus().length)]);
    expect(out[5]).not.toBe(out[6]);
    expect(out[7]).toBe(1n);
  });

  it('process ids of its namespace [C.data.bpf_get_ns_current_pid_tgid]', () => {
    const { dev, ino } = statSync('/proc/self/ns/pid', { bigint: true });
    const { out, pid } = said(
      `struct bpf_pidns_info ns = {}; OUT(0, bpf_get_ns_current_pid_tgid(${dev}, ${ino}, &ns, sizeof(ns))); OUT(1, ns.tgid);
       OUT(2, -bpf_get_ns_current_pid_tgid(1, 1, &ns, sizeof(ns)));`,
    );
    expect(out.slice(0, 3)).toEqual([0n, BigInt(pid), 22n]);
  });

  it('memory of its process [C.data.bpf_probe_read_user C.data.bpf_probe_read_user_str C.ev.uprobe_fn C.ev.ptregs_parm C.ev.ptregs_other]', () => {
    const { out } = said(
      `char text[8] = {}, second = 0; const char *p = (const char *)PT_REGS_PARM1(ctx);
       OUT(0, bpf_probe_read_user_str(text, sizeof(text), (void *)p)); OUT(1, text[4]); bpf_probe_read_user(&second, 1, (void *)(p + 1)); OUT(2, second);
       OUT(3, PT_REGS_PARM2(ctx)); OUT(4, PT_REGS_IP(ctx) != 0 && PT_REGS_SP(ctx) != 0);`,
    );
    expect(out.slice(0, 5)).toEqual([6n, BigInt('o'.charCodeAt(0)), BigInt('e'.charCodeAt(0)), 77n, 1n]);
  });

  it('arguments as parameters, and what is returned [C.ev.kprobe_args C.ev.uretprobe_fn C.ev.ptregs_rc P.ev.attach_uretprobe]', () => {
    expect(said('OUT(0, number);', ', const char *text, long number').out[0]).toBe(77n);
    expect(said('OUT(0, PT_REGS_RC(ctx));', '', { atReturn: true }).out[0]).toBe(82n);
  });

  it('memory of the kernel, read and followed [C.data.bpf_probe_read_kernel C.data.bpf_probe_read_kernel_str C.data.probe_read_legacy C.data.bpf_get_current_task C.rw.deref C.rw.chain2 C.rw.addrof]', () => {
    const { out, pid } = said(
      `struct task_struct *t = (struct task_struct *)bpf_get_current_task(); u32 tgid = 0, old = 0, followed = 0; char c[8] = {}; u64 x;
       OUT(0, bpf_probe_read_kernel(&tgid, sizeof(tgid), &t->tgid)); OUT(1, tgid); bpf_probe_read(&old, sizeof(old), &t->tgid); OUT(2, old);
       OUT(3, bpf_probe_read_kernel_str(c, sizeof(c), t->comm)); OUT(4, c[0]); OUT(5, t->real_parent->tgid);
       OUT(6, t->nsproxy->uts_ns->name.nodename[0] != 0); OUT(7, bpf_probe_read_kernel(&x, 8, (void *)8) != 0);`,
    );
    // The program is called prog.
    expect(out.slice(0, 8)).toEqual([0, pid, pid, 5, 'p'.charCodeAt(0), process.pid, 1, 1].map((n) => BigInt(n)));
  });

  it('stacks of users, with names [P.help.sym C.map.BPF_STACK_TRACE C.mm.get_stackid P.map.walk X.get_stack_table C.data.get_stack]', () => {
    const { b, out, pid } = said(
      `u64 frames[4] = {}; OUT(0, stacks.get_stackid(ctx, BPF_F_USER_STACK)); OUT(1, bpf_get_stack(ctx, frames, sizeof(frames), BPF_F_USER_STACK) > 0);
       OUT(2, frames[0] == PT_REGS_IP(ctx));`,
      '',
      { decls: 'BPF_STACK_TRACE(stacks, 64);' },
    );
    expect(out.slice(1, 3)).toEqual([1n, 1n]);
    const first = [...b.getTable('stacks').walk(Number(out[0]))].at(0);
    // The process has ended: what it had mapped is not known any more, and that is said.
    expect(b.sym(first!, pid)).toMatch(/unknown/);
    expect(b.backend.whyUnknown!(pid, first!)).toBe(`process ${pid} has ended`);
  });
});

describe.skipIf(noCompiler)(title('stacks by build id', noCompiler), () => {
  it('name functions of a program that has ended, by its file [C.map.BPF_STACK_TRACE_BUILDID X.get_stackbuildid_table P.help.add_module X.add_module]', () => {
    const program = compileC(
      '__attribute__((noinline)) int inner(int x) { asm volatile(""); return x + 1; } int main(int argc, char **argv) { return inner(argc) == 2 ? 0 : 1; }',
      ['-Wl,--build-id'],
    );
    liveBackend();
    const b = new BPF({
      text: `${OUT}BPF_STACK_TRACE_BUILDID(stacks, 64);\nint on_inner(struct pt_regs *ctx) { OUT(0, stacks.get_stackid(ctx, BPF_F_USER_STACK)); return 0; }`,
    });
    b.attachUprobe({ name: program, sym: 'inner', fnName: 'on_inner' });
    expect(spawnSync(program).status).toBe(0);
    b.addModule(program);
    const id = Number(b.getTable<number, bigint>('out').get(0));
    const [first, second] = [...b.getTable('stacks').walk(id, (frame) => b.sym(frame, -1))];
    expect([first, second]).toEqual(['inner', expect.stringMatching(/main|unknown/)]);
  });
});

describe.skipIf(noTracefs)(title('of this process, by a system call', noTracefs), () => {
  /** Runs a body at a kill(2) of this process, once; `prepare` before that. */
  function killed(body: string, decls = '', prepare: (b: BPF) => void = () => {}): { b: BPF; out: bigint[] } {
    liveBackend();
    const b = new BPF({
      text: `${OUT}${decls}\nTRACEPOINT_PROBE(syscalls, sys_enter_kill) {\n${OF_THIS}\nvoid *ctx = args;\n${body}\nreturn 0;\n}`,
    });
    prepare(b);
    process.kill(process.pid, 0);
    return { b, out: [...b.getTable<number, bigint>('out').values()] };
  }

  it('stacks of the kernel, with names [P.help.ksym]', () => {
    const { b, out } = killed('OUT(0, stacks.get_stackid(ctx, 0));', 'BPF_STACK_TRACE(stacks, 64);');
    const names = [...b.getTable('stacks').walk(Number(out[0]), (address) => b.ksym(address))];
    expect(names.join(' ')).toMatch(/syscall/);
  });

  it('tables with a value for each CPU [C.map.BPF_PERCPU_HASH C.map.BPF_PERCPU_ARRAY X.get_percpu_array_table X.get_percpu_hash_table P.map.sum P.map.max P.map.average P.map.getvalue]', () => {
    const { b } = killed(
      'u32 k = 1; u64 five = 5; h.update(&k, &five); int i = 1; a.increment(i, 7);',
      'BPF_PERCPU_HASH(h, u32, u64); BPF_PERCPU_ARRAY(a, u64, 2);',
    );
    const cpus = possibleCpus();
    for (const [name, key, value] of [
      ['h', 1, 5n],
      ['a', 1, 7n],
    ] as const) {
      const table = b.getTable<number, bigint[]>(name);
      expect(table.get(key)).toHaveLength(cpus);
      expect([table.sum(key), table.max(key), table.average(key)]).toEqual([value, value, Number(value) / cpus]);
      expect([...table.getvalue(key)!].sort()).toEqual([...Array(cpus - 1).fill(0n), value]);
    }
  });

  it('the least recently used makes room [C.map.lru]', () => {
    const { b } = killed(
      'for (int i = 0; i < 64; i++) { u32 k = i; u64 v = i; t.update(&k, &v); }',
      'BPF_TABLE("lru_hash", u32, u64, t, 8);',
    );
    const table = b.getTable<number, bigint>('t');
    expect(table.get(63)).toBe(63n);
    expect(table.size).toBeLessThan(64);
  });

  it('counters of perf events [C.map.BPF_PERF_ARRAY C.mm.perf_read C.mm.perf_counter_value P.map.open_perf_event X.open_perf_event_close_perf_event]', () => {
    const { b, out } = killed(
      `OUT(0, counters.perf_read(bpf_get_smp_processor_id())); struct bpf_perf_event_value v = {};
       OUT(1, counters.perf_counter_value(bpf_get_smp_processor_id(), &v, sizeof(v))); OUT(2, v.counter); OUT(3, v.enabled);`,
      'BPF_PERF_ARRAY(counters, 128);',
      // PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK
      (made) => made.getTable('counters').openPerfEvent(1, 0),
    );
    expect(out[0]).toBeGreaterThan(0n);
    expect(out[1]).toBe(0n);
    expect(out[2]).toBeGreaterThanOrEqual(out[0]!);
    expect(() => b.getTable('counters').openPerfEvent(250, 0)).toThrow(/perf_event_open: (ENOENT|EINVAL|ENODEV)/);
  });

  it('lines of the trace pipe [P.dbg.trace_readline P.dbg.trace_fields C.out.trace_printk]', () => {
    const { b } = killed('bpf_trace_printk("n %d s %s\\n", -5, "abc");', '', (made) => void made.traceReadline(true));
    for (const fields of b.traceFields()) {
      expect(fields).toMatchObject({ pid: process.pid, msg: 'n -5 s abc' });
      break;
    }
  });

  it('pinned tables are shared by path [C.map.pinned]', () => {
    const fs = mountBpffs();
    afterwards(() => fs.remove());
    const pinned = `BPF_TABLE_PINNED("hash", u32, u64, t, 10, "${fs.path}/shared");`;
    const { b } = killed('u32 k = 1; t.increment(k);', pinned);
    const second = new BPF({ text: pinned });
    expect(second.getTable<number, bigint>('t').get(1)).toBe(1n);
    b.close();
    expect(second.getTable<number, bigint>('t').get(1)).toBe(1n);
  });
});
