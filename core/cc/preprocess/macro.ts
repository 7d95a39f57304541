/**
 * Macros: what `#define` makes, and how an invocation is replaced (C11 6.10.3, with GNU's named variadics, `, ## __VA_ARGS__`
 * and C23's `__VA_OPT__`).
 */
import { SourceFile } from '../../base/diagnostics.ts';
import { lex } from '../lex.ts';
import type { Report } from '../report.ts';
import { BUILTIN_FILE, type Expansion, type Token, writtenAt } from '../token.ts';

export interface Macro {
  readonly name: string;
  /** Undefined for an object-like macro. */
  readonly params: readonly string[] | undefined;
  /** Name of the variadic parameter: `__VA_ARGS__`, or GNU's `args...`. */
  readonly variadic: string | undefined;
  readonly body: readonly Token[];
  /** Where the name was defined. */
  readonly at: Token;
  /** Being expanded now: its name is not expanded again. */
  active: boolean;
  /** Computed at each use: `__LINE__`, `__COUNTER__`, ... */
  readonly dynamic?: (at: Token) => string;
}

/** Parse what follows `#define` on its line. Reports and answers undefined when it is no definition. */
export function parseDefine(line: readonly Token[], directive: Token, report: Report): Macro | undefined {
  const name = line[0];
  if (!name) {
    report.error(directive, 'macro name missing');
    return undefined;
  }
  if (name.kind !== 'ident') {
    report.error(name, 'macro name must be an identifier');
    return undefined;
  }
  if (name.text === 'defined') {
    report.error(name, `'defined' cannot be used as a macro name`);
    return undefined;
  }
  let i = 1;
  let params: string[] | undefined;
  let variadic: string | undefined;
  if (line[1]?.text === '(' && !line[1].space && line[1].kind === 'punct') {
    params = [];
    i = 2;
    for (;;) {
      const t = line[i];
      if (!t) {
        report.error(line[line.length - 1], `missing ')' in macro parameter list`);
        return undefined;
      }
      if (t.text === ')' && (params.length === 0 || variadic !== undefined)) {
        i++;
        break;
      }
      if (t.text === '...') {
        variadic = '__VA_ARGS__';
        i++;
      } else if (t.kind === 'ident' && variadic === undefined) {
        if (params.includes(t.text)) report.error(t, `duplicate macro parameter name '${t.text}'`);
        i++;
        if (line[i]?.text === '...') {
          variadic = t.text;
          i++;
        } else params.push(t.text);
      } else {
        report.error(t, 'invalid token in macro parameter list');
        return undefined;
      }
      const sep = line[i];
      if (sep?.text === ')') {
        i++;
        break;
      }
      if (sep?.text !== ',' || variadic !== undefined) {
        report.error(sep ?? t, `expected ${variadic === undefined ? `comma or ` : ''}')' in macro parameter list`);
        return undefined;
      }
      i++;
    }
  }
  const body = line.slice(i);
  const first = body[0];
  const last = body[body.length - 1];
  if (first?.text === '##' || last?.text === '##') {
    report.error(first?.text === '##' ? first : last, `'##' cannot appear at either end of a macro expansion`);
    return undefined;
  }
  if (params) {
    for (let k = 0; k < body.length; k++) {
      const t = body[k]!;
      if (t.text !== '#' || t.kind !== 'punct') continue;
      const next = body[k + 1];
      if (!next || !(params.includes(next.text) || next.text === variadic || next.text === '__VA_OPT__')) {
        report.error(t, `'#' is not followed by a macro parameter`);
        return undefined;
      }
    }
  }
  return { name: name.text, params, variadic, body, at: name, active: false };
}

/** Equal enough that a second `#define` is no redefinition (C11 6.10.3p2). */
export function sameMacro(a: Macro, b: Macro): boolean {
  return (
    a.variadic === b.variadic &&
    (a.params === undefined) === (b.params === undefined) &&
    (a.params ?? []).join() === (b.params ?? []).join() &&
    a.body.length === b.body.length &&
    a.body.every((t, i) => t.text === b.body[i]!.text && (i === 0 || t.space === b.body[i]!.space))
  );
}

/** A macro from text such as `MAX(a, b) ((a) > (b) ? (a) : (b))` or `NULL ((void *)0)`: how built-in tables are written. */
export function macroFromText(text: string, report: Report, file = BUILTIN_FILE): Macro | undefined {
  const tokens = lex(new SourceFile(file, text));
  tokens.pop();
  return tokens.length ? parseDefine(tokens, tokens[0]!, report) : undefined;
}

/** Most tokens that all macros of a program may expand to; most characters of a token that # and ## make: macros can double at each step. */
export const MOST_EXPANDED = 400_000;
const LONGEST_MADE = 65_536;

export function tooMuch(at: Token, report: Report): never {
  report.fatal(writtenAt(at), `macro expansion makes more than ${MOST_EXPANDED} tokens; stopping`);
}

/** The spelling of an argument as `#` makes it: white space runs become one space, quotes and backslashes in literals are escaped. */
function stringize(tokens: readonly Token[], at: Token, report: Report): string {
  let out = '';
  tokens.forEach((t, i) => {
    if (i > 0 && (t.space || t.bol)) out += ' ';
    out += t.kind === 'string' || t.kind === 'char' ? t.text.replace(/["\\]/g, '\\$&') : t.text;
    if (out.length > LONGEST_MADE) report.fatal(at, `'#' makes a string of more than ${LONGEST_MADE} characters`);
  });
  return `"${out}"`;
}

/** The arguments of one invocation, raw; `expand` gives an argument fully expanded (done at most once each). */
export interface Arguments {
  raw(name: string): readonly Token[] | undefined;
  expand(name: string): readonly Token[];
}

const NO_ARGUMENTS: Arguments = { raw: () => undefined, expand: () => [] };

/** Replace one invocation by its expansion. */
export function substitute(macro: Macro, invocation: Token, args: Arguments = NO_ARGUMENTS, report: Report): Token[] {
  const expansion: Expansion = { macro: macro.name, at: invocation };
  const out = replace(macro, macro.body, args, expansion, report);
  // The first token stands where the name stood.
  if (out.length > 0) out[0] = { ...out[0]!, space: invocation.space, bol: invocation.bol };
  return out;
}

function replace(macro: Macro, body: readonly Token[], args: Arguments, expansion: Expansion, report: Report): Token[] {
  const out: Token[] = [];
  const functionLike = macro.params !== undefined;
  // Spelled out: one shape for all tokens, and no spreading, where most tokens of a program are made.
  const own = (t: Token): Token => ({
    kind: t.kind,
    text: t.text,
    file: t.file,
    start: t.start,
    end: t.end,
    bol: false,
    space: t.space,
    problem: t.problem,
    noExpand: t.noExpand,
    expansion,
  });
  for (let i = 0; i < body.length; i++) {
    const t = body[i]!;
    // An argument used a thousand times may itself be thousands of tokens.
    if (out.length > MOST_EXPANDED) tooMuch(expansion.at, report);
    if (functionLike && t.text === '#' && t.kind === 'punct') {
      const operand = body[++i]!;
      if (operand.text === '__VA_OPT__') {
        const group = optGroup(body, i);
        out.push({
          ...own(t),
          kind: 'string',
          text: stringize(optional(macro, group.inner, args, expansion, report), t, report),
        });
        i = group.last;
      } else out.push({ ...own(t), kind: 'string', text: stringize(args.raw(operand.text) ?? [], t, report) });
      continue;
    }
    if (t.text === '##' && t.kind === 'punct' && out.length >= 0 && i > 0) {
      const operand = body[i + 1]!;
      const raw = functionLike ? args.raw(operand.text) : undefined;
      // GNU: a comma before ## and an empty variadic argument vanishes.
      if (raw !== undefined && operand.text === macro.variadic && body[i - 1]!.text === ',') {
        i++;
        if (raw.length === 0) out.pop();
        else out.push(...args.expand(operand.text));
        continue;
      }
      let right: Token[];
      if (operand.text === '__VA_OPT__' && macro.variadic) {
        const group = optGroup(body, i + 1);
        right = optional(macro, group.inner, args, expansion, report);
        i = group.last;
      } else {
        right = raw !== undefined ? [...raw] : [own(operand)];
        i++;
      }
      const leftEmpty = isEmptyArgument(body[i - 2], args, functionLike) || out.length === 0;
      if (right.length === 0) continue;
      if (leftEmpty) out.push(...right);
      else out.push(...paste(out.pop()!, right[0]!, t, expansion, report), ...right.slice(1));
      continue;
    }
    if (functionLike && t.text === '__VA_OPT__' && t.kind === 'ident' && macro.variadic) {
      const group = optGroup(body, i);
      const made = optional(macro, group.inner, args, expansion, report);
      out.push(...made.map((a, k) => (k === 0 ? { ...a, space: t.space } : a)));
      i = group.last;
      continue;
    }
    const raw = functionLike && t.kind === 'ident' ? args.raw(t.text) : undefined;
    if (raw === undefined) {
      out.push(own(t));
      continue;
    }
    const beforePaste = body[i + 1]?.text === '##' && body[i + 1]!.kind === 'punct';
    const tokens = beforePaste ? raw : args.expand(t.text);
    for (const [k, a] of tokens.entries()) {
      out.push(k === 0 ? { ...a, space: t.space, bol: false } : a.bol ? { ...a, bol: false, space: true } : a);
    }
  }
  return out;
}

function isEmptyArgument(t: Token | undefined, args: Arguments, functionLike: boolean): boolean {
  return functionLike && t !== undefined && args.raw(t.text)?.length === 0;
}

/** The tokens of `__VA_OPT__( ... )` whose name is at `i`, and the index of its closing parenthesis. */
function optGroup(body: readonly Token[], i: number): { inner: readonly Token[]; last: number } {
  if (body[i + 1]?.text !== '(') return { inner: [], last: i };
  let depth = 0;
  for (let k = i + 1; k < body.length; k++) {
    if (body[k]!.text === '(') depth++;
    else if (body[k]!.text === ')' && --depth === 0) return { inner: body.slice(i + 2, k), last: k };
  }
  return { inner: body.slice(i + 2), last: body.length - 1 };
}

function optional(
  macro: Macro,
  inner: readonly Token[],
  args: Arguments,
  expansion: Expansion,
  report: Report,
): Token[] {
  return args.expand(macro.variadic!).length > 0 ? replace(macro, inner, args, expansion, report) : [];
}

/** `at` is the ## operator: what stands there is in the macro, wherever the operands came from. */
function paste(left: Token, right: Token, at: Token, expansion: Expansion, report: Report): Token[] {
  const text = left.text + right.text;
  if (text.length > LONGEST_MADE) report.fatal(at, `'##' makes a token of more than ${LONGEST_MADE} characters`);
  const made = lex(new SourceFile(BUILTIN_FILE, text));
  const token = made[0]!;
  const where = { file: at.file, start: at.start, end: at.end, bol: false, space: left.space, expansion };
  if (made.length !== 2 || token.kind === 'bad') {
    report.error({ ...at, expansion }, `pasting formed '${text}', an invalid preprocessing token`);
    return [left, right];
  }
  return [{ kind: token.kind, text, ...where }];
}
