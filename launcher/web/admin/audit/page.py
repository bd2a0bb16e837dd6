"""The audit log, and the journal of operations on backups.

A restore replaces the log, which is in the database, but not the journal, which is outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import Blueprint, render_template, request, url_for

from launcher import audit
from launcher.audit import Cursor, Search
from launcher.backup.errors import BackupNotFoundError
from launcher.backup.records.ids import parse_backup_id
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.current import current_backups
from launcher.i18n.actors import actor_words
from launcher.i18n.labels import (
    OUTCOME_WORDS,
    VERB_WORDS,
    failure_words,
    fault_words,
    operation_words,
)
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import select_time_zone
from launcher.models import AuditEvent
from launcher.web.admin.audit.words import (
    KIND_WORDS,
    action_words,
    attempts_words,
    changes_of,
    error_of,
    outcome_of,
)
from launcher.web.admin.backups.outcomes.ended import source_of
from launcher.web.roles import admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

PAGE = 50
_ALL_ENTRIES = 100_000
_GONE_AFTERWARDS = {Verb.DELETE, Verb.PRUNE}
_STATES = {Outcome.FAILED: "down", Outcome.INTERRUPTED: "slow"}

blueprint = Blueprint("audit", __name__, url_prefix="/admin")


@blueprint.get("/audit")
@admin_required
def show() -> ResponseReturnValue:
    """Show the audit log, newest first, filtered by the query string."""
    asked = {name: request.args.get(name, "").strip()[:100] for name in ("who", "kind", "day", "q")}
    search, asked = _read_search(asked)
    before = Cursor.read(request.args.get("before", ""))
    found, older = audit.events(search, before=before, limit=PAGE)
    actors = audit.actors()
    narrowed = _narrowed(asked)
    return render_template(
        "admin/audit.html",
        events=[_event(each) for each in found],
        asked=asked,
        is_narrowed=bool(narrowed),
        actors={each: actor_words(each) for each in {*actors, asked["who"]} if each},
        kinds=KIND_WORDS,
        newest_url=url_for("audit.show", **narrowed) if before else "",
        older_url=url_for("audit.show", **narrowed, before=str(older)) if older else "",
    )


@blueprint.get("/audit/operations")
@admin_required
def operations() -> ResponseReturnValue:
    """Show the operations on backups, newest first."""
    verb, outcome = request.args.get("verb", ""), request.args.get("outcome", "")
    asked = {
        "verb": verb if verb in set(Verb) else "",
        "outcome": outcome if outcome in set(Outcome) else "",
    }
    narrowed = _narrowed(asked)
    page = _page_number()
    first = (page - 1) * PAGE
    # The journal has at most a megabyte; without a filter only its end is read.
    entries = current_backups().journal(limit=_ALL_ENTRIES if narrowed else first + PAGE + 1)
    matching = (
        each
        for each in entries
        if asked["verb"] in {"", each.verb} and asked["outcome"] in {"", each.outcome}
    )
    found = list(islice(matching, first, first + PAGE + 1))
    newer = url_for("audit.operations", **narrowed, page=page - 1) if page > 1 else ""
    older = url_for("audit.operations", **narrowed, page=page + 1) if len(found) > PAGE else ""
    return render_template(
        "admin/audit_operations.html",
        operations=[_operation(each) for each in found[:PAGE]],
        asked=asked,
        is_narrowed=bool(narrowed),
        verbs=VERB_WORDS,
        outcomes=OUTCOME_WORDS,
        newer_url=newer,
        older_url=older,
    )


def _read_search(asked: dict[str, str]) -> tuple[Search, dict[str, str]]:
    """Return the search, and the filter without invalid values."""
    since, until = _bounds(asked["day"])
    sensible = asked | {
        "kind": asked["kind"] if asked["kind"] in KIND_WORDS else "",
        "day": asked["day"] if since else "",
    }
    search = Search(
        who=sensible["who"], kind=sensible["kind"], text=sensible["q"], since=since, until=until
    )
    return search, sensible


def _bounds(day: str) -> tuple[datetime | None, datetime | None]:
    """Return the start of a day and of the next, in the time zone of the site."""
    zone = select_time_zone()
    try:
        first = date.fromisoformat(day)
        since, until = (
            datetime.combine(each, time(), zone) for each in (first, first + timedelta(days=1))
        )
        # The first and last day of the calendar cannot be converted to UTC.
        since.astimezone(UTC), until.astimezone(UTC)
    except (ValueError, OverflowError):
        return None, None
    return since, until


def _narrowed(asked: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value}


def _page_number() -> int:
    text = request.args.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _event(event: AuditEvent) -> dict[str, object]:
    outcome = outcome_of(event)
    is_gone = event.action in {f"backup.{verb}" for verb in _GONE_AFTERWARDS}
    is_backup = event.target_kind == "backup" and not is_gone
    return {
        "at": event.at,
        "who": actor_words(event.actor_name),
        "actor": event.actor_name,
        "what": action_words(event),
        "changes": tuple(changes_of(event)),
        "attempts": attempts_words(event),
        "ending": _ending(outcome) if outcome else None,
        "error": error_of(event),
        "address": event.address or (_("Several addresses") if attempts_words(event) else ""),
        "backup_url": _backup_url(event.target_id) if is_backup else "",
    }


def _operation(entry: JournalEntry) -> dict[str, object]:
    return {
        "url": url_for("operations.show", operation_id=entry.operation_id),
        "started_at": entry.started_at,
        "what": operation_words(entry),
        "source": source_of(entry) if entry.verb is Verb.UPLOAD else "",
        "who": actor_words(entry.by),
        "duration_s": max(0.0, (entry.ended_at - entry.started_at).total_seconds()),
        "ending": _ending(entry.outcome),
        "meaning": _meaning(entry),
        "error": fault_words(entry.fault),
        "is_english": fault_words(entry.fault) == entry.error,
        "backup_url": "" if entry.verb in _GONE_AFTERWARDS else _backup_url(entry.backup_id),
    }


def _meaning(entry: JournalEntry) -> str:
    """Return what a failure means for the data, or ""."""
    if entry.outcome is Outcome.INTERRUPTED:
        if entry.facts.get("data") == "restored":
            return _("The operation was interrupted after the data was replaced.")
        return _("The operation was interrupted. The data is unchanged.")
    words = failure_words(entry)
    return str(words.title) if words else ""


def _ending(outcome: Outcome) -> dict[str, object]:
    state = _STATES.get(outcome, "")
    return {"is_good": not state, "state": state, "words": str(OUTCOME_WORDS[outcome])}


def _backup_url(text: str) -> str:
    """Return the page of the backup `text`, "" when that is no id."""
    try:
        return url_for("backup.show", backup_id=parse_backup_id(text))
    except BackupNotFoundError:
        return ""
