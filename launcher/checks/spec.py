"""What one check does: the row of the check, with the address that it resolves to.

A result belongs to the spec that it was measured for. Two specs are equal where they probe the same
in the same way; how often, and how many times in a row, is no part of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from launcher.checks.fields import (
    ACCEPT_DEFAULT,
    Accept,
    FieldError,
    Flaw,
    accept_of,
    authorities_of,
    endpoint_of,
    headers_of,
    host_of,
    http_target_of,
    is_ours,
    origin_of,
    without_sign_in,
)
from launcher.models import App
from launcher.models.health import (
    CheckKind,
    CheckMethod,
    CheckState,
    CheckTarget,
    CheckVerify,
    Health,
    HealthCheck,
)
from launcher.settings.table import SiteSettings


@dataclass(frozen=True, slots=True)
class SampleState:
    """What a sample check was last; its next results stay near that."""

    state: Health = Health.UP
    ms: int | None = None
    code: int | None = None
    error: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check of one app.

    Attributes:
        address: the URL, `host:port` for a TCP port, the host for a ping; without user name and
            password. It may be none that can be requested: the check says so.
        headers: sent with each request to the first origin; none where they were entered for
            another than that of the address. Their values are secrets. Stored ones that say
            where or how a request is sent are left out.
        interval_s: the check's own, else that of the site.
        timeout_ms: when one try has ended, whatever the other side does.
        keyword: "" for none.
        ca_pem: "" for none; with it, certificates are verified unless `verify` is `NEVER`.
        retries: further tries before a check that failed counts.
        flaw: what is wrong with a stored field, so that the check cannot be done; None if nothing.
        sample: what a sample check was last.
    """

    app_id: int
    kind: CheckKind
    address: str
    method: CheckMethod = CheckMethod.HEAD
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    interval_s: int = field(default=60, compare=False)
    timeout_ms: int = 10_000
    accept: Accept = ACCEPT_DEFAULT
    keyword: str = ""
    is_keyword_absent: bool = False
    verify: CheckVerify = CheckVerify.PUBLIC
    ca_pem: str = field(default="", repr=False)
    follow_redirects: bool = True
    retries: int = field(default=2, compare=False)
    slow_ms: int = 1000
    flaw: Flaw | None = None
    sample: SampleState = field(default_factory=SampleState, compare=False)

    @classmethod
    def of(
        cls,
        app: App,
        check: HealthCheck | None,
        settings: SiteSettings,
        state: CheckState | None = None,
    ) -> CheckSpec:
        """Return the check of `app`. It never fails: what cannot be read becomes `flaw`.

        Args:
            app: with `id`, `url` and `url_local`.
            check: None for an app without one, which is checked as a new app is. It may be one that
                is not saved: what was not set has its default.
            settings: with `check_interval_s`.
            state: the last one, which only a sample check needs.
        """
        row = _Row(check)
        kind: CheckKind = row.read("kind")
        address = without_sign_in(_address(app, row))
        flaw = _flaw_of_address(kind, address)
        headers: tuple[tuple[str, str], ...] = ()
        accept, ca_pem = ACCEPT_DEFAULT, ""
        try:
            accept = accept_of(row.read("accept") or "100-499")
            if row.read("headers_for") == origin_of(address):
                stored: dict[str, object] = row.read("headers")
                headers = headers_of(
                    {name: text for name, text in stored.items() if not is_ours(name)}
                )
            ca_pem = authorities_of(row.read("ca_pem"))
        except FieldError as error:
            flaw = flaw or error.flaw
        return cls(
            app_id=app.id,
            kind=kind,
            address=address,
            method=row.read("method"),
            headers=headers,
            interval_s=row.read("interval_s") or settings.check_interval_s,
            timeout_ms=row.read("timeout_ms"),
            accept=accept,
            keyword=row.read("keyword") if kind is CheckKind.HTTP else "",
            is_keyword_absent=row.read("is_keyword_absent"),
            verify=row.read("verify"),
            ca_pem=ca_pem,
            follow_redirects=row.read("follow_redirects"),
            retries=row.read("retries"),
            slow_ms=row.read("slow_ms"),
            flaw=flaw,
            sample=_sample(state),
        )

    @property
    def host(self) -> str:
        """The host that is checked, "" where the address is none."""
        return _host(self.address)


@lru_cache(maxsize=2048)  # each writing of results asks for those of all checks
def _host(address: str) -> str:
    try:
        return host_of(address)
    except FieldError:
        return ""


class _Row:
    """The columns of a check; those that have no value yet have their default."""

    def __init__(self, check: HealthCheck | None) -> None:
        self._check = check

    def read(self, name: str) -> Any:
        value = getattr(self._check, name, None)
        if value is not None:
            return value
        default = HealthCheck.__table__.c[name].default
        if default is None:
            return None
        return default.arg(None) if default.is_callable else default.arg


def _address(app: App, row: _Row) -> str:
    match row.read("target"):
        case CheckTarget.OTHER:
            return str(row.read("url"))
        case CheckTarget.LOCAL:
            return app.url_local or app.url
    return app.url


def _flaw_of_address(kind: CheckKind, address: str) -> Flaw | None:
    try:
        match kind:
            case CheckKind.HTTP:
                http_target_of(address)
            case CheckKind.TCP:
                endpoint_of(address)
            case CheckKind.PING:
                host_of(address)
    except FieldError as error:
        return error.flaw
    return None


def _sample(state: CheckState | None) -> SampleState:
    if state is None:
        return SampleState()
    return SampleState(
        state.state, state.last_ms, state.last_code, state.error or "", state.facts or {}
    )
