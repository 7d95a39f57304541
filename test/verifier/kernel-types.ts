/**
 * Types of a small kernel, for cases that call its functions and look into its objects: written here, so that the cases run everywhere. What a
 * struct of the real kernel has besides does not matter to them; they are asked of the running kernel with its own types, too.
 */
import type { Btf } from '../../core/btf/btf.ts';
import { BtfBuilder } from '../../core/btf/write.ts';

/** Structs with members that matter: size, then type, name and offset in bytes. Others are a number of 16 bytes. */
const STRUCTS = `
struct mm_struct 16: u64 flags 0
struct cpumask 32: u64 bits 0
struct bpf_cpumask 40: struct cpumask cpumask 0, int usage 32
struct task_struct 64: int pid 0, struct mm_struct * mm 8, struct task_struct * real_parent 16, struct cpumask * cpus_ptr 24
struct cgroup_subsys_state 32: struct cgroup * cgroup 0
struct cgroup 64: struct cgroup_subsys_state self 0, struct cgroup * kn 32
struct nf_conn 64: u64 status 0, u32 mark 8
struct bpf_sock_tuple 36: u32 a 0
struct bpf_ct_opts 16: u32 a 0
struct rq 64: u32 nr_running 0
struct sock_common 16: u16 skc_family 0
struct sock 64: struct sock_common __sk_common 0, u64 sk_pacing_rate 24, u32 sk_pacing_status 32
struct inet_connection_sock 96: struct sock icsk_inet 0, u64 icsk_ca_priv 64
struct tcp_sock 160: struct inet_connection_sock inet_conn 0, u32 snd_cwnd 96, u32 snd_cwnd_cnt 100, u32 srtt_us 104, u32 snd_ssthresh 108
struct sk_buff 32: u32 len 0, struct sock * sk 8
struct xdp_buff 16: u64 data 0
struct __sk_buff 192: u32 len 0
struct xdp_md 24: u32 data 0
struct pt_regs 168: u64 r15 0
struct file 32: u64 f_flags 0
struct bpf_map 64: u32 map_type 0, struct task_struct * owner 8
struct bpf_array 64: struct bpf_map map 0
struct vm_area_struct 32: u64 vm_start 0
struct bpf_dynptr 16: u64 data 0
struct bpf_iter_num 8: u64 opaque 0
struct bpf_iter_task 24: u64 opaque 0
struct bpf_iter_css_task 8: u64 opaque 0
struct bpf_iter_bits 16: u64 opaque 0
struct bpf_iter_task_vma 8: u64 opaque 0
struct bpf_crypto_params 408: u64 a 0
struct bpf_spin_lock 4: u32 val 0
struct bpf_res_spin_lock 4: u32 val 0
struct bpf_list_head 16: u64 opaque 0
struct bpf_list_node 24: u64 opaque 0
struct bpf_rb_root 16: u64 opaque 0
struct bpf_rb_node 32: u64 opaque 0
struct bpf_wq 16: u64 opaque 0
struct bpf_timer 16: u64 opaque 0
struct bpf_dummy_ops_state 4: int val 0
struct tcp_congestion_ops 64: fn ssthresh 0, fn get_info 8, fn release 16, u64 name 24, fn set_state 32
struct bpf_struct_ops_tcp_congestion_ops 64: u64 common 0
struct bpf_dummy_ops 24: fn test_1 0, fn test_sleepable 8
struct bpf_struct_ops_bpf_dummy_ops 64: u64 common 0
struct Qdisc_ops 8: fn init 0`;

/** Functions of the kernel, and prototypes of the members named fn above: `PROTOTYPE for STRUCT.MEMBER`. */
const FUNCTIONS = `
void * bpf_cast_to_kern_ctx(void * obj)
void * bpf_rdonly_cast(const void * obj__ign, u32 btf_id__k)
void bpf_rcu_read_lock()
void bpf_rcu_read_unlock()
void * bpf_dynptr_slice(const struct bpf_dynptr * p, u32 offset, void * buffer__opt, u32 buffer__szk)
void * bpf_dynptr_slice_rdwr(const struct bpf_dynptr * p, u32 offset, void * buffer__opt, u32 buffer__szk)
int bpf_iter_num_new(struct bpf_iter_num * it, int start, int end)
int * bpf_iter_num_next(struct bpf_iter_num * it)
void bpf_iter_num_destroy(struct bpf_iter_num * it)
int bpf_iter_css_task_new(struct bpf_iter_css_task * it, struct cgroup_subsys_state * css, unsigned int flags)
int bpf_iter_task_new(struct bpf_iter_task * it, struct task_struct * task__nullable, unsigned int flags)
struct task_struct * bpf_iter_task_next(struct bpf_iter_task * it)
void bpf_iter_task_destroy(struct bpf_iter_task * it)
int bpf_dynptr_adjust(const struct bpf_dynptr * p, u32 start, u32 end)
int bpf_dynptr_clone(const struct bpf_dynptr * p, struct bpf_dynptr * clone__uninit)
int bpf_wq_init(struct bpf_wq * wq, void * p__map, unsigned int flags)
int bpf_wq_start(struct bpf_wq * wq, unsigned int flags)
void bpf_preempt_disable()
void bpf_preempt_enable()
int bpf_copy_from_user_str(void * dst, u32 dst__sz, const void * unsafe_ptr__ign, u64 flags)
void bpf_local_irq_save(u64 * flags__irq_flag)
void bpf_local_irq_restore(u64 * flags__irq_flag)
s64 bpf_map_sum_elem_count(const struct bpf_map * map)
int bpf_res_spin_lock(struct bpf_res_spin_lock * lock)
void bpf_res_spin_unlock(struct bpf_res_spin_lock * lock)
int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock * lock, u64 * flags__irq_flag)
void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock * lock, u64 * flags__irq_flag)
void * bpf_obj_new_impl(u64 local_type_id__k, void * meta__ign)
void * bpf_percpu_obj_new_impl(u64 local_type_id__k, void * meta__ign)
void bpf_obj_drop_impl(void * p__alloc, void * meta__ign)
void bpf_percpu_obj_drop_impl(void * p__alloc, void * meta__ign)
void * bpf_refcount_acquire_impl(void * p__refcounted_kptr, void * meta__ign)
int bpf_list_push_front_impl(struct bpf_list_head * head, struct bpf_list_node * node, void * meta__ign, u64 off)
struct bpf_list_node * bpf_list_pop_front(struct bpf_list_head * head)
struct task_struct * bpf_task_acquire(struct task_struct * p)
void bpf_task_release(struct task_struct * p)
struct bpf_rb_node * bpf_rbtree_remove(struct bpf_rb_root * root, struct bpf_rb_node * node)
int bpf_rbtree_add_impl(struct bpf_rb_root * root, struct bpf_rb_node * node, fn less, void * meta__ign, u64 off)
struct bpf_rb_node * bpf_rbtree_left(struct bpf_rb_root * root, struct bpf_rb_node * node)
struct bpf_rb_node * bpf_rbtree_first(struct bpf_rb_root * root)
void bpf_cgroup_release(struct cgroup * cgrp)
struct cgroup * bpf_cgroup_from_id(u64 cgid)
long bpf_task_under_cgroup(struct task_struct * task, struct cgroup * ancestor)
struct task_struct * bpf_task_from_pid(s32 pid)
void bpf_throw(u64 cookie)
struct bpf_cpumask * bpf_cpumask_create()
void bpf_cpumask_release(struct bpf_cpumask * cpumask)
u32 bpf_cpumask_first(const struct cpumask * cpumask)
int bpf_cpumask_populate(struct cpumask * cpumask, void * src, u64 src__sz)
int bpf_dynptr_from_skb(struct __sk_buff * s, u64 flags, struct bpf_dynptr * ptr__uninit)
int bpf_dynptr_from_xdp(struct xdp_md * x, u64 flags, struct bpf_dynptr * ptr__uninit)
int bpf_crypto_encrypt(struct bpf_crypto_ctx * ctx, const struct bpf_dynptr * src, const struct bpf_dynptr * dst, const struct bpf_dynptr * siv__nullable)
struct bpf_crypto_ctx * bpf_crypto_ctx_create(const struct bpf_crypto_params * params, u32 params__sz, int * err)
void css_rstat_updated(struct cgroup_subsys_state * css, int cpu)
int bpf_cgroup_read_xattr(struct cgroup * cgroup, const char * name__str, struct bpf_dynptr * value_p)
int bpf_xdp_metadata_rx_timestamp(const struct xdp_md * ctx, u64 * timestamp)
struct nf_conn * bpf_xdp_ct_lookup(struct xdp_md * xdp_ctx, struct bpf_sock_tuple * bpf_tuple, u32 tuple__sz, struct bpf_ct_opts * opts, u32 opts__sz)
void bpf_ct_release(struct nf_conn * nfct)
int bpf_iter_task(struct bpf_map * meta, struct task_struct * task)
void bpf_lsm_task_free(struct task_struct * task)
u32 vfs_read(struct file * file)
int bpf_dummy_ops__test_1(struct bpf_dummy_ops_state * cb__nullable)
u32 tcp_ssthresh(struct sock * sk) for tcp_congestion_ops.ssthresh
u64 tcp_get_info(struct sock * sk, u32 ext) for tcp_congestion_ops.get_info
void tcp_release(struct sock * sk) for tcp_congestion_ops.release
void tcp_set_state(struct sock * sk, u8 new_state) for tcp_congestion_ops.set_state
int dummy_test_1(struct bpf_dummy_ops_state * cb) for bpf_dummy_ops.test_1
int dummy_test_sleepable(struct bpf_dummy_ops_state * cb) for bpf_dummy_ops.test_sleepable`;

/** Raw tracepoints with their arguments. */
const TRACEPOINTS = 'void task_newtask(void * data, struct task_struct * task, u64 clone_flags)';

const NUMBERS: Readonly<Record<string, number>> = {
  char: 1,
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  int: 4,
  s32: 4,
  s64: 8,
  long: 8,
};

export function kernelTypes(): Btf {
  const b = new BtfBuilder();
  const ids = new Map<string, number>([['void', 0]]);
  const named = (name: string, make: () => number): number => {
    if (!ids.has(name)) ids.set(name, make());
    return ids.get(name)!;
  };
  const type = (text: string, fn = 0): number => {
    const words = text.trim();
    if (words.endsWith('*')) return named(words, () => b.ptr(type(words.slice(0, -1))));
    const bare = words.replace(/^const /, '').replace(/^unsigned int$/, 'u32');
    if (bare === 'fn') return b.ptr(fn === 0 ? named('fn', () => b.funcProto(0, [])) : fn);
    const struct = /^struct (\w+)$/.exec(bare);
    // A struct of which nothing is said is two numbers.
    if (struct) return named(bare, () => b.composite('struct', struct[1]!, 16, []));
    return named(bare, () => b.int(bare, NUMBERS[bare]!, { signed: /^[sil]/.test(bare) }));
  };
  type('int');
  const rows = (text: string) => text.split('\n').filter((line) => line !== '');
  const structs = rows(STRUCTS).map((line) => /^struct (\w+) (\d+): (.*)$/.exec(line)!);
  for (const [, name] of structs) ids.set(`struct ${name}`, b.declare('struct', name!));

  const members = new Map<string, number>();
  const prototype = (line: string): { name: string; proto: number; member: string | undefined } => {
    const [, ret, name, args, member] = /^(.*?)(\w+)\((.*?)\)(?: for (\S+))?$/.exec(line)!;
    const params = args === '' ? [] : args!.split(',').map((a) => /^(.*?)(\w+)$/.exec(a.trim())!);
    const proto = b.funcProto(
      type(ret!),
      params.map(([, t, n]) => ({ name: n!, type: type(t!) })),
    );
    return { name: name!, proto, member };
  };
  for (const { name, proto, member } of rows(FUNCTIONS).map(prototype)) {
    if (member === undefined) b.func(name, proto);
    else members.set(member, proto);
  }
  const { name, proto } = prototype(TRACEPOINTS);
  b.typedef(`btf_trace_${name}`, b.ptr(proto));
  for (const [, struct, size, list] of structs) {
    b.complete(
      ids.get(`struct ${struct}`)!,
      Number(size),
      list!.split(', ').map((text) => {
        const [, t, member, at] = /^(.*?)(\w+) (\d+)$/.exec(text)!;
        return {
          name: member!,
          type: type(t!, members.get(`${struct}.${member}`)),
          bitOffset: Number(at) * 8,
          bitSize: 0,
        };
      }),
    );
  }
  const runqueues = b.variable('runqueues', ids.get('struct rq')!);
  b.datasec('.data..percpu', 64, [{ type: runqueues, offset: 0, size: 64 }]);
  return b.build();
}
