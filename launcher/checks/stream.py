"""Bytes over a socket, with TLS or without, in the loop.

TLS runs in memory here, in place of asyncio's transport: the certificate can be read at any time,
closing waits for nothing, and what a server may send is counted before it is unpacked.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_CHUNK_BYTES = 16 << 10
_HANDSHAKE_RECORDS = (0x15, 0x16)  # alert and handshake, RFC 8446 5.1


class StreamTooLongError(Exception):
    """More came than the limit of the stream."""


class NotTlsError(Exception):
    """What came is no TLS."""


class Stream:
    """One connection. No wait here ends on its own: the deadline of the caller does that.

    Args:
        max_bytes: what may come in all, as it is on the wire.
    """

    def __init__(self, connection: socket.socket, *, max_bytes: int) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._bytes_left = max_bytes
        self._has_received = False
        self._tls: ssl.SSLObject | None = None

    def close(self) -> None:
        """Close at once."""
        self._socket.close()

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Shake hands.

        Raises:
            NotTlsError
            ssl.SSLError, OSError
            EOFError: the other side closed.
            ValueError: `host` cannot be the name of a certificate.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        await self._step(self._tls.do_handshake)

    def certificate(self) -> bytes | None:
        """Return the certificate of the server as DER, whether it was verified or not."""
        return None if self._tls is None else self._tls.getpeercert(binary_form=True)

    async def send(self, content: bytes) -> None:
        """Send all of `content`.

        Raises:
            OSError
        """
        if self._tls is None:
            await self._loop.sock_sendall(self._socket, content)
        else:
            tls = self._tls
            await self._step(lambda: tls.write(content))  # all of it: memory is never full

    async def receive(self) -> bytes:
        """Return what comes next, b"" at the end.

        Raises:
            StreamTooLongError, OSError
        """
        if self._tls is None:
            return await self._receive_raw()
        tls = self._tls
        try:
            return await self._step(lambda: tls.read(_CHUNK_BYTES))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError, EOFError):
            return b""  # many servers end without saying so

    async def _step(self, step: Callable[[], T]) -> T:
        """Return what `step` returns, once the other side sent what it waits for."""
        is_first = not self._incoming.pending and self._tls and self._tls.version() is None
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError:
                with suppress(OSError):
                    await self._flush()  # the alert, by which the other side knows that it is over
                raise
            else:
                await self._flush()
                return result
            received = await self._receive_raw()
            if not received:
                raise EOFError
            if is_first and received[0] not in _HANDSHAKE_RECORDS:
                raise NotTlsError
            is_first = False
            self._incoming.write(received)

    async def _flush(self) -> None:
        if waiting := self._outgoing.read():
            await self._loop.sock_sendall(self._socket, waiting)

    async def _receive_raw(self) -> bytes:
        received = await self._loop.sock_recv(self._socket, _CHUNK_BYTES)
        self._bytes_left -= len(received)
        if self._bytes_left < 0:
            raise StreamTooLongError
        # What is there already is returned without a pause, so a flood would hold up every other
        # check until its limit. The first part, mostly all there is, may come without one.
        if self._has_received:
            await asyncio.sleep(0)
        self._has_received = True
        return received
