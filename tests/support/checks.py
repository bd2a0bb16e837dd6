"""What tests of health checks share: apps and their checks as rows, and a server that counts."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from launcher.db.connect import stored_moment

_CHECK = {
    "kind": "http", "target": "own", "url": "", "method": "HEAD", "headers": "{}",
    "headers_for": "", "timeout_ms": 10_000, "accept": "100-499", "keyword": "",
    "is_keyword_absent": 0, "verify": "public", "ca_pem": "", "follow_redirects": 1, "retries": 2,
    "slow_ms": 60_000,
    "is_enabled": 1, "paused_by": "", "is_notifying": 1, "notify_after_min": 5,
}  # fmt: skip


def add_app(database: sqlite3.Connection, app_id: int, url: str = "", **check: object) -> None:
    """Add an app, and a check of its own where anything of it is given."""
    now = stored_moment(datetime.now(UTC))
    database.execute(
        "INSERT INTO apps (id, name, description, url, url_local, icon, letters, keywords,"
        " created_at, updated_at, revision) VALUES (?, ?, '', ?, '', '', '', '', ?, ?, 1)",
        (app_id, f"App {app_id}", url or f"http://host-{app_id}", now, now),
    )
    if check:
        set_check(database, app_id, **check)


def set_check(database: sqlite3.Connection, app_id: int, **values: object) -> None:
    """Give an app a check of its own."""
    row = {"app_id": app_id} | _CHECK | values
    database.execute(
        f"INSERT OR REPLACE INTO health_checks ({', '.join(row)})"
        f" VALUES ({', '.join('?' * len(row))})",
        list(row.values()),
    )


@dataclass
class Counter:
    """A real server; `visits` is when each path was requested, by the steady clock.

    A path in `hanging` gets no answer while the server runs, one in `codes` another than 200.
    """

    url: str
    visits: dict[str, list[float]] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    codes: dict[str, int] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def count(self, path: str) -> int:
        return len(self.visits.get(path, ()))


@contextmanager
def counting_server() -> Iterator[Counter]:
    """Serve until the end of the block."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            with lock:
                counter.visits.setdefault(self.path, []).append(time.monotonic())
            if self.path in counter.hanging:
                counter.ended.wait(120)
                return
            self.send_response(counter.codes.get(self.path, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815 (named by the library)

        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

        def handle_error(self, *_arguments: object) -> None:
            """A check that was cancelled hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    counter = Counter(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield counter
    finally:
        counter.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
