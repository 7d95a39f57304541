/**
 * Functions of kernel and BCC headers that BTF cannot give bodies to, as C texts read when first called. Written here from what they
 * do; each is static inline.
 */
export const INLINES: Readonly<Record<string, string>> = {
  bpf_log2: `static inline unsigned int bpf_log2(unsigned int v) {
  unsigned int log = 0, half;
  half = (v > 0xffff) << 4; v >>= half; log |= half;
  half = (v > 0xff) << 3; v >>= half; log |= half;
  half = (v > 0xf) << 2; v >>= half; log |= half;
  half = (v > 0x3) << 1; v >>= half; log |= half;
  return log | (v >> 1);
}`,
  bpf_log2l: `static inline unsigned int bpf_log2l(unsigned long v) {
  unsigned int high = v >> 32;
  return high ? bpf_log2(high) + 33 : bpf_log2(v) + 1;
}`,
  div_u64: 'static inline u64 div_u64(u64 dividend, u32 divisor) { return dividend / divisor; }',
  div64_u64: 'static inline u64 div64_u64(u64 dividend, u64 divisor) { return dividend / divisor; }',
  div_u64_rem:
    'static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder) { *remainder = dividend % divisor; return dividend / divisor; }',
  mul_u64_u32_shr:
    'static inline u64 mul_u64_u32_shr(u64 a, u32 mul, unsigned int shift) { u64 low = (u64)(u32)a * mul >> shift; return (a >> 32) ? low + ((u64)(u32)(a >> 32) * mul << (32 - shift)) : low; }',
  inet_sk: 'static inline struct inet_sock *inet_sk(const struct sock *sk) { return (struct inet_sock *)sk; }',
  inet_csk:
    'static inline struct inet_connection_sock *inet_csk(const struct sock *sk) { return (struct inet_connection_sock *)sk; }',
  tcp_sk: 'static inline struct tcp_sock *tcp_sk(const struct sock *sk) { return (struct tcp_sock *)sk; }',
  udp_sk: 'static inline struct udp_sock *udp_sk(const struct sock *sk) { return (struct udp_sock *)sk; }',
  unix_sk: 'static inline struct unix_sock *unix_sk(const struct sock *sk) { return (struct unix_sock *)sk; }',
  inet_rsk:
    'static inline struct inet_request_sock *inet_rsk(const struct request_sock *sk) { return (struct inet_request_sock *)sk; }',
  tcp_rsk:
    'static inline struct tcp_request_sock *tcp_rsk(const struct request_sock *sk) { return (struct tcp_request_sock *)sk; }',
  skb_transport_header:
    'static inline unsigned char *skb_transport_header(const struct sk_buff *skb) { return skb->head + skb->transport_header; }',
  skb_network_header:
    'static inline unsigned char *skb_network_header(const struct sk_buff *skb) { return skb->head + skb->network_header; }',
  skb_mac_header:
    'static inline unsigned char *skb_mac_header(const struct sk_buff *skb) { return skb->head + skb->mac_header; }',
  ip_hdr:
    'static inline struct iphdr *ip_hdr(const struct sk_buff *skb) { return (struct iphdr *)skb_network_header(skb); }',
  ipv6_hdr:
    'static inline struct ipv6hdr *ipv6_hdr(const struct sk_buff *skb) { return (struct ipv6hdr *)skb_network_header(skb); }',
  tcp_hdr:
    'static inline struct tcphdr *tcp_hdr(const struct sk_buff *skb) { return (struct tcphdr *)skb_transport_header(skb); }',
  udp_hdr:
    'static inline struct udphdr *udp_hdr(const struct sk_buff *skb) { return (struct udphdr *)skb_transport_header(skb); }',
  skb_rx_queue_recorded:
    'static inline _Bool skb_rx_queue_recorded(const struct sk_buff *skb) { return skb->queue_mapping != 0; }',
  skb_get_rx_queue: 'static inline u16 skb_get_rx_queue(const struct sk_buff *skb) { return skb->queue_mapping - 1; }',
  skb_get_queue_mapping:
    'static inline u16 skb_get_queue_mapping(const struct sk_buff *skb) { return skb->queue_mapping; }',
  skb_headlen: 'static inline unsigned int skb_headlen(const struct sk_buff *skb) { return skb->len - skb->data_len; }',
  sg_is_chain: 'static inline _Bool sg_is_chain(struct scatterlist *sg) { return sg->page_link & 1; }',
  sg_is_last: 'static inline _Bool sg_is_last(struct scatterlist *sg) { return (sg->page_link & 2) != 0; }',
  sg_chain_ptr:
    'static inline struct scatterlist *sg_chain_ptr(struct scatterlist *sg) { return (struct scatterlist *)(sg->page_link & ~3UL); }',
  file_inode: 'static inline struct inode *file_inode(const struct file *f) { return f->f_inode; }',
  d_inode: 'static inline struct inode *d_inode(const struct dentry *dentry) { return dentry->d_inode; }',
  task_pid: 'static inline struct pid *task_pid(struct task_struct *task) { return task->thread_pid; }',
  task_cpu: 'static inline unsigned int task_cpu(const struct task_struct *p) { return p->thread_info.cpu; }',
  sock_net: 'static inline struct net *sock_net(const struct sock *sk) { return sk->__sk_common.skc_net.net; }',
  new_encode_dev:
    'static inline u32 new_encode_dev(dev_t dev) { unsigned int major = dev >> 20, minor = dev & 0xfffff; return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12); }',
  ipv6_addr_any:
    'static inline _Bool ipv6_addr_any(const struct in6_addr *a) { return (a->in6_u.u6_addr32[0] | a->in6_u.u6_addr32[1] | a->in6_u.u6_addr32[2] | a->in6_u.u6_addr32[3]) == 0; }',
  jiffies_to_msecs: 'static inline unsigned int jiffies_to_msecs(const unsigned long j) { return j * (1000 / 250); }',
};
