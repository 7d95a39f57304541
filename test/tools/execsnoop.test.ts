import { describe, expect, it } from 'vitest';
import execsnoop from '../../tools/execsnoop/execsnoop.ts';
import { skep, tracingProblem } from './skep.ts';
import { runTool } from './tool-bench.ts';

describe('execsnoop on the model', () => {
  it("prints BCC's columns", async () => {
    const { lines } = await runTool(execsnoop, 'shell');
    expect(lines).toEqual([
      'PCOMM            PID     PPID    RET ARGS',
      'cat              1001    1000      0 /bin/cat /etc/hostname two words',
      'tee              1002    1000      0 /usr/bin/tee /tmp/out',
    ]);
  });

  it.each([
    [{ quote: true, name: 'cat' }, ['"/bin/cat" "/etc/hostname" "two words"']],
    [{ line: 'tmp' }, ['/usr/bin/tee /tmp/out']],
    [{ uid: 0 }, []],
    [{ ppid: 1 }, []],
    [{ maxArgs: 2 }, ['/bin/cat /etc/hostname ...', '/usr/bin/tee /tmp/out ...']],
  ])('filters and forms by %o', async (options, args) => {
    const { lines } = await runTool(execsnoop, 'shell', options);
    expect(lines.slice(1).map((line) => line.slice(37))).toEqual(args);
  });

  it('adds time and user', async () => {
    const { lines } = await runTool(execsnoop, 'shell', { time: true, timestamp: true, printUid: true });
    expect(lines[0]).toBe('TIME     TIME(s) UID   PCOMM            PID     PPID    RET ARGS');
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d 0\.000 {3}1000 {2}cat /);
  });
});

describe.skipIf(tracingProblem !== undefined)(
  `execsnoop of a real command${tracingProblem ? ` (${tracingProblem})` : ''}`,
  () => {
    it('sees what a shell starts', () => {
      const { stdout } = skep(['execsnoop', '--', 'sh', '-c', 'cat /etc/hostname; true']);
      expect(stdout).toMatch(/^cat +\d+ +\d+ +0 \S*\/cat \/etc\/hostname$/m);
    });
  },
);
