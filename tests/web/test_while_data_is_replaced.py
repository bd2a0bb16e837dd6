"""A restore holds the write lock of the database: pages are shown, forms wait for its end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from launcher.api.door import DOORS
from launcher.backup.locks import Gate
from launcher.db import connect, session
from launcher.extensions import db
from tests.support.api import ROOT, Program
from tests.web.routes import Route, routes_of
from tests.web.test_api_rights import path_of
from tests.web.visitor import Visitor

WAITS_IN_VAIN_S = 0.05


@pytest.fixture
def refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What SQLite refused, where it would have let a request wait inside the gate."""
    monkeypatch.setattr(connect, "BUSY_TIMEOUT_S", 0)
    monkeypatch.setattr(session, "GATE_TIMEOUT_S", WAITS_IN_VAIN_S)
    found: list[str] = []
    with app.app_context():
        sa.event.listen(
            db.engine, "handle_error", lambda context: found.append(str(context.original_exception))
        )
    return found


def gate_of(app: Flask) -> Gate:
    gate: Gate = app.extensions["launcher.gate"]
    return gate


@contextmanager
def replacing(app: Flask) -> Iterator[None]:
    """Hold what a restore holds while it copies."""
    path = app.extensions["launcher.config"].database_path
    with (
        gate_of(app).writers_held(),
        closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as restore,
    ):
        restore.execute("BEGIN IMMEDIATE")
        yield
        restore.execute("ROLLBACK")


def statuses(visitor: Visitor, routes: list[Route]) -> dict[str, int]:
    found = {}
    for route in routes:
        with visitor.client.get(route.path, follow_redirects=False) as answer:
            found[route.path] = answer.status_code
    return found


def names(data_dir: Path) -> set[str]:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        return {row[0] for row in database.execute("SELECT name FROM user_groups")}


def add_group(visitor: Visitor, *, is_part: bool = False) -> TestResponse:
    headers = {"HX-Request": "true"} if is_part else {}
    return visitor.send_with(headers, "/admin/groups", name="Choir")


@pytest.mark.parametrize("who", ["guest", "ada", "ben", "chloe"])
def test_no_page_waits(
    app: Flask,
    pictures: object,
    refused: list[str],
    who: str,
    request: pytest.FixtureRequest,
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    routes = [each for each in routes_of(app) if each.method == "GET"]
    before = statuses(visitor, routes)
    refused.clear()

    with replacing(app):
        meanwhile = statuses(visitor, routes)

    assert refused == []
    assert meanwhile == before


def test_no_call_that_reads_waits_and_its_token_is_noted_next_time(
    app: Flask, boards: object, program: Program, refused: list[str], data_dir: Path
) -> None:
    def last_used() -> object:
        with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
            return database.execute("SELECT last_used_at FROM api_tokens").fetchone()[0]

    paths = [path_of(door).removeprefix(ROOT) for door in DOORS if door.method == "GET"]
    with replacing(app):
        answers = {path: program("GET", path) for path in paths}
    assert {
        path: each for path, each in answers.items() if each.status_code not in {200, 404}
    } == {}
    assert refused == []
    assert last_used() is None

    program("GET", "/status")
    assert last_used() is not None


def test_an_invalid_token_is_refused_without_waiting(
    app: Flask, cast: object, refused: list[str]
) -> None:
    with replacing(app):
        answer = Program(app, "launcher_0000")("GET", "/status")
    assert (answer.status_code, refused) == (401, [])


def test_a_form_waits_outside_of_the_gate_and_is_stored_after_the_restore(
    app: Flask, ada: Visitor, data_dir: Path
) -> None:
    answers: list[int] = []
    ada.open("/admin/groups")
    thread = threading.Thread(target=lambda: answers.append(add_group(ada).status_code))
    with replacing(app):
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        with gate_of(app).closed():  # the last step of the restore does not wait for the form
            assert answers == []
    thread.join()
    assert answers == [303]
    assert "Choir" in names(data_dir)


def test_a_form_that_waited_before_it_had_a_thread_does_not_wait_again(
    app: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "GATE_TIMEOUT_S", 600)
    with replacing(app):
        answer = ada.client.post(
            "/login", environ_overrides={"gunicorn.socket": SimpleNamespace(patience_s=0.0)}
        )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_only_what_will_write_has_to_wait_and_only_during_a_restore(app: Flask) -> None:
    has_to_wait = session.has_to_wait(app)
    lines = [b"POST / HTTP/1.1", b"DELETE /api/v1/backups/1 HTTP/1.1", b"GET / HTTP/1.1", b"HEAD /"]
    assert [has_to_wait(line) for line in lines] == [False] * 4
    with replacing(app):
        assert [has_to_wait(line) for line in lines] == [True, True, False, False]
    assert not has_to_wait(lines[0])


def test_a_form_that_waited_in_vain_is_shown_again_with_what_was_typed(
    app: Flask, ada: Visitor, refused: list[str], data_dir: Path
) -> None:
    with replacing(app):
        answer = add_group(ada)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "One moment: the data is being replaced" in ada.page
    assert 'value="Choir"' in ada.page
    assert refused == []
    assert "Choir" not in names(data_dir)


def test_a_part_of_a_page_that_waited_in_vain_says_so(
    app: Flask, ada: Visitor, refused: list[str]
) -> None:
    ada.open("/admin/groups")
    with replacing(app):
        answer = add_group(ada, is_part=True)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.headers["HX-Retarget"] == "#problem"
    assert "What you sent was not stored. Send it again in a moment." in answer.text


def test_a_call_that_waited_in_vain_is_asked_to_come_back(
    app: Flask, program: Program, refused: list[str]
) -> None:
    with replacing(app):
        answer = program("POST", "/backups", json={})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json is not None
    assert answer.json["code"] == "data_being_replaced"


def test_a_launch_is_not_counted_and_no_one_waits_for_it(
    app: Flask, chloe: Visitor, boards: object, refused: list[str]
) -> None:
    chloe.open("/")
    with replacing(app):
        assert chloe.send("/launches", app="1").status_code == 204
    assert refused == []


def test_a_request_that_reads_cannot_write(app: Flask) -> None:
    @app.get("/probe/writes")
    def writes() -> str:
        db.session.execute(sa.text("UPDATE system_settings SET site_name = 'Home'"))
        db.session.commit()
        return "written"

    assert app.test_client().get("/probe/writes").status_code == 503
    with app.app_context():
        assert db.session.scalar(sa.text("SELECT site_name FROM system_settings")) == "Launcher"


def test_a_command_that_lists_waits_for_no_restore_and_one_that_changes_says_why_not(
    app: Flask, cast: object, refused: list[str]
) -> None:
    runner = app.test_cli_runner()
    with replacing(app):
        listed = runner.invoke(args=["user", "list"])
        changed = runner.invoke(args=["user", "deactivate", "ben"])
    assert (listed.exit_code, "ben" in listed.output) == (0, True)
    assert changed.exit_code == 1
    assert "a restore is replacing the data" in changed.output
    assert refused == []
