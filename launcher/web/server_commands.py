"""Commands that a page offers for the shell of the server."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.config import PREFIX, ROOT
from launcher.current import current_config

if TYPE_CHECKING:
    from flask import Flask


def init_app(app: Flask) -> None:
    """Give every template both kinds of commands."""
    app.jinja_env.globals |= {"public_command": public_command, "server_command": server_command}


def server_command(arguments: str) -> str:
    """Return `public_command` with the folders of this site before it, unless they are the default.

    In a shell that lacks the variables of the server it would be about another site: it would make
    a new one in `./data`. Not for pages that everyone sees: strangers learn no path of the server.
    """
    config = current_config()
    folders = {}
    if config.data_dir != ROOT / "data":
        folders["DATA_DIR"] = config.data_dir
    if config.backup_dir != config.data_dir / "backups":
        folders["BACKUP_DIR"] = config.backup_dir
    set_before = [f"{PREFIX}{name}={shlex.quote(str(path))}" for name, path in folders.items()]
    return " ".join([*set_before, public_command(arguments)])


def public_command(arguments: str) -> str:
    """Return `flask` with arguments for a shell in the folder of Launcher, without any path.

    The program is named as it is found from there: a shell rarely has the environment active.
    """
    environment = Path(sys.prefix)
    if environment.is_relative_to(ROOT):
        return f"{environment.relative_to(ROOT)}/bin/flask {arguments}"
    return f"flask {arguments}"


def container_command(arguments: str) -> str:
    """Return the same for a shell in the checkout, where Launcher runs in its container."""
    return f"docker compose -f deploy/compose.yaml exec launcher flask {arguments}"


def needs_data_dir() -> bool:
    """Whether the shell has to be given the variable of the data directory, as the server was."""
    return current_config().data_dir != ROOT / "data"
