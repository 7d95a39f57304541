/**
 * Facts about single instructions for the engines (core/spec/facts.ts), gathered while the walk goes on.
 *
 * What is noted here is joined over the visits of an instruction. But a path that is cut off (prune.ts) never visits what comes behind: it is taken for
 * covered by the states walked from there before. So only that may be noted which covering keeps. Of pointers it keeps everything: kind, frame and
 * constant offset of a register that is read later are compared exactly, or the old state's range of offsets contains the new one's. Decided jumps it keeps
 * too: the numbers that decided one are marked precise, and precise numbers are compared by range. Of numbers that are not precise it keeps nothing, the state
 * that was cut off may hold any value there. So their ranges are no facts, however narrow they are at each visit; what the engines may know of
 * numbers is computed without the walk's states, in value-facts.ts.
 */
import { ANY_OFFSET, BASE, type InsnFacts, VALUE } from '../spec/facts.ts';
import type { Env } from './env.ts';
import type { Program } from './program.ts';
import { KIND, kindOf, type Reg } from './reg.ts';
import { isConst } from './tnum.ts';
import { valueFacts } from './value-facts.ts';

const FRAME_BYTES = 512;

/** Which ways a conditional jump was seen to go. */
export const WAY = { jumps: 1, falls: 2 } as const;
/** Operands of a jump. */
const ADDRESSES = 4;
const NOT_ADDRESSES = 8;

/** A jump that goes both ways and compares other things. */
const KNOWN_TO_BE_NOTHING = WAY.jumps | WAY.falls | NOT_ADDRESSES;

/** Kinds whose values are addresses in the linear memory, by bit. */
const IN_MEMORY =
  (1 << KIND.STACK) |
  (1 << KIND.CTX) |
  (1 << KIND.MAP_VALUE) |
  (1 << KIND.MAP_KEY) |
  (1 << KIND.PKT) |
  (1 << KIND.PKT_META) |
  (1 << KIND.PKT_END);

/** Not null, so without modifiers. */
function isInMemory(type: number): boolean {
  return type < 32 && ((IN_MEMORY >> type) & 1) !== 0;
}

export class FactBook {
  readonly #base: Uint8Array;
  readonly #offset: Int32Array;
  /** By jump: WAY and ADDRESSES bits. */
  readonly #jumps: Uint8Array;
  /** By function: see InsnFacts.exposed. */
  readonly #exposed: (Uint8Array | undefined)[] = [];
  /** Keys of lookups: [function, offset, size] of every place one has had, by instruction. */
  readonly #keys = new Map<number, [number, number, number][]>();

  constructor(length: number) {
    this.#base = new Uint8Array(length);
    this.#offset = new Int32Array(length);
    this.#jumps = new Uint8Array(length);
  }

  /** The current instruction goes to memory at `off` bytes behind `r` (which holds its own fixed offset). */
  operand(env: Env, r: Readonly<Reg>, off: number): void {
    const i = env.insn;
    const base = baseOf(env, r);
    const known = base <= BASE.map_value && isConst(r) && r.vHi === r.vLo >> 31;
    const offset = known ? off + r.off + r.vLo : ANY_OFFSET;
    const before = this.#base[i]!;
    if (before === BASE.none) {
      this.#base[i] = base;
      this.#offset[i] = offset;
      return;
    }
    if (before !== base) this.#base[i] = BASE.various;
    if (this.#offset[i] !== offset) this.#offset[i] = ANY_OFFSET;
  }

  /** A load or store by the current instruction. `plain`: no atomic. */
  access(env: Env, r: Readonly<Reg>, off: number, size: number, plain: boolean): void {
    const i = env.insn;
    const before = this.#base[i] === BASE.stack ? this.#offset[i]! : ANY_OFFSET;
    if (r.type !== KIND.STACK && before === ANY_OFFSET) {
      this.operand(env, r, off);
      return;
    }
    // Nearly always the place of the last visit.
    const same = off + r.off + r.vLo === before && isConst(r) && r.frame === env.state.depth;
    if (same && plain) return;
    this.operand(env, r, off);
    const settled = this.#base[i] === BASE.stack && this.#offset[i] !== ANY_OFFSET;
    if (settled && plain) return;
    // The place that an earlier visit had to itself is no longer the only one.
    if (before !== ANY_OFFSET) this.#expose(env.frame.subprog, before, before + size);
    if (r.type === KIND.STACK) this.exposeRange(env, r, off, size);
  }

  /** bytes [off, off + size) behind a stack pointer are touched by something that needs them in memory. */
  exposeRange(env: Env, r: Readonly<Reg>, off: number, size: number): void {
    const from = r.off + off + (isConst(r) ? r.vLo : r.sminLo);
    const to = r.off + off + size + (isConst(r) ? r.vLo : r.smaxLo);
    this.#expose(env.state.frames[r.frame]!.subprog, from, to);
  }

  /** The address gets where the walk does not follow it: all of the frame may be touched. */
  exposeFrame(env: Env, r: Readonly<Reg>): void {
    if (r.type === KIND.STACK) this.#expose(env.state.frames[r.frame]!.subprog, -FRAME_BYTES, 0);
  }

  /** The current instruction looks `size` bytes behind `r` up in a map: an engine may do that without the key in memory. */
  key(env: Env, r: Readonly<Reg>, size: number): void {
    this.operand(env, r, 0);
    if (r.type !== KIND.STACK) return;
    if (!isConst(r) || r.frame !== env.state.depth) {
      this.exposeRange(env, r, 0, size);
      return;
    }
    const { subprog } = env.state.frames[r.frame]!;
    const off = r.off + r.vLo;
    const all = this.#keys.get(env.insn) ?? [];
    this.#keys.set(env.insn, all);
    if (!all.some(([s, o, n]) => s === subprog && o === off && n === size)) all.push([subprog, off, size]);
  }

  /** The current instruction's stack memory is a key that `key` was told of. */
  isKey(i: number): boolean {
    return this.#keys.has(i);
  }

  #expose(subprog: number, from: number, to: number): void {
    const bytes = (this.#exposed[subprog] ??= new Uint8Array(FRAME_BYTES));
    bytes.fill(1, Math.max(0, from + FRAME_BYTES), Math.max(0, to + FRAME_BYTES));
  }

  /** A conditional jump was walked these ways (bits of WAY), its operands being `a` and `b`. */
  jump(i: number, ways: number, a: Readonly<Reg>, b: Readonly<Reg>): void {
    const before = this.#jumps[i]!;
    if (before === KNOWN_TO_BE_NOTHING) return;
    const addresses = isInMemory(a.type) && isInMemory(b.type);
    this.#jumps[i] = before | ways | (addresses ? ADDRESSES : NOT_ADDRESSES);
  }

  /** What was gathered, once the program is proved. */
  finish({ program, seen, packetLoads }: Pick<Env, 'program' | 'seen' | 'packetLoads'>): InsnFacts {
    for (const [i, places] of this.#keys) {
      if (this.#base[i] === BASE.stack && this.#offset[i] !== ANY_OFFSET && places.length === 1) continue;
      for (const [subprog, off, size] of places) this.#expose(subprog, off, off + size);
    }
    // Whoever runs the program moves these.
    for (const i of packetLoads.keys()) this.#offset[i] = ANY_OFFSET;
    const values = valueFacts(program, seen, packetLoads);
    for (let i = 0; i < values.length; i++) {
      const jump = this.#jumps[i]!;
      if (jump === 0) continue;
      if ((jump & (ADDRESSES | NOT_ADDRESSES)) === ADDRESSES) values[i]! |= VALUE.addresses;
      if ((jump & 3) === WAY.jumps) values[i]! |= VALUE.always;
      if ((jump & 3) === WAY.falls) values[i]! |= VALUE.never;
    }
    return { base: this.#base, offset: this.#offset, values, exposed: this.#exposedByStart(program) };
  }

  #exposedByStart({ subprogs }: Program): Map<number, Uint8Array> {
    const none = new Uint8Array(FRAME_BYTES);
    return new Map(subprogs.map(({ start }, n) => [start, this.#exposed[n] ?? none]));
  }
}

function baseOf(env: Env, r: Readonly<Reg>): number {
  switch (kindOf(r.type)) {
    case KIND.STACK:
      return r.type === KIND.STACK && r.frame === env.state.depth ? BASE.stack : BASE.other;
    case KIND.CTX:
      return BASE.ctx;
    case KIND.MAP_VALUE:
      return BASE.map_value;
    case KIND.PKT:
    case KIND.PKT_META:
      return BASE.packet;
    default:
      return BASE.other;
  }
}
