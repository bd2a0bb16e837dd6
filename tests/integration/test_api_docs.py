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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from launcher.config import ROOT
from launcher.db.content import APP_VERSION
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


WALK = (
    "From a token to a restore",
    "Pages of a list",
    "Download a large backup",
    "Upload a backup",
)


def shell_blocks(title: str) -> str:
    return blocks(title, "sh")


def walk_until(line: str, then: str) -> str:
    """Return the walk with something that happens before the block that begins with `line`."""
    walk = shell_blocks(WALK[0])
    assert walk.count(f"\n{line}") == 1
    return walk.replace(f"\n{line}", f"\n{then}\n{line}")


def functions() -> str:
    """Return what the walk defines, for the sections that need it."""
    found = re.search(r"^call\(\) \{.*?^\)$", shell_blocks(WALK[0]), re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def opening(server: Server, secret: str) -> str:
    return (
        f"LAUNCHER_URL={server.url}; API={server.url}/api/v1; TOKEN={secret}\n"
        f'AUTH="Authorization: Bearer $TOKEN"\n{functions()}\n'
    )


@needs_curl
@needs_jq
def test_the_walk_from_a_token_to_a_restore_works_as_it_stands(
    server: Server, tmp_path: Path
) -> None:
    walk = "\n".join(map(shell_blocks, WALK))
    done = shell(server.data_dir, tmp_path, walk, LAUNCHER_URL=server.url)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "launcher.db").read_bytes().startswith(b"SQLite format 3")
    for name, verb in (("restored", "restore"), ("undone", "restore"), ("uploaded", "upload")):
        operation = json.loads((tmp_path / f"{name}.json").read_text())
        assert (operation["verb"], operation["state"]) == (verb, "succeeded")


def made(username: str) -> str:
    """Return a command that changes the data: it creates a user."""
    return f"echo '{_SECRET}' | flask user create {username} --role viewer --password-stdin >&2"


@needs_curl
@needs_jq
@pytest.mark.parametrize("mode", ["-e", "+e"], ids=["in a script", "pasted"])
def test_a_restore_that_is_refused_ends_the_walk_and_says_why(
    server: Server, tmp_path: Path, mode: str
) -> None:
    changed = f"set {mode}; {made('since-the-plan')}; echo HERE"
    walk = walk_until("call restore.json", changed)
    done = shell(server.data_dir, tmp_path, walk, LAUNCHER_URL=server.url)
    assert done.returncode != 0
    assert "412" in done.stderr
    assert "changed since the plan" in done.stderr
    assert "Get the plan again" in done.stderr
    said = done.stdout.partition("HERE")[2]
    assert "true" not in said
    assert "succeeded" not in said
    restored = tmp_path / "restored.json"
    assert not restored.exists() or not restored.read_text()
    assert "since-the-plan" in server.command("user", "list")


DAMAGE = (
    'for file in "$LAUNCHER_DATA_DIR"/backups/*.zst; do chmod u+w "$file"; '
    'printf damaged | dd of="$file" bs=1 seek=2000 conv=notrunc 2>/dev/null; done'
)


@needs_curl
@needs_jq
def test_a_damaged_backup_ends_the_walk_where_it_is_verified(
    server: Server, tmp_path: Path
) -> None:
    walk = walk_until("call verify.json", DAMAGE)
    done = shell(server.data_dir, tmp_path, walk, LAUNCHER_URL=server.url)
    assert done.returncode != 0
    assert json.loads((tmp_path / "backup.json").read_text())["verification"]["state"] == "damaged"
    assert not (tmp_path / "plan.json").exists()


@needs_curl
@needs_jq
def test_a_download_that_was_cut_off_goes_on_where_it_ended(server: Server, tmp_path: Path) -> None:
    server.command("backup", "create")
    secret = token(server.data_dir, "backups:download")
    begin = opening(server, secret) + "BACKUP=latest\n"
    program = begin + shell_blocks("Download a large backup")
    assert shell(server.data_dir, tmp_path, program).returncode == 0
    file = tmp_path / "launcher.stored"
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    done = shell(server.data_dir, tmp_path, program)
    assert (done.returncode, file.read_bytes()) == (0, whole), done.stderr
    file.write_bytes(b"another file"[:12])
    done = shell(server.data_dir, tmp_path, program)
    assert done.returncode != 0, "the checksum is another"


@needs_curl
@needs_jq
def test_the_metrics_open_to_a_token_of_their_scope(server: Server, tmp_path: Path) -> None:
    program = opening(server, token(server.data_dir, "metrics")) + shell_blocks("Metrics")
    done = shell(server.data_dir, tmp_path, program)
    assert done.returncode == 0, done.stderr
    assert "launcher_" in (tmp_path / "metrics.txt").read_text()


@needs_curl
@needs_jq
def test_the_dry_run_of_the_schedule_works_and_names_the_scope_that_is_missing(
    server: Server, tmp_path: Path
) -> None:
    program = opening(server, token(server.data_dir, "schedule")) + shell_blocks("The schedule")
    done = shell(server.data_dir, tmp_path, program)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    program = opening(server, token(server.data_dir, "status")) + shell_blocks("The schedule")
    done = shell(server.data_dir, tmp_path, program)
    assert (done.returncode, done.stdout) != (0, "null\n")
    assert "schedule" in done.stderr


@needs_curl
@needs_jq
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_step_of_a_workflow_backs_up_and_logs_what_is_refused(
    server: Server, tmp_path: Path
) -> None:
    (step,) = yaml.safe_load(blocks("GitHub Actions", "yaml"))
    script = tmp_path / "step"
    script.write_text(step["run"])

    def run(secret: str) -> subprocess.CompletedProcess[str]:
        return shell(
            server.data_dir, tmp_path, f"bash --noprofile --norc -eo pipefail {script}",
            API=f"{server.url}/api/v1", TOKEN=secret, GITHUB_RUN_ID="1", GITHUB_RUN_ATTEMPT="1",
        )  # fmt: skip

    refused = run(token(server.data_dir, "status"))
    assert refused.returncode != 0
    assert "backups:create" in refused.stderr
    assert "Create a token" in refused.stderr
    done = run(token(server.data_dir, "backups:create"))
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
    pid, log = folder / "pid", folder / "server.log"
    is_served = False
    while not is_served:
        port = free_port()
        bind = f"LAUNCHER_BIND=127.0.0.1:{port} LAUNCHER_WORKERS=1"
        gunicorn = f"{sys.executable} -m gunicorn --preload --daemon --pid {pid} wsgi:app"
        start = f"(cd {ROOT} && {bind} {gunicorn} --error-logfile {log})"
        looked = f"until grep -qse 'Listening at' -e 'Connection in use' {log}; do sleep 0.1; done"
        begun = shell(data_dir, folder, f"{start} && {looked}")
        assert begun.returncode == 0, begun.stderr
        is_served = "Connection in use" not in log.read_text()
        if not is_served:  # another server was quicker, and would answer
            os.kill(int(pid.read_text()), signal.SIGKILL)
            log.unlink()
    url = f"http://127.0.0.1:{port}"
    answers = f"until curl -s {url}/healthz >/dev/null; do sleep 0.1; done"
    start = f"{start} && {answers}"
    wait = f"while test -e {pid} && test $((n += 1)) -lt 600; do sleep 0.05; done"
    stop = f"n=0; kill $(cat {pid}); {wait}"
    try:
        begun = shell(data_dir, folder, answers)
        assert begun.returncode == 0, begun.stderr
        yield url, start, stop
    finally:
        shell(data_dir, folder, f"test ! -e {pid} || {{ {stop}; }}")


MADE = made("made-by-the-upgrade")
MIGRATED = (
    f"{sys.executable} -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
    'db.execute("UPDATE alembic_version SET version_num = 9999"); db.commit()\' '
    '"$LAUNCHER_DATA_DIR/launcher.db"'
)
"""A database that only a later version can open."""


NEWER = """\
from launcher.api import openapi
openapi.APP_VERSION = "99.0.0"
from wsgi import app
"""


@needs_curl
def test_what_runs_on_is_not_restored_and_not_called_upgraded(
    server: Server, tmp_path: Path
) -> None:
    settings = {
        "LAUNCHER_URL": server.url,
        "LAUNCHER_TOKEN": token(server.data_dir, *SCOPES),
        "ROLLBACK": f"touch {tmp_path / 'rolled back'}",
        "TMPDIR": str(tmp_path),
    }
    failed = shell(server.data_dir, tmp_path, str(SCRIPT), UPGRADE="false", **settings)
    assert failed.returncode == 4, failed.stderr
    said = "The upgrade command failed. Launcher still runs. Nothing was restored.\n"
    assert failed.stderr.endswith(said)
    same = shell(server.data_dir, tmp_path, str(SCRIPT), UPGRADE="true", **settings)
    assert same.returncode == 0, same.stderr
    said = f"Launcher answers, with the same version as before: {APP_VERSION}.\n"
    assert same.stderr.endswith(said)
    assert not (tmp_path / "rolled back").exists()
    assert server.command("backup", "list", "--json").count('"safety"') == 0


@needs_curl
def test_a_good_upgrade_leaves_a_backup_and_nothing_else(home: Path, tmp_path: Path) -> None:
    (tmp_path / "newer.py").write_text(NEWER)
    with commands(home, tmp_path) as settings:
        upgrade = settings["UPGRADE"].replace("wsgi:app", "newer:app")
        own = {**settings, "UPGRADE": upgrade, "PYTHONPATH": str(tmp_path)}
        done = shell(home, tmp_path, str(SCRIPT), **own)
    assert done.returncode == 0, done.stderr
    assert f"Launcher was upgraded from {APP_VERSION} to 99.0.0." in done.stderr
    assert "Before the upgrade" in run_flask(home, "backup", "list", "--json")
    assert not (tmp_path / "upgrade-launcher.lock").exists()


@needs_curl
def test_after_an_upgrade_that_fails_the_data_from_before_is_there(
    home: Path, tmp_path: Path
) -> None:
    with commands(home, tmp_path, breaks=MADE) as settings:
        own = {**settings, "PATIENCE_S": "8"}
        done = shell(home, tmp_path, str(SCRIPT), **own)
    assert done.returncode == 2, done.stderr
    safety = re.search(r"replaced is in safety backup (\S+)\.$", done.stderr, re.MULTILINE)
    assert safety
    assert safety[1] in run_flask(home, "backup", "list", "--json")
    assert done.stderr.endswith("in the container: flask backup undo\n")
    assert "made-by-the-upgrade" not in run_flask(home, "user", "list")


@needs_curl
def test_a_database_that_the_version_from_before_cannot_open_is_restored_in_its_container(
    home: Path, tmp_path: Path
) -> None:
    with commands(home, tmp_path, breaks=f"{MADE}; {MIGRATED}; false") as settings:
        own = {**settings, "RESTORE": 'flask backup restore --yes "$BACKUP"', "PATIENCE_S": "60"}
        done = shell(home, tmp_path, str(SCRIPT), **own)
    assert done.returncode == 2, done.stderr
    assert "made-by-the-upgrade" not in run_flask(home, "user", "list")


@needs_curl
def test_where_nothing_helps_the_script_says_what_to_type(home: Path, tmp_path: Path) -> None:
    with commands(home, tmp_path, breaks=f"{MIGRATED}; false") as settings:
        done = shell(home, tmp_path, str(SCRIPT), **{**settings, "PATIENCE_S": "8"})
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
    assert "1. Start the old version: start the old one\n" in said
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

    assert "Set ROLLBACK." in said(ROLLBACK="")
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


def _template(text: str) -> jinja2.Template:
    """Return a template in which what is not there is an error, as it is one in their log."""
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text)


_GOOD = {"severity": "ok", "facts": {"last_success_at": "2026-11-22T17:00:00.250Z"}}
_ANSWERS: Sequence[tuple[Mapping[str, Any], bool]] = (
    ({"value_json": _GOOD}, True),
    ({"value_json": {"code": "token_invalid", "detail": "The token is not valid."}}, False),
    ({"value": "<html>502 Bad Gateway</html>"}, False),
)


def test_what_home_assistant_reads_is_what_the_api_has() -> None:
    from launcher.api.backup_files import NewBackup  # noqa: PLC0415
    from launcher.api.status import Status  # noqa: PLC0415

    config: Any = yaml.load(blocks("Home Assistant", "yaml"), Loader=_Loader)
    (resource,) = config["rest"]
    command = config["rest_command"]["launcher_backup"]
    assert resource["resource"].endswith("/api/v1/status")
    assert command["url"].endswith("/api/v1/backups")
    sensor = resource["sensor"][0]
    for each in resource["sensor"]:
        for answer, is_there in _ANSWERS:
            available = _template(each["availability"]).render(answer)
            assert (available == "True") is is_there, (each["name"], answer)
            shown = _template(each["value_template"]).render(answer)
            assert (shown != "None") is is_there, (each["name"], answer)
    assert {"severity", *sensor["json_attributes"]} <= set(Status.__struct_fields__)
    assert set(yaml.safe_load(command["payload"])) <= set(NewBackup.__struct_fields__)


def test_the_script_is_one_of_posix() -> None:
    done = subprocess.run(
        ["sh", "-n", str(SCRIPT)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert textwrap.dedent(SCRIPT.read_text()).startswith("#!/bin/sh\n")
