/** One conformance case: a program, the memory it starts with, and how engines and the oracle are run on it. */
import { KERNEL_BASE } from '../../../core/base/memory.ts';
import type { HelperRow } from '../../../core/helpers/helper.ts';
import { encode, type Insn } from '../../../core/isa/insn.ts';
import { bareHost } from '../../../core/vm/bare.ts';
import type { Engine, LinkedProgram } from '../../../core/vm/engine.ts';
import { VmMemory } from '../../../core/vm/memory.ts';
import { oracle } from '../../oracle/oracle.ts';

export interface Case {
  readonly name: string;
  readonly code: readonly Insn[];
  /** Contents of the ctx memory (r1 points to it, r2 is its length), one run each. */
  readonly inputs: readonly Uint8Array[];
}

export interface Outcome {
  readonly r0: bigint;
  readonly memory: Uint8Array;
}

/** Helpers that cases may call: 1 mixes its five arguments, 2 gives a fixed number. */
export const TEST_HELPERS: ReadonlyMap<number, HelperRow> = new Map(
  [
    {
      id: 1001,
      name: 'mix',
      args: ['anything', 'anything', 'anything', 'anything', 'anything'],
      ret: 'integer',
      since: 'test',
      progTypes: 'all',
      run: (_env, r) => {
        let [lo, hi] = [0, 0];
        for (let k = 1; k <= 5; k++) {
          lo = Math.imul(lo ^ r[2 * k]!, 0x01000193);
          hi = Math.imul(hi ^ r[2 * k + 1]!, 0x01000193);
        }
        r[0] = lo;
        r[1] = hi;
      },
    } satisfies HelperRow,
  ].map((row) => [row.id, row]),
);

const memory = new VmMemory();
const CTX_SIZE = 4096;
const ctx = memory.alloc(CTX_SIZE);
const frames = memory.alloc(4096);

/** Kernel address of the ctx that cases run on: the same in every run, so that addresses compare. */
export const CTX_ADDRESS = KERNEL_BASE + BigInt(ctx);

export function link(code: readonly Insn[], verified: boolean): LinkedProgram {
  const facts = verified ? { verified: true, stackDepth: 512 } : undefined;
  return { name: 'case', insns: encode(code), funcs: [], lines: [], facts };
}

export function runOracle(c: Case, input: Uint8Array): Outcome {
  memory.u8.fill(0, ctx, ctx + CTX_SIZE);
  memory.u8.fill(0, frames, frames + 4096);
  memory.u8.set(input, ctx);
  const r0 = oracle(encode(c.code), {
    memory,
    r1: CTX_ADDRESS,
    r2: BigInt(input.length),
    frameTop: KERNEL_BASE + BigInt(frames + 512),
    helpers: TEST_HELPERS,
  });
  return { r0, memory: memory.u8.slice(ctx, ctx + input.length) };
}

/** A prepared program to run on several inputs. */
export function onEngine(engine: Engine, c: Case, verified: boolean): (input: Uint8Array) => Outcome {
  const regions = [{ offset: ctx, size: CTX_SIZE, writable: true }];
  const host = bareHost({ memory, helper: (id) => TEST_HELPERS.get(id), regions });
  const exe = engine.prepare(link(c.code, verified), host);
  return (input) => {
    memory.u8.fill(0, ctx, ctx + CTX_SIZE);
    memory.u8.set(input, ctx);
    exe.run(ctx, input.length);
    const r0 = (BigInt(exe.r0Hi >>> 0) << 32n) | BigInt(exe.r0Lo >>> 0);
    return { r0, memory: memory.u8.slice(ctx, ctx + input.length) };
  };
}
