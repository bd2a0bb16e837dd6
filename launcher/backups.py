"""The backup service of one installation, put together from where its files lie.

The application has one, and so has each process that runs a single operation.
"""

from __future__ import annotations

from pathlib import Path

from launcher.backup import BackupService, Gate, LocalStore
from launcher.backup.ports import Clock, utc_now
from launcher.connection import operation_recorder
from launcher.content import LauncherContent


def build_backups(
    *,
    database_path: Path,
    data_dir: Path,
    backup_dir: Path,
    compression: bool,
    clock: Clock = utc_now,
) -> BackupService:
    """Return the service for the database at `database_path`; nothing has to exist yet."""
    gate = Gate(data_dir / "locks")
    return BackupService(
        database_path=database_path,
        data_dir=data_dir,
        # A folder that an admin chose elsewhere and that is missing is a disk not mounted.
        store=LocalStore(backup_dir, create=backup_dir.is_relative_to(data_dir)),
        content=LauncherContent(),
        gate=gate,
        clock=clock,
        on_finished=operation_recorder(database_path, gate),
        compress=compression,
    )
