"""Kill -9, and a stop, at each moment of a restore in place, while others use the data."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from launcher.backup.locks import Gate
from launcher.backup.records.operation import Outcome
from tests.fault.invariant import assert_invariant
from tests.fault.moments import MOMENTS
from tests.fault.place import Place, change, first_backup
from tests.fault.test_writers import busy
from tests.fault.worker import Job, Worker

Lend = Callable[[], Worker]


@pytest.mark.parametrize("moment", MOMENTS)
def test_it_survives_a_kill_while_others_read(
    moment: str, used: Place, first_state: str, lend: Lend, tmp_path: Path
) -> None:
    place, at = used.copy_to(tmp_path / "place"), MOMENTS[moment]
    gate = Gate(place.data_dir / "locks")
    # As long as a connection is open, SQLite does not remove the log.
    with closing(sqlite3.connect(place.live)) as outside, busy(place, "reader") as told:
        outside.execute("SELECT count(*) FROM note").fetchone()
        worker = lend()
        old = _come_to(moment, worker, place)
        seen = first_state if at.is_new else old

        if at.is_closed:
            with pytest.raises(TimeoutError):
                gate.enter(timeout_s=0.05)
        else:
            with gate.enter(timeout_s=60.0):
                assert place.state() == seen
        with pytest.raises(TimeoutError):
            gate.enter(writes=True, timeout_s=0.05)
        worker.kill()
        with gate.enter(writes=True, timeout_s=60.0):
            assert place.state() == seen

        entry = assert_invariant(place, old=old, new=first_state, scratch=tmp_path)
        assert place.live.with_name("notebook.db-wal").stat().st_size == 0

    assert [(one["mixtures"], one["refused"], one["shut_out"]) for one in told] == [(0, 0, 0)]
    assert entry is not None
    assert entry.outcome is Outcome.INTERRUPTED
    assert entry.facts["data"] == ("restored" if at.is_new else "unchanged")
    if at.is_new:
        place.service().undo(by="ada")
    assert place.state() == old, "what was written before the lock was taken is lost"
    place.service().restore(first_backup(place).id, by="ada")
    assert place.state() == first_state


def _come_to(moment: str, worker: Worker, place: Place) -> str:
    """Hold a restore up at a moment; return the state that others have left until then.

    Something is written after its safety backup, so that it creates another one.
    """
    worker.begin(Job(str(place.root), "restore", pause=True, moment=moment))
    worker.hear_of("replace")
    change(place, notes=1)
    old = place.state()
    worker.report()
    worker.hear_of(moment)
    return old


def test_a_restore_that_is_stopped_behind_the_gate_goes_on_later(
    used: Place, first_state: str, lend: Lend, tmp_path: Path
) -> None:
    place, worker = used.copy_to(tmp_path / "place"), lend()
    gate = Gate(place.data_dir / "locks")
    old = _come_to("closed", worker, place)
    os.kill(worker.process.pid, signal.SIGSTOP)
    worker.report("go\ngo\n")

    for writes in (False, True):
        with pytest.raises(TimeoutError):
            gate.enter(writes=writes, timeout_s=0.05)
    assert place.state() == old
    os.kill(worker.process.pid, signal.SIGCONT)

    assert "done" in worker.answer()
    with gate.enter(writes=True, timeout_s=60.0):
        assert place.state() == first_state
    place.service().undo(by="ada")
    assert place.state() == old
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
