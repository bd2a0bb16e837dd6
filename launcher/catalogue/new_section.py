"""A section that is made in the step that puts the first app on a board."""

from __future__ import annotations

from dataclasses import dataclass

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue.actions import Action
from launcher.catalogue.history import target_of
from launcher.extensions import db
from launcher.models import Board, Section


@dataclass(frozen=True, slots=True)
class NewSection:
    """A section that is not there yet, at the end of a board; its name is checked."""

    board: Board
    name: str


def made(section: Section | NewSection, *, actor: Actor) -> Section:
    """Return a section, made inside the caller's transaction where it is not there yet."""
    if isinstance(section, Section):
        return section
    board = section.board
    row = append_section(board, section.name)
    changes = {"section": [None, row.name]}
    audit.record(Action.SECTION_ADD, actor=actor, target=target_of(board), changes=changes)
    return row


def append_section(board: Board, name: str) -> Section:
    """Add a section at the end of a board, inside the caller's transaction."""
    section = Section(board=board, name=name, position=len(board.sections))
    db.session.add(section)
    db.session.flush()
    return section
