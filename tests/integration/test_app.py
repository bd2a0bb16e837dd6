"""The application as a whole: it starts whatever the data is like, and trusts whom it is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask, request, session

from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.config import ConfigError
from launcher.current import current_backups
from launcher.db.connect import operation_recorder
from launcher.extensions import db
from launcher.models import AuditEvent
from launcher.models.types import utc_now
from tests.conftest import MakeApp


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 1000])
def test_it_starts_with_a_lost_or_damaged_database(
    make_app: MakeApp, data_dir: Path, content: bytes | None
) -> None:
    data_dir.mkdir()
    if content is not None:
        (data_dir / "launcher.db").write_bytes(content)
    with make_app().app_context():
        assert current_backups().live_problem()


def test_it_starts_with_the_backup_disk_unplugged(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(backup_dir=str(tmp_path / "mnt" / "backups"))
    assert app.extensions["launcher.config"].backup_dir == tmp_path / "mnt" / "backups"
    assert not (tmp_path / "mnt").exists()


def test_it_does_not_start_with_a_bad_setting(make_app: MakeApp) -> None:
    with pytest.raises(ConfigError, match="LAUNCHER_PROXY_HOPS"):
        make_app(proxy_hops="many")


@pytest.mark.parametrize(("scheme", "is_secure"), [("http", False), ("https", True)])
def test_the_session_cookie_is_secure_behind_tls(app: Flask, scheme: str, is_secure: bool) -> None:
    @app.get("/probe/session")
    def probe() -> str:
        session["seen"] = True
        return ""

    cookie = (
        app.test_client().get("/probe/session", base_url=f"{scheme}://host").headers["Set-Cookie"]
    )
    assert ("; Secure" in cookie) is is_secure
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("hops", "address"), [("0", "127.0.0.1"), ("1", "203.0.113.7"), ("2", "198.51.100.1")]
)
def test_a_forwarded_address_is_believed_for_as_many_hops_as_said(
    make_app: MakeApp, hops: str, address: str
) -> None:
    app = make_app(proxy_hops=hops)
    seen: list[str | None] = []

    @app.get("/probe/address")
    def probe() -> str:
        seen.append(request.remote_addr)
        return ""

    app.test_client().get(
        "/probe/address", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
    )
    assert seen == [address]


def test_what_backups_go_through_is_audited(app: Flask) -> None:
    with app.app_context():
        backup = current_backups().create(by="ada")
        event = db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
    assert (event.action, event.actor_name, event.target_id) == ("backup.create", "ada", backup.id)
    assert event.changes["outcome"] == "succeeded"


def test_an_operation_ends_well_though_its_audit_row_cannot_be_written(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()  # without a database
    now = utc_now()
    entry = JournalEntry("op", Verb.CREATE, "ada", now, now, Outcome.FAILED, error="no database")
    config = app.extensions["launcher.config"]
    record = operation_recorder(config.database_path, app.extensions["launcher.gate"])
    record(entry)
    assert not caplog.text, "a database that is lost is reported for itself"
    shutil.rmtree(config.lock_dir)
    config.lock_dir.touch()
    record(entry)
    assert "audit entry not kept" in caplog.text
