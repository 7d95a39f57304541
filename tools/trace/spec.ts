/**
 * Probes as `trace` takes them, BCC's small language:
 *
 *     probe  = where [ "(" parameters ")" ] [ "(" filter ")" ] [ '"' format '"' { "," expression } ]
 *     where  = function | library ":" function | type ":" library ":" function | "t:" category ":" event
 *            | "u:" library [ ":" provider ] ":" probe
 *     type   = "" | "p" (entry) | "r" (return) | "t" | "u"
 *
 * A function may end in +OFFSET. Filters and expressions are C; arg1..arg6, retval, $pid, $tgid, $uid, $gid, $cpu, $task stand for what they
 * say, `argN@user` tells that argN points to user memory, STRCMP("text", expression) compares strings.
 */
import { BpfError } from '../../core/base/errors.ts';

export interface ProbeSpec {
  /** The text as given, for messages. */
  readonly text: string;
  readonly type: 'p' | 'r' | 't' | 'u';
  /** '' is the kernel. */
  readonly library: string;
  /** Function, event of a tracepoint, or `provider:probe` (the provider may be left out). */
  readonly name: string;
  readonly category: string;
  readonly offset: number;
  /** C parameters behind the context, '' for none. */
  readonly parameters: string;
  readonly filter: string;
  /** Without quotes; '' prints nothing. */
  readonly format: string;
  readonly values: readonly string[];
}

export function parseProbe(text: string): ProbeSpec {
  const fail = (why: string): never => {
    throw new BpfError('EINVAL', `trace: probe '${text}': ${why}`);
  };
  const [, where, parameters, rest] =
    /^\s*([^\s(]+)(\([^()]*(?:\([^()]*\)[^()]*)*\))?([\s\S]*)$/.exec(text) ?? fail('nothing to trace');
  const place = parseWhere(where!, fail);
  // Without a space before it a parenthesis holds parameters; with one, the filter.
  let tail = rest!.trim();
  let filter = '';
  if (tail.startsWith('(')) {
    const end = closing(tail);
    if (end < 0) fail('the filter has no end');
    filter = tail.slice(1, end).trim();
    tail = tail.slice(end + 1).trim();
  }
  if (parameters !== undefined && place.type === 't') fail('a tracepoint has no parameters: its fields are args->NAME');
  if (tail === '') return { text, ...place, parameters: inner(parameters), filter, format: '', values: [] };
  const [, format, list] =
    /^"((?:[^"\\]|\\.)*)"\s*([\s\S]*)$/.exec(tail) ?? fail(`a format in "quotes" was expected, not ${tail}`);
  if (list !== '' && !list!.startsWith(',')) fail(`a comma was expected before ${list}`);
  const values = list === '' ? [] : split(list!.slice(1));
  const directives = directivesOf(format!, fail).length;
  if (directives !== values.length)
    fail(`the format wants ${directives} value${directives === 1 ? '' : 's'}, ${values.length} given`);
  return { text, ...place, parameters: inner(parameters), filter, format: unquoted(format!), values };
}

/** How a value is carried and printed. */
export interface Directive {
  /** The whole directive, `%-5lld`. */
  readonly text: string;
  readonly letters: string;
}

const LETTERS = /^(?:s|c|K|U|llu|lld|llx|lu|ld|lx|hu|hd|hx|u|d|x)$/;

/** The directives of a format, `%%` left out. */
export function directivesOf(format: string, fail: (why: string) => never): Directive[] {
  const found: Directive[] = [];
  for (const [text, letters] of format.matchAll(/%(?:%|[-+ #0]*\d*(?:\.\d+)?([a-zA-Z]*))/g)) {
    if (text === '%%') continue;
    const known = longest(letters ?? '');
    if (known === undefined)
      fail(`'${text}' is no directive; there are %s %d %u %x %c %K %U and h, l, ll before d, u, x`);
    found.push({ text: text.slice(0, text.length - letters!.length + known!.length), letters: known! });
  }
  return found;
}

/** `lld` of `lldxyz`: text may follow a directive at once. */
function longest(letters: string): string | undefined {
  for (let n = Math.min(3, letters.length); n > 0; n--)
    if (LETTERS.test(letters.slice(0, n))) return letters.slice(0, n);
  return undefined;
}

type Place = Pick<ProbeSpec, 'type' | 'library' | 'name' | 'category' | 'offset'>;

function parseWhere(where: string, fail: (why: string) => never): Place {
  const parts = where.split(':');
  const [type, ...middle] = parts.length === 1 ? ['p', '', ...parts] : parts.length === 2 ? ['p', ...parts] : parts;
  if (type !== '' && type !== 'p' && type !== 'r' && type !== 't' && type !== 'u')
    fail(`the type must be '', p, r, t or u, not '${type}'`);
  if (type === 'u') {
    const [library, ...probe] = middle;
    if (!library || probe.length === 0 || probe.length > 2 || probe.includes(''))
      fail('a USDT probe is u:library:probe');
    return { type: 'u', library: library!, name: probe.join(':'), category: '', offset: 0 };
  }
  const last = middle.at(-1)!;
  const [name, offset] = last.includes('+') ? last.split('+', 2) : [last, undefined];
  const bytes = offset === undefined ? 0 : Number(offset);
  if (!Number.isInteger(bytes) || bytes < 0 || offset === '')
    fail(`'${offset}' is no offset, decimal or 0x hexadecimal`);
  if (name === '') fail('no function is named');
  const before = middle.slice(0, -1).join(':');
  if (type !== 't')
    return { type: type === 'r' ? 'r' : 'p', library: before, name: name!, category: '', offset: bytes };
  if (before === '' || middle.length !== 2) fail('a tracepoint is t:category:event');
  return { type: 't', library: '', name: name!, category: before, offset: 0 };
}

function inner(parameters: string | undefined): string {
  return parameters === undefined ? '' : parameters.slice(1, -1).trim();
}

/** Place of the parenthesis that closes the first one, strings and characters skipped. */
function closing(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '"' || c === "'") i = endOfQuote(text, i);
    else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return i;
  }
  return -1;
}

function endOfQuote(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === text[start]) return i;
  }
  return text.length;
}

/** Expressions between commas; commas in parentheses, brackets and strings belong to them. */
function split(list: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < list.length; i++) {
    const c = list[i]!;
    if (c === '"' || c === "'") i = endOfQuote(list, i);
    else if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    else if (c === ',' && depth === 0) {
      out.push(list.slice(from, i).trim());
      from = i + 1;
    }
  }
  out.push(list.slice(from).trim());
  return out;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' };

function unquoted(format: string): string {
  return format.replace(/\\(.)/g, (whole, c: string) => ESCAPES[c] ?? whole);
}
