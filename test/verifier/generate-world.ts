/**
 * What the generator writes of the kernel around a program: any helper with arguments of about the right kinds, maps of every type, sockets, tail calls,
 * the arena, atomics of all sizes, more iterators, packets handed to functions. As elsewhere, now and then a step is left out.
 */
import type { ArgKind, HelperRow } from '../../core/helpers/helper.ts';
import { HELPERS, signatureOf } from '../../core/helpers/index.ts';
import { helpersFor } from '../../core/progs/index.ts';
import type { Generator } from './generate.ts';
import { kfunc, packet, pointTo } from './generate-calls.ts';

/** One map of each type that the oracle can make by itself. */
export const WORLD_MAPS = [
  'prog_array 4 4 4',
  'perf_event_array 4 4 4',
  'stack_trace 4 1016 8',
  'cgroup_array 4 4 2',
  'lru_hash 8 24 16',
  'lru_percpu_hash 4 16 16',
  'percpu_hash 4 24 8',
  'lpm_trie 8 16 8 1',
  'array_of_maps 4 4 2',
  'hash_of_maps 4 4 2',
  'devmap 4 8 4',
  'devmap_hash 4 8 4',
  'cpumap 4 8 2',
  'xskmap 4 4 2',
  'sockmap 4 8 4',
  'sockhash 4 8 4',
  'reuseport_sockarray 4 8 4',
  'queue 0 16 4',
  'stack 0 16 4',
  'bloom_filter 0 8 16',
  'user_ringbuf 0 0 4096',
  'array 4 16 4 128',
  'array 4 16 4 256',
  'array 4 16 4 1024',
] as const;

/** Not asked: lockdown takes them away. */
const NEVER = new Set(['probe_write_user', 'override_return']);

/** An argument register, from what r6 and above hold and from constants. */
function argument(g: Generator, reg: number, kind: ArgKind): void {
  const { r } = g;
  const have = (...kinds: Parameters<Generator['regsOf']>): number | undefined => {
    const regs = g.regsOf(...kinds).filter((n) => n >= 6);
    return regs.length > 0 ? r.pick(regs) : undefined;
  };
  const copyOr = (from: number | undefined, fallback: () => void): void => {
    if (from === undefined) fallback();
    else g.emit(0xbf, reg, from);
  };
  const onStack = (): void => pointTo(g, reg, -8 * (1 + r.below(8)));
  const memory = (): void => (r.below(3) ? onStack() : copyOr(have('value', 'value', 'packet'), onStack));
  switch (kind) {
    case 'const_map_ptr':
      g.loadMap(reg, r.below(g.maps.length));
      return;
    case 'ctx':
    case 'ctx_or_null':
      copyOr(have('ctx'), () => g.emit(0xb7, reg));
      return;
    case 'const_size':
    case 'const_size_or_zero':
    case 'const_alloc_size_or_zero':
      if (r.below(4) === 0) copyOr(have('small', 'num'), () => g.emit(0xb7, reg, 0, 0, 8));
      else g.emit(0xb7, reg, 0, 0, r.pick([1, 4, 8, 8, 16, 16, 40, 0, 64, 65]));
      return;
    case 'anything':
    case 'scalar':
      if (r.below(3) === 0) copyOr(have('num', 'small', 'ctx', 'value', 'fp'), () => g.emit(0xb7, reg));
      else g.emit(0xb7, reg, 0, 0, r.pick([0, 0, 0, 1, 2, 8, -1, 16]));
      return;
    case 'spin_lock':
    case 'timer':
    case 'kptr':
    case 'const_str':
      copyOr(have('value'), onStack);
      return;
    case 'sock_common':
    case 'socket':
    case 'socket_or_null':
    case 'btf_id':
    case 'btf_id_or_null':
    case 'btf_id_sock_common':
    case 'btf_id_sock_common_or_null':
    case 'percpu_btf_id':
      if (r.below(6) === 0) g.emit(0xb7, reg);
      else copyOr(have('object', 'object', 'ctx'), () => g.emit(0xb7, reg));
      return;
    case 'func':
      g.loadFunction(reg, 'loop');
      return;
    case 'dynptr':
    case 'uninit_dynptr':
      pointTo(g, reg, -8 * (10 + r.below(3)));
      return;
    default:
      if (kind.endsWith('_or_null') && r.below(3) === 0) g.emit(0xb7, reg);
      else memory();
  }
}

/** Any helper, mostly one that the program's type has. */
function anyHelper(g: Generator): void {
  const { r } = g;
  const rows: readonly HelperRow[] = r.below(12) === 0 ? HELPERS : helpersFor(g.type);
  const row = r.pick(rows);
  if (NEVER.has(row.name)) return;
  for (let i = 0; i < 8; i++) {
    if (!g.slots.has(i) && !g.forget()) {
      g.emit(0x7a, 10, 0, -8 * (i + 1), 0);
      g.slots.add(i);
    }
  }
  const { args } = signatureOf(row, g.type);
  args.forEach((kind, i) => {
    argument(g, i + 1, kind);
  });
  g.call(row.name);
  useResult(g, row);
}

function useResult(g: Generator, row: HelperRow): void {
  const { r } = g;
  const { ret } = row;
  if (ret === 'integer' || ret === 'void') return;
  g.kinds[0] = 'none';
  const skip = g.newLabel();
  if (ret.endsWith('_or_null') && !g.forget()) g.jump(0x15, 0, 0, 0, skip);
  const kept = 6 + r.below(4);
  const socket = ret.includes('sock') || ret.includes('btf_id');
  if (r.below(2)) g.emit(r.pick([0x61, 0x79, 0x71]), 1, 0, r.pick([0, 4, 8, 16, 40]));
  if (socket && r.below(2)) {
    g.emit(0xbf, kept, 0);
    g.kinds[kept] = 'object';
    if (r.below(2)) anyHelper(g);
    g.emit(0xbf, 1, kept);
    g.kinds[kept] = 'none';
  } else g.emit(0xbf, 1, 0);
  if (ret.includes('sock') && r.below(3)) g.call('sk_release');
  g.place(skip);
  g.kinds[0] = 'none';
}

function tailCall(g: Generator): void {
  const ctx = g.regsOf('ctx').filter((n) => n >= 6);
  const map = g.maps.findIndex((m) => m.type === 'prog_array');
  if (map < 0 || ctx.length === 0) return;
  g.emit(0xbf, 1, g.r.pick(ctx));
  g.loadMap(2, map);
  g.emit(0xb7, 3, 0, 0, g.r.below(6));
  g.call('tail_call');
}

/** Look up in any map with keys; the value is used when it may be one. */
function anyLookup(g: Generator): void {
  const { r } = g;
  const map = r.below(g.maps.length);
  const spec = g.maps[map]!;
  for (let i = 0; i < 2; i++) {
    g.emit(0x7a, 10, 0, -8 * (i + 1), r.below(3));
    g.slots.add(i);
  }
  g.loadMap(1, map);
  pointTo(g, 2, -16);
  if (r.below(4) === 0) {
    pointTo(g, 3, -16);
    g.emit(0xb7, 4);
    g.call(r.pick(['map_update_elem', 'map_delete_elem', 'map_push_elem', 'map_pop_elem', 'map_peek_elem']));
    return;
  }
  g.call('map_lookup_elem');
  const skip = g.newLabel();
  if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
  const [code, bytes] = r.pick([
    [0x61, 4],
    [0x79, 8],
    [0x71, 1],
  ] as const);
  const off = r.below(Math.max(1, spec.valueSize - bytes + 1 + (g.forget() ? 8 : 0)));
  if (spec.type.endsWith('_of_maps') && r.below(2)) {
    g.emit(0xbf, 1, 0);
    pointTo(g, 2, -16);
    g.call('map_lookup_elem');
    if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
    g.emit(code, 1, 0, r.below(8));
  } else if (r.below(3)) g.emit(code, 1, 0, off);
  else g.emit(0x62, 0, 0, Math.min(off, Math.max(0, spec.valueSize - 4)), 1);
  if (spec.type.startsWith('sock') && !g.forget()) {
    g.emit(0xbf, 1, 0);
    g.call('sk_release');
  }
  g.place(skip);
  g.kinds[0] = 'none';
}

/** Atomics of all sizes and kinds, on the stack and in values. */
function atomic(g: Generator): void {
  const { r } = g;
  const values = g.regsOf('value').filter((n) => n >= 6);
  const s = g.number();
  const base = values.length > 0 && r.below(2) ? r.pick(values) : 10;
  if (base === s) return;
  const [code, bytes] = r.pick([
    [0x18, 8],
    [0x00, 4],
    [0x18, 8],
    [0x00, 4],
    [0x08, 2],
    [0x10, 1],
  ] as const);
  const off = base === 10 ? -8 * (1 + r.below(8)) + (8 - bytes) * r.below(2) : bytes * r.below(2);
  if (base === 10) {
    const slot = (-off - 1) >> 3;
    if (!g.forget()) g.emit(0x7a, 10, 0, -8 * (slot + 1), r.below(4));
    g.slots.add(slot);
  }
  const op = r.pick([0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110, 0x100, 0x110]);
  if (op === 0xf1 && g.kinds[0] === 'none') g.emit(0xb7, 0, 0, 0, 1);
  // A load-acquire writes its destination, from the source's address.
  if (op === 0x100) g.emit(0xc3 | code, s, base, off, op);
  else g.emit(0xc3 | code, base, s, off, op);
  g.kinds[s] = 'num';
  if (op === 0xf1) g.kinds[0] = 'num';
}

function arena(g: Generator): void {
  const { r } = g;
  const map = g.maps.findIndex((m) => m.type === 'arena');
  if (map < 0) return;
  g.loadMap(1, map);
  g.kinds[1] = 'none';
  const p = 6 + r.below(4);
  const n = g.number();
  g.emit(0xbf, p, n);
  if (!g.forget()) g.out.push({ opcode: 0xbf, dst: p, src: p, off: 1, imm: 1 });
  g.kinds[p] = 'none';
  for (let k = r.below(3); k >= 0; k--) {
    switch (r.below(5)) {
      case 0:
        g.emit(r.pick([0x61, 0x79, 0x71]), r.below(6), p, r.below(64));
        break;
      case 1:
        g.emit(0x62, p, 0, r.below(64), 5);
        break;
      case 2:
        g.emit(0x07, p, 0, 0, r.below(100));
        break;
      case 3:
        if (p !== 1) g.emit(0xdb, p, p, 8, r.pick([0, 1]));
        break;
      default:
        if (!g.forget()) g.out.push({ opcode: 0xbf, dst: p, src: p, off: 1, imm: 0x10000 });
    }
  }
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

function interrupts(g: Generator): void {
  const at = -8 * (11 + g.r.below(2));
  pointTo(g, 1, at);
  if (!kfunc(g, 'bpf_local_irq_save')) return;
  if (g.r.below(2)) g.block(1, 3);
  pointTo(g, 1, at + (g.forget() ? 8 : 0));
  if (!g.forget()) kfunc(g, 'bpf_local_irq_restore');
}

/** Bits of a word, or tasks under RCU. */
function otherIterator(g: Generator): void {
  const { r } = g;
  const bits = r.below(2) === 0;
  const name = bits ? 'bits' : 'task';
  const slot = -8 * (bits ? 12 : 13);
  const locked = !bits && !g.forget();
  if (locked && !kfunc(g, 'bpf_rcu_read_lock')) return;
  if (bits) {
    g.emit(0x7a, 10, 0, -8, 77);
    g.slots.add(0);
  }
  pointTo(g, 1, slot);
  if (bits) {
    pointTo(g, 2, -8);
    g.emit(0xb7, 3, 0, 0, 1);
  } else {
    g.emit(0xb7, 2);
    g.emit(0xb7, 3, 0, 0, r.below(3));
  }
  if (!kfunc(g, `bpf_iter_${name}_new`)) return;
  const top = g.newLabel();
  const out = g.newLabel();
  const before = [...g.kinds];
  g.place(top);
  pointTo(g, 1, slot);
  kfunc(g, `bpf_iter_${name}_next`);
  if (!g.forget()) g.jump(0x15, 0, 0, 0, out);
  if (r.below(2)) g.emit(0x61, 6 + r.below(4), 0, bits ? 0 : 8 * r.below(40));
  g.block(1, 3);
  g.goto(top);
  g.place(out);
  pointTo(g, 1, slot);
  if (!g.forget()) kfunc(g, `bpf_iter_${name}_destroy`);
  if (locked && !g.forget()) kfunc(g, 'bpf_rcu_read_unlock');
  g.kinds = before.map((k, i) => (k === g.kinds[i] && i >= 6 ? k : 'none'));
}

/** Packet pointers, checked or not, handed to a function of the program. */
function packetCall(g: Generator): void {
  const packets = g.regsOf('packet').filter((n) => n >= 6);
  const ends = g.regsOf('end').filter((n) => n >= 6);
  if (packets.length === 0 || ends.length === 0) {
    packet(g);
    return;
  }
  g.emit(0xbf, 1, g.r.pick(packets));
  g.emit(0xbf, 2, g.r.pick(ends));
  g.callFunction(2, 'packet');
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

/** What an older packet program does: loads by offset, checked at run time. */
function legacyLoad(g: Generator): void {
  const { r } = g;
  if (g.kinds[6] !== 'ctx') return;
  if (r.below(2)) g.emit(r.pick([0x20, 0x28, 0x30]), 0, 0, 0, r.below(40));
  else {
    const n = g.regsOf('num', 'small').filter((x) => x >= 7);
    if (n.length === 0) return;
    g.emit(r.pick([0x40, 0x48, 0x50]), 0, r.pick(n), 0, r.below(40));
  }
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
  g.kinds[0] = 'num';
}

const STATEMENTS = {
  anyHelper,
  anyLookup,
  tailCall,
  atomic,
  arena,
  interrupts,
  otherIterator,
  packetCall,
  legacyLoad,
};
const WEIGHTED: readonly (keyof typeof STATEMENTS)[] = [
  ...(['anyHelper', 'anyHelper', 'anyHelper', 'anyHelper', 'anyLookup', 'anyLookup', 'atomic', 'atomic'] as const),
  ...(['tailCall', 'arena', 'interrupts', 'otherIterator', 'packetCall', 'legacyLoad'] as const),
];

/** One statement of the kinds above; its name. */
export function worldStatement(g: Generator): string {
  const name = g.r.pick(WEIGHTED);
  STATEMENTS[name](g);
  return name;
}
