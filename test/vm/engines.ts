/** The engines under test: another one joins the conformance suite by one line here. */
import type { Engine } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';
import { jit } from '../../core/vm/jit/jit.ts';

export const ENGINES: readonly Engine[] = [interp, jit];
