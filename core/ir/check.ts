/**
 * Is this IR well formed? Tests ask after every pass; a front end may ask while it grows. Rules: ir.ts.
 */
import { computePreds, Dominators, reversePostorder } from './cfg.ts';
import { type Block, COND, type Func, type Inst, IR_OP, isLeaf, isTerminator, type Module, TYPE_BITS } from './ir.ts';
import { printFunc } from './text.ts';

/** Faults found, as sentences; empty when well formed. */
export function check(module: Module): string[] {
  const names = new Set<string>();
  const faults: string[] = [];
  const programs = new Set<string>();
  for (const fn of module.functions) {
    // A program that others call too stands twice: as a program and as the function that is called.
    const same = fn.entry ? programs : names;
    if (same.has(fn.name)) faults.push(`two functions are called ${fn.name}`);
    same.add(fn.name);
  }
  for (const fn of module.functions) faults.push(...checkFunc(fn, names).map((f) => `${fn.name}: ${f}`));
  return faults;
}

/** Throws with the faults and the text when a module is malformed. `when` names the pass that ran last. */
export function assertWellFormed(module: Module, when: string): void {
  const faults = check(module);
  if (faults.length > 0) {
    throw new TypeError(
      `malformed IR ${when}:\n${faults.join('\n')}\n${module.functions.map((f) => printFunc(f)).join('\n')}`,
    );
  }
}

export function checkFunc(fn: Func, functions: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  const blocks = new Set(fn.blocks);
  for (const block of fn.blocks) {
    const last = block.insts[block.insts.length - 1];
    if (!last || !isTerminator(last)) faults.push(`b${block.id} does not end in a terminator`);
    block.insts.forEach((inst, i) => {
      if (isTerminator(inst) && i !== block.insts.length - 1) faults.push(`${show(inst)} in b${block.id} is not last`);
      for (const to of inst.targets)
        if (!blocks.has(to)) faults.push(`${show(inst)} names b${to.id}, which is not in the function`);
    });
  }
  if (faults.length > 0) return faults;
  computePreds(fn);
  if (fn.blocks[0]!.preds.length > 0) faults.push('the entry block has predecessors');
  if (reversePostorder(fn).length !== fn.blocks.length) return faults.concat('there are unreachable blocks');
  const dom = new Dominators(fn);
  const place = new Map<Inst, { block: Block; index: number }>();
  for (const block of fn.blocks) {
    block.insts.forEach((inst, index) => {
      if (place.has(inst)) faults.push(`${show(inst)} is in two places`);
      if (inst.block !== block)
        faults.push(`${show(inst)} is in b${block.id} but says ${inst.block ? `b${inst.block.id}` : 'nowhere'}`);
      place.set(inst, { block, index });
    });
  }
  for (const block of fn.blocks) {
    block.insts.forEach((inst, index) => {
      const fault = typeFault(inst, fn, functions);
      if (fault) faults.push(`${show(inst)}: ${fault}`);
      if (inst.op === 'phi') {
        if (index > 0 && block.insts[index - 1]!.op !== 'phi')
          faults.push(`${show(inst)} is a phi after other instructions`);
        const from = new Set(inst.targets);
        if (
          from.size !== inst.targets.length ||
          from.size !== block.preds.length ||
          !block.preds.every((p) => from.has(p))
        ) {
          faults.push(
            `${show(inst)} has operands for ${inst.targets.map((b) => `b${b.id}`)}, predecessors are ${block.preds.map((b) => `b${b.id}`)}`,
          );
        }
      }
      if (inst.op === 'alloca' && block !== fn.blocks[0]) faults.push(`${show(inst)} outside the entry block`);
      inst.args.forEach((arg, i) => {
        if (isLeaf(arg)) {
          if (arg.op === 'param' && fn.params[arg.off] !== arg)
            faults.push(`${show(inst)} uses a param of another function`);
          return;
        }
        const def = place.get(arg);
        const at = inst.op === 'phi' ? inst.targets[i]! : block;
        if (!def) faults.push(`${show(inst)} uses %${arg.id} (${arg.op}), which is in no block`);
        else if (def.block === at ? inst.op !== 'phi' && def.index >= index : !dom.dominates(def.block, at)) {
          faults.push(`${show(inst)} uses %${arg.id}, which does not dominate it`);
        }
      });
    });
  }
  return faults;
}

function show(inst: Inst): string {
  return inst.type === 'void' ? inst.op : `%${inst.id} (${inst.op})`;
}

const ARITY: Record<string, number> = {
  binary: 2,
  unary: 1,
  compare: 2,
  select: 3,
  cast: 1,
  ptradd: 2,
  alloca: 0,
  barrier: 0,
  load: 1,
  store: 2,
  memcpy: 2,
  memmove: 2,
  memset: 2,
  atomicrmw: 2,
  cmpxchg: 3,
  br: 0,
  condbr: 1,
  switch: 1,
  unreachable: 0,
  ldabs: 1,
  ldind: 2,
};
const TARGETS: Partial<Record<Inst['op'], number>> = { br: 1, condbr: 2, ret: 0, unreachable: 0 };

function typeFault(inst: Inst, fn: Func, functions: ReadonlySet<string>): string | undefined {
  const row = IR_OP[inst.op];
  const types = inst.args.map((a) => a.type);
  const [a, b, c] = types;
  const arity = ARITY[inst.op] ?? ARITY[row.kind];
  if (arity !== undefined && types.length !== arity) return `${types.length} operands instead of ${arity}`;
  const targets = TARGETS[inst.op];
  if (targets !== undefined && inst.targets.length !== targets)
    return `${inst.targets.length} targets instead of ${targets}`;
  const wide = (t: string | undefined) => t === 'i32' || t === 'i64';
  switch (row.kind) {
    case 'leaf':
      return 'a leaf is in a block';
    case 'binary': {
      const bool = inst.type === 'i1' && (inst.op === 'and' || inst.op === 'or' || inst.op === 'xor');
      return a === b && a === inst.type && (wide(a) || bool) ? undefined : `${types} to ${inst.type}`;
    }
    case 'unary':
      if (inst.op === 'opaque') return a === inst.type ? undefined : `${a} to ${inst.type}`;
      return a === inst.type && wide(a) ? undefined : `${a} to ${inst.type}`;
    case 'compare':
      return a === b && a !== 'i1' && COND[inst.sub as 'eq'] && inst.type === 'i1'
        ? undefined
        : `compares ${a} with ${b}`;
    case 'select':
      return a === 'i1' && b === c && b === inst.type ? undefined : `${types} to ${inst.type}`;
    case 'phi':
      return types.every((t) => t === inst.type) ? undefined : `${types} to ${inst.type}`;
    case 'cast': {
      const grow = TYPE_BITS[inst.type] - TYPE_BITS[a!];
      if (inst.op === 'ptrtoint') return a === 'ptr' && inst.type === 'i64' ? undefined : `of ${a}`;
      if (inst.op === 'inttoptr') return a === 'i64' && inst.type === 'ptr' ? undefined : `of ${a}`;
      if (a === 'ptr' || inst.type === 'ptr') return 'of a pointer';
      return (inst.op === 'trunc' ? grow < 0 : grow > 0) ? undefined : `${a} to ${inst.type}`;
    }
    case 'ptradd':
      return a === 'ptr' && b === 'i64' ? undefined : `${types}`;
    case 'memory':
      if (a !== 'ptr') return `address is ${a}`;
      if ((inst.op === 'memcpy' || inst.op === 'memmove') && b !== 'ptr') return `source is ${b}`;
      if (inst.op === 'load' && (inst.type === 'i1' || inst.type === 'void')) return `gives ${inst.type}`;
      if (inst.op === 'store' && (b === 'i1' || b === 'void')) return `stores ${b}`;
      return undefined;
    case 'call':
      if (types.length > 5 && inst.op !== 'calllocal') return `${types.length} arguments; five is the most`;
      if (inst.op === 'calllocal' && !functions.has(inst.name))
        return `calls ${inst.name}, which the module does not have`;
      return undefined;
    case 'term':
      if (inst.op === 'condbr' && a !== 'i1') return `on ${a}`;
      if (inst.op === 'switch' && (inst.targets.length !== inst.cases.length + 1 || !wide(a)))
        return 'cases and targets differ in number';
      if (inst.op === 'ret' && (a ?? 'void') !== fn.ret)
        return `gives ${a ?? 'void'} where the function returns ${fn.ret}`;
      return undefined;
    default:
      return undefined;
  }
}
