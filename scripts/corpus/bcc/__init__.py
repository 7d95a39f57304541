"""A recording stand-in for BCC's Python module: it compiles and attaches nothing, and writes down what a script asks for.

Every BPF(...) becomes one record: the text, the flags, and as what each of its functions was loaded. Questions about the kernel (does this
function, field, tracepoint exist?) are answered from a table of the kernel in question, so that a script takes the same
branches as it would there. What BCC has in plain Python (containers, syscall, tcp, utils) is taken from the unpacked package.
"""
import os
import re
import sys
from unittest.mock import MagicMock

from . import recorder as _recorder
from .libbcc import lib  # noqa: F401

if _recorder.package:
    __path__.append(os.path.join(_recorder.package, "bcc"))

from .utils import ArgString, StrcmpRewrite, get_online_cpus, get_possible_cpus, printb  # noqa: E402,F401


def _text(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


class PerfType:
    HARDWARE, SOFTWARE, TRACEPOINT, HW_CACHE, RAW, BREAKPOINT = range(6)


class PerfHWConfig:
    (CPU_CYCLES, INSTRUCTIONS, CACHE_REFERENCES, CACHE_MISSES, BRANCH_INSTRUCTIONS, BRANCH_MISSES, BUS_CYCLES,
     STALLED_CYCLES_FRONTEND, STALLED_CYCLES_BACKEND, REF_CPU_CYCLES) = range(10)


class PerfSWConfig:
    (CPU_CLOCK, TASK_CLOCK, PAGE_FAULTS, CONTEXT_SWITCHES, CPU_MIGRATIONS, PAGE_FAULTS_MIN, PAGE_FAULTS_MAJ,
     ALIGNMENT_FAULTS, EMULATION_FAULTS, DUMMY, BPF_OUTPUT) = range(11)


class BPFAttachType:
    CGROUP_SOCK_OPS, SK_SKB_STREAM_PARSER, SK_SKB_STREAM_VERDICT, SK_MSG_VERDICT = 3, 4, 5, 7


class USDTException(Exception):
    pass


class USDTProbe:
    def __init__(self, provider, name, path=None):
        self.provider, self.name, self.bin_path = provider, name, path or b"/bin/true"
        self.num_locations, self.num_arguments = 1, 6

    def short_name(self):
        return self.provider + b":" + self.name

    def get_location(self, _index):
        return MagicMock(num_arguments=6)


#: Where the arguments of a probe are taken to lie, since the programs that have the probes are not here.
_REGISTERS = ("di", "si", "dx", "cx", "r8", "r9", "ax", "bx", "bp", "r10", "r11", "r12")

_READER = """static __always_inline int _bpf_readarg_%(fn)s_%(number)d(struct pt_regs *ctx, void *dest, size_t len) {
  if (len == 8) *(u64 *)dest = ctx->%(register)s;
  else if (len == 4) *(u32 *)dest = ctx->%(register)s;
  else if (len == 2) *(u16 *)dest = ctx->%(register)s;
  else if (len == 1) *(u8 *)dest = ctx->%(register)s;
  else return -1;
  return 0;
}
"""


class USDT:
    """Probes of a program; all that are asked for are there, with integers in registers."""

    def __init__(self, pid=None, path=None):
        self.pid, self.path, self.enabled = pid, path, []

    def enable_probe(self, probe, fn_name):
        self.enabled.append((_text(probe), _text(fn_name)))

    enable_probe_or_bail = enable_probe

    def get_text(self):
        done = []
        for _probe, fn in self.enabled:
            if fn not in done:
                done.append(fn)
        return "".join(_READER % {"fn": fn, "number": index + 1, "register": _REGISTERS[index % len(_REGISTERS)]}
                       for fn in done for index in range(12))

    def get_probe_arg_ctype(self, _probe, _index):
        return "uint64_t"

    def get_context(self):
        return 1

    def enumerate_probes(self):
        """The probes that the command line names (u:LIBRARY:PROBE), since patterns are matched against these."""
        named = re.findall(r"\bu:([^:\s]+):(\w+)", " ".join(sys.argv).replace("*", ""))
        return [USDTProbe(provider.encode(), probe.encode(), self.path) for provider, probe in named]

    def enumerate_active_probes(self):
        return [(b"/bin/true", _text(fn).encode(), 0, -1) for _probe, fn in self.enabled]


class Function:
    def __init__(self, bpf, name, fd):
        self.bpf, self.name, self.fd = bpf, name, fd
        self.sock = -1


class SymbolCache:
    def __init__(self, _pid):
        pass

    def resolve(self, _address, _demangle=True):
        return (b"symbol", 0, b"module")

    def resolve_name(self, _module, _name):
        return 0


class BPF:
    """What a script asks of it goes to the record; what it gives back is a mock."""

    SOCKET_FILTER, KPROBE, SCHED_CLS, SCHED_ACT, TRACEPOINT, XDP, PERF_EVENT = 1, 2, 3, 4, 5, 6, 7
    CGROUP_SKB, CGROUP_SOCK, LWT_IN, LWT_OUT, LWT_XMIT, SOCK_OPS, SK_SKB = 8, 9, 10, 11, 12, 13, 14
    CGROUP_DEVICE, SK_MSG, RAW_TRACEPOINT, CGROUP_SOCK_ADDR = 15, 16, 17, 18
    TRACING, LSM = 26, 29
    XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT = range(5)
    XDP_FLAGS_UPDATE_IF_NOEXIST, XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE, XDP_FLAGS_HW_MODE = 1, 2, 4, 8
    F_FAST_STACK_CMP = 1 << 9
    SymbolCache = SymbolCache
    Function = Function
    _words = {"linux/time.h": ["time"], "linux/fs.h": ["fs", "file"], "linux/blkdev.h": ["bio", "request"],
              "linux/slab.h": ["alloc"], "linux/netdevice.h": ["sk_buff", "net_device"]}

    def __init__(self, src_file=b"", hdr_file=b"", text=None, debug=0, cflags=(), usdt_contexts=(), allow_rlimit=True,
                 device=None, attach_usdt_ignore_pid=False):
        if text is None:
            text = "".join(self._read(name) for name in (hdr_file, src_file) if name)
        usdt = "".join(context.get_text() for context in usdt_contexts)
        if usdt:
            usdt = "#include <uapi/linux/ptrace.h>\n" + usdt
        self.id = _recorder.next_id()
        _recorder.write({"event": "program", "program": self.id, "text": _text(text), "prefix": usdt,
                         "cflags": [_text(flag) for flag in cflags]})
        for context in usdt_contexts:
            for _probe, fn in context.enabled:
                self._loaded(fn, "kprobe")
        self._tables = {}
        self.tables = self._tables
        self.perf_buffers = {}
        self.module = 1
        self.funcs = {}
        self.kprobe_fds, self.uprobe_fds, self.tracepoint_fds, self.raw_tracepoint_fds = {}, {}, {}, {}

    @staticmethod
    def _read(name):
        name = _text(name)
        for path in (name, os.path.join(os.path.dirname(_recorder.script), name)):
            path = _recorder.inside(path)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="surrogateescape") as f:
                    return f.read()
        raise Exception("Could not find file %s" % name)

    def _loaded(self, fn, kind, target=None):
        _recorder.write({"event": "load", "program": self.id, "function": _text(fn), "type": kind, "target": target})

    def load_func(self, func_name, prog_type, device=None, attach_type=-1):
        self._loaded(func_name, prog_type)
        return Function(self, func_name, 3)

    def load_funcs(self, prog_type=KPROBE):
        self._loaded("*", prog_type)
        return []

    def get_table(self, name, *_args, **_kwargs):
        return self._tables.setdefault(_text(name), _table())

    def __getitem__(self, name):
        return self.get_table(name)

    def __contains__(self, _name):
        return True

    def __setitem__(self, name, value):
        self._tables[_text(name)] = value

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        return False

    # Attaching: what matters is as what a function is loaded.
    def attach_kprobe(self, event=b"", event_off=0, fn_name=b"", event_re=b""):
        self._loaded(fn_name, "kprobe", _text(event or event_re))

    def attach_kretprobe(self, event=b"", fn_name=b"", event_re=b"", maxactive=0):
        self._loaded(fn_name, "kprobe", _text(event or event_re))

    def attach_uprobe(self, name=b"", sym=b"", sym_re=b"", addr=None, fn_name=b"", pid=-1, sym_off=0):
        self._loaded(fn_name, "kprobe")

    def attach_uretprobe(self, name=b"", sym=b"", sym_re=b"", addr=None, fn_name=b"", pid=-1):
        self._loaded(fn_name, "kprobe")

    def attach_tracepoint(self, tp=b"", tp_re=b"", fn_name=b""):
        self._loaded(fn_name, "tracepoint", _text(tp or tp_re))

    def attach_raw_tracepoint(self, tp=b"", fn_name=b""):
        self._loaded(fn_name, "raw_tracepoint", _text(tp))

    def attach_perf_event(self, ev_type=-1, ev_config=-1, fn_name=b"", sample_period=0, sample_freq=0, pid=-1, cpu=-1,
                          group_fd=-1):
        self._loaded(fn_name, "perf_event")

    def attach_perf_event_raw(self, attr=None, fn_name=b"", **_kwargs):
        self._loaded(fn_name, "perf_event")

    @staticmethod
    def attach_raw_socket(fn, dev):
        fn.sock = os.open("/dev/null", os.O_RDWR)

    @staticmethod
    def attach_xdp(dev, fn, flags=0):
        pass

    @staticmethod
    def remove_xdp(dev, flags=0):
        pass

    def attach_kfunc(self, fn_name=b""):
        self._loaded(fn_name, "tracing")

    attach_kretfunc = attach_lsm = attach_kfunc

    def attach_func(self, *_args, **_kwargs):
        pass

    detach_func = detach_kprobe = detach_kretprobe = detach_uprobe = detach_uretprobe = attach_func
    detach_tracepoint = detach_perf_event = detach_raw_tracepoint = add_prefix = free_bcc_memory = attach_func
    cleanup = close = donothing = attach_func
    add_module = MagicMock()

    # Waiting: whoever waits has nothing more to say.
    def perf_buffer_poll(self, timeout=-1):
        _recorder.wait()

    kprobe_poll = ring_buffer_poll = ring_buffer_consume = perf_buffer_consume = perf_buffer_poll

    def trace_fields(self, nonblocking=False):
        _recorder.wait()

    def trace_readline(self, nonblocking=False):
        _recorder.wait()

    def trace_print(self, fmt=None):
        _recorder.wait()

    # The kernel, from the table.
    @staticmethod
    def get_kprobe_functions(event_re):
        return _recorder.functions(event_re)

    @staticmethod
    def get_user_functions(name, sym_re):
        return [b"function"]

    @staticmethod
    def get_user_addresses(name, sym_re):
        return [1]

    @staticmethod
    def get_user_functions_and_addresses(name, sym_re):
        return [(b"function", 1)]

    @staticmethod
    def get_tracepoints(tp_re):
        match = re.compile(tp_re if isinstance(tp_re, bytes) else tp_re.encode())
        return [name.encode() for name in _recorder.kernel["tracepoints"] if match.match(name.encode())]

    @staticmethod
    def tracepoint_exists(category, event):
        return "%s:%s" % (_text(category), _text(event)) in _recorder.tracepoints

    @staticmethod
    def kernel_struct_has_field(struct_name, field_name):
        fields = _recorder.kernel["fields"].get(_text(struct_name))
        return -1 if fields is None else int(_text(field_name) in fields)

    @staticmethod
    def support_kfunc():
        return not _recorder.old

    @staticmethod
    def support_raw_tracepoint():
        return not _recorder.old

    @staticmethod
    def support_raw_tracepoint_in_module():
        return not _recorder.old

    support_lsm = support_kfunc

    @staticmethod
    def ksymname(name):
        return 0xffffffff81000000 if _text(name) in _recorder.function_set else -1

    @staticmethod
    def get_syscall_prefix():
        return b"__x64_sys_"

    def get_syscall_fnname(self, name):
        return b"__x64_sys_" + (name if isinstance(name, bytes) else name.encode())

    def fix_syscall_fnname(self, name):
        for prefix in (b"sys_", b"__x64_sys_"):
            if name.startswith(prefix):
                return self.get_syscall_fnname(name[len(prefix):])
        return name

    @staticmethod
    def generate_auto_includes(program_words):
        found = [header for header, words in BPF._words.items()
                 if any(key in word for key in words for word in program_words)]
        return "".join("#include <%s>\n" % header for header in found)

    @staticmethod
    def find_library(name):
        return b"/lib/x86_64-linux-gnu/lib%s.so" % (name if isinstance(name, bytes) else name.encode())

    @staticmethod
    def find_exe(name):
        return b"/usr/bin/" + (name if isinstance(name, bytes) else name.encode())

    @staticmethod
    def monotonic_time():
        return 1

    @staticmethod
    def get_probe_limit():
        return 1000

    @staticmethod
    def ksym(_address, show_module=False, show_offset=False):
        return b"symbol"

    @staticmethod
    def sym(_address, _pid, show_module=False, show_offset=False, demangle=True):
        return b"symbol"

    def num_open_kprobes(self):
        return 1

    num_open_uprobes = num_open_tracepoints = num_open_kprobes


def _table():
    table = MagicMock()
    table.items.return_value = table.items_lookup_and_delete_batch.return_value = []
    table.items_lookup_batch.return_value = table.items_delete_batch.return_value = []
    table.keys.return_value = table.values.return_value = []
    table.max_entries = 1024
    return table
