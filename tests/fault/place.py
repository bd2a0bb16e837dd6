"""A data directory with a notebook in it, and the service that keeps its backups."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from launcher.backup.locks import Gate
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.retention import RetentionPolicy
from launcher.backup.service import BackupService
from launcher.backup.store.local import LocalStore
from tests.support.notebook import Notebook, add_notes, digest, make_notebook

Clock = Callable[[], datetime]
KEEP_ONE = RetentionPolicy(keep_count=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one test happens. The store may lie on another disk than the data."""

    root: Path
    store_path: Path | None = None

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    @property
    def live(self) -> Path:
        return self.data_dir / "notebook.db"

    @property
    def store_dir(self) -> Path:
        return self.store_path or self.data_dir / "backups"

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.store_dir, create=self.store_path is None)

    def service(
        self, *, clock: Clock | None = None, drain_timeout_s: float = 60.0, patience_s: float = 1.0
    ) -> BackupService:
        locks = self.data_dir / "locks"
        gate = Gate(locks, drain_timeout_s=drain_timeout_s, patience_s=patience_s)
        return BackupService(
            database_path=self.live,
            data_dir=self.data_dir,
            store=self.store,
            content=Notebook(),
            gate=gate,
            clock=clock or (lambda: datetime.now(UTC)),
        )

    def copy_to(self, root: Path) -> Place:
        """Copy everything, as it is while nobody has it open."""
        shutil.copytree(self.root, root)
        contents = self.store_path and self.store_path.is_relative_to(self.root)
        moved = root / self.store_path.relative_to(self.root) if contents else self.store_path
        return Place(root, moved)

    def state(self) -> str:
        """Return one line for all that the live database holds, damaged or not."""
        try:
            return state_of(self.live)
        except sqlite3.Error:
            return "bytes " + hashlib.sha256(self.live.read_bytes()).hexdigest()
        except FileNotFoundError:
            return "missing"


def state_of(database: Path) -> str:
    """Return one line for all that a sound database holds; a damaged one raises."""
    if not database.exists():
        raise FileNotFoundError(database)
    connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            raise sqlite3.DatabaseError(str(found))
    finally:
        connection.close()
    return "rows " + hashlib.sha256(repr(sorted(digest(database).items())).encode()).hexdigest()


def make_place(root: Path, *, notes: int = 40, store_path: Path | None = None) -> Place:
    """Make a filled notebook without any backup."""
    place = Place(root, store_path)
    place.data_dir.mkdir(parents=True)
    make_notebook(place.live, notes=notes)
    return place


def change(place: Place, notes: int = 15) -> None:
    """Change the live data: some notes go, others come."""
    connection = sqlite3.connect(place.live, isolation_level=None)
    connection.execute("DELETE FROM note WHERE id % 3 = 0")
    connection.close()
    add_notes(place.live, notes, text="later ")


def make_used_place(root: Path, *, notes: int = 40, store_path: Path | None = None) -> Place:
    """Make a notebook with three backups and later changes, and a file to import beside it.

    The first backup (`manual`) holds what a restore brings back; the others are scheduled.
    """
    place = make_place(root, notes=notes, store_path=store_path)
    service = place.service()
    first = service.create(by="ada", note="the first")
    service.create(by="schedule", kind=Kind.SCHEDULED)
    service.create(by="schedule", kind=Kind.SCHEDULED)
    service.export(first.id, root / "outside.db", by="ada")
    change(place)
    return place


def first_backup(place: Place) -> Backup:
    """Return the backup whose data differs from the live data."""
    return next(backup for backup in place.store.list() if backup.note == "the first")


def damage(place: Place) -> None:
    """Make the live database one that only a replacement of the file can mend."""
    place.live.write_bytes(b"not a database at all\n" * 4000)
