"""TLS on a connection, verified where the check wants that, and the certificate either way."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime

from launcher.checks.attempt import Attempt, CheckFailedError
from launcher.checks.certificates import certificate_of, context_of
from launcher.checks.connecting import connect_to, reason_of
from launcher.checks.fields import Flaw
from launcher.checks.outcome import Certificate, Phase, Reason
from launcher.checks.resolver import SocketAddress
from launcher.checks.spec import CheckSpec
from launcher.checks.stream import NotTlsError, Stream, StreamTooLongError
from launcher.fetching.addresses import Reach, reach_of
from launcher.models.health import CheckVerify

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL, x509_vfy.h
_OTHER_NAME = {62, 63, 64}  # X509_V_ERR_HOSTNAME_, EMAIL_ and IP_ADDRESS_MISMATCH
_MAX_HANDSHAKE_BYTES = 256 << 10
_PEEK_SHARE = 0.8


async def secure(stream: Stream, spec: CheckSpec, attempt: Attempt, address: SocketAddress) -> None:
    """Shake hands on `stream`, which is connected to `address`, and note the certificate.

    Raises:
        CheckFailedError
    """
    is_verified = _is_verified(spec, address[0])
    context = context_of(spec.ca_pem if is_verified else "", is_verified=is_verified)
    try:
        with attempt.during(Phase.TLS):
            await stream.start_tls(context, attempt.host)
    except ssl.SSLCertVerificationError as error:
        stream.close()  # a server may shake hands with one at a time
        certificate = await _peek(attempt, address)
        _note(attempt, certificate)
        raise _untrusted(error.verify_code, certificate) from None
    except NotTlsError:
        raise CheckFailedError(Reason.TLS_NONE) from None
    except StreamTooLongError:
        raise CheckFailedError(Reason.TLS_OTHER, detail="TOO_LONG") from None
    except EOFError:
        raise CheckFailedError(Reason.RESET, phase=Phase.TLS.value) from None
    except ssl.SSLError as error:
        raise tls_other(error) from None
    except OSError as error:
        raise CheckFailedError(reason_of(error), phase=Phase.TLS.value) from None
    except ValueError:
        raise CheckFailedError(Reason.INVALID_TARGET, flaw=Flaw.URL.value) from None
    _note(attempt, certificate_of(stream.certificate(), is_verified=is_verified))


def tls_other(error: ssl.SSLError) -> CheckFailedError:
    """Return the reason for an error that has no reason of its own."""
    return CheckFailedError(Reason.TLS_OTHER, detail=(error.reason or "")[:80])


def _is_verified(spec: CheckSpec, address: str) -> bool:
    if spec.verify is CheckVerify.PUBLIC:
        return bool(spec.ca_pem) or reach_of(address) is Reach.PUBLIC
    return spec.verify is CheckVerify.ALWAYS


def _note(attempt: Attempt, certificate: Certificate | None) -> None:
    """Keep the first: it is that of the app, those after a redirect may be of another."""
    attempt.certificate = attempt.certificate or certificate


async def _peek(attempt: Attempt, address: SocketAddress) -> Certificate | None:
    """Return the certificate that was not trusted: `ssl` shows it only where none is verified."""
    try:
        async with asyncio.timeout(attempt.left_s * _PEEK_SHARE):
            connection, _ = await connect_to(address)
            stream = Stream(connection, max_bytes=_MAX_HANDSHAKE_BYTES)
            try:
                await stream.start_tls(context_of(is_verified=False), attempt.host)
                return certificate_of(stream.certificate(), is_verified=False)
            finally:
                stream.close()
    except (OSError, EOFError, NotTlsError, StreamTooLongError, ValueError):
        return None


def _untrusted(code: int, certificate: Certificate | None) -> CheckFailedError:
    if code == _EXPIRED:
        is_it = certificate is not None and certificate.until < datetime.now(UTC)
        date = certificate.until.isoformat() if certificate is not None and is_it else ""
        return CheckFailedError(Reason.TLS_EXPIRED, date=date)
    if code in _OTHER_NAME:
        return CheckFailedError(
            Reason.TLS_NAME, names=list(certificate.names) if certificate else []
        )
    return CheckFailedError(Reason.TLS_UNTRUSTED, issuer=certificate.issuer if certificate else "")
