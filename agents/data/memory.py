"""A worker that takes too much memory ends itself, so that nothing else on the machine suffers.

The engines keep to limits of their own, but single functions reach past them (a text of a gigabyte, a list of a
billion numbers).
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

EXIT_MEMORY: Final = 77
_INTERVAL_SECONDS: Final = 0.02


def end_when_above(mebibytes: int) -> None:
    """Start watching: when this process holds more than that, it exits at once with EXIT_MEMORY."""
    limit = mebibytes * 1024 * 1024
    held = _reader()

    def watch() -> None:
        while held() < limit:
            time.sleep(_INTERVAL_SECONDS)
        os._exit(EXIT_MEMORY)

    threading.Thread(target=watch, daemon=True, name="memory").start()


def write_no_files() -> None:
    """Where the system can, keep this process from writing into any file, whatever the engine may be talked into."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows
        import signal  # noqa: PLC0415

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _reader() -> Callable[[], int]:
    """A function that tells how many bytes this process holds."""
    if platform.system() == "Windows":
        return _windows_bytes
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return _peak_bytes
    page = os.sysconf("SC_PAGE_SIZE")
    return lambda: int(statm.read_bytes().split()[1]) * page


def _peak_bytes() -> int:
    import resource  # noqa: PLC0415 - not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def _windows_bytes() -> int:
    import ctypes  # noqa: PLC0415 - its windll exists on Windows only
    from ctypes import wintypes  # noqa: PLC0415

    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            *(
                (name, ctypes.c_size_t)
                for name in (
                    "PeakWorkingSetSize",
                    "WorkingSetSize",
                    "QuotaPeakPagedPoolUsage",
                    "QuotaPagedPoolUsage",
                    "QuotaPeakNonPagedPoolUsage",
                    "QuotaNonPagedPoolUsage",
                    "PagefileUsage",
                    "PeakPagefileUsage",
                )
            ),
        ]

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.K32GetProcessMemoryInfo.argtypes = [wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD]
    kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
    return int(counters.PagefileUsage)
