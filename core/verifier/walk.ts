/**
 * The walk: every path of the program, one instruction after the other, each checked against the state it is reached in.
 * Linux: do_check, check_return_code, check_max_stack_depth.
 */
import { CLASS, MODE, OP_LD_IMM64, OP_MAY_GOTO, PSEUDO } from '../isa/ops.ts';
import { checkAlu } from './alu.ts';
import { checkAtomic } from './atomic.ts';
import { checkLocalCall, checkReturn, clobberCallerSaved, returnFromCall, widen } from './call.ts';
import type { Env } from './env.ts';
import { globalEntry } from './global-call.ts';
import { checkHelperCall } from './helper-call.ts';
import { type Hooks, stateView } from './hooks.ts';
import { checkJump } from './jump.ts';
import { loadVariable } from './kernel-variable.ts';
import { checkKfuncCall, type Kfuncs } from './kfunc.ts';
import { printInsn, printPath, printPrune, printState } from './log.ts';
import { leaveLoop } from './loops.ts';
import { accessMemory, checkUnmodified, rememberPointer } from './mem.ts';
import { MARK } from './program.ts';
import { isVisited } from './prune.ts';
import { makeKnown, makePointer } from './range.ts';
import { checkNothingHeld } from './references.ts';
import { KIND } from './reg.ts';
import { Frame, MAIN_CALLSITE, State } from './state.ts';

const SIZE_OF = [4, 2, 1, 8];

function sizeOf(code: number): number {
  return SIZE_OF[(code >> 3) & 3]!;
}

export class Walk {
  readonly env: Env;
  readonly kfuncs: Kfuncs;
  readonly hooks: Hooks;

  constructor(env: Env, kfuncs: Kfuncs, hooks: Hooks = {}) {
    this.env = env;
    this.kfuncs = kfuncs;
    this.hooks = hooks;
  }

  /** Walk the program from its entry, then every global function that was called. Throws Refusal. */
  run(): void {
    const { env } = this;
    this.#walkFrom(0);
    const handler = env.program.exceptionCallback;
    if (handler !== 0) env.globalCalls.add(handler);
    const done = new Set<number>();
    for (;;) {
      const next = [...env.globalCalls].sort((a, b) => a - b).find((s) => !done.has(s));
      if (next === undefined) break;
      done.add(next);
      this.#walkFrom(next);
    }
  }

  #walkFrom(subprog: number): void {
    const { env } = this;
    const { program } = env;
    env.checkpoints.clear();
    const frame = new Frame(MAIN_CALLSITE, 0, subprog);
    const state = new State([frame]);
    state.firstInsn = program.subprogs[subprog]!.start;
    state.sleepable = false;
    if (subprog === 0) frame.regs[1] = makePointer(KIND.CTX);
    else {
      env.say(`Validating ${program.subprogs[subprog]!.name}() func#${subprog}...`);
      const entry = globalEntry(env, subprog);
      if (subprog === program.exceptionCallback) {
        frame.inExceptionCallback = true;
        if (entry.length !== 1 || entry[0]!.type !== KIND.SCALAR) {
          env.fail('structure', 'exception cb only supports single integer argument');
        }
      }
      entry.forEach((r, i) => {
        frame.regs[i + 1] = r;
      });
    }
    env.state = state;
    env.walking = true;
    env.insn = program.subprogs[subprog]!.start;
    env.previousInsn = -1;
    this.#loop();
  }

  #loop(): void {
    const { env } = this;
    const { program } = env;
    const { marks } = program;
    const { seen } = env;
    let previous = -1;
    let newPath = false;
    const verbose = env.level > 0;
    for (;;) {
      env.entry = undefined;
      env.previousInsn = previous;
      const i = env.insn;
      env.countInsn();
      env.state.lastInsn = previous;
      const mark = marks[i]!;
      if (mark & MARK.PRUNE && isVisited(env, i, this.kfuncs)) {
        if (verbose) printPrune(env, i, newPath);
        if (!this.#nextPath()) return;
        previous = env.previousInsn;
        newPath = true;
        continue;
      }
      if (mark & MARK.JUMP) env.pushHistory(0);
      if (verbose) {
        if (newPath) printPath(env, i);
        printInsn(env, i);
      }
      newPath = false;
      if (this.hooks.onInsn) {
        const reason = this.hooks.onInsn(stateView(env, i, previous));
        if (reason !== undefined) env.fail('hook', reason);
      }
      previous = i;
      seen[i] = 1;
      const next = this.#check(i);
      if (next >= 0) {
        env.insn = next;
        continue;
      }
      if (!this.#nextPath()) return;
      previous = env.previousInsn;
      newPath = true;
    }
  }

  /** The path is done: count it off its checkpoints, and take the next one. False when there is none. */
  #nextPath(): boolean {
    const { env } = this;
    let state: State | undefined = env.state;
    while (state) {
      state.branches--;
      if (state.branches > 0) break;
      const { parent }: State = state;
      if (state.insn >= 0) {
        leaveLoop(env, state);
        env.checkpoints.finish(state);
      }
      state = parent;
    }
    const next = env.pending.pop();
    if (!next) return false;
    env.state = next.state;
    env.state.branches = 1;
    env.insn = next.insn;
    env.previousInsn = next.previous;
    env.scratchRegs = 0x7ff;
    if (env.level < 2) env.log.length = next.logLength;
    return true;
  }

  /** Check one instruction. Answers the next one, or -1 at the end of the path. */
  #check(i: number): number {
    const { env } = this;
    const { opcode, dst, src, off, imm } = env.program.code;
    const code = opcode[i]!;
    switch (code & 7) {
      case CLASS.ALU:
      case CLASS.ALU64:
        checkAlu(env, i);
        return i + 1;
      case CLASS.LDX: {
        const r = env.readReg(src[i]!);
        env.checkWritable(dst[i]!);
        accessMemory(env, src[i]!, {
          off: off[i]!,
          size: sizeOf(code),
          write: false,
          reg: dst[i]!,
          signed: (code & 0xe0) === MODE.MEMSX,
        });
        rememberPointer(env, r.type, true);
        return i + 1;
      }
      case CLASS.STX: {
        if ((code & 0xe0) === MODE.ATOMIC) {
          checkAtomic(env, i);
          return i + 1;
        }
        if ((code & 0xe0) !== MODE.MEM || imm[i] !== 0) env.fail('structure', 'BPF_STX uses reserved fields');
        env.readReg(src[i]!);
        const r = env.readReg(dst[i]!);
        accessMemory(env, dst[i]!, { off: off[i]!, size: sizeOf(code), write: true, reg: src[i]! });
        rememberPointer(env, r.type, false);
        return i + 1;
      }
      case CLASS.ST: {
        if ((code & 0xe0) !== MODE.MEM || src[i] !== 0) env.fail('structure', 'BPF_ST uses reserved fields');
        const r = env.readReg(dst[i]!);
        if (r.type === KIND.CTX && !env.options.features.contextConstants) {
          env.fail('context', `BPF_ST stores into R${dst[i]} ctx is not allowed`);
        }
        accessMemory(env, dst[i]!, { off: off[i]!, size: sizeOf(code), write: true, reg: -1, constant: imm[i]! });
        rememberPointer(env, r.type, false);
        return i + 1;
      }
      case CLASS.LD:
        if (code === OP_LD_IMM64) {
          env.seen[i + 1] = 1;
          this.#loadImmediate(i);
          return i + 2;
        }
        return this.#loadPacket(i);
      default:
        return this.#jump(i);
    }
  }

  #jump(i: number): number {
    const { env } = this;
    const { opcode, dst, src, off, imm } = env.program.code;
    const code = opcode[i]!;
    const wide = (code & 7) === CLASS.JMP;
    const fromReg = (code & 8) !== 0;
    env.jumps++;
    switch (code & 0xf0) {
      case 0x80: {
        const kind = src[i]!;
        if (fromReg || (kind !== 2 && off[i] !== 0) || kind > 2 || dst[i] !== 0 || !wide) {
          env.fail('structure', 'BPF_CALL uses reserved fields');
        }
        if (
          env.state.locks > 0 &&
          !(kind === 0 && imm[i] === SPIN_UNLOCK) &&
          kind !== 1 &&
          !(kind === 2 && this.kfuncs.allowedUnderLock(i))
        ) {
          env.fail('reference', 'function calls are not allowed while holding a lock');
        }
        if (kind === 1) return checkLocalCall(env, i);
        if (kind === 2) return checkKfuncCall(env, this.kfuncs, i, (s, insn) => previousAt(s, insn));
        return checkHelperCall(env, i, previousAt);
      }
      case 0x00:
        if (fromReg || src[i] !== 0 || dst[i] !== 0 || (wide ? imm[i] !== 0 : off[i] !== 0)) {
          env.fail('structure', 'BPF_JA uses reserved fields');
        }
        return i + 1 + (wide ? off[i]! : imm[i]!);
      case 0x90:
        if (fromReg || imm[i] !== 0 || src[i] !== 0 || dst[i] !== 0 || !wide) {
          env.fail('structure', 'BPF_EXIT uses reserved fields');
        }
        return this.#exit();
      case 0xe0: {
        if (code !== OP_MAY_GOTO || src[i] !== 0 || dst[i] !== 0 || imm[i] !== 0) {
          env.fail('structure', `invalid may_goto imm ${imm[i]}`);
        }
        // The checkpoint just made here is no earlier round.
        const before = env.state.parent?.parent && previousAt(env.state.parent.parent, i);
        const other = env.pushPath(i + 1, i);
        other.mayGotoDepth++;
        if (before) widen(env, before, other);
        return i + 1 + off[i]!;
      }
      default:
        return checkJump(env, i);
    }
  }

  #exit(): number {
    const { env } = this;
    const outermost = env.state.frames.length === 1;
    checkNothingHeld(env, 'BPF_EXIT instruction in main prog', outermost);
    if (!outermost) {
      const next = returnFromCall(env, previousAt);
      if (env.level > 0) printState(env);
      return next;
    }
    checkReturn(env, 0);
    return -1;
  }

  #loadImmediate(i: number): void {
    const { env } = this;
    const { opcode, dst, src, off, imm } = env.program.code;
    void opcode;
    const d = dst[i]!;
    if (off[i] !== 0) env.fail('structure', 'BPF_LD_IMM64 uses reserved fields');
    env.checkWritable(d);
    const kind = src[i]!;
    if (kind === PSEUDO.imm) {
      env.setReg(d, env.constant(i, imm[i]!, imm[i + 1]!));
      return;
    }
    if (kind === PSEUDO.btf_id) {
      loadVariable(env, d, imm[i]!);
      return;
    }
    if (kind === PSEUDO.func) {
      const subprog = env.program.subprogStarting(i + imm[i]! + 1);
      if (!env.program.hasFuncInfo) env.fail('structure', 'missing btf func_info');
      if (env.program.subprogs[subprog]!.global) env.fail('type', 'callback function not static');
      if (subprog === 0) env.fail('type', 'callback function cannot be the main program');
      const r = makePointer(KIND.FUNC);
      r.aux = subprog;
      env.setReg(d, r);
      return;
    }
    const value = kind === PSEUDO.map_value || kind === PSEUDO.map_idx_value;
    const map = env.program.mapOf[i]! - 1;
    if (value && env.map(map).spec.type === 'arena') {
      env.setUnknown(d);
      return;
    }
    const r = makePointer(value ? KIND.MAP_VALUE : KIND.MAP_PTR);
    r.aux = map;
    if (value) r.off = imm[i + 1]!;
    env.setReg(d, r);
  }

  /** ld_abs and ld_ind: a bounds-checked packet load that ends the program when out of bounds. */
  #loadPacket(i: number): number {
    const { env } = this;
    const { opcode, dst, src, off } = env.program.code;
    const code = opcode[i]!;
    const { name } = env.progType;
    const where = 'BPF_LD_[ABS|IND]';
    if (name !== 'socket_filter' && name !== 'sched_cls' && name !== 'sched_act') {
      env.fail('structure', `${where} instructions not allowed for this program type`);
    }
    const indirect = (code & 0xe0) === MODE.IND;
    if (dst[i] !== 0 || off[i] !== 0 || sizeOf(code) === 8 || (!indirect && src[i] !== 0)) {
      env.fail('structure', `${where} uses reserved fields`);
    }
    const ctx = env.readReg(6);
    checkNothingHeld(env, where, true);
    if (ctx.type !== KIND.CTX) env.fail('type', 'at the time of BPF_LD_ABS|IND R6 != pointer to skb');
    if (indirect) env.readReg(src[i]!);
    checkUnmodified(env, ctx, 6, false);
    clobberCallerSaved(env);
    env.setUnknown(0);
    if (env.state.frames.length > 1) {
      // Out of bounds in a subprogram: it returns 0 to its caller.
      env.pushPath(i + 1, i);
      env.setReg(0, makeKnown(0, 0));
      return returnFromCall(env, previousAt);
    }
    return i + 1;
  }
}

const SPIN_UNLOCK = 94;

/** The nearest checkpoint behind the state at this instruction with the same calls. */
function previousAt(state: State, insn: number): State | undefined {
  for (let s: State | undefined = state; s; s = s.parent) {
    if (s.insn !== insn || s.frames.length !== state.frames.length) continue;
    let same = true;
    for (let f = 0; f < s.frames.length; f++) {
      if (s.frames[f]!.callsite !== state.frames[f]!.callsite) same = false;
    }
    if (same) return s;
  }
  return undefined;
}

const MAX_STACK = 512;
const MAX_FRAMES = 8;
const PRIVATE_STACK_MIN = 64;
/** Program types whose functions get a stack of their own on x86-64 (6.13): each may use 512 bytes. */
const PRIVATE_STACK = new Set(['kprobe', 'tracepoint', 'perf_event', 'raw_tracepoint']);

/** Bytes of stack over every chain of calls. */
export function checkStackDepth(env: Env): number {
  const { program } = env;
  const { subprogs, code } = program;
  const tailCalls = subprogs.some((s) => s.hasTailCall);
  const privateStacks = !tailCalls && PRIVATE_STACK.has(env.progType.name) && env.options.features.privateStacks;
  // Functions that async callbacks reach run on the ordinary stack.
  const ordinary = new Set<number>();
  let deepest = 0;
  // Chains meet again in the same function at the same depth: there they go on alike.
  const visited = new Set<string>();
  const visit = (index: number, depth: number, frames: number, onPrivate: boolean, inCallback: boolean): void => {
    const key = `${index} ${depth} ${frames} ${onPrivate} ${inCallback}`;
    if (visited.has(key)) return;
    visited.add(key);
    const sub = subprogs[index]!;
    if (!onPrivate) ordinary.add(index);
    if (sub.hasLdAbs && inCallback) {
      env.fail('structure', 'cannot use BPF_LD_[ABS|IND] within callback');
    }
    if (index !== 0 && sub.hasTailCall && depth >= 256) {
      env.fail('limit', `tail_calls are not allowed when call stack of previous frames is ${depth} bytes. Too large`);
    }
    const size = Math.ceil(sub.stackDepth / 16) * 16;
    if (onPrivate && !ordinary.has(index) && size >= PRIVATE_STACK_MIN) {
      if (size > MAX_STACK) env.fail('limit', `stack size of subprog ${index} is ${size}. Too large`);
    } else {
      depth += size;
      if (depth > MAX_STACK) {
        env.fail('limit', `combined stack size of ${frames + 1} calls is ${depth}. Too large`);
      }
    }
    if (depth > deepest) deepest = depth;
    if (size > deepest) deepest = size;
    for (let i = sub.start; i < sub.end; i++) {
      if (inCallback && program.isKfuncCall(i) && env.kfuncs.nameAt(i) === 'bpf_throw') {
        env.fail('structure', `bpf_throw kfunc (insn ${i}) cannot be called from callback subprog ${index}`);
      }
      const call = program.isLocalCall(i);
      if (!call && !program.isFuncLoad(i)) continue;
      const callee = program.subprogStarting(i + code.imm[i]! + 1);
      if (subprogs[callee]!.isAsyncCallback && !call) continue;
      if (callee === program.exceptionCallback && callee !== 0) {
        env.fail('structure', `insn ${i} cannot call exception cb directly`);
      }
      if (frames + 1 >= MAX_FRAMES) {
        env.fail('limit', `the call stack of ${frames + 1} frames is too deep !`);
      }
      visit(callee, depth, frames + 1, onPrivate, inCallback || subprogs[callee]!.isCallback);
    }
  };
  for (let i = subprogs.length - 1; i >= 0; i--) {
    if (i === 0 || subprogs[i]!.isAsyncCallback) visit(i, 0, 0, i === 0 && privateStacks, subprogs[i]!.isCallback);
  }
  return deepest;
}
