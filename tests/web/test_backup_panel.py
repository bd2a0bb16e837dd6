"""The panel of backups: what an admin reads first, and the list of what is there."""

from __future__ import annotations

import html
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup.journal import Journal
from launcher.backup.manifest import write_manifest
from launcher.backup.records.backup import Backup, Kind, State, Verification
from launcher.backup.records.ids import new_backup_id, new_operation_id
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.current import current_backups, current_offsite
from launcher.monitoring import snapshot
from launcher.notifications import dispatch, recipients
from launcher.web.admin.backups import banner, panel
from tests.conftest import MakeApp
from tests.web.visitor import Visitor

PANEL = "/admin/backups"
NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)
"""A Sunday, 14:07 in Berlin."""


@dataclass
class Shelf:
    """The folder of backups and the journal, filled by hand: any number at any time."""

    folder: Path
    journal: Journal
    sample: Backup

    def put(
        self,
        ago: timedelta,
        kind: Kind = Kind.SCHEDULED,
        *,
        state: State = State.VERIFIED,
        error: str = "",
        **facts: object,
    ) -> Backup:
        """Put a backup on the shelf as if it had been made that long ago."""
        assert self.sample.file
        at = NOW - ago
        backup_id = new_backup_id(at)
        name = f"launcher-{backup_id}.db.zst"
        shutil.copy(self.folder / "sample", self.folder / name)
        backup = replace(
            self.sample, id=backup_id, kind=kind, created_at=at, created_by="schedule",
            file=replace(self.sample.file, name=name), note="",
            verification=Verification(state, at, error),
        )  # fmt: skip
        backup = replace(backup, **facts)  # type: ignore[arg-type]
        (self.folder / f"launcher-{backup_id}.json").write_bytes(write_manifest(backup))
        return backup

    def report(
        self,
        ago: timedelta,
        verb: Verb = Verb.CREATE,
        outcome: Outcome = Outcome.SUCCEEDED,
        *,
        code: str = "",
        backup_id: str = "",
        **facts: object,
    ) -> JournalEntry:
        """Write down what happened that long ago."""
        at = NOW - ago
        entry = JournalEntry(
            new_operation_id(), verb, "ada", at, at, outcome, backup_id, code,
            facts={"kind": Kind.SCHEDULED} | facts,
        )  # fmt: skip
        self.journal.append(entry)
        return entry


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "utc_now", lambda: NOW)
    monkeypatch.setattr(banner, "utc_now", lambda: NOW)
    monkeypatch.setattr(banner, "_PATIENCE_S", snapshot.PATIENCE_S)


@pytest.fixture(autouse=True)
def _site(app: Flask, set_site: Callable[..., None]) -> None:
    set_site(time_zone="Europe/Berlin")
    current_offsite(app).accept_one_disk("Tape every night", until=None, by="ada")


@pytest.fixture
def shelf(app: Flask, data_dir: Path) -> Shelf:
    with app.app_context():
        sample = current_backups().create(by="ada")
    folder = data_dir / "backups"
    assert sample.file
    (folder / sample.file.name).rename(folder / "sample")
    (folder / f"launcher-{sample.id}.json").unlink()
    (data_dir / "journal.jsonl").unlink()
    return Shelf(folder, Journal(data_dir / "journal.jsonl"), sample)


def text_of(markup: str) -> str:
    """Return what is read, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def between(page: str, begin: str, end: str) -> str:
    assert begin in page, begin
    return page.partition(begin)[2].partition(end)[0]


def answer(page: str) -> str:
    return text_of(between(page, 'class="answer"', "</section>").partition(">")[2])


def severity(page: str) -> str:
    return between(page, 'id="the-answer" data-state="', '"')


def problems(page: str) -> list[str]:
    return [text_of(each) for each in re.findall(r'<li class="problem".*?</li>', page, re.DOTALL)]


def rows(page: str) -> list[str]:
    return re.findall(r'<tr id="row-.*?</tr>', page, re.DOTALL)


def primary_buttons(page: str) -> list[str]:
    """Return the primary buttons that are seen at once: not those of what opens."""
    page = re.sub(r'<form class="menu menu-form".*?</form>', "", page, flags=re.DOTALL)
    found = re.findall(r'class="button [^"]*button-primary[^"]*"[^>]*>(.*?)</(?:a|button)>', page)
    return [text_of(each) for each in found]


# --- the answer first ------------------------------------------------------------------------


def test_a_recent_good_backup_is_good_news(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))

    assert ada.open(PANEL).status_code == 200
    assert severity(ada.page) == "ok"
    assert answer(ada.page) == (
        "Last good backup: 2 hours ago 1 copy of a recent good backup in 1 place, none off-site."
        " Verified. Next: tonight at 03:00 ."
    )
    assert problems(ada.page) == []
    assert primary_buttons(ada.page) == ["Back up now…"]
    assert '<span class="state" id="backups-mark"></span>' in ada.page


def test_a_backup_that_was_checked_again_says_when(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(20), verification=Verification(State.VERIFIED, NOW - hours(3)))

    ada.open(PANEL)

    assert "Verified, last today at 11:07." in answer(ada.page)


def test_without_any_backup_the_page_says_what_will_happen(ada: Visitor) -> None:
    ada.open(PANEL)

    assert answer(ada.page).startswith("No backup yet The first automatic backup will run tonight")
    assert severity(ada.page) == "warn"
    assert "Contents of a backup" in ada.page
    assert "Backups kept: the last 10 scheduled backups." in text_of(ada.page)
    assert primary_buttons(ada.page) == ["Back up now"]
    assert 'id="timeline"' not in ada.page


def test_without_schedule_and_backup_nothing_is_promised(
    ada: Visitor, set_site: Callable[..., None]
) -> None:
    set_site(backup_enabled=False)

    ada.open(PANEL)

    assert "Automatic backups are off." in answer(ada.page)


def test_a_schedule_that_let_too_much_time_pass_is_an_alarm(ada: Visitor, shelf: Shelf) -> None:
    last = shelf.put(timedelta(days=4, hours=11))

    ada.open(PANEL)

    assert severity(ada.page) == "bad"
    assert answer(ada.page).startswith(
        "No good backup for 4 days 1 copy of a recent good backup in 1 place, none off-site."
        " The last good backup, from"
    )
    assert f"/admin/backups/{last.id}/restore" in between(ada.page, 'id="the-answer"', "</section>")
    assert primary_buttons(ada.page) == ["Back up now…"]
    assert "needs attention" in ada.page


def test_how_long_is_too_long_is_a_setting(
    ada: Visitor, shelf: Shelf, set_site: Callable[..., None]
) -> None:
    shelf.put(hours(40))
    ada.open(PANEL)
    assert severity(ada.page) == "bad"

    set_site(backup_stale_after_h=48)

    ada.open(PANEL)
    assert severity(ada.page) == "ok"


def test_a_backup_of_a_wrong_clock_says_nothing_of_today(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(timedelta(days=4))
    shelf.put(-timedelta(days=400))

    ada.open(PANEL)

    assert severity(ada.page) == "bad"


def test_attempts_that_failed_are_reported_with_their_reason(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(26))
    shelf.report(hours(11), outcome=Outcome.FAILED, code="source_database")
    failed = shelf.report(hours(1), outcome=Outcome.FAILED, code="source_database")

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    assert "Last good backup: 1 day ago" in answer(ada.page)
    assert "1 problem needs attention." in answer(ada.page)
    (problem,) = problems(ada.page)
    assert problem.startswith("The last 2 backups failed Today, 13:07: The database")
    assert f"/admin/backups/operations/{failed.operation_id}" in ada.page


def test_what_failed_before_the_last_good_one_is_over(ada: Visitor, shelf: Shelf) -> None:
    shelf.report(hours(11), outcome=Outcome.FAILED, code="source_database")
    shelf.put(hours(2))

    ada.open(PANEL)

    assert severity(ada.page) == "ok"


def test_an_error_of_an_unknown_code_is_said_as_any(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))
    shelf.report(hours(1), outcome=Outcome.FAILED, code="invented")

    assert ada.open(PANEL).status_code == 200
    assert "Something went wrong" in problems(ada.page)[0]


def test_who_can_read_the_backups_is_said_where_modes_are_not_kept(
    ada: Visitor, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put(hours(2))
    assert "Readable by" not in ada.open(PANEL).text
    monkeypatch.setattr(snapshot, "is_readable_by_all", lambda _path: True)

    ada.open(PANEL)

    facts = text_of(between(ada.page, 'id="facts"', "</dl>"))
    assert "Readable by Every user of this machine" in facts
    assert severity(ada.page) == "ok"


def test_a_backup_from_the_future_is_marked_and_not_the_last_good_one(
    ada: Visitor, shelf: Shelf
) -> None:
    shelf.put(hours(2))
    shelf.put(hours(-24 * 400))

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    assert answer(ada.page).startswith("Last good backup: 2 hours ago")
    (problem,) = problems(ada.page)
    assert problem.startswith("1 backup is dated in the future")
    assert ["Dated in the future" in row for row in rows(ada.page)] == [True, False]


def test_nothing_but_backups_from_the_future_is_no_good_answer(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(-24 * 400))

    ada.open(PANEL)

    assert severity(ada.page) == "bad"
    assert answer(ada.page).startswith("Every good backup is dated in the future")


def test_a_damaged_backup_is_named_with_what_was_found(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))
    broken = shelf.put(hours(26))
    assert broken.file
    (shelf.folder / broken.file.name).unlink()

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    (problem,) = problems(ada.page)
    assert problem.startswith(
        "The backup from yesterday at 12:07 is damaged Problem found: its file is"
    )
    assert f'href="/admin/backups/{broken.id}">Show details' in ada.page
    damaged = rows(ada.page)[1]
    assert "Cannot be restored: its file is missing." in text_of(damaged)
    assert "Restore <" not in damaged


def test_several_damaged_backups_lead_to_their_list(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))
    for day in (1, 2, 3):
        shelf.put(timedelta(days=day), state=State.DAMAGED, error="who knows")

    ada.open(PANEL)

    assert problems(ada.page)[0].startswith("3 backups are damaged")
    assert "/admin/backups?state=damaged#list" in ada.page
    assert "3 of them damaged" in ada.page


def test_only_damaged_ones_are_no_good_backup(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2), state=State.DAMAGED, error="x")

    ada.open(PANEL)

    assert severity(ada.page) == "bad"
    assert answer(ada.page).startswith("There is no good backup")
    damaged, no_recipients = problems(ada.page)
    assert "No backup can be restored now. Check the disk." in damaged
    assert "Verify the others" not in damaged
    assert "No one is notified about problems" in no_recipients


def test_several_damaged_ones_and_no_other_leave_none_to_verify(ada: Visitor, shelf: Shelf) -> None:
    for age in (2, 26):
        shelf.put(hours(age), state=State.DAMAGED, error="x")

    ada.open(PANEL)

    assert "2 backups are damaged No backup can be restored now." in problems(ada.page)[0]
    assert "Verify the others" not in ada.page


def test_only_uploads_do_not_save_what_is_here_now(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2), Kind.UPLOAD)

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    assert answer(ada.page).startswith("Your current data is not backed up yet")


def test_a_file_that_someone_put_there_says_nothing_of_what_is_ours(
    ada: Visitor, shelf: Shelf, app: Flask
) -> None:
    shelf.put(hours(2))
    put_there = shelf.folder / "from-elsewhere.db"
    put_there.write_bytes(b"who knows")
    os.utime(put_there, (NOW.timestamp(), NOW.timestamp()))

    ada.open(PANEL)

    assert severity(ada.page) == "ok"
    assert answer(ada.page).startswith("Last good backup: ")
    row = text_of(rows(ada.page)[0])
    assert "Found in the folder from-elsewhere.db Contents not known yet" in row
    assert "Not verified yet Kept until you delete it" in row

    with app.app_context():
        (found,) = (each for each in current_backups().list() if each.file is None)
        current_backups().verify(found.id, by="ada")
    ada.open(PANEL)

    assert severity(ada.page) == "ok"
    row = text_of(rows(ada.page)[0])
    assert "Found in the folder from-elsewhere.db This is not a database" in row


def test_a_folder_that_is_away_is_named_with_a_way_out(make_app: MakeApp, ada: Visitor) -> None:
    away = make_app(backup_dir="/nowhere/at/all")
    visitor = Visitor(away)
    visitor.client = away.test_client()
    visitor.take_session(ada)

    assert visitor.open(PANEL).status_code == 200
    assert severity(visitor.page) == "bad"
    assert "/nowhere/at/all" in answer(visitor.page)
    assert primary_buttons(visitor.page) == ["Refresh"]
    assert 'id="backups"' not in visitor.page
    assert visitor.open(PANEL, HX_Request="true").status_code == 200
    assert visitor.open("/").status_code == 200
    assert "The backup folder cannot be read" in visitor.page


def test_a_folder_that_cannot_be_written_is_an_alarm_with_a_list(
    ada: Visitor, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.put(hours(2))
    monkeypatch.setattr(snapshot, "is_writable", lambda _folder: False)

    ada.open(PANEL)

    assert severity(ada.page) == "bad"
    assert problems(ada.page)[0].startswith("The backup folder cannot be written")
    assert primary_buttons(ada.page) == ["Refresh"]
    assert len(rows(ada.page)) == 1


def test_a_folder_that_lost_its_backups_is_no_new_start(ada: Visitor, shelf: Shelf) -> None:
    shelf.report(timedelta(days=60))

    ada.open(PANEL)

    assert severity(ada.page) == "bad"
    assert answer(ada.page).startswith("No backups left There were backups in")


def test_a_restore_too_says_that_there_were_backups(ada: Visitor, shelf: Shelf) -> None:
    shelf.report(timedelta(days=60), Verb.RESTORE)

    ada.open(PANEL)

    assert answer(ada.page).startswith("No backups left There were backups in")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the disk of the backups have that many bytes free."""

    def leave(free_bytes: int) -> None:
        real = snapshot.os.statvfs

        def told(path: Path) -> object:
            if path.name != "backups":
                return real(path)
            facts = list(real(path))
            facts[1], facts[2], facts[4] = 1, 10_000_000, free_bytes
            return type(real(path))(facts)

        monkeypatch.setattr(snapshot.os, "statvfs", told)

    return leave


def test_a_disk_too_full_for_the_next_one_is_an_alarm(
    ada: Visitor, shelf: Shelf, disk: Callable[[int], None]
) -> None:
    for day in range(30):
        shelf.put(hours(2 + 24 * day))
    disk(1000)

    ada.open(PANEL)

    assert severity(ada.page) == "bad"
    assert problems(ada.page)[0].startswith(
        "The next backup will not fit on the disk A backup temporarily needs"
    )
    assert primary_buttons(ada.page) == ["Free space…"]
    assert 'href="/admin/backups?page=2#list"' in ada.page
    assert "1 kB free: too low" in text_of(ada.page)
    assert "Will fail: not enough disk space" in ada.page


def test_a_disk_that_fills_up_is_worth_a_look(
    ada: Visitor, shelf: Shelf, disk: Callable[[int], None]
) -> None:
    assert shelf.sample.database
    shelf.put(hours(2))
    disk(shelf.sample.database.size_bytes * 2)

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    assert problems(ada.page)[0].startswith("Disk space is running low")


def test_an_attempt_without_room_says_whether_there_is_room_now(
    ada: Visitor, shelf: Shelf, disk: Callable[[int], None]
) -> None:
    shelf.put(hours(2))
    shelf.report(hours(1), outcome=Outcome.FAILED, code="insufficient_space")
    disk(9_000_000)

    ada.open(PANEL)

    assert "Today, 13:07: not enough space. Now 9 MB are free." in problems(ada.page)[0]
    assert primary_buttons(ada.page) == ["Back up now…"]


def test_backups_that_no_one_verified_for_a_month_are_said_and_lead_to_the_jobs(
    ada: Visitor, shelf: Shelf
) -> None:
    shelf.put(hours(2))
    shelf.put(timedelta(days=32))
    shelf.put(timedelta(days=40))

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    assert problems(ada.page) == [
        "2 backups not verified for over a month Damage could go"
        " unnoticed until you need these backups. Run “Verify older"
        " backups” on the Jobs page, or keep fewer backups. Show jobs"
    ]


def test_a_schedule_that_is_off_is_worth_a_look(
    ada: Visitor, shelf: Shelf, set_site: Callable[..., None]
) -> None:
    shelf.put(timedelta(days=20))
    set_site(backup_enabled=False)

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    assert problems(ada.page) == [
        "Automatic backups are off Nothing is backed up automatically,"
        " and no one is notified when the last backup is old. Turn on…"
    ]
    assert "Next:" not in answer(ada.page)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("unchanged", "Your data is unchanged. No partial files remain."),
        ("restored", "The backup was restored. Your data is complete."),
        ("unreadable", "The database could not be read afterwards."),
        ("", "No partial files remain, and your data is unchanged."),
    ],
)
def test_a_killed_operation_says_what_that_means(
    ada: Visitor, shelf: Shelf, data: str, words: str
) -> None:
    shelf.put(hours(2))
    shelf.report(hours(1), Verb.RESTORE, Outcome.INTERRUPTED, data=data)

    ada.open(PANEL)

    assert severity(ada.page) == "warn"
    assert words in problems(ada.page)[0]


def test_a_schedule_that_no_one_runs_is_said_there_and_on_the_start_page(
    make_app: MakeApp, ada: Visitor, shelf: Shelf
) -> None:
    shelf.put(hours(2))
    alone = Visitor(make_app())
    alone.take_session(ada)

    alone.open(PANEL)
    assert severity(alone.page) == "warn"
    assert problems(alone.page)[0].startswith("The scheduler is not running Automatic backups are")
    alone.open("/")
    assert "The scheduler is not running" in between(alone.page, 'id="banner"', "</aside>")


def test_who_cannot_be_notified_is_named(app: Flask, ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))
    config = app.extensions["launcher.config"]
    recipients.add_recipient(config, name="phone", url="json://127.0.0.1:1/")
    shelf.report(hours(1), outcome=Outcome.FAILED)
    shelf.report(hours(0.5), outcome=Outcome.FAILED)
    dispatch.send_notifications(app)  # the wall clock says that the last good one is too old

    ada.open(PANEL)
    assert any(each.startswith("phone cannot be reached") for each in problems(ada.page))


def test_a_restore_test_and_a_removal_that_failed_are_said(ada: Visitor, shelf: Shelf) -> None:
    made = shelf.put(hours(2))
    shelf.report(
        hours(1), Verb.TEST_RESTORE, Outcome.FAILED, code="verification_failed", backup_id=made.id
    )
    shelf.report(hours(1), Verb.PRUNE, removed=[], failed=["a", "b"])

    ada.open(PANEL)
    restore_test, clean_up = problems(ada.page)
    assert restore_test.startswith("The last restore test failed Today, 13:07: ")
    assert restore_test.endswith("Show details")
    assert clean_up.startswith("2 old backups could not be removed Launcher will try")


def test_a_scheduled_backup_that_was_killed_is_one_problem_and_not_two(
    ada: Visitor, shelf: Shelf
) -> None:
    shelf.put(hours(25))
    shelf.report(hours(1), outcome=Outcome.INTERRUPTED)

    ada.open(PANEL)
    (only,) = problems(ada.page)
    assert only.startswith("The last backup failed")
    assert "the process was stopped before it finished" in only


def test_a_restore_that_could_not_be_put_back_comes_first(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2), state=State.DAMAGED, error="x")
    shelf.put(hours(3))
    shelf.report(hours(1), Verb.RESTORE, Outcome.FAILED, code="revert_failed")

    ada.open(PANEL)

    assert [each.partition(",")[0] for each in problems(ada.page)] == [
        "The last restore stopped",
        "The backup from today at 12:07 is damaged Problem found: x. This backup cannot be"
        " restored. If more backups are damaged",
        "No one is notified about problems You only see problems here and"
        " on the start page. Add a recipient to be notified by phone or"
        " e-mail. Add recipient…",
    ]


# --- facts -----------------------------------------------------------------------------------


def test_the_facts_name_the_next_run_the_last_restore_test_and_the_space(
    ada: Visitor, shelf: Shelf
) -> None:
    backup = shelf.put(hours(2))
    shelf.put(timedelta(days=29))
    came_out = {"apps": 24, "boards": 3, "users": 2}
    shelf.report(hours(10), Verb.TEST_RESTORE, backup_id=backup.id, rows=came_out)

    ada.open(PANEL)

    facts = text_of(between(ada.page, 'id="facts"', "</dl>"))
    assert "Next backup Tonight, 03:00 Every day at 03:00. Change" in facts
    assert "Restore test Passed: today at 04:07 24 apps, 3 boards, 2 users" in facts
    assert "Backups 2 The oldest from 24 October" in facts
    assert re.search(r"Disk space [\d.]+ kB used, [\d.]+ GB free", facts)
    assert "Verified, restore tested" in rows(ada.page)[0]


def test_a_restore_test_that_failed_is_said(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))
    shelf.report(hours(40), Verb.TEST_RESTORE)
    shelf.report(hours(10), Verb.TEST_RESTORE, Outcome.FAILED, code="verification_failed")

    ada.open(PANEL)

    assert "Failed: today at 04:07" in ada.page


# --- the last weeks --------------------------------------------------------------------------


def picture(page: str) -> str:
    return between(page, 'id="timeline"', "</figure>")


def test_the_picture_has_a_mark_for_each_backup(ada: Visitor, shelf: Shelf) -> None:
    run = shelf.put(hours(11))
    shelf.put(hours(2), Kind.MANUAL)
    shelf.put(timedelta(days=2), state=State.DAMAGED, error="x")
    shelf.put(timedelta(days=3), Kind.UPLOAD, state=State.UNVERIFIED)
    shelf.put(timedelta(days=60))

    ada.open(PANEL)

    drawn = re.findall(
        r'x="([\d.]+)%" y="([\d.]+)"[^>]*? data-state="(\w+)" href="[^"]*#mark-(\w+)"', ada.page
    )
    assert [(shape, y, state) for _x, y, state, shape in drawn] == [
        ("damaged", "57.5", "damaged"),
        ("scheduled", "57.5", "verified"),
        ("upload", "26", "unverified"),
        ("manual", "26", "verified"),
    ]
    assert f'href="/admin/backups/{run.id}"><use' in picture(ada.page)
    xs = [float(x) for x, _y, _state, _shape in drawn]
    assert xs == sorted(xs[:2]) + sorted(xs[2:])
    assert "1 not verified. 1 damaged." in text_of(picture(ada.page))


@pytest.mark.parametrize(
    ("age", "since"),
    [(2, "16 November"), (8, "9 November"), (60, "19 October")],
    ids=["first week", "second week", "later"],
)
def test_the_picture_begins_with_the_week_of_the_first_backup(
    ada: Visitor, shelf: Shelf, age: int, since: str
) -> None:
    shelf.put(hours(11))
    shelf.put(timedelta(days=age))

    ada.open(PANEL)

    assert f"Backups since {since}." in text_of(picture(ada.page))


def test_a_backup_made_at_a_shell_names_its_author_in_the_language_of_the_reader(
    ada: Visitor, shelf: Shelf
) -> None:
    shelf.put(hours(2), Kind.MANUAL, created_by="root (command line)")

    page = ada.client.get(PANEL, headers={"Accept-Language": "de"}).text

    assert "root (Kommandozeile)" in text_of(page)


def test_a_run_whose_copy_is_gone_leaves_a_tick(ada: Visitor, shelf: Shelf) -> None:
    there = shelf.put(hours(11))
    shelf.report(hours(35), backup_id="20261121T020000Z-aaaaaa")
    shelf.report(hours(11), backup_id=there.id)

    ada.open(PANEL)

    assert re.search(r'class="gone" d="M\d+ 0v8"', picture(ada.page))
    assert "1 was removed by retention." in text_of(picture(ada.page))
    assert 'class="gap"' not in ada.page


def test_a_gap_is_tinted_with_its_length(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(timedelta(days=4, hours=1))

    ada.open(PANEL)

    assert picture(ada.page).count('class="gap"') == 1
    assert "4 days without" in picture(ada.page)
    assert "No backups since 18 November: 4 days." in text_of(picture(ada.page))


def test_an_old_gap_is_only_shown_where_the_journal_proves_it(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))
    shelf.put(timedelta(days=9))
    ada.open(PANEL)
    assert 'class="gap"' not in ada.page

    shelf.report(timedelta(days=20))
    ada.open(PANEL)
    assert picture(ada.page).count('class="gap"') == 2
    assert "No backups between 13 November and 22 November." in text_of(picture(ada.page))


def test_the_picture_stays_small_with_thousands_of_marks(ada: Visitor, shelf: Shelf) -> None:
    listing = [shelf.put(timedelta(minutes=41 * each)) for each in range(600)]
    broken = listing[300].file
    assert broken
    (shelf.folder / broken.name).unlink()

    ada.open(PANEL)

    assert picture(ada.page).count("<use ") < 170
    assert 'data-state="damaged"' in picture(ada.page)


# --- the list --------------------------------------------------------------------------------


def test_a_row_shows_when_why_what_and_how_long(ada: Visitor, shelf: Shelf) -> None:
    backup = shelf.put(
        hours(2), Kind.MANUAL, created_by="ada", protected=True, note="Before the move",
        contents={"apps": 24, "boards": 1, "users": 2},
    )  # fmt: skip

    ada.open(PANEL)

    (row,) = rows(ada.page)
    assert re.search(
        r"2 hours ago Today, 12:07 Manual, by Ada “Before the move” 24 apps, 1 board, 2 users "
        r"[\d.]+ kB Verified Protected: kept until you delete it Restore",
        text_of(row),
    ), text_of(row)
    assert 'title="22 November 2026, 12:07:00 CET"' in row
    assert f'href="/admin/backups/{backup.id}"' in row
    assert f'href="/admin/backups/{backup.id}/restore"' in row


def test_the_newest_comes_first(ada: Visitor, shelf: Shelf) -> None:
    made = [shelf.put(hours(hour)) for hour in (30, 2, 70)]

    ada.open(PANEL)

    ids = re.findall(r'<tr id="row-([^"]+)"', ada.page)
    assert ids == [made[1].id, made[0].id, made[2].id]


def test_what_launcher_noted_itself_is_said_in_words(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2), Kind.SAFETY, created_by="ada", before="20261115T020000Z-k3f9q2")
    shelf.put(hours(3), Kind.SAFETY, created_by="ada", before="old.db")
    shelf.put(hours(4), Kind.UPGRADE, before="0002")

    ada.open(PANEL)

    assert "Ada restored the backup from 15 November at 03:00" in rows(ada.page)[0]
    assert "Ada restored old.db" in rows(ada.page)[1]
    assert "To database version 0002" in rows(ada.page)[2]


def fates(page: str) -> list[str]:
    """Return the words on each row's future: the last small line of its state."""
    states = [row.partition('class="state"')[2].partition("</td>")[0] for row in rows(page)]
    return [text_of(state.rpartition('class="sub">')[2]) for state in states]


def test_how_long_a_backup_stays_is_what_retention_will_do(
    ada: Visitor, shelf: Shelf, set_site: Callable[..., None]
) -> None:
    set_site(backup_max_count=2, backup_keep_weekly=3, backup_keep_monthly=2)
    for day in (0, 1, 2, 7, 14, 21, 40):
        shelf.put(hours(11) + timedelta(days=day))
    shelf.put(hours(12), Kind.MANUAL)

    ada.open(PANEL)

    assert fates(ada.page) == [
        "One of the last 2 scheduled backups",
        "Kept until you delete it",
        "One of the last 2 scheduled backups",
        "Will be removed after the next scheduled backup",
        "Kept as weekly, at least until 30 November",
        "Kept as weekly, at least until 23 November",
        "Will be removed after the next scheduled backup",
        "Kept as monthly, at least until 1 December",
    ]


def test_the_last_good_one_is_said_to_stay(
    ada: Visitor, shelf: Shelf, set_site: Callable[..., None]
) -> None:
    set_site(backup_max_count=1)
    shelf.put(hours(3), state=State.UNVERIFIED)
    shelf.put(hours(11))

    ada.open(PANEL)

    assert fates(ada.page) == [
        "Kept until newer good backups replace it",
        "The last scheduled backup",
    ]


def test_hostile_notes_and_names_are_only_text(ada: Visitor, shelf: Shelf) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    shelf.put(hours(2), Kind.MANUAL, note=evil, created_by=evil)
    shelf.put(hours(3), Kind.UPLOAD, note=evil, created_by="' onclick=alert(1)")
    shelf.put(hours(4), state=State.DAMAGED, error=evil)
    (shelf.folder / "<img src=x onerror=alert(1)>.db").write_bytes(b"x")

    ada.open(PANEL)

    assert len(rows(ada.page)) == 4
    assert "<script>alert" not in ada.page
    assert "<img" not in ada.page
    assert "alert(1)" in text_of(rows(ada.page)[1])


@pytest.fixture
def many(shelf: Shelf) -> Shelf:
    for each in range(60):
        kind = Kind.MANUAL if each % 10 == 0 else Kind.SCHEDULED
        state = State.DAMAGED if each == 59 else State.VERIFIED
        shelf.put(hours(2 + each), kind, state=state, error="x" if each == 59 else "")
    return shelf


def pager(page: str) -> str:
    return text_of(between(page, 'id="pager"', "</nav>").partition(">")[2])


def test_a_long_list_has_pages(ada: Visitor, many: Shelf) -> None:
    ada.open(PANEL)
    assert pager(ada.page) == "1 to 20 of 60 Older"
    assert len(rows(ada.page)) == 20

    ada.open(f"{PANEL}?page=2")
    assert pager(ada.page) == "21 to 40 of 60 Newer Older"
    assert "page=3#list" in ada.page

    ada.open(f"{PANEL}?page=3")
    assert pager(ada.page) == "41 to 60 of 60 Newer"


@pytest.mark.parametrize("page", ["4", "999", "9999999"])
def test_beyond_the_end_lies_the_last_page(ada: Visitor, many: Shelf, page: str) -> None:
    assert ada.open(f"{PANEL}?page={page}").status_code == 200
    assert pager(ada.page) == "41 to 60 of 60 Newer"


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page=²", "page=99999999999999", "kind=x", "state=%00"]
)
def test_nonsense_in_the_address_asks_for_nothing(ada: Visitor, many: Shelf, query: str) -> None:
    assert ada.open(f"{PANEL}?{query}").status_code == 200
    assert pager(ada.page) == "1 to 20 of 60 Older"


def test_the_list_is_filtered_by_kind_and_state(ada: Visitor, many: Shelf) -> None:
    ada.open(f"{PANEL}?kind=manual&state=")
    assert "6 of 60 backups" in ada.page
    assert len(rows(ada.page)) == 6
    assert '<option value="manual" selected>' in ada.page

    ada.open(f"{PANEL}?kind=scheduled&page=2")
    assert pager(ada.page) == "21 to 40 of 54 Newer Older"
    assert "kind=scheduled&amp;page=3#list" in ada.page

    ada.open(f"{PANEL}?state=damaged")
    assert len(rows(ada.page)) == 1


def test_a_filter_that_finds_nothing_leads_back(ada: Visitor, many: Shelf) -> None:
    ada.open(f"{PANEL}?kind=upgrade")

    assert "No backups match these filters" in ada.page
    assert f'href="{PANEL}#list">Show all backups' in ada.page
    assert "Last good backup" in answer(ada.page)


def test_a_filter_does_not_change_the_answer(ada: Visitor, many: Shelf) -> None:
    ada.open(PANEL)
    before = answer(ada.page), picture(ada.page)

    ada.open(f"{PANEL}?state=damaged")

    assert (answer(ada.page), picture(ada.page)) == before


# --- parts, and what runs --------------------------------------------------------------------


def test_a_script_gets_the_panel_alone(ada: Visitor, many: Shelf) -> None:
    ada.open(f"{PANEL}?kind=manual", HX_Request="true")

    assert ada.page.lstrip().startswith('<div class="contents" id="panel"')
    assert 'hx-get="/admin/backups?kind=manual"' in ada.page
    assert "<html" not in ada.page
    assert 'id="create-now" hx-swap-oob' in ada.page


@pytest.fixture
def running(app: Flask, shelf: Shelf) -> Iterator[None]:
    """Somebody else's backup, in the middle of it."""
    begun, done = threading.Event(), threading.Event()

    def wait(_progress: object) -> None:
        begun.set()
        done.wait(120)

    service = app.extensions["launcher.background.service"]
    thread = threading.Thread(target=service.create, kwargs={"by": "ben", "on_progress": wait})
    thread.start()
    assert begun.wait(120)
    yield
    done.set()
    thread.join()


def test_while_a_backup_is_made_it_is_first_and_no_other_is_offered(
    ada: Visitor, shelf: Shelf, running: None
) -> None:
    shelf.put(hours(2))

    ada.open(PANEL)

    assert "disabled>Backing up…</button>" in ada.page
    body = between(ada.page, '<tbody id="backups">', "</tbody>")
    assert 'id="operation"' in body.partition('id="row-')[0]
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in ada.page


def test_the_first_backup_of_all_is_shown_while_it_is_made(ada: Visitor, running: None) -> None:
    ada.open(PANEL)

    assert 'id="operation"' in ada.page
    assert primary_buttons(ada.page) == []


def test_when_nothing_runs_the_page_stays(ada: Visitor, many: Shelf) -> None:
    ada.open(PANEL)

    assert "http-equiv" not in ada.page


# --- elsewhere -------------------------------------------------------------------------------


def test_the_start_page_says_the_worst_to_admins_alone(
    ada: Visitor, ben: Visitor, shelf: Shelf
) -> None:
    shelf.put(timedelta(days=4))
    shelf.report(hours(11), outcome=Outcome.FAILED, code="source_database")

    ada.open("/")
    strip = between(ada.page, 'id="banner"', "</aside>")
    assert 'data-state="bad"' in strip
    assert "No good backup for 4 days. The last backup failed." in text_of(strip)
    assert f'href="{PANEL}"' in strip

    ben.open("/")
    assert 'id="banner"' not in ben.page


def test_the_start_page_names_the_problem_of_a_good_day(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))
    shelf.put(hours(26), state=State.DAMAGED, error="x")

    ada.open("/")

    strip = text_of(between(ada.page, 'id="banner"', "</aside>").partition(">")[2])
    assert strip == "The backup from yesterday at 12:07 is damaged. Show problem"


def test_the_start_page_is_silent_when_all_is_well(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(hours(2))

    ada.open("/")

    assert 'id="banner"' not in ada.page


def test_the_start_page_never_fails_for_it(ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def fail(*_args: object, **_more: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(banner, "assess", fail)

    assert ada.open("/").status_code == 200
    assert 'id="banner"' not in ada.page


def test_the_navigation_marks_the_page_and_its_problem(ada: Visitor, shelf: Shelf) -> None:
    shelf.put(timedelta(days=4))

    ada.open("/admin/users")
    item = between(ada.page, f'href="{PANEL}"', "</a>")
    assert "needs attention" in item
    assert "aria-current" not in item

    ada.open(PANEL)
    assert 'aria-current="page"' in between(ada.page, f'href="{PANEL}"', "</a>")


@pytest.mark.parametrize(
    ("language", "headline", "when"),
    [
        ("de", "Letzte gute Sicherung: vor 2 Stunden", "heute Nacht um 03:00 Uhr"),
        ("ru", "Последняя исправная копия: 2 часа назад", "сегодня ночью в 03:00"),
    ],
)
def test_it_is_said_in_the_readers_language(
    ada: Visitor, shelf: Shelf, language: str, headline: str, when: str
) -> None:
    shelf.put(hours(2))
    ada.language = language

    ada.open(PANEL)

    assert answer(ada.page).startswith(headline)
    assert when in answer(ada.page)


def test_times_are_those_of_the_site(
    ada: Visitor, shelf: Shelf, set_site: Callable[..., None]
) -> None:
    set_site(time_zone="America/New_York")
    shelf.put(hours(2))

    ada.open(PANEL)

    assert "Today, 06:07" in rows(ada.page)[0]
    assert "tonight at 03:00" in answer(ada.page)
