"""Tags: renamed, merged by renaming, deleted. An app's own tags are changed with the app."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue import undo
from launcher.catalogue.access import visible_tags
from launcher.catalogue.actions import Action
from launcher.catalogue.entries import TAG_MAX, UnfitError, read_name, read_tags
from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import App, Tag, User
from launcher.models.types import utc_now


def find_tag(tag_id: int) -> Tag | None:
    """Return a tag."""
    return db.session.get(Tag, tag_id)


def set_tags(app: App, text: str, *, actor: Actor) -> None:
    """Give an app the tags named between commas, inside the caller's transaction."""
    app.tags = list(tags_named(text, actor=actor))


def tags_named(text: str, *, actor: Actor) -> Sequence[Tag]:
    """Return the tags named between commas; those that are missing are added, not committed.

    A tag that has the name in another case is the same. It keeps its spelling where the actor
    knows of it; else it takes theirs, so that they see what they typed and nothing of hidden apps.
    """
    return tags_called(read_tags(text), actor=actor)


def tags_called(names: Sequence[str], *, actor: Actor) -> Sequence[Tag]:
    """Return the tags with these names as `tags_named` does, however many they are."""
    wanted = {name.casefold() for name in names}
    there = db.session.scalars(sa.select(Tag))
    found = {key: tag for tag in there if (key := tag.name.casefold()) in wanted}
    for name in names:
        tag = found.get(name.casefold())
        if tag is not None and tag.name != name and not _knows(actor, tag):
            _respell(tag, name, actor)
    return [found.get(name.casefold()) or Tag(name=name) for name in names]


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
    is_known = False
    if other is None:
        tag.name = wanted
    else:
        is_known = _knows(actor, other)
        if not is_known:
            _respell(other, wanted, actor)
        for app in list(tag.apps):
            if other not in app.tags:
                app.tags.append(other)
            app.tags.remove(tag)
        db.session.flush()
        db.session.delete(tag)
    target = Target("tag", (other or tag).id, wanted)
    audit.record(Action.TAG_UPDATE, actor=actor, target=target, changes={"name": [was, wanted]})
    db.session.commit()
    is_merge = other is not None and is_known
    return Change(Action.TAG_MERGE if is_merge else Action.TAG_UPDATE, facts)


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


def _knows(actor: Actor, tag: Tag) -> bool:
    """Whether the actor knows of a tag: by an app that they know of, or of no app."""
    viewer = db.session.get(User, actor.id) if actor.id is not None else None
    return viewer is None or any(each is tag for each, _count in visible_tags(viewer))


def _respell(tag: Tag, name: str, actor: Actor) -> None:
    target, changes = Target("tag", tag.id, name), {"name": [tag.name, name]}
    audit.record(Action.TAG_UPDATE, actor=actor, target=target, changes=changes)
    tag.name = name


def _name(text: str) -> str:
    try:
        name = read_name(text, TAG_MAX)
    except UnfitError as error:
        raise FieldsRefusedError({"name": error.refusal}) from None
    if "," in name:
        raise FieldsRefusedError({"name": Refusal(Unfit.CHARACTERS)})
    return name
