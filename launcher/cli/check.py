"""`flask check`: the health checks of apps, and one of them now."""

from __future__ import annotations

from collections.abc import Sequence

import click
from flask.cli import AppGroup

from launcher.checks.checked_apps import CheckedApp, checked_apps
from launcher.checks.conditions import read_conditions
from launcher.checks.history import outages_of, past_of, uptimes_of, year_of
from launcher.checks.outcome import Outcome, Reason
from launcher.checks.service import check_rules
from launcher.checks.shown import Conditions
from launcher.checks.spec import CheckSpec
from launcher.checks.trial import test_now
from launcher.cli.check_facts import (
    facts_of,
    in_english,
    outage_facts,
    outage_rows,
    outcome_facts,
    outcome_rows,
    response_words,
    row_of,
    sentences,
    since_words,
    uptime_words,
)
from launcher.cli.check_pauses import pause, resume
from launcher.cli.failures import Failure, using_database
from launcher.cli.lookup import find_app
from launcher.cli.output import moment, print_json, print_table, say
from launcher.cli.shell import json_option
from launcher.current import current_config
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import App, Health
from launcher.models.health import CheckKind
from launcher.models.types import utc_now

DOWN = 30
"""The exit code of `flask check run` where the app is down."""
_MAX_OUTAGES = 20

check = AppGroup(
    "check",
    help="Show the state of apps, check one now, and pause checks.\n\nAPP is an id or a name.",
)
check.add_command(pause)
check.add_command(resume)


@check.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in Health]),
    multiple=True,
    help="Only apps in this state (repeatable).",
)
@json_option
@using_database(writes=False)
def list_(states: Sequence[str], *, as_json: bool) -> None:
    """List the apps that are checked, with state and uptime.

    \b
    Examples:
      flask check list --state down --state slow
      flask check list --json
    """
    conditions = _conditions()
    found = [
        each
        for each in checked_apps(db.session, conditions)
        if not states or each.shown.state in states
    ]
    uptimes = uptimes_of(
        db.session,
        [each.id for each in found],
        now=conditions.now,
        zone=current_settings().zone,
    )
    with in_english():
        if as_json:
            print_json([facts_of(each, uptimes[each.id]) for each in found])
            return
        if found:
            rows: list[tuple[str, ...]] = [
                ("ID", "APP", "STATE", "SINCE", "RESPONSE", "24 H", "30 DAYS", "REASON")
            ]
            print_table([*rows, *(row_of(each, uptimes[each.id]) for each in found)])
    if not found:
        say("No app is in this state." if states else "No app is checked.")
    _say_conditions(conditions)


@check.command("show")
@click.argument("reference", metavar="APP")
@json_option
@using_database(writes=False)
def show(reference: str, *, as_json: bool) -> None:
    """Show state, uptime, certificate and outages of an app.

    \b
    Examples:
      flask check show Jellyfin
    """
    app, conditions = find_app(reference), _conditions()
    found = next(iter(checked_apps(db.session, conditions, app_id=app.id)), None)
    if found is None:
        raise Failure(
            f"{app.name} is not checked", hint="`flask check list` shows the apps that are checked."
        )
    now = conditions.now
    past = past_of(db.session, [app.id], now=now, zone=current_settings().zone)[app.id]
    year, outages = year_of(db.session, app.id, now=now), outages_of(db.session, app.id, now=now)
    with in_english():
        if as_json:
            facts = facts_of(found, past)
            more = {
                "uptime_7d": past.week.uptime,
                "uptime_1y": year.uptime,
                "certificate": dict(found.certificate) or None,
                "outages": [outage_facts(each) for each in outages],
            }
            print_json(facts | more)
            return
        uptimes = zip(
            ("24 h", "7 days", "30 days", "1 year"),
            (past.day, past.week, past.month, year),
            strict=True,
        )
        print_table(
            [
                ("APP", found.name),
                ("STATE", found.shown.state.value),
                *_if_any("SINCE", since_words(found)),
                *_if_any("REASON", _reason(found)),
                *_if_any("LAST CHECK", moment(found.last_at) if found.last_at else ""),
                *_if_any("RESPONSE", response_words(found.last_ms)),
                ("UPTIME", ", ".join(f"{name} {uptime_words(of.uptime)}" for name, of in uptimes)),
                *_if_any("CERTIFICATE", _certificate(found)),
            ]
        )
        if outages:
            print_table([("OUTAGE", "LENGTH", "REASON"), *outage_rows(outages[:_MAX_OUTAGES], now)])
    _say_conditions(conditions)


@check.command("run")
@click.argument("reference", metavar="APP")
@json_option
def run(reference: str, *, as_json: bool) -> None:
    """Check an app now and show the result.

    Nothing is recorded, and the next scheduled check is not affected. Ends with 0 if the app is
    up or slow, and with 30 if it is down.

    \b
    Examples:
      flask check run Jellyfin
      flask check run 7 --json
    """
    with using_database(writes=False):
        app, settings = find_app(reference), current_settings()
        spec = CheckSpec.of(app, app.check, settings, app.check_state)
    # Outside of the gate: a check may take long, and must not delay a restore.
    outcome = test_now(spec, check_rules(current_config()))
    with using_database(writes=False), in_english():
        if as_json:
            print_json(outcome_facts(app, spec, outcome))
        else:
            print_table(outcome_rows(app, spec, outcome))
    _end(app, spec, outcome)


def _end(app: App, spec: CheckSpec, outcome: Outcome) -> None:
    if spec.kind is CheckKind.SAMPLE:
        say("This is a sample result. Nothing was requested.")
    if outcome.reason is Reason.FAILED:
        raise Failure(
            f"{app.name} was not checked, because Launcher could not", hint="See the log."
        )
    if not outcome.is_up:
        raise click.exceptions.Exit(DOWN)


def _conditions() -> Conditions:
    settings = current_settings()
    return read_conditions(
        db.session, now=utc_now(), interval_s=settings.check_interval_s, zone=settings.zone
    )


def _say_conditions(conditions: Conditions) -> None:
    """Name what keeps all apps from being checked."""
    if not current_settings().checks_enabled:
        say("Checks are off. `flask settings set checks_enabled on` starts them.")
    elif conditions.pause:
        say(f"All checks are paused until {moment(conditions.pause.until)}.")
    elif conditions.offline_since:
        say(f"This server is offline since {moment(conditions.offline_since)}.")


def _if_any(title: str, text: str) -> list[tuple[str, str]]:
    return [(title, text)] if text else []


def _reason(found: CheckedApp) -> str:
    return sentences(found.error, found.facts) if found.has_failed else ""


def _certificate(found: CheckedApp) -> str:
    if not found.certificate_until:
        return ""
    names = ", ".join(str(each) for each in found.certificate.get("names", ()))
    issuer = f"issued by {found.certificate.get('issuer') or 'no name'}"
    if found.certificate.get("is_self_signed"):
        issuer = "self-signed"
    return f"until {moment(found.certificate_until)}, {issuer}, for {names}"
