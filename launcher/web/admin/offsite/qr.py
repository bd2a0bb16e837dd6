"""A QR code as one path of an SVG: no style and no script, as the policy of the pages demands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

_QUIET = 4
"""Light modules around the code, as its standard demands."""


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code: `size` modules wide and high, `path` draws the dark ones."""

    size: int
    path: str


def draw_code(text: str) -> Code:
    """Return the code of a text; up to 15 % of it may be unreadable."""
    import segno  # noqa: PLC0415  (one page needs it)

    matrix = segno.make(text, error="m", micro=False).matrix
    return Code(len(matrix) + 2 * _QUIET, "".join(_runs(matrix)))


def _runs(matrix: tuple[bytearray, ...]) -> Iterator[str]:
    for y, row in enumerate(matrix, _QUIET):
        x = _QUIET
        for is_dark, modules in groupby(row):
            length = len(list(modules))
            if is_dark:
                yield f"M{x} {y}h{length}v1h-{length}z"
            x += length
