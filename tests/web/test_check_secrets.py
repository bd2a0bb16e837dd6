"""What is secret of a check: no page, program, metric or command gives it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.extensions import db
from launcher.models import App, CheckState, Health, HealthCheck
from launcher.models.health import CheckTarget
from launcher.models.types import utc_now
from tests.support.api import new_token
from tests.web.visitor import Visitor

SECRETS = ("HEADER7f3a", "AUTHORITY7f3a", "PASSWORD7f3a")
HEADERS, AUTHORITY, PASSWORD = SECRETS
PAGES = (
    "/", "/apps/1/check", "/apps/1/health", "/apps/1/health/brief", "/apps/1/edit",
    "/admin/health", "/admin/audit", "/admin/apps", f"/find?q={HEADERS[:4]}",
)  # fmt: skip

API = ("checks", "1/check", "1/check/history")


@pytest.fixture
def secretive(app: Flask, boards: None) -> Flask:
    """An app whose check has all three, as a restored file may hold them, and is down."""
    with app.app_context():
        found = db.session.get_one(App, 1)
        found.check = HealthCheck(
            headers={"Authorization": f"Bearer {HEADERS}"},
            headers_for="http://localhost:9",
            ca_pem=f"-----BEGIN CERTIFICATE-----\n{AUTHORITY}\n-----END CERTIFICATE-----",
            target=CheckTarget.OTHER,
            url=f"http://ada:{PASSWORD}@localhost:9/",
        )
        found.check_state = CheckState(
            state=Health.DOWN, since=utc_now(), error="refused", facts={"port": 9}
        )
        db.session.commit()
    return app


def require_none_of(secrets: tuple[str, ...], text: str, of: str) -> None:
    assert [each for each in secrets if each in text] == [], of


def test_no_page_gives_them_to_viewers_and_guests(
    secretive: Flask, chloe: Visitor, guest: Visitor
) -> None:
    for visitor in (chloe, guest):
        for path in PAGES:
            require_none_of(SECRETS, visitor.open(path).text, path)


def test_no_page_gives_header_values_and_authorities_to_editors_and_admins(
    secretive: Flask, ada: Visitor, ben: Visitor
) -> None:
    for visitor in (ada, ben):
        for path in PAGES:
            require_none_of((HEADERS, AUTHORITY), visitor.open(path).text, path)


def test_neither_programs_nor_metrics_are_given_them(secretive: Flask) -> None:
    bearer = {"Authorization": f"Bearer {new_token(secretive)}"}
    client = secretive.test_client()
    for path in (*(f"/api/v1/apps/{each}" for each in API), "/metrics"):
        answer = client.get(path, headers=bearer)
        assert answer.status_code == 200, path
        require_none_of(SECRETS, answer.text, path)


@pytest.mark.parametrize(
    "command",
    [[each, *more] for each in ("list", "show 1", "run 1") for more in ([], ["--json"])],
)
def test_no_command_prints_them(
    secretive: Flask, runner: FlaskCliRunner, command: list[str]
) -> None:
    result = runner.invoke(args=["check", *command[0].split(), *command[1:]])
    assert "Jellyfin" in result.output or "refused" in result.output
    require_none_of(SECRETS, result.output + str(result.exception), " ".join(command))
