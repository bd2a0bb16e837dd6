"""`make` tells what it can do, and leaves data alone that is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_bare_make_lists_every_target_for_people() -> None:
    done = make()
    listed = re.findall(r"^  make (\w+) +(\S.*)$", done.stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert {name for name, _ in listed} == set(phony[1].split()) - {"translations"}


def test_the_sample_content_never_touches_a_database_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "launcher.db").write_bytes(b"mine")
    steps = make("--dry-run", "demo", f"DATA={tmp_path}").stdout
    recipe = steps[steps.index("if [ -e") : steps.index("said=")].replace("\\\n", "")
    done = subprocess.run(
        ["sh", "-c", recipe], capture_output=True, text=True, check=False,
        env={"LAUNCHER_DATA_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert f"There is a database in {tmp_path} already" in done.stderr
    assert "make demo DATA=/some/new/path" in done.stderr


def test_the_check_before_a_change_goes_in_is_make_test() -> None:
    assert "exec make test\n" in (ROOT / ".ci" / "run").read_text()
    assert "python -m pytest" in make("--dry-run", "test").stdout
