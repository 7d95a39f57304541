/**
 * Random programs that are mostly valid: the generator keeps a rough idea of what each register holds and writes what a
 * compiler would (masks before indexing, null checks, packet checks, bounded loops, spills), now and then leaving one
 * out. Deterministic for a seed.
 */
import { helperByName } from '../../core/helpers/index.ts';
import { encode, type Insn } from '../../core/isa/insn.ts';
import type { FuncInfo, MapSpec } from '../../core/spec/spec.ts';
import { makeMap } from './cases.ts';
import { callStatement, helper, type KfuncIds, packet } from './generate-calls.ts';
import { functionStart, typedStatement } from './generate-typed.ts';
import { ARGUMENTS, type FunctionKind, type FuzzTypes } from './generate-types.ts';
import { WORLD_MAPS, worldStatement } from './generate-world.ts';
import type { Random } from './mutate.ts';

export interface Generated {
  readonly type: string;
  readonly maps: readonly MapSpec[];
  readonly insns: Uint8Array;
  /** Functions and their types, for programs that bring types. */
  readonly funcs: readonly FuncInfo[];
  /** Kinds of statements in it, for the count of what was tried. */
  readonly statements: readonly string[];
}

/** What a generator may use besides instructions. */
export interface World {
  readonly kfuncs: KfuncIds;
  /** Types that some programs bring along. */
  readonly types?: FuzzTypes | undefined;
  /** Offsets in kernel objects where something is. */
  readonly objects?: readonly number[] | undefined;
  /** Program types; all that load with little ado unless said. */
  readonly progTypes?: readonly string[];
}

const MAPS = ['array 4 48 4', 'hash 8 40 16', 'ringbuf 0 0 4096', 'percpu_array 4 16 2'].map((m, i) => makeMap(i, m));
export const ARRAY = 0;
export const HASH = 1;
export const RINGBUF = 2;
export const TYPES = [
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
  ...['cgroup_sock_addr', 'cgroup_sockopt', 'cgroup_sysctl', 'sk_lookup', 'sk_reuseport', 'sched_act', 'syscall'],
  ...['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local', 'raw_tracepoint_writable', 'netfilter', 'tracing'],
  'struct_ops',
];

/** `object`: a socket or another object of the kernel. */
type Kind = 'none' | 'num' | 'small' | 'value' | 'ctx' | 'fp' | 'packet' | 'end' | 'object';

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
export const SIZES = [
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
  /** Functions called and not written yet. */
  readonly #functions: { label: number; args: number; kind: FunctionKind | 'packet' | undefined }[] = [];
  #written = 0;
  readonly kfuncs: KfuncIds;
  readonly objects: readonly number[];
  /** The program brings these types. */
  readonly types: FuzzTypes | undefined;
  readonly maps: readonly MapSpec[];
  readonly statements: string[] = [];

  constructor(r: Random, { kfuncs, types, objects = [0, 8, 16, 40], progTypes = TYPES }: World) {
    this.r = r;
    this.kfuncs = kfuncs;
    this.objects = objects;
    this.type = r.pick(progTypes);
    this.careless = r.pick([0, 0, 2, 10]);
    const maps = [...MAPS];
    if (r.below(3) === 0) for (let n = 0; n < 3; n++) maps.push(makeMap(maps.length, r.pick(WORLD_MAPS)));
    if (r.below(8) === 0) maps.push(makeMap(maps.length, 'arena 0 0 10 1024'));
    if (types && r.below(3) === 0) {
      this.types = types;
      for (let n = 0; n < 3; n++) {
        const spec = r.pick(types.maps);
        if (!maps.includes(spec)) maps.push(spec);
      }
    }
    this.maps = maps;
  }

  /** ld_imm64 of a function of the program, a callback. */
  loadFunction(reg: number, kind: FunctionKind): void {
    this.out.push({
      opcode: 0x18,
      dst: reg,
      src: 4,
      off: 0,
      imm: 0,
      immHi: 0,
      label: this.#function(kind),
      calls: true,
    });
  }

  /** A call of a function of this kind. */
  callKind(kind: FunctionKind): void {
    this.out.push({ opcode: 0x85, dst: 0, src: 1, off: 0, imm: 0, label: this.#function(kind), calls: true });
  }

  #function(kind: FunctionKind): number {
    const same = this.#functions.find((f) => f.kind === kind && this.r.below(2));
    if (same) return same.label;
    const label = this.newLabel();
    this.#functions.push({ label, args: ARGUMENTS[kind], kind });
    return label;
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
  callFunction(args: number, kind?: 'packet'): void {
    const same = this.#functions.filter((f) => f.args === args && f.kind === kind);
    let f = same.length > 0 && this.r.below(2) ? this.r.pick(same) : undefined;
    if (!f) {
      f = { label: this.newLabel(), args, kind };
      this.#functions.push(f);
    }
    this.out.push({ opcode: 0x85, dst: 0, src: 1, off: 0, imm: 0, label: f.label, calls: true });
  }

  /** Write the functions that were called. */
  #writeFunctions(): void {
    while (this.#written < this.#functions.length) {
      const { label, args, kind } = this.#functions[this.#written++]!;
      this.place(label);
      this.kinds = ['none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'none', 'fp'];
      this.slots.clear();
      for (let i = 1; i <= args; i++) {
        this.emit(0xbf, 5 + i, i);
        if (kind === undefined && this.r.below(4) === 0) this.emit(0x61, 0, i, 0);
        if (i === 4) break;
      }
      if (kind === 'packet') {
        this.kinds[6] = 'packet';
        this.kinds[7] = 'end';
      } else if (kind) functionStart(this, kind);
      if (kind !== 'less') this.block(1 + this.r.below(this.#written > 3 ? 1 : 4), 3);
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
          const off = r.below(this.maps[this.valueMap[v]!]!.valueSize - size + 1 + (this.forget() ? 8 : 0));
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
    const size = this.maps[this.valueMap[v]!]!.valueSize;
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
      if (this.r.below(this.types ? 5 : 8) === 0 && depth < 3) {
        const which = this.r.below(this.types ? 4 : 3);
        if (which === 0) this.statements.push(callStatement(this, depth));
        else if (which < 3) this.statements.push(worldStatement(this));
        else this.statements.push(typedStatement(this));
        continue;
      }
      const pick = this.r.below(depth > 2 ? 14 : 18);
      if (pick < 6) this.alu();
      else if (pick < 9) this.useValue();
      else if (pick < 12) this.stack();
      else if (pick === 12) packet(this);
      else if (pick === 13) helper(this);
      else if (pick < 17) this.branch(depth);
      else this.loop(depth);
    }
  }

  /** A whole program; `statements` of the main function. */
  program(statements = 3 + this.r.below(12)): Generated {
    const { r } = this;
    this.emit(0xbf, 6, 1);
    this.kinds[6] = 'ctx';
    this.block(statements, 0);
    if (r.below(4)) this.emit(0xb7, 0, 0, 0, r.below(2));
    else this.emit(0xbf, 0, this.number());
    this.emit(0x95);
    this.#writeFunctions();
    const { insns, at } = this.encode();
    return { type: this.type, maps: this.maps, insns, funcs: this.#funcs(at), statements: this.statements };
  }

  /** `at`: slot of each instruction written. */
  #funcs(at: readonly number[]): FuncInfo[] {
    const { types } = this;
    if (!types) return [];
    const rows = this.#functions.map(({ label, args, kind }) => ({
      insn: at[this.labels[label]!]!,
      btfId: types.func(kind === undefined || kind === 'packet' ? args : kind, this.type),
    }));
    return [{ insn: 0, btfId: types.func('main', this.type) }, ...rows]
      .map(({ insn, btfId }) => {
        const t = types.btf.type(btfId);
        return { insn, name: 'name' in t ? t.name : '', btfId };
      })
      .sort((a, b) => a.insn - b.insn);
  }

  encode(): { readonly insns: Uint8Array; readonly at: readonly number[] } {
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
    return { insns: encode(insns), at };
  }
}

/** A random program. */
export function generate(random: Random, world: World = { kfuncs: () => undefined }): Generated {
  return new Generator(random, world).program();
}
