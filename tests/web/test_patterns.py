"""The page of patterns: each component once."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from launcher.current import current_backups
from launcher.web.assets import STATIC_PATH
from tests.conftest import MakeApp
from tests.web.visitor import Visitor

# Frames, placings and what only a single page has: no components to choose from.
_NOT_TO_BE_SHOWN = {
    "alone", "alone-wide", "bar-actions", "bar-start", "beside", "button-fold", "chosen",
    "confirm-alone", "contents", "dialog-find", "filters", "find-form", "fold-label", "found",
    "gap-label", "grow", "input-short", "link", "medium", "menu-flat", "menu-form", "narrow",
    "page-board", "picked", "row-top", "runs-ledger", "savebar", "setting", "split", "stack-l",
    "tabs", "title",
    "wide-only",
}  # fmt: skip


@pytest.fixture
def app(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An application as a developer starts it."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = make_app(scheduler="off")
    current_backups(app).initialise(by="test")
    return app


def test_it_is_there_for_developers_alone(app: Flask, make_app: MakeApp, monkeypatch) -> None:
    monkeypatch.delenv("FLASK_DEBUG")

    assert "patterns" in app.blueprints
    assert "patterns" not in make_app().blueprints


def test_every_component_that_has_a_style_is_shown(ada: Visitor) -> None:
    sheets = "".join(path.read_text() for path in (STATIC_PATH / "css").rglob("*.css"))
    styled = re.findall(r"\.([a-z][a-z-]+)(?=[\s{,:.>)\[])", re.sub(r"(?s)/\*.*?\*/", "", sheets))

    page = ada.open("/admin/patterns").text

    shown = {name for names in re.findall(r'class="([^"]*)"', page) for name in names.split()}
    assert set(styled) - shown - _NOT_TO_BE_SHOWN == set()
