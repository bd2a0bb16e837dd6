"""An import of 5,000 bookmarks: from the file to its preview, and from there to the board."""

from __future__ import annotations

import http.client
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.panel import Admin
from benchmarks.site import serving
from benchmarks.timing import Row

_FOLDERS, _LINKS = 50, 100
_BOUNDARY = "launcher-benchmark"
_TABLE = "import of 5,000 bookmarks, over HTTP"


def measure_import(data_dir: Path, *, runs: int) -> Iterator[Row]:
    """Preview and import the same file, and undo that, several times."""
    file = _bookmarks()
    times: dict[str, list[float]] = {}

    def note(what: str, began: float) -> None:
        times.setdefault(what, []).append(time.perf_counter() - began)

    with serving(data_dir, LAUNCHER_SCHEDULER="off") as port:
        browser = _Browser(port, Admin(port).cookie)
        for _ in range(runs):
            page = browser.get("/import")
            fields = {"source": "bookmarks", "board": "home", "csrf_token": _token(page)}
            began = time.perf_counter()
            address = browser.send("/import", _multipart(fields, file), _MULTIPART)
            preview = browser.get(address)
            note("the file is read and its preview is shown", began)
            ticked = [
                (name, value)
                for name in ("app", "section")
                for value in re.findall(rf'name="{name}" value="(\d+)"', preview.decode())
            ]
            form = urlencode([("csrf_token", _token(preview)), ("board", "home"), *ticked])
            began = time.perf_counter()
            address = browser.send(address.partition("?")[0], form.encode(), _FORM)
            note("all of it is imported", began)
            board = browser.get(address)
            step = _found(rb'name="id" value="(\d+)">\s*<button[^>]*>Undo import', board)
            form = urlencode({"csrf_token": _token(board), "id": step})
            began = time.perf_counter()
            browser.send("/undo", form.encode(), _FORM)
            note("it is undone", began)
    for what, seconds in times.items():
        yield Row(_TABLE, what, statistics.median(seconds), "s")


_FORM = "application/x-www-form-urlencoded"
_MULTIPART = f"multipart/form-data; boundary={_BOUNDARY}"


def _bookmarks() -> bytes:
    folders = "".join(
        f"<DT><H3>Folder {folder}</H3><DL><p>\n"
        + "".join(
            f'<DT><A HREF="https://host{folder}-{link}.example/path">Link {folder} {link}</A>\n'
            for link in range(_LINKS)
        )
        + "</DL><p>\n"
        for folder in range(_FOLDERS)
    )
    return f"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n{folders}</DL><p>\n".encode()


def _multipart(fields: dict[str, str], file: bytes) -> bytes:
    named = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{named}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    head = f'{named}"file"; filename="b.html"\r\n\r\n'
    return b"".join((*parts, head.encode(), file, f"\r\n--{_BOUNDARY}--\r\n".encode()))


def _token(page: bytes) -> str:
    return _found(rb'name="csrf_token" value="([^"]+)"', page)


def _found(pattern: bytes, page: bytes) -> str:
    found = re.search(pattern, page)
    if found is None:
        raise RuntimeError(f"the page has no {pattern!r}")
    return found[1].decode()


class _Browser:
    """A signed-in browser: the toast about an import is in its cookie."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port = port
        self._cookie = cookie

    def get(self, path: str) -> bytes:
        status, page, _ = self._ask("GET", path, b"", "")
        if status != http.client.OK:
            raise RuntimeError(f"{path} answers {status}")
        return page

    def send(self, path: str, body: bytes, kind: str) -> str:
        """Send a form; return the address that its answer leads to."""
        status, _, location = self._ask("POST", path, body, kind)
        if status != http.client.SEE_OTHER:
            raise RuntimeError(f"{path} answers {status}")
        return location

    def _ask(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes, str]:
        headers = {"Cookie": self._cookie, "Accept-Language": "en"}
        headers |= {"Content-Type": kind} if kind else {}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        page = answer.read()
        connection.close()
        if cookies := answer.headers.get_all("Set-Cookie"):
            self._cookie = "; ".join(each.partition(";")[0] for each in cookies)
        return answer.status, page, answer.headers.get("Location", "")
