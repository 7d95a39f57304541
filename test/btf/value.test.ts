import { describe, expect, it } from 'vitest';
import { BpfError } from '../../core/base/errors.ts';
import { encoder } from '../../core/btf/encode.ts';
import { decoder } from '../../core/btf/value.ts';
import { BtfBuilder } from '../../core/btf/write.ts';

const b = new BtfBuilder();
const char = b.int('char', 1, { signed: true });
const u8 = b.int('unsigned char', 1);
const s16 = b.int('short', 2, { signed: true });
const u32 = b.int('unsigned int', 4);
const s32 = b.int('int', 4, { signed: true });
const u64 = b.int('unsigned long', 8);
const u128 = b.int('unsigned __int128', 16);
const bool = b.int('_Bool', 1, { bool: true });
const state = b.enumeration('state', [
  { name: 'OPEN', value: 1n },
  { name: 'SHUT', value: -1n },
]);
const plain = (name: string, type: number, byteOffset: number) => ({
  name,
  type,
  bitOffset: byteOffset * 8,
  bitSize: 0,
});
const bits = (name: string, type: number, bitOffset: number, bitSize: number) => ({ name, type, bitOffset, bitSize });
const address = b.composite('union', 'address', 16, [plain('v4', u32, 0), plain('v6', b.array(u8, 16), 0)]);
const event = b.composite('struct', 'event', 104, [
  plain('pid', b.typedef('pid_t', s32), 0),
  plain('comm', b.array(char, 16), 4),
  plain('ok', bool, 20),
  plain('small', s16, 22),
  plain('ts', u64, 24),
  plain('where', address, 32),
  plain('next', b.ptr(0), 48),
  bits('low', u32, 56 * 8, 3),
  bits('signedBits', s32, 56 * 8 + 3, 5),
  bits('across', u64, 56 * 8 + 30, 33),
  plain(
    '',
    b.composite('union', '', 8, [
      plain('both', u64, 0),
      plain('', b.composite('struct', '', 8, [plain('first', u32, 0), plain('second', u32, 4)]), 0),
    ]),
    64,
  ),
  plain('state', state, 72),
  plain('pair', b.array(s16, 2), 76),
  plain('wide', u128, 80),
  plain('ratio', b.float('double', 8), 96),
]);
const btf = b.build();

const VALUE = {
  pid: -7,
  comm: 'caf\u00e9',
  ok: true,
  small: -300,
  ts: 0xfedcba9876543210n,
  where: { v4: 0x0100007f, v6: Uint8Array.from([127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]) },
  next: 0xffff888000001000n,
  low: 5,
  signedBits: -16,
  across: 0x1_8000_0001n,
  both: 0x0000000200000001n,
  first: 1,
  second: 2,
  state: -1,
  pair: [-1, 2],
  wide: (1n << 100n) + 3n,
  ratio: 0.5,
};

describe('values by BTF type', () => {
  const decode = decoder(btf, event);
  const encode = encoder(btf, event);

  it('go to bytes and come back', () => {
    expect(decode(encode(VALUE))).toEqual(VALUE);
  });

  it('are the same by code made for the type', () => {
    const compiled = decoder(btf, event, { compile: (a, b, body) => new Function(a, b, body) });
    expect(compiled(encode(VALUE))).toEqual(VALUE);
    // Many records of one array, at all alignments: from the second on, 64-bit words are read as such where they are aligned.
    const one = encode(VALUE);
    for (const lead of [0, 3, 4, 8]) {
      const many = new Uint8Array(new ArrayBuffer(lead + 3 * (one.length + 1)), lead);
      const starts = [0, 8 * Math.ceil(one.length / 8), many.length - one.length].filter(
        (at) => at + one.length <= many.length,
      );
      for (const at of [...starts, ...starts]) {
        many.set(one, at);
        expect(compiled(many, at)).toEqual(VALUE);
      }
    }
    // Texts that were remembered are those of their bytes, whatever was there before.
    const names = new BtfBuilder();
    const comm = names.array(names.int('char', 1, { signed: true, char: true }), 16);
    const name = decoder(names.build(), comm);
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 5000; i++) {
        const bytes = new Uint8Array(16);
        bytes.set([...`name ${i}`].map((c) => c.charCodeAt(0)));
        if (name(bytes) !== `name ${i}`) expect(name(bytes)).toBe(`name ${i}`);
      }
    expect(name(new Uint8Array(16))).toBe('');
    expect(decoder(btf, u32, { compile: (a, b, body) => new Function(a, b, body) })(Uint8Array.of(1, 2, 0, 0))).toBe(
      513,
    );
    const named = new BtfBuilder();
    const hostile = named.composite('struct', 'x', 4, [plain('__proto__', named.int('int', 4), 0)]);
    const value = decoder(named.build(), hostile, { compile: (a, b, body) => new Function(a, b, body) })(
      Uint8Array.of(1, 0, 0, 0),
    );
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('lie in memory as C lays them', () => {
    const bytes = encode({ pid: 1, low: 1, signedBits: -1, comm: 'ab', second: 0x01020304, ts: 2n });
    expect([...bytes.subarray(0, 8)]).toEqual([1, 0, 0, 0, 97, 98, 0, 0]);
    expect(bytes[24]).toBe(2);
    expect(bytes[56]).toBe(0b11111001);
    expect([...bytes.subarray(64, 72)]).toEqual([0, 0, 0, 0, 4, 3, 2, 1]);
  });

  it('are read at any place of a larger buffer', () => {
    const ring = new Uint8Array(300);
    encode(VALUE, ring, 37);
    expect(decode(ring, 37)).toEqual(VALUE);
    expect(decode(ring.subarray(30), 7)).toEqual(VALUE);
  });

  it('give char arrays as bytes and enums by name when asked', () => {
    const value = decoder(btf, event, { chars: 'bytes', enums: 'name' })(
      encode({ comm: 'x', state: 'OPEN' }),
    ) as Record<string, unknown>;
    expect(value['comm']).toEqual(Uint8Array.from([120, ...new Array<number>(15).fill(0)]));
    expect(value['state']).toBe('OPEN');
    expect(decoder(btf, state, { enums: 'name' })(Uint8Array.of(9, 0, 0, 0))).toBe(9);
  });

  it('fill a char array to its last byte', () => {
    expect(decode(encode({ comm: '0123456789abcdef' }))).toMatchObject({ comm: '0123456789abcdef' });
  });

  it.each<[string, unknown, string]>([
    ['too large', { small: 40000 }, "field 'small': 40000 does not fit short (-32768 to 32767)"],
    ['negative', { where: { v4: -1 } }, "field 'where.v4': -1 does not fit unsigned int (0 to 4294967295)"],
    ['in an array', { pair: [1, 1.5] }, "field 'pair[1]': 1.5 is not an integer (short)"],
    ['too many', { pair: [1, 2, 3] }, "field 'pair': 3 elements do not fit short[2]"],
    ['too long', { comm: 'seventeen letters' }, "field 'comm': 17 bytes do not fit char[16]"],
    ['a bitfield', { low: 8 }, "field 'low': 8 does not fit unsigned int:3 (0 to 7)"],
    ['no such field', { smal: 1 }, "field 'smal': struct event has no such field; did you mean small?"],
    ['no such enumerator', { state: 'OPNE' }, "field 'state': enum state has no enumerator 'OPNE'; did you mean OPEN?"],
    ['not exact', { ts: 2 ** 53 }, "field 'ts': 9007199254740992 is not exact, write it as a bigint (unsigned long)"],
    ['no object', 5, '5 is not an object (struct event)'],
    ['text for a number', { pid: 'x' }, `field 'pid': "x" is not an integer (pid_t)`],
  ])('refuse what is wrong by name: %s', (_what, value, says) => {
    expect(() => encode(value)).toThrow(new BpfError('VALUE', says));
  });

  it('refuse too few bytes, and types without a value', () => {
    expect(() => decode(new Uint8Array(103))).toThrow('a struct event takes 104 bytes, there are 103');
    expect(() => encode({}, new Uint8Array(10))).toThrow('a struct event takes 104 bytes, there are 10');
    expect(() => decoder(btf, 0)).toThrow('a void has no size');
  });
});
