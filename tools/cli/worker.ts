/** The worker of the `skep` command: parses the command line and runs it. See skep.ts for the other half. */
import { parentPort, workerData } from 'node:worker_threads';
import { runCommandLine } from './cli.ts';
import { Host } from './host.ts';
import { BROKEN_PIPE, beWorker } from './output.ts';
import type { WorkerEnd, WorkerStart } from './protocol.ts';
import { countTimings } from './timings.ts';

beWorker();
const { flag, began } = workerData as WorkerStart;
countTimings(began);
const host = new Host(flag, (message) => parentPort!.postMessage(message));

let ended = false;
function end(code: number): WorkerEnd {
  ended = true;
  const last = host.finish(code);
  return code === BROKEN_PIPE.status ? { ...last, signal: BROKEN_PIPE.signal } : last;
}

// A script may call process.exit: the command that we trace must still be let go.
process.on('exit', (code) => {
  if (!ended) parentPort!.postMessage(end(code ?? 0));
});

void runCommandLine(process.argv.slice(2), async () => host).then((code) => {
  parentPort!.postMessage(end(code));
  // Whatever a script left pending (timers, watchers) must not hold the command open.
  process.exit(code);
});
