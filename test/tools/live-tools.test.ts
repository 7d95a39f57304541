/** Tools on the running kernel, of what this test itself does: needs root, BPF, tracefs. No kprobe is needed: this kernel may have none. */

import { spawn, spawnSync } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { onlineCpus } from '../../bindings/linux/machine.ts';
import { afterwards, compileC, noCommand, noKernel, noTracefs, noUprobes, scratch, title } from '../live/machine.ts';
import { SKEP, skep, skepAsync } from './skep.ts';

/** Runs a tool until `act`, which begins when the tool has printed `ready`, and `seen` are done; then Ctrl-C. */
async function live(
  args: readonly string[],
  ready: RegExp,
  act: () => void,
  seen: RegExp,
): Promise<{ stdout: string; stderr: string; status: number | null }> {
  let acted = false;
  let stopped = false;
  return skepAsync(args, (child, stdout) => {
    if (!acted && ready.test(stdout())) {
      acted = true;
      act();
    }
    if (acted && !stopped && seen.test(stdout())) {
      stopped = true;
      child.kill('SIGINT');
    }
  });
}

describe.skipIf(noTracefs !== undefined)(title('tools on the running kernel', noTracefs), () => {
  it('opensnoop and trace tell of a file that cat opens', async () => {
    const cat = () => void spawnSync('cat', ['/etc/hostname']);
    const open = await live(['opensnoop', '-n', 'cat'], /PATH\n/, cat, /\/etc\/hostname\n/);
    expect(open.stdout).toMatch(/^\d+ +cat +\d+ +0 \/etc\/hostname$/m);
    expect({ stderr: open.stderr, status: open.status }).toEqual({ stderr: '', status: 0 });
    const probe = 't:syscalls:sys_enter_openat "%s", args->filename';
    const trace = await live(['trace', probe, '-n', 'cat', '-f', 'hostname'], / -\n/, cat, /hostname\n/);
    expect(trace.stdout).toMatch(/^\d+ +\d+ +cat +sys_enter_openat +\/etc\/hostname$/m);
  });

  it('tcpconnect sees our connects, by the tracepoint of TCP states where there are no kprobes', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const { stdout, status } = await live(
      ['tcpconnect', '-p', String(process.pid), '-P', String(port)],
      /DPORT/,
      () =>
        connect(port, '127.0.0.1').on('connect', function (this: { destroy(): void }) {
          this.destroy();
        }),
      new RegExp(` ${port} `),
    );
    server.close();
    expect(stdout).toMatch(new RegExp(`^${process.pid} +\\S.{11} 4 +127\\.0\\.0\\.1 +127\\.0\\.0\\.1 +${port} `, 'm'));
    expect(status).toBe(0);
  });

  it('runqlat prints its histogram at Ctrl-C', async () => {
    const { stdout, status } = await live(
      ['runqlat', '-p', String(process.pid), '1', '2'],
      /Tracing/,
      () => {},
      /never/,
    );
    expect(stdout).toMatch(/^ {5}usecs {15}: count {5}distribution$/m);
    expect(status).toBe(0);
  });

  it.skipIf(noUprobes !== undefined)(
    title('trace reads arguments of functions of the C library', noUprobes),
    async () => {
      // It ends by itself at the first.
      const { stdout, status } = await live(
        ['trace', 'c:malloc "%d", arg1', '-n', 'cat', '-M', '1'],
        / -\n/,
        () => void spawnSync('cat', ['/etc/hostname']),
        /never/,
      );
      expect(stdout).toMatch(/^\d+ +\d+ +cat +malloc +\d+$/m);
      expect(status).toBe(0);
    },
  );
});

const noMounts =
  noUprobes ??
  noTracefs ??
  noCommand('cc') ??
  (spawnSync('unshare', ['-m', 'true']).status === 0 ? undefined : 'no mount namespaces (unshare -m)');
it.skipIf(noMounts)(title('a program that only the traced process can see is found', noMounts), async () => {
  const program = compileC(
    '#include <unistd.h>\nint known(int n) { return usleep(1000) + n; } int main(void) { for (;;) known(7); }',
  );
  const hidden = scratch();
  const inside = `mount -t tmpfs none ${hidden} && cp ${program} ${hidden}/inner && echo ready && exec ${hidden}/inner`;
  const child = spawn('unshare', ['-m', 'sh', '-c', inside], { stdio: ['ignore', 'pipe', 'inherit'] });
  afterwards(() => void child.kill('SIGKILL'));
  await new Promise((ready) => child.stdout.once('data', ready));
  while (!readlinkSync(`/proc/${child.pid}/exe`).endsWith('/inner')) await new Promise((later) => setTimeout(later, 1));
  const probe = `${hidden}/inner:known "%d", arg1`;
  const ran = skep(['trace', '--backend', 'linux', '-p', String(child.pid), '-M', '1', '-U', probe]);
  expect(ran).toMatchObject({ stderr: '', status: 0 });
  expect(ran.stdout).toMatch(/inner +known +7\n +known\+0x0 \[inner\]\n/);
  const count = skep(['funccount', '--backend', 'linux', '-p', String(child.pid), '-d', '1', `${hidden}/inner:kno*`]);
  expect(count.stdout).toMatch(/^known +\d+$/m);
});

const noTwoCpus =
  noTracefs ?? noCommand('python3') ?? (onlineCpus().length > 1 ? undefined : 'one CPU, and order is no question');
it.skipIf(noTwoCpus)(title('what one process does is told in its order, wherever it ran', noTwoCpus), () => {
  const cpus = onlineCpus();
  const wandering = `
import os
for i in range(300):
    os.sched_setaffinity(0, {(${cpus[0]}, ${cpus[1]})[i % 2]})
    try: os.open(f'/nonexistent/{i}', os.O_RDONLY)
    except OSError: pass`;
  const { stdout, status } = skep(['opensnoop', '--backend', 'linux', '-x', '--', 'python3', '-c', wandering]);
  expect(status).toBe(0);
  const seen = [...stdout.matchAll(/\/nonexistent\/(\d+)$/gm)].map(([, i]) => Number(i));
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i));
});

it.skipIf(noKernel)(title('a script that never ends does when its reader went away', noKernel), () => {
  const file = join(scratch(), 'ticks.ts');
  writeFileSync(
    file,
    `import { BPF } from 'skep';
const b = new BPF({ text: 'BPF_PERF_OUTPUT(e); int f(void *ctx) { return 0; }' });
b.get('e').openPerfBuffer(() => {});
for (;;) {
  b.perfBufferPoll(10);
  console.log('tick');
}`,
  );
  const piped = 'set -o pipefail; "$@" | head -1';
  const ran = spawnSync('bash', ['-c', piped, 'bash', process.execPath, SKEP, 'run', '--backend', 'linux', file], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  // 128 + SIGPIPE.
  expect(ran).toMatchObject({ stdout: 'tick\n', stderr: '', status: 141 });
});
