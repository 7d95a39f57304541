/**
 * STRCMP("text", expression) in the filters of trace and argdist: C has no comparison of a string in memory with a literal that a BPF program
 * could call, so each use gets a function of its own, `streq_N`, which copies the string and compares byte by byte.
 */

export interface Rewritten {
  readonly expr: string;
  /** The functions so far: they go before the program. */
  readonly streqFunctions: string;
  /** Number of the next function. */
  readonly probeid: number;
}

export const StrcmpRewrite = {
  /**
   * Rewrite an expression. `binCmp`: the literal is without its quotes in the C text (bytes by name). `isUser`, or an expression listed in
   * `probeUserList`: the string lies in user memory.
   */
  rewriteExpr(
    expr: string,
    binCmp: boolean,
    isUser: boolean,
    probeUserList: Iterable<string>,
    streqFunctions: string,
    probeid: number,
  ): Rewritten {
    const user = new Set(probeUserList);
    let functions = streqFunctions;
    let next = probeid;
    const rewritten = rewriteStrcmp(expr, binCmp, (operand) => ({
      name: `streq_${next++}`,
      user: isUser || user.has(operand.trim()),
    }));
    functions += rewritten.functions;
    return { expr: rewritten.expr, streqFunctions: functions, probeid: next };
  },
};

/** A string literal with its escapes, then an operand in which parentheses come in pairs. */
const STRCMP = /\bSTRCMP\(\s*"((?:[^"\\]|\\.)+)"\s*,([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*)\)/g;

/** Each use replaced by a call of a function of its own, which `naming` names and places by the operand; and these functions. */
export function rewriteStrcmp(
  expr: string,
  binCmp: boolean,
  naming: (operand: string) => { readonly name: string; readonly user: boolean },
): { readonly expr: string; readonly functions: string } {
  let functions = '';
  const rewritten = expr.replace(STRCMP, (_whole, literal: string, operand: string) => {
    const { name, user } = naming(operand);
    const text = binCmp ? literal : `"${literal}"`;
    functions += comparer(name, text, user ? 'bpf_probe_read_user' : 'bpf_probe_read');
    return `${name}(${text},${operand})`;
  });
  return { expr: rewritten, functions };
}

function comparer(name: string, literal: string, read: string): string {
  return `
static inline bool ${name}(char const *text, uintptr_t string) {
  char wanted[] = ${literal};
  char found[sizeof(wanted)];
  ${read}(&found, sizeof(found), (void *)string);
  for (int i = 0; i < sizeof(wanted) - 1; ++i)
    if (wanted[i] != found[i]) return false;
  return true;
}
`;
}
