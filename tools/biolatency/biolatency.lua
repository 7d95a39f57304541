-- biolatency: how long requests to block devices take, as a histogram of microseconds, as BCC's tool of that name prints it.
local program = [[
#include <uapi/linux/ptrace.h>
#include <linux/blk-mq.h>

// When each request was given to the driver.
BPF_HASH(start, struct request *);
BPF_HISTOGRAM(dist);

int on_start(struct pt_regs *ctx, struct request *req)
{
    u64 ts = bpf_ktime_get_ns();
    start.update(&req, &ts);
    return 0;
}

int on_end(struct pt_regs *ctx, struct request *req)
{
    u64 *ts = start.lookup(&req);
    if (!ts)
        return 0;
    dist.increment(bpf_log2l((bpf_ktime_get_ns() - *ts) / 1000));
    start.delete(&req);
    return 0;
}
]]

return function(BPF, utils)
  local b = BPF:new{ text = program }
  b:attach_kprobe{ event = "blk_mq_start_request", fn_name = "on_start" }
  b:attach_kprobe{ event = "blk_account_io_done", fn_name = "on_end" }
  print("Tracing block device I/O... Hit Ctrl-C to end.")
  -- Ctrl-C ends the sleep with an error: the report is printed then.
  pcall(utils.posix.sleep, 99999999)
  print("")
  b:get_table("dist"):print_log2_hist("usecs")
end
