"""Who may call what: each call with each scope, each kind of token that is none, each method."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from launcher.accounts import tokens, users
from launcher.api.door import DOORS, Door
from launcher.api.following import follow_token
from launcher.audit import COMMAND_LINE
from launcher.extensions import db
from launcher.models import ApiToken, Role, TokenScope
from launcher.models.types import utc_now
from tests.conftest import ADA
from tests.support.api import ROOT, new_token
from tests.web.addresses import UNKNOWN
from tests.web.visitor import Visitor

NEEDS = {
    "get_status": TokenScope.STATUS,
    "list_app_checks": TokenScope.STATUS,
    "get_app_check": TokenScope.STATUS,
    "get_app_history": TokenScope.STATUS,
    "list_operations": TokenScope.STATUS,
    "get_operation": TokenScope.STATUS,
    "list_jobs": TokenScope.STATUS,
    "get_job": TokenScope.STATUS,
    "list_recipients": TokenScope.STATUS,
    "list_backups": TokenScope.BACKUPS_READ,
    "list_destinations": TokenScope.BACKUPS_READ,
    "copy_to_destination": TokenScope.BACKUPS_CREATE,
    "get_backup": TokenScope.BACKUPS_READ,
    "get_plan": TokenScope.BACKUPS_READ,
    "create_backup": TokenScope.BACKUPS_CREATE,
    "change_backup": TokenScope.BACKUPS_CREATE,
    "verify_backup": TokenScope.BACKUPS_CREATE,
    "test_restore": TokenScope.BACKUPS_CREATE,
    "download_backup": TokenScope.BACKUPS_DOWNLOAD,
    "restore_backup": TokenScope.BACKUPS_RESTORE,
    "undo_restore": TokenScope.BACKUPS_RESTORE,
    "delete_backup": TokenScope.BACKUPS_DELETE,
    "get_schedule": TokenScope.SCHEDULE,
    "put_schedule": TokenScope.SCHEDULE,
    "run_job": TokenScope.SCHEDULE,
}
"""What each call needs, written down a second time: a scope that grows is seen."""

METHODS = (
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY", "BREW",
)  # fmt: skip
_PARTS = {
    "app": UNKNOWN["app_id"],
    "backup": UNKNOWN["backup_id"],
    "destination": UNKNOWN["destination_id"],
    "operation": UNKNOWN["operation_id"],
    "job": UNKNOWN["job_id"],
}
_addresses = (f"10.1.{n // 250}.{n % 250 + 1}" for n in itertools.count())


def path_of(door: Door) -> str:
    """Return an address that is well formed, of what is not there: nothing begins."""
    return ROOT + re.sub(r"\{(\w+)\}", lambda part: _PARTS[part[1]], door.path)


def call(
    client: FlaskClient, door: Door, authorization: str = "", *, query: str = "", method: str = ""
) -> TestResponse:
    """Call a door from an address of its own, since invalid tokens of one are counted."""
    return client.open(
        path_of(door),
        method=method or door.method,
        query_string=query,
        headers={"Authorization": authorization} if authorization else {},
        environ_overrides={"REMOTE_ADDR": next(_addresses)},
    )


def code_of(answer: TestResponse) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json", answer.text
    return answer.status_code, answer.json["code"]


@pytest.fixture
def client(app: Flask, cast: object) -> FlaskClient:
    return app.test_client(use_cookies=False)


def test_each_call_opens_with_its_scope_and_with_no_other(app: Flask, client: FlaskClient) -> None:
    assert {door.name: door.scope for door in DOORS} == NEEDS
    for scope in TokenScope:
        secret = new_token(app, scopes=[scope])
        for door in DOORS:
            answer = call(client, door, f"Bearer {secret}")
            if scope is NEEDS[door.name]:
                assert answer.status_code not in {401, 403, 405, 500}, (door.name, answer.text)
            else:
                assert code_of(answer) == (403, "scope_missing"), (door.name, scope)
                assert f'scope="{door.scope}"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_tokens_of_a_demoted_admin_open_nothing(
    app: Flask, client: FlaskClient, role: Role
) -> None:
    secret = of_dora(app)
    with app.app_context():
        users.set_role(users.find_user("dora"), role, actor=COMMAND_LINE)
    for door in DOORS:
        assert code_of(call(client, door, f"Bearer {secret}")) == (403, "role_too_low"), door.name


def of_dora(app: Flask) -> str:
    """Return a token of a second admin, with every scope."""
    with app.app_context():
        users.create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
    return new_token(app, username="dora")


def _expired(app: Flask) -> str:
    secret = of_dora(app)
    with app.app_context():
        token = db.session.scalars(db.select(ApiToken)).one()
        token.expires_at = utc_now() - timedelta(seconds=1)
        db.session.commit()
    return f"Bearer {secret}"


def _revoked(app: Flask) -> str:
    secret = of_dora(app)
    with app.app_context():
        tokens.revoke(list(tokens.all_tokens()), actor=COMMAND_LINE)
        db.session.commit()
    return f"Bearer {secret}"


def _deactivated(app: Flask) -> str:
    secret = of_dora(app)
    with app.app_context():
        users.set_active(users.find_user("dora"), False, actor=COMMAND_LINE)
    return f"Bearer {secret}"


def _of_another_operation(app: Flask) -> str:
    with app.app_context():
        return f"Bearer {follow_token('0123456789abcdef')}"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (lambda _app: "", "token_missing"),
        (lambda _app: "Bearer", "token_missing"),
        (lambda _app: "Bearer ", "token_missing"),
        (of_dora, "token_missing"),
        (lambda app: f"Basic {of_dora(app)}", "token_missing"),
        (lambda app: f"Token {of_dora(app)}", "token_missing"),
        (lambda app: f"Bearer {of_dora(app)[:-1]}", "token_invalid"),
        (lambda app: f"Bearer {of_dora(app).swapcase()}", "token_invalid"),
        (lambda app: f"Bearer {of_dora(app)}, Bearer x", "token_invalid"),
        (lambda _app: "Bearer \xff", "token_invalid"),
        (lambda _app: f"Bearer {'x' * 10_000}", "token_invalid"),
        (lambda app: f"Bearer {of_dora(app)},Bearer {'x' * 40}", "token_invalid"),  # sent twice
        (_expired, "token_expired"),
        (_revoked, "token_revoked"),
        (_deactivated, "token_user_inactive"),
        (_of_another_operation, "token_invalid"),
    ],
)
def test_what_is_no_valid_token_opens_nothing(
    app: Flask, client: FlaskClient, authorization: Callable[[Flask], str], code: str
) -> None:
    sent = authorization(app)
    for door in DOORS:
        answer = call(client, door, sent)
        assert code_of(answer) == (401, code), door.name
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="launcher"')


def test_a_session_opens_nothing(app: Flask, ada: Visitor) -> None:
    for door in DOORS:
        answer = ada.client.open(path_of(door), method=door.method)
        assert code_of(answer) == (401, "token_missing"), (door.name, ADA.username)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR", "Bearer ", " Bearer"])
def test_the_case_of_the_scheme_and_spaces_around_do_not_count(
    app: Flask, client: FlaskClient, scheme: str
) -> None:
    status = next(door for door in DOORS if door.name == "get_status")
    assert call(client, status, f"{scheme} {new_token(app)}  ").status_code == 200


def _paths() -> Iterator[tuple[Door, set[str]]]:
    for path in {door.path for door in DOORS}:
        here = [door for door in DOORS if door.path == path]
        methods = {door.method for door in here} | {"OPTIONS"}
        yield here[0], methods | ({"HEAD"} if "GET" in methods else set())


def test_each_address_names_its_methods_and_refuses_all_others(
    app: Flask, client: FlaskClient
) -> None:
    secret = new_token(app)
    for door, methods in _paths():
        allowed = ", ".join(sorted(methods))
        for method in METHODS:
            answer = call(client, door, f"Bearer {secret}", method=method)
            where = f"{method} {door.path}"
            if method == "OPTIONS":
                assert (answer.status_code, answer.headers["Allow"]) == (204, allowed), where
                assert not answer.data
            elif method in methods:
                assert answer.status_code != 405, where
            else:
                assert answer.status_code == 405, where
                assert answer.mimetype == "application/problem+json", where
                assert answer.headers["Allow"] == allowed, where


def test_head_answers_what_get_does_without_a_body(app: Flask, client: FlaskClient) -> None:
    secret = new_token(app)
    for door in DOORS:
        if door.method != "GET":
            continue
        for authorization in ("", f"Bearer {secret}"):
            got = call(client, door, authorization)
            head = call(client, door, authorization, method="HEAD")
            assert not head.data
            assert head.status_code == got.status_code, door.name
            assert head.headers["Content-Type"] == got.headers["Content-Type"]
