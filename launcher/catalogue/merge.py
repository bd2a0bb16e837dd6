"""Two edits of one app that began from the same entries, put side by side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from launcher.catalogue.entries import AppEntries
from launcher.catalogue.errors import CatalogueError, Since
from launcher.catalogue.history import last_change
from launcher.models import App


@dataclass(frozen=True, slots=True)
class Merge:
    """Two edits of one app that began from the same entries.

    Attributes:
        merged: the entries with the changes of both; the own ones where both changed a field.
        theirs: what the other saved.
        both_changed: the fields where the two differ, to be decided.
        only_theirs: the fields that only the other changed.
        revision: that of the app now.
    """

    merged: AppEntries
    theirs: AppEntries
    both_changed: tuple[str, ...]
    only_theirs: tuple[str, ...]
    revision: int
    since: Since = field(default_factory=Since)


class EditedByTwoError(CatalogueError):
    """Another editor saved the app since the form was shown; `merge` has the entries of both."""

    code = "edited_by_two"

    def __init__(self, merge: Merge) -> None:
        super().__init__(", ".join(merge.both_changed))
        self.merge = merge


def merge(app: App, entries: AppEntries, seen: AppEntries) -> Merge:
    """Put `entries` beside what an app has now; both began from `seen`."""
    theirs = AppEntries.of(app)
    mine, other = seen.changes(entries), seen.changes(theirs)
    return Merge(
        merged=replace(theirs, **{name: getattr(entries, name) for name in mine}),
        theirs=theirs,
        both_changed=tuple(
            name
            for name in mine
            if name in other and getattr(entries, name) != getattr(theirs, name)
        ),
        only_theirs=tuple(name for name in other if name not in mine),
        revision=app.revision,
        since=last_change(app),
    )
