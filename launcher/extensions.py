"""The extensions, unbound: `create_app` binds each to the application it builds.

The scheduler is not among them: it belongs to the one process that runs the jobs, and every
command would pay for its import.
"""

from __future__ import annotations

from flask_babel import Babel
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """What every row class inherits from."""


db = SQLAlchemy(model_class=Base)
babel = Babel()
csrf = CSRFProtect()
login = LoginManager()
