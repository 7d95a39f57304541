import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  alignOf,
  fields,
  findField,
  findMember,
  nearestFields,
  offsetOf,
  pointee,
  resolve,
  sizeOf,
} from '../../core/btf/layout.ts';
import { readBtf } from '../../core/btf/read.ts';
import { BtfBuilder } from '../../core/btf/write.ts';

const plain = (name: string, type: number, byteOffset: number) => ({
  name,
  type,
  bitOffset: byteOffset * 8,
  bitSize: 0,
});

describe('layout', () => {
  const b = new BtfBuilder();
  const u8 = b.int('unsigned char', 1);
  const u32 = b.int('unsigned int', 4);
  const u64 = b.int('unsigned long', 8);
  const anonymous = b.composite('union', '', 8, [plain('whole', u64, 0), plain('parts', b.array(u32, 2), 0)]);
  const inner = b.composite('struct', 'inner', 16, [plain('tag', u8, 0), plain('', anonymous, 8)]);
  const outer = b.composite('struct', 'outer', 48, [
    plain('first', b.typedef('inner_t', b.qualified('const', inner)), 0),
    plain('', b.composite('struct', '', 16, [plain('deep', u32, 0), plain('', anonymous, 8)]), 16),
    { name: 'low', type: u32, bitOffset: 256, bitSize: 5 },
    { name: '', type: u32, bitOffset: 261, bitSize: 3 },
    { name: 'high', type: u32, bitOffset: 264, bitSize: 24 },
    plain('next', b.ptr(b.fwd('outer')), 40),
  ]);
  const packed = b.composite('struct', 'packed', 5, [plain('a', u8, 0), plain('b', u32, 1)]);
  const loop = b.declare('struct', 'loop');
  b.complete(loop, 8, [plain('', loop, 0)]);
  const unknown = b.fwd('unknown');
  const proto = b.funcProto(0, []);
  const btf = b.build();

  it('gives sizes', () => {
    expect(sizeOf(btf, btf.find('inner_t', 'typedef')!)).toBe(16);
    expect(sizeOf(btf, anonymous)).toBe(8);
    expect(sizeOf(btf, findField(btf, outer, 'next')!.type)).toBe(8);
    expect(sizeOf(btf, findField(btf, outer, 'parts')!.type)).toBe(8);
    expect(() => sizeOf(btf, unknown)).toThrow('struct unknown is only declared in this BTF, its size is not known');
    expect(() => sizeOf(btf, 0)).toThrow('a void has no size');
    expect(() => sizeOf(btf, proto)).toThrow('a func proto has no size');
  });

  it('gives alignments', () => {
    expect([u8, u32, u64, inner, outer, packed].map((id) => alignOf(btf, id))).toEqual([1, 4, 8, 8, 8, 1]);
  });

  it('lists fields through anonymous members', () => {
    expect([...fields(btf, outer)].map((f) => [f.name, f.bitOffset, f.bitSize])).toEqual([
      ['first', 0, 0],
      ['deep', 128, 0],
      ['whole', 192, 0],
      ['parts', 192, 0],
      ['low', 256, 5],
      ['high', 264, 24],
      ['next', 320, 0],
    ]);
  });

  it('finds fields by path', () => {
    expect(findMember(btf, outer, 'first.whole')).toEqual({ name: 'whole', type: u64, bitOffset: 64, bitSize: 0 });
    expect(findMember(btf, outer, 'parts[1]')).toEqual({ name: 'parts', type: u32, bitOffset: 224, bitSize: 0 });
    expect(findMember(btf, outer, 'high')).toMatchObject({ bitOffset: 264, bitSize: 24 });
    expect(findMember(btf, outer, 'first.missing')).toBeUndefined();
    expect(findMember(btf, outer, 'next.low')).toBeUndefined();
    expect(findMember(btf, outer, 'low[0]')).toBeUndefined();
    expect(findMember(btf, outer, '')).toBeUndefined();
    expect(nearestFields(btf, outer, 'hihg')).toEqual(['high']);
  });

  it('follows a forward declaration to its struct', () => {
    expect(resolve(btf, pointee(btf, findField(btf, outer, 'next')!.type)!).id).toBe(outer);
  });

  it('says what is wrong with a name', () => {
    expect(offsetOf(btf, 'outer', 'first.whole')).toBe(8);
    expect(() => offsetOf(btf, 'outre', 'x')).toThrow('no struct outre in this BTF; did you mean outer?');
    expect(() => offsetOf(btf, 'outer', 'frist')).toThrow("struct outer has no field 'frist'; did you mean first?");
    expect(() => offsetOf(btf, 'outer', 'low')).toThrow("'low' of struct outer is a bitfield and has no byte offset");
  });

  it('does not follow a struct into itself for ever', () => {
    expect(() => [...fields(btf, loop)]).toThrow('never ends');
    expect(() => findField(btf, loop, 'x')).toThrow('never ends');
    expect(() => alignOf(btf, loop)).toThrow('never ends');
  });
});

describe('layout of Linux 6.1', () => {
  const btf = readBtf(
    new Uint8Array(inflateRawSync(readFileSync(new URL('../../data/btf-6.1-x86_64.btf.deflate', import.meta.url)))),
  );
  it.each([
    ['sock', '__sk_common.skc_daddr', 0],
    ['sock', '__sk_common.skc_dport', 12],
    ['sock', '__sk_common.skc_family', 16],
    ['inet_sock', 'inet_sport', 804],
    ['pt_regs', 'di', 112],
    ['sk_buff', 'len', 112],
  ])('%s.%s', (struct, path, offset) => {
    expect(offsetOf(btf, struct, path)).toBe(offset);
  });
});
