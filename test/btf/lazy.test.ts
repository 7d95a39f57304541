/** Views of records: the same values as the decoder's, when they are looked at, and what a view is not. */
import { describe, expect, it } from 'vitest';
import { lazyDecoder, snapshot } from '../../core/btf/lazy.ts';
import { decoder } from '../../core/btf/value.ts';
import { BtfBuilder } from '../../core/btf/write.ts';

const b = new BtfBuilder();
const u32 = b.int('unsigned int', 4);
const s32 = b.int('int', 4, { signed: true });
const u64 = b.int('unsigned long', 8);
const s64 = b.int('long', 8, { signed: true });
const s8 = b.int('signed char', 1, { signed: true });
const u8 = b.int('unsigned char', 1);
const u16 = b.int('unsigned short', 2);
const bool = b.int('_Bool', 1, { bool: true });
const char = b.int('char', 1, { signed: true, char: true });
const at = (name: string, type: number, offset: number) => ({ name, type, bitOffset: offset * 8, bitSize: 0 });
const pair = b.composite('struct', 'pair', 8, [at('x', u32, 0), at('y', s32, 4)]);
const bits = { name: 'flags', type: u32, bitOffset: 60 * 8 + 3, bitSize: 5 };
const type = b.composite('struct', 'event', 64, [
  at('ts', u64, 0),
  at('pid', u32, 8),
  at('ret', s32, 12),
  at('delta', s64, 16),
  at('tiny', s8, 24),
  at('octet', u8, 25),
  at('port', u16, 26),
  at('ok', bool, 28),
  at('comm', b.array(char, 8), 32),
  at('where', pair, 40),
  at('', b.composite('union', '', 8, [at('v4', u32, 0), at('v8', u64, 0)]), 48),
  at('two', b.array(u16, 2), 56),
  bits,
]);
const btf = b.build();
const bytes = Uint8Array.from({ length: 128 }, (_, i) => (i * 37 + 11) & 0xff);
bytes.set([0x68, 0x69, 0], 32);
bytes[28] = 1;

type Event = Record<string, unknown> & { where: Record<string, unknown> };
const view = lazyDecoder(btf, type);
const whole = decoder(btf, type);

describe('a lazy view', () => {
  it.each([0, 64, 7])('has the values of the whole object (offset %i)', (offset) => {
    const lazy = view(bytes, offset) as Event;
    const plain = whole(bytes, offset) as Event;
    expect(Object.keys(plain)).toHaveLength(14);
    for (const name of Object.keys(plain)) {
      if (name === 'where') expect([lazy.where['x'], lazy.where['y']]).toEqual([plain.where['x'], plain.where['y']]);
      else expect([name, lazy[name]]).toEqual([name, plain[name]]);
    }
    expect(snapshot(lazy)).toEqual(plain);
    expect(snapshot(lazy.where)).toEqual(plain.where);
  });

  it('tells its fields to whoever asks', () => {
    const names: string[] = [];
    for (const name in view(bytes) as Event) names.push(name);
    expect(names).toEqual(Object.keys(whole(bytes) as Event));
    expect('pid' in (view(bytes) as Event)).toBe(true);
    expect('nothing' in (view(bytes) as Event)).toBe(false);
  });

  it('reads the bytes as they are now; a snapshot, and a view of a copy, do not change', () => {
    const record = bytes.slice(0, 64);
    const lazy = view(record) as Event;
    const kept = snapshot(lazy);
    const copied = view(record.slice()) as Event;
    const before = lazy['pid'];
    record.fill(0xff, 8, 12);
    expect([lazy['pid'], kept['pid'], copied['pid']]).toEqual([0xffffffff, before, before]);
  });

  it('cannot be assigned to', () => {
    const lazy = view(bytes) as Event;
    expect(() => {
      lazy['pid'] = 1;
    }).toThrow(TypeError);
  });

  it('wants all bytes of the record', () => {
    expect(() => view(bytes, 65)).toThrow('a struct event takes 64 bytes, there are 63');
    expect(() => view(bytes, -1)).toThrow('struct event');
  });

  it('is for structs', () => {
    expect(() => lazyDecoder(btf, u64)).toThrow('has no fields');
    expect(snapshot(5)).toBe(5);
    expect(snapshot(undefined)).toBe(undefined);
    expect(snapshot({ a: 1 })).toEqual({ a: 1 });
  });
});
