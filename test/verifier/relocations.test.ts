/** Names that relocations carry and that are nowhere: what no case can say, since its programs name maps and variables by number. */
import { expect, it } from 'vitest';
import { assemble } from '../../core/isa/asm.ts';
import type { ProgReloc } from '../../core/spec/spec.ts';
import { lastLine, verify } from '../../core/verifier/index.ts';
import { makeMap, makeProg } from './cases.ts';
import { kernelTypes } from './kernel-types.ts';

const says = (insn: string, relo: ProgReloc): string => {
  const insns = assemble(`${insn}\nr0 = 0\nexit\n`);
  const prog = makeProg({ name: 'p', type: 'kprobe', attach: undefined, target: undefined, license: 'GPL', insns });
  const maps = [{ ...makeMap(0, 'array 4 8 1'), name: 'there' }];
  return lastLine(verify({ prog: { ...prog, relocs: [relo] }, maps, kernelBtf: kernelTypes() }));
};

it('a map is found by its name', () => {
  expect(says('r1 = map[id:0]', { kind: 'map', insn: 0, map: 'there' })).toBe('');
  expect(says('r1 = map[id:0]', { kind: 'map', insn: 0, map: 'elsewhere' })).toBe("no map named 'elsewhere'");
});

it('a variable of the kernel is found by its name', () => {
  expect(says('(18) r1 = btf[id:0]', { kind: 'ksym', insn: 0, name: 'runqueues' })).toBe('');
  const without = "the kernel has no variable or function 'nothing' with BTF";
  expect(says('(18) r1 = btf[id:0]', { kind: 'ksym', insn: 0, name: 'nothing' })).toBe(without);
});
