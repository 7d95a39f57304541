/** The second half of a variable's ld_imm64 is a descriptor of a module's BTF, which no program at rest can have (kernel/bpf/verifier.c). */
import { expect, it } from 'vitest';
import { verify } from '../../core/verifier/index.ts';
import { makeProg } from './cases.ts';

it('refuses a variable of a module that nobody has opened', () => {
  const words = [
    0x18,
    0x30 | 8,
    0,
    0,
    40,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    7,
    0,
    0,
    0,
    0xb7,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0x95,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  const insns = Uint8Array.from(words);
  const prog = makeProg({ name: 'p', type: 'kprobe', attach: undefined, target: undefined, license: 'GPL', insns });
  const result = verify({ prog, maps: [] }, {});
  expect(result.ok).toBe(false);
  expect(result.error?.message).toContain('invalid module BTF object FD specified.');
});
