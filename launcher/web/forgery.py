"""Forms are accepted from pages of this site alone.

Each form carries a token that goes with the session (Flask-WTF). Besides, the browser says where
a form was sent from: `Sec-Fetch-Site`, or `Origin` where that is missing. The referrer is not
needed, since a proxy or an extension may remove it. OWASP, Cross-Site Request Forgery Prevention
Cheat Sheet, "Fetch Metadata headers" and "Verifying Origin With Standard Headers".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import current_app, request
from flask_wtf.csrf import CSRFError

from launcher.extensions import csrf
from launcher.web.htmx import split_address

if TYPE_CHECKING:
    from flask import Flask

_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_OTHERS = {"same-site", "cross-site"}
_MOST_SHOWN = 200


class ForeignFormError(CSRFError):  # type: ignore[misc]  # Flask-WTF has no types
    """The headers say that the form was sent from another site.

    Attributes:
        headers: the headers that say so, with their values, cut to a length that can be shown.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = {name: value[:_MOST_SHOWN] for name, value in headers.items()}
        super().__init__(", ".join(f"{name} is {value!r}" for name, value in self.headers.items()))


def init_app(app: Flask) -> None:
    """Check every request that may change something, before its body is read."""
    app.config["WTF_CSRF_SSL_STRICT"] = False  # it would refuse a request without a referrer
    app.before_request(_refuse_other_sites)
    csrf.init_app(app)


def _refuse_other_sites() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "ignores_cookies", False):
        return  # no browser is signed in there
    if request.method in _UNSAFE and (headers := _foreign_headers()):
        raise ForeignFormError(headers)


def _foreign_headers() -> Mapping[str, str]:
    """Return the headers that name another site, none when all is well or nothing is said.

    Browsers send `Sec-Fetch-Site` over TLS and to this machine. Over plain HTTP only the token
    counts: a proxy that passes a `Host` of its own is common there.
    """
    site = request.headers.get("Sec-Fetch-Site", "")
    if site:
        return {"Sec-Fetch-Site": site} if site in _OTHERS else {}
    # "null" is what browsers send from pages without a referrer.
    origin = request.headers.get("Origin", "null")
    if not request.is_secure or origin == "null":
        return {}
    # Without the ports, which some proxies leave out of `Host`.
    is_same = split_address(origin).hostname == split_address(f"//{request.host}").hostname
    return {} if is_same else {"Origin": origin, "Host": request.host}
