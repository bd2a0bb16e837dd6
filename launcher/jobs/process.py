"""One job in a process of its own: it outlives the worker that started it, and keeps no lock of it.

`start` waits until the job has begun, or says why it did not.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from enum import StrEnum

from launcher.background.process import BEGUN, StartReply, launch, read_request, refusal
from launcher.background.service import Installation, build_backups, installation_of
from launcher.backup import Gate
from launcher.backup.errors import BackupError, OperationInProgressError
from launcher.backup.ports import utc_now
from launcher.config import Config
from launcher.db.settings_reader import read_settings
from launcher.jobs import work
from launcher.jobs.history import Book
from launcher.jobs.registry import JOBS
from launcher.offsite.service import OffsiteService

_NOTHING = "nothing"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What the other process is to do."""

    installation: Installation
    job_id: str
    by: str
    is_by_hand: bool


class Answered(StrEnum):
    """Whether a job was started."""

    BEGUN = "begun"
    NOTHING = "nothing"  # nothing was due, or another process runs it
    BUSY = "busy"


def start_due(config: Config, job_id: str) -> Answered:
    """Start a job in a process of its own if it is due.

    Raises:
        InsufficientSpaceError, SourceDatabaseError, StoreUnavailableError, NotStartedError: its
            process could not even look.
    """
    said = _launch(config, job_id, by=work.SCHEDULE, is_by_hand=False)
    if said in {BEGUN, _NOTHING}:
        return Answered(said)
    error = refusal(said)
    if isinstance(error, OperationInProgressError):
        return Answered.BUSY
    raise error


def run_now(config: Config, job_id: str, *, by: str) -> None:
    """Start a job now because a person asked for it; it is running when this returns.

    It uses no slot of the schedule. The caller must not hold the gate.

    Raises:
        KeyError: there is no such job.
        OperationInProgressError: it runs already, or another operation does.
        InsufficientSpaceError, SourceDatabaseError, StoreUnavailableError, NotStartedError: it
            could not begin.
    """
    said = _launch(config, JOBS[job_id].id, by=by, is_by_hand=True)
    if said != BEGUN:
        raise refusal(said)


def _launch(config: Config, job_id: str, *, by: str, is_by_hand: bool) -> str:
    return launch(__name__, JobRequest(installation_of(config), job_id, by, is_by_hand))


# --- in the other process ----------------------------------------------------------------


def main() -> None:
    """Run the job that is written on stdin."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if (request := read_request(JobRequest)) is None:
        return
    installation = request.installation
    answer = StartReply(sys.stdout)
    backups = build_backups(installation)
    try:
        run = work.perform(
            request.job_id,
            backups,
            Book(installation.data_dir),
            read_settings(installation.database_path, Gate(installation.data_dir / "locks")),
            clock=utc_now,
            by=request.by,
            is_by_hand=request.is_by_hand,
            on_begun=answer.begun,
            offsite=OffsiteService(installation.data_dir, backups),
        )
    except BackupError as error:
        answer.refused(error)
        return
    answer.give(_NOTHING)
    if run is not None and run.error:
        _log.warning("%s: %s", request.job_id, run.error)


if __name__ == "__main__":
    main()
