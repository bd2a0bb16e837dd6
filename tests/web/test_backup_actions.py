"""What an admin does to backups: make, verify, rehearse, protect, delete, one or several."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.background import process
from launcher.backup.errors import InsufficientSpaceError, StoreUnavailableError
from launcher.backup.locks import try_lock
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, State
from launcher.backup.records.operation import BulkResult, JournalEntry, Outcome, PartFailure
from launcher.backup.service import BackupService
from launcher.config import Config
from launcher.current import current_backups
from launcher.models.types import utc_now
from launcher.web.admin.backups import panel
from tests.conftest import ADA
from tests.support.operations import ended
from tests.web.visitor import Visitor

LIST = "/admin/backups"
NOBODY = "20261122T170000Z-k3f9q2"
HTMX = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{LIST}"}

Make = Callable[..., Backup]


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


@pytest.fixture
def make(service: BackupService) -> Make:
    """Make a backup at once; `protected` and `note` as given."""
    return lambda **how: service.create(by="ben", **how)


@contextmanager
def someone_busy(config: Config, *, verb: str = "restore", **more: object) -> Iterator[None]:
    """Ben restores, and holds the lock while he does."""
    state = {
        "operation_id": "b" * 16, "verb": verb, "by": "ben <b>",
        "started_at": (utc_now() - timedelta(minutes=3)).isoformat(), "stages": ["unpack", "check"],
        "stage": "unpack", "done": 7_200_000, "total": 11_800_000, "backup_id": "", "took_s": {},
        "facts": {},
    }  # fmt: skip
    (config.data_dir / "operation.json").write_text(json.dumps(state | more))
    lock = try_lock(config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    try:
        yield
    finally:
        (config.data_dir / "operation.json").unlink(missing_ok=True)
        os.close(lock)


def killed(config: Config, **state: object) -> None:
    """Leave what a process leaves that was killed in the middle of it."""
    with someone_busy(config, **state):  # type: ignore[arg-type]
        left = (config.data_dir / "operation.json").read_text()
    (config.data_dir / "operation.json").write_text(left)


def path(backup: Backup | str, verb: str) -> str:
    return f"{LIST}/{backup if isinstance(backup, str) else backup.id}/{verb}"


def said(visitor: Visitor) -> list[dict[str, object]]:
    """Return the messages that wait for the next page, and forget them."""
    with visitor.client.session_transaction() as session:
        return [message for _, message in session.pop("_flashes", [])]


def words_of(visitor: Visitor) -> str:
    """Return the texts of the messages that wait, with their details."""
    return " | ".join(" ".join([str(m["text"]), *m["details"]]) for m in said(visitor))  # type: ignore[misc]


def the_started(visitor: Visitor) -> str:
    with visitor.client.session_transaction() as session:
        return str(session["started"])


def poll(visitor: Visitor, *, seen: str = "", shown: str = "") -> TestResponse:
    return visitor.open(f"{LIST}/progress?seen={seen}&shown={shown}", HX_Request="true")


def last_id(service: BackupService) -> str:
    return service.journal(limit=1)[0].operation_id


def ids(service: BackupService) -> set[str]:
    return {backup.id for backup in service.list()}


# --- make --------------------------------------------------------------------------------


def test_a_backup_is_made_with_its_note_and_protection(
    ada: Visitor, service: BackupService
) -> None:
    answer = ada.send(LIST, note="Before the move", protect="on")

    assert (answer.status_code, answer.location) == (303, LIST)
    entry = ended(service, the_started(ada))
    backup = service.get(entry.backup_id)
    assert (backup.note, backup.protected, backup.created_by) == ("Before the move", True, "ada")


def test_a_note_is_cut_at_what_the_form_takes(ada: Visitor, service: BackupService) -> None:
    ada.send(LIST, note="n" * 300)

    assert len(service.get(ended(service, the_started(ada)).backup_id).note) == 200


def test_the_list_stays_as_it_was_filtered(ada: Visitor, make: Make) -> None:
    backup = make()

    page = f"http://localhost{LIST}?kind=manual&page=2"
    answer = ada.send_with({"Referer": page}, path(backup, "protect"))

    assert answer.location == f"{LIST}?kind=manual&page=2"


def test_a_form_leads_back_to_the_page_that_it_came_from(ada: Visitor, make: Make) -> None:
    backup = make()

    assert ada.send(path(backup, "protect"), next=f"{LIST}/{backup.id}").location == (
        f"{LIST}/{backup.id}"
    )
    assert ada.send(path(backup, "protect"), next="https://evil.example/").location == "/"


def test_who_is_busy_is_named_with_a_way_to_watch(ada: Visitor, config: Config) -> None:
    with someone_busy(config):
        answer = ada.send(LIST)

    assert answer.status_code == 409
    assert "Another operation is running" in answer.text
    assert "Restoring a backup, started by ben &lt;b&gt; <time" in answer.text
    assert "3 minutes ago</time>" in answer.text
    assert f'href="{LIST}/operations/{"b" * 16}"' in answer.text


def test_a_script_gets_the_same_as_a_notice(ada: Visitor, config: Config) -> None:
    with someone_busy(config, verb="create"):
        answer = ada.send_with(HTMX, LIST)

    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#problem"
    assert answer.headers["HX-Trigger"] == "backups-changed"
    assert "<html" not in answer.text
    assert "Creating a backup, started by ben" in answer.text
    assert f'href="{LIST}"' in answer.text


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="3 GB are needed"),
            507,
            "The disk is too full",
        ),
        (
            StoreUnavailableError(Reason.UNCLASSIFIED, sentence="it is <gone>"),
            503,
            "The backup folder cannot be used",
        ),
    ],
)
def test_what_cannot_begin_says_why(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, words: str
) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr(process, "start", refuse)

    answer = ada.send(LIST)

    assert answer.status_code == status
    assert words in answer.text
    assert "Go to backups" in answer.text
    assert "<gone>" not in answer.text


# --- watch -------------------------------------------------------------------------------


def test_nothing_new_is_nothing_to_send(ada: Visitor, service: BackupService) -> None:
    answer = poll(ada, seen=last_id(service))

    assert (answer.status_code, answer.data) == (204, b"")


def test_the_row_shows_who_does_what_and_how_far_it_is(
    ada: Visitor, config: Config, service: BackupService
) -> None:
    seen = last_id(service)
    with someone_busy(config, verb="create", stages=["copy", "compress"], stage="compress"):
        answer = poll(ada, seen=seen)

    assert answer.status_code == 200
    assert "HX-Trigger" not in answer.headers
    assert "Creating a backup, started by ben &lt;b&gt; <time" in answer.text
    assert "7.2 MB of 11.8 MB" in answer.text
    assert '<progress value="7200000" max="11800000"' in answer.text
    assert re.search(r'data-stage="done">.*Database copied', answer.text)
    assert re.search(r'aria-current="step">.*Compressing', answer.text)
    assert 'data-poll-s="1"' in answer.text
    assert f"shown={'b' * 16}" in answer.text


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("verify", "Verifying backups"), ("test_restore", "Testing a restore"),
        ("restore", "Restoring a backup"), ("upload", "Uploading a backup"),
        ("export", "Exporting a backup"), ("delete", "Deleting backups"),
        ("plan", "Planning a restore"), ("prune", "Removing old backups"),
    ],
)  # fmt: skip
def test_each_verb_has_its_words(ada: Visitor, config: Config, verb: str, words: str) -> None:
    with someone_busy(config, verb=verb, stages=[], stage=None, total=0):
        answer = poll(ada)

    assert words in answer.text
    assert ("/operations/" in answer.text) == (verb == "restore")


def test_what_has_no_known_size_shows_no_figure(ada: Visitor, config: Config) -> None:
    with someone_busy(config, total=0):
        answer = poll(ada)

    assert "<progress aria-label" in answer.text
    assert " of " not in re.sub(r"<[^>]*>", "", answer.text)


def test_a_poll_is_small(ada: Visitor, config: Config) -> None:
    with someone_busy(
        config, stages=["unpack", "check", "prepare", "safety", "replace", "confirm"]
    ):
        answer = poll(ada)

    assert len(gzip.compress(answer.data)) <= 1024


def test_an_end_is_said_once_and_refreshes_the_list(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    seen = last_id(service)
    make()

    answer = poll(ada, seen=seen, shown="b" * 16)

    assert answer.headers["HX-Trigger"] == "backups-changed"
    assert re.search(r"Backup created: [\d.,]+ kB in [\d.,]+ (ms|s)", answer.text)
    assert 'hx-swap-oob="beforeend"' in answer.text
    assert f"seen={last_id(service)}" in answer.text
    assert re.search(r'id="operation" hidden', answer.text)
    assert poll(ada, seen=last_id(service)).status_code == 204


def test_a_row_that_ended_without_a_trace_is_emptied(ada: Visitor, service: BackupService) -> None:
    answer = poll(ada, seen=last_id(service), shown="b" * 16)

    assert answer.status_code == 200
    assert "HX-Trigger" not in answer.headers
    assert 'id="operation" hidden' in answer.text


def test_every_tab_learns_of_it(ada: Visitor, service: BackupService, make: Make) -> None:
    seen = last_id(service)
    make()

    assert "Backup created" in poll(ada, seen=seen).text
    assert "Backup created" in poll(ada, seen=seen).text


def test_a_list_that_is_drawn_again_says_what_its_page_has_not_seen(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    seen = last_id(service)
    make()

    part = ada.client.get(LIST, headers=HTMX | {"Launcher-Seen": seen}).text

    assert "Backup created" in part
    again = ada.client.get(LIST, headers=HTMX | {"Launcher-Seen": last_id(service)}).text
    assert "Backup created" not in again


def test_what_ends_while_the_list_is_read_is_left_to_the_next_request(
    ada: Visitor, service: BackupService, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    seen, read = last_id(service), panel.assess

    def read_slowly(*args: object, **options: object) -> object:
        found = read(*args, **options)
        service.create(by="ben")
        return found

    monkeypatch.setattr(panel, "assess", read_slowly)
    part = ada.client.get(LIST, headers=HTMX | {"Launcher-Seen": seen}).text
    assert f'data-seen="{seen}"' in part
    assert "Backup created" not in part


def test_many_ends_are_reported_by_the_newest_few(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    seen = last_id(service)
    for _ in range(5):
        make()

    assert poll(ada, seen=seen).text.count('class="toast"') == 3


def test_what_one_did_oneself_is_not_reported_twice(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup = make()
    seen = last_id(service)
    ada.send(path(backup, "protect"))
    said(ada)

    answer = poll(ada, seen=seen)

    assert answer.headers["HX-Trigger"] == "backups-changed"
    assert "toast" not in answer.text


def test_what_someone_else_did_is_said_by_name(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    first, second = make(), make()
    seen = last_id(service)
    service.protect(first.id, by="ben")
    service.delete([second.id], by="<ben>")

    told = poll(ada, seen=seen).text

    assert "ben protected the backup of today, " in told
    assert "&lt;ben&gt; deleted the backup of today, " in told


def test_a_killed_backup_is_said_as_interrupted(
    ada: Visitor, config: Config, service: BackupService
) -> None:
    seen = last_id(service)
    killed(config, verb="create")

    answer = poll(ada, seen=seen, shown="b" * 16)

    assert "The backup was interrupted, because the process was stopped." in answer.text
    assert "No partial files remain." in answer.text
    assert 'data-state="bad"' in answer.text


def test_a_killed_restore_says_what_became_of_the_data(
    ada: Visitor, config: Config, service: BackupService
) -> None:
    seen = last_id(service)
    killed(config, verb="restore")

    answer = poll(ada, seen=seen)

    assert "The restore was interrupted. Your data is unchanged." in answer.text


def test_without_script_the_next_page_shows_how_it_ended(
    ada: Visitor, service: BackupService
) -> None:
    ada.send(LIST)
    ended(service, the_started(ada))

    assert "Backup created" in ada.open(LIST).text
    assert "Backup created" not in ada.open(LIST).text


def test_without_script_what_ends_while_the_page_is_drawn_is_said_by_the_next_one(
    ada: Visitor, service: BackupService, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, started, refresh = panel.assess, "b" * 16, '<noscript><meta http-equiv="refresh"'
    with ada.client.session_transaction() as session:
        session["started"] = started
    with ExitStack() as running, monkeypatch.context() as patch:
        running.enter_context(someone_busy(config, verb="create"))

        def read_when_ended(*args: object, **options: object) -> object:
            running.close()
            service.create(by="ada", operation_id=started)
            return read(*args, **options)

        patch.setattr(panel, "assess", read_when_ended)
        page = ada.open(LIST).text
    assert "Backup created" not in page
    assert refresh in page

    page = ada.open(LIST).text
    assert "Backup created" in page
    assert refresh not in page


def test_what_the_row_reported_is_not_reported_by_the_next_page(
    ada: Visitor, service: BackupService
) -> None:
    seen = last_id(service)
    ada.send(LIST)
    ended(service, the_started(ada))
    assert "Backup created" in poll(ada, seen=seen).text

    assert "Backup created" not in ada.open(LIST).text


def test_a_session_that_ended_is_led_to_sign_in(guest: Visitor) -> None:
    answer = guest.client.get(f"{LIST}/progress", headers=HTMX)

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == f"/login?next={LIST.replace('/', '%2F')}" or (
        answer.headers["HX-Redirect"].startswith("/login")
    )


def test_a_restore_that_holds_everybody_does_not_break_the_row(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.db.session.GATE_TIMEOUT_S", 0.1)
    gate = ada.client.application.extensions["launcher.gate"]
    with gate.closed():
        answer = ada.client.get(f"{LIST}/progress", headers=HTMX)

    assert (answer.status_code, answer.data) == (503, b"")
    assert answer.headers["HX-Reswap"] == "none"


# --- verify and rehearse -----------------------------------------------------------------


def run(
    visitor: Visitor, service: BackupService, backup: Backup, verb: str
) -> tuple[JournalEntry, str]:
    """Ask for it, wait for its end, and return that and what the row tells of it."""
    seen = last_id(service)
    answer = visitor.send(path(backup, verb))
    assert (answer.status_code, answer.location) == (303, LIST)
    entry = ended(service, the_started(visitor))
    return entry, poll(visitor, seen=seen).text


def test_a_good_backup_is_found_good(ada: Visitor, service: BackupService, make: Make) -> None:
    entry, told = run(ada, service, make(), "verify")

    assert (entry.outcome, entry.by) == (Outcome.SUCCEEDED, "ada")
    assert re.search(r"Backup of today, \d\d:\d\d verified: good", told)


def spoil(service: BackupService, backup: Backup) -> None:
    assert backup.file
    stored = service.store_path / backup.file.name
    stored.chmod(0o600)
    body = bytearray(stored.read_bytes())
    body[len(body) // 2] ^= 1
    stored.write_bytes(body)


def test_a_damaged_backup_is_found_damaged(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup = make()
    spoil(service, backup)

    _, told = run(ada, service, backup, "verify")

    assert re.search(r"The backup of today, \d\d:\d\d is damaged", told)
    assert 'data-state="bad"' in told
    assert service.get(backup.id).verification.state is State.DAMAGED


def test_a_restore_test_says_what_would_be_there(
    ada: Visitor, boards: None, service: BackupService, make: Make
) -> None:
    _, told = run(ada, service, make(), "test-restore")

    assert "7 apps, 3 boards and 3 users. Your data was not changed." in told


def test_a_restore_test_that_fails_says_why(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup = make()
    spoil(service, backup)

    _, told = run(ada, service, backup, "test-restore")

    assert "Restore test of the backup of today, " in told
    assert "This backup is damaged" in told


def test_what_is_not_there_is_not_found(ada: Visitor, service: BackupService) -> None:
    service.create(by="ben")

    for verb in ("verify", "test-restore", "protect", "unprotect", "delete"):
        for backup_id in (NOBODY, "latest", "..%2F..%2Fetc", "%3Cb%3E"):
            answer = ada.send(path(backup_id, verb))

            assert answer.status_code == 404, (verb, backup_id)
            if "%2F" not in backup_id:
                assert "There is no such backup" in answer.text
            assert "<b>" not in answer.text
    assert len(ids(service)) == 1


# --- protect -----------------------------------------------------------------------------


def test_protecting_says_so_and_can_be_undone(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup = make()

    assert ada.send(path(backup, "protect")).status_code == 303

    assert service.get(backup.id).protected
    (toast,) = said(ada)
    assert re.fullmatch(r"Backup of today, \d\d:\d\d protected", str(toast["text"]))
    ada.send(str(toast["undo_path"]))
    assert not service.get(backup.id).protected
    (toast,) = said(ada)
    assert "Protection removed from" in str(toast["text"])
    assert toast["undo_path"] == path(backup, "protect")


def test_a_toast_carries_its_way_back_as_a_form(app: Flask) -> None:
    with app.test_request_context():
        page = app.jinja_env.get_template("_toast.html").render(
            message={
                "severity": "warn", "text": "<b>", "details": ["<i>"], "undo_path": "/x",
                "undo_field": "unprotect", "undo_ids": ["1", "2"],
            }
        )  # fmt: skip

    assert '<form method="post" action="/x"' in page
    assert 'name="csrf_token"' in page
    assert page.count('name="id"') == 2
    assert 'name="unprotect"' in page
    assert "&lt;b&gt;" in page
    assert "&lt;i&gt;" in page
    assert 'data-state="warn"' in page


def test_a_toast_that_is_only_text_is_good_news(app: Flask) -> None:
    with app.test_request_context():
        page = app.jinja_env.get_template("_toast.html").render(message="Saved")

    assert 'data-state="ok"' in page
    assert "#mark-up" in page


def test_protecting_while_someone_is_busy_is_refused(
    ada: Visitor, config: Config, service: BackupService, make: Make
) -> None:
    backup = make()

    with someone_busy(config):
        answer = ada.send(path(backup, "protect"))

    assert answer.status_code == 409
    assert not service.get(backup.id).protected


@pytest.fixture
def stranger(service: BackupService, make: Make, tmp_path: Path) -> Backup:
    """A file that somebody put into the folder."""
    made = make()
    plain = service.export(made.id, tmp_path / "plain.db", by="test")
    service.delete([made.id], by="test")
    (service.store_path / "<old> server.db").write_bytes(plain.read_bytes())
    (found,) = service.list()
    return found


def test_a_file_of_strangers_has_to_be_verified_before_it_is_protected(
    ada: Visitor, service: BackupService, stranger: Backup
) -> None:
    answer = ada.send(path(stranger, "protect"))

    assert answer.status_code == 422
    assert "This file has to be checked first" in answer.text
    assert f'action="{path(stranger, "verify")}"' in answer.text

    run(ada, service, stranger, "verify")
    assert ada.send(path(stranger, "protect")).status_code == 303
    assert service.get(stranger.id).protected


# --- delete one --------------------------------------------------------------------------


def test_the_question_names_what_goes_and_what_remains(
    ada: Visitor, boards: None, make: Make
) -> None:
    make()
    backup = make(note="<script>alert(1)</script>")
    make()

    page = ada.open(path(backup, "delete")).text

    assert "Delete the backup of today, " in page
    assert "Contents: 7 apps, 3 boards and 3 users. Size: " in page
    assert "2 good backups remain." in page
    assert "The nearest are from today, " in page
    assert "You cannot undo this." in page
    assert "<script>alert" not in page
    assert page.count("autofocus") == 1
    assert re.search(r"autofocus>Keep backup</a>", page)
    assert 'name="word"' not in page


def test_a_script_gets_the_question_for_its_dialog(ada: Visitor, make: Make) -> None:
    backup, _ = make(), make()

    answer = ada.client.get(path(backup, "delete"), headers=HTMX)

    assert "<html" not in answer.text
    assert 'id="dialog-title"' in answer.text
    assert 'hx-target="#panel"' in answer.text
    assert answer.headers["HX-Retarget"] == "#dialog"


def test_a_question_changes_nothing(ada: Visitor, service: BackupService, make: Make) -> None:
    backup = make()
    ada.open(path(backup, "delete"))
    ada.open(f"{LIST}/delete?id={backup.id}")

    assert ids(service) == {backup.id}


def test_a_backup_is_deleted_by_name(ada: Visitor, service: BackupService, make: Make) -> None:
    backup, other = make(), make()

    ada.open(path(backup, "delete"))
    answer = ada.send(path(backup, "delete"))

    assert (answer.status_code, answer.location) == (303, LIST)
    assert ids(service) == {other.id}
    assert re.fullmatch(r"Backup of today, \d\d:\d\d deleted ?", words_of(ada))
    assert service.journal(limit=1)[0].by == "ada"


def test_a_protected_backup_stays_and_the_way_out_is_named(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup, _ = make(protected=True), make()

    asked = ada.open(path(backup, "delete"))
    answer = ada.send(path(backup, "delete"))

    assert asked.status_code == 200
    assert answer.status_code == 409
    for page in (asked, answer):
        assert "This backup is protected" in page.text
        assert f'formaction="{path(backup, "unprotect")}"' in page.text
        buttons = re.findall(r"<button[^>]*>(.*?)</button>", page.text, re.DOTALL)
        assert not [button for button in buttons if "Delete" in button]
    assert backup.id in ids(service)


def test_nothing_is_deleted_while_someone_restores(
    ada: Visitor, config: Config, service: BackupService, make: Make
) -> None:
    backup, _ = make(), make()

    with someone_busy(config):
        answer = ada.send(path(backup, "delete"))

    assert answer.status_code == 409
    assert "Restoring a backup, started by ben" in answer.text
    assert backup.id in ids(service)


def test_the_second_of_two_admins_learns_that_it_is_gone(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup, _ = make(), make()
    ada.open(path(backup, "delete"))
    service.delete([backup.id], by="ben")

    answer = ada.send_with(HTMX, path(backup, "delete"))

    assert answer.status_code == 404
    assert "There is no such backup" in answer.text
    assert answer.headers["HX-Trigger"] == "backups-changed"


def test_damaged_backups_and_files_of_strangers_can_be_deleted(
    ada: Visitor, service: BackupService, stranger: Backup, make: Make
) -> None:
    make()
    damaged = make()
    spoil(service, damaged)
    service.verify(damaged.id, by="test")

    page = ada.open(path(stranger, "delete")).text
    assert "This is the file &lt;old&gt; server.db in the backup folder." in page
    assert ada.send(path(stranger, "delete")).status_code == 303
    assert ada.send(path(damaged, "delete")).status_code == 303

    assert len(ids(service)) == 1


# --- the last good one -------------------------------------------------------------------


def test_the_last_good_one_asks_for_more(tired: Visitor, make: Make) -> None:
    page = tired.open(path(make(), "delete")).text

    assert "Delete the only good backup?" in page
    assert re.search(r"There will be no good backup until \w+", page)
    assert "It is safer to back up now, then delete this backup." in page
    assert "Enter “delete”" in page
    assert 'name="password"' in page


def test_without_a_schedule_no_next_one_is_promised(
    ada: Visitor, set_site: Callable[..., None], make: Make
) -> None:
    set_site(backup_enabled=False)

    assert "until you create one" in ada.open(path(make(), "delete")).text


def test_a_recent_password_is_not_asked_for_again(ada: Visitor, make: Make) -> None:
    assert 'name="password"' not in ada.open(path(make(), "delete")).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"word": "", "password": ADA.password}, "Enter “delete” to delete the backup."),
        ({"word": "löschen", "password": ADA.password}, "Enter “delete” to delete the backup."),
        ({"word": "delete"}, "Enter your password for this action."),
        ({"word": "delete", "password": "wrong"}, "The password is not correct."),
    ],
)
def test_a_wrong_word_or_password_keeps_the_last_good_one(
    tired: Visitor, service: BackupService, make: Make, fields: dict[str, str], words: str
) -> None:
    backup = make()
    tired.open(path(backup, "delete"))

    answer = tired.send(path(backup, "delete"), **fields)

    assert answer.status_code == 422
    assert words in answer.text
    assert ids(service) == {backup.id}


def test_word_and_password_delete_the_last_good_one(
    tired: Visitor, service: BackupService, make: Make
) -> None:
    backup = make()
    tired.open(path(backup, "delete"))

    answer = tired.send(path(backup, "delete"), word=" Delete ", password=ADA.password)

    assert answer.status_code == 303
    assert ids(service) == set()


def test_a_form_from_before_it_was_the_last_good_one_is_refused_with_how_it_is_now(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup, other = make(), make()
    ada.open(path(backup, "delete"))
    service.delete([other.id], by="ben")

    answer = ada.send_with(HTMX, path(backup, "delete"))

    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#dialog"
    assert "Something changed since you opened this page" in answer.text
    assert "Delete the only good backup?" in answer.text
    assert ids(service) == {backup.id}


def test_a_damaged_one_beside_no_good_one_needs_no_word(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    backup = make()
    spoil(service, backup)
    service.verify(backup.id, by="test")

    assert "There is no other good backup. Back up now." in ada.open(path(backup, "delete")).text
    assert ada.send(path(backup, "delete")).status_code == 303


# --- several at once ---------------------------------------------------------------------


def test_the_selected_are_protected_and_that_can_be_undone(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    first, second, third = make(), make(protected=True), make()

    answer = ada.send(f"{LIST}/selected", id=[first.id, second.id, third.id], protect="1")

    assert answer.status_code == 303
    assert all(backup.protected for backup in service.list())
    (toast,) = said(ada)
    assert toast["text"] == "2 backups protected"
    ada.send(str(toast["undo_path"]), id=toast["undo_ids"], unprotect="1")  # type: ignore[arg-type]
    assert {b.id for b in service.list() if b.protected} == {second.id}


def test_what_cannot_be_protected_is_named_and_does_not_stop_the_rest(
    ada: Visitor, service: BackupService, stranger: Backup, make: Make
) -> None:
    backup = make()

    ada.send(f"{LIST}/selected", id=[stranger.id, backup.id, NOBODY], protect="1")

    told = words_of(ada)
    assert "1 backup protected" in told
    assert re.search(r"today, \d\d:\d\d: not verified yet", told)
    assert "1 was already deleted" in told
    assert service.get(backup.id).protected


def test_nothing_selected_is_said(ada: Visitor) -> None:
    for button in ({"protect": "1"}, {"delete": "1"}):
        answer = ada.send(f"{LIST}/selected", **button)
        assert answer.status_code == 422
        assert "No backups selected" in answer.text
    assert ada.open(f"{LIST}/delete").status_code == 422


def test_too_many_at_once_are_refused(ada: Visitor) -> None:
    many = [f"20261122T{n:06}Z-k3f9q2" for n in range(1001)]

    answer = ada.send(f"{LIST}/selected", id=many, delete="1")

    assert answer.status_code == 422
    assert "Select at most 1,000 backups." in answer.text or "1000 backups" in answer.text


def test_backups_of_one_minute_differ_by_their_seconds_in_the_list_and_before_deletion(
    ada: Visitor, make: Make
) -> None:
    three = [make(), make(), make()]  # a minute may end between two of them, not twice
    is_older = three[0].created_at.minute == three[1].created_at.minute
    two = three[:2] if is_older else three[1:]
    made = [f"{each.created_at:%H:%M:%S}" for each in two]

    page = ada.open(LIST).text
    for time in made:
        assert re.search(rf'aria-label="Select[^"]*{time}"', page)
    page = ada.send(f"{LIST}/selected", id=[each.id for each in two], delete="1").text
    for time in made:
        assert f", {time}</time>" in page


def test_a_selection_is_named_before_it_goes(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    make()
    first, second = make(note="one"), make(note="<two>")
    kept = make(protected=True)

    page = ada.send(f"{LIST}/selected", id=[first.id, second.id, kept.id, NOBODY], delete="1").text

    assert "Delete 2 backups?" in page
    assert "<q>one</q>" in page
    assert "&lt;two&gt;" in page
    assert "will be kept, because it is protected." in page
    assert "1 of them is already deleted." in page
    assert "2 good backups remain." in page
    assert len(ids(service)) == 4


def test_the_selected_are_deleted_and_what_stays_is_named(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    rest, first, second, kept = make(), make(), make(), make(protected=True)

    answer = ada.send(f"{LIST}/delete", id=[first.id, second.id, kept.id, NOBODY, first.id])

    assert answer.status_code == 303
    assert ids(service) == {rest.id, kept.id}
    told = words_of(ada)
    assert "2 backups deleted" in told
    assert "kept, because it is protected" in told
    assert "1 was already deleted" in told


def test_what_fails_is_named_and_does_not_stop_the_rest(
    ada: Visitor, service: BackupService, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    first, second = make(), make()
    failure = PartFailure(
        second.id,
        "store_unavailable",
        Fault(Reason.UNCLASSIFIED, {"sentence": "the disk said <no>"}),
    )
    monkeypatch.setattr(
        BackupService, "delete", lambda *_, **__: BulkResult((first.id,), (failure,))
    )

    ada.send(f"{LIST}/delete", id=[first.id, second.id])

    (toast,) = said(ada)
    assert toast["severity"] == "warn"
    assert str(toast["text"]).startswith("Backup of today, ")
    assert "the disk said <no>" in str(toast["details"])


def test_a_selection_with_the_last_good_one_asks_for_the_word(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    first, second = make(), make()

    page = ada.send(f"{LIST}/selected", id=[first.id, second.id], delete="1").text
    assert "Delete the last good backups?" in page
    assert "Enter “delete”" in page

    assert ada.send(f"{LIST}/delete", id=[first.id, second.id]).status_code == 409
    assert ada.send(f"{LIST}/delete", id=[first.id, second.id], word="no").status_code == 422
    assert len(ids(service)) == 2
    assert ada.send(f"{LIST}/delete", id=[first.id, second.id], word="delete").status_code == 303
    assert ids(service) == set()


def test_when_nothing_of_it_can_go_nothing_is_asked(
    ada: Visitor, service: BackupService, make: Make
) -> None:
    first, second = make(protected=True), make(protected=True)

    answer = ada.send(f"{LIST}/delete", id=[first.id, second.id])

    assert answer.status_code == 409
    assert "None of these backups can be deleted" in answer.text
    assert len(ids(service)) == 2


def test_an_unknown_button_is_not_guessed_at(ada: Visitor, make: Make) -> None:
    assert ada.send(f"{LIST}/selected", id=make().id).status_code == 400


# What is grave asks for the password


def test_deleting_more_than_one_asks_for_the_password(
    tired: Visitor, service: BackupService, make: Make
) -> None:
    first, second, third = make(), make(), make()
    page = tired.open(f"{LIST}/delete?id={first.id}&id={second.id}").text
    assert 'name="password"' in page

    answer = tired.send(f"{LIST}/delete", id=[first.id, second.id])
    assert answer.status_code == 422
    assert "Enter your password for this action." in tired.page
    assert [each.id for each in service.list()] == [third.id, second.id, first.id]

    answer = tired.send(f"{LIST}/delete", id=[first.id, second.id], password=ADA.password)
    assert answer.status_code == 303
    assert [each.id for each in service.list()] == [third.id]


def test_deleting_one_after_the_other_asks_for_the_password_too(
    tired: Visitor, service: BackupService, make: Make
) -> None:
    first, second, third = make(), make(), make()
    assert 'name="password"' not in tired.open(path(first, "delete")).text
    assert tired.send(path(first, "delete")).status_code == 303

    assert 'name="password"' in tired.open(path(second, "delete")).text
    assert tired.send(path(second, "delete")).status_code == 422
    assert [each.id for each in service.list()] == [third.id, second.id]


def test_unprotecting_asks_for_the_password_and_then_goes_on(
    tired: Visitor, service: BackupService, make: Make
) -> None:
    backup = make(protected=True)
    page = f"{LIST}/{backup.id}"
    tired.open(page)

    answer = tired.send_with({"Referer": f"http://localhost{page}"}, path(backup, "unprotect"))
    assert answer.status_code == 422
    assert service.get(backup.id).protected

    answer = tired.confirm(ADA.password)
    assert (answer.status_code, answer.location) == (303, page)
    assert not service.get(backup.id).protected


def test_unprotecting_several_with_script_asks_in_the_dialog(
    tired: Visitor, service: BackupService, make: Make
) -> None:
    ids = [make(protected=True).id, make(protected=True).id]
    tired.open(f"{LIST}?kind=manual")

    answer = tired.send_with(
        HTMX | {"HX-Current-URL": f"http://localhost{LIST}?kind=manual"},
        f"{LIST}/selected", id=ids, unprotect="1",
    )  # fmt: skip
    assert answer.headers["HX-Retarget"] == "#dialog"
    assert answer.text.startswith("<form")
    assert 'id="dialog-title"' in answer.text

    answer = tired.confirm(ADA.password)
    assert (answer.status_code, answer.location) == (303, f"{LIST}?kind=manual")
    assert not [each for each in service.list() if each.protected]


def test_protecting_asks_for_nothing(tired: Visitor, make: Make) -> None:
    backup = make()
    tired.open(LIST)
    assert tired.send(path(backup, "protect")).status_code == 303
