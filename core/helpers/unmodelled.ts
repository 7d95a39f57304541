/**
 * Helpers without behaviour, and why: every row of THE HELPER TABLE has `run` or a line here (a test counts). The compiler, the verifier and the
 * disassembler know them all; calling one says Unsupported with the reason.
 */

/** Reason -> names. */
export const UNMODELLED: Readonly<Record<string, readonly string[]>> = {
  'the engines do it': ['tail_call'],
  'nothing here runs sock_ops programs: they run on the state changes of a TCP stack': [
    'sock_map_update',
    'sock_hash_update',
    'sock_ops_cb_flags_set',
    'load_hdr_opt',
    'store_hdr_opt',
    'reserve_hdr_opt',
  ],
  'nothing here runs sk_msg and sk_skb programs: they run on the bytes that sockets send and receive': [
    'sk_redirect_map',
    'sk_redirect_hash',
    'msg_redirect_map',
    'msg_redirect_hash',
    'msg_apply_bytes',
    'msg_cork_bytes',
    'msg_pull_data',
    'msg_push_data',
    'msg_pop_data',
  ],
  'nothing here runs programs of cgroups that decide on calls: what calls do is decided by the source of the events': [
    'setsockopt',
    'getsockopt',
    'bind',
    'get_retval',
    'set_retval',
    'sysctl_get_name',
    'sysctl_get_current_value',
    'sysctl_get_new_value',
    'sysctl_set_new_value',
  ],
  'nothing here runs LSM programs: what calls do is decided by the source of the events': [
    'bprm_opts_set',
    'ima_inode_hash',
    'ima_file_hash',
  ],
  'nothing here runs lwt programs: packets pass no routes': [
    'lwt_push_encap',
    'lwt_seg6_store_bytes',
    'lwt_seg6_adjust_srh',
    'lwt_seg6_action',
  ],
  'nothing here runs lirc programs: there is no infrared receiver': ['rc_repeat', 'rc_keydown', 'rc_pointer_rel'],
  'nothing here runs syscall programs': ['sys_bpf', 'sys_close', 'btf_find_by_name_kind'],
  'nothing here runs struct_ops programs: no subsystem calls programs by structure': ['tcp_send_ack'],
  "packets here are nobody's: no socket receives their bytes": [
    'sk_lookup_tcp',
    'sk_lookup_udp',
    'skc_lookup_tcp',
    'sk_release',
    'sk_fullsock',
    'tcp_sock',
    'get_listener_sock',
    'sk_assign',
    'sk_select_reuseport',
    'sk_cgroup_id',
    'sk_ancestor_cgroup_id',
  ],
  "cookies of SYNs are made of a secret of the kernel's": [
    'tcp_check_syncookie',
    'tcp_gen_syncookie',
    'tcp_raw_gen_syncookie_ipv4',
    'tcp_raw_gen_syncookie_ipv6',
    'tcp_raw_check_syncookie_ipv4',
    'tcp_raw_check_syncookie_ipv6',
  ],
  'there are no tunnel devices that would take a key': ['skb_set_tunnel_key', 'skb_set_tunnel_opt'],
  'checksums are bytes of the packet here, with no state beside them': ['csum_level'],
  'the functions that the model passes have no socket buffer among their arguments': ['skb_output', 'xdp_output'],
  "a socket's file is not made here": ['sock_from_file'],
  'sources tell what user memory holds, and not which areas it is made of': ['find_vma'],
  "the kernel's text form of a type is the linux backend's": ['snprintf_btf', 'seq_printf_btf'],
};

const reasons: ReadonlyMap<string, string> = new Map(
  Object.entries(UNMODELLED).flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
);

/** Why a helper has no behaviour, or undefined when it has. */
export function whyUnmodelled(name: string): string | undefined {
  return reasons.get(name);
}
