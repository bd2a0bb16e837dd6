"""What every test may ask for: an application on a directory of its own, and the cast."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from launcher import accounts
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.current import current_backups
from launcher.models import Role
from tests.support.receivers import MailServer, Receiver, http_receiver, mail_server

MakeApp = Callable[..., Flask]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in."""

    username: str
    password: str
    role: Role


ADA = Person("ada", "ada's long password", Role.ADMIN)
BEN = Person("ben", "ben's long password", Role.EDITOR)
CHLOE = Person("chloe", "chloe's long password", Role.VIEWER)


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """The real cost is a setting of the same function; a fifth of a second each adds up."""
    usual = accounts.hasher
    accounts.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    accounts.hasher = usual


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("LAUNCHER_", "FLASK_")):
            monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def make_app(data_dir: Path) -> MakeApp:
    """Build an application as a worker does; settings are given without their prefix."""

    def make(**settings: str) -> Flask:
        overrides = {f"LAUNCHER_{name.upper()}": value for name, value in settings.items()}
        app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)} | overrides)
        app.config.update(TESTING=True)
        return app

    return make


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application with a new, empty database. Nobody runs its schedule: there is no server."""
    return _with_database(make_app(scheduler="off"))


@pytest.fixture
def unled_app(make_app: MakeApp) -> Flask:
    """One whose schedule is to be run by its server, while none runs."""
    return _with_database(make_app())


def _with_database(app: Flask) -> Flask:
    with app.app_context():
        current_backups().initialise(by="test")
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def cast(app: Flask) -> tuple[Person, Person, Person]:
    """Ada the admin, Ben the editor and Chloe the viewer, in the database of `app`."""
    with app.app_context():
        for person in (ADA, BEN, CHLOE):
            accounts.create_user(
                person.username,
                person.password,
                role=person.role,
                display_name=person.username.capitalize(),
                actor=COMMAND_LINE,
            )
    return ADA, BEN, CHLOE


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
