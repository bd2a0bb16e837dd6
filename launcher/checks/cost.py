"""What the checks cost, measured over the last minutes."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

OVER_S = 300.0


class _Reading(NamedTuple):
    at_s: float
    checks: int
    late: int
    cpu_s: float


class Cost:
    """The cost between readings of counters that only grow."""

    def __init__(self) -> None:
        self._readings: deque[_Reading] = deque()

    def add(self, at_s: float, *, checks: int, late: int, cpu_s: float) -> None:
        """Add a reading: how many checks began, how many of them late, CPU seconds used."""
        self._readings.append(_Reading(at_s, checks, late, cpu_s))
        while len(self._readings) > 2 and at_s - self._readings[1].at_s >= OVER_S:
            self._readings.popleft()

    def facts(self) -> dict[str, float]:
        """Return `checks_per_min`, `cpu_share` and `late_share`; {} before two readings."""
        if len(self._readings) < 2:
            return {}
        first, last = self._readings[0], self._readings[-1]
        seconds, checks = last.at_s - first.at_s, last.checks - first.checks
        if seconds <= 0:
            return {}
        return {
            "checks_per_min": round(checks * 60 / seconds, 1),
            "cpu_share": round((last.cpu_s - first.cpu_s) / seconds, 4),
            "late_share": round((last.late - first.late) / checks, 4) if checks else 0.0,
        }
