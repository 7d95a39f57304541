/**
 * The flow graph: every instruction is reached, where states will be compared (prune points), which registers are live
 * before an instruction, and which instructions form a loop. Linux: check_cfg, compute_live_registers, compute_scc.
 */
import { helperById, signatureOf } from '../helpers/index.ts';
import { CLASS, MODE, OP_CALL, OP_EXIT, OP_GOTOL, OP_JA, OP_LD_IMM64, OP_MAY_GOTO, SIZE, SRC } from '../isa/ops.ts';
import { MARK, type Program, refuse } from './program.ts';

/** Helpers that call a function of the program before they return, and those that keep it for later. */
export const SYNC_CALLBACK_HELPERS = new Set([164, 180, 181, 209]);
export const ASYNC_CALLBACK_HELPERS = new Set([170]);

const DISCOVERED = 0x10;
const EXPLORED = 0x20;
const FALLTHROUGH = 1;
const BRANCH = 2;

/** Kernel functions the program calls, by instruction: which iterate, which call back. */
export interface KfuncShape {
  isIterNext(insn: number): boolean;
  callsBack(insn: number): boolean;
  nameAt(insn: number): string;
  rowAt(insn: number): { readonly flags: ReadonlySet<string> } | undefined;
  /** Arguments it takes; undefined where its prototype is not known. */
  paramsAt(insn: number): number | undefined;
}

/** Depth-first walk over the graph. Sets marks; refuses unreachable code and, for unprivileged programs, back edges. */
export function checkGraph(p: Program, privileged: boolean, kfuncs: KfuncShape): void {
  const { opcode, src, off, imm } = p.code;
  const n = p.length;
  const seen = new Uint8Array(n);
  const stack = new Int32Array(n);
  let top = 0;
  const marks = p.marks;

  /** Follow an edge; true when its target was pushed and must be explored first. */
  const edge = (from: number, to: number, kind: number): boolean => {
    if (seen[from]! >= (DISCOVERED | kind)) return false;
    if (to < 0 || to >= n) refuse('structure', `jump out of range from insn ${from} to ${to}`);
    if (kind === BRANCH) marks[to] |= MARK.PRUNE | MARK.JUMP;
    if (seen[to] === 0) {
      seen[from] = DISCOVERED | kind;
      seen[to] = DISCOVERED;
      stack[top++] = to;
      return true;
    }
    if ((seen[to]! & 0xf0) === DISCOVERED) {
      if (privileged) return false;
      refuse('limit', `back-edge from insn ${from} to ${to}`);
    }
    seen[from] = DISCOVERED | kind;
    return false;
  };

  const call = (i: number, width: number, callee: number): boolean => {
    if (edge(i, i + width, FALLTHROUGH)) return true;
    marks[i + width] |= MARK.PRUNE | MARK.JUMP;
    if (callee < 0) return false;
    marks[i] |= MARK.PRUNE;
    const sub = p.subprogs[p.subprogOf(i)]!;
    const target = p.subprogs[p.subprogOf(callee)]!;
    sub.changesPacket ||= target.changesPacket;
    sub.mightSleep ||= target.mightSleep;
    return edge(i, callee, BRANCH);
  };

  const visit = (i: number): boolean => {
    const code = opcode[i]!;
    const cls = code & 7;
    if (p.isFuncLoad(i)) return call(i, 2, i + imm[i]! + 1);
    if (cls !== CLASS.JMP && cls !== CLASS.JMP32) return edge(i, i + (code === OP_LD_IMM64 ? 2 : 1), FALLTHROUGH);
    if ((code & 0xf0) === 0x90) return false;
    if ((code & 0xf0) === 0x80) {
      if (p.isHelperCall(i)) {
        if (ASYNC_CALLBACK_HELPERS.has(imm[i]!)) marks[i] |= MARK.PRUNE;
        if (SYNC_CALLBACK_HELPERS.has(imm[i]!)) {
          marks[i] |= MARK.CALLBACK | MARK.CHECKPOINT | MARK.PRUNE | MARK.JUMP;
        }
        const helper = helperById(imm[i]!);
        if (helper?.changesPacket) p.subprogs[p.subprogOf(i)]!.changesPacket = true;
        if (helper?.mightSleep) p.subprogs[p.subprogOf(i)]!.mightSleep = true;
      } else if (p.isKfuncCall(i)) {
        if (kfuncs.isIterNext(i)) marks[i] |= MARK.PRUNE | MARK.CHECKPOINT;
        if (kfuncs.callsBack(i)) marks[i] |= MARK.CALLBACK | MARK.CHECKPOINT | MARK.PRUNE | MARK.JUMP;
        if (kfuncs.rowAt(i)?.flags.has('sleepable')) p.subprogs[p.subprogOf(i)]!.mightSleep = true;
        if (kfuncs.nameAt(i) === 'bpf_xdp_pull_data') p.subprogs[p.subprogOf(i)]!.changesPacket = true;
      }
      return call(i, 1, src[i] === 1 ? i + imm[i]! + 1 : -1);
    }
    if (code === OP_JA || code === OP_GOTOL) {
      const target = i + 1 + (code === OP_JA ? off[i]! : imm[i]!);
      if (edge(i, target, FALLTHROUGH)) return true;
      marks[target] |= MARK.PRUNE | MARK.JUMP;
      return false;
    }
    marks[i] |= MARK.PRUNE;
    if (code === OP_MAY_GOTO) marks[i] |= MARK.CHECKPOINT;
    if (edge(i, i + 1, FALLTHROUGH)) return true;
    return edge(i, i + 1 + off[i]!, BRANCH);
  };

  // Nothing in the program leads to the function that exceptions call.
  const handler = p.exceptionCallback === 0 ? 0 : p.subprogs[p.exceptionCallback]!.start;
  for (const entry of handler === 0 ? [0] : [0, handler]) {
    if (seen[entry] === EXPLORED) continue;
    seen[entry] = DISCOVERED;
    stack[top++] = entry;
    while (top > 0) {
      const i = stack[top - 1]!;
      if (!visit(i)) {
        seen[i] = EXPLORED;
        top--;
      }
    }
  }
  for (let i = 0; i < n; i++) {
    if (seen[i] !== EXPLORED) refuse('structure', `unreachable insn ${i}`);
    if (opcode[i] === OP_LD_IMM64) {
      if (seen[i + 1] !== 0) refuse('structure', `jump into the middle of ldimm64 insn ${i}`);
      i++;
    }
  }
}

/** Successors inside the same function: at most two; -1 for none. Calls go on behind the call. */
function successors(p: Program, i: number, out: Int32Array): void {
  const code = p.code.opcode[i]!;
  const cls = code & 7;
  out[0] = out[1] = -1;
  if (code === OP_EXIT) return;
  if (code === OP_LD_IMM64) out[0] = i + 2;
  else if (code === OP_JA) out[0] = i + 1 + p.code.off[i]!;
  else if (code === OP_GOTOL) out[0] = i + 1 + p.code.imm[i]!;
  else {
    out[0] = i + 1;
    if ((cls === CLASS.JMP || cls === CLASS.JMP32) && code !== OP_CALL) out[1] = i + 1 + p.code.off[i]!;
  }
}

const CALLER_SAVED = 0x3f;

/** Registers an instruction reads (low 16 bits) and writes (high 16 bits). */
function usesAndDefs(p: Program, i: number, kfuncs: KfuncShape): number {
  const { opcode, dst, src, imm } = p.code;
  const code = opcode[i]!;
  const cls = code & 7;
  const d = 1 << dst[i]!;
  const s = 1 << src[i]!;
  let use = 0;
  let def = 0;
  switch (cls) {
    case CLASS.LD:
      if (code === OP_LD_IMM64) def = d;
      else {
        // ld_abs and ld_ind read the packet of the context in r6 and clobber like a call.
        use = (1 << 6) | ((code & 0xe0) === MODE.IND ? s : 0);
        def = CALLER_SAVED;
      }
      break;
    case CLASS.LDX:
      use = s;
      def = d;
      break;
    case CLASS.ST:
      use = d;
      break;
    case CLASS.STX:
      use = d | s;
      if ((code & 0xe0) === MODE.ATOMIC) {
        const op = imm[i]!;
        if (op === 0xf1) {
          use |= 1;
          def = 1;
        } else if (op === 0x100) {
          use = s;
          def = d;
        } else if (op !== 0x110 && op & 1) def = s;
      }
      break;
    case CLASS.ALU:
    case CLASS.ALU64: {
      const op = code & 0xf0;
      def = d;
      if (op === 0xd0 || op === 0x80) use = d;
      else if (op === 0xb0) use = code & SRC.X ? s : 0;
      else use = code & SRC.X ? d | s : d;
      break;
    }
    default: {
      const op = code & 0xf0;
      if (op === 0x80) {
        def = CALLER_SAVED;
        use = 0x3e;
        let count: number | undefined;
        if (p.isHelperCall(i)) {
          const row = helperById(imm[i]!);
          count = row && signatureOf(row, p.spec.type).args.length;
        } else if (p.isKfuncCall(i)) count = kfuncs.paramsAt(i);
        if (count !== undefined) use = ((1 << (count + 1)) - 1) & ~1;
      } else if (op === 0x90) use = 1;
      else if (op !== 0 && code !== OP_MAY_GOTO) use = code & SRC.X ? d | s : d;
    }
  }
  return use | (def << 16);
}

/** Instructions, each after those it leads to inside its function (but for loops): data flows backwards through them in few rounds. */
function postorder(p: Program): Int32Array {
  const n = p.length;
  const order = new Int32Array(n);
  const seen = new Uint8Array(n);
  const edge = new Uint8Array(n);
  const path = new Int32Array(n);
  const next = new Int32Array(2);
  let count = 0;
  for (const { start } of p.subprogs) {
    if (seen[start] === 1) continue;
    let top = 0;
    path[top++] = start;
    seen[start] = 1;
    while (top > 0) {
      const i = path[top - 1]!;
      if (edge[i] === 2) {
        order[count++] = i;
        top--;
        continue;
      }
      successors(p, i, next);
      const to = next[edge[i]++]!;
      if (to < 0 || to >= n || seen[to] === 1) continue;
      seen[to] = 1;
      path[top++] = to;
    }
  }
  return order.subarray(0, count);
}

/** Liveness by the usual backward data flow, to a fixed point. */
export function computeLiveRegisters(p: Program, kfuncs: KfuncShape): void {
  const n = p.length;
  const effect = new Int32Array(n);
  const next = new Int32Array(2);
  for (let i = 0; i < n; i++) {
    effect[i] = usesAndDefs(p, i, kfuncs);
    if (p.code.opcode[i] === OP_LD_IMM64) i++;
  }
  const order = postorder(p);
  let changed = true;
  while (changed) {
    changed = false;
    for (const i of order) {
      successors(p, i, next);
      let out = 0;
      if (next[0]! >= 0 && next[0]! < n) out |= p.live[next[0]!]!;
      if (next[1]! >= 0 && next[1]! < n) out |= p.live[next[1]!]!;
      const live = (out & ~(effect[i]! >>> 16)) | (effect[i]! & 0xffff);
      if (live !== p.live[i]) {
        p.live[i] = live;
        changed = true;
      }
    }
  }
}

/** Number the loops: strongly connected components with more than one instruction, or a jump to itself (Tarjan, iterative). */
export function computeLoops(p: Program): void {
  const n = p.length;
  const order = new Int32Array(n);
  const low = new Int32Array(n);
  const onStack = new Uint8Array(n);
  const edgeAt = new Uint8Array(n);
  const stack: number[] = [];
  const path: number[] = [];
  const next = new Int32Array(2);
  let counter = 0;
  let loops = 0;
  for (let root = 0; root < n; root++) {
    if (order[root] !== 0 || p.subprogStarting(root) < 0) continue;
    path.push(root);
    while (path.length > 0) {
      const i = path[path.length - 1]!;
      if (order[i] === 0) {
        order[i] = low[i] = ++counter;
        onStack[i] = 1;
        stack.push(i);
      }
      successors(p, i, next);
      let descended = false;
      while (edgeAt[i]! < 2) {
        const to = next[edgeAt[i]!]!;
        if (to < 0 || to >= n) {
          edgeAt[i]++;
          continue;
        }
        if (order[to] === 0) {
          path.push(to);
          descended = true;
          break;
        }
        if (onStack[to]) low[i] = Math.min(low[i]!, low[to]!);
        edgeAt[i]++;
      }
      if (descended) continue;
      path.pop();
      if (low[i] === order[i]) {
        const self = next[0] === i || next[1] === i;
        const single = stack[stack.length - 1] === i;
        // A call of a helper that calls back is a loop through the callback.
        const callsBack = (p.marks[i]! & MARK.CALLBACK) !== 0;
        const number = single && !self && !callsBack ? 0 : ++loops;
        for (;;) {
          const member = stack.pop()!;
          onStack[member] = 0;
          p.loopOf[member] = number;
          if (member === i) break;
        }
      }
    }
  }
}

/** Does the size field of a load or store name 8 bytes. */
export function isDouble(code: number): boolean {
  return (code & 0x18) === SIZE.DW;
}
