"""What the stand-in knows of the kernel in question, and where it writes. Filled by record.py before a script runs."""
import json
import os
import re

#: Folder of the unpacked package that holds bcc/*.py.
package = os.environ.get("CORPUS_PACKAGE", "")
#: {"functions": [...], "tracepoints": [...], "fields": {struct: [field, ...]}}
kernel = {"functions": [], "tracepoints": [], "fields": {}}
function_set = frozenset()
tracepoints = frozenset()
#: A kernel without kfunc and raw tracepoint support, and with every function that a script asks for by name.
old = False
script = ""
_out = None
_programs = 0
_waits = 0


def begin(job, table, out):
    global kernel, function_set, tracepoints, old, script, _out
    kernel, old, script, _out = table, job.get("old", False), job["script"], out
    function_set, tracepoints = frozenset(table["functions"]), frozenset(table["tracepoints"])


def inside(path):
    """A file that the package would have installed, where it was unpacked."""
    unpacked = os.path.join(package.split("/usr/lib/")[0], str(path).lstrip("/"))
    return unpacked if str(path).startswith("/usr/share/") and os.path.exists(unpacked) else path


def next_id():
    global _programs
    _programs += 1
    return _programs - 1


def write(record):
    os.write(_out, (json.dumps(record) + "\n").encode())


def wait():
    """In the place of everything that blocks: Ctrl-C, and the end for who comes back."""
    global _waits
    _waits += 1
    if _waits > 2:
        os._exit(0)
    raise KeyboardInterrupt


def functions(event_re):
    pattern = event_re if isinstance(event_re, bytes) else event_re.encode()
    match = re.compile(pattern)
    found = [name.encode() for name in kernel["functions"] if match.match(name.encode())]
    plain = re.fullmatch(rb"\^?(\w+)\$?", pattern)
    if not found and old and plain:
        return [plain.group(1)]
    return found
