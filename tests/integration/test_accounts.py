"""Who may sign in, how often they may try, and that an admin always remains."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts import passwords, refusals, setup, users
from launcher.accounts.errors import (
    AccountChangedError,
    DisplayNameUnfitError,
    LastAdminError,
    PasswordGuessableError,
    PasswordUnfitError,
    SetupRefusedError,
    SignInRefusedError,
    SignInThrottledError,
    UsernameInvalidError,
    UsernameTakenError,
    UserNotFoundError,
)
from launcher.accounts.sign_in import attempts_left, authenticate
from launcher.accounts.users import Standing
from launcher.audit import COMMAND_LINE
from launcher.config import ROOT
from launcher.db.content import password_version
from launcher.db.settings import change_settings
from launcher.extensions import db
from launcher.models import ApiToken, AuditEvent, Role, SignInFailure, TokenScope
from tests.conftest import ADA, BEN, CHLOE, MakeApp

NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HERE = "10.0.0.21"


@pytest.fixture
def contents(app: Flask, cast: object) -> Iterator[None]:
    with app.app_context():
        yield


def sign_in(username: str, password: str, *, address: str = HERE, now: datetime = NOW) -> str:
    return authenticate(username, password, address=address, now=now).username


def fail(times: int, username: str, *, address: str = HERE, now: datetime = NOW) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefusedError):
            sign_in(username, "wrong", address=address, now=now)


# Users


def test_a_new_user_signs_in_at_once(contents: None) -> None:
    assert sign_in("ada", ADA.password) == "ada"
    assert users.find_user("ada").last_seen_at == NOW


def test_a_name_is_the_same_in_any_capitals(contents: None) -> None:
    assert sign_in("ADA", ADA.password) == "ada"
    with pytest.raises(UsernameTakenError):
        users.create_user("Ada", "a long password", role=Role.VIEWER, actor=COMMAND_LINE)


@pytest.mark.parametrize(
    "name", ["", " ada", "-x", "a b", "\u0430", "a" * 65, "a/b", "a\n", "ada\0"]
)
def test_a_name_of_odd_characters_is_refused(contents: None, name: str) -> None:
    with pytest.raises(UsernameInvalidError):
        users.create_user(name, "a long password", role=Role.VIEWER, actor=COMMAND_LINE)


@pytest.mark.parametrize("password", ["", "short", "x" * 9, "x" * 1001])
def test_an_unfit_password_is_refused(contents: None, password: str) -> None:
    with pytest.raises(PasswordUnfitError):
        users.create_user("dora", password, role=Role.VIEWER, actor=COMMAND_LINE)
    with pytest.raises(PasswordUnfitError):
        users.set_password(users.find_user("ada"), password, actor=COMMAND_LINE)
    assert sign_in("ada", ADA.password) == "ada"


@pytest.mark.parametrize(
    "password",
    ["password1234", "aaaaaaaaaaaa", "qwertyuiop123", "123456789012", "trustno1trustno1",
     "iloveyou1234", "Passw0rd!2024", "a" * 500],
)  # fmt: skip
def test_a_password_that_anyone_would_try_is_refused(contents: None, password: str) -> None:
    with pytest.raises(PasswordGuessableError):
        users.create_user("dora", password, role=Role.VIEWER, actor=COMMAND_LINE)
    with pytest.raises(PasswordGuessableError):
        users.set_password(users.find_user("ada"), password, actor=COMMAND_LINE)
    assert sign_in("ada", ADA.password) == "ada"


@pytest.mark.parametrize(
    "password",
    ["dora.meier-12", "DORA-meier!!!", "meier@home.arpa", "the-blue-barn-2", "Launcher-2026",
     "doradoradora", "Frau Meier 1970"],
)  # fmt: skip
def test_a_password_of_what_everyone_knows_is_refused(contents: None, password: str) -> None:
    change_settings({"site_name": "The Blue Barn"}, actor=COMMAND_LINE)
    with pytest.raises(PasswordUnfitError):
        users.create_user(
            "dora.meier", password, role=Role.VIEWER, display_name="Frau Meier",
            email="dora@home.arpa", actor=COMMAND_LINE,
        )  # fmt: skip


@pytest.mark.parametrize(
    "password",
    ["dora likes her garden", "correct horse battery staple", "mein langes Passwort",
     "три слова подряд", "k3f9q-x8z2m-abcde-fghij",
     "a4tcx-ux7ag-gggci-bkepw"],
)  # fmt: skip
def test_a_good_password_is_accepted(contents: None, password: str) -> None:
    users.create_user("dora", password, role=Role.VIEWER, actor=COMMAND_LINE)
    assert sign_in("dora", password) == "dora"


def test_who_has_a_weak_password_from_before_still_signs_in(contents: None) -> None:
    ada = users.find_user("ada")
    ada.password_hash = passwords.hasher.hash("short")
    db.session.commit()
    assert sign_in("ada", "short") == "ada"


def test_the_site_starts_without_the_lists_of_passwords(data_dir: Path) -> None:
    code = "import sys, launcher.app; launcher.app.create_app(); print('zxcvbn' in sys.modules)"
    environment = {"LAUNCHER_DATA_DIR": str(data_dir), "PATH": ""}
    said = subprocess.check_output(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, text=True
    )
    assert said == "False\n"


def test_no_one_of_that_name(contents: None) -> None:
    with pytest.raises(UserNotFoundError):
        users.find_user("dora")


def test_a_new_password_replaces_the_old_one_and_its_mark(contents: None) -> None:
    ben = users.find_user("ben")
    before = password_version(ben.password_hash)
    users.set_password(ben, "a new long password", actor=COMMAND_LINE)
    assert sign_in("ben", "a new long password") == "ben"
    assert password_version(users.find_user("ben").password_hash) != before
    fail(1, "ben")


def test_a_new_password_ends_the_pause_for_that_name(contents: None) -> None:
    fail(5, "ben")
    users.set_password(users.find_user("ben"), "a new long password", actor=COMMAND_LINE)
    assert sign_in("ben", "a new long password", address="10.0.0.22") == "ben"


def test_the_last_admin_stays(contents: None) -> None:
    ada = users.find_user("ada")
    for attempt in (
        lambda: users.set_role(ada, Role.EDITOR, actor=COMMAND_LINE),
        lambda: users.set_active(ada, False, actor=COMMAND_LINE),
        lambda: users.delete_user(ada, actor=COMMAND_LINE),
    ):
        with pytest.raises(LastAdminError):
            attempt()
    assert users.find_user("ada").is_admin
    assert sign_in("ada", ADA.password) == "ada"


def test_who_is_the_last_admin_is_known_beforehand(contents: None) -> None:
    ada, ben = users.find_user("ada"), users.find_user("ben")
    assert users.is_last_admin(ada)
    assert not users.is_last_admin(ben)
    users.set_role(ben, Role.ADMIN, actor=COMMAND_LINE)
    assert not users.is_last_admin(ada)


def test_a_change_of_what_is_no_longer_so_is_refused(contents: None) -> None:
    ben = users.find_user("ben")
    seen = Standing.of(ben)
    users.set_active(ben, False, actor=COMMAND_LINE, seen=seen)
    for attempt in (
        lambda: users.set_role(ben, Role.ADMIN, actor=COMMAND_LINE, seen=seen),
        lambda: users.set_active(ben, True, actor=COMMAND_LINE, seen=seen),
        lambda: users.delete_user(ben, actor=COMMAND_LINE, seen=seen),
    ):
        with pytest.raises(AccountChangedError):
            attempt()
    ben = users.find_user("ben")
    assert Standing.of(ben) == Standing(Role.EDITOR, is_active=False)


def test_what_is_so_already_is_no_event(contents: None) -> None:
    before = db.session.query(AuditEvent).count()
    ben = users.find_user("ben")
    users.set_role(ben, Role.EDITOR, actor=COMMAND_LINE)
    users.set_active(ben, True, actor=COMMAND_LINE)
    users.set_display_name(ben, "Ben ", actor=COMMAND_LINE)
    assert db.session.query(AuditEvent).count() == before


@pytest.mark.parametrize("name", ["x" * 61, "two\nlines", "a\0b", "\u202eneb"])
def test_an_odd_display_name_is_refused(contents: None, name: str) -> None:
    ben = users.find_user("ben")
    with pytest.raises(DisplayNameUnfitError):
        users.set_display_name(ben, name, actor=COMMAND_LINE)
    with pytest.raises(DisplayNameUnfitError):
        users.create_user(
            "dora", "a long password", role=Role.VIEWER, display_name=name, actor=COMMAND_LINE
        )
    assert users.find_user("ben").name == "Ben"


def test_without_a_display_name_the_user_name_is_shown(contents: None) -> None:
    users.set_display_name(users.find_user("ben"), " ", actor=COMMAND_LINE)
    assert users.find_user("ben").name == "ben"


def test_an_admin_who_is_switched_off_does_not_count(contents: None) -> None:
    ben = users.find_user("ben")
    users.set_role(ben, Role.ADMIN, actor=COMMAND_LINE)
    users.set_active(ben, False, actor=COMMAND_LINE)
    with pytest.raises(LastAdminError):
        users.set_role(users.find_user("ada"), Role.VIEWER, actor=COMMAND_LINE)


def test_an_admin_may_go_when_another_stays(contents: None) -> None:
    users.set_role(users.find_user("ben"), Role.ADMIN, actor=COMMAND_LINE)
    users.delete_user(users.find_user("ada"), actor=COMMAND_LINE)
    assert [user.username for user in users.all_users()] == ["ben", "chloe"]
    with pytest.raises(LastAdminError):
        users.delete_user(users.find_user("ben"), actor=COMMAND_LINE)


def test_two_admins_who_remove_each_other_leave_one(app: Flask, contents: None) -> None:
    users.set_role(users.find_user("ben"), Role.ADMIN, actor=COMMAND_LINE)
    db.session.remove()
    both_ready = threading.Barrier(2, timeout=60)

    def demote(name: str) -> str:
        with app.app_context():
            both_ready.wait()
            try:
                users.set_role(users.find_user(name), Role.VIEWER, actor=COMMAND_LINE)
            except LastAdminError:
                return "refused"
            return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, ["ada", "ben"])) == ["done", "refused"]
    assert users.has_admin()


def test_a_user_who_goes_takes_their_tokens_along(contents: None) -> None:
    ben = users.find_user("ben")
    db.session.add(
        ApiToken(user=ben, name="phone", prefix="p", token_sha256="s", scopes=[TokenScope.STATUS])
    )
    db.session.commit()
    users.delete_user(ben, actor=COMMAND_LINE)
    assert db.session.query(ApiToken).count() == 0


def test_what_is_done_to_accounts_is_audited_without_secrets(contents: None) -> None:
    users.set_password(users.find_user("ben"), "a new long password", actor=COMMAND_LINE)
    sign_in("chloe", CHLOE.password)
    events = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).all()
    assert [(e.action, e.actor_name, e.target_name) for e in events[:2]] == [
        ("session.create", "chloe", ""),
        ("user.set_password", "command line", "ben"),
    ]
    assert "password" not in str([event.changes for event in events])


# Signing in


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", "wrong"), ("nobody", "wrong"), ("ada", ""), ("", ""), ("ada", "x" * 100_000),
     ("ada' --", "x"), ("ada\0", "x")],
)  # fmt: skip
def test_wrong_is_wrong_whatever_it_is(contents: None, username: str, password: str) -> None:
    with pytest.raises(SignInRefusedError) as refused:
        sign_in(username, password)
    assert str(refused.value) == "user name and password do not match"


def test_who_is_switched_off_cannot_sign_in(contents: None) -> None:
    users.set_active(users.find_user("ben"), False, actor=COMMAND_LINE)
    with pytest.raises(SignInRefusedError):
        sign_in("ben", BEN.password)


def test_an_unknown_name_costs_as_much_work_as_a_known_one(
    contents: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    known = passwords.is_password

    def counting(password_hash: str, password: str) -> bool:
        checked.append(password_hash)
        return known(password_hash, password)

    monkeypatch.setattr(passwords, "is_password", counting)
    fail(1, "nobody")
    fail(1, "ada")
    assert len(checked) == 2
    assert all(password_hash.startswith("$argon2id$") for password_hash in checked)


def test_after_five_failures_a_name_pauses_for_a_minute(contents: None) -> None:
    for number in range(5):
        fail(1, "ada", address=f"10.0.1.{number}")
    with pytest.raises(SignInThrottledError) as paused:
        sign_in("ada", ADA.password, address="10.0.2.1", now=NOW + SECOND)
    assert paused.value.retry_after_s == 59
    assert sign_in("ada", ADA.password, now=NOW + 60 * SECOND) == "ada"


def test_after_five_failures_an_address_pauses_for_a_minute(contents: None) -> None:
    for number in range(5):
        fail(1, f"guess{number}")
    with pytest.raises(SignInThrottledError):
        sign_in("ada", ADA.password)
    assert sign_in("ada", ADA.password, address="10.0.0.22") == "ada"


def test_knocking_during_the_pause_does_not_lengthen_it(contents: None) -> None:
    fail(5, "ada")
    for second in range(1, 60, 10):
        with pytest.raises(SignInThrottledError):
            sign_in("ada", "wrong", now=NOW + second * SECOND)
    assert sign_in("ada", ADA.password, now=NOW + 60 * SECOND) == "ada"


def test_after_the_pause_each_failure_pauses_again(contents: None) -> None:
    fail(5, "ada")
    fail(1, "ada", now=NOW + 60 * SECOND)
    with pytest.raises(SignInThrottledError):
        sign_in("ada", ADA.password, now=NOW + 61 * SECOND)


def test_failures_are_forgotten_after_a_quiet_quarter_of_an_hour(contents: None) -> None:
    fail(5, "ada")
    later = NOW + timedelta(minutes=15, seconds=1)
    fail(4, "ada", now=later)
    assert sign_in("ada", ADA.password, now=later) == "ada"
    assert db.session.query(SignInFailure).count() == 1


def test_success_wipes_the_slate_of_the_name_only(contents: None) -> None:
    fail(4, "ada")
    assert sign_in("ada", ADA.password) == "ada"
    for number in range(5):
        fail(1, f"guess{number}")
    assert sign_in("ada", ADA.password, address="10.0.0.22") == "ada"
    with pytest.raises(SignInThrottledError):
        sign_in("ben", BEN.password)


def test_one_person_who_keeps_failing_stops_no_one_else_at_the_address(contents: None) -> None:
    for minute in range(20):
        now = NOW + timedelta(minutes=minute)
        fail(4 if minute == 0 else 1, "chloe", now=now)
        assert sign_in("ben", BEN.password, now=now) == "ben"


def test_an_address_that_guesses_at_many_names_gets_one_try_a_minute(contents: None) -> None:
    tries = 0
    for second in range(0, 600, 4):
        try:
            fail(1, f"guess{second}", now=NOW + second * SECOND)
            tries += 1
        except SignInThrottledError:
            pass
    assert tries == 5 + 9


def test_no_stranger_keeps_a_user_from_a_device_of_theirs(contents: None) -> None:
    for second in range(120):
        with pytest.raises((SignInRefusedError, SignInThrottledError)):
            sign_in("ada", "wrong", address="10.6.6.6", now=NOW + second * SECOND)
        if second % 5 == 0:
            user = authenticate(
                "ada", ADA.password, address=HERE, device="mine", now=NOW + second * SECOND
            )
            assert user.username == "ada"


def test_a_success_on_a_known_device_gives_strangers_no_further_tries(contents: None) -> None:
    fail(5, "ada", address="10.6.6.6")
    authenticate("ada", ADA.password, address=HERE, device="mine", now=NOW)
    with pytest.raises(SignInThrottledError):
        sign_in("ada", "wrong", address="10.6.6.7")


def test_a_stolen_device_gets_as_few_tries_as_a_stranger(contents: None) -> None:
    def guess(now: datetime) -> None:
        authenticate("ada", "wrong", address="10.6.6.6", device="stolen", now=now)

    for _ in range(5):
        with pytest.raises(SignInRefusedError):
            guess(NOW)
    for second in (1, 59):
        with pytest.raises(SignInThrottledError):
            guess(NOW + second * SECOND)
    assert attempts_left("ada", address=HERE, device="stolen") == 0
    assert attempts_left("ada", address=HERE, device="mine") == 5
    with pytest.raises(SignInRefusedError):
        guess(NOW + 60 * SECOND)


def test_failures_dated_in_the_future_pause_no_one(contents: None) -> None:
    fail(5, "ada", now=NOW + timedelta(days=365))
    assert sign_in("ada", ADA.password) == "ada"


# Failures in the audit log


def refused() -> list[tuple[str, str, int]]:
    events = db.session.scalars(
        sa.select(AuditEvent).where(AuditEvent.action.startswith("session.refuse"))
    )
    return [(each.actor_name, each.address, each.changes["attempts"]) for each in events]


def test_failures_are_counted_in_the_audit_log_without_what_was_typed(
    contents: None, data_dir: Path
) -> None:
    fail(3, "ada")
    fail(1, "My secret passphrase")
    fail(2, "ADA", address="10.0.0.22", now=NOW + SECOND)
    assert refused() == [
        ("ada", HERE, 3), ("unknown name", HERE, 1), ("ada", "10.0.0.22", 2),
    ]  # fmt: skip
    db.session.rollback()
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        audited = [line for line in database.iterdump() if "audit_events" in line]
    assert not [line for line in audited if "secret" in line or "wrong" in line]


def test_failures_that_go_on_stay_one_row_and_later_ones_are_another(contents: None) -> None:
    for minute in range(0, 600, 20):
        fail(1, "ada", now=NOW + timedelta(minutes=minute))
    fail(1, "ada", now=NOW + timedelta(hours=12))
    assert refused() == [("ada", HERE, 30), ("ada", HERE, 1)]


def test_an_attack_from_everywhere_adds_a_bounded_number_of_rows(contents: None) -> None:
    for number in range(refusals.MAX_ADDRESSES + 50):
        fail(1, f"guess{number}", address=f"10.1.{number}.1")
    rows = refused()
    assert len(rows) == refusals.MAX_ADDRESSES + 1
    assert rows[-1] == ("unknown name", "", 50)


def test_rows_of_failures_that_restored_data_spoiled_are_left_alone(contents: None) -> None:
    fail(1, "ada")
    event = db.session.scalars(
        sa.select(AuditEvent).where(AuditEvent.action == refusals.SIGN_IN)
    ).one()
    event.changes = ["odd"]
    db.session.commit()
    fail(1, "ada")
    count = sa.select(sa.func.count()).where(AuditEvent.action == refusals.SIGN_IN)
    assert db.session.scalar(count) == 2


def test_an_ipv6_network_is_one_address(contents: None) -> None:
    for number in range(5):
        fail(1, f"guess{number}", address=f"2001:db8:1:2::{number}")
    with pytest.raises(SignInThrottledError):
        sign_in("ada", ADA.password, address="2001:db8:1:2:ffff::1")
    assert sign_in("ada", ADA.password, address="2001:db8:1:3::1") == "ada"


GUESS = """
import sys
from datetime import datetime
from launcher.accounts.errors import AccountError
from launcher.accounts.sign_in import authenticate
from launcher.app import create_app
app = create_app({"LAUNCHER_DATA_DIR": sys.argv[1]})
print("ready", flush=True)
sys.stdin.readline()
with app.app_context():
    for _ in range(6):
        try:
            authenticate(
                "ada", "wrong", address="10.0.0.9", now=datetime.fromisoformat(sys.argv[2])
            )
        except AccountError as error:
            print(error.code)
"""


def test_two_processes_at_once_get_no_more_tries_than_one(
    app: Flask, cast: object, data_dir: Path
) -> None:
    command = [sys.executable, "-c", GUESS, str(data_dir), NOW.isoformat()]
    guessers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for guesser in guessers:
        assert guesser.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda guesser: guesser.communicate("go\n")[0].split(), guessers)
    codes = [code for one in said for code in one]
    assert codes.count("sign_in_refused") == 5
    assert codes.count("sign_in_throttled") == 7


# The first admin


@pytest.fixture
def token_path(data_dir: Path) -> Path:
    return data_dir / "setup_token"


def claim(path: Path, token: str, *, username: str = "ada") -> str:
    return setup.claim_setup(
        path, token, username=username, password="ada's long password", address=HERE
    ).username


def test_a_new_site_has_a_setup_token_that_only_its_owner_reads(
    app: Flask, token_path: Path
) -> None:
    with app.app_context():
        token = setup.ensure_setup_token(token_path)
        assert setup.ensure_setup_token(token_path) == token
        assert setup.is_setup_token(token_path, token)
    assert len(token) >= 32
    assert stat.S_IMODE(token_path.stat().st_mode) == 0o600


def test_the_setup_link_makes_an_admin_once(app: Flask, token_path: Path) -> None:
    with app.app_context():
        token = setup.ensure_setup_token(token_path)
        assert claim(token_path, token) == "ada"
        assert users.find_user("ada").is_admin
        assert not token_path.exists()
        with pytest.raises(SetupRefusedError):
            claim(token_path, token, username="eve")
        assert setup.ensure_setup_token(token_path) == ""


@pytest.mark.parametrize("token", ["", "wrong", "ü"])
def test_a_wrong_setup_token_makes_no_one(app: Flask, token_path: Path, token: str) -> None:
    with app.app_context():
        setup.ensure_setup_token(token_path)
        with pytest.raises(SetupRefusedError):
            claim(token_path, token)
        assert not users.has_admin()


def test_an_unfit_password_does_not_use_the_token_up(app: Flask, token_path: Path) -> None:
    with app.app_context():
        token = setup.ensure_setup_token(token_path)
        with pytest.raises(PasswordUnfitError):
            setup.claim_setup(token_path, token, username="ada", password="short")
        assert claim(token_path, token) == "ada"


def test_a_token_left_lying_about_opens_nothing_once_there_is_an_admin(
    app: Flask, cast: object, token_path: Path
) -> None:
    token_path.write_text("left behind\n")
    with app.app_context():
        assert not setup.is_setup_token(token_path, "left behind")
        with pytest.raises(SetupRefusedError):
            claim(token_path, "left behind", username="eve")


def test_of_two_who_claim_at_once_one_becomes_admin(
    app: Flask, make_app: MakeApp, token_path: Path
) -> None:
    with app.app_context():
        token = setup.ensure_setup_token(token_path)
    workers = {name: make_app() for name in ("ada", "eve")}
    both_ready = threading.Barrier(2, timeout=60)

    def race(username: str) -> str:
        with workers[username].app_context():
            both_ready.wait()
            try:
                return claim(token_path, token, username=username)
            except SetupRefusedError:
                return "refused"

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(race, workers))
    assert said.count("refused") == 1
    with app.app_context():
        assert len(list(users.all_users())) == 1
