"""How destinations stand, in words: rows of their page, places and rows of the list of backups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from launcher.backup.records.backup import Backup, State
from launcher.backup.records.ids import BackupId
from launcher.i18n.formats import isolated, listing, long, number, size
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.i18n.offsite import CONFIRMATION_WORDS, PLACE_WORDS, SERVICE_WORDS, trouble_words
from launcher.offsite.records import (
    CopyState,
    Destination,
    KeepRule,
    LastTrouble,
    Place,
    Service,
    StoredCopy,
    fetch_order,
)
from launcher.offsite.secret_options import shown_options
from launcher.offsite.status import (
    CopyProgress,
    DestinationStatus,
    OffsiteStatus,
    Places,
    Standing,
    Work,
    confirmation_of,
)
from launcher.web.admin.backups.words import at_time
from launcher.web.admin.offsite.fields import TYPES

_MOST_ONLY = 50
_ADDRESS_OPTIONS = ("host", "url", "path", "bucket")


@dataclass(frozen=True, slots=True)
class ShownTrouble:
    """Why the last try failed, and what to do."""

    title: str
    advice: str
    answer: str
    tries: str
    next_try: str


@dataclass(frozen=True, slots=True)
class ShownDestination:
    """One destination in words.

    Attributes:
        state: the state of its mark; `word` says how it stands.
        picture: the name of its icon.
        kind: what it is; `address` where, for people.
        unread: why copies could not be read at the last try.
        percent: how far the copy is that is made now, None where it is not known.
    """

    status: DestinationStatus
    state: str
    word: str
    picture: str
    kind: str
    address: str
    place: str
    count: int
    stored_bytes: int
    read: int
    read_at: datetime | None
    confirmed: str
    trouble: ShownTrouble | None
    unread: ShownTrouble | None
    work: str = ""
    percent: int | None = None
    figure: str = ""

    @property
    def destination(self) -> Destination:
        """The record."""
        return self.status.destination

    @property
    def id(self) -> str:
        """Its id in addresses."""
        return self.status.destination.id


def shown_destination(status: DestinationStatus, *, now: datetime) -> ShownDestination:
    """Return the words about one destination."""
    destination, ledger = status.destination, status.ledger
    good = [each for each in ledger.copies if each.state is CopyState.GOOD]
    read = [each.read_at for each in good if each.read_at]
    state, word = _standing_words(status, now=now)
    progress = status.progress
    confirmation = confirmation_of(destination, ledger)
    return ShownDestination(
        status,
        state,
        word,
        picture=_picture(destination),
        kind=kind_words(destination),
        address=address_words(destination),
        place=str(PLACE_WORDS[destination.place]),
        count=len(good),
        stored_bytes=sum(each.size_bytes for each in ledger.copies),
        read=len(read),
        read_at=max(read, default=None),
        confirmed=str(CONFIRMATION_WORDS[confirmation]) if confirmation else "",
        trouble=_trouble(status, status.trouble, now=now),
        unread=_trouble(status, ledger.read_trouble, now=now),
        work=_work_words(progress) if progress else "",
        percent=percent_of(progress),
        figure=_bytes_words(progress) if progress else "",
    )


def percent_of(progress: CopyProgress | None) -> int | None:
    """Return how far the work is, None while it cannot be known."""
    if progress is None or not progress.total:
        return None
    return min(100, progress.done * 100 // progress.total)


def places_words(places: Places) -> str:
    """Return how many copies there are in how many places: the sum of it all in one sentence."""
    copies = ngettext(
        "%(num)s copy of a recent good backup",
        "%(num)s copies of a recent good backup",
        places.copies,
    )
    where = ngettext("%(num)s place", "%(num)s places", places.places)
    if places.off_site:
        return ngettext(
            "%(copies)s in %(places)s, %(num)s off-site.",
            "%(copies)s in %(places)s, %(num)s off-site.",
            places.off_site,
            copies=copies,
            places=where,
        )
    return _("%(copies)s in %(places)s, none off-site.", copies=copies, places=where)


@dataclass(frozen=True, slots=True)
class ShownCopy:
    """Whether one backup is at one place: `state` of its mark, and the word for it."""

    name: str
    state: str
    word: str


def copies_of(backup: Backup, status: OffsiteStatus) -> Sequence[ShownCopy]:
    """Return where a backup of the list is, this server first; nothing without destinations."""
    if not status.destinations:
        return ()
    state = backup.verification.state
    here = {
        State.VERIFIED: ("ok", _("verified")),
        State.DAMAGED: ("bad", _("damaged")),
        State.UNVERIFIED: ("none", _("not verified")),
    }[state]
    there = (copy_at(backup.id, each) for each in status.destinations)
    return [ShownCopy(_("Here"), *here), *filter(None, there)]


@dataclass(frozen=True, slots=True)
class OnlyThere:
    """A backup that is no longer here, and at which destinations it still is, the nearest first."""

    copy: StoredCopy
    destinations: Sequence[Destination]

    @property
    def backup(self) -> Backup:
        """What was copied."""
        return self.copy.backup

    @property
    def names(self) -> str:
        """Where it is."""
        return listing([isolated(each.name) for each in self.destinations])


@dataclass(frozen=True, slots=True)
class OnlyElsewhere:
    """The backups that exist only elsewhere, newest first; `count` of all, `rows` of the newest."""

    count: int
    rows: Sequence[OnlyThere]
    title: str


def only_elsewhere(status: OffsiteStatus) -> OnlyElsewhere | None:
    """Return the backups that exist only at destinations, None where there are none."""
    at: dict[BackupId, list[Destination]] = {}
    copies: dict[BackupId, StoredCopy] = {}
    for each in status.destinations:
        for copy in each.only_here:
            copies.setdefault(copy.id, copy)
            at.setdefault(copy.id, []).append(each.destination)
    if not copies:
        return None
    newest = sorted(copies.values(), key=lambda copy: copy.backup.created_at, reverse=True)
    names = {each.name for there in at.values() for each in there}
    count = len(newest)
    if len(names) == 1:
        title = ngettext(
            "%(count)s backup only at %(name)s",
            "%(count)s backups only at %(name)s",
            count,
            count=number(count),
            name=isolated(*names),
        )
    else:
        title = ngettext(
            "%(count)s backup only in other places",
            "%(count)s backups only in other places",
            count,
            count=number(count),
        )
    rows = [OnlyThere(copy, sorted(at[copy.id], key=fetch_order)) for copy in newest[:_MOST_ONLY]]
    return OnlyElsewhere(count, rows, title)


def remain_at(ids: Sequence[str], status: OffsiteStatus) -> str:
    """Return the names of the destinations where good copies of all these backups remain.

    One that mirrors this server removes what is deleted here.
    """
    names = [
        isolated(each.destination.name)
        for each in status.destinations
        if each.destination.keep is not KeepRule.MIRROR
        and set(ids) <= {one.id for one in each.ledger.copies if one.state is CopyState.GOOD}
    ]
    return listing(names) if ids and names else ""


def copy_at(backup_id: str, status: DestinationStatus) -> ShownCopy | None:
    """Return how the copy of a backup at one destination is, None where it will have none."""
    name = status.destination.name
    copy = next((each for each in status.ledger.copies if each.id == backup_id), None)
    progress = status.progress
    if copy is not None and copy.state is CopyState.GOOD:
        return ShownCopy(name, "ok", _("copied"))
    if progress and progress.backup_id == backup_id and progress.work in _COPYING:
        percent = percent_of(progress)
        word = _("copying") if percent is None else _("copying, %(percent)s %%", percent=percent)
        return ShownCopy(name, "now", word)
    if any(each.id == backup_id for each in status.owed):
        return ShownCopy(name, "none", _("waiting"))
    if copy is not None:
        is_gone = copy.state is CopyState.MISSING
        return ShownCopy(name, "bad", _("missing") if is_gone else _("damaged"))
    return None


_COPYING = {Work.ENCRYPT, Work.UPLOAD}


def _standing_words(status: DestinationStatus, *, now: datetime) -> tuple[str, str]:
    count = len(status.owed)
    waiting = ngettext("%(count)s backup to copy", "%(count)s backups to copy", count,
                       count=number(count))  # fmt: skip
    if status.standing is Standing.UP_TO_DATE and status.destination.may_delete is False:
        return "verified", _("Up to date. The key may not delete, which protects the copies")
    failed = _("The last try failed")
    if count:
        failed = _("The last try failed. %(waiting)s", waiting=waiting)
    words = {
        Standing.UP_TO_DATE: ("verified", _("Up to date")),
        Standing.PAUSED: ("paused", _("Paused")),
        Standing.WAITING: ("none", waiting),
        Standing.COPYING: ("none", _("Copying. %(waiting)s", waiting=waiting)),
        Standing.BEHIND: ("slow", failed),
        Standing.STALE: ("slow", stale_words(status, now=now)),
    }
    return words[status.standing]


def stale_words(status: DestinationStatus, *, now: datetime) -> str:
    """Return since when a destination has no new good copy."""
    if status.newest_good is None:
        return _("No good copy yet")
    behind = long(now - status.newest_good.backup.created_at)
    return _("Newest good copy: %(length)s old", length=behind)


def _trouble(
    status: DestinationStatus, last: LastTrouble | None, *, now: datetime
) -> ShownTrouble | None:
    if last is None or status.destination.paused:
        return None
    title, advice = trouble_words(last.trouble, last.facts)
    tries = ngettext(
        "%(count)s failed try since %(when)s.",
        "%(count)s failed tries since %(when)s.",
        last.count,
        count=number(last.count),
        when=at_time(last.since, now=now),
    )
    next_try = ""
    if last.next_try_at and last.next_try_at > now:
        next_try = _("Next try: %(when)s.", when=at_time(last.next_try_at, now=now))
    return ShownTrouble(title, advice, last.answer, tries, next_try)


def _work_words(progress: CopyProgress) -> str:
    words: Mapping[Work, str] = {
        Work.LIST: _("Listing the copies"),
        Work.ENCRYPT: _("Encrypting"),
        Work.UPLOAD: _("Copying"),
        Work.READ: _("Reading a copy to verify it"),
        Work.REMOVE: _("Removing old copies"),
    }
    return words[progress.work]


def _bytes_words(progress: CopyProgress) -> str:
    if progress.total:
        return _("%(done)s of %(total)s", done=size(progress.done), total=size(progress.total))
    return size(progress.done) if progress.done else ""


def _picture(destination: Destination) -> str:
    if destination.place is Place.THIS_SERVER:
        return "hard-drive"
    if destination.service is Service.FOLDER:
        return "server"
    return "cloud" if destination.service is Service.S3 else "network"


def kind_words(destination: Destination) -> str:
    """Return what kind of destination it is: Folder, S3, SFTP."""
    if destination.service is Service.RCLONE:
        type_ = destination.options.get("type", "")
        return str(TYPES.get(type_) or type_ or SERVICE_WORDS[Service.RCLONE])
    return str(SERVICE_WORDS[destination.service])


def address_words(destination: Destination) -> str:
    """Return where a destination is, as a person recognizes it; an option is never a secret."""
    options = shown_options(destination.options)
    if destination.service is Service.FOLDER:
        return options.get("path", "")
    if destination.service is Service.S3:
        place = "/".join(filter(None, (options.get("bucket"), options.get("folder"))))
        return " ".join(filter(None, (place, options.get("endpoint"))))
    first = next((options[name] for name in _ADDRESS_OPTIONS if options.get(name)), "")
    return " ".join(filter(None, (first, options.get("folder"))))
