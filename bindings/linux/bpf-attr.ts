/**
 * THE TABLE OF bpf(2): commands and the layout of their argument, `union bpf_attr` of include/uapi/linux/bpf.h. The union is a different
 * struct for each command; here a layout is a list of fields with offset and kind, and a command names its layout.
 *
 * native/linux/bpf_attr.gen.h is printed from this table (bpf-attr-header.ts) and compares every number with the machine's own header when the addon is
 * compiled; a test compares the committed file with the table.
 */

/** u32 and u64 are numbers, fd a u32, ptr a 64-bit address of bytes, name 16 bytes with a NUL. */
export type FieldKind = 'u32' | 'u64' | 'ptr' | 'name';

export const FIELD_SIZE = { u32: 4, u64: 8, ptr: 8, name: 16 } as const satisfies Record<FieldKind, number>;

export interface AttrField {
  readonly name: string;
  readonly at: number;
  readonly kind: FieldKind;
  /** Kernel that brought it, when later than 5.4. */
  readonly since?: string;
  /** How C names it, when not by `name` behind the layout's prefix. */
  readonly c?: string;
}

export interface AttrLayout {
  /** Member of the union that holds the fields; '' for the anonymous ones. */
  readonly member: string;
  readonly since?: string;
  readonly fields: readonly AttrField[];
}

export const LAYOUTS = {
  map_create: {
    member: '',
    fields: [
      { name: 'map_type', at: 0, kind: 'u32' },
      { name: 'key_size', at: 4, kind: 'u32' },
      { name: 'value_size', at: 8, kind: 'u32' },
      { name: 'max_entries', at: 12, kind: 'u32' },
      { name: 'map_flags', at: 16, kind: 'u32' },
      { name: 'inner_map_fd', at: 20, kind: 'u32' },
      { name: 'numa_node', at: 24, kind: 'u32' },
      { name: 'map_name', at: 28, kind: 'name' },
      { name: 'map_ifindex', at: 44, kind: 'u32' },
      { name: 'btf_fd', at: 48, kind: 'u32' },
      { name: 'btf_key_type_id', at: 52, kind: 'u32' },
      { name: 'btf_value_type_id', at: 56, kind: 'u32' },
      { name: 'btf_vmlinux_value_type_id', at: 60, kind: 'u32', since: '5.6' },
      { name: 'map_extra', at: 64, kind: 'u64', since: '5.16' },
    ],
  },
  elem: {
    member: '',
    fields: [
      { name: 'map_fd', at: 0, kind: 'u32' },
      { name: 'key', at: 8, kind: 'ptr' },
      { name: 'value', at: 16, kind: 'ptr' },
      { name: 'next_key', at: 16, kind: 'ptr' },
      { name: 'flags', at: 24, kind: 'u64' },
    ],
  },
  batch: {
    member: 'batch',
    since: '5.6',
    fields: [
      { name: 'in_batch', at: 0, kind: 'ptr' },
      { name: 'out_batch', at: 8, kind: 'ptr' },
      { name: 'keys', at: 16, kind: 'ptr' },
      { name: 'values', at: 24, kind: 'ptr' },
      { name: 'count', at: 32, kind: 'u32' },
      { name: 'map_fd', at: 36, kind: 'u32' },
      { name: 'elem_flags', at: 40, kind: 'u64' },
      { name: 'flags', at: 48, kind: 'u64' },
    ],
  },
  prog_load: {
    member: '',
    fields: [
      { name: 'prog_type', at: 0, kind: 'u32' },
      { name: 'insn_cnt', at: 4, kind: 'u32' },
      { name: 'insns', at: 8, kind: 'ptr' },
      { name: 'license', at: 16, kind: 'ptr' },
      { name: 'log_level', at: 24, kind: 'u32' },
      { name: 'log_size', at: 28, kind: 'u32' },
      { name: 'log_buf', at: 32, kind: 'ptr' },
      { name: 'kern_version', at: 40, kind: 'u32' },
      { name: 'prog_flags', at: 44, kind: 'u32' },
      { name: 'prog_name', at: 48, kind: 'name' },
      { name: 'prog_ifindex', at: 64, kind: 'u32' },
      { name: 'expected_attach_type', at: 68, kind: 'u32' },
      { name: 'prog_btf_fd', at: 72, kind: 'u32' },
      { name: 'func_info_rec_size', at: 76, kind: 'u32' },
      { name: 'func_info', at: 80, kind: 'ptr' },
      { name: 'func_info_cnt', at: 88, kind: 'u32' },
      { name: 'line_info_rec_size', at: 92, kind: 'u32' },
      { name: 'line_info', at: 96, kind: 'ptr' },
      { name: 'line_info_cnt', at: 104, kind: 'u32' },
      { name: 'attach_btf_id', at: 108, kind: 'u32', since: '5.5' },
      { name: 'attach_prog_fd', at: 112, kind: 'u32', since: '5.5' },
      { name: 'attach_btf_obj_fd', at: 112, kind: 'u32', since: '5.11' },
      { name: 'core_relo_cnt', at: 116, kind: 'u32', since: '5.17' },
      { name: 'fd_array', at: 120, kind: 'ptr', since: '5.14' },
      { name: 'core_relos', at: 128, kind: 'ptr', since: '5.17' },
      { name: 'core_relo_rec_size', at: 136, kind: 'u32', since: '5.17' },
    ],
  },
  obj: {
    member: '',
    fields: [
      { name: 'pathname', at: 0, kind: 'ptr' },
      { name: 'bpf_fd', at: 8, kind: 'u32' },
      { name: 'file_flags', at: 12, kind: 'u32' },
    ],
  },
  attach: {
    member: '',
    fields: [
      { name: 'target_fd', at: 0, kind: 'u32' },
      { name: 'attach_bpf_fd', at: 4, kind: 'u32' },
      { name: 'attach_type', at: 8, kind: 'u32' },
      { name: 'attach_flags', at: 12, kind: 'u32' },
      { name: 'replace_bpf_fd', at: 16, kind: 'u32', since: '5.6' },
    ],
  },
  test: {
    member: 'test',
    fields: [
      { name: 'prog_fd', at: 0, kind: 'u32' },
      { name: 'retval', at: 4, kind: 'u32' },
      { name: 'data_size_in', at: 8, kind: 'u32' },
      { name: 'data_size_out', at: 12, kind: 'u32' },
      { name: 'data_in', at: 16, kind: 'ptr' },
      { name: 'data_out', at: 24, kind: 'ptr' },
      { name: 'repeat', at: 32, kind: 'u32' },
      { name: 'duration', at: 36, kind: 'u32' },
      { name: 'ctx_size_in', at: 40, kind: 'u32' },
      { name: 'ctx_size_out', at: 44, kind: 'u32' },
      { name: 'ctx_in', at: 48, kind: 'ptr' },
      { name: 'ctx_out', at: 56, kind: 'ptr' },
      { name: 'flags', at: 64, kind: 'u32', since: '5.11' },
      { name: 'cpu', at: 68, kind: 'u32', since: '5.11' },
      { name: 'batch_size', at: 72, kind: 'u32', since: '5.18' },
    ],
  },
  /** `start_id`, `prog_id`, `map_id`, `btf_id` and `link_id` are one word. */
  id: {
    member: '',
    fields: [
      { name: 'start_id', at: 0, kind: 'u32' },
      { name: 'prog_id', at: 0, kind: 'u32' },
      { name: 'map_id', at: 0, kind: 'u32' },
      { name: 'btf_id', at: 0, kind: 'u32' },
      { name: 'link_id', at: 0, kind: 'u32', since: '5.8' },
      { name: 'next_id', at: 4, kind: 'u32' },
      { name: 'open_flags', at: 8, kind: 'u32' },
    ],
  },
  info: {
    member: 'info',
    fields: [
      { name: 'bpf_fd', at: 0, kind: 'u32' },
      { name: 'info_len', at: 4, kind: 'u32' },
      { name: 'info', at: 8, kind: 'ptr' },
    ],
  },
  query: {
    member: 'query',
    fields: [
      { name: 'target_fd', at: 0, kind: 'u32' },
      { name: 'attach_type', at: 4, kind: 'u32' },
      { name: 'query_flags', at: 8, kind: 'u32' },
      { name: 'attach_flags', at: 12, kind: 'u32' },
      { name: 'prog_ids', at: 16, kind: 'ptr' },
      { name: 'prog_cnt', at: 24, kind: 'u32' },
    ],
  },
  raw_tracepoint: {
    member: 'raw_tracepoint',
    fields: [
      { name: 'name', at: 0, kind: 'ptr' },
      { name: 'prog_fd', at: 8, kind: 'u32' },
      { name: 'cookie', at: 16, kind: 'u64', since: '6.10' },
    ],
  },
  btf_load: {
    member: '',
    fields: [
      { name: 'btf', at: 0, kind: 'ptr' },
      { name: 'btf_log_buf', at: 8, kind: 'ptr' },
      { name: 'btf_size', at: 16, kind: 'u32' },
      { name: 'btf_log_size', at: 20, kind: 'u32' },
      { name: 'btf_log_level', at: 24, kind: 'u32' },
    ],
  },
  task_fd_query: {
    member: 'task_fd_query',
    fields: [
      { name: 'pid', at: 0, kind: 'u32' },
      { name: 'fd', at: 4, kind: 'u32' },
      { name: 'flags', at: 8, kind: 'u32' },
      { name: 'buf_len', at: 12, kind: 'u32' },
      { name: 'buf', at: 16, kind: 'ptr' },
      { name: 'prog_id', at: 24, kind: 'u32' },
      { name: 'fd_type', at: 28, kind: 'u32' },
      { name: 'probe_offset', at: 32, kind: 'u64' },
      { name: 'probe_addr', at: 40, kind: 'u64' },
    ],
  },
  link_create: {
    member: 'link_create',
    since: '5.7',
    fields: [
      { name: 'prog_fd', at: 0, kind: 'u32' },
      { name: 'target_fd', at: 4, kind: 'u32' },
      { name: 'target_ifindex', at: 4, kind: 'u32', since: '5.8' },
      { name: 'attach_type', at: 8, kind: 'u32' },
      { name: 'flags', at: 12, kind: 'u32' },
      { name: 'target_btf_id', at: 16, kind: 'u32', since: '5.9' },
      { name: 'iter_info', at: 16, kind: 'ptr', since: '5.9' },
      { name: 'iter_info_len', at: 24, kind: 'u32', since: '5.9' },
      { name: 'bpf_cookie', at: 16, kind: 'u64', since: '5.15', c: 'perf_event.bpf_cookie' },
      { name: 'tracing_cookie', at: 24, kind: 'u64', since: '6.0', c: 'tracing.cookie' },
      { name: 'kprobe_multi_flags', at: 16, kind: 'u32', since: '5.18', c: 'kprobe_multi.flags' },
      { name: 'kprobe_multi_cnt', at: 20, kind: 'u32', since: '5.18', c: 'kprobe_multi.cnt' },
      { name: 'kprobe_multi_syms', at: 24, kind: 'ptr', since: '5.18', c: 'kprobe_multi.syms' },
      { name: 'kprobe_multi_addrs', at: 32, kind: 'ptr', since: '5.18', c: 'kprobe_multi.addrs' },
      { name: 'kprobe_multi_cookies', at: 40, kind: 'ptr', since: '5.18', c: 'kprobe_multi.cookies' },
      { name: 'uprobe_multi_path', at: 16, kind: 'ptr', since: '6.6', c: 'uprobe_multi.path' },
      { name: 'uprobe_multi_offsets', at: 24, kind: 'ptr', since: '6.6', c: 'uprobe_multi.offsets' },
      { name: 'uprobe_multi_ref_ctr_offsets', at: 32, kind: 'ptr', since: '6.6', c: 'uprobe_multi.ref_ctr_offsets' },
      { name: 'uprobe_multi_cookies', at: 40, kind: 'ptr', since: '6.6', c: 'uprobe_multi.cookies' },
      { name: 'uprobe_multi_cnt', at: 48, kind: 'u32', since: '6.6', c: 'uprobe_multi.cnt' },
      { name: 'uprobe_multi_flags', at: 52, kind: 'u32', since: '6.6', c: 'uprobe_multi.flags' },
      { name: 'netfilter_pf', at: 16, kind: 'u32', since: '6.4', c: 'netfilter.pf' },
      { name: 'netfilter_hooknum', at: 20, kind: 'u32', since: '6.4', c: 'netfilter.hooknum' },
      { name: 'netfilter_priority', at: 24, kind: 'u32', since: '6.4', c: 'netfilter.priority' },
      { name: 'netfilter_flags', at: 28, kind: 'u32', since: '6.4', c: 'netfilter.flags' },
      { name: 'uprobe_multi_pid', at: 56, kind: 'u32', since: '6.6', c: 'uprobe_multi.pid' },
    ],
  },
  link_update: {
    member: 'link_update',
    since: '5.7',
    fields: [
      { name: 'link_fd', at: 0, kind: 'u32' },
      { name: 'new_prog_fd', at: 4, kind: 'u32' },
      { name: 'flags', at: 8, kind: 'u32' },
      { name: 'old_prog_fd', at: 12, kind: 'u32' },
    ],
  },
  link_detach: { member: 'link_detach', since: '5.9', fields: [{ name: 'link_fd', at: 0, kind: 'u32' }] },
  enable_stats: { member: 'enable_stats', since: '5.8', fields: [{ name: 'type', at: 0, kind: 'u32' }] },
  iter_create: {
    member: 'iter_create',
    since: '5.8',
    fields: [
      { name: 'link_fd', at: 0, kind: 'u32' },
      { name: 'flags', at: 4, kind: 'u32' },
    ],
  },
  prog_bind_map: {
    member: 'prog_bind_map',
    since: '5.10',
    fields: [
      { name: 'prog_fd', at: 0, kind: 'u32' },
      { name: 'map_fd', at: 4, kind: 'u32' },
      { name: 'flags', at: 8, kind: 'u32' },
    ],
  },
} as const satisfies Record<string, AttrLayout>;

export interface BpfCommandRow {
  readonly name: string;
  readonly number: number;
  readonly layout: keyof typeof LAYOUTS;
  readonly since?: string;
}

export const BPF_COMMANDS = [
  { name: 'MAP_CREATE', number: 0, layout: 'map_create' },
  { name: 'MAP_LOOKUP_ELEM', number: 1, layout: 'elem' },
  { name: 'MAP_UPDATE_ELEM', number: 2, layout: 'elem' },
  { name: 'MAP_DELETE_ELEM', number: 3, layout: 'elem' },
  { name: 'MAP_GET_NEXT_KEY', number: 4, layout: 'elem' },
  { name: 'PROG_LOAD', number: 5, layout: 'prog_load' },
  { name: 'OBJ_PIN', number: 6, layout: 'obj' },
  { name: 'OBJ_GET', number: 7, layout: 'obj' },
  { name: 'PROG_ATTACH', number: 8, layout: 'attach' },
  { name: 'PROG_DETACH', number: 9, layout: 'attach' },
  { name: 'PROG_TEST_RUN', number: 10, layout: 'test' },
  { name: 'PROG_GET_NEXT_ID', number: 11, layout: 'id' },
  { name: 'MAP_GET_NEXT_ID', number: 12, layout: 'id' },
  { name: 'PROG_GET_FD_BY_ID', number: 13, layout: 'id' },
  { name: 'MAP_GET_FD_BY_ID', number: 14, layout: 'id' },
  { name: 'OBJ_GET_INFO_BY_FD', number: 15, layout: 'info' },
  { name: 'PROG_QUERY', number: 16, layout: 'query' },
  { name: 'RAW_TRACEPOINT_OPEN', number: 17, layout: 'raw_tracepoint' },
  { name: 'BTF_LOAD', number: 18, layout: 'btf_load' },
  { name: 'BTF_GET_FD_BY_ID', number: 19, layout: 'id' },
  { name: 'TASK_FD_QUERY', number: 20, layout: 'task_fd_query' },
  { name: 'MAP_LOOKUP_AND_DELETE_ELEM', number: 21, layout: 'elem' },
  { name: 'MAP_FREEZE', number: 22, layout: 'elem' },
  { name: 'BTF_GET_NEXT_ID', number: 23, layout: 'id' },
  { name: 'MAP_LOOKUP_BATCH', number: 24, layout: 'batch', since: '5.6' },
  { name: 'MAP_LOOKUP_AND_DELETE_BATCH', number: 25, layout: 'batch', since: '5.6' },
  { name: 'MAP_UPDATE_BATCH', number: 26, layout: 'batch', since: '5.6' },
  { name: 'MAP_DELETE_BATCH', number: 27, layout: 'batch', since: '5.6' },
  { name: 'LINK_CREATE', number: 28, layout: 'link_create', since: '5.7' },
  { name: 'LINK_UPDATE', number: 29, layout: 'link_update', since: '5.7' },
  { name: 'LINK_GET_FD_BY_ID', number: 30, layout: 'id', since: '5.8' },
  { name: 'LINK_GET_NEXT_ID', number: 31, layout: 'id', since: '5.8' },
  { name: 'ENABLE_STATS', number: 32, layout: 'enable_stats', since: '5.8' },
  { name: 'ITER_CREATE', number: 33, layout: 'iter_create', since: '5.8' },
  { name: 'LINK_DETACH', number: 34, layout: 'link_detach', since: '5.9' },
  { name: 'PROG_BIND_MAP', number: 35, layout: 'prog_bind_map', since: '5.10' },
] as const satisfies readonly BpfCommandRow[];

export type BpfCommand = (typeof BPF_COMMANDS)[number]['name'];
type LayoutOf<C extends BpfCommand> = Extract<(typeof BPF_COMMANDS)[number], { name: C }>['layout'];
/** Names of the fields that a command takes. */
export type FieldOf<C extends BpfCommand> = (typeof LAYOUTS)[LayoutOf<C>]['fields'][number]['name'];
