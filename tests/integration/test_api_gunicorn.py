"""A program follows a restore on a real server with three workers.

Only there does the request that follows reach another process than the one that began, while the
process of the restore has the gate closed.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.api.sent import MAX_BODY_BYTES
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.current import current_backups
from launcher.db.connect import GATE_TIMEOUT_S
from launcher.db.session import database_context
from launcher.db.settings import change_settings
from launcher.models import Role
from tests.support.api import new_token
from tests.support.operations import paused
from tests.support.server import Server, serving


@dataclass
class Answer:
    status: int
    body: Any
    took_s: float


@dataclass
class Script:
    """A program with a token."""

    url: str
    secret: str

    def __call__(self, method: str, path: str, body: object = None) -> Answer:
        began_at = time.monotonic()
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        return Answer(status, json.loads(text), time.monotonic() - began_at)


@pytest.fixture(scope="module")
def served(new_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data_dir = tmp_path_factory.mktemp("site") / "data"
    shutil.copytree(new_data, data_dir)
    with create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).app_context():
        users.create_user("ada", "a long enough password", role=Role.ADMIN, actor=COMMAND_LINE)
        change_settings({"site_name": "Before"}, actor=COMMAND_LINE)
        current_backups().create(by="test")
    with serving(data_dir, app="tests.support.pausable:app", scheduler="off") as server:
        yield server


@pytest.fixture
def data_dir(served: Server) -> Path:
    return served.data_dir


@pytest.fixture
def hand_out(served: Server) -> Callable[[], Script]:
    """Create a token after the backup, so that a restore removes it."""
    app: Flask = create_app({"LAUNCHER_DATA_DIR": str(served.data_dir)})

    def make() -> Script:
        with app.app_context(), database_context():
            change_settings({"site_name": "After"}, actor=COMMAND_LINE)
        return Script(served.url, new_token(app))

    return make


def site_name(data_dir: Path) -> str:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        name: str = database.execute("SELECT site_name FROM system_settings").fetchone()[0]
    return name


def first_backup(script: Script) -> str:
    entries = script("GET", "/operations?verb=create&limit=100").body["operations"]
    backup_id: str = entries[-1]["backup_id"]
    return backup_id


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /api/v1/%s HTTP/1.1\r\n\r\n" % (b"x" * 9000), 414, "address_too_long"),
        (b"GET /api/v1/status HTTP/1.1\r\nX: %s\r\n\r\n" % (b"x" * 9000), 431, "headers_too_large"),
        (b"GET /api/v1/status HTTP/9.9\r\n\r\n", 505, "version_not_supported"),
        (b"get /api/v1/status HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /api/v1/status HTTP/1.1\r\nno header\r\n\r\n", 400, "bad_request"),
        (
            b"POST /api/v1/undo HTTP/1.1\r\nTransfer-Encoding: rot13\r\n\r\n",
            501,
            "not_supported",
        ),
    ],
)
def test_what_gunicorn_refuses_is_a_problem_too(
    served: Server, sent: bytes, status: int, code: str
) -> None:
    """No test client sends what is no HTTP."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as client:
        client.sendall(sent)
        with http.client.HTTPResponse(client) as answer:
            answer.begin()
            assert answer.status == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert json.loads(answer.read())["code"] == code


@pytest.mark.parametrize(
    ("head", "code", "detail"),
    [
        (
            b"Content-Type: application/octet-stream",
            "upload_incomplete",
            "Fewer bytes arrived ",
        ),
        (b"Content-Type: application/json", "bad_request", "The body ended before its "),
    ],
)
@pytest.mark.parametrize("length", [500, 3_000_000])
def test_a_body_that_is_cut_off_is_answered_while_the_client_reads(  # noqa: PLR0917
    served: Server,
    hand_out: Callable[[], Script],
    head: bytes,
    code: str,
    detail: str,
    length: int,
) -> None:
    """Who waits for a body is the worker of gunicorn, which no test client has."""
    if code == "bad_request" and length > MAX_BODY_BYTES:
        code, detail = "too_large", "A JSON body "
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as client:
        client.sendall(
            b"POST /api/v1/backups HTTP/1.1\r\nHost: a\r\n%s\r\nContent-Length: %d\r\n"
            b"Authorization: Bearer %s\r\n\r\n12345" % (head, length, hand_out().secret.encode())
        )
        client.shutdown(socket.SHUT_WR)
        with http.client.HTTPResponse(client) as answer:
            answer.begin()
            problem = json.loads(answer.read())
    assert problem["code"] == code
    assert problem["detail"].startswith(detail)


def test_a_restore_is_followed_to_its_end_and_undone(
    served: Server, hand_out: Callable[[], Script], data_dir: Path
) -> None:
    script = hand_out()
    backup_id = first_backup(script)
    plan = script("GET", f"/backups/{backup_id}/plan").body
    assert plan["keeps_this_token"] is False
    with paused(data_dir, at="replace") as reached:
        begun = script("POST", f"/backups/{backup_id}/restore", {"confirm": backup_id})
        assert begun.status == 202, begun.body
        reached()
        path = f"/operations/{begun.body['id']}"
        follower = Script(served.url, begun.body["follow_token"])
        for _ in range(9):  # each worker among them
            found = follower("GET", path)
            assert (found.status, found.body["stage"]) == (200, "replace")
            assert found.took_s < GATE_TIMEOUT_S
        seen = script("GET", path)  # the token counts until the data is replaced
        assert (seen.status, seen.body["stage"]) == (200, "replace")
        pool = ThreadPoolExecutor(1)
        answer = pool.submit(follower, "GET", f"{path}?wait=30")

    assert answer.result(60).status == 200
    while (found := follower("GET", f"{path}?wait=30")).body["state"] == "running":
        assert found.status == 200
    assert found.body["data"] == "restored"
    assert site_name(data_dir) == "Before"
    gone = script("GET", path)
    assert (gone.status, gone.body["code"]) == (401, "token_invalid")

    again = hand_out()
    undone = again("POST", "/undo", {"confirm": found.body["safety_backup_id"]}).body
    follower = Script(served.url, undone["follow_token"])
    while (found := follower("GET", f"/operations/{undone['id']}?wait=30")).body["state"] == (
        "running"
    ):
        pass
    assert found.body["data"] == "restored", found.body
    assert site_name(data_dir) == "After"
    assert script("GET", path).status == 200, "the token is back with the data"


@pytest.mark.parametrize(("stage", "data"), [("replace", "unchanged"), ("confirm", "restored")])
def test_a_restore_that_is_killed_says_what_became_of_the_data(
    served: Server, hand_out: Callable[[], Script], data_dir: Path, stage: str, data: str
) -> None:
    script = hand_out()
    backup_id = first_backup(script)
    with paused(data_dir, at=stage) as reached:
        begun = script("POST", f"/backups/{backup_id}/restore", {"confirm": backup_id}).body
        follower = Script(served.url, begun["follow_token"])
        os.kill(reached(), signal.SIGKILL)

        found = follower("GET", f"/operations/{begun['id']}?wait=30").body
        while found["state"] == "running":  # for the moment in which the kernel ends it
            found = follower("GET", f"/operations/{begun['id']}?wait=1").body

    assert (found["state"], found["stage"], found["data"]) == ("interrupted", stage, data)
    assert site_name(data_dir) == ("Before" if data == "restored" else "After")
    assert script("GET", "/status").status == (401 if data == "restored" else 200)


def test_of_two_restores_at_once_one_begins_and_the_other_learns_of_it(
    served: Server, hand_out: Callable[[], Script], data_dir: Path
) -> None:
    script = hand_out()
    backup_id = first_backup(script)
    with paused(data_dir, at="prepare"), ThreadPoolExecutor(2) as pool:
        sent = [
            pool.submit(script, "POST", f"/backups/{backup_id}/restore", {"confirm": backup_id})
            for _ in range(2)
        ]
        begun, refused = sorted((each.result() for each in sent), key=lambda each: each.status)

    assert (begun.status, refused.status) == (202, 409), refused.body
    assert refused.body["code"] == "operation_in_progress"
    assert refused.body["operation"] == begun.body["id"]
    follower = Script(served.url, begun.body["follow_token"])
    while follower("GET", f"/operations/{begun.body['id']}?wait=30").body["state"] == "running":
        pass


def test_who_waits_does_not_delay_the_end_of_a_worker(
    served: Server, hand_out: Callable[[], Script], data_dir: Path
) -> None:
    script = hand_out()
    with paused(data_dir, at="unpack") as reached:
        backup_id = first_backup(script)
        begun = script("POST", f"/backups/{backup_id}/restore", {"confirm": backup_id}).body
        reached()
        follower = Script(served.url, begun["follow_token"])
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(follower, "GET", f"/operations/{begun['id']}?wait=30")
            time.sleep(1)
            assert not waiting.done()
            for pid in re.findall(r"Booting worker with pid: (\d+)", served.log_path.read_text()):
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGTERM)

            answer = waiting.result(60)

    assert (answer.status, answer.body["state"]) == (200, "running")
    assert answer.took_s < 25
    while follower("GET", f"/operations/{begun['id']}?wait=30").body["state"] == "running":
        pass  # the next test's token would be lost by this restore


def test_a_worker_that_is_killed_in_mid_answer_costs_that_answer_alone(
    served: Server, hand_out: Callable[[], Script], data_dir: Path
) -> None:
    script = hand_out()
    backup_id = first_backup(script)
    with paused(data_dir, at="unpack") as reached:
        begun = script("POST", f"/backups/{backup_id}/restore", {"confirm": backup_id}).body
        reached()
        follower = Script(served.url, begun["follow_token"])
        path = f"/operations/{begun['id']}"
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(follower, "GET", f"{path}?wait=30")
            time.sleep(1)
            for pid in re.findall(r"Booting worker with pid: (\d+)", served.log_path.read_text()):
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                waiting.result(60)

        assert follower("GET", path).body["state"] == "running", "in the next worker"
    while (found := follower("GET", f"{path}?wait=30")).body["state"] == "running":
        pass
    assert (found.body["state"], site_name(data_dir)) == ("succeeded", "Before")
