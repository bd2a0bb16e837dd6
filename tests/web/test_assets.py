"""Styles, script, icons and htmx."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from pathlib import Path

import pytest
from flask import Flask

from launcher.web.assets import HTMX, STATIC_PATH, Assets, join_styles, read_assets
from tests.web.visitor import Visitor

TEMPLATES = STATIC_PATH.parent / "templates"
SHEETS = sorted(path.name for path in (STATIC_PATH / "css").rglob("*.css"))


@pytest.fixture
def assets(app: Flask) -> Assets:
    found: Assets = app.extensions["launcher.assets"]
    return found


def test_an_asset_may_be_kept_for_ever(guest: Visitor, assets: Assets) -> None:
    for asset in assets.by_name.values():
        answer = guest.open(asset.url)
        assert answer.data == asset.body
        assert answer.mimetype == asset.mime
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        packed = guest.open(asset.url, Accept_Encoding="br, gzip")
        assert gzip.decompress(packed.data) == asset.body
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert "Set-Cookie" not in packed.headers


def test_a_changed_file_has_another_address(tmp_path: Path) -> None:
    changed = tmp_path / "static"
    shutil.copytree(STATIC_PATH, changed)
    with (changed / "css" / "tokens.css").open("a") as file:
        file.write("@layer tokens { :root { --new: 1 } }\n")

    before, after = read_assets(STATIC_PATH).by_name, read_assets(changed).by_name

    assert before["launcher.css"].url != after["launcher.css"].url
    assert before["app.js"].url == after["app.js"].url


def test_every_sheet_is_joined_once_and_in_the_declared_order() -> None:
    orders = ("launcher.css", "editing.css")
    imported = [
        name
        for order in orders
        for name in re.findall(
            r'@import "(?:components/)?([^"]+)"', (STATIC_PATH / "css" / order).read_text()
        )
    ]
    assert sorted([*imported, *orders]) == SHEETS

    joined = join_styles(STATIC_PATH / "css")

    assert "@import" not in joined
    assert "@layer tokens, base, layout, components;" in joined[:200]
    tokens, buttons, tiles = (
        joined.index(text) for text in ("--gutter: 40px", ".button {", ".tile {")
    )
    assert tokens < buttons < tiles


def test_nothing_is_laid_out_by_left_and_right() -> None:
    sided = re.compile(
        r"(?:margin|padding|border|inset|scroll-margin)-(?:left|right)|\n\s*(?:left|right):"
        r"|(?:text-align|float|justify-\w+): (?:left|right)"
    )
    for name in ("launcher.css", "editing.css"):
        assert sided.findall(join_styles(STATIC_PATH / "css", name)) == []


def test_the_colour_of_the_site_is_in_its_sheet(ada: Visitor) -> None:
    ada.open("/")
    address = re.search(r'href="(/assets/launcher-[^"]+)"', ada.page)
    assert address
    sheet = ada.open(address[1]).data.decode()
    assert sheet.endswith("@layer tokens{:root{--hue:256}}")

    other = address[1].replace("-256.", "-17.")
    assert ada.open(other).data.decode().endswith("--hue:17}}")
    for wrong in ("-360.", "-1000.", "-1e2.", "-x.", "-٣."):
        assert ada.open(address[1].replace("-256.", wrong)).status_code == 404


def test_nothing_outside_the_list_is_served(guest: Visitor) -> None:
    for address in ("app.js", "vendor/README.md", "..%2Fapp.py", "launcher-000000000000.css"):
        assert guest.open(f"/assets/{address}").status_code == 404
    assert guest.open("/static/app.js").status_code == 404


def test_htmx_is_the_file_that_was_published() -> None:
    readme = (STATIC_PATH / "vendor" / "README.md").read_text()
    digest = hashlib.sha256((STATIC_PATH / HTMX).read_bytes()).hexdigest()

    assert digest == "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
    assert digest in readme
    assert (STATIC_PATH / "vendor" / "htmx-LICENSE.txt").exists()


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC_PATH / "icons.svg").read_text()))
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        for kind, name in re.findall(r'\b(icon|mark|sign)\("([a-z0-9-]+)"\)', text):
            prefix = "" if kind == "icon" else f"{kind}-"
            assert f"{prefix}{name}" in drawn, f"{template.name}: {kind} {name}"


def test_no_page_or_script_needs_eval() -> None:
    forbidden = re.compile(
        r"hx-on|hx-vals=.js:|hx-trigger=.[^\"']*\[|\beval\(|new Function|\.innerHTML"
    )
    for path in [*TEMPLATES.rglob("*.html"), *STATIC_PATH.glob("*.js")]:
        assert not forbidden.search(path.read_text()), path.name
