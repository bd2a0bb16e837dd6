"""The examples for reverse proxies in `deploy/` work as they stand, with the real programs.

Only ports, certificates and the path below which the site lies are put in.
"""

from __future__ import annotations

import gzip
import http.client
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from launcher.accounts import users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.config import ROOT
from launcher.current import current_backups
from launcher.models import Role
from tests.support.server import free_port, serving
from tests.support.words import compile_words

PASSWORD = "a long enough password"
FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "//evil.example/x",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=http",
}
_PATIENCE_S = 120.0


def program(name: str) -> str | None:
    """Return the path of a program, which `tests/install-tools` may have put beside Python."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:{Path(sys.executable).parent}")


@dataclass
class Browser:
    """Somebody who asks one host over TLS, whatever its certificate, and keeps its cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, path: str, body: bytes | None = None, method: str = "", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        trusting = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(
            "localhost", self.port, context=trusting, timeout=_PATIENCE_S
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with closing(connection):
            connection.request(method or ("POST" if body else "GET"), path, body, sent)
            answer = connection.getresponse()
            read = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.partition(";")[0].split("=", 1)
            self.cookies[name] = value
        return answer, read

    def send(self, path: str, page: str, **fields: str) -> http.client.HTTPResponse:
        """Send a form with the token of a page."""
        body = urlencode(fields | {"csrf_token": self.token(page)}).encode()
        kind = "application/x-www-form-urlencoded"
        return self.ask(path, body, Content_Type=kind)[0]

    def token(self, page: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.ask(page)[1].decode())
        assert found
        return found[1]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost; its key has the same name with `.key`."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    subprocess.run(
        [*command.split(), "-subj", "/CN=localhost", "-out", path, "-keyout", f"{path}.key"],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@contextmanager
def running(
    command: Sequence[str | Path], *, configure: Callable[[int], None], ready: str, folder: Path
) -> Iterator[int]:
    """Run a proxy until the end of the block, on a free port, which is yielded.

    Args:
        configure: writes the files of the proxy for a port.
        ready: what it prints once it has the port.
    """
    log_path = folder / "proxy.log"
    is_served = False
    while not is_served:
        port = free_port()
        configure(port)
        with log_path.open("w") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=os.environ | {"HOME": str(folder)}, stdout=log, stderr=log
            )
        try:
            is_served = _has_port(process, ready, log_path)
            if is_served:
                yield port
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _has_port(process: subprocess.Popen[bytes], ready: str, log_path: Path) -> bool:
    """Wait until a proxy has its port; return False where another server was quicker."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        has_ended = process.poll() is not None
        log = log_path.read_text()
        if "ddress already in use" in log:
            return False
        if ready in log:
            return True
        assert not has_ended, log
        assert time.monotonic() < deadline, log
        time.sleep(0.02)


def below(text: str, prefix: str) -> str:
    """Return an example for a site below a path, changed as docs/deploy.md says."""
    return text.replace("location / {", f"location {prefix}/ {{").replace("^/(", f"^{prefix}/(")


@contextmanager
def nginx(folder: Path, certificate: Path, upstream: int, prefix: str) -> Iterator[int]:
    def configure(port: int) -> None:
        text = (ROOT / "deploy/nginx.conf").read_text()
        for before, after in (
            ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
            ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
            ("home.example;", "localhost;"),
            ("/etc/letsencrypt/live/home.example/fullchain.pem", str(certificate)),
            ("/etc/letsencrypt/live/home.example/privkey.pem", f"{certificate}.key"),
            ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ):
            assert before in text
            text = text.replace(before, after)
        (folder / "site.conf").write_text(below(text, prefix))

    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr notice; events {{}}"
        f" http {{ access_log off; {paths} include {folder}/site.conf; }}"
    )
    command = (program("nginx") or "", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf")
    with running(command, configure=configure, ready="event method", folder=folder) as port:
        yield port


@contextmanager
def caddy(folder: Path, certificate: Path, upstream: int, prefix: str) -> Iterator[int]:
    def configure(port: int) -> None:
        text = (ROOT / "deploy/Caddyfile").read_text()
        site = f"https://localhost:{port}"
        for before, after in (
            ("{\n\tservers {", "{\n\tadmin off\n\tauto_https off\n\tservers {"),
            ("home.example {", f"{site} {{\n\ttls {certificate} {certificate}.key"),
            ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ):
            assert before in text
            text = text.replace(before, after)
        (folder / "Caddyfile").write_text(below(text, prefix))

    command = (program("caddy") or "", "run", "--config", folder / "Caddyfile")
    ready = "serving initial configuration"
    with running(command, configure=configure, ready=ready, folder=folder) as port:
        yield port


Proxy = Callable[[Path, Path, int, str], AbstractContextManager[int]]


@pytest.fixture(scope="module")
def filled(new_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compile_words()
    data_dir = tmp_path_factory.mktemp("proxied") / "data"
    shutil.copytree(new_data, data_dir)
    with create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).app_context():
        users.create_user("dora", PASSWORD, role=Role.ADMIN, actor=COMMAND_LINE)
        current_backups().create(by="test")
    return data_dir


def form_with(file: bytes, token: str) -> bytes:
    """Return the form of an upload, with `x` for its boundary."""
    named = b'--x\r\nContent-Disposition: form-data; name="%s"'
    return (
        named % b"csrf_token" + b"\r\n\r\n" + token.encode() + b"\r\n"
        + named % b"file" + b'; filename="a.db"\r\n\r\n' + file + b"\r\n--x--\r\n"
    )  # fmt: skip


needs = {
    name: pytest.mark.skipif(
        not (program(name) and program("openssl")),
        reason=f"{name} is not there; tests/install-tools puts it there",
    )
    for name in ("nginx", "caddy")
}


@pytest.mark.parametrize(
    ("proxy", "prefix"),
    [
        pytest.param(nginx, "/launcher", marks=needs["nginx"]),
        pytest.param(nginx, "", marks=[needs["nginx"], pytest.mark.slow]),
        pytest.param(caddy, "", marks=[needs["caddy"], pytest.mark.slow]),
        pytest.param(caddy, "/launcher", marks=[needs["caddy"], pytest.mark.slow]),
    ],
)
def test_the_example_of_a_proxy_works_as_it_stands(
    filled: Path, tmp_path: Path, certificate: Path, proxy: Proxy, prefix: str
) -> None:
    settings = {"proxy_hops": "1", "hosts": "localhost", "prefix": prefix, "workers": "2"}
    with serving(filled, **settings) as server:
        upstream = urlsplit(server.url).port or 0
        with proxy(tmp_path, certificate, upstream, prefix) as port:
            browser = Browser(port)
            _use(browser, prefix, filled)
            _forge(browser, prefix, filled)


def _use(browser: Browser, prefix: str, data_dir: Path) -> None:
    """Sign in, look around, download and upload."""
    answer, _ = browser.ask(f"{prefix}/admin/backups")
    assert (answer.status, answer.headers["Location"]) == (
        302, f"{prefix}/login?next={prefix}/admin/backups",
    )  # fmt: skip
    answer = browser.send(
        f"{prefix}/login", f"{prefix}/login", username="dora", password=PASSWORD,
        next=f"{prefix}/admin/backups",
    )  # fmt: skip
    assert (answer.status, answer.headers["Location"]) == (303, f"{prefix}/admin/backups")
    assert all(name.startswith("__Host-") for name in browser.cookies)

    answer, page = browser.ask(f"{prefix}/admin/backups", Accept_Encoding="gzip")
    text = gzip.decompress(page).decode()
    assert answer.headers["Strict-Transport-Security"]
    for address in set(re.findall(r'(?:src|href)="(/[^"#]*)', text)):
        assert browser.ask(address)[0].status == 200, address
    found = re.search(r'hx-get="([^"]+)"', text)
    assert found
    assert browser.ask(found[1].replace("&amp;", "&"), HX_Request="true")[0].status in {200, 204}

    answer, database = browser.ask(f"{prefix}/admin/backups/{_newest(data_dir)}/download")
    assert answer.status == 200
    assert database.startswith(b"SQLite format 3")
    # Larger than any form may be, which is what the limit of the example is about.
    form = form_with(database + bytes(2_000_000), browser.token(f"{prefix}/account"))
    kind = "multipart/form-data; boundary=x"
    answer, _ = browser.ask(f"{prefix}/admin/backups/upload", form, Content_Type=kind)
    assert answer.status == 303
    assert answer.headers["Location"].startswith(f"{prefix}/admin/backups/operations/")
    # Caddy 2.6 says 502 where later ones say 413.
    assert browser.ask(f"{prefix}/login", form, Content_Type=kind)[0].status in {413, 502}


def _forge(browser: Browser, prefix: str, data_dir: Path) -> None:
    """Send headers that only a proxy may set."""
    stranger = Browser(browser.port)
    answer, _ = stranger.ask(f"{prefix}/admin/users", **FORGED)
    assert answer.headers["Location"] == f"{prefix}/login?next={prefix}/admin/users"
    token = stranger.token(f"{prefix}/login")
    body = urlencode({"username": "x", "password": "y", "csrf_token": token}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer, _ = stranger.ask(f"{prefix}/login", body, **FORGED, **kind)
    assert answer.status == 422
    assert all(name.startswith("__Host-") for name in stranger.cookies)
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live:
        addresses = {row[0] for row in live.execute("SELECT address FROM audit_events")}
    assert addresses <= {"", "127.0.0.1", "::1"}
    # nginx passes it to Launcher, which refuses it; Caddy answers with nothing.
    assert b"csrf_token" not in stranger.ask(f"{prefix}/login", Host="evil.example")[1]


def _newest(data_dir: Path) -> str:
    with create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).app_context():
        return str(current_backups().get("latest").id)
