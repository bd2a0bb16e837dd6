"""How an app is checked, in the one line that its form has about it."""

from __future__ import annotations

from launcher.db.settings import site_settings
from launcher.i18n.formats import duration
from launcher.i18n.locale import gettext as _
from launcher.models import App


def check_line(app: App) -> str:
    """Return how often an app is checked, or that it is not."""
    settings, check = site_settings(), app.check
    if not settings.checks_enabled or (check is not None and not check.is_enabled):
        return _("Not checked")
    interval_s = (check.interval_s if check else None) or settings.check_interval_s
    return _("Checked every %(interval)s", interval=duration(interval_s))
