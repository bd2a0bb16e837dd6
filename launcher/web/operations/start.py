"""Start an operation that outlives the request."""

from __future__ import annotations

from launcher.background import process
from launcher.background.process import OperationRequest
from launcher.backup.records.ids import new_operation_id
from launcher.current import current_config
from launcher.db.session import release
from launcher.web.roles import signed_in_user


def start_operation(request: OperationRequest, *, by: str = "") -> str:
    """Start an operation in a process of its own; return its id.

    Args:
        request: what to do.
        by: who asked; by default the signed-in user.

    The gate is released: no query is allowed afterwards, until `resume`.

    Raises:
        OperationInProgressError, StoreUnavailableError: it could not start.
    """
    by, operation_id = by or signed_in_user().username, new_operation_id()
    release()
    process.start(current_config(), request, by=by, operation_id=operation_id)
    return operation_id
