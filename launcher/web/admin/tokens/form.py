"""The form of a new token: what was chosen, and when that expires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _
from launcher.models import TokenScope

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString
    from werkzeug.datastructures import MultiDict

ON_DATE, NEVER = "date", "never"
_SPANS = {
    "30": timedelta(days=30),
    "90": timedelta(days=91),
    "365": timedelta(days=365),
}
EXPIRIES: Mapping[str, LazyString] = {
    "30": _("In 30 days"),
    "90": _("In 3 months"),
    "365": _("In 1 year"),
    ON_DATE: _("On a date…"),
    NEVER: _("Never"),
}
"""The choices by the value of their field."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the fields hold, valid or not.

    Attributes:
        expires: a key of `EXPIRIES`.
        on: a date, where that was chosen.
    """

    name: str = ""
    scopes: Sequence[str] = ()
    expires: str = "90"
    on: str = ""

    @classmethod
    def of(cls, form: MultiDict[str, str]) -> Draft:
        """Read a form that was sent."""
        return cls(
            name=form.get("name", "").strip(),
            scopes=form.getlist("scope"),
            expires=form.get("expires", ""),
            on=form.get("expires_on", ""),
        )

    def chosen_scopes(self) -> Sequence[TokenScope]:
        """Return the scopes that exist, in their order."""
        return [each for each in TokenScope if each in self.scopes]

    def expires_at(self, now: datetime, zone: tzinfo) -> datetime | None:
        """Return when it expires: at the end of the chosen day in `zone`; None for never.

        Raises:
            ValueError, OverflowError: there is no such choice, or no such date.
        """
        if self.expires == NEVER:
            return None
        if self.expires == ON_DATE:
            next_day = date.fromisoformat(self.on) + timedelta(days=1)
            return datetime.combine(next_day, time(), zone)
        if self.expires not in _SPANS:
            raise ValueError(self.expires)
        return now + _SPANS[self.expires]
