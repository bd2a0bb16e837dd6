"""The page of the jobs: who runs them, what became of them, and one of them right now."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup.errors import InsufficientSpaceError
from launcher.backup.locks import Gate, try_lock
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup
from launcher.backup.service import BackupService
from launcher.config import Config
from launcher.current import current_backups
from launcher.db.settings_reader import read_settings
from launcher.extensions import db
from launcher.jobs.history import MAX_RUNS, Book, Run, RunOutcome, runs
from launcher.jobs.work import perform
from launcher.models import AuditEvent
from launcher.models.types import utc_now
from launcher.offsite.service import OffsiteService
from launcher.offsite.status import Standing
from launcher.web.server_commands import server_command
from tests.conftest import MakeApp
from tests.support.copies import destination, offsite, trouble
from tests.support.jobs import slots_count_since
from tests.support.operations import await_idle
from tests.web.visitor import Visitor

PAGE = "/admin/jobs"
HTMX = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{PAGE}"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_PATIENCE_S = 120.0


@pytest.fixture
def app(unled_app: Flask) -> Flask:
    return unled_app


@pytest.fixture
def config(app: Flask) -> Config:
    found: Config = app.extensions["launcher.config"]
    return found


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def book(config: Config) -> Book:
    return Book(config.data_dir)


@pytest.fixture
def do(service: BackupService, book: Book, config: Config) -> Callable[..., Run]:
    """Do a job for real, because somebody asked for it."""

    def do_one(job_id: str, *, by: str = "ada") -> Run:
        site = read_settings(config.database_path, Gate(config.lock_dir))
        done = perform(job_id, service, book, site, clock=utc_now, by=by, is_by_hand=True)
        assert done is not None
        return done

    return do_one


@pytest.fixture
def past(book: Book) -> Callable[..., Run]:
    """Remember a run of some time ago."""

    def remember(
        job_id: str, ago: timedelta, *, outcome: str = "succeeded", by: str = "schedule",
        **more: object,
    ) -> Run:  # fmt: skip
        run = book.begin(job_id, by=by, at=utc_now() - ago)
        ended_at = run.started_at + timedelta(seconds=2.4)
        run = replace(run, ended_at=ended_at, outcome=RunOutcome(outcome), **more)  # type: ignore[arg-type]
        book.end(job_id, run)
        return run

    return remember


@contextmanager
def leading(config: Config, since: datetime) -> Iterator[None]:
    """Hold the lock of the schedule, as the leader of another host does."""
    path = config.lock_dir / "scheduler"
    lock = try_lock(path, exclusive=True)
    assert lock is not None
    path.write_text(json.dumps({"pid": 4711, "host": "attic", "since": since.isoformat()}))
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def someone_busy(config: Config, *, by: str = "ben", verb: str = "restore") -> Iterator[None]:
    """Ben has the lock of all operations, three minutes long already."""
    state = {
        "operation_id": "b" * 16, "verb": verb, "by": by,
        "started_at": (utc_now() - timedelta(minutes=3)).isoformat(), "stages": ["copy", "check"],
        "stage": "check", "done": 7_200_000, "total": 11_800_000, "backup_id": "", "took_s": {},
        "facts": {},
    }  # fmt: skip
    path = config.data_dir / "operation.json"
    path.write_text(json.dumps(state))
    lock = try_lock(config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def ended(config: Config, job_id: str) -> Run:
    """Wait until the newest run of a job is over."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = runs(config.data_dir)[job_id]
        if found and not found[0].is_running:
            return found[0]
        time.sleep(0.02)
    raise AssertionError(f"{job_id} did not end")


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split()).replace(" .", ".")


def section(page: str, job_id: str) -> str:
    """Return the markup of one job."""
    found = re.search(rf'<section class="section" id="job-{job_id}".*?</section>', page, re.DOTALL)
    assert found
    return found[0]


def facts(page: str, job_id: str) -> str:
    found = re.search(r"<dl.*?</dl>", section(page, job_id), re.DOTALL)
    assert found
    return text(found[0])


def rows(page: str, job_id: str) -> list[str]:
    found = re.findall(r'<tr id="run-.*?</tr>', section(page, job_id), re.DOTALL)
    return [text(row) for row in found]


def mark(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]*)"', page)
    assert found
    return found[1]


# --- who runs them -----------------------------------------------------------------------


def test_the_process_that_runs_them_is_named(ada: Visitor, config: Config) -> None:
    since = datetime.now(UTC) - 2 * HOUR
    with leading(config, since):
        assert ada.open(PAGE).status_code == 200

    assert "Scheduler running" in ada.page
    assert "Jobs run in process 4711 on attic, which took over 2 hours ago." in text(ada.page)
    assert f'<time datetime="{since.isoformat(timespec="seconds")}" title="' in ada.page
    assert '<section class="answer" aria-labelledby="answer" data-state="ok">' in ada.page


def test_one_that_could_not_sign_its_name_runs_them_all_the_same(
    ada: Visitor, config: Config
) -> None:
    with leading(config, utc_now()):
        (config.lock_dir / "scheduler").write_text("")
        ada.open(PAGE)

    assert "Scheduler running" in ada.page
    assert "Jobs run in one of the processes of this site, which took over" in text(ada.page)


def test_when_no_one_does_the_page_says_what_to_do(ada: Visitor) -> None:
    ada.open(PAGE)

    assert '<section class="answer" aria-labelledby="answer" data-state="warn">' in ada.page
    assert "Scheduler not running" in ada.page
    assert "within 2 seconds. If it does not, check the server log and restart" in text(ada.page)


class TestCalledFromOutside:
    @pytest.fixture
    def app(self, make_app: MakeApp) -> Flask:
        app = make_app(scheduler="off")
        with app.app_context():
            current_backups().initialise(by="test")
        return app

    def test_it_says_what_has_to_call_and_that_nothing_ever_did(self, ada: Visitor) -> None:
        ada.open(PAGE)

        said = text(ada.page)
        assert "Start jobs with cron or systemd" in said
        assert "LAUNCHER_SCHEDULER is off" in said
        with ada.client.application.app_context():
            command = server_command("backup run-scheduled")
        assert f"run <code>{command}</code> every few minutes" in ada.page
        assert command.startswith("LAUNCHER_DATA_DIR=")
        assert "No job has run yet." in said
        assert 'aria-labelledby="answer" data-state="warn"' in ada.page

    def test_it_says_when_that_was_last_done(self, ada: Visitor, past: Callable[..., Run]) -> None:
        past("scrub", 3 * HOUR)
        past("backup", HOUR, by="ada")
        ada.open(PAGE)

        assert "Jobs are started by cron or systemd" in ada.page
        assert "Last job started 3 hours ago." in text(ada.page)
        assert 'aria-labelledby="answer" data-state="ok"' in ada.page

    def test_it_says_what_no_one_called_for(
        self,
        ada: Visitor,
        past: Callable[..., Run],
        data_dir: Path,
        set_site: Callable[..., None],
    ) -> None:
        hour = (utc_now() - 2 * HOUR).hour
        set_site(backup_cron_expression=f"0 {hour} * * *")
        past("scrub", 40 * DAY)
        slots_count_since(data_dir, utc_now() - 40 * DAY)
        ada.open(PAGE)

        assert "Start jobs with cron or systemd" in ada.page
        due = rf"Overdue: Back up, (today|yesterday), {hour:02}:00\."
        assert re.search(due, text(ada.page))


# --- each job ----------------------------------------------------------------------------


def test_each_job_says_what_it_does_when_and_why(
    ada: Visitor, set_site: Callable[..., None]
) -> None:
    set_site(time_zone="Asia/Tokyo", backup_cron_expression="30 2 * * 1")
    ada.open(PAGE)

    assert re.findall(r'<h2 id="name-[\w-]+">([^<]+)', ada.page) == [
        "Back up", "Verify older backups", "Restore test",
    ]  # fmt: skip
    assert "then removes backups that retention no longer keeps" in section(ada.page, "backup")
    assert "Every week, on Monday at 02:30 Change schedule" in facts(ada.page, "backup")
    assert 'href="/admin/backups/schedule">Change' in section(ada.page, "backup")
    assert "Every day at 04:30 Not configurable" in facts(ada.page, "scrub")
    assert "Every week, on Sunday at 04:00 Change schedule" in facts(ada.page, "restore-test")
    assert 'href="/admin/backups/schedule#backup_restore_test">Change' in section(
        ada.page, "restore-test"
    )
    assert re.search(r'title="[^"]+ \d{4}, 02:30:00 JST">', section(ada.page, "backup"))
    assert re.search(r"Next run .*02:30 in \d+ \w+", facts(ada.page, "backup"))
    assert "Times are in Tokyo (UTC+9)" in ada.page


def test_a_schedule_that_is_off_says_so(ada: Visitor, set_site: Callable[..., None]) -> None:
    set_site(backup_enabled=False)
    ada.open(PAGE)

    assert "Schedule Off Change schedule" in facts(ada.page, "backup")
    assert "Next run Never Automatic backups are off" in facts(ada.page, "backup")
    assert "Run now" in section(ada.page, "backup")


def test_the_restore_test_comes_as_often_as_it_is_set(
    ada: Visitor, set_site: Callable[..., None]
) -> None:
    set_site(backup_restore_test="monthly")
    ada.open(PAGE)
    assert "Every month, on day 1 at 04:00" in facts(ada.page, "restore-test")

    set_site(backup_restore_test="off")
    ada.open(PAGE)
    assert "Schedule Off Change schedule" in facts(ada.page, "restore-test")
    assert "Next run Never Automatic backups are off" in facts(ada.page, "restore-test")


@pytest.mark.parametrize("expression", ["61 25 * * *", "*/0 * * * *", "0 0 31 2 *", "often", ""])
def test_a_schedule_from_elsewhere_that_makes_no_sense_is_no_error(
    ada: Visitor, config: Config, expression: str
) -> None:
    with sqlite3.connect(config.database_path) as live:
        live.execute("UPDATE system_settings SET backup_cron_expression = ?", (expression,))
    live.close()

    assert ada.open(PAGE).status_code == 200
    assert f"Schedule {expression or 'Off'}" in facts(ada.page, "backup")
    assert "Next run Never" in facts(ada.page, "backup")


def test_nothing_is_known_of_a_job_that_never_ran(ada: Visitor) -> None:
    ada.open(PAGE)

    said = facts(ada.page, "backup")
    nothing = "None yet Since the start of the history"
    assert said.endswith(f"Last attempt {nothing} Last success {nothing}")
    assert rows(ada.page, "backup") == []


def test_the_last_attempt_and_the_last_success_are_two_things(
    ada: Visitor, past: Callable[..., Run]
) -> None:
    past("backup", 9 * DAY)
    past("backup", 2 * HOUR, outcome="failed", error="x", error_code="insufficient_space")
    ada.open(PAGE)

    said = facts(ada.page, "backup")
    assert re.search(r"Last attempt \S.* Failed Last success \S.* 1 week ago$", said)


def test_the_last_success_is_remembered_through_any_number_of_failures(
    ada: Visitor, past: Callable[..., Run]
) -> None:
    past("backup", 3 * DAY)
    for number in range(MAX_RUNS + 5):
        past("backup", HOUR * (30 - number), outcome="failed", error_code="internal")
    ada.open(PAGE)

    assert facts(ada.page, "backup").endswith("3 days ago")
    assert len(rows(ada.page, "backup")) == MAX_RUNS


def test_the_last_runs_are_listed_newest_first_and_the_older_ones_folded(
    ada: Visitor, past: Callable[..., Run]
) -> None:
    made = [past("scrub", HOUR * (20 - number)) for number in range(MAX_RUNS)]
    ada.open(PAGE)

    listed = re.findall(r'<tr id="run-(\w+)"', section(ada.page, "scrub"))
    assert listed == [run.id for run in reversed(made)]
    before, folded = section(ada.page, "scrub").split("<details")
    assert before.count('<tr id="run-') == 3
    assert '<summary class="fine">17 earlier runs</summary>' in folded


# --- one run -----------------------------------------------------------------------------


def test_a_backup_leads_to_what_it_made_and_counts_what_it_removed(
    ada: Visitor, do: Callable[..., Run], set_site: Callable[..., None]
) -> None:
    set_site(backup_max_count=1)
    gone, there = do("backup"), do("backup", by="schedule")
    ada.open(PAGE)

    newest, oldest = rows(ada.page, "backup")
    assert re.search(r"The schedule Succeeded [\d.]+ m?s Backup of today, \d\d:\d\d"
                     r" 1 old backup removed$", newest)  # fmt: skip
    assert "Ada Succeeded" in oldest
    assert f'href="/admin/backups/{there.facts["backup_id"]}"' in ada.page
    assert f"/admin/backups/{gone.facts['backup_id']}" not in ada.page, "it would lead nowhere"


def test_a_clean_up_that_failed_in_part_says_what_stayed(
    ada: Visitor, past: Callable[..., Run]
) -> None:
    past("backup", HOUR, outcome="partly", error="permission denied", error_code="internal",
         facts={"backup_id": "20261122T170000Z-k3f9q2", "not_removed": ["a", "b"]})  # fmt: skip
    ada.open(PAGE)

    (row,) = rows(ada.page, "backup")
    assert "Done, but some parts failed" in row
    assert row.endswith("2 old backups could not be removed permission denied")
    assert "Last success None" not in facts(ada.page, "backup")


def test_a_scrub_counts_and_leads_to_what_it_found_damaged(
    ada: Visitor, do: Callable[..., Run], service: BackupService, config: Config
) -> None:
    backup = service.create(by="ben")
    flip(config, backup)
    do("scrub")
    ada.open(PAGE)

    (row,) = rows(ada.page, "scrub")
    assert re.search(r"Verified 1 of 1 1 damaged: today, \d\d:\d\d$", row)
    found = re.search(r'<span class="state" data-state="damaged">.*?</td>', ada.page, re.DOTALL)
    assert found
    assert f'href="/admin/backups/{backup.id}"' in found[0]


def flip(config: Config, backup: Backup) -> None:
    assert backup.file is not None
    path = config.backup_dir / backup.file.name
    path.chmod(0o600)
    stored = bytearray(path.read_bytes())
    stored[len(stored) // 2] ^= 1
    path.write_bytes(stored)


def test_a_restore_test_says_what_would_come_back(
    ada: Visitor, do: Callable[..., Run], service: BackupService, boards: None
) -> None:
    service.create(by="ben")
    do("restore-test")
    ada.open(PAGE)

    (row,) = rows(ada.page, "restore-test")
    assert "7 apps, 3 boards, 3 users From the backup of today" in row


def test_a_restore_test_of_nothing_is_postponed_and_no_problem(
    ada: Visitor, do: Callable[..., Run]
) -> None:
    do("restore-test")
    ada.open(PAGE)

    (row,) = rows(ada.page, "restore-test")
    assert "Postponed" in row
    assert "There was no good backup to test." in row
    assert 'data-state="paused"' in section(ada.page, "restore-test")


def test_what_failed_says_why_and_what_to_do_in_the_readers_language(
    app: Flask, ada: Visitor, do: Callable[..., Run], service: BackupService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object, **__: object) -> Backup:
        raise InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="only 3 <kB> are free")

    monkeypatch.setattr(service, "create", refuse)
    do("backup")
    ada.language = "de"
    ada.open(PAGE)

    (row,) = rows(ada.page, "backup")
    assert "Fehlgeschlagen" in row
    assert "Der Datenträger ist zu voll. Es wurde nichts geändert Löschen Sie nicht" in row
    assert '<span class="sub" lang="en">only 3 &lt;kB&gt; are free</span>' in ada.page
    assert 'data-state="down"' in section(ada.page, "backup")


def test_a_mistake_of_ours_is_not_spelled_out(ada: Visitor, past: Callable[..., Run]) -> None:
    past("scrub", HOUR, outcome="failed", error="KeyError('x')", error_code="internal")
    ada.open(PAGE)

    assert "KeyError" not in ada.page
    assert "The server log has details." in ada.page


@pytest.mark.parametrize(
    ("late", "is_told"), [(5 * HOUR, True), (timedelta(minutes=10), False), (-HOUR, False)]
)
def test_a_run_that_came_late_says_what_it_made_up_for(
    ada: Visitor, past: Callable[..., Run], late: timedelta, is_told: bool
) -> None:
    slot = utc_now() - HOUR - late
    past("scrub", HOUR, facts={"slot": slot.isoformat(), "verified": 3, "total": 40})
    ada.open(PAGE)

    (row,) = rows(ada.page, "scrub")
    assert (f"catch-up for {slot:%H:%M}" in row) is is_told
    assert "Verified 3 of 40" in row


def test_one_that_runs_shows_who_began_it_and_how_far_it_is(
    ada: Visitor, book: Book, config: Config
) -> None:
    with book.at_work("backup"), someone_busy(config, by="ben", verb="create"):
        book.begin("backup", by="ben", at=utc_now())
        ada.open(PAGE)

    part = section(ada.page, "backup")
    assert "Ben Running" in rows(ada.page, "backup")[0]
    assert "Checking the copy" in part
    assert '<progress value="7200000" max="11800000" aria-label="Back up">' in part
    assert "7.2 MB of 11.8 MB" in part
    assert 'type="button" aria-disabled="true">Running…' in part
    assert 'data-poll-s="1"' in part
    assert "Run now" in section(ada.page, "scrub")
    assert '<noscript><meta http-equiv="refresh"' in ada.page


def test_what_someone_else_does_meanwhile_is_not_taken_for_the_job(
    ada: Visitor, book: Book, config: Config
) -> None:
    with book.at_work("scrub"), someone_busy(config, by="ben", verb="create"):
        book.begin("scrub", by="schedule", at=utc_now())
        ada.open(PAGE)

    assert "Job in progress." in section(ada.page, "scrub")
    assert "7.2 MB" not in ada.page


def test_one_that_was_killed_says_what_that_means(ada: Visitor, book: Book) -> None:
    book.begin("backup", by="schedule", at=utc_now() - HOUR)
    ada.open(PAGE)

    (row,) = rows(ada.page, "backup")
    assert "Interrupted" in row
    assert "The process ended before the job did. No partial files remain." in row
    assert "data-poll-s" not in ada.page, "nothing runs, so nothing is asked"
    assert "http-equiv" not in ada.page


# --- whatever lies there -----------------------------------------------------------------

_RUN = {"id": "<i>", "by": "<b>ben</b>", "started_at": "2026-11-22T12:00:00+00:00"}


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "7", "null", '{"backup": 7}', '{"backup": {"runs": 7}}',
        '{"backup": {"runs": [7, {}, {"started_at": "often"}]}}', '{"backup": {"runs": [{"id',
        "\udce4", '{"nobody": {"runs": []}}', "[" * 5000,
        '{"backup": {"runs": [{"id": "x", "by": "", "started_at": "2026-11-22T12Z", "facts": 7}]}}',
    ],
)  # fmt: skip
def test_a_torn_file_is_no_error(ada: Visitor, config: Config, content: str) -> None:
    path = config.data_dir / "jobs.json"
    path.write_bytes(content.encode(errors="surrogateescape"))

    assert ada.open(PAGE).status_code == 200
    assert rows(ada.page, "backup") == []
    assert ada.open(f"{PAGE}/progress").status_code == 200


@pytest.mark.parametrize(
    "facts",
    [
        {"backup_id": "../../<x>", "removed": 7, "not_removed": "ab", "slot": "often"},
        {"backup_id": ["x"], "slot": "0001-01-01T00:00:00+14:00", "removed": [None]},
        {"verified": "3", "total": None, "damaged": ["<x>"] * 30, "failed": {}},
        {"verified": -1, "total": 0, "rows": {"apps": "many"}, "slot": "2026-11-22T12:00:00"},
        {"rows": [], "slot": 7},
    ],
)  # fmt: skip
def test_strange_facts_are_no_error_and_no_markup(
    ada: Visitor, config: Config, facts: object
) -> None:
    end = {"ended_at": "2026-11-22T11:00:00+00:00", "outcome": "succeeded", "error_code": "<c>"}
    run = _RUN | end | {"facts": facts, "error": "<script>"}
    everything = {job: {"runs": [run]} for job in ("backup", "scrub", "restore-test")}
    (config.data_dir / "jobs.json").write_text(json.dumps(everything))

    assert ada.open(PAGE).status_code == 200
    assert not re.search(r"<script>|<x>|<i>|<b>ben", ada.page)
    assert "&lt;b&gt;ben&lt;/b&gt;" in ada.page
    told = ada.open(f"{PAGE}?seen=.,.,.", HX_Request="true")
    assert told.status_code == 200
    assert not re.search(r"<script>|<x>|<i>|<b>ben", told.text)


def test_a_scrub_that_ran_out_of_time_says_how_many_still_wait(
    ada: Visitor, past: Callable[..., Run]
) -> None:
    past(
        "scrub", HOUR, outcome=RunOutcome.PARTLY, error="its 30 minutes were used up",
        error_code="time_used_up", facts={"verified": 3, "total": 90, "overdue": 40},
    )  # fmt: skip
    ada.open(PAGE)

    row = rows(ada.page, "scrub")[0]
    assert "Verified 3 of 90 40 not verified for four weeks" in row
    assert "Stopped: the time limit was reached" in row
    assert "If this happens often, keep fewer backups." in row


@pytest.mark.parametrize("year", ["0001", "1969", "9999"])
def test_a_moment_beyond_reason_is_no_moment(ada: Visitor, config: Config, year: str) -> None:
    run = _RUN | {"started_at": f"{year}-01-01T00:00:00+00:00", "outcome": "succeeded"}
    (config.data_dir / "jobs.json").write_text(json.dumps({"scrub": {"runs": [run]}}))

    assert ada.open(PAGE).status_code == 200
    assert rows(ada.page, "scrub") == []


def test_while_the_folder_of_backups_is_away_nothing_leads_there(
    ada: Visitor, do: Callable[..., Run], config: Config
) -> None:
    made = do("backup")
    config.backup_dir.rename(config.backup_dir.with_name("unplugged"))
    config.backup_dir.write_text("not a folder")

    assert ada.open(PAGE).status_code == 200
    assert re.search(r"Backup of today, \d\d:\d\d$", rows(ada.page, "backup")[0])
    assert str(made.facts["backup_id"]) not in ada.page


# --- run now -----------------------------------------------------------------------------


def test_run_now_begins_a_job_in_the_name_of_who_asked(
    app: Flask, ada: Visitor, config: Config, service: BackupService
) -> None:
    ada.open(PAGE)
    seen = mark(ada.page)
    answer = ada.send(f"{PAGE}/backup/run", seen=seen)

    assert answer.status_code == 303
    assert answer.location == f"{PAGE}?seen=.,.,."
    run = ended(config, "backup")
    assert (run.by, run.outcome) == ("ada", RunOutcome.SUCCEEDED)
    assert "slot" not in run.facts
    assert service.last_slot() is None, "no slot is used"
    await_idle(service)
    with app.app_context():
        actions = db.session.scalars(db.select(AuditEvent).where(AuditEvent.actor_name == "ada"))
        assert "backup.create" in {event.action for event in actions}

    # Without script, the next page says once how it went.
    answer = ada.open(answer.location)
    assert (answer.status_code, answer.location) == (303, PAGE)
    ada.open(PAGE)
    assert "Back up: Succeeded" in ada.page
    ada.open(PAGE)
    assert "Back up: Succeeded" not in ada.page


def test_another_operation_in_the_way_is_named_above_the_jobs_as_they_are(
    ada: Visitor, config: Config
) -> None:
    ada.open(PAGE)
    with someone_busy(config, by="ben <b>"):
        answer = ada.send(f"{PAGE}/backup/run")

    assert answer.status_code == 409
    assert "Another operation is running" in answer.text
    assert "Restoring a backup, started by ben &lt;b&gt; <time" in answer.text
    assert "3 minutes ago</time>" in answer.text
    assert "Run now" in section(answer.text, "backup")
    assert "http-equiv" not in answer.text, "or it would go before it is read"
    assert runs(config.data_dir)["backup"] == ()


def test_a_script_gets_it_as_a_notice_and_draws_the_jobs_again(
    ada: Visitor, config: Config
) -> None:
    ada.open(PAGE)
    with someone_busy(config, by="schedule", verb="create"):
        answer = ada.send_with(HTMX, f"{PAGE}/backup/run")

    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#problem"
    assert answer.headers["HX-Trigger"] == "jobs-changed"
    assert "Creating a backup, started by the schedule <time" in answer.text
    assert "<html" not in answer.text


def test_a_job_that_runs_already_says_who_began_it(ada: Visitor, book: Book) -> None:
    ada.open(PAGE)
    with book.at_work("scrub"):
        book.begin("scrub", by="ben", at=utc_now() - timedelta(minutes=4))
        answer = ada.send(f"{PAGE}/scrub/run")

    assert answer.status_code == 409
    assert "Verifying backups, started by ben <time" in answer.text
    assert "4 minutes ago</time>" in answer.text


def test_a_job_that_there_is_not_is_not_found(ada: Visitor) -> None:
    for name in ("nothing", "..", "Backup", "%2e%2e%2fetc"):
        ada.open(PAGE)
        assert ada.send(f"{PAGE}/{name}/run").status_code == 404


def test_what_could_not_even_begin_says_why(
    ada: Visitor, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.open(PAGE)
    monkeypatch.setattr(
        "launcher.jobs.process.launch",
        lambda *_: json.dumps(
            {
                "code": "store_unavailable",
                "reason": "disk_refused",
                "doing": "use it",
                "detail": "it is <gone>",
            }
        ),
    )
    answer = ada.send(f"{PAGE}/backup/run")

    assert answer.status_code == 503
    assert "The backup folder cannot be used" in answer.text
    assert f'href="{PAGE}"' in answer.text
    assert "<gone>" not in answer.text


# --- followed ----------------------------------------------------------------------------


def test_how_far_it_is_is_asked_for_in_a_few_bytes(
    ada: Visitor, book: Book, config: Config
) -> None:
    with book.at_work("backup"), someone_busy(config, by="ben", verb="create"):
        book.begin("backup", by="ben", at=utc_now())
        ada.open(PAGE)
        answer = ada.open(f"{PAGE}/progress?seen={mark(ada.page)}", HX_Request="true")

    assert answer.status_code == 200
    assert "Checking the copy" in answer.text
    assert "HX-Trigger" not in answer.headers
    assert len(answer.data) < 1500


def test_once_it_is_over_each_tab_says_so_and_once(
    ada: Visitor, ben: Visitor, book: Book, past: Callable[..., Run]
) -> None:
    past("backup", DAY)
    with book.at_work("backup"):
        run = book.begin("backup", by="ben", at=utc_now())
        ada.open(PAGE)
        seen = mark(ada.page)
        book.end("backup", replace(run, ended_at=utc_now(), outcome=RunOutcome.SUCCEEDED))

    answer = ada.open(f"{PAGE}/progress?seen={seen}", HX_Request="true")
    assert answer.headers["HX-Trigger"] == "jobs-changed"
    assert "data-poll-s" not in answer.text, "nothing runs any more"
    for _tab in range(2):
        answer = ada.open(f"{PAGE}?seen={seen}", HX_Request="true")
        assert answer.text.count("Back up: Succeeded") == 1
        assert "<html" not in answer.text
        again = ada.open(f"{PAGE}?seen={mark(answer.text)}", HX_Request="true")
        assert "Back up: Succeeded" not in again.text


def test_the_toast_of_a_run_says_what_it_found(ada: Visitor, past: Callable[..., Run]) -> None:
    ada.open(PAGE)
    seen = mark(ada.page)
    found = {"verified": 3, "total": 40, "damaged": ["20261122T170000Z-k3f9q2"], "failed": []}
    past("scrub", HOUR, facts=found)
    past("restore-test", HOUR, outcome="failed", error="no", error_code="incompatible_backup")
    answer = ada.open(f"{PAGE}?seen={seen}", HX_Request="true")

    toasts = re.findall(r'<div class="toast" data-state="(\w+)">(.*?)</div>', answer.text,
                        re.DOTALL)  # fmt: skip
    assert [severity for severity, _ in toasts] == ["bad", "bad"]
    said = [text(words) for _, words in toasts]
    assert any("Verify older backups: Succeeded Verified 3 of 40 1 damaged: 22" in t for t in said)
    assert any("Restore test: Failed" in t and "does not work with this version" in t for t in said)


@pytest.mark.parametrize("seen", ["", "x", "a,b", ".,.,.,.", "x.y,z.w,q.r", "<b>" * 400, ",,"])
def test_a_strange_mark_is_no_error(ada: Visitor, past: Callable[..., Run], seen: str) -> None:
    past("backup", HOUR)
    for headers in ({}, {"HX_Request": "true"}):
        answer = ada.open(f"{PAGE}?seen={seen}", **headers)
        assert answer.status_code in {200, 303}
        assert "<b><b>" not in answer.text


def test_the_line_of_the_navigation_leads_there(ada: Visitor) -> None:
    ada.open(PAGE)
    assert re.search(rf'<a class="nav-link" href="{PAGE}" aria-current="page">', ada.page)


# Copies in other places


def test_copying_to_each_destination_is_among_the_jobs(
    app: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'id="job-copies"' not in ada.open("/admin/jobs").text
    at = utc_now()
    failing = {"trouble": trouble(at), "copied_at": None}
    found = offsite(
        destination("Cloud", ledger={"copied_at": at}),
        destination("Attic", standing=Standing.BEHIND, ledger=failing),
        destination("Cellar", standing=Standing.WAITING),
    )
    monkeypatch.setattr(OffsiteService, "status", lambda *_, **__: found)

    section = (
        ada.open("/admin/jobs").text.partition('id="job-copies"')[2].partition("</section>")[0]
    )
    said = " ".join(re.sub(r"<[^>]*>", " ", section).split())
    assert re.search(r"Cloud Up to date Last copy: \w+ at", said)
    assert re.search(r"Attic .*The secret is wrong\. Next try: \w+ at", said)
    assert said.endswith("No copies yet")
