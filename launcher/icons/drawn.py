"""The drawings that Launcher ships: Lucide's symbols, and brands from simple-icons.

Each set is one file with a line for each drawing: name, title, search words, markup. Both are drawn
on a grid of 24 units in one colour, that of the text around them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

_SETS = Path(__file__).parent / "sets"
ELEMENT = "i"
"""The id of the element in each file, for `<use href="…#i">`."""


class Kind(StrEnum):
    """A set, by the word before the colon in `App.icon`."""

    SYMBOL = "symbol"
    BRAND = "brand"


# Inherited from the element that uses the drawing; a brand is an area, not a line.
_ATTRIBUTES = {Kind.SYMBOL: "", Kind.BRAND: ' fill="currentColor" stroke="none"'}
# For a drawing that is opened alone.
_ALONE = {
    Kind.SYMBOL: ' fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"'
    ' stroke-linejoin="round"',
    Kind.BRAND: "",
}
_FILES = {Kind.SYMBOL: "symbols.tsv", Kind.BRAND: "brands.tsv"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing; `words` are what it is found by besides its name and title."""

    name: str
    title: str
    words: str
    markup: str


@dataclass(frozen=True, slots=True)
class DrawnSet:
    """The drawings of one kind by name, in order; `version` differs when any of them does."""

    kind: Kind
    version: str
    drawings: Mapping[str, Drawing]

    def svg(self, name: str) -> str | None:
        """Return the file of one drawing, None for an unknown name."""
        found = self.drawings.get(name)
        if found is None:
            return None
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"{_ALONE[self.kind]}>'
            f"{self.element(found, ELEMENT)}"
            f'<use href="#{ELEMENT}"/></svg>'
        )

    def element(self, drawing: Drawing, id_: str) -> str:
        """Return one drawing as an element with this id, for `<use>`."""
        return (
            f'<symbol id="{id_}" viewBox="0 0 24 24">'
            f"<g{_ATTRIBUTES[self.kind]}>{drawing.markup}</g></symbol>"
        )


@cache
def drawn_set(kind: Kind) -> DrawnSet:
    """Return the set of one kind, read once."""
    content = (_SETS / _FILES[kind]).read_bytes()
    rows = (line.split("\t") for line in content.decode().splitlines())
    drawings = {row[0]: Drawing(*row) for row in rows}
    return DrawnSet(kind, hashlib.sha256(content).hexdigest()[:12], drawings)


def load_sets() -> None:
    """Read every set."""
    for kind in Kind:
        drawn_set(kind)


def find(icon: str) -> tuple[DrawnSet, Drawing] | None:
    """Return the drawing that `icon` names, like `symbol:tv`, and its set; None for no such."""
    kind, _, name = icon.partition(":")
    if kind not in set(Kind):
        return None
    chosen = drawn_set(Kind(kind))
    drawing = chosen.drawings.get(name)
    return (chosen, drawing) if drawing else None


def element_id(icon: str) -> str:
    """Return the id of the drawing that `icon` names in a file of several."""
    return icon.replace(":", "-")


def sheet(icons: Iterable[str]) -> str:
    """Return one file with the drawings that `icons` name, each once; unknown ones are left out."""
    found = ((icon, find(icon)) for icon in sorted(set(icons)))
    elements = (one[0].element(one[1], element_id(icon)) for icon, one in found if one)
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(elements)}</svg>'
