"""Which types and options of rclone a destination may have.

rclone has options that start a program, and types that take a whole other remote, with options of
its own, in a value. None of them may be reached by what is entered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from launcher.offsite.secret_options import has_user
from launcher.offsite.troubles import RemoteError, Trouble

TYPES = frozenset({
    "azureblob", "azurefiles", "b2", "box", "drime", "drive", "dropbox", "fichier", "filefabric",
    "filelu", "filen", "filescom", "ftp", "gofile", "google cloud storage", "hdfs", "hidrive",
    "huaweidrive", "iclouddrive", "internetarchive", "internxt", "jottacloud", "koofr", "mailru",
    "mega", "netstorage", "onedrive", "opendrive", "oracleobjectstorage", "pcloud", "pikpak",
    "pixeldrain", "premiumizeme", "protondrive", "putio", "qingstor", "quatrix", "s3", "seafile",
    "sftp", "sharefile", "sia", "smb", "storj", "sugarsync", "swift", "tardigrade", "ulozto",
    "webdav", "yandex", "zoho",
})  # fmt: skip
"""Services. Not one that wraps another remote, that is files of this machine, or only read."""

OURS = frozenset({"type", "folder", "ca_file", "known_hosts"})
"""The options of a destination that are not rclone's."""

OBSCURED = frozenset({
    "pass", "password", "password2", "key_file_pass", "api_password", "mailbox_password",
    "otp_secret_key", "library_key", "client_certificate_password", "file_password",
    "folder_password", "secret", "plex_password",
})  # fmt: skip
"""The options that rclone takes in its own form: `IsPassword` in `rclone config providers`."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}", re.ASCII)
# `use_az` starts a program of Azure, and a file of AWS can name one.
_STARTS_PROGRAM = {"ssh", "use_az", "shared_credentials_file"}


def check_rclone(options: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Refuse what is no service, or could start a program.

    Args:
        options, secrets: all of a destination; an empty one is as if it were not there.

    Raises:
        RemoteError: `WRONG_OPTIONS` (fact `option`).
    """
    if options.get("type", "") not in TYPES:
        raise RemoteError(Trouble.WRONG_OPTIONS, option="type")
    if wrong := next((name for name in OURS if "\0" in options.get(name, "")), None):
        raise RemoteError(Trouble.WRONG_OPTIONS, option=wrong)
    # A password in a URL would be shown, and be in the recovery kit: it belongs to the secrets.
    if wrong := next((name for name, value in options.items() if has_user(name, value)), None):
        raise RemoteError(Trouble.WRONG_OPTIONS, option=wrong)
    own = [(name, value) for name, value in options.items() if name not in OURS]
    for name, value in [*own, *secrets.items()]:
        if value and not (_is_name(name) and _is_value(name, value)):
            raise RemoteError(Trouble.WRONG_OPTIONS, option=name)


def _is_name(name: str) -> bool:
    starts_program = name in _STARTS_PROGRAM or "command" in name
    return bool(_NAME.fullmatch(name)) and name not in OURS and not starts_program


def _is_value(name: str, value: str) -> bool:
    is_remote = value.lstrip().startswith(":") and name not in OBSCURED
    return "\0" not in value and not is_remote
