"""The form of the settings: what was typed, what the page had shown, and what is saved now.

An edit is a field that differs from what the page had shown. Only edits are saved, so that two
admins on different fields do not meet; one field that both changed is a conflict, which waits for
a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.settings.kinds import Switch, Value
from launcher.settings.table import SETTINGS, SiteSettings
from launcher.web.admin.setting_fields import read_fields

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

SHOWN = tuple(each for each in SETTINGS.values() if each.page == "site")
"""The settings of the form, in their order; each is a field of its name."""

EXACT = "own"
"""The choice of a colour that is none of the swatches."""

SWATCHES = tuple(range(10, 360, 30))
"""The hues of the swatches, in degrees; `data-hue` counts them from 0."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the fields hold, valid or not, as text: `on` and `off` for a switch.

    Attributes:
        typed: by the name of the setting.
        was: what the page had shown before it was edited.
    """

    typed: Mapping[str, str]
    was: Mapping[str, str]

    @classmethod
    def of(cls, settings: SiteSettings) -> Draft:
        """Return the current settings, unedited."""
        texts = texts_of(settings)
        return cls(texts, texts)

    @classmethod
    def read(cls, form: MultiDict[str, str], settings: SiteSettings) -> Draft:
        """Return what was entered; a field that was not sent has the current value.

        A field is left as it is saved where `keep-` and its name say so.
        """
        now = texts_of(settings)
        was = {name: _sent(form, f"was-{name}", text) for name, text in now.items()}
        typed = {}
        for name, text in now.items():
            is_sent = f"was-{name}" in form
            if not is_sent or form.get(f"keep-{name}") == "saved":
                typed[name] = was[name] = text
            elif isinstance(SETTINGS[name].kind, Switch):
                typed[name] = "on" if form.get(name) == "on" else "off"
            else:
                typed[name] = _sent(form, name, was[name])
        swatch = form.get("accent", EXACT)
        if swatch not in {EXACT, form.get("accent-was", EXACT)}:
            typed["accent_hue"] = swatch
        return cls(typed, was)

    @property
    def swatch(self) -> str:
        """The swatch that is chosen, as its hue."""
        hue = self.typed["accent_hue"]
        return hue if hue in map(str, SWATCHES) else EXACT


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """A draft with a value or an error for each edited setting.

    Attributes:
        values: the edits that can be saved.
        errors: why other edits cannot.
        conflicts: the edited settings that were changed meanwhile, each as it is saved now.
    """

    draft: Draft
    values: Mapping[str, Value]
    errors: Mapping[str, str]
    conflicts: Mapping[str, str]

    @property
    def edited(self) -> list[str]:
        """The names of the edited settings, in the order of the form."""
        return [each.name for each in SHOWN if each.name in {*self.values, *self.errors}]


def check(draft: Draft, settings: SiteSettings) -> CheckedDraft:
    """Return the edits of `draft`, each checked and compared with what is saved now."""
    now = texts_of(settings)
    values, errors = read_fields(draft.typed)
    texts = {**draft.typed} | {name: text_of(value) for name, value in values.items()}
    edited = {name for name, text in texts.items() if text not in {draft.was[name], now[name]}}
    typed = {name: text if name in edited else now[name] for name, text in draft.typed.items()}
    return CheckedDraft(
        Draft(typed, now),
        {name: value for name, value in values.items() if name in edited},
        {name: words for name, words in errors.items() if name in edited},
        {name: now[name] for name in texts if name in edited and draft.was[name] != now[name]},
    )


def _sent(form: MultiDict[str, str], name: str, otherwise: str) -> str:
    """Return the text of a field. Browsers send CR LF for the line ends of a setting."""
    return form.get(name, otherwise).replace("\r\n", "\n")


def texts_of(settings: SiteSettings) -> dict[str, str]:
    """Return the settings of the form as text."""
    return {each.name: text_of(getattr(settings, each.name)) for each in SHOWN}


def text_of(value: Value) -> str:
    """Return a value as a field of a form sends it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
