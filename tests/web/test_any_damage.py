"""Damage of any kind to the live database: it is said, and a restore brings every row back.

`DAMAGE_SEED` repeats a run; a failure names the seed of its one damage.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from launcher.current import current_backups
from tests.conftest import MakeApp
from tests.support.live_damage import NAME, Scene, draw, make_scene
from tests.web.visitor import Visitor

SEED = os.environ.get("DAMAGE_SEED", "1")
FEW, MANY = 30, int(os.environ.get("DAMAGES", "1000"))
PAGES = ("/", "/login", "/account", "/b/home", "/admin/backups", "/admin/users", "/admin/audit")
DAMAGED = 18
_CHANGE = "UPDATE users SET display_name = 'Ada of late', last_seen_at = NULL WHERE id = 1"
_MANY_ROWS = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO audit_events
        (at, actor_name, action, target_kind, target_id, target_name, changes, address)
    SELECT '2026-11-22 12:00:00.000000', 'ada', 'user.update', 'user', i, 'user ' || i,
        '{"email": ["", "ada@home.arpa"]}', '10.0.0.' || i FROM n"""
_OF_A_RESTORE = ("session_epoch",)

Rows = dict[str, list[tuple[object, ...]]]


@dataclass
class Site:
    """A signed-in admin's site with a good backup, whose live database gets damaged."""

    template: Path
    folder: Path
    scene: Scene
    backup_id: str
    rows: Rows
    ada: Visitor
    make_app: MakeApp

    def fresh(self) -> Flask:
        """Return an application, as a new process has it, on a fresh copy of the data."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.template, self.folder)
        return self.make_app(scheduler="off")

    def visitor(self, app: Flask) -> Visitor:
        """Return ada's browser at an application."""
        visitor = Visitor(app)
        with self.ada.client.session_transaction() as known:
            kept = dict(known)
        with visitor.client.session_transaction() as session:
            session.update(kept)
        return visitor


@pytest.fixture
def site(
    app: Flask,
    ada: Visitor,
    pictures: object,
    data_dir: Path,
    make_app: MakeApp,
) -> Site:
    live = data_dir / NAME
    with closing(sqlite3.connect(live)) as connection, connection:
        connection.execute(_MANY_ROWS)
    scene = make_scene(live, change=_CHANGE)
    with app.app_context():
        backup_id = current_backups().create(by="ada").id
    rows = rows_of(live)
    template = data_dir.parent / "template"
    shutil.copytree(data_dir, template)
    return Site(template, data_dir, scene, backup_id, rows, ada, make_app)


def rows_of(path: Path) -> Rows:
    """Return every row of every table, without what each restore writes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        tables = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {name.decode(): _rows(connection, name.decode()) for (name,) in sorted(tables)}


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    found = connection.execute(f"SELECT * FROM {table}")
    columns = [column[0] for column in found.description]
    kept = [n for n, column in enumerate(columns) if column not in _OF_A_RESTORE]
    rows = sorted(tuple(row[n] for n in kept) for row in found)
    # A restore, and what was tried before it, are in the audit log.
    return [row for row in rows if not any(_is_of_a_backup(value) for value in row)]


def _is_of_a_backup(value: object) -> bool:
    return isinstance(value, bytes) and value.startswith(b"backup.")


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(range(FEW), id="few"),
        pytest.param(
            range(FEW, MANY), id="many", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]
        ),
    ],
)
def test_any_damage_is_said_and_a_restore_brings_every_row_back(site: Site, numbers: range) -> None:
    failed = []
    for number in numbers:
        seed = f"{SEED}:{number}"
        damage = draw(site.scene, seed=seed)
        if problems := list(_problems(site, seed)):
            failed.append(f"{seed} ({damage.words}): " + "; ".join(problems))
    assert not failed, f"{len(failed)} of {len(numbers)}\n" + "\n".join(failed)


def _problems(site: Site, seed: str) -> Iterator[str]:
    """Yield what one damage broke."""
    damage, app = draw(site.scene, seed=seed), site.fresh()
    damage.apply(site.folder)
    visitor, flask = site.visitor(app), app.test_cli_runner()

    def run(*args: str) -> Result:
        return flask.invoke(args=["backup", *args])

    is_calm = False
    for page in PAGES:
        status = visitor.open(page).status_code
        is_calm = is_calm or status == 503
        # A role whose text was hit is read as the one that may do least: 403.
        if status not in {200, 302, 303, 403, 404, 503}:
            yield f"{page} answers {status}"
    health = visitor.open("/healthz").status_code
    if health not in {200, 503}:
        yield f"/healthz answers {health}"
    start = flask.invoke(args=["database", "upgrade"])
    yield from _unreported("database upgrade", start)
    status_text, status_json = run("status"), run("status", "--json")
    yield from _unreported("status", status_text)
    yield from _unreported("status --json", status_json)
    if (health == 503) != (status_text.exit_code == DAMAGED):
        yield f"/healthz answers {health} and status exits with {status_text.exit_code}"
    if damage.is_in_schema and is_calm and not status_text.exit_code:
        yield "pages fail, and status says safe"
    made = run("create")
    yield from _unreported("create", made)
    if made.exit_code and not run("status").exit_code:
        yield "no backup can be made, and status says safe"
    if not made.exit_code:
        again = run("restore", made.stdout.strip(), "--yes")
        # Damage that leaves no admin is named by `create`, and needs one carried over.
        if again.exit_code and "no active admin" not in again.stderr:
            yield f"what create made is not restored: {again.stderr}"
    restored = run("restore", site.backup_id, "--yes", "--backup-schedule")
    yield from _unreported("restore", restored)
    if restored.exit_code:
        yield f"restore is refused: {restored.stderr}"
        return
    rows = rows_of(site.folder / NAME)
    if lost := [table for table in site.rows if rows.get(table) != site.rows[table]]:
        yield f"rows differ: {lost}"
    if (after := run("status")).exit_code:
        yield f"status after the restore: {after.output}"
    if (status := visitor.open("/login").status_code) not in {200, 302}:
        yield f"/login answers {status} after the restore"


def _unreported(what: str, done: Result) -> Iterator[str]:
    """Yield what is no answer in words."""
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        yield f"{what}: {done.exception!r}"
    elif done.exit_code and "Error" not in done.output and what not in {"status", "status --json"}:
        yield f"{what} exits with {done.exit_code}: {done.output}"
