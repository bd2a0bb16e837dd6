"""The panel: is the data safe, and which backups are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request

from launcher.backup.records import Verb
from launcher.backup.retention import decide
from launcher.current import current_application
from launcher.i18n.formats import exact, long, number
from launcher.i18n.labels import KIND_WORDS, STATE_WORDS, VERB_WORDS, damage
from launcher.models.types import utc_now
from launcher.notices import see
from launcher.problem_words import ACTION_WORDS
from launcher.web.frame import site_settings
from launcher.web.htmx import is_htmx, render
from launcher.web.inside import inside_briefly
from launcher.web.roles import admin_required

from . import words
from .alarm import set_alarm
from .cron_words import cron_words
from .keeping import periods, rule_words
from .rows import ListQuery, describe, read_query, turn_to
from .timeline import draw

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from launcher.situation import Situation

blueprint = Blueprint("backups", __name__, url_prefix="/admin/backups")
for _filter in (
    cron_words, exact, inside_briefly, number, words.at_time, damage, long,
    words.picture, words.short_day, words.short_time, words.until_day,
):  # fmt: skip
    blueprint.add_app_template_filter(_filter)


@blueprint.get("")
@admin_required
def show() -> ResponseReturnValue:
    """Show the panel; a store that is away is told of on it."""
    asked = read_query(request.args)
    seen = see(current_application(), now=utc_now(), rules=site_settings())
    set_alarm(seen)
    situation = seen.situation
    return render(
        "admin/backups.html",
        part="admin/_panel.html",
        is_part=is_htmx(),
        action_words=ACTION_WORDS,
        asked=asked,
        findings=seen.findings,
        kind_words=KIND_WORDS,
        state_words=STATE_WORDS,
        verb_words=VERB_WORDS,
        now=situation.now,
        operation=situation.running,
        situation=situation,
        **_list(situation, asked),
    )


def _list(situation: Situation, asked: ListQuery) -> dict[str, object]:
    """Return what is shown of a store that can be read, and of no other."""
    listing, policy = situation.listing, situation.rules.policy
    if listing is None or not listing.backups:
        return {"sheet": None, "rule": rule_words(policy)}
    sheet = turn_to(listing, asked)
    plan = decide(listing.backups, policy, zone=situation.rules.zone, now=situation.now)
    shown = {backup.id for backup in sheet.backups}
    rehearsal = next((e for e in situation.entries if e.verb is Verb.REHEARSE), None)
    return {
        "sheet": sheet,
        "rows": describe(
            sheet,
            {decision.backup.id: decision for decision in plan if decision.backup.id in shown},
            periods(plan, policy, situation.rules.zone),
            policy,
            situation.entries,
            now=situation.now,
        ),
        "rehearsal": rehearsal,
        "rule": rule_words(policy),
        "timeline": draw(situation),
    }
