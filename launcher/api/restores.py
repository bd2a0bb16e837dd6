"""Restore a backup: its plan, the restore, and the undo."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from flask import request

from launcher.api.authentication import actor_of, token_of
from launcher.api.backup_problems import problem_of
from launcher.api.door import Answer, Call, door
from launcher.api.problems import Problem
from launcher.api.shapes import Fault, Moment, fault_of
from launcher.api.started import STARTED_HEADERS, StartedOperation, begin
from launcher.background.process import RestoreRequest
from launcher.backup.errors import NoAdminInsideError
from launcher.backup.records.backup import Backup
from launcher.backup.records.plan import RestorePlan
from launcher.current import current_backups
from launcher.db.session import release
from launcher.http.plans import plan_version
from launcher.models import TokenScope

_REFUSALS = (
    "backup_not_found",
    "verification_failed",
    "incompatible_backup",
    "upload_rejected",
    "check_stopped",
    "operation_in_progress",
    "store_unavailable",
    "source_database",
    "insufficient_space",
    "restore_failed",
)


class RowChange(msgspec.Struct, kw_only=True):
    """How many rows a table has now and would have; `now` is null where it cannot be read."""

    table: str
    now: int | None
    then: int


class NameChange(msgspec.Struct, kw_only=True):
    """The names of apps, boards or users that a restore adds and removes."""

    kind: str
    appear: list[str]
    vanish: list[str]


class Migration(msgspec.Struct, kw_only=True):
    """A step that upgrades a backup of an earlier version."""

    revision: str
    title: str


class Plan(msgspec.Struct, kw_only=True):
    """What a restore would do.

    `tag` is the ETag without its quotes: send it as `If-Match`. `signed_out` lists the users whose
    sessions end, `password_changes` those who get the password of the backup, `tokens_lost` the
    tokens that stop working; `keeps_this_token` says whether the one of this request still works.
    `admins` can sign in afterwards. `schedule_then` is the schedule after the restore.
    """

    backup_id: str
    tag: str
    created_at: Moment | None
    app_version: str
    schema_revision: str
    database_bytes: int
    migrations: list[Migration]
    live_readable: bool
    live_problem: Fault | None
    rows: list[RowChange]
    names: list[NameChange]
    keep_schedule: bool
    schedule_now: Mapping[str, str | int | bool] | None
    schedule_then: Mapping[str, str | int | bool] | None
    signed_out: list[str]
    password_changes: list[str]
    tokens_lost: list[str]
    keeps_this_token: bool
    admins: list[str]
    carried_account: str
    site_name_now: str
    site_name_then: str
    warnings: list[Fault]


class PlanQuery(msgspec.Struct, kw_only=True):
    """The choices of the restore that is planned."""

    keep_schedule: bool = True
    carry_account: bool = False


class RestoreBody(msgspec.Struct, kw_only=True):
    """`confirm` is the id of the backup, again; for `latest`, the id that the plan has.

    `keep_schedule` keeps the backup schedule that is set here; otherwise that of the backup is
    restored too. `carry_account` keeps the account of the token's owner where the backup does not
    have it.
    """

    confirm: str
    keep_schedule: bool = True
    carry_account: bool = False


class UndoBody(msgspec.Struct, kw_only=True):
    """`confirm` is the id of the safety backup: `safety_backup_id` of the restore."""

    confirm: str


@door(
    "GET",
    "/backups/{backup}/plan",
    scope=TokenScope.BACKUPS_READ,
    summary="Plan a restore",
    about=(
        "Says what a restore of this backup would do. The backup is checked and tried on a copy, "
        "which takes a moment; nothing is changed."
    ),
    query=PlanQuery,
    result=Plan,
    problems=_REFUSALS,
    response_headers={"ETag": "Changes when the data or the file of the backup does."},
)
def get_plan(call: Call) -> Answer:
    """Answer with what a restore would do. The database is released while it is tried."""
    token, service = token_of(call), current_backups()
    owner, by, shown = token.user.username, actor_of(token).name, f"{token.name} ({token.prefix}…)"
    release()
    try:
        plan = service.plan(
            call.path["backup"],
            by=by,
            keep_schedule=call.query.keep_schedule,
            carry_account=owner if call.query.carry_account else "",
        )
    except NoAdminInsideError as error:
        raise _offer_to_carry(error) from None
    version = plan_version(service.get(plan.backup_id), plan.live_version)
    return Answer(_plan_of(plan, version, this_token=shown), headers={"ETag": f'"{version}"'})


@door(
    "POST",
    "/backups/{backup}/restore",
    scope=TokenScope.BACKUPS_RESTORE,
    summary="Restore a backup",
    about=(
        "Replaces all data with that of this backup. A safety backup of the current data is "
        "created first; if any step fails, the data stays as it is. Users are signed out, and the "
        "token of this request may stop working: follow the operation with `follow_token`."
    ),
    body=RestoreBody,
    result=StartedOperation,
    status=202,
    begins_work=True,
    problems=(*_REFUSALS, "confirm_mismatch", "plan_changed", "not_started"),
    request_headers={"If-Match": "The ETag of the plan; refused if something changed since."},
    response_headers=STARTED_HEADERS,
)
def restore_backup(call: Call) -> Answer:
    """Start a restore."""
    backup = current_backups().get(call.path["backup"])
    token = token_of(call)
    return _start(
        call,
        backup,
        confirm=call.body.confirm,
        keep_schedule=call.body.keep_schedule,
        carry_account=token.user.username if call.body.carry_account else "",
    )


@door(
    "POST",
    "/undo",
    scope=TokenScope.BACKUPS_RESTORE,
    summary="Undo the last restore",
    about=(
        "Restores the safety backup of the last restore, schedule included. What was changed since "
        "is lost, but in a safety backup of its own: an undo can itself be undone."
    ),
    body=UndoBody,
    result=StartedOperation,
    status=202,
    begins_work=True,
    problems=(*_REFUSALS, "confirm_mismatch", "plan_changed", "not_started"),
    request_headers={"If-Match": "The ETag of the plan of the safety backup."},
    response_headers=STARTED_HEADERS,
)
def undo_restore(call: Call) -> Answer:
    """Start the undo of the last restore."""
    service = current_backups()
    backup = service.get(service.undo_id())
    return _start(call, backup, confirm=call.body.confirm, keep_schedule=False)


def _start(
    call: Call,
    backup: Backup,
    *,
    confirm: str,
    keep_schedule: bool,
    carry_account: str = "",
) -> Answer:
    """Start a restore of `backup` that is confirmed and planned on the data as it is."""
    if confirm != backup.id:
        raise Problem("confirm_mismatch", field="confirm")
    if "If-Match" in request.headers:
        version = plan_version(backup, current_backups().live_version())
        if not request.if_match.contains(version):
            raise Problem("plan_changed")
    return begin(
        call,
        RestoreRequest(backup.id, keep_schedule=keep_schedule, carry_account=carry_account),
    )


def _offer_to_carry(error: NoAdminInsideError) -> Problem:
    problem = problem_of(error)
    problem.detail += " With carry_account, the account of the token's owner is kept."
    return problem


def _plan_of(plan: RestorePlan, version: str, *, this_token: str) -> Plan:
    return Plan(
        backup_id=plan.backup_id,
        tag=version,
        created_at=plan.created_at,
        app_version=plan.app_version,
        schema_revision=plan.schema_revision,
        database_bytes=plan.database_size_bytes,
        migrations=[
            Migration(revision=each.revision, title=each.title) for each in plan.migrations
        ],
        live_readable=plan.live_readable,
        live_problem=fault_of(plan.live_problem) if plan.live_problem else None,
        rows=[RowChange(table=each.table, now=each.now, then=each.then) for each in plan.rows],
        names=[
            NameChange(kind=each.kind, appear=[*each.appear], vanish=[*each.vanish])
            for each in plan.names
        ],
        keep_schedule=plan.keep_schedule,
        schedule_now=plan.schedule_now,
        schedule_then=plan.schedule_then,
        signed_out=[*plan.signed_out],
        password_changes=[*plan.password_changes],
        tokens_lost=[*plan.tokens_lost],
        keeps_this_token=plan.live_readable and this_token not in plan.tokens_lost,
        admins=[*plan.admins],
        carried_account=plan.carried_account,
        site_name_now=plan.site_name_now,
        site_name_then=plan.site_name_then,
        warnings=[fault_of(each) for each in plan.warnings],
    )
