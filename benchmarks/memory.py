"""The memory of the whole server, fresh and after thousands of mixed requests."""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.panel import Admin
from benchmarks.sample import ADMIN, run_flask
from benchmarks.site import get, serving, whole_memory
from benchmarks.timing import ROOT, Row, environment

_CLIENTS = 4
_WEIGHINGS = 20
_TABLE = "memory of gunicorn and its workers, what they share counted once"
_FORM = "application/x-www-form-urlencoded"
# What people and programs ask for, as often as it is named.
_GUEST = ("/", "/", "/healthz", "/login")
_SIGNED_IN = (
    "/", "/", "/", "/", "/find?q=grafna", "/find?q=back", "/admin", "/admin/backups",
    "/admin/health", "/apps/1/health",
)  # fmt: skip
_PROGRAM = ("/api/v1/apps/checks", "/api/v1/backups", "/api/v1/status")
_LANGUAGES = ("en", "de")
_EDIT_EVERY = 100
_PLAN_EVERY = 250
_BACKUP_EVERY = 1000


def measure_workers(data_dir: Path, *, workers: int, requests: int) -> Iterator[Row]:
    """gunicorn and its workers, fresh and after use."""
    table = f"{_TABLE}, workers: {workers}"
    began = time.perf_counter()
    with serving(data_dir, workers=workers, threads=8, LAUNCHER_SCHEDULER="off") as port:
        yield Row(table, "until the first answer", time.perf_counter() - began, "s")
        time.sleep(3)  # until the second worker is up too
        yield from _weighed(data_dir, port, requests, table)


def _weighed(data_dir: Path, port: int, requests: int, table: str) -> Iterator[Row]:
    yield Row(table, "fresh", whole_memory(port), "MB")
    visitors = _Visitors(data_dir, port)
    found = [_after(visitors, requests // _WEIGHINGS, port) for _ in range(_WEIGHINGS)]
    yield Row(table, f"after {requests:,} requests", found[-1], "MB")
    half = found[_WEIGHINGS // 2 :]
    slope, _ = statistics.linear_regression(range(len(half)), half)
    yield Row(
        table, "growth in the second half", slope * (len(half) - 1), "MB",
        f"at most {max(found):.1f} MB",
    )  # fmt: skip


def _after(visitors: _Visitors, requests: int, port: int) -> float:
    clients = [
        threading.Thread(target=visitors.press, args=(requests // _CLIENTS,))
        for _ in range(_CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if visitors.failed:
        raise RuntimeError(f"not answered: {sorted(set(visitors.failed))}")
    return whole_memory(port)


class _Visitors:
    """Guests, an admin in three languages, a script, and what they ask for in turn."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self._port = port
        self._admin = Admin(port)
        self._token = _token(data_dir)
        self._lock = threading.Lock()
        self._count = 0
        self.failed: list[str] = []
        run_flask(data_dir, "backup", "create")
        calls = [(path, {}) for path in (*_GUEST, *self._files())]
        calls += [(path, {"Authorization": f"Bearer {self._token}"}) for path in _PROGRAM]
        signed_in = {"Cookie": self._admin.cookie}
        calls += [(path, signed_in) for path in _SIGNED_IN]
        self._calls = cycle(
            [
                (path, headers | {"Accept-Language": language, "Accept-Encoding": "gzip"})
                for language in _LANGUAGES
                for path, headers in calls
            ]
        )

    def _files(self) -> list[str]:
        page = self._admin.get("/").decode()
        return sorted(set(re.findall(r'(?:href|src)="(/(?:static|assets|icons)/[^"#]+)', page)))[
            :12
        ]

    def press(self, count: int) -> None:
        """Send the next `count` requests; what is not answered as it should be is in `failed`."""
        for _ in range(count):
            with self._lock:
                self._count += 1
                number, (path, headers) = self._count, next(self._calls)
            if number % _BACKUP_EVERY == 0:
                self._send("/admin/backups", "/admin/backups")
            elif number % _PLAN_EVERY == 0:
                backup = self._newest()
                self._ask(f"/admin/backups/{backup}/restore", {"Cookie": self._admin.cookie})
            elif number % _EDIT_EVERY == 0:
                self._send(
                    "/apps/2/edit", "/apps/2/edit", name=f"App {number}", url="https://a.lan"
                )
            else:
                self._ask(path, headers)

    def _ask(self, path: str, headers: dict[str, str]) -> None:
        status, _ = get(self._port, path, **headers)
        if status not in {http.client.OK, http.client.SEE_OTHER}:
            self.failed.append(f"{path}: {status}")

    def _newest(self) -> str:
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = json.loads(get(self._port, "/api/v1/backups", **headers)[1])
        return str(answer["backups"][0]["id"])

    def _send(self, page: str, path: str, **fields: str) -> None:
        form = self._admin.get(page).decode()
        for name in ("csrf_token", "revision"):
            if found := re.search(rf'name="{name}" value="([^"]+)"', form):
                fields[name] = found[1]
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(
            "POST", path, body=urlencode(fields),
            headers={"Cookie": self._admin.cookie, "Content-Type": _FORM},
        )  # fmt: skip
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != http.client.SEE_OTHER:
            self.failed.append(f"POST {path}: {answer.status}")


def _token(data_dir: Path) -> str:
    words = f"token create Bench --user {ADMIN} --expires 1d --scope status --scope backups:read"
    return subprocess.run(
        [sys.executable, "-m", "flask", *words.split()],
        cwd=ROOT, env=environment(data_dir), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
