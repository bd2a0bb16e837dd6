"""A program restores a backup, follows it to its end, and undoes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from launcher.audit import COMMAND_LINE
from launcher.background import process
from launcher.backup import BackupService, Gate
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Kind
from launcher.backup.records.operation import Verb
from launcher.db.session import database_context
from launcher.db.settings import change_settings
from launcher.models import TokenScope
from tests.support.api import new_token
from tests.support.caller import Caller
from tests.support.operations import ended


@pytest.fixture
def service(app: Flask) -> BackupService:
    kept: BackupService = app.extensions["launcher.background.service"]
    return kept


@pytest.fixture
def live(app: Flask) -> Path:
    path: Path = app.extensions["launcher.config"].database_path
    return path


@pytest.fixture
def older(cast: object, service: BackupService) -> str:
    """A backup from before the token."""
    return service.create(by="test").id


@pytest.fixture
def script(app: Flask, older: str) -> Caller:
    """A program of Ada's, whose token the backup does not have."""
    return Caller(app, new_token(app))


@pytest.fixture
def rename(app: Flask) -> Callable[[str], None]:
    def change(name: str) -> None:
        with app.app_context(), database_context():
            change_settings({"site_name": name}, actor=COMMAND_LINE)

    return change


def site_name(live: Path) -> str:
    with closing(sqlite3.connect(live)) as database:
        name: str = database.execute("SELECT site_name FROM system_settings").fetchone()[0]
    return name


# --- the plan ----------------------------------------------------------------------------


def test_the_plan_says_what_would_change_and_for_whom(
    script: Caller, older: str, rename: Callable[[str], None]
) -> None:
    rename("After")

    plan = script.get(f"/backups/{older}/plan")

    assert script.answer.status_code == 200, plan
    assert plan["backup_id"] == older
    assert script.answer.headers["ETag"] == f'"{plan["tag"]}"'
    assert (plan["site_name_now"], plan["site_name_then"]) == ("After", "Launcher")
    tokens = next(each for each in plan["rows"] if each["table"] == "api_tokens")
    assert tokens == {"table": "api_tokens", "now": 1, "then": 0}
    assert plan["signed_out"] == ["ada", "ben", "chloe"]
    assert plan["admins"] == ["ada"]
    assert len(plan["tokens_lost"]) == 1
    assert plan["tokens_lost"][0].startswith("script (lch_")
    assert plan["keeps_this_token"] is False
    assert plan["live_readable"] is True
    assert plan["live_problem"] is None


def test_a_token_that_the_backup_has_is_kept(script: Caller, service: BackupService) -> None:
    newer = service.create(by="test").id

    plan = script.get("/backups/latest/plan")

    assert plan["backup_id"] == newer
    assert plan["keeps_this_token"] is True
    assert plan["tokens_lost"] == []


def test_the_tag_of_a_plan_changes_with_the_data(
    script: Caller, older: str, rename: Callable[[str], None]
) -> None:
    tag = script.get(f"/backups/{older}/plan")["tag"]
    assert script.get(f"/backups/{older}/plan?keep_schedule=false")["tag"] == tag

    rename("After")

    assert script.get(f"/backups/{older}/plan")["tag"] != tag


def test_a_plan_shows_the_schedule_that_it_would_take(
    script: Caller, older: str, app: Flask
) -> None:
    with app.app_context(), database_context():
        change_settings({"backup_cron_expression": "30 4 * * 0"}, actor=COMMAND_LINE)

    kept = script.get(f"/backups/{older}/plan")
    taken = script.get(f"/backups/{older}/plan?keep_schedule=false")

    assert kept["schedule_then"]["backup_cron_expression"] == "30 4 * * 0"
    assert taken["schedule_then"]["backup_cron_expression"] == "0 3 * * *"
    assert taken["schedule_now"]["backup_cron_expression"] == "30 4 * * 0"


def test_a_damaged_backup_has_no_plan_and_is_not_restored(
    script: Caller, older: str, service: BackupService, app: Flask
) -> None:
    file = service.get(older).file
    assert file
    path = app.extensions["launcher.config"].backup_dir / file.name
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    script.get(f"/backups/{older}/plan")

    assert script.problem == (422, "verification_failed")
    assert script.answer.json["reason"] in {"checksum", "checksum_longer", "data_damaged"}

    script.post(f"/backups/{older}/restore", {"confirm": older})
    assert script.answer.status_code == 202
    entry = ended(service, script.answer.json["id"])
    assert entry.error_code == "verification_failed"
    found = script.get(f"/operations/{entry.operation_id}")
    assert found["state"] == "failed"
    assert found["stage"] == "unpack"
    assert found["error"]["code"] == "verification_failed"


def test_no_restore_waits_for_a_plan(
    script: Caller, older: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = BackupService.plan

    def plan(self: BackupService, *source: str, **choices: object) -> object:
        with Gate(app.extensions["launcher.config"].lock_dir, drain_timeout_s=1.0).closed():
            return usual(self, *source, **choices)

    monkeypatch.setattr(BackupService, "plan", plan)

    assert script.get(f"/backups/{older}/plan")["backup_id"] == older


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(4000), b""])
def test_a_file_that_is_no_backup_has_no_plan(
    script: Caller, app: Flask, service: BackupService, content: bytes
) -> None:
    (app.extensions["launcher.config"].backup_dir / "found.db").write_bytes(content)
    backup_id = next(each.id for each in service.list() if each.kind is Kind.EXTERNAL)

    script.get(f"/backups/{backup_id}/plan")

    assert script.answer.status_code == 422


@pytest.mark.parametrize("path", ["/backups/20200101T000000Z-aaaaaa", "/backups/nothing"])
def test_an_unknown_backup_is_not_found(script: Caller, path: str) -> None:
    script.get(f"{path}/plan")
    assert script.problem == (404, "backup_not_found")
    script.post(f"{path}/restore", {"confirm": "x"})
    assert script.problem == (404, "backup_not_found")


# --- the restore -------------------------------------------------------------------------


def test_a_program_restores_follows_and_undoes_although_its_token_is_gone(
    app: Flask, script: Caller, older: str, live: Path, rename: Callable[[str], None]
) -> None:
    rename("After")
    tag = script.get(f"/backups/{older}/plan")["tag"]

    begun = script.post(f"/backups/{older}/restore", {"confirm": older}, If_Match=f'"{tag}"')

    assert script.answer.status_code == 202, begun
    place = script.answer.headers["Location"].removeprefix("/api/v1")
    assert place == f"/operations/{begun['id']}"
    assert begun["verb"] == "restore"
    assert begun["by"] == "ada (token script)"
    assert begun["follow_token"].startswith("lcf_")
    follower = Caller(app, begun["follow_token"])
    while (found := follower.get(f"{place}?wait=10"))["state"] == "running":
        assert follower.answer.status_code == 200
    assert found["state"] == "succeeded", found
    assert found["backup_id"] == older
    assert 0 < found["held_seconds"] < found["changes_held_seconds"]
    assert found["visible_seconds"] is None
    assert found["data"] == "restored"
    assert found["error"] is None
    assert site_name(live) == "Launcher"

    script.get("/status")
    assert script.problem == (401, "token_invalid")
    follower.get("/status")
    assert follower.problem == (401, "token_invalid")
    with closing(sqlite3.connect(live)) as database:
        actors = database.execute(
            "SELECT actor_name FROM audit_events WHERE action = 'backup.restore'"
        ).fetchall()
    assert actors == [("ada (token script)",)]

    again = Caller(app, new_token(app, scopes=[TokenScope.BACKUPS_RESTORE]))
    undone = again.post("/undo", {"confirm": found["safety_backup_id"]})
    assert again.answer.status_code == 202, undone
    assert undone["verb"] == "restore"
    follower = Caller(app, undone["follow_token"])
    while follower.get(f"/operations/{undone['id']}?wait=10")["state"] == "running":
        pass
    assert site_name(live) == "After"
    assert script.get(f"/operations/{undone['id']}")["state"] == "succeeded"  # it is back


def test_a_restore_that_is_sent_again_with_its_key_is_followed_and_not_repeated(
    app: Flask, script: Caller, service: BackupService
) -> None:
    backup_id = service.create(by="test").id  # it has the token
    path, body = f"/backups/{backup_id}/restore", {"confirm": backup_id}
    first = script.post(path, body, Idempotency_Key="before-the-upgrade")
    ended(service, first["id"])

    second = script.post(path, body, Idempotency_Key="before-the-upgrade")

    assert script.answer.status_code == 202
    assert (second["id"], second["state"]) == (first["id"], "succeeded")
    assert len(service.journal(verbs={Verb.RESTORE})) == 1
    follower = Caller(app, second["follow_token"])
    assert follower.get(f"/operations/{first['id']}")["data"] == "restored"


def test_a_restore_begins_although_its_follow_token_cannot_be_kept(
    script: Caller, older: str, app: Flask, service: BackupService
) -> None:
    folder: Path = app.extensions["launcher.config"].following_dir
    folder.write_text("a file is in the way")

    begun = script.post(f"/backups/{older}/restore", {"confirm": older})

    assert script.answer.status_code == 202
    assert begun["follow_token"] == ""
    assert ended(service, begun["id"]).error == ""


def test_latest_is_confirmed_by_the_id_of_the_plan(
    script: Caller, older: str, service: BackupService
) -> None:
    script.post("/backups/latest/restore", {"confirm": "latest"})
    assert script.problem == (422, "confirm_mismatch")

    begun = script.post("/backups/latest/restore", {"confirm": older})

    assert script.answer.status_code == 202
    assert ended(service, begun["id"]).backup_id == older


@pytest.mark.parametrize("body", [{}, {"confirm": None}, {"confirm": "x", "force": True}])
def test_a_body_that_is_not_as_described_restores_nothing(
    script: Caller, older: str, service: BackupService, body: object
) -> None:
    script.post(f"/backups/{older}/restore", body)

    assert script.problem == (422, "invalid_field")
    assert not service.journal(verbs={Verb.RESTORE})


def test_a_wrong_confirmation_restores_nothing(
    script: Caller, older: str, service: BackupService
) -> None:
    script.post(f"/backups/{older}/restore", {"confirm": older[:-1]})

    assert script.problem == (422, "confirm_mismatch")
    assert not service.journal(verbs={Verb.RESTORE})


@pytest.mark.parametrize("sent", ['"0123"', "0123", "", 'W/"0123"', '"a", "b"'])
def test_a_plan_that_is_out_of_date_restores_nothing(
    script: Caller, older: str, service: BackupService, sent: str
) -> None:
    script.post(f"/backups/{older}/restore", {"confirm": older}, If_Match=sent)

    assert script.problem == (412, "plan_changed")
    assert not service.journal(verbs={Verb.RESTORE})


def test_a_change_of_the_data_makes_a_plan_out_of_date(
    script: Caller, older: str, rename: Callable[[str], None], service: BackupService
) -> None:
    tag = script.get(f"/backups/{older}/plan")["tag"]
    rename("After")

    script.post(f"/backups/{older}/restore", {"confirm": older}, If_Match=f'"{tag}"')

    assert script.problem == (412, "plan_changed")
    tag = script.get(f"/backups/{older}/plan")["tag"]
    begun = script.post(f"/backups/{older}/restore", {"confirm": older}, If_Match=tag)
    assert script.answer.status_code == 202, "a tag without its quotes is accepted too"
    ended(service, begun["id"])


def test_a_change_after_the_tag_was_compared_stops_the_restore(
    script: Caller,
    older: str,
    service: BackupService,
    live: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tag = script.get(f"/backups/{older}/plan")["tag"]
    launch = process.launch

    def launch_later(module: str, order: object) -> str:
        with closing(sqlite3.connect(live)) as database, database:
            database.execute("UPDATE system_settings SET site_name = 'Between'")
        return launch(module, order)

    monkeypatch.setattr(process, "launch", launch_later)
    begun = script.post(f"/backups/{older}/restore", {"confirm": older}, If_Match=f'"{tag}"')
    assert script.answer.status_code == 202, begun
    ended(service, begun["id"])
    last = service.journal(limit=1)[0]
    assert (last.verb, last.fault and last.fault.reason) == (Verb.RESTORE, Reason.LIVE_CHANGED)
    assert site_name(live) == "Between"


def test_the_schedule_of_the_backup_is_restored_when_asked_for(
    script: Caller, older: str, app: Flask, service: BackupService, live: Path
) -> None:
    with app.app_context(), database_context():
        change_settings({"backup_cron_expression": "30 4 * * 0"}, actor=COMMAND_LINE)

    body = {"confirm": older, "keep_schedule": False}
    ended(service, script.post(f"/backups/{older}/restore", body)["id"])

    with closing(sqlite3.connect(live)) as database:
        row = database.execute("SELECT backup_cron_expression FROM system_settings").fetchone()
    assert row == ("0 3 * * *",)


def test_of_two_restores_at_once_the_second_learns_which_one_runs(
    script: Caller, older: str, service: BackupService
) -> None:
    with service._operations.run(Verb.RESTORE, by="ben") as first:
        script.post(f"/backups/{older}/restore", {"confirm": older})

        assert script.problem == (409, "operation_in_progress")
        assert script.answer.json["operation"] == first.id
        assert "Retry-After" in script.answer.headers


def test_a_backup_without_an_admin_needs_the_account_to_be_carried(
    script: Caller, service: BackupService, live: Path, app: Flask
) -> None:
    _set_roles(live, "admin", "editor")
    backup_id = service.create(by="test").id
    _set_roles(live, "editor", "admin", only="ada")

    script.get(f"/backups/{backup_id}/plan")
    assert script.problem == (422, "incompatible_backup")
    assert script.answer.json["reason"] == "no_admin"
    assert "carry_account" in script.answer.json["detail"]

    plan = script.get(f"/backups/{backup_id}/plan?carry_account=true")
    assert plan["carried_account"] == "ada"
    assert plan["admins"] == ["ada"]
    body = {"confirm": backup_id, "carry_account": True}
    begun = script.post(f"/backups/{backup_id}/restore", body)
    assert ended(service, begun["id"]).error == ""
    script.get("/status")
    assert script.answer.status_code == (200 if plan["keeps_this_token"] else 401)


def test_without_a_restore_there_is_nothing_to_undo(script: Caller) -> None:
    script.post("/undo", {"confirm": "x"})

    assert script.problem == (404, "backup_not_found")
    assert script.answer.json["reason"] == "nothing_restored"


def test_an_undo_that_is_sent_again_does_not_undo_itself(
    script: Caller, older: str, app: Flask, service: BackupService
) -> None:
    service.restore(older, by="test")
    safety_id = service.undo_id()
    again = Caller(app, new_token(app))
    body = {"confirm": safety_id}
    ended(service, again.post("/undo", body)["id"])

    script.post("/undo", body)

    assert script.problem == (422, "confirm_mismatch")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/backups/latest/plan", TokenScope.BACKUPS_READ),
        ("POST", "/backups/latest/restore", TokenScope.BACKUPS_RESTORE),
        ("POST", "/undo", TokenScope.BACKUPS_RESTORE),
        ("GET", "/operations", TokenScope.STATUS),
        ("GET", "/operations/0123456789abcdef", TokenScope.STATUS),
    ],
)
def test_each_call_needs_its_scope(
    older: str, app: Flask, method: str, path: str, scope: TokenScope
) -> None:
    more = {"json": {"confirm": "x"}} if method == "POST" else {}
    others = Caller(app, new_token(app, scopes=set(TokenScope) - {scope}))
    refused = others(method, path, **more)
    assert (refused.status_code, refused.json["code"]) == (403, "scope_missing")
    assert Caller(app)(method, path, **more).status_code == 401
    own = Caller(app, new_token(app, scopes=[scope]))
    assert own(method, path, **more).status_code not in {401, 403}


def _set_roles(live: Path, old: str, new: str, *, only: str = "%") -> None:
    with closing(sqlite3.connect(live)) as database, database:
        database.execute(
            "UPDATE users SET role = ? WHERE role = ? AND username LIKE ?", (new, old, only)
        )
