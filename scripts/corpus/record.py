"""Runs BCC scripts against the stand-in in bcc/: one forked child for each job, whose records go to the job's file.

  python3 record.py KERNEL.json < JOBS.json

KERNEL.json is the table that bcc/recorder.py describes. A job is {"script", "args", "old", "out"}: `out` gets one JSON record a line, the last one saying how the script ended and what it printed.
"""
import argparse  # noqa: F401  (loaded once, before the children)
import builtins
import ctypes  # noqa: F401
import importlib.abc
import importlib.machinery
import io
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from unittest.mock import MagicMock


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bcc import recorder  # noqa: E402

SECONDS = 10
#: Packages that examples import and that need not be installed to see their texts.
FOREIGN = {"pyroute2", "netaddr", "elftools", "netifaces", "cachetools", "psutil", "yaml", "simulation", "dnslib", "curses"}


class Foreign(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FOREIGN:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = MagicMock(__spec__=spec, __path__=[], __name__=spec.name)
        module.__all__ = ["IPRoute", "NetNS", "NSPopen", "IPDB", "protocols", "Simulation"]
        return module

    def exec_module(self, module):
        if module.__name__ == "curses":
            module.error = OSError
            module.wrapper = lambda function, *args: function(MagicMock(), *args)


def kallsyms(table):
    names = table["functions"] + ["%s_file_operations" % fs for fs in ("ext4", "btrfs", "xfs", "nfs")]
    return "".join("ffffffff81000000 T %s\n" % name for name in names + ["vm_stat", "vm_zone_stat"])


def fence(table):
    """Scripts look at this machine through files, and some would change it: they get the kernel in question, and no commands."""
    real_open = builtins.open

    def fenced_open(name, mode="r", *args, **kwargs):
        if name == "/proc/kallsyms":
            text = kallsyms(table)
            return io.BytesIO(text.encode()) if "b" in mode else io.StringIO(text)
        return real_open(recorder.inside(name) if isinstance(name, str) else name, mode, *args, **kwargs)

    builtins.open = fenced_open
    os.system = lambda _command: 0
    subprocess.call = subprocess.check_call = lambda *_args, **_kwargs: 0
    real_output = subprocess.check_output
    # kvmexit wants an Intel processor.
    subprocess.check_output = lambda command, *args, **kwargs: (
        b"vendor_id : GenuineIntel" if "cpuinfo" in str(command) else real_output(command, *args, **kwargs))
    os.kill = lambda *_args: None
    time.sleep = lambda _seconds: recorder.wait()


def child(job, table):
    out = os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    printed, ended = io.TextIOWrapper(io.BytesIO(), write_through=True), "ended"
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    sys.stdout = printed
    sys.stderr = printed
    os.setpgrp()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    recorder.begin(job, table, out)
    fence(table)
    script = job["script"]
    os.chdir(os.path.dirname(script))
    sys.argv = [script] + [arg.replace("@PID", str(os.getppid())) for arg in job["args"]]
    sys.path.insert(0, os.path.dirname(script))
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as e:
        ended = "exit %s" % (e.code,)
    except KeyboardInterrupt:
        ended = "interrupted"
    except BaseException:  # pylint: disable=broad-except
        ended = traceback.format_exc(limit=-3)
    text = printed.buffer.getvalue().decode("utf-8", "replace")
    recorder.write({"event": "end", "how": ended, "printed": text})
    os._exit(0)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        table = json.load(f)
    sys.meta_path.insert(0, Foreign())
    import bcc.containers  # noqa: F401
    import bcc.syscall  # noqa: F401
    for job in json.load(sys.stdin):
        pid = os.fork()
        if pid == 0:
            try:
                child(job, table)
            finally:
                os._exit(1)
        os.waitpid(pid, 0)


main()
