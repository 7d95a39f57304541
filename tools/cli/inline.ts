/** A run on the main thread: no command is traced, so nothing has to be let go but the backend. */
import { runCommandLine } from './cli.ts';
import type { Host } from './host.ts';

export async function runHere(argv: readonly string[]): Promise<void> {
  let host: Host | undefined;
  const code = await runCommandLine(argv, async () => {
    const { Host } = await import('./host.ts');
    host = new Host(new Int32Array(new SharedArrayBuffer(16)), () => {});
    return host;
  });
  process.exitCode = host ? host.finish(code).code : code;
}
