"""Why a check failed, in words, and what to do about it.

What a fact is needed for is left out where the fact is not there: a viewer is shown neither the
host nor the port of a check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from launcher.checks.outcome import Reason
from launcher.i18n.formats import day, duration, isolated, listing, number, size
from launcher.i18n.locale import gettext as _

Facts = Mapping[str, Any]

PUBLIC_FACTS = {"limit_s", "code", "limit", "date", "phase", "limit_kb", "is_circle"}
"""What every viewer of an app may read; the others say where and for what it is checked."""

_PROXY_CODES = {502, 503, 504}


def reason_words(reason: str, facts: Facts) -> tuple[str, str]:
    """Return what was wrong, and the way out; both without a full stop at the end of the first."""
    try:
        return _WORDS[Reason(reason)](facts)
    except (KeyError, TypeError, ValueError):  # of a newer version, or of a file from outside
        return _("The check failed"), _("Check that the app is running.")


def public_facts(facts: Facts) -> Facts:
    """Return those facts that every viewer of an app may read."""
    return {name: value for name, value in facts.items() if name in PUBLIC_FACTS}


def _limit(facts: Facts) -> str:
    return duration(float(facts.get("limit_s", 10)))


def _no_answer(facts: Facts) -> tuple[str, str]:
    way = _("Check that the app is running, or raise the time limit.")
    if facts.get("phase", "connect") == "connect":
        return _("No connection within %(limit)s", limit=_limit(facts)), way
    return _("No answer within %(limit)s", limit=_limit(facts)), way


def _name_slow(facts: Facts) -> tuple[str, str]:
    return (
        _("The name did not resolve within %(limit)s", limit=_limit(facts)),
        _("Check your DNS server."),
    )


def _name_unknown(facts: Facts) -> tuple[str, str]:
    host = facts.get("host")
    what = _("Name %(host)s not found", host=isolated(str(host))) if host else _("Name not found")
    return what, _("Check the URL and your DNS server.")


def _refused(facts: Facts) -> tuple[str, str]:
    port = facts.get("port")
    if port:
        what = _("Connection refused: nothing listens on port %(port)s", port=str(port))
    else:
        what = _("Connection refused")
    return what, _("Check the port and that the app is running.")


def _expired(facts: Facts) -> tuple[str, str]:
    way = _("Renew it on the server.")
    try:
        on = day(datetime.fromisoformat(str(facts["date"])))
    except (KeyError, ValueError):
        return _("The certificate has expired"), way
    return _("The certificate expired on %(day)s", day=on), way


def _other_name(facts: Facts) -> tuple[str, str]:
    names = [str(each) for each in facts.get("names", ())]
    way = _("Use the name in the certificate, or choose “Never” under “Verify the certificate”.")
    if not names:
        return _("The certificate is for another name"), way
    what = _("The certificate is for another name (%(names)s)", names=listing(names, most=3))
    return what, way


def _tls_other(facts: Facts) -> tuple[str, str]:
    way = _("Check the TLS settings of the server.")
    if detail := facts.get("detail"):
        return _("TLS failed (%(detail)s)", detail=str(detail)), way
    return _("TLS failed"), way


def code_words(code: int) -> str:
    """Return an HTTP status code with its name: `502 Bad Gateway`."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _code(facts: Facts) -> tuple[str, str]:
    code = int(facts["code"])
    words = code_words(code)
    if code in _PROXY_CODES:
        what = _("%(code)s: the proxy answers, the app behind it does not", code=words)
        return what, _("Start the app behind the proxy.")
    return words, _("Check the URL, or accept this code in the check.")


def _redirects(facts: Facts) -> tuple[str, str]:
    if facts.get("is_circle"):
        way = _("Check the redirects of the app and of its proxy.")
        return _("The redirects lead in a circle"), way
    limit = number(int(facts.get("limit", 10)))
    return _("More than %(limit)s redirects", limit=limit), _("Enter the final URL.")


def _keyword(facts: Facts, *, is_found: bool) -> tuple[str, str]:
    way = _("Check the text, or the page behind the URL.")
    keyword = facts.get("keyword")
    if not keyword:
        return (_("The text was found") if is_found else _("The text was not found")), way
    text = isolated(str(keyword))
    if is_found:
        return _("Text “%(text)s” found", text=text), way
    return _("Text “%(text)s” not found", text=text), way


def _too_large(facts: Facts) -> tuple[str, str]:
    limit = size(int(facts.get("limit_kb", 1024)) * 1000)
    return _("Response too large: stopped at %(limit)s", limit=limit), _("Check a smaller page.")


def _head_too_large(facts: Facts) -> tuple[str, str]:
    limit = size(int(facts.get("limit_kb", 64)) * 1000)
    return _("Headers too large: stopped at %(limit)s", limit=limit), _("Check the log of the app.")


def _head_slow(facts: Facts) -> tuple[str, str]:
    what = _("The headers did not end within %(limit)s", limit=_limit(facts))
    return what, _("Check the log of the app.")


def _body_slow(facts: Facts) -> tuple[str, str]:
    what = _("The page did not end within %(limit)s", limit=_limit(facts))
    return what, _("Check a smaller page, or raise the time limit.")


def _encoding(facts: Facts) -> tuple[str, str]:
    way = _("Switch off this compression on the server.")
    if encoding := facts.get("encoding"):
        return _("The page has an unknown compression (%(name)s)", name=str(encoding)), way
    return _("The page has an unknown compression"), way


_WORDS: Mapping[Reason, Callable[[Facts], tuple[str, str]]] = {
    Reason.NO_ANSWER: _no_answer,
    Reason.NAME_SLOW: _name_slow,
    Reason.NAME_UNKNOWN: _name_unknown,
    Reason.NAME_FAILED: lambda _facts: (_("The DNS server failed"), _("Check your DNS server.")),
    Reason.REFUSED: _refused,
    Reason.UNREACHABLE: lambda _facts: (
        _("The host cannot be reached"),
        _("Check the network, and that the host is running."),
    ),
    Reason.RESET: lambda _facts: (
        _("The connection broke before the answer"),
        _("Check the log of the app."),
    ),
    Reason.TLS_UNTRUSTED: lambda _facts: (
        _("The certificate is not trusted"),
        _("Add your certificate authority, or choose “Never” under “Verify the certificate”."),
    ),
    Reason.TLS_EXPIRED: _expired,
    Reason.TLS_NAME: _other_name,
    Reason.TLS_NONE: lambda _facts: (
        _("The server answers without TLS"),
        _("Enter the URL with http."),
    ),
    Reason.TLS_OTHER: _tls_other,
    Reason.HTTP_CODE: _code,
    Reason.TOO_MANY_REDIRECTS: _redirects,
    Reason.REDIRECT_REFUSED: lambda _facts: (
        _("Redirect to an address that is not allowed"),
        _(
            "Launcher does not request this address. Enter another URL, or switch off “Follow"
            " redirects”."
        ),
    ),
    Reason.ADDRESS_REFUSED: lambda _facts: (
        _("The address is not allowed"),
        _("Enter another URL."),
    ),
    Reason.OWN_ADDRESS: lambda _facts: (
        _("The address is that of Launcher"),
        _("Enter the URL of the app."),
    ),
    Reason.KEYWORD_MISSING: lambda facts: _keyword(facts, is_found=False),
    Reason.KEYWORD_PRESENT: lambda facts: _keyword(facts, is_found=True),
    Reason.TOO_LARGE: _too_large,
    Reason.HEAD_TOO_LARGE: _head_too_large,
    Reason.HEAD_SLOW: _head_slow,
    Reason.BODY_SLOW: _body_slow,
    Reason.ENCODING: _encoding,
    Reason.NOT_HTTP: lambda _facts: (
        _("The answer is not HTTP"),
        _("Check the port, or choose a TCP check."),
    ),
    Reason.INVALID_TARGET: lambda _facts: (
        _("The check has no valid address"),
        _("Edit the check."),
    ),
    Reason.PING_IMPOSSIBLE: lambda _facts: (
        _("Ping is not available: this server may not send ping packets"),
        _("Choose a TCP check."),
    ),
    Reason.FAILED: lambda _facts: (
        _("The check failed within Launcher"),
        _("See the log of Launcher."),
    ),
}
