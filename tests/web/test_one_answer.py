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

from launcher import messenger, notices, targets
from launcher.alarms import SHOWN_ONLY
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records import (
    JournalEntry,
    Listing,
    Outcome,
    State,
    Verb,
    Verification,
)
from launcher.cli.exits import EXIT_CODES, STALE, STATUS_CODES
from launcher.current import current_backups, current_config
from launcher.messenger import Delivery, Message
from launcher.situation import Situation, Space, Unreached
from launcher.watch import Concern, Findings, Tone, judge
from tests.conftest import MakeApp
from tests.web.visitor import Visitor

TOKEN = "a token of more than 32 characters, certainly"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
COLOURS = {Tone.OK: "green", Tone.WARN: "yellow", Tone.BAD: "red"}
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
    targets.add_target(app.extensions["launcher.config"], name="phone", url="json://example.org")
    return app


def situations(well: Situation) -> Iterator[tuple[Concern | None, Situation]]:
    """Yield at least one situation for everything that can be wrong."""
    assert well.listing
    newest, older = well.listing.backups

    def entry(verb: Verb, outcome: Outcome = Outcome.FAILED, **facts: object) -> JournalEntry:
        code = "internal" if outcome is Outcome.FAILED else ""
        return JournalEntry("0" * 16, verb, "ada", well.now, well.now, outcome, "", code, **facts)  # type: ignore[arg-type]

    def now(*entries: JournalEntry, **changes: object) -> Situation:
        return replace(well, entries=[*entries, *well.entries], **changes)  # type: ignore[arg-type]

    def judged(state: State, ago: timedelta = timedelta()) -> Listing:
        verification = Verification(state, well.now - ago, "cut off")
        return Listing.of([newest, replace(older, verification=verification)])

    stopped = entry(Verb.RESTORE)
    mb = 1_000_000
    yield None, well
    yield None, now(has_history=False, listing=Listing.of([]))
    yield Concern.NOT_PUT_BACK, now(replace(stopped, error_code="revert_failed"))
    yield (
        Concern.LIVE_DAMAGED,
        now(live_problem=Fault(Reason.LIVE_FOREIGN, {"name": "launcher.db"})),
    )
    yield Concern.STORE_UNAVAILABLE, now(listing=None, space=None, problem="it is away")
    yield Concern.READ_ONLY, now(is_writable=False)
    yield Concern.LOW_SPACE, now(space=Space(1000 * mb, 11 * mb, 20 * mb, 12 * mb, 2 * mb))
    yield Concern.LOW_SPACE, now(space=Space(1000 * mb, 17 * mb, 20 * mb, 12 * mb, 2 * mb))
    yield Concern.FAILED, now(entry(Verb.CREATE))
    yield Concern.FAILED, replace(now(entry(Verb.CREATE)), now=well.now + timedelta(days=3))
    yield Concern.STALE, now(now=well.now + timedelta(days=3))
    yield Concern.STALE, now(listing=Listing.of([]), has_history=True)
    yield Concern.DAMAGED, now(listing=judged(State.DAMAGED))
    yield Concern.DAMAGED, now(listing=judged(State.DAMAGED), now=well.now + timedelta(days=3))
    yield Concern.SCHEDULER_STOPPED, now(is_scheduler_wanted=True)
    yield Concern.REHEARSAL_FAILED, now(entry(Verb.REHEARSE))
    yield Concern.UNCHECKED, now(listing=judged(State.VERIFIED, timedelta(days=40)))
    yield Concern.PRUNE_FAILED, now(entry(Verb.PRUNE))
    yield Concern.NOTICES_FAILING, now(unreached=[Unreached("mail", well.now, "answered")])
    yield Concern.NOBODY_TOLD, now(is_writable=False, is_anybody_told=False)
    yield Concern.INTERRUPTED, now(entry(Verb.VERIFY, Outcome.INTERRUPTED))
    yield Concern.SCHEDULE_OFF, now(rules=replace(well.rules, backup_enabled=False))


@dataclass
class House:
    """The doors of a site whose situation is made up."""

    app: Flask
    ada: Visitor
    messages: list[Message]

    def panel(self) -> tuple[str, list[tuple[str, str]]]:
        """Return how bad the panel says it is, and each trouble by tone and name."""
        page = self.ada.open("/admin/backups").text
        found = re.findall(r'class="trouble" data-state="(\w+)".*?<h3>(.*?)</h3>', page, re.DOTALL)
        tone = re.search(r'id="the-answer" data-state="(\w+)"', page)
        assert tone
        return tone[1], [(state, text_of(title)) for state, title in found]

    def strip(self) -> tuple[str, str]:
        """Return how bad the start page says it is, and its words."""
        page = self.ada.open("/").text
        found = re.search(r'id="strip" data-state="(\w+)".*?<span>(.*?)</span>', page, re.DOTALL)
        return (found[1], text_of(found[2])) if found else ("ok", "")

    def status(self, *arguments: str) -> tuple[int, str]:
        """Return how `flask backup status` ends, and what it prints."""
        runner = self.app.test_cli_runner()
        done = runner.invoke(args=["backup", "status", *arguments], color=True)
        return done.exit_code, done.stdout

    def healthz(self) -> tuple[int, dict[str, object]]:
        answer = self.app.test_client().get("/healthz", headers=BEARER)
        return answer.status_code, json.loads(answer.text)

    def metrics(self) -> set[str]:
        """Return what is wrong by the metrics."""
        text = self.app.test_client().get("/metrics", headers=BEARER).text
        return set(re.findall(r'^launcher_trouble\{concern="(\w+)"\} 1\.0$', text, re.MULTILINE))

    def told(self, situation: Situation) -> list[str]:
        """Return the titles of what is sent, for a site that was told nothing yet."""
        self.messages.clear()
        (current_config(self.app).data_dir / "alarms.json").unlink(missing_ok=True)
        for moment in (situation.now, situation.now + LATER):
            notices.evaluate(self.app, now=moment)
        return [message.title.partition(": ")[2] for message in self.messages]


def text_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", markup)).split())


def told_of(findings: Findings) -> list[Concern]:
    return [each.concern for each in findings.causes if each.concern not in SHOWN_ONLY]


def test_every_door_gives_the_same_answer(
    app: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(app, ada, [])
    monkeypatch.setattr(
        messenger, "deliver",
        lambda _url, messages: house.messages.extend(messages) or Delivery(len(messages)),
    )  # fmt: skip
    seen = set()
    for concern, situation in [*situations(notices.see(app).situation)]:
        findings = judge(situation)
        found = [(each.concern.value, each.tone.value) for each in findings.troubles]
        case = f"{concern}: {found}"
        seen |= {each.concern for each in findings.troubles}
        assert concern is None or findings.find(concern), case
        with monkeypatch.context() as patch:
            patch.setattr(notices, "look", lambda *_, _made_up=situation, **__: _made_up)
            patch.setattr(
                current_backups(app),
                "live_problem",
                lambda _made_up=situation: _made_up.live_problem,
            )
            _compare(house, situation, findings, case)
    assert seen == set(Concern)


def _compare(house: House, situation: Situation, findings: Findings, case: str) -> None:
    troubles = [(each.concern.value, each.tone.value) for each in findings.troubles]
    tone, shown = house.panel()
    assert tone == findings.tone, case
    assert [state for state, _ in shown] == [each.tone for each in findings.besides], case
    assert all(title for _, title in shown), case

    tone, words = house.strip()
    assert tone == findings.tone, case
    assert not shown or words.endswith(f"{shown[0][1]}."), case

    code, printed = house.status()
    answer, *lines = printed.splitlines()
    lines = [click.unstyle(line) for line in lines]
    names = [line.split(":", 1)[1].strip() for line in lines if re.match("(warn|bad):", line)]
    assert answer.startswith(click.style("", fg=COLOURS[findings.tone], reset=False)), case
    assert len(names) == len(troubles), case
    if findings.besides:
        worst = names[findings.troubles.index(findings.besides[0])]
        assert worst.lower() in answer.lower(), case

    assert (code != 0) is (findings.tone is Tone.BAD), case
    as_json = house.status("--json")
    facts = json.loads(as_json[1])
    assert as_json[0] == code, case
    assert (facts["severity"], facts["headline"]) == (findings.tone, findings.headline), case
    assert _plain(facts) == troubles, case

    status, health = house.healthz()
    assert _plain(health) == troubles, case
    assert (health["severity"], health["headline"]) == (findings.tone, findings.headline), case
    assert (status == 503) is bool(findings.find(Concern.LIVE_DAMAGED)), case

    assert house.metrics() == {concern for concern, _ in troubles}, case
    titles = dict(zip(told_of(findings), house.told(situation), strict=True))
    for each, (_, title) in zip(findings.besides, shown, strict=True):
        # A message gives the day in full.
        assert each.concern in {*SHOWN_ONLY, Concern.DAMAGED} or titles[each.concern] == title, case


def _plain(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    found = facts["troubles"]
    assert isinstance(found, list)
    return [(each["concern"], each["severity"]) for each in found]


def test_a_folder_that_cannot_be_written_is_bad_at_the_command_line_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.situation.os.access", lambda *_: False)
    done = app.test_cli_runner().invoke(args=["backup", "status"])

    assert done.exit_code == EXIT_CODES["store_unavailable"]
    assert done.stdout.startswith("The backup folder cannot be written.")
    assert "Safe" not in done.stdout


def test_what_is_bad_never_ends_with_0() -> None:
    assert set(STATUS_CODES.values()) <= {*EXIT_CODES.values(), STALE} - {0}
