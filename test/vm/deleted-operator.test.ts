/**
 * One operator deleted from an engine fails the build: the type check for `interp` and `jit`, the compiler for `native`. Each row or case
 * of the engines is deleted in a copy, one at a time; all copies for one type check, as files of their own. The C++ ones take a
 * compilation each: a few here, all of them with SKEP_EVERY_OPERATOR=1.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'node_modules/.cache/skep', `deleted-${process.pid}`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Source {
  readonly engine: 'interp' | 'jit' | 'native';
  readonly file: string;
  /** Lines that are a row or the head of a case of an operator. */
  readonly rows: RegExp;
  /** Rows within a line. */
  readonly entries?: RegExp;
}

// Left out of the tables: loads and stores of wasm by their operators' names, and what is no instruction (scratch, step, unreachable).
const SOURCES: readonly Source[] = [
  {
    engine: 'interp',
    file: 'core/vm/predecode.ts',
    rows: /^ {2}[a-z]\w+: \d|^export const (LDX|LDSX|ST)_CODE/,
    entries: /\b\w+: \d+,? ?/g,
  },
  { engine: 'interp', file: 'core/vm/interp-loop.ts', rows: /^ {6}case \d+:/ },
  { engine: 'interp', file: 'core/vm/atomics.ts', rows: /^ {4}case 0x\w\w:/ },
  { engine: 'jit', file: 'core/vm/jit/emit.ts', rows: /^ {2}j\w+: \[OP|^ {4}case CLASS/ },
  { engine: 'jit', file: 'core/vm/jit/emit-alu.ts', rows: /^ {2}\w+: \[?OP\.|^ {4}case '/ },
  { engine: 'jit', file: 'core/vm/jit/emit-memory.ts', rows: /^ {2}\w+: (\[?OP\.|undefined)/ },
  { engine: 'jit', file: 'core/vm/jit/structure.ts', rows: /^ {6}case '(exit|goto|fall|branch)'/ },
  { engine: 'native', file: 'native/engine/semantics.h', rows: /^SKEP_(ALU|JUMP|ATOMIC)_MEANS\(/ },
  { engine: 'native', file: 'native/engine/loop.cc', rows: /^L_\w+:/ },
];

interface Mutant {
  readonly source: Source;
  /** `file:line what`. */
  readonly name: string;
  readonly text: string;
}

/** Copies of a source, each without one of its rows. */
function mutants(source: Source): Mutant[] {
  const lines = readFileSync(join(root, source.file), 'utf8').split('\n');
  const out: Mutant[] = [];
  const without = (line: number, what: string, left: string) => {
    const text = [...lines.slice(0, line), left, ...lines.slice(line + 1)].join('\n');
    out.push({ source, name: `${source.file}:${line + 1} ${what}`, text });
  };
  lines.forEach((line, at) => {
    if (!source.rows.test(line)) return;
    if (source.entries) {
      for (const entry of line.matchAll(source.entries)) {
        if (/unreachable|scratch|step/.test(entry[0])) continue;
        without(at, entry[0].trim(), line.slice(0, entry.index) + line.slice(entry.index + entry[0].length));
      }
      return;
    }
    // A row goes; of a case only the head, and of a label too: what it did is then part of what stands before.
    const head = /^\s*(case [^:]+:|L_\w+:)/.exec(line);
    without(at, (head?.[0] ?? line).trim(), head ? line.slice(head[0].length) : '');
  });
  return out;
}

const all = SOURCES.map(mutants);

describe('an operator deleted from an engine in TypeScript', () => {
  /** Imports by their place in the tree, from wherever the copy lies. */
  const placed = (file: string, text: string) =>
    text.replace(/from '(\.[^']+)'/g, (_, path) => `from '${resolve(root, dirname(file), path)}'`);

  it('fails the type check, whichever it is', () => {
    mkdirSync(folder, { recursive: true });
    const wanted: string[] = [];
    const put = (name: string, file: string, text: string) => writeFileSync(join(folder, name), placed(file, text));
    SOURCES.forEach((source, s) => {
      if (source.engine === 'native') return;
      expect(all[s]!.length, source.file).toBeGreaterThan(3);
      put(`whole-${s}.ts`, source.file, readFileSync(join(root, source.file), 'utf8'));
      all[s]!.forEach((mutant, m) => {
        put(`without-${s}-${m}.ts`, source.file, mutant.text);
        wanted.push(`without-${s}-${m}.ts ${mutant.name}`);
      });
    });
    // Only what the build says too, without its complaints about names that are no longer used.
    const base = JSON.parse(readFileSync(join(root, 'tsconfig.base.json'), 'utf8')).compilerOptions;
    const compilerOptions = {
      ...base,
      ...{
        composite: false,
        declaration: false,
        emitDeclarationOnly: false,
        noEmit: true,
        rewriteRelativeImportExtensions: false,
      },
      ...{ noUnusedLocals: false, noUnusedParameters: false, lib: ['ES2022'], types: [] },
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const failed = new Set<string>();
    // Where a switch has lost its first head the grammar is broken, and of such errors alone the compiler tells: so a second look without them.
    for (const _ of ['grammar', 'types']) {
      const { stdout } = spawnSync(
        process.execPath,
        [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'],
        { encoding: 'utf8', cwd: folder },
      );
      for (const [, name] of stdout.matchAll(/^(?:.*\/)?(\w+-[\d-]+\.ts)\(/gm)) failed.add(name!);
      for (const name of failed) rmSync(join(folder, name), { force: true });
    }
    expect([...failed].filter((name) => name.startsWith('whole'))).toEqual([]);
    expect(wanted.filter((line) => !failed.has(line.split(' ')[0]!))).toEqual([]);
    expect(wanted.length).toBeGreaterThan(150);
  });
});

const compiler = spawnSync('g++', ['--version']).status === 0;

it.runIf(!compiler)('an operator deleted from the C++ engine is not tried: no g++', (context) => context.skip());

describe.skipIf(!compiler)('an operator deleted from the C++ engine', () => {
  const every = process.env['SKEP_EVERY_OPERATOR'] !== undefined;
  const natives = SOURCES.flatMap((source, s) => (source.engine === 'native' ? all[s]! : []));
  const kind = (mutant: Mutant) => / (\w+?_[A-Z]+|L_)/.exec(mutant.name)?.[1];
  const chosen = every ? natives : natives.filter((m, i) => natives.findIndex((n) => kind(n) === kind(m)) === i);

  /** Does the loop compile with one file in the place of another? */
  function compiles(file: string, text: string, name: string): boolean {
    // The loop includes `engine/semantics.h`: a folder with the copy comes before the real one.
    const place = join(folder, name, file.replace(/^native\//, ''));
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
    const loop = file.endsWith('loop.cc') ? place : join(root, 'native/engine/loop.cc');
    const args = ['-std=c++20', '-fsyntax-only', '-w', '-I', join(folder, name), '-I', join(root, 'native'), loop];
    return spawnSync('g++', args).status === 0;
  }

  it('there are operators of every kind, and the whole loop compiles', () => {
    expect(natives.length).toBeGreaterThan(40);
    const file = 'native/engine/semantics.h';
    expect(compiles(file, readFileSync(join(root, file), 'utf8'), 'whole')).toBe(true);
  });

  it.each(chosen.map((mutant) => [mutant.name, mutant] as const))('fails its compilation: %s', (_, mutant) => {
    expect(compiles(mutant.source.file, mutant.text, `without-${natives.indexOf(mutant)}`)).toBe(false);
  });
});
