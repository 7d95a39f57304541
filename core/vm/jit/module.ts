/** A BPF program as a wasm module: one function for each BPF function, the doors that JavaScript calls, map lookups. */
import { KERNEL_HI } from '../../base/memory.ts';
import { OP_CALL } from '../../isa/ops.ts';
import { FunctionEmitter } from './emitter.ts';
import { type Outside, outsideOf } from './outside.ts';
import { BPF_FUNCTION, IMPORTS, lengthOf, type Plan } from './plan.ts';
import { stackPieces } from './stack-pieces.ts';
import { STATE } from './state.ts';
import { emitBody } from './structure.ts';
import {
  type BuiltModule,
  buildModule,
  Code,
  type FunctionBody,
  type FunctionType,
  I32,
  I64,
  OP,
  VOID,
} from './wasm.ts';

export interface CompiledModule extends BuiltModule {
  /** Bytes of the longest function. */
  readonly largest: number;
  /** Helpers and kfuncs that are imported, as `h<n>` in this order. */
  readonly calls: Outside['calls'];
  /** For each wasm function: byte positions in its code, each followed by the slot of the instruction there. */
  readonly positions: readonly { readonly wasmIndex: number; readonly list: readonly number[] }[];
}

type Base = Omit<
  Plan,
  'importOf' | 'firstFunction' | 'helperImport' | 'lookupFunction' | 'lookupMap' | 'pieces' | 'inline'
>;

/** Slots of a function that is put in place of a call, and of all that are in a module. */
const MOST_INLINED = 64;
const MOST_INLINED_ALL = 2048;

const HELPER_TYPE: FunctionType = { params: [I32], results: [] };

/** `run` (ctx, r2, fp), and `call<k>` (fp) for each function: arguments from and r0 to the state block. */
export function compileProgram(base: Base, sharedMemory: boolean): CompiledModule {
  const parts = new Parts(base, base.starts.length + 1);
  parts.door('run', runDoor(parts.plan));
  base.starts.forEach((_, k) => {
    parts.door(`call${k}`, callDoor(parts.plan, k));
  });
  return parts.finish(sharedMemory);
}

/**
 * `batch` (ctx, stride, count, result, r2, fp): the entry function's body in a loop over contexts, for verified programs.
 * A module of its own, made when first asked for. Each round starts with the fuel given.
 */
export function compileBatch(base: Base, sharedMemory: boolean, fuelLo: number, fuelHi: number): CompiledModule {
  const parts = new Parts(base, 1);
  const [ctx, stride, count, result, r2, fp] = [0, 1, 2, 3, 4, 5] as const;
  const e = new BatchEmitter(parts.plan, 6, fp, []);
  e.fuelPerRound = [fuelLo, fuelHi];
  const { code } = e;
  code.op(OP.loop).byte(VOID);
  if (base.metered) {
    code
      .i32(base.state + STATE.FUEL)
      .i64(fuelLo, fuelHi)
      .access(OP.i64_store, 0);
  }
  code.get(ctx).op(OP.i64_extend_u).i64(0, KERNEL_HI).op(OP.i64_or).set(e.reg[1]!);
  code.get(r2).op(OP.i64_extend_u).set(e.reg[2]!);
  code.op(OP.block).byte(VOID);
  emitBody(e, parts.plan, 0);
  code.op(OP.end);
  code.get(result).op(OP.if).byte(VOID);
  code.get(result).get(e.reg[0]!).access(OP.i64_store32, 0).get(result).i32(4).op(OP.i32_add).set(result).op(OP.end);
  code.get(ctx).get(stride).op(OP.i32_add).set(ctx);
  code.get(count).i32(1).op(OP.i32_sub).tee(count).op(OP.br_if).u(0);
  code.op(OP.end, OP.end);
  parts.door(
    'batch',
    { type: { params: [I32, I32, I32, I32, I32, I32], results: [] }, locals: e.locals, code },
    e.positions,
  );
  return parts.finish(sharedMemory);
}

/** A module in the making: BPF functions first, then doors, then map lookups. */
class Parts {
  readonly plan: Plan;
  readonly #outside: Outside;
  readonly #functions: FunctionBody[] = [];
  readonly #exports: { name: string; index: number }[] = [];
  readonly #positions: { wasmIndex: number; list: readonly number[] }[] = [];
  readonly #importCount: number;
  /** Slots that were put in place of calls. */
  #inlined = 0;

  constructor(base: Base, doors: number) {
    const outside = outsideOf(base);
    const { imports, calls, lookupAt } = outside;
    const importCount = imports.length + calls.length;
    const firstLookup = importCount + base.starts.length + doors;
    this.#outside = outside;
    this.#importCount = importCount;
    this.plan = {
      ...base,
      importOf: (name) => imports.indexOf(name),
      firstFunction: importCount,
      inline: (caller, callee, fp) => this.#inline(caller, callee, fp),
      helperImport: (kind, id) => imports.length + calls.findIndex((c) => c.kind === kind && c.id === id),
      pieces: base.facts
        ? stackPieces(base, base.facts, outside.keySizes, new Set(lookupAt.keys()))
        : { at: new Map(), keys: new Map() },
      lookupMap: (pc) => outside.lookups[lookupAt.get(pc) ?? -1]?.offset,
      lookupFunction: (pc) => {
        const at = lookupAt.get(pc);
        return at === undefined ? undefined : firstLookup + at;
      },
    };
    for (let k = 0; k < base.starts.length; k++) {
      const e = new FunctionEmitter(this.plan, 6, 0, [1, 2, 3, 4, 5]);
      emitBody(e, this.plan, k);
      e.code.op(OP.end);
      this.#add({ type: BPF_FUNCTION, locals: e.locals, code: e.code }, e.positions);
    }
  }

  /** Small functions that call no others, in programs that are trusted to read nothing that was not written. */
  #inline(caller: FunctionEmitter, callee: number, fp: number): boolean {
    const { plan } = this;
    const length = lengthOf(plan, callee);
    if (
      plan.checked ||
      length > MOST_INLINED ||
      caller instanceof InlineEmitter ||
      this.#inlined + length > MOST_INLINED_ALL
    )
      return false;
    const end = plan.starts[callee]! + length;
    for (let pc = plan.starts[callee]!; pc < end; pc++) if (plan.decoded.opcode[pc] === OP_CALL) return false;
    this.#inlined += length;
    const { code } = caller;
    code.op(OP.block).byte(VOID);
    emitBody(new InlineEmitter(plan, 0, fp, [], caller), plan, callee);
    code.op(OP.end);
    return true;
  }

  door(name: string, body: FunctionBody, positions: readonly number[] = []): void {
    this.#exports.push({ name, index: this.#add(body, positions) });
  }

  finish(sharedMemory: boolean): CompiledModule {
    const { imports: names, calls, lookups } = this.#outside;
    for (const { code } of lookups)
      this.#add({ type: { params: [I32], results: [I64] }, locals: [I32, I32, I32], code }, []);
    const imports: { name: string; type: FunctionType }[] = names.map((name) => ({ name, type: IMPORTS[name] }));
    calls.forEach((_, i) => {
      imports.push({ name: `h${i}`, type: HELPER_TYPE });
    });
    const built = buildModule({ imports, functions: this.#functions, exports: this.#exports, sharedMemory });
    const largest = this.#functions.reduce((most, f) => Math.max(most, f.code.length), 0);
    return { ...built, largest, calls, positions: this.#positions };
  }

  #add(body: FunctionBody, list: readonly number[]): number {
    const wasmIndex = this.#importCount + this.#functions.push(body) - 1;
    this.#positions.push({ wasmIndex, list });
    return wasmIndex;
  }
}

/** A callee's body where the call stood: to exit is to go behind it, with r0 in the caller's. */
class InlineEmitter extends FunctionEmitter {
  override startFuel(): void {}

  override exit(): void {
    this.code.op(OP.br).u(this.labels + 1);
  }
}

/** The entry's body inside the batch loop: to exit is to go to the end of the round. */
class BatchEmitter extends FunctionEmitter {
  /** Halves of the fuel that each round starts with. */
  fuelPerRound: readonly [number, number] = [0, 0];

  override startFuel(): void {
    this.code.i64(...this.fuelPerRound).set(this.fuel);
  }

  override exit(): void {
    this.code.op(OP.br).u(this.labels + 1);
  }
}

function runDoor(plan: Plan): FunctionBody {
  const code = new Code();
  const [ctx, r2, fp] = [0, 1, 2] as const;
  code.i32(plan.state + STATE.REGS);
  code.get(fp);
  code.get(ctx).op(OP.i64_extend_u).i64(0, KERNEL_HI).op(OP.i64_or).i64(0);
  code.get(ctx).op(OP.select);
  code.get(r2).op(OP.i64_extend_u).i64(0).i64(0).i64(0);
  code.call(plan.firstFunction).access(OP.i64_store, 0).op(OP.end);
  return { type: { params: [I32, I32, I32], results: [] }, locals: [], code };
}

function callDoor(plan: Plan, k: number): FunctionBody {
  const code = new Code();
  code.i32(plan.state + STATE.REGS).get(0);
  for (let r = 1; r <= 5; r++) code.i32(plan.state + STATE.REGS + 8 * r).access(OP.i64_load, 0);
  code
    .call(plan.firstFunction + k)
    .access(OP.i64_store, 0)
    .op(OP.end);
  return { type: { params: [I32], results: [] }, locals: [], code };
}
