/**
 * THE HOST'S ENGINE TABLE: what `skep-vm --engine`, the fuzzer and the benchmarks can run, the preferred one first. Each row loads its engine when
 * it is asked for, so that a command that runs one program does not pay for three.
 */
import { BpfError, Unsupported } from '../../core/base/errors.ts';
import type { Engine } from '../../core/vm/engine.ts';

export interface EngineRow {
  readonly name: Engine['name'];
  load(): Promise<Engine>;
}

export const ENGINE_ROWS: readonly EngineRow[] = [
  { name: 'jit', load: async () => (await import('../../core/vm/jit/jit.ts')).jit },
  { name: 'native', load: async () => (await import('../../bindings/engine/index.ts')).nativeEngine() },
  { name: 'interp', load: async () => (await import('../../core/vm/interp.ts')).interp },
];

/** Every engine that can run here, by preference. */
export async function availableEngines(): Promise<Engine[]> {
  const engines = await Promise.all(ENGINE_ROWS.map((row) => row.load()));
  return engines.filter((engine) => engine.unavailable() === undefined);
}

/** An engine by name; 'auto' is the first that can run here. Throws BpfError with the names there are, Unsupported with the reason. */
export async function loadEngine(name: string): Promise<Engine> {
  if (name === 'auto') {
    for (const row of ENGINE_ROWS) {
      const engine = await row.load();
      if (engine.unavailable() === undefined) return engine;
    }
  }
  const row = ENGINE_ROWS.find((r) => r.name === name);
  if (!row) {
    const names = ['auto', ...ENGINE_ROWS.map((r) => r.name)].join(', ');
    throw new BpfError('ENOENT', `there is no engine '${name}'; there is: ${names}`);
  }
  const engine = await row.load();
  const problem = engine.unavailable();
  if (problem !== undefined) throw new Unsupported(`engine '${name}'`, { hint: problem });
  return engine;
}
