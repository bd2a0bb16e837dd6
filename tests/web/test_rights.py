"""Who may do what: every door, every method, every role. A new door without a row here fails."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.web.visitor import Visitor

ROLES = ("guest", "chloe", "ben", "ada")
PATHS = {
    "assets.asset": "/assets/none.css",
    "start.board": "/b/attic",
    "start.media": f"/media/{'a' * 64}",
}
# What GET and POST answer to a guest, a viewer, an editor (who owns the attic) and an admin.
# POSTs go without fields: 422 and 303 mean "let in", 302 "sign in first", 403 "not for you".
GET = {
    "health.healthz": (200, 200, 200, 200),
    "metrics.show": (404, 404, 404, 404),
    "assets.asset": (404, 404, 404, 404),
    "setup.show": (403, 403, 403, 403),
    "auth.sign_in": (200, 302, 302, 302),
    "account.show": (302, 200, 200, 200),
    "recent.ask": (302, 302, 302, 302),
    "start.home": (302, 200, 200, 200),
    "start.board": (302, 404, 200, 200),
    "start.media": (404, 200, 200, 200),
    "patterns.show": (302, 403, 403, 200),
}
POST = {
    "setup.make_first_admin": (422, 422, 422, 422),
    "auth.create_session": (422, 422, 422, 422),
    "auth.sign_out": (303, 303, 303, 303),
    "account.change_look": (303, 303, 303, 303),
    "account.change_password": (302, 422, 422, 422),
    "recent.confirm": (302, 303, 303, 303),
}


def _doors(app: Flask) -> dict[tuple[str, str], str]:
    """Return endpoint by method and path, for every method but HEAD and OPTIONS."""
    return {
        (method, PATHS.get(rule.endpoint, rule.rule)): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_door_has_a_row(app: Flask) -> None:
    doors = _doors(app)

    assert {name for (method, _), name in doors.items() if method == "GET"} == set(GET)
    assert {name for (method, _), name in doors.items() if method == "POST"} == set(POST)
    assert {method for method, _ in doors} == {"GET", "POST"}


@pytest.mark.parametrize("who", ROLES)
def test_each_role_gets_what_its_row_says(
    app: Flask, pictures: object, who: str, request: pytest.FixtureRequest
) -> None:
    for (method, path), endpoint in _doors(app).items():
        visitor: Visitor = request.getfixturevalue(who)
        before = visitor.client.get_cookie("launcher")
        answer = visitor.open(path) if method == "GET" else visitor.send(path)

        expected = (GET if method == "GET" else POST)[endpoint][ROLES.index(who)]
        assert answer.status_code == expected, f"{method} {path} as {who}"
        visitor.page = ""
        if before is not None:
            visitor.client.set_cookie("launcher", before.value)


@pytest.mark.parametrize("who", ROLES)
def test_what_changes_something_needs_the_token_of_a_page(
    app: Flask, pictures: object, who: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    for method, path in _doors(app):
        if method == "GET":
            continue
        for fields in ({}, {"csrf_token": "guessed"}):
            answer = visitor.client.post(path, data=fields)
            assert answer.status_code == 400, f"{path} as {who}"
            assert "This form is no longer valid" in answer.text


def test_the_token_of_somebody_else_does_not_do(ada: Visitor, ben: Visitor) -> None:
    ben.open("/account")
    ada.page = ben.page

    assert ada.send("/account/look", theme="dark").status_code == 400


def test_other_methods_are_refused_with_those_that_work(ada: Visitor) -> None:
    answer = ada.client.delete("/account", headers={"X-CSRFToken": "x"})
    assert answer.status_code in {400, 405}
    answer = ada.client.get("/account/password")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "This address cannot be used like that" in answer.text
