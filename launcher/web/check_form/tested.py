"""*Test now*: what one try of a check found, as the page shows it before anything is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from itsdangerous import BadData, URLSafeSerializer

from launcher.checks.outcome import Certificate, Outcome, Phase, Reason
from launcher.checks.spec import CheckSpec
from launcher.current import current_config
from launcher.i18n.formats import day, day_and_time, duration, isolated, listing, number
from launcher.i18n.health import code_words, reason_words
from launcher.i18n.labels import HEALTH_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import pgettext
from launcher.models import Health
from launcher.models.health import CheckKind
from launcher.models.types import utc_now
from launcher.web.checks.certificate_words import days_left

_FAILED_SHARE = 75.0
"""How much of the whole bar the phase takes that failed, in per cent."""
_MOST_REDIRECTS = 3
_TLS_REASONS = {
    Reason.TLS_UNTRUSTED, Reason.TLS_EXPIRED, Reason.TLS_NAME, Reason.TLS_NONE, Reason.TLS_OTHER,
}  # fmt: skip
_KEYWORD_REASONS = {Reason.KEYWORD_MISSING, Reason.KEYWORD_PRESENT}

_OF_KIND: Mapping[CheckKind, frozenset[Phase]] = {
    CheckKind.HTTP: frozenset({Phase.NAME, Phase.CONNECT, Phase.ANSWER}),
    CheckKind.TCP: frozenset({Phase.NAME, Phase.CONNECT}),
    CheckKind.PING: frozenset({Phase.NAME, Phase.ANSWER}),
}
"""The phases of each kind; TLS belongs to a web check with https, also after a redirect."""


@dataclass(frozen=True, slots=True)
class ShownPhase:
    """One phase: where its bar begins and how long it is, in per cent of the whole."""

    name: str
    words: str
    state: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class ShownTest:
    """A test in words.

    Attributes:
        state: `up`, `slow` or `down`; `word` is its name.
        what: what was found, or why it is down; `way_out` says what to do then, "" where it is up.
        facts: name and words of what is known besides.
    """

    state: str
    word: str
    what: str
    way_out: str
    tested_at: str
    phases: Sequence[ShownPhase]
    facts: Sequence[tuple[str, str]]


def shown_test(
    spec: CheckSpec, outcome: Outcome, *, at: datetime, withheld: Sequence[str] = (), of: str = ""
) -> ShownTest:
    """Return the words about the outcome of a test.

    Args:
        withheld: the names of headers that were not sent, since they are `of` another origin or
            were entered before the text to look for.
    """
    if outcome.reason is None:
        what, way_out = _up_words(outcome), ""
    else:
        what, way_out = reason_words(outcome.reason, outcome.facts)
    return ShownTest(
        state=outcome.state.value,
        word=str(HEALTH_WORDS[outcome.state]),
        what=what,
        way_out=way_out,
        tested_at=day_and_time(at, now=utc_now(), has_seconds=True),
        phases=tuple(_phases(spec, outcome)) if spec.kind is not CheckKind.SAMPLE else (),
        facts=tuple(_facts(spec, outcome, at, withheld, of)),
    )


def seal(test: ShownTest, *, owner: Sequence[int]) -> str:
    """Return a test as a field of the form carries it to the next one."""
    return str(_signer().dumps([list(owner), asdict(test)]))


def unseal(text: str, *, owner: Sequence[int]) -> ShownTest | None:
    """Return the test that `seal` wrote for the same user and app, None for any other text."""
    try:
        owned_by, facts = _signer().loads(text)
        if owned_by != list(owner):
            return None
        phases = [ShownPhase(**each) for each in facts.pop("phases")]
        pairs = [(str(name), str(words)) for name, words in facts.pop("facts")]
        return ShownTest(**facts, phases=phases, facts=pairs)
    except (BadData, TypeError, ValueError, KeyError):  # of another version
        return None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_config().secret_key, salt="a failed test of a check")


def _up_words(outcome: Outcome) -> str:
    length = duration((outcome.ms or 0) / 1000)
    if outcome.code is None:
        return _("Answered in %(duration)s", duration=length)
    return _("%(code)s in %(duration)s", code=code_words(outcome.code), duration=length)


def _phases(spec: CheckSpec, outcome: Outcome) -> Iterator[ShownPhase]:
    """Yield the phases that a check of this kind has."""
    times = outcome.phases
    is_ping = spec.kind is CheckKind.PING
    parts: list[tuple[Phase, str, int | None]] = [
        (Phase.NAME, pgettext("host", "Name"), times.name_ms),
        (Phase.CONNECT, _("Connect"), times.connect_ms),
        (Phase.TLS, _("TLS"), times.tls_ms),
        (Phase.ANSWER, _("Reply") if is_ping else _("First byte"), times.first_byte_ms),
        (Phase.BODY, _("Page"), None),
    ]
    has = {*_OF_KIND[spec.kind], times.failed}
    is_https = spec.address.lower().startswith("https:")
    if times.tls_ms is not None or (spec.kind is CheckKind.HTTP and is_https):
        has.add(Phase.TLS)
    parts = [each for each in parts if each[0] in has]
    left = 100.0 - (_FAILED_SHARE if times.failed and times.total_ms else 0.0)
    scale, x, is_over = left / (times.total_ms or 1), 0.0, False
    for phase, name, ms in parts:
        if phase is times.failed:
            yield ShownPhase(name, _("failed"), "bad", round(x, 1), round(100 - x, 1))
            is_over = True
        elif ms is not None and not is_over:
            width = ms * scale
            yield ShownPhase(name, duration(ms / 1000), "ok", round(x, 1), round(width, 1))
            x += width
        elif is_over:
            yield ShownPhase(name, _("not tried"), "", 0.0, 0.0)


def _facts(
    spec: CheckSpec, outcome: Outcome, at: datetime, withheld: Sequence[str], of: str
) -> Iterator[tuple[str, str]]:
    if outcome.address:
        address = isolated(outcome.address)
        if outcome.port:
            address = _("%(address)s, port %(port)s", address=address, port=str(outcome.port))
        yield _("Address"), address
    if outcome.certificate:
        yield _("Certificate"), _certificate_words(outcome.certificate, outcome.reason, at)
        if outcome.certificate.names:
            yield _("Issued for"), listing(list(outcome.certificate.names), most=5)
    if spec.kind is CheckKind.HTTP and outcome.method:
        yield _("Redirects"), _redirect_words(outcome.redirects)
        yield _("Method"), _method_words(outcome)
    if spec.keyword and outcome.reason in {None, *_KEYWORD_REASONS}:
        yield _("Text"), _keyword_words(spec.keyword, is_found=_is_found(spec, outcome))
    if withheld:
        words = _(
            "%(names)s. Launcher sends the stored value to %(origin)s only, and only with the "
            "saved text. Enter the value again to send it.",
            names=listing(list(withheld)),
            origin=of or _("another address"),
        )
        yield _("Headers not sent"), words
    if spec.kind is CheckKind.SAMPLE:
        yield _("Sample results"), _("Nothing was requested.")


def _is_found(spec: CheckSpec, outcome: Outcome) -> bool:
    """Whether the text of a check was on the page, of a check that read the page."""
    if outcome.reason is None:
        return not spec.is_keyword_absent
    return outcome.reason is Reason.KEYWORD_PRESENT


def _keyword_words(keyword: str, *, is_found: bool) -> str:
    text = isolated(keyword)
    if is_found:
        return _("“%(text)s” found", text=text)
    return _("“%(text)s” not found", text=text)


def _redirect_words(redirects: Sequence[str]) -> str:
    if not redirects:
        return _("None")
    shown = [isolated(each) for each in redirects[-_MOST_REDIRECTS:]]
    return f"{number(len(redirects))}: {' → '.join(shown)}"


def _method_words(outcome: Outcome) -> str:
    if outcome.head_code is None:
        return outcome.method
    if outcome.head_code == 0:
        return _("GET, since the connection broke after HEAD")
    return _("GET, since HEAD was refused (%(code)s)", code=str(outcome.head_code))


def _certificate_words(certificate: Certificate, reason: Reason | None, at: datetime) -> str:
    issuer = isolated(certificate.issuer) or _("an unknown authority")
    if certificate.until <= at:
        return _(
            "Expired on %(day)s, issued by %(issuer)s", day=day(certificate.until), issuer=issuer
        )
    left = days_left(certificate.until, at)
    if certificate.is_self_signed:
        return (
            _("Self-signed, verified, %(left)s", left=left)
            if certificate.is_verified
            else _("Self-signed, not verified, %(left)s", left=left)
        )
    if certificate.is_verified:
        return _("Trusted, issued by %(issuer)s, %(left)s", issuer=issuer, left=left)
    if reason is Reason.TLS_UNTRUSTED:
        return _(
            "Not trusted, issued by %(issuer)s, which this server does not know, %(left)s",
            issuer=issuer,
            left=left,
        )
    if reason in _TLS_REASONS:
        return _("Not trusted, issued by %(issuer)s, %(left)s", issuer=issuer, left=left)
    return _("Not verified, issued by %(issuer)s, %(left)s", issuer=issuer, left=left)


def is_failed(test: ShownTest) -> bool:
    """Whether a test found the app down."""
    return test.state == Health.DOWN.value
