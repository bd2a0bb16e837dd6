"""Fields of forms that are settings."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.i18n.labels import setting_words
from launcher.settings.kinds import SettingError, Value
from launcher.settings.table import read


def read_fields(typed: Mapping[str, object]) -> tuple[dict[str, Value], dict[str, str]]:
    """Return the values of what was typed, and why others are no values, by their settings."""
    values: dict[str, Value] = {}
    errors: dict[str, str] = {}
    for name, text in typed.items():
        try:
            values[name] = read(name, text)
        except SettingError as error:
            errors[name] = setting_words(error)
    return values, errors
