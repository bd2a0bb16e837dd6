"""What the API says of the health of an app, and of its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from flask_babel import force_locale
from msgspec import Meta

from launcher.api.moments import Moment, written, written_if
from launcher.api.shapes import Reason, sentence
from launcher.checks.checked_apps import CheckedApp
from launcher.checks.history import Uptimes
from launcher.checks.response_times import Period, Series, moment_of
from launcher.i18n.health import reason_words
from launcher.models import Health, Outage

MAX_APPS = 500
MAX_OUTAGES = 100

Milliseconds = Annotated[
    int | None, Meta(description="The last response time. null without a response.")
]
Uptime = Annotated[
    float | None,
    Meta(description="The share of checks that found it up. null without checks."),
]


class AppsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which apps are listed."""

    state: Annotated[Health | None, Meta(description="Only apps in this state.")] = None
    limit: Annotated[int, Meta(ge=1, le=MAX_APPS, description="The maximum number of entries.")] = (
        100
    )
    cursor: Annotated[
        str,
        Meta(
            pattern=r"^([1-9][0-9]{0,17})?$",
            description="`next_cursor` of the previous page. Empty for the first page.",
        ),
    ] = ""


class AppHealth(msgspec.Struct, kw_only=True):
    """One app that is checked, with its state."""

    id: int
    name: str
    state: Health
    since: Annotated[
        Moment | None,
        Meta(description="The start of the state. null where it is not known, and in a pause."),
    ]
    paused_until: Annotated[Moment | None, Meta(description="null while it is not paused.")]
    paused_by: str
    last_at: Annotated[Moment | None, Meta(description="When the last check ended.")]
    response_ms: Milliseconds
    code: Annotated[int | None, Meta(description="The status code of the last response.")]
    reason: Reason
    detail: Annotated[str, Meta(description="Why it is down, an English sentence, or empty.")]
    certificate_until: Annotated[
        Moment | None, Meta(description="When its certificate expires. null without one.")
    ]
    uptime_24h: Uptime
    uptime_30d: Uptime
    interval_s: Annotated[int, Meta(description="Seconds between two checks.")]
    is_sample: Annotated[bool, Meta(description="Whether the results are sample content.")]


class AppsHealth(msgspec.Struct, kw_only=True):
    """A page of apps that are checked, by id, and what holds for all."""

    is_enabled: Annotated[bool, Meta(description="Whether apps are checked.")]
    paused_until: Annotated[
        Moment | None, Meta(description="Until when all checks are paused, or null.")
    ]
    offline_since: Annotated[
        Moment | None, Meta(description="Since when this server is offline, or null.")
    ]
    apps: list[AppHealth]
    next_cursor: Annotated[
        str | None,
        Meta(description="Send it as `cursor` to get the next page. null on the last page."),
    ]


class SeenCertificate(msgspec.Struct, kw_only=True):
    """The certificate that a check read last."""

    until: Moment
    issuer: str
    names: list[str]


class AppOutage(msgspec.Struct, kw_only=True):
    """A time in which an app was down."""

    started_at: Moment
    ended_at: Annotated[Moment | None, Meta(description="null while it is down.")]
    reason: Reason
    detail: Annotated[str, Meta(description="Why it was down, an English sentence.")]


class AppCheck(AppHealth, kw_only=True):
    """The state of one app, with its uptime, its certificate and its outages."""

    uptime_7d: Uptime
    uptime_1y: Uptime
    certificate: SeenCertificate | None
    outages: Annotated[list[AppOutage], Meta(description="The newest 100, newest first.")]


class HistoryQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which time is answered."""

    period: Annotated[Period, Meta(description="The time, which ends now.")] = Period.DAY


class Step(msgspec.Struct, kw_only=True):
    """The checks of one step. A step without checks is a gap: its values are null."""

    at: Annotated[Moment, Meta(description="The start of the step.")]
    probes: Annotated[int, Meta(description="How many checks there were.")]
    uptime: Uptime
    response_ms: Annotated[
        float | None, Meta(description="The mean response time. null without a response.")
    ]
    response_ms_max: Annotated[int | None, Meta(description="The longest response time.")]


class History(msgspec.Struct, kw_only=True):
    """Uptime and response times of one app in steps of equal length."""

    period: Period
    step_s: Annotated[int, Meta(description="The length of a step, in seconds.")]
    steps: Annotated[list[Step], Meta(description="Oldest first.")]


def facts_of(app: CheckedApp, uptimes: Uptimes) -> dict[str, Any]:
    """Return the fields of `AppHealth`, which are those that `flask check list` prints."""
    shown, is_down = app.shown, app.has_failed
    return {
        "id": app.id,
        "name": app.name,
        "state": shown.state,
        "since": written_if(shown.since),
        "paused_until": written_if(shown.pause.until if shown.pause else None),
        "paused_by": shown.pause.by if shown.pause else "",
        "last_at": written_if(app.last_at),
        "response_ms": app.last_ms,
        "code": app.last_code,
        "reason": app.error if is_down else "",
        "detail": _words(app.error, app.facts) if is_down else "",
        "certificate_until": written_if(app.certificate_until),
        "uptime_24h": uptimes.day.uptime,
        "uptime_30d": uptimes.month.uptime,
        "interval_s": app.interval_s,
        "is_sample": app.is_sample,
    }


def _words(reason: str, facts: Mapping[str, Any]) -> str:
    if not reason:
        return ""
    with force_locale("en"):
        return sentence(reason_words(reason, facts)[0].replace("\xa0", " "))


def certificate_of(app: CheckedApp) -> SeenCertificate | None:
    """Return the certificate that was seen last, None for none."""
    if app.certificate_until is None:
        return None
    names = app.certificate.get("names")
    return SeenCertificate(
        until=written(app.certificate_until),
        issuer=str(app.certificate.get("issuer", "")),
        names=[str(each) for each in names] if isinstance(names, list) else [],
    )


def outages_as(outages: Sequence[Outage]) -> list[AppOutage]:
    """Return outages as they are answered."""
    return [
        AppOutage(
            started_at=written(each.started_at),
            ended_at=written_if(each.ended_at),
            reason=each.error,
            detail=_words(each.error, each.facts),
        )
        for each in outages
    ]


def steps_of(series: Series) -> list[Step]:
    """Return every step of a period, also those in which nothing was measured."""
    points = {each.at_s: each for each in series.points}
    first_s = series.start_s - series.start_s % series.step_s
    steps = []
    for at_s in range(first_s, series.end_s + 1, series.step_s):
        point = points.get(at_s)
        steps.append(
            Step(
                at=written(moment_of(at_s)),
                probes=point.probes if point else 0,
                uptime=point.up / point.probes if point and point.probes else None,
                response_ms=round(point.ms, 1) if point and point.ms is not None else None,
                response_ms_max=point.ms_max if point else None,
            )
        )
    return steps
