"""What an empty board offers, and the sample apps that fill it until they are removed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.audit import Actor
from launcher.catalogue import apps
from launcher.catalogue.entries import AppEntries
from launcher.extensions import db
from launcher.icons import drawn
from launcher.models import App, AuditEvent, Board, HealthCheck, Section, User, Visibility
from tests.web.visitor import Visitor


@pytest.fixture
def empty_board(app: Flask, cast: object) -> None:
    with app.app_context():
        db.session.add(Board(slug="home", name="Home", visibility=Visibility.MEMBERS))
        db.session.commit()


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_who_can_edit_an_empty_board_is_shown_how_to_start(ben: Visitor, empty_board: None) -> None:
    ben.open("/")

    assert "Home has no apps yet Apps you add appear here. Choose how to start." in _text(ben.page)
    assert 'href="/apps/new?board=home&amp;next=/b/home"' in ben.page
    assert 'action="/b/home/samples"' in ben.page
    assert "backup" not in ben.page


def test_an_admin_sees_when_the_next_backup_is(
    ada: Visitor, empty_board: None, set_site: Callable[..., None]
) -> None:
    ada.open("/")
    assert re.search(r"First backup: (tonight|today|tomorrow) at 03:00\. Change", _text(ada.page))
    assert 'id="banner"' not in ada.page

    set_site(backup_enabled=False)
    ada.open("/")
    assert "Automatic backups are off. Change schedule" in _text(ada.page)
    assert 'id="banner"' in ada.page


def test_who_cannot_edit_sees_who_does(chloe: Visitor, empty_board: None) -> None:
    chloe.open("/")

    said = "Home has no apps yet Apps appear here when an editor adds them."
    assert said in _text(chloe.page)
    assert "samples" not in chloe.page


def test_without_a_board_to_see_a_viewer_asks_an_admin(chloe: Visitor) -> None:
    chloe.open("/")

    assert "No boards to show Ask an admin for access." in _text(chloe.page)


def test_without_any_board_the_sample_apps_bring_one(ben: Visitor, app: Flask) -> None:
    ben.open("/")
    assert "No boards yet" in ben.page
    assert 'href="/boards/new"' in ben.page

    ben.send("/samples")
    ben.open("/")
    assert 'aria-current="page">Home<' in ben.page
    assert ben.page.count('class="tile"') == 12
    ben.send("/samples")
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(Board.id))) == 1


def test_twelve_sample_apps_are_added_once_and_removed_with_one_click(
    ben: Visitor, empty_board: None, app: Flask
) -> None:
    ben.open("/")
    assert ben.send("/b/home/samples").location == "/b/home"
    ben.open("/b/home")
    assert "12 sample apps added." in ben.page
    assert "This board has 12 sample apps." in ben.page
    ben.send("/b/home/samples")
    with app.app_context():
        added = db.session.scalars(sa.select(App)).all()
        assert len(added) == 12
        assert all(each.is_sample and drawn.find(each.icon) for each in added)
        assert db.session.scalar(sa.select(sa.func.count(HealthCheck.app_id))) == 0
        assert db.session.scalar(sa.select(sa.func.count(Section.id))) == 3

    ben.send("/samples/remove")
    ben.open("/b/home")
    assert "12 sample apps removed." in ben.page
    assert "Home has no apps yet" in ben.page
    with app.app_context():
        assert db.session.scalars(sa.select(App)).all() == []
        assert db.session.scalars(sa.select(Section)).all() == []
        log = db.session.scalars(sa.select(AuditEvent.action)).all()
        assert log.count("app.create") == log.count("app.delete") == 12
        assert log.count("board.add_section") == log.count("board.delete_section") == 3


def test_what_someone_made_of_the_samples_stays(
    ben: Visitor, empty_board: None, app: Flask
) -> None:
    ben.open("/")
    ben.send("/b/home/samples")
    with app.app_context():
        jellyfin = db.session.scalars(sa.select(App).where(App.name == "Jellyfin")).one()
        entries = AppEntries.of(jellyfin)
        actor = _actor("ben")
        apps.save_app(jellyfin, entries, actor=actor)
        server = db.session.scalars(sa.select(Section).where(Section.name == "Server")).one()
        apps.create_app(AppEntries(name="Mine", url="http://mine.home.arpa"), server, actor=actor)

    ben.open("/")
    assert "This board has 11 sample apps." in ben.page
    ben.send("/samples/remove")

    ben.open("/")
    assert "11 sample apps removed. 1 app is kept because it was edited." in ben.page
    assert re.findall(r'tile-name">([^<]+)<', ben.page) == ["Jellyfin", "Mine"]
    with app.app_context():
        assert set(db.session.scalars(sa.select(Section.name))) == {"Media", "Server"}


@pytest.mark.parametrize("path", ["/b/home", "/b/home/edit", "/"])
def test_after_the_removal_of_the_sample_apps_the_same_page_is_shown(
    ben: Visitor, empty_board: None, path: str
) -> None:
    ben.open("/")
    ben.send("/b/home/samples")
    ben.open(path)
    back = re.search(r'action="/samples/remove">.*?name="next" value="([^"]+)"', ben.page)
    assert back
    assert ben.send("/samples/remove", next=back[1]).location == path


def test_the_removal_of_the_sample_apps_is_undone(ben: Visitor, empty_board: None) -> None:
    ben.open("/")
    ben.send("/b/home/samples")
    ben.send("/samples/remove")
    ben.open("/")
    ben.send("/undo", id=re.findall(r'name="id" value="(\d+)"', ben.page)[-1])

    ben.open("/b/home")
    assert "This board has 12 sample apps." in ben.page


def test_sample_apps_of_a_hidden_board_are_not_for_others(
    ada: Visitor, ben: Visitor, empty_board: None, app: Flask
) -> None:
    ada.open("/")
    ada.send("/b/home/samples")
    with app.app_context():
        db.session.execute(sa.update(Board).values(visibility=Visibility.PRIVATE))
        db.session.commit()

    ben.open("/")
    assert ben.send("/b/home/samples").status_code == 404
    ben.send("/samples/remove")
    ada.open("/b/home")
    assert "This board has 12 sample apps." in ada.page


def test_a_viewer_sees_no_strip_and_can_neither_add_nor_remove(
    chloe: Visitor, ben: Visitor, empty_board: None
) -> None:
    ben.open("/")
    ben.send("/b/home/samples")

    chloe.open("/")
    assert "sample apps" not in chloe.page
    assert chloe.send("/samples/remove").status_code == 403
    assert chloe.send("/b/home/samples").status_code == 403


def _actor(name: str) -> Actor:
    user = db.session.scalars(sa.select(User).where(User.username == name)).one()
    return Actor.of(user)
