/** A TypeScript program of a user's own on a real command, as README shows it: what it prints comes out, through console and streams alike. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { skepAsync, temporary, tracingProblem } from './skep.ts';

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
