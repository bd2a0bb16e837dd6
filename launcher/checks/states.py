"""What the result of a check changes: the state of its app, and when outages begin and end. Pure.

An app is down with the first check that failed, since that has had its retries, and up with the
first that did not. Slow takes two in a row, and so does the way back: one slow answer is no news.

A measured outage ends with the check that found the app up. Where no one knows when that was,
because nothing was measured in between, it ends with the last check that failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from launcher.checks.outcome import Certificate, Outcome
from launcher.checks.slots import stale_after_s
from launcher.checks.spec import CheckSpec
from launcher.models.health import CheckKind, Health

_UP = frozenset({Health.UP, Health.SLOW})


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an app; the fields are those of `CheckState`."""

    state: Health
    since: datetime
    last_at: datetime | None = None
    last_ms: int | None = None
    last_code: int | None = None
    error: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    streak: int = 0
    certificate: Mapping[str, Any] = field(default_factory=dict)
    certificate_until: datetime | None = None
    probed: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found, after its retries.

    Attributes:
        began_at, ended_at: of the first try and of the last, by the clock on the wall.
        began_s, ended_s: the same by the steady clock.
        is_urgent: whether a person waits for it.
    """

    spec: CheckSpec
    outcome: Outcome
    began_at: datetime
    ended_at: datetime
    began_s: float = 0.0
    ended_s: float = 0.0
    is_urgent: bool = False

    @property
    def app_id(self) -> int:
        """The app that was checked."""
        return self.spec.app_id


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a result.

    Attributes:
        ended_at: when the outage ended that there was; None for none.
        is_outage: whether one begins, with `standing.since`.
    """

    standing: Standing
    ended_at: datetime | None = None
    is_outage: bool = False


def probed_of(spec: CheckSpec) -> str:
    """Return the digest of what a check probes: a URL may hold a secret."""
    return _digest(spec.kind, spec.address)


@lru_cache(maxsize=2048)  # each writing of results asks for those of all checks
def _digest(kind: CheckKind, address: str) -> str:
    return hashlib.sha256(f"{kind}\n{address}".encode()).hexdigest()[:16]


def after(old: Standing | None, result: Result) -> Change:
    """Return what is known after a result.

    Args:
        old: what was known of the same target, None for nothing; see `released`.
    """
    outcome, spec = result.outcome, result.spec
    state = _state(old, outcome, spec.slow_ms)
    is_down = state is Health.DOWN
    is_same = old is not None and state is old.state
    since = result.began_at if is_down else result.ended_at
    certificate, until = _certificate(old, outcome)
    standing = Standing(
        state=state,
        since=old.since if old and is_same else since,
        last_at=result.ended_at,
        last_ms=outcome.ms,
        last_code=outcome.code,
        error=outcome.reason or "",
        facts=dict(outcome.facts),
        streak=old.streak + 1 if old and is_same else 1,
        certificate=certificate,
        certificate_until=until,
        probed=probed_of(spec),
    )
    was_down = old is not None and old.state is Health.DOWN
    if not was_down or old is None:
        return Change(standing, is_outage=is_down)
    return Change(standing, ended_at=None if is_down else _end(old, result))


def released(old: Standing, *, at: datetime) -> Change:
    """Return what is known of an app that is not checked for now.

    An outage ends with the last check that failed. The state of an app that was down is unknown
    from `at` on, so that the next check that fails begins an outage of its own. Any other state
    stays, and the same object is returned.
    """
    if old.state is not Health.DOWN:
        return Change(old)
    standing = replace(old, state=Health.UNKNOWN, since=at, streak=0, error="", facts={})
    return Change(standing, ended_at=old.last_at or old.since)


def moved(old: Standing, *, at: datetime, probed: str) -> Change:
    """Return what is known of an app that is checked at another address from `at` on: nothing."""
    standing = Standing(Health.UNKNOWN, since=at, probed=probed)
    return Change(standing, ended_at=released(old, at=at).ended_at)


def _state(old: Standing | None, outcome: Outcome, slow_ms: int) -> Health:
    if outcome.state is Health.DOWN:
        return Health.DOWN
    if old is None or old.state not in _UP:
        return Health.UP
    is_slow = outcome.state is Health.SLOW
    was_slow = old.last_ms is not None and old.last_ms > slow_ms
    if is_slow is not was_slow:
        return old.state
    return Health.SLOW if is_slow else Health.UP


def _end(old: Standing, result: Result) -> datetime:
    """Return when an outage ended that is over with `result`; never before it began."""
    last_at = old.last_at or old.since
    gap_s = (result.began_at - last_at).total_seconds()
    is_measured = gap_s <= stale_after_s(result.spec.interval_s)
    return max(old.since, result.ended_at if is_measured else last_at)


def _certificate(
    old: Standing | None, outcome: Outcome
) -> tuple[Mapping[str, Any], datetime | None]:
    """Return the certificate that was seen last: a check that got none says nothing of it."""
    seen: Certificate | None = outcome.certificate
    if seen is not None:
        facts = {
            "issuer": seen.issuer, "names": list(seen.names),
            "is_verified": seen.is_verified, "is_self_signed": seen.is_self_signed,
        }  # fmt: skip
        return facts, seen.until
    if old is not None and not outcome.is_up:
        return old.certificate, old.certificate_until
    return {}, None
