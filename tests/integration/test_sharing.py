"""Boards shared with people and groups: who sees them, who edits them, and what stays of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts.errors import GroupNameTakenError, GroupNameUnfitError
from launcher.accounts.groups import create_group, delete_group, save_group
from launcher.accounts.users import create_user, delete_user
from launcher.audit import COMMAND_LINE, Actor
from launcher.catalogue import access, undo
from launcher.catalogue.apps import create_app, save_app
from launcher.catalogue.boards import create_board, delete_board, save_board
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.errors import FieldsRefusedError, NotAllowedError, UndoUnknownError
from launcher.catalogue.places import add_place, remove_place
from launcher.catalogue.samples import remove_samples
from launcher.catalogue.sections import add_section
from launcher.extensions import db
from launcher.models import App, AuditEvent, Board, Group, Role, User


@dataclass
class Site:
    """Ben's private board with one app, and five users: an admin, two editors, two viewers."""

    users: Mapping[str, User]
    diary: Board
    app: App

    def share(self, *shares: str, by: str = "ben") -> None:
        wanted = replace(BoardEntries.of(self.diary), shared_with=" ".join(shares))
        user = self.users[by]
        save_board(self.diary, wanted, viewer=user, actor=Actor.of(user))

    def person(self, name: str, what: str) -> str:
        return f"user:{self.users[name].id}:{what}"

    def rights(self) -> dict[str, str]:
        """Return what each may do with the board: the same by every question that is asked."""
        db.session.expire_all()
        return {name: self._rights(user) for name, user in self.users.items()}

    def _rights(self, user: User) -> str:
        sees = access.find_board("diary", user) is not None
        assert sees is (self.diary in access.visible_boards(user))
        assert sees is (access.find_app(self.app.id, user) is not None)
        edits = self.diary in access.editable_boards(user)
        assert edits is access.may_edit_board(user, self.diary)
        assert edits is access.may_edit_app(user, self.app)
        assert sees or not edits
        return "edit" if edits else "view" if sees else ""


@pytest.fixture
def site(app: Flask, cast: object) -> Iterator[Site]:
    with app.app_context():
        for name, role in (("emil", Role.EDITOR), ("fred", Role.VIEWER)):
            create_user(name, f"{name}'s long password", role=role, actor=COMMAND_LINE)
        users = {each.username: each for each in db.session.scalars(sa.select(User))}
        ben = users["ben"]
        board, _ = create_board(
            BoardEntries(name="Diary", visibility="private"), owner=ben, actor=Actor.of(ben)
        )
        add_section(board, "Days", actor=Actor.of(ben))
        made, _ = create_app(
            AppEntries(name="Journal", url="http://journal.home.arpa"),
            board.sections[0],
            actor=Actor.of(ben),
        )
        yield Site(users, board, made)


NOBODY = {"ada": "edit", "ben": "edit", "chloe": "", "emil": "", "fred": ""}


def test_a_private_board_is_its_owners_and_the_admins(site: Site) -> None:
    assert site.rights() == NOBODY


def test_a_person_sees_what_is_shared_with_them_and_edits_what_they_may(site: Site) -> None:
    site.share(site.person("chloe", "view"), site.person("emil", "view"))
    assert site.rights() == NOBODY | {"chloe": "view", "emil": "view"}
    site.share(site.person("chloe", "edit"))
    assert site.rights() == NOBODY | {"chloe": "edit"}
    assert access.may_edit(site.users["chloe"])
    assert not access.may_edit(site.users["fred"])


def test_members_of_a_group_have_what_is_shared_with_it(site: Site) -> None:
    fred, emil = site.users["fred"], site.users["emil"]
    family = create_group("Family", [fred.id, emil.id], actor=COMMAND_LINE)
    site.share(f"group:{family.id}:view", site.person("fred", "edit"))
    assert site.rights() == NOBODY | {"fred": "edit", "emil": "view"}
    save_group(family, "Family", [site.users["chloe"].id], actor=COMMAND_LINE)
    assert site.rights() == NOBODY | {"fred": "edit", "chloe": "view"}
    delete_group(family, actor=COMMAND_LINE)
    assert site.rights() == NOBODY | {"fred": "edit"}


def test_only_the_owner_and_admins_share(site: Site) -> None:
    site.share(site.person("emil", "edit"))
    with pytest.raises(NotAllowedError):
        site.share(site.person("emil", "edit"), site.person("fred", "view"), by="emil")
    db.session.rollback()
    site.share(site.person("fred", "view"), by="ada")
    assert site.rights() == NOBODY | {"fred": "view"}


@pytest.mark.parametrize("odd", ["user:0:edit", "user:1:own", "nobody", "user:1", "group:x:view"])
def test_what_names_no_share_is_refused(site: Site, odd: str) -> None:
    with pytest.raises(FieldsRefusedError):
        site.share(odd)


def test_people_who_are_gone_are_left_out(site: Site) -> None:
    site.share("user:4711:edit", "group:4711:view", site.person("fred", "view"))
    assert BoardEntries.of(site.diary).shared_with == site.person("fred", "view")


def test_sharing_is_in_the_log_and_undone_by_its_owner_alone(site: Site) -> None:
    ben = site.users["ben"]
    wanted = replace(BoardEntries.of(site.diary), shared_with=site.person("fred", "view"))
    change = save_board(site.diary, wanted, viewer=ben, actor=Actor.of(ben))
    event = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event
    assert event.changes == {"shared_with": ["", "fred (view)"]}
    assert change.step_id
    undo.undo(change.step_id, viewer=ben, actor=Actor.of(ben))
    assert site.rights() == NOBODY


def test_a_deleted_board_comes_back_shared(site: Site) -> None:
    site.share(site.person("fred", "view"))
    ben = site.users["ben"]
    change = delete_board(site.diary, viewer=ben, actor=Actor.of(ben))
    assert change.step_id
    undo.undo(change.step_id, viewer=ben, actor=Actor.of(ben))
    again = access.find_board("diary", site.users["fred"])
    assert again
    assert BoardEntries.of(again).shared_with == site.person("fred", "view")


def test_who_may_edit_a_board_undoes_what_they_removed_until_that_right_is_gone(site: Site) -> None:
    site.share(site.person("fred", "edit"))
    fred = site.users["fred"]
    removed = remove_place(site.app.placements[0], actor=Actor.of(fred))
    assert removed.step_id
    undo.undo(removed.step_id, viewer=fred, actor=Actor.of(fred))
    again = db.session.get(App, site.app.id)
    assert again
    assert len(again.placements) == 1
    removed = remove_place(again.placements[0], actor=Actor.of(fred))
    site.share(site.person("fred", "view"))
    assert removed.step_id
    with pytest.raises((NotAllowedError, UndoUnknownError)):
        undo.undo(removed.step_id, viewer=fred, actor=Actor.of(fred))


def test_who_lost_the_right_to_edit_undoes_no_edit_of_an_app(site: Site) -> None:
    site.share(site.person("emil", "edit"))
    emil = site.users["emil"]
    edited = replace(AppEntries.of(site.app), url="http://elsewhere.example")
    change = save_app(site.app, edited, actor=Actor.of(emil))
    site.share(site.person("emil", "view"))
    assert change.step_id
    with pytest.raises(NotAllowedError):
        undo.undo(change.step_id, viewer=emil, actor=Actor.of(emil))
    db.session.rollback()
    assert site.app.url == "http://elsewhere.example"


def test_an_app_that_is_also_elsewhere_is_changed_by_editors_alone(site: Site) -> None:
    """What a viewer may edit on one board would be changed, or deleted, on boards of others."""
    site.share(site.person("fred", "edit"), site.person("emil", "edit"))
    other, _ = create_board(
        BoardEntries(name="Others", visibility="private"),
        owner=site.users["ada"],
        actor=COMMAND_LINE,
    )
    add_section(other, "All", actor=COMMAND_LINE)
    add_place(site.app, other.sections[0], actor=COMMAND_LINE)
    assert not access.may_edit_app(site.users["fred"], site.app)
    assert access.may_edit_app(site.users["emil"], site.app)
    assert access.may_edit_board(site.users["fred"], site.diary)


def test_who_may_only_place_an_app_puts_it_back_where_they_removed_it(site: Site) -> None:
    site.share(site.person("fred", "edit"))
    fred = site.users["fred"]
    common, _ = create_board(BoardEntries(name="Common"), owner=None, actor=COMMAND_LINE)
    add_section(common, "All", actor=COMMAND_LINE)
    add_place(site.app, common.sections[0], actor=COMMAND_LINE)
    removed = remove_place(site.app.placements[0], actor=Actor.of(fred))
    db.session.expire_all()
    assert not access.may_edit_app(fred, site.app)
    assert removed.step_id
    undo.undo(removed.step_id, viewer=fred, actor=Actor.of(fred))
    assert len(site.app.placements) == 2


def test_a_deleted_board_comes_back_without_who_was_deleted_meanwhile(site: Site) -> None:
    family = create_group("Family", actor=COMMAND_LINE)
    site.share(f"group:{family.id}:view", site.person("fred", "view"), site.person("emil", "view"))
    ben = site.users["ben"]
    change = delete_board(site.diary, viewer=ben, actor=Actor.of(ben))
    delete_group(family, actor=COMMAND_LINE)
    delete_user(site.users["fred"], actor=COMMAND_LINE)
    assert change.step_id
    undo.undo(change.step_id, viewer=ben, actor=Actor.of(ben))
    again = access.find_board("diary", ben)
    assert again
    assert BoardEntries.of(again).shared_with == site.person("emil", "view")


def test_who_only_views_a_board_gets_no_sample_apps_of_it_removed(site: Site) -> None:
    site.app.is_sample = True
    db.session.commit()
    site.share(site.person("emil", "view"))
    emil = site.users["emil"]
    assert remove_samples(viewer=emil, actor=Actor.of(emil)).facts["count"] == 0
    assert db.session.get(App, site.app.id)


def test_the_boards_of_a_deleted_user_are_the_admins_who_deleted_them(site: Site) -> None:
    ada, ben = site.users["ada"], site.users["ben"]
    delete_user(ben, actor=Actor.of(ada))
    db.session.expire_all()
    assert site.diary.owner is ada
    event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "board.set_owner"))
    assert [each.changes for each in event] == [{"owner": ["ben", "ada"]}]


def test_an_app_that_only_a_deleted_user_knew_of_is_known_to_that_admin_alone(site: Site) -> None:
    ada, ben, emil = site.users["ada"], site.users["ben"], site.users["emil"]
    remove_place(site.app.placements[0], actor=Actor.of(ben))
    delete_user(ben, actor=Actor.of(ada))
    db.session.expire_all()
    assert site.app.owner_id == ada.id
    assert access.find_app(site.app.id, emil) is None


def test_an_app_of_a_private_board_without_owner_is_known_to_admins_alone(site: Site) -> None:
    site.diary.owner = None
    db.session.commit()
    remove_place(site.app.placements[0], actor=COMMAND_LINE)
    db.session.expire_all()
    assert access.find_app(site.app.id, site.users["emil"]) is None


def test_what_was_changed_of_a_deleted_user_is_still_undone(site: Site) -> None:
    """A board that comes back is the admin's, and a renamed one stays the admin's."""
    ada, ben = site.users["ada"], site.users["ben"]
    renamed = save_board(
        site.diary, replace(BoardEntries.of(site.diary), name="Secrets"), viewer=ada,
        actor=Actor.of(ada),
    )  # fmt: skip
    removed = remove_place(site.app.placements[0], actor=Actor.of(ada))
    other, _ = create_board(
        BoardEntries(name="Attic", visibility="private"), owner=ben, actor=Actor.of(ben)
    )
    deleted = delete_board(other, viewer=ada, actor=Actor.of(ada))
    delete_user(ben, actor=Actor.of(ada))
    for change in (deleted, removed, renamed):
        assert change.step_id
        undo.undo(change.step_id, viewer=ada, actor=Actor.of(ada))
    boards = db.session.scalars(sa.select(Board).order_by(Board.name)).all()
    assert [(each.name, each.owner is ada) for each in boards] == [("Attic", True), ("Diary", True)]
    assert len(site.app.placements) == 1


def test_a_group_has_a_name_of_its_own(site: Site) -> None:
    create_group("Family", actor=COMMAND_LINE)
    with pytest.raises(GroupNameTakenError):
        create_group("FAMILY", actor=COMMAND_LINE)
    for name in (" ", "x" * 61, "a\nb"):
        with pytest.raises(GroupNameUnfitError):
            create_group(name, actor=COMMAND_LINE)
    assert db.session.scalars(sa.select(Group.name)).all() == ["Family"]


def test_forty_shared_boards_need_the_query_of_one(site: Site) -> None:
    fred = site.users["fred"]
    for number in range(40):
        create_board(
            BoardEntries(
                name=f"Board {number}", visibility="private",
                shared_with=site.person("fred", "view"),
            ),
            owner=site.users["ben"], actor=COMMAND_LINE,
        )  # fmt: skip
    db.session.expire_all()
    _ = fred.id, fred.role
    queries: list[object] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *call: queries.append(call[2]))
    assert len(access.visible_boards(fred)) == 40
    assert len(queries) == 1
