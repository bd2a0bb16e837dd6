"""The site as a deployment runs it: gunicorn with several workers, on a free port."""

from __future__ import annotations

import contextlib
import http.cookiejar
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from launcher.config import ROOT


class _Still(urllib.request.HTTPRedirectHandler):
    """Answers with the redirect itself."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


@dataclass
class Browser:
    """Somebody with a cookie jar."""

    address: str
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(
            _Still, urllib.request.HTTPCookieProcessor(self.jar), urllib.request.ProxyHandler({})
        )

    def get(self, path: str) -> tuple[int, str]:
        return self._send(urllib.request.Request(self.address + path))

    def post(self, path: str, **values: str) -> tuple[int, str]:
        data = urllib.parse.urlencode(values).encode()
        return self._send(urllib.request.Request(self.address + path, data=data))

    def token(self) -> str:
        """Open the sign-in form and return the token in it."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/login")[1])
        assert found
        return found[1]

    def sign_in(self, username: str, password: str, *, token: str = "") -> int:
        return self.post(
            "/login", username=username, password=password, csrf_token=token or self.token()
        )[0]

    def _send(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@contextlib.contextmanager
def serving(
    data_dir: Path, *, workers: int = 3, threads: int = 4, **settings: str
) -> Iterator[str]:
    """Serve a data directory; yield the address, and stop with the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "LAUNCHER_DATA_DIR": str(data_dir),
        "LAUNCHER_BIND": f"127.0.0.1:{port}",
        "LAUNCHER_WORKERS": str(workers),
        "LAUNCHER_THREADS": str(threads),
        **{f"LAUNCHER_{name.upper()}": value for name, value in settings.items()},
    }
    log_path = data_dir.parent / f"gunicorn-{port}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "wsgi:app"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _await_answer(address, process, log_path)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=40)


def _await_answer(address: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    browser = Browser(address)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            browser.get("/healthz")
            return
        time.sleep(0.05)
    raise AssertionError(f"gunicorn did not start:\n{log_path.read_text()}")
