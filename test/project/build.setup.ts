/** Tests of the command run what is built: build it from this very tree first (a fraction of a second, no declarations). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export default function setup(): void {
  if (process.env['SKEP_NO_BUILD']) return;
  const run = spawnSync(process.execPath, [join(import.meta.dirname, '../../scripts/build.mjs'), '--fast'], {
    encoding: 'utf8',
  });
  // A failed build leaves no command behind, so only the tests that need it fail.
  if (run.status !== 0) process.stderr.write(`the build failed:\n${run.stderr}\n`);
}
