"""The row that shows what runs at this moment, and how everybody learns what ended.

A page carries the id of the operation that ended last when it was drawn. Whoever asks with that
id is told what ended since. Who began something without a script is told by the next page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request, session

from launcher.backup.records.operation import JournalEntry, Progress, Stage, Verb
from launcher.current import current_backups
from launcher.i18n.locale import gettext
from launcher.web.admin.backups.outcomes import ended
from launcher.web.admin.backups.table import names_of
from launcher.web.htmx import is_htmx
from launcher.web.roles import signed_in_user
from launcher.web.toasts import show

_STARTED = "started"
_SEEN_HEADER = "Launcher-Seen"
_SCHEDULE = "schedule"
_PAGES_THAT_TELL = {"backups.show", "backup.show"}
_TOASTS_AT_ONCE = 3
_DONE_AT_ONCE = {Verb.PROTECT, Verb.UNPROTECT, Verb.DELETE}


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """What the row shows. `seen` is the id of the operation that ended last, "" for none."""

    running: Progress | None
    seen: str

    @property
    def who(self) -> str:
        """The name of whoever began it, as the people here know it."""
        if self.running is None:
            return ""
        by = self.running.by
        return gettext("the schedule") if by == _SCHEDULE else names_of({by}).get(by, by)

    @property
    def shown(self) -> str:
        """The id of what the row shows, "" while it is empty."""
        return self.running.operation_id if self.running else ""

    @property
    def poll_s(self) -> int:
        """After how many seconds to ask again."""
        return 1 if self.running else 5

    @property
    def done_stages(self) -> Sequence[Stage]:
        """The stages that lie behind."""
        if self.running is None or self.running.stage not in self.running.stages:
            return ()
        return self.running.stages[: self.running.stages.index(self.running.stage)]


def present_row() -> ProgressRow:
    """Return what runs now; a page that is drawn anew in part is told what it has not seen."""
    # In this order: what ends between the two is told by the next question.
    if seen := _seen_by_page():
        unseen = current_backups().ended_since(seen)
        _report(unseen)
    else:
        unseen = current_backups().ended_since("", limit=1)
    return ProgressRow(current_backups().progress(), unseen[0].operation_id if unseen else seen)


def news(*, seen: str, shown: str) -> ProgressRow | None:
    """Return the row anew where it differs from what a page shows, and tell what ended since.

    Returns:
        None while the page is right: nothing runs, nothing was shown and nothing ended.
    """
    unseen = current_backups().ended_since(seen)
    running = current_backups().progress()
    if running is None and not shown and not unseen:
        return None
    _report(unseen)
    return ProgressRow(running, unseen[0].operation_id if unseen else seen)


def remember(operation_id: str) -> None:
    """Let the next page of backups tell how this operation ended."""
    session[_STARTED] = operation_id


def tell_what_was_started() -> None:
    """Say how the operation ended that this browser began, once, on a page of backups."""
    if request.endpoint not in _PAGES_THAT_TELL or _seen_by_page() or _STARTED not in session:
        return
    found = current_backups().operation(session[_STARTED])
    if isinstance(found, Progress):
        return
    session.pop(_STARTED)
    if found is not None:
        show(ended(found).toast())


def _seen_by_page() -> str:
    """Return what admin.js says of the page that asks, "" where a page is drawn whole."""
    return request.headers.get(_SEEN_HEADER, "")[:40] if is_htmx() else ""


def _report(unseen: Sequence[JournalEntry]) -> None:
    viewer = signed_in_user().username
    if session.get(_STARTED) in {entry.operation_id for entry in unseen}:
        session.pop(_STARTED)
    # The viewer's own request has already said how what is done at once ended.
    unheard = [e for e in unseen if not (e.verb in _DONE_AT_ONCE and e.by == viewer)]
    for entry in reversed(unheard[:_TOASTS_AT_ONCE]):
        show(ended(entry).toast())
