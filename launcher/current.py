"""What the running application was put together from, for whoever has its context."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from flask import Flask

    from launcher.backup.service import BackupService


def current_application() -> Flask:
    """Return the running application itself, which other threads may keep."""
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001


def current_backups() -> BackupService:
    """Return the backup service of the running application."""
    return cast("BackupService", current_app.extensions["launcher.backups"])
