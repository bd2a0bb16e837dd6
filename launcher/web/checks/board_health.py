"""The health of the apps on one board, as the start page shows it and renews it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from launcher.checks.shown import Shown
from launcher.models import Health
from launcher.web.checks.tile_words import current_conditions, near
from launcher.web.tiles import PlacedApp


@dataclass(frozen=True, slots=True)
class BoardHealth:
    """The health of the apps on a board at one moment.

    Attributes:
        shown: of those that are checked, by the id of the app.
        apps: how many apps there are, one that is placed twice once.
        checked_at: when the last check ended, None before the first.
        offline_since: in words since when this server reaches nothing, "" while it does.
    """

    shown: Mapping[int, Shown] = field(default_factory=dict)
    apps: int = 0
    checked_at: datetime | None = None
    offline_since: str = ""

    @property
    def down(self) -> int:
        """How many apps are down."""
        return _count(self.shown.values(), Health.DOWN)

    @property
    def slow(self) -> int:
        """How many apps are slow."""
        return _count(self.shown.values(), Health.SLOW)

    def down_among(self, apps: Iterable[PlacedApp]) -> int:
        """Return how many of some apps of the board are down."""
        found = (self.shown.get(app.app_id) for app in apps)
        return _count((each for each in found if each), Health.DOWN)


def health_of(placed: Sequence[PlacedApp]) -> BoardHealth:
    """Return the health of the apps on a board now. Their history is not read."""
    if not placed:
        return BoardHealth()
    conditions = current_conditions()
    found = {app.app_id: app.shown(conditions) for app in placed}
    shown = {app_id: each for app_id, each in found.items() if each}
    since = conditions.offline_since
    return BoardHealth(
        shown=shown,
        apps=len(found),
        checked_at=max(
            (app.last_at for app in placed if app.has_check and app.last_at), default=None
        ),
        offline_since=near(since, conditions.now) if since and shown else "",
    )


def _count(shown: Iterable[Shown], state: Health) -> int:
    return sum(each.state is state for each in shown)
