import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { bench } from './model.ts';

afterEach(() => setSession(undefined));

const table = <K = unknown, V = unknown>(text: string) => bench('connects').bpf(text).getTable<K, V>('t');

describe('tables, several entries at once', () => {
  it('look up, delete, update', () => {
    const t = table<number, bigint>('BPF_HASH(t, u32, u64, 4);');
    t.itemsUpdateBatch([1, 2, 3], [10n, 20n, 30n]);
    expect(t.itemsLookupBatch().sort()).toEqual([
      [1, 10n],
      [2, 20n],
      [3, 30n],
    ]);
    t.itemsDeleteBatch([1]);
    expect(() => t.itemsDeleteBatch([2, 9, 3])).toThrow('ENOENT');
    expect(t.items()).toEqual([[3, 30n]]);
    t.set(4, 40n);
    expect(
      t
        .itemsLookupAndDeleteBatch()
        .map(([key]) => key)
        .sort(),
    ).toEqual([3, 4]);
    expect(t.size).toBe(0);
    expect(t.popitem()).toBeUndefined();
    t.set(7, 1n);
    expect(t.popitem()).toEqual([7, 1n]);
    t.set(8, 1n);
    t.itemsDeleteBatch();
    expect(t.size).toBe(0);
  });

  it('refuse what the type or the size does not allow', () => {
    const t = table<number, bigint>('BPF_HASH(t, u32, u64, 2);');
    expect(() => t.itemsUpdateBatch([1], [])).toThrow('1 keys and 0 leaves');
    expect(() => t.itemsUpdateBatch([1, 2, 3], [1n, 2n, 3n])).toThrow("3 keys; table 't' takes 1 to 2");
    const a = table<number, bigint>('BPF_ARRAY(t, u64, 2);');
    expect(() => a.itemsLookupAndDeleteBatch()).toThrow('entries of array tables cannot be deleted');
  });
});

describe('per-CPU tables', () => {
  it('sum, max, average', () => {
    const t = table<number, bigint[]>('BPF_PERCPU_HASH(t, u32);');
    const { cpus } = t.map;
    t.set(
      1,
      Array.from({ length: cpus }, (_, i) => BigInt(i + 1)),
    );
    expect(t.getvalue(1)).toHaveLength(cpus);
    expect(t.sum(1)).toBe(BigInt((cpus * (cpus + 1)) / 2));
    expect(t.max(1)).toBe(BigInt(cpus));
    expect(t.average(1)).toBe((cpus + 1) / 2);
    expect(() => t.sum(2)).toThrow("sum: table 't' has no such key");
    expect(() => table('BPF_HASH(t);').max(1n)).toThrow("max: table 't' is not per-CPU");
  });
});

describe('queues and stacks', () => {
  it('push, peek and pop in their order', () => {
    const q = table<never, number>('BPF_QUEUE(t, u32, 2);');
    q.push(1);
    q.push(2);
    expect(() => q.push(3)).toThrow('E2BIG');
    expect([q.peek(), q.pop(), q.pop(), q.pop(), q.peek()]).toEqual([1, 1, 2, undefined, undefined]);
    const s = table<never, number>('BPF_STACK(t, u32, 4);');
    for (const n of [1, 2, 3]) s.push(n);
    expect([...s.drain()]).toEqual([3, 2, 1]);
    expect(() => table('BPF_HASH(t);').push(1n)).toThrow("push of table 't', a hash");
  });
});

describe('stack traces', () => {
  it('walk to the way in from user space, with names', () => {
    const b = bench('connects').bpf(`
BPF_STACK_TRACE(stacks, 64);
BPF_HASH(ids, u32, int);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  u32 zero = 0;
  int id = stacks.get_stackid(ctx, 0);
  ids.update(&zero, &id);
  return 0;
}`);
    b.wait();
    const id = b.getTable<number, number>('ids').get(0)!;
    expect(id).toBeGreaterThanOrEqual(0);
    const stacks = b.getTable('stacks');
    const names = [...stacks.walk(id, (address) => b.ksym(address))];
    expect(names[0]).toBe('tcp_v4_connect');
    expect(names).toContain('__x64_sys_connect');
    expect(names.slice(-2)).toEqual(['do_syscall_64', 'entry_SYSCALL_64_after_hwframe']);
    const [first, second] = [...stacks.walk(id)];
    expect(b.ksym(first!, true, true)).toBe('tcp_v4_connect+0x0 [kernel]');
    expect(b.ksym(second!, false, true)).toMatch(/\+0x1b$/);
    expect(() => [...stacks.walk(12345)]).toThrow("table 'stacks' has no stack 12345");
    expect(() => [...b.getTable('ids').walk(0)]).toThrow("walk of table 'ids', a hash");
  });
});
