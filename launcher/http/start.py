"""Start an operation that outlives the request."""

from __future__ import annotations

import time

from launcher.background import process
from launcher.background.process import OperationRequest, UploadRequest
from launcher.backup.errors import OperationInProgressError
from launcher.backup.records.ids import new_operation_id
from launcher.current import current_config
from launcher.db.session import release
from launcher.http.incoming import Received

_PATIENCE_S = 20.0
_POLL_S = 2.0


def start_operation(request: OperationRequest, *, by: str, operation_id: str = "") -> str:
    """Start an operation in a process of its own; return its id.

    Args:
        request: what to do.
        by: who asked.
        operation_id: its id, a new one by default.

    The gate is released: no query is allowed afterwards, until `resume`.

    Raises:
        OperationInProgressError, InsufficientSpaceError, SourceDatabaseError,
        StoreUnavailableError, NotStartedError: it could not start.
    """
    operation_id = operation_id or new_operation_id()
    release()
    process.start(current_config(), request, by=by, operation_id=operation_id)
    return operation_id


def start_upload(received: Received, *, by: str, note: str = "", operation_id: str = "") -> str:
    """Start the operation that checks and lists the file; return its id.

    Waits 20 seconds while as many files are checked as may be at once, since a second upload would
    take longer.

    Raises:
        OperationInProgressError, InsufficientSpaceError, SourceDatabaseError,
        StoreUnavailableError, NotStartedError: it could not start.
    """
    deadline = time.monotonic() + _PATIENCE_S
    if received.name:
        note = f"{note} ({received.name})" if note else received.name
    upload = UploadRequest(received.path, note)
    while True:
        try:
            return start_operation(upload, by=by, operation_id=operation_id)
        except OperationInProgressError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_S)
