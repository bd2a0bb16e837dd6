"""What axe has to say of a page."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# What was found, and where; the page keeps the rest of the answer to itself.
_RUN = """async () => {
    const {violations} = await axe.run({resultTypes: ["violations"]});
    return violations.flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html}`));
}"""


def findings(page: Page) -> list[str]:
    """Return every finding in both themes, with the theme and the element it is about.

    The page is light and may move again afterwards. Meanwhile it may not: a colour on its way
    from one theme to the other would be judged.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found += [f"{theme}: {each}" for each in page.evaluate(_RUN)]
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    return found
