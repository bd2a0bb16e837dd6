"""What rclone writes to its log, as it was seen at the services, is a trouble with its facts."""

from __future__ import annotations

import pytest

from launcher.offsite.rclone_errors import translated
from launcher.offsite.troubles import Trouble

SFTP = 'Failed to create file system for "far:": NewFs: couldn\'t connect SSH: '


@pytest.mark.parametrize(
    ("message", "trouble", "facts"),
    [
        (SFTP + "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none "
         "password], no supported methods remain", Trouble.WRONG_SECRET, {}),
        (SFTP + "ssh: handshake failed: knownhosts: key mismatch", Trouble.HOST_KEY, {}),
        (SFTP + "dial tcp 127.0.0.1:1: connect: connection refused",
         Trouble.REFUSED, {"host": "box:1"}),
        (SFTP + "dial tcp: lookup nosuch.invalid on 10.0.0.53:53: no such host",
         Trouble.NAME_NOT_FOUND, {"host": "box"}),
        (SFTP + "dial tcp 10.0.0.1:22: i/o timeout", Trouble.TIMED_OUT, {}),
        ("Failed to copyto: Update Create failed: sftp: \"Permission denied\" (SSH_FX_PERMISSION)",
         Trouble.DENIED, {"action": "write"}),
        ("Failed to copyto: Update Create failed: read-only file system",
         Trouble.READ_ONLY, {"path": "copies"}),
        ("Failed to lsjson: couldn't list files: 401 Unauthorized: 401 Unauthorized",
         Trouble.WRONG_SECRET, {}),
        ("Failed to copyto: write: no space left on device", Trouble.FULL, {}),
        ("Failed to copyto: Storage Quota exceeded", Trouble.FULL, {}),
        ("Propfind \"https://x/\": tls: failed to verify certificate: x509: certificate signed by "
         "unknown authority", Trouble.CERTIFICATE, {}),
        ("Failed to lsjson: NoSuchBucket: no such bucket", Trouble.NO_BUCKET, {"bucket": "copies"}),
        ("read tcp 1.2.3.4:5: connection reset by peer", Trouble.BROKEN_OFF, {}),
        ("unexpected EOF", Trouble.BROKEN_OFF, {}),
        ("something else of a service", Trouble.NO_ANSWER_KNOWN,
         {"detail": "something else of a service"}),
    ],
)  # fmt: skip
def test_a_message_is_understood(
    *, message: str, trouble: Trouble, facts: dict[str, object]
) -> None:
    error = translated(
        [message], action="write", name="a.db", host="box", place="copies", secrets=[]
    )
    assert (error.trouble, error.facts) == (trouble, facts)


def test_no_answer_quotes_a_secret() -> None:
    error = translated(
        ["Failed to x: GET https://ada:tok-en@box/?key=my-secret: odd answer for my-secret"],
        action="write", name="a", host="box", place="", secrets=["my-secret", "", "secret"],
    )  # fmt: skip
    assert error.answer == "GET https://box/?key=…: odd answer for …"
    assert "my-secret" not in repr(error)


def test_without_a_message_nothing_is_known() -> None:
    error = translated([], action="write", name="a", host="box", place="", secrets=[])
    assert (error.trouble, error.answer) == (Trouble.NO_ANSWER_KNOWN, "")
