/**
 * What all parts of one compilation share: the program, what is known about it, and the function indices of the module
 * that is being made.
 */
import type { HelperEnv, HelperRow } from '../../helpers/helper.ts';
import { functionStarts } from '../../isa/check.ts';
import type { DecodedProgram } from '../../isa/insn.ts';
import type { InsnFacts } from '../../spec/facts.ts';
import type { EngineHost, LinkedProgram } from '../engine.ts';
import type { FunctionEmitter } from './emitter.ts';
import type { StackPieces } from './stack-pieces.ts';
import { type FunctionType, I32, I64 } from './wasm.ts';

export interface Plan {
  readonly program: LinkedProgram;
  readonly decoded: DecodedProgram;
  readonly host: EngineHost;
  readonly env: HelperEnv;
  readonly checked: boolean;
  /** What the verifier knows of single instructions; undefined for programs that are not verified. */
  readonly facts: InsnFacts | undefined;
  readonly probes: ReadonlySet<number>;
  /** Fuel is counted. Not where the verifier knows that a run ends before it could be used up. */
  readonly metered: boolean;
  /** Function starts, ascending, and the index in the list by slot. */
  readonly starts: readonly number[];
  readonly indexOfStart: ReadonlyMap<number, number>;
  /** Offset of the state block. */
  readonly state: number;
  /** Wasm function index of something imported: the program's, see outside.ts. */
  importOf(name: ImportName): number;
  /** The first BPF function's index; the others follow. */
  readonly firstFunction: number;
  /** Index of the import that calls a helper or kfunc. */
  helperImport(kind: 'helper' | 'kfunc', id: number): number;
  /** Put the body of BPF function `callee` where a call of it stands (its frame pointer is the local `fp`); false: it is to be called. */
  inline(caller: FunctionEmitter, callee: number, fp: number): boolean;
  /** Stack bytes that are locals. */
  readonly pieces: StackPieces;
  /** Offset of the map that is looked up at a slot, where the lookup can be made in wasm. */
  lookupMap(pc: number): number | undefined;
  /** Index of the wasm function that is the map lookup at a slot, or undefined when the call leaves wasm. */
  lookupFunction(pc: number): number | undefined;
}

/** (fp, r1..r5) -> r0. */
export const BPF_FUNCTION: FunctionType = { params: [I32, I64, I64, I64, I64, I64], results: [I64] };

/** What can be imported, besides helpers and kfuncs. */
export const IMPORTS = {
  /** (lo, hi, bytes, write): may it be touched? Moves the window. */
  access: { params: [I32, I32, I32, I32], results: [I32] },
  /** Frames that are active now (checked programs). */
  frames: { params: [I32], results: [] },
  /** (fp, slot): 1 when the target ran (r0 is in the state block), 0 to go on. */
  tail: { params: [I32, I32], results: [I32] },
  /** (offset, bytes): 1 when loaded (r0 is in the state block), 0 when there are no such bytes. */
  packet: { params: [I32, I32, I32], results: [I32] },
} as const satisfies Record<string, FunctionType>;
export type ImportName = keyof typeof IMPORTS;

/** Kinds of fault that wasm reports: slot * 4 + kind goes to the state block, and wasm traps. */
export const FAULT = { access: 0, fuel: 1, depth: 2, call: 3 } as const;

export function lengthOf(plan: Pick<Plan, 'decoded' | 'starts'>, function_: number): number {
  return (plan.starts[function_ + 1] ?? plan.decoded.length) - plan.starts[function_]!;
}

export function functionList(decoded: DecodedProgram): { starts: number[]; indexOfStart: Map<number, number> } {
  const starts = functionStarts(decoded);
  return { starts, indexOfStart: new Map(starts.map((s, i) => [s, i])) };
}

/** The row that a call names, if it can be called at all. */
export function calledRow(plan: Pick<Plan, 'host'>, kind: 'helper' | 'kfunc', id: number): HelperRow | undefined {
  const row = kind === 'helper' ? plan.host.helper(id) : plan.host.kfunc?.(id);
  return row?.run ? row : undefined;
}
