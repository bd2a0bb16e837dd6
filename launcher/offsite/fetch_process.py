"""The download of a copy in a process of its own, as any operation on backups."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

from launcher.background.process import BEGUN, StartReply, launch, read_request, refusal
from launcher.background.service import Installation, build_backups, installation_of
from launcher.backup.errors import BackupError
from launcher.config import Config
from launcher.offsite.errors import OffsiteError
from launcher.offsite.service import OffsiteService

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Which copy to download, from where."""

    installation: Installation
    destination_id: str
    backup_id: str
    by: str
    operation_id: str


def start_fetch(
    config: Config, destination_id: str, backup_id: str, *, by: str, operation_id: str
) -> None:
    """Start a download in a process of its own; on return it has begun, or has ended.

    The caller must not have entered the gate.

    Raises:
        OperationInProgressError, InsufficientSpaceError, StoreUnavailableError: it could not begin.
        NotStartedError: its process ended before; the server log may say why.
    """
    request = FetchRequest(installation_of(config), destination_id, backup_id, by, operation_id)
    said = launch(__name__, request)
    if said != BEGUN:
        raise refusal(said)


def main() -> None:
    """Download the copy that is requested on stdin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if (request := read_request(FetchRequest)) is None:
        return
    backups = build_backups(request.installation)
    service = OffsiteService(request.installation.data_dir, backups)
    reply = StartReply(sys.stdout)
    try:
        service.fetch(
            request.destination_id,
            request.backup_id,
            by=request.by,
            operation_id=request.operation_id,
            on_progress=lambda _progress: reply.begun(),
        )
    except BackupError as error:
        # How an operation ended that has begun is in the journal.
        if not backups.operation(request.operation_id):
            reply.refused(error)
        _log.warning("fetch %s: %s", request.operation_id, error)
    except OffsiteError as error:  # it was there when it was asked for
        _log.warning("fetch %s: %s", request.operation_id, error)
        return
    reply.begun()


if __name__ == "__main__":
    main()
