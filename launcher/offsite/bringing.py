"""The download of a copy from a place that is no destination, in a process of its own."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field

from launcher.background.process import BEGUN, StartReply, launch, read_request, refusal
from launcher.background.service import Installation, build_backups, installation_of
from launcher.backup.errors import BackupError
from launcher.backup.records.ids import BackupId
from launcher.config import Config
from launcher.offsite.age import read_identities
from launcher.offsite.records import Destination
from launcher.offsite.recover import bring

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CopyWanted:
    """Which copy to download, from where, and the text with the key that opens it.

    `is_proved` says that the key proved it when it was found, so that it has to prove it again;
    `is_doubted` is that of the copy that was found.
    """

    place: Destination
    site_id: str
    backup_id: str
    key: str = field(default="", repr=False)
    is_proved: bool = False
    is_doubted: bool = False


@dataclass(frozen=True, slots=True)
class _Order:
    installation: Installation
    wanted: CopyWanted
    by: str
    operation_id: str


def start_bringing(config: Config, wanted: CopyWanted, *, by: str, operation_id: str) -> None:
    """Start a download in a process of its own; on return it has begun, or has ended.

    The caller must not have entered the gate. How it ended is in the history of backups.

    Raises:
        OperationInProgressError, InsufficientSpaceError, StoreUnavailableError: it could not begin.
        NotStartedError: its process ended before; the server log may say why.
    """
    order = _Order(installation_of(config), wanted, by, operation_id)
    said = launch(__name__, order)
    if said != BEGUN:
        raise refusal(said)


def main() -> None:
    """Download the copy that is requested on stdin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if (order := read_request(_Order)) is None:
        return
    backups, wanted = build_backups(order.installation), order.wanted
    reply = StartReply(sys.stdout)
    try:
        bring(
            wanted.place,
            wanted.site_id,
            BackupId(wanted.backup_id),
            read_identities(wanted.key) if wanted.key.strip() else (),
            must_be_proved=wanted.is_proved,
            is_doubted=wanted.is_doubted,
            backups=backups,
            data_dir=order.installation.data_dir,
            by=order.by,
            on_progress=lambda _progress: reply.begun(),
            operation_id=order.operation_id,
        )
    except BackupError as error:
        # How an operation ended that has begun is in the journal.
        if backups.operation(order.operation_id):
            _log.warning("download %s: %s", order.operation_id, error)
        else:
            reply.refused(error)
    reply.begun()


if __name__ == "__main__":
    main()
