/**
 * What the generator writes for programs with types of their own (generate-types.ts): locks, timers, kernel pointers, lists and trees in map values,
 * callbacks, global functions, exceptions. As elsewhere, now and then a step is left out.
 */
import type { Generator } from './generate.ts';
import { kfunc, pointTo } from './generate-calls.ts';
import type { FunctionKind } from './generate-types.ts';

/** Look up element 0..3 of the typed map of this name: its value in r6 to r9. Undefined when the program has no such map. */
function typedValue(g: Generator, name: string): { readonly value: number; readonly map: number } | undefined {
  const map = g.maps.findIndex((m) => m.name === name);
  if (map < 0) return undefined;
  g.emit(0x62, 10, 0, -4, g.r.below(5));
  g.slots.add(0);
  pointTo(g, 2, -4);
  g.loadMap(1, map);
  g.call('map_lookup_elem');
  const value = 6 + g.r.below(4);
  if (!g.forget()) {
    const ok = g.newLabel();
    g.jump(0x55, 0, 0, 0, ok);
    g.emit(0xb7, 0);
    g.emit(0x95);
    g.place(ok);
  }
  g.emit(0xbf, value, 0);
  g.kinds[value] = 'none';
  return { value, map };
}

function pointInto(g: Generator, reg: number, value: number, off: number): void {
  g.emit(0xbf, reg, value);
  const at = off + (g.forget() ? 8 : 0);
  if (at !== 0) g.emit(0x07, reg, 0, 0, at);
}

/** A few accesses that call nothing, as is allowed under a lock. */
function touch(g: Generator, value: number, from: number, to: number): void {
  const { r } = g;
  for (let n = r.below(3); n >= 0; n--) {
    const off = from + 8 * r.below(Math.max(1, (to - from) / 8));
    const bad = g.forget() ? -8 : 0;
    switch (r.below(4)) {
      case 0:
        g.emit(0x79, r.below(6), value, off + bad);
        break;
      case 1:
        g.emit(0x7a, value, 0, off + bad, r.below(100));
        break;
      case 2:
        g.emit(0x7b, value, 10, off + bad);
        break;
      default:
        g.emit(0xb7, 1, 0, 0, 1);
        g.emit(0xdb, value, 1, off + bad, r.pick([0, 1, 0xe1]));
    }
  }
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

function lock(g: Generator): void {
  const found = typedValue(g, 'locked');
  if (!found) return;
  const { value } = found;
  pointInto(g, 1, value, 0);
  g.call('spin_lock');
  touch(g, value, 8, 32);
  if (g.forget()) g.block(1, 3);
  if (g.forget()) return;
  pointInto(g, 1, value, 0);
  g.call('spin_unlock');
}

function resilientLock(g: Generator): void {
  const found = typedValue(g, 'resilient');
  if (!found) return;
  const { value } = found;
  pointInto(g, 1, value, 0);
  if (!kfunc(g, 'bpf_res_spin_lock')) return;
  const out = g.newLabel();
  if (!g.forget()) g.jump(0x55, 0, 0, 0, out);
  touch(g, value, 8, 16);
  if (g.forget()) g.block(1, 3);
  pointInto(g, 1, value, 0);
  if (!g.forget()) kfunc(g, 'bpf_res_spin_unlock');
  g.place(out);
}

function timer(g: Generator): void {
  const { r } = g;
  const found = typedValue(g, 'timed');
  if (!found) return;
  const { value, map } = found;
  pointInto(g, 1, value, 8);
  g.loadMap(2, map);
  g.emit(0xb7, 3, 0, 0, r.pick([1, 1, 7, 99]));
  g.call('timer_init');
  pointInto(g, 1, value, 8);
  g.loadFunction(2, 'timer');
  g.call('timer_set_callback');
  if (r.below(2)) {
    pointInto(g, 1, value, 8);
    g.emit(0xb7, 2, 0, 0, 1000);
    g.emit(0xb7, 3, 0, 0, 0);
    g.call('timer_start');
  } else {
    pointInto(g, 1, value, 8);
    g.call('timer_cancel');
  }
}

function work(g: Generator): void {
  const found = typedValue(g, 'worked');
  if (!found) return;
  const { value, map } = found;
  pointInto(g, 1, value, 0);
  g.loadMap(2, map);
  g.emit(0xb7, 3, 0, 0, 0);
  if (!kfunc(g, 'bpf_wq_init')) return;
  pointInto(g, 1, value, 0);
  g.loadFunction(2, 'timer');
  g.emit(0xb7, 3, 0, 0, 0);
  g.emit(0xb7, 4, 0, 0, 0);
  kfunc(g, 'bpf_wq_set_callback_impl');
  pointInto(g, 1, value, 0);
  g.emit(0xb7, 2, 0, 0, 0);
  kfunc(g, 'bpf_wq_start');
}

/** bpf_loop, bpf_for_each_map_elem: the callback's context is a place on the stack, a value, or nothing. */
function callback(g: Generator): void {
  const { r } = g;
  const each = r.below(3) === 0;
  if (each) g.loadMap(1, r.pick([0, 1, 3]));
  else g.emit(0xb7, 1, 0, 0, r.pick([1, 4, 100, 0]));
  const have = g.regsOf('value', 'ctx', 'num').filter((n) => n >= 6);
  const from = r.below(3);
  if (from === 0 && have.length > 0) g.emit(0xbf, 3, r.pick(have));
  else if (from === 1) g.emit(0xb7, 3, 0, 0, 0);
  else {
    g.emit(0x7a, 10, 0, -16, r.below(3));
    g.slots.add(1);
    pointTo(g, 3, -16);
  }
  g.loadFunction(2, each ? 'each' : 'loop');
  g.emit(0xb7, 4, 0, 0, g.forget() ? 1 : 0);
  g.call(each ? 'for_each_map_elem' : 'loop');
}

/** A task kept in a map value, what was there before given back. */
function keptTask(g: Generator): void {
  const { r } = g;
  const found = typedValue(g, 'kept');
  if (!found) return;
  const { value } = found;
  const skip = g.newLabel();
  if (r.below(3) === 0) {
    g.emit(0x79, 1, value, 8 + (g.forget() ? 4 : 0));
    if (!g.forget()) g.jump(0x15, 1, 0, 0, skip);
    g.emit(0x61, 2, 1, 8 * r.below(40));
    g.place(skip);
    return;
  }
  if (r.below(2)) {
    g.emit(0xb7, 1, 0, 0, 1);
    if (!kfunc(g, 'bpf_task_from_pid')) return;
    if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
    g.emit(0xbf, 2, 0);
  } else g.emit(0xb7, 2, 0, 0, 0);
  pointInto(g, 1, value, 8);
  g.call('kptr_xchg');
  if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
  g.emit(0xbf, 1, 0);
  if (!g.forget()) kfunc(g, 'bpf_task_release');
  g.place(skip);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

/** An object of the program's own: made, filled, dropped, or put into a tree or a list under its lock. */
function object(g: Generator): void {
  const { r, types } = g;
  if (!types) return;
  const tree = r.below(2) === 0;
  const drop = r.below(3) === 0;
  const found = drop ? undefined : typedValue(g, tree ? 'tree' : 'list');
  const other = found ? 6 + ((found.value - 5) % 4) : 6 + r.below(4);
  g.out.push({ opcode: 0x18, dst: 1, src: 0, off: 0, imm: tree ? types.treeNode : types.listNode, immHi: 0 });
  g.emit(0xb7, 2);
  if (!kfunc(g, 'bpf_obj_new_impl')) return;
  const skip = g.newLabel();
  if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
  g.emit(0xbf, other, 0);
  g.kinds[other] = 'none';
  g.emit(0x7a, other, 0, (tree ? 0 : 24) + (g.forget() ? 8 : 0), 5);
  if (!found) {
    if (r.below(3) === 0) g.block(1, 3);
    g.emit(0xbf, 1, other);
    g.emit(0xb7, 2);
    if (!g.forget()) kfunc(g, 'bpf_obj_drop_impl');
    g.place(skip);
    return;
  }
  const { value } = found;
  pointInto(g, 1, value, 0);
  if (!g.forget()) g.call('spin_lock');
  pointInto(g, 1, value, 8);
  if (r.below(3)) {
    g.emit(0xbf, 2, other);
    const nodeAt = tree ? 8 : 0;
    if (nodeAt > 0) g.emit(0x07, 2, 0, 0, nodeAt + (g.forget() ? 8 : 0));
    if (tree) {
      g.loadFunction(3, 'less');
      g.emit(0xb7, 4);
      g.emit(0xb7, 5);
      kfunc(g, 'bpf_rbtree_add_impl');
    } else {
      g.emit(0xb7, 3);
      g.emit(0xb7, 4);
      kfunc(g, r.below(2) ? 'bpf_list_push_front_impl' : 'bpf_list_push_back_impl');
    }
    // The node is the container's now, and may be read as long as the lock is held.
    if (r.below(2)) g.emit(0x79, 1, other, tree ? 0 : 24);
    pointInto(g, 1, value, 0);
    if (!g.forget()) g.call('spin_unlock');
    if (g.forget()) g.emit(0x79, 1, other, tree ? 0 : 24);
  } else {
    const taken = g.newLabel();
    if (tree) {
      kfunc(g, 'bpf_rbtree_first');
      if (!g.forget()) g.jump(0x15, 0, 0, 0, taken);
      g.emit(0xbf, 2, 0);
      pointInto(g, 1, value, 8);
      kfunc(g, 'bpf_rbtree_remove');
    } else kfunc(g, r.below(2) ? 'bpf_list_pop_front' : 'bpf_list_pop_back');
    g.place(taken);
    const kept = g.newLabel();
    const spare = 6 + ((value - 4) % 4);
    if (tree) g.emit(0xb7, spare);
    else g.emit(0xbf, spare, 0);
    g.kinds[spare] = 'none';
    if (tree) g.emit(0xbf, spare, 0);
    pointInto(g, 1, value, 0);
    if (!g.forget()) g.call('spin_unlock');
    if (!g.forget()) g.jump(0x15, spare, 0, 0, kept);
    g.emit(0xbf, 1, spare);
    const nodeAt = tree ? 8 : 0;
    if (nodeAt > 0) g.emit(0x07, 1, 0, 0, -nodeAt);
    g.emit(0xb7, 2);
    if (!g.forget()) kfunc(g, 'bpf_obj_drop_impl');
    g.place(kept);
    g.emit(0xbf, 1, other);
    g.emit(0xb7, 2);
    if (!g.forget()) kfunc(g, 'bpf_obj_drop_impl');
  }
  g.place(skip);
  for (let i = 0; i <= 9; i++) if (i < 6 || i === other) g.kinds[i] = 'none';
}

function globalCall(g: Generator): void {
  const { r } = g;
  const kind = r.pick<FunctionKind>([
    'global numbers',
    'global memory',
    'global nonnull',
    'global context',
    'global dynptr',
  ]);
  switch (kind) {
    case 'global numbers':
      for (const i of [1, 2]) {
        const have = g.regsOf('num', 'small', ...(g.forget() ? (['value'] as const) : [])).filter((n) => n >= 6);
        if (have.length > 0 && r.below(2)) g.emit(0xbf, i, r.pick(have));
        else g.emit(0xb7, i, 0, 0, r.below(9));
      }
      break;
    case 'global context': {
      const have = g.regsOf('ctx').filter((n) => n >= 6);
      if (have.length === 0) return;
      g.emit(0xbf, 1, r.pick(have));
      break;
    }
    case 'global dynptr': {
      const have = g.regsOf('value').filter((n) => n >= 6);
      if (have.length === 0) return;
      g.emit(0xbf, 1, r.pick(have));
      g.emit(0xb7, 2, 0, 0, 8);
      g.emit(0xb7, 3);
      pointTo(g, 4, -96);
      g.call('dynptr_from_mem');
      pointTo(g, 1, -96 + (g.forget() ? 8 : 0));
      break;
    }
    default: {
      const values = g.regsOf('value').filter((n) => n >= 6);
      const from = r.below(3);
      if (from === 0 && values.length > 0) g.emit(0xbf, 1, r.pick(values));
      else if (from === 1 && (kind === 'global memory' || g.forget())) g.emit(0xb7, 1);
      else {
        g.emit(0x7a, 10, 0, -8, 1);
        g.emit(0x7a, 10, 0, -16, 1);
        g.slots.add(0).add(1);
        pointTo(g, 1, g.forget() ? -8 : -16);
      }
    }
  }
  g.callKind(kind);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
  g.kinds[0] = 'num';
}

function exception(g: Generator): void {
  const { r } = g;
  const skip = g.newLabel();
  const n = g.number();
  g.jump(0x15, n, 0, r.below(4), skip);
  g.emit(0xb7, 1, 0, 0, r.below(2));
  kfunc(g, 'bpf_throw');
  g.place(skip);
}

/** What a function of the kind does first: its arguments checked and touched. r6 and up hold them. */
export function functionStart(g: Generator, kind: FunctionKind): void {
  const { r } = g;
  const guarded = (reg: number, code: number, off: number): void => {
    const skip = g.newLabel();
    if (!g.forget()) g.jump(0x15, reg, 0, 0, skip);
    g.emit(code, 0, reg, off);
    g.place(skip);
  };
  switch (kind) {
    case 'loop':
      g.kinds[6] = 'num';
      if (r.below(3) === 0) g.emit(r.below(2) ? 0x79 : 0x7a, 7, 7, 0);
      break;
    case 'each':
      if (r.below(2)) g.emit(0x79, 0, 8, 8 * r.below(3));
      if (r.below(4) === 0) g.emit(0x61, 0, 7, 0);
      break;
    case 'timer':
      if (r.below(2)) g.emit(0x79, 0, 8, r.pick([0, 0, 24, 8]));
      break;
    case 'less':
      g.emit(0x79, 6, 6, r.pick([-8, -8, 32, 0]));
      g.emit(0x79, 7, 7, r.pick([-8, -8, 32]));
      break;
    case 'global numbers':
      g.kinds[6] = 'num';
      g.kinds[7] = 'num';
      break;
    case 'global memory':
      guarded(6, r.below(2) ? 0x79 : 0x61, r.pick([0, 8, 12, 16]));
      break;
    case 'global nonnull':
      if (r.below(2)) g.emit(0x79, 0, 6, r.pick([0, 8, 12]));
      else g.emit(0x7a, 6, 0, r.pick([0, 8, 16]), 1);
      break;
    case 'global context':
      g.kinds[6] = 'ctx';
      break;
    default:
      // A dynptr that may only be read.
      g.emit(0xbf, 1, 6);
      g.emit(0xb7, 2);
      g.emit(0xb7, 3, 0, 0, 8);
      g.call('dynptr_data');
      guarded(0, r.below(2) ? 0x79 : 0x61, 0);
  }
  g.kinds[0] = 'none';
}

const STATEMENTS = {
  lock,
  resilientLock,
  timer,
  work,
  callback,
  keptTask,
  object,
  globalCall,
  exception,
};

/** One statement of the kinds above; its name. */
export function typedStatement(g: Generator): string {
  const name = g.r.pick(Object.keys(STATEMENTS)) as keyof typeof STATEMENTS;
  STATEMENTS[name](g);
  return name;
}
