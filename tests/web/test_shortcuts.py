"""The page of keyboard shortcuts, and the switch for those of a single key."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.web.visitor import Visitor


def _shortcuts(page: str) -> dict[str, str]:
    """Return what the page says of each key or sequence of keys."""
    rows = re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd>", page, re.DOTALL)
    return {" ".join(re.sub(r"<[^>]+>", " ", keys).split()): words for keys, words in rows}


def test_the_page_lists_what_its_reader_can_do(
    ada: Visitor, ben: Visitor, chloe: Visitor, boards: None
) -> None:
    ada.open("/shortcuts")
    admin = _shortcuts(ada.page)
    assert admin["/ or Ctrl K"] == "Find"
    assert admin["G then B"] == "Backups"
    assert admin["1 to 3"] == "Open a board, by its position"
    assert admin["E"] == "End editing"

    ben.open("/shortcuts")
    editor = _shortcuts(ben.page)
    assert editor["G then A"] == "Apps"
    assert "G then B" not in editor

    chloe.open("/shortcuts")
    viewer = _shortcuts(chloe.page)
    assert [each for each in viewer if each.startswith("G")] == ["G then H"]
    assert viewer["1 to 2"]
    assert "E" not in viewer
    assert "handle" not in chloe.page


def test_every_page_that_a_letter_opens_is_there(ada: Visitor, boards: None) -> None:
    ada.open("/")
    words = re.search(r'data-go="([^"]+)"', ada.page)
    assert words
    pages = {each[0]: each[1:] for each in words[1].split()}
    assert len(pages) == 15
    for path in pages.values():
        assert ada.open(path).status_code == 200


def test_the_script_gets_the_list_alone(ada: Visitor, boards: None) -> None:
    ada.open("/shortcuts", HX_Request="true")

    assert "<html" not in ada.page
    assert 'id="shortcuts-dialog-title">Keyboard shortcuts' in ada.page


def test_single_keys_are_switched_off_and_on_in_the_account(ada: Visitor, boards: None) -> None:
    ada.open("/account")
    assert ada.send("/shortcuts", next="/account").location == "/account"
    page = ada.open("/").text
    assert "data-shortcuts" not in page
    assert "aria-keyshortcuts" not in page.partition('id="edit-board"')[2][:200]
    ada.open("/shortcuts")
    listed = _shortcuts(ada.page)
    assert "Ctrl K" in listed
    assert not {"E", "?", "G then A"} & set(listed)

    ada.send("/shortcuts", has_shortcuts="on")
    assert "data-shortcuts" in ada.open("/").text
    log = " ".join(re.sub(r"<[^>]+>", " ", ada.open("/admin/audit").text).split())
    assert "Single-key shortcuts: yes → no" in log
    assert "Single-key shortcuts: no → yes" in log


def test_a_guest_switches_them_off_in_the_browser(
    guest: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    assert guest.open("/shortcuts").status_code == 302
    set_site(guest_access=True)
    guest.open("/shortcuts")
    assert "Only in this browser." in guest.page
    guest.send("/shortcuts")
    assert "data-shortcuts" not in guest.open("/").text
    guest.open("/shortcuts")
    guest.send("/shortcuts", has_shortcuts="on")
    assert "data-shortcuts" in guest.open("/").text


def test_no_key_is_a_shortcut_where_there_is_nothing_to_move_through(
    ada: Visitor, guest: Visitor, boards: None
) -> None:
    assert "data-shortcuts" not in guest.open("/login").text
    assert "data-shortcuts" not in ada.open("/nope").text
    assert "data-shortcuts" not in ada.open("/admin/users/2/start").text
