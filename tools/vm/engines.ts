/** The engines of this host, as `skep-vm --engine`, the fuzzer and the benchmarks name them: those of core/vm/engines.ts, and C++. */
import { nativeEngine } from '../../bindings/engine/index.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { availableEngines as available, byPreference, ENGINES, engineByName } from '../../core/vm/engines.ts';

export const HOST_ENGINES: readonly Engine[] = byPreference([...ENGINES, nativeEngine()]);

/** Every engine that can run here, by preference. */
export const availableEngines = (): Engine[] => available(HOST_ENGINES);

/** An engine by name. See engineByName. */
export const loadEngine = (name: string): Engine => engineByName(name, HOST_ENGINES);
