"""Memory of large results goes back to the system, and imported modules do not slow down garbage collections."""

import gc
import platform
import subprocess
import sys
import types

import pytest

from colloquy.runtime.memory import include_modules_in_collections, keep_modules_out_of_collections

SCRIPT = """
import os
from colloquy.runtime.memory import return_large_blocks

if {is_set}:
    return_large_blocks()

def resident():
    with open("/proc/self/statm") as facts:
        return int(facts.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

before, kept = resident(), []
for _ in range(20):
    large = bytearray(30_000_000)
    kept.append(bytearray(100_000))
    del large
print(resident() - before)
"""


def megabytes_kept(*, is_set: bool) -> float:
    command = [sys.executable, "-c", SCRIPT.format(is_set=is_set)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps them")
def test_memory_of_large_blocks_is_returned_although_smaller_ones_stay():
    assert megabytes_kept(is_set=False) > 20
    assert megabytes_kept(is_set=True) < 5


def test_garbage_collections_leave_out_the_modules_that_were_imported_later(monkeypatch):
    keep_modules_out_of_collections()
    try:
        excluded = gc.get_freeze_count()
        gc.collect()
        assert gc.get_freeze_count() <= excluded  # nothing was imported
        for number in range(60):
            monkeypatch.setitem(sys.modules, f"imported_later_{number}", types.ModuleType(f"imported_later_{number}"))
        kept = [[] for _ in range(1000)]
        gc.collect()
        assert gc.get_freeze_count() > excluded + len(kept) / 2
    finally:
        include_modules_in_collections()
    assert gc.get_freeze_count() == 0
