"""What the form of an app and the picker say to each other; see the docstring of the package."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask import request
from werkzeug.datastructures import MultiDict

# The picker's button sends a form with a good token there, so it must not be just any address.
_RETURNS = re.compile(r"/apps/(?:new|[0-9]{1,19}/edit)(?:\?[\w=&%.~-]*)?", re.ASCII)
_OWN = {
    "csrf_token", "file", "for", "icon", "icon_before", "in", "letters", "letters_before", "page",
    "pick", "q", "return_to", "search", "upload",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picked:
    """The two fields of the icon that the picker sent back."""

    icon: str
    letters: str


def picked(form: MultiDict[str, str]) -> Picked | None:
    """Return what the picker sent back with all fields, None for a form that is to be saved."""
    if "pick" not in form:
        return None
    ending = "_before" if form["pick"] == "cancel" else ""
    return Picked(form.get(f"icon{ending}", ""), form.get(f"letters{ending}", ""))


def checked_return(address: str) -> str:
    """Return `address` where it is that of the form of an app on this site, else ""."""
    prefix = request.script_root
    path = address.removeprefix(prefix) if address.startswith(f"{prefix}/") else ""
    return address if _RETURNS.fullmatch(path) else ""


def carried(form: MultiDict[str, str]) -> Iterable[tuple[str, str]]:
    """Return the fields that are not the picker's, to be sent back as they came."""
    return [(name, value) for name, value in form.items(multi=True) if name not in _OWN]
