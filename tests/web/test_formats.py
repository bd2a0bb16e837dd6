"""Numbers, sizes and moments as a reader sees them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.i18n.formats import ago, day_and_time, duration, exact, moment, number, size
from tests.web.visitor import Visitor

NOW = datetime(2026, 11, 22, 13, 7, 5, tzinfo=UTC)
Say = Callable[[str, Callable[[], object]], str]


@pytest.fixture
def say(app: Flask, set_site: Callable[..., None]) -> Say:
    """Format something for a reader of a language, in Berlin."""
    set_site(time_zone="Europe/Berlin")

    def speak(language: str, words: Callable[[], object]) -> str:
        with app.test_request_context(headers={"Accept-Language": language}):
            return str(words())

    return speak


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1460, "1.5 kB"), (999_499, "999 kB"),
        (999_500, "1 MB"), (11_800_000, "11.8 MB"), (99_950_000, "100 MB"),
        (1_500_000_000, "1.5 GB"), (3_200_000_000_000_000, "3,200 TB"),
    ],
)  # fmt: skip
def test_a_size_is_said_in_steps_of_a_thousand(say: Say, size_bytes: int, words: str) -> None:
    assert say("en", lambda: size(size_bytes)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.012, "12 ms"), (0.9994, "999 ms"), (0.9996, "1 s"), (2.44, "2.4 s"), (59.9, "59.9 s"),
        (59.96, "1 min"), (60, "1 min"), (2700, "45 min"), (3600, "1 h"), (172_799, "47 h"),
        (172_800, "2 days"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_its_largest_fitting_unit(
    say: Say, seconds: float, words: str
) -> None:
    assert say("en", lambda: duration(seconds)) == words


def test_figures_follow_the_language(say: Say) -> None:
    assert say("de", lambda: number(7340)) == "7.340"
    assert say("ru", lambda: size(11_800_000)) == "11,8\N{NO-BREAK SPACE}МБ"
    assert say("de", lambda: duration(2.4)) == "2,4\N{NO-BREAK SPACE}s"
    assert say("ru", lambda: duration(3 * 86400)) == "3 дня"


@pytest.mark.parametrize(
    ("language", "before", "words"),
    [
        ("en", timedelta(hours=2), "today, 12:07"),
        ("en", timedelta(hours=15), "yesterday, 23:07"),
        ("en", timedelta(days=19), "3 November, 14:07"),
        ("de", timedelta(days=19), "3. November, 14:07"),
        ("ru", timedelta(days=19), "3 ноября, 14:07"),
        ("ru", timedelta(hours=2), "сегодня, 12:07"),
    ],
)
def test_a_moment_is_said_in_the_zone_of_the_site(
    say: Say, language: str, before: timedelta, words: str
) -> None:
    assert say(language, lambda: day_and_time(NOW - before, now=NOW)) == words


def test_the_exact_moment_is_there_to_hover_over(say: Say) -> None:
    element = say("en", lambda: ago(NOW - timedelta(hours=3), now=NOW))
    assert element == (
        '<time datetime="2026-11-22T10:07:05+00:00" title="22 November 2026, 11:07:05 CET"'
        ' data-ago="-10800">3 hours ago</time>'
    )
    assert ">today, 11:07<" in say("en", lambda: moment(NOW - timedelta(hours=3), now=NOW))
    assert say("ru", lambda: exact(NOW)) == "22 ноября 2026\u202fг., 14:07:05 CET"  # noqa: RUF001
    assert ">21 hours ago<" in say(
        "en", lambda: ago(NOW - timedelta(hours=20, minutes=41), now=NOW)
    )
    assert ">1 day ago<" in say("en", lambda: ago(NOW - timedelta(hours=24), now=NOW))
    assert "через 3 часа" in say("ru", lambda: ago(NOW + timedelta(hours=3), now=NOW))


def test_a_zone_that_this_machine_does_not_know_breaks_no_page(
    app: Flask, ada: Visitor, data_dir: Path
) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        live.execute("UPDATE system_settings SET time_zone = 'Mars/Olympus_Mons'")
    for address in (
        "/",
        "/admin/backups",
        "/admin/backups/schedule",
        "/admin/jobs",
        "/admin/audit",
    ):
        assert ada.open(address).status_code == 200, address
