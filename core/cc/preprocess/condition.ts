/**
 * `#if` expressions (C11 6.10.1): integer arithmetic on 64 bits, signed or unsigned, after macro expansion. What is not
 * evaluated (`0 && 1/0`) must not complain.
 */
import { characterValue, numberValue } from '../literal.ts';
import type { Report } from '../report.ts';
import type { Token } from '../token.ts';

interface Value {
  v: bigint;
  unsigned: boolean;
}

const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
]; // prettier-ignore

/** Deep nesting ends with a message rather than with the JavaScript stack. */
const MOST_NESTING = 200;

class Stop extends Error {}

/** Is the condition true? `tokens` are fully expanded, with `defined` already replaced. Reports and answers false when malformed. */
export function evaluateCondition(tokens: readonly Token[], directive: Token, report: Report): boolean {
  let i = 0;
  let nesting = 0;
  const fail = (at: Token | undefined, message: string): never => {
    report.error(at ?? tokens[tokens.length - 1] ?? directive, message);
    throw new Stop();
  };
  const wrap = (v: bigint, unsigned: boolean): Value => ({
    v: unsigned ? BigInt.asUintN(64, v) : BigInt.asIntN(64, v),
    unsigned,
  });

  function primary(live: boolean): Value {
    const t = tokens[i];
    if (!t) return fail(undefined, 'expected value in expression');
    if (++nesting > MOST_NESTING) return fail(t, `expression is nested more than ${MOST_NESTING} deep`);
    i++;
    let value: Value;
    if (t.text === '(' && t.kind === 'punct') {
      value = conditional(live);
      if (tokens[i]?.text !== ')') fail(tokens[i], `expected ')' in preprocessor expression`);
      i++;
    } else if (t.kind === 'punct' && (t.text === '!' || t.text === '~' || t.text === '-' || t.text === '+')) {
      const a = primary(live);
      if (t.text === '!') value = wrap(a.v === 0n ? 1n : 0n, false);
      else if (t.text === '~') value = wrap(~a.v, a.unsigned);
      else value = wrap(t.text === '-' ? -a.v : a.v, a.unsigned);
    } else if (t.kind === 'number') {
      const n = numberValue(t.text);
      if (typeof n === 'string') return fail(t, n);
      if (n.kind === 'float') return fail(t, 'floating point literal in preprocessor expression');
      value = wrap(n.value, n.unsigned || n.value > 0x7fffffffffffffffn);
    } else if (t.kind === 'char') {
      const c = characterValue(t.text);
      if (typeof c === 'string') return fail(t, c);
      value = wrap(c.value, false);
    } else if (t.kind === 'ident') {
      // Function-like use of an unknown name is the commonest slip: say it.
      if (tokens[i]?.text === '(') return fail(t, `function-like macro '${t.text}' is not defined`);
      value = { v: t.text === 'true' ? 1n : 0n, unsigned: false };
    } else if (t.kind === 'bad') return fail(t, t.problem ?? 'bad token');
    else return fail(t, `invalid token '${t.text}' at start of a preprocessor expression`);
    nesting--;
    return value;
  }

  function binary(level: number, live: boolean): Value {
    if (level === LEVELS.length) return primary(live);
    let left = binary(level + 1, live);
    for (;;) {
      const op = tokens[i];
      if (op?.kind !== 'punct' || !LEVELS[level]!.includes(op.text)) return left;
      i++;
      const rightLive = live && (op.text === '&&' ? left.v !== 0n : op.text === '||' ? left.v === 0n : true);
      left = apply(op, left, binary(level + 1, rightLive), rightLive);
    }
  }

  function apply(op: Token, a: Value, b: Value, live: boolean): Value {
    const unsigned = a.unsigned || b.unsigned;
    const x = unsigned ? BigInt.asUintN(64, a.v) : a.v;
    const y = unsigned ? BigInt.asUintN(64, b.v) : b.v;
    const truth = (c: boolean): Value => ({ v: c ? 1n : 0n, unsigned: false });
    switch (op.text) {
      case '||':
        return truth(a.v !== 0n || b.v !== 0n);
      case '&&':
        return truth(a.v !== 0n && b.v !== 0n);
      case '|':
        return wrap(x | y, unsigned);
      case '^':
        return wrap(x ^ y, unsigned);
      case '&':
        return wrap(x & y, unsigned);
      case '==':
        return truth(x === y);
      case '!=':
        return truth(x !== y);
      case '<':
        return truth(x < y);
      case '>':
        return truth(x > y);
      case '<=':
        return truth(x <= y);
      case '>=':
        return truth(x >= y);
      case '<<':
        return wrap(a.v << (b.v & 63n), a.unsigned);
      case '>>':
        return wrap((a.unsigned ? BigInt.asUintN(64, a.v) : a.v) >> (b.v & 63n), a.unsigned);
      case '+':
        return wrap(x + y, unsigned);
      case '-':
        return wrap(x - y, unsigned);
      case '*':
        return wrap(x * y, unsigned);
      default:
        if (y === 0n) return live ? fail(op, 'division by zero in preprocessor expression') : wrap(0n, unsigned);
        return wrap(op.text === '/' ? x / y : x % y, unsigned);
    }
  }

  function conditional(live: boolean): Value {
    const c = binary(0, live);
    const mark = tokens[i];
    if (mark?.text !== '?') return c;
    if (++nesting > MOST_NESTING) return fail(mark, `expression is nested more than ${MOST_NESTING} deep`);
    i++;
    const a = conditional(live && c.v !== 0n);
    if (tokens[i]?.text !== ':') fail(tokens[i], `expected ':' in preprocessor expression`);
    i++;
    const b = conditional(live && c.v === 0n);
    nesting--;
    const unsigned = a.unsigned || b.unsigned;
    return wrap(c.v !== 0n ? a.v : b.v, unsigned);
  }

  try {
    const result = conditional(true);
    if (tokens[i]) fail(tokens[i], 'token is not a valid binary operator in a preprocessor subexpression');
    return result.v !== 0n;
  } catch (e) {
    if (e instanceof Stop) return false;
    throw e;
  }
}
