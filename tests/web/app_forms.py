"""What the tests of the form of an app share: reading its fields, and the app that was saved."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

Find = Callable[[str], dict[str, object]]
GOOD = {"name": "Navidrome", "url": "https://music.home.arpa"}


def fields_of(page: str) -> dict[str, str]:
    """Return the fields that the form of an app would send as it stands."""
    form = page[page.index('id="app-form"') :]
    form = form[: form.index("</form>")]
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if attributes.get("type") == "radio" and " checked" not in tag:
            continue
        fields[attributes["name"]] = html.unescape(attributes["value"])
    if chosen := re.search(r'<option value="([^"]*)" selected', form):
        fields["section"] = chosen[1]
    del fields["csrf_token"]
    return fields
