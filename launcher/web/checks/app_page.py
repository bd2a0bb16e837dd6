"""The health of one app: its state, its uptime, its last days, response times and outages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, current_app, render_template, request, url_for

from launcher.catalogue.access import find_app, may_edit_app
from launcher.checks.history import (
    Measured,
    Past,
    down_s,
    flapping,
    history_start,
    measured_since,
    outages_of,
    past_of,
    year_of,
)
from launcher.checks.response_times import Period, response_times
from launcher.checks.shown import Conditions, Shown, state_shown
from launcher.extensions import db
from launcher.i18n.formats import day, day_words, duration, listing, span
from launcher.i18n.health import public_facts, reason_words
from launcher.i18n.labels import HEALTH_WORDS
from launcher.i18n.locale import format_locale, format_zone
from launcher.i18n.locale import gettext as _
from launcher.models import App, CheckKind, CheckState, Health, HealthCheck, Outage
from launcher.web.checks.certificate_words import expiry_of, trust_words
from launcher.web.checks.chart_words import (
    PERIOD_WORDS,
    chart_words,
    history_words,
    parts_of,
    ticks_of,
)
from launcher.web.checks.drawings import chart_of, strip
from launcher.web.checks.notified_words import notified_words
from launcher.web.checks.tile_words import current_conditions
from launcher.web.checks.words import (
    LastResult,
    days_words,
    down_words,
    first_check_words,
    flapping_words,
    second_line,
    tries_words,
    uptime_words,
)
from launcher.web.frame import current_viewer
from launcher.web.home_network import is_at_home
from launcher.web.roles import redirect_to_sign_in
from launcher.web.sessions import renews_nothing
from launcher.web.tiles import link_to, opened_url

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_SIGNS = {Health.UP: "ok", Health.SLOW: "warn", Health.DOWN: "bad", Health.PAUSED: "paused"}

blueprint = Blueprint("app_health", __name__)


@dataclass(frozen=True, slots=True)
class Figure:
    """An uptime in words: of when, how much, and how long the app was down."""

    name: str
    uptime: str
    note: str


@blueprint.get("/apps/<id:app_id>/health")
def show(app_id: int) -> ResponseReturnValue:
    """Show the health of an app to everyone who sees it; where it is checked, to its editors."""
    viewer = current_viewer()
    app = find_app(app_id, viewer)
    if app is None and viewer is None:
        return redirect_to_sign_in()
    if app is None:
        abort(404)
    conditions, can_edit = current_conditions(), may_edit_app(viewer, app)
    check, state = db.session.get(HealthCheck, app_id), db.session.get(CheckState, app_id)
    if check is None or not check.is_enabled:
        return render_template(
            "app_health.html", app=app, check=None, edit_url=_edit_url(app, can_edit=can_edit)
        )
    now, period = conditions.now, _period()
    is_admin = viewer is not None and viewer.is_admin
    interval_s = check.interval_s or conditions.interval_s
    past = past_of(db.session, [app_id], now=now, zone=format_zone())[app_id]
    outages = outages_of(db.session, app_id, now=now)
    begun = history_start(db.session, app_id)
    series = response_times(db.session, app_id, period, now=now, interval_s=interval_s, begun=begun)
    shown = shown_of(app_id, check, state, conditions)
    words = days_words(past)
    return render_template(
        "app_health.html",
        app=app,
        check=check,
        url=link_to(opened_url(app, is_at_home=is_at_home())),
        shown=shown,
        sign_name=_SIGNS.get(shown.state, "none"),
        answer=_answer(
            app_id, shown, check, state, conditions, can_edit=can_edit, is_admin=is_admin
        ),
        is_sample=check.kind is CheckKind.SAMPLE,
        figures=_figures(app_id, past, outages, now),
        strip=strip(past, words, is_tall=True),
        days_words=words,
        first_day_words=day_words(past.first, format_locale()),
        period=period,
        periods=PERIOD_WORDS,
        chart=chart_of(series),
        chart_words=chart_words(series, period),
        history_words=history_words(series, period, begun),
        ticks=ticks_of(series),
        parts=parts_of(series, period),
        outages=[_outage_row(each, now, can_edit=can_edit) for each in outages],
        interval_s=interval_s,
        tries_words=tries_words(
            check.retries + 1, interval_s=interval_s, limit_s=check.timeout_ms / 1000
        ),
        can_edit=can_edit,
        address=_address(app, check) if can_edit else "",
        edit_url=_edit_url(app, can_edit=can_edit),
        state=state,
        certificate_names=_names(state) if can_edit else "",
        certificate_trust=trust_words(state.certificate) if state and can_edit else "",
        certificate_expiry=(
            expiry_of(state.certificate_until, now) if state and state.certificate_until else None
        ),
    )


@blueprint.get("/apps/<id:app_id>/health/brief")
@renews_nothing
def brief(app_id: int) -> str:
    """Show the health of an app in short, to everyone who sees it; it opens at its tile."""
    viewer = current_viewer()
    app = find_app(app_id, viewer) or abort(404)
    check, state = db.session.get(HealthCheck, app_id), db.session.get(CheckState, app_id)
    if check is None or not check.is_enabled:
        abort(404)
    conditions, can_edit = current_conditions(), may_edit_app(viewer, app)
    shown = shown_of(app_id, check, state, conditions)
    past = past_of(db.session, [app_id], now=conditions.now, zone=format_zone())[app_id]
    answer = _answer(app_id, shown, check, state, conditions, can_edit=can_edit, is_admin=False)
    last_ms = state.last_ms if state else None
    return render_template(
        "_health_brief.html",
        app=app,
        shown=shown,
        answer=answer,
        uptime=uptime_words(past.day.uptime),
        response=duration(last_ms / 1000) if last_ms is not None else "",
        is_sample=check.kind is CheckKind.SAMPLE,
    )


def shown_of(
    app_id: int, check: HealthCheck, state: CheckState | None, conditions: Conditions
) -> Shown:
    """Return what is shown of an app by its rows."""
    return state_shown(
        conditions,
        app_id,
        known=state.state if state else None,
        since=state.since if state else None,
        last_at=state.last_at if state else None,
        interval_s=check.interval_s,
        paused_until=check.paused_until,
        paused_by=check.paused_by,
    )


def _period() -> Period:
    try:
        return Period(request.args.get("period", Period.DAY))
    except ValueError:
        return Period.DAY


def _edit_url(app: App, *, can_edit: bool) -> str:
    """Return the address of the form of the check, "" where there is none for the viewer."""
    endpoint = "app_check.edit"
    if not can_edit or endpoint not in current_app.view_functions:
        return ""
    return url_for(endpoint, app_id=app.id)


def _answer(
    app_id: int,
    shown: Shown,
    check: HealthCheck,
    state: CheckState | None,
    conditions: Conditions,
    *,
    can_edit: bool,
    is_admin: bool,
) -> tuple[str, ...]:
    """Return the state in words, and the sentences below it."""
    result = LastResult(slow_ms=check.slow_ms)
    lines = []
    if state is not None and shown.state is Health.DOWN:
        facts = state.facts if can_edit else public_facts(state.facts)
        what, way = reason_words(state.error, facts)
        lines.append(f"{what}.")
        if can_edit:
            lines.append(way)
    often = flapping(db.session, now=conditions.now).get(app_id, 0)
    if often:
        lines.append(f"{flapping_words(often)}.")
    if shown.state is Health.DOWN and is_admin:
        lines.append(notified_words({app_id}, conditions.now))
    first_check = first_check_words(app_id, check.interval_s or conditions.interval_s, conditions)
    second = second_line(shown, result, conditions.now, may_edit=can_edit, first_check=first_check)
    first = str(HEALTH_WORDS[shown.state])
    return (first, *([f"{second}."] if second else []), *filter(None, lines))


def _figures(app_id: int, past: Past, outages: Sequence[Outage], now: datetime) -> list[Figure]:
    year = year_of(db.session, app_id, now=now)
    begun = measured_since(db.session, app_id)
    spans: tuple[tuple[str, Measured, int], ...] = (
        (_("Uptime, 24 h"), past.day, 1),
        (_("7 days"), past.week, 7),
        (_("30 days"), past.month, 30),
        (_("A year"), year, 365),
    )
    figures = []
    for name, measured, days in spans:
        start = now - timedelta(days=days)
        note = down_words(down_s(outages, start=start, now=now))
        if begun and begun > start + timedelta(days=1) and measured.probes:
            note = _("since %(day)s", day=day(begun))
        figures.append(Figure(name, uptime_words(measured.uptime), note))
    return figures


def _outage_row(outage: Outage, now: datetime, *, can_edit: bool) -> dict[str, Any]:
    facts = outage.facts if can_edit else public_facts(outage.facts)
    length = span((outage.ended_at or now) - outage.started_at)
    return {
        "started_at": outage.started_at,
        "length": length if outage.ended_at else _("%(length)s so far", length=length),
        "is_open": outage.ended_at is None,
        "reason": reason_words(outage.error, facts)[0],
    }


def _address(app: App, check: HealthCheck) -> str:
    match check.target:
        case "other":
            return check.url
        case "local":
            return app.url_local or app.url
    return app.url


def _names(state: CheckState | None) -> str:
    names = state.certificate.get("names") if state else None
    return listing([str(each) for each in names], most=5) if isinstance(names, list) else ""
