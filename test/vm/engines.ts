/** The engines under test: another one joins the conformance suite by one line here. */

import { nativeEngine } from '../../bindings/engine/index.ts';
import type { Engine } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';
import { jit, tiered } from '../../core/vm/jit/jit.ts';

/** The C++ engine is there only where the addon was built; test/native says by name when it is not. */
const NATIVE: readonly Engine[] = [nativeEngine()].filter((engine) => engine.unavailable() === undefined);

export const ENGINES: readonly Engine[] = [interp, jit, tiered, ...NATIVE];
