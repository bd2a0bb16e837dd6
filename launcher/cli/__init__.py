"""The commands: `flask --help` lists them. Results go to stdout, all else to stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .backup import backup
from .database import database
from .demo import demo
from .settings import settings
from .user import user

if TYPE_CHECKING:
    from flask import Flask


def init_app(app: Flask) -> None:
    """Register every command."""
    for command in (backup, database, demo, settings, user):
        app.cli.add_command(command)
