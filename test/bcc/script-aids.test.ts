import { describe, expect, it } from 'vitest';
import { inetNtop, sprintf } from '../../core/bcc/script-aids.ts';
import { bench } from './model.ts';

describe('sprintf', () => {
  it.each([
    ['%-6d|%6s|%x', [7, 'ab', 255], '7     |    ab|ff'],
    ['%u %d', [4294967295, -1], '4294967295 -1'],
    ['%llu'.replace('ll', ''), [18446744073709551615n], '18446744073709551615'],
    ['%9.3f %5.1f%%', [1.5, 99.96], '    1.500 100.0%'],
    ['%s %s %s', [5n, true, 'x'], '5 true x'],
    ['%-10.10s|', ['a long name'], 'a long nam|'],
  ] as const)('%s', (format, values, says) => {
    expect(sprintf(format, ...values)).toBe(says);
  });

  it('says what is missing or wrong', () => {
    expect(() => sprintf('%d')).toThrow();
    expect(() => sprintf('%d', 'text')).toThrow();
  });
});

describe('inetNtop', () => {
  it('takes addresses as programs send them', () => {
    expect(inetNtop(2, 0x0100007f)).toBe('127.0.0.1');
    expect(inetNtop(2, [10, 0, 0, 1])).toBe('10.0.0.1');
    expect(inetNtop(2, 0xffffffff)).toBe('255.255.255.255');
    expect(inetNtop(10, 1n << 120n)).toBe('::1');
    expect(inetNtop(10, Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9))).toBe('2001:db8::9');
    expect(inetNtop(2, [0x0100007f])).toBe('127.0.0.1');
    expect(inetNtop(10, [0xb80d0120, 0, 0, 0x01000000])).toBe('2001:db8::1');
    expect(() => inetNtop(10, [1, 2, 3])).toThrow('3 bytes; an address has 16');
    expect(() => inetNtop(1, 5)).toThrow('AF_INET6 (10)');
    expect(() => inetNtop(10, Uint8Array.of(1))).toThrow('an address has 16');
  });
});

describe('options', () => {
  it('by position are refused, not passed over', () => {
    const b = bench('connects').bpf(
      'BPF_PERF_OUTPUT(e);\nint f(void *ctx) { u32 x = 1; e.perf_submit(ctx, &x, 4); return 0; }',
    );
    expect(() => b.getTable('e').openPerfBuffer(() => {}, 64 as never)).toThrow('takes an object of options (pageCnt');
    expect(() => b.attachKprobe('tcp_v4_connect' as never)).toThrow('attachKprobe: takes an object of options');
    b.close();
  });
});
