import { describe, expect, it } from 'vitest';
import { call, put, testEnv } from './env.ts';

const EINVAL = -22n;

/** One trace_printk: the return value and the line. */
function print(format: string, ...args: (number | bigint)[]): [bigint, string | undefined] {
  const env = testEnv();
  const at = put(env, format);
  const result = call(env, 'trace_printk', at, BigInt(Buffer.byteLength(format) + 1), ...args);
  return [result, env.lines[0]];
}

const text = (format: string, ...args: bigint[]) => print(format, ...args)[1];

describe('the format language', () => {
  it('prints numbers of both widths, signed and not', () => {
    expect(text('%d %i %u', -1n, -2n, -1n)).toBe('-1 -2 4294967295');
    expect(text('%d', 0xffffffffn)).toBe('-1');
    expect(text('%ld %lu %lx', -5n, -1n, -1n)).toBe('-5 18446744073709551615 ffffffffffffffff');
    expect(text('%lld %llu %llx', -(2n ** 63n), 2n ** 53n + 1n, 0x123456789abcdefn)).toBe(
      '-9223372036854775808 9007199254740993 123456789abcdef',
    );
    expect(text('%x %X %lX', 0xabcn, 0xabcn, 0xdeadbeefcafen)).toBe('abc ABC DEADBEEFCAFE');
    expect(text('%x', 0x1_0000_0001n)).toBe('1');
  });

  it('honours flags and widths', () => {
    expect(text('[%5d] [%-5d] [%05d]', 42n, 42n, -42n)).toBe('[   42] [42   ] [-0042]');
    expect(text('[%+d] [% d] [%08lx]', 7n, 7n, 255n)).toBe('[+7] [ 7] [000000ff]');
    expect(text('[%-+6d] [%3c]', 7n, 65n)).toBe('[+7    ] [  A]');
  });

  it('keeps plain text, %% and UTF-8', () => {
    expect(print('100%% déjà vu\n')).toEqual([15n, '100% déjà vu\n']);
    expect(print('')).toEqual([0n, '']);
  });

  it('reads strings, and prints none where they cannot be read', () => {
    const env = testEnv();
    const name = put(env, 'opensnoop');
    const format = put(env, '<%s> <%12s> <%-12s>');
    call(env, 'trace_printk', format, 20n, name, name, name);
    expect(env.lines).toEqual(['<opensnoop> <   opensnoop> <opensnoop   >']);
    expect(print('<%s>', 0n)).toEqual([2n, '<>']);
    const kernel = put(env, '<%pks> <%pus>');
    call(env, 'trace_printk', kernel, 14n, name, name);
    expect(env.lines[1]).toBe('<opensnoop> <>');
  });

  it('cuts strings at 512 bytes of arguments, and refuses numbers past them', () => {
    const env = testEnv();
    const long = put(env, 'x'.repeat(600));
    expect(call(env, 'trace_printk', put(env, '%s'), 3n, long)).toBe(511n);
    expect(env.lines[0]).toBe('x'.repeat(511));
    expect(call(env, 'trace_printk', put(env, '%s%d'), 5n, long, 1n)).toBe(-28n);
    expect(env.lines.length).toBe(1);
  });

  it('prints pointers: raw, hashed, NULL, symbols', () => {
    expect(text('%px', 0xffff888000012345n)).toBe('ffff888000012345');
    expect(text('%px', 0x12n)).toBe('0000000000000012');
    expect(text('[%20px]', 0x12n)).toBe('[                  12]');
    const hashed = text('%p', 0xffff888000012345n)!;
    expect(hashed).toMatch(/^00000000[0-9a-f]{8}$/);
    expect(hashed).not.toContain('12345');
    expect(text('%pK', 0xffff888000012345n)).toBe(hashed);
    expect(text('%p', 0n)).toBe('0000000000000000');
    expect(text('%pS', 0x1234n)).toBe('0x1234');
    const env = testEnv({ ksymbol: () => ({ name: 'tcp_v4_connect', offset: 16, size: 1024, module: '' }) });
    call(env, 'trace_printk', put(env, '%ps %pS %pB'), 12n, 1n, 1n, 1n);
    expect(env.lines[0]).toBe('tcp_v4_connect tcp_v4_connect+0x10/0x400 tcp_v4_connect+0x11/0x400');
  });

  it('prints addresses that lie in memory', () => {
    const env = testEnv();
    const v4 = put(env, Uint8Array.of(10, 0, 0, 200));
    const v6 = put(env, Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
    call(env, 'trace_printk', put(env, '%pI4 %pi4 %pI6'), 15n, v4, v4, v6);
    call(env, 'trace_printk', put(env, '%pi6 %pI4'), 10n, v6, 5n);
    expect(env.lines).toEqual([
      '10.0.0.200 010.000.000.200 2001:0db8:0000:0000:0000:0000:0000:0001',
      '20010db8000000000000000000000001 0.0.0.0',
    ]);
  });

  it.each([
    '%f',
    '%5.2d',
    '%*d',
    '%hd',
    '%n',
    '%',
    '%l',
    '%pZ',
    '%pI5',
    '%sx',
    '%pksx',
    '\u0001',
    '%zu',
    '%Ld',
    '%#x',
  ])('refuses %j', (format) => {
    expect(print(format, 1n, 2n, 3n)).toEqual([EINVAL, undefined]);
  });

  it('refuses more conversions than arguments, and text without an end', () => {
    expect(print('%d %d %d %d', 1n, 2n, 3n)[0]).toBe(EINVAL);
    const env = testEnv();
    expect(call(env, 'trace_printk', put(env, 'abcdef'), 3n)).toBe(EINVAL);
  });

  it('prints 1023 bytes at most, and returns the whole length', () => {
    const [length, line] = print('y'.repeat(1500));
    expect([length, line?.length]).toEqual([1500n, 1023]);
  });
});

describe('trace_vprintk and snprintf', () => {
  it('take an array of arguments', () => {
    const env = testEnv();
    const list = env.memory.alloc(96);
    for (let i = 0; i < 5; i++) env.memory.view.setBigInt64(list + 8 * i, BigInt(i * i), true);
    const format = put(env, '%d %d %d %d %lld');
    expect(call(env, 'trace_vprintk', format, 17n, list, 40n)).toBe(10n);
    expect(env.lines).toEqual(['0 1 4 9 16']);
    expect(call(env, 'trace_vprintk', format, 17n, list, 36n)).toBe(EINVAL);
    expect(call(env, 'trace_vprintk', format, 17n, list, 104n)).toBe(EINVAL);
    expect(call(env, 'trace_vprintk', format, 17n, 0, 40n)).toBe(EINVAL);
  });

  it('snprintf cuts, ends with NUL, and returns what it would have needed', () => {
    const env = testEnv();
    const list = put(env, Uint8Array.of(0x39, 0x30, 0, 0, 0, 0, 0, 0));
    const out = put(
      env,
      Uint8Array.from({ length: 16 }, () => 0xff),
    );
    expect(call(env, 'snprintf', out, 4n, put(env, '%d'), list, 8n)).toBe(6n);
    expect([...env.memory.u8.subarray(out, out + 5)]).toEqual([49, 50, 51, 0, 255]);
    expect(call(env, 'snprintf', 0, 0n, put(env, '%d!'), list, 8n)).toBe(7n);
  });
});
