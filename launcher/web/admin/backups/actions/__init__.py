"""The buttons for backups: create, verify, test a restore, protect, delete.

Read `start` first: it has the operations that run in a process of their own. `protect` and `delete`
finish within the request and answer with a toast; `deletion_plan` says what a deletion would do.
"""

from launcher.web.admin.backups.actions import delete, protect, start
from launcher.web.admin.backups.actions.common import blueprint

__all__ = ["blueprint", "delete", "protect", "start"]
