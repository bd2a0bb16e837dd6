"""What docs/api.md says to type works as it stands, against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
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


@needs_curl
@needs_jq
def test_the_walk_from_a_token_to_a_restore_works_as_it_stands(
    server: Server, tmp_path: Path
) -> None:
    done = shell(
        server.data_dir, tmp_path, blocks("From a token to a restore", "sh"),
        LAUNCHER_URL=server.url,
    )  # fmt: skip
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


@contextmanager
def commands(data_dir: Path, folder: Path, *, fails: bool) -> Iterator[Mapping[str, str]]:
    """Yield the commands of an upgrade, which breaks the site if it `fails`.

    The server that runs is that of `folder/pid`; what is left at the end is stopped.
    """
    with serving_by_command(data_dir, folder) as (url, start, stop):
        broken = f"{stop}; flask board create 'Made by the upgrade' >/dev/null"
        yield {
            "LAUNCHER_URL": url,
            "UPGRADE": broken if fails else f"{stop}; {start}",
            "ROLLBACK": start,
            "PATIENCE_S": "3" if fails else "60",
        }


@contextmanager
def serving_by_command(data_dir: Path, folder: Path) -> Iterator[tuple[str, str, str]]:
    port, pid = free_port(), folder / "pid"
    bind = f"LAUNCHER_BIND=127.0.0.1:{port} LAUNCHER_WORKERS=1"
    gunicorn = f"{sys.executable} -m gunicorn --preload --daemon --pid {pid} wsgi:app"
    start = f"(cd {ROOT} && {bind} {gunicorn})"
    stop = f"kill $(cat {pid}); while test -e {pid}; do sleep 0.05; done"
    try:
        begun = shell(data_dir, folder, start)
        assert begun.returncode == 0, begun.stderr
        ready = f"until curl -sf http://127.0.0.1:{port}/healthz >/dev/null; do sleep 0.1; done"
        assert shell(data_dir, folder, ready).returncode == 0
        yield f"http://127.0.0.1:{port}", start, stop
    finally:
        shell(data_dir, folder, f"test ! -e {pid} || {{ {stop}; }}")


def upgrade(
    data_dir: Path, folder: Path, settings: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    secret = token(data_dir, "backups:create", "backups:restore", "status")
    return shell(data_dir, folder, str(SCRIPT), LAUNCHER_TOKEN=secret, **settings)


@needs_curl
def test_a_good_upgrade_leaves_a_backup_and_nothing_else(home: Path, tmp_path: Path) -> None:
    with commands(home, tmp_path, fails=False) as settings:
        done = upgrade(home, tmp_path, settings)
    assert done.returncode == 0, done.stderr
    assert "Launcher was upgraded." in done.stderr
    assert "Before the upgrade" in run_flask(home, "backup", "list", "--json")


@needs_curl
def test_after_an_upgrade_that_fails_the_data_from_before_is_there(
    home: Path, tmp_path: Path
) -> None:
    with commands(home, tmp_path, fails=True) as settings:
        done = upgrade(home, tmp_path, settings)
    assert done.returncode == 2, done.stderr
    assert "Made by the upgrade" not in run_flask(home, "board", "list", "--json")


@needs_curl
def test_without_a_backup_nothing_is_upgraded(home: Path, tmp_path: Path) -> None:
    mark = tmp_path / "upgraded"
    with commands(home, tmp_path, fails=False) as settings:
        own = {**settings, "UPGRADE": f"touch {mark}", "LAUNCHER_TOKEN": "lch_wrong"}
        done = shell(home, tmp_path, str(SCRIPT), **own)
    assert done.returncode == 1
    assert "token_invalid" in done.stderr
    assert not mark.exists()


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
