/**
 * The install script goes without the addon where it must: one line, never a failure, and what is built already stays.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/install.mjs', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'skep-install-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** With a PATH that holds only links to what is named; what is named does nothing but exist. */
function install(
  names: readonly string[],
  env: Record<string, string> = {},
): { stdout: string; status: number | null } {
  const path = mkdtempSync(join(directory, 'path-'));
  for (const name of names) symlinkSync('/bin/true', join(path, name));
  const { stdout, stderr, status } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { PATH: path, ...env },
  });
  expect(stderr).toBe('');
  return { stdout, status };
}

const line = (why: string): string =>
  `skep: native addon not built (${why}): live tracing and the native engine are off, everything else works\n`;

describe.skipIf(process.platform === 'win32')('scripts/install.mjs', () => {
  it.each([
    ['no C++ compiler on PATH', [], {}],
    ['no C++ compiler on PATH', ['c++'], { CXX: '/nonexistent/c++' }],
    ['no make on PATH', ['c++'], {}],
    ['no Python on PATH for node-gyp', ['g++', 'make'], {}],
  ])('says "%s" and succeeds', (why, names, env) => {
    expect(install(names, env)).toEqual({ stdout: line(why), status: 0 });
  });
});
