"""The plan of a restore in words: what there is now, what there will be, what changes for whom."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import Progress, Stage
from launcher.backup.records.plan import NameChange, RestorePlan, RowChange
from launcher.backup.restore import STAGES_RESTORE
from launcher.http.plans import reactivated
from launcher.http.waits import replacing_s, shows_pages
from launcher.i18n.formats import duration, listing, span, weekday_and_time
from launcher.i18n.labels import STAGE_WORDS, live_words, warning
from launcher.i18n.locale import gettext as _
from launcher.models.types import utc_now
from launcher.settings.table import SiteSettings
from launcher.web.contents import ALWAYS_SHOWN, TABLE_WORDS
from launcher.web.operations.plan_changes import MOST_NAMES, changed_rows, name_rows
from launcher.web.operations.stages import StageRow, is_dated, wait_words
from launcher.web.operations.undoing import undone_restore

_NAMED = {"apps": "app", "boards": "board", "users": "user"}


class AccountChange(StrEnum):
    """What happens to the account of the user who restores."""

    SAME = "same"
    OTHER_PASSWORD = "other_password"  # noqa: S105 (a state)
    NO_ADMIN = "no_admin"
    MISSING = "missing"
    CARRIED = "carried"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many of one kind there are and will be. `now` is None when unreadable."""

    what: str
    now: int | None
    then: int
    goes: int
    returns: int


class Stopwatch:
    """Measures each stage of a plan; pass it as `on_progress`."""

    def __init__(self) -> None:
        self._stage: Stage | None = None
        self._since = time.monotonic()
        self.took_s: dict[Stage, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Note one step."""
        if progress.stage is not self._stage:
            self.stop()
            self._stage, self._since = progress.stage, time.monotonic()

    def stop(self) -> None:
        """End the current stage."""
        if self._stage is not None:
            self.took_s[self._stage] = time.monotonic() - self._since
        self._stage = None


def describe_plan(
    plan: RestorePlan, backup: Backup, *, viewer: str, took_s: Mapping[Stage, float]
) -> dict[str, object]:
    """Return `plan` in words, for the user name `viewer`."""
    others = [name for name in plan.signed_out if name != viewer]
    passwords = [name for name in plan.password_changes if name != viewer]
    others_again = [name for name in reactivated(plan) if name not in plan.admins_restored]
    return {
        "backup": backup,
        "site_name": plan.site_name_now or plan.site_name_then,
        "undoes": undone_restore(backup.id),
        "is_dated": is_dated(backup),
        "loss": _loss(backup.created_at) if is_dated(backup) else "",
        "live_readable": plan.live_readable,
        "live_problem": live_words(plan.live_problem) if plan.live_problem else "",
        "stages": _stages(plan, took_s),
        "rows": _rows(plan),
        "vanish": name_rows(plan.names, lambda change: change.vanish),
        "appear": name_rows(plan.names, lambda change: change.appear),
        "changed": changed_rows(plan.names),
        "newest": _newest(plan.newest_at),
        "admins_restored": listing(plan.admins_restored, most=MOST_NAMES),
        "admin_count": len(plan.admins_restored),
        "reactivated": listing(others_again, most=MOST_NAMES),
        "reactivated_count": len(others_again),
        "tokens_restored": listing(plan.tokens_restored, most=MOST_NAMES),
        "restored_token_count": len(plan.tokens_restored),
        "account": _account(plan, viewer),
        "others": listing(others, most=MOST_NAMES),
        "other_passwords": listing(passwords, most=MOST_NAMES),
        "password_count": len(passwords),
        "migrations": plan.migrations,
        "tokens_lost": listing(plan.tokens_lost, most=MOST_NAMES),
        "token_count": len(plan.tokens_lost),
        "warnings": [warning(each) for each in plan.warnings],
        "schedule_now": SiteSettings.of(plan.schedule_now) if plan.schedule_now else None,
        "schedule_then": SiteSettings.of(plan.schedule_then) if plan.schedule_then else None,
        "has_choice": bool(plan.schedule_now and plan.schedule_now != plan.schedule_then),
    }


def _loss(created_at: datetime) -> str:
    length = utc_now() - created_at
    return span(length) if length.total_seconds() >= 0 else ""


def _stages(plan: RestorePlan, took_s: Mapping[Stage, float]) -> Sequence[StageRow]:
    """Return the stages that making the plan has done, and those ahead."""
    done = {Stage.UNPACK: _("Backup verified"), Stage.PREPARE: _("Restored to a temporary copy")}
    rows = [
        StageRow("done", words, duration(took_s[stage]) if stage in took_s else "")
        for stage, words in done.items()
    ]
    ahead = STAGES_RESTORE[len(done) :]
    size_bytes = plan.database_size_bytes
    about = _("about %(time)s", time=duration(replacing_s(size_bytes)))
    for stage in ahead:
        is_replace = stage is Stage.REPLACE
        note = wait_words(size_bytes, shows_pages=shows_pages(plan)) if is_replace else ""
        words = str(STAGE_WORDS[stage].ahead)
        if stage is Stage.SAFETY and not plan.live_readable:
            words = _("Keep the damaged files separately")
        rows.append(StageRow("", words, about if is_replace else "", note=note))
    return rows


def _rows(plan: RestorePlan) -> Sequence[CountRow]:
    by_table = {change.table: change for change in plan.rows}
    names = {change.kind: change for change in plan.names}
    grouped: dict[str, list[RowChange]] = {}
    for table, words in TABLE_WORDS.items():
        if table in by_table:
            grouped.setdefault(str(words), []).append(by_table[table])
    rows = [
        _row(what, changes, names.get(_NAMED.get(changes[0].table, "")))
        for what, changes in grouped.items()
    ]
    return [row for at, row in enumerate(rows) if at < ALWAYS_SHOWN or row.now or row.then]


def _row(what: str, changes: Sequence[RowChange], named: NameChange | None) -> CountRow:
    then = sum(change.then for change in changes)
    if any(change.now is None for change in changes):
        return CountRow(what, None, then, goes=0, returns=0)
    now = sum(change.now or 0 for change in changes)
    goes, returns = max(0, now - then), max(0, then - now)
    # Names say more: one that goes and one that returns leave the count as it is.
    if named and len(named.appear) - len(named.vanish) == then - now:
        goes, returns = len(named.vanish), len(named.appear)
    return CountRow(what, now, then, goes, returns)


def _newest(written: str) -> str:
    """Return when the newest entry of a backup is from, in words; "" where none can be read."""
    try:
        at = datetime.fromisoformat(written)
        return weekday_and_time(at.replace(tzinfo=at.tzinfo or UTC))
    except (ValueError, OverflowError):
        return ""


def _account(plan: RestorePlan, viewer: str) -> AccountChange:
    if plan.carried_account == viewer:
        return AccountChange.CARRIED
    if not plan.live_readable:
        return AccountChange.UNKNOWN
    if any(viewer in change.vanish for change in plan.names if change.kind == "user"):
        return AccountChange.MISSING
    if viewer not in plan.admins:
        return AccountChange.NO_ADMIN
    return AccountChange.OTHER_PASSWORD if viewer in plan.password_changes else AccountChange.SAME
