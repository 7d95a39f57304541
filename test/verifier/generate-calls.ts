/**
 * What the generator writes besides arithmetic and memory: functions of the program, kernel functions, open-coded iterators, RCU sections, dynptrs,
 * odd accesses of the context, may_goto. As elsewhere, now and then a step is left out.
 */
import type { Btf } from '../../core/btf/btf.ts';
import { findMember } from '../../core/btf/layout.ts';
import { progTypeByName } from '../../core/progs/index.ts';
import { ARRAY, type Generator, HASH, RINGBUF, SIZES } from './generate.ts';

/** Ids of kernel functions by name; none when the kernel's types are not at hand. */
export type KfuncIds = (name: string) => number | undefined;

export function kfuncIds(btf: Btf | undefined): KfuncIds {
  return (name) => btf?.find(name, 'func');
}

export function kfunc(g: Generator, name: string): boolean {
  const id = g.kfuncs(name);
  if (id === undefined) return false;
  g.emit(0x85, 0, 2, 0, id);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
  g.kinds[0] = 'num';
  return true;
}

export function pointTo(g: Generator, reg: number, off: number): void {
  g.emit(0xbf, reg, 10);
  g.emit(0x07, reg, 0, 0, off);
}

/** bpf_for: an iterator over numbers, its body inside. */
function iterator(g: Generator, depth: number): void {
  const { r } = g;
  if (g.kfuncs('bpf_iter_num_new') === undefined) return;
  const slot = -8 * (9 + depth * 2 + r.below(2));
  pointTo(g, 1, slot);
  g.emit(0xb7, 2, 0, 0, r.pick([0, 0, -3]));
  g.emit(0xb7, 3, 0, 0, r.pick([3, 10, 1000]));
  kfunc(g, 'bpf_iter_num_new');
  const top = g.newLabel();
  const out = g.newLabel();
  g.place(top);
  const before = [...g.kinds];
  pointTo(g, 1, slot);
  kfunc(g, 'bpf_iter_num_next');
  if (!g.forget()) g.jump(0x15, 0, 0, 0, out);
  const element = 6 + r.below(4);
  if (r.below(2)) {
    g.emit(0x61, element, 0, 0);
    g.kinds[element] = 'num';
  }
  g.block(1 + r.below(2), depth + 3);
  g.goto(top);
  g.place(out);
  pointTo(g, 1, slot);
  if (!g.forget()) kfunc(g, 'bpf_iter_num_destroy');
  g.kinds = before.map((k, i) => (k === g.kinds[i] ? k : 'none'));
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

function section(g: Generator, depth: number): void {
  const [enter, leave] = g.r.pick([
    ['bpf_rcu_read_lock', 'bpf_rcu_read_unlock'],
    ['bpf_preempt_disable', 'bpf_preempt_enable'],
  ] as const);
  if (!kfunc(g, enter)) return;
  g.block(1, depth + 3);
  if (!g.forget()) kfunc(g, leave);
}

function task(g: Generator): void {
  const { r } = g;
  g.emit(0xb7, 1, 0, 0, 1);
  if (!kfunc(g, 'bpf_task_from_pid')) return;
  const skip = g.newLabel();
  if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
  if (r.below(2)) g.emit(0x61 | r.pick([0, 0x08, 0x10, 0x18]), 2, 0, 8 * r.below(60));
  g.emit(0xbf, 1, 0);
  if (!g.forget()) kfunc(g, r.below(4) ? 'bpf_task_release' : 'bpf_task_acquire');
  g.place(skip);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

function dynptr(g: Generator): void {
  const { r } = g;
  const at = -8 * (10 + r.below(3));
  const reserves = r.below(2) === 0;
  if (reserves) {
    g.loadMap(1, 2);
    g.emit(0xb7, 2, 0, 0, 8 * (1 + r.below(4)));
    g.emit(0xb7, 3, 0, 0, 0);
    pointTo(g, 4, at);
    g.call('ringbuf_reserve_dynptr');
  } else {
    const values = g.regsOf('value');
    if (values.length === 0) return;
    g.emit(0xbf, 1, r.pick(values));
    g.emit(0xb7, 2, 0, 0, r.pick([8, 16, 40, 64]));
    g.emit(0xb7, 3, 0, 0, 0);
    pointTo(g, 4, at);
    g.call('dynptr_from_mem');
  }
  switch (r.below(3)) {
    case 0: {
      pointTo(g, 1, at + (g.forget() ? 8 : 0));
      g.emit(0xb7, 2, 0, 0, 0);
      g.emit(0xb7, 3, 0, 0, 8);
      g.call('dynptr_data');
      const skip = g.newLabel();
      if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
      g.emit(0x7a, 0, 0, r.below(2) * 4, 1);
      g.place(skip);
      break;
    }
    case 1:
      g.emit(0x7a, 10, 0, -8, 1);
      pointTo(g, 1, -8);
      g.emit(0xb7, 2, 0, 0, 8);
      pointTo(g, 3, at);
      g.emit(0xb7, 4, 0, 0, 0);
      g.emit(0xb7, 5, 0, 0, 0);
      g.call('dynptr_read');
      break;
    default:
      if (g.forget()) g.emit(0x7a, 10, 0, at, 0);
  }
  if (reserves && !g.forget()) {
    pointTo(g, 1, at);
    g.emit(0xb7, 2, 0, 0, 0);
    g.call(r.below(2) ? 'ringbuf_submit_dynptr' : 'ringbuf_discard_dynptr');
  }
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

function packetDynptr(g: Generator): void {
  const { r } = g;
  const from = g.type === 'xdp' ? 'bpf_dynptr_from_xdp' : 'bpf_dynptr_from_skb';
  const ctx = g.regsOf('ctx').filter((c) => c >= 6);
  if (ctx.length === 0) return;
  const at = -8 * (10 + r.below(2));
  g.emit(0xbf, 1, r.pick(ctx));
  g.emit(0xb7, 2, 0, 0, 0);
  pointTo(g, 3, at);
  if (!kfunc(g, from)) return;
  g.emit(0x7a, 10, 0, -8, 0);
  g.emit(0x7a, 10, 0, -16, 0);
  pointTo(g, 1, at);
  g.emit(0xb7, 2, 0, 0, r.below(20));
  pointTo(g, 3, -16);
  g.emit(0xb7, 4, 0, 0, r.pick([8, 16, 16, 24]));
  kfunc(g, r.below(3) ? 'bpf_dynptr_slice' : 'bpf_dynptr_slice_rdwr');
  const skip = g.newLabel();
  if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
  if (r.below(4)) g.emit(0x61 | r.pick([0, 0x08, 0x10]), 1, 0, r.below(12));
  else g.emit(0x62, 0, 0, r.below(12), 1);
  g.place(skip);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
}

/** A load or store anywhere in the context. */
function context(g: Generator): void {
  const { r } = g;
  const ctx = g.regsOf('ctx');
  const layout = progTypeByName(g.type)?.ctx;
  if (ctx.length === 0 || !layout) return;
  const size = layout.kind === 'args' ? layout.count * 8 : layout.size;
  const c = r.pick(ctx);
  const bytes = r.pick([1, 2, 4, 4, 4, 8]);
  const code = { 1: 0x10, 2: 0x08, 4: 0, 8: 0x18 }[bytes]!;
  const off = Math.floor(r.below(size + 4) / bytes) * bytes + (g.forget() ? 1 : 0);
  if (r.below(6) === 0) {
    if (r.below(2)) g.emit(0x62 | code, c, 0, off, r.below(3));
    else g.emit(0x63 | code, c, g.number(), off);
    return;
  }
  const d = g.target();
  if (d === c) return;
  g.emit((r.below(8) === 0 && bytes < 8 ? 0x81 : 0x61) | code, d, c, off);
  // It may have been a pointer: only moves are safe.
  g.kinds[d] = 'none';
  if (r.below(3) === 0) g.emit(0xbf, 6 + r.below(4), d);
}

/** Offsets of fields that programs commonly read, and of those that congestion control may write. */
export function objectOffsets(btf: Btf): readonly number[] {
  const fields = [
    ...[
      'snd_cwnd',
      'snd_cwnd_cnt',
      'snd_ssthresh',
      'app_limited',
      'ecn_flags',
      'inet_conn.icsk_ca_priv',
      'srtt_us',
    ].map((path) => ['tcp_sock', path] as const),
    ...(['sk_pacing_rate', 'sk_pacing_status', '__sk_common.skc_family', 'sk_socket'] as const).map(
      (path) => ['sock', path] as const,
    ),
    ...(['pid', 'comm', 'mm', 'real_parent', 'cgroups'] as const).map((path) => ['task_struct', path] as const),
    ...(['f_inode', 'f_path.dentry', 'f_flags'] as const).map((path) => ['file', path] as const),
    ['bpf_dummy_ops_state', 'val'] as const,
  ];
  return fields.flatMap(([struct, path]) => {
    const id = btf.find(struct, 'struct');
    const field = id === undefined ? undefined : findMember(btf, id, path);
    return field ? [field.bitOffset >> 3] : [];
  });
}

/** Are the arguments of the program's type those of a function of the kernel? */
function hasObjects(g: Generator): boolean {
  const layout = progTypeByName(g.type)?.ctx;
  return layout?.kind === 'args' && !layout.anySize;
}

/** An argument that points to an object of the kernel, whose fields are read and written. */
function kernelObject(g: Generator): void {
  const { r } = g;
  const ctx = g.regsOf('ctx').filter((n) => n >= 6);
  if (ctx.length === 0) return;
  const p = 6 + r.below(4);
  g.emit(0x79, p, r.pick(ctx), 8 * r.below(3));
  g.kinds[p] = 'none';
  const skip = g.newLabel();
  if (r.below(3)) g.jump(0x15, p, 0, 0, skip);
  for (let k = r.below(3); k >= 0; k--) {
    const [code, bytes] = r.pick(SIZES);
    const off = r.pick(g.objects) + (r.below(4) === 0 ? bytes : 0);
    if (r.below(3) === 0) g.emit(0x63 | code, p, g.number(), off);
    else {
      const d = r.below(6);
      g.emit(0x61 | code, d, p, off);
      g.kinds[d] = 'none';
      if (bytes === 8 && r.below(2)) {
        g.emit(0xbf, p, d);
        if (r.below(2)) g.jump(0x15, p, 0, 0, skip);
      }
    }
  }
  g.place(skip);
}

/** A call of a function of the program, written after the main one. */
function local(g: Generator): void {
  const { r } = g;
  const args = 1 + r.below(3);
  for (let i = 1; i <= args; i++) {
    const any = g.regsOf('num', 'small', 'value', 'ctx').filter((n) => n >= 6);
    const pick = r.below(3);
    if (pick === 0 && any.length > 0) g.emit(0xbf, i, r.pick(any));
    else if (pick === 1) pointTo(g, i, -8 * (1 + r.below(4)));
    else g.emit(0xb7, i, 0, 0, r.below(8));
  }
  g.callFunction(args);
  for (let i = 0; i <= 5; i++) g.kinds[i] = 'none';
  g.kinds[0] = 'num';
}

function mayGoto(g: Generator, depth: number): void {
  const top = g.newLabel();
  const out = g.newLabel();
  const before = [...g.kinds];
  g.place(top);
  g.jump(0xe5, 0, 0, 0, out);
  g.block(1 + g.r.below(2), depth + 3);
  g.goto(top);
  g.place(out);
  g.kinds = before.map((k, i) => (k === g.kinds[i] ? k : 'none'));
}

/** A pointer into the packet, compared with its end, and an access behind the check. */
export function packet(g: Generator): void {
  const { r } = g;
  const ctx = g.regsOf('ctx');
  if (ctx.length === 0 || (g.type !== 'xdp' && g.type !== 'sched_cls' && g.type !== 'cgroup_skb')) return;
  const [start, end] = g.type === 'xdp' ? [0, 4] : [76, 80];
  const c = r.pick(ctx);
  const p = 6 + r.below(2);
  const e = 8 + r.below(2);
  if (c === p || c === e) return;
  g.emit(0x61, p, c, start);
  g.emit(0x61, e, c, end);
  g.kinds[p] = 'packet';
  g.kinds[e] = 'end';
  const length = 1 + r.below(40);
  const probe = 2 + r.below(3);
  if (g.kinds[probe] === 'ctx') return;
  let base = p;
  if (r.below(3) === 0) {
    const index = g.bounded(64);
    if (index === p || index === e || index === probe || g.kinds[p] !== 'packet' || g.kinds[e] !== 'end') return;
    base = 5;
    g.emit(0xbf, 5, p);
    g.emit(0x0f, 5, index);
    g.kinds[5] = 'packet';
  }
  g.emit(0xbf, probe, base);
  g.emit(0x07, probe, 0, 0, length);
  g.kinds[probe] = 'none';
  const out = g.newLabel();
  g.jump(r.pick([0x2d, 0x2d, 0x3d, 0xad]), r.below(8) ? probe : e, r.below(8) ? e : probe, 0, out);
  const [code, bytes] = r.pick(SIZES);
  const off = Math.max(0, length - bytes) + (g.forget() ? 1 : 0);
  g.emit(0x61 | code, probe, base, r.below(off + 1));
  g.place(out);
  g.kinds[base] = base === 5 ? 'none' : 'packet';
}

/** A helper with a buffer, a ring buffer's record, a map's update, or a number. */
export function helper(g: Generator): void {
  const { r } = g;
  switch (r.below(4)) {
    case 0: {
      // A buffer on the stack, its size fixed or bounded.
      const size = g.bounded(64);
      g.emit(0xbf, 1, 10);
      g.emit(0x07, 1, 0, 0, -64);
      if (r.below(3)) g.emit(0xbf, 2, size);
      else g.emit(0xb7, 2, 0, 0, 1 + r.below(64 + (g.forget() ? 8 : 0)));
      g.emit(0xb7, 3, 0, 0, 0);
      for (let i = 0; i < 8; i++) if (!g.slots.has(i) && r.below(4)) g.emit(0x7a, 10, 0, -8 * (i + 1), 0);
      g.call('probe_read_kernel');
      for (let i = 0; i < 8; i++) g.slots.add(i);
      return;
    }
    case 1: {
      g.out.push({ opcode: 0x18, dst: 1, src: 1, off: 0, imm: RINGBUF, immHi: 0 });
      g.emit(0xb7, 2, 0, 0, 16);
      g.emit(0xb7, 3, 0, 0, 0);
      g.call('ringbuf_reserve');
      const skip = g.newLabel();
      if (!g.forget()) g.jump(0x15, 0, 0, 0, skip);
      g.emit(0x7a, 0, 0, r.below(2) * 8, 7);
      g.emit(0xbf, 1, 0);
      g.emit(0xb7, 2, 0, 0, 0);
      if (!g.forget()) g.call(r.below(2) ? 'ringbuf_submit' : 'ringbuf_discard');
      g.place(skip);
      g.kinds[0] = 'none';
      return;
    }
    case 2: {
      g.emit(0x7a, 10, 0, -8, 1);
      for (let i = 1; i < 7; i++) g.emit(0x7a, 10, 0, -8 * (i + 1), 0);
      for (let i = 0; i < 7; i++) g.slots.add(i);
      g.emit(0xbf, 2, 10);
      g.emit(0x07, 2, 0, 0, -8);
      g.emit(0xbf, 3, 10);
      g.emit(0x07, 3, 0, 0, -56);
      g.out.push({ opcode: 0x18, dst: 1, src: 1, off: 0, imm: r.pick([ARRAY, HASH]), immHi: 0 });
      g.emit(0xb7, 4, 0, 0, 0);
      g.call('map_update_elem');
      return;
    }
    default:
      g.call(r.pick(['ktime_get_ns', 'get_smp_processor_id', 'get_prandom_u32']));
  }
}

/** One statement of the kinds above; its name. */
export function callStatement(g: Generator, depth: number): string {
  if (hasObjects(g) && g.r.below(2)) {
    kernelObject(g);
    return 'kernelObject';
  }
  switch (g.r.below(depth > 0 ? 4 : 9)) {
    case 0:
    case 1:
      context(g);
      return 'context';
    case 2:
      if (g.type === 'xdp' || g.type === 'sched_cls' || g.type === 'cgroup_skb') {
        packetDynptr(g);
        return 'packetDynptr';
      }
      task(g);
      return 'task';
    case 3:
      dynptr(g);
      return 'dynptr';
    case 4:
      iterator(g, depth);
      return 'iterator';
    case 5:
      section(g, depth);
      return 'section';
    case 6:
      mayGoto(g, depth);
      return 'mayGoto';
    default:
      local(g);
      return 'local';
  }
}
