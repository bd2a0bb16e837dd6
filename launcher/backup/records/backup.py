"""One backup, what is known of it, and the listing of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from launcher.backup.reasons import Fault, Reason, read_fault
from launcher.backup.records.ids import BackupId

CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far two clocks that are both right may differ."""


class Kind(StrEnum):
    """Why a backup exists."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    SAFETY = "safety"
    UPGRADE = "upgrade"
    UPLOAD = "upload"
    EXTERNAL = "external"


OWN_KINDS = frozenset({Kind.MANUAL, Kind.SCHEDULED, Kind.SAFETY, Kind.UPGRADE})
"""The kinds that hold the data of this site."""

MADE_HERE = frozenset({Kind.MANUAL, Kind.SCHEDULED, Kind.UPGRADE})
"""The kinds that this site makes of what it has, and does not replace at once."""

_LATEST_RANKS = {
    **dict.fromkeys(MADE_HERE, 0),
    Kind.UPLOAD: 1,
    Kind.EXTERNAL: 1,
    Kind.SAFETY: 2,
}
"""Which kinds `latest` is taken from, the lowest that has a good one."""

LASTING = frozenset({Reason.LEFT_OUT, Reason.ORIGIN_NOT_CONFIRMED})
"""The warnings that no check of the bytes of a backup can find again."""

_BEST, _WORST = (0, False, False), (3, False, False)

BEFORE_KINDS = (Kind.SAFETY, Kind.UPGRADE)
"""The kinds that are created automatically before a restore or an upgrade."""


class State(StrEnum):
    """What is known of a backup."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    DAMAGED = "damaged"


class Encoding(StrEnum):
    """How a stored file holds the database."""

    ZSTD = "zstd"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Caution:
    """What an admin should know of a good backup, as a sentence and as data."""

    sentence: str
    reason: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verification:
    """The status of a backup.

    Attributes:
        at: when it was verified, None when it never was.
        error, reason, details: what is damaged, as a sentence and as data.
        cautions: what a good one lacks, or holds beside what it should.
    """

    state: State
    at: datetime | None = None
    error: str = ""
    reason: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()

    @classmethod
    def good(cls, warnings: Iterable[Fault], *, at: datetime) -> Verification:
        """Return the status of a backup that was verified, with these warnings."""
        cautions = tuple(Caution(str(each), each.reason, each.facts) for each in warnings)
        return cls(State.VERIFIED, at, cautions=cautions)

    @classmethod
    def damage(cls, fault: Fault, *, at: datetime | None) -> Verification:
        """Return the status of a backup that has this fault."""
        return cls(State.DAMAGED, at, str(fault), fault.reason, fault.facts)

    @property
    def fault(self) -> Fault | None:
        """What is damaged, None for any other backup."""
        return read_fault(self.error, self.reason, self.details)

    @property
    def lasting(self) -> Sequence[Fault]:
        """The warnings that stay whatever another check finds."""
        return [each for each in self.warnings if each.reason in LASTING]

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What an admin should know of a good backup."""
        read = (read_fault(each.sentence, each.reason, each.details) for each in self.cautions)
        return tuple(fault for fault in read if fault)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The database inside a backup, unpacked."""

    size_bytes: int
    sha256: str
    page_size: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The file in the store. `name` is a bare file name, never a path."""

    name: str
    size_bytes: int
    sha256: str
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as the store lists it.

    `database` and `file` are None where they are not known: an external file that was never
    verified, or a backup whose manifest cannot be read. `before` says what one of `BEFORE_KINDS`
    was created before: the source of a restore, or the schema of an upgrade.
    """

    id: BackupId
    kind: Kind
    created_at: datetime
    created_by: str = ""
    note: str = ""
    before: str = ""
    protected: bool = False
    app_version: str = ""
    schema_revision: str = ""
    sqlite_version: str = ""
    database: DatabaseFacts | None = None
    file: StoredFile | None = None
    contents: Mapping[str, int] = field(default_factory=dict)
    verification: Verification = Verification(State.UNVERIFIED)

    @property
    def is_good(self) -> bool:
        """Whether this backup is verified and not damaged."""
        return self.verification.state is State.VERIFIED

    @property
    def is_of_unknown_origin(self) -> bool:
        """Whether it is a copy from another place that no key confirmed when it was downloaded."""
        return any(
            each.reason == Reason.ORIGIN_NOT_CONFIRMED for each in self.verification.cautions
        )

    @property
    def has_admin(self) -> bool:
        """Whether a restore would find an admin in it who can sign in, as far as is known."""
        return all(each.reason != Reason.WITHOUT_ADMIN for each in self.verification.cautions)

    def is_from_future(self, now: datetime) -> bool:
        """Whether its time is one that no right clock has shown yet at `now`."""
        return self.created_at - now > CLOCK_TOLERANCE

    @property
    def is_strange(self) -> bool:
        """Whether this is a file that was found in the folder, and not one whose manifest
        cannot be read.

        It may be anything, so it says nothing of how safe the data of this site is.
        """
        fault = self.verification.fault
        is_unreadable = fault is not None and fault.reason is not Reason.NOT_REGULAR
        return self.kind is Kind.EXTERNAL and not (self.file is None and is_unreadable)

    @property
    def is_scrubbed(self) -> bool:
        """Whether the scrub verifies this backup: it has a manifest and is not external."""
        return self.kind is not Kind.EXTERNAL and self.file is not None


def good_ones(backups: Iterable[Backup], *, now: datetime) -> Sequence[Backup]:
    """Return the good ones of `backups` in their order, without those from the future.

    Their time says nothing of how new they are, so they count only where there are no others.
    """
    good = [backup for backup in backups if backup.is_good]
    return [backup for backup in good if not backup.is_from_future(now)] or good


def latest_of(backups: Iterable[Backup], *, now: datetime) -> Backup | None:
    """Return the good one that `latest` names, None when there is none; newest first given.

    It is one that this site made. What was brought from elsewhere may hold anything: it counts
    only where there is no other. A safety backup counts last: it holds what a restore replaced,
    and a second restore of `latest` must not bring that back. One in which no one could sign in as
    admin, which a restore refuses, is passed over where there is another of such kinds.
    """
    found: Backup | None = None
    least = _WORST
    for backup in backups:
        if not backup.is_good:
            continue
        doubts = (_LATEST_RANKS[backup.kind], not backup.has_admin, backup.is_from_future(now))
        if doubts < least:
            found, least = backup, doubts
            if least == _BEST:  # most often the first: the others need no look
                break
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Every backup, with the sums that pages need.

    Attributes:
        backups: newest first.
        by_id: the same ones, by id.
        ours: those of them that are no strange files.
        damaged: those of ours that are damaged.
        counts_by_kind, counts_by_state: how many; every kind and state is there.
        verified_at: when each that the scrub verifies was verified last, oldest first.
        stored_bytes: the size of their files.
    """

    backups: Sequence[Backup]
    by_id: Mapping[str, Backup]
    ours: Sequence[Backup]
    damaged: Sequence[Backup]
    counts_by_kind: Mapping[str, int]
    counts_by_state: Mapping[str, int]
    verified_at: Sequence[datetime]
    stored_bytes: int

    @classmethod
    def of(cls, backups: Sequence[Backup]) -> Listing:
        """Return the listing of `backups`, newest first as a store lists them."""
        kinds = Counter(backup.kind for backup in backups)
        states = Counter(backup.verification.state for backup in backups)
        ours = tuple(backup for backup in backups if not backup.is_strange)
        return cls(
            backups=backups,
            by_id={backup.id: backup for backup in backups},
            ours=ours,
            damaged=tuple(b for b in ours if b.verification.state is State.DAMAGED),
            counts_by_kind={kind: kinds[kind] for kind in Kind},
            counts_by_state={state: states[state] for state in State},
            verified_at=sorted(b.verification.at or b.created_at for b in backups if b.is_scrubbed),
            stored_bytes=sum(backup.file.size_bytes for backup in backups if backup.file),
        )

    @property
    def oldest(self) -> Backup | None:
        """The oldest backup, None when there is none."""
        return self.backups[-1] if self.backups else None

    def select(self, *, kind: Kind | None = None, state: State | None = None) -> Sequence[Backup]:
        """Return the backups of this kind and this state, newest first."""
        if kind is None and state is None:
            return self.backups
        return [
            backup
            for backup in self.backups
            if (kind is None or backup.kind is kind)
            and (state is None or backup.verification.state is state)
        ]
