"""The names of all changes of boards, apps and tags, for the log and for sentences."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """One kind of change, `<kind>.<verb>`. Changes of sections and places are of the board."""

    APP_CREATE = "app.create"
    APP_UPDATE = "app.update"
    APP_ARCHIVE = "app.archive"
    APP_UNARCHIVE = "app.unarchive"
    APP_DELETE = "app.delete"
    APP_UNDO = "app.undo"
    APP_REDO = "app.redo"
    BOARD_CREATE = "board.create"
    BOARD_UPDATE = "board.update"
    BOARD_MOVE = "board.move"
    BOARD_SET_HOME = "board.set_home"
    BOARD_DELETE = "board.delete"
    SECTION_ADD = "board.add_section"
    SECTION_RENAME = "board.rename_section"
    SECTION_MOVE = "board.move_section"
    SECTION_DELETE = "board.delete_section"
    PLACE_ADD = "board.add_app"
    PLACE_MOVE = "board.move_app"
    PLACE_REMOVE = "board.remove_app"
    IMPORT = "board.import"
    BOARD_UNDO = "board.undo"
    BOARD_REDO = "board.redo"
    TAG_UPDATE = "tag.update"
    TAG_DELETE = "tag.delete"
    TAG_UNDO = "tag.undo"
    TAG_REDO = "tag.redo"
    # These are several rows in the log, each with a name above.
    APP_DUPLICATE = "app.duplicate"
    APPS_TAG = "app.tag"
    APPS_MOVE = "app.move"
    TAG_MERGE = "tag.merge"
    SAMPLES_ADD = "app.add_samples"
    SAMPLES_REMOVE = "app.remove_samples"
    UNDO = "undo"
    REDO = "redo"


IN_LOG = frozenset(Action) - {
    Action.APP_DUPLICATE, Action.APPS_TAG, Action.APPS_MOVE, Action.TAG_MERGE, Action.UNDO,
    Action.REDO,
    Action.SAMPLES_ADD, Action.SAMPLES_REMOVE,
}  # fmt: skip
"""The actions that the audit log has."""
