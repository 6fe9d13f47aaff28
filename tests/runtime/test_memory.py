"""Memory of large results goes back to the system."""

import platform
import subprocess
import sys

import pytest

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
