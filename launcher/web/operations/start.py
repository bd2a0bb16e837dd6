"""Begin an operation that outlives the request, in the name of whoever asked."""

from __future__ import annotations

from typing import Any

from launcher import detached
from launcher.backup.records import Verb, new_operation_id
from launcher.current import current_config
from launcher.database import release
from launcher.detached import Errand
from launcher.web.roles import signed_in_user


def start_operation(verb: Verb, *, by: str = "", **details: Any) -> str:
    """Begin an operation in a process of its own and return the id to follow it by.

    Args:
        verb: CREATE (note, protected), VERIFY or REHEARSE (reference), RESTORE (source,
            keep_schedule, carry_account) or UPLOAD (path, note).
        by: who asked; the user who is signed in unless told otherwise.
        details: the arguments of the service's method.

    The gate is released: the database is out of bounds afterwards, until `resume`.

    Raises:
        OperationInProgressError, StoreUnavailableError: it could not begin.
    """
    errand = Errand(verb, by or signed_in_user().username, new_operation_id(), details)
    release()
    detached.start(current_config(), errand)
    return errand.operation_id
