/** What refusals mean that are about how memory is accessed: alignment, fields of the context, numbers and read-only memory. */
import { progTypeByName } from '../../progs/index.ts';
import type { Case } from './case.ts';
import type { Origin } from './flow.ts';
import { kindText } from './register.ts';
import type { Rule, Said } from './rule.ts';
import { invalidatedBy } from './rules-packet.ts';
import { knownOf, originText, q } from './words.ts';

function contextField(c: Case, off: number, bytes: number): Said {
  const row = progTypeByName(c.progType);
  const ctx = row?.ctx;
  const fields = ctx?.kind === 'fields' ? ctx.fields : [];
  const field = fields.find((f) => off >= f.offset && off < f.offset + f.size);
  const subject = c.access?.pointer ?? 'ctx';
  const whole = c.access && c.here ? c.here.file.slice(c.access.range) : `${subject}+${off}`;
  const type = q(row?.ctxType ?? 'the context');
  const writable = fields.filter((f) => f.write).map((f) => f.name);
  let reason: string;
  let mend: string;
  if (!field) {
    const size = ctx && 'size' in ctx ? ctx.size : undefined;
    const beyond = size !== undefined && off + bytes > size;
    reason = beyond
      ? `${type} has ${size} bytes here, and ${bytes} bytes at offset ${off} lie behind its end`
      : ctx?.kind === 'args'
        ? `programs of this type have ${ctx.count} arguments of 8 bytes, and this is none of them`
        : c.isStore
          ? `programs of type ${c.progType} may ${writable.length === 0 ? `only read ${type}` : `not write ${bytes} bytes at offset ${off} of ${type}`}`
          : `${type} has no field of ${bytes} bytes at offset ${off} that programs of type ${c.progType} may read`;
    mend =
      c.isStore && writable.length === 0
        ? 'keep the value in a variable or in a map instead of the context'
        : beyond
          ? 'use only members that the context has'
          : `use the members of ${type}, each whole`;
  } else if (c.isStore && !field.write) {
    reason = `programs of type ${c.progType} may only read ${q(field.name)}${writable.length > 0 ? `; they may write ${writable.map(q).join(', ')}` : '; no field of this context may be written'}`;
    mend = 'keep the value in a variable or in a map instead of the context';
  } else if (!field.read && !c.isStore) {
    reason = `programs of type ${c.progType} may not read ${q(field.name)}`;
    mend = 'leave this field alone';
  } else {
    reason = `${q(field.name)} has ${field.size} bytes at offset ${field.offset}, and ${bytes} bytes at offset ${off} are ${c.isStore ? 'written' : 'read'}: it is only accessible whole${field.narrow ? ' or as its aligned parts' : ''}${field.attachTypes ? `, and only when attached as ${field.attachTypes.join(', ')}` : ''}`;
    mend = `read all of it, then take the part: ${q(`(u${bytes * 8})ctx->${field.name}`)}`;
  }
  return {
    summary: `${q(whole)} may not be ${c.isStore ? 'written' : 'read'} ${field && c.isStore && !field.write ? 'by a program of this type' : 'like this'}`,
    reason,
    variable: field ? field.name : subject,
    known: [],
    origin: undefined,
    mend: { text: mend },
  };
}

/** A number is used as an address. */
function scalarDereference(c: Case, register: number): Said {
  const subject = c.subject(register);
  const origin = c.flow.reg(register);
  const lost = invalidatedBy(c, origin);
  if (lost) return lost(subject);
  const at = c.here;
  const whole = c.access && at ? at.file.slice(c.access.range) : subject;
  const assigned = at?.file.assignedAt(at.offset)?.name;
  const source = !c.access ? 'ptr' : whole.startsWith('*') ? subject : `&${whole}`;
  return {
    summary: `${q(subject)} is a plain number here, and is used as an address`,
    reason: `the verifier knows no memory behind it: it ${originText(c, origin)}`,
    variable: subject,
    known: knownOf(subject, c.reg(register)),
    origin,
    mend: {
      text: c.isStore
        ? 'only memory that the verifier knows can be written: a map value, the stack, a ring buffer record, a packet'
        : `if it is an address of the kernel, copy from there: ${q(`bpf_probe_read_kernel(&${assigned ?? 'copy'}, sizeof(${assigned ?? 'copy'}), ${source});`)}`,
    },
  };
}

function movedOrigin(c: Case): Origin | undefined {
  const regs = c.prog.insns[c.pc * 8 + 1] ?? 0;
  return c.flow.reg((c.opcode & 7) === 1 ? regs >> 4 : regs & 15);
}

/** An atomic operation where the kernel allows none: on the context, a packet, an object of the kernel. */
function atomicOn(c: Case, register: number, kind: string): Said {
  const subject = c.access?.pointer ?? c.subject(register);
  const operand = c.access && c.here ? (c.access.text ?? c.here.file.slice(c.access.range)) : subject;
  return {
    summary: `${q(operand)} cannot be changed by an atomic operation`,
    reason: `${q(subject)} is ${kindText(kind)}, and atomic operations are for the stack and for map values`,
    variable: subject,
    known: [],
    origin: c.flow.reg(register),
    mend: {
      text:
        kind === 'ctx'
          ? `nobody else changes the context meanwhile: ${q(`${operand} += 1;`)}`
          : `read, compute and write: ${q(`${operand} += 1;`)}, or keep the number in a map`,
    },
  };
}

/** A text or format that must be a constant. */
export function constantText(c: Case, register: number): Said {
  const subject = c.argument(register) ?? c.subject(register);
  const at = c.here;
  const declared = at?.file.declaration(subject, at.offset);
  const global = declared === undefined ? undefined : at!.file.functionAt(declared.at) === undefined;
  return {
    summary: `${q(subject)} must be a constant text`,
    reason: `${q(c.call?.name ?? 'the helper')} takes only text that cannot change after the program is loaded: of a read-only section`,
    variable: subject,
    known: [],
    origin: undefined,
    branches: 'none',
    mend: {
      text: `declare it ${global ? '' : 'outside of the function '}as ${q(`static const char ${subject}[] = "...";`)}`,
    },
  };
}

export const ACCESS_RULES: readonly Rule[] = [
  {
    pattern: /^BPF_ATOMIC (?:stores|loads) (?:into|from) R(\d+) (\w+) is not allowed/,
    category: 'type',
    say: (m, c) => atomicOn(c, Number(m[1]), m[2]!),
  },
  {
    pattern: /^R(\d+) does not point to a readonly map/,
    category: 'type',
    say: (m, c) => constantText(c, Number(m[1])),
  },
  {
    pattern: /^cannot return stack pointer to the caller/,
    category: 'type',
    say: (_, c) => ({
      summary: `${q(c.function?.name ?? 'the function')} returns the address of a variable of its own`,
      reason: 'its stack is gone when it returns, and the caller would read what comes next',
      variable: undefined,
      known: [],
      origin: c.flow.reg(0),
      mend: { text: 'let the caller have the variable and pass its address, or return the value itself' },
    }),
  },
  {
    pattern: /^misaligned (\w+ )?access off (\S+) size (\d+)/,
    category: 'alignment',
    say: (m, c) => {
      const whole = c.accessText ?? 'the access';
      const fixed = [...m[2]!.replace(/\([^)]*\)/g, '').matchAll(/-?\d+/g)].reduce((sum, n) => sum + Number(n[0]), 0);
      const variable = /\(/.test(m[2]!) && !/^\(0x0; 0x0\)/.test(m[2]!);
      return {
        summary: `${q(whole)} is not aligned`,
        reason: `an access of ${m[3]} bytes must lie at a multiple of ${m[3]}; this one lies at ${variable ? 'a variable offset plus ' : 'offset '}${fixed}`,
        variable: whole,
        known: [],
        origin: undefined,
        mend: {
          text: `put the member at a multiple of ${m[3]} bytes (no ${q('packed')}, or padding before it), or copy it with ${q('__builtin_memcpy')}`,
        },
      };
    },
  },
  {
    pattern: /^invalid bpf_context access off=(-?\d+) size=(\d+)/,
    category: 'context',
    say: (m, c) => contextField(c, Number(m[1]), Number(m[2])),
  },
  {
    pattern: /^(?:dereference of modified|variable) ctx (?:ptr|access)|^variable ctx access var_off/,
    category: 'context',
    say: (_, c) => ({
      summary: 'the context is read through a pointer that was moved',
      reason:
        'the verifier translates each access of the context by its constant offset: the pointer itself must not be moved, and no index may be variable',
      variable: c.access?.pointer ?? 'ctx',
      known: [],
      origin: movedOrigin(c),
      mend: {
        text: 'read each member by a constant offset: copy what is needed to variables first, and choose among those',
      },
    }),
  },
  {
    pattern: /^R(\d+) invalid mem access '(?:scalar|inv)'/,
    category: 'type',
    say: (m, c) => scalarDereference(c, Number(m[1])),
  },
  {
    pattern: /^R(\d+) invalid mem access '(\w+)'/,
    category: 'type',
    say: (m, c) => {
      const subject = c.subject(Number(m[1]));
      return {
        summary: `${q(subject)} is ${kindText(m[2]!)}, which cannot be read or written directly`,
        reason: `${kindText(m[2]!)} is no memory to a program; only helpers take it`,
        variable: subject,
        known: [],
        origin: c.flow.reg(Number(m[1])),
        mend: undefined,
      };
    },
  },
  {
    pattern: /^cannot write into (packet|\w+)/,
    category: 'type',
    say: (m, c) => ({
      summary: `${m[1] === 'packet' ? 'the packet' : kindText(m[1]!)} is read-only for programs of type ${c.progType}`,
      reason: `programs of type ${c.progType} may look at packets and not change them`,
      variable: c.access?.pointer,
      known: [],
      origin: undefined,
      mend: {
        text: `change packets in a program that may (${q('xdp')}, ${q('sched_cls')}), or work on a copy: ${q('bpf_skb_load_bytes(skb, off, &copy, sizeof(copy));')}`,
      },
    }),
  },
  {
    pattern: /^(?:R\d+ cannot write into (\w+)|write into map forbidden|write to change key R\d+ not allowed)/,
    category: 'type',
    say: (m, c) => ({
      summary: `${c.access ? q(c.access.pointer) : 'what it points to'} is read-only`,
      reason: m[1] ? `${kindText(m[1])} may not be written` : 'this memory may not be written by programs',
      variable: c.access?.pointer,
      known: [],
      origin: undefined,
      mend: { text: 'work on a copy on the stack' },
    }),
  },
];
