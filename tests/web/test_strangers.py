"""What a stranger learns: that there is a Launcher, whether it is well, and nothing else."""

from __future__ import annotations

import platform
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest
from flask import Flask

from launcher.config import ROOT
from launcher.current import current_backups
from launcher.db.content import APP_VERSION
from launcher.web import auth
from tests.web.addresses import MALFORMED, UNKNOWN, address, parts_of, rules

TOKEN = "a token of more than 32 characters, certainly"

HEADERS = (
    {},
    {"Accept": "application/json", "User-Agent": "kube-probe/1.34"},
    {"HX-Request": "true", "HX-Current-URL": "http://["},
    {"Authorization": "Basic \xff"},
    {"Authorization": "Basic \xff", "HX-Request": "true"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": "Bearer \xff"},
    {"Authorization": "Digest x"},
    {"Referer": "http://[", "Accept-Language": "\xff;q=x, *;q=9, de;q=", "Range": "bytes=9-1"},
    {"Cookie": "theme=\xff; launcher=x.y.z; session=" + "A" * 3000},
    {"If-None-Match": "\xff", "If-Modified-Since": "9999", "X-Forwarded-For": "<script>"},
)  # fmt: skip


def nothing(_data_dir: Path) -> None:
    pass


def lose(data_dir: Path) -> None:
    (data_dir / "launcher.db").unlink()


def overwrite(data_dir: Path) -> None:
    (data_dir / "launcher.db").write_bytes(b"not a database" * 1000)


def lose_a_table(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        live.execute("DROP TABLE users")


def lose_the_settings(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        live.execute("DELETE FROM system_settings")


def lose_the_backups(data_dir: Path) -> None:
    shutil.rmtree(data_dir / "backups")
    (data_dir / "backups").write_text("no folder")


def lose_everything(data_dir: Path) -> None:
    lose(data_dir)
    lose_the_backups(data_dir)


@pytest.mark.parametrize(
    "harm",
    [nothing, lose, overwrite, lose_a_table, lose_the_settings, lose_the_backups, lose_everything],
)
def test_a_stranger_learns_nothing_of_the_server(
    new_data: Path,
    data_dir: Path,
    make_app: Callable[..., Flask],
    harm: Callable[[Path], None],
) -> None:
    shutil.copytree(new_data, data_dir)
    app = make_app(scheduler="off", metrics_token=TOKEN)
    with app.app_context():
        current_backups().create(by="ada")
    harm(data_dir)
    paths = [
        address(rule, {name: UNKNOWN[name] for name in parts_of(rule)})
        for rule in rules(app)
        if "GET" in (rule.methods or ())
    ]
    paths += ["/login?next=//[", "/?q=%ff", "/find?q=%ff", "/setup?token=%ff", "/nowhere"]
    paths += [f"/b/{text}" for text in MALFORMED]
    for headers in HEADERS:
        for path in paths if not headers or harm is nothing else ("/", "/healthz", "/metrics"):
            answer = app.test_client().get(path, headers=headers)
            assert answer.status_code != 500, f"{path} with {headers}"
            _assert_silent(f"{answer.headers}{answer.text}", data_dir, f"{path} with {headers}")


def test_a_fault_of_ours_is_a_number_to_a_stranger(
    app: Flask, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"{data_dir} {APP_VERSION} sesame")

    monkeypatch.setattr(auth, "render_template", fail)
    answer = app.test_client().get("/login")
    assert answer.status_code == 500
    assert "sesame" not in answer.text
    _assert_silent(f"{answer.headers}{answer.text}", data_dir, "/login")


def _assert_silent(text: str, data_dir: Path, case: str) -> None:
    told = {
        "the data directory": str(data_dir),
        "the code": str(ROOT),
        "our version": f"{APP_VERSION}",
        "SQLite's": sqlite3.sqlite_version,
        "Python's": platform.python_version(),
        "Flask's": f"Flask/{version('flask')}",
        "Werkzeug's": version("werkzeug"),
        "a traceback": "Traceback",
    }
    assert [name for name, secret in told.items() if secret in text] == [], case
