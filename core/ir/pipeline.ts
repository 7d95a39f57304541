/**
 * The passes in the order they run: the one place that says so. A pass takes a function and gives true when it changed something; a name
 * may appear more than once. `-d NAME` shows the IR after each time it ran.
 */
import type { Func, Module } from './ir.ts';
import { combine } from './passes/combine.ts';
import { dce } from './passes/dce.ts';
import { dse } from './passes/dse.ts';
import { forward } from './passes/forward.ts';
import { gvn } from './passes/gvn.ts';
import { inlineCalls } from './passes/inline.ts';
import { mem2reg } from './passes/mem2reg.ts';
import { simplifyCfg } from './passes/simplify-cfg.ts';
import { sink } from './passes/sink.ts';
import { sroa } from './passes/sroa.ts';
import { unroll } from './passes/unroll.ts';

export interface PassContext {
  readonly module: Module;
}

export type Pass =
  | { readonly name: string; readonly run: (fn: Func, context: PassContext) => boolean }
  | { readonly name: string; readonly runModule: (module: Module) => boolean };

const clean = [
  { name: 'combine', run: combine },
  { name: 'simplify-cfg', run: simplifyCfg },
] as const satisfies readonly Pass[];

export const PIPELINE: readonly Pass[] = [
  { name: 'inline', runModule: inlineCalls },
  { name: 'sroa', run: sroa },
  { name: 'mem2reg', run: mem2reg },
  ...clean,
  { name: 'unroll', run: unroll },
  ...clean,
  { name: 'gvn', run: gvn },
  ...clean,
  { name: 'forward', run: forward },
  { name: 'sroa', run: sroa },
  { name: 'mem2reg', run: mem2reg },
  ...clean,
  { name: 'gvn', run: gvn },
  { name: 'dce', run: dce },
  { name: 'sink', run: sink },
  { name: 'dse', run: dse },
  ...clean,
  { name: 'dce', run: dce },
];
