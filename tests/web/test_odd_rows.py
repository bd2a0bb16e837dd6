"""Odd values in the live database, whoever wrote them there: no page fails for them."""

from __future__ import annotations

import logging
import random
import shutil
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.current import current_backups
from launcher.models import SystemSettings, User
from launcher.models import types as kinds
from tests.support.odd_rows import ODD_VALUES, OddCell, fill_empty_tables, odd_cells, write_odd
from tests.web.addresses import UNKNOWN, address, parts_of, rules

READERS = {
    kinds.EnumSet, kinds.EnumText, kinds.StoredBoolean, kinds.StoredBytes, kinds.StoredFacts,
    kinds.StoredInteger, kinds.StoredText, kinds.UtcDateTime, kinds.UtcSeconds,
}  # fmt: skip
SEARCHES = ("/find?q=a", "/find?q=%C3%A9.", "/admin/audit?kind=user", "/admin/audit?by=ada")
"""Pages that read more when asked for it."""
COMMANDS = (["user", "list"], ["settings", "get"], ["backup", "list"], ["backup", "show", "latest"])

Look = Callable[[Iterable[OddCell]], list[str]]
_AT_ONCE = 4


@pytest.fixture
def look(
    app: Flask,
    pictures: dict[str, str],
    data_dir: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> Look:
    """Return what puts odd values into a full site, opens every page and returns what failed."""
    caplog.set_level(logging.CRITICAL)
    with app.app_context():
        backup = current_backups().create(by="ada")
    runner = app.test_cli_runner()
    visitors = {who: request.getfixturevalue(who) for who in ("ada", "chloe", "guest")}
    live, good = data_dir / "launcher.db", data_dir / "good.db"
    fill_empty_tables(live)
    shutil.copy(live, good)
    there = UNKNOWN | {"backup_id": backup.id, "sha256": pictures["png"], "slug": "garden"}
    paths = [*SEARCHES]
    for rule in rules(app):
        of_each = [{name: there[name] for name in parts_of(rule)}]
        if "user_id" in rule.arguments:
            of_each = [{"user_id": "1"}, {"user_id": "3"}]
        if "GET" in (rule.methods or ()):
            paths += (address(rule, parts) for parts in of_each)

    def look_at(cells: Iterable[OddCell]) -> list[str]:
        for side in ("-wal", "-shm"):
            (data_dir / f"launcher.db{side}").unlink(missing_ok=True)
        shutil.copy(good, live)
        write_odd(live, list(cells), spare_users=2)
        failed = []
        for who, visitor in visitors.items():
            for path in paths:
                if who != "ada" and path.startswith("/admin/"):
                    continue
                with visitor.client.get(path) as answer:
                    answer.get_data()
                if answer.status_code >= 500:
                    failed.append(f"{path} as {who}: {answer.status_code}")
        assert visitors["ada"].is_signed_in
        done = {" ".join(command): runner.invoke(args=command) for command in COMMANDS}
        failed += (
            f"flask {command}: {each.exception!r}"
            for command, each in done.items()
            if isinstance(each.exception, Exception)
        )
        failed += (
            f"flask {command} speaks to the terminal"
            for command, each in done.items()
            if "\x1b" in each.output
        )
        return failed

    return look_at


def test_no_page_fails_for_odd_values(look: Look) -> None:
    """Some values at a time, each in one of so many columns: a quarter of the looks at all pages.

    The one below has each value in all columns.
    """
    values = list(ODD_VALUES)
    found = {}
    for some in (values[first : first + _AT_ONCE] for first in range(0, len(values), _AT_ONCE)):
        columns = enumerate(groupby(odd_cells(some), key=lambda each: (each.table, each.column)))
        found[tuple(some)] = look(
            cell for number, (_, cells) in columns for cell in [*cells][number % len(some) :][:1]
        )
    assert {some: failed for some, failed in found.items() if failed} == {}


@pytest.mark.slow
def test_no_page_fails_for_any_odd_value_in_all_columns(look: Look) -> None:
    found = {value: look(odd_cells([value])) for value in ODD_VALUES}
    assert {value: failed for value, failed in found.items() if failed} == {}


@pytest.mark.slow
def test_no_page_fails_for_any_mixture_of_odd_values(look: Look) -> None:
    columns = [
        list(cells) for _, cells in groupby(odd_cells(), key=lambda each: (each.table, each.column))
    ]
    for seed in range(100):
        dice = random.Random(seed)
        mixture = [dice.choice(cells) for cells in columns if dice.random() < 0.4]
        assert look(mixture) == [], f"seed {seed}: {', '.join(map(str, mixture))}"


def test_every_column_has_a_type_that_reads_odd_values() -> None:
    settings = {column.name for column in sa.inspect(SystemSettings).columns} - {"session_epoch"}
    naked = [
        f"{table.name}.{column.name}"
        for table in User.metadata.sorted_tables
        for column in table.columns
        if type(column.type) not in READERS
        # The table of settings decides what each of these is read as.
        and not (table.name == SystemSettings.__tablename__ and column.name in settings)
    ]
    assert naked == [], "let `Mapped[…]` choose the type, or add it to launcher/models/types.py"
