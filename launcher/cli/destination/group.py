"""The group that the commands of this package join."""

from __future__ import annotations

from flask.cli import AppGroup

_EXAMPLES = """
\b
Examples:
  flask destination add NAS /mnt/nas/launcher
  flask destination list
  flask destination copy nas
"""

destination = AppGroup(
    "destination",
    help=f"Copy backups to other places.\n\nID is that of `flask destination list`.\n{_EXAMPLES}",
)
