/** Tables on the running kernel: the same methods as on the model, few calls for large ones. */
import { describe, expect, it } from 'vitest';
import { addon } from '../../bindings/addon/index.ts';
import { possibleCpus } from '../../bindings/linux/machine.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { mountBpffs } from '../linux/bpffs.ts';
import { afterwards, heldHere, liveBackend, noKernel, title } from './machine.ts';

/** Calls of bpf(2) that `action` makes. */
function bpfCalls(action: () => void): number {
  const door = addon()!.sys! as { bpf: (...args: never[]) => number };
  const real = door.bpf;
  let calls = 0;
  door.bpf = (...args) => {
    calls++;
    return real.apply(door, args);
  };
  try {
    action();
  } finally {
    door.bpf = real;
  }
  return calls;
}

describe.skipIf(noKernel)(title('tables of the running kernel', noKernel), () => {
  it('a hash of 5,000 entries is dumped in at most three calls', () => {
    liveBackend();
    const b = new BPF({ text: 'BPF_HASH(counts, u32, u64, 8192);' });
    const counts = b.getTable<number, bigint>('counts');
    for (let i = 0; i < 5000; i++) counts.set(i, BigInt(i) * 3n);
    let items: [number, bigint][] = [];
    expect(bpfCalls(() => (items = counts.items()))).toBeLessThanOrEqual(3);
    expect(items.length).toBe(5000);
    expect(items.every(([key, leaf]) => leaf === BigInt(key) * 3n)).toBe(true);
    expect(bpfCalls(() => counts.clear())).toBeLessThanOrEqual(3);
    expect(counts.size).toBe(0);
  });

  it('an array is shared memory: no call at all', () => {
    liveBackend();
    const b = new BPF({ text: 'BPF_ARRAY(counts, u64, 100);' });
    const counts = b.getTable<number, bigint>('counts');
    counts.set(0, 1n);
    const calls = bpfCalls(() => {
      counts.set(7, 77n);
      expect(counts.get(7)).toBe(77n);
      expect(counts.items()[7]).toEqual([7, 77n]);
    });
    expect(calls).toBe(0);
    expect(() => counts.set(100, 1n)).toThrow(/E2BIG/);
  });

  it('per-CPU values, queues, maps of maps and long names', () => {
    liveBackend();
    const b = new BPF({
      text: `
        BPF_PERCPU_HASH(per_cpu_with_a_very_long_name, u32, u64);
        BPF_QUEUE(waiting, u64, 4);
        BPF_ARRAY(inner, u64, 4);
        BPF_ARRAY_OF_MAPS(outer, "inner", 2);
        BPF_HISTOGRAM(dist);`,
    });
    const perCpu = b.getTable<number, bigint[]>('per_cpu_with_a_very_long_name');
    perCpu.set(
      1,
      Array.from({ length: possibleCpus() }, (_, cpu) => BigInt(cpu + 5)),
    );
    expect(perCpu.sum(1)).toBe(BigInt(possibleCpus() * 5 + (possibleCpus() * (possibleCpus() - 1)) / 2));
    const waiting = b.getTable<never, bigint>('waiting');
    waiting.push(4n);
    waiting.push(9n);
    expect([...waiting.drain()]).toEqual([4n, 9n]);
    const outer = b.getTable<number, unknown>('outer');
    outer.set(1, b.getTable('inner'));
    expect(outer.get(1)).not.toBe(0);
    expect(outer.get(0)).toBeUndefined();
  });

  it('a pinned table outlives its program and is found again', () => {
    const { path, remove } = mountBpffs();
    afterwards(remove);
    liveBackend();
    const text = `BPF_TABLE_PINNED("hash", u32, u32, kept, 16, "${path}/kept");`;
    const first = new BPF({ text });
    first.getTable<number, number>('kept').set(1, 11);
    first.close();
    const again = new BPF({ text });
    expect(again.getTable<number, number>('kept').get(1)).toBe(11);
    expect(() => new BPF({ text: text.replace('u32, u32', 'u32, u64') })).toThrow(/another kind/);
  });

  it('closing gives everything back', () => {
    const before = heldHere();
    const { backend } = liveBackend();
    const b = new BPF({ text: 'BPF_HASH(a); BPF_ARRAY(b, u64, 3); BPF_PERF_OUTPUT(e);' });
    expect(heldHere()).toBeGreaterThanOrEqual(before + 3);
    b.close();
    backend.close();
    expect(heldHere()).toBe(before);
  });

  it('a map that the kernel refuses is one clear error', () => {
    liveBackend();
    expect(() => new BPF({ text: 'BPF_HASH(huge, u64, u64, 4000000000);' })).toThrow(
      /creating the map 'huge' \(hash, 4000000000 entries.*(E2BIG|ENOMEM)/,
    );
  });
});
