/**
 * THE ENGINE TABLE: what `--engine NAME` can name. A host with engines of its own (the C++ one) passes a longer list; the order of preference is
 * that of ENGINE_NAMES in both.
 */
import { BpfError, Unsupported } from '../base/errors.ts';
import { ENGINE_NAMES, type Engine } from './engine.ts';
import { interp } from './interp.ts';
import { jit } from './jit/jit.ts';

export const ENGINES: readonly Engine[] = [jit, interp];

/** The engines that can run here, by preference. */
export function availableEngines(engines: readonly Engine[] = ENGINES): Engine[] {
  return byPreference(engines).filter((engine) => engine.unavailable() === undefined);
}

/** An engine by name; 'auto' is the first that can run here. Throws BpfError with the names there are, Unsupported with the reason. */
export function engineByName(name: string, engines: readonly Engine[] = ENGINES): Engine {
  if (name === 'auto') {
    const best = availableEngines(engines)[0]!;
    return best.auto ?? best;
  }
  const engine = engines.find((e) => e.name === name);
  if (!engine) {
    const names = ['auto', ...byPreference(engines).map((e) => e.name)].join(', ');
    throw new BpfError('ENOENT', `there is no engine '${name}'; there is: ${names}`);
  }
  const problem = engine.unavailable();
  if (problem !== undefined) throw new Unsupported(`engine '${name}'`, { hint: problem });
  return engine;
}

/** The preferred one first. */
export function byPreference(engines: readonly Engine[]): Engine[] {
  return ENGINE_NAMES.flatMap((name) => engines.filter((engine) => engine.name === name));
}
