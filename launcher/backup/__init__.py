"""Backups of one live SQLite database: create, verify, keep and restore them while it is in use.

This package knows SQLite, files and locks, and nothing of the web: no Flask, SQLAlchemy, Babel or
Click is imported here, not even indirectly. The application hands in the rest through `ports.py`.
Read `create.py` and `restore.py` first, then `examine.py`, the checks of both; callers use
`service.py`.
"""

from launcher.backup.errors import BackupError
from launcher.backup.locks import Gate
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.operation import Verb
from launcher.backup.retention import RetentionPolicy
from launcher.backup.service import BackupService
from launcher.backup.store.local import LocalStore

__all__ = [
    "BackupError",
    "BackupService",
    "Gate",
    "Kind",
    "LocalStore",
    "RetentionPolicy",
    "State",
    "Verb",
]
