"""`flask database upgrade`: what is done at every start, before the first worker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.current import current_backups
from tests.conftest import MakeApp

UPGRADE = ["database", "upgrade"]


def test_the_first_start_makes_a_database_and_prints_the_setup_link(
    make_app: MakeApp, data_dir: Path
) -> None:
    done = make_app(bind="0.0.0.0:8123").test_cli_runner().invoke(args=UPGRADE)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Database created." in done.stderr
    assert "Launcher is at http://0.0.0.0:8123/" in done.stderr
    link = re.search(r"http://0\.0\.0\.0:8123/setup\?token=(\S+)", done.stderr)
    assert link
    assert link[1] == (data_dir / "setup_token").read_text().strip()
    assert (data_dir / "launcher.db").exists()


def test_the_link_stays_the_same_until_it_is_used(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=UPGRADE).stderr == runner.invoke(args=UPGRADE).stderr


def test_there_is_no_link_once_there_is_an_admin(
    cast: object, runner: FlaskCliRunner, data_dir: Path
) -> None:
    (data_dir / "setup_token").write_text("left behind\n")
    done = runner.invoke(args=UPGRADE)
    assert done.stderr == "Launcher is at http://127.0.0.1:8000/\n"
    assert not (data_dir / "setup_token").exists()


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 1000])
def test_damage_is_named_with_the_way_back_and_the_server_may_start(
    app: Flask, runner: FlaskCliRunner, data_dir: Path, content: bytes | None
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    for path in data_dir.glob("launcher.db*"):
        path.unlink()
    if content is not None:
        (data_dir / "launcher.db").write_bytes(content)
    for more, code in ([], 18), (["--before-serving"], 0):
        done = runner.invoke(args=[*UPGRADE, *more])
        assert (done.exit_code, done.stdout) == (code, "")
        assert done.stderr.startswith("Error: launcher.db")
        assert "`flask backup restore latest`" in done.stderr
        assert "setup" not in done.stderr
    after = (data_dir / "launcher.db").read_bytes() if content is not None else None
    assert after == content
