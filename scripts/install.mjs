// Builds the native addon where that is possible, and goes without it where it is not: everything but live tracing works all the same,
// so this never fails. Quiet when it succeeds; one line when it goes without. The chatter of node-gyp goes to build/install.log.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function onPath(name) {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const suffix of suffixes) {
      try {
        accessSync(join(directory || '.', name + suffix), constants.X_OK);
        return true;
      } catch {
        // Not here.
      }
    }
  }
  return false;
}

/** The first word of $CXX may be a wrapper; what counts is that something can be started. */
function compiler() {
  const asked = process.env.CXX?.trim().split(/\s+/)[0];
  if (asked) return asked.includes('/') ? existsSync(asked) : onPath(asked);
  return process.platform === 'win32' || ['c++', 'g++', 'clang++'].some(onPath);
}

/** Where include/node/node_api.h is: beside the running node, or where npm's nodedir setting says. Never downloaded. */
function headers() {
  const candidates = [
    process.env.npm_config_nodedir,
    process.env.npm_package_config_node_gyp_nodedir,
    join(dirname(process.execPath), '..'),
  ];
  return candidates.find((directory) => directory && existsSync(join(directory, 'include/node/node_api.h')));
}

/** Undefined when the addon was built, else why not. */
function build() {
  if (!compiler()) return 'no C++ compiler on PATH';
  if (process.platform !== 'win32' && !onPath('make')) return 'no make on PATH';
  if (!['python3', 'python'].some(onPath) && !process.env.npm_config_python) return 'no Python on PATH for node-gyp';
  const nodedir = headers();
  if (!nodedir) return `no Node headers beside ${process.execPath}`;
  let gyp;
  try {
    gyp = createRequire(join(root, 'package.json')).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return 'node-gyp is not installed';
  }
  const arguments_ = [gyp, 'rebuild', `--nodedir=${nodedir}`, '--jobs=max'];
  const run = spawnSync(process.execPath, arguments_, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  mkdirSync(join(root, 'build'), { recursive: true });
  const log = join(root, 'build', 'install.log');
  writeFileSync(log, `${run.stdout ?? ''}${run.stderr ?? ''}${run.error ?? ''}\n`);
  return run.status === 0 ? undefined : 'it did not compile, see build/install.log';
}

let problem;
try {
  problem = build();
} catch (error) {
  problem = error instanceof Error ? error.message : String(error);
}
if (problem) {
  process.stdout.write(
    `skep: native addon not built (${problem}): live tracing and the native engine are off, everything else works\n`,
  );
}
