import { describe, expect, it } from 'vitest';
import { defineWorkload } from '../../core/model/workload/workload.ts';
import opensnoop from '../../tools/opensnoop/opensnoop.ts';
import { bench } from '../bcc/model.ts';
import { skep, tracingProblem } from './skep.ts';
import { runTool } from './tool-bench.ts';

describe('opensnoop on the model', () => {
  it("prints BCC's columns", async () => {
    const { lines, warned } = await runTool(opensnoop, 'shell');
    expect(lines).toEqual([
      'PID    COMM               FD ERR PATH',
      '1001   cat                 3   0 /etc/hostname',
      '1001   cat                -1   2 two words',
      '1002   tee                 3   0 /tmp/out',
      '1003   daemon              3   0 /etc/shadow',
      '1003   daemon             -1  13 /root/missing',
    ]);
    expect(warned).toEqual([]);
  });

  it.each([
    [{ failed: true }, ['two words', '/root/missing']],
    [{ pid: 1002 }, ['/tmp/out']],
    [{ tid: 1003 }, ['/etc/shadow', '/root/missing']],
    [{ uid: 0 }, ['/etc/shadow', '/root/missing']],
    [{ name: 'te' }, ['/tmp/out']],
    [{ flag_filter: ['O_WRONLY', 'O_TRUNC'] }, ['/tmp/out']],
  ])('filters by %o', async (options, paths) => {
    const { lines } = await runTool(opensnoop, 'shell', options);
    expect(lines.slice(1).map((line) => line.slice(33))).toEqual(paths);
  });

  it('adds time, user and flags', async () => {
    const { lines } = await runTool(opensnoop, 'shell', { timestamp: true, printUid: true, extended_fields: true });
    expect(lines[0]).toBe('TIME(s)       UID   PID    COMM               FD ERR FLAGS    PATH');
    expect(lines[1]).toMatch(/^0\.000000000 {3}1000 {2}1001 {3}cat {17}3 {3}0 00000000 \/etc\/hostname$/);
    expect(lines[3]).toMatch(/^0\.\d{9} .* 00000101 \/tmp\/out$/);
  });

  it('follows a relative name to the root with -F', async () => {
    const relative = defineWorkload('relative', 'names relative to the working directory', (world) => {
      const task = world.spawn({ comm: 'cat', cwd: '/srv/data/deep' });
      task.open('a.txt');
      task.chdir('/etc');
      task.open('../b');
      task.open('/abs');
    });
    const { lines } = await runTool(opensnoop, bench(relative), { fullPath: true });
    expect(lines.slice(1).map((line) => line.slice(33))).toEqual(['/srv/data/deep/a.txt', '/etc/../b', '/abs']);
  });

  it('ends after -d seconds of the world', async () => {
    const { lines } = await runTool(opensnoop, 'shell', { duration: 1 });
    expect(lines.slice(1).map((line) => line.slice(33))).toEqual(['/etc/hostname', 'two words', '/tmp/out']);
  });

  it('prints JSON: one object a line, named as the columns', async () => {
    const { lines } = await runTool(opensnoop, 'shell', { json: true, printUid: true, failed: true });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { UID: 1000, PID: 1001, COMM: 'cat', FD: -1, ERR: 2, PATH: 'two words' },
      { UID: 0, PID: 1003, COMM: 'daemon', FD: -1, ERR: 13, PATH: '/root/missing' },
    ]);
  });

  it('shows its program with --ebpf, options first', async () => {
    const { lines } = await runTool(opensnoop, 'shell', { ebpf: true, pid: 7 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^#define FILTER_PID 7\n/);
    expect(lines[0]).toContain('TRACEPOINT_PROBE(syscalls, sys_enter_openat)');
  });

  it('leaves out tasks that are in none of the containers asked for', async () => {
    for (const options of [{ cgroupmap: '/sys/fs/bpf/none' }, { mntnsmap: '/sys/fs/bpf/none' }])
      expect((await runTool(opensnoop, 'shell', options)).lines).toHaveLength(1);
  });

  it('refuses flags that are none', async () => {
    await expect(runTool(opensnoop, 'shell', { flag_filter: ['O_WRNLY'] })).rejects.toThrow(
      "'O_WRNLY' is no flag of open",
    );
  });
});

describe.skipIf(tracingProblem !== undefined)(
  `opensnoop of a real command${tracingProblem ? ` (${tracingProblem})` : ''}`,
  () => {
    it('sees what cat opens', () => {
      const { stdout, status } = skep(['opensnoop', '--', 'cat', '/etc/hostname', '/nonexistent/0']);
      expect(status).toBe(1);
      expect(stdout).toMatch(/^PID {4}COMM {15}FD ERR PATH$/m);
      expect(stdout).toMatch(/^\d+ +cat +\d+ {3}0 \/etc\/hostname$/m);
      expect(stdout).toMatch(/^\d+ +cat +-1 {3}2 \/nonexistent\/0$/m);
    });
  },
);
