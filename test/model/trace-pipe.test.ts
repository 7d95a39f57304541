import { describe, expect, it } from 'vitest';
import { formatTraceLine, TraceBuffer } from '../../core/model/trace-pipe.ts';

const entry = {
  comm: 'python3',
  pid: 118,
  cpu: 1,
  flags: '...21',
  seconds: 30,
  nanos: 195_958_000,
  message: 'Hello, World!',
};

describe('a line of the trace pipe', () => {
  it('is the kernel format', () => {
    expect(formatTraceLine(entry)).toBe(
      '         python3-118     [001] ...21    30.195958: bpf_trace_printk: Hello, World!',
    );
  });

  it('rounds nanoseconds to the nearest microsecond, into the next second too', () => {
    expect(formatTraceLine({ ...entry, nanos: 195_958_499 })).toContain(' 30.195958:');
    expect(formatTraceLine({ ...entry, nanos: 195_958_500 })).toContain(' 30.195959:');
    expect(formatTraceLine({ ...entry, nanos: 999_999_600 })).toContain(' 31.000000:');
  });

  it('cuts nothing: long names, long pids, late times', () => {
    expect(
      formatTraceLine({ ...entry, comm: 'a name of twenty let', pid: 12345678, cpu: 1000, seconds: 1234567 }),
    ).toBe('a name of twenty let-12345678 [1000] ...21 1234567.195958: bpf_trace_printk: Hello, World!');
  });
});

describe('the ring', () => {
  it('gives lines of all CPUs in the order they were written', () => {
    const ring = new TraceBuffer();
    for (let i = 0; i < 6; i++) ring.write({ ...entry, cpu: i % 3, message: String(i) });
    const read = Array.from({ length: 7 }, () => ring.read()?.at(-1));
    expect(read).toEqual(['0', '1', '2', '3', '4', '5', undefined]);
  });

  it('a message that ends with a newline gives an empty line, as on Linux', () => {
    const ring = new TraceBuffer();
    ring.write({ ...entry, message: 'one\n' });
    expect([ring.read(), ring.read(), ring.read()]).toEqual([
      formatTraceLine({ ...entry, message: 'one' }),
      '',
      undefined,
    ]);
  });

  it('throws the oldest page away when it is full, and says how many are lost', () => {
    const ring = new TraceBuffer(2 * 4080);
    // 4 + 8 + 4 + 14, in words: 32 bytes an entry, 127 a page.
    for (let i = 0; i < 300; i++) ring.write({ ...entry, cpu: 0, seconds: i });
    expect(ring.read()).toBe('CPU:0 [LOST 127 EVENTS]');
    expect(ring.read()).toContain('   127.195958:');
    let n = 1;
    while (ring.read() !== undefined) n++;
    expect(n).toBe(173);
    ring.write(entry);
    expect(ring.read()).toBe(formatTraceLine(entry));
  });

  it('two readers take lines from one another', () => {
    const ring = new TraceBuffer();
    const [a, b] = [ring.open(), ring.open()];
    ring.write(entry);
    ring.write(entry);
    expect([a.read() !== undefined, b.read() !== undefined, a.read(), b.read()]).toEqual([
      true,
      true,
      undefined,
      undefined,
    ]);
    ring.write(entry);
    a.close();
    expect([a.read(), b.read() !== undefined]).toEqual([undefined, true]);
  });
});
