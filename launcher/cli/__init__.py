"""The commands: `flask --help` lists them. Results go to stdout, all else to stderr.

Each is imported when it is called: nobody should wait for what another command needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from flask.cli import AppGroup

if TYPE_CHECKING:
    import click
    from flask import Flask

_NAMES = ("backup", "database", "demo", "jobs", "notifications", "settings", "user")


class Commands(AppGroup):
    """Flask's own group for an application's commands, and ours by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_NAMES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it if it is one of ours."""
        if cmd_name in _NAMES and cmd_name not in self.commands:
            self.add_command(getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name))
        return super().get_command(ctx, cmd_name)


def init_app(app: Flask) -> None:
    """Give the application its commands."""
    app.cli = Commands(app.name)
