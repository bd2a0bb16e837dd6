"""API tokens: who gets one, what it opens, and when it opens nothing any more."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier, Timer

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts import tokens, users
from launcher.accounts.errors import (
    AccountError,
    TokenExpiredError,
    TokenExpiryUnfitError,
    TokenInvalidError,
    TokenNameUnfitError,
    TokenNotRevokedError,
    TokenOwnerUnfitError,
    TokenScopesMissingError,
    TokenThrottledError,
)
from launcher.audit import COMMAND_LINE
from launcher.db import revoked_tokens
from launcher.db.revoked_tokens import add_revoked, read_revoked
from launcher.extensions import db
from launcher.models import ApiToken, AuditEvent, Role, SignInFailure, TokenScope
from launcher.models.types import utc_now
from tests.conftest import MakeApp

STATUS = (TokenScope.STATUS,)


@pytest.fixture
def contents(app: Flask, cast: object) -> Iterator[None]:
    with app.app_context():
        yield


def create(
    owner: str = "ada", name: str = "Script", *, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    return tokens.create_token(
        users.find_user(owner), name, STATUS, expires_at=expires_at, actor=COMMAND_LINE
    )


def revoke(*found: ApiToken) -> None:
    tokens.revoke(found, actor=COMMAND_LINE)
    db.session.commit()


def opens(secret: str, *, address: str = "10.0.0.9", now: datetime | None = None) -> bool:
    try:
        tokens.authenticate(secret, address=address, now=now)
    except (TokenInvalidError, TokenExpiredError):
        return False
    return True


# --- creating ----------------------------------------------------------------------------


def test_a_token_is_known_by_its_text_which_is_kept_nowhere(contents: None, data_dir: Path) -> None:
    token, secret = create()

    assert secret.startswith(token.prefix)
    assert tokens.authenticate(secret, address="10.0.0.9").id == token.id
    db.session.remove()
    for path in data_dir.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines", "turned \u202e round"])
def test_a_name_is_one_line(contents: None, name: str) -> None:
    with pytest.raises(TokenNameUnfitError):
        create(name=name)
    assert tokens.all_tokens() == []


def test_a_token_can_do_something_and_expires_in_time(contents: None) -> None:
    ada = users.find_user("ada")
    with pytest.raises(TokenScopesMissingError):
        tokens.create_token(ada, "Script", (), expires_at=None, actor=COMMAND_LINE)
    for span in (timedelta(seconds=-1), timedelta(days=4000)):
        with pytest.raises(TokenExpiryUnfitError):
            create(expires_at=utc_now() + span)


@pytest.mark.parametrize("owner", ["ben", "chloe"])
def test_only_an_admin_has_tokens(contents: None, owner: str) -> None:
    with pytest.raises(TokenOwnerUnfitError):
        create(owner)


def test_an_id_is_never_given_twice(contents: None) -> None:
    token, _ = create()
    before = token.id
    revoke(token)
    after, _ = create()
    assert after.id != before


def test_creating_and_revoking_are_audited_without_the_secret(contents: None) -> None:
    token, secret = create()
    revoke(token)
    events = db.session.scalars(
        sa.select(AuditEvent).where(AuditEvent.target_kind == "token").order_by(AuditEvent.id)
    ).all()
    assert [each.action for each in events] == ["token.create", "token.revoke"]
    assert events[0].changes["scopes"] == [None, "status"]
    assert secret[12:] not in "".join(str(each.changes) for each in events)


# --- who gets in -------------------------------------------------------------------------


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: text[:-1], lambda _: "ключ"])
def test_any_other_text_opens_nothing(contents: None, change: object) -> None:
    _, secret = create()
    assert callable(change)
    assert not opens(change(secret))


def test_a_token_opens_nothing_from_the_moment_it_expires(contents: None) -> None:
    until = utc_now() + timedelta(days=1)
    _, secret = create(expires_at=until)
    assert opens(secret, now=until - timedelta(seconds=1))
    with pytest.raises(TokenExpiredError):
        tokens.authenticate(secret, address="10.0.0.9", now=until)


def test_a_token_of_a_deactivated_user_opens_nothing_until_they_are_back(contents: None) -> None:
    users.create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
    _, secret = create("dora")
    users.set_active(users.find_user("dora"), False, actor=COMMAND_LINE)
    assert not opens(secret)
    users.set_active(users.find_user("dora"), True, actor=COMMAND_LINE)
    assert opens(secret)


def test_the_tokens_of_a_deleted_user_are_revoked_for_good(contents: None, data_dir: Path) -> None:
    users.create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
    token, secret = create("dora")
    digest = token.token_sha256
    users.delete_user(users.find_user("dora"), actor=COMMAND_LINE)
    assert not opens(secret)
    assert digest in read_revoked(data_dir / "revoked-tokens")


def test_a_row_that_points_to_no_user_is_no_token(contents: None, data_dir: Path) -> None:
    _, secret = create()
    db.session.remove()
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("UPDATE api_tokens SET user_id = 99")
    assert not opens(secret)
    assert tokens.all_tokens() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_request_notes_when_and_from_where_a_token_was_used(
    app: Flask, contents: None, method: str
) -> None:
    _, secret = create()
    with app.test_request_context("/", method=method):
        token = tokens.authenticate(secret, address="10.0.0.9")
        assert token.last_used_from == "10.0.0.9"
        used_at = token.last_used_at
        assert used_at is not None
        # Not at each request: that would be a write each time.
        again = tokens.authenticate(
            secret, address="10.0.0.10", now=used_at + timedelta(seconds=59)
        )
        assert (again.last_used_at, again.last_used_from) == (used_at, "10.0.0.9")
        later = tokens.authenticate(
            secret, address="10.0.0.10", now=used_at + timedelta(seconds=60)
        )
        assert later.last_used_from == "10.0.0.10"


def test_a_database_that_cannot_be_written_stops_no_token(
    app: Flask, contents: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = create()
    with app.test_request_context("/"):
        db.session.remove()
        monkeypatch.setattr(db.engine.pool, "_creator", lambda: _read_only(app))
        assert tokens.authenticate(secret, address="10.0.0.9").last_used_at is None
        assert not opens("lch_wrong")


def _read_only(app: Flask) -> sqlite3.Connection:
    path = app.extensions["launcher.config"].database_path
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)


def test_a_database_that_is_busy_keeps_no_token_waiting(
    app: Flask, contents: None, data_dir: Path
) -> None:
    _, secret = create()
    db.session.remove()
    path = data_dir / "launcher.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        # Who waits for as long as usual notes the use after all.
        release = Timer(5, lambda: writer.execute("ROLLBACK"))
        release.start()
        with app.test_request_context("/"):
            assert tokens.authenticate(secret, address="10.0.0.9").last_used_at is None
        release.cancel()


# --- invalid tokens are counted ------------------------------------------------------------


def test_five_invalid_tokens_pause_their_address_and_no_valid_token(
    app: Flask, contents: None
) -> None:
    _, secret = create()
    now = utc_now()
    with app.test_request_context("/"):
        for number in range(5):
            assert not opens(f"lch_{number}", now=now)
        for _ in range(3):
            with pytest.raises(TokenThrottledError) as error:
                tokens.authenticate("lch_5", address="10.0.0.9", now=now)
            assert 1 <= error.value.wait_s <= 60
        assert opens(secret, now=now)
        assert not opens("lch_6", address="10.0.0.10", now=now)
        assert not opens("lch_7", now=now + timedelta(seconds=61))
    counted = sa.select(SignInFailure.failures).where(SignInFailure.subject.like("%10.0.0.9%"))
    assert db.session.scalars(counted).all() == [6], "while it waits, nothing is written"


def test_invalid_tokens_that_come_at_once_are_all_refused(
    app: Flask, cast: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of those that saw no pause find it when they come to count."""
    monkeypatch.setattr(tokens, "is_paused", lambda *_: 0)
    ready = Barrier(8)

    def attempt(number: int) -> str:
        with app.app_context():
            ready.wait()
            try:
                tokens.authenticate(f"lch_{number}", address="10.0.0.9")
            except AccountError as error:
                return error.code
            return "accepted"

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(attempt, range(8)))
    assert found.count("token_invalid") == 5
    assert found.count("token_throttled") == 3


def test_they_stop_no_one_from_signing_in(contents: None) -> None:
    for number in range(5):
        opens(f"lch_{number}")
    subjects = db.session.scalars(sa.select(SignInFailure.subject)).all()
    assert [each.partition(" ")[0] for each in subjects] == ["token"]


# --- revoking ------------------------------------------------------------------------------


def test_a_revoked_token_opens_nothing_in_any_process(
    contents: None, make_app: MakeApp, cast: object
) -> None:
    token, secret = create()
    other = make_app(scheduler="off")
    with other.app_context():
        assert opens(secret)
    revoke(token)
    with other.app_context():
        assert not opens(secret)


def test_what_cannot_be_written_down_is_not_revoked(
    contents: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, secret = create()
    real_write = os.write
    monkeypatch.setattr(
        revoked_tokens.os, "write", lambda to, data: real_write(to, data[: len(data) // 2])
    )
    with pytest.raises(TokenNotRevokedError):
        revoke(token)
    monkeypatch.undo()
    assert opens(secret)
    revoke(tokens.all_tokens()[0])  # the half line before it does no harm
    assert not opens(secret)


def test_a_commit_that_fails_leaves_the_token_revoked(contents: None) -> None:
    token, secret = create()
    tokens.revoke([token], actor=COMMAND_LINE)
    db.session.rollback()
    assert not opens(secret)
    assert tokens.all_tokens() == []


def test_many_processes_add_to_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "revoked-tokens"
    digests = [f"{number:064x}" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: add_revoked(path, [each]), digests))
    assert read_revoked(path) == set(digests)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "revoked-tokens").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="revoked-tokens"):
        add_revoked(tmp_path / "revoked-tokens", ["0" * 64])
