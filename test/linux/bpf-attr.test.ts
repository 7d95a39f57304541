/**
 * The table of bpf(2): unique, within itself consistent, and the same in C++ (where the compiler compares it with the machine's header).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BpfAttr } from '../../bindings/linux/bpf.ts';
import { BPF_COMMANDS, FIELD_SIZE, LAYOUTS } from '../../bindings/linux/bpf-attr.ts';
import { printBpfAttrHeader } from '../../bindings/linux/bpf-attr-header.ts';

const HEADER = new URL('../../native/linux/bpf_attr.gen.h', import.meta.url);

describe('the table of bpf(2)', () => {
  it('is printed for C++', () => {
    if (process.env['SKEP_WRITE_GEN']) writeFileSync(HEADER, printBpfAttrHeader());
    expect(readFileSync(HEADER, 'utf8')).toBe(printBpfAttrHeader());
  });

  it('has every command once, numbered without gaps', () => {
    expect(BPF_COMMANDS.map((row) => row.number)).toEqual(BPF_COMMANDS.map((_, index) => index));
    expect(new Set(BPF_COMMANDS.map((row) => row.name)).size).toBe(BPF_COMMANDS.length);
  });

  it('has each field of a layout once, aligned to its size', () => {
    for (const { fields } of Object.values(LAYOUTS)) {
      expect(new Set(fields.map((field) => field.name)).size).toBe(fields.length);
      for (const field of fields) expect(field.kind === 'name' ? 0 : field.at % FIELD_SIZE[field.kind]).toBe(0);
    }
  });
});

describe('an argument of bpf(2)', () => {
  it('holds numbers little-endian, names cut and cleaned, pointers apart', () => {
    const key = new Uint8Array(4);
    const attr = new BpfAttr('MAP_CREATE', {
      map_type: 0x01020304,
      map_name: 'a name far too long',
      map_extra: 2n ** 63n,
    });
    expect([...attr.bytes.subarray(0, 4)]).toEqual([4, 3, 2, 1]);
    expect(Buffer.from(attr.bytes.subarray(28, 44)).toString()).toBe('a_name_far_too_\0');
    expect([...attr.bytes.subarray(64)]).toEqual([0, 0, 0, 0, 0, 0, 0, 128]);
    expect(attr.pointers).toEqual([]);
    const elem = new BpfAttr('MAP_LOOKUP_ELEM', { map_fd: 3, key, value: new Uint8Array(0) });
    expect(elem.pointers).toEqual([8, key]);
    expect(elem.u32('map_fd')).toBe(3);
  });

  it('refuses fields that the command does not have, and values of the wrong kind', () => {
    expect(() => new BpfAttr('MAP_FREEZE', { insns: 1 } as never)).toThrow(/BPF_MAP_FREEZE has no field 'insns'/);
    expect(() => new BpfAttr('MAP_FREEZE', { key: 5 })).toThrow(/field 'key' is a ptr/);
    expect(() => new BpfAttr('MAP_CREATE', { map_type: 'hash' })).toThrow(/field 'map_type' is a u32/);
  });
});
