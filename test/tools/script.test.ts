/**
 * A TypeScript program of a user's own on a real command, as README shows it: what it prints comes out, through console and streams alike, and what
 * ends it is one line with its place.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { skep, skepAsync, temporary, tracingProblem } from './skep.ts';

const TEXT = `import { BPF } from 'skep';

const b = new BPF({ text: \`
BPF_HASH(counts, u32);
int kprobe__vfs_read(void *ctx)
{
    counts.increment(bpf_get_current_pid_tgid() >> 32);
    return 0;
}\` });
b.wait();
for (const [pid, n] of b.getTable('counts')) console.log(\`\${pid} read \${n} times\`);
await new Promise((resolve) => setTimeout(resolve, 10));
process.stdout.write('on stdout\\n');
console.error('on stderr');
`;

describe.skipIf(tracingProblem !== undefined)(
  `a script on a real command${tracingProblem ? ` (skipped: ${tracingProblem})` : ''}`,
  () => {
    it('prints what it counted', async () => {
      const file = join(temporary(), 'count.ts');
      writeFileSync(file, TEXT);
      const { stdout, stderr, status } = await skepAsync(['run', '--backend', 'model', file, '--', 'cat', '/dev/null']);
      expect(stderr).toBe('on stderr\n');
      expect(status).toBe(0);
      expect(stdout).toMatch(/^\d+ read \d+ times\non stdout\n$/);
    });
  },
);

describe('what ends a script is one line, with the place in the script', () => {
  const NEW = `import { BPF } from 'skep';
type Shift = 'lines of TypeScript are not those that run';
const b = new BPF({ text: 'int f(void *ctx) { return 0; }' });
`;
  it.each([
    ['an error of ours', 'a.ts', `${NEW}b.getTable('none');`, "a.ts:4: there is no table 'none'"],
    ['its own error', 'a.ts', `${NEW}throw new Error('mine');`, 'a.ts:4: mine'],
    ['what is no error', 'a.ts', `throw 'text';`, 'text'],
    ['a wrong name', 'a.ts', `${NEW}(b as any).nothing();`, 'a.ts:4: TypeError: b.nothing is not a function'],
    ['a wrong argument', 'a.ts', `${NEW}(b as any).attachKprobe();`, /^a\.ts:4: .*attachKprobe: takes an object/],
    [
      'a timer',
      'a.ts',
      `setTimeout(() => {\n  throw new RangeError('late');\n}, 1);\nawait new Promise((r) => setTimeout(r, 5000));`,
      'a.ts:2: RangeError: late',
    ],
    ['a forgotten promise', 'a.ts', `${NEW}void Promise.reject(new Error('lost'));`, 'a.ts:4: lost'],
    ['a file that is not there', 'a.js', `import 'node:fs';\nprocess.chdir('/none');`, /^a\.js:2: ENOENT: .*\/none/],
    ['no TypeScript', 'a.ts', `${NEW}const = 3;`, 'a.ts:4: SyntaxError: Expected identifier but found "="'],
    ['no JavaScript', 'a.js', 'const x = 1;\nconst = 3;', 'a.js:2: SyntaxError: Expected identifier but found "="'],
    [
      'a name that skep does not have',
      'a.ts',
      `\nimport { BPFF } from 'skep';\nnew BPFF();`,
      /^a\.ts:2: SyntaxError: .*'BPFF'/,
    ],
    [
      'a package that is not there',
      'a.ts',
      `import x from 'no-such';\nx();`,
      /^Cannot find package 'no-such' imported from .*a\.ts$/,
    ],
  ])('%s', (_what, name, text, said) => {
    const cwd = temporary();
    writeFileSync(join(cwd, name), text);
    const { stderr, stdout, status } = skep(['run', '--workload', 'connects', name], { cwd });
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
    expect(stderr).toMatch(/^skep: [^\n]*\n$/);
    const line = stderr.slice('skep: '.length, -1);
    if (typeof said === 'string') expect(line).toBe(said);
    else expect(line).toMatch(said);
  });
});
