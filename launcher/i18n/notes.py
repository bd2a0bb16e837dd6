"""What Babel calls for `translations/notes.toml`: comments for messages that pages do not explain.

A template has several messages in one line, and Babel gives a comment beside them to the first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import BinaryIO


def extract(
    file: BinaryIO, *_about_the_file: object, **_options: object
) -> Iterator[tuple[int, str, str | tuple[str, str], list[str]]]:
    """Yield each message that has a note, with the note as its comment.

    Raises:
        tomllib.TOMLDecodeError: the file is not valid.
    """
    known = tomllib.load(file)
    for message, note in known["notes"].items():
        yield 1, "gettext", message, [f"Translators: {note}"]
    for context, notes in known["in_context"].items():
        for message, note in notes.items():
            yield 1, "pgettext", (context, message), [f"Translators: {note}"]
