"""Commands that a page offers for the shell of the server."""

from __future__ import annotations

import shlex

from launcher.config import PREFIX, ROOT
from launcher.current import current_config


def server_command(command: str) -> str:
    """Return `command` with the folders of this site before it, where they are not the default.

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
    return " ".join([*set_before, command])
