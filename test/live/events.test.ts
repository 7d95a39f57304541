/** Records of the running kernel: delivered, in order, none lost without being counted; blocking polls end by signal. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { testRun } from '../../bindings/linux/bpf.ts';
import { kernelAtLeast } from '../../bindings/linux/machine.ts';
import { BPF } from '../../core/bcc/bpf.ts';
import { liveBackend, noKernel, noTracefs, title } from './machine.ts';

/** A program that sends `n` records at each run, numbered over all runs. */
const FLOOD = (n: number, send: string) => `
  struct event { u64 number; u64 time; u32 cpu; };
  BPF_ARRAY(sent, u64, 1);
  int flood(struct __sk_buff *ctx) {
      int k = 0;
      for (int i = 0; i < ${n}; i++) {
          struct event e = {};
          u64 *count = sent.lookup(&k);
          if (!count) return 0;
          e.number = __sync_fetch_and_add(count, 1);
          e.time = bpf_ktime_get_ns();
          e.cpu = bpf_get_smp_processor_id();
          ${send}
      }
      return 0;
  }`;

describe.skipIf(noKernel)(title('perf buffers', noKernel), () => {
  it('a producer faster than the consumer: received and lost are what was sent [C.out.perf_output C.out.perf_submit P.map.open_perf_buffer P.map.lost_cb P.map.page_cnt P.out.perf_buffer_poll P.out.perf_buffer_consume X.open_perf_buffer_close_get_poll_perf_buffer]', () => {
    const { backend } = liveBackend();
    const b = new BPF({ text: `BPF_PERF_OUTPUT(events);${FLOOD(64, 'events.perf_submit(ctx, &e, sizeof(e));')}` });
    const { handle } = b.loadFunc('flood', BPF.SOCKET_FILTER);
    let received = 0;
    let lost = 0;
    // A buffer for each CPU: a run that moves between them is in order in each.
    const last = new Map<number, number>();
    const events = b.getTable('events');
    events.openPerfBuffer(
      (cpu, data) => {
        received++;
        const number = Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0, true));
        expect(number).toBeGreaterThan(last.get(cpu) ?? -1);
        last.set(cpu, number);
      },
      { pageCnt: 1, lostCb: (count) => void (lost += count) },
    );
    for (let round = 0; round < 20; round++) {
      testRun(handle.fd!, { data: new Uint8Array(64), repeat: 50 });
      b.perfBufferConsume();
    }
    while (b.perfBufferPoll(0) > 0);
    const sent = Number(b.getTable<number, bigint>('sent').get(0));
    expect(sent).toBe(20 * 50 * 64);
    expect(received + lost).toBe(sent);
    expect(events.lost).toBe(lost);
    void backend;
  });

  it('records of all CPUs by their times, on request', () => {
    liveBackend();
    const b = new BPF({ text: `BPF_PERF_OUTPUT(events);${FLOOD(4, 'events.perf_submit(ctx, &e, sizeof(e));')}` });
    const { handle } = b.loadFunc('flood', BPF.SOCKET_FILTER);
    const times: bigint[] = [];
    const cpus = new Set<number>();
    b.getTable('events').openPerfBuffer(
      (cpu, data) => {
        cpus.add(cpu);
        times.push(new DataView(data.buffer, data.byteOffset).getBigUint64(8, true));
      },
      { pageCnt: 64, ordered: true },
    );
    for (let round = 0; round < 200; round++) {
      testRun(handle.fd!, { data: new Uint8Array(64), repeat: 1 });
      // Elsewhere next time, if there is an elsewhere.
      if (round % 40 === 0) spawnSync('true');
      if (round % 10 === 0) b.perfBufferConsume();
    }
    while (times.length < 800) b.perfBufferPoll(100);
    expect(times).toEqual([...times].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0)));
  });

  it('a callback that throws loses nothing', () => {
    liveBackend();
    const b = new BPF({ text: `BPF_PERF_OUTPUT(events);${FLOOD(5, 'events.perf_submit(ctx, &e, sizeof(e));')}` });
    const { handle } = b.loadFunc('flood', BPF.SOCKET_FILTER);
    let seen = 0;
    b.getTable('events').openPerfBuffer(() => {
      if (++seen === 2) throw new Error('the second');
    });
    testRun(handle.fd!, { data: new Uint8Array(64), repeat: 1 });
    expect(() => b.perfBufferPoll(1000)).toThrow('the second');
    while (seen < 5) expect(b.perfBufferPoll(1000)).toBeGreaterThan(0);
    expect(seen).toBe(5);
  });
});

describe.skipIf(noKernel)(title('ring buffers', noKernel), () => {
  it('what finds no room is refused to the program, the rest arrives in order [C.out.ringbuf_output P.out.ring_buffer_poll]', async () => {
    liveBackend();
    const b = new BPF({
      text: `BPF_RINGBUF_OUTPUT(events, 1); BPF_ARRAY(refused, u64, 1);${FLOOD(
        64,
        'if (events.ringbuf_output(&e, sizeof(e), 0) != 0) { u64 *r = refused.lookup(&k); if (r) (*r)++; }',
      )}`,
    });
    const { handle } = b.loadFunc('flood', BPF.SOCKET_FILTER);
    const numbers: number[] = [];
    b.getTable('events').openRingBuffer(
      (_ctx, data) => void numbers.push(Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0, true))),
    );
    for (let round = 0; round < 20; round++) {
      testRun(handle.fd!, { data: new Uint8Array(64), repeat: 20 });
      b.ringBufferPoll(0);
    }
    while (b.ringBufferPoll(0) > 0);
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
    expect(numbers.length + Number(b.getTable<number, bigint>('refused').get(0))).toBe(20 * 20 * 64);
  });

  it('for await, ended by a signal', async () => {
    liveBackend();
    const b = new BPF({
      text: `BPF_RINGBUF_OUTPUT(events, 8);${FLOOD(3, 'events.ringbuf_output(&e, sizeof(e), 0);')}`,
    });
    const { handle } = b.loadFunc('flood', BPF.SOCKET_FILTER);
    const stop = new AbortController();
    const numbers: bigint[] = [];
    setTimeout(() => testRun(handle.fd!, { data: new Uint8Array(64), repeat: 1 }), 20);
    for await (const event of b.events<{ number: bigint }>('events', { signal: stop.signal })) {
      numbers.push(event.number);
      if (numbers.length === 3) stop.abort();
    }
    expect(numbers).toEqual([0n, 1n, 2n]);
  });
});

const noUserRing = noKernel ?? (kernelAtLeast('6.1') ? undefined : 'Linux 6.1 has user ring buffers');
describe.skipIf(noUserRing)(title('user ring buffers', noUserRing), () => {
  it('records from here to a program, in order, around the end, and none where there is no room', () => {
    liveBackend();
    const b = new BPF({
      text: `
        #include <bpf/bpf_helpers.h>
        struct { __uint(type, BPF_MAP_TYPE_USER_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
        BPF_ARRAY(seen, u64, 3);
        static long on_record(struct bpf_dynptr *record, void *ctx) {
            u64 value = 0; int sum = 0, count = 1, disorder = 2;
            if (bpf_dynptr_read(&value, sizeof(value), record, 0, 0)) return 0;
            u64 *n = seen.lookup(&count);
            if (n && *n != value) seen.increment(disorder);
            seen.increment(sum, value); seen.increment(count);
            return 0;
        }
        int drain(struct __sk_buff *skb) { bpf_user_ringbuf_drain(&ring, on_record, NULL, 0); return 0; }`,
    });
    const { fd } = b.loadFunc('drain', BPF.SOCKET_FILTER).handle;
    const { map } = b.getTable('ring');
    const seen = b.getTable<number, bigint>('seen');
    let sent = 0n;
    for (let round = 0; round < 5; round++) {
      let answer = 0;
      while ((answer = map.send!(new Uint8Array(BigUint64Array.of(sent, 0n).buffer))) === 0) sent++;
      // 24 bytes a record: 170 of them, and the ring is full.
      expect(answer).toBe(-28);
      testRun(fd!, { data: new Uint8Array(64) });
    }
    expect(sent).toBe(5n * 170n);
    expect([...seen.values()]).toEqual([(sent * (sent - 1n)) / 2n, sent, 0n]);
    expect(map.send!(new Uint8Array(4096))).toBe(-7);
    expect(() => seen.map.send!(new Uint8Array(8))).toThrow(/sending records to map 'seen' of type array/);
  });
});

describe.skipIf(noTracefs)(title('the trace pipe', noTracefs), () => {
  it('lines in the format of the kernel, each to every reader', () => {
    const first = liveBackend();
    const b = new BPF({
      text: `TRACEPOINT_PROBE(syscalls, sys_enter_kill) { if (args->pid == ${process.pid}) bpf_trace_printk("signal %d\\n", args->sig); return 0; }`,
    });
    const other = first.backend.openTracePipe();
    b.traceReadline(true);
    process.kill(process.pid, 0);
    const fields = [...take(b.traceFields(), 1)][0]!;
    expect(fields).toMatchObject({ pid: process.pid, msg: 'signal 0' });
    expect(Math.abs(fields.ts - Number(process.hrtime.bigint()) / 1e9)).toBeLessThan(5);
    expect(other.read()).toMatch(/bpf_trace_printk: signal 0$/);
    other.close();
  });
});

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  for (const item of items) {
    yield item;
    if (--count === 0) return;
  }
}
