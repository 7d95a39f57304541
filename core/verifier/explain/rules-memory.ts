/** What refusals of memory accesses mean: null, packet, map value, stack, context, alignment. Messages are Linux's, of all releases. */
import { sizeOf } from '../../btf/layout.ts';
import { progTypeByName } from '../../progs/index.ts';
import type { Case, Mend } from './case.ts';
import type { Origin } from './flow.ts';
import { kindText, type RegText, registerText } from './register.ts';
import type { Rule, Said } from './rule.ts';

const q = (text: string) => `\`${text}\``;

/** When a helper gives null. */
const GIVES_NULL: Record<string, string> = {
  map_lookup_elem: 'gives null when the map has no such key',
  map_lookup_percpu_elem: 'gives null when the map has no such key or CPU',
  ringbuf_reserve: 'gives null when the ring buffer is full',
  sk_lookup_tcp: 'gives null when there is no such socket',
  sk_lookup_udp: 'gives null when there is no such socket',
  skc_lookup_tcp: 'gives null when there is no such socket',
  sk_fullsock: 'gives null for a socket that is no full one',
  tcp_sock: 'gives null for a socket that is not TCP',
  get_listener_sock: 'gives null when nobody listens',
  sk_storage_get: 'gives null when the socket has no storage yet',
  task_storage_get: 'gives null when the task has no storage yet',
  inode_storage_get: 'gives null when the inode has no storage yet',
  dynptr_data: 'gives null when the dynptr is not that long',
  kptr_xchg: 'gives null when the slot was empty',
  per_cpu_ptr: 'gives null for a CPU that is not there',
};

/** The call as it is written, on its line: "`counts.lookup(&key)` on line 6". */
export function callText(c: Case, o: Origin): string {
  const call = c.callOf(o.pc);
  const line = c.lineOf(o.pc);
  const at = c.placeOf(o.pc);
  const text = call && at ? at.file.slice(call.range) : o.helper ? `bpf_${o.helper.name}()` : 'the call';
  return `${q(text)}${line === undefined ? ` (insn ${o.pc})` : ` on line ${line}`}`;
}

/** Where a value that may be null came from. */
function whyNull(c: Case, o: Origin | undefined): string | undefined {
  if (o?.kind === 'call' && o.helper) return `${callText(c, o)} ${GIVES_NULL[o.helper.name] ?? 'may give null'}`;
  if (o?.kind === 'load') {
    const line = c.lineOf(o.pc);
    return `what is loaded${line === undefined ? '' : ` on line ${line}`} may be null`;
  }
  return undefined;
}

function knownOf(name: string, r: RegText | undefined): Said['known'] {
  return r ? [{ name: q(name), text: registerText(r) }] : [];
}

/** Something that may be null was used. */
function nullable(c: Case, register: number, use: string): Said {
  const subject = c.subject(register);
  const origin = c.flow.reg(register);
  const why = whyNull(c, origin);
  const line = c.lineOf(c.pc);
  const checked = c.isExpression(subject);
  return {
    summary: `${q(subject)} may be null here`,
    reason: `${why ?? `${q(subject)} may be null`}, and nothing on this path has checked ${q(subject)} before it is ${use}${line === undefined ? '' : ` on line ${line}`}`,
    variable: subject,
    known: knownOf(subject, c.reg(register)),
    origin,
    originText: checked ? `${q(subject)} may be null from here on` : 'may be null from here on',
    mend: checked
      ? c.before(c.pc, `if (!${subject}) ${c.leave}`)
      : { text: `check it first: \`if (!ptr) ${c.leave}\`` },
  };
}

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

/** A check of an index against the array it goes into. */
function boundIndex(c: Case, register: number): { mend: Mend; index: string | undefined; count: string | undefined } {
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
  if (!plain || count === undefined) {
    return {
      index,
      count,
      mend: { text: `bound the index before it is used: \`if (i >= ${count ?? 'N'}) ${c.leave}\`` },
    };
  }
  const declared = at?.file.declaration(index, at.offset);
  const signed =
    declared !== undefined &&
    /^(?:int|long|long long|short|s\d+|__s\d+|char|int\d+_t|ssize_t)$/.test(
      declared.type.replace(/^(?:const|volatile) /, ''),
    );
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
  if (c.access?.index === undefined && constant && detail) {
    return {
      summary: `${q(whole)} lies behind the end of ${target(c, register)}`,
      reason: `${detail[3]} bytes at offset ${detail[2]} are ${c.isStore ? 'written' : 'read'}, of ${target(c, register)}`,
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
  const range = indexRange(c, register);
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
      ...knownOf(subject, r).slice(0, range ? 0 : 1),
    ],
    origin,
    mend,
  };
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
      ? `if (${subject} == 0) ${c.leave}`
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
  const array = declared?.array !== undefined;
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
          ? `programs of type ${c.progType} may not write ${bytes} bytes at offset ${off} of ${type}`
          : `${type} has no field of ${bytes} bytes at offset ${off} that programs of type ${c.progType} may read`;
    mend = beyond ? 'use only members that the context has' : `use the members of ${type}, each whole`;
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
            ? removeStatement(c, subject)
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

export const MEMORY_RULES: readonly Rule[] = [
  {
    pattern: /^R(\d+) invalid mem access '(\w*(?:_or_null|or_null_)\w*)'/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), 'used'),
  },
  {
    pattern: /^R(\d+) pointer arithmetic on (\w+) prohibited, null-check it first/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), 'moved'),
  },
  {
    pattern: /^R(\d+) type=(\w*(?:_or_null|or_null_)\w*) expected=/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), `given to ${q(c.call?.name ?? 'a helper')}`),
  },
  {
    pattern: /^R(\d+) (?:arithmetic|pointer arithmetic) on (\w+_or_null) prohibited/,
    category: 'null',
    say: (m, c) => nullable(c, Number(m[1]), 'moved'),
  },
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
  {
    pattern: /^R(\d+) offset is outside of the packet/,
    category: 'bounds',
    say: (m, c) => packet(c, Number(m[1])),
  },
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
    say: (_, c) => outside(c, movedRegister(c), 'below'),
  },
  {
    pattern: /^(?:value -?\d+ makes (\w+) pointer be out of bounds|(\w+) pointer offset -?\d+ is not allowed)/,
    category: 'bounds',
    say: (_, c) => outside(c, movedRegister(c), 'above'),
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

function sizeRegister(c: Case): number {
  for (let r = 2; r <= 5; r++) if (/len|size|sizeof/.test(c.argument(r) ?? '')) return r;
  return 2;
}

/** The pointer register of the failing addition. */
function movedRegister(c: Case): number {
  const regs = c.prog.insns[c.pc * 8 + 1] ?? 0;
  const [dst, src] = [regs & 15, regs >> 4];
  return c.reg(dst)?.kind === 'scalar' && c.reg(src)?.kind !== 'scalar' ? dst : src;
}

function movedOrigin(c: Case): Origin | undefined {
  const regs = c.prog.insns[c.pc * 8 + 1] ?? 0;
  return c.flow.reg((c.opcode & 7) === 1 ? regs >> 4 : regs & 15);
}
