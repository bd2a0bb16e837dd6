"""`flask import`: a file of a browser or another dashboard from a shell."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.app import create_app
from launcher.catalogue.errors import Unfit
from launcher.catalogue.import_draft import Left
from launcher.cli.import_words import left_words
from launcher.extensions import db
from launcher.importing.draft import LeaveReason
from launcher.models import App, AuditEvent, Board, UndoStep

FILES = Path(__file__).parents[1] / "support" / "imports"
BOOKMARKS = str(FILES / "bookmarks.html")
Run = Callable[..., Result]


@pytest.fixture
def run(runner: FlaskCliRunner, cast: object) -> Run:
    def run(*args: str, expect: int = 0, typed: bytes | None = None) -> Result:
        sent = None if typed is None else io.BytesIO(typed)
        done = runner.invoke(args=["import", *args], input=sent)
        assert done.exit_code == expect, done.output
        assert "Traceback" not in done.output
        return done

    runner.invoke(args=["board", "add", "Home"])
    return run


def names(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(sa.select(App.name).order_by(App.id)))


def facts_of(done: Result) -> Any:
    return json.loads(done.stdout)


def test_an_import_works_in_a_shell_where_no_pages_are(run: Run, data_dir: Path) -> None:
    shell = create_app({"LAUNCHER_DATA_DIR": str(data_dir)}, has_pages=False).test_cli_runner()
    done = shell.invoke(args=["import", BOOKMARKS, "--board", "home", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "Imported bookmarks" in done.stdout


def test_a_dry_run_prints_what_would_be_created_and_creates_nothing(app: Flask, run: Run) -> None:
    done = run(BOOKMARKS, "--board", "home", "--dry-run")

    heading, *rows = done.stdout.splitlines()
    assert heading.split() == ["SECTION", "NAME", "URL", "ICON"]
    assert rows
    assert f"{len(rows)} apps would be imported to Home" in done.stderr
    assert "Left out, line" in done.stderr
    assert names(app) == []
    with app.app_context():
        assert not db.session.scalars(
            sa.select(AuditEvent).where(AuditEvent.action == "board.import")
        ).all()


def test_an_import_prints_how_many_apps_are_new(app: Flask, run: Run) -> None:
    count = len(facts_of(run(BOOKMARKS, "--board", "home", "--dry-run", "--json"))["created"])

    assert run(BOOKMARKS, "--board", "home").stdout == f"{count}\n"
    assert len(names(app)) == count
    assert run(BOOKMARKS, "--board", "home").stdout == "0\n"
    with app.app_context():
        event = db.session.scalars(
            sa.select(AuditEvent).where(AuditEvent.action == "board.import")
        ).one()
        assert event.actor_name == "command line"
        assert db.session.scalars(sa.select(UndoStep)).all() == []


@pytest.mark.parametrize(
    "name",
    [
        "bookmarks.html", "services.yaml", "bookmarks.yaml", "homer.yml", "dashy.yml",
        "heimdall.json", "apps.csv",
    ],
)  # fmt: skip
def test_the_source_of_each_file_is_guessed(run: Run, name: str) -> None:
    facts = facts_of(run(str(FILES / name), "--board", "home", "--dry-run", "--json"))

    assert facts["apps"] == len(facts["created"]) > 0
    assert facts["is_dry_run"] is True
    by_name = {"bookmarks.html": "bookmarks", "homer.yml": "homer", "dashy.yml": "dashy",
               "heimdall.json": "heimdall", "apps.csv": "csv"}  # fmt: skip
    assert facts["source"] == by_name.get(name, "homepage")
    assert "not-a-real" not in json.dumps(facts)


def test_a_file_comes_from_stdin_into_one_section(app: Flask, run: Run) -> None:
    typed = (
        b"name,url,section\nKavita,https://kavita.old.lan,Books\nWiki,https://wiki.old.lan,Work\n"
    )

    done = run(
        "-", "--board", "Home", "--source", "csv", "--section", "Tools", "--json", typed=typed
    )

    assert {each["section"] for each in facts_of(done)["created"]} == {"Tools"}
    assert names(app) == ["Kavita", "Wiki"]


def test_links_in_no_folder_get_a_section_in_the_language_of_the_site(
    runner: FlaskCliRunner, run: Run
) -> None:
    def sections() -> set[str]:
        typed = b"name,url,port\nKavita,https://kavita.old.lan,80\n"
        done = run("-", "--board", "Home", "--dry-run", "--json", typed=typed)
        assert "Note, line 1, port: column not imported." in done.stderr
        return {each["section"] for each in facts_of(done)["created"]}

    assert sections() == {"Imported from CSV"}
    runner.invoke(args=["settings", "set", "default_locale", "de"])
    assert sections() == {"Aus CSV importiert"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x" * 81, "has more than 80 characters"),
        ("Tools\nMore", "has line breaks or other characters that are not allowed"),
        ("Tools\x1b[2J", "has line breaks or other characters that are not allowed"),
        ("Tools\u202e", "has line breaks or other characters that are not allowed"),
        (" ", "is empty"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_section_has_a_name_that_its_form_would_take(
    app: Flask, run: Run, name: str, words: str, more: tuple[str, ...]
) -> None:
    done = run(BOOKMARKS, "--board", "home", "--section", name, *more, expect=2)

    assert done.stderr == f"Error: --section {words}.\n"
    assert done.stdout == ""
    assert names(app) == []


@pytest.mark.parametrize(
    ("typed", "args", "words"),
    [
        (b"", (), "the file is empty"),
        (b"hello there", (), "the source of the file cannot be guessed"),
        (b"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><DT><A HREF='http://x/'>x</A></DL>",
         ("--source", "homer"), "the file is not a Homer config.yml"),
        (b"x" * 10_000_001, ("--source", "csv"), "the file has more than 10,000,000 bytes"),
        (b"x" * 10_000_001, (), "the file has more than 10,000,000 bytes"),
        (b"PK\x03\x04\x14\0\0\0\x08\0name,url", (), "the file is not one that Launcher reads"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", (), "the file is not one that Launcher reads"),
        (b"SQLite format 3\0\x10\0\1\1", ("--source", "csv"),
         "the file is not one that Launcher reads"),
        (b"<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><A HRE", (),
         "the file ends in line 3"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_exits_as_a_file_that_is_not_acceptable(
    run: Run, typed: bytes, args: tuple[str, ...], words: str
) -> None:
    done = run("-", "--board", "home", *args, typed=typed, expect=17)

    assert f"Error: {words}." in done.stderr
    assert done.stdout == ""
    assert ("--source" in done.stderr) == ("guessed" in words or "not a Homer" in words)
    assert done.stderr.count("Error") == 1


def test_a_board_is_created_for_the_apps_in_the_same_transaction(app: Flask, run: Run) -> None:
    def boards() -> list[tuple[str, str]]:
        with app.app_context():
            rows = db.session.execute(sa.select(Board.name, Board.visibility).order_by(Board.id))
            return [(row.name, str(row.visibility)) for row in rows]

    done = run(BOOKMARKS, "--new-board", "Old start page", "--dry-run")
    assert "would be imported to Old start page" in done.stderr
    assert boards() == [("Home", "members")]

    facts = facts_of(run(BOOKMARKS, "--new-board", "Old start page", "--json"))
    assert facts["board"] == "old-start-page"
    assert len(names(app)) == facts["apps"] > 0
    assert boards() == [("Home", "members"), ("Old start page", "private")]

    assert run(BOOKMARKS, "--new-board", "Again").stdout == "0\n"
    assert len(boards()) == 2, "nothing is new, and no board is created for that"

    assert "the name is empty" in run(BOOKMARKS, "--new-board", " ", expect=2).stderr
    assert "Give either --board" in run(BOOKMARKS, expect=2).stderr
    assert "Give either" in run(BOOKMARKS, "--board", "home", "--new-board", "A", expect=2).stderr


def test_a_board_that_is_not_there_is_named(run: Run) -> None:
    assert "there is no board 'nowhere'" in run(BOOKMARKS, "--board", "nowhere", expect=1).stderr
    assert "No such file" in run("none.html", "--board", "home", expect=2).stderr


@pytest.mark.parametrize("reason", [*LeaveReason, Unfit.URL_PASSWORD, Unfit.CHARACTERS])
def test_every_reason_has_words(reason: str) -> None:
    assert left_words(Left(reason, detail="x")) != left_words(Left("unknown")) or (
        reason == LeaveReason.NOT_AN_ENTRY
    )
