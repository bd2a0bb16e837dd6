"""A command says in words what JSON gives as a code."""

from __future__ import annotations

from launcher.backup.records.operation import Verb
from launcher.cli.problem_words import BRIEFLY, OPERATIONS, UNDELIVERED
from launcher.monitoring.problems import ProblemKind
from launcher.notifications.sender import Undelivered


def test_each_problem_operation_and_delivery_has_words() -> None:
    assert set(BRIEFLY) == set(ProblemKind)
    assert set(OPERATIONS) == set(Verb)
    assert set(Undelivered) <= set(UNDELIVERED)
    words = [*BRIEFLY.values(), *OPERATIONS.values(), *UNDELIVERED.values()]
    assert not [each for each in words if "_" in each]
