/**
 * The back end's door: a module of optimised IR becomes programs. Each entry function is emitted with the functions it calls or names
 * behind it. The module is lowered in place and is of no further use.
 */
import type { Diagnostic } from '../base/diagnostics.ts';
import { removeUnreachable } from '../ir/cfg.ts';
import type { Func, Loc, Module } from '../ir/ir.ts';
import { expandDiv } from '../ir/passes/expand-div.ts';
import { expandMem } from '../ir/passes/expand-mem.ts';
import { lowerSwitch } from '../ir/passes/lower-switch.ts';
import { splitEdges } from '../ir/passes/split-edges.ts';
import { STACK_SIZE } from '../isa/ops.ts';
import type { FuncInfo, LineInfo, ProgReloc } from '../spec/spec.ts';
import { emit, type FieldRef } from './emit.ts';
import { layoutFrame } from './frame.ts';
import { Selector } from './isel.ts';
import { layoutBlocks } from './layout.ts';
import { removeDead, TooManyLive } from './liveness.ts';
import { MFunc } from './mir.ts';
import { peephole } from './peephole.ts';
import { allocateRegisters } from './regalloc.ts';

export interface GenerateOptions {
  /** Instruction set version, clang's -mcpu=vN. Default 3. */
  readonly cpu?: 1 | 2 | 3 | 4;
}

/** A diagnostic with its place in IR terms; the front end turns `loc` into a span. */
export interface CodegenDiagnostic extends Diagnostic {
  readonly loc: Loc | undefined;
  readonly func: string;
}

export interface GeneratedProg {
  readonly name: string;
  readonly insns: Uint8Array;
  readonly relocs: readonly ProgReloc[];
  readonly fields: readonly FieldRef[];
  readonly funcs: readonly FuncInfo[];
  readonly lines: readonly LineInfo[];
  /** Bytes of stack per function, in the order of `funcs`. */
  readonly frames: readonly number[];
}

export interface Generated {
  readonly progs: GeneratedProg[];
  readonly diagnostics: CodegenDiagnostic[];
}

/** Machine code for every entry function of the module. Diagnostics of severity error mean that the program is not usable. */
export function generate(module: Module, options: GenerateOptions = {}): Generated {
  const cpu = options.cpu ?? 3;
  const diagnostics: CodegenDiagnostic[] = [];
  const made = new Map<string, { fn: MFunc; frame: number }>();
  const btfIds = new Map(module.functions.map((f) => [f.name, f.btfId]));
  const error = (message: string, func: string, loc: Loc | undefined, notes: readonly Diagnostic[] = []) =>
    diagnostics.push({ severity: 'error', message, func, loc, notes });
  const machine = (name: string): { fn: MFunc; frame: number } => {
    let m = made.get(name);
    if (!m) made.set(name, (m = generateFunc(module.functions.find((f) => f.name === name)!, cpu, error)));
    return m;
  };
  const progs: GeneratedProg[] = [];
  for (const entry of module.functions) {
    if (!entry.entry) continue;
    const parts = reachable(module, entry).map((f) => machine(f.name));
    const out = emit(
      parts.map((p) => p.fn),
      cpu,
      btfIds,
    );
    for (const loc of out.tooFar)
      error('a jump is longer than 32767 instructions; -mcpu=v4 has longer ones', entry.name, loc);
    progs.push({
      name: entry.name,
      insns: out.insns,
      relocs: out.relocs,
      fields: out.fields,
      funcs: out.funcs,
      lines: out.lines,
      frames: parts.map((p) => p.frame),
    });
  }
  return { progs, diagnostics };
}

/** The function and all it calls or names, itself first, each once. */
function reachable(module: Module, entry: Func): Func[] {
  const out = new Set<Func>([entry]);
  for (const fn of out) {
    for (const block of fn.blocks) {
      for (const inst of block.insts) {
        const names = inst.args.filter((a) => a.op === 'funcref').map((a) => a.name);
        if (inst.op === 'calllocal') names.push(inst.name);
        for (const name of names) {
          const callee = module.functions.find((f) => f.name === name);
          if (callee) out.add(callee);
        }
      }
    }
  }
  return [...out];
}

type Report = (message: string, func: string, loc: Loc | undefined, notes?: readonly Diagnostic[]) => void;

function generateFunc(fn: Func, cpu: 1 | 2 | 3 | 4, error: Report): { fn: MFunc; frame: number } {
  lower(fn, cpu);
  const selector = new Selector(fn, { cpu });
  const mfn = selector.run();
  for (const c of selector.complaints) error(c.message, fn.name, c.loc);
  try {
    allocateRegisters(mfn);
  } catch (e) {
    if (!(e instanceof TooManyLive)) throw e;
    error(
      `'${fn.name}' has more values in use at once than ten registers and ${STACK_SIZE} bytes of stack hold`,
      fn.name,
      fn.loc,
    );
    return { fn: new MFunc(fn.name), frame: 0 };
  }
  while (peephole(mfn)) removeDead(mfn);
  const frame = layoutFrame(mfn);
  layoutBlocks(mfn);
  if (frame > STACK_SIZE) {
    const largest = mfn.slots
      .filter((s) => !s.spill)
      .sort((a, b) => b.size - a.size)
      .slice(0, 8);
    const notes: Diagnostic[] = largest.map((s) => ({
      severity: 'note',
      message: `'${s.name || 'a temporary'}' takes ${s.size} bytes${s.loc ? ` (${s.loc.file}:${s.loc.line})` : ''}`,
    }));
    error(
      `the locals of '${fn.name}' take ${frame} bytes of stack; a BPF frame has ${STACK_SIZE}`,
      fn.name,
      largest[0]?.loc ?? fn.loc,
      notes,
    );
  }
  return { fn: mfn, frame };
}

/** What selection does not know is spelled out in IR terms. */
function lower(fn: Func, cpu: number): void {
  removeUnreachable(fn);
  lowerSwitch(fn);
  expandMem(fn);
  if (cpu < 4) expandDiv(fn);
  splitEdges(fn);
}
