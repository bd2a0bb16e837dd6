"""The language and time zone of a request, and the translations of its texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from zoneinfo import ZoneInfo

import flask_babel
from babel import Locale, localedata
from babel.support import NullTranslations, Translations
from flask import g, has_request_context, request
from flask_babel import get_locale, get_timezone
from flask_babel.speaklater import LazyString
from flask_login import current_user

from launcher.db.settings import site_settings
from launcher.settings.kinds import known_zone

LOCALES: Mapping[str, str] = {"en": "English", "de": "Deutsch", "ru": "Русский"}
"""Every shipped language by its tag, with the name that its own speakers give it."""

DEFAULT_LOCALE = "en"

LOCALE_COOKIE = "locale"

# Days before months and a clock of 24 hours: plain "en" would write dates the American way.
BABEL_LOCALES = {"en": "en_GB"}


def gettext(text: str, /, **facts: object) -> str:
    """Return `text` in the reader's language with its facts put in."""
    words = str(catalogue().ugettext(text))
    return words % facts if facts else words


def pgettext(context: str, text: str, /, **facts: object) -> str:
    """Return `text` as `gettext` does; `context` is which of its meanings is meant."""
    words = str(catalogue().upgettext(context, text))
    return words % facts if facts else words


def ngettext(one: str, many: str, num: int, /, **facts: object) -> str:
    """Return the form that goes with `num`, in the reader's language; `num` is among its facts."""
    return str(catalogue().ungettext(one, many, num)) % {"num": num, **facts}


def lazy_gettext(text: str, /, **facts: object) -> LazyString:
    """Return `text` with its facts put in, in the reader's language whenever it is read.

    Flask-Babel's own looks up language and catalogue each time; a page reads a hundred.
    """
    return LazyString(lambda: gettext(text, **facts))


def current_language() -> str:
    """Return the tag of the language of this request, as `<html lang>` wants it."""
    return str(get_locale().language)


def chosen_language() -> str:
    """Return the language that this person chose, or "" when the browser decides."""
    if not has_request_context():
        return ""
    if not _is_without_database() and current_user.is_authenticated:
        chosen = str(current_user.locale)
    else:
        chosen = g.get("known_language", "") or request.cookies.get(LOCALE_COOKIE, "")
    return chosen if chosen in LOCALES else ""


def select_locale() -> str:
    """Return the locale of Babel: from the user, the browser or the site."""
    language = _select_language()
    return BABEL_LOCALES.get(language, language)


def select_time_zone() -> ZoneInfo:
    """Return the site's time zone; while the database cannot be read, the remembered one.

    From a name alone Flask-Babel would create a zone of pytz, which is minutes off when attached
    to a local time, and useless to cron.
    """
    if spoken := g.get("spoken_zone"):
        return known_zone(spoken)
    if _is_without_database():
        return known_zone(g.get("known_time_zone", "UTC") if has_request_context() else "UTC")
    return site_settings().zone


def load_formats() -> None:
    """Read the formats that all languages build on, which needs no application."""
    localedata.load(BABEL_LOCALES[DEFAULT_LOCALE])


def format_locale() -> Locale:
    """Return the locale that numbers and moments are formatted by."""
    return get_locale() or Locale.parse(BABEL_LOCALES[DEFAULT_LOCALE])


def format_zone() -> tzinfo:
    """Return the time zone that moments are shown in."""
    zone: tzinfo = get_timezone()
    return zone


def catalogue() -> Translations | NullTranslations:
    """Return the translations of this language, loaded once while it stays the same."""
    locale = get_locale()
    kept = g.get("catalogue") if locale else None
    if kept and kept[0] is locale:
        known: Translations = kept[1]
        return known
    found: Translations | NullTranslations = flask_babel.get_translations()
    if locale:
        g.catalogue = (locale, found)
    return found


def _select_language() -> str:
    if not has_request_context():
        return DEFAULT_LOCALE
    asked = chosen_language() or request.accept_languages.best_match(LOCALES)
    if asked or _is_without_database():
        return asked or DEFAULT_LOCALE
    return site_settings().default_locale


def _is_without_database() -> bool:
    """Whether this request must do without: it could not enter, or the data is damaged."""
    return not has_request_context() or bool(g.get("is_without_database"))
