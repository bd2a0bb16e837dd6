"""Saving one edit: from the form to its answer, by the number of apps on the board."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from itertools import count
from urllib.parse import urlencode

from benchmarks.panel import Admin
from benchmarks.site import get
from benchmarks.timing import Row, interleaved


def measure_saving(port: int, admin: Admin, *, apps: int, slug: str, runs: int) -> Iterator[Row]:
    """Rename an app of the board, and move one within its section; each is audited and undoable."""
    board, cookie = _first_page(port, f"/b/{slug}/edit", admin.cookie)
    app = _found(rb"/apps/(\d+)/edit", board)
    place = _found(rb"/b/[^/]+/apps/(\d+)/", board)
    numbers = count()

    def rename() -> float:
        path = f"/apps/{app}/edit"
        status, form = get(port, path, Cookie=cookie)
        assert status == http.client.OK, path
        revision = _found(rb'name="revision" value="(\d+)"', form)
        name, url = f"App {next(numbers)}", "https://app.home.arpa"
        return _timed(port, path, cookie, form, revision=revision, name=name, url=url)

    def move() -> float:
        position = str(2 + next(numbers) % 5)
        path = f"/b/{slug}/apps/{place}/move"
        return _timed(port, path, cookie, board, position=position)

    calls = {"an app is renamed": rename, "an app is moved within its section": move}
    interleaved(3, **calls)
    for what, seconds in interleaved(runs * 10, **calls).items():
        yield Row(f"saving one edit, {apps} apps, over HTTP", what, seconds * 1000, "ms")


def _first_page(port: int, path: str, cookie: str) -> tuple[bytes, str]:
    """Return a page with a form, and the cookie that goes with its token."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    page, sent = answer.read(), answer.headers["Set-Cookie"]
    connection.close()
    return page, sent.partition(";")[0] if sent else cookie


def _found(pattern: bytes, page: bytes) -> str:
    found = re.search(pattern, page)
    if found is None:
        raise RuntimeError(f"the page has no {pattern!r}")
    return found[1].decode()


def _timed(port: int, path: str, cookie: str, page: bytes, **fields: str) -> float:
    """Send the form of `page`; return the seconds until its answer, a redirect."""
    fields["csrf_token"] = _found(rb'name="csrf_token" value="([^"]+)"', page)
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body=urlencode(fields), headers=headers)
    answer = connection.getresponse()
    answer.read()
    took_s = time.perf_counter() - began
    connection.close()
    if answer.status != http.client.SEE_OTHER:
        raise RuntimeError(f"{path} answers {answer.status}")
    return took_s
