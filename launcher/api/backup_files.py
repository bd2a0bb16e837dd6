"""The files of backups: one is downloaded, one is uploaded."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from flask import Response, request
from msgspec import Meta

from launcher.api.authentication import actor_of, token_of
from launcher.api.backups import Note, require_manifest, require_undamaged
from launcher.api.door import Answer, Call, door
from launcher.api.following import promised
from launcher.api.idempotency import once
from launcher.api.problems import Problem
from launcher.api.started import STARTED_HEADERS, StartedOperation, begin, started
from launcher.background.process import CreateRequest
from launcher.backup.errors import UploadRejectedError
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Verb
from launcher.current import current_backups, current_config
from launcher.db.session import release
from launcher.http.digests import DigestMalformedError, DigestMismatchError
from launcher.http.download import open_stored, record_download, send_plain, send_stored
from launcher.http.incoming import IncompleteBodyError, Received, received_body
from launcher.http.start import start_upload
from launcher.models import TokenScope

PLAIN, STORED = "plain", "stored"


class DownloadQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which form of the file is sent."""

    encoding: Annotated[
        Literal["plain", "stored"],
        Meta(
            description="`plain`: the database. `stored`: the file in the backup folder, mostly "
            "compressed."
        ),
    ] = "plain"


@door(
    "GET",
    "/backups/{backup}/download",
    scope=TokenScope.BACKUPS_DOWNLOAD,
    summary="Download",
    about=(
        "Sends the database and verifies it at the same time. If it is damaged, the "
        "answer ends before its announced length. A damaged backup is sent only "
        "with `encoding=stored`. A part (`Range`) of a compressed backup is also "
        "available only with `encoding=stored`. Otherwise `Range` is ignored, and "
        "`Accept-Ranges` is `none`."
    ),
    query=DownloadQuery,
    result_types=("application/vnd.sqlite3", "application/octet-stream"),
    problems=(
        "backup_not_found",
        "backup_unverified",
        "range_not_satisfiable",
        "verification_failed",
        "too_many_transfers",
        "store_unavailable",
    ),
    request_headers={
        "Range": "The requested part, like `bytes=100-`.",
        "If-Range": "The ETag of the file. If the file has changed since, the complete file is "
        "sent.",
    },
    response_headers={
        "Repr-Digest": "The SHA-256 of the complete file (RFC 9530).",
        "ETag": "The SHA-256 of the complete file, in hexadecimal.",
        "Accept-Ranges": "Whether a part can be requested: `bytes` or `none`.",
        "Content-Disposition": "The name of the file.",
    },
)
def download_backup(call: Call) -> Response:
    """Send the file of a backup."""
    service, actor = current_backups(), actor_of(token_of(call))
    encoding = call.query.encoding
    backup = service.get(call.path["backup"])
    if encoding == PLAIN:
        require_manifest(backup)
        require_undamaged(backup)
    stored = open_stored(backup)
    try:
        if request.method == "GET":
            record_download(backup, encoding, actor=actor)
        release()
        if encoding == STORED:
            response = send_stored(backup, stored)
        else:
            on_damage = partial(service.report_damage, backup, by=actor.name)
            response = send_plain(backup, stored, on_damage=on_damage)
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            size = {"Content-Range": response.headers["Content-Range"]}
            raise Problem("range_not_satisfiable", headers=size)
    except BaseException:
        stored.close()
        raise
    return response


class NewBackup(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The note of a new backup."""

    note: Annotated[Note, Meta(description="Shown in the list.")] = ""
    protect: Annotated[bool, Meta(description="Whether retention never removes it.")] = False


class UploadQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The note of an uploaded file."""

    note: Annotated[Note, Meta(description="Shown in the list, unless a JSON body has a note.")] = (
        ""
    )


@door(
    "POST",
    "/backups",
    scope=TokenScope.BACKUPS_CREATE,
    summary="Create or upload backup",
    about=(
        "With a JSON body, starts a backup of the current data. The site can be "
        "used in the meantime. With a downloaded file as the body, starts its "
        "check. A good file is added to the list. The answer comes at once. Follow "
        "the operation to its end."
    ),
    query=UploadQuery,
    body=NewBackup,
    body_types=("application/octet-stream", "application/vnd.sqlite3"),
    result=StartedOperation,
    status=202,
    begins_work=True,
    problems=(
        "operation_in_progress",
        "upload_incomplete",
        "digest_mismatch",
        "upload_rejected",
        "not_started",
        "too_many_transfers",
        "store_unavailable",
        "source_database",
        "insufficient_space",
    ),
    response_headers=STARTED_HEADERS,
)
def create_backup(call: Call) -> Answer:
    """Start a backup, or receive a file and start its check."""
    if call.body is None:
        return _upload(call)
    new: NewBackup = call.body
    note = new.note.strip() or call.query.note.strip()
    return begin(call, CreateRequest(note, protected=new.protect))


def _upload(call: Call) -> Answer:
    by = actor_of(token_of(call)).name
    note = call.query.note.strip()
    release()
    try:
        with received_body() as received:
            named = Received(received.path, "" if note else "upload")

            def start(call: Call) -> Answer:
                with promised(call.operation_id) as token:
                    id_ = start_upload(named, by=by, note=note, operation_id=call.operation_id)
                return started(id_, verb=Verb.UPLOAD, by=by, token=token)

            return once(call, received.sha256, start)
    except IncompleteBodyError as error:
        text = f"Fewer bytes arrived than the {error.announced_bytes} of its Content-Length."
        raise Problem("upload_incomplete", text) from None
    except DigestMalformedError as error:
        text = f"{error.header}: it is not what RFC 9530 says, as sha-256=:BASE64:."
        raise Problem("invalid_field", text, field=error.header) from None
    except DigestMismatchError as error:
        text = f"The file that arrived is not the one that {error.header} names."
        raise Problem("digest_mismatch", text) from None
    except UploadRejectedError as error:
        if error.reason is not Reason.TOO_LARGE:
            raise
        limit_bytes = current_config().upload_limit_bytes
        raise Problem("too_large", f"A file has at most {limit_bytes} bytes.") from None
