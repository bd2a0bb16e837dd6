"""Backups made here, and as files from and to elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from launcher.cli.backup.group import backup
from launcher.cli.exits import handle_backup_errors
from launcher.cli.output import print_result, say_warnings
from launcher.cli.progress import bars
from launcher.cli.shell import json_option, typist
from launcher.current import current_backups

TYPED_PATH = click.Path(readable=False, path_type=Path)
"""A path whose rights the service checks: it knows the next step, which click does not."""


@backup.command()
@click.option("--note", default="", help="A note that describes the backup.")
@click.option("--protect", is_flag=True, help="Protect the backup.")
@json_option
@handle_backup_errors
def create(note: str, protect: bool, as_json: bool) -> None:
    """Create a backup now and print its id.

    The site keeps running.

    \b
    Examples:
      flask backup create
      flask backup create --note "before moving Jellyfin" --protect
    """
    with bars() as on_progress:
        made = current_backups().create(
            by=typist(), note=note, protected=protect, on_progress=on_progress
        )
    say_warnings(made.verification.warnings)
    print_result(made, made.id, as_json=as_json)


@backup.command()
@click.argument("backup_id", metavar="ID")
@click.argument("target", metavar="DEST", type=TYPED_PATH)
@json_option
@handle_backup_errors
def export(backup_id: str, target: Path, as_json: bool) -> None:
    """Export the plain .db of a backup to DEST.

    DEST is a new file or a folder. Prints the path.

    \b
    Examples:
      flask backup export latest /mnt/usb/
      flask backup export 20261122T170000Z-k3f9q2 launcher-copy.db
    """
    with bars() as on_progress:
        path = current_backups().export(backup_id, target, by=typist(), on_progress=on_progress)
    print_result({"path": path}, path, as_json=as_json)


@backup.command("import")
@click.argument("path", metavar="PATH", type=TYPED_PATH)
@click.option("--note", default="", help="A note that describes the backup.")
@json_option
@handle_backup_errors
def import_(path: Path, note: str, as_json: bool) -> None:
    """Check a .db or .db.zst file and add it as a backup.

    Prints the id of the backup.

    The contents of a -wal file beside it are included.
    """
    with bars() as on_progress:
        taken = current_backups().import_(path, by=typist(), note=note, on_progress=on_progress)
    say_warnings(taken.verification.warnings)
    print_result(taken, taken.id, as_json=as_json)
