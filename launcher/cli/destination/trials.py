"""The test of a destination on a terminal."""

from __future__ import annotations

from collections.abc import Collection

from launcher.backup.ports import utc_now
from launcher.cli.offsite_failures import PlaceFailure
from launcher.cli.offsite_words import STEPS, trouble_words
from launcher.cli.output import one_line, put, say, size
from launcher.current import current_offsite
from launcher.offsite.records import Destination
from launcher.offsite.trial import Step, Trial, TrialStep, as_tested

_APART_S = 60


def tried_out(
    destination: Destination, *, cleared: Collection[str] = ()
) -> tuple[Destination, Trial]:
    """Test a destination, printing each step; return it with what was found.

    Stored secrets of the names in `cleared` are not used.

    Raises:
        PlaceFailure: a step failed.
    """
    trial = current_offsite().try_out(destination, on_step=_say_step, cleared=cleared)
    if failed := trial.failed:
        assert failed.trouble is not None  # noqa: S101 (that is why it failed)
        sentence, hint = trouble_words(failed.trouble, failed.facts)
        answer = f" (answer: {one_line(failed.answer)})" if failed.answer else ""
        message = f"the test failed at “{STEPS[failed.step]}”: {sentence}{answer}"
        raise PlaceFailure(message, hint=hint)
    _say_findings(trial)
    return as_tested(destination, trial, at=utc_now()), trial


def _say_step(step: TrialStep) -> None:
    is_refused = step.step is Step.DELETE and step.trouble is not None
    how = "ok" if step.trouble is None else "refused" if is_refused else "failed"
    took = f" {step.took_s:.2f} s" if step.took_s is not None else ""
    say(f"  {STEPS[step.step]:<9}{how:<8}{took}".rstrip())


def _say_findings(trial: Trial) -> None:
    put("This destination works.", fg="green", err=True)
    if trial.may_delete is False:
        say("Delete refused. That is good: an intruder on this server cannot delete your copies.")
    if trial.is_in_memory:
        say("Warning: this folder is in the memory of this server and is lost at a restart.")
    if trial.free_bytes is not None:
        say(f"Free space: {size(trial.free_bytes)}.")
    if trial.clock_apart_s is not None and abs(trial.clock_apart_s) > _APART_S:
        say(f"Warning: the clocks differ by {abs(trial.clock_apart_s):.0f} s.")
    if trial.other_sites:
        say("Copies of another site, or of this one before a recovery, are in this folder.")
        say("They are not touched.")
    if trial.own_copies:
        say(f"Copies of this site that are there already: {trial.own_copies}.")


def require_test(
    destination: Destination, *, skips: bool, cleared: Collection[str] = ()
) -> Destination:
    """Return a destination as its test found it, or as it is where the test is skipped."""
    if skips:
        return destination
    say("Testing the destination.")
    return tried_out(destination, cleared=cleared)[0]
