"""`flask backup`: each command calls the backup service once and words its result.

Read `create` first; the other modules are named by what their commands do. A module that imports
SQLAlchemy is imported inside the command that needs it, because `flask backup create` takes less
time than that import.
"""

from launcher.cli.backup import (  # noqa: F401  (importing one adds its commands to the group)
    create,
    elsewhere,
    recover,
    restore,
    retention,
    scheduled,
    show,
    status,
)
from launcher.cli.backup.group import backup as backup
