/** The kit in other runners, from the built package: the example of docs/testing.md and a test of a shipped tool, by node:test. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, test } from 'vitest';
import { TestKernel } from '../../tools/testing/index.ts';

const root = join(import.meta.dirname, '../..');

/** Runs a file with `node --test`; it can import the package by its own name. */
function nodeTest(file: string): { status: number | null; output: string } {
  const env = { ...process.env };
  delete env.NODE_OPTIONS;
  const run = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  return { status: run.status, output: run.stdout + run.stderr };
}

it('node:test runs the test of a shipped tool', () => {
  const { status, output } = nodeTest(join(import.meta.dirname, 'opensnoop.node-test.mjs'));
  expect(output).toMatch(/^# pass 1$/m);
  expect(status).toBe(0);
});

it('the example of docs/testing.md works as it stands', () => {
  const [, example] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/testing.md'), 'utf8'))!;
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/testing-'));
  try {
    const file = join(folder, 'example.test.mjs');
    writeFileSync(file, example!);
    const { status, output } = nodeTest(file);
    expect(output).toMatch(/^# pass 4$/m);
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('vitest runs the same test of the shipped tool', async () => {
  const k = new TestKernel({
    workload(world) {
      const task = world.spawn({ comm: 'editor', uid: 1000 });
      task.open('/home/me/notes.txt', 0o102);
      task.open('/root/secret', 0, -13);
    },
  });
  const { lines } = await k.tool('opensnoop', ['-U']);
  expect(lines.slice(1)).toEqual([
    '1000  1000   editor              3   0 /home/me/notes.txt',
    '1000  1000   editor             -1  13 /root/secret',
  ]);
  k.close();
});
