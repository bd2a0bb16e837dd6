"""One try of a check: it ends by its deadline and with an outcome, whatever the server does."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping

from launcher.checks.attempt import Attempt, CheckFailedError
from launcher.checks.fields import FieldError
from launcher.checks.http import check_http
from launcher.checks.outcome import Outcome, Reason
from launcher.checks.ping import check_ping
from launcher.checks.resolver import RESOLVER, Resolver
from launcher.checks.sample import sample_outcome
from launcher.checks.spec import CheckSpec
from launcher.checks.tcp import check_tcp
from launcher.fetching.addresses import AddressRules
from launcher.models.health import CheckKind

log = logging.getLogger(__name__)

_KINDS: Mapping[CheckKind, Callable[[CheckSpec, Attempt], Awaitable[None]]] = {
    CheckKind.HTTP: check_http,
    CheckKind.TCP: check_tcp,
    CheckKind.PING: check_ping,
}


async def probe(spec: CheckSpec, rules: AddressRules, *, resolver: Resolver = RESOLVER) -> Outcome:
    """Return what one try of a check finds, after at most `spec.timeout_ms`.

    Nothing but a cancellation escapes. No connection, task or file is left behind; a look-up that
    hangs keeps a thread until it ends, see `Resolver`.
    """
    if spec.kind is CheckKind.SAMPLE:
        return sample_outcome(spec)
    attempt = Attempt(spec.timeout_ms / 1000, rules, resolver)
    try:
        if spec.flaw is not None:
            raise FieldError(spec.flaw)
        async with asyncio.timeout(attempt.limit_s):
            await _KINDS[spec.kind](spec, attempt)
    except CheckFailedError as error:
        return attempt.failed(error)
    except FieldError as error:
        return attempt.failed(CheckFailedError(Reason.INVALID_TARGET, flaw=error.flaw.value))
    except TimeoutError:
        return attempt.failed(attempt.out_of_time())
    except Exception as error:  # noqa: BLE001 (one check must not end all others)
        # Without the text of the error, which may quote a header: so not `exception`.
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error(  # noqa: TRY400
            "the check of app %d failed: %s\n%s", spec.app_id, type(error).__name__, where
        )
        return attempt.failed(CheckFailedError(Reason.FAILED))
    return attempt.succeeded(slow_ms=spec.slow_ms)
