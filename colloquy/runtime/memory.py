"""How this process returns the memory of large results, and how long its garbage collections take."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 1024 * 1024
_MANY_MODULES: Final = 50
_ALL: Final = 2
"""The generation of a garbage collection that looks at all objects."""


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


def keep_modules_out_of_collections() -> None:
    """Exclude the objects of imported modules, which live as long as the process, from garbage collections.

    Each full collection looks at all objects, and everything waits for it: a quarter of a second once the libraries of
    agents and models are imported, most of which happens after the start. So each full collection that finds many new
    modules excludes what it leaves (``gc.freeze``); ``include_modules_in_collections`` undoes that.
    """
    gc.freeze()
    gc.callbacks.append(_NewModules())


def include_modules_in_collections() -> None:
    """Let garbage collections look at all objects again."""
    gc.callbacks[:] = [callback for callback in gc.callbacks if not isinstance(callback, _NewModules)]
    gc.unfreeze()


class _NewModules:
    def __init__(self) -> None:
        self._known = len(sys.modules)

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == _ALL and len(sys.modules) >= self._known + _MANY_MODULES:
            self._known = len(sys.modules)
            gc.freeze()
