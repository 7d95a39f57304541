import { describe, expect, it } from 'vitest';
import funccount from '../../tools/funccount/funccount.ts';
import vfsstat from '../../tools/vfsstat/vfsstat.ts';
import { skep, tracingProblem } from './skep.ts';
import { runTool } from './tool-bench.ts';

const counts = (lines: readonly string[]) => lines.map((line) => line.trim().split(/\s+/).slice(1).map(Number));

describe('vfsstat on the model', () => {
  it("prints BCC's columns, a line each second", async () => {
    const { lines, warned } = await runTool(vfsstat, 'shell');
    expect(lines[0]).toBe('TIME         READ/s  WRITE/s  FSYNC/s   OPEN/s CREATE/s');
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d: {9}1 {8}3 {8}0 {8}2 {8}0$/);
    expect(counts(lines.slice(1))).toEqual([
      [1, 3, 0, 2, 0],
      [0, 0, 0, 1, 0],
    ]);
    expect(warned).toEqual([]);
  });

  it('stops after the count, filters by process, divides by the interval', async () => {
    expect((await runTool(vfsstat, 'shell', {}, ['1', '1'])).lines).toHaveLength(2);
    expect(counts((await runTool(vfsstat, 'shell', { pid: 1001 })).lines.slice(1))[0]).toEqual([1, 0, 0, 1, 0]);
    expect(counts((await runTool(vfsstat, 'shell', {}, ['3'])).lines.slice(1))).toEqual([[0, 1, 0, 1, 0]]);
    await expect(runTool(vfsstat, 'shell', {}, ['soon'])).rejects.toThrow(
      "interval must be a number above zero, not 'soon'",
    );
  });
});

describe('funccount on the model', () => {
  it("prints BCC's columns, the least called first", async () => {
    const { lines } = await runTool(funccount, 'shell', {}, ['vfs_*']);
    expect(lines[0]).toMatch(/^Tracing \d+ functions for "vfs_\*"\.\.\. Hit Ctrl-C to end\.$/);
    expect(lines.slice(1, 3)).toEqual(['', 'FUNC                                    COUNT']);
    expect(lines.slice(3, -1).sort()).toEqual([
      'vfs_open                                    3',
      'vfs_read                                    1',
      'vfs_write                                   3',
    ]);
    expect(lines[3]).toContain('vfs_read');
    expect(lines.at(-1)).toBe('Detaching...');
  });

  it('counts by regular expression, by tracepoint, by process, by interval', async () => {
    const regexp = await runTool(funccount, 'shell', { regexp: true }, ['^vfs_(read|open)$']);
    expect(regexp.lines[0]).toContain('Tracing 2 functions');
    const tracepoint = await runTool(funccount, 'shell', { pid: 1003 }, ['t:syscalls:sys_enter_open*']);
    expect(tracepoint.lines.slice(3, -1)).toEqual(['syscalls:sys_enter_openat                   2']);
    const interval = await runTool(funccount, 'shell', { interval: 1, timestamp: true }, ['p::vfs_open']);
    expect(interval.lines.filter((line) => line.startsWith('vfs_open')).map((line) => Number(line.slice(36)))).toEqual([
      2, 1,
    ]);
    expect(interval.lines.filter((line) => /^\d\d:\d\d:\d\d$/.test(line))).toHaveLength(2);
    expect(interval.lines.filter((line) => line === 'Detaching...')).toHaveLength(1);
  });

  it('refuses what it cannot count', async () => {
    await expect(runTool(funccount, 'shell', {}, ['no_such_*'])).rejects.toThrow("no functions match 'no_such_*'");
    await expect(runTool(funccount, 'shell', {}, ['c:no_such_*'])).rejects.toThrow("no functions match 'c:no_such_*'");
    await expect(runTool(funccount, 'shell', {}, ['nosuchlibrary:f'])).rejects.toThrow(
      "no library or program 'nosuchlibrary'",
    );
    await expect(runTool(funccount, 'shell', {}, ['vfs.*'])).rejects.toThrow('no functions match');
  });
});

describe.skipIf(tracingProblem !== undefined)(
  `counting a real command${tracingProblem ? ` (${tracingProblem})` : ''}`,
  () => {
    it('vfsstat and funccount', () => {
      const vfs = skep(['vfsstat', '--', 'cat', '/etc/hostname']);
      expect(vfs.stdout).toMatch(/^\d\d:\d\d:\d\d: +[1-9]\d* +[1-9]/m);
      const count = skep(['funccount', 'vfs_*', '--', 'cat', '/etc/hostname']);
      expect(count.stdout).toMatch(/^vfs_open +[1-9]\d*$/m);
    });
  },
);
