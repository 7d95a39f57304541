/**
 * The types that generated programs bring along: map values with locks, timers, kernel pointers, lists and trees, the nodes of those, and a prototype
 * for each kind of function. One BTF serves all programs; the kernel gets the same bytes.
 */
import type { Btf, BtfMember } from '../../core/btf/btf.ts';
import { BtfBuilder, type Linkage } from '../../core/btf/write.ts';
import type { MapSpec } from '../../core/spec/spec.ts';

/** Kinds of functions that a program is made of besides its main one: callbacks by who calls them, global ones by what they take. */
export const FUNCTION_KINDS = [
  'loop',
  'each',
  'timer',
  'less',
  'global numbers',
  'global memory',
  'global nonnull',
  'global context',
  'global dynptr',
] as const;
export type FunctionKind = (typeof FUNCTION_KINDS)[number];

/** Arguments that a function of the kind gets. */
export const ARGUMENTS: Record<FunctionKind, number> = {
  loop: 2,
  each: 4,
  timer: 3,
  less: 2,
  'global numbers': 2,
  'global memory': 1,
  'global nonnull': 1,
  'global context': 1,
  'global dynptr': 1,
};

export interface FuzzTypes {
  readonly btf: Btf;
  /** Maps whose values have special fields, by name. */
  readonly maps: readonly MapSpec[];
  /** The same, and those that only cases use. */
  readonly values: ReadonlyMap<string, MapSpec>;
  /** Is there a function of this name, as it is written in labels of cases? */
  has(label: string): boolean;
  /** Id of the function of a kind; a program's context has its own type. */
  func(kind: FunctionKind | 'main' | number | (string & {}), progType: string): number;
  /** Nodes of the tree and the list: id and size. */
  readonly treeNode: number;
  readonly listNode: number;
}

/** Struct that stands for the context in the arguments of global functions, by program type. */
const CONTEXTS: Record<string, string> = {
  xdp: 'xdp_md',
  sched_cls: '__sk_buff',
  socket_filter: '__sk_buff',
  cgroup_skb: '__sk_buff',
  sk_skb: '__sk_buff',
  perf_event: 'bpf_perf_event_data',
  sock_ops: 'bpf_sock_ops',
  sk_msg: 'sk_msg_md',
};

export function fuzzTypes(): FuzzTypes {
  const b = new BtfBuilder();
  const int = b.int('int', 4, { signed: true });
  const u32 = b.int('unsigned int', 4);
  const u64 = b.int('unsigned long long', 8);
  const member = (name: string, type: number, byte: number): BtfMember => ({
    name,
    type,
    bitOffset: byte * 8,
    bitSize: 0,
  });
  const struct = (name: string, size: number, ...members: readonly (readonly [string, number, number])[]): number =>
    b.composite(
      'struct',
      name,
      size,
      members.map(([n, type, at]) => member(n, type, at)),
    );
  const opaque = (name: string, words: number): number =>
    struct(name, words * 8, ...Array.from({ length: words }, (_, i) => [`opaque${i}`, u64, i * 8] as const));
  const spinLock = struct('bpf_spin_lock', 4, ['val', u32, 0]);
  const resLock = struct('bpf_res_spin_lock', 4, ['val', u32, 0]);
  const timer = opaque('bpf_timer', 2);
  const work = opaque('bpf_wq', 2);
  const listHead = opaque('bpf_list_head', 2);
  const listNode = opaque('bpf_list_node', 3);
  const treeRoot = opaque('bpf_rb_root', 2);
  const treeNode = opaque('bpf_rb_node', 4);
  const inTree = struct('in_tree', 48, ['key', u64, 0], ['node', treeNode, 8], ['data', u64, 40]);
  const inList = struct('in_list', 32, ['node', listNode, 0], ['data', u64, 24]);
  const task = b.ptr(b.typeTag('kptr', struct('task_struct', 8, ['state', u64, 0])));
  const values: readonly (readonly [string, number, number])[] = [
    [
      'locked',
      struct('locked', 32, ['lock', spinLock, 0], ['a', u32, 4], ['b', u64, 8], ['c', u64, 16], ['d', u64, 24]),
      32,
    ],
    ['timed', struct('timed', 32, ['a', u64, 0], ['timer', timer, 8], ['b', u64, 24]), 32],
    ['kept', struct('kept', 24, ['a', u64, 0], ['task', task, 8], ['b', u64, 16]), 24],
    ['tree', struct('tree', 32, ['lock', spinLock, 0], ['root', treeRoot, 8], ['b', u64, 24]), 32],
    ['list', struct('list', 32, ['lock', spinLock, 0], ['head', listHead, 8], ['b', u64, 24]), 32],
    ['resilient', struct('resilient', 16, ['lock', resLock, 0], ['a', u64, 8]), 16],
    ['worked', struct('worked', 24, ['work', work, 0], ['a', u64, 16]), 24],
  ];
  b.declTag('contains:in_tree:node', values[3]![1], 1);
  b.declTag('contains:in_list:node', values[4]![1], 1);
  const pair = struct('pair', 16, ['a', u64, 0], ['b', u64, 8]);
  const anyPointer = b.ptr(0);
  const proto = (...types: readonly number[]): number =>
    b.funcProto(
      int,
      types.map((type, i) => ({ name: `a${i}`, type })),
    );
  const made = new Map<string, number>();
  const func = (name: string, type: number, linkage: Linkage): number => {
    // Names of functions in BTF are identifiers.
    const id = b.func(name.replaceAll(' ', '_'), type, linkage);
    made.set(name, id);
    return id;
  };
  func('main', proto(anyPointer), 'global');
  for (let n = 1; n <= 5; n++) func(`static_${n}`, proto(...Array.from({ length: n }, () => u64)), 'static');
  func('loop', proto(u32, anyPointer), 'static');
  func('each', proto(anyPointer, anyPointer, anyPointer, anyPointer), 'static');
  func('timer', proto(anyPointer, anyPointer, anyPointer), 'static');
  func('less', proto(anyPointer, anyPointer), 'static');
  func('global numbers', proto(int, u64), 'global');
  func('global memory', proto(b.ptr(pair)), 'global');
  b.declTag('arg:nonnull', func('global nonnull', proto(b.ptr(pair)), 'global'), 0);
  func('global dynptr', proto(b.ptr(b.qualified('const', b.fwd('bpf_dynptr')))), 'global');
  for (const name of new Set(Object.values(CONTEXTS))) {
    func(`global context ${name}`, proto(b.ptr(struct(name, 8, ['any', u64, 0]))), 'global');
  }
  const tagged = func('global context', proto(anyPointer), 'global');
  b.declTag('arg:ctx', tagged, 0);
  // Main functions that name what exceptions call: a function that takes a number, and one that takes a pointer.
  b.declTag('exception_callback:caught', func('main catching', proto(anyPointer), 'global'));
  func('caught', proto(u64), 'global');
  b.declTag('exception_callback:caught_pointer', func('main catching badly', proto(anyPointer), 'global'));
  func('caught_pointer', proto(b.ptr(u64)), 'global');
  const more = casesOnly(b, {
    u32,
    u64,
    int,
    spinLock,
    treeRoot,
    treeNode,
    listHead,
    listNode,
    struct,
    member,
    func,
    proto,
  });
  const spec = ([name, valueType, valueSize, maxEntries = 4]: TypedValue): MapSpec => ({
    name,
    type: 'array',
    keySize: 4,
    valueSize,
    maxEntries,
    flags: 0,
    keyType: int,
    valueType,
  });
  const specs = values.map(spec);
  return {
    btf: b.build(),
    maps: specs,
    values: new Map([...specs, ...more.map(spec)].map((s) => [s.name, s])),
    has: (label) => made.has(label.replaceAll('_', ' ')) || made.has(label),
    func: (kind, progType) => {
      if (typeof kind === 'number') return made.get(`static_${kind}`)!;
      const name = kind.replaceAll('_', ' ');
      if (name === 'global context') return made.get(`global context ${CONTEXTS[progType]}`) ?? tagged;
      return made.get(name) ?? made.get(kind)!;
    },
    treeNode: inTree,
    listNode: inList,
  };
}

/** Name, type, size in bytes, and entries of a map of such values. */
type TypedValue = readonly [name: string, type: number, size: number, entries?: number];

/** What the types above are made with. */
interface Making {
  readonly u32: number;
  readonly u64: number;
  readonly int: number;
  readonly spinLock: number;
  readonly treeRoot: number;
  readonly treeNode: number;
  readonly listHead: number;
  readonly listNode: number;
  readonly struct: (name: string, size: number, ...members: readonly (readonly [string, number, number])[]) => number;
  readonly member: (name: string, type: number, byte: number) => BtfMember;
  readonly func: (name: string, type: number, linkage: Linkage) => number;
  readonly proto: (...types: readonly number[]) => number;
}

/** Values and functions that generated programs do not use: prototypes that global functions may not have, kernel pointers without a reference. */
function casesOnly(b: BtfBuilder, m: Making): TypedValue[] {
  const { u32, u64, struct, func, proto } = m;
  const task = struct('mm_struct', 8, ['state', u64, 0]);
  const loose = struct(
    'loose',
    24,
    ['a', u64, 0],
    ['task', b.ptr(b.typeTag('kptr_untrusted', task)), 8],
    ['b', u64, 16],
  );
  const plain = struct('plain', 16, ['a', u64, 0], ['b', u64, 8]);
  const counter = struct('bpf_refcount', 4, ['opaque', u32, 0]);
  // Two fields for nodes: a tree holds them by the first.
  struct('counted', 96, ['node', m.treeNode, 0], ['other', m.treeNode, 32], ['ref', counter, 64], ['data', u64, 72]);
  const forest = struct('forest', 32, ['lock', m.spinLock, 0], ['root', m.treeRoot, 8], ['b', u64, 24]);
  b.declTag('contains:counted:node', forest, 1);
  struct('large', 1024, ['a', u64, 0]);
  func('global odd', proto(plain), 'global');
  func('global pointer', b.funcProto(b.ptr(plain), [{ name: 'a0', type: u64 }]), 'global');
  func('global many', proto(u64, u64, u64, u64, u64, u64), 'global');
  func('global opaque', proto(b.ptr(b.fwd('nowhere'))), 'global');
  b.declTag('arg:trusted', func('global trusted', proto(b.ptr(task)), 'global'), 0);
  b.declTag('arg:trusted', func('global stranger', proto(b.ptr(plain)), 'global'), 0);
  b.declTag('arg:nonnull', func('global tagged number', proto(u64), 'global'), 0);
  const both = func('global both', proto(b.ptr(task)), 'global');
  b.declTag('arg:trusted', both, 0);
  b.declTag('arg:untrusted', both, 0);
  b.declTag('arg:nullable', func('global nullable', proto(b.ptr(plain)), 'global'), 0);
  b.declTag('arg:arena', func('global arena', proto(b.ptr(u64)), 'global'), 0);
  b.declTag('exception_callback:nobody', func('main without', proto(b.ptr(0)), 'global'));
  const twice = func('main twice', proto(b.ptr(0)), 'global');
  b.declTag('exception_callback:caught', twice);
  b.declTag('exception_callback:caught_pointer', twice);
  b.declTag('exception_callback:static_1', func('main static', proto(b.ptr(0)), 'global'));
  func('void main', b.funcProto(0, [{ name: 'a0', type: b.ptr(0) }]), 'global');
  return [
    ['loose', loose, 24],
    ['plain', plain, 16],
    ['forest', forest, 32],
    ['grove', forest, 32, 1],
  ];
}
