/** An explanation as text: for people, with the caret where editors look for it. Colours only where asked (a terminal). */
import type { Explanation } from './index.ts';

export interface RenderOptions {
  readonly color?: boolean;
}

const TAB = 8;

function expand(text: string): string {
  let out = '';
  for (const ch of text) out += ch === '\t' ? ' '.repeat(TAB - (out.length % TAB)) : ch;
  return out;
}

/**
 *   count.c:9:3: error: `val` may be null here [null pointer]
 *     *val += 1;
 *     ^~~~
 *     why: `counts.lookup(&key)` gives null when ...
 *     known: `val` is null or a pointer to a map value of `counts` (8 bytes)
 *     path:
 *       count.c:6: `val` gets its value: u64 *val = counts.lookup(&key);
 *     mend: `if (!val) return 0;` before line 9
 *     verifier: R0 invalid mem access 'map_value_or_null' (insn 9)
 */
export function renderExplanation(e: Explanation, options: RenderOptions = {}): string {
  const paint = (code: string, text: string) => (options.color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const label = (name: string) => paint('36', `${name}:`);
  const out: string[] = [];
  const where = e.at && e.at.line > 0 ? `${paint('1', `${e.at.file}:${e.at.line}:${e.at.column}:`)} ` : '';
  out.push(`${where}${paint('1;31', 'error:')} ${paint('1', e.summary)} [${e.title}]`);
  if (e.at?.text) {
    out.push(expand(e.at.text));
    const before = expand(e.at.text.slice(0, Math.max(0, e.at.column - 1))).length;
    const end = Math.min(e.at.endColumn ?? e.at.column + 1, e.at.text.length + 1);
    const length = Math.max(1, expand(e.at.text.slice(0, end - 1)).length - before);
    out.push(paint('1;32', `${' '.repeat(before)}^${'~'.repeat(length - 1)}`));
  }
  // Without line info the instruction itself is the place.
  if (!e.at) out.push(`  ${e.pc}: ${e.instruction}`);
  if (e.reason !== e.summary) out.push(`  ${label('why')} ${e.reason}`);
  for (const k of e.known) out.push(`  ${label('known')} ${k.name} is ${k.text}`);
  if (e.path.length > 0) {
    out.push(`  ${label('path')}`);
    for (const s of e.path) {
      const place = s.place && s.place.line > 0 ? `${s.place.file}:${s.place.line}: ` : `insn ${s.pc}: `;
      const code = s.place ? s.place.text.trim() : s.instruction;
      out.push(`    ${place}${s.text}${code === '' ? '' : `: ${code}`}`);
    }
  }
  if (e.suggestion) out.push(`  ${label('mend')} ${paint('32', e.suggestion)}`);
  out.push(`  ${label('verifier')} ${e.message} (insn ${e.pc})`);
  return out.join('\n');
}
