/** THE ENGINE TABLE: what `--engine NAME` can name, the preferred one first. */
import { BpfError, Unsupported } from '../base/errors.ts';
import type { Engine } from './engine.ts';
import { interp } from './interp.ts';
import { jit } from './jit/jit.ts';

export const ENGINES: readonly Engine[] = [jit, interp];

/** An engine by name; 'auto' is the first that can run here. Throws BpfError with the names there are, Unsupported with the reason. */
export function engineByName(name: string): Engine {
  if (name === 'auto') return ENGINES.find((engine) => engine.unavailable() === undefined)!;
  const engine = ENGINES.find((e) => e.name === name);
  if (!engine)
    throw new BpfError(
      'ENOENT',
      `there is no engine '${name}'; there is: auto, ${ENGINES.map((e) => e.name).join(', ')}`,
    );
  const problem = engine.unavailable();
  if (problem !== undefined) throw new Unsupported(`engine '${name}'`, { hint: problem });
  return engine;
}
