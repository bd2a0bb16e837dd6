"""What `flask check` prints of a check for programs and for people. The sentences are English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from launcher.checks.checked_apps import CheckedApp
from launcher.checks.history import Uptimes
from launcher.checks.outcome import Certificate, Outcome
from launcher.checks.shown import Why
from launcher.checks.spec import CheckSpec
from launcher.cli.output import moment
from launcher.db.settings import current_settings
from launcher.i18n.app import speaking
from launcher.i18n.formats import duration
from launcher.i18n.health import reason_words
from launcher.models import App, Outage

Rows = list[tuple[str, str]]

_PHASES = {"name_ms": "NAME", "connect_ms": "CONNECT", "tls_ms": "TLS", "first_byte_ms": "RESPONSE"}


@contextmanager
def in_english() -> Iterator[None]:
    """Word what a check found in English, times in the zone of the site."""
    with speaking("en", current_settings().zone.key):
        yield


def facts_of(app: CheckedApp, uptimes: Uptimes) -> dict[str, Any]:
    """Return one app of the list, as `GET /apps/checks` has it."""
    shown, is_down = app.shown, app.has_failed
    return {
        "id": app.id,
        "name": app.name,
        "state": shown.state,
        "since": shown.since,
        "paused_until": shown.pause.until if shown.pause else None,
        "paused_by": shown.pause.by if shown.pause else "",
        "last_at": app.last_at,
        "response_ms": app.last_ms,
        "code": app.last_code,
        "reason": app.error if is_down else "",
        "detail": sentences(app.error, app.facts) if is_down else "",
        "certificate_until": app.certificate_until,
        "uptime_24h": uptimes.day.uptime,
        "uptime_30d": uptimes.month.uptime,
        "interval_s": app.interval_s,
        "is_sample": app.is_sample,
    }


def row_of(app: CheckedApp, uptimes: Uptimes) -> tuple[str, ...]:
    """Return one app as a row of the list."""
    return (
        str(app.id),
        app.name,
        app.shown.state.value,
        since_words(app),
        response_words(app.last_ms),
        uptime_words(uptimes.day.uptime),
        uptime_words(uptimes.month.uptime),
        reason_words(app.error, app.facts)[0] if app.has_failed else "",
    )


def since_words(app: CheckedApp) -> str:
    """Return since when its state holds, or until when it is paused."""
    if app.shown.pause:
        return f"until {moment(app.shown.pause.until)}"
    if app.shown.since is None:
        return ""
    last = "last checked " if app.shown.why is Why.OVERDUE else ""
    return f"{last}{moment(app.shown.since)}"


def response_words(ms: int | None) -> str:
    """Return a response time, "" for none."""
    return "" if ms is None else _plain(duration(ms / 1000))


def uptime_words(uptime: float | None) -> str:
    """Return an uptime, rounded down: what was down once was not up all the time."""
    return "no data" if uptime is None else f"{int(uptime * 10_000) / 100:.2f} %"


def sentences(reason: str, facts: Mapping[str, Any]) -> str:
    """Return why a check failed, as a sentence."""
    return f"{_plain(reason_words(reason, facts)[0])}."


def outage_facts(outage: Outage) -> dict[str, Any]:
    """Return one outage for programs."""
    return {
        "started_at": outage.started_at,
        "ended_at": outage.ended_at,
        "reason": outage.error,
        "detail": sentences(outage.error, outage.facts) if outage.error else "",
    }


def outage_rows(outages: Sequence[Outage], now: datetime) -> list[tuple[str, ...]]:
    """Return outages as rows of a table."""
    return [
        (
            moment(each.started_at),
            _plain(duration(((each.ended_at or now) - each.started_at).total_seconds()))
            + ("" if each.ended_at else " so far"),
            reason_words(each.error, each.facts)[0] if each.error else "",
        )
        for each in outages
    ]


def outcome_facts(app: App, spec: CheckSpec, outcome: Outcome) -> dict[str, Any]:
    """Return what a check found just now, for programs."""
    what, way_out = _words(outcome)
    seen = outcome.certificate
    return {
        "app": {"id": app.id, "name": app.name},
        "kind": spec.kind,
        "url": spec.address,
        "state": outcome.state,
        "reason": outcome.reason or "",
        "detail": what,
        "way_out": way_out,
        "facts": dict(outcome.facts),
        "response_ms": outcome.ms,
        "code": outcome.code,
        "phases": {name: getattr(outcome.phases, name) for name in _PHASES}
        | {"failed": outcome.phases.failed},
        "certificate": _certificate_facts(seen) if seen else None,
        "address": outcome.address,
        "port": outcome.port,
        "method": outcome.method,
        "head_code": outcome.head_code,
        "redirects": list(outcome.redirects),
    }


def outcome_rows(app: App, spec: CheckSpec, outcome: Outcome) -> Rows:
    """Return what a check found just now, for people."""
    what, way_out = _words(outcome)
    rows = [
        ("APP", app.name),
        ("STATE", outcome.state.value),
        ("REASON", what),
        ("NEXT STEP", way_out),
        ("URL", spec.address),
        ("REDIRECTS", " ".join(outcome.redirects)),
        ("ADDRESS", f"{outcome.address} port {outcome.port}" if outcome.address else ""),
        ("CODE", f"{outcome.code} {outcome.method}".strip() if outcome.code else ""),
    ]
    rows += [
        (title, response_words(getattr(outcome.phases, name))) for name, title in _PHASES.items()
    ]
    if outcome.ms is not None:
        rows.append(("TOTAL", response_words(outcome.ms)))
    if outcome.certificate:
        rows.append(("CERTIFICATE", certificate_words(outcome.certificate)))
    return [row for row in rows if row[1]]


def certificate_words(seen: Certificate) -> str:
    """Return until when a certificate is valid, who issued it, and for what."""
    issuer = "self-signed" if seen.is_self_signed else f"issued by {seen.issuer or 'no name'}"
    verified = "verified" if seen.is_verified else "not verified"
    return f"until {moment(seen.until)}, {issuer}, for {', '.join(seen.names)}, {verified}"


def _certificate_facts(seen: Certificate) -> dict[str, Any]:
    return {
        "until": seen.until,
        "since": seen.since,
        "issuer": seen.issuer,
        "names": list(seen.names),
        "is_verified": seen.is_verified,
        "is_self_signed": seen.is_self_signed,
    }


def _words(outcome: Outcome) -> tuple[str, str]:
    if outcome.reason is None:
        return "", ""
    what, way_out = reason_words(outcome.reason, outcome.facts)
    return f"{_plain(what)}.", _plain(way_out)


def _plain(text: str) -> str:
    """Return a text of pages for a terminal, without its marks for directions and lines."""
    return "".join(c for c in text.replace("\xa0", " ") if c not in "\u2068\u2069\u202f")
