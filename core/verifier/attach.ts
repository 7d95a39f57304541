/**
 * Arguments of programs that attach to a typed place: raw tracepoints with BTF, fentry/fexit/fmod_ret, LSM hooks, iterators.
 * The context is an array of 64-bit arguments whose types the kernel's BTF tells. Linux: btf_ctx_access.
 */
import type { Btf, BtfOf } from '../btf/btf.ts';
import { skipModifiers } from './btf-walk.ts';
import type { Loaded } from './context.ts';
import type { Env } from './env.ts';
import { FLAG, KIND } from './reg.ts';
import { structOpsArgument, structOpsNullable, structOpsPrototype } from './struct-ops.ts';

/** The function the program attaches to. */
export interface Target {
  readonly name: string;
  readonly proto: BtfOf<'func_proto'> | undefined;
  /** Raw tracepoints: the first parameter is the tracepoint's own data, not an argument. */
  readonly skip: number;
}

/**
 * Find what the program attaches to. Refuses a program whose target the kernel does not have, as BPF_PROG_LOAD does.
 * Undefined for program types without one.
 */
export function findTarget(env: Env): Target | undefined {
  const { type, attachType, attach } = env.program.spec;
  if (type !== 'tracing' && type !== 'lsm' && type !== 'struct_ops') return undefined;
  const btf = env.kernelBtf;
  if (type === 'struct_ops') {
    const proto = btf && structOpsPrototype(env, btf);
    return proto && { name: (attach?.target ?? '').replace(/^.*:/, ''), proto, skip: 0 };
  }
  if (!btf) return env.fail('unsupported', `${type} programs need the kernel BTF`);
  const name = attach?.target ?? '';
  if (name === '') env.fail('structure', 'Tracing programs must provide btf_id');
  if (attachType === 'trace_raw_tp') {
    const id = btf.find(`btf_trace_${name}`, 'typedef');
    const pointer = id === undefined ? undefined : skipModifiers(btf, id);
    const proto = pointer?.kind === 'ptr' ? btf.type(pointer.type) : undefined;
    if (proto?.kind !== 'func_proto') return env.fail('helper', `the kernel has no tracepoint '${name}'`);
    return { name: `btf_trace_${name}`, proto, skip: 1 };
  }
  const func =
    attachType === 'trace_iter'
      ? `bpf_iter_${name}`
      : type === 'lsm'
        ? `bpf_lsm_${name.replace(/^bpf_lsm_/, '')}`
        : name;
  const id = btf.find(func, 'func');
  // Other functions are named so too: those that kfuncs of open-coded iterators are, and bpf_iter_num_next itself.
  if (attachType === 'trace_iter' && btf.find(`bpf_iter__${name}`, 'struct') === undefined)
    env.fail('helper', `the kernel has no iterator '${name}'`);
  const t = id === undefined ? undefined : btf.type(id);
  const proto = t?.kind === 'func' ? btf.type(t.type) : undefined;
  if (proto?.kind !== 'func_proto') return env.fail('helper', `the kernel has no function '${func}'`);
  return { name: func, proto, skip: 0 };
}

const targets = new WeakMap<Env, Target | null>();

export function targetOf(env: Env): Target | undefined {
  let target = targets.get(env);
  if (target === undefined) {
    target = findTarget(env) ?? null;
    targets.set(env, target);
  }
  return target ?? undefined;
}

const NUMBER: Loaded = { type: KIND.SCALAR, btfId: 0 };

function sizeRounded(btf: Btf, id: number): number {
  const t = skipModifiers(btf, id);
  if (t.kind === 'ptr' || !('size' in t)) return 8;
  return Math.ceil(t.size / 8) * 8;
}

/** What loading the argument at this offset gives; undefined when there is none. */
export function attachArgument(env: Env, off: number, size: number): Loaded | undefined {
  const target = targetOf(env);
  if (!target?.proto || !env.kernelBtf) return NUMBER;
  const btf = env.kernelBtf;
  const { name, proto } = target;
  const { attachType, type } = env.program.spec;
  if (off % 8 !== 0) {
    env.say(`func '${name}' offset ${off} is not multiple of 8`);
    return undefined;
  }
  const params = proto.params.slice(target.skip);
  let index = 0;
  for (let at = 0; index < params.length; index++) {
    at += sizeRounded(btf, params[index]!.type);
    if (off < at) break;
  }
  // Behind the arguments of fexit, fmod_ret and LSM programs stands the return value.
  let typeId: number;
  if (index === params.length) {
    const last = params.reduce((sum, p) => sum + sizeRounded(btf, p.type), 0);
    const hasReturn =
      attachType === 'trace_fexit' || attachType === 'modify_return' || (type === 'lsm' && off === last);
    if (off !== last || !hasReturn) {
      env.say(`func '${name}' doesn't have ${off / 8 + 1}-th argument`);
      return undefined;
    }
    typeId = proto.ret;
  } else {
    typeId = params[index]!.type;
  }
  const t = skipModifiers(btf, typeId);
  if (t.kind === 'int' || t.kind === 'enum' || t.kind === 'enum64' || t.kind === 'struct' || t.kind === 'union') {
    return NUMBER;
  }
  if (t.kind !== 'ptr') {
    env.say(`func '${name}' arg${index} has type ${t.kind.toUpperCase()}. Only pointer access is allowed`);
    return undefined;
  }
  if (size !== 8 && env.options.features.wholePointers) {
    env.say(`func '${name}' size ${size} must be 8`);
    return undefined;
  }
  const iterator = attachType === 'trace_iter';
  if (t.type === 0) {
    // What a map iterator hands over: the key, which may not be changed, and the value.
    if (iterator && (params[index]?.name === 'key' || params[index]?.name === 'value')) {
      const readOnly = params[index]!.name === 'key' ? FLAG.RDONLY : 0;
      return { type: KIND.BUF | FLAG.MAYBE_NULL | readOnly, btfId: 0 };
    }
    return NUMBER;
  }
  const pointee = skipModifiers(btf, t.type);
  if (pointee.kind === 'void' || pointee.kind === 'int') return NUMBER;
  let flags = 0;
  const member = type === 'struct_ops';
  if (attachType === 'trace_raw_tp' || type === 'lsm' || member) flags |= FLAG.TRUSTED;
  if (iterator) flags = iteratorArgument(target, params[index]!.name);
  if (member && structOpsNullable(env, btf, index)) flags |= FLAG.MAYBE_NULL;
  if (params[index]?.name.endsWith('__nullable')) flags |= FLAG.MAYBE_NULL;
  let mayBeError = false;
  if (attachType === 'trace_raw_tp') {
    const mask = NULL_ARGUMENTS[name.slice('btf_trace_'.length)] ?? 0;
    if (mask & (1 << (index * 4))) flags |= FLAG.MAYBE_NULL;
    mayBeError = (mask & (2 << (index * 4))) !== 0;
  }
  const tag = btf.type(t.type);
  if (tag.kind === 'type_tag' && tag.name === 'user') flags |= FLAG.USER;
  if (tag.kind === 'type_tag' && tag.name === 'percpu') flags |= FLAG.PERCPU;
  if (pointee.kind !== 'struct' && pointee.kind !== 'union') {
    env.say(`func '${name}' arg${index} type ${pointee.kind.toUpperCase()} is not a struct`);
    return undefined;
  }
  if (mayBeError) return NUMBER;
  return { type: KIND.BTF_ID | flags, btfId: member ? structOpsArgument(env, btf, pointee.id) : pointee.id };
}

/** Does what the program attaches to return nothing? Then neither does the program. */
export function returnsNothing(env: Env): boolean {
  const { type, attachType } = env.program.spec;
  if (type !== 'struct_ops' && (type !== 'lsm' || attachType === 'lsm_cgroup')) return false;
  return targetOf(env)?.proto?.ret === 0;
}

/**
 * Objects that iterators hand over (by target and argument) and Linux does not call trusted, and those that its last call, which has
 * no object, has too. Linux: the ctx_arg_info of each target's bpf_iter_reg; measured on 6.18.44.
 */
const UNTRUSTED_OBJECTS = new Set([
  ...['bpf_link.link', 'bpf_prog.prog', 'bpf_sk_storage_map.sk', 'dmabuf.dmabuf', 'ipv6_route.rt', 'ksym.ksym'],
  ...['netlink.sk', 'sockmap.sk', 'task_file.task', 'task_file.file', 'task_vma.task', 'task_vma.vma', 'unix.unix_sk'],
]);
const ALWAYS_THERE = new Set(['bpf_map_elem.map', 'bpf_sk_storage_map.map', 'sockmap.map']);

function iteratorArgument({ name }: Target, argument: string): number {
  const key = `${name.slice('bpf_iter_'.length)}.${argument}`;
  if (argument === 'meta' || ALWAYS_THERE.has(key)) return FLAG.TRUSTED;
  return UNTRUSTED_OBJECTS.has(key) ? FLAG.MAYBE_NULL : FLAG.TRUSTED | FLAG.MAYBE_NULL;
}

/**
 * Tracepoints that pass null (1) or an error pointer (2) as an argument, one hexadecimal digit an argument from the
 * right (Linux: raw_tp_null_args in kernel/bpf/btf.c; measured on 6.18.44, which forgets those of sched_process_wait and of
 * signal_generate and signal_deliver).
 */
const NULL_ARGUMENTS: Record<string, number> = {
  sched_pi_setprio: 0x10,
  sched_process_wait: 0x1,
  sched_stick_numa: 0x100,
  sched_swap_numa: 0x100,
  afs_make_fs_call: 0x10,
  afs_make_fs_calli: 0x10,
  afs_make_fs_call1: 0x10,
  afs_make_fs_call2: 0x10,
  afs_protocol_error: 0x1,
  afs_flock_ev: 0x10,
  cachefiles_lookup: 0x201,
  cachefiles_unlink: 0x1,
  cachefiles_rename: 0x1,
  cachefiles_prep_read: 0x1,
  cachefiles_mark_active: 0x1,
  cachefiles_mark_failed: 0x1,
  cachefiles_mark_inactive: 0x1,
  cachefiles_vfs_error: 0x1,
  cachefiles_io_error: 0x1,
  cachefiles_ondemand_open: 0x1,
  cachefiles_ondemand_copen: 0x1,
  cachefiles_ondemand_close: 0x1,
  cachefiles_ondemand_read: 0x1,
  cachefiles_ondemand_cread: 0x1,
  cachefiles_ondemand_fd_write: 0x1,
  cachefiles_ondemand_fd_release: 0x1,
  ext4_mballoc_discard: 0x10,
  ext4_mballoc_free: 0x10,
  fib_table_lookup: 0x100,
  posix_lock_inode: 0x10,
  fcntl_setlk: 0x10,
  locks_remove_posix: 0x10,
  flock_lock_inode: 0x10,
  break_lease_noblock: 0x10,
  break_lease_block: 0x10,
  break_lease_unblock: 0x10,
  generic_delete_lease: 0x10,
  time_out_leases: 0x10,
  host1x_cdma_push_gather: 0x10000,
  hugetlbfs_alloc_inode: 0x10,
  mm_khugepaged_scan_pmd: 0x10,
  mm_collapse_huge_page_isolate: 0x1,
  mm_khugepaged_scan_file: 0x10,
  mm_khugepaged_collapse_file: 0x10,
  mm_page_alloc: 0x1,
  mm_page_pcpu_drain: 0x1,
  mm_page_alloc_zone_locked: 0x1,
  netfs_failure: 0x10,
  device_pm_callback_start: 0x10,
  qdisc_dequeue: 0x1000,
  rxrpc_recvdata: 0x1,
  rxrpc_resend: 0x10,
  signal_generate: 0x20,
  signal_deliver: 0x20,
  kfree_skb: 0x1000,
  xfs_blockgc_flush_all: 0x1,
  xfs_blockgc_free_space: 0x10,
  xfs_blockgc_start: 0x1,
  xfs_blockgc_stop: 0x1,
  xfs_blockgc_worker: 0x1,
  xfs_btree_overlapped_query_range: 0x100,
  xfs_btree_updkeys: 0x100,
  xfs_defer_add_item: 0x1,
  xfs_defer_cancel_item: 0x1,
  xfs_defer_cancel_list: 0x1,
  xfs_defer_create_intent: 0x1,
  xfs_defer_finish_item: 0x1,
  xfs_defer_isolate_paused: 0x1,
  xfs_defer_item_pause: 0x1,
  xfs_defer_item_unpause: 0x1,
  xfs_defer_pending_abort: 0x1,
  xfs_defer_pending_finish: 0x1,
  xfs_defer_relog_intent: 0x1,
  xfs_fs_sync_fs: 0x1,
  xfs_inodegc_flush: 0x1,
  xfs_inodegc_push: 0x1,
  xfs_inodegc_queue: 0x1,
  xfs_inodegc_start: 0x1,
  xfs_inodegc_stop: 0x1,
  xfs_inodegc_throttle: 0x1,
  xfs_ioc_free_eofblocks: 0x10,
  xfs_map_blocks_alloc: 0x10000,
  xfs_map_blocks_found: 0x10000,
  xs_stream_read_data: 0x1,
  xprt_reserve_cong: 0x10,
  xprt_release_cong: 0x10,
  xprt_get_cong: 0x10,
  xprt_put_cong: 0x10,
  tcp_send_reset: 0x11,
  tcp_sendmsg_locked: 0x100,
  tegra_dma_tx_status: 0x100,
  tmigr_update_events: 0x1,
  writeback_dirty_folio: 0x10,
  folio_wait_writeback: 0x10,
  mr_integ_alloc: 0x2000,
};
