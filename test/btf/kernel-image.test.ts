import { describe, expect, it } from 'vitest';
// @ts-expect-error a build script in plain JavaScript
import { unpackLz4Legacy } from '../../scripts/btf/kernel-image.mjs';

const block = (...bytes: number[]): number[] => [bytes.length, 0, 0, 0, ...bytes];
const frame = (...blocks: number[][]): Buffer => Buffer.from([0x02, 0x21, 0x4c, 0x18, ...blocks.flat()]);

describe('LZ4 legacy frames', () => {
  it('literals, and a match that overlaps itself', () => {
    // 3 literals 'abc', then 7 bytes from 3 back, then 2 literals.
    expect(unpackLz4Legacy(frame(block(0x33, 97, 98, 99, 3, 0, 0x20, 33, 33)), 12).toString()).toBe('abcabcabca!!');
  });

  it('long lengths', () => {
    // 15 + 5 literals, then a match of 15 + 255 + 2 + 4 bytes.
    const text = unpackLz4Legacy(
      frame(block(0xff, 5, ...new Array<number>(20).fill(120), 1, 0, 255, 2, 0x10, 46)),
      20 + 276 + 1,
    ).toString();
    expect(text).toBe('x'.repeat(296) + '.');
  });

  it('several blocks', () => {
    expect(unpackLz4Legacy(frame(block(0x20, 97, 98), block(0x10, 99)), 3).toString()).toBe('abc');
  });

  it('damage', () => {
    expect(() => unpackLz4Legacy(Buffer.from([1, 2, 3, 4]), 3)).toThrow('not an LZ4 legacy frame');
    expect(() => unpackLz4Legacy(frame(block(0x13, 97, 9, 0)), 8)).toThrow('LZ4 match runs over');
    expect(() => unpackLz4Legacy(frame(block(0xf0, 97)), 8)).toThrow('LZ4 literals run over');
    expect(() => unpackLz4Legacy(frame(block(0x10, 97)), 8)).toThrow('ended after 1 of 8 bytes');
  });
});
