/**
 * Arguments of kernel functions. What an argument must be follows from its type in the prototype, from suffixes of its name (`__sz`, `__k`,
 * `__nullable`, ...; Documentation/bpf/kfuncs.rst) and from the function's flags. Linux: check_kfunc_args, get_kfunc_ptr_arg_type.
 */
import type { BtfOf, BtfType } from '../btf/btf.ts';
import type { KfuncRow } from '../helpers/kfuncs.ts';
import { isPlainStruct, sizeOf, skipModifiers, structMatches } from './btf-walk.ts';
import { createDynptr, DYNPTR, dynptrAt, dynptrSlot } from './dynptr.ts';
import type { Env } from './env.ts';
import { checkGraphNode, checkGraphRoot, type GraphRoot } from './graph-root.ts';
import { checkConstantString, checkHelperMemory, checkOffset } from './helper-args.ts';
import { checkIterator } from './iterator.ts';
import { notNull } from './jump.ts';
import { checkIrqFlag, lockSpin, unlockSpin } from './locks.ts';
import { accessMemory } from './mem.ts';
import { markPrecise } from './precision.ts';
import { MAX_VAR_OFF } from './program.ts';
import { specialField, structFields } from './record.ts';
import { Refusal } from './refusal.ts';
import { FLAG, isNull, isTrusted, KIND, kindOf, type Reg, typeName } from './reg.ts';
import { isConst } from './tnum.ts';
import { toDouble, toDoubleU } from './u64.ts';

/** What the call has learnt from its arguments. */
export interface KfuncFacts {
  refObjId: number;
  /** Register whose reference is given back. */
  releaseReg: number;
  /** The `__k` or `__szk` argument. */
  constant: number;
  map: number;
  mapId: number;
  subprog: number;
  dynptr:
    | { readonly id: number; readonly type: number; readonly refObjId: number; readonly isPacket: boolean }
    | undefined;
  iterFrame: number;
  iterSlot: number;
  /** Size of the memory the result points to, from rdonly_buf_size or rdwr_buf_size. */
  resultSize: number;
  resultReadOnly: boolean;
  /** Kernel type of the result (bpf_cast_to_kern_ctx). */
  resultType: number;
  /** Program type of the object argument (bpf_refcount_acquire, lists, trees). */
  argumentType: number;
  /** The argument owned its object. */
  ownsArgument: boolean;
  root: GraphRoot | undefined;
  nodeOffset: number;
}

/** The kernel's own form of each program type's context. */
const KERNEL_CONTEXT: Record<string, string> = {
  socket_filter: 'sk_buff',
  sched_cls: 'sk_buff',
  sched_act: 'sk_buff',
  xdp: 'xdp_buff',
  cgroup_skb: 'sk_buff',
  cgroup_sock: 'sock',
  cgroup_sock_addr: 'bpf_sock_addr_kern',
  lwt_in: 'sk_buff',
  lwt_out: 'sk_buff',
  lwt_xmit: 'sk_buff',
  lwt_seg6local: 'sk_buff',
  sock_ops: 'bpf_sock_ops_kern',
  sk_skb: 'sk_buff',
  sk_msg: 'sk_msg',
  flow_dissector: 'bpf_flow_dissector',
  kprobe: 'pt_regs',
  perf_event: 'bpf_perf_event_data_kern',
  cgroup_device: 'bpf_cgroup_dev_ctx',
  cgroup_sysctl: 'bpf_sysctl_kern',
  cgroup_sockopt: 'bpf_sockopt_kern',
  sk_reuseport: 'sk_reuseport_kern',
  sk_lookup: 'bpf_sk_lookup_kern',
  netfilter: 'bpf_nf_ctx',
};

function kindName(t: BtfType): string {
  return t.kind === 'enum64' ? 'ENUM64' : t.kind === 'void' ? 'UNKNOWN' : t.kind.toUpperCase();
}

function isNumber(t: BtfType): boolean {
  return t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64';
}

function suffixed(name: string, suffix: string): boolean {
  return name.endsWith(suffix);
}

/** Check every argument of the call. */
export function checkKfuncArguments(env: Env, row: KfuncRow, proto: BtfOf<'func_proto'>): KfuncFacts {
  const facts: KfuncFacts = {
    refObjId: 0,
    releaseReg: 0,
    constant: -1,
    map: -1,
    mapId: 0,
    subprog: -1,
    dynptr: undefined,
    iterFrame: 0,
    iterSlot: 0,
    resultSize: 0,
    resultReadOnly: false,
    resultType: 0,
    argumentType: 0,
    ownsArgument: false,
    root: undefined,
    nodeOffset: 0,
  };
  const { params } = proto;
  if (params.length > 5) env.fail('unsupported', `Function ${row.name} has ${params.length} > 5 args`);
  for (let i = 0; i < params.length; i++) {
    const { name } = params[i]!;
    if (suffixed(name, '__ign') || suffixed(name, '__prog')) continue;
    const t = skipModifiers(env.kernelBtf!, params[i]!.type);
    if (isNumber(t)) checkNumber(env, i, name, facts);
    else if (t.kind !== 'ptr') env.fail('type', `Unrecognized arg#${i} type ${kindName(t)}`);
    else if (checkPointer(env, row, proto, i, t, facts)) i++;
  }
  if (row.flags.has('release') && facts.releaseReg === 0) {
    env.fail('reference', `release kernel function ${row.name} expects refcounted PTR_TO_BTF_ID`);
  }
  return facts;
}

function checkNumber(env: Env, i: number, name: string, facts: KfuncFacts): void {
  const regno = i + 1;
  const r = env.regs[regno]!;
  if (r.type !== KIND.SCALAR) env.fail('type', `R${regno} is not a scalar`);
  if (suffixed(name, '__k')) {
    if (!isConst(r)) env.fail('type', `R${regno} must be a known constant`);
    markPrecise(env, regno);
    facts.constant = toDoubleU(r.vLo, r.vHi);
    return;
  }
  const readOnly = name === 'rdonly_buf_size';
  if (!readOnly && name !== 'rdwr_buf_size') return;
  if (!isConst(r)) env.fail('type', `R${regno} is not a const`);
  facts.resultReadOnly = readOnly;
  facts.resultSize = toDoubleU(r.vLo, r.vHi);
  markPrecise(env, regno);
}

/** Is it safe to look at: protected by the RCU read section it came from? */
function isRcu(r: Readonly<Reg>): boolean {
  return (r.type & FLAG.RCU) !== 0;
}

/** Sockets that are not BTF pointers have a struct each. */
const SOCKET_STRUCT: Record<number, string> = {
  [KIND.SOCKET]: 'sock',
  [KIND.SOCK_COMMON]: 'sock_common',
  [KIND.TCP_SOCK]: 'tcp_sock',
  [KIND.MAP_PTR]: 'bpf_map',
};

const UNSAFE = FLAG.UNTRUSTED | FLAG.USER | FLAG.PERCPU | FLAG.RDONLY | FLAG.RINGBUF | FLAG.MAYBE_NULL | FLAG.RCU;

type PointerKind =
  | 'ctx'
  | 'null'
  | 'allocated'
  | 'refcounted'
  | 'dynptr'
  | 'iter'
  | 'root'
  | 'node'
  | 'string'
  | 'map'
  | 'workqueue'
  | 'task_work'
  | 'irq_flag'
  | 'res_spin_lock'
  | 'callback'
  | 'btf'
  | 'mem'
  | 'mem_size';

const GRAPH_NODES = ['bpf_list_node', 'bpf_rb_node'];
const GRAPH_ROOTS = ['bpf_list_head', 'bpf_rb_root'];

function pointerKind(env: Env, row: KfuncRow, proto: BtfOf<'func_proto'>, i: number, target: BtfType): PointerKind {
  const { name } = proto.params[i]!;
  const r = env.regs[i + 1]!;
  const struct = target.kind === 'struct' ? target.name : '';
  if (row.name === 'bpf_cast_to_kern_ctx') return 'ctx';
  if (struct !== '' && (struct === env.progType.ctxType || isContextOf(env, struct))) return 'ctx';
  if ((suffixed(name, '__nullable') || suffixed(name, '__opt')) && isNull(r)) {
    if (suffixed(name, '__nullable')) return 'null';
  }
  if (suffixed(name, '__alloc')) return 'allocated';
  if (suffixed(name, '__refcounted_kptr')) return 'refcounted';
  if (struct === 'bpf_dynptr') return 'dynptr';
  if (suffixed(name, '__iter') || (i === 0 && isIterator(row))) return 'iter';
  if (GRAPH_ROOTS.includes(struct)) return 'root';
  if (GRAPH_NODES.includes(struct)) return 'node';
  if (suffixed(name, '__str')) return 'string';
  if (suffixed(name, '__map')) return 'map';
  if (struct === 'bpf_wq') return 'workqueue';
  if (struct === 'bpf_task_work') return 'task_work';
  if (suffixed(name, '__irq_flag')) return 'irq_flag';
  if (struct === 'bpf_res_spin_lock') return 'res_spin_lock';
  if (target.kind === 'func_proto') return 'callback';
  if (kindOf(r.type) === KIND.BTF_ID || SOCKET_STRUCT[kindOf(r.type)] !== undefined) {
    if (target.kind !== 'struct' && target.kind !== 'union') {
      env.fail(
        'type',
        `kernel function ${row.name} args#${i} pointer type ${kindName(target)} ${target.name} is not supported`,
      );
    }
    return 'btf';
  }
  const next = proto.params[i + 1];
  const sized =
    next !== undefined &&
    (suffixed(next.name, '__sz') || suffixed(next.name, '__szk')) &&
    env.regs[i + 2]!.type === KIND.SCALAR;
  const plain = isNumber(target) || isPlainStruct(env.kernelBtf!, target);
  if (!plain && !(sized && target.kind === 'void')) {
    env.fail(
      'type',
      `arg#${i} pointer type ${kindName(target)} ${target.name} must point to ${sized ? 'void, ' : ''}scalar, or struct with scalar`,
    );
  }
  return sized ? 'mem_size' : 'mem';
}

function isIterator(row: KfuncRow): boolean {
  return row.flags.has('iter_new') || row.flags.has('iter_next') || row.flags.has('iter_destroy');
}

/** Names that stand for this program type's context in prototypes. */
function isContextOf(env: Env, struct: string): boolean {
  return struct === KERNEL_CONTEXT[env.progType.name] && struct === 'bpf_nf_ctx';
}

/** Check one pointer. True when the next argument, its size, is done as well. */
function checkPointer(
  env: Env,
  row: KfuncRow,
  proto: BtfOf<'func_proto'>,
  i: number,
  t: { readonly type: number },
  facts: KfuncFacts,
): boolean {
  const regno = i + 1;
  const r = env.regs[regno]!;
  const btf = env.kernelBtf!;
  const { name } = proto.params[i]!;
  const { flags } = row;
  // What gives a reference back wants a trusted pointer, whether it says so or not.
  const guarded = flags.has('trusted') || flags.has('rcu') || flags.has('release');
  const nullable = suffixed(name, '__nullable');
  if (guarded && (isNull(r) || r.mayBeNull) && !nullable) {
    env.fail('null', `Possibly NULL pointer passed to trusted arg${i}`);
  }
  if (r.refObjId !== 0) {
    facts.refObjId = r.refObjId;
    if (flags.has('release')) facts.releaseReg = regno;
  }
  const target = skipModifiers(btf, t.type);
  const kind = pointerKind(env, row, proto, i, target);
  if (kind === 'null') return false;
  if (kind === 'map') checkMapPointer(env, regno, facts);
  if (kind === 'map' || kind === 'allocated' || kind === 'btf') {
    if (guarded && !isTrusted(r)) {
      if (!flags.has('rcu')) env.fail('type', `R${regno} must be referenced or trusted`);
      if (!isRcu(r)) env.fail('type', `R${regno} must be a rcu pointer`);
    }
  }
  checkOffset(env, r, regno, flags.has('release') && r.refObjId !== 0, kind === 'dynptr');
  switch (kind) {
    case 'ctx':
      if (r.type !== KIND.CTX) env.fail('type', `arg#${i} expected pointer to ctx, but got ${typeName(r.type)}`);
      if (row.name === 'bpf_cast_to_kern_ctx') {
        const id = btf.find(KERNEL_CONTEXT[env.progType.name] ?? '', 'struct');
        if (id === undefined)
          env.fail('type', `bpf_cast_to_kern_ctx() is not available to ${env.progType.name} programs`);
        facts.resultType = id!;
      }
      break;
    case 'allocated':
      checkAllocated(env, regno, row.name);
      facts.argumentType = r.aux;
      break;
    case 'refcounted':
      checkRefcounted(env, regno, facts);
      break;
    case 'dynptr':
      checkKfuncDynptr(env, regno, row.name, name, facts);
      break;
    case 'iter':
      if (target.kind !== 'struct') env.fail('type', `expected valid iter pointer as arg #${i}`);
      if (row.name === 'bpf_iter_css_task_new') checkCssTaskIterator(env);
      checkIterator(env, regno, target as BtfOf<'struct'>, row, facts);
      break;
    case 'root':
      facts.root = checkGraphRoot(env, regno, target.name, row.name);
      break;
    case 'node':
      checkGraphNode(env, regno, target.name, row.name, facts);
      break;
    case 'string':
      if (r.type !== KIND.MAP_VALUE) env.fail('type', `arg#${i} doesn't point to a const string`);
      checkConstantString(env, regno);
      break;
    case 'map':
      checkObject(env, regno, row, 'bpf_map', facts);
      break;
    case 'btf':
      checkObject(env, regno, row, target.name, facts);
      break;
    case 'workqueue':
      checkMapField(env, regno, 'bpf_wq', facts);
      break;
    case 'task_work':
      checkMapField(env, regno, 'bpf_task_work', facts);
      break;
    case 'irq_flag':
      checkIrqFlag(env, regno, row.name);
      break;
    case 'res_spin_lock': {
      if (r.type !== KIND.MAP_VALUE && r.type !== (KIND.BTF_ID | FLAG.ALLOC)) {
        env.fail('type', `arg#${i} doesn't point to map value or allocated object`);
      }
      const lock = /irq(?:save|restore)$/.test(row.name) ? 'resilient irq' : 'resilient';
      if (row.name.startsWith('bpf_res_spin_lock')) lockSpin(env, regno, lock);
      else unlockSpin(env, regno, lock);
      break;
    }
    case 'callback':
      if (r.type !== KIND.FUNC) env.fail('type', `arg${i} expected pointer to func`);
      facts.subprog = r.aux;
      break;
    case 'mem':
      checkMemory(env, regno, sizeOf(btf, target));
      break;
    case 'mem_size':
      checkSized(env, regno, name, proto.params[i + 1]!.name, facts);
      return true;
    default:
      env.fail('unsupported', `arg#${i} of ${row.name} is of a kind that this verifier does not support (${kind})`);
  }
  return false;
}

function checkMapPointer(env: Env, regno: number, facts: KfuncFacts): void {
  const r = env.regs[regno]!;
  if (r.type === KIND.SCALAR) {
    env.fail('type', `pointer in R${regno} isn't map pointer`);
  }
  if (r.type !== KIND.MAP_PTR) return;
  // Linux 6.18 looks into the special fields of the second map here, and dereferences null where it has none.
  if (facts.map >= 0 && (facts.map !== r.aux || facts.mapId !== r.aux2)) {
    const what = regno === 2 ? 'workqueue' : 'bpf_task_work';
    env.fail(
      'type',
      `${what} pointer in R${regno - 1} map_uid=${facts.mapId} doesn't match map pointer in R${regno} map_uid=${r.aux2}`,
    );
  }
  facts.map = r.aux;
  facts.mapId = r.aux2;
}

function checkAllocated(env: Env, regno: number, name: string): void {
  const r = env.regs[regno]!;
  const perCpu = (r.type & FLAG.PERCPU) !== 0;
  if ((r.type & ~FLAG.PERCPU) !== (KIND.BTF_ID | FLAG.ALLOC)) {
    env.fail('type', `arg#${regno - 1} expected pointer to allocated object`);
  }
  const wanted = perCpu ? 'bpf_percpu_obj_drop_impl' : 'bpf_obj_drop_impl';
  if (name !== wanted) env.fail('type', `arg#${regno - 1} expected for ${wanted}()`);
  if (r.refObjId === 0) env.fail('reference', 'allocated object must be referenced');
}

function checkRefcounted(env: Env, regno: number, facts: KfuncFacts): void {
  const r = env.regs[regno]!;
  if (kindOf(r.type) !== KIND.BTF_ID || !(r.type & FLAG.ALLOC)) {
    env.fail('type', `arg#${regno - 1} is neither owning or non-owning ref`);
  }
  if (!(r.type & FLAG.NON_OWN_REF) && r.refObjId !== 0) facts.ownsArgument = true;
  const fields = structFields(env.program.objectBtf!, env.kernelBtf, r.aux);
  if (!fields.some((f) => f.name === 'bpf_refcount')) {
    env.fail('type', `arg#${regno - 1} doesn't point to a type with bpf_refcount field`);
  }
  facts.argumentType = r.aux;
}

const PACKET_DYNPTR: Record<string, number> = {
  bpf_dynptr_from_skb: DYNPTR.SKB,
  bpf_dynptr_from_xdp: DYNPTR.XDP,
  bpf_dynptr_from_skb_meta: DYNPTR.SKB_META,
};

function checkKfuncDynptr(env: Env, regno: number, kfunc: string, argument: string, facts: KfuncFacts): void {
  const r = env.regs[regno]!;
  if (r.type !== KIND.STACK && r.type !== KIND.DYNPTR) {
    env.fail('type', `arg#${regno - 1} expected pointer to stack or const struct bpf_dynptr`);
  }
  if (suffixed(argument, '__uninit')) {
    if (r.type === KIND.DYNPTR || dynptrSlot(env, r) === undefined) {
      env.fail('type', 'Dynptr has to be an uninitialized dynptr');
    }
    const parent = facts.dynptr;
    for (const off of [0, 8]) accessMemory(env, regno, { off, size: 8, write: true, reg: -1 });
    createDynptr(env, env.regs[regno]!, PACKET_DYNPTR[kfunc] ?? parent?.type ?? DYNPTR.LOCAL, parent?.refObjId ?? 0);
    return;
  }
  const d = dynptrAt(env, r);
  if (!d) {
    env.fail('type', `Expected an initialized dynptr as arg #${regno - 1}`);
  }
  facts.dynptr = {
    id: d!.id,
    type: d!.aux,
    refObjId: d!.refObjId,
    isPacket: d!.aux === DYNPTR.SKB || d!.aux === DYNPTR.XDP || d!.aux === DYNPTR.SKB_META,
  };
}

function checkCssTaskIterator(env: Env): void {
  const { name } = env.progType;
  const iterator = name === 'tracing' && env.program.spec.attachType === 'trace_iter';
  if (name !== 'lsm' && !iterator && !env.options.sleepable && !env.state.sleepable) {
    env.fail('helper', 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs');
  }
}

function checkObject(env: Env, regno: number, row: KfuncRow, want: string, _facts: KfuncFacts): void {
  const r = env.regs[regno]!;
  const btf = env.kernelBtf!;
  const i = regno - 1;
  const kind = kindOf(r.type);
  if (kind === KIND.BTF_ID ? (r.type & UNSAFE) !== 0 && !isRcu(r) : SOCKET_STRUCT[kind] === undefined) {
    const trusted = r.type & (FLAG.ALLOC | FLAG.TRUSTED);
    env.fail('type', `arg#${i} is ${typeName(r.type)} expected ${typeName(kind | trusted)} or socket`);
  }
  const local = kind === KIND.BTF_ID && r.aux2 === 1;
  const haveBtf = local ? env.program.objectBtf! : btf;
  const have = kind === KIND.BTF_ID ? r.aux : btf.find(SOCKET_STRUCT[kind]!, 'struct')!;
  const wantId = btf.find(want, 'struct');
  const haveName = haveBtf.type(have).name;
  const strict =
    (row.flags.has('release') && r.refObjId !== 0) || haveName === `${want}___init` || want === `${haveName}___init`;
  const projection = want === '__sk_buff' ? haveName === 'sk_buff' : want === 'xdp_md' && haveName === 'xdp_buff';
  if (projection || (!local && wantId !== undefined && structMatches(btf, have, r.off, wantId, strict))) return;
  const t = wantId === undefined ? 'STRUCT' : kindName(btf.type(wantId));
  env.fail(
    'type',
    `kernel function ${row.name} args#${i} expected pointer to ${t} ${want} but R${regno} has a pointer to ${kindName(haveBtf.type(have))} ${haveName}`,
  );
}

function checkMapField(env: Env, regno: number, field: string, facts: KfuncFacts): void {
  const r = env.regs[regno]!;
  if (r.type !== KIND.MAP_VALUE) env.fail('type', `arg#${regno - 1} doesn't point to a map value`);
  const map = env.map(r.aux);
  if (!isConst(r)) {
    env.fail('type', `R${regno} doesn't have constant offset. ${field} has to be at the constant offset`);
  }
  if (!env.program.objectBtf || map.spec.valueType === 0) {
    env.fail('type', `map '${map.spec.name}' has to have BTF in order to use ${field}`);
  }
  const found = specialField(env, map, field);
  if (!found) env.fail('type', `map '${map.spec.name}' has no valid ${field}`);
  if (found!.offset !== r.vLo + r.off) {
    env.fail('type', `off ${r.vLo + r.off} doesn't point to 'struct ${field}' that is at ${found!.offset}`);
  }
  facts.map = r.aux;
  facts.mapId = r.aux2;
}

/** Memory of a fixed size that the function may read and write; null passes. */
export function checkMemory(env: Env, regno: number, size: number): void {
  const r = env.regs[regno]!;
  if (isNull(r)) return;
  if (r.mayBeNull) env.regs[regno] = notNull(r);
  checkHelperMemory(env, regno, size, false, true, undefined);
  checkHelperMemory(env, regno, size, true, true, undefined);
  env.regs[regno] = r;
}

function checkSized(env: Env, regno: number, name: string, sizeName: string, facts: KfuncFacts): void {
  const r = env.regs[regno]!;
  const size = env.regs[regno + 1]!;
  if (!isNull(r) || !suffixed(name, '__opt')) {
    try {
      if (toDouble(size.sminLo, size.sminHi) < 0) {
        env.fail('bounds', `R${regno + 1} min value is negative, either use unsigned or 'var &= const'`);
      }
      if (toDoubleU(size.umaxLo, size.umaxHi) >= MAX_VAR_OFF) {
        env.fail('bounds', `R${regno + 1} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
      }
      if (r.mayBeNull) env.regs[regno] = notNull(r);
      checkHelperMemory(env, regno, size.umaxLo, false, true, undefined);
      checkHelperMemory(env, regno, size.umaxLo, true, true, undefined);
      env.regs[regno] = r;
      markPrecise(env, regno + 1);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      env.say(error.message);
      env.fail(error.category, `arg#${regno - 1} arg#${regno} memory, len pair leads to invalid memory access`);
    }
  }
  if (!suffixed(sizeName, '__szk')) return;
  if (!isConst(size)) env.fail('type', `R${regno + 1} must be a known constant`);
  facts.constant = toDoubleU(size.vLo, size.vHi);
}
