"""`flask notifications`, and what `flask backup status` says is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from launcher.cli.shell import typist
from launcher.current import current_backups
from launcher.extensions import db
from launcher.models import AuditEvent
from tests.support.jobs import slots_count_since
from tests.support.receivers import Receiver

Run = Callable[..., Result]
SECRET = "sesame-open-wide"


@pytest.fixture
def app(unled_app: Flask) -> Flask:
    return unled_app


@pytest.fixture
def flask(app: Flask) -> Run:
    def run(*words: str, said: str = "", expect: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=words, input=said)
        assert result.exit_code == expect, result.output
        return result

    return run


def test_someone_is_added_tried_and_removed_and_the_address_is_never_seen(
    flask: Run, receiver: Receiver, data_dir: Path
) -> None:
    url = f"json://ada:{SECRET}@{receiver.place}/{SECRET}"
    made = flask("notifications", "add", "phone", "--url-stdin", said=f"{url}\n")
    seen = [made, flask("notifications", "list"), flask("notifications", "list", "--json")]
    seen.append(flask("notifications", "test", "phone"))

    assert "Test message" in json.loads(receiver.bodies[0])["title"]
    listed = json.loads(seen[2].stdout)["recipients"][0]
    assert listed["id"] == made.stdout.strip()
    assert listed["events"] == ["apps", "failure", "recovery"]
    assert listed["shown_url"] == f"json://ada:****@{receiver.place}/…"

    receiver.status = 403
    failed = flask("notifications", "test", listed["id"], expect=1)
    assert "rejected the message with status 403" in failed.stderr
    refused = flask("notifications", "add", "PHONE", "--url-stdin", said=f"{url}\n", expect=1)
    assert "has this name" in refused.stderr
    seen += [failed, refused, flask("notifications", "remove", "phone")]
    assert not any(SECRET in each.output for each in seen)
    assert SECRET not in (data_dir / "notifications.json").read_text()
    assert "No recipients" in flask("notifications", "list").stderr


def test_events_and_language_are_changed_and_the_address_is_kept(
    app: Flask, flask: Run, receiver: Receiver
) -> None:
    url = f"json://ada:{SECRET}@{receiver.place}/{SECRET}\n"
    flask(
        "notifications", "add", "phone", "--event", "failure", "--language", "ru", "--url-stdin",
        said=url,
    )  # fmt: skip
    flask("notifications", "change", "phone", "--event", "apps", "--language", "de")
    (listed,) = json.loads(flask("notifications", "list", "--json").stdout)["recipients"]
    assert (listed["events"], listed["language"]) == (["apps"], "de")
    flask("notifications", "test", "phone")
    assert "Testnachricht" in json.loads(receiver.bodies[0])["title"]

    flask("notifications", "change", "phone", "--name", "watch", "--language", "site")
    same = flask("notifications", "change", "watch", "--language", "site")
    assert "No changes to save" in same.stderr
    (listed,) = json.loads(flask("notifications", "list", "--json").stdout)["recipients"]
    assert (listed["name"], listed["events"], listed["language"]) == ("watch", ["apps"], "")
    with app.app_context():
        changed = AuditEvent.action == "recipient.update"
        kept = list(db.session.scalars(db.select(AuditEvent).where(changed)))
        assert [each.changes for each in kept] == [
            {"events": [["failure"], ["apps"]], "language": ["ru", "de"]},
            {"name": ["phone", "watch"], "language": ["de", ""]},
        ]


def test_an_address_that_will_not_do_is_refused_in_one_line(flask: Run) -> None:
    refused = flask("notifications", "add", "log", "--url-stdin", said="syslog://\n", expect=1)

    assert refused.stderr == "Error: this only reaches this server.\n"
    assert (
        "no address on stdin" in flask("notifications", "add", "x", "--url-stdin", expect=2).stderr
    )
    assert "no recipient of that name" in flask("notifications", "test", "x", expect=1).stderr


def test_a_heartbeat_and_the_address_of_the_site_are_set_and_taken_back(flask: Run) -> None:
    flask(
        "notifications",
        "heartbeat",
        "--url-stdin",
        "--start",
        said=f"https://hc.example/{SECRET}\n",
    )
    flask("notifications", "public-url", "https://home.example/")
    listed = flask("notifications", "list", "--json").stdout
    assert SECRET not in listed
    assert json.loads(listed)["heartbeat"]["shown_url"] == "https://hc.example/…"
    assert json.loads(listed)["heartbeat"]["pings_start"] is True
    assert json.loads(listed)["public_url"] == "https://home.example"

    flask("notifications", "heartbeat", "--off")
    flask("notifications", "public-url", "")
    assert json.loads(flask("notifications", "list", "--json").stdout)["heartbeat"] is None


def test_each_change_is_in_the_audit_log_with_who_typed_it_and_without_a_secret(
    app: Flask, flask: Run, receiver: Receiver
) -> None:
    url = f"json://ada:{SECRET}@{receiver.place}/{SECRET}\n"
    made = flask("notifications", "add", "phone", "--event", "failure", "--url-stdin", said=url)
    flask("notifications", "test", "phone")
    beat = f"https://hc.example/{SECRET}\n"
    flask("notifications", "heartbeat", "--url-stdin", "--start", said=beat)
    flask("notifications", "heartbeat", "--url-stdin", "--start", said=beat)  # nothing is different
    flask("notifications", "heartbeat", "--off")
    flask("notifications", "public-url", "https://home.example/")
    flask("notifications", "public-url", "https://home.example")
    flask("notifications", "remove", "phone")
    flask("notifications", "remove", "phone", expect=1)

    with app.app_context():
        of_notices = AuditEvent.action.startswith("recipient.")
        kept = list(db.session.scalars(db.select(AuditEvent).where(of_notices)))
        told = [(each.action, each.target_name, each.changes) for each in kept]
        assert {each.actor_name for each in kept} == {typist()}
        assert {each.target_id for each in kept} == {"", made.stdout.strip()}
    assert told == [
        ("recipient.create", "phone", {
            "events": [None, ["failure"]],
            "shown_url": [None, f"json://ada:****@{receiver.place}/…"],
        }),
        ("recipient.test", "phone", {"outcome": "succeeded"}),
        ("recipient.set_heartbeat", "", {
            "shown_url": [None, "https://hc.example/…"], "pings_start": [False, True],
        }),
        ("recipient.set_heartbeat", "", {
            "shown_url": ["https://hc.example/…", None], "pings_start": [True, False],
        }),
        ("recipient.set_public_url", "", {"public_url": ["", "https://home.example"]}),
        ("recipient.delete", "phone", {}),
    ]  # fmt: skip
    assert SECRET not in str(told)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "launcher.db is missing"),
        (b"", "launcher.db is empty"),
        (b"garbage" * 1000, "launcher.db: file is not a database"),
    ],
)
def test_a_lost_database_keeps_no_one_from_adding_recipients(
    flask: Run, receiver: Receiver, data_dir: Path, content: bytes | None, problem: str
) -> None:
    for path in data_dir.glob("launcher.db*"):
        path.unlink()
    if content is not None:
        (data_dir / "launcher.db").write_bytes(content)
    no_entry = f"No entry was added to the audit log: {problem}.\n"

    made = flask("notifications", "add", "phone", "--url-stdin", said=f"json://{receiver.place}/\n")
    assert no_entry in made.stderr
    assert "Recipient phone added" in made.stderr
    assert no_entry in flask("notifications", "test", "phone").stderr
    assert no_entry in flask("notifications", "public-url", "https://home.example").stderr
    assert no_entry in flask("notifications", "remove", made.stdout.strip()).stderr
    assert "No recipients" in flask("notifications", "list").stderr
    assert (data_dir / "launcher.db").exists() is (content is not None)


def test_status_says_what_is_wrong_and_to_whom_it_could_not_be_said(
    app: Flask, flask: Run, receiver: Receiver
) -> None:
    receiver.status = 500
    flask(
        "notifications", "add", "phone", "--url-stdin", said=f"json://{receiver.place}/{SECRET}\n"
    )
    with app.app_context():
        service = current_backups()
        made = service.create(by="ada")
        assert made.file
        path = service.store_path / made.file.name
        path.chmod(0o600)
        path.write_bytes(bytes(made.file.size_bytes))
        service.verify(made.id, by="ada")
    assert "backups are damaged, notified" in flask("notifications", "send").stdout
    said = flask("backup", "status", expect=12).stdout
    found = json.loads(flask("backup", "status", "--json", expect=12).stdout)["problems"]

    assert "1 backup is damaged" in said
    assert "could not be notified: phone" in said
    assert "the scheduler is not running" in said
    by_kind = {each["kind"]: each for each in found}
    assert by_kind["damaged"]["backup_ids"] == [made.id]
    assert by_kind["damaged"]["severity"] == "bad"
    assert by_kind["notifications_failing"]["recipients"] == ["phone"]
    assert found[0]["severity"] == "bad"
    assert SECRET not in said


def test_who_lets_cron_make_the_backups_is_notified_by_the_same_command(
    flask: Run, app: Flask, receiver: Receiver, data_dir: Path
) -> None:
    flask("notifications", "add", "phone", "--url-stdin", said=f"json://{receiver.place}/hook\n")
    beat = f"http://{receiver.place}/beat\n"
    flask("notifications", "heartbeat", "--url-stdin", "--start", said=beat)
    with app.app_context():
        current_backups().create(by="ada")
    flask("backup", "run-scheduled")
    slots_count_since(data_dir, datetime(2020, 1, 1, tzinfo=UTC))
    flask("backup", "run-scheduled")
    assert {path for path in receiver.paths if "beat" in path} == {"/beat/start", "/beat"}

    (data_dir / "backups").rename(data_dir / "elsewhere")
    (data_dir / "backups").write_text("no folder")
    flask("backup", "run-scheduled")
    assert "cannot be read" in json.loads(receiver.bodies[-1])["title"]
