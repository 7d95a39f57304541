import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../core/base/errors.ts';
import type { Btf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { BtfBuilder } from '../../core/btf/write.ts';

/** One type of every kind. */
function everyKind(): Btf {
  const b = new BtfBuilder();
  const int = b.int('int', 4, { signed: true });
  const bool = b.int('_Bool', 1, { bool: true });
  const char = b.int('char', 1, { signed: true, char: true });
  const node = b.declare('struct', 'node');
  b.complete(node, 24, [
    { name: 'next', type: b.ptr(node), bitOffset: 0, bitSize: 0 },
    { name: 'flag', type: int, bitOffset: 64, bitSize: 3 },
    { name: 'rest', type: int, bitOffset: 67, bitSize: 29 },
    { name: 'name', type: b.array(char, 8), bitOffset: 128, bitSize: 0 },
  ]);
  b.composite('union', 'either', 4, [
    { name: 'a', type: int, bitOffset: 0, bitSize: 0 },
    { name: 'b', type: bool, bitOffset: 0, bitSize: 0 },
  ]);
  b.enumeration('color', [
    { name: 'RED', value: 0n },
    { name: 'BLUE', value: -2n },
  ]);
  b.enumeration(
    'big',
    [
      { name: 'HUGE', value: 1n << 40n },
      { name: 'LESS', value: -(1n << 40n) },
    ],
    { signed: true },
  );
  b.fwd('hidden');
  b.fwd('node');
  b.typedef('node_t', b.qualified('const', b.qualified('volatile', node)));
  const proto = b.funcProto(int, [
    { name: 'x', type: b.qualified('restrict', b.ptr(char)) },
    { name: '', type: 0 },
  ]);
  b.func('work', proto, 'static');
  const v = b.variable('counter', b.typeTag('percpu', int), 'extern');
  b.datasec('.bss', 4, [{ type: v, offset: 0, size: 4 }]);
  b.float('double', 8);
  b.declTag('ctx', v, -1);
  return b.build();
}

/** The same file in the other byte order. */
function bigEndian(little: Uint8Array): Uint8Array {
  const out = little.slice();
  const size = new DataView(little.buffer, little.byteOffset).getUint32(12, true);
  [out[0], out[1]] = [little[1]!, little[0]!];
  for (let at = 4; at < 24 + size; at += 4) for (let i = 0; i < 4; i++) out[at + i] = little[at + 3 - i]!;
  return out;
}

const decodeAll = (btf: Btf) => Array.from({ length: btf.typeCount }, (_, id) => btf.type(id));

describe('readBtf', () => {
  const btf = everyKind();

  it('decodes every kind', () => {
    const seen = new Set(decodeAll(btf).map((t) => t.kind));
    expect([...seen].sort()).toEqual([
      'array',
      'const',
      'datasec',
      'decl_tag',
      'enum',
      'enum64',
      'float',
      'func',
      'func_proto',
      'fwd',
      'int',
      'ptr',
      'restrict',
      'struct',
      'type_tag',
      'typedef',
      'union',
      'var',
      'void',
      'volatile',
    ]);
    expect(btf.type(btf.find('int', 'int')!)).toMatchObject({
      size: 4,
      signed: true,
      char: false,
      bool: false,
      bits: 32,
      offset: 0,
    });
    expect(btf.type(btf.find('work', 'func')!)).toMatchObject({ linkage: 'static' });
    expect(btf.type(btf.find('counter', 'var')!)).toMatchObject({ linkage: 'extern' });
    expect(btf.type(btf.find('ctx', 'decl_tag')!)).toMatchObject({ component: -1 });
  });

  it('reads bitfields of a struct with kind_flag', () => {
    const node = btf.type(btf.find('node', 'struct')!);
    expect(node).toMatchObject({
      kind: 'struct',
      size: 24,
      members: [
        { name: 'next', bitOffset: 0, bitSize: 0 },
        { name: 'flag', bitOffset: 64, bitSize: 3 },
        { name: 'rest', bitOffset: 67, bitSize: 29 },
        { name: 'name', bitOffset: 128, bitSize: 0 },
      ],
    });
  });

  it('reads bitfields written the old way, by narrow ints', () => {
    const b = new BtfBuilder();
    const narrow = b.int('unsigned int', 4, { bits: 5, bitOffset: 2 });
    b.composite('struct', 'old', 4, [{ name: 'f', type: b.typedef('five', narrow), bitOffset: 8, bitSize: 0 }]);
    const old = b.build();
    expect(old.type(old.find('old', 'struct')!)).toMatchObject({ members: [{ name: 'f', bitOffset: 10, bitSize: 5 }] });
  });

  it('finds names by kind, and enumerators with their sign', () => {
    expect(btf.find('node', 'struct')).not.toBe(btf.find('node', 'fwd'));
    expect(btf.find('node', 'union')).toBeUndefined();
    expect(btf.find('', 'struct')).toBeUndefined();
    expect([...btf.names('fwd')]).toEqual(['hidden', 'node']);
    expect(btf.findEnumerator('BLUE')?.value).toBe(-2n);
    expect(btf.findEnumerator('LESS')?.value).toBe(-(1n << 40n));
    expect(btf.findEnumerator('HUGE')).toEqual({ value: 1n << 40n, enumId: btf.find('big', 'enum64') });
    expect(btf.findEnumerator('GREEN')).toBeUndefined();
  });

  it('gives the same object every time, and a RangeError outside', () => {
    expect(btf.type(3)).toBe(btf.type(3));
    expect(() => btf.type(btf.typeCount)).toThrow(RangeError);
    expect(() => btf.type(-1)).toThrow(RangeError);
    expect(() => btf.type(1.5)).toThrow(RangeError);
  });

  it('reads the other byte order, and bytes at an odd address', () => {
    expect(decodeAll(readBtf(bigEndian(btf.bytes)))).toEqual(decodeAll(btf));
    const shifted = new Uint8Array(btf.bytes.length + 1);
    shifted.set(btf.bytes, 1);
    expect(decodeAll(readBtf(shifted.subarray(1)))).toEqual(decodeAll(btf));
  });

  it('continues a base (split BTF)', () => {
    const stringBytes = new DataView(btf.bytes.buffer, btf.bytes.byteOffset).getUint32(20, true);
    // A module: typedef mod_t (name in its own strings) of the base's struct node, and a typedef named by the base's strings.
    const own = new TextEncoder().encode('\0mod_t\0');
    const node = btf.find('node', 'struct')!;
    const nodeName =
      new TextDecoder().decode(btf.bytes.subarray(btf.bytes.length - stringBytes)).indexOf('\0node\0') + 1;
    const words = new Uint32Array([
      0x1eb9f,
      24,
      0,
      24,
      24,
      own.length,
      stringBytes + 1,
      8 << 24,
      node,
      nodeName,
      8 << 24,
      btf.typeCount,
    ]);
    const module = readBtf(new Uint8Array([...new Uint8Array(words.buffer), ...own]), btf);
    expect(module.typeCount).toBe(btf.typeCount + 2);
    expect(module.type(btf.typeCount)).toMatchObject({ kind: 'typedef', name: 'mod_t', type: node });
    expect(module.type(btf.typeCount + 1)).toMatchObject({ kind: 'typedef', name: 'node', type: btf.typeCount });
    expect(module.find('mod_t', 'typedef')).toBe(btf.typeCount);
    expect(module.find('node', 'typedef')).toBe(btf.typeCount + 1);
    expect(module.find('node', 'struct')).toBe(node);
    expect([...module.names('typedef')]).toEqual(['node_t', 'mod_t', 'node']);
    expect(module.findEnumerator('RED')?.value).toBe(0n);
  });
});

describe('malformed BTF', () => {
  const good = everyKind().bytes;
  const patched = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
  it.each([
    ['no bytes', new Uint8Array(0), /too few for a header of 24 \(at byte 0\)/],
    ['an ELF file', patched(0, 0x7f, 0x45), /no magic number 0xeb9f \(at byte 0\)/],
    ['version 2', patched(2, 2), /version 2.*at byte 2/],
    ['a huge header', patched(4, 255, 255, 255, 255), /header size 4294967295 \(at byte 4\)/],
    ['a type section past the end', patched(12, 0, 0, 0, 127), /type section ends at/],
    ['an unknown kind', patched(24 + 7, 31), /type 1 has the unknown kind 31 \(at byte 24\)/],
    ['a cut file', good.subarray(0, 200), /section ends at \d+, the file at 200/],
    ['no final NUL', patched(good.length - 1, 65), /does not end with NUL/],
  ])('%s', (_what, bytes, says) => {
    expect(() => readBtf(bytes)).toThrow(says);
    expect(() => readBtf(bytes)).toThrow(BpfError);
  });

  it('a reference to no type is reported when the type is asked for', () => {
    const btf = everyKind();
    const node = btf.find('node', 'struct')!;
    let at = 24;
    while (btf.bytes[at + 7]! % 128 !== 4) at += 4 * (btf.bytes[at + 7] === 1 ? 4 : 3);
    const broken = readBtf(patched(at + 16, 0xff, 0xff, 0));
    expect(() => broken.type(node)).toThrow(
      `malformed BTF: a type refers to type 65535, the last one is ${btf.typeCount - 1} (at byte ${at + 16})`,
    );
  });

  it('random damage gives a BpfError or a type, and ends', () => {
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = good.slice(0, random(8) === 0 ? random(good.length) : good.length);
      for (let n = random(4); n >= 0 && bytes.length > 0; n--) bytes[random(bytes.length)] = random(256);
      try {
        const btf = readBtf(bytes);
        decodeAll(btf);
        btf.find('node', 'struct');
        btf.findEnumerator('RED');
      } catch (error) {
        if (!(error instanceof BpfError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});

const LIVE = '/sys/kernel/btf/vmlinux';
describe.skipIf(!existsSync(LIVE))(`the running kernel's BTF (needs ${LIVE})`, () => {
  it('opens fast and decodes whole', () => {
    const bytes = readFileSync(LIVE);
    const start = performance.now();
    const btf = readBtf(bytes);
    const opened = performance.now() - start;
    expect(opened).toBeLessThan(200);
    expect(btf.type(btf.find('task_struct', 'struct')!)).toMatchObject({ kind: 'struct', name: 'task_struct' });
    for (let id = 0; id < btf.typeCount; id++) btf.type(id);
    expect(btf.findEnumerator('BPF_MAP_TYPE_RINGBUF')?.value).toBe(27n);
  });
});
