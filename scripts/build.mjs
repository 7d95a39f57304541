// Builds dist/: every entry point and what it shares, as ES modules that split (one copy of each module, so that a user's
// script and the command see the same objects), then the type declarations. `--fast` leaves the declarations out.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/** What the package exports and runs: name in dist/ -> source. */
const ENTRIES = {
  index: 'frontends/ts/index.ts',
  core: 'core/index.ts',
  'bin/skep': 'tools/cli/skep.ts',
  'bin/skep-vm': 'tools/vm/skep-vm.ts',
  worker: 'tools/cli/worker.ts',
  loader: 'tools/cli/loader.ts',
};

/** What an earlier build left and this one did not write. Only afterwards: somebody may be running what stands there. */
function removeStale(written) {
  for (const folder of ['chunks', 'bin']) {
    const path = join(dist, folder);
    for (const name of existsSync(path) ? readdirSync(path) : []) {
      if (!written.has(join('dist', folder, name))) rmSync(join(path, name), { recursive: true });
    }
  }
}

const result = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(Object.entries(ENTRIES).map(([name, source]) => [name, join(root, source)])),
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.17',
  external: ['esbuild', 'fengari', 'luaparse', 'node:*'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  chunkNames: 'chunks/[name]-[hash]',
  loader: { '.c': 'text', '.lua': 'text' },
  sourcemap: false,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
}).catch(() => {
  removeStale(new Set());
  process.exit(1);
});
removeStale(new Set(Object.keys(result.metafile.outputs)));
for (const bin of Object.keys(ENTRIES).filter((name) => name.startsWith('bin/')))
  chmodSync(join(dist, `${bin}.js`), 0o755);

if (!process.argv.includes('--fast')) {
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (tsc.status !== 0) process.exit(tsc.status ?? 1);
}
