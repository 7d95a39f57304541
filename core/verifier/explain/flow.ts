/**
 * Where values come from: the path that failed, run once more with shadows instead of values. Each register and stack slot holds the
 * instruction that made what is in it, through copies, spills and calls, so that an explanation can say "the result of the lookup on line 12".
 */

import type { HelperRow } from '../../helpers/helper.ts';
import { helperById } from '../../helpers/index.ts';
import { type DecodedProgram, decode } from '../../isa/insn.ts';
import { CALL, CLASS, MODE, OP_CALL, OP_EXIT, OP_LD_IMM64, PSEUDO, SRC } from '../../isa/ops.ts';
import type { ProgSpec } from '../../spec/spec.ts';

export type OriginKind = 'param' | 'call' | 'load' | 'const' | 'map' | 'alu' | 'stack' | 'unknown';

export interface Origin {
  readonly kind: OriginKind;
  readonly pc: number;
  /** Its place on the path. */
  readonly step: number;
  /** What it was made of: of `alu` the operands, of `load` the pointer, of `call` the arguments. */
  readonly inputs: readonly Origin[];
  readonly helper?: HelperRow | undefined;
  /** `const`: the number; `stack`: the offset; `param`: the register; `load`: the offset. */
  readonly number?: number;
  /** `alu`: the operation (BPF_ADD, ...). */
  readonly op?: number;
  readonly map?: string | undefined;
}

export interface ShadowFrame {
  readonly regs: (Origin | undefined)[];
  readonly slots: Map<number, Origin>;
  /** Where the function was called, -1 for the entry. */
  readonly callsite: number;
}

const NOTHING: readonly Origin[] = [];

export class Flow {
  readonly prog: ProgSpec;
  readonly code: DecodedProgram;
  /** Instructions of the path, oldest first; the last is the one refused. */
  readonly path: readonly number[];
  frames: ShadowFrame[] = [];
  /** Calls of helpers on the path, with what they got. */
  readonly calls: {
    readonly step: number;
    readonly pc: number;
    readonly helper: HelperRow;
    readonly args: readonly (Origin | undefined)[];
  }[] = [];

  constructor(prog: ProgSpec, path: readonly number[]) {
    this.prog = prog;
    this.path = path;
    this.code = decode(prog.insns.length % 8 === 0 ? prog.insns : prog.insns.subarray(0, prog.insns.length & ~7));
    this.#enter(-1, path[0] ?? 0, 0);
    for (let k = 0; k + 1 < path.length; k++) this.#step(k);
  }

  get frame(): ShadowFrame {
    return this.frames[this.frames.length - 1]!;
  }

  /** What the register holds before the refused instruction. */
  reg(n: number): Origin | undefined {
    return this.frame.regs[n];
  }

  /** The values it was computed from, itself first: through arithmetic, not through loads or calls. */
  slice(of: Origin | undefined): Origin[] {
    const out: Origin[] = [];
    const work = of ? [of] : [];
    const seen = new Set<Origin>();
    for (let o = work.pop(); o && out.length < 64; o = work.pop()) {
      if (seen.has(o)) continue;
      seen.add(o);
      out.push(o);
      if (o.kind === 'alu') work.push(...o.inputs);
    }
    return out;
  }

  #enter(callsite: number, pc: number, step: number, args: readonly (Origin | undefined)[] = []): void {
    const regs: (Origin | undefined)[] = new Array(11).fill(undefined);
    for (let i = 1; i <= 5; i++) {
      regs[i] =
        args[i] ?? (callsite < 0 && i > 1 ? undefined : { kind: 'param', pc, step, inputs: NOTHING, number: i });
    }
    regs[10] = { kind: 'stack', pc, step, inputs: NOTHING, number: 0 };
    this.frames.push({ regs, slots: new Map(), callsite });
  }

  #step(k: number): void {
    const pc = this.path[k]!;
    const { opcode, dst, src, off, imm } = this.code;
    const code = opcode[pc] ?? 0;
    const { regs, slots } = this.frame;
    const d = dst[pc]!;
    const s = src[pc]!;
    const make = (kind: OriginKind, more: Partial<Origin> = {}): Origin => ({
      kind,
      pc,
      step: k,
      inputs: NOTHING,
      ...more,
    });
    switch (code & 7) {
      case CLASS.ALU:
      case CLASS.ALU64: {
        const op = code & 0xf0;
        const fromReg = (code & 8) === SRC.X;
        const wide = (code & 7) === CLASS.ALU64;
        const value = fromReg && op !== 0xd0 ? regs[s] : make('const', { number: imm[pc]! });
        if (op === 0xb0) {
          if (!fromReg) regs[d] = value;
          else if (wide && off[pc] === 0) regs[d] = value;
          else regs[d] = make('alu', { op, inputs: value ? [value] : NOTHING });
        } else if (op === 0x00 && regs[d]?.kind === 'stack' && !fromReg) {
          regs[d] = make('stack', { number: regs[d]!.number! + imm[pc]! });
        } else regs[d] = make('alu', { op, inputs: [regs[d], value].filter((o) => o !== undefined) });
        return;
      }
      case CLASS.LD:
        if (code === OP_LD_IMM64) {
          const reloc = this.prog.relocs.find((r) => r.insn === pc);
          const map = reloc && 'map' in reloc ? reloc.map : undefined;
          regs[d] = map !== undefined || s !== PSEUDO.imm ? make('map', { map }) : make('const', { number: imm[pc]! });
        } else {
          for (let i = 1; i <= 5; i++) regs[i] = undefined;
          regs[0] = make('load');
        }
        return;
      case CLASS.LDX: {
        const base = regs[s];
        const slot = base?.kind === 'stack' ? slots.get(base.number! + off[pc]!) : undefined;
        regs[d] = slot ?? make('load', { inputs: base ? [base] : NOTHING, number: off[pc]! });
        return;
      }
      case CLASS.ST:
      case CLASS.STX: {
        const base = regs[d];
        if ((code & 7) === CLASS.STX && (code & 0xe0) === MODE.ATOMIC) {
          const fetches = (imm[pc]! & 1) !== 0;
          if (fetches) regs[imm[pc] === 0xf1 ? 0 : s] = make('load', { inputs: base ? [base] : NOTHING });
          return;
        }
        if (base?.kind !== 'stack') return;
        const value = (code & 7) === CLASS.ST ? make('const', { number: imm[pc]! }) : regs[s];
        if (value) slots.set(base.number! + off[pc]!, value);
        return;
      }
      default:
        this.#jump(k, pc, code, make);
    }
  }

  #jump(k: number, pc: number, code: number, make: (kind: OriginKind, more?: Partial<Origin>) => Origin): void {
    const { regs } = this.frame;
    const next = this.path[k + 1]!;
    if (code === OP_EXIT) {
      if (this.frames.length === 1) return;
      const done = this.frames.pop()!;
      const caller = this.frame.regs;
      for (let i = 1; i <= 5; i++) caller[i] = undefined;
      caller[0] = done.regs[0];
      return;
    }
    if (code !== OP_CALL) return;
    const kind = this.code.src[pc]!;
    const args = [undefined, regs[1], regs[2], regs[3], regs[4], regs[5]];
    if (kind === CALL.local && next === pc + this.code.imm[pc]! + 1) {
      this.#enter(pc, next, k + 1, args);
      return;
    }
    const helper = kind === CALL.helper ? helperById(this.code.imm[pc]!) : undefined;
    const map = args.find((a) => a?.kind === 'map')?.map;
    if (helper) this.calls.push({ step: k, pc, helper, args });
    const result = make('call', { helper, map, inputs: args.filter((a) => a !== undefined) });
    if (kind === CALL.helper && next !== pc + 1) {
      // A callback: it runs in a frame of its own, with arguments from the kernel, and comes back to the call.
      this.#enter(pc, next, k + 1);
      return;
    }
    for (let i = 1; i <= 5; i++) regs[i] = undefined;
    regs[0] = result;
  }
}
