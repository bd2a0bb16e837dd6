"""Babel bound to the application, for requests and for texts that no request asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask, current_app, g
from flask_babel import force_locale, refresh
from markupsafe import Markup

from launcher.config import ROOT
from launcher.extensions import babel
from launcher.i18n.actors import actor_in_sentence, actor_words
from launcher.i18n.formats import (
    ago,
    clock_time,
    day_and_time,
    duration,
    isolated,
    listing,
    moment,
    number,
    size,
    weekday_and_time,
)
from launcher.i18n.locale import BABEL_LOCALES, catalogue, select_locale, select_time_zone


def init_app(app: Flask) -> None:
    """Bind Babel to `app` and offer the formats to templates, as filters."""
    babel.init_app(
        app,
        default_translation_directories=str(ROOT / "translations"),
        locale_selector=select_locale,
        timezone_selector=select_time_zone,
    )
    formats: tuple[Callable[..., object], ...] = (
        actor_in_sentence, actor_words, ago, moment, clock_time, day_and_time, weekday_and_time,
        isolated, listing,
        duration, number, size,
    )  # fmt: skip
    app.jinja_env.filters.update({each.__name__: each for each in formats})
    app.context_processor(_template_words)


def _template_words() -> dict[str, Callable[..., Markup]]:
    """Return what translates in one template, bound once: a page has hundreds of texts.

    As with the functions that Jinja itself offers, every text is a format, and what is put
    into it is escaped; the texts are the project's own.
    """
    translations = catalogue()

    def gettext(text: str, /, **facts: object) -> Markup:
        return Markup(translations.ugettext(text)) % facts  # noqa: S704 (from a catalogue)

    def pgettext(context: str, text: str, /, **facts: object) -> Markup:
        return Markup(translations.upgettext(context, text)) % facts  # noqa: S704

    def ngettext(one: str, many: str, num: int, /, **facts: object) -> Markup:
        words = translations.ungettext(one, many, num)
        return Markup(words) % {"num": num, **facts}  # noqa: S704 (from a catalogue)

    return {"_": gettext, "gettext": gettext, "pgettext": pgettext, "ngettext": ngettext}


@contextmanager
def speaking(language: str, zone_name: str) -> Iterator[None]:
    """Use this language and time zone for the block, where there is no request.

    Needs an application's context; Babel is bound to the application if it is not yet.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    if "babel" not in app.extensions:
        init_app(app)
    before = g.get("spoken_zone")
    with force_locale(BABEL_LOCALES.get(language, language)):
        g.spoken_zone = zone_name
        refresh()
        try:
            yield
        finally:
            g.spoken_zone = before
    refresh()
