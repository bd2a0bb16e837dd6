"""The process of one destination. Only such processes import boto3 or start rclone.

It outlives the worker that started it. Its secrets are read from `destinations.json`: none is in
its arguments or its environment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from launcher.background.process import BEGUN, StartReply, launch, read_request
from launcher.background.service import Installation, build_backups, installation_of
from launcher.backup import Gate
from launcher.backup.errors import BackupError
from launcher.config import Config
from launcher.db.settings_reader import SettingsReader

_NOTHING = "nothing"
_NICE = 10  # pages come first
_SETTINGS_TIMEOUT_S = 60.0  # as long as a restore may keep the gate closed
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """What the process is to do."""

    installation: Installation
    destination_id: str


def start_copying(config: Config, destination_id: str) -> bool:
    """Start the process of a destination; return whether it begins, or another works there.

    How it goes is in its ledger and its progress.

    Raises:
        OSError: it cannot be started.
    """
    return launch(__name__, CopyRequest(installation_of(config), destination_id)) == BEGUN


def copy_here(
    installation: Installation,
    destination_id: str,
    *,
    on_begun: Callable[[], None] = lambda: None,
) -> bool:
    """Do all that is due at a destination in this process; return False where another works there.

    Raises:
        StoreUnavailableError, InsufficientSpaceError: the data directory cannot be written.
        SourceDatabaseError: the settings, which decide what is kept there, cannot be read.
    """
    from launcher.offsite.copying import run_destination  # noqa: PLC0415 (the leader only starts)

    gate = Gate(installation.data_dir / "locks")
    settings = SettingsReader(installation.database_path, gate)
    return run_destination(
        build_backups(installation),
        installation.data_dir,
        destination_id,
        site=lambda: settings.read(timeout_s=_SETTINGS_TIMEOUT_S),
        on_begun=on_begun,
    )


# --- in the other process ----------------------------------------------------------------


def main() -> None:
    """Do what is requested on stdin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if (request := read_request(CopyRequest)) is None:
        return
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    reply = StartReply(sys.stdout)
    try:
        copy_here(request.installation, request.destination_id, on_begun=reply.begun)
    except BackupError as error:
        _log.warning("copying to %s cannot start: %s", request.destination_id, error)
    reply.give(_NOTHING)


if __name__ == "__main__":
    main()
