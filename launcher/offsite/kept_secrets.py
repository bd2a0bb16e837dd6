"""When the stored secrets of a destination go with what is entered for it.

A stored secret is sent to no other server than the one that it was entered for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from launcher.offsite.errors import OffsiteError
from launcher.offsite.rclone_options import OBSCURED
from launcher.offsite.records import Destination, Service

_SAME_SERVER = {
    "folder", "bucket", "path_style", "user", "domain", "root_folder_id", "known_hosts",
}  # fmt: skip
"""The options with which the same server is asked for something else.

`vendor` of WebDAV is none: with `sharepoint`, rclone signs in at Microsoft.
"""

_CREDENTIALS = OBSCURED | {
    "account", "access_key_id", "api_key", "bearer_token", "client_id", "client_secret", "key",
    "key_id", "key_pem", "secret", "secret_access_key", "session_token", "token",
}  # fmt: skip
"""The secrets that say who connects; any other one may say where."""


def with_kept_secrets(
    entered: Destination, before: Destination, *, cleared: Collection[str] = ()
) -> Destination:
    """Return a destination with the stored secrets in place of those that are empty.

    Args:
        entered: as someone entered it.
        before: as it is stored.
        cleared: names of stored secrets that are no longer kept.

    Raises:
        OffsiteError: `secrets_needed`: the server may be another one, and secrets are not complete.
    """
    kept = {name: value for name, value in before.secrets.items() if name not in cleared}
    before = replace(before, secrets=kept)
    typed = {name: value for name, value in entered.secrets.items() if value}
    if not keeps_secrets(entered, before):
        missing = {name for name, value in before.secrets.items() if value} - set(typed)
        if missing and (entered.service is Service.S3 or not typed):
            raise OffsiteError("secrets_needed")
        return replace(entered, secrets=typed)
    return replace(entered, secrets={**before.secrets, **typed})


def keeps_secrets(entered: Destination, before: Destination) -> bool:
    """Whether what is entered is certainly for the server that the stored secrets are for."""
    given = {name: value for name, value in entered.secrets.items() if value}
    others = {
        n: v for n, v in given.items() if n not in _CREDENTIALS and v != before.secrets.get(n)
    }
    return not others and _server(entered) == _server(before)


def _server(destination: Destination) -> tuple[Service, Mapping[str, str]]:
    free = _SAME_SERVER | ({"region"} if destination.service is Service.S3 else set())
    options = destination.options.items()
    return destination.service, {n: v for n, v in options if v and n not in free}
