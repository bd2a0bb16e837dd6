"""How what an admin entered of destinations changes: from settings to settings, without a file."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from launcher.backup.records.text import readable
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import new_site
from launcher.offsite.kept_secrets import with_kept_secrets
from launcher.offsite.rclone_options import check_rclone
from launcher.offsite.records import Destination, Destinations, Service, folders_of, place_of
from launcher.offsite.s3_options import endpoint_of
from launcher.offsite.secret_options import has_user, is_secret
from launcher.offsite.troubles import RemoteError, Trouble

MAX_NAME = 60
_MAX_ID = 40


def find(entered: Destinations, destination_id: str) -> Destination:
    """Return one destination, or raise `OffsiteError("destination_not_found")`."""
    for each in entered.destinations:
        if each.id == destination_id:
            return each
    raise OffsiteError("destination_not_found", destination=destination_id[:80])


def with_site(entered: Destinations) -> Destinations:
    """Return the settings with a name of this installation, which the first destination makes."""
    return replace(entered, site=entered.site or new_site())


def with_new(
    entered: Destinations, destination: Destination, *, by: str, at: datetime
) -> tuple[Destinations, Destination]:
    """Return the settings with one more destination, and that one; its id is made of its name.

    Raises:
        OffsiteError: `name_taken`, `place_taken` (fact `name`), and as `check_access`.
    """
    checked = _checked(destination, entered)
    taken = {each.id for each in entered.destinations}
    new = replace(checked, id=_free_id(checked, taken), added_at=at, added_by=readable(by))
    named = with_site(entered)
    return replace(named, destinations=(*entered.destinations, new)), new


def require_valid(entered: Destinations, destination: Destination, apart: Iterable[Path]) -> None:
    """Refuse a destination that could not be entered, without asking it or any disk.

    Args:
        entered: what is entered by now.
        destination: a new one, or a changed one by its id.
        apart: folders that its own may not be, contain or be inside of.

    Raises:
        OffsiteError: `name_taken`, `place_taken` (fact `name`), `invalid_option` (fact `option`).
        RemoteError: `OVERLAPS`. What a symbolic link hides is found by the test.
    """
    _checked(destination, entered)
    others = (each for each in entered.destinations if each.id != destination.id)
    for folder in folders_of([destination]):
        path = Path(os.path.normpath(folder))
        for each in (*apart, *folders_of(others)):
            other = Path(os.path.normpath(each.absolute()))
            if path.is_relative_to(other) or other.is_relative_to(path):
                raise RemoteError(Trouble.OVERLAPS, path=str(folder), other=str(each))


def with_changed(
    entered: Destinations,
    destination: Destination,
    *,
    seen: Destination | None,
    cleared: Collection[str] = (),
) -> tuple[Destinations, Destination]:
    """Return the settings with a destination in place of the one of its id, and that one.

    Its empty secrets are those from before, but for the `cleared` ones.

    Raises:
        OffsiteError: `destination_not_found`, `secrets_needed`, and as `with_new`;
            `outdated` where it is not as it was `seen`.
    """
    before = find(entered, destination.id)
    if seen is not None and before != seen:
        raise OffsiteError("outdated")
    new = replace(
        with_kept_secrets(_checked(destination, entered), before, cleared=cleared),
        added_at=before.added_at,
        added_by=before.added_by,
    )
    return with_replaced(entered, new), new


def without(entered: Destinations, destination: Destination) -> Destinations:
    """Return the settings without a destination."""
    rest = tuple(each for each in entered.destinations if each.id != destination.id)
    return replace(entered, destinations=rest)


def with_replaced(entered: Destinations, changed: Destination) -> Destinations:
    """Return the settings with a destination in place of the one of its id, if it is there."""
    found = tuple(changed if each.id == changed.id else each for each in entered.destinations)
    return replace(entered, destinations=found)


def with_found_options(
    entered: Destinations, destination_id: str, found: Mapping[str, str]
) -> Destinations:
    """Return the settings with options of a destination that were left empty and then found."""
    try:
        before = find(entered, destination_id)
    except OffsiteError:
        return entered
    new = {name: value for name, value in found.items() if not before.options.get(name)}
    return with_replaced(entered, replace(before, options={**before.options, **new}))


def with_delete_denied(entered: Destinations, destination_id: str) -> Destinations:
    """Return the settings with it that a destination lets nothing be deleted."""
    try:
        before = find(entered, destination_id)
    except OffsiteError:
        return entered
    return with_replaced(entered, replace(before, may_delete=False))


def check_access(service: Service, options: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Refuse what no service could be reached with, and secrets where they would be shown.

    Raises:
        OffsiteError: `user_in_url`, `secret_option`, `invalid_option` (fact `option`).
    """
    for name, value in options.items():
        if has_user(name, value):
            raise OffsiteError("user_in_url", option=name)
        if value and is_secret(name):
            raise OffsiteError("secret_option", option=name)
    try:
        if service is Service.RCLONE:
            check_rclone(options, secrets)
        if service is Service.S3:
            endpoint_of(options)
    except RemoteError as error:
        raise OffsiteError("invalid_option", option=str(error.facts["option"])) from error


def is_same_access(one: Destination, other: Destination) -> bool:
    """Whether both reach the same service in the same way."""
    return _access(one) == _access(other)


def _access(destination: Destination) -> tuple[object, ...]:
    return destination.service, destination.options, destination.secrets


def _checked(destination: Destination, entered: Destinations) -> Destination:
    """Return a destination with what every service needs of it in order."""
    name = " ".join(readable(destination.name).split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise OffsiteError("invalid_option", option="name")
    for other in entered.destinations:
        if other.id != destination.id and other.name.casefold() == name.casefold():
            raise OffsiteError("name_taken", name=name)
    _require_own_place(entered, destination)
    for option in ("limit_bytes_s", "stale_after_h"):
        if getattr(destination, option) < 0:
            raise OffsiteError("invalid_option", option=option)
    check_access(destination.service, destination.options, destination.secrets)
    return replace(destination, name=name)


def _require_own_place(entered: Destinations, destination: Destination) -> None:
    """Refuse a new place that another destination has; `require_valid` compares folders."""
    mine = place_of(destination)
    at_mine = [each for each in entered.destinations if place_of(each) == mine]
    is_moved = not any(each.id == destination.id for each in at_mine)
    if at_mine and is_moved and destination.service is not Service.FOLDER:
        raise OffsiteError("place_taken", name=at_mine[0].name)


def _free_id(destination: Destination, taken: set[str]) -> str:
    """Return an id made of the name: "Käse-Box 2" → `kase-box-2`, and unique."""
    plain = unicodedata.normalize("NFKD", destination.name).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_MAX_ID].strip("-")
    base = base or str(destination.service)
    found, count = base, 1
    while found in taken:
        count += 1
        found = f"{base}-{count}"
    return found
