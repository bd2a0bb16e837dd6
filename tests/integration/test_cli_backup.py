"""`flask backup` as an admin types it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.accounts import users
from launcher.audit import COMMAND_LINE
from launcher.backup.errors import StoreUnavailableError
from launcher.backup.locks import try_lock
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup
from launcher.backup.store.local import LocalStore
from launcher.cli.output import moment
from launcher.config import ROOT
from launcher.current import current_backups, current_offsite
from launcher.db.settings import change_settings
from launcher.models import Role
from tests.support.checks import set_check
from tests.support.folders import refuse_modes_and_links
from tests.support.hostile import slow_statistics
from tests.support.jobs import slots_count_since
from tests.support.offsite import folder_destination

Flask_ = Callable[..., Result]


def rows(data_dir: Path, table: str) -> int:
    connection = sqlite3.connect(data_dir / "launcher.db")
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def add_tag(data_dir: Path, name: str) -> None:
    connection = sqlite3.connect(data_dir / "launcher.db")
    connection.execute("INSERT INTO tags (name) VALUES (?)", (name,))
    connection.commit()
    connection.close()


def test_create_prints_the_new_id_alone_on_stdout(flask: Flask_) -> None:
    result = flask("create", "--note", "before the move")
    assert re.fullmatch(r"\d{8}T\d{6}Z-[a-z0-9]{6}\n", result.stdout)


def test_create_can_protect_and_print_json(flask: Flask_) -> None:
    made = json.loads(flask("create", "--protect", "--json").stdout)
    assert made["protected"] is True
    assert made["verification"]["state"] == "verified"
    assert made["contents"]["users"] == 3


def test_list_shows_the_newest_first_with_what_is_inside(flask: Flask_) -> None:
    first = flask("create", "--note", "one").stdout.strip()
    second = flask("create", "--note", "two").stdout.strip()
    lines = flask("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", second, first]
    assert "3 users" in lines[1]
    assert [each["id"] for each in json.loads(flask("list", "--json").stdout)] == [second, first]


def test_a_refused_file_has_its_reason_in_the_list_and_leaves_the_status_alone(
    flask: Flask_, data_dir: Path
) -> None:
    flask("create")
    safe = flask("status").stdout.splitlines()[0]
    found = data_dir / "backups" / "found.db"
    found.write_bytes((data_dir / "launcher.db").read_bytes())
    found.with_name("found.db-wal").write_bytes(b"\x37\x7f\x06\x82" + b"x" * 5000)
    (listed,) = (each for each in json.loads(flask("list", "--json").stdout) if not each["file"])
    flask("verify", listed["id"], expect=15)

    (line,) = (line for line in flask("list").stdout.splitlines() if listed["id"] in line)
    assert "refused" in line
    assert "found.db: found.db-wal is beside" in line
    assert flask("status").stdout.splitlines()[0] == safe


def test_an_empty_list_says_what_to_do(flask: Flask_) -> None:
    result = flask("list")
    assert result.stdout == ""
    assert "flask backup create" in result.stderr


def test_show_prints_manifest_contents_and_history(flask: Flask_) -> None:
    backup_id = flask("create", "--note", "a note").stdout.strip()
    shown = flask("show", "latest").stdout
    for part in (
        backup_id,
        "a note",
        "SHA-256",
        "users",
        "backup succeeded",
        "Created by: Launcher",
    ):
        assert part in shown


def test_a_note_cannot_speak_to_the_terminal(flask: Flask_) -> None:
    flask("create", "--note", "red \x1b[31m alert \x07")
    assert "\x1b" not in flask("list").stdout
    assert "\x1b" not in flask("show", "latest").stdout


def test_restore_brings_everything_back_and_undo_takes_it_back(
    flask: Flask_, data_dir: Path
) -> None:
    backup_id = flask("create").stdout.strip()
    add_tag(data_dir, "added later")
    plan = flask("restore", "latest", "--dry-run").stderr
    assert "Pages remain available. Changes wait for a moment.\n" in plan
    restored = flask("restore", "latest", "--yes")
    assert restored.stdout.strip() == backup_id
    assert re.search(r"Pages were held for 0\.\d\d s, changes for \d\.\d\d s\.", restored.stderr)
    assert rows(data_dir, "tags") == 0
    flask("undo", "--yes")
    assert rows(data_dir, "tags") == 1
    flask("undo", "--yes")
    assert rows(data_dir, "tags") == 0


def test_an_undo_whose_safety_backup_is_damaged_names_an_older_backup(
    flask: Flask_, data_dir: Path
) -> None:
    older = flask("create").stdout.strip()
    add_tag(data_dir, "added later")
    restored = flask("create").stdout.strip()
    flask("restore", restored, "--yes")
    newest = max((data_dir / "backups").glob("*.db.zst"), key=lambda path: path.stat().st_mtime)
    newest.chmod(0o600)
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    newest.write_bytes(data)

    said = flask("undo", "--yes", expect=90).stderr

    assert "Error: the last restore cannot be undone." in said
    assert f"flask backup restore {older}" in said
    assert restored not in said


def test_latest_is_never_the_safety_backup_of_a_restore(flask: Flask_, data_dir: Path) -> None:
    backup_id = flask("create").stdout.strip()
    add_tag(data_dir, "a mistake")
    for _ in range(2):  # a second try must not bring the mistake back
        assert flask("restore", "latest", "--yes").stdout.strip() == backup_id
        assert rows(data_dir, "tags") == 0


def test_a_dry_run_shows_the_plan_and_changes_nothing(flask: Flask_, data_dir: Path) -> None:
    flask("create")
    add_tag(data_dir, "added later")
    told = flask("restore", "latest", "--dry-run").stderr
    assert re.search(r"Tags\s+1\s+0\s+-1", told)
    assert "system_settings" not in told
    assert "Admins afterwards: ada" in told
    plan = json.loads(flask("restore", "latest", "--dry-run", "--json").stdout)
    assert {"table": "tags", "now": 1, "then": 0} in plan["rows"]
    assert rows(data_dir, "tags") == 1
    assert len(json.loads(flask("list", "--json").stdout)) == 1


def test_the_plan_speaks_of_things_and_their_values(flask: Flask_, data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute(
            "INSERT INTO apps (id, name, description, url, url_local, icon, letters, keywords,"
            " created_at, updated_at, revision) VALUES (1, 'Wiki', '', 'https://wiki.home.arpa',"
            " '', 'symbol:tv', '', '', '2026-11-20 12:00:00.000000',"
            " '2026-11-20 12:00:00.000000', 1)"
        )
        set_check(database, 1, headers='{"X-Key": "an old secret", "X-Site": "home"}')
    flask("create")
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("UPDATE apps SET url = 'https://new.home.arpa', icon = 'brand:wikijs'")
        database.execute(
            "UPDATE health_checks SET kind = 'tcp', verify = 'never',"
            ' headers = \'{"X-Key": "a new secret", "X-Site": "home"}\''
        )
        database.execute(
            "INSERT INTO maintenance_windows (app_id, days, starts_at_min, minutes)"
            " VALUES (1, '06', 180, 60)"
        )
        database.execute("UPDATE users SET role = 'viewer' WHERE username = 'ben'")
        database.execute("UPDATE system_settings SET guest_access = 1")
    plan = flask("restore", "latest", "--dry-run").stderr
    assert "  App Wiki\n    URL: https://new.home.arpa → https://wiki.home.arpa\n" in plan
    assert "    icon: brand wikijs → symbol tv\n" in plan
    assert "    kind of check: TCP port → Web (HTTP)\n" in plan
    assert "    verify the certificate: Never → For public addresses\n" in plan
    assert "    header values differ: X-Key\n" in plan
    assert "    maintenance: Monday and Sunday, 03:00 to 04:00 → none\n" in plan
    as_json = flask("restore", "latest", "--dry-run", "--json").stdout
    assert '"header_values"' in as_json
    assert "secret" not in plan + as_json
    assert "  User ben\n    role: viewer → editor\n" in plan
    assert "  Settings\n    guest_access: yes → no\n" in plan
    assert "Will be kept\n  Schedule: 0 3 * * *" in plan
    assert "Risk" not in plan


def test_the_plan_marks_who_gets_access_again(flask: Flask_, data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("UPDATE users SET role = 'admin' WHERE username IN ('ben')")
    flask("create")
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("UPDATE users SET is_active = 0 WHERE username != 'ada'")
    plan = flask("restore", "latest", "--dry-run").stderr
    assert "Risk: active admins again: ben\nRisk: able to sign in again: chloe\n" in plan
    facts = json.loads(flask("restore", "latest", "--dry-run", "--json").stdout)
    assert facts["admins_restored"] == ["ben"]


def test_restore_asks_no_one_when_no_one_is_there(flask: Flask_, data_dir: Path) -> None:
    flask("create")
    add_tag(data_dir, "added later")
    assert "--yes" in flask("restore", "latest", expect=2).stderr
    assert rows(data_dir, "tags") == 1


def test_restore_of_a_lost_database_needs_no_server(flask: Flask_, data_dir: Path) -> None:
    flask("create")
    for name in ("launcher.db", "launcher.db-wal", "launcher.db-shm"):
        (data_dir / name).unlink(missing_ok=True)
    assert "launcher.db is missing" in flask("create", expect=18).stderr
    plan = flask("restore", "latest", "--dry-run").stderr
    assert "Pages pause. Requests wait for a moment.\n" in plan
    restored = flask("restore", "latest", "--yes").stderr
    assert "Requests were held for 0." in restored
    assert rows(data_dir, "users") == 3


def test_restore_takes_a_file_from_anywhere(flask: Flask_, data_dir: Path, tmp_path: Path) -> None:
    flask("create")
    path = flask("export", "latest", str(tmp_path / "copy.db")).stdout.strip()
    add_tag(data_dir, "added later")
    flask("restore", path, "--yes")
    assert rows(data_dir, "tags") == 0


def test_the_schedule_set_here_is_kept_unless_asked_otherwise(app: Flask, flask: Flask_) -> None:
    flask("create")
    with app.app_context():
        change_settings({"backup_cron_expression": "30 4 * * *"}, actor=COMMAND_LINE)
    flask("restore", "latest", "--yes")
    assert "04:30" in flask("status").stdout
    flask("restore", "latest", "--yes", "--backup-schedule")
    assert "03:00" in flask("status").stdout


def test_a_backup_without_an_admin_takes_one_along(
    runner: FlaskCliRunner, app: Flask, data_dir: Path
) -> None:
    empty = runner.invoke(args=["backup", "create"]).stdout.strip()
    with app.app_context():
        users.create_user("ada", "a long password", role=Role.ADMIN, actor=COMMAND_LINE)
    refused = runner.invoke(args=["backup", "restore", empty, "--yes"])
    assert refused.exit_code == 15
    assert "--carry-account" in refused.stderr
    taken = runner.invoke(args=["backup", "restore", empty, "--yes", "--carry-account", "ada"])
    assert taken.exit_code == 0, taken.output
    assert rows(data_dir, "users") == 1


def test_verify_finds_a_flipped_bit_and_says_so_for_good(flask: Flask_, data_dir: Path) -> None:
    good = flask("create").stdout.strip()
    bad = flask("create").stdout.strip()
    path = data_dir / "backups" / f"launcher-{bad}.db.zst"
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    told = flask("verify", "--all", expect=90).stdout
    assert re.search(rf"{good}\s+verified", told)
    assert re.search(rf"{bad}\s+damaged", told)
    assert flask("restore", bad, "--yes", expect=90).stderr.startswith("Error: ")
    assert json.loads(flask("list", "--json").stdout)[0]["verification"]["state"] == "damaged"
    assert flask("restore", "latest", "--yes").stdout.strip() == good


def test_verify_wants_to_know_which(flask: Flask_) -> None:
    flask("verify", expect=2)
    flask("verify", "latest", "--all", expect=2)


def test_a_restore_test_tries_everything_and_changes_nothing(flask: Flask_, data_dir: Path) -> None:
    backup_id = flask("create").stdout.strip()
    add_tag(data_dir, "added later")
    tried = flask("test-restore", "latest")
    assert tried.stdout == f"{backup_id}  restore test passed\n"
    assert "signed out" not in tried.stderr
    assert "undo" not in tried.stderr
    assert rows(data_dir, "tags") == 1


def test_the_plan_promises_an_undo_only_where_there_is_one(flask: Flask_, data_dir: Path) -> None:
    flask("create")
    assert "`flask backup undo` restores it" in flask("restore", "latest", "--dry-run").stderr
    for path in data_dir.glob("launcher.db*"):
        path.unlink()
    plan = flask("restore", "latest", "--dry-run").stderr
    assert "you cannot undo this restore" in plan
    assert "signed out" in plan
    assert "flask backup undo" not in plan


def test_import_warns_of_a_second_file_that_did_not_come_and_names_a_folder(
    flask: Flask_, tmp_path: Path
) -> None:
    flask("create")
    path = Path(flask("export", "latest", str(tmp_path)).stdout.strip())
    path.chmod(0o600)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    for arguments in (("import", str(path)), ("restore", str(path), "--dry-run")):
        said = flask(*arguments).stderr
        assert "newest changes in a second file, with -wal at the end of its name" in said
    for verb in ("import", "restore"):
        assert "is a folder.\nGive the .db" in flask(verb, str(tmp_path), expect=17).stderr
        assert f"{Path.cwd()} is a folder." in flask(verb, "./", expect=17).stderr


def test_import_takes_a_plain_database_and_refuses_a_stranger(
    flask: Flask_, tmp_path: Path
) -> None:
    flask("create")
    path = flask("export", "latest", str(tmp_path)).stdout.strip()
    taken = json.loads(flask("import", path, "--note", "from the old server", "--json").stdout)
    assert (taken["kind"], taken["note"]) == ("upload", "from the old server")
    shown = flask("show", taken["id"]).stdout
    assert "Created by" not in shown, "an export does not say which Launcher made it"
    assert f"Schema:    {taken['schema_revision']}\n" in shown
    stranger = tmp_path / "stranger.db"
    connection = sqlite3.connect(stranger)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert "another application" in flask("import", str(stranger), expect=15).stderr
    (tmp_path / "empty.db").touch()
    assert "empty" in flask("import", str(tmp_path / "empty.db"), expect=17).stderr


@pytest.mark.slow
def test_a_file_that_computes_for_hours_is_refused_at_a_limit(
    flask: Flask_, tmp_path: Path
) -> None:
    """With the real limits, so it takes half a minute of processor time."""
    flask("create")
    path = Path(flask("export", "latest", str(tmp_path)).stdout.strip())
    path.chmod(0o600)
    slow_statistics(path)
    refused = flask("import", str(path), expect=19).stderr
    assert re.search(r"the check of the database was stopped at its limit of \d+ seconds", refused)
    assert "Do not use a file of unknown origin." in refused
    assert "All copies are on one disk" in flask("status").stdout.partition("\n")[0]


def test_export_never_overwrites(flask: Flask_, tmp_path: Path) -> None:
    flask("create")
    target = tmp_path / "copy.db"
    target.write_text("mine")
    refused = flask("export", "latest", str(target), expect=17).stderr
    assert f"{target} exists already" in refused
    assert "Choose another file name" in refused
    assert target.read_text() == "mine"
    target.unlink()
    path = flask("export", "latest", str(tmp_path)).stdout.strip()
    assert f"{path} exists already" in flask("export", "latest", str(tmp_path), expect=17).stderr
    assert not list(tmp_path.glob(".*.part"))


def test_a_protected_backup_has_to_be_unprotected_before_it_goes(flask: Flask_) -> None:
    backup_id = flask("create", "--protect").stdout.strip()
    assert "unprotect" in flask("delete", backup_id, "--yes", expect=16).stderr
    flask("unprotect", backup_id)
    flask("delete", backup_id, "--yes")
    flask("show", backup_id, expect=13)


@pytest.mark.parametrize("reference", ["../../no/such", "a\0b", "", "ü" * 50, "20261122T1700"])
def test_what_is_no_id_names_no_backup(flask: Flask_, reference: str) -> None:
    flask("show", reference, expect=13)
    flask("delete", reference, "--yes", expect=13)
    flask("restore", reference, "--yes", expect=13)


def test_prune_keeps_as_many_as_set_and_says_why(app: Flask, flask: Flask_, data_dir: Path) -> None:
    with app.app_context():
        change_settings({"backup_max_count": "2"}, actor=COMMAND_LINE)
        made = [_scheduled(day) for day in range(1, 5)]
    by_hand = flask("create").stdout.strip()
    told = flask("prune", "--dry-run").stdout
    assert re.search(rf"remove\s+{made[0]}", told)
    assert re.search(rf"keep\s+{made[3]}.*one of the newest", told)
    flask("prune")
    left = [each["id"] for each in json.loads(flask("list", "--json").stdout)]
    assert sorted(left) == sorted([by_hand, made[2], made[3]])
    assert flask("prune").stderr == "Retention removes nothing.\n"


def _scheduled(day: int) -> str:
    slot = datetime(2026, 11, day, 3, tzinfo=UTC)
    backup = current_backups().create_scheduled(slot, by="test")
    assert backup is not None
    return backup.id


def test_run_scheduled_has_nothing_to_make_up_for_at_first(flask: Flask_) -> None:
    first = flask("run-scheduled")
    assert first.stdout == ""
    assert "Nothing is due before" in first.stderr
    assert json.loads(flask("list", "--json").stdout) == []


def test_run_scheduled_uses_a_slot_once(flask: Flask_, app: Flask, data_dir: Path) -> None:
    flask("run-scheduled")
    slots_count_since(data_dir, datetime.now(UTC) - timedelta(days=10))
    done = flask("run-scheduled")
    (made,) = json.loads(flask("list", "--json").stdout)
    assert done.stdout == f"{made['id']}\n"
    assert "The scrub was due: succeeded." in done.stderr
    assert "The restore-test was due" in done.stderr
    again = flask("run-scheduled")
    assert again.stdout == ""
    assert "Nothing is due" in again.stderr
    with app.app_context():
        change_settings({"backup_enabled": "off"}, actor=COMMAND_LINE)
    assert "switched off" in flask("run-scheduled").stderr


def test_run_scheduled_copies_to_destinations(flask: Flask_, app: Flask, tmp_path: Path) -> None:
    backup = flask("create").stdout.strip()
    (tmp_path / "nas").mkdir()
    nas = current_offsite(app).add(folder_destination(tmp_path / "nas"), by="ada")
    assert "Copies at NAS were due: succeeded." in flask("run-scheduled").stderr
    assert [copy.id for copy in current_offsite(app).ledger(nas.id).copies] == [backup]
    assert "NAS" not in flask("run-scheduled").stderr


def test_run_scheduled_that_fails_says_why_and_is_no_success(flask: Flask_, data_dir: Path) -> None:
    flask("run-scheduled")
    slots_count_since(data_dir, datetime.now(UTC) - timedelta(days=2))
    (data_dir / "backups").rename(data_dir / "elsewhere")
    (data_dir / "backups").write_text("not a folder")
    failed = flask("run-scheduled", expect=10)
    assert failed.stderr.startswith("Error: could not")
    assert flask("run-scheduled").stdout == "", "the next try is ten minutes away"


def test_status_of_a_new_site_is_no_alarm_and_then_names_the_one_disk(flask: Flask_) -> None:
    assert flask("status").stdout.startswith("No backup yet: `flask backup create` creates one.")
    flask("create")
    told = flask("status").stdout
    assert told.startswith("All copies are on one disk: `flask destination add` adds")
    assert "Safe" not in told
    facts = json.loads(flask("status", "--json").stdout)
    assert (facts["severity"], facts["headline"]) == ("warn", "recent_good")
    assert facts["is_stale"] is False
    assert facts["counts"] == {"verified": 1, "unverified": 0, "damaged": 0}


def test_verify_says_that_its_result_could_not_be_recorded(
    flask: Flask_, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup_id = flask("create").stdout.strip()

    def refuse(_self: LocalStore, _backup: Backup) -> None:
        raise StoreUnavailableError(Reason.DISK_REFUSED, doing="write", detail="Read-only")

    monkeypatch.setattr(LocalStore, "update", refuse)
    done = flask("verify", "latest")
    assert done.stdout == f"{backup_id}  verified\n"
    assert "this status could not be recorded: could not write: Read-only." in done.stderr
    done = flask("verify", "latest", "--json")
    assert json.loads(done.stdout)["verified"][0]["id"] == backup_id
    assert "this status could not be recorded" in done.stderr


def test_a_backup_dated_in_the_future_is_marked_and_not_the_latest(
    flask: Flask_, data_dir: Path
) -> None:
    ahead, today = (flask("create").stdout.strip() for _ in range(2))
    store = LocalStore(data_dir / "backups")
    made = store.get(ahead)
    store.update(replace(made, created_at=made.created_at + timedelta(days=400)))
    assert flask("restore", "latest", "--dry-run").stdout.startswith(today)
    first, second = flask("list").stdout.splitlines()[1:]
    assert first.startswith(ahead)
    assert "verified, dated in the future" in first
    assert "future" not in second
    assert "in the future by the clock of this server" in flask("show", ahead).stdout
    assert "is in the future by the clock" in flask("restore", ahead, "--dry-run").stderr
    told = flask("status").stdout
    assert f"Last good backup: {moment(store.get(today).created_at)} {today}" in told
    assert "1 backup is dated in the future: check the clock of this server" in told


def test_status_says_once_that_every_user_can_read_the_backups(
    flask: Flask_, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a share of Windows, which shows 0755 for all that lies on it."""
    refuse_modes_and_links(monkeypatch)
    flask("create")
    monkeypatch.undo()
    assert "Readable by" not in flask("status").stdout
    monkeypatch.setattr("launcher.monitoring.snapshot.is_readable_by_all", lambda _path: True)
    told = flask("status").stdout
    assert told.startswith("All copies are on one disk")
    assert "every user of this machine; the disk keeps no file modes" in told
    assert json.loads(flask("status", "--json").stdout)["is_open_to_others"] is True


def test_status_tells_the_last_attempt_from_the_last_success(flask: Flask_, data_dir: Path) -> None:
    flask("create")
    staging = data_dir / "backups" / "staging"
    staging.rmdir()
    staging.write_text("not a folder")
    flask("create", expect=10)
    facts = json.loads(flask("status", "--json").stdout)
    assert facts["last_attempt_at"] > facts["last_success_at"]
    assert facts["last_attempt_error"]
    assert facts["next_run_at"] > facts["last_attempt_at"]
    assert facts["problems"]


def test_status_of_a_lost_database_names_the_loss_and_the_way_out(
    flask: Flask_, data_dir: Path
) -> None:
    flask("create")
    (data_dir / "launcher.db").write_bytes(b"garbage" * 100)
    told = flask("status", expect=18).stdout
    assert "not a database" in told
    assert "flask backup restore latest" in told


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_command_on_a_damaged_database_speaks_of_nothing_else(
    flask: Flask_, data_dir: Path, caplog: pytest.LogCaptureFixture, *, is_whole: bool
) -> None:
    flask("create")
    if is_whole:
        with sqlite3.connect(data_dir / "launcher.db") as live:
            live.execute("DROP TABLE audit_events")
        live.close()
    else:
        (data_dir / "launcher.db").write_bytes(b"garbage" * 100)
    for command in ("create", "verify latest", "restore latest --yes"):
        flask(*command.split(), expect=18 if command == "create" else 0)
        assert "audit entry" not in caplog.text, command


def test_busy_names_who_what_and_since_when(flask: Flask_, data_dir: Path) -> None:
    descriptor = try_lock(data_dir / "locks" / "operation", exclusive=True)
    assert descriptor is not None
    state = {
        "operation_id": "0" * 16, "verb": "restore", "by": "ada", "stages": [], "stage": None,
        "started_at": "2026-11-22T12:03:00+00:00", "done": 0, "total": 0, "backup_id": "",
        "facts": {},
    }  # fmt: skip
    (data_dir / "operation.json").write_text(json.dumps(state))
    told = flask("create", expect=11).stderr
    assert "busy: restore by ada since 12:03:00 UTC" in told
    os.close(descriptor)


def test_a_backup_folder_elsewhere_that_is_missing_is_not_made(
    make_app: Callable[..., Flask], app: Flask, tmp_path: Path
) -> None:
    elsewhere = make_app(backup_dir=str(tmp_path / "not-mounted"))
    result = elsewhere.test_cli_runner().invoke(args=["backup", "create"])
    assert result.exit_code == 10
    assert "not-mounted" in result.stderr
    assert not (tmp_path / "not-mounted").exists()


def test_every_command_has_help_and_the_group_lists_the_exit_codes(flask: Flask_) -> None:
    told = flask("--help").stdout
    assert " 90  the backup is damaged" in told
    for command in re.findall(r"^  ([a-z-]+)  ", told.split("Commands:")[1], re.MULTILINE):
        if not command.isdigit():
            assert len(flask(command, "--help").stdout.splitlines()) > 4


def test_on_a_terminal_it_draws_progress_and_asks_for_the_word(
    flask: Flask_, data_dir: Path
) -> None:
    flask("create")
    add_tag(data_dir, "added later")
    told, code = _type_into(data_dir, ["backup", "restore", "latest"], "no\r")
    assert "Type restore to continue" in told
    assert code == 1
    assert rows(data_dir, "tags") == 1
    told, code = _type_into(data_dir, ["backup", "restore", "latest"], "restore\r")
    assert code == 0, told
    assert re.search(r"1/5  Unpack and check\s+\[#{24}\]", told)
    assert "Replace" in told
    assert rows(data_dir, "tags") == 0


def _type_into(data_dir: Path, arguments: list[str], answer: str) -> tuple[str, int]:
    """Run a real `flask` on a terminal and answer its first question."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", *arguments],
        cwd=ROOT,
        env={**os.environ, "LAUNCHER_DATA_DIR": str(data_dir), "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    told = ""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        told += data.decode()
        if answer and "continue:" in told:
            os.write(master, answer.encode())
            answer = ""
    os.close(master)
    return told, process.wait(timeout=120)


def test_a_backup_command_does_not_wait_for_what_it_does_not_need(
    flask: Flask_, data_dir: Path
) -> None:
    flask("create")
    program = (
        "import sys\nfrom flask.cli import main\n"
        "sys.argv = ['flask', 'backup', 'create']\ntry: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted({'sqlalchemy', 'babel', 'alembic', 'wtforms'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "LAUNCHER_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    backup_id, imported = done.stdout.splitlines()
    assert re.fullmatch(r"\d{8}T\d{6}Z-[a-z0-9]{6}", backup_id)
    assert imported == ""
    connection = sqlite3.connect(data_dir / "launcher.db")
    target = connection.execute("SELECT target_id FROM audit_events ORDER BY id DESC").fetchone()
    connection.close()
    assert target == (backup_id,)
