"""Which headers of reverse proxies are trusted; the path prefix and the host names of the site.

Only `X-Forwarded-For` and `-Proto` are read, of as many proxies as `LAUNCHER_PROXY_HOPS` says. The
host is that of `Host`, and the prefix is a setting: a client can send any header that a proxy does
not overwrite (docs/deploy.md).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from launcher.config import ConfigError
from launcher.current import current_config
from launcher.http.hosts import HOST_IS_NONE, is_of_api, is_served_host
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.web.errors import show_refusal
from launcher.web.frame import do_without_database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# "" is what some probes send.
_HOST = re.compile(
    r"(([a-z0-9_-]{1,63}\.){0,60}[a-z0-9_-]{0,63}|\[[0-9a-f:.]{2,45}\])(:[0-9]{0,5})?",
    re.IGNORECASE,
)
_NOT_ASCII = re.compile(r"[^\x21-\x7e]")

# Probes and scrapers ask by address; the refusal has its style; the API refuses as a problem.
_FOR_ANY_HOST = {"health.healthz", "metrics.show", "assets.asset", "api.dispatch"}


class _Site:
    """The application below a path, whether or not a proxy cuts the path off.

    Werkzeug fails for a host that is none and for a query that is not ASCII. The one is refused,
    the other quoted, as RFC 3986 has it.
    """

    def __init__(self, app: WSGIApplication, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not _HOST.fullmatch(environ.get("HTTP_HOST", "")):
            if not is_of_api(environ.get("PATH_INFO", ""), self._prefix):
                return BaseResponse("The header Host names no host.\n", 400)(
                    environ, start_response
                )
            environ[HOST_IS_NONE] = True
            del environ["HTTP_HOST"]
        environ["QUERY_STRING"] = _NOT_ASCII.sub(_quoted, environ.get("QUERY_STRING", ""))
        path = environ.get("PATH_INFO", "")
        if self._prefix and f"{path}/".startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        environ["SCRIPT_NAME"] = self._prefix
        return self._app(environ, start_response)


def _quoted(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def init_app(app: Flask) -> None:
    """Serve below the prefix, behind the proxies and under the host names of the settings."""
    config = current_config(app)
    app.wsgi_app = _Site(app.wsgi_app, config.prefix)  # type: ignore[method-assign]
    if hops := config.proxy_hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=0, x_port=0, x_prefix=0
        )
    app.before_request(_refuse_other_hosts)


def check_prefix(app: Flask) -> None:
    """Refuse a prefix that is also the beginning of a page, once all pages are registered.

    Raises:
        ConfigError
    """
    prefix = current_config(app).prefix
    if prefix and any(
        f"{rule.rule}/".startswith(f"{prefix}/") for rule in app.url_map.iter_rules()
    ):
        raise ConfigError(f"LAUNCHER_PREFIX is {prefix!r}, where Launcher has pages of its own")


def _refuse_other_hosts() -> Response | None:
    if request.endpoint in _FOR_ANY_HOST or is_served_host():
        return None
    do_without_database()
    text = gettext(
        "Nothing was changed. An admin of the server can add the name to LAUNCHER_HOSTS."
    )
    title = _("This site is not served under this host name")
    return show_refusal(400, title, text, has_links=False)
