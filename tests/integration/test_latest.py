"""Which backup `latest` is: on the command line, in `status`, on the page that is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

from click.testing import Result
from flask import Flask

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.records.backup import Backup, Kind
from launcher.monitoring.snapshot import take_snapshot
from tests.support.service import House, make_copy

Flask_ = Callable[..., Result]


def lose(data_dir: Path) -> None:
    for each in data_dir.glob("launcher.db*"):
        each.unlink()
    (data_dir / "launcher.db").touch()


def test_a_newer_file_from_elsewhere_is_not_my_latest_backup(
    flask: Flask_, data_dir: Path, tmp_path: Path, app: Flask
) -> None:
    mine = flask("create", "--note", "mine").stdout.strip()
    other = make_copy(data_dir / "launcher.db", tmp_path / "other.db")
    theirs = flask("import", str(other)).stdout.strip()
    found = make_copy(data_dir / "launcher.db", data_dir / "backups" / "found.db")
    flask("verify", "--all")
    assert f"{mine}\n" in flask("status").stdout
    lose(data_dir)

    with app.test_client() as client:
        page = client.get("/").text
        assert mine in page
        assert "Manual" in page
    assert flask("restore", "latest", "--yes").stdout.strip() == mine

    flask("delete", mine, "--yes")
    shown = flask("status", expect=12).stdout
    assert re.search(
        r"^Last good backup: .*, (external: found|upload: other)\.db$", shown, re.MULTILINE
    )
    found.unlink()
    restored = flask("restore", "latest", "--yes")
    assert restored.stdout.strip() == theirs
    assert "“other.db” was uploaded" in restored.stderr
    assert "“other.db” was uploaded" in flask("restore", "latest", "--dry-run").stderr


def test_the_page_that_is_left_names_what_was_uploaded(
    flask: Flask_, data_dir: Path, tmp_path: Path, app: Flask
) -> None:
    other = make_copy(data_dir / "launcher.db", tmp_path / "other.db")
    theirs = flask("import", str(other)).stdout.strip()
    lose(data_dir)
    page = app.test_client().get("/").text
    assert theirs in page
    assert "“other.db” was uploaded" in page


def test_status_names_what_a_restore_of_latest_would_take(home: House) -> None:
    made = {kind: home.create(kind=kind) for kind in Kind}
    order = (Kind.UPGRADE, Kind.SCHEDULED, Kind.MANUAL, Kind.EXTERNAL, Kind.UPLOAD, Kind.SAFETY)

    for some in (set(some) for count in range(7) for some in combinations(Kind, count)):
        home.store.list = lambda some=some: [  # type: ignore[method-assign]
            backup for kind, backup in reversed(made.items()) if kind in some
        ]
        seen = take_snapshot(home.service, settings=None, now=home.clock())
        expected = next((made[kind] for kind in order if kind in some), None)
        assert seen.latest == expected
        is_ours = expected is not None and expected.kind not in {Kind.UPLOAD, Kind.EXTERNAL}
        assert seen.last_good == (expected if is_ours else None)
        assert _latest(home) == expected


def _latest(home: House) -> Backup | None:
    try:
        return home.service.get("latest")
    except BackupNotFoundError:
        return None
