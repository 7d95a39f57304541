/**
 * Variables that a frame cannot hold move to the value of a scratch map (an array of one element a CPU): the function's first act is to
 * look the value up, and it returns 0 when there is none. The largest go first, until the rest fits. Runs last, on what the other passes
 * left in memory; who asks for it creates the map with at least the size that comes back.
 */
import { newBlock, newConst, newInst } from '../build.ts';
import { phis, replaceAll } from '../cfg.ts';
import { type Func, type Inst, terminator } from '../ir.ts';

/** What a frame may hold, with room left for spilled registers. */
const FRAME = 448;

export interface Moved {
  readonly name: string;
  readonly size: number;
  readonly loc: Inst['loc'];
}

/**
 * Move variables of one function to `map`, from byte `from` of its value on. Gives what moved and the first free byte; undefined when
 * everything fits.
 */
export function moveToScratch(fn: Func, map: string, from: number): { moved: Moved[]; end: number } | undefined {
  const entry = fn.blocks[0]!;
  const allocas = entry.insts.filter((i) => i.op === 'alloca');
  const room = (a: Inst) => Math.ceil(a.size / 8) * 8;
  let total = allocas.reduce((n, a) => n + room(a), 0);
  if (total <= 512) return undefined;
  const going: Inst[] = [];
  for (const a of [...allocas].sort((x, y) => y.size - x.size)) {
    if (total <= FRAME) break;
    going.push(a);
    total -= room(a);
  }
  const loc = going[0]!.loc;
  const make = (op: Inst['op'], type: Inst['type'], args: Inst[]) => {
    const inst = newInst(fn, op, type, args, loc);
    inst.block = entry;
    return inst;
  };
  const staying = allocas.filter((a) => !going.includes(a));
  const body = newBlock(fn, entry.name);
  body.insts = entry.insts.filter((i) => i.op !== 'alloca');
  for (const i of body.insts) i.block = body;
  for (const to of terminator(body).targets)
    for (const phi of phis(to)) phi.targets = phi.targets.map((t) => (t === entry ? body : t));

  const key = make('alloca', 'ptr', []);
  key.size = key.align = 4;
  key.name = 'scratch key';
  key.space = 'stack';
  const store = make('store', 'void', [key, newConst(fn, 'i32', 0n)]);
  const ref = newInst(fn, 'mapref', 'ptr');
  ref.name = map;
  const value = make('callhelper', 'ptr', [ref, key]);
  value.helper = 1;
  value.name = 'map_lookup_elem';
  value.space = 'map_value';
  const found = make('icmp', 'i1', [value, newConst(fn, 'ptr', 0n)]);
  found.sub = 'ne';
  const none = newBlock(fn, 'no scratch');
  const ret = newInst(fn, 'ret', 'void', fn.ret === 'void' ? [] : [newConst(fn, fn.ret, 0n)], loc);
  ret.block = none;
  none.insts.push(ret);
  const branch = make('condbr', 'void', [found]);
  branch.targets = [body, none];
  branch.likely = true;
  entry.insts = [...staying, key, store, value, found, branch];

  const places = new Map<Inst, Inst>();
  const moved: Moved[] = [];
  let at = from;
  const derived: Inst[] = [];
  for (const a of going) {
    const place = newInst(fn, 'ptradd', 'ptr', [value, newConst(fn, 'i64', at)], a.loc);
    place.block = body;
    derived.push(place);
    places.set(a, place);
    moved.push({ name: a.name, size: a.size, loc: a.loc });
    at += room(a);
  }
  body.insts.unshift(...derived);
  replaceAll(fn, places);
  return { moved, end: at };
}
