"""Finding an app by name."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.web.visitor import Visitor


def _found(page: str) -> list[str]:
    return re.findall(r'tile-name">([^<]+)<', page)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("jelly", ["Jellyfin"]),
        ("FIN", ["Jellyfin"]),
        ("assist home", ["Home Assistant"]),
        ("films", ["Jellyfin"]),
        ("home", ["Home Assistant"]),
        ("10.0.0.3", ["Home Assistant"]),
        ("яблоко", ["Яблоко"]),
        ("ЯБЛ", ["Яблоко"]),
        ("фрукт", ["Яблоко"]),
        ("diary", ["Diary"]),
        ("forgejo", []),
        ("", ["Diary", "Home Assistant", "Jellyfin", "Nextcloud", "Sprinkler", "Яблоко"]),
    ],
)
def test_it_finds_apps_by_what_one_remembers(
    ben: Visitor, boards: None, words: str, names: list[str]
) -> None:
    ben.open(f"/?q={words}")

    assert _found(ben.page) == names


def test_it_finds_only_what_one_may_see(
    chloe: Visitor, guest: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    chloe.open("/?q=diary")
    assert _found(chloe.page) == []
    set_site(guest_access=True)
    guest.open("/?q=")
    assert _found(guest.page) == ["Jellyfin", "Sprinkler"]


def test_a_guest_who_is_not_let_in_finds_nothing(guest: Visitor, boards: None) -> None:
    assert guest.open("/?q=jelly").status_code == 302


def test_nothing_found_says_so_and_is_no_markup(ada: Visitor, boards: None) -> None:
    ada.open("/?q=<b>nothing</b>")

    assert "No app is called “&lt;b&gt;nothing&lt;/b&gt;”." in ada.page


def test_the_script_gets_the_list_alone(ada: Visitor, boards: None) -> None:
    answer = ada.open("/?q=jelly", HX_Request="true")

    assert ada.page.lstrip().startswith('<div class="found" id="found">')
    assert "<html" not in ada.page
    assert "HX-Request" in answer.headers["Vary"]


def test_the_name_that_begins_so_comes_first(ada: Visitor, boards: None) -> None:
    ada.open("/?q=n")

    assert _found(ada.page)[0] == "Nextcloud"
