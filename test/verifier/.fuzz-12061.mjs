// test/verifier/fuzz.ts
import { readFileSync as readFileSync2 } from 'node:fs';

// core/base/bytes.ts
function fromHex(text) {
  const digits2 = text.replace(/\s+/g, '');
  if (digits2.length % 2 !== 0) throw new RangeError(`hex text has an odd number of digits (${digits2.length})`);
  const bad2 = /[^0-9a-fA-F]/.exec(digits2);
  if (bad2) throw new RangeError(`hex text has '${bad2[0]}' at digit ${bad2.index}`);
  const out = new Uint8Array(digits2.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits2.slice(i * 2, i * 2 + 2), 16);
  return out;
}
function alignUp(value, alignment2) {
  return Math.ceil(value / alignment2) * alignment2;
}
function compareBytes(a, b) {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
function u64(lo, hi) {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
function utf8Encode(text) {
  const out = [];
  for (const ch of text) {
    let c = ch.codePointAt(0);
    if (c >= 55296 && c <= 57343) c = 65533;
    if (c < 128) out.push(c);
    else if (c < 2048) out.push(192 | (c >> 6), 128 | (c & 63));
    else if (c < 65536) out.push(224 | (c >> 12), 128 | ((c >> 6) & 63), 128 | (c & 63));
    else out.push(240 | (c >> 18), 128 | ((c >> 12) & 63), 128 | ((c >> 6) & 63), 128 | (c & 63));
  }
  return Uint8Array.from(out);
}
function utf8Decode(bytes) {
  let out = '';
  let i = 0;
  while (i < bytes.length) {
    const b = bytes[i];
    const need = b < 128 ? 0 : b >= 194 && b < 224 ? 1 : b >= 224 && b < 240 ? 2 : b >= 240 && b < 245 ? 3 : -1;
    if (need === 0) {
      out += String.fromCharCode(b);
      i++;
      continue;
    }
    let c = need < 0 ? 0 : b & (63 >> need);
    let ok = need > 0 && i + need < bytes.length;
    for (let k = 1; ok && k <= need; k++) {
      const t = bytes[i + k];
      if ((t & 192) !== 128) ok = false;
      c = (c << 6) | (t & 63);
    }
    if (ok && ((need === 2 && (c < 2048 || (c >= 55296 && c <= 57343))) || (need === 3 && (c < 65536 || c > 1114111))))
      ok = false;
    if (ok) {
      out += String.fromCodePoint(c);
      i += need + 1;
    } else {
      out += '\uFFFD';
      i++;
    }
  }
  return out;
}

// core/base/diagnostics.ts
var SourceFile = class {
  name;
  text;
  #lineStarts;
  constructor(name, text) {
    this.name = name;
    this.text = text;
  }
  /** 1-based line and column (in UTF-16 units) of an offset. */
  position(offset) {
    const starts = this.lineStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (starts[mid] <= offset) low = mid;
      else high = mid - 1;
    }
    return { line: low + 1, column: offset - starts[low] + 1 };
  }
  /** Text of a 1-based line, without its end. */
  lineText(line) {
    const starts = this.lineStarts();
    const from = starts[line - 1];
    if (from === void 0) return '';
    const to = starts[line] ?? this.text.length + 1;
    return this.text.slice(from, to - 1).replace(/\r$/, '');
  }
  get lineCount() {
    return this.lineStarts().length;
  }
  lineStarts() {
    if (!this.#lineStarts) {
      const starts = [0];
      for (let i = this.text.indexOf('\n'); i >= 0; i = this.text.indexOf('\n', i + 1)) starts.push(i + 1);
      this.#lineStarts = starts;
    }
    return this.#lineStarts;
  }
};
var ESC = '\x1B[';
var COLORS = { error: '1;31', warning: '1;35', note: '1;36' };
function renderDiagnostics(diagnostics, options = {}) {
  return diagnostics.map((d) => renderOne(d, options)).join('\n');
}
function renderOne(d, options) {
  const paint = (code, text) => (options.color ? `${ESC}${code}m${text}${ESC}0m` : text);
  const label = paint(COLORS[d.severity], `${d.severity}:`);
  const lines = [];
  if (d.span) {
    const { line, column } = d.span.file.position(d.span.start);
    lines.push(`${paint('1', `${d.span.file.name}:${line}:${column}:`)} ${label} ${paint('1', d.message)}`);
    const source = d.span.file.lineText(line);
    if (source.trim() !== '' || source.length > 0) {
      lines.push(expandTabs(source));
      lines.push(paint('1;32', caretLine(d, source, line, column)));
      for (const fix of d.fixits ?? []) {
        const at = fix.span.file.position(fix.span.start);
        if (fix.span.file === d.span.file && at.line === line && !fix.text.includes('\n')) {
          lines.push(paint('32', ' '.repeat(visualColumn(source, at.column - 1)) + fix.text));
        }
      }
    }
  } else {
    lines.push(`${label} ${paint('1', d.message)}`);
  }
  for (const note of d.notes ?? []) lines.push(renderOne(note, options));
  return lines.join('\n');
}
function caretLine(d, source, line, column) {
  const width = visualColumn(source, source.length) + 1;
  const marks = new Array(width).fill(' ');
  const underline = (span) => {
    const from = span.file.position(span.start);
    if (span.file !== d.span.file || from.line !== line) return;
    const last = Math.min(span.end - span.start + from.column - 1, source.length);
    for (let c = visualColumn(source, from.column - 1); c < visualColumn(source, last); c++) marks[c] = '~';
  };
  for (const range2 of d.ranges ?? []) underline(range2);
  underline(d.span);
  marks[visualColumn(source, column - 1)] = '^';
  return marks.join('').replace(/ +$/, '');
}
var TAB = 8;
function expandTabs(text) {
  let out = '';
  for (const ch of text) out += ch === '	' ? ' '.repeat(TAB - (out.length % TAB)) : ch;
  return out;
}
function visualColumn(source, index) {
  return expandTabs(source.slice(0, index)).length + Math.max(0, index - source.length);
}

// core/base/errors.ts
var BpfError = class extends Error {
  code;
  constructor(code, message, options) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
};
var CompileError = class extends BpfError {
  diagnostics;
  constructor(diagnostics) {
    super('COMPILE', renderDiagnostics(diagnostics));
    this.diagnostics = diagnostics;
  }
};
var Unsupported = class extends BpfError {
  constructor(what, details = {}) {
    const where = details.backend ? ` on the ${details.backend} backend` : '';
    const since = details.since ? ` (Linux ${details.since} and later)` : '';
    super('UNSUPPORTED', `${what} is not supported${where}${since}${details.hint ? `: ${details.hint}` : ''}`, details);
  }
};
var Fault = class extends BpfError {
  pc;
  reason;
  /** r0..r10 as unsigned 64-bit values at the fault. */
  regs;
  /** `file:line` of the C source, when line info is there. */
  sourceLine;
  constructor(reason, pc, regs = [], sourceLine2) {
    super('FAULT', `fault at pc ${pc}${sourceLine2 ? ` (${sourceLine2})` : ''}: ${reason}`);
    this.pc = pc;
    this.reason = reason;
    this.regs = regs;
    this.sourceLine = sourceLine2;
  }
};
function nearestNames(wanted, names2, most = 3) {
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const scored = [];
  for (const name of names2) {
    if (Math.abs(name.length - wanted.length) > limit && !name.startsWith(wanted)) continue;
    const distance = editDistance(wanted, name);
    if (distance <= limit) scored.push({ name, score: distance });
    else if (wanted.length >= 3 && name.startsWith(wanted)) scored.push({ name, score: limit + 1 });
  }
  scored.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
  return scored.slice(0, most).map((s) => s.name);
}
function editDistance(a, b) {
  let before2 = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row2 = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(previous[j] + 1, row2[j - 1] + 1, previous[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before2[j - 2] + 1);
      row2.push(d);
    }
    before2 = previous;
    previous = row2;
  }
  return previous[b.length];
}

// core/btf/read.ts
var BTF_MAGIC = 60319;
var BTF_HEADER_SIZE = 24;
var BTF_KINDS = [
  { kind: 'void', fixed: 0, each: 0 },
  { kind: 'int', fixed: 1, each: 0 },
  { kind: 'ptr', fixed: 0, each: 0 },
  { kind: 'array', fixed: 3, each: 0 },
  { kind: 'struct', fixed: 0, each: 3 },
  { kind: 'union', fixed: 0, each: 3 },
  { kind: 'enum', fixed: 0, each: 2 },
  { kind: 'fwd', fixed: 0, each: 0 },
  { kind: 'typedef', fixed: 0, each: 0 },
  { kind: 'volatile', fixed: 0, each: 0 },
  { kind: 'const', fixed: 0, each: 0 },
  { kind: 'restrict', fixed: 0, each: 0 },
  { kind: 'func', fixed: 0, each: 0 },
  { kind: 'func_proto', fixed: 0, each: 2 },
  { kind: 'var', fixed: 1, each: 0 },
  { kind: 'datasec', fixed: 0, each: 3 },
  { kind: 'float', fixed: 0, each: 0 },
  { kind: 'decl_tag', fixed: 1, each: 0 },
  { kind: 'type_tag', fixed: 0, each: 0 },
  { kind: 'enum64', fixed: 0, each: 3 },
];
var BTF_KIND_ID = Object.fromEntries(BTF_KINDS.map((row2, id) => [row2.kind, id]));
var BTF_LINKAGE = ['static', 'global', 'extern'];
var RECORD = Uint8Array.from({ length: 32 }, (_, kind) =>
  kind > 0 && kind < BTF_KINDS.length ? 3 + BTF_KINDS[kind].fixed : 0,
);
var EACH = Uint8Array.from(BTF_KINDS, (row2) => row2.each);
var KIND_INT = BTF_KIND_ID.int;
var KIND_ENUM = BTF_KIND_ID.enum;
var KIND_ENUM64 = BTF_KIND_ID.enum64;
var KIND_TYPEDEF = BTF_KIND_ID.typedef;
var KIND_CONST = BTF_KIND_ID.const;
var KIND_VOLATILE = BTF_KIND_ID.volatile;
var INT_SIGNED = 1;
var INT_CHAR = 2;
var INT_BOOL = 4;
var SEARCHES = 4;
var MAX_CHAIN = 64;
var HOST_LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
function readBtf(bytes, base) {
  return new BtfFile(bytes, base === void 0 || base instanceof BtfFile ? base : new BtfFile(base.bytes, void 0));
}
function bad(what, offset) {
  return new BpfError('BTF', `malformed BTF: ${what} (at byte ${offset})`);
}
var BtfFile = class {
  bytes;
  typeCount;
  #base;
  #firstId;
  /** The type section as words of this machine's byte order. */
  #words;
  /** Byte offset of the type section, for messages. */
  #typeOffset;
  /** Word index of each own type. */
  #starts;
  #strings;
  #firstString;
  #decoded = [];
  #indexes = [];
  /** How often names of each kind were looked for without an index. */
  #searches = new Uint8Array(BTF_KINDS.length);
  #enumerators;
  #enumeratorSearches = 0;
  constructor(bytes, base) {
    this.bytes = bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
    this.#firstId = base ? base.typeCount : 1;
    this.#firstString = base ? base.#firstString + base.#strings.length : 0;
    if (bytes.length < BTF_HEADER_SIZE)
      throw bad(`${bytes.length} bytes are too few for a header of ${BTF_HEADER_SIZE}`, 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = view.getUint16(0, true) === BTF_MAGIC;
    if (!little && view.getUint16(0, false) !== BTF_MAGIC) throw bad('no magic number 0xeb9f', 0);
    if (bytes[2] !== 1) throw bad(`version ${bytes[2]}, only 1 is known`, 2);
    const headerSize = view.getUint32(4, little);
    if (headerSize < BTF_HEADER_SIZE || headerSize > bytes.length) throw bad(`header size ${headerSize}`, 4);
    const section2 = (at, name) => {
      const start = headerSize + view.getUint32(at, little);
      const size = view.getUint32(at + 4, little);
      if (start + size > bytes.length)
        throw bad(`${name} section ends at ${start + size}, the file at ${bytes.length}`, at);
      return { start, size };
    };
    const types2 = section2(8, 'type');
    const strings = section2(16, 'string');
    if (types2.size % 4 !== 0) throw bad(`type section of ${types2.size} bytes is not whole words`, 12);
    this.#typeOffset = types2.start;
    this.#strings = bytes.subarray(strings.start, strings.start + strings.size);
    if (strings.size > 0 && this.#strings[strings.size - 1] !== 0)
      throw bad('string section does not end with NUL', strings.start + strings.size - 1);
    if (!base && strings.size > 0 && this.#strings[0] !== 0)
      throw bad('string section does not start with the empty string', strings.start);
    this.#words = wordsOf(bytes, types2.start, types2.size, little !== HOST_LITTLE);
    this.#starts = this.#scan();
    this.typeCount = this.#firstId + this.#starts.length;
  }
  /** Where each type starts. As little as possible is done for each: in a short process this loop runs before V8 has made it fast. */
  #scan() {
    const words2 = this.#words;
    const end = words2.length;
    const starts = new Uint32Array(Math.floor(end / 3));
    let count = 0;
    let at = 0;
    while (at < end) {
      const info = words2[at + 1];
      const kind = (info >>> 24) & 31;
      const size = RECORD[kind];
      if (size === 0) break;
      starts[count++] = at;
      at += size + EACH[kind] * (info & 65535);
    }
    if (at !== end) throw this.#cutOff(at < end ? at : starts[--count], count);
    return starts.subarray(0, count);
  }
  /** What is wrong with the record at a word, where the scan stopped after `count` good ones. */
  #cutOff(at, count) {
    const offset = this.#typeOffset + at * 4;
    if (at + 3 > this.#words.length) return bad('the last type is cut off', offset);
    const kind = (this.#words[at + 1] >>> 24) & 31;
    const type = `type ${this.#firstId + count}`;
    if (RECORD[kind] === 0) return bad(`${type} has the unknown kind ${kind}`, offset);
    return bad(`${type} (${BTF_KINDS[kind].kind}) runs past the type section`, offset);
  }
  /** The text at an offset of the string section (of the base's, for low offsets of a split BTF). */
  string(offset) {
    if (offset === 0) return '';
    if (offset < this.#firstString) return this.#base.string(offset);
    const bytes = this.#strings;
    const start = this.#stringStart(offset);
    let text = '';
    for (let i = start; ; i++) {
      const c = bytes[i];
      if (c === 0) return text;
      if (c >= 128) return utf8Decode(bytes.subarray(start, bytes.indexOf(0, start)));
      text += String.fromCharCode(c);
    }
  }
  type(id) {
    if (id === 0) return VOID;
    if (id < this.#firstId && this.#base) return this.#base.type(id);
    if (!Number.isInteger(id) || id < 0 || id >= this.typeCount) {
      throw new RangeError(`BTF has no type ${id}: ids run from 0 to ${this.typeCount - 1}`);
    }
    const index = id - this.#firstId;
    return (this.#decoded[index] ??= this.#decode(id, this.#starts[index]));
  }
  #decode(id, at) {
    const words2 = this.#words;
    const info = words2[at + 1];
    const third = words2[at + 2];
    const flag = info >>> 31 !== 0;
    const kind = BTF_KINDS[(info >>> 24) & 31].kind;
    const name = this.string(words2[at]);
    switch (kind) {
      case 'int': {
        const data2 = words2[at + 3];
        const encoding = (data2 >>> 24) & 15;
        return {
          kind,
          id,
          name,
          size: third,
          signed: (encoding & INT_SIGNED) !== 0,
          char: (encoding & INT_CHAR) !== 0,
          bool: (encoding & INT_BOOL) !== 0,
          bits: data2 & 255,
          offset: (data2 >>> 16) & 255,
        };
      }
      case 'ptr':
      case 'volatile':
      case 'const':
      case 'restrict':
        return { kind, id, name: '', type: this.#ref(third, at + 2) };
      case 'typedef':
      case 'type_tag':
        return { kind, id, name, type: this.#ref(third, at + 2) };
      case 'array':
        return {
          kind,
          id,
          name: '',
          type: this.#ref(words2[at + 3], at + 3),
          indexType: this.#ref(words2[at + 4], at + 4),
          count: words2[at + 5],
        };
      case 'struct':
      case 'union':
        return { kind, id, name, size: third, members: this.#members(at, info & 65535, flag) };
      case 'enum':
      case 'enum64':
        return {
          kind,
          id,
          name,
          size: third,
          signed: flag,
          values: this.#values(at, info & 65535, flag, kind === 'enum64'),
        };
      case 'fwd':
        return { kind, id, name, union: flag };
      case 'func':
        return { kind, id, name, type: this.#ref(third, at + 2), linkage: this.#linkage(info & 65535, at) };
      case 'func_proto': {
        const params = [];
        for (let i = 0, p = at + 3; i < (info & 65535); i++, p += 2)
          params.push({ name: this.string(words2[p]), type: this.#ref(words2[p + 1], p + 1) });
        return { kind, id, name: '', ret: this.#ref(third, at + 2), params };
      }
      case 'var':
        return { kind, id, name, type: this.#ref(third, at + 2), linkage: this.#linkage(words2[at + 3], at + 3) };
      case 'datasec': {
        const vars = [];
        for (let i = 0, p = at + 3; i < (info & 65535); i++, p += 3)
          vars.push({ type: this.#ref(words2[p], p), offset: words2[p + 1], size: words2[p + 2] });
        return { kind, id, name, size: third, vars };
      }
      case 'float':
        return { kind, id, name, size: third };
      case 'decl_tag':
        return { kind, id, name, type: this.#ref(third, at + 2), component: words2[at + 3] | 0 };
      case 'void':
        return VOID;
    }
  }
  /** A type reference, checked. `at` is the word it stands in. */
  #ref(id, at) {
    if (id >= this.typeCount)
      throw bad(`a type refers to type ${id}, the last one is ${this.typeCount - 1}`, this.#typeOffset + at * 4);
    return id;
  }
  #linkage(number2, at) {
    const linkage = BTF_LINKAGE[number2];
    if (linkage === void 0) throw bad(`linkage ${number2}`, this.#typeOffset + at * 4);
    return linkage;
  }
  #members(at, count, flag) {
    const words2 = this.#words;
    const members = [];
    for (let i = 0, p = at + 3; i < count; i++, p += 3) {
      const name = this.string(words2[p]);
      const type = this.#ref(words2[p + 1], p + 1);
      const offset = words2[p + 2];
      if (flag) members.push({ name, type, bitOffset: offset & 16777215, bitSize: offset >>> 24 });
      else
        members.push(
          this.#isNarrow(type) ? this.#oldMember(name, type, offset) : { name, type, bitOffset: offset, bitSize: 0 },
        );
    }
    return members;
  }
  /** Is a type an int narrower than its bytes, under whatever names: the old way to write a bitfield (before Linux 5.0)? */
  #isNarrow(id) {
    for (let i = 0; i < MAX_CHAIN && id !== 0; i++) {
      let file = this;
      while (id < file.#firstId) file = file.#base;
      const at = file.#starts[id - file.#firstId];
      const kind = (file.#words[at + 1] >>> 24) & 31;
      if (kind === KIND_INT) return (file.#words[at + 3] & 255) !== file.#words[at + 2] * 8;
      if (kind !== KIND_TYPEDEF && kind !== KIND_CONST && kind !== KIND_VOLATILE) return false;
      id = this.#ref(file.#words[at + 2], at + 2);
    }
    return false;
  }
  /** A member as written before kind_flag: a bitfield's width and shift are those of its int type. */
  #oldMember(name, type, bitOffset) {
    let t = this.type(type);
    for (let i = 0; i < MAX_CHAIN && (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile'); i++)
      t = this.type(t.type);
    if (t.kind !== 'int' || t.bits === t.size * 8) return { name, type, bitOffset, bitSize: 0 };
    return { name, type, bitOffset: bitOffset + t.offset, bitSize: t.bits };
  }
  #values(at, count, signed2, wide) {
    const values = [];
    const step2 = wide ? 3 : 2;
    for (let i = 0, p = at + 3; i < count; i++, p += step2)
      values.push({ name: this.string(this.#words[p]), value: this.#value(p, signed2, wide) });
    return values;
  }
  #value(at, signed2, wide) {
    const low = this.#words[at + 1];
    if (!wide) return BigInt(signed2 ? low | 0 : low);
    const value = (BigInt(this.#words[at + 2]) << 32n) | BigInt(low);
    return signed2 ? BigInt.asIntN(64, value) : value;
  }
  find(name, kind) {
    return name === '' ? void 0 : this.#find(utf8Encode(name), kind);
  }
  findAll(name, kind) {
    const ids = this.#base ? this.#base.findAll(name, kind) : [];
    const bytes = utf8Encode(name);
    const kindId = BTF_KIND_ID[kind];
    for (let i = this.#search(kindId, bytes, 0); i >= 0; i = this.#search(kindId, bytes, i + 1))
      ids.push(this.#firstId + i);
    return ids;
  }
  #find(name, kind) {
    const inBase = this.#base ? this.#base.#find(name, kind) : void 0;
    if (inBase !== void 0) return inBase;
    const kindId = BTF_KIND_ID[kind];
    let index = this.#indexes[kindId];
    if (!index) {
      if (this.#searches[kindId]++ < SEARCHES) {
        const found = this.#search(kindId, name, 0);
        return found < 0 ? void 0 : this.#firstId + found;
      }
      index = this.#indexes[kindId] = this.#indexKind(kindId);
    }
    const at = this.#lookup(index, name);
    return at === void 0 ? void 0 : this.#firstId + this.#typeAt(at);
  }
  /** Index of the first own type of a kind and name, from the one at `from` on; -1 if there is none. */
  #search(kindId, name, from) {
    const words2 = this.#words;
    const starts = this.#starts;
    const strings = this.#strings;
    const [firstString, count, first, end] = [this.#firstString, starts.length, name[0], name.length];
    for (let i = from; i < count; i++) {
      const at = starts[i];
      if (((words2[at + 1] >>> 24) & 31) !== kindId) continue;
      const start = words2[at] - firstString;
      if (start >= 0 && (strings[start] !== first || strings[start + end] !== 0)) continue;
      if (this.#nameIs(words2[at], name)) return i;
    }
    return -1;
  }
  /** Word where the record of this name starts. */
  #lookup(index, name) {
    const mask = index.length - 1;
    for (let slot = hashBytes(name, 0) & mask; index[slot] !== 0; slot = (slot + 1) & mask) {
      const at = index[slot] - 1;
      if (this.#nameIs(this.#words[at], name)) return at;
    }
    return void 0;
  }
  /** Index among own types of the one whose record holds a word. */
  #typeAt(at) {
    let low = 0;
    for (let high = this.#starts.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
  #indexKind(kindId) {
    const words2 = this.#words;
    const starts = this.#starts;
    const named = [];
    for (let i = 0; i < starts.length; i++) {
      const at = starts[i];
      if (((words2[at + 1] >>> 24) & 31) === kindId && words2[at] !== 0) named.push(at);
    }
    const index = emptyIndex(named.length);
    for (const at of named) this.#insert(index, at);
    return index;
  }
  /** Enter the record at a word under its name, unless an earlier one has that name. */
  #insert(index, at) {
    const words2 = this.#words;
    const mask = index.length - 1;
    const name = words2[at];
    const owner2 = this.#owner(name);
    const strings = owner2.#strings;
    const start = owner2.#stringStart(name);
    let slot = hashBytes(strings, start) & mask;
    for (let entry2 = index[slot]; entry2 !== 0; entry2 = index[slot]) {
      const other = words2[entry2 - 1];
      if (other === name || (other >= owner2.#firstString && sameText(strings, other - owner2.#firstString, start)))
        return;
      slot = (slot + 1) & mask;
    }
    index[slot] = at + 1;
  }
  findEnumerator(name) {
    return name === '' ? void 0 : this.#findEnumerator(utf8Encode(name));
  }
  #findEnumerator(name) {
    const inBase = this.#base ? this.#base.#findEnumerator(name) : void 0;
    if (inBase) return inBase;
    let at;
    if (!this.#enumerators && this.#enumeratorSearches++ < SEARCHES) at = this.#searchEnumerator(name);
    else at = this.#lookup((this.#enumerators ??= this.#indexEnumerators()), name);
    if (at === void 0) return void 0;
    const type = this.#typeAt(at);
    const info = this.#words[this.#starts[type] + 1];
    return {
      value: this.#value(at, info >>> 31 !== 0, ((info >>> 24) & 31) === BTF_KIND_ID.enum64),
      enumId: this.#firstId + type,
    };
  }
  /** Word where the first own enumerator of a name starts. */
  #searchEnumerator(name) {
    const words2 = this.#words;
    const starts = this.#starts;
    const strings = this.#strings;
    const [firstString, first, end] = [this.#firstString, name[0], name.length];
    for (let i = 0; i < starts.length; i++) {
      const at = starts[i];
      const info = words2[at + 1];
      const kind = (info >>> 24) & 31;
      if (kind !== KIND_ENUM && kind !== KIND_ENUM64) continue;
      const step2 = EACH[kind];
      for (let k = info & 65535, p = at + 3; k > 0; k--, p += step2) {
        const start = words2[p] - firstString;
        if (start >= 0 && (strings[start] !== first || strings[start + end] !== 0)) continue;
        if (this.#nameIs(words2[p], name)) return p;
      }
    }
    return void 0;
  }
  #indexEnumerators() {
    const words2 = this.#words;
    const starts = this.#starts;
    let total = 0;
    for (let i = 0; i < starts.length; i++) {
      const info = words2[starts[i] + 1];
      const kind = (info >>> 24) & 31;
      if (kind === KIND_ENUM || kind === KIND_ENUM64) total += info & 65535;
    }
    const index = emptyIndex(total);
    for (let i = 0; i < starts.length; i++) {
      const at = starts[i];
      const info = words2[at + 1];
      const kind = (info >>> 24) & 31;
      if (kind !== KIND_ENUM && kind !== KIND_ENUM64) continue;
      const step2 = EACH[kind];
      for (let k = info & 65535, p = at + 3; k > 0; k--, p += step2) if (words2[p] !== 0) this.#insert(index, p);
    }
    return index;
  }
  *names(kind) {
    if (this.#base) yield* this.#base.names(kind);
    const kindId = BTF_KIND_ID[kind];
    for (const at of this.#starts) {
      if (((this.#words[at + 1] >>> 24) & 31) === kindId && this.#words[at] !== 0) yield this.string(this.#words[at]);
    }
  }
  /** The file of the chain of bases whose string section holds an offset. */
  #owner(offset) {
    let file = this;
    while (offset < file.#firstString) file = file.#base;
    return file;
  }
  #stringStart(offset) {
    const start = offset - this.#firstString;
    if (start >= this.#strings.length)
      throw bad(`string offset ${offset} is outside of the string section`, this.#typeOffset);
    return start;
  }
  /** Is the name at `offset` these bytes? */
  #nameIs(offset, name) {
    const owner2 = this.#owner(offset);
    const strings = owner2.#strings;
    const start = owner2.#stringStart(offset);
    for (let i = 0; i < name.length; i++) if (strings[start + i] !== name[i]) return false;
    return strings[start + name.length] === 0;
  }
};
var VOID = { kind: 'void', id: 0, name: '' };
function emptyIndex(entries2) {
  let size = 4;
  while (size * 3 < entries2 * 4) size *= 2;
  return new Uint32Array(size);
}
function sameText(bytes, a, b) {
  while (bytes[a] === bytes[b] && bytes[a] !== 0) {
    a++;
    b++;
  }
  return bytes[a] === bytes[b];
}
function hashBytes(bytes, start) {
  let hash = 2166136261;
  for (let i = start; i < bytes.length && bytes[i] !== 0; i++) hash = Math.imul(hash ^ bytes[i], 16777619);
  return hash ^ (hash >>> 15);
}
function wordsOf(bytes, start, size, swap) {
  if (!swap && (bytes.byteOffset + start) % 4 === 0)
    return new Uint32Array(bytes.buffer, bytes.byteOffset + start, size / 4);
  const copy = bytes.slice(start, start + size);
  if (swap) {
    for (let i = 0; i < size; i += 4) {
      const [a, b] = [copy[i], copy[i + 1]];
      copy[i] = copy[i + 3];
      copy[i + 1] = copy[i + 2];
      copy[i + 2] = b;
      copy[i + 3] = a;
    }
  }
  return new Uint32Array(copy.buffer, copy.byteOffset, size / 4);
}

// core/isa/ops.ts
var CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 };
var SRC = { K: 0, X: 8 };
var MODE = { IMM: 0, ABS: 32, IND: 64, MEM: 96, MEMSX: 128, ATOMIC: 192 };
var SIZES = [
  { name: 'W', code: 0, bytes: 4, unsigned: 'u32', signed: 's32' },
  { name: 'H', code: 8, bytes: 2, unsigned: 'u16', signed: 's16' },
  { name: 'B', code: 16, bytes: 1, unsigned: 'u8', signed: 's8' },
  { name: 'DW', code: 24, bytes: 8, unsigned: 'u64', signed: 's64' },
];
var SIZE = { W: 0, H: 8, B: 16, DW: 24 };
var ALU_OPS = [
  { name: 'add', code: 0, symbol: '+=', version: 1 },
  { name: 'sub', code: 16, symbol: '-=', version: 1 },
  { name: 'mul', code: 32, symbol: '*=', version: 1 },
  { name: 'div', code: 48, symbol: '/=', version: 1 },
  { name: 'or', code: 64, symbol: '|=', version: 1 },
  { name: 'and', code: 80, symbol: '&=', version: 1 },
  { name: 'lsh', code: 96, symbol: '<<=', version: 1 },
  { name: 'rsh', code: 112, symbol: '>>=', version: 1 },
  { name: 'neg', code: 128, symbol: '-', version: 1 },
  { name: 'mod', code: 144, symbol: '%=', version: 1 },
  { name: 'xor', code: 160, symbol: '^=', version: 1 },
  { name: 'mov', code: 176, symbol: '=', version: 1 },
  { name: 'arsh', code: 192, symbol: 's>>=', version: 1 },
  { name: 'end', code: 208, symbol: '=', version: 1 },
];
var ALU = Object.fromEntries(ALU_OPS.map((r) => [r.name, r.code]));
var ALU_VARIANTS = [
  { name: 'sdiv', base: 'div', off: 1, symbol: 's/=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'smod', base: 'mod', off: 1, symbol: 's%=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'movsx8', base: 'mov', off: 8, symbol: '=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'movsx16', base: 'mov', off: 16, symbol: '=', version: 4, classes: ['ALU', 'ALU64'] },
  { name: 'movsx32', base: 'mov', off: 32, symbol: '=', version: 4, classes: ['ALU64'] },
];
var JMP_OPS = [
  { name: 'ja', code: 0, symbol: 'goto', cond: false, version: 1 },
  { name: 'jeq', code: 16, symbol: '==', cond: true, version: 1 },
  { name: 'jgt', code: 32, symbol: '>', cond: true, version: 1 },
  { name: 'jge', code: 48, symbol: '>=', cond: true, version: 1 },
  { name: 'jset', code: 64, symbol: '&', cond: true, version: 1 },
  { name: 'jne', code: 80, symbol: '!=', cond: true, version: 1 },
  { name: 'jsgt', code: 96, symbol: 's>', cond: true, version: 1 },
  { name: 'jsge', code: 112, symbol: 's>=', cond: true, version: 1 },
  { name: 'call', code: 128, symbol: 'call', cond: false, version: 1 },
  { name: 'exit', code: 144, symbol: 'exit', cond: false, version: 1 },
  { name: 'jlt', code: 160, symbol: '<', cond: true, version: 2 },
  { name: 'jle', code: 176, symbol: '<=', cond: true, version: 2 },
  { name: 'jslt', code: 192, symbol: 's<', cond: true, version: 2 },
  { name: 'jsle', code: 208, symbol: 's<=', cond: true, version: 2 },
  { name: 'jcond', code: 224, symbol: 'may_goto', cond: false, version: 4 },
];
var JMP = Object.fromEntries(JMP_OPS.map((r) => [r.name, r.code]));
var ATOMIC_FETCH = 1;
var ATOMIC_OPS = [
  { name: 'add', imm: 0, fetch: false, version: 1 },
  { name: 'or', imm: 64, fetch: false, version: 3 },
  { name: 'and', imm: 80, fetch: false, version: 3 },
  { name: 'xor', imm: 160, fetch: false, version: 3 },
  { name: 'fetch_add', imm: 1, fetch: true, version: 3 },
  { name: 'fetch_or', imm: 65, fetch: true, version: 3 },
  { name: 'fetch_and', imm: 81, fetch: true, version: 3 },
  { name: 'fetch_xor', imm: 161, fetch: true, version: 3 },
  { name: 'xchg', imm: 225, fetch: true, version: 3 },
  { name: 'cmpxchg', imm: 241, fetch: true, version: 3 },
  { name: 'load_acq', imm: 256, fetch: false, version: 4 },
  { name: 'store_rel', imm: 272, fetch: false, version: 4 },
];
var ATOMIC = Object.fromEntries(ATOMIC_OPS.map((r) => [r.name, r.imm]));
var PSEUDO_LD = [
  { name: 'imm', src: 0 },
  { name: 'map_fd', src: 1 },
  { name: 'map_value', src: 2 },
  { name: 'btf_id', src: 3 },
  { name: 'func', src: 4 },
  { name: 'map_idx', src: 5 },
  { name: 'map_idx_value', src: 6 },
];
var PSEUDO = Object.fromEntries(PSEUDO_LD.map((r) => [r.name, r.src]));
var CALL = { helper: 0, local: 1, kfunc: 2 };
var OP_LD_IMM64 = CLASS.LD | SIZE.DW | MODE.IMM;
var OP_CALL = CLASS.JMP | 128;
var OP_CALLX = CLASS.JMP | 128 | SRC.X;
var OP_EXIT = CLASS.JMP | 144;
var OP_JA = CLASS.JMP;
var OP_GOTOL = CLASS.JMP32;
var OP_MAY_GOTO = CLASS.JMP | 224;
var REG_COUNT = 11;
var REG_FP = 10;
var STACK_SIZE = 512;
var MAX_CALL_FRAMES = 8;
var MAX_TAIL_CALLS = 33;

// core/isa/insn.ts
var INSN_SIZE = 8;
function encode(insns) {
  let slots = 0;
  for (const insn of insns) slots += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  const bytes = new Uint8Array(slots * INSN_SIZE);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const insn of insns) {
    bytes[at] = insn.opcode;
    bytes[at + 1] = (insn.dst & 15) | ((insn.src & 15) << 4);
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, insn.imm, true);
    at += INSN_SIZE;
    if (insn.opcode === OP_LD_IMM64) {
      view.setInt32(at + 4, insn.immHi ?? (insn.imm < 0 ? -1 : 0), true);
      at += INSN_SIZE;
    }
  }
  return bytes;
}
function decode(bytes) {
  if (bytes.length % INSN_SIZE !== 0) {
    throw new RangeError(`program of ${bytes.length} bytes is not a whole number of 8-byte instructions`);
  }
  const length = bytes.length / INSN_SIZE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const program = {
    length,
    opcode: new Uint8Array(length),
    dst: new Uint8Array(length),
    src: new Uint8Array(length),
    off: new Int16Array(length),
    imm: new Int32Array(length),
  };
  for (let i = 0, at = 0; i < length; i++, at += INSN_SIZE) {
    program.opcode[i] = bytes[at];
    program.dst[i] = bytes[at + 1] & 15;
    program.src[i] = bytes[at + 1] >> 4;
    program.off[i] = view.getInt16(at + 2, true);
    program.imm[i] = view.getInt32(at + 4, true);
  }
  return program;
}
function toInsns(bytes) {
  const p = decode(bytes);
  const out = [];
  for (let i = 0; i < p.length; i++) {
    const insn = { opcode: p.opcode[i], dst: p.dst[i], src: p.src[i], off: p.off[i], imm: p.imm[i] };
    if (insn.opcode === OP_LD_IMM64) out.push({ ...insn, immHi: p.imm[++i] ?? 0 });
    else out.push(insn);
  }
  return out;
}

// core/isa/disasm.ts
function insnText(insn, names2 = {}) {
  return `(${insn.opcode.toString(16).padStart(2, '0')}) ${operation(insn, names2)}`;
}
function disassemble(bytes, names2 = {}) {
  const lines = [];
  let pc = 0;
  for (const insn of toInsns(bytes)) {
    lines.push(`${String(pc).padStart(4)}: ${insnText(insn, names2)}
`);
    pc += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  }
  return lines.join('');
}
var MOVSX_CAST = { 8: '(s8)', 16: '(s16)', 32: '(s32)' };
function operation(insn, names2) {
  switch (insn.opcode & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return alu(insn);
    case CLASS.LD:
      return load(insn, names2);
    case CLASS.LDX: {
      const signed2 = (insn.opcode & 224) === MODE.MEMSX;
      if (!signed2 && (insn.opcode & 224) !== MODE.MEM) return bug(insn);
      return `r${insn.dst} = *(${typeOf(insn, signed2)} *)(r${insn.src} ${plus(insn.off)})`;
    }
    case CLASS.ST:
      return (insn.opcode & 224) === MODE.MEM ? `${place(insn)} = ${insn.imm}` : bug(insn);
    case CLASS.STX:
      return (insn.opcode & 224) === MODE.MEM ? `${place(insn)} = r${insn.src}` : atomic(insn);
    default:
      return jump(insn, names2);
  }
}
function alu(insn) {
  const wide = (insn.opcode & 7) === CLASS.ALU64;
  const op = insn.opcode & 240;
  const reg = wide ? 'r' : 'w';
  const x = (insn.opcode & SRC.X) !== 0;
  if (op === ALU.end) {
    const kind = wide ? 'bswap' : x ? 'be' : 'le';
    return `r${insn.dst} = ${kind}${insn.imm} r${insn.dst}`;
  }
  if (op === ALU.neg) return `${reg}${insn.dst} = -${reg}${insn.dst}`;
  const row2 = ALU_OPS.find((r) => r.code === op);
  if (row2 === void 0) return bug(insn);
  const variant = ALU_VARIANTS.find((v) => v.base === row2.name && v.off === insn.off);
  const cast = row2.name === 'mov' && x ? (MOVSX_CAST[insn.off] ?? '') : '';
  return `${reg}${insn.dst} ${variant?.symbol ?? row2.symbol} ${x ? `${cast}${reg}${insn.src}` : insn.imm}`;
}
function load(insn, names2) {
  if (insn.opcode === OP_LD_IMM64) return `r${insn.dst} = ${constant(insn, names2)}`;
  const mode = insn.opcode & 224;
  if (mode === MODE.ABS) return `r0 = *(${typeOf(insn, false)} *)skb[${insn.imm}]`;
  if (mode === MODE.IND) return `r0 = *(${typeOf(insn, false)} *)skb[r${insn.src} + ${insn.imm}]`;
  return bug(insn);
}
function constant(insn, names2) {
  const { imm } = insn;
  const high = insn.immHi ?? 0;
  switch (insn.src) {
    case PSEUDO.map_fd:
      return names2.map?.(imm) ?? `map[id:${imm}]`;
    case PSEUDO.map_value:
      return `${names2.map?.(imm) ?? `map[id:${imm}]`}[0]+${high}`;
    case PSEUDO.map_idx:
      return `map[idx:${imm}]`;
    case PSEUDO.map_idx_value:
      return `map[idx:${imm}]+${high}`;
    case PSEUDO.func:
      return `subprog[${plus(imm)}]`;
    case PSEUDO.btf_id:
      return `btf[id:${imm}]`;
    default:
      return `0x${((BigInt(high >>> 0) << 32n) | BigInt(imm >>> 0)).toString(16)}`;
  }
}
function atomic(insn) {
  const row2 = ATOMIC_OPS.find((r) => r.imm === insn.imm);
  if ((insn.opcode & 224) !== MODE.ATOMIC || row2 === void 0) return bug(insn);
  const bits = (insn.opcode & 24) === SIZE.DW ? '64' : '';
  const pointer = (register) => `(${typeOf(insn, false)} *)(r${register} ${plus(insn.off)})`;
  switch (row2.name) {
    case 'cmpxchg':
      return `r0 = atomic${bits}_cmpxchg(${pointer(insn.dst)}, r0, r${insn.src})`;
    case 'load_acq':
      return `r${insn.dst} = load_acquire(${pointer(insn.src)})`;
    case 'store_rel':
      return `store_release(${pointer(insn.dst)}, r${insn.src})`;
    default:
      if (row2.fetch) return `r${insn.src} = atomic${bits}_${row2.name}(${pointer(insn.dst)}, r${insn.src})`;
      return `lock ${place(insn)} ${ALU_OPS.find((r) => r.name === row2.name).symbol} r${insn.src}`;
  }
}
function jump(insn, names2) {
  switch (insn.opcode) {
    case OP_EXIT:
      return 'exit';
    case OP_JA:
      return `goto pc${plus(insn.off)}`;
    case OP_GOTOL:
      return `gotol pc${plus(insn.imm)}`;
    case OP_MAY_GOTO:
      return `may_goto pc${plus(insn.off)}`;
    case OP_CALL: {
      if (insn.src === CALL.local) return `call pc${plus(insn.imm)}`;
      if (insn.src === CALL.kfunc) return `call ${names2.kfunc?.(insn.imm, insn.off) ?? 'kernel-function'}#${insn.imm}`;
      const name = names2.helper?.(insn.imm);
      return `call ${name === void 0 ? 'unknown' : `bpf_${name}`}#${insn.imm}`;
    }
  }
  const row2 = JMP_OPS.find((r) => r.code === (insn.opcode & 240));
  if (row2?.cond !== true) return bug(insn);
  const reg = (insn.opcode & 7) === CLASS.JMP32 ? 'w' : 'r';
  const operand = (insn.opcode & SRC.X) !== 0 ? `${reg}${insn.src}` : `0x${(insn.imm >>> 0).toString(16)}`;
  return `if ${reg}${insn.dst} ${row2.symbol} ${operand} goto pc${plus(insn.off)}`;
}
function place(insn) {
  return `*(${typeOf(insn, false)} *)(r${insn.dst} ${plus(insn.off)})`;
}
function typeOf(insn, signed2) {
  const size = SIZES.find((r) => r.code === (insn.opcode & 24));
  return signed2 ? size.signed : size.unsigned;
}
function plus(value) {
  return value < 0 ? String(value) : `+${value}`;
}
function bug(insn) {
  return `BUG_${insn.opcode.toString(16).padStart(2, '0')}`;
}

// core/maps/copy.ts
var SHORT = 160;
function copyBytes(memory, to, from, size) {
  if (size > SHORT) {
    memory.u8.copyWithin(to, from, from + size);
    return;
  }
  const { u8, i32 } = memory;
  let done2 = 0;
  if (((to | from) & 3) === 0) {
    const a = to >>> 2;
    const b = from >>> 2;
    const words2 = size >> 2;
    for (let i = 0; i < words2; i++) i32[a + i] = i32[b + i];
    done2 = words2 << 2;
  }
  for (; done2 < size; done2++) u8[to + done2] = u8[from + done2];
}
function zeroBytes(memory, at, size) {
  const { u8 } = memory;
  if (size > SHORT) u8.fill(0, at, at + size);
  else for (let i = 0; i < size; i++) u8[at + i] = 0;
}

// core/base/errno.ts
var ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOLCK: 37,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENOMSG: 42,
  EIDRM: 43,
  ECHRNG: 44,
  EL2NSYNC: 45,
  EL3HLT: 46,
  EL3RST: 47,
  ELNRNG: 48,
  EUNATCH: 49,
  ENOCSI: 50,
  EL2HLT: 51,
  EBADE: 52,
  EBADR: 53,
  EXFULL: 54,
  ENOANO: 55,
  EBADRQC: 56,
  EBADSLT: 57,
  EBFONT: 59,
  ENOSTR: 60,
  ENODATA: 61,
  ETIME: 62,
  ENOSR: 63,
  ENONET: 64,
  ENOPKG: 65,
  EREMOTE: 66,
  ENOLINK: 67,
  EADV: 68,
  ESRMNT: 69,
  ECOMM: 70,
  EPROTO: 71,
  EMULTIHOP: 72,
  EDOTDOT: 73,
  EBADMSG: 74,
  EOVERFLOW: 75,
  ENOTUNIQ: 76,
  EBADFD: 77,
  EREMCHG: 78,
  ELIBACC: 79,
  ELIBBAD: 80,
  ELIBSCN: 81,
  ELIBMAX: 82,
  ELIBEXEC: 83,
  EILSEQ: 84,
  ERESTART: 85,
  ESTRPIPE: 86,
  EUSERS: 87,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  EPFNOSUPPORT: 96,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETOOMANYREFS: 109,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ESTALE: 116,
  EUCLEAN: 117,
  ENOTNAM: 118,
  ENAVAIL: 119,
  EISNAM: 120,
  EREMOTEIO: 121,
  EDQUOT: 122,
  ENOMEDIUM: 123,
  EMEDIUMTYPE: 124,
  ECANCELED: 125,
  ENOKEY: 126,
  EKEYEXPIRED: 127,
  EKEYREVOKED: 128,
  EKEYREJECTED: 129,
  EOWNERDEAD: 130,
  ENOTRECOVERABLE: 131,
  ERFKILL: 132,
  ENOTSUPP: 524,
};
var names = new Map(Object.entries(ERRNO).map(([name, number2]) => [number2, name]));

// core/maps/errno.ts
var EPERM = -ERRNO.EPERM;
var ENOENT = -ERRNO.ENOENT;
var E2BIG = -ERRNO.E2BIG;
var EBADF = -ERRNO.EBADF;
var EAGAIN = -ERRNO.EAGAIN;
var ENOMEM = -ERRNO.ENOMEM;
var EACCES = -ERRNO.EACCES;
var EFAULT = -ERRNO.EFAULT;
var EBUSY = -ERRNO.EBUSY;
var EEXIST = -ERRNO.EEXIST;
var ENODEV = -ERRNO.ENODEV;
var EINVAL = -ERRNO.EINVAL;
var ENOSPC = -ERRNO.ENOSPC;
var ERANGE = -ERRNO.ERANGE;
var ENAMETOOLONG = -ERRNO.ENAMETOOLONG;
var ENODATA = -ERRNO.ENODATA;
var EOVERFLOW = -ERRNO.EOVERFLOW;
var EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
var ENOTSUPP = -ERRNO.ENOTSUPP;

// core/maps/flags.ts
var BPF_F_NO_PREALLOC = 1 << 0;
var BPF_F_NO_COMMON_LRU = 1 << 1;
var BPF_F_NUMA_NODE = 1 << 2;
var BPF_F_RDONLY = 1 << 3;
var BPF_F_WRONLY = 1 << 4;
var BPF_F_STACK_BUILD_ID = 1 << 5;
var BPF_F_ZERO_SEED = 1 << 6;
var BPF_F_RDONLY_PROG = 1 << 7;
var BPF_F_WRONLY_PROG = 1 << 8;
var BPF_F_CLONE = 1 << 9;
var BPF_F_MMAPABLE = 1 << 10;
var BPF_F_PRESERVE_ELEMS = 1 << 11;
var BPF_F_INNER_MAP = 1 << 12;
var BPF_F_LINK = 1 << 13;
var BPF_F_PATH_FD = 1 << 14;
var BPF_F_VTYPE_BTF_OBJ_FD = 1 << 15;
var BPF_F_TOKEN_FD = 1 << 16;
var BPF_F_SEGV_ON_FAULT = 1 << 17;
var BPF_F_NO_USER_CONV = 1 << 18;
var ACCESS_MASK = BPF_F_RDONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY | BPF_F_WRONLY_PROG;
var KMALLOC_MAX = 1 << 22;
var PERCPU_MAX = 32 << 10;
function checkFlags(attrs, allowed2) {
  const flags = attrs.flags ?? 0;
  const bad2 = flags & ~allowed2;
  if (bad2 !== 0) return `EINVAL: a ${attrs.type} map takes no flag 0x${(bad2 >>> 0).toString(16)}`;
  const both = (a, b) => (flags & a) !== 0 && (flags & b) !== 0;
  if (both(BPF_F_RDONLY, BPF_F_WRONLY) || both(BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG)) {
    return 'EINVAL: a map cannot be both read-only and write-only';
  }
  return void 0;
}
function checkSizes(attrs, want) {
  for (const [what, size, rule] of [
    ['key size', attrs.keySize, want.keySize],
    ['value size', attrs.valueSize, want.valueSize],
    ['max_entries', attrs.maxEntries, want.maxEntries],
  ]) {
    if (!Number.isInteger(size) || size < 0 || size > 4294967295)
      return `EINVAL: ${what} ${size} is not a 32-bit number`;
    if (rule === 'some' && size === 0) return `EINVAL: ${what} of a ${attrs.type} map must not be 0`;
    if (typeof rule === 'number' && size !== rule)
      return `EINVAL: ${what} of a ${attrs.type} map must be ${rule}, not ${size}`;
  }
  return void 0;
}

// core/maps/layout.ts
var HEADER_SIZE = 128;
var HEADER = {
  TYPE: 0,
  KEY_SIZE: 4,
  VALUE_SIZE: 8,
  MAX_ENTRIES: 12,
  FLAGS: 16,
  /** Bytes from one element (array) or node (hash) to the next. */
  ELEM_SIZE: 20,
  /** First element, node, ring or bitmap. */
  DATA: 24,
  BUCKETS: 28,
  BUCKET_MASK: 32,
  SEED: 36,
  /** Live elements. */
  COUNT: 40,
  /** Oldest and newest free node. */
  FREE_HEAD: 44,
  FREE_TAIL: 48,
  /** Nodes from here to FRESH_END were never used. */
  FRESH: 52,
  FRESH_END: 56,
  CPUS: 60,
  /** Bytes from one CPU's value to the next; 0 when values are not per-CPU. */
  CPU_STRIDE: 64,
  /** Lock word: 0 free, 1 held. */
  LOCK: 68,
  /** Offsets inside a hash node. */
  KEY_AT: 72,
  VALUE_AT: 76,
  /** Type-specific words, named by each type's file. */
  OWN: 80,
};
var NODE = { NEXT: 0, HASH: 4, STATE: 8, LINK: 12, KEY: 16 };
var NODE_FREE = 0;
var NODE_USED = 1;
var NODE_REFERENCED = 2;

// core/maps/map.ts
var BPF_NOEXIST = 1;
var BPF_EXIST = 2;
var BPF_F_LOCK = 4;

// core/maps/map-base.ts
var MapBase = class {
  attrs;
  host;
  offset;
  /** Bytes of one value as bpf(2) sees it: all CPUs' values of a per-CPU map. */
  userValueSize;
  /** Bytes from one CPU's value to the next; 0 when values are shared. */
  cpuStride;
  #scratchKey;
  #scratchValue;
  #blocks = [];
  #frozen = false;
  #closed = false;
  /** Memory for the header, and for one key and one value of scratch. Throws BpfError ENOMEM. */
  constructor(attrs, typeId, host, perCpu) {
    this.attrs = attrs;
    this.host = host;
    this.cpuStride = perCpu ? alignUp(attrs.valueSize, 8) : 0;
    this.userValueSize = perCpu ? this.cpuStride * host.cpus : attrs.valueSize;
    this.offset = this.allocate(HEADER_SIZE, 64);
    this.#scratchKey = this.allocate(alignUp(Math.max(attrs.keySize, 1), 8));
    this.#scratchValue = this.allocate(alignUp(Math.max(this.userValueSize, 1), 8));
    this.setHeader(HEADER.TYPE, typeId);
    this.setHeader(HEADER.KEY_SIZE, attrs.keySize);
    this.setHeader(HEADER.VALUE_SIZE, attrs.valueSize);
    this.setHeader(HEADER.MAX_ENTRIES, attrs.maxEntries);
    this.setHeader(HEADER.FLAGS, attrs.flags ?? 0);
    this.setHeader(HEADER.CPUS, host.cpus);
    this.setHeader(HEADER.CPU_STRIDE, this.cpuStride);
  }
  get flags() {
    return this.attrs.flags ?? 0;
  }
  get count() {
    return this.header(HEADER.COUNT);
  }
  /** A header field, unsigned. */
  header(field2) {
    return this.host.memory.i32[(this.offset + field2) >>> 2] >>> 0;
  }
  setHeader(field2, value) {
    this.host.memory.i32[(this.offset + field2) >>> 2] = value;
  }
  /** Zeroed memory that `close` gives back. */
  allocate(size, align = 8) {
    const offset = this.host.memory.alloc(size, align);
    this.#blocks.push({ offset, size });
    return offset;
  }
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const block of this.#blocks.reverse()) this.host.memory.free(block.offset, block.size);
  }
  /** Offset of all CPUs' values (or the value) of a key, for bpf(2): where `lookup` copies from. 0 if there is none. */
  lookupUserOffset(keyOffset) {
    return this.lookupOffset(keyOffset);
  }
  /** Store from user space: `valueOffset` has `userValueSize` bytes. */
  updateUserOffset(keyOffset, valueOffset, flags) {
    return this.updateOffset(keyOffset, valueOffset, flags);
  }
  lookup(key2) {
    const at = this.lookupUserOffset(this.keyIn(key2));
    return at === 0 ? void 0 : this.valueOut(at);
  }
  update(key2, value, flags) {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    if ((flags & BPF_F_LOCK) !== 0 && this.attrs.spinLock === void 0) return EINVAL;
    return this.updateUserOffset(this.keyIn(key2), this.valueIn(value), flags);
  }
  delete(key2) {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    return this.deleteOffset(this.keyIn(key2));
  }
  freeze() {
    this.#frozen = true;
    return 0;
  }
  /** -EPERM for user-space writes to a frozen or BPF_F_RDONLY map, else 0. */
  refuseUserWrite() {
    return this.#frozen || (this.flags & BPF_F_RDONLY) !== 0 ? EPERM : 0;
  }
  /** Copy a key from user space to scratch memory. Throws BpfError EINVAL when it has the wrong length. */
  keyIn(key2) {
    if (key2.length !== this.attrs.keySize) {
      throw new BpfError('EINVAL', `map ${this.attrs.name}: a key has ${this.attrs.keySize} bytes, not ${key2.length}`);
    }
    this.host.memory.u8.set(key2, this.#scratchKey);
    return this.#scratchKey;
  }
  /** The same for a value: `userValueSize` bytes. */
  valueIn(value) {
    if (value.length !== this.userValueSize) {
      const cpus = this.cpuStride > 0 ? ` (${this.host.cpus} CPUs of ${this.cpuStride})` : '';
      throw new BpfError(
        'EINVAL',
        `map ${this.attrs.name}: a value has ${this.userValueSize} bytes${cpus}, not ${value.length}`,
      );
    }
    this.host.memory.u8.set(value, this.#scratchValue);
    return this.#scratchValue;
  }
  valueOut(at) {
    const out = this.bytes(at, this.userValueSize);
    const lock = this.attrs.spinLock;
    if (lock !== void 0) out.fill(0, lock, lock + 4);
    return out;
  }
  /** A copy of bytes in the linear memory (which is shared: never hand out views of it). */
  bytes(at, size) {
    const out = new Uint8Array(size);
    out.set(this.host.memory.u8.subarray(at, at + size));
    return out;
  }
  /** Copy one value; a spin lock in it stays as it is at the destination (copy_map_value). */
  copyValue(to, from, size = this.attrs.valueSize) {
    const { memory } = this.host;
    const lock = this.attrs.spinLock;
    if (lock === void 0) {
      copyBytes(memory, to, from, size);
    } else {
      copyBytes(memory, to, from, lock);
      copyBytes(memory, to + lock + 4, from + lock + 4, size - lock - 4);
    }
  }
  /** -EINVAL for flags that update does not know, or BPF_F_LOCK without a lock in the value; else 0. */
  checkUpdateFlags(flags) {
    if (flags > (BPF_EXIST | BPF_F_LOCK) || (flags & ~BPF_F_LOCK) > BPF_EXIST) return EINVAL;
    if ((flags & BPF_F_LOCK) !== 0 && this.attrs.spinLock === void 0) return EINVAL;
    return 0;
  }
  /** -ENOTSUPP: what bpf(2) answers for an operation that a type lacks. */
  notSupported() {
    return ENOTSUPP;
  }
};

// core/maps/array.ts
var ArrayMap = class extends MapBase {
  elemSize;
  data;
  constructor(attrs, typeId, host, perCpu) {
    super(attrs, typeId, host, perCpu);
    this.elemSize = perCpu ? this.cpuStride * host.cpus : alignUp(attrs.valueSize, 8);
    const mmapable = (this.flags & BPF_F_MMAPABLE) !== 0;
    this.data = this.allocate(this.elemSize * attrs.maxEntries, mmapable ? 4096 : 8);
    this.setHeader(HEADER.ELEM_SIZE, this.elemSize);
    this.setHeader(HEADER.DATA, this.data);
    this.setHeader(HEADER.COUNT, attrs.maxEntries);
  }
  #index(keyOffset) {
    const { i32, view } = this.host.memory;
    return ((keyOffset & 3) === 0 ? i32[keyOffset >>> 2] : view.getInt32(keyOffset, true)) >>> 0;
  }
  lookupOffset(keyOffset) {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return 0;
    const at = this.data + index * this.elemSize;
    return this.cpuStride === 0 ? at : at + this.cpuStride * this.host.currentCpu();
  }
  lookupCpuOffset(keyOffset, cpu) {
    const index = this.#index(keyOffset);
    if (this.cpuStride === 0 || index >= this.attrs.maxEntries || cpu < 0 || cpu >= this.host.cpus) return 0;
    return this.data + index * this.elemSize + this.cpuStride * cpu;
  }
  lookupUserOffset(keyOffset) {
    const index = this.#index(keyOffset);
    return index >= this.attrs.maxEntries ? 0 : this.data + index * this.elemSize;
  }
  #refuse(index, flags) {
    const bad2 = this.checkUpdateFlags(flags);
    if (bad2 !== 0) return bad2;
    if (index >= this.attrs.maxEntries) return E2BIG;
    return (flags & BPF_NOEXIST) !== 0 ? EEXIST : 0;
  }
  updateOffset(keyOffset, valueOffset, flags) {
    const index = this.#index(keyOffset);
    const bad2 = this.#refuse(index, flags);
    if (bad2 !== 0) return bad2;
    const at = this.data + index * this.elemSize;
    this.copyValue(this.cpuStride === 0 ? at : at + this.cpuStride * this.host.currentCpu(), valueOffset);
    return 0;
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    if (this.cpuStride === 0) return this.updateOffset(keyOffset, valueOffset, flags);
    const index = this.#index(keyOffset);
    const bad2 = this.#refuse(index, flags);
    if (bad2 !== 0) return bad2;
    copyBytes(this.host.memory, this.data + index * this.elemSize, valueOffset, this.elemSize);
    return 0;
  }
  deleteOffset(_keyOffset) {
    return EINVAL;
  }
  nextKey(key2) {
    const index = key2 === void 0 ? 4294967295 : this.#index(this.keyIn(key2));
    if (index === this.attrs.maxEntries - 1) return void 0;
    const next2 = index >= this.attrs.maxEntries ? 0 : index + 1;
    return Uint8Array.of(next2 & 255, (next2 >>> 8) & 255, (next2 >>> 16) & 255, next2 >>> 24);
  }
  forEachElement(visit) {
    const key2 = this.keyIn(new Uint8Array(4));
    const cpu = this.cpuStride === 0 ? 0 : this.cpuStride * this.host.currentCpu();
    for (let i = 0; i < this.attrs.maxEntries; i++) {
      this.host.memory.i32[key2 >>> 2] = i;
      if (!visit(key2, this.data + i * this.elemSize + cpu)) return i + 1;
    }
    return this.attrs.maxEntries;
  }
  valueBase() {
    return this.cpuStride === 0 ? this.data : 0;
  }
};
function checkArray(attrs, flags = 0) {
  return (
    checkSizes(attrs, { keySize: 4, valueSize: 'some', maxEntries: 'some' }) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE | flags) ??
    (attrs.valueSize > 2147483647 ? `E2BIG: value size ${attrs.valueSize} of a ${attrs.type} map is too large` : void 0)
  );
}
var ARRAY = {
  id: 2,
  name: 'array',
  since: '3.19',
  check: (attrs) => checkArray(attrs, BPF_F_MMAPABLE | BPF_F_INNER_MAP),
  create: (attrs, host) => new ArrayMap(attrs, 2, host, false),
};
var PERCPU_ARRAY = {
  id: 6,
  name: 'percpu_array',
  since: '4.6',
  perCpu: true,
  check: (attrs) =>
    checkArray(attrs) ??
    (((attrs.flags ?? 0) & BPF_F_NUMA_NODE) !== 0 ? 'EINVAL: a percpu_array map takes no NUMA node' : void 0) ??
    (alignUp(attrs.valueSize, 8) > PERCPU_MAX
      ? `E2BIG: a per-CPU value has at most ${PERCPU_MAX} bytes, not ${attrs.valueSize}`
      : void 0),
  create: (attrs, host) => new ArrayMap(attrs, 6, host, true),
};

// core/maps/jhash.ts
var INITIAL = 3735928559 | 0;
function rotate(x, by) {
  return (x << by) | (x >>> (32 - by));
}
function jhash(view, at, size, seed) {
  const start = (INITIAL + size + seed) | 0;
  let a = start;
  let b = start;
  let c = start;
  let left = size;
  let k = at;
  while (left > 12) {
    a = (a + view.getInt32(k, true)) | 0;
    b = (b + view.getInt32(k + 4, true)) | 0;
    c = (c + view.getInt32(k + 8, true)) | 0;
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
    left -= 12;
    k += 12;
  }
  if (left === 0) return c >>> 0;
  const tail = [0, 0, 0];
  for (let i = 0; i < left; i++) tail[i >> 2] |= view.getUint8(k + i) << (8 * (i & 3));
  a = (a + tail[0]) | 0;
  b = (b + tail[1]) | 0;
  c = (c + tail[2]) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

// core/maps/bloom-filter.ts
var MASK = HEADER.OWN;
var HASHES = HEADER.OWN + 4;
function bitsFor(maxEntries, hashes) {
  const product = maxEntries * hashes;
  const bits = Math.floor(product / 5) * 7;
  if (product > 4294967295 || bits > 2 ** 31) return 2 ** 32;
  let size = 64;
  while (size < bits) size *= 2;
  return size;
}
var BloomFilterMap = class extends MapBase {
  #bits;
  #hashes;
  #mask;
  #seed;
  constructor(attrs, host) {
    super(attrs, 30, host, false);
    this.#hashes = attrs.extra || 5;
    const bits = bitsFor(attrs.maxEntries, this.#hashes);
    this.#mask = bits - 1;
    this.#bits = this.allocate(bits / 8);
    this.#seed = (this.flags & BPF_F_ZERO_SEED) !== 0 ? 0 : host.random();
    this.setHeader(HEADER.DATA, this.#bits);
    this.setHeader(HEADER.SEED, this.#seed);
    this.setHeader(MASK, this.#mask);
    this.setHeader(HASHES, this.#hashes);
  }
  #bit(valueOffset, index) {
    const hash = jhash(this.host.memory.view, valueOffset, this.attrs.valueSize, (this.#seed + index) | 0);
    return (hash & this.#mask) >>> 0;
  }
  pushOffset(valueOffset, flags) {
    if (flags !== 0) return EINVAL;
    const { u8 } = this.host.memory;
    for (let i = 0; i < this.#hashes; i++) {
      const bit = this.#bit(valueOffset, i);
      u8[this.#bits + (bit >>> 3)] |= 1 << (bit & 7);
    }
    return 0;
  }
  peekOffset(valueOffset) {
    const { u8 } = this.host.memory;
    for (let i = 0; i < this.#hashes; i++) {
      const bit = this.#bit(valueOffset, i);
      if ((u8[this.#bits + (bit >>> 3)] & (1 << (bit & 7))) === 0) return ENOENT;
    }
    return 0;
  }
  popOffset(_valueOffset) {
    return EOPNOTSUPP;
  }
  lookupOffset(_keyOffset) {
    return 0;
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  deleteOffset(_keyOffset) {
    return EOPNOTSUPP;
  }
  updateUserOffset(_keyOffset, valueOffset, flags) {
    return this.pushOffset(valueOffset, flags);
  }
  /**
   * bpf(2)'s lookup takes the value to ask for in the value buffer, which this signature has no room for: see `has`.
   */
  lookup(_key) {
    throw new BpfError('EINVAL', `map ${this.attrs.name}: ask a bloom filter with has(value)`);
  }
  /** Is the value probably in? (bpf(2)'s lookup on a bloom filter.) */
  has(value) {
    return this.peekOffset(this.valueIn(value)) === 0;
  }
  nextKey(_key) {
    return void 0;
  }
};
var BLOOM_FILTER = {
  id: 30,
  name: 'bloom_filter',
  since: '5.16',
  check: (attrs) =>
    (attrs.valueSize > KMALLOC_MAX ? `E2BIG: a value has at most ${KMALLOC_MAX} bytes` : void 0) ??
    checkSizes(attrs, { keySize: 0, valueSize: 'some', maxEntries: 'some' }) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED) ??
    (((attrs.extra ?? 0) & ~15) !== 0 ? 'EINVAL: a bloom filter has at most 15 hash functions' : void 0),
  create: (attrs, host) => new BloomFilterMap(attrs, host),
};

// core/maps/fd-array.ts
var FdArrayMap = class extends MapBase {
  data;
  constructor(attrs, typeId, host) {
    super(attrs, typeId, host, false);
    this.data = this.allocate(alignUp(attrs.maxEntries * 4, 8));
    this.setHeader(HEADER.ELEM_SIZE, 4);
    this.setHeader(HEADER.DATA, this.data);
  }
  /** The slot's object is let go. */
  release(_slot) {}
  index(keyOffset) {
    return this.host.memory.view.getUint32(keyOffset, true);
  }
  /** What slot `index` holds: 0 for empty or out of range. */
  slot(index) {
    if (index < 0 || index >= this.attrs.maxEntries) return 0;
    return this.host.memory.i32[(this.data >>> 2) + index] >>> 0;
  }
  lookupOffset(_keyOffset) {
    return 0;
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  deleteOffset(_keyOffset) {
    return EINVAL;
  }
  lookup(key2) {
    const slot = this.slot(this.index(this.keyIn(key2)));
    const shown = slot === 0 ? void 0 : this.show(slot);
    if (shown === void 0) return void 0;
    const out = new Uint8Array(4);
    new DataView(out.buffer).setUint32(0, shown, true);
    return out;
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    if (flags !== 0) return EINVAL;
    const index = this.index(keyOffset);
    if (index >= this.attrs.maxEntries) return E2BIG;
    const taken2 = this.take(this.host.memory.view.getInt32(valueOffset, true));
    if (taken2 < 0) return taken2;
    this.put(index, taken2);
    return 0;
  }
  /** Store into a slot (below max_entries), letting go of what was there. */
  put(index, value) {
    const at = (this.data >>> 2) + index;
    const old = this.host.memory.i32[at] >>> 0;
    this.host.memory.i32[at] = value;
    this.setHeader(HEADER.COUNT, this.count + (value === 0 ? 0 : 1) - (old === 0 ? 0 : 1));
    if (old !== 0) this.release(old);
  }
  delete(key2) {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    const index = this.index(this.keyIn(key2));
    if (index >= this.attrs.maxEntries) return E2BIG;
    if (this.slot(index) === 0) return ENOENT;
    this.put(index, 0);
    return 0;
  }
  nextKey(key2) {
    const index = key2 === void 0 ? 4294967295 : this.index(this.keyIn(key2));
    if (index === this.attrs.maxEntries - 1) return void 0;
    const out = new Uint8Array(4);
    new DataView(out.buffer).setUint32(0, index >= this.attrs.maxEntries ? 0 : index + 1, true);
    return out;
  }
};
function checkFdArray(attrs, flags = 0) {
  if (attrs.valueSize !== 4) return `EINVAL: value size of a ${attrs.type} map must be 4, not ${attrs.valueSize}`;
  if (((attrs.flags ?? 0) & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) !== 0) {
    return `EINVAL: a ${attrs.type} map takes no program-side access flags`;
  }
  return checkArray(attrs, flags & BPF_F_PRESERVE_ELEMS);
}

// core/maps/cgroup-array.ts
var CgroupArrayMap = class extends FdArrayMap {
  take(fd) {
    return this.host.cgroupByFd ? this.host.cgroupByFd(fd) : fd > 0 ? fd : EBADF;
  }
  show(_slot) {
    return void 0;
  }
};
var CGROUP_ARRAY = {
  id: 8,
  name: 'cgroup_array',
  since: '4.8',
  check: (attrs) => checkFdArray(attrs),
  create: (attrs, host) => new CgroupArrayMap(attrs, 8, host),
};

// core/maps/hash-key.ts
function wordAt(u8, at, index, size) {
  const from = at + 4 * index;
  const left = size - 4 * index;
  let word2 = u8[from];
  if (left > 1) word2 |= u8[from + 1] << 8;
  if (left > 2) word2 |= u8[from + 2] << 16;
  if (left > 3) word2 |= u8[from + 3] << 24;
  return word2;
}
function hashKey(u8, i32, at, size, seed) {
  let h = seed ^ size;
  const whole = size >> 2;
  if ((at & 3) === 0) {
    const base = at >>> 2;
    for (let i = 0; i < whole; i++) {
      h = Math.imul(h ^ i32[base + i], 2654435761);
      h ^= h >>> 15;
    }
  } else {
    for (let i = 0; i < whole; i++) {
      h = Math.imul(h ^ wordAt(u8, at, i, size), 2654435761);
      h ^= h >>> 15;
    }
  }
  if ((size & 3) !== 0) {
    h = Math.imul(h ^ wordAt(u8, at, whole, size), 2654435761);
    h ^= h >>> 15;
  }
  h = Math.imul(h, 2246822507);
  return h ^ (h >>> 13);
}
function sameKey(u8, i32, at, stored, size) {
  const whole = size >> 2;
  const b = stored >>> 2;
  if ((at & 3) === 0) {
    const a = at >>> 2;
    for (let i = 0; i < whole; i++) if (i32[a + i] !== i32[b + i]) return false;
    for (let i = whole << 2; i < size; i++) if (u8[at + i] !== u8[stored + i]) return false;
    return true;
  }
  for (let i = 0; i < size; i++) if (u8[at + i] !== u8[stored + i]) return false;
  return true;
}

// core/maps/hash.ts
var SLAB_BYTES = 16384;
var HashMap = class extends MapBase {
  nodeSize;
  valueAt;
  buckets;
  bucketMask;
  seed;
  /** Nodes that exist beside max_entries: spares for updates of existing keys. */
  spares;
  #nodesMade = 0;
  constructor(attrs, typeId, host, perCpu, spares) {
    super(attrs, typeId, host, perCpu);
    this.valueAt = NODE.KEY + alignUp(attrs.keySize, 8);
    this.nodeSize = this.valueAt + (perCpu ? this.userValueSize : alignUp(attrs.valueSize, 8));
    this.spares = spares;
    let bucketCount = 1;
    while (bucketCount < attrs.maxEntries) bucketCount *= 2;
    this.buckets = this.allocate(bucketCount * 4);
    this.bucketMask = bucketCount - 1;
    this.seed = (this.flags & BPF_F_ZERO_SEED) !== 0 ? 0 : host.random() | 0;
    this.setHeader(HEADER.ELEM_SIZE, this.nodeSize);
    this.setHeader(HEADER.BUCKETS, this.buckets);
    this.setHeader(HEADER.BUCKET_MASK, this.bucketMask);
    this.setHeader(HEADER.SEED, this.seed);
    this.setHeader(HEADER.KEY_AT, NODE.KEY);
    this.setHeader(HEADER.VALUE_AT, this.valueAt);
    if ((this.flags & BPF_F_NO_PREALLOC) === 0) this.#addNodes(attrs.maxEntries + spares);
  }
  #addNodes(count) {
    const at = this.allocate(count * this.nodeSize);
    if (this.#nodesMade === 0) this.setHeader(HEADER.DATA, at);
    this.#nodesMade += count;
    this.setHeader(HEADER.FRESH, at);
    this.setHeader(HEADER.FRESH_END, at + count * this.nodeSize);
  }
  /** A node to use, or 0 when all are taken. Those never used first, then the one that has been free longest. */
  takeNode() {
    const fresh = this.header(HEADER.FRESH);
    if (fresh !== this.header(HEADER.FRESH_END)) {
      this.setHeader(HEADER.FRESH, fresh + this.nodeSize);
      return fresh;
    }
    const free = this.header(HEADER.FREE_HEAD);
    if (free !== 0) {
      const next2 = this.host.memory.i32[(free + NODE.LINK) >>> 2] >>> 0;
      this.setHeader(HEADER.FREE_HEAD, next2);
      if (next2 === 0) this.setHeader(HEADER.FREE_TAIL, 0);
      return free;
    }
    const left = this.attrs.maxEntries + this.spares - this.#nodesMade;
    if ((this.flags & BPF_F_NO_PREALLOC) === 0 || left <= 0) return 0;
    this.#addNodes(Math.min(left, Math.max(1, Math.floor(SLAB_BYTES / this.nodeSize))));
    return this.takeNode();
  }
  giveNode(node) {
    const i32 = this.host.memory.i32;
    i32[(node + NODE.STATE) >>> 2] = NODE_FREE;
    i32[(node + NODE.LINK) >>> 2] = 0;
    const tail = this.header(HEADER.FREE_TAIL);
    if (tail === 0) this.setHeader(HEADER.FREE_HEAD, node);
    else i32[(tail + NODE.LINK) >>> 2] = node;
    this.setHeader(HEADER.FREE_TAIL, node);
  }
  hash(keyOffset) {
    const { u8, i32 } = this.host.memory;
    return hashKey(u8, i32, keyOffset, this.attrs.keySize, this.seed);
  }
  /** Offset of the node with this key, or 0. */
  find(keyOffset, hash) {
    const { u8, i32 } = this.host.memory;
    const size = this.attrs.keySize;
    let node = i32[(this.buckets >>> 2) + (hash & this.bucketMask)] >>> 0;
    while (node !== 0) {
      if (i32[(node + NODE.HASH) >>> 2] === hash && sameKey(u8, i32, keyOffset, node + NODE.KEY, size)) return node;
      node = i32[(node + NODE.NEXT) >>> 2] >>> 0;
    }
    return 0;
  }
  link(node, hash) {
    const i32 = this.host.memory.i32;
    const bucket = (this.buckets >>> 2) + (hash & this.bucketMask);
    i32[(node + NODE.NEXT) >>> 2] = i32[bucket];
    i32[bucket] = node;
  }
  unlink(node) {
    const i32 = this.host.memory.i32;
    let at = (this.buckets >>> 2) + (i32[(node + NODE.HASH) >>> 2] & this.bucketMask);
    while (i32[at] >>> 0 !== node) at = (i32[at] + NODE.NEXT) >>> 2;
    i32[at] = i32[(node + NODE.NEXT) >>> 2];
  }
  /** Fill a fresh node with key and hash; its value bytes are as they were. */
  prepareNode(node, keyOffset, hash) {
    const { memory } = this.host;
    memory.i32[(node + NODE.HASH) >>> 2] = hash;
    memory.i32[(node + NODE.STATE) >>> 2] = NODE_USED;
    copyBytes(memory, node + NODE.KEY, keyOffset, this.attrs.keySize);
  }
  addCount(by) {
    this.setHeader(HEADER.COUNT, this.header(HEADER.COUNT) + by);
  }
  /** Errno of the NOEXIST / EXIST rules (check_flags), or 0. */
  existence(node, flags) {
    const rule = flags & ~BPF_F_LOCK;
    if (node !== 0 && rule === BPF_NOEXIST) return EEXIST;
    if (node === 0 && rule === BPF_EXIST) return ENOENT;
    return 0;
  }
  lookupOffset(keyOffset) {
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return 0;
    const at = node + this.valueAt;
    return this.cpuStride === 0 ? at : at + this.cpuStride * this.host.currentCpu();
  }
  lookupCpuOffset(keyOffset, cpu) {
    if (this.cpuStride === 0 || cpu < 0 || cpu >= this.host.cpus) return 0;
    const node = this.find(keyOffset, this.hash(keyOffset));
    return node === 0 ? 0 : node + this.valueAt + this.cpuStride * cpu;
  }
  lookupUserOffset(keyOffset) {
    const node = this.find(keyOffset, this.hash(keyOffset));
    return node === 0 ? 0 : node + this.valueAt;
  }
  updateOffset(keyOffset, valueOffset, flags) {
    return this.store(keyOffset, valueOffset, flags, false);
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    return this.store(keyOffset, valueOffset, flags, true);
  }
  /** `allCpus`: the value has every CPU's part (bpf(2)); otherwise one part, for the current CPU. */
  store(keyOffset, valueOffset, flags, allCpus) {
    const bad2 = this.checkUpdateFlags(flags);
    if (bad2 !== 0) return bad2;
    const hash = this.hash(keyOffset);
    const old = this.find(keyOffset, hash);
    const refused = this.existence(old, flags);
    if (refused !== 0) return refused;
    if (old !== 0 && (this.cpuStride !== 0 || (flags & BPF_F_LOCK) !== 0)) {
      this.writeValue(old, valueOffset, allCpus, false);
      return 0;
    }
    if (old === 0 && this.count >= this.attrs.maxEntries) return E2BIG;
    const node = this.takeNode();
    if (node === 0) return E2BIG;
    this.prepareNode(node, keyOffset, hash);
    this.writeValue(node, valueOffset, allCpus, true);
    this.link(node, hash);
    if (old !== 0) {
      this.unlink(old);
      this.giveNode(old);
    } else {
      this.addCount(1);
    }
    return 0;
  }
  /** Store a value into a node. A node that is new gets zeros on the other CPUs (pcpu_init_value). */
  writeValue(node, valueOffset, allCpus, fresh) {
    const { memory } = this.host;
    const at = node + this.valueAt;
    if (this.cpuStride === 0) {
      if (fresh && this.attrs.spinLock !== void 0) zeroBytes(memory, at, this.attrs.valueSize);
      this.copyValue(at, valueOffset);
    } else if (allCpus) {
      copyBytes(memory, at, valueOffset, this.userValueSize);
    } else {
      if (fresh) zeroBytes(memory, at, this.userValueSize);
      this.copyValue(at + this.cpuStride * this.host.currentCpu(), valueOffset);
    }
  }
  deleteOffset(keyOffset) {
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return ENOENT;
    this.remove(node);
    return 0;
  }
  remove(node) {
    this.unlink(node);
    this.giveNode(node);
    this.addCount(-1);
  }
  lookupAndDelete(key2) {
    if (this.refuseUserWrite() !== 0) return void 0;
    const keyOffset = this.keyIn(key2);
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return void 0;
    const value = this.valueOut(node + this.valueAt);
    this.remove(node);
    return value;
  }
  /** First node in a bucket at or after `bucket`, or 0. */
  #firstFrom(bucket) {
    const i32 = this.host.memory.i32;
    const base = this.buckets >>> 2;
    for (let b = bucket; b <= this.bucketMask; b++) if (i32[base + b] !== 0) return i32[base + b] >>> 0;
    return 0;
  }
  nextKey(key2) {
    let from = 0;
    if (key2 !== void 0) {
      const keyOffset = this.keyIn(key2);
      const hash = this.hash(keyOffset);
      const node = this.find(keyOffset, hash);
      if (node !== 0) {
        const next2 = this.host.memory.i32[(node + NODE.NEXT) >>> 2] >>> 0;
        if (next2 !== 0) return this.bytes(next2 + NODE.KEY, this.attrs.keySize);
        from = (hash & this.bucketMask) + 1;
      }
    }
    const first = this.#firstFrom(from);
    return first === 0 ? void 0 : this.bytes(first + NODE.KEY, this.attrs.keySize);
  }
  forEachElement(visit) {
    const cpu = this.cpuStride === 0 ? 0 : this.cpuStride * this.host.currentCpu();
    let visited = 0;
    for (let bucket = 0; bucket <= this.bucketMask; bucket++) {
      let node = this.host.memory.i32[(this.buckets >>> 2) + bucket] >>> 0;
      while (node !== 0) {
        const next2 = this.host.memory.i32[(node + NODE.NEXT) >>> 2] >>> 0;
        visited++;
        if (!visit(node + NODE.KEY, node + this.valueAt + cpu)) return visited;
        node = next2;
      }
    }
    return visited;
  }
};
function checkHash(attrs, perCpu, lru) {
  const flags = attrs.flags ?? 0;
  const bad2 =
    checkFlags(attrs, ACCESS_MASK | BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED) ??
    (!lru && (flags & BPF_F_NO_COMMON_LRU) !== 0
      ? `EINVAL: BPF_F_NO_COMMON_LRU is for LRU maps, not ${attrs.type}`
      : void 0) ??
    (lru && (flags & BPF_F_NO_PREALLOC) !== 0 ? `ENOTSUPP: an ${attrs.type} map is always preallocated` : void 0) ??
    ((flags & BPF_F_NUMA_NODE) !== 0 && (perCpu || (flags & BPF_F_NO_COMMON_LRU) !== 0)
      ? `EINVAL: a ${attrs.type} map takes no NUMA node`
      : void 0) ??
    checkSizes(attrs, { keySize: 'some', valueSize: 'some', maxEntries: 'some' });
  if (bad2 !== void 0) return bad2;
  if (attrs.keySize + attrs.valueSize >= KMALLOC_MAX - 48) {
    return `E2BIG: key and value have ${attrs.keySize + attrs.valueSize} bytes, at most ${KMALLOC_MAX - 49} fit`;
  }
  if (perCpu && alignUp(attrs.valueSize, 8) > PERCPU_MAX) {
    return `E2BIG: a per-CPU value has at most ${PERCPU_MAX} bytes, not ${attrs.valueSize}`;
  }
  if (attrs.maxEntries > 2 ** 31) return `E2BIG: max_entries ${attrs.maxEntries} is above 2^31`;
  return void 0;
}
var HASH = {
  id: 1,
  name: 'hash',
  since: '3.19',
  check: (attrs) => checkHash(attrs, false, false),
  create: (attrs, host) => new HashMap(attrs, 1, host, false, host.cpus),
};
var PERCPU_HASH = {
  id: 5,
  name: 'percpu_hash',
  since: '4.6',
  perCpu: true,
  check: (attrs) => checkHash(attrs, true, false),
  create: (attrs, host) => new HashMap(attrs, 5, host, true, 0),
};

// core/maps/local-storage.ts
var VALUE_MAX = 65535 - 64;
var LocalStorageMap = class extends MapBase {
  kind;
  #values = /* @__PURE__ */ new Map();
  /** Values of objects that are gone, to be used again, oldest first. */
  #free = [];
  constructor(attrs, typeId, host, kind) {
    super(attrs, typeId, host, false);
    this.kind = kind;
    this.setHeader(HEADER.ELEM_SIZE, alignUp(attrs.valueSize, 8));
  }
  #newValue(owner2) {
    const size = alignUp(this.attrs.valueSize, 8);
    const at = this.#free.shift() ?? this.allocate(size);
    this.host.memory.u8.fill(0, at, at + size);
    this.#values.set(owner2, at);
    this.setHeader(HEADER.COUNT, this.#values.size);
    return at;
  }
  /**
   * Offset of an object's value, or 0. With `create` it is made when missing: a copy of `initial` (an offset), or
   * zeros.
   */
  ownerValue(owner2, create, initial) {
    const at = this.#values.get(owner2) ?? 0;
    if (at !== 0 || !create || owner2 <= 0) return at;
    const fresh = this.#newValue(owner2);
    if (initial !== 0) this.copyValue(fresh, initial);
    return fresh;
  }
  /** 0 or -ENOENT. Hosts call it too, when an object dies. */
  deleteOwner(owner2) {
    const at = this.#values.get(owner2);
    if (at === void 0) return ENOENT;
    this.#values.delete(owner2);
    this.#free.push(at);
    this.setHeader(HEADER.COUNT, this.#values.size);
    return 0;
  }
  // Programs use the storage helpers alone.
  lookupOffset(_keyOffset) {
    return 0;
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  deleteOffset(_keyOffset) {
    return EINVAL;
  }
  #owner(keyOffset) {
    const fd = this.host.memory.view.getInt32(keyOffset, true);
    return this.host.ownerByFd ? this.host.ownerByFd(this.kind, fd) : fd > 0 ? fd : EBADF;
  }
  lookup(key2) {
    const at = this.#values.get(this.#owner(this.keyIn(key2)));
    return at === void 0 ? void 0 : this.valueOut(at);
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    const bad2 = this.checkUpdateFlags(flags);
    if (bad2 !== 0) return bad2;
    const owner2 = this.#owner(keyOffset);
    if (owner2 <= 0) return owner2 === 0 ? EBADF : owner2;
    const at = this.#values.get(owner2);
    const rule = flags & 3;
    if (at !== void 0 && rule === BPF_NOEXIST) return EEXIST;
    if (at === void 0 && rule === BPF_EXIST) return ENOENT;
    this.copyValue(at ?? this.#newValue(owner2), valueOffset);
    return 0;
  }
  delete(key2) {
    const refused = this.refuseUserWrite();
    if (refused !== 0) return refused;
    const owner2 = this.#owner(this.keyIn(key2));
    return owner2 <= 0 ? (owner2 === 0 ? EBADF : owner2) : this.deleteOwner(owner2);
  }
  /** There is no iteration over local storage by key. */
  nextKey(_key) {
    return void 0;
  }
};
function check(attrs) {
  return (
    checkFlags(attrs, BPF_F_NO_PREALLOC | BPF_F_CLONE) ??
    (((attrs.flags ?? 0) & BPF_F_NO_PREALLOC) === 0
      ? `EINVAL: a ${attrs.type} map must have BPF_F_NO_PREALLOC`
      : void 0) ??
    checkSizes(attrs, { keySize: 4, valueSize: 'some', maxEntries: 0 }) ??
    (attrs.valueSize > VALUE_MAX ? `E2BIG: a value of a ${attrs.type} map has at most ${VALUE_MAX} bytes` : void 0)
  );
}
function row(id, name, since, kind) {
  return {
    id,
    name,
    since,
    check,
    create: (attrs, host) => new LocalStorageMap(attrs, id, host, kind),
  };
}
var SK_STORAGE = row(24, 'sk_storage', '5.2', 'sk');
var INODE_STORAGE = row(28, 'inode_storage', '5.10', 'inode');
var TASK_STORAGE = row(29, 'task_storage', '5.11', 'task');
var CGRP_STORAGE = row(32, 'cgrp_storage', '6.2', 'cgrp');
function checkCgroupStorage(attrs) {
  const most = attrs.type === 'percpu_cgroup_storage' ? PERCPU_MAX : VALUE_MAX;
  return (
    (attrs.keySize !== 16 && attrs.keySize !== 8
      ? `EINVAL: a key of a ${attrs.type} map has 8 or 16 bytes, not ${attrs.keySize}`
      : void 0) ??
    checkSizes(attrs, { valueSize: 'some' }) ??
    (attrs.valueSize > most ? `E2BIG: a value of a ${attrs.type} map has at most ${most} bytes` : void 0) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE) ??
    checkSizes(attrs, { maxEntries: 0 })
  );
}
var CGROUP_STORAGE = {
  id: 19,
  name: 'cgroup_storage',
  since: '4.19',
  check: checkCgroupStorage,
};
var PERCPU_CGROUP_STORAGE = {
  id: 21,
  name: 'percpu_cgroup_storage',
  since: '4.20',
  perCpu: true,
  check: checkCgroupStorage,
};

// core/maps/lpm-trie.ts
var LEFT = 0;
var PREFIX = 8;
var FLAGS = 12;
var DATA = 16;
var INTERMEDIATE = 1;
var ROOT = HEADER.OWN;
var SLAB = 64;
var LpmTrieMap = class extends MapBase {
  #dataSize;
  #maxPrefix;
  #valueAt;
  #nodeSize;
  /** Free nodes, oldest first: what a program may still hold a pointer to is used again last. */
  #free = [];
  constructor(attrs, host) {
    super(attrs, 11, host, false);
    this.#dataSize = attrs.keySize - 4;
    this.#maxPrefix = this.#dataSize * 8;
    this.#valueAt = DATA + alignUp(this.#dataSize, 8);
    this.#nodeSize = this.#valueAt + alignUp(attrs.valueSize, 8);
    this.setHeader(HEADER.ELEM_SIZE, this.#nodeSize);
    this.setHeader(HEADER.KEY_AT, DATA);
    this.setHeader(HEADER.VALUE_AT, this.#valueAt);
  }
  #word(at) {
    return this.host.memory.i32[at >>> 2] >>> 0;
  }
  #setWord(at, value) {
    this.host.memory.i32[at >>> 2] = value;
  }
  #newNode(prefix, dataOffset, flags) {
    if (this.#free.length === 0) {
      const at = this.allocate(SLAB * this.#nodeSize);
      for (let i = 0; i < SLAB; i++) this.#free.push(at + i * this.#nodeSize);
    }
    const node = this.#free.shift();
    this.#setWord(node + LEFT, 0);
    this.#setWord(node + LEFT + 4, 0);
    this.#setWord(node + PREFIX, prefix);
    this.#setWord(node + FLAGS, flags);
    this.host.memory.u8.copyWithin(node + DATA, dataOffset, dataOffset + this.#dataSize);
    return node;
  }
  /** Bit `index` of data at an offset, 0 or 1. */
  #bit(dataOffset, index) {
    return (this.host.memory.u8[dataOffset + (index >> 3)] >> (7 - (index & 7))) & 1;
  }
  /** How many leading bits a node and a key share, at most the shorter prefix. */
  #match(node, keyOffset, keyPrefix) {
    const { u8 } = this.host.memory;
    const limit = Math.min(this.#word(node + PREFIX), keyPrefix);
    const a = node + DATA;
    const b = keyOffset + 4;
    let bits = 0;
    for (let i = 0; bits < limit; i++) {
      const difference = u8[a + i] ^ u8[b + i];
      if (difference !== 0) return Math.min(limit, bits + Math.clz32(difference) - 24);
      bits += 8;
    }
    return limit;
  }
  #prefixOf(keyOffset) {
    return this.host.memory.view.getUint32(keyOffset, true);
  }
  lookupOffset(keyOffset) {
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return 0;
    let found = 0;
    for (let node = this.header(ROOT); node !== 0; ) {
      const match = this.#match(node, keyOffset, prefix);
      if (match === this.#maxPrefix) {
        found = node;
        break;
      }
      const own = this.#word(node + PREFIX);
      if (match < own) break;
      if ((this.#word(node + FLAGS) & INTERMEDIATE) === 0) found = node;
      node = this.#word(node + LEFT + 4 * this.#bit(keyOffset + 4, own));
    }
    return found === 0 ? 0 : found + this.#valueAt;
  }
  /** Room and rules for one more element, counting it: 0, -ENOENT, or -ENOSPC (this type's word for full). */
  #add(flags) {
    if (flags === BPF_EXIST) return ENOENT;
    if (this.count === this.attrs.maxEntries) return ENOSPC;
    this.setHeader(HEADER.COUNT, this.count + 1);
    return 0;
  }
  updateOffset(keyOffset, valueOffset, flags) {
    if (flags > BPF_EXIST) return EINVAL;
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return EINVAL;
    let slot = this.offset + ROOT;
    let match = 0;
    let node = this.#word(slot);
    while (node !== 0) {
      match = this.#match(node, keyOffset, prefix);
      const own = this.#word(node + PREFIX);
      if (own !== match || own === prefix || own === this.#maxPrefix) break;
      slot = node + LEFT + 4 * this.#bit(keyOffset + 4, own);
      node = this.#word(slot);
    }
    const replaces = node !== 0 && this.#word(node + PREFIX) === match;
    if (replaces && (this.#word(node + FLAGS) & INTERMEDIATE) === 0) {
      if (flags === BPF_NOEXIST) return EEXIST;
    } else {
      const refused = this.#add(flags);
      if (refused !== 0) return refused;
    }
    const fresh = this.#newNode(prefix, keyOffset + 4, 0);
    this.copyValue(fresh + this.#valueAt, valueOffset);
    if (node === 0) {
      this.#setWord(slot, fresh);
    } else if (replaces) {
      this.#setWord(fresh + LEFT, this.#word(node + LEFT));
      this.#setWord(fresh + LEFT + 4, this.#word(node + LEFT + 4));
      this.#setWord(slot, fresh);
      this.#free.push(node);
    } else if (match === prefix) {
      this.#setWord(fresh + LEFT + 4 * this.#bit(node + DATA, match), node);
      this.#setWord(slot, fresh);
    } else {
      const joint = this.#newNode(match, node + DATA, INTERMEDIATE);
      const side = this.#bit(keyOffset + 4, match);
      this.#setWord(joint + LEFT + 4 * side, fresh);
      this.#setWord(joint + LEFT + 4 * (1 - side), node);
      this.#setWord(slot, joint);
    }
    return 0;
  }
  deleteOffset(keyOffset) {
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return EINVAL;
    let slot = this.offset + ROOT;
    let parentSlot = slot;
    let parent = 0;
    let match = 0;
    let node = this.#word(slot);
    while (node !== 0) {
      match = this.#match(node, keyOffset, prefix);
      const own = this.#word(node + PREFIX);
      if (own !== match || own === prefix) break;
      parent = node;
      parentSlot = slot;
      slot = node + LEFT + 4 * this.#bit(keyOffset + 4, own);
      node = this.#word(slot);
    }
    if (node === 0 || this.#word(node + PREFIX) !== prefix || match !== prefix) return ENOENT;
    if ((this.#word(node + FLAGS) & INTERMEDIATE) !== 0) return ENOENT;
    this.setHeader(HEADER.COUNT, this.count - 1);
    const left = this.#word(node + LEFT);
    const right = this.#word(node + LEFT + 4);
    if (left !== 0 && right !== 0) {
      this.#setWord(node + FLAGS, INTERMEDIATE);
      return 0;
    }
    if (parent !== 0 && left === 0 && right === 0 && (this.#word(parent + FLAGS) & INTERMEDIATE) !== 0) {
      const other = this.#word(parent + LEFT) === node ? LEFT + 4 : LEFT;
      this.#setWord(parentSlot, this.#word(parent + other));
      this.#free.push(parent);
    } else {
      this.#setWord(slot, left !== 0 ? left : right);
    }
    this.#free.push(node);
    return 0;
  }
  /** First real node of a subtree in postorder. */
  #leftmost(root) {
    let found = 0;
    for (let node = root; node !== 0; ) {
      const left = this.#word(node + LEFT);
      if ((this.#word(node + FLAGS) & INTERMEDIATE) !== 0) {
        node = left;
      } else {
        found = node;
        node = left !== 0 ? left : this.#word(node + LEFT + 4);
      }
    }
    return found;
  }
  #keyOf(node) {
    const out = new Uint8Array(this.attrs.keySize);
    out.set(this.bytes(node + PREFIX, 4));
    out.set(this.bytes(node + DATA, this.#dataSize), 4);
    return out;
  }
  nextKey(key2) {
    const root = this.header(ROOT);
    if (root === 0) return void 0;
    const first = () => this.#keyOf(this.#leftmost(root));
    if (key2 === void 0) return first();
    const keyOffset = this.keyIn(key2);
    const prefix = this.#prefixOf(keyOffset);
    if (prefix > this.#maxPrefix) return first();
    const path = [];
    let match = 0;
    let node = root;
    while (node !== 0) {
      path.push(node);
      match = this.#match(node, keyOffset, prefix);
      const own = this.#word(node + PREFIX);
      if (own !== match || own === prefix) break;
      node = this.#word(node + LEFT + 4 * this.#bit(keyOffset + 4, own));
    }
    const exact = node !== 0 && this.#word(node + PREFIX) === match && (this.#word(node + FLAGS) & INTERMEDIATE) === 0;
    if (!exact) return first();
    for (let i = path.length - 1; i > 0; i--) {
      const parent = path[i - 1];
      if (this.#word(parent + LEFT) === path[i]) {
        const right = this.#word(parent + LEFT + 4);
        if (right !== 0) return this.#keyOf(this.#leftmost(right));
      }
      if ((this.#word(parent + FLAGS) & INTERMEDIATE) === 0) return this.#keyOf(parent);
    }
    return void 0;
  }
};
function check2(attrs) {
  return (
    checkSizes(attrs, { maxEntries: 'some', valueSize: 'some' }) ??
    (((attrs.flags ?? 0) & BPF_F_NO_PREALLOC) === 0 ? 'EINVAL: an lpm_trie map must have BPF_F_NO_PREALLOC' : void 0) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE) ??
    (attrs.keySize < 5 || attrs.keySize > 260
      ? `EINVAL: a key of an lpm_trie map has 5 to 260 bytes, not ${attrs.keySize}`
      : void 0) ??
    (attrs.valueSize > KMALLOC_MAX - 256 - 40 ? `EINVAL: a value of ${attrs.valueSize} bytes is too large` : void 0)
  );
}
var LPM_TRIE = {
  id: 11,
  name: 'lpm_trie',
  since: '4.11',
  check: check2,
  create: (attrs, host) => new LpmTrieMap(attrs, host),
};

// core/maps/lru-list.ts
var ACTIVE = 0;
var INACTIVE = 1;
var FREE = 2;
var LOCAL_FREE = 3;
var LOCAL_PENDING = 4;
var SCANS_COMMON = 128;
var SCANS_PERCPU = 4;
var LruList = class {
  #owner;
  #previous;
  #next;
  #type;
  /** CPU whose lists a node belongs to (or in whose pending list it waits). */
  #cpu;
  #perCpu;
  #scans;
  #targetFree;
  #lists;
  #localFree;
  #localPending;
  #steal;
  constructor(nodes, cpus, perCpu, owner2) {
    this.#owner = owner2;
    this.#perCpu = perCpu;
    this.#scans = perCpu ? SCANS_PERCPU : SCANS_COMMON;
    this.#targetFree = Math.min(Math.max(Math.floor(Math.floor(nodes / cpus) / 2), 1), SCANS_COMMON);
    const sets = perCpu ? cpus : 1;
    const size = nodes + 3 * sets + 2 * cpus;
    this.#previous = new Int32Array(size);
    this.#next = new Int32Array(size);
    this.#type = new Uint8Array(size);
    this.#cpu = new Uint16Array(size);
    let head = nodes;
    const newHead = () => {
      this.#previous[head] = this.#next[head] = head;
      return head++;
    };
    this.#lists = Array.from({ length: sets }, () => {
      const heads = [newHead(), newHead(), newHead()];
      return { heads, counts: [0, 0], rotation: heads[INACTIVE] };
    });
    this.#localFree = Array.from({ length: cpus }, newHead);
    this.#localPending = Array.from({ length: cpus }, newHead);
    this.#steal = Array.from({ length: cpus }, (_, cpu) => cpu);
    const share = Math.max(1, Math.floor(nodes / cpus));
    for (let node = 0; node < nodes; node++) {
      const cpu = perCpu ? Math.min(Math.floor(node / share), cpus - 1) : 0;
      this.#cpu[node] = cpu;
      this.#type[node] = FREE;
      this.#addHead(node, this.#lists[cpu].heads[FREE]);
    }
  }
  #addHead(node, list) {
    const first = this.#next[list];
    this.#next[list] = node;
    this.#previous[node] = list;
    this.#next[node] = first;
    this.#previous[first] = node;
  }
  #remove(node) {
    const before2 = this.#previous[node];
    const after = this.#next[node];
    this.#next[before2] = after;
    this.#previous[after] = before2;
  }
  #move(node, list) {
    this.#remove(node);
    this.#addHead(node, list);
  }
  #count(l, type, by) {
    if (type === ACTIVE || type === INACTIVE) l.counts[type] = l.counts[type] + by;
  }
  #skipRotation(l, node) {
    if (l.rotation === node) l.rotation = this.#previous[node];
  }
  /** Between active, inactive and free; clears the reference bit. */
  #moveWithin(l, node, type) {
    this.#count(l, this.#type[node], -1);
    this.#count(l, type, 1);
    this.#type[node] = type;
    this.#owner.clearReferenced(node);
    this.#skipRotation(l, node);
    this.#move(node, l.heads[type]);
  }
  #moveToFree(l, node, list, type) {
    this.#skipRotation(l, node);
    this.#count(l, this.#type[node], -1);
    this.#type[node] = type;
    this.#move(node, list);
  }
  #rotateActive(l) {
    const list = l.heads[ACTIVE];
    const first = this.#next[list];
    let scanned = 0;
    for (let node = this.#previous[list]; node !== list; ) {
      const before2 = this.#previous[node];
      this.#moveWithin(l, node, this.#owner.isReferenced(node) ? ACTIVE : INACTIVE);
      if (++scanned === this.#scans || node === first) break;
      node = before2;
    }
  }
  #rotateInactive(l) {
    const list = l.heads[INACTIVE];
    if (this.#next[list] === list) return;
    let last = this.#next[l.rotation];
    if (last === list) last = this.#next[last];
    let next2 = list;
    let at = l.rotation;
    for (let scanned = 0; scanned < this.#scans; ) {
      if (at === list) {
        at = this.#previous[at];
        continue;
      }
      next2 = this.#previous[at];
      if (this.#owner.isReferenced(at)) this.#moveWithin(l, at, ACTIVE);
      if (at === last) break;
      at = next2;
      scanned++;
    }
    l.rotation = next2;
  }
  #rotate(l) {
    if (l.counts[INACTIVE] < l.counts[ACTIVE]) this.#rotateActive(l);
    this.#rotateInactive(l);
  }
  /** Evict up to `wanted` nodes to a free list; one at least when anything can be evicted at all. */
  #shrink(l, wanted, free, freeType) {
    const inactive = l.heads[INACTIVE];
    let evicted = 0;
    let scanned = 0;
    for (let node = this.#previous[inactive]; node !== inactive; ) {
      const before2 = this.#previous[node];
      if (this.#owner.isReferenced(node)) {
        this.#moveWithin(l, node, ACTIVE);
      } else if (this.#owner.evict(node)) {
        this.#moveToFree(l, node, free, freeType);
        if (++evicted === wanted) break;
      }
      if (++scanned === this.#scans) break;
      node = before2;
    }
    if (evicted > 0) return;
    const list = this.#next[inactive] !== inactive ? inactive : l.heads[ACTIVE];
    for (let node = this.#previous[list]; node !== list; node = this.#previous[node]) {
      if (this.#owner.evict(node)) {
        this.#moveToFree(l, node, free, freeType);
        return;
      }
    }
  }
  /** Move this CPU's pending nodes to the lists, oldest first. */
  #flushPending(l, cpu) {
    const pending = this.#localPending[cpu];
    for (let node = this.#previous[pending]; node !== pending; ) {
      const before2 = this.#previous[node];
      const type = this.#owner.isReferenced(node) ? ACTIVE : INACTIVE;
      this.#count(l, type, 1);
      this.#type[node] = type;
      this.#owner.clearReferenced(node);
      this.#move(node, l.heads[type]);
      node = before2;
    }
  }
  #refill(cpu) {
    const l = this.#lists[0];
    const free = this.#localFree[cpu];
    this.#flushPending(l, cpu);
    this.#rotate(l);
    let got = 0;
    for (let node = this.#next[l.heads[FREE]]; node !== l.heads[FREE]; ) {
      const after = this.#next[node];
      this.#moveToFree(l, node, free, LOCAL_FREE);
      if (++got === this.#targetFree) break;
      node = after;
    }
    if (got < this.#targetFree) this.#shrink(l, this.#targetFree - got, free, LOCAL_FREE);
  }
  #takeLocalFree(cpu) {
    const list = this.#localFree[cpu];
    const node = this.#next[list];
    if (node === list) return -1;
    this.#remove(node);
    return node;
  }
  #takePending(cpu) {
    const list = this.#localPending[cpu];
    for (const force of [false, true]) {
      for (let node = this.#previous[list]; node !== list; node = this.#previous[node]) {
        if ((force || !this.#owner.isReferenced(node)) && this.#owner.evict(node)) {
          this.#remove(node);
          return node;
        }
      }
    }
    return -1;
  }
  #addPending(node, cpu) {
    this.#cpu[node] = cpu;
    this.#type[node] = LOCAL_PENDING;
    this.#owner.clearReferenced(node);
    this.#addHead(node, this.#localPending[cpu]);
  }
  /** A node for a new element on this CPU, something evicted for it where necessary; -1 when nothing can be. */
  pop(cpu) {
    if (this.#perCpu) return this.#popPerCpu(cpu);
    let node = this.#takeLocalFree(cpu);
    if (node < 0) {
      this.#refill(cpu);
      node = this.#takeLocalFree(cpu);
    }
    if (node < 0) {
      const cpus = this.#localFree.length;
      const first = this.#steal[cpu];
      let from = first;
      do {
        node = this.#takeLocalFree(from);
        if (node < 0) node = this.#takePending(from);
        from = (from + 1) % cpus;
      } while (node < 0 && from !== first);
      this.#steal[cpu] = from;
    }
    if (node >= 0) this.#addPending(node, cpu);
    return node;
  }
  #popPerCpu(cpu) {
    const l = this.#lists[cpu];
    this.#rotate(l);
    const free = l.heads[FREE];
    if (this.#next[free] === free) this.#shrink(l, SCANS_PERCPU, free, FREE);
    const node = this.#next[free];
    if (node === free) return -1;
    this.#owner.clearReferenced(node);
    this.#moveWithin(l, node, INACTIVE);
    return node;
  }
  /** Give a node back: deleted, replaced, or not needed after all. It is not in the hash table any more. */
  push(node) {
    if (!this.#perCpu && this.#type[node] === LOCAL_PENDING) {
      this.#type[node] = LOCAL_FREE;
      this.#owner.clearReferenced(node);
      this.#move(node, this.#localFree[this.#cpu[node]]);
      return;
    }
    this.#moveWithin(this.#lists[this.#perCpu ? this.#cpu[node] : 0], node, FREE);
  }
};

// core/maps/lru.ts
function rounded(attrs, host) {
  if (((attrs.flags ?? 0) & BPF_F_NO_COMMON_LRU) === 0) return attrs;
  return { ...attrs, maxEntries: Math.ceil(attrs.maxEntries / host.cpus) * host.cpus };
}
var LruHashMap = class extends HashMap {
  #lru;
  #nodes;
  constructor(attrs, typeId, host, perCpu) {
    super(rounded(attrs, host), typeId, host, perCpu, 0);
    this.#nodes = this.header(HEADER.DATA);
    const state = (node) => (this.#nodes + node * this.nodeSize + NODE.STATE) >>> 2;
    const { memory } = host;
    this.#lru = new LruList(this.attrs.maxEntries, host.cpus, (this.flags & BPF_F_NO_COMMON_LRU) !== 0, {
      isReferenced: (node) => (memory.i32[state(node)] & NODE_REFERENCED) !== 0,
      clearReferenced: (node) => {
        memory.i32[state(node)] &= ~NODE_REFERENCED;
      },
      evict: (node) => {
        if ((memory.i32[state(node)] & NODE_USED) === 0) return false;
        this.#drop(this.#nodes + node * this.nodeSize);
        return true;
      },
    });
  }
  /** Out of its bucket. */
  #drop(node) {
    this.unlink(node);
    this.host.memory.i32[(node + NODE.STATE) >>> 2] = NODE_FREE;
    this.addCount(-1);
  }
  #refer(node) {
    this.host.memory.i32[(node + NODE.STATE) >>> 2] |= NODE_REFERENCED;
  }
  takeNode() {
    const node = this.#lru.pop(this.host.currentCpu());
    return node < 0 ? 0 : this.#nodes + node * this.nodeSize;
  }
  /** A node that is in no bucket any more. */
  giveNode(node) {
    this.#lru.push((node - this.#nodes) / this.nodeSize);
  }
  remove(node) {
    this.#drop(node);
    this.giveNode(node);
  }
  lookupOffset(keyOffset) {
    return this.#lookUp(keyOffset, this.host.currentCpu());
  }
  lookupCpuOffset(keyOffset, cpu) {
    return this.cpuStride === 0 || cpu < 0 || cpu >= this.host.cpus ? 0 : this.#lookUp(keyOffset, cpu);
  }
  /** A program's lookup: marks the element as used. */
  #lookUp(keyOffset, cpu) {
    const node = this.find(keyOffset, this.hash(keyOffset));
    if (node === 0) return 0;
    this.#refer(node);
    return node + this.valueAt + this.cpuStride * cpu;
  }
  store(keyOffset, valueOffset, flags, allCpus) {
    const bad2 = this.checkUpdateFlags(flags);
    if (bad2 !== 0) return bad2;
    const hash = this.hash(keyOffset);
    const perCpu = this.cpuStride !== 0;
    const node = perCpu && flags === BPF_EXIST ? 0 : this.takeNode();
    if (node === 0 && !(perCpu && flags === BPF_EXIST)) return ENOMEM;
    const old = this.find(keyOffset, hash);
    const refused = this.existence(old, flags);
    if (refused !== 0) {
      if (node !== 0) this.giveNode(node);
      return refused;
    }
    if (perCpu && old !== 0) {
      this.#refer(old);
      this.writeValue(old, valueOffset, allCpus, false);
      if (node !== 0) this.giveNode(node);
      return 0;
    }
    this.prepareNode(node, keyOffset, hash);
    this.writeValue(node, valueOffset, allCpus, true);
    this.link(node, hash);
    this.addCount(1);
    if (old !== 0) {
      this.#refer(node);
      this.remove(old);
    }
    return 0;
  }
};
var LRU_HASH = {
  id: 9,
  name: 'lru_hash',
  since: '4.10',
  check: (attrs) => checkHash(attrs, false, true),
  create: (attrs, host) => new LruHashMap(attrs, 9, host, false),
};
var LRU_PERCPU_HASH = {
  id: 10,
  name: 'lru_percpu_hash',
  since: '4.10',
  perCpu: true,
  check: (attrs) => checkHash(attrs, true, true),
  create: (attrs, host) => new LruHashMap(attrs, 10, host, true),
};

// core/base/memory.ts
var KERNEL_HI = 4294936704 | 0;
var FIRST_MAPPED = 65536;

// core/maps/map-in-map.ts
var NEVER_INNER = ['prog_array', 'struct_ops', 'cgroup_storage', 'percpu_cgroup_storage', 'arena'];
var NESTS = ['array_of_maps', 'hash_of_maps'];
function like(model, map) {
  return (
    model.type === map.type &&
    model.keySize === map.keySize &&
    model.valueSize === map.valueSize &&
    (model.flags ?? 0) === (map.flags ?? 0) &&
    model.spinLock === map.spinLock &&
    (model.type !== 'array' || ((model.flags ?? 0) & BPF_F_INNER_MAP) !== 0 || model.maxEntries === map.maxEntries)
  );
}
var Inners = class {
  #host;
  #model;
  #byOffset = /* @__PURE__ */ new Map();
  constructor(host, model) {
    this.#host = host;
    this.#model = model;
  }
  /** Header offset of the map that `fd` names, or a negative errno. */
  take(fd) {
    const map = this.#host.mapByFd?.(fd);
    if (!map) return EBADF;
    if (!like(this.#model, map.attrs)) return EINVAL;
    this.#byOffset.set(map.offset, map);
    return map.offset;
  }
  /** What user space reads for a slot: the id as 4 bytes. */
  show(offset) {
    const map = this.#byOffset.get(offset);
    const id = map ? (this.#host.mapId?.(map) ?? 0) : 0;
    return Uint8Array.of(id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24);
  }
  map(offset) {
    return this.#byOffset.get(offset);
  }
};
var ArrayOfMaps = class extends MapBase {
  #inners;
  #data;
  constructor(attrs, host) {
    super(attrs, 12, host, false);
    this.#inners = new Inners(host, attrs.inner);
    this.#data = this.allocate(attrs.maxEntries * 8);
    this.setHeader(HEADER.ELEM_SIZE, 8);
    this.setHeader(HEADER.DATA, this.#data);
  }
  #index(keyOffset) {
    return this.host.memory.view.getUint32(keyOffset, true);
  }
  #slot(index) {
    return index < this.attrs.maxEntries ? this.host.memory.i32[(this.#data + 8 * index) >>> 2] >>> 0 : 0;
  }
  #put(index, offset) {
    const { i32 } = this.host.memory;
    const at = (this.#data + 8 * index) >>> 2;
    this.setHeader(HEADER.COUNT, this.count + (offset === 0 ? 0 : 1) - (i32[at] === 0 ? 0 : 1));
    i32[at] = offset;
    i32[at + 1] = offset === 0 ? 0 : KERNEL_HI;
  }
  /** Offset of the inner map's header. */
  lookupOffset(keyOffset) {
    return this.#slot(this.#index(keyOffset));
  }
  innerAt(offset) {
    return this.#inners.map(offset);
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    if (flags !== 0) return EINVAL;
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return E2BIG;
    const inner = this.#inners.take(this.host.memory.view.getInt32(valueOffset, true));
    if (inner < 0) return inner;
    this.#put(index, inner);
    return 0;
  }
  deleteOffset(keyOffset) {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return E2BIG;
    if (this.#slot(index) === 0) return ENOENT;
    this.#put(index, 0);
    return 0;
  }
  lookup(key2) {
    const inner = this.#slot(this.#index(this.keyIn(key2)));
    return inner === 0 ? void 0 : this.#inners.show(inner);
  }
  nextKey(key2) {
    const index = key2 === void 0 ? 4294967295 : this.#index(this.keyIn(key2));
    if (index === this.attrs.maxEntries - 1) return void 0;
    const next2 = index >= this.attrs.maxEntries ? 0 : index + 1;
    return Uint8Array.of(next2 & 255, (next2 >>> 8) & 255, (next2 >>> 16) & 255, next2 >>> 24);
  }
};
var HashOfMaps = class extends HashMap {
  #inners;
  constructor(attrs, host) {
    super(attrs, 13, host, false, host.cpus);
    this.#inners = new Inners(host, attrs.inner);
  }
  /** Offset of the inner map's header. */
  lookupOffset(keyOffset) {
    const at = super.lookupOffset(keyOffset);
    return at === 0 ? 0 : this.host.memory.i32[at >>> 2] >>> 0;
  }
  innerAt(offset) {
    return this.#inners.map(offset);
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    const inner = this.#inners.take(this.host.memory.view.getInt32(valueOffset, true));
    if (inner < 0) return inner;
    const { i32 } = this.host.memory;
    i32[valueOffset >>> 2] = inner;
    const result2 = this.store(keyOffset, valueOffset, flags, false);
    if (result2 === 0) {
      const node = this.find(keyOffset, this.hash(keyOffset));
      i32[(node + this.valueAt + 4) >>> 2] = KERNEL_HI;
    }
    return result2;
  }
  lookup(key2) {
    const inner = this.lookupOffset(this.keyIn(key2));
    return inner === 0 ? void 0 : this.#inners.show(inner);
  }
  /** Not for maps of maps. */
  lookupAndDelete(_key) {
    return void 0;
  }
};
function checkInner(attrs) {
  const inner = attrs.inner;
  if (!inner) return `EBADF: a ${attrs.type} map needs to know what its inner maps are like`;
  if (NESTS.includes(inner.type)) return 'EINVAL: maps of maps do not nest';
  if (NEVER_INNER.includes(inner.type)) return `ENOTSUPP: a ${inner.type} map cannot be an inner map`;
  return void 0;
}
var ARRAY_OF_MAPS = {
  id: 12,
  name: 'array_of_maps',
  since: '4.12',
  check: (attrs) => checkFdArray(attrs) ?? checkInner(attrs),
  create: (attrs, host) => new ArrayOfMaps(attrs, host),
};
var HASH_OF_MAPS = {
  id: 13,
  name: 'hash_of_maps',
  since: '4.12',
  check: (attrs) =>
    (attrs.valueSize !== 4 ? `EINVAL: value size of a hash_of_maps map must be 4, not ${attrs.valueSize}` : void 0) ??
    checkHash(attrs, false, false) ??
    checkInner(attrs),
  create: (attrs, host) => new HashOfMaps(attrs, host),
};

// core/maps/perf-ring.ts
var PAGE_SIZE = 4096;
var DATA_HEAD = 1024;
var DATA_TAIL = 1032;
var DATA_OFFSET = 1040;
var DATA_SIZE = 1048;
var PERF_RECORD_LOST = 2;
var PERF_RECORD_SAMPLE = 9;
var RECORD_HEADER = 8;
var LOST_SIZE = 24;
var PerfRing = class {
  /** Offset of the control page. */
  offset;
  #memory;
  #dataSize;
  /** Samples dropped since the last LOST record. */
  #lost = 0;
  /** Samples dropped in all. */
  lostTotal = 0;
  /** Samples written in all. */
  written = 0;
  #id;
  /** `pages` data pages (a power of two). `id` is the event id in LOST records. Throws BpfError EINVAL, ENOMEM. */
  constructor(memory, pages, id) {
    if (pages < 1 || (pages & (pages - 1)) !== 0) {
      throw new BpfError('EINVAL', `a perf buffer has a power of two of pages, not ${pages}`);
    }
    this.#memory = memory;
    this.#dataSize = pages * PAGE_SIZE;
    this.#id = id;
    this.offset = memory.alloc(PAGE_SIZE + this.#dataSize, PAGE_SIZE);
    this.#set64(DATA_OFFSET, PAGE_SIZE);
    this.#set64(DATA_SIZE, this.#dataSize);
  }
  free() {
    this.#memory.free(this.offset, PAGE_SIZE + this.#dataSize);
  }
  // Positions stay far below 2^53: at a gigabyte a second that takes 104 days.
  #get64(at) {
    const { i32 } = this.#memory;
    const word2 = (this.offset + at) >>> 2;
    return (i32[word2] >>> 0) + (i32[word2 + 1] >>> 0) * 4294967296;
  }
  #set64(at, value) {
    const { i32 } = this.#memory;
    const word2 = (this.offset + at) >>> 2;
    i32[word2] = value | 0;
    i32[word2 + 1] = value < 4294967296 ? 0 : Math.floor(value / 4294967296) | 0;
  }
  /** Bytes that wait to be read. */
  get waiting() {
    return this.#get64(DATA_HEAD) - this.#get64(DATA_TAIL);
  }
  /**
   * Write one sample: `size` bytes from `from`, then (packets) `moreSize` bytes from `more`. 0, -ENOSPC (dropped and
   * counted), or -E2BIG (a record above 65,528 bytes; not counted).
   */
  write(from, size, more = 0, moreSize = 0) {
    const raw = size + moreSize;
    const rawPadded = ((raw + 11) & ~7) - 4;
    const sampleSize = RECORD_HEADER + 4 + rawPadded;
    if (sampleSize > 65535) return E2BIG;
    const total = this.#lost > 0 ? sampleSize + LOST_SIZE : sampleSize;
    let head = this.#get64(DATA_HEAD);
    if (this.#dataSize - 1 - (head - this.#get64(DATA_TAIL)) < total) {
      this.#lost++;
      this.lostTotal++;
      return ENOSPC;
    }
    if (this.#lost > 0) {
      this.#header(head, PERF_RECORD_LOST, LOST_SIZE);
      this.#word(head + 8, this.#id);
      this.#word(head + 12, 0);
      this.#word(head + 16, this.#lost);
      this.#word(head + 20, 0);
      head += LOST_SIZE;
      this.#lost = 0;
    }
    this.#header(head, PERF_RECORD_SAMPLE, sampleSize);
    this.#word(head + 8, rawPadded);
    this.#word(head + sampleSize - 4, 0);
    if (rawPadded - raw > 4) this.#word(head + sampleSize - 8, 0);
    this.#copyIn(head + 12, from, size);
    if (moreSize > 0) this.#copyIn(head + 12 + size, more, moreSize);
    this.#set64(DATA_HEAD, head + sampleSize);
    this.written++;
    return 0;
  }
  #data(position) {
    return this.offset + PAGE_SIZE + (position & (this.#dataSize - 1));
  }
  /** Records start 8-aligned and sizes are multiples of 8: a word never wraps. */
  #word(position, value) {
    this.#memory.i32[this.#data(position) >>> 2] = value;
  }
  #header(position, type, size) {
    this.#word(position, type);
    this.#word(position + 4, size << 16);
  }
  #copyIn(position, from, size) {
    const first = Math.min(this.#dataSize - (position & (this.#dataSize - 1)), size);
    copyBytes(this.#memory, this.#data(position), from, first);
    if (first < size) copyBytes(this.#memory, this.offset + PAGE_SIZE, from + first, size - first);
  }
  /**
   * A private copy of everything between two positions: one bulk copy (two where the buffer wraps) is far cheaper than
   * one a record.
   */
  #chunk(from, to) {
    const { u8 } = this.#memory;
    const size = to - from;
    const out = new Uint8Array(size);
    const at = this.#data(from);
    const first = Math.min(size, this.#dataSize - (from & (this.#dataSize - 1)));
    out.set(u8.subarray(at, at + first));
    const start = this.offset + PAGE_SIZE;
    if (first < size) out.set(u8.subarray(start, start + size - first), first);
    return out;
  }
  /**
   * Deliver every record that is there when called; how many samples. The tail moves past each record before it is
   * handed over, so a sink that throws loses that record alone and the next call goes on behind it.
   */
  read(sink) {
    const start = this.#get64(DATA_TAIL);
    const end = this.#get64(DATA_HEAD);
    if (start === end) return 0;
    const chunk = this.#chunk(start, end);
    const view = new DataView(chunk.buffer);
    let samples = 0;
    for (let at = 0; at < chunk.length; ) {
      const type = view.getUint32(at, true);
      const size = view.getUint16(at + 6, true);
      const record = at;
      at += size;
      this.#set64(DATA_TAIL, start + at);
      if (type === PERF_RECORD_SAMPLE) {
        samples++;
        sink.onSample(chunk.subarray(record + 12, record + 12 + view.getUint32(record + 8, true)));
      } else if (type === PERF_RECORD_LOST) {
        sink.onLost(view.getUint32(record + 16, true));
      }
    }
    return samples;
  }
  /**
   * Samples dropped that no LOST record has told yet, and will not now: for the reader's end, so that received + lost =
   * sent (the kernel keeps this number in the event's `lost_samples`).
   */
  takeLost() {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }
};

// core/maps/perf-event-array.ts
var CURRENT_CPU = 4294967295;
var PerfEventArrayMap = class extends FdArrayMap {
  #rings = /* @__PURE__ */ new Map();
  #counters = /* @__PURE__ */ new Map();
  #ids = 0;
  constructor(attrs, host) {
    super(attrs, 4, host);
  }
  /** Make the buffer of one CPU (`pages` data pages, a power of two) and put it into slot `cpu`. Throws BpfError. */
  openRing(cpu, pages) {
    this.#place(cpu);
    const id = ++this.#ids;
    const ring = new PerfRing(this.host.memory, pages, id);
    this.#rings.set(id, { ring, cpu });
    this.put(cpu, id);
    return ring;
  }
  /** Put a counter into slot `cpu`. */
  openCounter(cpu, counter) {
    this.#place(cpu);
    const id = ++this.#ids;
    this.#counters.set(id, { counter, cpu });
    this.put(cpu, id);
  }
  #place(cpu) {
    if (cpu < 0 || cpu >= this.attrs.maxEntries) {
      throw new BpfError('E2BIG', `map ${this.attrs.name}: no slot ${cpu}, it has ${this.attrs.maxEntries}`);
    }
  }
  /** Close slot `index`: later output there is -ENOENT. */
  closeSlot(index) {
    if (this.slot(index) !== 0) this.put(index, 0);
  }
  ring(index) {
    return this.#rings.get(this.slot(index))?.ring;
  }
  #slotFor(index) {
    const at = index === CURRENT_CPU ? this.host.currentCpu() : index;
    if (at >= this.attrs.maxEntries) return E2BIG;
    const id = this.slot(at);
    return id === 0 ? ENOENT : id;
  }
  /**
   * bpf_perf_event_output of `size` bytes at `from` (and `moreSize` at `more`): `index` is the low half of its flags. 0,
   * or a negative errno; -ENOSPC when the sample was dropped.
   */
  output(index, from, size, more = 0, moreSize = 0) {
    const id = this.#slotFor(index);
    if (id < 0) return id;
    const entry2 = this.#rings.get(id);
    if (!entry2) return EINVAL;
    if (entry2.cpu !== this.host.currentCpu()) return EOPNOTSUPP;
    return entry2.ring.write(from, size, more, moreSize);
  }
  /** bpf_perf_event_read[_value]: the counter, or a negative errno. */
  counter(index) {
    const id = this.#slotFor(index);
    if (id < 0) return id;
    const entry2 = this.#counters.get(id);
    if (!entry2) return EINVAL;
    return entry2.cpu === this.host.currentCpu() ? entry2.counter : EINVAL;
  }
  /** File descriptors of perf events come from `openRing`; there are no others here. */
  take(_fd) {
    return EBADF;
  }
  show(_slot) {
    return void 0;
  }
  release(id) {
    this.#rings.get(id)?.ring.free();
    this.#rings.delete(id);
    this.#counters.delete(id);
  }
  close() {
    for (const { ring } of this.#rings.values()) ring.free();
    this.#rings.clear();
    super.close();
  }
};
var PERF_EVENT_ARRAY = {
  id: 4,
  name: 'perf_event_array',
  since: '4.3',
  check: (attrs) => checkFdArray(attrs, BPF_F_PRESERVE_ELEMS),
  create: (attrs, host) => new PerfEventArrayMap(attrs, host),
};

// core/maps/prog-array.ts
var ProgArrayMap = class extends FdArrayMap {
  take(fd) {
    return this.host.progByFd ? this.host.progByFd(fd, this) : fd > 0 ? fd : EBADF;
  }
  show(slot) {
    return slot;
  }
};
var PROG_ARRAY = {
  id: 3,
  name: 'prog_array',
  since: '4.2',
  check: (attrs) => checkFdArray(attrs),
  create: (attrs, host) => new ProgArrayMap(attrs, 3, host),
};

// core/maps/queue-stack.ts
var HEAD = HEADER.OWN;
var TAIL = HEADER.OWN + 4;
var QueueStackMap = class extends MapBase {
  #lifo;
  #slots;
  #data;
  constructor(attrs, typeId, host, lifo) {
    super(attrs, typeId, host, false);
    this.#lifo = lifo;
    this.#slots = attrs.maxEntries + 1;
    this.#data = this.allocate(this.#slots * attrs.valueSize);
    this.setHeader(HEADER.ELEM_SIZE, attrs.valueSize);
    this.setHeader(HEADER.DATA, this.#data);
  }
  #at(slot) {
    return this.#data + slot * this.attrs.valueSize;
  }
  pushOffset(valueOffset, flags) {
    if ((flags & BPF_NOEXIST) !== 0 || flags > BPF_EXIST) return EINVAL;
    const head = this.header(HEAD);
    let tail = this.header(TAIL);
    const next2 = (head + 1) % this.#slots;
    if (next2 === tail) {
      if ((flags & BPF_EXIST) === 0) return E2BIG;
      tail = (tail + 1) % this.#slots;
      this.setHeader(TAIL, tail);
    }
    this.host.memory.u8.copyWithin(this.#at(head), valueOffset, valueOffset + this.attrs.valueSize);
    this.setHeader(HEAD, next2);
    this.setHeader(HEADER.COUNT, (next2 - tail + this.#slots) % this.#slots);
    return 0;
  }
  /** Copy out the value whose turn it is; zeros and -ENOENT when there is none. */
  #get(valueOffset, remove) {
    const { u8 } = this.host.memory;
    const size = this.attrs.valueSize;
    if (this.count === 0) {
      u8.fill(0, valueOffset, valueOffset + size);
      return ENOENT;
    }
    const head = this.header(HEAD);
    const tail = this.header(TAIL);
    const slot = this.#lifo ? (head - 1 + this.#slots) % this.#slots : tail;
    u8.copyWithin(valueOffset, this.#at(slot), this.#at(slot) + size);
    if (remove) {
      this.setHeader(this.#lifo ? HEAD : TAIL, this.#lifo ? slot : (tail + 1) % this.#slots);
      this.setHeader(HEADER.COUNT, this.count - 1);
    }
    return 0;
  }
  popOffset(valueOffset) {
    return this.#get(valueOffset, true);
  }
  peekOffset(valueOffset) {
    return this.#get(valueOffset, false);
  }
  // Programs have push, pop and peek only.
  lookupOffset(_keyOffset) {
    return 0;
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  deleteOffset(_keyOffset) {
    return EINVAL;
  }
  updateUserOffset(_keyOffset, valueOffset, flags) {
    return this.pushOffset(valueOffset, flags);
  }
  #take(remove) {
    const to = this.valueIn(new Uint8Array(this.attrs.valueSize));
    return this.#get(to, remove) < 0 ? void 0 : this.valueOut(to);
  }
  lookup(key2) {
    this.keyIn(key2);
    return this.#take(false);
  }
  lookupAndDelete(key2) {
    this.keyIn(key2);
    return this.refuseUserWrite() === 0 ? this.#take(true) : void 0;
  }
  nextKey(_key) {
    return void 0;
  }
};
function check3(attrs) {
  return (
    checkSizes(attrs, { keySize: 0, valueSize: 'some', maxEntries: 'some' }) ??
    checkFlags(attrs, ACCESS_MASK | BPF_F_NUMA_NODE) ??
    (attrs.valueSize > KMALLOC_MAX || attrs.maxEntries >= 4294967295 / attrs.valueSize
      ? `E2BIG: ${attrs.maxEntries} values of ${attrs.valueSize} bytes are too many`
      : void 0)
  );
}
var QUEUE = {
  id: 22,
  name: 'queue',
  since: '4.20',
  check: check3,
  create: (attrs, host) => new QueueStackMap(attrs, 22, host, false),
};
var STACK = {
  id: 23,
  name: 'stack',
  since: '4.20',
  check: check3,
  create: (attrs, host) => new QueueStackMap(attrs, 23, host, true),
};

// core/maps/redirect-maps.ts
var QUEUE_MAX = 16384;
var NR_CPUS = 8192;
var RedirectArrayMap = class extends MapBase {
  #kind;
  #elemSize;
  #data;
  constructor(attrs, typeId, host, kind) {
    super(attrs, typeId, host, false);
    this.#kind = kind;
    this.#elemSize = alignUp(attrs.valueSize, 8);
    this.#data = this.allocate(this.#elemSize * attrs.maxEntries);
    this.setHeader(HEADER.ELEM_SIZE, this.#elemSize);
    this.setHeader(HEADER.DATA, this.#data);
  }
  #index(keyOffset) {
    return this.host.memory.view.getUint32(keyOffset, true);
  }
  #first(index) {
    return this.host.memory.i32[(this.#data + index * this.#elemSize) >>> 2];
  }
  lookupOffset(keyOffset) {
    const index = this.#index(keyOffset);
    return index < this.attrs.maxEntries && this.#first(index) !== 0 ? this.#data + index * this.#elemSize : 0;
  }
  /** Programs may not write. */
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    const index = this.#index(keyOffset);
    const { u8, view } = this.host.memory;
    const word2 = view.getUint32(valueOffset, true);
    const program = this.attrs.valueSize >= 8 ? view.getInt32(valueOffset + 4, true) : 0;
    if (flags > BPF_EXIST) return EINVAL;
    if (index >= this.attrs.maxEntries) return E2BIG;
    if (flags === BPF_NOEXIST) return EEXIST;
    if (this.#kind === 'cpu') {
      if (word2 > QUEUE_MAX) return EOVERFLOW;
      if (index >= this.host.cpus) return ENODEV;
    } else if (word2 === 0 ? program > 0 : this.host.hasDevice?.(word2) === false) return EINVAL;
    const at = this.#data + index * this.#elemSize;
    this.setHeader(HEADER.COUNT, this.count + (word2 === 0 ? 0 : 1) - (this.#first(index) === 0 ? 0 : 1));
    u8.copyWithin(at, valueOffset, valueOffset + this.attrs.valueSize);
    if (program <= 0 && this.attrs.valueSize >= 8) view.setUint32(at + 4, 0, true);
    return 0;
  }
  deleteOffset(keyOffset) {
    const index = this.#index(keyOffset);
    if (index >= this.attrs.maxEntries) return EINVAL;
    if (this.#first(index) !== 0) this.setHeader(HEADER.COUNT, this.count - 1);
    const at = this.#data + index * this.#elemSize;
    this.host.memory.u8.fill(0, at, at + this.#elemSize);
    return 0;
  }
  nextKey(key2) {
    const index = key2 === void 0 ? 4294967295 : this.#index(this.keyIn(key2));
    if (index === this.attrs.maxEntries - 1) return void 0;
    const next2 = index >= this.attrs.maxEntries ? 0 : index + 1;
    return Uint8Array.of(next2 & 255, (next2 >>> 8) & 255, (next2 >>> 16) & 255, next2 >>> 24);
  }
};
var DevmapHash = class extends HashMap {
  constructor(attrs, host) {
    super(attrs, 25, host, false, host.cpus);
  }
  /** Programs may not write. */
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  updateUserOffset(keyOffset, valueOffset, flags) {
    const { view } = this.host.memory;
    const ifindex = view.getUint32(valueOffset, true);
    if (flags > BPF_EXIST || ifindex === 0) return EINVAL;
    if (flags === BPF_NOEXIST && this.lookupOffset(keyOffset) !== 0) return EEXIST;
    if (this.host.hasDevice?.(ifindex) === false) return EINVAL;
    if (this.attrs.valueSize >= 8 && view.getInt32(valueOffset + 4, true) <= 0)
      view.setUint32(valueOffset + 4, 0, true);
    return this.store(keyOffset, valueOffset, 0, false);
  }
};
function checkDevmap(attrs) {
  return (
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    checkValue(attrs) ??
    checkFlags(attrs, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY)
  );
}
function checkValue(attrs) {
  return attrs.valueSize === 4 || attrs.valueSize === 8
    ? void 0
    : `EINVAL: value size of a ${attrs.type} map must be 4 or 8, not ${attrs.valueSize}`;
}
var DEVMAP = {
  id: 14,
  name: 'devmap',
  since: '4.14',
  check: checkDevmap,
  create: (attrs, host) => new RedirectArrayMap(attrs, 14, host, 'device'),
};
var DEVMAP_HASH = {
  id: 25,
  name: 'devmap_hash',
  since: '5.4',
  check: (attrs) =>
    checkDevmap(attrs) ??
    (attrs.maxEntries > 2 ** 31 ? `EINVAL: max_entries ${attrs.maxEntries} is above 2^31` : void 0),
  create: (attrs, host) => new DevmapHash(attrs, host),
};
var CPUMAP = {
  id: 16,
  name: 'cpumap',
  since: '4.15',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    checkValue(attrs) ??
    checkFlags(attrs, BPF_F_NUMA_NODE) ??
    (attrs.maxEntries > NR_CPUS ? `E2BIG: a cpumap map has at most ${NR_CPUS} entries` : void 0),
  create: (attrs, host) => new RedirectArrayMap(attrs, 16, host, 'cpu'),
};
var XSKMAP = {
  id: 17,
  name: 'xskmap',
  since: '4.18',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, valueSize: 4, maxEntries: 'some' }) ??
    checkFlags(attrs, BPF_F_NUMA_NODE | (ACCESS_MASK & (BPF_F_RDONLY | BPF_F_WRONLY))),
};

// core/maps/ringbuf.ts
var RINGBUF_PAGE = 4096;
var CONSUMER = RINGBUF_PAGE;
var PRODUCER = 2 * RINGBUF_PAGE;
var PENDING = PRODUCER + 8;
var DATA2 = 3 * RINGBUF_PAGE;
var RECORD_HEADER2 = 8;
var BUSY = 1 << 31;
var DISCARD = 1 << 30;
var RB = HEADER.OWN;
var RINGBUF_QUERY = { AVAIL_DATA: 0, RING_SIZE: 1, CONS_POS: 2, PROD_POS: 3 };
var RingPages = class extends MapBase {
  ring;
  #mask;
  constructor(attrs, typeId, host) {
    super(attrs, typeId, host, false);
    this.ring = this.allocate(DATA2 + 2 * attrs.maxEntries, RINGBUF_PAGE);
    this.#mask = attrs.maxEntries - 1;
    this.setHeader(RB, this.ring);
    this.setHeader(HEADER.DATA, this.ring + DATA2);
    host.memory.i32[this.ring >>> 2] = this.offset;
  }
  // Positions stay far below 2^53.
  position(at) {
    const { i32 } = this.host.memory;
    const word2 = (this.ring + at) >>> 2;
    return (i32[word2] >>> 0) + (i32[word2 + 1] >>> 0) * 4294967296;
  }
  setPosition(at, value) {
    const { i32 } = this.host.memory;
    const word2 = (this.ring + at) >>> 2;
    i32[word2] = value | 0;
    i32[word2 + 1] = value < 4294967296 ? 0 : Math.floor(value / 4294967296) | 0;
  }
  get consumerPosition() {
    return this.position(CONSUMER);
  }
  get producerPosition() {
    return this.position(PRODUCER);
  }
  /** Offset of the record header at a position. */
  record(position) {
    return this.ring + DATA2 + (position & this.#mask);
  }
  /** Room for `size` bytes: offset of the record's bytes, marked busy; 0 when there is none. */
  reserveRecord(size) {
    const length = alignUp(size + RECORD_HEADER2, 8);
    if (length > this.attrs.maxEntries) return 0;
    const { i32 } = this.host.memory;
    const start = this.position(PRODUCER);
    let pending = this.position(PENDING);
    while (pending < start) {
      const word2 = i32[this.record(pending) >>> 2];
      if ((word2 & BUSY) !== 0) break;
      pending += alignUp((word2 & ~DISCARD) + RECORD_HEADER2, 8);
    }
    this.setPosition(PENDING, pending);
    const end = start + length;
    if (end - this.position(CONSUMER) > this.#mask || end - pending > this.#mask) return 0;
    const header = this.record(start);
    i32[header >>> 2] = size | BUSY;
    i32[(header + 4) >>> 2] = Math.floor((header - this.ring) / RINGBUF_PAGE);
    this.setPosition(PRODUCER, end);
    return header + RECORD_HEADER2;
  }
  /** End of a record's writing. */
  commitRecord(sample2, discard) {
    const { i32, u8 } = this.host.memory;
    const header = sample2 - RECORD_HEADER2;
    const size = i32[header >>> 2] & ~BUSY;
    const limit = this.ring + DATA2 + this.attrs.maxEntries;
    if (!discard && sample2 + size > limit) {
      u8.copyWithin(this.ring + DATA2 + Math.max(0, sample2 - limit), Math.max(sample2, limit), sample2 + size);
    }
    i32[header >>> 2] = discard ? size | DISCARD : size;
  }
  /** A private copy of the data between two positions. Committed records that cross the end are whole in it. */
  chunk(from, to) {
    const { u8 } = this.host.memory;
    const size = to - from;
    const out = new Uint8Array(size);
    const at = this.record(from);
    const start = this.ring + DATA2;
    const first = Math.min(size, start + this.attrs.maxEntries - at);
    out.set(u8.subarray(at, at + first));
    if (first < size) out.set(u8.subarray(start, start + size - first), first);
    return out;
  }
  lookupOffset(_keyOffset) {
    return 0;
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return ENOTSUPP;
  }
  deleteOffset(_keyOffset) {
    return ENOTSUPP;
  }
  nextKey(_key) {
    return void 0;
  }
};
var RingbufMap = class extends RingPages {
  /** Records whose room could not be had: bpf_ringbuf_reserve and _output that failed. */
  dropped = 0;
  /** Somebody should look: set by commits as the kernel would wake a poll, cleared by `consume`. */
  wakeup = false;
  constructor(attrs, host) {
    super(attrs, 27, host);
  }
  /** bpf_ringbuf_reserve: offset of `size` bytes to fill in, or 0. */
  reserve(size) {
    const at = this.reserveRecord(size);
    if (at === 0) this.dropped++;
    return at;
  }
  /** bpf_ringbuf_submit / _discard of what `reserve` gave. `flags`: 1 no wakeup, 2 wakeup in any case. */
  commit(sample2, flags, discard) {
    this.commitRecord(sample2, discard);
    const caughtUp = this.record(this.consumerPosition) === sample2 - RECORD_HEADER2;
    if ((flags & 2) !== 0 || (caughtUp && (flags & 1) === 0)) this.wakeup = true;
  }
  /** bpf_ringbuf_output: 0 or -EAGAIN. */
  output(from, size, flags) {
    const at = this.reserve(size);
    if (at === 0) return EAGAIN;
    copyBytes(this.host.memory, at, from, size);
    this.commit(at, flags, false);
    return 0;
  }
  query(what) {
    switch (what) {
      case RINGBUF_QUERY.AVAIL_DATA:
        return this.producerPosition - this.consumerPosition;
      case RINGBUF_QUERY.RING_SIZE:
        return this.attrs.maxEntries;
      case RINGBUF_QUERY.CONS_POS:
        return this.consumerPosition;
      case RINGBUF_QUERY.PROD_POS:
        return this.producerPosition;
      default:
        return 0;
    }
  }
  /**
   * Deliver the records that are complete, in order, up to the first that is still busy; discarded ones are skipped.
   * How many were delivered. The consumer moves on before a record is handed over (part of one private copy), so a sink
   * that throws loses that record alone.
   */
  consume(onRecord) {
    this.wakeup = false;
    const start = this.consumerPosition;
    const end = this.producerPosition;
    if (start === end) return 0;
    const chunk = this.chunk(start, end);
    const view = new DataView(chunk.buffer);
    let records = 0;
    for (let at = 0; at < chunk.length; ) {
      const word2 = view.getInt32(at, true);
      if ((word2 & BUSY) !== 0) break;
      const from = at + RECORD_HEADER2;
      const size = word2 & ~DISCARD;
      at += (size + RECORD_HEADER2 + 7) & ~7;
      this.setPosition(CONSUMER, start + at);
      if ((word2 & DISCARD) === 0) {
        records++;
        onRecord(chunk.subarray(from, from + size));
      }
    }
    return records;
  }
};
function ringbufHeaderOf(memory, sample2) {
  const header = sample2 - RECORD_HEADER2;
  const pages = memory.i32[(header + 4) >>> 2];
  const ring = Math.floor(header / RINGBUF_PAGE) * RINGBUF_PAGE - pages * RINGBUF_PAGE;
  return memory.i32[ring >>> 2] >>> 0;
}
function checkRingbuf(attrs) {
  const size = attrs.maxEntries;
  return (
    checkFlags(attrs, BPF_F_NUMA_NODE) ??
    checkSizes(attrs, { keySize: 0, valueSize: 0 }) ??
    (size === 0 || size % RINGBUF_PAGE !== 0 || (size & (size - 1)) !== 0
      ? `EINVAL: max_entries of a ${attrs.type} map must be a power of two and a multiple of ${RINGBUF_PAGE}, not ${size}`
      : void 0)
  );
}
var RINGBUF = {
  id: 27,
  name: 'ringbuf',
  since: '5.8',
  check: checkRingbuf,
  create: (attrs, host) => new RingbufMap(attrs, host),
};

// core/maps/socket-maps.ts
var FLAGS2 = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;
function checkValue2(attrs) {
  return attrs.valueSize === 4 || attrs.valueSize === 8
    ? void 0
    : `EINVAL: value size of a ${attrs.type} map must be 4 or 8, not ${attrs.valueSize}`;
}
var SOCKMAP = {
  id: 15,
  name: 'sockmap',
  since: '4.14',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    (attrs.maxEntries > 2147483647 ? `EINVAL: max_entries ${attrs.maxEntries} is above 2^31 - 1` : void 0) ??
    checkValue2(attrs) ??
    checkFlags(attrs, FLAGS2),
};
var SOCKHASH = {
  id: 18,
  name: 'sockhash',
  since: '4.18',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 'some', maxEntries: 'some' }) ??
    checkValue2(attrs) ??
    checkFlags(attrs, FLAGS2) ??
    (attrs.keySize > 512 ? `E2BIG: a key of a sockhash map has at most 512 bytes, not ${attrs.keySize}` : void 0),
};
var REUSEPORT_SOCKARRAY = {
  id: 20,
  name: 'reuseport_sockarray',
  since: '4.19',
  check: (attrs) => checkValue2(attrs) ?? checkArray(attrs),
};

// core/maps/stack-trace.ts
var STACK_DEPTH_MAX = 127;
var STACK_FLAGS = { SKIP: 255, USER: 256, FAST_CMP: 512, REUSE: 1024, BUILD_ID: 2048 };
var BUILD_ID_ENTRY = 32;
var HASH2 = 0;
var FRAMES = 4;
var DATA3 = 8;
function storeBuildIds(view, u8, at, ips, count, find) {
  for (let i = 0; i < count; i++) {
    const entry2 = at + i * BUILD_ID_ENTRY;
    const [lo, hi] = [ips[2 * i], ips[2 * i + 1]];
    const found = find?.(lo, hi);
    u8.fill(0, entry2, entry2 + BUILD_ID_ENTRY);
    view.setInt32(entry2, found ? 1 : 2, true);
    if (found) u8.set(found.id.subarray(0, 20), entry2 + 4);
    view.setInt32(entry2 + 24, found ? found.offset[0] : lo, true);
    view.setInt32(entry2 + 28, found ? found.offset[1] : hi, true);
  }
}
var StackTraceMap = class extends MapBase {
  #slots;
  #slotCount;
  #bucketSize;
  #scratch;
  /** Buckets that hold nothing, oldest first. */
  #free = [];
  buildIds;
  /** Most frames a stack in this map has. */
  depth;
  constructor(attrs, host) {
    super(attrs, 7, host, false);
    this.buildIds = (this.flags & BPF_F_STACK_BUILD_ID) !== 0;
    this.depth = attrs.valueSize / (this.buildIds ? BUILD_ID_ENTRY : 8);
    let slots = 1;
    while (slots < attrs.maxEntries) slots *= 2;
    this.#slotCount = slots;
    this.#slots = this.allocate(slots * 4);
    this.#bucketSize = DATA3 + attrs.valueSize;
    const data2 = this.allocate(this.#bucketSize * attrs.maxEntries);
    for (let i = 0; i < attrs.maxEntries; i++) this.#free.push(data2 + i * this.#bucketSize);
    this.#scratch = this.allocate(alignUp(Math.max(this.depth, STACK_DEPTH_MAX) * 8, 8));
    this.setHeader(HEADER.BUCKETS, this.#slots);
    this.setHeader(HEADER.BUCKET_MASK, slots - 1);
    this.setHeader(HEADER.DATA, data2);
    this.setHeader(HEADER.ELEM_SIZE, this.#bucketSize);
    this.setHeader(HEADER.VALUE_AT, DATA3);
  }
  #slot(id) {
    return this.host.memory.i32[(this.#slots >>> 2) + id] >>> 0;
  }
  #setSlot(id, bucket) {
    this.host.memory.i32[(this.#slots >>> 2) + id] = bucket;
  }
  /**
   * bpf_get_stackid with the stack already walked: `ips` are addresses as halves, innermost first, the skipped frames
   * still in it. The stack's id, -EFAULT when all of it is skipped, -EEXIST when its bucket holds another, -ENOMEM when
   * the map is full.
   */
  store(ips, flags, buildId) {
    const { i32, u8, view } = this.host.memory;
    const skip = flags & STACK_FLAGS.SKIP;
    const frames = Math.min(ips.length / 2 - skip, Math.min(this.depth + skip, STACK_DEPTH_MAX) - skip);
    if (frames <= 0) return EFAULT;
    const chain = ips.subarray(2 * skip, 2 * (skip + frames));
    i32.set(chain, this.#scratch >>> 2);
    const hash = jhash(view, this.#scratch, frames * 8, 0);
    const id = hash & (this.#slotCount - 1);
    const old = this.#slot(id);
    const sameHash = old !== 0 && i32[(old + HASH2) >>> 2] >>> 0 === hash;
    if (sameHash && (flags & STACK_FLAGS.FAST_CMP) !== 0) return id;
    const same = (other, bytes) => {
      if (!sameHash || i32[(old + FRAMES) >>> 2] !== frames) return false;
      for (let i = 0; i < bytes; i++) if (u8[old + DATA3 + i] !== u8[other + i]) return false;
      return true;
    };
    if (!this.buildIds) {
      if (same(this.#scratch, frames * 8)) return id;
      if (old !== 0 && (flags & STACK_FLAGS.REUSE) === 0) return EEXIST;
    }
    const bucket = this.#free.shift();
    if (bucket === void 0) return ENOMEM;
    if (this.buildIds) {
      const find = (flags & STACK_FLAGS.USER) !== 0 ? buildId : void 0;
      storeBuildIds(view, u8, bucket + DATA3, chain, frames, find);
      const unchanged = same(bucket + DATA3, frames * BUILD_ID_ENTRY);
      if (unchanged || (old !== 0 && (flags & STACK_FLAGS.REUSE) === 0)) {
        this.#free.push(bucket);
        return unchanged ? id : EEXIST;
      }
    } else {
      u8.copyWithin(bucket + DATA3, this.#scratch, this.#scratch + frames * 8);
    }
    i32[(bucket + HASH2) >>> 2] = hash;
    i32[(bucket + FRAMES) >>> 2] = frames;
    this.#setSlot(id, bucket);
    if (old !== 0) this.#free.push(old);
    else this.setHeader(HEADER.COUNT, this.count + 1);
    return id;
  }
  #id(keyOffset) {
    return this.host.memory.view.getUint32(keyOffset, true);
  }
  /** Programs cannot look stacks up. */
  lookupOffset(_keyOffset) {
    return 0;
  }
  updateOffset(_keyOffset, _valueOffset, _flags) {
    return EINVAL;
  }
  deleteOffset(keyOffset) {
    const id = this.#id(keyOffset);
    if (id >= this.#slotCount) return E2BIG;
    const bucket = this.#slot(id);
    if (bucket === 0) return ENOENT;
    this.#setSlot(id, 0);
    this.#free.push(bucket);
    this.setHeader(HEADER.COUNT, this.count - 1);
    return 0;
  }
  /** The whole value: frames, then zeros. */
  lookup(key2) {
    const id = this.#id(this.keyIn(key2));
    const bucket = id < this.#slotCount ? this.#slot(id) : 0;
    if (bucket === 0) return void 0;
    const frames = this.host.memory.i32[(bucket + FRAMES) >>> 2];
    const out = new Uint8Array(this.attrs.valueSize);
    out.set(this.bytes(bucket + DATA3, frames * (this.buildIds ? BUILD_ID_ENTRY : 8)));
    return out;
  }
  nextKey(key2) {
    let id = 0;
    if (key2 !== void 0) {
      id = this.#id(this.keyIn(key2));
      id = id >= this.#slotCount || this.#slot(id) === 0 ? 0 : id + 1;
    }
    while (id < this.#slotCount && this.#slot(id) === 0) id++;
    if (id >= this.#slotCount) return void 0;
    return Uint8Array.of(id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24);
  }
};
function check4(attrs) {
  const entry2 = ((attrs.flags ?? 0) & BPF_F_STACK_BUILD_ID) !== 0 ? BUILD_ID_ENTRY : 8;
  return (
    checkFlags(attrs, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID) ??
    checkSizes(attrs, { keySize: 4, maxEntries: 'some' }) ??
    (attrs.valueSize < 8 || attrs.valueSize % entry2 !== 0 || attrs.valueSize / entry2 > STACK_DEPTH_MAX
      ? `EINVAL: a value of this stack_trace map is 1 to ${STACK_DEPTH_MAX} frames of ${entry2} bytes, not ${attrs.valueSize} bytes`
      : void 0) ??
    (attrs.maxEntries > 2 ** 31 ? `E2BIG: max_entries ${attrs.maxEntries} is above 2^31` : void 0)
  );
}
var STACK_TRACE = {
  id: 7,
  name: 'stack_trace',
  since: '4.6',
  check: check4,
  create: (attrs, host) => new StackTraceMap(attrs, host),
};

// core/maps/struct-ops-arena.ts
var STRUCT_OPS = {
  id: 26,
  name: 'struct_ops',
  since: '5.6',
  check: (attrs) =>
    checkSizes(attrs, { keySize: 4, maxEntries: 1 }) ?? checkFlags(attrs, BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD),
};
var PAGE = 4096;
var ARENA = {
  id: 33,
  name: 'arena',
  since: '6.9',
  check: (attrs) => {
    const extra = attrs.extra ?? 0;
    const bytes = attrs.maxEntries * PAGE;
    return (
      checkSizes(attrs, { keySize: 0, valueSize: 0, maxEntries: 'some' }) ??
      (((attrs.flags ?? 0) & BPF_F_MMAPABLE) === 0 ? 'EINVAL: an arena map must have BPF_F_MMAPABLE' : void 0) ??
      checkFlags(attrs, BPF_F_SEGV_ON_FAULT | BPF_F_MMAPABLE | BPF_F_NO_USER_CONV) ??
      (extra % PAGE !== 0 ? 'EINVAL: map_extra of an arena map is a page-aligned address' : void 0) ??
      (bytes > 2 ** 32 ? `E2BIG: an arena has at most 4 GiB, not ${attrs.maxEntries} pages` : void 0) ??
      (Math.floor(extra / 2 ** 32) !== Math.floor((extra + bytes - 1) / 2 ** 32)
        ? 'ERANGE: an arena must not cross a 4 GiB boundary'
        : void 0)
    );
  },
};

// core/maps/user-ringbuf.ts
var CONSUMER2 = 4096;
var HEADER_BYTES = 8;
var BUSY2 = 1 << 31;
var DISCARD2 = 1 << 30;
var SAMPLE_MAX = (1 << 24) - 1;
var UserRingbufMap = class extends RingPages {
  constructor(attrs, host) {
    super(attrs, 31, host);
  }
  /** User space: send one sample. 0, -ENOSPC while the ring is full, -E2BIG for a sample that can never fit. */
  produce(data2) {
    if (alignUp(data2.length + HEADER_BYTES, 8) > this.attrs.maxEntries) return E2BIG;
    const at = this.reserveRecord(data2.length);
    if (at === 0) return ENOSPC;
    this.host.memory.u8.set(data2, at);
    this.commitRecord(at, false);
    return 0;
  }
  /**
   * Program side: the next sample, `{ offset, size }`, already past discarded ones (`discarded` of them); or a negative
   * errno, -ENODATA when there is none. `release` it when done.
   */
  peek() {
    for (;;) {
      const end = this.producerPosition;
      if (end % 8 !== 0) return EINVAL;
      const at = this.consumerPosition;
      if (at >= end) return ENODATA;
      const header = this.record(at);
      const word2 = this.host.memory.i32[header >>> 2];
      const size = word2 & ~(BUSY2 | DISCARD2);
      const total = alignUp(size + HEADER_BYTES, 8);
      if (total > end - at) return EINVAL;
      if (total > this.attrs.maxEntries || size > SAMPLE_MAX) return E2BIG;
      if ((word2 & DISCARD2) !== 0) {
        this.setPosition(CONSUMER2, at + total);
        continue;
      }
      return (word2 & BUSY2) !== 0 ? ENODATA : { offset: header + HEADER_BYTES, size };
    }
  }
  release(size) {
    this.setPosition(CONSUMER2, this.consumerPosition + alignUp(size + HEADER_BYTES, 8));
  }
};
var USER_RINGBUF = {
  id: 31,
  name: 'user_ringbuf',
  since: '6.1',
  check: checkRingbuf,
  create: (attrs, host) => new UserRingbufMap(attrs, host),
};

// core/maps/index.ts
var MAP_TYPES = [
  HASH,
  ARRAY,
  PROG_ARRAY,
  PERF_EVENT_ARRAY,
  PERCPU_HASH,
  PERCPU_ARRAY,
  STACK_TRACE,
  CGROUP_ARRAY,
  LRU_HASH,
  LRU_PERCPU_HASH,
  LPM_TRIE,
  ARRAY_OF_MAPS,
  HASH_OF_MAPS,
  DEVMAP,
  SOCKMAP,
  CPUMAP,
  XSKMAP,
  SOCKHASH,
  CGROUP_STORAGE,
  REUSEPORT_SOCKARRAY,
  PERCPU_CGROUP_STORAGE,
  QUEUE,
  STACK,
  SK_STORAGE,
  DEVMAP_HASH,
  STRUCT_OPS,
  RINGBUF,
  INODE_STORAGE,
  TASK_STORAGE,
  BLOOM_FILTER,
  USER_RINGBUF,
  CGRP_STORAGE,
  ARENA,
];
var byName = new Map(MAP_TYPES.map((row2) => [row2.name, row2]));
var byId = new Map(MAP_TYPES.map((row2) => [row2.id, row2]));
function mapTypeByName(name) {
  return byName.get(name) ?? byName.get(name.toLowerCase().replace(/^bpf_map_type_/, ''));
}
function nearestMapTypes(name) {
  return nearestNames(name, byName.keys());
}
function checkMap(attrs) {
  const row2 = mapTypeByName(attrs.type);
  if (!row2) {
    const near = nearestMapTypes(attrs.type);
    return `EINVAL: there is no map type '${attrs.type}'${near.length > 0 ? ` (near: ${near.join(', ')})` : ''}`;
  }
  return row2.check(attrs);
}
function createMap(attrs, host) {
  const refusal = checkMap(attrs);
  if (refusal !== void 0) {
    const colon = refusal.indexOf(':');
    throw new BpfError(
      refusal.slice(0, colon),
      `map ${attrs.name}: ${refusal.slice(colon + 2)} (${refusal.slice(0, colon)})`,
    );
  }
  const row2 = mapTypeByName(attrs.type);
  if (!row2.create) throw new Unsupported(`map type ${row2.name} (map ${attrs.name})`, { since: row2.since });
  return row2.create(attrs, host);
}

// core/helpers/cgroup.ts
var CGROUP_HELPERS = [
  {
    id: 101,
    name: 'sysctl_get_name',
    args: ['ctx', 'mem_write', 'const_size', 'anything'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 102,
    name: 'sysctl_get_current_value',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 103,
    name: 'sysctl_get_new_value',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 104,
    name: 'sysctl_set_new_value',
    args: ['ctx', 'mem', 'const_size'],
    ret: 'integer',
    since: '5.2',
    progTypes: ['cgroup_sysctl'],
  },
  {
    id: 186,
    name: 'get_retval',
    args: [],
    ret: 'integer',
    since: '5.18',
    progTypes: [
      'cgroup_device',
      'cgroup_sysctl',
      'cgroup_sock',
      'cgroup_sockopt',
      'cgroup_sock_addr:cgroup_inet4_bind',
      'cgroup_sock_addr:cgroup_inet6_bind',
      'cgroup_sock_addr:cgroup_inet4_connect',
      'cgroup_sock_addr:cgroup_inet6_connect',
      'cgroup_sock_addr:cgroup_unix_connect',
      'cgroup_sock_addr:cgroup_udp4_sendmsg',
      'cgroup_sock_addr:cgroup_udp6_sendmsg',
      'cgroup_sock_addr:cgroup_unix_sendmsg',
      'lsm:lsm_cgroup',
    ],
  },
  {
    id: 187,
    name: 'set_retval',
    args: ['anything'],
    ret: 'integer',
    since: '5.18',
    progTypes: [
      'cgroup_sock',
      'cgroup_sockopt',
      'cgroup_sock_addr:cgroup_inet4_bind',
      'cgroup_sock_addr:cgroup_inet6_bind',
      'cgroup_sock_addr:cgroup_inet4_connect',
      'cgroup_sock_addr:cgroup_inet6_connect',
      'cgroup_sock_addr:cgroup_unix_connect',
      'cgroup_sock_addr:cgroup_udp4_sendmsg',
      'cgroup_sock_addr:cgroup_udp6_sendmsg',
      'cgroup_sock_addr:cgroup_unix_sendmsg',
      'lsm:lsm_cgroup',
    ],
  },
];

// core/helpers/checksum.ts
function csumAdd(a, b) {
  const sum2 = (a >>> 0) + (b >>> 0);
  return (sum2 > 4294967295 ? sum2 + 1 : sum2) >>> 0;
}
function csumSub(a, b) {
  return csumAdd(a, ~b);
}
function csumFold16(sum2) {
  const folded = (sum2 >>> 16) + (sum2 & 65535);
  return (folded + (folded >>> 16)) & 65535;
}
function csumFold(sum2) {
  return ~csumFold16(sum2) & 65535;
}
function csumPartial(view, at, size, seed) {
  let sum2 = seed >>> 0;
  for (let i = 0; i < size; i += 4) sum2 = csumAdd(sum2, view.getUint32(at + i, true));
  return sum2;
}
function csumReplace(field2, from, to) {
  return csumFold(csumAdd(csumSub(~field2 & 65535, from), to));
}
function csumReplaceByDiff(field2, difference) {
  return csumFold(csumAdd(difference, ~field2 & 65535));
}

// core/helpers/packet.ts
function packetOf(env, helper) {
  if (!env.packet) throw new Unsupported(`helper \`${helper}\` without a packet`);
  return env.packet;
}
function packetLength(packet) {
  return packet.end - packet.data;
}
function inPacket(packet, offset, size) {
  return offset <= 2147483647 && offset + size <= packetLength(packet) ? packet.data + offset : 0;
}

// core/helpers/registers.ts
function u32(r, n) {
  return r[2 * n] >>> 0;
}
function u642(r, n) {
  return (r[2 * n + 1] >>> 0) * 4294967296 + (r[2 * n] >>> 0);
}
function isNull(r, n) {
  return r[2 * n] === 0 && r[2 * n + 1] === 0;
}
function returnNumber(r, value) {
  r[0] = value | 0;
  r[1] = Math.floor(value / 4294967296) | 0;
}
function returnHalves(r, lo, hi) {
  r[0] = lo;
  r[1] = hi;
}
function returnPointer(r, offset) {
  r[0] = offset;
  r[1] = offset === 0 ? 0 : KERNEL_HI;
}

// core/helpers/csum.ts
var FIELD_MASK = 15;
var PSEUDO_HEADER = 16;
var MARK_MANGLED_0 = 32;
var MARK_ENFORCE = 64;
var IPV6 = 128;
var L4_FLAGS = FIELD_MASK | PSEUDO_HEADER | MARK_MANGLED_0 | MARK_ENFORCE | IPV6;
function replace(field2, size, from, to) {
  if (size === 0) return from === 0 ? csumReplaceByDiff(field2, to) : void 0;
  if (size === 2) return csumReplace(field2, from & 65535, to & 65535);
  return size === 4 ? csumReplace(field2, from >>> 0, to >>> 0) : void 0;
}
function csumReplaceAt(name, allowed2) {
  return (env, r) => {
    const packet = packetOf(env, name);
    const offset = u32(r, 2);
    const flags = u642(r, 5);
    if (flags > allowed2 || (flags & ~allowed2) !== 0) return returnNumber(r, EINVAL);
    const at = offset > 65535 || (offset & 1) !== 0 ? 0 : inPacket(packet, offset, 2);
    if (at === 0) return returnNumber(r, EFAULT);
    const { view } = env.memory;
    const field2 = view.getUint16(at, true);
    const udp = (flags & MARK_MANGLED_0) !== 0;
    if (udp && (flags & MARK_ENFORCE) === 0 && field2 === 0) return returnNumber(r, 0);
    const next2 = replace(field2, flags & FIELD_MASK, u642(r, 3), u642(r, 4));
    if (next2 === void 0) return returnNumber(r, EINVAL);
    view.setUint16(at, udp && next2 === 0 ? 65535 : next2, true);
    returnNumber(r, 0);
  };
}
function csumDiff(env, r) {
  const [from, fromSize, to, toSize] = [u32(r, 1), u32(r, 2), u32(r, 3), u32(r, 4)];
  const seed = u32(r, 5);
  if (((fromSize | toSize) & 3) !== 0) return returnNumber(r, EINVAL);
  const { view } = env.memory;
  let sum2 = seed;
  if (toSize === 0) {
    if (fromSize > 0) sum2 = ~csumPartial(view, from, fromSize, ~seed);
  } else {
    sum2 = csumPartial(view, to, toSize, seed);
    if (fromSize > 0) sum2 = csumSub(sum2, csumPartial(view, from, fromSize, 0));
  }
  returnNumber(r, csumFold16(sum2));
}
var CSUM_HELPERS = [
  {
    id: 10,
    name: 'l3_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: csumReplaceAt('l3_csum_replace', FIELD_MASK),
  },
  {
    id: 11,
    name: 'l4_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: csumReplaceAt('l4_csum_replace', L4_FLAGS),
  },
  {
    id: 28,
    name: 'csum_diff',
    args: ['mem_or_null', 'const_size_or_zero', 'mem_or_null', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '4.6',
    progTypes: ['lwt', 'tc', 'xdp'],
    pktAccess: true,
    run: csumDiff,
  },
  {
    id: 40,
    name: 'csum_update',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: (_env, r) => returnNumber(r, ENOTSUPP),
  },
  {
    id: 135,
    name: 'csum_level',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '5.7',
    progTypes: ['tc', 'lwt_xmit'],
  },
];

// core/helpers/dynptr-layout.ts
var DYNPTR_SIZE = 16;
var DYNPTR_LOCAL = 1;
var DYNPTR_RINGBUF = 2;
var SIZE_MASK = 16777215;
var READ_ONLY = 1 << 31;
function checkDynptrSize(size) {
  return size > SIZE_MASK ? E2BIG : 0;
}
function readDynptr(memory, at) {
  const { view } = memory;
  const word2 = view.getInt32(at + 8, true);
  return {
    data: view.getUint32(at, true),
    size: word2 & SIZE_MASK,
    type: (word2 & ~READ_ONLY) >>> 28,
    readOnly: (word2 & READ_ONLY) !== 0,
    offset: view.getUint32(at + 12, true),
  };
}
function writeDynptr(memory, at, type, data2, size) {
  const { view } = memory;
  view.setUint32(at, data2, true);
  view.setInt32(at + 4, data2 === 0 ? 0 : KERNEL_HI, true);
  view.setUint32(at + 8, (data2 === 0 ? 0 : size | (type << 28)) >>> 0, true);
  view.setUint32(at + 12, 0, true);
}
function dynptrRange(pointer, offset, length) {
  if (length > pointer.size || offset > pointer.size - length) return E2BIG;
  return pointer.data + pointer.offset + offset;
}

// core/helpers/dynptr.ts
function fromMem(env, r) {
  const size = u32(r, 2);
  const to = u32(r, 4);
  const bad2 = checkDynptrSize(size) || (u642(r, 3) !== 0 ? EINVAL : 0);
  writeDynptr(env.memory, to, DYNPTR_LOCAL, bad2 === 0 ? u32(r, 1) : 0, size);
  returnNumber(r, bad2);
}
function read(env, r) {
  const pointer = readDynptr(env.memory, u32(r, 3));
  if (pointer.data === 0 || u642(r, 5) !== 0) return returnNumber(r, EINVAL);
  const length = u32(r, 2);
  const from = dynptrRange(pointer, u32(r, 4), length);
  if (from < 0) return returnNumber(r, from);
  env.memory.u8.copyWithin(u32(r, 1), from, from + length);
  returnNumber(r, 0);
}
function write(env, r) {
  const pointer = readDynptr(env.memory, u32(r, 1));
  if (pointer.data === 0 || pointer.readOnly || u642(r, 5) !== 0) return returnNumber(r, EINVAL);
  const length = u32(r, 4);
  const to = dynptrRange(pointer, u32(r, 2), length);
  if (to < 0) return returnNumber(r, to);
  const from = u32(r, 3);
  env.memory.u8.copyWithin(to, from, from + length);
  returnNumber(r, 0);
}
function data(env, r) {
  const pointer = readDynptr(env.memory, u32(r, 1));
  const at = pointer.data === 0 || pointer.readOnly ? 0 : dynptrRange(pointer, u32(r, 2), u32(r, 3));
  returnPointer(r, Math.max(at, 0));
}
var DYNPTR_HELPERS = [
  {
    id: 197,
    name: 'dynptr_from_mem',
    args: ['uninit_mem', 'const_size_or_zero', 'anything', 'uninit_dynptr'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: fromMem,
  },
  {
    id: 201,
    name: 'dynptr_read',
    args: ['uninit_mem', 'const_size_or_zero', 'dynptr', 'anything', 'anything'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: read,
  },
  {
    id: 202,
    name: 'dynptr_write',
    args: ['dynptr', 'anything', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: write,
  },
  {
    id: 203,
    name: 'dynptr_data',
    args: ['dynptr', 'anything', 'const_alloc_size_or_zero'],
    ret: 'dynptr_mem_or_null',
    since: '5.19',
    progTypes: 'all',
    run: data,
  },
];

// core/helpers/lirc.ts
var LIRC_HELPERS = [
  { id: 77, name: 'rc_repeat', args: ['ctx'], ret: 'integer', gplOnly: true, since: '4.18', progTypes: ['lirc_mode2'] },
  {
    id: 78,
    name: 'rc_keydown',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: ['lirc_mode2'],
  },
  {
    id: 92,
    name: 'rc_pointer_rel',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.0',
    progTypes: ['lirc_mode2'],
  },
];

// core/helpers/lwt.ts
var LWT_HELPERS = [
  {
    id: 73,
    name: 'lwt_push_encap',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_in', 'lwt_xmit'],
    changesPacket: true,
  },
  {
    id: 74,
    name: 'lwt_seg6_store_bytes',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_seg6local'],
    changesPacket: true,
  },
  {
    id: 75,
    name: 'lwt_seg6_adjust_srh',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_seg6local'],
    changesPacket: true,
  },
  {
    id: 76,
    name: 'lwt_seg6_action',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['lwt_seg6local'],
    changesPacket: true,
  },
];

// core/helpers/callback.ts
function callBack(env, functionAt, args) {
  if (!env.callback) throw new Unsupported('calling back into the program', { hint: 'this engine has no callbacks' });
  return env.callback(functionAt, args);
}

// core/helpers/map.ts
function mapArgument(env, r, n = 1) {
  const map = env.mapAt(u32(r, n));
  if (!map) throw new BpfError('EINVAL', `argument ${n} is not a map`);
  return map;
}
function forEachMapElem(env, r) {
  const map = mapArgument(env, r);
  if (u642(r, 4) !== 0 || !map.forEachElement) return returnNumber(r, EINVAL);
  const mapLo = r[2];
  const functionAt = r[4];
  const [contextLo, contextHi] = [r[6], r[7]];
  const args = new Int32Array(10);
  const visited = map.forEachElement((key2, value) => {
    args.set([mapLo, KERNEL_HI, key2, KERNEL_HI, value, KERNEL_HI, contextLo, contextHi, 0, 0]);
    return callBack(env, functionAt, args) === 0;
  });
  returnNumber(r, visited);
}
var MAP_HELPERS = [
  {
    id: 1,
    name: 'map_lookup_elem',
    args: ['const_map_ptr', 'map_key'],
    ret: 'map_value_or_null',
    since: '3.19',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env, r) => returnPointer(r, mapArgument(env, r).lookupOffset(u32(r, 2))),
  },
  {
    id: 2,
    name: 'map_update_elem',
    args: ['const_map_ptr', 'map_key', 'map_value', 'anything'],
    ret: 'integer',
    since: '3.19',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env, r) => returnNumber(r, mapArgument(env, r).updateOffset(u32(r, 2), u32(r, 3), u642(r, 4))),
  },
  {
    id: 3,
    name: 'map_delete_elem',
    args: ['const_map_ptr', 'map_key'],
    ret: 'integer',
    since: '3.19',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env, r) => returnNumber(r, mapArgument(env, r).deleteOffset(u32(r, 2))),
  },
  {
    id: 12,
    name: 'tail_call',
    args: ['ctx', 'const_map_ptr', 'anything'],
    ret: 'void',
    since: '4.2',
    changesPacket: true,
    progTypes: ['all', 'lirc_mode2'],
  },
  {
    id: 87,
    name: 'map_push_elem',
    args: ['const_map_ptr', 'map_value', 'anything'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['all', 'lirc_mode2'],
    pktAccess: true,
    run: (env, r) => returnNumber(r, mapArgument(env, r).pushOffset?.(u32(r, 2), u642(r, 3)) ?? EOPNOTSUPP),
  },
  {
    id: 88,
    name: 'map_pop_elem',
    args: ['const_map_ptr', 'uninit_map_value'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['all', 'lirc_mode2'],
    run: (env, r) => returnNumber(r, mapArgument(env, r).popOffset?.(u32(r, 2)) ?? EOPNOTSUPP),
  },
  {
    id: 89,
    name: 'map_peek_elem',
    args: ['const_map_ptr', 'uninit_map_value'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['all', 'lirc_mode2'],
    run: (env, r) => returnNumber(r, mapArgument(env, r).peekOffset?.(u32(r, 2)) ?? EOPNOTSUPP),
  },
  {
    id: 164,
    name: 'for_each_map_elem',
    args: ['const_map_ptr', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '5.13',
    progTypes: 'all',
    run: forEachMapElem,
  },
  {
    id: 195,
    name: 'map_lookup_percpu_elem',
    args: ['const_map_ptr', 'map_key', 'anything'],
    ret: 'map_value_or_null',
    since: '5.19',
    progTypes: 'all',
    pktAccess: true,
    run: (env, r) => returnPointer(r, mapArgument(env, r).lookupCpuOffset?.(u32(r, 2), u32(r, 3)) ?? 0),
  },
];

// core/helpers/perf.ts
var CTXLEN_MAX = 1048575;
function perfEventOutput(env, r) {
  const map = mapArgument(env, r, 2);
  const packetBytes = r[7] >>> 0;
  if (!(map instanceof PerfEventArrayMap)) return returnNumber(r, EINVAL);
  const { packet } = env;
  if (packetBytes > (packet ? CTXLEN_MAX : 0)) return returnNumber(r, EINVAL);
  if (packet && packetBytes > packetLength(packet)) return returnNumber(r, EFAULT);
  returnNumber(r, map.output(u32(r, 3), u32(r, 4), u32(r, 5), packet?.data ?? 0, packetBytes));
}
function counterOf(env, r) {
  const map = mapArgument(env, r);
  if (r[5] !== 0 || !(map instanceof PerfEventArrayMap)) return EINVAL;
  return map.counter(u32(r, 2));
}
function perfEventRead(env, r) {
  const counter = counterOf(env, r);
  if (typeof counter === 'number') return returnNumber(r, counter);
  const [lo, hi] = counter.read().value;
  returnHalves(r, lo, hi);
}
function storeCounter(env, r, counter, to, size) {
  const { u8, view } = env.memory;
  const error = size !== 24 ? EINVAL : typeof counter === 'number' ? counter : 0;
  if (error !== 0 || typeof counter === 'number') {
    u8.fill(0, to, to + size);
  } else {
    const { value, enabled, running } = counter.read();
    [value, enabled, running].forEach(([lo, hi], i) => {
      view.setInt32(to + 8 * i, lo, true);
      view.setInt32(to + 8 * i + 4, hi, true);
    });
  }
  returnNumber(r, error);
}
var PERF_HELPERS = [
  {
    id: 22,
    name: 'perf_event_read',
    args: ['const_map_ptr', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.3',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: perfEventRead,
  },
  {
    id: 25,
    name: 'perf_event_output',
    args: ['ctx', 'const_map_ptr', 'anything', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '4.4',
    progTypes: ['all_tracing', 'socket', 'cgroup_device', 'cgroup_sock', 'cgroup_sockopt', 'cgroup_sysctl'],
    run: perfEventOutput,
  },
  {
    id: 55,
    name: 'perf_event_read_value',
    args: ['const_map_ptr', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.15',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: (env, r) => storeCounter(env, r, counterOf(env, r), u32(r, 3), u32(r, 4)),
  },
  {
    id: 56,
    name: 'perf_prog_read_value',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.15',
    progTypes: ['perf_event'],
    run: (env, r) => storeCounter(env, r, env.programCounter?.() ?? EOPNOTSUPP, u32(r, 2), u32(r, 3)),
  },
  {
    id: 111,
    name: 'skb_output',
    args: ['btf_id', 'const_map_ptr', 'anything', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'sk_buff' },
  },
  {
    id: 119,
    name: 'read_branch_records',
    args: ['ctx', 'mem_write_or_null', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.6',
    progTypes: ['perf_event'],
    run: (_env, r) => returnNumber(r, u642(r, 4) > 1 ? EINVAL : ENOENT),
  },
  {
    id: 121,
    name: 'xdp_output',
    args: ['btf_id', 'const_map_ptr', 'anything', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.6',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'xdp_buff' },
  },
  {
    id: 176,
    name: 'get_branch_snapshot',
    args: ['uninit_mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.16',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: (_env, r) => returnNumber(r, u642(r, 3) !== 0 ? EINVAL : ENOENT),
  },
];

// core/helpers/probe-read.ts
function probeRead(space) {
  return (env, r) => {
    const to = u32(r, 1);
    const size = u32(r, 2);
    const result2 = size === 0 ? 0 : env.read(space, r[6], r[7], size, to);
    if (result2 < 0) env.memory.u8.fill(0, to, to + size);
    returnNumber(r, Math.min(result2, 0));
  };
}
function probeReadString(space) {
  return (env, r) => {
    const to = u32(r, 1);
    const size = u32(r, 2);
    if (size === 0) return returnNumber(r, 0);
    const result2 = env.readString(space, r[6], r[7], size, to);
    const { u8 } = env.memory;
    if (result2 < 0) u8.fill(0, to, to + size);
    else if (result2 >= size) u8[to + size - 1] = 0;
    returnNumber(r, Math.min(result2, size));
  };
}
var PROBE_READ_HELPERS = [
  {
    id: 4,
    name: 'probe_read',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '4.1',
    progTypes: 'tracing',
    run: probeRead('any'),
  },
  {
    id: 36,
    name: 'probe_write_user',
    args: ['unsafe_ptr', 'mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.8',
    progTypes: 'tracing',
    run: (env, r) => returnNumber(r, env.writeUser?.(r[2], r[3], u32(r, 2), u32(r, 3)) ?? EPERM),
  },
  {
    id: 45,
    name: 'probe_read_str',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '4.11',
    progTypes: 'tracing',
    run: probeReadString('any'),
  },
  {
    id: 112,
    name: 'probe_read_user',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeRead('user'),
  },
  {
    id: 113,
    name: 'probe_read_kernel',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeRead('kernel'),
  },
  {
    id: 114,
    name: 'probe_read_user_str',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeReadString('user'),
  },
  {
    id: 115,
    name: 'probe_read_kernel_str',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    gplOnly: true,
    since: '5.5',
    progTypes: 'all',
    run: probeReadString('kernel'),
  },
  {
    id: 148,
    name: 'copy_from_user',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr'],
    ret: 'integer',
    since: '5.10',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    mightSleep: true,
    run: probeRead('user'),
  },
  {
    id: 191,
    name: 'copy_from_user_task',
    args: ['uninit_mem', 'const_size_or_zero', 'unsafe_ptr', 'btf_id', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.18',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 4: 'task_struct' },
    mightSleep: true,
    run: (env, r) => {
      const to = u32(r, 1);
      const size = u32(r, 2);
      if (u642(r, 5) !== 0) return returnNumber(r, EINVAL);
      const result2 = size === 0 ? 0 : (env.readTask?.(u32(r, 4), r[6], r[7], size, to) ?? EFAULT);
      if (result2 < 0) env.memory.u8.fill(0, to, to + size);
      returnNumber(r, result2);
    },
  },
];

// core/helpers/prog-sets.ts
var ALL = [
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
];
var PROG_SETS = {
  all: ALL,
  all_tracing: [
    'kprobe',
    'tracepoint',
    'perf_event',
    'raw_tracepoint',
    'raw_tracepoint_writable',
    'tracing',
    'lsm',
    'syscall',
  ],
  /** bpf_sk_base_func_proto's callers that may look at sockets and send perf events. */
  socket: [
    'socket_filter',
    'sched_cls',
    'sched_act',
    'xdp',
    'cgroup_skb',
    'cgroup_sock_addr',
    'lwt_in',
    'lwt_out',
    'lwt_xmit',
    'lwt_seg6local',
    'sk_lookup',
    'sk_msg',
    'sk_skb',
    'sock_ops',
    'lsm',
    'syscall',
    'tracing',
  ],
  tc: ['sched_cls', 'sched_act'],
  lwt: ['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'],
};
function expandProgTypes(names2) {
  const out = /* @__PURE__ */ new Set();
  for (const name of typeof names2 === 'string' ? [names2 === 'tracing' ? 'all_tracing' : names2] : names2) {
    const set2 = PROG_SETS[name];
    if (set2) for (const type of set2) out.add(type);
    else out.add(name);
  }
  return [...out];
}

// core/helpers/ringbuf.ts
var WAKEUP_FLAGS = 3;
var DRAIN_MAX = 128 * 1024;
var RECORD_MAX = 1073741823;
function ringbuf(env, r) {
  const map = mapArgument(env, r);
  if (!(map instanceof RingbufMap)) throw new BpfError('EINVAL', `map ${map.attrs.name} is not a ring buffer`);
  return map;
}
function reserve(map, size) {
  return size > RECORD_MAX ? 0 : map.reserve(size);
}
function output(env, r) {
  const map = ringbuf(env, r);
  if (u642(r, 4) > WAKEUP_FLAGS) return returnNumber(r, EINVAL);
  returnNumber(r, map.output(u32(r, 2), u32(r, 3), u32(r, 4)));
}
function commit(env, sample2, flags, discard) {
  const map = env.mapAt(ringbufHeaderOf(env.memory, sample2));
  if (!(map instanceof RingbufMap)) throw new BpfError('EINVAL', 'not a reserved ring buffer record');
  map.commit(sample2, flags, discard);
}
function reserveDynptr(env, r) {
  const size = u32(r, 2);
  const bad2 = u642(r, 3) !== 0 ? EINVAL : checkDynptrSize(size);
  const sample2 = bad2 === 0 ? reserve(ringbuf(env, r), size) : 0;
  writeDynptr(env.memory, u32(r, 4), DYNPTR_RINGBUF, sample2, size);
  returnNumber(r, bad2 !== 0 ? bad2 : sample2 === 0 ? EINVAL : 0);
}
function commitDynptr(discard) {
  return (env, r) => {
    const at = u32(r, 1);
    const { data: data2 } = readDynptr(env.memory, at);
    if (data2 !== 0) commit(env, data2, u32(r, 2), discard);
    writeDynptr(env.memory, at, DYNPTR_RINGBUF, 0, 0);
    returnNumber(r, 0);
  };
}
var dynptrScratch = /* @__PURE__ */ new WeakMap();
function drain(env, r) {
  const map = mapArgument(env, r);
  if (!(map instanceof UserRingbufMap) || u642(r, 4) > WAKEUP_FLAGS) return returnNumber(r, EINVAL);
  const functionAt = r[4];
  const [contextLo, contextHi] = [r[6], r[7]];
  const { memory } = env;
  const dynptr2 = dynptrScratch.get(memory) ?? memory.alloc(DYNPTR_SIZE);
  dynptrScratch.set(memory, dynptr2);
  const args = new Int32Array(10);
  let samples = 0;
  for (let stop = 0; samples < DRAIN_MAX && stop === 0; samples++) {
    const sample2 = map.peek();
    if (sample2 === ENODATA) break;
    if (typeof sample2 === 'number') return returnNumber(r, sample2);
    writeDynptr(memory, dynptr2, DYNPTR_LOCAL, sample2.offset, sample2.size);
    args.set([dynptr2, KERNEL_HI, contextLo, contextHi, 0, 0, 0, 0, 0, 0]);
    stop = callBack(env, functionAt, args);
    map.release(sample2.size);
  }
  returnNumber(r, samples);
}
var RINGBUF_HELPERS = [
  {
    id: 130,
    name: 'ringbuf_output',
    args: ['const_map_ptr', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.8',
    progTypes: 'all',
    run: output,
  },
  {
    id: 131,
    name: 'ringbuf_reserve',
    args: ['const_map_ptr', 'const_alloc_size_or_zero', 'anything'],
    ret: 'alloc_mem_or_null',
    since: '5.8',
    progTypes: 'all',
    acquires: true,
    run: (env, r) => returnPointer(r, u642(r, 3) !== 0 || r[5] !== 0 ? 0 : reserve(ringbuf(env, r), u32(r, 2))),
  },
  {
    id: 132,
    name: 'ringbuf_submit',
    args: ['alloc_mem', 'anything'],
    ret: 'void',
    since: '5.8',
    progTypes: 'all',
    releases: 1,
    run: (env, r) => commit(env, u32(r, 1), u32(r, 2), false),
  },
  {
    id: 133,
    name: 'ringbuf_discard',
    args: ['alloc_mem', 'anything'],
    ret: 'void',
    since: '5.8',
    progTypes: 'all',
    releases: 1,
    run: (env, r) => commit(env, u32(r, 1), u32(r, 2), true),
  },
  {
    id: 134,
    name: 'ringbuf_query',
    args: ['const_map_ptr', 'anything'],
    ret: 'integer',
    since: '5.8',
    progTypes: 'all',
    run: (env, r) => returnNumber(r, r[5] === 0 ? ringbuf(env, r).query(u32(r, 2)) : 0),
  },
  {
    id: 198,
    name: 'ringbuf_reserve_dynptr',
    args: ['const_map_ptr', 'anything', 'anything', 'uninit_dynptr'],
    ret: 'integer',
    since: '5.19',
    progTypes: 'all',
    run: reserveDynptr,
  },
  {
    id: 199,
    name: 'ringbuf_submit_dynptr',
    args: ['dynptr', 'anything'],
    ret: 'void',
    since: '5.19',
    progTypes: 'all',
    releases: 1,
    run: commitDynptr(false),
  },
  {
    id: 200,
    name: 'ringbuf_discard_dynptr',
    args: ['dynptr', 'anything'],
    ret: 'void',
    since: '5.19',
    progTypes: 'all',
    releases: 1,
    run: commitDynptr(true),
  },
  {
    id: 209,
    name: 'user_ringbuf_drain',
    args: ['const_map_ptr', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '6.1',
    progTypes: 'all',
    run: drain,
  },
];

// core/helpers/skb.ts
var STORE_FLAGS = 3;
var INGRESS = 1;
var TC_ACT_SHOT = 2;
var TC_ACT_REDIRECT = 7;
var XDP_ABORTED = 0;
var XDP_REDIRECT = 4;
var SKB_MAX = 16384;
function loadBytes(env, r) {
  const to = u32(r, 3);
  const size = u32(r, 4);
  const from = inPacket(packetOf(env, 'skb_load_bytes'), u32(r, 2), size);
  if (from === 0) env.memory.u8.fill(0, to, to + size);
  else env.memory.u8.copyWithin(to, from, from + size);
  returnNumber(r, from === 0 ? EFAULT : 0);
}
function loadBytesRelative(env, r) {
  const packet = packetOf(env, 'skb_load_bytes_relative');
  const [offset, to, size, header] = [u32(r, 2), u32(r, 3), u32(r, 4), u32(r, 5)];
  const base = header === 0 ? packet.macOffset : header === 1 ? packet.networkOffset : void 0;
  const from = packet.data + (base ?? 0) + offset;
  const inside = base !== void 0 && offset <= 65535 && from + size <= packet.end;
  if (inside) env.memory.u8.copyWithin(to, from, from + size);
  else env.memory.u8.fill(0, to, to + size);
  returnNumber(r, inside ? 0 : EFAULT);
}
function storeBytes(env, r) {
  const [offset, from, size] = [u32(r, 2), u32(r, 3), u32(r, 4)];
  if (u642(r, 5) > STORE_FLAGS) return returnNumber(r, EINVAL);
  const to = inPacket(packetOf(env, 'skb_store_bytes'), offset, size);
  if (to !== 0) env.memory.u8.copyWithin(to, from, from + size);
  returnNumber(r, to === 0 ? EFAULT : 0);
}
function pullData(env, r) {
  const packet = packetOf(env, 'skb_pull_data');
  const ok = u32(r, 2) <= packetLength(packet);
  if (ok) packet.moved();
  returnNumber(r, ok ? 0 : ENOMEM);
}
function changeTail(env, r) {
  const packet = packetOf(env, 'skb_change_tail');
  const length = u32(r, 2);
  if (u642(r, 3) !== 0 || length > SKB_MAX || length < (packet.networkOffset ?? 0)) return returnNumber(r, EINVAL);
  const end = packet.data + length;
  if (end > packet.limit) return returnNumber(r, ENOMEM);
  if (end > packet.end) env.memory.u8.fill(0, packet.end, end);
  packet.end = end;
  packet.moved();
  returnNumber(r, 0);
}
function changeHead(env, r) {
  const packet = packetOf(env, 'skb_change_head');
  const room = u32(r, 2);
  if (u642(r, 3) !== 0 || packetLength(packet) + room > SKB_MAX) return returnNumber(r, EINVAL);
  const data2 = packet.data - room;
  if (data2 < packet.head) return returnNumber(r, ENOMEM);
  env.memory.u8.fill(0, data2, packet.data);
  packet.data = packet.meta = data2;
  packet.moved();
  returnNumber(r, 0);
}
function send(env, helper, request) {
  if (!env.redirect) throw new Unsupported(`helper \`${helper}\` without network devices`);
  return env.redirect(request);
}
function cloneRedirect(env, r) {
  const flags = u642(r, 3);
  if ((flags & ~INGRESS) !== 0 || flags > INGRESS) return returnNumber(r, EINVAL);
  returnNumber(r, send(env, 'clone_redirect', { ifindex: u32(r, 2), flags, clone: true }));
}
function redirect(env, r) {
  const flags = u642(r, 2);
  const xdp = env.packet?.kind === 'xdp';
  if (xdp ? flags !== 0 : flags > INGRESS) return returnNumber(r, xdp ? XDP_ABORTED : TC_ACT_SHOT);
  send(env, 'redirect', { ifindex: u32(r, 1), flags, clone: false });
  returnNumber(r, xdp ? XDP_REDIRECT : TC_ACT_REDIRECT);
}
function redirectPeer(env, r) {
  if (u642(r, 2) !== 0) return returnNumber(r, TC_ACT_SHOT);
  send(env, 'redirect_peer', { ifindex: u32(r, 1), flags: 0, clone: false, how: 'peer' });
  returnNumber(r, TC_ACT_REDIRECT);
}
var SKB_HELPERS = [
  {
    id: 9,
    name: 'skb_store_bytes',
    args: ['ctx', 'anything', 'mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.1',
    progTypes: ['tc', 'lwt_xmit', 'sk_skb'],
    changesPacket: true,
    run: storeBytes,
  },
  {
    id: 13,
    name: 'clone_redirect',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.2',
    progTypes: ['tc', 'lwt_xmit'],
    changesPacket: true,
    run: cloneRedirect,
  },
  {
    id: 18,
    name: 'skb_vlan_push',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.3',
    progTypes: ['tc'],
    changesPacket: true,
  },
  { id: 19, name: 'skb_vlan_pop', args: ['ctx'], ret: 'integer', since: '4.3', progTypes: ['tc'], changesPacket: true },
  {
    id: 20,
    name: 'skb_get_tunnel_key',
    args: ['ctx', 'uninit_mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.3',
    progTypes: ['tc', 'lwt_xmit'],
  },
  {
    id: 21,
    name: 'skb_set_tunnel_key',
    args: ['ctx', 'mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.3',
    progTypes: ['tc', 'lwt_xmit'],
  },
  {
    id: 23,
    name: 'redirect',
    args: ['anything', 'anything'],
    ret: 'integer',
    since: '4.4',
    progTypes: ['tc', 'lwt_xmit', 'xdp'],
    run: redirect,
  },
  { id: 24, name: 'get_route_realm', args: ['ctx'], ret: 'integer', since: '4.4', progTypes: ['lwt', 'tc'] },
  {
    id: 26,
    name: 'skb_load_bytes',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.5',
    progTypes: ['lwt', 'tc', 'cgroup_skb', 'flow_dissector', 'sk_reuseport', 'sk_skb', 'socket_filter'],
    run: loadBytes,
  },
  {
    id: 29,
    name: 'skb_get_tunnel_opt',
    args: ['ctx', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.6',
    progTypes: ['tc', 'lwt_xmit'],
  },
  {
    id: 30,
    name: 'skb_set_tunnel_opt',
    args: ['ctx', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.6',
    progTypes: ['tc', 'lwt_xmit'],
  },
  {
    id: 31,
    name: 'skb_change_proto',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.8',
    progTypes: ['tc'],
    changesPacket: true,
  },
  { id: 32, name: 'skb_change_type', args: ['ctx', 'anything'], ret: 'integer', since: '4.8', progTypes: ['tc'] },
  {
    id: 33,
    name: 'skb_under_cgroup',
    args: ['ctx', 'const_map_ptr', 'anything'],
    ret: 'integer',
    since: '4.8',
    progTypes: ['lwt', 'tc'],
  },
  { id: 34, name: 'get_hash_recalc', args: ['ctx'], ret: 'integer', since: '4.8', progTypes: ['lwt', 'tc'] },
  {
    id: 38,
    name: 'skb_change_tail',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['tc', 'lwt_xmit', 'sk_skb'],
    changesPacket: true,
    run: changeTail,
  },
  {
    id: 39,
    name: 'skb_pull_data',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: ['lwt', 'tc', 'sk_skb'],
    changesPacket: true,
    run: pullData,
  },
  { id: 41, name: 'set_hash_invalid', args: ['ctx'], ret: 'integer', since: '4.9', progTypes: ['tc', 'lwt_xmit'] },
  {
    id: 43,
    name: 'skb_change_head',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '4.10',
    progTypes: ['tc', 'lwt_xmit', 'sk_skb'],
    changesPacket: true,
    run: changeHead,
  },
  { id: 48, name: 'set_hash', args: ['ctx', 'anything'], ret: 'integer', since: '4.13', progTypes: ['tc'] },
  {
    id: 50,
    name: 'skb_adjust_room',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.13',
    progTypes: ['tc', 'sk_skb'],
    changesPacket: true,
  },
  {
    id: 66,
    name: 'skb_get_xfrm_state',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['tc'],
  },
  {
    id: 68,
    name: 'skb_load_bytes_relative',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['tc', 'cgroup_skb', 'sk_reuseport', 'socket_filter'],
    run: loadBytesRelative,
  },
  { id: 79, name: 'skb_cgroup_id', args: ['ctx'], ret: 'integer', since: '4.18', progTypes: ['tc', 'cgroup_skb'] },
  {
    id: 83,
    name: 'skb_ancestor_cgroup_id',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.19',
    progTypes: ['tc', 'cgroup_skb'],
  },
  { id: 97, name: 'skb_ecn_set_ce', args: ['ctx'], ret: 'integer', since: '5.1', progTypes: ['tc', 'cgroup_skb'] },
  { id: 151, name: 'skb_cgroup_classid', args: ['ctx'], ret: 'integer', since: '5.10', progTypes: ['tc'] },
  {
    id: 152,
    name: 'redirect_neigh',
    args: ['anything', 'mem_or_null', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['tc'],
  },
  {
    id: 155,
    name: 'redirect_peer',
    args: ['anything', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['tc'],
    run: redirectPeer,
  },
  {
    id: 163,
    name: 'check_mtu',
    args: ['ctx', 'anything', 'ptr_to_int', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.12',
    progTypes: ['tc', 'xdp'],
  },
  {
    id: 192,
    name: 'skb_set_tstamp',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['tc'],
    changesPacket: true,
  },
];

// core/helpers/socket.ts
var SOCKET_HELPERS = [
  {
    id: 46,
    name: 'get_socket_cookie',
    args: ['ctx'],
    ret: 'integer',
    since: '4.12',
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'lsm',
      'sk_reuseport',
      'sk_skb',
      'sock_ops',
      'socket_filter',
      'syscall',
      'tracing',
    ],
    variants: [{ progTypes: ['lsm', 'sk_reuseport', 'syscall', 'tracing'], args: ['btf_id_sock_common_or_null'] }],
  },
  {
    id: 47,
    name: 'get_socket_uid',
    args: ['ctx'],
    ret: 'integer',
    since: '4.12',
    progTypes: ['tc', 'cgroup_skb', 'sk_skb', 'socket_filter'],
  },
  {
    id: 49,
    name: 'setsockopt',
    args: ['btf_id_sock_common', 'anything', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.13',
    progTypes: ['cgroup_sock_addr', 'cgroup_sockopt:cgroup_setsockopt', 'sock_ops', 'struct_ops', 'lsm:lsm_cgroup'],
    variants: [
      { progTypes: ['cgroup_sock_addr', 'sock_ops'], args: ['ctx', 'anything', 'anything', 'mem', 'const_size'] },
    ],
  },
  {
    id: 57,
    name: 'getsockopt',
    args: ['btf_id_sock_common', 'anything', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.15',
    progTypes: ['cgroup_sock_addr', 'cgroup_sockopt:cgroup_setsockopt', 'sock_ops', 'struct_ops', 'lsm:lsm_cgroup'],
    variants: [
      {
        progTypes: ['cgroup_sock_addr', 'sock_ops'],
        args: ['ctx', 'anything', 'anything', 'uninit_mem', 'const_size'],
      },
    ],
  },
  {
    id: 64,
    name: 'bind',
    args: ['ctx', 'mem', 'const_size'],
    ret: 'integer',
    since: '4.17',
    progTypes: ['cgroup_sock_addr:cgroup_inet4_connect', 'cgroup_sock_addr:cgroup_inet6_connect'],
  },
  {
    id: 82,
    name: 'sk_select_reuseport',
    args: ['ctx', 'const_map_ptr', 'map_key', 'anything'],
    ret: 'integer',
    since: '4.19',
    progTypes: ['sk_reuseport'],
  },
  {
    id: 84,
    name: 'sk_lookup_tcp',
    args: ['ctx', 'mem', 'const_size_or_zero', 'anything', 'anything'],
    ret: 'socket_or_null',
    since: '4.20',
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_skb', 'xdp'],
    acquires: true,
    pktAccess: true,
  },
  {
    id: 85,
    name: 'sk_lookup_udp',
    args: ['ctx', 'mem', 'const_size_or_zero', 'anything', 'anything'],
    ret: 'socket_or_null',
    since: '4.20',
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_skb', 'xdp'],
    acquires: true,
    pktAccess: true,
  },
  {
    id: 86,
    name: 'sk_release',
    args: ['btf_id_sock_common'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_lookup', 'sk_skb', 'xdp'],
    releases: 1,
  },
  {
    id: 95,
    name: 'sk_fullsock',
    args: ['sock_common'],
    ret: 'socket_or_null',
    since: '5.1',
    progTypes: ['tc', 'cgroup_skb'],
  },
  {
    id: 96,
    name: 'tcp_sock',
    args: ['sock_common'],
    ret: 'tcp_sock_or_null',
    since: '5.1',
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sockopt', 'sock_ops'],
  },
  {
    id: 98,
    name: 'get_listener_sock',
    args: ['sock_common'],
    ret: 'socket_or_null',
    since: '5.1',
    progTypes: ['tc', 'cgroup_skb'],
  },
  {
    id: 99,
    name: 'skc_lookup_tcp',
    args: ['ctx', 'mem', 'const_size_or_zero', 'anything', 'anything'],
    ret: 'sock_common_or_null',
    since: '5.2',
    progTypes: ['tc', 'cgroup_skb', 'cgroup_sock_addr', 'sk_skb', 'xdp'],
    acquires: true,
    pktAccess: true,
  },
  {
    id: 122,
    name: 'get_netns_cookie',
    args: ['ctx_or_null'],
    ret: 'integer',
    since: '5.7',
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'sk_msg',
      'sock_ops',
      'socket_filter',
    ],
    before: { kernel: '6.15', progTypes: ['cgroup_sock', 'cgroup_sock_addr', 'cgroup_sockopt', 'sk_msg', 'sock_ops'] },
  },
  {
    id: 124,
    name: 'sk_assign',
    args: ['ctx', 'btf_id_sock_common', 'anything'],
    ret: 'integer',
    since: '5.6',
    progTypes: ['tc', 'sk_lookup'],
    variants: [{ progTypes: ['sk_lookup'], args: ['ctx', 'socket_or_null', 'anything'] }],
  },
  {
    id: 128,
    name: 'sk_cgroup_id',
    args: ['btf_id_sock_common'],
    ret: 'integer',
    since: '5.7',
    progTypes: ['cgroup_skb'],
  },
  {
    id: 129,
    name: 'sk_ancestor_cgroup_id',
    args: ['btf_id_sock_common', 'anything'],
    ret: 'integer',
    since: '5.7',
    progTypes: ['cgroup_skb'],
  },
  {
    id: 136,
    name: 'skc_to_tcp6_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp6_sock',
  },
  {
    id: 137,
    name: 'skc_to_tcp_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp_sock',
  },
  {
    id: 138,
    name: 'skc_to_tcp_timewait_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp_timewait_sock',
  },
  {
    id: 139,
    name: 'skc_to_tcp_request_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'tcp_request_sock',
  },
  {
    id: 140,
    name: 'skc_to_udp6_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.9',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'udp6_sock',
  },
  {
    id: 162,
    name: 'sock_from_file',
    args: ['btf_id'],
    ret: 'btf_id_or_null',
    since: '5.11',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'file' },
    retBtf: 'socket',
  },
  {
    id: 178,
    name: 'skc_to_unix_sock',
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    since: '5.16',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'unix_sock',
  },
  {
    id: 196,
    name: 'skc_to_mptcp_sock',
    args: ['sock_common'],
    ret: 'btf_id_or_null',
    since: '5.19',
    progTypes: ['socket', 'flow_dissector'],
    retBtf: 'mptcp_sock',
  },
];

// core/helpers/sockmap.ts
var SOCKMAP_HELPERS = [
  {
    id: 52,
    name: 'sk_redirect_map',
    args: ['ctx', 'const_map_ptr', 'anything', 'anything'],
    ret: 'integer',
    since: '4.14',
    progTypes: ['sk_skb'],
  },
  {
    id: 53,
    name: 'sock_map_update',
    args: ['ctx', 'const_map_ptr', 'map_key', 'anything'],
    ret: 'integer',
    since: '4.14',
    progTypes: ['sock_ops'],
    pktAccess: true,
  },
  {
    id: 60,
    name: 'msg_redirect_map',
    args: ['ctx', 'const_map_ptr', 'anything', 'anything'],
    ret: 'integer',
    since: '4.17',
    progTypes: ['sk_msg'],
  },
  { id: 61, name: 'msg_apply_bytes', args: ['ctx', 'anything'], ret: 'integer', since: '4.17', progTypes: ['sk_msg'] },
  { id: 62, name: 'msg_cork_bytes', args: ['ctx', 'anything'], ret: 'integer', since: '4.17', progTypes: ['sk_msg'] },
  {
    id: 63,
    name: 'msg_pull_data',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.17',
    progTypes: ['sk_msg'],
    changesPacket: true,
  },
  {
    id: 70,
    name: 'sock_hash_update',
    args: ['ctx', 'const_map_ptr', 'map_key', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['sock_ops'],
    pktAccess: true,
  },
  {
    id: 71,
    name: 'msg_redirect_hash',
    args: ['ctx', 'const_map_ptr', 'map_key', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['sk_msg'],
  },
  {
    id: 72,
    name: 'sk_redirect_hash',
    args: ['ctx', 'const_map_ptr', 'map_key', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['sk_skb'],
  },
  {
    id: 90,
    name: 'msg_push_data',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '4.20',
    progTypes: ['sk_msg'],
    changesPacket: true,
  },
  {
    id: 91,
    name: 'msg_pop_data',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    since: '5.0',
    progTypes: ['sk_msg'],
    changesPacket: true,
  },
];

// core/helpers/stack.ts
var STACKID_FLAGS = STACK_FLAGS.SKIP | STACK_FLAGS.USER | STACK_FLAGS.FAST_CMP | STACK_FLAGS.REUSE;
var STACK_GET_FLAGS = STACK_FLAGS.SKIP | STACK_FLAGS.USER | STACK_FLAGS.BUILD_ID;
function depth(room, flags) {
  return Math.min(room + (flags & STACK_FLAGS.SKIP), STACK_DEPTH_MAX);
}
function walk(env, flags, most, task2) {
  return env.callchain?.((flags & STACK_FLAGS.USER) !== 0 ? 'user' : 'kernel', most, task2);
}
function getStackid(env, r) {
  const map = mapArgument(env, r, 2);
  const flags = u642(r, 3);
  if (flags > STACKID_FLAGS || (flags & ~STACKID_FLAGS) !== 0 || !(map instanceof StackTraceMap)) {
    return returnNumber(r, EINVAL);
  }
  const ips = walk(env, flags, depth(map.depth, flags));
  returnNumber(r, ips ? map.store(ips, flags, env.buildId?.bind(env)) : EFAULT);
}
function getStack(env, r, task2) {
  const to = u32(r, 2);
  const size = u32(r, 3);
  const flags = u642(r, 4);
  const { u8, i32, view } = env.memory;
  const fail = (errno) => {
    u8.fill(0, to, to + size);
    returnNumber(r, errno);
  };
  const buildIds = (flags & STACK_FLAGS.BUILD_ID) !== 0;
  if (flags > 4095 || (flags & ~STACK_GET_FLAGS) !== 0) return fail(EINVAL);
  if (buildIds && (flags & STACK_FLAGS.USER) === 0) return fail(EINVAL);
  const entry2 = buildIds ? BUILD_ID_ENTRY : 8;
  if (size % entry2 !== 0) return fail(EINVAL);
  const ips = walk(env, flags, depth(size / entry2, flags), task2);
  const skip = flags & STACK_FLAGS.SKIP;
  if (!ips || ips.length / 2 < skip) return fail(EFAULT);
  const frames = Math.min(ips.length / 2 - skip, size / entry2);
  const chain = ips.subarray(2 * skip, 2 * (skip + frames));
  if (buildIds) storeBuildIds(view, u8, to, chain, frames, env.buildId?.bind(env));
  else if ((to & 3) === 0) i32.set(chain, to >>> 2);
  else for (let i = 0; i < chain.length; i++) view.setInt32(to + 4 * i, chain[i], true);
  u8.fill(0, to + frames * entry2, to + size);
  returnNumber(r, frames * entry2);
}
var STACK_HELPERS = [
  {
    id: 27,
    name: 'get_stackid',
    args: ['ctx', 'const_map_ptr', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.6',
    progTypes: 'tracing',
    run: getStackid,
  },
  {
    id: 67,
    name: 'get_stack',
    args: ['ctx', 'uninit_mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: 'tracing',
    run: (env, r) => getStack(env, r),
  },
  {
    id: 141,
    name: 'get_task_stack',
    args: ['btf_id', 'uninit_mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    since: '5.9',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 1: 'task_struct' },
    run: (env, r) => getStack(env, r, u32(r, 1)),
  },
];

// core/helpers/storage.ts
var CREATE = 1;
function owner(env, r, kind) {
  if (!env.storageOwner) throw new Unsupported(`${kind} storage outside a kernel`);
  return isNull(r, 2) ? 0 : env.storageOwner(kind, r[4], r[5]);
}
function storageGet(env, r) {
  const map = mapArgument(env, r);
  if (!(map instanceof LocalStorageMap) || u642(r, 4) > CREATE) return returnPointer(r, 0);
  returnPointer(r, map.ownerValue(owner(env, r, map.kind), u642(r, 4) === CREATE, u32(r, 3)));
}
function storageDelete(env, r) {
  const map = mapArgument(env, r);
  if (!(map instanceof LocalStorageMap)) return returnNumber(r, EINVAL);
  const number2 = owner(env, r, map.kind);
  returnNumber(r, number2 === 0 ? EINVAL : map.deleteOwner(number2));
}
var STORAGE_HELPERS = [
  {
    id: 81,
    name: 'get_local_storage',
    args: ['const_map_ptr', 'anything'],
    ret: 'map_value',
    since: '4.19',
    progTypes: [
      'cgroup_device',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'cgroup_sysctl',
      'lsm:lsm_cgroup',
      'sock_ops',
    ],
  },
  {
    id: 107,
    name: 'sk_storage_get',
    args: ['const_map_ptr', 'btf_id_sock_common', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '5.2',
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'lsm',
      'sk_msg',
      'sock_ops',
      'struct_ops',
      'syscall',
      'tracing',
    ],
    variants: [
      {
        progTypes: ['syscall', 'tracing'],
        args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
        argBtf: { 2: 'sock_common' },
      },
      { progTypes: ['cgroup_sock'], args: ['const_map_ptr', 'ctx', 'map_value_or_null', 'anything'] },
    ],
    run: storageGet,
  },
  {
    id: 108,
    name: 'sk_storage_delete',
    args: ['const_map_ptr', 'btf_id_sock_common'],
    ret: 'integer',
    since: '5.2',
    progTypes: [
      'tc',
      'cgroup_skb',
      'cgroup_sock_addr',
      'cgroup_sockopt',
      'lsm',
      'sk_msg',
      'sock_ops',
      'struct_ops',
      'syscall',
      'tracing',
    ],
    variants: [
      { progTypes: ['syscall', 'tracing'], args: ['const_map_ptr', 'btf_id_or_null'], argBtf: { 2: 'sock_common' } },
    ],
    run: storageDelete,
  },
  {
    id: 145,
    name: 'inode_storage_get',
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '5.10',
    progTypes: ['lsm'],
    argBtf: { 2: 'inode' },
    run: storageGet,
  },
  {
    id: 146,
    name: 'inode_storage_delete',
    args: ['const_map_ptr', 'btf_id_or_null'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['lsm'],
    argBtf: { 2: 'inode' },
    run: storageDelete,
  },
  {
    id: 156,
    name: 'task_storage_get',
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '5.11',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 2: 'task_struct' },
    run: storageGet,
  },
  {
    id: 157,
    name: 'task_storage_delete',
    args: ['const_map_ptr', 'btf_id_or_null'],
    ret: 'integer',
    since: '5.11',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 2: 'task_struct' },
    run: storageDelete,
  },
  {
    id: 210,
    name: 'cgrp_storage_get',
    args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'anything'],
    ret: 'map_value_or_null',
    since: '6.2',
    progTypes: 'all',
    argBtf: { 2: 'cgroup' },
    run: storageGet,
  },
  {
    id: 211,
    name: 'cgrp_storage_delete',
    args: ['const_map_ptr', 'btf_id_or_null'],
    ret: 'integer',
    since: '6.2',
    progTypes: 'all',
    argBtf: { 2: 'cgroup' },
    run: storageDelete,
  },
];

// core/helpers/string.ts
var U64_MAX = 2n ** 64n - 1n;
function strncmp(env, r) {
  const { u8 } = env.memory;
  const [a, size, b] = [u32(r, 1), u32(r, 2), u32(r, 3)];
  for (let i = 0; i < size; i++) {
    const [x, y] = [u8[a + i], u8[b + i]];
    if (x !== y) return returnNumber(r, x < y ? -1 : 1);
    if (x === 0) break;
  }
  returnNumber(r, 0);
}
function digitOf(c) {
  if (c >= 48 && c <= 57) return c - 48;
  const letter = c | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : 16;
}
function parse(u8, at, size, flags) {
  const fail = (errno) => ({ used: errno, negative: false, value: 0n });
  let base = flags;
  if (size === 0 || ![0, 8, 10, 16].includes(base)) return fail(EINVAL);
  let i = 0;
  const isSpace2 = (c) => c === 32 || (c >= 9 && c <= 13) || c === 160;
  while (i < size && isSpace2(u8[at + i])) i++;
  const negative = i < size && u8[at + i] === 45;
  if (negative) i++;
  if (i >= size) return fail(EINVAL);
  const end = Math.min(size, i + 63);
  const char = (k) => (k < end ? u8[at + k] : 0);
  const hexPrefix = char(i) === 48 && (char(i + 1) | 32) === 120;
  if (base === 0) base = hexPrefix && digitOf(char(i + 2)) < 16 ? 16 : char(i) === 48 ? 8 : 10;
  if (base === 16 && hexPrefix) i += 2;
  const first = i;
  let value = 0n;
  for (; digitOf(char(i)) < base && i < end; i++) {
    value = value * BigInt(base) + BigInt(digitOf(char(i)));
    if (value > U64_MAX) return fail(ERANGE);
  }
  return i === first ? fail(EINVAL) : { used: i, negative, value };
}
function strto(signed2) {
  return (env, r) => {
    const { u8, view } = env.memory;
    const to = u32(r, 4);
    view.setBigInt64(to, 0n, true);
    const { used, negative, value } = parse(u8, u32(r, 1), u32(r, 2), u642(r, 3));
    if (used < 0) return returnNumber(r, used);
    if (signed2) {
      const inRange = negative ? value <= 2n ** 63n : value < 2n ** 63n;
      if (!inRange) return returnNumber(r, ERANGE);
    } else if (negative) return returnNumber(r, EINVAL);
    view.setBigUint64(to, BigInt.asUintN(64, negative ? -value : value), true);
    returnNumber(r, used);
  };
}
var STRING_HELPERS = [
  {
    id: 105,
    name: 'strtol',
    args: ['mem', 'const_size', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.2',
    progTypes: 'all',
    run: strto(true),
  },
  {
    id: 106,
    name: 'strtoul',
    args: ['mem', 'const_size', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.2',
    progTypes: 'all',
    run: strto(false),
  },
  {
    id: 182,
    name: 'strncmp',
    args: ['mem', 'const_size', 'const_str'],
    ret: 'integer',
    since: '5.17',
    progTypes: 'all',
    run: strncmp,
  },
];

// core/helpers/sync.ts
function spinLock(env, r) {
  const { view } = env.memory;
  if (view.getUint32(u32(r, 1), true) !== 0) throw new BpfError('EDEADLK', 'spin_lock: the lock is already held');
  view.setUint32(u32(r, 1), 1, true);
}
function spinUnlock(env, r) {
  env.memory.view.setUint32(u32(r, 1), 0, true);
}
function kptrXchg(env, r) {
  const { view } = env.memory;
  const at = u32(r, 1);
  const [lo, hi] = [view.getInt32(at, true), view.getInt32(at + 4, true)];
  view.setInt32(at, r[4], true);
  view.setInt32(at + 4, r[5], true);
  returnHalves(r, lo, hi);
}
var TIMER_CLOCKS = [0, 1, 7];
var TIMER_START_FLAGS = 3;
function timersOf(env) {
  if (!env.timers) throw new Unsupported('timers in map values');
  return env.timers;
}
function timerInit(env, r) {
  const timers = timersOf(env);
  const at = u32(r, 1);
  const clock = u642(r, 3);
  if (!TIMER_CLOCKS.includes(clock)) return returnNumber(r, EINVAL);
  if (env.memory.view.getUint32(at, true) !== 0) return returnNumber(r, EBUSY);
  env.memory.view.setUint32(at, timers.create(at, u32(r, 2), clock), true);
  returnNumber(r, 0);
}
function withTimer(act) {
  return (env, r) => {
    const timers = timersOf(env);
    const handle = env.memory.view.getUint32(u32(r, 1), true);
    returnNumber(r, handle === 0 ? EINVAL : act(timers, handle, r));
  };
}
var SYNC_HELPERS = [
  { id: 93, name: 'spin_lock', args: ['spin_lock'], ret: 'void', since: '5.1', progTypes: 'all', run: spinLock },
  { id: 94, name: 'spin_unlock', args: ['spin_lock'], ret: 'void', since: '5.1', progTypes: 'all', run: spinUnlock },
  {
    id: 169,
    name: 'timer_init',
    args: ['timer', 'const_map_ptr', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    run: timerInit,
  },
  {
    id: 170,
    name: 'timer_set_callback',
    args: ['timer', 'func'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    run: withTimer((timers, handle, r) => timers.setCallback(handle, r[4])),
  },
  {
    id: 171,
    name: 'timer_start',
    args: ['timer', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    run: withTimer((timers, handle, r) =>
      u642(r, 3) > TIMER_START_FLAGS ? EINVAL : timers.start(handle, r[4], r[5], u32(r, 3)),
    ),
  },
  {
    id: 172,
    name: 'timer_cancel',
    args: ['timer'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    run: withTimer((timers, handle) => timers.cancel(handle)),
  },
  {
    id: 194,
    name: 'kptr_xchg',
    args: ['kptr', 'btf_id_or_null'],
    ret: 'btf_id_or_null',
    since: '5.19',
    progTypes: 'all',
    releases: 2,
    acquires: true,
    run: kptrXchg,
  },
];

// core/helpers/system.ts
var LOOPS_MAX = 8 * 1024 * 1024;
function loop(env, r) {
  const turns = u32(r, 1);
  const functionAt = r[4];
  const [contextLo, contextHi] = [r[6], r[7]];
  if (u642(r, 4) !== 0) return returnNumber(r, EINVAL);
  if (turns > LOOPS_MAX) return returnNumber(r, E2BIG);
  const args = new Int32Array(10);
  for (let i = 0; i < turns; i++) {
    args.fill(0);
    args[0] = i;
    args[2] = contextLo;
    args[3] = contextHi;
    if (callBack(env, functionAt, args) !== 0) return returnNumber(r, i + 1);
  }
  returnNumber(r, turns);
}
function perCpuPointer(env, r, cpu) {
  returnPointer(r, env.perCpu ? env.perCpu(u32(r, 1), cpu) : u32(r, 1));
}
function kallsymsLookupName(env, r) {
  if (!env.ksymbolAddress) throw new Unsupported('helper `kallsyms_lookup_name` outside a kernel');
  const at = u32(r, 1);
  const size = u32(r, 2);
  const to = u32(r, 4);
  const { u8, view } = env.memory;
  view.setBigInt64(to, 0n, true);
  const bytes = u8.subarray(at, at + size);
  if (u642(r, 3) !== 0 || size <= 1 || bytes[size - 1] !== 0) return returnNumber(r, EINVAL);
  let name = '';
  for (let i = 0; i < size && bytes[i] !== 0; i++) name += String.fromCharCode(bytes[i]);
  const address = env.ksymbolAddress(name);
  if (!address) return returnNumber(r, ENOENT);
  view.setInt32(to, address[0], true);
  view.setInt32(to + 4, address[1], true);
  returnNumber(r, 0);
}
var SYSTEM_HELPERS = [
  {
    id: 7,
    name: 'get_prandom_u32',
    args: [],
    ret: 'integer',
    since: '4.1',
    progTypes: ['all', 'lirc_mode2'],
    run: (env, r) => returnHalves(r, env.random(), 0),
  },
  {
    id: 8,
    name: 'get_smp_processor_id',
    args: [],
    ret: 'integer',
    since: '4.1',
    progTypes: 'all',
    run: (env, r) => returnNumber(r, env.cpu),
  },
  {
    id: 42,
    name: 'get_numa_node_id',
    args: [],
    ret: 'integer',
    since: '4.10',
    progTypes: 'all',
    run: (env, r) => returnNumber(r, env.numaNode ?? 0),
  },
  {
    id: 153,
    name: 'per_cpu_ptr',
    args: ['percpu_btf_id', 'anything'],
    ret: 'mem_or_btf_id_or_null',
    since: '5.10',
    progTypes: 'all',
    run: (env, r) => perCpuPointer(env, r, u32(r, 2)),
  },
  {
    id: 154,
    name: 'this_cpu_ptr',
    args: ['percpu_btf_id'],
    ret: 'mem_or_btf_id',
    since: '5.10',
    progTypes: 'all',
    run: (env, r) => perCpuPointer(env, r, env.cpu),
  },
  {
    id: 159,
    name: 'bprm_opts_set',
    args: ['btf_id', 'anything'],
    ret: 'integer',
    since: '5.11',
    progTypes: ['lsm'],
    argBtf: { 1: 'linux_binprm' },
  },
  {
    id: 161,
    name: 'ima_inode_hash',
    args: ['btf_id', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.11',
    progTypes: ['lsm'],
    argBtf: { 1: 'inode' },
    mightSleep: true,
  },
  {
    id: 166,
    name: 'sys_bpf',
    args: ['anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '5.14',
    progTypes: ['syscall'],
    mightSleep: true,
  },
  {
    id: 167,
    name: 'btf_find_by_name_kind',
    args: ['mem', 'const_size', 'anything', 'anything'],
    ret: 'integer',
    since: '5.14',
    progTypes: ['syscall'],
    mightSleep: true,
  },
  {
    id: 168,
    name: 'sys_close',
    args: ['anything'],
    ret: 'integer',
    since: '5.14',
    progTypes: ['syscall'],
    mightSleep: true,
  },
  {
    id: 179,
    name: 'kallsyms_lookup_name',
    args: ['mem', 'const_size_or_zero', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.16',
    progTypes: ['syscall'],
    run: kallsymsLookupName,
  },
  {
    id: 181,
    name: 'loop',
    args: ['anything', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '5.17',
    progTypes: 'all',
    run: loop,
  },
  {
    id: 193,
    name: 'ima_file_hash',
    args: ['btf_id', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['lsm'],
    argBtf: { 1: 'file' },
    mightSleep: true,
  },
];

// core/helpers/task.ts
var TASK_COMM_LEN = 16;
function getCurrentComm(env, r) {
  const to = u32(r, 1);
  const size = u32(r, 2);
  const comm = utf8Encode(env.task.comm).subarray(0, Math.min(size, TASK_COMM_LEN) - 1);
  env.memory.u8.fill(0, to, to + size);
  env.memory.u8.set(comm, to);
  returnNumber(r, 0);
}
function cgroupId(env, r, level) {
  if (!env.cgroupId) throw new Unsupported(`helper \`get_current_cgroup_id\` outside a kernel`);
  const [lo, hi] = env.cgroupId(level);
  returnHalves(r, lo, hi);
}
function underCgroup(env, r) {
  const map = mapArgument(env, r);
  if (!(map instanceof CgroupArrayMap) || !env.underCgroup) return returnNumber(r, EINVAL);
  const index = u32(r, 2);
  if (index >= map.attrs.maxEntries) return returnNumber(r, E2BIG);
  const slot = map.slot(index);
  returnNumber(r, slot === 0 ? EAGAIN : env.underCgroup(slot) ? 1 : 0);
}
function sendSignal(thread) {
  return (env, r) => {
    if (!env.sendSignal) throw new Unsupported(`helper \`send_signal\` outside a kernel`);
    returnNumber(r, env.sendSignal(r[2], thread));
  };
}
function getNsCurrentPidTgid(env, r) {
  const to = u32(r, 3);
  const size = u32(r, 4);
  const ids = size === 8 ? env.nsPidTgid?.([r[2], r[3]], [r[4], r[5]]) : void 0;
  env.memory.u8.fill(0, to, to + size);
  if (!ids) return returnNumber(r, EINVAL);
  env.memory.view.setInt32(to, ids.pid, true);
  env.memory.view.setInt32(to + 4, ids.tgid, true);
  returnNumber(r, 0);
}
var TASK_HELPERS = [
  {
    id: 14,
    name: 'get_current_pid_tgid',
    args: [],
    ret: 'integer',
    since: '4.2',
    progTypes: 'all',
    before: {
      kernel: '6.10',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env, r) => returnHalves(r, env.task.pid, env.task.tgid),
  },
  {
    id: 15,
    name: 'get_current_uid_gid',
    args: [],
    ret: 'integer',
    since: '4.2',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env, r) => returnHalves(r, env.task.uid, env.task.gid),
  },
  {
    id: 16,
    name: 'get_current_comm',
    args: ['uninit_mem', 'const_size'],
    ret: 'integer',
    since: '4.2',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: ['all_tracing', 'cgroup_device', 'cgroup_sock', 'cgroup_sock_addr', 'cgroup_sockopt', 'cgroup_sysctl'],
    },
    run: getCurrentComm,
  },
  {
    id: 17,
    name: 'get_cgroup_classid',
    args: [],
    ret: 'integer',
    since: '4.3',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: [
        'lwt',
        'tc',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    variants: [{ progTypes: ['lwt', 'tc'], args: ['ctx'] }],
  },
  {
    id: 35,
    name: 'get_current_task',
    args: [],
    ret: 'integer',
    gplOnly: true,
    since: '4.8',
    progTypes: 'all',
    run: (env, r) => returnPointer(r, env.task.taskStruct()),
  },
  {
    id: 37,
    name: 'current_task_under_cgroup',
    args: ['const_map_ptr', 'anything'],
    ret: 'integer',
    since: '4.9',
    progTypes: 'all',
    before: {
      kernel: '6.16',
      progTypes: ['all_tracing', 'cgroup_device', 'cgroup_sock', 'cgroup_sock_addr', 'cgroup_sockopt', 'cgroup_sysctl'],
    },
    run: underCgroup,
  },
  {
    id: 80,
    name: 'get_current_cgroup_id',
    args: [],
    ret: 'integer',
    since: '4.18',
    progTypes: 'all',
    before: {
      kernel: '6.10',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env, r) => cgroupId(env, r),
  },
  {
    id: 109,
    name: 'send_signal',
    args: ['anything'],
    ret: 'integer',
    since: '5.3',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: sendSignal(false),
  },
  {
    id: 117,
    name: 'send_signal_thread',
    args: ['anything'],
    ret: 'integer',
    since: '5.5',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    run: sendSignal(true),
  },
  {
    id: 120,
    name: 'get_ns_current_pid_tgid',
    args: ['anything', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.7',
    progTypes: 'all',
    before: { kernel: '6.10', progTypes: ['all_tracing'] },
    run: getNsCurrentPidTgid,
  },
  {
    id: 123,
    name: 'get_current_ancestor_cgroup_id',
    args: ['anything'],
    ret: 'integer',
    since: '5.6',
    progTypes: 'all',
    before: {
      kernel: '6.10',
      progTypes: [
        'all_tracing',
        'cgroup_device',
        'cgroup_sock',
        'cgroup_sock_addr',
        'cgroup_sockopt',
        'cgroup_sysctl',
        'sk_msg',
      ],
    },
    run: (env, r) => cgroupId(env, r, r[2]),
  },
  {
    id: 158,
    name: 'get_current_task_btf',
    args: [],
    ret: 'btf_id',
    gplOnly: true,
    since: '5.11',
    progTypes: 'all',
    retBtf: 'task_struct',
    run: (env, r) => returnPointer(r, env.task.taskStruct()),
  },
  {
    id: 175,
    name: 'task_pt_regs',
    args: ['btf_id'],
    ret: 'btf_id',
    gplOnly: true,
    since: '5.15',
    progTypes: 'all',
    argBtf: { 1: 'task_struct' },
    retBtf: 'pt_regs',
    run: (env, r) => returnPointer(r, env.taskPtRegs?.(u32(r, 1)) ?? 0),
  },
  {
    id: 180,
    name: 'find_vma',
    args: ['btf_id', 'anything', 'func', 'stack_or_null', 'anything'],
    ret: 'integer',
    since: '5.17',
    progTypes: 'all',
    before: { kernel: '6.16', progTypes: ['all_tracing'] },
    argBtf: { 1: 'task_struct' },
  },
];

// core/helpers/tcp.ts
var TCP_HELPERS = [
  {
    id: 59,
    name: 'sock_ops_cb_flags_set',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.16',
    progTypes: ['sock_ops'],
  },
  {
    id: 100,
    name: 'tcp_check_syncookie',
    args: ['btf_id_sock_common', 'mem', 'const_size', 'mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '5.2',
    progTypes: ['tc', 'xdp'],
    pktAccess: true,
  },
  {
    id: 110,
    name: 'tcp_gen_syncookie',
    args: ['btf_id_sock_common', 'mem', 'const_size', 'mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '5.3',
    progTypes: ['tc', 'xdp'],
    pktAccess: true,
  },
  {
    id: 116,
    name: 'tcp_send_ack',
    args: ['btf_id', 'anything'],
    ret: 'integer',
    since: '5.5',
    progTypes: ['struct_ops'],
    argBtf: { 1: 'tcp_sock' },
  },
  {
    id: 142,
    name: 'load_hdr_opt',
    args: ['ctx', 'mem_write', 'const_size', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['sock_ops'],
  },
  {
    id: 143,
    name: 'store_hdr_opt',
    args: ['ctx', 'mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['sock_ops'],
    changesPacket: true,
  },
  {
    id: 144,
    name: 'reserve_hdr_opt',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['sock_ops'],
  },
  {
    id: 204,
    name: 'tcp_raw_gen_syncookie_ipv4',
    args: ['fixed_mem', 'mem_write', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '6.0',
    progTypes: ['tc', 'xdp'],
    argSizes: { 1: 20 },
    pktAccess: true,
  },
  {
    id: 205,
    name: 'tcp_raw_gen_syncookie_ipv6',
    args: ['fixed_mem', 'mem_write', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '6.0',
    progTypes: ['tc', 'xdp'],
    argSizes: { 1: 40 },
    pktAccess: true,
  },
  {
    id: 206,
    name: 'tcp_raw_check_syncookie_ipv4',
    args: ['fixed_mem', 'fixed_mem'],
    ret: 'integer',
    gplOnly: true,
    since: '6.0',
    progTypes: ['tc', 'xdp'],
    argSizes: { 1: 20, 2: 20 },
    pktAccess: true,
  },
  {
    id: 207,
    name: 'tcp_raw_check_syncookie_ipv6',
    args: ['fixed_mem', 'fixed_mem'],
    ret: 'integer',
    gplOnly: true,
    since: '6.0',
    progTypes: ['tc', 'xdp'],
    argSizes: { 1: 40, 2: 20 },
    pktAccess: true,
  },
];

// core/helpers/time.ts
var HZ = 250;
var INITIAL_JIFFIES = 2 ** 32 - 300 * HZ;
function now(clock) {
  return (env, r) => {
    const [lo, hi] = env.now(clock);
    returnHalves(r, lo, hi);
  };
}
function ticks(env) {
  const [lo, hi] = env.now('monotonic');
  return Math.floor(((hi >>> 0) * 4294967296 + (lo >>> 0)) / (1e9 / HZ));
}
var TIME_HELPERS = [
  {
    id: 5,
    name: 'ktime_get_ns',
    args: [],
    ret: 'integer',
    since: '4.1',
    progTypes: ['all', 'lirc_mode2'],
    run: now('monotonic'),
  },
  {
    id: 118,
    name: 'jiffies64',
    args: [],
    ret: 'integer',
    since: '5.5',
    progTypes: 'all',
    run: (env, r) => returnNumber(r, INITIAL_JIFFIES + ticks(env)),
  },
  {
    id: 125,
    name: 'ktime_get_boot_ns',
    args: [],
    ret: 'integer',
    since: '5.8',
    progTypes: ['all', 'lirc_mode2'],
    run: now('boottime'),
  },
  {
    id: 160,
    name: 'ktime_get_coarse_ns',
    args: [],
    ret: 'integer',
    since: '5.11',
    progTypes: [
      'lwt',
      'tc',
      'cgroup_skb',
      'cgroup_sock',
      'cgroup_sock_addr',
      'cgroup_sysctl',
      'flow_dissector',
      'sk_lookup',
      'sk_msg',
      'sk_reuseport',
      'sk_skb',
      'sock_ops',
      'socket_filter',
      'struct_ops',
      'xdp',
    ],
    run: (env, r) => returnNumber(r, ticks(env) * (1e9 / HZ)),
  },
  { id: 208, name: 'ktime_get_tai_ns', args: [], ret: 'integer', since: '6.1', progTypes: 'all', run: now('tai') },
];

// core/helpers/number-text.ts
function digits(lo, hi, base) {
  const high = hi >>> 0;
  const low = lo >>> 0;
  if (high < 2097152) return (high * 4294967296 + low).toString(base);
  if (base === 16) return high.toString(16) + low.toString(16).padStart(8, '0');
  return ((BigInt(high) << 32n) | BigInt(low)).toString();
}
function numberText(lo, hi, kind, field2) {
  let sign = '';
  if (kind.signed) {
    if (hi < 0) {
      sign = '-';
      hi = lo === 0 ? -hi | 0 : ~hi;
      lo = -lo | 0;
    } else if (field2.plus) sign = '+';
    else if (field2.space) sign = ' ';
  }
  const text = digits(lo, hi, kind.base);
  const body = kind.upper ? text.toUpperCase() : text;
  const pad = Math.max(0, field2.width - sign.length - body.length);
  if (field2.left) return sign + body + ' '.repeat(pad);
  return field2.zero ? sign + '0'.repeat(pad) + body : ' '.repeat(pad) + sign + body;
}
function textField(text, field2) {
  return field2.left ? text.padEnd(field2.width) : text.padStart(field2.width);
}
function ipv4Text(bytes, padded) {
  return [...bytes].map((b) => (padded ? b.toString().padStart(3, '0') : b.toString())).join('.');
}
function ipv6Text(bytes, plain) {
  const groups = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] << 8) | bytes[i + 1]).toString(16).padStart(4, '0'));
  return groups.join(plain ? '' : ':');
}

// core/helpers/format.ts
var ARGUMENT_BYTES = 512;
var scratches = /* @__PURE__ */ new WeakMap();
function scratchOf(memory) {
  let at = scratches.get(memory);
  if (at === void 0) {
    at = memory.alloc(ARGUMENT_BYTES);
    scratches.set(memory, at);
  }
  return at;
}
function isSpace(c) {
  return c === 32 || (c >= 9 && c <= 13);
}
function isPunctuation(c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}
function isAlphanumeric(c) {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
}
function ends(c) {
  return c === 0 || isSpace(c) || isPunctuation(c);
}
function hashedPointer(lo, hi) {
  if ((lo | hi) === 0 || (hi === -1 && lo >>> 0 >= 4294963201)) return [lo, hi];
  let h = Math.imul(lo ^ 1540483477, 2654435761) ^ hi;
  h = Math.imul(h ^ (h >>> 15), 2246822507);
  h = Math.imul(h ^ (h >>> 13), 3266489909);
  return [h ^ (h >>> 16), 0];
}
function pointerText(lo, hi, field2) {
  const whole = field2.width === -1 ? { ...field2, width: 16, zero: true } : field2;
  return numberText(lo, hi, { base: 16, signed: false, upper: false }, whole);
}
function symbolText(env, letter, lo, hi) {
  const back = letter === 'B' ? 1 : 0;
  const found = env.ksymbol?.((lo - back) | 0, back === 1 && lo === 0 ? hi - 1 : hi);
  if (!found) return `0x${digits(lo, hi, 16)}`;
  const module = found.module === '' ? '' : ` [${found.module}]`;
  if (letter === 's') return found.name + module;
  return `${found.name}+0x${(found.offset + back).toString(16)}/0x${found.size.toString(16)}${module}`;
}
function format(env, at, size, count, argument2) {
  const fail = (errno) => ({ length: errno, text: '' });
  const { memory } = env;
  const end = memory.u8.subarray(at, Math.min(at + size, memory.u8.length)).indexOf(0);
  if (end < 0) return fail(EINVAL);
  const fmt = new Uint8Array(end + 3);
  fmt.set(memory.u8.subarray(at, at + end));
  const scratch3 = scratchOf(memory);
  let text = '';
  let used = 0;
  let next2 = 0;
  const take = (bytes) => {
    used = (used + 3) & ~3;
    if (ARGUMENT_BYTES - used < bytes) return false;
    used += bytes;
    return true;
  };
  for (let i = 0; i < end; i++) {
    const c = fmt[i];
    if (c < 128 && (c < 32 || c === 127) && !isSpace(c)) return fail(EINVAL);
    if (c !== 37) {
      text += String.fromCharCode(c);
      continue;
    }
    if (fmt[i + 1] === 37) {
      text += '%';
      i++;
      continue;
    }
    if (next2 >= count) return fail(EINVAL);
    i++;
    const flags = { left: false, plus: false, space: false, zero: false };
    for (; ; i++) {
      if (fmt[i] === 48) flags.zero = true;
      else if (fmt[i] === 43) flags.plus = true;
      else if (fmt[i] === 45) flags.left = true;
      else if (fmt[i] === 32) flags.space = true;
      else break;
    }
    let width = -1;
    if (fmt[i] >= 49 && fmt[i] <= 57) {
      width = 0;
      while (fmt[i] >= 48 && fmt[i] <= 57) width = Math.min(width * 10 + fmt[i++] - 48, 65535);
    }
    const field2 = { ...flags, width };
    const [lo, hi] = argument2(next2);
    const letter = String.fromCharCode(fmt[i]);
    if (letter === 'p') {
      const kind = String.fromCharCode(fmt[i + 1]);
      if (ends(fmt[i + 1])) {
        if (!take(8)) return fail(ENOSPC);
        text += pointerText(...hashedPointer(lo, hi), field2);
      } else if ((kind === 'k' || kind === 'u') && fmt[i + 2] === 115) {
        i += 2;
        if (!ends(fmt[i + 1])) return fail(EINVAL);
        const string = readText(env, kind === 'k' ? 'kernel' : 'user', lo, hi, scratch3, ARGUMENT_BYTES - used);
        if (string === void 0) return fail(ENOSPC);
        used += string.length + 1;
        text += string;
      } else if (kind === 'x' || kind === 'K') {
        i++;
        if (!take(8)) return fail(ENOSPC);
        text += kind === 'x' ? pointerText(lo, hi, field2) : pointerText(...hashedPointer(lo, hi), field2);
      } else if (kind === 's' || kind === 'S' || kind === 'B') {
        i++;
        const symbol = symbolText(env, kind, lo, hi);
        if (kind === 'B') used += symbol.length + 1;
        else if (!take(8)) return fail(ENOSPC);
        text += kind === 'B' ? symbol : textField(symbol, field2);
      } else if ((kind === 'i' || kind === 'I') && (fmt[i + 2] === 52 || fmt[i + 2] === 54)) {
        i += 2;
        const bytes = fmt[i] === 52 ? 4 : 16;
        if (ARGUMENT_BYTES - used < bytes) return fail(ENOSPC);
        if (env.read('kernel', lo, hi, bytes, scratch3) < 0) memory.u8.fill(0, scratch3, scratch3 + bytes);
        const address = Uint8Array.from(memory.u8.subarray(scratch3, scratch3 + bytes));
        const shown = bytes === 4 ? ipv4Text(address, kind === 'i') : ipv6Text(address, kind === 'i');
        used += shown.length + 1;
        text += shown;
      } else {
        return fail(EINVAL);
      }
      while (isAlphanumeric(fmt[i + 1])) i++;
    } else if (letter === 's') {
      if (!ends(fmt[i + 1])) return fail(EINVAL);
      const string = readText(env, 'any', lo, hi, scratch3, ARGUMENT_BYTES - used);
      if (string === void 0) return fail(ENOSPC);
      used += string.length + 1;
      text += textField(string, field2);
    } else if (letter === 'c') {
      if (used >= ARGUMENT_BYTES) return fail(ENOSPC);
      used++;
      text += textField(String.fromCharCode(lo & 255), field2);
    } else {
      let long = 0;
      while (long < 2 && fmt[i] === 108) {
        long++;
        i++;
      }
      const conversion = String.fromCharCode(fmt[i]);
      if (!'iduxX'.includes(conversion) || fmt[i] === 0) return fail(EINVAL);
      if (!take(long === 0 ? 4 : 8)) return fail(ENOSPC);
      const signed2 = conversion === 'i' || conversion === 'd';
      const high = long > 0 ? hi : signed2 ? lo >> 31 : 0;
      const base = conversion === 'x' || conversion === 'X' ? 16 : 10;
      text += numberText(lo, high, { base, signed: signed2, upper: conversion === 'X' }, field2);
    }
    next2++;
  }
  return { length: text.length, text };
}
function readText(env, space, lo, hi, scratch3, room) {
  if (room <= 0) return void 0;
  const length = env.readString(space, lo, hi, room, scratch3);
  if (length <= 0) return '';
  let text = '';
  const { u8 } = env.memory;
  for (let k = 0; k < Math.min(length, room) - 1 && u8[scratch3 + k] !== 0; k++) {
    text += String.fromCharCode(u8[scratch3 + k]);
  }
  return text;
}

// core/helpers/trace.ts
var LINE_MAX = 1024;
var VARARGS_MAX = 12;
function latin1(text) {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
function printLine(env, r, length, text) {
  if (length >= 0) env.tracePrintk(utf8Decode(latin1(text.slice(0, LINE_MAX - 1))));
  returnNumber(r, length);
}
function tracePrintk(env, r) {
  const { length, text } = format(env, u32(r, 1), u32(r, 2), 3, (i) => [r[6 + 2 * i], r[7 + 2 * i]]);
  printLine(env, r, length, text);
}
function varargs(env, r, n) {
  const size = u32(r, n + 1);
  const at = u32(r, n);
  if (size % 8 !== 0 || size > VARARGS_MAX * 8 || (size > 0 && at === 0)) return void 0;
  const { view } = env.memory;
  const argument2 = (i) => [view.getInt32(at + 8 * i, true), view.getInt32(at + 8 * i + 4, true)];
  return { count: size / 8, argument: argument2 };
}
function traceVprintk(env, r) {
  const list = varargs(env, r, 3);
  if (!list) return returnNumber(r, EINVAL);
  const { length, text } = format(env, u32(r, 1), u32(r, 2), list.count, list.argument);
  printLine(env, r, length, text);
}
function snprintf(env, r) {
  const list = varargs(env, r, 4);
  if (!list) return returnNumber(r, EINVAL);
  const { length, text } = format(env, u32(r, 3), 4294967295, list.count, list.argument);
  if (length < 0) return returnNumber(r, length);
  const size = u32(r, 2);
  if (size > 0) {
    const bytes = latin1(text.slice(0, size - 1));
    env.memory.u8.set(bytes, u32(r, 1));
    env.memory.u8[u32(r, 1) + bytes.length] = 0;
  }
  returnNumber(r, length + 1);
}
function seqWriter(env) {
  if (!env.seqWrite)
    throw new Unsupported('writing to a seq_file', { hint: 'only iterators on a backend that has them' });
  return env.seqWrite.bind(env);
}
function seqPrintf(env, r) {
  const write2 = seqWriter(env);
  const list = varargs(env, r, 4);
  if (!list) return returnNumber(r, EINVAL);
  const { length, text } = format(env, u32(r, 2), u32(r, 3), list.count, list.argument);
  returnNumber(r, length < 0 ? length : write2(u32(r, 1), latin1(text)));
}
function seqWrite(env, r) {
  const write2 = seqWriter(env);
  const from = u32(r, 2);
  returnNumber(r, write2(u32(r, 1), Uint8Array.from(env.memory.u8.subarray(from, from + u32(r, 3)))));
}
function dPath(env, r) {
  if (!env.pathText) throw new Unsupported('helper `d_path` outside a kernel');
  const size = u32(r, 3);
  if (size === 0) return returnNumber(r, 0);
  const text = env.pathText(u32(r, 1));
  if (text === void 0) return returnNumber(r, EINVAL);
  const bytes = utf8Encode(text);
  if (bytes.length + 1 > size) return returnNumber(r, ENAMETOOLONG);
  env.memory.u8.set(bytes, u32(r, 2));
  env.memory.u8[u32(r, 2) + bytes.length] = 0;
  returnNumber(r, bytes.length + 1);
}
var TRACE_HELPERS = [
  {
    id: 6,
    name: 'trace_printk',
    args: ['mem', 'const_size'],
    ret: 'integer',
    gplOnly: true,
    since: '4.1',
    progTypes: ['all', 'lirc_mode2'],
    run: tracePrintk,
  },
  {
    id: 126,
    name: 'seq_printf',
    args: ['btf_id', 'mem', 'const_size', 'mem_or_null', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.7',
    progTypes: ['tracing:trace_iter'],
    argBtf: { 1: 'seq_file' },
    run: seqPrintf,
  },
  {
    id: 127,
    name: 'seq_write',
    args: ['btf_id', 'mem', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.7',
    progTypes: ['tracing:trace_iter'],
    argBtf: { 1: 'seq_file' },
    run: seqWrite,
  },
  {
    id: 147,
    name: 'd_path',
    args: ['btf_id', 'mem_write', 'const_size_or_zero'],
    ret: 'integer',
    since: '5.10',
    progTypes: ['lsm', 'syscall', 'tracing'],
    argBtf: { 1: 'path' },
    run: dPath,
  },
  {
    id: 149,
    name: 'snprintf_btf',
    args: ['mem_write', 'const_size', 'mem', 'const_size', 'anything'],
    ret: 'integer',
    since: '5.10',
    progTypes: 'all',
  },
  {
    id: 150,
    name: 'seq_printf_btf',
    args: ['btf_id', 'mem', 'const_size_or_zero', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.10',
    progTypes: ['tracing:trace_iter'],
    argBtf: { 1: 'seq_file' },
  },
  {
    id: 165,
    name: 'snprintf',
    args: ['mem_write_or_null', 'const_size_or_zero', 'const_str', 'mem_or_null', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.13',
    progTypes: 'all',
    run: snprintf,
  },
  {
    id: 177,
    name: 'trace_vprintk',
    args: ['mem', 'const_size', 'mem_or_null', 'const_size_or_zero'],
    ret: 'integer',
    gplOnly: true,
    since: '5.16',
    progTypes: 'all',
    run: traceVprintk,
  },
];

// core/helpers/trampoline.ts
function argumentsOf(env) {
  if (!env.functionArguments) throw new Unsupported('asking for function arguments outside a trampoline');
  return env.functionArguments();
}
function copyWord(env, from, to) {
  env.memory.u8.copyWithin(to, from, from + 8);
}
function getFuncArg(env, r) {
  const index = u32(r, 2);
  if (index >= argumentsOf(env).count) return returnNumber(r, EINVAL);
  copyWord(env, u32(r, 1) + 8 * index, u32(r, 3));
  returnNumber(r, 0);
}
function getFuncRet(env, r) {
  const { count, hasReturn } = argumentsOf(env);
  if (!hasReturn) return returnNumber(r, EOPNOTSUPP);
  copyWord(env, u32(r, 1) + 8 * count, u32(r, 2));
  returnNumber(r, 0);
}
function overrideReturn(env, r) {
  if (!env.overrideReturn) throw new Unsupported('helper `override_return` outside a kernel');
  env.overrideReturn(r[4], r[5]);
  returnNumber(r, 0);
}
var TRAMPOLINE_HELPERS = [
  {
    id: 58,
    name: 'override_return',
    args: ['ctx', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.16',
    progTypes: ['kprobe'],
    run: overrideReturn,
  },
  {
    id: 173,
    name: 'get_func_ip',
    args: ['ctx'],
    ret: 'integer',
    gplOnly: true,
    since: '5.15',
    progTypes: 'tracing',
    run: (env, r) => returnHalves(r, ...(env.functionIp?.() ?? [0, 0])),
  },
  {
    id: 174,
    name: 'get_attach_cookie',
    args: ['ctx'],
    ret: 'integer',
    since: '5.15',
    progTypes: [
      'kprobe',
      'tracepoint',
      'perf_event',
      'raw_tracepoint',
      'raw_tracepoint_writable',
      'lsm',
      'tracing:trace_raw_tp',
      'tracing:trace_fentry',
      'tracing:trace_fexit',
      'tracing:modify_return',
    ],
    before: {
      kernel: '6.10',
      progTypes: [
        'kprobe',
        'tracepoint',
        'perf_event',
        'lsm',
        'tracing:trace_fentry',
        'tracing:trace_fexit',
        'tracing:modify_return',
      ],
    },
    run: (env, r) => returnHalves(r, ...(env.attachCookie?.() ?? [0, 0])),
  },
  {
    id: 183,
    name: 'get_func_arg',
    args: ['ctx', 'anything', 'ptr_to_long'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing:trace_fentry', 'tracing:trace_fexit', 'tracing:modify_return'],
    run: getFuncArg,
  },
  {
    id: 184,
    name: 'get_func_ret',
    args: ['ctx', 'ptr_to_long'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing:trace_fentry', 'tracing:trace_fexit', 'tracing:modify_return'],
    run: getFuncRet,
  },
  {
    id: 185,
    name: 'get_func_arg_cnt',
    args: ['ctx'],
    ret: 'integer',
    since: '5.17',
    progTypes: ['lsm', 'tracing:trace_fentry', 'tracing:trace_fexit', 'tracing:modify_return'],
    run: (env, r) => returnNumber(r, argumentsOf(env).count),
  },
];

// core/helpers/xdp.ts
var ETH_HEADER = 14;
var META_MAX = 252;
var XDP_ABORTED2 = 0;
var XDP_REDIRECT2 = 4;
var ACTION_MASK = 3;
var BROADCAST = 8;
var DEVICE_FLAGS = BROADCAST | 16;
function adjustHead(env, r) {
  const packet = packetOf(env, 'xdp_adjust_head');
  const by = r[4];
  const metaSize = packet.data - packet.meta;
  const data2 = packet.data + by;
  if (data2 < packet.head + metaSize || data2 > packet.end - ETH_HEADER) return returnNumber(r, EINVAL);
  env.memory.u8.copyWithin(packet.meta + by, packet.meta, packet.data);
  packet.meta += by;
  packet.data = data2;
  packet.moved();
  returnNumber(r, 0);
}
function adjustTail(env, r) {
  const packet = packetOf(env, 'xdp_adjust_tail');
  const end = packet.end + r[4];
  if (end > packet.limit || end < packet.data + ETH_HEADER) return returnNumber(r, EINVAL);
  if (end > packet.end) env.memory.u8.fill(0, packet.end, end);
  packet.end = end;
  packet.moved();
  returnNumber(r, 0);
}
function adjustMeta(env, r) {
  const packet = packetOf(env, 'xdp_adjust_meta');
  const meta = packet.meta + r[4];
  if (meta < packet.head || meta > packet.data) return returnNumber(r, EINVAL);
  const size = packet.data - meta;
  if (size % 4 !== 0 || size > META_MAX) return returnNumber(r, EACCES);
  packet.meta = meta;
  packet.moved();
  returnNumber(r, 0);
}
function copyBytes2(helper, store3) {
  return (env, r) => {
    const packet = packetOf(env, helper);
    const [offset, buffer, size] = [u32(r, 2), u32(r, 3), u32(r, 4)];
    if (offset > 65535 || size > 65535) return returnNumber(r, EFAULT);
    if (offset + size > packetLength(packet)) return returnNumber(r, EINVAL);
    const at = packet.data + offset;
    if (store3) env.memory.u8.copyWithin(at, buffer, buffer + size);
    else env.memory.u8.copyWithin(buffer, at, at + size);
    returnNumber(r, 0);
  };
}
var keyScratch = /* @__PURE__ */ new WeakMap();
function redirectMap(env, r) {
  if (!env.redirect) throw new Unsupported('helper `redirect_map` without network devices');
  const map = mapArgument(env, r);
  const flags = u642(r, 3);
  const allowed2 = ACTION_MASK | (map.attrs.type.startsWith('devmap') ? DEVICE_FLAGS : 0);
  if (flags > allowed2 || (flags & ~allowed2) !== 0) return returnNumber(r, XDP_ABORTED2);
  const { memory } = env;
  const at = keyScratch.get(memory) ?? memory.alloc(8);
  keyScratch.set(memory, at);
  const key2 = u32(r, 2);
  memory.view.setUint32(at, key2, true);
  if (map.lookupOffset(at) === 0 && (flags & BROADCAST) === 0) return returnNumber(r, flags & ACTION_MASK);
  env.redirect({ map, key: key2, flags, clone: false });
  returnNumber(r, XDP_REDIRECT2);
}
var XDP_HELPERS = [
  {
    id: 44,
    name: 'xdp_adjust_head',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.10',
    progTypes: ['xdp'],
    changesPacket: true,
    run: adjustHead,
  },
  {
    id: 51,
    name: 'redirect_map',
    args: ['const_map_ptr', 'anything', 'anything'],
    ret: 'integer',
    since: '4.14',
    progTypes: ['xdp'],
    run: redirectMap,
  },
  {
    id: 54,
    name: 'xdp_adjust_meta',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.15',
    progTypes: ['xdp'],
    changesPacket: true,
    run: adjustMeta,
  },
  {
    id: 65,
    name: 'xdp_adjust_tail',
    args: ['ctx', 'anything'],
    ret: 'integer',
    since: '4.18',
    progTypes: ['xdp'],
    changesPacket: true,
    run: adjustTail,
  },
  {
    id: 69,
    name: 'fib_lookup',
    args: ['ctx', 'mem_write', 'const_size', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: ['tc', 'xdp'],
  },
  {
    id: 188,
    name: 'xdp_get_buff_len',
    args: ['btf_id'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['lsm', 'syscall', 'tracing', 'xdp'],
    argBtf: { 1: 'xdp_buff' },
    variants: [{ progTypes: ['xdp'], args: ['ctx'] }],
    run: (env, r) => returnNumber(r, packetLength(packetOf(env, 'xdp_get_buff_len'))),
  },
  {
    id: 189,
    name: 'xdp_load_bytes',
    args: ['ctx', 'anything', 'uninit_mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['xdp'],
    run: copyBytes2('xdp_load_bytes', false),
  },
  {
    id: 190,
    name: 'xdp_store_bytes',
    args: ['ctx', 'anything', 'mem', 'const_size'],
    ret: 'integer',
    since: '5.18',
    progTypes: ['xdp'],
    run: copyBytes2('xdp_store_bytes', true),
  },
];

// core/helpers/index.ts
var rows = [
  ...MAP_HELPERS,
  ...TIME_HELPERS,
  ...TASK_HELPERS,
  ...PROBE_READ_HELPERS,
  ...TRACE_HELPERS,
  ...PERF_HELPERS,
  ...STACK_HELPERS,
  ...RINGBUF_HELPERS,
  ...DYNPTR_HELPERS,
  ...STORAGE_HELPERS,
  ...SYNC_HELPERS,
  ...SYSTEM_HELPERS,
  ...STRING_HELPERS,
  ...TRAMPOLINE_HELPERS,
  ...SKB_HELPERS,
  ...CSUM_HELPERS,
  ...XDP_HELPERS,
  ...LWT_HELPERS,
  ...SOCKET_HELPERS,
  ...TCP_HELPERS,
  ...SOCKMAP_HELPERS,
  ...CGROUP_HELPERS,
  ...LIRC_HELPERS,
];
var HELPERS = [...rows].sort((a, b) => a.id - b.id);
var byId2 = (() => {
  const table = [];
  for (const row2 of HELPERS) table[row2.id] = row2;
  return table;
})();
var byName2 = new Map(HELPERS.map((row2) => [row2.name, row2]));
function helperById(id) {
  return byId2[id];
}
function helperByName(name) {
  return byName2.get(name.startsWith('bpf_') ? name.slice(4) : name);
}
function programTypesOf(row2) {
  return expandProgTypes(row2.progTypes);
}
var allowed = /* @__PURE__ */ new WeakMap();
function mayCall(row2, progType, attachType) {
  let set2 = allowed.get(row2);
  if (!set2) {
    set2 = new Set(programTypesOf(row2));
    allowed.set(row2, set2);
  }
  if (set2.has(progType)) return true;
  if (attachType !== void 0) return set2.has(`${progType}:${attachType}`);
  for (const name of set2) if (name.startsWith(`${progType}:`)) return true;
  return false;
}
function signatureOf(row2, progType) {
  for (const v of row2.variants ?? []) if (expandProgTypes(v.progTypes).includes(progType)) return v;
  return row2;
}

// core/progs/attach-types.ts
var NAMES = [
  'cgroup_inet_ingress',
  'cgroup_inet_egress',
  'cgroup_inet_sock_create',
  'cgroup_sock_ops',
  'sk_skb_stream_parser',
  'sk_skb_stream_verdict',
  'cgroup_device',
  'sk_msg_verdict',
  'cgroup_inet4_bind',
  'cgroup_inet6_bind',
  'cgroup_inet4_connect',
  'cgroup_inet6_connect',
  'cgroup_inet4_post_bind',
  'cgroup_inet6_post_bind',
  'cgroup_udp4_sendmsg',
  'cgroup_udp6_sendmsg',
  'lirc_mode2',
  'flow_dissector',
  'cgroup_sysctl',
  'cgroup_udp4_recvmsg',
  'cgroup_udp6_recvmsg',
  'cgroup_getsockopt',
  'cgroup_setsockopt',
  'trace_raw_tp',
  'trace_fentry',
  'trace_fexit',
  'modify_return',
  'lsm_mac',
  'trace_iter',
  'cgroup_inet4_getpeername',
  'cgroup_inet6_getpeername',
  'cgroup_inet4_getsockname',
  'cgroup_inet6_getsockname',
  'xdp_devmap',
  'cgroup_inet_sock_release',
  'xdp_cpumap',
  'sk_lookup',
  'xdp',
  'sk_skb_verdict',
  'sk_reuseport_select',
  'sk_reuseport_select_or_migrate',
  'perf_event',
  'trace_kprobe_multi',
  'lsm_cgroup',
  'struct_ops',
  'netfilter',
  'tcx_ingress',
  'tcx_egress',
  'trace_uprobe_multi',
  'cgroup_unix_connect',
  'cgroup_unix_sendmsg',
  'cgroup_unix_recvmsg',
  'cgroup_unix_getpeername',
  'cgroup_unix_getsockname',
  'netkit_primary',
  'netkit_peer',
  'trace_kprobe_session',
  'trace_uprobe_session',
];
var ATTACH_TYPES = NAMES.map((name, id) => ({ id, name }));
var byName3 = new Map(ATTACH_TYPES.map((row2) => [row2.name, row2]));
function attachTypeByName(name) {
  const lower = name.toLowerCase();
  return byName3.get(lower) ?? byName3.get(lower.replace(/^bpf_/, ''));
}

// core/progs/ctx-skb.ts
var SIZE2 = 192;
var WORDS = [
  ['len', 0],
  ['pkt_type', 4],
  ['mark', 8],
  ['queue_mapping', 12],
  ['protocol', 16],
  ['vlan_present', 20],
  ['vlan_tci', 24],
  ['vlan_proto', 28],
  ['priority', 32],
  ['ingress_ifindex', 36],
  ['ifindex', 40],
  ['tc_index', 44],
  ['hash', 68],
  ['tc_classid', 72],
  ['napi_id', 84],
  ['wire_len', 160],
  ['gso_segs', 164],
  ['gso_size', 176],
];
var SOCKET_WORDS = [
  ['family', 88, true],
  ['remote_ip4', 92, false],
  ['local_ip4', 96, false],
  ['remote_ip6[0]', 100, false],
  ['remote_ip6[1]', 104, false],
  ['remote_ip6[2]', 108, false],
  ['remote_ip6[3]', 112, false],
  ['local_ip6[0]', 116, false],
  ['local_ip6[1]', 120, false],
  ['local_ip6[2]', 124, false],
  ['local_ip6[3]', 128, false],
  ['remote_port', 132, true],
  ['local_port', 136, true],
];
function layout(view) {
  const writable2 = (name) => view.write.includes(name);
  const fields = [];
  const add2 = (field2) => {
    if (view.hidden.includes(field2.name)) return;
    fields.push({ ...field2, read: true, write: writable2(field2.name) });
  };
  for (const [name, offset] of WORDS) add2({ name, offset, size: 4, narrow: true });
  add2({ name: 'cb', offset: 48, size: 20, bytes: true });
  if (view.packet !== 'none') {
    add2({ name: 'data', offset: 76, size: 4, pointer: 'packet' });
    add2({ name: 'data_end', offset: 80, size: 4, pointer: 'packet_end' });
  }
  if (view.packet === 'packet+meta') add2({ name: 'data_meta', offset: 140, size: 4, pointer: 'packet_meta' });
  if (view.socketFields) for (const [name, offset, narrow] of SOCKET_WORDS) add2({ name, offset, size: 4, narrow });
  add2({ name: 'tstamp', offset: 152, size: 8 });
  add2({ name: 'sk', offset: 168, size: 8, pointer: 'sock_common_or_null' });
  add2({ name: 'tstamp_type', offset: 180, size: 1 });
  add2({ name: 'hwtstamp', offset: 184, size: 8 });
  fields.sort((a, b) => a.offset - b.offset);
  return { kind: 'fields', size: SIZE2, fields };
}
var SKB_SOCKET_FILTER = layout({
  hidden: ['tc_classid', 'tstamp', 'wire_len', 'hwtstamp', 'tstamp_type'],
  write: ['cb'],
  packet: 'none',
  socketFields: false,
});
var SKB_TC = layout({
  hidden: [],
  write: ['mark', 'tc_index', 'priority', 'tc_classid', 'cb', 'tstamp', 'queue_mapping'],
  packet: 'packet+meta',
  socketFields: false,
});
var SKB_CGROUP = layout({
  hidden: ['tc_classid', 'wire_len', 'tstamp_type'],
  write: ['mark', 'priority', 'cb', 'tstamp'],
  packet: 'packet',
  socketFields: true,
});
var SKB_LWT = layout({
  hidden: ['tc_classid', 'tstamp', 'wire_len', 'hwtstamp', 'tstamp_type'],
  write: ['mark', 'priority', 'cb'],
  packet: 'packet',
  socketFields: false,
});
var SKB_SK_SKB = layout({
  hidden: ['tc_classid', 'tstamp', 'wire_len', 'hwtstamp', 'mark', 'tstamp_type'],
  write: ['tc_index', 'priority'],
  packet: 'packet',
  socketFields: true,
});
var SKB_FLOW_DISSECTOR = {
  kind: 'fields',
  size: SIZE2,
  fields: [
    { name: 'data', offset: 76, size: 4, read: true, write: false, pointer: 'packet' },
    { name: 'data_end', offset: 80, size: 4, read: true, write: false, pointer: 'packet_end' },
    { name: 'flow_keys', offset: 144, size: 8, read: true, write: false, pointer: 'flow_keys' },
  ],
};

// core/progs/ctx-sock.ts
function field(name, offset, size, extra = {}) {
  return { name, offset, size, read: true, write: false, ...extra };
}
function words(offset, names2, extra = {}) {
  return names2.map((name, i) => field(name, offset + 4 * i, 4, extra));
}
function array(name, offset, count, extra = {}) {
  return Array.from({ length: count }, (_, i) =>
    field(`${name}[${i}]`, offset + 4 * i, 4, i === count - 1 ? { ...extra, wide: false } : extra),
  );
}
function struct(size, ...parts) {
  return { kind: 'fields', size, fields: parts.flat() };
}
var SOCK_CREATE = ['cgroup_inet_sock_create', 'cgroup_inet_sock_release'];
var POST_BIND4 = ['cgroup_inet4_post_bind'];
var POST_BIND6 = ['cgroup_inet6_post_bind'];
var BPF_SOCK = struct(
  80,
  field('bound_dev_if', 0, 4, { write: true, attachTypes: SOCK_CREATE }),
  field('family', 4, 4, { narrow: true, narrowAtStart: true }),
  field('type', 8, 4, { narrow: true, narrowAtStart: true }),
  field('protocol', 12, 4, { narrow: true, narrowAtStart: true }),
  field('mark', 16, 4, { write: true, attachTypes: SOCK_CREATE }),
  field('priority', 20, 4, { write: true, attachTypes: SOCK_CREATE }),
  field('src_ip4', 24, 4, { narrow: true, attachTypes: POST_BIND4 }),
  array('src_ip6', 28, 4, { narrow: true, attachTypes: POST_BIND6 }),
  field('src_port', 44, 4, { narrow: true, narrowAtStart: true, attachTypes: [...POST_BIND4, ...POST_BIND6] }),
  field('dst_port', 48, 2, { narrow: true, alsoSize: 4 }),
  field('dst_ip4', 52, 4, { narrow: true }),
  array('dst_ip6', 56, 4, { narrow: true }),
  field('state', 72, 4, { narrow: true, narrowAtStart: true }),
  field('rx_queue_mapping', 76, 4, { narrow: true, narrowAtStart: true }),
);
var BPF_SOCK_POINTEE =
  BPF_SOCK.kind === 'fields'
    ? BPF_SOCK.fields.map(({ name, offset, size, narrow, narrowAtStart, alsoSize }) => ({
        name,
        offset,
        size,
        read: true,
        write: false,
        ...(narrow ? { narrow } : {}),
        ...(narrowAtStart ? { narrowAtStart } : {}),
        ...(alsoSize ? { alsoSize } : {}),
      }))
    : [];
var SOCK_COMMON_POINTEE = BPF_SOCK_POINTEE.filter((f) => f.offset < 8 || f.offset >= 24);
var BPF_TCP_SOCK_POINTEE = [
  ...words(0, [
    'snd_cwnd',
    'srtt_us',
    'rtt_min',
    'snd_ssthresh',
    'rcv_nxt',
    'snd_nxt',
    'snd_una',
    'mss_cache',
    'ecn_flags',
    'rate_delivered',
    'rate_interval_us',
    'packets_out',
    'retrans_out',
    'total_retrans',
    'segs_in',
    'data_segs_in',
    'segs_out',
    'data_segs_out',
    'lost_out',
    'sacked_out',
  ]),
  field('bytes_received', 80, 8),
  field('bytes_acked', 88, 8),
  ...words(96, ['dsack_dups', 'delivered', 'delivered_ce', 'icsk_retransmits']),
];
var ADDR4 = [
  'cgroup_inet4_bind',
  'cgroup_inet4_connect',
  'cgroup_inet4_getpeername',
  'cgroup_inet4_getsockname',
  'cgroup_udp4_sendmsg',
  'cgroup_udp4_recvmsg',
];
var ADDR6 = ADDR4.map((name) => name.replace('inet4', 'inet6').replace('udp4', 'udp6'));
var BPF_SOCK_ADDR = struct(
  72,
  field('user_family', 0, 4),
  field('user_ip4', 4, 4, { write: true, narrow: true, attachTypes: ADDR4 }),
  array('user_ip6', 8, 4, { write: true, narrow: true, wide: true, attachTypes: ADDR6 }),
  field('user_port', 24, 4, { write: true, narrow: true }),
  words(28, ['family', 'type', 'protocol']),
  field('msg_src_ip4', 40, 4, { write: true, narrow: true, attachTypes: ['cgroup_udp4_sendmsg'] }),
  array('msg_src_ip6', 44, 4, { write: true, narrow: true, wide: true, attachTypes: ['cgroup_udp6_sendmsg'] }),
  field('sk', 64, 8, { pointer: 'socket' }),
);
var BPF_SOCK_OPS = struct(
  224,
  field('op', 0, 4),
  field('reply', 4, 4, { write: true }),
  words(8, ['args[1]', 'args[2]', 'args[3]', 'family', 'remote_ip4', 'local_ip4']),
  array('remote_ip6', 32, 4),
  array('local_ip6', 48, 4),
  words(64, [
    'remote_port',
    'local_port',
    'is_fullsock',
    'snd_cwnd',
    'srtt_us',
    'bpf_sock_ops_cb_flags',
    'state',
    'rtt_min',
    'snd_ssthresh',
    'rcv_nxt',
    'snd_nxt',
    'snd_una',
    'mss_cache',
    'ecn_flags',
    'rate_delivered',
    'rate_interval_us',
    'packets_out',
    'retrans_out',
    'total_retrans',
    'segs_in',
    'data_segs_in',
    'segs_out',
    'data_segs_out',
    'lost_out',
    'sacked_out',
  ]),
  field('sk_txhash', 164, 4, { write: true }),
  field('bytes_received', 168, 8),
  field('bytes_acked', 176, 8),
  field('sk', 184, 8, { pointer: 'socket_or_null' }),
  field('skb_data', 192, 8, { pointer: 'packet' }),
  field('skb_data_end', 200, 8, { pointer: 'packet_end' }),
  field('skb_len', 208, 4),
  field('skb_tcp_flags', 212, 4, { narrow: true, narrowAtStart: true }),
  field('skb_hwtstamp', 216, 8),
);
var SK_MSG_MD = struct(
  80,
  field('data', 0, 8, { pointer: 'packet' }),
  field('data_end', 8, 8, { pointer: 'packet_end' }),
  words(16, ['family', 'remote_ip4', 'local_ip4']),
  array('remote_ip6', 28, 4),
  array('local_ip6', 44, 4),
  words(60, ['remote_port', 'local_port', 'size']),
  field('sk', 72, 8, { pointer: 'socket' }),
);
var SK_REUSEPORT_MD = struct(
  56,
  field('data', 0, 8, { pointer: 'packet' }),
  field('data_end', 8, 8, { pointer: 'packet_end' }),
  field('len', 16, 4, { narrow: true }),
  field('eth_protocol', 20, 4, { narrow: true, minSize: 2 }),
  words(24, ['ip_protocol', 'bind_inany'], { narrow: true }),
  field('hash', 32, 4),
  field('sk', 40, 8, { pointer: 'socket' }),
  field('migrating_sk', 48, 8, { pointer: 'sock_common_or_null' }),
);
var BPF_SK_LOOKUP = struct(
  72,
  field('sk', 0, 8, { pointer: 'socket_or_null' }),
  words(8, ['family', 'protocol', 'remote_ip4'], { narrow: true }),
  array('remote_ip6', 20, 4, { narrow: true }),
  field('remote_port', 36, 2, { narrow: true, alsoSize: 4 }),
  /** Zero padding after the port, readable for programs built when the port was 4 bytes. */
  field('remote_port_pad', 38, 2, { narrow: true }),
  field('local_ip4', 40, 4, { narrow: true }),
  array('local_ip6', 44, 4, { narrow: true }),
  words(60, ['local_port', 'ingress_ifindex'], { narrow: true }),
);
var BPF_CGROUP_DEV_CTX = struct(12, field('access_type', 0, 4, { narrow: true }), words(4, ['major', 'minor']));
var BPF_SYSCTL = struct(
  8,
  field('write', 0, 4, { narrow: true }),
  field('file_pos', 4, 4, { narrow: true, write: true }),
);
var BPF_SOCKOPT = struct(
  40,
  field('sk', 0, 8, { pointer: 'socket' }),
  field('optval', 8, 8, { pointer: 'packet' }),
  field('optval_end', 16, 8, { pointer: 'packet_end' }),
  field('level', 24, 4, { write: true, writeAttachTypes: ['cgroup_setsockopt'] }),
  field('optname', 28, 4, { write: true, writeAttachTypes: ['cgroup_setsockopt'] }),
  field('optlen', 32, 4, { write: true }),
  field('retval', 36, 4, { write: true, attachTypes: ['cgroup_getsockopt'] }),
);

// core/progs/pt-regs.ts
var PT_REGS_SIZE = 168;
var PT_REGS = {
  r15: 0,
  r14: 8,
  r13: 16,
  r12: 24,
  bp: 32,
  bx: 40,
  r11: 48,
  r10: 56,
  r9: 64,
  r8: 72,
  ax: 80,
  cx: 88,
  dx: 96,
  si: 104,
  di: 112,
  orig_ax: 120,
  ip: 128,
  cs: 136,
  flags: 144,
  sp: 152,
  ss: 160,
};

// core/progs/ctx-trace.ts
var ANY_WORD = [1, 2, 4, 8];
var PT_REGS_CTX = { kind: 'words', size: PT_REGS_SIZE, wordBytes: ANY_WORD };
var TRACEPOINT_MAX = 8192;
var TRACEPOINT_CTX = { kind: 'words', size: TRACEPOINT_MAX, wordBytes: ANY_WORD, from: 8 };
var PERF_EVENT_CTX = {
  kind: 'fields',
  size: PT_REGS_SIZE + 16,
  fields: [
    ...Object.entries(PT_REGS).map(([name, offset]) => ({
      name: `regs.${name}`,
      offset,
      size: 8,
      read: true,
      write: false,
    })),
    { name: 'sample_period', offset: PT_REGS_SIZE, size: 8, read: true, write: false, narrow: true },
    { name: 'addr', offset: PT_REGS_SIZE + 8, size: 8, read: true, write: false, narrow: true },
  ],
};
var MAX_FUNC_ARGS = 12;
var RAW_TRACEPOINT_CTX = { kind: 'args', count: MAX_FUNC_ARGS, anySize: true };
var RAW_TRACEPOINT_WRITABLE_CTX = {
  kind: 'args',
  count: MAX_FUNC_ARGS,
  anySize: true,
  buffer: true,
};
var BTF_ARGS_CTX = { kind: 'args', count: MAX_FUNC_ARGS };
var SYSCALL_CTX = { kind: 'words', size: 65535, wordBytes: ANY_WORD, write: true };
var XDP_MD = {
  kind: 'fields',
  size: 24,
  fields: [
    { name: 'data', offset: 0, size: 4, read: true, write: false, pointer: 'packet' },
    { name: 'data_end', offset: 4, size: 4, read: true, write: false, pointer: 'packet_end' },
    { name: 'data_meta', offset: 8, size: 4, read: true, write: false, pointer: 'packet_meta' },
    { name: 'ingress_ifindex', offset: 12, size: 4, read: true, write: false },
    /** Writable on an offload device only, which says so itself. */
    { name: 'rx_queue_index', offset: 16, size: 4, read: true, write: false },
    { name: 'egress_ifindex', offset: 20, size: 4, read: true, write: false, attachTypes: ['xdp_devmap'] },
  ],
};
var LIRC_CTX = {
  kind: 'fields',
  size: 4,
  fields: [{ name: 'sample', offset: 0, size: 4, read: true, write: false }],
};
var NETFILTER_CTX = {
  kind: 'fields',
  size: 16,
  fields: [
    { name: 'state', offset: 0, size: 8, read: true, write: false, pointer: 'btf', btf: 'nf_hook_state' },
    { name: 'skb', offset: 8, size: 8, read: true, write: false, pointer: 'btf', btf: 'sk_buff' },
  ],
};

// core/progs/index.ts
var PROG_TYPES = [
  {
    id: 1,
    name: 'socket_filter',
    since: '3.19',
    sections: [{ prefix: 'socket' }],
    ctx: SKB_SOCKET_FILTER,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 2,
    name: 'kprobe',
    since: '4.1',
    sections: [
      { prefix: 'kprobe', target: true },
      { prefix: 'uprobe', target: true },
      { prefix: 'uprobe.s', target: true, sleepable: true },
      { prefix: 'kretprobe', target: true },
      { prefix: 'uretprobe', target: true },
      { prefix: 'uretprobe.s', target: true, sleepable: true },
      { prefix: 'kprobe.multi', target: true, attachType: 'trace_kprobe_multi' },
      { prefix: 'kretprobe.multi', target: true, attachType: 'trace_kprobe_multi' },
      { prefix: 'kprobe.session', target: true, attachType: 'trace_kprobe_session' },
      { prefix: 'uprobe.multi', target: true, attachType: 'trace_uprobe_multi' },
      { prefix: 'uretprobe.multi', target: true, attachType: 'trace_uprobe_multi' },
      { prefix: 'uprobe.session', target: true, attachType: 'trace_uprobe_session' },
      { prefix: 'uprobe.multi.s', target: true, attachType: 'trace_uprobe_multi', sleepable: true },
      { prefix: 'uretprobe.multi.s', target: true, attachType: 'trace_uprobe_multi', sleepable: true },
      { prefix: 'uprobe.session.s', target: true, attachType: 'trace_uprobe_session', sleepable: true },
      { prefix: 'ksyscall', target: true },
      { prefix: 'kretsyscall', target: true },
      { prefix: 'usdt', target: true },
      { prefix: 'usdt.s', target: true, sleepable: true },
    ],
    ctx: PT_REGS_CTX,
    ctxType: 'bpf_user_pt_regs_t',
    returns: 'any',
    returnsFor: { trace_kprobe_session: [0, 1], trace_uprobe_session: [0, 1] },
  },
  {
    id: 3,
    name: 'sched_cls',
    since: '4.1',
    sections: [
      { prefix: 'tc/ingress', attachType: 'tcx_ingress' },
      { prefix: 'tc/egress', attachType: 'tcx_egress' },
      { prefix: 'tcx/ingress', attachType: 'tcx_ingress' },
      { prefix: 'tcx/egress', attachType: 'tcx_egress' },
      { prefix: 'tc' },
      { prefix: 'classifier' },
      { prefix: 'netkit/primary', attachType: 'netkit_primary' },
      { prefix: 'netkit/peer', attachType: 'netkit_peer' },
    ],
    ctx: SKB_TC,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 4,
    name: 'sched_act',
    since: '4.1',
    sections: [{ prefix: 'action' }],
    ctx: SKB_TC,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 5,
    name: 'tracepoint',
    since: '4.7',
    sections: [
      { prefix: 'tracepoint', target: true },
      { prefix: 'tp', target: true },
      { prefix: 'tracepoint.s', target: true, sleepable: true },
      { prefix: 'tp.s', target: true, sleepable: true },
    ],
    ctx: TRACEPOINT_CTX,
    ctxType: 'void',
    returns: 'any',
  },
  {
    id: 6,
    name: 'xdp',
    since: '4.8',
    sections: [
      { prefix: 'xdp.frags/devmap', attachType: 'xdp_devmap' },
      { prefix: 'xdp/devmap', attachType: 'xdp_devmap' },
      { prefix: 'xdp.frags/cpumap', attachType: 'xdp_cpumap' },
      { prefix: 'xdp/cpumap', attachType: 'xdp_cpumap' },
      { prefix: 'xdp.frags', attachType: 'xdp' },
      { prefix: 'xdp', attachType: 'xdp' },
    ],
    ctx: XDP_MD,
    ctxType: 'xdp_md',
    returns: 'any',
  },
  {
    id: 7,
    name: 'perf_event',
    since: '4.9',
    sections: [{ prefix: 'perf_event' }],
    ctx: PERF_EVENT_CTX,
    ctxType: 'bpf_perf_event_data',
    returns: 'any',
  },
  {
    id: 8,
    name: 'cgroup_skb',
    since: '4.10',
    sections: [
      { prefix: 'cgroup_skb/ingress', attachType: 'cgroup_inet_ingress' },
      { prefix: 'cgroup_skb/egress', attachType: 'cgroup_inet_egress' },
      { prefix: 'cgroup/skb' },
    ],
    ctx: SKB_CGROUP,
    ctxType: '__sk_buff',
    returns: [0, 1],
    returnsFor: { cgroup_inet_egress: [0, 3] },
    attachTypes: ['cgroup_inet_ingress', 'cgroup_inet_egress'],
  },
  {
    id: 9,
    name: 'cgroup_sock',
    since: '4.10',
    sections: [
      { prefix: 'cgroup/sock_create', attachType: 'cgroup_inet_sock_create' },
      { prefix: 'cgroup/sock_release', attachType: 'cgroup_inet_sock_release' },
      { prefix: 'cgroup/sock', attachType: 'cgroup_inet_sock_create' },
      { prefix: 'cgroup/post_bind4', attachType: 'cgroup_inet4_post_bind' },
      { prefix: 'cgroup/post_bind6', attachType: 'cgroup_inet6_post_bind' },
    ],
    ctx: BPF_SOCK,
    ctxType: 'bpf_sock',
    returns: [0, 1],
    attachTypes: [
      'cgroup_inet_sock_create',
      'cgroup_inet_sock_release',
      'cgroup_inet4_post_bind',
      'cgroup_inet6_post_bind',
    ],
  },
  {
    id: 10,
    name: 'lwt_in',
    since: '4.10',
    sections: [{ prefix: 'lwt_in' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 11,
    name: 'lwt_out',
    since: '4.10',
    sections: [{ prefix: 'lwt_out' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 12,
    name: 'lwt_xmit',
    since: '4.10',
    sections: [{ prefix: 'lwt_xmit' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 13,
    name: 'sock_ops',
    since: '4.13',
    sections: [{ prefix: 'sockops', attachType: 'cgroup_sock_ops' }],
    ctx: BPF_SOCK_OPS,
    ctxType: 'bpf_sock_ops',
    returns: [0, 1],
  },
  {
    id: 14,
    name: 'sk_skb',
    since: '4.14',
    sections: [
      { prefix: 'sk_skb/stream_parser', attachType: 'sk_skb_stream_parser' },
      { prefix: 'sk_skb/stream_verdict', attachType: 'sk_skb_stream_verdict' },
      { prefix: 'sk_skb/verdict', attachType: 'sk_skb_verdict' },
      { prefix: 'sk_skb' },
    ],
    ctx: SKB_SK_SKB,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 15,
    name: 'cgroup_device',
    since: '4.15',
    sections: [{ prefix: 'cgroup/dev', attachType: 'cgroup_device' }],
    ctx: BPF_CGROUP_DEV_CTX,
    ctxType: 'bpf_cgroup_dev_ctx',
    returns: [0, 1],
  },
  {
    id: 16,
    name: 'sk_msg',
    since: '4.17',
    sections: [{ prefix: 'sk_msg', attachType: 'sk_msg_verdict' }],
    ctx: SK_MSG_MD,
    ctxType: 'sk_msg_md',
    returns: 'any',
  },
  {
    id: 17,
    name: 'raw_tracepoint',
    since: '4.17',
    sections: [
      { prefix: 'raw_tracepoint', target: true },
      { prefix: 'raw_tp', target: true },
      { prefix: 'raw_tracepoint.s', target: true, sleepable: true },
      { prefix: 'raw_tp.s', target: true, sleepable: true },
    ],
    ctx: RAW_TRACEPOINT_CTX,
    ctxType: 'bpf_raw_tracepoint_args',
    returns: 'any',
  },
  {
    id: 18,
    name: 'cgroup_sock_addr',
    since: '4.17',
    sections: [
      { prefix: 'cgroup/bind4', attachType: 'cgroup_inet4_bind' },
      { prefix: 'cgroup/bind6', attachType: 'cgroup_inet6_bind' },
      { prefix: 'cgroup/connect4', attachType: 'cgroup_inet4_connect' },
      { prefix: 'cgroup/connect6', attachType: 'cgroup_inet6_connect' },
      { prefix: 'cgroup/connect_unix', attachType: 'cgroup_unix_connect' },
      { prefix: 'cgroup/sendmsg4', attachType: 'cgroup_udp4_sendmsg' },
      { prefix: 'cgroup/sendmsg6', attachType: 'cgroup_udp6_sendmsg' },
      { prefix: 'cgroup/sendmsg_unix', attachType: 'cgroup_unix_sendmsg' },
      { prefix: 'cgroup/recvmsg4', attachType: 'cgroup_udp4_recvmsg' },
      { prefix: 'cgroup/recvmsg6', attachType: 'cgroup_udp6_recvmsg' },
      { prefix: 'cgroup/recvmsg_unix', attachType: 'cgroup_unix_recvmsg' },
      { prefix: 'cgroup/getpeername4', attachType: 'cgroup_inet4_getpeername' },
      { prefix: 'cgroup/getpeername6', attachType: 'cgroup_inet6_getpeername' },
      { prefix: 'cgroup/getpeername_unix', attachType: 'cgroup_unix_getpeername' },
      { prefix: 'cgroup/getsockname4', attachType: 'cgroup_inet4_getsockname' },
      { prefix: 'cgroup/getsockname6', attachType: 'cgroup_inet6_getsockname' },
      { prefix: 'cgroup/getsockname_unix', attachType: 'cgroup_unix_getsockname' },
    ],
    ctx: BPF_SOCK_ADDR,
    ctxType: 'bpf_sock_addr',
    returns: [0, 1],
    returnsFor: {
      cgroup_inet4_getpeername: [1, 1],
      cgroup_inet6_getpeername: [1, 1],
      cgroup_unix_getpeername: [1, 1],
      cgroup_inet4_getsockname: [1, 1],
      cgroup_inet6_getsockname: [1, 1],
      cgroup_unix_getsockname: [1, 1],
      cgroup_udp4_recvmsg: [1, 1],
      cgroup_udp6_recvmsg: [1, 1],
      cgroup_unix_recvmsg: [1, 1],
      cgroup_inet4_bind: [0, 3],
      cgroup_inet6_bind: [0, 3],
    },
    attachTypes: [
      'cgroup_inet4_bind',
      'cgroup_inet6_bind',
      'cgroup_inet4_connect',
      'cgroup_inet6_connect',
      'cgroup_unix_connect',
      'cgroup_inet4_getpeername',
      'cgroup_inet6_getpeername',
      'cgroup_unix_getpeername',
      'cgroup_inet4_getsockname',
      'cgroup_inet6_getsockname',
      'cgroup_unix_getsockname',
      'cgroup_udp4_sendmsg',
      'cgroup_udp6_sendmsg',
      'cgroup_unix_sendmsg',
      'cgroup_udp4_recvmsg',
      'cgroup_udp6_recvmsg',
      'cgroup_unix_recvmsg',
    ],
  },
  {
    id: 19,
    name: 'lwt_seg6local',
    since: '4.18',
    sections: [{ prefix: 'lwt_seg6local' }],
    ctx: SKB_LWT,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 20,
    name: 'lirc_mode2',
    since: '4.18',
    sections: [{ prefix: 'lirc_mode2', attachType: 'lirc_mode2' }],
    ctx: LIRC_CTX,
    ctxType: 'unsigned int',
    returns: 'any',
  },
  {
    id: 21,
    name: 'sk_reuseport',
    since: '4.19',
    sections: [
      { prefix: 'sk_reuseport/migrate', attachType: 'sk_reuseport_select_or_migrate' },
      { prefix: 'sk_reuseport', attachType: 'sk_reuseport_select' },
    ],
    ctx: SK_REUSEPORT_MD,
    ctxType: 'sk_reuseport_md',
    returns: 'any',
    attachTypes: ['sk_reuseport_select', 'sk_reuseport_select_or_migrate'],
  },
  {
    id: 22,
    name: 'flow_dissector',
    since: '4.20',
    sections: [{ prefix: 'flow_dissector', attachType: 'flow_dissector' }],
    ctx: SKB_FLOW_DISSECTOR,
    ctxType: '__sk_buff',
    returns: 'any',
  },
  {
    id: 23,
    name: 'cgroup_sysctl',
    since: '5.2',
    sections: [{ prefix: 'cgroup/sysctl', attachType: 'cgroup_sysctl' }],
    ctx: BPF_SYSCTL,
    ctxType: 'bpf_sysctl',
    returns: [0, 1],
  },
  {
    id: 24,
    name: 'raw_tracepoint_writable',
    since: '5.2',
    sections: [
      { prefix: 'raw_tracepoint.w', target: true },
      { prefix: 'raw_tp.w', target: true },
    ],
    ctx: RAW_TRACEPOINT_WRITABLE_CTX,
    ctxType: 'bpf_raw_tracepoint_args',
    returns: 'any',
  },
  {
    id: 25,
    name: 'cgroup_sockopt',
    since: '5.3',
    sections: [
      { prefix: 'cgroup/getsockopt', attachType: 'cgroup_getsockopt' },
      { prefix: 'cgroup/setsockopt', attachType: 'cgroup_setsockopt' },
    ],
    ctx: BPF_SOCKOPT,
    ctxType: 'bpf_sockopt',
    returns: [0, 1],
    attachTypes: ['cgroup_getsockopt', 'cgroup_setsockopt'],
  },
  {
    id: 26,
    name: 'tracing',
    since: '5.5',
    sections: [
      { prefix: 'tp_btf', target: true, attachType: 'trace_raw_tp' },
      { prefix: 'tp_btf.s', target: true, attachType: 'trace_raw_tp', sleepable: true },
      { prefix: 'fentry', target: true, attachType: 'trace_fentry' },
      { prefix: 'fmod_ret', target: true, attachType: 'modify_return' },
      { prefix: 'fexit', target: true, attachType: 'trace_fexit' },
      { prefix: 'fentry.s', target: true, attachType: 'trace_fentry', sleepable: true },
      { prefix: 'fmod_ret.s', target: true, attachType: 'modify_return', sleepable: true },
      { prefix: 'fexit.s', target: true, attachType: 'trace_fexit', sleepable: true },
      { prefix: 'iter', target: true, attachType: 'trace_iter' },
      { prefix: 'iter.s', target: true, attachType: 'trace_iter', sleepable: true },
    ],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
    returnsFor: { trace_fentry: [0, 0], trace_fexit: [0, 0], trace_iter: [0, 1] },
    attachTypes: ['trace_raw_tp', 'trace_fentry', 'trace_fexit', 'modify_return', 'trace_iter'],
  },
  {
    id: 27,
    name: 'struct_ops',
    since: '5.6',
    sections: [
      { prefix: 'struct_ops', target: true },
      { prefix: 'struct_ops.s', target: true, sleepable: true },
    ],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
  },
  {
    id: 28,
    name: 'ext',
    since: '5.6',
    sections: [{ prefix: 'freplace', target: true }],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
  },
  {
    id: 29,
    name: 'lsm',
    since: '5.7',
    sections: [
      { prefix: 'lsm', target: true, attachType: 'lsm_mac' },
      { prefix: 'lsm.s', target: true, attachType: 'lsm_mac', sleepable: true },
      { prefix: 'lsm_cgroup', target: true, attachType: 'lsm_cgroup' },
    ],
    ctx: BTF_ARGS_CTX,
    ctxType: 'void',
    returns: 'any',
    returnsFor: { lsm_cgroup: [0, 1] },
    attachTypes: ['lsm_mac', 'lsm_cgroup'],
  },
  {
    id: 30,
    name: 'sk_lookup',
    since: '5.9',
    sections: [{ prefix: 'sk_lookup', attachType: 'sk_lookup' }],
    ctx: BPF_SK_LOOKUP,
    ctxType: 'bpf_sk_lookup',
    returns: [0, 1],
    attachTypes: ['sk_lookup'],
  },
  {
    id: 31,
    name: 'syscall',
    since: '5.14',
    sections: [{ prefix: 'syscall', sleepable: true }],
    ctx: SYSCALL_CTX,
    ctxType: 'void',
    returns: 'any',
  },
  {
    id: 32,
    name: 'netfilter',
    since: '6.4',
    sections: [{ prefix: 'netfilter', attachType: 'netfilter' }],
    ctx: NETFILTER_CTX,
    ctxType: 'bpf_nf_ctx',
    returns: [0, 1],
    attachTypes: ['netfilter'],
  },
];
var byName4 = new Map(PROG_TYPES.map((row2) => [row2.name, row2]));
function progTypeByName(name) {
  return byName4.get(name) ?? byName4.get(name.toLowerCase().replace(/^bpf_prog_type_/, ''));
}
var prefixes = PROG_TYPES.flatMap((row2) => row2.sections.map((section2) => ({ row: row2, section: section2 }))).sort(
  (a, b) => b.section.prefix.length - a.section.prefix.length,
);
function returnRange(row2, attachType) {
  const name = attachType === void 0 ? void 0 : attachTypeByName(attachType)?.name;
  return (name !== void 0 && row2.returnsFor?.[name]) || row2.returns;
}

// core/verifier/u64.ts
function ult(aLo, aHi, bLo, bHi) {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0;
}
function slt(aLo, aHi, bLo, bHi) {
  return aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi < bHi;
}
function carry(a, sum2) {
  return sum2 >>> 0 < a >>> 0 ? 1 : 0;
}
function borrow(a, b) {
  return a >>> 0 < b >>> 0 ? 1 : 0;
}
function addHi(aLo, aHi, bLo, bHi) {
  return (aHi + bHi + carry(aLo, (aLo + bLo) | 0)) | 0;
}
function subHi(aLo, aHi, bLo, bHi) {
  return (aHi - bHi - borrow(aLo, bLo)) | 0;
}
function toDouble(lo, hi) {
  return hi * 4294967296 + (lo >>> 0);
}
function toDoubleU(lo, hi) {
  return (hi >>> 0) * 4294967296 + (lo >>> 0);
}
function mulHi32(a, b) {
  const aL = a & 65535;
  const aH = a >>> 16;
  const bL = b & 65535;
  const bH = b >>> 16;
  const mid = aH * bL + ((aL * bL) >>> 16);
  const mid2 = aL * bH + (mid % 65536);
  return (aH * bH + Math.floor(mid / 65536) + Math.floor(mid2 / 65536)) | 0;
}
function mulHi(aLo, aHi, bLo, bHi) {
  return (mulHi32(aLo, bLo) + Math.imul(aLo, bHi) + Math.imul(aHi, bLo)) | 0;
}
function bitLength(lo, hi) {
  return hi !== 0 ? 64 - Math.clz32(hi) : 32 - Math.clz32(lo);
}
function toBigU(lo, hi) {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
function toBigS(lo, hi) {
  return BigInt.asIntN(64, toBigU(lo, hi));
}
function hex64(lo, hi) {
  const low = (lo >>> 0).toString(16);
  return hi === 0 ? `0x${low}` : `0x${(hi >>> 0).toString(16)}${low.padStart(8, '0')}`;
}

// core/verifier/tnum.ts
function set(out, vLo, vHi, mLo, mHi) {
  out.vLo = vLo | 0;
  out.vHi = vHi | 0;
  out.mLo = mLo | 0;
  out.mHi = mHi | 0;
}
function isConst(t) {
  return (t.mLo | t.mHi) === 0;
}
function isUnknown(t) {
  return (t.mLo & t.mHi) === -1;
}
function isZero(t) {
  return (t.mLo | t.mHi | t.vLo | t.vHi) === 0;
}
function range(out, minLo, minHi, maxLo, maxHi) {
  const xHi = minHi ^ maxHi;
  const xLo = minLo ^ maxLo;
  let mHi = 0;
  let mLo = 0;
  if (xHi !== 0) {
    mLo = -1;
    mHi = Math.clz32(xHi) === 0 ? -1 : (1 << (32 - Math.clz32(xHi))) - 1;
  } else if (xLo !== 0) {
    mLo = Math.clz32(xLo) === 0 ? -1 : (1 << (32 - Math.clz32(xLo))) - 1;
  }
  set(out, minLo & ~mLo, minHi & ~mHi, mLo, mHi);
}
function add(out, a, b) {
  const smLo = (a.mLo + b.mLo) | 0;
  const smHi = addHi(a.mLo, a.mHi, b.mLo, b.mHi);
  const svLo = (a.vLo + b.vLo) | 0;
  const svHi = addHi(a.vLo, a.vHi, b.vLo, b.vHi);
  const chiLo = ((smLo + svLo) | 0) ^ svLo;
  const chiHi = addHi(smLo, smHi, svLo, svHi) ^ svHi;
  const muLo = chiLo | a.mLo | b.mLo;
  const muHi = chiHi | a.mHi | b.mHi;
  set(out, svLo & ~muLo, svHi & ~muHi, muLo, muHi);
}
function sub(out, a, b) {
  const dLo = (a.vLo - b.vLo) | 0;
  const dHi = subHi(a.vLo, a.vHi, b.vLo, b.vHi);
  const upLo = (dLo + a.mLo) | 0;
  const upHi = addHi(dLo, dHi, a.mLo, a.mHi);
  const downLo = (dLo - b.mLo) | 0;
  const downHi = subHi(dLo, dHi, b.mLo, b.mHi);
  const muLo = (upLo ^ downLo) | a.mLo | b.mLo;
  const muHi = (upHi ^ downHi) | a.mHi | b.mHi;
  set(out, dLo & ~muLo, dHi & ~muHi, muLo, muHi);
}
function and(out, a, b) {
  const vLo = a.vLo & b.vLo;
  const vHi = a.vHi & b.vHi;
  set(out, vLo, vHi, (a.vLo | a.mLo) & (b.vLo | b.mLo) & ~vLo, (a.vHi | a.mHi) & (b.vHi | b.mHi) & ~vHi);
}
function or(out, a, b) {
  const vLo = a.vLo | b.vLo;
  const vHi = a.vHi | b.vHi;
  set(out, vLo, vHi, (a.mLo | b.mLo) & ~vLo, (a.mHi | b.mHi) & ~vHi);
}
function xor(out, a, b) {
  const muLo = a.mLo | b.mLo;
  const muHi = a.mHi | b.mHi;
  set(out, (a.vLo ^ b.vLo) & ~muLo, (a.vHi ^ b.vHi) & ~muHi, muLo, muHi);
}
function intersect(out, a, b) {
  const muLo = a.mLo & b.mLo;
  const muHi = a.mHi & b.mHi;
  set(out, (a.vLo | b.vLo) & ~muLo, (a.vHi | b.vHi) & ~muHi, muLo, muHi);
}
function union(out, a, b) {
  const muLo = (a.vLo ^ b.vLo) | a.mLo | b.mLo;
  const muHi = (a.vHi ^ b.vHi) | a.mHi | b.mHi;
  set(out, a.vLo & b.vLo & ~muLo, a.vHi & b.vHi & ~muHi, muLo, muHi);
}
function lsh(out, a, n) {
  if (n === 0) set(out, a.vLo, a.vHi, a.mLo, a.mHi);
  else if (n >= 32) set(out, 0, a.vLo << (n - 32), 0, a.mLo << (n - 32));
  else {
    set(out, a.vLo << n, (a.vHi << n) | (a.vLo >>> (32 - n)), a.mLo << n, (a.mHi << n) | (a.mLo >>> (32 - n)));
  }
}
function rsh(out, a, n) {
  if (n === 0) set(out, a.vLo, a.vHi, a.mLo, a.mHi);
  else if (n >= 32) set(out, a.vHi >>> (n - 32), 0, a.mHi >>> (n - 32), 0);
  else {
    set(out, (a.vLo >>> n) | (a.vHi << (32 - n)), a.vHi >>> n, (a.mLo >>> n) | (a.mHi << (32 - n)), a.mHi >>> n);
  }
}
function arsh(out, a, n) {
  if (n === 0) set(out, a.vLo, a.vHi, a.mLo, a.mHi);
  else if (n >= 32) set(out, a.vHi >> (n - 32), a.vHi >> 31, a.mHi >> (n - 32), a.mHi >> 31);
  else set(out, (a.vLo >>> n) | (a.vHi << (32 - n)), a.vHi >> n, (a.mLo >>> n) | (a.mHi << (32 - n)), a.mHi >> n);
}
var multiplier = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
var shifted = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
var sum = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
var taken = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
function mul(out, a, b) {
  set(multiplier, a.vLo, a.vHi, a.mLo, a.mHi);
  set(shifted, b.vLo, b.vHi, b.mLo, b.mHi);
  set(sum, 0, 0, 0, 0);
  while ((multiplier.vLo | multiplier.vHi | multiplier.mLo | multiplier.mHi) !== 0) {
    if (multiplier.vLo & 1) add(sum, sum, shifted);
    else if (multiplier.mLo & 1) {
      add(taken, sum, shifted);
      union(sum, sum, taken);
    }
    rsh(multiplier, multiplier, 1);
    lsh(shifted, shifted, 1);
  }
  set(out, sum.vLo, sum.vHi, sum.mLo, sum.mHi);
}
function overlap(a, b) {
  return (
    ((a.vLo ^ b.vLo) & ~a.mLo & ~b.mLo) === 0 && //
    ((a.vHi ^ b.vHi) & ~a.mHi & ~b.mHi) === 0
  );
}
function overlap32(a, b) {
  return ((a.vLo ^ b.vLo) & ~a.mLo & ~b.mLo) === 0;
}
function contains(a, b) {
  if ((b.mLo & ~a.mLo) !== 0 || (b.mHi & ~a.mHi) !== 0) return false;
  return a.vLo === (b.vLo & ~a.mLo) && a.vHi === (b.vHi & ~a.mHi);
}
function next(out, t, zLo, zHi) {
  const topLo = t.vLo | t.mLo;
  const topHi = t.vHi | t.mHi;
  if (!ult(zLo, zHi, topLo, topHi)) {
    out.lo = topLo;
    out.hi = topHi;
    return;
  }
  if (ult(zLo, zHi, t.vLo, t.vHi)) {
    out.lo = t.vLo;
    out.hi = t.vHi;
    return;
  }
  let depart = -1;
  for (let i = 63; i >= 0; i--) {
    const high = i >= 32;
    const bit2 = i & 31;
    const z = ((high ? zHi : zLo) >>> bit2) & 1;
    if (((high ? t.mHi : t.mLo) >>> bit2) & 1) {
      if (z === 0) depart = i;
      continue;
    }
    const v = ((high ? t.vHi : t.vLo) >>> bit2) & 1;
    if (v === z) continue;
    if (v > z) depart = i;
    break;
  }
  const bit = depart & 31;
  const above = bit === 31 ? 0 : -1 << (bit + 1);
  const below2 = (1 << bit) - 1;
  if (depart >= 32) {
    out.hi = (zHi & above) | (1 << bit) | (t.vHi & below2);
    out.lo = t.vLo;
  } else {
    out.hi = zHi;
    out.lo = (zLo & above) | (1 << bit) | (t.vLo & below2);
  }
}
function format2(t) {
  if (isConst(t)) return t.vHi === 0 && t.vLo >= 0 && t.vLo <= 65535 ? String(t.vLo) : hex64(t.vLo, t.vHi);
  return `(${hex64(t.vLo, t.vHi)}; ${hex64(t.mLo, t.mHi)})`;
}

// core/verifier/reg.ts
var KIND = {
  NOT_INIT: 0,
  SCALAR: 1,
  CTX: 2,
  MAP_PTR: 3,
  MAP_VALUE: 4,
  MAP_KEY: 5,
  STACK: 6,
  PKT_META: 7,
  PKT: 8,
  PKT_END: 9,
  FLOW_KEYS: 10,
  SOCKET: 11,
  SOCK_COMMON: 12,
  TCP_SOCK: 13,
  TP_BUFFER: 14,
  XDP_SOCK: 15,
  BTF_ID: 16,
  MEM: 17,
  BUF: 18,
  FUNC: 19,
  DYNPTR: 20,
  ARENA: 21,
};
var KIND_NAMES = [
  '?',
  'scalar',
  'ctx',
  'map_ptr',
  'map_value',
  'map_key',
  'fp',
  'pkt_meta',
  'pkt',
  'pkt_end',
  'flow_keys',
  'sock',
  'sock_common',
  'tcp_sock',
  'tp_buffer',
  'xdp_sock',
  'ptr_',
  'mem',
  'buf',
  'func',
  'dynptr_ptr',
  'arena',
];
var FLAG = {
  MAYBE_NULL: 1 << 8,
  RDONLY: 1 << 9,
  RINGBUF: 1 << 10,
  USER: 1 << 11,
  PERCPU: 1 << 12,
  RCU: 1 << 13,
  UNTRUSTED: 1 << 14,
  TRUSTED: 1 << 15,
  ALLOC: 1 << 16,
  NON_OWN_REF: 1 << 17,
  /** Memory taken from a dynptr over a packet: void when the packet moves. */
  PACKET_SLICE: 1 << 18,
};
var ADD_CONST64 = 1 << 30;
var ADD_CONST32 = 1 << 29;
var ADD_CONST = ADD_CONST64 | ADD_CONST32;
function kindOf(type) {
  return type & 255;
}
function typeName(type) {
  const kind = kindOf(type);
  let prefix = '';
  if (type & FLAG.RDONLY) prefix += 'rdonly_';
  if (type & FLAG.RINGBUF) prefix += 'ringbuf_';
  if (type & FLAG.USER) prefix += 'user_';
  if (type & FLAG.PERCPU) prefix += 'percpu_';
  if (type & FLAG.RCU) prefix += 'rcu_';
  if (type & FLAG.UNTRUSTED) prefix += 'untrusted_';
  if (type & FLAG.TRUSTED) prefix += 'trusted_';
  const nullable = type & FLAG.MAYBE_NULL ? (kind === KIND.BTF_ID ? 'or_null_' : '_or_null') : '';
  return `${prefix}${KIND_NAMES[kind]}${nullable}`;
}
var Reg = class _Reg {
  type;
  /** Fixed part of a pointer's offset; for a linked number the constant added to its base. */
  off;
  /**
   * What the kind needs: packet range, size of MEM, index of the map, BTF id, number of the subprogram, type of the dynptr.
   * AT_PKT_END and BEYOND_PKT_END are negative packet ranges.
   */
  aux;
  /** Second such field: id of the inner map, id of the dynptr a slice came from, 1 for a BTF id of the program's own BTF, first-slot mark of a dynptr, depth of an iterator. */
  aux2;
  /** Registers with the same id hold the same value (numbers), come from the same lookup (or-null), or have one base (packet). */
  id;
  /** The reference this pointer holds, or 0. */
  refObjId;
  /** Frame that a stack pointer points into. */
  frame;
  /** 1 when pruning must compare this number's range. */
  precise;
  vLo;
  vHi;
  mLo;
  mHi;
  uminLo;
  uminHi;
  umaxLo;
  umaxHi;
  sminLo;
  sminHi;
  smaxLo;
  smaxHi;
  u32min;
  u32max;
  s32min;
  s32max;
  /** Zeros, or a copy. Every field is assigned here once, in one order: one shape, no field written twice. */
  constructor(from = void 0) {
    if (from === void 0) {
      this.type = 0;
      this.off = 0;
      this.aux = 0;
      this.aux2 = 0;
      this.id = 0;
      this.refObjId = 0;
      this.frame = 0;
      this.precise = 0;
      this.vLo = 0;
      this.vHi = 0;
      this.mLo = 0;
      this.mHi = 0;
      this.uminLo = 0;
      this.uminHi = 0;
      this.umaxLo = 0;
      this.umaxHi = 0;
      this.sminLo = 0;
      this.sminHi = 0;
      this.smaxLo = 0;
      this.smaxHi = 0;
      this.u32min = 0;
      this.u32max = 0;
      this.s32min = 0;
      this.s32max = 0;
    } else {
      this.type = from.type;
      this.off = from.off;
      this.aux = from.aux;
      this.aux2 = from.aux2;
      this.id = from.id;
      this.refObjId = from.refObjId;
      this.frame = from.frame;
      this.precise = from.precise;
      this.vLo = from.vLo;
      this.vHi = from.vHi;
      this.mLo = from.mLo;
      this.mHi = from.mHi;
      this.uminLo = from.uminLo;
      this.uminHi = from.uminHi;
      this.umaxLo = from.umaxLo;
      this.umaxHi = from.umaxHi;
      this.sminLo = from.sminLo;
      this.sminHi = from.sminHi;
      this.smaxLo = from.smaxLo;
      this.smaxHi = from.smaxHi;
      this.u32min = from.u32min;
      this.u32max = from.u32max;
      this.s32min = from.s32min;
      this.s32max = from.s32max;
    }
  }
  clone() {
    return new _Reg(this);
  }
  /** Take over tnum and ranges. */
  copyRange(from) {
    this.vLo = from.vLo;
    this.vHi = from.vHi;
    this.mLo = from.mLo;
    this.mHi = from.mHi;
    this.uminLo = from.uminLo;
    this.uminHi = from.uminHi;
    this.umaxLo = from.umaxLo;
    this.umaxHi = from.umaxHi;
    this.sminLo = from.sminLo;
    this.sminHi = from.sminHi;
    this.smaxLo = from.smaxLo;
    this.smaxHi = from.smaxHi;
    this.u32min = from.u32min;
    this.u32max = from.u32max;
    this.s32min = from.s32min;
    this.s32max = from.s32max;
  }
  get kind() {
    return this.type & 255;
  }
  get isScalar() {
    return this.type === KIND.SCALAR;
  }
  get mayBeNull() {
    return (this.type & FLAG.MAYBE_NULL) !== 0;
  }
};
function isNull2(r) {
  return r.type === KIND.SCALAR && isZero(r);
}
function isConstScalar(r, width) {
  return r.type === KIND.SCALAR && (width === 32 ? r.mLo === 0 : isConst(r));
}
function sameRange(a, b) {
  return (
    a.vLo === b.vLo &&
    a.vHi === b.vHi &&
    a.mLo === b.mLo &&
    a.mHi === b.mHi &&
    a.uminLo === b.uminLo &&
    a.uminHi === b.uminHi &&
    a.umaxLo === b.umaxLo &&
    a.umaxHi === b.umaxHi &&
    a.sminLo === b.sminLo &&
    a.sminHi === b.sminHi &&
    a.smaxLo === b.smaxLo &&
    a.smaxHi === b.smaxHi &&
    a.u32min === b.u32min &&
    a.u32max === b.u32max &&
    a.s32min === b.s32min &&
    a.s32max === b.s32max
  );
}
var AT_PKT_END = -1;
var BEYOND_PKT_END = -2;
var SPILLABLE = /* @__PURE__ */ new Set([
  KIND.MAP_VALUE,
  KIND.STACK,
  KIND.CTX,
  KIND.PKT,
  KIND.PKT_META,
  KIND.PKT_END,
  KIND.FLOW_KEYS,
  KIND.MAP_PTR,
  KIND.SOCKET,
  KIND.SOCK_COMMON,
  KIND.TCP_SOCK,
  KIND.XDP_SOCK,
  KIND.BTF_ID,
  KIND.BUF,
  KIND.MEM,
  KIND.FUNC,
  KIND.MAP_KEY,
  KIND.ARENA,
]);
function isSpillable(type) {
  return SPILLABLE.has(kindOf(type));
}
function isPacket(type) {
  const kind = kindOf(type);
  return kind === KIND.PKT || kind === KIND.PKT_META;
}
function isSocket(type) {
  return type === KIND.SOCKET || type === KIND.SOCK_COMMON || type === KIND.TCP_SOCK || type === KIND.XDP_SOCK;
}
var MAX_OFFSET = 1 << 29;
function isNotNull(r) {
  if (r.mayBeNull) return false;
  if (!slt(-MAX_OFFSET, -1, r.sminLo, r.sminHi) || !slt(r.smaxLo, r.smaxHi, MAX_OFFSET, 0)) return false;
  const kind = r.kind;
  return (
    kind === KIND.SOCKET ||
    kind === KIND.TCP_SOCK ||
    kind === KIND.XDP_SOCK ||
    kind === KIND.BUF ||
    kind === KIND.MAP_VALUE ||
    kind === KIND.MAP_KEY ||
    kind === KIND.SOCK_COMMON ||
    (kind === KIND.MEM && (r.type & FLAG.UNTRUSTED) === 0) ||
    kind === KIND.MAP_PTR ||
    (kind === KIND.BTF_ID && isTrusted(r))
  );
}
var UNSAFE_FLAGS = ~(FLAG.ALLOC | FLAG.TRUSTED | FLAG.NON_OWN_REF | 255);
function isTrusted(r) {
  if (r.refObjId !== 0) return true;
  const kind = r.kind;
  if (kind === KIND.SOCKET || kind === KIND.SOCK_COMMON || kind === KIND.TCP_SOCK || kind === KIND.MAP_PTR) {
    return (r.type & UNSAFE_FLAGS) === 0;
  }
  return (r.type & (FLAG.ALLOC | FLAG.TRUSTED)) !== 0 && (r.type & UNSAFE_FLAGS) === 0;
}

// core/verifier/range.ts
var MIN32 = -2147483648;
var MAX32 = 2147483647;
function setKnown(r, lo, hi) {
  r.vLo = lo;
  r.vHi = hi;
  r.mLo = 0;
  r.mHi = 0;
  r.uminLo = r.umaxLo = r.sminLo = r.smaxLo = lo;
  r.uminHi = r.umaxHi = r.sminHi = r.smaxHi = hi;
  r.u32min = r.u32max = r.s32min = r.s32max = lo;
}
function setKnown32(r, lo) {
  r.vLo = lo;
  r.mLo = 0;
  r.u32min = r.u32max = r.s32min = r.s32max = lo;
}
function unbound64(r) {
  r.uminLo = r.uminHi = 0;
  r.umaxLo = r.umaxHi = -1;
  r.sminLo = 0;
  r.sminHi = MIN32;
  r.smaxLo = -1;
  r.smaxHi = MAX32;
}
function unbound32(r) {
  r.u32min = 0;
  r.u32max = -1;
  r.s32min = MIN32;
  r.s32max = MAX32;
}
function unbound(r) {
  unbound64(r);
  unbound32(r);
}
function makeUnknown(precise) {
  const r = new Reg();
  r.type = KIND.SCALAR;
  r.mLo = r.mHi = -1;
  unbound(r);
  r.precise = precise ? 1 : 0;
  return r;
}
function makeKnown(lo, hi) {
  const r = new Reg();
  r.type = KIND.SCALAR;
  setKnown(r, lo, hi);
  return r;
}
function makePointer(type) {
  const r = new Reg();
  r.type = type;
  return r;
}
function raiseUmin(r, lo, hi) {
  if (ult(r.uminLo, r.uminHi, lo, hi)) {
    r.uminLo = lo;
    r.uminHi = hi;
  }
}
function lowerUmax(r, lo, hi) {
  if (ult(lo, hi, r.umaxLo, r.umaxHi)) {
    r.umaxLo = lo;
    r.umaxHi = hi;
  }
}
function raiseSmin(r, lo, hi) {
  if (slt(r.sminLo, r.sminHi, lo, hi)) {
    r.sminLo = lo;
    r.sminHi = hi;
  }
}
function lowerSmax(r, lo, hi) {
  if (slt(lo, hi, r.smaxLo, r.smaxHi)) {
    r.smaxLo = lo;
    r.smaxHi = hi;
  }
}
function raiseU32min(r, value) {
  if (r.u32min >>> 0 < value >>> 0) r.u32min = value;
}
function lowerU32max(r, value) {
  if (value >>> 0 < r.u32max >>> 0) r.u32max = value;
}
function raiseS32min(r, value) {
  if (r.s32min < value) r.s32min = value;
}
function lowerS32max(r, value) {
  if (value < r.s32max) r.s32max = value;
}
function bounds32FromTnum(r) {
  raiseS32min(r, r.vLo | (r.mLo & MIN32));
  lowerS32max(r, r.vLo | (r.mLo & MAX32));
  raiseU32min(r, r.vLo);
  lowerU32max(r, r.vLo | r.mLo);
}
function boundsFromTnum(r) {
  bounds32FromTnum(r);
  raiseSmin(r, r.vLo, r.vHi | (r.mHi & MIN32));
  lowerSmax(r, r.vLo | r.mLo, r.vHi | (r.mHi & MAX32));
  raiseUmin(r, r.vLo, r.vHi);
  lowerUmax(r, r.vLo | r.mLo, r.vHi | r.mHi);
  if (singleValues) settleSingle(r);
}
var singleValues = true;
function useSingleValues(on) {
  singleValues = on;
}
var member = { lo: 0, hi: 0 };
function settleSingle(r) {
  if ((r.mHi === 0 ? r.mLo & (r.mLo + 1) : ~r.mLo | (r.mHi & (r.mHi + 1))) === 0) {
    if (r.uminLo === r.umaxLo && r.uminHi === r.umaxHi) {
      if (!isConst(r)) setKnown(r, r.uminLo, r.uminHi);
      return;
    }
    if (!ult(r.umaxLo, r.umaxHi, r.uminLo, r.uminHi)) return;
  }
  const inTnum = (r.uminLo & ~r.mLo) === r.vLo && (r.uminHi & ~r.mHi) === r.vHi;
  next(member, r, r.uminLo, r.uminHi);
  const { lo, hi } = member;
  const above = ult(r.umaxLo, r.umaxHi, lo, hi);
  if (inTnum) {
    if (above) setKnown(r, r.uminLo, r.uminHi);
    return;
  }
  if (lo === (r.vLo | r.mLo) && hi === (r.vHi | r.mHi)) {
    setKnown(r, lo, hi);
    return;
  }
  if (above) return;
  next(member, r, lo, hi);
  if (ult(r.umaxLo, r.umaxHi, member.lo, member.hi)) setKnown(r, lo, hi);
}
function deduce32(r) {
  if (r.uminHi === r.umaxHi) {
    raiseU32min(r, r.uminLo);
    lowerU32max(r, r.umaxLo);
    if (r.uminLo <= r.umaxLo) {
      raiseS32min(r, r.uminLo);
      lowerS32max(r, r.umaxLo);
    }
  }
  if (r.sminHi === r.smaxHi) {
    if (r.sminLo >>> 0 <= r.smaxLo >>> 0) {
      raiseU32min(r, r.sminLo);
      lowerU32max(r, r.smaxLo);
    }
    if (r.sminLo <= r.smaxLo) {
      raiseS32min(r, r.sminLo);
      lowerS32max(r, r.smaxLo);
    }
  }
  if (((r.uminHi + 1) | 0) === r.umaxHi && r.uminLo < 0 && r.umaxLo >= 0) {
    raiseS32min(r, r.uminLo);
    lowerS32max(r, r.umaxLo);
  }
  if (((r.sminHi + 1) | 0) === r.smaxHi && r.sminLo < 0 && r.smaxLo >= 0) {
    raiseS32min(r, r.sminLo);
    lowerS32max(r, r.smaxLo);
  }
  if (r.u32min <= r.u32max) {
    raiseS32min(r, r.u32min);
    lowerS32max(r, r.u32max);
  }
  if (r.s32min >>> 0 <= r.s32max >>> 0) {
    raiseU32min(r, r.s32min);
    lowerU32max(r, r.s32max);
  } else if (r.u32max >>> 0 < r.s32min >>> 0) {
    r.s32min = r.u32min;
    lowerU32max(r, r.s32max);
  } else if (r.s32max >>> 0 < r.u32min >>> 0) {
    r.s32max = r.u32max;
    raiseU32min(r, r.s32min);
  }
}
function deduce64(r) {
  if (!slt(r.umaxLo, r.umaxHi, r.uminLo, r.uminHi)) {
    raiseSmin(r, r.uminLo, r.uminHi);
    lowerSmax(r, r.umaxLo, r.umaxHi);
  }
  if (!ult(r.smaxLo, r.smaxHi, r.sminLo, r.sminHi)) {
    raiseUmin(r, r.sminLo, r.sminHi);
    lowerUmax(r, r.smaxLo, r.smaxHi);
  } else if (ult(r.umaxLo, r.umaxHi, r.sminLo, r.sminHi)) {
    r.sminLo = r.uminLo;
    r.sminHi = r.uminHi;
    lowerUmax(r, r.smaxLo, r.smaxHi);
  } else if (ult(r.smaxLo, r.smaxHi, r.uminLo, r.uminHi)) {
    r.smaxLo = r.umaxLo;
    r.smaxHi = r.umaxHi;
    raiseUmin(r, r.sminLo, r.sminHi);
  }
}
var scratch = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
function deduceMixed(r) {
  raiseUmin(r, r.u32min, r.uminHi);
  lowerUmax(r, r.u32max, r.umaxHi);
  raiseSmin(r, r.u32min, r.sminHi);
  lowerSmax(r, r.u32max, r.smaxHi);
  if (r.s32min >>> 0 <= r.s32max >>> 0) {
    raiseUmin(r, r.s32min, r.uminHi);
    lowerUmax(r, r.s32max, r.umaxHi);
    raiseSmin(r, r.s32min, r.sminHi);
    lowerSmax(r, r.s32max, r.smaxHi);
  }
  if (r.s32min >= 0 && !slt(r.sminLo, r.sminHi, MIN32, -1) && !slt(MAX32, 0, r.smaxLo, r.smaxHi)) {
    r.sminLo = r.uminLo = r.s32min;
    r.smaxLo = r.umaxLo = r.s32max;
    r.sminHi = r.smaxHi = r.uminHi = r.umaxHi = 0;
    range(scratch, r.sminLo, 0, r.smaxLo, 0);
    intersect(r, r, scratch);
  }
}
function tnumFromBounds(r) {
  range(scratch, r.uminLo, r.uminHi, r.umaxLo, r.umaxHi);
  intersect(r, r, scratch);
  range(scratch, r.u32min, 0, r.u32max, 0);
  const mask = r.mLo & scratch.mLo;
  r.vLo = (r.vLo | scratch.vLo) & ~mask;
  r.mLo = mask;
}
function sync(r) {
  boundsFromTnum(r);
  for (let i = 0; i < 3; i++) {
    deduce32(r);
    deduce64(r);
    deduceMixed(r);
  }
  tnumFromBounds(r);
  boundsFromTnum(r);
}
function forgetIfContradictory(r) {
  const bad2 =
    ult(r.umaxLo, r.umaxHi, r.uminLo, r.uminHi) ||
    slt(r.smaxLo, r.smaxHi, r.sminLo, r.sminHi) ||
    r.u32max >>> 0 < r.u32min >>> 0 ||
    r.s32max < r.s32min ||
    ((r.mLo | r.mHi) === 0 &&
      (r.uminLo !== r.vLo ||
        r.uminHi !== r.vHi ||
        r.umaxLo !== r.vLo ||
        r.umaxHi !== r.vHi ||
        r.sminLo !== r.vLo ||
        r.sminHi !== r.vHi ||
        r.smaxLo !== r.vLo ||
        r.smaxHi !== r.vHi)) ||
    (r.mLo === 0 && (r.u32min !== r.vLo || r.u32max !== r.vLo || r.s32min !== r.vLo || r.s32max !== r.vLo));
  if (bad2) unbound(r);
  return bad2;
}
function zeroExtend32(r) {
  r.vHi = 0;
  r.mHi = 0;
  r.uminLo = r.u32min;
  r.umaxLo = r.u32max;
  r.uminHi = r.umaxHi = r.sminHi = r.smaxHi = 0;
  if (r.s32min >= 0 && r.s32max >= 0) {
    r.sminLo = r.s32min;
    r.smaxLo = r.s32max;
  } else {
    r.sminLo = 0;
    r.smaxLo = -1;
  }
}
function truncate(r, size) {
  const mask = size === 4 ? -1 : (1 << (size * 8)) - 1;
  r.vLo &= mask;
  r.mLo &= mask;
  r.vHi = r.mHi = 0;
  if (r.uminHi === r.umaxHi && (r.uminLo & ~mask) === (r.umaxLo & ~mask)) {
    r.uminLo &= mask;
    r.umaxLo &= mask;
  } else {
    r.uminLo = 0;
    r.umaxLo = mask;
  }
  r.uminHi = r.umaxHi = r.sminHi = r.smaxHi = 0;
  r.sminLo = r.uminLo;
  r.smaxLo = r.umaxLo;
  if (size < 4) unbound32(r);
  sync(r);
}
function signExtend(value, size) {
  return size === 1 ? (value << 24) >> 24 : size === 2 ? (value << 16) >> 16 : value;
}
function signExtendTo64(r, size) {
  if (isConst(r)) {
    const lo = signExtend(r.vLo, size);
    setKnown(r, lo, lo >> 31);
    return;
  }
  const mask = size === 4 ? 0 : ~((1 << (size * 8)) - 1);
  if (r.sminHi === r.smaxHi && (r.sminLo & mask) === (r.smaxLo & mask)) {
    const a = signExtend(r.smaxLo, size);
    const b = signExtend(r.sminLo, size);
    const max2 = Math.max(a, b);
    const min2 = Math.min(a, b);
    if (max2 >= 0 === min2 >= 0) {
      r.s32min = r.u32min = r.sminLo = r.uminLo = min2;
      r.s32max = r.u32max = r.smaxLo = r.umaxLo = max2;
      r.sminHi = r.uminHi = min2 >> 31;
      r.smaxHi = r.umaxHi = max2 >> 31;
      range(r, min2, min2 >> 31, max2, max2 >> 31);
      return;
    }
  }
  const bits = size * 8 - 1;
  const min = size === 4 ? MIN32 : -(1 << bits);
  const max = size === 4 ? MAX32 : (1 << bits) - 1;
  r.sminLo = r.s32min = min;
  r.sminHi = -1;
  r.smaxLo = r.s32max = max;
  r.smaxHi = 0;
  r.uminLo = r.uminHi = r.u32min = 0;
  r.umaxLo = r.umaxHi = r.u32max = -1;
  set(r, 0, 0, -1, -1);
}
function signExtendTo32(r, size) {
  if (isConst(r)) {
    const lo = signExtend(r.vLo, size);
    r.vLo = lo;
    r.vHi = lo >> 31;
    r.u32min = r.u32max = r.s32min = r.s32max = lo;
    return;
  }
  const mask = ~((1 << (size * 8)) - 1);
  if ((r.s32min & mask) === (r.s32max & mask)) {
    const a = signExtend(r.s32max, size);
    const b = signExtend(r.s32min, size);
    const max = Math.max(a, b);
    const min = Math.min(a, b);
    if (max >= 0 === min >= 0) {
      r.s32min = r.u32min = min;
      r.s32max = r.u32max = max;
      range(r, min, min >> 31, max, max >> 31);
      r.vHi = r.mHi = 0;
      return;
    }
  }
  const bits = size * 8 - 1;
  r.s32min = -(1 << bits);
  r.s32max = (1 << bits) - 1;
  r.u32min = 0;
  r.u32max = -1;
  set(r, 0, 0, -1, 0);
}

// core/verifier/record.ts
var SPECIAL = {
  bpf_spin_lock: 4,
  bpf_res_spin_lock: 8,
  bpf_timer: 16,
  bpf_wq: 16,
  bpf_task_work: 8,
  bpf_list_head: 16,
  bpf_list_node: 24,
  bpf_rb_root: 16,
  bpf_rb_node: 32,
  bpf_refcount: 4,
};
var cache = /* @__PURE__ */ new WeakMap();
var structs = /* @__PURE__ */ new WeakMap();
var NONE = [];
function specialFields(env, map) {
  const btf = env.program.objectBtf;
  if (!btf || map.spec.valueType === 0) return NONE;
  let fields = cache.get(map);
  if (!fields) {
    fields = structFields(btf, env.kernelBtf, map.spec.valueType);
    cache.set(map, fields);
  }
  return fields;
}
function structFields(btf, kernel, id) {
  let known2 = structs.get(btf);
  if (!known2) {
    known2 = /* @__PURE__ */ new Map();
    structs.set(btf, known2);
  }
  let fields = known2.get(id);
  if (!fields) {
    const found = [];
    collect(btf, kernel, id, 0, found, 0, void 0);
    fields = found.length > MAX_FIELDS ? NONE : found;
    known2.set(id, fields);
  }
  return fields;
}
function specialField(env, map, name) {
  return specialFields(env, map).find((f) => f.name === name);
}
var KPTR_KINDS = { kptr_untrusted: 'unref', kptr: 'ref', percpu_kptr: 'percpu' };
function collect(btf, kernel, id, base, out, depth2, contains2) {
  if (depth2 > 8 || id === 0 || id >= btf.typeCount) return;
  const t = btf.type(id);
  switch (t.kind) {
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'type_tag':
      collect(btf, kernel, t.type, base, out, depth2 + 1, contains2);
      return;
    case 'struct': {
      const size = SPECIAL[t.name];
      if (size !== void 0) {
        out.push({
          offset: base,
          size,
          name: t.name,
          root: contains2 === void 0 ? void 0 : rootOf(btf, contains2),
        });
        return;
      }
      t.members.forEach((m, i) => {
        if (m.bitSize !== 0 || m.bitOffset % 8 !== 0) return;
        collect(btf, kernel, m.type, base + m.bitOffset / 8, out, depth2 + 1, tagOf(btf, t.id, i));
      });
      return;
    }
    case 'datasec':
      for (const v of t.vars) {
        const variable2 = btf.type(v.type);
        if (variable2.kind === 'var') {
          collect(btf, kernel, variable2.type, base + v.offset, out, depth2 + 1, tagOf(btf, v.type, -1));
        }
      }
      return;
    case 'array': {
      const size = typeSize(btf, t.type);
      const found = [];
      collect(btf, kernel, t.type, 0, found, depth2 + 1, contains2);
      if (found.length === 0) return;
      for (let n = 0; n < t.count && out.length <= MAX_FIELDS; n++) {
        for (const f of found) out.push({ ...f, offset: base + n * size + f.offset });
      }
      return;
    }
    case 'ptr': {
      const tag = t.type === 0 ? void 0 : btf.type(t.type);
      const kind = tag?.kind === 'type_tag' ? KPTR_KINDS[tag.name] : void 0;
      if (!kind || tag?.kind !== 'type_tag') return;
      const pointee = resolve(btf, tag.type);
      const inKernel = pointee.name === '' ? void 0 : kernel?.find(pointee.name, 'struct');
      out.push({
        offset: base,
        size: 8,
        name: 'kptr',
        kptr: { kind, target: inKernel ?? pointee.id, local: inKernel === void 0 },
      });
      return;
    }
    default:
  }
}
var MAX_FIELDS = 11;
function resolve(btf, id) {
  let t = btf.type(id);
  while (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile' || t.kind === 'type_tag') {
    t = btf.type(t.type);
  }
  return t;
}
function typeSize(btf, id) {
  const t = resolve(btf, id);
  if (t.kind === 'ptr') return 8;
  if (t.kind === 'array') return t.count * typeSize(btf, t.type);
  return 'size' in t ? t.size : 0;
}
var tags = /* @__PURE__ */ new WeakMap();
function tagOf(btf, id, component) {
  let known2 = tags.get(btf);
  if (!known2) {
    known2 = /* @__PURE__ */ new Map();
    for (let i = 1; i < btf.typeCount; i++) {
      const t = btf.type(i);
      if (t.kind === 'decl_tag' && t.name.startsWith('contains:'))
        known2.set(`${t.type}:${t.component}`, t.name.slice(9));
    }
    tags.set(btf, known2);
  }
  return known2.get(`${id}:${component}`);
}
function rootOf(btf, contains2) {
  const [struct2 = '', field2 = ''] = contains2.split(':');
  const id = btf.find(struct2, 'struct');
  const t = id === void 0 ? void 0 : btf.type(id);
  const member2 = t?.kind === 'struct' ? t.members.find((m) => m.name === field2) : void 0;
  return t && member2 ? { nodeType: t.id, nodeOffset: member2.bitOffset / 8 } : void 0;
}

// core/verifier/btf-walk.ts
function skipModifiers(btf, id) {
  let t = btf.type(id);
  while (
    t.kind === 'typedef' ||
    t.kind === 'const' ||
    t.kind === 'volatile' ||
    t.kind === 'restrict' ||
    t.kind === 'type_tag'
  ) {
    t = btf.type(t.type);
  }
  return t;
}
function sizeOf(btf, t) {
  switch (t.kind) {
    case 'int':
    case 'struct':
    case 'union':
    case 'enum':
    case 'enum64':
    case 'float':
      return t.size;
    case 'ptr':
      return 8;
    case 'array':
      return t.count * sizeOf(btf, skipModifiers(btf, t.type));
    default:
      return 0;
  }
}
function walkStruct(btf, id, off, size, before2) {
  let flags = before2;
  let t = skipModifiers(btf, id);
  again: for (;;) {
    const name = t.name;
    if (t.kind !== 'struct' && t.kind !== 'union') return `Type '${name}' is not a struct`;
    if (t.kind === 'union' && t.members.length !== 1) flags |= FLAG.UNTRUSTED;
    if (off + size > t.size) {
      const last = t.members[t.members.length - 1];
      const type = last && skipModifiers(btf, last.type);
      const start = last ? last.bitOffset / 8 : 0;
      if (type?.kind === 'array' && type.count === 0 && off >= start) {
        const element = skipModifiers(btf, type.type);
        if (element.kind === 'int') return { kind: 'scalar', id: 0, flags, field: last.name };
        if ((element.kind === 'struct' || element.kind === 'union') && element.size > 0) {
          off = (off - start) % element.size;
          t = element;
          continue;
        }
      }
      return `access beyond struct ${name} at off ${off} size ${size}`;
    }
    for (const m of t.members) {
      let start = Math.floor(m.bitOffset / 8);
      if (off + size <= start) break;
      if (m.bitSize > 0) {
        if (off <= start && Math.ceil((m.bitOffset + m.bitSize) / 8) <= off + size) {
          return { kind: 'scalar', id: 0, flags, field: m.name };
        }
        continue;
      }
      if (off < start) break;
      let type = skipModifiers(btf, m.type);
      let typeId = m.type;
      let width = sizeOf(btf, type);
      const end = start + width;
      if (off >= end) continue;
      if (type.kind === 'array') {
        while (type.kind === 'array') {
          typeId = type.type;
          type = skipModifiers(btf, type.type);
        }
        width = sizeOf(btf, type);
        if (width === 0) continue;
        start += Math.floor((off - start) / width) * width;
      }
      if (type.kind === 'struct' || type.kind === 'union') {
        if (off === start) return { kind: 'struct', id: type.id === 0 ? typeId : type.id, flags, field: m.name };
        off -= start;
        t = type;
        continue again;
      }
      if (type.kind === 'ptr') {
        if (width !== size || off !== start) {
          return `cannot access ptr member ${m.name} with moff ${start} in struct ${name} with off ${off} size ${size}`;
        }
        const direct = type.type === 0 ? void 0 : btf.type(type.type);
        const tag = direct?.kind === 'type_tag' ? direct.name : '';
        const target2 = skipModifiers(btf, type.type);
        if (target2.kind === 'struct' || target2.kind === 'union') {
          if (tag === 'user') flags |= FLAG.USER;
          if (tag === 'percpu') flags |= FLAG.PERCPU;
          if (tag === 'rcu') flags |= FLAG.RCU;
          return { kind: 'pointer', id: target2.id, flags, field: m.name };
        }
        return { kind: 'memory', id: 0, flags, field: m.name };
      }
      if (off + size > end && !(flags & FLAG.UNTRUSTED)) {
        return `access beyond the end of member ${m.name} (mend:${end}) in struct ${name} with off ${off} size ${size}`;
      }
      return { kind: 'scalar', id: 0, flags, field: m.name };
    }
    return `struct ${name} doesn't have field at offset ${off}`;
  }
}
function findField(btf, id, off, size) {
  let flags = 0;
  for (;;) {
    const result2 = walkStruct(btf, id, off, size, flags);
    if (typeof result2 === 'string' || result2.kind !== 'struct') return result2;
    id = result2.id;
    flags = result2.flags;
    off = 0;
  }
}
function structMatches(btf, have, off, want, strict) {
  if (off === 0 && sameType(btf, have, want)) return true;
  if (strict) return false;
  for (let depth2 = 0; depth2 < 16; depth2++) {
    const result2 = walkStruct(btf, have, off, 1, 0);
    if (typeof result2 === 'string' || result2.kind !== 'struct') return false;
    have = result2.id;
    if (sameType(btf, have, want)) return true;
    off = 0;
  }
  return false;
}
function sameType(btf, a, b) {
  if (a === b) return true;
  const ta = skipModifiers(btf, a);
  const tb = skipModifiers(btf, b);
  return ta.id === tb.id;
}
var TRUSTED_FIELDS = /* @__PURE__ */ new Set([
  'bpf_iter_meta.seq',
  'bpf_iter__task.meta',
  'bpf_iter__task.task',
  'linux_binprm.file',
  'file.f_inode',
  'vm_area_struct.vm_mm',
  'vm_area_struct.vm_file',
]);
var TRUSTED_OR_NULL_FIELDS = /* @__PURE__ */ new Set(['socket.sk', 'dentry.d_inode']);
var RCU_FIELDS = /* @__PURE__ */ new Set([
  'task_struct.cpus_ptr',
  'task_struct.cgroups',
  'task_struct.real_parent',
  'task_struct.group_leader',
  'cgroup.kn',
  'css_set.dfl_cgrp',
  'cgroup_subsys_state.cgroup',
]);
var RCU_OR_NULL_FIELDS = /* @__PURE__ */ new Set([
  'mm_struct.exe_file',
  'mm_struct.owner',
  'sk_buff.sk',
  'request_sock.sk',
]);
function inRcu(env) {
  return env.state.rcuLocks > 0 || env.state.locks > 0 || !(env.options.sleepable || env.state.sleepable);
}
function loadedFlags(env, r, owner2, found) {
  const { flags } = found;
  const trust = FLAG.TRUSTED | FLAG.ALLOC | FLAG.RCU;
  if (r.type & FLAG.UNTRUSTED) return FLAG.UNTRUSTED;
  if (!isTrusted(r) && !(r.type & FLAG.RCU)) return flags & ~trust;
  const name = `${owner2}.${found.field}`;
  if (TRUSTED_FIELDS.has(name)) return flags | FLAG.TRUSTED;
  if (TRUSTED_OR_NULL_FIELDS.has(name)) return flags | FLAG.TRUSTED | FLAG.MAYBE_NULL;
  if (!inRcu(env) || r.mayBeNull) return FLAG.UNTRUSTED;
  if (RCU_FIELDS.has(name)) return flags | FLAG.RCU;
  if (flags & FLAG.RCU || RCU_OR_NULL_FIELDS.has(name)) {
    const safe = RCU_OR_NULL_FIELDS.has(name) ? flags & ~FLAG.UNTRUSTED : flags;
    return safe | FLAG.RCU | FLAG.MAYBE_NULL;
  }
  if (flags & (FLAG.PERCPU | FLAG.USER)) return flags;
  return flags & ~trust;
}
function setPlain(env, reg, found) {
  const [major, minor] = env.options.kernel;
  if (found.kind === 'memory' && (major > 6 || (major === 6 && minor >= 17))) {
    env.setReg(reg, makePointer(KIND.MEM | FLAG.RDONLY | FLAG.UNTRUSTED));
  } else env.setUnknown(reg);
}
function isPlainStruct(btf, t, depth2 = 0) {
  if ((t.kind !== 'struct' && t.kind !== 'union') || depth2 > 4) return false;
  return t.members.every((m) => {
    let member2 = skipModifiers(btf, m.type);
    if (member2.kind === 'struct' || member2.kind === 'union') return isPlainStruct(btf, member2, depth2 + 1);
    if (member2.kind === 'array') member2 = skipModifiers(btf, member2.type);
    return member2.kind === 'int' || member2.kind === 'enum' || member2.kind === 'enum64';
  });
}
function loadThroughBtf(env, regno, off, a) {
  const r = env.regs[regno];
  const local2 = r.aux2 === 1;
  const btf = local2 ? env.program.objectBtf : env.kernelBtf;
  if (!btf) env.fail('unsupported', 'access to kernel objects needs the kernel BTF');
  const owner2 = btf.type(r.aux).name;
  if (!env.privileged) {
    env.fail('leak', `'struct ${owner2}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
  }
  if (!env.options.gpl) {
    env.fail('helper', `Cannot access kernel 'struct ${owner2}' from non-GPL compatible program`);
  }
  if (off < 0) env.fail('bounds', `R${regno} is ptr_${owner2} invalid negative access: off=${off}`);
  if (!isConst(r) || (r.vLo | r.vHi) !== 0) {
    env.fail('bounds', `R${regno} is ptr_${owner2} invalid variable offset: off=${off}, var_off=${format2(r)}`);
  }
  if (r.type & FLAG.USER) env.fail('type', `R${regno} is ptr_${owner2} access user memory: off=${off}`);
  if (r.type & FLAG.PERCPU) env.fail('type', `R${regno} is ptr_${owner2} access percpu memory: off=${off}`);
  if (a.write && !(r.type & FLAG.ALLOC && !(r.type & FLAG.UNTRUSTED))) env.fail('type', 'only read is supported');
  if (local2) {
    for (const f of structFields(btf, env.kernelBtf, r.aux)) {
      if (off < f.offset + f.size && f.offset < off + a.size) {
        env.fail('type', `direct access to ${f.name} is disallowed`);
      }
    }
  }
  const found = findField(btf, r.aux, off, a.size);
  if (typeof found === 'string') env.fail('bounds', found);
  if (a.reg < 0 || a.write) return;
  const result2 = found;
  if (result2.kind !== 'pointer' || r.type & FLAG.ALLOC) {
    setPlain(env, a.reg, r.type & FLAG.ALLOC ? { ...result2, kind: 'scalar' } : result2);
    return;
  }
  const flags = loadedFlags(env, r, owner2, result2);
  const loaded = makePointer(KIND.BTF_ID | flags);
  loaded.aux = result2.id;
  loaded.aux2 = r.aux2;
  if (flags & FLAG.MAYBE_NULL) loaded.id = env.newId();
  env.setReg(a.reg, loaded);
}
var MAP_STRUCTS = {
  array: 'bpf_array',
  percpu_array: 'bpf_array',
  prog_array: 'bpf_array',
  perf_event_array: 'bpf_array',
  cgroup_array: 'bpf_array',
  array_of_maps: 'bpf_array',
  hash: 'bpf_htab',
  percpu_hash: 'bpf_htab',
  lru_hash: 'bpf_htab',
  lru_percpu_hash: 'bpf_htab',
  hash_of_maps: 'bpf_htab',
  lpm_trie: 'lpm_trie',
  stack_trace: 'bpf_stack_map',
  queue: 'bpf_queue_stack',
  stack: 'bpf_queue_stack',
  ringbuf: 'bpf_ringbuf_map',
  user_ringbuf: 'bpf_ringbuf_map',
  devmap: 'bpf_dtab',
  devmap_hash: 'bpf_dtab',
  cpumap: 'bpf_cpu_map',
  xskmap: 'xsk_map',
  sockmap: 'bpf_stab',
  sockhash: 'bpf_shtab',
  reuseport_sockarray: 'reuseport_array',
  sk_storage: 'bpf_local_storage_map',
  inode_storage: 'bpf_local_storage_map',
  task_storage: 'bpf_local_storage_map',
  cgrp_storage: 'bpf_local_storage_map',
  bloom_filter: 'bpf_bloom_filter',
};
function loadThroughMapPointer(env, regno, off, a) {
  const r = env.regs[regno];
  const btf = env.kernelBtf;
  const { type } = env.map(r.aux).spec;
  const struct2 = MAP_STRUCTS[type] ?? 'bpf_map';
  const id = btf?.find(struct2, 'struct');
  if (!btf || id === void 0) {
    env.fail('unsupported', `access to struct ${struct2} needs the kernel BTF`);
  }
  if (!env.privileged) {
    env.fail('leak', `'struct ${struct2}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`);
  }
  if (off < 0) env.fail('bounds', `R${regno} is ${struct2} invalid negative access: off=${off}`);
  if (a.write) env.fail('type', `only read from ${struct2} is supported`);
  const found = findField(btf, id, off, a.size);
  if (typeof found === 'string') env.fail('bounds', found);
  if (a.reg < 0) return;
  const result2 = found;
  if (result2.kind !== 'pointer') {
    setPlain(env, a.reg, result2);
    return;
  }
  const loaded = makePointer(KIND.BTF_ID | result2.flags);
  loaded.aux = result2.id;
  env.setReg(a.reg, loaded);
}

// core/verifier/attach.ts
function findTarget(env) {
  const { type, attachType, attach } = env.program.spec;
  if (type !== 'tracing' && type !== 'lsm') return void 0;
  const btf = env.kernelBtf;
  if (!btf) return env.fail('unsupported', `${type} programs need the kernel BTF`);
  const name = attach?.target ?? '';
  if (name === '') env.fail('structure', 'Tracing programs must provide btf_id');
  if (attachType === 'trace_raw_tp') {
    const id2 = btf.find(`btf_trace_${name}`, 'typedef');
    const pointer = id2 === void 0 ? void 0 : skipModifiers(btf, id2);
    const proto2 = pointer?.kind === 'ptr' ? btf.type(pointer.type) : void 0;
    if (proto2?.kind !== 'func_proto') return env.fail('helper', `the kernel has no tracepoint '${name}'`);
    return { name: `btf_trace_${name}`, proto: proto2, skip: 1 };
  }
  const func =
    attachType === 'trace_iter'
      ? `bpf_iter_${name}`
      : type === 'lsm'
        ? `bpf_lsm_${name.replace(/^bpf_lsm_/, '')}`
        : name;
  const id = btf.find(func, 'func');
  const t = id === void 0 ? void 0 : btf.type(id);
  const proto = t?.kind === 'func' ? btf.type(t.type) : void 0;
  if (proto?.kind !== 'func_proto') return env.fail('helper', `the kernel has no function '${func}'`);
  return { name: func, proto, skip: 0 };
}
var targets = /* @__PURE__ */ new WeakMap();
function targetOf(env) {
  let target2 = targets.get(env);
  if (target2 === void 0) {
    target2 = findTarget(env) ?? null;
    targets.set(env, target2);
  }
  return target2 ?? void 0;
}
var NUMBER = { type: KIND.SCALAR, btfId: 0 };
function sizeRounded(btf, id) {
  const t = skipModifiers(btf, id);
  if (t.kind === 'ptr' || !('size' in t)) return 8;
  return Math.ceil(t.size / 8) * 8;
}
function attachArgument(env, off, size) {
  const target2 = targetOf(env);
  if (!target2?.proto || !env.kernelBtf) return NUMBER;
  const btf = env.kernelBtf;
  const { name, proto } = target2;
  const { attachType, type } = env.program.spec;
  if (off % 8 !== 0) {
    env.say(`func '${name}' offset ${off} is not multiple of 8`);
    return void 0;
  }
  const params = proto.params.slice(target2.skip);
  let index = 0;
  for (let at = 0; index < params.length; index++) {
    at += sizeRounded(btf, params[index].type);
    if (off < at) break;
  }
  let typeId;
  if (index === params.length) {
    const last = params.reduce((sum2, p) => sum2 + sizeRounded(btf, p.type), 0);
    const hasReturn =
      attachType === 'trace_fexit' || attachType === 'modify_return' || (type === 'lsm' && off === last);
    if (off !== last || !hasReturn) {
      env.say(`func '${name}' doesn't have ${off / 8 + 1}-th argument`);
      return void 0;
    }
    if (proto.ret === 0) return NUMBER;
    typeId = proto.ret;
  } else {
    typeId = params[index].type;
  }
  const t = skipModifiers(btf, typeId);
  if (t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64' || t.kind === 'struct' || t.kind === 'union') {
    return NUMBER;
  }
  if (t.kind !== 'ptr') {
    env.say(`func '${name}' arg${index} has type ${t.kind.toUpperCase()}. Only pointer access is allowed`);
    return void 0;
  }
  if (size !== 8) {
    env.say(`func '${name}' size ${size} must be 8`);
    return void 0;
  }
  const iterator2 = attachType === 'trace_iter';
  if (t.type === 0) {
    if (iterator2 && (params[index]?.name === 'key' || params[index]?.name === 'value')) {
      const readOnly = params[index].name === 'key' ? FLAG.RDONLY : 0;
      return { type: KIND.BUF | FLAG.MAYBE_NULL | readOnly, btfId: 0 };
    }
    return NUMBER;
  }
  const pointee = skipModifiers(btf, t.type);
  if (pointee.kind === 'void' || pointee.kind === 'int') return NUMBER;
  let flags = 0;
  if (attachType === 'trace_raw_tp' || attachType === 'trace_iter' || type === 'lsm') flags |= FLAG.TRUSTED;
  if (iterator2 && params[index]?.name !== 'meta') flags |= FLAG.MAYBE_NULL;
  if (params[index]?.name.endsWith('__nullable')) flags |= FLAG.MAYBE_NULL;
  let mayBeError = false;
  if (attachType === 'trace_raw_tp') {
    const mask = NULL_ARGUMENTS[name.slice('btf_trace_'.length)] ?? 0;
    if (mask & (1 << (index * 4))) flags |= FLAG.MAYBE_NULL;
    mayBeError = (mask & (2 << (index * 4))) !== 0;
  }
  const tag = btf.type(t.type);
  if (tag.kind === 'type_tag' && tag.name === 'user') flags |= FLAG.USER;
  if (tag.kind === 'type_tag' && tag.name === 'percpu') flags |= FLAG.PERCPU;
  if (pointee.kind !== 'struct' && pointee.kind !== 'union') {
    env.say(`func '${name}' arg${index} type ${pointee.kind.toUpperCase()} is not a struct`);
    return void 0;
  }
  return mayBeError ? NUMBER : { type: KIND.BTF_ID | flags, btfId: pointee.id };
}
var NULL_ARGUMENTS = {
  sched_pi_setprio: 16,
  sched_process_wait: 1,
  sched_stick_numa: 256,
  sched_swap_numa: 256,
  afs_make_fs_call: 16,
  afs_make_fs_calli: 16,
  afs_make_fs_call1: 16,
  afs_make_fs_call2: 16,
  afs_protocol_error: 1,
  afs_flock_ev: 16,
  cachefiles_lookup: 513,
  cachefiles_unlink: 1,
  cachefiles_rename: 1,
  cachefiles_prep_read: 1,
  cachefiles_mark_active: 1,
  cachefiles_mark_failed: 1,
  cachefiles_mark_inactive: 1,
  cachefiles_vfs_error: 1,
  cachefiles_io_error: 1,
  cachefiles_ondemand_open: 1,
  cachefiles_ondemand_copen: 1,
  cachefiles_ondemand_close: 1,
  cachefiles_ondemand_read: 1,
  cachefiles_ondemand_cread: 1,
  cachefiles_ondemand_fd_write: 1,
  cachefiles_ondemand_fd_release: 1,
  ext4_mballoc_discard: 16,
  ext4_mballoc_free: 16,
  fib_table_lookup: 256,
  posix_lock_inode: 16,
  fcntl_setlk: 16,
  locks_remove_posix: 16,
  flock_lock_inode: 16,
  break_lease_noblock: 16,
  break_lease_block: 16,
  break_lease_unblock: 16,
  generic_delete_lease: 16,
  time_out_leases: 16,
  host1x_cdma_push_gather: 65536,
  mm_khugepaged_scan_pmd: 16,
  mm_collapse_huge_page_isolate: 1,
  mm_khugepaged_scan_file: 16,
  mm_khugepaged_collapse_file: 16,
  mm_page_alloc: 1,
  mm_page_pcpu_drain: 1,
  mm_page_alloc_zone_locked: 1,
  netfs_failure: 16,
  device_pm_callback_start: 16,
  qdisc_dequeue: 4096,
  rxrpc_recvdata: 1,
  rxrpc_resend: 16,
  signal_generate: 32,
  signal_deliver: 32,
  kfree_skb: 4096,
  xs_stream_read_data: 1,
  xprt_reserve_cong: 16,
  xprt_release_cong: 16,
  xprt_get_cong: 16,
  xprt_put_cong: 16,
  tcp_send_reset: 17,
  tegra_dma_tx_status: 256,
  tmigr_update_events: 1,
  writeback_dirty_folio: 16,
  folio_wait_writeback: 16,
  mr_integ_alloc: 8192,
};

// core/verifier/refusal.ts
var Refusal = class extends Error {
  category;
  /** Lines the kernel's log has behind the message. */
  after;
  constructor(category, message, after = []) {
    super(message);
    this.category = category;
    this.after = after;
  }
};

// core/verifier/state.ts
var BYTE = { INVALID: 0, SPILL: 1, MISC: 2, ZERO: 3, DYNPTR: 4, ITER: 5, IRQ: 6 };
var BYTE_LETTERS = '?rm0dif';
function allBytes(kind) {
  return Math.imul(kind, 286331153);
}
var NOT_INIT = new Reg();
var HIST = { STACK_ACCESS: 1 << 9, DST_STACK: 1 << 10, SRC_STACK: 1 << 11 };
function stackAccess(frame, slot) {
  return HIST.STACK_ACCESS | (slot << 3) | frame;
}
var MAIN_CALLSITE = -1;
var Frame = class _Frame {
  regs;
  /** Kinds of the bytes of each allocated slot; slot 0 is fp-8. */
  kinds = [];
  spills = [];
  /** Slots that a later path reads before it writes them, as far as known (64 bits). */
  readLo = 0;
  readHi = 0;
  /** Slots wholly written since the last checkpoint. */
  wroteLo = 0;
  wroteHi = 0;
  /** Instruction of the call that made the frame. */
  callsite;
  frameno;
  subprog;
  inCallback = false;
  inAsyncCallback = false;
  /** A comparison called back by bpf_rbtree_add: runs under the tree's lock. */
  inLockedCallback = false;
  /** What the callback may return. */
  callbackMin = 0;
  callbackMax = 0;
  /** How often the callback called from this frame was unrolled. */
  callbackDepth = 0;
  asyncEntries = 0;
  constructor(callsite, frameno, subprog) {
    this.callsite = callsite;
    this.frameno = frameno;
    this.subprog = subprog;
    this.regs = new Array(11).fill(NOT_INIT);
    const fp = makePointer(KIND.STACK);
    fp.frame = frameno;
    this.regs[10] = fp;
  }
  clone() {
    const f = new _Frame(this.callsite, this.frameno, this.subprog);
    f.regs = this.regs.slice();
    f.kinds = this.kinds.slice();
    f.spills = this.spills.slice();
    f.readLo = this.readLo;
    f.readHi = this.readHi;
    f.wroteLo = this.wroteLo;
    f.wroteHi = this.wroteHi;
    f.inCallback = this.inCallback;
    f.inAsyncCallback = this.inAsyncCallback;
    f.inLockedCallback = this.inLockedCallback;
    f.callbackMin = this.callbackMin;
    f.callbackMax = this.callbackMax;
    f.callbackDepth = this.callbackDepth;
    f.asyncEntries = this.asyncEntries;
    return f;
  }
  /** Kind of the byte at this offset from the frame pointer (negative). */
  byteKind(off) {
    const index = -off - 1;
    return ((this.kinds[index >> 3] ?? 0) >> ((index & 7) * 4)) & 7;
  }
  setByteKind(off, kind) {
    const index = -off - 1;
    const shift = (index & 7) * 4;
    const slot = index >> 3;
    this.kinds[slot] = (this.kinds[slot] & ~(15 << shift)) | (kind << shift);
  }
  /** The slot holds a spilled register, at least in part (its lowest bytes). */
  isSpill(slot) {
    return this.kinds[slot] >>> 28 === BYTE.SPILL;
  }
  isScalarSpill(slot) {
    return this.isSpill(slot) && this.spills[slot].type === KIND.SCALAR;
  }
  markWrote(slot) {
    if (slot < 32) this.wroteLo |= 1 << slot;
    else this.wroteHi |= 1 << (slot - 32);
  }
  isRead(slot) {
    return ((slot < 32 ? this.readLo >> slot : this.readHi >> (slot - 32)) & 1) !== 0;
  }
};
var State = class _State {
  frames;
  refs = [];
  locks = 0;
  rcuLocks = 0;
  preemptLocks = 0;
  irqId = 0;
  sleepable = false;
  speculative = false;
  parent;
  /** Paths from this state not finished yet, this one included. */
  branches = 1;
  /** Checkpoints only: the instruction it stands before. */
  insn = -1;
  firstInsn = 0;
  lastInsn = -1;
  history = [];
  mayGotoDepth = 0;
  callbackUnrollDepth = 0;
  /** Checkpoints only: comparisons that succeeded and failed, for eviction. */
  hits = 0;
  misses = 0;
  constructor(frames) {
    this.frames = frames;
  }
  get frame() {
    return this.frames[this.frames.length - 1];
  }
  get depth() {
    return this.frames.length - 1;
  }
  clone() {
    const s = new _State(this.frames.map((f) => f.clone()));
    s.refs = this.refs;
    s.locks = this.locks;
    s.rcuLocks = this.rcuLocks;
    s.preemptLocks = this.preemptLocks;
    s.irqId = this.irqId;
    s.sleepable = this.sleepable;
    s.speculative = this.speculative;
    s.parent = this.parent;
    s.insn = this.insn;
    s.firstInsn = this.firstInsn;
    s.lastInsn = this.lastInsn;
    s.history = this.history.slice();
    s.mayGotoDepth = this.mayGotoDepth;
    s.callbackUnrollDepth = this.callbackUnrollDepth;
    return s;
  }
  /** The instruction at which frame `i` stands: the checkpoint's, or the call it waits for. */
  frameInsn(i) {
    return i === this.frames.length - 1 ? this.insn : this.frames[i + 1].callsite;
  }
  /** Replace registers and spilled registers by `change`'s answer where it gives one. */
  mapRegs(change, iteratorsToo = false) {
    for (const frame of this.frames) {
      for (let i = 0; i < 11; i++) {
        const next2 = change(frame.regs[i]);
        if (next2) frame.regs[i] = next2;
      }
      for (let slot = 0; slot < frame.kinds.length; slot++) {
        if (!frame.isSpill(slot) && !(iteratorsToo && frame.kinds[slot] >>> 28 === BYTE.ITER)) continue;
        const next2 = change(frame.spills[slot]);
        if (next2) frame.spills[slot] = next2;
      }
    }
  }
};

// core/verifier/env.ts
var MAX_PENDING = 8192;
var MAX_STATES_UNPRIVILEGED = 64;
var Env = class {
  program;
  progType;
  options;
  kernelBtf;
  /** May the program see addresses (CAP_PERFMON), leave stack uninitialised, use loops and precise tracking (CAP_BPF)? */
  privileged;
  level;
  /** A number of which nothing is known. */
  unknown;
  state;
  insn = 0;
  /** The walk has begun: `state` and `insn` are meaningful. */
  walking = false;
  previousInsn = -1;
  pending = [];
  /** Kernel functions the program calls. */
  kfuncs;
  /** History entry of the current instruction, if it has one yet. */
  entry;
  ids = 0;
  processed = 0;
  jumps = 0;
  totalStates = 0;
  peakStates = 0;
  maxStatesPerInsn = 0;
  /** Counts at the last checkpoint. */
  previousJumps = 0;
  previousProcessed = 0;
  /** Kinds of pointer seen at each load or store: one instruction may not serve two that are translated differently. */
  pointerAt;
  /** Global functions that were called: verified by themselves after the main program. */
  globalCalls = /* @__PURE__ */ new Set();
  /** Map seen at each helper call (index + 1); -1 for several. */
  mapAtCall;
  log = [];
  /** Registers and stack slots changed since the last print. */
  scratchRegs = 0;
  scratchSlots = /* @__PURE__ */ new Set();
  /** Length of the log right after the instruction was printed: the state still goes on that line. */
  lineOpen = -1;
  /** Source line printed last. */
  lastLine;
  /** Names for the disassembly. */
  names = { helper: (id) => helperById(id)?.name };
  constructor(program, progType, kernelBtf2, options) {
    this.program = program;
    this.progType = progType;
    this.kernelBtf = kernelBtf2;
    this.options = options;
    this.privileged = options.privileged;
    this.level = options.level;
    this.unknown = makeUnknown(!options.privileged);
    this.pointerAt = new Int32Array(program.length);
    this.mapAtCall = new Int32Array(program.length);
  }
  get frame() {
    const { frames } = this.state;
    return frames[frames.length - 1];
  }
  get regs() {
    const { frames } = this.state;
    return frames[frames.length - 1].regs;
  }
  /** Refuse the program. `message` becomes the log's last line. */
  fail(category, message) {
    throw new Refusal(category, message);
  }
  /** A log line. Kept at every level, since the last ones explain a refusal. */
  say(line) {
    this.log.push(line);
  }
  map(index) {
    return this.program.maps[index];
  }
  /** The map a lookup in map `outer` of maps gives: what its spec says of the inner one. */
  innerMap(outer) {
    const { inner } = this.map(outer).spec;
    let map = this.program.maps.find((m) => m.spec === inner);
    if (!map) {
      map = { index: this.program.maps.length, spec: inner, row: this.map(outer).innerRow };
      this.program.maps.push(map);
    }
    return map.index;
  }
  newId() {
    return ++this.ids;
  }
  /** The register must hold something. */
  readReg(n) {
    if (n > 10) this.fail('structure', `R${n} is invalid`);
    const r = this.regs[n];
    if (r.type === KIND.NOT_INIT) this.fail('uninitialised', `R${n} !read_ok`);
    return r;
  }
  /** The register may be written. */
  checkWritable(n) {
    if (n > 10) this.fail('structure', `R${n} is invalid`);
    if (n === 10) this.fail('type', 'frame pointer is read only');
  }
  setReg(n, r) {
    this.regs[n] = r;
    this.scratchRegs |= 1 << n;
  }
  setUnknown(n) {
    this.setReg(n, this.unknown);
  }
  /** Would using the value reveal an address to a user who may not see any? */
  isHiddenPointer(r) {
    return !this.privileged && r.type !== KIND.SCALAR;
  }
  /** What a pointer that has become meaningless turns into. */
  invalidPointer() {
    return this.privileged ? this.unknown : NOT_INIT;
  }
  /** Remember how the current instruction was reached and what it touched; flags of one instruction add up. */
  pushHistory(flags, linked) {
    if (this.entry) {
      this.entry.flags |= flags;
      if (linked) this.entry.linked = linked;
      return;
    }
    this.entry = { insn: this.insn, previous: this.previousInsn, flags, linked };
    this.state.history.push(this.entry);
  }
  /** Queue the other way; answers its state, a copy of the current one. */
  pushPath(insn, previous, speculative = false) {
    const copy = this.state.clone();
    copy.speculative ||= speculative;
    if (this.pending.length >= MAX_PENDING) {
      this.fail('limit', `The sequence of ${this.pending.length + 1} jumps is too complex.`);
    }
    this.pending.push({ state: copy, insn, previous, logLength: this.log.length });
    if (copy.parent) copy.parent.branches++;
    return copy;
  }
};

// core/verifier/explain-rules.ts
var before = (line) => (line === void 0 ? '' : ` before line ${line}`);
var bare = (v) => v.replace(/`/g, '');
var EXPLAIN_RULES = [
  {
    pattern: /^R(\d+) invalid mem access '(map_value|sock|sock_common|tcp_sock|mem|ringbuf_mem|.*)_or_null_?'/,
    category: 'null',
    reason: (_, v) => `${v} may be null here: the lookup or reservation that gave it can fail`,
    mend: (_, v, line) => `check it first: \`if (!${bare(v)}) return 0;\`${before(line)}`,
  },
  {
    pattern: /^R(\d+) pointer arithmetic on (.*) prohibited, null-check it first/,
    category: 'null',
    reason: (_, v) => `${v} may be null, and is moved before it was checked`,
    mend: (_, v, line) => `check it first: \`if (!${bare(v)}) return 0;\`${before(line)}`,
  },
  {
    pattern: /^R(\d+) type=(.*)_or_null_? expected=/,
    category: 'null',
    reason: (_, v) => `${v} may be null, and is given to a helper that needs a valid pointer`,
    mend: (_, v, line) => `check it first: \`if (!${bare(v)}) return 0;\`${before(line)}`,
  },
  {
    pattern: /^R0 !read_ok/,
    category: 'uninitialised',
    reason: () => 'the program ends, or goes on, without a value in r0: a return value is missing',
    mend: () => 'return a value on every path: `return 0;`',
  },
  {
    pattern: /^R(\d+) !read_ok/,
    category: 'uninitialised',
    reason: (m, v) =>
      Number(m[1]) <= 5
        ? `${v} has no value here: it was never set, or a call in between has clobbered it`
        : `${v} has no value here: it was never set on this path`,
    mend: (_, v) => `give ${v} a value before it is used`,
  },
  {
    pattern: /^invalid read from stack R?\d* ?off (-?\d+)\+(\d+) size (\d+)/,
    category: 'uninitialised',
    reason: (m) => `${m[3]} bytes of the stack are read or passed to a helper, of which byte ${m[2]} was never written`,
    mend: () => 'initialise the whole variable: `struct key k = {};` (padding bytes count too: use `__builtin_memset`)',
  },
  {
    pattern: /^invalid (write to|read from|.*access to) stack R(\d+) off=(-?\d+) size=(-?\d+)/,
    category: 'bounds',
    reason: (m) =>
      Number(m[3]) < -512
        ? `${m[4]} bytes at fp${m[3]} are below the 512 bytes of stack a program has`
        : `${m[4]} bytes at fp${Number(m[3]) < 0 ? m[3] : `+${m[3]}`} do not lie in the program's stack`,
    mend: () => 'use a per-CPU array map for large data, or make the buffer smaller',
  },
  {
    pattern: /^invalid (unbounded )?variable-offset.* stack R(\d+)/,
    category: 'bounds',
    reason: (_, v) => `${v} indexes the stack with a number that is not known to stay inside`,
    mend: () => 'bound the index: `if (i >= N) return 0;` or `i &= N - 1;`',
  },
  {
    pattern: /^R(\d+) offset is outside of the packet/,
    category: 'bounds',
    reason: (_, v) => `the packet may end before the bytes that ${v} reads: no check against data_end covers them`,
    mend: (_, v, line) => `compare first: \`if ((void *)(${bare(v)} + 1) > data_end) return XDP_PASS;\`${before(line)}`,
  },
  {
    pattern: /^R(\d+) (min|max) value is outside of the allowed memory range/,
    category: 'bounds',
    reason: (m, v) => `${v} may point ${m[2] === 'max' ? 'behind the end' : 'outside'} of the memory it belongs to`,
    mend: () => 'bound the index to the size of what is accessed: `if (i >= N) return 0;`',
  },
  {
    pattern: /^R(\d+) min value is negative/,
    category: 'bounds',
    reason: (_, v) => `${v} is used as an offset or size and may be negative`,
    mend: () => 'use an unsigned type, or check: `if (i < 0) return 0;`',
  },
  {
    pattern: /^R(\d+) unbounded memory access/,
    category: 'bounds',
    reason: (_, v) => `${v} is used as an offset or size without an upper bound`,
    mend: () => 'bound it: `if (n > sizeof(buf)) n = sizeof(buf);` or `n &= 0xff;`',
  },
  {
    pattern: /^R(\d+) invalid zero-sized read/,
    category: 'bounds',
    reason: (_, v) => `${v} is a size that may be zero, which this helper does not take`,
    mend: (_, v) => `\`if (${bare(v)} == 0) return 0;\``,
  },
  {
    pattern: /^math between (.*) pointer and (register with unbounded min value|-?\d+) is not allowed/,
    category: 'bounds',
    reason: (m) => `a number without usable bounds is added to a ${m[1]} pointer`,
    mend: () => 'bound the number before it is added: unsigned, and compared with the size',
  },
  {
    pattern: /^value -?\d+ makes (.*) pointer be out of bounds/,
    category: 'bounds',
    reason: (m) => `the sum lies far outside of what the ${m[1]} pointer may reach`,
  },
  {
    pattern: /^misaligned (.*)access off .* size (\d+)/,
    category: 'alignment',
    reason: (m) => `the ${m[1]}access of ${m[2]} bytes is not at a multiple of ${m[2]}`,
    mend: () => 'align the field, or access it byte by byte (`__builtin_memcpy`)',
  },
  {
    pattern: /^invalid bpf_context access off=(-?\d+) size=(\d+)/,
    category: 'context',
    reason: (m) => `this program type may not access ${m[2]} bytes at offset ${m[1]} of its context like this`,
    mend: () => 'read a whole field of the context struct, and write only fields that this program type may write',
  },
  {
    pattern: /^program of this type cannot use helper (\w+)#/,
    category: 'helper',
    reason: (m) => `\`${m[1]}\` is not available to programs of this type`,
    mend: () => 'use a helper that this program type has, or attach the program elsewhere',
  },
  {
    pattern: /^cannot call GPL-restricted function from non-GPL compatible program/,
    category: 'helper',
    reason: () => 'the helper is for GPL-compatible programs only, and this program does not say it is one',
    mend: () => '`char LICENSE[] SEC("license") = "GPL";`',
  },
  {
    pattern: /^cannot pass map_type (\d+) into func (\w+)#/,
    category: 'helper',
    reason: (m) => `\`${m[2]}\` does not take a map of this type`,
  },
  {
    pattern: /^R(\d+) type=(\S+) expected=(.*)/,
    category: 'type',
    reason: (m, v) => `${v} is a ${m[2]}, and the helper takes ${m[3]} there`,
  },
  {
    pattern: /^R(\d+) invalid mem access '(scalar|inv)'/,
    category: 'type',
    reason: (_, v) => `${v} is a plain number, and is used as an address`,
    mend: () => 'read kernel memory with `bpf_probe_read_kernel(&dst, sizeof(dst), ptr)`',
  },
  {
    pattern: /^R(\d+) invalid mem access '(\S+)'/,
    category: 'type',
    reason: (m, v) => `${v} is a ${m[2]}, which cannot be read or written directly`,
  },
  {
    pattern: /^(BPF_EXIT instruction in main prog|tail_call|BPF_LD_\[ABS\|IND\]) would lead to reference leak/,
    category: 'reference',
    reason: () => 'a socket or ring buffer record is not given back on this path',
    mend: () => 'release it on every path: `bpf_ringbuf_discard(e, 0);` or `bpf_sk_release(sk);`',
  },
  {
    pattern: /^(Unreleased reference|.*reference has not been acquired before|R\d+ must be referenced)/,
    category: 'reference',
    reason: () => 'what is released here is not held, or was released before',
  },
  {
    pattern: /^(At .*) the register R0 has (.*) should have been in \[(-?\d+), (-?\d+)\]/,
    category: 'return',
    reason: (m) =>
      m[3] === m[4]
        ? `the program must return ${m[3]} here`
        : `the program returns a value that may lie outside ${m[3]} to ${m[4]}`,
    mend: (m) => `return a constant from ${m[3]} to ${m[4]}`,
  },
  {
    pattern: /^(infinite loop detected at insn|old state:|cur state:|back-edge from insn)/,
    category: 'limit',
    reason: () => 'the loop comes round with nothing changed: it would never end',
    mend: () => 'give the loop a constant bound, and change its counter in every round',
  },
  {
    pattern: /^BPF program is too large\. Processed (\d+) insn/,
    category: 'limit',
    reason: () =>
      'walking all paths takes more than a million instructions: a loop runs too often, or branches multiply',
    mend: () => 'make the loop shorter, or move its body into `bpf_loop`',
  },
  {
    pattern: /^The sequence of \d+ jumps is too complex/,
    category: 'limit',
    reason: () => 'too many branches are open at once',
    mend: () => 'split the program, or make a loop shorter',
  },
  {
    pattern: /^combined stack size of (\d+) calls is (\d+)/,
    category: 'limit',
    reason: (m) => `a chain of ${m[1]} calls needs ${m[2]} bytes of stack; 512 is all there is`,
    mend: () => 'use smaller buffers, or a per-CPU array map',
  },
  {
    pattern: /^(the call stack of|stack size of subprog|tail_calls are not allowed)/,
    category: 'limit',
    reason: () => 'calls are nested too deeply, or use too much stack',
  },
  {
    pattern: /^unreachable insn (\d+)/,
    category: 'structure',
    reason: (m) => `instruction ${m[1]} can never be reached`,
  },
  {
    pattern: /^(R\d+ leaks addr|.*pointer comparison prohibited|.*prohibited for !root|leaking pointer)/,
    category: 'leak',
    reason: () => 'an unprivileged program would learn a kernel address',
  },
  {
    pattern: /^R(\d+) (pointer arithmetic|bitwise operator|32-bit pointer arithmetic|pointer .* pointer)/,
    category: 'type',
    reason: (_, v) => `${v} is a pointer, and this operation is only for numbers`,
    mend: () => 'only += and -= of a bounded number work on pointers',
  },
  {
    pattern: /^(function calls are not allowed while holding a lock|bpf_spin_|Locking two)/,
    category: 'reference',
    reason: () => 'between bpf_spin_lock and bpf_spin_unlock nothing but plain instructions may stand',
  },
];

// core/verifier/explain.ts
function lineAt(prog, pc) {
  let found;
  for (const line of prog.lines) {
    if (line.insn > pc) break;
    found = line;
  }
  return found;
}
function placeAt(prog, pc) {
  const l = lineAt(prog, pc);
  return l && { file: l.file, line: l.line, column: l.column, text: l.text };
}
function insnAt(prog, pc) {
  const at = pc * 8;
  const regs = prog.insns[at + 1] ?? 0;
  return { opcode: prog.insns[at] ?? 0, dst: regs & 15, src: regs >> 4 };
}
function written(insn) {
  const cls = insn.opcode & 7;
  if (cls === 0 || cls === 1 || cls === 4 || cls === 7) return insn.dst;
  return insn.opcode === 133 ? 0 : -1;
}
function assignedName(text) {
  const m = /([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?=(?!=)/.exec(text);
  return m?.[1];
}
function origin(prog, path, register) {
  let wanted = register;
  for (let k = path.length - 2; k >= 0; k--) {
    const insn = insnAt(prog, path[k]);
    if (written(insn) !== wanted) continue;
    if (insn.opcode === 191 && insn.src !== 10) wanted = insn.src;
    else return path[k];
  }
  return void 0;
}
var MAX_STEPS = 12;
function stepsOf(prog, path, source, variable2) {
  const steps = [];
  let last;
  for (let k = 0; k < path.length - 1; k++) {
    const pc = path[k];
    const insn = insnAt(prog, pc);
    const cls = insn.opcode & 7;
    const line = lineAt(prog, pc);
    const conditional =
      (cls === 5 || cls === 6) && (insn.opcode & 240) !== 0 && insn.opcode !== 133 && insn.opcode !== 149;
    if (pc === source) {
      steps.push({
        pc,
        place: placeAt(prog, pc),
        text: variable2 ? `\`${variable2}\` gets its value` : 'the value comes from here',
      });
    } else if (conditional && line !== last) {
      const jumped = path[k + 1] !== pc + 1;
      steps.push({ pc, place: placeAt(prog, pc), text: jumped ? 'the branch is taken' : 'the branch is not taken' });
    } else continue;
    last = line;
  }
  return steps.slice(-MAX_STEPS);
}
function explainMessage(prog, message, pc, path) {
  const register = /\bR(\d+)\b/.exec(message);
  const source = register ? origin(prog, path, Number(register[1])) : void 0;
  const sourceLine2 = source === void 0 ? void 0 : lineAt(prog, source);
  const variable2 = sourceLine2 && assignedName(sourceLine2.text);
  const shown = variable2 ? `\`${variable2}\`` : register ? `r${register[1]}` : 'the value';
  const at = placeAt(prog, pc);
  for (const rule of EXPLAIN_RULES) {
    const m = rule.pattern.exec(message);
    if (!m) continue;
    return {
      category: rule.category,
      message,
      reason: rule.reason(m, shown),
      pc,
      at,
      variable: variable2,
      path: stepsOf(prog, path, source, variable2),
      suggestion: rule.mend?.(m, shown, at?.line),
    };
  }
  return {
    category: 'structure',
    message,
    reason: message,
    pc,
    at,
    variable: variable2,
    path: stepsOf(prog, path, source, variable2),
  };
}
var MAX_PATH = 4e3;
function pathOf(env) {
  const out = [env.insn];
  let state = env.state;
  let i = env.insn;
  let end = state?.history.length ?? 0;
  while (state && out.length < MAX_PATH) {
    const { history } = state;
    if (i === state.firstInsn && (end === 0 || (end === 1 && history[0].insn === i))) {
      state = state.parent;
      i = state?.lastInsn ?? -1;
      if (!state || i < 0) break;
      end = state.history.length;
      out.push(i);
      continue;
    }
    if (end > 0 && history[end - 1].insn === i) i = history[--end].previous;
    else i--;
    if (i < 0) break;
    if (i > 0 && env.program.code.opcode[i] === 0 && env.program.code.opcode[i - 1] === 24) i--;
    out.push(i);
  }
  return out.reverse();
}

// core/verifier/program.ts
var MARK = {
  /** A place where states are compared and kept. */
  PRUNE: 1,
  /** Reached not only from the instruction before: history must be kept. */
  JUMP: 2,
  /** Always keep the state here (loops that only converge this way). */
  CHECKPOINT: 4,
  /** Calls a helper that calls back synchronously. */
  CALLBACK: 8,
};
var Program = class {
  spec;
  code;
  length;
  maps = [];
  /** Index into `maps` + 1 for ld_imm64 of maps. */
  mapOf;
  marks;
  /** Registers that are read later, by instruction (bit i: ri). */
  live;
  /** Number of the loop (strongly connected component) an instruction is in, 0 for none. */
  loopOf;
  subprogs = [];
  /** The object has BTF for its functions, so that callbacks and tail calls in subprograms are allowed. */
  hasFuncInfo;
  objectBtf;
  #subprogAt = /* @__PURE__ */ new Map();
  constructor(spec, objectBtf) {
    this.spec = spec;
    this.objectBtf = objectBtf;
    if (spec.insns.length % INSN_SIZE !== 0 || spec.insns.length === 0) {
      throw new Refusal(
        'structure',
        `program of ${spec.insns.length} bytes is not a positive number of 8-byte instructions`,
      );
    }
    this.code = decode(spec.insns);
    this.length = this.code.length;
    this.mapOf = new Int32Array(this.length);
    this.marks = new Uint8Array(this.length + 1);
    this.live = new Uint16Array(this.length);
    this.loopOf = new Int32Array(this.length);
    this.hasFuncInfo = objectBtf !== void 0 && spec.funcs.length > 0 && spec.funcs.every((f) => f.btfId !== 0);
  }
  /** Number of the function that starts at this instruction, or -1. */
  subprogStarting(insn) {
    return this.#subprogAt.get(insn) ?? -1;
  }
  /** Number of the function that contains the instruction. */
  subprogOf(insn) {
    let low = 0;
    let high = this.subprogs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.subprogs[middle].start <= insn) low = middle;
      else high = middle - 1;
    }
    return low;
  }
  isLocalCall(i) {
    return this.code.opcode[i] === OP_CALL && this.code.src[i] === CALL.local;
  }
  isHelperCall(i) {
    return this.code.opcode[i] === OP_CALL && this.code.src[i] === CALL.helper;
  }
  isKfuncCall(i) {
    return this.code.opcode[i] === OP_CALL && this.code.src[i] === CALL.kfunc;
  }
  isFuncLoad(i) {
    return this.code.opcode[i] === OP_LD_IMM64 && this.code.src[i] === PSEUDO.func;
  }
  /** Find where functions start. */
  findSubprogs(privileged) {
    const { imm } = this.code;
    const starts = /* @__PURE__ */ new Set([0]);
    for (let i = 0; i < this.length; i++) {
      const local2 = this.isLocalCall(i) || this.isFuncLoad(i);
      if (!local2 && !this.isKfuncCall(i)) continue;
      if (!privileged) {
        refuse('helper', 'loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN');
      }
      if (!local2) continue;
      const target2 = i + imm[i] + 1;
      if (target2 < 0 || target2 >= this.length) refuse('structure', 'call to invalid destination');
      starts.add(target2);
      if (starts.size > 256) refuse('limit', 'too many subprograms');
    }
    const sorted = [...starts].sort((a, b) => a - b);
    const names2 = new Map(this.spec.funcs.map((f) => [f.insn, f]));
    this.subprogs = sorted.map((start, i) => {
      const info = names2.get(start);
      const type = info && info.btfId !== 0 ? this.objectBtf?.type(info.btfId) : void 0;
      return {
        start,
        end: sorted[i + 1] ?? this.length,
        name: info?.name ?? (i === 0 ? this.spec.name : ''),
        global: type?.kind === 'func' && type.linkage === 'global',
        stackDepth: 0,
        hasTailCall: false,
        hasLdAbs: false,
        isCallback: false,
        isAsyncCallback: false,
        changesPacket: false,
        mightSleep: false,
      };
    });
    sorted.forEach((start, i) => {
      this.#subprogAt.set(start, i);
    });
  }
  /** Jumps stay inside their function, and no function falls through its end. */
  checkSubprogs() {
    const { opcode, off, imm, src } = this.code;
    let current = 0;
    for (let i = 0; i < this.length; i++) {
      const sub2 = this.subprogs[current];
      const code = opcode[i];
      const cls = code & 7;
      if (code === OP_CALL && src[i] === 0 && imm[i] === TAIL_CALL) sub2.hasTailCall = true;
      if (cls === CLASS.LD && ((code & 224) === MODE.ABS || (code & 224) === MODE.IND)) sub2.hasLdAbs = true;
      if (cls === CLASS.JMP || cls === CLASS.JMP32) {
        const op = code & 240;
        if (op !== 128 && op !== 144) {
          const target2 = i + 1 + (code === OP_GOTOL ? imm[i] : off[i]);
          if (target2 < sub2.start || target2 >= sub2.end) {
            refuse('structure', `jump out of range from insn ${i} to ${target2}`);
          }
        }
      }
      if (i === sub2.end - 1) {
        if (code !== OP_EXIT && code !== OP_GOTOL && code !== OP_JA) {
          refuse('structure', 'last insn is not an exit or jmp');
        }
        current++;
      }
    }
    for (const sub2 of this.subprogs.slice(1)) {
      if (this.hasFuncInfo) {
        if (this.#returnsInt(sub2)) continue;
        if (sub2.hasLdAbs) refuse('structure', "LD_ABS is only allowed in functions that return 'int'.");
        if (sub2.hasTailCall) refuse('structure', "tail_call is only allowed in functions that return 'int'.");
        continue;
      }
      if (sub2.hasLdAbs) refuse('structure', 'LD_ABS is not allowed in subprogs without BTF');
      if (sub2.hasTailCall) refuse('structure', 'tail_call is not allowed in subprogs without BTF');
    }
  }
  #returnsInt(sub2) {
    const btf = this.objectBtf;
    const info = this.spec.funcs.find((f) => f.insn === sub2.start);
    const func = btf && info ? btf.type(info.btfId) : void 0;
    const proto = func?.kind === 'func' ? btf.type(func.type) : void 0;
    if (proto?.kind !== 'func_proto' || proto.ret === 0) return false;
    let t = btf.type(proto.ret);
    while (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile') t = btf.type(t.type);
    return t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64';
  }
  /** Refuse instructions that came after the kernel release (major * 100 + minor) whose rules apply. */
  checkVersion(kernel) {
    if (kernel >= 615) return;
    const { opcode, src, off, imm } = this.code;
    for (let i = 0; i < this.length; i++) {
      const code = opcode[i];
      if (kernel < sinceKernel(code, src[i], off[i], imm[i])) {
        refuse('structure', `unknown opcode ${code.toString(16).padStart(2, '0')}`);
      }
      if (code === OP_LD_IMM64) i++;
    }
  }
  /**
   * Which map each ld_imm64 means (by relocation, or else by its imm as an index into `maps`), and whether each opcode exists.
   * `check` says whether the program type may use the map.
   */
  resolveLoads(maps, rowOf, check5, kernelVariable) {
    const { opcode, dst, src, off, imm } = this.code;
    const relocs = new Map(this.spec.relocs.map((r) => [r.insn, r]));
    const used = /* @__PURE__ */ new Map();
    for (let i = 0; i < this.length; i++) {
      const code = opcode[i];
      const mode = code & 224;
      if ((code & 7) === CLASS.LDX && ((mode !== MODE.MEM && mode !== MODE.MEMSX) || imm[i] !== 0)) {
        refuse('structure', 'BPF_LDX uses reserved fields');
      }
      if (code !== OP_LD_IMM64) {
        if (OPCODE_EXISTS[code] === 0) {
          refuse('structure', `unknown opcode ${code.toString(16).padStart(2, '0')}`);
        }
        continue;
      }
      const next2 = i + 1;
      if (next2 === this.length || opcode[next2] !== 0 || dst[next2] !== 0 || src[next2] !== 0 || off[next2] !== 0) {
        refuse('structure', 'invalid bpf_ld_imm64 insn');
      }
      const reloc = relocs.get(i);
      if (reloc?.kind === 'map') {
        src[i] = PSEUDO.map_fd;
        imm[next2] = 0;
      } else if (reloc?.kind === 'map_value') {
        src[i] = PSEUDO.map_value;
        imm[next2] = reloc.offset;
      } else if (reloc?.kind === 'ksym') {
        const id = kernelVariable(reloc.name);
        if (id === void 0) refuse('structure', `the kernel has no variable '${reloc.name}' with BTF`);
        src[i] = PSEUDO.btf_id;
        imm[i] = id;
        imm[next2] = 0;
      }
      const pseudo2 = src[i];
      i = next2;
      if (pseudo2 === PSEUDO.imm || pseudo2 === PSEUDO.func) continue;
      if (pseudo2 === PSEUDO.btf_id) continue;
      const wholeMap = pseudo2 === PSEUDO.map_fd || pseudo2 === PSEUDO.map_idx;
      if (pseudo2 > PSEUDO.map_idx_value || (wholeMap && imm[next2] !== 0)) {
        refuse('structure', 'unrecognized bpf_ld_imm64 insn');
      }
      if (!reloc && pseudo2 >= PSEUDO.map_idx) refuse('structure', 'fd_idx without fd_array is invalid');
      const specIndex = reloc && 'map' in reloc ? maps.findIndex((m) => m.name === reloc.map) : imm[i - 1];
      const spec = maps[specIndex];
      if (!spec) {
        refuse(
          'structure',
          reloc && 'map' in reloc ? `no map named '${reloc.map}'` : `fd ${imm[i - 1]} is not pointing to valid bpf_map`,
        );
      }
      let map = used.get(specIndex);
      if (!map) {
        map = {
          index: this.maps.length,
          spec,
          row: rowOf(spec),
          innerRow: spec.inner && rowOf(spec.inner),
        };
        used.set(specIndex, map);
        this.maps.push(map);
        if (this.maps.length > 64) refuse('limit', 'The total number of maps per program has reached the limit of 64');
        check5(map);
      }
      this.mapOf[i - 1] = map.index + 1;
      if (!wholeMap) this.#checkDirectValue(map, imm[next2]);
    }
  }
  #checkDirectValue(map, offset) {
    if (offset >>> 0 >= MAX_VAR_OFF) {
      refuse('bounds', `direct value offset of ${offset >>> 0} is not allowed`);
    }
    const { type, valueSize, maxEntries } = map.spec;
    if (type !== 'array' && type !== 'insn_array' && type !== 'arena') {
      refuse('type', 'no direct value access support for this map type');
    }
    if (type === 'array' && (maxEntries !== 1 || offset >= valueSize)) {
      refuse('bounds', `invalid access to map value pointer, value_size=${valueSize} off=${offset}`);
    }
  }
};
var MAX_VAR_OFF = 1 << 29;
var TAIL_CALL = 12;
function refuse(category, message) {
  throw new Refusal(category, message);
}
function sinceKernel(code, src, off, imm) {
  const cls = code & 7;
  if (cls === CLASS.STX && (code & 224) === MODE.ATOMIC) {
    if (imm === 256 || imm === 272) return 615;
    return imm === 0 ? 0 : 512;
  }
  if (code === (CLASS.JMP | 224)) return 609;
  if (code === OP_GOTOL || code === (CLASS.ALU64 | 208) || (cls === CLASS.LDX && (code & 224) === MODE.MEMSX)) {
    return 606;
  }
  if (cls === CLASS.ALU || cls === CLASS.ALU64) {
    const op = code & 240;
    return (op === 176 || op === 48 || op === 144) && off !== 0 ? 606 : 0;
  }
  if (cls === CLASS.JMP32) return 501;
  if (code === OP_CALL && src === CALL.kfunc) return 513;
  return 0;
}
var OPCODE_EXISTS = (() => {
  const known2 = new Uint8Array(256);
  const alu3 = [0, 16, 32, 48, 64, 80, 96, 112, 144, 160, 176, 192];
  for (const cls of [CLASS.ALU, CLASS.ALU64]) {
    for (const op of alu3) known2[cls | op] = known2[cls | op | SRC.X] = 1;
    known2[cls | 128] = 1;
    known2[cls | 208] = 1;
  }
  known2[CLASS.ALU | 208 | SRC.X] = 1;
  const conditions = [16, 32, 48, 64, 80, 96, 112, 160, 176, 192, 208];
  for (const cls of [CLASS.JMP, CLASS.JMP32]) {
    for (const op of conditions) known2[cls | op] = known2[cls | op | SRC.X] = 1;
    known2[cls] = 1;
  }
  known2[CLASS.JMP | 224] = 1;
  known2[OP_CALL] = known2[OP_EXIT] = 1;
  for (const size of [SIZE.B, SIZE.H, SIZE.W, SIZE.DW]) {
    known2[CLASS.LDX | MODE.MEM | size] = known2[CLASS.ST | MODE.MEM | size] = known2[CLASS.STX | MODE.MEM | size] = 1;
    known2[CLASS.STX | MODE.ATOMIC | size] = 1;
    if (size === SIZE.DW) continue;
    known2[CLASS.LDX | MODE.MEMSX | size] = 1;
    known2[CLASS.LD | MODE.ABS | size] = known2[CLASS.LD | MODE.IND | size] = 1;
  }
  return known2;
})();

// core/verifier/graph.ts
var SYNC_CALLBACK_HELPERS = /* @__PURE__ */ new Set([164, 180, 181, 209]);
var ASYNC_CALLBACK_HELPERS = /* @__PURE__ */ new Set([170]);
var DISCOVERED = 16;
var EXPLORED = 32;
var FALLTHROUGH = 1;
var BRANCH = 2;
function checkGraph(p, privileged, kfuncs) {
  const { opcode, src, off, imm } = p.code;
  const n = p.length;
  const seen2 = new Uint8Array(n);
  const stack = new Int32Array(n);
  let top = 0;
  const marks = p.marks;
  const edge = (from, to, kind) => {
    if (seen2[from] >= (DISCOVERED | kind)) return false;
    if (to < 0 || to >= n) refuse('structure', `jump out of range from insn ${from} to ${to}`);
    if (kind === BRANCH) marks[to] |= MARK.PRUNE | MARK.JUMP;
    if (seen2[to] === 0) {
      seen2[from] = DISCOVERED | kind;
      seen2[to] = DISCOVERED;
      stack[top++] = to;
      return true;
    }
    if ((seen2[to] & 240) === DISCOVERED) {
      if (privileged) return false;
      refuse('limit', `back-edge from insn ${from} to ${to}`);
    }
    seen2[from] = DISCOVERED | kind;
    return false;
  };
  const call2 = (i, width, callee) => {
    if (edge(i, i + width, FALLTHROUGH)) return true;
    marks[i + width] |= MARK.PRUNE | MARK.JUMP;
    if (callee < 0) return false;
    marks[i] |= MARK.PRUNE;
    const sub2 = p.subprogs[p.subprogOf(i)];
    const target2 = p.subprogs[p.subprogOf(callee)];
    sub2.changesPacket ||= target2.changesPacket;
    sub2.mightSleep ||= target2.mightSleep;
    return edge(i, callee, BRANCH);
  };
  const visit = (i) => {
    const code = opcode[i];
    const cls = code & 7;
    if (p.isFuncLoad(i)) return call2(i, 2, i + imm[i] + 1);
    if (cls !== CLASS.JMP && cls !== CLASS.JMP32) return edge(i, i + (code === OP_LD_IMM64 ? 2 : 1), FALLTHROUGH);
    if ((code & 240) === 144) return false;
    if ((code & 240) === 128) {
      if (p.isHelperCall(i)) {
        if (ASYNC_CALLBACK_HELPERS.has(imm[i])) marks[i] |= MARK.PRUNE;
        if (SYNC_CALLBACK_HELPERS.has(imm[i])) {
          marks[i] |= MARK.CALLBACK | MARK.CHECKPOINT | MARK.PRUNE | MARK.JUMP;
        }
        const helper = helperById(imm[i]);
        if (helper?.changesPacket) p.subprogs[p.subprogOf(i)].changesPacket = true;
        if (helper?.mightSleep) p.subprogs[p.subprogOf(i)].mightSleep = true;
      } else if (p.isKfuncCall(i)) {
        if (kfuncs.isIterNext(i)) marks[i] |= MARK.PRUNE | MARK.CHECKPOINT;
        if (kfuncs.callsBack(i)) marks[i] |= MARK.CALLBACK | MARK.CHECKPOINT | MARK.PRUNE | MARK.JUMP;
        if (kfuncs.rowAt(i)?.flags.has('sleepable')) p.subprogs[p.subprogOf(i)].mightSleep = true;
        if (kfuncs.nameAt(i) === 'bpf_xdp_pull_data') p.subprogs[p.subprogOf(i)].changesPacket = true;
      }
      return call2(i, 1, src[i] === 1 ? i + imm[i] + 1 : -1);
    }
    if (code === OP_JA || code === OP_GOTOL) {
      const target2 = i + 1 + (code === OP_JA ? off[i] : imm[i]);
      if (edge(i, target2, FALLTHROUGH)) return true;
      marks[target2] |= MARK.PRUNE | MARK.JUMP;
      return false;
    }
    marks[i] |= MARK.PRUNE;
    if (code === OP_MAY_GOTO) marks[i] |= MARK.CHECKPOINT;
    if (edge(i, i + 1, FALLTHROUGH)) return true;
    return edge(i, i + 1 + off[i], BRANCH);
  };
  seen2[0] = DISCOVERED;
  stack[top++] = 0;
  while (top > 0) {
    const i = stack[top - 1];
    if (!visit(i)) {
      seen2[i] = EXPLORED;
      top--;
    }
  }
  for (let i = 0; i < n; i++) {
    if (seen2[i] !== EXPLORED) refuse('structure', `unreachable insn ${i}`);
    if (opcode[i] === OP_LD_IMM64) {
      if (seen2[i + 1] !== 0) refuse('structure', `jump into the middle of ldimm64 insn ${i}`);
      i++;
    }
  }
}
function successors(p, i, out) {
  const code = p.code.opcode[i];
  const cls = code & 7;
  out[0] = out[1] = -1;
  if (code === OP_EXIT) return;
  if (code === OP_LD_IMM64) out[0] = i + 2;
  else if (code === OP_JA) out[0] = i + 1 + p.code.off[i];
  else if (code === OP_GOTOL) out[0] = i + 1 + p.code.imm[i];
  else {
    out[0] = i + 1;
    if ((cls === CLASS.JMP || cls === CLASS.JMP32) && code !== OP_CALL) out[1] = i + 1 + p.code.off[i];
  }
}
var CALLER_SAVED = 63;
function usesAndDefs(p, i) {
  const { opcode, dst, src, imm } = p.code;
  const code = opcode[i];
  const cls = code & 7;
  const d = 1 << dst[i];
  const s = 1 << src[i];
  let use = 0;
  let def = 0;
  switch (cls) {
    case CLASS.LD:
      if (code === OP_LD_IMM64) def = d;
      else {
        use = (1 << 6) | ((code & 224) === MODE.IND ? s : 0);
        def = CALLER_SAVED;
      }
      break;
    case CLASS.LDX:
      use = s;
      def = d;
      break;
    case CLASS.ST:
      use = d;
      break;
    case CLASS.STX:
      use = d | s;
      if ((code & 224) === MODE.ATOMIC) {
        const op = imm[i];
        if (op === 241) {
          use |= 1;
          def = 1;
        } else if (op === 256) {
          use = s;
          def = d;
        } else if (op !== 272 && op & 1) def = s;
      }
      break;
    case CLASS.ALU:
    case CLASS.ALU64: {
      const op = code & 240;
      def = d;
      if (op === 208 || op === 128) use = d;
      else if (op === 176) use = code & SRC.X ? s : 0;
      else use = code & SRC.X ? d | s : d;
      break;
    }
    default: {
      const op = code & 240;
      if (op === 128) {
        def = CALLER_SAVED;
        use = 62;
        if (p.isHelperCall(i)) {
          const row2 = helperById(imm[i]);
          const count = row2 ? signatureOf(row2, p.spec.type).args.length : 5;
          use = ((1 << (count + 1)) - 1) & ~1;
        }
      } else if (op === 144) use = 1;
      else if (op !== 0 && code !== OP_MAY_GOTO) use = code & SRC.X ? d | s : d;
    }
  }
  return use | (def << 16);
}
function computeLiveRegisters(p) {
  const n = p.length;
  const effect = new Int32Array(n);
  const next2 = new Int32Array(2);
  for (let i = 0; i < n; i++) {
    effect[i] = usesAndDefs(p, i);
    if (p.code.opcode[i] === OP_LD_IMM64) i++;
  }
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = n - 1; i >= 0; i--) {
      if (i > 0 && p.code.opcode[i - 1] === OP_LD_IMM64 && p.code.opcode[i] === 0) continue;
      successors(p, i, next2);
      let out = 0;
      if (next2[0] >= 0 && next2[0] < n) out |= p.live[next2[0]];
      if (next2[1] >= 0 && next2[1] < n) out |= p.live[next2[1]];
      const live = (out & ~(effect[i] >>> 16)) | (effect[i] & 65535);
      if (live !== p.live[i]) {
        p.live[i] = live;
        changed = true;
      }
    }
  }
}
function computeLoops(p) {
  const n = p.length;
  const order = new Int32Array(n);
  const low = new Int32Array(n);
  const onStack = new Uint8Array(n);
  const edgeAt = new Uint8Array(n);
  const stack = [];
  const path = [];
  const next2 = new Int32Array(2);
  let counter = 0;
  let loops = 0;
  for (let root = 0; root < n; root++) {
    if (order[root] !== 0 || p.subprogStarting(root) < 0) continue;
    path.push(root);
    while (path.length > 0) {
      const i = path[path.length - 1];
      if (order[i] === 0) {
        order[i] = low[i] = ++counter;
        onStack[i] = 1;
        stack.push(i);
      }
      successors(p, i, next2);
      let descended = false;
      while (edgeAt[i] < 2) {
        const to = next2[edgeAt[i]];
        if (to < 0 || to >= n) {
          edgeAt[i]++;
          continue;
        }
        if (order[to] === 0) {
          path.push(to);
          descended = true;
          break;
        }
        if (onStack[to]) low[i] = Math.min(low[i], low[to]);
        edgeAt[i]++;
      }
      if (descended) continue;
      path.pop();
      if (low[i] === order[i]) {
        const self = next2[0] === i || next2[1] === i;
        const single = stack[stack.length - 1] === i;
        const callsBack = (p.marks[i] & MARK.CALLBACK) !== 0;
        const number2 = single && !self && !callsBack ? 0 : ++loops;
        for (;;) {
          const member2 = stack.pop();
          onStack[member2] = 0;
          p.loopOf[member2] = number2;
          if (member2 === i) break;
        }
      }
    }
  }
}

// core/helpers/kfuncs.ts
var TRACING = ['tracing', 'tracepoint', 'perf_event', 'lsm'];
var CGROUP = [
  'cgroup_skb',
  'cgroup_sock',
  'cgroup_device',
  'cgroup_sock_addr',
  'cgroup_sockopt',
  'cgroup_sysctl',
  'sock_ops',
];
var LWT = ['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'];
var SKB = ['sched_cls', 'sched_act', 'sk_skb', 'socket_filter', ...CGROUP, ...LWT, 'netfilter', ...TRACING];
var CT = ['xdp', 'sched_cls'];
var SETS = [
  {
    progTypes: 'all',
    funcs: {
      bpf_cast_to_kern_ctx: '',
      bpf_rdonly_cast: '',
      bpf_rcu_read_lock: '',
      bpf_rcu_read_unlock: '',
      bpf_dynptr_slice: 'ret_null',
      bpf_dynptr_slice_rdwr: 'ret_null',
      bpf_iter_num_new: 'iter_new',
      bpf_iter_num_next: 'iter_next ret_null',
      bpf_iter_num_destroy: 'iter_destroy',
      bpf_iter_task_vma_new: 'iter_new rcu',
      bpf_iter_task_vma_next: 'iter_next ret_null',
      bpf_iter_task_vma_destroy: 'iter_destroy',
      bpf_iter_css_task_new: 'iter_new trusted',
      bpf_iter_css_task_next: 'iter_next ret_null',
      bpf_iter_css_task_destroy: 'iter_destroy',
      bpf_iter_css_new: 'iter_new trusted rcu_protected',
      bpf_iter_css_next: 'iter_next ret_null',
      bpf_iter_css_destroy: 'iter_destroy',
      bpf_iter_task_new: 'iter_new trusted rcu_protected',
      bpf_iter_task_next: 'iter_next ret_null',
      bpf_iter_task_destroy: 'iter_destroy',
      bpf_dynptr_adjust: '',
      bpf_dynptr_is_null: '',
      bpf_dynptr_is_rdonly: '',
      bpf_dynptr_size: '',
      bpf_dynptr_clone: '',
      bpf_dynptr_copy: '',
      bpf_dynptr_memset: '',
      bpf_wq_init: '',
      bpf_wq_set_callback_impl: '',
      bpf_wq_start: '',
      bpf_preempt_disable: '',
      bpf_preempt_enable: '',
      bpf_iter_bits_new: 'iter_new',
      bpf_iter_bits_next: 'iter_next ret_null',
      bpf_iter_bits_destroy: 'iter_destroy',
      bpf_copy_from_user_str: 'sleepable',
      bpf_copy_from_user_task_str: 'sleepable',
      bpf_get_kmem_cache: '',
      bpf_iter_kmem_cache_new: 'iter_new sleepable',
      bpf_iter_kmem_cache_next: 'iter_next ret_null sleepable',
      bpf_iter_kmem_cache_destroy: 'iter_destroy sleepable',
      bpf_local_irq_save: '',
      bpf_local_irq_restore: '',
      bpf_probe_read_user_dynptr: '',
      bpf_probe_read_kernel_dynptr: '',
      bpf_probe_read_user_str_dynptr: '',
      bpf_probe_read_kernel_str_dynptr: '',
      bpf_copy_from_user_dynptr: 'sleepable',
      bpf_copy_from_user_str_dynptr: 'sleepable',
      bpf_copy_from_user_task_dynptr: 'sleepable trusted',
      bpf_copy_from_user_task_str_dynptr: 'sleepable trusted',
      bpf_iter_dmabuf_new: 'iter_new sleepable',
      bpf_iter_dmabuf_next: 'iter_next ret_null sleepable',
      bpf_iter_dmabuf_destroy: 'iter_destroy sleepable',
      __bpf_trap: '',
      bpf_modify_return_test_tp: '',
      bpf_strcmp: '',
      bpf_strcasecmp: '',
      bpf_strchr: '',
      bpf_strchrnul: '',
      bpf_strnchr: '',
      bpf_strrchr: '',
      bpf_strlen: '',
      bpf_strnlen: '',
      bpf_strspn: '',
      bpf_strcspn: '',
      bpf_strstr: '',
      bpf_strnstr: '',
      bpf_cgroup_read_xattr: 'rcu',
      bpf_stream_vprintk_impl: 'trusted',
      bpf_task_work_schedule_signal_impl: 'trusted',
      bpf_task_work_schedule_resume_impl: 'trusted',
      bpf_arena_alloc_pages: 'trusted sleepable',
      bpf_arena_free_pages: 'trusted sleepable',
      bpf_arena_reserve_pages: 'trusted',
      bpf_map_sum_elem_count: 'trusted',
      bpf_res_spin_lock: 'ret_null',
      bpf_res_spin_unlock: '',
      bpf_res_spin_lock_irqsave: 'ret_null',
      bpf_res_spin_unlock_irqrestore: '',
    },
  },
  {
    progTypes: [...TRACING, 'sched_cls', 'xdp', 'struct_ops', 'syscall', ...CGROUP],
    funcs: {
      crash_kexec: 'destructive',
      bpf_obj_new_impl: 'acquire ret_null',
      bpf_percpu_obj_new_impl: 'acquire ret_null',
      bpf_obj_drop_impl: 'release',
      bpf_percpu_obj_drop_impl: 'release',
      bpf_refcount_acquire_impl: 'acquire ret_null rcu',
      bpf_list_push_front_impl: '',
      bpf_list_push_back_impl: '',
      bpf_list_pop_front: 'acquire ret_null',
      bpf_list_pop_back: 'acquire ret_null',
      bpf_list_front: 'ret_null',
      bpf_list_back: 'ret_null',
      bpf_task_acquire: 'acquire rcu ret_null',
      bpf_task_release: 'release',
      bpf_rbtree_remove: 'acquire ret_null',
      bpf_rbtree_add_impl: '',
      bpf_rbtree_first: 'ret_null',
      bpf_rbtree_root: 'ret_null',
      bpf_rbtree_left: 'ret_null',
      bpf_rbtree_right: 'ret_null',
      bpf_cgroup_acquire: 'acquire rcu ret_null',
      bpf_cgroup_release: 'release',
      bpf_cgroup_ancestor: 'acquire rcu ret_null',
      bpf_cgroup_from_id: 'acquire ret_null',
      bpf_task_under_cgroup: 'rcu',
      bpf_task_get_cgroup1: 'acquire rcu ret_null',
      bpf_task_from_pid: 'acquire ret_null',
      bpf_task_from_vpid: 'acquire ret_null',
      bpf_throw: '',
      bpf_send_signal_task: 'trusted',
    },
  },
  {
    progTypes: [...TRACING, 'struct_ops', 'syscall'],
    funcs: {
      bpf_cpumask_create: 'acquire ret_null',
      bpf_cpumask_release: 'release',
      bpf_cpumask_acquire: 'acquire trusted',
      bpf_cpumask_first: 'rcu',
      bpf_cpumask_first_zero: 'rcu',
      bpf_cpumask_first_and: 'rcu',
      bpf_cpumask_set_cpu: 'rcu',
      bpf_cpumask_clear_cpu: 'rcu',
      bpf_cpumask_test_cpu: 'rcu',
      bpf_cpumask_test_and_set_cpu: 'rcu',
      bpf_cpumask_test_and_clear_cpu: 'rcu',
      bpf_cpumask_setall: 'rcu',
      bpf_cpumask_clear: 'rcu',
      bpf_cpumask_and: 'rcu',
      bpf_cpumask_or: 'rcu',
      bpf_cpumask_xor: 'rcu',
      bpf_cpumask_equal: 'rcu',
      bpf_cpumask_intersects: 'rcu',
      bpf_cpumask_subset: 'rcu',
      bpf_cpumask_empty: 'rcu',
      bpf_cpumask_full: 'rcu',
      bpf_cpumask_copy: 'rcu',
      bpf_cpumask_any_distribute: 'rcu',
      bpf_cpumask_any_and_distribute: 'rcu',
      bpf_cpumask_weight: 'rcu',
      bpf_cpumask_populate: 'rcu',
    },
  },
  {
    progTypes: [...TRACING, 'syscall'],
    funcs: {
      css_rstat_updated: '',
      css_rstat_flush: 'sleepable',
      bpf_lookup_user_key: 'acquire ret_null sleepable',
      bpf_lookup_system_key: 'acquire ret_null',
      bpf_key_put: 'release',
    },
  },
  { progTypes: ['sched_cls', 'sched_act', 'xdp'], funcs: { bpf_crypto_decrypt: 'rcu', bpf_crypto_encrypt: 'rcu' } },
  {
    progTypes: ['syscall'],
    funcs: {
      bpf_crypto_ctx_create: 'acquire ret_null sleepable',
      bpf_crypto_ctx_release: 'release',
      bpf_crypto_ctx_acquire: 'acquire rcu ret_null',
    },
  },
  { progTypes: SKB, funcs: { bpf_dynptr_from_skb: 'trusted' } },
  { progTypes: ['sched_cls', 'sched_act'], funcs: { bpf_dynptr_from_skb_meta: 'trusted' } },
  { progTypes: ['xdp'], funcs: { bpf_dynptr_from_xdp: '', bpf_xdp_pull_data: '' } },
  { progTypes: CGROUP, funcs: { bpf_sock_addr_set_sun_path: '', bpf_sock_ops_enable_tx_tstamp: 'trusted' } },
  { progTypes: ['sched_cls'], funcs: { bpf_sk_assign_tcp_reqsk: 'trusted' } },
  { progTypes: TRACING, attachTypes: ['trace_iter'], funcs: { bpf_sock_destroy: 'trusted' } },
  {
    progTypes: ['xdp'],
    funcs: {
      bpf_xdp_metadata_rx_timestamp: 'trusted',
      bpf_xdp_metadata_rx_hash: 'trusted',
      bpf_xdp_metadata_rx_vlan_tag: 'trusted',
      bpf_xdp_get_xfrm_state: 'ret_null acquire',
      bpf_xdp_xfrm_state_release: 'release',
      bpf_xdp_ct_alloc: 'acquire ret_null',
      bpf_xdp_ct_lookup: 'acquire ret_null',
    },
  },
  {
    progTypes: ['sched_cls'],
    funcs: { bpf_skb_ct_alloc: 'acquire ret_null', bpf_skb_ct_lookup: 'acquire ret_null' },
  },
  {
    progTypes: CT,
    funcs: {
      bpf_ct_insert_entry: 'acquire ret_null release',
      bpf_ct_release: 'release',
      bpf_ct_set_timeout: 'trusted',
      bpf_ct_change_timeout: 'trusted',
      bpf_ct_set_status: 'trusted',
      bpf_ct_change_status: 'trusted',
      bpf_ct_set_nat_info: 'trusted',
    },
  },
  {
    progTypes: ['lsm'],
    funcs: {
      bpf_get_task_exe_file: 'acquire trusted ret_null',
      bpf_put_file: 'release',
      bpf_path_d_path: 'trusted',
      bpf_get_dentry_xattr: 'sleepable trusted',
      bpf_get_file_xattr: 'sleepable trusted',
      bpf_set_dentry_xattr: 'sleepable trusted',
      bpf_remove_dentry_xattr: 'sleepable trusted',
    },
  },
  {
    progTypes: ['kprobe'],
    attachTypes: ['trace_kprobe_session', 'trace_uprobe_session'],
    funcs: { bpf_session_is_return: '', bpf_session_cookie: '' },
  },
  {
    progTypes: ['sched_cls', ...TRACING, 'syscall'],
    funcs: { bpf_kfunc_call_test_release: 'release', bpf_kfunc_call_memb_release: 'release' },
  },
  {
    progTypes: ['struct_ops'],
    funcs: {
      tcp_reno_ssthresh: '',
      tcp_reno_cong_avoid: '',
      tcp_reno_undo_cwnd: '',
      tcp_slow_start: '',
      tcp_cong_avoid_ai: '',
      cubictcp_init: '',
      cubictcp_recalc_ssthresh: '',
      cubictcp_cong_avoid: '',
      cubictcp_state: '',
      cubictcp_cwnd_event: '',
      cubictcp_acked: '',
    },
  },
];
var KFUNCS = SETS.flatMap(({ progTypes, attachTypes, funcs }) =>
  Object.entries(funcs).map(([name, words2]) => ({
    name,
    flags: new Set(words2.split(' ').filter((w) => w !== '')),
    progTypes,
    attachTypes,
  })),
);
var byName5 = new Map(KFUNCS.map((row2) => [row2.name, row2]));
function kfuncByName(name) {
  return byName5.get(name);
}
function mayCallKfunc(row2, progType, attachType) {
  if (row2.progTypes !== 'all' && !row2.progTypes.includes(progType)) return false;
  return row2.attachTypes === void 0 || (attachType !== void 0 && row2.attachTypes.includes(attachType));
}

// core/verifier/references.ts
function takeReference(env, insn) {
  const id = env.newId();
  env.state.refs = [...env.state.refs, { id, insn }];
  return id;
}
function dropReference(env, id) {
  const { refs } = env.state;
  const at = refs.findIndex((r) => r.id === id && !r.lock && !r.irq);
  if (at < 0) return false;
  const last = refs[refs.length - 1];
  const rest = refs.slice(0, -1);
  if (at < rest.length) rest[at] = last;
  env.state.refs = rest;
  return true;
}
function releaseReference(env, id) {
  if (!dropReference(env, id)) return false;
  const gone = env.invalidPointer();
  env.state.mapRegs((r) => (r.refObjId === id ? gone : void 0));
  return true;
}
function checkNothingHeld(env, where, locksToo, anyFrame = false) {
  const { state } = env;
  if (locksToo && state.locks > 0) {
    env.fail('reference', `${where} cannot be used inside bpf_spin_lock-ed region`);
  }
  if (env.frame.frameno === 0 || anyFrame) {
    let leaked = false;
    for (const ref of state.refs) {
      if (ref.lock || ref.irq) continue;
      env.say(`Unreleased reference id=${ref.id} alloc_insn=${ref.insn}`);
      leaked = true;
    }
    if (leaked) env.fail('reference', `${where} would lead to reference leak`);
  }
  if (!locksToo) return;
  if (state.irqId) env.fail('reference', `${where} cannot be used inside bpf_local_irq_save-ed region`);
  if (state.rcuLocks > 0) env.fail('reference', `${where} cannot be used inside bpf_rcu_read_lock-ed region`);
  if (state.preemptLocks > 0) env.fail('reference', `${where} cannot be used inside bpf_preempt_disable-ed region`);
}

// core/verifier/dynptr.ts
var DYNPTR = { LOCAL: 1, RINGBUF: 2, SKB: 3, XDP: 4, SKB_META: 5 };
var DYNPTR_NAMES = ['<invalid>', 'local', 'ringbuf', 'skb', 'xdp', 'skb_meta'];
function dynptrTypeName(type) {
  return DYNPTR_NAMES[type] ?? '<unknown>';
}
function dynptrSlot(env, r, what = 'dynptr', count = 2) {
  if (!isConst(r)) {
    env.say(`${what} has to be at a constant offset`);
    return void 0;
  }
  const off = r.off + r.vLo;
  const slot = (-off - 1) >> 3;
  if (off % 8 !== 0 || slot + 1 < count) {
    env.say(`cannot pass in ${what} at an offset=${off}`);
    return void 0;
  }
  return slot < env.state.frames[r.frame].kinds.length ? slot : -1;
}
function wipe(frame, slot) {
  for (const s of [slot, slot - 1]) {
    frame.kinds[s] = allBytes(BYTE.INVALID);
    frame.spills[s] = NOT_INIT;
    frame.markWrote(s);
  }
}
function destroyDynptr(env, frame, slot) {
  if ((frame.kinds[slot] & 7) !== BYTE.DYNPTR) return;
  const first = frame.spills[slot].aux2 === 1 ? slot : slot + 1;
  const r = frame.spills[first];
  if (r.aux === DYNPTR.RINGBUF) env.fail('reference', 'cannot overwrite referenced dynptr');
  env.scratchSlots.add(first);
  env.scratchSlots.add(first - 1);
  wipe(frame, first);
  dropSlices(env, r.id);
}
function dropSlices(env, id) {
  const gone = env.invalidPointer();
  env.state.mapRegs((r) => (kindOf(r.type) === KIND.MEM && r.aux2 === id ? gone : void 0));
}
function createDynptr(env, r, type, parentRef = 0) {
  const frame = env.state.frames[r.frame];
  const slot = dynptrSlot(env, r);
  if (slot === void 0 || slot < 0) env.fail('type', 'Dynptr has to be an uninitialized dynptr');
  destroyDynptr(env, frame, slot);
  destroyDynptr(env, frame, slot - 1);
  const id = env.newId();
  const ref = type !== DYNPTR.RINGBUF ? 0 : parentRef !== 0 ? parentRef : takeReference(env, env.insn);
  for (const s of [slot, slot - 1]) {
    const d = new Reg();
    d.type = KIND.DYNPTR;
    d.aux = type;
    d.aux2 = s === slot ? 1 : 0;
    d.id = id;
    d.refObjId = ref;
    frame.spills[s] = d;
    frame.kinds[s] = allBytes(BYTE.DYNPTR);
    frame.markWrote(s);
    env.scratchSlots.add(s);
  }
}
function dynptrAt(env, r) {
  if (r.type === KIND.DYNPTR) return r;
  const slot = dynptrSlot(env, r);
  if (slot === void 0 || slot < 1) return void 0;
  const frame = env.state.frames[r.frame];
  const d = frame.spills[slot];
  if (frame.kinds[slot] !== allBytes(BYTE.DYNPTR) || frame.kinds[slot - 1] !== allBytes(BYTE.DYNPTR)) return void 0;
  return d.aux2 === 1 ? d : void 0;
}
function endDynptr(env, r) {
  const frame = env.state.frames[r.frame];
  const slot = dynptrSlot(env, r);
  const d = frame.spills[slot];
  if (d.aux !== DYNPTR.RINGBUF) {
    wipe(frame, slot);
    return;
  }
  const ref = d.refObjId;
  releaseReference(env, ref);
  for (let s = 1; s < frame.kinds.length; s++) {
    if (frame.kinds[s] === allBytes(BYTE.DYNPTR) && frame.spills[s].refObjId === ref && frame.spills[s].aux2 === 1) {
      wipe(frame, s);
    }
  }
}
var SLICE_FLAGS = FLAG.MAYBE_NULL;

// core/verifier/context.ts
var SOCKET_FIELDS = BPF_SOCK_POINTEE;
var SOCK_COMMON_FIELDS = SOCK_COMMON_POINTEE;
var TCP_SOCK_FIELDS = BPF_TCP_SOCK_POINTEE;
var NUMBER2 = { type: KIND.SCALAR, btfId: 0 };
var POINTERS = {
  packet: KIND.PKT,
  packet_end: KIND.PKT_END,
  packet_meta: KIND.PKT_META,
  sock_common_or_null: KIND.SOCK_COMMON | FLAG.MAYBE_NULL,
  socket: KIND.SOCKET,
  socket_or_null: KIND.SOCKET | FLAG.MAYBE_NULL,
  flow_keys: KIND.FLOW_KEYS,
  btf: KIND.BTF_ID | FLAG.TRUSTED,
};
function fieldAccess(fields, off, size, write2, attachType, signed2) {
  if (off < 0 || off % size !== 0) return void 0;
  for (const f of fields) {
    if (off < f.offset || off >= f.offset + f.size) continue;
    if (f.attachTypes && !(attachType !== void 0 && f.attachTypes.includes(attachType))) continue;
    return allows(f, off, size, write2, attachType, signed2) ? f : void 0;
  }
  return void 0;
}
function allows(f, off, size, write2, attachType, signed2) {
  if (write2) {
    const writable2 = f.writeAttachTypes ? attachType !== void 0 && f.writeAttachTypes.includes(attachType) : f.write;
    if (!writable2) return false;
  } else if (!f.read) return false;
  if (f.bytes) return off + size <= f.offset + f.size;
  if (f.wide && size === 8) return true;
  const whole = off === f.offset && size === f.size;
  if (f.pointer) return whole && !signed2;
  if (whole || (off === f.offset && size === f.alsoSize && !write2)) return true;
  if (f.narrowAtStart && off !== f.offset) return false;
  return !write2 && f.narrow === true && size <= f.size && size >= (f.minSize ?? 1);
}
function contextAccess(env, off, size, write2, signed2) {
  const layout2 = env.progType.ctx;
  switch (layout2.kind) {
    case 'fields': {
      const f = fieldAccess(layout2.fields, off, size, write2, env.program.spec.attachType, signed2);
      if (!f) return void 0;
      if (!f.pointer || write2) return NUMBER2;
      const btfId = f.btf ? (env.kernelBtf?.find(f.btf, 'struct') ?? 0) : 0;
      if (f.pointer === 'btf' && btfId === 0) {
        env.fail('unsupported', `the context field '${f.name}' needs the kernel's BTF for struct ${f.btf}`);
      }
      return { type: POINTERS[f.pointer], btfId };
    }
    case 'words': {
      if (write2 && !layout2.write) return void 0;
      if (off < (layout2.from ?? 0) || off + size > layout2.size || off % size !== 0) return void 0;
      return layout2.wordBytes.includes(size) ? NUMBER2 : void 0;
    }
    case 'args': {
      if (write2 || off < 0 || off >= layout2.count * 8 || off % size !== 0) return void 0;
      if (!layout2.anySize) return attachArgument(env, off, size);
      if (env.progType.name !== 'raw_tracepoint_writable' || off !== 0) return NUMBER2;
      return size === 8 ? { type: KIND.TP_BUFFER, btfId: 0 } : void 0;
    }
  }
}

// core/verifier/liveness.ts
function markRead(env, frameno, slot) {
  const lo = slot < 32 ? 1 << slot : 0;
  const hi = slot < 32 ? 0 : 1 << (slot - 32);
  markReadMask(env.state, frameno, lo, hi);
}
function markReadMask(state, frameno, lo, hi) {
  let changed = false;
  for (;;) {
    const frame = state.frames[frameno];
    if (!frame) return changed;
    lo &= ~frame.wroteLo;
    hi &= ~frame.wroteHi;
    if ((lo | hi) === 0) return changed;
    const parent = state.parent;
    const above = parent?.frames[frameno];
    if (!parent || !above) return changed;
    const newLo = lo & ~above.readLo;
    const newHi = hi & ~above.readHi;
    if ((newLo | newHi) === 0) return changed;
    above.readLo |= lo;
    above.readHi |= hi;
    changed = true;
    state = parent;
  }
}
function propagateReads(old, current) {
  let changed = false;
  for (let i = 0; i < old.frames.length; i++) {
    const frame = old.frames[i];
    if (markReadMask(current, i, frame.readLo, frame.readHi)) changed = true;
  }
  return changed;
}

// core/verifier/precision.ts
var ARGUMENTS = 62;
var TAIL_CALL2 = 12;
var Wanted = class {
  regs = new Int32Array(8);
  slotsLo = new Int32Array(8);
  slotsHi = new Int32Array(8);
  /** Frame whose instructions are being walked. */
  frame = 0;
  get isEmpty() {
    for (let i = 0; i < 8; i++) if ((this.regs[i] | this.slotsLo[i] | this.slotsHi[i]) !== 0) return false;
    return true;
  }
  has(n) {
    return ((this.regs[this.frame] >> n) & 1) !== 0;
  }
  add(n, frame = this.frame) {
    this.regs[frame] |= 1 << n;
  }
  drop(n, frame = this.frame) {
    this.regs[frame] &= ~(1 << n);
  }
  hasSlot(frame, slot) {
    return ((slot < 32 ? this.slotsLo[frame] >> slot : this.slotsHi[frame] >> (slot - 32)) & 1) !== 0;
  }
  addSlot(frame, slot) {
    if (slot < 32) this.slotsLo[frame] |= 1 << slot;
    else this.slotsHi[frame] |= 1 << (slot - 32);
  }
  dropSlot(frame, slot) {
    if (slot < 32) this.slotsLo[frame] &= ~(1 << slot);
    else this.slotsHi[frame] &= ~(1 << (slot - 32));
  }
  noSlots(frame = this.frame) {
    return (this.slotsLo[frame] | this.slotsHi[frame]) === 0;
  }
  clear() {
    this.regs.fill(0);
    this.slotsLo.fill(0);
    this.slotsHi.fill(0);
  }
};
var shared = new Wanted();
function freshWanted(frame) {
  shared.clear();
  shared.frame = frame;
  return shared;
}
var CANNOT = -1;
function markPrecise(env, regno) {
  if (!env.privileged || env.regs[regno].type !== KIND.SCALAR) return;
  const wanted = freshWanted(env.state.depth);
  wanted.add(regno);
  trace(env, env.state, wanted, true, env.insn);
}
function markSlotPrecise(env, frame, slot) {
  if (!env.privileged) return;
  const wanted = freshWanted(env.state.depth);
  wanted.addSlot(frame, slot);
  trace(env, env.state, wanted, true, env.insn);
}
function propagatePrecision(env, old, current) {
  if (!env.privileged) return false;
  const wanted = freshWanted(old.depth);
  for (let f = 0; f < old.frames.length; f++) {
    const frame = old.frames[f];
    for (let j = 0; j < 10; j++) {
      const r = frame.regs[j];
      if (r.type === KIND.SCALAR && r.precise) wanted.add(j, f);
    }
    for (let j = 0; j < frame.kinds.length; j++) {
      if (frame.isScalarSpill(j) && frame.spills[j].precise) wanted.addSlot(f, j);
    }
  }
  return trace(env, current, wanted, true, current === env.state ? env.insn : current.insn);
}
function trace(env, start, wanted, skipFirst, from) {
  if (wanted.isEmpty) return false;
  let changed = false;
  let state = start;
  let last = from;
  let first = state.firstInsn;
  let following = -1;
  let skip = skipFirst;
  for (;;) {
    const { history } = state;
    let end = history.length;
    if (last < 0) {
      markFrame(state.frames[0], wanted, 0);
      return true;
    }
    for (let i = last; ; ) {
      if (skip) skip = false;
      else {
        const entry2 = end > 0 && history[end - 1].insn === i ? history[end - 1] : void 0;
        if (step(env, i, following, entry2, wanted) === CANNOT) {
          markAll(start);
          return true;
        }
      }
      if (wanted.isEmpty) return changed;
      following = i;
      if (i === first && (end === 0 || (end === 1 && history[0].insn === i))) break;
      if (end > 0 && history[end - 1].insn === i) {
        end--;
        i = history[end].previous;
      } else i--;
      if (i < 0) {
        if (state.parent === void 0 && state.frames[0].subprog > 0) break;
        markAll(start);
        return true;
      }
    }
    const parent = state.parent;
    if (!parent) break;
    state = parent;
    for (let f = wanted.frame; f >= 0; f--) {
      const frame2 = state.frames[f];
      if (frame2 && markFrame(frame2, wanted, f)) changed = true;
    }
    if (wanted.isEmpty) return changed;
    following = first;
    last = state.lastInsn;
    first = state.firstInsn;
  }
  const frame = start.frames[0];
  if (frame.subprog > 0 && frame.callsite === MAIN_CALLSITE && wanted.noSlots(0) && !(wanted.regs[0] & ~ARGUMENTS)) {
    return changed;
  }
  markAll(start);
  return true;
}
function markFrame(frame, wanted, f) {
  let changed = false;
  const mask = wanted.regs[f];
  for (let j = 0; j < 10; j++) {
    if (!((mask >> j) & 1)) continue;
    const r = frame.regs[j];
    if (r.type !== KIND.SCALAR || r.precise) {
      wanted.drop(j, f);
      continue;
    }
    const copy = r.clone();
    copy.precise = 1;
    frame.regs[j] = copy;
    changed = true;
  }
  let lo = wanted.slotsLo[f];
  let hi = wanted.slotsHi[f];
  while ((lo | hi) !== 0) {
    const j = lo !== 0 ? 31 - Math.clz32(lo) : 63 - Math.clz32(hi);
    if (j < 32) lo &= ~(1 << j);
    else hi &= ~(1 << (j - 32));
    if (j >= frame.kinds.length || !frame.isScalarSpill(j) || frame.spills[j].precise) {
      wanted.dropSlot(f, j);
      continue;
    }
    const copy = frame.spills[j].clone();
    copy.precise = 1;
    frame.spills[j] = copy;
    changed = true;
  }
  return changed;
}
function markAll(state) {
  for (let s = state.parent; s; s = s.parent) {
    s.mapRegs((r) => {
      if (r.type !== KIND.SCALAR || r.precise) return void 0;
      const copy = r.clone();
      copy.precise = 1;
      return copy;
    });
  }
}
function step(env, i, following, entry2, wanted) {
  const { opcode, dst, src, imm } = env.program.code;
  const code = opcode[i];
  const cls = code & 7;
  const d = dst[i];
  const s = src[i];
  const fromReg = (code & 8) !== 0;
  if (code === 0) return 0;
  syncLinked(entry2, wanted);
  if (cls === CLASS.ALU || cls === CLASS.ALU64) {
    if (!wanted.has(d)) return 0;
    const op = code & 240;
    if (op === 208 || op === 128) return 0;
    if (op === 176) wanted.drop(d);
    if (fromReg && s !== 10) wanted.add(s);
  } else if (cls === CLASS.LDX || (cls === CLASS.STX && (code & 224) === MODE.ATOMIC && loadsAtomic(imm[i]))) {
    const target2 = cls === CLASS.LDX ? d : imm[i] === 241 ? 0 : imm[i] === 256 ? d : s;
    if (!wanted.has(target2)) return 0;
    wanted.drop(target2);
    if (!entry2 || !(entry2.flags & HIST.STACK_ACCESS)) return 0;
    wanted.addSlot(entry2.flags & 7, (entry2.flags >> 3) & 63);
  } else if (cls === CLASS.STX || cls === CLASS.ST) {
    if (wanted.has(d)) return CANNOT;
    if (!entry2 || !(entry2.flags & HIST.STACK_ACCESS)) return 0;
    const frame = entry2.flags & 7;
    const slot = (entry2.flags >> 3) & 63;
    if (!wanted.hasSlot(frame, slot)) return 0;
    wanted.dropSlot(frame, slot);
    if (cls === CLASS.STX) wanted.add(s);
  } else if (cls === CLASS.JMP || cls === CLASS.JMP32) {
    return stepJump(env, i, following, entry2, wanted);
  } else if (cls === CLASS.LD) {
    if ((code & 224) === MODE.IMM) {
      wanted.drop(d);
      return 0;
    }
    if (wanted.has(0)) return CANNOT;
    if (following !== i + 1) wanted.frame++;
    return 0;
  }
  syncLinked(entry2, wanted);
  return 0;
}
function loadsAtomic(op) {
  return op === 256 || (op !== 272 && (op & 1) !== 0);
}
function stepJump(env, i, following, entry2, wanted) {
  const { opcode, dst, src, imm } = env.program.code;
  const code = opcode[i];
  const op = code & 240;
  if (code === OP_CALL && src[i] === CALL.local) {
    const callee = env.program.subprogs[env.program.subprogStarting(i + imm[i] + 1)];
    if (callee?.global) {
      wanted.drop(0);
      return 0;
    }
    if (wanted.regs[wanted.frame] & ~ARGUMENTS || !wanted.noSlots() || wanted.frame === 0) return CANNOT;
    for (let r = 1; r <= 5; r++) {
      if (!wanted.has(r)) continue;
      wanted.drop(r);
      wanted.add(r, wanted.frame - 1);
    }
    wanted.frame--;
    return 0;
  }
  if (code === OP_CALL) {
    const callsBack = src[i] === CALL.kfunc ? env.kfuncs.callsBack(i) : SYNC_CALLBACK_HELPERS.has(imm[i]);
    if (callsBack && i !== following - 1) {
      if (wanted.regs[wanted.frame] & ~ARGUMENTS || !wanted.noSlots() || wanted.frame === 0) return CANNOT;
      wanted.regs[wanted.frame] = 0;
      wanted.frame--;
      return 0;
    }
    wanted.drop(0);
    if (wanted.regs[wanted.frame] & ARGUMENTS) return CANNOT;
    if (src[i] === CALL.helper && imm[i] === TAIL_CALL2 && following !== i + 1 && ++wanted.frame > 7) return CANNOT;
    return 0;
  }
  if (op === 144) {
    const fromCall = following > 0 && opcode[following - 1] === OP_CALL && src[following - 1] === CALL.local;
    const result2 = fromCall && wanted.has(0);
    if (fromCall && wanted.regs[wanted.frame] & ARGUMENTS) return CANNOT;
    wanted.drop(0);
    wanted.frame++;
    if (wanted.frame > 7) return CANNOT;
    if (result2) wanted.add(0);
    return 0;
  }
  if (op !== 0 && op !== 224 && (code & 8) !== 0) {
    const d = dst[i];
    const s = src[i];
    if (wanted.has(d) || wanted.has(s)) {
      if (!entry2 || !(entry2.flags & HIST.SRC_STACK)) wanted.add(s);
      if (!entry2 || !(entry2.flags & HIST.DST_STACK)) wanted.add(d);
    }
  }
  syncLinked(entry2, wanted);
  return 0;
}
function syncLinked(entry2, wanted) {
  if (!entry2?.linked) return;
  let some = false;
  for (const l of entry2.linked) {
    const frame = l >> 8;
    const index = (l >> 1) & 127;
    if (l & 1 ? ((wanted.regs[frame] >> index) & 1) !== 0 : wanted.hasSlot(frame, index)) some = true;
  }
  if (!some) return;
  for (const l of entry2.linked) {
    if (l & 1) wanted.add((l >> 1) & 127, l >> 8);
    else wanted.addSlot(l >> 8, (l >> 1) & 127);
  }
}

// core/verifier/stack.ts
var STACK_MAX = 512;
var ZERO = makeKnown(0, 0);
function unlinked(r) {
  if (r.id === 0 && r.off === 0) return r;
  const copy = r.clone();
  copy.id = 0;
  copy.off = 0;
  return copy;
}
function withId(env, regno) {
  let r = env.regs[regno];
  if (r.type !== KIND.SCALAR) return r;
  if (r.id & ADD_CONST) {
    r = unlinked(r);
    env.regs[regno] = r;
  }
  if (r.id === 0 && !isConst(r)) {
    const copy = r.clone();
    copy.id = env.newId();
    env.regs[regno] = copy;
    return copy;
  }
  return r;
}
function growStack(env, frame, lowest) {
  const slots = (-lowest + 7) >> 3;
  while (frame.kinds.length < slots) {
    frame.kinds.push(0);
    frame.spills.push(NOT_INIT);
  }
  const sub2 = env.program.subprogs[frame.subprog];
  if (sub2.stackDepth < slots * 8) sub2.stackDepth = slots * 8;
}
function checkStackBounds(env, regno, off, size, write2) {
  const r = env.regs[regno];
  const frame = env.state.frames[r.frame];
  const what = write2 ? ' write to' : ' read from';
  let min;
  let max;
  if (isConst(r)) {
    min = toDouble(r.vLo, r.vHi) + off;
    max = min + size;
  } else {
    if (!slt(r.smaxLo, r.smaxHi, MAX_VAR_OFF, 0) || !slt(-MAX_VAR_OFF, -1, r.sminLo, r.sminHi)) {
      env.fail('bounds', `invalid unbounded variable-offset${what} stack R${regno}`);
    }
    min = r.sminLo + off;
    max = r.smaxLo + off + size;
  }
  const lowest = write2 || env.privileged ? -STACK_MAX : -8 * frame.kinds.length;
  if (min < lowest || min > -1 || max > 0 || size < 0) {
    env.fail(
      'bounds',
      isConst(r)
        ? `invalid${what} stack R${regno} off=${off} size=${size}`
        : `invalid variable-offset${what} stack R${regno} var_off=${format2(r)} off=${off} size=${size}`,
    );
  }
  growStack(env, frame, min);
}
function isSpecial(kinds) {
  const kind = kinds >>> 28;
  return kind === BYTE.SPILL || kind === BYTE.DYNPTR || kind === BYTE.ITER || kind === BYTE.IRQ;
}
function scrub(kinds) {
  for (let i = 0; i < 32; i += 4) {
    if (((kinds >> i) & 7) !== BYTE.INVALID) kinds = (kinds & ~(15 << i)) | (BYTE.MISC << i);
  }
  return kinds;
}
function scrubSlot(frame, slot) {
  frame.spills[slot] = NOT_INIT;
  if (isSpecial(frame.kinds[slot])) frame.kinds[slot] = scrub(frame.kinds[slot]);
}
function spill(frame, slot, r, size) {
  frame.spills[slot] = r;
  if (size === 8) {
    frame.kinds[slot] = allBytes(BYTE.SPILL);
    frame.markWrote(slot);
    return;
  }
  const kinds = frame.kinds[slot];
  let next2 = 0;
  for (let i = 0; i < 8; i++) {
    const kind = (kinds >> (i * 4)) & 7;
    const above = kind === BYTE.ZERO || kind === BYTE.INVALID ? kind : BYTE.MISC;
    next2 |= (i >= 8 - size ? BYTE.SPILL : above) << (i * 4);
  }
  frame.kinds[slot] = next2;
}
function writeFixed(env, frame, off, size, valueReg, constant2) {
  const slot = (-off - 1) >> 3;
  const isPointerSpill = frame.isSpill(slot) && frame.spills[slot].type !== KIND.SCALAR;
  if (!env.privileged && isPointerSpill && size !== 8) {
    env.fail('leak', 'attempt to corrupt spilled pointer on stack');
  }
  destroyDynptr(env, frame, slot);
  env.scratchSlots.add(slot);
  let r = valueReg >= 0 ? env.regs[valueReg] : void 0;
  let flags = stackAccess(frame.frameno, slot);
  const aligned = off % 8 === 0;
  if (r && aligned && r.type === KIND.SCALAR && env.privileged) {
    const fits = bitLength(r.umaxLo, r.umaxHi) <= size * 8;
    if (fits) r = withId(env, valueReg);
    spill(frame, slot, fits ? r : unlinkedId(r), size);
  } else if (!r && constant2 !== void 0 && aligned && env.privileged) {
    spill(frame, slot, makeKnown(constant2, constant2 >> 31), size);
  } else if (r && isSpillable(r.type)) {
    if (size !== 8) env.fail('type', 'invalid size of register spill');
    if (frame !== env.frame && r.type === KIND.STACK) {
      env.fail('type', 'cannot spill pointers to stack into stack frame of the caller');
    }
    spill(frame, slot, r, size);
  } else {
    scrubSlot(frame, slot);
    if (size === 8) frame.markWrote(slot);
    let kind = BYTE.MISC;
    if ((r && isNull2(r)) || (!r && constant2 === 0)) {
      if (valueReg >= 0) markPrecise(env, valueReg);
      kind = BYTE.ZERO;
    }
    for (let i = 0; i < size; i++) frame.setByteKind(off + i, kind);
    flags = 0;
  }
  if (flags !== 0) env.pushHistory(flags);
}
function unlinkedId(r) {
  if (r.id === 0) return r;
  const copy = r.clone();
  copy.id = 0;
  return copy;
}
function writeVariable(env, frame, pointer, off, size, valueReg, constant2) {
  const min = pointer.sminLo + off;
  const max = pointer.smaxLo + off + size;
  const value = valueReg >= 0 ? env.regs[valueReg] : void 0;
  const zero2 = (value && isNull2(value)) || (!value && constant2 === 0);
  let zeroUsed = false;
  for (let i = min; i < max; i++) destroyDynptr(env, frame, (-i - 1) >> 3);
  for (let i = min; i < max; i++) {
    const slot = (-i - 1) >> 3;
    const kind = frame.byteKind(i);
    env.scratchSlots.add(slot);
    if (!env.privileged && kind !== BYTE.MISC && kind !== BYTE.ZERO) {
      env.fail('leak', `spilled ptr in range of var-offset stack write; insn ${env.insn}, ptr off: ${i}`);
    }
    if (zero2 && kind === BYTE.SPILL && frame.isScalarSpill(slot) && isNull2(frame.spills[slot])) {
      zeroUsed = true;
      continue;
    }
    scrubSlot(frame, slot);
    if (zero2 && kind === BYTE.ZERO) zeroUsed = true;
    frame.setByteKind(i, zero2 && kind === BYTE.ZERO ? BYTE.ZERO : BYTE.MISC);
  }
  if (zeroUsed && valueReg >= 0) markPrecise(env, valueReg);
}
function writeStack(env, regno, off, size, valueReg, constant2) {
  const r = env.regs[regno];
  const frame = env.state.frames[r.frame];
  if (isConst(r)) writeFixed(env, frame, off + r.vLo, size, valueReg, constant2);
  else writeVariable(env, frame, r, off, size, valueReg, constant2);
}
function spillSize(kinds) {
  let size = 1;
  for (let i = 6; i >= 0 && ((kinds >> (i * 4)) & 7) === BYTE.SPILL; i--) size++;
  return size;
}
function readFixed(env, frame, off, size, target2) {
  const slot = (-off - 1) >> 3;
  const kinds = frame.kinds[slot];
  let flags = stackAccess(frame.frameno, slot);
  env.scratchSlots.add(slot);
  if (!frame.isSpill(slot)) {
    for (let i = 0; i < size; i++) checkReadableByte(env, frame, off, i, size);
    markRead(env, frame.frameno, slot);
    if (target2 >= 0) setFromBytes(env, frame, off, off + size, target2);
    return;
  }
  const r = frame.spills[slot];
  const spilled = spillSize(kinds);
  if (size !== 8 || spilled !== 8) {
    if (r.type !== KIND.SCALAR) env.fail('type', 'invalid size of register fill');
    markRead(env, frame.frameno, slot);
    if (target2 < 0) return;
    if (size <= spilled && off % 8 === 0) {
      env.setReg(target2, bitLength(r.umaxLo, r.umaxHi) > size * 8 ? unlinked(r) : r);
    } else {
      let spills = 0;
      let zeros = 0;
      for (let i = 0; i < size; i++) {
        const kind = frame.byteKind(off + i);
        if (kind === BYTE.SPILL) spills++;
        else if (kind === BYTE.ZERO) zeros++;
        else if (kind !== BYTE.MISC) checkReadableByte(env, frame, off, i, size);
      }
      if (spills === size && isNull2(r)) env.setReg(target2, ZERO);
      else {
        if (zeros === size) env.setReg(target2, ZERO);
        else env.setUnknown(target2);
        flags = 0;
      }
    }
  } else {
    if (target2 >= 0) env.setReg(target2, r);
    else if (env.isHiddenPointer(r)) env.fail('leak', `leaking pointer from stack off ${off}`);
    markRead(env, frame.frameno, slot);
  }
  if (flags !== 0) env.pushHistory(flags);
}
function checkReadableByte(env, frame, off, i, size) {
  const kind = frame.byteKind(off + i);
  if (kind === BYTE.MISC || kind === BYTE.ZERO) return;
  if (kind === BYTE.INVALID && env.privileged) return;
  env.fail('uninitialised', `invalid read from stack off ${off}+${i} size ${size}`);
}
function setFromBytes(env, frame, from, to, target2) {
  for (let i = from; i < to; i++) {
    if (frame.byteKind(i) !== BYTE.ZERO) {
      env.setUnknown(target2);
      return;
    }
  }
  env.setReg(target2, ZERO);
}
function readStack(env, regno, off, size, target2) {
  const r = env.regs[regno];
  const frame = env.state.frames[r.frame];
  if (isConst(r)) {
    readFixed(env, frame, off + r.vLo, size, target2);
    return;
  }
  if (target2 < 0) {
    env.fail(
      'type',
      `variable offset stack pointer cannot be passed into helper function; var_off=${format2(r)} off=${off} size=${size}`,
    );
  }
  checkStackRange(env, regno, off, size, false, false, void 0);
  setFromBytes(env, frame, r.sminLo + off, r.smaxLo + off + size, target2);
}
function checkStackRange(env, regno, off, size, zeroAllowed, write2, raw) {
  if (size === 0 && !zeroAllowed) env.fail('bounds', 'invalid zero-sized read');
  checkStackBounds(env, regno, off, size, write2);
  const r = env.regs[regno];
  const frame = env.state.frames[r.frame];
  let min;
  let max;
  if (isConst(r)) min = max = r.vLo + off;
  else {
    if (!env.privileged) {
      env.fail('leak', `R${regno} variable offset stack access prohibited for !root, var_off=${format2(r)}`);
    }
    raw = void 0;
    min = r.sminLo + off;
    max = r.smaxLo + off;
  }
  if (raw?.rawMode) {
    for (let i = min; i < max + size; i++) {
      if (-i - 1 < frame.kinds.length * 8 && frame.byteKind(i) === BYTE.DYNPTR) {
        env.fail('type', `potential write to dynptr at off=${i} disallowed`);
      }
    }
    raw.accessSize = size;
    raw.accessReg = regno;
    return;
  }
  for (let i = min; i < max + size; i++) {
    const slot = (-i - 1) >> 3;
    const kind = frame.byteKind(i);
    if (kind === BYTE.MISC) {
      markRead(env, frame.frameno, slot);
      continue;
    }
    if (kind === BYTE.ZERO || (kind === BYTE.INVALID && env.privileged)) {
      if (write2) frame.setByteKind(i, BYTE.MISC);
      markRead(env, frame.frameno, slot);
      continue;
    }
    if (frame.isSpill(slot) && (frame.spills[slot].type === KIND.SCALAR || env.privileged)) {
      if (write2) {
        frame.spills[slot] = env.unknown;
        frame.kinds[slot] = scrub(frame.kinds[slot]);
      }
      markRead(env, frame.frameno, slot);
      continue;
    }
    env.fail(
      'uninitialised',
      isConst(r)
        ? `invalid read from stack R${regno} off ${min}+${i - min} size ${size}`
        : `invalid read from stack R${regno} var_off ${format2(r)}+${i - min} size ${size}`,
    );
  }
}
function fillStack(env, regno, size) {
  const r = env.regs[regno];
  const frame = env.state.frames[r.frame];
  const from = r.off + r.vLo;
  checkStackBounds(env, regno, r.off, size, true);
  for (let at = from; at < from + size; ) {
    const slot = (-at - 1) >> 3;
    const end = Math.min(from + size, -8 * slot);
    destroyDynptr(env, frame, slot);
    const pointer = frame.isSpill(slot) && frame.spills[slot].type !== KIND.SCALAR;
    if (!env.privileged && pointer) env.fail('leak', 'attempt to corrupt spilled pointer on stack');
    scrubSlot(frame, slot);
    if (end - at === 8) frame.kinds[slot] = allBytes(BYTE.MISC);
    else for (let i = at; i < end; i++) frame.setByteKind(i, BYTE.MISC);
    env.scratchSlots.add(slot);
    at = end;
  }
}
function isAllMisc(env, kinds) {
  for (let i = 0; i < 32; i += 4) {
    const kind = (kinds >> i) & 7;
    if (kind !== BYTE.MISC && !(kind === BYTE.INVALID && env.privileged)) return false;
  }
  return true;
}

// core/verifier/mem.ts
var BPF_F_RDONLY_PROG2 = 1 << 7;
var BPF_F_WRONLY_PROG2 = 1 << 8;
var scratch2 = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
var fixed = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
var ALIGN_NAMES = /* @__PURE__ */ new Map([
  [KIND.FLOW_KEYS, 'flow keys '],
  [KIND.MAP_KEY, 'key '],
  [KIND.MAP_VALUE, 'value '],
  [KIND.CTX, 'context '],
  [KIND.STACK, 'stack '],
  [KIND.SOCKET, 'sock '],
  [KIND.SOCK_COMMON, 'sock_common '],
  [KIND.TCP_SOCK, 'tcp_sock '],
  [KIND.XDP_SOCK, 'xdp_sock '],
]);
function checkAlignment(env, r, off, size, strictOnce) {
  const strict = strictOnce || env.options.strictAlignment || r.type === KIND.STACK;
  if (!strict || size === 1) return;
  const packet = isPacket(r.type) && (r.type === KIND.PKT || r.type === KIND.PKT_META);
  const base = (packet ? 2 : 0) + r.off + off;
  set(fixed, base, base >> 31, 0, 0);
  add(scratch2, r, fixed);
  if (((scratch2.vLo | scratch2.mLo) & (size - 1)) === 0) return;
  const text = format2(r);
  env.fail(
    'alignment',
    packet
      ? `misaligned packet access off 2+${text}+${r.off}+${off} size ${size}`
      : `misaligned ${ALIGN_NAMES.get(r.type) ?? ''}access off ${text}+${r.off}+${off} size ${size}`,
  );
}
function insideMemory(env, regno, off, size, memSize, zeroAllowed) {
  if (off >= 0 && (size > 0 || (size === 0 && zeroAllowed)) && off + size <= memSize >>> 0) return true;
  const r = env.regs[regno];
  switch (r.type) {
    case KIND.MAP_KEY:
      env.say(`invalid access to map key, key_size=${memSize} off=${off} size=${size}`);
      break;
    case KIND.MAP_VALUE:
      env.say(`invalid access to map value, value_size=${memSize} off=${off} size=${size}`);
      break;
    case KIND.PKT:
    case KIND.PKT_META:
    case KIND.PKT_END:
      env.say(`invalid access to packet, off=${off} size=${size}, R${regno}(id=${r.id},off=${off},r=${memSize})`);
      break;
    default:
      env.say(`invalid access to memory, mem_size=${memSize >>> 0} off=${off} size=${size}`);
  }
  return false;
}
function checkRegion(env, regno, off, size, memSize, zeroAllowed) {
  const r = env.regs[regno];
  const smin = toDouble(r.sminLo, r.sminHi);
  if (r.sminHi < 0 && (smin + off < 0 || smin + off !== (smin + off) >> 0)) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  if (!insideMemory(env, regno, (r.sminLo + off) | 0, size, memSize, zeroAllowed)) {
    env.fail('bounds', `R${regno} min value is outside of the allowed memory range`);
  }
  if (toDoubleU(r.umaxLo, r.umaxHi) >= MAX_VAR_OFF) {
    env.fail('bounds', `R${regno} unbounded memory access, make sure to bounds check any such access`);
  }
  if (!insideMemory(env, regno, (r.umaxLo + off) | 0, size, memSize, zeroAllowed)) {
    env.fail('bounds', `R${regno} max value is outside of the allowed memory range`);
  }
}
function checkMapDirection(env, regno, off, size, write2) {
  const { spec } = env.map(env.regs[regno].aux);
  if (write2 ? spec.flags & BPF_F_RDONLY_PROG2 : spec.flags & BPF_F_WRONLY_PROG2) {
    env.fail(
      'type',
      `${write2 ? 'write into' : 'read from'} map forbidden, value_size=${spec.valueSize} off=${off} size=${size}`,
    );
  }
}
function checkMapValue(env, regno, off, size, zeroAllowed, direct) {
  const r = env.regs[regno];
  const map = env.map(r.aux);
  checkRegion(env, regno, off, size, map.spec.valueSize, zeroAllowed);
  for (const field2 of specialFields(env, map)) {
    const from = toDouble(r.sminLo, r.sminHi) + off;
    const to = toDoubleU(r.umaxLo, r.umaxHi) + off + size;
    if (from >= field2.offset + field2.size || field2.offset >= to) continue;
    if (!field2.kptr) env.fail('type', `${field2.name} cannot be accessed directly by load/store`);
    if (!direct) env.fail('type', 'kptr cannot be accessed indirectly by helper');
    if (!isConst(r)) env.fail('type', 'kptr access cannot have variable offset');
    if (field2.offset !== off + r.vLo) {
      env.fail('type', `kptr access misaligned expected=${field2.offset} off=${off + r.vLo}`);
    }
    if (size !== 8) env.fail('type', 'kptr access size must be BPF_DW');
    return field2;
  }
  return void 0;
}
function checkPacket(env, regno, off, size, zeroAllowed) {
  const r = env.regs[regno];
  if (r.sminHi < 0) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  if (r.aux < 0 || !insideMemory(env, regno, off, size, r.aux, zeroAllowed)) {
    env.fail('bounds', `R${regno} offset is outside of the packet`);
  }
}
var READ_ONLY_PACKET = /* @__PURE__ */ new Set([
  'lwt_in',
  'lwt_out',
  'lwt_seg6local',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_skb',
]);
var WRITABLE_PACKET = /* @__PURE__ */ new Set([
  'sched_cls',
  'sched_act',
  'xdp',
  'lwt_xmit',
  'sk_skb',
  'sk_msg',
  'cgroup_sockopt',
]);
function packetAllowed(env, write2) {
  const { name } = env.progType;
  return WRITABLE_PACKET.has(name) || (!write2 && READ_ONLY_PACKET.has(name));
}
function checkUnmodified(env, r, regno, fixedOk) {
  if (r.off < 0) {
    env.fail('type', `negative offset ${typeName(r.type)} ptr R${regno} off=${r.off} disallowed`);
  }
  if (!fixedOk && r.off !== 0) {
    env.fail('type', `dereference of modified ${typeName(r.type)} ptr R${regno} off=${r.off} disallowed`);
  }
  if (!isConst(r) || (r.vLo | r.vHi) !== 0) {
    env.fail('type', `variable ${typeName(r.type)} access var_off=${format2(r)} disallowed`);
  }
}
function checkBuffer(env, name, regno, off, size) {
  const r = env.regs[regno];
  if (off < 0) env.fail('bounds', `R${regno} invalid ${name} buffer access: off=${off}, size=${size}`);
  if (!isConst(r) || (r.vLo | r.vHi) !== 0) {
    env.fail('bounds', `R${regno} invalid variable buffer offset: off=${off}, var_off=${format2(r)}`);
  }
}
function checkNoLeak(env, a, where) {
  if (a.write && a.reg >= 0 && env.isHiddenPointer(env.regs[a.reg])) {
    env.fail('leak', `R${a.reg} leaks addr into ${where}`);
  }
}
function readConstant(env, r, off, a) {
  const { spec } = env.map(r.aux);
  if (!spec.readOnly || !(spec.flags & BPF_F_RDONLY_PROG2) || spec.type !== 'array' || !isConst(r)) return void 0;
  const bytes = spec.initial?.[0]?.value;
  const at = off + r.vLo;
  if (!bytes || at + a.size > bytes.length) return void 0;
  let lo = 0;
  let hi = 0;
  for (let i = 0; i < a.size && i < 4; i++) lo |= bytes[at + i] << (i * 8);
  for (let i = 4; i < a.size; i++) hi |= bytes[at + i] << ((i - 4) * 8);
  if (a.signed) {
    if (a.size < 4) lo = (lo << (32 - a.size * 8)) >> (32 - a.size * 8);
    if (a.size < 8) hi = lo >> 31;
  }
  return makeKnown(lo, hi);
}
function accessContext(env, regno, off, a) {
  checkNoLeak(env, a, 'ctx');
  const r = env.regs[regno];
  const plain = env.progType.name === 'syscall';
  if (plain && !isConst(r)) checkUnmodified(env, r, regno, true);
  else if (!plain) checkUnmodified(env, r, regno, false);
  const result2 = contextAccess(env, plain ? off + r.vLo : off, a.size, a.write, a.signed === true);
  if (!result2) env.fail('context', `invalid bpf_context access off=${off} size=${a.size}`);
  if (a.write || a.reg < 0) return;
  if (result2.type === KIND.SCALAR) {
    env.setUnknown(a.reg);
    return;
  }
  const loaded = makePointer(result2.type);
  loaded.aux = result2.btfId;
  if (loaded.mayBeNull) loaded.id = env.newId();
  env.setReg(a.reg, loaded);
}
function accessSocket(env, regno, off, a) {
  const r = env.regs[regno];
  if (a.write) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
  if (r.sminHi < 0) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`);
  }
  const fields =
    r.type === KIND.SOCKET
      ? SOCKET_FIELDS
      : r.type === KIND.SOCK_COMMON
        ? SOCK_COMMON_FIELDS
        : r.type === KIND.TCP_SOCK
          ? TCP_SOCK_FIELDS
          : void 0;
  const ok =
    r.type === KIND.XDP_SOCK
      ? off === 0 && a.size === 4
      : fields !== void 0 && fieldAccess(fields, off, a.size, false, void 0, false) !== void 0;
  if (!ok) env.fail('context', `R${regno} invalid ${typeName(r.type)} access off=${off} size=${a.size}`);
  if (a.reg >= 0) env.setUnknown(a.reg);
}
function accessMemory(env, regno, a) {
  const r = env.regs[regno];
  checkAlignment(env, r, a.off, a.size, a.strict === true);
  const off = a.off + r.off;
  const load2 = !a.write && a.reg >= 0;
  const kind = kindOf(r.type);
  if (r.type === KIND.STACK) {
    checkStackBounds(env, regno, off, a.size, a.write);
    if (a.write) writeStack(env, regno, off, a.size, a.reg, a.constant);
    else readStack(env, regno, off, a.size, a.reg);
  } else if (r.type === KIND.MAP_VALUE) {
    checkNoLeak(env, a, 'map');
    checkMapDirection(env, regno, off, a.size, a.write);
    const kptr = checkMapValue(env, regno, off, a.size, false, true);
    if (kptr) accessKptr(env, kptr, a);
    else if (load2) env.setReg(a.reg, readConstant(env, r, off, a) ?? env.unknown);
  } else if (r.type === KIND.MAP_KEY) {
    if (a.write) env.fail('type', `write to change key R${regno} not allowed`);
    checkRegion(env, regno, off, a.size, env.map(r.aux).spec.keySize, false);
    if (load2) env.setUnknown(a.reg);
  } else if (kind === KIND.MEM) {
    if (r.mayBeNull) env.fail('null', `R${regno} invalid mem access '${typeName(r.type)}'`);
    if (a.write && r.type & FLAG.RDONLY) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
    checkNoLeak(env, a, 'mem');
    if (r.type & FLAG.UNTRUSTED) {
      if (load2) env.setUnknown(a.reg);
    } else {
      checkRegion(env, regno, off, a.size, r.aux, false);
      if (load2) env.setUnknown(a.reg);
    }
  } else if (r.type === KIND.CTX) {
    accessContext(env, regno, off, a);
  } else if (isPacket(r.type)) {
    if (a.write && !packetAllowed(env, true)) env.fail('type', 'cannot write into packet');
    checkNoLeak(env, a, 'packet');
    checkPacket(env, regno, off, a.size, false);
    if (load2) env.setUnknown(a.reg);
  } else if (r.type === KIND.FLOW_KEYS) {
    checkNoLeak(env, a, 'flow keys');
    if (off < 0 || off + a.size > FLOW_KEYS_SIZE) {
      env.fail('bounds', `invalid access to flow keys off=${off} size=${a.size}`);
    }
    if (load2) env.setUnknown(a.reg);
  } else if (isSocket(r.type)) {
    accessSocket(env, regno, off, a);
  } else if (r.type === KIND.TP_BUFFER) {
    checkBuffer(env, 'tracepoint', regno, off, a.size);
    if (load2) env.setUnknown(a.reg);
  } else if (kind === KIND.BTF_ID && !r.mayBeNull) {
    loadThroughBtf(env, regno, off, a);
  } else if (r.type === KIND.ARENA) {
    if (load2) env.setUnknown(a.reg);
  } else if (r.type === KIND.MAP_PTR) {
    loadThroughMapPointer(env, regno, off, a);
  } else if (kind === KIND.BUF && !r.mayBeNull) {
    const readOnly = (r.type & FLAG.RDONLY) !== 0;
    if (readOnly && a.write) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
    checkBuffer(env, readOnly ? 'rdonly' : 'rdwr', regno, off, a.size);
    if (load2) env.setUnknown(a.reg);
  } else {
    env.fail(r.mayBeNull ? 'null' : 'type', `R${regno} invalid mem access '${typeName(r.type)}'`);
  }
  if (load2 && a.size < 8) {
    const loaded = env.regs[a.reg];
    if (loaded.type === KIND.SCALAR) {
      const narrow = loaded.clone();
      if (a.signed) signExtendTo64(narrow, a.size);
      else truncate(narrow, a.size);
      env.setReg(a.reg, narrow);
    }
  }
}
var FLOW_KEYS_SIZE = 56;
function rememberPointer(env, type, trustMayDiffer) {
  const before2 = env.pointerAt[env.insn];
  if (before2 === 0) {
    env.pointerAt[env.insn] = type;
    return;
  }
  if (before2 === type || (!isTranslated(before2) && !isTranslated(type))) return;
  if (trustMayDiffer && kindOf(type) === KIND.BTF_ID && kindOf(before2) === KIND.BTF_ID) {
    env.pointerAt[env.insn] = KIND.BTF_ID | FLAG.UNTRUSTED;
    return;
  }
  env.fail('type', 'same insn cannot be used with different pointers');
}
function isTranslated(type) {
  const kind = kindOf(type);
  return (
    kind === KIND.CTX ||
    kind === KIND.SOCKET ||
    kind === KIND.SOCK_COMMON ||
    kind === KIND.TCP_SOCK ||
    kind === KIND.XDP_SOCK ||
    kind === KIND.BTF_ID
  );
}

// core/verifier/kptr.ts
var RCU_PROTECTED = /* @__PURE__ */ new Set([
  'prog_test_ref_kfunc',
  'cgroup',
  'bpf_cpumask',
  'task_struct',
  'bpf_crypto_ctx',
]);
function btfOf(env, field2) {
  return field2.kptr.local ? env.program.objectBtf : env.kernelBtf;
}
function loadedFlags2(env, field2) {
  const { kind, local: local2, target: target2 } = field2.kptr;
  const name = btfOf(env, field2).type(target2).name;
  const safe = kind === 'percpu' || (kind === 'ref' && (local2 || RCU_PROTECTED.has(name)));
  const inRcu2 = env.state.rcuLocks > 0 || env.state.locks > 0 || !(env.options.sleepable || env.state.sleepable);
  if (!safe || !inRcu2) return FLAG.MAYBE_NULL | FLAG.UNTRUSTED;
  let flags = FLAG.MAYBE_NULL | FLAG.RCU;
  if (kind === 'percpu') flags |= FLAG.PERCPU;
  else if (local2) flags |= FLAG.ALLOC;
  if (local2 && structFields(env.program.objectBtf, env.kernelBtf, target2).some((f) => /_node$/.test(f.name))) {
    flags |= FLAG.NON_OWN_REF;
  }
  return flags;
}
function pointerOf(field2, flags) {
  const r = makePointer(KIND.BTF_ID | flags);
  r.aux = field2.kptr.target;
  r.aux2 = field2.kptr.local ? 1 : 0;
  return r;
}
function accessKptr(env, field2, access) {
  const code = env.program.code.opcode[env.insn];
  if ((code & 224) !== 96) {
    env.fail('type', 'kptr in map can only be accessed using BPF_MEM instruction mode');
  }
  const { kind } = field2.kptr;
  if (!access.write) {
    if (access.reg < 0) return;
    const r = pointerOf(field2, loadedFlags2(env, field2));
    r.id = env.newId();
    env.setReg(access.reg, r);
    return;
  }
  if (kind !== 'unref') env.fail('type', 'store to referenced kptr disallowed');
  if (access.reg < 0) {
    if (access.constant !== 0) {
      env.fail('type', `BPF_ST imm must be 0 when storing to kptr at off=${field2.offset}`);
    }
    return;
  }
  const value = env.regs[access.reg];
  if (isNull2(value)) {
    markPrecise(env, access.reg);
    return;
  }
  checkKptrMatches(env, field2, access.reg);
}
function checkKptrMatches(env, field2, regno) {
  const r = env.regs[regno];
  const { kind, local: local2, target: target2 } = field2.kptr;
  const want = btfOf(env, field2).type(target2).name;
  let shown = '';
  const bad2 = () => {
    const wanted = `${typeName(KIND.BTF_ID)}${want}`;
    const untrusted = kind === 'unref' ? ` or ${typeName(KIND.BTF_ID | FLAG.UNTRUSTED)}${want}` : ' ';
    return env.fail(
      'type',
      `invalid kptr access, R${regno} type=${typeName(r.type)}${shown} expected=${wanted}${untrusted}`.trimEnd(),
    );
  };
  if (kindOf(r.type) !== KIND.BTF_ID) bad2();
  const haveLocal = r.aux2 === 1;
  let allowed2 = 255 | FLAG.MAYBE_NULL;
  if (haveLocal) allowed2 |= FLAG.ALLOC | (kind === 'percpu' ? FLAG.PERCPU : 0);
  else allowed2 |= FLAG.TRUSTED | FLAG.RCU | (kind === 'unref' ? FLAG.UNTRUSTED : 0);
  if (r.type & ~allowed2) bad2();
  if ((kind === 'percpu') !== ((r.type & FLAG.PERCPU) !== 0)) bad2();
  shown = (haveLocal ? env.program.objectBtf : env.kernelBtf).type(r.aux).name;
  checkUnmodified(env, r, regno, true);
  if (haveLocal !== local2) bad2();
  if (!structMatches(btfOf(env, field2), r.aux, r.off, target2, kind !== 'unref')) bad2();
}
function kptrField(env, regno) {
  const r = env.regs[regno];
  let fields;
  if (kindOf(r.type) === KIND.BTF_ID) {
    fields = r.aux2 === 1 ? structFields(env.program.objectBtf, env.kernelBtf, r.aux) : [];
  } else {
    const map = env.map(r.aux);
    if (!env.program.objectBtf || map.spec.valueType === 0) {
      env.fail('type', `map '${map.spec.name}' has to have BTF in order to use bpf_kptr_xchg`);
    }
    fields = specialFields(env, map);
  }
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. kptr has to be at the constant offset`);
  }
  if (!fields.some((f) => f.kptr)) env.fail('type', `R${regno} has no valid kptr`);
  const offset = r.off + r.vLo;
  const field2 = fields.find((f) => f.kptr && f.offset === offset);
  if (!field2) env.fail('type', `off=${offset} doesn't point to kptr`);
  if (field2.kptr.kind === 'unref') env.fail('type', `off=${offset} kptr isn't referenced kptr`);
  return field2;
}
function exchanged(field2) {
  const { kind, local: local2 } = field2.kptr;
  return pointerOf(field2, FLAG.MAYBE_NULL | (local2 ? FLAG.ALLOC : 0) | (kind === 'percpu' ? FLAG.PERCPU : 0));
}

// core/verifier/graph-root.ts
var GRAPH =
  /^bpf_(?:list_(?:push_front_impl|push_back_impl|pop_front|pop_back|front|back)|rbtree_(?:add_impl|remove|first|root|left|right)|refcount_acquire_impl)$/;
var ADDS = /* @__PURE__ */ new Set(['bpf_list_push_front_impl', 'bpf_list_push_back_impl', 'bpf_rbtree_add_impl']);
var TAKES_BORROWED = /* @__PURE__ */ new Set(['bpf_rbtree_remove', 'bpf_rbtree_left', 'bpf_rbtree_right']);
var GIVES_BORROWED = /* @__PURE__ */ new Set([
  'bpf_rbtree_first',
  'bpf_rbtree_root',
  'bpf_rbtree_left',
  'bpf_rbtree_right',
  'bpf_list_front',
  'bpf_list_back',
]);
function isGraphFunction(name) {
  return GRAPH.test(name) && name !== 'bpf_refcount_acquire_impl' ? true : name === 'bpf_refcount_acquire_impl';
}
function fieldsOf(env, r) {
  if (r.type === KIND.MAP_VALUE) return specialFields(env, env.map(r.aux));
  if (kindOf(r.type) === KIND.BTF_ID && r.aux2 === 1 && env.program.objectBtf) {
    return structFields(env.program.objectBtf, env.kernelBtf, r.aux);
  }
  return [];
}
function isAllocated(r) {
  return r.type === (KIND.BTF_ID | FLAG.ALLOC);
}
function checkGraphRoot(env, regno, type, kfunc2) {
  const r = env.regs[regno];
  if (r.type !== KIND.MAP_VALUE && !isAllocated(r)) {
    env.fail('type', `arg#${regno - 1} expected pointer to map value or allocated object`);
  }
  if (isAllocated(r) && r.refObjId === 0) env.fail('reference', 'allocated object must be referenced');
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. ${type} has to be at the constant offset`);
  }
  const fields = fieldsOf(env, r);
  const offset = r.off + r.vLo;
  const field2 = fields.find((f) => f.name === type && f.offset === offset);
  if (!field2) env.fail('type', `${type} not found at offset=${offset}`);
  const lock = fields.find((f) => f.name === 'bpf_spin_lock' || f.name === 'bpf_res_spin_lock');
  const held = env.state.refs.filter((ref) => ref.lock);
  const map = r.type === KIND.MAP_VALUE ? r.aux : -1;
  const same = held.some((h) => h.map === map && h.id === r.id);
  if (!same) {
    if (held.length > 0) env.say('held lock and object are not in the same allocation');
    env.fail('reference', `bpf_spin_lock at off=${lock?.offset ?? -22} must be held for ${type}`);
  }
  const root = field2.root;
  if (!root) return env.fail('type', `${kfunc2}: ${type} has no 'contains' tag`);
  const counted = structFields(env.program.objectBtf, env.kernelBtf, root.nodeType).some(
    (f) => f.name === 'bpf_refcount',
  );
  return { ...root, counted };
}
function checkGraphNode(env, regno, type, kfunc2, facts) {
  const r = env.regs[regno];
  if (TAKES_BORROWED.has(kfunc2)) {
    if (!(r.type & FLAG.NON_OWN_REF) || r.refObjId !== 0) {
      env.fail(
        'reference',
        kfunc2 === 'bpf_rbtree_remove' && !modern(env)
          ? 'rbtree_remove node input must be non-owning ref'
          : `${kfunc2} node input must be non-owning ref`,
      );
    }
    if (env.state.frames.some((f) => f.inLockedCallback)) {
      env.fail(
        'reference',
        modern(env) ? `${kfunc2} not allowed in rbtree cb` : 'rbtree_remove not allowed in rbtree cb',
      );
    }
  } else {
    if (!isAllocated(r)) env.fail('type', `arg#${regno - 1} expected pointer to allocated object`);
    if (r.refObjId === 0) env.fail('reference', 'allocated object must be referenced');
  }
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. ${type} has to be at the constant offset`);
  }
  const offset = r.off + r.vLo;
  const root = facts.root ?? rootOfNode(env, r);
  if (!fieldsOf(env, r).some((f) => f.name === type && f.offset === offset)) {
    env.fail('type', `${type} not found at offset=${offset}`);
  }
  const btf = env.program.objectBtf;
  const head = type === 'bpf_rb_node' ? 'bpf_rb_root' : 'bpf_list_head';
  if (root.nodeType !== r.aux) {
    env.fail(
      'type',
      `operation on ${head} expects arg#1 ${type} at offset=${root.nodeOffset} in struct ${btf.type(root.nodeType).name}, but arg is at offset=${offset} in struct ${btf.type(r.aux).name}`,
    );
  }
  if (offset !== root.nodeOffset) {
    env.fail(
      'type',
      `arg#1 offset=${offset}, but expected ${type} at offset=${root.nodeOffset} in struct ${btf.type(root.nodeType).name}`,
    );
  }
  facts.root = root;
  facts.argumentType = r.aux;
}
function modern(env) {
  const [major, minor] = env.options.kernel;
  return major > 6 || (major === 6 && minor >= 16);
}
function rootOfNode(env, r) {
  const counted = fieldsOf(env, r).some((f) => f.name === 'bpf_refcount');
  return { nodeType: r.aux, nodeOffset: r.off + r.vLo, counted };
}
function nodeOfRoot(root, flags) {
  const r = makePointer(KIND.BTF_ID | FLAG.ALLOC | flags | (flags !== 0 && root.counted ? FLAG.RCU : 0));
  r.aux = root.nodeType;
  r.aux2 = 1;
  r.off = root.nodeOffset;
  return r;
}
function referenceBecomesBorrowed(_env) {
  return FLAG.NON_OWN_REF;
}
function graphResult(_env, name, facts) {
  return nodeOfRoot(facts.root, GIVES_BORROWED.has(name) ? FLAG.NON_OWN_REF : 0);
}
function addToRoot(env, name, facts) {
  if (!ADDS.has(name)) return;
  const id = env.regs[2].refObjId;
  const counted = facts.root.counted;
  env.state.mapRegs((r) => {
    if (r.refObjId !== id || id === 0) return void 0;
    const copy = r.clone();
    copy.refObjId = 0;
    copy.type |= FLAG.NON_OWN_REF | (counted ? FLAG.RCU : 0);
    return copy;
  });
  dropReference(env, id);
}
function dropBorrowed(env) {
  const gone = env.invalidPointer();
  env.state.mapRegs((r) => (r.type & FLAG.NON_OWN_REF ? gone : void 0));
}

// core/verifier/locks.ts
function lockOf(env, regno) {
  const r = env.regs[regno];
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`);
  }
  if (kindOf(r.type) === KIND.BTF_ID) {
    const fields = r.aux2 === 1 ? structFields(env.program.objectBtf, env.kernelBtf, r.aux) : [];
    const lock = fields.find((f) => f.name === 'bpf_spin_lock');
    if (!lock) env.fail('type', `local kptr has no valid bpf_spin_lock`);
    if (lock.offset !== r.vLo + r.off) {
      env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct bpf_spin_lock' that is at ${lock.offset}`);
    }
    return { map: -1, id: r.id };
  }
  const map = env.map(r.aux);
  if (!env.program.objectBtf || map.spec.valueType === 0) {
    env.fail('type', `map '${map.spec.name}' has to have BTF in order to use bpf_spin_lock`);
  }
  const field2 = specialField(env, map, 'bpf_spin_lock');
  if (!field2) env.fail('type', `map '${map.spec.name}' has no valid bpf_spin_lock`);
  if (field2.offset !== r.vLo + r.off) {
    env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct bpf_spin_lock' that is at ${field2.offset}`);
  }
  return { map: r.aux, id: r.id };
}
function lockSpin(env, regno) {
  const lock = lockOf(env, regno);
  if (env.state.locks > 0) env.fail('reference', 'Locking two bpf_spin_locks are not allowed');
  env.state.refs = [...env.state.refs, { id: lock.id, insn: env.insn, lock: true, map: lock.map }];
  env.state.locks++;
}
function unlockSpin(env, regno) {
  const lock = lockOf(env, regno);
  const held = env.state.refs.find((r) => r.lock);
  if (!held) env.fail('reference', 'bpf_spin_unlock without taking a lock');
  if (held.map !== lock.map || held.id !== lock.id) {
    env.fail('reference', 'bpf_spin_unlock of different lock');
  }
  env.state.refs = env.state.refs.filter((r) => r !== held);
  env.state.locks--;
  dropBorrowed(env);
}
function checkIrqFlag(env, regno, kfunc2) {
  const r = env.regs[regno];
  const arg = `arg#${regno - 1}`;
  if (r.type !== KIND.STACK) env.fail('type', `${arg} doesn't point to an irq flag on stack`);
  const frame = env.state.frames[r.frame];
  const slot = dynptrSlot(env, r, 'irq_flag', 1);
  const holds = slot !== void 0 && slot >= 0 && frame.kinds[slot] >>> 28 === BYTE.IRQ;
  if (kfunc2.endsWith('_save') || kfunc2.endsWith('_irqsave')) {
    if (slot === void 0 || holds) env.fail('type', `expected uninitialized irq flag as ${arg}`);
    accessMemory(env, regno, { off: 0, size: 8, write: true, reg: -1 });
    const at = dynptrSlot(env, r, 'irq_flag', 1);
    const id2 = env.newId();
    env.state.refs = [...env.state.refs, { id: id2, insn: env.insn, irq: true }];
    env.state.irqId = id2;
    const s = new Reg();
    s.type = KIND.STACK;
    s.refObjId = id2;
    frame.spills[at] = s;
    frame.kinds[at] = allBytes(BYTE.IRQ);
    frame.markWrote(at);
    env.scratchSlots.add(at);
    return;
  }
  if (!holds) env.fail('type', `expected an initialized irq flag as ${arg}`);
  markRead(env, r.frame, slot);
  const id = frame.spills[slot].refObjId;
  if (env.state.irqId !== id) {
    const held = env.state.refs.find((ref) => ref.id === env.state.irqId);
    env.fail(
      'reference',
      `cannot restore irq state out of order, expected id=${env.state.irqId} acquired at insn_idx=${held?.insn ?? -1}`,
    );
  }
  env.state.refs = env.state.refs.filter((ref) => ref.id !== id);
  env.state.irqId = env.state.refs.filter((ref) => ref.irq).pop()?.id ?? 0;
  frame.spills[slot] = NOT_INIT;
  frame.kinds[slot] = allBytes(BYTE.INVALID);
  frame.markWrote(slot);
  env.scratchSlots.add(slot);
}

// core/verifier/helper-args.ts
var MEM_TYPES = [
  KIND.STACK,
  KIND.PKT,
  KIND.PKT_META,
  KIND.MAP_KEY,
  KIND.MAP_VALUE,
  KIND.MEM,
  KIND.MEM | FLAG.RINGBUF,
  KIND.BUF,
  KIND.BTF_ID | FLAG.TRUSTED,
];
var SCALAR = [KIND.SCALAR];
var SOCKETS = [KIND.SOCK_COMMON, KIND.SOCKET, KIND.TCP_SOCK, KIND.XDP_SOCK];
var BTF = [KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED, KIND.BTF_ID | FLAG.RCU];
var ACCEPTED = {
  const_map_ptr: [KIND.MAP_PTR],
  map_key: MEM_TYPES,
  map_value: MEM_TYPES,
  map_value_or_null: MEM_TYPES,
  uninit_map_value: MEM_TYPES,
  ctx: [KIND.CTX],
  ctx_or_null: [KIND.CTX],
  mem: MEM_TYPES,
  mem_or_null: MEM_TYPES,
  mem_write: MEM_TYPES,
  mem_write_or_null: MEM_TYPES,
  uninit_mem: MEM_TYPES,
  fixed_mem: MEM_TYPES,
  ptr_to_int: MEM_TYPES,
  ptr_to_long: MEM_TYPES,
  const_size: SCALAR,
  const_size_or_zero: SCALAR,
  const_alloc_size_or_zero: SCALAR,
  scalar: SCALAR,
  alloc_mem: [KIND.MEM | FLAG.RINGBUF],
  spin_lock: [KIND.MAP_VALUE, KIND.BTF_ID | FLAG.ALLOC],
  timer: [KIND.MAP_VALUE],
  sock_common: SOCKETS,
  socket: [KIND.SOCKET],
  socket_or_null: [KIND.SOCKET],
  btf_id: BTF,
  btf_id_or_null: BTF,
  btf_id_sock_common: [...SOCKETS, KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED],
  btf_id_sock_common_or_null: [...SOCKETS, KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED],
  percpu_btf_id: [
    KIND.BTF_ID | FLAG.PERCPU,
    KIND.BTF_ID | FLAG.PERCPU | FLAG.RCU,
    KIND.BTF_ID | FLAG.PERCPU | FLAG.TRUSTED,
  ],
  func: [KIND.FUNC],
  stack: [KIND.STACK],
  stack_or_null: [KIND.STACK],
  const_str: [KIND.MAP_VALUE],
  kptr: [KIND.MAP_VALUE, KIND.BTF_ID | FLAG.ALLOC],
  dynptr: [KIND.STACK, KIND.DYNPTR],
  uninit_dynptr: [KIND.STACK, KIND.DYNPTR],
};
var READS = /* @__PURE__ */ new Set(['map_key', 'map_value', 'map_value_or_null', 'mem', 'mem_or_null', 'dynptr']);
var WRITES = /* @__PURE__ */ new Set([
  'mem_write',
  'mem_write_or_null',
  'uninit_mem',
  'uninit_map_value',
  'ptr_to_int',
  'ptr_to_long',
]);
function mayBeNull(kind) {
  return kind.endsWith('_or_null');
}
function checkArgument(env, arg, kinds, btfNames, facts) {
  let kind = kinds[arg];
  const regno = arg + 1;
  const r = env.readReg(regno);
  if (kind === 'anything' || kind === 'unsafe_ptr' || kind === 'int' || kind === 'long') {
    if (env.isHiddenPointer(r)) env.fail('leak', `R${regno} leaks addr into helper function`);
    return;
  }
  if (isPacket(r.type) && !(packetAllowed(env, false) && facts.helper.pktAccess)) {
    env.fail('type', 'helper access to the packet is not allowed');
  }
  if (kind === 'map_value' || kind === 'map_value_or_null' || kind === 'uninit_map_value') {
    const { type } = env.map(facts.map).spec;
    if (type === 'sockmap' || type === 'sockhash') {
      if (kind !== 'map_value') env.fail('helper', 'invalid arg_type for sockmap/sockhash');
      kind = 'btf_id_sock_common';
    } else if (type === 'bloom_filter' && facts.helper.name === 'map_peek_elem') kind = 'map_value';
  }
  if (isNull2(r) && mayBeNull(kind)) {
    markPrecise(env, regno);
  } else {
    checkType(env, regno, kind, btfNames?.[regno], facts);
    checkOffset(env, r, regno, facts.helper.releases === regno, kind === 'dynptr' || kind === 'uninit_dynptr');
  }
  if (facts.helper.releases === regno) checkRelease(env, r, regno, kind, facts);
  if (r.refObjId !== 0 && kind !== 'kptr') {
    if (facts.refObjId !== 0) {
      env.fail('reference', `more than one arg with ref_obj_id R${regno} ${r.refObjId} ${facts.refObjId}`);
    }
    facts.refObjId = r.refObjId;
  }
  checkContents(env, arg, kind, kinds, facts);
}
function checkType(env, regno, kind, btfName, facts) {
  const accepted = ACCEPTED[kind];
  if (!accepted) env.fail('unsupported', `arguments of kind '${kind}' are not supported by this verifier`);
  const r = env.regs[regno];
  let { type } = r;
  if (READS.has(kind)) type &= ~FLAG.RDONLY;
  type &= ~FLAG.PACKET_SLICE;
  if (mayBeNull(kind)) type &= ~FLAG.MAYBE_NULL;
  const exchanges = facts.kptr !== void 0 && regno === 2;
  if (exchanges) type &= ~(FLAG.ALLOC | FLAG.PERCPU);
  const list = accepted;
  if (!list.includes(type)) {
    env.fail(
      r.mayBeNull && list.includes(type & ~FLAG.MAYBE_NULL) ? 'null' : 'type',
      `R${regno} type=${typeName(r.type)} expected=${list.map(typeName).join(', ')}`,
    );
  }
  if (kindOf(r.type) !== KIND.BTF_ID) return;
  if (list === MEM_TYPES) {
    if (!READS.has(kind)) {
      env.fail(
        'type',
        `bpf_${facts.helper.name}() may write into memory pointed by R${regno} type=${typeName(r.type)}`,
      );
    }
    return;
  }
  if (exchanges) {
    checkKptrMatches(env, facts.kptr, regno);
    return;
  }
  if (kind === 'percpu_btf_id' || kind === 'kptr' || kind === 'spin_lock') return;
  const name = btfName ?? 'sock_common';
  const btf = env.kernelBtf;
  const want = btf?.find(name, 'struct');
  if (!btf || want === void 0) {
    env.fail('unsupported', `the argument needs the kernel BTF for struct ${name}`);
  }
  const strict = facts.helper.releases === regno && facts.helper.name !== 'sk_release';
  if (!structMatches(btf, r.aux, r.off, want, strict)) {
    env.fail('type', `R${regno} is of type ${btf.type(r.aux).name} but ${name} is expected`);
  }
}
var ANY_OFFSET = /* @__PURE__ */ new Set([
  KIND.STACK,
  KIND.PKT,
  KIND.PKT_META,
  KIND.MAP_KEY,
  KIND.MAP_VALUE,
  KIND.MEM,
  KIND.MEM | FLAG.RDONLY,
  KIND.MEM | FLAG.RINGBUF,
  KIND.BUF,
  KIND.BUF | FLAG.RDONLY,
  KIND.SCALAR,
]);
var FIXED_OFFSET = /* @__PURE__ */ new Set([
  KIND.BTF_ID,
  KIND.BTF_ID | FLAG.ALLOC,
  KIND.BTF_ID | FLAG.TRUSTED,
  KIND.BTF_ID | FLAG.RCU,
  KIND.BTF_ID | FLAG.ALLOC | FLAG.NON_OWN_REF,
  KIND.BTF_ID | FLAG.ALLOC | FLAG.NON_OWN_REF | FLAG.RCU,
]);
function checkOffset(env, r, regno, releases, dynptr2) {
  if (releases) {
    if (dynptr2 && r.type === KIND.STACK) return;
    if (r.off !== 0) {
      env.fail('type', `R${regno} must have zero offset when passed to release func or trusted arg to kfunc`);
    }
    checkUnmodified(env, r, regno, false);
    return;
  }
  if (ANY_OFFSET.has(r.type)) return;
  checkUnmodified(env, r, regno, FIXED_OFFSET.has(r.type));
}
function checkRelease(env, r, regno, kind, facts) {
  if (kind === 'dynptr') {
    if (r.type !== KIND.STACK) env.fail('reference', 'cannot release unowned const bpf_dynptr');
    const slot = dynptrSlot(env, r);
    const frame = env.state.frames[r.frame];
    if (slot === void 0 || slot < 1 || frame.spills[slot].refObjId === 0) {
      env.fail('reference', `arg ${regno} is an unacquired reference`);
    }
  } else if (r.refObjId === 0 && !isNull2(r)) {
    env.fail('reference', `R${regno} must be referenced when passed to release function`);
  }
  facts.releaseReg = regno;
}
function checkContents(env, arg, kind, kinds, facts) {
  const regno = arg + 1;
  const r = env.regs[regno];
  switch (kind) {
    case 'const_map_ptr':
      if (facts.map >= 0 && (facts.map !== r.aux || facts.mapId !== r.aux2)) {
        env.fail(
          'helper',
          `timer pointer in R1 map_uid=${facts.mapId} doesn't match map pointer in R2 map_uid=${r.aux2}`,
        );
      }
      facts.map = r.aux;
      facts.mapId = r.aux2;
      break;
    case 'map_key': {
      const { spec } = env.map(facts.map);
      checkHelperMemory(env, regno, spec.keySize, false, false, void 0);
      if (spec.type === 'array' || spec.type === 'percpu_array') facts.constantKey = constantKey(env, r, spec.keySize);
      break;
    }
    case 'map_value':
    case 'map_value_or_null':
    case 'uninit_map_value': {
      if (mayBeNull(kind) && isNull2(r)) return;
      facts.rawMode = kind === 'uninit_map_value';
      checkHelperMemory(env, regno, env.map(facts.map).spec.valueSize, kind === 'uninit_map_value', false, facts);
      break;
    }
    case 'mem':
    case 'mem_or_null':
    case 'mem_write':
    case 'mem_write_or_null':
      facts.rawMode = false;
      break;
    case 'uninit_mem':
      facts.rawMode = true;
      break;
    case 'ptr_to_int':
    case 'ptr_to_long':
    case 'fixed_mem': {
      const size = kind === 'ptr_to_int' ? 4 : kind === 'ptr_to_long' ? 8 : (facts.helper.argSizes?.[regno] ?? 0);
      facts.rawMode = kind === 'ptr_to_long';
      checkHelperMemory(env, regno, size, kind !== 'fixed_mem', false, facts);
      if (kind !== 'fixed_mem') checkAlignment(env, r, 0, size, true);
      break;
    }
    case 'const_size':
    case 'const_size_or_zero':
      checkSizedMemory(env, regno, WRITES.has(kinds[arg - 1]), kind === 'const_size_or_zero', facts);
      break;
    case 'const_alloc_size_or_zero':
      if (!isConst(r)) env.fail('type', `R${regno} is not a known constant'`);
      facts.memSize = r.vLo;
      markPrecise(env, regno);
      break;
    case 'spin_lock':
      if (facts.helper.name === 'spin_lock') lockSpin(env, regno);
      else unlockSpin(env, regno);
      break;
    case 'timer':
      checkTimer(env, regno, facts);
      break;
    case 'func':
      facts.subprog = r.aux;
      break;
    case 'dynptr':
    case 'uninit_dynptr':
      checkDynptr(env, regno, kind, facts);
      break;
    case 'const_str':
      checkConstantString(env, regno);
      break;
    case 'percpu_btf_id':
      facts.btfId = r.aux;
      break;
    case 'kptr':
      facts.kptr = kptrField(env, regno);
      break;
    default:
  }
}
function checkHelperMemory(env, regno, size, write2, zeroAllowed, raw) {
  const r = env.regs[regno];
  switch (kindOf(r.type)) {
    case KIND.PKT:
    case KIND.PKT_META:
      checkPacket(env, regno, r.off, size, zeroAllowed);
      return;
    case KIND.MAP_KEY:
      if (write2) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
      checkRegion(env, regno, r.off, size, env.map(r.aux).spec.keySize, false);
      return;
    case KIND.MAP_VALUE:
      checkMapDirection(env, regno, r.off, size, write2);
      checkMapValue(env, regno, r.off, size, zeroAllowed, false);
      return;
    case KIND.MEM:
      if (write2 && r.type & FLAG.RDONLY) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
      checkRegion(env, regno, r.off, size, r.aux, zeroAllowed);
      return;
    case KIND.BUF:
      if (write2 && r.type & FLAG.RDONLY) env.fail('type', `R${regno} cannot write into ${typeName(r.type)}`);
      checkBuffer(env, r.type & FLAG.RDONLY ? 'rdonly' : 'rdwr', regno, r.off, size);
      return;
    case KIND.STACK:
      checkStackRange(env, regno, r.off, size, zeroAllowed, write2, raw);
      return;
    case KIND.BTF_ID:
      loadThroughBtf(env, regno, r.off, { off: 0, size, write: false, reg: -1 });
      return;
    case KIND.CTX:
      if (env.progType.name === 'syscall') {
        if (size === 0 && zeroAllowed) return;
        accessMemory(env, regno, { off: size - 1, size: 1, write: write2, reg: -1 });
        return;
      }
      break;
    default:
  }
  if (zeroAllowed && size === 0 && isNull2(r)) return;
  env.fail('type', `R${regno} type=${typeName(r.type)} expected=${typeName(KIND.STACK)}`);
}
function checkSizedMemory(env, regno, write2, zeroAllowed, facts) {
  const r = env.regs[regno];
  facts.maxSize = r.umaxLo;
  facts.maxSizeHi = r.umaxHi;
  const raw = isConst(r) ? facts : void 0;
  if (r.sminHi < 0) {
    env.fail('bounds', `R${regno} min value is negative, either use unsigned or 'var &= const'`);
  }
  if ((r.uminLo | r.uminHi) === 0 && !zeroAllowed) {
    env.fail(
      'bounds',
      `R${regno} invalid zero-sized read: u64=[${toBigS(r.uminLo, r.uminHi)},${toBigS(r.umaxLo, r.umaxHi)}]`,
    );
  }
  if (toDoubleU(r.umaxLo, r.umaxHi) >= MAX_VAR_OFF) {
    env.fail('bounds', `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
  }
  checkHelperMemory(env, regno - 1, r.umaxLo, write2, zeroAllowed, raw);
  markPrecise(env, regno);
}
function constantKey(env, r, size) {
  if (!env.privileged || r.type !== KIND.STACK || !isConst(r)) return -1;
  const off = r.off + r.vLo;
  const frame = env.state.frames[r.frame];
  const slot = (-off - 1) >> 3;
  let zeros = 0;
  let spilled = 0;
  for (let i = off; i < 0 && (-i - 1) >> 3 === slot && frame.byteKind(i) === BYTE.ZERO; i++) zeros++;
  if (zeros >= size) return 0;
  if (!frame.isScalarSpill(slot)) return -1;
  for (let i = off; i < 0 && (-i - 1) >> 3 === slot && frame.byteKind(i) === BYTE.SPILL; i++) spilled++;
  const value = frame.spills[slot];
  if (spilled !== size || !isConst(value)) return -1;
  markSlotPrecise(env, r.frame, slot);
  return toDoubleU(value.vLo, value.vHi);
}
function checkTimer(env, regno, facts) {
  const r = env.regs[regno];
  const map = env.map(r.aux);
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. bpf_timer has to be at the constant offset`);
  }
  if (!env.program.objectBtf || map.spec.valueType === 0) {
    env.fail('type', `map '${map.spec.name}' has to have BTF in order to use bpf_timer`);
  }
  const field2 = specialField(env, map, 'bpf_timer');
  if (!field2) env.fail('type', `map '${map.spec.name}' has no valid bpf_timer`);
  if (field2.offset !== r.vLo + r.off) {
    env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct bpf_timer' that is at ${field2.offset}`);
  }
  facts.map = r.aux;
  facts.mapId = r.aux2;
}
function checkDynptr(env, regno, kind, facts) {
  const r = env.regs[regno];
  const { name } = facts.helper;
  if (kind === 'uninit_dynptr') {
    if (r.type === KIND.DYNPTR || dynptrSlot(env, r) === void 0) {
      env.fail('type', 'Dynptr has to be an uninitialized dynptr');
    }
    for (const off of [0, 8]) accessMemory(env, regno, { off, size: 8, write: true, reg: -1 });
    createDynptr(env, env.regs[regno], name === 'ringbuf_reserve_dynptr' ? DYNPTR.RINGBUF : DYNPTR.LOCAL);
    return;
  }
  const mutates = name === 'ringbuf_submit_dynptr' || name === 'ringbuf_discard_dynptr';
  if (r.type === KIND.DYNPTR && mutates) {
    env.fail('type', 'cannot pass pointer to const bpf_dynptr, the helper mutates it');
  }
  const d = dynptrAt(env, r);
  if (!d) env.fail('type', `Expected an initialized dynptr as arg #${regno - 1}`);
  if (mutates && d.aux !== DYNPTR.RINGBUF) {
    env.fail('type', `Expected a dynptr of type ${dynptrTypeName(DYNPTR.RINGBUF)} as arg #${regno - 1}`);
  }
  facts.dynptr = d;
}
var BPF_F_RDONLY_PROG3 = 1 << 7;
function checkConstantString(env, regno) {
  const r = env.regs[regno];
  const { spec } = env.map(r.aux);
  if (!spec.readOnly || !(spec.flags & BPF_F_RDONLY_PROG3)) {
    env.fail('type', `R${regno} does not point to a readonly map'`);
  }
  if (!isConst(r)) env.fail('type', `R${regno} is not a constant address'`);
  if (spec.type !== 'array') env.fail('type', 'no direct value access support for this map type');
  checkMapValue(env, regno, r.off, spec.valueSize - r.off, false, false);
  const at = r.off + r.vLo;
  const bytes = spec.initial?.[0]?.value ?? new Uint8Array(spec.valueSize);
  if (bytes.indexOf(0, at) < 0) env.fail('type', 'string is not zero-terminated');
}

// core/verifier/scalar.ts
var MIN322 = -2147483648;
var MAX322 = 2147483647;
var OP = {
  ADD: 0,
  SUB: 16,
  MUL: 32,
  DIV: 48,
  OR: 64,
  AND: 80,
  LSH: 96,
  RSH: 112,
  NEG: 128,
  MOD: 144,
  XOR: 160,
  MOV: 176,
  ARSH: 192,
  END: 208,
};
function add32(dst, src) {
  const smin = dst.s32min + src.s32min;
  const smax = dst.s32max + src.s32max;
  if (smin < MIN322 || smin > MAX322 || smax < MIN322 || smax > MAX322) {
    dst.s32min = MIN322;
    dst.s32max = MAX322;
  } else {
    dst.s32min = smin;
    dst.s32max = smax;
  }
  const umin = (dst.u32min >>> 0) + (src.u32min >>> 0);
  const umax = (dst.u32max >>> 0) + (src.u32max >>> 0);
  if (umin < 4294967296 && umax >= 4294967296) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min = umin | 0;
    dst.u32max = umax | 0;
  }
}
function addOverflows(aHi, bHi, sumHi) {
  return ((aHi ^ sumHi) & (bHi ^ sumHi)) < 0;
}
function subOverflows(aHi, bHi, differenceHi) {
  return ((aHi ^ bHi) & (aHi ^ differenceHi)) < 0;
}
function addSigned(dst, a, b) {
  const minLo = (a.sminLo + b.sminLo) | 0;
  const minHi = addHi(a.sminLo, a.sminHi, b.sminLo, b.sminHi);
  const maxLo = (a.smaxLo + b.smaxLo) | 0;
  const maxHi = addHi(a.smaxLo, a.smaxHi, b.smaxLo, b.smaxHi);
  if (addOverflows(a.sminHi, b.sminHi, minHi) || addOverflows(a.smaxHi, b.smaxHi, maxHi)) {
    dst.sminLo = 0;
    dst.sminHi = MIN322;
    dst.smaxLo = -1;
    dst.smaxHi = MAX322;
  } else {
    dst.sminLo = minLo;
    dst.sminHi = minHi;
    dst.smaxLo = maxLo;
    dst.smaxHi = maxHi;
  }
}
function subSigned(dst, a, b) {
  const minLo = (a.sminLo - b.smaxLo) | 0;
  const minHi = subHi(a.sminLo, a.sminHi, b.smaxLo, b.smaxHi);
  const maxLo = (a.smaxLo - b.sminLo) | 0;
  const maxHi = subHi(a.smaxLo, a.smaxHi, b.sminLo, b.sminHi);
  if (subOverflows(a.sminHi, b.smaxHi, minHi) || subOverflows(a.smaxHi, b.sminHi, maxHi)) {
    dst.sminLo = 0;
    dst.sminHi = MIN322;
    dst.smaxLo = -1;
    dst.smaxHi = MAX322;
  } else {
    dst.sminLo = minLo;
    dst.sminHi = minHi;
    dst.smaxLo = maxLo;
    dst.smaxHi = maxHi;
  }
}
function add64(dst, src) {
  addSigned(dst, dst, src);
  const minLo = (dst.uminLo + src.uminLo) | 0;
  const minHi = addHi(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi);
  const maxLo = (dst.umaxLo + src.umaxLo) | 0;
  const maxHi = addHi(dst.umaxLo, dst.umaxHi, src.umaxLo, src.umaxHi);
  const minWraps = ult(minLo, minHi, src.uminLo, src.uminHi);
  const maxWraps = ult(maxLo, maxHi, src.umaxLo, src.umaxHi);
  if (!minWraps && maxWraps) {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  } else {
    dst.uminLo = minLo;
    dst.uminHi = minHi;
    dst.umaxLo = maxLo;
    dst.umaxHi = maxHi;
  }
}
function sub32(dst, src) {
  const smin = dst.s32min - src.s32max;
  const smax = dst.s32max - src.s32min;
  if (smin < MIN322 || smin > MAX322 || smax < MIN322 || smax > MAX322) {
    dst.s32min = MIN322;
    dst.s32max = MAX322;
  } else {
    dst.s32min = smin;
    dst.s32max = smax;
  }
  const umin = (dst.u32min >>> 0) - (src.u32max >>> 0);
  const umax = (dst.u32max >>> 0) - (src.u32min >>> 0);
  if (umin < 0 && umax >= 0) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min = umin | 0;
    dst.u32max = umax | 0;
  }
}
function sub64(dst, src) {
  subSigned(dst, dst, src);
  const minWraps = ult(dst.uminLo, dst.uminHi, src.umaxLo, src.umaxHi);
  const maxWraps = ult(dst.umaxLo, dst.umaxHi, src.uminLo, src.uminHi);
  const minLo = (dst.uminLo - src.umaxLo) | 0;
  const minHi = subHi(dst.uminLo, dst.uminHi, src.umaxLo, src.umaxHi);
  const maxLo = (dst.umaxLo - src.uminLo) | 0;
  const maxHi = subHi(dst.umaxLo, dst.umaxHi, src.uminLo, src.uminHi);
  if (minWraps && !maxWraps) {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  } else {
    dst.uminLo = minLo;
    dst.uminHi = minHi;
    dst.umaxLo = maxLo;
    dst.umaxHi = maxHi;
  }
}
function mul32(dst, src) {
  const umaxHi = mulHi32(dst.u32max, src.u32max);
  const uminHi = mulHi32(dst.u32min, src.u32min);
  const p = [dst.s32min * src.s32min, dst.s32min * src.s32max, dst.s32max * src.s32min, dst.s32max * src.s32max];
  if (umaxHi !== 0 || uminHi !== 0) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min = Math.imul(dst.u32min, src.u32min);
    dst.u32max = Math.imul(dst.u32max, src.u32max);
  }
  const min = Math.min(p[0], p[1], p[2], p[3]);
  const max = Math.max(p[0], p[1], p[2], p[3]);
  if (min < MIN322 || max > MAX322) {
    dst.s32min = MIN322;
    dst.s32max = MAX322;
  } else {
    dst.s32min = min | 0;
    dst.s32max = max | 0;
  }
}
function productFitsU(aLo, aHi, bLo, bHi) {
  const product = toDoubleU(aLo, aHi) * toDoubleU(bLo, bHi);
  if (product < 18446744073709e6) return true;
  if (product > 1844674407371e7) return false;
  return BigInt.asUintN(64, toBigS(aLo, aHi)) * BigInt.asUintN(64, toBigS(bLo, bHi)) <= 0xffffffffffffffffn;
}
function productFitsS(aLo, aHi, bLo, bHi) {
  const product = toDouble(aLo, aHi) * toDouble(bLo, bHi);
  if (product > -922337203685477e4 && product < 922337203685477e4) return true;
  if (product < -922337203685478e4 || product > 922337203685478e4) return false;
  const exact = toBigS(aLo, aHi) * toBigS(bLo, bHi);
  return BigInt.asIntN(64, exact) === exact;
}
function mul64(dst, src) {
  const { sminLo, sminHi, smaxLo, smaxHi } = dst;
  if (
    productFitsU(dst.umaxLo, dst.umaxHi, src.umaxLo, src.umaxHi) &&
    productFitsU(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi)
  ) {
    const minHi = mulHi(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi);
    const maxHi = mulHi(dst.umaxLo, dst.umaxHi, src.umaxLo, src.umaxHi);
    dst.uminLo = Math.imul(dst.uminLo, src.uminLo);
    dst.umaxLo = Math.imul(dst.umaxLo, src.umaxLo);
    dst.uminHi = minHi;
    dst.umaxHi = maxHi;
  } else {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  }
  dst.sminLo = -1;
  dst.sminHi = MAX322;
  dst.smaxLo = 0;
  dst.smaxHi = MIN322;
  for (let i = 0; i < 4; i++) {
    const aLo = i < 2 ? sminLo : smaxLo;
    const aHi = i < 2 ? sminHi : smaxHi;
    const bLo = i & 1 ? src.smaxLo : src.sminLo;
    const bHi = i & 1 ? src.smaxHi : src.sminHi;
    if (!productFitsS(aLo, aHi, bLo, bHi)) {
      dst.sminLo = 0;
      dst.sminHi = MIN322;
      dst.smaxLo = -1;
      dst.smaxHi = MAX322;
      return;
    }
    const lo = Math.imul(aLo, bLo);
    const hi = mulHi(aLo, aHi, bLo, bHi);
    if (slt(lo, hi, dst.sminLo, dst.sminHi)) {
      dst.sminLo = lo;
      dst.sminHi = hi;
    }
    if (slt(dst.smaxLo, dst.smaxHi, lo, hi)) {
      dst.smaxLo = lo;
      dst.smaxHi = hi;
    }
  }
}
function signedFromUnsigned32(dst) {
  if (dst.u32min <= dst.u32max) {
    dst.s32min = dst.u32min;
    dst.s32max = dst.u32max;
  } else {
    dst.s32min = MIN322;
    dst.s32max = MAX322;
  }
}
function signedFromUnsigned64(dst) {
  if (!slt(dst.umaxLo, dst.umaxHi, dst.uminLo, dst.uminHi)) {
    dst.sminLo = dst.uminLo;
    dst.sminHi = dst.uminHi;
    dst.smaxLo = dst.umaxLo;
    dst.smaxHi = dst.umaxHi;
  } else {
    dst.sminLo = 0;
    dst.sminHi = MIN322;
    dst.smaxLo = -1;
    dst.smaxHi = MAX322;
  }
}
function bitwise32(dst, src, op) {
  if (src.mLo === 0 && dst.mLo === 0) {
    setKnown32(dst, dst.vLo);
    return;
  }
  if (op === OP.AND) {
    dst.u32min = dst.vLo;
    if (src.u32max >>> 0 < dst.u32max >>> 0) dst.u32max = src.u32max;
  } else if (op === OP.OR) {
    if (src.u32min >>> 0 > dst.u32min >>> 0) dst.u32min = src.u32min;
    dst.u32max = dst.vLo | dst.mLo;
  } else {
    dst.u32min = dst.vLo;
    dst.u32max = dst.vLo | dst.mLo;
  }
  signedFromUnsigned32(dst);
}
function bitwise64(dst, src, op) {
  if (isConst(src) && isConst(dst)) {
    setKnown(dst, dst.vLo, dst.vHi);
    return;
  }
  if (op === OP.AND) {
    dst.uminLo = dst.vLo;
    dst.uminHi = dst.vHi;
    if (ult(src.umaxLo, src.umaxHi, dst.umaxLo, dst.umaxHi)) {
      dst.umaxLo = src.umaxLo;
      dst.umaxHi = src.umaxHi;
    }
  } else {
    if (op === OP.XOR) {
      dst.uminLo = dst.vLo;
      dst.uminHi = dst.vHi;
    } else if (ult(dst.uminLo, dst.uminHi, src.uminLo, src.uminHi)) {
      dst.uminLo = src.uminLo;
      dst.uminHi = src.uminHi;
    }
    dst.umaxLo = dst.vLo | dst.mLo;
    dst.umaxHi = dst.vHi | dst.mHi;
  }
  signedFromUnsigned64(dst);
  boundsFromTnum(dst);
}
function shiftLeftBounds32(dst, n) {
  dst.s32min = MIN322;
  dst.s32max = MAX322;
  if (n > 31 || dst.u32max >>> 0 > 2 ** (31 - n)) {
    dst.u32min = 0;
    dst.u32max = -1;
  } else {
    dst.u32min <<= n;
    dst.u32max <<= n;
  }
}
var shifted2 = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
function lsh64(dst, n) {
  if (n === 32) {
    dst.smaxHi = dst.s32max;
    dst.sminHi = dst.s32min;
    dst.smaxLo = dst.sminLo = 0;
  } else {
    dst.sminLo = 0;
    dst.sminHi = MIN322;
    dst.smaxLo = -1;
    dst.smaxHi = MAX322;
  }
  const limit = 63 - n;
  const limitLo = limit >= 32 ? 0 : 1 << limit;
  const limitHi = limit >= 32 ? 1 << (limit - 32) : 0;
  if (ult(limitLo, limitHi, dst.umaxLo, dst.umaxHi)) {
    dst.uminLo = dst.uminHi = 0;
    dst.umaxLo = dst.umaxHi = -1;
  } else {
    set(shifted2, dst.uminLo, dst.uminHi, dst.umaxLo, dst.umaxHi);
    lsh(shifted2, shifted2, n);
    dst.uminLo = shifted2.vLo;
    dst.uminHi = shifted2.vHi;
    dst.umaxLo = shifted2.mLo;
    dst.umaxHi = shifted2.mHi;
  }
  shiftLeftBounds32(dst, n);
  lsh(dst, dst, n);
  boundsFromTnum(dst);
}
function rsh64(dst, n) {
  dst.sminLo = 0;
  dst.sminHi = MIN322;
  dst.smaxLo = -1;
  dst.smaxHi = MAX322;
  rsh(dst, dst, n);
  set(shifted2, dst.uminLo, dst.uminHi, dst.umaxLo, dst.umaxHi);
  rsh(shifted2, shifted2, n);
  dst.uminLo = shifted2.vLo;
  dst.uminHi = shifted2.vHi;
  dst.umaxLo = shifted2.mLo;
  dst.umaxHi = shifted2.mHi;
  unbound32(dst);
  boundsFromTnum(dst);
}
function arsh64(dst, n) {
  set(shifted2, dst.sminLo, dst.sminHi, dst.smaxLo, dst.smaxHi);
  arsh(shifted2, shifted2, n);
  dst.sminLo = shifted2.vLo;
  dst.sminHi = shifted2.vHi;
  dst.smaxLo = shifted2.mLo;
  dst.smaxHi = shifted2.mHi;
  arsh(dst, dst, n);
  dst.uminLo = dst.uminHi = 0;
  dst.umaxLo = dst.umaxHi = -1;
  unbound32(dst);
  boundsFromTnum(dst);
}
function shift32(dst, op, n) {
  if (op === OP.LSH) {
    shiftLeftBounds32(dst, n);
    dst.vLo <<= n;
    dst.mLo <<= n;
  } else if (op === OP.RSH) {
    dst.s32min = MIN322;
    dst.s32max = MAX322;
    dst.vLo >>>= n;
    dst.mLo >>>= n;
    dst.vLo |= 0;
    dst.mLo |= 0;
    dst.u32min = (dst.u32min >>> n) | 0;
    dst.u32max = (dst.u32max >>> n) | 0;
  } else {
    dst.s32min >>= n;
    dst.s32max >>= n;
    dst.vLo >>= n;
    dst.mLo >>= n;
    dst.u32min = 0;
    dst.u32max = -1;
  }
  dst.vHi = dst.mHi = 0;
  bounds32FromTnum(dst);
}
function isComputable(op, wide, src) {
  switch (op) {
    case OP.ADD:
    case OP.SUB:
    case OP.NEG:
    case OP.MUL:
    case OP.AND:
    case OP.OR:
    case OP.XOR:
      return true;
    case OP.LSH:
    case OP.RSH:
    case OP.ARSH:
      if (wide) {
        return (
          isConst(src) &&
          src.sminLo === src.smaxLo &&
          src.sminHi === src.smaxHi &&
          src.uminLo === src.umaxLo &&
          src.uminHi === src.umaxHi &&
          src.umaxHi === 0 &&
          src.umaxLo >>> 0 < 64
        );
      }
      return (
        src.mLo === 0 &&
        src.s32min === src.s32max &&
        src.u32min === src.u32max &&
        src.umaxHi === 0 &&
        src.umaxLo >>> 0 < 32
      );
    default:
      return false;
  }
}
function compute(dst, src, op, wide) {
  switch (op) {
    case OP.ADD:
      add32(dst, src);
      add64(dst, src);
      add(dst, dst, src);
      break;
    case OP.SUB:
      sub32(dst, src);
      sub64(dst, src);
      sub(dst, dst, src);
      break;
    case OP.NEG: {
      const operand = dst.clone();
      setKnown(dst, 0, 0);
      sub32(dst, operand);
      sub64(dst, operand);
      set(shifted2, 0, 0, 0, 0);
      sub(dst, shifted2, operand);
      break;
    }
    case OP.MUL:
      mul(dst, dst, src);
      mul32(dst, src);
      mul64(dst, src);
      break;
    case OP.AND:
      and(dst, dst, src);
      bitwise32(dst, src, op);
      bitwise64(dst, src, op);
      break;
    case OP.OR:
      or(dst, dst, src);
      bitwise32(dst, src, op);
      bitwise64(dst, src, op);
      break;
    case OP.XOR:
      xor(dst, dst, src);
      bitwise32(dst, src, op);
      bitwise64(dst, src, op);
      break;
    default: {
      const n = wide ? src.uminLo : src.u32min;
      if (!wide) shift32(dst, op, n);
      else if (op === OP.LSH) lsh64(dst, n);
      else if (op === OP.RSH) rsh64(dst, n);
      else arsh64(dst, n);
    }
  }
  dst.type = KIND.SCALAR;
  if (!wide) zeroExtend32(dst);
  sync(dst);
}

// core/verifier/speculation.ts
var WHY = 'pointer arithmetic with it prohibited for !root';
var seen = /* @__PURE__ */ new WeakMap();
function remember(env, i, state, limit) {
  let all = seen.get(env);
  if (!all) {
    all = /* @__PURE__ */ new Map();
    seen.set(env, all);
  }
  const before2 = all.get(i);
  if (before2 && (before2.state !== state || before2.limit !== limit)) return false;
  all.set(i, { state, limit });
  return true;
}
var NUMBERS = -1;
function opName(env, i) {
  return (env.program.code.opcode[i] & 240) === OP.ADD ? 'add' : 'sub';
}
function sanitizeValue(env, i, fromReg) {
  if (env.privileged || !fromReg) return;
  if (!remember(env, i, NUMBERS, 0)) {
    const d = env.program.code.dst[i];
    env.fail('leak', `R${d} tried to ${opName(env, i)} from different maps, paths or scalars, ${WHY}`);
  }
}
function sanitizePointer(env, i, pointer, offset, result2, pointerIsDst, after) {
  if (env.privileged) return;
  const { opcode, dst, src } = env.program.code;
  const d = dst[i];
  if (after) checkResult(env, d, result2);
  if ((opcode[i] & 8) === 0) return;
  const offsetReg = pointerIsDst ? src[i] : d;
  const pointerReg = pointerIsDst ? d : src[i];
  const negative = offset.sminHi < 0;
  if (!after && !isConst(offset) && negative !== offset.smaxHi < 0) {
    env.fail('leak', `R${offsetReg} has unknown scalar with mixed signed bounds, ${WHY}`);
  }
  const add2 = (opcode[i] & 240) === OP.ADD;
  const toLeft = (add2 && negative) || (!add2 && !negative);
  const r = after ? result2 : pointer;
  let limit;
  let max;
  if (r.type === KIND.STACK) {
    max = 512 + (toLeft ? 1 : 0);
    limit = -(r.vLo + r.off);
  } else if (r.type === KIND.MAP_VALUE) {
    max = env.map(r.aux).spec.valueSize;
    limit = (toLeft ? r.sminLo : r.umaxLo) + r.off;
  } else {
    env.fail('leak', `R${pointerReg} has pointer with unsupported alu operation, ${WHY}`);
  }
  if (limit >>> 0 >= max) env.fail('leak', `R${d} tried to ${opName(env, i)} beyond pointer bounds, ${WHY}`);
  const state = (negative ? 1 : 0) | (isConst(offset) ? 2 : 0) | (pointerIsDst ? 4 : 8);
  if (after && !remember(env, i, state, limit >>> 0)) {
    env.fail('leak', `R${d} tried to ${opName(env, i)} from different maps, paths or scalars, ${WHY}`);
  }
}
function checkResult(env, d, r) {
  if (r.type === KIND.STACK) {
    const off = r.off + r.vLo;
    if (!isConst(r)) {
      env.fail('leak', `R${d} variable stack access prohibited for !root, var_off=${format2(r)} off=${off}`);
    }
    if (off >= 0 || off < -512) {
      env.fail('leak', `R${d} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`);
    }
  } else if (r.type === KIND.MAP_VALUE) {
    checkMapValue(env, d, r.off, 1, false, false);
  }
}

// core/verifier/alu.ts
var SYMBOLS = ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', 'neg', '%=', '^=', '=', 's>>=', 'endian'];
function checkAlu(env, i) {
  const { opcode, dst, src, off, imm } = env.program.code;
  const code = opcode[i];
  const op = code & 240;
  const wide = (code & 7) === 7;
  const d = dst[i];
  const s = src[i];
  const fromReg = (code & 8) !== 0;
  if (op === OP.END || op === OP.NEG) {
    if (op === OP.NEG) {
      if (fromReg || s !== 0 || off[i] !== 0 || imm[i] !== 0) env.fail('structure', 'BPF_NEG uses reserved fields');
    } else {
      const width = imm[i];
      if (s !== 0 || off[i] !== 0 || (width !== 16 && width !== 32 && width !== 64) || (wide && fromReg)) {
        env.fail('structure', 'BPF_END uses reserved fields');
      }
    }
    const r = env.readReg(d);
    if (env.isHiddenPointer(r)) env.fail('leak', `R${d} pointer arithmetic prohibited`);
    env.checkWritable(d);
    const { features } = env.options;
    if (op === OP.NEG && r.type === KIND.SCALAR && features.computeNegation) {
      const result2 = unlinkedClone(r);
      compute(result2, result2, OP.NEG, wide);
      finish(env, d, result2);
    } else if (op === OP.END && r.type === KIND.SCALAR && features.computeSwap) {
      const swap = wide || fromReg;
      if (swap || imm[i] !== 64) {
        const result2 = unlinkedClone(r);
        swapBytes(result2, imm[i], swap);
        finish(env, d, result2);
      }
    } else env.setUnknown(d);
    return;
  }
  if (op === OP.MOV) {
    move(env, i, wide, fromReg);
    return;
  }
  if (op > OP.END) env.fail('structure', `invalid BPF_ALU opcode ${op.toString(16)}`);
  const badOffset = off[i] !== 0 && (off[i] !== 1 || (op !== OP.MOD && op !== OP.DIV));
  if (fromReg) {
    if (imm[i] !== 0 || badOffset) env.fail('structure', 'BPF_ALU uses reserved fields');
    env.readReg(s);
  } else if (s !== 0 || badOffset) {
    env.fail('structure', 'BPF_ALU uses reserved fields');
  }
  env.readReg(d);
  if ((op === OP.MOD || op === OP.DIV) && !fromReg && imm[i] === 0) env.fail('structure', 'div by zero');
  if ((op === OP.LSH || op === OP.RSH || op === OP.ARSH) && !fromReg) {
    if (imm[i] < 0 || imm[i] >= (wide ? 64 : 32)) env.fail('structure', `invalid shift ${imm[i]}`);
  }
  env.checkWritable(d);
  arithmetic(env, i, op, wide, fromReg);
}
function unlinkedClone(r) {
  const copy = r.clone();
  copy.id = 0;
  copy.off = 0;
  return copy;
}
function finish(env, d, r) {
  forgetIfContradictory(r);
  env.setReg(d, r);
}
function move(env, i, wide, fromReg) {
  const { dst, src, off, imm } = env.program.code;
  const d = dst[i];
  const s = src[i];
  const o = off[i];
  if (!fromReg) {
    if (s !== 0 || o !== 0) env.fail('structure', 'BPF_MOV uses reserved fields');
    env.checkWritable(d);
    const value = imm[i];
    const r2 = makeKnown(value, wide ? value >> 31 : 0);
    r2.precise = env.unknown.precise;
    env.setReg(d, r2);
    return;
  }
  if (wide && o === 1) {
    if (imm[i] !== 1 && imm[i] !== 1 << 16) {
      env.fail('structure', 'addr_space_cast insn can only convert between address space 1 and 0');
    }
    if (!env.program.maps.some((m) => m.spec.type === 'arena')) {
      env.fail('type', 'addr_space_cast insn can only be used in a program that has an associated arena');
    }
    env.readReg(s);
    env.checkWritable(d);
    env.setReg(d, imm[i] === 1 ? makePointer(KIND.ARENA) : env.unknown);
    return;
  }
  if ((o !== 0 && o !== 8 && o !== 16 && (o !== 32 || !wide)) || imm[i] !== 0) {
    env.fail('structure', 'BPF_MOV uses reserved fields');
  }
  const r = env.readReg(s);
  env.checkWritable(d);
  if (wide && o === 0) {
    env.setReg(d, withId(env, s));
    return;
  }
  if (r.type !== KIND.SCALAR) {
    if (env.isHiddenPointer(r)) {
      env.fail('leak', wide ? `R${s} sign-extension part of pointer` : `R${s} partial copy of pointer`);
    }
    if (wide) {
      env.setUnknown(d);
      return;
    }
    const result3 = env.unknown.clone();
    zeroExtend32(result3);
    sync(result3);
    finish(env, d, result3);
    return;
  }
  const bits = o === 0 ? 32 : o - 1;
  const same = bitLength(r.umaxLo, r.umaxHi) <= bits;
  const result2 = (same ? withId(env, s) : unlinked(r)).clone();
  if (wide) signExtendTo64(result2, o >> 3);
  else {
    if (o !== 0) signExtendTo32(result2, o >> 3);
    zeroExtend32(result2);
    sync(result2);
  }
  finish(env, d, result2);
}
function arithmetic(env, i, op, wide, fromReg) {
  const { dst, src, imm } = env.program.code;
  const d = dst[i];
  const s = src[i];
  const a = env.regs[d];
  if (a.type === KIND.ARENA) return;
  let b;
  if (fromReg) {
    b = env.regs[s];
    if (b.type !== KIND.SCALAR) {
      if (a.type !== KIND.SCALAR) {
        if (op === OP.SUB && env.privileged) {
          env.setUnknown(d);
          return;
        }
        env.fail('type', `R${d} pointer ${SYMBOLS[op >> 4]} pointer prohibited`);
      }
      markPrecise(env, d);
      pointerArithmetic(env, i, op, wide, b, a, false);
      return;
    }
    if (a.type !== KIND.SCALAR) {
      markPrecise(env, s);
      pointerArithmetic(env, i, op, wide, a, b, true);
      return;
    }
    if (a.precise) markPrecise(env, s);
  } else {
    b = makeKnown(imm[i], imm[i] >> 31);
    if (a.type !== KIND.SCALAR) {
      pointerArithmetic(env, i, op, wide, a, b, true);
      return;
    }
  }
  if (!isComputable(op, wide, b)) {
    env.setUnknown(d);
    return;
  }
  if (op === OP.ADD || op === OP.SUB) sanitizeValue(env, i, fromReg);
  let start = a;
  if ((op === OP.AND || op === OP.OR) && isConst(b)) start = forkZeroOrOnes(env, i, a);
  const result2 = start.clone();
  compute(result2, b, op, wide);
  link(env, result2, a, b, op, wide, fromReg && s === d);
  finish(env, d, result2);
}
function forkZeroOrOnes(env, i, r) {
  const whole = r.sminLo === -1 && r.sminHi === -1 && r.smaxLo === 0 && r.smaxHi === 0;
  const low = r.s32min === -1 && r.s32max === 0;
  if (!whole && !low) return r;
  if (!env.options.features.forkMasks) return r;
  const other = env.pushPath(i, i);
  const d = env.program.code.dst[i];
  const zero2 = r.clone();
  const ones = r.clone();
  if (whole) {
    setKnown(zero2, 0, 0);
    setKnown(ones, -1, -1);
  } else {
    setKnown32(zero2, 0);
    setKnown32(ones, -1);
  }
  other.frame.regs[d] = zero2;
  return ones;
}
function link(env, result2, a, b, op, wide, withItself) {
  const delta =
    env.privileged && a.id !== 0 && !(a.id & ADD_CONST) && !withItself ? linkDelta(env, b, op, wide) : void 0;
  if (delta !== void 0) {
    result2.id = a.id | (wide ? ADD_CONST64 : ADD_CONST32);
    result2.off = delta;
    return;
  }
  result2.id = 0;
  result2.off = 0;
}
function linkDelta(env, b, op, wide) {
  if (wide ? !isConst(b) : b.mLo !== 0) return void 0;
  if (!env.options.features.linkWide) {
    return op === OP.ADD && wide && b.vHi === 0 && b.vLo >= 0 ? b.vLo : void 0;
  }
  if (op !== OP.ADD && op !== OP.SUB) return void 0;
  if (wide && b.vHi !== b.vLo >> 31) return void 0;
  if (op === OP.ADD) return b.vLo;
  return b.vLo === -2147483648 ? void 0 : -b.vLo;
}
var ARITHMETIC_OK = /* @__PURE__ */ new Set([
  KIND.CTX,
  KIND.MAP_VALUE,
  KIND.MAP_KEY,
  KIND.STACK,
  KIND.PKT_META,
  KIND.PKT,
  KIND.TP_BUFFER,
  KIND.BTF_ID,
  KIND.MEM,
  KIND.BUF,
  KIND.FUNC,
  KIND.DYNPTR,
]);
function checkSaneOffset(env, r, type) {
  const name = typeName(type);
  const smin = toDouble(r.sminLo, r.sminHi);
  if (isConst(r)) {
    const value = toDouble(r.vLo, r.vHi);
    if (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF) {
      env.fail('bounds', `math between ${name} pointer and ${toBigS(r.vLo, r.vHi)} is not allowed`);
    }
  }
  if (r.type !== KIND.SCALAR && (r.off >= MAX_VAR_OFF || r.off <= -MAX_VAR_OFF)) {
    env.fail('bounds', `${name} pointer offset ${r.off} is not allowed`);
  }
  if (r.sminLo === 0 && r.sminHi === -2147483648) {
    env.fail('bounds', `math between ${name} pointer and register with unbounded min value is not allowed`);
  }
  if (smin >= MAX_VAR_OFF || smin <= -MAX_VAR_OFF) {
    env.fail('bounds', `value ${toBigS(r.sminLo, r.sminHi)} makes ${name} pointer be out of bounds`);
  }
}
function pointerArithmetic(env, i, op, wide, pointer, offset, pointerIsDst) {
  const d = env.program.code.dst[i];
  const known2 = isConst(offset);
  if (
    (known2 &&
      (offset.sminLo !== offset.smaxLo ||
        offset.sminHi !== offset.smaxHi ||
        offset.uminLo !== offset.umaxLo ||
        offset.uminHi !== offset.umaxHi)) ||
    forgetIfContradictory(offset.clone())
  ) {
    env.setUnknown(d);
    return;
  }
  if (!wide) {
    if (op === OP.SUB && env.privileged) {
      env.setUnknown(d);
      return;
    }
    env.fail('type', `R${d} 32-bit pointer arithmetic prohibited`);
  }
  const kind = kindOf(pointer.type);
  if (pointer.type & FLAG.MAYBE_NULL) {
    env.fail('null', `R${d} pointer arithmetic on ${typeName(pointer.type)} prohibited, null-check it first`);
  }
  const allowed2 =
    ARITHMETIC_OK.has(kind) ||
    (kind === KIND.FLOW_KEYS && known2) ||
    ((kind === KIND.MAP_PTR || kind === KIND.FLOW_KEYS) && known2 && (offset.vLo | offset.vHi) === 0 && op === OP.ADD);
  if (!allowed2) env.fail('type', `R${d} pointer arithmetic on ${typeName(pointer.type)} prohibited`);
  checkSaneOffset(env, offset, pointer.type);
  checkSaneOffset(env, pointer, pointer.type);
  const r = pointer.clone();
  if (op === OP.ADD || op === OP.SUB) sanitizePointer(env, i, pointer, offset, r, pointerIsDst, false);
  unbound32(r);
  if (op === OP.ADD) addOffset(env, r, pointer, offset, known2);
  else if (op === OP.SUB) {
    if (!pointerIsDst) env.fail('type', `R${d} tried to subtract pointer from scalar`);
    if (pointer.type === KIND.STACK) env.fail('type', `R${d} subtraction from stack pointer prohibited`);
    subtractOffset(env, r, pointer, offset, known2);
  } else if (op === OP.AND || op === OP.OR || op === OP.XOR) {
    env.fail('type', `R${d} bitwise operator ${SYMBOLS[op >> 4]} on pointer prohibited`);
  } else {
    env.fail('type', `R${d} pointer arithmetic with ${SYMBOLS[op >> 4]} operator prohibited`);
  }
  checkSaneOffset(env, r, pointer.type);
  sync(r);
  env.setReg(d, r);
  if (op === OP.ADD || op === OP.SUB) sanitizePointer(env, i, pointer, offset, r, pointerIsDst, true);
  finish(env, d, r);
}
function addOffset(env, r, pointer, offset, known2) {
  const sum2 = pointer.off + toDouble(offset.sminLo, offset.sminHi);
  if (known2 && sum2 === sum2 >> 0) {
    r.off = sum2;
    return;
  }
  addSigned(r, pointer, offset);
  const minLo = (pointer.uminLo + offset.uminLo) | 0;
  const minHi = addHi(pointer.uminLo, pointer.uminHi, offset.uminLo, offset.uminHi);
  const maxLo = (pointer.umaxLo + offset.umaxLo) | 0;
  const maxHi = addHi(pointer.umaxLo, pointer.umaxHi, offset.umaxLo, offset.umaxHi);
  if (ult(minLo, minHi, pointer.uminLo, pointer.uminHi) || ult(maxLo, maxHi, pointer.umaxLo, pointer.umaxHi)) {
    r.uminLo = r.uminHi = 0;
    r.umaxLo = r.umaxHi = -1;
  } else {
    r.uminLo = minLo;
    r.uminHi = minHi;
    r.umaxLo = maxLo;
    r.umaxHi = maxHi;
  }
  add(r, pointer, offset);
  if (isPacket(pointer.type)) {
    r.id = env.newId();
    r.aux = 0;
  }
}
function subtractOffset(env, r, pointer, offset, known2) {
  const difference = pointer.off - toDouble(offset.sminLo, offset.sminHi);
  if (known2 && difference === difference >> 0) {
    r.off = difference;
    return;
  }
  subSigned(r, pointer, offset);
  if (ult(pointer.uminLo, pointer.uminHi, offset.umaxLo, offset.umaxHi)) {
    r.uminLo = r.uminHi = 0;
    r.umaxLo = r.umaxHi = -1;
  } else {
    r.uminLo = (pointer.uminLo - offset.umaxLo) | 0;
    r.uminHi = subHi(pointer.uminLo, pointer.uminHi, offset.umaxLo, offset.umaxHi);
    r.umaxLo = (pointer.umaxLo - offset.uminLo) | 0;
    r.umaxHi = subHi(pointer.umaxLo, pointer.umaxHi, offset.uminLo, offset.uminHi);
  }
  sub(r, pointer, offset);
  if (isPacket(pointer.type)) {
    r.id = env.newId();
    if (offset.sminHi < 0) r.aux = 0;
  }
}
function plusConstant(env, known2, lo, hi, narrow) {
  const r = known2.clone();
  const constant2 = makeKnown(lo, hi);
  add32(r, constant2);
  add64(r, constant2);
  add(r, r, constant2);
  if (narrow) zeroExtend32(r);
  if (env.options.features.linkWide) sync(r);
  return r;
}
function swap32(value) {
  return ((value & 255) << 24) | ((value & 65280) << 8) | ((value >> 8) & 65280) | (value >>> 24);
}
function swapBytes(r, bits, reverse) {
  const { vLo, vHi, mLo, mHi } = r;
  if (bits === 64) set(r, swap32(vHi), swap32(vLo), swap32(mHi), swap32(mLo));
  else if (bits === 32) set(r, reverse ? swap32(vLo) : vLo, 0, reverse ? swap32(mLo) : mLo, 0);
  else if (reverse) set(r, swap32(vLo) >>> 16, 0, swap32(mLo) >>> 16, 0);
  else set(r, vLo & 65535, 0, mLo & 65535, 0);
  unbound(r);
  sync(r);
}

// core/verifier/compare.ts
var COND = {
  EQ: 16,
  GT: 32,
  GE: 48,
  SET: 64,
  NE: 80,
  SGT: 96,
  SGE: 112,
  LT: 160,
  LE: 176,
  SLT: 192,
  SLE: 208,
  NSET: 72,
};
function flip(cond) {
  switch (cond) {
    case COND.GT:
      return COND.LT;
    case COND.GE:
      return COND.LE;
    case COND.LT:
      return COND.GT;
    case COND.LE:
      return COND.GE;
    case COND.SGT:
      return COND.SLT;
    case COND.SGE:
      return COND.SLE;
    case COND.SLT:
      return COND.SGT;
    case COND.SLE:
      return COND.SGE;
    default:
      return cond;
  }
}
function negate(cond) {
  switch (cond) {
    case COND.EQ:
      return COND.NE;
    case COND.NE:
      return COND.EQ;
    case COND.SET:
      return COND.NSET;
    case COND.NSET:
      return COND.SET;
    case COND.GE:
      return COND.LT;
    case COND.GT:
      return COND.LE;
    case COND.LE:
      return COND.GT;
    case COND.LT:
      return COND.GE;
    case COND.SGE:
      return COND.SLT;
    case COND.SGT:
      return COND.SLE;
    case COND.SLE:
      return COND.SGT;
    default:
      return COND.SGE;
  }
}
function below(a, b, signed2, wide) {
  if (wide) {
    return signed2 ? slt(a.smaxLo, a.smaxHi, b.sminLo, b.sminHi) : ult(a.umaxLo, a.umaxHi, b.uminLo, b.uminHi);
  }
  return signed2 ? a.s32max < b.s32min : a.u32max >>> 0 < b.u32min >>> 0;
}
function notAbove(a, b, signed2, wide) {
  if (wide) {
    return signed2 ? !slt(b.sminLo, b.sminHi, a.smaxLo, a.smaxHi) : !ult(b.uminLo, b.uminHi, a.umaxLo, a.umaxHi);
  }
  return signed2 ? a.s32max <= b.s32min : a.u32max >>> 0 <= b.u32min >>> 0;
}
function surelyDiffer(a, b, wide) {
  if (wide ? !overlap(a, b) : !overlap32(a, b)) return true;
  if (below(a, b, false, wide) || below(b, a, false, wide)) return true;
  if (below(a, b, true, wide) || below(b, a, true, wide)) return true;
  return (
    wide &&
    (below(a, b, false, false) || below(b, a, false, false) || below(a, b, true, false) || below(b, a, true, false))
  );
}
function branchTaken(a, b, cond, wide) {
  switch (cond) {
    case COND.EQ:
    case COND.NE: {
      const yes = cond === COND.EQ ? 1 : 0;
      const aKnown = wide ? isConst(a) : a.mLo === 0;
      const bKnown = wide ? isConst(b) : b.mLo === 0;
      if (aKnown && bKnown) {
        const equal = a.vLo === b.vLo && (!wide || a.vHi === b.vHi);
        return equal ? yes : 1 - yes;
      }
      return surelyDiffer(a, b, wide) ? 1 - yes : -1;
    }
    case COND.SET: {
      if (wide ? !isConst(b) : b.mLo !== 0) {
        const other = a;
        a = b;
        b = other;
      }
      if (wide ? !isConst(b) : b.mLo !== 0) return -1;
      if ((a.vLo & b.vLo) !== 0 || (wide && (a.vHi & b.vHi) !== 0)) return 1;
      if (((a.vLo | a.mLo) & b.vLo) === 0 && (!wide || ((a.vHi | a.mHi) & b.vHi) === 0)) return 0;
      return -1;
    }
    case COND.GT:
    case COND.SGT:
      if (below(b, a, cond === COND.SGT, wide)) return 1;
      return notAbove(a, b, cond === COND.SGT, wide) ? 0 : -1;
    case COND.LT:
    case COND.SLT:
      if (below(a, b, cond === COND.SLT, wide)) return 1;
      return notAbove(b, a, cond === COND.SLT, wide) ? 0 : -1;
    case COND.GE:
    case COND.SGE:
      if (notAbove(b, a, cond === COND.SGE, wide)) return 1;
      return below(a, b, cond === COND.SGE, wide) ? 0 : -1;
    default:
      if (notAbove(a, b, cond === COND.SLE, wide)) return 1;
      return below(b, a, cond === COND.SLE, wide) ? 0 : -1;
  }
}
var known = { vLo: 0, vHi: 0, mLo: 0, mHi: 0 };
function refineEqual(a, b, wide) {
  if (wide) {
    raiseUmin(a, b.uminLo, b.uminHi);
    lowerUmax(a, b.umaxLo, b.umaxHi);
    raiseSmin(a, b.sminLo, b.sminHi);
    lowerSmax(a, b.smaxLo, b.smaxHi);
    b.uminLo = a.uminLo;
    b.uminHi = a.uminHi;
    b.umaxLo = a.umaxLo;
    b.umaxHi = a.umaxHi;
    b.sminLo = a.sminLo;
    b.sminHi = a.sminHi;
    b.smaxLo = a.smaxLo;
    b.smaxHi = a.smaxHi;
    intersect(a, a, b);
    set(b, a.vLo, a.vHi, a.mLo, a.mHi);
    return;
  }
  raiseU32min(a, b.u32min);
  lowerU32max(a, b.u32max);
  raiseS32min(a, b.s32min);
  lowerS32max(a, b.s32max);
  b.u32min = a.u32min;
  b.u32max = a.u32max;
  b.s32min = a.s32min;
  b.s32max = a.s32max;
  const mask = a.mLo & b.mLo;
  a.vLo = b.vLo = (a.vLo | b.vLo) & ~mask;
  a.mLo = b.mLo = mask;
}
function refineDiffer(a, b, wide) {
  const lo = b.vLo;
  const hi = b.vHi;
  if (!wide) {
    if (a.u32min === lo) a.u32min = (a.u32min + 1) | 0;
    if (a.u32max === lo) a.u32max = (a.u32max - 1) | 0;
    if (a.s32min === lo) a.s32min = (a.s32min + 1) | 0;
    if (a.s32max === lo) a.s32max = (a.s32max - 1) | 0;
    return;
  }
  if (a.uminLo === lo && a.uminHi === hi) {
    a.uminHi = addHi(lo, hi, 1, 0);
    a.uminLo = (lo + 1) | 0;
  }
  if (a.umaxLo === lo && a.umaxHi === hi) {
    a.umaxHi = subHi(lo, hi, 1, 0);
    a.umaxLo = (lo - 1) | 0;
  }
  if (a.sminLo === lo && a.sminHi === hi) {
    a.sminHi = addHi(lo, hi, 1, 0);
    a.sminLo = (lo + 1) | 0;
  }
  if (a.smaxLo === lo && a.smaxHi === hi) {
    a.smaxHi = subHi(lo, hi, 1, 0);
    a.smaxLo = (lo - 1) | 0;
  }
}
function isPowerOfTwo(lo, hi) {
  return hi === 0 ? lo !== 0 && (lo & (lo - 1)) === 0 : lo === 0 && (hi & (hi - 1)) === 0;
}
function constOfWidth(r, wide) {
  return wide ? isConst(r) : r.mLo === 0;
}
function refineBelow(a, b, strict, signed2, wide) {
  if (wide) {
    const maxLo = signed2 ? b.smaxLo : b.umaxLo;
    const maxHi = signed2 ? b.smaxHi : b.umaxHi;
    const topHi = subHi(maxLo, maxHi, strict, 0);
    const topLo = (maxLo - strict) | 0;
    const minLo = signed2 ? a.sminLo : a.uminLo;
    const minHi = signed2 ? a.sminHi : a.uminHi;
    const bottomHi = addHi(minLo, minHi, strict, 0);
    const bottomLo = (minLo + strict) | 0;
    if (signed2) {
      lowerSmax(a, topLo, topHi);
      raiseSmin(b, bottomLo, bottomHi);
    } else {
      lowerUmax(a, topLo, topHi);
      raiseUmin(b, bottomLo, bottomHi);
    }
  } else if (signed2) {
    const bottom = (a.s32min + strict) | 0;
    lowerS32max(a, (b.s32max - strict) | 0);
    raiseS32min(b, bottom);
  } else {
    const bottom = (a.u32min + strict) | 0;
    lowerU32max(a, (b.u32max - strict) | 0);
    raiseU32min(b, bottom);
  }
}
function refine(a, b, cond, wide) {
  switch (cond) {
    case COND.EQ:
      refineEqual(a, b, wide);
      break;
    case COND.NE:
      if (constOfWidth(b, wide)) refineDiffer(a, b, wide);
      else if (constOfWidth(a, wide)) refineDiffer(b, a, wide);
      break;
    case COND.SET: {
      const [value, mask] = constOfWidth(b, wide) ? [a, b] : [b, a];
      if (!constOfWidth(mask, wide)) break;
      const lo = mask.vLo;
      const hi = wide ? mask.vHi : 0;
      if (!isPowerOfTwo(lo, hi)) break;
      set(known, lo, hi, 0, 0);
      or(value, value, known);
      break;
    }
    case COND.NSET: {
      const [value, mask] = constOfWidth(b, wide) ? [a, b] : [b, a];
      if (!constOfWidth(mask, wide)) break;
      unbound(value);
      value.vLo &= ~mask.vLo;
      value.mLo &= ~mask.vLo;
      if (wide) {
        value.vHi &= ~mask.vHi;
        value.mHi &= ~mask.vHi;
      }
      break;
    }
    case COND.LE:
      refineBelow(a, b, 0, false, wide);
      break;
    case COND.LT:
      refineBelow(a, b, 1, false, wide);
      break;
    case COND.SLE:
      refineBelow(a, b, 0, true, wide);
      break;
    case COND.SLT:
      refineBelow(a, b, 1, true, wide);
      break;
    default:
      refine(b, a, flip(cond), wide);
      return;
  }
  sync(a);
  sync(b);
}

// core/verifier/jump.ts
var MAX_LINKED = 6;
function checkJump(env, i) {
  const { opcode, dst, src, off, imm } = env.program.code;
  const code = opcode[i];
  const cond = code & 240;
  const wide = (code & 7) === 5;
  const fromReg = (code & 8) !== 0;
  const d = dst[i];
  const s = src[i];
  const target2 = i + 1 + off[i];
  const a = env.readReg(d);
  let b;
  let flags = 0;
  if (fromReg) {
    if (imm[i] !== 0) env.fail('structure', 'BPF_JMP/JMP32 uses reserved fields');
    b = env.readReg(s);
    if (!(isPacketAny(a) && isPacketAny(b)) && env.isHiddenPointer(b)) {
      env.fail('leak', `R${s} pointer comparison prohibited`);
    }
    if (b.type === KIND.STACK) flags |= HIST.SRC_STACK;
  } else {
    if (s !== 0) env.fail('structure', 'BPF_JMP/JMP32 uses reserved fields');
    b = makeKnown(imm[i], imm[i] >> 31);
  }
  if (a.type === KIND.STACK) flags |= HIST.DST_STACK;
  if (flags) env.pushHistory(flags);
  const taken2 = decide(a, b, cond, wide);
  if (taken2 >= 0) {
    if (a.type === KIND.SCALAR) markPrecise(env, d);
    if (fromReg && b.type === KIND.SCALAR) markPrecise(env, s);
    return taken2 === 1 ? target2 : i + 1;
  }
  const linked = collectLinked(env, fromReg ? [b, a] : [a]);
  if (linked.length > 1) env.pushHistory(0, linked);
  const other = env.pushPath(target2, i);
  if (a.type === KIND.SCALAR && b.type === KIND.SCALAR) {
    learn(env, env.state, d, fromReg ? s : -1, a, b, negate(cond), wide, linked);
    learn(env, other, d, fromReg ? s : -1, a, b, cond, wide, linked);
  }
  if (wide && fromReg && a.type !== KIND.SCALAR && b.type !== KIND.SCALAR) liftNull(env, other, cond, d, s);
  if (wide && !fromReg && imm[i] === 0 && (cond === COND.EQ || cond === COND.NE) && a.mayBeNull) {
    markNull(env, env.state, a, cond === COND.NE);
    markNull(env, other, a, cond === COND.EQ);
  } else if (!(fromReg && wide && packetCompare(env.state, other, cond, d, s)) && env.isHiddenPointer(a)) {
    env.fail('leak', `R${d} pointer comparison prohibited`);
  }
  return i + 1;
}
function isPacketAny(r) {
  return isPacket(r.type) || r.type === KIND.PKT_END;
}
function decide(a, b, cond, wide) {
  if (wide && isPacketAny(a) && isPacketAny(b)) return decidePacket(a, b, cond);
  if (a.type === KIND.SCALAR && b.type === KIND.SCALAR) return branchTaken(a, b, cond, wide);
  if (!wide) return -1;
  let pointer = a;
  let number2 = b;
  if (!isConstScalar(number2, 64)) {
    pointer = b;
    number2 = a;
    if (!isConstScalar(number2, 64)) return -1;
  }
  if (!isNotNull(pointer) || !isZero(number2)) return -1;
  return cond === COND.EQ ? 0 : cond === COND.NE ? 1 : -1;
}
function decidePacket(a, b, cond) {
  let packet = a;
  if (b.type !== KIND.PKT_END) {
    if (a.type !== KIND.PKT_END) return -1;
    packet = b;
    cond = flip(cond);
  }
  if (packet.aux >= 0) return -1;
  const beyond = packet.aux === BEYOND_PKT_END;
  if ((cond === COND.LE || cond === COND.GT) && beyond) return cond === COND.GT ? 1 : 0;
  if ((cond === COND.LT || cond === COND.GE) && (beyond || packet.aux === AT_PKT_END)) return cond === COND.GE ? 1 : 0;
  return -1;
}
function collectLinked(env, regs) {
  const out = [];
  const { frames } = env.state;
  for (const r of regs) {
    if (r.type !== KIND.SCALAR || r.id === 0) continue;
    const id = r.id & ~ADD_CONST;
    const note = (entry2) => {
      if (out.includes(entry2)) return true;
      if (out.length === MAX_LINKED) return false;
      out.push(entry2);
      return true;
    };
    for (let f = frames.length - 1; f >= 0; f--) {
      const frame = frames[f];
      const at = f === frames.length - 1 ? env.insn : frames[f + 1].callsite;
      const live = env.options.features.linkWide ? env.program.live[at] : 1023;
      for (let j = 0; j < 10; j++) {
        if (!((live >> j) & 1)) continue;
        const reg = frame.regs[j];
        if (reg.type !== KIND.SCALAR || (reg.id & ~ADD_CONST) !== id || reg.id === 0) continue;
        if (!note((f << 8) | (j << 1) | 1)) frame.regs[j] = withoutId(reg);
      }
      for (let j = 0; j < frame.kinds.length; j++) {
        if (!frame.isSpill(j)) continue;
        const reg = frame.spills[j];
        if (reg.type !== KIND.SCALAR || (reg.id & ~ADD_CONST) !== id || reg.id === 0) continue;
        if (!note((f << 8) | (j << 1))) frame.spills[j] = withoutId(reg);
      }
    }
  }
  return out;
}
function withoutId(r) {
  const copy = r.clone();
  copy.id = 0;
  copy.off = 0;
  return copy;
}
function learn(env, state, d, s, a, b, cond, wide, linked) {
  const regs = state.frame.regs;
  const left = regs[d].clone();
  const right = s >= 0 ? regs[s].clone() : b.clone();
  refine(left, right, cond, wide);
  forgetIfContradictory(left);
  forgetIfContradictory(right);
  if (s >= 0) regs[s] = right;
  regs[d] = left;
  if (s >= 0 && b.id !== 0 && right.id !== 0) syncLinked2(env, state, right, linked);
  if (a.id !== 0 && left.id !== 0) syncLinked2(env, state, left, linked);
}
function syncLinked2(env, state, known2, linked) {
  const id = known2.id & ~ADD_CONST;
  for (const entry2 of linked) {
    const frame = state.frames[entry2 >> 8];
    const index = (entry2 >> 1) & 127;
    const list = entry2 & 1 ? frame.regs : frame.spills;
    const r = list[index];
    if (r === known2 || r.type !== KIND.SCALAR || (r.id & ~ADD_CONST) !== id) continue;
    if ((!(r.id & ADD_CONST) && !(known2.id & ADD_CONST)) || r.off === known2.off) {
      list[index] = known2;
      continue;
    }
    if (((r.id ^ known2.id) & ADD_CONST) === ADD_CONST) continue;
    const delta = (r.id & ADD_CONST ? r.off : 0) - (known2.id & ADD_CONST ? known2.off : 0);
    const narrow = ((r.id | known2.id) & ADD_CONST32) !== 0;
    const next2 = plusConstant(env, known2, delta | 0, delta < 0 ? -1 : 0, narrow);
    next2.id = r.id;
    next2.off = r.off;
    list[index] = next2;
  }
}
function notNull(r) {
  const copy = r.clone();
  copy.type &= ~FLAG.MAYBE_NULL;
  return copy;
}
function liftNull(env, other, cond, d, s) {
  const a = env.regs[d];
  const b = env.regs[s];
  if (kindOf(a.type) === KIND.BTF_ID || kindOf(b.type) === KIND.BTF_ID) return;
  const regs = cond === COND.EQ ? other.frame.regs : cond === COND.NE ? env.regs : void 0;
  if (!regs) return;
  if (isNotNull(a) && b.mayBeNull) regs[s] = becomeValue(env, b);
  if (isNotNull(b) && a.mayBeNull) regs[d] = becomeValue(env, a);
}
function becomeValue(env, r) {
  const copy = notNull(r);
  if (kindOf(r.type) !== KIND.MAP_VALUE) return copy;
  const { spec } = env.map(r.aux);
  const { type } = spec;
  if (spec.inner) {
    copy.type = KIND.MAP_PTR;
    copy.aux = env.innerMap(r.aux);
    copy.aux2 = r.id;
  } else if (type === 'xskmap') copy.type = KIND.XDP_SOCK;
  else if (type === 'sockmap' || type === 'sockhash') copy.type = KIND.SOCKET;
  return copy;
}
function markNull(env, state, r, isNull3) {
  const { id, refObjId } = r;
  if (isNull3 && refObjId !== 0 && refObjId === id) {
    const current = env.state;
    env.state = state;
    dropReference(env, id);
    env.state = current;
  }
  const zero2 = makeKnown(0, 0);
  state.mapRegs((reg) => {
    if (!reg.mayBeNull || reg.id !== id || id === 0) return void 0;
    if (isNull3) return zero2;
    const copy = becomeValue(env, reg);
    const keepsId =
      kindOf(copy.type) === KIND.MAP_VALUE
        ? specialField(env, env.map(copy.aux), 'bpf_spin_lock') !== void 0
        : copy.aux2 === 1 &&
          kindOf(copy.type) === KIND.BTF_ID &&
          structFields(env.program.objectBtf, env.kernelBtf, copy.aux).some((f) => f.name === 'bpf_spin_lock');
    if (!keepsId) copy.id = 0;
    return copy;
  });
}
var MAX_PACKET = 65535;
function extendRange(state, r, type, open) {
  if (r.off < 0 || (r.off === 0 && open)) return;
  const umax = toDoubleU(r.umaxLo, r.umaxHi);
  if (umax > MAX_PACKET || umax + r.off > MAX_PACKET) return;
  const range2 = r.off + (open ? 1 : 0);
  state.mapRegs((reg) => {
    if (reg.type !== type || reg.id !== r.id || reg.aux >= range2) return void 0;
    const copy = reg.clone();
    copy.aux = range2;
    return copy;
  });
}
function markEnd(state, regno, beyond) {
  const r = state.frame.regs[regno];
  if (r.type !== KIND.PKT) return;
  const copy = r.clone();
  copy.aux = beyond ? BEYOND_PKT_END : AT_PKT_END;
  state.frame.regs[regno] = copy;
}
function isPacketStart(r) {
  return r.type === KIND.PKT && r.id === 0 && r.off === 0 && isZero(r);
}
function packetCompare(here, there, cond, d, s) {
  if (cond !== COND.GT && cond !== COND.LT && cond !== COND.GE && cond !== COND.LE) return false;
  const a = here.frame.regs[d];
  const b = here.frame.regs[s];
  let pointer = d;
  if (!((a.type === KIND.PKT && b.type === KIND.PKT_END) || (a.type === KIND.PKT_META && isPacketStart(b)))) {
    const reversed = (a.type === KIND.PKT_END && b.type === KIND.PKT) || (isPacketStart(a) && b.type === KIND.PKT_META);
    if (!reversed) return false;
    pointer = s;
    cond = flip(cond);
  }
  const r = pointer === d ? a : b;
  const inside = cond === COND.GT || cond === COND.GE ? here : there;
  const outside = inside === here ? there : here;
  const open = cond === COND.GE || cond === COND.LT;
  extendRange(inside, r, r.type, open);
  markEnd(outside, pointer, !open);
  return true;
}

// core/verifier/global-call.ts
var MAX_ARGUMENTS = 5;
function globalArguments(env, subprog) {
  const { program } = env;
  const btf = program.objectBtf;
  const info = program.spec.funcs.find((f) => f.insn === program.subprogs[subprog].start);
  const func = btf.type(info.btfId);
  const proto = func.kind === 'func' ? btf.type(func.type) : void 0;
  if (proto?.kind !== 'func_proto') return env.fail('structure', `Invalid type of function ${info.name}()`);
  const count = proto.params.length;
  if (count > MAX_ARGUMENTS) {
    env.fail('structure', `Global function ${info.name}() with ${count} > ${MAX_ARGUMENTS} args. Buggy compiler.`);
  }
  const result2 = skipModifiers(btf, proto.ret);
  if (result2.kind !== 'int' && result2.kind !== 'enum' && result2.kind !== 'enum64') {
    env.fail('structure', `Global function ${info.name}() doesn't return scalar. Only those are supported.`);
  }
  return proto.params.map((_, i) => argument(env, info.name, info.btfId, proto, i));
}
function argument(env, name, funcId, proto, i) {
  const btf = env.program.objectBtf;
  const tags2 = tagsOf(env, funcId, i);
  const t = skipModifiers(btf, proto.params[i].type);
  if (t.kind === 'ptr') {
    const target2 = skipModifiers(btf, t.type);
    if (tags2.includes('ctx') || isContext(env, btf, t.type, target2)) {
      return { kind: 'ctx' };
    }
    if (target2.kind === 'struct' && target2.name === 'bpf_dynptr') return { kind: 'dynptr' };
    if (tags2.includes('arena')) return { kind: 'arena' };
    if (tags2.includes('trusted') || (tags2.includes('untrusted') && target2.kind === 'struct')) {
      const untrusted = tags2.includes('untrusted');
      if (untrusted && tags2.includes('trusted'))
        env.fail('structure', `arg#${i} untrusted cannot be combined with any other tags`);
      const id = env.kernelBtf?.find(target2.name.replace(/___.*$/, ''), 'struct');
      if (id === void 0) {
        env.fail(
          'structure',
          `arg#${i} reference type('${target2.kind.toUpperCase()} ${target2.name}') has no matches in kernel BTF`,
        );
      }
      return { kind: 'trusted', id, nullable: tags2.includes('nullable'), untrusted };
    }
    if (tags2.includes('nullable'))
      env.fail('structure', `arg#${i} is of a kind that this verifier does not support (nullable) in ${name}()`);
    const size =
      target2.kind === 'func_proto' || target2.kind === 'fwd' || target2.kind === 'void' ? 0 : sizeOf(btf, target2);
    if (size === 0) {
      env.fail(
        'structure',
        `arg#${i} reference type('${target2.kind.toUpperCase()} ${target2.name}') size cannot be determined: -22`,
      );
    }
    return { kind: 'mem', size, nullable: !tags2.includes('nonnull') };
  }
  if (tags2.length > 0) env.fail('structure', `arg#${i} has pointer tag, but is not a pointer type`);
  if (t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64') return { kind: 'number' };
  return env.fail('structure', `Arg#${i} type ${t.kind.toUpperCase()} in ${name}() is not supported yet.`);
}
function isContext(env, btf, id, target2) {
  const { ctxType } = env.progType;
  if (target2.kind === 'struct' && target2.name === ctxType) return true;
  if (ctxType !== 'bpf_user_pt_regs_t') return false;
  if (target2.kind === 'struct' && target2.name === 'pt_regs') return true;
  let t = btf.type(id);
  while (t.kind === 'typedef' || t.kind === 'const' || t.kind === 'volatile') {
    if (t.kind === 'typedef' && t.name === ctxType) return true;
    t = btf.type(t.type);
  }
  return false;
}
function tagsOf(env, funcId, i) {
  const btf = env.program.objectBtf;
  const out = [];
  for (let id = 1; id < btf.typeCount; id++) {
    const t = btf.type(id);
    if (t.kind === 'decl_tag' && t.type === funcId && t.component === i && t.name.startsWith('arg:')) {
      out.push(t.name.slice(4));
    }
  }
  return out;
}
function globalEntry(env, subprog) {
  return globalArguments(env, subprog).map((a) => {
    if (a.kind === 'number') return env.unknown;
    if (a.kind === 'ctx') return makePointer(KIND.CTX);
    if (a.kind === 'arena') return makePointer(KIND.ARENA);
    if (a.kind === 'dynptr') {
      const d = makePointer(KIND.DYNPTR);
      d.aux = DYNPTR.LOCAL;
      d.aux2 = 1;
      d.id = env.newId();
      return d;
    }
    if (a.kind === 'trusted') {
      const object = makePointer(
        KIND.BTF_ID | (a.untrusted ? FLAG.UNTRUSTED : FLAG.TRUSTED) | (a.nullable ? FLAG.MAYBE_NULL : 0),
      );
      object.aux = a.id;
      if (a.nullable) object.id = env.newId();
      return object;
    }
    const r = makePointer(KIND.MEM | (a.nullable ? FLAG.MAYBE_NULL : 0));
    r.aux = a.size;
    r.id = env.newId();
    return r;
  });
}
function callGlobal(env, i, subprog) {
  const sub2 = env.program.subprogs[subprog];
  const { state } = env;
  if (state.locks > 0) {
    env.say('global function calls are not allowed while holding a lock,');
    env.fail('reference', 'use static function instead');
  }
  const awake = state.rcuLocks > 0 || state.preemptLocks > 0 || state.irqId !== 0;
  if (sub2.mightSleep && (awake || !(env.options.sleepable || state.sleepable))) {
    env.say('global functions that may sleep are not allowed in non-sleepable context,');
    env.say('i.e., in a RCU/IRQ/preempt-disabled section, or in');
    env.fail('reference', 'a non-sleepable BPF program context');
  }
  const shape = globalArguments(env, subprog);
  try {
    shape.forEach((a, k) => {
      checkPassed(env, k, a);
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    env.say(error.message);
    env.fail(error.category, `Caller passes invalid args into func#${subprog} ('${sub2.name}')`);
  }
  env.say(`Func#${subprog} ('${sub2.name}') is global and assumed valid.`);
  env.globalCalls.add(subprog);
  if (sub2.changesPacket) clearPacketPointers(env);
  clobberCallerSaved(env);
  env.setUnknown(0);
  return i + 1;
}
function checkPassed(env, k, a) {
  const regno = k + 1;
  const r = env.regs[regno];
  if (a.kind === 'number') {
    if (r.type !== KIND.SCALAR) env.fail('type', `R${regno} is not a scalar`);
    return;
  }
  if (a.kind === 'arena') {
    if (r.type !== KIND.ARENA && r.type !== KIND.SCALAR) {
      env.fail('type', `R${regno} is not a pointer to arena or scalar.`);
    }
    return;
  }
  checkOffset(env, r, regno, false, a.kind === 'dynptr');
  if (a.kind === 'dynptr') {
    if (r.type !== KIND.STACK && r.type !== KIND.DYNPTR) {
      env.fail('type', `arg#${k} expected pointer to stack or const struct bpf_dynptr`);
    }
    if (!dynptrAt(env, r)) env.fail('type', `Expected an initialized dynptr as arg #${k}`);
    return;
  }
  if (a.kind === 'trusted') {
    checkTrusted(env, regno, r, a);
    return;
  }
  if (a.kind === 'ctx') {
    if (r.type !== KIND.CTX) env.fail('type', `arg#${k} expects pointer to ctx`);
    return;
  }
  if (isNull2(r)) return;
  if (r.mayBeNull) env.regs[regno] = notNull(r);
  checkHelperMemory(env, regno, a.size, false, true, void 0);
  checkHelperMemory(env, regno, a.size, true, true, void 0);
  env.regs[regno] = r;
  if (!a.nullable && r.mayBeNull) env.fail('null', `arg#${k} is expected to be non-NULL`);
}
function checkTrusted(env, regno, r, a) {
  if (a.untrusted || (a.nullable && isNull2(r))) return;
  const wanted = [KIND.BTF_ID, KIND.BTF_ID | FLAG.TRUSTED, KIND.BTF_ID | FLAG.RCU];
  const type = a.nullable ? r.type & ~FLAG.MAYBE_NULL : r.type;
  if (!wanted.includes(type)) {
    env.fail('type', `R${regno} type=${typeName(r.type)} expected=${wanted.map(typeName).join(', ')}`);
  }
  const btf = env.kernelBtf;
  if (kindOf(r.type) === KIND.BTF_ID && !structMatches(btf, r.aux, r.off, a.id, false)) {
    env.fail('type', `R${regno} is of type ${btf.type(r.aux).name} but ${btf.type(a.id).name} is expected`);
  }
}

// core/verifier/call.ts
var MAX_FRAMES = 8;
function clobberCallerSaved(env) {
  for (let i = 0; i <= 5; i++) env.setReg(i, NOT_INIT);
}
function pushFrame(env, state, subprog, callsite) {
  if (state.frames.length >= MAX_FRAMES) {
    env.fail('limit', `the call stack of ${state.frames.length + 1} frames is too deep`);
  }
  const frame = new Frame(callsite, state.frames.length, subprog);
  frame.wroteLo = frame.wroteHi = -1;
  state.frames.push(frame);
  return frame;
}
function checkLocalCall(env, i) {
  const { program, state } = env;
  const subprog = program.subprogStarting(i + program.code.imm[i] + 1);
  const sub2 = program.subprogs[subprog];
  if (sub2.global) return callGlobal(env, i, subprog);
  const caller = env.frame;
  const callee = pushFrame(env, state, subprog, i);
  for (let r = 1; r <= 5; r++) callee.regs[r] = caller.regs[r];
  for (let r = 0; r <= 5; r++) caller.regs[r] = NOT_INIT;
  env.scratchRegs = 2047;
  return sub2.start;
}
function clearPacketPointers(env) {
  const gone = env.invalidPointer();
  env.state.mapRegs((r) =>
    r.type === KIND.PKT || r.type === KIND.PKT_META || r.type === KIND.PKT_END || r.type & FLAG.PACKET_SLICE
      ? gone
      : void 0,
  );
}
function pushCallback(env, i, subprog, setup) {
  env.program.subprogs[subprog].isCallback = true;
  const caller = env.frame;
  const state = env.pushPath(env.program.subprogs[subprog].start, i);
  const callee = pushFrame(env, state, subprog, i);
  setup(state.frames[state.frames.length - 2], callee);
  callee.inCallback = true;
  callee.callbackMin = 0;
  callee.callbackMax = 1;
  state.callbackUnrollDepth++;
  state.frames[state.frames.length - 2].callbackDepth++;
  caller.callbackDepth = 0;
}
function pushAsyncCallback(env, i, subprog, setup, makeState) {
  const sub2 = env.program.subprogs[subprog];
  sub2.isCallback = true;
  sub2.isAsyncCallback = true;
  const frame = new Frame(-1, 0, subprog);
  frame.wroteLo = frame.wroteHi = -1;
  const state = makeState(frame);
  setup(env.frame, frame);
  frame.inAsyncCallback = true;
  frame.callbackMin = 0;
  frame.callbackMax = 0;
  frame.asyncEntries = env.frame.asyncEntries + 1;
  env.pending.push({ state, insn: sub2.start, previous: i, logLength: env.log.length });
}
function failReturn(env, r, where, min, max) {
  let text = `${where} the register R0 has`;
  let known2 = false;
  if (!(r.sminLo === 0 && r.sminHi === -2147483648)) {
    text += ` smin=${toBigS(r.sminLo, r.sminHi)}`;
    known2 = true;
  }
  if (!(r.smaxLo === -1 && r.smaxHi === 2147483647)) {
    text += ` smax=${toBigS(r.smaxLo, r.smaxHi)}`;
    known2 = true;
  }
  if (!known2) text += ' unknown scalar value';
  return env.fail('return', `${text} should have been in [${min}, ${max}]`);
}
function isWithin(r, min, max, low32) {
  if (low32) return min <= r.s32min && r.s32max <= max;
  const sminFits = r.sminHi === r.sminLo >> 31;
  const smaxFits = r.smaxHi === r.smaxLo >> 31;
  return sminFits && smaxFits && min <= r.sminLo && r.smaxLo <= max;
}
function returnFromCall(env, previousAt2) {
  const { state } = env;
  const callee = env.frame;
  const r0 = callee.regs[0];
  if (r0.type === KIND.STACK) env.fail('type', 'cannot return stack pointer to the caller');
  const caller = state.frames[state.frames.length - 2];
  if (callee.inCallback) {
    if (r0.type !== KIND.SCALAR) env.fail('type', 'R0 not a scalar value');
    markPrecise(env, 0);
    if (!isWithin(r0, callee.callbackMin, callee.callbackMax, false)) {
      failReturn(env, r0, 'At callback return', callee.callbackMin, callee.callbackMax);
    }
  } else {
    caller.regs[0] = r0;
  }
  state.frames.pop();
  env.scratchRegs = 2047;
  if (!callee.inCallback) return callee.callsite + 1;
  const before2 = previousAt2(state, callee.callsite);
  if (before2) widen(env, before2, state);
  return callee.callsite;
}
function widen(env, before2, now2) {
  const widened = (a, b) => {
    if (!a || a === b || a.type !== KIND.SCALAR || b.type !== KIND.SCALAR) return void 0;
    if (a.precise || b.precise) return void 0;
    if (a.vLo === b.vLo && a.vHi === b.vHi && a.mLo === b.mLo && a.mHi === b.mHi && sameBounds(a, b)) return void 0;
    return env.unknown;
  };
  for (let f = 0; f < now2.frames.length; f++) {
    const old = before2.frames[f];
    const frame = now2.frames[f];
    if (!old) continue;
    for (let j = 0; j < 10; j++) {
      const next2 = widened(old.regs[j], frame.regs[j]);
      if (next2) frame.regs[j] = next2;
    }
    for (let j = 0; j < frame.kinds.length && j < old.kinds.length; j++) {
      if (!frame.isSpill(j) || !old.isSpill(j)) continue;
      const next2 = widened(old.spills[j], frame.spills[j]);
      if (next2) frame.spills[j] = next2;
    }
  }
}
function sameBounds(a, b) {
  return (
    a.uminLo === b.uminLo &&
    a.uminHi === b.uminHi &&
    a.umaxLo === b.umaxLo &&
    a.umaxHi === b.umaxHi &&
    a.sminLo === b.sminLo &&
    a.sminHi === b.sminHi &&
    a.smaxLo === b.smaxLo &&
    a.smaxHi === b.smaxHi
  );
}

// core/verifier/log.ts
function signed(lo, hi) {
  const value = toDouble(lo, hi);
  return value >= -32768 && value <= 32767 ? String(value) : hex64(lo, hi);
}
function unsigned(lo, hi) {
  const value = toDoubleU(lo, hi);
  return value <= 65535 ? String(value) : hex64(lo, hi);
}
function ranges(r) {
  const signedBound = (name, lo, hi, omit) => ({
    name,
    lo,
    hi,
    omit,
    negative: hi < 0,
  });
  const s32 = (name, value, omit) =>
    signedBound(name, value, value >= -32768 && value <= 32767 ? value >> 31 : 0, omit);
  const plain = (name, lo, hi, omit) => ({
    name,
    lo,
    hi,
    omit,
    negative: false,
  });
  const all = [
    signedBound('smin', r.sminLo, r.sminHi, r.sminLo === 0 && r.sminHi === -2147483648),
    signedBound('smax', r.smaxLo, r.smaxHi, r.smaxLo === -1 && r.smaxHi === 2147483647),
    plain('umin', r.uminLo, r.uminHi, (r.uminLo | r.uminHi) === 0),
    plain('umax', r.umaxLo, r.umaxHi, (r.umaxLo & r.umaxHi) === -1),
    s32('smin32', r.s32min, r.s32min === -2147483648),
    s32('smax32', r.s32max, r.s32max === 2147483647),
    plain('umin32', r.u32min, 0, r.u32min === 0),
    plain('umax32', r.u32max, 0, r.u32max === -1),
  ];
  const out = [];
  all.forEach((a, i) => {
    if (a.omit) return;
    let text = `${a.name}=`;
    for (let j = i + 2; j < all.length; j += 2) {
      const b = all[j];
      if (b.omit || b.lo !== a.lo || b.hi !== a.hi || b.negative !== a.negative) continue;
      b.omit = true;
      text += `${b.name}=`;
    }
    out.push(text + (a.name[0] === 's' ? signed(a.lo, a.hi) : unsigned(a.lo, a.hi)));
  });
  return out;
}
function formatReg(env, frame, r) {
  const { type } = r;
  const precise = type === KIND.SCALAR && r.precise ? 'P' : '';
  if (type === KIND.SCALAR && isConst(r)) return precise + signed(r.vLo, r.vHi);
  let head = precise + typeName(type);
  const kind = kindOf(type);
  if (type === KIND.STACK) {
    if (frame.frameno !== r.frame) head += `[${r.frame}]`;
    if (isConst(r)) {
      const value = toDouble(r.vLo, r.vHi) + r.off;
      return head + signed(value | 0, value < 0 ? -1 : 0);
    }
  }
  if (kind === KIND.BTF_ID)
    head += (r.aux2 === 1 ? env.program.objectBtf : env.kernelBtf)?.type(r.aux).name ?? `#${r.aux}`;
  const parts = [];
  if (r.id !== 0) {
    const delta = r.id & ADD_CONST ? (r.off >= 0 ? `+${r.off}` : String(r.off)) : '';
    parts.push(`id=${r.id & ~ADD_CONST}${delta}`);
  }
  if (r.refObjId !== 0) parts.push(`ref_obj_id=${r.refObjId}`);
  if (type & FLAG.NON_OWN_REF) parts.push('non_own_ref');
  if (kind === KIND.MAP_PTR || kind === KIND.MAP_KEY || kind === KIND.MAP_VALUE) {
    const { spec } = env.map(r.aux);
    if (spec.name) parts.push(`map=${spec.name}`);
    parts.push(`ks=${spec.keySize}`, `vs=${spec.valueSize}`);
  }
  if (type !== KIND.SCALAR && r.off !== 0) parts.push(`off=${signed(r.off, r.off >> 31)}`);
  if (isPacket(type)) parts.push(`r=${unsigned(r.aux, r.aux >> 31)}`);
  if (kind === KIND.MEM) parts.push(`sz=${unsigned(r.aux, 0)}`);
  if (type === KIND.DYNPTR) parts.push(`type=${dynptrTypeName(r.aux)}`);
  if (isConst(r)) {
    if ((r.vLo | r.vHi) !== 0) parts.push(`imm=${signed(r.vLo, r.vHi)}`);
  } else {
    parts.push(...ranges(r));
    if (!isUnknown(r)) parts.push(`var_off=${format2(r)}`);
  }
  return `${head}(${parts.join(',')})`;
}
function formatState(env, frame, all) {
  let out = frame.frameno ? ` frame${frame.frameno}:` : '';
  for (let i = 0; i < 11; i++) {
    const r = frame.regs[i];
    if (r.type === KIND.NOT_INIT || (!all && !((env.scratchRegs >> i) & 1))) continue;
    out += ` R${i}=${formatReg(env, frame, r)}`;
  }
  for (let slot = 0; slot < frame.kinds.length; slot++) {
    if (!all && !env.scratchSlots.has(slot)) continue;
    const kinds = frame.kinds[slot];
    if (kinds === 0) continue;
    let letters = '';
    for (let i = 0; i < 8; i++) letters += BYTE_LETTERS[(kinds >> (i * 4)) & 7];
    const name = ` fp${(-slot - 1) * 8}=`;
    const top = kinds >>> 28;
    const r = frame.spills[slot];
    if (top === BYTE.SPILL) {
      out += `${name}${letters.slice(0, letters.indexOf('r'))}${formatReg(env, frame, r)}`;
    } else if (top === BYTE.DYNPTR) {
      slot++;
      const first = frame.spills[slot];
      const parts = [first.id ? `id=${first.id}` : '', first.refObjId ? `ref_id=${first.refObjId}` : ''];
      out += ` fp${(-slot - 1) * 8}=dynptr_${dynptrTypeName(first.aux)}(${parts.filter(Boolean).join(',')})`;
    } else if (top === BYTE.ITER) {
      if (r.refObjId === 0) continue;
      const states = ['<invalid>', 'active', 'drained'];
      out += `${name}${(env.kernelBtf?.type(r.aux).name ?? 'bpf_iter_num').replace(/^bpf_/, '')}(ref_id=${r.refObjId},state=${states[r.off]},depth=${r.aux2})`;
    } else out += name + letters;
  }
  const refs = env.state.refs.filter((r) => r.id !== 0);
  if (refs.length > 0) out += ` refs=${refs.map((r) => r.id).join(',')}`;
  if (frame.inCallback) out += ' cb';
  if (frame.inAsyncCallback) out += ' async_cb';
  return out;
}
function clearScratch(env) {
  env.scratchRegs = 0;
  env.scratchSlots.clear();
}
function alignment(length) {
  return Math.ceil(Math.max(length + 4, 40) / 8) * 8 - length - 1;
}
function printChanges(env, next2) {
  if (env.scratchRegs === 0 && env.scratchSlots.size === 0) return;
  const text = formatState(env, env.frame, false);
  if (env.lineOpen === env.log.length && env.log.length > 0) {
    const line = env.log[env.log.length - 1];
    env.log[env.log.length - 1] = `${line}${' '.repeat(alignment(line.length))};${text}`;
  } else env.say(`${next2}:${text}`);
  clearScratch(env);
}
function printInsn(env, i) {
  printChanges(env, i);
  const line = lineAt2(env, i);
  if (line !== void 0) env.say(`; ${line}`);
  const { code } = env.program;
  const insn = {
    opcode: code.opcode[i],
    dst: code.dst[i],
    src: code.src[i],
    off: code.off[i],
    imm: code.imm[i],
    ...(code.opcode[i] === OP_LD_IMM64 ? { immHi: code.imm[i + 1] ?? 0 } : {}),
  };
  env.say(`${i}: ${insnText(insn, env.names)}`);
  env.lineOpen = env.log.length;
}
function lineAt2(env, i) {
  const line = env.program.spec.lines.find((l) => l.insn === i);
  if (!line || line === env.lastLine) return void 0;
  env.lastLine = line;
  const file = line.file.slice(line.file.lastIndexOf('/') + 1);
  return `${line.text.trim()} @ ${file}:${line.line}`;
}
function printPath(env, i) {
  env.say('');
  env.say(`from ${env.previousInsn} to ${i}:${formatState(env, env.frame, true)}`);
  clearScratch(env);
  env.lineOpen = -1;
}
function printPrune(env, i, newPath) {
  if (newPath) {
    env.say('');
    env.say(`from ${env.previousInsn} to ${i}: safe`);
  } else {
    printChanges(env, i);
    env.say(`${i}: safe`);
  }
}
function printState(env) {
  env.say(`returning from callee:`);
  env.say(`to caller at ${env.frame.frameno}:${formatState(env, env.frame, true)}`);
  clearScratch(env);
}

// core/verifier/loops.ts
var visits = /* @__PURE__ */ new WeakMap();
function key(env, state) {
  let out = '';
  for (let i = 0; i < state.frames.length; i++) {
    const insn = state.frameInsn(i);
    const loop2 = env.program.loopOf[insn];
    if (loop2 > 0) return `${out}L${loop2}`;
    out += `${insn},`;
  }
  return void 0;
}
function visitOf(env, state) {
  const all = visits.get(env);
  if (!all) return void 0;
  const k = key(env, state);
  return k === void 0 ? void 0 : all.get(k);
}
function enterLoop(env, state) {
  const k = key(env, state);
  if (k === void 0) return;
  let all = visits.get(env);
  if (!all) {
    all = /* @__PURE__ */ new Map();
    visits.set(env, all);
  }
  let visit = all.get(k);
  if (!visit) {
    visit = { entry: void 0, backEdges: [] };
    all.set(k, visit);
  }
  visit.entry ??= state;
}
function isLoopOpen(env, state) {
  const visit = visitOf(env, state);
  return visit !== void 0 && visit.backEdges.length > 0;
}
function rememberBackEdge(env, target2, current, insn) {
  const visit = visitOf(env, target2);
  if (!visit) return;
  const state = current.clone();
  state.insn = insn;
  visit.backEdges.push({ state, target: target2 });
}
var MAX_ROUNDS = 64;
function leaveLoop(env, state) {
  const visit = visitOf(env, state);
  if (!visit || visit.entry !== state) return;
  visit.entry = void 0;
  for (let round = 0; ; round++) {
    let changed = false;
    for (const edge of visit.backEdges) {
      if (round >= MAX_ROUNDS) {
        markAll(edge.state);
        continue;
      }
      if (propagateReads(edge.target, edge.state)) changed = true;
      if (propagatePrecision(env, edge.target, edge.state)) changed = true;
    }
    if (!changed || round >= MAX_ROUNDS) break;
  }
  visit.backEdges = [];
}

// core/verifier/prune.ts
var EXACTNESS = {
  /** Only what is live, and ranges only where precise. */
  LOOSE: 0,
  /** The same in every respect (for endless loops). */
  EXACT: 1,
  /** Ranges within, whether precise or not: for loops whose marks are not final. */
  WITHIN: 2,
};
var IdMap = class {
  #old = [];
  #current = [];
  #temporary;
  constructor(lastId) {
    this.#temporary = lastId;
  }
  /** The same registers are tied together in both states. */
  match(old, current) {
    if ((old === 0) !== (current === 0)) return false;
    if (old === 0) return true;
    for (let i = 0; i < this.#old.length; i++) {
      if (this.#old[i] === old) return this.#current[i] === current;
      if (this.#current[i] === current) return false;
    }
    this.#old.push(old);
    this.#current.push(current);
    return true;
  }
  /** Numbers: an unlinked old register is content with any; a linked one wants the same links. */
  matchScalar(old, current) {
    if (old === 0) return true;
    if (current === 0) current = ++this.#temporary;
    if (!this.match(old, current)) return false;
    return old & ADD_CONST ? this.match(old & ~ADD_CONST, current & ~ADD_CONST) : true;
  }
};
function within(old, current) {
  return (
    !ult(current.uminLo, current.uminHi, old.uminLo, old.uminHi) &&
    !ult(old.umaxLo, old.umaxHi, current.umaxLo, current.umaxHi) &&
    !slt(current.sminLo, current.sminHi, old.sminLo, old.sminHi) &&
    !slt(old.smaxLo, old.smaxHi, current.smaxLo, current.smaxHi) &&
    old.u32min >>> 0 <= current.u32min >>> 0 &&
    old.u32max >>> 0 >= current.u32max >>> 0 &&
    old.s32min <= current.s32min &&
    old.s32max >= current.s32max &&
    contains(old, current)
  );
}
function exactlyEqual(old, current, ids) {
  return (
    old.type === current.type &&
    old.off === current.off &&
    old.aux === current.aux &&
    old.aux2 === current.aux2 &&
    sameRange(old, current) &&
    ids.match(old.id, current.id) &&
    ids.match(old.refObjId, current.refObjId)
  );
}
function regSafe(old, current, ids, exact) {
  if (exact === EXACTNESS.EXACT) return exactlyEqual(old, current, ids) && old.frame === current.frame;
  if (old.type === KIND.NOT_INIT && (exact === EXACTNESS.LOOSE || current.type === KIND.NOT_INIT)) return true;
  if (old.type !== current.type) return false;
  switch (kindOf(old.type)) {
    case KIND.SCALAR:
      if (!old.precise && exact === EXACTNESS.LOOSE) return true;
      if (old.id && (old.id & ADD_CONST) !== (current.id & ADD_CONST)) return false;
      if (old.id & ADD_CONST && old.off !== current.off) return false;
      return ids.matchScalar(old.id, current.id) && within(old, current);
    case KIND.MAP_KEY:
    case KIND.MAP_VALUE:
    case KIND.MEM:
    case KIND.BUF:
    case KIND.TP_BUFFER:
      return (
        old.off === current.off &&
        old.aux === current.aux &&
        old.aux2 === current.aux2 &&
        within(old, current) &&
        ids.match(old.id, current.id) &&
        ids.match(old.refObjId, current.refObjId)
      );
    case KIND.PKT:
    case KIND.PKT_META:
      if (old.aux < 0 || current.aux < 0 ? old.aux !== current.aux : old.aux > current.aux) return false;
      return old.off === current.off && ids.match(old.id, current.id) && within(old, current);
    case KIND.STACK:
      return exactlyEqual(old, current, ids) && old.frame === current.frame;
    default:
      return exactlyEqual(old, current, ids);
  }
}
function numberIn(env, frame, slot) {
  const kinds = frame.kinds[slot];
  if (kinds === 286331153 && frame.spills[slot].type === KIND.SCALAR) return frame.spills[slot];
  return isAllMisc(env, kinds) ? env.unknown : void 0;
}
function stackSafe(env, old, current, ids, exact) {
  for (let slot = 0; slot < old.kinds.length; slot++) {
    const kinds = old.kinds[slot];
    if (exact === EXACTNESS.LOOSE) {
      if (!old.isRead(slot)) continue;
    } else if (slot >= current.kinds.length ? kinds !== 0 : kinds !== current.kinds[slot]) return false;
    if (kinds === 0) continue;
    const beyond = slot >= current.kinds.length;
    if (!beyond) {
      const same = old.spills[slot];
      if (same === current.spills[slot] && kinds === current.kinds[slot] && same.id === 0 && same.refObjId === 0)
        continue;
      const a = numberIn(env, old, slot);
      const b = a && numberIn(env, current, slot);
      if (a && b) {
        if (!regSafe(a, b, ids, exact)) return false;
        continue;
      }
    }
    const now2 = beyond ? 0 : current.kinds[slot];
    for (let i = 0; i < 32; i += 4) {
      const was = (kinds >> i) & 7;
      const is = (now2 >> i) & 7;
      if (was === BYTE.INVALID || was === is) continue;
      if (was === BYTE.MISC && (is === BYTE.ZERO || env.privileged)) continue;
      return false;
    }
    const top = kinds >>> 28;
    if (top === BYTE.SPILL) {
      if (!regSafe(old.spills[slot], current.spills[slot], ids, exact)) return false;
    } else if (top === BYTE.DYNPTR) {
      const a = old.spills[slot];
      const b = current.spills[slot];
      if (a.aux !== b.aux || a.aux2 !== b.aux2 || !ids.match(a.refObjId, b.refObjId)) return false;
    } else if (top === BYTE.IRQ) {
      if (!ids.match(old.spills[slot].refObjId, current.spills[slot].refObjId)) return false;
    } else if (top === BYTE.ITER) {
      const a = old.spills[slot];
      const b = current.spills[slot];
      if (a.type !== b.type || a.aux !== b.aux || a.off !== b.off || !ids.match(a.refObjId, b.refObjId)) return false;
    }
  }
  return true;
}
function frameSafe(env, old, current, insn, ids, exact) {
  if (old.callbackDepth > current.callbackDepth) return false;
  const live = env.program.live[insn];
  for (let i = 0; i < 11; i++) {
    if (!((live >> i) & 1)) continue;
    const a = old.regs[i];
    const b = current.regs[i];
    if (a === b && a.id === 0 && a.refObjId === 0) continue;
    if (!regSafe(a, b, ids, exact)) return false;
  }
  return stackSafe(env, old, current, ids, exact);
}
function statesEqual(env, old, current, exact) {
  if (old.frames.length !== current.frames.length) return false;
  if (old.speculative && !current.speculative) return false;
  if (old.sleepable !== current.sleepable) return false;
  const ids = new IdMap(env.ids);
  if (
    old.rcuLocks !== current.rcuLocks ||
    old.preemptLocks !== current.preemptLocks ||
    old.locks !== current.locks ||
    old.refs.length !== current.refs.length ||
    !ids.match(old.irqId, current.irqId)
  ) {
    return false;
  }
  for (let i = 0; i < old.refs.length; i++) {
    const a = old.refs[i];
    const b = current.refs[i];
    if (a.lock !== b.lock || a.map !== b.map || a.irq !== b.irq || !ids.match(a.id, b.id)) return false;
  }
  for (let i = 0; i < old.frames.length; i++) {
    if (old.frames[i].callsite !== current.frames[i].callsite) return false;
    if (!frameSafe(env, old.frames[i], current.frames[i], old.frameInsn(i), ids, exact)) return false;
  }
  return true;
}
function maybeLooping(old, current) {
  if (old.frames.length !== current.frames.length) return false;
  const a = old.frame;
  const b = current.frame;
  for (let i = 0; i < 11; i++) {
    const x = a.regs[i];
    const y = b.regs[i];
    if (x === y) continue;
    if (
      x.type !== y.type ||
      x.off !== y.off ||
      x.aux !== y.aux ||
      x.aux2 !== y.aux2 ||
      x.id !== y.id ||
      x.refObjId !== y.refObjId ||
      x.frame !== y.frame ||
      !sameRange(x, y)
    ) {
      return false;
    }
  }
  return true;
}
function iteratorsDiffer(old, current) {
  for (let f = 0; f < old.frames.length; f++) {
    const frame = old.frames[f];
    for (let slot = 0; slot < frame.kinds.length; slot++) {
      if (frame.kinds[slot] >>> 28 !== BYTE.ITER) continue;
      const a = frame.spills[slot];
      const b = current.frames[f].spills[slot];
      if (a.off === ITER_ACTIVE && b && a.aux2 !== b.aux2) return true;
    }
  }
  return false;
}
var ITER_ACTIVE = 1;
var ITER_DRAINED = 2;
function isVisited(env, explored, insn, shape) {
  const current = env.state;
  const marks = env.program.marks[insn];
  const force = (marks & MARK.CHECKPOINT) !== 0 || current.history.length > 40;
  let addNew = force;
  if (env.jumps - env.previousJumps >= 2 && env.processed - env.previousProcessed >= 8) addNew = true;
  let list = explored.get(insn);
  if (!list) {
    list = [];
    explored.set(insn, list);
  }
  let count = 0;
  for (let at = list.length - 1; at >= 0; at--) {
    const old = list[at];
    count++;
    let hit = false;
    let loop2 = false;
    if (old.branches > 0) {
      const frame = old.frame;
      let checkEndless = true;
      if (frame.inAsyncCallback && frame.asyncEntries !== current.frame.asyncEntries) checkEndless = false;
      else if (shape.isIterNext(insn)) {
        checkEndless = false;
        if (statesEqual(env, old, current, EXACTNESS.WITHIN)) {
          const pointer = current.frame.regs[1];
          const slot = (-(pointer.off + pointer.vLo) - 1) >> 3;
          hit = current.frames[pointer.frame].spills[slot]?.off === ITER_ACTIVE;
          loop2 = hit;
        }
      } else if (env.program.code.opcode[insn] === 229) {
        if (old.mayGotoDepth !== current.mayGotoDepth && statesEqual(env, old, current, EXACTNESS.WITHIN)) {
          hit = loop2 = true;
        }
      } else if (marks & MARK.CALLBACK) {
        checkEndless = false;
        if (statesEqual(env, old, current, EXACTNESS.WITHIN)) hit = loop2 = true;
      }
      if (!hit) {
        if (
          checkEndless &&
          maybeLooping(old, current) &&
          statesEqual(env, old, current, EXACTNESS.EXACT) &&
          !iteratorsDiffer(old, current) &&
          old.mayGotoDepth === current.mayGotoDepth &&
          old.callbackUnrollDepth === current.callbackUnrollDepth
        ) {
          throw new Refusal('limit', `infinite loop detected at insn ${insn}`, [
            `cur state:${formatState(env, current.frame, true)}`,
            `old state:${formatState(env, old.frame, true)}`,
          ]);
        }
        if (!force && env.jumps - env.previousJumps < 20 && env.processed - env.previousProcessed < 100) {
          addNew = false;
        }
      }
    } else {
      loop2 = isLoopOpen(env, old);
      hit = statesEqual(env, old, current, loop2 ? EXACTNESS.WITHIN : EXACTNESS.LOOSE);
    }
    if (hit) {
      old.hits++;
      if (marks & MARK.JUMP) env.pushHistory(0);
      propagateReads(old, current);
      propagatePrecision(env, old, current);
      if (loop2) rememberBackEdge(env, old, current, insn);
      return true;
    }
    if (addNew) old.misses++;
    const patience = (marks & MARK.CHECKPOINT) !== 0 && old.branches > 0 ? 64 : 3;
    if (old.misses > old.hits * patience + patience) list.splice(at, 1);
  }
  if (count > env.maxStatesPerInsn) env.maxStatesPerInsn = count;
  if (!env.privileged && count > MAX_STATES_UNPRIVILEGED) return false;
  if (addNew) keep(env, list, insn);
  return false;
}
function keep(env, list, insn) {
  const current = env.state;
  env.totalStates++;
  env.peakStates++;
  env.previousJumps = env.jumps;
  env.previousProcessed = env.processed;
  if (env.privileged) forgetPrecision(current);
  const kept = current.clone();
  kept.insn = insn;
  kept.branches = 1;
  enterLoop(env, kept);
  for (const frame of current.frames) {
    frame.readLo = frame.readHi = frame.wroteLo = frame.wroteHi = 0;
  }
  current.parent = kept;
  current.firstInsn = insn;
  current.history = [];
  env.entry = void 0;
  list.push(kept);
}
function forgetPrecision(state) {
  state.mapRegs((r) => {
    if (r.type !== KIND.SCALAR || !r.precise) return void 0;
    const copy = r.clone();
    copy.precise = 0;
    return copy;
  });
}

// core/verifier/iterator.ts
function shortName(struct2) {
  return struct2.replace(/^bpf_iter_/, '');
}
function checkIterator(env, regno, struct2, kfunc2, facts) {
  const r = env.regs[regno];
  if (r.type !== KIND.STACK) env.fail('type', `arg#${regno - 1} expected pointer to an iterator on stack`);
  const slots = struct2.size / 8;
  const frame = env.state.frames[r.frame];
  const name = shortName(struct2.name);
  const start = dynptrSlot(env, r, 'iter', slots);
  if (kfunc2.flags.has('iter_new')) {
    let free = start !== void 0;
    for (let n = 0; free && start >= 0 && n < slots; n++) {
      for (let b = 0; b < 8; b++) if (((frame.kinds[start - n] >> (b * 4)) & 7) === BYTE.ITER) free = false;
    }
    if (!free) env.fail('type', `expected uninitialized iter_${name} as arg #${regno - 1}`);
    for (let off = 0; off < struct2.size; off += 8) accessMemory(env, regno, { off, size: 8, write: true, reg: -1 });
    const first2 = dynptrSlot(env, r, 'iter', slots);
    const ref = takeReference(env, env.insn);
    let type = KIND.STACK;
    if (kfunc2.flags.has('rcu_protected')) {
      const inRcu2 = env.state.rcuLocks > 0 || env.state.locks > 0 || !(env.options.sleepable || env.state.sleepable);
      type |= inRcu2 ? FLAG.RCU : FLAG.UNTRUSTED;
    }
    for (let n = 0; n < slots; n++) {
      const s = new Reg();
      s.type = type;
      s.aux = struct2.id;
      s.off = ITER_ACTIVE;
      s.refObjId = n === 0 ? ref : 0;
      frame.spills[first2 - n] = s;
      frame.kinds[first2 - n] = allBytes(BYTE.ITER);
      frame.markWrote(first2 - n);
      env.scratchSlots.add(first2 - n);
    }
    return;
  }
  const uninitialised = `expected an initialized iter_${name} as arg #${regno - 1}`;
  if (start === void 0 || start < 0) env.fail('type', uninitialised);
  const first = start;
  for (let n = 0; n < slots; n++) {
    const s = frame.spills[first - n];
    if (s.type & FLAG.UNTRUSTED && frame.kinds[first - n] === allBytes(BYTE.ITER)) {
      env.fail('type', `expected an RCU CS when using ${kfunc2.name}`);
    }
    const whole = frame.kinds[first - n] === allBytes(BYTE.ITER);
    if (!whole || s.aux !== struct2.id || (n === 0) !== (s.refObjId !== 0)) env.fail('type', uninitialised);
  }
  for (let n = 0; n < slots; n++) markRead(env, r.frame, first - n);
  facts.iterFrame = r.frame;
  facts.iterSlot = first;
  facts.refObjId = frame.spills[first].refObjId;
  if (!kfunc2.flags.has('iter_destroy')) return;
  releaseReference(env, facts.refObjId);
  for (let n = 0; n < slots; n++) {
    frame.spills[first - n] = NOT_INIT;
    frame.kinds[first - n] = allBytes(BYTE.INVALID);
    frame.markWrote(first - n);
    env.scratchSlots.add(first - n);
  }
}
function withState(state, facts, change) {
  const frame = state.frames[facts.iterFrame];
  const s = frame.spills[facts.iterSlot].clone();
  change(s);
  frame.spills[facts.iterSlot] = s;
}
function advanceIterator(env, facts, i, element) {
  const slot = env.state.frames[facts.iterFrame].spills[facts.iterSlot];
  env.scratchSlots.add(facts.iterSlot);
  if (slot.off === ITER_ACTIVE) {
    const queued = env.pushPath(i + 1, i);
    withState(queued, facts, (s) => {
      s.aux2++;
    });
    element(queued);
  }
  withState(env.state, facts, (s) => {
    s.off = ITER_DRAINED;
  });
  env.setReg(0, makeKnown(0, 0));
}

// core/verifier/kfunc-args.ts
var KERNEL_CONTEXT = {
  socket_filter: 'sk_buff',
  sched_cls: 'sk_buff',
  sched_act: 'sk_buff',
  xdp: 'xdp_buff',
  cgroup_skb: 'sk_buff',
  cgroup_sock: 'sock',
  cgroup_sock_addr: 'bpf_sock_addr_kern',
  lwt_in: 'sk_buff',
  lwt_out: 'sk_buff',
  lwt_xmit: 'sk_buff',
  lwt_seg6local: 'sk_buff',
  sock_ops: 'bpf_sock_ops_kern',
  sk_skb: 'sk_buff',
  sk_msg: 'sk_msg',
  flow_dissector: 'bpf_flow_dissector',
  kprobe: 'pt_regs',
  perf_event: 'bpf_perf_event_data_kern',
  cgroup_device: 'bpf_cgroup_dev_ctx',
  cgroup_sysctl: 'bpf_sysctl_kern',
  cgroup_sockopt: 'bpf_sockopt_kern',
  sk_reuseport: 'sk_reuseport_kern',
  sk_lookup: 'bpf_sk_lookup_kern',
  netfilter: 'bpf_nf_ctx',
};
function kindName(t) {
  return t.kind === 'enum64' ? 'ENUM64' : t.kind === 'void' ? 'UNKNOWN' : t.kind.toUpperCase();
}
function isNumber(t) {
  return t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64';
}
function suffixed(name, suffix) {
  return name.endsWith(suffix);
}
function checkKfuncArguments(env, row2, proto) {
  const facts = {
    refObjId: 0,
    releaseReg: 0,
    constant: -1,
    map: -1,
    mapId: 0,
    subprog: -1,
    dynptr: void 0,
    iterFrame: 0,
    iterSlot: 0,
    resultSize: 0,
    resultReadOnly: false,
    resultType: 0,
    argumentType: 0,
    ownsArgument: false,
    root: void 0,
    nodeOffset: 0,
  };
  const { params } = proto;
  if (params.length > 5) env.fail('unsupported', `Function ${row2.name} has ${params.length} > 5 args`);
  for (let i = 0; i < params.length; i++) {
    const { name } = params[i];
    if (suffixed(name, '__ign') || suffixed(name, '__prog')) continue;
    const t = skipModifiers(env.kernelBtf, params[i].type);
    if (isNumber(t)) checkNumber(env, i, name, facts);
    else if (t.kind !== 'ptr') env.fail('type', `Unrecognized arg#${i} type ${kindName(t)}`);
    else if (checkPointer(env, row2, proto, i, t, facts)) i++;
  }
  if (row2.flags.has('release') && facts.releaseReg === 0) {
    env.fail('reference', `release kernel function ${row2.name} expects refcounted PTR_TO_BTF_ID`);
  }
  return facts;
}
function checkNumber(env, i, name, facts) {
  const regno = i + 1;
  const r = env.regs[regno];
  if (r.type !== KIND.SCALAR) env.fail('type', `R${regno} is not a scalar`);
  if (suffixed(name, '__k')) {
    if (!isConst(r)) env.fail('type', `R${regno} must be a known constant`);
    markPrecise(env, regno);
    facts.constant = toDoubleU(r.vLo, r.vHi);
    return;
  }
  const readOnly = name === 'rdonly_buf_size';
  if (!readOnly && name !== 'rdwr_buf_size') return;
  if (!isConst(r)) env.fail('type', `R${regno} is not a const`);
  facts.resultReadOnly = readOnly;
  facts.resultSize = toDoubleU(r.vLo, r.vHi);
  markPrecise(env, regno);
}
function isRcu(r) {
  return (r.type & FLAG.RCU) !== 0;
}
var SOCKET_STRUCT = {
  [KIND.SOCKET]: 'sock',
  [KIND.SOCK_COMMON]: 'sock_common',
  [KIND.TCP_SOCK]: 'tcp_sock',
  [KIND.MAP_PTR]: 'bpf_map',
};
var UNSAFE = FLAG.UNTRUSTED | FLAG.USER | FLAG.PERCPU | FLAG.RDONLY | FLAG.RINGBUF | FLAG.MAYBE_NULL | FLAG.RCU;
var GRAPH_NODES = ['bpf_list_node', 'bpf_rb_node'];
var GRAPH_ROOTS = ['bpf_list_head', 'bpf_rb_root'];
function pointerKind(env, row2, proto, i, target2) {
  const { name } = proto.params[i];
  const r = env.regs[i + 1];
  const struct2 = target2.kind === 'struct' ? target2.name : '';
  if (row2.name === 'bpf_cast_to_kern_ctx') return 'ctx';
  if (struct2 !== '' && (struct2 === env.progType.ctxType || isContextOf(env, struct2))) return 'ctx';
  if ((suffixed(name, '__nullable') || suffixed(name, '__opt')) && isNull2(r)) {
    if (suffixed(name, '__nullable')) return 'null';
  }
  if (suffixed(name, '__alloc')) return 'allocated';
  if (suffixed(name, '__refcounted_kptr')) return 'refcounted';
  if (struct2 === 'bpf_dynptr') return 'dynptr';
  if (suffixed(name, '__iter') || (i === 0 && isIterator(row2))) return 'iter';
  if (GRAPH_ROOTS.includes(struct2)) return 'root';
  if (GRAPH_NODES.includes(struct2)) return 'node';
  if (suffixed(name, '__str')) return 'string';
  if (suffixed(name, '__map')) return 'map';
  if (struct2 === 'bpf_wq') return 'workqueue';
  if (struct2 === 'bpf_task_work') return 'task_work';
  if (suffixed(name, '__irq_flag')) return 'irq_flag';
  if (struct2 === 'bpf_res_spin_lock') return 'res_spin_lock';
  if (target2.kind === 'func_proto') return 'callback';
  if (kindOf(r.type) === KIND.BTF_ID || SOCKET_STRUCT[kindOf(r.type)] !== void 0) {
    if (target2.kind !== 'struct' && target2.kind !== 'union') {
      env.fail(
        'type',
        `kernel function ${row2.name} args#${i} pointer type ${kindName(target2)} ${target2.name} is not supported`,
      );
    }
    return 'btf';
  }
  const next2 = proto.params[i + 1];
  const sized =
    next2 !== void 0 &&
    (suffixed(next2.name, '__sz') || suffixed(next2.name, '__szk')) &&
    env.regs[i + 2].type === KIND.SCALAR;
  const plain = isNumber(target2) || isPlainStruct(env.kernelBtf, target2);
  if (!plain && !(sized && target2.kind === 'void')) {
    env.fail(
      'type',
      `arg#${i} pointer type ${kindName(target2)} ${target2.name} must point to ${sized ? 'void, ' : ''}scalar, or struct with scalar`,
    );
  }
  return sized ? 'mem_size' : 'mem';
}
function isIterator(row2) {
  return row2.flags.has('iter_new') || row2.flags.has('iter_next') || row2.flags.has('iter_destroy');
}
function isContextOf(env, struct2) {
  return struct2 === KERNEL_CONTEXT[env.progType.name] && struct2 === 'bpf_nf_ctx';
}
function checkPointer(env, row2, proto, i, t, facts) {
  const regno = i + 1;
  const r = env.regs[regno];
  const btf = env.kernelBtf;
  const { name } = proto.params[i];
  const { flags } = row2;
  const guarded = flags.has('trusted') || flags.has('rcu');
  const nullable = suffixed(name, '__nullable');
  if (guarded && (isNull2(r) || r.mayBeNull) && !nullable) {
    env.fail('null', `Possibly NULL pointer passed to trusted arg${i}`);
  }
  if (r.refObjId !== 0) {
    facts.refObjId = r.refObjId;
    if (flags.has('release')) facts.releaseReg = regno;
  }
  const target2 = skipModifiers(btf, t.type);
  const kind = pointerKind(env, row2, proto, i, target2);
  if (kind === 'null') return false;
  if (kind === 'map') checkMapPointer(env, regno, facts);
  if (kind === 'map' || kind === 'allocated' || kind === 'btf') {
    if (guarded && !isTrusted(r)) {
      if (!flags.has('rcu')) env.fail('type', `R${regno} must be referenced or trusted`);
      if (!isRcu(r)) env.fail('type', `R${regno} must be a rcu pointer`);
    }
  }
  checkOffset(env, r, regno, flags.has('release') && r.refObjId !== 0, kind === 'dynptr');
  switch (kind) {
    case 'ctx':
      if (r.type !== KIND.CTX) env.fail('type', `arg#${i} expected pointer to ctx, but got ${typeName(r.type)}`);
      if (row2.name === 'bpf_cast_to_kern_ctx') {
        const id = btf.find(KERNEL_CONTEXT[env.progType.name] ?? '', 'struct');
        if (id === void 0) env.fail('type', `bpf_cast_to_kern_ctx() is not available to ${env.progType.name} programs`);
        facts.resultType = id;
      }
      break;
    case 'allocated':
      checkAllocated(env, regno, row2.name);
      facts.argumentType = r.aux;
      break;
    case 'refcounted':
      checkRefcounted(env, regno, facts);
      break;
    case 'dynptr':
      checkKfuncDynptr(env, regno, row2.name, name, facts);
      break;
    case 'iter':
      if (target2.kind !== 'struct') env.fail('type', `expected valid iter pointer as arg #${i}`);
      if (row2.name === 'bpf_iter_css_task_new') checkCssTaskIterator(env);
      checkIterator(env, regno, target2, row2, facts);
      break;
    case 'root':
      facts.root = checkGraphRoot(env, regno, target2.name, row2.name);
      break;
    case 'node':
      checkGraphNode(env, regno, target2.name, row2.name, facts);
      break;
    case 'string':
      if (r.type !== KIND.MAP_VALUE) env.fail('type', `arg#${i} doesn't point to a const string`);
      checkConstantString(env, regno);
      break;
    case 'map':
      checkObject(env, regno, row2, 'bpf_map', facts);
      break;
    case 'btf':
      checkObject(env, regno, row2, target2.name, facts);
      break;
    case 'workqueue':
      checkMapField(env, regno, 'bpf_wq', facts);
      break;
    case 'task_work':
      checkMapField(env, regno, 'bpf_task_work', facts);
      break;
    case 'irq_flag':
      checkIrqFlag(env, regno, row2.name);
      break;
    case 'callback':
      if (r.type !== KIND.FUNC) env.fail('type', `arg${i} expected pointer to func`);
      facts.subprog = r.aux;
      break;
    case 'mem':
      checkMemory(env, regno, sizeOf(btf, target2));
      break;
    case 'mem_size':
      checkSized(env, regno, name, proto.params[i + 1].name, facts);
      return true;
    default:
      env.fail('unsupported', `arg#${i} of ${row2.name} is of a kind that this verifier does not support (${kind})`);
  }
  return false;
}
function checkMapPointer(env, regno, facts) {
  const r = env.regs[regno];
  if (r.type === KIND.SCALAR) {
    env.fail('type', `pointer in R${regno} isn't map pointer`);
  }
  if (r.type !== KIND.MAP_PTR) return;
  if (
    facts.map >= 0 &&
    (facts.map !== r.aux || facts.mapId !== r.aux2) &&
    specialField(env, env.map(r.aux), 'bpf_wq')
  ) {
    env.fail(
      'type',
      `workqueue pointer in R1 map_uid=${facts.mapId} doesn't match map pointer in R2 map_uid=${r.aux2}`,
    );
  }
  facts.map = r.aux;
  facts.mapId = r.aux2;
}
function checkAllocated(env, regno, name) {
  const r = env.regs[regno];
  const perCpu = (r.type & FLAG.PERCPU) !== 0;
  if ((r.type & ~FLAG.PERCPU) !== (KIND.BTF_ID | FLAG.ALLOC)) {
    env.fail('type', `arg#${regno - 1} expected pointer to allocated object`);
  }
  const wanted = perCpu ? 'bpf_percpu_obj_drop_impl' : 'bpf_obj_drop_impl';
  if (name !== wanted) env.fail('type', `arg#${regno - 1} expected for ${wanted}()`);
  if (r.refObjId === 0) env.fail('reference', 'allocated object must be referenced');
}
function checkRefcounted(env, regno, facts) {
  const r = env.regs[regno];
  if (kindOf(r.type) !== KIND.BTF_ID || !(r.type & FLAG.ALLOC)) {
    env.fail('type', `arg#${regno - 1} is neither owning or non-owning ref`);
  }
  if (!(r.type & FLAG.NON_OWN_REF) && r.refObjId !== 0) facts.ownsArgument = true;
  const fields = structFields(env.program.objectBtf, env.kernelBtf, r.aux);
  if (!fields.some((f) => f.name === 'bpf_refcount')) {
    env.fail('type', `arg#${regno - 1} doesn't point to a type with bpf_refcount field`);
  }
  facts.argumentType = r.aux;
}
var PACKET_DYNPTR = {
  bpf_dynptr_from_skb: DYNPTR.SKB,
  bpf_dynptr_from_xdp: DYNPTR.XDP,
  bpf_dynptr_from_skb_meta: DYNPTR.SKB_META,
};
function checkKfuncDynptr(env, regno, kfunc2, argument2, facts) {
  const r = env.regs[regno];
  if (r.type !== KIND.STACK && r.type !== KIND.DYNPTR) {
    env.fail('type', `arg#${regno - 1} expected pointer to stack or const struct bpf_dynptr`);
  }
  if (suffixed(argument2, '__uninit')) {
    if (r.type === KIND.DYNPTR || dynptrSlot(env, r) === void 0 || dynptrThere(env, r)) {
      env.fail('type', 'Dynptr has to be an uninitialized dynptr');
    }
    const parent = facts.dynptr;
    for (const off of [0, 8]) accessMemory(env, regno, { off, size: 8, write: true, reg: -1 });
    createDynptr(env, env.regs[regno], PACKET_DYNPTR[kfunc2] ?? parent?.type ?? DYNPTR.LOCAL, parent?.refObjId ?? 0);
    return;
  }
  const d = dynptrAt(env, r);
  if (!d) {
    env.fail('type', `Expected an initialized dynptr as arg #${regno - 1}`);
  }
  facts.dynptr = {
    id: d.id,
    type: d.aux,
    refObjId: d.refObjId,
    isPacket: d.aux === DYNPTR.SKB || d.aux === DYNPTR.XDP || d.aux === DYNPTR.SKB_META,
  };
}
function dynptrThere(env, r) {
  const slot = dynptrSlot(env, r);
  if (slot === void 0 || slot < 1) return false;
  const frame = env.state.frames[r.frame];
  return frame.spills[slot].aux === DYNPTR.RINGBUF && dynptrAt(env, r) !== void 0;
}
function checkCssTaskIterator(env) {
  const { name } = env.progType;
  const iterator2 = name === 'tracing' && env.program.spec.attachType === 'trace_iter';
  if (name !== 'lsm' && !iterator2 && !env.options.sleepable && !env.state.sleepable) {
    env.fail('helper', 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs');
  }
}
function checkObject(env, regno, row2, want, _facts) {
  const r = env.regs[regno];
  const btf = env.kernelBtf;
  const i = regno - 1;
  const kind = kindOf(r.type);
  if (kind === KIND.BTF_ID ? (r.type & UNSAFE) !== 0 && !isRcu(r) : SOCKET_STRUCT[kind] === void 0) {
    const trusted = r.type & (FLAG.ALLOC | FLAG.TRUSTED);
    env.fail('type', `arg#${i} is ${typeName(r.type)} expected ${typeName(kind | trusted)} or socket`);
  }
  const local2 = kind === KIND.BTF_ID && r.aux2 === 1;
  const haveBtf = local2 ? env.program.objectBtf : btf;
  const have = kind === KIND.BTF_ID ? r.aux : btf.find(SOCKET_STRUCT[kind], 'struct');
  const wantId = btf.find(want, 'struct');
  const haveName = haveBtf.type(have).name;
  const strict =
    (row2.flags.has('release') && r.refObjId !== 0) || haveName === `${want}___init` || want === `${haveName}___init`;
  const projection = want === '__sk_buff' ? haveName === 'sk_buff' : want === 'xdp_md' && haveName === 'xdp_buff';
  if (projection || (!local2 && wantId !== void 0 && structMatches(btf, have, r.off, wantId, strict))) return;
  const t = wantId === void 0 ? 'STRUCT' : kindName(btf.type(wantId));
  env.fail(
    'type',
    `kernel function ${row2.name} args#${i} expected pointer to ${t} ${want} but R${regno} has a pointer to ${kindName(haveBtf.type(have))} ${haveName}`,
  );
}
function checkMapField(env, regno, field2, facts) {
  const r = env.regs[regno];
  if (r.type !== KIND.MAP_VALUE) env.fail('type', `arg#${regno - 1} doesn't point to a map value`);
  const map = env.map(r.aux);
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. ${field2} has to be at the constant offset`);
  }
  if (!env.program.objectBtf || map.spec.valueType === 0) {
    env.fail('type', `map '${map.spec.name}' has to have BTF in order to use ${field2}`);
  }
  const found = specialField(env, map, field2);
  if (!found) env.fail('type', `map '${map.spec.name}' has no valid ${field2}`);
  if (found.offset !== r.vLo + r.off) {
    env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct ${field2}' that is at ${found.offset}`);
  }
  facts.map = r.aux;
  facts.mapId = r.aux2;
}
function checkMemory(env, regno, size) {
  const r = env.regs[regno];
  if (isNull2(r)) return;
  if (r.mayBeNull) env.regs[regno] = notNull(r);
  checkHelperMemory(env, regno, size, false, true, void 0);
  checkHelperMemory(env, regno, size, true, true, void 0);
  env.regs[regno] = r;
}
function checkSized(env, regno, name, sizeName, facts) {
  const r = env.regs[regno];
  const size = env.regs[regno + 1];
  if (!isNull2(r) || !suffixed(name, '__opt')) {
    try {
      if (toDouble(size.sminLo, size.sminHi) < 0) {
        env.fail('bounds', `R${regno + 1} min value is negative, either use unsigned or 'var &= const'`);
      }
      if (toDoubleU(size.umaxLo, size.umaxHi) >= MAX_VAR_OFF) {
        env.fail('bounds', `R${regno + 1} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
      }
      if (r.mayBeNull) env.regs[regno] = notNull(r);
      checkHelperMemory(env, regno, size.umaxLo, false, true, void 0);
      checkHelperMemory(env, regno, size.umaxLo, true, true, void 0);
      env.regs[regno] = r;
      markPrecise(env, regno + 1);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      env.say(error.message);
      env.fail(error.category, `arg#${regno - 1} arg#${regno} memory, len pair leads to invalid memory access`);
    }
  }
  if (!suffixed(sizeName, '__szk')) return;
  if (!isConst(size)) env.fail('type', `R${regno + 1} must be a known constant`);
  facts.constant = toDoubleU(size.vLo, size.vHi);
}

// core/verifier/kfunc.ts
var UNDER_LOCK = /^bpf_(?:iter_num_|res_spin_|arena_|stream_vprintk)/;
function findKfuncs(env) {
  const { program } = env;
  const names2 = /* @__PURE__ */ new Map();
  for (const r of program.spec.relocs) if (r.kind === 'kfunc') names2.set(r.insn, r.name);
  const nameAt = (insn) => {
    const named = names2.get(insn);
    if (named !== void 0) return named;
    const id = program.code.imm[insn];
    const t = env.kernelBtf && id > 0 && id < env.kernelBtf.typeCount ? env.kernelBtf.type(id) : void 0;
    return t?.kind === 'func' && program.code.off[insn] === 0 ? t.name : `#${id}`;
  };
  const rowAt = (insn) => kfuncByName(nameAt(insn));
  return {
    rowAt,
    nameAt,
    isIterNext: (insn) => rowAt(insn)?.flags.has('iter_next') === true,
    callsBack: (insn) => nameAt(insn) === 'bpf_rbtree_add_impl',
    allowedUnderLock: (insn) => UNDER_LOCK.test(nameAt(insn)) || isGraphFunction(nameAt(insn)),
  };
}
function checkKfuncs(env) {
  const { program } = env;
  const named = new Set(program.spec.relocs.flatMap((r) => (r.kind === 'kfunc' ? [r.insn] : [])));
  for (let i = 0; i < program.length; i++) {
    if (!program.isKfuncCall(i)) continue;
    const id = program.code.imm[i];
    const module = program.code.off[i];
    if (id === 0 && module === 0 && !named.has(i)) continue;
    if (!env.kernelBtf)
      env.fail('unsupported', 'calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF');
    if (!env.options.gpl) {
      env.fail('helper', 'cannot call kernel function from non-GPL compatible program');
    }
    if (named.has(i)) continue;
    if (module < 0) env.fail('structure', 'negative offset disallowed for kernel module function call');
    if (module > 0) env.fail('structure', 'kfunc offset > 0 without fd_array is invalid');
    if (id < 0 || id >= env.kernelBtf.typeCount || env.kernelBtf.type(id).kind !== 'func') {
      env.fail('structure', `kernel btf_id ${id >>> 0} is not a function`);
    }
  }
}
function prototype(env, name) {
  const btf = env.kernelBtf;
  const id = btf.find(name, 'func');
  const func = id === void 0 ? void 0 : btf.type(id);
  const proto = func?.kind === 'func' ? btf.type(func.type) : void 0;
  if (proto?.kind !== 'func_proto') return env.fail('helper', `the kernel has no function '${name}'`);
  return proto;
}
function checkKfuncCall(env, kfuncs, i, previousAt2) {
  const name = kfuncs.nameAt(i);
  if (env.program.code.imm[i] === 0 && name === '#0') {
    env.fail('structure', 'invalid kernel function call not eliminated in verifier pass');
  }
  const row2 = kfuncs.rowAt(i);
  if (!row2 || !mayCallKfunc(row2, env.progType.name, env.program.spec.attachType)) {
    env.fail('helper', `calling kernel function ${name} is not allowed`);
  }
  const { flags } = row2;
  const sleepable = flags.has('sleepable');
  if (sleepable && !(env.options.sleepable || env.state.sleepable)) {
    env.fail('helper', `program must be sleepable to call sleepable kfunc ${name}`);
  }
  const proto = prototype(env, name);
  const facts = checkKfuncArguments(env, row2, proto);
  callBack2(env, i, name, facts);
  changeSections(env, name, sleepable);
  if (facts.releaseReg !== 0 && !releaseReference(env, env.regs[facts.releaseReg].refObjId)) {
    env.fail('reference', `kfunc ${name}#${env.program.code.imm[i]} reference has not been acquired before`);
  }
  addToRoot(env, name, facts);
  if (name === 'bpf_throw') {
    checkNothingHeld(env, 'bpf_throw', true, true);
    return -1;
  }
  const r0 = result(env, row2, proto, facts);
  clobberCallerSaved(env);
  env.setReg(0, r0);
  if (name === 'bpf_xdp_pull_data') clearPacketPointers(env);
  if (flags.has('iter_next')) {
    advanceIterator(env, facts, i, (queued) => {
      const before2 = env.state.parent && previousAt2(env.state.parent.parent ?? env.state.parent, i);
      if (before2 && before2 !== env.state.parent) widen(env, before2, queued);
      const regs = queued.frame.regs;
      regs[0] = notNull(regs[0]);
    });
  }
  return i + 1;
}
function callBack2(env, i, name, facts) {
  if (name === 'bpf_rbtree_add_impl') {
    const root = facts.root;
    pushCallback(env, i, facts.subprog, (_, callee) => {
      for (const n of [1, 2]) callee.regs[n] = nodeOfRoot(root, referenceBecomesBorrowed(env));
      callee.inLockedCallback = true;
    });
    return;
  }
  if (name !== 'bpf_wq_set_callback_impl') return;
  const pointer = (type) => {
    const r = makePointer(type);
    r.aux = facts.map;
    r.aux2 = facts.mapId;
    return r;
  };
  pushAsyncCallback(
    env,
    i,
    facts.subprog,
    (_, callee) => {
      callee.regs[1] = pointer(KIND.MAP_PTR);
      callee.regs[2] = pointer(KIND.MAP_KEY);
      callee.regs[3] = pointer(KIND.MAP_VALUE);
    },
    (frame) => {
      const state = new State([frame]);
      state.firstInsn = env.program.subprogs[facts.subprog].start;
      state.sleepable = true;
      return state;
    },
  );
}
function changeSections(env, name, sleepable) {
  const { state } = env;
  const locks = name === 'bpf_rcu_read_lock';
  const unlocks = name === 'bpf_rcu_read_unlock';
  if ((locks || unlocks) && state.frames.some((f) => f.inLockedCallback)) {
    env.fail('reference', 'Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback');
  }
  if (locks) {
    state.rcuLocks++;
  } else if (unlocks) {
    if (state.rcuLocks === 0) env.fail('reference', `unmatched rcu read unlock (kernel function ${name})`);
    if (--state.rcuLocks === 0) {
      state.mapRegs((r) => {
        if (!(r.type & FLAG.RCU)) return void 0;
        const copy = r.clone();
        copy.type = (r.type & ~(FLAG.RCU | FLAG.MAYBE_NULL)) | FLAG.UNTRUSTED;
        return copy;
      }, true);
    }
  } else if (sleepable && state.rcuLocks > 0) {
    env.fail('helper', `kernel func ${name} is sleepable within rcu_read_lock region`);
  }
  if (name === 'bpf_preempt_disable') state.preemptLocks++;
  else if (name === 'bpf_preempt_enable') {
    if (state.preemptLocks === 0) {
      env.fail('reference', `unmatched attempt to enable preemption (kernel function ${name})`);
    }
    state.preemptLocks--;
  } else if (sleepable && state.preemptLocks > 0) {
    env.fail('helper', `kernel func ${name} is sleepable within non-preemptible region`);
  }
  if (sleepable && state.irqId !== 0) {
    env.fail('helper', `kernel func ${name} is sleepable within IRQ-disabled region`);
  }
}
var MAX_PER_CPU_OBJECT = 512;
function result(env, row2, proto, facts) {
  const btf = env.kernelBtf;
  const t = skipModifiers(btf, proto.ret);
  if (proto.ret === 0) return NOT_INIT;
  const { name } = row2;
  if (t.kind !== 'ptr') return isSpinLockResult(name) ? lockResult(env, facts) : env.unknown;
  const target2 = skipModifiers(btf, t.type);
  let r;
  let borrowed = false;
  const special = specialResult(env, name, facts);
  if (special) r = special;
  else if (isGraphFunction(name)) {
    r = graphResult(env, name, facts);
    borrowed = (r.type & FLAG.NON_OWN_REF) !== 0;
  } else if (t.type === 0 || target2.kind === 'void') return env.unknown;
  else if (target2.kind !== 'struct' && target2.kind !== 'union') {
    const fixed2 = facts.resultSize === 0;
    const size = fixed2 ? sizeOf(btf, target2) : facts.resultSize;
    if (name === 'bpf_session_cookie') r = makePointer(KIND.MEM);
    else r = makePointer(KIND.MEM | (fixed2 || facts.resultReadOnly ? FLAG.RDONLY : 0));
    r.aux = name === 'bpf_session_cookie' ? 8 : size;
    if (facts.refObjId !== 0) r.refObjId = facts.refObjId;
  } else {
    r = makePointer(KIND.BTF_ID);
    r.aux = target2.id;
    if (row2.flags.has('iter_next')) {
      const slot = env.state.frames[facts.iterFrame].spills[facts.iterSlot];
      r.type |= slot.type & FLAG.RCU ? FLAG.RCU : FLAG.TRUSTED;
    } else if (name === 'bpf_get_kmem_cache') r.type |= FLAG.UNTRUSTED;
  }
  const nullable = row2.flags.has('ret_null') && !(name === 'bpf_refcount_acquire_impl' && facts.ownsArgument);
  if (nullable) {
    r.type |= FLAG.MAYBE_NULL;
    r.id = env.newId();
  }
  if (row2.flags.has('acquire')) {
    const id = takeReference(env, env.insn);
    if (nullable) r.id = id;
    r.refObjId = id;
  }
  if (!borrowed && r.aux2 === 1 && r.id === 0 && hasSpinLock(env.program.objectBtf, r.aux)) r.id = env.newId();
  return r;
}
function hasSpinLock(btf, id) {
  return structFields(btf, void 0, id).some((f) => f.name === 'bpf_spin_lock');
}
function isSpinLockResult(name) {
  return name === 'bpf_res_spin_lock' || name === 'bpf_res_spin_lock_irqsave';
}
function lockResult(env, _facts) {
  return env.fail('unsupported', 'resilient spin locks (bpf_res_spin_lock) are not supported by this verifier');
}
function specialResult(env, name, facts) {
  const object = env.program.objectBtf;
  switch (name) {
    case 'bpf_obj_new_impl':
    case 'bpf_percpu_obj_new_impl': {
      if (!object) env.fail('type', 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF');
      const t = facts.constant > 0 && facts.constant < object.typeCount ? object.type(facts.constant) : void 0;
      if (t?.kind !== 'struct') {
        return env.fail('type', 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct');
      }
      const perCpu = name === 'bpf_percpu_obj_new_impl';
      if (perCpu && t.size > MAX_PER_CPU_OBJECT) {
        env.fail('type', `bpf_percpu_obj_new type size (${t.size}) is greater than ${MAX_PER_CPU_OBJECT}`);
      }
      if (perCpu && structFields(object, env.kernelBtf, facts.constant).length > 0) {
        env.fail('type', 'bpf_percpu_obj_new type ID argument must not contain special fields');
      }
      const r = makePointer(KIND.BTF_ID | FLAG.ALLOC | (perCpu ? FLAG.PERCPU : 0));
      r.aux = facts.constant;
      r.aux2 = 1;
      return r;
    }
    case 'bpf_refcount_acquire_impl': {
      const r = makePointer(KIND.BTF_ID | FLAG.ALLOC);
      r.aux = facts.argumentType;
      r.aux2 = 1;
      return r;
    }
    case 'bpf_cast_to_kern_ctx': {
      const r = makePointer(KIND.BTF_ID | FLAG.TRUSTED);
      r.aux = facts.resultType;
      return r;
    }
    case 'bpf_rdonly_cast': {
      const btf = env.kernelBtf;
      const id = facts.constant;
      const t = id > 0 && id < btf.typeCount ? btf.type(id) : void 0;
      if (t?.kind === 'struct' || t?.kind === 'union') {
        const r = makePointer(KIND.BTF_ID | FLAG.UNTRUSTED);
        r.aux = id;
        return r;
      }
      if (id === 0 && isSince(env, 6, 17)) return makePointer(KIND.MEM | FLAG.RDONLY | FLAG.UNTRUSTED);
      return env.fail(
        'type',
        `kfunc bpf_rdonly_cast type ID argument must be of a struct${isSince(env, 6, 17) ? ' or void' : ''}`,
      );
    }
    case 'bpf_dynptr_slice':
    case 'bpf_dynptr_slice_rdwr': {
      const writes = name === 'bpf_dynptr_slice_rdwr';
      const d = facts.dynptr;
      const r = makePointer(KIND.MEM | (writes ? 0 : FLAG.RDONLY) | (d.isPacket ? FLAG.PACKET_SLICE : 0));
      r.aux = facts.constant;
      r.aux2 = d.id;
      if (writes && !packetAllowed(env, true)) {
        env.fail('type', 'the prog does not allow writes to packet data');
      }
      return r;
    }
    default:
      return void 0;
  }
}
function isSince(env, major, minor) {
  const [a, b] = env.options.kernel;
  return a > major || (a === major && b >= minor);
}

// core/verifier/map-rules.ts
var SOCK_MAP_UPDATES = /* @__PURE__ */ new Set([
  'socket_filter',
  'sched_cls',
  'sched_act',
  'xdp',
  'sk_reuseport',
  'flow_dissector',
  'sk_lookup',
]);
var HELPERS_OF_MAP = {
  prog_array: ['tail_call'],
  perf_event_array: ['perf_event_read', 'perf_event_output', 'skb_output', 'perf_event_read_value', 'xdp_output'],
  ringbuf: [
    'ringbuf_output',
    'ringbuf_reserve',
    'ringbuf_query',
    'ringbuf_reserve_dynptr',
    'ringbuf_submit_dynptr',
    'ringbuf_discard_dynptr',
  ],
  user_ringbuf: ['user_ringbuf_drain'],
  stack_trace: ['get_stackid'],
  cgroup_array: ['skb_under_cgroup', 'current_task_under_cgroup'],
  cgroup_storage: ['get_local_storage'],
  percpu_cgroup_storage: ['get_local_storage'],
  devmap: ['redirect_map', 'map_lookup_elem'],
  devmap_hash: ['redirect_map', 'map_lookup_elem'],
  cpumap: ['redirect_map'],
  xskmap: ['redirect_map', 'map_lookup_elem'],
  array_of_maps: ['map_lookup_elem'],
  hash_of_maps: ['map_lookup_elem'],
  sockmap: ['sk_redirect_map', 'sock_map_update', 'msg_redirect_map', 'sk_select_reuseport', 'map_lookup_elem'],
  sockhash: ['sk_redirect_hash', 'sock_hash_update', 'msg_redirect_hash', 'sk_select_reuseport', 'map_lookup_elem'],
  reuseport_sockarray: ['sk_select_reuseport'],
  queue: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
  stack: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
  sk_storage: ['sk_storage_get', 'sk_storage_delete', 'kptr_xchg'],
  inode_storage: ['inode_storage_get', 'inode_storage_delete', 'kptr_xchg'],
  task_storage: ['task_storage_get', 'task_storage_delete', 'kptr_xchg'],
  cgrp_storage: ['cgrp_storage_get', 'cgrp_storage_delete', 'kptr_xchg'],
  bloom_filter: ['map_peek_elem', 'map_push_elem'],
  insn_array: [],
};
var MAPS_OF_HELPER = {
  tail_call: ['prog_array'],
  perf_event_read: ['perf_event_array'],
  perf_event_output: ['perf_event_array'],
  perf_event_read_value: ['perf_event_array'],
  skb_output: ['perf_event_array'],
  xdp_output: ['perf_event_array'],
  ringbuf_output: ['ringbuf'],
  ringbuf_reserve: ['ringbuf'],
  ringbuf_query: ['ringbuf'],
  ringbuf_reserve_dynptr: ['ringbuf'],
  ringbuf_submit_dynptr: ['ringbuf'],
  ringbuf_discard_dynptr: ['ringbuf'],
  user_ringbuf_drain: ['user_ringbuf'],
  get_stackid: ['stack_trace'],
  current_task_under_cgroup: ['cgroup_array'],
  skb_under_cgroup: ['cgroup_array'],
  redirect_map: ['devmap', 'devmap_hash', 'cpumap', 'xskmap'],
  sk_redirect_map: ['sockmap'],
  msg_redirect_map: ['sockmap'],
  sock_map_update: ['sockmap'],
  sk_redirect_hash: ['sockhash'],
  msg_redirect_hash: ['sockhash'],
  sock_hash_update: ['sockhash'],
  get_local_storage: ['cgroup_storage', 'percpu_cgroup_storage'],
  sk_select_reuseport: ['reuseport_sockarray', 'sockmap', 'sockhash'],
  map_pop_elem: ['queue', 'stack'],
  map_peek_elem: ['queue', 'stack', 'bloom_filter'],
  map_push_elem: ['queue', 'stack', 'bloom_filter'],
  map_lookup_percpu_elem: ['percpu_array', 'percpu_hash', 'lru_percpu_hash'],
  sk_storage_get: ['sk_storage'],
  sk_storage_delete: ['sk_storage'],
  inode_storage_get: ['inode_storage'],
  inode_storage_delete: ['inode_storage'],
  task_storage_get: ['task_storage'],
  task_storage_delete: ['task_storage'],
  cgrp_storage_get: ['cgrp_storage'],
  cgrp_storage_delete: ['cgrp_storage'],
};
function mayUpdateSockmap(env, helper) {
  if (helper !== 'map_update_elem' && helper !== 'map_delete_elem') return false;
  const { name } = env.progType;
  if (SOCK_MAP_UPDATES.has(name)) return true;
  if (name === 'tracing' && env.program.spec.attachType === 'trace_iter') return true;
  if (name === 'sock_ops' && helper === 'map_delete_elem') return true;
  env.say('cannot update sockmap in this context');
  return false;
}
function checkMapAndHelper(env, map, helper) {
  const { type } = map.spec;
  const helpers = HELPERS_OF_MAP[type];
  const maps = MAPS_OF_HELPER[helper.name];
  const ok =
    (helpers === void 0 ||
      helpers.includes(helper.name) ||
      ((type === 'sockmap' || type === 'sockhash') && mayUpdateSockmap(env, helper.name))) &&
    (maps === void 0 || maps.includes(type));
  if (!ok) env.fail('helper', `cannot pass map_type ${map.row.id} into func bpf_${helper.name}#${helper.id}`);
}
var TRACING2 = /* @__PURE__ */ new Set([
  'kprobe',
  'tracepoint',
  'perf_event',
  'raw_tracepoint',
  'raw_tracepoint_writable',
]);
var SLEEPABLE_MAPS = /* @__PURE__ */ new Set([
  'hash',
  'lru_hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_percpu_hash',
  'array_of_maps',
  'hash_of_maps',
  'ringbuf',
  'user_ringbuf',
  'inode_storage',
  'sk_storage',
  'task_storage',
  'cgrp_storage',
  'queue',
  'stack',
  'arena',
  'insn_array',
]);
function checkMapAndProgram(env, map) {
  const tracing = TRACING2.has(env.progType.name);
  if (specialField(env, map, 'bpf_list_head') || specialField(env, map, 'bpf_rb_root')) {
    if (tracing) env.fail('type', 'tracing progs cannot use bpf_{list_head,rb_root} yet');
  }
  if (specialField(env, map, 'bpf_spin_lock')) {
    if (env.progType.name === 'socket_filter') env.fail('type', 'socket filter progs cannot use bpf_spin_lock yet');
    if (tracing) env.fail('type', 'tracing progs cannot use bpf_spin_lock yet');
  }
  if (specialField(env, map, 'bpf_timer') && tracing) env.fail('type', 'tracing progs cannot use bpf_timer yet');
  if (specialField(env, map, 'bpf_wq') && tracing) env.fail('type', 'tracing progs cannot use bpf_wq yet');
  if (map.spec.type === 'struct_ops') env.fail('type', 'bpf_struct_ops map cannot be used in prog');
  if (env.options.sleepable && !SLEEPABLE_MAPS.has(map.spec.type)) {
    env.fail('type', 'Sleepable programs can only use array, hash, ringbuf and local storage maps');
  }
  if (map.spec.type === 'arena') {
    const other = env.program.maps.find((m) => m.spec.type === 'arena' && m !== map);
    if (other) env.fail('type', 'Only one arena per program');
    if (!env.privileged) env.fail('type', 'CAP_BPF and CAP_PERFMON are required to use arena');
  }
}

// core/verifier/atomic.ts
var SIZE_OF = [4, 2, 1, 8];
var CMPXCHG = 241;
var LOAD_ACQUIRE = 256;
var STORE_RELEASE = 272;
var KNOWN = /* @__PURE__ */ new Set([0, 1, 64, 65, 80, 81, 160, 161, 225, CMPXCHG]);
function pointerAllowed(r) {
  return r.type !== KIND.CTX && !isPacket(r.type) && r.type !== KIND.FLOW_KEYS && !isSocket(r.type);
}
function checkPointer2(env, n) {
  const r = env.regs[n];
  if (!pointerAllowed(r)) env.fail('type', `BPF_ATOMIC stores into R${n} ${typeName(r.type)} is not allowed`);
}
function checkAtomic(env, i) {
  const { opcode, dst, src, off, imm } = env.program.code;
  const op = imm[i];
  const size = SIZE_OF[(opcode[i] >> 3) & 3];
  const d = dst[i];
  const s = src[i];
  const access = { off: off[i], size, strict: true };
  const [major, minor] = env.options.kernel;
  const hasOrdered = major > 6 || (major === 6 && minor >= 15);
  if (hasOrdered && op === LOAD_ACQUIRE) {
    const r = env.readReg(s);
    env.checkWritable(d);
    if (!pointerAllowed(r)) {
      env.fail('type', `BPF_ATOMIC loads from R${s} ${typeName(r.type)} is not allowed`);
    }
    accessMemory(env, s, { ...access, write: false, reg: d });
    rememberPointer(env, r.type, false);
    return;
  }
  if (hasOrdered && op === STORE_RELEASE) {
    env.readReg(s);
    const r = env.readReg(d);
    checkPointer2(env, d);
    accessMemory(env, d, { ...access, write: true, reg: s });
    rememberPointer(env, r.type, false);
    return;
  }
  if (!KNOWN.has(op)) {
    env.fail('structure', `BPF_ATOMIC uses invalid atomic opcode ${(op >>> 0).toString(16).padStart(2, '0')}`);
  }
  if (size < 4) env.fail('structure', 'invalid atomic operand size');
  const value = env.readReg(s);
  env.readReg(d);
  if (op === CMPXCHG && env.isHiddenPointer(env.readReg(0))) env.fail('leak', 'R0 leaks addr into mem');
  if (env.isHiddenPointer(value)) env.fail('leak', `R${s} leaks addr into mem`);
  checkPointer2(env, d);
  const target2 = op & ATOMIC_FETCH ? (op === CMPXCHG ? 0 : s) : -1;
  if (target2 >= 0) env.checkWritable(target2);
  if (target2 >= 0) env.setUnknown(target2);
  accessMemory(env, d, { ...access, write: false, reg: -1 });
  if (target2 >= 0) accessMemory(env, d, { ...access, write: false, reg: target2 });
  rememberPointer(env, env.regs[d].type, false);
  accessMemory(env, d, { ...access, write: true, reg: -1 });
}

// core/verifier/helper-call.ts
var MAX_HELPER = 211;
var MAX_ERRNO = 4095;
var RESULT_KIND = {
  socket_or_null: KIND.SOCKET | FLAG.MAYBE_NULL,
  tcp_sock_or_null: KIND.TCP_SOCK | FLAG.MAYBE_NULL,
  sock_common_or_null: KIND.SOCK_COMMON | FLAG.MAYBE_NULL,
  alloc_mem_or_null: KIND.MEM | FLAG.RINGBUF | FLAG.MAYBE_NULL,
  mem_or_null: KIND.MEM | FLAG.MAYBE_NULL,
  dynptr_mem_or_null: KIND.MEM | FLAG.MAYBE_NULL,
};
var CASTS = /* @__PURE__ */ new Set([
  'tcp_sock',
  'sk_fullsock',
  'skc_to_tcp6_sock',
  'skc_to_tcp_sock',
  'skc_to_tcp_timewait_sock',
  'skc_to_tcp_request_sock',
  'skc_to_udp6_sock',
  'skc_to_mptcp_sock',
]);
var REMEMBERS_MAP = /* @__PURE__ */ new Set([
  'tail_call',
  'map_lookup_elem',
  'map_update_elem',
  'map_delete_elem',
  'map_push_elem',
  'map_pop_elem',
  'map_peek_elem',
  'for_each_map_elem',
  'redirect_map',
  'map_lookup_percpu_elem',
]);
var WRITES_MAP = /* @__PURE__ */ new Set(['map_delete_elem', 'map_update_elem', 'map_push_elem', 'map_pop_elem']);
function helperAt(env, id) {
  const row2 = helperById(id);
  if (!row2 || !isSince2(env, row2.since)) {
    env.fail(
      'helper',
      id >= 0 && id <= MAX_HELPER && row2
        ? `program of this type cannot use helper bpf_${row2.name}#${id}`
        : id === 0
          ? 'program of this type cannot use helper bpf_unspec#0'
          : `invalid func unknown#${id}`,
    );
  }
  return row2;
}
var versions = /* @__PURE__ */ new Map();
function isSince2(env, version) {
  let number2 = versions.get(version);
  if (number2 === void 0) {
    const [major = 0, minor = 0] = version.split('.').map(Number);
    number2 = major * 100 + minor;
    versions.set(version, number2);
  }
  return env.options.kernel[0] * 100 + env.options.kernel[1] >= number2;
}
function checkHelperCall(env, i, previousAt2) {
  const id = env.program.code.imm[i];
  const row2 = helperAt(env, id);
  const type = env.progType.name;
  const { attachType } = env.program.spec;
  const allowed2 =
    row2.before && !isSince2(env, row2.before.kernel)
      ? mayCall({ ...row2, progTypes: row2.before.progTypes }, type, attachType)
      : mayCall(row2, type, attachType);
  if (!allowed2) {
    env.fail('helper', `program of this type cannot use helper bpf_${row2.name}#${id}`);
  }
  if (!env.options.gpl && row2.gplOnly) {
    env.fail('helper', 'cannot call GPL-restricted function from non-GPL compatible program');
  }
  const sleepable = env.options.sleepable || env.state.sleepable;
  if (row2.mightSleep) {
    if (!sleepable) env.fail('helper', 'helper call might sleep in a non-sleepable prog');
    if (env.state.rcuLocks > 0) {
      env.fail('helper', `sleepable helper bpf_${row2.name}#${id} in rcu_read_lock region`);
    }
    if (env.state.preemptLocks > 0) {
      env.fail('helper', `sleepable helper bpf_${row2.name}#${id} in non-preemptible region`);
    }
  }
  const signature = signatureOf(row2, type);
  const facts = {
    helper: row2,
    map: -1,
    mapId: 0,
    constantKey: -1,
    releaseReg: 0,
    refObjId: 0,
    memSize: 0,
    maxSize: 0,
    maxSizeHi: 0,
    subprog: -1,
    btfId: 0,
    dynptr: void 0,
    kptr: void 0,
    rawMode: false,
    accessSize: 0,
    accessReg: 0,
  };
  for (let a = 0; a < signature.args.length; a++) {
    checkArgument(env, a, signature.args, signature.argBtf ?? row2.argBtf, facts);
  }
  rememberMap(env, i, facts);
  if (facts.accessSize > 0) fillStack(env, facts.accessReg, facts.accessSize);
  release(env, facts);
  let changesPacket = row2.changesPacket === true;
  switch (row2.name) {
    case 'tail_call':
      checkNothingHeld(env, 'tail_call', true);
      break;
    case 'get_local_storage':
      if (!isNull2(env.regs[2])) env.fail('helper', "get_local_storage() doesn't support non-zero flags");
      markPrecise(env, 2);
      break;
    case 'dynptr_from_mem':
      if (env.regs[1].type !== KIND.MAP_VALUE) {
        env.fail('type', `Unsupported reg type for bpf_dynptr_from_mem data`);
      }
      break;
    case 'dynptr_write':
      if (facts.dynptr?.aux === DYNPTR.SKB) changesPacket = true;
      break;
    case 'get_func_ip':
      if (
        type === 'tracing' &&
        attachType !== 'trace_fentry' &&
        attachType !== 'trace_fexit' &&
        attachType !== 'modify_return'
      ) {
        env.fail('helper', 'func bpf_get_func_ip#173 supported only for fentry/fexit/fmod_ret programs');
      }
      break;
    case 'for_each_map_elem':
    case 'timer_set_callback':
    case 'find_vma':
    case 'loop':
    case 'user_ringbuf_drain':
      callBack3(env, i, facts);
      break;
    default:
  }
  clobberCallerSaved(env);
  setResult(env, facts);
  if (facts.map >= 0) checkMapAndHelper(env, env.map(facts.map), row2);
  if (row2.name === 'tail_call') return tailCall(env, i, previousAt2);
  if (changesPacket) clearPacketPointers(env);
  return i + 1;
}
function tailCall(env, i, previousAt2) {
  if (env.state.frames.length === 1 || !env.options.features.tailCallsReturn) return i + 1;
  env.pushPath(i + 1, i);
  clearPacketPointers(env);
  env.setUnknown(0);
  return returnFromCall(env, previousAt2);
}
var BPF_F_RDONLY_PROG4 = 1 << 7;
function rememberMap(env, i, facts) {
  const { name } = facts.helper;
  if (!REMEMBERS_MAP.has(name)) return;
  const map = env.map(facts.map);
  if (map.spec.flags & BPF_F_RDONLY_PROG4 && WRITES_MAP.has(name)) env.fail('type', 'write into map forbidden');
  const before2 = env.mapAtCall[i];
  env.mapAtCall[i] = before2 === 0 || before2 === facts.map + 1 ? facts.map + 1 : -1;
  if (name !== 'tail_call') return;
  const index = env.regs[3];
  if (
    index.type === KIND.SCALAR &&
    (index.mLo | index.mHi) === 0 &&
    ult(index.vLo, index.vHi, map.spec.maxEntries, 0)
  ) {
    markPrecise(env, 3);
  }
}
function release(env, facts) {
  if (facts.releaseReg === 0) return;
  const r = env.regs[facts.releaseReg];
  const { helper } = facts;
  let ok = false;
  if (helper.args[facts.releaseReg - 1] === 'dynptr') {
    endDynptr(env, r);
    ok = true;
  } else if (facts.refObjId !== 0) ok = releaseReference(env, facts.refObjId);
  else ok = isNull2(r);
  if (!ok) env.fail('reference', `func bpf_${helper.name}#${helper.id} reference has not been acquired before`);
}
function callBack3(env, i, facts) {
  const { name } = facts.helper;
  const pointer = (type, map, id) => {
    const r = makePointer(type);
    r.aux = map;
    r.aux2 = id;
    return r;
  };
  if (name === 'loop') {
    if (isNull2(env.regs[4])) markPrecise(env, 4);
    markPrecise(env, 1);
    const count = env.regs[1];
    if (!ult(env.frame.callbackDepth, 0, count.umaxLo, count.umaxHi)) {
      env.frame.callbackDepth = 0;
      return;
    }
    pushCallback(env, i, facts.subprog, (caller, callee) => {
      callee.regs[1] = env.unknown;
      callee.regs[2] = caller.regs[3];
    });
    return;
  }
  if (name === 'timer_set_callback') {
    const setup2 = (_, callee) => {
      callee.regs[1] = pointer(KIND.MAP_PTR, facts.map, facts.mapId);
      callee.regs[2] = pointer(KIND.MAP_KEY, facts.map, facts.mapId);
      callee.regs[3] = pointer(KIND.MAP_VALUE, facts.map, facts.mapId);
    };
    pushAsyncCallback(env, i, facts.subprog, setup2, (frame) => {
      const state = new State([frame]);
      state.firstInsn = env.program.subprogs[facts.subprog].start;
      return state;
    });
    return;
  }
  let setup;
  if (name === 'for_each_map_elem') {
    const { type } = env.map(facts.map).spec;
    if (!/^(array|percpu_array|hash|lru_hash|percpu_hash|lru_percpu_hash)$/.test(type)) {
      env.fail('helper', 'callback function not allowed for map');
    }
    setup = (caller, callee) => {
      callee.regs[1] = caller.regs[1];
      callee.regs[2] = pointer(KIND.MAP_KEY, facts.map, facts.mapId);
      callee.regs[3] = pointer(KIND.MAP_VALUE, facts.map, facts.mapId);
      callee.regs[4] = caller.regs[3];
    };
  } else if (name === 'find_vma') {
    const vma = env.kernelBtf?.find('vm_area_struct', 'struct');
    if (vma === void 0) env.fail('unsupported', 'find_vma needs the kernel BTF');
    setup = (caller, callee) => {
      callee.regs[1] = caller.regs[1];
      callee.regs[2] = pointer(KIND.BTF_ID, vma, 0);
      callee.regs[3] = caller.regs[4];
    };
  } else {
    setup = (caller, callee) => {
      const d = makePointer(KIND.DYNPTR);
      d.aux = DYNPTR.LOCAL;
      d.aux2 = 1;
      d.id = env.newId();
      callee.regs[1] = d;
      callee.regs[2] = caller.regs[3];
    };
  }
  pushCallback(env, i, facts.subprog, setup);
}
function setResult(env, facts) {
  const { helper } = facts;
  let r;
  switch (helper.ret) {
    case 'integer':
      env.setReg(0, integerResult(env, facts));
      return;
    case 'void':
      env.setReg(0, NOT_INIT);
      return;
    case 'map_value':
    case 'map_value_or_null': {
      const map = env.map(facts.map);
      const elided =
        helper.name === 'map_lookup_elem' &&
        isSince2(env, '6.14') &&
        facts.constantKey >= 0 &&
        facts.constantKey < map.spec.maxEntries;
      const nullable = helper.ret === 'map_value_or_null' && !elided;
      r = makePointer(KIND.MAP_VALUE | (nullable ? FLAG.MAYBE_NULL : 0));
      r.aux = facts.map;
      r.aux2 = facts.mapId;
      if (!nullable && specialField(env, map, 'bpf_spin_lock')) r.id = env.newId();
      break;
    }
    case 'mem_or_btf_id':
    case 'mem_or_btf_id_or_null':
      r = perCpuResult(env, facts, helper.ret === 'mem_or_btf_id_or_null');
      break;
    case 'btf_id':
    case 'btf_id_or_null': {
      if (facts.kptr) {
        r = exchanged(facts.kptr);
        break;
      }
      const id = helper.retBtf ? env.kernelBtf?.find(helper.retBtf, 'struct') : void 0;
      if (id === void 0) {
        env.fail('unsupported', `the result of bpf_${helper.name} needs the kernel BTF`);
      }
      const trusted = helper.name === 'get_current_task_btf' || helper.name === 'task_pt_regs' ? FLAG.TRUSTED : 0;
      r = makePointer(KIND.BTF_ID | trusted | (helper.ret === 'btf_id_or_null' ? FLAG.MAYBE_NULL : 0));
      r.aux = id;
      break;
    }
    default:
      r = makePointer(RESULT_KIND[helper.ret]);
      if (helper.ret === 'alloc_mem_or_null' || helper.ret === 'mem_or_null' || helper.ret === 'dynptr_mem_or_null') {
        r.aux = facts.memSize;
      }
  }
  if (r.mayBeNull) r.id = env.newId();
  if (helper.name === 'dynptr_data') {
    r.aux2 = facts.dynptr?.id ?? 0;
    r.refObjId = facts.dynptr?.refObjId ?? 0;
  } else if (CASTS.has(helper.name)) {
    r.refObjId = facts.refObjId;
  } else if (helper.acquires || looksUpSocket(env, facts)) {
    const id = takeReference(env, env.insn);
    r.id = id;
    r.refObjId = id;
  }
  env.setReg(0, r);
}
function looksUpSocket(env, facts) {
  if (facts.helper.name !== 'map_lookup_elem' || facts.map < 0) return false;
  const { type } = env.map(facts.map).spec;
  return type === 'sockmap' || type === 'sockhash';
}
function perCpuResult(env, facts, nullable) {
  const btf = env.kernelBtf;
  if (!btf) return env.fail('unsupported', 'per-CPU kernel variables need the kernel BTF');
  const t = btf.type(facts.btfId);
  if (t.kind !== 'struct')
    return env.fail('unsupported', 'per-CPU kernel variables that are no structs are not supported');
  const r = makePointer(KIND.BTF_ID | (nullable ? FLAG.MAYBE_NULL : 0));
  r.aux = facts.btfId;
  return r;
}
function integerResult(env, facts) {
  switch (facts.helper.name) {
    case 'get_stack':
    case 'get_task_stack':
    case 'probe_read_str':
    case 'probe_read_kernel_str':
    case 'probe_read_user_str': {
      const r = env.unknown.clone();
      r.smaxLo = r.s32max = facts.maxSize;
      r.smaxHi = facts.maxSizeHi;
      r.sminLo = r.s32min = -MAX_ERRNO;
      r.sminHi = -1;
      sync(r);
      forgetIfContradictory(r);
      return r;
    }
    case 'get_smp_processor_id': {
      const r = env.unknown.clone();
      const max = env.options.cpus - 1;
      r.uminLo = r.uminHi = r.sminLo = r.sminHi = r.u32min = r.s32min = 0;
      r.umaxLo = r.smaxLo = r.u32max = r.s32max = max;
      r.umaxHi = r.smaxHi = 0;
      sync(r);
      return r;
    }
    default:
      return env.unknown;
  }
}

// core/verifier/hooks.ts
function regView(env, r) {
  const kind = kindOf(r.type);
  const ofMap = kind === KIND.MAP_PTR || kind === KIND.MAP_KEY || kind === KIND.MAP_VALUE;
  return {
    type: typeName(r.type),
    mayBeNull: (r.type & FLAG.MAYBE_NULL) !== 0,
    ...(r.type === KIND.SCALAR && isConst(r) ? { known: toBigU(r.vLo, r.vHi) } : {}),
    umin: toBigU(r.uminLo, r.uminHi),
    umax: toBigU(r.umaxLo, r.umaxHi),
    smin: toBigS(r.sminLo, r.sminHi),
    smax: toBigS(r.smaxLo, r.smaxHi),
    offset: r.off,
    ...(ofMap ? { map: env.map(r.aux).spec.name } : {}),
    ...(kind === KIND.PKT || kind === KIND.PKT_META ? { packetBytes: Math.max(0, r.aux) } : {}),
  };
}
function stateView(env, pc, previous) {
  return {
    pc,
    previous,
    get depth() {
      return env.state.depth;
    },
    reg: (n) => regView(env, env.regs[n]),
    get stackBytes() {
      return env.frame.kinds.length * 8;
    },
    get references() {
      return env.state.refs.length;
    },
  };
}

// core/verifier/kernel-variable.ts
function loadVariable(env, target2, id) {
  env.setReg(target2, variable(env, id));
}
function variable(env, id) {
  const btf = env.kernelBtf;
  if (!btf)
    return env.fail('unsupported', 'kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.');
  const t = id > 0 && id < btf.typeCount ? btf.type(id) : void 0;
  if (!t) return env.fail('structure', `ldimm64 insn specifies invalid btf_id ${id}.`);
  if (t.kind === 'func') {
    return readOnlyMemory(0);
  }
  if (t.kind !== 'var') {
    return env.fail('structure', `pseudo btf_id ${id} in ldimm64 isn't KIND_VAR or KIND_FUNC`);
  }
  const perCpu = isPerCpu(env, id);
  const type = skipModifiers(btf, t.type);
  if (type.kind === 'struct' || type.kind === 'union' || perCpu) {
    const r = makePointer(KIND.BTF_ID | (perCpu ? FLAG.PERCPU : 0));
    r.aux = type.kind === 'struct' || type.kind === 'union' ? type.id : t.type;
    return r;
  }
  const size = sizeOf(btf, type);
  if (size === 0) env.fail('structure', `ldimm64 unable to resolve the size of type '${t.name}': -22`);
  return readOnlyMemory(size);
}
function readOnlyMemory(size) {
  const r = makePointer(KIND.MEM | FLAG.RDONLY);
  r.aux = size;
  return r;
}
function isPerCpu(env, id) {
  const btf = env.kernelBtf;
  const section2 = btf.find('.data..percpu', 'datasec');
  const t = section2 === void 0 ? void 0 : btf.type(section2);
  return t?.kind === 'datasec' && t.vars.some((v) => v.type === id);
}

// core/verifier/walk.ts
var SIZE_OF2 = [4, 2, 1, 8];
function sizeOf2(code) {
  return SIZE_OF2[(code >> 3) & 3];
}
var Walk = class {
  env;
  kfuncs;
  hooks;
  #explored = /* @__PURE__ */ new Map();
  constructor(env, kfuncs, hooks = {}) {
    this.env = env;
    this.kfuncs = kfuncs;
    this.hooks = hooks;
  }
  /** Walk the program from its entry, then every global function that was called. Throws Refusal. */
  run() {
    const { env } = this;
    this.#walkFrom(0);
    const done2 = /* @__PURE__ */ new Set();
    for (;;) {
      const next2 = [...env.globalCalls].sort((a, b) => a - b).find((s) => !done2.has(s));
      if (next2 === void 0) break;
      done2.add(next2);
      this.#walkFrom(next2);
    }
    checkStackDepth(env);
  }
  #walkFrom(subprog) {
    const { env } = this;
    const { program } = env;
    this.#explored = /* @__PURE__ */ new Map();
    const frame = new Frame(MAIN_CALLSITE, 0, subprog);
    const state = new State([frame]);
    state.firstInsn = program.subprogs[subprog].start;
    state.sleepable = false;
    if (subprog === 0) frame.regs[1] = makePointer(KIND.CTX);
    else {
      env.say(`Validating ${program.subprogs[subprog].name}() func#${subprog}...`);
      globalEntry(env, subprog).forEach((r, i) => {
        frame.regs[i + 1] = r;
      });
    }
    env.state = state;
    env.walking = true;
    env.insn = program.subprogs[subprog].start;
    env.previousInsn = -1;
    this.#loop();
  }
  #loop() {
    const { env } = this;
    const { program } = env;
    const { marks } = program;
    let previous = -1;
    let newPath = false;
    const verbose = env.level > 0;
    const { maxProcessed } = env.options.features;
    for (;;) {
      env.entry = void 0;
      env.previousInsn = previous;
      const i = env.insn;
      if (++env.processed > maxProcessed) {
        env.fail('limit', `BPF program is too large. Processed ${env.processed} insn`);
      }
      env.state.lastInsn = previous;
      const mark = marks[i];
      if (mark & MARK.PRUNE && isVisited(env, this.#explored, i, this.kfuncs)) {
        if (verbose) printPrune(env, i, newPath);
        if (!this.#nextPath()) return;
        previous = env.previousInsn;
        newPath = true;
        continue;
      }
      if (mark & MARK.JUMP) env.pushHistory(0);
      if (verbose) {
        if (newPath) printPath(env, i);
        printInsn(env, i);
      }
      newPath = false;
      if (this.hooks.onInsn) {
        const reason = this.hooks.onInsn(stateView(env, i, previous));
        if (reason !== void 0) env.fail('hook', reason);
      }
      previous = i;
      const next2 = this.#check(i);
      if (next2 >= 0) {
        env.insn = next2;
        continue;
      }
      if (!this.#nextPath()) return;
      previous = env.previousInsn;
      newPath = true;
    }
  }
  /** The path is done: count it off its checkpoints, and take the next one. False when there is none. */
  #nextPath() {
    const { env } = this;
    let state = env.state;
    while (state) {
      state.branches--;
      if (state.branches > 0) break;
      if (state.insn >= 0) leaveLoop(env, state);
      state = state.parent;
    }
    const next2 = env.pending.pop();
    if (!next2) return false;
    env.state = next2.state;
    env.state.branches = 1;
    env.insn = next2.insn;
    env.previousInsn = next2.previous;
    env.scratchRegs = 2047;
    if (env.level < 2) env.log.length = next2.logLength;
    return true;
  }
  /** Check one instruction. Answers the next one, or -1 at the end of the path. */
  #check(i) {
    const { env } = this;
    const { opcode, dst, src, off, imm } = env.program.code;
    const code = opcode[i];
    switch (code & 7) {
      case CLASS.ALU:
      case CLASS.ALU64:
        checkAlu(env, i);
        return i + 1;
      case CLASS.LDX: {
        const r = env.readReg(src[i]);
        env.checkWritable(dst[i]);
        accessMemory(env, src[i], {
          off: off[i],
          size: sizeOf2(code),
          write: false,
          reg: dst[i],
          signed: (code & 224) === MODE.MEMSX,
        });
        rememberPointer(env, r.type, true);
        return i + 1;
      }
      case CLASS.STX: {
        if ((code & 224) === MODE.ATOMIC) {
          checkAtomic(env, i);
          return i + 1;
        }
        if ((code & 224) !== MODE.MEM || imm[i] !== 0) env.fail('structure', 'BPF_STX uses reserved fields');
        env.readReg(src[i]);
        const r = env.readReg(dst[i]);
        accessMemory(env, dst[i], { off: off[i], size: sizeOf2(code), write: true, reg: src[i] });
        rememberPointer(env, r.type, false);
        return i + 1;
      }
      case CLASS.ST: {
        if ((code & 224) !== MODE.MEM || src[i] !== 0) env.fail('structure', 'BPF_ST uses reserved fields');
        const r = env.readReg(dst[i]);
        accessMemory(env, dst[i], { off: off[i], size: sizeOf2(code), write: true, reg: -1, constant: imm[i] });
        rememberPointer(env, r.type, false);
        return i + 1;
      }
      case CLASS.LD:
        if (code === OP_LD_IMM64) {
          this.#loadImmediate(i);
          return i + 2;
        }
        return this.#loadPacket(i);
      default:
        return this.#jump(i);
    }
  }
  #jump(i) {
    const { env } = this;
    const { opcode, dst, src, off, imm } = env.program.code;
    const code = opcode[i];
    const wide = (code & 7) === CLASS.JMP;
    const fromReg = (code & 8) !== 0;
    env.jumps++;
    switch (code & 240) {
      case 128: {
        const kind = src[i];
        if (fromReg || (kind !== 2 && off[i] !== 0) || kind > 2 || dst[i] !== 0 || !wide) {
          env.fail('structure', 'BPF_CALL uses reserved fields');
        }
        if (
          env.state.locks > 0 &&
          !(kind === 0 && imm[i] === SPIN_UNLOCK) &&
          kind !== 1 &&
          !(kind === 2 && this.kfuncs.allowedUnderLock(i))
        ) {
          env.fail('reference', 'function calls are not allowed while holding a lock');
        }
        if (kind === 1) return checkLocalCall(env, i);
        if (kind === 2) return checkKfuncCall(env, this.kfuncs, i, (s, insn) => previousAt(s, insn));
        return checkHelperCall(env, i, previousAt);
      }
      case 0:
        if (fromReg || src[i] !== 0 || dst[i] !== 0 || (wide ? imm[i] !== 0 : off[i] !== 0)) {
          env.fail('structure', 'BPF_JA uses reserved fields');
        }
        return i + 1 + (wide ? off[i] : imm[i]);
      case 144:
        if (fromReg || imm[i] !== 0 || src[i] !== 0 || dst[i] !== 0 || !wide) {
          env.fail('structure', 'BPF_EXIT uses reserved fields');
        }
        return this.#exit();
      case 224: {
        if (code !== OP_MAY_GOTO || src[i] !== 0 || dst[i] !== 0 || imm[i] !== 0 || off[i] === 0) {
          env.fail('structure', `invalid may_goto off ${off[i]} imm ${imm[i]}`);
        }
        const before2 = env.state.parent?.parent && previousAt(env.state.parent.parent, i);
        const other = env.pushPath(i + 1, i);
        other.mayGotoDepth++;
        if (before2) widen(env, before2, other);
        return i + 1 + off[i];
      }
      default:
        return checkJump(env, i);
    }
  }
  #exit() {
    const { env } = this;
    const outermost = env.state.frames.length === 1;
    checkNothingHeld(env, 'BPF_EXIT instruction in main prog', outermost);
    if (!outermost) {
      const next2 = returnFromCall(env, previousAt);
      if (env.level > 0) printState(env);
      return next2;
    }
    checkReturn(env);
    return -1;
  }
  #loadImmediate(i) {
    const { env } = this;
    const { opcode, dst, src, off, imm } = env.program.code;
    void opcode;
    const d = dst[i];
    if (off[i] !== 0) env.fail('structure', 'BPF_LD_IMM64 uses reserved fields');
    env.checkWritable(d);
    const kind = src[i];
    if (kind === PSEUDO.imm) {
      env.setReg(d, makeKnown(imm[i], imm[i + 1]));
      return;
    }
    if (kind === PSEUDO.btf_id) {
      loadVariable(env, d, imm[i]);
      return;
    }
    if (kind === PSEUDO.func) {
      const subprog = env.program.subprogStarting(i + imm[i] + 1);
      if (!env.program.hasFuncInfo) env.fail('structure', 'missing btf func_info');
      if (env.program.subprogs[subprog].global) env.fail('type', 'callback function not static');
      if (subprog === 0) env.fail('type', 'callback function cannot be the main program');
      const r2 = makePointer(KIND.FUNC);
      r2.aux = subprog;
      env.setReg(d, r2);
      return;
    }
    const value = kind === PSEUDO.map_value || kind === PSEUDO.map_idx_value;
    const map = env.program.mapOf[i] - 1;
    if (value && env.map(map).spec.type === 'arena') {
      env.setUnknown(d);
      return;
    }
    const r = makePointer(value ? KIND.MAP_VALUE : KIND.MAP_PTR);
    r.aux = map;
    if (value) r.off = imm[i + 1];
    env.setReg(d, r);
  }
  /** ld_abs and ld_ind: a bounds-checked packet load that ends the program when out of bounds. */
  #loadPacket(i) {
    const { env } = this;
    const { opcode, dst, src, off } = env.program.code;
    const code = opcode[i];
    const { name } = env.progType;
    const where = 'BPF_LD_[ABS|IND]';
    if (name !== 'socket_filter' && name !== 'sched_cls' && name !== 'sched_act') {
      env.fail('structure', `${where} instructions not allowed for this program type`);
    }
    if (env.state.frames.some((f) => f.inCallback)) env.fail('structure', `cannot use ${where} within callback`);
    const indirect = (code & 224) === MODE.IND;
    if (dst[i] !== 0 || off[i] !== 0 || sizeOf2(code) === 8 || (!indirect && src[i] !== 0)) {
      env.fail('structure', `${where} uses reserved fields`);
    }
    const ctx = env.readReg(6);
    checkNothingHeld(env, where, true);
    if (ctx.type !== KIND.CTX) env.fail('type', 'at the time of BPF_LD_ABS|IND R6 != pointer to skb');
    if (indirect) env.readReg(src[i]);
    checkUnmodified(env, ctx, 6, false);
    clobberCallerSaved(env);
    env.setUnknown(0);
    if (env.state.frames.length > 1) {
      env.pushPath(i + 1, i);
      env.setReg(0, makeKnown(0, 0));
      return returnFromCall(env, previousAt);
    }
    return i + 1;
  }
};
var SPIN_UNLOCK = 94;
function previousAt(state, insn) {
  for (let s = state; s; s = s.parent) {
    if (s.insn !== insn || s.frames.length !== state.frames.length) continue;
    let same = true;
    for (let f = 0; f < s.frames.length; f++) {
      if (s.frames[f].callsite !== state.frames[f].callsite) same = false;
    }
    if (same) return s;
  }
  return void 0;
}
function checkReturn(env) {
  const frame = env.state.frames[0];
  const r0 = env.readReg(0);
  if (env.isHiddenPointer(r0)) env.fail('leak', 'R0 leaks addr as return value');
  let range2;
  let where = 'At program exit';
  if (frame.inAsyncCallback) {
    where = 'At async callback return';
    range2 = [0, 0];
  } else if (frame.subprog !== 0) {
    if (r0.type !== KIND.SCALAR) {
      env.fail('return', `At subprogram exit the register R0 is not a scalar value (${typeName(r0.type)})`);
    }
    return;
  } else range2 = returnRange(env.progType, env.program.spec.attachType);
  if (range2 === 'any') return;
  if (r0.type !== KIND.SCALAR) {
    env.fail('return', `${where} the register R0 is not a known value (${typeName(r0.type)})`);
  }
  markPrecise(env, 0);
  if (!isWithin(r0, range2[0], range2[1], false)) failReturn(env, r0, where, range2[0], range2[1]);
}
var MAX_STACK = 512;
var MAX_FRAMES2 = 8;
var PRIVATE_STACK_MIN = 64;
var PRIVATE_STACK = /* @__PURE__ */ new Set(['kprobe', 'tracepoint', 'perf_event', 'raw_tracepoint']);
function checkStackDepth(env) {
  const { program } = env;
  const { subprogs, code } = program;
  const [major, minor] = env.options.kernel;
  const tailCalls = subprogs.some((s) => s.hasTailCall);
  const privateStacks =
    !tailCalls && PRIVATE_STACK.has(env.progType.name) && (major > 6 || (major === 6 && minor >= 13));
  const ordinary = /* @__PURE__ */ new Set();
  let deepest = 0;
  const visit = (index, depth2, frames, onPrivate, chain) => {
    const sub2 = subprogs[index];
    if (!onPrivate) ordinary.add(index);
    if (sub2.hasLdAbs && chain.some((c) => subprogs[c].isCallback)) {
      env.fail('structure', 'cannot use BPF_LD_[ABS|IND] within callback');
    }
    if (index !== 0 && sub2.hasTailCall && depth2 >= 256) {
      env.fail('limit', `tail_calls are not allowed when call stack of previous frames is ${depth2} bytes. Too large`);
    }
    const size = Math.ceil(sub2.stackDepth / 16) * 16;
    if (onPrivate && !ordinary.has(index) && size >= PRIVATE_STACK_MIN) {
      if (size > MAX_STACK) env.fail('limit', `stack size of subprog ${index} is ${size}. Too large`);
    } else {
      depth2 += size;
      if (depth2 > MAX_STACK) {
        env.fail('limit', `combined stack size of ${frames + 1} calls is ${depth2}. Too large`);
      }
    }
    if (depth2 > deepest) deepest = depth2;
    if (size > deepest) deepest = size;
    for (let i = sub2.start; i < sub2.end; i++) {
      const call2 = program.isLocalCall(i);
      if (!call2 && !program.isFuncLoad(i)) continue;
      const callee = program.subprogStarting(i + code.imm[i] + 1);
      if (subprogs[callee].isAsyncCallback && !call2) continue;
      if (frames + 1 >= MAX_FRAMES2) {
        env.fail('limit', `the call stack of ${frames + 1} frames is too deep !`);
      }
      visit(callee, depth2, frames + 1, onPrivate, [...chain, callee]);
    }
  };
  for (let i = subprogs.length - 1; i >= 0; i--) {
    if (i === 0 || subprogs[i].isAsyncCallback) visit(i, 0, 0, i === 0 && privateStacks, [i]);
  }
  return deepest;
}

// core/verifier/index.ts
var GPL = /* @__PURE__ */ new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);
var MAX_INSNS_UNPRIVILEGED = 4096;
var MAX_INSNS = 1e6;
function verify(input, options = {}) {
  const prog = withAttachType(input.prog);
  const privileged = options.privileged ?? true;
  let env;
  try {
    const row2 = progTypeByName(prog.type);
    if (!row2) throw new Refusal('structure', `unknown program type '${prog.type}'`);
    const program = new Program(prog, input.objectBtf);
    const features = featuresOf(kernelNumber(options));
    if (program.length > (privileged ? features.maxInsns : MAX_INSNS_UNPRIVILEGED)) {
      throw new Refusal('limit', `program of ${program.length} instructions is too large`);
    }
    useSingleValues(features.singleValues);
    env = new Env(program, row2, input.kernelBtf, envOptions(options, prog, privileged));
    prepare(env, input.maps);
    const { kfuncs } = env;
    checkGraph(program, privileged && features.loops, kfuncs);
    checkSleepable(env);
    targetOf(env);
    computeLiveRegisters(program);
    computeLoops(program);
    const walk2 = new Walk(env, kfuncs, options);
    walk2.run();
    const stackDepth = checkStackDepth(env);
    const reason = options.onFinalize?.({
      insns: program.length,
      processed: env.processed,
      stackDepth,
      helpers: helpersCalled(program),
      maps: program.maps.map((m) => m.spec.name),
    });
    if (reason !== void 0) throw new Refusal('hook', reason);
    return {
      ok: true,
      log: finishLog(env),
      facts: { verified: true, stackDepth },
      insnsProcessed: env.processed,
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const pc = env?.insn ?? 0;
    const line = sourceAt(prog, pc);
    env?.say(error.message);
    for (const text of error.after) env?.say(text);
    const path = env?.walking ? pathOf(env) : [pc];
    const explanation = { ...explainMessage(prog, error.message, pc, path), category: error.category };
    return {
      ok: false,
      error: { pc, message: error.message, category: error.category, sourceLine: line, explanation },
      log: env
        ? finishLog(env)
        : `${error.message}
`,
      facts: { verified: false, stackDepth: 0 },
      insnsProcessed: env?.processed ?? 0,
    };
  }
}
var IMPLIED_ATTACH = {
  cgroup_sock: 'cgroup_inet_sock_create',
  sk_reuseport: 'sk_reuseport_select',
};
function withAttachType(prog) {
  const implied = IMPLIED_ATTACH[prog.type];
  if (implied === void 0 || (prog.attachType !== void 0 && prog.attachType !== 'cgroup_inet_ingress')) return prog;
  return { ...prog, attachType: implied };
}
function envOptions(options, prog, privileged) {
  const kernel = kernelNumber(options);
  return {
    level: options.level ?? 0,
    privileged,
    kernel: [Math.floor(kernel / 100), kernel % 100],
    strictAlignment: options.strictAlignment ?? false,
    gpl: GPL.has(prog.license),
    sleepable: options.sleepable ?? false,
    cpus: options.cpus ?? 1,
    features: featuresOf(kernel),
  };
}
function kernelNumber(options) {
  const [major = 6, minor = 18] = (options.kernel ?? '6.18').split('.').map(Number);
  return major * 100 + minor;
}
function featuresOf(kernel) {
  return {
    forkMasks: kernel >= 618,
    linkWide: kernel >= 618,
    computeSwap: kernel >= 618,
    computeNegation: kernel >= 617,
    singleValues: kernel >= 618,
    tailCallsReturn: kernel >= 618,
    loops: kernel >= 503,
    maxProcessed: kernel >= 502 ? 1e6 : 131072,
    maxInsns: kernel >= 502 ? MAX_INSNS : MAX_INSNS_UNPRIVILEGED,
  };
}
var SLEEPABLE_ATTACH = /* @__PURE__ */ new Set([
  'trace_fentry',
  'trace_fexit',
  'modify_return',
  'trace_iter',
  'lsm_mac',
]);
function checkSleepable(env) {
  const { sleepable } = env.options;
  const { name } = env.progType;
  if (name === 'syscall') {
    if (!sleepable) env.fail('structure', 'Syscall programs can only be sleepable');
    return;
  }
  if (!sleepable || name === 'kprobe' || name === 'struct_ops') return;
  if (!SLEEPABLE_ATTACH.has(env.program.spec.attachType ?? '')) {
    env.fail('structure', 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable');
  }
}
function prepare(env, maps) {
  const { program } = env;
  env.kfuncs = findKfuncs(env);
  program.findSubprogs(env.privileged);
  checkKfuncs(env);
  program.checkSubprogs();
  program.checkVersion(env.options.kernel[0] * 100 + env.options.kernel[1]);
  program.resolveLoads(
    maps,
    mapRow,
    (map) => checkMapAndProgram(env, map),
    (name) => env.kernelBtf?.find(name, 'var'),
  );
}
function mapRow(spec) {
  const row2 = MAP_TYPES.find((r) => r.name === spec.type);
  if (!row2) throw new Refusal('structure', `unknown map type '${spec.type}' of map '${spec.name}'`);
  return row2;
}
function finishLog(env) {
  env.say(
    `processed ${env.processed} insns (limit 1000000) max_states_per_insn ${env.maxStatesPerInsn} total_states ${env.totalStates} peak_states ${env.peakStates} mark_read 0`,
  );
  return `${env.log.join('\n')}
`;
}
function helpersCalled(program) {
  const ids = /* @__PURE__ */ new Set();
  for (let i = 0; i < program.length; i++) if (program.isHelperCall(i)) ids.add(program.code.imm[i]);
  return ids;
}
function lastLine(result2) {
  if (result2.ok) return '';
  const lines = result2.log.trimEnd().split('\n');
  return lines.filter((l) => !l.startsWith('processed ')).pop() ?? '';
}
function sourceAt(prog, pc) {
  let found;
  for (const line of prog.lines) {
    if (line.insn > pc) break;
    found = `${line.file}:${line.line}`;
  }
  return found;
}

// test/verifier/cases.ts
import { readdirSync, readFileSync } from 'node:fs';

// core/isa/asm.ts
function assemble(text, options = {}) {
  return encode(assembleInsns(text, options));
}
function assembleInsns(text, options = {}) {
  const file = new SourceFile(options.file ?? '<asm>', text);
  const diagnostics = [];
  const labels = /* @__PURE__ */ new Map();
  const drafts = [];
  let slot = 0;
  let lineStart = 0;
  for (const line of text.split('\n')) {
    const start = lineStart;
    lineStart += line.length + 1;
    const span = (from, to) => ({ file, start: start + from, end: start + to });
    let body = line.replace(/(;|\/\/).*$/, '');
    let at = 0;
    for (;;) {
      const head = /^\s*(\d+|[A-Za-z_.$][\w.$]*):(?!\S*\])/.exec(body.slice(at));
      if (!head) break;
      const name = head[1];
      if (!/^\d/.test(name)) {
        if (labels.has(name))
          diagnostics.push({
            severity: 'error',
            message: `label '${name}' is already defined`,
            span: span(at, at + head[0].length),
          });
        labels.set(name, slot);
      }
      at += head[0].length;
    }
    const given = /^\s*\(([0-9a-fA-F]{2})\)/.exec(body.slice(at));
    if (given) at += given[0].length;
    body = body.slice(at);
    const indent = body.length - body.trimStart().length;
    const source = body.trim().replace(/\s+/g, ' ');
    if (source === '') continue;
    const where = span(at + indent, at + body.trimEnd().length);
    const opcode = given ? Number.parseInt(given[1], 16) : void 0;
    const draft = parseInsn(source, opcode, options);
    if (typeof draft === 'string') diagnostics.push({ severity: 'error', message: draft, span: where });
    else if (opcode !== void 0 && draft.insn.opcode !== opcode) {
      const hex2 = draft.insn.opcode.toString(16).padStart(2, '0');
      diagnostics.push({ severity: 'error', message: `'${source}' is opcode ${hex2}, not ${given[1]}`, span: where });
    } else {
      drafts.push({ draft, slot, start: where.start, end: where.end });
      slot += draft.insn.opcode === OP_LD_IMM64 ? 2 : 1;
    }
  }
  for (const { draft, slot: from, start, end } of drafts) {
    if (draft.label === void 0) continue;
    const to = labels.get(draft.label);
    const span = { file, start, end };
    if (to === void 0) diagnostics.push({ severity: 'error', message: `label '${draft.label}' is not defined`, span });
    else if (draft.field === 'off' && Math.abs(to - from - 1) > 32767) {
      diagnostics.push({
        severity: 'error',
        message: `label '${draft.label}' is ${to - from - 1} instructions away: use gotol`,
        span,
      });
    } else draft.insn[draft.field] = to - from - 1;
  }
  if (diagnostics.length > 0) throw new CompileError(diagnostics);
  return drafts.map((d) => d.draft.insn);
}
var NUM = String.raw`[-+]?(?:0[xX][0-9a-fA-F]+|\d+)`;
var REG = String.raw`[rw](?:10|\d)`;
var TARGET = String.raw`pc[+-]\d+|[A-Za-z_.$][\w.$]*`;
var PLACE = String.raw`\(([us])(8|16|32|64) \*\)\(r(10|\d) ?(?:([+-]) ?(0[xX][0-9a-fA-F]+|\d+))?\)`;
var pattern = (source) => new RegExp(`^${source.replaceAll(' ', ' ?')}$`);
var MATCH = {
  end: pattern(String.raw`r(\d+) = (le|be|bswap)(16|32|64) r(\d+)`),
  neg: pattern(String.raw`([rw])(\d+) = -([rw])(\d+)`),
  alu: pattern(String.raw`(${REG}) (s/|s%|s>>|<<|>>|[-+*/|&%^])?= (?:\((s8|s16|s32)\) ?)?(${REG}|${NUM})(?: (ll))?`),
  constant: pattern(String.raw`r(\d+) = (map\[id:|map\[idx:|subprog\[|btf\[id:)(${NUM})\](\[0\])?(?:\+(\d+))?`),
  function: pattern(String.raw`r(\d+) = subprog (${TARGET})`),
  ldx: pattern(String.raw`r(\d+) = \*${PLACE}`),
  packet: pattern(String.raw`r0 = \*\(u(8|16|32) \*\)skb\[(?:r(\d+) ?\+ ?)?(${NUM})\]`),
  store: pattern(String.raw`(lock )?\*${PLACE} ([|&^+])?= (${REG}|${NUM})`),
  fetch: pattern(String.raw`r(\d+) = atomic(64)?_(fetch_\w+|xchg)\(${PLACE}, r(\d+)\)`),
  cmpxchg: pattern(String.raw`r0 = atomic(64)?_cmpxchg\(${PLACE}, r0, r(\d+)\)`),
  loadAcquire: pattern(String.raw`r(\d+) = load_acquire\(${PLACE}\)`),
  storeRelease: pattern(String.raw`store_release\(${PLACE}, r(\d+)\)`),
  jump: pattern(`(goto|gotol|may_goto) (${TARGET})`),
  branch: pattern(`if (${REG}) (s>=|s<=|s>|s<|==|!=|>=|<=|>|<|&) (${REG}|${NUM}) goto (${TARGET})`),
  call: /^call (?:([A-Za-z_.$][\w.$-]*)?#(-?\d+)|(.+))$/,
};
var SIZE_OF3 = Object.fromEntries(SIZES.map((r) => [String(r.bytes * 8), r.code]));
function parseInsn(source, opcode, options) {
  if (source === 'exit') return done(OP_EXIT, 0, 0, 0, 0);
  let m;
  if ((m = MATCH.end.exec(source))) return byteOrder(m);
  if ((m = MATCH.neg.exec(source))) {
    if (m[2] !== m[4] || m[1] !== m[3]) return 'negation works on one register: rN = -rN';
    return done((m[1] === 'r' ? CLASS.ALU64 : CLASS.ALU) | ALU.neg, +m[2], 0, 0, 0);
  }
  if ((m = MATCH.packet.exec(source))) {
    const mode = m[2] === void 0 ? MODE.ABS : MODE.IND;
    return done(CLASS.LD | mode | SIZE_OF3[m[1]], 0, +(m[2] ?? 0), 0, number(m[3]));
  }
  if ((m = MATCH.constant.exec(source))) return pseudo(m);
  if ((m = MATCH.function.exec(source))) return target(OP_LD_IMM64, +m[1], PSEUDO.func, 0, m[2], 'imm');
  if ((m = MATCH.alu.exec(source))) return alu2(m, opcode);
  if ((m = MATCH.ldx.exec(source))) {
    const p = place2(m, 2);
    if (p.signed && p.size === SIZE.DW) return 's64 is no sign extension: load u64';
    return done(CLASS.LDX | (p.signed ? MODE.MEMSX : MODE.MEM) | p.size, +m[1], p.base, p.off, 0);
  }
  if ((m = MATCH.store.exec(source))) return store(m);
  if ((m = MATCH.fetch.exec(source))) {
    const row2 = ATOMIC_OPS.find((r) => r.name === m[3]);
    const p = place2(m, 4);
    if (!row2) return `there is no atomic ${m[3]}`;
    if (m[1] !== m[9]) return 'a fetching atomic gives the old value to its own operand: rN = ...(..., rN)';
    return atomic2(p, m[2] !== void 0, row2.imm, +m[9]);
  }
  if ((m = MATCH.cmpxchg.exec(source))) return atomic2(place2(m, 2), m[1] !== void 0, 241, +m[7]);
  if ((m = MATCH.loadAcquire.exec(source))) {
    const p = place2(m, 2);
    return done(CLASS.STX | MODE.ATOMIC | p.size, +m[1], p.base, p.off, 256);
  }
  if ((m = MATCH.storeRelease.exec(source))) {
    const p = place2(m, 1);
    return done(CLASS.STX | MODE.ATOMIC | p.size, p.base, +m[6], p.off, 272);
  }
  if ((m = MATCH.jump.exec(source))) {
    const code = m[1] === 'goto' ? OP_JA : m[1] === 'gotol' ? OP_GOTOL : OP_MAY_GOTO;
    return target(code, 0, 0, 0, m[2], m[1] === 'gotol' ? 'imm' : 'off');
  }
  if ((m = MATCH.branch.exec(source))) return branch(m);
  if ((m = MATCH.call.exec(source))) return call(m, options);
  return `'${source}' is no instruction`;
}
function done(opcode, dst, src, off, imm) {
  if (imm === void 0) return 'the number does not fit 32 bits';
  if (dst > 10 || src > 10) return `register r${Math.max(dst, src)} does not exist`;
  if (off < -32768 || off > 32767) return `offset ${off} does not fit 16 bits`;
  return { insn: { opcode, dst, src, off, imm } };
}
function number(text) {
  const value = Number(text.replace(/^[-+]/, '')) * (text.startsWith('-') ? -1 : 1);
  return value >= -2147483648 && value <= 4294967295 ? value | 0 : void 0;
}
function place2(m, at) {
  const off = Number(m[at + 4] ?? 0) * (m[at + 3] === '-' ? -1 : 1);
  return { signed: m[at] === 's', size: SIZE_OF3[m[at + 1]], base: +m[at + 2], off };
}
function byteOrder(m) {
  if (m[1] !== m[4]) return 'byte order works on one register: rN = be16 rN';
  const cls = m[2] === 'bswap' ? CLASS.ALU64 : CLASS.ALU;
  return done(cls | ALU.end | (m[2] === 'be' ? SRC.X : SRC.K), +m[1], 0, 0, +m[3]);
}
function pseudo(m) {
  const imm = number(m[3]);
  const offset = m[5] === void 0 ? void 0 : Number(m[5]);
  const kind =
    m[2] === 'subprog['
      ? PSEUDO.func
      : m[2] === 'btf[id:'
        ? PSEUDO.btf_id
        : m[2] === 'map[id:'
          ? m[4] === void 0
            ? PSEUDO.map_fd
            : PSEUDO.map_value
          : offset === void 0
            ? PSEUDO.map_idx
            : PSEUDO.map_idx_value;
  const draft = done(OP_LD_IMM64, +m[1], kind, 0, imm);
  if (typeof draft !== 'string') draft.insn.immHi = (offset ?? 0) | 0;
  return draft;
}
function alu2(m, opcode) {
  const [, dst, sign = '', cast, operand] = m;
  const wide = dst[0] === 'r';
  const cls = wide ? CLASS.ALU64 : CLASS.ALU;
  const symbol = `${sign}=`;
  const register = /^[rw]/.test(operand);
  if (register && operand[0] !== dst[0]) return `${dst} and ${operand} differ in width`;
  if (cast !== void 0) {
    const row3 = ALU_VARIANTS.find((v) => v.name === `movsx${cast.slice(1)}`);
    if (sign !== '' || !register) return `a cast like (${cast}) goes before the register of a plain move`;
    if (!wide && row3.off === 32) return '(s32) of a w register changes nothing';
    return done(cls | ALU.mov | SRC.X, +dst.slice(1), +operand.slice(1), row3.off, 0);
  }
  const variant = ALU_VARIANTS.find((v) => v.symbol === symbol && v.base !== 'mov');
  const row2 = variant
    ? ALU_OPS.find((r) => r.name === variant.base)
    : ALU_OPS.find((r) => r.symbol === symbol && r.name !== 'end');
  const off = variant?.off ?? 0;
  if (register) return done(cls | row2.code | SRC.X, +dst.slice(1), +operand.slice(1), off, 0);
  const value = BigInt(operand.replace(/^[-+]/, '')) * (operand.startsWith('-') ? -1n : 1n);
  const narrow = value >= -0x80000000n && value <= 0x7fffffffn;
  const hex2 = /^[-+]?0[xX]/.test(operand);
  const long = opcode === void 0 ? m[5] !== void 0 || hex2 || !narrow : opcode === OP_LD_IMM64;
  if (row2.name === 'mov' && wide && long) {
    if (value < -(1n << 63n) || value >= 1n << 64n) return `${operand} does not fit 64 bits`;
    const draft = done(OP_LD_IMM64, +dst.slice(1), 0, 0, Number(BigInt.asIntN(32, value)));
    if (typeof draft !== 'string') draft.insn.immHi = Number(BigInt.asIntN(32, value >> 32n));
    return draft;
  }
  return done(cls | row2.code | SRC.K, +dst.slice(1), 0, off, number(operand));
}
function store(m) {
  const p = place2(m, 2);
  const [locked, sign, operand] = [m[1] !== void 0, m[7], m[8]];
  if (p.signed) return 'stores have no sign: use u8, u16, u32, u64';
  if (locked !== (sign !== void 0)) return 'an atomic is written: lock *(u64 *)(r1 +0) += r2';
  if (operand.startsWith('w')) return `stores take r registers: r${operand.slice(1)}`;
  const register = operand.startsWith('r') ? +operand.slice(1) : void 0;
  if (locked) {
    const name = ALU_OPS.find((r) => r.symbol === `${sign}=`).name;
    if (register === void 0) return 'an atomic takes a register';
    return atomic2(p, p.size === SIZE.DW, ATOMIC_OPS.find((r) => r.name === name).imm, register);
  }
  if (register !== void 0) return done(CLASS.STX | MODE.MEM | p.size, p.base, register, p.off, 0);
  return done(CLASS.ST | MODE.MEM | p.size, p.base, 0, p.off, number(operand));
}
function atomic2(p, wide, imm, src) {
  if (p.signed || (p.size !== SIZE.W && p.size !== SIZE.DW)) return 'this atomic works on u32 and u64 only';
  if (wide !== (p.size === SIZE.DW)) return 'atomic64_ goes with u64, atomic_ with u32';
  return done(CLASS.STX | MODE.ATOMIC | p.size, p.base, src, p.off, imm);
}
function branch(m) {
  const [dst, symbol, operand] = [m[1], m[2], m[3]];
  const cls = dst[0] === 'r' ? CLASS.JMP : CLASS.JMP32;
  const row2 = JMP_OPS.find((r) => r.symbol === symbol && r.cond);
  const register = /^[rw]/.test(operand);
  if (register && operand[0] !== dst[0]) return `${dst} and ${operand} differ in width`;
  const imm = register ? 0 : number(operand);
  if (imm === void 0) return `${operand} does not fit 32 bits`;
  const code = cls | row2.code | (register ? SRC.X : SRC.K);
  return target(code, +dst.slice(1), register ? +operand.slice(1) : 0, imm, m[4], 'off');
}
function call(m, options) {
  if (m[2] !== void 0) {
    const kind = m[1] === 'kernel-function' ? CALL.kfunc : CALL.helper;
    return done(OP_CALL, 0, kind, 0, number(m[2]));
  }
  const where = m[3];
  const id = options.helper?.(where.replace(/^bpf_/, ''));
  if (id !== void 0) return done(OP_CALL, 0, CALL.helper, 0, id);
  if (!new RegExp(`^(?:${TARGET})$`).test(where)) return `'${where}' is neither a helper nor a label`;
  return target(OP_CALL, 0, CALL.local, 0, where, 'imm');
}
function target(code, dst, src, imm, where, field2) {
  const relative = /^pc([+-]\d+)$/.exec(where);
  const distance = relative ? Number(relative[1]) : 0;
  const draft = field2 === 'off' ? done(code, dst, src, distance, imm) : done(code, dst, src, 0, distance);
  if (typeof draft === 'string' || relative) return draft;
  return { ...draft, field: field2, label: where };
}

// test/verifier/cases.ts
function makeMap(index, text) {
  const [type = 'array', key2 = '4', value = '8', entries2 = '1', flags = '0'] = text.split(/\s+/);
  return {
    name: `m${index}`,
    type,
    keySize: Number(key2),
    valueSize: Number(value),
    maxEntries: Number(entries2),
    flags: Number(flags),
    keyType: 0,
    valueType: 0,
  };
}
function makeProg(c) {
  return {
    name: c.name,
    type: c.type,
    ...(c.attach === void 0 ? {} : { attachType: c.attach }),
    ...(c.target === void 0 ? {} : { attach: { kind: c.type, target: c.target } }),
    section: c.type,
    insns: c.insns,
    relocs: [],
    funcs: [],
    lines: [],
    license: c.license,
  };
}
function parseCases(file, text) {
  return text
    .split(/^== /m)
    .slice(1)
    .map((block) => {
      const lines = block.split('\n');
      const name = lines[0].trim();
      const headers = /* @__PURE__ */ new Map();
      const maps = [];
      let code = '';
      let inCode = false;
      for (const line of lines.slice(1)) {
        const header = /^([a-z]+):\s*(.*)$/.exec(line);
        if (header) {
          inCode = header[1] === 'code';
          if (header[1] === 'map') maps.push(makeMap(maps.length, header[2]));
          else headers.set(header[1], header[2].trim());
        } else if (inCode)
          code += `${line}
`;
      }
      return {
        file,
        name,
        type: headers.get('type') ?? 'socket_filter',
        attach: headers.get('attach'),
        target: headers.get('target'),
        license: headers.get('license') ?? 'GPL',
        maps,
        privileged: headers.get('unprivileged') !== 'yes',
        kernel: headers.get('kernel'),
        strict: headers.get('strict') === 'yes',
        oracle: headers.get('oracle') !== 'no' && !headers.has('kernel') && headers.get('unprivileged') !== 'yes',
        insns: headers.has('hex')
          ? Uint8Array.from(Buffer.from(headers.get('hex').replace(/\s/g, ''), 'hex'))
          : assemble(code, { file: `${file}: ${name}`, helper: (n) => helperByName(n)?.id }),
        says: headers.get('says') ?? 'ok',
      };
    });
}
function allCases() {
  const folder = new URL('data/', import.meta.url);
  return readdirSync(folder)
    .filter((f) => f.endsWith('.txt'))
    .sort()
    .flatMap((f) => parseCases(f, readFileSync(new URL(f, folder), 'utf8')));
}

// core/isa/check.ts
var MAX_SLOTS = 1e6;
var ALU_NAME = new Map(ALU_OPS.map((r) => [r.code, r.name]));
var JMP_ROW = new Map(JMP_OPS.map((r) => [r.code, r]));
var ATOMIC_ROW = new Map(ATOMIC_OPS.map((r) => [r.imm, r]));
function checkBytes(bytes) {
  return lengthIssue(bytes) ?? checkStructure(decode(bytes));
}
function lengthIssue(bytes) {
  if (bytes.length % INSN_SIZE === 0) return void 0;
  const pc = Math.floor(bytes.length / INSN_SIZE);
  return { pc, reason: `program of ${bytes.length} bytes is not a whole number of 8-byte instructions` };
}
function checkStructure(p) {
  if (p.length === 0) return { pc: 0, reason: 'program is empty' };
  if (p.length > MAX_SLOTS)
    return { pc: MAX_SLOTS, reason: `program of ${p.length} instructions: at most ${MAX_SLOTS} are allowed` };
  for (let pc = 0; pc < p.length; pc++) {
    const reason = fieldIssue(p, pc);
    if (reason !== void 0) return { pc, reason };
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  return flowIssue(p);
}
function insnStarts(p) {
  const starts = new Uint8Array(p.length);
  for (let pc = 0; pc < p.length; pc++) {
    starts[pc] = 1;
    if (p.opcode[pc] === OP_LD_IMM64) pc++;
  }
  return starts;
}
function functionStarts(p) {
  const starts = /* @__PURE__ */ new Set([0]);
  for (let pc = 0; pc < p.length; pc++) {
    const opcode = p.opcode[pc];
    if (opcode !== OP_CALL && opcode !== OP_LD_IMM64) continue;
    const target2 = functionTarget(p, pc);
    if (target2 !== void 0 && target2 >= 0 && target2 < p.length) starts.add(target2);
    if (opcode === OP_LD_IMM64) pc++;
  }
  return [...starts].sort((a, b) => a - b);
}
function functionTarget(p, pc) {
  const local2 = p.opcode[pc] === OP_CALL && p.src[pc] === CALL.local;
  const address = p.opcode[pc] === OP_LD_IMM64 && p.src[pc] === PSEUDO.func;
  return local2 || address ? pc + 1 + p.imm[pc] : void 0;
}
function jumpTarget(p, pc) {
  const opcode = p.opcode[pc];
  if (opcode === OP_GOTOL) return pc + 1 + p.imm[pc];
  const cls = opcode & 7;
  if (cls !== CLASS.JMP && cls !== CLASS.JMP32) return void 0;
  if (opcode === OP_CALL || opcode === OP_EXIT) return void 0;
  return pc + 1 + p.off[pc];
}
function fieldIssue(p, pc) {
  const opcode = p.opcode[pc];
  const dst = p.dst[pc];
  const src = p.src[pc];
  if (!isKnown(opcode)) return `unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`;
  if (dst >= REG_COUNT) return `register r${dst} does not exist`;
  if (src >= REG_COUNT && opcode !== OP_CALL && opcode !== OP_LD_IMM64) return `register r${src} does not exist`;
  switch (opcode & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
      return aluIssue(p, pc);
    case CLASS.LD:
      return loadIssue(p, pc);
    case CLASS.LDX:
      if (p.imm[pc] !== 0) return reserved('imm');
      return writable(dst);
    case CLASS.ST:
      return src !== 0 ? reserved('src') : void 0;
    case CLASS.STX:
      return (opcode & 224) === MODE.ATOMIC ? atomicIssue(p, pc) : p.imm[pc] !== 0 ? reserved('imm') : void 0;
    default:
      return jumpIssue(p, pc);
  }
}
function isKnown(opcode) {
  const cls = opcode & 7;
  const x = (opcode & SRC.X) !== 0;
  if (cls === CLASS.ALU || cls === CLASS.ALU64) {
    const name = ALU_NAME.get(opcode & 240);
    if (name === void 0 || (name === 'neg' && x)) return false;
    return name !== 'end' || !x || cls !== CLASS.ALU64;
  }
  if (cls === CLASS.JMP || cls === CLASS.JMP32) {
    const row2 = JMP_ROW.get(opcode & 240);
    if (row2 === void 0 || row2.cond) return row2 !== void 0;
    return !x && (cls !== CLASS.JMP32 || row2.name === 'ja');
  }
  const mode = opcode & 224;
  const size = opcode & 24;
  if (cls === CLASS.LD) return opcode === OP_LD_IMM64 || ((mode === MODE.ABS || mode === MODE.IND) && size !== SIZE.DW);
  if (cls === CLASS.LDX) return mode === MODE.MEM || (mode === MODE.MEMSX && size !== SIZE.DW);
  return mode === MODE.MEM || (cls === CLASS.STX && mode === MODE.ATOMIC);
}
function aluIssue(p, pc) {
  const opcode = p.opcode[pc];
  const op = opcode & 240;
  const wide = (opcode & 7) === CLASS.ALU64;
  const off = p.off[pc];
  const imm = p.imm[pc];
  if (op === ALU.end) {
    if (p.src[pc] !== 0) return reserved('src');
    if (off !== 0) return reserved('off');
    if (imm !== 16 && imm !== 32 && imm !== 64) return `byte order width ${imm} is not 16, 32 or 64`;
    return writable(p.dst[pc]);
  }
  if (op === ALU.neg) {
    if (p.src[pc] !== 0) return reserved('src');
    if (imm !== 0) return reserved('imm');
    return off !== 0 ? reserved('off') : writable(p.dst[pc]);
  }
  const x = (opcode & SRC.X) !== 0;
  if (x ? imm !== 0 : p.src[pc] !== 0) {
    if (op === ALU.mov && x && wide && off === 1) return 'address space casts (arena) are not supported';
    return reserved(x ? 'imm' : 'src');
  }
  const signed2 = (op === ALU.div || op === ALU.mod) && off === 1;
  const extends_ = op === ALU.mov && x && (off === 8 || off === 16 || (off === 32 && wide));
  if (off !== 0 && !signed2 && !extends_) return reserved('off');
  return writable(p.dst[pc]);
}
function loadIssue(p, pc) {
  const opcode = p.opcode[pc];
  if (p.off[pc] !== 0) return reserved('off');
  if (opcode !== OP_LD_IMM64) {
    if (p.dst[pc] !== 0) return reserved('dst');
    return (opcode & 224) === MODE.ABS && p.src[pc] !== 0 ? reserved('src') : void 0;
  }
  if (pc + 1 >= p.length) return 'ld_imm64 lacks its second slot';
  if (p.opcode[pc + 1] !== 0 || p.dst[pc + 1] !== 0 || p.src[pc + 1] !== 0 || p.off[pc + 1] !== 0) {
    return 'the second slot of ld_imm64 has fields other than imm';
  }
  const kind = p.src[pc];
  if (kind > PSEUDO.map_idx_value) return `ld_imm64 of unknown kind ${kind}`;
  const noUpper = kind === PSEUDO.map_fd || kind === PSEUDO.map_idx || kind === PSEUDO.func;
  if (noUpper && p.imm[pc + 1] !== 0) return 'the second imm of this ld_imm64 is reserved: it must be 0';
  return writable(p.dst[pc]);
}
function atomicIssue(p, pc) {
  const row2 = ATOMIC_ROW.get(p.imm[pc]);
  if (row2 === void 0) return `unknown atomic operation 0x${(p.imm[pc] >>> 0).toString(16)}`;
  const size = p.opcode[pc] & 24;
  const ordered = row2.name === 'load_acq' || row2.name === 'store_rel';
  if (!ordered && size !== SIZE.W && size !== SIZE.DW) return `atomic ${row2.name} works on 32 and 64 bits only`;
  if (row2.name === 'load_acq') return writable(p.dst[pc]);
  const fetches = (row2.imm & ATOMIC_FETCH) !== 0 && row2.name !== 'cmpxchg';
  return fetches ? writable(p.src[pc]) : void 0;
}
function jumpIssue(p, pc) {
  const opcode = p.opcode[pc];
  switch (opcode) {
    case OP_EXIT:
      return zero(p, pc, true, true, true, true);
    case OP_JA:
      return zero(p, pc, true, true, false, true);
    case OP_GOTOL:
      return zero(p, pc, true, true, true, false);
    case OP_MAY_GOTO:
      return zero(p, pc, true, true, false, true);
    case OP_CALL:
      if (p.src[pc] > CALL.kfunc) return `call of unknown kind ${p.src[pc]}`;
      return zero(p, pc, true, false, p.src[pc] !== CALL.kfunc, false);
    default:
      return (opcode & SRC.X) !== 0 ? zero(p, pc, false, false, false, true) : zero(p, pc, false, true, false, false);
  }
}
function zero(p, pc, dst, src, off, imm) {
  if (dst && p.dst[pc] !== 0) return reserved('dst');
  if (src && p.src[pc] !== 0) return reserved('src');
  if (off && p.off[pc] !== 0) return reserved('off');
  return imm && p.imm[pc] !== 0 ? reserved('imm') : void 0;
}
function reserved(field2) {
  return `reserved field ${field2} is not zero`;
}
function writable(register) {
  return register === REG_FP ? 'frame pointer r10 is read only' : void 0;
}
function flowIssue(p) {
  const starts = insnStarts(p);
  const land = (target2, what) => {
    if (target2 < 0 || target2 >= p.length)
      return `${what} to ${target2} is out of range: the program has ${p.length} instructions`;
    if (starts[target2] === 0) return `${what} to ${target2} goes into the middle of ld_imm64`;
    return void 0;
  };
  for (let pc = 0; pc < p.length; pc++) {
    const opcode = p.opcode[pc];
    if (opcode !== OP_CALL && opcode !== OP_LD_IMM64) continue;
    const target2 = functionTarget(p, pc);
    const reason = target2 === void 0 ? void 0 : land(target2, opcode === OP_CALL ? 'call' : 'function address');
    if (reason !== void 0) return { pc, reason };
    if (opcode === OP_LD_IMM64) pc++;
  }
  const functions = functionStarts(p);
  for (let f = 0; f < functions.length; f++) {
    const from = functions[f];
    const end = functions[f + 1] ?? p.length;
    let last = from;
    for (let pc = from; pc < end; pc++) {
      last = pc;
      const jumps = (p.opcode[pc] & 7) === CLASS.JMP || (p.opcode[pc] & 7) === CLASS.JMP32;
      const target2 = jumps ? jumpTarget(p, pc) : void 0;
      if (target2 !== void 0) {
        const reason = land(target2, 'jump');
        if (reason !== void 0) return { pc, reason };
        if (target2 < from || target2 >= end)
          return { pc, reason: `jump to ${target2} leaves the function (${from} to ${end - 1})` };
      }
      if (p.opcode[pc] === OP_LD_IMM64) pc++;
    }
    const opcode = p.opcode[last];
    if (opcode !== OP_EXIT && opcode !== OP_JA && opcode !== OP_GOTOL) {
      return { pc: last, reason: 'control falls off the end: the last instruction is neither exit nor goto' };
    }
  }
  return void 0;
}

// core/vm/bare.ts
function bareHost(options) {
  const { memory, helper, kfuncs, regions } = options;
  const maps = new Map((options.maps ?? []).map((m) => [m.offset, m]));
  let seed = 1;
  const env = {
    memory,
    ctx: 0,
    trace: [],
    mapAt: (offset) => maps.get(offset),
    task: { pid: 0, tgid: 0, uid: 0, gid: 0, comm: 'swapper/0', taskStruct: () => 0 },
    cpu: 0,
    now: () => [0, 0],
    random: () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      return seed >>> 0;
    },
    read: () => -14,
    readString: () => -14,
    tracePrintk: (text) => {
      env.trace.push(text);
    },
    progType: 'bare',
  };
  return {
    memory,
    env,
    helper: (id) => helper?.(id),
    kfunc: (id) => kfuncs?.get(id),
    regions: () => regions ?? [],
  };
}

// core/base/platform.ts
var wasm = globalThis.WebAssembly;

// core/vm/memory.ts
var PAGE2 = 65536;
var MOST_PAGES = 65535;
var GRAIN = 64;
var SMALL_MOST = 2048;
var SIZE_CLASSES = sizeClasses();
function sizeClasses() {
  const sizes = [];
  for (let size = 8; size <= 128; size += 8) sizes.push(size);
  for (let base = 128; base < SMALL_MOST; base *= 2) {
    for (let quarter = 1; quarter <= 4; quarter++) sizes.push(base + (base / 4) * quarter);
  }
  return sizes;
}
function wasmStore(initialPages, maximumPages, unshared) {
  if (!wasm) return void 0;
  for (const shared3 of unshared ? [false] : [true, false]) {
    for (let maximum = maximumPages; maximum >= initialPages; maximum = Math.floor(maximum / 2)) {
      try {
        const memory = new wasm.Memory({ initial: initialPages, maximum, shared: shared3 });
        return {
          get buffer() {
            return memory.buffer;
          },
          wasmMemory: memory,
          grow(bytes) {
            try {
              memory.grow((bytes - memory.buffer.byteLength) / PAGE2);
              return true;
            } catch {
              return false;
            }
          },
        };
      } catch {}
    }
  }
  return void 0;
}
function plainStore(initialPages, maximumPages) {
  let buffer = new ArrayBuffer(initialPages * PAGE2);
  return {
    get buffer() {
      return buffer;
    },
    wasmMemory: void 0,
    grow(bytes) {
      if (bytes > maximumPages * PAGE2) return false;
      try {
        const larger = new ArrayBuffer(bytes);
        new Uint8Array(larger).set(new Uint8Array(buffer));
        buffer = larger;
        return true;
      } catch {
        return false;
      }
    },
  };
}
var VmMemory = class {
  u8;
  i32;
  view;
  /** What the JIT imports; undefined where there is no WebAssembly. */
  wasmMemory;
  #store;
  /** Free extents, sorted by start, never touching one another. The last byte mapped is never past `#top`. */
  #free;
  /** Rounded size of each large allocation. */
  #large = /* @__PURE__ */ new Map();
  /** Size class of each 64 KiB page that is a slab, plus one; 0 for others. */
  #slabClass = new Uint8Array(PAGE2);
  #smallFree = SIZE_CLASSES.map(() => []);
  /** Class index of (size + 7) / 8. */
  #classOf = new Uint8Array(SMALL_MOST / 8 + 1);
  #top;
  /** Bytes from here on were never handed out: still zero, not to be touched for zeroing. */
  #fresh;
  constructor(options = {}) {
    const maximum = Math.max(2, Math.min(MOST_PAGES, Math.floor((options.maximumBytes ?? MOST_PAGES * PAGE2) / PAGE2)));
    const initial = Math.max(2, Math.min(maximum, Math.ceil((options.initialBytes ?? 16 * PAGE2) / PAGE2)));
    this.#store =
      (options.plain ? void 0 : wasmStore(initial, maximum, options.unshared === true)) ?? plainStore(initial, maximum);
    this.wasmMemory = this.#store.wasmMemory;
    this.#top = initial * PAGE2;
    this.#fresh = FIRST_MAPPED;
    this.#free = [{ start: FIRST_MAPPED, end: this.#top }];
    for (let k = 0, c = 0; k < this.#classOf.length; k++) {
      if (k * 8 > SIZE_CLASSES[c]) c++;
      this.#classOf[k] = c;
    }
    this.#refreshViews();
  }
  /** Bytes mapped now. */
  get byteLength() {
    return this.#top;
  }
  alloc(size, align = 8) {
    if (!(size >= 0) || !Number.isSafeInteger(size)) throw new RangeError(`alloc of ${size} bytes`);
    if (!(align > 0) || (align & (align - 1)) !== 0) throw new RangeError(`alignment ${align} is not a power of two`);
    if (align > 8) size = Math.max(align, size);
    if (size <= SMALL_MOST && align <= 64)
      return this.#allocSmall(align > 8 ? Math.ceil(size / align) * align : size, align);
    return this.#allocLarge(Math.ceil(size / GRAIN) * GRAIN, Math.max(align, GRAIN));
  }
  free(offset, size) {
    const slab = this.#slabClass[offset >>> 16];
    if (slab !== 0) {
      if (size > SIZE_CLASSES[slab - 1]) throw new RangeError(`free of ${size} bytes at ${offset}: it has fewer`);
      this.#smallFree[slab - 1].push(offset);
      return;
    }
    const rounded2 = this.#large.get(offset);
    if (rounded2 === void 0) throw new RangeError(`free of offset ${offset}, which is not allocated`);
    if (size > rounded2) throw new RangeError(`free of ${size} bytes at ${offset}: it has ${rounded2}`);
    this.#large.delete(offset);
    this.#release(offset, offset + rounded2);
  }
  #allocSmall(size, align) {
    let c = this.#classOf[(size + 7) >> 3];
    while (SIZE_CLASSES[c] % align !== 0) c++;
    const list = this.#smallFree[c];
    const bytes = SIZE_CLASSES[c];
    if (list.length === 0) {
      const slab = this.#takeExtent(PAGE2, PAGE2);
      if (slab + PAGE2 > this.#fresh) this.#fresh = slab + PAGE2;
      this.#slabClass[slab >>> 16] = c + 1;
      for (let at = slab + (Math.floor(PAGE2 / bytes) - 1) * bytes; at >= slab; at -= bytes) list.push(at);
    }
    const offset = list.pop();
    this.u8.fill(0, offset, offset + bytes);
    return offset;
  }
  #allocLarge(size, align) {
    const offset = this.#takeExtent(size, align);
    this.#large.set(offset, size);
    if (offset < this.#fresh) this.u8.fill(0, offset, Math.min(offset + size, this.#fresh));
    if (offset + size > this.#fresh) this.#fresh = offset + size;
    return offset;
  }
  /** First fit by address (low addresses fill up, the fresh top stays untouched), growing the memory when nothing fits. */
  #takeExtent(size, align) {
    for (let i = 0; i < this.#free.length; i++) {
      const extent = this.#free[i];
      const start = Math.ceil(extent.start / align) * align;
      const end = start + size;
      if (end > extent.end) continue;
      const rest = [];
      if (extent.start < start) rest.push({ start: extent.start, end: start });
      if (end < extent.end) rest.push({ start: end, end: extent.end });
      this.#free.splice(i, 1, ...rest);
      return start;
    }
    this.#growFor(size, align);
    return this.#takeExtent(size, align);
  }
  #growFor(size, align) {
    const last = this.#free[this.#free.length - 1];
    const from = last && last.end === this.#top ? last.start : this.#top;
    const need = Math.ceil((Math.ceil(from / align) * align + size) / PAGE2) * PAGE2;
    const wish = Math.min(
      MOST_PAGES * PAGE2,
      Math.max(need, Math.ceil((this.#top * 1.125) / PAGE2) * PAGE2 + 16 * PAGE2),
    );
    const old = this.#top;
    if (need > MOST_PAGES * PAGE2 || !(this.#store.grow(wish) || (wish !== need && this.#store.grow(need)))) {
      throw new BpfError('ENOMEM', `linear memory is full: ${size} more bytes do not fit beside ${old} mapped ones`);
    }
    this.#refreshViews();
    this.#top = this.u8.length;
    this.#release(old, this.#top);
  }
  #release(start, end) {
    const free = this.#free;
    let low = 0;
    let high = free.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (free[mid].start < start) low = mid + 1;
      else high = mid;
    }
    const before2 = free[low - 1];
    const after = free[low];
    if (before2 && before2.end === start) {
      before2.end = end;
      if (after && after.start === end) {
        before2.end = after.end;
        free.splice(low, 1);
      }
    } else if (after && after.start === end) after.start = start;
    else free.splice(low, 0, { start, end });
  }
  #refreshViews() {
    const { buffer } = this.#store;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
  }
};

// core/vm/harness.ts
var shared2;
function runOnce(engine, request) {
  const memory = (shared2 ??= new VmMemory());
  const mem = request.mem ?? new Uint8Array(0);
  const maps = [];
  const ctx = mem.length === 0 ? 0 : memory.alloc(mem.length, 64);
  try {
    for (const [i, map] of (request.maps ?? []).entries()) maps.push(makeMap2(map, i, memory));
    const regions = [];
    if (ctx !== 0) {
      memory.u8.set(mem, ctx);
      regions.push({ offset: ctx, size: mem.length, writable: true });
    }
    const insns = resolve2(request.code, maps, memory, regions);
    const host = bareHost({ memory, helper: helperById, maps, regions });
    host.env.ctx = ctx;
    const options = request.fuel === void 0 ? {} : { fuel: request.fuel };
    const exe = engine.prepare({ name: 'program', insns, funcs: [], lines: [], facts: void 0 }, host, options);
    exe.run(ctx, mem.length);
    return {
      r0: u64(exe.r0Lo, exe.r0Hi),
      mem: memory.u8.slice(ctx, ctx + mem.length),
      maps: maps.map(entries),
    };
  } finally {
    for (const map of maps) map.close();
    if (ctx !== 0) memory.free(ctx, mem.length);
  }
}
function hex(what, text) {
  try {
    return fromHex(text);
  } catch (error) {
    throw new BpfError('EINVAL', `${what}: ${error.message}`, { cause: error });
  }
}
function makeMap2(map, index, memory) {
  const attrs = {
    name: `map${index}`,
    type: map.type.toLowerCase().replace(/^bpf_map_type_/, ''),
    keySize: map.key_size,
    valueSize: map.value_size,
    maxEntries: map.max_entries,
    flags: map.flags ?? 0,
  };
  const live = createMap(attrs, { memory, cpus: 1, currentCpu: () => 0, random: () => 0 });
  for (const [key2, value] of map.init ?? []) {
    const result2 = live.update(hex(`map ${index}: a key`, key2), hex(`map ${index}: a value`, value), 0);
    if (result2 < 0) {
      live.close();
      throw new BpfError('EINVAL', `map ${index}: initial entry ${key2} is refused (errno ${-result2})`);
    }
  }
  return live;
}
function entries(map) {
  const out = [];
  for (let key2 = map.nextKey(void 0); key2 !== void 0; key2 = map.nextKey(key2)) {
    const value = map.lookup(key2);
    if (value) out.push([key2, value]);
  }
  return out.sort(([a], [b]) => compareBytes(a, b));
}
function resolve2(code, maps, memory, regions) {
  const issue = checkBytes(code);
  if (issue) throw new Fault(issue.reason, issue.pc);
  const out = code.slice();
  const view = new DataView(out.buffer);
  for (let at = 0; at < out.length; at += INSN_SIZE) {
    if (out[at] !== OP_LD_IMM64) continue;
    const [pc, kind, index, extra] = [
      at / INSN_SIZE,
      out[at + 1] >> 4,
      view.getInt32(at + 4, true),
      view.getInt32(at + 12, true),
    ];
    at += INSN_SIZE;
    if (kind === PSEUDO.imm || kind === PSEUDO.func) continue;
    if (kind === PSEUDO.btf_id) throw new Fault('ld_imm64 of a BTF id needs a kernel: there is none here', pc);
    const map = maps[index];
    if (!map) throw new Fault(`map index ${index} does not exist: the request has ${maps.length} maps`, pc);
    let address = map.offset;
    if (kind === PSEUDO.map_value || kind === PSEUDO.map_idx_value) {
      const base = map.valueBase?.();
      if (base === void 0) throw new Fault(`values of a ${map.attrs.type} map have no direct address`, pc);
      const size = memory.view.getUint32(map.offset + HEADER.ELEM_SIZE, true) * map.attrs.maxEntries;
      if (!regions.some((r) => r.offset === base)) regions.push({ offset: base, size, writable: true });
      address = base + extra;
    }
    view.setInt32(at - INSN_SIZE + 4, address, true);
    view.setInt32(at + 4, KERNEL_HI, true);
    out[at - INSN_SIZE + 1] &= 15;
  }
  return out;
}

// core/vm/layout.ts
var STACK_AREA = STACK_SIZE * MAX_CALL_FRAMES;
var MAX_NESTING = 32;
var FUNCTION_HI = -1;
var FUNCTION_LO = 2684354560 | 0;
var DEFAULT_FUEL = 2 ** 27;
var MAY_GOTO_BUDGET = 8 * 1024 * 1024;
var HELPER_TAIL_CALL = 12;
var REASON = {
  fuel: 'out of fuel',
  depth: `call depth exceeds ${MAX_CALL_FRAMES} frames`,
  nesting: `programs nested deeper than ${MAX_NESTING}`,
  access: (write2, size, address) =>
    `${write2 ? 'write to' : 'read of'} 0x${address.toString(16)} (${size} bytes) is outside the program's memory`,
  /** The same where the address is lost: wasm trapped by itself. */
  wild: (write2, size) => `${write2 ? 'write' : 'read'} of ${size} bytes is outside the program's memory`,
  noPacket: 'ld_abs and ld_ind need a packet, and this program has none',
  noHelper: (id) => `helper ${id} does not exist`,
  helperUnsupported: (name) => `helper ${name} is known but not supported here`,
  noKfunc: (id) => `kfunc with BTF id ${id} is not available here`,
  tailElsewhere: (name) => `tail call into program '${name}', which runs on another engine`,
  tailUnverified: (name) => `tail call from a verified program into '${name}', which is not verified`,
  argument: (helper, index, says) => `helper ${helper}: argument ${index + 1} ${says}`,
};
function decodeProgram(program) {
  const { insns } = program;
  const bad2 = lengthIssue(insns);
  if (bad2) throw makeFault(program, bad2.reason, bad2.pc);
  const decoded = decode(insns);
  const issue = checkStructure(decoded);
  if (issue) throw makeFault(program, issue.reason, issue.pc);
  return decoded;
}
function sourceLine(lines, pc) {
  let best;
  for (const row2 of lines) if (row2.insn <= pc && (best === void 0 || row2.insn >= best.insn)) best = row2;
  return best && `${best.file}:${best.line}`;
}
function makeFault(program, reason, pc, regs) {
  const values = [];
  if (regs) {
    for (let i = 0; i < 11; i++) values.push((BigInt(regs[2 * i + 1] >>> 0) << 32n) | BigInt(regs[2 * i] >>> 0));
  }
  return new Fault(reason, pc, values, sourceLine(program.lines, pc));
}

// core/vm/access.ts
var NOTHING = -2147483648;
function limitOf(bytes) {
  return NOTHING + Math.max(0, bytes - 7);
}
var AccessMap = class {
  checked;
  readLo = FIRST_MAPPED;
  readLimit = NOTHING;
  writeLo = FIRST_MAPPED;
  writeLimit = NOTHING;
  #memory;
  #regions;
  /** Active stack areas, innermost last. */
  #stacks = [];
  constructor(memory, checked, regions) {
    this.#memory = memory;
    this.checked = checked;
    this.#regions = [...regions];
    this.refresh();
  }
  /** The memory may have grown. */
  refresh() {
    if (this.checked) return;
    this.readLimit = this.writeLimit = limitOf(this.#memory.u8.length - FIRST_MAPPED);
  }
  /** A run or callback begins on a stack area with one frame. */
  enterStack(base) {
    this.#stacks.push({ offset: base, size: STACK_SIZE });
  }
  leaveStack() {
    this.#stacks.pop();
    this.#forget();
  }
  /** Another frame of the innermost area becomes active, or inactive. */
  frames(active) {
    this.#stacks[this.#stacks.length - 1].size = Math.min(STACK_AREA, active * STACK_SIZE);
    this.#forget();
  }
  /** A helper handed out these bytes. */
  grant(offset, size) {
    if (this.#regions.some((r) => r.offset === offset && r.size === size && r.writable)) return;
    this.#regions.push({ offset, size, writable: true });
  }
  /** May `size` bytes at (lo, hi) be touched? Moves the window over the region that allows it. */
  allows(lo, hi, size, write2) {
    if (hi !== KERNEL_HI) return false;
    const at = lo >>> 0;
    if (!this.checked) {
      this.refresh();
      return at >= FIRST_MAPPED && at + size <= this.#memory.u8.length;
    }
    for (let i = this.#stacks.length - 1; i >= 0; i--) {
      const stack = this.#stacks[i];
      if (at >= stack.offset && at + size <= stack.offset + stack.size) {
        this.#open(stack.offset, stack.size, true);
        return true;
      }
    }
    for (const region of this.#regions) {
      if (at < region.offset || at + size > region.offset + region.size || (write2 && !region.writable)) continue;
      this.#open(region.offset, region.size, region.writable);
      return true;
    }
    return false;
  }
  #open(offset, size, writable2) {
    this.readLo = offset | 0;
    this.readLimit = limitOf(size);
    if (!writable2) return;
    this.writeLo = offset | 0;
    this.writeLimit = limitOf(size);
  }
  #forget() {
    if (this.checked) this.readLimit = this.writeLimit = NOTHING;
  }
};

// core/vm/arith64.ts
function mulHigh(a, b) {
  const a0 = a & 65535;
  const a1 = a >>> 16;
  const b0 = b & 65535;
  const b1 = b >>> 16;
  const low = Math.imul(a0, b0) >>> 16;
  const mid = (Math.imul(a1, b0) + low) | 0;
  const mid2 = (Math.imul(a0, b1) + (mid & 65535)) | 0;
  return (Math.imul(a1, b1) + (mid >>> 16) + (mid2 >>> 16)) | 0;
}
function divmod64(r, d, s, remainder) {
  unsigned2(r, d, r[d] >>> 0, r[d + 1] >>> 0, r[s] >>> 0, r[s + 1] >>> 0, remainder);
}
function sdivmod64(r, d, s, remainder) {
  let al = r[d] | 0;
  let ah = r[d + 1] | 0;
  let bl = r[s] | 0;
  let bh = r[s + 1] | 0;
  if (bl === 0 && bh === 0) {
    if (!remainder) r[d] = r[d + 1] = 0;
    return;
  }
  const negative = remainder ? ah < 0 : (ah ^ bh) < 0;
  if (ah < 0) {
    al = -al | 0;
    ah = (~ah + (al === 0 ? 1 : 0)) | 0;
  }
  if (bh < 0) {
    bl = -bl | 0;
    bh = (~bh + (bl === 0 ? 1 : 0)) | 0;
  }
  unsigned2(r, d, al >>> 0, ah >>> 0, bl >>> 0, bh >>> 0, remainder);
  if (negative) {
    const lo = -r[d] | 0;
    r[d + 1] = (~r[d + 1] + (lo === 0 ? 1 : 0)) | 0;
    r[d] = lo;
  }
}
var TWO32 = 4294967296;
function unsigned2(r, d, al, ah, bl, bh, remainder) {
  if (ah === 0 && bh === 0) {
    if (bl === 0) {
      if (!remainder) r[d] = 0;
    } else r[d] = remainder ? al % bl : al / bl;
    r[d + 1] = 0;
    return;
  }
  if (bh === 0) {
    if (bl === 0) {
      if (!remainder) r[d] = r[d + 1] = 0;
      return;
    }
    const high = Math.floor(ah / bl);
    let rest = (ah % bl) * 65536 + (al >>> 16);
    const mid = Math.floor(rest / bl);
    rest = (rest % bl) * 65536 + (al & 65535);
    const low = Math.floor(rest / bl);
    if (remainder) {
      r[d] = rest % bl;
      r[d + 1] = 0;
    } else {
      r[d] = (mid << 16) | low;
      r[d + 1] = high;
    }
    return;
  }
  let q = Math.floor((ah * TWO32 + al) / (bh * TWO32 + bl));
  q = q > 0 ? q - 1 : 0;
  const productLow = Math.imul(q, bl) >>> 0;
  const productHigh = (mulHigh(q, bl) + Math.imul(q, bh)) >>> 0;
  let remLow = al - productLow;
  let remHigh = ah - productHigh;
  if (remLow < 0) {
    remLow += TWO32;
    remHigh -= 1;
  }
  while (remHigh > bh || (remHigh === bh && remLow >= bl)) {
    q++;
    remLow -= bl;
    remHigh -= bh;
    if (remLow < 0) {
      remLow += TWO32;
      remHigh -= 1;
    }
  }
  if (remainder) {
    r[d] = remLow;
    r[d + 1] = remHigh;
  } else {
    r[d] = q;
    r[d + 1] = 0;
  }
}

// core/vm/atomics.ts
function atomic32(view, at, imm, r, s) {
  const old = view.getInt32(at, true);
  if (imm === 241) {
    if (old === r[0]) view.setInt32(at, r[s], true);
    r[0] = old;
    r[1] = 0;
    return;
  }
  view.setInt32(at, combine(imm, old, r[s]), true);
  if ((imm & ATOMIC_FETCH) === 0) return;
  r[s] = old;
  r[s + 1] = 0;
}
function atomic64(view, at, imm, r, s) {
  const oldLo = view.getInt32(at, true);
  const oldHi = view.getInt32(at + 4, true);
  const lo = r[s];
  const hi = r[s + 1];
  if (imm === 241) {
    if (oldLo === r[0] && oldHi === r[1]) store2(view, at, lo, hi);
    r[0] = oldLo;
    r[1] = oldHi;
    return;
  }
  const newLo = combine(imm, oldLo, lo);
  const carry2 = (imm === 0 || imm === 1) && newLo >>> 0 < lo >>> 0 ? 1 : 0;
  store2(view, at, newLo, (combine(imm, oldHi, hi) + carry2) | 0);
  if ((imm & ATOMIC_FETCH) === 0) return;
  r[s] = oldLo;
  r[s + 1] = oldHi;
}
function store2(view, at, lo, hi) {
  view.setInt32(at, lo, true);
  view.setInt32(at + 4, hi, true);
}
function combine(imm, a, b) {
  switch (imm) {
    case 0:
    case 1:
      return (a + b) | 0;
    case 64:
    case 65:
      return a | b;
    case 80:
    case 81:
      return a & b;
    case 160:
    case 161:
      return a ^ b;
    case 225:
      return b;
    default:
      return missing(imm);
  }
}
function missing(imm) {
  throw new Error(`atomic operation 0x${Number(imm).toString(16)} has no meaning`);
}

// core/vm/arguments.ts
var CHECK = {
  anything: 'any',
  scalar: 'any',
  unsafe_ptr: 'any',
  func: 'any',
  const_map_ptr: 'map',
  ctx: 'ctx',
  ctx_or_null: 'ctx',
  const_str: 'string',
  const_size: 'size',
  const_size_or_zero: 'size',
  const_alloc_size_or_zero: 'size',
  map_key: { bytes: 'key' },
  map_value: { bytes: 'value' },
  map_value_or_null: { bytes: 'value', orNull: true },
  uninit_map_value: { bytes: 'value', write: true },
  mem: { bytes: 'next' },
  mem_or_null: { bytes: 'next', orNull: true },
  uninit_mem: { bytes: 'next', write: true },
  mem_write: { bytes: 'next', write: true },
  mem_write_or_null: { bytes: 'next', write: true, orNull: true },
  fixed_mem: { bytes: 'row' },
  stack: { bytes: 1 },
  stack_or_null: { bytes: 1, orNull: true },
  int: { bytes: 4, write: true },
  long: { bytes: 8, write: true },
  ptr_to_int: { bytes: 4, write: true },
  ptr_to_long: { bytes: 8, write: true },
  alloc_mem: 'verified',
  spin_lock: 'verified',
  timer: 'verified',
  sock_common: 'verified',
  socket: 'verified',
  socket_or_null: 'verified',
  btf_id: 'verified',
  btf_id_or_null: 'verified',
  btf_id_sock_common: 'verified',
  btf_id_sock_common_or_null: 'verified',
  percpu_btf_id: 'verified',
  kptr: 'verified',
  dynptr: 'verified',
  uninit_dynptr: 'verified',
};
function checkArguments(row2, env, r, access) {
  let map;
  for (let a = 0; a < row2.args.length; a++) {
    const check5 = CHECK[row2.args[a]];
    const lo = r[2 + 2 * a];
    const hi = r[3 + 2 * a];
    const wrong = (says) => REASON.argument(row2.name, a, says);
    switch (check5) {
      case 'any':
        break;
      case 'map':
        map = hi === KERNEL_HI ? env.mapAt(lo >>> 0) : void 0;
        if (!map) return wrong('is not a map');
        break;
      case 'ctx':
        if (lo === 0 && hi === 0 && row2.args[a] === 'ctx_or_null') break;
        if (hi !== KERNEL_HI || lo >>> 0 !== env.ctx) return wrong("is not the program's ctx");
        break;
      case 'string':
        if (!terminated(access, env, lo, hi)) return wrong("is not a string in the program's memory");
        break;
      case 'size':
        if (hi !== 0 || lo < 0) return wrong('is no size');
        break;
      case 'verified':
        return wrong(`is of kind ${row2.args[a]}, which only verified programs may pass`);
      default: {
        const size = sizeOf3(check5.bytes, row2, a, r, map);
        if (check5.orNull && lo === 0 && hi === 0) break;
        if (size > 0 && !access.allows(lo, hi, size, check5.write === true)) {
          return wrong(`points to ${size} bytes outside the program's memory`);
        }
      }
    }
  }
  return void 0;
}
function sizeOf3(bytes, row2, a, r, map) {
  if (bytes === 'key') return map?.attrs.keySize ?? 0;
  if (bytes === 'value') return map?.attrs.valueSize ?? 0;
  if (bytes === 'row') return row2.argSizes?.[a + 1] ?? 1;
  if (bytes === 'next') {
    const sized = row2.args[a + 1] !== void 0 && CHECK[row2.args[a + 1]] === 'size';
    return sized ? r[4 + 2 * a] : 1;
  }
  return bytes;
}
function terminated(access, env, lo, hi) {
  for (let at = lo; access.allows(at, hi, 1, false); at++) if (env.memory.u8[at >>> 0] === 0) return true;
  return false;
}
function grantResult(row2, env, r, mapOffset, access) {
  if (row2.ret !== 'map_value' && row2.ret !== 'map_value_or_null') return;
  if (r[1] !== KERNEL_HI) return;
  const map = env.mapAt(mapOffset >>> 0);
  if (map) access.grant(r[0] >>> 0, map.attrs.valueSize);
}

// core/vm/predecode.ts
var ALU64_CODE = {
  add: 1,
  sub: 2,
  mul: 3,
  div: 4,
  or: 5,
  and: 6,
  lsh: 7,
  rsh: 8,
  neg: 9,
  mod: 10,
  xor: 11,
  mov: 12,
  arsh: 13,
  sdiv: 14,
  smod: 15,
  movsx8: 16,
  movsx16: 17,
  movsx32: 18,
};
var ALU32_CODE = {
  add: 19,
  sub: 20,
  mul: 21,
  div: 22,
  or: 23,
  and: 24,
  lsh: 25,
  rsh: 26,
  neg: 27,
  mod: 28,
  xor: 29,
  mov: 30,
  arsh: 31,
  sdiv: 32,
  smod: 33,
  movsx8: 34,
  movsx16: 35,
};
var END_CODE = { le16: 36, le32: 37, le64: 38, swap16: 39, swap32: 40, swap64: 41 };
var JMP64_CODE = {
  jeq: 42,
  jgt: 43,
  jge: 44,
  jset: 45,
  jne: 46,
  jsgt: 47,
  jsge: 48,
  jlt: 49,
  jle: 50,
  jslt: 51,
  jsle: 52,
};
var JMP32_CODE = {
  jeq: 53,
  jgt: 54,
  jge: 55,
  jset: 56,
  jne: 57,
  jsgt: 58,
  jsge: 59,
  jlt: 60,
  jle: 61,
  jslt: 62,
  jsle: 63,
};
var LDX_CODE = { B: 64, H: 65, W: 66, DW: 67 };
var LDSX_CODE = { B: 68, H: 69, W: 70 };
var ST_CODE = { B: 71, H: 72, W: 73, DW: 74 };
var CONTROL_CODE = {
  ja: 75,
  may_goto: 76,
  call_helper: 77,
  call_local: 78,
  call_kfunc: 79,
  tail_call: 80,
  exit: 81,
  atomic: 82,
  load_packet: 83,
  step: 84,
  scratch_low: 85,
  scratch_high: 86,
  unreachable: 0,
};
var SIZE_NAME = new Map(SIZES.map((r) => [r.code, r.name]));
var ALU_NAME2 = new Map(ALU_OPS.map((r) => [r.code, r.name]));
var JMP_NAME = new Map(JMP_OPS.map((r) => [r.code, r.name]));
var REG_HALVES = 24;
var SCRATCH = 22;
var MOST_CONSTANTS = (65536 - REG_HALVES) >> 1;
var NOTHING2 = END_CODE.le64;
function predecode(p, functions, stepping) {
  return build(p, functions, stepping, false) ?? build(p, functions, stepping, true);
}
function build(p, functions, stepping, roomy) {
  const shift = roomy ? 3 : stepping ? 2 : 1;
  const constants = [];
  const narrow = /* @__PURE__ */ new Map();
  const wide = /* @__PURE__ */ new Map();
  let pending;
  const constant2 = (lo, hi) => {
    if (roomy) {
      pending = [lo, hi];
      return SCRATCH;
    }
    const extended = hi === lo >> 31;
    const known2 = extended ? narrow.get(lo) : wide.get(`${lo},${hi}`);
    if (known2 !== void 0) return known2;
    const at2 = REG_HALVES + constants.length;
    constants.push(lo, hi);
    if (extended) narrow.set(lo, at2);
    else wide.set(`${lo},${hi}`, at2);
    return at2;
  };
  const code = new Int32Array((p.length << shift) + 2);
  if (shift > 1) for (let at2 = 0; at2 < code.length; at2 += 2) code[at2] = NOTHING2;
  let at = 0;
  const put = (op, d, s, x) => {
    code[at] = op | (d << 8) | (s << 16);
    code[at + 1] = x;
    at += 2;
  };
  for (let pc = 0; pc < p.length; pc++) {
    at = pc << shift;
    if (stepping) put(CONTROL_CODE.step, 0, 0, 0);
    pending = void 0;
    const made = entry(p, pc, shift, constant2);
    if (pending) {
      put(CONTROL_CODE.scratch_low, 0, 0, pending[0]);
      put(CONTROL_CODE.scratch_high, 0, 0, pending[1]);
    }
    put(made[0], made[1], made[2], made[3]);
    if (p.opcode[pc] === OP_LD_IMM64) code[++pc << shift] = NOTHING2;
  }
  code[code.length - 2] = CONTROL_CODE.exit;
  if (constants.length / 2 > MOST_CONSTANTS) return void 0;
  const codeStart = REG_HALVES + constants.length;
  for (let at2 = 0; at2 < code.length; at2 += 2) if (isJump(code[at2] & 255)) code[at2 + 1] += codeStart;
  const image = new Int32Array(codeStart + code.length);
  image.set(constants, REG_HALVES);
  image.set(code, codeStart);
  const functionLength = new Map(functions.map((from, f) => [from, (functions[f + 1] ?? p.length) - from]));
  return { image, codeStart, shift, exitAt: image.length - 2, functionLength };
}
function isJump(op) {
  const { ja, may_goto, call_local } = CONTROL_CODE;
  return (op >= JMP64_CODE.jeq && op <= JMP32_CODE.jsle) || op === ja || op === may_goto || op === call_local;
}
function entry(p, pc, shift, constant2) {
  const opcode = p.opcode[pc];
  const d = p.dst[pc] * 2;
  const off = p.off[pc];
  const imm = p.imm[pc];
  const cls = opcode & 7;
  const register = p.src[pc] * 2;
  const operand = () => ((opcode & SRC.X) !== 0 ? register : constant2(imm, imm >> 31));
  switch (cls) {
    case CLASS.ALU:
    case CLASS.ALU64: {
      if ((opcode & 240) === ALU.end) return [endCode(cls, (opcode & SRC.X) !== 0, imm), d, 0, 0];
      const base = ALU_NAME2.get(opcode & 240);
      const variant = off === 0 ? void 0 : ALU_VARIANTS.find((v) => v.base === base && v.off === off);
      const name = variant?.name ?? base;
      return [cls === CLASS.ALU64 ? ALU64_CODE[name] : ALU32_CODE[name], d, operand(), 0];
    }
    case CLASS.LDX: {
      const size = SIZE_NAME.get(opcode & 24);
      const signed2 = (opcode & 224) === MODE.MEMSX;
      return [signed2 ? LDSX_CODE[size] : LDX_CODE[size], d, register, off];
    }
    case CLASS.ST:
      return [ST_CODE[SIZE_NAME.get(opcode & 24)], d, constant2(imm, imm >> 31), off];
    case CLASS.STX: {
      const size = SIZE_NAME.get(opcode & 24);
      if ((opcode & 224) === MODE.MEM) return [ST_CODE[size], d, register, off];
      if (imm === ATOMIC.load_acq) return [LDX_CODE[size], d, register, off];
      if (imm === ATOMIC.store_rel) return [ST_CODE[size], d, register, off];
      return [CONTROL_CODE.atomic, d, register, (off << 16) | imm | ((opcode & 24) === SIZE.DW ? 2 : 0)];
    }
    case CLASS.LD: {
      if (opcode !== OP_LD_IMM64) {
        const indirect = (opcode & 224) === MODE.IND;
        return [
          CONTROL_CODE.load_packet,
          indirect ? register : constant2(0, 0),
          constant2(imm, imm >> 31),
          loadBytes2(opcode),
        ];
      }
      if (p.src[pc] === PSEUDO.func)
        return [ALU64_CODE.mov, d, constant2((FUNCTION_LO + pc + 1 + imm) | 0, FUNCTION_HI), 0];
      return [ALU64_CODE.mov, d, constant2(imm, p.imm[pc + 1]), 0];
    }
    default:
      return control(p, pc, shift, operand);
  }
}
function control(p, pc, shift, operand) {
  const opcode = p.opcode[pc];
  const imm = p.imm[pc];
  const d = p.dst[pc] * 2;
  const target2 = (pc + 1 + p.off[pc]) << shift;
  switch (opcode) {
    case OP_EXIT:
      return [CONTROL_CODE.exit, 0, 0, 0];
    case OP_JA:
      return [CONTROL_CODE.ja, 0, 0, target2];
    case OP_GOTOL:
      return [CONTROL_CODE.ja, 0, 0, (pc + 1 + imm) << shift];
    case OP_MAY_GOTO:
      return [CONTROL_CODE.may_goto, 0, 0, target2];
    case OP_CALL:
      if (p.src[pc] === CALL.local) return [CONTROL_CODE.call_local, 0, 0, (pc + 1 + imm) << shift];
      if (p.src[pc] === CALL.kfunc) return [CONTROL_CODE.call_kfunc, 0, 0, imm];
      return [imm === HELPER_TAIL_CALL ? CONTROL_CODE.tail_call : CONTROL_CODE.call_helper, 0, 0, imm];
    default: {
      const name = JMP_NAME.get(opcode & 240);
      return [(opcode & 7) === CLASS.JMP ? JMP64_CODE[name] : JMP32_CODE[name], d, operand(), target2];
    }
  }
}
function endCode(cls, toBig, width) {
  const swap = cls === CLASS.ALU64 || toBig;
  if (width === 16) return swap ? END_CODE.swap16 : END_CODE.le16;
  if (width === 32) return swap ? END_CODE.swap32 : END_CODE.le32;
  return swap ? END_CODE.swap64 : END_CODE.le64;
}
function loadBytes2(opcode) {
  return SIZES.find((r) => r.code === (opcode & 24)).bytes;
}

// core/vm/interp-machine.ts
var Run = class {
  fuel;
  tailCalls = 0;
  access;
  constructor(fuel, access) {
    this.fuel = fuel;
    this.access = access;
  }
};
var Machine = class {
  program;
  host;
  code;
  checked;
  probes;
  onStep;
  r0Lo = 0;
  r0Hi = 0;
  #helpers = /* @__PURE__ */ new Map();
  /** Copies of the image not in use: one, unless runs nest. */
  #spare;
  constructor(program, host, code, onStep) {
    this.program = program;
    this.host = host;
    this.code = code;
    this.onStep = onStep;
    this.checked = program.facts?.verified !== true;
    const probes = program.facts?.probeLoads;
    this.probes = probes && probes.length > 0 ? new Set(probes) : void 0;
    this.#spare = [code.image.slice()];
  }
  /** Slot of the instruction whose entry is at index `i`. */
  slot(i) {
    return (i - this.code.codeStart) >> this.code.shift;
  }
  /** A register file: a copy of the image. */
  takeRegisters() {
    return this.#spare.pop() ?? this.code.image.slice();
  }
  giveRegisters(r) {
    this.#spare.push(r);
  }
  helper(id) {
    let row2 = this.#helpers.get(id);
    if (row2 === void 0) {
      row2 = this.host.helper(id);
      if (row2) this.#helpers.set(id, row2);
    }
    return row2;
  }
};
var ACCESS_BYTES = [1, 2, 4, 8, 1, 2, 4, 1, 2, 4, 8];
function slowAccess(exe, access, r, op, d, s, i) {
  const bytes = ACCESS_BYTES[op - 64];
  const write2 = op >= 71;
  const base = write2 ? d : s;
  const off = r[i + 1];
  const a = (r[base] + off) | 0;
  if (!access.allows(a, r[base + 1], bytes, write2)) {
    const pc = exe.slot(i);
    if (write2 || !exe.probes?.has(pc)) throw accessFault(exe, pc, r, base, off, bytes, write2);
    r[d] = r[d + 1] = 0;
    return;
  }
  const { u8 } = exe.host.memory;
  const at = a >>> 0;
  if (write2) {
    for (let k = 0; k < bytes; k++) u8[at + k] = r[s + (k >> 2)] >> (8 * (k & 3));
    return;
  }
  let [lo, hi] = [0, 0];
  for (let k = 0; k < bytes; k++) {
    if (k < 4) lo |= u8[at + k] << (8 * k);
    else hi |= u8[at + k] << (8 * (k - 4));
  }
  if (op >= 68) {
    const unused = 32 - 8 * bytes;
    lo = (lo << unused) >> unused;
    hi = lo >> 31;
  }
  r[d] = lo;
  r[d + 1] = hi;
}
function accessFault(exe, pc, r, base, off, bytes, write2) {
  const address = BigInt.asUintN(64, (BigInt(r[base + 1]) << 32n) + BigInt(r[base] >>> 0) + BigInt(off));
  return makeFault(exe.program, REASON.access(write2, bytes, address), pc, r);
}
function callHelper(exe, run, row2, r, pc) {
  const { env } = exe.host;
  if (!row2.run) throw makeFault(exe.program, REASON.helperUnsupported(row2.name), pc, r);
  const { access } = run;
  let mapOffset = 0;
  if (access.checked) {
    const bad2 = checkArguments(row2, env, r, access);
    if (bad2 !== void 0) throw makeFault(exe.program, bad2, pc, r);
    mapOffset = r[2];
  }
  if (row2.args.includes('func')) {
    const outer = env.callback;
    const outerProgram = env.program;
    env.callback = (address, args) => callFunction(exe, run, pc, address, args);
    env.program = exe;
    try {
      row2.run(env, r);
    } finally {
      env.callback = outer;
      env.program = outerProgram;
    }
  } else row2.run(env, r);
  if (access.checked) {
    grantResult(row2, env, r, mapOffset, access);
    for (let k = 2; k < 12; k++) r[k] = 0;
  }
}
function callFunction(exe, run, pc, address, args) {
  const slot = (address - FUNCTION_LO) | 0;
  const length = exe.code.functionLength.get(slot);
  if (length === void 0) throw makeFault(exe.program, 'callback is not a function of this program', pc);
  run.fuel -= length;
  if (run.fuel < 0) throw makeFault(exe.program, REASON.fuel, pc);
  const r = exe.takeRegisters();
  try {
    r.fill(0, 0, REG_HALVES);
    for (let k = 0; k < 10; k++) r[2 + k] = args[k];
    exe.invoke(run, r, slot);
    return r[0];
  } finally {
    exe.giveRegisters(r);
  }
}
function tailCall2(exe, run, r, pc) {
  const failed = () => {
    r[0] = -22;
    r[1] = -1;
  };
  if (!exe.host.tailCallTarget || r[5] !== KERNEL_HI) return failed();
  const target2 = exe.host.tailCallTarget(r[4] >>> 0, r[6] >>> 0);
  if (target2 === void 0 || run.tailCalls >= MAX_TAIL_CALLS) return failed();
  if (!(target2 instanceof Machine)) {
    throw makeFault(exe.program, REASON.tailElsewhere(target2.program.name), pc, r);
  }
  if (target2.checked && !run.access.checked)
    throw makeFault(exe.program, REASON.tailUnverified(target2.program.name), pc, r);
  run.tailCalls++;
  run.fuel -= target2.code.functionLength.get(0);
  if (run.fuel < 0) throw makeFault(exe.program, REASON.fuel, pc, r);
  return target2;
}

// core/vm/interp-loop.ts
var NO_FRAMES = [];
function execute(exe, run, r, start, base) {
  let fuel = run.fuel;
  let mayGoto2 = MAY_GOTO_BUDGET;
  const entryRegisters = r;
  let frames = NO_FRAMES;
  let depth2 = 0;
  const { access } = run;
  const { memory } = exe.host;
  let { u8, i32 } = memory;
  let readLo = access.readLo | 0;
  let readLimit = access.readLimit | 0;
  let writeLo = access.writeLo | 0;
  let writeLimit = access.writeLimit | 0;
  let i = start;
  for (;;) {
    const w = r[i];
    const op = w & 255;
    const d = (w >>> 8) & 255;
    const s = w >>> 16;
    switch (op) {
      // ---- ALU, 64 bits
      case 1: {
        const lo = (r[d] + r[s]) | 0;
        r[d + 1] = r[d + 1] + r[s + 1] + (lo >>> 0 < r[s] >>> 0 ? 1 : 0);
        r[d] = lo;
        i += 2;
        continue;
      }
      case 2: {
        const a = r[d];
        const b = r[s];
        r[d + 1] = r[d + 1] - r[s + 1] - (a >>> 0 < b >>> 0 ? 1 : 0);
        r[d] = a - b;
        i += 2;
        continue;
      }
      case 3: {
        const a = r[d];
        const b = r[s];
        const a0 = a & 65535;
        const b0 = b & 65535;
        const mid = (Math.imul(a >>> 16, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
        const mid2 = (Math.imul(a0, b >>> 16) + (mid & 65535)) | 0;
        const top = (Math.imul(a >>> 16, b >>> 16) + (mid >>> 16) + (mid2 >>> 16)) | 0;
        r[d + 1] = top + Math.imul(a, r[s + 1]) + Math.imul(r[d + 1], b);
        r[d] = Math.imul(a, b);
        i += 2;
        continue;
      }
      case 4:
        divmod64(r, d, s, false);
        i += 2;
        continue;
      case 5:
        r[d] = r[d] | r[s];
        r[d + 1] = r[d + 1] | r[s + 1];
        i += 2;
        continue;
      case 6:
        r[d] = r[d] & r[s];
        r[d + 1] = r[d + 1] & r[s + 1];
        i += 2;
        continue;
      case 7: {
        const n = r[s] & 63;
        const lo = r[d];
        if (n >= 32) {
          r[d + 1] = lo << (n - 32);
          r[d] = 0;
        } else if (n !== 0) {
          r[d + 1] = (r[d + 1] << n) | (lo >>> (32 - n));
          r[d] = lo << n;
        }
        i += 2;
        continue;
      }
      case 8: {
        const n = r[s] & 63;
        const hi = r[d + 1];
        if (n >= 32) {
          r[d] = hi >>> (n - 32);
          r[d + 1] = 0;
        } else if (n !== 0) {
          r[d] = (r[d] >>> n) | (hi << (32 - n));
          r[d + 1] = hi >>> n;
        }
        i += 2;
        continue;
      }
      case 9: {
        const lo = -r[d] | 0;
        r[d + 1] = ~r[d + 1] + (lo === 0 ? 1 : 0);
        r[d] = lo;
        i += 2;
        continue;
      }
      case 10:
        divmod64(r, d, s, true);
        i += 2;
        continue;
      case 11:
        r[d] = r[d] ^ r[s];
        r[d + 1] = r[d + 1] ^ r[s + 1];
        i += 2;
        continue;
      case 12:
        r[d] = r[s];
        r[d + 1] = r[s + 1];
        i += 2;
        continue;
      case 13: {
        const n = r[s] & 63;
        const hi = r[d + 1];
        if (n >= 32) {
          r[d] = hi >> (n - 32);
          r[d + 1] = hi >> 31;
        } else if (n !== 0) {
          r[d] = (r[d] >>> n) | (hi << (32 - n));
          r[d + 1] = hi >> n;
        }
        i += 2;
        continue;
      }
      case 14:
        sdivmod64(r, d, s, false);
        i += 2;
        continue;
      case 15:
        sdivmod64(r, d, s, true);
        i += 2;
        continue;
      case 16: {
        const v = (r[s] << 24) >> 24;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 17: {
        const v = (r[s] << 16) >> 16;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 18: {
        const v = r[s];
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      // ---- ALU, 32 bits: the upper half becomes zero
      case 19:
        r[d] = r[d] + r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 20:
        r[d] = r[d] - r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 21:
        r[d] = Math.imul(r[d], r[s]);
        r[d + 1] = 0;
        i += 2;
        continue;
      case 22: {
        const b = r[s] >>> 0;
        r[d] = b === 0 ? 0 : (r[d] >>> 0) / b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 23:
        r[d] = r[d] | r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 24:
        r[d] = r[d] & r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 25:
        r[d] = r[d] << r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 26:
        r[d] = r[d] >>> r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 27:
        r[d] = -r[d];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 28: {
        const b = r[s] >>> 0;
        if (b !== 0) r[d] = (r[d] >>> 0) % b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 29:
        r[d] = r[d] ^ r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 30:
        r[d] = r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 31:
        r[d] = r[d] >> r[s];
        r[d + 1] = 0;
        i += 2;
        continue;
      case 32: {
        const b = r[s];
        r[d] = b === 0 ? 0 : r[d] / b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 33: {
        const b = r[s];
        if (b !== 0) r[d] = r[d] % b;
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 34:
        r[d] = (r[s] << 24) >> 24;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 35:
        r[d] = (r[s] << 16) >> 16;
        r[d + 1] = 0;
        i += 2;
        continue;
      // ---- byte order
      case 36:
        r[d] = r[d] & 65535;
        r[d + 1] = 0;
        i += 2;
        continue;
      case 37:
        r[d + 1] = 0;
        i += 2;
        continue;
      case 38:
        i += 2;
        continue;
      case 39: {
        const v = r[d];
        r[d] = ((v & 255) << 8) | ((v >>> 8) & 255);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 40:
        r[d] = swap322(r[d]);
        r[d + 1] = 0;
        i += 2;
        continue;
      case 41: {
        const lo = r[d];
        r[d] = swap322(r[d + 1]);
        r[d + 1] = swap322(lo);
        i += 2;
        continue;
      }
      // ---- conditional jumps, 64 bits: `break` takes the jump, below the switch
      case 42:
        if (r[d] === r[s] && r[d + 1] === r[s + 1]) break;
        i += 2;
        continue;
      case 43: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 > r[s] >>> 0 : a >>> 0 > b >>> 0) break;
        i += 2;
        continue;
      }
      case 44: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 >= r[s] >>> 0 : a >>> 0 > b >>> 0) break;
        i += 2;
        continue;
      }
      case 45:
        if (((r[d] & r[s]) | (r[d + 1] & r[s + 1])) !== 0) break;
        i += 2;
        continue;
      case 46:
        if (r[d] !== r[s] || r[d + 1] !== r[s + 1]) break;
        i += 2;
        continue;
      case 47: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 > r[s] >>> 0 : a > b) break;
        i += 2;
        continue;
      }
      case 48: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 >= r[s] >>> 0 : a > b) break;
        i += 2;
        continue;
      }
      case 49: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 < r[s] >>> 0 : a >>> 0 < b >>> 0) break;
        i += 2;
        continue;
      }
      case 50: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 <= r[s] >>> 0 : a >>> 0 < b >>> 0) break;
        i += 2;
        continue;
      }
      case 51: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 < r[s] >>> 0 : a < b) break;
        i += 2;
        continue;
      }
      case 52: {
        const a = r[d + 1];
        const b = r[s + 1];
        if (a === b ? r[d] >>> 0 <= r[s] >>> 0 : a < b) break;
        i += 2;
        continue;
      }
      // ---- conditional jumps, 32 bits
      case 53:
        if (r[d] === r[s]) break;
        i += 2;
        continue;
      case 54:
        if (r[d] >>> 0 > r[s] >>> 0) break;
        i += 2;
        continue;
      case 55:
        if (r[d] >>> 0 >= r[s] >>> 0) break;
        i += 2;
        continue;
      case 56:
        if ((r[d] & r[s]) !== 0) break;
        i += 2;
        continue;
      case 57:
        if (r[d] !== r[s]) break;
        i += 2;
        continue;
      case 58:
        if (r[d] > r[s]) break;
        i += 2;
        continue;
      case 59:
        if (r[d] >= r[s]) break;
        i += 2;
        continue;
      case 60:
        if (r[d] >>> 0 < r[s] >>> 0) break;
        i += 2;
        continue;
      case 61:
        if (r[d] >>> 0 <= r[s] >>> 0) break;
        i += 2;
        continue;
      case 62:
        if (r[d] < r[s]) break;
        i += 2;
        continue;
      case 63:
        if (r[d] <= r[s]) break;
        i += 2;
        continue;
      // ---- loads and stores: inside the window here, others below the switch
      case 64: {
        const a = (r[s] + r[i + 1]) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 2147483648) >= readLimit) break;
        r[d] = u8[a >>> 0];
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 65: {
        const a = (r[s] + r[i + 1]) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 2147483648) >= readLimit) break;
        r[d] = u8[a >>> 0] | (u8[(a >>> 0) + 1] << 8);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 66: {
        const a = (r[s] + r[i + 1]) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 2147483648) >= readLimit) break;
        r[d] = (a & 3) === 0 ? i32[a >>> 2] : word(u8, a >>> 0);
        r[d + 1] = 0;
        i += 2;
        continue;
      }
      case 67: {
        const a = (r[s] + r[i + 1]) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 2147483648) >= readLimit) break;
        if ((a & 3) === 0) {
          r[d] = i32[a >>> 2];
          r[d + 1] = i32[(a >>> 2) + 1];
        } else {
          r[d] = word(u8, a >>> 0);
          r[d + 1] = word(u8, (a >>> 0) + 4);
        }
        i += 2;
        continue;
      }
      case 68: {
        const a = (r[s] + r[i + 1]) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 2147483648) >= readLimit) break;
        const v = (u8[a >>> 0] << 24) >> 24;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 69: {
        const a = (r[s] + r[i + 1]) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 2147483648) >= readLimit) break;
        const v = ((u8[a >>> 0] | (u8[(a >>> 0) + 1] << 8)) << 16) >> 16;
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 70: {
        const a = (r[s] + r[i + 1]) | 0;
        if (r[s + 1] !== KERNEL_HI || ((a - readLo) ^ 2147483648) >= readLimit) break;
        const v = word(u8, a >>> 0);
        r[d] = v;
        r[d + 1] = v >> 31;
        i += 2;
        continue;
      }
      case 71: {
        const a = (r[d] + r[i + 1]) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 2147483648) >= writeLimit) break;
        u8[a >>> 0] = r[s];
        i += 2;
        continue;
      }
      case 72: {
        const a = (r[d] + r[i + 1]) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 2147483648) >= writeLimit) break;
        const lo = r[s];
        u8[a >>> 0] = lo;
        u8[(a >>> 0) + 1] = lo >> 8;
        i += 2;
        continue;
      }
      case 73: {
        const a = (r[d] + r[i + 1]) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 2147483648) >= writeLimit) break;
        if ((a & 3) === 0) i32[a >>> 2] = r[s];
        else setWord(u8, a >>> 0, r[s]);
        i += 2;
        continue;
      }
      case 74: {
        const a = (r[d] + r[i + 1]) | 0;
        if (r[d + 1] !== KERNEL_HI || ((a - writeLo) ^ 2147483648) >= writeLimit) break;
        if ((a & 3) === 0) {
          i32[a >>> 2] = r[s];
          i32[(a >>> 2) + 1] = r[s + 1];
        } else {
          setWord(u8, a >>> 0, r[s]);
          setWord(u8, (a >>> 0) + 4, r[s + 1]);
        }
        i += 2;
        continue;
      }
      // ---- control
      case 75:
        break;
      case 76:
        if (mayGoto2 === 0) break;
        mayGoto2--;
        i += 2;
        continue;
      case 77:
      case 79: {
        const pc = exe.slot(i);
        const id = r[i + 1];
        const row2 = op === 77 ? exe.helper(id) : exe.host.kfunc?.(id);
        if (!row2) throw makeFault(exe.program, op === 77 ? REASON.noHelper(id) : REASON.noKfunc(id), pc, r);
        run.fuel = fuel;
        callHelper(exe, run, row2, r, pc);
        fuel = run.fuel;
        ({ u8, i32 } = memory);
        access.refresh();
        readLo = access.readLo | 0;
        readLimit = access.readLimit | 0;
        writeLo = access.writeLo | 0;
        writeLimit = access.writeLimit | 0;
        i += 2;
        continue;
      }
      case 78: {
        const target3 = r[i + 1];
        fuel -= exe.code.functionLength.get(exe.slot(target3));
        if (fuel < 0) throw makeFault(exe.program, REASON.fuel, exe.slot(i), r);
        if (depth2 + 1 >= MAX_CALL_FRAMES) throw makeFault(exe.program, REASON.depth, exe.slot(i), r);
        if (frames === NO_FRAMES) frames = [];
        const frame = (frames[depth2++] ??= { exe, r, next: 0, mayGoto: 0, saved: new Int32Array(10) });
        frame.exe = exe;
        frame.r = r;
        frame.next = i + 2;
        frame.mayGoto = mayGoto2;
        for (let k = 0; k < 10; k++) frame.saved[k] = r[12 + k];
        mayGoto2 = MAY_GOTO_BUDGET;
        r[20] = base + STACK_SIZE * (depth2 + 1);
        if (access.checked) {
          for (let k = 12; k < 20; k++) r[k] = 0;
          r[0] = r[1] = 0;
          memory.u8.fill(0, r[20] - STACK_SIZE, r[20]);
          access.frames(depth2 + 1);
          readLimit = access.readLimit | 0;
          writeLimit = access.writeLimit | 0;
        }
        i = target3;
        continue;
      }
      case 80: {
        const pc = exe.slot(i);
        run.fuel = fuel;
        const target3 = tailCall2(exe, run, r, pc);
        i += 2;
        if (target3 === void 0) continue;
        const next2 = target3.takeRegisters();
        next2.fill(0, 0, REG_HALVES);
        next2[2] = r[2];
        next2[3] = r[3];
        next2[20] = r[20];
        next2[21] = r[21];
        fuel = run.fuel;
        if (r !== entryRegisters && !frames.some((f, k) => k < depth2 && f.r === r)) exe.giveRegisters(r);
        exe = target3;
        r = next2;
        mayGoto2 = MAY_GOTO_BUDGET;
        i = exe.code.codeStart;
        continue;
      }
      case 81: {
        if (depth2 === 0) {
          run.fuel = fuel;
          if (r !== entryRegisters) {
            entryRegisters[0] = r[0];
            entryRegisters[1] = r[1];
            exe.giveRegisters(r);
          }
          return;
        }
        const frame = frames[--depth2];
        const to = frame.r;
        if (to !== r) {
          for (let k = 0; k < 12; k++) to[k] = r[k];
          if (r !== entryRegisters) exe.giveRegisters(r);
          r = to;
          exe = frame.exe;
        }
        for (let k = 0; k < 10; k++) r[12 + k] = frame.saved[k];
        mayGoto2 = frame.mayGoto;
        i = frame.next;
        if (access.checked) {
          for (let k = 2; k < 12; k++) r[k] = 0;
          access.frames(depth2 + 1);
          readLimit = access.readLimit | 0;
          writeLimit = access.writeLimit | 0;
        }
        continue;
      }
      case 82: {
        const x = r[i + 1];
        const a = (r[d] + (x >> 16)) | 0;
        const bytes = (x & 2) !== 0 ? 8 : 4;
        if (!access.allows(a, r[d + 1], bytes, true)) throw accessFault(exe, exe.slot(i), r, d, x >> 16, bytes, true);
        readLo = access.readLo | 0;
        readLimit = access.readLimit | 0;
        writeLo = access.writeLo | 0;
        writeLimit = access.writeLimit | 0;
        if (bytes === 8) atomic64(memory.view, a >>> 0, x & 253, r, s);
        else atomic32(memory.view, a >>> 0, x & 253, r, s);
        i += 2;
        continue;
      }
      case 83: {
        const value = exe.host.env.loadPacket?.((r[d] + r[s]) | 0, r[i + 1]);
        if (value === void 0 && !exe.host.env.loadPacket) {
          throw makeFault(exe.program, REASON.noPacket, exe.slot(i), r);
        }
        r[0] = value ?? 0;
        r[1] = 0;
        i += 2;
        if (value === void 0) i = exe.code.exitAt;
        continue;
      }
      case 84:
        exe.onStep(exe.slot(i), r);
        i += 2;
        continue;
      case 85:
        r[22] = r[i + 1];
        i += 2;
        continue;
      case 86:
        r[23] = r[i + 1];
        i += 2;
        continue;
      case 0:
        throw makeFault(exe.program, 'unreachable instruction', exe.slot(i), r);
      default:
        throw unknownOperation(op);
    }
    if (op >= 64 && op <= 74) {
      slowAccess(exe, access, r, op, d, s, i);
      ({ u8, i32 } = memory);
      readLo = access.readLo | 0;
      readLimit = access.readLimit | 0;
      writeLo = access.writeLo | 0;
      writeLimit = access.writeLimit | 0;
      i += 2;
      continue;
    }
    const target2 = r[i + 1];
    if (target2 <= i) {
      fuel -= ((i - target2) >> exe.code.shift) + 1;
      if (fuel < 0) throw makeFault(exe.program, REASON.fuel, exe.slot(i), r);
    }
    i = target2;
  }
}
function unknownOperation(op) {
  return new Error(`interpreter has no case for operation ${op}`);
}
function swap322(v) {
  return (v << 24) | ((v & 65280) << 8) | ((v >>> 8) & 65280) | (v >>> 24);
}
function word(u8, at) {
  return u8[at] | (u8[at + 1] << 8) | (u8[at + 2] << 16) | (u8[at + 3] << 24);
}
function setWord(u8, at, value) {
  u8[at] = value;
  u8[at + 1] = value >> 8;
  u8[at + 2] = value >> 16;
  u8[at + 3] = value >> 24;
}

// core/vm/stack.ts
var StackAreas = class {
  #memory;
  #areas = [];
  #depth = 0;
  constructor(memory) {
    this.#memory = memory;
  }
  /** Offset of the next area (STACK_AREA bytes), or 0 when runs are nested too deep. Pair with `leave`. */
  enter() {
    if (this.#depth >= MAX_NESTING) return 0;
    const base = this.#areas[this.#depth] ?? this.#make();
    this.#depth++;
    return base;
  }
  leave() {
    this.#depth--;
  }
  #make() {
    const base = this.#memory.alloc(STACK_AREA, STACK_AREA);
    this.#areas.push(base);
    return base;
  }
};
var areas = /* @__PURE__ */ new WeakMap();
function stackAreas(memory) {
  let found = areas.get(memory);
  if (!found) areas.set(memory, (found = new StackAreas(memory)));
  return found;
}

// core/vm/interp.ts
var interp = {
  name: 'interp',
  unavailable: () => void 0,
  prepare: (program, host, options) => new InterpExecutable(program, decodeProgram(program), host, options ?? {}),
};
var InterpExecutable = class extends Machine {
  #fuel;
  #stacks;
  #run;
  constructor(program, decoded, host, options) {
    const code = predecode(decoded, functionStarts(decoded), options.onStep !== void 0);
    super(program, host, code, options.onStep);
    this.#fuel = options.fuel ?? DEFAULT_FUEL;
    this.#stacks = stackAreas(host.memory);
  }
  run(ctxOffset, r2 = 0) {
    const run = this.checked ? this.#checkedRun() : this.#plainRun();
    const r = this.takeRegisters();
    if (this.checked) r.fill(0, 0, REG_HALVES);
    r[2] = ctxOffset;
    r[3] = ctxOffset === 0 ? 0 : KERNEL_HI;
    r[4] = r2;
    r[5] = 0;
    this.invoke(run, r, 0);
    this.r0Lo = r[0];
    this.r0Hi = r[1];
    this.giveRegisters(r);
    if (!this.checked) this.#run = run;
  }
  call(functionAddress, args) {
    const run = this.checked ? this.#checkedRun() : new Run(this.#fuel, new AccessMap(this.host.memory, false, []));
    return callFunction(this, run, 0, functionAddress, args);
  }
  #checkedRun() {
    const { memory } = this.host;
    return new Run(this.#fuel, new AccessMap(memory, true, this.host.regions?.() ?? []));
  }
  /** Unchecked runs that do not nest share one Run. */
  #plainRun() {
    const run = this.#run ?? new Run(this.#fuel, new AccessMap(this.host.memory, false, []));
    this.#run = void 0;
    run.fuel = this.#fuel;
    run.tailCalls = 0;
    return run;
  }
  runBatch(ctxOffset, ctxStride, count, resultOffset, r2 = 0) {
    for (let i = 0; i < count; i++) {
      this.run(ctxOffset + i * ctxStride, r2);
      if (resultOffset !== 0) this.host.memory.view.setInt32(resultOffset + 4 * i, this.r0Lo, true);
    }
  }
  /** Run the function at `slot` on a stack area of its own. */
  invoke(run, r, slot) {
    const stacks = this.#stacks;
    const base = stacks.enter();
    if (base === 0) throw makeFault(this.program, REASON.nesting, slot, r);
    try {
      r[20] = base + STACK_SIZE;
      r[21] = KERNEL_HI;
      if (this.checked) {
        this.host.memory.u8.fill(0, base, base + STACK_SIZE);
        run.access.enterStack(base);
      }
      execute(this, run, r, this.code.codeStart + (slot << this.code.shift), base);
    } finally {
      stacks.leave();
      if (this.checked) run.access.leaveStack();
    }
  }
};

// test/verifier/checked-run.ts
var PLAIN_CONTEXT = /* @__PURE__ */ new Set([
  'socket_filter',
  'kprobe',
  'tracepoint',
  'raw_tracepoint',
  'perf_event',
  'cgroup_device',
]);
var FUEL = 2e5;
var UNCHECKED = /* @__PURE__ */ new Set([131, 197, 198, 199, 200, 201, 202, 203]);
function callsUnchecked(insns) {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  for (let at = 0; at < insns.length; at += insns[at] === 24 ? 16 : 8) {
    if (insns[at] !== 133) continue;
    const kind = insns[at + 1] >> 4;
    if (kind === 2 || (kind === 0 && UNCHECKED.has(view.getInt32(at + 4, true)))) return true;
  }
  return false;
}
function runChecked(s, random) {
  if (!PLAIN_CONTEXT.has(s.type) || callsUnchecked(s.insns)) return 'skipped';
  const layout2 = progTypeByName(s.type).ctx;
  const size = layout2.kind === 'args' ? layout2.count * 8 : layout2.size;
  const maps = s.maps.map((m) => ({
    type: m.type,
    key_size: m.keySize,
    value_size: m.valueSize,
    max_entries: m.maxEntries,
    flags: m.flags,
  }));
  for (let run = 0; run < 3; run++) {
    const mem = Uint8Array.from({ length: Math.max(8, size) }, () => random.below(run === 0 ? 3 : 256));
    try {
      runOnce(interp, { code: s.insns, mem, maps, fuel: FUEL });
    } catch (error) {
      if (error instanceof Unsupported) return 'skipped';
      if (!(error instanceof Fault)) return { fault: `${error}` };
      if (/fuel|reserved field|not available|no helper|unsupported|not supported/i.test(error.reason)) return 'skipped';
      return { fault: `${error.pc}: ${error.reason}` };
    }
  }
  return 'ran';
}

// test/verifier/generate-calls.ts
function kfuncIds(btf) {
  return (name) => btf?.find(name, 'func');
}
function kfunc(g, name) {
  const id = g.kfuncs(name);
  if (id === void 0) return false;
  g.emit(133, 0, 2, 0, id);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
  g.kinds[0] = 'num';
  return true;
}
function pointTo(g, reg, off) {
  g.emit(191, reg, 10);
  g.emit(7, reg, 0, 0, off);
}
function iterator(g, depth2) {
  const { r } = g;
  if (g.kfuncs('bpf_iter_num_new') === void 0) return;
  const slot = -8 * (9 + depth2 * 2 + r.below(2));
  pointTo(g, 1, slot);
  g.emit(183, 2, 0, 0, r.pick([0, 0, -3]));
  g.emit(183, 3, 0, 0, r.pick([3, 10, 1e3]));
  kfunc(g, 'bpf_iter_num_new');
  const top = g.newLabel();
  const out = g.newLabel();
  g.place(top);
  const before2 = [...g.kinds];
  pointTo(g, 1, slot);
  kfunc(g, 'bpf_iter_num_next');
  if (!g.forget()) g.jump(21, 0, 0, 0, out);
  const element = 6 + r.below(4);
  if (r.below(2)) {
    g.emit(97, element, 0, 0);
    g.kinds[element] = 'num';
  }
  g.block(1 + r.below(2), depth2 + 2);
  g.goto(top);
  g.place(out);
  pointTo(g, 1, slot);
  if (!g.forget()) kfunc(g, 'bpf_iter_num_destroy');
  g.kinds = before2.map((k, i) => (k === g.kinds[i] ? k : 'none'));
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}
function section(g, depth2) {
  const [enter, leave] = g.r.pick([
    ['bpf_rcu_read_lock', 'bpf_rcu_read_unlock'],
    ['bpf_preempt_disable', 'bpf_preempt_enable'],
  ]);
  if (!kfunc(g, enter)) return;
  g.block(1, depth2 + 2);
  if (!g.forget()) kfunc(g, leave);
}
function task(g) {
  const { r } = g;
  g.emit(183, 1, 0, 0, 1);
  if (!kfunc(g, 'bpf_task_from_pid')) return;
  const skip = g.newLabel();
  if (!g.forget()) g.jump(21, 0, 0, 0, skip);
  if (r.below(2)) g.emit(97 | r.pick([0, 8, 16, 24]), 2, 0, 8 * r.below(60));
  g.emit(191, 1, 0);
  if (!g.forget()) kfunc(g, r.below(4) ? 'bpf_task_release' : 'bpf_task_acquire');
  g.place(skip);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}
function dynptr(g) {
  const { r } = g;
  const at = -8 * (10 + r.below(3));
  const reserves = r.below(2) === 0;
  if (reserves) {
    g.loadMap(1, 2);
    g.emit(183, 2, 0, 0, 8 * (1 + r.below(4)));
    g.emit(183, 3, 0, 0, 0);
    pointTo(g, 4, at);
    g.call('ringbuf_reserve_dynptr');
  } else {
    const values = g.regsOf('value');
    if (values.length === 0) return;
    g.emit(191, 1, r.pick(values));
    g.emit(183, 2, 0, 0, r.pick([8, 16, 40, 64]));
    g.emit(183, 3, 0, 0, 0);
    pointTo(g, 4, at);
    g.call('dynptr_from_mem');
  }
  switch (r.below(3)) {
    case 0: {
      pointTo(g, 1, at + (g.forget() ? 8 : 0));
      g.emit(183, 2, 0, 0, 0);
      g.emit(183, 3, 0, 0, 8);
      g.call('dynptr_data');
      const skip = g.newLabel();
      if (!g.forget()) g.jump(21, 0, 0, 0, skip);
      g.emit(122, 0, 0, r.below(2) * 4, 1);
      g.place(skip);
      break;
    }
    case 1:
      g.emit(122, 10, 0, -8, 1);
      pointTo(g, 1, -8);
      g.emit(183, 2, 0, 0, 8);
      pointTo(g, 3, at);
      g.emit(183, 4, 0, 0, 0);
      g.emit(183, 5, 0, 0, 0);
      g.call('dynptr_read');
      break;
    default:
      if (g.forget()) g.emit(122, 10, 0, at, 0);
  }
  if (reserves && !g.forget()) {
    pointTo(g, 1, at);
    g.emit(183, 2, 0, 0, 0);
    g.call(r.below(2) ? 'ringbuf_submit_dynptr' : 'ringbuf_discard_dynptr');
  }
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}
function packetDynptr(g) {
  const { r } = g;
  const from = g.type === 'xdp' ? 'bpf_dynptr_from_xdp' : 'bpf_dynptr_from_skb';
  const ctx = g.regsOf('ctx').filter((c) => c >= 6);
  if (ctx.length === 0) return;
  const at = -8 * (10 + r.below(2));
  g.emit(191, 1, r.pick(ctx));
  g.emit(183, 2, 0, 0, 0);
  pointTo(g, 3, at);
  if (!kfunc(g, from)) return;
  g.emit(122, 10, 0, -8, 0);
  g.emit(122, 10, 0, -16, 0);
  pointTo(g, 1, at);
  g.emit(183, 2, 0, 0, r.below(20));
  pointTo(g, 3, -16);
  g.emit(183, 4, 0, 0, r.pick([8, 16, 16, 24]));
  kfunc(g, r.below(3) ? 'bpf_dynptr_slice' : 'bpf_dynptr_slice_rdwr');
  const skip = g.newLabel();
  if (!g.forget()) g.jump(21, 0, 0, 0, skip);
  if (r.below(4)) g.emit(97 | r.pick([0, 8, 16]), 1, 0, r.below(12));
  else g.emit(98, 0, 0, r.below(12), 1);
  g.place(skip);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}
function context(g) {
  const { r } = g;
  const ctx = g.regsOf('ctx');
  const layout2 = progTypeByName(g.type)?.ctx;
  if (ctx.length === 0 || !layout2) return;
  const size = layout2.kind === 'args' ? layout2.count * 8 : layout2.size;
  const c = r.pick(ctx);
  const bytes = r.pick([1, 2, 4, 4, 4, 8]);
  const code = { 1: 16, 2: 8, 4: 0, 8: 24 }[bytes];
  const off = Math.floor(r.below(size + 4) / bytes) * bytes + (g.forget() ? 1 : 0);
  if (r.below(6) === 0) {
    if (r.below(2)) g.emit(98 | code, c, 0, off, r.below(3));
    else g.emit(99 | code, c, g.number(), off);
    return;
  }
  const d = g.target();
  if (d === c) return;
  g.emit((r.below(8) === 0 && bytes < 8 ? 129 : 97) | code, d, c, off);
  g.kinds[d] = 'none';
  if (r.below(3) === 0) g.emit(191, 6 + r.below(4), d);
}
function local(g) {
  const { r } = g;
  const args = 1 + r.below(3);
  for (let i = 1; i <= args; i++) {
    const any = g.regsOf('num', 'small', 'value', 'ctx').filter((n) => n >= 6);
    const pick = r.below(3);
    if (pick === 0 && any.length > 0) g.emit(191, i, r.pick(any));
    else if (pick === 1) pointTo(g, i, -8 * (1 + r.below(4)));
    else g.emit(183, i, 0, 0, r.below(8));
  }
  g.callFunction(args);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
  g.kinds[0] = 'num';
}
function mayGoto(g, depth2) {
  const top = g.newLabel();
  const out = g.newLabel();
  const before2 = [...g.kinds];
  g.place(top);
  g.jump(229, 0, 0, 0, out);
  g.block(1 + g.r.below(2), depth2 + 2);
  g.goto(top);
  g.place(out);
  g.kinds = before2.map((k, i) => (k === g.kinds[i] ? k : 'none'));
}
function callStatement(g, depth2) {
  switch (g.r.below(depth2 > 2 ? 4 : 9)) {
    case 0:
    case 1:
      context(g);
      return;
    case 2:
      if (g.type === 'xdp' || g.type === 'sched_cls' || g.type === 'cgroup_skb') packetDynptr(g);
      else task(g);
      return;
    case 3:
      dynptr(g);
      return;
    case 4:
      iterator(g, depth2);
      return;
    case 5:
      section(g, depth2);
      return;
    case 6:
      mayGoto(g, depth2);
      return;
    default:
      local(g);
  }
}

// test/verifier/generate.ts
var MAPS = ['array 4 48 4', 'hash 8 40 16', 'ringbuf 0 0 4096', 'percpu_array 4 16 2'].map((m, i) => makeMap(i, m));
var ARRAY2 = 0;
var HASH3 = 1;
var RINGBUF2 = 2;
var VALUE_SIZES = [48, 40, 0, 16];
var TYPES = [
  ...['socket_filter', 'xdp', 'sched_cls', 'kprobe', 'tracepoint', 'raw_tracepoint', 'cgroup_skb'],
  ...[
    'xdp',
    'sched_cls',
    'tracepoint',
    'perf_event',
    'sock_ops',
    'sk_msg',
    'flow_dissector',
    'sk_skb',
    'cgroup_sock',
    'cgroup_device',
  ],
];
var ALU_OPS2 = [0, 16, 32, 64, 80, 160, 96, 112, 192, 48, 144];
var CONDITIONS = [16, 32, 48, 64, 80, 96, 112, 160, 176, 192, 208];
var SIZES2 = [
  [16, 1],
  [8, 2],
  [0, 4],
  [24, 8],
];
var NUMBERS2 = [
  0, 1, -1, 2, 3, 5, 7, 8, 16, 24, 31, 32, 40, 47, 48, 63, 64, 100, 255, 256, 4095, -8, -48, 2147483647, -2147483648,
];
var Generator = class {
  r;
  type;
  out = [];
  labels = [];
  kinds = ['none', 'ctx', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'fp'];
  /** Map of each value register. */
  valueMap = new Array(11).fill(0);
  /** Stack bytes written, by 8-byte slot. */
  slots = /* @__PURE__ */ new Set();
  /** Chance in 100 that a check is left out. */
  careless;
  /** Functions called and not written yet: label and number of arguments. */
  #functions = [];
  #written = 0;
  kfuncs;
  constructor(r, kfuncs) {
    this.r = r;
    this.kfuncs = kfuncs;
    this.type = r.pick(TYPES);
    this.careless = r.pick([0, 0, 2, 10]);
  }
  emit(opcode, dst = 0, src = 0, off = 0, imm = 0) {
    this.out.push({ opcode, dst, src, off, imm });
  }
  jump(opcode, dst, src, imm, label) {
    this.out.push({ opcode, dst, src, off: 0, imm, label });
  }
  goto(label) {
    this.jump(5, 0, 0, 0, label);
  }
  /** ld_imm64 of a map. */
  loadMap(reg, map) {
    this.out.push({ opcode: 24, dst: reg, src: 1, off: 0, imm: map, immHi: 0 });
  }
  /** A call of a function that `finish` writes, or of one called before. */
  callFunction(args) {
    const same = this.#functions.filter((f2) => f2.args === args);
    let f = same.length > 0 && this.r.below(2) ? this.r.pick(same) : void 0;
    if (!f) {
      f = { label: this.newLabel(), args };
      this.#functions.push(f);
    }
    this.out.push({ opcode: 133, dst: 0, src: 1, off: 0, imm: 0, label: f.label, calls: true });
  }
  /** Write the functions that were called. */
  #writeFunctions() {
    while (this.#written < this.#functions.length) {
      const { label, args } = this.#functions[this.#written++];
      this.place(label);
      this.kinds = ['none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'fp'];
      this.slots.clear();
      for (let i = 1; i <= args; i++) {
        this.emit(191, 5 + i, i);
        if (this.r.below(4) === 0) this.emit(97, 0, i, 0);
      }
      this.block(1 + this.r.below(this.#written > 3 ? 1 : 4), this.#written > 3 ? 5 : 1);
      this.emit(183, 0, 0, 0, this.r.below(3));
      this.emit(149);
    }
  }
  newLabel() {
    this.labels.push(-1);
    return this.labels.length - 1;
  }
  place(label) {
    this.labels[label] = this.out.length;
  }
  forget() {
    return this.r.below(100) < this.careless;
  }
  regsOf(...kinds) {
    return this.kinds.flatMap((k, i) => (kinds.includes(k) && i < 10 ? [i] : []));
  }
  /** A register to overwrite: callee-saved ones live longer. */
  target() {
    return this.r.below(4) === 0 ? this.r.below(6) : 6 + this.r.below(4);
  }
  number() {
    const have = this.regsOf('num', 'small');
    if (have.length > 0 && this.r.below(5) > 0) return this.r.pick(have);
    const d = this.target();
    this.makeNumber(d);
    return d;
  }
  makeNumber(d) {
    const { r } = this;
    switch (r.below(4)) {
      case 0:
        this.emit(r.below(2) ? 183 : 180, d, 0, 0, r.pick(NUMBERS2));
        break;
      case 1: {
        this.out.push({ opcode: 24, dst: d, src: 0, off: 0, imm: r.pick(NUMBERS2), immHi: r.pick(NUMBERS2) });
        break;
      }
      default: {
        const values = this.regsOf('value');
        if (values.length > 0 && r.below(2)) {
          const v = r.pick(values);
          const [code, size] = r.pick(SIZES2);
          const off = r.below(VALUE_SIZES[this.valueMap[v]] - size + 1 + (this.forget() ? 8 : 0));
          this.emit((r.below(4) === 0 && size < 8 ? 129 : 97) | code, d, v, off, 0);
        } else {
          this.call('get_prandom_u32');
          this.emit(191, d, 0, 0, 0);
        }
      }
    }
    this.kinds[d] = 'num';
  }
  call(name) {
    this.emit(133, 0, 0, 0, helperByName(name).id);
    for (let i = 0; i <= 5; i++) this.kinds[i] = 'none';
    this.kinds[0] = 'num';
  }
  alu() {
    const { r } = this;
    const d = this.number();
    const cls = r.below(3) ? 7 : 4;
    this.kinds[d] = 'num';
    switch (r.below(12)) {
      case 0:
        this.emit(cls | 128, d);
        return;
      case 1:
        this.emit(r.pick([212, 220, 215]), d, 0, 0, r.pick([16, 32, 64]));
        return;
      case 2: {
        const s = this.number();
        this.emit(184 | cls, d, s, r.pick(cls === 7 ? [0, 8, 16, 32] : [0, 8, 16]));
        return;
      }
      default: {
        const op = r.pick(ALU_OPS2);
        if (r.below(3) === 0) this.emit(cls | op | 8, d, this.number());
        else {
          let imm = r.pick(NUMBERS2);
          if (op >= 96 && op !== 160 && op !== 144) imm = r.below(cls === 7 ? 64 : 32);
          if ((op === 48 || op === 144) && imm === 0) imm = 3;
          this.emit(cls | op, d, 0, 0, imm);
        }
      }
    }
  }
  /** A number surely in [0, limit): masked or compared. */
  bounded(limit) {
    const { r } = this;
    const d = this.number();
    if (this.forget()) return d;
    const mask = 2 ** Math.floor(Math.log2(limit)) - 1;
    switch (r.below(4)) {
      case 0:
        this.emit(r.below(2) ? 87 : 84, d, 0, 0, mask);
        break;
      case 1: {
        const skip = this.newLabel();
        this.jump(r.below(2) ? 165 : 166, d, 0, limit, skip);
        this.emit(183, d, 0, 0, r.below(limit));
        this.place(skip);
        if (this.out[this.out.length - 2].opcode === 166) this.emit(188, d, d);
        break;
      }
      case 2: {
        const low = this.newLabel();
        const high = this.newLabel();
        this.jump(197, d, 0, 0, low);
        this.jump(197, d, 0, limit, high);
        this.place(low);
        this.emit(183, d, 0, 0, 0);
        this.place(high);
        break;
      }
      default:
        this.emit(103, d, 0, 0, 32);
        this.emit(119, d, 0, 0, 32);
        this.emit(87, d, 0, 0, mask);
    }
    this.kinds[d] = 'small';
    return d;
  }
  lookup() {
    const { r } = this;
    const map = r.pick([ARRAY2, HASH3, 3]);
    const keySize = map === HASH3 ? 8 : 4;
    if (r.below(2)) this.emit(98, 10, 0, -8, r.below(6));
    else this.emit(123, 10, this.number(), -8);
    if (keySize === 8 || r.below(2)) this.emit(98, 10, 0, -4, 0);
    this.slots.add(0);
    this.emit(191, 2, 10);
    this.emit(7, 2, 0, 0, -8);
    this.out.push({ opcode: 24, dst: 1, src: 1, off: 0, imm: map, immHi: 0 });
    this.call('map_lookup_elem');
    const d = 6 + r.below(4);
    this.emit(191, d, 0);
    if (!this.forget()) {
      const ok = this.newLabel();
      this.jump(85, r.below(2) ? d : 0, 0, 0, ok);
      this.emit(183, 0, 0, 0, 0);
      this.emit(149);
      this.place(ok);
    }
    this.kinds[d] = 'value';
    this.kinds[0] = 'none';
    this.valueMap[d] = map;
  }
  useValue() {
    const { r } = this;
    const values = this.regsOf('value');
    if (values.length === 0) {
      this.lookup();
      return;
    }
    const v = r.pick(values);
    const size = VALUE_SIZES[this.valueMap[v]];
    const [code, bytes] = r.pick(SIZES2);
    if (r.below(2)) {
      const index = this.bounded(Math.max(1, size - bytes));
      const p = this.target();
      if (p === v || p === index) return;
      this.emit(191, p, v);
      this.emit(15, p, index);
      this.kinds[p] = 'none';
      if (r.below(2)) this.emit(97 | code, p, p, r.below(2));
      else {
        this.emit(98 | code, p, 0, 0, r.pick(NUMBERS2));
        return;
      }
      this.kinds[p] = 'num';
      return;
    }
    const off = r.below(size - bytes + 1 + (this.forget() ? 4 : 0));
    if (r.below(4) === 0 && bytes >= 4 && off % bytes === 0) {
      const s = this.number();
      if (s !== v) this.emit(195 | code, v, s, off, r.pick([0, 1, 65, 81, 161, 225]));
    } else if (r.below(2)) this.emit(99 | code, v, this.number(), off);
    else this.emit(97 | code, this.fresh(v), v, off);
  }
  /** A register other than `not`, a number from now on. */
  fresh(not) {
    let d = this.target();
    while (d === not) d = this.target();
    this.kinds[d] = 'num';
    return d;
  }
  stack() {
    const { r } = this;
    const slot = r.below(8);
    const [code, bytes] = r.pick(SIZES2);
    const off = -8 * (slot + 1) + r.below(8 / bytes) * bytes;
    switch (r.below(6)) {
      case 0:
        this.emit(98 | code, 10, 0, off, r.pick(NUMBERS2));
        this.slots.add(slot);
        return;
      case 1: {
        const any = this.regsOf('num', 'small', 'value', 'ctx', 'packet');
        if (any.length === 0) return;
        const s = r.pick(any);
        this.emit(123, 10, s, -8 * (slot + 1));
        this.slots.add(slot);
        if (r.below(2)) this.call('get_smp_processor_id');
        const d = 6 + r.below(4);
        this.emit(121, d, 10, -8 * (slot + 1));
        this.kinds[d] = this.kinds[s] === 'none' ? 'num' : this.kinds[s];
        this.valueMap[d] = this.valueMap[s];
        return;
      }
      case 2:
        this.emit(99 | code, 10, this.number(), off);
        this.slots.add(slot);
        return;
      case 3: {
        for (let i = 0; i < 4; i++) {
          this.emit(122, 10, 0, -8 * (i + 1), 0);
          this.slots.add(i);
        }
        const index = this.bounded(32 - bytes + 1);
        this.emit(87, index, 0, 0, ~(bytes - 1));
        const p = this.fresh(index);
        this.emit(191, p, 10);
        this.emit(7, p, 0, 0, -32);
        this.emit(15, p, index);
        if (r.below(2)) this.emit(97 | code, p, p, 0);
        else {
          this.emit(98 | code, p, 0, 0, r.below(2));
          this.kinds[p] = 'none';
        }
        return;
      }
      case 4:
        if (bytes >= 4) {
          this.emit(122, 10, 0, -8 * (slot + 1), r.pick(NUMBERS2));
          this.slots.add(slot);
          this.emit(195 | code, 10, this.number(), off, r.pick([0, 1, 65, 81, 161, 225]));
        }
        return;
      default:
        if (this.slots.has(slot) || this.forget()) this.emit(97 | code, this.fresh(10), 10, off);
    }
  }
  packet() {
    const { r } = this;
    const ctx = this.regsOf('ctx');
    if (ctx.length === 0 || (this.type !== 'xdp' && this.type !== 'sched_cls' && this.type !== 'cgroup_skb')) return;
    const [start, end] = this.type === 'xdp' ? [0, 4] : [76, 80];
    const c = r.pick(ctx);
    const p = 6 + r.below(2);
    const e = 8 + r.below(2);
    if (c === p || c === e) return;
    this.emit(97, p, c, start);
    this.emit(97, e, c, end);
    this.kinds[p] = 'packet';
    this.kinds[e] = 'end';
    const length = 1 + r.below(40);
    const probe = 2 + r.below(3);
    if (this.kinds[probe] === 'ctx') return;
    let base = p;
    if (r.below(3) === 0) {
      const index = this.bounded(64);
      if (index === p || index === e || index === probe || this.kinds[p] !== 'packet' || this.kinds[e] !== 'end')
        return;
      base = 5;
      this.emit(191, 5, p);
      this.emit(15, 5, index);
      this.kinds[5] = 'packet';
    }
    this.emit(191, probe, base);
    this.emit(7, probe, 0, 0, length);
    this.kinds[probe] = 'none';
    const out = this.newLabel();
    this.jump(r.pick([45, 45, 61, 173]), r.below(8) ? probe : e, r.below(8) ? e : probe, 0, out);
    const [code, bytes] = r.pick(SIZES2);
    const off = Math.max(0, length - bytes) + (this.forget() ? 1 : 0);
    this.emit(97 | code, probe, base, r.below(off + 1));
    this.place(out);
    this.kinds[base] = base === 5 ? 'none' : 'packet';
  }
  helper() {
    const { r } = this;
    switch (r.below(4)) {
      case 0: {
        const size = this.bounded(64);
        this.emit(191, 1, 10);
        this.emit(7, 1, 0, 0, -64);
        if (r.below(3)) this.emit(191, 2, size);
        else this.emit(183, 2, 0, 0, 1 + r.below(64 + (this.forget() ? 8 : 0)));
        this.emit(183, 3, 0, 0, 0);
        for (let i = 0; i < 8; i++) if (!this.slots.has(i) && r.below(4)) this.emit(122, 10, 0, -8 * (i + 1), 0);
        this.call('probe_read_kernel');
        for (let i = 0; i < 8; i++) this.slots.add(i);
        return;
      }
      case 1: {
        this.out.push({ opcode: 24, dst: 1, src: 1, off: 0, imm: RINGBUF2, immHi: 0 });
        this.emit(183, 2, 0, 0, 16);
        this.emit(183, 3, 0, 0, 0);
        this.call('ringbuf_reserve');
        const skip = this.newLabel();
        if (!this.forget()) this.jump(21, 0, 0, 0, skip);
        this.emit(122, 0, 0, r.below(2) * 8, 7);
        this.emit(191, 1, 0);
        this.emit(183, 2, 0, 0, 0);
        if (!this.forget()) this.call(r.below(2) ? 'ringbuf_submit' : 'ringbuf_discard');
        this.place(skip);
        this.kinds[0] = 'none';
        return;
      }
      case 2: {
        this.emit(122, 10, 0, -8, 1);
        for (let i = 1; i < 7; i++) this.emit(122, 10, 0, -8 * (i + 1), 0);
        for (let i = 0; i < 7; i++) this.slots.add(i);
        this.emit(191, 2, 10);
        this.emit(7, 2, 0, 0, -8);
        this.emit(191, 3, 10);
        this.emit(7, 3, 0, 0, -56);
        this.out.push({ opcode: 24, dst: 1, src: 1, off: 0, imm: r.pick([ARRAY2, HASH3]), immHi: 0 });
        this.emit(183, 4, 0, 0, 0);
        this.call('map_update_elem');
        return;
      }
      default:
        this.call(r.pick(['ktime_get_ns', 'get_smp_processor_id', 'get_prandom_u32']));
    }
  }
  branch(depth2) {
    const { r } = this;
    const d = this.number();
    const over = this.newLabel();
    const cls = r.below(3) ? 5 : 6;
    const before2 = [...this.kinds];
    if (r.below(3) === 0) this.jump(cls | 8 | r.pick(CONDITIONS), d, this.number(), 0, over);
    else this.jump(cls | r.pick(CONDITIONS), d, 0, r.pick(NUMBERS2), over);
    const atBranch = [...this.kinds];
    this.block(1 + r.below(3), depth2 + 1);
    this.place(over);
    this.join(before2, atBranch);
  }
  /** What two ways agree on. */
  join(_before, other) {
    this.kinds = this.kinds.map((k, i) => {
      const o = other[i];
      if (k === o) return k;
      return (k === 'num' || k === 'small') && (o === 'num' || o === 'small') ? 'num' : 'none';
    });
  }
  loop(depth2) {
    const { r } = this;
    const counter = 6 + r.below(4);
    this.emit(183, counter, 0, 0, 0);
    this.kinds[counter] = 'none';
    const top = this.newLabel();
    this.place(top);
    const before2 = [...this.kinds];
    this.block(1 + r.below(2), depth2 + 1);
    if (this.kinds[counter] !== 'none') return;
    const condition = r.pick([165, 165, 197, 85]);
    this.emit(7, counter, 0, 0, condition === 85 ? 1 : 1 + r.below(2));
    this.jump(condition, counter, 0, 2 + r.below(depth2 > 0 ? 3 : 8), top);
    this.kinds[counter] = 'num';
    this.kinds = this.kinds.map((k, i) => (k === before2[i] || i === counter ? k : 'none'));
  }
  block(statements, depth2) {
    for (let i = 0; i < statements; i++) {
      if (this.r.below(8) === 0 && depth2 < 5) {
        callStatement(this, depth2);
        continue;
      }
      const pick = this.r.below(depth2 > 2 ? 14 : 18);
      if (pick < 6) this.alu();
      else if (pick < 9) this.useValue();
      else if (pick < 12) this.stack();
      else if (pick === 12) this.packet();
      else if (pick === 13) this.helper();
      else if (pick < 17) this.branch(depth2);
      else this.loop(depth2);
    }
  }
  program() {
    const { r } = this;
    this.emit(191, 6, 1);
    this.kinds[6] = 'ctx';
    this.block(3 + r.below(12), 0);
    if (r.below(4)) this.emit(183, 0, 0, 0, r.below(2));
    else this.emit(191, 0, this.number());
    this.emit(149);
    this.#writeFunctions();
    return { type: this.type, maps: MAPS, insns: this.encode() };
  }
  encode() {
    const at = [];
    let slot = 0;
    for (const d of this.out) {
      at.push(slot);
      slot += d.opcode === 24 ? 2 : 1;
    }
    at.push(slot);
    const insns = this.out.map((d, i) => {
      const { label, calls, ...insn } = d;
      if (label === void 0) return insn;
      const distance = at[this.labels[label]] - at[i] - 1;
      return calls ? { ...insn, imm: distance } : { ...insn, off: distance };
    });
    return encode(insns);
  }
};
function generate(random, kfuncs = () => void 0) {
  return new Generator(random, kfuncs).program();
}

// test/verifier/kernel-oracle.ts
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

function build2() {
  const source = fileURLToPath(new URL('oracle/oracle.c', import.meta.url));
  const folder = `${tmpdir()}/skep-oracle-${process.getuid?.() ?? 0}`;
  const binary = `${folder}/oracle`;
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(folder, { recursive: true });
    const fresh = `${binary}.${process.pid}`;
    execFileSync('gcc', ['-O1', '-D_GNU_SOURCE', '-o', fresh, source], { stdio: 'pipe' });
    renameSync(fresh, binary);
  }
  return binary;
}
var permitted = null;
function whyNoOracle() {
  if (permitted !== null) return permitted;
  try {
    const out = execFileSync(build2(), { input: '0 1 0 0 0 GPL b7000000000000009500000000000000 0\n' }).toString();
    permitted = out.startsWith('0	ok') ? void 0 : `bpf(2) is not permitted here (${out.trim()})`;
  } catch (error) {
    permitted = `the oracle cannot be built: ${error.message.split('\n')[0]}`;
  }
  return permitted;
}
function encode2(id, q) {
  const type = progTypeByName(q.type).id;
  const attach = q.attach === void 0 ? 0 : (attachTypeByName(q.attach)?.id ?? 0);
  const maps = q.maps.map(
    (m) => `${mapTypeByName(m.type)?.id ?? 0}:${m.keySize}:${m.valueSize}:${m.maxEntries}:${m.flags}`,
  );
  const code = Buffer.from(q.insns).toString('hex');
  return `${[id, type, attach, q.btfId ?? 0, q.flags ?? 0, q.license.replace(/ .*/, ''), code, maps.length, ...maps].join(' ')}
`;
}
function askKernel(questions) {
  return new Promise((resolve3, reject) => {
    const child = spawn(build2(), { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = [];
    let rest = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk) => {
      rest += chunk;
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const [id, verdict = '', last = ''] = line.split('	');
        if (id === void 0 || id === '') continue;
        answers[Number(id)] = { ok: verdict === 'ok', errno: verdict === 'ok' ? '' : verdict, last };
      }
    });
    child.on('error', reject);
    child.on('close', () => resolve3(answers));
    child.stdin.on('error', () => {});
    for (let i = 0; i < questions.length; i++) child.stdin.write(encode2(i, questions[i]));
    child.stdin.end();
  });
}

// test/verifier/mutate.ts
var Random = class {
  #state;
  constructor(seed) {
    this.#state = (seed ^ 2654435769) | 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }
  /** A non-negative number below 2^31. */
  next() {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x | 0;
    return x >>> 1;
  }
  below(n) {
    return this.next() % n;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
};
var NUMBERS3 = [
  0, 1, -1, 2, 3, 4, 7, 8, -8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, -256, 511, 512, -512, 4095, 4096, 65535,
  65536, 2147483647, -2147483648, -2147483647, 536870911, 536870912, -2, -4,
];
var ALU2 = [0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192];
var CONDITIONS2 = [16, 32, 48, 64, 80, 96, 112, 160, 176, 192, 208];
var SIZES3 = [0, 8, 16, 24];
var ATOMICS = [0, 1, 64, 65, 80, 81, 160, 161, 225, 241, 256, 272];
var HELPERS2 = [1, 2, 3, 5, 6, 7, 8, 12, 14, 15, 16, 25, 28, 44, 65, 113, 115, 130, 131, 132, 181, 4, 45, 67, 35, 158];
function slotsOf(insns) {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength);
  const starts = [];
  const count = insns.length / 8;
  for (let i = 0; i < count; i++) {
    starts.push(i);
    if (view.getUint8(i * 8) === OP_LD_IMM64) i++;
  }
  return { view, count, starts };
}
function isJump2(code) {
  const cls = code & 7;
  return (cls === 5 || cls === 6) && code !== OP_CALL && code !== OP_EXIT;
}
function insertSlot(insns, at, insn) {
  const out = new Uint8Array(insns.length + 8);
  out.set(insns.subarray(0, at * 8));
  out.set(insn, at * 8);
  out.set(insns.subarray(at * 8), at * 8 + 8);
  const { view, starts } = slotsOf(out);
  for (const i of starts) {
    if (i === at) continue;
    const code = view.getUint8(i * 8);
    const from = i < at ? i : i - 1;
    const shift = (distance) => {
      const to = from + 1 + distance;
      return (to >= at ? to + 1 : to) - i - 1;
    };
    const src = view.getUint8(i * 8 + 1) >> 4;
    if (code === 6 || (code === OP_CALL && src === 1) || (code === OP_LD_IMM64 && src === 4)) {
      view.setInt32(i * 8 + 4, shift(view.getInt32(i * 8 + 4, true)), true);
    } else if (isJump2(code)) view.setInt16(i * 8 + 2, shift(view.getInt16(i * 8 + 2, true)), true);
  }
  return out;
}
function mutateOnce(insns, random, donors) {
  const out = insns.slice();
  const { view, starts } = slotsOf(out);
  const i = random.pick(starts);
  const at = i * 8;
  const code = view.getUint8(at);
  const cls = code & 7;
  const regs = view.getUint8(at + 1);
  const wide = code === OP_LD_IMM64;
  switch (random.below(13)) {
    case 0:
      if (wide) return out;
      out.set([5, 0, 0, 0, 0, 0, 0, 0], at);
      return out;
    case 1:
      if (code === OP_CALL) view.setInt32(at + 4, random.pick(HELPERS2), true);
      else view.setInt32(at + 4, view.getInt32(at + 4, true) + random.pick([1, -1, 2, -2, 8, -8]), true);
      return out;
    case 2:
      view.setInt32(at + 4, random.pick(NUMBERS3), true);
      return out;
    case 3:
      view.setInt16(at + 2, view.getInt16(at + 2, true) + random.pick([1, -1, 2, -2, 4, -4, 8, -8]), true);
      return out;
    case 4:
      if (cls <= 3 && !wide) view.setUint8(at, (code & ~24) | random.pick(SIZES3));
      return out;
    case 5:
      view.setUint8(at + 1, (regs & 240) | random.below(11));
      return out;
    case 6:
      if (cls !== 5 || code !== OP_CALL) view.setUint8(at + 1, (regs & 15) | (random.below(11) << 4));
      return out;
    case 7:
      if (isJump2(code)) view.setUint8(at, (code & 15) | random.pick(CONDITIONS2));
      else if (cls === 4 || cls === 7) view.setUint8(at, (code & 15) | random.pick(ALU2));
      else if ((code & 231) === 195) view.setInt32(at + 4, random.pick(ATOMICS), true);
      return out;
    case 8:
      if (isJump2(code)) view.setUint8(at, (code & ~7) | (cls === 5 ? 6 : 5));
      else if (cls === 4 || cls === 7) view.setUint8(at, (code & ~7) | (cls === 4 ? 7 : 4));
      else if (cls === 1) view.setUint8(at, (code & ~224) | ((code & 224) === 96 ? 128 : 96));
      return out;
    case 9:
      if (cls >= 4 && code !== OP_CALL && code !== OP_EXIT) {
        view.setUint8(at, code ^ 8);
        if (view.getUint8(at) & 8) view.setInt32(at + 4, 0, true);
        else view.setUint8(at + 1, regs & 15);
      }
      return out;
    case 10:
    case 11: {
      const donor = random.pick(donors);
      const from = slotsOf(donor);
      const j = random.pick(from.starts);
      const donorCode = donor[j * 8];
      if (donorCode === OP_LD_IMM64 || isJump2(donorCode) || donorCode === OP_EXIT) return out;
      if (donorCode === OP_CALL && donor[j * 8 + 1] >> 4 !== 0) return out;
      return insertSlot(out, i, donor.slice(j * 8, j * 8 + 8));
    }
    default: {
      const next2 = starts[starts.indexOf(i) + 1];
      if (next2 === void 0 || wide || view.getUint8(next2 * 8) === OP_LD_IMM64) return out;
      const a = out.slice(at, at + 8);
      out.set(out.slice(next2 * 8, next2 * 8 + 8), at);
      out.set(a, next2 * 8);
      return out;
    }
  }
}
function mutate(insns, random, donors) {
  let out = insns;
  for (let n = 1 + random.below(3); n > 0; n--) out = mutateOnce(out, random, donors);
  return out;
}

// test/verifier/fuzz.ts
var ATTACH = {
  cgroup_skb: 'cgroup_inet_ingress',
  cgroup_sock: 'cgroup_inet_sock_create',
  sock_ops: 'cgroup_sock_ops',
  sk_msg: 'sk_msg_verdict',
  flow_dissector: 'flow_dissector',
  cgroup_device: 'cgroup_device',
};
var types = null;
function kernelBtf() {
  if (types === null) {
    try {
      types = readBtf(readFileSync2('/sys/kernel/btf/vmlinux'));
    } catch {
      types = void 0;
    }
  }
  return types;
}
function ours(s, kernel = kernelBtf() ?? null) {
  const prog = makeProg({ name: 'fuzz', target: void 0, ...s });
  return verify({ prog, maps: s.maps, kernelBtf: kernel ?? void 0 }, { cpus: 2 });
}
function sample(random, seeds) {
  if (seeds.length > 0 && random.below(3) === 0) {
    const seed = random.pick(seeds);
    return {
      ...seed,
      insns: mutate(
        seed.insns,
        random,
        seeds.map((s) => s.insns),
      ),
    };
  }
  const g = generate(random, kfuncIds(kernelBtf()));
  const insns = random.below(2) ? g.insns : mutate(g.insns, random, [g.insns]);
  return { type: g.type, attach: ATTACH[g.type], license: 'GPL', maps: g.maps, insns };
}
async function fuzz(count, seed, differs) {
  const random = new Random(seed);
  const seeds = allCases()
    .filter((c) => c.oracle && c.target === void 0)
    .map(({ type, attach, license, maps, insns }) => ({ type, attach, license, maps, insns }));
  const t = {
    total: 0,
    accepted: 0,
    refused: 0,
    falseAccepts: 0,
    falseRejects: 0,
    sameLine: 0,
    skipped: 0,
    ran: 0,
    faulted: 0,
    insns: 0,
    verifierMs: 0,
  };
  for (let done2 = 0; done2 < count; done2 += 1e3) {
    const batch = Array.from({ length: Math.min(1e3, count - done2) }, () => sample(random, seeds));
    const answers = await askKernel(batch);
    for (let i = 0; i < batch.length; i++) {
      const a = answers[i];
      t.total++;
      if (!a || a.errno === 'MAP' || a.errno === 'EPERM') {
        t.skipped++;
        continue;
      }
      const start = performance.now();
      const r = ours(batch[i]);
      t.verifierMs += performance.now() - start;
      t.insns += r.insnsProcessed;
      const line = lastLine(r);
      if (r.ok) {
        const run = runChecked(batch[i], random);
        if (run !== 'skipped') t.ran++;
        if (typeof run === 'object' && ours(batch[i], null).ok) {
          t.faulted++;
          process.stdout.write(`FAULT ${run.fault}
${asCase(batch[i], 'ok', 'faulted')}
`);
        }
      }
      if (r.ok && a.ok) t.accepted++;
      else if (!r.ok && !a.ok) {
        t.refused++;
        if (a.last === '' || a.last === line) t.sameLine++;
      } else {
        if (r.ok) t.falseAccepts++;
        else t.falseRejects++;
        await differs(batch[i], a.ok ? 'ok' : a.last, r.ok ? 'ok' : line);
      }
    }
  }
  return t;
}
async function shrink(s) {
  const nop = [5, 0, 0, 0, 0, 0, 0, 0];
  let best = s;
  for (;;) {
    const candidates = [];
    for (let at = 0; at < best.insns.length; at += 8) {
      if (best.insns[at] === 149 || best.insns[at] === 0) continue;
      if (best.insns[at] === 5 && best.insns[at + 2] === 0 && best.insns[at + 3] === 0) continue;
      const insns = best.insns.slice();
      insns.set(nop, at);
      if (best.insns[at] === 24) insns.set(nop, at + 8);
      candidates.push({ ...best, insns });
    }
    const answers = await askKernel(candidates);
    const next2 = candidates.find((c, i) => answers[i] && answers[i].ok !== ours(c).ok);
    if (!next2) return best;
    best = next2;
  }
}
function asCase(s, kernel, name) {
  const maps = s.maps.map((m) => `map: ${m.type} ${m.keySize} ${m.valueSize} ${m.maxEntries} ${m.flags}`);
  const text = disassemble(s.insns)
    .trimEnd()
    .split('\n')
    .map((l) => `  ${l}`)
    .join('\n');
  const attach = s.attach === void 0 ? [] : [`attach: ${s.attach}`];
  return [`== ${name}`, `type: ${s.type}`, ...attach, ...maps, 'code:', text, `says: ${kernel}`, ''].join('\n');
}
function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}
async function main() {
  const why = whyNoOracle();
  if (why !== void 0) {
    process.stdout.write(`fuzz:verifier needs the kernel: ${why}
`);
    return 1;
  }
  const count = option('count', 1e4);
  const seed = option('seed', 1);
  let left = option('shrink', 5);
  const t = await fuzz(count, seed, async (s, kernel, us) => {
    if (left-- <= 0) return;
    const small = await shrink(s);
    process.stdout.write(
      `${us === 'ok' ? 'FALSE ACCEPT' : `false reject: ${us}`}
${asCase(small, kernel, 'shrunken')}
`,
    );
  });
  const compared = t.total - t.skipped;
  const same = t.accepted + t.refused;
  process.stdout.write(
    `${JSON.stringify(t)}
seed ${seed}: same verdict ${same}/${compared} (${((100 * same) / compared).toFixed(3)}%), ${t.falseAccepts} false accepts, ${t.falseRejects} false rejects, same last line ${t.sameLine}/${t.refused}, ${t.ran} run with checks (${t.faulted} faulted), ${Math.round((1e3 * t.insns) / t.verifierMs)} insns/s
`,
  );
  return t.falseAccepts === 0 ? 0 : 1;
}

export { asCase, fuzz, main, shrink };
