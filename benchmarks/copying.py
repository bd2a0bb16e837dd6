"""Copy what is owed to a destination in this process, as its own process does, and say how it went.

python -m benchmarks.copying DATA_DIR DESTINATION

Prints the most memory in MB, as JSON. Reading for proof is left out: another program that uploads
does not download again.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from launcher.background.service import Installation
from launcher.offsite import copying
from launcher.offsite.process import copy_here


def main() -> None:
    vars(copying)["read_some"] = lambda *_, **__: None
    os.nice(10)  # as the process of a destination is
    data_dir = Path(sys.argv[1])
    installation = Installation(data_dir / "launcher.db", data_dir, data_dir / "backups", True)
    if not copy_here(installation, sys.argv[2]):
        raise SystemExit("another process works there")
    status = Path("/proc/self/status").read_text()
    peak_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
    print(json.dumps({"peak_mb": peak_kb / 1024}))


if __name__ == "__main__":
    main()
