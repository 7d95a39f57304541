/** The engine of tests: the interpreter, watched. It tells every instruction that runs, and lets chosen helpers fail. */

import { BpfError } from '../../core/base/errors.ts';
import type { HelperRow, RegFile } from '../../core/helpers/helper.ts';
import { helperById, helperByName } from '../../core/helpers/index.ts';
import { insnText } from '../../core/isa/disasm.ts';
import { toInsns } from '../../core/isa/insn.ts';
import { OP_LD_IMM64 } from '../../core/isa/ops.ts';
import type { Engine, LinkedProgram } from '../../core/vm/engine.ts';
import { interp } from '../../core/vm/interp.ts';

/** One instruction of a run. */
export interface Step {
  readonly program: string;
  /** Slot of the instruction. */
  readonly pc: number;
  /** Its assembly text. */
  readonly insn: string;
  /** The source line that it was compiled from. */
  readonly line: number | undefined;
  readonly source: string;
  /** r0 to r10 before it, as unsigned 64-bit numbers. */
  readonly registers: readonly bigint[];
}

export interface Failure {
  /** What the helper returns instead of doing its work. */
  readonly result: number;
  /** Calls that still go well before. */
  after: number;
  /** Calls that fail, then it is well again. */
  times: number;
  /** Only calls whose argument (1 is the first) is the map at this offset. */
  readonly map: number | undefined;
  readonly argument: number;
  /** Asked before a call fails: false lets it through. */
  readonly when?: (r: RegFile) => boolean;
  /** Told of each call that fails. */
  readonly onFail?: (r: RegFile) => void;
}

export class WatchedEngine implements Engine {
  readonly name = 'interp';
  /** Gets every instruction while it is set. */
  onStep: ((step: Step) => void) | undefined;
  readonly #failures = new Map<string, Failure[]>();

  unavailable(): undefined {
    return undefined;
  }

  /** Make a helper fail. Throws BpfError EINVAL for a name that is no helper's. */
  fail(name: string, failure: Failure): void {
    const bare = name.replace(/^bpf_/, '');
    if (!helperByName(bare)) throw new BpfError('EINVAL', `there is no helper bpf_${bare}`);
    this.#failures.set(bare, [...(this.#failures.get(bare) ?? []), failure]);
  }

  heal(): void {
    this.#failures.clear();
  }

  prepare: Engine['prepare'] = (program, host, options) => {
    const listing = new Listing(program);
    return interp.prepare(
      program,
      { ...host, helper: (id) => this.#watch(host.helper(id)) },
      { ...options, onStep: (pc, regs) => this.onStep?.(listing.step(pc, regs)) },
    );
  };

  #watch(row: HelperRow | undefined): HelperRow | undefined {
    const run = row?.run;
    if (!row || !run) return row;
    return {
      ...row,
      run: (env, r) => {
        for (const failure of this.#failures.get(row.name) ?? []) {
          if (failure.times <= 0 || (failure.map !== undefined && r[2 * failure.argument]! >>> 0 !== failure.map))
            continue;
          if (failure.when && !failure.when(r)) continue;
          if (failure.after-- > 0) continue;
          failure.times--;
          failure.onFail?.(r);
          r[0] = failure.result | 0;
          r[1] = failure.result < 0 ? -1 : 0;
          return;
        }
        run(env, r);
      },
    };
  }
}

/** Lines and texts of a program's instructions, made once. */
class Listing {
  readonly #program: LinkedProgram;
  #texts: ReadonlyMap<number, string> | undefined;

  constructor(program: LinkedProgram) {
    this.#program = program;
  }

  step(pc: number, regs: Int32Array): Step {
    const { name, lines, insns } = this.#program;
    this.#texts ??= textsOf(insns);
    let line: (typeof lines)[number] | undefined;
    for (const l of lines) if (l.insn <= pc && (!line || l.insn >= line.insn)) line = l;
    return {
      program: name,
      pc,
      insn: this.#texts.get(pc) ?? '',
      line: line?.line,
      source: line?.text.trim() ?? '',
      registers: Array.from({ length: 11 }, (_, i) =>
        BigInt.asUintN(64, (BigInt(regs[2 * i + 1]!) << 32n) | BigInt(regs[2 * i]! >>> 0)),
      ),
    };
  }
}

/** Assembly by slot. Maps are addresses by now, so only helpers have names. */
function textsOf(insns: Uint8Array): Map<number, string> {
  const texts = new Map<number, string>();
  let pc = 0;
  for (const insn of toInsns(insns)) {
    texts.set(pc, insnText(insn, { helper: (id) => helperById(id)?.name }));
    pc += insn.opcode === OP_LD_IMM64 ? 2 : 1;
  }
  return texts;
}
