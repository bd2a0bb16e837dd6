"""Tiles: the apps of boards, as the start page shows them.

A board may have hundreds, so a page reads columns and not rows of the models, looks up once what is
the same for all tiles, and keeps the words about health between pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple, Protocol

import sqlalchemy as sa
from babel import Locale
from markupsafe import Markup

from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.formats import clock_time, day, day_words, duration
from launcher.i18n.labels import HEALTH_WORDS
from launcher.i18n.locale import format_locale, format_zone
from launcher.i18n.locale import gettext as _
from launcher.models import App, CheckState, Health, HealthCheck, Media, Opening, Placement, Section
from launcher.models.types import utc_now
from launcher.web.assets import mark
from launcher.web.pictures import Picture, picture_of

_RESULTS = {Health.UP, Health.SLOW, Health.DOWN}
# A result is shown until so many checks are overdue, and for this time at least.
_OVERDUE_CHECKS, _OVERDUE_S = 5, 600.0
_LINKED_SCHEMES = {"http", "https"}


class PlacedApp(NamedTuple):
    """One app at its place. `state` is None, and what follows it, when the app is not checked."""

    section_id: int
    section_name: str
    placement_id: int
    app_id: int
    name: str
    description: str
    url: str
    url_local: str
    keywords: str
    icon: str
    letters: str
    hue: int | None
    opens: Opening
    media_sha256: str | None
    known_state: Health | None
    since: datetime
    last_ms: int | None
    last_at: datetime | None
    interval_s: int | None
    is_sample: bool
    is_collapsed: bool

    @property
    def state(self) -> Health | None:
        """What the last check found; unknown once several checks are overdue."""
        is_result = self.known_state in _RESULTS
        return Health.UNKNOWN if is_result and self.is_overdue else self.known_state

    @property
    def is_overdue(self) -> bool:
        """Whether the last check is too long ago to say how the app is now."""
        interval_s = self.interval_s or site_settings().check_interval_s
        limit_s = max(_OVERDUE_S, _OVERDUE_CHECKS * interval_s)
        return self.last_at is None or (utc_now() - self.last_at).total_seconds() > limit_s

    @property
    def drawing(self) -> str:
        """The icon that is drawn, "" where an image or letters are shown."""
        return "" if self.media_sha256 else self.icon

    @property
    def address(self) -> str:
        """Its URL as one says it, without the scheme."""
        return address_of(self.url)


class Tile(NamedTuple):
    """One app as a tile shows it; `state` is "" when it is not checked."""

    id: str
    app_id: int
    name: str
    url: str
    note: str
    title: str
    picture: Picture
    state: str
    mark: Markup
    since: str
    word: str
    opens_new_tab: bool


class Openable(Protocol):
    """An app, or those columns of one that its link comes from."""

    @property
    def url(self) -> str:
        """Its URL."""

    @property
    def url_local(self) -> str:
        """Its URL in the home network, or ""."""


def opened_url(app: Openable, *, is_at_home: bool) -> str:
    """Return the one URL of `app` that a visitor is shown and opens.

    It may be no web address: `link_to` says whether it can be linked.
    """
    return app.url_local if is_at_home and link_to(app.url_local) else app.url


def link_to(url: str) -> str:
    """Return `url` if a link may lead there, else ""."""
    return url if url.partition(":")[0].lower() in _LINKED_SCHEMES else ""


def address_of(url: str) -> str:
    """Return `url` as one says it, without the scheme."""
    return url.partition("://")[2].rstrip("/") or url


_PLACED = (
    sa.select(
        Section.id, Section.name, Placement.id, App.id, App.name, App.description, App.url,
        App.url_local, App.keywords, App.icon, App.letters, App.hue, App.opens, Media.sha256,
        CheckState.state, CheckState.since, CheckState.last_ms, CheckState.last_at,
        HealthCheck.interval_s,
        App.is_sample, Section.is_collapsed,
    )
    .select_from(Placement)
    .join(Section, Section.id == Placement.section_id)
    .join(App, App.id == Placement.app_id)
    .outerjoin(Media, Media.id == App.icon_media_id)
    .outerjoin(CheckState, CheckState.app_id == App.id)
    .outerjoin(HealthCheck, HealthCheck.app_id == App.id)
    .where(
        Section.board_id.in_(sa.bindparam("board_ids", expanding=True)), App.archived_at.is_(None)
    )
    .order_by(Section.position, Section.id, Placement.position, Placement.id)
)  # fmt: skip


def placed_apps(board_ids: Iterable[int]) -> list[PlacedApp]:
    """Return the apps of some boards in order, in one query, without archived ones."""
    found = db.session.execute(_PLACED, {"board_ids": list(board_ids)})
    return [PlacedApp._make(row) for row in found]


def tiles_of(
    apps: Iterable[PlacedApp],
    now: datetime,
    *,
    opens_new_tab: bool,
    is_at_home: bool,
    id_prefix: str = "tile",
    sheet_url: str = "",
) -> list[Tile]:
    """Return the tiles of `apps`, in their order.

    Args:
        opens_new_tab: what their visitor chose.
        is_at_home: whether their visitor opens URLs of the home network.
        sheet_url: the file with the drawings of all; "" for a file for each.
    """
    locale, zone = format_locale(), format_zone()
    marks = {state: mark(state.value) for state in Health}
    tiles = []
    for app in apps:
        url = opened_url(app, is_at_home=is_at_home)
        state = app.state
        since, word = _health_words(app, state, now, locale, zone) if state else ("", "")
        tiles.append(
            Tile(
                app_id=app.app_id,
                id=f"{id_prefix}-{app.placement_id}",
                name=app.name,
                url=link_to(url),
                note=address_of(url),
                title=app.description,
                picture=picture_of(app, app.media_sha256, sheet_url),
                state=state.value if state else "",
                mark=marks[state] if state else Markup(),
                since=since,
                word=word,
                opens_new_tab=is_new_tab(app.opens, chosen=opens_new_tab),
            )
        )
    return tiles


def is_new_tab(opens: Opening, *, chosen: bool) -> bool:
    """Whether an app opens in a new tab, for a visitor who has `chosen` so for all, or not."""
    return chosen if opens is Opening.DEFAULT else opens is Opening.NEW_TAB


def _health_words(
    app: PlacedApp, state: Health, now: datetime, locale: Locale, zone: tzinfo
) -> tuple[str, str]:
    if state is Health.UNKNOWN and app.last_at:
        is_recent = (now - app.last_at).total_seconds() < 86400
        when = (clock_time if is_recent else day)(app.last_at)
        return "", _("Not checked since %(when)s", when=when)
    if state is Health.UP:
        return _up_words(app.since.astimezone(zone).date(), app.last_ms, locale)
    return _since(app, state, now), _word(app, state, now)


# Nearly all apps are up, and until the next check each page says the same of them.
@lru_cache(maxsize=4096)
def _up_words(since: date, ms: int | None, locale: Locale) -> tuple[str, str]:
    """Return the words in `locale`, which is that of the request."""
    word = duration(ms / 1000) if ms is not None else str(HEALTH_WORDS[Health.UP])
    return _("Up since %(day)s,", day=day_words(since, locale)), word


def _since(app: PlacedApp, state: Health, now: datetime) -> str:
    if state in {Health.SLOW, Health.DOWN}:
        is_recent = (now - app.since).total_seconds() < 86400
        return _("Since %(when)s:", when=(clock_time if is_recent else day)(app.since))
    return ""


def _word(app: PlacedApp, state: Health, now: datetime) -> str:
    if state is Health.SLOW and app.last_ms is not None:
        return _("Slow, %(duration)s", duration=duration(app.last_ms / 1000))
    if state is Health.DOWN:
        length_s = max(60.0, (now - app.since).total_seconds())
        return _("Down for %(duration)s", duration=duration(length_s))
    return str(HEALTH_WORDS[state])
