/** Every kind of attachment that a kernel without kprobes permits, seen to fire; and what is refused, by name. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attachProblem } from '../../bindings/linux/features.ts';
import type { LiveLink } from '../../bindings/linux/link.ts';
import { kernelAtLeast } from '../../bindings/linux/machine.ts';
import { pmuType } from '../../bindings/linux/perf-event.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { USDT } from '../../core/bcc/usdt/usdt.ts';
import { BPFAttachType } from '../../core/index.ts';
import { skep } from '../tools/skep.ts';
import {
  afterwards,
  compileC,
  heldHere,
  liveBackend,
  noCommand,
  noKernel,
  noTracefs,
  noUprobes,
  title,
} from './machine.ts';

const missingForSections = noTracefs ?? noUprobes ?? noCommand('cc');
const COUNT =
  'BPF_ARRAY(hits, u64, 1); static void count(void) { int k = 0; u64 *v = hits.lookup(&k); if (v) __sync_fetch_and_add(v, 1); }';
const hits = (b: BPF): number => Number(b.getTable<number, bigint>('hits').get(0));

describe.skipIf(noTracefs)(title('tracepoints', noTracefs), () => {
  it('a classic one fires in the process that is looked for [C.ev.tracepoint_probe P.ev.detach_tracepoint X.attach_tracepoint_detach_tracepoint]', () => {
    liveBackend();
    const b = new BPF({
      text: `${COUNT} TRACEPOINT_PROBE(syscalls, sys_enter_kill) { if (args->pid == ${process.pid} && args->sig == 0) count(); return 0; }`,
    });
    for (let i = 0; i < 5; i++) process.kill(process.pid, 0);
    expect(hits(b)).toBe(5);
    b.detachTracepoint('syscalls:sys_enter_kill');
    process.kill(process.pid, 0);
    expect(hits(b)).toBe(5);
  });

  it('gives its cookie back [P.ev.load_func]', () => {
    const { backend } = liveBackend();
    const b = new BPF({
      text: `BPF_ARRAY(seen, u64, 1); int probe(void *ctx) { int k = 0; u64 c = bpf_get_attach_cookie(ctx); if ((bpf_get_current_pid_tgid() >> 32) == ${process.pid}) seen.update(&k, &c); return 0; }`,
    });
    const { handle } = b.loadFunc('probe', BPF.TRACEPOINT);
    backend.attach(handle, {
      kind: 'tracepoint',
      target: 'syscalls:sys_enter_kill',
      options: { cookie: 0x123456789n },
    });
    process.kill(process.pid, 0);
    expect(b.getTable<number, bigint>('seen').get(0)).toBe(0x123456789n);
  });

  it('one that does not exist is refused with the nearest names [P.ev.attach_tracepoint]', () => {
    liveBackend();
    const b = new BPF({ text: 'int f(void *ctx) { return 0; }' });
    expect(() => b.attachTracepoint({ tp: 'syscalls:sys_enter_kil', fnName: 'f' })).toThrow(
      /no tracepoint 'syscalls:sys_enter_kil'; nearest: .*sys_enter_kill/,
    );
  });
});

describe.skipIf(noKernel)(title('raw and typed tracepoints', noKernel), () => {
  it('a raw one sees the arguments [C.ev.raw_tp P.ev.attach_raw_tracepoint X.attach_raw_tracepoint]', () => {
    liveBackend();
    const b = new BPF({
      text: `${COUNT} RAW_TRACEPOINT_PROBE(sys_enter) { if (ctx->args[1] == 62 && (bpf_get_current_pid_tgid() >> 32) == ${process.pid}) count(); return 0; }`,
    });
    for (let i = 0; i < 3; i++) process.kill(process.pid, 0);
    expect(hits(b)).toBe(3);
    expect(() => b.attachRawTracepoint({ tp: 'sys_entr', fnName: 'raw_tracepoint__sys_enter' })).toThrow(
      /no raw tracepoint 'sys_entr'; nearest: .*sys_enter/,
    );
  });

  it('tcpconnect by tp_btf, the socket read directly', async () => {
    liveBackend();
    const b = new BPF({
      text: `
        #include <net/sock.h>
        struct event { u32 pid; u16 dport; u16 family; };
        BPF_RINGBUF_OUTPUT(connects, 8);
        SEC("tp_btf/inet_sock_set_state")
        int on_state(u64 *ctx) {
            struct sock *sk = (struct sock *)ctx[0];
            int new_state = (int)ctx[2];
            if (new_state != 2) return 0; /* TCP_SYN_SENT */
            struct event e = {};
            e.pid = bpf_get_current_pid_tgid() >> 32;
            e.dport = bpf_ntohs(sk->__sk_common.skc_dport);
            e.family = sk->__sk_common.skc_family;
            connects.ringbuf_output(&e, sizeof(e), 0);
            return 0;
        }`,
    });
    const spec = b.object.progs[0]!;
    expect(spec.attachType).toBe('trace_raw_tp');
    // Attached by its section; a second time is an error as with every function that is.
    expect(() => b.attachRawTracepoint({ tp: 'inet_sock_set_state', fnName: 'on_state' })).toThrow(/already attached/);
    const seen: { pid: number; dport: number; family: number }[] = [];
    const table = b.getTable('connects');
    table.openRingBuffer((_ctx, data) => void seen.push(table.event(data)));
    const { createServer, connect } = await import('node:net');
    const server = createServer((socket) => socket.end());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    await new Promise<void>((done) =>
      connect(port, '127.0.0.1')
        .resume()
        .on('close', () => done()),
    );
    server.close();
    b.ringBufferConsume();
    expect(seen.filter((e) => e.dport === port)).toEqual([{ pid: process.pid, dport: port, family: 2 }]);
  });
});

const noCompiler = noUprobes ?? noCommand('cc');
describe.skipIf(noCompiler)(title('user functions', noCompiler), () => {
  const TARGET = `
    #include <stdio.h>
    #include <stdlib.h>
    __attribute__((noinline)) int twice(int x) { asm volatile(""); return 2 * x; }
    int main(int argc, char **argv) { int sum = 0; for (int i = 0; i < atoi(argv[1]); i++) sum += twice(i); printf("%d\\n", sum); return 0; }`;

  it('entry and return, by name and by offset, of every process [P.ev.attach_uprobe P.help.num_open_uprobes]', () => {
    liveBackend();
    const program = compileC(TARGET);
    const b = new BPF({
      text: `
        BPF_HASH(args, u32, u32); BPF_HASH(rets, u32, u32);
        int on_entry(struct pt_regs *ctx) { u32 x = PT_REGS_PARM1(ctx), one = 1; args.update(&x, &one); return 0; }
        int on_return(struct pt_regs *ctx) { u32 x = PT_REGS_RC(ctx), one = 1; rets.update(&x, &one); return 0; }`,
    });
    b.attachUprobe({ name: program, sym: 'twice', fnName: 'on_entry' });
    b.attachUretprobe({ name: program, sym: 'twice', fnName: 'on_return' });
    expect(execFileSync(program, ['10']).toString()).toBe('90\n');
    expect([...b.getTable<number>('args').keys()].sort((x, y) => x - y)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...b.getTable<number>('rets').keys()].sort((x, y) => x - y)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(b.numOpenUprobes()).toBe(2);
  });

  it('a library by its bare name', () => {
    liveBackend();
    const b = new BPF({
      text: 'BPF_HASH(by_pid, u32); int on_puts(struct pt_regs *ctx) { by_pid.increment(bpf_get_current_pid_tgid() >> 32); return 0; }',
    });
    b.attachUprobe({ name: 'c', sym: 'puts', fnName: 'on_puts' });
    const program = compileC('#include <stdio.h>\nint main(void) { puts("x"); puts("y"); return 0; }', [
      '-fno-builtin',
    ]);
    const { pid } = spawnSync(program);
    expect(b.getTable<number, bigint>('by_pid').get(pid)).toBe(2n);
  });

  it('USDT: the semaphore counted up while attached, arguments read, of one process [C.ev.usdt P.init.usdt P.init.USDT P.ev.usdt_enable P.help.usdt_enum]', async () => {
    const program = compileC(`
      #include <stdio.h>
      __attribute__((section(".probes"))) volatile unsigned short demo_hit_semaphore;
      int main(void) {
        int seen = 0;
        char line[8];
        puts("ready"); fflush(stdout);
        while (fgets(line, sizeof line, stdin)) {
          for (int i = 0; i < 5; i++) {
            if (!demo_hit_semaphore) continue;
            seen++;
            asm volatile("990: nop\\n"
              ".pushsection .note.stapsdt,\\"\\",\\"note\\"\\n"
              ".balign 4\\n.4byte 992f-991f, 994f-993f, 3\\n"
              "991: .asciz \\"stapsdt\\"\\n992: .balign 4\\n"
              "993: .8byte 990b\\n.8byte _.stapsdt.base\\n.8byte demo_hit_semaphore\\n"
              ".asciz \\"demo\\"\\n.asciz \\"hit\\"\\n.asciz \\"-4@%0\\"\\n994: .balign 4\\n.popsection\\n"
              ".pushsection .stapsdt.base,\\"aG\\",\\"progbits\\",.stapsdt.base,comdat\\n"
              ".weak _.stapsdt.base\\n.hidden _.stapsdt.base\\n_.stapsdt.base: .space 1\\n.size _.stapsdt.base, 1\\n.popsection\\n"
              :: "r"(i * 10));
          }
          printf("%d\\n", seen); fflush(stdout);
        }
        return 0;
      }`);
    const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    afterwards(() => void child.kill('SIGKILL'));
    const line = () => new Promise<string>((got) => child.stdout.once('data', (data) => got(String(data).trim())));
    expect(await line()).toBe('ready');
    liveBackend();
    const usdt = new USDT({ pid: child.pid! });
    expect(usdt.enumerateProbes().map((probe) => probe.shortName())).toContain('demo:hit');
    usdt.enableProbe('hit', 'on_hit');
    const b = new BPF({
      text: `BPF_HASH(args, u32); int on_hit(struct pt_regs *ctx) { u32 x = 0; bpf_usdt_readarg(1, ctx, &x); args.increment(x); return 0; }`,
      usdtContexts: [usdt],
    });
    child.stdin.write('go\n');
    expect(await line()).toBe('5');
    expect([...b.getTable<number>('args').keys()].sort((x, y) => x - y)).toEqual([0, 10, 20, 30, 40]);
    b.close();
    child.stdin.write('go\n');
    expect(await line()).toBe('5');
  });

  it('what is not there is refused with the nearest names', () => {
    liveBackend();
    const program = compileC(TARGET);
    const b = new BPF({ text: 'int f(struct pt_regs *ctx) { return 0; }' });
    expect(() => b.attachUprobe({ name: program, sym: 'twic', fnName: 'f' })).toThrow(/twic\b.*twice/s);
    expect(() => b.attachUprobe({ name: '/nowhere/prog', sym: 'twice', fnName: 'f' })).toThrow(
      /no file '\/nowhere\/prog'/,
    );
    expect(() => b.attachUprobe({ name: 'nosuchlib', sym: 'twice', fnName: 'f' })).toThrow(
      /neither a library .* nor a program/,
    );
    expect(() => b.attachUprobe({ name: program, sym: 'twice', fnName: 'f', pid: 2 ** 22 - 1 })).toThrow(
      /ESRCH|no process/,
    );
  });
});

describe.skipIf(noKernel)(title('samples', noKernel), () => {
  it('a software clock on every CPU [C.ev.perf_event P.ev.attach_perf_event X.attach_perf_event P.ev.detach_perf_event]', () => {
    liveBackend();
    const b = new BPF({ text: `${COUNT} int sample(struct bpf_perf_event_data *ctx) { count(); return 0; }` });
    b.attachPerfEvent({ evType: 1, evConfig: 0, fnName: 'sample', sampleFreq: 1000 });
    const end = Date.now() + 3000;
    // A clock of the CPU: it only goes while there is work.
    while (hits(b) < 20 && Date.now() < end);
    expect(hits(b)).toBeGreaterThanOrEqual(20);
    b.detachPerfEvent({ evType: 1, evConfig: 0 });
  });

  it('an event that the machine does not have', () => {
    liveBackend();
    const b = new BPF({ text: 'int sample(struct bpf_perf_event_data *ctx) { return 0; }' });
    expect(() => b.attachPerfEvent({ evType: 250, evConfig: 1, fnName: 'sample', samplePeriod: 1000 })).toThrow(
      /perf_event_open: (ENOENT|EINVAL|EOPNOTSUPP|ENODEV)/,
    );
    expect(() => b.attachPerfEvent({ evType: 1, evConfig: 0, fnName: 'sample' })).toThrow(/sample_?period/i);
  });
});

const noIp = noKernel ?? noCommand('ip');
describe.skipIf(noIp)(title('packets', noIp), () => {
  /** A pair of devices, the far end in a namespace of its own: traffic between them and nobody else. */
  function veth(): { near: string; ping(count: number): number } {
    const id = `sk${process.pid % 10000}`;
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('netns', 'add', id);
    afterwards(() => void spawnSync('ip', ['netns', 'del', id]));
    ip('link', 'add', `${id}a`, 'type', 'veth', 'peer', 'name', `${id}b`, 'netns', id);
    afterwards(() => void spawnSync('ip', ['link', 'del', `${id}a`]));
    ip('addr', 'add', '10.213.7.1/24', 'dev', `${id}a`);
    ip('link', 'set', `${id}a`, 'up');
    ip('-n', id, 'addr', 'add', '10.213.7.2/24', 'dev', `${id}b`);
    ip('-n', id, 'link', 'set', `${id}b`, 'up');
    return {
      near: `${id}a`,
      ping(count) {
        const send = `import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\nfor i in range(${count}): s.sendto(b"skep", ("10.213.7.1", 4242))`;
        return spawnSync('ip', ['netns', 'exec', id, 'python3', '-c', send]).status ?? 1;
      },
    };
  }
  /** Counts UDP to port 4242 and answers `verdict` for it. */
  const program = (ctx: string, start: string, end: string, verdict: number, otherwise: number) => `
    #include <uapi/linux/if_ether.h>
    #include <uapi/linux/ip.h>
    #include <uapi/linux/udp.h>
    ${COUNT}
    int prog(struct ${ctx} *ctx) {
        void *data = (void *)(long)ctx->${start}, *end = (void *)(long)ctx->${end};
        struct ethhdr *eth = data;
        struct iphdr *ip = data + sizeof(*eth);
        struct udphdr *udp = (void *)ip + sizeof(*ip);
        if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(0x0800) || ip->protocol != 17 || udp->dest != bpf_htons(4242)) return ${otherwise};
        count();
        return ${verdict};
    }`;

  it('XDP drops on a veth pair in an own namespace, generic and native [C.ev.xdp P.ev.attach_xdp P.ev.remove_xdp P.ev.xdpflags]', () => {
    const pair = veth();
    for (const flags of [BPF.XDP_FLAGS_SKB_MODE, BPF.XDP_FLAGS_DRV_MODE]) {
      const { backend } = liveBackend();
      const b = new BPF({ text: program('xdp_md', 'data', 'data_end', 1, 2) });
      b.loadFunc('prog', BPF.XDP);
      b.attachXdp({ dev: pair.near, fnName: 'prog', flags });
      expect(pair.ping(7)).toBe(0);
      expect(hits(b)).toBe(7);
      b.removeXdp(pair.near);
      expect(pair.ping(1)).toBe(0);
      expect(hits(b)).toBe(7);
      backend.close();
    }
  });

  it('tc by tcx, and a socket filter that keeps packets [C.ev.skb]', () => {
    const pair = veth();
    const { backend } = liveBackend();
    const b = new BPF({ text: program('__sk_buff', 'data', 'data_end', 0, 0) });
    const { handle } = b.loadFunc('prog', BPF.SCHED_CLS);
    const link = backend.attach(handle, { kind: 'tc', target: pair.near, options: { direction: 'ingress' } });
    const f = new BPF({ text: 'int keep(struct __sk_buff *skb) { return -1; }' });
    const socket = backend.attach(f.loadFunc('keep', BPF.SOCKET_FILTER).handle, {
      kind: 'socket',
      target: pair.near,
    }) as LiveLink;
    expect(pair.ping(5)).toBe(0);
    expect(hits(b)).toBe(5);
    let udp = 0;
    // The answers (no such port) quote what they answer: they are ICMP.
    for (let packet = socket.read(); packet; packet = socket.read())
      if (packet[23] === 17 && Buffer.from(packet).includes('skep')) udp++;
    expect(udp).toBe(5);
    link.close();
  });

  it('a device that is not there', () => {
    liveBackend();
    const b = new BPF({ text: program('xdp_md', 'data', 'data_end', 1, 2) });
    expect(() => b.attachXdp({ dev: 'lp', fnName: 'prog' })).toThrow(/no network interface 'lp'.*lo/);
  });
});

const noCgroup = noKernel ?? cgroupRoot();
function cgroupRoot(): string | undefined {
  return /cgroup2/.test(readFileSync('/proc/mounts', 'utf8')) ? undefined : 'no cgroup2 is mounted';
}
describe.skipIf(noCgroup)(title('control groups', noCgroup), () => {
  const root = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1] ?? '';
  async function ownGroup(): Promise<string> {
    const { mkdirSync, rmdirSync } = await import('node:fs');
    const group = `${root}/skep-test-${process.pid}`;
    mkdirSync(group);
    afterwards(() => rmdirSync(group));
    return group;
  }

  it('packets of a group are counted, connections refused, sockets told of', async () => {
    const group = await ownGroup();
    const { backend } = liveBackend();
    const b = new BPF({
      text: `${COUNT}
        int egress(struct __sk_buff *skb) { count(); return 1; }
        int refuse(struct bpf_sock_addr *ctx) { return ctx->user_port == bpf_htons(9) ? 0 : 1; }
        BPF_ARRAY(ops, u64, 1);
        int sockops(struct bpf_sock_ops *skops) { int k = 0; u64 *v = ops.lookup(&k); if (v) __sync_fetch_and_add(v, 1); return 1; }`,
    });
    const load = (name: string, type: string, attachType: string) =>
      backend.load(
        { ...b.object.progs.find((p) => p.name === name)!, type, attachType },
        b.object,
        new Map(b.tables().map((t) => [t, b.getTable(t).map])),
      );
    const links = [
      backend.attach(load('egress', 'cgroup_skb', 'cgroup_inet_egress'), { kind: 'cgroup', target: group }),
      backend.attach(load('refuse', 'cgroup_sock_addr', 'cgroup_inet4_connect'), { kind: 'cgroup', target: group }),
      backend.attach(load('sockops', 'sock_ops', 'cgroup_sock_ops'), { kind: 'cgroup', target: group }),
    ];
    const script = `
      import socket
      u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      for i in range(4): u.sendto(b"x", ("127.0.0.1", 4243))
      l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
      c = socket.socket(); c.connect(l.getsockname())
      try: socket.socket().connect(("127.0.0.1", 9))
      except PermissionError: print("refused")`.replace(/^ {6}/gm, '');
    const out = execFileSync('sh', ['-c', `echo $$ > ${group}/cgroup.procs && exec python3 -c '${script}'`]).toString();
    expect(out).toBe('refused\n');
    expect(hits(b)).toBeGreaterThanOrEqual(4);
    expect(Number(b.getTable<number, bigint>('ops').get(0))).toBeGreaterThan(0);
    for (const link of links) link.close();
  });
});

describe.skipIf(noKernel)(title('iterators', noKernel), () => {
  it('over tasks: what the program prints is read', () => {
    const { backend } = liveBackend();
    const b = new BPF({
      text: `
        SEC("iter/task")
        int dump(struct bpf_iter__task *ctx) {
            struct seq_file *seq = ctx->meta->seq;
            struct task_struct *task = ctx->task;
            if (!task) return 0;
            struct { u32 pid; u32 tgid; } row = {};
            row.pid = task->pid;
            row.tgid = task->tgid;
            bpf_seq_write(seq, &row, sizeof(row));
            return 0;
        }`,
    });
    const link = backend.attach(b.loadFunc('dump', 'tracing').handle, { kind: 'iter', target: 'task' }) as LiveLink;
    const tgids = new Set<number>();
    for (let part = link.read(); part; part = link.read()) {
      const words = new Uint32Array(part.slice().buffer);
      for (let i = 1; i < words.length; i += 2) tgids.add(words[i]!);
    }
    expect(tgids.has(process.pid)).toBe(true);
    link.close();
  });

  it.skipIf(!kernelAtLeast('6.1'))('over one process, one thread, one group', () => {
    const { backend } = liveBackend();
    const b = new BPF({
      text: `
        SEC("iter/task")
        int dump(struct bpf_iter__task *ctx) {
            struct task_struct *task = ctx->task;
            if (!task) return 0;
            u32 ids[2] = { task->pid, task->tgid };
            bpf_seq_write(ctx->meta->seq, ids, sizeof(ids));
            return 0;
        }`,
    });
    const { handle } = b.loadFunc('dump', 'tracing');
    const ids = (options: Record<string, number>): number[] => {
      const link = backend.attach(handle, { kind: 'iter', target: 'task', options }) as LiveLink;
      const words: number[] = [];
      for (let part = link.read(); part; part = link.read()) words.push(...new Uint32Array(part.slice().buffer));
      link.close();
      return words;
    };
    const { pid } = process;
    const threads = readdirSync('/proc/self/task').map(Number);
    const ofProcess = ids({ pid });
    expect(ofProcess.filter((_, i) => i % 2 === 1).every((tgid) => tgid === pid)).toBe(true);
    expect(ofProcess.filter((_, i) => i % 2 === 0)).toEqual(expect.arrayContaining(threads));
    expect(ids({ tid: pid })).toEqual([pid, pid]);
    expect(ids({ pid: 2 ** 22 - 1 })).toEqual([]);
  });
});

const noNetfilter = noIp ?? attachProblem('netfilter', undefined);
describe.skipIf(noNetfilter)(title('netfilter', noNetfilter), () => {
  it('a program at a hook drops what others receive', async () => {
    const { backend } = liveBackend();
    const b = new BPF({
      text: `${COUNT}
        SEC("netfilter")
        int drop(struct bpf_nf_ctx *ctx) {
            struct iphdr *ip = (struct iphdr *)(ctx->skb->head + ctx->skb->network_header);
            struct udphdr *udp = (struct udphdr *)(ctx->skb->head + ctx->skb->transport_header);
            if (ip->protocol != 17 || udp->dest != bpf_htons(4247)) return 1;
            count();
            return 0;
        }`,
    });
    const { createSocket } = await import('node:dgram');
    const [receiver, sender] = [createSocket('udp4'), createSocket('udp4')];
    afterwards(() => {
      receiver.close();
      sender.close();
    });
    const got: string[] = [];
    receiver.on('message', (bytes) => void got.push(String(bytes)));
    await new Promise<void>((bound) => receiver.bind(4247, '127.0.0.1', bound));
    const send = (text: string) => new Promise((sent) => sender.send(text, 4247, '127.0.0.1', sent));
    const heard = () => new Promise((done) => receiver.once('message', done));
    const link = backend.attach(b.loadFunc('drop', 'netfilter').handle, { kind: 'netfilter', target: 'ipv4:local_in' });
    await send('dropped');
    expect(hits(b)).toBe(1);
    link.close();
    const next = heard();
    await send('let through');
    await next;
    expect(got).toEqual(['let through']);
    expect(() =>
      backend.attach(b.loadFunc('drop', 'netfilter').handle, { kind: 'netfilter', target: 'ipv4:sideways' }),
    ).toThrow(/FAMILY:HOOK, of ipv4, ipv6 and pre_routing, local_in/);
  });
});

describe.skipIf(missingForSections)(title('sections that name their target', missingForSections), () => {
  it('are attached when the program is loaded, as libbpf does it', () => {
    const compiled = compileC(
      '__attribute__((noinline)) int twice(int x) { __asm__ volatile(""); return 2 * x; } int main(void) { return twice(0) + twice(0); }',
    );
    // A name that no other program has.
    const path = join(dirname(compiled), 'sections');
    renameSync(compiled, path);
    liveBackend();
    const b = new BPF({
      text: `BPF_ARRAY(hits, u64, 8);
        static int mine(void) { char comm[16]; bpf_get_current_comm(&comm, sizeof(comm)); return comm[0] == 's' && comm[3] == 't' && comm[7] == 's' && comm[8] == 0; }
        SEC("uprobe/${path}:twice") int at_entry(struct pt_regs *ctx) { hits.increment(0); return 0; }
        SEC("uretprobe/${path}:twice") int at_return(struct pt_regs *ctx) { hits.increment(1); return 0; }
        SEC("tp/sched/sched_process_exec") int by_format(void *ctx) { if (mine()) hits.increment(2); return 0; }
        SEC("raw_tp/sched_process_exec") int raw(struct bpf_raw_tracepoint_args *ctx) { if (mine()) hits.increment(3); return 0; }
        SEC("tp_btf/sched_process_exec") int typed(u64 *ctx) { if (mine()) hits.increment(4); return 0; }`,
    });
    const counts = () => [0, 1, 2, 3, 4].map((i) => Number(b.getTable<number, bigint>('hits').get(i)));
    execFileSync(path);
    expect(counts()).toEqual([2, 2, 1, 1, 1]);
    b.detachUprobe({ name: path, sym: 'twice' });
    b.detachRawTracepoint('sched_process_exec');
    execFileSync(path);
    expect(counts()).toEqual([2, 4, 2, 2, 1]);
  });

  it('one without a target is not', () => {
    liveBackend();
    const b = new BPF({ text: 'SEC("uprobe") int f(struct pt_regs *ctx) { return 0; }' });
    expect(b.numOpenUprobes()).toBe(0);
  });
});

describe.skipIf(noKernel)(title('network namespaces by attachFunc', noKernel), () => {
  it('socket lookup and flow dissection, by a link', async () => {
    liveBackend();
    const { openSync, closeSync } = await import('node:fs');
    const b = new BPF({
      text: 'int lookup(struct bpf_sk_lookup *ctx) { return 1; } int dissect(struct __sk_buff *skb) { return 0; }',
    });
    const before = heldHere();
    const namespace = openSync('/proc/self/ns/net', 'r');
    for (const [name, type, attachType] of [
      ['lookup', 'sk_lookup', BPFAttachType.SK_LOOKUP],
      ['dissect', 'flow_dissector', BPFAttachType.FLOW_DISSECTOR],
    ] as const) {
      const fn = b.loadFunc(name, type, undefined, attachType);
      const held = heldHere();
      b.attachFunc(fn, namespace, attachType);
      expect(heldHere()).toBe(held + 1);
      b.detachFunc(fn, namespace, attachType);
      expect(heldHere()).toBe(held);
    }
    closeSync(namespace);
    b.close();
    expect(heldHere()).toBe(before);
  });
});

describe.skipIf(noKernel)(title('sockets in maps', noKernel), () => {
  it('messages pass a program, which counts and refuses [C.map.BPF_SOCKMAP C.ev.sockops]', async () => {
    liveBackend();
    const b = new BPF({
      text: `BPF_SOCKMAP(sockets, 4); BPF_ARRAY(hits, u64, 2);
        int on_message(struct sk_msg_md *msg) {
            int bytes = 0, calls = 1;
            hits.increment(bytes, msg->size); hits.increment(calls);
            return msg->size > 100 ? 0 : 1;
        }`,
    });
    const { createServer, connect } = await import('node:net');
    const got: string[] = [];
    const server = createServer((socket) =>
      socket.on('data', (data) => void got.push(String(data))).on('error', () => {}),
    );
    afterwards(() => void server.close());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const client = connect(port, '127.0.0.1');
    afterwards(() => void client.destroy());
    await new Promise<void>((done) => client.once('connect', () => done()));
    const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
    const sockets = b.getTable<number, number>('sockets');
    b.attachFunc(b.loadFunc('on_message', BPF.SK_MSG), sockets.getFd(), 7);
    sockets.set(0, fd);
    client.on('error', () => {});
    const write = (text: string) =>
      new Promise<Error | null | undefined>((written) => client.write(text, (error) => written(error)));
    expect(await write('hello')).toBeFalsy();
    while (got.length === 0) await new Promise((later) => setImmediate(later));
    expect(await write('x'.repeat(200))).toMatchObject({ code: 'EACCES' });
    expect([...b.getTable<number, bigint>('hits').values()]).toEqual([205n, 2n]);
    expect(got).toEqual(['hello']);
  });

  it('a stream is cut into records by a parser, each passes a verdict and goes on to another socket [X.attach_func_detach_func]', async () => {
    liveBackend();
    const b = new BPF({
      text: `BPF_SOCKMAP(sockets, 2); BPF_ARRAY(seen, u64, 2);
        /* A record: a byte that tells how many follow, and these. */
        int parse(struct __sk_buff *skb) {
            u8 length = 0;
            if (bpf_skb_load_bytes(skb, 0, &length, 1) < 0) return 0;
            seen.increment(0);
            return 1 + length;
        }
        int verdict(struct __sk_buff *skb) {
            u8 first = 0;
            seen.increment(1);
            if (bpf_skb_load_bytes(skb, 1, &first, 1) < 0 || first == '!') return SK_DROP;
            return sockets.sk_redirect_map(skb, 1, 0);
        }`,
    });
    const { createServer, connect } = await import('node:net');
    const accepted: import('node:net').Socket[] = [];
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => void accepted.push(socket));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const open = async () => {
      const before = accepted.length;
      const client = connect({ port, host: '127.0.0.1', noDelay: true });
      await new Promise<void>((done) => client.once('connect', () => done()));
      while (accepted.length === before) await new Promise((later) => setImmediate(later));
      return client;
    };
    const [from, to] = [await open(), await open()];
    afterwards(() => {
      for (const socket of [from, to, ...accepted]) socket.destroy();
      server.close();
    });
    const sockets = b.getTable<number, number>('sockets');
    const STREAM = { PARSER: 4, VERDICT: 5 };
    const parser = b.loadFunc('parse', BPF.SK_SKB);
    const verdict = b.loadFunc('verdict', BPF.SK_SKB);
    b.attachFunc(parser, sockets.getFd(), STREAM.PARSER);
    b.attachFunc(verdict, sockets.getFd(), STREAM.VERDICT);
    accepted.forEach((socket, i) => void sockets.set(i, (socket as unknown as { _handle: { fd: number } })._handle.fd));
    let got = '';
    const all = new Promise<void>((done) =>
      to.on('data', (data) => {
        got += String(data);
        if (got.length >= 11) done();
      }),
    );
    const write = (text: string) => new Promise((written) => from.write(text, written));
    // Three records in five pieces; the second is refused. A program sees the packet from its start, whatever record begins in it (strparser's offset is
    // not the program's), so the next record is sent when the one before is through.
    const judged = () => Number(b.getTable<number, bigint>('seen').get(1));
    for (const [i, pieces] of [['\x05he', 'llo'], ['\x04!n', 'ot'], ['\x04more']].entries()) {
      for (const piece of pieces) await write(piece);
      while (judged() <= i) await new Promise((later) => setImmediate(later));
    }
    await all;
    expect(got).toBe('\x05hello\x04more');
    expect(judged()).toBe(3);
    // Parts of a record are parsed again when more has come.
    expect(Number(b.getTable<number, bigint>('seen').get(0))).toBeGreaterThanOrEqual(3);
    b.detachFunc(verdict, sockets.getFd(), STREAM.VERDICT);
    b.detachFunc(parser, sockets.getFd(), STREAM.PARSER);
  });
});

const hasKprobes = pmuType('kprobe') !== undefined;
describe.skipIf(noKernel !== undefined || hasKprobes)('a kernel without kprobes', () => {
  it('says so, and what may do instead', () => {
    liveBackend();
    const b = new BPF({ text: 'int f(struct pt_regs *ctx) { return 0; }' });
    expect(() => b.attachKprobe({ event: 'do_sys_openat2', fnName: 'f' })).toThrow(
      /no kprobes \(CONFIG_KPROBES\), and in their place fentry is not there either \(E.*\); tracepoints/,
    );
  });

  it.each([
    [
      'biolatency',
      ['1', '1'],
      /^attached to raw_tracepoint block_rq_issue, block_rq_complete; kprobe .* cannot be had here\n$/,
    ],
    [
      'tcpconnect',
      ['--duration', '0.2'],
      /^attached to raw_tracepoint inet_sock_set_state; kprobe tcp_v4_connect, .*\n$/,
    ],
    ['runqlat', ['1', '1'], /^$/],
  ])('%s works by the tracepoints that it declares, and says so', (tool, args, told) => {
    const ran = skep([tool, '--backend', 'linux', ...args]);
    expect(ran.stderr).toMatch(told);
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/^Tracing /);
  });
});
