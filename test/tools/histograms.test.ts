import { describe, expect, it } from 'vitest';
import { Cpu, Disk } from '../../core/model/workload/machine.ts';
import { defineWorkload } from '../../core/model/workload/workload.ts';
import biolatency, { flagsText } from '../../tools/biolatency/biolatency.ts';
import runqlat from '../../tools/runqlat/runqlat.ts';
import { bench } from '../bcc/model.ts';
import { skep } from './skep.ts';
import { runTool } from './tool-bench.ts';

/** Rows that have counts, as `low: count`, after each title. */
const rows = (lines: readonly string[]) =>
  lines.flatMap((line) => {
    const [, low, count] = /^\s+(\d+) -> \d+\s+: (\d+)/.exec(line) ?? [];
    if (low !== undefined) return count === '0' ? [] : [`${low}: ${count}`];
    return / = /.test(line) ? [line] : [];
  });

describe('biolatency on the model', () => {
  it("prints BCC's histogram at the end", async () => {
    const { lines } = await runTool(biolatency, 'disks');
    expect(lines.slice(0, 4)).toEqual([
      'Tracing block device I/O... Hit Ctrl-C to end.',
      '',
      '     usecs               : count     distribution',
      '         0 -> 1          : 0        |                                        |',
    ]);
    expect(lines[9]).toBe('        64 -> 127        : 6        |****************************************|');
    expect(rows(lines)).toEqual(['64: 6', '512: 1', '4096: 3', '16384: 2']);
  });

  it.each([
    [{ disks: true }, ['disk = nvme0n1', '64: 6', 'disk = sda', '512: 1', '4096: 3', '16384: 2']],
    [
      { flags: true },
      [
        'flags = Read',
        '64: 6',
        '16384: 1',
        'flags = Sync-Write',
        '4096: 3',
        'flags = ReadAhead-Read',
        '512: 1',
        'flags = Sync-Flush',
        '16384: 1',
      ],
    ],
    [{ queued: true }, ['64: 6', '512: 1', '4096: 3', '16384: 2']],
    [
      { milliseconds: true, extension: true },
      ['0: 7', '4: 3', '16: 2', '\navg = 5 msecs, total: 65 msecs, count: 12\n'],
    ],
  ])('sections and units by %o', async (options, expected) => {
    expect(rows((await runTool(biolatency, 'disks', options)).lines)).toEqual(expected);
  });

  it('counts the time in the queue only with -Q', async () => {
    const slow = defineWorkload('slow', 'a long wait in the queue', (world) => {
      const disk = new Disk(world, 'sda', 8, 0);
      disk.request(world.spawn({ comm: 'a' }), { op: 'read', bytes: 512 }).run(100_000n, 50_000_000n);
    });
    const of = async (options: Record<string, unknown>) =>
      rows((await runTool(biolatency, bench(slow), options)).lines);
    expect(await of({})).toEqual(['64: 1']);
    expect(await of({ queued: true })).toEqual(['32768: 1']);
  });

  it('reports after each interval, so many times', async () => {
    const { lines } = await runTool(biolatency, 'disks', { timestamp: true }, ['1', '1']);
    expect(rows(lines)).toEqual(['64: 6', '4096: 3', '16384: 1']);
    expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(rows((await runTool(biolatency, 'disks', {}, ['1'])).lines)).toHaveLength(5);
    await expect(runTool(biolatency, 'disks', {}, ['0'])).rejects.toThrow(
      "interval must be a number above zero, not '0'",
    );
  });

  it('prints one JSON object a histogram', async () => {
    const { lines } = await runTool(biolatency, 'disks', { disks: true, json: true });
    const [nvme, sda, ...rest] = lines.map((line) => JSON.parse(line));
    expect(rest).toEqual([]);
    expect(nvme).toMatchObject({ val_type: 'usecs', disk: 'nvme0n1' });
    expect(nvme.data.at(-1)).toEqual({ 'interval-start': 64, 'interval-end': 127, count: 6 });
    expect(sda.disk).toBe('sda');
  });

  it('refuses a disk that is not there, and a command, which has no disks', async () => {
    await expect(runTool(biolatency, 'disks', { disk: 'nosuchdisk' })).rejects.toThrow("no such disk 'nosuchdisk'");
    await expect(runTool(biolatency, 'hello')).resolves.toBeDefined();
    const { stderr, status } = skep(['biolatency', '--', 'true']);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/^skep: .*these workloads have it: disks|cannot trace a command/);
  });

  it('names flags as blk_fill_rwbs and BCC order them', () => {
    expect([0, 1 | (1 << 11), 2 | (1 << 17), 1 | (1 << 11) | (1 << 12) | (1 << 13), 99].map(flagsText)).toEqual([
      'Read',
      'Sync-Write',
      'ForcedUnitAccess-Flush',
      'Priority-Metadata-Sync-Write',
      'Unknown',
    ]);
  });
});

describe('runqlat on the model', () => {
  it("prints BCC's histogram: waits after wakeups, after being pushed off, of a new process", async () => {
    const { lines } = await runTool(runqlat, 'runqueue');
    expect(lines.slice(0, 3)).toEqual([
      'Tracing run queue latency... Hit Ctrl-C to end.',
      '',
      '     usecs               : count     distribution',
    ]);
    expect(rows(lines)).toEqual(['8: 9', '128: 1', '2048: 1', '8192: 1']);
  });

  it.each([
    [
      { pids: true },
      ['pid = 1000', '8: 1', '8192: 1', 'pid = 1001', '2048: 1', 'pid = 1002', '8: 8', 'pid = 1003', '128: 1'],
    ],
    [{ tids: true, pid: 1001 }, ['tid = 1001', '2048: 1']],
    [{ pidnss: true, pid: 1000 }, ['pidns = 4026531836', '8: 1', '8192: 1']],
    [{ milliseconds: true }, ['0: 10', '4: 1', '8: 1']],
  ])('sections and units by %o', async (options, expected) => {
    const found = rows((await runTool(runqlat, 'runqueue', options)).lines);
    // Sections come in the order of the table, which hashes.
    expect([...found].sort()).toEqual([...expected].sort());
  });

  it('has room for many processes', async () => {
    const crowd = defineWorkload('crowd', 'eighty processes that wait once', (world) => {
      const cpu = new Cpu(world);
      for (let i = 0; i < 80; i++) {
        const task = world.spawn({ comm: `task${i}` });
        cpu.wake(task);
        world.advance(10_000n);
        cpu.run(task);
        world.advance(10_000n);
        cpu.run(undefined);
      }
    });
    expect(rows((await runTool(runqlat, bench(crowd), { pids: true })).lines)).toHaveLength(160);
  });
});
