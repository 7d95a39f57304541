/** Iterators, and programs of a device's tcx hooks: on the model, where what they see is known. */
import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { BPF, BPFAttachType } from '../../core/index.ts';
import { ENGINES } from '../../core/vm/engines.ts';
import { world } from './bench.ts';
import { ELEMENTS, frame, NAT, rewritten, TASKS, TIDS } from './iterator-programs.ts';

afterEach(() => setSession(undefined));

describe('iterators', () => {
  it('go over tasks, and are told the end [C.ev.iter C.data.seq_printf]', () => {
    const { bpf } = world((w) => {
      w.spawn({ comm: 'client', pid: 1000 }).open('/etc/hosts');
      w.spawn({ comm: 'curl', pid: 1001 }).open('/etc/hosts');
    });
    const b = bpf(`${TASKS}\nint kprobe__do_sys_openat2(void *ctx) { return 0; }`);
    b.wait();
    const lines = b.attachIter('task').text().split('\n');
    expect(lines).toContain('1000 client');
    expect(lines).toContain('1001 curl');
    expect(lines.slice(-2)).toEqual([`end ${lines.length - 3}`, '']);
    // Each call reads anew.
    expect(b.attachIter({ fnName: 'bpf_iter__task' }).text()).toBe(lines.join('\n'));
  });

  it('go over the tasks of one process, or over one thread', () => {
    const { bpf } = world((w) => {
      w.spawn({ comm: 'client', pid: 1000 }).open('/etc/hosts');
      w.spawn({ comm: 'curl', pid: 1001 }).open('/etc/hosts');
    });
    const b = bpf(`${TIDS}\nint kprobe__do_sys_openat2(void *ctx) { return 0; }`);
    b.wait();
    expect(b.attachIter({ fnName: 'task', pid: 1001 }).text()).toBe('1001 1001\n');
    expect(b.attachIter({ fnName: 'task', tid: 1000 }).text()).toBe('1000 1000\n');
    expect(b.attachIter({ fnName: 'task', pid: 4711 }).text()).toBe('');
  });

  it('go over the elements of a map [C.ev.iter C.data.seq_printf]', () => {
    const { bpf } = world();
    const b = bpf(ELEMENTS);
    const t = b.getTable<number, bigint>('t');
    for (const [key, value] of [
      [7, 70n],
      [8, 80n],
    ] as const)
      t.set(key, value);
    const read = () => {
      const view = new DataView(
        Uint8Array.from([...b.attachIter({ fnName: 'bpf_map_elem', map: 't' })].flatMap((p) => [...p])).buffer,
      );
      return Array.from({ length: view.byteLength / 16 }, (_, i) => [
        view.getUint32(i * 16, true),
        view.getBigUint64(i * 16 + 8, true),
      ]).sort();
    };
    expect(read()).toEqual([
      [7, 70n],
      [8, 80n],
    ]);
    t.set(7, 71n);
    expect(read()[0]).toEqual([7, 71n]);
    expect(() => b.attachIter('bpf_map_elem')).toThrow(/EBADF/);
    expect(() => b.attachIter({ fnName: 'bpf_map_elem', map: 'u' })).toThrow("no table 'u'");
  });

  it('give what fits into one buffer at a time', () => {
    const { bpf } = world();
    const b = bpf(`
struct big { char bytes[400]; };
BPF_ARRAY(t, struct big, 200);
BPF_ITER(bpf_map_elem) {
  struct big *value = ctx->value;
  if (!value) return 0;
  bpf_seq_write(ctx->meta->seq, value, sizeof(*value));
  return 0;
}`);
    const sizes = [...b.attachIter({ fnName: 'bpf_map_elem', map: 't' })].map((part) => part.length);
    expect(sizes.reduce((x, y) => x + y)).toBe(200 * 400);
    expect(sizes).toEqual([32400, 32400, 15200]);
  });

  it('are refused by name where the model has none', () => {
    const b = world().bpf('BPF_ITER(netlink) { return 0; }');
    expect(() => b.attachIter('netlink')).toThrow(/iterating over netlink.*task, bpf_map_elem/s);
  });
});

describe('functions by BTF', () => {
  it('are declared with BPF_PROG too [C.ev.bpf_prog]', () => {
    const { bpf, backend } = world();
    const b = bpf(`
BPF_HASH(seen, u32, u64);
int BPF_PROG(kfunc__vmlinux__tcp_v4_connect, struct sock *sk) {
  u32 key = 0;
  seen.increment(key);
  return 0;
}
int BPF_PROG(kretfunc__vmlinux__tcp_v4_connect, struct sock *sk, struct sockaddr *addr, int len, int ret) {
  u32 key = 1;
  u64 value = ret == 0 && len == 16;
  seen.increment(key, value);
  return 0;
}`);
    expect(backend.name).toBe('model');
    b.wait();
    const seen = b.getTable<number, bigint>('seen');
    expect([seen.get(0), seen.get(1)! > 0n]).toEqual([5n, true]);
  });

  it('of modules are those of the one piece that the model kernel is', () => {
    const { bpf } = world();
    const probe = (module: string) =>
      `BPF_ARRAY(n, u64, 1);\nMODULE_KFUNC_PROBE(${module}, tcp_v4_connect, struct sock *sk) { int z = 0; n.increment(z); return 0; }`;
    const b = bpf(probe('vmlinux'));
    b.wait();
    expect(b.getTable<number, bigint>('n').get(0)).toBe(5n);
    expect(() => bpf(probe('nf_tables'))).toThrow('the model kernel has no module nf_tables');
  });

  it('read the path of a file that is closed [C.data.d_path]', () => {
    const { bpf } = world((w) => {
      const task = w.spawn({ comm: 'cat', pid: 1000 });
      task.close(task.open('/etc/hosts'));
    });
    const b = bpf(`
struct path_text { char text[64]; };
BPF_HASH(paths, u32, struct path_text);
KFUNC_PROBE(filp_close, struct file *file) {
  struct path_text t = {};
  u32 size = bpf_d_path(&file->f_path, t.text, sizeof(t.text));
  paths.update(&size, &t);
  return 0;
}`);
    b.wait();
    const paths = [...b.getTable<number, { text: string }>('paths').entries()];
    expect(paths).toEqual([['/etc/hosts'.length + 1, { text: '/etc/hosts' }]]);
  });
});

const { TCX_INGRESS, TCX_EGRESS } = BPFAttachType as { TCX_INGRESS: number; TCX_EGRESS: number };

describe('tcx', () => {
  it.each(
    ENGINES.map((e) => [e.name, e] as const),
  )('rewrites packets and their checksums, on %s [C.data.incr_cksum]', (_name, engine) => {
    if (engine.unavailable() !== undefined) return;
    const { bpf, backend } = world('connects', { engine });
    const b = bpf(NAT);
    const fn = b.loadFunc('nat', BPF.SCHED_CLS);
    b.attachFunc(fn, 2, TCX_EGRESS);
    const packet = frame();
    backend.sendPacket('eth0', packet);
    expect(backend.takeSent()).toEqual([{ to: 'device', index: 2, packet: rewritten() }]);
    b.detachFunc(fn, 2, TCX_EGRESS);
    backend.sendPacket('eth0', packet);
    expect(backend.takeSent()[0]!.packet).toEqual(packet);
  });

  it('decides in order what passes; redirects and clones go out by other devices', () => {
    const { bpf, backend } = world();
    const b = bpf(`
BPF_ARRAY(what, u32, 1);
int first(struct __sk_buff *skb) { int z = 0; u32 *w = what.lookup(&z); return w && *w == 1 ? 2 : -1; }
int second(struct __sk_buff *skb) {
  int z = 0;
  u32 *w = what.lookup(&z);
  if (w && *w == 2) return bpf_redirect(3, 0);
  if (w && *w == 3) bpf_clone_redirect(skb, 3, 0);
  if (w && *w == 4) return bpf_redirect(3, BPF_F_INGRESS);
  return 0;
}
int keep(struct __sk_buff *skb) { return -1; }`);
    for (const name of ['first', 'second']) b.attachFunc(b.loadFunc(name, BPF.SCHED_CLS), 2, TCX_INGRESS);
    const keep = b.loadFunc('keep', BPF.SOCKET_FILTER);
    b.attachRawSocket(keep, 'eth0');
    const what = b.getTable<number, number>('what');
    const seen = [0, 1, 2, 3, 4].map((value) => {
      what.set(0, value);
      return [backend.injectPacket('eth0', frame()), backend.takeSent().map(({ index }) => index)];
    });
    expect(seen).toEqual([
      [1, []],
      [0, []],
      [0, [3]],
      [1, [3]],
      [0, []],
    ]);
    b.attachRawSocket({ fnName: 'keep', dev: 'eth1' });
    expect(backend.injectPacket('eth0', frame())).toBe(1);
    expect(() => b.attachFunc(b.loadFunc('first', BPF.SCHED_CLS), 9, TCX_INGRESS)).toThrow(/2 \(eth0\).*ENODEV/s);
    expect(() => b.attachFunc(keep, 2, TCX_INGRESS)).toThrow('takes sched_cls');
  });
});
