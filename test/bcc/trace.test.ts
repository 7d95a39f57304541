import { describe, expect, it } from 'vitest';
import type { Backend, TracePipe, WaitResult } from '../../core/backend/backend.ts';
import { Interrupted } from '../../core/bcc/session.ts';
import { formatTraceFields, parseTraceLine, TraceReader, TraceStream } from '../../core/bcc/trace.ts';

const LINE = '         python3-118     [001] ...21    30.195958: bpf_trace_printk: Hello, World!';

/** A backend whose trace pipe gives these lines, some only after a wait; then the source ends as said. */
function backendOf(batches: string[][], end: WaitResult = 'ended'): Backend {
  const ready: string[] = [];
  const pipe: TracePipe = { read: () => ready.shift(), close: () => {} };
  const wait = (): WaitResult => {
    const batch = batches.shift();
    if (!batch) return end;
    ready.push(...batch);
    return 'ready';
  };
  return { openTracePipe: () => pipe, wait } as unknown as Backend;
}

describe('a line of the trace pipe', () => {
  it('is split as BCC splits it', () => {
    expect(parseTraceLine(LINE)).toEqual({
      task: 'python3',
      pid: 118,
      cpu: 1,
      flags: '...21',
      ts: 30.195958,
      msg: 'Hello, World!',
    });
  });

  it.each([
    [
      'a name with spaces and a dash',
      '   my-app: x (3)-42      [000] d..31     1.000001: bpf_trace_printk: a: b: c',
      { task: 'my-app: x (3)', pid: 42, flags: 'd..31', msg: 'a: b: c' },
    ],
    [
      'sixteen characters',
      'sixteen-chars-xx-7       [003] .....   100.500000: bpf_trace_printk: x',
      { task: 'sixteen-chars-xx', pid: 7, cpu: 3 },
    ],
    ['an address instead of a name', LINE.replace('bpf_trace_printk', '0x00000001'), { msg: 'Hello, World!' }],
    ['an empty message', LINE.replace('Hello, World!', ''), { msg: '' }],
  ])('with %s', (_what, line, fields) => {
    expect(parseTraceLine(line)).toMatchObject(fields);
  });

  it('about lost events or of another shape is no message', () => {
    expect(parseTraceLine('CPU:0 [LOST 5 EVENTS]')).toBeUndefined();
    expect(parseTraceLine('# tracer: nop')).toBeUndefined();
    expect(parseTraceLine('')).toBeUndefined();
  });

  it('is printed by a format', () => {
    const fields = parseTraceLine(LINE)!;
    expect(formatTraceFields('{5} by {0} ({1:d}) {{}}', fields)).toBe('Hello, World! by python3 (118) {}');
    expect(formatTraceFields('{} {} {}', fields)).toBe('python3 118 1');
  });
});

describe('reading the trace pipe', () => {
  const line = (msg: string) => LINE.replace('Hello, World!', msg);

  it('blocks until a line is there, and drains before it ends', () => {
    const reader = new TraceReader(backendOf([[], [line('one'), line('two')], [line('three')]]));
    expect([...new TraceStream(reader)].map((f) => f.msg)).toEqual(['one', 'two', 'three']);
    expect(() => reader.readline()).toThrow(Interrupted);
  });

  it('answers nothing when nonblocking', () => {
    const reader = new TraceReader(backendOf([[], [line('one')]]));
    expect(reader.readline(true)).toBeUndefined();
    expect(reader.readline(true)).toContain('one');
  });

  it('iterates with for await too', async () => {
    const seen: string[] = [];
    for await (const { msg } of new TraceStream(new TraceReader(backendOf([[line('one')], [line('two')]]))))
      seen.push(msg);
    expect(seen).toEqual(['one', 'two']);
  });

  it('stops at an abort signal', async () => {
    const signal = { aborted: false };
    const seen: string[] = [];
    for await (const { msg } of new TraceStream(new TraceReader(backendOf([[line('one')], [line('two')]])), {
      signal,
    })) {
      seen.push(msg);
      signal.aborted = true;
    }
    expect(seen).toEqual(['one']);
  });

  it('ends at Ctrl-C', () => {
    const reader = new TraceReader(backendOf([[line('one')]], 'interrupted'));
    expect([...new TraceStream(reader)].length).toBe(1);
    expect(() => reader.readline()).toThrow('interrupted');
  });
});
