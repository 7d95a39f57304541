/**
 * The oracle of the middle and the back: IR executed instruction by instruction with BigInt, slow and obvious. Memory is a table of bytes at
 * made-up addresses; a read of a byte that nobody wrote is a fault, so that passes which lose a store are found.
 */
import { type Block, type Func, type Inst, type Module, TYPE_BITS, TYPE_BYTES, unsignedOf } from '../../core/ir/ir.ts';

export interface IrMachine {
  readonly module: Module;
  /** Bytes by address. */
  readonly memory: Map<bigint, number>;
  /** What a helper gives; it may look at memory. */
  readonly helper: (id: number, args: bigint[], memory: Map<bigint, number>) => bigint;
  fuel: number;
  nextStack: bigint;
}

export class OutOfFuel extends Error {}

const u64 = (v: bigint) => BigInt.asUintN(64, v);

export function readBytes(memory: Map<bigint, number>, at: bigint, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) {
    const byte = memory.get(u64(at + BigInt(i)));
    if (byte === undefined) throw new RangeError(`read of unwritten memory at 0x${u64(at + BigInt(i)).toString(16)}`);
    value = (value << 8n) | BigInt(byte);
  }
  return value;
}

export function writeBytes(memory: Map<bigint, number>, at: bigint, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) memory.set(u64(at + BigInt(i)), Number((value >> BigInt(8 * i)) & 0xffn));
}

/** Run a function; its result as an unsigned number of its type's width, undefined for void. */
export function interpret(m: IrMachine, name: string, args: readonly bigint[]): bigint | undefined {
  const fn = m.module.functions.find((f) => f.name === name)!;
  return new Frame(m, fn, args).run();
}

class Frame {
  private readonly values = new Map<Inst, bigint>();
  private readonly m: IrMachine;
  private readonly fn: Func;
  private from: Block | undefined;

  constructor(m: IrMachine, fn: Func, args: readonly bigint[]) {
    this.m = m;
    this.fn = fn;
    for (const [i, p] of fn.params.entries()) this.values.set(p, BigInt.asUintN(TYPE_BITS[p.type], args[i] ?? 0n));
  }

  run(): bigint | undefined {
    let block = this.fn.blocks[0]!;
    for (;;) {
      const arriving = new Map<Inst, bigint>();
      for (const phi of block.insts) {
        if (phi.op !== 'phi') break;
        arriving.set(phi, this.value(phi.args[phi.targets.indexOf(this.from!)]!));
      }
      for (const [phi, v] of arriving) this.values.set(phi, v);
      for (const inst of block.insts) {
        if (inst.op === 'phi') continue;
        if (this.m.fuel-- <= 0) throw new OutOfFuel();
        if (inst.op === 'ret') return inst.args[0] ? this.value(inst.args[0]) : undefined;
        if (inst.op === 'unreachable') throw new RangeError('unreachable reached');
        if (inst.targets.length > 0) {
          this.from = block;
          block = this.branch(inst);
          break;
        }
        const v = this.step(inst);
        if (v !== undefined) this.values.set(inst, inst.type === 'void' ? 0n : BigInt.asUintN(TYPE_BITS[inst.type], v));
      }
    }
  }

  private branch(inst: Inst): Block {
    if (inst.op === 'br') return inst.targets[0]!;
    const v = this.value(inst.args[0]!);
    if (inst.op === 'condbr') return inst.targets[v !== 0n ? 0 : 1]!;
    const bits = TYPE_BITS[inst.args[0]!.type];
    return inst.targets[inst.cases.findIndex((c) => BigInt.asUintN(bits, c) === v) + 1]!;
  }

  private value(inst: Inst): bigint {
    switch (inst.op) {
      case 'const':
        return unsignedOf(inst);
      case 'undef':
        return 0n;
      case 'globalref':
        return 0x100000n + BigInt(inst.off);
      case 'mapref':
        return 0x200000n;
      default: {
        const v = this.values.get(inst);
        if (v === undefined) throw new RangeError(`%${inst.id} (${inst.op}) has no value`);
        return v;
      }
    }
  }

  private step(inst: Inst): bigint | undefined {
    const a = inst.args[0] ? this.value(inst.args[0]) : 0n;
    const b = inst.args[1] ? this.value(inst.args[1]) : 0n;
    const bits = TYPE_BITS[inst.type];
    const signed = (v: bigint, w = bits) => BigInt.asIntN(w, v);
    const { memory } = this.m;
    switch (inst.op) {
      case 'add':
      case 'ptradd':
        return a + b;
      case 'sub':
        return a - b;
      case 'mul':
        return a * b;
      case 'udiv':
        return b === 0n ? 0n : a / b;
      case 'urem':
        return b === 0n ? a : a % b;
      case 'sdiv':
        return b === 0n ? 0n : signed(a) / signed(b);
      case 'srem':
        return b === 0n ? a : signed(a) % signed(b);
      case 'and':
        return a & b;
      case 'or':
        return a | b;
      case 'xor':
        return a ^ b;
      case 'shl':
        return a << (b & BigInt(bits - 1));
      case 'lshr':
        return a >> (b & BigInt(bits - 1));
      case 'ashr':
        return signed(a) >> (b & BigInt(bits - 1));
      case 'neg':
        return -a;
      case 'bswap': {
        let out = 0n;
        for (let i = 0; i < inst.size / 8; i++) out = (out << 8n) | ((a >> BigInt(8 * i)) & 0xffn);
        return out;
      }
      case 'opaque':
      case 'zext':
      case 'trunc':
      case 'ptrtoint':
      case 'inttoptr':
        return a;
      case 'sext':
        return signed(a, TYPE_BITS[inst.args[0]!.type]);
      case 'icmp':
        return compare(inst.sub, a, b, TYPE_BITS[inst.args[0]!.type]) ? 1n : 0n;
      case 'select':
        return a !== 0n ? b : this.value(inst.args[2]!);
      case 'alloca': {
        this.m.nextStack -= BigInt(Math.ceil(inst.size / 16) * 16 + 16);
        return this.m.nextStack;
      }
      case 'load':
        return readBytes(memory, a + BigInt(inst.off), TYPE_BYTES[inst.type]);
      case 'store':
        writeBytes(memory, a + BigInt(inst.off), TYPE_BYTES[inst.args[1]!.type], b);
        return undefined;
      case 'memcpy':
      case 'memmove': {
        // Bytes that nobody wrote are copied as such.
        const bytes = Array.from({ length: inst.size }, (_, i) => memory.get(u64(b + BigInt(i))));
        for (const [i, byte] of bytes.entries()) {
          if (byte === undefined) memory.delete(u64(a + BigInt(i)));
          else memory.set(u64(a + BigInt(i)), byte);
        }
        return undefined;
      }
      case 'memset':
        for (let i = 0; i < inst.size; i++) memory.set(u64(a + BigInt(i)), Number(b & 0xffn));
        return undefined;
      case 'atomicrmw': {
        const size = TYPE_BYTES[inst.args[1]!.type];
        const old = readBytes(memory, a + BigInt(inst.off), size);
        const now = { add: old + b, and: old & b, or: old | b, xor: old ^ b, xchg: b }[inst.sub as 'add'];
        writeBytes(memory, a + BigInt(inst.off), size, now);
        return old;
      }
      case 'cmpxchg': {
        const size = TYPE_BYTES[inst.type];
        const old = readBytes(memory, a + BigInt(inst.off), size);
        if (old === b) writeBytes(memory, a + BigInt(inst.off), size, this.value(inst.args[2]!));
        return old;
      }
      case 'barrier':
        return undefined;
      case 'callhelper':
        return this.m.helper(
          inst.helper,
          inst.args.map((x) => this.value(x)),
          memory,
        );
      case 'calllocal':
        return interpret(
          this.m,
          inst.name,
          inst.args.map((x) => this.value(x)),
        );
      default:
        throw new RangeError(`the oracle does not know ${inst.op}`);
    }
  }
}

export function compare(cond: string, a: bigint, b: bigint, bits: number): boolean {
  if (cond === 'eq') return a === b;
  if (cond === 'ne') return a !== b;
  if (cond.startsWith('s')) [a, b] = [BigInt.asIntN(bits, a), BigInt.asIntN(bits, b)];
  switch (cond.slice(1)) {
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'gt':
      return a > b;
    default:
      return a >= b;
  }
}
