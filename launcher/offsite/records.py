"""What is kept of destinations and of the copies in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.ids import BackupId
from launcher.backup.retention import RetentionPolicy
from launcher.offsite.troubles import Trouble


class Service(StrEnum):
    """How a destination is reached."""

    FOLDER = "folder"
    S3 = "s3"
    RCLONE = "rclone"


class Place(StrEnum):
    """Where a destination is, for counting copies and places. An admin says so."""

    OFF_SITE = "off_site"
    OTHER_DEVICE = "other_device"
    THIS_SERVER = "this_server"


class KeepRule(StrEnum):
    """What is removed from a destination."""

    SAME_RULES = "same_rules"  # the retention of the schedule, applied to the copies there
    MIRROR = "mirror"  # what is no longer here
    OWN = "own"  # numbers of its own
    ALL = "all"  # nothing


BYTES_S_OF_MBIT = 125_000
"""A limit is shown in Mbit/s, in which providers sell connections."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A place that gets copies, as an admin entered it.

    Attributes:
        id: its name in files and commands: "nas", "backblaze-2". Never changes.
        options: what is no secret. Folder: `path`. S3: `endpoint`, `bucket`, `folder`, `region`,
            `path_style` ("on", "off", "" for automatic), `ca_file`. Rclone: `type`, `folder`, and
            the options of that type by rclone's names.
        secrets: what is one. S3: `key_id`, `secret`. Rclone: options that hold passwords or keys.
        encrypt: whether copies are encrypted before they leave.
        kinds: the kinds of backups that are copied.
        keep, policy: what is removed there; `policy` for `OWN`.
        limit_bytes_s: the most that is sent in a second, 0 for no limit.
        stale_after_h: how old the newest good copy may be, 0 for a day more than backups here.
        paused: nothing is copied, read or removed.
        may_delete: what the last test found; None before any.
        tested_at: when its last test was passed.
    """

    id: str
    name: str
    service: Service
    place: Place = Place.OFF_SITE
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    encrypt: bool = True
    kinds: frozenset[Kind] = frozenset({Kind.SCHEDULED, Kind.MANUAL})
    keep: KeepRule = KeepRule.SAME_RULES
    policy: RetentionPolicy | None = None
    limit_bytes_s: int = 0
    stale_after_h: int = 0
    paused: bool = False
    may_delete: bool | None = None
    tested_at: datetime | None = None
    added_at: datetime | None = None
    added_by: str = ""


_NOT_THE_PLACE = {"region", "path_style", "ca_file", "known_hosts"}


def place_of(destination: Destination) -> str:
    """Return what differs once a destination is another place, and is no secret."""
    options = {name: value for name, value in destination.options.items() if value}
    place = sorted(
        (name, _spelled(name, value))
        for name, value in options.items()
        if name not in _NOT_THE_PLACE and (name, value) != ("port", "22")
    )
    return hashlib.sha256(repr((str(destination.service), place)).encode()).hexdigest()[:16]


def _spelled(name: str, value: str) -> str:
    """Return a value of an option as all its usual spellings have it."""
    if name == "host":
        return value.lower()
    if name in {"endpoint", "url"}:
        start, sign, rest = value.rstrip("/").partition("://")
        host, slash, path = (rest if sign else start).partition("/")
        return f"{start.lower() if sign else ''}{sign}{host.lower()}{slash}{path}"
    return value.rstrip("/") if name == "folder" else value


def folders_of(destinations: Iterable[Destination]) -> tuple[Path, ...]:
    """Return the folders of those destinations that are folders of this machine."""
    return tuple(
        Path(each.options["path"])
        for each in destinations
        if each.service is Service.FOLDER and each.options.get("path")
    )


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key that copies are encrypted for.

    `is_own`: its secret key is in `recovery_key` of this data directory, and in the kit.
    """

    public_key: str
    label: str = ""
    is_own: bool = False
    added_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OneDisk:
    """An admin accepts that all copies are on one disk."""

    at: datetime
    by: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Destinations:
    """`destinations.json` in the data directory, mode 0600: everything an admin entered.

    Attributes:
        site: the name of this installation in a destination, eight letters and digits.
        recipients: the keys that new copies are encrypted for; the newest own one is the kit's.
        kit_confirmed_key, kit_confirmed_at, kit_confirmed_by: which kit was confirmed.
        kit_confirmed_ways: what it says of each destination, by its id, as `kit.way_of` has it;
            None where that is not known.
        one_disk: set where an admin accepted one disk.
        read_within_days: each copy is read in full once in so many days.
        read_bytes_a_day: at most so many bytes are read in a day, 0 for no limit.
    """

    site: str = ""
    destinations: tuple[Destination, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    kit_confirmed_key: str = ""
    kit_confirmed_at: datetime | None = None
    kit_confirmed_by: str = ""
    kit_confirmed_ways: Mapping[str, str] | None = None
    one_disk: OneDisk | None = None
    read_within_days: int = 90
    read_bytes_a_day: int = 0


class CopyState(StrEnum):
    """What is known of a copy."""

    GOOD = "good"  # the service confirmed it, or it was read since
    DAMAGED = "damaged"  # it is there and is not what was written
    MISSING = "missing"  # it was there and is not any more


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """A copy at a destination.

    Attributes:
        backup: the whole manifest of the backup.
        name: of the object that holds the data.
        size_bytes, sha256: of that object.
        recipients: public keys that can open it; empty for one that is not encrypted.
        proved_by: the public key of this site's that proves where it comes from, "" without one.
        is_confirmed: False where the service confirmed the size alone: it is read back first.
        is_ours: this data directory wrote it, so it may remove it.
        read_at: when all of it was read, opened and found good.
        tested_at: when it was restored to a temporary copy.
        trouble: what was wrong when it was read last; `NO_KEY` says nothing of its state.
        bad_since: since when it is not good, None for a good one.
        seen: size and time of its manifest when that was read last, so that a change is noticed.
    """

    backup: Backup
    name: str
    size_bytes: int
    sha256: str
    copied_at: datetime
    recipients: frozenset[str] = frozenset()
    proved_by: str = ""
    is_confirmed: bool = True
    is_ours: bool = True
    state: CopyState = CopyState.GOOD
    read_at: datetime | None = None
    tested_at: datetime | None = None
    trouble: Trouble | None = None
    bad_since: datetime | None = None
    seen: str = ""

    @property
    def id(self) -> BackupId:
        """The id of the backup."""
        return self.backup.id

    @property
    def is_checked(self) -> bool:
        """Whether more than its size was ever found right."""
        return self.is_confirmed or self.read_at is not None


@dataclass(frozen=True, slots=True)
class Replaced:
    """A copy that was found bad, and was copied again.

    Attributes:
        id: of the backup.
        state: what the copy was.
        bad_since: since when.
        at: when the new copy was there.
    """

    id: BackupId
    state: CopyState
    bad_since: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class LastTrouble:
    """Why the last try failed.

    Attributes:
        since: when the first of these tries in a row failed.
        count: how many failed in a row.
        next_try_at: when it is tried again.
    """

    trouble: Trouble
    at: datetime
    since: datetime
    count: int = 1
    facts: Mapping[str, object] = field(default_factory=dict)
    answer: str = ""
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload that was interrupted: the encrypted file is kept in `offsite/` for the next try."""

    backup_id: str
    name: str
    size_bytes: int
    sha256: str
    recipients: frozenset[str] = frozenset()
    token: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """`offsite/<id>.json`: what is known of the copies at one destination.

    It is what was written and read there, not a list of wishes; a lost file is filled again from
    the destination itself.

    Attributes:
        where: which place it is about, as `place_of` has it: a destination may be moved.
        copies: newest first.
        listed_at: when the destination was listed last.
        replaced: copies that were bad and were copied again, of the newest backups first.
        strange: names of objects there that this site did not write, at most 20.
        strange_count: how many there are.
        trouble: of the last try, None after one that went well.
        copied_at: when the last copy was finished, and `copied_s` how long it took.
        free_bytes: as it was said last.
        read_bytes, read_day: how much was read for proof on which day.
        read_trouble: why copies could not be read for proof at the last try, None where they were.
    """

    copies: tuple[StoredCopy, ...] = ()
    listed_at: datetime | None = None
    strange: tuple[str, ...] = ()
    strange_count: int = 0
    trouble: LastTrouble | None = None
    unfinished: Unfinished | None = None
    copied_at: datetime | None = None
    copied_s: float = 0.0
    free_bytes: int | None = None
    read_bytes: int = 0
    read_day: str = ""
    read_trouble: LastTrouble | None = None
    where: str = ""
    replaced: tuple[Replaced, ...] = ()


def fetch_order(destination: Destination) -> tuple[bool, bool]:
    """Return what orders destinations for a download: a folder first, a paused one last."""
    return destination.service is not Service.FOLDER, destination.paused
