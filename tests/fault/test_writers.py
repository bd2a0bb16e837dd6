"""Writers that never stop, readers that never leave, and locks that are never let go."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import launcher.backup.sqlite.connection
from launcher.backup import replacement
from launcher.backup.errors import RestoreError, SourceDatabaseError
from launcher.backup.locks import Gate, Hold
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Progress, Stage
from tests.fault.invariant import assert_invariant, assert_lock_is_free
from tests.fault.moments import struck
from tests.fault.place import Place, first_backup, make_used_place
from tests.fault.worker import Job, Worker
from tests.support.notebook import add_notes

Lend = Callable[[], Worker]

_ROOM = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_used_place(tmp_path / "place", notes=3000)


@contextmanager
def busy(place: Place, *modes: str) -> Iterator[list[dict[str, Any]]]:
    """Keep programs at the database for the block; then tell what each of them did."""
    told: list[dict[str, Any]] = []
    started = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.fault.writer",
                str(place.live),
                str(place.data_dir / "locks"),
                mode,
            ],
            cwd=_ROOM,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for mode in modes
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield told
        told += [json.loads(process.communicate(timeout=120)[0]) for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()


def assert_no_mixture(database: Path) -> None:
    """Each row was written in one transaction with its twin, and so were the two people."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        different = connection.execute("SELECT count(*) FROM note WHERE body <> twin").fetchone()
        passwords = {row[0] for row in connection.execute("SELECT password FROM person")}
        notes = connection.execute("SELECT body FROM note ORDER BY id LIMIT 20").fetchall()
    assert different == (0,)
    if any(password.startswith("written") for password in passwords):
        assert len(passwords) == 1
        assert {body for (body,) in notes} == passwords


@pytest.mark.parametrize("mode", ["gated", "free"])
def test_a_backup_is_finished_and_of_one_moment_while_others_write(
    mode: str, place: Place, tmp_path: Path
) -> None:
    with busy(place, mode, mode) as told:
        made = [place.service().create(by="ada") for _ in range(6)]

    assert all(backup.is_good for backup in made)
    assert sum(writer["turns"] for writer in told) > 20
    assert [writer["refused"] for writer in told] == [0, 0]
    for number, backup in enumerate(made):
        exported = place.service().export(backup.id, tmp_path / f"{number}.db", by="ada")
        assert_no_mixture(exported)
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


def test_a_restore_through_the_gate_is_finished_while_others_write_and_read(
    place: Place, tmp_path: Path
) -> None:
    first = first_backup(place).id
    with busy(place, "gated", "gated", "reader") as told:
        outcomes = [place.service().restore(first, by="ada") for _ in range(3)]

    assert all(outcome.safety_id for outcome in outcomes)
    assert sum(writer["mixtures"] for writer in told) == 0
    assert [(one["refused"], one["shut_out"]) for one in told] == [(0, 0)] * 3, told
    assert min(writer["turns"] for writer in told) > 2
    assert_no_mixture(place.live)
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


def test_writers_that_know_of_no_gate_get_whole_states_only(place: Place, tmp_path: Path) -> None:
    first = first_backup(place).id
    with busy(place, "free", "reader") as told:
        for _ in range(3):
            with suppress(RestoreError):
                place.service().restore(first, by="ada")

    assert sum(writer["mixtures"] for writer in told) == 0
    assert_no_mixture(place.live)
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


def test_what_a_program_without_the_gate_wrote_up_to_the_lock_comes_back_with_an_undo(
    used: Place, lend: Lend, tmp_path: Path
) -> None:
    place, worker = used.copy_to(tmp_path / "place"), lend()
    with busy(place, "counting") as told:
        worker.begin(Job(str(place.root), "restore", pause=True, moment="locked"))
        worker.hear_of("locked")
    assert told[0]["turns"] > 0
    assert counted(place.live) == list(range(told[0]["turns"]))
    old = place.state()
    worker.report("go\ngo\n")
    assert "done" in worker.answer()
    assert counted(place.live) == []

    place.service().undo(by="ada")

    assert place.state() == old
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)


def test_what_a_program_without_the_gate_adds_right_after_the_commit_stays(
    used: Place, first_state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = used.copy_to(tmp_path / "place")
    real_pin = replacement.pin

    def pin(connection: sqlite3.Connection) -> None:
        add_notes(place.live, 3, text="counted ")
        real_pin(connection)

    monkeypatch.setattr(replacement, "pin", pin)

    place.service().restore(first_backup(place).id, by="ada")

    with closing(sqlite3.connect(place.live, isolation_level=None)) as connection:
        added = connection.execute("DELETE FROM note WHERE body LIKE '% counted %'").rowcount
    assert added == 3
    assert place.state() == first_state


def counted(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT body FROM note WHERE body LIKE 'counted %' ORDER BY id")
        return [int(body.removeprefix("counted ")) for (body,) in found]


def test_a_reader_who_stays_delays_nothing_and_keeps_the_old_data(
    place: Place, tmp_path: Path
) -> None:
    old_rows = rows(place.live)
    with closing(sqlite3.connect(place.live, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM note").fetchone()[0] == old_rows

        outcome = place.service().restore(first_backup(place).id, by="ada")

        assert outcome.held_s < 5
        assert [each.reason for each in outcome.warnings] == [Reason.LOG_NOT_FOLDED]
        assert rows(place.live) != old_rows
        assert reader.execute("SELECT count(*) FROM note").fetchone()[0] == old_rows
        assert log_bytes(place) > place.live.stat().st_size // 2
        reader.execute("ROLLBACK")
        assert reader.execute("SELECT count(*) FROM note").fetchone()[0] == rows(place.live)
        place.service().restore(first_backup(place).id, by="ada")
        assert log_bytes(place) == 0
    assert place.service().create(by="ada").is_good
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


def log_bytes(place: Place) -> int:
    return place.live.with_name("notebook.db-wal").stat().st_size


def rows(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM note").fetchone()[0])


@pytest.mark.parametrize("is_large", [False, True], ids=["one step", "many steps"])
def test_a_write_lock_that_is_never_let_go_ends_a_restore_in_time(
    is_large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_used_place(tmp_path / "place", notes=20_000 if is_large else 20)
    old = place.state()
    monkeypatch.setattr(replacement, "_REPLACE_DEADLINE_S", 0.5)
    monkeypatch.setattr(launcher.backup.sqlite.connection, "BUSY_TIMEOUT_S", 0.2)
    with closing(sqlite3.connect(place.live, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        began: list[float] = []

        def begin(progress: Progress) -> None:
            if progress.stage is Stage.REPLACE:
                began.append(time.monotonic())

        with pytest.raises(RestoreError, match="stayed busy"):
            place.service().restore(first_backup(place).id, by="ada", on_progress=begin)

        assert time.monotonic() - began[0] < 10
        assert place.service().create(by="ada").is_good, "a copy needs no write lock"
        holder.execute("ROLLBACK")
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
    place.service().restore(first_backup(place).id, by="ada")


def test_an_exclusive_lock_that_is_never_let_go_is_said_as_busy_and_not_as_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_used_place(tmp_path / "place")
    old = place.state()
    monkeypatch.setattr(launcher.backup.sqlite.connection, "BUSY_TIMEOUT_S", 0.2)
    with closing(sqlite3.connect(place.live, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("UPDATE person SET password = 'x' WHERE name = 'ada'")
        service = place.service()
        assert service.live_problem() is None
        for act in (
            lambda: service.create(by="ada"),
            lambda: service.restore(first_backup(place).id, by="ada"),
            lambda: service.plan(first_backup(place).id, by="ada"),
        ):
            with pytest.raises(SourceDatabaseError, match="locked") as refused:
                act()
            assert not refused.value.is_damaged
        assert len(service.list()) == 3
        holder.execute("ROLLBACK")
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)


@pytest.mark.parametrize("writes", [False, True], ids=["reads", "writes"])
def test_a_request_that_never_ends_stops_a_restore_and_not_the_site(
    writes: bool, place: Place, tmp_path: Path
) -> None:
    old = place.state()
    gate = Gate(place.data_dir / "locks")
    with closing(sqlite3.connect(place.live, timeout=0)) as outside, gate.enter(writes=writes):
        outside.execute("SELECT count(*) FROM note").fetchone()
        with pytest.raises(RestoreError, match="still running"):
            place.service(drain_timeout_s=0.5).restore(first_backup(place).id, by="ada")
        with gate.enter(writes=True, timeout_s=1.0):
            outside.execute("UPDATE person SET password = password")
            outside.rollback()
        assert log_bytes(place) == 0
    assert_lock_is_free(place)
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)


def test_a_request_that_never_ends_does_not_stop_the_reversal_of_a_restore(
    place: Place, tmp_path: Path
) -> None:
    old, gate = place.state(), Gate(place.data_dir / "locks")
    with ExitStack() as stays:
        with (
            struck("reverting: copying", lambda: stays.enter_context(gate.enter())),
            pytest.raises(RestoreError, match="is as it was before"),
        ):
            place.service(drain_timeout_s=0.2).restore(first_backup(place).id, by="ada")
        assert place.state() == old
        gate.enter(writes=True, timeout_s=1.0).leave()
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)


def test_a_request_that_takes_long_lets_others_pass_and_the_restore_succeed(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, gate, is_closing = place.state(), Gate(place.data_dir / "locks"), threading.Event()
    real_begin = Hold.begin

    def begin(hold: Hold) -> None:
        real_begin(hold)
        is_closing.set()

    monkeypatch.setattr(Hold, "begin", begin)
    service = place.service(drain_timeout_s=60.0, patience_s=0.05)
    with ThreadPoolExecutor(1) as beside:
        with gate.enter():
            restore = beside.submit(service.restore, first_backup(place).id, by="ada")
            for _ in range(3):  # the first is the hold of those who write
                assert is_closing.wait(60.0)
                is_closing.clear()
                gate.enter(timeout_s=8.0).leave()
            assert not restore.done()
        outcome = restore.result()

    assert outcome.held_s < 8.0
    place.service().undo(by="ada")
    assert place.state() == old
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
