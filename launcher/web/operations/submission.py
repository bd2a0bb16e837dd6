"""One submission of a form is one operation, however often the browser sends it.

A browser sends a form again when its connection breaks, by itself or because someone reloads. The
page puts a random key into the form. The id of the operation comes from that key, the address and
the thing, so a second submission finds the operation of the first, on every worker and during a
restore. The key is also the token to follow a restore with.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass

from flask import Flask, request, url_for

from launcher.background.follow_tokens import new_token
from launcher.backup.records.ids import new_operation_id
from launcher.current import current_backups
from launcher.http.incoming import Received

FIELD = "submission"

_KEY = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_SETTLES_S = 3.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission of a form.

    Attributes:
        key: of its form, "" where a form has none.
        operation_id: the id of the operation that it starts.
    """

    key: str
    operation_id: str

    def has_begun(self) -> bool:
        """Whether its operation has begun, now or at an earlier submission. Needs no database."""
        return current_backups().operation(self.operation_id) is not None

    def wait_for_begin(self) -> bool:
        """Return `has_begun`, after the time that the process of an operation needs to start."""
        deadline = time.monotonic() + _SETTLES_S
        while not (has_begun := self.has_begun()) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return has_begun


def init_app(app: Flask) -> None:
    """Give templates the key of a new form."""
    app.jinja_env.globals.update(new_submission=new_key)


def new_key() -> str:
    """Return the key of a form that is drawn now."""
    return new_token()


def read_submission(*facts: str) -> Submission:
    """Return the submission of this request; without a key it is one of its own.

    Args:
        facts: what makes it another submission although the form is the same, such as its file.
    """
    key = request.form.get(FIELD, "")
    if not _KEY.fullmatch(key):
        return Submission("", new_operation_id())
    return Submission(key, _operation_id(key, request.path, *facts))


def submission_of_file(received: Received) -> Submission:
    """Return the submission of a form with a file; the same form may send another one."""
    return read_submission(received.name, str(received.path.stat().st_size))


def outcome_address(key: str, action: str) -> str:
    """Return where the operation is followed that a form with this key and action starts."""
    path = action.partition("?")[0].removeprefix(request.script_root)
    return url_for("operations.show", operation_id=_operation_id(key, path), t=key)


def _operation_id(*facts: str) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
