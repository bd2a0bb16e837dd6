"""What every test may ask for: an application on a directory of its own, and the cast.

The application is imported where it is built: tests of the core alone begin in half the time.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.folders import memory_folder
from tests.support.receivers import MailServer, Receiver, http_receiver, mail_server

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient, FlaskCliRunner

MakeApp = Callable[..., "Flask"]
Row = tuple[str, dict[str, object]]
_LATE_S = 5.0


def pytest_configure(config: pytest.Config) -> None:
    """Heed no settings from outside, and let `tmp_path` lie in memory unless told otherwise."""
    for name in list(os.environ):
        if name.startswith(("LAUNCHER_", "FLASK_")):
            del os.environ[name]
    if config.option.basetemp is None:
        os.environ.setdefault(
            "PYTEST_DEBUG_TEMPROOT", str(memory_folder() or tempfile.gettempdir())
        )
    if not hasattr(config, "workerinput"):
        _keep_leftovers_together(config)


def _keep_leftovers_together(config: pytest.Config) -> None:
    """Let temporary files of all programs lie in one folder, which is removed at the end.

    A program that a test kills removes nothing, nor do some others.
    """
    folder = tempfile.mkdtemp(prefix="launcher-tests-")
    Path(folder).chmod(0o1777)  # as /tmp is: some programs run as another user
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are processors: some always wait for a server or a browser."""
    is_linux = hasattr(os, "sched_getaffinity")
    return (len(os.sched_getaffinity(0)) if is_linux else os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin no test in the last seconds of an hour, which ends the day in some time zone.

    What a test calls today, or this hour, would be the one before then.
    """
    left_s = 3600 - time.time() % 3600
    if left_s < _LATE_S:
        time.sleep(left_s)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in."""

    username: str
    password: str
    role: str


ADA = Person("ada", "ada's long password", "admin")
BEN = Person("ben", "ben's long password", "editor")
CHLOE = Person("chloe", "chloe's long password", "viewer")
CAST = (ADA, BEN, CHLOE)


@pytest.fixture(scope="session", autouse=True)
def _quick_apps() -> Iterator[None]:
    """Let all applications share what costs much and proves nothing; see `quick_apps`."""
    if "flask" not in sys.modules:  # no test that was collected has to do with an application
        yield
        return
    from tests.support.quick_apps import quick_apps

    with quick_apps():
        yield


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def make_app(data_dir: Path) -> MakeApp:
    """Build an application as a worker does; settings are given without their prefix."""
    from launcher.app import create_app

    def make(**settings: str) -> Flask:
        overrides = {f"LAUNCHER_{name.upper()}": value for name, value in settings.items()}
        app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)} | overrides)
        app.config.update(TESTING=True)
        return app

    return make


@pytest.fixture(scope="session")
def new_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a new, empty database; only to be copied."""
    from launcher.app import create_app
    from launcher.current import current_backups

    folder = tmp_path_factory.mktemp("new") / "data"
    app = create_app({"LAUNCHER_DATA_DIR": str(folder)})
    with app.app_context():
        current_backups().initialise(by="test")
    return folder


@pytest.fixture
def app(new_data: Path, data_dir: Path, make_app: MakeApp) -> Flask:
    """An application with a new, empty database. Nobody runs its schedule: there is no server."""
    shutil.copytree(new_data, data_dir)
    return make_app(scheduler="off")


@pytest.fixture
def unled_app(new_data: Path, data_dir: Path, make_app: MakeApp) -> Flask:
    """One whose schedule is to be run by its server, while none runs."""
    shutil.copytree(new_data, data_dir)
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture(scope="session")
def cast_rows(new_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """What the cast is in the database, as it was made in the usual way."""
    from launcher.accounts.users import create_user
    from launcher.app import create_app
    from launcher.audit import COMMAND_LINE
    from launcher.models import Role

    folder = tmp_path_factory.mktemp("cast") / "data"
    shutil.copytree(new_data, folder)
    with create_app({"LAUNCHER_DATA_DIR": str(folder)}).app_context():
        for person in CAST:
            create_user(
                person.username,
                person.password,
                role=Role(person.role),
                display_name=person.username.capitalize(),
                actor=COMMAND_LINE,
            )
    with closing(sqlite3.connect(folder / "launcher.db")) as database:
        database.row_factory = sqlite3.Row
        users = database.execute("SELECT * FROM users").fetchall()
        audit = database.execute("SELECT * FROM audit_events WHERE target_kind = 'user'").fetchall()
    rows = [("users", dict(row)) for row in users] + [("audit_events", dict(row)) for row in audit]
    return [(table, {name: row[name] for name in row if name != "id"}) for table, row in rows]


@pytest.fixture
def cast(app: Flask, cast_rows: list[Row]) -> tuple[Person, ...]:
    """Ada the admin, Ben the editor and Chloe the viewer, in the database of `app`."""
    add_rows(app, cast_rows)
    return CAST


def add_rows(app: Flask, rows: Iterable[Row]) -> None:
    """Add rows as another database had them: much quicker than to create them again.

    The largest ids that tables had take the place of those here.
    """
    from launcher.current import current_config

    path = current_config(app).database_path
    with closing(sqlite3.connect(path)) as database, database:
        for table, row in rows:
            names, values = ", ".join(row), ", ".join("?" * len(row))
            add = "REPLACE" if table == "last_ids" else "INSERT"
            database.execute(f"{add} INTO {table} ({names}) VALUES ({values})", [*row.values()])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server on this machine that remembers what it was sent."""
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[MailServer]:
    """A real SMTP server on this machine that remembers what it was sent."""
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def real_errands() -> None:
    """Carry messages by processes of their own, as in life; see `quick_errands`."""


@pytest.fixture
def quick_errands(request: pytest.FixtureRequest) -> Iterator[None]:
    """Carry messages in this process, but for tests that ask for `real_errands`."""
    if "real_errands" in request.fixturenames:
        yield
        return
    from tests.support.errands import errands_in_this_process

    with errands_in_this_process():
        yield
