"""Tags: renamed, merged by renaming, deleted. An app's own tags are changed with the app."""

from __future__ import annotations

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue import undo
from launcher.catalogue.actions import Action
from launcher.catalogue.entries import TAG_MAX, UnfitError, read_name
from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import Tag
from launcher.models.types import utc_now


def find_tag(tag_id: int) -> Tag | None:
    """Return a tag."""
    return db.session.get(Tag, tag_id)


def rename_tag(tag: Tag, name: str, *, actor: Actor) -> Change:
    """Rename a tag; where another has the name already, the two become one.

    Raises:
        FieldsRefusedError: the name is empty, too long, or has a comma or control characters.
    """
    wanted = _name(name)
    was, facts = tag.name, {"tag": wanted, "before": tag.name, "count": len(tag.apps)}
    if wanted == was:
        return Change(Action.TAG_UPDATE, facts)
    same = (each for each in db.session.scalars(sa.select(Tag)) if each is not tag)
    other = next((each for each in same if each.name.casefold() == wanted.casefold()), None)
    for app in tag.apps:
        app.updated_at = utc_now()
    if other is None:
        tag.name = wanted
    else:
        for app in list(tag.apps):
            if other not in app.tags:
                app.tags.append(other)
            app.tags.remove(tag)
        db.session.flush()
        db.session.delete(tag)
    target = Target("tag", (other or tag).id, wanted)
    audit.record(Action.TAG_UPDATE, actor=actor, target=target, changes={"name": [was, wanted]})
    db.session.commit()
    return Change(Action.TAG_MERGE if other else Action.TAG_UPDATE, facts)


def delete_tag(tag: Tag, *, actor: Actor) -> Change:
    """Delete a tag; its apps stay."""
    apps = list(tag.apps)
    names = ", ".join(app.name for app in apps)
    facts = {"tag": tag.name, "count": len(apps)}
    before = undo.state((), [app.id for app in apps], [tag.id])
    for app in apps:
        app.updated_at = utc_now()
    audit.record(
        Action.TAG_DELETE,
        actor=actor,
        target=Target("tag", tag.id, tag.name),
        changes={"apps": [names, None]},
    )
    tag_id = tag.id
    db.session.delete(tag)
    after = undo.state((), [app.id for app in apps], [tag_id])
    change = undo.keep(before, after, actor=actor, action=Action.TAG_DELETE, facts=facts)
    db.session.commit()
    return change


def _name(text: str) -> str:
    try:
        name = read_name(text, TAG_MAX)
    except UnfitError as error:
        raise FieldsRefusedError({"name": error.refusal}) from None
    if "," in name:
        raise FieldsRefusedError({"name": Refusal(Unfit.CHARACTERS)})
    return name
