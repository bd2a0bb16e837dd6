"""The words about the download of a copy from another place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flask import url_for

from launcher.backup.records.backup import Backup
from launcher.i18n.formats import isolated
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.i18n.offsite import trouble_words
from launcher.offsite.troubles import Trouble
from launcher.web.admin.backups.outcomes.ended import Ended
from launcher.web.admin.backups.outcomes.page import OutcomePage, to_the_backups
from launcher.web.errors import NextStep

if TYPE_CHECKING:
    from launcher.web.operations.following import Follower


class FetchEnded(Ended):
    """A copy was downloaded, and is in the list of backups; nothing is restored yet."""

    done = _("Backup of %(when)s downloaded")
    failed = _("The backup of %(when)s could not be downloaded")
    line_failed = _("Download from another place failed")

    def page(self, follower: Follower | None) -> OutcomePage:
        """Return its page; at a setup, the search for copies goes on."""
        page = super().page(follower)
        if follower is None or not follower.search:
            return page
        token = follower.setup_token
        search = url_for("setup_elsewhere.choose", key=follower.search, token=token)
        back = NextStep(search, gettext("Back to the copies"))
        plan, with_search = (self.plan_at_setup(token, each) for each in ("", follower.search))
        steps = [
            replace(each, path=with_search) if each.path == plan else each
            for each in page.next_steps
        ]
        return replace(page, next_steps=(*steps[:-1], back, steps[-1]))

    def page_of_success(self, _follower: Follower | None) -> OutcomePage:
        return OutcomePage(
            "ok",
            gettext("Backup downloaded and verified"),
            gettext("The backup is in the backup folder of this server. Nothing is restored yet."),
            next_steps=(
                *self.to_the_plan(gettext("Restore…"), "rotate-ccw"), to_the_backups(),
            ),
        )  # fmt: skip

    def page_of_failure(self) -> OutcomePage:
        page = super().page_of_failure()
        details = self.entry.details
        cause = str(details.get("cause", ""))
        if cause not in set(Trouble):
            return page
        title, advice = trouble_words(Trouble(cause), details)
        text = gettext("Nothing was changed. %(problem)s.", problem=title)
        return replace(page, text=text, advice=advice)

    def line_of_success(self, _backup: Backup) -> str:
        place = str(self.facts.get("source") or "")
        if place:
            return gettext("Downloaded from %(name)s", name=isolated(place))
        return gettext("Downloaded from another place")
