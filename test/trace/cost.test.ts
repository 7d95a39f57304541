/**
 * What a hooked call costs, beside strace in the same run: `SKEP_BENCH=1 npx vitest run test/trace/cost`. Prints nanoseconds a call (best of
 * three, interleaved, since other work disturbs both). Not part of the suite: a busy machine proves nothing.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { bundle } from './bundle.ts';
import { onPath, python } from './harness.ts';

const missing = process.env['SKEP_BENCH']
  ? onPath('strace') && python
    ? undefined
    : 'no strace or python3'
  : 'set SKEP_BENCH=1';

const CALLS = 20_000;
/** A loop of calls of the C library's getppid, times itself, and writes nanoseconds a call to a file. */
const LOOP = `
import os, sys, time
call = os.getppid
for _ in range(500): call()
start = time.perf_counter_ns()
for _ in range(${CALLS}): call()
with open(sys.argv[1], 'w') as f: f.write(str((time.perf_counter_ns() - start) // ${CALLS}))
`;

/** As the tools run: a worker traces, delivers, and nothing else happens. */
const WORKER = `
import { workerData, parentPort } from 'node:worker_threads';
const source = new TraceSource({ command: workerData.command });
source.start([{ nr: workerData.nr, exit: workerData.exit }]);
let events = 0;
while (source.pump(-1, () => { events++; return workerData.quiet; }) === 'ready');
parentPort.postMessage(events);
`;

describe.skipIf(missing)(`the cost of a hooked call ${missing ?? ''}`, () => {
  it('beside strace', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'skep-cost-'));
    const file = join(directory, 'ns');
    const best = new Map<string, number>();
    const run = async (name: string, go: (command: string[]) => unknown): Promise<void> => {
      rmSync(file, { force: true });
      await go([python!, '-c', LOOP, file]);
      const ns = Number(readFileSync(file, 'utf8'));
      best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, ns));
    };
    const straced = (prefix: string[]) => (command: string[]) =>
      spawnSync(prefix[0]!, [
        ...prefix.slice(1),
        '--seccomp-bpf',
        '-f',
        '-e',
        'trace=getppid',
        '-o',
        '/dev/null',
        ...command,
      ]);
    const ours = (nr: number, exit: boolean, quiet: boolean) => (command: string[]) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(bundle(WORKER), { eval: true, workerData: { command, nr, exit, quiet } });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    for (let round = 0; round < 3; round++) {
      await run('not traced', (command) => spawnSync(command[0]!, command.slice(1)));
      await run('strace --seccomp-bpf -f', straced(['strace']));
      await run('the same on one CPU', straced(['taskset', '-c', '0', 'strace']));
      await run('skep, entry and exit', ours(110, true, false));
      await run('skep, entry and exit, deliver answers true', ours(110, true, true));
      await run('skep, entry', ours(110, false, false));
      await run('skep, not hooked', ours(42, true, false));
    }
    rmSync(directory, { recursive: true });
    for (const [name, ns] of best) process.stdout.write(`${String(ns).padStart(8)} ns  ${name}\n`);
    expect(best.get('skep, entry and exit')!).toBeLessThan(best.get('strace --seccomp-bpf -f')! * 1.2);
  });
});
