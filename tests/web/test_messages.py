"""Each trouble in words that a person understands, in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from flask import Flask

from launcher.i18n import problems
from launcher.i18n.app import speaking
from launcher.i18n.locale import LOCALES
from launcher.models.types import utc_now
from launcher.monitoring.problems import Problem, ProblemKind, Severity
from launcher.monitoring.snapshot import Snapshot
from launcher.notifications import messages, recipients, sender
from launcher.notifications.alerts import Alert, AlertChange, AlertEvent
from launcher.notifications.messages import REASON_WORDS, RECIPIENT_ERROR_WORDS
from launcher.notifications.sender import Delivery, Undelivered
from launcher.settings.table import FALLBACK

NOW = utc_now()
SNAPSHOT = Snapshot(
    now=NOW, settings=FALLBACK, folder=Path("/backups"), listing=None, problem=None,
    is_writable=True, space=None, entries=(), has_history=True, running=None, next_run_at=None,
)  # fmt: skip


def test_every_problem_every_reason_and_every_refusal_has_words() -> None:
    raised = re.findall(r'RecipientError\(\s*"(\w+)"', Path(recipients.__file__).read_text())

    assert set(problems.OVER_WORDS) == set(ProblemKind)
    assert set(REASON_WORDS) == set(Undelivered)
    assert set(RECIPIENT_ERROR_WORDS) == {*raised, *(reason.value for reason in Undelivered)}


@pytest.mark.parametrize("language", LOCALES)
def test_a_message_says_what_happened_what_holds_and_what_to_do(app: Flask, language: str) -> None:
    site = replace(FALLBACK, default_locale=language, time_zone="Europe/Berlin", site_name="Home")
    for kind, severity in product(ProblemKind, Severity):
        alert = Alert(kind, seen_at=NOW - timedelta(hours=3))
        problem = Problem(
            kind, severity, since=NOW, count=3, code="insufficient_space", names=("a", "b"),
            free_bytes=3, needed_bytes=4, full_at=NOW,
        )  # fmt: skip
        for news, about in (
            (AlertChange.OPENED, problem),
            (AlertChange.STILL, problem),
            (AlertChange.ENDED, None),
        ):
            with app.app_context(), speaking(language, site.zone.key):
                message = messages.compose(AlertEvent(news, alert, about), SNAPSHOT)
            message = messages.signed(
                message, site_name=site.site_name, panel_url="https://home.example/admin"
            )

            assert message.title.startswith("Home: "), (kind, severity, news)
            assert message.body.count("\n") >= 1, (kind, severity, news)
            assert message.body.endswith("https://home.example/admin"), (kind, severity, news)
            assert "%(" not in message.title + message.body, (kind, severity, news)


def test_moments_are_those_of_the_site(app: Flask) -> None:
    problem = Problem(ProblemKind.FAILED, Severity.BAD, since=NOW, code="internal")
    with app.app_context(), speaking("en", "Asia/Tokyo"):
        assert "JST" in problems.text(problem, SNAPSHOT)
    with app.app_context(), speaking("en", "UTC"):
        assert "UTC" in problems.text(problem, SNAPSHOT)


def test_a_name_out_of_the_list_is_only_text_on_a_page_and_itself_in_a_message(app: Flask) -> None:
    names = ("<b>phone", "mail & more")
    problem = Problem(
        ProblemKind.NOTIFICATIONS_FAILING, Severity.WARN, since=NOW, count=2, names=names
    )
    with app.app_context(), speaking("en", "UTC"):
        written = problems.text(problem, SNAPSHOT)

    assert "&lt;b&gt;phone, mail &amp; more" in written
    assert "<b>phone, mail & more" in written.unescape()


def test_a_refused_delivery_is_said_by_its_status_alone(app: Flask) -> None:
    with app.app_context(), speaking("en", "UTC"):
        words = messages.delivery_words(Delivery(reason=Undelivered.ANSWERED, status=403))
        assert words == "The service rejected the message with status 403."
        assert messages.delivery_words(sender.Delivery(delivered=1)) == ""
