"""A check of a TCP port: it accepts a connection, and nothing is sent."""

from __future__ import annotations

from launcher.checks.attempt import Attempt
from launcher.checks.connecting import connect
from launcher.checks.fields import endpoint_of
from launcher.checks.spec import CheckSpec


async def check_tcp(spec: CheckSpec, attempt: Attempt) -> None:
    """Return where the port accepts a connection.

    Raises:
        CheckFailedError: it does not.
    """
    host, port = endpoint_of(spec.address)
    connection, _ = await connect(attempt, host, port)
    connection.close()
