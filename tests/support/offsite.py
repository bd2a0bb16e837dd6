"""A house with copies elsewhere: destinations as an admin adds them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import parse_backup_id
from launcher.backup.store.names import stored_name
from launcher.offsite.age import encrypt, read_identities
from launcher.offsite.copy_manifest import (
    object_name,
    open_copy_manifest,
    read_copy_manifest,
    write_copy_manifest,
)
from launcher.offsite.copying import run_destination
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.ledger import LedgerFile
from launcher.offsite.records import Destination, Ledger, Place, Service, StoredCopy
from launcher.offsite.service import OffsiteService
from launcher.offsite.status import DestinationStatus, OffsiteStatus
from launcher.settings.table import SiteSettings

from .service import House


def folder_destination(path: Path, name: str = "NAS", **how: Any) -> Destination:
    """Return a folder as a destination; not encrypted unless `how` says so."""
    facts = {"encrypt": False, "place": Place.THIS_SERVER, **how}
    return Destination(
        id="", name=name, service=Service.FOLDER, options={"path": str(path)}, **facts
    )


@dataclass
class Offsite:
    """The copies of a house."""

    house: House
    site: SiteSettings = field(default_factory=SiteSettings)

    def __post_init__(self) -> None:
        self.files = OffsiteFiles(self.house.data)
        self.service = self.open()

    def open(self) -> OffsiteService:
        """Return the service as another process would have it."""
        return OffsiteService(self.house.data, self.house.service, clock=self.house.clock)

    def add(self, name: str = "NAS", **how: Any) -> Destination:
        """Add a folder that is there as a destination."""
        path = self.house.root / name.replace(" ", "-")
        path.mkdir(exist_ok=True)
        return self.service.add(folder_destination(path, name, **how), by="ada")

    def run(self, destination: Destination, **how: Any) -> Ledger:
        """Do all that is due there, as its process does, and return what is known then."""
        assert run_destination(
            self.house.open(),
            self.house.data,
            destination.id,
            site=lambda: self.site,
            clock=self.house.clock,
            **how,
        )
        return self.ledger(destination)

    def ledger(self, destination: Destination) -> Ledger:
        """Return what is known of the copies there."""
        return LedgerFile(self.files, destination.id).read()

    def there(self, destination: Destination) -> Path:
        """Return the folder of this site at a destination that is a folder."""
        return Path(destination.options["path"]) / f"launcher-{self.service.settings().site}"

    def names(self, destination: Destination) -> set[str]:
        """Return the names of all that is there."""
        folder = self.there(destination)
        return {each.name for each in folder.iterdir()} if folder.exists() else set()

    def status(self) -> OffsiteStatus:
        """Return how all of it stands."""
        return self.service.status(self.site)

    def of(self, destination: Destination) -> DestinationStatus:
        """Return how one destination stands."""
        found = self.status().find(destination.id)
        assert found is not None
        return found

    def keep(self, destination: Destination, ledger: Ledger) -> None:
        """Write a ledger as the process of the destination does."""
        LedgerFile(self.files, destination.id).write(ledger)

    def entered(self) -> dict[str, Any]:
        """Return what `destinations.json` holds."""
        found: dict[str, Any] = json.loads(self.files.destinations.read_text())
        return found


def put_of_intruder(
    folder: Path,
    backup: Backup,
    data: bytes,
    *,
    is_encrypted: bool = True,
    recipients: Collection[str] = (),
) -> str:
    """Put a backup of someone else among the copies of a site, and return its id.

    It is encrypted for the keys of the site, or for `recipients`.
    Anyone who can write there can: the public keys, the site and the writer are in clear.
    """
    path = min(folder.glob("launcher-*.json"))
    seen = read_copy_manifest(path.read_bytes(), name=path.name)
    recipients = frozenset(recipients or seen.recipients) if is_encrypted else frozenset()
    if is_encrypted:
        encrypted = BytesIO()
        encrypt(BytesIO(data), encrypted, recipients)
        data = encrypted.getvalue()
    name = object_name(backup, is_encrypted=is_encrypted)
    copy = StoredCopy(
        backup, name, len(data), sha256(data).hexdigest(), backup.created_at, recipients
    )
    (folder / name).write_bytes(data)
    (folder / f"launcher-{backup.id}.json").write_bytes(
        write_copy_manifest(copy, site=seen.site, site_name="Home", writer=seen.writer)
    )
    return backup.id


def put_forged(
    folder: Path,
    key: str,
    *,
    later: timedelta = timedelta(minutes=1),
    is_encrypted: bool = False,
    recipients: Collection[str] = (),
) -> str:
    """Put a newer copy that holds nothing beside the only one, and return its id.

    The facts of the backup are those of the other copy, which the key opens for that.
    """
    (path,) = folder.glob("launcher-*.json")
    manifest = read_copy_manifest(path.read_bytes(), name=path.name)
    backup, _ = open_copy_manifest(manifest, read_identities(key))
    assert backup.file is not None
    at = backup.created_at + later
    id_ = parse_backup_id(f"{at:%Y%m%dT%H%M%SZ}-f2f2f2")
    file = replace(backup.file, name=stored_name(id_, backup.file.encoding))
    forged = replace(backup, id=id_, created_at=at, file=file)
    return put_of_intruder(folder, forged, b"bad", is_encrypted=is_encrypted, recipients=recipients)
