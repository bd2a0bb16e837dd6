"""A file from elsewhere, previewed and imported in the browser."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from launcher.background.uploads import KEEP_PREVIEW_S
from launcher.config import Config
from launcher.extensions import db
from launcher.models import App, AuditEvent, Board, BoardUser, UndoStep, Visibility
from launcher.models.types import utc_now
from tests.conftest import BEN
from tests.support.odd_servers import Server, serving, site
from tests.web.visitor import Visitor

FILES = Path(__file__).parents[1] / "support" / "imports"
BOOKMARKS = b"""<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<TITLE>Bookmarks</TITLE><H1>Bookmarks</H1>
<DL><p>
<DT><H3>Media</H3><DL><p>
<DT><A HREF="https://jellyfin.home.arpa/">My films</A>
<DT><A HREF="https://kavita.old.lan/">Kavita</A>
<DT><A HREF="https://music.old.lan/">Navidrome</A>
<DT><A HREF="javascript:alert(1)">Dark mode</A>
</DL><p>
<DT><H3>Smart home</H3><DL><p>
<DT><A HREF="https://ha.old.lan/">Home Assistant</A>
</DL><p>
</DL><p>
"""


@pytest.fixture
def config(app: Flask) -> Config:
    found: Config = app.extensions["launcher.config"]
    return found


def upload(
    visitor: Visitor, content: bytes, name: str = "bookmarks.html", **fields: str
) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', visitor.open("/import").text)
    assert token
    file = FileStorage(io.BytesIO(content), name)
    form = {"csrf_token": token[1], "source": "bookmarks", **fields, "file": file}
    boundary, body = encode_multipart(form)
    answer = visitor.client.post(
        "/import", data=body, content_type=f"multipart/form-data; boundary={boundary}"
    )
    visitor.page = answer.text
    return answer


def preview_of(visitor: Visitor, content: bytes = BOOKMARKS, **fields: str) -> str:
    """Upload a file, open its preview, and return the address of that."""
    answer = upload(visitor, content, **fields)
    assert answer.status_code == 303, answer.text
    assert visitor.open(answer.location).status_code == 200
    return answer.location.partition("?")[0]


def ticks(page: str, name: str) -> list[str]:
    boxes = re.findall(rf'<input type="checkbox" name="{name}" value="(\d+)"([^>]*)>', page)
    return [value for value, more in boxes if " checked" in more]


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def names_on(app: Flask, slug: str) -> dict[str, list[str]]:
    with app.app_context():
        board = db.session.scalars(sa.select(Board).where(Board.slug == slug)).one()
        rows = sorted(board.sections, key=lambda each: each.position)
        return {each.name: [place.app.name for place in each.placements] for each in rows}


def test_a_preview_says_what_would_be_created_and_what_not(ben: Visitor, boards: None) -> None:
    preview_of(ben, board="home")

    said = text_of(ben.page)
    assert "3 apps can be imported From bookmarks.html. Nothing is created yet." in said
    assert "New 3 apps 1 new section Already in Launcher 1 link Same URL, not changed" in said
    assert "Cannot be imported 1 entry Reasons below" in said
    assert "Media existing section, 2 apps" in said
    assert "Smart home new section, 1 app" in said
    assert "My films Jellyfin , on Home, Garden" in said
    assert "9 Dark mode The URL starts with javascript:, which Launcher does not open." in said
    assert 'href="/icons/brand/homeassistant.svg' in ben.page
    assert "Import 3 apps" in ben.page


def test_what_is_ticked_is_imported_and_one_click_takes_it_back(
    app: Flask, ben: Visitor, boards: None
) -> None:
    before = names_on(app, "home")
    address = preview_of(ben, board="home")
    apps, sections = ticks(ben.page, "app"), ticks(ben.page, "section")

    done = ben.send(address, board="home", sections="", app=apps[1:], section=sections)

    assert done.location == "/b/home"
    ben.open("/b/home")
    assert "2 apps imported to Home." in ben.page
    assert names_on(app, "home") == before | {
        "Media": [*before["Media"], "Navidrome"],
        "Smart home": ["Home Assistant"],
    }
    undo = re.search(r'name="id" value="(\d+)">\s*<button[^>]*>Undo import<', ben.page)
    assert undo, ben.page
    ben.send("/undo", id=undo[1])
    assert "Import undone. 2 apps and 1 section removed." in text_of(ben.open("/b/home").text)
    assert names_on(app, "home") == before


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("bookmarks", "bookmarks.html"),
        ("homepage", "services.yaml"),
        ("homepage", "bookmarks.yaml"),
        ("homer", "homer.yml"),
        ("dashy", "dashy.yml"),
        ("heimdall", "heimdall.json"),
        ("csv", "apps.csv"),
    ],
)
@pytest.mark.usefixtures("boards")
def test_a_file_of_each_source_comes_in_and_goes_again(
    app: Flask, ben: Visitor, config: Config, source: str, name: str
) -> None:
    before = names_on(app, "garden")
    content = (FILES / name).read_bytes()
    answer = upload(ben, content, name, source=source, board="garden")
    ben.open(answer.location)
    apps, sections = ticks(ben.page, "app"), ticks(ben.page, "section")
    assert apps
    assert b"not-a-real" not in b"".join(
        each.read_bytes() for each in config.importing_dir.iterdir()
    )

    ben.send(answer.location.partition("?")[0], board="garden", app=apps, section=sections)

    assert re.search(rf"{len(apps)} apps? imported to Garden.", ben.open("/b/garden").text)
    undo = re.search(r'name="id" value="(\d+)">\s*<button[^>]*>Undo import<', ben.page)
    assert undo
    ben.send("/undo", id=undo[1])
    assert names_on(app, "garden") == before


def test_an_unticked_section_is_not_imported_whatever_its_apps_say(
    app: Flask, ben: Visitor, boards: None
) -> None:
    address = preview_of(ben, board="home")
    apps, sections = ticks(ben.page, "app"), ticks(ben.page, "section")

    ben.send(address, board="home", app=apps, section=sections[:1])

    assert "Smart home" not in names_on(app, "home")
    assert "Kavita" in names_on(app, "home")["Media"]


PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def test_icons_in_the_file_are_named_or_counted(ben: Visitor, boards: None) -> None:
    links = [f'<DT><A HREF="http://{n}.lan/" ICON="{PICTURE}">App {n}</A>' for n in range(21)]
    start = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n"
    why = "The icon in the file is not imported. Launcher uses a matching icon or letters."

    preview_of(ben, "\n".join([start, links[0], "</DL>"]).encode(), board="home")
    assert f"App 0 {why}" in text_of(ben.page)
    assert "icon in the file is" not in text_of(ben.page).replace(why, "")

    preview_of(ben, "\n".join([start, *links, "</DL>"]).encode(), board="home")
    assert why not in ben.page
    assert (
        "21 icons in the file are not imported. Launcher uses matching icons or letters."
        in text_of(ben.page)
    )


def test_a_column_of_a_table_that_is_not_imported_is_named(ben: Visitor, boards: None) -> None:
    preview_of(ben, b"name,url,colour\nA,http://a.lan/,red\n", source="csv", board="home")

    assert "1 colour Launcher does not import this column." in text_of(ben.page)


@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_the_columns_that_the_page_names_are_read(
    ben: Visitor, boards: None, language: str
) -> None:
    ben.language = language
    (said,) = re.findall(r"CSV[^<]*: ([^<:]+)\.</span>", ben.open("/import").text)
    headings = said.split(", ")
    assert len(headings) == 6
    table = f"name,url,{','.join(headings)}\nA,http://a.lan/,,,,,,\n"
    preview_of(ben, table.encode(), source="csv", board="home")
    assert 'id="import-notes"' not in ben.page


@pytest.mark.parametrize(
    ("language", "section"),
    [
        ("en", "Imported from CSV"),
        ("de", "Aus CSV importiert"),
        ("ru", "Импорт из CSV"),
    ],
)
def test_links_in_no_folder_get_a_section_named_by_their_source(
    ben: Visitor, boards: None, language: str, section: str
) -> None:
    ben.language = language
    preview_of(ben, b"name,url\nA,http://a.lan/\n", source="csv", board="home")

    assert f"<bdi>{section}</bdi>" in ben.page


def test_nothing_ticked_is_asked_again(ben: Visitor, boards: None) -> None:
    address = preview_of(ben)

    assert ben.send(address, board="home").status_code == 422
    assert "3 apps can be imported" in text_of(ben.page)


def test_another_board_is_previewed_with_the_same_ticks(ben: Visitor, boards: None) -> None:
    address = preview_of(ben, board="home")
    apps, sections = ticks(ben.page, "app"), ticks(ben.page, "section")

    ben.send(
        address, step="preview", board="garden", sections="one", app=apps[1:], section=sections
    )

    assert "Imported bookmarks new section, 3 apps" in text_of(ben.page)
    assert '<option value="garden" selected>' in ben.page
    assert ticks(ben.page, "app") == apps[1:]


ICON = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1"/></svg>'


def homer_file(server: Server) -> bytes:
    return f"""
services:
  - name: Tools
    items:
      - name: Our thing
        url: https://thing.old.lan
        logo: {server.url}/thing.svg
      - name: Nothing there
        url: https://nothing.old.lan
        logo: {server.url}/nothing.svg
      - name: Jellyfin
        url: https://films.old.lan
        logo: {server.url}/jellyfin.svg
""".encode()


@pytest.mark.usefixtures("boards")
def test_icons_at_other_addresses_are_fetched_when_that_is_asked_for_and_only_then(
    app: Flask, ben: Visitor
) -> None:
    with serving(site({"/thing.svg": ICON, "/jellyfin.svg": ICON})) as server:
        address = preview_of(ben, homer_file(server), source="homer", board="garden")
        fields = {"app": ticks(ben.page, "app"), "section": ticks(ben.page, "section")}
        assert "Fetch icons from other addresses 2 icons are at other addresses" in text_of(
            ben.page
        )
        assert server.paths == []

        ben.send(address, board="garden", fetch="1", **fields)

        assert sorted(server.paths) == ["/nothing.svg", "/thing.svg"]
    assert "3 apps imported to Garden. 1 icon fetched." in text_of(ben.open("/b/garden").text)
    with app.app_context():
        apps = {each.name: each for each in db.session.scalars(sa.select(App))}
        media = apps["Our thing"].icon_media
        assert media
        assert media.content == ICON
        assert apps["Nothing there"].icon_media is None
        assert db.session.scalars(
            sa.select(AuditEvent.target_name).where(AuditEvent.action == "icon.fetch")
        ).all() == ["thing.svg"]


@pytest.mark.usefixtures("boards")
def test_no_icon_is_fetched_without_the_tick_or_while_the_setting_is_off(
    ben: Visitor, set_site: Callable[..., None]
) -> None:
    with serving(site({"/thing.svg": ICON})) as server:
        file = homer_file(server)
        address = preview_of(ben, file, source="homer", board="garden")
        fields = {"app": ticks(ben.page, "app"), "section": ticks(ben.page, "section")}
        set_site(fetch_enabled=False)
        preview_of(ben, file, source="homer", board="garden")
        assert "Fetch icons" not in ben.page

        ben.send(address, board="garden", fetch="1", **fields)

        assert "3 apps imported to Garden. 0 icons fetched." in text_of(ben.open("/b/garden").text)
        assert server.paths == []


def test_all_of_it_there_already_is_said(ben: Visitor, boards: None) -> None:
    address = preview_of(ben, board="home")
    ben.send(address, board="home", app=ticks(ben.page, "app"), section=ticks(ben.page, "section"))

    preview_of(ben)

    assert "All 4 apps in bookmarks.html are already in Launcher. Nothing to import." in text_of(
        ben.page
    )
    assert "Choose another file" in ben.page


def test_a_file_cut_off_after_links_that_cannot_be_imported_promises_no_rest(
    ben: Visitor, boards: None
) -> None:
    content = (
        b"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><A HREF='javascript:1'>x</A><DT><A"
    )
    preview_of(ben, content)

    assert "Nothing to import" in text_of(ben.page)
    assert "The file ends in line 3. Export it again. " in text_of(ben.page)


def test_an_app_of_a_board_that_one_may_not_see_is_neither_there_nor_named(
    app: Flask, ben: Visitor, boards: None
) -> None:
    with app.app_context():
        db.session.execute(sa.update(Board).where(Board.slug == "attic").values(owner_id=1))
        db.session.commit()

    preview_of(ben, BOOKMARKS.replace(b"kavita.old.lan", b"diary.home.arpa"))

    assert "3 apps can be imported" in text_of(ben.page)
    assert "Diary" not in ben.page


@pytest.mark.parametrize(
    ("source", "content", "words"),
    [
        ("homer", BOOKMARKS, "bookmarks.html is not a Homer config.yml. Choose the source"),
        ("bookmarks", b"", "The file is empty."),
        (
            "bookmarks",
            b"hello there",
            "bookmarks.html is not a bookmark file of a browser.",
        ),
        ("bookmarks", b"x" * 10_000_001, "The file is 10 MB. The limit is 10 MB."),
        (
            "bookmarks",
            b"PK\x03\x04\x14\0\0\0\x08\0",
            "bookmarks.html is not a file that Launcher reads. Choose an HTML, YAML, JSON or CSV",
        ),
        (
            "bookmarks",
            b"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><A HRE",
            "The file ends in line 3. Export it again.",
        ),
    ],
)
@pytest.mark.usefixtures("boards")
def test_a_file_that_cannot_be_read_is_refused_beside_the_field(
    ben: Visitor, config: Config, source: str, content: bytes, words: str
) -> None:
    answer = upload(ben, content, source=source)

    assert answer.status_code in {413, 422}
    assert f"File not read. {words}" in text_of(ben.page)
    assert 'aria-invalid="true"' in ben.page
    # Of the source that the file seems to be from, where it is another.
    assert re.search(r'value="bookmarks" checked', ben.page)
    assert not list(config.importing_dir.glob("*"))


def test_without_a_file_one_is_asked_for(ben: Visitor, boards: None) -> None:
    ben.open("/import")
    assert ben.send("/import", source="homer").status_code == 422
    assert "Choose a file." in ben.page


def test_a_preview_is_its_user_s_alone(ada: Visitor, ben: Visitor, boards: None) -> None:
    address = preview_of(ben)
    fields = {"app": ticks(ben.page, "app"), "section": ticks(ben.page, "section")}

    assert ada.open(address).status_code == 404
    assert ada.send(address, board="home", **fields).status_code == 404
    assert ben.open(address).status_code == 200


def test_what_was_read_is_kept_for_an_hour_and_until_it_is_imported(
    ben: Visitor, boards: None, config: Config
) -> None:
    address = preview_of(ben)
    (path,) = config.importing_dir.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    fields = {"app": ticks(ben.page, "app"), "section": ticks(ben.page, "section")}
    ben.send(address, board="home", **fields)
    assert not list(config.importing_dir.iterdir())
    assert "imported already" in ben.open(address).text

    address = preview_of(ben)
    (path,) = config.importing_dir.iterdir()
    old = time.time() - KEEP_PREVIEW_S - 1
    os.utime(path, (old, old))
    assert ben.open(address).status_code == 404
    preview_of(ben)
    assert path not in list(config.importing_dir.iterdir())


def test_the_newest_three_files_of_each_person_are_kept(
    ada: Visitor, ben: Visitor, boards: None, config: Config
) -> None:
    other = preview_of(ada)
    first, second, *_others = [preview_of(ben) for _ in range(4)]

    assert len(list(config.importing_dir.iterdir())) == 4
    assert ben.open(first).status_code == 404
    assert "you uploaded 3 other files since" in text_of(ben.page)
    assert ben.open(second).status_code == 200
    assert ada.open(other).status_code == 200


def test_a_double_click_imports_once(app: Flask, ben: Visitor, boards: None) -> None:
    first = preview_of(ben, board="home")
    fields = {"app": ticks(ben.page, "app"), "section": ticks(ben.page, "section")}
    second = preview_of(ben, board="home")
    ben.send(first, board="home", **fields)

    answer = ben.send(second, board="home", **fields)

    assert answer.status_code == 422
    assert "already in Launcher" in ben.page
    assert names_on(app, "home")["Media"].count("Kavita") == 1


def test_no_one_imports_to_a_board_that_they_may_not_edit(
    app: Flask, ben: Visitor, chloe: Visitor, boards: None
) -> None:
    with app.app_context():
        db.session.execute(sa.update(Board).where(Board.slug == "attic").values(owner_id=1))
        db.session.commit()
    assert chloe.open("/import").status_code == 403
    assert ben.open("/import?board=attic").status_code == 404
    address = preview_of(ben)
    assert "Attic" not in ben.page
    assert ben.open(f"{address}?board=attic").status_code == 404
    assert ben.send(address, board="attic", app="0", section="0").status_code == 404


def test_who_shares_one_board_imports_to_that(app: Flask, chloe: Visitor, boards: None) -> None:
    with app.app_context():
        garden = db.session.scalars(sa.select(Board).where(Board.slug == "garden")).one()
        db.session.add(BoardUser(board_id=garden.id, user_id=3, access="edit"))
        db.session.commit()

    assert chloe.open("/import?board=home").status_code == 403
    address = preview_of(chloe)
    assert "/admin/apps" not in chloe.page
    fields = {"app": ticks(chloe.page, "app"), "section": ticks(chloe.page, "section")}
    assert chloe.send(address, board="garden", **fields).location == "/b/garden"
    assert names_on(app, "garden")["Smart home"] == ["Home Assistant"]


def test_without_any_board_the_import_brings_one(app: Flask, ben: Visitor) -> None:
    address = preview_of(ben)
    fields = {"app": ticks(ben.page, "app"), "section": ticks(ben.page, "section")}
    assert "The board Home is created for the apps." in text_of(ben.page)

    assert ben.send(address, **fields).location == "/b/home"
    assert names_on(app, "home")["Smart home"] == ["Home Assistant"]


def test_a_full_disk_keeps_nothing_and_says_so(
    ben: Visitor, boards: None, monkeypatch: pytest.MonkeyPatch, config: Config
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("launcher.web.importing.kept.write_atomic", full)
    answer = upload(ben, BOOKMARKS)

    assert answer.status_code == 507
    assert not list(config.importing_dir.iterdir())


def test_who_was_signed_out_meanwhile_chooses_the_file_again(ben: Visitor, boards: None) -> None:
    page = ben.open("/import").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    name, _value = ben.session_cookie
    ben.client.delete_cookie(name)
    file = FileStorage(io.BytesIO(BOOKMARKS), "bookmarks.html")
    form = {"csrf_token": token[1], "source": "homer", "board": "garden", "file": file}
    boundary, body = encode_multipart(form)
    answer = ben.client.post(
        "/import", data=body, content_type=f"multipart/form-data; boundary={boundary}"
    )
    assert answer.status_code == 401
    carried = re.search(r'name="unsaved" value="([^"]+)"', answer.text)
    assert carried
    ben.page = answer.text

    back = ben.send("/login", username=BEN.username, password=BEN.password, unsaved=carried[1])

    assert "Choose the file again." in back.text
    assert re.search(r'value="homer" checked', back.text)
    assert '<option value="garden" selected>' in back.text


def test_who_was_signed_out_over_the_preview_gets_it_back_with_the_same_ticks(
    app: Flask, ben: Visitor, boards: None
) -> None:
    address = preview_of(ben, board="home")
    apps, sections = ticks(ben.page, "app"), ticks(ben.page, "section")
    ben.client.delete_cookie(ben.session_cookie[0])
    lost = ben.send(address, board="home", sections="", app=apps[1:], section=sections)
    assert lost.status_code == 401
    carried = re.search(r'name="unsaved" value="([^"]+)"', lost.text)
    assert carried

    ben.send("/login", username=BEN.username, password=BEN.password, unsaved=carried[1])

    assert "3 apps can be imported" in text_of(ben.page)
    assert (ticks(ben.page, "app"), ticks(ben.page, "section")) == (apps[1:], sections)
    done = ben.send(address, board="home", app=apps[1:], section=sections)
    assert done.location == "/b/home"


def test_an_admin_is_led_to_the_backups_and_an_editor_is_not(
    ada: Visitor, ben: Visitor, boards: None
) -> None:
    words = "It is not a backup."
    assert words in ada.open("/import").text
    assert "Go to backups" in ada.page
    assert words in ben.open("/import").text
    assert "Go to backups" not in ben.page


def test_a_preview_of_five_thousand_links_stays_small(ben: Visitor, boards: None) -> None:
    links = "".join(
        f'<DT><A HREF="https://host{number}.old.lan/">App {number}</A>\n' for number in range(5000)
    )
    content = f"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n{links}</DL><p>\n"

    address = preview_of(ben, content.encode(), board="home")

    assert len(ben.page) < 2_500_000
    assert "<details open>" not in ben.page
    apps, sections = ticks(ben.page, "app"), ticks(ben.page, "section")
    assert len(apps) == 5000
    assert ben.send(address, board="home", app=apps, section=sections).status_code == 303


def _import(visitor: Visitor, file: bytes = BOOKMARKS) -> None:
    address = preview_of(visitor, file)
    fields = {name: ticks(visitor.page, name) for name in ("app", "section")}
    assert visitor.send(address, board="home", **fields).status_code == 303


def _kept(visitor: Visitor) -> list[tuple[str, str, str]]:
    """Open the page; return the last imports: the id, the sentence and the button of each."""
    page = visitor.open("/import").text.partition('class="kept-imports"')[2]
    found = re.findall(
        r'name="id" value="(\d+)">\s*<p[^>]*>(.*?) <span.*?<button[^>]*>(.*?)<', page, re.DOTALL
    )
    return [(id_, text_of(words), button) for id_, words, button in found]


def test_an_import_is_undone_and_made_again_on_the_import_page(
    ben: Visitor, ada: Visitor, boards: None
) -> None:
    assert "Your last imports" not in ben.open("/import").text
    _import(ben)
    ben.open("/b/home")  # its toast is gone
    ((id_, words, button),) = _kept(ben)
    assert (words, button) == ("3 apps imported to Home.", "Undo import")
    assert "today, " in ben.page
    assert _kept(ada) == [], "the imports of others are not hers to undo"
    ben.send("/undo", id=id_)
    ((id_, words, button),) = _kept(ben)
    assert "Import undone. 3 apps and 1 section removed." in text_of(ben.page)
    assert (words, button) == ("Import of 3 apps to Home undone.", "Import again")
    ben.send("/undo", id=id_)
    assert [each[1:] for each in _kept(ben)] == [("3 apps imported to Home.", "Undo import")]


def test_the_last_five_imports_are_listed_for_a_week_whatever_comes_after_them(
    ben: Visitor, app: Flask, boards: None
) -> None:
    for number in range(6):
        _import(ben, BOOKMARKS.replace(b".old.lan", b"%d.old.lan" % number))
    first, *_rest = reversed(_kept(ben))
    assert len(_kept(ben)) == 5
    ben.send("/undo", id=first[0])
    assert len(_kept(ben)) == 5, "an undo puts no other out of the list"
    with app.app_context():
        ben_id = db.session.scalars(sa.select(UndoStep.user_id)).first()
        moves = [UndoStep(id=n, user_id=ben_id, action="place.move") for n in range(1, 52)]
        db.session.add_all(moves)
        db.session.commit()
    ben.open("/b/home/edit")
    ben.send("/b/home/sections", name="Later")
    with app.app_context():
        assert len(db.session.scalars(sa.select(UndoStep)).all()) == 50 + 5
    assert len(_kept(ben)) == 5
    days = timedelta(days=7) - timedelta(minutes=1)
    with app.app_context():
        db.session.execute(sa.update(UndoStep).values(at=utc_now() - days))
        db.session.commit()
    assert len(_kept(ben)) == 5
    ben.send("/undo", id=_kept(ben)[0][0])
    assert "Redone" in ben.open("/import").text
    with app.app_context():
        db.session.execute(sa.update(UndoStep).values(at=utc_now() - timedelta(days=7)))
        db.session.commit()
    assert _kept(ben) == []


def test_an_import_to_a_board_that_one_may_no_longer_edit_is_not_listed(
    ben: Visitor, app: Flask, boards: None
) -> None:
    _import(ben)
    with app.app_context():
        home = db.session.scalars(sa.select(Board).where(Board.slug == "home")).one()
        home.visibility, home.name = Visibility.PRIVATE, "Hidden"
        db.session.commit()
    assert _kept(ben) == []


def test_ctrl_z_on_the_board_right_after_an_import_is_its_undo(
    ben: Visitor, app: Flask, boards: None
) -> None:
    """Where the page names the step, the script takes it: `data-imported`."""
    _import(ben)
    ((id_, _words, _button),) = _kept(ben)
    assert f'data-imported="{id_}"' in ben.open("/b/home/edit").text
    assert "data-imported" not in ben.open("/b/garden/edit").text
    ben.open("/b/home/edit")
    ben.send("/b/home/sections", name="Later")
    assert "data-imported" not in ben.open("/b/home/edit").text
