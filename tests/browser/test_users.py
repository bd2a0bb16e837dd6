"""Accounts in a real browser: by keyboard, in a dialog, and without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions


@pytest.fixture
def as_ada(home: Home, signed_in: Sessions, open_page: OpenPage):
    def open_one(path: str, **context: object) -> Page:
        return open_page(f"{home.server.url}{path}", storage_state=signed_in["ada"], **context)

    return open_one


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what is called `name` has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        words = focused.evaluate("e => e.labels?.[0]?.innerText ?? e.innerText")
        if words.strip().startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def test_the_keyboard_alone_makes_a_user_who_can_sign_in(
    as_ada, home: Home, open_page: OpenPage
) -> None:
    page = as_ada("/admin/users")
    tab_to(page, "Add user")
    page.keyboard.press("Enter")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("dora")
    tab_to(page, "Display name")
    page.keyboard.type("Dora")
    tab_to(page, "Viewer")
    page.keyboard.press("ArrowUp")
    tab_to(page, "Add user")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Account dora added", level=2)).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    password = page.get_by_label("Password").input_value()
    assert findings(page) == []
    tab_to(page, "I have noted it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Dora dora Editor Active Never")).to_be_visible()

    dora = open_page(f"{home.server.url}/login")
    dora.get_by_label("Name").fill("dora")
    dora.get_by_label("Password").fill(password)
    dora.get_by_role("button", name="Sign in").click()
    expect(dora.get_by_role("button", name="Dora: your account")).to_be_visible()


def test_the_last_admin_sees_why_nothing_can_be_done(as_ada) -> None:
    page = as_ada("/admin/users/1")

    expect(page.get_by_text("This is the last active admin.")).to_have_count(3)
    for words in ("Save role", "Deactivate account", "Delete account…"):
        expect(page.get_by_role("button", name=words)).to_be_disabled()
    expect(page.get_by_role("radio", name="Viewer")).to_be_disabled()


def test_a_last_admin_who_sends_the_form_anyway_is_refused(as_ada) -> None:
    page = as_ada("/admin/users/1", expected_statuses={409})
    page.evaluate(
        "document.querySelectorAll('[disabled]').forEach((each) => each.disabled = false)"
    )
    page.get_by_role("radio", name="Viewer").check()
    page.get_by_role("button", name="Save role").click()

    expect(page.get_by_role("alert").filter(has_text="last active admin")).to_be_visible()
    expect(page.get_by_text("Nothing was changed.")).to_be_visible()


def test_the_question_before_deleting_opens_over_the_page_and_gives_focus_back(as_ada) -> None:
    page = as_ada("/admin/users/3")
    opener = page.get_by_role("link", name="Delete account…")
    opener.focus()
    page.keyboard.press("Enter")

    dialog = page.get_by_role("dialog", name="Delete account Chloe?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("link", name="Keep account")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(page).to_have_url(page.url.removesuffix("/delete"))


def test_without_script_an_account_is_made_switched_off_and_deleted(as_ada) -> None:
    page = as_ada("/admin/users/new", java_script_enabled=False)
    page.get_by_label("User name").fill("emil")
    page.get_by_label("Password").fill("a long password")
    page.get_by_role("button", name="Add user").click()
    expect(page.get_by_text("Account emil added")).to_be_visible()

    page.get_by_role("link", name="emil").click()
    page.get_by_role("button", name="Deactivate account").click()
    expect(page.get_by_text("emil is deactivated and signed out.")).to_be_visible()
    page.get_by_role("link", name="Delete account…").click()
    page.get_by_role("button", name="Delete account").click()
    expect(page.get_by_text("Account emil deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="emil")).to_have_count(0)


def test_the_audit_log_is_narrowed_by_its_form(as_ada) -> None:
    page = as_ada("/admin/audit")
    page.get_by_label("Who", exact=True).select_option(label="ben")
    page.get_by_label("Category", exact=True).select_option(label="Apps")
    page.get_by_role("button", name="Show").click()

    rows = page.locator("tbody tr")
    expect(rows.filter(has_text="Changed app").first).to_be_visible()
    assert all("ben" in row.inner_text() for row in rows.all())
    page.get_by_role("link", name="Operations on backups").click()
    expect(page.locator("tbody")).to_contain_text("Creating a database")
