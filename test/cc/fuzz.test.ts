/** Mutated programs: never a crash, never a hang; an object or an error, always. SKEP_FUZZ=N[,SEED] runs more. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderDiagnostics } from '../../core/base/diagnostics.ts';
import { compile } from '../../core/cc/index.ts';
import { KERNEL } from './kernel.ts';
import { seeded } from './random-c.ts';

const PIECES = [
  '{',
  '}',
  '(',
  ')',
  ';',
  ',',
  '*',
  '&',
  '->',
  '.',
  'struct ',
  'u64 ',
  'if',
  'for',
  'return',
  '"',
  "'",
  '#',
  '##',
  '#define X ',
  '\\\n',
  '/*',
  '*/',
  '0x',
  '99999999999999999999',
  '[',
  ']',
  '=',
  '==',
  '?',
  ':',
  '...',
  'sizeof',
  'typeof',
  'unsigned',
  'void',
  '\0',
  '\ufffd',
  'static',
  '__attribute__((',
  'u',
  'case ',
  'goto ',
  '&&',
  'union',
  'enum {',
  'int a[',
  '-1',
  ' 0 ',
  'BPF_HASH(',
  '#if ',
  '#else\n',
  '#include "',
  '__int128 ',
  '.lookup(',
  '({',
  '})',
]; // prettier-ignore

const texts = ['diagnostics', 'programs', 'libbpf', 'against-gcc'].flatMap((folder) => {
  const url = new URL(`./${folder}/`, import.meta.url);
  return readdirSync(url)
    .filter((f) => f.endsWith('.c'))
    .map((f) => readFileSync(new URL(f, url), 'utf8'));
});

function mutate(text: string, r: (n: number) => number): string {
  const words = [...text.matchAll(/[A-Za-z_]\w*/g)];
  const at = r(text.length + 1);
  const piece = PIECES[r(PIECES.length)]!;
  switch (r(6)) {
    case 0:
      return text.slice(0, at) + piece + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + r(8));
    case 2:
      return text.slice(0, at);
    case 3: {
      const from = r(text.length + 1);
      return text.slice(0, at) + text.slice(from, from + r(200)) + text.slice(at);
    }
    case 4: {
      if (words.length === 0) return piece;
      const [a, b] = [words[r(words.length)]!, words[r(words.length)]!];
      return text.slice(0, a.index) + b[0] + text.slice(a.index + a[0].length);
    }
    default: {
      const marks = [...text.matchAll(/[^\w\s]/g)];
      if (marks.length === 0) return piece;
      const mark = marks[r(marks.length)]!;
      return text.slice(0, mark.index) + piece + text.slice(mark.index + 1);
    }
  }
}

it('mutated programs end with an object or an error', { timeout: 600_000 }, () => {
  const [count = 200, seed = 1] = (process.env['SKEP_FUZZ'] ?? '').split(',').filter(Boolean).map(Number);
  const r = seeded(seed);
  for (let i = 0; i < count; i++) {
    let text = texts[r(texts.length)]!;
    for (let k = 0; k <= r(4); k++) text = mutate(text, r);
    const began = performance.now();
    try {
      const { object, diagnostics } = compile(
        { name: 'f.c', text },
        { ...KERNEL, headers: (name) => (name === 'self.h' ? '#include "self.h"\n' : undefined) },
      );
      renderDiagnostics(diagnostics);
      expect(object !== undefined || diagnostics.some((d) => d.severity === 'error')).toBe(true);
    } catch (e) {
      throw new Error(`mutation ${i} of seed ${seed}: ${(e as Error).stack}\n${text}`);
    }
    expect(performance.now() - began, `mutation ${i} of seed ${seed} took long:\n${text}`).toBeLessThan(10_000);
  }
});

const ENDLESS: Readonly<Record<string, string>> = {
  'twice.h': '#include "twice.h"\n#include "twice.h"\n',
  'deep.h': '#if __INCLUDE_LEVEL__ < 40\n#include "deep.h"\n#include "deep.h"\n#endif\n',
};

const lines = (n: number, line: (i: number) => string) => Array.from({ length: n }, (_, i) => line(i)).join('\n');
/** Functions each of which calls the next twice, 30 levels of them. */
const twice = (params: string, args: string, leaf: string, ret = 'int') =>
  `struct s { int a, b; };\nstatic ${ret} f0(${params}) { ${leaf} return a; }\n${lines(
    30,
    (i) => `static ${ret} f${i + 1}(${params}) { ${ret} b = f${i}(${args}); a = f${i}(${args}); return b; }`,
  )}`;

it.each([
  ['an empty file', ''],
  ['one NUL', '\0'],
  ['bytes that are no UTF-8', 'int f(void *ctx) { return \ufffd\ufffd; }'],
  ['a long sum', `int f(void *ctx) { int a = 1; return ${Array(50_000).fill('a').join('+')}; }`],
  ['a long sum of constants', `int f(void *ctx) { return ${Array(50_000).fill('1').join('+')}; }`],
  ['many parentheses', `int f(void *ctx) { return ${'('.repeat(50_000)}1${')'.repeat(50_000)}; }`],
  ['many negations', `int f(void *ctx) { return ${'!'.repeat(100_000)}1; }`],
  ['many blocks', `int f(void *ctx) { ${'{'.repeat(5_000)}${'}'.repeat(5_000)} return 0; }`],
  ['many else-ifs', `int f(void *ctx) { int a = 1; ${'if (a) a++; else '.repeat(3_000)} a--; return a; }`],
  ['many pointers', `int ${'*'.repeat(100_000)}p;`],
  ['many dimensions', `int a${'[1]'.repeat(10_000)};`],
  ['nested initialisers', `int a[] = ${'{'.repeat(10_000)}1${'}'.repeat(10_000)};`],
  ['nested structs', `${'struct { '.repeat(3_000)}int a; ${'} x; '.repeat(3_000)}`],
  ['a subscript of a function', 'static int g(int a) { return a; }\nint f(void *ctx) { int b = 1; return g[b]; }'],
  ['nested parameters', `int f(${'int (*)('.repeat(5_000)}int${')'.repeat(5_000)});`],
  ['nested _Generic', `int f(void *ctx) { return ${'_Generic(1, int: '.repeat(5_000)}1${')'.repeat(5_000)}; }`],
  [
    'pointers to pointers by typedef',
    `typedef int t0;\n${lines(10_000, (i) => `typedef t${i} *t${i + 1};`)}\nt10000 a;`,
  ],
  ['a long #if of ? and :', `#if ${'1 ? 1 : '.repeat(20_000)}1\nint a;\n#endif`],
  [
    'many cases of one statement',
    `int f(void *ctx) { switch (bpf_get_prandom_u32()) { ${lines(3_000, (i) => `case ${i}:`)} return 1; } return 0; }`,
  ],
  ['a comment without end', '/* '],
  ['a string without end', 'char a[] = "'],
  ['many labels', `int f(void *ctx) { ${Array.from({ length: 3_000 }, (_, i) => `l${i}:`).join(' ')} return 0; }`],
  [
    'a macro that doubles its argument',
    `#define D(x) x x\n#define E(x) D(D(D(D(x))))\n#define F(x) E(E(E(E(x))))\nint a = F(F(F(1)));`,
  ],
  ['a macro that uses a long argument often', `#define D(x) ${'x '.repeat(20_000)}\nint a = D(D(1));`],
  [
    'a variadic macro that doubles',
    `#define V(...) __VA_ARGS__, __VA_ARGS__\nint a = ${'V('.repeat(40)}1${')'.repeat(40)};`,
  ],
  ['## that doubles', `#define P(x) Q(x, x)\n#define Q(a, b) a##b\nint ${'P('.repeat(40)}a${')'.repeat(40)};`],
  ['# that doubles', `#define S(x) #x\n#define X(x) S(x)\nchar a[] = ${'X('.repeat(60)}"\\\\"${')'.repeat(60)};`],
  ['many calls in arguments', `#define I(x) x\nint a = ${'I('.repeat(20_000)}1${')'.repeat(20_000)};`],
  [
    'a long chain of macros',
    `#define A0 1\n${Array.from({ length: 50_000 }, (_, i) => `#define A${i + 1} A${i}`).join('\n')}\nint a = A50000;`,
  ],
  ['a long #if', `#if ${Array(50_000).fill('1').join('+')}\nint a;\n#endif`],
  ['many #ifs', `${'#if 1\n'.repeat(20_000)}int a;\n${'#endif\n'.repeat(20_000)}`],
  ['an argument list without end', `#define I(x) x\nint a = I(${'1, '.repeat(50_000)}`],
  ['a long name', `int ${'a'.repeat(500_000)};`],
  ['a header that includes itself twice', '#include "twice.h"'],
  ['a header that includes itself twice to a depth', '#include "deep.h"'],
  ['a huge array', 'int f(void *ctx) { int a[1000000000]; return a[5]; }'],
  [
    'functions that call the next twice',
    `${twice('int a', 'a', 'a += bpf_get_prandom_u32();')}\nint f(void *ctx) { return f30(1); }`,
  ],
  [
    'functions of six parameters that call the next twice',
    `${twice('int a, int c, int d, int e, int g, int h', 'a, 1, 2, 3, 4, 5', '')}\nint f(void *ctx) { return f30(1, 2, 3, 4, 5, 6); }`,
  ],
  [
    'functions of structs that call the next twice',
    `${twice('struct s a', 'a', '', 'struct s')}\nint f(void *ctx) { struct s s = {}; return f30(s).a; }`,
  ],
  [
    'many lookups',
    `BPF_HASH(h, u64, u64);\nint f(void *ctx) { ${lines(1_000, (i) => `{ u64 k = ${i}; u64 *v = h.lookup(&k); if (v) *v += 1; }`)} return 0; }`,
  ],
  [
    'many ifs',
    `int f(void *ctx) { u64 a = bpf_ktime_get_ns(), b = 0;\n${lines(3_000, (i) => `if (a > ${i * 7}) b += ${i} ^ a;`)} return b; }`,
  ],
  [
    'many gotos',
    `int f(void *ctx) { u64 a = bpf_ktime_get_ns(); ${lines(3_000, (i) => `l${i}: a += ${i}; if (a == ${i * 7}) goto l${Math.min(2_999, i + 5)};`)} return a; }`,
  ],
  [
    'many loops',
    `int f(void *ctx) { u64 s = 0; ${lines(1_000, () => 'for (int i = 0; i < 100; i++) s += bpf_ktime_get_ns();')} return s; }`,
  ],
  ['many messages', `int f(void *ctx) { ${lines(5_000, (i) => `bpf_trace_printk("hi %d", ${i});`)} return 0; }`],
  [
    'many values at once',
    `int f(void *ctx) { ${lines(2_500, (i) => `u64 v${i} = bpf_ktime_get_ns() + ${i};`)} u64 s = 0; ${lines(2_500, (i) => `s += v${i};`)} return s; }`,
  ],
  ['a huge struct on the stack', 'struct s { char c[100000]; };\nint f(void *ctx) { struct s s = {}; return s.c[9]; }'],
])('%s ends soon', { timeout: 60_000 }, (_name, text) => {
  const began = process.cpuUsage();
  const { object, diagnostics } = compile({ name: 'f.c', text }, { ...KERNEL, headers: (path) => ENDLESS[path] });
  expect(object !== undefined || diagnostics.some((d) => d.severity === 'error')).toBe(true);
  // Two seconds on a quiet machine; what is not linear takes minutes. Processor time, since others may be at work.
  const { user, system } = process.cpuUsage(began);
  expect(user + system).toBeLessThan(10_000_000);
});
