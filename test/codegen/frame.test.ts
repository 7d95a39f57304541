/** Where small variables lie: the kernel's verifier remembers a store into a slot only at its 8-byte boundary. */
import { expect, it } from 'vitest';
import { toInsns } from '../../core/isa/insn.ts';
import { MODE, REG_FP } from '../../core/isa/ops.ts';
import { KERNEL } from '../cc/kernel.ts';
import { compileOk } from '../cc/run-c.ts';

const CLASS_STX = 3;

/** Offsets of what a program stores below its frame pointer, as 4-byte words. */
function words(text: string): number[] {
  const [prog] = compileOk(text, KERNEL).progs;
  return toInsns(prog!.insns)
    .filter((i) => (i.opcode & 7) === CLASS_STX && (i.opcode & 0xe0) === MODE.MEM && (i.opcode & 0x18) === 0)
    .filter((i) => i.dst === REG_FP)
    .map((i) => i.off);
}

const PICK = `struct v { u64 c[64]; };
BPF_ARRAY(a, struct v, 4);
static __attribute__((noinline)) u64 pick(u32 *n, struct v *p) { u32 k = *n; return p->c[k]; }
int kprobe__f(void *ctx) {
  u32 n = bpf_get_prandom_u32() & 63;
  u64 z = 0;
  struct v *p = a.lookup((int *)&z);
  return p ? pick(&n, p) : 0;
}`;

it('a number that another function reads through its address keeps its bounds', () => {
  expect(words(PICK)).toEqual([-16]);
});

it('many small variables share words where the frame has no room for one each', () => {
  const many = Array.from({ length: 100 }, (_, i) => `u32 v${i} = bpf_get_prandom_u32(); a.lookup((int *)&v${i});`);
  const use = Array.from({ length: 100 }, (_, i) => `a.delete((int *)&v${i});`);
  const offsets = words(
    `BPF_HASH(a, u32, u64);\nint kprobe__f(void *ctx) { ${many.join('\n')} ${use.join('\n')} return 0; }`,
  );
  expect(offsets).toHaveLength(100);
  expect(Math.min(...offsets)).toBe(-400);
});
