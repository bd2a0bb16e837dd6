"""The colour set: a zip that an admin uploads."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image as Pictures

from launcher.audit import COMMAND_LINE
from launcher.extensions import db
from launcher.icons import colour_set, unzip
from launcher.icons.colour_set import SetRefusal, SetRefusedError, SetSize, prepare
from launcher.models import AuditEvent, SetIcon

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>'


def picture(kind: str, size: int = 64) -> bytes:
    target = io.BytesIO()
    Pictures.new("RGB", (size, size), (7, 80, 160)).save(target, kind)
    return target.getvalue()


def packed(folder: Path, files: Mapping[str, bytes]) -> Path:
    path = folder / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def kept(path: Path, folder: Path) -> dict[str, str]:
    """Return name and type of each icon that is good, read in this process."""
    target = folder / "target"
    with target.open("wb") as file:
        unzip.unpack(path, file)
    return {each["name"]: each["mime"] for each in colour_set._icons(target)}


def test_a_zip_becomes_the_set_and_the_next_one_replaces_it(app: Flask, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    first = prepare(packed(tmp_path, {"svg/jellyfin.svg": SVG, "svg/plex.svg": SVG}), target)
    with app.app_context():
        colour_set.replace_set(first, actor=COMMAND_LINE)
        db.session.commit()
        ids = set(db.session.scalars(db.select(SetIcon.id)))

        second = prepare(packed(tmp_path, {"a/b/webp/Emby.webp": picture("WEBP")}), target)
        colour_set.replace_set(second, actor=COMMAND_LINE)
        db.session.commit()

        (icon,) = db.session.scalars(db.select(SetIcon)).all()
        assert (icon.name, icon.mime, icon.content) == ("emby", "image/webp", picture("WEBP"))
        assert icon.id not in ids
        replaced = db.select(AuditEvent).where(AuditEvent.action == "icon.replace_set")
        changes = [each.changes["icons"] for each in db.session.scalars(replaced)]
        assert changes == [[0, 2], [2, 1]]


def test_a_set_is_removed(app: Flask, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    prepared = prepare(packed(tmp_path, {"x.svg": SVG}), target)
    with app.app_context():
        colour_set.replace_set(prepared, actor=COMMAND_LINE)
        colour_set.remove_set(actor=COMMAND_LINE)

        assert colour_set.set_size() == SetSize(0, 0)


def test_of_the_files_of_one_name_the_best_that_is_good_is_taken(tmp_path: Path) -> None:
    files = {
        "png/a.png": picture("PNG"),
        "svg/a.svg": SVG,
        "webp/b.webp": picture("WEBP"),
        "png/b.png": picture("PNG"),
        "svg/c.svg": SVG.replace(b"<path", b"<script/><path"),
        "png/c.png": picture("PNG"),
    }

    assert kept(packed(tmp_path, files), tmp_path) == {
        "a": "image/svg+xml", "b": "image/webp", "c": "image/png",
    }  # fmt: skip


def test_what_is_no_good_icon_is_left_out(tmp_path: Path) -> None:
    files = {
        "good.svg": SVG,
        "script.svg": SVG.replace(b"<path", b"<script/><path"),
        "nested.svg": SVG.replace(b"<path", b"<g>" * 5000 + b"<path", 1),
        "liar.png": b"<html></html>",
        "wide.png": picture("PNG", 2049),
        "cut.webp": picture("WEBP")[:40],
        "gif.webp": picture("GIF"),
        "large.svg": SVG + b" " * 100_000,
        "bomb.svg": b" " * 50_000_000,
        "README.md": b"text",
        "__MACOSX/._good.svg": SVG,
        ".svg": SVG,
        "\u202e.svg": SVG,
    }

    assert kept(packed(tmp_path, files), tmp_path) == {"good": "image/svg+xml"}


def test_names_of_a_zip_never_become_paths(tmp_path: Path) -> None:
    files = {"../../evil.svg": SVG, "/etc/passwd.svg": SVG, "C:\\windows\\logo.svg": SVG}

    assert set(kept(packed(tmp_path, files), tmp_path)) == {"evil", "passwd", "logo"}
    assert {each.name for each in tmp_path.iterdir()} == {"set.zip", "target"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", SetRefusal.TYPE),
        (b"PK\x03\x04 and no more", SetRefusal.TYPE),
        (SVG, SetRefusal.TYPE),
    ],
)
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes, reason: SetRefusal) -> None:
    path, target = tmp_path / "set.zip", tmp_path / "target"
    path.write_bytes(content)
    target.touch()

    with pytest.raises(SetRefusedError) as caught:
        prepare(path, target)

    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("limit", "files", "reason"),
    [
        ("_MOST_ENTRIES", {f"{n}.txt": b"" for n in range(4)}, SetRefusal.LARGE),
        ("MOST_ICONS", {f"{n}.svg": SVG for n in range(4)}, SetRefusal.LARGE),
        ("_MOST_READ_BYTES", {f"{n}.png": b"no" for n in range(4)}, SetRefusal.LARGE),
        ("_MOST_KEPT_BYTES", {"a.svg": SVG}, SetRefusal.LARGE),
        ("", {"README.md": b"text"}, SetRefusal.EMPTY),
    ],
)
def test_a_zip_of_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, files: dict, reason: SetRefusal
) -> None:
    if limit:
        monkeypatch.setattr(unzip, limit, 3)

    with pytest.raises(SetRefusedError) as caught:
        kept(packed(tmp_path, files), tmp_path)

    assert caught.value.reason is reason


def test_a_zip_that_lies_about_sizes_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = packed(tmp_path, {"bomb.png": b"\0" * 90_000_000, "good.svg": SVG})
    content = path.read_bytes()
    lie = (10).to_bytes(4, "little")
    path.write_bytes(content.replace((90_000_000).to_bytes(4, "little"), lie))

    assert kept(path, tmp_path) == {"good": "image/svg+xml"}
