"""Why a connection could not be made, from the chain of errors of a library."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from launcher.offsite.troubles import RemoteError, Trouble

_TROUBLES: list[tuple[type[BaseException], Trouble]] = [
    (ssl.SSLCertVerificationError, Trouble.CERTIFICATE),
    (ssl.SSLEOFError, Trouble.BROKEN_OFF),
    (ssl.SSLZeroReturnError, Trouble.BROKEN_OFF),
    (ssl.SSLError, Trouble.CERTIFICATE),
    (socket.gaierror, Trouble.NAME_NOT_FOUND),
    (ConnectionRefusedError, Trouble.REFUSED),
    (ConnectionError, Trouble.BROKEN_OFF),
    (TimeoutError, Trouble.TIMED_OUT),
    (OSError, Trouble.UNREACHABLE),
]
"""The first that fits; a class stands before those it is derived from."""


def trouble_of_connection(
    error: BaseException, *, host: str, port: int | str | None = None
) -> RemoteError | None:
    """Return the trouble that the innermost known error is; None where there is none."""
    for each in _chain(error):
        # Some libraries derive their errors from `OSError` without being one of the system.
        if isinstance(each, OSError) and (each.errno is not None or isinstance(each, TimeoutError)):
            trouble = next(found for kind, found in _TROUBLES if isinstance(each, kind))
            if getattr(each, "reason", "") == "WRONG_VERSION_NUMBER":
                trouble = Trouble.NO_HTTPS
            answer = getattr(each, "verify_message", "") or each.strerror or ""
            facts = {}
            if trouble in {Trouble.NAME_NOT_FOUND, Trouble.UNREACHABLE}:
                facts = {"host": host}
            elif trouble is Trouble.REFUSED:
                name = f"[{host}]" if ":" in host else host
                facts = {"host": f"{name}:{port}" if port else host}
            return RemoteError(trouble, answer=answer, **facts)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors behind an error, the innermost first."""
    seen: list[BaseException] = []

    def walk(each: BaseException | None) -> None:
        if each is None or each in seen:
            return
        seen.append(each)
        inner = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        kwargs = getattr(each, "kwargs", None)
        inner += kwargs.values() if isinstance(kwargs, dict) else []
        for one in inner:
            if isinstance(one, BaseException):
                walk(one)

    walk(error)
    yield from reversed(seen)
