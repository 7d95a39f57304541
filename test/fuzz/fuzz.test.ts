/** The fuzzer itself: what it makes, that it finds and shrinks a planted fault, and a short run over everything that runs here. */
import { expect, it } from 'vitest';
import { checkBytes } from '../../core/isa/check.ts';
import { FORMS, formOf } from '../../core/isa/forms.ts';
import { toInsns } from '../../core/isa/insn.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { availableEngines } from '../../tools/vm/engines.ts';
import { random } from '../vm/random-program.ts';
import { fuzz } from './fuzz.ts';
import { generate, toBytes } from './generate.ts';
import { makeSubjects } from './subjects.ts';

const engines = availableEngines();
const { subjects, kernelMissing } = makeSubjects(engines);

it(`a short run has no mismatches${kernelMissing ? ` (without the kernel: ${kernelMissing})` : ' (with the kernel)'}`, () => {
  const result = fuzz({ count: 150, seed: 70_000, subjects });
  expect(result.mismatches.map((m) => [m.seed, m.first, m.other])).toEqual([]);
  expect(result.programs).toBe(150);
  // What the kernel refuses is not compared: it must stay the exception.
  expect(result.refused.get('kernel')?.length ?? 0).toBeLessThan(8);
});

it('programs are valid, of the version they say, and use every form but those that need more than a program', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 3000; seed++) {
    const program = generate(random(seed));
    const bytes = toBytes(program);
    expect([seed, checkBytes(bytes)]).toEqual([seed, undefined]);
    for (const insn of toInsns(bytes)) {
      const form = formOf(insn)!;
      if (insn.opcode !== OP_LD_IMM64) expect(form.version).toBeLessThanOrEqual(program.version);
      seen.add(form.name);
    }
  }
  const missing = FORMS.map((f) => f.name).filter((name) => !seen.has(name));
  // Packets, kernel functions, BTF ids, map indices of libbpf's loader and callbacks; and s64 loads are plain loads.
  expect(missing.filter((name) => !/^ld\.|abs|ind|kfunc|btf|map_idx|func|imm64/.test(name))).toEqual([]);
});

it('a wrong operator is found and shrunk to a few instructions', () => {
  // An engine that takes 64-bit xor of registers for or.
  const [real] = engines as [Engine];
  const wrong: Engine = {
    ...real,
    unavailable: () => undefined,
    prepare(program, host, options) {
      const insns = program.insns.slice();
      for (let at = 0; at < insns.length; at += 8) {
        if (insns[at] === 0xaf) insns[at] = 0x4f;
        if (insns[at] === OP_LD_IMM64) at += 8;
      }
      return real.prepare({ ...program, insns }, host, options);
    },
  };
  const result = fuzz({ count: 500, seed: 1, subjects: makeSubjects([wrong]).subjects.slice(0, 2), most: 3 });
  expect(result.mismatches.length).toBe(3);
  for (const { program } of result.mismatches) {
    const statements = program.functions.flatMap((f) => f.slice(1, -1));
    expect(statements.flatMap((s) => s.insns.map((insn) => insn.opcode))).toContain(0xaf);
    expect(statements.length).toBeLessThan(10);
  }
});
