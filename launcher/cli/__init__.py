"""The commands: `flask --help` lists them. Results go to stdout, everything else to stderr.

Each is imported when it is called, so that it does not wait for what another needs. Read `backup`
first. `exits` has the exit codes, `hints` the next step for each error, and `shell` and `output`
what commands share. May import everything but `web` and `app`.
"""

from __future__ import annotations

from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

_NAMES = (
    "app", "backup", "board", "check", "database", "demo", "destination", "group", "import", "jobs",
    "notifications", "recovery-kit", "settings", "token", "user",
)  # fmt: skip
_PLACES = {"import": ("importing", "import_"), "recovery-kit": ("recovery_kit", "recovery_kit")}
"""Where a command is whose name is none of Python: its module, and its name there."""


class Commands(AppGroup):
    """Flask's group of an application's commands, and those of Launcher by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_NAMES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module if needed."""
        if cmd_name in _NAMES and cmd_name not in self.commands:
            module, name = _PLACES.get(cmd_name, (cmd_name, cmd_name))
            self.add_command(getattr(import_module(f"{__name__}.{module}"), name))
        return super().get_command(ctx, cmd_name)


def init_app(app: Flask) -> None:
    """Give the application its commands."""
    app.cli = Commands(app.name)
