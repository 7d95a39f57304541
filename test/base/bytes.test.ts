import { describe, expect, it } from 'vitest';
import { utf8Decode } from '../../core/base/bytes.ts';

describe('text of bytes', () => {
  it('is the same wherever a long run of ASCII is cut', () => {
    for (const before of [0, 1, 4094, 4095, 4096, 4097, 12_288]) {
      const text = `${'x'.repeat(before)}é${'y'.repeat(before)}€😀`;
      expect(utf8Decode(new TextEncoder().encode(text))).toBe(text);
    }
    expect(utf8Decode(Uint8Array.from([65, 0xff, 66, 0xc3]))).toBe('A\ufffdB\ufffd');
  });
});
