"""Requests and the live database: the gate, the transactions, and what is wrong when it is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask, g
from sqlalchemy.exc import DBAPIError, OperationalError

from launcher.backup.locks import Gate
from launcher.db import connect, session
from launcher.db.faults import DatabaseFault, fault_of
from launcher.db.session import DataBeingReplacedError
from launcher.db.settings import current_settings
from launcher.extensions import db
from tests.conftest import MakeApp


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application, with routes that show what a request may do."""
    monkeypatch.setattr(session, "GATE_TIMEOUT_S", 0.05)

    @app.get("/probe/name")
    def name() -> str:
        return current_settings().site_name

    @app.get("/probe/ungated")
    @session.ungated
    def ungated() -> str:
        return "here"

    @app.get("/probe/released")
    def released() -> str:
        current_settings()
        session.release()
        with gate_of(app).closed():
            return "alone"

    @app.post("/probe/write")
    def write() -> str:
        current_settings()
        with closing(sqlite3.connect(path_of(app), timeout=0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return str(error)
        return "free"

    app.config["WTF_CSRF_ENABLED"] = False
    return app


def gate_of(app: Flask) -> Gate:
    return app.extensions["launcher.gate"]


def path_of(app: Flask) -> Path:
    return app.extensions["launcher.config"].database_path


def is_open(gate: Gate) -> bool:
    """Whether a restore could begin now: nobody is inside."""
    try:
        with Gate(gate._lock_dir, drain_timeout_s=0.05).closed():
            return True
    except TimeoutError:
        return False


def test_a_request_is_inside_the_gate_until_it_is_answered(app: Flask) -> None:
    contents: list[bool] = []

    @app.get("/probe/inside")
    def probe() -> str:
        current_settings()
        contents.append(is_open(gate_of(app)))
        return ""

    app.test_client().get("/probe/inside")
    assert contents == [False]
    assert is_open(gate_of(app))


def test_a_request_that_fails_leaves_the_gate(app: Flask) -> None:
    @app.get("/probe/fails")
    def probe() -> str:
        current_settings()
        raise RuntimeError("on purpose")

    assert app.test_client().get("/probe/fails").status_code == 500
    assert is_open(gate_of(app))


def test_a_request_during_a_restore_is_asked_to_come_back(app: Flask) -> None:
    with gate_of(app).closed():
        answer = app.test_client().get("/probe/name")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert app.test_client().get("/probe/name").status_code == 200


def test_what_needs_no_database_is_served_during_a_restore(app: Flask) -> None:
    with gate_of(app).closed():
        assert app.test_client().get("/probe/ungated").text == "here"


def test_a_request_may_leave_early_for_long_work(app: Flask) -> None:
    assert app.test_client().get("/probe/released").text == "alone"


def test_a_command_inside_keeps_a_restore_out_and_waits_for_one(app: Flask) -> None:
    with app.app_context():
        with session.database_context():
            assert not is_open(gate_of(app))
        assert is_open(gate_of(app))
        with (
            gate_of(app).closed(),
            pytest.raises(DataBeingReplacedError),
            session.database_context(),
        ):
            pass


def test_no_one_is_connected_between_requests(app: Flask) -> None:
    app.test_client().get("/probe/name")
    open_files = {entry.resolve() for entry in Path("/proc/self/fd").iterdir()}
    assert path_of(app) not in open_files


def test_who_may_write_holds_the_write_lock_from_the_first_row_on(app: Flask) -> None:
    assert app.test_client().post("/probe/write").text == "database is locked"


def test_who_only_reads_keeps_no_one_from_writing(app: Flask) -> None:
    with app.test_request_context("/"):
        current_settings()
        with closing(sqlite3.connect(path_of(app), timeout=0)) as other:
            other.execute("UPDATE system_settings SET site_name = 'Home'")
            other.commit()
        assert current_settings().site_name == "Launcher"
        db.session.rollback()
        assert current_settings().site_name == "Home"


def test_a_schema_change_is_undone_with_its_transaction(app: Flask) -> None:
    with app.app_context():
        db.session.execute(sa.text("CREATE TABLE extra (id INTEGER)"))
        db.session.rollback()
        assert not sa.inspect(db.engine).has_table("extra")


def test_rows_cannot_point_nowhere(app: Flask) -> None:
    with app.app_context(), pytest.raises(DBAPIError, match="FOREIGN KEY"):
        db.session.execute(sa.text("INSERT INTO app_tags VALUES (1, 1)"))


def test_a_lost_database_is_not_made_again(app: Flask) -> None:
    lose(path_of(app))
    with app.app_context(), pytest.raises(OperationalError) as failed:
        current_settings()
    assert fault_of(failed.value) is DatabaseFault.DAMAGED
    assert not path_of(app).exists()


def lose(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    "content", [b"", b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_database_is_called_damaged(app: Flask, content: bytes) -> None:
    lose(path_of(app))
    path_of(app).write_bytes(content)
    with app.app_context(), pytest.raises(DBAPIError) as failed:
        current_settings()
    assert fault_of(failed.value) is DatabaseFault.DAMAGED


def test_a_busy_database_is_called_busy(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 0)
    with closing(sqlite3.connect(path_of(app))) as other, app.app_context():
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError) as failed:
            current_settings()
    assert fault_of(failed.value) is DatabaseFault.BUSY


def test_a_mistake_of_ours_is_no_damage(app: Flask) -> None:
    with app.app_context(), pytest.raises(OperationalError) as failed:
        db.session.execute(sa.text("SELECT nonsense FROM users"))
    assert fault_of(failed.value) is DatabaseFault.OTHER


def test_a_path_with_odd_characters_is_just_a_path(tmp_path: Path, make_app: MakeApp) -> None:
    odd = make_app(data_dir=str(tmp_path / "a b?c#d%20é"))
    with odd.app_context():
        odd.extensions["launcher.background.service"].initialise(by="test")
        assert current_settings().site_name == "Launcher"
    assert (tmp_path / "a b?c#d%20é" / "launcher.db").exists()


@pytest.fixture(autouse=True)
def _nothing_left_open(app: Flask) -> Iterator[None]:
    yield
    assert is_open(gate_of(app))
    with app.app_context():
        assert "gate_pass" not in g


def test_a_log_that_grew_while_a_reader_stayed_gives_its_room_back(app: Flask) -> None:
    log = Path(f"{path_of(app)}-wal")
    with (
        closing(sqlite3.connect(path_of(app))) as stays,
        closing(connect.connect(path_of(app))) as c,
    ):
        stays.execute("BEGIN")
        stays.execute("SELECT count(*) FROM users").fetchone()
        c.execute("CREATE TABLE large AS SELECT zeroblob(?) AS bytes", (connect.LOG_BYTES,))
        assert log.stat().st_size > connect.LOG_BYTES
        stays.rollback()

        for number in range(2):  # the first puts the log into the database
            c.execute(f"CREATE TABLE small_{number} (id INTEGER)")

        assert log.stat().st_size <= connect.LOG_BYTES
