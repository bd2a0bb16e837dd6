"""The destinations of copies: how they stand, and a copy at once. Never an address or a secret."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from launcher.api.authentication import actor_of, token_of
from launcher.api.destination_shapes import Destination
from launcher.api.door import Answer, Call, door
from launcher.api.problems import Problem
from launcher.current import current_offsite
from launcher.db.session import release
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import TokenScope
from launcher.offsite import audit
from launcher.offsite.errors import OffsiteError
from launcher.offsite.status import KitState, OffsiteStatus


class Destinations(msgspec.Struct, kw_only=True):
    """Every destination, and the key of their copies."""

    destinations: list[Destination]
    kit: Annotated[KitState, Meta(description="The state of the recovery kit.")]


@door(
    "GET",
    "/destinations",
    scope=TokenScope.BACKUPS_READ,
    summary="List destinations",
    about=(
        "Lists the places that get copies of backups, and how each stands. Addresses and secrets "
        "of destinations are never returned."
    ),
    result=Destinations,
    problems=("destinations_unreadable", "store_unavailable"),
)
def list_destinations(_call: Call) -> Destinations:
    """Answer with how all destinations stand; no service is asked."""
    status = _status()
    return Destinations(
        destinations=[Destination.of(each) for each in status.destinations], kit=status.kit
    )


@door(
    "POST",
    "/destinations/{destination}/copy",
    scope=TokenScope.BACKUPS_CREATE,
    summary="Copy now",
    about=(
        "Copies what is waiting for a destination at once, without the pause after a failure. The "
        "answer comes before the copies. Get the destinations again until `waiting` is 0. Sent "
        "twice, it starts the work only once."
    ),
    result=Destination,
    status=202,
    problems=(
        "destination_not_found",
        "destination_paused",
        "destinations_unreadable",
        "store_unavailable",
        "insufficient_space",
    ),
)
def copy_to_destination(call: Call) -> Answer:
    """Have the leader copy at once what is owed."""
    try:
        known = current_offsite().find(call.path["destination"])
    except OffsiteError as error:
        unreadable = error.code == "file_unreadable"
        raise Problem(
            "destinations_unreadable" if unreadable else "destination_not_found"
        ) from None
    if known.paused:
        raise Problem("destination_paused")
    current_offsite().copy_now(known.id)
    audit.record_copy_now(known, actor=actor_of(token_of(call)))
    db.session.commit()
    if (found := _status().find(known.id)) is None:  # removed in the meantime
        raise Problem("destination_not_found")
    return Answer(Destination.of(found))


def _status() -> OffsiteStatus:
    """Return how all of it stands.

    Raises:
        Problem: the destinations cannot be read.
    """
    settings = current_settings()
    release()  # a backup folder that does not answer must not delay a restore
    status = current_offsite().status(settings)
    if status.is_unreadable:
        raise Problem("destinations_unreadable")
    return status
