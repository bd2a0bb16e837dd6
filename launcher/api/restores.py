"""Restore a backup: its plan, the restore, and the undo."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import request
from msgspec import Meta

from launcher.api.authentication import actor_of, token_of
from launcher.api.backup_problems import problem_of
from launcher.api.door import Answer, Call, door
from launcher.api.moments import Moment, written_if
from launcher.api.problems import Problem
from launcher.api.schedule_shapes import PlannedSchedule
from launcher.api.shapes import Fault, fault_of
from launcher.api.started import STARTED_HEADERS, StartedOperation, begin
from launcher.background.process import RestoreRequest
from launcher.backup.errors import NoAdminInsideError
from launcher.backup.records.backup import Backup
from launcher.backup.records.plan import RestorePlan
from launcher.backup.records.survey import Schedule
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
    """How many rows a table has now and would have."""

    table: Annotated[str, Meta(examples=["apps"])]
    now: Annotated[int | None, Meta(description="null where it cannot be read.")]
    then: int


class FieldChange(msgspec.Struct, kw_only=True):
    """What is set now and would be set afterwards."""

    field: Annotated[
        str,
        Meta(
            examples=["url"],
            description="What differs. The apps of a section are `section:` and its name. In that "
            "field and in `boards`, `collapsed`, `headers`, `members`, `sections`, `shared_with` "
            "and `tags`, each line is one name. A switch is `yes` or `no`. An icon is like "
            "`symbol:tv`, `letters:Js tint:3`, or `media:` with the SHA-256 and the name of an "
            "upload. `ca_pem` has the start of the SHA-256 of each certificate, `maintenance` and "
            "`maintenance_for_all` days, start and minutes of each window. `header_values` has "
            "the names of the headers whose values differ, on both sides: no value is shown.",
        ),
    ]
    now: str
    then: str


class ThingChange(msgspec.Struct, kw_only=True):
    """An app, a board, a group or a user that a restore changes, or the settings of the site."""

    name: Annotated[
        str, Meta(examples=["Jellyfin"], description="Its name now, `site` for the settings.")
    ]
    fields: list[FieldChange]


class NameChange(msgspec.Struct, kw_only=True):
    """The things of one kind that a restore adds, removes and changes."""

    kind: Annotated[
        str, Meta(examples=["app"], description="`app`, `board`, `group`, `site` or `user`.")
    ]
    appear: list[str]
    vanish: list[str]
    changed: Annotated[
        list[ThingChange],
        Meta(description="What exists before and after the restore, with different values."),
    ]


class Migration(msgspec.Struct, kw_only=True):
    """A step that upgrades a backup of an earlier version."""

    revision: str
    title: str


class Plan(msgspec.Struct, kw_only=True):
    """What a restore would do."""

    backup_id: Annotated[
        str, Meta(description="The backup. For `latest`, the backup that it means now.")
    ]
    tag: Annotated[
        str,
        Meta(
            examples=["9f86d081884c7d659a2feaa0c55ad015"],
            description="The ETag without its quotes: send it as `If-Match`.",
        ),
    ]
    created_at: Annotated[Moment | None, Meta(description="When the backup was created.")]
    app_version: Annotated[
        str, Meta(examples=["1.4.0"], description="The version of Launcher that created it.")
    ]
    schema_revision: Annotated[str, Meta(examples=["0009"], description="Its database version.")]
    database_bytes: Annotated[int, Meta(description="The size of its database, unpacked.")]
    migrations: Annotated[
        list[Migration],
        Meta(description="The migrations that its database needs. Empty if it needs none."),
    ]
    live_readable: Annotated[bool, Meta(description="Whether the current data can be read.")]
    live_problem: Annotated[Fault | None, Meta(description="What is wrong with the current data.")]
    rows: list[RowChange]
    names: list[NameChange]
    keep_schedule: Annotated[bool, Meta(description="Whether the current schedule would be kept.")]
    schedule_now: Annotated[
        PlannedSchedule | None, Meta(description="The schedule that is set now.")
    ]
    schedule_then: Annotated[
        PlannedSchedule | None, Meta(description="The schedule after the restore.")
    ]
    signed_out: Annotated[
        list[str], Meta(examples=[["ada", "ben"]], description="The users whose sessions end.")
    ]
    password_changes: Annotated[
        list[str],
        Meta(examples=[["ben"]], description="The users who get the password of the backup."),
    ]
    tokens_lost: Annotated[
        list[str],
        Meta(examples=[["Nightly (lch_4Qm8Zr…)"]], description="The API tokens that stop working."),
    ]
    tokens_restored: Annotated[
        list[str],
        Meta(description="The API tokens that do not work now and will work again. A risk."),
    ]
    keeps_this_token: Annotated[
        bool, Meta(description="Whether the token of this request still works.")
    ]
    admins: Annotated[
        list[str], Meta(examples=[["ada"]], description="Who can sign in as an admin afterwards.")
    ]
    admins_restored: Annotated[
        list[str],
        Meta(description="Who of these is not an active admin now. A risk."),
    ]
    carried_account: Annotated[str, Meta(description="The current account that is kept, or empty.")]
    site_name_now: str
    site_name_then: str
    warnings: Annotated[list[Fault], Meta(description="What you should know before the restore.")]


class PlanQuery(msgspec.Struct, kw_only=True):
    """The choices of the restore that is planned."""

    keep_schedule: Annotated[bool, Meta(description="Keep the schedule that is set now.")] = True
    carry_account: Annotated[
        bool,
        Meta(description="Keep the account of the token's owner if the backup does not have it."),
    ] = False


class RestoreBody(msgspec.Struct, kw_only=True):
    """A restore, confirmed."""

    confirm: Annotated[
        str, Meta(description="The id of the backup, once more. For `latest`, the id in the plan.")
    ]
    keep_schedule: Annotated[bool, Meta(description="Keep the schedule that is set now.")] = True
    carry_account: Annotated[
        bool,
        Meta(description="Keep the account of the token's owner if the backup does not have it."),
    ] = False


class UndoBody(msgspec.Struct, kw_only=True):
    """An undo, confirmed."""

    confirm: Annotated[
        str, Meta(description="The id of the safety backup: `safety_backup_id` of the restore.")
    ]


@door(
    "GET",
    "/backups/{backup}/plan",
    scope=TokenScope.BACKUPS_READ,
    summary="Plan restore",
    about=(
        "Returns what a restore of this backup would do. Launcher checks the backup "
        "on a temporary copy, which takes a moment. Nothing is changed."
    ),
    query=PlanQuery,
    result=Plan,
    problems=_REFUSALS,
    response_headers={
        "ETag": "The version of the plan. Changes with the data and with the file of the backup."
    },
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
    summary="Restore backup",
    about=(
        "Replaces all data with the data of this backup. Launcher creates a safety "
        "backup of the current data first. If any step fails, the data is not "
        "changed. Users are signed out, and the token of this request may stop "
        "working. Follow the operation with `follow_token`."
    ),
    body=RestoreBody,
    result=StartedOperation,
    status=202,
    begins_work=True,
    problems=(*_REFUSALS, "confirm_mismatch", "plan_changed", "not_started"),
    request_headers={
        "If-Match": "The ETag of the plan. The request is refused if the data or the backup has "
        "changed since."
    },
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
    summary="Undo restore",
    about=(
        "Restores the safety backup of the last restore, including the schedule. "
        "Later changes are only in a new safety backup, so you can undo the undo."
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
    live = None
    if "If-Match" in request.headers:
        live = current_backups().live_version()
        if not request.if_match.contains(plan_version(backup, live)):
            raise Problem("plan_changed")
    return begin(
        call,
        RestoreRequest(
            backup.id,
            keep_schedule=keep_schedule,
            carry_account=carry_account,
            expected_live=live,
        ),
    )


def _offer_to_carry(error: NoAdminInsideError) -> Problem:
    problem = problem_of(error)
    problem.detail += " With carry_account, the account of the token's owner is kept."
    return problem


def _plan_of(plan: RestorePlan, version: str, *, this_token: str) -> Plan:
    return Plan(
        backup_id=plan.backup_id,
        tag=version,
        created_at=written_if(plan.created_at),
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
            NameChange(
                kind=each.kind,
                appear=[*each.appear],
                vanish=[*each.vanish],
                changed=[
                    ThingChange(
                        name=thing.name,
                        fields=[
                            FieldChange(field=one.field, now=one.now, then=one.then)
                            for one in thing.fields
                        ],
                    )
                    for thing in each.changed
                ],
            )
            for each in plan.names
        ],
        keep_schedule=plan.keep_schedule,
        schedule_now=_schedule(plan.schedule_now),
        schedule_then=_schedule(plan.schedule_then),
        signed_out=[*plan.signed_out],
        password_changes=[*plan.password_changes],
        tokens_lost=[*plan.tokens_lost],
        tokens_restored=[*plan.tokens_restored],
        keeps_this_token=plan.live_readable and this_token not in plan.tokens_lost,
        admins=[*plan.admins],
        admins_restored=[*plan.admins_restored],
        carried_account=plan.carried_account,
        site_name_now=plan.site_name_now,
        site_name_then=plan.site_name_then,
        warnings=[fault_of(each) for each in plan.warnings],
    )


def _schedule(found: Schedule | None) -> PlannedSchedule | None:
    return PlannedSchedule(**found) if found is not None else None
