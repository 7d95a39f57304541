/** Words that several rules use: where a value comes from, what is known of it. */
import type { Case } from './case.ts';
import type { Origin } from './flow.ts';
import { type RegText, registerText } from './register.ts';
import type { Said } from './rule.ts';

/** As code. */
export const q = (text: string) => `\`${text}\``;

/** Of a refusal that is no variable's fault. */
export const NONE = { known: [], origin: undefined } as const;

/** The call as it is written, on its line: "`counts.lookup(&key)` on line 6". */
export function callText(c: Case, o: Origin): string {
  const call = c.callOf(o.pc);
  const line = c.lineOf(o.pc);
  const at = c.placeOf(o.pc);
  const text = call && at ? at.file.slice(call.range) : o.helper ? `bpf_${o.helper.name}()` : 'the call';
  return `${q(text)}${line === undefined ? ` (insn ${o.pc})` : ` on line ${line}`}`;
}

export function originText(c: Case, o: Origin | undefined): string {
  if (!o) return 'is a number';
  const line = c.lineOf(o.pc);
  const where = line === undefined ? ` (insn ${o.pc})` : ` on line ${line}`;
  if (o.kind === 'call') return `is the result of ${callText(c, o)}`;
  if (o.kind === 'load') return `was loaded from memory${where}`;
  if (o.kind === 'const') return `is the constant ${o.number}${where}`;
  if (o.kind === 'alu') return `was computed${where}`;
  return 'is a number';
}

/** What is known of a register, under the variable's name. */
export function knownOf(name: string, r: RegText | undefined): Said['known'] {
  return r ? [{ name: q(name), text: registerText(r) }] : [];
}
