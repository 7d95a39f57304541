import { afterEach, describe, expect, it } from 'vitest';
import type { Backend, MapHandle, RecordReader } from '../../core/backend/backend.ts';
import { EventBuffers } from '../../core/bcc/events.ts';
import { Interrupted, setSession } from '../../core/bcc/session.ts';
import { bench } from './model.ts';

afterEach(() => setSession(undefined));

const SEND = `
struct event { u32 pid; u64 ts; char comm[16]; };
BPF_PERF_OUTPUT(events);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  struct event e = {};
  e.pid = bpf_get_current_pid_tgid() >> 32;
  e.ts = bpf_ktime_get_ns();
  bpf_get_current_comm(&e.comm, sizeof(e.comm));
  events.perf_submit(ctx, &e, sizeof(e));
  return 0;
}`;

const RING = SEND.replace('BPF_PERF_OUTPUT(events)', 'BPF_RINGBUF_OUTPUT(events, 8)').replace(
  'events.perf_submit(ctx, &e, sizeof(e))',
  'events.ringbuf_output(&e, sizeof(e), 0)',
);

/** Many events from one connect. */
const FLOOD = `
struct event { u64 n; u64 room[30]; };
BPF_PERF_OUTPUT(events);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  struct event e = {};
  for (int i = 0; i < 100; i++) { e.n = i; events.perf_submit(ctx, &e, sizeof(e)); }
  return 0;
}`;

interface Event {
  pid: number;
  ts: bigint;
  comm: string;
}

describe('perf buffers', () => {
  it('reach the callback with cpu, bytes and size, decoded by event(), and end by Interrupted', () => {
    const b = bench('connects').bpf(SEND);
    const seen: string[] = [];
    const table = b.getTable('events');
    table.openPerfBuffer((cpu, data, size) => {
      expect(size).toBe(data.length);
      const e = table.event<Event>(data);
      seen.push(`${cpu} ${e.pid} ${e.comm} ${typeof e.ts}`);
    });
    expect(() => {
      for (;;) b.perfBufferPoll();
    }).toThrow(Interrupted);
    expect(seen).toEqual(['0 1000 client bigint', ...Array(3).fill('0 1001 curl bigint'), '0 1000 client bigint']);
    expect(b.perfBufferConsume()).toBe(0);
    b.close();
  });

  it('give records shorter than their struct, whose rest is zero', () => {
    // A sample's length is a multiple of 8 with the 4 bytes that tell it: 36 is sent as it is.
    const b = bench('connects').bpf(`
      struct event { u32 length; char text[12]; u64 rest[4]; };
      BPF_PERF_OUTPUT(events);
      int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
        struct event e = { .length = 2, .text = "ok", .rest = { 1, 2, 3, 4 } };
        events.perf_submit(ctx, &e, 20 + e.length * 8);
        return 0;
      }`);
    const table = b.getTable('events');
    const asText = table.eventAs<object>('struct { u32 length; char text[12]; u64 rest[4]; }');
    const wanted = { length: 2, text: 'ok', rest: [1n, 2n, 3n, 0n] };
    let seen = 0;
    table.openPerfBuffer((_cpu, data) => {
      seen++;
      expect(data.length).toBe(36);
      expect(table.event(data)).toMatchObject(wanted);
      expect(table.eventAt(data, 0, data.length)).toMatchObject(wanted);
      expect(table.eventView<typeof wanted>(data).rest).toEqual(wanted.rest);
      expect(asText(data)).toMatchObject(wanted);
      expect(() => table.event(data.slice())).toThrow('a struct event takes 48 bytes, there are 36');
    });
    b.perfBufferPoll();
    expect(seen).toBeGreaterThan(0);
    b.close();
  });

  it('stop a poll whose callback throws, with its error, and go on behind that record', () => {
    const b = bench('connects').bpf(SEND);
    let calls = 0;
    b.getTable('events').openPerfBuffer(() => {
      if (++calls === 2) throw new Error('bad callback');
    });
    let thrown: unknown;
    try {
      for (;;) b.perfBufferPoll();
    } catch (error) {
      thrown = error;
    }
    expect((thrown as Error).message).toBe('bad callback');
    expect((thrown as Error).stack).toContain('events.test.ts');
    expect(() => {
      for (;;) b.kprobePoll();
    }).toThrow(Interrupted);
    expect(calls).toBe(5);
  });

  it('count what found no room: received and lost make what was sent', () => {
    const { bpf, warned } = bench('connects');
    const b = bpf(FLOOD);
    let received = 0;
    const table = b.getTable('events');
    table.openPerfBuffer(() => received++, { page_cnt: 1 });
    expect(() => {
      for (;;) b.perfBufferPoll();
    }).toThrow(Interrupted);
    expect(received).toBeGreaterThan(0);
    expect(table.lost).toBeGreaterThan(0);
    expect(received + table.lost).toBe(500);
    const told = warned.map((line) => Number(/^Possibly lost (\d+) samples$/.exec(line)?.[1]));
    expect(told.reduce((a, n) => a + n, 0)).toBe(table.lost);
  });

  it('tell at the end what was lost, though nobody ever polled', () => {
    const { bpf, warned } = bench('connects');
    const b = bpf(FLOOD);
    b.getTable('events').openPerfBuffer(() => {}, { pageCnt: 1 });
    b.wait();
    expect(warned).toEqual([]);
    b.close();
    expect(warned).toHaveLength(1);
    expect(warned[0]).toMatch(/^Possibly lost [1-9]\d* samples$/);
  });

  it('tell lostCb instead, when there is one', () => {
    const { bpf, warned } = bench('connects');
    const b = bpf(FLOOD);
    let lost = 0;
    b.getTable('events').openPerfBuffer(() => {}, { pageCnt: 1, lostCb: (count) => (lost += count) });
    expect(() => {
      for (;;) b.perfBufferPoll();
    }).toThrow(Interrupted);
    expect(lost).toBeGreaterThan(0);
    expect(warned).toEqual([]);
  });

  it('refuse bad use by name', () => {
    const b = bench('connects').bpf(`${SEND}\nBPF_HASH(counts, u32);`);
    const table = b.getTable('events');
    expect(() => table.openPerfBuffer(() => {}, { pageCnt: 3 })).toThrow('pageCnt must be a power of two, not 3');
    expect(() => table.openPerfBuffer(() => {}, { pages: 3 } as never)).toThrow("unknown option 'pages'");
    table.openPerfBuffer(() => {});
    expect(() => table.openPerfBuffer(() => {})).toThrow("table 'events' are being read already");
    expect(() => b.getTable('counts').openPerfBuffer(() => {})).toThrow("table 'counts', a hash");
    expect(() => table.openRingBuffer(() => {})).toThrow("openRingBuffer of table 'events', a perf_event_array");
    expect(() => b.events('counts')).toThrow("reading events of table 'counts'");
    expect(() => b.getTable('counts').event(new Uint8Array(8))).toThrow("decoding events of table 'counts'");
    expect(() => table.event(new Uint8Array(8))).toThrow('there are 8');
    b.close();
    expect(() => b.perfBufferPoll()).toThrow('closed');
  });

  it('poll no longer than they are told', () => {
    const b = bench('connects').bpf(SEND);
    b.getTable('events').openPerfBuffer(() => {});
    const start = b.backend.nowMs!();
    expect(b.perfBufferPoll(50)).toBe(1);
    expect(b.perfBufferPoll(50)).toBe(0);
    const passed = b.backend.nowMs!() - start;
    expect(passed).toBeGreaterThanOrEqual(50);
    expect(passed).toBeLessThan(100);
    expect(b.perfBufferPoll(-1)).toBe(1);
  });
});

describe('the last wait', () => {
  it('may end the source and bring records at once: they are delivered before Interrupted', () => {
    const pending: Uint8Array[] = [];
    const reader: RecordReader = {
      consume(sink) {
        const now = pending.splice(0);
        for (const data of now) sink.onRecord(0, data);
        return now.length;
      },
      close: () => {},
    };
    let waits = 0;
    const backend = {
      openRecords: () => reader,
      wait: () => {
        if (waits++ === 0) pending.push(new Uint8Array(8));
        return 'ended';
      },
    } as unknown as Backend;
    const buffers = new EventBuffers(backend);
    let seen = 0;
    buffers.open({ spec: { name: 'e', type: 'ringbuf' } } as MapHandle, () => seen++, {});
    expect(buffers.poll('ring', -1)).toBe(1);
    expect(seen).toBe(1);
    expect(() => buffers.poll('ring', -1)).toThrow(Interrupted);
  });
});

describe('ring buffers', () => {
  it('reach the callback with the context that was given', () => {
    const b = bench('connects').bpf(RING);
    const table = b.getTable('events');
    const pids: number[] = [];
    const mine = { mine: true };
    table.openRingBuffer((ctx, data, size) => {
      expect(ctx).toBe(mine);
      expect(size).toBe(32);
      pids.push(table.event<Event>(data).pid);
    }, mine);
    expect(b.ringBufferConsume()).toBe(0);
    expect(() => {
      for (;;) b.ringBufferPoll();
    }).toThrow(Interrupted);
    expect(pids).toEqual([1000, 1001, 1001, 1001, 1000]);
  });
});

describe('a slow reader of a ring buffer', () => {
  /** 100 records a call, 32 of which have room; the program counts what it could not send, as on a kernel only it can. */
  const flood = (send: string) => `
struct event { u64 n; u64 room[30]; };
BPF_RINGBUF_OUTPUT(events, 2);
BPF_ARRAY(sent, u64, 1);
BPF_ARRAY(refused, u64, 1);
int kprobe__tcp_v4_connect(struct pt_regs *ctx) {
  int zero = 0;
  u64 *n = sent.lookup(&zero);
  if (!n) return 0;
  u64 *no = refused.lookup(&zero);
  if (!no) return 0;
  for (int i = 0; i < 100; i++) {
    ${send}
    *n += 1;
  }
  return 0;
}`;
  const OUTPUT = 'struct event e = {}; e.n = *n; if (events.ringbuf_output(&e, sizeof(e), 0) < 0) *no += 1;';
  const RESERVE =
    'struct event *e = events.ringbuf_reserve(sizeof(*e)); if (e) { e->n = *n; events.ringbuf_submit(e, 0); } else *no += 1;';

  it.each([
    ['ringbuf_output', OUTPUT],
    ['ringbuf_reserve', RESERVE],
  ])('%s: received and lost make what was sent', (_name, send) => {
    const { bpf, warned } = bench('connects');
    const b = bpf(flood(send));
    const table = b.getTable('events');
    const numbers: bigint[] = [];
    let calls = 0;
    table.openRingBuffer((_ctx, data) => {
      calls++;
      numbers.push(table.event<{ n: bigint }>(data).n);
      // So slow that nothing else is read before the source moves on.
      if (calls % 7 === 0) throw new Error('slow');
    });
    for (let slow = true; slow; ) {
      try {
        b.ringBufferPoll();
      } catch (error) {
        slow = !(error instanceof Interrupted);
      }
      b.backend.wait(0);
    }
    const [sent, refused] = ['sent', 'refused'].map((name) => Number(b.getTable<number, bigint>(name).get(0)));
    expect(sent).toBe(500);
    expect(refused).toBeGreaterThan(0);
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers.length + refused!).toBe(sent);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.every((n, i) => i === 0 || n > numbers[i - 1]!)).toBe(true);
    expect(table.lost).toBe(refused);
    const told = () => warned.filter((line) => line.startsWith('Possibly lost'));
    expect(told()).toEqual([]);
    b.close();
    expect(told()).toEqual([`Possibly lost ${refused} samples`]);
  });
});

describe('events()', () => {
  it.each([
    ['a perf buffer', SEND],
    ['a ring buffer', RING],
  ])('gives decoded events of %s with for', (_name, text) => {
    const b = bench('connects').bpf(text);
    const comms = [...b.events<Event>('events')].map((e) => e.comm);
    expect(comms).toEqual(['client', 'curl', 'curl', 'curl', 'client']);
  });

  it('gives them with for await, and stops when aborted', async () => {
    const b = bench('connects').bpf(SEND);
    const stop = new AbortController();
    const pids: number[] = [];
    for await (const event of b.events<Event>('events', { signal: stop.signal })) {
      pids.push(event.pid);
      if (pids.length === 2) stop.abort();
    }
    expect(pids).toEqual([1000, 1001]);
  });
});
