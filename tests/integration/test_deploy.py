"""What `deploy/` holds is what systemd takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from launcher.config import ROOT

UNITS = sorted(
    path for path in (ROOT / "deploy").iterdir() if path.suffix in {".service", ".timer"}
)


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
