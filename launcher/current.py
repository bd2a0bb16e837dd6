"""Config, gate and services of `app`, or of the running application."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from threading import Event

    from flask import Flask

    from launcher.backup.locks import Gate
    from launcher.backup.service import BackupService
    from launcher.config import Config
    from launcher.offsite.service import OffsiteService


def current_application() -> Flask:
    """Return the running application itself, which another thread may keep."""
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001


def current_config(app: Flask | None = None) -> Config:
    """Return the configuration."""
    return cast("Config", (app or current_app).extensions["launcher.config"])


def current_gate(app: Flask | None = None) -> Gate:
    """Return the gate that each use of the database enters."""
    return cast("Gate", (app or current_app).extensions["launcher.gate"])


def current_backups(app: Flask | None = None) -> BackupService:
    """Return the backup service."""
    return cast("BackupService", (app or current_app).extensions["launcher.background.service"])


def current_offsite(app: Flask | None = None) -> OffsiteService:
    """Return the service of copies in other places."""
    return cast("OffsiteService", (app or current_app).extensions["launcher.offsite"])


def current_stop(app: Flask | None = None) -> Event:
    """Return what is set once the server of this process is to stop: no request may wait."""
    return cast("Event", (app or current_app).extensions["launcher.stop"])
