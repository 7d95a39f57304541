/** bcc Python: tables. Every method of BCC's table classes, on the model. */
import { afterEach, describe, expect, it } from 'vitest';
import type { BPF } from '../../core/bcc/bpf.ts';
import { setSession } from '../../core/bcc/session.ts';
import { world } from './bench.ts';

afterEach(() => setSession(undefined));

const TABLES = `
struct key { u32 a; char name[8]; };
struct leaf { u64 n; int s; u16 x[3]; };
BPF_HASH(h, u32, u64, 8);
BPF_HASH(s, struct key, struct leaf, 8);
BPF_ARRAY(a, u32, 3);
BPF_PERCPU_HASH(ph, u32, u64, 8);
BPF_PERCPU_ARRAY(pa, u64, 2);
BPF_HISTOGRAM(hist);
BPF_QUEUE(q, u32, 2);
BPF_STACK(st, u32, 2);
BPF_STACK_TRACE(stacks, 16);
BPF_PERF_OUTPUT(events);
BPF_RINGBUF_OUTPUT(ring, 1);
`;

function tables(cpus = 1): BPF {
  return world('connects', { cpus }).bpf(TABLES);
}

describe('tables', () => {
  it('are found by name, with the nearest when there is none [P.map.get_table X.get_table P.map.getitem]', () => {
    const b = tables();
    expect(b.getTable('h')).toBe(b.get('h'));
    expect(() => b.getTable('hsit')).toThrow("did you mean 'hist'");
    const odd = b.getTable<number, { lo: number; hi: number }>('h', { leafType: 'struct { u32 lo; u32 hi; }' });
    odd.set(1, { lo: 1, hi: 2 });
    expect(b.getTable<number, bigint>('h').get(1)).toBe(0x200000001n);
    expect(() => b.getTable('h', { keyType: 'u64' })).toThrow("'u64' has 8 bytes, the table's have 4");
    expect(() => b.getTable('h', { keyType: 'no_such_t' })).toThrow('no_such_t');
  });

  it('take and give entries as a dictionary [P.map.__getitem__ X.get_hash_table P.map.__setitem__ P.map.__delitem__ P.map.__contains__ P.map.__len__ P.map.__iter__]', () => {
    const h = tables().getTable<number, bigint>('h');
    h.set(1, 10n);
    h.set(2, 20n);
    expect([h.get(1), h.has(2), h.has(3), h.size, [...h].sort()]).toEqual([
      10n,
      true,
      false,
      2,
      [
        [1, 10n],
        [2, 20n],
      ],
    ]);
    expect([h.delete(1), h.delete(1), h.size]).toEqual([true, false, 1]);
    expect(() => {
      for (let i = 10; i < 30; i++) h.set(i, 0n);
    }).toThrow('E2BIG');
  });

  it('give keys, values and entries [P.map.items P.map.values P.map.keys P.map.iteritems P.map.itervalues]', () => {
    const a = tables().getTable<number, number>('a');
    a.set(1, 7);
    expect(a.items()).toEqual([
      [0, 0],
      [1, 7],
      [2, 0],
    ]);
    expect([...a.values()]).toEqual([0, 7, 0]);
    expect([...a.keys()]).toEqual([0, 1, 2]);
    expect([...a.iteritems()]).toEqual(a.items());
    expect([...a.itervalues()]).toEqual([...a.values()]);
    expect(a.next(1)).toBe(2);
  });

  it('are emptied, zeroed, and give one entry at a time [P.map.clear P.map.zero P.map.popitem]', () => {
    const h = tables().getTable<number, bigint>('h');
    for (const k of [1, 2, 3]) h.set(k, BigInt(k));
    h.zero();
    expect([...h.values()]).toEqual([0n, 0n, 0n]);
    expect(h.popitem()?.[1]).toBe(0n);
    expect(h.size).toBe(2);
    h.clear();
    expect([h.size, h.popitem()]).toEqual([0, undefined]);
  });

  it('do many at once [P.map.items_lookup_batch P.map.items_lookup_and_delete_batch P.map.items_delete_batch P.map.items_update_batch]', () => {
    const h = tables().getTable<number, bigint>('h');
    h.itemsUpdateBatch([1, 2, 3], [1n, 2n, 3n]);
    expect(h.itemsLookupBatch().sort()).toEqual([
      [1, 1n],
      [2, 2n],
      [3, 3n],
    ]);
    h.itemsDeleteBatch([1]);
    expect(() => h.itemsDeleteBatch([1])).toThrow('ENOENT');
    expect(h.itemsLookupAndDeleteBatch().sort()).toEqual([
      [2, 2n],
      [3, 3n],
    ]);
    expect(h.size).toBe(0);
    expect(() => h.itemsUpdateBatch([1], [])).toThrow('1 keys and 0 leaves');
  });

  it('put the CPUs together [P.map.sum X.get_percpu_hash_table P.map.max P.map.average P.map.getvalue]', () => {
    const b = tables(2);
    const ph = b.getTable<number, bigint[]>('ph');
    ph.set(1, [3n, 5n]);
    expect([ph.sum(1), ph.max(1), ph.average(1), ph.getvalue(1)]).toEqual([8n, 5n, 4, [3n, 5n]]);
    expect(b.getTable<number, bigint>('ph', { reducer: (x, y) => x + y }).get(1)).toBe(8n);
    expect(() => b.getTable<number, bigint>('h').sum(1)).toThrow('not per-CPU');
  });

  it('make keys and leaves of their C types, checked [P.map.Key P.map.Leaf]', () => {
    const s = tables().getTable<{ a: number; name: string }, { n: bigint; s: number; x: number[] }>('s');
    expect(s.Key()).toEqual({ a: 0, name: '' });
    expect(s.Key({ a: 5, name: 'five' })).toEqual({ a: 5, name: 'five' });
    expect(s.Leaf()).toEqual({ n: 0n, s: 0, x: [0, 0, 0] });
    expect(() => s.Key({ a: -1 })).toThrow("field 'a'");
    expect(() => s.Key({ a: 2 ** 32 })).toThrow("field 'a'");
    expect(() => s.Key({ b: 1 })).toThrow("'b'");
    expect(() => s.set({ a: 1, name: 'much too long' }, s.Leaf())).toThrow("'name'");
  });

  it('write keys and leaves as text and read them back [P.map.key_sprintf P.map.leaf_sprintf P.map.key_scanf P.map.leaf_scanf]', () => {
    const b = tables();
    const s = b.getTable<unknown, unknown>('s');
    const key = s.keySprintf({ a: 255, name: 'ab' });
    expect(key).toBe('{ 0xff "ab" }');
    expect(s.keyScanf(key)).toEqual({ a: 255, name: 'ab' });
    const leaf = s.leafSprintf({ n: 1n << 40n, s: -1, x: [1, 2, 3] });
    expect(leaf).toBe('{ 0x10000000000 0xffffffff [ 0x1 0x2 0x3 ] }');
    expect(s.leafScanf(leaf)).toEqual({ n: 1n << 40n, s: -1, x: [1, 2, 3] });
    expect(s.leafScanf('{ 5 -3 [ 010 2 3 ] }')).toEqual({ n: 5n, s: -3, x: [8, 2, 3] });
    expect(() => s.leafScanf('{ 5 }')).toThrow('a number is expected');
    expect(b.getTable('h').keySprintf(2)).toBe('0x2');
    expect(b.getTable('h').leafScanf('0x10')).toBe(16n);
  });

  it('push, pop and peek [P.map.push X.get_queuestack_table P.map.pop P.map.peek]', () => {
    const b = tables();
    const q = b.getTable<void, number>('q');
    q.push(1);
    q.push(2);
    expect(() => q.push(3)).toThrow('E2BIG');
    q.push(3, 2);
    expect([q.peek(), q.pop(), q.pop(), q.pop()]).toEqual([2, 2, 3, undefined]);
    const st = b.getTable<void, number>('st');
    st.push(1);
    st.push(2);
    expect([st.peek(), st.pop(), st.pop(), st.peek()]).toEqual([2, 2, 1, undefined]);
  });

  it('print histograms [P.map.print_log2_hist P.map.print_linear_hist P.map.print_json_hist P.map.hist_opts]', () => {
    const w = world();
    const b = w.bpf(`struct k { u32 sect; u32 slot; }; BPF_HISTOGRAM(h); BPF_HISTOGRAM(s, struct k);`);
    const h = b.getTable<number, bigint>('h');
    h.set(2, 3n);
    h.printLog2Hist('usecs');
    expect(w.printed[0]).toBe('     usecs               : count     distribution');
    expect(w.printed[2]).toBe('         2 -> 3          : 3        |****************************************|');
    w.printed.length = 0;
    h.printLinearHist('units');
    expect(w.printed.at(-1)).toBe('        2          : 3        |****************************************|');
    w.printed.length = 0;
    const s = b.getTable<{ sect: number; slot: number }, bigint>('s');
    s.set({ sect: 7, slot: 1 }, 1n);
    s.set({ sect: 5, slot: 1 }, 1n);
    s.printLog2Hist({
      valType: 'x',
      sectionHeader: 'disk',
      sectionPrintFn: (n: number) => `sd${n}`,
      bucketFn: (n: number) => n + 1,
      bucketSortFn: (all: number[]) => all.sort(),
      stripLeadingZero: true,
    });
    expect(w.printed.filter((line) => line.startsWith('disk'))).toEqual(['disk = sd6', 'disk = sd8']);
    w.printed.length = 0;
    h.printJsonHist();
    expect(w.printed[0]).toMatch(/^\{'ts': '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', 'val_type': 'value', 'data': \[/);
  });

  it('have a number for maps of maps [P.map.get_fd]', () => {
    const b = tables();
    expect(b.getTable('h').getFd()).toBeGreaterThan(2);
    expect(b.getTable('h').getFd()).not.toBe(b.getTable('s').getFd());
  });
});

const SEND = `
struct e { u64 n; };
BPF_PERF_OUTPUT(events);
BPF_RINGBUF_OUTPUT(ring, 1);
int send(void *ctx) {
  struct e e = {};
  for (int i = 0; i < 400; i++) {
    e.n = i;
    events.perf_submit(ctx, &e, sizeof(e));
    ring.ringbuf_output(&e, sizeof(e), 0);
  }
  return 0;
}`;

describe('buffers', () => {
  it('take BCC’s options; lost samples are told and counted [P.map.page_cnt P.map.lost_cb P.out.perf_buffer_consume P.out.kprobe_poll]', () => {
    const w = world();
    const b = w.bpf(SEND);
    b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'send' });
    const events = b.getTable('events');
    let seen = 0;
    let lost = 0;
    expect(() => events.openPerfBuffer(() => {}, { pageCnt: 3 })).toThrow('a power of two, not 3');
    events.openPerfBuffer(() => seen++, { pageCnt: 1, lostCb: (n) => (lost += n) });
    expect(() => events.openPerfBuffer(() => {})).toThrow('being read already');
    b.wait();
    b.perfBufferConsume();
    b.close();
    expect(seen + lost).toBe(5 * 400);
    expect(seen).toBeLessThan(5 * 400);
    const again = w.bpf(SEND);
    again.getTable('events').openPerfBuffer(() => {});
    expect(again.kprobePoll(0)).toBe(0);
  });

  it('say on standard error what was lost when nobody asked', () => {
    const w = world();
    const b = w.bpf(SEND);
    b.attachKprobe({ event: 'tcp_v4_connect', fnName: 'send' });
    b.getTable('events').openPerfBuffer(() => {}, { pageCnt: 1 });
    b.wait();
    b.close();
    expect(w.warned[0]).toMatch(/^Possibly lost \d+ samples$/);
  });
});
