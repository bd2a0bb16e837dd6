"""Text from people and file systems, made fit to store and to print."""

from __future__ import annotations

MAX_NOTE_CHARACTERS = 1000


def readable(text: str) -> str:
    """Return `text` with "?" for what is no character: a file name need not be UTF-8."""
    return text.encode(errors="replace").decode()


def clean_note(text: str) -> str:
    """Return a note without control characters, which a terminal would obey, cut to fit."""
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in readable(text))
    return printable.strip()[:MAX_NOTE_CHARACTERS]
