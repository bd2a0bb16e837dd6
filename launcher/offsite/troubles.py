"""What can be wrong with a destination, as data; each door has its own words."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Trouble(StrEnum):
    """Why a call to a destination failed. The value is stable: it stands in files."""

    # To reach it
    UNREACHABLE = "unreachable"  # facts: host
    REFUSED = "refused"  # nothing listens at the port; facts: host, with the port if it is known
    NAME_NOT_FOUND = "name_not_found"  # facts: host
    TIMED_OUT = "timed_out"
    CERTIFICATE = "certificate"
    NO_HTTPS = "no_https"  # the port speaks plain HTTP
    BROKEN_OFF = "broken_off"  # the connection ended in the middle
    BUSY = "busy"  # 429, 500, 503; facts: retry_after_s
    # To be let in
    UNKNOWN_KEY = "unknown_key"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 (no password)
    DENIED = "denied"  # facts: action
    CLOCK = "clock"  # facts: apart_s, where it is known
    HOST_KEY = "host_key"  # of SFTP: not the one that was saved; facts: fingerprint, of the new one
    # What is there
    NO_BUCKET = "no_bucket"  # facts: bucket
    WRONG_REGION = "wrong_region"  # facts: region
    WRONG_ADDRESS = "wrong_address"  # facts: detail
    NOT_THERE = "not_there"  # an object or a folder; facts: name
    NOT_MOUNTED = "not_mounted"  # facts: path
    SAME_DISK = "same_disk"  # as the data, and it should be another; facts: path
    OVERLAPS = "overlaps"  # a folder with the data or another destination; facts: path, other
    NOT_WRITABLE = "not_writable"  # facts: path
    READ_ONLY = "read_only"  # facts: path
    FULL = "full"  # facts: free_bytes, needed_bytes, where they are known
    # What came back
    DIFFERENT = "different"  # not the bytes that were written; facts: name
    CUT_SHORT = "cut_short"  # fewer bytes than announced; facts: name
    NO_ANSWER_KNOWN = "no_answer_known"  # facts: detail
    NO_KEY = "no_key"  # no key here opens the copy; facts: name
    # Here
    NO_ROOM = "no_room"  # on the disk of the data; facts: needed_bytes, free_bytes
    NO_PROGRAM = "no_program"  # rclone or boto3 is not installed; facts: program
    WRONG_OPTIONS = "wrong_options"  # facts: option


PASSING = frozenset(
    {
        Trouble.UNREACHABLE,
        Trouble.REFUSED,
        Trouble.NAME_NOT_FOUND,
        Trouble.TIMED_OUT,
        Trouble.BROKEN_OFF,
        Trouble.BUSY,
    }
)
"""What may be over at the next try, and is no fault of what was entered."""


class RemoteError(Exception):
    """A call to a destination failed.

    Attributes:
        trouble: why.
        facts: what the words of the trouble need; never a secret.
        answer: what the service answered, a line of at most 200 characters, "" where it did not.
    """

    def __init__(self, trouble: Trouble, *, answer: str = "", **facts: str | int) -> None:
        super().__init__(trouble.value, *(f"{name}={fact}" for name, fact in facts.items()))
        self.trouble = trouble
        self.facts: Mapping[str, str | int] = facts
        self.answer = " ".join(answer[:400].split())[:200]

    def __str__(self) -> str:
        return ", ".join(map(str, self.args))
