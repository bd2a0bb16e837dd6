"""Every answer of the API that is no result: `application/problem+json` (RFC 9457).

`PROBLEMS` lists them all. A code never changes its meaning; `detail` and `hint` are English
sentences for a person who reads a log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Response

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its HTTP status, what happened, and what to do next."""

    status: int
    title: str
    hint: str


PROBLEMS: Mapping[str, Kind] = {
    # The request
    "bad_json": Kind(400, "The body is not valid JSON", "Send one JSON object in UTF-8."),
    "bad_request": Kind(400, "The request is not valid", "Compare it with the reference."),
    "body_missing": Kind(400, "The body is missing", "Send one JSON object in UTF-8."),
    "body_unexpected": Kind(400, "The call takes no body", "Send it without a body."),
    "host_not_served": Kind(
        400,
        "The site is not served under this host name",
        "An admin of the server can add the name to LAUNCHER_HOSTS.",
    ),
    "token_in_address": Kind(
        400,
        "The token is in the address",
        "Revoke it, since logs keep addresses. Send a new one in the header Authorization: Bearer.",
    ),
    "token_missing": Kind(
        401,
        "A token is needed",
        "Send the header Authorization: Bearer with a token of Administration, API tokens.",
    ),
    "token_invalid": Kind(
        401, "The token is not valid", "Create a new one: Administration, API tokens."
    ),
    "token_expired": Kind(
        401, "The token has expired", "Create a new one: Administration, API tokens."
    ),
    "token_revoked": Kind(
        401, "The token was revoked", "Create a new one: Administration, API tokens."
    ),
    "token_user_inactive": Kind(
        401,
        "The user of the token is deactivated",
        "Reactivate the user, or use a token of another admin.",
    ),
    "scope_missing": Kind(403, "The token does not have the scope", "Create a token that has it."),
    "role_too_low": Kind(403, "The user of the token may not do this", "Use a token of an admin."),
    "not_found": Kind(404, "There is nothing at this address", "Compare it with the reference."),
    "method_not_allowed": Kind(
        405, "The address does not accept this method", "The header Allow lists those it accepts."
    ),
    "not_acceptable": Kind(
        406, "The answer is not available in this form", "Accept application/json."
    ),
    "length_required": Kind(
        411, "The length of the body is needed", "Send the header Content-Length."
    ),
    "precondition_failed": Kind(
        412,
        "The content has changed since it was read",
        "Get the content again, then send its new ETag.",
    ),
    "plan_changed": Kind(
        412,
        "Nothing was restored, because the data or the backup has changed since the plan",
        "Get the plan again, check it, and send its new tag.",
    ),
    "too_large": Kind(413, "The body is too large", "Send a smaller body."),
    "address_too_long": Kind(414, "The address is too long", "Send a shorter one."),
    "unsupported_type": Kind(
        415, "The body has another type", "Send it as the type that the reference names."
    ),
    "range_not_satisfiable": Kind(
        416, "The file does not have this part", "The header Content-Range has its size."
    ),
    "invalid_field": Kind(
        422,
        "A field is unknown, missing or not valid",
        "The reference lists every field of the call.",
    ),
    "headers_too_large": Kind(431, "The headers are too large", "Send fewer or shorter ones."),
    "not_supported": Kind(
        501,
        "The body is encoded in an unknown way",
        "Send it as it is, with the header Content-Length.",
    ),
    "version_not_supported": Kind(505, "The version of HTTP is not supported", "Use HTTP/1.1."),
    "too_many_attempts": Kind(
        429,
        "Too many invalid tokens from this address",
        "Check the token that is sent. A valid one is accepted at once.",
    ),
    "upload_incomplete": Kind(
        400, "Nothing was saved, because the file did not arrive completely", "Send it again."
    ),
    "digest_mismatch": Kind(
        422, "Nothing was saved, because the file does not match its digest", "Send it again."
    ),
    "idempotency_in_progress": Kind(
        409,
        "A request with this Idempotency-Key is being answered",
        "Send it again after the seconds in Retry-After.",
    ),
    "idempotency_mismatch": Kind(
        422,
        "The Idempotency-Key was used for another request",
        "Use a new key, or send the same request.",
    ),
    # The server
    "internal": Kind(500, "Something went wrong", "The server log has an entry with this number."),
    "data_being_replaced": Kind(
        503, "A restore is replacing the data", "Try again after the seconds in Retry-After."
    ),
    "database_busy": Kind(
        503, "The database is busy", "Try again after the seconds in Retry-After."
    ),
    "database_damaged": Kind(
        503, "The database is damaged", "Restore a backup: flask backup restore latest."
    ),
    "database_version": Kind(
        503,
        "The database is of another version",
        "Run flask database upgrade on the server. It reports the next step.",
    ),
    "recipients_unreadable": Kind(
        503, "The recipients cannot be read", "Check that the data directory can be read."
    ),
    "destinations_unreadable": Kind(
        503, "The destinations cannot be read", "Check the file destinations.json on the server."
    ),
    "destination_not_found": Kind(
        404, "There is no such destination", "List the existing destinations."
    ),
    "destination_paused": Kind(
        409, "The destination is paused", "Resume it in Administration, Backups, Off-site."
    ),
    # Backups; the codes of `launcher.backup.errors`
    "backup_not_found": Kind(404, "There is no such backup", "List the existing backups."),
    "operation_not_found": Kind(404, "There is no such operation", "List the known operations."),
    "operation_in_progress": Kind(
        409, "Another operation is running", "Wait until the operation has ended, then try again."
    ),
    "backup_protected": Kind(
        409, "The backup is protected", "Remove its protection, then delete it."
    ),
    "confirm_mismatch": Kind(
        422,
        "Nothing was restored, because the confirmation is not the id of the backup",
        "Send in confirm the id that the plan has.",
    ),
    "backup_unverified": Kind(
        409,
        "The file was never verified, so its contents are unknown",
        "Verify it. Until then it can be downloaded with encoding=stored, and deleted.",
    ),
    "last_good_backup": Kind(
        409,
        "The backup is the last good one",
        "Create another one first, or send last_good=true.",
    ),
    "verification_failed": Kind(
        422, "The backup is damaged", "Use another backup. Verify shows which are good."
    ),
    "incompatible_backup": Kind(
        422, "This version of Launcher cannot use the backup", "The detail says why."
    ),
    "upload_rejected": Kind(
        422, "The file is not accepted", "Upload a backup that was created by Launcher."
    ),
    "check_stopped": Kind(
        422, "The check of the file was stopped", "Try again when the server is less busy."
    ),
    "place_unusable": Kind(
        502, "The place of the copy cannot be used", "Test the destination, then try again."
    ),
    "not_opened": Kind(
        422, "No key here opens the copy", "Use the recovery kit that belongs to these copies."
    ),
    "restore_failed": Kind(
        500, "The restore failed, and the data is as it was", "The detail says what to correct."
    ),
    "revert_failed": Kind(
        500,
        "The restore failed and could not be reversed",
        "Restore the safety backup that the detail names.",
    ),
    "too_many_transfers": Kind(
        503,
        "Too many files are being received and sent",
        "Try again after the seconds in Retry-After.",
    ),
    "store_unavailable": Kind(
        503, "The backup folder cannot be used", "Check that it is mounted and can be written."
    ),
    "source_database": Kind(
        503, "The database could not be read", "Try again. If it persists, check the disk."
    ),
    "not_started": Kind(
        503, "The operation could not be started", "Try again. The server log may say more."
    ),
    "interrupted": Kind(
        500,
        "The process of the operation was stopped before its end",
        "Start the operation again. For a restore, data says whether the data was replaced.",
    ),
    "time_used_up": Kind(503, "The time limit was reached", "Start it again to continue."),
    "insufficient_space": Kind(
        507,
        "Nothing was changed, because the disk is too full",
        "Delete backups, or free some space.",
    ),
    "disk_full": Kind(507, "The disk is full", "Free some space on the disk of the data."),
}
"""Every kind of problem by its code."""


class Problem(Exception):  # noqa: N818 (RFC 9457 calls it a problem)
    """Ends a request with a problem.

    Attributes:
        code: a key of `PROBLEMS`.
        detail: what happened here, a sentence; "" where the title says all.
        facts: further members of the answer.
        hint: what to do next here, a sentence; "" where that of the code says it.
        headers: headers of the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.facts = facts
        self.headers = dict(headers or {})

    def response(self, reference: str) -> Response:
        """Return the answer; `reference` is the address of the reference page."""
        return Response(
            msgspec.json.encode(self.members(reference)),
            PROBLEMS[self.code].status,
            self.headers,
            content_type=MEDIA_TYPE,
        )

    def members(self, reference: str) -> Mapping[str, Any]:
        """Return what the answer says; `reference` is the address of the reference page."""
        kind = PROBLEMS[self.code]
        return {
            "type": f"{reference}#{self.code}",
            "title": kind.title,
            "status": kind.status,
            "code": self.code,
            "detail": self.detail or f"{kind.title}.",
            "hint": self.hint or kind.hint,
            **self.facts,
        }
