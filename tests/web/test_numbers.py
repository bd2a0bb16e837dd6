"""Numbers that SQLite does not take: in every address with an id, and in every form's fields."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter

from launcher.web.numbers import LARGEST, RowId, read_number
from tests.web.addresses import UNKNOWN, address, parts_of, rules
from tests.web.visitor import Visitor

TOO_LARGE = (str(2**63), str(-(2**63) - 1), "9" * 40, "9" * 5000)
PAGES = (
    *("/b/home/edit", "/b/home/settings", "/b/home/delete", "/b/home/apps/1/move-to"),
    *("/b/home/sections/1/move-to", "/b/home/sections/1/delete", "/boards/new", "/apps/new"),
    *("/apps/1/edit", "/apps/1/delete", "/account", "/b/home", "/icons", "/admin/apps"),
    *("/admin/boards", "/admin/tags", "/admin/icons", "/admin/settings", "/admin/users"),
)
FIELDS = {
    *("after", "app", "board", "columns", "for", "id", "letters", "icon", "one", "page"),
    *("position", "positions_of", "revision", "section", "merge", "accent_hue"),
}
"""Fields that hold a number, or one with a word before it; the forms of `PAGES` add theirs."""

_FORM = re.compile(r'<form\b[^>]*\baction="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_NUMBER_FIELD = re.compile(r'name="([\w-]+)"[^>]*\bvalue="\d+"|<select\b[^>]*name="([\w-]+)"')


@pytest.fixture
def site(app: Flask, pictures: object) -> Flask:
    """One whose errors are answered, as in life."""
    app.testing = False
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def test_no_address_takes_an_id_that_sqlite_does_not(site: Flask, ada: Visitor) -> None:
    asked = 0
    for rule in rules(site):
        ids = [name for name in parts_of(rule) if isinstance(rule._converters[name], RowId)]
        plain = [each for each in rule._converters.values() if isinstance(each, IntegerConverter)]
        assert len(plain) == len(ids), f"{rule.rule}: an id is written <id:…>"
        for name in ids:
            for number in (str(LARGEST), *TOO_LARGE[:3], "0" * 30):
                parts = {part: UNKNOWN[part] for part in parts_of(rule)}
                parts |= {"slug": "home"} if "slug" in parts else {}
                path = address(rule, {**parts, name: number})
                for method in {"GET", "POST"} & (rule.methods or set()):
                    answer = ada.client.open(path, method=method)
                    assert answer.status_code in {404, 405}, (method, path)
                    asked += 1
    assert asked > 100


def test_no_form_fails_for_a_number_that_sqlite_does_not_take(site: Flask, ada: Visitor) -> None:
    forms = dict(_forms(ada))
    failed = []
    for path, own in forms.items():
        for number in TOO_LARGE[:2]:
            all_ = {
                name: f"{before}:{number}" for name, before in (("icon", "set"), ("one", "tag"))
            }
            all_ |= dict.fromkeys(FIELDS - all_.keys(), number)
            for sent in (all_, *({name: all_[name]} for name in own & all_.keys())):
                answer = ada.client.post(path, data=sent)
                if answer.status_code >= 500:
                    failed.append((path, sent, answer.status_code))
    assert not failed
    assert len(forms) > 25
    assert {"revision", "section", "position"} <= set.union(*forms.values())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7), (" 07 ", 7), ("-7", -7), ("0", 0), (str(2**63), LARGEST), ("9" * 9999, LARGEST),
        ("-" + "9" * 9999, -LARGEST), ("0" * 9999 + "7", 7), ("", None), ("1e9", None),
        ("1_0", None), ("\u0661", None), ("7\0", None), ("+7", None),
    ],
)  # fmt: skip
def test_a_number_is_read_as_one_that_fits(text: str, number: int | None) -> None:
    assert read_number(text) == number


def _forms(visitor: Visitor) -> Iterator[tuple[str, set[str]]]:
    """Yield each form of these pages that is sent by POST, with the fields that hold a number."""
    for page in PAGES:
        assert visitor.open(page).status_code == 200, page
        for path, inside in _FORM.findall(visitor.page):
            way = html.unescape(path)
            if "logout" not in way:
                yield way, {one or two for one, two in _NUMBER_FIELD.findall(inside)}
