"""`flask token`: created for an admin, listed, revoked, from a script."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask

from launcher.accounts import tokens
from launcher.models.types import utc_now
from tests.integration.test_cli_catalogue import Run, read, run

__all__ = ["run"]

NIGHTLY = ("create", "Nightly", "--user", "ada", "--scope", "status")


def test_the_secret_stands_alone_on_stdout_and_works(run: Run, app: Flask) -> None:
    done = run("token", *NIGHTLY, "--scope", "backups:create", "--expires", "never")
    assert done.stdout.startswith("lch_")
    assert done.stdout.count("\n") == 1
    assert "Token Nightly created for ada." in done.stderr
    with app.app_context():
        found = tokens.authenticate(done.stdout.strip(), address="")
        assert (found.name, sorted(found.scopes)) == ("Nightly", ["backups:create", "status"])
        assert found.expires_at is None


@pytest.mark.parametrize(
    ("expires", "days"), [("90d", 90), ("1d", 1), (None, 90), ("tomorrow", None)]
)
def test_it_expires_as_asked(run: Run, expires: str | None, days: int | None) -> None:
    if expires == "tomorrow":
        expires, days = f"{utc_now() + timedelta(days=1):%Y-%m-%d}", 1
    run("token", *NIGHTLY, *(["--expires", expires] if expires else []))
    (one,) = read(run, "token", "list")
    left = datetime.fromisoformat(one["expires_at"]) - utc_now()
    assert days is not None
    assert timedelta(days=days, hours=-1) < left < timedelta(days=days + 1, hours=1)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["create", "X", "--user", "ben", "--scope", "status"], 1, "'ben' is no active admin"),
        (["create", "X", "--user", "nobody", "--scope", "status"], 1, "no user 'nobody'"),
        (["create", "X", "--user", "ada"], 2, "Missing option '--scope'"),
        (["create", "X", "--user", "ada", "--scope", "all"], 2, "'all' is not one of"),
        (["create", " ", "--user", "ada", "--scope", "status"], 1, "one line of 1 to 60"),
        ([*NIGHTLY, "--expires", "soon"], 2, "'soon' is not like 90d"),
        ([*NIGHTLY, "--expires", "0d"], 1, "expires in the future"),
        ([*NIGHTLY, "--expires", "9999d"], 1, "expires in the future"),
        ([*NIGHTLY, "--expires", "2020-01-01"], 1, "expires in the future"),
        ([*NIGHTLY, "--expires", "9999-12-31"], 2, "is not like 90d"),
        (["revoke", "Nothing", "--yes"], 1, "there is no token 'Nothing'"),
    ],
)
def test_what_is_refused_is_said_and_changes_nothing(
    run: Run, args: list[str], code: int, said: str
) -> None:
    assert said in run("token", *args, expect=code).stderr
    assert read(run, "token", "list") == []


def test_the_list_has_no_secret(run: Run) -> None:
    assert "No tokens." in run("token", "list").stderr
    secret = run("token", *NIGHTLY).stdout.strip()
    shown = run("token", "list").stdout
    assert "Nightly" in shown
    assert "never" in shown
    (one,) = read(run, "token", "list")
    assert secret not in shown + str(one)
    assert (one["user"], one["scopes"], one["last_used_at"]) == ("ada", ["status"], None)


def test_a_token_is_revoked_by_name_or_id(run: Run, app: Flask) -> None:
    run("token", *NIGHTLY)
    secret = run("token", *NIGHTLY).stdout.strip()
    assert (
        "2 tokens have the name 'nightly': 2, 1"
        in run("token", "revoke", "nightly", "--yes", expect=1).stderr
    )
    assert "Cannot ask for confirmation" in run("token", "revoke", "1", expect=2).stderr
    assert run("token", "revoke", "1", "--yes").stderr == "Token Nightly revoked.\n"
    assert run("token", "revoke", "nightly", "--yes").stderr == "Token Nightly revoked.\n"
    assert read(run, "token", "list") == []
    with app.app_context(), pytest.raises(tokens.TokenInvalidError):
        tokens.authenticate(secret, address="")
