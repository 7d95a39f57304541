import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../core/base/errors.ts';
import { writeElf } from '../../core/elf/image.ts';
import { ELF_MACHINE, PT, readElf, readNotes, SHF, SHT, STB, STT } from '../../core/elf/read.ts';

const section = (name: string, data: Uint8Array, flags = 0) => ({ name, type: SHT.PROGBITS, flags, data, align: 8 });
const symbol = (name: string, value: number, binding: number, of: string | undefined) => ({
  name,
  value,
  size: 8,
  type: STT.FUNC,
  binding,
  section: of,
});

describe('ELF files', () => {
  const code = section(
    '.text',
    Uint8Array.from({ length: 32 }, (_, i) => i),
    SHF.ALLOC | SHF.EXECINSTR,
  );
  const global = symbol('open', 8, STB.GLOBAL, '.text');
  const local = symbol('helper', 16, STB.LOCAL, '.text');
  const outside = { ...symbol('printk', 0, STB.GLOBAL, undefined), type: STT.NOTYPE };
  const bytes = writeElf(
    ELF_MACHINE.BPF,
    [code, section('.rodata', Uint8Array.of(1, 2, 3))],
    [global, local, outside],
    [
      { section: '.text', offset: 16, type: 10, symbol: outside },
      { section: '.text', offset: 8, type: 1, symbol: local },
    ],
  );
  const elf = readElf(bytes);

  it('give back their sections', () => {
    expect(elf.sections.map((s) => s.name)).toEqual(['', '.text', '.rodata', '.rel.text', '.symtab', '.strtab']);
    expect([...elf.section('.text')!.data]).toEqual([...code.data]);
    expect(elf.section('.rodata')).toMatchObject({ size: 3, type: SHT.PROGBITS, flags: 0 });
    expect(elf.section('.none')).toBeUndefined();
  });

  it('give back their symbols, local ones first', () => {
    expect(elf.symbols().map((s) => [s.name, s.value, s.size, s.binding, s.section])).toEqual([
      ['', 0n, 0, STB.LOCAL, 0],
      ['helper', 16n, 8, STB.LOCAL, 1],
      ['open', 8n, 8, STB.GLOBAL, 1],
      ['printk', 0n, 8, STB.GLOBAL, 0],
    ]);
    expect(elf.section('.symtab')!.info).toBe(2);
    expect(elf.dynamicSymbols()).toEqual([]);
  });

  it('give back their relocations in order', () => {
    const names = elf.symbols().map((s) => s.name);
    expect(
      elf.relocations(elf.section('.rel.text')!).map((r) => [r.offset, r.type, names[r.symbol], r.addend]),
    ).toEqual([
      [8, 1, 'helper', undefined],
      [16, 10, 'printk', undefined],
    ]);
    expect(elf.relocations(elf.section('.text')!)).toEqual([]);
  });

  it('may be cut anywhere: an error, or what is there', () => {
    for (let size = 0; size < bytes.length; size++) expect(() => readElf(bytes.subarray(0, size))).toThrow(BpfError);
  });

  it('name the place of damage', () => {
    const broken = (at: number, ...values: number[]) => {
      const copy = bytes.slice();
      copy.set(values, at);
      return copy;
    };
    expect(() => readElf(broken(0, 0))).toThrow('no magic number 7f 45 4c 46 (at byte 0)');
    expect(() => readElf(broken(62, 200))).toThrow('section 200 is to hold the names, there are 6 (at byte 62)');
    expect(() => readElf(broken(58, 10))).toThrow('section headers of 10 bytes (at byte 58)');
    expect(() => readElf(broken(44, 1))).toThrow(`the file at ${bytes.length} (at byte 40)`);
  });
});

describe('notes', () => {
  const note = (name: string, type: number, desc: number[]): number[] => {
    const text = [...name].map((c) => c.charCodeAt(0)).concat(0);
    const pad = (b: number[]) => [...b, ...new Array<number>((4 - (b.length % 4)) % 4).fill(0)];
    return [text.length, 0, 0, 0, desc.length, 0, 0, 0, type, 0, 0, 0, ...pad(text), ...pad(desc)];
  };

  it('are read one after another', () => {
    const data = Uint8Array.from([...note('stapsdt', 3, [1, 2, 3]), ...note('GNU', 3, [9])]);
    expect(readNotes(data, 4).map((n) => [n.name, n.type, [...n.desc]])).toEqual([
      ['stapsdt', 3, [1, 2, 3]],
      ['GNU', 3, [9]],
    ]);
  });

  it('must not run past their section', () => {
    const data = Uint8Array.from(note('stapsdt', 3, [1, 2, 3]));
    data[4] = 200;
    expect(() => readNotes(data, 4)).toThrow('a note runs past its section (at byte 0)');
  });
});

const SELF = process.execPath;
const isLinux = process.platform === 'linux' && existsSync(SELF);
describe.skipIf(!isLinux)('a program of this machine (needs Linux)', () => {
  it('has segments, dynamic symbols and an address for each', () => {
    const elf = readElf(readFileSync(SELF));
    expect(elf.segments.some((s) => s.type === PT.LOAD)).toBe(true);
    const malloc = elf.dynamicSymbols().find((s) => s.name === 'napi_create_object');
    expect(malloc).toMatchObject({ type: STT.FUNC });
    expect(elf.fileOffset(malloc!.value)).toBeGreaterThan(0);
    expect(elf.fileOffset(0xffffffff81000000n)).toBeUndefined();
  });
});
