"""Every command on every sort of database that it cannot use: a sentence, never a traceback.

The commands are found in the tree that `flask --help` shows; a new one needs no word here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from launcher.cli import _NAMES as NAMES
from launcher.cli import Commands
from launcher.current import current_backups
from tests.conftest import MakeApp
from tests.support.schema import make_database, run

ANSWERS = "a long and winding password\n" * 3
OPTIONS = {"--yes", "--password-stdin", "--url-stdin"}


def _lose(live: Path) -> None:
    for path in live.parent.glob("launcher.db*"):
        path.unlink()


def _empty(live: Path) -> None:
    _lose(live)
    live.touch()


def _fill_with_garbage(live: Path) -> None:
    _lose(live)
    live.write_bytes(b"this is no database at all. " * 1000)


def _flip_a_bit_of_the_schema(live: Path) -> None:
    run(live, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(live.read_bytes())
    data[data.index(b"TABLE users")] ^= 0x80
    live.write_bytes(data)


def _drop_a_table(live: Path) -> None:
    run(live, "DROP TABLE sign_in_failures")


def _forget_settings(live: Path) -> None:
    run(live, "DELETE FROM system_settings")


def _make_older(live: Path) -> None:
    _lose(live)
    make_database(live, revision="0001")


def _make_newer(live: Path) -> None:
    run(live, "UPDATE alembic_version SET version_num = '9999'")


def _remove_everything(live: Path) -> None:
    shutil.rmtree(live.parent)
    live.parent.mkdir()


STATES: list[Callable[[Path], None]] = [
    _remove_everything,
    _lose,
    _empty,
    _fill_with_garbage,
    _flip_a_bit_of_the_schema,
    _drop_a_table,
    _forget_settings,
    _make_older,
    _make_newer,
]
LIKE_OTHERS = {_empty, _flip_a_bit_of_the_schema, _forget_settings}
"""Found as damage where others are found; `make fault` has them."""


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command below `group` with arguments that it takes."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name, *_arguments(command))


def _arguments(command: click.Command) -> Iterator[str]:
    for each in command.params:
        is_flag = isinstance(each, click.Option) and each.is_flag
        if not each.required and not OPTIONS & {*each.opts}:
            continue
        if isinstance(each, click.Option):
            yield each.opts[0]
        if not is_flag:
            yield each.type.choices[0] if isinstance(each.type, click.Choice) else "latest"


@pytest.fixture
def used(app: Flask, cast: object, data_dir: Path) -> Path:
    """A data directory with a good backup."""
    with app.app_context():
        current_backups().create(by="ada")
    return data_dir


@pytest.mark.parametrize(
    "spoil",
    [pytest.param(each, marks=[pytest.mark.slow] * (each in LIKE_OTHERS)) for each in STATES],
)
def test_no_command_ends_in_a_traceback(
    used: Path, make_app: MakeApp, spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(used.parent)
    template = used.with_name("template")
    spoil(used / "launcher.db")
    used.rename(template)
    group = Commands("launcher")
    commands = [found for found in _commands(group) if found[0] in NAMES]
    assert len(commands) > 30
    failed = []
    for command in commands:
        shutil.rmtree(used, ignore_errors=True)
        shutil.copytree(template, used)
        done = make_app(scheduler="off").test_cli_runner().invoke(args=command, input=ANSWERS)
        is_said = done.exit_code == 0 or any(
            each in done.stderr + done.stdout
            for each in ("Error: ", "Usage: ", "bad:", " failed: ")
        )
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            failed.append((*command, repr(done.exception)))
        elif not is_said:
            failed.append((*command, str(done.exit_code), done.output))
    assert failed == []


def test_no_first_command_in_a_new_directory_advises_a_restore_or_locks_the_directory(
    make_app: MakeApp, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no-backup").write_text("no backup")
    commands = [found for found in _commands(Commands("launcher")) if found[0] in NAMES]
    commands.append(("backup", "restore", "no-backup", "--yes"))
    failed = []
    for command in commands:
        shutil.rmtree(data_dir, ignore_errors=True)
        done = make_app(scheduler="off").test_cli_runner().invoke(args=command, input=ANSWERS)
        is_restore = command[:2] == ("backup", "restore")
        advises = any(
            each in done.output
            for each in (
                "restore latest",
                "restore PATH",
                "is missing",
                "settings cannot be read",
                "is damaged",
            )
        )
        after = make_app(scheduler="off").test_cli_runner().invoke(args=("user", "list"))
        if (advises and not is_restore) or after.exit_code:
            failed.append((*command, done.output, after.output))
    assert failed == []


@pytest.mark.parametrize(
    ("spoil", "way_out"),
    [
        (_lose, "`flask backup restore latest`"),
        (_flip_a_bit_of_the_schema, "`flask backup restore latest`"),
        (_make_older, "`flask database upgrade`"),
        (_make_newer, "Start the newer version of Launcher"),
    ],
)
@pytest.mark.parametrize(
    "command", [["settings", "get"], ["user", "list"], ["demo"]],
    ids=" ".join,
)  # fmt: skip
def test_what_needs_the_database_names_the_way_out(
    used: Path,
    make_app: MakeApp,
    spoil: Callable[[Path], None],
    way_out: str,
    command: list[str],
) -> None:
    spoil(used / "launcher.db")
    done = make_app(scheduler="off").test_cli_runner().invoke(args=command)
    assert (done.exit_code, done.stdout) == (18, "")
    assert way_out in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("command", [["settings", "get"], ["user", "list"], ["demo"]], ids=" ".join)
def test_a_command_in_a_new_directory_creates_the_database(
    used: Path, make_app: MakeApp, command: list[str]
) -> None:
    _remove_everything(used / "launcher.db")

    done = make_app(scheduler="off").test_cli_runner().invoke(args=command)

    assert done.exit_code == 0
    assert done.stderr.splitlines()[0] == f"A new database was created in {used}."
    assert (used / "launcher.db").exists()
