"""No hint names a command that fails in the state of the data in which it is given."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from launcher.backup.reasons import Reason
from launcher.cli.hints import SITUATED_HINTS, Situation
from tests.support.schema import run
from tests.support.service import make_copy

pytestmark = pytest.mark.usefixtures("cast")


def leave(live: Path) -> None:
    """Change nothing."""


def lose(live: Path) -> None:
    for path in live.parent.glob("launcher.db*"):
        path.unlink()


def damage(live: Path) -> None:
    lose(live)
    live.write_bytes(b"this is no database at all. " * 1000)


def alter(live: Path) -> None:
    run(live, "ALTER TABLE tags ADD COLUMN mine TEXT")


def make_newer(live: Path) -> None:
    run(live, "UPDATE alembic_version SET version_num = '9999'")


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def spoil(folder: Path) -> None:
    for path in folder.glob("*.zst"):
        path.chmod(0o600)
        path.write_bytes(bytes(path.stat().st_size))


def forget(folder: Path) -> None:
    for path in folder.glob("*.json"):
        path.unlink()


def keep(folder: Path) -> None:
    """Change nothing."""


@pytest.mark.parametrize("folder", [keep, empty, spoil, forget])
@pytest.mark.parametrize("state", [leave, lose, damage, alter, make_newer])
def test_what_a_hint_names_works(
    runner: FlaskCliRunner,
    data_dir: Path,
    tmp_path: Path,
    state: Callable[[Path], None],
    folder: Callable[[Path], None],
) -> None:
    live, backups = data_dir / "launcher.db", data_dir / "backups"
    copy = make_copy(live, tmp_path / "copy.db")
    runner.invoke(args=["backup", "create"])
    state(live)
    folder(backups)
    kept = {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}

    def reset() -> None:
        lose(live)
        empty(backups)
        for path, data in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def invoke(*arguments: str) -> Result:
        return runner.invoke(args=["backup", *arguments])

    named, told = 0, set[str]()
    asked = [("restore", "latest", "--yes"), ("list",), ("status",), ("create",)]
    for question in [("verify", "--all"), *asked]:
        if folder is spoil:
            invoke("verify", "--all")
        said = invoke(*question).output
        for command in re.findall(r"`flask backup ((?:create|restore|verify)[^`]*)`", said):
            named += 1
            told.add(command)
            words = command.replace("PATH", str(copy)).split()
            answer = invoke(*words, *(["--yes"] if words[0] == "restore" else []))
            assert answer.exit_code == 0, (question, said, answer.output)
            if words[0] != "verify":  # that comes before a restore
                reset()
        reset()
    if folder is forget and state in {lose, damage, alter}:
        assert {"verify --all", "restore latest"} <= told
        assert "restore PATH" not in told
    assert named or (folder is keep and state in {leave, make_newer})


def test_a_full_disk_comes_first() -> None:
    now = Situation(is_full=True)
    for key in ("verification_failed", "source_database", Reason.NO_GOOD_BACKUP, Reason.LIVE_LOST):
        hint = SITUATED_HINTS[key]
        assert re.search(r"Free some space .* first\. `flask backup restore", hint(now))
        assert "create" not in hint(now)


def test_no_admin_is_carried_out_of_data_that_cannot_be_read(
    runner: FlaskCliRunner, data_dir: Path
) -> None:
    live = data_dir / "launcher.db"
    run(live, "UPDATE users SET role = 'viewer'")
    runner.invoke(args=["backup", "create"])
    restore = ["backup", "restore", "latest", "--yes"]
    assert "--carry-account" in runner.invoke(args=restore).stderr
    lose(live)
    refused = runner.invoke(args=restore)
    assert refused.exit_code == 15
    assert "--carry-account" not in refused.stderr


def test_a_damaged_backup_names_the_next_good_one(runner: FlaskCliRunner, data_dir: Path) -> None:
    older = runner.invoke(args=["backup", "create"]).stdout.strip()
    newer = runner.invoke(args=["backup", "create"]).stdout.strip()
    (path,) = (data_dir / "backups").glob(f"*{newer}*.zst")
    path.chmod(0o600)
    path.write_bytes(bytes(path.stat().st_size))
    lose(data_dir / "launcher.db")

    refused = runner.invoke(args=["backup", "restore", "latest", "--yes"])
    assert refused.exit_code == 90
    assert f"`flask backup restore latest` takes backup {older} (manual)." in refused.stderr
    assert runner.invoke(args=["backup", "restore", "latest", "--yes"]).stdout.strip() == older


def test_a_file_that_was_refused_is_not_to_be_verified_again(
    runner: FlaskCliRunner, data_dir: Path
) -> None:
    (data_dir / "backups").mkdir(exist_ok=True)
    (data_dir / "backups" / "junk.db").write_bytes(b"this is no database at all. " * 1000)
    lose(data_dir / "launcher.db")
    restore = ["backup", "restore", "latest", "--yes"]
    assert "`flask backup verify --all`" in runner.invoke(args=restore).stderr
    runner.invoke(args=["backup", "verify", "--all"])
    said = runner.invoke(args=restore).stderr
    assert "verify --all" not in said
    assert "`flask backup restore PATH` takes a backup file from elsewhere" in said
