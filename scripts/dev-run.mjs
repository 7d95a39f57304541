// Runs a TypeScript program of the tests (the fuzzer, the benchmarks): bundles it beside the dependencies and imports it.
//   node scripts/dev-run.mjs test/fuzz/main.ts [arguments]
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [source, ...args] = process.argv.slice(2);
const outfile = join(root, 'node_modules/.cache/skep', `${basename(dirname(source))}-${process.pid}.mjs`);
await build({
  entryPoints: [join(root, source)],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.17',
  external: ['esbuild', 'fengari', 'luaparse', 'node:*'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  loader: { '.c': 'text', '.lua': 'text' },
  logLevel: 'warning',
});
process.argv.splice(1, process.argv.length - 1, outfile, ...args);
try {
  await import(pathToFileURL(outfile).href);
} finally {
  const { rmSync } = await import('node:fs');
  rmSync(outfile, { force: true });
}
