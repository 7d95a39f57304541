-- `skep run execs.lua`: the same file for every backend (test/live/command.test.ts).
return function(BPF)
  local b = BPF:new{ src_file = arg[1] }
  b:get_table("events"):open_perf_buffer(function(cpu, e)
    if e.entered ~= 0 then
      print("%d %s -> %s %s" % { e.pid, e.comm, e.file, e.arg })
    else
      print("%d %s = %d" % { e.pid, e.comm, e.ret })
    end
  end)
  while true do
    b:perf_buffer_poll()
  end
end
