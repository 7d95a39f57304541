/** The preprocessor: what text becomes after expansion, and what is said of malformed directives. */
import { describe, expect, it } from 'vitest';
import { renderDiagnostics, SourceFile } from '../../core/base/diagnostics.ts';
import { Preprocessor } from '../../core/cc/preprocess/preprocess.ts';
import { Fatal, Report } from '../../core/cc/report.ts';

/** Tokens after preprocessing, joined as they were spaced; then the diagnostics, if any. */
function expand(text: string, files: Record<string, string> = {}): string {
  const report = new Report();
  const pp = new Preprocessor({
    report,
    include: (name) =>
      name in files
        ? { kind: 'text', name, text: files[name]! }
        : name === 'known.h'
          ? { kind: 'known' }
          : { kind: 'missing', looked: [name] },
    outerMacro: (name) => (name === 'OUTER' ? 'OUTER(x) (x + 1)' : undefined),
    prelude: '#define FROM_FLAGS 7\n',
  });
  let out = '';
  try {
    for (const t of pp.run(new SourceFile('a.c', text))) {
      if (t.kind === 'eof') break;
      out += (out !== '' && (t.space || t.bol) ? ' ' : '') + t.text;
    }
  } catch (e) {
    if (!(e instanceof Fatal)) throw e;
  }
  return report.list.length ? `${out}\n${renderDiagnostics(report.list)}`.trim() : out;
}

describe('#line', () => {
  it('changes what lines and files are called, from the next line on', () => {
    expect(
      expand('#define L 41\n__LINE__\n#line L\n__LINE__\n__LINE__ __FILE__\n# 7 "b.c" 2\n__LINE__ __FILE__\n'),
    ).toBe('2 41 42 "a.c" 7 "b.c"');
  });

  it('diagnostics say so', () => {
    expect(expand('#line 100 "gen.y"\n\n#error no\n')).toBe('gen.y:101:2: error: no\n#error no\n ^~~~~');
  });

  it.each([
    ['#line\n', '#line takes a positive number of decimal digits'],
    ['#line x\n', '#line takes a positive number of decimal digits'],
    ['#line 3 name\n', 'invalid file name for #line'],
  ])('%j', (text, message) => {
    expect(expand(text)).toContain(message);
  });
});

describe('macros', () => {
  it.each([
    ['object-like', '#define N 3\nN N+N', '3 3+3'],
    ['function-like', '#define ADD(a, b) ((a) + (b))\nADD(1, ADD(2, 3))', '((1) + (((2) + (3))))'],
    ['name without arguments stays', '#define F(x) x\nF + F (1)', 'F + 1'],
    ['stringizing', '#define S(x) #x\nS(a "b\\n" \'c\'  d)', '"a \\"b\\\\n\\" \'c\' d"'],
    [
      'stringizing does not expand, its caller does',
      '#define N 5\n#define S(x) #x\n#define X(x) S(x)\nS(N) X(N)',
      '"N" "5"',
    ],
    ['pasting', '#define CAT(a, b) a##b\nCAT(x, 1) CAT(, y) CAT(z, ) CAT(1, 2) CAT(+, +)', 'x1 y z 12 ++'],
    ['pasting makes macro names', '#define AB 9\n#define CAT(a, b) a##b\nCAT(A, B)', '9'],
    ['variadic', '#define P(f, ...) p(f, __VA_ARGS__)\nP("x", 1, (2, 3))', 'p("x", 1, (2, 3))'],
    ['GNU comma', '#define P(f, ...) p(f, ##__VA_ARGS__)\nP("x") P("x", 1)', 'p("x") p("x", 1)'],
    ['GNU named variadic', '#define P(f, args...) p(f, ##args)\nP(1) P(1, 2, 3)', 'p(1) p(1, 2, 3)'],
    ['__VA_OPT__', '#define P(f, ...) p(f __VA_OPT__(,) __VA_ARGS__)\nP(1) P(1, 2)', 'p(1) p(1 , 2)'],
    ['self reference stops', '#define f(x) f(x + 1)\n#define a a b\nf(f(2)) a', 'f(f(2 + 1) + 1) a b'],
    ['mutual reference stops', '#define x y\n#define y x\nx y', 'x y'],
    [
      'C11 6.10.3.5 example 3',
      `#define x 3\n#define f(a) f(x * (a))\n#undef x\n#define x 2\n#define g f\n#define z z[0]\n#define h g(~\n#define m(a) a(w)\n#define w 0,1\n#define t(a) a\nf(y+1) + f(f(z)) % t(t(g)(0) + t)(1);`,
      'f(2 * (y+1)) + f(2 * (f(2 * (z[0])))) % f(2 * (0)) + t(1);',
    ],
    ['arguments over lines', '#define ADD(a, b) a + b\nADD(1,\n  2)', '1 + 2'],
    ['splices', '#define LONG 1 + \\\n 2\nLO\\\nNG', '1 + 2'],
    ['undef', '#define N 1\n#undef N\nN', 'N'],
    ['__LINE__ and __FILE__', '\n__LINE__ __FILE__', '2 "a.c"'],
    ['__COUNTER__', '__COUNTER__ __COUNTER__', '0 1'],
    ['macros of flags and of the outer scope', 'FROM_FLAGS OUTER(2)', '7 (2 + 1)'],
    ['comments are spaces', 'a/* x\n */b // c\nd', 'a b d'],
    ['_Pragma vanishes', 'a _Pragma("GCC diagnostic push") b', 'a b'],
  ])('%s', (_name, text, want) => {
    expect(expand(text)).toBe(want);
  });
});

describe('conditionals', () => {
  it.each([
    ['1', true],
    ['0', false],
    ['defined(N) && N == 3', true],
    ['defined M || !defined N', false],
    ['1 + 2 * 3 == 7 && (1 << 4 | 1) == 17', true],
    ['-1 < 0', true],
    ['-1 > 0u', true],
    ['0 && 1 / 0', false],
    ['1 || 1 / 0', true],
    ['UNKNOWN', false],
    ['(2 ? 3 : 4) == 3', true],
    ["'a' == 97 && '\\n' == 10", true],
    ['0xffffffffffffffff == ~0ull', true],
    ['~0 == -1', true],
    ['__has_include("there.h") && !__has_include(<not.h>)', true],
    ['0x10 == 020 && 0b11 == 3', true],
  ])('#if %s', (condition, want) => {
    expect(expand(`#define N 3\n#if ${condition}\nyes\n#else\nno\n#endif`, { 'there.h': '' })).toBe(
      want ? 'yes' : 'no',
    );
  });

  it('takes the first true branch of a chain, and looks at nothing in skipped text', () => {
    expect(expand('#if 0\ndon\'t "look\n#if 1\nx\n#else\n#endif\n#elif 1\na\n#elif 1\nb\n#else\nc\n#endif')).toBe('a');
    expect(expand('#ifdef N\n1\n#elifndef N\n2\n#endif')).toBe('2');
  });
});

describe('includes', () => {
  it('resolves text, guards and #pragma once', () => {
    const files = { 'g.h': '#ifndef G\n#define G\ng\n#endif\n', 'o.h': '#pragma once\no\n' };
    expect(
      expand(
        '#include "g.h"\n#include <g.h>\n#include "o.h"\n#include "o.h"\n#define H "g.h"\n#include H\n#include <known.h>',
        files,
      ),
    ).toBe('g o');
  });
});

describe('complaints', () => {
  it.each([
    [
      '#include <gone.h>',
      "a.c:1:10: error: 'gone.h' file not found\n#include <gone.h>\n         ^~~~~~~~\nnote: looked for gone.h",
    ],
    ['#if 1', 'a.c:1:1: error: unterminated conditional directive\n#if 1\n^'],
    ['#endif', 'a.c:1:2: error: #endif without #if\n#endif\n ^~~~~'],
    ['#if (1\n#endif', "a.c:1:6: error: expected ')' in preprocessor expression\n#if (1\n     ^"],
    ['#if 1 / 0\n#endif', 'a.c:1:7: error: division by zero in preprocessor expression\n#if 1 / 0\n      ^'],
    ['#error stop  here', 'a.c:1:2: error: stop here\n#error stop  here\n ^~~~~'],
    ['#frob', "a.c:1:2: error: invalid preprocessing directive '#frob'\n#frob\n ^~~~"],
    [
      '#define F(a) a\nF(1, 2)',
      "a.c:2:1: error: too many arguments provided to function-like macro 'F' (2 instead of 1)\nF(1, 2)\n^\na.c:1:9: note: macro 'F' defined here\n#define F(a) a\n        ^",
    ],
    ['#define F(a) a\nF(1', "a.c:2:1: error: unterminated argument list invoking macro 'F'\nF(1\n^"],
    ['"abc', 'a.c:1:1: error: missing terminating \'"\' character\n"abc\n^~~~'],
    ['/* abc', 'a.c:1:1: error: unterminated /* comment\n/* abc\n^~'],
    [
      '#define C(a, b) a##b\nC(<, 1)',
      "< 1\na.c:2:1: error: pasting formed '<1', an invalid preprocessing token\nC(<, 1)\n^\na.c:1:18: note: expanded from macro 'C'\n#define C(a, b) a##b\n                 ^~",
    ],
  ])('%s', (text, want) => {
    expect(expand(text)).toBe(want);
  });

  it('ends a header that includes itself, and a macro bomb, with one message', () => {
    expect(expand('#include "s.h"', { 's.h': '#include "s.h"\n' })).toContain(
      "#include nested more than 200 deep: does 's.h' include itself?",
    );
    const bomb = Array.from({ length: 12 }, (_, i) => `#define A${i + 1} ${`A${i} `.repeat(10)}`).join('\n');
    expect(expand(`#define A0 x\n${bomb}\nA12`)).toMatch(
      /error: (?:macro expansion makes more than|program is too large)/,
    );
  });
});
