"""Run `flask …` in this process and say on stderr what its memory came to at most.

The system's figure for a child (`ru_maxrss`) begins with the size of its parent, so it is of no
use here; `VmHWM` begins with the program itself.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path

from flask.cli import main


def tell_peak() -> None:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            print(f"peak_kB={line.split()[1]}", file=sys.stderr)


atexit.register(tell_peak)
main()
