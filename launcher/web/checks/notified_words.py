"""Who was notified of apps that are down, in words. For admins: recipients are theirs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from launcher.current import current_config
from launcher.i18n.formats import isolated, listing
from launcher.i18n.locale import ngettext
from launcher.notifications.notified import notified_of_apps
from launcher.web.checks.tile_words import near

_MOST_NAMED = 3


def notified_words(app_ids: Collection[int], now: datetime) -> str:
    """Return `Ada and Ben were notified (13:46).`, "" where no one was.

    Args:
        app_ids: the apps that are down. Of several, the latest message counts.
    """
    found = [
        each for app_id, each in notified_of_apps(current_config()).items() if app_id in app_ids
    ]
    if not found:
        return ""
    names = [*dict.fromkeys(isolated(name) for each in found for name in each.names)]
    return ngettext(
        "%(names)s was notified (%(when)s).",
        "%(names)s were notified (%(when)s).",
        len(names),
        names=listing(names, most=_MOST_NAMED),
        when=near(max(each.at for each in found), now),
    )
