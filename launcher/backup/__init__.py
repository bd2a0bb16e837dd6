"""Backups of one live SQLite database: made while it is used, proved, kept, and put back.

This package knows SQLite, files and locks, and nothing of the web: no Flask, SQLAlchemy, Babel or
Click is imported here, not even indirectly. What it must know of the application comes in through
`ports.py`. Read `create.py` and `restore.py` first; `service.py` is the face.
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
