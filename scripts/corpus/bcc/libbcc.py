"""In the place of the bindings to libbcc: calls answer nothing."""
import ctypes
from unittest.mock import MagicMock

lib = MagicMock()
lib.bpf_table_fd.return_value = 3
lib.bcc_resolve_symname.return_value = 0


class bcc_symbol(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("demangle_name", ctypes.c_char_p), ("module", ctypes.c_char_p),
                ("offset", ctypes.c_ulonglong)]


class bcc_symbol_option(ctypes.Structure):
    _fields_ = [("use_debug_file", ctypes.c_int), ("check_debug_file_crc", ctypes.c_int),
                ("lazy_symbolize", ctypes.c_int), ("use_symbol_type", ctypes.c_uint)]
