"""What rclone writes to its log, as a trouble. Its exit codes tell less."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from launcher.offsite.troubles import RemoteError, Trouble

_PATTERNS = [
    (r"find backend called|unknown type", Trouble.WRONG_OPTIONS),
    (r"knownhosts: key|host key|known_hosts", Trouble.HOST_KEY),
    (r"requesttimetooskewed|time difference", Trouble.CLOCK),
    (r"invalidaccesskeyid|unknown key", Trouble.UNKNOWN_KEY),
    (
        r"unable to authenticate|401 unauthorized|signaturedoesnotmatch|login incorrect"
        r"|530 |logon failure|unauthorized|invalid_grant|bad_auth_token|authentication fail"
        r"|ssh: no key found|failed to parse private key|passphrase",
        Trouble.WRONG_SECRET,
    ),
    (r"http response to https client|does not look like a tls handshake", Trouble.NO_HTTPS),
    (r"x509:|certificate|tls: ", Trouble.CERTIFICATE),
    (r"no such host|name resolution|server misbehaving", Trouble.NAME_NOT_FOUND),
    (r"connection refused", Trouble.REFUSED),
    (
        r"no route to host|network is unreachable|host is down",
        Trouble.UNREACHABLE,
    ),
    (r"i/o timeout|timeout|deadline exceeded|timed out", Trouble.TIMED_OUT),
    (r"nosuchbucket|bucket (does not exist|not found)", Trouble.NO_BUCKET),
    (
        r"no space left|insufficient ?storage|507|quota|disk full|storage.?full|not enough space",
        Trouble.FULL,
    ),
    (r"read-only file system", Trouble.READ_ONLY),
    (r"permission denied|403 forbidden|access ?denied|forbidden|not permitted", Trouble.DENIED),
    (r"too many requests|slow ?down|\b(429|500|502|503|504)\b", Trouble.BUSY),
    (r"(directory|object|file) not found|404 not found|no such file", Trouble.NOT_THERE),
    (r"405 method|unsupported protocol|malformed|invalid url|parse \"", Trouble.WRONG_ADDRESS),
    (r"corrupted|hash differ|sizes differ", Trouble.DIFFERENT),
    (
        r"connection reset|broken pipe|\beof\b|connection lost|use of closed|connection closed"
        r"|server closed|transport connection broken",
        Trouble.BROKEN_OFF,
    ),
]
_TROUBLES = [(re.compile(pattern, re.IGNORECASE), trouble) for pattern, trouble in _PATTERNS]
_LAST = re.compile(r"last error was: |Failed to \w+( with \d+ errors)?: ")


def translated(
    messages: Sequence[str], *, action: str, name: str, host: str, place: str,
    secrets: Iterable[str],
) -> RemoteError:  # fmt: skip
    """Return the trouble that the log of a child speaks of.

    Args:
        messages: of the log.
        action: "write", "list", "read" or "delete".
        name: of the object.
        host: of the service, or its type.
        place: bucket or folder.
        secrets: what no answer may quote.
    """
    # It ended without an error of its own: at its limit of memory, say.
    if crash := next((each for each in messages if each.startswith("fatal error: ")), ""):
        return RemoteError(Trouble.NO_ANSWER_KNOWN, answer=crash, detail=crash)
    text = "\n".join(messages)
    trouble = next((found for each, found in _TROUBLES if each.search(text)), None)
    answer = _short(messages, secrets)
    facts: dict[Trouble | None, dict[str, str | int]] = {
        Trouble.WRONG_OPTIONS: {"option": "type"},
        Trouble.NAME_NOT_FOUND: {"host": host},
        Trouble.UNREACHABLE: {"host": host},
        Trouble.REFUSED: {"host": _with_port(host, text)},
        Trouble.NO_BUCKET: {"bucket": place},
        Trouble.READ_ONLY: {"path": place},
        Trouble.DENIED: {"action": action},
        Trouble.NOT_THERE: {"name": name or place},
        Trouble.DIFFERENT: {"name": name},
        Trouble.WRONG_ADDRESS: {"detail": host},
        None: {"detail": answer},
    }
    known = facts.get(trouble, {})
    return RemoteError(trouble or Trouble.NO_ANSWER_KNOWN, answer=answer, **known)


def _with_port(host: str, text: str) -> str:
    """Return the host with the port of "dial tcp 127.0.0.1:22: connect: connection refused"."""
    found = re.search(r":(\d{1,5}): connect", text)
    name = f"[{host}]" if host.count(":") > 1 else host
    return f"{name}:{found[1]}" if found and not re.search(r":\d+$", name) else host


def _short(messages: Sequence[str], secrets: Iterable[str]) -> str:
    """Return the last message without what rclone puts before it, and without any secret."""
    text = _LAST.split(messages[-1])[-1] if messages else ""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return re.sub(r"//[^/@\s]+@", "//", text).strip()
