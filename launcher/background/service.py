"""The backup service of one installation: one for the application, one for each operation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher.background.examination import ExaminerInChild
from launcher.backup import BackupService, Gate, LocalStore
from launcher.backup.ports import Clock, utc_now
from launcher.config import Config
from launcher.db.connect import operation_recorder
from launcher.db.content import LauncherContent
from launcher.db.revoked_tokens import FILE_NAME


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the files of one installation are, and how its backups are kept."""

    database_path: Path
    data_dir: Path
    backup_dir: Path
    compression: bool


def installation_of(config: Config) -> Installation:
    """Return what another process needs to build the same service."""
    return Installation(
        config.database_path, config.data_dir, config.backup_dir, config.compression
    )


def build_backups(installation: Installation, *, clock: Clock = utc_now) -> BackupService:
    """Return the backup service; neither database nor folder needs to exist."""
    gate = Gate(installation.data_dir / "locks")
    return BackupService(
        database_path=installation.database_path,
        data_dir=installation.data_dir,
        # A missing folder elsewhere is a disk that is not mounted: it is not created.
        store=LocalStore(
            installation.backup_dir,
            create=installation.backup_dir.is_relative_to(installation.data_dir),
        ),
        content=LauncherContent(revoked_tokens=installation.data_dir / FILE_NAME),
        gate=gate,
        examiner=ExaminerInChild(),
        clock=clock,
        on_finished=operation_recorder(installation.database_path, gate),
        compress=installation.compression,
    )
