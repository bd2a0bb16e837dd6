"""An editor enters the URL of an app, and its name and icon are proposed."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.audit import COMMAND_LINE
from launcher.config import Config
from launcher.current import current_backups
from launcher.extensions import db
from launcher.fetching.problems import Problem
from launcher.fetching.proposed import Proposal
from launcher.fetching.requests import target_of
from launcher.icons.fetched import keep_fetched
from launcher.icons.store import keep
from launcher.icons.uploads import Image
from launcher.models import App, AuditEvent, Board, Media, UndoStep
from launcher.models.types import utc_now
from launcher.notifications.recipients import set_public_url
from launcher.web.apps import proposals
from tests.support.odd_servers import Server, Visit, serving, site
from tests.web.test_gate import is_free
from tests.web.visitor import Visitor

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

ICON = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1"/></svg>'
PAGE = b'<!DOCTYPE html><title>Login - My Photos</title><link rel=icon href="/i.svg"></head>'
ROOT = Path(__file__).parents[2]
Set = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows of a proposal."""

    name: str
    icon: str
    state: str
    sentence: str


def propose(visitor: Visitor, url: str) -> Shown:
    answer = visitor.send("/apps/propose", url=url)
    assert answer.status_code == 200, answer.status
    return read(answer)


def read(answer: TestResponse) -> Shown:
    data = {
        name: html.unescape(value)
        for name, value in re.findall(r'data-(\w+)="([^"]*)"', answer.text)
    }
    sentence = re.search(r"<p>(.*?)</p>", answer.text)
    assert sentence
    return Shown(data["name"], data["icon"], data["state"], html.unescape(sentence[1]))


@pytest.fixture
def photos() -> Iterator[Server]:
    with serving(site({"/": PAGE, "/i.svg": ICON})) as server:
        yield server


@pytest.fixture
def gate(app: Flask) -> Path:
    config: Config = app.extensions["launcher.config"]
    return config.lock_dir / "gate"


def test_name_and_icon_are_proposed_and_the_icon_can_be_seen(ben: Visitor, photos: Server) -> None:
    shown = propose(ben, photos.url)

    assert (shown.name, shown.state) == ("My Photos", "fetched")
    assert shown.sentence == "Name and icon fetched from 127.0.0.1."
    kind, _, sha256 = shown.icon.partition(":")
    assert kind == "media"
    assert f'src="/media/{sha256}"' in ben.page
    assert ben.client.get(f"/media/{sha256}").data == ICON


def test_an_icon_that_launcher_does_not_take_leaves_the_name(ben: Visitor) -> None:
    evil = ICON.replace(b"<path", b"<script>alert(1)</script><path")
    with serving(site({"/": PAGE, "/i.svg": evil})) as server:
        shown = propose(ben, server.url)

    assert (shown.name, shown.icon, shown.state) == ("My Photos", "letters:", "partly")
    assert shown.sentence == "Name fetched from 127.0.0.1. No icon found."


def test_a_brand_that_launcher_has_stands_in_for_a_missing_icon(ben: Visitor) -> None:
    with serving(site({"/": b"<!DOCTYPE html><title>Jellyfin</title>"})) as server:
        shown = propose(ben, server.url)

    assert (shown.name, shown.icon) == ("Jellyfin", "brand:jellyfin")
    assert shown.sentence == "Name fetched from 127.0.0.1. The icon comes with Launcher."


def test_an_app_that_does_not_answer_is_named_by_its_url(
    ben: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.fetching.connection.resolve", lambda *_: [("127.0.0.1", 1)])
    shown = propose(ben, "http://navidrome.home.arpa:1/")

    assert (shown.name, shown.state) == ("Navidrome", "failed")
    assert "Launcher cannot connect to navidrome.home.arpa." in shown.sentence


def test_a_page_that_asks_for_a_password_still_shows_its_icon(ben: Visitor) -> None:
    def answer(visit: Visit) -> None:
        if visit.path == "/favicon.ico":
            visit.answer(ICON, mime="image/svg+xml")
        else:
            visit.answer(b"no", "401 Unauthorized")

    with serving(answer) as server:
        shown = propose(ben, server.url)

    assert (shown.icon[:6], shown.state) == ("media:", "partly")
    assert (
        shown.sentence == "Icon fetched. 127.0.0.1 did not answer with a web page. Check the name."
    )


def test_where_fetching_is_off_nothing_is_requested(
    ben: Visitor, photos: Server, set_site: Set
) -> None:
    set_site(fetch_enabled=False)

    assert propose(ben, photos.url).sentence.endswith("Requests to apps are off in Settings.")
    assert photos.heads == []


def test_where_private_networks_are_off_this_machine_is_not_requested(
    ben: Visitor, photos: Server, set_site: Set
) -> None:
    set_site(fetch_private=False)

    shown = propose(ben, photos.url)
    assert shown.sentence.endswith("Requests to private networks are off in Settings.")
    assert photos.heads == []


def test_launcher_does_not_request_itself(ben: Visitor) -> None:
    shown = propose(ben, "http://localhost:8000/")

    assert shown.sentence.endswith("The URL leads to Launcher itself.")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "start.home.example:8080"},
        {"Host": "127.0.0.1:8000", "X-Forwarded-Host": "start.home.example:8080"},
        {"Host": "start.home.example:8080", "Origin": "http://start.home.example:8080"},
    ],
)
def test_launcher_does_not_request_itself_through_a_published_port_or_a_proxy(
    app: Flask, headers: dict[str, str]
) -> None:
    config: Config = app.extensions["launcher.config"]
    with app.test_request_context("/apps/propose", method="POST", headers=headers):
        own_site = proposals.own_site_of(config)

    assert own_site.has(target_of("http://START.home.example:8080/"))
    assert not own_site.has(target_of("http://start.home.example:8096/"))


def test_launcher_does_not_request_the_names_of_its_settings(app: Flask) -> None:
    config: Config = app.extensions["launcher.config"]
    set_public_url(config, "https://start.example.org/")
    config = replace(config, hosts=("home.example", ".lan.example"), proxy_hops=1)
    with app.test_request_context("/apps/propose", method="POST"):
        own_site = proposals.own_site_of(config)

    for url in ("https://start.example.org/", "http://home.example/", "https://home.example/",
                "http://home.example:8000/"):  # fmt: skip
        assert own_site.has(target_of(url)), url
    for url in ("https://films.lan.example/", "https://home.example:8096/"):
        assert not own_site.has(target_of(url)), url


@pytest.mark.parametrize("problem", Problem)
@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_every_problem_has_a_sentence_in_every_language(
    app: Flask, problem: Problem, language: str
) -> None:
    made = Proposal(name="App", host="app.home.arpa", problem=problem)
    with app.test_request_context(headers={"Accept-Language": language}):
        sentence = proposals._shown(made, None).sentence
    assert sentence
    assert "%" not in sentence
    assert language == "en" or "not fetched" not in sentence


def test_who_is_no_editor_by_the_time_of_the_answer_gets_nothing(app: Flask, ben: Visitor) -> None:
    def demote(visit: Visit) -> None:
        with app.app_context():
            db.session.execute(sa.text("UPDATE users SET role = 'viewer' WHERE username = 'ben'"))
            db.session.commit()
        visit.answer(PAGE)

    with serving(demote) as server:
        assert ben.send("/apps/propose", url=server.url).status_code == 403


def test_a_slow_app_delays_neither_a_restore_nor_a_change(
    app: Flask, ben: Visitor, gate: Path
) -> None:
    def work(visit: Visit) -> None:
        """While Launcher waits for this answer, somebody changes and somebody restores."""
        if visit.path == "/":
            was_free.append(is_free(gate))
            with app.app_context():
                db.session.execute(sa.text("UPDATE system_settings SET site_name = 'Changed'"))
                db.session.commit()
                backup = current_backups().create(by="ada")
                current_backups().restore(backup.id, by="ada")
        site({"/": PAGE, "/i.svg": ICON})(visit)

    was_free: list[bool] = []
    with serving(work) as server:
        answer = ben.send("/apps/propose", url=server.url)

    assert was_free == [True]
    # The sessions of before the restore have ended; the answer does not go to a stranger.
    assert answer.status_code in {302, 403}
    assert is_free(gate)


def test_the_gate_is_left_after_a_proposal(ben: Visitor, photos: Server, gate: Path) -> None:
    propose(ben, photos.url)

    assert is_free(gate)


def test_a_fetched_icon_is_in_the_audit_log(app: Flask, ben: Visitor, photos: Server) -> None:
    propose(ben, photos.url)
    propose(ben, photos.url)

    with app.app_context():
        events = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.target_kind == "icon"))
        assert [(each.action, each.actor_name) for each in events] == [("icon.fetch", "ben")]


def test_who_fetches_an_icon_that_a_hidden_app_shows_may_use_it(
    app: Flask, ada: Visitor, ben: Visitor, photos: Server, boards: None
) -> None:
    icon = propose(ada, photos.url).icon
    sha256 = icon.partition(":")[2]
    with app.app_context():
        board = db.session.scalars(sa.select(Board).where(Board.slug == "attic")).one()
        board.owner_id = 1
        diary = db.session.scalars(sa.select(App).where(App.name == "Diary")).one()
        diary.icon_media = db.session.scalars(sa.select(Media).where(Media.sha256 == sha256)).one()
        db.session.commit()
    assert ben.client.get(f"/media/{sha256}").status_code == 404

    assert propose(ben, photos.url).icon == icon
    assert ben.client.get(f"/media/{sha256}").data == ICON
    assert ben.send("/apps/new", name="Photos", url=photos.url, icon=icon).status_code == 303


def test_a_fetched_icon_that_no_app_took_is_removed_after_a_day(app: Flask, cast: object) -> None:
    def icon(name: str) -> Image:
        return Image(name.encode(), "image/png", name)

    with app.app_context():
        for name in ("left over", "in use", "in an undo"):
            keep_fetched(icon(name), actor=COMMAND_LINE)
        keep(icon("uploaded"), actor=COMMAND_LINE)
        keep_fetched(icon("uploaded"), actor=COMMAND_LINE)
        old = {each.name: each for each in db.session.scalars(sa.select(Media))}
        db.session.execute(sa.update(Media).values(created_at=utc_now() - timedelta(days=1.1)))
        db.session.add(App(name="A", url="http://a/", icon_media=old["in use"]))
        row = {"id": 9, "icon_media_id": old["in an undo"].id, "letters": ""}
        db.session.add(
            UndoStep(user_id=1, action="app.delete", rows={"rows": [["apps", row, None]]})
        )
        db.session.flush()
        keep_fetched(icon("new"), actor=COMMAND_LINE)
        keep_fetched(icon("newest"), actor=COMMAND_LINE)
        db.session.commit()

        left = set(db.session.scalars(sa.select(Media.name)))
    assert left == {"in use", "in an undo", "uploaded", "new", "newest"}


def test_a_server_that_proposes_nothing_does_without_the_libraries_for_it() -> None:
    program = "import sys, launcher.app; print(sorted({'h11', 'selectolax'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
