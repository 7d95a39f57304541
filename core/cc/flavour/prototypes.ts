/**
 * C prototypes of the helpers, made from THE HELPER TABLE: argument kinds give parameter types, and what the table does not say (a
 * result's signedness, a BTF pointer's struct) is here.
 */

import type { ArgKind, HelperRow } from '../../helpers/helper.ts';
import { HELPERS, helperByName } from '../../helpers/index.ts';
import { type CType, type FuncType, INT, LONG, type Param, pointerTo, UINT, ULLONG, VOID } from '../ctype.ts';
import type { KernelTypes } from '../from-btf.ts';

const U64: CType = { ...ULLONG, alias: 'u64' };
const U32: CType = { ...UINT, alias: 'u32' };
const VOIDP = pointerTo(VOID);
const CONST_VOIDP = pointerTo({ ...VOID, const: true });

const U64_RESULTS = new Set([
  'ktime_get_ns',
  'ktime_get_boot_ns',
  'ktime_get_coarse_ns',
  'ktime_get_tai_ns',
  'jiffies64',
  'get_current_pid_tgid',
  'get_current_uid_gid',
  'get_current_task',
  'get_current_cgroup_id',
  'get_current_ancestor_cgroup_id',
  'skb_cgroup_id',
  'skb_ancestor_cgroup_id',
  'sk_cgroup_id',
  'sk_ancestor_cgroup_id',
  'get_socket_cookie',
  'get_netns_cookie',
  'get_func_ip',
  'get_attach_cookie',
  'ringbuf_query',
  'perf_event_read',
  'xdp_get_buff_len',
]); // prettier-ignore
const U32_RESULTS = new Set([
  'get_prandom_u32',
  'get_smp_processor_id',
  'get_cgroup_classid',
  'get_route_realm',
  'get_hash_recalc',
  'get_socket_uid',
]);

/** Structs that BTF pointers returned by helpers point to. */
const RESULT_STRUCTS: Record<string, string> = {
  get_current_task_btf: 'task_struct',
  task_pt_regs: 'pt_regs',
  sock_from_file: 'socket',
  sk_lookup_tcp: 'bpf_sock',
  sk_lookup_udp: 'bpf_sock',
  skc_lookup_tcp: 'bpf_sock',
  sk_fullsock: 'bpf_sock',
  get_listener_sock: 'bpf_sock',
  tcp_sock: 'bpf_tcp_sock',
  skc_to_tcp_sock: 'tcp_sock',
  skc_to_tcp6_sock: 'tcp6_sock',
  skc_to_udp6_sock: 'udp6_sock',
  skc_to_tcp_timewait_sock: 'tcp_timewait_sock',
  skc_to_tcp_request_sock: 'tcp_request_sock',
  skc_to_unix_sock: 'unix_sock',
  skc_to_mptcp_sock: 'mptcp_sock',
}; // prettier-ignore

function paramType(kind: ArgKind): CType {
  switch (kind) {
    case 'anything':
      return U64;
    case 'const_size':
    case 'const_size_or_zero':
      return U32;
    case 'const_alloc_size_or_zero':
      return U64;
    case 'map_key':
    case 'map_value':
    case 'const_str':
    case 'unsafe_ptr':
      return CONST_VOIDP;
    case 'int':
      return INT;
    case 'long':
      return LONG;
    default:
      return String(kind) === 'scalar' || String(kind) === 'number' ? U64 : VOIDP;
  }
}

function resultType(row: HelperRow, kernel: KernelTypes | undefined): CType {
  const struct = RESULT_STRUCTS[row.name];
  if (struct !== undefined) {
    const decl = kernel?.record('struct', struct);
    return decl ? pointerTo({ kind: 'record', decl }) : VOIDP;
  }
  if (U64_RESULTS.has(row.name)) return U64;
  if (U32_RESULTS.has(row.name)) return U32;
  if (row.ret === 'void') return VOID;
  return row.ret === 'integer' ? LONG : VOIDP;
}

/** Names that BCC declares for helpers beside the kernel's. */
const OTHER_NAMES: Record<string, string> = {
  bpf_l3_csum_replace_: 'bpf_l3_csum_replace',
  bpf_l4_csum_replace_: 'bpf_l4_csum_replace',
  bpf_perf_event_output_: 'bpf_perf_event_output',
};

/** Name, id and type of the helper that a C function name means, or undefined. */
export function helperPrototype(
  name: string,
  kernel: KernelTypes | undefined,
): { row: HelperRow; type: FuncType } | undefined {
  const known = OTHER_NAMES[name] ?? name;
  if (!known.startsWith('bpf_')) return undefined;
  const row = helperByName(known);
  if (!row) return undefined;
  const params: Param[] = row.args.map((kind) => ({ name: undefined, type: paramType(kind) }));
  // The bare printk helper is variadic in C.
  const variadic = row.name === 'trace_printk';
  return { row, type: { kind: 'func', ret: resultType(row, kernel), params, variadic } };
}

export function helperNames(): string[] {
  return HELPERS.map((row) => `bpf_${row.name}`);
}
