"""`flask group`, `flask board share` and `flask user delete`: who may what, from a script."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.extensions import db
from launcher.models import AuditEvent, Board
from tests.integration.test_cli_catalogue import Run, read, run

__all__ = ["run"]


@pytest.fixture
def diary(run: Run) -> None:
    """Ben's private board, and the group Family with Chloe in it."""
    run("board", "add", "Diary", "--visibility", "private", "--owner", "ben")
    run("group", "create", "Family")
    run("group", "add", "family", "chloe")


def _shared(run: Run) -> list[dict[str, str]]:
    found: list[dict[str, str]] = read(run, "board", "list")[0]["shared_with"]
    return found


def test_a_group_is_created_filled_renamed_and_deleted(run: Run) -> None:
    assert "No groups" in run("group", "list").stderr
    assert run("group", "create", "Family").stdout == "1\n"
    done = run("group", "add", "Family", "ben", "CHLOE", "ben")
    assert done.stderr == "ben is now in Family.\nchloe is now in Family.\n"
    assert run("group", "add", "1", "ben").stderr == "ben is in Family already.\n"
    assert run("group", "rename", "family", "Home").stderr == "Group renamed to Home.\n"
    (one,) = read(run, "group", "list")
    assert (one["name"], one["members"], one["boards"]) == ("Home", ["ben", "chloe"], [])
    done = run("group", "remove", "Home", "ben", "ada")
    assert done.stderr == "ben removed from Home.\nada is not in Home.\n"
    assert "Cannot ask for confirmation" in run("group", "delete", "Home", expect=2).stderr
    assert run("group", "delete", "Home", "--yes").stderr == "Home deleted.\n"
    assert read(run, "group", "list") == []


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["create", "FAMILY"], 1, "there is a group 'FAMILY' already"),
        (["create", " "], 1, "one line of 1 to 60 characters"),
        (["rename", "Friends", "X"], 1, "there is no group 'Friends'"),
        (["add", "Family", "ada", "nobody"], 1, "there is no user 'nobody'"),
        (["remove", "Family", "nobody"], 1, "there is no user 'nobody'"),
        (["add", "Family"], 2, "Missing argument 'USER...'"),
    ],
)
def test_what_is_refused_of_groups_is_said_and_changes_nothing(
    run: Run, diary: None, args: list[str], code: int, said: str
) -> None:
    done = run("group", *args, expect=code)
    assert said in done.stderr
    assert done.stdout == ""
    (one,) = read(run, "group", "list")
    assert (one["name"], one["members"]) == ("Family", ["chloe"])


def test_a_board_is_shared_and_the_access_is_taken_away(run: Run, diary: None, app: Flask) -> None:
    done = run("board", "share", "diary", "--user", "ADA", "--group", "family")
    assert done.stderr == "Diary is shared with Family (view), ada (view).\n"
    run("board", "share", "diary", "--group", "Family", "--edit")
    assert _shared(run) == [
        {"group": "Family", "access": "edit"},
        {"user": "ada", "access": "view"},
    ]
    assert "Family (edit), ada (view)" in run("board", "list").stdout
    assert "diary (edit)" in run("group", "list").stdout
    assert read(run, "group", "list")[0]["boards"] == [{"board": "diary", "access": "edit"}]
    run(
        "board", "share", "diary", "--group", "Family", "--user", "ada", "--user", "ben", "--revoke"
    )
    assert _shared(run) == []
    done = run("board", "share", "diary", "--user", "ada", "--revoke")
    assert done.stderr == "Diary is shared with no one.\n"
    with app.app_context():
        events = sa.select(AuditEvent).where(AuditEvent.action == "board.update")
        found = [(each.actor_name, each.changes) for each in db.session.scalars(events)]
    assert found[0] == ("command line", {"shared_with": ["", "Family (view), ada (view)"]})
    assert len(found) == 3


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["diary"], 2, "Give at least one --user or --group"),
        (["diary", "--user", "ada", "--edit", "--revoke"], 2, "not both"),
        (["diary", "--user", "nobody"], 1, "there is no user 'nobody'"),
        (["diary", "--user", "ada", "--group", "Friends"], 1, "there is no group 'Friends'"),
        (["garden", "--user", "ada"], 1, "there is no board 'garden'"),
    ],
)
def test_what_is_refused_of_sharing_is_said_and_changes_nothing(
    run: Run, diary: None, args: list[str], code: int, said: str
) -> None:
    assert said in run("board", "share", *args, expect=code).stderr
    assert _shared(run) == []


def test_the_boards_of_a_deleted_user_are_the_first_admins(
    run: Run, diary: None, app: Flask
) -> None:
    assert "Use --yes" in run("user", "delete", "ben", expect=2).stderr
    done = run("user", "delete", "BEN", "--yes")
    assert done.stderr == "ben deleted.\nada is now the owner of: diary.\n"
    with app.app_context():
        board = db.session.scalars(sa.select(Board)).one()
        assert board.owner
        assert board.owner.username == "ada"
    assert "is the last active admin" in run("user", "delete", "ada", "--yes", expect=1).stderr


def test_a_restore_brings_groups_and_shares_back(run: Run, diary: None) -> None:
    run("board", "share", "diary", "--group", "Family", "--edit")
    run("board", "share", "diary", "--user", "ada")
    before = _shared(run), read(run, "group", "list")
    run("backup", "create")
    run("group", "delete", "Family", "--yes")
    run("board", "share", "diary", "--user", "ada", "--revoke")
    run("user", "delete", "chloe", "--yes")
    assert _shared(run) == []
    run("backup", "restore", "latest", "--yes")
    assert (_shared(run), read(run, "group", "list")) == before
    assert before[1][0]["members"] == ["chloe"]


def test_a_deactivated_user_keeps_their_boards_and_signs_in_once_reactivated(
    run: Run, diary: None, app: Flask, runner: FlaskCliRunner
) -> None:
    assert run("user", "deactivate", "ben").stderr == "ben is switched off.\n"
    assert run("user", "deactivate", "ben").stderr == "ben is switched off already.\n"
    assert "(switched off)" in run("user", "list").stdout
    assert read(run, "board", "list")[0]["owner"] == "ben"
    assert run("user", "reactivate", "ben").stderr == "ben can sign in.\n"
    assert "(switched off)" not in run("user", "list").stdout
    assert "is the last active admin" in run("user", "deactivate", "ada", expect=1).stderr
