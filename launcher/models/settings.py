"""Everything an admin may change about the site: one table of one row, a typed column a setting.

`launcher.settings` says what each may hold and is the only place that writes them.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .types import Model


class SystemSettings(Model):
    """The one row, with id 1. It exists from the first migration on."""

    __tablename__ = "system_settings"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_name: Mapped[str] = mapped_column(sa.Text)
    default_locale: Mapped[str] = mapped_column(sa.Text)
    time_zone: Mapped[str] = mapped_column(sa.Text)
    accent_hue: Mapped[int]
    guest_access: Mapped[bool]
    check_interval_s: Mapped[int]
    backup_enabled: Mapped[bool]
    backup_cron_expression: Mapped[str] = mapped_column(sa.Text)
    backup_max_count: Mapped[int]
    backup_keep_daily: Mapped[int]
    backup_keep_weekly: Mapped[int]
    backup_keep_monthly: Mapped[int]
    backup_stale_after_h: Mapped[int]
    session_epoch: Mapped[str] = mapped_column(sa.Text)
    """Named by every session. A restore writes a new one, which ends them all."""
    backup_rehearsal: Mapped[str] = mapped_column(sa.Text, server_default="weekly")
