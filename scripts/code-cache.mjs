// The bytecode that tools/cli/launch.ts starts a bundle from: runs what its commands commonly run, so that V8 has compiled those functions,
// and keeps what V8 made of them. `node scripts/code-cache.mjs BUNDLE`, started by scripts/build.mjs.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { cacheFile, run, scriptOf } = createRequire(import.meta.url)(join(root, 'dist/launch.cjs'));
const object = join(tmpdir(), `skep-cache-${process.pid}.o`);
const replay = ['--replay', join(root, 'data/connects.rec.jsonl')];

/** Bundle -> what to do with its entry points. */
const WARM_UPS = {
  skep: async ({ inline }) => {
    const { runHere } = inline();
    await runHere(['compile', join(root, 'tools/tcpv4connect/tcpv4connect.c'), '-o', object]);
    await runHere(['hello', ...replay]);
    await runHere(['tcpv4connect', ...replay]);
    await runHere(['run', join(root, 'tools/tcpv4connect/tcpv4connect.lua'), ...replay]);
    rmSync(object, { force: true });
  },
  // A program comes by standard input: whoever starts this gives one.
  'skep-vm': async ({ main }) => {
    process.argv.length = 2;
    main();
  },
};

const bundle = process.argv[2];
const script = scriptOf(bundle);
process.once('beforeExit', () => {
  process.exitCode = 0;
  // Nobody may meet half a file.
  const file = cacheFile(bundle);
  writeFileSync(`${file}.${process.pid}`, script.createCachedData());
  renameSync(`${file}.${process.pid}`, file);
});
await WARM_UPS[bundle](run(bundle, script));
