"""Begin an operation that outlives the request, in the name of whoever asked."""

from __future__ import annotations

from launcher.background import process
from launcher.background.process import OperationRequest
from launcher.backup.records.ids import new_operation_id
from launcher.current import current_config
from launcher.db.session import release
from launcher.web.roles import signed_in_user


def start_operation(request: OperationRequest, *, by: str = "") -> str:
    """Begin an operation in a process of its own and return the id to follow it by.

    Args:
        request: what to do.
        by: who asked; the user who is signed in unless told otherwise.

    The gate is released: the database is out of bounds afterwards, until `resume`.

    Raises:
        OperationInProgressError, StoreUnavailableError: it could not begin.
    """
    by, operation_id = by or signed_in_user().username, new_operation_id()
    release()
    process.start(current_config(), request, by=by, operation_id=operation_id)
    return operation_id
