"""Hard limits on a process that runs untrusted queries, so that nothing else on the machine suffers.

The engines have limits of their own, but single functions get past them (a text of a gigabyte, a list of a billion
numbers). The limits here hold even then:

- Linux: the kernel refuses further memory (RLIMIT_DATA), which the engines report as an error.
- Windows: the same, through a job object.
- macOS enforces no such limit: there a thread checks 50 times a second and ends the process.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

EXIT_MEMORY: Final = 77
"""The exit code of a process that found itself above its limit."""

_INTERVAL_SECONDS: Final = 0.02
_PROC: Final = Path("/proc")
_PROCESS_MEMORY: Final = 0x100  # JOB_OBJECT_LIMIT_PROCESS_MEMORY
_EXTENDED_LIMITS: Final = 9  # JobObjectExtendedLimitInformation


def end_when_above(mebibytes: int) -> None:
    """Start watching: once this process holds more than this, it exits at once with EXIT_MEMORY."""
    limit, pid = mebibytes * 1024 * 1024, os.getpid()
    bytes_of(pid)  # may import psutil; better now than when memory is scarce

    def watch() -> None:
        while bytes_of(pid) < limit:
            time.sleep(_INTERVAL_SECONDS)
        os._exit(EXIT_MEMORY)

    threading.Thread(target=watch, daemon=True, name="memory").start()


def take_at_most(mebibytes: int) -> None:
    """Limit this process to this much memory beyond what it has now. Cannot be undone."""
    more = mebibytes * 1024 * 1024
    if sys.platform == "win32":
        _limit_job(bytes_of(os.getpid()) + more)
    elif _PROC.exists():
        import resource  # noqa: PLC0415 - not on Windows

        limit = address_bytes() + more
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    else:
        end_when_above(bytes_of(os.getpid()) // (1024 * 1024) + mebibytes)


def address_bytes() -> int:
    """The memory of this process that counts toward the system's limit, used or not, in bytes; 0 where unknown."""
    # Data and stack in pages: exactly what RLIMIT_DATA limits.
    return int((_PROC / "self/statm").read_bytes().split()[5]) * os.sysconf("SC_PAGE_SIZE") if _PROC.exists() else 0


def take_processor_seconds(seconds: float) -> None:
    """Where the system supports it, end this process after it has used this many more processor seconds, whether or not
    anything waits for it."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))


def write_no_files() -> None:
    """Where the system supports it, keep this process from writing to any file, whatever the engine is tricked into."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows
        import signal  # noqa: PLC0415

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def bytes_of(pid: int) -> int:
    """The memory that a process uses for itself, in bytes; 0 where unknown."""
    try:
        if _PROC.exists():
            _, resident, shared, *_ = (_PROC / f"{pid}/statm").read_bytes().split()
            return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
    import psutil  # noqa: PLC0415 - costs every query process 36 ms and 5 MB, which Linux avoids

    try:
        process = psutil.Process(pid)
        if sys.platform == "win32":
            # Committed memory, which the job limits. In a virtual environment, the actual Python is a child of the
            # launcher that was started as Python.
            return sum(one.memory_info().vms for one in (process, *process.children()))
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def give_way(pid: int, niceness: int) -> None:
    """Give that process and all its threads lower priority than this one."""
    if sys.platform == "win32":
        return  # it was started at a lower priority
    niceness += os.getpriority(os.PRIO_PROCESS, 0)
    threads = [int(one.name) for one in Path(f"/proc/{pid}/task").glob("*")] or [pid]
    for thread in threads:
        with suppress(OSError):  # it has ended, or its priority is lower already
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


def _limit_job(limit: int) -> None:
    """Put this process into a job object whose processes may each commit this many bytes."""
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
