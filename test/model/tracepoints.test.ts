import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { printFormat, readTracepoints } from '../../core/btf/tracepoint.ts';
import { hasHook } from '../../core/model/hook-table.ts';
import { buildRecord, formatText } from '../../core/model/tracepoints/format.ts';
import { TRACEPOINTS, tracepointByName } from '../../core/model/tracepoints/index.ts';
import { addImm, attach, call, HELPER, load, messages, modelOf, mov, movImm, printk, R, runAll } from './programs.ts';

const shipped = readTracepoints(
  inflateRawSync(readFileSync(new URL('../../data/tracepoints-6.1.json.deflate', import.meta.url))).toString(),
);
const withoutId = (text: string) => text.replace(/^ID: \d+$/m, 'ID: 0');

describe('the tracepoint table', () => {
  it('prints what Linux 6.1 prints, for every row', () => {
    let compared = 0;
    for (const row of TRACEPOINTS) {
      const linux = shipped.get(`${row.system}:${row.name}`);
      expect(linux, `${row.system}:${row.name}`).toBeDefined();
      expect(withoutId(formatText(row, 1))).toBe(withoutId(printFormat(linux!)));
      compared++;
    }
    expect(compared).toBeGreaterThan(690);
  });

  it('has no row that nothing passes, and no two rows of one name', () => {
    const names = TRACEPOINTS.map((r) => `${r.system}:${r.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((n) => !hasHook(`tracepoint:${n}`))).toEqual([]);
  });
});

describe('records', () => {
  it('start with the common header; __data_loc strings follow the fixed part', () => {
    const { row, id } = tracepointByName('sched:sched_process_exec')!;
    const record = buildRecord(
      row,
      { filename: '/bin/true', pid: 7, old_pid: 6 },
      { type: id, flags: 0, preemptCount: 1, pid: 7 },
    );
    const view = new DataView(record.buffer);
    expect(view.getUint16(0, true)).toBe(id);
    expect(view.getInt32(4, true)).toBe(7);
    expect(view.getUint32(8, true)).toBe((10 << 16) | 20);
    expect(view.getInt32(12, true)).toBe(7);
    expect(view.getInt32(16, true)).toBe(6);
    expect(new TextDecoder().decode(record.subarray(20, 30))).toBe('/bin/true\0');
  });

  it('cut a comm that is too long and keep its NUL', () => {
    const { row } = tracepointByName('sched:sched_process_exit')!;
    const record = buildRecord(
      row,
      { comm: 'x'.repeat(40), pid: 1, prio: 120 },
      { type: 0, flags: 0, preemptCount: 0, pid: 1 },
    );
    expect(record[8 + 14]).toBe(120);
    expect(record[8 + 15]).toBe(0);
  });
});

describe('programs on tracepoints', () => {
  it('read the arguments of a system call, and its result', () => {
    const b = modelOf((w) => {
      const t = w.spawn({ comm: 'cat', pid: 42 });
      t.open('/etc/hostname', 0x8000);
      t.open('/nonexistent', 0, -2);
    });
    attach(b, 'tracepoint:syscalls:sys_enter_openat', [
      load('W', R.r6, R.r1, 8),
      load('DW', R.r7, R.r1, 32),
      load('DW', R.r3, R.r1, 24),
      mov(R.r1, R.fp),
      addImm(R.r1, -32),
      movImm(R.r2, 32),
      call(HELPER.probe_read_user_str),
      mov(R.r8, R.fp),
      addImm(R.r8, -32),
      ...printk('nr=%d flags=%x %s', R.r6, R.r7, R.r8),
    ]);
    attach(b, 'tracepoint:syscalls:sys_exit_openat', [load('DW', R.r6, R.r1, 16), ...printk('ret=%d', R.r6)]);
    expect(messages(runAll(b))).toEqual([
      'nr=257 flags=8000 /etc/hostname',
      'ret=3',
      'nr=257 flags=0 /nonexistent',
      'ret=-2',
    ]);
  });

  it('raw tracepoints get the registers and the number', () => {
    const b = modelOf((w) => void w.spawn({ comm: 'a' }).syscall('getpid', [], 5));
    // ctx: u64 args[]: regs, id. regs->orig_ax is at 120.
    attach(b, 'raw_tracepoint:sys_enter', [
      load('DW', R.r6, R.r1, 8),
      load('DW', R.r3, R.r1, 0),
      addImm(R.r3, 120),
      mov(R.r1, R.fp),
      addImm(R.r1, -8),
      movImm(R.r2, 8),
      call(HELPER.probe_read_kernel),
      load('DW', R.r7, R.fp, -8),
      ...printk('id=%d orig_ax=%d', R.r6, R.r7),
    ]);
    expect(messages(runAll(b))).toEqual(['id=39 orig_ax=39']);
  });
});
