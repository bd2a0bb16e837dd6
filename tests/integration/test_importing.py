"""Apps from a file of another program: planned, imported as one step, and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck as Check
from hypothesis import given, settings
from hypothesis import strategies as st

from launcher.audit import Actor
from launcher.catalogue import bulk, places, sections, undo
from launcher.catalogue.apps import create_app, save_app
from launcher.catalogue.boards import create_board, delete_board
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.errors import UndoTooLateError
from launcher.catalogue.import_draft import CheckedDraft, check_draft
from launcher.catalogue.import_plan import ImportPlan, plan_import
from launcher.catalogue.importing import import_apps
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.icons.matching import IconMatcher
from launcher.importing.draft import Draft, DraftApp, DraftSection, Source
from launcher.importing.icon_names import icon_of
from launcher.models import (
    App,
    AuditEvent,
    Board,
    HealthCheck,
    SetIcon,
    User,
)

TABLES = ("boards", "sections", "apps", "placements", "tags", "app_tags", "health_checks")
GROWING = {"revision", "updated_at"}


@dataclass
class Site:
    """Ben's board with one section and one app in it, and Ada, who is an admin."""

    ada: User
    ben: User
    board: Board

    def actor(self, user: User | None = None) -> Actor:
        return Actor.of(user or self.ben)

    def plan(
        self, draft: CheckedDraft, *, viewer: User | None = None, one: str | None = None
    ) -> ImportPlan:
        return plan_import(
            draft, self.board, viewer=viewer or self.ben, nameless="Imported", one_section=one
        )

    def take(self, draft: CheckedDraft) -> Change:
        return import_apps(self.plan(draft), self.board, actor=self.actor())

    def undo(self, change: Change) -> Change:
        assert change.step_id
        return undo.undo(change.step_id, viewer=self.ben, actor=self.actor())

    def app(self, name: str) -> App:
        return db.session.scalars(sa.select(App).where(App.name == name)).one()

    def names(self) -> Mapping[str, Sequence[str]]:
        """Return the names of the apps in each section of the board, in order."""
        db.session.expire_all()
        rows = sorted(self.board.sections, key=lambda each: each.position)
        return {each.name: [place.app.name for place in each.placements] for each in rows}


@pytest.fixture
def site(app: Flask, cast: object) -> Iterator[Site]:
    with app.app_context():
        users = {each.username: each for each in db.session.scalars(sa.select(User))}
        ada, ben = users["ada"], users["ben"]
        board, _ = create_board(BoardEntries(name="Home"), owner=ben, actor=Actor.of(ben))
        sections.add_section(board, "Media", actor=Actor.of(ben))
        entries = AppEntries(name="Jellyfin", url="https://jellyfin.home.arpa/")
        create_app(entries, board.sections[0], actor=Actor.of(ben))
        yield Site(ada, ben, board)


def draft(**folders: Sequence[DraftApp]) -> CheckedDraft:
    parts = tuple(
        DraftSection(name.replace("_", " "), tuple(apps)) for name, apps in folders.items()
    )
    return check_draft(Draft(Source.BOOKMARKS, parts))


def link(name: str, url: str = "", **more: Any) -> DraftApp:
    return DraftApp(name, url or f"https://{name.lower()}.old.lan", **more)


TWO = {
    "Media": [link("Kavita"), link("Navidrome")],
    "Smart_home": [link("Node-RED", tags=("flow",))],
}


def content() -> Mapping[str, list[Any]]:
    """Return every row of the catalogue, without revisions."""
    db.session.expire_all()
    rows = {}
    for table in TABLES:
        found = db.session.execute(sa.text(f"SELECT * FROM {table}")).mappings()
        rows[table] = sorted(
            repr({k: v for k, v in row.items() if k not in GROWING}) for row in found
        )
    return rows


def test_a_section_of_the_same_name_gets_the_apps_and_others_are_created(site: Site) -> None:
    change = site.take(draft(media=TWO["Media"], Smart_home=TWO["Smart_home"]))

    assert site.names() == {
        "Media": ["Jellyfin", "Kavita", "Navidrome"],
        "Smart home": ["Node-RED"],
    }
    assert (change.facts["count"], change.facts["sections"]) == (3, 1)
    assert [each.name for each in site.app("Node-RED").tags] == ["flow"]
    assert db.session.get(HealthCheck, site.app("Kavita").id)


def test_links_in_no_folder_get_a_section_and_all_may_share_one(site: Site) -> None:
    loose = check_draft(Draft(Source.BOOKMARKS, (DraftSection("", (link("Kavita"),)),)))
    assert [each.name for each in site.plan(loose).sections] == ["Imported"]

    plan = site.plan(draft(**TWO), one="Old apps")
    assert [(each.name, len(each.links)) for each in plan.sections] == [("Old apps", 3)]


@pytest.mark.parametrize(
    "url",
    [
        "https://jellyfin.home.arpa",
        "HTTPS://Jellyfin.Home.Arpa/",
        "https://jellyfin.home.arpa:443/",
    ],
)
def test_an_app_with_the_same_url_is_there_already(site: Site, url: str) -> None:
    plan = site.plan(draft(Films=[link("My films", url)]))

    assert plan.count == 0
    assert [(each.app, each.boards) for each in plan.there] == [("Jellyfin", ("Home",))]


def test_another_port_or_path_is_another_app(site: Site) -> None:
    urls = (
        "https://jellyfin.home.arpa:8920",
        "https://jellyfin.home.arpa/web",
        "http://jellyfin.home.arpa",
    )
    assert site.plan(draft(Films=[link("Films", each) for each in urls])).count == 3


def test_an_app_whose_home_network_url_it_is_is_there_already(site: Site) -> None:
    local = replace(AppEntries.of(site.app("Jellyfin")), url_local="http://10.0.0.5:8096")
    save_app(site.app("Jellyfin"), local, actor=site.actor())

    assert site.plan(draft(Films=[link("Films", "http://10.0.0.5:8096/")])).count == 0


def test_an_app_that_someone_may_not_see_does_not_count_as_there(site: Site) -> None:
    entries = BoardEntries(name="Secret", visibility="private")
    board, _ = create_board(entries, owner=site.ada, actor=Actor.of(site.ada))
    sections.add_section(board, "Mine", actor=Actor.of(site.ada))
    secret = AppEntries(name="Diary", url="https://diary.old.lan")
    create_app(secret, board.sections[0], actor=Actor.of(site.ada))
    file = draft(Mine=[link("Diary")])

    assert (site.plan(file).count, site.plan(file).there) == (1, ())
    assert site.plan(file, viewer=site.ada).count == 0
    assert site.take(file).facts["count"] == 1


def test_one_url_twice_in_a_file_is_one_app(site: Site) -> None:
    file = draft(Media=[link("Kavita"), link("Books", "https://kavita.old.lan/")])

    assert site.plan(file).count == 1
    assert [(each.reason, each.name, each.detail) for each in file.left] == [
        ("repeated", "Books", "Kavita")
    ]


def test_what_the_form_of_an_app_refuses_is_left_out_with_its_reason(site: Site) -> None:
    file = draft(
        Media=[
            link("Shared", "https://ada:secret@cloud.old.lan", line=7),
            link("Turned\u202e", "https://turned.old.lan"),
        ]
    )

    assert [(each.reason, each.name, each.line) for each in file.left] == [
        ("url_password", "Shared", 7)
    ]
    assert "secret" not in repr(file)
    assert [each.reason for each in file.notes] == ["text"]
    site.take(file)
    assert site.names()["Media"] == ["Jellyfin", "Turned"]


def test_icons_are_those_with_an_equal_name(site: Site) -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    db.session.add(
        SetIcon(name="kavita", mime="image/svg+xml", size_bytes=len(drawing), content=drawing)
    )
    db.session.commit()
    file = draft(
        Media=[
            link("Books", "https://a.old.lan", icon="Kavita"),
            link("Films", "https://b.old.lan", icon="jellyfin"),
            link("Rack", "https://c.old.lan", icon="mdi:server"),
            link("Home Assistant", "https://d.old.lan", icon="nothing-like-it"),
            link("Something of ours", "https://e.old.lan"),
            link("Docs", "https://f.old.lan", icon="si:paperlessngx"),
        ]
    )

    site.take(file)

    media = site.app("Books").icon_media
    assert media
    assert media.name == "kavita"
    assert [site.app(name).icon for name in ("Films", "Rack", "Home Assistant", "Docs")] == [
        "brand:jellyfin", "symbol:server", "brand:homeassistant", "brand:paperlessngx",
    ]  # fmt: skip
    assert site.app("Something of ours").icon == ""


@pytest.mark.parametrize(
    ("icon", "name", "choice"),
    [
        ("adguard-home", "DNS", "brand:adguard"),
        ("sh-adguard-home.svg", "DNS", "brand:adguard"),
        ("hl-adguard-home", "DNS", "brand:adguard"),
        ("nginx-proxy-manager", "Proxy", "brand:nginxproxymanager"),
        ("nextcloud-files", "Files", "brand:nextcloud"),
        ("home-assistant-alt", "Rooms", "brand:homeassistant"),
        ("si-grafana-labs", "Graphs", "brand:grafana"),
        ("mdi-server-network", "Rack", "symbol:server"),
        ("home-of-nobody", "Something of ours", ""),
        ("camera-of-nobody", "Jellyfin", "brand:jellyfin"),
    ],
)
def test_an_icon_is_found_by_its_name_also_without_its_last_parts(
    site: Site, icon: str, name: str, choice: str
) -> None:
    matched = IconMatcher.of_database().choice(icon_of(icon).name, name)

    assert matched == (choice or "letters:")


def test_an_import_is_in_the_log_with_each_app(site: Site) -> None:
    site.take(draft(**TWO))

    events = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id)).all()
    (whole,) = [each for each in events if each.action == "board.import"]
    assert (whole.target_name, whole.actor_name) == ("Home", "ben")
    assert whole.changes == {"apps": [None, 3], "section": [None, "Media, Smart home"]}
    (kavita,) = [each for each in events if each.target_name == "Kavita"]
    assert kavita.action == "app.create"
    assert kavita.changes["url"] == [None, "https://kavita.old.lan"]
    assert kavita.changes["places"] == [None, "Home · Media"]
    assert [each.changes for each in events if each.action == "board.add_section"][-1] == {
        "section": [None, "Smart home"]
    }


def test_an_undo_takes_all_of_it_back_and_a_redo_brings_it_again(site: Site) -> None:
    before = content()
    change = site.take(draft(**TWO))
    after = content()

    undone = site.undo(change)
    assert (undone.facts["count"], undone.facts["sections"], undone.facts["kept"]) == (3, 1, 0)
    assert content() == before
    redone = site.undo(undone)
    assert content() == after
    site.undo(redone)
    assert content() == before


def test_an_undo_keeps_what_was_changed_since(site: Site) -> None:
    change = site.take(
        draft(
            Media=TWO["Media"], Smart_home=TWO["Smart_home"], Work=[link("Forgejo"), link("Wiki")]
        )
    )
    kavita = site.app("Kavita")
    save_app(kavita, replace(AppEntries.of(kavita), name="Books"), actor=Actor.of(site.ada))
    bulk.tag_apps([site.app("Node-RED")], "house", actor=Actor.of(site.ada))
    bulk.delete_apps([site.app("Wiki")], actor=Actor.of(site.ada))

    undone = site.undo(change)

    assert (undone.facts["count"], undone.facts["sections"], undone.facts["kept"]) == (2, 1, 2)
    assert site.names() == {"Media": ["Jellyfin", "Books"], "Smart home": ["Node-RED"]}


def test_an_undo_keeps_a_section_that_was_renamed_or_got_an_app(site: Site) -> None:
    change = site.take(draft(Rooms=[link("Kavita")], Garden=[link("Pump")]))
    rooms, garden = site.board.sections[1:]
    sections.rename_section(rooms, "Floors", actor=site.actor())
    places.add_place(site.app("Jellyfin"), garden, actor=site.actor())

    undone = site.undo(change)

    assert (undone.facts["count"], undone.facts["sections"]) == (2, 0)
    assert site.names() == {"Media": ["Jellyfin"], "Floors": [], "Garden": ["Jellyfin"]}


def test_an_app_that_was_put_on_another_board_since_stays(site: Site) -> None:
    change = site.take(draft(Media=TWO["Media"]))
    other, _ = create_board(
        BoardEntries(name="Work"), owner=site.ada, actor=Actor.of(site.ada), section="Tools"
    )
    places.add_place(site.app("Kavita"), other.sections[0], actor=Actor.of(site.ada))

    assert site.undo(change).facts["kept"] == 1
    assert site.names()["Media"] == ["Jellyfin", "Kavita"]


def test_a_move_within_the_section_is_no_change_of_an_app(site: Site) -> None:
    change = site.take(draft(Media=TWO["Media"]))
    place = site.board.sections[0].placements[2]
    places.move_place(place, site.board.sections[0], 1, actor=site.actor())

    assert site.undo(change).facts["kept"] == 0
    assert site.names() == {"Media": ["Jellyfin"]}


def test_with_its_board_deleted_an_import_can_no_longer_be_undone(site: Site) -> None:
    change = site.take(draft(**TWO))
    delete_board(site.board, viewer=site.ben, actor=site.actor())

    with pytest.raises(UndoTooLateError) as refused:
        site.undo(change)
    assert (refused.value.since.by, refused.value.since.deleted) == ("ben", "Home")
    assert site.app("Kavita")


def test_of_two_imports_at_once_the_second_finds_all_of_it_there(site: Site) -> None:
    file = draft(**TWO)
    assert site.plan(file).count == 3
    site.take(file)

    again = site.take(file)

    assert (again.facts["count"], again.step_id) == (0, None)
    assert len(site.names()["Media"]) == 3


def test_what_is_unticked_is_not_imported(site: Site) -> None:
    plan = site.plan(draft(**TWO))
    kavita = plan.sections[0].links[0].number

    chosen = plan.without(links={kavita}, sections={plan.sections[1].number})

    import_apps(chosen, site.board, actor=site.actor())
    assert site.names() == {"Media": ["Jellyfin", "Navidrome"]}


def test_an_app_on_a_private_board_stays_private(site: Site) -> None:
    entries = BoardEntries(name="Mine", visibility="private")
    site.board, _ = create_board(entries, owner=site.ben, actor=site.actor())
    site.take(draft(Media=[link("Diary")]))

    assert site.app("Diary").owner_id == site.ben.id


NAMES = st.sampled_from(("Media", "Work", "House", ""))
LINKS = st.builds(
    lambda number, tags, icon: link(
        f"App {number}", f"https://app{number}.old.lan", tags=tags, icon=icon
    ),
    st.integers(0, 12),
    st.lists(st.sampled_from(("a", "b", "Flow")), unique=True, max_size=3).map(tuple),
    st.sampled_from(("", "jellyfin", "mdi:server")),
)
FILES = st.lists(
    st.builds(DraftSection, NAMES, st.lists(LINKS, min_size=1, max_size=5).map(tuple)), max_size=4
)


@settings(max_examples=40, deadline=None, suppress_health_check=[Check.function_scoped_fixture])
@given(folders=FILES)
def test_any_import_and_its_undo_leave_the_catalogue_as_it_was(
    site: Site, folders: list[DraftSection]
) -> None:
    before = content()
    change = site.take(check_draft(Draft(Source.BOOKMARKS, tuple(folders))))
    if change.step_id is None:
        assert not folders or change.facts["count"] == 0
        return
    assert content() != before
    site.undo(change)
    assert content() == before
