"""In the place of the bindings to libbcc: calls answer nothing."""
from unittest.mock import MagicMock

lib = MagicMock()
lib.bpf_table_fd.return_value = 3
lib.bcc_resolve_symname.return_value = 0
bcc_symbol = MagicMock()
bcc_symbol_option = MagicMock()
