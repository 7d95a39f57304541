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

  /** One failure in the shapes that releases print it in. */
  const LOGS: readonly (readonly [string, string])[] = [
    [
      '4.15, registers only',
      `5: (18) r1 = 0xffff8881062c4000
7: (85) call bpf_map_lookup_elem#1
8: (71) r1 = *(u8 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
`,
    ],
    [
      '5.4, with source and states',
      `; u64 *val = bpf_map_lookup_elem(&counts, &key);
5: (18) r1 = 0xffff8881062c4000
7: (85) call bpf_map_lookup_elem#1
; *val += 1;
8: (71) r1 = *(u8 *)(r0 +0)
 R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R6_w=ctx(id=0,off=0,imm=0) R10=fp0 fp-8=mmmm????
R0 invalid mem access 'map_value_or_null'
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
    ],
    [
      '6.18, level 2, from a loader',
      `libbpf: -- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
; u64 *val = bpf_map_lookup_elem(&counts, &key); @ count.c:3
5: (18) r1 = 0xffff8881062c4000       ; R1_w=map_ptr(map=counts,ks=4,vs=8)
7: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,map=counts,ks=4,vs=8)
; if (key == 5) @ count.c:4
8: (15) if r6 == 0x5 goto pc+3        ; R6_w=scalar()
12: (95) exit

from 8 to 9: R0=map_value_or_null(id=1,map=counts,ks=4,vs=8) R6=5 R10=fp0
9: (b7) r2 = 1                        ; R2_w=1
; *val += 1; @ count.c:5
10: (71) r1 = *(u8 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
`,
    ],
  ];

  it.each(LOGS)("reads a kernel's log: %s", (release, log) => {
    const prog: ProgSpec = { ...MISSING_CHECK, insns: new Uint8Array(0), lines: [] };
    const e = explainKernelLog(log, prog)!;
    expect(e).toMatchObject({
      category: 'null',
      pc: release.startsWith('6.') ? 10 : 8,
      instruction: 'r1 = *(u8 *)(r0 +0)',
    });
    if (release.startsWith('4.')) {
      expect(e.variable).toBe('r0');
      expect(e.reason).toContain('`bpf_map_lookup_elem()` (insn 7) gives null');
    } else {
      expect(e).toMatchObject({ variable: 'val', at: { text: '*val += 1;' } });
      expect(e.reason).toContain('`bpf_map_lookup_elem(&counts, &key)`');
      expect(e.known[0]!.text).toContain('null or a pointer to a map value');
    }
    if (release.startsWith('6.')) expect(e.at).toMatchObject({ file: 'count.c', line: 5 });
  });

  it('has nothing to say of an accepted program', () => {
    expect(
      explainKernelLog('0: (b7) r0 = 0\n1: (95) exit\nprocessed 2 insns (limit 1000000)\n', MISSING_CHECK),
    ).toBeUndefined();
  });

  /** What kernel functions take: `text` ends with a leak of what its second line took. */
  const leakOf = (text: readonly string[], rows = 0) => {
    const source = text.join('\n');
    const lines: LineInfo[] = text.map((t, i) => ({
      insn: i,
      file: 'm.c',
      line: i + 1,
      column: t.search(/\S/) + 1,
      text: t,
    }));
    const call = [0x85, 0x20, 0, 0, 1, 0, 0, 0];
    const insns = Uint8Array.from([...call, ...call, 0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
    const log = `${'2: (b7) r0 = 0\n'.repeat(rows)}1: (85) call take#1
2: (b7) r0 = 0                        ; R0_w=0
3: (95) exit
Unreleased reference id=1 alloc_insn=1
BPF_EXIT instruction in main prog would lead to reference leak
`;
    const prog: ProgSpec = { ...MISSING_CHECK, insns, lines };
    return explainKernelLog(log, prog, { source: () => source })!;
  };
  const ITERATOR = [
    'int f(void *ctx) {',
    '  bpf_iter_num_new(&it, 0, 10);',
    '  int n = 0;',
    '  return n;',
    '}',
  ] as const;

  it('names what a kernel function has taken, and what gives it back', () => {
    const begun = leakOf(ITERATOR);
    expect(begun).toMatchObject({
      summary: '`it` is not destroyed on this path',
      variable: 'it',
      suggestion: '`bpf_iter_num_destroy(&it);` before line 4',
    });
    expect(begun.reason).toContain('`bpf_iter_num_new(&it, 0, 10)` on line 2 has begun an iterator');
    const task = leakOf([ITERATOR[0], '  struct task_struct *t = bpf_task_from_pid(1);', ...ITERATOR.slice(2)]);
    expect(task).toMatchObject({ variable: 't', suggestion: '`bpf_task_release(t);` before line 4' });
    expect(task.reason).toContain('`bpf_task_from_pid(1)` on line 2 has taken a task');
  });

  it('reads the end of a log of a million lines', () => {
    expect(leakOf(ITERATOR, 1_000_000).suggestion).toBe(leakOf(ITERATOR).suggestion);
  });

  it('tells a message from the statistics behind it', () => {
    const log =
      '3: (85) call bpf_tail_call#12\nexpected prog array map for tail callprocessed 3 insns (limit 1000000)\n';
    expect(explainKernelLog(log, MISSING_CHECK)).toMatchObject({
      category: 'helper',
      message: 'expected prog array map for tail call',
    });
  });
});
