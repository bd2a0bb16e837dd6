"""The Flask extensions, unbound: `create_app` binds each to the application.

The scheduler is not among them: only the leader needs it, and its import is slow.
"""

from __future__ import annotations

from flask_babel import Babel
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """The base class of all rows."""


db = SQLAlchemy(model_class=Base)
babel = Babel()
csrf = CSRFProtect()
login = LoginManager()
