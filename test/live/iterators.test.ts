/** Iterators and rewritten checksums on the running kernel, by the same C as on the model (test/parity/iterators.test.ts). */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { testRun } from '../../bindings/linux/bpf.ts';
import { setSession } from '../../core/bcc/session.ts';
import { BPF } from '../../core/index.ts';
import { ELEMENTS, frame, NAT, rewritten, TASKS, TIDS } from '../parity/iterator-programs.ts';
import { afterwards, liveBackend, noKernel, title } from './machine.ts';

afterEach(() => setSession(undefined));

describe.skipIf(noKernel)(title('iterators', noKernel), () => {
  it('go over tasks, and are told the end [C.ev.iter C.data.seq_printf]', () => {
    liveBackend();
    const b = new BPF({ text: TASKS });
    const lines = b.attachIter('task').text().split('\n');
    expect(lines.some((line) => line.startsWith(`${process.pid} `))).toBe(true);
    expect(lines.slice(-2)).toEqual([`end ${lines.length - 3}`, '']);
    b.close();
  });

  it('go over the threads of one process, or over one of them', () => {
    liveBackend();
    const b = new BPF({ text: TIDS });
    const threads = readdirSync('/proc/self/task').map(Number);
    const lines = (options: { pid?: number; tid?: number }) =>
      b
        .attachIter({ fnName: 'task', ...options })
        .text()
        .trimEnd()
        .split('\n');
    expect(lines({ pid: process.pid }).sort()).toEqual(threads.map((tid) => `${process.pid} ${tid}`).sort());
    const last = threads.at(-1)!;
    expect(lines({ tid: last })).toEqual([`${process.pid} ${last}`]);
    b.close();
  });

  it('go over the sockets of a map', async () => {
    liveBackend();
    const b = new BPF({
      text: `
BPF_SOCKMAP(sockets, 8);
BPF_ITER(sockmap) {
  u32 *key = ctx->key;
  struct sock *sk = ctx->sk;
  if (!key || !sk) return 0;
  u64 words[3] = { *key, sk->__sk_common.skc_num, ctx->map->max_entries };
  bpf_seq_printf(ctx->meta->seq, "%d %d of %d\\n", 13, words, sizeof(words));
  return 0;
}`,
    });
    const { client, port } = await connection();
    b.getTable<number, number>('sockets').set(3, client);
    expect(b.attachIter({ fnName: 'sockmap', map: 'sockets' }).text()).toBe(`3 ${port} of 8\n`);
    b.close();
  });

  it('go over the elements of a map [C.ev.iter C.data.seq_printf]', () => {
    liveBackend();
    const b = new BPF({ text: ELEMENTS });
    b.getTable<number, bigint>('t').set(7, 70n);
    const [part] = [...b.attachIter({ fnName: 'bpf_map_elem', map: 't' })];
    const view = new DataView(part!.slice().buffer);
    expect([view.byteLength, view.getUint32(0, true), view.getBigUint64(8, true)]).toEqual([16, 7, 70n]);
    b.close();
  });
});

/** Descriptor and port of a client's socket that is connected over loopback. */
async function connection(): Promise<{ client: number; port: number }> {
  const server = createServer(() => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  afterwards(() => {
    client.destroy();
    server.close();
  });
  await new Promise<void>((done) => client.once('connect', () => done()));
  const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
  return { client: fd, port: client.localPort! };
}

const cgroups = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
const noCgroup = noKernel ?? (cgroups === undefined ? 'no cgroup2 is mounted' : undefined);

describe.skipIf(noCgroup)(title('iterators over control groups', noCgroup), () => {
  it.each([
    ['it alone', 1, ['top']],
    ['downwards', 2, ['top', 'a', 'b']],
    ['downwards, children first', 3, ['b', 'a', 'top']],
    ['upwards', 4, ['top', '']],
  ] as const)('%s', (_name, order, expected) => {
    liveBackend();
    const top = `${cgroups}/skep-iter-${process.pid}`;
    const groups = [top, `${top}/a`, `${top}/a/b`];
    for (const group of groups) mkdirSync(group);
    afterwards(() => groups.reverse().map((group) => rmdirSync(group)));
    const b = new BPF({
      text: `
BPF_ITER(cgroup) {
  struct cgroup *group = ctx->cgroup;
  if (!group) return 0;
  u64 words[1] = { (u64)group->kn->name };
  bpf_seq_printf(ctx->meta->seq, "%s\\n", 4, words, sizeof(words));
  return 0;
}`,
    });
    const folder = openSync(top, 'r');
    const lines = b.attachIter({ fnName: 'cgroup', cgroupFd: folder, order }).text().split('\n').slice(0, -1);
    closeSync(folder);
    expect(lines.map((name) => (name === `skep-iter-${process.pid}` ? 'top' : name))).toEqual(expected);
    b.close();
  });
});

describe.skipIf(noKernel)(title('checksums', noKernel), () => {
  it('follow what a program writes into a packet [C.data.incr_cksum]', () => {
    liveBackend();
    const b = new BPF({ text: NAT });
    const { data } = testRun(b.loadFunc('nat', BPF.SCHED_CLS).fd, { data: frame(), repeat: 1 });
    expect([...data]).toEqual([...rewritten()]);
    b.close();
  });
});
