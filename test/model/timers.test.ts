/** Timers in map values, and the fields that helpers alone may touch, on the model's virtual clock. */
import { afterEach, describe, expect, it } from 'vitest';
import { setSession } from '../../core/bcc/session.ts';
import { BPF, BPFAttachType } from '../../core/index.ts';
import { ENGINES } from '../../core/vm/engines.ts';
import { TestKernel } from '../../tools/testing/index.ts';
import { world } from '../parity/bench.ts';

afterEach(() => setSession(undefined));

const TIMER = (table: string) => `
struct leaf { u64 fired; u64 at; struct bpf_timer timer; };
${table}
BPF_ARRAY(what, u64, 4);
static int on_timer(void *map, u32 *key, struct leaf *leaf) {
  leaf->fired += 1 + *key;
  leaf->at = bpf_ktime_get_ns();
  if (leaf->fired < 3 * (1 + *key)) bpf_timer_start(&leaf->timer, 1000, 0);
  return 0;
}
int go(struct __sk_buff *skb) {
  u32 key = 5;
  struct leaf *leaf = t.lookup(&key);
  if (!leaf) return 0;
  int slot = 0;
  u64 value = (u64)bpf_timer_init(&leaf->timer, &t, 1);
  what.update(&slot, &value);
  slot = 1;
  value = (u64)bpf_timer_start(&leaf->timer, 1000, 0);
  what.update(&slot, &value);
  bpf_timer_set_callback(&leaf->timer, on_timer);
  slot = 2;
  value = (u64)bpf_timer_start(&leaf->timer, 1000, 0);
  what.update(&slot, &value);
  return 0;
}
int stop(struct __sk_buff *skb) {
  u32 key = 5;
  struct leaf *leaf = t.lookup(&key);
  if (!leaf) return 0;
  int slot = 3;
  u64 value = (u64)bpf_timer_cancel(&leaf->timer);
  what.update(&slot, &value);
  return 0;
}`;

const { TCX_INGRESS } = BPFAttachType as { TCX_INGRESS: number };
const HASH = 'BPF_HASH(t, u32, struct leaf);';

/** A program with a timer; `go` starts it by a packet, `run` moves the clock. */
function timers(table: string, engine?: (typeof ENGINES)[number]) {
  const { bpf, backend } = world('connects', engine ? { engine } : {});
  const b = bpf(TIMER(table));
  const t = b.getTable<number, { fired: bigint; at: bigint }>('t');
  const packet = (name: string) => {
    const fn = b.loadFunc(name, BPF.SCHED_CLS);
    b.attachFunc(fn, 1, TCX_INGRESS);
    backend.injectPacket('lo', new Uint8Array(64));
    b.detachFunc(fn, 1, TCX_INGRESS);
  };
  const { clock } = backend.kernel;
  const run = (ns: bigint) => {
    backend.runTimers(ns);
    clock.advanceTo(ns);
    backend.throwFault();
  };
  return {
    b,
    t,
    packet,
    run,
    what: () => [...b.getTable<number, bigint>('what').values()].map((v) => BigInt.asIntN(64, v)),
  };
}

describe('timers', () => {
  it.each(
    ENGINES.map((e) => [e.name, e] as const),
  )('fire at their time, and again when they ask to, on %s', (_name, engine) => {
    if (engine.unavailable() !== undefined) return;
    const { t, packet, run, what } = timers(HASH, engine);
    t.set(5, t.leaf.decode(new Uint8Array(32)) as never);
    packet('go');
    expect(what().slice(0, 3)).toEqual([0n, -22n, 0n]);
    run(999n);
    expect(t.get(5)).toMatchObject({ fired: 0n });
    run(1_000n);
    expect(t.get(5)).toMatchObject({ fired: 6n, at: 1_000n });
    run(10_000n);
    expect(t.get(5)).toMatchObject({ fired: 18n, at: 3_000n });
  });

  it('of arrays get their index as the key', () => {
    const { t, packet, run } = timers('BPF_ARRAY(t, struct leaf, 8);');
    packet('go');
    run(5_000n);
    expect(t.get(5)).toMatchObject({ fired: 18n });
  });

  it('do not fire when they were cancelled, or their element is gone or new', () => {
    for (const end of ['stop', 'delete', 'update'] as const) {
      const { b, t, packet, run, what } = timers(HASH);
      const zero = t.leaf.decode(new Uint8Array(32)) as never;
      t.set(5, zero);
      packet('go');
      if (end === 'stop') packet('stop');
      else if (end === 'delete') t.delete(5);
      if (end !== 'stop') t.set(5, zero);
      run(5_000n);
      expect(t.get(5), end).toMatchObject({ fired: 0n });
      expect(what()[3], end).toBe(end === 'stop' ? 1n : 0n);
      b.close();
    }
  });

  it('are zeros to user space', () => {
    const { t, packet } = timers(HASH);
    t.set(5, t.leaf.decode(new Uint8Array(32)) as never);
    packet('go');
    expect(t.map.lookup(t.key.encode(5))!.subarray(16)).toEqual(new Uint8Array(16));
  });
});

describe('locks in values', () => {
  it('stay as they are when user space stores a value; BPF_F_LOCK is for values that have one', () => {
    const { bpf } = world();
    const b = bpf(`
struct leaf { u32 n; struct bpf_spin_lock lock; u32 m; };
BPF_HASH(t, u32, struct leaf);
BPF_HASH(plain, u32, u32);`);
    const t = b.getTable<number, { n: number; m: number }>('t');
    const leaf = (n: number) => Uint8Array.of(n, 0, 0, 0, 255, 255, 255, 255, n, 0, 0, 0);
    const key = t.key.encode(1);
    expect(t.map.update(key, leaf(1), 0)).toBe(0);
    expect(t.map.lookup(key)).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0));
    expect(t.map.update(key, leaf(2), 4)).toBe(0);
    expect(t.get(1)).toMatchObject({ n: 2, m: 2 });
    const plain = b.getTable<number, number>('plain');
    expect(plain.map.update(key, key, 4)).toBe(-22);
  });
});

describe('map_extra', () => {
  it('is how many hash functions a bloom filter has', () => {
    const text = (extra: number) => `
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 100); __uint(map_extra, ${extra}); __type(value, u32); } seen SEC(".maps");`;
    const { bpf } = world();
    const b = bpf(text(3));
    expect(b.getTable('seen').map.spec.extra).toBe(3);
    expect(() => bpf(text(16))).toThrow(/at most 15 hash functions/);
  });
});

describe('the testing kit', () => {
  it('fires timers as it moves the clock', () => {
    const k = new TestKernel();
    const b = k.bpf(TIMER(HASH));
    const t = b.getTable<number, { fired: bigint }>('t');
    t.set(5, t.leaf.decode(new Uint8Array(32)) as never);
    b.attachFunc(b.loadFunc('go', BPF.SCHED_CLS), 1, TCX_INGRESS);
    k.backend.injectPacket('lo', new Uint8Array(64));
    k.advance(999);
    expect(t.get(5)).toMatchObject({ fired: 0n });
    k.advance(2_001);
    expect(t.get(5)).toMatchObject({ fired: 18n });
    k.close();
  });
});
