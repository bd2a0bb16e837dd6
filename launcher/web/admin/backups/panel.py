"""The panel: whether the data is safe, and the list of backups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from flask import Blueprint, request

from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.retention import decide
from launcher.current import current_application, current_backups
from launcher.db.settings import site_settings
from launcher.i18n.actors import actor_in_sentence
from launcher.i18n.formats import exact, long, number
from launcher.i18n.labels import KIND_WORDS, STATE_WORDS, VERB_WORDS, damage, warning
from launcher.i18n.problems import ACTION_WORDS
from launcher.jobs.registry import JOBS
from launcher.models.types import utc_now
from launcher.notifications.assessment import assess
from launcher.web.admin.backups import words
from launcher.web.admin.backups.actions.common import LIST_CHANGED
from launcher.web.admin.backups.banner import set_current_problems
from launcher.web.admin.backups.operation_row import current_row, is_end_awaited
from launcher.web.admin.backups.outcomes import ended
from launcher.web.admin.backups.outcomes.way_back import undo_words
from launcher.web.admin.backups.retention_labels import periods, rule_words
from launcher.web.admin.backups.table import ListQuery, describe, names_of, read_query, turn_to
from launcher.web.admin.backups.timeline import draw
from launcher.web.admin.offsite.in_panel import Elsewhere, elsewhere
from launcher.web.admin.schedule.cron_words import cron_words
from launcher.web.contents import contents_in_brief
from launcher.web.htmx import is_htmx, render
from launcher.web.operations.undoing import can_be_restored, had_no_data
from launcher.web.roles import admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from launcher.monitoring.snapshot import Snapshot

blueprint = Blueprint("backups", __name__, url_prefix="/admin/backups")
for _filter in (
    cron_words, exact, contents_in_brief, number, words.at_time, damage, long,
    words.describe_timeline, words.short_day, words.short_time, words.until_day,
    warning,
):  # fmt: skip
    blueprint.add_app_template_filter(_filter)


@blueprint.get("")
@admin_required
def show() -> ResponseReturnValue:
    """Show the panel, also while the backup folder cannot be read."""
    asked = read_query(request.args)
    row = current_row()  # before the list is read: the next request reports what ends meanwhile
    seen = assess(current_application(), now=utc_now(), settings=site_settings())
    set_current_problems(seen)
    snapshot = seen.snapshot
    there = elsewhere(snapshot)
    page = render(
        "admin/backups.html",
        part="admin/_panel.html",
        is_part=is_htmx(),
        action_words=ACTION_WORDS,
        asked=asked,
        findings=seen.findings,
        kind_words=KIND_WORDS,
        state_words=STATE_WORDS,
        verb_words=VERB_WORDS,
        now=snapshot.now,
        operation=snapshot.running,
        operation_row=row,
        is_end_awaited=is_end_awaited(),
        restored=_last_restore(snapshot),
        snapshot=snapshot,
        elsewhere=there,
        **_list(snapshot, asked, there),
    )
    # A page that showed how far a copy was draws its list again once nothing is copied.
    has_ended = is_htmx() and "copying" in request.args and not there.poll_s
    return page, 200, LIST_CHANGED if has_ended else {}


@dataclass(frozen=True, slots=True)
class LastRestore:
    """A restore whose data is in no good backup yet.

    Attributes:
        safety_id: "" without a way back.
        undo: what leads to the plan of the undo.
        is_safety_damaged: whether there is no undo, because its safety backup is damaged.
        had_no_data: whether there is no undo, because there was no data before.
    """

    words: str
    at: datetime
    by: str
    operation_id: str
    safety_id: str
    undo: str
    is_safety_damaged: bool
    had_no_data: bool


def _last_restore(snapshot: Snapshot) -> LastRestore | None:
    """Return the last restore, None once a good backup was created after it.

    A backup that was found damaged later was good then: the undo does not return with its loss.
    """
    entry = next((each for each in snapshot.entries if each.has_replaced_data), None)
    if entry is None or _is_backed_up_since(snapshot, entry):
        return None
    safety_id = str(entry.facts.get("safety_id", ""))
    safety = snapshot.listing.by_id.get(safety_id) if snapshot.listing else None
    is_possible = safety is not None and can_be_restored(safety) and safety.has_admin
    by = names_of({entry.by}).get(entry.by) or actor_in_sentence(entry.by)
    words = ended(entry).toast()["text"]
    return LastRestore(
        words,
        entry.ended_at,
        by,
        entry.operation_id,
        safety_id=safety_id if is_possible else "",
        undo=undo_words(entry),
        is_safety_damaged=safety is not None and not can_be_restored(safety),
        had_no_data=had_no_data(entry),
    )


def _is_backed_up_since(snapshot: Snapshot, restore: JournalEntry) -> bool:
    good = snapshot.last_good
    if good and good.created_at > restore.ended_at:
        return True
    later = takewhile(lambda each: each.operation_id != restore.operation_id, snapshot.entries)
    return any(e.verb is Verb.CREATE and e.outcome is Outcome.SUCCEEDED for e in later)


def _list(snapshot: Snapshot, asked: ListQuery, there: Elsewhere) -> dict[str, object]:
    """Return the context of the list, without rows while there are none."""
    listing, policy = snapshot.listing, snapshot.settings.policy
    if listing is None or not listing.backups:
        return {"sheet": None, "rule": rule_words(policy)}
    sheet = turn_to(listing, asked)
    plan = decide(listing.backups, policy, zone=snapshot.settings.zone, now=snapshot.now)
    shown = {backup.id for backup in sheet.backups}
    restore_tests = current_backups().journal(limit=1, verbs={Verb.TEST_RESTORE})
    upcoming = JOBS["restore-test"].next_runs(snapshot.settings, after=snapshot.now)
    return {
        "sheet": sheet,
        "rows": describe(
            sheet,
            {decision.backup.id: decision for decision in plan if decision.backup.id in shown},
            periods(plan, policy, snapshot.settings.zone),
            policy,
            snapshot.entries,
            now=snapshot.now,
            copies_of=there.copies_of,
        ),
        "restore_test": next(iter(restore_tests), None),
        "next_restore_test_at": next(iter(upcoming), None),
        "rule": rule_words(policy),
        "timeline": draw(snapshot),
    }
