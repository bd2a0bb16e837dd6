"""The live database for moments: opened within the gate, and never waited for."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from launcher.backup.files import free_bytes
from launcher.backup.locks import Gate, GatePass
from launcher.checks.plan import OtherVersionError
from launcher.db.connect import connect

LEAST_FREE_TO_WRITE_BYTES = 1 << 20
LEAST_FREE_TO_READ_BYTES = 64 << 10

_GATE_WAIT_S = 0.05
_BUSY_WAIT_MS = 500


class UnavailableError(Exception):
    """The database cannot be used now; `__cause__` says why."""


class Access:
    """The database at a path, behind a gate."""

    def __init__(self, database_path: Path, gate: Gate) -> None:
        self._path = database_path
        self._gate = gate

    def look(self) -> None:
        """Do nothing while the gate is open; raises as `opened`."""
        self._enter().leave()

    @contextlib.contextmanager
    def opened(self, *, to_write: bool) -> Iterator[sqlite3.Connection]:
        """Open the database within the gate for the block.

        A disk that is almost full is left alone: opening its database may take seconds.

        Raises:
            TimeoutError: a restore has closed the gate.
            UnavailableError: also while a restore writes, if it is `to_write`.
        """
        least_bytes = LEAST_FREE_TO_WRITE_BYTES if to_write else LEAST_FREE_TO_READ_BYTES
        with (
            self._enter() as held,
            held.writing() if to_write else contextlib.nullcontext(enter_result=True) as may_go_on,
        ):
            try:
                if not may_go_on:
                    raise OSError("a restore is replacing the data")
                if free_bytes(self._path.parent) < least_bytes:
                    raise OSError("the disk is full")
                with contextlib.closing(connect(self._path)) as connection:
                    connection.execute(f"PRAGMA busy_timeout={_BUSY_WAIT_MS}")
                    yield connection
            except (sqlite3.Error, OSError, OtherVersionError) as error:
                raise UnavailableError from error

    def _enter(self) -> GatePass:
        try:
            return self._gate.enter(timeout_s=_GATE_WAIT_S)
        except TimeoutError:
            raise
        except OSError as error:  # the data directory is away
            raise UnavailableError from error
