"""What it costs to be ready: a server with its scheduler beside one without, nobody asking."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.core import filled_copy
from benchmarks.site import serving
from benchmarks.timing import Row
from launcher.schedule.leader import leader

SETTLE_S = 8.0


def measure_idle(template: Path, folder: Path, *, seconds: float) -> Iterator[Row]:
    """CPU and memory of the leader, and of a worker that only stands for election.

    Both servers run at the same time, so that whatever else the machine does meets both.
    """
    with ExitStack() as stack:
        on, off = (filled_copy(template, folder / f"idle-{name}") for name in ("on", "off"))
        stack.enter_context(serving(on, workers=2))
        stack.enter_context(serving(off, workers=2, LAUNCHER_SCHEDULER="off"))
        time.sleep(SETTLE_S)
        found = leader(on / "locks")
        if found is None:
            raise RuntimeError("nobody leads")
        others = [pid for pid in workers_of(on) if pid != found.pid]
        groups = {"leader": [found.pid], "candidate": others, "without": workers_of(off)}
        before = {name: cpu_s(pids) for name, pids in groups.items()}
        time.sleep(seconds)
        after = {name: cpu_s(pids) for name, pids in groups.items()}
        hourly = {
            name: (after[name] - before[name]) / len(pids) * 3600 / seconds
            for name, pids in groups.items()
        }
        memory = {name: own_mb(pids) / len(pids) for name, pids in groups.items()}
    table = f"idle, scaled from {seconds:.0f} s"
    for name in ("leader", "candidate"):
        more = hourly[name] - hourly["without"]
        yield Row(table, f"{name}, CPU per hour", more, "s", "beyond a worker without a scheduler")
        more = memory[name] - memory["without"]
        yield Row(table, f"{name}, memory", more, "MB", "beyond a worker without a scheduler")


def workers_of(data_dir: Path) -> list[int]:
    """Return the workers that serve `data_dir`: they have a parent of their own kind."""
    mark = f"LAUNCHER_DATA_DIR={data_dir}".encode()
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes().split(b"\0"):
                stat = (path / "stat").read_text().rpartition(")")[2].split()
                parents[int(path.name)] = int(stat[1])
        except OSError:
            continue  # gone, or somebody else's
    return [pid for pid, parent in parents.items() if parent in parents]


def cpu_s(pids: list[int]) -> float:
    """Return the CPU seconds of processes, to the nanosecond where the kernel tells it."""
    total = 0.0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return total


def own_mb(pids: list[int]) -> float:
    """Return the memory that processes share with nobody."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1])
    return total / 1024
