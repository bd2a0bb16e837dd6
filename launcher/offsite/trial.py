"""The result of a test of a destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from launcher.offsite.records import Destination
from launcher.offsite.troubles import Trouble


class Step(StrEnum):
    """The steps of a test, in their order."""

    CONNECT = "connect"  # and sign in, and see bucket or folder
    WRITE = "write"
    LIST = "list"
    READ = "read"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class TrialStep:
    """One step: `took_s` in seconds, None where it was not tried. No trouble: it went well.

    `DELETE` with the trouble `DENIED` is a strength, and leaves the test passed.
    """

    step: Step
    took_s: float | None = None
    trouble: Trouble | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test found.

    Attributes:
        steps: all five, in their order.
        may_delete: False where deleting was refused; None where it was not tried.
        clock_apart_s, free_bytes: as the service said, None where it did not.
        other_sites: how many other sites have copies in this folder.
        own_copies: how many copies of this site are there already.
        is_in_memory: a folder that is lost at a restart.
        found: options that were left empty and found by the test, to be saved with those of the
            destination: `known_hosts` of SFTP.
    """

    steps: tuple[TrialStep, ...]
    may_delete: bool | None = None
    clock_apart_s: float | None = None
    free_bytes: int | None = None
    other_sites: int = 0
    own_copies: int = 0
    is_in_memory: bool = False
    found: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> TrialStep | None:
        """The step that failed, None for a test that was passed."""
        return next(
            (
                step
                for step in self.steps
                if step.trouble and not (step.step is Step.DELETE and self.may_delete is False)
            ),
            None,
        )

    @property
    def is_passed(self) -> bool:
        """Whether the destination can be used."""
        return self.failed is None


def as_tested(destination: Destination, trial: Trial, *, at: datetime) -> Destination:
    """Return a destination with what a test found that was passed at this moment."""
    return replace(
        destination,
        options={**destination.options, **trial.found},
        may_delete=trial.may_delete,
        tested_at=at,
    )
