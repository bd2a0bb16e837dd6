"""What a process does with memory that is free."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from launcher.config import ROOT

# A pool of its own reserves 64 MB of addresses, of which the first are used.
_THREADS = """
import re, sys, threading
from pathlib import Path

if "little" in sys.argv:
    from launcher.memory import keep_little_memory
    keep_little_memory()

together = threading.Barrier(8)

def work():
    held = [bytes(4000) for _ in range(500)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
maps = Path("/proc/self/maps").read_text()
maps = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) ---p \\S+ 00:00 0 *$", maps, re.M)
print(sum(int(end, 16) - int(start, 16) > 32 << 20 for start, end in maps))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library")
def test_all_threads_use_one_pool_of_memory() -> None:
    """A process of its own: what it asks of the C library cannot be taken back."""

    def pools(*words: str) -> int:
        return int(
            subprocess.run(
                [sys.executable, "-c", _THREADS, *words],
                cwd=ROOT, capture_output=True, text=True, check=True,
            ).stdout
        )  # fmt: skip

    assert pools() > 1
    assert pools("little") == 0
