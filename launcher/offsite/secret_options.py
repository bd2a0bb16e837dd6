"""Which options of a destination are secrets, and where a secret may hide in another one.

What is no secret is shown: on pages, in the recovery kit, in the list of processes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ASKED_FOR: Mapping[str, str] = {
    "azureblob": "key", "azurefiles": "key", "b2": "key", "box": "token", "drive": "token",
    "dropbox": "token", "fichier": "api_key", "filelu": "key", "filen": "password",
    "filescom": "api_key", "ftp": "pass", "gofile": "access_token", "hidrive": "token",
    "huaweidrive": "token", "iclouddrive": "password", "internetarchive": "secret_access_key",
    "internxt": "pass", "jottacloud": "token", "koofr": "password", "mailru": "pass",
    "mega": "pass", "netstorage": "secret", "onedrive": "token", "opendrive": "password",
    "pcloud": "token", "pikpak": "pass", "pixeldrain": "api_key", "premiumizeme": "api_key",
    "protondrive": "password", "putio": "token", "qingstor": "secret_access_key",
    "quatrix": "api_key", "s3": "secret_access_key", "seafile": "pass", "sftp": "pass",
    "sharefile": "token", "sia": "api_password", "smb": "pass", "storj": "access_grant",
    "swift": "key", "tardigrade": "access_grant", "ulozto": "password", "webdav": "pass",
    "yandex": "token", "zoho": "token",
}  # fmt: skip
"""The secret of each type of rclone that is asked for where none is given."""

IN_PLACE_OF_A_SECRET = frozenset({
    "anonymous", "env_auth", "key_file", "key_use_agent", "service_account_file", "use_msi",
})  # fmt: skip
"""Options with which a type needs no secret of its own."""

# `Sensitive` and `IsPassword` in `rclone config providers`, without names of accounts and places.
_SECRETS = frozenset({
    "2fa", "access_grant", "api_key", "authorization", "config_credentials", "connection_string",
    "cookies", "headers", "key", "library_key", "master_key", "master_keys", "mnemonic",
    "otp_secret_key", "pass", "passphrase", "password", "password2", "private_key", "resource_key",
    "sas_url", "secret", "service_account_credentials", "session_id", "sse_customer_key",
    "sse_customer_key_base64", "token",
})  # fmt: skip
_ENDS_OF_SECRETS = (
    "_pass", "_password", "_secret", "_token", "_access_key", "_api_key", "_pem",
)  # fmt: skip
_NO_SECRETS = frozenset({"ask_password"})

_HOSTS = frozenset({"bucket", "endpoint", "host", "hostname"})
_ENDS_OF_HOSTS = ("_endpoint", "proxy")
_URL = "url"
_SCHEME = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_HOST = re.compile(r"(?:[^:\[\]]*|\[[^\]]*\])(?::[0-9]{1,5})?")


def is_secret(name: str) -> bool:
    """Whether the option of this name, in words of rclone, holds a secret."""
    is_known = name in _SECRETS or name.endswith(_ENDS_OF_SECRETS)
    return is_known and name not in _NO_SECRETS


def has_user(name: str, value: str) -> bool:
    """Whether an option names a user, and so perhaps a password, in front of a host."""
    start = _SCHEME.match(value)
    is_host = name in _HOSTS or name.endswith(_ENDS_OF_HOSTS)
    if not (start or is_host or name == _URL or name.endswith(f"_{_URL}")):
        return False
    rest = value[start.end() :] if start else value
    if is_host or "@" not in rest:
        return "@" in rest
    # A password may itself contain "/", "?" or "#": what is before them is then not host and port.
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    has_path = rest[len(host) :].startswith("/")
    return "@" in host or not has_path or not _HOST.fullmatch(host)


def without_user(name: str, value: str) -> str:
    """Return the value of an option without a user and a password in front of its host."""
    if not has_user(name, value):
        return value
    start = _SCHEME.match(value)
    return f"{start[0] if start else ''}{value.rpartition('@')[2]}"


def shown_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return options as anyone may see them, also where a file was edited by hand."""
    return {
        name: without_user(name, value) for name, value in options.items() if not is_secret(name)
    }
