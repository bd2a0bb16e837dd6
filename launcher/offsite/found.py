"""What is in a place: the copies of each site there, found without the site that wrote them.

A bare machine has neither destinations nor a key of its own: the place comes from options, the key
from the recovery kit. Nothing is changed at the place, and no data is downloaded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from launcher.backup.records.backup import CLOCK_TOLERANCE, Kind
from launcher.backup.records.ids import BackupId, moment_of
from launcher.backup.store.names import id_of_manifest, manifest_name
from launcher.offsite.age import SUFFIX, Identity
from launcher.offsite.copy_manifest import (
    MAX_BYTES,
    CopyManifest,
    id_of_object,
    open_copy_manifest,
    read_copy_manifest,
)
from launcher.offsite.errors import OffsiteError
from launcher.offsite.object_names import site_of
from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, Service
from launcher.offsite.remote import Remote
from launcher.offsite.troubles import RemoteError, Trouble

_PLACE_ID = "-"
MOST_READ = 30
"""So many of the newest copies of a site are described; of older ones the time is known."""
_MOST_FAILED = 10
"""So many manifests are tried where none can be read: each takes its time."""
_MOST_KEYS = 10
_MOST_LETTERS = 100


class Doubt(StrEnum):
    """Why a copy is restored only where a person chose it."""

    NOT_PROVED = "not_proved"  # by any key that was given
    NOT_READ = "not_read"  # so no key can have proved it
    NOT_ENCRYPTED = "not_encrypted"  # although other copies of the site are, and no key was given
    FROM_FUTURE = "from_future"  # by the clock of this machine


@dataclass(frozen=True, slots=True)
class FoundCopy:
    """A copy at a place.

    Attributes:
        created_at: of the backup.
        size_bytes: of what is downloaded, 0 where its manifest was not read.
        kind, app_version, database_bytes: of the backup, as far as the key opens its manifest.
        opens: whether a key that was given opens it; None where its manifest was not read.
        is_proved: whether a key that was given proves where it comes from; None where none was
            given, or its manifest was not read.
        recipients: the public keys that open it, none for one that is not encrypted.
        is_whole: False where its object is missing, or has another size.
        trouble: why its manifest could not be read, although others were; None where it was.
        doubt: why it is never chosen automatically, None where nothing is strange.
    """

    id: BackupId
    created_at: datetime
    size_bytes: int = 0
    kind: Kind | None = None
    app_version: str = ""
    database_bytes: int = 0
    opens: bool | None = None
    is_proved: bool | None = None
    recipients: tuple[str, ...] = ()
    is_whole: bool = True
    trouble: Trouble | None = None
    doubt: Doubt | None = None

    @property
    def is_doubted(self) -> bool:
        """Whether its origin is in doubt, and not its time alone."""
        return self.doubt not in {None, Doubt.FROM_FUTURE}


@dataclass(frozen=True, slots=True)
class FoundSite:
    """The copies of one site at a place, newest first; `name` is "" where no key opens one.

    `count` is how many there are, where `copies` are only the newest.
    """

    id: str
    name: str
    copies: tuple[FoundCopy, ...]
    count: int = 0

    @property
    def usable(self) -> Sequence[FoundCopy]:
        """The copies that can be brought back, as far as is known, newest first."""
        return [each for each in self.copies if each.is_whole and each.opens is not False]

    @property
    def trusted(self) -> Sequence[FoundCopy]:
        """The copies that may be brought back without being chosen, newest first."""
        return [each for each in self.usable if each.doubt is None]

    @property
    def doubted(self) -> Sequence[FoundCopy]:
        """The copies that are passed over: usable, read, and newer than those to be trusted."""
        doubted = [each for each in self.usable if each.doubt not in {None, Doubt.NOT_READ}]
        return [each for each in doubted if self._is_newer(each)]

    @property
    def closed(self) -> Sequence[FoundCopy]:
        """The copies that no given key opens and that are newer than those to be trusted."""
        closed = (each for each in self.copies if each.is_whole and each.opens is False)
        return [each for each in closed if self._is_newer(each)]

    @property
    def unread(self) -> Sequence[FoundCopy]:
        """The copies that could not be read and that are newer than those to be trusted."""
        return [each for each in self.copies if each.trouble and self._is_newer(each)]

    @property
    def incomplete(self) -> Sequence[FoundCopy]:
        """The copies that are passed over because they are not whole, or their manifest is not."""
        return [each for each in self.copies if not each.is_whole and self._is_newer(each)]

    def _is_newer(self, copy: FoundCopy) -> bool:
        return not self.trusted or copy.created_at >= self.trusted[0].created_at

    @property
    def is_proved(self) -> bool:
        """Whether a key that was given proves the origin of a copy."""
        return any(each.is_proved for each in self.copies)

    @property
    def is_unproved(self) -> bool:
        """Whether copies open with the keys that were given, and these prove none."""
        is_any_doubted = any(each.doubt is Doubt.NOT_PROVED for each in self.usable)
        return is_any_doubted and not self.is_proved


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """What is in a place: its sites, those that a key proves first, then by the newest copy."""

    sites: tuple[FoundSite, ...]

    @property
    def newest(self) -> tuple[FoundSite, FoundCopy] | None:
        """The newest copy that may be brought back without being chosen, None where none is.

        Of several sites, one with encrypted copies comes first: anyone can add a site. With keys,
        only copies are here that they prove. A site with newer copies that need another key, or
        could not be read, has none: its older data is taken by choice alone.
        """
        open_ = (site for site in self.sites if not (site.closed or site.unread))
        found = [(site, each) for site in open_ for each in site.trusted[:1]]
        return max(found, key=lambda it: (bool(it[1].recipients), it[1].created_at), default=None)

    @property
    def is_unproved(self) -> bool:
        """Whether the keys that were given open copies and prove none of any site."""
        is_any_trusted = any(each.trusted for each in self.sites)
        return not is_any_trusted and any(each.is_unproved for each in self.sites)

    @property
    def needed(self) -> str:
        """The public keys of copies that no given key opens, "" where there is none."""
        return keys_of([each for site in self.sites for each in site.copies])

    def find(self, backup_id: str, site_id: str = "") -> tuple[FoundSite, FoundCopy]:
        """Return one copy.

        Raises:
            OffsiteError: `copy_not_found`.
        """
        for site in self.sites:
            for each in site.copies:
                if each.id == backup_id and site_id in {"", site.id}:
                    return site, each
        raise OffsiteError("copy_not_found", backup_id=backup_id)


def keys_of(copies: Sequence[FoundCopy]) -> str:
    """Return the public keys of those that no given key opens, "" where there is none."""
    closed = [each for each in copies if each.opens is False]
    return " or ".join(sorted({key for each in closed for key in each.recipients}))


def place_of(
    service: Service, options: Mapping[str, str], secrets_: Mapping[str, str]
) -> Destination:
    """Return a place to look into; it may be named with the folder of its site or without."""
    key = "path" if service is Service.FOLDER else "folder"
    parent, _, last = options.get(key, "").rstrip("/").rpartition("/")
    if site_of(last):
        options = {**options, key: parent or ("/" if key == "path" else "")}
    return Destination(_PLACE_ID, _PLACE_ID, service, options=options, secrets=secrets_)


def look(
    place: Destination,
    identities: Sequence[Identity],
    *,
    are_given: bool = True,
    site_id: str = "",
    backup_id: str = "",
) -> FoundPlace:
    """Return the copies in a place; nothing is changed there.

    The manifests of the newest copies are read, and that of `backup_id`, a request each; no data is
    downloaded. With keys, a copy that none of them proves is doubted: anyone who can write there
    can encrypt for a public key.

    Args:
        place: where.
        identities: the secret keys.
        are_given: a person gave them for these copies. Those that happen to be on this machine say
            nothing of a site of which no copy is encrypted and they prove none.
        site_id: the only site to look for.
        backup_id: the copy that was chosen.

    Raises:
        RemoteError: `NOT_THERE` also where a folder does not exist that a copy would make.
        OffsiteError: `no_copies`.
    """
    with contextlib.closing(open_remote(place)) as remote:
        ids = [each for each in remote.list_sites() if site_id in {"", each}]
    if not ids:
        _require_folder(place)
    found = []
    for each in ids:
        with contextlib.closing(open_remote(place, site=each)) as remote:
            found.append(_Looking(remote, each, identities, are_given, backup_id).look())
    sites = [each for each in found if each.copies]
    if not sites:
        raise OffsiteError("no_copies")
    sites.sort(key=lambda site: (site.is_proved, site.copies[0].created_at), reverse=True)
    return FoundPlace(tuple(sites))


def _require_folder(place: Destination) -> None:
    path = place.options.get("path", "")
    if place.service is Service.FOLDER and not Path(path).exists():
        raise RemoteError(Trouble.NOT_THERE, name=path)


@dataclass(frozen=True)
class _Looking:
    """The search for the copies of one site."""

    remote: Remote
    site_id: str
    identities: Sequence[Identity]
    are_given: bool
    backup_id: str

    def look(self) -> FoundSite:
        sizes = {each.name: each.size_bytes for each in self.remote.list()}
        encrypted = {id_of_object(name) for name in sizes if name.endswith(SUFFIX)} - {None}
        ids = sorted(filter(None, map(id_of_manifest, sizes)), key=_to_read, reverse=True)
        described = self._described(ids, sizes)
        # The name that is proved comes before any other.
        names = sorted(described, key=lambda it: not it[0].is_proved)
        copies = [copy for copy, _ in described]
        can_prove = self.are_given or encrypted or any(each.is_proved for each in copies)
        if self.identities and can_prove:
            copies = [replace(each, doubt=_doubt_with_keys(each)) for each in copies]
        else:
            copies = [replace(each, doubt=_doubt(each, encrypted)) for each in copies]
        copies = [replace(each, doubt=Doubt.NOT_READ) if each.trouble else each for each in copies]
        # An id has no fractions of a second.
        copies.sort(key=lambda copy: (copy.created_at, copy.id), reverse=True)
        name = next((name for _, name in names if name), "")
        return FoundSite(self.site_id, name[:_MOST_LETTERS], tuple(copies), len(copies))

    def _described(
        self, ids: Sequence[BackupId], sizes: Mapping[str, int]
    ) -> Sequence[tuple[FoundCopy, str]]:
        """Return each copy with the name of its site; of the older ones the time alone.

        One object that the service does not hand out hides no other one.

        Raises:
            RemoteError: the chosen copy, or none at all can be read.
        """
        read: dict[BackupId, tuple[FoundCopy, str]] = {}
        failed: dict[BackupId, RemoteError] = {}
        chosen = [each for each in ids if each == self.backup_id]
        for each in dict.fromkeys((*chosen, *ids[:MOST_READ])):
            try:
                read[each] = self._describe(each, sizes)
            except RemoteError as error:
                failed[each] = error
                if each == self.backup_id or (not read and len(failed) == _MOST_FAILED):
                    raise
        if failed and not read:
            raise next(iter(failed.values()))
        # An id has no fractions of a second: a failed one is perhaps the newest of its second.
        late = {id_: _moment(id_).replace(microsecond=999_999) for id_ in failed}
        unread = {id_: FoundCopy(id_, late[id_], trouble=failed[id_].trouble) for id_ in failed}
        return [
            read.get(each) or (unread.get(each) or FoundCopy(each, _moment(each)), "")
            for each in ids
        ]

    def _describe(self, id_: BackupId, sizes: Mapping[str, int]) -> tuple[FoundCopy, str]:
        """Return a copy as its manifest describes it, and the name of its site."""
        try:
            manifest = load_manifest(self.remote, id_, self.identities)
        except OffsiteError:
            return FoundCopy(id_, _moment(id_), is_whole=False), ""
        copy = FoundCopy(
            id_,
            manifest.created_at,
            size_bytes=manifest.stored.size_bytes,
            opens=False,
            is_proved=is_proved(manifest, self.site_id) if self.identities else None,
            recipients=tuple(
                sorted(each[:_MOST_LETTERS] for each in manifest.recipients)[:_MOST_KEYS]
            ),
            is_whole=sizes.get(manifest.stored.name) == manifest.stored.size_bytes,
        )
        try:
            backup, name = open_copy_manifest(manifest, self.identities)
        except OffsiteError as error:
            return replace(copy, is_whole=copy.is_whole and error.code == "not_opened"), ""
        size_bytes = backup.database.size_bytes if backup.database else 0
        version = backup.app_version[:_MOST_LETTERS]
        opened = replace(copy, opens=True, kind=backup.kind, app_version=version)
        return replace(opened, database_bytes=size_bytes), name


def _doubt(copy: FoundCopy, encrypted: Collection[BackupId | None]) -> Doubt | None:
    """Return why a person should look at a copy first: the place may be in other hands."""
    is_encrypted = copy.id in encrypted if copy.opens is None else bool(copy.recipients)
    if encrypted and not is_encrypted:
        return Doubt.NOT_ENCRYPTED
    return _doubt_of_time(copy)


def _doubt_with_keys(copy: FoundCopy) -> Doubt | None:
    """Return the same, where keys can prove copies."""
    if copy.is_proved is None:
        return Doubt.NOT_READ
    return _doubt_of_time(copy) if copy.is_proved else Doubt.NOT_PROVED


def _doubt_of_time(copy: FoundCopy) -> Doubt | None:
    return Doubt.FROM_FUTURE if _is_from_future(copy.created_at) else None


def is_proved(manifest: CopyManifest, site_id: str) -> bool:
    """Whether the keys that a manifest was read with prove that it is of this site."""
    return bool(manifest.proved_by) and manifest.site == site_id


def load_manifest(remote: Remote, id_: BackupId, identities: Sequence[Identity]) -> CopyManifest:
    """Return the manifest of a copy.

    Raises:
        RemoteError
        OffsiteError: `copy_damaged`.
    """
    name = manifest_name(id_)
    data = remote.get_bytes(name, limit=MAX_BYTES)
    return read_copy_manifest(data, name=name, identities=identities)


def _to_read(id_: BackupId) -> tuple[bool, datetime, str]:
    """Return the order of reading: those that no right clock has shown yet come last."""
    return not _is_from_future(_moment(id_)), _moment(id_), id_


def _is_from_future(at: datetime) -> bool:
    return at - datetime.now(UTC) > CLOCK_TOLERANCE


def _moment(id_: BackupId) -> datetime:
    return moment_of(id_) or datetime(1970, 1, 1, tzinfo=UTC)
