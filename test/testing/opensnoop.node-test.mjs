// A shipped tool tested with node:test, as a user of the package would: run by test/testing/runners.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestKernel } from 'skep/testing';

test('opensnoop prints a line for every open', async () => {
  const k = new TestKernel({
    workload(world) {
      const task = world.spawn({ comm: 'editor', uid: 1000 });
      task.open('/home/me/notes.txt', 0o102);
      task.open('/root/secret', 0, -13);
    },
  });
  const { lines, warnings } = await k.tool('opensnoop', ['-U']);
  assert.deepEqual(lines, [
    'UID   PID    COMM               FD ERR PATH',
    '1000  1000   editor              3   0 /home/me/notes.txt',
    '1000  1000   editor             -1  13 /root/secret',
  ]);
  assert.deepEqual(warnings, []);
  k.close();
});
