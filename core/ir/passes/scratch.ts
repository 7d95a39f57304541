/**
 * Locals that do not fit the 512 bytes of a BPF stack move to a map: one value per CPU, looked up when the program begins. That is safe where
 * a program is not interrupted by another run of itself on the same CPU; where it may be (raw tracepoints, fentry, sleepable programs), the
 * value is keyed by task instead.
 */

import { STACK_SIZE } from '../../isa/ops.ts';
import { newBlock, newConst, newInst } from '../build.ts';
import { replaceAll } from '../cfg.ts';
import type { Func, Inst } from '../ir.ts';

/** Left on the stack for spilled registers and small temporaries. */
const MARGIN = 96;
/** Smaller locals are not worth a map. */
const LEAST = 16;

export interface Scratch {
  readonly map: string;
  /** Keyed by task: this map's only value is the zeros a new entry begins with. */
  readonly zeros?: string;
  readonly size: number;
  /** Names and sizes of what moved. */
  readonly moved: readonly { readonly name: string; readonly size: number }[];
}

/** Move the largest locals of an entry function whose frame takes `frame` bytes. Undefined when nothing helps. */
export function moveToScratch(fn: Func, frame: number, map: string, zeros: string | undefined): Scratch | undefined {
  const entry = fn.blocks[0]!;
  const candidates = entry.insts.filter((i) => i.op === 'alloca' && i.size >= LEAST).sort((a, b) => b.size - a.size);
  const chosen: { inst: Inst; offset: number }[] = [];
  let left = frame;
  let size = 0;
  for (const inst of candidates) {
    if (left <= STACK_SIZE - MARGIN) break;
    const bytes = Math.ceil(inst.size / 8) * 8;
    chosen.push({ inst, offset: size });
    size += bytes;
    left -= bytes;
  }
  if (chosen.length === 0) return undefined;
  const gone = new Set(chosen.map((c) => c.inst));
  // The entry block keeps its allocas; all else goes behind the look-up.
  const allocas = entry.insts.filter((i) => i.op === 'alloca' && !gone.has(i));
  const rest = entry.insts.filter((i) => i.op !== 'alloca');
  const body = newBlock(fn, 'body');
  const none = newBlock(fn, 'no scratch');
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      if (inst.op === 'phi') inst.targets = inst.targets.map((t) => (t === entry ? body : t));
    }
  }
  for (const inst of rest) inst.block = body;
  body.insts = rest;
  body.unroll = entry.unroll;
  const loc = fn.loc;
  const make = (block: typeof entry, op: Inst['op'], type: Inst['type'], args: Inst[] = []): Inst => {
    const inst = newInst(fn, op, type, args, loc);
    inst.block = block;
    block.insts.push(inst);
    return inst;
  };
  const mapRef = (name: string): Inst => {
    const inst = newInst(fn, 'mapref', 'ptr', [], loc);
    inst.name = name;
    return inst;
  };
  const call = (block: typeof entry, id: number, name: string, type: Inst['type'], args: Inst[]): Inst => {
    const inst = make(block, 'callhelper', type, args);
    inst.helper = id;
    inst.name = name;
    return inst;
  };
  const branch = (block: typeof entry, value: Inst, then: typeof entry, otherwise: typeof entry): void => {
    const test = make(block, 'icmp', 'i1', [value, newConst(fn, 'ptr', 0n)]);
    test.sub = 'ne';
    make(block, 'condbr', 'void', [test]).targets = [then, otherwise];
  };
  const ret = fn.ret;
  make(none, 'ret', 'void', ret === 'void' ? [] : [newConst(fn, ret, 0n)]);
  entry.insts = allocas;
  const key = newInst(fn, 'alloca', 'ptr', [], loc);
  key.size = 8;
  key.align = 8;
  key.space = 'stack';
  key.block = entry;
  entry.insts.push(key);
  let base: Inst;
  if (zeros === undefined) {
    make(entry, 'store', 'void', [key, newConst(fn, 'i32', 0n)]);
    base = call(entry, 1, 'map_lookup_elem', 'ptr', [mapRef(map), key]);
    branch(entry, base, body, none);
  } else {
    // Key: thread and, in the idle task of every CPU, its number.
    const [make0, start, again] = [newBlock(fn, 'new scratch'), newBlock(fn, 'have zeros'), newBlock(fn, 'scratch')];
    const task = call(entry, 14, 'get_current_pid_tgid', 'i64', []);
    const cpu = call(entry, 8, 'get_smp_processor_id', 'i64', []);
    const idle = make(entry, 'icmp', 'i1', [task, newConst(fn, 'i64', 0n)]);
    idle.sub = 'eq';
    const id = make(entry, 'select', 'i64', [idle, cpu, task]);
    make(entry, 'store', 'void', [key, id]);
    const first = call(entry, 1, 'map_lookup_elem', 'ptr', [mapRef(map), key]);
    branch(entry, first, again, make0);
    const index = newInst(fn, 'alloca', 'ptr', [], loc);
    index.size = 8;
    index.align = 8;
    index.space = 'stack';
    index.block = entry;
    entry.insts.unshift(index);
    make(make0, 'store', 'void', [index, newConst(fn, 'i32', 0n)]);
    const zero = call(make0, 1, 'map_lookup_elem', 'ptr', [mapRef(zeros), index]);
    branch(make0, zero, start, none);
    call(start, 2, 'map_update_elem', 'i64', [mapRef(map), key, zero, newConst(fn, 'i64', 0n)]);
    const second = call(start, 1, 'map_lookup_elem', 'ptr', [mapRef(map), key]);
    branch(start, second, again, none);
    base = make(again, 'phi', 'ptr', [first, second]);
    base.targets = [entry, start];
    make(again, 'br', 'void').targets = [body];
  }
  const table = new Map<Inst, Inst>();
  const places: Inst[] = [];
  for (const { inst, offset } of chosen) {
    const place = offset === 0 ? base : newInst(fn, 'ptradd', 'ptr', [base, newConst(fn, 'i64', BigInt(offset))], loc);
    if (offset !== 0) {
      place.block = body;
      places.push(place);
    }
    table.set(inst, place);
  }
  body.insts.unshift(...places);
  replaceAll(fn, table);
  return {
    map,
    ...(zeros === undefined ? {} : { zeros }),
    size,
    moved: chosen.map(({ inst }) => ({ name: inst.name, size: inst.size })),
  };
}
