"""Hard limits of a process that runs what others wrote, so that nothing else on the machine suffers from it.

The engines keep to limits of their own, but single functions reach past them (a text of a gigabyte, a list of a
billion numbers). What holds then:

- Linux: the kernel refuses further memory (RLIMIT_DATA), which the engines report as an error.
- Windows: the same, by a job object.
- macOS enforces no such limit: there a thread looks 50 times a second, and ends the process.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

EXIT_MEMORY: Final = 77
"""What a process exits with that found itself above its limit."""

_INTERVAL_SECONDS: Final = 0.02
_STATM: Final = Path("/proc/self/statm")
_PROCESS_MEMORY: Final = 0x100  # JOB_OBJECT_LIMIT_PROCESS_MEMORY
_EXTENDED_LIMITS: Final = 9  # JobObjectExtendedLimitInformation


def end_when_above(mebibytes: int) -> None:
    """Start watching: when this process holds more than that, it exits at once with EXIT_MEMORY."""
    limit = mebibytes * 1024 * 1024
    held = _reader()

    def watch() -> None:
        while held() < limit:
            time.sleep(_INTERVAL_SECONDS)
        os._exit(EXIT_MEMORY)

    threading.Thread(target=watch, daemon=True, name="memory").start()


def take_at_most(mebibytes: int) -> None:
    """From here on this process gets no more than that much memory beyond what it has. Cannot be taken back."""
    more = mebibytes * 1024 * 1024
    if sys.platform == "win32":
        _limit_job(_windows_bytes() + more)
    elif _STATM.exists():
        import resource  # noqa: PLC0415 - not on Windows

        limit = address_bytes() + more
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    else:
        end_when_above(_reader()() // (1024 * 1024) + mebibytes)


def address_bytes() -> int:
    """How much this process has taken of what the system limits, in use or not; 0 where that is not known."""
    # Data and stack in pages: the very thing that RLIMIT_DATA is about.
    return int(_STATM.read_bytes().split()[5]) * os.sysconf("SC_PAGE_SIZE") if _STATM.exists() else 0


def take_processor_seconds(seconds: float) -> None:
    """Where the system can, end this process when it has used that many more seconds of processors, whether anybody
    waits for it or not."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))


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
    if not _STATM.exists():
        return _peak_bytes
    page = os.sysconf("SC_PAGE_SIZE")
    return lambda: int(_STATM.read_bytes().split()[1]) * page


def bytes_of(pid: int) -> int:
    """How much memory another process has in use for itself; 0 where that is not known."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def give_way(pid: int, niceness: int) -> None:
    """Have the processors work for this process before they work for that one and all its threads."""
    if sys.platform == "win32":
        return  # it was started below the others
    niceness += os.getpriority(os.PRIO_PROCESS, 0)
    threads = [int(one.name) for one in Path(f"/proc/{pid}/task").glob("*")] or [pid]
    for thread in threads:
        with suppress(OSError):  # it has ended, or is nicer already
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


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


def _limit_job(limit: int) -> None:
    """Put this process into a job object whose processes may commit that much each."""
    import ctypes  # noqa: PLC0415 - its windll exists on Windows only
    from ctypes import wintypes  # noqa: PLC0415

    class Basic(ctypes.Structure):
        _fields_ = [
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        ]

    class Extended(ctypes.Structure):
        _fields_ = [
            ("BasicLimitInformation", Basic),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        ]

    limits = Extended()
    limits.BasicLimitInformation.LimitFlags = _PROCESS_MEMORY
    limits.ProcessMemoryLimit = limit
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel.CreateJobObjectW.restype = kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.SetInformationJobObject.argtypes = [wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD]
    kernel.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]
    job = kernel.CreateJobObjectW(None, None)
    is_set = kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
    if not (is_set and kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess())):
        end_when_above(limit // (1024 * 1024))
