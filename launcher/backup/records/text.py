"""Text from people and file systems, made fit to store and to print."""

from __future__ import annotations

from collections.abc import Sequence

MAX_NOTE_CHARACTERS = 1000
_MAX_NAMES = 20
_MAX_NAME_CHARACTERS = 80


def readable(text: str) -> str:
    """Return `text` with "?" for what is no character: a file name need not be UTF-8."""
    return text.encode(errors="replace").decode()


def clean_note(text: str) -> str:
    """Return a note without control characters, which a terminal would obey, cut to fit."""
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in readable(text))
    return printable.strip()[:MAX_NOTE_CHARACTERS]


def listed(names: Sequence[str]) -> str:
    """Return names as one text, fit to print: the first ones, each cut to fit."""
    shown = [
        "".join(c if c.isprintable() else "?" for c in readable(name))[:_MAX_NAME_CHARACTERS]
        for name in names[:_MAX_NAMES]
    ]
    return ", ".join(shown) + (f" (+{len(names) - _MAX_NAMES})" if len(names) > _MAX_NAMES else "")
