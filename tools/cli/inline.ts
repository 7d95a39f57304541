/** A run on the main thread: no command is traced, so nothing has to be let go but the backend. */
import { runCommandLine } from './cli.ts';
import { Host } from './host.ts';

export async function runHere(argv: readonly string[]): Promise<void> {
  const host = new Host(new Int32Array(new SharedArrayBuffer(16)), () => {});
  const code = await runCommandLine(argv, host);
  process.exitCode = host.finish(code).code;
}
