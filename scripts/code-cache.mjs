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

/** What programs have: a loop with arithmetic, stack, constants and a call; a lookup in a map. Requests of `skep-vm --batch`. */
const PROGRAMS = [
  {
    code: `b706000003000000 7b6af8ff00000000 bc60000000000000 3700000003000000 dc00000010000000 61a1f8ff00000000 8510000006000000 6500020009000000
      1706000001000000 5506f8ff00000000 1800000005000000 0000000000000000 9500000000000000 bf10000000000000 6700000002000000 9500000000000000`,
  },
  {
    code: `bfa2000000000000 07020000fcffffff 620afcff01000000 1811000000000000 0000000000000000 8500000001000000 1500020000000000 b701000001000000
      db10000000000000 b700000000000000 9500000000000000`,
    maps: [{ type: 'hash', key_size: 4, value_size: 8, max_entries: 1 }],
  },
];

/** Bundle -> what to do with its entry points. */
const WARM_UPS = {
  skep: async ({ inline }) => {
    const { runHere } = inline();
    await runHere(['compile', join(root, 'tools/tcpv4connect/tcpv4connect.c'), '-o', object]);
    await runHere(['hello', ...replay]);
    await runHere(['tcpv4connect', ...replay]);
    // The options of `run` come before the script.
    await runHere(['run', ...replay, join(root, 'tools/tcpv4connect/tcpv4connect.lua')]);
    rmSync(object, { force: true });
  },
  // A program comes by standard input: whoever starts this gives one.
  'skep-vm': async ({ main, engines, harness }) => {
    process.argv.length = 2;
    main();
    // The command's own choice is to interpret a first run.
    const jit = engines().loadEngine('jit');
    for (const request of PROGRAMS) {
      const answer = harness().answerLine(jit, JSON.stringify(request));
      if (answer.includes('"error"')) throw new Error(answer);
    }
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
