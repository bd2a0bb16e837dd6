"""The result of one try of a check, as data: state, time by phase, certificate, and the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from launcher.models.health import Health


class Reason(StrEnum):
    """Why a check failed. After each: what `Outcome.facts` holds; all are plain values for JSON.

    Every one has `host` and `port` besides, those of the request that failed.
    """

    NO_ANSWER = "no_answer"
    """`limit_s`; `phase`, the `Phase` in which the time ended."""
    NAME_SLOW = "name_slow"
    """`limit_s`"""
    NAME_UNKNOWN = "name_unknown"
    NAME_FAILED = "name_failed"
    """The DNS server failed or did not answer, before the time ended."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    """The connection broke before the answer; `phase`."""
    TLS_UNTRUSTED = "tls_untrusted"
    """`issuer`, "" where it is not known."""
    TLS_EXPIRED = "tls_expired"
    """`date`, an ISO moment in UTC, "" where it is not known."""
    TLS_NAME = "tls_name"
    """`names`, a list of at most 20."""
    TLS_NONE = "tls_none"
    """What answers there does not speak TLS: the URL begins with https, the server with http."""
    TLS_OTHER = "tls_other"
    """`detail`, the word of OpenSSL in capitals, for search engines."""
    HTTP_CODE = "http_code"
    """`code`"""
    TOO_MANY_REDIRECTS = "too_many_redirects"
    """`limit`; `is_circle`, whether one of them led back to where it had been."""
    REDIRECT_REFUSED = "redirect_refused"
    """To an address or a scheme that is not allowed; `host` is "" where it has none."""
    ADDRESS_REFUSED = "address_refused"
    """`address`"""
    OWN_ADDRESS = "own_address"
    KEYWORD_MISSING = "keyword_missing"
    """`keyword`"""
    KEYWORD_PRESENT = "keyword_present"
    """`keyword`"""
    TOO_LARGE = "too_large"
    """The page, where a text was looked for; `limit_kb`."""
    HEAD_TOO_LARGE = "head_too_large"
    """The headers; `limit_kb`."""
    HEAD_SLOW = "head_slow"
    """They began and did not end; `limit_s`."""
    BODY_SLOW = "body_slow"
    """The page began and did not end, where a text was looked for; `limit_s`."""
    ENCODING = "encoding"
    """The page is compressed in a way that cannot be read; `encoding`."""
    NOT_HTTP = "not_http"
    INVALID_TARGET = "invalid_target"
    """A field of the check cannot be used; `flaw`, a `Flaw` of `launcher.checks.fields`."""
    PING_IMPOSSIBLE = "ping_impossible"
    """This server may send no ping packets."""
    FAILED = "failed"
    """Launcher itself could not do it: no file or thread was left, or a mistake, which is in its
    log. It says nothing about the app, so no result is recorded for it."""


NETWORK_REASONS = frozenset(
    {
        Reason.NO_ANSWER,
        Reason.NAME_SLOW,
        Reason.NAME_UNKNOWN,
        Reason.NAME_FAILED,
        Reason.UNREACHABLE,
    }
)
"""What a check also ends with when this server itself is offline. Anything else came from afar."""


class Phase(StrEnum):
    """The parts of a check, in their order. `ANSWER` ends with the first byte of the answer."""

    NAME = "name"
    CONNECT = "connect"
    TLS = "tls"
    ANSWER = "answer"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Phases:
    """Milliseconds by phase, each the sum over all redirects; None for a phase that never ended.

    Attributes:
        failed: the phase in which it failed; those after it were not tried. None where Launcher
            itself did not request the address.
    """

    name_ms: int | None = None
    connect_ms: int | None = None
    tls_ms: int | None = None
    first_byte_ms: int | None = None
    failed: Phase | None = None

    @property
    def total_ms(self) -> int:
        """The sum of those that ended."""
        return sum(
            each or 0 for each in (self.name_ms, self.connect_ms, self.tls_ms, self.first_byte_ms)
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate of a server, read whether it was verified or not.

    Attributes:
        until: when it expires; `since` when it becomes valid.
        issuer: the common name of the authority, else its organisation, "" where it has neither.
        names: the hosts and addresses that it is for, at most 20.
        is_verified: False where the check verifies nothing, or where verifying failed.
        is_self_signed: whether its issuer is itself.
    """

    until: datetime
    since: datetime
    issuer: str
    names: tuple[str, ...]
    is_verified: bool = False
    is_self_signed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one try of a check found.

    Attributes:
        state: `UP`, `SLOW` or `DOWN`.
        reason: why it is down; None where it is not.
        facts: what the sentence about the reason needs, as `Reason` says.
        ms: the sum of the phases, of all redirects; None where no answer began. A HEAD that was
            refused and reading the page do not count.
        code: the HTTP status of the last answer, None where there was none.
        certificate: of the first server that showed one; None for none.
        address, port: what was connected to last, "" and 0 for nothing.
        method: `HEAD` or `GET` of the last request, "" for another kind.
        head_code: the status with which HEAD was refused, so that GET followed; 0 where the
            connection broke; None where GET did not follow.
        redirects: the URLs that it was redirected to, without what is after `?` and `#`.
    """

    state: Health
    reason: Reason | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    ms: int | None = None
    code: int | None = None
    phases: Phases = field(default_factory=Phases)
    certificate: Certificate | None = None
    address: str = ""
    port: int = 0
    method: str = ""
    head_code: int | None = None
    redirects: tuple[str, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether it is up or slow."""
        return self.state is not Health.DOWN

    @property
    def is_network_failure(self) -> bool:
        """Whether it could also have failed because this server is offline."""
        return self.reason in NETWORK_REASONS
