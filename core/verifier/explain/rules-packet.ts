/** What refusals mean that are about the packet: accesses behind its checked end, pointers that a call has made void. */
import type { Case, Mend } from './case.ts';
import type { Origin } from './flow.ts';
import type { Rule, Said } from './rule.ts';
import { callText, knownOf, q } from './words.ts';

/** The pointers of a packet that are compared with: `data_end`, as the function calls it. */
function endName(c: Case): string {
  const fn = c.function;
  const at = c.here;
  if (fn && at) {
    const text = at.file.code.slice(fn.start, fn.body.end);
    const m = /(\w+)\s*=\s*(?:\([^;=]*\)\s*)*\w+\s*->\s*data_end\b/.exec(text);
    if (m) return m[1]!;
  }
  return 'data_end';
}

/** What ends a packet pointer's access: the expression behind the last byte that is read. */
function behind(c: Case, pointer: string, bytes: number): { text: string; covers: string } {
  const at = c.here;
  const declared = at?.file.declaration(pointer, at.offset);
  const struct = declared && /^(?:const )?(?:struct|union) \w+ ?\*$/.test(declared.type);
  if (struct) return { text: `(void *)(${pointer} + 1)`, covers: declared.type.replace(/ ?\*$/, '') };
  if (declared && /^(?:const )?void ?\*$/.test(declared.type))
    return { text: `${pointer} + ${bytes}`, covers: `${bytes} bytes` };
  if (c.access?.index !== undefined) {
    return { text: `(void *)(${pointer} + ${c.access.index} + 1)`, covers: 'the element' };
  }
  return { text: `(void *)(${pointer} + 1)`, covers: 'what it points to' };
}

function packet(c: Case, register: number): Said {
  const subject = c.subject(register);
  const r = c.reg(register);
  const origin = c.flow.reg(register);
  const detail = c.evidence.details
    .map((d) => /access to packet, off=(-?\d+) size=(\d+), R\d+\(id=(\d+),off=-?\d+,r=(\d+)\)/.exec(d))
    .find(Boolean);
  const [off, size, range] = detail
    ? [Number(detail[1]), Number(detail[2]), Number(detail[4])]
    : [r?.off ?? 0, 1, r?.packetBytes ?? 0];
  const end = endName(c);
  const expression = c.isExpression(subject) ? subject : 'p';
  const to = behind(c, expression, c.isCall ? size : size);
  const based = detail ? detail[3] : '0';
  const bytes = size === 1 ? `byte ${off}` : `bytes ${off} to ${off + size - 1}`;
  const done = c.isStore ? 'written' : c.isCall ? 'used' : 'read';
  const moved = origin?.kind === 'alu' ? c.lineOf(origin.pc) : undefined;
  return {
    summary: `the packet may end before ${q(c.isCall ? subject : (c.accessText ?? subject))}`,
    reason:
      based !== '0'
        ? `the position of ${q(subject)} was computed${moved === undefined ? '' : ` on line ${moved}`}, and after that no check against ${q(end)} covers what is ${done}`
        : `${bytes} of the packet ${size === 1 ? 'is' : 'are'} ${done}, and ${range === 0 ? `no check against ${q(end)} comes before` : `the checks before it cover only the first ${range} bytes`}`,
    variable: subject,
    known: knownOf(subject, r),
    origin,
    mend: c.before(c.pc, `if (${to.text} > ${end}) ${c.leave}`),
  };
}

/** A pointer that a call in between has made void: packet pointers after the packet changed, records after they were submitted. */
export function invalidatedBy(c: Case, origin: Origin | undefined): ((subject: string) => Said) | undefined {
  if (!origin) return undefined;
  const sources = c.flow.slice(origin);
  const from = Math.min(...sources.map((o) => o.step));
  const ctxLoad = sources.some((o) => o.kind === 'load' && o.inputs[0]?.kind === 'param' && o.inputs[0].number === 1);
  for (let i = c.flow.calls.length - 1; i >= 0; i--) {
    const call = c.flow.calls[i]!;
    if (call.step <= from) break;
    const given = call.helper.releases === undefined ? undefined : call.args[call.helper.releases];
    const text = callText(c, { kind: 'call', pc: call.pc, step: call.step, inputs: [], helper: call.helper });
    if (given && sources.includes(given)) {
      return (subject) => ({
        summary: `${q(subject)} is used after it was given back`,
        reason: `${text} has given it back: it may not be touched after that`,
        variable: subject,
        known: [],
        origin,
        marks: new Map([[call.step, `${q(subject)} is given back`]]),
        category: 'reference',
        mend:
          c.isCall && c.call && /submit|discard|release/.test(c.call.name)
            ? (leaveAfter(c, subject, call.pc) ?? removeStatement(c, subject))
            : { text: `do all that needs ${q(subject)} before ${text}` },
      });
    }
    if (call.helper.changesPacket && ctxLoad) {
      return (subject) => ({
        summary: `${q(subject)} is void: the packet may have moved`,
        reason: `${text} may change or move the packet; pointers into it from before are void`,
        variable: subject,
        known: [],
        origin,
        marks: new Map([[call.step, 'pointers into the packet are void from here on']]),
        category: 'bounds',
        mend: reload(c, subject),
      });
    }
  }
  return undefined;
}

/** Load the packet's pointers anew and check again, with the expressions that the program has for them. */
function reload(c: Case, subject: string): Mend {
  const fallback = { text: 'after the call, load `ctx->data` and `ctx->data_end` again and repeat the check' };
  const at = c.here;
  const fn = c.function;
  if (!at?.file.complete || !fn || !/^\w+$/.test(subject)) return fallback;
  const text = at.file.code.slice(fn.start, fn.body.end);
  const data = /(\w+)\s*=\s*(?:\([^;=]*\)\s*)*\w+\s*->\s*data\s*;/.exec(text)?.[1];
  const end = endName(c);
  const names = [...new Set([data, end, subject].filter((n) => n !== undefined))];
  const lines = names.map((n) => {
    const value = at.file.firstValue(n, at.offset);
    return value === undefined ? undefined : `${n} = ${value};`;
  });
  if (data === undefined || lines.includes(undefined)) return fallback;
  const check = `if (${behind(c, subject, 1).text} > ${end}) ${c.leave}`;
  const all = [...lines.filter((l) => l !== undefined), check];
  const { patch } = c.before(c.pc, all.join('\n'));
  return {
    text: `load the pointers again and check again: ${all.map(q).join(' ')} before line ${c.lineOf(c.pc)}`,
    patch,
  };
}

/** It was given back in a branch, and again behind it: the branch leaves. */
function leaveAfter(c: Case, subject: string, pc: number): Mend | undefined {
  const at = c.here!;
  const first = c.placeOf(pc);
  if (!first?.file.complete || first.file !== at.file) return undefined;
  const { file } = first;
  const { inner, outer } = file.statementAt(first.offset);
  const again = file.statementAt(at.offset).outer;
  const between = file.code.slice(inner, again);
  const closes = [...between].reduce((n, ch) => n + (ch === '}' ? 1 : ch === '{' ? -1 : 0), 0);
  if (again < inner || (inner === outer && closes <= 0)) return undefined;
  const end = file.statementEnd(inner);
  const release = file.text.slice(inner, end);
  const leave = c.leaveWithout(subject);
  const insert = inner === outer ? `${release} ${leave}` : `{ ${release} ${leave} }`;
  const text = `${q(leave)} after ${q(release)} on line ${file.position(inner).line}`;
  return c.replace(file, inner, end, insert, text);
}

function removeStatement(c: Case, subject: string): Mend {
  const at = c.here!;
  const text = `give ${q(subject)} back only once: remove line ${c.lineOf(c.pc)}`;
  const { inner, outer } = at.file.statementAt(at.offset);
  if (inner !== outer) return { text };
  const end = at.file.statementEnd(inner);
  const { column, line } = at.file.position(inner);
  const alone = at.file.lineText(line).trim() === at.file.text.slice(inner, end).trim();
  return alone
    ? c.replace(at.file, inner - (column - 1), Math.min(end + 1, at.file.text.length), '', text)
    : c.replace(at.file, inner, end, ';', text);
}

export const PACKET_RULES: readonly Rule[] = [
  {
    pattern: /^R(\d+) offset is outside of the packet/,
    category: 'bounds',
    say: (m, c) => packet(c, Number(m[1])),
  },
];
