"""What Babel calls for the texts of the declarations, which no call of `gettext` names."""

from __future__ import annotations

from collections.abc import Iterator

from launcher.api.reference import texts


def extract(
    *_about_the_file: object, **_options: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield each text that the reference shows in the language of its reader."""
    yield from ((1, "gettext", text, []) for text in texts())
