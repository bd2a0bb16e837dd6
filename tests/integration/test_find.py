"""What a search finds, for whom, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.audit import COMMAND_LINE, Actor
from launcher.catalogue import launches
from launcher.catalogue.apps import create_app
from launcher.catalogue.boards import create_board, save_board
from launcher.catalogue.bulk import archive_app
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.find import Field, Found, find
from launcher.catalogue.matching import Rank
from launcher.catalogue.sections import add_section
from launcher.db.settings import change_settings
from launcher.extensions import db
from launcher.models import App, Board, User


@dataclass(frozen=True, slots=True)
class Word:
    """Something else that a door offers."""

    names: tuple[str, ...]
    foreign_names: tuple[str, ...] = ()


@dataclass
class Catalogue:
    """Boards and apps to search, and who searches."""

    ada: User
    ben: User
    chloe: User

    def user(self, name: str) -> User | None:
        return None if name == "guest" else getattr(self, name)

    def add(self, name: str, board: str = "Home", url: str = "", **more: str) -> App:
        found = db.session.scalars(sa.select(Board).where(Board.name == board)).one()
        entries = AppEntries(name=name, url=url or "http://host.home.arpa", **more)
        app, _ = create_app(entries, found.sections[0], actor=Actor.of(self.ben))
        return app

    def board(self, name: str, visibility: str, section: str = "Apps") -> Board:
        entries = BoardEntries(name=name, visibility=visibility)
        board, _ = create_board(entries, owner=self.ben, actor=Actor.of(self.ben))
        add_section(board, section, actor=Actor.of(self.ben))
        return board

    def names(self, text: str, viewer: User | None) -> list[str]:
        ids = [each.id for each in find(text, viewer).apps]
        return [db.session.get_one(App, each).name for each in ids]


@pytest.fixture
def catalogue(app: Flask, cast: object) -> Iterator[Catalogue]:
    with app.app_context():
        users = {each.username: each for each in db.session.scalars(sa.select(User))}
        made = Catalogue(users["ada"], users["ben"], users["chloe"])
        made.board("Home", "members")
        yield made


def test_the_name_counts_more_than_what_is_about_an_app(catalogue: Catalogue) -> None:
    catalogue.add("Notes", description="Music sheets")
    catalogue.add("Player", tags="music")
    catalogue.add("MyMusic")
    catalogue.add("House music")
    catalogue.add("Musicbrainz")

    assert catalogue.names("music", catalogue.chloe) == [
        "Musicbrainz", "House music", "MyMusic", "Player", "Notes",
    ]  # fmt: skip


def test_every_word_has_to_be_somewhere(catalogue: Catalogue) -> None:
    catalogue.add("Player", tags="music, family", url="http://player.home.arpa:4040")
    catalogue.add("Musicbrainz")

    assert catalogue.names("family music 4040", catalogue.chloe) == ["Player"]
    assert catalogue.names("family brainz", catalogue.chloe) == []


def test_both_urls_are_sought(catalogue: Catalogue) -> None:
    catalogue.add("Player", url="https://music.example.org", url_local="http://10.0.0.5:4040")

    for words in ("10.0.0.5", "example.org", "music"):
        (found,) = find(words, catalogue.chloe).apps
        assert found.field is Field.URL
    assert catalogue.names("example", catalogue.chloe) == []


def test_a_typing_error_counts_where_nothing_is_spelled_so(catalogue: Catalogue) -> None:
    catalogue.add("Grafana")
    assert catalogue.names("grafena", catalogue.chloe) == ["Grafana"]

    catalogue.add("Grafena")
    assert catalogue.names("grafena", catalogue.chloe) == ["Grafena"]


def test_a_typing_error_in_one_word_of_two_is_enough(catalogue: Catalogue) -> None:
    catalogue.add("Home Assistant", tags="lights")

    assert catalogue.names("home asistant", catalogue.chloe) == ["Home Assistant"]
    assert catalogue.names("asistant lihgts", catalogue.chloe) == ["Home Assistant"]


def test_what_one_opens_most_comes_first_among_equals(catalogue: Catalogue) -> None:
    first, second, third = (catalogue.add(f"Music {each}") for each in ("a", "b", "c"))
    for app, times in ((second, 1), (third, 3)):
        for _ in range(times):
            launches.count(catalogue.chloe, app.id)
    catalogue.add("Best music")

    assert catalogue.names("music", catalogue.chloe) == [
        "Music c", "Music b", "Music a", "Best music",
    ]  # fmt: skip
    assert catalogue.names("music", catalogue.ben)[0] == first.name
    assert catalogue.names("", catalogue.chloe)[:2] == ["Music c", "Music b"]


def test_a_board_is_found_by_its_sections_and_first_by_its_name(catalogue: Catalogue) -> None:
    catalogue.board("Workshop", "members", section="Home lab")

    def boards(text: str) -> list[tuple[str, str]]:
        return [(each.name, each.section) for each in find(text, catalogue.chloe).boards]

    assert boards("home") == [("Home", ""), ("Workshop", "Home lab")]
    assert boards("workshop lab") == [("Workshop", "Home lab")]
    assert boards("") == [("Home", ""), ("Workshop", "")]


def test_other_things_are_found_by_each_of_their_names(catalogue: Catalogue) -> None:
    things = [Word(("Zeitzone", "Time zone")), Word(("Konto", "Account"))]

    def found(text: str) -> Found[Word]:
        return find(text, catalogue.chloe, things)

    assert found("time").others == found("zeit").others == things[:1]
    assert found("acount").others == things[1:]
    assert found("").others == ()


SEES = {
    ("public", "guest"), ("public", "chloe"), ("public", "ben"), ("public", "ada"),
    ("members", "chloe"), ("members", "ben"), ("members", "ada"),
    ("private", "ben"), ("private", "ada"),
}  # fmt: skip


@pytest.mark.parametrize("visibility", ["public", "members", "private"])
@pytest.mark.parametrize("who", ["guest", "chloe", "ben", "ada"])
def test_what_one_may_not_see_is_not_found_by_anything_of_it(
    catalogue: Catalogue, visibility: str, who: str
) -> None:
    change_settings({"guest_access": True}, actor=COMMAND_LINE)
    catalogue.board("Cellar", visibility, section="Barrels")
    app = catalogue.add(
        "Winelist", "Cellar", url="http://wine.home.arpa:7777", url_local="http://10.9.9.9",
        tags="grapes", keywords="burgundy", description="Bottles and years",
    )  # fmt: skip
    viewer = catalogue.user(who)
    words = ("winelist", "winelits", "wine", "7777", "10.9.9.9", "grapes", "grapse", "burgundy",
             "burgnudy", "bottles", "цштудшые", "cellar", "celler", "barrels", "")  # fmt: skip
    for text in words:
        result: Found[Word] = find(text, viewer)
        seen = {each.id for each in result.apps} | {each.name for each in result.boards}
        assert bool(seen & {app.id, "Cellar"}) is ((visibility, who) in SEES), text


def test_a_shared_board_is_found_by_whom_it_is_shared_with(catalogue: Catalogue) -> None:
    board = catalogue.board("Cellar", "private")
    catalogue.add("Winelist", "Cellar")
    entries = BoardEntries(
        name="Cellar", visibility="private", shared_with=f"user:{catalogue.chloe.id}:view"
    )
    save_board(board, entries, viewer=catalogue.ben, actor=Actor.of(catalogue.ben))

    assert catalogue.names("wine", catalogue.chloe) == ["Winelist"]


def test_the_name_of_a_page_counts_more_than_its_other_words(catalogue: Catalogue) -> None:
    things = [
        Word(("Jobs", "Back end")),
        Word(("Backups",), ("Sicherungen",)),
        Word(("Back up now",), ("Jetzt sichern",)),
    ]

    def found(text: str) -> Found[Word]:
        return find(text, catalogue.ada, things)

    assert found("back").others == [things[1], things[2], things[0]]
    assert found("backup now").others == found("sichern").others == things[2:]
    assert found("sicherungn").others == []
    assert list(found("back").ranks.others) == [
        Rank.NAME_BEGINS, Rank.NAME_BEGINS, Rank.ABOUT,
    ]  # fmt: skip


def test_an_archived_app_is_found_after_the_others_by_who_may_know_of_it(
    catalogue: Catalogue,
) -> None:
    app = catalogue.add("Winelist")
    archive_app(app, actor=Actor.of(catalogue.ben))

    catalogue.add("Wineries")
    assert catalogue.names("wine", catalogue.ben) == ["Wineries", "Winelist"]
    assert catalogue.names("wine", catalogue.chloe) == ["Wineries"]
    assert catalogue.names("", catalogue.ben) == ["Wineries"]


def test_guests_find_nothing_without_guest_access(catalogue: Catalogue) -> None:
    catalogue.board("Garden", "public")
    catalogue.add("Sprinkler", "Garden")

    result: Found[Word] = find("sprinkler", None)

    assert (result.apps, result.boards) == ([], [])
