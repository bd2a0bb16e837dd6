"""The settings of the site: one table of one row, a typed column a setting.

`launcher.settings.table` has them; only `launcher.db.settings` writes them.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from launcher.models.types import Model, RawBoolean
from launcher.settings.table import SETTINGS

_TYPES = {str: sa.Text, int: sa.Integer, bool: RawBoolean}


class SystemSettings(Model):
    """The one row, with id 1. It exists from the first migration on."""

    __tablename__ = "system_settings"

    id: Mapped[int] = mapped_column(primary_key=True)
    session_epoch: Mapped[str]
    """Every session names it. A restore writes a new one, which ends all sessions."""


for _setting in SETTINGS.values():
    setattr(
        SystemSettings,
        _setting.name,
        mapped_column(_TYPES[type(_setting.default)], nullable=False),
    )
