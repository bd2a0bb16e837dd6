"""The icon that fits a name from another program: of the colour set, a brand, a symbol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import sqlalchemy as sa

from launcher.extensions import db
from launcher.icons.choice import Choice, ChoiceKind
from launcher.icons.drawn import Kind, drawn_set
from launcher.icons.search import plain
from launcher.models import SetIcon

_SYMBOLS = "mdi"
_BRANDS = "si"


class IconMatcher:
    """Finds the icon with an equal name, whatever its case, accents and hyphens."""

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
            name: that of the app, by which it is found where `icon` finds none.
        """
        prefix, colon, rest = icon.partition(":")
        wanted = _key(rest if colon else icon)
        if prefix == _SYMBOLS and (found := _drawing(Kind.SYMBOL, wanted)):
            return found
        if prefix == _BRANDS and (found := _drawing(Kind.BRAND, wanted)):
            return found
        return self._any(wanted) or self._any(_key(name)) or str(Choice(ChoiceKind.LETTERS))

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
