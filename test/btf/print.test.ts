import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { BtfOf } from '../../core/btf/btf.ts';
import { header } from '../../core/btf/header.ts';
import { declaration, definition, prototype, typeText } from '../../core/btf/print.ts';
import { readBtf } from '../../core/btf/read.ts';
import { BtfBuilder } from '../../core/btf/write.ts';

const b = new BtfBuilder();
const int = b.int('int', 4, { signed: true });
const char = b.int('char', 1, { signed: true });
const short = b.int('short', 2, { signed: true });
const long = b.int('long', 8, { signed: true });
const node = b.declare('struct', 'node');
const constChar = b.qualified('const', char);
const text = b.ptr(constChar);
const compare = b.funcProto(int, [
  { name: 'a', type: text },
  { name: '', type: b.ptr(node) },
]);
const getter = b.funcProto(b.ptr(compare), [{ name: 'x', type: int }]);
const variadic = b.funcProto(0, [
  { name: 'format', type: text },
  { name: '', type: 0 },
]);
const plain = (name: string, type: number, byteOffset: number) => ({
  name,
  type,
  bitOffset: byteOffset * 8,
  bitSize: 0,
});
const bits = (name: string, type: number, bitOffset: number, bitSize: number) => ({ name, type, bitOffset, bitSize });
const anonymous = b.composite('union', '', 8, [plain('whole', long, 0), plain('halves', b.array(int, 2), 0)]);
b.complete(node, 40, [
  plain('next', b.ptr(node), 0),
  plain('', anonymous, 8),
  plain('compare', b.ptr(compare), 16),
  bits('low', int, 192, 3),
  bits('high', int, 200, 8),
  plain('tail', b.array(char, 0), 40),
]);
const packed = b.composite('struct', 'packed', 5, [plain('c', char, 0), plain('i', int, 1)]);
const holed = b.composite('struct', 'holed', 64, [plain('a', short, 0), plain('b', int, 32)]);
const color = b.enumeration('color', [
  { name: 'RED', value: 0n },
  { name: 'NONE', value: -1n },
]);
const big = b.enumeration('big', [{ name: 'HUGE', value: 1n << 40n }]);
const alias = b.typedef('node_t', node);
const work = b.func('work', variadic);
const btf = b.build();

describe('types as C', () => {
  it.each<[number, string]>([
    [b.ptr(b.ptr(0)), 'void **p'],
    [text, 'const char *p'],
    [b.qualified('const', b.ptr(char)), 'char *const p'],
    [b.qualified('volatile', b.qualified('const', int)), 'volatile const int p'],
    [b.array(b.array(int, 3), 2), 'int p[2][3]'],
    [b.ptr(b.array(int, 3)), 'int (*p)[3]'],
    [b.array(b.ptr(int), 3), 'int *p[3]'],
    [b.ptr(compare), 'int (*p)(const char *a, struct node *)'],
    [b.array(b.ptr(compare), 4), 'int (*p[4])(const char *a, struct node *)'],
    [b.ptr(getter), 'int (*(*p)(int x))(const char *a, struct node *)'],
    [b.ptr(variadic), 'void (*p)(const char *format, ...)'],
    [b.qualified('restrict', b.ptr(char)), 'char *restrict p'],
    [b.ptr(b.typeTag('rcu', node)), 'struct node *p'],
    [b.ptr(b.funcProto(0, [])), 'void (*p)(void)'],
    [alias, 'node_t p'],
    [color, 'enum color p'],
  ])('%i: %s', (id, expected) => {
    expect(declaration(b.build(), id, 'p')).toBe(expected);
  });

  it('without a name, for messages', () => {
    expect(typeText(btf, text)).toBe('const char *');
    expect(typeText(btf, anonymous)).toBe('union { ... }');
  });

  it('prototypes', () => {
    expect(prototype(btf, work)).toBe('void work(const char *format, ...)');
    expect(() => prototype(btf, int)).toThrow('is of kind int, not a function');
  });

  it('definitions, with bitfields, holes and packing', () => {
    expect(definition(btf, node)).toBe(
      'struct node {\n\tstruct node *next;\n\tunion {\n\t\tlong whole;\n\t\tint halves[2];\n\t};\n\tint (*compare)(const char *a, struct node *);\n' +
        '\tint low: 3;\n\tint: 5;\n\tint high: 8;\n\tlong: 48;\n\tlong: 64;\n\tchar tail[0];\n};',
    );
    expect(definition(btf, packed)).toBe('struct packed {\n\tchar c;\n\tint i;\n} __attribute__((packed));');
    expect(definition(btf, holed)).toContain(
      '\tshort a;\n\tlong: 48;\n\tlong: 64;\n\tlong: 64;\n\tlong: 64;\n\tint b;\n',
    );
    expect(definition(btf, color)).toBe('enum color {\n\tRED = 0,\n\tNONE = -1,\n};');
    expect(definition(btf, big)).toBe('enum big {\n\tHUGE = 1099511627776ULL,\n};');
    expect(definition(btf, alias)).toBe('typedef struct node node_t;');
  });
});

const CLANG = ['clang-19', 'clang-18', 'clang'].find((name) => {
  try {
    return execFileSync(name, ['--print-targets'], { stdio: ['ignore', 'pipe', 'ignore'] }).includes('bpf');
  } catch {
    return false;
  }
});

describe.skipIf(CLANG === undefined)('headers (needs clang with a BPF target)', () => {
  it('of a whole kernel compile, with every size and offset as in BTF', () => {
    const kernel = readBtf(
      inflateRawSync(readFileSync(new URL('../../data/btf-6.1-x86_64.btf.deflate', import.meta.url))),
    );
    const ids: number[] = [];
    for (let id = 1; id < kernel.typeCount; id++)
      if (['struct', 'union', 'enum', 'enum64', 'typedef'].includes(kernel.type(id).kind)) ids.push(id);
    const lines = [header(kernel, ids)];
    let asserts = 0;
    for (const name of new Set(kernel.names('struct'))) {
      const type = kernel.type(kernel.find(name, 'struct')!) as BtfOf<'struct' | 'union'>;
      lines.push(`_Static_assert(sizeof(struct ${name}) == ${type.size}, "size of ${name}");`);
      for (const m of type.members) {
        if (m.name === '' || m.bitSize > 0) continue;
        lines.push(
          `_Static_assert(__builtin_offsetof(struct ${name}, ${m.name}) == ${m.bitOffset / 8}, "${name}.${m.name}");`,
        );
        asserts++;
      }
    }
    expect(asserts).toBeGreaterThan(8000);
    const run = spawnSync(CLANG!, ['-target', 'bpf', '-fsyntax-only', '-w', '-x', 'c', '-'], {
      input: lines.join('\n'),
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  });
});

describe('header order', () => {
  it('declares before use and defines what is held first', () => {
    const h = new BtfBuilder();
    const i = h.int('int', 4, { signed: true });
    const outer = h.declare('struct', 'outer');
    const inner = h.composite('struct', 'inner', 16, [plain('back', h.ptr(outer), 0), plain('n', i, 8)]);
    h.complete(outer, 24, [plain('held', h.typedef('inner_t', inner), 0), plain('hidden', h.ptr(h.fwd('secret')), 16)]);
    const made = h.build();
    expect(header(made, [outer])).toBe(
      'struct inner;\n\ntypedef struct inner inner_t;\n\nstruct outer;\n\nstruct inner {\n\tstruct outer *back;\n\tint n;\n};\n\nstruct secret;\n\nstruct outer {\n\tinner_t held;\n\tstruct secret *hidden;\n};\n',
    );
  });

  it('writes an enumerator once', () => {
    const h = new BtfBuilder();
    const values = [{ name: 'A', value: 0n }];
    const ids = [
      h.enumeration('', values),
      h.enumeration('one', values),
      h.enumeration('', [...values, { name: 'B', value: 1n }]),
    ];
    expect(header(h.build(), ids)).toBe(
      'enum {\n\tA = 0,\n};\n\nenum one {\n\tA___one = 0,\n};\n\nenum {\n\tB = 1,\n};\n',
    );
  });
});
