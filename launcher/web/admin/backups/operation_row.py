"""The row of the running operation, and the toasts of those that ended.

A page has the id of the operation that ended last when it was drawn. A request with that id gets a
toast for each that ended since. Without script the next page shows the toast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request, session

from launcher.backup.records.operation import JournalEntry, Progress, Stage, Verb
from launcher.current import current_backups
from launcher.i18n.actors import actor_in_sentence
from launcher.i18n.labels import VERB_WORDS
from launcher.i18n.locale import gettext
from launcher.web.admin.backups.outcomes import ended
from launcher.web.admin.backups.table import names_of
from launcher.web.htmx import is_htmx
from launcher.web.operations.stages import is_undoing
from launcher.web.roles import signed_in_user
from launcher.web.toasts import show

_STARTED = "started"
_SEEN_HEADER = "Launcher-Seen"
_REPORTING_PAGES = {"backups.show", "backup.show"}
_TOASTS_AT_ONCE = 3
_DONE_AT_ONCE = {Verb.PROTECT, Verb.UNPROTECT, Verb.DELETE}


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """The row. `seen` is the id of the operation that ended last, "" for none."""

    running: Progress | None
    seen: str

    @property
    def who(self) -> str:
        """The display name of who started it."""
        if self.running is None:
            return ""
        by = self.running.by
        return names_of({by}).get(by) or actor_in_sentence(by)

    @property
    def what(self) -> str:
        """What runs, with an undo by its name."""
        if self.running is None:
            return ""
        if is_undoing(self.running):
            return gettext("Undoing a restore")
        return str(VERB_WORDS[self.running.verb])

    @property
    def shown(self) -> str:
        """The id of the operation shown, "" while the row is empty."""
        return self.running.operation_id if self.running else ""

    @property
    def poll_s(self) -> int:
        """The seconds until the next request."""
        return 1 if self.running else 5

    @property
    def done_stages(self) -> Sequence[Stage]:
        """The completed stages."""
        if self.running is None or self.running.stage not in self.running.stages:
            return ()
        return self.running.stages[: self.running.stages.index(self.running.stage)]


def current_row() -> ProgressRow:
    """Return the current row; toasts show what ended since the page was drawn."""
    # In this order: the next request reports what ends between the two.
    if seen := _seen_by_page():
        unseen = current_backups().ended_since(seen)
        _report(unseen)
    else:
        unseen = current_backups().ended_since("", limit=1)
    return ProgressRow(_running(), unseen[0].operation_id if unseen else seen)


def changed_row(*, seen: str, shown: str) -> ProgressRow | None:
    """Return the row if a page has to draw it again, and show toasts for what ended since.

    Returns:
        None while nothing runs, nothing was shown and nothing ended.
    """
    unseen = current_backups().ended_since(seen)
    running = _running()
    if running is None and not shown and not unseen:
        return None
    _report(unseen)
    return ProgressRow(running, unseen[0].operation_id if unseen else seen)


def _running() -> Progress | None:
    """Return the operation that holds the lock, or else a file that is being checked."""
    service = current_backups()
    return service.progress() or next(iter(service.checks()), None)


def remember_started(operation_id: str) -> None:
    """Let the next page about backups report how this operation ended."""
    session[_STARTED] = operation_id


def report_started() -> None:
    """Show once how the operation that this browser started has ended."""
    if request.endpoint not in _REPORTING_PAGES or _seen_by_page() or _STARTED not in session:
        return
    found = current_backups().operation(session[_STARTED])
    if isinstance(found, Progress):
        return
    session.pop(_STARTED)
    if found is not None:
        show(ended(found).toast())


def is_end_awaited() -> bool:
    """Whether this browser started an operation and was not shown yet how it ended."""
    return _STARTED in session


def _seen_by_page() -> str:
    """Return the id that admin.js sends for a drawn page, "" for a whole page."""
    return request.headers.get(_SEEN_HEADER, "")[:40] if is_htmx() else ""


def _report(unseen: Sequence[JournalEntry]) -> None:
    viewer = signed_in_user().username
    if session.get(_STARTED) in {entry.operation_id for entry in unseen}:
        session.pop(_STARTED)
    # The viewer's own request has shown a toast for what ends within it.
    new = [e for e in unseen if not (e.verb in _DONE_AT_ONCE and e.by == viewer)]
    for entry in reversed(new[:_TOASTS_AT_ONCE]):
        show(ended(entry).toast())
