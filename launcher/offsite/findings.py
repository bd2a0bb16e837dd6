"""What a download proved of a copy, kept in the ledger of its destination."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from launcher.backup.errors import BackupError, VerificationError
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.ledger import LedgerFile
from launcher.offsite.records import CopyState, StoredCopy
from launcher.offsite.troubles import RemoteError, Trouble


def proves_damage(error: BaseException) -> bool:
    """Whether a failed download says that the copy is not what was written.

    One that was cut short says nothing of the copy, and one that is not there may be on a disk that
    is away: the next listing knows.
    """
    if isinstance(error, VerificationError):
        return not isinstance(error.__cause__, RemoteError) or proves_damage(error.__cause__)
    return isinstance(error, RemoteError) and error.trouble is Trouble.DIFFERENT


def keep_damage(files: OffsiteFiles, destination_id: str, copy: StoredCopy, now: datetime) -> None:
    """Write down that a copy is damaged; see `keep_finding`."""
    keep_finding(
        files, destination_id, copy,
        state=CopyState.DAMAGED, trouble=Trouble.DIFFERENT, bad_since=now,
    )  # fmt: skip


def keep_finding(
    files: OffsiteFiles, destination_id: str, copy: StoredCopy, **changes: object
) -> None:
    """Write down what was found of a copy, unless another process works at its destination."""
    with suppress(BackupError, OSError), files.held(destination_id) as is_ours:
        if not is_ours:
            return
        file = LedgerFile(files, destination_id)
        if (ledger := file.find()) is None:
            return
        copies = tuple(
            replace(each, **changes)  # type: ignore[arg-type]  # fields of a copy
            if (each.id, each.sha256) == (copy.id, copy.sha256)
            else each
            for each in ledger.copies
        )
        file.write(replace(ledger, copies=copies))
