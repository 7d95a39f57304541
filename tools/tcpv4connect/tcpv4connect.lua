-- tcpv4connect: a line for every IPv4 TCP connect, in the columns of BCC's example of that name.
local program = [[
#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <bcc/proto.h>

// The socket that each thread is connecting, from entry to return.
BPF_HASH(connecting, u32, struct sock *);

int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk)
{
    u32 tid = bpf_get_current_pid_tgid();
    connecting.update(&tid, &sk);
    return 0;
}

int kretprobe__tcp_v4_connect(struct pt_regs *ctx)
{
    int ret = PT_REGS_RC(ctx);
    u32 tid = bpf_get_current_pid_tgid();
    struct sock **skpp = connecting.lookup(&tid);
    if (skpp == 0)
        return 0; // the entry was missed

    // On an error no SYN was sent and the addresses may not be filled in.
    if (ret == 0) {
        struct sock *sk = *skpp;
        u32 saddr = sk->__sk_common.skc_rcv_saddr;
        u32 daddr = sk->__sk_common.skc_daddr;
        u16 dport = sk->__sk_common.skc_dport;
        bpf_trace_printk("tcpv4connect %x %x %d", saddr, daddr, ntohs(dport));
    }
    connecting.delete(&tid);
    return 0;
}
]]

-- Dotted form of an address printed as hex of its network-order bytes read as a little-endian word.
local function address(hex)
  local word = tonumber(hex, 16)
  local bytes = {}
  for i = 1, 4 do
    bytes[i] = "%d" % { word % 256 }
    word = math.floor(word / 256)
  end
  return table.concat(bytes, ".")
end

return function(BPF)
  local b = BPF:new{ text = program }
  local pipe = b:pipe()
  print("%-6s %-12s %-16s %-16s %-4s" % { "PID", "COMM", "SADDR", "DADDR", "DPORT" })
  while true do
    local task, pid, cpu, flags, ts, msg = pipe:trace_fields()
    local tag, saddr, daddr, dport = msg:match("^(%S+) (%S+) (%S+) (%S+)")
    if tag == "tcpv4connect" then
      print("%-6d %-12.12s %-16s %-16s %-4s" % { pid, task, address(saddr), address(daddr), dport })
    end
  end
end
