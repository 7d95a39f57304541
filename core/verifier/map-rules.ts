/**
 * Which helpers take which maps, both ways round: a map type with a list is for those helpers only, a helper with a list
 * takes only those types. Linux: check_map_func_compatibility, check_map_prog_compatibility.
 */
import type { HelperRow } from '../helpers/helper.ts';
import type { MapSpec } from '../spec/spec.ts';
import type { Env } from './env.ts';
import type { UsedMap } from './program.ts';
import { hasLock, specialField, specialFields } from './record.ts';

const SOCK_MAP_UPDATES = new Set([
  'socket_filter',
  'sched_cls',
  'sched_act',
  'xdp',
  'sk_reuseport',
  'flow_dissector',
  'sk_lookup',
]);

const HELPERS_OF_MAP: Record<string, readonly string[]> = {
  prog_array: ['tail_call'],
  perf_event_array: ['perf_event_read', 'perf_event_output', 'skb_output', 'perf_event_read_value', 'xdp_output'],
  ringbuf: [
    'ringbuf_output',
    'ringbuf_reserve',
    'ringbuf_query',
    'ringbuf_reserve_dynptr',
    'ringbuf_submit_dynptr',
    'ringbuf_discard_dynptr',
  ],
  user_ringbuf: ['user_ringbuf_drain'],
  stack_trace: ['get_stackid'],
  cgroup_array: ['skb_under_cgroup', 'current_task_under_cgroup'],
  cgroup_storage: ['get_local_storage'],
  percpu_cgroup_storage: ['get_local_storage'],
  devmap: ['redirect_map', 'map_lookup_elem'],
  devmap_hash: ['redirect_map', 'map_lookup_elem'],
  cpumap: ['redirect_map'],
  xskmap: ['redirect_map', 'map_lookup_elem'],
  array_of_maps: ['map_lookup_elem'],
  hash_of_maps: ['map_lookup_elem'],
  sockmap: ['sk_redirect_map', 'sock_map_update', 'msg_redirect_map', 'sk_select_reuseport', 'map_lookup_elem'],
  sockhash: ['sk_redirect_hash', 'sock_hash_update', 'msg_redirect_hash', 'sk_select_reuseport', 'map_lookup_elem'],
  reuseport_sockarray: ['sk_select_reuseport'],
  queue: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
  stack: ['map_peek_elem', 'map_pop_elem', 'map_push_elem'],
  sk_storage: ['sk_storage_get', 'sk_storage_delete', 'kptr_xchg'],
  inode_storage: ['inode_storage_get', 'inode_storage_delete', 'kptr_xchg'],
  task_storage: ['task_storage_get', 'task_storage_delete', 'kptr_xchg'],
  cgrp_storage: ['cgrp_storage_get', 'cgrp_storage_delete', 'kptr_xchg'],
  bloom_filter: ['map_peek_elem', 'map_push_elem'],
  insn_array: [],
};

const MAPS_OF_HELPER: Record<string, readonly string[]> = {
  tail_call: ['prog_array'],
  perf_event_read: ['perf_event_array'],
  perf_event_output: ['perf_event_array'],
  perf_event_read_value: ['perf_event_array'],
  skb_output: ['perf_event_array'],
  xdp_output: ['perf_event_array'],
  ringbuf_output: ['ringbuf'],
  ringbuf_reserve: ['ringbuf'],
  ringbuf_query: ['ringbuf'],
  ringbuf_reserve_dynptr: ['ringbuf'],
  ringbuf_submit_dynptr: ['ringbuf'],
  ringbuf_discard_dynptr: ['ringbuf'],
  user_ringbuf_drain: ['user_ringbuf'],
  get_stackid: ['stack_trace'],
  current_task_under_cgroup: ['cgroup_array'],
  skb_under_cgroup: ['cgroup_array'],
  redirect_map: ['devmap', 'devmap_hash', 'cpumap', 'xskmap'],
  sk_redirect_map: ['sockmap'],
  msg_redirect_map: ['sockmap'],
  sock_map_update: ['sockmap'],
  sk_redirect_hash: ['sockhash'],
  msg_redirect_hash: ['sockhash'],
  sock_hash_update: ['sockhash'],
  get_local_storage: ['cgroup_storage', 'percpu_cgroup_storage'],
  sk_select_reuseport: ['reuseport_sockarray', 'sockmap', 'sockhash'],
  map_pop_elem: ['queue', 'stack'],
  map_peek_elem: ['queue', 'stack', 'bloom_filter'],
  map_push_elem: ['queue', 'stack', 'bloom_filter'],
  map_lookup_percpu_elem: ['percpu_array', 'percpu_hash', 'lru_percpu_hash'],
  sk_storage_get: ['sk_storage'],
  sk_storage_delete: ['sk_storage'],
  inode_storage_get: ['inode_storage'],
  inode_storage_delete: ['inode_storage'],
  task_storage_get: ['task_storage'],
  task_storage_delete: ['task_storage'],
  cgrp_storage_get: ['cgrp_storage'],
  cgrp_storage_delete: ['cgrp_storage'],
};

function mayUpdateSockmap(env: Env, helper: string): boolean {
  if (helper !== 'map_update_elem' && helper !== 'map_delete_elem') return false;
  const { name } = env.progType;
  if (SOCK_MAP_UPDATES.has(name)) return true;
  if (name === 'tracing' && env.program.spec.attachType === 'trace_iter') return true;
  if (name === 'sock_ops' && helper === 'map_delete_elem') return true;
  env.say('cannot update sockmap in this context');
  return false;
}

const BPF_F_RDONLY_PROG = 1 << 7;

/** Programs may not write its values: so it was made, or (device maps) what a lookup gives lies in the kernel. */
export function isReadOnly(spec: MapSpec): boolean {
  return (spec.flags & BPF_F_RDONLY_PROG) !== 0 || spec.type === 'devmap' || spec.type === 'devmap_hash';
}

/** Refuse a helper that the map is not for. */
export function checkMapAndHelper(env: Env, map: UsedMap, helper: HelperRow): void {
  const { type } = map.spec;
  const helpers = HELPERS_OF_MAP[type];
  const maps = MAPS_OF_HELPER[helper.name];
  const ok =
    (helpers === undefined ||
      helpers.includes(helper.name) ||
      ((type === 'sockmap' || type === 'sockhash') && mayUpdateSockmap(env, helper.name))) &&
    (maps === undefined || maps.includes(type));
  if (!ok) env.fail('helper', `cannot pass map_type ${map.row.id} into func bpf_${helper.name}#${helper.id}`);
}

const TRACING = new Set(['kprobe', 'tracepoint', 'perf_event', 'raw_tracepoint', 'raw_tracepoint_writable']);
const SLEEPABLE_MAPS = new Set([
  'hash',
  'lru_hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_percpu_hash',
  'array_of_maps',
  'hash_of_maps',
  'ringbuf',
  'user_ringbuf',
  'inode_storage',
  'sk_storage',
  'task_storage',
  'cgrp_storage',
  'queue',
  'stack',
  'arena',
  'insn_array',
]);

/** Refuse a map that programs of this type may not use at all. */
export function checkMapAndProgram(env: Env, map: UsedMap): void {
  const tracing = TRACING.has(env.progType.name);
  if (specialField(env, map, 'bpf_list_head') || specialField(env, map, 'bpf_rb_root')) {
    if (tracing) env.fail('type', 'tracing progs cannot use bpf_{list_head,rb_root} yet');
  }
  if (hasLock(specialFields(env, map))) {
    if (env.progType.name === 'socket_filter') env.fail('type', 'socket filter progs cannot use bpf_spin_lock yet');
    if (tracing) env.fail('type', 'tracing progs cannot use bpf_spin_lock yet');
  }
  if (specialField(env, map, 'bpf_timer') && tracing) env.fail('type', 'tracing progs cannot use bpf_timer yet');
  if (specialField(env, map, 'bpf_wq') && tracing) env.fail('type', 'tracing progs cannot use bpf_wq yet');
  if (map.spec.type === 'struct_ops') env.fail('type', 'bpf_struct_ops map cannot be used in prog');
  if (env.options.sleepable && !SLEEPABLE_MAPS.has(map.spec.type)) {
    env.fail('type', 'Sleepable programs can only use array, hash, ringbuf and local storage maps');
  }
  if (map.spec.type === 'arena') {
    const other = env.program.maps.find((m) => m.spec.type === 'arena' && m !== map);
    if (other) env.fail('type', 'Only one arena per program');
    if (!env.privileged) env.fail('type', 'CAP_BPF and CAP_PERFMON are required to use arena');
    if (!env.options.arenasMapped && !map.spec.extra) {
      env.fail('type', "arena's user address must be set via map_extra or mmap()");
    }
  }
}
