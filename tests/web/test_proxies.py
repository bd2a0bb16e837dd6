"""Behind a proxy: below a path, under the names of the site, and with headers of a stranger."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.background import process as process_
from launcher.config import ConfigError
from launcher.jobs import process
from launcher.offsite.service import OffsiteService
from launcher.offsite.trial import Trial
from tests.conftest import ADA, MakeApp
from tests.web.routes import routes_of
from tests.web.visitor import Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "/launcher"
_ATTRIBUTE = re.compile(r'\s([a-z-]+)="(/[^"]*)"')
_OF_THE_SERVER = re.compile(r'<input [^>]*name="folder_path"[^>]*>')  # a folder, no address


@pytest.fixture(autouse=True)
def _nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_, "start", lambda *_, **__: None)
    monkeypatch.setattr(process, "run_now", lambda *_, **__: None)
    monkeypatch.setattr(OffsiteService, "try_out", lambda *_, **__: Trial(()))


@pytest.fixture
def app(new_data: Path, data_dir: Path, make_app: MakeApp) -> Flask:
    """A site below a path."""
    shutil.copytree(new_data, data_dir)
    return make_app(scheduler="off", prefix=PREFIX)


def addresses_in(answer: TestResponse) -> Iterator[str]:
    """Yield every address on this host that an answer names, whatever names it."""
    for header in ("Location", "HX-Redirect"):
        if header in answer.headers:
            yield answer.headers[header]
    for cookie in answer.headers.getlist("Set-Cookie"):
        path = re.search(r"Path=([^;]+)", cookie)
        assert path
        yield path[1]
    if answer.mimetype == "text/html":
        page = _OF_THE_SERVER.sub("", answer.text)
        yield from (found[2] for found in _ATTRIBUTE.finditer(page))


def check(answer: TestResponse, *, of: object) -> int:
    """Check that no address in an answer lacks the prefix; return how many there are."""
    found = list(addresses_in(answer))
    for address in found:
        within = [value for _, value in parse_qsl(urlsplit(address).query) if value[:1] == "/"]
        for each in (address, *within):
            assert f"{each}/".startswith(f"{PREFIX}/"), (of, each)
    return len(found)


@pytest.mark.parametrize("path", ["/", "/login", "/admin/backups/", "/launchers"])
def test_it_is_the_same_whether_or_not_the_proxy_cuts_the_prefix_off(app: Flask, path: str) -> None:
    seen = []

    def see(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.append((environ["SCRIPT_NAME"], environ["PATH_INFO"]))
        start_response("204 No Content", [])
        return []

    app.wsgi_app._app = see  # type: ignore[attr-defined]
    for asked in (path, PREFIX + path):
        app.test_client().get(asked)
    assert seen == [(PREFIX, path)] * 2


@pytest.mark.parametrize("who", ["guest", "ada"])
def test_every_address_of_every_page_has_the_prefix(
    app: Flask, pictures: object, who: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    app.config["WTF_CSRF_ENABLED"] = False  # forms are let in, for their redirects
    counts: Counter[str] = Counter()
    for route in sorted(routes_of(app), key=lambda each: "sign_out" in each.endpoint):
        whole = PREFIX + route.path
        for path, headers in (
            (route.path, {}),  # the proxy cuts the prefix off
            (whole, {"HX-Request": "true", "HX-Current-URL": f"http://localhost{whole}"}),
        ):
            answer = visitor.client.open(path, method=route.method, headers=headers)
            counts[route.endpoint] += check(answer, of=(route, headers))
            answer.close()
    assert counts["start.home"]
    assert counts["account.change_appearance"]


def test_the_pages_of_failures_have_it_too(app: Flask, ada: Visitor, data_dir: Path) -> None:
    assert check(ada.open("/nope"), of="404") > 3
    (data_dir / "launcher.db").unlink()
    answer = ada.open("/")
    assert answer.status_code == 503
    assert check(answer, of="503") > 3


def test_what_is_installed_is_the_site_below_the_path(app: Flask) -> None:
    described = Visitor(app).open(f"{PREFIX}/manifest.webmanifest").json

    assert {described[name] for name in ("id", "start_url", "scope")} == {f"{PREFIX}/"}
    for each in (*described["icons"], *described["shortcuts"]):
        assert each.get("src", each.get("url")).startswith(f"{PREFIX}/")


def test_signing_in_leads_back_to_the_page_that_was_asked_for(app: Flask, cast: object) -> None:
    visitor = Visitor(app)
    answer = visitor.open(f"{PREFIX}/admin/users")
    assert answer.location == f"{PREFIX}/login?next=/launcher/admin/users"
    visitor.open(answer.location)
    answer = visitor.send(
        f"{PREFIX}/login", username="ada", password=ADA.password, next=f"{PREFIX}/admin/users"
    )
    assert answer.location == f"{PREFIX}/admin/users"
    assert len(answer.headers.getlist("Set-Cookie")) == 2  # the session, the device
    check(answer, of="sign-in")


@pytest.mark.parametrize("hops", ["0", "1"])
def test_the_printed_setup_link_opens_under_the_name_of_the_site(
    make_app: MakeApp, hops: str
) -> None:
    app = make_app(proxy_hops=hops, prefix=PREFIX, hosts=".home.arpa, home.example")
    printed = app.test_cli_runner().invoke(args=["database", "upgrade"]).stderr
    link = re.search(r"\S+/setup\?token=\S+", printed)
    assert link, printed
    root = "https://home.example" if hops == "1" else "http://home.example:8000"
    assert link[0].startswith(f"{root}/launcher/")
    assert f"Launcher is at {root}/launcher/\n" in printed
    answer = app.test_client().get(link[0].removeprefix(root), base_url=root)
    assert answer.status_code == 200, answer.text


def test_the_session_over_tls_keeps_the_path_that_browsers_demand(app: Flask) -> None:
    answer = app.test_client().get("/login", base_url="https://localhost")

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert "Path=/;" in f"{cookie};"


@pytest.mark.parametrize(
    "prefix", ["launcher", "/launcher/", "//a", "/a//b", "/..", "/a/./b", "/a b"]
)
def test_an_odd_prefix_is_refused(make_app: MakeApp, prefix: str) -> None:
    with pytest.raises(ConfigError, match="a path like /launcher"):
        make_app(prefix=prefix)


def test_a_prefix_where_pages_are_is_refused(make_app: MakeApp) -> None:
    with pytest.raises(ConfigError, match="has pages of its own"):
        make_app(prefix="/admin")


@pytest.mark.parametrize("hops", ["0", "1", "2"])
def test_host_and_prefix_in_headers_of_a_client_are_not_believed(
    new_data: Path, tmp_path: Path, make_app: MakeApp, hops: str
) -> None:
    shutil.copytree(new_data, tmp_path / "plain")
    app = make_app(data_dir=str(tmp_path / "plain"), proxy_hops=hops)
    forged = {
        "X-Forwarded-Prefix": "//evil.example/x",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "666",
        "X-Forwarded-Server": "evil.example",
        "X-Script-Name": "//evil.example/x",
        "X-Original-URL": "//evil.example/x",
        "X-Rewrite-URL": "//evil.example/x",
        "Forwarded": "host=evil.example;proto=https",
    }
    for path in ("/", "/login", "/admin/users", "/nope", "//evil.example/x"):
        answer = app.test_client().get(path, headers=forged)
        assert "evil.example/" not in str(answer.headers).replace("next=//evil.example", "")
        assert not answer.headers.get("Location", "/").startswith("//")
        assert "666" not in str(answer.headers)


def site_named(make_app: MakeApp, new_data: Path, tmp_path: Path, hosts: str) -> Flask:
    shutil.copytree(new_data, tmp_path / "named")
    return make_app(data_dir=str(tmp_path / "named"), hosts=hosts)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("home.example", 200), ("home.example:8000", 200), ("HOME.example", 200), ("a.lan", 200),
        ("b.a.lan", 200), ("evil.example", 400), ("home.example.evil", 400), ("127.0.0.1", 400),
        ("[::1]", 400), ("", 200),
    ],
)  # fmt: skip
def test_other_host_names_are_refused_with_the_name_of_the_setting(
    make_app: MakeApp, new_data: Path, tmp_path: Path, host: str, status: int
) -> None:
    client = site_named(make_app, new_data, tmp_path, "home.example, .a.lan").test_client()
    answer = client.get("/login", environ_overrides={"HTTP_HOST": host})

    assert answer.status_code == status
    assert ("LAUNCHER_HOSTS" in answer.text) is (status == 400)
    if status == 400:
        addresses = set(addresses_in(answer))
        assert all("/assets/" in address or "/style" in address for address in addresses), addresses


@pytest.mark.parametrize(
    "host", ["[", "a b", "x@a", "a/b", "x" * 64, "a:b", "a" * 300, "\xff", "a.."]
)
def test_a_host_that_is_none_is_refused(app: Flask, host: str) -> None:
    answer = app.test_client().get("/login", environ_overrides={"HTTP_HOST": host})

    assert (answer.status_code, answer.text) == (400, "The header Host names no host.\n")


@pytest.mark.parametrize("host", ["[", "other.example"])
@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/"])
def test_the_api_refuses_such_a_host_as_a_problem(
    make_app: MakeApp, new_data: Path, tmp_path: Path, host: str, path: str
) -> None:
    client = site_named(make_app, new_data, tmp_path, "home.example").test_client()
    answer = client.get(path, environ_overrides={"HTTP_HOST": host})

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.json["code"] == ("bad_request" if host == "[" else "host_not_served")


def test_probes_by_address_are_answered_all_the_same(
    make_app: MakeApp, new_data: Path, tmp_path: Path
) -> None:
    client = site_named(make_app, new_data, tmp_path, "home.example").test_client()

    for host in ("127.0.0.1:8000", "", "10.1.2.3"):
        assert client.get("/healthz", environ_overrides={"HTTP_HOST": host}).status_code == 200


@pytest.mark.parametrize("hosts", ["home.example:80", "http://home.example", "a b", "*", ","])
def test_odd_host_names_are_refused(make_app: MakeApp, hosts: str) -> None:
    with pytest.raises(ConfigError, match="host names without ports"):
        make_app(hosts=hosts)


@pytest.mark.parametrize(
    ("scheme", "days", "told"),
    [("http", "30", None), ("https", "30", "max-age=2592000"), ("https", "0", "max-age=0")],
)
def test_browsers_insist_on_tls_once_they_came_over_it(
    app: Flask, make_app: MakeApp, scheme: str, days: str, told: str | None
) -> None:
    client = make_app(hsts_days=days).test_client()

    for path in ("/login", "/healthz", "/nope"):
        answer = client.get(path, base_url=f"{scheme}://localhost")
        assert answer.headers.get("Strict-Transport-Security") == told
