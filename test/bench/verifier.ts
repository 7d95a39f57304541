/**
 * The verifier: instructions a second over the programs that its fuzzer makes and over big ones of several shapes, and what a program of 100
 * instructions takes in a process that has verified many. CPU time of the process, not the clock's, so that other work on the machine counts little.
 */
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import type { MapSpec } from '../../core/spec/spec.ts';
import { verify } from '../../core/verifier/index.ts';
import { makeMap, makeProg } from '../verifier/cases.ts';
import { generate } from '../verifier/generate.ts';
import { Random } from '../verifier/mutate.ts';

export interface VerifierSpeed {
  /** Million instructions a second: name of the programs -> best of the rounds. */
  readonly mips: Readonly<Record<string, number>>;
  /** ms for a program of 100 instructions, the best and the median of many. */
  readonly warm100: { readonly best: number; readonly median: number };
}

interface Sample {
  readonly type: string;
  readonly insns: Uint8Array;
  readonly maps: readonly MapSpec[];
}

const MAPS = ['array 4 48 4', 'hash 8 40 16'].map((text, i) => makeMap(i, text));
const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('');

function program(type: string, text: string): Sample {
  return { type, insns: assemble(text, { helper: (name) => helperByName(name)?.id }), maps: MAPS };
}

const LOOKUP = 'r1 = map[id:0]\nr2 = r10\nr2 += -4\ncall map_lookup_elem\n';

/** What real programs are made of: keys on the stack, lookups, checks, copies. */
function hundred(): Sample {
  const part = (i: number): string =>
    `*(u32 *)(r10 - 4) = ${i}\n${LOOKUP}if r0 == 0 goto n${i}\nr7 = *(u64 *)(r0 + 8)\nr7 += ${i}\n*(u64 *)(r0 + 8) = r7\nn${i}:\n`;
  return program('kprobe', `r6 = r1\n${lines(10, part)}r0 = 0\nexit\n`);
}

const BIG: Readonly<Record<string, () => Sample>> = {
  'both ways of 18 branches, their sum an index': () =>
    program(
      'socket_filter',
      `r6 = 0\n${lines(18, (i) => `call get_prandom_u32\nif r0 > ${i * 100 + 7} goto a${i}\nr6 += ${i + 1}\na${i}:\n`)}` +
        'r6 &= 0xff\nr1 = r10\nr1 += -256\nr1 += r6\n*(u8 *)(r1 + 0) = 1\nr0 = 0\nexit\n',
    ),
  '12 flags on the stack, each set or not': () =>
    program(
      'socket_filter',
      `r6 = 0\n${lines(12, (i) => `call get_prandom_u32\n*(u64 *)(r10 - ${8 * i + 8}) = 0\nif w0 s< ${i * 3} goto b${i}\n*(u64 *)(r10 - ${8 * i + 8}) = ${i + 1}\nb${i}:\n`)}` +
        `${lines(12, (i) => `r1 = *(u64 *)(r10 - ${8 * i + 8})\nr6 += r1\n`)}` +
        `*(u32 *)(r10 - 4) = 0\n${LOOKUP}if r0 == 0 goto e\nif r6 > 40 goto e\nr0 += r6\n*(u8 *)(r0 + 0) = 1\ne: r0 = 0\nexit\n`,
    ),
  '4,000 ways into a tail of 4,000 steps': () =>
    program(
      'socket_filter',
      `r6 = 0\ncall get_prandom_u32\nr0 &= 0xffff\n${lines(4000, (i) => `if r0 == ${i} goto t${i}\n`)}goto e\n${lines(4000, (i) => `t${i}: r6 = ${i}\ngoto e\n`)}` +
        `e: r1 = r10\nr1 += -512\n${lines(2000, (i) => `r6 ^= ${i}\nif r6 == 70000 goto z\n`)}r6 &= 511\nr1 += r6\n*(u8 *)(r1 + 0) = 1\nz: r0 = 0\nexit\n`,
    ),
  'a million rounds': () =>
    program(
      'kprobe',
      'r6 = 0\nl: call get_prandom_u32\nr7 = r0\nr7 *= 31\nr6 += 1\nif r6 < 1000000 goto l\nr0 = 0\nexit\n',
    ),
};

/** User CPU time of one walk in ms, and its instructions. */
function walk(samples: readonly Sample[]): { readonly ms: number; readonly insns: number } {
  let insns = 0;
  const before = process.cpuUsage();
  for (const { type, insns: code, maps } of samples) {
    const prog = makeProg({ name: 'p', type, attach: undefined, target: undefined, license: 'GPL', insns: code });
    insns += verify({ prog, maps }, { cpus: 2 }).insnsProcessed;
  }
  return { ms: process.cpuUsage(before).user / 1000, insns };
}

/** `shapes`: how many of the big ones. */
export function measureVerifier(programs = 2000, rounds = 4, shapes = Number.POSITIVE_INFINITY): VerifierSpeed {
  const random = new Random(20261122);
  const all: Record<string, readonly Sample[]> = {
    [`${programs.toLocaleString('en')} generated programs`]: Array.from({ length: programs }, () => generate(random)),
    ...Object.fromEntries(
      Object.entries(BIG)
        .slice(0, shapes)
        .map(([name, make]) => [name, [make()]]),
    ),
  };
  const mips: Record<string, number> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, samples] of Object.entries(all)) {
      const { ms, insns } = walk(samples);
      mips[name] = Math.max(mips[name] ?? 0, insns / ms / 1000);
    }
  }
  const small = [hundred()];
  const seen = walk(small).insns;
  // Each check goes both ways: more than the program's length, but no more than its paths.
  if (seen < 100 || seen > 1000) throw new Error(`the program of 100 instructions took ${seen}`);
  const times = Array.from({ length: 400 }, () => {
    const start = performance.now();
    walk(small);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return { mips, warm100: { best: times[0]!, median: times[times.length >> 1]! } };
}
