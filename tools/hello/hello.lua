-- hello: BCC's first example: a line of the trace pipe for every process that is started.
local program = [[
int hello(void *ctx)
{
    bpf_trace_printk("Hello, World!");
    return 0;
}
]]

return function(BPF)
  local b = BPF:new{ text = program }
  b:attach_kprobe{ event = "kernel_clone", fn_name = "hello" }
  b:trace_print()
end
