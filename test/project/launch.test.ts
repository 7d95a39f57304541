/** The built package starts from bytecode where V8 takes it, and without it where it does not (tools/cli/launch.ts). */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type * as Launch from '../../tools/cli/launch.ts';
import { root, temporary } from '../tools/skep.ts';

const dist = join(root, 'dist');
const launch = createRequire(import.meta.url)(join(dist, 'launch.cjs')) as typeof Launch;
const BUNDLES = ['skep', 'skep-vm'];

describe('bytecode', () => {
  for (const bundle of BUNDLES) {
    it(`of ${bundle} was kept, and V8 takes it`, () => {
      expect(existsSync(launch.cacheFile(bundle)), launch.cacheFile(bundle)).toBe(true);
      expect(launch.scriptOf(bundle, readFileSync(launch.cacheFile(bundle))).cachedDataRejected).toBe(false);
    });
  }
});

describe('a package without usable bytecode', () => {
  const copy = temporary();
  afterAll(() => rmSync(copy, { recursive: true, force: true }));
  // Dependencies and data by links would be found by their real path, outside of the copy: what these commands need is copied.
  for (const name of ['package.json', 'dist', 'data']) {
    cpSync(join(root, name), join(copy, name), {
      recursive: true,
      filter: (path) => !/dist[/\\](?:types|core\.js)/.test(path),
    });
  }
  const caches = readdirSync(join(copy, 'dist')).filter((name) => name.endsWith('.bin'));
  const version = (): string => {
    const run = spawnSync(process.execPath, [join(copy, 'dist/bin/skep.js'), '--version'], { encoding: 'utf8' });
    return `${run.stdout}${run.stderr}`;
  };

  it('starts with garbage in its place', () => {
    for (const name of caches) writeFileSync(join(copy, 'dist', name), 'no bytecode at all, of no length that fits');
    expect(version()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('starts with nothing in its place', () => {
    for (const name of caches) rmSync(join(copy, 'dist', name));
    expect(version()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('runs scripts, which see the objects of the command', () => {
    mkdirSync(join(copy, 'scripts'));
    const script = join(copy, 'scripts/look.mjs');
    writeFileSync(
      script,
      "import { BPF } from 'skep'; import { BpfError } from 'skep/core';\ntry { new BPF({ text: 'int f(' }) } catch (e) { console.log(e instanceof BpfError, e.code) }\n",
    );
    const args = [join(copy, 'dist/bin/skep.js'), 'run', '--workload', 'shell', script];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(`${run.stdout}${run.stderr}`).toBe('true COMPILE\n');
  });
});

describe('what the package exports', () => {
  it('is one copy, by whichever name it is imported', async () => {
    const [library, core] = await Promise.all([import(join(dist, 'index.js')), import(join(dist, 'core.node.js'))]);
    expect(library.BpfError).toBe(core.BpfError);
  });
});
