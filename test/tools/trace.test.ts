import { describe, expect, it } from 'vitest';
import { parseProbe } from '../../tools/trace/spec.ts';
import trace from '../../tools/trace/trace.ts';
import { skep, tracingProblem } from './skep.ts';
import { runTool } from './tool-bench.ts';

const run = async (workload: string, probe: string | readonly string[], options = {}) =>
  (await runTool(trace, workload, options, typeof probe === 'string' ? [probe] : probe)).lines;
const messages = async (workload: string, probe: string, options = {}) =>
  (await run(workload, probe, options)).slice(1).map((line) => line.slice(49));

const OPENED = ['/etc/hostname', 'two words', '/tmp/out', '/etc/shadow', '/root/missing'];

describe('trace on the model', () => {
  it("prints BCC's columns", async () => {
    const lines = await run('shell', 'do_sys_openat2 "%s", arg2');
    expect(lines[0]).toBe('PID     TID     COMM            FUNC             -');
    expect(lines[1]).toBe('1001    1001    cat             do_sys_openat2   /etc/hostname');
    expect((await run('shell', 'do_sys_openat2')).slice(0, 2)).toEqual([
      'PID     TID     COMM            FUNC             ',
      '1001    1001    cat             do_sys_openat2   ',
    ]);
  });

  it.each([
    ['do_sys_openat2 "%s", arg2@user', OPENED],
    ['p::do_sys_openat2 "%s", arg2@user', OPENED],
    ['__x64_sys_openat "%s", arg2', OPENED],
    ['p::__x64_sys_openat(int dfd, const char *name) "%s", name', OPENED],
    ['t:syscalls:sys_enter_openat "%s", args->filename', OPENED],
    ['do_sys_openat2 (STRCMP("/tmp/out", arg2@user)) "%s", arg2@user', ['/tmp/out']],
    ['do_sys_openat2 ($uid == 0) "%s", arg2@user', ['/etc/shadow', '/root/missing']],
    ['r::do_sys_openat2 "%llx", retval', ['3', 'fffffffffffffffe', '3', '3', 'fffffffffffffff3']],
    ['r::do_sys_openat2 ((int)retval < 0) "failed: %d", retval', ['failed: -2', 'failed: -13']],
    ['vfs_write "%-6d|%4u|%c%%", arg3, $pid, 65', Array(3).fill('5     |1002|A%')],
    ['vfs_open "%K", PT_REGS_IP(ctx)', Array(3).fill('vfs_open+0x0')],
  ])('%s', async (probe, expected) => {
    expect(await messages('shell', probe)).toEqual(expected);
  });

  it('reads structs of the kernel by their types, and fields of tracepoints', async () => {
    const family = 'tcp_v4_connect(struct sock *sk) "%d %d", sk->__sk_common.skc_family, sk->__sk_common.skc_num';
    expect((await messages('connects', family))[0]).toMatch(/^2 \d+$/);
    const dport = 'r::tcp_v4_connect(struct sock *sk) "%d", retval';
    expect(await messages('connects', dport)).toContain('0');
    const events = 't:sched:sched_switch "%s -> %s", args->prev_comm, args->next_comm';
    expect(await messages('runqueue', events, { maxEvents: 2 })).toEqual(['swapper/0 -> sshd', 'sshd -> swapper/0']);
  });

  it('traces several probes at once', async () => {
    const lines = await run('shell', ['vfs_read "read %d", arg3', 'vfs_write "write %d", arg3']);
    expect(lines.slice(1).map((line) => line.slice(32).trim())).toEqual([
      'vfs_read         read 4096',
      ...Array(3).fill('vfs_write        write 5'),
    ]);
  });

  it.each([
    [{ pid: 1002 }, ['/tmp/out']],
    [{ tid: 1003 }, ['/etc/shadow', '/root/missing']],
    [{ uid: 0 }, ['/etc/shadow', '/root/missing']],
    [{ name: 'te' }, ['/tmp/out']],
    [{ msgFilter: 'etc' }, ['/etc/hostname', '/etc/shadow']],
    [{ maxEvents: 2 }, OPENED.slice(0, 2)],
    [{ stringSize: 5 }, ['/etc', 'two ', '/tmp', '/etc', '/roo']],
  ])('filters and cuts by %o', async (options, expected) => {
    expect(await messages('shell', 'do_sys_openat2 "%s", arg2@user', options)).toEqual(expected);
  });

  it('adds times and CPUs', async () => {
    const line = async (options: object) => (await run('shell', 'vfs_read', options)).slice(0, 2);
    const [header, first] = await line({ time: true, print_cpu: true });
    expect(header).toMatch(/^TIME {5}CPU PID {5}TID/);
    expect(first).toMatch(/^\d\d:\d\d:\d\d 0 {3}1001/);
    expect((await line({ timestamp: true }))[1]).toMatch(/^0\.\d{6} 1001/);
    expect((await line({ timestamp: true, unixTimestamp: true }))[1]).toMatch(/^\d{10}\.\d{6} 1001/);
  });

  it('prints kernel stacks, with addresses if asked', async () => {
    const lines = await run('connects', 'tcp_v4_connect', { kernelStack: true, maxEvents: 1 });
    expect(lines.slice(2, 4)).toEqual([
      '        tcp_v4_connect+0x0 [kernel]',
      '        __inet_stream_connect+0x1b [kernel]',
    ]);
    expect(lines.at(-1)).toBe('');
    const [, , frame] = await run('connects', 'tcp_v4_connect', { kernelStack: true, address: true, maxEvents: 1 });
    expect(frame).toMatch(/^ {8}ffffffff81[0-9a-f]{6} tcp_v4_connect\+0x0 \[kernel\]$/);
    const user = await run('connects', 'tcp_v4_connect', { userStack: true, maxEvents: 1 });
    // The workload says nothing of user code.
    expect(user[2]).toMatch(/^ {8}(?:-14|\[unknown\])$/);
  });

  it('counts equal lines', async () => {
    const lines = await run('shell', 'vfs_write "%d", arg3', { aggregate: true, maxEvents: 3 });
    expect(lines.slice(1)).toEqual(['1002    1002    tee             vfs_write        5', '-->COUNT 3\n']);
  });

  it('prints JSON', async () => {
    const lines = await run('shell', 'do_sys_openat2 "%s", arg2@user', { json: true, kernelStack: true, maxEvents: 1 });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        PID: 1001,
        TID: 1001,
        COMM: 'cat',
        FUNC: 'do_sys_openat2',
        MESSAGE: '/etc/hostname',
        KERNEL_STACK: expect.arrayContaining([expect.stringContaining('do_sys_openat2')]),
      },
    ]);
  });

  it.each([
    ['', 'nothing to trace'],
    ['vfs_read ((', 'the filter has no end'],
    ['vfs_read "%d"', 'wants 1 value, 0 given'],
    ['vfs_read "x", arg1', 'wants 0 values, 1 given'],
    ['vfs_read arg1', 'a format in "quotes" was expected'],
    ['vfs_read "%y", arg1', "'%y' is no directive"],
    ['q:x:vfs_read', "must be '', p, r, t or u, not 'q'"],
    ['t:sched', 'there is no library or program'],
    ['t:sched:sched_switch(int x)', 'a tracepoint has no parameters'],
    ['vfs_read+0y', "'0y' is no offset"],
    ['vfs_read "%d", retval', 'retval is there at returns'],
    ['vfs_read "%d", nope', "undeclared identifier 'nope'"],
    ['u:c:nosuchprobe', 'nosuchprobe'],
    ['vfs_raed', 'nearest: vfs_read'],
    ['c:nosuchfunction', 'nosuchfunction'],
    ['nosuchlibrary:open', "no library or program 'nosuchlibrary'"],
  ])('refuses %s', async (probe, message) => {
    await expect(run('shell', probe)).rejects.toThrow(message);
  });

  it('refuses options that exclude each other', async () => {
    await expect(run('shell', 'vfs_read', { pid: 1, tid: 1 })).rejects.toThrow('-p and -L');
    await expect(run('shell', 'vfs_read', { aggregate: true })).rejects.toThrow('-A needs -M');
  });
});

describe('the language of probes', () => {
  it('splits values at commas outside parentheses and strings', () => {
    const { values, filter, parameters } = parseProbe(
      'f(int a, char *b) (a > (1) && b) "%d, %s %d", g(a, 1), "x,y", a',
    );
    expect({ values, filter, parameters }).toEqual({
      values: ['g(a, 1)', '"x,y"', 'a'],
      filter: 'a > (1) && b',
      parameters: 'int a, char *b',
    });
  });

  it('names libraries, types and offsets', () => {
    expect(parseProbe('r:c:open')).toMatchObject({ type: 'r', library: 'c', name: 'open' });
    expect(parseProbe('./a.out:main')).toMatchObject({ type: 'p', library: './a.out', name: 'main' });
    expect(parseProbe('kfree_skb+0x12')).toMatchObject({ name: 'kfree_skb', offset: 0x12 });
    expect(parseProbe('t:block:block_rq_issue')).toMatchObject({
      type: 't',
      category: 'block',
      name: 'block_rq_issue',
    });
    expect(parseProbe('f "a\\tb\\"%d", 1').format).toBe('a\tb"%d');
  });
});

describe.skipIf(tracingProblem !== undefined)(
  `trace of a real command${tracingProblem ? ` (${tracingProblem})` : ''}`,
  () => {
    it('sees what cat opens', () => {
      const { stdout } = skep(['trace', 'do_sys_openat2 "%s", arg2@user', '--', 'cat', '/etc/hostname']);
      expect(stdout).toMatch(/^\d+ +\d+ +cat +do_sys_openat2 +\/etc\/hostname$/m);
    });
  },
);
