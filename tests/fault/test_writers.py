"""Writers that never stop, readers that never leave, and locks that are never let go."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import launcher.backup.sqlite.connection
from launcher.backup import replacement
from launcher.backup.errors import RestoreError, SourceDatabaseError
from launcher.backup.locks import Gate
from launcher.backup.reasons import Reason
from tests.fault.invariant import assert_invariant, assert_lock_is_free
from tests.fault.place import Place, first_backup, make_used_place

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
        told += [json.loads(process.communicate(timeout=30)[0]) for process in started]
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
        reader.execute("ROLLBACK")
        assert reader.execute("SELECT count(*) FROM note").fetchone()[0] == rows(place.live)
    assert place.service().create(by="ada").is_good
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


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
        began = time.monotonic()

        with pytest.raises(RestoreError, match="stayed busy"):
            place.service().restore(first_backup(place).id, by="ada")

        assert time.monotonic() - began < 10
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


def test_a_request_that_never_ends_stops_a_restore_and_not_the_site(
    place: Place, tmp_path: Path
) -> None:
    old = place.state()
    locks = place.data_dir / "locks"
    with Gate(locks).enter():
        with pytest.raises(RestoreError, match="still running"):
            place.service(drain_timeout_s=0.5).restore(first_backup(place).id, by="ada")
        Gate(locks).enter(timeout_s=1.0).leave()
    assert_lock_is_free(place)
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
