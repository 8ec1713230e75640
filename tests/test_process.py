"""That memory that is freed is kept: a process that asks for it again is not given new pages."""

import subprocess
import sys
from platform import libc_ver

import pytest

FAULTS = """
import resource
def once():
    bytearray(b"x") * 40_000_000
once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
KEPT = "from aespec.process import keep_freed\nkeep_freed()\n"


def faults(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(libc_ver()[0] != "glibc", reason="nothing is done with another C library")
def test_what_is_freed_is_kept():
    assert faults(KEPT + FAULTS) * 10 < faults(FAULTS)
