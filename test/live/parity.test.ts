/**
 * The tests of test/parity that do not depend on the model's world, once more on the running kernel: the same files, with another bench. Which are
 * left out, and why, is told here by name.
 */
import { beforeEach, describe, vi } from 'vitest';
import { noCommand, noTracefs, noUprobes, title } from './machine.ts';

vi.mock('../parity/bench.ts', async (original) => {
  const { world } = await import('./bench.ts');
  const { valuesIn } = await original<typeof import('../parity/bench.ts')>();
  return { world, values: valuesIn(world as never) };
});

const missing =
  noUprobes ??
  noTracefs ??
  noCommand('cc') ??
  noCommand('taskset') ??
  (process.getuid?.() === 0 ? undefined : 'not root');

/** What the running kernel cannot show so: names of tests, and the reason. */
const LEFT_OUT: readonly (readonly [why: string, names: RegExp])[] = [
  [
    'the socket of a uprobe is no socket of the kernel',
    /^(memory of the kernel|the old names read|pointers of the kernel)/,
  ],
  [
    'process ids are made up',
    /^(strings of the kernel|cgroup ids and pid|pid and tgid|lines of the trace|fields of lines|printing of lines)/,
  ],
  ['the machine may have several CPUs', /^(CPUs are a constant|per-CPU tables|LRU tables|put the CPUs together)/],
  [
    'kernel functions: test/guest',
    /^(functions on entry|arguments of functions|functions by BTF|system calls with|registers of a system call)/,
  ],
  [
    'kernel functions: test/guest',
    /^(licences of|stack traces, and|storage on tasks|kernel functions by|returns, with|what can be attached)/,
  ],
  [
    'what the model makes',
    /^(random numbers|user memory is read|stacks by build id|user functions by|perf events by|packets by socket|counters of)/,
  ],
  [
    'what the model makes',
    /^(symbols of processes|stacks go into|bytes of packets|values hang on|raw tracepoints$|raw tracepoints \[P|tracepoints, by)/,
  ],
  ['files of the machine', /^(filters of containers|pinned tables|cgroup arrays|reads files)/],
  ['how fast the reader is', /^(take BCC’s options|say on standard error what was lost)/],
  [
    'names and messages of the model',
    /^(what was compiled|of the verifier say|of compiling, attaching|stop a table|the clock, and the limit)/,
  ],
];

describe.skipIf(missing)(title('on the running kernel', missing), async () => {
  beforeEach((context) => {
    const why = LEFT_OUT.find(([, names]) => names.test(context.task.name))?.[0];
    if (why !== undefined) context.skip(why);
  });
  await import('../parity/c-data.test.ts');
  await import('../parity/c-maps.test.ts');
  await import('../parity/python-tables.test.ts');
  await import('../parity/python-bpf.test.ts');
  await import('../parity/rest.test.ts');
});
