"""Boards, sections and apps: each change, its audit entry, its undo, and who may see what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts.groups import create_group
from launcher.accounts.tokens import create_token
from launcher.accounts.users import create_user
from launcher.audit import Actor
from launcher.catalogue import access, undo
from launcher.catalogue.actions import Action
from launcher.catalogue.apps import create_app, duplicate_app, save_app
from launcher.catalogue.boards import create_board, delete_board, move_board, save_board, set_home
from launcher.catalogue.bulk import (
    archive_app,
    archive_apps,
    delete_apps,
    move_apps,
    tag_apps,
    unarchive_apps,
)
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.errors import (
    AlreadyThereError,
    ChangedMeanwhileError,
    FieldsRefusedError,
    NotAllowedError,
    UndoTooLateError,
    UndoUnknownError,
    Unfit,
)
from launcher.catalogue.listing import known_apps
from launcher.catalogue.merge import EditedByTwoError
from launcher.catalogue.places import add_place, move_place, remove_place
from launcher.catalogue.sections import (
    add_section,
    delete_section,
    fold_section,
    folds_of,
    move_section,
    rename_section,
)
from launcher.catalogue.seen import seen_of
from launcher.catalogue.tags import delete_tag, rename_tag
from launcher.extensions import db
from launcher.models import (
    App,
    AuditEvent,
    Board,
    Placement,
    Role,
    Section,
    SetIcon,
    Tag,
    TokenScope,
    UndoStep,
    User,
    Visibility,
)
from launcher.models.ids import COUNTED
from launcher.models.types import utc_now


@dataclass
class Site:
    """A board with two sections and four apps, and another board."""

    ada: User
    ben: User
    home: Board
    other: Board
    media: Section
    house: Section
    apps: Mapping[str, App]

    @property
    def as_ada(self) -> Actor:
        return Actor.of(self.ada)

    @property
    def as_ben(self) -> Actor:
        return Actor.of(self.ben)

    def place(self, name: str) -> Placement:
        return self.apps[name].placements[0]

    def names(self, section: Section) -> list[str]:
        db.session.expire_all()
        shown = [each for each in section.placements if each.app.archived_at is None]
        return [each.app.name for each in shown]


def entries(name: str, **more: str) -> AppEntries:
    return AppEntries(name=name, url=f"https://{name.lower()}.home.arpa", **more)


@pytest.fixture
def site(app: Flask, cast: object) -> Iterator[Site]:
    with app.app_context():
        ada, ben = (db.session.scalars(sa.select(User).where(User.username == name)).one()
                    for name in ("ada", "ben"))  # fmt: skip
        by = Actor.of(ada)
        home, _ = create_board(BoardEntries(name="Home"), owner=ada, actor=by)
        other, _ = create_board(BoardEntries(name="Children"), owner=ada, actor=by)
        for name in ("Media", "House"):
            add_section(home, name, actor=by)
        media, house = home.sections
        apps = {
            name: create_app(entries(name), section, actor=by)[0]
            for name, section in (
                ("Jellyfin", media), ("Immich", media), ("Navidrome", media), ("Grocy", house),
            )
        }  # fmt: skip
        yield Site(ada, ben, home, other, media, house, apps)


TABLES = ("boards", "sections", "placements", "apps", "app_tags", "tags", "section_folds")
GROWING = {"revision", "updated_at"}


def dump(app: Flask) -> list[str]:
    """The rows of boards and apps, but for what only grows."""
    path = Path(app.config["SQLALCHEMY_DATABASE_URI"].database)
    db.session.rollback()
    found: list[str] = []
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        for table in (
            "boards",
            "sections",
            "placements",
            "apps",
            "app_tags",
            "tags",
            "section_folds",
        ):
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
                values = {name: value for name, value in dict(row).items() if name not in GROWING}
                found.append(f"{table} {values}")
        found += [
            str(tuple(row)) for row in connection.execute("SELECT id, home_board_id FROM users")
        ]
    return found


def last_event() -> AuditEvent:
    return db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()


def test_an_app_is_added_at_the_end_of_a_section_and_the_log_has_its_values(site: Site) -> None:
    assert site.names(site.media) == ["Jellyfin", "Immich", "Navidrome"]
    created = db.session.scalars(
        sa.select(AuditEvent).where(
            AuditEvent.action == "app.create", AuditEvent.target_name == "Immich"
        )
    ).one()
    assert created.changes == {"name": [None, "Immich"], "url": [None, "https://immich.home.arpa"]}


def test_moving_within_and_between_sections(site: Site) -> None:
    move_place(site.place("Navidrome"), site.media, 1, actor=site.as_ada)
    assert site.names(site.media) == ["Navidrome", "Jellyfin", "Immich"]
    change = move_place(site.place("Jellyfin"), site.house, 1, actor=site.as_ada)
    assert site.names(site.house) == ["Jellyfin", "Grocy"]
    assert (change.facts["section"], change.facts["position"], change.facts["count"]) == (
        "House",
        1,
        2,
    )
    assert last_event().changes == {"app": ["Jellyfin · Media · 2", "Jellyfin · House · 1"]}


def test_archived_apps_keep_their_place_and_do_not_count(site: Site) -> None:
    archive_app(site.apps["Immich"], actor=site.as_ada)
    assert site.names(site.media) == ["Jellyfin", "Navidrome"]
    move_place(site.place("Navidrome"), site.media, 1, actor=site.as_ada)
    assert site.names(site.media) == ["Navidrome", "Jellyfin"]


@pytest.mark.parametrize("step", range(17))
def test_each_step_is_undone_to_the_row(app: Flask, site: Site, step: int) -> None:
    by = site.as_ada
    site.ada.home_board_id = site.home.id
    tag_apps([site.apps["Immich"]], "photos, family", actor=by)
    fold_section(site.media, site.ada, is_folded=True)
    before = dump(app)
    steps = [
        lambda: move_place(site.place("Jellyfin"), site.media, 3, actor=by),
        lambda: move_place(site.place("Jellyfin"), site.house, 1, actor=by),
        lambda: remove_place(site.place("Immich"), actor=by),
        lambda: archive_app(site.apps["Jellyfin"], actor=by),
        lambda: duplicate_app(
            site.apps["Immich"], site.place("Immich"), name="Immich (copy)", actor=by
        )[1],
        lambda: create_app(entries("Kavita"), site.media, actor=by)[1],
        lambda: add_section(site.home, "Work", actor=by),
        lambda: rename_section(site.media, "Films", actor=by),
        lambda: move_section(site.media, site.home, 2, actor=by),
        lambda: move_section(site.media, site.other, 1, actor=by),
        lambda: delete_section(site.media, actor=by),
        lambda: delete_board(site.home, viewer=site.ada, actor=by),
        lambda: move_board(site.home, 2, among=[site.home, site.other], actor=by),
        lambda: tag_apps([site.apps["Immich"], site.apps["Jellyfin"]], "Family", actor=by),
        lambda: move_apps([site.apps["Jellyfin"], site.apps["Grocy"]], site.house, actor=by),
        lambda: save_app(
            site.apps["Immich"], entries("Photos", tags="photos", icon="letters:3"), actor=by
        ),
        lambda: set_home(site.other, is_home=True, actor=by),
    ]
    change = steps[step]()
    assert dump(app) != before
    assert change.step_id is not None
    undo.undo(change.step_id, viewer=site.ada, actor=by)
    assert dump(app) == before
    with pytest.raises(UndoUnknownError):
        undo.undo(change.step_id, viewer=site.ada, actor=by)


def test_an_undo_that_would_lose_what_another_did_is_refused(app: Flask, site: Site) -> None:
    change = move_place(site.place("Jellyfin"), site.media, 3, actor=site.as_ada)
    move_place(site.place("Immich"), site.media, 3, actor=site.as_ben)
    before = dump(app)
    with pytest.raises(UndoTooLateError) as caught:
        undo.undo(change.step_id or 0, viewer=site.ada, actor=site.as_ada)
    assert caught.value.since.by == "ben"
    assert dump(app) == before


def _order(site: Site) -> list[str]:
    return [each.name for each in access.visible_boards(site.ben)]


def _with_a_hidden_board(site: Site) -> Board:
    """Home, Cellar, Children, where Ben does not see Cellar."""
    cellar, _ = create_board(
        BoardEntries(name="Cellar", visibility="private"), owner=site.ada, actor=site.as_ada
    )
    everything = [site.home, site.other, cellar]
    move_board(cellar, 2, among=everything, actor=site.as_ada)
    return cellar


def test_a_move_past_a_hidden_board_is_undone_and_done_again_to_the_row(
    app: Flask, site: Site
) -> None:
    _with_a_hidden_board(site)
    before = dump(app)
    step = move_board(site.home, 2, among=[site.home, site.other], actor=site.as_ben).step_id
    moved = dump(app)
    for rows in (before, moved, before):
        step = undo.undo(step or 0, viewer=site.ben, actor=site.as_ben).step_id
        assert dump(app) == rows


def test_what_became_of_a_hidden_board_refuses_no_undo(site: Site) -> None:
    cellar = _with_a_hidden_board(site)
    step = move_board(site.home, 2, among=[site.home, site.other], actor=site.as_ben).step_id
    everything = [site.other, site.home, cellar]
    move_board(cellar, 2, among=everything, actor=site.as_ada)
    write = BoardEntries(name="Den", visibility="private")
    save_board(cellar, write, viewer=site.ada, actor=site.as_ada)
    save_board(site.other, BoardEntries(name="Kids"), viewer=site.ada, actor=site.as_ada)

    assert _order(site) == ["Kids", "Home"]
    step = undo.undo(step or 0, viewer=site.ben, actor=site.as_ben).step_id
    assert _order(site) == ["Home", "Kids"]
    assert [each.name for each in access.visible_boards(site.ada)] == ["Home", "Den", "Kids"]
    delete_board(cellar, viewer=site.ada, actor=site.as_ada)
    undo.undo(step or 0, viewer=site.ben, actor=site.as_ben)
    assert _order(site) == ["Kids", "Home"]


def test_a_move_is_not_undone_where_its_board_was_moved_again_deleted_or_hidden(site: Site) -> None:
    both = [site.home, site.other]
    step = move_board(site.home, 2, among=both, actor=site.as_ben).step_id
    move_board(site.home, 1, among=both, actor=site.as_ada)
    with pytest.raises(UndoTooLateError) as caught:
        undo.undo(step or 0, viewer=site.ben, actor=site.as_ben)
    assert caught.value.since.by == "ada"

    step = move_board(site.other, 1, among=both, actor=site.as_ben).step_id
    hide = BoardEntries(name="Plans", visibility="private")
    save_board(site.other, hide, viewer=site.ada, actor=site.as_ada)
    with pytest.raises(NotAllowedError):
        undo.undo(step or 0, viewer=site.ben, actor=site.as_ben)
    delete_board(site.other, viewer=site.ada, actor=site.as_ada)
    with pytest.raises(UndoTooLateError) as caught:
        undo.undo(step or 0, viewer=site.ben, actor=site.as_ben)
    assert caught.value.since.deleted == "Children", "not the name that he never saw"


def test_a_step_is_undone_by_its_user_alone(site: Site) -> None:
    change = rename_section(site.media, "Films", actor=site.as_ada)
    with pytest.raises(UndoUnknownError):
        undo.undo(change.step_id or 0, viewer=site.ben, actor=site.as_ben)


def test_who_lost_the_right_to_edit_undoes_nothing(site: Site) -> None:
    change = rename_section(site.media, "Films", actor=site.as_ben)
    site.home.visibility = Visibility.PRIVATE
    db.session.commit()
    with pytest.raises(NotAllowedError):
        undo.undo(change.step_id or 0, viewer=site.ben, actor=site.as_ben)


def test_the_second_of_two_editors_gets_what_the_first_saved(site: Site) -> None:
    app = site.apps["Jellyfin"]
    seen, revision = AppEntries.of(app), app.revision
    save_app(app, replace(seen, name="Films", keywords="movies"), actor=site.as_ben,
             seen=seen, seen_revision=revision)  # fmt: skip
    mine = replace(seen, name="Cinema", description="Films and series")
    with pytest.raises(EditedByTwoError) as caught:
        save_app(app, mine, actor=site.as_ada, seen=seen, seen_revision=revision)
    merge = caught.value.merge
    assert (merge.both_changed, merge.only_theirs) == (("name",), ("keywords",))
    assert merge.merged == replace(mine, keywords="movies")
    assert (merge.theirs.name, merge.since.by) == ("Films", "ben")
    save_app(app, merge.merged, actor=site.as_ada, seen=merge.theirs, seen_revision=merge.revision)
    assert (app.name, app.keywords) == ("Cinema", "movies")


def test_a_change_of_tags_alone_is_a_change_of_the_app(site: Site) -> None:
    app = site.apps["Jellyfin"]
    revision = app.revision
    save_app(app, replace(AppEntries.of(app), tags="films"), actor=site.as_ada)
    assert app.revision == revision + 1
    assert last_event().changes == {"tags": ["", "films"]}


def test_a_page_that_is_out_of_date_changes_nothing(app: Flask, site: Site) -> None:
    revision, seen = site.home.revision, seen_of(site.home.sections)
    rename_section(site.media, "Films", actor=site.as_ben, seen=seen)
    move_section(site.media, site.home, 2, actor=site.as_ben, seen=seen)
    before = dump(app)
    for change in (
        lambda: move_place(site.place("Grocy"), site.media, 1, actor=site.as_ada, seen=seen),
        lambda: move_place(site.place("Immich"), site.house, 1, actor=site.as_ada, seen=seen),
        lambda: remove_place(site.place("Immich"), actor=site.as_ada, seen=seen),
        lambda: rename_section(site.media, "X", actor=site.as_ada, seen=seen),
        lambda: move_section(site.house, site.home, 2, actor=site.as_ada, seen=seen),
        lambda: delete_section(site.media, actor=site.as_ada, seen=seen),
        lambda: save_board(
            site.home, BoardEntries(name="X"), viewer=site.ada, actor=site.as_ada, seen=revision
        ),
    ):
        with pytest.raises(ChangedMeanwhileError) as caught:
            change()
        assert caught.value.since.by == "ben"
    assert dump(app) == before
    remove_place(site.place("Grocy"), actor=site.as_ada, seen=seen)


def test_an_app_is_in_a_section_once(site: Site) -> None:
    with pytest.raises(AlreadyThereError):
        add_place(site.apps["Grocy"], site.house, actor=site.as_ada)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("url", "", Unfit.EMPTY),
        ("url", "javascript:alert(1)", Unfit.URL_SCHEME),
        ("url", "data:text/html,x", Unfit.URL_SCHEME),
        ("url", "file:///etc/passwd", Unfit.URL_SCHEME),
        ("url", "jellyfin.home.arpa", Unfit.URL_INCOMPLETE),
        ("url", "192.168.1.20:8096", Unfit.URL_INCOMPLETE),
        ("url", "http://", Unfit.URL_INCOMPLETE),
        ("url", "http://host:99999", Unfit.URL_PORT),
        ("url", "http://[::1]:x/", Unfit.URL_PORT),
        ("url", "http://[", Unfit.URL_INCOMPLETE),
        ("url", "https://good.org\\@evil.org", Unfit.URL_INCOMPLETE),
        ("url", "https://a b", Unfit.CHARACTERS),
        ("url", "https://my\u00adbank.home.arpa", Unfit.CHARACTERS),
        ("url", "https://my\u200bbank.home.arpa", Unfit.CHARACTERS),
        ("url", "https://\u202egro.lived/", Unfit.CHARACTERS),
        ("url", "https://host.home.arpa/\u2066x", Unfit.CHARACTERS),
        ("url", "https://ada:secret@host", Unfit.URL_PASSWORD),
        ("url", "https://" + "a" * 2000, Unfit.TOO_LONG),
        ("url_local", "ftp://host", Unfit.URL_SCHEME),
        ("name", " \u200b\u2060 ", Unfit.EMPTY),
        ("name", "a" * 201, Unfit.TOO_LONG),
        ("name", "a\x00b", Unfit.CHARACTERS),
        ("name", "a\nb", Unfit.CHARACTERS),
        ("name", "a\u202eb", Unfit.CHARACTERS),
        ("tags", ", ".join(map(str, range(21))), Unfit.TOO_MANY),
        ("tags", "a" * 51, Unfit.TOO_LONG),
        ("opens", "popup", Unfit.CHOICE),
        ("letters", "abcd", Unfit.TOO_LONG),
    ],
)  # fmt: skip
def test_what_is_refused_names_its_field(site: Site, field: str, value: str, reason: Unfit) -> None:
    with pytest.raises(FieldsRefusedError) as caught:
        create_app(replace(entries("Kavita"), **{field: value}), site.media, actor=site.as_ada)
    assert {name: each.reason for name, each in caught.value.fields.items()} == {field: reason}


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "ж",
        "群晖",
        "كافيتا",
        "👨‍👩‍👧",
        "می‌خواهم",
        "a" * 200,
        "O'Brien <b>&amp;</b>",
        "{{ 7*7 }}%(x)s",
    ],
)
def test_names_of_every_script_are_kept_as_they_are(site: Site, name: str) -> None:
    app, _ = create_app(replace(entries("x"), name=name), site.media, actor=site.as_ada)
    assert app.name == name


def test_what_is_on_a_private_board_alone_does_not_exist_for_others(site: Site) -> None:
    private, _ = create_board(
        BoardEntries(name="Cellar", visibility="private"), owner=site.ada, actor=site.as_ada
    )
    add_section(private, "Wine", actor=site.as_ada)
    hidden, _ = create_app(
        entries("Zebrafish", tags="secret"), private.sections[0], actor=site.as_ada
    )
    assert access.find_board("cellar", site.ben) is None
    assert access.find_app(hidden.id, site.ben) is None
    assert "secret" not in [tag.name for tag, _ in access.visible_tags(site.ben)]
    delete_board(private, viewer=site.ada, actor=site.as_ada)
    assert access.find_app(hidden.id, site.ben) is None
    assert access.find_app(hidden.id, site.ada) is hidden
    remove_place(site.place("Grocy"), actor=site.as_ada)
    assert access.find_app(site.apps["Grocy"].id, site.ben) is site.apps["Grocy"]


def test_an_editor_neither_hides_nor_deletes_the_board_of_another(site: Site) -> None:
    with pytest.raises(NotAllowedError):
        delete_board(site.home, viewer=site.ben, actor=site.as_ben)
    with pytest.raises(NotAllowedError):
        save_board(
            site.home,
            BoardEntries(name="Home", visibility="private"),
            viewer=site.ben,
            actor=site.as_ben,
        )
    save_board(
        site.home,
        BoardEntries(name="House", slug="house"),
        viewer=site.ben,
        actor=site.as_ben,
    )
    assert (site.home.name, site.home.slug) == ("House", "house")


def test_addresses_of_boards_are_made_of_names_and_free(site: Site) -> None:
    made = [
        create_board(BoardEntries(name=name), owner=None, actor=site.as_ada)[0].slug
        for name in ("Home", "Über uns!", "Дом", "群晖")
    ]
    assert made == ["home-2", "uber-uns", "board", "board-2"]
    with pytest.raises(FieldsRefusedError):
        create_board(BoardEntries(name="x", slug="home"), owner=None, actor=site.as_ada)
    with pytest.raises(FieldsRefusedError):
        create_board(BoardEntries(name="x", slug="../x"), owner=None, actor=site.as_ada)


def test_each_user_folds_sections_for_themselves(site: Site) -> None:
    fold_section(site.media, site.ada, is_folded=True)
    assert folds_of(site.ada, site.home) == {site.media.id: True}
    assert folds_of(site.ben, site.home) == {}
    fold_section(site.media, site.ada, is_folded=False)
    assert folds_of(site.ada, site.home) == {}


def test_a_tag_that_is_renamed_to_another_becomes_one_with_it(site: Site) -> None:
    tag_apps([site.apps["Immich"], site.apps["Grocy"]], "photos", actor=site.as_ada)
    tag_apps([site.apps["Immich"]], "pictures", actor=site.as_ada)
    photos = db.session.scalars(sa.select(Tag).where(Tag.name == "photos")).one()
    change = rename_tag(photos, "Pictures", actor=site.as_ada)
    assert change.action == "tag.merge"
    db.session.expire_all()
    assert [tag.name for tag in site.apps["Grocy"].tags] == ["pictures"]
    assert [tag.name for tag in site.apps["Immich"].tags] == ["pictures"]
    change = delete_tag(site.apps["Grocy"].tags[0], actor=site.as_ada)
    undo.undo(change.step_id or 0, viewer=site.ada, actor=site.as_ada)
    assert [tag.name for tag in site.apps["Grocy"].tags] == ["pictures"]


def test_an_app_is_deleted_with_its_places(site: Site) -> None:
    change = delete_apps([site.apps["Grocy"]], actor=site.as_ada)
    assert change.step_id is None
    assert site.names(site.house) == []
    assert last_event().changes["places"] == ["Home · House", None]


def test_a_tag_of_hidden_apps_has_the_spelling_of_who_types_it(site: Site) -> None:
    site.other.visibility, site.other.owner = Visibility.PRIVATE, site.ada
    db.session.commit()
    section = add_section(site.other, "Attic", actor=site.as_ada).facts["section_id"]
    attic = db.session.get_one(Section, section)
    create_app(entries("Diary", tags="SeCret"), attic, actor=site.as_ada)

    create_app(entries("Radio", tags="secret"), site.house, actor=site.as_ben)
    assert [tag.name for tag, _ in access.visible_tags(site.ben)] == ["secret"]
    create_app(entries("Kavita", tags="SECRET"), site.house, actor=site.as_ben)
    assert [tag.name for tag, _ in access.visible_tags(site.ben)] == ["secret"], "he knows of it"

    create_app(entries("Diary2", tags="HiDden"), attic, actor=site.as_ada)
    own = db.session.scalars(sa.select(Tag).where(Tag.name == "secret")).one()
    assert rename_tag(own, "hidden", actor=site.as_ben).action == "tag.update", "no word of two"
    assert [tag.name for tag, _ in access.visible_tags(site.ben)] == ["hidden"]


def test_an_undo_brings_nothing_back_that_is_hidden_by_now(site: Site) -> None:
    step = remove_place(site.place("Jellyfin"), actor=site.as_ben).step_id
    board, _ = create_board(
        BoardEntries(name="Cellar", visibility="private"), owner=site.ada, actor=site.as_ada
    )
    add_section(board, "Wine", actor=site.as_ada)
    add_place(site.apps["Jellyfin"], board.sections[0], actor=site.as_ada)

    with pytest.raises(NotAllowedError):
        undo.undo(step or 0, viewer=site.ben, actor=site.as_ben)
    assert site.names(site.media) == ["Immich", "Navidrome"]


def test_a_step_can_be_undone_for_one_day(site: Site) -> None:
    """Also one that an old backup brought back."""
    for age, is_undone in ((timedelta(hours=23), True), (timedelta(hours=25), False)):
        step_id = rename_section(site.media, f"Films {age}", actor=site.as_ada).step_id
        assert step_id is not None
        db.session.get_one(UndoStep, step_id).at = utc_now() - age
        db.session.commit()
        if is_undone:
            undo.undo(step_id, viewer=site.ada, actor=site.as_ada)
        else:
            with pytest.raises(UndoUnknownError):
                undo.undo(step_id, viewer=site.ada, actor=site.as_ada)


def test_an_icon_of_the_colour_set_is_copied_and_the_log_names_the_copy(site: Site) -> None:
    app = site.apps["Jellyfin"]
    icon = SetIcon(name="jellyfin", mime="image/png", size_bytes=3, content=b"png")
    db.session.add(icon)
    db.session.commit()
    save_app(app, replace(AppEntries.of(app), icon=f"set:{icon.id}"), actor=site.as_ada)
    copy = AppEntries.of(app).icon
    assert copy.startswith("media:")
    assert last_event().changes == {"icon": ["letters:", copy]}


@pytest.mark.parametrize("icon", ["symbol:no-such", "set:999", f"media:{'f' * 64}", "x", "tv:tv"])
def test_an_icon_that_is_not_there_changes_nothing(app: Flask, site: Site, icon: str) -> None:
    before = dump(app)
    jellyfin = site.apps["Jellyfin"]
    for change in (
        lambda: save_app(jellyfin, entries("Films", icon=icon), actor=site.as_ada),
        lambda: create_app(entries("Films", icon=icon), site.media, actor=site.as_ada),
    ):
        with pytest.raises(FieldsRefusedError) as caught:
            change()
        assert caught.value.fields["icon"].reason is Unfit.CHOICE
        assert dump(app) == before


def test_the_id_of_a_deleted_app_is_not_used_again(site: Site) -> None:
    """A form that is still open would otherwise change the next app that is added."""
    newest, _ = create_app(entries("Kavita"), site.house, actor=site.as_ada)
    old_id = newest.id
    delete_apps([newest], actor=site.as_ada)
    app, _ = create_app(entries("Mealie"), site.house, actor=site.as_ada)
    assert app.id > old_id


@pytest.mark.parametrize("model", COUNTED, ids=lambda model: model.__tablename__)
def test_ids_that_stand_in_addresses_are_used_once(site: Site, model: type) -> None:
    tag_apps([site.apps["Immich"]], "photos", actor=site.as_ada)
    create_group("Family", actor=site.as_ada)
    create_user("dan", "dan's long password", role=Role.VIEWER, actor=site.as_ada)
    create_token(site.ada, "phone", [TokenScope.STATUS], expires_at=None, actor=site.as_ada)
    last = db.session.scalars(sa.select(model).order_by(model.id.desc()).limit(1)).one()
    last_id, copy = (
        last.id,
        {
            column.key: getattr(last, column.key)
            for column in sa.inspect(model).column_attrs
            if column.key not in {"id", "revision"}
        },
    )
    db.session.delete(last)
    db.session.commit()
    again = model(**copy)
    db.session.add(again)
    db.session.commit()
    assert again.id == last_id + 1


def test_moving_several_apps_is_in_the_log_with_every_place_that_each_had(site: Site) -> None:
    add_place(site.apps["Jellyfin"], site.house, actor=site.as_ada)
    wanted = ("Jellyfin", "Navidrome", "Grocy")
    move_apps([site.apps[name] for name in wanted], site.house, actor=site.as_ada)
    moves = (
        sa.select(AuditEvent).where(AuditEvent.action == Action.PLACE_MOVE).order_by(AuditEvent.id)
    )
    assert [event.changes["app"] for event in db.session.scalars(moves)] == [
        ["Jellyfin · Media · 1, Jellyfin · House · 2", "Jellyfin · House · 2"],
        ["Navidrome · Media · 3", "Navidrome · House · 3"],
    ]
    assert site.names(site.house) == ["Grocy", "Jellyfin", "Navidrome"]
    assert site.names(site.media) == ["Immich"]


@pytest.mark.parametrize("verb", ["move", "tag", "archive", "unarchive", "delete"])
def test_many_apps_are_changed_with_the_queries_of_few(site: Site, verb: str) -> None:
    """The next editor waits meanwhile."""
    made = [
        create_app(entries(f"App{n}"), site.media if n % 2 else site.house, actor=site.as_ada)[0]
        for n in range(24)
    ]
    changes: dict[str, Callable[[Sequence[App]], object]] = {
        "move": lambda apps: move_apps(apps, site.house, actor=site.as_ada),
        "tag": lambda apps: tag_apps(apps, "one, two", actor=site.as_ada),
        "archive": lambda apps: archive_apps(apps, actor=site.as_ada),
        "unarchive": lambda apps: unarchive_apps(apps, actor=site.as_ada),
        "delete": lambda apps: delete_apps(apps, actor=site.as_ada),
    }
    if verb == "unarchive":
        archive_apps(made, actor=site.as_ada)

    def queries_for(apps: list[App]) -> int:
        ids = [app.id for app in apps]
        db.session.expire_all()
        chosen = known_apps(ids, site.ada)
        reads: list[str] = []

        def note(*call: object) -> None:
            if str(call[2]).startswith("SELECT"):
                reads.append(str(call[2]))

        sa.event.listen(db.engine, "before_cursor_execute", note)
        changes[verb](chosen)
        sa.event.remove(db.engine, "before_cursor_execute", note)
        return len(reads)

    assert abs(queries_for(made[4:]) - queries_for(made[:4])) <= 2
