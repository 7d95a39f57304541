/** Every tool's command line: BCC's flags are there, wrong ones get one clear line, and a reader that goes away ends the run quietly. */
import { spawn, spawnSync } from 'node:child_process';
import { Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { TOOLS } from '../../tools/index.ts';
import { OPTION_TYPES } from '../../tools/tool.ts';
import { SKEP, skep, skepAsync, tracingProblem } from './skep.ts';

/** Flags of BCC 0.26's scripts (their -h and --ebpf left out). */
const BCC_FLAGS: Readonly<Record<string, string>> = {
  biolatency: '-T --timestamp -Q --queued -m --milliseconds -D --disks -F --flags -e --extension -j --json -d --disk',
  execsnoop:
    '-T --time -t --timestamp -x --fails --cgroupmap --mntnsmap -u --uid -q --quote -n --name -l --line -U --print-uid --max-args -P --ppid',
  funccount: '-p --pid -i --interval -d --duration -T --timestamp -r --regexp -D --debug -c --cpu',
  opensnoop:
    '-T --timestamp -U --print-uid -x --failed -p --pid -t --tid --cgroupmap --mntnsmap -u --uid -d --duration -n --name ' +
    '-e --extended_fields -f --flag_filter -F --full-path -b --buffer-pages',
  runqlat: '-T --timestamp -m --milliseconds -P --pids --pidnss -L --tids -p --pid',
  tcpconnect:
    '-t --timestamp -p --pid -P --port -4 --ipv4 -6 --ipv6 -L --lport -U --print-uid -u --uid -c --count --cgroupmap --mntnsmap -d --dns',
  trace:
    '-b --buffer-pages -p --pid -L --tid --uid -v --verbose -Z --string-size -S --include-self -M --max-events -t --timestamp ' +
    '-u --unix-timestamp -T --time -C --print_cpu -c --cgroup-path -n --name -f --msg-filter -B --bin_cmp -s --sym_file_list ' +
    '-K --kernel-stack -U --user-stack -a --address -I --include -A --aggregate',
  vfsstat: '-p --pid',
};

describe("BCC's flags", () => {
  it.each(Object.entries(BCC_FLAGS))('%s has all of them', async (name, flags) => {
    const tool = await TOOLS.find((row) => row.name === name)!.load();
    const have = tool.options.flatMap(({ flags }) => {
      const { short, long } = new Option(flags);
      return [short, long];
    });
    expect(flags.split(' ').filter((flag) => !have.includes(flag))).toEqual([]);
  });

  it('no tool declares a flag twice, and each has an example', async () => {
    for (const row of TOOLS) {
      const tool = await row.load();
      const all = tool.options
        .flatMap(({ flags }) => [new Option(flags).short, new Option(flags).long])
        .filter(Boolean);
      expect(new Set(all).size, tool.name).toBe(all.length);
      if (tool.name in BCC_FLAGS) expect(tool.examples, tool.name).toContain(`skep ${tool.name}`);
    }
  });
});

describe('wrong command lines', () => {
  it.each([
    ['pid', ['0', '4194305', '-1', 'x', '', '1.5', '1e3'], [['1', 1]]],
    ['uid', ['root', '-1', '4294967295'], [['0', 0]]],
    [
      'user',
      ['no-such-user', ''],
      [
        ['root', 0],
        ['1000', 1000],
      ],
    ],
    ['count', ['0', 'x'], [['3', 3]]],
    ['seconds', ['0', 'soon', '', '-1', 'Infinity'], [['0.5', 0.5]]],
    ['pages', ['0', '3', 'x'], [['64', 64]]],
    ['cpu', ['-1', 'x'], [['0', 0]]],
  ] as const)('values of the kind %s', (kind, wrong, right) => {
    for (const text of wrong) expect(OPTION_TYPES[kind].parse(text), text).toBeUndefined();
    for (const [text, value] of right) expect(OPTION_TYPES[kind].parse(text)).toBe(value);
  });

  it.each([
    [['opensnoop', '--nosuch'], 2, "unknown option '--nosuch'"],
    [['opensnoop', '-p', '0'], 2, 'a process id (1 to 4194304) is needed'],
    [['trace'], 2, "missing required argument 'probe'"],
    [['vfsstat', '1', '2', '3'], 2, 'too many arguments'],
    [['vfsstat', 'soon'], 1, "interval must be a number above zero, not 'soon'"],
    [['trace', 'vfs_raed'], 1, 'nearest: vfs_read'],
    [['execsnoop', '-n', '('], 1, 'is no regular expression'],
  ] as const)('%o', (args, expected, message) => {
    const { status, stderr, stdout } = skep([...args, '--workload', 'shell']);
    expect({ status, stdout }).toEqual({ status: expected, stdout: '' });
    expect(stderr).toMatch(/^skep: /);
    expect(stderr.split('\n')[0]).toContain(message);
  });
});

describe('the same on the command line', () => {
  it('--ebpf needs nothing to trace', () => {
    const { status, stdout } = skep(['execsnoop', '--ebpf', '-u', 'root']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^#define FILTER_UID 0\n#define MAX_ARGS 20\n/);
  });

  it("a tool's --duration is its own", () => {
    const { status, stdout } = skep(['opensnoop', '-d', '1', '--workload', 'shell']);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(4);
  });

  it('a flag that may be given several times', () => {
    const { stdout } = skep(['opensnoop', '-f', 'O_WRONLY', '-f', 'O_RDWR', '--workload', 'shell']);
    expect(stdout).toContain('/tmp/out');
    expect(stdout).not.toContain('/etc/hostname');
  });

  it('a reader that goes away ends the run as it ends cat: by SIGPIPE, quietly', () => {
    const { stdout, stderr } = spawnSync(
      'bash',
      [
        '-c',
        `"${process.execPath}" "${SKEP}" trace t:raw_syscalls:sys_enter --workload shell | head -1; echo "\${PIPESTATUS[0]}"`,
      ],
      { encoding: 'utf8' },
    );
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^PID/);
    // 0 when it was done before head went away.
    expect(['141', '0']).toContain(lines[1]);
    expect(stderr).toBe('');
  });

  it('a pipe that is closed already', async () => {
    const child = spawn(process.execPath, [SKEP, 'opensnoop', '--workload', 'shell'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const end = await new Promise((done) => child.on('close', (code, signal) => done({ code, signal })));
    expect(end).toEqual({ code: null, signal: 'SIGPIPE' });
    expect(stderr).toBe('');
  });
});

describe.skipIf(tracingProblem !== undefined)(`Ctrl-C${tracingProblem ? ` (${tracingProblem})` : ''}`, () => {
  it('has the counts printed that there are, and ends the command', async () => {
    let sent = false;
    const { stdout, status } = await skepAsync(
      ['funccount', '-i', '1', 'vfs_*', '--', 'sh', '-c', 'while :; do read line < /etc/hostname; done'],
      (child, text) => {
        // After the first report there is something to count again.
        if (sent || !text().includes('vfs_read')) return;
        sent = true;
        child.kill('SIGINT');
      },
    );
    expect(stdout).toMatch(/^Tracing \d+ functions/);
    expect(stdout.match(/^vfs_read +\d+$/gm)!.length).toBeGreaterThanOrEqual(1);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('Detaching...');
    expect(status).toBe(130);
  });
});
