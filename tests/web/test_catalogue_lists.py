"""Administration → Apps and Tags: narrowed, sorted, several changed at once, by who may."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.audit import COMMAND_LINE
from launcher.catalogue.apps import create_app
from launcher.catalogue.entries import AppEntries
from launcher.extensions import db
from launcher.models import App, Board, Placement, Section, Tag
from tests.web.visitor import Visitor

_NAME = re.compile(r'aria-label="Select ([^"]+)" autocomplete')


def names(visitor: Visitor, path: str = "/admin/apps") -> list[str]:
    answer = visitor.open(path)
    assert answer.status_code == 200
    return [each for each in _NAME.findall(visitor.page) if "all apps" not in each]


@pytest.fixture
def rows(app: Flask, boards: None) -> dict[str, int]:
    """The ids of the apps of the three boards, and Lost, on none; some with tags."""
    with app.app_context():
        create_app(
            AppEntries(name="Lost", url="https://lost.test", tags="found"), None, actor=COMMAND_LINE
        )
        tagged = {"Jellyfin": ("films",), "Nextcloud": ("Work", "films"), "Diary": ("secret",)}
        tags = {name: Tag(name=name) for name in ("films", "Work", "secret")}
        db.session.add_all(tags.values())
        for name, of_app in tagged.items():
            app_ = db.session.scalars(sa.select(App).where(App.name == name)).one()
            app_.tags = [tags[each] for each in of_app]
        attic = db.session.scalars(sa.select(Board).where(Board.slug == "attic")).one()
        attic.owner_id = 1  # Ada's own, which Ben does not see
        db.session.commit()
        return {each.name: each.id for each in db.session.scalars(sa.select(App))}


def test_every_known_app_is_listed_with_its_boards_and_tags(
    rows: dict[str, int], ada: Visitor
) -> None:
    assert names(ada) == [
        "Diary", "Forgejo", "Home Assistant", "Jellyfin", "Lost", "Nextcloud", "Sprinkler",
        "Яблоко",
    ]  # fmt: skip
    assert "8 apps, 1 archived" in ada.page
    row = re.search(rf'<tr id="app-{rows["Jellyfin"]}">.*?</tr>', ada.page, re.DOTALL)
    assert row
    assert "jellyfin.home.arpa" in row[0]
    assert "Home, Garden" in row[0]
    assert ">films<" in row[0]


def test_an_editor_sees_no_trace_of_a_board_that_is_hidden_from_them(
    rows: dict[str, int], ben: Visitor
) -> None:
    assert "Diary" not in names(ben)
    assert "7 apps, 1 archived" in ben.page
    for word in ("Attic", "secret"):
        assert word not in ben.page
    assert names(ben, "/admin/apps?board=attic") == []
    assert names(ben, "/admin/apps?tag=secret") == []
    assert names(ben, "/admin/apps?q=diary") == []
    ben.open("/admin/tags")
    assert "secret" not in ben.page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=jelly", ["Jellyfin"]),
        ("q=CLOUD.home", ["Nextcloud"]),
        ("q=ЯБЛ", ["Яблоко"]),
        ("q=фрукт", ["Яблоко"]),
        ("tag=FILMS", ["Jellyfin", "Nextcloud"]),
        ("tag=films&q=next", ["Nextcloud"]),
        ("board=garden", ["Jellyfin", "Sprinkler"]),
        ("board=-", ["Lost"]),
        ("status=archived", ["Forgejo"]),
        ("status=sample", []),
        ("q=nothing", []),
        ("sort=-name&board=garden", ["Sprinkler", "Jellyfin"]),
        ("status=odd&sort=odd&page=odd&board=garden", ["Jellyfin", "Sprinkler"]),
    ],
)
def test_the_query_string_narrows_and_sorts(
    rows: dict[str, int], ada: Visitor, query: str, expected: list[str]
) -> None:
    assert names(ada, f"/admin/apps?{query}") == expected
    if not expected:
        assert "No apps match this filter" in ada.page


def test_sorted_by_boards_those_on_none_come_last(rows: dict[str, int], ada: Visitor) -> None:
    assert names(ada, "/admin/apps?sort=boards")[-1] == "Lost"
    assert names(ada, "/admin/apps?sort=-boards")[0] == "Lost"
    assert names(ada, "/admin/apps?sort=-changed")[0] == "Lost"


def test_a_hundred_apps_are_on_a_page(app: Flask, rows: dict[str, int], ada: Visitor) -> None:
    with app.app_context():
        db.session.add_all(App(name=f"N{n:03}", url=f"https://n{n}.test") for n in range(120))
        db.session.commit()
    assert len(names(ada, "/admin/apps?q=n")) == 100
    assert "1 to 100 of" in ada.page
    rest = names(ada, "/admin/apps?q=n&page=2")
    assert rest
    assert names(ada, "/admin/apps?q=n&page=99") == rest


def test_the_filter_as_you_type_gets_the_list_alone_with_its_address(
    rows: dict[str, int], ada: Visitor
) -> None:
    part = ada.open("/admin/apps?q=jelly", HX_Request="true").text
    assert "<html" not in part
    assert 'data-address="/admin/apps?q=jelly"' in part
    assert "1 of 8 apps" in part


def test_several_are_archived_at_once_and_the_filter_stays(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    ben.open("/admin/apps?board=garden")
    ids = [str(rows["Jellyfin"]), str(rows["Sprinkler"])]
    answer = ben.send("/admin/apps?board=garden", do="archive", app=ids)
    assert answer.status_code == 303
    assert answer.location == "/admin/apps?board=garden"
    ben.open(answer.location)
    assert "2 apps archived." in ben.page
    step = re.search(r'name="id" value="(\d+)"', ben.page)
    assert step
    ben.send("/undo", id=step[1])
    assert names(ben, "/admin/apps?status=archived") == ["Forgejo"]


def test_one_app_is_archived_from_its_menu_whatever_is_selected(
    rows: dict[str, int], ada: Visitor
) -> None:
    ada.open("/admin/apps")
    ada.send("/admin/apps", one=f"archive:{rows['Lost']}", app=[str(rows["Jellyfin"])])
    assert names(ada, "/admin/apps?status=archived") == ["Forgejo", "Lost"]
    ada.send("/admin/apps", one=f"unarchive:{rows['Lost']}")
    assert names(ada, "/admin/apps?status=archived") == ["Forgejo"]


def test_what_is_archived_already_is_not_called_archived_now(
    rows: dict[str, int], ada: Visitor
) -> None:
    ada.open("/admin/apps")
    ada.send("/admin/apps", do="archive", app=str(rows["Forgejo"]))
    assert "Forgejo was archived already." in ada.open("/admin/apps").text
    ada.send("/admin/apps", do="archive", app=[str(rows["Forgejo"]), str(rows["Lost"])])
    assert "Lost archived." in ada.open("/admin/apps").text
    ada.send("/admin/apps", do="archive", app=[str(rows["Forgejo"]), str(rows["Lost"])])
    assert "The selected apps were archived already." in ada.open("/admin/apps").text
    ada.send("/admin/apps", do="unarchive", app=str(rows["Jellyfin"]))
    assert "Jellyfin is not in the archive." in ada.open("/admin/apps").text


def test_a_new_tag_is_in_the_filter_at_once(rows: dict[str, int], ada: Visitor) -> None:
    ada.open("/admin/apps")
    part = ada.send_with(
        {"HX-Request": "true"}, "/admin/apps?tag=films", do="tag", app=str(rows["Lost"]),
        tags="family",
    )  # fmt: skip
    select = re.search(r'<select[^>]* id="filter-tag".*?</select>', part.text, re.DOTALL)
    assert select
    assert 'hx-swap-oob="outerHTML"' in select[0]
    assert "<option>family</option>" in select[0]
    assert "<option selected>films</option>" in select[0]


def test_a_section_to_move_to_has_the_name_of_its_board(rows: dict[str, int], ada: Visitor) -> None:
    ada.open("/admin/apps")
    ada.send("/admin/apps", do="move", app=str(rows["Lost"]))
    assert ">Home · Media</option>" in ada.page
    assert ">Garden · Outside</option>" in ada.page


def test_administration_begins_with_the_first_page_that_one_may_open(
    rows: dict[str, int], ada: Visitor, ben: Visitor, chloe: Visitor, guest: Visitor
) -> None:
    assert ada.open("/admin").status_code == 200
    assert ben.open("/admin").location == "/admin/apps"
    assert chloe.open("/admin").status_code == 404
    assert guest.open("/admin").location == "/login?next=/admin"


def test_a_hidden_board_is_not_counted_when_an_app_is_archived(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    with app.app_context():
        trunk = db.session.scalars(sa.select(Section).where(Section.name == "Trunk")).one()
        db.session.add(Placement(section_id=trunk.id, app_id=rows["Jellyfin"], position=1))
        db.session.commit()
    ben.open("/admin/apps")
    ben.send("/admin/apps", one=f"archive:{rows['Jellyfin']}")
    ben.open("/admin/apps")
    assert "Jellyfin archived. It is hidden on 2 boards." in ben.page


def test_a_tag_is_asked_for_and_the_selection_carried_on(
    rows: dict[str, int], ada: Visitor
) -> None:
    ids = [str(rows["Jellyfin"]), str(rows["Lost"])]
    ada.open("/admin/apps")
    asked = ada.send("/admin/apps?q=o", do="tag", app=ids)
    assert asked.status_code == 200
    assert re.findall(r'name="app" value="(\d+)"', ada.page) == ids
    assert ada.send("/admin/apps?q=o", do="tag", app=ids, tags=" , ").status_code == 422
    assert "Enter a tag." in ada.page
    assert ada.send("/admin/apps?q=o", do="tag", app=ids, tags="Films, family").status_code == 303
    assert names(ada, "/admin/apps?tag=family") == ["Jellyfin", "Lost"]
    assert names(ada, "/admin/apps?tag=films") == ["Jellyfin", "Lost", "Nextcloud"]
    ada.open("/admin/apps")


def test_apps_are_moved_to_a_section_that_the_editor_sees(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    ids = [str(rows["Lost"]), str(rows["Sprinkler"])]
    with app.app_context():
        sections = {each.name: str(each.id) for each in db.session.scalars(sa.select(Section))}
    ben.open("/admin/apps")
    ben.send("/admin/apps", do="move", app=ids)
    assert "Media" in ben.page
    assert "Trunk" not in ben.page
    refused = ben.send("/admin/apps", do="move", app=ids, section=sections["Trunk"])
    assert refused.status_code == 422
    ben.send("/admin/apps", do="move", app=ids, section=sections["Media"])
    assert {"Lost", "Sprinkler"} <= set(names(ben, "/admin/apps?board=home"))
    assert "2 apps moved to Media." in ben.page


def test_a_deletion_names_and_counts_before_it_is_done(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    ids = [str(rows["Jellyfin"]), str(rows["Lost"])]
    ben.open("/admin/apps")
    ben.send("/admin/apps", do="delete", app=ids)
    assert "Delete 2 apps?" in ben.page
    assert "They are removed from 2 boards, with their check history." in ben.page
    assert "Jellyfin" in ben.page
    assert "Jellyfin" in names(ben)
    ben.send("/admin/apps", do="delete", app=ids, confirmed="1")
    assert not {"Jellyfin", "Lost"} & set(names(ben))
    assert "2 apps deleted." in ben.page


def test_a_selection_that_means_nothing_changes_nothing(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    before = names(ben)
    for fields, words in (
        ({"do": "archive"}, "No apps selected."),
        ({"do": "explode", "app": [str(rows["Lost"])]}, "No apps selected."),
        ({"do": "delete", "confirmed": "1", "app": ["x"]}, "No apps selected."),
        ({"do": "delete", "confirmed": "1", "app": ["-1", "9" * 30]}, "you may not change them"),
        ({"do": "delete", "confirmed": "1", "app": ["99999"]}, "you may not change them"),
        ({"do": "archive", "app": [str(rows["Diary"])]}, "you may not change them"),
        ({"do": "archive", "app": [str(n) for n in range(501)]}, "Select at most 500 apps."),
    ):
        assert ben.send("/admin/apps", **fields).status_code == 422  # type: ignore[arg-type]
        assert words in ben.page
    assert names(ben) == before
    with app.app_context():
        assert db.session.get(App, rows["Diary"]).archived_at is None  # type: ignore[union-attr]


def test_five_hundred_apps_are_changed_at_once(app: Flask, ada: Visitor) -> None:
    with app.app_context():
        made = [App(name=f"N{n}", url=f"https://n{n}.test") for n in range(500)]
        db.session.add_all(made)
        db.session.commit()
        ids = [str(each.id) for each in made]
    ada.open("/admin/apps")
    assert ada.send("/admin/apps", do="archive", app=ids).status_code == 303
    ada.open("/admin/apps?status=archived")
    assert "500 apps archived." in ada.page


def test_the_tags_are_listed_with_their_numbers(rows: dict[str, int], ada: Visitor) -> None:
    ada.open("/admin/tags")
    listed = re.findall(r'dir="auto">([^<]+)</a></th>\s*<td class="beside">([^<]+)<', ada.page)
    assert listed == [
        ("films", "2 apps"), ("found", "1 app"), ("secret", "1 app"), ("Work", "1 app"),
    ]  # fmt: skip


def tag_id(app: Flask, name: str) -> int:
    with app.app_context():
        return db.session.scalars(sa.select(Tag.id).where(Tag.name == name)).one()


def test_a_tag_is_renamed_and_a_merge_says_so_before(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    films, work = tag_id(app, "films"), tag_id(app, "Work")
    ben.open("/admin/tags")
    assert ben.send(f"/admin/tags/{films}/rename", name="").status_code == 422
    assert ben.send(f"/admin/tags/{films}/rename", name="Cinema").status_code == 303
    assert names(ben, "/admin/apps?tag=cinema") == ["Jellyfin", "Nextcloud"]
    ben.send(f"/admin/tags/{films}/rename", name="work")
    assert "Tag Work exists. Both tags are merged." in ben.page
    assert names(ben, "/admin/apps?tag=cinema") == ["Jellyfin", "Nextcloud"]
    ben.send(f"/admin/tags/{films}/rename", name="work", merge=str(work))
    assert names(ben, "/admin/apps?tag=work") == ["Jellyfin", "Nextcloud"]


def test_a_tag_is_deleted_and_comes_back_by_undo(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    ben.open("/admin/tags")
    assert ben.send(f"/admin/tags/{tag_id(app, 'films')}/delete").status_code == 303
    ben.open("/admin/tags")
    assert "Tag films deleted." in ben.page
    step = re.search(r'name="id" value="(\d+)"', ben.page)
    assert step
    ben.send("/undo", id=step[1])
    assert names(ben, "/admin/apps?tag=films") == ["Jellyfin", "Nextcloud"]


def test_a_deleted_tag_comes_back_on_apps_that_the_editor_does_not_see_as_well(
    app: Flask, rows: dict[str, int], ben: Visitor, ada: Visitor
) -> None:
    with app.app_context():
        films = db.session.scalars(sa.select(Tag).where(Tag.name == "films")).one()
        films.apps.append(db.session.get_one(App, rows["Diary"]))
        db.session.commit()
    ben.open("/admin/tags")
    ben.send(f"/admin/tags/{tag_id(app, 'films')}/delete")
    ben.open("/admin/tags")
    step = re.search(r'name="id" value="(\d+)"', ben.page)
    assert step
    ben.send("/undo", id=step[1])
    assert names(ada, "/admin/apps?tag=films") == ["Diary", "Jellyfin", "Nextcloud"]


def test_a_tag_of_hidden_apps_alone_does_not_exist(
    app: Flask, rows: dict[str, int], ben: Visitor
) -> None:
    secret = tag_id(app, "secret")
    assert ben.open(f"/admin/tags/{secret}/rename").status_code == 404
    assert ben.send(f"/admin/tags/{secret}/rename", name="x").status_code == 404
    assert ben.send(f"/admin/tags/{secret}/delete").status_code == 404


def test_editors_see_the_pages_of_the_catalogue_and_no_other(
    rows: dict[str, int], ben: Visitor, chloe: Visitor
) -> None:
    ben.open("/admin/apps")
    assert set(re.findall(r'href="(/admin/[a-z]+)"', ben.page)) <= {
        "/admin/apps", "/admin/boards", "/admin/tags", "/admin/icons",
    }  # fmt: skip
    assert chloe.open("/admin/apps").status_code == 403
