"""How this process allocates large blocks of memory, such as the rows of a query."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 1024 * 1024


def return_large_blocks() -> None:
    """Have freed blocks of a megabyte or more go back to the system at once.

    By default, glibc raises the size from which a block gets pages of its own whenever it frees such a block
    (https://man7.org/linux/man-pages/man3/mallopt.3.html): the next large block is taken from its heap, where smaller
    ones behind it keep its pages. The C libraries of other systems have no such setting.
    """
    with suppress(OSError, AttributeError, TypeError):  # TypeError: Windows has no library of the process itself
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
