/** What refusals mean that are about the stack: bytes never written, accesses outside of a frame. */
import { sizeOf } from '../../btf/layout.ts';
import type { Case, Mend } from './case.ts';
import type { Rule, Said } from './rule.ts';
import { boundIndex } from './rules-bounds.ts';
import { q } from './words.ts';

/** The variable on the stack that bytes at an offset belong to, as the source calls it. */
function stackVariable(c: Case, register: number | undefined): string | undefined {
  const text = c.isCall && register !== undefined ? c.argument(register) : (c.access?.array ?? c.access?.pointer);
  const name = text?.replace(/^\(.*?\)\s*/, '').replace(/^&\s*/, '');
  return name !== undefined && /^[A-Za-z_]\w*/.test(name) ? name : undefined;
}

/** Stack that was never written is read. */
function uninitialisedStack(c: Case, byte: number, bytes: number, register: number | undefined): Said {
  const guess = register ?? findStackArgument(c, bytes);
  const name = stackVariable(c, guess);
  const at = c.here;
  const root = name === undefined ? undefined : /^\w+/.exec(name)![0];
  const declared = root !== undefined && at ? at.file.declaration(root, at.offset) : undefined;
  const field = structField(c, guess, byte);
  const which = field ?? (bytes > 1 ? `byte ${byte} of ${bytes}` : 'it');
  const { text, patch }: Mend =
    declared && at && !declared.initialised && !declared.type.endsWith('*')
      ? c.replace(
          at.file,
          declared.after,
          declared.after,
          ' = {}',
          `${q(`${declared.type} ${root}${declared.array === undefined ? '' : `[${declared.array}]`} = {};`)} on line ${at.file.position(declared.at).line}`,
        )
      : {
          text: `initialise all of it: ${q(`__builtin_memset(&${root ?? 'k'}, 0, sizeof(${root ?? 'k'}));`)} after its declaration (padding bytes count too)`,
        };
  return {
    summary: `${name ? q(name) : 'the stack'} is not wholly initialised`,
    reason: `${bytes} bytes of ${name ? q(name) : 'the stack'} are ${c.isCall ? `read by ${q(c.call?.name ?? 'the helper')}` : 'read'}, and ${which} ${bytes > 1 && !field ? 'was' : 'was'} never written on this path`,
    variable: name,
    known: [],
    origin: undefined,
    mend: { text, patch },
  };
}

/** The argument of a helper that points to the stack, where the message names none. */
function findStackArgument(c: Case, _bytes: number): number | undefined {
  if (!c.isCall) return undefined;
  for (let r = 2; r <= 5; r++) if (c.flow.reg(r)?.kind === 'stack') return r;
  return undefined;
}

/** Name of the member at a byte of a map's key or value, or the padding behind one. */
function structField(c: Case, register: number | undefined, byte: number): string | undefined {
  const btf = c.evidence.objectBtf;
  const map = c.flow.reg(1)?.map;
  const spec = c.evidence.maps?.find((m) => m.name === map);
  if (!btf || !spec || !c.isCall || (register !== 2 && register !== 3)) return undefined;
  let id = register === 2 ? spec.keyType : spec.valueType;
  for (let depth = 0; depth < 8 && id > 0; depth++) {
    const t = btf.type(id);
    if (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile') id = t.type;
    else if (t.kind === 'struct') {
      const before = t.members.filter((m) => m.bitOffset / 8 <= byte).at(-1);
      if (!before) return undefined;
      const end = before.bitOffset / 8 + sizeOf(btf, before.type);
      return byte < end ? `its member ${q(before.name)}` : `the padding behind its member ${q(before.name)}`;
    } else return undefined;
  }
  return undefined;
}

function stackBounds(c: Case, register: number, off: number, bytes: number): Said {
  const name = stackVariable(c, register);
  const deep = off < -512;
  const length = c.isCall ? c.argument(register + 1) : undefined;
  const at = c.here;
  const declared = name !== undefined && at ? at.file.declaration(name, at.offset) : undefined;
  const room = -off;
  if (!c.isCall && c.access?.index !== undefined) {
    const { index, count, mend } = boundIndex(c, register);
    return {
      summary: `${q(at!.file.slice(c.access.range))} may lie outside of ${q(c.access.array ?? '')} on the stack`,
      reason: `nothing on this path keeps ${q(index!)} ${count === undefined ? 'inside' : `below ${count}`}`,
      variable: index,
      known: [],
      origin: c.flow.reg(register),
      mend,
    };
  }
  const item = register === 2 ? 'key' : 'value';
  const map =
    c.isCall && /(?:map_|update|lookup|delete|insert|push)/.test(c.call?.name ?? '') ? c.flow.reg(1)?.map : undefined;
  if (!deep && map !== undefined && name !== undefined && (register === 2 || register === 3)) {
    return {
      summary: `${q(name)} is smaller than a ${item} of ${q(map)}`,
      reason: `each ${item} of ${q(map)} has ${bytes} bytes, and from where ${q(name)} begins the stack has ${room} left`,
      variable: name,
      known: [],
      origin: undefined,
      mend: {
        text: `declare ${q(name)} with the type of the map's ${item}s${declared ? `, not as ${q(declared.type)}` : ''}`,
      },
    };
  }
  if (!c.isCall && room <= 0) {
    return {
      summary: `${q(c.accessText ?? name ?? 'the access')} lies behind the end of the stack`,
      reason: `${bytes === 1 ? 'a byte' : `${bytes} bytes`} ${-room} bytes above its top ${bytes === 1 ? 'is' : 'are'} ${c.isStore ? 'written' : 'read'}`,
      variable: name,
      known: [],
      origin: c.flow.reg(register),
      mend: { text: 'stay inside of the variable that the pointer was made from' },
    };
  }
  const array = declared !== undefined && (declared.array !== undefined || !declared.type.includes('*'));
  const mend: Mend =
    deep || !length || !array || !at
      ? {
          text: deep
            ? 'put large data into a map: `BPF_PERCPU_ARRAY(scratch, struct data, 1);`'
            : 'make the buffer larger, or use less of it',
        }
      : c.isExpression(length)
        ? c.before(c.pc, `if (${length} > sizeof(${name})) ${c.leave}`)
        : argumentMend(c, length, `sizeof(${name})`);
  return {
    summary: deep
      ? `${bytes} bytes at ${off} below the frame are more than the 512 bytes of stack a program has`
      : `${c.isCall ? q(c.call?.name ?? 'the helper') : 'the access'} goes behind the end of ${name ? q(name) : 'the stack'}`,
    reason: deep
      ? 'the stack of a BPF program has 512 bytes, all its functions together'
      : `${bytes} bytes are used, and from where ${name ? q(name) : 'it'} begins the stack has ${room} left`,
    variable: name,
    known: [],
    origin: length === undefined ? undefined : c.flow.reg(register + 1),
    mend,
  };
}

/** Put something else for an argument of the failing call. */
function argumentMend(c: Case, old: string, insert: string): Mend {
  const at = c.here!;
  const { call } = c;
  const text = `${q(insert)} instead of ${q(old)} on line ${c.lineOf(c.pc)}`;
  if (!call) return { text };
  const start = at.file.text.indexOf(old, call.range.start + 1);
  return start < 0 || start >= call.range.end ? { text } : c.replace(at.file, start, start + old.length, insert, text);
}

export const STACK_RULES: readonly Rule[] = [
  {
    pattern:
      /^(?:invalid (?:indirect )?read from stack|invalid read from stack) (?:R(\d+) )?off (-?\d+)\+(\d+) size (\d+)/,
    category: 'uninitialised',
    say: (m, c) => uninitialisedStack(c, Number(m[3]), Number(m[4]), m[1] === undefined ? undefined : Number(m[1])),
  },
  {
    pattern: /^invalid read from stack R(\d+) off=(-?\d+) size=(\d+)/,
    category: 'uninitialised',
    say: (m, c) =>
      Number(m[2]) + Number(m[3]) > 0 || Number(m[2]) < -512
        ? { ...stackBounds(c, Number(m[1]), Number(m[2]), Number(m[3])), category: 'bounds' }
        : uninitialisedStack(c, 0, Number(m[3]), Number(m[1])),
  },
  {
    pattern:
      /^invalid (?:write to|indirect access to|read from|stack type|indirect write to) ?(?:stack )?R(\d+) off=(-?\d+) (?:access_)?size=(-?\d+)/,
    category: 'bounds',
    say: (m, c) => stackBounds(c, Number(m[1]), Number(m[2]), Number(m[3])),
  },
  {
    pattern: /^invalid (?:unbounded )?variable-offset.* stack R(\d+)/,
    category: 'bounds',
    say: (m, c) => stackBounds(c, Number(m[1]), 0, 0),
  },
  {
    pattern: /^(?:variable|attempt to).*stack (?:access|read|write)/,
    category: 'bounds',
    say: (_, c) => stackBounds(c, 0, 0, 0),
  },
];
