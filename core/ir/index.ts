/** The optimiser's door: `optimize` runs the pipeline over a module. */
import { removeUnreachable } from './cfg.ts';
import { assertWellFormed } from './check.ts';
import type { Func, Module } from './ir.ts';
import { PIPELINE } from './pipeline.ts';
import { printModule } from './text.ts';

export interface OptimizeOptions {
  /** Called with the module's text after each pass for which `wants` says yes (`-d PASS`; 'front' is the IR as it came). */
  readonly dump?: { readonly wants: (pass: string) => boolean; readonly show: (pass: string, text: string) => void };
  /** Run the IR verifier after each pass and throw where it finds a fault (tests). */
  readonly check?: boolean;
}

/** Optimise in place; gives the module back. */
export function optimize(module: Module, options: OptimizeOptions = {}): Module {
  const after = (name: string) => {
    if (options.check) assertWellFormed(module, `after ${name}`);
    if (options.dump?.wants(name)) options.dump.show(name, printModule(module, { locs: true }));
  };
  for (const fn of module.functions) {
    removeUnreachable(fn);
    alignVariables(fn);
  }
  after('front');
  for (const pass of PIPELINE) {
    if ('runModule' in pass) pass.runModule(module);
    else for (const fn of module.functions) pass.run(fn, { module });
    after(pass.name);
  }
  return module;
}

/** Variables of eight bytes and more on 8-byte boundaries, where block operations can use whole words. */
function alignVariables(fn: Func): void {
  for (const inst of fn.blocks[0]!.insts) {
    if (inst.op === 'alloca') inst.align = Math.max(inst.align, inst.size >= 8 ? 8 : inst.size >= 4 ? 4 : 1);
  }
}
