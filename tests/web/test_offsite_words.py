"""The words for troubles, steps and rules of copies in other places."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import force_locale

from launcher.i18n.offsite import (
    KEEP_RULE_WORDS,
    PLACE_WORDS,
    SERVICE_MEANINGS,
    SERVICE_WORDS,
    STEP_WORDS,
    TROUBLE_WORDS,
    trouble_words,
)
from launcher.offsite.records import KeepRule, Place, Service
from launcher.offsite.trial import Step
from launcher.offsite.troubles import Trouble

NO_BREAK = "\N{NARROW NO-BREAK SPACE}"

FACTS = {
    "host": "s3.example", "bucket": "ada", "region": "eu-west-1", "name": "test.txt",
    "fingerprint": "SHA256:abc", "path": "/mnt/nas", "program": "rclone", "option": "port",
    "other": "/data", "apart_s": 1200, "free_bytes": 12_000_000, "needed_bytes": 81_000_000,
}  # fmt: skip


def test_everything_has_words() -> None:
    assert set(TROUBLE_WORDS) == set(Trouble)
    assert set(STEP_WORDS) == set(Step)
    assert set(PLACE_WORDS) == set(Place)
    assert set(SERVICE_WORDS) == set(SERVICE_MEANINGS) == set(Service)
    assert set(KEEP_RULE_WORDS) == set(KeepRule)


@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_a_trouble_reads_as_sentences_with_all_facts_and_with_none(
    app: Flask, language: str
) -> None:
    with app.test_request_context(), force_locale(language):
        for trouble in Trouble:
            for facts in (FACTS, {}):
                title, advice = trouble_words(trouble, facts)
                assert title
                assert advice
                assert "%" not in title + advice
                assert "()" not in title + advice
                assert "“”" not in title


def test_the_facts_are_named(app: Flask) -> None:
    with app.test_request_context(), force_locale("en"):
        assert "20 min" in trouble_words(Trouble.CLOCK, FACTS)[0].replace(NO_BREAK, " ")
        assert "s3.example" in trouble_words(Trouble.UNREACHABLE, FACTS)[0]
        advice = trouble_words(Trouble.FULL, FACTS)[1].replace(NO_BREAK, " ")
        assert advice.startswith("12 MB free, 81 MB needed.")
