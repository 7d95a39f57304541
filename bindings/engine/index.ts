/**
 * The `native` engine: a C++ interpreter with computed gotos (native/engine), on the same linear memory as the others. For hosts
 * where WebAssembly is compiled slowly or not at all, and as a second opinion on the JIT.
 */
import type { Engine } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';
import { addon, addonProblem } from '../addon/index.ts';
import { NativeExecutable } from './executable.ts';
import { machineOf } from './machine.ts';

const NATIVE: Engine = {
  name: 'native',
  unavailable() {
    const problem = addonProblem();
    if (problem !== undefined) return problem;
    return addon()?.makeEngine ? undefined : 'the native addon was built without the engine (run `npm rebuild`)';
  },
  prepare(program, host, options = {}) {
    const makeEngine = addon()?.makeEngine;
    // Stepping needs an engine that stops between instructions; C++ needs bytes that never move.
    const moves = !(host.memory.u8.buffer instanceof SharedArrayBuffer);
    if (options.onStep || moves || !makeEngine) return interp.prepare(program, host, options);
    return new NativeExecutable(program, host, options, machineOf(makeEngine, host.memory));
  },
};

/** The engine; ask `unavailable()` whether it can run here. */
export function nativeEngine(): Engine {
  return NATIVE;
}
