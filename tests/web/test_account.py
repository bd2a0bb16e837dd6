"""One's own account: language, appearance, start page, password."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask, render_template

from launcher.web.frame import current_frame
from tests.conftest import ADA
from tests.web.visitor import Visitor

NEW = "a quite new password"


def test_a_language_of_ones_own_beats_the_browser(ada: Visitor) -> None:
    ada.open("/account")
    answer = ada.send("/account/appearance", locale="de", theme="dark")

    assert (answer.status_code, answer.location) == (303, "/account")
    ada.open("/account")
    assert '<html lang="de" data-theme="dark">' in ada.page
    assert "Sprache und Darstellung gespeichert" in ada.page
    ada.open("/account")
    assert "gespeichert" not in ada.page


def test_the_choice_follows_to_another_browser(ada: Visitor, app: Flask) -> None:
    ada.open("/account")
    ada.send("/account/appearance", locale="ru", theme="light")
    elsewhere = Visitor(app)
    elsewhere.sign_in(ADA)

    elsewhere.open("/account")

    assert '<html lang="ru" data-theme="light">' in elsewhere.page


def test_a_look_that_is_not_offered_is_the_default(ada: Visitor) -> None:
    ada.open("/account")
    ada.send("/account/appearance", locale="xx'><script>", theme="neon")

    ada.open("/account")
    assert '<html lang="en">' in ada.page


def test_a_guest_keeps_their_look_in_the_browser(
    guest: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    set_site(guest_access=True)
    guest.open("/b/garden")
    answer = guest.send("/account/appearance", locale="de", theme="dark", next="/b/garden")

    assert answer.location == "/b/garden"
    guest.open("/b/garden")
    assert '<html lang="de" data-theme="dark">' in guest.page


def test_a_new_password_keeps_this_browser_and_signs_out_the_others(
    ada: Visitor, app: Flask
) -> None:
    elsewhere = Visitor(app)
    elsewhere.sign_in(ADA)
    ada.open("/account")
    answer = ada.send("/account/password", current_password=ADA.password, new_password=NEW)

    assert answer.status_code == 303
    assert ada.is_signed_in
    assert not elsewhere.is_signed_in
    elsewhere.open("/login")
    assert elsewhere.send("/login", username="ada", password=NEW).status_code == 303


def test_the_password_of_now_must_be_right(ada: Visitor) -> None:
    ada.open("/account")
    answer = ada.send("/account/password", current_password="guess", new_password=NEW)

    assert answer.status_code == 422
    assert "The password is not correct." in ada.page
    assert NEW not in ada.page


def test_guessing_it_from_a_borrowed_session_is_throttled(ada: Visitor) -> None:
    ada.open("/account")
    for _ in range(5):
        ada.send("/account/password", current_password="guess", new_password=NEW)
    answer = ada.send("/account/password", current_password=ADA.password, new_password=NEW)

    assert answer.status_code == 429
    assert "Too many tries" in ada.page


def test_a_password_too_short_is_refused_and_the_old_one_stays(ada: Visitor) -> None:
    ada.open("/account")
    answer = ada.send("/account/password", current_password=ADA.password, new_password="short")

    assert answer.status_code == 422
    assert "too short" in ada.page
    assert ada.is_signed_in


@pytest.mark.parametrize(
    ("password", "words"),
    [("password1234", "common or follows a simple pattern"), ("ada-launcher-7", "too close to")],
)
def test_a_password_that_is_easy_to_guess_is_refused_and_the_reason_named(
    ada: Visitor, password: str, words: str
) -> None:
    ada.open("/account")
    answer = ada.send("/account/password", current_password=ADA.password, new_password=password)

    assert answer.status_code == 422
    assert words in ada.page
    assert ada.is_signed_in


def test_a_language_from_right_to_left_turns_the_page_around(app: Flask, ada: Visitor) -> None:
    assert '<html lang="en">' in ada.open("/").text

    with app.test_request_context("/login"):
        hebrew = replace(current_frame(), language="he")
        assert hebrew.is_right_to_left
        assert '<html lang="he" dir="rtl">' in render_template("base.html", frame=hebrew)


# --- the start page -----------------------------------------------------------------------------


def board_ids(page: str) -> dict[str, str]:
    """Return the home boards that the page offers, by their names."""
    select = page[page.index('id="home_board"') :].partition("</select>")[0]
    found = re.findall(r'<option value="(\d*)"[^>]*>([^<]+)<', select)
    return {name: id_ for id_, name in found}


def test_ones_own_home_board_opens_first(chloe: Visitor, boards: None) -> None:
    chloe.open("/account")
    garden = board_ids(chloe.page)["Garden"]
    assert chloe.send("/account/start-page", home_board=garden).status_code == 303

    assert "Sprinkler" in chloe.open("/").text
    chloe.open("/account")
    assert f'<option value="{garden}" selected>Garden' in chloe.page
    chloe.send("/account/start-page", home_board="")
    assert "Home Assistant" in chloe.open("/").text


def test_only_boards_that_one_sees_are_offered_and_accepted(
    chloe: Visitor, ben: Visitor, boards: None
) -> None:
    ben.open("/account")
    chloe.open("/account")
    assert set(board_ids(chloe.page)) == {"Home board of the site", "Home", "Garden"}
    attic = board_ids(ben.page)["Attic"]

    for hidden in (attic, "999", "x"):
        assert chloe.send("/account/start-page", home_board=hidden).status_code == 422
        assert "Choose one of these boards." in chloe.page
        assert "Attic" not in chloe.page


def test_apps_open_in_a_new_tab_for_who_wants_that(chloe: Visitor, boards: None) -> None:
    chloe.open("/account")
    chloe.send("/account/start-page", home_board="", open_new_tab="on")
    assert 'target="_blank"' in chloe.open("/").text
    chloe.open("/account")
    chloe.send("/account/start-page", home_board="")
    assert 'target="_blank"' not in chloe.open("/").text


def test_the_choice_is_in_the_audit_log(ada: Visitor, boards: None) -> None:
    ada.open("/account")
    ada.send("/account/start-page", home_board=board_ids(ada.page)["Garden"], open_new_tab="on")
    page = re.sub(r"<[^>]+>", " ", ada.open("/admin/audit").text)
    assert "Own home board: none → Garden" in " ".join(page.split())
    assert "Open apps in a new tab: no → yes" in " ".join(page.split())


# --- what is counted ----------------------------------------------------------------------------


def test_what_one_opens_is_counted_until_one_clears_it(ada: Visitor, boards: None) -> None:
    ada.open("/account")
    assert "counted in the last 90 days" not in ada.page
    ada.open("/b/home")
    assert 'data-launches="/launches"' in ada.page
    app = re.search(r'data-app="(\d+)"', ada.page)
    assert app
    for _ in range(3):
        ada.send("/launches", app=app[1])

    ada.open("/account")
    assert "3 launches were counted in the last 90 days." in ada.page
    ada.send("/account/launches/clear")
    ada.open("/account")
    assert "Counts cleared." in ada.page
    assert "counted in the last 90 days" not in ada.page


def test_counting_is_switched_off_with_what_was_counted(ada: Visitor, boards: None) -> None:
    ada.open("/b/home")
    ada.send("/launches", app="1")
    assert ada.send("/account/launches").location == "/account"
    ada.open("/b/home")
    assert "Find settings saved. Counts cleared." in ada.page
    assert "data-launches" not in ada.page
    ada.send("/launches", app="1")
    ada.send("/account/launches", counts_launches="on")
    assert "counted in the last 90 days" not in ada.open("/account").text
    assert "data-launches" in ada.open("/b/home").text
    log = " ".join(re.sub(r"<[^>]+>", " ", ada.open("/admin/audit").text).split())
    assert "Count launches: yes → no" in log


def test_nothing_is_counted_for_guests_or_in_a_preview(
    ada: Visitor, guest: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    set_site(guest_access=True)
    assert "data-launches" not in guest.open("/").text
    assert "data-launches" not in ada.open("/admin/users/2/start").text
