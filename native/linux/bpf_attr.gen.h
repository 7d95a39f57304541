// Printed by bindings/linux/bpf-attr-header.ts from bpf-attr.ts; do not edit.
#pragma once
#include <linux/bpf.h>
#include <linux/version.h>

#include <cstddef>

static_assert(BPF_MAP_CREATE == 0);
static_assert(BPF_MAP_LOOKUP_ELEM == 1);
static_assert(BPF_MAP_UPDATE_ELEM == 2);
static_assert(BPF_MAP_DELETE_ELEM == 3);
static_assert(BPF_MAP_GET_NEXT_KEY == 4);
static_assert(BPF_PROG_LOAD == 5);
static_assert(BPF_OBJ_PIN == 6);
static_assert(BPF_OBJ_GET == 7);
static_assert(BPF_PROG_ATTACH == 8);
static_assert(BPF_PROG_DETACH == 9);
static_assert(BPF_PROG_TEST_RUN == 10);
static_assert(BPF_PROG_GET_NEXT_ID == 11);
static_assert(BPF_MAP_GET_NEXT_ID == 12);
static_assert(BPF_PROG_GET_FD_BY_ID == 13);
static_assert(BPF_MAP_GET_FD_BY_ID == 14);
static_assert(BPF_OBJ_GET_INFO_BY_FD == 15);
static_assert(BPF_PROG_QUERY == 16);
static_assert(BPF_RAW_TRACEPOINT_OPEN == 17);
static_assert(BPF_BTF_LOAD == 18);
static_assert(BPF_BTF_GET_FD_BY_ID == 19);
static_assert(BPF_TASK_FD_QUERY == 20);
static_assert(BPF_MAP_LOOKUP_AND_DELETE_ELEM == 21);
static_assert(BPF_MAP_FREEZE == 22);
static_assert(BPF_BTF_GET_NEXT_ID == 23);
static_assert(offsetof(bpf_attr, map_type) == 0 && sizeof(bpf_attr{}.map_type) == 4);
static_assert(offsetof(bpf_attr, key_size) == 4 && sizeof(bpf_attr{}.key_size) == 4);
static_assert(offsetof(bpf_attr, value_size) == 8 && sizeof(bpf_attr{}.value_size) == 4);
static_assert(offsetof(bpf_attr, max_entries) == 12 && sizeof(bpf_attr{}.max_entries) == 4);
static_assert(offsetof(bpf_attr, map_flags) == 16 && sizeof(bpf_attr{}.map_flags) == 4);
static_assert(offsetof(bpf_attr, inner_map_fd) == 20 && sizeof(bpf_attr{}.inner_map_fd) == 4);
static_assert(offsetof(bpf_attr, numa_node) == 24 && sizeof(bpf_attr{}.numa_node) == 4);
static_assert(offsetof(bpf_attr, map_name) == 28 && sizeof(bpf_attr{}.map_name) == 16);
static_assert(offsetof(bpf_attr, map_ifindex) == 44 && sizeof(bpf_attr{}.map_ifindex) == 4);
static_assert(offsetof(bpf_attr, btf_fd) == 48 && sizeof(bpf_attr{}.btf_fd) == 4);
static_assert(offsetof(bpf_attr, btf_key_type_id) == 52 && sizeof(bpf_attr{}.btf_key_type_id) == 4);
static_assert(offsetof(bpf_attr, btf_value_type_id) == 56 && sizeof(bpf_attr{}.btf_value_type_id) == 4);
static_assert(offsetof(bpf_attr, map_fd) == 0 && sizeof(bpf_attr{}.map_fd) == 4);
static_assert(offsetof(bpf_attr, key) == 8 && sizeof(bpf_attr{}.key) == 8);
static_assert(offsetof(bpf_attr, value) == 16 && sizeof(bpf_attr{}.value) == 8);
static_assert(offsetof(bpf_attr, next_key) == 16 && sizeof(bpf_attr{}.next_key) == 8);
static_assert(offsetof(bpf_attr, flags) == 24 && sizeof(bpf_attr{}.flags) == 8);
static_assert(offsetof(bpf_attr, prog_type) == 0 && sizeof(bpf_attr{}.prog_type) == 4);
static_assert(offsetof(bpf_attr, insn_cnt) == 4 && sizeof(bpf_attr{}.insn_cnt) == 4);
static_assert(offsetof(bpf_attr, insns) == 8 && sizeof(bpf_attr{}.insns) == 8);
static_assert(offsetof(bpf_attr, license) == 16 && sizeof(bpf_attr{}.license) == 8);
static_assert(offsetof(bpf_attr, log_level) == 24 && sizeof(bpf_attr{}.log_level) == 4);
static_assert(offsetof(bpf_attr, log_size) == 28 && sizeof(bpf_attr{}.log_size) == 4);
static_assert(offsetof(bpf_attr, log_buf) == 32 && sizeof(bpf_attr{}.log_buf) == 8);
static_assert(offsetof(bpf_attr, kern_version) == 40 && sizeof(bpf_attr{}.kern_version) == 4);
static_assert(offsetof(bpf_attr, prog_flags) == 44 && sizeof(bpf_attr{}.prog_flags) == 4);
static_assert(offsetof(bpf_attr, prog_name) == 48 && sizeof(bpf_attr{}.prog_name) == 16);
static_assert(offsetof(bpf_attr, prog_ifindex) == 64 && sizeof(bpf_attr{}.prog_ifindex) == 4);
static_assert(offsetof(bpf_attr, expected_attach_type) == 68 && sizeof(bpf_attr{}.expected_attach_type) == 4);
static_assert(offsetof(bpf_attr, prog_btf_fd) == 72 && sizeof(bpf_attr{}.prog_btf_fd) == 4);
static_assert(offsetof(bpf_attr, func_info_rec_size) == 76 && sizeof(bpf_attr{}.func_info_rec_size) == 4);
static_assert(offsetof(bpf_attr, func_info) == 80 && sizeof(bpf_attr{}.func_info) == 8);
static_assert(offsetof(bpf_attr, func_info_cnt) == 88 && sizeof(bpf_attr{}.func_info_cnt) == 4);
static_assert(offsetof(bpf_attr, line_info_rec_size) == 92 && sizeof(bpf_attr{}.line_info_rec_size) == 4);
static_assert(offsetof(bpf_attr, line_info) == 96 && sizeof(bpf_attr{}.line_info) == 8);
static_assert(offsetof(bpf_attr, line_info_cnt) == 104 && sizeof(bpf_attr{}.line_info_cnt) == 4);
static_assert(offsetof(bpf_attr, pathname) == 0 && sizeof(bpf_attr{}.pathname) == 8);
static_assert(offsetof(bpf_attr, bpf_fd) == 8 && sizeof(bpf_attr{}.bpf_fd) == 4);
static_assert(offsetof(bpf_attr, file_flags) == 12 && sizeof(bpf_attr{}.file_flags) == 4);
static_assert(offsetof(bpf_attr, target_fd) == 0 && sizeof(bpf_attr{}.target_fd) == 4);
static_assert(offsetof(bpf_attr, attach_bpf_fd) == 4 && sizeof(bpf_attr{}.attach_bpf_fd) == 4);
static_assert(offsetof(bpf_attr, attach_type) == 8 && sizeof(bpf_attr{}.attach_type) == 4);
static_assert(offsetof(bpf_attr, attach_flags) == 12 && sizeof(bpf_attr{}.attach_flags) == 4);
static_assert(offsetof(bpf_attr, test.prog_fd) == 0 && sizeof(bpf_attr{}.test.prog_fd) == 4);
static_assert(offsetof(bpf_attr, test.retval) == 4 && sizeof(bpf_attr{}.test.retval) == 4);
static_assert(offsetof(bpf_attr, test.data_size_in) == 8 && sizeof(bpf_attr{}.test.data_size_in) == 4);
static_assert(offsetof(bpf_attr, test.data_size_out) == 12 && sizeof(bpf_attr{}.test.data_size_out) == 4);
static_assert(offsetof(bpf_attr, test.data_in) == 16 && sizeof(bpf_attr{}.test.data_in) == 8);
static_assert(offsetof(bpf_attr, test.data_out) == 24 && sizeof(bpf_attr{}.test.data_out) == 8);
static_assert(offsetof(bpf_attr, test.repeat) == 32 && sizeof(bpf_attr{}.test.repeat) == 4);
static_assert(offsetof(bpf_attr, test.duration) == 36 && sizeof(bpf_attr{}.test.duration) == 4);
static_assert(offsetof(bpf_attr, test.ctx_size_in) == 40 && sizeof(bpf_attr{}.test.ctx_size_in) == 4);
static_assert(offsetof(bpf_attr, test.ctx_size_out) == 44 && sizeof(bpf_attr{}.test.ctx_size_out) == 4);
static_assert(offsetof(bpf_attr, test.ctx_in) == 48 && sizeof(bpf_attr{}.test.ctx_in) == 8);
static_assert(offsetof(bpf_attr, test.ctx_out) == 56 && sizeof(bpf_attr{}.test.ctx_out) == 8);
static_assert(offsetof(bpf_attr, start_id) == 0 && sizeof(bpf_attr{}.start_id) == 4);
static_assert(offsetof(bpf_attr, prog_id) == 0 && sizeof(bpf_attr{}.prog_id) == 4);
static_assert(offsetof(bpf_attr, map_id) == 0 && sizeof(bpf_attr{}.map_id) == 4);
static_assert(offsetof(bpf_attr, btf_id) == 0 && sizeof(bpf_attr{}.btf_id) == 4);
static_assert(offsetof(bpf_attr, next_id) == 4 && sizeof(bpf_attr{}.next_id) == 4);
static_assert(offsetof(bpf_attr, open_flags) == 8 && sizeof(bpf_attr{}.open_flags) == 4);
static_assert(offsetof(bpf_attr, info.bpf_fd) == 0 && sizeof(bpf_attr{}.info.bpf_fd) == 4);
static_assert(offsetof(bpf_attr, info.info_len) == 4 && sizeof(bpf_attr{}.info.info_len) == 4);
static_assert(offsetof(bpf_attr, info.info) == 8 && sizeof(bpf_attr{}.info.info) == 8);
static_assert(offsetof(bpf_attr, query.target_fd) == 0 && sizeof(bpf_attr{}.query.target_fd) == 4);
static_assert(offsetof(bpf_attr, query.attach_type) == 4 && sizeof(bpf_attr{}.query.attach_type) == 4);
static_assert(offsetof(bpf_attr, query.query_flags) == 8 && sizeof(bpf_attr{}.query.query_flags) == 4);
static_assert(offsetof(bpf_attr, query.attach_flags) == 12 && sizeof(bpf_attr{}.query.attach_flags) == 4);
static_assert(offsetof(bpf_attr, query.prog_ids) == 16 && sizeof(bpf_attr{}.query.prog_ids) == 8);
static_assert(offsetof(bpf_attr, query.prog_cnt) == 24 && sizeof(bpf_attr{}.query.prog_cnt) == 4);
static_assert(offsetof(bpf_attr, raw_tracepoint.name) == 0 && sizeof(bpf_attr{}.raw_tracepoint.name) == 8);
static_assert(offsetof(bpf_attr, raw_tracepoint.prog_fd) == 8 && sizeof(bpf_attr{}.raw_tracepoint.prog_fd) == 4);
static_assert(offsetof(bpf_attr, btf) == 0 && sizeof(bpf_attr{}.btf) == 8);
static_assert(offsetof(bpf_attr, btf_log_buf) == 8 && sizeof(bpf_attr{}.btf_log_buf) == 8);
static_assert(offsetof(bpf_attr, btf_size) == 16 && sizeof(bpf_attr{}.btf_size) == 4);
static_assert(offsetof(bpf_attr, btf_log_size) == 20 && sizeof(bpf_attr{}.btf_log_size) == 4);
static_assert(offsetof(bpf_attr, btf_log_level) == 24 && sizeof(bpf_attr{}.btf_log_level) == 4);
static_assert(offsetof(bpf_attr, task_fd_query.pid) == 0 && sizeof(bpf_attr{}.task_fd_query.pid) == 4);
static_assert(offsetof(bpf_attr, task_fd_query.fd) == 4 && sizeof(bpf_attr{}.task_fd_query.fd) == 4);
static_assert(offsetof(bpf_attr, task_fd_query.flags) == 8 && sizeof(bpf_attr{}.task_fd_query.flags) == 4);
static_assert(offsetof(bpf_attr, task_fd_query.buf_len) == 12 && sizeof(bpf_attr{}.task_fd_query.buf_len) == 4);
static_assert(offsetof(bpf_attr, task_fd_query.buf) == 16 && sizeof(bpf_attr{}.task_fd_query.buf) == 8);
static_assert(offsetof(bpf_attr, task_fd_query.prog_id) == 24 && sizeof(bpf_attr{}.task_fd_query.prog_id) == 4);
static_assert(offsetof(bpf_attr, task_fd_query.fd_type) == 28 && sizeof(bpf_attr{}.task_fd_query.fd_type) == 4);
static_assert(offsetof(bpf_attr, task_fd_query.probe_offset) == 32 && sizeof(bpf_attr{}.task_fd_query.probe_offset) == 8);
static_assert(offsetof(bpf_attr, task_fd_query.probe_addr) == 40 && sizeof(bpf_attr{}.task_fd_query.probe_addr) == 8);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 5, 0)
static_assert(offsetof(bpf_attr, attach_btf_id) == 108 && sizeof(bpf_attr{}.attach_btf_id) == 4);
static_assert(offsetof(bpf_attr, attach_prog_fd) == 112 && sizeof(bpf_attr{}.attach_prog_fd) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 6, 0)
static_assert(BPF_MAP_LOOKUP_BATCH == 24);
static_assert(BPF_MAP_LOOKUP_AND_DELETE_BATCH == 25);
static_assert(BPF_MAP_UPDATE_BATCH == 26);
static_assert(BPF_MAP_DELETE_BATCH == 27);
static_assert(offsetof(bpf_attr, btf_vmlinux_value_type_id) == 60 && sizeof(bpf_attr{}.btf_vmlinux_value_type_id) == 4);
static_assert(offsetof(bpf_attr, batch.in_batch) == 0 && sizeof(bpf_attr{}.batch.in_batch) == 8);
static_assert(offsetof(bpf_attr, batch.out_batch) == 8 && sizeof(bpf_attr{}.batch.out_batch) == 8);
static_assert(offsetof(bpf_attr, batch.keys) == 16 && sizeof(bpf_attr{}.batch.keys) == 8);
static_assert(offsetof(bpf_attr, batch.values) == 24 && sizeof(bpf_attr{}.batch.values) == 8);
static_assert(offsetof(bpf_attr, batch.count) == 32 && sizeof(bpf_attr{}.batch.count) == 4);
static_assert(offsetof(bpf_attr, batch.map_fd) == 36 && sizeof(bpf_attr{}.batch.map_fd) == 4);
static_assert(offsetof(bpf_attr, batch.elem_flags) == 40 && sizeof(bpf_attr{}.batch.elem_flags) == 8);
static_assert(offsetof(bpf_attr, batch.flags) == 48 && sizeof(bpf_attr{}.batch.flags) == 8);
static_assert(offsetof(bpf_attr, replace_bpf_fd) == 16 && sizeof(bpf_attr{}.replace_bpf_fd) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 7, 0)
static_assert(BPF_LINK_CREATE == 28);
static_assert(BPF_LINK_UPDATE == 29);
static_assert(offsetof(bpf_attr, link_create.prog_fd) == 0 && sizeof(bpf_attr{}.link_create.prog_fd) == 4);
static_assert(offsetof(bpf_attr, link_create.target_fd) == 4 && sizeof(bpf_attr{}.link_create.target_fd) == 4);
static_assert(offsetof(bpf_attr, link_create.attach_type) == 8 && sizeof(bpf_attr{}.link_create.attach_type) == 4);
static_assert(offsetof(bpf_attr, link_create.flags) == 12 && sizeof(bpf_attr{}.link_create.flags) == 4);
static_assert(offsetof(bpf_attr, link_update.link_fd) == 0 && sizeof(bpf_attr{}.link_update.link_fd) == 4);
static_assert(offsetof(bpf_attr, link_update.new_prog_fd) == 4 && sizeof(bpf_attr{}.link_update.new_prog_fd) == 4);
static_assert(offsetof(bpf_attr, link_update.flags) == 8 && sizeof(bpf_attr{}.link_update.flags) == 4);
static_assert(offsetof(bpf_attr, link_update.old_prog_fd) == 12 && sizeof(bpf_attr{}.link_update.old_prog_fd) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 8, 0)
static_assert(BPF_LINK_GET_FD_BY_ID == 30);
static_assert(BPF_LINK_GET_NEXT_ID == 31);
static_assert(BPF_ENABLE_STATS == 32);
static_assert(BPF_ITER_CREATE == 33);
static_assert(offsetof(bpf_attr, link_id) == 0 && sizeof(bpf_attr{}.link_id) == 4);
static_assert(offsetof(bpf_attr, link_create.target_ifindex) == 4 && sizeof(bpf_attr{}.link_create.target_ifindex) == 4);
static_assert(offsetof(bpf_attr, enable_stats.type) == 0 && sizeof(bpf_attr{}.enable_stats.type) == 4);
static_assert(offsetof(bpf_attr, iter_create.link_fd) == 0 && sizeof(bpf_attr{}.iter_create.link_fd) == 4);
static_assert(offsetof(bpf_attr, iter_create.flags) == 4 && sizeof(bpf_attr{}.iter_create.flags) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 9, 0)
static_assert(BPF_LINK_DETACH == 34);
static_assert(offsetof(bpf_attr, link_create.target_btf_id) == 16 && sizeof(bpf_attr{}.link_create.target_btf_id) == 4);
static_assert(offsetof(bpf_attr, link_create.iter_info) == 16 && sizeof(bpf_attr{}.link_create.iter_info) == 8);
static_assert(offsetof(bpf_attr, link_create.iter_info_len) == 24 && sizeof(bpf_attr{}.link_create.iter_info_len) == 4);
static_assert(offsetof(bpf_attr, link_detach.link_fd) == 0 && sizeof(bpf_attr{}.link_detach.link_fd) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 10, 0)
static_assert(BPF_PROG_BIND_MAP == 35);
static_assert(offsetof(bpf_attr, prog_bind_map.prog_fd) == 0 && sizeof(bpf_attr{}.prog_bind_map.prog_fd) == 4);
static_assert(offsetof(bpf_attr, prog_bind_map.map_fd) == 4 && sizeof(bpf_attr{}.prog_bind_map.map_fd) == 4);
static_assert(offsetof(bpf_attr, prog_bind_map.flags) == 8 && sizeof(bpf_attr{}.prog_bind_map.flags) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
static_assert(offsetof(bpf_attr, attach_btf_obj_fd) == 112 && sizeof(bpf_attr{}.attach_btf_obj_fd) == 4);
static_assert(offsetof(bpf_attr, test.flags) == 64 && sizeof(bpf_attr{}.test.flags) == 4);
static_assert(offsetof(bpf_attr, test.cpu) == 68 && sizeof(bpf_attr{}.test.cpu) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
static_assert(offsetof(bpf_attr, fd_array) == 120 && sizeof(bpf_attr{}.fd_array) == 8);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0)
static_assert(offsetof(bpf_attr, link_create.perf_event.bpf_cookie) == 16 && sizeof(bpf_attr{}.link_create.perf_event.bpf_cookie) == 8);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
static_assert(offsetof(bpf_attr, map_extra) == 64 && sizeof(bpf_attr{}.map_extra) == 8);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)
static_assert(offsetof(bpf_attr, core_relo_cnt) == 116 && sizeof(bpf_attr{}.core_relo_cnt) == 4);
static_assert(offsetof(bpf_attr, core_relos) == 128 && sizeof(bpf_attr{}.core_relos) == 8);
static_assert(offsetof(bpf_attr, core_relo_rec_size) == 136 && sizeof(bpf_attr{}.core_relo_rec_size) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
static_assert(offsetof(bpf_attr, test.batch_size) == 72 && sizeof(bpf_attr{}.test.batch_size) == 4);
static_assert(offsetof(bpf_attr, link_create.kprobe_multi.flags) == 16 && sizeof(bpf_attr{}.link_create.kprobe_multi.flags) == 4);
static_assert(offsetof(bpf_attr, link_create.kprobe_multi.cnt) == 20 && sizeof(bpf_attr{}.link_create.kprobe_multi.cnt) == 4);
static_assert(offsetof(bpf_attr, link_create.kprobe_multi.syms) == 24 && sizeof(bpf_attr{}.link_create.kprobe_multi.syms) == 8);
static_assert(offsetof(bpf_attr, link_create.kprobe_multi.addrs) == 32 && sizeof(bpf_attr{}.link_create.kprobe_multi.addrs) == 8);
static_assert(offsetof(bpf_attr, link_create.kprobe_multi.cookies) == 40 && sizeof(bpf_attr{}.link_create.kprobe_multi.cookies) == 8);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 0, 0)
static_assert(offsetof(bpf_attr, link_create.tracing.cookie) == 24 && sizeof(bpf_attr{}.link_create.tracing.cookie) == 8);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
static_assert(offsetof(bpf_attr, link_create.netfilter.pf) == 16 && sizeof(bpf_attr{}.link_create.netfilter.pf) == 4);
static_assert(offsetof(bpf_attr, link_create.netfilter.hooknum) == 20 && sizeof(bpf_attr{}.link_create.netfilter.hooknum) == 4);
static_assert(offsetof(bpf_attr, link_create.netfilter.priority) == 24 && sizeof(bpf_attr{}.link_create.netfilter.priority) == 4);
static_assert(offsetof(bpf_attr, link_create.netfilter.flags) == 28 && sizeof(bpf_attr{}.link_create.netfilter.flags) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
static_assert(offsetof(bpf_attr, link_create.uprobe_multi.path) == 16 && sizeof(bpf_attr{}.link_create.uprobe_multi.path) == 8);
static_assert(offsetof(bpf_attr, link_create.uprobe_multi.offsets) == 24 && sizeof(bpf_attr{}.link_create.uprobe_multi.offsets) == 8);
static_assert(offsetof(bpf_attr, link_create.uprobe_multi.ref_ctr_offsets) == 32 && sizeof(bpf_attr{}.link_create.uprobe_multi.ref_ctr_offsets) == 8);
static_assert(offsetof(bpf_attr, link_create.uprobe_multi.cookies) == 40 && sizeof(bpf_attr{}.link_create.uprobe_multi.cookies) == 8);
static_assert(offsetof(bpf_attr, link_create.uprobe_multi.cnt) == 48 && sizeof(bpf_attr{}.link_create.uprobe_multi.cnt) == 4);
static_assert(offsetof(bpf_attr, link_create.uprobe_multi.flags) == 52 && sizeof(bpf_attr{}.link_create.uprobe_multi.flags) == 4);
static_assert(offsetof(bpf_attr, link_create.uprobe_multi.pid) == 56 && sizeof(bpf_attr{}.link_create.uprobe_multi.pid) == 4);
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
static_assert(offsetof(bpf_attr, raw_tracepoint.cookie) == 16 && sizeof(bpf_attr{}.raw_tracepoint.cookie) == 8);
#endif
