/**
 * The passes in the order they run: the one place that says so. A pass takes a function and gives true when it changed something; a name
 * may appear more than once. `-d NAME` shows the IR after each time it ran.
 */
import type { Func, Module } from './ir.ts';
import { mem2reg } from './passes/mem2reg.ts';

export interface PassContext {
  readonly module: Module;
}

export interface Pass {
  readonly name: string;
  readonly run: (fn: Func, context: PassContext) => boolean;
}

const p = (name: string, run: Pass['run']): Pass => ({ name, run });

export const PIPELINE: readonly Pass[] = [p('mem2reg', mem2reg)];
