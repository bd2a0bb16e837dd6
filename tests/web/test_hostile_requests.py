"""Heads and queries that no browser sends: refused or ignored, and never an internal error."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from launcher.background import process as process_
from launcher.jobs import process
from tests.conftest import MakeApp
from tests.web.routes import Route, routes_of
from tests.web.visitor import Visitor

VALUES = (
    *("", " ", "\xff", "\xc3\x28", "\x7f", "%", "%00", "%ff", "%e2%82", "%0d%0aX: y"),
    *("//[", "http://[", "http://[::1", "http://a:b/", "http://a:99999999/", "//", "/\\", "///"),
    *("?", "#", "x" * 3000, "-1", "0", "1e999", "9" * 25, "9" * 5000, "NaN", "null", "[]", "{}"),
    *("a=b", ";", ",", ",,,", "=", "*", "true", '"', '""', 'W/"', "\u0663", "\U0001d7d8"),
    *(
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-1",
        "bytes=0-0,1-1",
        "bytes=-" + "9" * 30,
        "bytes=a-b",
    ),
    *("Basic", "Basic \xff", "Basic ====", "Bearer", "Bearer \xff", "Digest a", "gzip;q=nan"),
    *(
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\xff",
    ),
    *("text/html; charset=\xff", "application/x-www-form-urlencoded; charset=utf-16"),
    *("en;q=x", "x-y-z-zz;q=9", "xx_YY", "Sun, 99 Foo 2026 99:99:99 GMT"),
)
HEADERS = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control"),
    *("Content-Type", "Cookie", "Date", "Expect", "Forwarded", "Host", "HX-Current-URL"),
    *("HX-History-Restore-Request", "HX-Request", "HX-Target", "HX-Trigger", "If-Match"),
    *("If-Modified-Since", "If-None-Match", "If-Range", "Origin", "Range", "Referer"),
    *("Sec-Fetch-Site", "Transfer-Encoding", "User-Agent", "X-CSRFToken", "X-Forwarded-For"),
    *("X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Proto"),
)
FIELDS = (
    *("accent", "action", "before", "cron", "csrf_token", "download", "encoding", "id", "kind"),
    *("locale", "next", "page", "password", "q", "seen", "shown", "state", "t", "theme", "token"),
    *("username", "word"),
)
COOKIES = ("launcher", "theme", "locale", "remember_token")


@pytest.fixture
def app(new_data: Path, data_dir: Path, make_app: MakeApp) -> Flask:
    """A site with everything that reads heads: a proxy in front, metrics, names of hosts."""
    shutil.copytree(new_data, data_dir)
    app = make_app(scheduler="off", metrics_token="a token " * 5, proxy_hops="1")
    app.testing = False  # errors are answered, as in life
    return app


@pytest.fixture(autouse=True)
def _nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_, "start", lambda *_, **__: None)
    monkeypatch.setattr(process, "run_now", lambda *_, **__: None)


def raw(text: str) -> str:
    """Return text as a server puts it into the environment: its bytes as Latin-1."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode().decode("latin-1")
    return text


def environs(chance: random.Random, cookies: list[str]) -> Iterator[dict[str, str]]:
    """Yield each odd value in some place of a request, then several of them at once."""
    for value in VALUES:
        place = chance.choice(HEADERS)
        yield {place: value}
        yield {"?": f"{chance.choice(FIELDS)}={value}"}
        yield {"Cookie": f"{chance.choice(cookies)}={value}"}
    for _ in range(20):
        many = {name: chance.choice(VALUES) for name in chance.sample(HEADERS, 6)}
        yield many | {"?": "&".join(f"{name}={chance.choice(VALUES)}" for name in FIELDS)}


def send(visitor: Visitor, route: Route, odd: dict[str, str], *, is_htmx: bool) -> int:
    environ = {"HTTP_HX_REQUEST": "true"} if is_htmx else {}
    for name, value in odd.items():
        key = name.upper().replace("-", "_")
        own = key == "CONTENT_TYPE"
        environ["QUERY_STRING" if name == "?" else key if own else f"HTTP_{key}"] = raw(value)
    answer = visitor.client.open(
        "/", method=route.method, environ_overrides=environ | {"PATH_INFO": route.path}
    )
    answer.close()
    return answer.status_code


# Tried on the routes that read them, and in part, like all the rest, on every other.
KNOWN: tuple[dict[str, str], ...] = (
    *({name: "http://["} for name in ("HX-Current-URL", "Referer", "Origin", "Host")),
    *({name: "\xff"} for name in ("X-Forwarded-For", "X-Forwarded-Proto", "Sec-Fetch-Site")),
    *({"?": "next=//["}, {"?": "page=" + "9" * 25}, {"Cookie": "\xff=\xff"}),
    *({"Authorization": "Basic \xff"}, {"Authorization": "Bearer \xff"}, {"Range": "bytes=-x"}),
)


@pytest.mark.parametrize("who", ["guest", "ada"])
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 7))]
)
def test_no_head_and_no_query_causes_an_internal_error(
    app: Flask, pictures: object, who: str, seed: int, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    app.config["WTF_CSRF_ENABLED"] = seed % 2 == 0
    chance = random.Random(seed)
    cookies = [*COOKIES, *(cookie.key for cookie in visitor.client._cookies.values())]
    failed = []
    for route in sorted(routes_of(app), key=lambda each: "sign_out" in each.endpoint):
        odd = [*chance.sample(KNOWN, 2), *chance.sample([*environs(chance, cookies)], 2)]
        for each in KNOWN if route.path in {"/login", "/healthz", "/metrics"} else odd:
            is_htmx = chance.random() < 0.5
            status = send(visitor, route, each, is_htmx=is_htmx)
            if status >= 500 and status != 503:
                failed.append((route, each, is_htmx))
    assert not failed
