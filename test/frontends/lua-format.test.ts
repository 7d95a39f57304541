import { describe, expect, it } from 'vitest';
import { cFormat, type FormatArgument } from '../../core/base/c-format.ts';

function format(text: string, ...values: (number | bigint | string)[]): string {
  return cFormat(text, (index): FormatArgument => {
    const value = values[index];
    if (value === undefined) return { kind: 'none' };
    if (typeof value === 'bigint') return { kind: 'int64', value };
    return typeof value === 'number' ? { kind: 'number', value } : { kind: 'text', value };
  });
}

describe("string.format as LuaJIT's", () => {
  it.each([
    ['%d', [5e9], '5000000000'],
    ['%d', [3.9], '3'],
    ['%d', [-3.9], '-3'],
    ['%d', [18446744073709551615n], '-1'],
    ['%u', [18446744073709551615n], '18446744073709551615'],
    ['%x', [4294967295], 'ffffffff'],
    ['%#x', [255], '0xff'],
    ['%08.3f|', [3.14258], '0003.143|'],
    ['%-6d|%6d|%06d|%+d', [1, 2, 3, 4], '1     |     2|000003|+4'],
    ['%-12.12s|', ['a name that is too long'], 'a name that |'],
    ['%-16p|', [0xffffn], 'ffff            |'],
    ['%g %g %g %g', [100000, 1e6, 0.0001, 0.00001], '100000 1e+06 0.0001 1e-05'],
    ['%g', [0], '0'],
    ['%e', [12345.678], '1.234568e+04'],
    ['%5.1f%%', [99.95], '100.0%'],
    ['%c%c', [72, 105], 'Hi'],
    ['%.14g', [0.1], '0.1'],
    ['%5s|%-5s|', ['ab', 'cd'], '   ab|cd   |'],
    ['%.0d|', [0], '|'],
    ['%f', [1e22], '10000000000000000000000.000000'],
  ] as const)('%s of %s', (text, values, expected) => {
    expect(format(text, ...values)).toBe(expected);
  });

  it('names the argument that is missing or wrong', () => {
    expect(() => format('%d %d', 1)).toThrow("bad argument #3 to 'format' (number expected, got no value)");
    expect(() => format('%d', 'x')).toThrow("bad argument #2 to 'format' (number expected, got string)");
    expect(() => format('%y', 1)).toThrow("invalid option '%y' to 'format'");
  });
});
