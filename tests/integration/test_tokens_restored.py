"""What becomes of API tokens when a backup is restored, and what is said before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.accounts import tokens, users
from launcher.accounts.errors import TokenInvalidError
from launcher.audit import COMMAND_LINE
from launcher.backup import BackupService
from launcher.backup.reasons import Reason
from launcher.current import current_backups
from launcher.extensions import db
from launcher.models import ApiToken, Role, TokenScope


@pytest.fixture
def service(app: Flask, cast: object) -> Iterator[BackupService]:
    with app.app_context():
        yield current_backups()


def create(name: str, *scopes: TokenScope) -> str:
    _, secret = tokens.create_token(
        users.find_user("ada"), name, scopes or (TokenScope.STATUS,), expires_at=None,
        actor=COMMAND_LINE,
    )  # fmt: skip
    db.session.remove()
    return secret


def revoke(name: str) -> None:
    tokens.revoke([each for each in tokens.all_tokens() if each.name == name], actor=COMMAND_LINE)
    db.session.commit()
    db.session.remove()


def opens(secret: str) -> bool:
    try:
        tokens.authenticate(secret, address="10.0.0.9")
    except TokenInvalidError:
        return False
    finally:
        db.session.remove()
    return True


def names() -> list[str]:
    found = sorted(each.name for each in tokens.all_tokens())
    db.session.remove()
    return found


def test_later_tokens_are_gone_and_earlier_ones_work(service: BackupService) -> None:
    earlier = create("Earlier")
    backup = service.create(by="ada")
    later = create("Later")

    plan = service.plan(backup.id, by="ada")
    assert [each.partition(" (")[0] for each in plan.tokens_lost] == ["Later"]
    assert service.restore(backup.id, by="ada").plan == plan

    assert opens(earlier)
    assert not opens(later)
    service.undo(by="ada")
    assert opens(later)


def test_a_token_that_was_revoked_since_stays_revoked(service: BackupService) -> None:
    kept, gone = create("Kept"), create("Gone")
    backup = service.create(by="ada")
    revoke("Gone")

    plan = service.plan(backup.id, by="ada")
    (warning,) = plan.warnings
    assert warning.reason is Reason.TOKENS_STAY_REVOKED
    assert str(warning.facts["names"]).startswith("Gone (lch_")
    assert plan.tokens_lost == ()
    service.restore(backup.id, by="ada")

    assert opens(kept)
    assert not opens(gone)
    assert db.session.scalars(db.select(ApiToken.name)).all() == ["Kept"]


def test_one_that_is_revoked_while_a_restore_runs_stays_revoked(
    service: BackupService, data_dir: Path
) -> None:
    """Its row comes back with the copy that was prepared before."""
    gone = create("Gone")
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        (row,) = database.execute("SELECT * FROM api_tokens").fetchall()
    revoke("Gone")
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute(f"INSERT INTO api_tokens VALUES ({', '.join('?' * len(row))})", row)

    assert not opens(gone)
    assert names() == []
    assert service.live_version()  # a plan does not name it either
    assert service.plan(service.create(by="ada").id, by="ada").tokens_lost == ()


def test_the_tokens_of_another_site_open_nothing_here(
    service: BackupService, tmp_path: Path
) -> None:
    theirs = create("Theirs")
    file = service.export(service.create(by="ada").id, tmp_path / "theirs.db", by="ada")
    with closing(sqlite3.connect(tmp_path.joinpath("data/launcher.db"))) as database, database:
        database.execute("DELETE FROM api_tokens")  # this site has never had it

    for source in (file, service.import_(file, by="ada").id):
        plan = service.plan(source, by="ada")
        assert [each.reason for each in plan.warnings] == [Reason.TOKENS_REMOVED]
        service.restore(source, by="ada")
        assert not opens(theirs)
        assert names() == []


def test_a_token_that_is_valid_here_still_is_after_a_file_with_it(
    service: BackupService, tmp_path: Path
) -> None:
    ours = create("Ours")
    file = service.export(service.create(by="ada").id, tmp_path / "ours.db", by="ada")

    plan = service.plan(file, by="ada")
    assert (plan.warnings, plan.tokens_lost) == ((), ())
    service.restore(file, by="ada")
    assert opens(ours)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_tokens SET scopes = 'backups:download backups:restore status'",
        "UPDATE api_tokens SET expires_at = '2999-01-01 00:00:00.000000'",
        "UPDATE api_tokens SET user_id = (SELECT id FROM users WHERE username = 'dora')",
        "UPDATE api_tokens SET name = CAST(x'ff' AS TEXT), scopes = x'00'",
    ],
)
def test_a_file_gives_no_token_more_than_it_has_here(
    service: BackupService, tmp_path: Path, change: str
) -> None:
    users.create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
    ours = create("Ours", TokenScope.METRICS)
    file = service.export(service.create(by="ada").id, tmp_path / "changed.db", by="ada")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(change)

    assert len(service.plan(file, by="ada").tokens_lost) == 1
    service.restore(file, by="ada")
    assert not opens(ours)


def test_a_lost_database_takes_no_token_from_outside(
    service: BackupService, tmp_path: Path, data_dir: Path
) -> None:
    ours = create("Ours")
    backup = service.create(by="ada")
    file = service.export(backup.id, tmp_path / "ours.db", by="ada")
    (data_dir / "launcher.db").write_bytes(b"no database" * 400)
    service.restore(file, by="ada")
    assert not opens(ours)
    (data_dir / "launcher.db").write_bytes(b"no database" * 400)
    service.restore(backup.id, by="ada")
    assert opens(ours), "a backup that this site made has its tokens"


def test_the_command_says_what_becomes_of_tokens(
    service: BackupService, runner: FlaskCliRunner
) -> None:
    create("Gone")
    service.create(by="ada")
    revoke("Gone")
    create("Later")
    done = runner.invoke(args=["backup", "restore", "latest", "--dry-run"])
    assert "API tokens that stop working: Later (lch_" in done.stderr
    assert "that were revoked since will remain revoked: Gone (lch_" in done.stderr
