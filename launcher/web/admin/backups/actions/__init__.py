"""What is done to backups from the panel: make, verify, rehearse, protect, delete.

What takes long begins in a process of its own (`start`). What is done at once says so in passing,
with a way back where there is one (`protect`, `delete`).
"""

from launcher.web.admin.backups.actions import delete, protect, start
from launcher.web.admin.backups.actions.common import blueprint

__all__ = ["blueprint", "delete", "protect", "start"]
