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
    const rewritten = expr.replace(/STRCMP\("([^"]+)",(.+?)\)/g, (_whole, literal: string, operand: string) => {
      const name = `streq_${next++}`;
      const read = isUser || user.has(operand.trim()) ? 'bpf_probe_read_user' : 'bpf_probe_read';
      functions += comparer(name, binCmp ? literal : `"${literal}"`, read);
      return `${name}(${binCmp ? literal : `"${literal}"`},${operand})`;
    });
    return { expr: rewritten, streqFunctions: functions, probeid: next };
  },
};

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
