"""Waiting for what runs in a process of its own."""

from __future__ import annotations

import time

from launcher.backup.records import JournalEntry
from launcher.backup.service import BackupService


def ended(service: BackupService, operation_id: str) -> JournalEntry:
    """Wait until an operation is over; for ever, if it never is."""
    while not isinstance(found := service.operation(operation_id), JournalEntry):
        assert found is not None, "it never began"
        time.sleep(0.02)
    return found
