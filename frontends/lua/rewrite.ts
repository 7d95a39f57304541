/**
 * A line-preserving rewrite of a script before Fengari compiles it, so that numbers behave as LuaJIT's: integer literals become
 * floats (every number a double: no wrapping at 2^31), `5ULL` and `5LL` become boxed 64-bit values, and `a == b` where a boxed value may meet a
 * number becomes a call, since Lua never asks a metatable about operands of different types.
 */
import { createRequire } from 'node:module';

interface Node {
  readonly type: string;
  readonly range?: readonly [number, number];
  readonly raw?: string;
  readonly operator?: string;
  readonly left?: Node;
  readonly right?: Node;
  readonly [key: string]: unknown;
}
interface Token {
  readonly type: number;
  readonly value: unknown;
  readonly range: readonly [number, number];
}
interface Luaparse {
  parse(code: string, options: object): Node;
  readonly tokenTypes: Record<string, number>;
}

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly text: string;
  /** Order at one place: closings of inner nodes, closings of outer ones, then openings of outer, then of inner ones. */
  readonly rank: number;
}

/** Names of the functions that the rewritten text calls (stdlib.ts defines them). */
export const EQUAL = '__skep_eq';
export const BOX = '__skep_u64';

/** Nodes whose value can never be a boxed number. */
const PLAIN = new Set([
  'StringLiteral',
  'NilLiteral',
  'BooleanLiteral',
  'FunctionDeclaration',
  'TableConstructorExpression',
]);

/** The text that Fengari is to compile: same lines. A text that does not parse comes back as it is, for Fengari to complain about. */
export function rewrite(code: string): string {
  const luaparse = createRequire(import.meta.url)('luaparse') as Luaparse;
  for (const luaVersion of ['LuaJIT', '5.3']) {
    const tokens: Token[] = [];
    const nodes: { node: Node; depth: number }[] = [];
    try {
      // A first line with #! is not Lua: blank it, in place.
      const body = code.replace(/^#.*/, (line) => ' '.repeat(line.length));
      const tree = luaparse.parse(body, {
        luaVersion,
        ranges: true,
        comments: false,
        encodingMode: 'none',
        onCreateNode: () => {},
      });
      collect(tree, 0, nodes);
      lexAll(luaparse, body, luaVersion, tokens);
      return apply(body, edits(body, nodes, tokens));
    } catch {
      // The other dialect, then Fengari's own message.
    }
  }
  return code;
}

function collect(node: Node, depth: number, out: { node: Node; depth: number }[]): void {
  out.push({ node, depth });
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child === 'object' && typeof (child as Node).type === 'string')
        collect(child as Node, depth + 1, out);
    }
  }
}

function lexAll(luaparse: Luaparse, code: string, luaVersion: string, out: Token[]): void {
  const parser = luaparse.parse(code, { luaVersion, wait: true, ranges: true, encodingMode: 'none' }) as unknown as {
    lex(): Token;
  };
  for (;;) {
    const token = parser.lex();
    if (token.type === luaparse.tokenTypes['EOF']) return;
    out.push(token);
  }
}

function edits(code: string, nodes: readonly { node: Node; depth: number }[], tokens: readonly Token[]): Edit[] {
  const out: Edit[] = [];
  for (const { node, depth } of nodes) {
    if (node.type === 'NumericLiteral') {
      const [from, to] = node.range!;
      const text = literal(code.slice(from, to));
      if (text !== undefined) out.push({ at: from, remove: to - from, text, rank: 1e6 });
    } else if (node.type === 'BinaryExpression' && (node.operator === '==' || node.operator === '~=')) {
      const { left, right } = node as { left: Node; right: Node };
      if (PLAIN.has(left.type) || PLAIN.has(right.type)) continue;
      const operator = tokens.find(
        (t) => t.range[0] >= left.range![1] && t.range[1] <= right.range![0] && t.value === node.operator,
      );
      if (!operator) continue;
      const [from, to] = node.range!;
      const not = node.operator === '~=';
      out.push({ at: from, remove: 0, text: `${not ? '(not ' : ''}${EQUAL}(`, rank: 1e5 + depth });
      out.push({ at: operator.range[0], remove: 2, text: ',', rank: 0 });
      out.push({ at: to, remove: 0, text: not ? '))' : ')', rank: -depth });
    }
  }
  return out.sort((a, b) => a.at - b.at || a.rank - b.rank);
}

/** A numeric literal as a double or a boxed value, or undefined where it may stay. */
function literal(raw: string): string | undefined {
  const boxed = /^(0[xX][0-9a-fA-F]+|[0-9]+)(u?ll)$/i.exec(raw);
  if (boxed) return `${BOX}("${boxed[1]}",${boxed[2]!.toLowerCase() === 'ull'})`;
  if (/^[0-9]+$/.test(raw)) return `${raw}.0`;
  if (/^0[xX][0-9a-fA-F]+$/.test(raw)) return `${BigInt(raw)}.0`;
  return undefined;
}

function apply(code: string, list: readonly Edit[]): string {
  let out = '';
  let at = 0;
  for (const edit of list) {
    out += code.slice(at, edit.at) + edit.text;
    at = edit.at + edit.remove;
  }
  return out + code.slice(at);
}
