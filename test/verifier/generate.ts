/**
 * Random programs that are mostly valid: the generator keeps a rough idea of what each register holds and writes what a
 * compiler would (masks before indexing, null checks, packet checks, bounded loops, spills), now and then leaving one
 * out. Deterministic for a seed.
 */
import { helperByName } from '../../core/helpers/index.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import type { MapSpec } from '../../core/spec/spec.ts';
import { makeMap } from './cases.ts';
import { callStatement, type KfuncIds } from './generate-calls.ts';
import type { Random } from './mutate.ts';

export interface Generated {
  readonly type: string;
  readonly maps: readonly MapSpec[];
  readonly insns: Uint8Array;
}

const MAPS = ['array 4 48 4', 'hash 8 40 16', 'ringbuf 0 0 4096', 'percpu_array 4 16 2'].map((m, i) => makeMap(i, m));
const ARRAY = 0;
const HASH = 1;
const RINGBUF = 2;
const VALUE_SIZES = [48, 40, 0, 16];
const TYPES = [
  ...['socket_filter', 'xdp', 'sched_cls', 'kprobe', 'tracepoint', 'raw_tracepoint', 'cgroup_skb'],
  ...[
    'xdp',
    'sched_cls',
    'tracepoint',
    'perf_event',
    'sock_ops',
    'sk_msg',
    'flow_dissector',
    'sk_skb',
    'cgroup_sock',
    'cgroup_device',
  ],
];

type Kind = 'none' | 'num' | 'small' | 'value' | 'ctx' | 'fp' | 'packet' | 'end';

interface Draft {
  opcode: number;
  dst: number;
  src: number;
  off: number;
  imm: number;
  immHi?: number;
  label?: number;
  /** A call: the distance goes to imm. */
  calls?: boolean;
}

const ALU_OPS = [0x00, 0x10, 0x20, 0x40, 0x50, 0xa0, 0x60, 0x70, 0xc0, 0x30, 0x90];
const CONDITIONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const SIZES = [
  [0x10, 1],
  [0x08, 2],
  [0x00, 4],
  [0x18, 8],
] as const;
const NUMBERS = [
  0, 1, -1, 2, 3, 5, 7, 8, 16, 24, 31, 32, 40, 47, 48, 63, 64, 100, 255, 256, 4095, -8, -48, 0x7fffffff, -0x80000000,
];

export class Generator {
  readonly r: Random;
  readonly type: string;
  readonly out: Draft[] = [];
  readonly labels: number[] = [];
  kinds: Kind[] = ['none', 'ctx', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'fp'];
  /** Map of each value register. */
  readonly valueMap: number[] = new Array<number>(11).fill(0);
  /** Stack bytes written, by 8-byte slot. */
  readonly slots = new Set<number>();
  /** Chance in 100 that a check is left out. */
  readonly careless: number;
  /** Functions called and not written yet: label and number of arguments. */
  readonly #functions: { label: number; args: number }[] = [];
  #written = 0;
  readonly kfuncs: KfuncIds;

  constructor(r: Random, kfuncs: KfuncIds) {
    this.r = r;
    this.kfuncs = kfuncs;
    this.type = r.pick(TYPES);
    this.careless = r.pick([0, 0, 2, 10]);
  }

  emit(opcode: number, dst = 0, src = 0, off = 0, imm = 0): void {
    this.out.push({ opcode, dst, src, off, imm });
  }

  jump(opcode: number, dst: number, src: number, imm: number, label: number): void {
    this.out.push({ opcode, dst, src, off: 0, imm, label });
  }

  goto(label: number): void {
    this.jump(0x05, 0, 0, 0, label);
  }

  /** ld_imm64 of a map. */
  loadMap(reg: number, map: number): void {
    this.out.push({ opcode: 0x18, dst: reg, src: 1, off: 0, imm: map, immHi: 0 });
  }

  /** A call of a function that `finish` writes, or of one called before. */
  callFunction(args: number): void {
    const same = this.#functions.filter((f) => f.args === args);
    let f = same.length > 0 && this.r.below(2) ? this.r.pick(same) : undefined;
    if (!f) {
      f = { label: this.newLabel(), args };
      this.#functions.push(f);
    }
    this.out.push({ opcode: 0x85, dst: 0, src: 1, off: 0, imm: 0, label: f.label, calls: true });
  }

  /** Write the functions that were called. */
  #writeFunctions(): void {
    while (this.#written < this.#functions.length) {
      const { label, args } = this.#functions[this.#written++]!;
      this.place(label);
      this.kinds = ['none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'fp'];
      this.slots.clear();
      for (let i = 1; i <= args; i++) {
        this.emit(0xbf, 5 + i, i);
        if (this.r.below(4) === 0) this.emit(0x61, 0, i, 0);
      }
      this.block(1 + this.r.below(this.#written > 3 ? 1 : 4), 3);
      this.emit(0xb7, 0, 0, 0, this.r.below(3));
      this.emit(0x95);
    }
  }

  newLabel(): number {
    this.labels.push(-1);
    return this.labels.length - 1;
  }

  place(label: number): void {
    this.labels[label] = this.out.length;
  }

  forget(): boolean {
    return this.r.below(100) < this.careless;
  }

  regsOf(...kinds: Kind[]): number[] {
    return this.kinds.flatMap((k, i) => (kinds.includes(k) && i < 10 ? [i] : []));
  }

  /** A register to overwrite: callee-saved ones live longer. */
  target(): number {
    return this.r.below(4) === 0 ? this.r.below(6) : 6 + this.r.below(4);
  }

  number(): number {
    const have = this.regsOf('num', 'small');
    if (have.length > 0 && this.r.below(5) > 0) return this.r.pick(have);
    const d = this.target();
    this.makeNumber(d);
    return d;
  }

  makeNumber(d: number): void {
    const { r } = this;
    switch (r.below(4)) {
      case 0:
        this.emit(r.below(2) ? 0xb7 : 0xb4, d, 0, 0, r.pick(NUMBERS));
        break;
      case 1: {
        this.out.push({ opcode: 0x18, dst: d, src: 0, off: 0, imm: r.pick(NUMBERS), immHi: r.pick(NUMBERS) });
        break;
      }
      default: {
        const values = this.regsOf('value');
        if (values.length > 0 && r.below(2)) {
          const v = r.pick(values);
          const [code, size] = r.pick(SIZES);
          const off = r.below(VALUE_SIZES[this.valueMap[v]!]! - size + 1 + (this.forget() ? 8 : 0));
          this.emit((r.below(4) === 0 && size < 8 ? 0x81 : 0x61) | code, d, v, off, 0);
        } else {
          this.call('get_prandom_u32');
          this.emit(0xbf, d, 0, 0, 0);
        }
      }
    }
    this.kinds[d] = 'num';
  }

  call(name: string): void {
    this.emit(0x85, 0, 0, 0, helperByName(name)!.id);
    for (let i = 0; i <= 5; i++) this.kinds[i] = 'none';
    this.kinds[0] = 'num';
  }

  alu(): void {
    const { r } = this;
    const d = this.number();
    const cls = r.below(3) ? 7 : 4;
    this.kinds[d] = 'num';
    switch (r.below(12)) {
      case 0:
        this.emit(cls | 0x80, d);
        return;
      case 1:
        this.emit(r.pick([0xd4, 0xdc, 0xd7]), d, 0, 0, r.pick([16, 32, 64]));
        return;
      case 2: {
        const s = this.number();
        this.emit(0xb8 | cls, d, s, r.pick(cls === 7 ? [0, 8, 16, 32] : [0, 8, 16]));
        return;
      }
      default: {
        const op = r.pick(ALU_OPS);
        if (r.below(3) === 0) this.emit(cls | op | 8, d, this.number());
        else {
          let imm = r.pick(NUMBERS);
          if (op >= 0x60 && op !== 0xa0 && op !== 0x90) imm = r.below(cls === 7 ? 64 : 32);
          if ((op === 0x30 || op === 0x90) && imm === 0) imm = 3;
          this.emit(cls | op, d, 0, 0, imm);
        }
      }
    }
  }

  /** A number surely in [0, limit): masked or compared. */
  bounded(limit: number): number {
    const { r } = this;
    const d = this.number();
    if (this.forget()) return d;
    const mask = 2 ** Math.floor(Math.log2(limit)) - 1;
    switch (r.below(4)) {
      case 0:
        this.emit(r.below(2) ? 0x57 : 0x54, d, 0, 0, mask);
        break;
      case 1: {
        const skip = this.newLabel();
        this.jump(r.below(2) ? 0xa5 : 0xa6, d, 0, limit, skip);
        this.emit(0xb7, d, 0, 0, r.below(limit));
        this.place(skip);
        if (this.out[this.out.length - 2]!.opcode === 0xa6) this.emit(0xbc, d, d);
        break;
      }
      case 2: {
        const low = this.newLabel();
        const high = this.newLabel();
        this.jump(0xc5, d, 0, 0, low);
        this.jump(0xc5, d, 0, limit, high);
        this.place(low);
        this.emit(0xb7, d, 0, 0, 0);
        this.place(high);
        break;
      }
      default:
        this.emit(0x67, d, 0, 0, 32);
        this.emit(0x77, d, 0, 0, 32);
        this.emit(0x57, d, 0, 0, mask);
    }
    this.kinds[d] = 'small';
    return d;
  }

  lookup(): void {
    const { r } = this;
    const map = r.pick([ARRAY, HASH, 3]);
    const keySize = map === HASH ? 8 : 4;
    if (r.below(2)) this.emit(0x62, 10, 0, -8, r.below(6));
    else this.emit(0x7b, 10, this.number(), -8);
    if (keySize === 8 || r.below(2)) this.emit(0x62, 10, 0, -4, 0);
    this.slots.add(0);
    this.emit(0xbf, 2, 10);
    this.emit(0x07, 2, 0, 0, -8);
    this.out.push({ opcode: 0x18, dst: 1, src: 1, off: 0, imm: map, immHi: 0 });
    this.call('map_lookup_elem');
    const d = 6 + r.below(4);
    this.emit(0xbf, d, 0);
    if (!this.forget()) {
      const ok = this.newLabel();
      this.jump(0x55, r.below(2) ? d : 0, 0, 0, ok);
      this.emit(0xb7, 0, 0, 0, 0);
      this.emit(0x95);
      this.place(ok);
    }
    this.kinds[d] = 'value';
    this.kinds[0] = 'none';
    this.valueMap[d] = map;
  }

  useValue(): void {
    const { r } = this;
    const values = this.regsOf('value');
    if (values.length === 0) {
      this.lookup();
      return;
    }
    const v = r.pick(values);
    const size = VALUE_SIZES[this.valueMap[v]!]!;
    const [code, bytes] = r.pick(SIZES);
    if (r.below(2)) {
      const index = this.bounded(Math.max(1, size - bytes));
      const p = this.target();
      if (p === v || p === index) return;
      this.emit(0xbf, p, v);
      this.emit(0x0f, p, index);
      this.kinds[p] = 'none';
      if (r.below(2)) this.emit(0x61 | code, p, p, r.below(2));
      else {
        this.emit(0x62 | code, p, 0, 0, r.pick(NUMBERS));
        return;
      }
      this.kinds[p] = 'num';
      return;
    }
    const off = r.below(size - bytes + 1 + (this.forget() ? 4 : 0));
    if (r.below(4) === 0 && bytes >= 4 && off % bytes === 0) {
      const s = this.number();
      if (s !== v) this.emit(0xc3 | code, v, s, off, r.pick([0, 1, 0x41, 0x51, 0xa1, 0xe1]));
    } else if (r.below(2)) this.emit(0x63 | code, v, this.number(), off);
    else this.emit(0x61 | code, this.fresh(v), v, off);
  }

  /** A register other than `not`, a number from now on. */
  fresh(not: number): number {
    let d = this.target();
    while (d === not) d = this.target();
    this.kinds[d] = 'num';
    return d;
  }

  stack(): void {
    const { r } = this;
    const slot = r.below(8);
    const [code, bytes] = r.pick(SIZES);
    const off = -8 * (slot + 1) + r.below(8 / bytes) * bytes;
    switch (r.below(6)) {
      case 0:
        this.emit(0x62 | code, 10, 0, off, r.pick(NUMBERS));
        this.slots.add(slot);
        return;
      case 1: {
        // Spill whatever there is, and fill it again.
        const any = this.regsOf('num', 'small', 'value', 'ctx', 'packet');
        if (any.length === 0) return;
        const s = r.pick(any);
        this.emit(0x7b, 10, s, -8 * (slot + 1));
        this.slots.add(slot);
        if (r.below(2)) this.call('get_smp_processor_id');
        const d = 6 + r.below(4);
        this.emit(0x79, d, 10, -8 * (slot + 1));
        this.kinds[d] = this.kinds[s] === 'none' ? 'num' : this.kinds[s]!;
        this.valueMap[d] = this.valueMap[s]!;
        return;
      }
      case 2:
        this.emit(0x63 | code, 10, this.number(), off);
        this.slots.add(slot);
        return;
      case 3: {
        // Somewhere in the last 32 bytes.
        for (let i = 0; i < 4; i++) {
          this.emit(0x7a, 10, 0, -8 * (i + 1), 0);
          this.slots.add(i);
        }
        const index = this.bounded(32 - bytes + 1);
        this.emit(0x57, index, 0, 0, ~(bytes - 1));
        const p = this.fresh(index);
        this.emit(0xbf, p, 10);
        this.emit(0x07, p, 0, 0, -32);
        this.emit(0x0f, p, index);
        if (r.below(2)) this.emit(0x61 | code, p, p, 0);
        else {
          this.emit(0x62 | code, p, 0, 0, r.below(2));
          this.kinds[p] = 'none';
        }
        return;
      }
      case 4:
        if (bytes >= 4) {
          this.emit(0x7a, 10, 0, -8 * (slot + 1), r.pick(NUMBERS));
          this.slots.add(slot);
          this.emit(0xc3 | code, 10, this.number(), off, r.pick([0, 1, 0x41, 0x51, 0xa1, 0xe1]));
        }
        return;
      default:
        if (this.slots.has(slot) || this.forget()) this.emit(0x61 | code, this.fresh(10), 10, off);
    }
  }

  packet(): void {
    const { r } = this;
    const ctx = this.regsOf('ctx');
    if (ctx.length === 0 || (this.type !== 'xdp' && this.type !== 'sched_cls' && this.type !== 'cgroup_skb')) return;
    const [start, end] = this.type === 'xdp' ? [0, 4] : [76, 80];
    const c = r.pick(ctx);
    const p = 6 + r.below(2);
    const e = 8 + r.below(2);
    if (c === p || c === e) return;
    this.emit(0x61, p, c, start);
    this.emit(0x61, e, c, end);
    this.kinds[p] = 'packet';
    this.kinds[e] = 'end';
    const length = 1 + r.below(40);
    const probe = 2 + r.below(3);
    if (this.kinds[probe] === 'ctx') return;
    let base = p;
    if (r.below(3) === 0) {
      const index = this.bounded(64);
      if (index === p || index === e || index === probe || this.kinds[p] !== 'packet' || this.kinds[e] !== 'end')
        return;
      base = 5;
      this.emit(0xbf, 5, p);
      this.emit(0x0f, 5, index);
      this.kinds[5] = 'packet';
    }
    this.emit(0xbf, probe, base);
    this.emit(0x07, probe, 0, 0, length);
    this.kinds[probe] = 'none';
    const out = this.newLabel();
    this.jump(r.pick([0x2d, 0x2d, 0x3d, 0xad]), r.below(8) ? probe : e, r.below(8) ? e : probe, 0, out);
    const [code, bytes] = r.pick(SIZES);
    const off = Math.max(0, length - bytes) + (this.forget() ? 1 : 0);
    this.emit(0x61 | code, probe, base, r.below(off + 1));
    this.place(out);
    this.kinds[base] = base === 5 ? 'none' : 'packet';
  }

  helper(): void {
    const { r } = this;
    switch (r.below(4)) {
      case 0: {
        // A buffer on the stack, its size fixed or bounded.
        const size = this.bounded(64);
        this.emit(0xbf, 1, 10);
        this.emit(0x07, 1, 0, 0, -64);
        if (r.below(3)) this.emit(0xbf, 2, size);
        else this.emit(0xb7, 2, 0, 0, 1 + r.below(64 + (this.forget() ? 8 : 0)));
        this.emit(0xb7, 3, 0, 0, 0);
        for (let i = 0; i < 8; i++) if (!this.slots.has(i) && r.below(4)) this.emit(0x7a, 10, 0, -8 * (i + 1), 0);
        this.call('probe_read_kernel');
        for (let i = 0; i < 8; i++) this.slots.add(i);
        return;
      }
      case 1: {
        this.out.push({ opcode: 0x18, dst: 1, src: 1, off: 0, imm: RINGBUF, immHi: 0 });
        this.emit(0xb7, 2, 0, 0, 16);
        this.emit(0xb7, 3, 0, 0, 0);
        this.call('ringbuf_reserve');
        const skip = this.newLabel();
        if (!this.forget()) this.jump(0x15, 0, 0, 0, skip);
        this.emit(0x7a, 0, 0, r.below(2) * 8, 7);
        this.emit(0xbf, 1, 0);
        this.emit(0xb7, 2, 0, 0, 0);
        if (!this.forget()) this.call(r.below(2) ? 'ringbuf_submit' : 'ringbuf_discard');
        this.place(skip);
        this.kinds[0] = 'none';
        return;
      }
      case 2: {
        this.emit(0x7a, 10, 0, -8, 1);
        for (let i = 1; i < 7; i++) this.emit(0x7a, 10, 0, -8 * (i + 1), 0);
        for (let i = 0; i < 7; i++) this.slots.add(i);
        this.emit(0xbf, 2, 10);
        this.emit(0x07, 2, 0, 0, -8);
        this.emit(0xbf, 3, 10);
        this.emit(0x07, 3, 0, 0, -56);
        this.out.push({ opcode: 0x18, dst: 1, src: 1, off: 0, imm: r.pick([ARRAY, HASH]), immHi: 0 });
        this.emit(0xb7, 4, 0, 0, 0);
        this.call('map_update_elem');
        return;
      }
      default:
        this.call(r.pick(['ktime_get_ns', 'get_smp_processor_id', 'get_prandom_u32']));
    }
  }

  branch(depth: number): void {
    const { r } = this;
    const d = this.number();
    const over = this.newLabel();
    const cls = r.below(3) ? 5 : 6;
    const before = [...this.kinds];
    if (r.below(3) === 0) this.jump(cls | 8 | r.pick(CONDITIONS), d, this.number(), 0, over);
    else this.jump(cls | r.pick(CONDITIONS), d, 0, r.pick(NUMBERS), over);
    const atBranch = [...this.kinds];
    this.block(1 + r.below(3), depth + 1);
    this.place(over);
    this.join(before, atBranch);
  }

  /** What two ways agree on. */
  join(_before: readonly Kind[], other: readonly Kind[]): void {
    this.kinds = this.kinds.map((k, i) => {
      const o = other[i]!;
      if (k === o) return k;
      return (k === 'num' || k === 'small') && (o === 'num' || o === 'small') ? 'num' : 'none';
    });
  }

  loop(depth: number): void {
    const { r } = this;
    const counter = 6 + r.below(4);
    this.emit(0xb7, counter, 0, 0, 0);
    this.kinds[counter] = 'none';
    const top = this.newLabel();
    this.place(top);
    const before = [...this.kinds];
    // Branches in loops multiply: what takes a million steps teaches no more than what takes a thousand.
    this.block(1 + r.below(2), depth + 2);
    if (this.kinds[counter] !== 'none') return;
    const condition = r.pick([0xa5, 0xa5, 0xc5, 0x55]);
    this.emit(0x07, counter, 0, 0, condition === 0x55 ? 1 : 1 + r.below(2));
    this.jump(condition, counter, 0, 2 + r.below(depth > 0 ? 2 : 5), top);
    this.kinds[counter] = 'num';
    this.kinds = this.kinds.map((k, i) => (k === before[i] || i === counter ? k : 'none'));
  }

  block(statements: number, depth: number): void {
    for (let i = 0; i < statements; i++) {
      if (this.r.below(10) === 0 && depth < 3) {
        callStatement(this, depth);
        continue;
      }
      const pick = this.r.below(depth > 2 ? 14 : 18);
      if (pick < 6) this.alu();
      else if (pick < 9) this.useValue();
      else if (pick < 12) this.stack();
      else if (pick === 12) this.packet();
      else if (pick === 13) this.helper();
      else if (pick < 17) this.branch(depth);
      else this.loop(depth);
    }
  }

  program(): Generated {
    const { r } = this;
    this.emit(0xbf, 6, 1);
    this.kinds[6] = 'ctx';
    this.block(3 + r.below(12), 0);
    if (r.below(4)) this.emit(0xb7, 0, 0, 0, r.below(2));
    else this.emit(0xbf, 0, this.number());
    this.emit(0x95);
    this.#writeFunctions();
    return { type: this.type, maps: MAPS, insns: this.encode() };
  }

  encode(): Uint8Array {
    const at: number[] = [];
    let slot = 0;
    for (const d of this.out) {
      at.push(slot);
      slot += d.opcode === 0x18 ? 2 : 1;
    }
    at.push(slot);
    const insns: Insn[] = this.out.map((d, i) => {
      const { label, calls, ...insn } = d;
      if (label === undefined) return insn;
      const distance = at[this.labels[label]!]! - at[i]! - 1;
      return calls ? { ...insn, imm: distance } : { ...insn, off: distance };
    });
    return encode(insns);
  }
}

/** A random program. */
export function generate(random: Random, kfuncs: KfuncIds = () => undefined): Generated {
  return new Generator(random, kfuncs).program();
}
