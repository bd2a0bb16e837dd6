"""A command says in words what JSON gives as a code."""

from __future__ import annotations

import pytest

from launcher.backup.records.operation import Verb
from launcher.cli.offsite_words import KITS, PLACES, STANDINGS, STEPS, WORKS, trouble_words
from launcher.cli.problem_words import BRIEFLY, OPERATIONS, UNDELIVERED
from launcher.monitoring.problems import ProblemKind
from launcher.notifications.sender import Undelivered
from launcher.offsite.records import Place
from launcher.offsite.status import KitState, Standing, Work
from launcher.offsite.trial import Step
from launcher.offsite.troubles import Trouble


@pytest.mark.parametrize("trouble", Trouble)
def test_each_trouble_of_a_place_has_a_sentence_and_a_next_step(trouble: Trouble) -> None:
    facts = {
        "host": "nas", "bucket": "ada", "region": "eu", "path": "/mnt", "name": "x", "detail": "y",
        "program": "rclone", "option": "host", "apart_s": 1200, "free_bytes": 1, "needed_bytes": 2,
    }  # fmt: skip
    for known in ({}, facts):
        sentence, hint = trouble_words(trouble, known)
        assert not sentence.endswith(".")
        assert hint.endswith(".")
        assert "{" not in sentence + hint


def test_the_other_words_of_places_are_complete() -> None:
    for words, members in (
        (PLACES, Place), (STANDINGS, Standing), (WORKS, Work), (STEPS, Step), (KITS, KitState),
    ):  # fmt: skip
        assert set(words) == set(members)


def test_each_problem_operation_and_delivery_has_words() -> None:
    assert set(BRIEFLY) == set(ProblemKind)
    assert set(OPERATIONS) == set(Verb)
    assert set(Undelivered) <= set(UNDELIVERED)
    words = [*BRIEFLY.values(), *OPERATIONS.values(), *UNDELIVERED.values()]
    assert not [each for each in words if "_" in each]
