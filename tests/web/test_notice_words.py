"""Each trouble in words that a person understands, in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from flask import Flask

from launcher import messenger, notice_words, problem_words, targets
from launcher.alarms import Alarm, News, Tiding
from launcher.i18n.app import speaking
from launcher.i18n.locale import LOCALES
from launcher.messenger import Delivery, Reason
from launcher.models.types import utc_now
from launcher.notice_words import NOTICE_WORDS, REASON_WORDS
from launcher.setting_table import FALLBACK
from launcher.situation import Situation
from launcher.watch import Concern, Tone, Trouble

NOW = utc_now()
SITUATION = Situation(
    now=NOW, rules=FALLBACK, folder=Path("/backups"), listing=None, problem="", is_writable=True,
    space=None, entries=(), has_history=True, running=None, next_run_at=None,
)  # fmt: skip


def test_every_trouble_every_reason_and_every_refusal_has_words() -> None:
    raised = re.findall(r'NoticeError\(\s*"(\w+)"', Path(targets.__file__).read_text())

    assert set(problem_words.OVER_WORDS) == set(Concern)
    assert set(REASON_WORDS) == set(Reason)
    assert set(NOTICE_WORDS) == {*raised, *(reason.value for reason in Reason)}


@pytest.mark.parametrize("language", LOCALES)
def test_a_message_says_what_happened_what_holds_and_what_to_do(app: Flask, language: str) -> None:
    rules = replace(FALLBACK, default_locale=language, time_zone="Europe/Berlin", site_name="Home")
    for concern, tone in product(Concern, Tone):
        alarm = Alarm(concern, seen_at=NOW - timedelta(hours=3))
        trouble = Trouble(
            concern, tone, since=NOW, count=3, code="insufficient_space", names=("a", "b"),
            free_bytes=3, needed_bytes=4, full_at=NOW,
        )  # fmt: skip
        for news, about in ((News.OPENED, trouble), (News.STILL, trouble), (News.ENDED, None)):
            with app.app_context(), speaking(language, rules.zone.key):
                message = notice_words.compose(
                    Tiding(news, alarm, about),
                    situation=SITUATION, rules=rules, panel_url="https://home.example/admin",
                )  # fmt: skip

            assert message.title.startswith("Home: "), (concern, tone, news)
            assert message.body.count("\n") >= 1, (concern, tone, news)
            assert message.body.endswith("https://home.example/admin"), (concern, tone, news)
            assert "%(" not in message.title + message.body, (concern, tone, news)


def test_moments_are_those_of_the_site(app: Flask) -> None:
    trouble = Trouble(Concern.FAILED, Tone.BAD, since=NOW, code="internal")
    with app.app_context(), speaking("en", "Asia/Tokyo"):
        assert "JST" in problem_words.text(trouble, SITUATION)
    with app.app_context(), speaking("en", "UTC"):
        assert "UTC" in problem_words.text(trouble, SITUATION)


def test_a_name_out_of_the_list_is_only_text_on_a_page_and_itself_in_a_message(app: Flask) -> None:
    names = ("<b>phone", "mail & more")
    trouble = Trouble(Concern.NOTICES_FAILING, Tone.WARN, since=NOW, count=2, names=names)
    with app.app_context(), speaking("en", "UTC"):
        written = problem_words.text(trouble, SITUATION)

    assert "&lt;b&gt;phone, mail &amp; more" in written
    assert "<b>phone, mail & more" in written.unescape()


def test_a_refused_delivery_is_told_by_its_status_alone(app: Flask) -> None:
    with app.app_context(), speaking("en", "UTC"):
        words = notice_words.delivery_words(Delivery(reason=Reason.ANSWERED, status=403))
        assert words == "The service refused it with status 403."
        assert notice_words.delivery_words(messenger.Delivery(delivered=1)) == ""
