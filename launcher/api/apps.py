"""The health of apps: the list of those that are checked, one of them, and its history."""

from __future__ import annotations

from flask import request
from werkzeug.http import quote_etag

from launcher.api.app_shapes import (
    MAX_OUTAGES,
    AppCheck,
    AppHealth,
    AppsHealth,
    AppsQuery,
    History,
    HistoryQuery,
    certificate_of,
    facts_of,
    outages_as,
    steps_of,
)
from launcher.api.door import Answer, Call, door
from launcher.api.moments import written_if
from launcher.api.preconditions import tag_of
from launcher.api.problems import Problem
from launcher.checks.checked_apps import CheckedApp, checked_apps
from launcher.checks.conditions import read_conditions
from launcher.checks.history import outages_of, past_of, uptimes_of, year_of
from launcher.checks.response_times import response_times
from launcher.checks.shown import Conditions
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import TokenScope
from launcher.models.types import utc_now


@door(
    "GET",
    "/apps/checks",
    scope=TokenScope.STATUS,
    summary="List states of apps",
    about=(
        "Lists the apps that are checked in pages, by id, with state, response time and uptime. "
        "With `If-None-Match` it answers 304 while nothing has changed."
    ),
    query=AppsQuery,
    result=AppsHealth,
    request_headers={"If-None-Match": "The ETag of the last answer."},
    response_headers={"ETag": "The version of the answer, for If-None-Match."},
)
def list_app_checks(call: Call) -> Answer:
    """Answer with one page, or that it has not changed."""
    query: AppsQuery = call.query
    conditions, settings = _conditions(), current_settings()
    after = int(query.cursor or 0)
    apps = sorted(checked_apps(db.session, conditions), key=lambda each: each.id)
    found = [each for each in apps if each.id > after and query.state in {None, each.shown.state}]
    page = found[: query.limit]
    ids, now = [each.id for each in page], conditions.now
    uptimes = uptimes_of(db.session, ids, now=now, zone=settings.zone)
    result = AppsHealth(
        is_enabled=settings.checks_enabled,
        paused_until=written_if(conditions.pause.until if conditions.pause else None),
        offline_since=written_if(conditions.offline_since),
        apps=[AppHealth(**facts_of(each, uptimes[each.id])) for each in page],
        next_cursor=str(page[-1].id) if len(found) > len(page) else None,
    )
    tag = tag_of(result)
    headers = {"ETag": quote_etag(tag)}
    if request.if_none_match.contains_weak(tag):
        return Answer(None, 304, headers)
    return Answer(result, headers=headers)


@door(
    "GET",
    "/apps/{app}/check",
    scope=TokenScope.STATUS,
    summary="Get state of an app",
    about="Returns the state of one app with its uptime, its certificate and its outages.",
    result=AppCheck,
)
def get_app_check(call: Call) -> AppCheck:
    """Answer with one app."""
    conditions = _conditions()
    app = _find(call, conditions)
    now, zone = conditions.now, current_settings().zone
    past = past_of(db.session, [app.id], now=now, zone=zone)[app.id]
    outages = outages_of(db.session, app.id, now=now)[:MAX_OUTAGES]
    return AppCheck(
        **facts_of(app, past),
        uptime_7d=past.week.uptime,
        uptime_1y=year_of(db.session, app.id, now=now).uptime,
        certificate=certificate_of(app),
        outages=outages_as(outages),
    )


@door(
    "GET",
    "/apps/{app}/check/history",
    scope=TokenScope.STATUS,
    summary="Get history of an app",
    about=(
        "Returns uptime and response times of one app. The steps have 10 minutes for 24 hours, an "
        "hour for 7 days, 4 hours for 30 days, and a day for a year. They are longer where the "
        "checks are rare."
    ),
    query=HistoryQuery,
    result=History,
)
def get_app_history(call: Call) -> History:
    """Answer with the steps of one app, gaps among them."""
    query: HistoryQuery = call.query
    conditions = _conditions()
    app = _find(call, conditions)
    series = response_times(
        db.session, app.id, query.period, now=conditions.now, interval_s=app.interval_s
    )
    return History(period=query.period, step_s=series.step_s, steps=steps_of(series))


def _conditions() -> Conditions:
    settings = current_settings()
    return read_conditions(
        db.session, now=utc_now(), interval_s=settings.check_interval_s, zone=settings.zone
    )


def _find(call: Call, conditions: Conditions) -> CheckedApp:
    found = checked_apps(db.session, conditions, app_id=int(call.path["app"]))
    if not found:
        raise Problem("not_found", "There is no such app, or it is not checked.")
    return found[0]
