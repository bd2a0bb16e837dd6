"""The messages about apps: what is down in one message, what is up again in another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from launcher.i18n.formats import clock_time, day, exact, isolated, long, number, span
from launcher.i18n.health import public_facts, reason_words
from launcher.i18n.locale import gettext, ngettext
from launcher.notifications.app_records import AppChange, AppEvent, AppSight
from launcher.notifications.sender import Message

MOST_LISTED = 20
_HEALTH_PATH = "/admin/health"

_MOODS = {
    AppChange.OFFLINE: "failure",
    AppChange.DOWN: "failure",
    AppChange.FLAPPING: "warning",
    AppChange.CERTIFICATE: "warning",
}


@dataclass(frozen=True, slots=True)
class AppMessage:
    """A message, and the path of the page that it is about."""

    message: Message
    path: str


def compose_apps(events: Sequence[AppEvent], *, now: datetime) -> Sequence[AppMessage]:
    """Return one message for each kind of change, with a list where several apps have it.

    Args:
        events: in the order of `AppChange`, as `update_app_alerts` returns them.
    """
    return [
        _compose(kind, [*same], now)
        for (kind, _days), same in groupby(events, key=lambda each: (_kind(each), each.days))
    ]


def _kind(event: AppEvent) -> AppChange:
    return AppChange.UP if event.change is AppChange.STABLE else event.change


def _compose(kind: AppChange, events: Sequence[AppEvent], now: datetime) -> AppMessage:
    first, path = events[0], _HEALTH_PATH
    if first.sight is None:
        title, lines = _of_server(first)
    elif len(events) == 1:
        title, lines = _ONE[first.change](first, first.sight, now)
        path = f"/apps/{first.sight.app_id}/health"
    else:
        title = _title_of_several(kind, len(events), first.days)
        lines = [f"• {_line(each, each.sight, now)}" for each in events[:MOST_LISTED] if each.sight]
        if left := len(events) - MOST_LISTED:
            lines += [ngettext("and %(num)s more", "and %(num)s more", left)] if left > 0 else []
    body = "\n".join(filter(None, lines))
    return AppMessage(Message(title, body, _MOODS.get(kind, "success"), about_apps=True), path)


def _of_server(event: AppEvent) -> tuple[str, Sequence[str]]:
    since = exact(event.started_at) if event.started_at else ""
    if event.change is AppChange.OFFLINE:
        return gettext("This server is offline"), [
            gettext("No check could reach its target since %(when)s. No app is marked as down.",
                    when=since)
        ]  # fmt: skip
    text = gettext(
        "It was offline for %(length)s, since %(when)s.", length=_length(event), when=since
    )
    return gettext("This server is online again"), [text]


# One app


def _down(event: AppEvent, sight: AppSight, _now: datetime) -> tuple[str, Sequence[str]]:
    title = gettext("%(name)s is down", name=_name(sight))
    since = gettext("Since %(when)s.", when=exact(event.started_at)) if event.started_at else ""
    return title, [since, *_reason(sight)]


def _flapping(_event: AppEvent, sight: AppSight, _now: datetime) -> tuple[str, Sequence[str]]:
    title = gettext("%(name)s is flapping", name=_name(sight))
    return title, [
        _times(sight),
        *_reason(sight),
        gettext("The next message follows when it has been up for an hour."),
    ]


def _up(event: AppEvent, sight: AppSight, _now: datetime) -> tuple[str, Sequence[str]]:
    since = exact(event.started_at) if event.started_at else ""
    text = gettext("It was down for %(length)s, since %(when)s.", length=_length(event), when=since)
    return gettext("%(name)s is up again", name=_name(sight)), [text]


def _stable(_event: AppEvent, sight: AppSight, _now: datetime) -> tuple[str, Sequence[str]]:
    title = gettext("%(name)s is up again", name=_name(sight))
    return title, [gettext("It has been up for an hour.")]


def _certificate(_event: AppEvent, sight: AppSight, now: datetime) -> tuple[str, Sequence[str]]:
    until = sight.certificate_until or now
    left = long(timedelta(hours=math.ceil((until - now) / timedelta(hours=1))))
    title = gettext(
        "The certificate of %(name)s expires: %(length)s left", name=_name(sight), length=left
    )
    return title, [
        gettext("It expires on %(when)s.", when=exact(until)),
        gettext("Renew it on the server."),
    ]


_ONE: dict[AppChange, Callable[[AppEvent, AppSight, datetime], tuple[str, Sequence[str]]]] = {
    AppChange.DOWN: _down,
    AppChange.FLAPPING: _flapping,
    AppChange.UP: _up,
    AppChange.STABLE: _stable,
    AppChange.CERTIFICATE: _certificate,
}


# Several apps


def _title_of_several(kind: AppChange, count: int, days: int) -> str:
    match kind:
        case AppChange.DOWN:
            return ngettext("%(num)s app is down", "%(num)s apps are down", count)
        case AppChange.FLAPPING:
            return ngettext("%(num)s app is flapping", "%(num)s apps are flapping", count)
        case AppChange.CERTIFICATE:
            return ngettext(
                "%(num)s certificate expires within %(days)s days",
                "%(num)s certificates expire within %(days)s days",
                count,
                days=number(days),
            )
        case _:
            return ngettext("%(num)s app is up again", "%(num)s apps are up again", count)


def _line(event: AppEvent, sight: AppSight, now: datetime) -> str:
    match event.change:
        case AppChange.DOWN:
            what = gettext("down since %(moment)s", moment=_near(event.started_at or now))
            if sight.error:
                what += f". {reason_words(sight.error, public_facts(sight.facts))[0]}"
        case AppChange.FLAPPING:
            what = _times(sight)
        case AppChange.CERTIFICATE:
            what = _near(sight.certificate_until or now)
        case AppChange.STABLE:
            what = gettext("up for an hour")
        case _:
            what = gettext("down for %(length)s", length=_length(event))
    return f"{_name(sight)}: {what}"


# Words


def _name(sight: AppSight) -> str:
    return isolated(sight.name)


def _near(at: datetime) -> str:
    """Return a moment without "today": the message may be read tomorrow."""
    return gettext("%(day)s, %(time)s", day=day(at), time=clock_time(at))


def _length(event: AppEvent) -> str:
    if event.started_at is None or event.ended_at is None:
        return span(timedelta())
    return span(max(event.ended_at - event.started_at, timedelta()))


def _times(sight: AppSight) -> str:
    return ngettext(
        "Down %(num)s time in 24 hours.", "Down %(num)s times in 24 hours.", sight.outages
    )


def _reason(sight: AppSight) -> Sequence[str]:
    """Return why it is down and the way out; hosts and ports are in no message."""
    if not sight.error:
        return []
    what, way_out = reason_words(sight.error, public_facts(sight.facts))
    return [f"{what}. {way_out}"]
