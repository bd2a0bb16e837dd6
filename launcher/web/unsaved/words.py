"""The names of the fields of all forms, for entries that are listed to copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_LABELS: Mapping[str, LazyString] = {
    "url": _("URL"),
    "name": _("Name"),
    "url_local": _("Home network URL"),
    "description": _("Description"),
    "tags": _("Tags"),
    "keywords": _("Search words"),
    "letters": _("Letters"),
    "slug": _("Address"),
    "site_name": _("Site name"),
    "accent_hue": _("Exact hue"),
    "home_networks": _("Home networks"),
    "home_hosts": _("Home host names"),
    "username": _("User name"),
    "display_name": _("Display name"),
    "note": _("Note"),
    "public_url": _("Public URL"),
    "backup_cron_expression": _("Backup schedule"),
    "backup_max_count": _("Keep last"),
    "backup_keep_daily": _("Keep daily"),
    "backup_keep_weekly": _("Keep weekly"),
    "backup_keep_monthly": _("Keep monthly"),
    "backup_stale_after_h": _("Hours without a good backup"),
    "accept": _("Accepted codes"),
    "keyword": _("Text on the page"),
    "ca_new": _("Certificate authority"),
    "interval_s": _("Seconds between checks"),
    "timeout_s": _("Time limit in seconds"),
    "tries": _("Tries"),
    "slow_ms": _("Slow from milliseconds"),
    "header_name": _("Header"),
    "minutes": _("Length in minutes"),
    "notify_after_min": _("Minutes down before a notification"),
    "check_interval_s": _("Seconds between checks"),
    "q": _("Search text"),
    "reason": _("Reason"),
    "label": _("Name"),
    "public_key": _("Public key"),
    "days": _("Days within which each copy is read"),
    "budget": _("Read at most, in MB a day"),
    "limit": _("Upload limit in Mbit/s"),
    "stale": _("Alert after hours without a new copy"),
    "keep_count": _("Keep last"),
    "keep_daily": _("Keep daily"),
    "keep_weekly": _("Keep weekly"),
    "keep_monthly": _("Keep monthly"),
    "folder_path": _("Path"),
    "s3_endpoint": _("Endpoint"),
    "s3_bucket": _("Bucket"),
    "s3_folder": _("Folder in it"),
    "s3_region": _("Region"),
    "s3_ca_file": _("File of a certificate authority"),
    "sftp_host": _("Host"),
    "sftp_port": _("Port"),
    "sftp_user": _("User"),
    "sftp_known_hosts": _("Host key of the server"),
    "webdav_url": _("URL"),
    "webdav_user": _("User"),
    "webdav_ca_file": _("File of a certificate authority"),
    "smb_host": _("Host"),
    "smb_port": _("Port"),
    "smb_user": _("User"),
    "smb_domain": _("Domain"),
    "drive_root_folder_id": _("ID of the folder"),
    "other_type": _("Type"),
    "other_lines": _("Options"),
    "rclone_folder": _("Folder there"),
}
"""What people type, by the name of the field; a test finds a field of a form without a line."""


def labelled(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what was typed, each with the name of its field; what forms carry on is left out."""
    return [(str(_LABELS[name]), text) for name, text in fields if name in _LABELS and text.strip()]
