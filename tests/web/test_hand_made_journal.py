"""Whatever somebody wrote into the journal, or put in its place, the doors answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup.records.operation import Verb
from launcher.current import current_backups
from tests.conftest import MakeApp
from tests.web.visitor import Visitor

TOKEN = "m" * 40
LINE = {
    "operation_id": "0" * 15 + "1", "by": "ada", "outcome": "failed",
    "started_at": "2026-11-22T12:00:00Z", "ended_at": "2026-11-22T12:00:01Z", "backup_id": "",
    "error_code": "internal", "error": "it failed",
    "facts": {"took_s": {"copy": 1.5}, "size_bytes": 7, "kind": "manual"},
}  # fmt: skip
HUGE = 10**400


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app(metrics_token=TOKEN)
    with app.app_context():
        current_backups().initialise(by="test")
    return app


@pytest.mark.parametrize(
    "facts",
    [
        None,
        {"by": "\ud800", "error": "\udfff"},
        {"facts": {"took_s": {"copy": HUGE}}},
        {"facts": {"took_s": {"copy": 2**63 - 1, "check": 1.7e308}, "size_bytes": 2**63 - 1}},
        {"facts": {"took_s": {"copy": "soon"}, "stage": 7, "removed": 7, "kind": []}},
        {"facts": {"size_bytes": HUGE, "kind": "\ud800"}, "outcome": "succeeded"},
        {"facts": {"size_bytes": float("nan")}},
        {"details": {"needed_bytes": float("inf")}, "reason": "no_space"},
    ],
)
def test_every_door_answers(app: Flask, ada: Visitor, data_dir: Path, facts: object) -> None:
    path = data_dir / "journal.jsonl"
    path.unlink(missing_ok=True)
    if isinstance(facts, dict):
        lines = [json.dumps(LINE | {"verb": verb} | facts) for verb in Verb]
        path.write_text("\n".join(lines))
    else:
        path.mkdir()
    for page in ("/admin/backups", "/admin/audit/operations", "/admin/jobs"):
        assert ada.open(page).status_code == 200, ada.page
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    done = app.test_cli_runner().invoke(args=["backup", "status"])
    assert not done.exception or isinstance(done.exception, SystemExit), done.exception


def test_what_a_read_only_folder_changes_is_said_on_the_page_of_an_outcome(
    app: Flask, ada: Visitor, data_dir: Path
) -> None:
    with app.app_context():
        backup_id = current_backups().create(by="ada").id
    done = LINE | {"outcome": "succeeded", "error": "", "error_code": "", "backup_id": backup_id}
    verified = {"verb": "verify", "facts": {"state": "verified", "not_recorded": "read-only"}}
    restored = {
        "verb": "restore", "operation_id": "0" * 15 + "2",
        "facts": {"safety_id": backup_id, "kept_beside": "/srv/data/fallback", "rows": {}},
    }  # fmt: skip
    lines = [json.dumps(done | verb) for verb in (verified, restored)]
    (data_dir / "journal.jsonl").write_text("\n".join(lines))

    page = ada.open(f"/admin/backups/operations/{LINE['operation_id']}").text
    assert "so this result is only in the history" in page
    page = ada.open(f"/admin/backups/operations/{restored['operation_id']}").text
    assert "The safety backup is kept in <code>/srv/data/fallback</code>, because" in page
