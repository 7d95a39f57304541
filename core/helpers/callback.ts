/** Calling a BPF function from a helper: what the engine offers as `env.callback` while it runs the helper. */
import { Unsupported } from '../base/errors.ts';
import type { HelperEnv } from './helper.ts';

/** Low half of what the BPF function at `functionAt` returns for r1..r5 = `args` (pairs of halves). */
export function callBack(env: HelperEnv, functionAt: number, args: Int32Array): number {
  if (!env.callback) throw new Unsupported('calling back into the program', { hint: 'this engine has no callbacks' });
  return env.callback(functionAt, args);
}
