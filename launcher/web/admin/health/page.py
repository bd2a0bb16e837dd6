"""The list of all checks: what is wrong, the worst first, and what checking costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, current_app, render_template, request, url_for

from launcher.catalogue.access import sees_app, visible_tags
from launcher.checks.history import Past, flapping, past_of
from launcher.checks.listing import Entry, counts_of, list_checked
from launcher.checks.shown import Conditions
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.formats import day, duration, number
from launcher.i18n.labels import HEALTH_WORDS
from launcher.i18n.locale import format_zone
from launcher.i18n.locale import gettext as _
from launcher.models import CheckKind, ChecksRun, Health
from launcher.web.checks.drawings import strip
from launcher.web.checks.notified_words import notified_words
from launcher.web.checks.tile_words import current_conditions, near
from launcher.web.checks.words import (
    LastResult,
    days_words,
    first_check_words,
    pause_words,
    second_line,
    sick_words,
    uptime_words,
)
from launcher.web.pictures import picture_of
from launcher.web.roles import admin_required, signed_in_user
from launcher.web.tiles import address_of

_PER_PAGE = 100
_STATES = (
    Health.DOWN, Health.SLOW, Health.UP, Health.PAUSED, Health.UNKNOWN, Health.OFFLINE,
)  # fmt: skip
_SIGNS = {Health.DOWN: "bad", Health.SLOW: "warn", Health.OFFLINE: "warn"}

CERTIFICATE = "certificate"
"""In an address: those whose certificate expires soon."""

blueprint = Blueprint("checks", __name__, url_prefix="/admin/health")


@blueprint.get("")
@admin_required
def show() -> str:
    """Show the apps that are checked, the worst first, a hundred a page."""
    viewer, conditions = signed_in_user(), current_conditions()
    tag, text = request.args.get("tag", "")[:200], request.args.get("q", "").strip()[:200]
    wanted = request.args.get("state", "")
    often = flapping(db.session, now=conditions.now)
    known = list_checked(db.session, sees_app(viewer), conditions, flapping=often, tag=tag)
    within = [each for each in known if text.casefold() in each.app.name.casefold()]
    found = [each for each in within if _is_wanted(each, wanted)]
    pages = max(1, -(-len(found) // _PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    entries = found[(page - 1) * _PER_PAGE : page * _PER_PAGE]
    return render_template(
        "admin/health.html",
        rows=_rows(entries, conditions),
        found=len(found),
        known=len(known),
        samples=sum(each.app.kind is CheckKind.SAMPLE for each in known),
        counts=_filters(within),
        certificates=sum(each.has_certificate_soon for each in within),
        states=HEALTH_WORDS,
        wanted=wanted,
        tag=tag,
        text=text,
        tags=[name for name, _count in _tags(viewer)],
        address=_address,
        page=page,
        pages=pages,
        answer=_answer(known, conditions),
        run=db.session.get(ChecksRun, 1),
        cost=_cost(),
        are_on=site_settings().checks_enabled,
        edit_endpoint="app_check.edit" if "app_check.edit" in current_app.view_functions else "",
    )


def _tags(viewer: Any) -> list[tuple[str, int]]:
    return [(tag.name, count) for tag, count in visible_tags(viewer)]


def _address(**changes: object) -> str:
    """Return the address of this list with other filters; the page is the first."""
    asked = {name: request.args.get(name, "") for name in ("state", "q", "tag")} | changes
    kept: dict[str, Any] = {name: each for name, each in asked.items() if each}
    return url_for("checks.show", **kept)


def _is_wanted(entry: Entry, wanted: str) -> bool:
    if wanted == CERTIFICATE:
        return entry.has_certificate_soon
    return wanted in {"", entry.shown.state}


def _filters(entries: Sequence[Entry]) -> list[tuple[Health, int]]:
    counts = counts_of(entries)
    return [(state, counts[state]) for state in _STATES if counts[state]]


def _rows(entries: Sequence[Entry], conditions: Conditions) -> list[dict[str, Any]]:
    ids = [each.app.app_id for each in entries]
    pasts = past_of(db.session, ids, now=conditions.now, zone=format_zone())
    rows = []
    for entry in entries:
        app, past = entry.app, pasts[entry.app.app_id]
        result = LastResult(app.last_at, app.last_ms, app.error or "", app.facts, app.slow_ms)
        second = second_line(
            entry.shown,
            result,
            conditions.now,
            outages=entry.outages,
            may_edit=True,
            first_check=first_check_words(
                app.app_id, app.interval_s or conditions.interval_s, conditions
            ),
        )
        if entry.has_certificate_soon and app.certificate_until:
            until = _("Certificate until %(day)s", day=day(app.certificate_until))
            second = f"{second}. {until}" if second else until
        rows.append(
            {
                "id": app.app_id,
                "name": app.name,
                "address": address_of(app.url),
                "picture": picture_of(app, app.media_sha256),
                "state": entry.shown.state,
                "second": second,
                "strip": strip(past, days_words(past)),
                "uptime": uptime_words(past.day.uptime),
                "uptimes": _long_uptimes(past),
                "response": duration(app.last_ms / 1000) if app.last_ms is not None else "",
                "last_at": app.last_at,
            }
        )
    return rows


def _long_uptimes(past: Past) -> tuple[str, str]:
    """Return the uptime of 7 and 30 days, "" with less than a day of data: it says nothing yet."""
    week, month = uptime_words(past.week.uptime), uptime_words(past.month.uptime)
    # Data from before yesterday is a day of data at least.
    has_day = any(each.probes for each in past.days[:-2]) or not past.month.probes
    return (week, month) if has_day else ("", "")


def _answer(entries: Sequence[Entry], conditions: Conditions) -> dict[str, str]:
    """Return the sign, the headline and the sentence about all apps."""
    counts, now = counts_of(entries), conditions.now
    rest = _counted(counts)
    if conditions.offline_since:
        since = near(conditions.offline_since, now)
        words = _(
            "No check could reach its target since %(when)s. No app is marked as down.", when=since
        )
        return {"sign": "warn", "title": _("This server is offline"), "text": words}
    if conditions.pause:
        words = f"{pause_words(conditions.pause, now)}."
        return {"sign": "paused", "title": _("All checks are paused"), "text": words}
    for state in (Health.DOWN, Health.SLOW):
        if counts[state]:
            names = [each.app.name for each in entries if each.shown.state is state]
            notified = ""
            if state is Health.DOWN:
                down = {each.app.app_id for each in entries if each.shown.state is state}
                notified = notified_words(down, now)
            text = f"{rest}. {notified}" if notified else rest
            return {"sign": _SIGNS[state], "title": sick_words(state, names), "text": text}
    if not counts[Health.UP]:
        return {"sign": "none", "title": _("Nothing is known yet"), "text": rest}
    is_all = counts[Health.UP] == len(entries)
    title = _("All apps are up") if is_all else _("No app is down")
    return {"sign": "ok", "title": title, "text": rest}


def _counted(counts: Any) -> str:
    """Return how many apps are in each state: `Down: 1, up: 24`."""
    return ", ".join(
        _("%(state)s: %(count)s", state=str(HEALTH_WORDS[state]), count=number(counts[state]))
        for state in _STATES
        if counts[state]
    )


def _cost() -> str:
    """Return what the checks cost, "" while that is not known."""
    run = db.session.get(ChecksRun, 1)
    cost = run.cost if run else {}
    per_min, share = cost.get("checks_per_min"), cost.get("cpu_share")
    if not isinstance(per_min, int | float) or not isinstance(share, int | float):
        return ""
    return _(
        "%(checks)s checks a minute use %(share)s %% of one CPU core.",
        checks=number(per_min, digits=1),
        share=number(share * 100, digits=1),
    )
