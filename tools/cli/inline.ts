/** A run on the main thread: nothing is under ptrace, so nothing has to be let go but the backend. */
import { runCommandLine } from './cli.ts';
import type { Host } from './host.ts';
import { countTimings } from './timings.ts';

export async function runHere(argv: readonly string[]): Promise<void> {
  countTimings();
  let host: Host | undefined;
  const code = await runCommandLine(argv, async () => {
    const { Host } = await import('./host.ts');
    host = new Host(new Int32Array(new SharedArrayBuffer(16)), () => {});
    return host;
  });
  const end = host ? host.finish(code) : { code };
  if (end.signal !== undefined) {
    // The command died by a signal: so do we, so that the shell sees what it would have seen without us.
    const { addon } = await import('../../bindings/addon/index.ts');
    addon()?.dieBy?.(end.signal);
  }
  process.exitCode = end.code;
}
