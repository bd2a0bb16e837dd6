"""The blueprint of all views that edit boards, which are in several modules."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("editing", __name__)
