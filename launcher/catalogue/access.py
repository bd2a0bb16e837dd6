"""What a user sees, and what they may change. What someone may not see does not exist for them.

`viewer` is None for a guest. Every query of boards, apps, tags and pictures for a page goes through
these conditions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set

import sqlalchemy as sa

from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.icons.store import was_brought
from launcher.models import (
    Access,
    App,
    AppTag,
    Board,
    BoardGroup,
    BoardUser,
    GroupMember,
    Media,
    Placement,
    Section,
    Tag,
    User,
    Visibility,
)


def sees_board(viewer: User | None) -> sa.ColumnElement[bool]:
    """Return the condition on `Board` for the boards that `viewer` may see."""
    if viewer is None:
        is_open = Board.visibility == Visibility.PUBLIC
        return is_open if site_settings().guest_access else sa.false()
    if viewer.is_admin:
        return sa.true()
    return sa.or_(
        Board.visibility.in_(_FOR_ALL), Board.owner_id == viewer.id, _is_shared(viewer, *Access)
    )


_FOR_ALL = (Visibility.MEMBERS, Visibility.PUBLIC)  # and nothing that is no visibility at all


def _is_shared(viewer: User, *accesses: Access) -> sa.ColumnElement[bool]:
    """Return the condition on `Board` for those shared with a person or one of their groups."""
    with_user = sa.select(BoardUser.board_id).where(
        BoardUser.user_id == viewer.id, BoardUser.access.in_(accesses)
    )
    with_group = (
        sa.select(BoardGroup.board_id)
        .join(GroupMember, GroupMember.group_id == BoardGroup.group_id)
        .where(GroupMember.user_id == viewer.id, BoardGroup.access.in_(accesses))
    )
    return sa.or_(Board.id.in_(with_user), Board.id.in_(with_group))


def edits_board(viewer: User | None) -> sa.ColumnElement[bool]:
    """Return the condition on `Board` for the boards that `viewer` may change.

    Editors: those for everyone, and their own. Besides, each that is shared with them to edit.
    """
    if viewer is None:
        return sa.false()
    if viewer.is_admin:
        return sa.true()
    shared = _is_shared(viewer, Access.EDIT)
    if not viewer.may_edit:
        return shared
    return sa.or_(Board.visibility.in_(_FOR_ALL), Board.owner_id == viewer.id, shared)


def sees_app(viewer: User | None) -> sa.ColumnElement[bool]:
    """Return the condition on `App` for the apps that `viewer` may know of.

    Apps of visible boards; for who edits a board also archived ones on it; for editors all archived
    ones, and apps on no board unless they were on a private board of another last.
    """
    if viewer is not None and viewer.is_admin:
        return sa.true()
    places = sa.select(Placement.id).where(Placement.app_id == App.id)
    on_visible = _on_boards(sees_board(viewer))
    if viewer is None:
        return sa.and_(App.archived_at.is_(None), on_visible)
    if not viewer.may_edit:
        return sa.or_(
            sa.and_(App.archived_at.is_(None), on_visible), _on_boards(edits_board(viewer))
        )
    return sa.or_(on_visible, sa.and_(~places.exists(), _knows_unplaced(viewer)))


def edits_app(viewer: User | None) -> sa.ColumnElement[bool]:
    """Return the condition on `App` for the apps that `viewer` may change.

    Editors may who edit one of its boards, or know of an app on no board. Others may who edit each
    of its boards: what they change is changed, archived and deleted on all of them.
    """
    if viewer is None:
        return sa.false()
    if viewer.is_admin:
        return sa.true()
    on_edited = _on_boards(edits_board(viewer))
    if not viewer.may_edit:
        return sa.and_(on_edited, ~_on_boards(~edits_board(viewer)))
    places = sa.select(Placement.id).where(Placement.app_id == App.id)
    return sa.or_(on_edited, sa.and_(~places.exists(), _knows_unplaced(viewer)))


def _on_boards(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return (
        sa.select(Placement.id)
        .join(Section, Section.id == Placement.section_id)
        .join(Board, Board.id == Section.board_id)
        .where(Placement.app_id == App.id, which)
        .exists()
    )


def _knows_unplaced(viewer: User) -> sa.ColumnElement[bool]:
    return sa.or_(App.owner_id.is_(None), App.owner_id == viewer.id)


def visible_boards(viewer: User | None) -> Sequence[Board]:
    """Return the boards that `viewer` may see, in order; a guest sees public ones at most."""
    if viewer is None and not site_settings().guest_access:
        return ()
    query = sa.select(Board).where(sees_board(viewer)).order_by(Board.position, Board.id)
    return db.session.scalars(query).all()


def home_board(boards: Sequence[Board], viewer: User | None) -> Board | None:
    """Return the one of `boards` to show first: the user's own, the site's, or the first."""
    own_id = viewer.home_board_id if viewer else None
    wanted = [each for each in boards if each.id == own_id]
    wanted += [each for each in boards if each.is_home]
    return next(iter((*wanted, *boards)), None)


def find_board(slug: str, viewer: User | None) -> Board | None:
    """Return the board at this address, None when `viewer` may not see it."""
    return db.session.scalar(sa.select(Board).where(Board.slug == slug, sees_board(viewer)))


def find_app(app_id: int, viewer: User | None) -> App | None:
    """Return an app, None when `viewer` may not know of it."""
    return db.session.scalar(sa.select(App).where(App.id == app_id, sees_app(viewer)))


def may_edit(viewer: User | None) -> bool:
    """Whether `viewer` may change any board: as an editor, or one that is shared with them."""
    if viewer is None or viewer.may_edit:
        return viewer is not None
    return bool(
        db.session.scalar(sa.select(sa.select(Board.id).where(edits_board(viewer)).exists()))
    )


def may_edit_board(viewer: User | None, board: Board) -> bool:
    """Whether `viewer` may change this board, which they see."""
    if viewer is None:
        return False
    if viewer.is_admin or (
        viewer.may_edit and (board.visibility in _FOR_ALL or board.owner_id == viewer.id)
    ):
        return True
    query = sa.select(Board.id).where(Board.id == board.id, _is_shared(viewer, Access.EDIT))
    return db.session.scalar(query) is not None


def may_edit_app(viewer: User | None, app: App) -> bool:
    """Whether `viewer` may change this app."""
    query = sa.select(App.id).where(App.id == app.id, edits_app(viewer))
    return viewer is not None and db.session.scalar(query) is not None


def edited_apps(app_ids: Collection[int], viewer: User | None) -> Set[int]:
    """Return those of these apps that `viewer` may change; all are on boards that they edit."""
    if viewer is not None and viewer.may_edit:
        return {*app_ids}  # one board is enough for editors
    query = sa.select(App.id).where(App.id.in_(app_ids), edits_app(viewer))
    return set(db.session.scalars(query))


def editable_boards(viewer: User | None) -> Sequence[Board]:
    """Return the boards that `viewer` may change, in order."""
    query = sa.select(Board).where(edits_board(viewer)).order_by(Board.position, Board.id)
    return db.session.scalars(query).all()


def may_govern(viewer: User | None, board: Board) -> bool:
    """Whether `viewer` may decide who sees a board, and delete it: its owner or an admin."""
    if viewer is None or not viewer.may_edit:
        return False
    return viewer.is_admin or board.owner_id == viewer.id


def visible_tags(viewer: User | None) -> Sequence[tuple[Tag, int]]:
    """Return the tags by name, each with the number of its apps that `viewer` may know of.

    Tags of no app are there for editors; one whose apps are all hidden is not.
    """
    known = sa.func.count(App.id).label("known")
    query = (
        sa.select(Tag, known, sa.func.count(AppTag.app_id))
        .outerjoin(AppTag, AppTag.tag_id == Tag.id)
        .outerjoin(App, sa.and_(App.id == AppTag.app_id, sees_app(viewer)))
        .group_by(Tag.id)
        .order_by(Tag.name)
    )
    rows = db.session.execute(query).all()
    return [(tag, seen) for tag, seen, all_ in rows if seen or (may_edit(viewer) and not all_)]


def may_see_media(viewer: User | None, sha256: str) -> bool:
    """Whether `viewer` may see this picture: one that they know of, or brought themselves lately.

    Who uploads the icon of a hidden app once more has its content, and gets no word of the app.
    """
    is_known = knows_media(viewer, sha256)
    return is_known or (viewer is not None and may_edit(viewer) and was_brought(sha256, viewer.id))


def knows_media(viewer: User | None, sha256: str) -> bool:
    """Whether `viewer` knows of this picture: of a known app, or for editors one of no app.

    Its name is for them alone.
    """
    if viewer is not None and viewer.is_admin:
        return True
    users = sa.select(App.id).join(Media, Media.id == App.icon_media_id)
    users = users.where(Media.sha256 == sha256)
    if db.session.scalar(sa.select(users.where(sees_app(viewer)).exists())):
        return True
    return may_edit(viewer) and not db.session.scalar(sa.select(users.exists()))
