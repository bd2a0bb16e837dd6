"""Each reason to fail has words at every door, and the facts that those words name."""

from __future__ import annotations

import re

import pytest

from launcher.backup import errors
from launcher.backup.errors import BackupError
from launcher.backup.reasons import Reason, fill, read_fault
from launcher.cli.exits import EXIT_CODES
from launcher.cli.hints import HINTS, hint_for
from launcher.config import ROOT
from tests.support.reasons import RAISED, fault_of, named


def test_every_place_that_fails_gives_the_facts_that_its_words_name() -> None:
    assert len(RAISED) > 50
    for name, reason, facts in RAISED:
        hint = HINTS.get(reason, HINTS.get(getattr(errors, name).code, ""))
        assert named(reason.sentence) | named(hint) <= facts, (name, reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_used_and_says_its_facts(reason: Reason) -> None:
    used = sum(
        f"Reason.{reason.name}" in path.read_text()
        for path in (ROOT / "launcher").rglob("*.py")
        if path.name not in {"hints.py", "labels.py", "verdicts.py"}
    )
    assert used
    sentence = str(fault_of(reason))
    assert "{" not in sentence
    assert not sentence.endswith(".")


@pytest.mark.parametrize("key", HINTS)
def test_every_hint_of_the_command_line_is_for_a_reason_or_a_code(key: str) -> None:
    assert isinstance(key, Reason) or key in EXIT_CODES
    assert HINTS[key].endswith((".", "NAME."))


def test_the_hint_of_the_reason_comes_before_that_of_the_code() -> None:
    assert "list" in hint_for(errors.BackupNotFoundError(Reason.NO_SUCH_BACKUP, reference="x"))
    assert "create" in hint_for(errors.BackupNotFoundError(Reason.NO_GOOD_BACKUP))
    assert hint_for(BackupError(Reason.UNCLASSIFIED, sentence="x")) == ""


@pytest.mark.parametrize("reason", Reason)
def test_a_fault_that_was_written_down_is_read_again(reason: Reason) -> None:
    fault = fault_of(reason)
    assert read_fault(str(fault), fault.reason.value, dict(fault.facts)) == fault


@pytest.mark.parametrize(
    ("reason", "facts"),
    [("", {}), ("of_tomorrow", {}), ("cut_off", {}), ("cut_off", [1]), (None, None),
     ("cut_off", {"size_bytes": "x", "announced_bytes": 3})],
)  # fmt: skip
def test_a_record_without_a_known_reason_keeps_its_sentence(reason: object, facts: object) -> None:
    fault = read_fault("the file is odd {x}", reason, facts)
    assert fault is not None
    assert (fault.reason, str(fault)) == (Reason.UNCLASSIFIED, "the file is odd {x}")
    assert read_fault("", reason, facts) is None


@pytest.mark.parametrize("reason", [Reason.NO_SPACE, Reason.NO_SPACE_TO_UNPACK])
@pytest.mark.parametrize("free", [0, 1, 1_449_999, 1_450_000, 11_800_000, 10**12])
@pytest.mark.parametrize("short_of", [1, 999, 16 << 20])
def test_what_is_needed_is_more_than_what_is_free_as_it_is_written(
    reason: Reason, free: int, short_of: int
) -> None:
    facts = {"what": "it", "path": "/", "database_bytes": 1,
        "required_bytes": free + short_of, "available_bytes": free}  # fmt: skip
    said = fill(reason.sentence, facts)
    written = re.findall(r"([\d,.]+) ([kM]B)", said)
    bytes_ = [float(n.replace(",", "")) * {"kB": 1e3, "MB": 1e6}[unit] for n, unit in written]
    assert bytes_[0] > bytes_[-1], said


def test_figures_and_names_are_written_as_people_read_them() -> None:
    assert fill("{a:MB} {a:GB}{b:since}{c:since} {d:maker} {c:maker}",
                {"a": 2_500_000_000, "b": "2026-11-22T12:03:00+00:00", "c": "", "d": "2.0"}) == (
        "2,500.0 MB 2.5 GB since 12:03:00 UTC Launcher 2.0 a newer version of Launcher"
    )  # fmt: skip
