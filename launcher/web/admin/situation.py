"""What the panel is drawn from: the situation of the watch, with the settings of this request."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from launcher import watch
from launcher.rules import Rules, rules_of
from launcher.watch import Situation, Space

if TYPE_CHECKING:
    from launcher.backup.service import BackupService

__all__ = ["Rules", "Situation", "Space", "look", "rules_of"]


def look(service: BackupService, rules: Rules, *, now: datetime) -> Situation:
    """Return the situation. Asks the disk, never the database; a store that is away is no error."""
    return watch.look(service, rules=rules, now=now)
