/**
 * Data-file cases of the verifier (data/*.txt). A file is a list of cases:
 *
 *   == name of the case
 *   type: xdp                      program type; further headers: attach, license, map (index order), unprivileged, sleepable,
 *                                  strict, kernel
 *   map: hash 4 8 16               type, key size, value size, entries, [flags, [`frozen`: it is full of that byte, and nobody may change it]];
 *                                  `65 x TYPE ...` is as many maps
 *   code:
 *     r0 = 0                       the assembler's notation; map[id:0] is the first map
 *     repeat 3: f#: r0 = # | exit  as many times the lines between the bars, # the number of the time
 *     exit
 *   says: ok                       or the last line of the log
 *
 * `types: yes` gives the verifier a kernel's BTF; `oracle: no` marks a case the real kernel is not asked about (it has a `kernel:` or `unprivileged:` header, say).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { helperByName } from '../../core/helpers/index.ts';
import { assemble } from '../../core/isa/asm.ts';
import type { MapSpec, ProgSpec } from '../../core/spec/spec.ts';

export interface Case {
  readonly file: string;
  readonly name: string;
  readonly type: string;
  readonly attach: string | undefined;
  readonly target: string | undefined;
  readonly license: string;
  readonly maps: readonly MapSpec[];
  readonly privileged: boolean;
  readonly kernel: string | undefined;
  readonly strict: boolean;
  readonly sleepable: boolean;
  readonly typed: boolean;
  readonly oracle: boolean;
  readonly insns: Uint8Array;
  readonly says: string;
}

export function makeMap(index: number, text: string): MapSpec {
  const [type = 'array', key = '4', value = '8', entries = '1', flags = '0', frozen] = text.split(/\s+/);
  const bytes = () => new Uint8Array(Number(value)).fill(Number(frozen));
  return {
    name: `m${index}`,
    type,
    keySize: Number(key),
    valueSize: Number(value),
    maxEntries: Number(entries),
    flags: Number(flags),
    keyType: 0,
    valueType: 0,
    ...(frozen !== undefined && { readOnly: true, initial: [{ key: new Uint8Array(Number(key)), value: bytes() }] }),
  };
}

export function makeProg(c: Pick<Case, 'name' | 'type' | 'attach' | 'target' | 'license' | 'insns'>): ProgSpec {
  return {
    name: c.name,
    type: c.type,
    ...(c.attach === undefined ? {} : { attachType: c.attach }),
    ...(c.target === undefined ? {} : { attach: { kind: c.type, target: c.target } }),
    section: c.type,
    insns: c.insns,
    relocs: [],
    funcs: [],
    lines: [],
    license: c.license,
  };
}

/** A case as it stands in its file. Of a header that stands there more than once `lists` has all. */
interface Block {
  readonly name: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly code: string;
}

function repeated(line: string): string {
  const [, times, text] = /^\s*repeat (\d+): (.*)$/.exec(line) ?? [];
  if (times === undefined) return line;
  return Array.from({ length: Number(times) }, (_, i) => text!.replaceAll('#', String(i)).replaceAll(' | ', '\n')).join(
    '\n',
  );
}

function manyMaps(text: string): string[] {
  const [, times, one] = /^(\d+) x (.*)$/.exec(text) ?? [];
  return times === undefined ? [text] : new Array<string>(Number(times)).fill(one!);
}

export function readBlocks(text: string): Block[] {
  return text
    .split(/^== /m)
    .slice(1)
    .map((block) => {
      const lines = block.split('\n');
      const lists = new Map<string, string[]>();
      let code = '';
      let inCode = false;
      for (const line of lines.slice(1)) {
        const header = /^([a-z]+):\s*(.*)$/.exec(line);
        if (header) {
          inCode = header[1] === 'code';
          lists.set(header[1]!, [...(lists.get(header[1]!) ?? []), header[2]!.trim()]);
        } else if (inCode) code += `${repeated(line)}\n`;
      }
      return { name: lines[0]!.trim(), headers: new Map([...lists].map(([k, v]) => [k, v.at(-1)!])), lists, code };
    });
}

export function parseCases(file: string, text: string): Case[] {
  return readBlocks(text).map(({ name, headers, lists, code }) => {
    const maps = (lists.get('map') ?? []).flatMap(manyMaps).map((m, i) => makeMap(i, m));
    return {
      file,
      name,
      type: headers.get('type') ?? 'socket_filter',
      attach: headers.get('attach'),
      target: headers.get('target'),
      license: headers.get('license') ?? 'GPL',
      maps,
      privileged: headers.get('unprivileged') !== 'yes',
      kernel: headers.get('kernel'),
      strict: headers.get('strict') === 'yes',
      typed: headers.get('types') === 'yes',
      sleepable: headers.get('sleepable') === 'yes',
      oracle: headers.get('oracle') !== 'no' && !headers.has('kernel') && headers.get('unprivileged') !== 'yes',
      insns: headers.has('hex')
        ? Uint8Array.from(Buffer.from(headers.get('hex')!.replace(/\s/g, ''), 'hex'))
        : assemble(code, { file: `${file}: ${name}`, helper: (n) => helperByName(n)?.id }),
      says: headers.get('says') ?? 'ok',
    };
  });
}

export function allCases(): Case[] {
  const folder = new URL('data/', import.meta.url);
  return readdirSync(folder)
    .filter((f) => f.endsWith('.txt'))
    .sort()
    .flatMap((f) => parseCases(f, readFileSync(new URL(f, folder), 'utf8')));
}
