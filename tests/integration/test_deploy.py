"""What `deploy/` holds is what systemd and Docker take, and Launcher works as it confines it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from flask import Flask

from launcher.config import ROOT
from tests.conftest import ADA
from tests.support.confined import NOBODY, can_confine, confined
from tests.support.receivers import MailServer, Receiver
from tests.support.server import Server, run_flask, serving
from tests.support.visitor import Visitor
from tests.support.words import compile_words

UNITS = sorted(
    path for path in (ROOT / "deploy").iterdir() if path.suffix in {".service", ".timer"}
)
SERVICES = [path for path in UNITS if path.suffix == ".service"]
MOST_EXPOSED = 1.6  # of 10, as `systemd-analyze security` rates it; the network is most of it


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_finds_nothing_in_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        # The programs lie in /opt/launcher on the server, and not here.
        text = re.sub(
            r"(?m)^(ExecStart=)/opt/launcher/\S+", rf"\1{shutil.which('true')}", unit.read_text()
        )
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "launcher" in line]
    assert (done.returncode, said) == (0, [])


def test_the_timer_asks_by_the_command_that_there_is(app: object) -> None:
    command = re.search(
        r"^ExecStart=(.*)$", (ROOT / "deploy/launcher-backup.service").read_text(), re.MULTILINE
    )
    assert command
    assert command[1].endswith("/.venv/bin/flask backup run-scheduled")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_systemd_rates_the_services_as_hardly_exposed(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rated = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert rated, done.stdout
    assert float(rated[1]) <= MOST_EXPOSED


def test_both_services_are_confined_in_the_same_way() -> None:
    server, timer = (
        unit.read_text().partition("\n# The service may write")[2].partition("\n[Install]")[0]
        for unit in reversed(SERVICES)
    )
    assert "NoNewPrivileges=true" in server
    assert server.strip() == timer.strip()


def test_the_container_may_write_its_volumes_and_nothing_else() -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    launcher = compose["services"]["launcher"]
    assert launcher["read_only"] is True
    assert launcher["cap_drop"] == ["ALL"]
    assert launcher["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= launcher.keys()
    assert "privileged" not in launcher
    assert not {"cap_add", "tmpfs"} & launcher.keys()


def test_the_image_has_no_root_and_no_installer() -> None:
    *_, last = (ROOT / "deploy/Dockerfile").read_text().split("\nFROM ")
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "pip uninstall" in last
    assert "install " not in last.replace("install -d", "").replace("pip uninstall", "")


# A server, since it is about what the system lets its processes do.
@pytest.mark.slow
@pytest.mark.skipif(not can_confine(), reason="root and systemd's lists of system calls are needed")
def test_everything_works_as_the_unit_confines_it(
    app: Flask, cast: object, data_dir: Path, receiver: Receiver, mailbox: MailServer
) -> None:
    compile_words()
    for path in (data_dir, *data_dir.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    inside = confined(ROOT / "deploy/launcher.service", data_dir)

    def run(*words: str, said: str = "") -> str:
        return run_flask(data_dir, *words, said=said, inside=inside)

    with serving(data_dir, preload=False, inside=inside) as server:
        ada = Visitor(server.url)
        assert ada.sign_in(ADA.username, ADA.password) == 303
        assert ada.post("/admin/backups", csrf_token=_token(ada))[0] == 303
        _await(lambda: run("backup", "list").count("verified") == 1, server)
        (stored,) = (data_dir / "backups").glob("*.zst")
        assert _upload(ada, stored.read_bytes()) == 303
        _await(lambda: run("backup", "list").count("upload") == 1, server)
        made = run("backup", "list").splitlines()[1].split()[0]
        plan = f"/admin/backups/{made}/restore"
        version = re.search(r'name="version" value="([^"]+)"', ada.get(plan)[1])
        assert version
        fields = {"version": version[1], "word": "restore", "csrf_token": _token(ada)}
        assert ada.post(plan, **fields)[0] == 303
        _await(lambda: run("backup", "list").count("safety") == 1, server)
        run("backup", "undo", "--yes")
        run("backup", "verify", "latest")
        run("backup", "test-restore", "latest")
        for name, url in (
            ("phone", f"json://{receiver.place}/hook"),
            ("mail", f"mailto://127.0.0.1:{mailbox.port}?from=here@home.arpa&to=ada@home.arpa"),
        ):
            run("notifications", "add", name, "--url-stdin", said=f"{url}\n")
            run("notifications", "test", name)
        assert receiver.bodies
        assert mailbox.text(0)
    log = server.log_path.read_text()
    assert "Traceback" not in log
    assert "rror" not in log
    assert {path.stat().st_uid for path in data_dir.rglob("*")} == {NOBODY}


def _token(visitor: Visitor, page: str = "/account") -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get(page)[1])
    assert found
    return found[1]


def _upload(visitor: Visitor, content: bytes) -> int:
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n',
        _token(visitor).encode(),
        b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.db.zst"\r\n\r\n',
        content,
        b"\r\n--x--\r\n",
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(
        f"{visitor.address}/admin/backups/upload", data=b"".join(parts), headers=headers
    )
    return visitor._send(request)[0]


def _await(is_done: Callable[[], bool], server: Server) -> None:
    deadline = time.monotonic() + 120
    while not is_done():
        assert time.monotonic() < deadline, server.log_path.read_text()
        time.sleep(0.2)
