"""Tiles: the apps of boards, as the start page shows them.

A board may have hundreds, so a page reads columns and not rows of the models, looks up once what is
the same for all tiles, and keeps the words about health between pages. The history of their health
is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

import sqlalchemy as sa
from markupsafe import Markup

from launcher.checks.shown import Conditions, Shown, state_shown
from launcher.extensions import db
from launcher.i18n.locale import format_locale, format_zone
from launcher.models import App, CheckState, Health, HealthCheck, Media, Opening, Placement, Section
from launcher.web.assets import mark
from launcher.web.checks.tile_words import tile_words
from launcher.web.pictures import Picture, picture_of

_LINKED_SCHEMES = {"http", "https"}


class PlacedApp(NamedTuple):
    """One app at its place. `has_check` is None or false when it is not checked."""

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
    since: datetime | None
    last_ms: int | None
    last_at: datetime | None
    has_check: bool | None
    interval_s: int | None
    paused_until: datetime | None
    paused_by: str
    is_sample: bool
    is_collapsed: bool

    def shown(self, conditions: Conditions) -> Shown | None:
        """What is shown of its health, None where it is not checked."""
        if not self.has_check:
            return None
        return state_shown(
            conditions,
            self.app_id,
            known=self.known_state,
            since=self.since,
            last_at=self.last_at,
            interval_s=self.interval_s,
            paused_until=self.paused_until,
            paused_by=self.paused_by,
        )

    @property
    def drawing(self) -> str:
        """The icon that is drawn, "" where an image or letters are shown."""
        return "" if self.media_sha256 else self.icon

    @property
    def address(self) -> str:
        """Its URL as one says it, without the scheme."""
        return address_of(self.url)


class Tile(NamedTuple):
    """One app as a tile shows it; `state` is "" when it is not checked.

    `health_url` is the page of its health, "" where the state is no link.
    """

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
    health_url: str = ""


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
        HealthCheck.is_enabled, HealthCheck.interval_s, HealthCheck.paused_until,
        HealthCheck.paused_by,
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
    health: Mapping[int, Shown],
    now: datetime,
    *,
    opens_new_tab: bool,
    is_at_home: bool,
    id_prefix: str = "tile",
    sheet_url: str = "",
    apps_path: str = "",
) -> list[Tile]:
    """Return the tiles of `apps`, in their order.

    Args:
        health: what is shown of those that are checked, by the id of the app.
        opens_new_tab: what their visitor chose.
        is_at_home: whether their visitor opens URLs of the home network.
        sheet_url: the file with the drawings of all; "" for a file for each.
        apps_path: where the pages of apps are; "" where their states lead to none.
    """
    locale, zone = format_locale(), format_zone()
    marks = {state: mark(state.value) for state in Health}
    tiles = []
    for app in apps:
        url = opened_url(app, is_at_home=is_at_home)
        shown = health.get(app.app_id)
        since, word = tile_words(shown, app.last_ms, now, locale, zone) if shown else ("", "")
        tiles.append(
            Tile(
                app_id=app.app_id,
                id=f"{id_prefix}-{app.placement_id}",
                name=app.name,
                url=link_to(url),
                note=address_of(url),
                title=app.description,
                picture=picture_of(app, app.media_sha256, sheet_url),
                state=shown.state.value if shown else "",
                mark=marks[shown.state] if shown else Markup(),
                since=since,
                word=word,
                opens_new_tab=is_new_tab(app.opens, chosen=opens_new_tab),
                health_url=f"{apps_path}/{app.app_id}/health" if apps_path and shown else "",
            )
        )
    return tiles


def is_new_tab(opens: Opening, *, chosen: bool) -> bool:
    """Whether an app opens in a new tab, for a visitor who has `chosen` so for all, or not."""
    return chosen if opens is Opening.DEFAULT else opens is Opening.NEW_TAB
