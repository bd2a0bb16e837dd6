"""Whatever is wrong, every door gives the same answer: pages, commands, probes and messages."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import click
import pytest
from flask import Flask
from markupsafe import Markup

from launcher.audit import COMMAND_LINE
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Listing, State, Verification
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.catalogue.apps import create_app
from launcher.catalogue.boards import create_board
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.sections import add_section
from launcher.cli.exits import COPIES, EXIT_CODES, STALE, STATUS_CODES
from launcher.cli.problem_words import BRIEFLY
from launcher.current import current_backups, current_config
from launcher.i18n.problems import headline
from launcher.monitoring.problems import Findings, Headline, ProblemKind, Severity, detect_problems
from launcher.monitoring.snapshot import FailingRecipient, Snapshot, Space
from launcher.notifications import assessment, dispatch, recipients, sender
from launcher.notifications.alerts import SHOWN_ONLY
from launcher.notifications.assessment import assess
from launcher.notifications.sender import Delivery, Message
from launcher.offsite.records import CopyState
from launcher.offsite.status import KitState, OffsiteStatus, Places, Standing
from launcher.offsite.troubles import Trouble
from tests.conftest import MakeApp
from tests.support.api import Program, new_token
from tests.support.copies import copy_of, destination, offsite, trouble
from tests.web.visitor import Visitor

TOKEN = "a token of more than 32 characters, certainly"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
COLOURS = {Severity.OK: "green", Severity.WARN: "yellow", Severity.BAD: "red"}
AWAY = Fault(Reason.DISK_REFUSED, {"doing": "read the backup folder", "detail": "it is away"})
LATER = timedelta(days=2)
"""Longer than any trouble must last before it is told."""


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """A site with two good backups, whose admin wants to be told."""
    app = make_app(metrics_token=TOKEN, scheduler="off")
    with app.app_context():
        service = current_backups()
        service.initialise(by="test")
        for _ in range(2):
            service.create(by="ada")
    recipients.add_recipient(
        app.extensions["launcher.config"], name="phone", url="json://example.org"
    )
    return app


def snapshots(well: Snapshot) -> Iterator[tuple[ProblemKind | None, Snapshot]]:
    """Yield at least one situation for everything that can be wrong."""
    assert well.listing
    newest, older = well.listing.backups

    def entry(verb: Verb, outcome: Outcome = Outcome.FAILED, **facts: object) -> JournalEntry:
        code = "internal" if outcome is Outcome.FAILED else ""
        return JournalEntry("0" * 16, verb, "ada", well.now, well.now, outcome, "", code, **facts)  # type: ignore[arg-type]

    def now(*entries: JournalEntry, **changes: object) -> Snapshot:
        return replace(well, entries=[*entries, *well.entries], **changes)  # type: ignore[arg-type]

    def judged(state: State, ago: timedelta = timedelta()) -> Listing:
        fault = Fault(Reason.FILE_MISSING)
        verification = Verification(state, well.now - ago)
        if state is State.DAMAGED:
            verification = Verification.damage(fault, at=well.now - ago)
        return Listing.of([newest, replace(older, verification=verification)])

    stopped = entry(Verb.RESTORE)
    mb = 1_000_000
    yield None, well
    yield None, now(has_history=False, listing=Listing.of([]))
    yield ProblemKind.NOT_PUT_BACK, now(replace(stopped, error_code="revert_failed"))
    yield (
        ProblemKind.LIVE_DAMAGED,
        now(live_problem=Fault(Reason.LIVE_FOREIGN, {"name": "launcher.db"})),
    )
    yield ProblemKind.DATA_DISK_FULL, now(data_free_bytes=0)
    yield ProblemKind.STORE_UNAVAILABLE, now(listing=None, space=None, problem=AWAY)
    refused = replace(entry(Verb.CREATE), error_code="store_unavailable")
    yield ProblemKind.FAILED, now(refused, listing=None, space=None, problem=AWAY)
    yield ProblemKind.FAILED, now(refused, is_writable=False)
    yield ProblemKind.READ_ONLY, now(is_writable=False)
    yield ProblemKind.LOW_SPACE, now(space=Space(1000 * mb, 11 * mb, 20 * mb, 12 * mb, 2 * mb))
    yield ProblemKind.LOW_SPACE, now(space=Space(1000 * mb, 17 * mb, 20 * mb, 12 * mb, 2 * mb))
    yield ProblemKind.FAILED, now(entry(Verb.CREATE))
    yield ProblemKind.FAILED, replace(now(entry(Verb.CREATE)), now=well.now + timedelta(days=3))
    yield ProblemKind.STALE, now(now=well.now + timedelta(days=3))
    yield ProblemKind.STALE, now(listing=Listing.of([]), has_history=True)
    yield ProblemKind.DAMAGED, now(listing=judged(State.DAMAGED))
    yield ProblemKind.DAMAGED, now(listing=judged(State.DAMAGED), now=well.now + timedelta(days=3))
    yield ProblemKind.SCHEDULER_STOPPED, now(is_scheduler_wanted=True)
    yield ProblemKind.RESTORE_TEST_FAILED, now(entry(Verb.TEST_RESTORE))
    reversed_ = entry(Verb.RESTORE, facts={"stage": "confirm", "visible_s": 0.047})
    yield ProblemKind.RESTORE_FAILED, now(replace(reversed_, error_code="restore_failed"))
    no_room = entry(Verb.RESTORE, facts={"stage": "replace"})
    yield ProblemKind.RESTORE_FAILED, now(replace(no_room, error_code="insufficient_space"))
    ahead = replace(older, created_at=well.now + timedelta(days=9))
    yield ProblemKind.FROM_FUTURE, now(listing=Listing.of([ahead, newest]))
    yield ProblemKind.UNCHECKED, now(listing=judged(State.VERIFIED, timedelta(days=40)))
    yield ProblemKind.PRUNE_FAILED, now(entry(Verb.PRUNE))
    yield (
        ProblemKind.NOTIFICATIONS_FAILING,
        now(failing_recipients=[FailingRecipient("mail", well.now, "answered")]),
    )
    yield (
        ProblemKind.RECIPIENT_TEST_FAILED,
        now(failed_tests=[FailingRecipient("mail", well.now, "answered")]),
    )
    yield ProblemKind.NO_RECIPIENTS, now(is_writable=False, has_recipients=False)
    yield ProblemKind.INTERRUPTED, now(entry(Verb.VERIFY, Outcome.INTERRUPTED))
    yield ProblemKind.SCHEDULE_OFF, now(settings=replace(well.settings, backup_enabled=False))
    for kind, found in _of_copies(newest, older):
        yield kind, now(offsite=found)


def _of_copies(newest: Backup, older: Backup) -> Iterator[tuple[ProblemKind | None, OffsiteStatus]]:
    """Yield at least one situation for everything that can be wrong with copies elsewhere."""
    at, copy = newest.created_at, copy_of(newest)
    damaged = replace(copy_of(older), state=CopyState.DAMAGED)
    missing = replace(copy_of(older), state=CopyState.MISSING)
    unread = replace(copy, read_at=at - timedelta(days=99))
    stale = destination("Attic", copy_of(older), standing=Standing.STALE)
    behind = destination("Attic", copy, standing=Standing.BEHIND, ledger={"trouble": trouble(at)})
    yield None, offsite(destination("Cloud", copy))
    yield ProblemKind.DESTINATIONS_UNREADABLE, OffsiteStatus(is_unreadable=True)
    yield ProblemKind.KEY_MISSING, offsite(destination("Cloud", copy), kit=KitState.KEY_MISSING)
    foreign = replace(copy, trouble=Trouble.NO_KEY)
    yield ProblemKind.KEY_MISSING, offsite(destination("Cloud", foreign))
    yield ProblemKind.COPIES_STALE, offsite(stale, destination("Cloud", copy))
    yield ProblemKind.COPIES_STALE, offsite(replace(stale, stale_at=older.created_at))
    yield ProblemKind.COPIES_STALE, offsite(destination("Attic", standing=Standing.STALE))
    yield ProblemKind.COPIES_DAMAGED, offsite(destination("Cloud", copy, damaged, owed=(older,)))
    yield ProblemKind.COPIES_DAMAGED, offsite(destination("Cloud", damaged))
    yield ProblemKind.COPIES_DAMAGED, offsite(destination("Cloud", copy, missing))
    yield ProblemKind.COPIES_FAILING, offsite(behind)
    yield ProblemKind.COPIES_FAILING, offsite(behind, replace(behind))
    yield ProblemKind.COPIES_UNREAD, offsite(destination("Cloud", unread))
    yield ProblemKind.KIT_UNCONFIRMED, offsite(destination("Cloud", copy), kit=KitState.UNCONFIRMED)
    files = {"strange": ("photo.jpg",), "strange_count": 1}
    yield ProblemKind.COPIES_STRANGE, offsite(destination("Cloud", copy, ledger=files))
    on_one_disk = Places(1, 1, on_one_disk=True)
    yield ProblemKind.ONE_DISK, replace(offsite(), places=on_one_disk)
    yield ProblemKind.ONE_DISK, replace(offsite(stale), places=on_one_disk)
    paused = destination("Cloud", copy, standing=Standing.PAUSED, stale_at=older.created_at)
    yield ProblemKind.COPIES_PAUSED, offsite(paused)


@dataclass
class House:
    """The doors of a site whose situation is made up."""

    app: Flask
    ada: Visitor
    messages: list[Message]
    secret: str

    def panel(self) -> tuple[str, list[tuple[str, str]]]:
        """Return how bad the panel says it is, and each trouble by tone and name."""
        page = self.ada.open("/admin/backups").text
        found = re.findall(r'class="problem" data-state="(\w+)".*?<h3>(.*?)</h3>', page, re.DOTALL)
        severity = re.search(r'id="the-answer" data-state="(\w+)"', page)
        assert severity
        return severity[1], [(state, text_of(title)) for state, title in found]

    def strip(self) -> tuple[str, str]:
        """Return how bad the start page says it is, and its words."""
        page = self.ada.open("/").text
        found = re.search(r'id="banner" data-state="(\w+)".*?<span>(.*?)</span>', page, re.DOTALL)
        return (found[1], text_of(found[2])) if found else ("ok", "")

    def status(self, *arguments: str) -> tuple[int, str]:
        """Return how `flask backup status` ends, and what it prints."""
        runner = self.app.test_cli_runner()
        done = runner.invoke(args=["backup", "status", *arguments], color=True)
        return done.exit_code, done.stdout

    def healthz(self) -> tuple[int, dict[str, object]]:
        answer = self.app.test_client().get("/healthz", headers=BEARER)
        return answer.status_code, json.loads(answer.text)

    def program(self) -> Mapping[str, object]:
        """Return what the API answers."""
        found: Mapping[str, object] = Program(self.app, self.secret).get("/status")
        return found

    def metrics(self) -> set[str]:
        """Return what is wrong by the metrics."""
        text = self.app.test_client().get("/metrics", headers=BEARER).text
        return set(re.findall(r'^launcher_problem\{kind="(\w+)"\} 1\.0$', text, re.MULTILINE))

    def told(self, snapshot: Snapshot) -> list[str]:
        """Return the titles of what is sent, for a site that was told nothing yet."""
        self.messages.clear()
        (current_config(self.app).data_dir / "alerts.json").unlink(missing_ok=True)
        for moment in (snapshot.now, snapshot.now + LATER):
            dispatch.send_notifications(self.app, now=moment)
        return [message.title.partition(": ")[2] for message in self.messages]


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", markup)).split())


def told_of(findings: Findings) -> list[ProblemKind]:
    return [each.kind for each in findings.causes if each.kind not in SHOWN_ONLY]


def test_every_door_gives_the_same_answer(
    app: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An empty board greets its first admin, and leaves the strip out while there was no backup.
    with app.app_context():
        board, _ = create_board(BoardEntries(name="Home"), owner=None, actor=COMMAND_LINE)
        add_section(board, "Media", actor=COMMAND_LINE)
        entries = AppEntries(name="Jellyfin", url="https://jellyfin.home.arpa")
        create_app(entries, board.sections[0], actor=COMMAND_LINE)
    house = House(app, ada, [], new_token(app))
    monkeypatch.setattr(
        sender, "deliver",
        lambda _url, messages: house.messages.extend(messages) or Delivery(len(messages)),
    )  # fmt: skip
    seen = set()
    for kind, snapshot in [*snapshots(assess(app).snapshot)]:
        findings = detect_problems(snapshot)
        found = [(each.kind.value, each.severity.value) for each in findings.problems]
        case = f"{kind}: {found}"
        seen |= {each.kind for each in findings.problems}
        assert kind is None or findings.find(kind), case
        with monkeypatch.context() as patch:
            patch.setattr(assessment, "take_snapshot", lambda *_, _made_up=snapshot, **__: _made_up)
            patch.setattr(
                current_backups(app),
                "live_problem",
                lambda _made_up=snapshot: _made_up.live_problem,
            )
            _compare(house, snapshot, findings, case)
    assert seen == set(ProblemKind)


def _compare(house: House, snapshot: Snapshot, findings: Findings, case: str) -> None:
    problems = [(each.kind.value, each.severity.value) for each in findings.problems]
    severity, shown = house.panel()
    assert severity == findings.severity, case
    assert [state for state, _ in shown] == [each.severity for each in findings.besides], case
    assert all(title for _, title in shown), case

    severity, words = house.strip()
    # A new site is no reason for a warning on its start page: the first backup will run.
    is_new = findings.headline is Headline.NONE_YET and not shown
    # Nor is one disk: that is said where backups are.
    is_calm = is_new or findings.is_only_one_disk
    assert severity == ("ok" if is_calm else findings.severity), case
    assert is_calm or not shown or words.endswith(f"{shown[0][1]}."), case

    code, printed = house.status()
    answer, *lines = printed.splitlines()
    lines = [click.unstyle(line) for line in lines]
    names = [line.split(":", 1)[1].strip() for line in lines if re.match("(warn|bad):", line)]
    assert answer.startswith(click.style("", fg=COLOURS[findings.severity], reset=False)), case
    assert len(names) == len(problems), case
    if findings.besides:
        worst = names[findings.problems.index(findings.besides[0])]
        assert worst.lower() in answer.lower(), case

    assert (code != 0) is (findings.severity is Severity.BAD), case
    as_json = house.status("--json")
    facts = json.loads(as_json[1])
    assert as_json[0] == code, case
    assert (facts["severity"], facts["headline"]) == (findings.severity, findings.headline), case
    assert _plain(facts) == problems, case
    assert (facts["severity"] == "ok") >= (facts["headline"] == "safe"), case
    causes = [each for each in facts["problems"] if "caused_by" not in each]
    for each in facts["problems"]:
        assert ("detail" in each) is ("reason" in each), case
        must = {"damaged", "live_damaged", "store_unavailable"}
        assert each["kind"] not in must or each["reason"] in set(Reason), case
    unnamed = [each["severity"] for each in causes if each["kind"] not in _named_by(findings)]
    assert [state for state, _ in shown] == unnamed, case
    assert [each["kind"] for each in causes] == [each.kind for each in findings.causes], case
    marks = [re.findall(r"\[cause: (.*)\]$", name) for name in names]
    causes_of = [each.get("caused_by", ()) for each in facts["problems"]]
    assert [", ".join(BRIEFLY[ProblemKind(kind)] for kind in kinds) for kinds in causes_of] == [
        "".join(mark) for mark in marks
    ], case

    status, health = house.healthz()
    assert _plain(health) == problems, case
    assert (health["severity"], health["headline"]) == (findings.severity, findings.headline), case
    assert health["problems"] == facts["problems"], case
    assert health["last_success_at"] == facts["last_success_at"], case
    assert (status == 503) is bool(findings.find(ProblemKind.LIVE_DAMAGED)), case

    answered = house.program()
    verdict = (answered["severity"], answered["headline"])
    assert verdict == (findings.severity, findings.headline), case
    if findings.severity is Severity.OK:
        with house.app.test_request_context():
            said = Markup(headline(findings, snapshot)).striptags()
            assert answered["title"] == f"{said}.", case
    elif findings.headline == "recent_good" and findings.besides[0].kind is ProblemKind.DAMAGED:
        assert "damaged" in str(answered["title"]), case  # the strip gives a shorter day
    else:
        assert is_calm or words.startswith(str(answered["title"])), case

    assert house.metrics() == {kind for kind, _ in problems}, case
    titles = dict(zip(told_of(findings), house.told(snapshot), strict=True))
    for each, (_, title) in zip(findings.besides, shown, strict=True):
        # A message gives the day in full.
        assert each.kind in {*SHOWN_ONLY, ProblemKind.DAMAGED} or titles[each.kind] == title, case


def _named_by(findings: Findings) -> set[ProblemKind]:
    """Return what the panel's headline says itself."""
    named = {ProblemKind.STORE_UNAVAILABLE, ProblemKind.STALE}
    return named | ({ProblemKind.SCHEDULE_OFF} if findings.headline == "none_yet" else set())


def _plain(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    found = facts["problems"]
    assert isinstance(found, list)
    return [(each["kind"], each["severity"]) for each in found]


def test_a_folder_that_cannot_be_written_is_bad_at_the_command_line_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.monitoring.snapshot.os.access", lambda *_: False)
    done = app.test_cli_runner().invoke(args=["backup", "status"])

    assert done.exit_code == EXIT_CODES["store_unavailable"]
    assert done.stdout.startswith("The backup folder cannot be written.")
    assert "Safe" not in done.stdout


def test_what_is_bad_never_ends_with_0() -> None:
    assert set(STATUS_CODES.values()) <= {*EXIT_CODES.values(), STALE, COPIES} - {0}
