"""The gauges of copies in other places in `/metrics`: one series a destination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from launcher.offsite.records import CopyState
from launcher.web.gauges import gauge

if TYPE_CHECKING:
    from prometheus_client import Metric

    from launcher.offsite.status import DestinationStatus, OffsiteStatus

_LABELS = ("id", "destination")
_HELP = {
    "copies_last_good_timestamp_seconds": (
        "When the newest backup with a good copy there was created. Missing without one."
    ),
    "copies": "Copies at a destination by state.",
    "copies_stored_bytes": "Size of the copies at a destination.",
    "copies_owed": "Backups that a destination should have and has not.",
    "copies_owed_bytes": "Size of the backups that a destination should have and has not.",
    "copies_failed_attempts": "Attempts that failed in a row since the last good one.",
    "copies_last_read_timestamp_seconds": "When a copy there was last read in full and found good.",
    "copies_paused": "Whether copying to a destination is paused.",
}
"""What each gauge says, by its name without `launcher_`."""


def collect(offsite: OffsiteStatus | None) -> Iterator[Metric]:
    """Yield the gauges; without samples where nothing is known."""
    found = offsite.destinations if offsite else ()
    labels = {each.destination.id: (each.destination.id, each.destination.name) for each in found}
    states: dict[tuple[str, ...], float] = {}
    values: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in _HELP}
    for status in found:
        of = labels[status.destination.id]
        counts = Counter(copy.state for copy in status.ledger.copies)
        states |= {(*of, state.value): counts[state] for state in CopyState}
        for name, value in _facts(status).items():
            if value is not None:
                values[name][of] = float(value)
    for name, about in _HELP.items():
        if name == "copies":
            yield gauge(name, about, (*_LABELS, "state"), states)
        else:
            yield gauge(name, about, _LABELS, values[name])


def _facts(status: DestinationStatus) -> Mapping[str, float | None]:
    newest = status.newest_good
    read = max((each.read_at for each in status.ledger.copies if each.read_at), default=None)
    return {
        "copies_last_good_timestamp_seconds": newest.backup.created_at.timestamp()
        if newest
        else None,
        "copies_stored_bytes": sum(each.size_bytes for each in status.ledger.copies),
        "copies_owed": len(status.owed),
        "copies_owed_bytes": status.owed_bytes,
        "copies_failed_attempts": status.trouble.count if status.trouble else 0,
        "copies_last_read_timestamp_seconds": read.timestamp() if read else None,
        "copies_paused": status.destination.paused,
    }
