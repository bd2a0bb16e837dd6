"""The test of a destination in words, and the proof in the form that what is saved was tested."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from itsdangerous import BadData, URLSafeSerializer

from launcher.current import current_config
from launcher.i18n.formats import day_and_time, duration, isolated, size
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.i18n.offsite import (
    REFUSED_DELETE,
    REFUSED_DELETE_MEANS,
    STEP_WORDS,
    trouble_words,
)
from launcher.models.types import utc_now
from launcher.offsite.records import Destination
from launcher.offsite.trial import Step, Trial, TrialStep
from launcher.web.operations.stages import StageRow

_GOOD_FOR_S = 3600
_TOLERABLE_CLOCK_S = 60.0


@dataclass(frozen=True, slots=True)
class ShownTrial:
    """A test as the page shows it.

    Attributes:
        is_passed: whether the destination can be used.
        title: what was found; `advice` says what to do, "" where it works.
        answer: what the service answered, in its own words.
        facts: name and words of what is known besides.
    """

    is_passed: bool
    title: str
    advice: str
    answer: str
    tested_at: str
    rows: Sequence[StageRow]
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """That exactly this access was tested, when, and what was found."""

    at: datetime
    trial: Trial


def shown_trial(trial: Trial, *, at: datetime, facts: Sequence[tuple[str, str]]) -> ShownTrial:
    """Return the words about a test.

    Args:
        facts: what copying there would cost, of a test that was passed.
    """
    failed = trial.failed
    title, advice = _("This destination works"), ""
    if failed and failed.trouble:
        title, advice = trouble_words(failed.trouble, failed.facts)
    return ShownTrial(
        is_passed=trial.is_passed,
        title=title,
        advice=advice,
        answer=failed.answer if failed else "",
        tested_at=day_and_time(at, now=utc_now()),
        rows=tuple(_row(step, trial) for step in trial.steps),
        facts=(*(facts if trial.is_passed else ()), *_facts(trial)),
    )


def seal_failed(test: ShownTrial, *, user_id: int) -> str:
    """Return a failed test as a field of the form carries it until the form is saved."""
    return str(_signer("failed").dumps([user_id, asdict(test)]))


def unseal_failed(text: str, *, user_id: int) -> ShownTrial | None:
    """Return the test that `seal_failed` wrote for the same user, None for any other text."""
    try:
        owner, known = _signer("failed").loads(text)
        if owner != user_id:
            return None
        rows = [StageRow(**each) for each in known.pop("rows")]
        facts = [(str(name), str(words)) for name, words in known.pop("facts")]
        return ShownTrial(**known, rows=rows, facts=facts)
    except (BadData, TypeError, ValueError, KeyError):  # of another version
        return None


def seal_proof(destination: Destination, trial: Trial, *, at: datetime) -> str:
    """Return the proof of a passed test, "" for one that failed."""
    if not trial.is_passed:
        return ""
    facts = [_print_of(destination), at.isoformat(), trial.may_delete, dict(trial.found)]
    return str(_signer("proof").dumps(facts))


def read_proof(text: str, destination: Destination, *, now: datetime) -> Proof | None:
    """Return the proof of a test of this very access within the last hour, else None."""
    try:
        tested, at_text, may_delete, found = _signer("proof").loads(text)
        at, found = datetime.fromisoformat(at_text), {str(k): str(v) for k, v in found.items()}
    except (BadData, AttributeError, TypeError, ValueError):
        return None
    is_same = hmac.compare_digest(str(tested), _print_of(destination))
    is_new = 0 <= (now - at).total_seconds() < _GOOD_FOR_S
    trial = Trial((), may_delete=may_delete, found=found)
    return Proof(at, trial) if is_same and is_new else None


def has_same_access(one: Destination, other: Destination) -> bool:
    """Whether two records are reached in the same way, so that a test of one is one of both."""
    return _print_of(one) == _print_of(other)


def _print_of(destination: Destination) -> str:
    """Return what stands for where a destination is and how it is reached; it is keyed."""
    facts = [
        destination.service.value,
        sorted(destination.options.items()),
        sorted(destination.secrets.items()),
    ]
    key = current_config().secret_key.encode()
    return hmac.digest(key, repr(facts).encode(errors="replace"), "sha256").hex()[:32]


def _signer(salt: str) -> URLSafeSerializer:
    return URLSafeSerializer(current_config().secret_key, salt=f"offsite-{salt}")


def _row(step: TrialStep, trial: Trial) -> StageRow:
    words = STEP_WORDS[step.step]
    took = duration(step.took_s) if step.took_s is not None else ""
    if step.step is Step.DELETE and trial.may_delete is False:
        return StageRow("done", str(REFUSED_DELETE), took, note=str(REFUSED_DELETE_MEANS))
    if step.trouble:
        return StageRow("failed", str(words.ahead), took, note="")
    if step.took_s is None:
        return StageRow("", str(words.ahead), _("not tried"))
    return StageRow("done", str(words.done), took, note=_note(step, trial))


def _note(step: TrialStep, trial: Trial) -> str:
    """Return what a step found: who else uses this folder."""
    if step.step is not Step.LIST:
        return ""
    found = []
    if trial.own_copies:
        found.append(
            ngettext(
                "%(num)s copy of this site is there already.",
                "%(num)s copies of this site are there already.",
                trial.own_copies,
            )
        )
    if trial.other_sites:
        found.append(
            _(
                "Copies of another site, or of this one before a recovery, are in this folder."
                " They are not touched."
            )
        )
    return " ".join(found) or _("No other site uses this folder.")


def _facts(trial: Trial) -> Sequence[tuple[str, str]]:
    facts = []
    if trial.is_in_memory and trial.is_passed:
        facts.append((_("Disk"), _("Memory of this server. It is lost at a restart.")))
    if trial.free_bytes is not None:
        facts.append((_("Free space"), isolated(size(trial.free_bytes))))
    apart_s = trial.clock_apart_s
    if apart_s is not None and abs(apart_s) < _TOLERABLE_CLOCK_S:
        facts.append((_("Clock"), _("%(time)s apart", time=duration(abs(apart_s)))))
    elif apart_s is not None:
        words = _("%(time)s apart. Set the clock of this server.", time=duration(abs(apart_s)))
        facts.append((_("Clock"), words))
    return facts
