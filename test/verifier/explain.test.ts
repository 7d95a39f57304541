import { describe, expect, it } from 'vitest';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import type { LineInfo, ProgSpec } from '../../core/spec/spec.ts';
import { explainKernelLog, renderExplanation, verify } from '../../core/verifier/index.ts';
import { makeMap } from './cases.ts';

/** A program whose instructions have source lines: `code` has one line an instruction, `N|` in front of it is the C line. */
function program(type: string, source: readonly string[], code: string): ProgSpec {
  const lines: LineInfo[] = [];
  const text: string[] = [];
  let slot = 0;
  for (const row of code.trim().split('\n')) {
    const [line, insn = ''] = row.split('|');
    const n = Number(line);
    const c = source[n - 1]!;
    lines.push({ insn: slot, file: 'count.c', line: n, column: c.search(/\S/) + 1, text: c });
    text.push(insn.trim());
    slot += insn.includes('(18)') ? 2 : 1;
  }
  const insns = assemble(text.join('\n'), { helper: (n) => helperByName(n)?.id });
  return { name: 'count', type, section: type, insns, relocs: [], funcs: [], lines, license: 'GPL' };
}

const COUNT = [
  'int count(void *ctx) {',
  '  u32 key = 0;',
  '  u64 *val = counts.lookup(&key);',
  '  if (key == 5) return 0;',
  '  *val += 1;',
  '  return 0;',
  '}',
];

const MISSING_CHECK = program(
  'kprobe',
  COUNT,
  `2| r1 = 0
   2| *(u32 *)(r10 - 4) = r1
   3| r2 = r10
   3| r2 += -4
   3| (18) r1 = map[id:0]
   3| call map_lookup_elem
   3| r6 = r0
   4| r1 = *(u32 *)(r10 - 4)
   4| call get_prandom_u32
   4| if r0 == 5 goto pc+3
   5| r1 = *(u64 *)(r6 + 0)
   5| r1 += 1
   5| *(u64 *)(r6 + 0) = r1
   6| r0 = 0
   6| exit`,
);

describe('explanations', () => {
  it('names variable, line and mend of a missing null check', () => {
    const result = verify({ prog: MISSING_CHECK, maps: [makeMap(0, 'hash 4 8 16')], source: () => COUNT.join('\n') });
    expect(renderExplanation(result.error!.explanation)).toBe(
      [
        'count.c:5:3: error: `val` may be null here [null pointer]',
        '  *val += 1;',
        '  ^~~~',
        '  why: `counts.lookup(&key)` on line 3 gives null when the map has no such key, and nothing on this path has checked `val` before it is used on line 5',
        '  known: `val` is null or a pointer to a map value of `m0` (8 bytes)',
        '  path:',
        '    count.c:3: `val` may be null from here on: u64 *val = counts.lookup(&key);',
        '    count.c:4: `key == 5` is false: if (key == 5) return 0;',
        '  mend: `if (!val) return 0;` before line 5',
        "  verifier: R6 invalid mem access 'map_value_or_null' (insn 11)",
      ].join('\n'),
    );
  });

  it("explains a real kernel's log the same way", () => {
    const ours = verify({ prog: MISSING_CHECK, maps: [makeMap(0, 'hash 4 8 16')] }, { level: 1 });
    const fromLog = explainKernelLog(ours.log, MISSING_CHECK);
    expect(fromLog).toEqual(ours.error!.explanation);
  });

  it('says where a return value is missing', () => {
    const prog = program('kprobe', ['int f(void *ctx) {', '}'], '2| exit');
    const e = verify({ prog, maps: [] }).error!;
    expect(e.sourceLine).toBe('count.c:2');
    expect(e.explanation.suggestion).toContain('return 0;');
  });

  it('keeps the kernel line and its states apart for an endless loop', () => {
    const prog = program('kprobe', ['for (;;) x();'], '1| l: r0 = 1\n1| if r0 == 1 goto l\n1| exit');
    const r = verify({ prog, maps: [] });
    expect(r.error!.message).toBe('infinite loop detected at insn 1');
    expect(r.log.trimEnd().split('\n').at(-2)).toMatch(/^old state:/);
    expect(r.error!.explanation.category).toBe('limit');
  });
});
