"""The group that the commands of this package join."""

from __future__ import annotations

from flask.cli import AppGroup

from launcher.cli.exits import exit_codes_help

_EXAMPLES = """
\b
Examples:
  flask backup create --note "before the move"
  flask backup list
  flask backup restore latest
  flask backup undo
"""

backup = AppGroup(
    "backup",
    help=f"Create, verify and restore backups of the database.\n{_EXAMPLES}",
    epilog=exit_codes_help(),
)
