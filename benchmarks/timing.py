"""How things are timed: whole commands and calls, interleaved, medians and ratios."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of results: what, how long (s), and its ratio to a rival beside it."""

    table: str
    what: str
    value: float
    unit: str
    note: str = ""


def interleaved(runs: int, **calls: Callable[[], float | None]) -> Mapping[str, float]:
    """Run every call in turn, `runs` times; return the median of each.

    A call may return its own seconds; else its wall time is taken.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            began = time.perf_counter()
            own = call()
            seconds[name].append(own if own is not None else time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def shell(script: str) -> None:
    """Run a rival's pipeline, which must succeed."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True)


def environment(data_dir: Path, **extra: str) -> dict[str, str]:
    """Return the environment for a program of ours with this data directory."""
    return {**os.environ, "LAUNCHER_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), **extra}


def peak_memory(data_dir: Path, *arguments: str) -> tuple[float, float]:
    """Run `flask …` and return (seconds, peak MB) of the whole process."""
    began = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak", *arguments],
        cwd=ROOT,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    peak = re.search(r"peak_kB=(\d+)", process.stderr)
    if process.returncode or not peak:
        raise RuntimeError(f"flask {' '.join(arguments)}: {process.stderr}")
    return seconds, int(peak[1]) / 1024
