"""What watches every page of these tests sees what a page must not do."""

from __future__ import annotations

import time

import pytest

from tests.browser.conftest import Home, OpenPage, Watch

# What a page does, and what is complained of.
WRONGS = {
    "another host": ("fetch('https://elsewhere.test/').catch(() => 0)", "elsewhere.test"),
    "an inline script": (
        "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))",
        "Content Security Policy",
    ),
    "an inline style": (
        "document.body.setAttribute('style', 'color: red')",
        "Content Security Policy",
    ),
    "an error in the console": ("console.error('oh dear')", "oh dear"),
    "an error of a script": ("setTimeout(() => { throw new Error('oh no') })", "oh no"),
    "a file that is not there": ("fetch('/nowhere')", "404"),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_nothing_that_a_page_does_wrong_goes_unseen(
    home: Home, open_page: OpenPage, watches: list[Watch], wrong: str
) -> None:
    deed, told = WRONGS[wrong]
    first = open_page(f"{home.server.url}/login")
    page = first.context.new_page()  # a second tab is watched as well
    page.goto("/login")

    page.evaluate(deed)

    (watch,) = watches
    deadline = time.monotonic() + 120
    while not any(told in complaint for complaint in watch.complaints):
        assert time.monotonic() < deadline, watch.complaints
        page.wait_for_timeout(20)  # what happened is heard of while the browser is waited for
    watches.clear()
