"""Open a destination, whatever service it is.

The module of a service is imported when one is opened: a process that serves pages imports none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from launcher.offsite.records import Destination, Service
from launcher.offsite.remote import Remote


def open_remote(
    destination: Destination,
    *,
    site: str = "",
    data_dir: Path | None = None,
    apart: Sequence[Path] = (),
) -> Remote:
    """Return a destination ready for calls; nothing is asked of it yet.

    Args:
        destination: with its secrets.
        site: names are inside the folder of this site; "" for the destination's own folder.
        data_dir: where the data is, to refuse a folder that is no other place; None to read.
        apart: more folders that a folder must not be, contain or be inside of.

    Raises:
        RemoteError: `WRONG_OPTIONS`, `NO_PROGRAM`.
    """
    match destination.service:
        case Service.FOLDER:
            from launcher.offsite.folder import Folder  # noqa: PLC0415

            return Folder(destination, site=site, data_dir=data_dir, apart=apart)
        case Service.S3:
            from launcher.offsite.s3 import open_s3  # noqa: PLC0415

            return open_s3(destination, site=site)
        case Service.RCLONE:
            from launcher.offsite.rclone import Rclone  # noqa: PLC0415

            return Rclone(destination, site=site)
