"""What axe has to say of a page."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# What was found, and where; the rest of the answer stays in the page. A colour that is still on
# its way, from one theme to the other for instance, would be judged: it arrives before.
_RUN = """async () => {
    for (const each of document.getAnimations())
        if (each instanceof CSSTransition) each.finish();
    const {violations} = await axe.run({resultTypes: ["violations"]});
    return violations.flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html}`));
}"""


def findings(page: Page) -> list[str]:
    """Return every finding in both themes, with the theme and the element it is about.

    The page is light afterwards.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {each}" for each in page.evaluate(_RUN)]
    page.emulate_media(color_scheme="light")
    return found
