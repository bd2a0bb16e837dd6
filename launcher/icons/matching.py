"""The icon that fits a name from another program: of the colour set, a brand, a symbol."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import sqlalchemy as sa

from launcher.extensions import db
from launcher.icons.choice import Choice, ChoiceKind
from launcher.icons.drawn import Kind, drawn_set
from launcher.icons.search import plain
from launcher.models import SetIcon

_KINDS = {"mdi": (Kind.SYMBOL,), "si": (Kind.BRAND,)}
"""What an icon of another collection is among ours."""

_PARTS = re.compile(r"[-_. ]+")
_SHORTEST = 3


class IconMatcher:
    """Finds the icon with an equal name, whatever its case, accents and hyphens.

    Collections call an icon by the product, ours often by the brand: `adguard-home`, `adguard`. So
    a name is shortened part by part until it is one of ours.
    """

    def __init__(self, set_icons: Mapping[str, int]) -> None:
        """Look in the drawings, and in these icons of the colour set: name → id."""
        self._set = {_key(name): id_ for name, id_ in set_icons.items()}

    @classmethod
    def of_database(cls) -> IconMatcher:
        """Return a matcher that knows the colour set as it is now."""
        rows = db.session.execute(sa.select(SetIcon.name, SetIcon.id).order_by(SetIcon.name.desc()))
        return cls({row.name: row.id for row in rows})

    def choice(self, icon: str, name: str) -> str:
        """Return the choice for an app, letters where nothing has an equal name.

        Args:
            icon: what another program calls it: `jellyfin`, `si:jellyfin` for a brand, `mdi:server`
                for a symbol of Material Design, of which those that Lucide names equally are found.
            name: that of the app, by which it is found where `icon`, also without its last parts,
                finds none.
        """
        prefix, colon, rest = icon.partition(":")
        wanted = rest if colon else icon
        kinds = _KINDS.get(prefix if colon else "", (Kind.BRAND, Kind.SYMBOL))
        return (
            self._exact(kinds, _key(wanted))
            or self._shortened(kinds, wanted)
            or self._any(_key(name))
            or str(Choice(ChoiceKind.LETTERS))
        )

    def _exact(self, kinds: Sequence[Kind], key: str) -> str:
        """Return the icon of one of these kinds, else of any."""
        if len(kinds) == 1 and (found := _drawing(kinds[0], key)):
            return found
        return self._any(key)

    def _shortened(self, kinds: Sequence[Kind], wanted: str) -> str:
        """Return the icon whose name is `wanted` without its last parts: AdGuard for AdGuard Home.

        Of a name without a collection, that may be a brand alone: many words are symbols.
        """
        parts = _PARTS.split(wanted)
        for end in range(len(parts) - 1, 0, -1):
            key = _key(" ".join(parts[:end]))
            if len(key) < _SHORTEST:
                return ""
            if kinds != (Kind.SYMBOL,) and key in self._set:
                return self._any(key)
            for kind in kinds:
                if (kind is Kind.BRAND or len(kinds) == 1) and (found := _drawing(kind, key)):
                    return found
        return ""

    def _any(self, key: str) -> str:
        if key in self._set:
            return str(Choice(ChoiceKind.SET, str(self._set[key])))
        return _drawing(Kind.BRAND, key) or _drawing(Kind.SYMBOL, key)


def _key(name: str) -> str:
    return plain(name).replace(" ", "")


def _drawing(kind: Kind, key: str) -> str:
    name = _by_key(kind).get(key) if key else None
    return f"{kind}:{name}" if name else ""


@cache
def _by_key(kind: Kind) -> Mapping[str, str]:
    drawings = drawn_set(kind).drawings
    titles = {_key(each.title): name for name, each in drawings.items()}
    return titles | {_key(name): name for name in drawings}
