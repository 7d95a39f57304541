/** The `skep` command on the running kernel: the same script on both backends, how runs end, what is left. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelAtLeast } from '../../bindings/linux/machine.ts';
import { tracefsRoot } from '../../bindings/linux/tracefs.ts';
import { root, SKEP, skep, skepAsync, tracingProblem } from '../tools/skep.ts';
import { afterwards, kernelIds, noKernel, noTracefs, scratch, title } from './machine.ts';

/** A tool's rows without the numbers of processes, which differ from run to run. */
function rows(stdout: string): string[] {
  return stdout.split('\n').map((line) => line.replace(/^([a-z]+ +)?\d+( +\d+)?/, '$1PID'));
}

const noBoth = noTracefs ?? tracingProblem;
describe.skipIf(noBoth)(title('one script on both backends', noBoth), () => {
  it.each([
    ['opensnoop', [], ['cat', '/etc/hostname', '/no/such/file']],
    ['opensnoop', ['-x'], ['sh', '-c', 'cat /no/such/file 2>/dev/null; exit 3']],
    ['execsnoop', [], ['sh', '-c', 'date >/dev/null; (/bin/echo hi >/dev/null); exit 5']],
  ])('%s %j -- %j', (tool, options, command) => {
    const [model, linux] = ['model', 'linux'].map((backend) =>
      skep([tool, ...options, '--backend', backend, '--', ...command]),
    );
    const of = (stdout: string) =>
      rows(stdout)
        .filter((line) => line.includes('PID'))
        .sort();
    expect(of(linux!.stdout)).toEqual(of(model!.stdout));
    expect(linux!.stdout.split('\n').length).toBeGreaterThan(2);
    expect(linux!.status).toBe(model!.status);
    expect(linux!.stderr).toBe(model!.stderr);
  });

  const SCRIPTS = join(root, 'test/live/scripts');
  it.each([
    ['opensnoop in TypeScript', [join(SCRIPTS, 'opens.ts')], /^PID cat -2 \/no\/such$/m],
    ['opensnoop in Lua', [join(root, 'tools/opensnoop/opensnoop.lua')], /^PID +cat +-1 +2 \/no\/such$/m],
    [
      'execsnoop in TypeScript',
      [join(SCRIPTS, 'execs.ts'), join(SCRIPTS, 'execs.c')],
      /^PID sh -> \S*\/cat \/etc\/hostname$/m,
    ],
    [
      'execsnoop in Lua [L.new L.get_table L.t.open_perf_buffer L.poll L.fmtmod]',
      [join(SCRIPTS, 'execs.lua'), join(SCRIPTS, 'execs.c')],
      /^PID sh -> \S*\/cat \/etc\/hostname$/m,
    ],
  ])('%s: one file, the same lines from both', (_name, script, line) => {
    const command = ['sh', '-c', 'cat /etc/hostname /no/such >/dev/null 2>&1; /bin/date >/dev/null; exit 3'];
    const [model, linux] = ['model', 'linux'].map((backend) =>
      skep(['run', '--backend', backend, ...script, '--', ...command]),
    );
    expect(linux).toMatchObject({ status: 3, stderr: '' });
    const lines = rows(linux!.stdout);
    expect(lines.join('\n')).toMatch(line);
    // The running kernel has a buffer for each CPU, and a task that moved between them leaves its events in both.
    expect(lines.sort()).toEqual(rows(model!.stdout).sort());
    expect(model).toMatchObject({ status: 3, stderr: '' });
  });
});

describe.skipIf(noTracefs)(title('how a run ends', noTracefs), () => {
  it('Ctrl-C ends a run of the whole machine, quietly', async () => {
    let sent = false;
    const run = await skepAsync(['opensnoop', '--backend', 'linux'], (child) => {
      if (sent) return;
      sent = true;
      child.kill('SIGINT');
    });
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toContain('PATH');
  });

  it('--duration ends it, and a command that dies by a signal takes it along', () => {
    const timed = skep(['opensnoop', '--backend', 'linux', '--duration', '0.3']);
    expect(timed).toMatchObject({ status: 0, stderr: '' });
    const killed = skep(['execsnoop', '--backend', 'linux', '--', 'sh', '-c', 'kill -TERM $$']);
    expect(killed.signal).toBe('SIGTERM');
    expect(skep(['execsnoop', '--backend', 'linux', '--', '/no/such/command'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("starting the command '/no/such/command': execve: ENOENT"),
    });
  });

  it('after SIGKILL no program, link or map is left', async () => {
    const held = await killedLeaves(['opensnoop', '--backend', 'linux']);
    expect(held.prog.size).toBeGreaterThanOrEqual(6);
    expect(held.map.size).toBeGreaterThanOrEqual(2);
  });

  const cgroups = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];
  it.skipIf(cgroups === undefined)('nor what attachFunc tied to a group and to an interface', async () => {
    const group = `${cgroups}/skep-kill-${process.pid}`;
    mkdirSync(group);
    afterwards(() => rmdirSync(group));
    const file = join(scratch(), 'tied.ts');
    writeFileSync(
      file,
      `import { openSync } from 'node:fs';
       import { BPF, BPFAttachType } from 'skep';
       const b = new BPF({ text: 'int f(struct __sk_buff *skb) { return 1; } int g(struct __sk_buff *skb) { return -1; }' });
       const group = openSync('${group}', 'r');
       b.attachFunc(b.loadFunc('f', BPF.CGROUP_SKB, undefined, BPFAttachType.CGROUP_INET_EGRESS), group, BPFAttachType.CGROUP_INET_EGRESS);
       // lo is 1.
       if (${kernelAtLeast('6.6')}) b.attachFunc(b.loadFunc('g', BPF.SCHED_CLS), 1, BPFAttachType.TCX_INGRESS);
       console.log('tied');
       b.wait();`,
    );
    const held = await killedLeaves(['run', '--backend', 'linux', file]);
    expect(held.prog.size).toBeGreaterThanOrEqual(1);
  });

  /** Starts the command, kills it when it has said something, and waits until what it held is gone; what that was. */
  async function killedLeaves(args: readonly string[]): Promise<ReturnType<typeof heldObjects>> {
    const child = spawn('unshare', ['-n', process.execPath, SKEP, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    afterwards(() => void child.kill('SIGKILL'));
    await new Promise((attached) => child.stdout.once('data', attached));
    const held = heldObjects(child.pid!);
    const left = (): number =>
      (['prog', 'link', 'map'] as const).reduce((sum, kind) => {
        const now = kernelIds(kind.toUpperCase() as 'PROG');
        return sum + [...held[kind]].filter((id) => now.has(id)).length;
      }, 0);
    expect(left()).toBe(held.prog.size + held.link.size + held.map.size);
    const gone = new Promise((done) => child.on('exit', done));
    child.kill('SIGKILL');
    await gone;
    // The kernel frees programs behind the next grace period.
    for (let tries = 0; tries < 200 && left() > 0; tries++) await new Promise((later) => setTimeout(later, 20));
    expect(left()).toBe(0);
    return held;
  }
});

describe.skipIf(noTracefs)(title('the trace pipe of a run', noTracefs), () => {
  it('is gone after SIGKILL, its instance in tracefs too', async () => {
    const file = join(scratch(), 'pipe.ts');
    writeFileSync(
      file,
      `import { BPF } from 'skep';
       const b = new BPF({ text: 'RAW_TRACEPOINT_PROBE(sched_process_free) { return 0; }' });
       b.traceReadline(true);
       console.log('open');
       b.traceReadline();`,
    );
    const child = spawn(process.execPath, [SKEP, 'run', '--backend', 'linux', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    afterwards(() => void child.kill('SIGKILL'));
    await new Promise((open) => child.stdout.once('data', open));
    const instances = (): string[] =>
      readdirSync(`${tracefsRoot()}/instances`).filter((name) => name.startsWith(`skep-${child.pid}-`));
    expect(instances()).toHaveLength(1);
    const gone = new Promise((done) => child.on('exit', done));
    child.kill('SIGKILL');
    await gone;
    for (let tries = 0; tries < 200 && instances().length > 0; tries++)
      await new Promise((later) => setTimeout(later, 20));
    expect(instances()).toEqual([]);
  });
});

/** Ids of the programs, links and maps that a process holds. */
function heldObjects(pid: number): Record<'prog' | 'link' | 'map', Set<number>> {
  const held = { prog: new Set<number>(), link: new Set<number>(), map: new Set<number>() };
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    for (const [, kind, id] of text.matchAll(/^(prog|link|map)_id:\s*(\d+)$/gm)) held[kind as 'prog'].add(Number(id));
  }
  return held;
}

describe.skipIf(noKernel)(title('what cannot be', noKernel), () => {
  it('options that only the model has', () => {
    expect(skep(['opensnoop', '--backend', 'linux', '--replay', 'x'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--replay is for the model kernel'),
    });
    expect(skep(['opensnoop', '--backend', 'moon'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no backend 'moon'"),
    });
  });
});
