/**
 * Random C programs without undefined behaviour (under -fwrapv): every integer type, conversions, bitfields, arrays, pointers, loops, switches,
 * helper functions. The same text goes to GCC and to skep; both must give the same number.
 */

import { spawnSync } from 'node:child_process';

/** Is there no GCC to compare with? */
export function gccMissing(): boolean {
  return spawnSync('gcc', ['--version']).status !== 0;
}

/** A small, good generator (xorshift32). */
export function seeded(seed: number): (n: number) => number {
  let s = (seed * 2654435761 + 12345) | 0 || 1;
  return (n) => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) % n;
  };
}

const TYPES = [
  'signed char',
  'unsigned char',
  'short',
  'unsigned short',
  'int',
  'unsigned int',
  'long',
  'unsigned long',
  'long long',
  'unsigned long long',
  '_Bool',
  'char',
]; // prettier-ignore

const BITS: Record<string, number> = Object.fromEntries(
  TYPES.map((t) => [
    t,
    t === '_Bool' ? 1 : t.includes('char') ? 8 : t.includes('short') ? 16 : t.includes('long') ? 64 : 32,
  ]),
);

interface Variable {
  readonly name: string;
  readonly type: string;
  /** May be assigned. */
  readonly writable: boolean;
}

class Generator {
  readonly #r: (n: number) => number;
  #vars: Variable[] = [];
  #arrays: { name: string; size: number }[] = [];
  /** Constant arrays. */
  readonly #tables: { name: string; size: number }[] = [];
  #fields: string[] = [];
  #functions: { name: string; args: number }[] = [];
  /** In a function that expressions call: it writes nothing that the same expression may read, since C leaves their order open. */
  #inFunction = false;
  #names = 0;
  #loops = 0;

  constructor(seed: number) {
    this.#r = seeded(seed);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#r(list.length)]!;
  }

  #type(): string {
    return this.#pick(TYPES);
  }

  #literal(): string {
    const kinds = [
      () => String(this.#r(10)),
      () => String(this.#r(256)),
      () => `${this.#r(65536)}u`,
      () => `0x${(this.#r(0x7fffffff) * 2).toString(16)}`,
      () => `0x${this.#r(0x7fffffff).toString(16)}${this.#r(0x7fffffff).toString(16).padStart(8, '0')}ull`,
      () => `(-${1 + this.#r(1000)})`,
      () => `(-${1 + this.#r(1000)}L)`,
      () =>
        this.#pick([
          '0x7fffffff',
          '0x80000000',
          '0xffffffffu',
          '(-0x7fffffff - 1)',
          '0x8000000000000000ull',
          "'z'",
          '0xffffffffffull',
          '1L << 40',
        ]),
    ];
    const text = this.#pick(kinds)();
    return text.includes('<<') ? `(${text})` : text;
  }

  #leaf(): string {
    switch (this.#r(6)) {
      case 0:
        return this.#literal();
      case 1:
        if (this.#arrays.length) {
          const a = this.#pick(this.#arrays);
          return `${a.name}[${this.#pick(this.#vars).name} & ${a.size - 1}]`;
        }
        return this.#pick(this.#vars).name;
      case 2:
        return this.#fields.length ? this.#pick(this.#fields) : this.#literal();
      case 3:
        if (this.#tables.length && this.#r(2)) {
          const t = this.#pick(this.#tables);
          return `${t.name}[${this.#pick(this.#vars).name} & ${t.size - 1}]`;
        }
        return `mem[${this.#r(64)}]`;
      default:
        return this.#pick(this.#vars).name;
    }
  }

  expr(depth: number): string {
    if (depth <= 0 || this.#r(8) === 0) return this.#leaf();
    const a = () => this.expr(depth - 1);
    switch (this.#r(16)) {
      case 0:
      case 1:
      case 2:
        return `(${a()} ${this.#pick(['+', '-', '*', '&', '|', '^'])} ${a()})`;
      case 3:
        return `(${a()} ${this.#pick(['<', '>', '<=', '>=', '==', '!='])} ${a()})`;
      case 4:
        return `(${a()} ${this.#pick(['<<', '>>'])} (${a()} & 31))`;
      case 5: {
        // The divisor is a named value: neither 0 nor -1.
        const d = this.#pick(this.#vars).name;
        return `((${d}) == 0 || (${d}) == -1 ? ${a()} : ${a()} ${this.#pick(['/', '%'])} (${d}))`;
      }
      case 6:
        return `(${a()} ${this.#pick(['/', '%'])} ${this.#pick(['3', '7u', '10L', '1000ull', '(-5)', '16', '255u'])})`;
      case 7:
        return `(${this.#pick(['-', '~', '!', '+'])}${a()})`;
      case 8:
      case 9:
        return `((${this.#type()})${a()})`;
      case 10:
        return `(${a()} ? ${a()} : ${a()})`;
      case 11:
        return `(${a()} ${this.#pick(['&&', '||'])} ${a()})`;
      case 12:
        if (this.#functions.length) {
          const f = this.#pick(this.#functions);
          return `${f.name}(${Array.from({ length: f.args }, a).join(', ')})`;
        }
        return this.#leaf();
      case 13:
        return `(((${a()}) >> (${this.#r(32)})) & ${this.#literal()})`;
      case 14:
        return `(*(&${this.#pick(this.#vars).name}))`;
      default:
        return `(${a()} + ${this.#leaf()})`;
    }
  }

  #target(): string {
    switch (this.#r(5)) {
      case 0:
        if (this.#arrays.length) {
          const a = this.#pick(this.#arrays);
          return `${a.name}[(unsigned)${this.#pick(this.#vars).name} & ${a.size - 1}]`;
        }
        break;
      case 1:
        if (this.#fields.length) return this.#pick(this.#fields);
        break;
      case 2:
        if (!this.#inFunction) return `mem[${this.#r(64)}]`;
        break;
      default:
    }
    return this.#pick(this.#vars.filter((v) => v.writable)).name;
  }

  statement(depth: number): string {
    const inner = (n: number) => Array.from({ length: 1 + this.#r(n) }, () => this.statement(depth - 1)).join(' ');
    switch (depth <= 0 ? this.#r(4) : this.#r(this.#inFunction ? 10 : 15)) {
      case 0:
        return `${this.#target()} ${this.#pick(['+=', '-=', '*=', '&=', '|=', '^='])} ${this.expr(2)};`;
      case 1:
        return `${this.#target()} ${this.#pick(['<<=', '>>='])} (${this.expr(1)}) & 7;`;
      case 2:
        return this.#r(2)
          ? `${this.#target()}${this.#pick(['++', '--'])};`
          : `${this.#pick(['++', '--'])}${this.#target()};`;
      case 4:
        return `if (${this.expr(2)}) { ${inner(2)} }`;
      case 5:
        return `if (${this.expr(2)}) { ${inner(2)} } else { ${inner(2)} }`;
      case 6: {
        if (this.#loops >= 2) return `${this.#target()} = ${this.expr(3)};`;
        this.#loops++;
        const i = `i${this.#names++}`;
        this.#vars.push({ name: i, type: 'int', writable: false });
        const cut = this.#r(3) === 0 ? `if (${this.expr(1)}) ${this.#pick(['break', 'continue'])};` : '';
        const body = `for (int ${i} = 0; ${i} < ${1 + this.#r(9)}; ${i}++) { ${inner(2)} ${cut} ${inner(1)} }`;
        this.#vars = this.#vars.filter((v) => v.name !== i);
        this.#loops--;
        return body;
      }
      case 7: {
        const cases = Array.from({ length: 1 + this.#r(4) }, (_, k) => {
          const label = this.#r(4) === 0 ? `case ${k * 10 + 1} ... ${k * 10 + 6}:` : `case ${k * 10}:`;
          return `${label} ${inner(1)} ${this.#r(3) ? 'break;' : ''}`;
        }).join(' ');
        return `switch (${this.expr(1)} ${this.#pick(['& 31', '% 41', ''])}) { ${cases} ${this.#r(2) ? `default: ${inner(1)}` : ''} }`;
      }
      case 8: {
        const t = `t${this.#names++}`;
        return `${this.#target()} = ({ ${this.#type()} ${t} = ${this.expr(2)}; ${t} += ${this.expr(1)}; ${t}; });`;
      }
      case 9: {
        if (this.#loops >= 2) return `${this.#target()} = ${this.expr(3)};`;
        this.#loops++;
        const n = `n${this.#names++}`;
        this.#vars.push({ name: n, type: 'unsigned char', writable: false });
        const text = this.#r(2)
          ? `unsigned char ${n} = ${1 + this.#r(9)}; while (${n}-- > 0) { ${inner(2)} if (${this.expr(1)}) ${this.#pick(['break', 'continue'])}; ${inner(1)} }`
          : `unsigned char ${n} = 0; do { ${inner(2)} } while (++${n} < ${1 + this.#r(9)} && ${this.expr(1)});`;
        this.#vars = this.#vars.filter((v) => v.name !== n);
        this.#loops--;
        return `{ ${text} }`;
      }
      case 10:
        return `{ ${this.#type()} w[2] = { ${this.expr(1)}, ${this.expr(1)} }; __builtin_memcpy(mem + ${this.#r(48)}, w, sizeof w); ${this.#target()} = w[${this.#r(2)}]; }`;
      case 11:
        return `{ unsigned char *at = mem + ${this.#r(40)}; at += ${this.#pick(this.#vars).name} & 7; *(${this.#type().replace('_Bool', 'char')} *)at ${this.#pick(['=', '+=', '^='])} ${this.expr(1)}; ${this.#target()} = *at + at[1] - (at - mem); }`;
      default:
        return `${this.#target()} = ${this.expr(3)};`;
    }
  }

  #function(): string {
    const name = `fn_NN_${this.#functions.length}`;
    const args = 1 + this.#r(3);
    const saved = { vars: this.#vars, arrays: this.#arrays, fields: this.#fields, functions: this.#functions };
    const params = Array.from({ length: args }, (_, i) => ({ name: `p${i}`, type: this.#type(), writable: true }));
    this.#vars = [...params, { name: 'acc', type: 'long', writable: true }];
    this.#arrays = [];
    this.#fields = [];
    this.#inFunction = true;
    const early = this.#r(2) ? `if (${this.expr(2)}) return ${this.expr(2)};` : '';
    const body = Array.from({ length: 1 + this.#r(3) }, () => this.statement(1)).join(' ');
    const ret = this.#type();
    const attribute = this.#r(4) === 0 ? '__attribute__((noinline)) ' : '';
    const text = `static ${attribute}${ret} ${name}(unsigned char *mem, ${params.map((p) => `${p.type} ${p.name}`).join(', ')}) { ${this.#type()} acc = 1; ${early} ${body} return ${this.expr(2)}; }`;
    this.#inFunction = false;
    this.#vars = saved.vars;
    this.#arrays = saved.arrays;
    this.#fields = saved.fields;
    this.#functions = [...saved.functions, { name, args }];
    return text;
  }

  /** Members of `struct s_NN`: plain ones, bitfields, an array, an anonymous union. */
  #struct(): { text: string; scalars: string[] } {
    const scalars: string[] = [];
    const members = Array.from({ length: 2 + this.#r(5) }, (_, i) => {
      const type = this.#type();
      const bits = BITS[type]!;
      if (this.#r(8) === 0) {
        scalars.push(`u${i}.whole`, `u${i}.half[1]`, `u${i}.f`);
        return 'union { unsigned int whole; unsigned short half[2]; int f : 9; } ' + `u${i};`;
      }
      if (this.#r(8) === 0) {
        scalars.push(`m${i}[0]`, `m${i}[2]`);
        return `${type} m${i}[3];`;
      }
      // Bitfields of up to 31 bits of int: what wider ones promote to is GCC's own idea. Narrow units are GNU's.
      const field =
        this.#r(2) && !type.includes('long')
          ? ` : ${1 + this.#r(Math.min(bits, 31))}${this.#r(8) === 0 ? `; ${type === '_Bool' ? 'int' : type} : 0` : ''}`
          : '';
      scalars.push(`m${i}`);
      return `${type} m${i}${field};`;
    });
    const attribute = this.#r(4) === 0 ? ' __attribute__((packed))' : '';
    return { text: `struct s_NN { ${members.join(' ')} }${attribute};\n`, scalars };
  }

  /** A function from a struct to a struct, both by value. */
  #structFunction(scalars: readonly string[]): string {
    const saved = { vars: this.#vars, arrays: this.#arrays, fields: this.#fields };
    this.#vars = [{ name: 'k', type: 'int', writable: true }];
    this.#arrays = [];
    this.#fields = scalars.flatMap((m) => [`p.${m}`, `q.${m}`]);
    this.#inFunction = true;
    const body = Array.from({ length: 2 + this.#r(3) }, () => this.statement(2)).join(' ');
    const exit = this.#r(2) ? 'return p;' : `return (${this.expr(1)}) ? p : q;`;
    this.#inFunction = false;
    this.#vars = saved.vars;
    this.#arrays = saved.arrays;
    this.#fields = saved.fields;
    return `static struct s_NN sf_NN(unsigned char *mem, struct s_NN p, int k) { struct s_NN q = p; ${body} ${exit} }`;
  }

  program(): string {
    const functions = Array.from({ length: this.#r(3) }, () => this.#function());
    const lines: string[] = [];
    for (let i = 0; i < 4 + this.#r(3); i++) {
      const type = this.#type();
      lines.push(
        `${type} v${i} = ${i === 0 ? '*(int *)(mem + 8)' : i === 1 ? '*(unsigned long *)(mem + 16)' : i === 2 ? 'mem[3]' : this.#literal()};`,
      );
      this.#vars.push({ name: `v${i}`, type, writable: true });
    }
    for (let i = 0; i < this.#r(3); i++) {
      const size = this.#pick([2, 4, 8]);
      lines.push(
        `${this.#type()} a${i}[${size}] = { ${Array.from({ length: this.#r(size) + 1 }, () => this.#literal()).join(', ')} };`,
      );
      this.#arrays.push({ name: `a${i}`, size });
    }
    const globals: string[] = [];
    for (let i = 0; i < this.#r(3); i++) {
      const [type, size] = [this.#type(), this.#pick([2, 4, 8])];
      const fixed = this.#r(2) === 0;
      globals.push(
        `static ${fixed ? 'const ' : ''}${type} g${i}_NN[${size}] = { ${Array.from({ length: size }, () => this.#literal()).join(', ')} };\n`,
      );
      if (fixed) this.#tables.push({ name: `g${i}_NN`, size });
      else this.#arrays.push({ name: `g${i}_NN`, size });
    }
    if (this.#r(3) === 0) {
      const type = this.#type();
      lines.push(`${type} grid[4][2] = { { 1, ${this.#literal()} }, [2] = { [1] = ${this.#literal()} } };`);
      this.#arrays.push({ name: 'grid[v0 & 3]', size: 2 }, { name: 'grid[2]', size: 2 });
      lines.push(`${type} (*row)[2] = grid + 1;`);
      this.#fields.push('(*row)[1]', 'row[1][0]');
    }
    let struct = '';
    let byValue = '';
    if (this.#r(2)) {
      const { text, scalars } = this.#struct();
      struct = text;
      this.#fields.push(...scalars.map((m) => `s.${m}`));
      lines.push(`struct s_NN s = { 0 }; s.${scalars[0]} = ${this.#literal()};`);
      if (this.#r(2)) {
        lines.push('struct s_NN other = s; struct s_NN *ps = &other;');
        this.#fields.push(`ps->${scalars[0]}`, `other.${scalars[scalars.length - 1]}`);
        if (this.#r(2)) {
          byValue = `${this.#structFunction(scalars)}\n`;
          lines.push(`other = sf_NN(mem, s, (int)v0); s = sf_NN(mem, *ps, sf_NN(mem, other, 3).${scalars[0]});`);
          if (this.#r(2))
            lines.push(`struct s_NN list[3] = { s, [2] = other }; list[v1 & 1] = sf_NN(mem, list[2], 1);`);
          if (lines[lines.length - 1]!.includes('list[3]')) this.#fields.push(`list[1].${scalars[0]}`);
        }
      }
    }
    const call = (text: string) => text.replace(/\b(fn_NN_\d+)\(/g, '$1(mem, ');
    const body = Array.from({ length: 4 + this.#r(8) }, () => this.statement(3));
    if (this.#r(3) === 0) {
      // Backwards by goto, a few times; and forwards over what lies between.
      const at = this.#r(body.length);
      body.splice(at, 0, 'again:;');
      const to = at + 1 + this.#r(body.length - at);
      body.splice(to, 0, `if (turns++ < ${this.#r(4)}) { if (${this.expr(1)}) goto again; else goto out; }`);
      body.push('out:;');
      lines.push('int turns = 0;');
    }
    const sum = [
      ...this.#vars.map((v) => v.name),
      ...this.#fields,
      ...this.#arrays.flatMap((a) => Array.from({ length: a.size }, (_, i) => `${a.name}[${i}]`)),
    ];
    const end = sum.map((e) => `h = h * 31 + (unsigned long)${e};`).join(' ');
    const main = `unsigned long entry_NN(unsigned char *mem, unsigned long len) {\n  ${call(lines.join('\n  '))}\n  ${call(body.join('\n  '))}\n  unsigned long h = 7; ${end} return h;\n}\n`;
    return `${globals.join('')}${struct}${functions.map((f) => `${call(f).replace(/(static [^{]*?fn_NN_\d+)\(mem, /, '$1(')}\n`).join('')}${call(byValue)}${main}`;
  }
}

/** The program of a seed; `NN` in its names is replaced by `suffix`. */
export function randomProgram(seed: number, suffix: string): string {
  return new Generator(seed).program().replaceAll('NN', suffix);
}

/** The inputs every program runs on. */
export const INPUTS: readonly Uint8Array[] = [1, 2, 3].map((n) => {
  const r = seeded(n * 977);
  return Uint8Array.from({ length: 64 }, () => (n === 1 ? 0 : r(256)));
});

/** A C main that prints result and changed memory of `count` programs on every input. */
export function harness(programs: readonly string[]): string {
  const inputs = INPUTS.map((m) => `{${[...m].join(',')}}`).join(',\n');
  const rows = programs.map((_, i) => `entry_${i}`).join(', ');
  return `#include <stdio.h>\n#include <string.h>\n${programs.join('\n')}
static const unsigned char inputs[${INPUTS.length}][64] = {${inputs}};
static unsigned long (*const entries[])(unsigned char *, unsigned long) = { ${rows} };
int main(void) {
  for (unsigned i = 0; i < ${programs.length}; i++)
    for (unsigned k = 0; k < ${INPUTS.length}; k++) {
      unsigned char mem[64];
      memcpy(mem, inputs[k], 64);
      unsigned long r = entries[i](mem, 64), h = 0;
      for (int j = 0; j < 64; j++) h = h * 131 + mem[j];
      printf("%lu %lu\\n", r, h);
    }
}
`;
}
