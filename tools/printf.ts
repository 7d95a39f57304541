/**
 * C's printf for the tools' columns: the formatter of the Lua frontend (frontends/lua/format.ts) over plain values. Numbers beyond 2^53 come as
 * bigint; `%s` takes anything.
 */
import { type FormatArgument, luaFormat } from '../frontends/lua/format.ts';

export type Cell = string | number | bigint;

/** `printf('%-6d %s', 7, 'x')`. Throws Error for a directive without a value, or a number wanted of a text. */
export function printf(format: string, ...values: readonly Cell[]): string {
  return luaFormat(format, (index, wanted) => argument(values[index], wanted));
}

function argument(value: Cell | undefined, wanted: 'number' | 'text' | 'quoted'): FormatArgument {
  if (value === undefined) return { kind: 'none' };
  if (wanted !== 'number' || typeof value === 'string') return { kind: 'text', value: String(value) };
  return typeof value === 'bigint' ? { kind: 'int64', value } : { kind: 'number', value };
}
