"""The one sentence of the page of all destinations: the worst first, and what is safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for
from markupsafe import Markup

from launcher.i18n.formats import isolated, listing, number
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.i18n.problems import text, title
from launcher.monitoring.problems import OF_COPIES, Findings, Problem, ProblemKind
from launcher.monitoring.snapshot import Snapshot
from launcher.offsite.status import DestinationStatus, OffsiteStatus, Standing
from launcher.web.admin.backups.banner import style_at
from launcher.web.admin.offsite.shown import places_words
from launcher.web.errors import NextStep


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page says first: `severity` is "ok", "warn" or "bad"."""

    severity: str
    title: str
    text: str | Markup = ""
    step: NextStep | None = None


def answer(findings: Findings, snapshot: Snapshot, status: OffsiteStatus) -> Answer | None:
    """Return the answer, None where there are no destinations.

    What is wrong is judged and worded as on the page of the backups.
    """
    of_copies = [each for each in findings.problems if each.kind in OF_COPIES]
    one_disk = findings.find(ProblemKind.ONE_DISK)
    if of_copies and of_copies[0] is not one_disk:
        return _of_problem(of_copies[0], snapshot)
    if not status.destinations:
        return None
    is_well = all(each.standing is Standing.UP_TO_DATE for each in status.destinations)
    return _of_problem(one_disk, snapshot) if one_disk and is_well else _good(status)


def _of_problem(problem: Problem, snapshot: Snapshot) -> Answer:
    style = style_at(snapshot.now)
    return Answer(
        problem.severity.value,
        title(problem, snapshot, style),
        text(problem, snapshot, style),
        _step(problem.kind),
    )


def _step(kind: ProblemKind) -> NextStep | None:
    if kind is ProblemKind.KIT_UNCONFIRMED:
        return NextStep(url_for("offsite.kit"), _("Open recovery kit"), "printer")
    if kind is ProblemKind.KEY_MISSING:
        return NextStep(url_for("offsite.keys"), _("Keys…"), "key-round")
    return None


def _good(status: OffsiteStatus) -> Answer:
    words = places_words(status.places) if status.places.copies else ""
    failing = [each for each in status.destinations if each.standing is Standing.BEHIND]
    if failing:  # for less than half a day, or the judge would name it
        names = listing([isolated(each.destination.name) for each in failing])
        return Answer("warn", _("Copying to %(names)s fails", names=names), words)
    paused = [each for each in status.destinations if each.standing is Standing.PAUSED]
    owed = sum(len(each.owed) for each in status.destinations if each not in paused)
    if owed and not any(each.owed for each in paused):
        count = ngettext(
            "%(count)s backup is waiting to be copied",
            "%(count)s backups are waiting to be copied",
            owed,
            count=number(owed),
        )
        return Answer("ok", count, words)
    if paused:
        return _of_paused(paused, status, words)
    return Answer("ok", _("All destinations are up to date"), words)


def _of_paused(
    paused: Sequence[DestinationStatus], status: OffsiteStatus, words: str | Markup
) -> Answer:
    """Say that some are paused: nothing copies there what is waiting."""
    severity = "warn" if any(each.owed for each in paused) else "ok"
    if len(paused) == len(status.destinations):
        return Answer(severity, _("All destinations are paused"), words)
    count = ngettext(
        "%(count)s destination is paused",
        "%(count)s destinations are paused",
        len(paused),
        count=number(len(paused)),
    )
    return Answer(severity, count, words)
