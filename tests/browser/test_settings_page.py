"""The settings page in a browser: its save bar, the preview of a colour, two admins at once.

A browser is needed for what a form cannot say: what is seen, where the focus is, what a script did.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.db.settings import change_settings
from launcher.settings.table import SETTINGS
from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions

Open = Callable[..., Page]


@pytest.fixture
def settings(home: Home, signed_in: Sessions, open_page: OpenPage) -> Open:
    def go(**context: object) -> Page:
        url = f"{home.server.url}/admin/settings"
        return open_page(
            url, storage_state=signed_in["ada"], expected_statuses={409, 422}, **context
        )

    return go


@pytest.fixture
def as_before(home: Home) -> object:
    """Put the settings back that the test changes."""
    yield
    defaults = {name: SETTINGS[name].default for name in ("site_name", "accent_hue")}
    with create_app({"LAUNCHER_DATA_DIR": str(home.server.data_dir)}).app_context():
        change_settings(defaults, actor=COMMAND_LINE)


def test_the_save_bar_appears_with_the_first_change_and_goes_with_the_last(
    settings: Open,
) -> None:
    page = settings()
    bar = page.locator(".savebar")
    expect(bar).to_be_hidden()

    page.get_by_label("Site name").fill("Heim")
    expect(bar).to_contain_text("1 change: Site name")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    expect(bar).to_contain_text("2 changes: Site name and Time zone")
    expect(page.get_by_text("In Tokyo (UTC+9) the time is")).to_be_visible()

    page.get_by_label("Site name").fill("Launcher")
    page.get_by_label("Time zone").select_option("UTC")
    expect(bar).to_be_hidden()


def test_without_script_there_is_a_plain_button(settings: Open, as_before: object) -> None:
    page = settings(java_script_enabled=False)
    page.get_by_label("Orange").check(force=True)
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Settings saved.")).to_be_visible()
    expect(page.get_by_label("Exact hue").last).to_have_value("40")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_preview_follows_the_swatch(settings: Open, script: bool) -> None:
    page = settings(java_script_enabled=script)
    button = page.locator(".trial .button").first
    before = button.evaluate("each => getComputedStyle(each).backgroundColor")
    page.get_by_label("Green").check(force=True)
    expect(button).not_to_have_css("background-color", before)
    expect(button).to_have_css("background-color", "oklch(0.48 0.17 130)")


def test_the_preview_follows_the_exact_hue_and_the_swatch_fills_it_in(settings: Open) -> None:
    page = settings()
    number, button = page.locator("#accent_hue"), page.locator(".trial .button").first
    number.fill("187")
    expect(button).to_have_css("background-color", "oklch(0.48 0.17 187)")
    expect(page.locator("[name=accent][value=own]")).to_be_checked()

    page.get_by_label("Pink").check(force=True)
    expect(number).to_have_value("340")
    expect(button).to_have_css("background-color", "oklch(0.48 0.17 340)")


def test_an_error_is_focused_and_leads_to_its_field(settings: Open) -> None:
    page = settings()
    page.locator("#accent_hue").fill("400")
    page.get_by_label("Site name").fill("")
    page.keyboard.press("Enter")
    expect(page.locator("#refused")).to_be_focused()
    expect(page.locator("#refused")).to_contain_text("2 fields need a change:")
    expect(page.locator("#accent_hue")).to_have_value("400")
    assert findings(page) == []

    page.locator("#refused").get_by_role("link", name="Accent colour").click()
    expect(page.locator("#accent_hue")).to_be_focused()


def test_two_admins_who_change_one_setting_are_asked_which_entry_counts(
    settings: Open, as_before: object
) -> None:
    first, second = settings(), settings()
    second.get_by_label("Site name").fill("Second")
    second.get_by_role("button", name="Save settings").click()
    expect(second.get_by_text("Settings saved.")).to_be_visible()

    first.get_by_label("Site name").fill("First")
    first.get_by_role("button", name="Save settings").click()
    expect(first.locator("#conflict")).to_be_focused()
    expect(first.get_by_label("First")).to_be_checked()
    assert findings(first) == []
    first.get_by_label("Second").check()
    first.get_by_role("button", name="Save settings").click()
    expect(first).to_have_title("Settings · Second")


def test_everything_can_be_touched(settings: Open) -> None:
    """44 px as WCAG 2.5.5 asks, with what a switch and a choice extend beyond their drawing."""
    page = settings(width=390, has_touch=True, is_mobile=True)
    small = """() => [...document.querySelectorAll(
        "main :is(button, select, .button, .swatch, .switch-row, .input), .bar .button"
    )].filter((each) => each.checkVisibility() && !each.closest("[aria-hidden]")
        && Math.min(each.offsetHeight, each.offsetWidth) < 44).map((each) => each.outerHTML)"""
    assert page.evaluate(small) == []
    page.goto("/admin/backups")
    assert (
        page.evaluate(
            "() => getComputedStyle(document.documentElement).getPropertyValue('--control')"
        )
        == "44px"
    )
