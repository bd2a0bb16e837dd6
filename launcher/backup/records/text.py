"""Text from people and file systems, made fit to store and to print."""

from __future__ import annotations

from collections.abc import Sequence

MAX_NOTE_CHARACTERS = 1000
_MAX_NAMES = 20
_MAX_NAME_CHARACTERS = 80


def readable(text: str) -> str:
    """Return `text` with "?" for what is no character: a file name need not be UTF-8."""
    return text.encode(errors="replace").decode()


def printable(text: str, *, keep: str = "", instead: str = "?") -> str:
    """Return text without what a terminal would obey, or a reader could not see.

    Args:
        text: from a manifest, a file system, a person or a restored database.
        keep: control characters that stay.
        instead: what replaces any other.
    """
    return "".join(c if c.isprintable() or c in keep else instead for c in text)


def clean_note(text: str) -> str:
    """Return a note without control characters, which a terminal would obey, cut to fit."""
    return printable(readable(text), keep="\n", instead=" ").strip()[:MAX_NOTE_CHARACTERS]


def listed(names: Sequence[str]) -> str:
    """Return names as one text, fit to print: the first ones, each cut to fit."""
    shown = [printable(name)[:_MAX_NAME_CHARACTERS] for name in names[:_MAX_NAMES]]
    return ", ".join(shown) + (f" (+{len(names) - _MAX_NAMES})" if len(names) > _MAX_NAMES else "")
