"""`flask app` and `flask board`: what a script does with apps, boards and sections."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

Run = Callable[..., Result]
JELLYFIN = ("app", "add", "Jellyfin", "https://jellyfin.home.arpa")


@pytest.fixture
def run(runner: FlaskCliRunner, cast: object) -> Run:
    def run(*args: str, expect: int = 0, typed: str | None = None) -> Result:
        done = runner.invoke(args=[*args], input=typed)
        assert done.exit_code == expect, done.output
        assert "Traceback" not in done.output
        return done

    return run


def read(run: Run, *args: str) -> Any:
    return json.loads(run(*args, "--json").stdout)


def names(run: Run, *args: str) -> list[str]:
    return [each["name"] for each in read(run, "app", "list", *args)]


@pytest.fixture
def home(run: Run) -> None:
    """The board Home with the section Media, and Jellyfin in it."""
    run("board", "add", "Home")
    run(*JELLYFIN, "--board", "home", "--section", "Media", "--create")


def test_an_app_is_added_to_a_section_that_is_added_with_it(run: Run) -> None:
    assert run("board", "add", "Home").stdout == "1\n"
    done = run(*JELLYFIN, "--board", "home", "--section", "Media", "--create", "--tag", "films",
               "--tag", "family", "--icon", "brand:jellyfin", "--opens", "new")  # fmt: skip
    assert (done.stdout, done.stderr) == ("1\n", "Jellyfin added to Media on Home.\n")
    (one,) = read(run, "app", "list")
    assert (one["tags"], one["icon"], one["opens"]) == (
        ["family", "films"],
        "brand:jellyfin",
        "new",
    )
    assert one["places"] == [{"board": "home", "section": "Media", "section_id": 1, "position": 1}]
    (board,) = read(run, "board", "list")
    assert [each["name"] for each in board["sections"]] == ["Media"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["add", "", "https://x.test"], 2, "the name is empty"),
        (["add", "x" * 201, "https://x.test"], 2, "the name has more than 200 characters"),
        (["add", "X", "javascript:alert(1)"], 2, "the URL starts with something other than"),
        (["add", "X", "x.test"], 2, "the URL is not a full URL"),
        (["add", "X", "https://a:b@x.test"], 2, "the URL contains a user name or a password"),
        (
            ["add", "X", "https://x.test", "--icon", "nothing"],
            2,
            "--icon has a value that does not exist",
        ),
        (["add", "X", "https://x.test", "--opens", "up"], 2, "'up' is not one of"),
        (["add", "X", "https://x.test", "--board", "home"], 2, "Give both --board and --section"),
        (["add", "X", "https://x.test", "--board", "work", "--section", "A"], 1, "no board 'work'"),
        (["add", "X", "https://x.test", "--board", "home", "--section", "A"], 1, "no section 'A'"),
        (["edit", "nothing"], 1, "there is no app 'nothing'"),
        (["edit", "Jellyfin", "--url", "data:,x"], 2, "the URL starts with something other than"),
        (["remove", "Jellyfin", "--from", "work"], 1, "there is no board 'work'"),
        (["delete", "Jellyfin"], 2, "Use --yes"),
        (["remove", "Jellyfin"], 2, "Missing option '--from'"),
    ],
)
def test_what_is_refused_is_said_and_changes_nothing(
    run: Run, home: None, args: list[str], code: int, said: str
) -> None:
    before = read(run, "app", "list"), read(run, "board", "list")
    done = run("app", *args, expect=code)
    assert said in done.stderr
    assert done.stdout == ""
    assert (read(run, "app", "list"), read(run, "board", "list")) == before


def test_a_refused_app_leaves_no_section_behind(run: Run, home: None) -> None:
    run("app", "add", "X", "https://x.test", "--icon", f"media:{'0' * 64}", "--board", "home",
        "--section", "New", "--create", expect=2)  # fmt: skip
    assert [each["name"] for each in read(run, "board", "list")[0]["sections"]] == ["Media"]


def test_a_script_that_runs_twice_adds_one_app(run: Run, home: None) -> None:
    again = run(*JELLYFIN, "--if-missing")
    assert again.stdout == "1\n"
    assert "nothing was changed" in again.stderr
    assert run("app", "add", "Films", JELLYFIN[-1], "--if-missing").stdout == "1\n"
    assert run("app", "add", "jellyfin", "https://moved.test", "--if-missing").stdout == "1\n"
    assert names(run) == ["Jellyfin"]
    run(*JELLYFIN)
    assert names(run) == ["Jellyfin", "Jellyfin"]


def test_a_name_that_two_apps_have_is_refused_with_their_ids(run: Run, home: None) -> None:
    run("app", "add", "JELLYFIN", "https://other.test")
    done = run("app", "archive", "jellyfin", expect=1)
    assert done.stderr.splitlines() == [
        "Error: 2 apps have the name 'jellyfin': 1, 2.",
        "Give the id instead.",
    ]
    run("app", "archive", "2")
    assert names(run, "--archived") == ["JELLYFIN"]
    run("app", "unarchive", "2")
    assert names(run, "--archived") == []


def test_an_archived_app_is_not_said_to_be_archived_once_more(run: Run, home: None) -> None:
    assert run("app", "archive", "1").stderr == "Jellyfin archived.\n"
    assert run("app", "archive", "1").stderr == "Jellyfin was archived already.\n"
    assert run("app", "unarchive", "1").stderr == "Jellyfin restored from the archive.\n"
    assert run("app", "unarchive", "1").stderr == "Jellyfin is not in the archive.\n"


def test_an_edit_changes_what_is_given_and_leaves_the_rest(run: Run, home: None) -> None:
    run("app", "edit", "jellyfin", "--tag", "films", "--local-url", "http://10.0.0.5:8096")
    run("board", "section", "add", "home", "Evening")
    run("app", "edit", "1", "--name", "Films", "--board", "home", "--section", "Evening")
    (one,) = read(run, "app", "list")
    assert (one["name"], one["url"], one["tags"]) == ("Films", JELLYFIN[-1], ["films"])
    assert one["url_local"] == "http://10.0.0.5:8096"
    assert [each["section"] for each in one["places"]] == ["Evening"]
    run("app", "edit", "1", "--tag", "", "--local-url", "")
    (one,) = read(run, "app", "list")
    assert (one["tags"], one["url_local"]) == ([], "")


def test_apps_are_listed_by_board_and_tag(run: Run, home: None) -> None:
    run("app", "add", "Grocy", "https://grocy.home.arpa", "--tag", "Food")
    assert names(run) == ["Grocy", "Jellyfin"]
    assert names(run, "--board", "HOME") == ["Jellyfin"]
    assert names(run, "--tag", "food") == ["Grocy"]
    assert run("app", "list", "--tag", "none").stderr == "No apps.\n"


def test_removed_from_a_board_it_stays_and_deleted_it_is_gone(run: Run, home: None) -> None:
    run("app", "remove", "Jellyfin", "--from", "home")
    assert read(run, "app", "list")[0]["places"] == []
    assert "is not on Home" in run("app", "remove", "1", "--from", "home", expect=1).stderr
    run("app", "delete", "Jellyfin", "--yes")
    assert names(run) == []


def test_boards_are_added_edited_moved_and_deleted(run: Run, home: None) -> None:
    run("board", "add", "Diary", "--visibility", "private", "--owner", "ben", "--columns", "4")
    run("board", "move", "diary", "1")
    run("board", "edit", "home", "--visibility", "public", "--home", "--address", "start")
    diary, start = read(run, "board", "list")
    assert (diary["name"], diary["owner"], diary["visibility"]) == ("Diary", "ben", "private")
    assert (diary["columns"], diary["is_home"]) == (4, False)
    assert (start["address"], start["visibility"], start["is_home"]) == ("start", "public", True)
    assert "--address is already used by another board" in run(
        "board", "edit", "diary", "--address", "start", expect=2
    ).stderr  # fmt: skip
    assert "no user 'nobody'" in run("board", "add", "X", "--owner", "nobody", expect=1).stderr
    run("board", "delete", "start", expect=2)
    run("board", "delete", "start", "--yes")
    assert [each["name"] for each in read(run, "board", "list")] == ["Diary"]
    assert names(run) == ["Jellyfin"]


def test_the_first_board_stays_home_when_another_is_moved_before_it(run: Run, home: None) -> None:
    run("board", "add", "Work")
    run("board", "move", "work", "1")
    work, first = run("board", "list").stdout.splitlines()[1:]
    assert ("Work" in work, work.endswith("home")) == (True, False)
    assert ("Home" in first, first.endswith("home")) == (True, True)

    run("board", "edit", "home", "--no-home")
    work, _ = run("board", "list").stdout.splitlines()[1:]
    assert work.endswith("home"), "the board that opens first is marked"


def test_sections_are_added_renamed_moved_and_deleted(run: Run, home: None) -> None:
    assert run("board", "section", "add", "home", "House").stdout == "2\n"
    run("board", "section", "move", "home", "House", "1")
    run("board", "section", "rename", "home", "media", "Films")
    sections = read(run, "board", "section", "list", "home")
    assert sections == [
        {"id": 2, "name": "House", "apps": 0},
        {"id": 1, "name": "Films", "apps": 1},
    ]
    run("board", "add", "Work")
    moved = run("board", "section", "move", "home", "Films", "1", "--to", "work")
    assert moved.stderr == "Films is at position 1 of 1 on Work.\n"
    run("board", "section", "delete", "work", "Films", "--yes")
    assert read(run, "board", "section", "list", "work") == []
    assert names(run) == ["Jellyfin"]


def test_every_change_is_in_the_audit_log(run: Run, home: None, data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live:
        rows = live.execute("SELECT actor_name, action FROM audit_events ORDER BY id").fetchall()
    assert rows[-4:] == [
        ("command line", action)
        for action in ("board.create", "board.add_section", "app.create", "board.add_app")
    ]


def test_names_of_a_restored_database_give_the_terminal_no_orders(
    app: Flask, run: Run, home: None, data_dir: Path
) -> None:
    odd = "\x1b[2J\x9bm\nb"
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        for table in ("apps", "boards", "sections"):
            live.execute(f"UPDATE {table} SET name = ?", (odd,))
    for args in (
        ["app", "list"], ["board", "list"], ["board", "section", "list", "home"],
        ["app", "list", "--json"], ["board", "list", "--json"], ["app", "archive", "1"],
    ):  # fmt: skip
        done = run(*args)
        assert all(c.isprintable() or c == "\n" for c in done.output), args
    assert "?[2J?m b" in run("app", "list", "--archived").stdout


def _commands() -> list[list[str]]:
    groups = {
        "app": "list add edit remove delete archive unarchive",
        "board": "list add edit move delete",
        "board section": "list add rename move delete",
    }
    return [[*group.split(), name] for group, text in groups.items() for name in text.split()]


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_explains_itself_with_examples(run: Run, command: list[str]) -> None:
    text = run(*command, "--help").stdout
    assert f"flask {' '.join(command)}" in text.partition("Examples:")[2]
