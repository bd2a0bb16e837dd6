"""What surrounds every page: the site's name and colour, the language, the viewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from babel import Locale
from flask import Flask, g, request
from flask_babel import refresh
from flask_login import current_user

from launcher.db.settings import site_settings
from launcher.i18n.labels import ROLE_WORDS, THEME_WORDS
from launcher.i18n.locale import LOCALES, chosen_language, current_language
from launcher.models import Theme, User, hue_of
from launcher.settings.table import FALLBACK, SiteSettings
from launcher.web.colours import Grounds, grounds

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

THEME_COOKIE = "theme"
SHORTCUTS_COOKIE = "shortcuts"


@dataclass(frozen=True, slots=True)
class Frame:
    """The surroundings of one page. `viewer` is None for guests."""

    site_name: str
    hue: int
    viewer: User | None
    role: LazyString | None
    theme: Theme
    language: str
    chosen_locale: str
    locales: Mapping[str, str]
    themes: Mapping[Theme, LazyString]
    has_guests: bool

    @property
    def has_keys(self) -> bool:
        """Whether its viewer has boards to move through, and so finding and shortcuts."""
        return self.viewer is not None or self.has_guests

    @property
    def has_shortcuts(self) -> bool:
        """Whether single keys are shortcuts: for a guest, this browser remembers it."""
        if self.viewer:
            return self.viewer.has_shortcuts
        return request.cookies.get(SHORTCUTS_COOKIE) != "off"

    @property
    def grounds(self) -> Grounds:
        """What lies behind the page, for the bars that a browser or a phone draws around it."""
        return grounds(self.hue)

    @property
    def is_right_to_left(self) -> bool:
        """Whether its language is written from right to left."""
        return bool(Locale.parse(self.language).text_direction == "rtl")


@dataclass(frozen=True, slots=True)
class Appearance:
    """How pages look to one viewer, kept for when the database cannot be queried."""

    language: str
    theme: Theme
    time_zone: str
    site_name: str
    hue: int


def init_app(app: Flask) -> None:
    """Give every template its `frame`."""
    app.jinja_env.filters["hue"] = hue_of
    app.context_processor(lambda: {"frame": current_frame()})


def current_frame() -> Frame:
    """Return the frame of this request: one query, or none when the database is damaged."""
    if "frame" not in g:
        g.frame = _bare_frame() if g.get("is_without_database") else _frame(site_settings())
    frame: Frame = g.frame
    return frame


def current_viewer() -> User | None:
    """Return who is signed in, or None for a guest."""
    if not current_user.is_authenticated:
        return None
    return cast("User", current_user._get_current_object())  # noqa: SLF001 (it has no other way)


def current_appearance() -> Appearance:
    """Return how this page looks to its viewer."""
    frame = current_frame()
    return Appearance(
        language=frame.language,
        theme=frame.theme,
        time_zone=site_settings().time_zone,
        site_name=frame.site_name,
        hue=frame.hue,
    )


def use_appearance(appearance: Appearance) -> None:
    """Render the rest of this request in `appearance` unless someone is signed in."""
    g.appearance = appearance
    g.known_language, g.known_time_zone = appearance.language, appearance.time_zone
    g.pop("frame", None)
    refresh()


def do_without_database() -> None:
    """Render the rest of this request without a query, as for a guest."""
    g.is_without_database = True
    g.pop("frame", None)
    refresh()


def _frame(settings: SiteSettings) -> Frame:
    viewer = current_viewer()
    theme = viewer.theme if viewer else _theme_of_browser()
    has_guests = settings.guest_access
    return _build_frame(settings.site_name, settings.accent_hue, viewer, theme, has_guests)


def _bare_frame() -> Frame:
    if kept := _kept_appearance():
        return _build_frame(kept.site_name, kept.hue, None, kept.theme)
    return _build_frame(FALLBACK.site_name, FALLBACK.accent_hue, None, _theme_of_browser())


def _build_frame(
    site_name: str, hue: int, viewer: User | None, theme: Theme, has_guests: bool = False
) -> Frame:
    return Frame(
        site_name=site_name,
        hue=hue,
        viewer=viewer,
        role=ROLE_WORDS[viewer.role] if viewer else None,
        theme=theme,
        language=current_language(),
        chosen_locale=chosen_language(),
        locales=LOCALES,
        themes=THEME_WORDS,
        has_guests=has_guests,
    )


def _theme_of_browser() -> Theme:
    if kept := _kept_appearance():
        return kept.theme
    chosen = request.cookies.get(THEME_COOKIE, "")
    return Theme(chosen) if chosen in set(Theme) else Theme.SYSTEM


def _kept_appearance() -> Appearance | None:
    appearance: Appearance | None = g.get("appearance")
    return appearance
