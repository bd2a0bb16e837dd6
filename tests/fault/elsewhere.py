"""The copies of a place: a folder beside its data, and what must be true of it after any fault."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from launcher.backup.records.backup import Backup
from launcher.offsite.age import decrypt, read_identities
from launcher.offsite.copy_manifest import open_copy_manifest, read_copy_manifest
from launcher.offsite.copying import run_destination
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.ledger import LedgerFile
from launcher.offsite.records import CopyState, Destination, Ledger, Service
from launcher.offsite.records import Place as Where
from launcher.offsite.service import OffsiteService
from launcher.offsite.status import OffsiteStatus
from launcher.settings.table import SiteSettings
from tests.fault.place import Place

ID = "far"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The copies of a place."""

    place: Place

    @property
    def files(self) -> OffsiteFiles:
        return OffsiteFiles(self.place.data_dir)

    def service(self) -> OffsiteService:
        return OffsiteService(self.place.data_dir, self.place.service())

    def status(self) -> OffsiteStatus:
        return self.service().status(SiteSettings())

    @property
    def folder(self) -> Path:
        """The folder of this site there."""
        settings = self.service().settings()
        path = Path(settings.destinations[0].options["path"])
        return path / f"launcher-{settings.site}"

    def ledger(self) -> Ledger:
        return LedgerFile(self.files, ID).read()

    def names(self) -> set[str]:
        return {each.name for each in self.folder.iterdir()} if self.folder.exists() else set()

    def good(self) -> list[str]:
        """Return the ids of the copies that are listed as good."""
        return [each.id for each in self.ledger().copies if each.state is CopyState.GOOD]

    def assert_listed_are_good(self) -> None:
        """Hold each copy that the ledger lists as good to what its manifest and backup say."""
        identities = read_identities(self.files.recovery_key.read_text())
        for copy in self.ledger().copies:
            if copy.state is not CopyState.GOOD:
                continue
            name = f"launcher-{copy.id}.json"
            written = (self.folder / name).read_bytes()
            manifest = read_copy_manifest(written, name=name, identities=identities)
            assert manifest.proved_by == copy.proved_by != ""
            data = (self.folder / copy.name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == manifest.stored.sha256 == copy.sha256
            backup, _ = open_copy_manifest(manifest, identities)
            plain = io.BytesIO()
            decrypt(io.BytesIO(data), plain, identities)
            assert backup.file is not None
            assert hashlib.sha256(plain.getvalue()).hexdigest() == backup.file.sha256

    def assert_complete(self, backups: list[Backup]) -> None:
        """Hold the destination to exactly these copies, and this place to nothing on its way."""
        self.assert_listed_are_good()
        ids = sorted(each.id for each in backups)
        ledger = self.ledger()
        assert sorted(self.good()) == sorted(each.id for each in ledger.copies) == ids
        assert all(each.is_ours for each in ledger.copies)
        assert (ledger.trouble, ledger.unfinished, ledger.strange) == (None, None, ())
        expected = {f"launcher-{each}.json" for each in ids}
        assert self.names() == expected | {f"launcher-{each}.db.zst.age" for each in ids}
        left = {each.name for each in self.files.folder.iterdir()} - {f"{ID}.json", "writer"}
        assert {each for each in left if not each.startswith(".")} == set()


def add_elsewhere(place: Place, path: Path | None = None) -> Elsewhere:
    """Add a folder beside the data as the destination of a place."""
    far = path or place.root / "far"
    far.mkdir(exist_ok=True)
    elsewhere = Elsewhere(place)
    elsewhere.service().add(
        Destination(
            id="",
            name=ID,
            service=Service.FOLDER,
            place=Where.THIS_SERVER,
            options={"path": str(far)},
        ),
        by="ada",
    )
    return elsewhere


def copy_elsewhere(place: Place, *, keep_count: int = 10) -> bool:
    """Do all that is due at the destination of a place, as its process does."""
    return run_destination(
        place.service(),
        place.data_dir,
        ID,
        site=lambda: SiteSettings(backup_max_count=keep_count),
    )
