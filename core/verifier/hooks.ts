/**
 * The walk, open to outside analysers (an offload device's verifier, a lint rule): `onInsn` is asked before each
 * instruction of each path, `onFinalize` once the program is proved, `replaceInsns` and `removeInsns` for each change that taking
 * out dead code makes after that (optimise.ts). Each may refuse, with its reason. What they see are plain values made on demand, so that a
 * hook that looks at nothing costs nothing. They are called in this order, in one thread, and must not keep a StateView.
 */
import type { Env } from './env.ts';
import type { OptimiseHooks } from './optimise.ts';
import { FLAG, KIND, kindOf, type Reg, typeName } from './reg.ts';
import { isConst } from './tnum.ts';
import { toBigS, toBigU } from './u64.ts';

/** What is known of a register. Numbers and offsets are exact 64-bit values. */
export interface RegView {
  /** The kernel's name: 'scalar', 'ctx', 'fp', 'map_value', 'map_value_or_null', 'pkt', ... or '?' when not set. */
  readonly type: string;
  readonly mayBeNull: boolean;
  /** The value, when only one is possible. */
  readonly known?: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  /** Pointers: the fixed part of the offset. */
  readonly offset: number;
  /** Name of the map of a map pointer, key or value. */
  readonly map?: string;
  /** Bytes known to be readable behind a packet pointer. */
  readonly packetBytes?: number;
}

/** The state before an instruction. */
export interface StateView {
  readonly pc: number;
  /** Instruction before it on this path, -1 at the entry. */
  readonly previous: number;
  /** Id of the helper that the instruction calls, if it calls one. */
  readonly helper: number | undefined;
  /** Depth of BPF-to-BPF calls, 0 in the entry function. */
  readonly depth: number;
  /** r0 to r10 of the current frame. */
  reg(n: number): RegView;
  /** Bytes of stack the current frame has used. */
  readonly stackBytes: number;
  /** References held (sockets, ring buffer records, locks). */
  readonly references: number;
}

/** What is known at the end. */
export interface FinalView {
  readonly insns: number;
  readonly processed: number;
  readonly stackDepth: number;
  /** Helpers called, by id. */
  readonly helpers: ReadonlySet<number>;
  /** Names of the maps used. */
  readonly maps: readonly string[];
}

export interface Hooks extends OptimiseHooks {
  /** A string refuses the program, with that reason. */
  readonly onInsn?: ((state: StateView) => string | undefined) | undefined;
  readonly onFinalize?: ((final: FinalView) => string | undefined) | undefined;
}

export function regView(env: Env, r: Readonly<Reg>): RegView {
  const kind = kindOf(r.type);
  const ofMap = kind === KIND.MAP_PTR || kind === KIND.MAP_KEY || kind === KIND.MAP_VALUE;
  return {
    type: typeName(r.type),
    mayBeNull: (r.type & FLAG.MAYBE_NULL) !== 0,
    ...(r.type === KIND.SCALAR && isConst(r) ? { known: toBigU(r.vLo, r.vHi) } : {}),
    umin: toBigU(r.uminLo, r.uminHi),
    umax: toBigU(r.umaxLo, r.umaxHi),
    smin: toBigS(r.sminLo, r.sminHi),
    smax: toBigS(r.smaxLo, r.smaxHi),
    offset: r.off,
    ...(ofMap ? { map: env.map(r.aux).spec.name } : {}),
    ...(kind === KIND.PKT || kind === KIND.PKT_META ? { packetBytes: Math.max(0, r.aux) } : {}),
  };
}

export function stateView(env: Env, pc: number, previous: number): StateView {
  return {
    pc,
    previous,
    get helper() {
      return env.program.isHelperCall(pc) ? env.program.code.imm[pc] : undefined;
    },
    get depth() {
      return env.state.depth;
    },
    reg: (n) => regView(env, env.regs[n]!),
    get stackBytes() {
      return env.frame.kinds.length * 8;
    },
    get references() {
      return env.state.refs.length;
    },
  };
}
