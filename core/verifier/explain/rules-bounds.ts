/** What refusals mean that are about indexes and sizes: map values, memory of a helper, sizes that helpers take. */
import type { Case, Mend } from './case.ts';
import type { Origin } from './flow.ts';
import type { Rule, Said } from './rule.ts';
import { knownOf, q } from './words.ts';

/** Bytes of one element, by how the index was scaled. */
function scaleOf(c: Case, o: Origin | undefined): number {
  for (const part of c.flow.slice(o)) {
    if (part.kind !== 'alu') continue;
    const amount = part.inputs[1];
    if (part.op === 0x60 && amount?.kind === 'const') return 2 ** amount.number!;
    if (part.op === 0x20 && amount?.kind === 'const') return amount.number!;
  }
  return 1;
}

const isPowerOf2 = (n: number) => n > 0 && (n & (n - 1)) === 0;

/** Is a variable of this name declared with a sign? */
function isSigned(c: Case, name: string): boolean {
  const at = c.here;
  const type = at?.file.declaration(name, at.offset)?.type.replace(/^(?:const|volatile) /, '');
  return type !== undefined && /^(?:int|long|long long|short|s\d+|__s\d+|char|int\d+_t|ssize_t)$/.test(type);
}

/** A check of an index against the array it goes into. */
export function boundIndex(
  c: Case,
  register: number,
): { mend: Mend; index: string | undefined; count: string | undefined } {
  const { access } = c;
  const index = access?.index;
  const at = c.here;
  const member = /(\w+)\s*$/.exec(access?.array ?? '')?.[1];
  let count = member && at ? at.file.arrayLength(member) : undefined;
  if (count === undefined) {
    const size = c.evidence.details.map((d) => /(?:value_size|mem_size)=(\d+)/.exec(d)?.[1]).find(Boolean);
    const bytes = size === undefined ? (c.reg(register)?.valueSize ?? c.reg(register)?.memSize) : Number(size);
    if (bytes !== undefined) count = String(Math.floor(bytes / scaleOf(c, c.flow.reg(register))));
  }
  const plain = index !== undefined && /^[A-Za-z_]\w*(?:(?:->|\.)\w+)*$/.test(index);
  const signed = index !== undefined && [...index.matchAll(/[A-Za-z_]\w*/g)].some(([name]) => isSigned(c, name));
  // An expression that is the same when it is written twice.
  const pure = index !== undefined && /^[\w\s+*/%&|^<>().[\]-]+$/.test(index) && !/\w\s*\(|\+\+|--/.test(index);
  if (!plain && pure && count !== undefined) {
    return {
      index,
      count,
      mend: c.before(c.pc, `if (${signed ? `${index} < 0 || ` : ''}${index} >= ${count}) ${c.leave}`),
    };
  }
  if (!plain || count === undefined) {
    return {
      index,
      count,
      mend: { text: `bound the index before it is used: \`if (i >= ${count ?? 'N'}) ${c.leave}\`` },
    };
  }
  const check = `${signed ? `${index} >= 0 && ` : ''}${index} < ${count}`;
  const header = at?.file.conditionAt(at.offset);
  if (at && header?.kind === 'while' && at.offset < header.header.end) {
    const open = at.file.code.indexOf('(', header.header.start);
    const whole = /\|\|/.test(header.text) ? `(${header.text})` : header.text;
    const text = `${q(`while (${check} && ${header.text})`)} on line ${at.file.position(open).line}`;
    return {
      index,
      count,
      mend: c.replace(at.file, open, header.header.end, `(${check} && ${whole})`, text),
    };
  }
  const n = Number(count);
  const mask = isPowerOf2(n) ? `, or index with ${q(`${index} & ${n - 1}`)}` : '';
  return {
    index,
    count,
    mend: c.before(c.pc, `if (${signed ? `${index} < 0 || ` : ''}${index} >= ${count}) ${c.leave}`, mask),
  };
}

/** What the access goes into, with its size. */
function target(c: Case, register: number): string {
  const r = c.reg(register);
  const detail = c.evidence.details
    .map((d) => /invalid access to (map value|memory|map key|\w+),? (?:value_size|mem_size|key_size)=(\d+)/.exec(d))
    .find(Boolean);
  if (detail)
    return `${detail[1] === 'map value' ? `a value of ${r?.map ? q(r.map) : 'the map'}` : `the ${detail[1]}`} of ${detail[2]} bytes`;
  if (r?.valueSize !== undefined) return `a value of ${r.map ? q(r.map) : 'the map'} of ${r.valueSize} bytes`;
  if (r?.memSize !== undefined) return `a piece of memory of ${r.memSize} bytes`;
  return 'the memory it belongs to';
}

/** An access that may leave its memory, by index or by constant. */
function outside(c: Case, register: number, way: 'above' | 'below' | 'unbounded'): Said {
  if (c.isCall) return helperOutside(c, register);
  const subject = c.subject(register);
  const r = c.reg(register);
  const origin = c.flow.reg(register);
  const whole = c.accessText ?? subject;
  const detail = c.evidence.details.map((d) => /_size=(\d+) off=(-?\d+) size=(\d+)/.exec(d)).find(Boolean);
  const constant =
    r !== undefined &&
    (r.umin === r.umax || (r.umin === 0n && r.umax === (1n << 64n) - 1n && r.kind !== 'scalar' && way !== 'unbounded'));
  const literal = /^\w*\d\w*$/.test(c.access?.index ?? '0') && !/^[A-Za-z_]/.test(c.access?.index ?? '0');
  if (literal && (constant || (r === undefined && c.access?.index !== undefined)) && detail) {
    return {
      summary: `${q(whole)} lies behind the end of ${target(c, register)}`,
      reason: `${detail[3]} byte${detail[3] === '1' ? '' : 's'} at offset ${detail[2]} ${detail[3] === '1' ? 'is' : 'are'} ${c.isStore ? 'written' : 'read'}, of ${target(c, register)}`,
      variable: subject,
      known: knownOf(subject, r),
      origin,
      mend: {
        text: `declare the map with the type that is stored in it: its value must have at least ${Number(detail[2]) + Number(detail[3])} bytes`,
      },
    };
  }
  const { index, count, mend } = boundIndex(c, register);
  const i = index ?? subject;
  const range = way === 'below' ? undefined : indexRange(c, register);
  const what =
    way === 'below'
      ? `${q(i)} may be negative`
      : way === 'unbounded'
        ? `nothing on this path says how large ${q(i)} may be`
        : `${q(i)} may be ${range ?? 'larger'}${count === undefined ? '' : `, and ${q(c.access?.array ?? subject)} has ${count} elements`}`;
  return {
    summary: `${q(whole)} may lie ${way === 'below' ? 'before the start' : 'outside'} of ${target(c, register)}`,
    reason: what,
    variable: index ?? subject,
    known: [
      ...(range ? [{ name: q(i), text: `a number: ${range}` }] : []),
      ...(range ? [] : r?.kind === 'scalar' ? [{ name: q(i), text: unboundedText(way) }] : knownOf(subject, r)),
    ],
    origin,
    mend,
  };
}

/** Of a number whose range, once it was scaled, says nothing. */
function unboundedText(way: 'above' | 'below' | 'unbounded'): string {
  return way === 'below' ? 'a number that may be negative' : 'a number of any size';
}

/** The range of an index, from the offset it became. */
function indexRange(c: Case, register: number): string | undefined {
  const r = c.reg(register);
  if (!r || r.umin === r.umax) return undefined;
  const scale = BigInt(scaleOf(c, c.flow.reg(register)));
  const limit = 1n << 63n;
  if (r.umax >= limit)
    return r.smin > -limit && r.smax < limit - 1n ? `${r.smin / scale} to ${r.smax / scale}` : undefined;
  return `${r.umin / scale} to ${r.umax / scale}`;
}

/** A helper that would go outside of the memory it is given. */
function helperOutside(c: Case, register: number): Said {
  const subject = c.argument(register) ?? c.subject(register);
  const detail = c.evidence.details.map((d) => /_size=(\d+) off=(-?\d+) size=(\d+)/.exec(d)).find(Boolean);
  const helper = c.call?.name ?? 'the helper';
  return {
    summary: `${q(helper)} may go outside of ${target(c, register)}`,
    reason: detail
      ? `it is told to use ${detail[3]} bytes at offset ${detail[2]} of ${target(c, register)}`
      : `${q(subject)} is not known to point to as many bytes as it uses`,
    variable: subject.replace(/^&/, ''),
    known: knownOf(subject, c.reg(register)),
    origin: c.flow.reg(register),
    mend: {
      text: `give the size of what it points to: ${q(`sizeof(*${subject.replace(/^&/, '')})`)}, or bound the size by a check before`,
    },
  };
}

/** A size that a helper takes. */
function size(c: Case, register: number, why: 'negative' | 'unbounded' | 'zero'): Said {
  const subject = c.subject(register);
  const r = c.reg(register);
  const buffer = c.argument(register - 1)?.replace(/^&/, '');
  const at = c.here;
  const isArray = buffer !== undefined && at?.file.declaration(buffer, at.offset)?.array !== undefined;
  const memory = c.reg(register - 1);
  const bytes =
    memory?.memSize ??
    (memory?.valueSize !== undefined ? memory.valueSize - memory.off : memory?.kind === 'fp' ? -memory.off : undefined);
  const limit = isArray ? `sizeof(${buffer})` : bytes === undefined ? undefined : String(bytes);
  const plain = c.isExpression(subject);
  const room = buffer !== undefined && bytes !== undefined ? ` (${q(buffer)} has ${bytes} bytes)` : '';
  const declared = at?.file.declaration(subject, at.offset);
  if (why === 'unbounded' && declared && /^(?:int|s32|__s32|long|s64|ssize_t)$/.test(declared.type)) why = 'negative';
  const check =
    why === 'zero'
      ? `if (${subject} == 0${limit !== undefined && r !== undefined && isArray && r.umax > BigInt(bytes ?? 0) ? ` || ${subject} > ${limit}` : ''}) ${c.leave}`
      : limit === undefined
        ? undefined
        : `if (${subject} > ${limit}) ${c.leave}`;
  return {
    summary:
      why === 'zero'
        ? `the size ${q(subject)} may be 0`
        : why === 'negative'
          ? `the size ${q(subject)} may be negative`
          : `the size ${q(subject)} has no upper bound`,
    reason:
      why === 'zero'
        ? `${q(c.call?.name ?? 'the helper')} needs at least one byte`
        : `${q(c.call?.name ?? 'the helper')} would ${why === 'negative' ? 'take a negative number for a huge size' : `use as many bytes as it says${room}`}`,
    variable: subject,
    known: knownOf(subject, r),
    origin: c.flow.reg(register),
    mend:
      check !== undefined && plain
        ? sizeCheck(c, subject, check, why)
        : { text: 'bound the size: `if (n > sizeof(buf)) n = sizeof(buf);`' },
  };
}

/** The check of a size; a signed one is made unsigned where it is declared, else the compiler checks one copy and passes another. */
function sizeCheck(c: Case, name: string, check: string, why: string): Mend {
  const at = c.here;
  const declared = at?.file.declaration(name, at.offset);
  const mend = c.before(c.pc, check);
  if (why === 'zero' || !declared || !at?.file.complete || !mend.patch) return mend;
  const signed = /^(?:volatile |const )?(?:int|s32|__s32)$/.exec(declared.type);
  if (!signed) return mend;
  const { code } = at.file;
  const typeAt = code.lastIndexOf(declared.type.split(' ').pop()!, declared.at);
  const { line, column } = at.file.position(typeAt);
  const word = declared.type.split(' ').pop()!;
  const insert = at.file.code.includes('u32') || !at.file.code.includes('unsigned int') ? 'u32' : 'unsigned int';
  return {
    text: `declare ${q(`${insert} ${name}`)} on line ${line}, and ${mend.text}`,
    patch: { file: mend.patch.file, edits: [{ line, column, remove: word, insert }, ...mend.patch.edits] },
  };
}

function sizeRegister(c: Case): number {
  for (let r = 2; r <= 5; r++) if (/len|size|sizeof/.test(c.argument(r) ?? '')) return r;
  return 2;
}

/** The register with the number, of the failing addition to a pointer. */
function addedRegister(c: Case): number {
  const regs = c.prog.insns[c.pc * 8 + 1] ?? 0;
  const [dst, src] = [regs & 15, regs >> 4];
  return c.reg(dst)?.kind === 'scalar' && c.reg(src)?.kind !== 'scalar' ? dst : src;
}

export const BOUNDS_RULES: readonly Rule[] = [
  {
    pattern: /^R(\d+) (min|max) value is outside of the (?:allowed memory|array|\w+(?: \w+)?) range/,
    category: 'bounds',
    say: (m, c) => outside(c, Number(m[1]), m[2] === 'max' ? 'above' : 'below'),
  },
  {
    pattern: /^R(\d+) min value is negative/,
    category: 'bounds',
    say: (m, c) => (c.isCall ? size(c, Number(m[1]), 'negative') : outside(c, Number(m[1]), 'below')),
  },
  {
    pattern: /^R(\d+) unbounded memory access, (?:use|make sure)/,
    category: 'bounds',
    say: (m, c) =>
      c.isCall
        ? size(c, Number(m[1]), (c.reg(Number(m[1]))?.smin ?? 0n) < 0n ? 'negative' : 'unbounded')
        : outside(c, Number(m[1]), 'unbounded'),
  },
  {
    pattern: /^R(\d+) (?:invalid zero-sized read|invalid size)|^invalid zero-sized read/,
    category: 'bounds',
    say: (m, c) => size(c, m[1] === undefined ? sizeRegister(c) : Number(m[1]), 'zero'),
  },
  {
    pattern: /^math between (\w+) pointer and (register with unbounded min value|-?\d+) is not allowed/,
    category: 'bounds',
    say: (_, c) => {
      const register = addedRegister(c);
      const r = c.reg(register);
      const anything = r !== undefined && r.kind === 'scalar' && r.smin === -(1n << 63n) && r.smax === (1n << 63n) - 1n;
      return outside(c, register, anything ? 'unbounded' : 'below');
    },
  },
  {
    pattern: /^(?:value -?\d+ makes (\w+) pointer be out of bounds|(\w+) pointer offset -?\d+ is not allowed)/,
    category: 'bounds',
    say: (m, c) => outside(c, addedRegister(c), m[0].startsWith('value -') ? 'below' : 'above'),
  },
];
