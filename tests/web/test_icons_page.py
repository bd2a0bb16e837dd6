"""The page of all icons."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from launcher.extensions import db
from launcher.icons import colour_set
from launcher.models import App, Media, SetIcon
from tests.web.visitor import Visitor

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>'


def send_file(visitor: Visitor, path: str, content: bytes, name: str) -> int:
    token = re.search(r'name="csrf_token" value="([^"]+)"', visitor.open("/admin/icons").text)
    assert token
    file = FileStorage(io.BytesIO(content), name)
    boundary, body = encode_multipart({"csrf_token": token[1], "file": file})
    answer = visitor.client.post(
        path, data=body, content_type=f"multipart/form-data; boundary={boundary}"
    )
    visitor.page = answer.text
    return answer.status_code


def zip_of(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"svg/{name}.svg", content)
    return target.getvalue()


def test_uploads_are_listed_with_the_apps_that_use_them(
    ada: Visitor, pictures: dict[str, str]
) -> None:
    page = ada.open("/admin/icons").text

    rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
    used = next(row for row in rows if "j.png" in row)
    unused = next(row for row in rows if "d.svg" in row)
    assert "Jellyfin" in used
    assert "Remove" not in used
    assert "No app" in unused
    assert "Remove 2 unused icons…" in page


def test_an_app_that_an_editor_may_not_see_is_not_named(
    app: Flask, chloe: Visitor, ben: Visitor, pictures: dict[str, str]
) -> None:
    with app.app_context():
        diary = db.session.scalars(db.select(App).where(App.name == "Diary")).one()
        db.session.execute(db.text("UPDATE boards SET owner_id = 1 WHERE slug = 'attic'"))
        diary.icon_media = db.session.scalars(db.select(Media).where(Media.name == "d.svg")).one()
        db.session.commit()

    page = ben.open("/admin/icons").text

    assert "Diary" not in page
    assert "d.svg" not in page
    assert "j.png" in page
    assert chloe.open("/admin/icons").status_code == 403


def test_an_editor_uploads_and_removes_nothing(ben: Visitor, pictures: dict[str, str]) -> None:
    page = ben.open("/admin/icons").text

    assert "Upload icon" in page
    assert "unused" not in page
    assert "Upload colour set" not in page
    assert ben.send("/admin/icons/remove", sha256=pictures["svg"]).status_code == 403


def test_an_upload_appears_in_the_list(ada: Visitor) -> None:
    assert send_file(ada, "/admin/icons", LOGO, "logo.svg") == 303
    assert "logo.svg uploaded." in ada.open("/admin/icons").text
    assert send_file(ada, "/admin/icons", b"text", "logo.svg") == 422
    assert "The file is not a PNG" in ada.page


def test_an_icon_that_an_app_uses_is_not_removed(ada: Visitor, pictures: dict[str, str]) -> None:
    ada.send("/admin/icons/remove", sha256=pictures["png"])
    assert "j.png" in ada.open("/admin/icons").text

    ada.send("/admin/icons/remove", sha256=pictures["svg"])
    assert "d.svg removed." in ada.open("/admin/icons").text


def test_all_unused_icons_are_removed_after_a_question(
    app: Flask, ada: Visitor, pictures: dict[str, str]
) -> None:
    assert "2 icons of" in ada.open("/admin/icons/remove-unused").text
    ada.send("/admin/icons/remove-unused")

    with app.app_context():
        assert [each.name for each in db.session.scalars(db.select(Media))] == ["j.png"]


def test_a_colour_set_is_uploaded_and_removed(app: Flask, ada: Visitor) -> None:
    zipped = zip_of(jellyfin=LOGO, plex=LOGO, bad=b"<svg>")
    assert send_file(ada, "/admin/icons/set", zipped, "set.zip") == 303
    page = ada.open("/admin/icons").text
    assert "Colour set with 2 icons uploaded." in page
    assert "1 file was not a valid image." in page

    assert "2 icons of" in ada.open("/admin/icons/set/remove").text
    ada.send("/admin/icons/set/remove")
    with app.app_context():
        assert db.session.scalars(db.select(SetIcon)).all() == []


def test_a_refused_colour_set_leaves_the_one_before(app: Flask, ada: Visitor) -> None:
    send_file(ada, "/admin/icons/set", zip_of(jellyfin=LOGO), "set.zip")

    assert send_file(ada, "/admin/icons/set", b"no zip", "set.zip") == 422
    assert "The file is not a zip file." in ada.page
    assert "1 icon," in ada.page


def test_a_colour_set_that_is_too_large_is_refused(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(colour_set, "LIMIT_BYTES", 1000)

    assert send_file(ada, "/admin/icons/set", b"\0" * 40_000, "set.zip") == 413
    assert send_file(ada, "/admin/icons/set", b"\0" * 400_000, "set.zip") == 413
    assert "Upload the folder of SVG files alone." in ada.page
