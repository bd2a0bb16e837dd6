"""A data directory that an earlier version wrote is opened, listed and restored.

It was made before names of files, keys and values followed the glossary: four backups, one of them
damaged, a restore, runs of each job, a recipient, a heartbeat and an alert.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from flask import Flask

from launcher import migrations
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.operation import Outcome, Verb
from launcher.backup.service import BackupService
from launcher.current import current_backups, current_config
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.jobs.history import RunOutcome, runs
from launcher.models import App, AuditEvent
from launcher.monitoring.problems import ProblemKind
from launcher.notifications.memory import read_memory
from launcher.notifications.recipients import read_notification_settings
from tests.conftest import ADA, MakeApp
from tests.web.visitor import Visitor

ARCHIVE = Path(__file__).parents[1] / "support" / "data-of-november-2026.tar.xz"
DAMAGED, PROTECTED = "20261128T195326Z-kg7yhq", "20261128T195328Z-gb2j4m"
SCHEDULED, SAFETY = "20261128T195417Z-7k7twc", "20261128T195421Z-68r7h4"


@pytest.fixture
def app(data_dir: Path, make_app: MakeApp) -> Flask:
    """Our application, started on that directory."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(data_dir.parent, filter="data")
    data_dir.chmod(0o700)
    app = make_app(scheduler="off")
    done = app.test_cli_runner().invoke(args=["database", "upgrade"])
    assert done.exit_code == 0, done.stderr
    return app


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


def test_its_backups_are_listed_as_they_were(service: BackupService) -> None:
    newest, *listed = service.listing().backups
    assert newest.kind is Kind.UPGRADE
    assert [(each.id, each.kind, each.verification.state) for each in listed] == [
        (SAFETY, Kind.SAFETY, State.VERIFIED),
        (SCHEDULED, Kind.SCHEDULED, State.VERIFIED),
        (PROTECTED, Kind.MANUAL, State.VERIFIED),
        (DAMAGED, Kind.MANUAL, State.DAMAGED),
    ]
    assert [each.id for each in listed if each.protected] == [PROTECTED]
    assert listed[-1].note == "before I try things"
    assert listed[-1].verification.fault is not None
    assert "the compressed data is damaged" in str(listed[-1].verification.fault)


def test_each_good_one_can_be_restored_and_that_undone(app: Flask, service: BackupService) -> None:
    for backup_id in (PROTECTED, SCHEDULED, SAFETY):
        assert service.verify(backup_id, by="ada").is_good
        service.restore(backup_id, by="ada")
        with app.app_context():
            assert db.session.scalars(db.select(App.name)).all() == ["Jellyfin"]
            assert (
                db.session.connection()
                .exec_driver_sql("SELECT version_num FROM alembic_version")
                .scalar()
                == migrations.head()
            )
    service.undo(by="ada")
    with app.app_context():
        assert current_settings().site_name == "Home of ada"


def test_its_settings_and_its_audit_log_are_there(app: Flask) -> None:
    with app.app_context():
        site = current_settings()
        assert (site.site_name, site.backup_restore_test) == ("Home of ada", "daily")
        logged = {each.action: each for each in db.session.scalars(db.select(AuditEvent))}
    assert {"backup.test_restore", "recipient.create", "recipient.set_heartbeat"} <= set(logged)
    assert not [action for action in logged if action.startswith("notice.")]


def test_what_it_did_is_remembered(service: BackupService, data_dir: Path) -> None:
    entries = service.journal(limit=None)
    assert Verb.TEST_RESTORE in {entry.verb for entry in entries}
    (restored,) = [entry for entry in entries if entry.verb is Verb.RESTORE]
    assert (restored.outcome, restored.backup_id) == (Outcome.SUCCEEDED, SCHEDULED)
    done = runs(data_dir)
    assert done["restore-test"][0].outcome is RunOutcome.SUCCEEDED
    assert done["restore-test"][0].facts["backup_id"] == PROTECTED


def test_whom_it_notified_is_remembered(app: Flask, data_dir: Path) -> None:
    with app.app_context():
        config = current_config()
    known = read_notification_settings(config)
    assert [(each.name, each.url) for each in known.recipients] == [
        ("phone", "json://127.0.0.1:9/x")
    ]
    assert known.heartbeat is not None
    assert known.heartbeat.pings_start
    assert known.public_url == "https://home.example"
    memory = read_memory(config)
    assert ProblemKind.DAMAGED in {each.kind for each in memory.alerts.notified}
    assert memory.settings is not None
    assert (memory.settings.site_name, memory.settings.backup_restore_test) == (
        "Home of ada", "daily",
    )  # fmt: skip
    assert not [*data_dir.glob("notices.json"), *data_dir.glob("alarms.json")]


@pytest.mark.parametrize(
    "path",
    [
        "/", "/admin/backups", f"/admin/backups/{DAMAGED}", f"/admin/backups/{PROTECTED}/restore",
        "/admin/backups/schedule", "/admin/jobs", "/admin/notifications", "/admin/audit",
        "/admin/audit/operations",
    ],
)  # fmt: skip
def test_its_pages_open(app: Flask, path: str) -> None:
    ada = Visitor(app)
    ada.sign_in(ADA)
    assert ada.open(path).status_code == 200, ada.page
