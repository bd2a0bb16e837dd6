"""What the overview says of copies in other places: their line, and where its first step leads."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from launcher.i18n.locale import gettext as _
from launcher.monitoring.problems import OF_COPIES, Findings, Headline, ProblemKind, Severity
from launcher.notifications.assessment import Assessment
from launcher.web.admin.offsite.shown import places_words
from launcher.web.errors import NextStep


@dataclass(frozen=True, slots=True)
class CopiesLine:
    """How copies in other places are, in a few words."""

    severity: Severity
    words: str


def copies_line(seen: Assessment) -> CopiesLine | None:
    """Return the line, None where there are no destinations, or nothing is known of them.

    What is wrong is among the problems of backups; here it is the colour of the line.
    """
    offsite = seen.snapshot.offsite
    if offsite is None or not offsite.destinations:
        return None
    severities = {each.severity for each in seen.findings.problems if each.kind in OF_COPIES}
    worst = next(
        (each for each in (Severity.BAD, Severity.WARN) if each in severities), Severity.OK
    )
    is_anywhere = any(each.newest_good for each in offsite.destinations)
    words = places_words(offsite.places).removesuffix(".") if is_anywhere else _("No copies yet")
    return CopiesLine(worst, words)


def first_step(findings: Findings) -> NextStep:
    """Return where the worst of the problems is to be mended."""
    kinds = [each.kind for each in findings.problems[:1]]
    if findings.headline is Headline.RECENT_GOOD and kinds == [ProblemKind.KIT_UNCONFIRMED]:
        return NextStep(url_for("offsite.kit"), _("Open recovery kit"))
    if findings.headline is Headline.RECENT_GOOD and OF_COPIES.issuperset(kinds) and kinds:
        return NextStep(url_for("offsite.index"), _("Go to off-site copies"))
    return NextStep(url_for("backups.show"), _("Go to backups"))
