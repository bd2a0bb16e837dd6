"""Who may do what: every door, every method, every role. A new door without a row here fails."""

from __future__ import annotations

import pytest
from flask import Flask

from launcher.background import process as process_
from launcher.jobs import process
from tests.web.visitor import Visitor

ROLES = ("guest", "chloe", "ben", "ada")
PATHS = {
    "assets.asset": "/assets/none.css",
    "start.board": "/b/attic",
    "start.media": f"/media/{'a' * 64}",
    "users.show": "/admin/users/2",
    "users.change_name": "/admin/users/2/name",
    "users.change_role": "/admin/users/2/role",
    "users.change_access": "/admin/users/2/access",
    "users.change_password": "/admin/users/2/password",
    "users.ask_to_delete": "/admin/users/2/delete",
    "users.delete": "/admin/users/2/delete",
    "backup.show": "/admin/backups/20261122T170000Z-k3f9q2",
    "backup.download": "/admin/backups/20261122T170000Z-k3f9q2/download",
    "jobs.run": "/admin/jobs/scrub/run",
}
# What GET and POST answer to a guest, a viewer, an editor (who owns the attic) and an admin.
# POSTs go without fields: 422 and 303 mean "let in", 302 "sign in first", 403 "not for you".
GET = {
    "health.healthz": (200, 200, 200, 200),
    "metrics.show": (404, 404, 404, 404),
    "assets.asset": (404, 404, 404, 404),
    "setup.show": (403, 403, 403, 403),
    "setup_restore.show_plan": (403, 403, 403, 403),
    "auth.sign_in": (200, 302, 302, 302),
    "account.show": (302, 200, 200, 200),
    "recent.ask": (302, 302, 302, 302),
    "start.home": (302, 200, 200, 200),
    "start.board": (302, 404, 200, 200),
    "start.media": (404, 200, 200, 200),
    "backups.show": (302, 403, 403, 200),
    "backup_actions.progress": (302, 403, 403, 200),
    "backup_actions.ask_delete": (302, 403, 403, 404),
    "backup_actions.ask_delete_selected": (302, 403, 403, 422),
    "schedules.show": (302, 403, 403, 200),
    "schedules.preview": (302, 403, 403, 200),
    "users.index": (302, 403, 403, 200),
    "users.new": (302, 403, 403, 200),
    "users.show": (302, 403, 403, 200),
    "users.ask_to_delete": (302, 403, 403, 200),
    "jobs.show": (302, 403, 403, 200),
    "jobs.progress": (302, 403, 403, 200),
    "notifications.index": (302, 403, 403, 200),
    "notifications.new": (302, 403, 403, 200),
    "notifications.show": (302, 403, 403, 404),
    "notifications.ask_to_remove": (302, 403, 403, 404),
    "notifications.show_heartbeat": (302, 403, 403, 200),
    "notifications.ask_to_remove_heartbeat": (302, 403, 403, 404),
    "notifications.show_site": (302, 403, 403, 200),
    "audit.show": (302, 403, 403, 200),
    "audit.operations": (302, 403, 403, 200),
    "backup.show": (302, 403, 403, 404),
    "backup.download": (302, 403, 403, 404),
    "restores.show_plan": (302, 403, 403, 404),
    "operations.show": (302, 403, 403, 404),
}
POST = {
    "setup.create_first_admin": (422, 422, 422, 422),
    "setup_restore.receive": (403, 403, 403, 403),
    "setup_restore.restore": (403, 403, 403, 403),
    "auth.create_session": (422, 422, 422, 422),
    "auth.sign_out": (303, 303, 303, 303),
    "account.change_appearance": (303, 303, 303, 303),
    "account.change_password": (302, 422, 422, 422),
    "recent.confirm": (302, 303, 303, 303),
    "backup_actions.create": (302, 403, 403, 303),
    "backup_actions.verify": (302, 403, 403, 404),
    "backup_actions.test_restore": (302, 403, 403, 404),
    "backup_actions.protect": (302, 403, 403, 404),
    "backup_actions.unprotect": (302, 403, 403, 404),
    "backup_actions.delete": (302, 403, 403, 404),
    "backup_actions.change_selected": (302, 403, 403, 422),
    "backup_actions.delete_selected": (302, 403, 403, 422),
    "schedules.save": (302, 403, 403, 409),
    "jobs.run": (302, 403, 403, 303),
    "users.create": (302, 403, 403, 422),
    "users.change_name": (302, 403, 403, 303),
    "users.change_role": (302, 403, 403, 422),
    "users.change_access": (302, 403, 403, 409),
    "users.change_password": (302, 403, 403, 200),
    "users.delete": (302, 403, 403, 409),
    "notifications.create": (302, 403, 403, 422),
    "notifications.change": (302, 403, 403, 404),
    "notifications.remove": (302, 403, 403, 404),
    "notifications.test": (302, 403, 403, 404),
    "notifications.set_heartbeat": (302, 403, 403, 409),
    "notifications.remove_heartbeat": (302, 403, 403, 404),
    "notifications.set_site": (302, 403, 403, 409),
    "uploads.receive": (302, 403, 403, 422),
    "restores.restore": (302, 403, 403, 404),
}
# Where the rights come before the token, since reading the form is what guests must not cause.
RIGHTS_FIRST = {"uploads.receive"}
LINK_FIRST = {"setup_restore.receive"}


@pytest.fixture(autouse=True)
def _nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may begin an operation is asked here, and not what it does."""
    monkeypatch.setattr(process_, "start", lambda *_, **__: None)
    monkeypatch.setattr(process, "run_now", lambda *_, **__: None)


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
        name, before = visitor.session_cookie
        answer = visitor.open(path) if method == "GET" else visitor.send(path)

        expected = (GET if method == "GET" else POST)[endpoint][ROLES.index(who)]
        assert answer.status_code == expected, f"{method} {path} as {who}"
        visitor.page = ""
        if before:
            visitor.client.set_cookie(name, before)


@pytest.mark.parametrize("who", ROLES)
def test_what_changes_something_needs_the_token_of_a_page(
    app: Flask, pictures: object, who: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    for (method, path), endpoint in _doors(app).items():
        is_refused = endpoint in LINK_FIRST or (endpoint in RIGHTS_FIRST and who != "ada")
        if method == "GET" or is_refused:
            continue
        for fields in ({}, {"csrf_token": "guessed"}):
            answer = visitor.client.post(path, data=fields)
            assert answer.status_code == 400, f"{path} as {who}"
            assert "This form is no longer valid" in answer.text


def test_the_token_of_somebody_else_does_not_do(ada: Visitor, ben: Visitor) -> None:
    ben.open("/account")
    ada.page = ben.page

    assert ada.send("/account/appearance", theme="dark").status_code == 400


def test_other_methods_are_refused_with_those_that_work(ada: Visitor) -> None:
    answer = ada.client.delete("/account", headers={"X-CSRFToken": "x"})
    assert answer.status_code in {400, 405}
    answer = ada.client.get("/account/password")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "This address cannot be used like that" in answer.text
