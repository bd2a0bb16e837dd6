"""What the list of backups shows of other places; next to nothing on a site without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.backup.records.backup import Backup
from launcher.i18n.actors import actor_in_sentence
from launcher.offsite.records import OneDisk
from launcher.offsite.status import OffsiteStatus
from launcher.web.admin.backups.table import names_of
from launcher.web.admin.offsite.shown import (
    OnlyElsewhere,
    ShownCopy,
    ShownDestination,
    copies_of,
    only_elsewhere,
    places_words,
    shown_destination,
)

if TYPE_CHECKING:
    from launcher.monitoring.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Other places, as the list of backups shows them.

    Attributes:
        status: None where it cannot be read.
        rows: the destinations.
        words: how many copies in how many places; "" where nothing is elsewhere.
        only: the backups that exist only there.
        accepted: who accepted that all copies are on one disk, and why.
        accepted_by: their name.
        poll_s: the seconds until the page asks again while something is copied, else 0.
    """

    status: OffsiteStatus | None = None
    rows: Sequence[ShownDestination] = ()
    words: str = ""
    only: OnlyElsewhere | None = None
    accepted: OneDisk | None = None
    accepted_by: str = ""
    poll_s: int = 0

    def copies_of(self, backup: Backup) -> Sequence[ShownCopy]:
        """Return where a backup is, nothing on a site without destinations."""
        return copies_of(backup, self.status) if self.status else ()


def elsewhere(snapshot: Snapshot) -> Elsewhere:
    """Return what the panel shows of other places."""
    now, status = snapshot.now, snapshot.offsite
    if status is None:
        return Elsewhere()
    places = status.places
    accepted = status.accepted(now)
    is_one_disk = places.on_one_disk and snapshot.last_good is not None
    has_words = bool(status.destinations) or (is_one_disk and accepted is not None)
    rows = [shown_destination(each, now=now) for each in status.destinations]
    return Elsewhere(
        status=status,
        rows=rows,
        words=places_words(places) if has_words and places.copies else "",
        only=only_elsewhere(status),
        accepted=accepted if is_one_disk else None,
        accepted_by=_name_of(accepted.by) if accepted else "",
        poll_s=2 if any(each.work for each in rows) else 0,
    )


def _name_of(by: str) -> str:
    return names_of({by}).get(by) or actor_in_sentence(by)
