"""What the running application was put together from, for whoever has its context."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from launcher.backup.service import BackupService


def current_backups() -> BackupService:
    """Return the backup service of the running application."""
    return cast("BackupService", current_app.extensions["launcher.backups"])
