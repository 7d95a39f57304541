/** What bpf_trace_printk's format may say (bpf_bprintf_prepare in kernel/bpf/helpers.c), checked while there is a place to point at. */
import type { Context } from '../context.ts';
import { integerOf, isInteger, quotedType, sizeOf } from '../ctype.ts';
import { rangeOf } from '../sema/convert.ts';
import type { Place } from '../sema/make.ts';
import type { Expr } from '../tree.ts';

/** Arguments that fit into registers beside format and size. */
const MOST_VALUES = 3;

const CONVERSION = /%(?:%|([-+ #0]*)(\d*)(?:\.(\d+))?(hh|h|ll|l|z|j|t)?(p(?:ks|us|[SsBbIiUuMmKk]\w*)?|[a-zA-Z]))/g;

export function checkFormat(
  cx: Context,
  format: Extract<Expr, { kind: 'string' }>,
  values: readonly Expr[],
  place: Place,
): void {
  if (values.length > MOST_VALUES) {
    cx.report.error(
      values[MOST_VALUES]!.at,
      `bpf_trace_printk takes at most ${MOST_VALUES} values after the format, not ${values.length}: use a perf or ring buffer for more`,
      { ranges: [rangeOf(place)] },
    );
    return;
  }
  const text = String.fromCharCode(...format.bytes.slice(0, -1));
  let used = 0;
  for (const m of text.matchAll(CONVERSION)) {
    const conversion = m[5];
    if (conversion === undefined) continue;
    const value = values[used++];
    if (!value) continue;
    const letter = conversion[0]!;
    if (!'diuxXopsc'.includes(letter)) {
      cx.report.warning(format.at, `bpf_trace_printk does not know the conversion '${m[0]}': it will print nothing`);
      continue;
    }
    const pointer = value.type.kind === 'ptr' || value.type.kind === 'array';
    if (letter === 's' && !pointer && sizeOf(value.type) !== 8) {
      cx.report.warning(
        value.at,
        `format specifies a string ('${m[0]}') but the argument has type ${quotedType(value.type)}`,
        { ranges: [rangeOf(value)] },
      );
    } else if ('diuxXo'.includes(letter) && isInteger(value.type)) {
      const wide = m[4] === 'l' || m[4] === 'll';
      const size = Math.max(integerOf(value.type).size, 4);
      if (!wide && size === 8 && value.kind !== 'int') {
        cx.report.warning(
          value.at,
          `format specifies 32 bits ('${m[0]}') but the argument has type ${quotedType(value.type)}: its upper half is not printed`,
          { ranges: [rangeOf(value)] },
        );
      }
    }
  }
  if (used > values.length)
    cx.report.error(
      format.at,
      `format asks for ${used} value${used === 1 ? '' : 's'}, but ${values.length} ${values.length === 1 ? 'is' : 'are'} given`,
      { ranges: [rangeOf(place)] },
    );
  else if (used < values.length)
    cx.report.warning(values[used]!.at, 'data argument not used by format string', {
      ranges: [rangeOf(values[used]!)],
    });
}
