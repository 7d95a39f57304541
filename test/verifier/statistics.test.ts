/**
 * The last line of a log: how many instructions were walked and states kept. It is the kernel's to the number, which holds only while states are
 * compared, kept and given up as the kernel does it.
 */
import { closeSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, it } from 'vitest';
import { bpfUnavailable, progLoad } from '../../bindings/linux/bpf.ts';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import { verify } from '../../core/verifier/index.ts';
import { makeProg } from './cases.ts';

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('');
const RANDOM = 'call get_prandom_u32\n';

/** Programs that keep and give up states in different ways, and their line as Linux 6.18 prints it. */
const PROGRAMS: Record<string, readonly [type: string, code: string, statistics: string]> = {
  'a loop that counts': [
    'kprobe',
    'r6 = 0\nl: r6 += 1\nif r6 < 5000 goto l\nr0 = 0\nexit',
    'processed 10003 insns max_states_per_insn 4 total_states 251 peak_states 251',
  ],
  'three loops in one another': [
    'kprobe',
    'r6 = 0\na: r7 = 0\nb: r8 = 0\nc: r8 += 1\nif r8 < 10 goto c\nr7 += 1\nif r7 < 10 goto b\nr6 += 1\nif r6 < 10 goto a\nr0 = 0\nexit',
    'processed 2333 insns max_states_per_insn 4 total_states 59 peak_states 59',
  ],
  'branches whose sum is an index': [
    'socket_filter',
    `r6 = 0\n${lines(9, (i) => `${RANDOM}if r0 > ${i * 100} goto a${i}\nr6 += ${i + 1}\na${i}:\n`)}r1 = r10\nr1 += -64\nr6 &= 63\nr1 += r6\n*(u8 *)(r1 + 0) = 1\nr0 = 0\nexit`,
    'processed 2320 insns max_states_per_insn 8 total_states 242 peak_states 57',
  ],
  'spills on a full stack, some of them compared': [
    'kprobe',
    `${lines(64, (i) => `${RANDOM}*(u64 *)(r10 - ${8 * i + 8}) = r0\n`)}${lines(16, (i) => `r1 = *(u64 *)(r10 - ${8 * (i % 8) + 8})\nif r1 > ${i} goto a${i}\n*(u64 *)(r10 - ${8 * ((i * 7) % 8) + 8}) = ${i}\na${i}:\n`)}r0 = 0\nexit`,
    'processed 955 insns max_states_per_insn 6 total_states 111 peak_states 95',
  ],
  'functions called in loops': [
    'kprobe',
    `call f1\nexit\n${lines(5, (k) => `f${k + 1}:\nr6 = 0\nl${k}: ${k < 4 ? `call f${k + 2}\n` : RANDOM}if r0 > 5 goto c${k}\nr6 += 1\nc${k}: r6 += 1\nif r6 < 4 goto l${k}\nr0 = r6\nexit\n`)}`,
    'processed 1545 insns max_states_per_insn 11 total_states 85 peak_states 41',
  ],
  'a loop that ends when the kernel says so': [
    'kprobe',
    `r6 = 0\nr7 = 0\nl: may_goto e\n${lines(10, (i) => `${RANDOM}if r0 > ${i} goto a${i}\nr7 += ${i}\na${i}:\n`)}r6 += 1\ngoto l\ne: r0 = 0\nexit`,
    'processed 196 insns max_states_per_insn 2 total_states 18 peak_states 61',
  ],
  'pointers into a packet': [
    'xdp',
    `r6 = *(u32 *)(r1 + 0)\nr7 = *(u32 *)(r1 + 4)\n${lines(20, (i) => `r2 = r6\nr2 += ${i * 4 + 14}\nif r2 > r7 goto d\nr3 = *(u32 *)(r6 + ${i * 4})\nif r3 == ${i} goto x${i}\nr6 += 1\nx${i}:\n`)}d: r0 = 2\nexit`,
    'processed 3387 insns max_states_per_insn 7 total_states 375 peak_states 224',
  ],
};

const statisticsOf = (log: string): string =>
  (/^processed .*$/m.exec(log)?.[0] ?? '').replace('(limit 1000000) ', '').replace(' mark_read 0', '');

const noKernel = bpfUnavailable() !== undefined || !release().startsWith('6.18');

describe('what the log says of the walk', () => {
  for (const [name, [type, code, statistics]] of Object.entries(PROGRAMS)) {
    const insns = assemble(code, { helper: (n) => helperByName(n)?.id });

    it(name, () => {
      const prog = makeProg({ name: 'p', type, attach: undefined, target: undefined, license: 'GPL', insns });
      expect(statisticsOf(verify({ prog, maps: [] }).log)).toBe(statistics);
    });

    it.skipIf(noKernel)(`${name}, says the kernel (needs bpf(2) of Linux 6.18)`, () => {
      const { fd, log } = progLoad({ type: progTypeByName(type)!.id, insns, license: 'GPL', logLevel: 4 });
      closeSync(fd);
      expect(statisticsOf(log)).toBe(statistics);
    });
  }
});
