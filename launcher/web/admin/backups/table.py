"""The list of backups as the panel shows it: filtered, one page at a time, each row in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from flask import url_for

from launcher.backup.records.backup import Backup, Kind, Listing, State
from launcher.backup.records.ids import BackupId
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.retention import KeepDecision, RetentionPolicy
from launcher.backup.verdicts import refusals
from launcher.extensions import db
from launcher.models import User
from launcher.web.admin.backups import words
from launcher.web.admin.backups.file_verdict import refusal
from launcher.web.admin.backups.retention_labels import Periods, retention_label
from launcher.web.admin.offsite.shown import ShownCopy
from launcher.web.contents import contents_in_brief

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

PAGE_SIZE = 20
MAX_PAGE_DIGITS = 7

Member = TypeVar("Member", Kind, State)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filter and page in the query string; invalid values are ignored."""

    kind: Kind | None = None
    state: State | None = None
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether a filter is set."""
        return self.kind is not None or self.state is not None

    def address(self, page: int | None = None) -> str:
        """Return the address of this view, or of another page of it."""
        number = self.page if page is None else page
        return url_for(
            "backups.show", kind=self.kind, state=self.state, page=number if number > 1 else None
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of the list, with its place in the whole."""

    backups: Sequence[Backup]
    number: int
    first: int
    total: int
    pages: int

    @property
    def last(self) -> int:
        """The place of the last backup on it, 0 when there is none."""
        return self.first + len(self.backups) - 1 if self.backups else 0


def read_query(query: MultiDict[str, str]) -> ListQuery:
    """Return the filter and page of a query string; nothing in it is an error."""
    page = query.get("page", "")
    is_number = page.isascii() and page.isdigit() and len(page) <= MAX_PAGE_DIGITS
    return ListQuery(
        kind=_member(Kind, query.get("kind", "")),
        state=_member(State, query.get("state", "")),
        page=max(1, int(page)) if is_number else 1,
    )


def turn_to(listing: Listing, asked: ListQuery) -> Sheet:
    """Return the requested page, or the last one."""
    found = listing.select(kind=asked.kind, state=asked.state)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    number = min(asked.page, pages)
    begin = (number - 1) * PAGE_SIZE
    return Sheet(found[begin : begin + PAGE_SIZE], number, begin + 1, len(found), pages)


def describe(
    sheet: Sheet,
    decisions: Mapping[BackupId, KeepDecision],
    stays: Periods,
    policy: RetentionPolicy,
    entries: Sequence[JournalEntry],
    *,
    now: datetime,
    copies_of: Callable[[Backup], Sequence[ShownCopy]],
) -> list[dict[str, object]]:
    """Return the rows of one page; `copies_of` says where a backup is besides."""
    address = url_for("backups.show")
    names = names_of({backup.created_by for backup in sheet.backups})
    restore_tested = {
        entry.backup_id
        for entry in entries
        if entry.verb is Verb.TEST_RESTORE and entry.outcome is Outcome.SUCCEEDED
    }
    refused = {
        backup_id: refusal(entry.error_code, entry.fault or entry.damage).title
        for backup_id, entry in refusals(sheet.backups, entries).items()
    }
    close = words.in_shared_minutes(sheet.backups)
    return [
        {
            "backup": backup,
            "refusal": refused.get(backup.id, ""),
            "address": f"{address}/{backup.id}",
            "is_uploaded": backup.kind is Kind.UPLOAD,
            "taken": words.short_time(backup.created_at, now=now, has_seconds=backup.id in close),
            "why": words.why(backup, names),
            "note": words.note(backup, names, now=now),
            "contents": contents_in_brief(backup.contents),
            "retention_label": retention_label(decisions[backup.id], stays, policy, now=now),
            "shape": "upload" if backup.kind is Kind.EXTERNAL else backup.kind.value,
            "is_from_future": backup.is_from_future(now),
            "is_restore_tested": backup.id in restore_tested,
            "copies": copies_of(backup),
        }
        for backup in sheet.backups
    ]


def names_of(usernames: set[str]) -> Mapping[str, str]:
    """Return display names by user name, of the users that still exist."""
    rows = db.session.execute(
        sa.select(User.username, User.display_name).where(User.username.in_(usernames))
    )
    return {username: display_name or username for username, display_name in rows}


def _member(members: type[Member], text: str) -> Member | None:
    return members(text) if text in {each.value for each in members} else None
