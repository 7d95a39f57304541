import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEADER, has, root, rows, SKEP, skepAsync, temporary, tracingProblem } from './skep.ts';

let server: Server;
let port = 0;
/** A port that refuses: it was ours and is closed again. */
let closed = 0;

beforeAll(async () => {
  server = createServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  closed = (other.address() as AddressInfo).port;
  other.close();
});
afterAll(() => server.close());

/** Commands in four languages, each connecting once to `port` and once to `closed`. */
const COMMANDS: Record<string, () => string[]> = {
  node: () => [
    process.execPath,
    '-e',
    `const net = require('node:net');
     const go = (p, then) => net.connect(p, '127.0.0.1').on('error', () => {}).resume().on('close', then ?? (() => {}));
     go(${port}, () => go(${closed}));`,
  ],
  python3: () => [
    'python3',
    '-c',
    `import socket
for p in (${port}, ${closed}):
    s = socket.socket()
    try:
        s.connect(('127.0.0.1', p)); s.recv(100)
    except ConnectionRefusedError:
        pass
    s.close()`,
  ],
  bash: () => [
    'bash',
    '-c',
    `exec 3<>/dev/tcp/127.0.0.1/${port}; exec 3>&-; exec 3<>/dev/tcp/127.0.0.1/${closed}; true`,
  ],
  curl: () => ['sh', '-c', `curl -s http://127.0.0.1:${port}/; curl -s http://127.0.0.1:${closed}/; true`],
};

/**
 * What strace says of a run of the command: every IPv4 connect of a stream socket with the name of the process, in order.
 * The name follows from the calls that set it (execve, prctl PR_SET_NAME; the kernel cuts it to 15 bytes): strace's own -Y
 * reads /proc once and may print the name from before an exec, as a version manager's python3 (a shell script) shows.
 */
async function straced(command: readonly string[]): Promise<{ comm: string; daddr: string; dport: number }[]> {
  const file = join(temporary(), 'trace');
  const child = spawn(
    'strace',
    ['-f', '-qq', '-Y', '-s', '256', '-e', 'trace=connect,socket,execve,prctl', '-o', file, ...command],
    { stdio: 'ignore' },
  );
  await once(child, 'close');
  const names = new Map<string, string>();
  const entered = new Map<string, string>();
  const found: { comm: string; daddr: string; dport: number }[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const head = /^(\d+)<([^>]*)>\s+(.*)$/.exec(line);
    if (!head) continue;
    const [, pid, shown, call] = head as unknown as [string, string, string, string];
    const exec = /^execve\("([^"]*)"/.exec(call);
    if (exec) entered.set(pid, exec[1]!.split('/').at(-1)!.slice(0, 15));
    if (/^(execve\(|<\.\.\. execve resumed).* = 0$/.test(call)) names.set(pid, entered.get(pid)!);
    const renamed = /^prctl\(PR_SET_NAME, "([^"]*)"/.exec(call);
    if (renamed) names.set(pid, renamed[1]!.slice(0, 15));
    const connect = /^connect\(.*sa_family=AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)/.exec(
      call,
    );
    if (connect) found.push({ comm: names.get(pid) ?? shown, daddr: connect[2]!, dport: Number(connect[1]) });
  }
  return found;
}

const canStrace = has('strace') && spawnSync('strace', ['-qq', '-Y', '-o', '/dev/null', 'true']).status === 0;

describe.skipIf(tracingProblem !== undefined)(
  `tcpv4connect on a real command${tracingProblem ? ` (skipped: ${tracingProblem})` : ''}`,
  () => {
    for (const [language, command] of Object.entries(COMMANDS)) {
      const missing = !canStrace ? 'strace' : language !== 'node' && !has(language) ? language : undefined;
      it.skipIf(missing !== undefined)(
        `prints for ${language} what strace shows${missing ? ` (skipped: no ${missing})` : ''}`,
        async () => {
          const expected = await straced(command());
          const { stdout, stderr, status } = await skepAsync(['tcpv4connect', '--', ...command()]);
          expect(stderr).not.toContain('skep');
          expect(status).toBe(0);
          expect(rows(stdout).map(({ comm, daddr, dport }) => ({ comm, daddr, dport }))).toEqual(expected);
          expect(expected.map((e) => e.dport)).toEqual([port, closed]);
          for (const row of rows(stdout)) expect(row.saddr).toBe('127.0.0.1');
        },
      );
    }

    it('prints the pids of the processes, the demonstration of npm start', async () => {
      const { stdout, status } = await skepAsync([
        'tcpv4connect',
        '--',
        process.execPath,
        join(root, 'tools/demo/connects.mjs'),
      ]);
      expect(status).toBe(0);
      const seen = rows(stdout);
      expect(seen.length).toBe(4);
      expect(new Set(seen.map((row) => row.pid)).size).toBe(2);
      expect(new Set(seen.map((row) => row.dport)).size).toBe(1);
      expect(seen[0]!.pid).toBe(seen[1]!.pid);
      expect(seen[0]!.pid).toBe(seen[3]!.pid);
    });

    it('leaves output, exit status and signals to the command', async () => {
      const said = await skepAsync(['tcpv4connect', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
      expect(said).toMatchObject({ status: 7, stderr: 'err\n' });
      expect(said.stdout.split('\n').sort()).toEqual(['', HEADER, 'out']);
      const killed = await skepAsync(['tcpv4connect', '--', 'sh', '-c', 'kill -TERM $$']);
      expect(killed.signal).toBe('SIGTERM');
    });

    it('traces 200 short processes in parallel: none missed, none doubled', async () => {
      const script = `for i in $(seq 200); do bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}; exec 3>&-; echo $$' & done; wait`;
      const { stdout, status } = await skepAsync(['tcpv4connect', '--', 'bash', '-c', script]);
      expect(status).toBe(0);
      const lines = stdout.trimEnd().split('\n');
      const said = lines.filter((line) => /^\d+$/.test(line)).map(Number);
      const seen = rows([HEADER, ...lines.filter((line) => line !== HEADER && !/^\d+$/.test(line))].join('\n'));
      expect(said.length).toBe(200);
      expect(seen.map((row) => row.pid).sort((a, b) => a - b)).toEqual(said.sort((a, b) => a - b));
    });

    it('ends with its command at Ctrl-C, and leaves nothing behind', async () => {
      let target = 0;
      const { status, stdout } = await skepAsync(
        ['tcpv4connect', '--', 'bash', '-c', 'echo $$; exec sleep 1000'],
        (child, text) => {
          const pid = /^(\d+)$/m.exec(text());
          if (pid && target === 0) {
            target = Number(pid[1]);
            child.kill('SIGINT');
          }
        },
      );
      expect(status).toBe(130);
      expect(stdout).toContain(HEADER);
      expect(() => process.kill(target, 0)).toThrow('ESRCH');
    });

    it('lets the command run on after --duration', async () => {
      const { status, stdout } = await skepAsync([
        'tcpv4connect',
        '--duration',
        '0.2',
        '--',
        'sh',
        '-c',
        `sleep 0.6; exec 2>&1; bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}'; echo done`,
      ]);
      expect(status).toBe(0);
      expect(stdout).toBe(`${HEADER}\ndone\n`);
    });

    it('runs as an unprivileged user', async (context) => {
      if (process.getuid?.() !== 0 || !has('setpriv')) return context.skip('not root, or no setpriv');
      // The checkout may lie where nobody may look.
      if (spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-r', SKEP]).status !== 0)
        return context.skip('the checkout is not readable for others');
      const run = spawn(
        'setpriv',
        [
          '--reuid=65534',
          '--regid=65534',
          '--clear-groups',
          process.execPath,
          SKEP,
          'tcpv4connect',
          '--',
          'bash',
          '-c',
          `exec 3<>/dev/tcp/127.0.0.1/${port}`,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let stdout = '';
      run.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      const [status] = await once(run, 'close');
      expect(status).toBe(0);
      expect(rows(stdout).map((row) => row.dport)).toEqual([port]);
    });
  },
);
