/**
 * Lists and trees of objects that programs allocate (bpf_list_head, bpf_rb_root). A root holds nodes of one type, which a
 * `contains:STRUCT:FIELD` tag on the root names; it may be touched only while the spin lock of the same allocation is held. Adding an object
 * hands its reference over: the program's pointers become borrowed (non-owning) and void when the lock is released. Linux:
 * __process_kf_arg_ptr_to_graph_root and _node, ref_convert_owning_non_owning, invalidate_non_owning_refs.
 */
import type { Env } from './env.ts';
import type { KfuncFacts } from './kfunc-args.ts';
import { makePointer } from './range.ts';
import { type SpecialField, specialFields, structFields } from './record.ts';
import { dropReference } from './references.ts';
import { FLAG, KIND, kindOf, type Reg } from './reg.ts';
import { isConst } from './tnum.ts';

/** What a root holds. */
export interface GraphRoot {
  /** Type of the nodes' struct in the program's BTF, and where the node field is in it. */
  readonly nodeType: number;
  readonly nodeOffset: number;
  /** The struct counts references: borrowed pointers may be looked at under RCU. */
  readonly counted: boolean;
}

const GRAPH =
  /^bpf_(?:list_(?:push_front_impl|push_back_impl|pop_front|pop_back|front|back)|rbtree_(?:add_impl|remove|first|root|left|right)|refcount_acquire_impl)$/;
const ADDS = new Set(['bpf_list_push_front_impl', 'bpf_list_push_back_impl', 'bpf_rbtree_add_impl']);
/** Functions that take an rb_node which is in the tree: a borrowed one. */
const TAKES_BORROWED = new Set(['bpf_rbtree_remove', 'bpf_rbtree_left', 'bpf_rbtree_right']);
/** Results that stay in the root. */
const GIVES_BORROWED = new Set([
  'bpf_rbtree_first',
  'bpf_rbtree_root',
  'bpf_rbtree_left',
  'bpf_rbtree_right',
  'bpf_list_front',
  'bpf_list_back',
]);

export function isGraphFunction(name: string): boolean {
  return GRAPH.test(name) && name !== 'bpf_refcount_acquire_impl' ? true : name === 'bpf_refcount_acquire_impl';
}

/** Special fields of what the pointer points to: a map's value, or an allocated object. */
function fieldsOf(env: Env, r: Readonly<Reg>): readonly SpecialField[] {
  if (r.type === KIND.MAP_VALUE) return specialFields(env, env.map(r.aux));
  if (kindOf(r.type) === KIND.BTF_ID && r.aux2 === 1 && env.program.objectBtf) {
    return structFields(env.program.objectBtf, env.kernelBtf, r.aux);
  }
  return [];
}

function isAllocated(r: Readonly<Reg>): boolean {
  return r.type === (KIND.BTF_ID | FLAG.ALLOC);
}

/** The argument is a root whose lock is held. */
export function checkGraphRoot(env: Env, regno: number, type: string, kfunc: string): GraphRoot {
  const r = env.regs[regno]!;
  if (r.type !== KIND.MAP_VALUE && !isAllocated(r)) {
    env.fail('type', `arg#${regno - 1} expected pointer to map value or allocated object`);
  }
  if (isAllocated(r) && r.refObjId === 0) env.fail('reference', 'allocated object must be referenced');
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. ${type} has to be at the constant offset`);
  }
  const fields = fieldsOf(env, r);
  const offset = r.off + r.vLo;
  const field = fields.find((f) => f.name === type && f.offset === offset);
  if (!field) env.fail('type', `${type} not found at offset=${offset}`);
  const lock = fields.find((f) => f.name === 'bpf_spin_lock' || f.name === 'bpf_res_spin_lock');
  const held = env.state.refs.filter((ref) => ref.lock);
  const map = r.type === KIND.MAP_VALUE ? r.aux : -1;
  const same = held.some((h) => h.map === map && h.id === r.id);
  if (!same) {
    if (held.length > 0) env.say('held lock and object are not in the same allocation');
    env.fail('reference', `bpf_spin_lock at off=${lock?.offset ?? -22} must be held for ${type}`);
  }
  const root = field!.root;
  if (!root) return env.fail('type', `${kfunc}: ${type} has no 'contains' tag`);
  const counted = structFields(env.program.objectBtf!, env.kernelBtf, root.nodeType).some(
    (f) => f.name === 'bpf_refcount',
  );
  return { ...root, counted };
}

/** The argument is a node of the root's kind. */
export function checkGraphNode(env: Env, regno: number, type: string, kfunc: string, facts: KfuncFacts): void {
  const r = env.regs[regno]!;
  if (TAKES_BORROWED.has(kfunc)) {
    const borrowed = (r.type & FLAG.NON_OWN_REF) !== 0;
    if (!env.options.features.nodeQueries) {
      if (!borrowed || r.refObjId !== 0) env.fail('reference', 'rbtree_remove node input must be non-owning ref');
    } else if (!borrowed && r.refObjId === 0) {
      env.fail('reference', `${kfunc} can only take non-owning or refcounted bpf_rb_node pointer`);
    }
    if (env.state.frames.some((f) => f.inLockedCallback)) {
      env.fail(
        'reference',
        env.options.features.nodeQueries
          ? `${kfunc} not allowed in rbtree cb`
          : 'rbtree_remove not allowed in rbtree cb',
      );
    }
  } else {
    if (!isAllocated(r)) env.fail('type', `arg#${regno - 1} expected pointer to allocated object`);
    if (r.refObjId === 0) env.fail('reference', 'allocated object must be referenced');
  }
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. ${type} has to be at the constant offset`);
  }
  const offset = r.off + r.vLo;
  const root = facts.root ?? rootOfNode(env, r);
  if (!fieldsOf(env, r).some((f) => f.name === type && f.offset === offset)) {
    env.fail('type', `${type} not found at offset=${offset}`);
  }
  const btf = env.program.objectBtf!;
  const head = type === 'bpf_rb_node' ? 'bpf_rb_root' : 'bpf_list_head';
  if (root.nodeType !== r.aux) {
    env.fail(
      'type',
      `operation on ${head} expects arg#1 ${type} at offset=${root.nodeOffset} in struct ${btf.type(root.nodeType).name}, but arg is at offset=${offset} in struct ${btf.type(r.aux).name}`,
    );
  }
  if (offset !== root.nodeOffset) {
    env.fail(
      'type',
      `arg#1 offset=${offset}, but expected ${type} at offset=${root.nodeOffset} in struct ${btf.type(root.nodeType).name}`,
    );
  }
  facts.root = root;
  facts.argumentType = r.aux;
}

/** bpf_rbtree_left and _right take only a node: its own type and place are the tree's. */
function rootOfNode(env: Env, r: Readonly<Reg>): GraphRoot {
  const counted = fieldsOf(env, r).some((f) => f.name === 'bpf_refcount');
  return { nodeType: r.aux, nodeOffset: r.off + r.vLo, counted };
}

/** A pointer to a node in the root, with these flags besides. */
export function nodeOfRoot(root: GraphRoot, flags: number): Reg {
  const r = makePointer(KIND.BTF_ID | FLAG.ALLOC | flags | (flags !== 0 && root.counted ? FLAG.RCU : 0));
  r.aux = root.nodeType;
  r.aux2 = 1;
  r.off = root.nodeOffset;
  return r;
}

export function referenceBecomesBorrowed(_env: Env): number {
  return FLAG.NON_OWN_REF;
}

/** What a function of lists and trees returns. */
export function graphResult(_env: Env, name: string, facts: KfuncFacts): Reg {
  return nodeOfRoot(facts.root!, GIVES_BORROWED.has(name) ? FLAG.NON_OWN_REF : 0);
}

/** Functions that add hand the reference to the root; the pointers to the object become borrowed. */
export function addToRoot(env: Env, name: string, facts: KfuncFacts): void {
  if (!ADDS.has(name)) return;
  const id = env.regs[2]!.refObjId;
  const counted = facts.root!.counted;
  env.state.mapRegs((r) => {
    if (r.refObjId !== id || id === 0) return undefined;
    const copy = r.clone();
    copy.refObjId = 0;
    copy.type |= FLAG.NON_OWN_REF | (counted ? FLAG.RCU : 0);
    return copy;
  });
  dropReference(env, id);
}

/** The lock is released: borrowed pointers may be gone. */
export function dropBorrowed(env: Env): void {
  const gone = env.invalidPointer();
  env.state.mapRegs((r) => (r.type & FLAG.NON_OWN_REF ? gone : undefined));
}
