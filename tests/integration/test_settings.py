"""What an admin may change, and what not, whichever door they come through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import hypothesis
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskCliRunner
from hypothesis import strategies as st

from launcher.audit import Actor
from launcher.current import current_config
from launcher.db.settings import SettingsRefusedError, change_settings, current_settings
from launcher.extensions import db
from launcher.models import AuditEvent, SystemSettings
from launcher.schedule.cron import next_runs
from launcher.settings.kinds import SettingError
from launcher.settings.table import SETTINGS, read
from tests.support.service import run

ADA = Actor("ada", id=1, address="10.0.0.21")


NETWORKS = "192.168.1.0/24\nfd12:3456::/64"


@pytest.fixture
def contents(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("site_name", "  Home  ", "Home"),
        ("site_name", "Дом", "Дом"),
        ("default_locale", "de", "de"),
        ("time_zone", "Europe/Berlin", "Europe/Berlin"),
        ("accent_hue", "0", 0),
        ("accent_hue", 359, 359),
        ("guest_access", "on", True),
        ("guest_access", "OFF", False),
        ("guest_access", True, True),
        ("check_interval_s", "10", 10),
        ("backup_cron_expression", "30 2 * * 1-5", "30 2 * * 1-5"),
        ("backup_cron_expression", " 0  3 1 * 7 ", "0 3 1 * 7"),
        ("backup_cron_expression", "@Daily", "@daily"),
        ("backup_cron_expression", "@hourly", "@hourly"),
        ("backup_cron_expression", "@weekly", "@weekly"),
        ("backup_cron_expression", "@monthly", "@monthly"),
        ("backup_cron_expression", "@yearly", "@yearly"),
        ("backup_cron_expression", "0 3 29 2 *", "0 3 29 2 *"),
        ("backup_cron_expression", "0 3 L * *", "0 3 L * *"),
        ("backup_cron_expression", "0 3 * * 5L", "0 3 * * 5L"),
        ("backup_cron_expression", "0 3 * * fri#1", "0 3 * * fri#1"),
        ("backup_cron_expression", "0 3 1 jan-mar sun", "0 3 1 jan-mar sun"),
        ("backup_cron_expression", "0 3 31 2 1", "0 3 31 2 1"),  # or any Monday of February
        ("backup_cron_expression", "@midnight", "@midnight"),
        ("backup_cron_expression", "@annually", "@annually"),
        ("backup_max_count", "1", 1),
        ("backup_keep_weekly", "0", 0),
        ("backup_stale_after_h", "8760", 8760),
        ("backup_restore_test", " Monthly", "monthly"),
        ("backup_restore_test", "off", "off"),
        ("home_networks", "", ""),
        ("home_networks", "192.168.1.20/24\r\n\r\n fd12:3456::1/64 ", NETWORKS),
        ("home_networks", "192.168.1.0/255.255.255.0, 192.168.1.7/24; fd12:3456::/64", NETWORKS),
        ("home_networks", "fe80::1%eth0/10 10.0.0.7", "fe80::/10\n10.0.0.7/32"),
        ("home_networks", "::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ("home_networks", "0.0.0.0/0 ::/0", "0.0.0.0/0\n::/0"),
        ("home_hosts", "", ""),
        (
            "home_hosts",
            "Launcher.Home.ARPA.\n .lan, launcher.lan",
            "launcher.home.arpa\n.lan\nlauncher.lan",
        ),
        ("home_hosts", "müller.example", "xn--mller-kva.example"),
        ("home_hosts", "10.0.0.7 [FD12::0:1]", "10.0.0.7\n[fd12::1]"),
    ],
)
def test_it_takes(name: str, value: object, kept: object) -> None:
    taken = read(name, value)
    assert (taken, type(taken)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("site_name", "   ", "empty"),
        ("site_name", "x" * 61, "too_long"),
        ("site_name", "two\nlines", "control_characters"),
        ("default_locale", "tlh", "locale"),
        ("default_locale", "", "locale"),
        ("backup_restore_test", "", "choice"),
        ("backup_restore_test", "yearly", "choice"),
        ("backup_restore_test", "0 4 * * 0", "choice"),
        ("time_zone", "Berlin", "time_zone"),
        ("time_zone", "../../etc/passwd", "time_zone"),
        ("accent_hue", "360", "range"),
        ("accent_hue", "-1", "number"),
        ("accent_hue", "12.5", "number"),
        ("accent_hue", 12.5, "number"),
        ("accent_hue", True, "number"),
        ("accent_hue", "٣", "number"),
        ("accent_hue", "9" * 5000, "range"),
        ("guest_access", "maybe", "switch"),
        ("guest_access", "", "switch"),
        ("check_interval_s", "9", "range"),
        ("home_networks", "192.168.1", "network"),
        ("home_networks", "192.168.1.0/33", "network"),
        ("home_networks", "10.0.0.0/8\nhome", "network"),
        ("home_networks", "٣.0.0.0/8", "network"),
        ("home_networks", " ".join(f"10.0.0.{last}" for last in range(51)), "too_many"),
        ("home_networks", "/" * 100_000, "network"),
        ("home_hosts", "https://launcher.home.arpa", "host_name"),
        ("home_hosts", "launcher.home.arpa:8000", "host_name"),
        ("home_hosts", "a..b", "host_name"),
        ("home_hosts", ".", "host_name"),
        ("home_hosts", "[10.0.0.7]", "host_name"),
        ("home_hosts", "x" * 64, "host_name"),
        ("home_hosts", "x." * 130 + "x", "host_name"),
        ("backup_max_count", "0", "range"),
        ("backup_keep_daily", "-1", "number"),
        ("backup_stale_after_h", "0", "range"),
        ("backup_cron_expression", "", "cron_fields"),
        ("backup_cron_expression", "0 3 * *", "cron_fields"),
        ("backup_cron_expression", "0 0 3 * * *", "cron_seconds"),
        ("backup_cron_expression", "0 0 3 * * * 2027", "cron_seconds"),
        ("backup_cron_expression", "0 3 * * * * * *", "cron_fields"),
        ("backup_cron_expression", "@sometimes", "cron_fields"),
        ("backup_cron_expression", "@reboot", "cron_fields"),
        ("backup_cron_expression", "60 3 * * *", "cron"),
        ("backup_cron_expression", "0 3 31 2 *", "cron_never"),
        ("backup_cron_expression", "0 3 30,31 feb *", "cron_never"),
        ("backup_cron_expression", "0 3 31 4,6,9,11 *", "cron_never"),
        ("backup_cron_expression", "0 3 31 2 */2", "cron_never"),
        ("backup_cron_expression", "0 3 32 2 *", "cron"),
        ("backup_cron_expression", "0 24 * * *", "cron"),
        ("backup_cron_expression", "0 3 0 * *", "cron"),
        ("backup_cron_expression", "0 3 * 13 *", "cron"),
        ("backup_cron_expression", "0 3 * * 8", "cron"),
        ("backup_cron_expression", "0 3 * * 5-1", "cron"),
        ("backup_cron_expression", "0 3 * * 5#6", "cron"),
        ("backup_cron_expression", "0 3 * * 5#0", "cron"),
        ("backup_cron_expression", "0 3 * * L5", "cron"),
        ("backup_cron_expression", "L 3 * * *", "cron"),
        ("backup_cron_expression", "0 3 15W * *", "cron"),
        ("backup_cron_expression", "0 3 ? * *", "cron"),
        ("backup_cron_expression", "*/0 3 * * *", "cron"),
        ("backup_cron_expression", "-1 3 * * *", "cron"),
        ("backup_cron_expression", "1,,2 3 * * *", "cron"),
        ("backup_cron_expression", "1.5 3 * * *", "cron"),
        ("backup_cron_expression", "٣ 3 * * *", "cron"),
        ("backup_cron_expression", "0 3 * * ²L", "cron"),
        ("backup_cron_expression", "0 3 * * *; rm", "cron_seconds"),
        ("backup_cron_expression", "9" * 150 + " 3 * * *", "cron"),
        ("backup_cron_expression", "9" * 5000 + " 3 * * *", "too_long"),
        ("backup_cron_expression", "0 3 * * " + ",".join("1" * 200), "too_long"),
        ("backup_cron_expression", "0 3 * * noday", "cron"),
        ("session_epoch", "mine", "unknown"),
        ("id", "2", "unknown"),
        ("data_dir", "/", "unknown"),
    ],
)
def test_it_refuses(name: str, value: object, code: str) -> None:
    with pytest.raises(SettingError) as refused:
        read(name, value)
    assert (refused.value.name, refused.value.code) == (name, code)


def test_every_default_would_be_accepted() -> None:
    for name, field in SETTINGS.items():
        assert read(name, field.default) == field.default


def test_every_column_is_a_setting_but_the_two_that_no_one_may_change() -> None:
    columns = {column.name for column in SystemSettings.__table__.columns}
    assert columns - set(SETTINGS) == {"id", "session_epoch"}


def test_a_change_is_kept_and_audited(contents: None) -> None:
    changes = change_settings({"site_name": "Home", "accent_hue": "256"}, actor=ADA)
    assert changes == {"site_name": ("Launcher", "Home")}
    assert current_settings().site_name == "Home"
    event = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (event.action, event.actor_name, event.address) == (
        "settings.update",
        "ada",
        "10.0.0.21",
    )
    assert event.changes == {"site_name": ["Launcher", "Home"]}


def test_one_bad_value_keeps_all_as_they_were_and_names_every_bad_one(contents: None) -> None:
    with pytest.raises(SettingsRefusedError) as refused:
        change_settings(
            {"site_name": "Home", "accent_hue": "400", "backup_max_count": "0"}, actor=ADA
        )
    assert [error.name for error in refused.value.errors] == ["accent_hue", "backup_max_count"]
    assert current_settings().site_name == "Launcher"


def test_the_command_shows_them_all(runner: FlaskCliRunner) -> None:
    done = runner.invoke(args=["settings", "get"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(SETTINGS)


def test_the_command_prints_one_value_alone(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["settings", "get", "guest_access"]).stdout == "off\n"
    done = runner.invoke(args=["settings", "set", "home_networks", "10.0.0.1/8, fd12::/64"])
    assert done.stderr == 'home_networks is now 10.0.0.0/8 fd12::/64 (was "")\n'
    shown = runner.invoke(args=["settings", "get", "home_networks"]).stdout
    assert shown == "10.0.0.0/8 fd12::/64\n"
    done = runner.invoke(args=["settings", "set", "home_networks", shown])
    assert done.stderr.endswith("already\n")


def test_the_command_says_that_the_settings_are_lost(app: Flask, runner: FlaskCliRunner) -> None:
    run(current_config(app).database_path, "DELETE FROM system_settings")
    done = runner.invoke(args=["settings", "get"])
    assert done.exit_code == 18
    assert done.stderr.startswith("Error: launcher.db: it holds no settings.\n")


def test_the_command_changes_one(runner: FlaskCliRunner) -> None:
    done = runner.invoke(args=["settings", "set", "backup_cron_expression", "@weekly"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "backup_cron_expression is now @weekly (was 0 3 * * *)" in done.stderr
    shown = runner.invoke(args=["settings", "get", "backup_cron_expression"]).stdout
    assert shown == "@weekly\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["set", "accent_hue", "400"], "Error: accent_hue: must be from 0 to 359.\n"),
        (["set", "colour", "1"], "Error: colour: there is no such setting.\n"),
        (["get", "colour"], "Error: colour: there is no such setting.\n"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    runner: FlaskCliRunner, args: list[str], message: str
) -> None:
    done = runner.invoke(args=["settings", *args])
    assert done.exit_code == 1
    assert done.stderr.startswith(message)
    assert "`flask settings get` shows them all." in done.stderr


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 0 3 * * *", "leave the seconds"),
        ("0 3 31 2 *", "never comes due: no month it names has such a day"),
        ("0 3 * * 8", "'8' is no day-of-week; allowed are 0 to 7"),
        ("61 3 * * *", "'61' is no minute; allowed are 0 to 59"),
        ("0 3 32 * *", "'32' is no day-of-month; allowed are 1 to 31"),
        ("0 3 * *", "must have five fields"),
    ],
)
def test_a_wrong_expression_is_refused_with_the_reason(expression: str, words: str) -> None:
    with pytest.raises(SettingError, match=re.escape(words)):
        read("backup_cron_expression", expression)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(st.text(alphabet="0123456789*/,-#L @abfnrismoe\x00٣²W?", max_size=40))
def test_no_text_makes_it_stumble(text: str) -> None:
    """It is refused with a reason, or it comes due one day."""
    try:
        kept = read("backup_cron_expression", text)
    except SettingError:
        return
    assert next_runs(str(kept), after=datetime.now(UTC), zone=UTC)
