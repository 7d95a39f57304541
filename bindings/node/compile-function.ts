/** Functions from text, as Node makes them: what record decoders are made with (core/btf/value.ts, `CompileFunction`). */
import type { CompileFunction } from '../../core/btf/value.ts';

/** undefined where it is forbidden (`node --disallow-code-generation-from-strings`): decoders are then made of closures. */
export const compileFunction: CompileFunction | undefined = allowed()
  ? (first, second, body) => new Function(first, second, body)
  : undefined;

function allowed(): boolean {
  try {
    new Function('');
    return true;
  } catch {
    return false;
  }
}
