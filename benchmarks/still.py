"""One page from memory, by the server as it is: what a page costs that is neither read nor made."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from wsgi import app

_BODY = gzip.compress(Path(os.environ["STILL_PAGE"]).read_bytes(), 5)


def _answer(_environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Encoding", "gzip"),
            ("Content-Length", str(len(_BODY))),
        ],
    )
    return [_BODY]


app.wsgi_app = _answer  # type: ignore[method-assign]
