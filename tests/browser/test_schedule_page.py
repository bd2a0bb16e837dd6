"""The schedule is set in a real browser: what is typed is said in words at once."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from launcher.jobs.history import Book
from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions


@pytest.fixture
def as_ada(home: Home, signed_in: Sessions, open_page: OpenPage):
    def open_one(**context: object) -> Page:
        return open_page(
            f"{home.server.url}/admin/backups/schedule", storage_state=signed_in["ada"], **context
        )

    return open_one


def test_a_cron_expression_is_said_in_words_while_it_is_typed(as_ada) -> None:
    page = as_ada()
    cron = page.get_by_label("Cron expression")
    expect(cron).to_be_hidden()
    page.get_by_role("radio", name="Custom").check()
    cron.fill("")
    cron.press_sequentially("*/15 8-18 * * 1-5")

    expect(page.locator("#preview")).to_contain_text("Every 15 minutes, hours: 08:00")
    expect(page.get_by_role("listitem").filter(has_text=":15")).not_to_have_count(0)
    expect(page.get_by_role("radio", name="Custom")).to_be_checked()
    expect(page.locator("#unsaved")).to_have_text("1 change not saved yet")
    expect(cron).to_be_focused()
    expect(cron).to_have_value("*/15 8-18 * * 1-5")

    cron.fill("0 0 31 2 *")
    expect(page.locator("#preview")).to_contain_text("This schedule never runs")


def test_a_preset_shows_its_own_fields_and_its_expression(as_ada) -> None:
    page = as_ada()
    expect(page.get_by_label("Time", exact=True)).to_be_visible()
    expect(page.get_by_label("Weekday")).to_be_hidden()

    page.get_by_role("radio", name="Weekly").check()
    page.get_by_label("Weekday").select_option("Friday")
    page.get_by_label("Time", exact=True).fill("22:30")
    expect(page.locator("#preview")).to_contain_text("Every week, on Friday at 22:30")
    expect(page.get_by_label("Cron expression")).to_have_value("30 22 * * 5")
    expect(page.get_by_label("Day of month")).to_be_hidden()

    page.get_by_label("How often", exact=True).select_option("Every day at 04:00")
    expect(page.get_by_label("Weekday")).to_be_visible()
    expect(page.locator("#unsaved")).to_have_text("2 changes not saved yet")

    page.get_by_role("radio", name="Hourly").check()
    expect(page.get_by_label("Time", exact=True)).to_be_hidden()
    expect(page.get_by_label("Cron expression")).to_have_value("0 * * * *")


def test_the_save_bar_comes_with_the_first_change_and_leaves_with_the_last(as_ada) -> None:
    page = as_ada()
    save = page.get_by_role("button", name="Save schedule")
    expect(save).to_be_hidden()

    page.get_by_label("Keep last").fill("0")
    expect(save).to_be_visible()
    expect(page.locator("#cleanup")).to_contain_text("Keep last: Enter a number from 1 to 1000")

    page.get_by_label("Keep last").fill("10")
    expect(save).to_be_hidden()


def test_a_wrong_expression_has_one_error_before_and_after_it_is_sent(as_ada) -> None:
    page = as_ada(expected_statuses={422})
    page.get_by_role("radio", name="Custom").check()
    page.get_by_label("Cron expression").fill("0 0 31 2 *")
    errors = page.get_by_text("This schedule never runs").filter(visible=True)
    expect(errors).to_have_count(1)

    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_label("Cron expression")).to_be_focused()
    expect(errors).to_have_count(1)

    page.get_by_label("Cron expression").fill("0 0 30 2 *")
    expect(page.locator("[data-fresh]")).to_have_count(1)
    expect(errors).to_have_count(1)


def test_forced_colours_show_what_is_chosen(as_ada) -> None:
    """A thumb in the switch, a line around the preset and the page, an edge of the save bar."""
    page = as_ada(forced_colors="active")
    page.get_by_label("Keep last").fill("9")
    style = "(each, [pseudo, name]) => getComputedStyle(each, pseudo)[name]"
    thumb = page.locator("#backup_enabled").evaluate(style, ["::before", "backgroundColor"])
    track = page.locator("#backup_enabled").evaluate(style, ["", "backgroundColor"])

    assert thumb != track
    for chosen in (".pill:has(:checked)", ".nav-link[aria-current]"):
        assert page.locator(chosen).evaluate(style, ["", "outlineStyle"]) == "solid"
    assert page.locator(".savebar").evaluate(style, ["", "borderTopWidth"]) == "1px"


def test_the_keyboard_alone_changes_and_saves_it(as_ada) -> None:
    page = as_ada()
    page.get_by_role("radio", name="Daily").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#preview")).to_contain_text("Every month, on day 1 at 03:00")
    page.get_by_label("Keep last").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("6")
    # The answer to a preview under way could bring back the cookie without the message.
    expect(page.get_by_text("One of the last 6 scheduled backups")).to_be_visible()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Schedule saved.")).to_be_visible()
    expect(page.get_by_role("radio", name="Monthly")).to_be_checked()
    expect(page.get_by_label("Keep last")).to_have_value("6")
    page.get_by_role("radio", name="Daily").check()
    page.get_by_label("Keep last").fill("10")
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_text("Schedule saved.")).to_be_visible()


def test_without_script_it_is_shown_and_saved(as_ada) -> None:
    page = as_ada(java_script_enabled=False)
    page.get_by_role("radio", name="Every 6 hours").check()
    page.get_by_role("button", name="Show preview").click()
    expect(page.locator("#preview")).to_contain_text("Every 6 hours")
    expect(page.locator("#unsaved")).to_have_text("1 change not saved yet")

    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_text("Schedule saved.")).to_be_visible()
    expect(page.get_by_label("Cron expression")).to_have_value("0 */6 * * *")
    page.get_by_role("radio", name="Daily").check()
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_label("Cron expression")).to_have_value("0 3 * * *")


def test_what_is_saved_reaches_the_leader_in_seconds(as_ada, home: Home) -> None:
    page = as_ada()
    for at, expression in (("04:44", "44 4 * * *"), ("03:00", "0 3 * * *")):
        page.get_by_label("Time", exact=True).fill(at)
        page.get_by_role("button", name="Save schedule").click()
        expect(page.get_by_text("Schedule saved.")).to_be_visible()
        saved_at = time.monotonic()
        while not Book(home.server.data_dir).record("backup").schedule.startswith(expression):
            assert time.monotonic() - saved_at < 120
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", "Every week, on Friday at 22:30"),
        ("de", "Wöchentlich am Freitag um 22:30\N{NO-BREAK SPACE}Uhr"),
        ("ru", "Еженедельно: пятница, 22:30"),
    ],
)
def test_it_speaks_the_language_of_who_types(as_ada, locale: str, words: str) -> None:
    page = as_ada(locale=locale, width=390)
    page.locator("[name=preset][value=own]").check()
    page.locator("#backup_cron_expression").fill("30 22 * * 5")
    expect(page.locator("#preview b")).to_contain_text(words)
    expect(page.locator("#preview li")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_error_stands_at_its_field_and_has_the_focus(as_ada) -> None:
    page = as_ada(expected_statuses={422})
    page.get_by_role("radio", name="Custom").check()
    page.get_by_label("Cron expression").fill("often")
    page.get_by_label("Hours without a good backup").fill("0")
    page.get_by_role("button", name="Save schedule").click()

    cron = page.get_by_label("Cron expression")
    expect(cron).to_be_focused()
    expect(cron).to_have_value("often")
    expect(page.locator("#backup_cron_expression-error")).to_contain_text("Enter five fields")
    expect(page.locator("#backup_stale_after_h-error")).to_contain_text("from 1 to 8760")
    assert findings(page) == []
