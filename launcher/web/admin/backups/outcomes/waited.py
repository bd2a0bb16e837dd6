"""How long requests waited for a restore, and for how long others saw its data: in words."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.backup.records.operation import JournalEntry
from launcher.db.connect import GATE_TIMEOUT_S
from launcher.http.waits import ends_in_time
from launcher.i18n.formats import duration
from launcher.i18n.locale import gettext

_UNNOTICED_S = 0.25
"""A page that waits for less is not noticed to wait."""


def wait_facts(facts: Mapping[str, object]) -> dict[str, str]:
    """Return how long pages and changes waited, with one row where that was the same time.

    Args:
        facts: those of a restore that succeeded, from the journal.
    """
    held_s, changes_held_s = _seconds(facts, "held_s"), _seconds(facts, "changes_held_s")
    rows = {}
    if held_s is not None:
        # Earlier versions measured one time for all.
        is_apart = changes_held_s is not None
        rows[gettext("Pages")] = _pause_words(held_s, is_apart=is_apart)
    if changes_held_s is not None and changes_held_s != held_s:
        rows[gettext("Changes")] = _changes_words(changes_held_s)
    return rows


def seen_facts(entry: JournalEntry) -> dict[str, str]:
    """Return for how long others could read what a restore took back, if they could."""
    if entry.visible_s is None:
        return {}
    return {
        gettext("Restored data"): gettext(
            "Visible for %(time)s, then removed. Pages opened in that time may have asked to"
            " sign in.",
            time=duration(entry.visible_s),
        )
    }


def _seconds(facts: Mapping[str, object], name: str) -> float | None:
    value = facts.get(name)
    return value if isinstance(value, int | float) else None


def _pause_words(held_s: float, *, is_apart: bool) -> str:
    held = duration(held_s)
    if is_apart and held_s < _UNNOTICED_S:
        return gettext("Available throughout. Longest pause: %(time)s.", time=held)
    if ends_in_time(held_s):
        return gettext("Paused for up to %(time)s.", time=held)
    return gettext(
        "Paused for up to %(time)s. Requests that waited longer than %(limit)s failed.",
        time=held,
        limit=duration(GATE_TIMEOUT_S),
    )


def _changes_words(held_s: float) -> str:
    held = duration(held_s)
    if ends_in_time(held_s):
        return gettext("Waited for up to %(time)s.", time=held)
    return gettext(
        "Waited for up to %(time)s. Changes that waited longer than %(limit)s failed.",
        time=held,
        limit=duration(GATE_TIMEOUT_S),
    )
