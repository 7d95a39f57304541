import { describe, expect, it } from 'vitest';
import opensnoop from '../../tools/opensnoop/opensnoop.ts';
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
    [{ flag_filter: 'O_WRONLY,O_TRUNC' }, ['/tmp/out']],
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

  it('refuses flags that are none', async () => {
    await expect(runTool(opensnoop, 'shell', { flag_filter: 'O_WRNLY' })).rejects.toThrow(
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
