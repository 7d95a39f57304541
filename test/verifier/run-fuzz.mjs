// npm run fuzz:verifier: bundles fuzz.ts (Node 20 runs no TypeScript) next to the oracle's source and runs it.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const outfile = fileURLToPath(new URL(`.fuzz-${process.pid}.mjs`, import.meta.url));
await build({
  entryPoints: [fileURLToPath(new URL('fuzz.ts', import.meta.url))],
  bundle: true,
  platform: 'node',
  format: 'esm',
  outfile,
  logLevel: 'error',
});
try {
  const { main } = await import(outfile);
  process.exitCode = await main();
} finally {
  rmSync(outfile, { force: true });
}
