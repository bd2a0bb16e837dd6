"""Which checks are due now: follows the plan and the clock, and starts nothing itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from launcher.checks.plan import Check
from launcher.checks.slots import AT_ONCE_WITHIN_S, first_due_s, slot_after_run_s
from launcher.checks.spec import CheckSpec

CLOCK_JUMP_S = 2.0
AT_ONCE_A_SECOND = 20
"""So many checks a second at most run at once, after a long time without any."""


class Now(NamedTuple):
    """One moment by two clocks: seconds since 1970, and seconds that no one can set."""

    wall_s: float
    steady_s: float


class Due(NamedTuple):
    """A check that is due. `late_s` is how long it has been."""

    check: Check
    late_s: float


@dataclass(slots=True)
class _Entry:
    check: Check
    due_s: float
    ran_s: float | None = None
    is_paused: bool = False


_DUE_S = attrgetter("due_s")


class Agenda:
    """The checks of one process that leads, each with the steady second in which it is due."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._offset_s: float | None = None
        self._soonest_s = float("-inf")

    def __len__(self) -> int:
        return len(self._entries)

    def follow(
        self, checks: Mapping[int, Check], now: Now, *, is_paused: Callable[[int], bool]
    ) -> list[int]:
        """Follow what is to be checked; return the apps that are gone or probed otherwise now.

        What is new, changed or no longer paused runs at once.
        """
        self._soonest_s = float("-inf")
        changed = [
            app_id
            for app_id, entry in self._entries.items()
            if app_id not in checks or _differ(checks[app_id].spec, entry.check.spec)
        ]
        for app_id in self._entries.keys() - checks.keys():
            del self._entries[app_id]
        within_s = max(AT_ONCE_WITHIN_S, len(checks) / AT_ONCE_A_SECOND)
        for app_id, check in checks.items():
            entry, spec = self._entries.get(app_id), check.spec
            is_resumed = bool(entry and entry.is_paused and not is_paused(app_id))
            if entry is None or _differ(spec, entry.check.spec) or is_resumed:
                due_s = first_due_s(
                    app_id,
                    spec.interval_s,
                    now_s=now.wall_s,
                    last_s=check.last_s,
                    is_changed=entry is not None,
                    within_s=within_s,
                )
                ran_s = entry.ran_s if entry else None
                steady_s = now.steady_s + due_s - now.wall_s
                self._entries[app_id] = _Entry(check, steady_s, ran_s, is_paused(app_id))
                continue
            if spec.interval_s != entry.check.spec.interval_s:
                entry.due_s = self._next_s(spec, entry.ran_s, now)
            entry.check = check
        return changed

    def follow_clock(self, now: Now) -> bool:
        """Move all slots if the clock on the wall was set, or the machine slept; return whether."""
        offset_s = now.wall_s - now.steady_s
        was_set = self._offset_s is not None and abs(offset_s - self._offset_s) >= CLOCK_JUMP_S
        if was_set:
            self._soonest_s = float("-inf")
            for entry in self._entries.values():
                entry.due_s = self._next_s(entry.check.spec, entry.ran_s, now)
        if was_set or self._offset_s is None:
            self._offset_s = offset_s
        return was_set

    def take_due(self, now: Now, *, is_paused: Callable[[int], bool]) -> list[Due]:
        """Return the checks that are due, the latest first; each is due again in its next slot."""
        if now.steady_s < self._soonest_s:
            return []
        due = []
        for app_id, entry in self._entries.items():
            if entry.due_s > now.steady_s:
                continue
            entry.is_paused = is_paused(app_id)
            if not entry.is_paused:
                due.append(Due(entry.check, now.steady_s - entry.due_s))
                entry.ran_s = now.steady_s
            entry.due_s = self._next_s(entry.check.spec, entry.ran_s, now)
        self._soonest_s = min(map(_DUE_S, self._entries.values()), default=float("inf"))
        return sorted(due, key=lambda each: -each.late_s)

    def ask(self, app_ids: Iterable[int], now: Now) -> None:
        """Let checks be due at once."""
        self._soonest_s = float("-inf")
        for app_id in app_ids:
            if (entry := self._entries.get(app_id)) is not None:
                entry.due_s = now.steady_s

    def next_s(self) -> float:
        """Return the steady second before which no check is due, infinity for none."""
        return self._soonest_s

    @staticmethod
    def _next_s(spec: CheckSpec, ran_s: float | None, now: Now) -> float:
        ran_at_s = float("-inf") if ran_s is None else now.wall_s - (now.steady_s - ran_s)
        slot_s = slot_after_run_s(spec.app_id, spec.interval_s, ran_s=ran_at_s, now_s=now.wall_s)
        return now.steady_s + slot_s - now.wall_s


def _differ(one: CheckSpec, other: CheckSpec) -> bool:
    return one is not other and one != other
