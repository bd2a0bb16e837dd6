"""Answers of a bucket that boto reads whole: bounded, so that none fills the memory."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as SilentError

from launcher.offsite.troubles import RemoteError, Trouble

_MOST_BYTES = 8 << 20
"""More than twice a list of 1,000 objects with the longest names."""


class BoundedSession:
    """Sends requests as the session of boto does.

    An answer that is no download is read here; one that is too long ends the call at once, and
    boto does not ask again.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: Any) -> AWSResponse:
        """Return the answer; the rest of a download is still to be read.

        Raises:
            RemoteError: `NO_ANSWER_KNOWN`: it is too long.
            BotoCoreError: as the session of boto does.
        """
        is_download, request.stream_output = request.stream_output, True
        try:
            answer = self._session.send(request)
        finally:
            request.stream_output = is_download
        if is_download and answer.status_code < 300:
            return answer
        body = _Whole(_read(answer.raw, request.url), status=answer.status_code)
        return AWSResponse(answer.url, answer.status_code, answer.headers, body)

    def close(self) -> None:
        """End the connections."""
        self._session.close()


class _Whole(BytesIO):
    """A body that was read; `status` is that of the answer, which boto may change."""

    def __init__(self, data: bytes, *, status: int) -> None:
        super().__init__(data)
        self.status = status

    def stream(self) -> list[bytes]:
        return [self.getvalue()]


def _read(raw: Any, url: str) -> bytes:
    data = bytearray()
    try:
        for piece in raw.stream():
            data += piece
            if len(data) > _MOST_BYTES:
                raw.close()
                raise RemoteError(Trouble.NO_ANSWER_KNOWN, detail="an answer without end")
    except SilentError as error:
        raise ReadTimeoutError(endpoint_url=url, error=error) from error
    except ProtocolError as error:
        raise ConnectionClosedError(endpoint_url=url, error=error) from error
    except RemoteError:
        raise
    except Exception as error:
        raise HTTPClientError(error=error) from error
    return bytes(data)
