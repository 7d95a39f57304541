/**
 * switch becomes compares and branches: runs of values with one target become ranges, few ranges are tested one after the other,
 * many by halving. There is no jump table in BPF.
 */
import { newBlock, newConst, newInst } from '../build.ts';
import { phis } from '../cfg.ts';
import { type Block, type Cond, type Func, type Inst, terminator } from '../ir.ts';

interface Range {
  readonly low: bigint;
  readonly high: bigint;
  readonly to: Block;
}

const LINEAR = 4;

export function lowerSwitch(fn: Func): boolean {
  let changed = false;
  for (const block of [...fn.blocks]) {
    const end = terminator(block);
    if (end.op !== 'switch') continue;
    changed = true;
    new Lowering(fn, block, end).run();
  }
  return changed;
}

class Lowering {
  private readonly fn: Func;
  private readonly block: Block;
  private readonly value: Inst;
  private readonly otherwise: Block;
  private readonly end: Inst;
  /** Phi operands that came from the switch, per target. */
  private readonly incoming = new Map<Block, Map<Inst, Inst>>();

  constructor(fn: Func, block: Block, end: Inst) {
    this.fn = fn;
    this.block = block;
    this.end = end;
    this.value = end.args[0]!;
    this.otherwise = end.targets[0]!;
  }

  run(): void {
    for (const to of new Set(this.end.targets)) {
      const table = new Map<Inst, Inst>();
      for (const phi of phis(to)) {
        const i = phi.targets.indexOf(this.block);
        table.set(phi, phi.args[i]!);
        phi.args.splice(i, 1);
        phi.targets.splice(i, 1);
      }
      this.incoming.set(to, table);
    }
    this.block.insts.pop();
    this.split(this.block, this.ranges());
  }

  private ranges(): Range[] {
    const cases = this.end.cases
      .map((value, i) => ({ value, to: this.end.targets[i + 1]! }))
      .filter((c) => c.to !== this.otherwise);
    cases.sort((a, b) => (a.value < b.value ? -1 : 1));
    const out: Range[] = [];
    for (const { value, to } of cases) {
      const last = out[out.length - 1];
      if (last && last.to === to && last.high + 1n === value) out[out.length - 1] = { low: last.low, high: value, to };
      else out.push({ low: value, high: value, to });
    }
    return out;
  }

  private split(at: Block, ranges: Range[]): void {
    if (ranges.length > LINEAR) {
      const middle = ranges.length >> 1;
      const [low, high] = [newBlock(this.fn), newBlock(this.fn)];
      this.test(at, 'slt', this.value, ranges[middle]!.low, low, high);
      this.split(low, ranges.slice(0, middle));
      this.split(high, ranges.slice(middle));
      return;
    }
    for (const range of ranges) {
      const next = range === ranges[ranges.length - 1] ? this.otherwise : newBlock(this.fn);
      if (range.low === range.high) this.test(at, 'eq', this.value, range.low, range.to, next);
      else {
        const shifted = newInst(
          this.fn,
          'sub',
          this.value.type,
          [this.value, newConst(this.fn, this.value.type, range.low)],
          this.end.loc,
        );
        this.place(at, shifted);
        this.test(at, 'ule', shifted, range.high - range.low, range.to, next);
      }
      at = next;
    }
    if (ranges.length === 0) {
      const br = newInst(this.fn, 'br', 'void', [], this.end.loc);
      br.targets = [this.otherwise];
      this.place(at, br);
      this.arrive(at, this.otherwise);
    }
  }

  private test(at: Block, cond: Cond, value: Inst, against: bigint, yes: Block, no: Block): void {
    const icmp = newInst(this.fn, 'icmp', 'i1', [value, newConst(this.fn, value.type, against)], this.end.loc);
    icmp.sub = cond;
    this.place(at, icmp);
    const branch = newInst(this.fn, 'condbr', 'void', [icmp], this.end.loc);
    branch.targets = [yes, no];
    this.place(at, branch);
    this.arrive(at, yes);
    if (no !== yes) this.arrive(at, no);
  }

  private place(at: Block, inst: Inst): void {
    inst.block = at;
    at.insts.push(inst);
  }

  private arrive(from: Block, to: Block): void {
    for (const [phi, value] of this.incoming.get(to) ?? []) {
      phi.args.push(value);
      phi.targets.push(from);
    }
  }
}
