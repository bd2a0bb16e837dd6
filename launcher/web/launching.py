"""Counts that a user opens an app; a script of the start page says so while the app loads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from launcher.catalogue import launches
from launcher.db.session import DataBeingReplacedError, enters_to_read, writing
from launcher.extensions import db
from launcher.web.frame import current_viewer
from launcher.web.numbers import number_field

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("launching", __name__)

_log = logging.getLogger(__name__)


@blueprint.post("/launches")
@enters_to_read
def count() -> ResponseReturnValue:
    """Count a launch of the app in the field `app`.

    The answer is the same whether it was counted or not: it says nothing of apps that are hidden,
    and no one waits for it. A count that cannot be written now is lost. A restore, which takes back
    the counts of hours or days, is not waited for.
    """
    try:
        app_id, viewer = number_field("app"), current_viewer()
        if viewer is not None and app_id is not None:
            with writing():
                launches.count(viewer, app_id)
    except (SQLAlchemyError, DataBeingReplacedError) as error:
        db.session.rollback()
        _log.debug("a launch was not counted: %s", error)
    return Response(status=204)
