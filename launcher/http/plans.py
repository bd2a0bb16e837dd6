"""The version of a plan: a restore is refused once the data or the file is another."""

from __future__ import annotations

import hashlib

from launcher.backup.records.backup import Backup


def plan_version(backup: Backup, live_version: str) -> str:
    """Return the version of what a plan is made from: the live data and the file.

    Args:
        backup: what would be restored.
        live_version: `BackupService.live_version`, or that of the plan.
    """
    file = backup.file.sha256 if backup.file else ""
    return hashlib.sha256(f"{live_version} {file}".encode()).hexdigest()
