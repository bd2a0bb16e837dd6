"""What one database holds, in the application's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Schedule = Mapping[str, str | int | bool]
"""The backup schedule and retention as a database holds them, opaque to the core."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one database holds.

    Attributes:
        rows: rows of every table, by table name.
        names: names of the things that a user would miss, by kind ("app", "board", "user").
        admins: names of the active admins.
        password_versions: by user name, a text that differs when the password does. Never a hash
            that could be attacked, never shown.
        api_tokens: names of the valid API tokens, by a text that differs when the token, its owner
            or its rights do.
        schedule: the settings of the backup schedule, by names that only the application knows;
            None when the database has none.
        site_name: as shown in the bar.
        epoch: the session epoch; every session names the one it was made in.
        values: what is set of each thing, by field; by kind, and by a key that no other thing ever
            had. Its name is the field `name`. Kinds that are not in `names` are only compared.
        newest_at: the time of the newest entry, as it is written there; "" for none.
        secrets: digests of what is compared and never shown, by kind, key, field and name.
    """

    rows: Mapping[str, int]
    names: Mapping[str, tuple[str, ...]]
    admins: tuple[str, ...]
    password_versions: Mapping[str, str]
    api_tokens: Mapping[str, str]
    schedule: Schedule | None
    site_name: str
    epoch: str
    values: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    newest_at: str = ""
    secrets: Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from an older schema to ours."""

    revision: str
    title: str
