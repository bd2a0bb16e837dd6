"""What a program learns of its token when that is in the wrong place, or no longer valid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from launcher.accounts import tokens, users
from launcher.api.door import DOORS
from launcher.api.following import follow_token
from launcher.audit import COMMAND_LINE
from launcher.extensions import db
from launcher.models import ApiToken, Role
from launcher.models.types import utc_now
from tests.conftest import MakeApp
from tests.support.api import Program, new_token
from tests.web.test_api_rights import path_of

BELOW = len("/api/v1")


@pytest.mark.parametrize(
    "name", ["access_token", "token", "Authorization", "API-Key", "apikey", "X-Api-Key"]
)
def test_a_token_in_the_address_is_refused_even_beside_a_right_header(
    program: Program, name: str
) -> None:
    calls = [(door.method, path_of(door)[BELOW:]) for door in DOORS]
    for method, path in [("GET", "/"), ("OPTIONS", "/backups"), ("GET", "/nothing"), *calls]:
        answer = program(method, path, query_string={name: program.secret})
        assert (answer.status_code, answer.json["code"]) == (400, "token_in_address"), path
        assert answer.json["hint"].startswith("Revoke it")
        assert "Authorization: Bearer" in answer.json["hint"]
        assert program.secret not in answer.text


def test_a_follow_token_elsewhere_is_refused_with_what_it_opens(app: Flask) -> None:
    with app.app_context():
        follower = follow_token("0123456789abcdef")
    for path in ("/status", "/operations/fedcba9876543210"):
        answer = Program(app, follower)("GET", path)
        assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")
        assert answer.json["detail"].startswith("This token opens one operation only: GET ")
        assert "Create" not in answer.json["hint"]


def test_a_token_is_known_under_any_name_and_a_follow_token_too(
    app: Flask, program: Program
) -> None:
    with app.app_context():
        follower = follow_token("0123456789abcdef")
    for secret in (program.secret, follower):
        for query in (
            {"cursor": secret},
            {"cursor": f" {secret}"},
            {"cursor": f"Bearer {secret}"},
            {secret: ""},
            {f"Bearer {secret}": "1"},
        ):
            answer = program("GET", "/backups", query_string=query)
            assert answer.json["code"] == "token_in_address", query
            assert secret not in answer.text


def test_no_answer_repeats_a_token_that_stands_where_none_belongs(program: Program) -> None:
    secret = program.secret
    for body in ({secret: 1}, {f"x {secret}": 1}, {"note": 1, f"{secret}\0": 2}):
        answer = program("POST", "/backups", json=body)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_field")
        assert secret not in answer.text
    twice = b'{"%s": 1, "%s": 1}' % ((secret.encode(),) * 2)
    answer = program("POST", "/backups", data=twice, content_type="application/json")
    assert answer.json["field"] == "(a token)"
    for path in (f"/backups/{secret}", f"/operations/{secret}", f"/{secret}"):
        answer = program("GET", path)
        assert answer.status_code == 404
        assert secret not in answer.text


def test_a_name_that_only_begins_like_a_token_is_none(program: Program) -> None:
    answer = program("GET", "/backups", query_string={"lch_": "1"})
    assert (answer.json["code"], answer.json["field"]) == ("invalid_field", "lch_")


def revoke_all(app: Flask) -> None:
    with app.app_context():
        tokens.revoke(list(tokens.all_tokens()), actor=COMMAND_LINE)
        db.session.commit()


def expire_all(app: Flask) -> None:
    with app.app_context():
        db.session.execute(db.update(ApiToken).values(expires_at=utc_now() - timedelta(1)))
        db.session.commit()


def deactivate_dora(app: Flask) -> None:
    with app.app_context():
        users.set_active(users.find_user("dora"), False, actor=COMMAND_LINE)


def demote_dora(app: Flask) -> None:
    with app.app_context():
        users.set_role(users.find_user("dora"), Role.EDITOR, actor=COMMAND_LINE)


@pytest.mark.usefixtures("cast")
@pytest.mark.parametrize(
    ("ends", "status", "code"),
    [
        (revoke_all, 401, "token_revoked"),
        (expire_all, 401, "token_expired"),
        (deactivate_dora, 401, "token_user_inactive"),
        (demote_dora, 403, "role_too_low"),
    ],
)
def test_a_token_that_another_worker_ended_names_the_reason_however_often_it_is_sent(
    app: Flask, make_app: MakeApp, ends: Callable[[Flask], None], status: int, code: str
) -> None:
    with app.app_context():
        users.create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
    program = Program(app, new_token(app, username="dora"))
    assert program("GET", "/status").status_code == 200
    ends(make_app(scheduler="off"))
    for _ in range(12):
        answer = program("GET", "/status")
        assert (answer.status_code, answer.json["code"]) == (status, code)


def test_unknown_tokens_are_slowed_down_and_say_so_while_a_valid_one_is_not(
    app: Flask, make_app: MakeApp, program: Program
) -> None:
    worker = make_app(scheduler="off")
    guesses = [Program(app, "lch_guess"), Program(worker, "lch_guess")]
    for number in range(5):
        assert guesses[number % 2]("GET", "/status").json["code"] == "token_invalid"
    for guess in guesses:
        answer = guess("GET", "/status")
        assert (answer.status_code, answer.json["code"]) == (429, "too_many_attempts")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.json["detail"].endswith("and this one is not valid either.")
        assert "A valid one is accepted at once" in answer.json["hint"]
    for own in (program, Program(worker, program.secret)):
        assert own("GET", "/status").status_code == 200


@pytest.mark.parametrize("scheme", ["", "Basic ", "Token ", "Bearer\t"])
def test_another_scheme_is_named_as_what_is_wrong(program: Program, scheme: str) -> None:
    header = {"Authorization": f"{scheme}{program.secret}"}
    answer = program("GET", "/status", headers=header)
    assert (answer.status_code, answer.json["code"]) == (401, "token_missing")
    assert answer.json["detail"] == "The header Authorization is not Bearer with a token."
    assert program.secret not in answer.text


@pytest.mark.parametrize("sent", ["{0},Bearer {0}", "{0} {0}", "x" * 10_000, "ключ", '"{0}"'])
def test_what_is_not_one_token_is_not_counted_as_a_guess(program: Program, sent: str) -> None:
    token = sent.format(program.secret).encode().decode("latin-1")
    for _ in range(7):
        answer = program("GET", "/status", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json["code"]) == (401, "token_invalid")
        assert answer.json["detail"] == "The header Authorization must hold one token."
