"""Backups: the list, one of them, its note and protection, its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from werkzeug.http import quote_etag

from launcher.api.authentication import actor_of, require, token_of
from launcher.api.backup_problems import problem_of_fault
from launcher.api.backup_shapes import Backup
from launcher.api.destination_shapes import copies_of
from launcher.api.door import Answer, Call, door
from launcher.api.moments import GivenMoment
from launcher.api.preconditions import (
    ETAG,
    IF_MATCH,
    require_match,
    tag_of,
)
from launcher.api.problems import Problem
from launcher.backup.errors import VerificationError
from launcher.backup.records import backup as records
from launcher.backup.records.backup import Kind, State
from launcher.current import current_backups
from launcher.db.session import release
from launcher.models import TokenScope

MAX_NOTE_CHARACTERS = 200
Note = Annotated[str, Meta(max_length=MAX_NOTE_CHARACTERS)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = r"^(-?[0-9]{1,18}_[a-zA-Z0-9-]{1,64})?$"


class BackupsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which backups are listed."""

    kind: Annotated[Kind | None, Meta(description="Only backups of this type.")] = None
    state: Annotated[State | None, Meta(description="Only backups with this status.")] = None
    since: Annotated[
        GivenMoment | None, Meta(description="Only backups created at this time or later.")
    ] = None
    until: Annotated[
        GivenMoment | None, Meta(description="Only backups created before this time.")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=100, description="The maximum number of entries.")] = 50
    cursor: Annotated[
        str,
        Meta(
            pattern=_CURSOR,
            description="`next_cursor` of the previous page. Empty for the first page.",
        ),
    ] = ""


class BackupList(msgspec.Struct, kw_only=True):
    """A page of backups, newest first."""

    backups: list[Backup]
    next_cursor: Annotated[
        str | None,
        Meta(description="Send it as `cursor` to get the next page. null on the last page."),
    ]


class BackupChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The changes. A field that is left out is not changed."""

    note: Annotated[Note | UnsetType, Meta(description="The note in the list.")] = UNSET
    protected: Annotated[
        bool | UnsetType,
        Meta(description="False also needs the scope `backups:delete`."),
    ] = UNSET


class DeleteQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be deleted."""

    last_good: Annotated[bool, Meta(description="Whether it may be the last good backup.")] = False


@door(
    "GET",
    "/backups",
    scope=TokenScope.BACKUPS_READ,
    summary="List backups",
    about=(
        "Lists backups in pages, newest first. A page starts after the last backup "
        "of the previous page. No backup is missed or listed twice, even if others "
        "are added or deleted."
    ),
    query=BackupsQuery,
    result=BackupList,
    problems=("store_unavailable", "insufficient_space"),
)
def list_backups(call: Call) -> BackupList:
    """Answer with one page."""
    query: BackupsQuery = call.query
    before = _read_cursor(query.cursor) if query.cursor else None
    wanted, most = partial(_is_wanted, query, before), query.limit + 1
    service = current_backups()
    if query.state is None:
        found = service.page(wanted, limit=most)
    else:  # which is known once every file is examined
        of_state = service.listing().select(state=query.state)
        found = [*islice(filter(wanted, of_state), most)]
    page = found[: query.limit]
    next_cursor = "{}_{}".format(*_place(page[-1])) if len(found) > len(page) else None
    copies = copies_of([each.id for each in page]) or {}
    return BackupList(
        backups=[Backup.of(each, copies.get(each.id)) for each in page], next_cursor=next_cursor
    )


def _is_wanted(query: BackupsQuery, before: tuple[int, str] | None, backup: records.Backup) -> bool:
    return (
        (query.kind is None or backup.kind is query.kind)
        and (query.until is None or backup.created_at < query.until)
        and (query.since is None or backup.created_at >= query.since)
        and (before is None or _place(backup) < before)
    )


def _place(backup: records.Backup) -> tuple[int, str]:
    """Return where a backup is in the list: it stays there whatever comes and goes."""
    return (backup.created_at - _EPOCH) // timedelta(microseconds=1), backup.id


def _read_cursor(text: str) -> tuple[int, str]:
    moment, _, backup_id = text.partition("_")
    return int(moment), backup_id


@door(
    "GET",
    "/backups/{backup}",
    scope=TokenScope.BACKUPS_READ,
    summary="Get backup",
    about="Returns one backup: its contents, and whether it is good.",
    result=Backup,
    problems=("backup_not_found", "store_unavailable"),
    response_headers=ETAG,
)
def get_backup(call: Call) -> Answer:
    """Answer with one backup."""
    return _answer_of(current_backups().get(call.path["backup"]))


@door(
    "PATCH",
    "/backups/{backup}",
    scope=TokenScope.BACKUPS_CREATE,
    summary="Change note or protection",
    about=(
        "Changes the note of a backup, or whether retention may remove it. With `If-Match` it is "
        "refused when the backup has changed since. To remove its protection the token needs the "
        "scope `backups:delete` as well."
    ),
    body=BackupChange,
    result=Backup,
    problems=(
        "backup_not_found",
        "backup_unverified",
        "operation_in_progress",
        "precondition_failed",
        "store_unavailable",
        "insufficient_space",
        "verification_failed",
    ),
    request_headers=IF_MATCH,
    response_headers=ETAG,
)
def change_backup(call: Call) -> Answer:
    """Change note and protection; what is as requested already begins no operation."""
    change: BackupChange = call.body
    if change.protected is False:
        require(token_of(call), TokenScope.BACKUPS_DELETE)
    by, service = actor_of(token_of(call)).name, current_backups()
    release()
    backup = service.get(call.path["backup"])
    require_manifest(backup)
    require_match(tag_of(Backup.of(backup)))
    if change.note is not UNSET and change.note != backup.note:
        backup = service.set_note(backup.id, change.note, by=by)
    if change.protected is not UNSET and change.protected is not backup.protected:
        set_protection = service.protect if change.protected else service.unprotect
        backup = set_protection(backup.id, by=by)
    return _answer_of(service.get(backup.id))


def _answer_of(backup: records.Backup) -> Answer:
    """Answer with a backup and its copies, of which the tag is independent: they come and go."""
    copies = (copies_of([backup.id]) or {}).get(backup.id)
    tag = tag_of(Backup.of(backup))
    return Answer(Backup.of(backup, copies), headers={"ETag": quote_etag(tag)})


def require_manifest(backup: records.Backup) -> None:
    """Refuse a file of which nothing is known.

    Raises:
        Problem
    """
    if backup.file is None:
        require_undamaged(backup)
        raise Problem("backup_unverified")


def require_undamaged(backup: records.Backup) -> None:
    """Refuse a damaged backup.

    Raises:
        Problem
    """
    if fault := backup.verification.fault:
        raise problem_of_fault(VerificationError.code, fault)


@door(
    "DELETE",
    "/backups/{backup}",
    scope=TokenScope.BACKUPS_DELETE,
    summary="Delete backup",
    about="Deletes a backup permanently. A protected backup and the last good backup "
    "are not deleted.",
    query=DeleteQuery,
    status=204,
    problems=(
        "backup_not_found",
        "backup_protected",
        "last_good_backup",
        "operation_in_progress",
        "precondition_failed",
        "store_unavailable",
        "insufficient_space",
    ),
    request_headers=IF_MATCH,
)
def delete_backup(call: Call) -> Answer:
    """Delete one backup."""
    query: DeleteQuery = call.query
    by, service = actor_of(token_of(call)).name, current_backups()
    release()
    backup = service.get(call.path["backup"])
    require_match(tag_of(Backup.of(backup)))
    result = service.delete([backup.id], by=by, may_take_last_good=query.last_good)
    if result.failed:
        [failed] = result.failed
        raise problem_of_fault(failed.error_code, failed.fault)
    return Answer(None)
