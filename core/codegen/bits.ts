/**
 * How many low bits of a register may be set, for every value, given how isel.ts computes it: what tells whether a zero extension
 * is free. This is about registers, not values: an i8 that was truncated may have anything above its eighth bit, and before
 * version 3 an i32 sum carries into the upper half. Phis start at zero and grow until nothing changes.
 */
import { type Func, type Inst, TYPE_BITS, unsignedOf } from '../ir/ir.ts';

export interface RegisterBits {
  /** Bits from this one on are zero in the register that holds the value. */
  of(inst: Inst): number;
  /** i64 -> i32 truncations that clear the upper half at once, since a zero extension follows somewhere. */
  readonly clearing: ReadonlySet<Inst>;
}

function bitLength(value: bigint): number {
  return value.toString(2).length - (value === 0n ? 1 : 0);
}

export function registerBits(fn: Func, alu32: boolean): RegisterBits {
  const clearing = alu32 ? zeroExtended(fn) : new Set<Inst>();
  const known = new Map<Inst, number>();
  const of = (inst: Inst): number => {
    if (inst.op === 'const') return !alu32 && inst.type === 'i32' && inst.value < 0n ? 64 : bitLength(unsignedOf(inst));
    if (inst.op === 'param') return clearing.has(inst) ? 32 : 64;
    return known.get(inst) ?? (inst.op === 'undef' ? 0 : inst.block ? 0 : 64);
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of fn.blocks) {
      for (const inst of block.insts) {
        if (inst.type === 'void') continue;
        let bits = compute(inst, of, alu32);
        if (clearing.has(inst)) bits = Math.min(bits, 32);
        if (bits > (known.get(inst) ?? -1)) {
          known.set(inst, bits);
          changed = true;
        }
      }
    }
  }
  return { of, clearing };
}

/** i32 values from outside the 32-bit ALU (truncations, parameters) that reach a zext to i64, directly or through phis and selects. */
function zeroExtended(fn: Func): Set<Inst> {
  const out = new Set<Inst>();
  const work: Inst[] = [];
  const reach = (inst: Inst) => {
    if (inst.type !== 'i32' || out.has(inst)) return;
    if (inst.op === 'trunc' || inst.op === 'param' || inst.op === 'phi' || inst.op === 'select') {
      out.add(inst);
      work.push(inst);
    }
  };
  for (const block of fn.blocks) for (const inst of block.insts) if (inst.op === 'zext') reach(inst.args[0]!);
  for (let inst = work.pop(); inst; inst = work.pop()) {
    if (inst.op === 'phi') inst.args.forEach(reach);
    if (inst.op === 'select') inst.args.slice(1).forEach(reach);
  }
  for (const inst of out) if (inst.op === 'phi' || inst.op === 'select') out.delete(inst);
  return out;
}

function compute(inst: Inst, of: (i: Inst) => number, alu32: boolean): number {
  const cap = inst.type === 'i1' ? 1 : alu32 && inst.type === 'i32' ? 32 : 64;
  const arg = (n: number) => Math.min(of(inst.args[n]!), cap);
  const shift = () => {
    const by = inst.args[1]!;
    return by.op === 'const' ? Number(BigInt.asUintN(inst.type === 'i64' ? 6 : 5, by.value)) : undefined;
  };
  const width = TYPE_BITS[inst.type];
  switch (inst.op) {
    case 'load':
      return width;
    case 'icmp':
      return 1;
    case 'zext':
      return Math.min(of(inst.args[0]!), TYPE_BITS[inst.args[0]!.type]);
    case 'sext': {
      const from = TYPE_BITS[inst.args[0]!.type];
      return of(inst.args[0]!) < from ? of(inst.args[0]!) : cap;
    }
    case 'trunc':
      return inst.type === 'i1' ? 1 : of(inst.args[0]!);
    case 'ptrtoint':
    case 'inttoptr':
      return of(inst.args[0]!);
    case 'and':
      return Math.min(arg(0), arg(1));
    case 'or':
    case 'xor':
      return Math.max(arg(0), arg(1));
    case 'add':
      return Math.min(cap, Math.max(arg(0), arg(1)) + 1);
    case 'mul':
      return Math.min(cap, arg(0) + arg(1));
    case 'udiv':
      return Math.min(arg(0), width);
    case 'urem': {
      const by = inst.args[1]!;
      return by.op === 'const' && by.value !== 0n
        ? Math.min(arg(0), width, bitLength(unsignedOf(by)))
        : Math.min(arg(0), width);
    }
    case 'shl': {
      const by = shift();
      return by === undefined ? cap : Math.min(cap, arg(0) + by);
    }
    case 'lshr': {
      const by = shift();
      const bits = Math.min(arg(0), width);
      return by === undefined ? bits : Math.max(0, bits - by);
    }
    case 'phi': {
      let most = 0;
      for (const a of inst.args) most = Math.max(most, of(a));
      return most;
    }
    case 'select':
      return Math.max(of(inst.args[1]!), of(inst.args[2]!));
    case 'bswap':
      return inst.size;
    case 'ldabs':
    case 'ldind':
      return inst.size * 8;
    case 'atomicrmw':
    case 'cmpxchg':
      return width;
    default:
      return cap === 32 &&
        inst.op !== 'opaque' &&
        inst.op !== 'calllocal' &&
        inst.op !== 'callkfunc' &&
        inst.op !== 'callhelper'
        ? 32
        : 64;
  }
}
