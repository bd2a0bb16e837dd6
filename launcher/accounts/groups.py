"""Groups of users: created, renamed, filled and deleted, each with its audit entry."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from launcher import audit
from launcher.accounts.errors import (
    GROUP_NAME_MAX_LENGTH,
    GroupNameTakenError,
    GroupNameUnfitError,
)
from launcher.audit import Actor, Target
from launcher.extensions import db
from launcher.models import Group, User


def all_groups() -> Sequence[Group]:
    """Return every group, by name."""
    return db.session.scalars(sa.select(Group).order_by(Group.name)).all()


def find_group(group_id: int) -> Group | None:
    """Return a group, None where there is none with this id."""
    return db.session.get(Group, group_id)


def create_group(name: str, user_ids: Collection[int] = (), *, actor: Actor) -> Group:
    """Create a group of these users.

    Raises:
        GroupNameUnfitError, GroupNameTakenError: nothing was created.
    """
    group = Group(name=_free_name(name), members=_users(user_ids))
    db.session.add(group)
    db.session.flush()
    changes = {"members": [None, _names(group.members)]} if group.members else {}
    audit.record("group.create", actor=actor, target=_target(group), changes=changes)
    db.session.commit()
    return group


def save_group(group: Group, name: str, user_ids: Collection[int], *, actor: Actor) -> None:
    """Give a group this name and these members.

    Raises:
        GroupNameUnfitError, GroupNameTakenError: nothing was changed.
    """
    free_name, members = _free_name(name, but=group), _users(user_ids)
    changes: dict[str, list[str]] = {}
    if free_name != group.name:
        changes["name"] = [group.name, free_name]
    if {each.id for each in members} != {each.id for each in group.members}:
        changes["members"] = [_names(group.members), _names(members)]
    if not changes:
        return
    group.name, group.members = free_name, members
    audit.record("group.update", actor=actor, target=_target(group), changes=changes)
    db.session.commit()


def delete_group(group: Group, *, actor: Actor) -> None:
    """Delete a group, and what was shared with it; its members stay."""
    changes = {"members": [_names(group.members), None]}
    audit.record("group.delete", actor=actor, target=_target(group), changes=changes)
    db.session.delete(group)
    db.session.commit()


def _free_name(text: str, but: Group | None = None) -> str:
    name = unicodedata.normalize("NFC", text.strip())
    if not name or len(name) > GROUP_NAME_MAX_LENGTH or not name.isprintable():
        raise GroupNameUnfitError
    twin = db.session.scalar(sa.select(Group.id).where(Group.name == name))
    if twin is not None and (but is None or twin != but.id):
        raise GroupNameTakenError(name)
    return name


def _users(ids: Collection[int]) -> list[User]:
    query = sa.select(User).where(User.id.in_(ids)).order_by(User.username)
    return list(db.session.scalars(query))


def _names(users: Collection[User]) -> str:
    return ", ".join(each.username for each in users)


def _target(group: Group) -> Target:
    return Target("group", group.id, group.name)
