// Builds dist/: one bundle with every entry point (one copy of each module, so that a user's script and the command see the same objects),
// the small files that start it, a browser's core, the bytecode that makes it start fast, then the type declarations. `--fast` leaves the
// declarations out.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/**
 * Bundle -> its entry points, which tools/cli/launch.ts opens by name -> source. Each is evaluated when it is first opened. What meets in one
 * process is in one bundle, so that there is one copy of it.
 */
const BUNDLES = {
  skep: {
    library: 'frontends/ts/index.ts',
    core: 'core/index.ts',
    inline: 'tools/cli/inline.ts',
    worker: 'tools/cli/worker.ts',
    testing: 'tools/testing/index.ts',
  },
  'skep-vm': { main: 'tools/vm/skep-vm.ts', engines: 'tools/vm/engines.ts', harness: 'core/vm/harness.ts' },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.17',
  external: ['esbuild', 'fengari', 'luaparse', 'node:*'],
  loader: { '.c': 'text', '.lua': 'text' },
  minifySyntax: true,
  minifyWhitespace: true,
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
};

/** The files of this build, by name in dist/. */
const written = new Set();

/** Somebody may be running what stands there: a file is whole or not there. */
function write(name, text, mode = 0o644) {
  const file = join(dist, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, text);
  chmodSync(`${file}.${process.pid}`, mode);
  renameSync(`${file}.${process.pid}`, file);
  written.add(name);
}

async function bundle(options) {
  const { outputFiles } = await build({ ...common, outdir: dist, write: false, ...options }).catch(() =>
    process.exit(1),
  );
  for (const { path, contents } of outputFiles) write(basename(path), contents);
  return basename(outputFiles[0].path);
}

/** Modules of Node's that take milliseconds to load and that most commands never use: each is loaded when something of it is first looked at. */
const LAZY = ['child_process', 'tty', 'worker_threads', 'zlib'];
const lazyBuiltins = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    const require = createRequire(import.meta.url);
    onResolve({ filter: new RegExp(`^node:(?:${LAZY.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'lazy' ? undefined : { path, namespace: 'lazy' },
    );
    onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({
      contents: `for (const key of ${JSON.stringify(Object.keys(require(path)))})
        Object.defineProperty(exports, key, { enumerable: true, get: () => require('${path}')[key] });`,
    }));
  },
};

const files = {};
for (const [name, entries] of Object.entries(BUNDLES)) {
  files[name] = await bundle({
    stdin: {
      contents: Object.entries(entries)
        .map(([entry, source]) => `exports[${JSON.stringify(entry)}] = () => require('./${source}');\n`)
        .join(''),
      resolveDir: root,
      sourcefile: `${name}.cjs`,
    },
    entryNames: `${name}-[hash]`,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    define: { 'import.meta.url': '__url' },
    banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [lazyBuiltins],
  });
}
await bundle({ entryPoints: { core: 'core/index.ts' }, format: 'esm', platform: 'neutral' });
await bundle({ entryPoints: { loader: 'tools/cli/loader.ts' }, format: 'esm' });
// The command's main thread is small, and opens the bundle only where it runs something itself.
await bundle({
  entryPoints: { main: 'tools/cli/skep.ts' },
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  define: { 'import.meta.url': '__url' },
  banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
  plugins: [
    {
      name: 'launch',
      setup: ({ onResolve }) =>
        onResolve({ filter: /\/launch\.ts$/ }, () => ({ path: './launch.cjs', external: true })),
    },
  ],
});
await bundle({
  entryPoints: { launch: 'tools/cli/launch.ts' },
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  define: { BUNDLES: JSON.stringify(files) },
});
const { cacheFile, open } = createRequire(import.meta.url)(join(dist, 'launch.cjs'));

// What the package exports, with names that `import` can see; the objects are the bundle's own.
for (const [file, entry] of [
  ['index.js', 'library'],
  ['core.node.js', 'core'],
  ['testing.js', 'testing'],
]) {
  const names = Object.keys(open('skep', entry));
  const text = `import { open } from './launch.cjs';\nexport const { ${names.join(', ')} } = open('skep', '${entry}');\n`;
  write(file, text);
}
write('worker.cjs', "require('./launch.cjs').open('skep', 'worker');\n");
write('bin/package.json', '{ "type": "commonjs" }\n');
write('bin/skep.js', "#!/usr/bin/env node\nrequire('../main.cjs');\n", 0o755);
write('bin/skep-vm.js', "#!/usr/bin/env node\nrequire('../launch.cjs').open('skep-vm', 'main');\n", 0o755);

// Without this everything works, only slower.
for (const name of Object.keys(BUNDLES)) {
  const run = spawnSync(process.execPath, [join(root, 'scripts/code-cache.mjs'), name], {
    cwd: root,
    input: 'b700000001000000 9500000000000000',
    encoding: 'utf8',
  });
  if (run.status === 0) written.add(basename(cacheFile(name)));
  else process.stderr.write(`build: no bytecode was kept for ${name}\n${run.stderr}`);
}

// What an earlier build left. Only afterwards: somebody may be running what stands there.
for (const old of readdirSync(dist)) {
  if (!written.has(old) && !['bin', 'types', 'native.cjs'].includes(old)) rmSync(join(dist, old), { recursive: true });
}

if (!process.argv.includes('--fast')) {
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (tsc.status !== 0) process.exit(tsc.status ?? 1);
}
