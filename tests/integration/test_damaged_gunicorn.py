"""A real server on a damaged database: only its start script and its workers together show this."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from flask import Flask

from launcher.current import current_backups
from tests.support.server import serving
from tests.support.service import run


def test_it_starts_says_so_and_serves_again_after_the_restore(
    app: Flask, cast: object, data_dir: Path
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    live = data_dir / "launcher.db"
    run(live, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(live.read_bytes())
    data[data.index(b"TABLE users")] ^= 0x80
    live.write_bytes(data)

    with serving(data_dir, workers="1", scheduler="off") as server:
        for path, words in (
            ("/login", "The database is damaged. Restore a backup"),
            (
                "/healthz",
                "damaged",
            ),
        ):
            status, page = _get(server.url + path)
            assert (status, words in page) == (503, True), page
        server.command("backup", "restore", "latest", "--yes")
        assert _get(f"{server.url}/login")[0] == 200
        assert "Traceback" not in server.log_path.read_text()


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
