/**
 * What `npm run package` makes, as a stranger gets it: tarballs installed into an empty folder, no C++ compiler on PATH, no script run.
 * Takes half a minute and the registry (the dependencies, other versions of Node), so it runs where SKEP_SLOW=1 asks for it, as .ci/run does.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addonProblem } from '../../bindings/addon/index.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'skep-package-'));
const bin = join(folder, 'bin');
const out = join(folder, 'out');
const home = join(folder, 'home');
const MOV5 = 'b700000005000000\n9500000000000000\n';

const missing = process.env.SKEP_SLOW ? addonProblem() : 'SKEP_SLOW is not set';

function run(command: string, args: readonly string[], { cwd = home, input = '' } = {}) {
  return spawnSync(command, args, {
    cwd,
    input,
    encoding: 'utf8',
    env: { ...process.env, PATH: bin },
    maxBuffer: 1 << 26,
  });
}

/** The first file of that name on PATH. */
function which(name: string): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter))
    try {
      if (readdirSync(directory).includes(name)) return join(directory, name);
    } catch {
      // No such folder.
    }
  return undefined;
}

const vm = (args: readonly string[], node = process.execPath, before: readonly string[] = []) =>
  run(node, [...before, join(home, 'node_modules/.bin/skep-vm'), ...args], { input: MOV5 });

describe.skipIf(missing !== undefined)(`the published package${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let manifest: Record<string, unknown>;
  let files: string[];

  beforeAll(() => {
    mkdirSync(bin);
    mkdirSync(home);
    for (const name of ['node', 'npm', 'npx', 'sh', 'env']) {
      const path = name === 'node' ? process.execPath : which(name);
      if (path) symlinkSync(path, join(bin, name));
    }
    const made = spawnSync(process.execPath, [join(root, 'scripts/package.mjs'), '--out', out, '--no-build'], {
      encoding: 'utf8',
    });
    expect(made.stderr.replaceAll(/^(npm warn| INFO).*\n/gm, '')).toBe('');
    expect(made.status).toBe(0);
    const tarballs = readdirSync(out).filter((name) => name.endsWith('.tgz'));
    expect(tarballs.length).toBe(2);
    const installed = run('npm', ['install', '--prefer-offline', ...tarballs.map((name) => join(out, name))]);
    expect(installed.status, installed.stderr).toBe(0);
    manifest = JSON.parse(
      spawnSync('cat', [join(home, 'node_modules/skep/package.json')], { encoding: 'utf8' }).stdout,
    );
    files = readdirSync(join(home, 'node_modules/skep'), { recursive: true, encoding: 'utf8' });
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('runs no script at installation and carries no C++', () => {
    expect(manifest['scripts']).toBeUndefined();
    expect(manifest['devDependencies']).toBeUndefined();
    expect(manifest['gypfile']).toBe(false);
    expect(files.filter((name) => /\.(cc|h|gyp|node|tsbuildinfo)$/.test(name))).toEqual([]);
    const platforms = Object.entries(manifest['optionalDependencies'] as Record<string, string>);
    expect(platforms.length).toBe(1);
    expect(platforms[0]![1]).toBe(manifest['version']);
  });

  it('runs the native engine from the platform package', () => {
    const { stdout, stderr, status } = vm(['--engine', 'native']);
    expect({ stdout, stderr, status }).toEqual({ stdout: '0x5\n', stderr: '', status: 0 });
  });

  it.each(['20', '22', '24'])('loads the same addon on Node %s', (version) => {
    const node = run('npx', ['-y', `node@${version}`, '-p', 'process.execPath']);
    expect(node.status, node.stderr).toBe(0);
    const { stdout, stderr, status } = vm(['--engine', 'native'], node.stdout.trim());
    expect({ stdout, stderr, status }).toEqual({ stdout: '0x5\n', stderr: '', status: 0 });
  });

  it('goes on with the JIT where the platform package is missing, and says so in one line', () => {
    for (const name of readdirSync(join(home, 'node_modules')).filter((name) => name.startsWith('skep-')))
      rmSync(join(home, 'node_modules', name), { recursive: true });
    expect(vm(['--engine', 'auto'])).toMatchObject({ stdout: '0x5\n', stderr: '', status: 0 });
    const refused = vm(['--engine', 'native']);
    expect(refused.status).not.toBe(0);
    expect(refused.stdout).toBe('');
    expect(refused.stderr).toMatch(/^skep-vm: .*no platform package for \S+ is installed[^\n]*\n$/);
    const features = run(process.execPath, [join(home, 'node_modules/.bin/skep'), 'features']);
    expect(features.status).toBe(0);
    expect(features.stdout).toMatch(/^engine jit +yes/m);
    expect(features.stdout.split('\n').filter((line) => line.includes('no platform package')).length).toBe(1);
  });
});
