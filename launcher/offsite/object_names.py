"""Names of objects at a destination, relative to its folder."""

from __future__ import annotations

import re

_PART = re.compile(r"(?!\.)[A-Za-z0-9.-]{1,200}", re.ASCII)
_FOLDER = "launcher-"

PART_SUFFIX = ".part"
"""How the name of an unfinished object ends, where a service shows it before it is whole."""


def folder_of(site: str) -> str:
    """Return the folder that holds the copies of one site."""
    return checked(f"{_FOLDER}{site}")


def site_of(folder: str) -> str:
    """Return the site whose copies are in a folder, "" for a folder of anything else."""
    site = folder.removeprefix(_FOLDER)
    return site if site != folder and site.isascii() and site.isalnum() else ""


def checked(name: str) -> str:
    """Return a name that every service keeps as it is.

    Raises:
        ValueError: it has other characters than ASCII letters, digits, "-" and ".", an empty part,
            or a part that begins with ".".
    """
    if all(_PART.fullmatch(part) for part in name.split("/")):
        return name
    raise ValueError(f"not a name of an object: {name!r}")


def is_unfinished(name: str) -> bool:
    """Whether an object of this name is left from an upload that did not end."""
    return name.endswith(PART_SUFFIX)
