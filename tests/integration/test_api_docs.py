"""What docs/api.md says to type works as it stands, against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from launcher.config import ROOT
from tests.support.server import Server, free_port, run_flask, serving

DOCS = ROOT / "docs"
TEXT = (DOCS / "api.md").read_text()
SCRIPT = DOCS / "examples" / "upgrade-launcher.sh"
_SECRET = "correct horse battery 9"
_PATIENCE_S = 240  # a limit, for a busy machine

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


def section(title: str) -> str:
    """Return the part of the page below a heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def blocks(title: str, language: str) -> str:
    """Return the examples of a section in one language, one after the other."""
    found = re.findall(rf"^```{language}\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    assert found, title
    return "\n".join(found)


@pytest.fixture
def home(data_dir: Path) -> Path:
    """A data directory with an admin."""
    run_flask(data_dir, "database", "upgrade")
    run_flask(data_dir, "user", "create", "ada", "--role", "admin", "--password-stdin",
              said=f"{_SECRET}\n")  # fmt: skip
    return data_dir


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    with serving(home) as running:
        yield running


def shell(
    data_dir: Path, folder: Path, program: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of the shell as an admin does, in `folder`."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"PATH": path, "LAUNCHER_DATA_DIR": str(data_dir), "FLASK_APP": str(ROOT / "wsgi.py")}
    return subprocess.run(
        ["sh", "-eu", "-c", program],
        cwd=folder, env=os.environ | own | more, capture_output=True, text=True, check=False,
        timeout=_PATIENCE_S,
    )  # fmt: skip


def token(data_dir: Path, *scopes: str) -> str:
    words = [word for scope in scopes for word in ("--scope", scope)]
    return run_flask(data_dir, "token", "create", "script", "--user", "ada", *words).strip()


WALK = ("From a token to a restore", "Pages of a list", "Upload a backup")


def shell_blocks(title: str) -> str:
    return blocks(title, "sh")


@needs_curl
@needs_jq
def test_the_walk_from_a_token_to_a_restore_works_as_it_stands(
    server: Server, tmp_path: Path
) -> None:
    walk = "\n".join(map(shell_blocks, WALK))
    done = shell(server.data_dir, tmp_path, walk, LAUNCHER_URL=server.url)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "launcher.db").read_bytes().startswith(b"SQLite format 3")
    operation = json.loads((tmp_path / "operation.json").read_text())
    assert (operation["verb"], operation["state"]) == ("restore", "succeeded")


@needs_curl
@needs_jq
def test_the_dry_run_of_the_schedule_and_the_step_of_a_workflow_work(
    server: Server, tmp_path: Path
) -> None:
    secret = token(server.data_dir, "schedule", "status", "backups:create")
    (step,) = yaml.safe_load(blocks("GitHub Actions", "yaml"))
    opening = f'API={server.url}/api/v1; TOKEN={secret}; AUTH="Authorization: Bearer $TOKEN"\n'
    program = opening + blocks("The schedule", "sh") + step["run"]
    done = shell(server.data_dir, tmp_path, program, GITHUB_RUN_ID="1", GITHUB_RUN_ATTEMPT="1")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Before the deployment" in server.command("backup", "list", "--json")


# The upgrade

SCOPES = ("backups:create", "backups:restore")


@contextmanager
def commands(data_dir: Path, folder: Path, *, breaks: str = "") -> Iterator[Mapping[str, str]]:
    """Yield the settings of an upgrade, in which the new version does what `breaks` says, if any.

    The server that runs is that of `folder/pid`; what is left at the end is stopped.
    """
    with serving_by_command(data_dir, folder) as (url, start, stop):
        yield {
            "LAUNCHER_URL": url,
            "LAUNCHER_TOKEN": token(data_dir, *SCOPES),
            "UPGRADE": f"{stop}; {breaks or start}",
            "ROLLBACK": start,
            "PATIENCE_S": "3" if breaks else "60",
            "TMPDIR": str(folder),
        }


@contextmanager
def serving_by_command(data_dir: Path, folder: Path) -> Iterator[tuple[str, str, str]]:
    port, pid = free_port(), folder / "pid"
    bind = f"LAUNCHER_BIND=127.0.0.1:{port} LAUNCHER_WORKERS=1"
    gunicorn = f"{sys.executable} -m gunicorn --preload --daemon --pid {pid} wsgi:app"
    answers = f"until curl -s http://127.0.0.1:{port}/healthz >/dev/null; do sleep 0.1; done"
    start = f"(cd {ROOT} && {bind} {gunicorn}) && {answers}"
    wait = f"while test -e {pid} && test $((n += 1)) -lt 600; do sleep 0.05; done"
    stop = f"n=0; kill $(cat {pid}); {wait}"
    try:
        begun = shell(data_dir, folder, start)
        assert begun.returncode == 0, begun.stderr
        yield f"http://127.0.0.1:{port}", start, stop
    finally:
        shell(data_dir, folder, f"test ! -e {pid} || {{ {stop}; }}")


MADE = "flask board create 'Made by the upgrade' >/dev/null"
MIGRATED = (
    f"{sys.executable} -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
    'db.execute("UPDATE alembic_version SET version_num = 9999"); db.commit()\' '
    '"$LAUNCHER_DATA_DIR/launcher.db"'
)
"""A database that only a later version can open."""


@needs_curl
def test_a_good_upgrade_leaves_a_backup_and_nothing_else(home: Path, tmp_path: Path) -> None:
    with commands(home, tmp_path) as settings:
        done = shell(home, tmp_path, str(SCRIPT), **settings)
    assert done.returncode == 0, done.stderr
    assert "Launcher was upgraded." in done.stderr
    assert "Before the upgrade" in run_flask(home, "backup", "list", "--json")
    assert not (tmp_path / "upgrade-launcher.lock").exists()


@needs_curl
def test_after_an_upgrade_that_fails_the_data_from_before_is_there(
    home: Path, tmp_path: Path
) -> None:
    with commands(home, tmp_path, breaks=MADE) as settings:
        done = shell(home, tmp_path, str(SCRIPT), **settings)
    assert done.returncode == 2, done.stderr
    assert "Made by the upgrade" not in run_flask(home, "board", "list", "--json")


@needs_curl
def test_a_database_that_the_version_from_before_cannot_open_is_restored_in_its_container(
    home: Path, tmp_path: Path
) -> None:
    with commands(home, tmp_path, breaks=f"{MADE}; {MIGRATED}; false") as settings:
        own = {**settings, "RESTORE": 'flask backup restore --yes "$BACKUP"', "PATIENCE_S": "60"}
        done = shell(home, tmp_path, str(SCRIPT), **own)
    assert done.returncode == 2, done.stderr
    assert "Made by the upgrade" not in run_flask(home, "board", "list", "--json")


@needs_curl
def test_where_nothing_helps_the_script_says_what_to_type(home: Path, tmp_path: Path) -> None:
    with commands(home, tmp_path, breaks=f"{MIGRATED}; false") as settings:
        done = shell(home, tmp_path, str(SCRIPT), **settings)
        command = re.search(r"flask backup restore \S+$", done.stderr, re.MULTILINE)
        assert (done.returncode, bool(command)) == (3, True), done.stderr
        assert command
        by_hand = shell(home, tmp_path, f"{command[0]} --yes")
    assert by_hand.returncode == 0, by_hand.stderr


@needs_curl
def test_a_token_that_may_not_all_of_it_begins_nothing(server: Server, tmp_path: Path) -> None:
    mark = tmp_path / "upgraded"
    settings = {
        "LAUNCHER_URL": server.url,
        "UPGRADE": f"touch {mark}",
        "ROLLBACK": "true",
        "TMPDIR": str(tmp_path),
    }
    for secret, said in {
        "lch_wrong": "The token is not valid. Create a new one: Administration, API tokens.",
        token(server.data_dir, "status"): "Missing: backups:create backups:restore.",
        token(server.data_dir, "backups:create"): "Missing: backups:restore.",
    }.items():
        done = shell(server.data_dir, tmp_path, str(SCRIPT), LAUNCHER_TOKEN=secret, **settings)
        assert done.returncode == 1
        assert done.stderr.endswith(f"{said} Nothing was changed.\n")
    assert not mark.exists()
    assert "Before the upgrade" not in server.command("backup", "list", "--json")


@needs_curl
def test_ctrl_c_in_the_middle_says_how_to_return(server: Server, tmp_path: Path) -> None:
    mark = tmp_path / "upgrading"
    settings = {
        "LAUNCHER_URL": server.url,
        "LAUNCHER_TOKEN": token(server.data_dir, *SCOPES),
        "UPGRADE": f"touch {mark}; sleep 240",
        "ROLLBACK": "start the old one",
        "TMPDIR": str(tmp_path),
    }
    with subprocess.Popen(
        ["sh", str(SCRIPT)], env=os.environ | settings, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as running:  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_S
        while not mark.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=_PATIENCE_S)
    assert running.returncode == 3
    assert "1. Start the version from before: start the old one\n" in said
    assert not (tmp_path / "upgrade-launcher.lock").exists()


def test_what_is_missing_is_named_before_anything_begins(home: Path, tmp_path: Path) -> None:
    nowhere = {
        "LAUNCHER_URL": f"http://127.0.0.1:{free_port()}",
        "LAUNCHER_TOKEN": "lch_any",
        "UPGRADE": "true",
        "ROLLBACK": "true",
        "TMPDIR": str(tmp_path),
    }
    lock = tmp_path / "upgrade-launcher.lock"
    empty = tmp_path / "empty"
    empty.mkdir()

    def said(**more: str) -> str:
        done = shell(home, tmp_path, str(SCRIPT), **{**nowhere, **more})
        assert done.returncode == 1
        assert done.stderr.endswith(" Nothing was changed.\n")
        return done.stderr

    assert "Set ROLLBACK;" in said(ROLLBACK="")
    assert "does not answer" in said()
    assert not lock.exists()
    lock.mkdir()
    assert f"remove the directory {lock}." in said()
    lock.rmdir()
    with_no_program = f"PATH={empty}; . {SCRIPT}"
    done = shell(home, tmp_path, with_no_program, **nowhere)
    assert (done.returncode, "curl is missing" in done.stderr) == (1, True)


# What others send


class _Loader(yaml.SafeLoader):
    """Reads `!secret` as Home Assistant does."""


_Loader.add_constructor("!secret", lambda _loader, node: f"secret {node.value}")


def test_what_home_assistant_is_told_is_what_the_api_has() -> None:
    from launcher.api.backup_files import NewBackup  # noqa: PLC0415
    from launcher.api.status import Status  # noqa: PLC0415

    config: Any = yaml.load(blocks("Home Assistant", "yaml"), Loader=_Loader)
    (resource,) = config["rest"]
    command = config["rest_command"]["launcher_backup"]
    assert resource["resource"].endswith("/api/v1/status")
    assert command["url"].endswith("/api/v1/backups")
    sensor = resource["sensor"][0]
    assert {"severity", *sensor["json_attributes"]} <= set(Status.__struct_fields__)
    assert set(yaml.safe_load(command["payload"])) <= set(NewBackup.__struct_fields__)


def test_the_script_is_one_of_posix() -> None:
    done = subprocess.run(
        ["sh", "-n", str(SCRIPT)], capture_output=True, text=True, check=False, timeout=10
    )
    assert done.returncode == 0, done.stderr
    assert textwrap.dedent(SCRIPT.read_text()).startswith("#!/bin/sh\n")
