"""A program lists backups, changes what is noted of them, and deletes them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from flask import Flask

from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.operation import Verb
from launcher.backup.service import BackupService
from launcher.current import current_backups
from launcher.models import TokenScope
from tests.support.api import Program, new_token


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def backup(service: BackupService) -> Backup:
    return service.create(by="ada", note="Before the upgrade")


@pytest.fixture
def five(service: BackupService) -> list[Backup]:
    """Five backups, the newest first."""
    return [service.create(by="ada") for _ in range(5)][::-1]


def limited(app: Flask, *scopes: TokenScope) -> Program:
    return Program(app, new_token(app, scopes=scopes))


def test_the_list_says_what_the_command_prints(
    app: Flask, program: Program, backup: Backup
) -> None:
    printed = json.loads(app.test_cli_runner().invoke(args=["backup", "list", "--json"]).stdout)

    page = program.get("/backups")

    assert printed[0]["copies"] == []
    for each in (*printed, *page["backups"]):
        for facts, name in ((each, "created_at"), (each["verification"], "at")):
            facts[name] = datetime.fromisoformat(facts[name])
    assert page == {"backups": printed, "next_cursor": None}
    assert page["backups"][0]["id"] == backup.id


def test_it_is_empty_when_there_are_none(program: Program) -> None:
    assert program.get("/backups") == {"backups": [], "next_cursor": None}


def test_no_backup_is_missed_or_seen_twice_while_others_come_and_go(
    program: Program, service: BackupService, five: list[Backup]
) -> None:
    first = program.get("/backups?limit=2")
    # The last of the page goes, and so does one that was not listed yet; another one comes.
    service.delete([five[1].id, five[2].id], by="ada")
    service.create(by="ada")

    second = program.get(f"/backups?limit=2&cursor={first['next_cursor']}")

    assert [each["id"] for each in first["backups"]] == [each.id for each in five[:2]]
    assert [each["id"] for each in second["backups"]] == [each.id for each in five[3:]]
    assert second["next_cursor"] is None


def test_it_can_be_limited_by_type_status_and_time(
    app: Flask, program: Program, service: BackupService, backup: Backup
) -> None:
    scheduled = service.create(by="schedule", kind=Kind.SCHEDULED)
    at = scheduled.created_at.isoformat().replace("+00:00", "Z")
    earlier = (backup.created_at - timedelta(hours=1)).isoformat().replace("+00:00", "Z")

    def ids(query: str) -> list[str]:
        return [each["id"] for each in program.get(f"/backups?{query}")["backups"]]

    assert ids("kind=scheduled") == [scheduled.id]
    assert ids("kind=manual&state=verified") == [backup.id]
    assert ids("state=damaged") == []
    assert ids(f"since={at}") == [scheduled.id]
    assert ids(f"until={at}") == [backup.id]
    assert ids(f"until={earlier}") == []
    assert len(ids("since=0001-01-01T00:00:00%2B14:00&until=9999-12-31T23:59:59-14:00")) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=monthly", "kind"),
        ("state=", "state"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("since=yesterday", "since"),
        ("since=0.5", "since"),
        ("until=-1e9", "until"),
        ("since=2026-11-22T00:00:00", "since"),
        ("cursor=20261122T020004Z-k3f9q2", "cursor"),
        ("cursor=../../secret", "cursor"),
        ("cursor=9999999999999999999_a", "cursor"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_wrong_filter_is_named(program: Program, query: str, field: str) -> None:
    answer = program("GET", f"/backups?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_field")
    assert answer.json["field"] == field


def test_latest_is_the_newest_good_one_wherever_an_id_is(
    program: Program, five: list[Backup]
) -> None:
    assert program.get("/backups/latest")["id"] == five[0].id
    assert program("PATCH", "/backups/latest", json={"note": "kept"}).json["id"] == five[0].id
    assert program("DELETE", "/backups/latest").status_code == 204
    assert program.get("/backups/latest")["id"] == five[1].id


@pytest.mark.parametrize("reference", ["latest", "20261122T020004Z-k3f9q2", "nothing"])
def test_a_backup_that_is_not_there_is_not_found(program: Program, reference: str) -> None:
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("GET", "/download"),
        ("POST", "/verify"), ("POST", "/test-restore"),
    ):  # fmt: skip
        answer = program(method, f"/backups/{reference}{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "backup_not_found"), path


@pytest.mark.parametrize(
    "reference", ["..%2F..%2Fsecret", "%2e%2e", "a" * 65, "a%00b", "ä", "latest%0a"]
)
def test_what_can_be_no_id_is_no_address(program: Program, reference: str) -> None:
    answer = program("GET", f"/backups/{reference}")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_note_is_changed_and_the_history_has_the_one_before(
    program: Program, service: BackupService, backup: Backup
) -> None:
    answer = program("PATCH", f"/backups/{backup.id}", json={"note": "After the upgrade"})

    assert answer.json["note"] == "After the upgrade"
    assert service.get(backup.id).note == "After the upgrade"
    assert service.get(backup.id).is_good, "its manifest is whole"
    [entry] = service.journal(verbs=(Verb.NOTE,))
    assert (entry.by, entry.backup_id) == ("ada (token script)", backup.id)
    assert entry.facts["note_before"] == "Before the upgrade"


def test_a_backup_is_protected_and_released(program: Program, backup: Backup) -> None:
    path = f"/backups/{backup.id}"
    assert program("PATCH", path, json={"protected": True}).json["protected"] is True
    answer = program("DELETE", f"{path}?last_good=true")
    assert (answer.status_code, answer.json["code"]) == (409, "backup_protected")
    assert program("PATCH", path, json={"protected": False}).json["protected"] is False


def test_what_is_so_already_begins_no_operation(
    program: Program, service: BackupService, backup: Backup
) -> None:
    before = len(service.journal())
    for change in ({}, {"note": backup.note}, {"protected": False}):
        assert program("PATCH", f"/backups/{backup.id}", json=change).status_code == 200
    assert len(service.journal()) == before


def test_to_remove_a_protection_takes_the_right_to_delete(
    app: Flask, cast: object, backup: Backup
) -> None:
    creator = limited(app, TokenScope.BACKUPS_CREATE)
    path = f"/backups/{backup.id}"
    assert creator("PATCH", path, json={"protected": True}).status_code == 200

    answer = creator("PATCH", path, json={"note": "x", "protected": False})

    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")
    assert answer.json["scope"] == "backups:delete"
    both = limited(app, TokenScope.BACKUPS_CREATE, TokenScope.BACKUPS_DELETE)
    assert both("PATCH", path, json={"protected": False}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": "x" * 201}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"note": None}, "note"),
        ({"protected": "yes"}, "protected"),
        ({"kind": "manual"}, "kind"),
    ],
)
def test_a_wrong_change_is_named_and_changes_nothing(
    program: Program, service: BackupService, backup: Backup, body: dict[str, object], field: str
) -> None:
    answer = program("PATCH", f"/backups/{backup.id}", json=body)
    assert (answer.status_code, answer.json["field"]) == (422, field)
    assert service.get(backup.id) == backup


def test_a_change_is_refused_when_another_came_before(program: Program, backup: Backup) -> None:
    path = f"/backups/{backup.id}"
    seen = {"If-Match": program("GET", path).headers["ETag"]}
    changed = program("PATCH", path, json={"note": "Ben"}, headers=seen)
    assert changed.status_code == 200

    for method, body in (("PATCH", {"json": {"note": "Ada"}}), ("DELETE", {})):
        answer = program(method, path, headers=seen, **body)
        assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")

    seen = {"If-Match": changed.headers["ETag"]}
    assert program("PATCH", path, json={"note": "Ada"}, headers=seen).status_code == 200


def test_the_last_good_one_is_deleted_only_on_request(
    program: Program, service: BackupService, backup: Backup
) -> None:
    answer = program("DELETE", f"/backups/{backup.id}")
    assert (answer.status_code, answer.json["code"]) == (409, "last_good_backup")
    assert service.get(backup.id) == backup

    assert program("DELETE", f"/backups/{backup.id}?last_good=true").status_code == 204
    assert service.list() == []


def test_a_file_that_was_never_verified_is_listed_but_not_changed(
    program: Program, service: BackupService, backup: Backup
) -> None:
    (service.store_path / "found.db").write_bytes(b"SQLite format 3\0")
    [found] = program.get("/backups?kind=external")["backups"]
    assert (found["note"], found["file"], found["database"]) == ("found.db", None, None)

    for method, path, more in (
        ("PATCH", "", {"json": {"note": "x"}}), ("GET", "/download", {}),
    ):  # fmt: skip
        answer = program(method, f"/backups/{found['id']}{path}", **more)
        assert (answer.status_code, answer.json["code"]) == (409, "backup_unverified")
    assert program("DELETE", f"/backups/{found['id']}").status_code == 204


def test_while_another_operation_runs_it_says_which(
    program: Program, service: BackupService, backup: Backup
) -> None:
    with service._operations.run(Verb.CREATE, by="ben"):
        answer = program("PATCH", f"/backups/{backup.id}", json={"note": "x"})
    assert (answer.status_code, answer.json["code"]) == (409, "operation_in_progress")
    assert answer.json["details"]["by"] == "ben"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/backups", TokenScope.BACKUPS_READ),
        ("GET", "/backups/latest", TokenScope.BACKUPS_READ),
        ("PATCH", "/backups/latest", TokenScope.BACKUPS_CREATE),
        ("DELETE", "/backups/latest", TokenScope.BACKUPS_DELETE),
        ("GET", "/backups/latest/download", TokenScope.BACKUPS_DOWNLOAD),
        ("POST", "/backups", TokenScope.BACKUPS_CREATE),
        ("POST", "/backups/latest/verify", TokenScope.BACKUPS_CREATE),
        ("POST", "/backups/latest/test-restore", TokenScope.BACKUPS_CREATE),
    ],
)
def test_every_other_scope_is_not_enough(
    app: Flask, cast: object, method: str, path: str, scope: TokenScope
) -> None:
    others = limited(app, *(each for each in TokenScope if each is not scope))
    takes_body = (method, path) in {("PATCH", "/backups/latest"), ("POST", "/backups")}
    answer = others(method, path, **({"json": {}} if takes_body else {}))
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


def test_pages_of_every_size_hold_the_same_backups(program: Program, five: list[Backup]) -> None:
    for limit in (1, 2, 5):
        found, cursor = [], ""
        while cursor is not None:
            page = program.get(f"/backups?limit={limit}&cursor={cursor}")
            found += [each["id"] for each in page["backups"]]
            cursor = page["next_cursor"]
        assert found == [each.id for each in five]
