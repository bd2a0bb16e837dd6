"""Copies and destinations as the API shows them: never an address, an option or a secret.

Sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta

from launcher.api.moments import Moment, written, written_if
from launcher.current import current_offsite
from launcher.offsite.errors import OffsiteError
from launcher.offsite.records import CopyState, LastTrouble, Place, Service, StoredCopy
from launcher.offsite.status import DestinationStatus, Standing
from launcher.offsite.troubles import Trouble


class CopyTrouble(msgspec.Struct, kw_only=True):
    """Why nothing could be copied to a destination, or read from it."""

    code: Trouble
    at: Annotated[Moment, Meta(description="When the last attempt failed.")]
    since: Annotated[Moment, Meta(description="When the first of these attempts failed.")]
    count: Annotated[int, Meta(description="The number of attempts that failed in a row.")]
    next_try_at: Annotated[Moment | None, Meta(description="When the next attempt starts.")]

    @classmethod
    def of(cls, last: LastTrouble) -> CopyTrouble:
        """Return what is said of the attempts that failed."""
        return cls(
            code=last.trouble,
            at=written(last.at),
            since=written(last.since),
            count=last.count,
            next_try_at=written_if(last.next_try_at),
        )


class BackupCopy(msgspec.Struct, kw_only=True):
    """The copy of a backup at one destination."""

    destination: Annotated[str, Meta(description="The id of the destination.")]
    place: Place
    state: CopyState
    size_bytes: int
    is_encrypted: bool
    is_origin_confirmed: Annotated[
        bool, Meta(description="Whether a key of this site confirms that the site wrote it.")
    ]
    copied_at: Moment
    read_at: Annotated[
        Moment | None, Meta(description="When all of it was last read and found good.")
    ]
    tested_at: Annotated[
        Moment | None, Meta(description="When it was last restored to a temporary copy.")
    ]


class Destination(msgspec.Struct, kw_only=True):
    """A destination as it stands."""

    id: str
    name: str
    service: Service
    place: Place
    encrypts: Annotated[bool, Meta(description="Whether new copies are encrypted.")]
    paused: bool
    state: Standing
    newest_good_id: Annotated[
        str | None, Meta(description="The newest backup with a good copy there.")
    ]
    newest_good_at: Annotated[Moment | None, Meta(description="When that backup was created.")]
    stale_at: Annotated[
        Moment | None,
        Meta(description="When its newest good copy is too old. null if none newer is to copy."),
    ]
    waiting: Annotated[int, Meta(description="How many backups are to be copied there.")]
    waiting_bytes: int
    waiting_since: Annotated[
        Moment | None, Meta(description="When the oldest of them was created.")
    ]
    copies: Annotated[int, Meta(description="How many copies are there.")]
    copies_bytes: int
    damaged: Annotated[int, Meta(description="How many copies are damaged or missing.")]
    only_there: Annotated[int, Meta(description="How many good copies there have no backup here.")]
    copied_at: Annotated[Moment | None, Meta(description="When the last copy was finished.")]
    free_bytes: Annotated[int | None, Meta(description="The free space there, if it is known.")]
    trouble: Annotated[
        CopyTrouble | None, Meta(description="Why the last attempt failed. null after success.")
    ]

    @classmethod
    def of(cls, status: DestinationStatus) -> Destination:
        """Return what is said of a destination."""
        known, ledger, newest = status.destination, status.ledger, status.newest_good
        return cls(
            id=known.id,
            name=known.name,
            service=known.service,
            place=known.place,
            encrypts=known.encrypt,
            paused=known.paused,
            state=status.standing,
            newest_good_id=newest.id if newest else None,
            newest_good_at=written(newest.backup.created_at) if newest else None,
            stale_at=written_if(status.stale_at),
            waiting=len(status.owed),
            waiting_bytes=status.owed_bytes,
            waiting_since=written_if(min((b.created_at for b in status.owed), default=None)),
            copies=len(ledger.copies),
            copies_bytes=sum(each.size_bytes for each in ledger.copies),
            damaged=len(status.damaged),
            only_there=len(status.only_here),
            copied_at=written_if(ledger.copied_at),
            free_bytes=ledger.free_bytes,
            trouble=CopyTrouble.of(status.trouble) if status.trouble else None,
        )


def copies_of(ids: Collection[str]) -> Mapping[str, list[BackupCopy]] | None:
    """Return the copies of these backups by id, None where the destinations cannot be read."""
    found: dict[str, list[BackupCopy]] = {each: [] for each in ids}
    with suppress(OffsiteError):
        for place in current_offsite().settings().destinations:
            for copy in current_offsite().ledger(place.id).copies:
                if copy.id in found:
                    found[copy.id].append(_copy(place.id, place.place, copy))
        return found
    return None


def _copy(destination_id: str, place: Place, copy: StoredCopy) -> BackupCopy:
    return BackupCopy(
        destination=destination_id,
        place=place,
        state=copy.state,
        size_bytes=copy.size_bytes,
        is_encrypted=bool(copy.recipients),
        is_origin_confirmed=bool(copy.proved_by),
        copied_at=written(copy.copied_at),
        read_at=written_if(copy.read_at),
        tested_at=written_if(copy.tested_at),
    )
