/**
 * Local simplification: each instruction is looked at with its operands and replaced by a constant, an operand, or something cheaper.
 * Rules only go one way, so this ends; it repeats until nothing changes. What is cheap on BPF is different from elsewhere: a
 * truncation is free, a sign extension costs two instructions, a compare belongs to its branch, and a constant offset belongs into
 * the load. Bounds checks must stay on the register that is used afterwards, so compares never move to another value.
 */
import { newConst, newInst } from '../build.ts';
import { resolve, useCounts } from '../cfg.ts';
import { bitsOf, foldBinary, foldCast, foldCompare, foldSwap } from '../fold.ts';
import {
  COND,
  type Cond,
  type Func,
  type Inst,
  IR_OP,
  isLeaf,
  type Module,
  type Op,
  TYPE_BITS,
  TYPE_BYTES,
  type Type,
  unsignedOf,
} from '../ir.ts';

const MAX_OFFSET = 30000;
const MAX_ROUNDS = 12;
const COMMUTES = new Set<Op>(['add', 'mul', 'and', 'or', 'xor']);

export function combine(fn: Func, context?: { readonly module: Module }): boolean {
  let any = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (!new Combiner(fn, context?.module).run()) break;
    any = true;
  }
  return any;
}

class Combiner {
  private readonly fn: Func;
  private readonly module: Module | undefined;
  private readonly uses: Map<Inst, number>;
  private readonly replaced = new Map<Inst, Inst>();
  /** New instructions go before the one that is being looked at. */
  private out: Inst[] = [];
  private at!: Inst;
  private changed = false;

  constructor(fn: Func, module: Module | undefined) {
    this.fn = fn;
    this.module = module;
    this.uses = useCounts(fn);
  }

  run(): boolean {
    for (const block of this.fn.blocks) {
      this.out = [];
      for (const inst of block.insts) {
        for (let i = 0; i < inst.args.length; i++) inst.args[i] = resolve(this.replaced, inst.args[i]!);
        this.at = inst;
        const to = IR_OP[inst.op].effect === 'none' && !this.uses.has(inst) ? undefined : this.visit(inst);
        if (to && to !== inst) {
          this.replaced.set(inst, to);
          this.uses.set(to, (this.uses.get(to) ?? 0) + (this.uses.get(inst) ?? 0));
          this.changed = true;
        } else this.out.push(inst);
      }
      block.insts = this.out;
    }
    for (const block of this.fn.blocks) {
      for (const inst of block.insts)
        for (let i = 0; i < inst.args.length; i++) inst.args[i] = resolve(this.replaced, inst.args[i]!);
    }
    return this.changed;
  }

  // --- making -------------------------------------------------------------------------------------------------------

  private make(op: Op, type: Type, args: Inst[]): Inst {
    const inst = newInst(this.fn, op, type, args, this.at.loc);
    inst.block = this.at.block;
    this.out.push(inst);
    for (const a of args) this.uses.set(a, (this.uses.get(a) ?? 0) + 1);
    this.uses.set(inst, 1);
    return inst;
  }

  private icmp(cond: Cond, a: Inst, b: Inst): Inst {
    const inst = this.make('icmp', 'i1', [a, b]);
    inst.sub = cond;
    return inst;
  }

  private k(type: Type, value: bigint | number): Inst {
    return newConst(this.fn, type, value);
  }

  private single(v: Inst): boolean {
    return this.uses.get(v) === 1;
  }

  /** Change the instruction itself. */
  private become(inst: Inst, op: Op, args: Inst[]): undefined {
    inst.op = op;
    inst.args = args;
    for (const a of args) this.uses.set(a, (this.uses.get(a) ?? 0) + 1);
    this.changed = true;
    return undefined;
  }

  // --- rules --------------------------------------------------------------------------------------------------------

  private visit(inst: Inst): Inst | undefined {
    switch (IR_OP[inst.op].kind) {
      case 'binary':
        return this.binary(inst);
      case 'unary':
        return this.unary(inst);
      case 'cast':
        return this.cast(inst);
      case 'compare':
        return this.compare(inst);
      case 'select':
        return this.select(inst);
      case 'phi':
        return this.phi(inst);
      case 'ptradd':
        return this.ptradd(inst);
      case 'call':
        this.packetLoad(inst);
        return undefined;
      case 'memory':
        return this.memory(inst);
      case 'term':
        if (inst.op === 'condbr') this.condbr(inst);
        return undefined;
      default:
        return undefined;
    }
  }

  private binary(inst: Inst): Inst | undefined {
    let [a, b] = inst.args as [Inst, Inst];
    const { op, type } = inst;
    if (a.op === 'const' && b.op === 'const') {
      const value = foldBinary(op, type, a.value, b.value);
      if (value !== undefined) return this.k(type, value);
    }
    if (COMMUTES.has(op) && a.op === 'const') {
      [a, b] = [b, a];
      inst.args = [a, b];
    }
    if (b.op === 'const') return this.withConstant(inst, a, b);
    if (a === b) {
      if (op === 'sub' || op === 'xor') return this.k(type, 0n);
      if (op === 'and' || op === 'or') return a;
    }
    if (a.op === 'const' && a.value === 0n) {
      if (
        op === 'shl' ||
        op === 'lshr' ||
        op === 'ashr' ||
        op === 'udiv' ||
        op === 'urem' ||
        op === 'sdiv' ||
        op === 'srem'
      )
        return a;
      if (op === 'sub') return this.become(inst, 'neg', [b]);
    }
    if (op === 'add' && b.op === 'neg' && this.single(b)) return this.become(inst, 'sub', [a, b.args[0]!]);
    if (op === 'add' && a.op === 'neg' && this.single(a)) return this.become(inst, 'sub', [b, a.args[0]!]);
    if (op === 'sub' && b.op === 'neg' && this.single(b)) return this.become(inst, 'add', [a, b.args[0]!]);
    return undefined;
  }

  private withConstant(inst: Inst, a: Inst, b: Inst): Inst | undefined {
    const { op, type } = inst;
    const c = b.value;
    const bits = TYPE_BITS[type];
    const u = unsignedOf(b);
    switch (op) {
      case 'add':
      case 'or':
      case 'xor':
      case 'shl':
      case 'lshr':
      case 'ashr':
      case 'sub':
        if (c === 0n) return a;
        break;
      case 'mul':
        if (c === 0n) return b;
        if (c === 1n) return a;
        if (c === -1n && type !== 'i1') return this.become(inst, 'neg', [a]);
        break;
      case 'and':
        if (c === 0n) return b;
        if (u === (1n << BigInt(bits)) - 1n) return a;
        break;
      case 'udiv':
      case 'sdiv':
        if (c === 1n) return a;
        break;
      case 'urem':
        if (c === 1n) return this.k(type, 0n);
        break;
      case 'srem':
        if (c === 1n || c === -1n) return this.k(type, 0n);
        break;
      default:
        break;
    }
    if (op === 'or' && u === (1n << BigInt(bits)) - 1n) return b;
    if (op === 'sub') return this.become(inst, 'add', [a, this.k(type, -c)]);
    const power = u > 0n && (u & (u - 1n)) === 0n ? u.toString(2).length - 1 : -1;
    if (power > 0) {
      if (op === 'mul') return this.become(inst, 'shl', [a, this.k(type, power)]);
      if (op === 'udiv') return this.become(inst, 'lshr', [a, this.k(type, power)]);
      if (op === 'urem') return this.become(inst, 'and', [a, this.k(type, u - 1n)]);
    }
    if ((op === 'sdiv' || op === 'srem') && c > 0n && bitsOf(a) < bits)
      return this.become(inst, op === 'sdiv' ? 'udiv' : 'urem', [a, b]);
    if (op === 'ashr' && bitsOf(a) < bits) return this.become(inst, 'lshr', [a, b]);
    if (op === 'and') {
      // A mask that keeps all there is.
      const all = (1n << BigInt(bitsOf(a))) - 1n;
      if ((u & all) === all) return a;
    }
    if ((op === 'shl' || op === 'lshr') && (c < 0n || c >= BigInt(bits)))
      return this.become(inst, op, [a, this.k(type, c & BigInt(bits - 1))]);
    const inner = a.args[1];
    if (inner?.op === 'const' && IR_OP[a.op].kind === 'binary') {
      const d = inner.value;
      if (a.op === op && COMMUTES.has(op))
        return this.become(inst, op, [a.args[0]!, this.k(type, foldBinary(op, type, c, d)!)]);
      if (a.op === op && (op === 'shl' || op === 'lshr') && d >= 0n && d < BigInt(bits)) {
        const sum = c + d;
        return sum >= BigInt(bits) ? this.k(type, 0n) : this.become(inst, op, [a.args[0]!, this.k(type, sum)]);
      }
      if (c === d && ((op === 'lshr' && a.op === 'shl') || (op === 'shl' && a.op === 'lshr')) && this.single(a)) {
        const mask = op === 'lshr' ? (1n << (BigInt(bits) - c)) - 1n : ((1n << BigInt(bits)) - 1n) & ~((1n << c) - 1n);
        const signed = BigInt.asIntN(bits, mask);
        if (bits === 32 || (signed >= -0x80000000n && signed <= 0xffffffffn))
          return this.become(inst, 'and', [a.args[0]!, this.k(type, mask)]);
      }
      if (op === 'udiv' && a.op === 'udiv' && c > 0n && d > 0n && c * d < 1n << BigInt(bits - 1))
        return this.become(inst, 'udiv', [a.args[0]!, this.k(type, c * d)]);
    }
    return undefined;
  }

  private unary(inst: Inst): Inst | undefined {
    const a = inst.args[0]!;
    if (inst.op === 'neg') {
      if (a.op === 'const') return this.k(inst.type, -a.value);
      if (a.op === 'neg') return a.args[0];
      if (a.op === 'sub' && this.single(a)) return this.become(inst, 'sub', [a.args[1]!, a.args[0]!]);
    }
    if (inst.op === 'bswap') {
      if (a.op === 'const') return this.k(inst.type, foldSwap(inst.type, inst.size, a.value));
      if (a.op === 'bswap' && a.size === inst.size && bitsOf(a.args[0]!) <= a.size) return a.args[0];
      // Only the low bits are looked at.
      if (a.op === 'and' && a.args[1]!.op === 'const') {
        const low = (1n << BigInt(inst.size)) - 1n;
        if ((a.args[1]!.value & low) === low) return this.become(inst, 'bswap', [a.args[0]!]);
      }
    }
    return undefined;
  }

  private cast(inst: Inst): Inst | undefined {
    const a = inst.args[0]!;
    const { op, type } = inst;
    if (a.op === 'const') return this.k(type, foldCast(op, a.type, type, a.value));
    if (a.op === 'undef') return newInst(this.fn, 'undef', type);
    const x = a.args[0];
    switch (op) {
      case 'zext':
        if (a.op === 'zext') return this.become(inst, 'zext', [x!]);
        if (a.op === 'trunc' && bitsOf(x!) <= TYPE_BITS[a.type]) return this.atType(inst, x!);
        // Through i8 and i16 a mask says the same and needs no second register; i32 has moves of its own.
        if (type === 'i16') return undefined;
        if (a.op === 'trunc' && a.type !== 'i32' && a.type !== 'i1' && x!.type === type)
          return this.become(inst, 'and', [x!, this.k(type, (1n << BigInt(TYPE_BITS[a.type])) - 1n)]);
        if (a.op === 'trunc' && a.type !== 'i32' && a.type !== 'i1' && this.single(a)) {
          const wide =
            TYPE_BITS[x!.type] > TYPE_BITS[type] ? this.make('trunc', type, [x!]) : this.make('zext', type, [x!]);
          return this.become(inst, 'and', [wide, this.k(type, (1n << BigInt(TYPE_BITS[a.type])) - 1n)]);
        }
        return undefined;
      case 'sext':
        if (a.op === 'sext') return this.become(inst, 'sext', [x!]);
        // The upper half taken down and extended is an arithmetic shift.
        if (
          a.op === 'trunc' &&
          a.type === 'i32' &&
          x!.op === 'lshr' &&
          type === 'i64' &&
          x!.args[1]!.op === 'const' &&
          x!.args[1]!.value === 32n
        ) {
          return this.become(inst, 'ashr', [x!.args[0]!, this.k('i64', 32n)]);
        }
        if (a.type !== 'i1' && bitsOf(a) < TYPE_BITS[a.type]) return this.become(inst, 'zext', [a]);
        return undefined;
      case 'trunc':
        if (type === 'i1') {
          // A test of the lowest bit, which a branch can do by itself.
          const wide = a.type === 'i8' || a.type === 'i16' ? this.make('zext', 'i32', [a]) : a;
          return this.icmp('ne', this.make('and', wide.type, [wide, this.k(wide.type, 1n)]), this.k(wide.type, 0n));
        }
        if (a.op === 'trunc') return this.become(inst, 'trunc', [x!]);
        if (a.op === 'zext' || a.op === 'sext') {
          if (x!.type === type) return x;
          return this.become(inst, TYPE_BITS[x!.type] > TYPE_BITS[type] ? 'trunc' : a.op, [x!]);
        }
        return this.narrow(inst, a);
      case 'ptrtoint':
        return a.op === 'inttoptr' ? x : undefined;
      case 'inttoptr':
        if (a.op === 'ptrtoint') return x;
        // Arithmetic that went through integers: back to pointer and offset.
        if (a.op === 'add' && x!.op === 'ptrtoint') return this.become(inst, 'ptradd', [x!.args[0]!, a.args[1]!]);
        if (a.op === 'add' && a.args[1]!.op === 'ptrtoint')
          return this.become(inst, 'ptradd', [a.args[1]!.args[0]!, x!]);
        return undefined;
      default:
        return undefined;
    }
  }

  /** x at the type of `inst`, its value known to fit. */
  private atType(inst: Inst, x: Inst): Inst | undefined {
    if (x.type === inst.type) return x;
    return this.become(inst, TYPE_BITS[x.type] > TYPE_BITS[inst.type] ? 'trunc' : 'zext', [x]);
  }

  /** The low part of arithmetic is arithmetic of the low parts; worth it where they are at hand. */
  private narrow(inst: Inst, a: Inst): Inst | undefined {
    const { type } = inst;
    const [x, y] = a.args as [Inst, Inst];
    if (a.op === 'and' && y.op === 'const') {
      const low = (1n << BigInt(TYPE_BITS[type])) - 1n;
      if ((y.value & low) === low) return this.become(inst, 'trunc', [x]);
    }
    if (type !== 'i32' || !this.single(a)) return undefined;
    const atHand = (v: Inst): Inst | undefined =>
      v.op === 'const'
        ? this.k(type, v.value)
        : (v.op === 'zext' || v.op === 'sext') && v.args[0]!.type === type
          ? v.args[0]
          : undefined;
    if (a.op === 'add' || a.op === 'sub' || a.op === 'mul' || a.op === 'and' || a.op === 'or' || a.op === 'xor') {
      const [p, q] = [atHand(x), atHand(y)];
      if (p && q) return this.become(inst, a.op, [p, q]);
    }
    return undefined;
  }

  private compare(inst: Inst): Inst | undefined {
    let [a, b] = inst.args as [Inst, Inst];
    let cond = inst.sub as Cond;
    const type = a.type;
    if (a.op === 'const' && b.op === 'const') return this.k('i1', foldCompare(cond, type, a.value, b.value) ? 1n : 0n);
    if (a === b) return this.k('i1', foldCompare(cond, 'i64', 0n, 0n) ? 1n : 0n);
    if (a.op === 'const') {
      [a, b] = [b, a];
      cond = COND[cond].swap;
      inst.args = [a, b];
      inst.sub = cond;
    }
    const equality = cond === 'eq' || cond === 'ne';
    if (a.op === 'alloca' && b.op === 'const' && b.value === 0n && equality)
      return this.k('i1', cond === 'ne' ? 1n : 0n);
    if (
      type === 'ptr' &&
      b.op === 'const' &&
      b.value === 0n &&
      equality &&
      (a.op === 'globalref' || a.op === 'mapref' || a.op === 'funcref')
    )
      return this.k('i1', cond === 'ne' ? 1n : 0n);
    if (b.op !== 'const') {
      if (equality && a.op === 'ptrtoint' && b.op === 'ptrtoint') inst.args = [a.args[0]!, b.args[0]!];
      return undefined;
    }
    const c = b.value;
    const u = unsignedOf(b);
    const bits = bitsOf(a);
    const width = TYPE_BITS[type];
    // What the bits alone decide.
    const most = (1n << BigInt(bits)) - 1n;
    if (bits < width || width < 64) {
      if (cond === 'ult' && u > most) return this.k('i1', 1n);
      if (cond === 'ule' && u >= most) return this.k('i1', 1n);
      if (cond === 'uge' && u > most) return this.k('i1', 0n);
      if (cond === 'ugt' && u >= most) return this.k('i1', 0n);
      if (equality && u > most) return this.k('i1', cond === 'ne' ? 1n : 0n);
    }
    if (bits < width) {
      if (cond === 'slt' && c <= 0n) return this.k('i1', 0n);
      if (cond === 'sge' && c <= 0n) return this.k('i1', 1n);
      if (cond === 'sgt' && c < 0n) return this.k('i1', 1n);
      if (cond === 'sle' && c < 0n) return this.k('i1', 0n);
    }
    if (u === 0n) {
      if (cond === 'ult') return this.k('i1', 0n);
      if (cond === 'uge') return this.k('i1', 1n);
      if (cond === 'ule') inst.sub = cond = 'eq';
      if (cond === 'ugt' && bits === 1) inst.sub = cond = 'ne';
      else if (cond === 'ugt') {
        inst.sub = 'uge';
        inst.args = [a, this.k(type, 1n)];
        this.changed = true;
        return undefined;
      }
    }
    // Not for numbers: before 6.8 the kernel's verifier learns a lower bound from `x < 1`, and nothing from `x == 0`.
    if (u === 1n && bits === 1 && (cond === 'ult' || cond === 'uge')) {
      inst.sub = cond = cond === 'ult' ? 'eq' : 'ne';
      inst.args = [a, this.k(type, 0n)];
      this.changed = true;
      return undefined;
    }
    if (!equality && cond !== 'eq' && cond !== 'ne') return undefined;
    return this.equality(inst, a, cond as 'eq' | 'ne', inst.args[1]!.value);
  }

  private equality(inst: Inst, a: Inst, cond: 'eq' | 'ne', c: bigint): Inst | undefined {
    const [x, y] = a.args as [Inst, Inst];
    if (c === 0n || c === 1n) {
      // A boolean made a number and asked again.
      const truth = (cond === 'ne') === (c === 0n);
      if (a.op === 'zext' && x.type === 'i1') return truth ? x : this.inverted(x);
    }
    if (c === 0n) {
      if (a.op === 'sub' || a.op === 'xor') return this.reargue(inst, [x, y]);
      if (a.op === 'neg' || a.op === 'bswap')
        return bitsOf(x) <= (a.size || 64) ? this.reargue(inst, [x, this.k(x.type, 0n)]) : undefined;
      if (a.op === 'ptrtoint') return this.reargue(inst, [x, this.k('ptr', 0n)]);
      if (a.op === 'inttoptr') return this.reargue(inst, [x, this.k('i64', 0n)]);
      if ((a.op === 'zext' || a.op === 'sext') && x.type !== 'i1') return this.reargue(inst, [x, this.k(x.type, 0n)]);
    }
    if (a.op === 'sext' && x.type !== 'i1') {
      const fits = BigInt.asIntN(TYPE_BITS[x.type], c) === c;
      return fits ? this.reargue(inst, [x, this.k(x.type, c)]) : this.k('i1', cond === 'ne' ? 1n : 0n);
    }
    if (a.op === 'bswap' && this.single(a) && bitsOf(x) <= a.size)
      return this.reargue(inst, [x, this.k(x.type, foldSwap(x.type, a.size, c))]);
    if (y?.op === 'const' && this.single(a)) {
      if (a.op === 'add') return this.reargue(inst, [x, this.k(x.type, c - y.value)]);
      if (a.op === 'xor') return this.reargue(inst, [x, this.k(x.type, c ^ y.value)]);
    }
    if (a.op === 'select' && y!.op === 'const' && a.args[2]!.op === 'const') {
      const [yes, no] = [y!.value === c, a.args[2]!.value === c].map((equal) => equal === (cond === 'eq'));
      if (yes === no) return this.k('i1', yes ? 1n : 0n);
      return yes ? x : this.inverted(x);
    }
    return undefined;
  }

  private reargue(inst: Inst, args: Inst[]): undefined {
    inst.args = args;
    for (const a of args) this.uses.set(a, (this.uses.get(a) ?? 0) + 1);
    this.changed = true;
    return undefined;
  }

  private inverted(x: Inst): Inst {
    if (x.op === 'icmp') return this.icmp(COND[x.sub as Cond].not, x.args[0]!, x.args[1]!);
    if (x.op === 'xor' && x.args[1]!.op === 'const') return x.args[0]!;
    return this.make('xor', 'i1', [x, this.k('i1', 1n)]);
  }

  private select(inst: Inst): Inst | undefined {
    const [c, a, b] = inst.args as [Inst, Inst, Inst];
    if (c.op === 'const') return c.value !== 0n ? a : b;
    if (a === b) return a;
    if (a.op === 'const' && b.op === 'const') {
      if (a.value === b.value) return a;
      if (inst.type === 'i1') return a.value === 1n ? c : this.inverted(c);
      if (a.value === 1n && b.value === 0n && inst.type !== 'ptr') return this.become(inst, 'zext', [c]);
      if (a.value === 0n && b.value === 1n && inst.type !== 'ptr') return this.become(inst, 'zext', [this.inverted(c)]);
    }
    // x == k ? k : x
    if (c.op === 'icmp' && c.args[1]!.op === 'const') {
      const [x, k] = c.args as [Inst, Inst];
      if (c.sub === 'eq' && b === x && a.op === 'const' && a.value === k.value && a.type === k.type) return x;
      if (c.sub === 'ne' && a === x && b.op === 'const' && b.value === k.value && b.type === k.type) return x;
    }
    return undefined;
  }

  private phi(inst: Inst): Inst | undefined {
    let only: Inst | undefined;
    let undefinedToo = false;
    for (const a of inst.args) {
      if (a === inst || a === only) continue;
      if (a.op === 'undef') {
        undefinedToo = true;
        continue;
      }
      if (only && a.op === 'const' && only.op === 'const' && a.value === only.value) continue;
      if (only) return undefined;
      only = a;
    }
    // With every operand the same value it dominates the phi; beside an undefined one only a leaf surely does.
    if (only && undefinedToo && !isLeaf(only)) return undefined;
    return only ?? newInst(this.fn, 'undef', inst.type);
  }

  /** A packet load at a known index is one at a constant offset. */
  private packetLoad(inst: Inst): void {
    const index = inst.op === 'ldind' ? inst.args[1]! : undefined;
    if (index?.op !== 'const') return;
    inst.off += Number(BigInt.asIntN(32, index.value));
    this.become(inst, 'ldabs', [inst.args[0]!]);
  }

  private ptradd(inst: Inst): Inst | undefined {
    const [p, by] = inst.args as [Inst, Inst];
    if (by.op === 'const') {
      if (p.op === 'const') return this.k('ptr', p.value + by.value);
      if (by.value === 0n) return p;
      if (p.op === 'ptradd' && p.args[1]!.op === 'const')
        return this.become(inst, 'ptradd', [p.args[0]!, this.k('i64', p.args[1]!.value + by.value)]);
      if (p.op === 'globalref') {
        const ref = newInst(this.fn, 'globalref', 'ptr', [], inst.loc);
        ref.name = p.name;
        ref.off = p.off + Number(by.value);
        return ref;
      }
      return undefined;
    }
    // Constants outwards, into the offset of the access; the context takes no variable offset at all.
    if (p.op === 'ptradd' && p.args[1]!.op === 'const' && p.args[0]!.space !== 'ctx') {
      return this.become(inst, 'ptradd', [this.make('ptradd', 'ptr', [p.args[0]!, by]), p.args[1]!]);
    }
    return undefined;
  }

  private memory(inst: Inst): Inst | undefined {
    if (inst.op !== 'memcpy' && inst.op !== 'memmove' && inst.op !== 'memset') {
      const p = inst.args[0]!;
      if (
        p.op === 'ptradd' &&
        p.args[1]!.op === 'const' &&
        Math.abs(inst.off + Number(p.args[1]!.value)) <= MAX_OFFSET
      ) {
        inst.off += Number(p.args[1]!.value);
        inst.args[0] = p.args[0]!;
        this.changed = true;
      }
      if (inst.op === 'load') return this.constantLoad(inst);
      if (inst.op === 'store') this.narrowStore(inst);
    }
    return undefined;
  }

  /** Stores look at the low bits only. */
  private narrowStore(inst: Inst): void {
    const v = inst.args[1]!;
    const bits = TYPE_BITS[v.type];
    if (v.op === 'trunc') {
      const x = v.args[0]!;
      if (x.op === 'and' && x.args[1]!.op === 'const') {
        const low = (1n << BigInt(bits)) - 1n;
        if ((x.args[1]!.value & low) === low) {
          inst.args[1] = this.make('trunc', v.type, [x.args[0]!]);
          this.changed = true;
        }
      }
    }
  }

  /** From a read-only section whose bytes are known. */
  private constantLoad(inst: Inst): Inst | undefined {
    const p = inst.args[0]!;
    if (p.op !== 'globalref' || inst.volatile || inst.type === 'ptr') return undefined;
    const section = this.module?.sections.find((s) => s.name === p.name);
    const at = p.off + inst.off;
    const size = TYPE_BYTES[inst.type];
    if (!section?.readOnly || at < 0 || at + size > section.data.length) return undefined;
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(section.data[at + i]!);
    return this.k(inst.type, value);
  }

  private condbr(inst: Inst): void {
    const c = inst.args[0]!;
    if (c.op === 'xor' && c.args[1]!.op === 'const' && c.args[1]!.value === 1n) {
      inst.args[0] = c.args[0]!;
      inst.targets.reverse();
      if (inst.likely !== undefined) inst.likely = !inst.likely;
      this.changed = true;
    }
  }
}
