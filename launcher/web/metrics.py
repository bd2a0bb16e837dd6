"""`/metrics` for Prometheus: the same facts as the panel, as numbers.

Names follow https://prometheus.io/docs/practices/naming/. The view does not wait for
the gate, and needs nothing from the live database: it answers when the site does not, then without
what is known of apps. That holds for the token of the environment; an API token is in the database,
and needs it.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError

from launcher.accounts import tokens
from launcher.accounts.errors import TokenExpiredError, TokenInvalidError, TokenThrottledError
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.operation import Outcome, Verb
from launcher.current import current_application, current_backups, current_config
from launcher.db.content import APP_VERSION
from launcher.db.session import enter_at_once, release, ungated
from launcher.models import TokenScope
from launcher.monitoring.problems import ProblemKind
from launcher.monitoring.snapshot import Snapshot
from launcher.notifications.assessment import Assessment, assess
from launcher.web import copy_metrics
from launcher.web.checks import metrics as of_checks
from launcher.web.gauges import gauge

if TYPE_CHECKING:
    from flask import Flask
    from prometheus_client import Metric
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    from launcher.backup.records.operation import JournalEntry

blueprint = Blueprint("metrics", __name__)

_HELP = {
    "build_info": "The version that runs.",
    "backup_last_success_timestamp_seconds": (
        "When the newest good backup of this site was created."
    ),
    "backup_last_attempt_timestamp_seconds": (
        "When a backup was last attempted, with any outcome."
    ),
    "backup_last_attempt_failed": "Whether the last attempt at a backup failed.",
    "backup_last_success_duration_seconds": "How long the newest good backup took.",
    "backup_last_success_database_bytes": "Size of the database in the newest good backup.",
    "backup_last_success_stored_bytes": "Size of the file of the newest good backup.",
    "backup_last_restore_test_timestamp_seconds": "When a restore test last succeeded.",
    "backup_store_up": "Whether the backup folder can be read.",
    "backups": "Backups by kind and state.",
    "backup_stored_bytes": "Disk space that all backups use.",
    "backup_free_bytes": "Free space on the disk of the backups.",
    "backup_needed_bytes": "Temporary space for the next backup, estimated from the newest one.",
    "database_up": "Whether the database opens.",
    "backup_schedule_enabled": "Whether scheduled backups are on.",
    "backup_next_run_timestamp_seconds": "The next scheduled backup.",
    "scheduler_leader": "Whether a scheduler process is running.",
    "scheduler_leader_since_timestamp_seconds": "When the current scheduler process took over.",
    "problem": "Whether this problem exists now.",
    "alert_open": "Whether a notification of this problem was sent and it is not resolved.",
    "recipients_failing": "Recipients whose last message failed.",
}
"""What each gauge says, by its name without `launcher_`."""


@blueprint.get("/metrics")
@ungated
def show() -> Response:
    """Answer with every metric to a client with a token.

    Without one: 404 where none is set in the environment. API tokens alone do not show that there
    are metrics.
    """
    if not knows_token() and (refusal := _refusal()):
        return refusal
    from prometheus_client import generate_latest  # noqa: PLC0415  (only this view needs it)
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4  # noqa: PLC0415

    text = generate_latest(_Collector(current_application()))
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def knows_token() -> bool:
    """Whether this request carries the token of the metrics; False where none is set."""
    token = current_config().metrics_token
    return bool(token) and hmac.compare_digest(_given_token().encode(), token.encode())


def has_scope(scope: TokenScope) -> bool:
    """Whether this request carries a valid API token of `scope`.

    Reads the database only for a token; False while a restore replaces it, or it cannot be read.
    """
    given = _given_token()
    if not given or not enter_at_once():
        return False
    try:
        token = tokens.authenticate(given, address=request.remote_addr or "")
    except (TokenThrottledError, TokenInvalidError, TokenExpiredError, SQLAlchemyError, OSError):
        return False
    else:
        return scope in token.scopes and token.user.is_admin
    finally:
        release()


def _given_token() -> str:
    """Return the bearer token of this request, "" where there is none."""
    # Not `request.authorization`: it fails for a header that holds no ASCII.
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _refusal() -> Response | None:
    """Return the answer to a request without a valid API token of scope `metrics`."""
    given = _given_token()
    if not given:
        # The site's own page of what is not found would read the database.
        is_set = bool(current_config().metrics_token)
        return _refuse("a bearer token is needed") if is_set else _plain("not found", 404)
    if not enter_at_once():
        return _plain("a restore is replacing the data", 503, {"Retry-After": "2"})
    try:
        return _refusal_of(given)
    finally:
        release()  # what follows reads the settings on its own, and must not delay a restore


def _refusal_of(given: str) -> Response | None:
    try:
        token = tokens.authenticate(given, address=request.remote_addr or "")
        may_read = TokenScope.METRICS in token.scopes and token.user.is_admin
    except TokenThrottledError as error:
        return _plain("too many invalid tokens", 429, {"Retry-After": str(error.wait_s)})
    except (TokenInvalidError, TokenExpiredError):
        return _refuse("the token is not valid", ', error="invalid_token"')
    except (SQLAlchemyError, OSError):
        return _plain("the database cannot be read", 503, {"Retry-After": "30"})
    if not may_read:
        return _plain("the token needs the scope metrics, and an admin as its owner", 403)
    return None


def _refuse(text: str, more: str = "") -> Response:
    return _plain(text, 401, {"WWW-Authenticate": f'Bearer realm="metrics"{more}'})


def _plain(text: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(f"{text}\n", status, headers, mimetype="text/plain")


class _Collector:
    """Collects at each scrape; nothing is kept between two."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        found = assess(self._app)
        journal = current_backups().journal(limit=None)
        yield _table("build_info", ("version",), {(APP_VERSION,): 1})
        yield from _of_success(found.snapshot, journal)
        yield from _of_the_store(found.snapshot)
        yield from _of_the_schedule(found.snapshot)
        yield from copy_metrics.collect(found.snapshot.offsite)
        yield from _of_problems(found)
        yield _operations(journal)
        yield from of_checks.collect()


def _of_success(snapshot: Snapshot, journal: Sequence[JournalEntry]) -> Iterator[Metric]:
    good = snapshot.last_good
    tried = _newest(journal, Verb.CREATE)
    made = _newest(journal, Verb.CREATE, backup_id=good.id) if good else None
    tested = _newest(journal, Verb.TEST_RESTORE, outcome=Outcome.SUCCEEDED)
    tried_at = tried.started_at if tried else good.created_at if good else None
    has_failed = tried is not None and tried.outcome is not Outcome.SUCCEEDED
    took_s = (made.ended_at - made.started_at).total_seconds() if made else None
    database, file = (good.database, good.file) if good else (None, None)
    yield _moment("backup_last_success", good.created_at if good else None)
    yield _moment("backup_last_attempt", tried_at)
    yield _value("backup_last_attempt_failed", has_failed)
    yield _value("backup_last_success_duration_seconds", took_s)
    yield _value("backup_last_success_database_bytes", database.size_bytes if database else None)
    yield _value("backup_last_success_stored_bytes", file.size_bytes if file else None)
    yield _moment("backup_last_restore_test", tested.ended_at if tested else None)


def _of_the_store(snapshot: Snapshot) -> Iterator[Metric]:
    listing, space = snapshot.listing, snapshot.space
    counts: dict[tuple[str, ...], int] = {}
    if listing:
        counts = {(kind.value, state.value): 0 for kind in Kind for state in State}
        for backup in listing.backups:
            counts[backup.kind.value, backup.verification.state.value] += 1
    yield _value("backup_store_up", listing is not None)
    yield _table("backups", ("kind", "state"), counts)
    yield _value("backup_stored_bytes", listing.stored_bytes if listing else None)
    yield _value("backup_free_bytes", space.free_bytes if space else None)
    yield _value("backup_needed_bytes", space.needed_bytes if space else None)
    yield _value("database_up", not snapshot.live_problem)


def _of_the_schedule(snapshot: Snapshot) -> Iterator[Metric]:
    is_enabled = snapshot.settings.backup_enabled if snapshot.knows_settings else None
    yield _value("backup_schedule_enabled", is_enabled)
    yield _moment("backup_next_run", snapshot.next_run_at)
    yield _value("scheduler_leader", snapshot.leader is not None)
    yield _moment("scheduler_leader_since", snapshot.leader.since if snapshot.leader else None)


def _of_problems(assessment: Assessment) -> Iterator[Metric]:
    found = {problem.kind for problem in assessment.findings.problems}
    notified = {alert.kind for alert in assessment.alerts.notified}
    yield _table("problem", ("kind",), {(kind.value,): kind in found for kind in ProblemKind})
    yield _table("alert_open", ("kind",), {(kind.value,): kind in notified for kind in ProblemKind})
    yield _value("recipients_failing", len(assessment.snapshot.failing_recipients))


def _operations(journal: Sequence[JournalEntry]) -> CounterMetricFamily:
    from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415

    counts = Counter((entry.verb, entry.outcome) for entry in journal)
    metric = CounterMetricFamily(
        "launcher_operations",
        "Finished operations in the backup history, without the oldest once it is full.",
        labels=("verb", "outcome"),
    )
    for verb in Verb:
        for outcome in Outcome:
            metric.add_metric((verb.value, outcome.value), counts[verb, outcome])
    return metric


def _newest(
    journal: Sequence[JournalEntry], verb: Verb, *, outcome: str = "", backup_id: str = ""
) -> JournalEntry | None:
    found = (each for each in journal if each.verb is verb and outcome in {"", each.outcome})
    return next((each for each in found if backup_id in {"", each.backup_id}), None)


def _moment(name: str, at: datetime | None) -> GaugeMetricFamily:
    return _value(f"{name}_timestamp_seconds", at.timestamp() if at else None)


def _value(name: str, value: float | None) -> GaugeMetricFamily:
    return _table(name, (), {} if value is None else {(): value})


def _table(
    name: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    """Return a gauge, without samples where nothing is known."""
    return gauge(name, _HELP[name], labels, values)
