"""A notebook with its backup service: real files in a folder of its own, and a clock in hand."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from launcher.backup import BackupService, Gate, LocalStore
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import JournalEntry
from launcher.backup.verify import Examiner

from .notebook import Notebook, make_notebook


@dataclass
class Watch:
    """A clock that goes on by itself, a second a look, and can be set."""

    now: datetime = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
    step: timedelta = timedelta(seconds=1)

    def __call__(self) -> datetime:
        """Return the moment and go on."""
        moment = self.now
        self.now += self.step
        return moment


@dataclass
class House:
    """A data directory with a live notebook in it, and everything around."""

    root: Path
    content: Notebook = field(default_factory=Notebook)
    clock: Watch = field(default_factory=Watch)
    compress: bool = True
    finished: list[JournalEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data = self.root / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.live = self.data / "launcher.db"
        self.backups = self.data / "backups"
        self.store = LocalStore(self.backups)
        self.gate = Gate(self.data / "locks", drain_timeout_s=0.4, patience_s=0.1)
        self.service = self.open()

    def open(
        self, content: Notebook | None = None, *, examiner: Examiner | None = None
    ) -> BackupService:
        """Return a service as another process would have it."""
        return BackupService(
            database_path=self.live,
            data_dir=self.data,
            store=self.store,
            content=content or self.content,
            gate=self.gate,
            examiner=examiner,
            clock=self.clock,
            on_finished=self.finished.append,
            compress=self.compress,
        )

    def fill(self, *, notes: int = 20, **how: object) -> House:
        """Make the live notebook."""
        make_notebook(self.live, notes=notes, **how)  # type: ignore[arg-type]
        return self

    def create(self, **how: object) -> Backup:
        """Make a backup as ada."""
        return self.service.create(by="ada", **how)  # type: ignore[arg-type]

    def stored(self, backup: Backup) -> Path:
        """Return the path of a backup's file."""
        assert backup.file is not None
        return self.backups / backup.file.name

    def manifest(self, backup: Backup) -> Path:
        """Return the path of a backup's manifest."""
        return self.backups / f"launcher-{backup.id}.json"

    def staged(self) -> list[str]:
        """Return what lies in staging."""
        staging = self.store.staging
        return sorted(path.name for path in staging.iterdir()) if staging.exists() else []

    def run(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement on the live notebook."""
        return run(self.live, statement, *values)

    def facts(self) -> dict[str, str]:
        """Return a digest of the live file and of every file in the store."""
        paths = [self.live, *self.backups.rglob("*")]
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
            if path.is_file()
        }


def run(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run one statement on a database and commit it."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def make_copy(path: Path, target: Path) -> Path:
    """Write a plain copy of a database, as an export would be."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("VACUUM INTO ?", (str(target),))
    connection.close()
    return target
