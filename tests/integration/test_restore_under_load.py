"""A restore while a real gunicorn with several workers serves clients that never pause."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher import demo
from launcher.accounts import users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.backup.locks import Gate
from launcher.current import current_backups
from launcher.db.session import database_context
from launcher.db.settings import change_settings
from launcher.models import Role
from tests.support.server import Server, run_flask, serving
from tests.support.visitor import Visitor

PASSWORD = "a long enough password"


@dataclass
class Answer:
    began_at: float
    ended_at: float
    status: int
    site_name: str


@dataclass
class Crowd:
    """Clients that ask for the start page as fast as they can."""

    address: str
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Crowd:
        for _ in range(6):
            thread = threading.Thread(target=self._press)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _press(self) -> None:
        visitor = Visitor(self.address)
        while not self._stop.is_set():
            began_at = time.monotonic()
            status, page = visitor.get("/")
            title = re.search(r"<title>([^<]*)</title>", page)
            self.answers.append(
                Answer(began_at, time.monotonic(), status, title[1] if title else page)
            )

    def settle(self, *, count: int = 40) -> None:
        """Wait until so many more answers came."""
        wanted = len(self.answers) + count
        while len(self.answers) < wanted:
            time.sleep(0.01)


@pytest.fixture(scope="module")
def served(new_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A filled site with a backup called Before, served to all tests here."""
    data_dir = tmp_path_factory.mktemp("site") / "data"
    shutil.copytree(new_data, data_dir)
    with create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).app_context():
        demo.fill(now=datetime.now(UTC), seed=1)
        users.create_user("dora", PASSWORD, role=Role.ADMIN, actor=COMMAND_LINE)
        change_settings({"guest_access": "on", "site_name": "Before"}, actor=COMMAND_LINE)
        current_backups().create(by="test")
    with serving(data_dir, app="tests.support.patient:app") as server:
        yield server


@pytest.fixture
def data_dir(served: Server) -> Path:
    return served.data_dir


@pytest.fixture
def site(served: Server) -> str:
    """The address of the site, which was renamed to After since its backup."""
    with create_app({"LAUNCHER_DATA_DIR": str(served.data_dir)}).app_context(), database_context():
        change_settings({"site_name": "After"}, actor=COMMAND_LINE)
    return served.url


def restore(data_dir: Path, reference: str = "latest") -> tuple[float, float]:
    """Restore as an admin at a shell does; return when it began and when it had ended."""
    began_at = time.monotonic()
    run_flask(data_dir, "backup", "restore", reference, "--yes")
    return began_at, time.monotonic()


def test_no_request_fails_and_every_worker_has_the_new_data_at_once(
    site: str, data_dir: Path
) -> None:
    with Crowd(site) as crowd:
        crowd.settle()
        began_at, ended_at = restore(data_dir)
        crowd.settle(count=120)
    assert {answer.status for answer in crowd.answers} == {200}
    before = [each for each in crowd.answers if each.ended_at < began_at]
    after = [each for each in crowd.answers if each.began_at > ended_at]
    assert before
    assert all("After" in each.site_name for each in before)
    assert len(after) > 50
    assert all("Before" in each.site_name for each in after)
    assert max(each.ended_at - each.began_at for each in crowd.answers) < 60


def test_an_open_page_keeps_working_and_an_old_session_does_not(site: str, data_dir: Path) -> None:
    signed_in = Visitor(site)
    assert signed_in.sign_in("dora", PASSWORD) == 303
    assert signed_in.get("/account")[0] == 200
    waiting = Visitor(site)
    token = waiting.token()
    restore(data_dir)
    assert signed_in.get("/account")[0] in {302, 303}
    assert signed_in.get("/")[0] == 200
    assert waiting.sign_in("dora", PASSWORD, token=token) == 303
    assert waiting.get("/account")[0] == 200


def test_a_long_reader_beside_the_site_keeps_its_snapshot(site: str, data_dir: Path) -> None:
    reader = sqlite3.connect(data_dir / "launcher.db", isolation_level=None)
    reader.execute("BEGIN")
    name = "SELECT site_name FROM system_settings"
    assert reader.execute(name).fetchone() == ("After",)
    with Crowd(site) as crowd:
        crowd.settle()
        restore(data_dir)
        crowd.settle()
    assert reader.execute(name).fetchone() == ("After",)
    reader.execute("ROLLBACK")
    assert reader.execute(name).fetchone() == ("Before",)
    assert {answer.status for answer in crowd.answers} == {200}


def test_a_writer_that_read_before_the_restore_is_refused_and_nothing_is_mixed(
    site: str, data_dir: Path
) -> None:
    writer = sqlite3.connect(data_dir / "launcher.db", isolation_level=None, timeout=1)
    writer.execute("BEGIN")
    writer.execute("SELECT site_name FROM system_settings").fetchone()
    restore(data_dir)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        writer.execute("UPDATE system_settings SET site_name = 'Mixed'")
    writer.execute("ROLLBACK")
    assert "Before" in Visitor(site).get("/")[1]


def test_only_forms_wait_for_the_write_lock_of_a_restore(site: str, data_dir: Path) -> None:
    """Under gunicorn: the threads of its workers are what is waited with."""
    visitor = Visitor(site)
    visitor.sign_in("dora", PASSWORD)
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/admin/groups/new")[1])
    assert found
    statuses: list[int] = []

    def add_group() -> None:
        statuses.append(visitor.post("/admin/groups", name="Choir", csrf_token=found[1])[0])

    form = threading.Thread(target=add_group)
    live = sqlite3.connect(data_dir / "launcher.db", isolation_level=None)
    gate = Gate(data_dir / "locks")
    with gate.writers_held(), closing(live), Crowd(site) as crowd:
        live.execute("BEGIN IMMEDIATE")
        form.start()
        crowd.settle(count=12)  # well within the patience of the form
        assert form.is_alive()
        with gate.closed():
            live.execute("UPDATE system_settings SET site_name = 'Restored'")
            live.execute("COMMIT")
    form.join()
    assert statuses == [303]
    assert {answer.status for answer in crowd.answers} == {200}
    assert "Choir" in visitor.get("/admin/groups")[1]


def test_forms_that_wait_leave_every_thread_for_pages(site: str, data_dir: Path) -> None:
    """Under gunicorn with two threads: whether one of them waits is what is tested."""
    visitor = Visitor(site)
    visitor.sign_in("dora", PASSWORD)
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/admin/groups/new")[1])
    assert found
    statuses: list[int] = []

    def add_group(address: str, name: str) -> None:
        sender = Visitor(address, visitor.jar)
        statuses.append(sender.post("/admin/groups", name=name, csrf_token=found[1])[0])

    with serving(data_dir, workers="1", threads="2", app="tests.support.patient:app") as server:
        forms = [
            threading.Thread(target=add_group, args=[server.url, f"Choir {n}"]) for n in range(6)
        ]
        with Gate(data_dir / "locks").writers_held():
            for form in forms:
                form.start()
            for _ in range(6):  # well within the patience of the forms
                assert Visitor(server.url).get("/login")[0] == 200
            assert statuses == []
        for form in forms:
            form.join()
    assert statuses == [303] * 6


@pytest.mark.parametrize("restores", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_people_who_sign_in_all_the_while_meet_no_error(
    site: str, data_dir: Path, restores: int
) -> None:
    statuses: list[int] = []
    stop = threading.Event()

    def keep_signing_in() -> None:
        while not stop.is_set():
            statuses.append(Visitor(site).sign_in("dora", PASSWORD))

    threads = [threading.Thread(target=keep_signing_in) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(statuses) < 3:
        time.sleep(0.01)
    for _ in range(restores):
        restore(data_dir)
    stop.set()
    for thread in threads:
        thread.join()
    # The account of dora is the same in every backup, so each attempt succeeds.
    assert set(statuses) == {303}


def lose(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def fill_with_garbage(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


@pytest.mark.parametrize(
    "damage",
    [
        lose,
        fill_with_garbage,
        *(pytest.param(damage, marks=pytest.mark.slow) for damage in (empty, cut_off)),
    ],
)
def test_a_damaged_database_shows_the_calm_page_until_it_is_restored(
    site: str, data_dir: Path, damage: Callable[[Path], None]
) -> None:
    visitor = Visitor(site)
    assert visitor.get("/")[0] == 200
    damage(data_dir / "launcher.db")
    status, page = visitor.get("/")
    assert status == 503
    assert "flask backup restore latest" in page
    assert "launcher.db" in page
    time.sleep(1.1)  # /healthz may be a second old
    assert visitor.get("/healthz")[0] == 503
    restore(data_dir)
    for _ in range(30):  # whichever worker answers
        status, page = Visitor(site).get("/")
        assert status == 200
        assert "Before" in page
    connection = sqlite3.connect(data_dir / "launcher.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
