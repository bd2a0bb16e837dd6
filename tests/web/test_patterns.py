"""The patterns page: each component once."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from launcher.web.assets import STATIC_PATH, join_styles
from tests.patterns.page import blueprint
from tests.web.visitor import Visitor

# Frames, placings and what only a single page has: no components to choose from.
_NOT_TO_BE_SHOWN = {
    "alone", "alone-wide", "bar-actions", "bar-plain", "bar-start", "beside", "button-fold",
    "chosen", "confirm-alone", "contents", "dialog-head", "dialog-shortcuts", "filters",
    "fold-label", "folder", "gap-label", "grow", "input-short", "later", "link", "medium",
    "menu-flat", "menu-form", "names-changed", "narrow", "page-board", "picked", "row-top",
    "runs-ledger", "samples", "savebar", "setting", "shortcuts", "split", "stack-l", "tabs",
    "title", "way", "ways", "welcome", "wide-only",
}  # fmt: skip


@pytest.fixture
def app(app: Flask) -> Flask:
    app.register_blueprint(blueprint)
    return app


def test_every_component_that_has_a_style_is_shown(ada: Visitor) -> None:
    sheets = join_styles(STATIC_PATH / "css")  # what only editors need is on their pages
    styled = re.findall(r"\.([a-z][a-z-]+)(?=[\s{,:.>)\[])", re.sub(r"(?s)/\*.*?\*/", "", sheets))

    page = ada.open("/admin/patterns").text

    shown = {name for names in re.findall(r'class="([^"]*)"', page) for name in names.split()}
    assert set(styled) - shown - _NOT_TO_BE_SHOWN == set()
