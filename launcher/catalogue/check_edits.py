"""The check of one app, edited by one or two at a time, and tried before it is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue.check_entries import (
    CheckEntries,
    CheckRefusal,
    CheckRefusedError,
    read_changes,
)
from launcher.catalogue.check_headers import (
    HeaderEntries,
    Headers,
    address_of,
    has_new_keyword,
    kept_headers,
    names_of,
    new_headers,
    refusal_of,
    stored_headers,
)
from launcher.catalogue.errors import CatalogueError, Since, Unfit
from launcher.checks.fields import FieldError, Flaw, endpoint_of
from launcher.checks.outcome import Outcome
from launcher.checks.spec import CheckSpec
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.models import App, AuditEvent, HealthCheck
from launcher.models.health import CheckKind
from launcher.settings.table import SiteSettings

UPDATE = "check.update"
_OF_THE_ADDRESS = {"kind", "target", "url"}
_OF_THE_TIME = {"interval_s", "timeout_s"}
NO_HEADERS = HeaderEntries()


class CheckEditedByTwoError(CatalogueError):
    """Another has saved fields of the check that are edited here; nothing was changed.

    Attributes:
        names: those fields; `headers` among them for any header.
        theirs: what is stored now.
        since: who saved it.
    """

    code = "check_edited_by_two"

    def __init__(self, names: Sequence[str], theirs: CheckEntries, since: Since) -> None:
        super().__init__(", ".join(names))
        self.names = names
        self.theirs = theirs
        self.since = since


def target_of_check(app: App) -> Target:
    """Return how the audit log names the check of an app."""
    return Target("check", app.id, app.name)


def save_check(
    app: App,
    entries: CheckEntries,
    *,
    actor: Actor,
    headers: HeaderEntries = NO_HEADERS,
    seen: CheckEntries | None = None,
    are_headers_seen: bool = True,
) -> Mapping[str, Any]:
    """Change the check of an app; only fields that differ from what the form had shown.

    Args:
        seen: what the form had shown; None for what is stored.
        are_headers_seen: whether the headers are those that the form had shown.

    Returns:
        The fields that were changed, as the audit log has them: name → [before, after].

    Raises:
        CheckRefusedError: some entries are not allowed; nothing was changed.
        CheckEditedByTwoError: another has saved the same fields since; nothing was changed.
    """
    now = CheckEntries.of(app.check)
    names = [each for each in (seen or now).changes(entries) if each in now.changes(entries)]
    _require_seen(app, now, seen or now, names, headers, are_headers_seen=are_headers_seen)
    values, refused = read_changes(entries, names)
    merged = _merged(app, values)
    if not refused and _OF_THE_TIME & {*names}:
        refused |= _too_long(merged, site_settings())
    result = _new_headers(app, merged, headers)
    is_moved = bool(_OF_THE_ADDRESS & {*names})
    if headers.is_edited and (refusal := refusal_of(headers, result)):
        refused["headers"] = refusal
    elif result.withheld and merged.kind == CheckKind.HTTP and (is_moved or headers.is_edited):
        refused["headers"] = CheckRefusal(Unfit.CHOICE, about=names_of(result.withheld))
    elif has_new_keyword(app.check, merged.keyword or "") and (
        kept := kept_headers(app.check, headers, kind=merged.kind)
    ):
        refused["headers"] = CheckRefusal(Unfit.CHOICE, about=names_of(kept))
    if refused:
        raise CheckRefusedError(refused)
    return _store(app, values, headers, result, actor=actor)


def try_spec(
    app: App, entries: CheckEntries, settings: SiteSettings, headers: HeaderEntries = NO_HEADERS
) -> tuple[CheckSpec, Headers]:
    """Return the check that these entries are, and its headers; nothing is stored.

    Raises:
        CheckRefusedError: some entries are not allowed.
    """
    now = CheckEntries.of(app.check)
    names = now.changes(entries)
    values, refused = read_changes(entries, names)
    merged = _merged(app, values)
    if not refused and _OF_THE_TIME & {*names}:
        refused |= _too_long(merged, settings)
    result = _new_headers(app, merged, headers)
    if headers.is_edited and (refusal := refusal_of(headers, result)):
        refused["headers"] = refusal
    if refused:
        raise CheckRefusedError(refused)
    merged.headers, merged.headers_for = dict(result.values), result.origin
    return CheckSpec.of(app, merged, settings, app.check_state), result


def _too_long(check: HealthCheck, settings: SiteSettings) -> dict[str, CheckRefusal]:
    interval_s = check.interval_s or settings.check_interval_s
    if check.timeout_ms < interval_s * 1000:
        return {}
    return {"timeout_s": CheckRefusal(Flaw.LIMIT, maximum=interval_s)}


REPLACED = "replaced"
"""The result of a test that another one of the same user ended."""


def record_test(target: Target, spec: CheckSpec, outcome: Outcome | None, *, actor: Actor) -> None:
    """Log that a check was tried: what it asked, what it reached, and the state; no secret.

    Args:
        outcome: None for a test that was replaced, which may have reached its server.
    """
    changes = {"tested": [None, _host_and_port(spec)]}
    if outcome is None:
        changes["result"] = [None, REPLACED]
    else:
        changes["reached"] = [None, _joined(outcome.address, outcome.port)]
        changes["result"] = [None, outcome.state.value]
    audit.record("check.test", actor=actor, target=target, changes=changes)
    db.session.commit()


def _host_and_port(spec: CheckSpec) -> str:
    if spec.kind != CheckKind.PING:
        with suppress(FieldError):
            return _joined(*endpoint_of(spec.address))
    return spec.host


def _joined(host: str, port: int) -> str:
    plain = f"[{host}]" if ":" in host and port else host
    return f"{plain}:{port}" if port else plain


def last_change_of_check(app: App) -> Since:
    """Return who changed the check of an app last, and when."""
    query = (
        sa.select(AuditEvent.actor_name, AuditEvent.at)
        .where(
            AuditEvent.target_kind == "check",
            AuditEvent.target_id == str(app.id),
            AuditEvent.action == UPDATE,
        )
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
    )
    row = db.session.execute(query).one_or_none()
    return Since(*row) if row else Since()


def _merged(app: App, values: Mapping[str, Any]) -> HealthCheck:
    """Return a check that is in no session: the stored one, with these columns."""
    check, new = app.check, HealthCheck()
    for column in HealthCheck.__table__.columns:
        name = column.name
        if name in values:
            setattr(new, name, values[name])
        elif check is not None and name != "app_id":
            setattr(new, name, getattr(check, name))
    if new.kind is None:
        new.kind = CheckKind.HTTP
    return new


def _new_headers(app: App, merged: HealthCheck, headers: HeaderEntries) -> Headers:
    address = address_of(app, merged.target or "", merged.url or "")
    return new_headers(
        app.check, headers, kind=merged.kind, address=address, keyword=merged.keyword or ""
    )


def _require_seen(
    app: App,
    now: CheckEntries,
    seen: CheckEntries,
    names: Sequence[str],
    headers: HeaderEntries,
    *,
    are_headers_seen: bool,
) -> None:
    theirs = {*seen.changes(now)}
    both = [each for each in names if each in theirs]
    if headers.is_edited and not are_headers_seen:
        both.append("headers")
    if both:
        raise CheckEditedByTwoError(both, now, last_change_of_check(app))


def _store(
    app: App,
    values: Mapping[str, Any],
    headers: HeaderEntries,
    result: Headers,
    *,
    actor: Actor,
) -> Mapping[str, Any]:
    check, now = app.check, CheckEntries.of(app.check)
    if check is None:
        check = app.check = HealthCheck()
        db.session.flush()
    before = names_of(stored_headers(check))
    for name, value in values.items():
        setattr(check, name, value)
    if headers.is_edited and check.kind == CheckKind.HTTP:
        check.headers, check.headers_for = dict(result.values), result.origin
    elif headers.is_edited:
        kept = {name: value for name, value in check.headers.items() if name not in headers.removed}
        check.headers = kept
    after = CheckEntries.of(check)
    changes: dict[str, Any] = {
        name: [_logged(name, getattr(now, name)), _logged(name, getattr(after, name))]
        for name in now.changes(after)
    }
    if headers.is_edited:
        changes["headers"] = [before, names_of(stored_headers(check))]
    if changes:
        audit.record("check.update", actor=actor, target=target_of_check(app), changes=changes)
    db.session.commit()
    return changes


def _logged(name: str, value: str) -> object:
    """Return one entry as the log has it; of certificates, how long they are is enough."""
    if value in {"on", "off"} and name not in {"keyword", "url"}:
        return value == "on"
    if name == "ca_pem":
        return value.count("-----BEGIN")
    return value or None
