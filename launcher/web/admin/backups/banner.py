"""The banner about problems with backups, on every page of an admin.

Pages wait 50 ms at most for the backup folder.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from flask import Flask, g
from markupsafe import Markup

from launcher.current import current_application
from launcher.db.settings import site_settings
from launcher.i18n import problems
from launcher.i18n.problems import Style
from launcher.models.types import utc_now
from launcher.monitoring.problems import Severity
from launcher.notifications.assessment import Assessment, assess
from launcher.web.admin.backups.words import at_time, short_time
from launcher.web.frame import current_viewer

_PATIENCE_S = 0.05


def init_app(app: Flask) -> None:
    """Give every template `backup_problems` and the words for problems."""
    app.jinja_env.globals |= {
        "backup_problems": current_problems,
        "headline": problems.headline,
        "problem_answer": lambda findings, of: problems.answer(findings, of, style_at(of.now)),
        "problem_text": lambda problem, of: problems.text(problem, of, style_at(of.now)),
        "problem_title": lambda problem, of: problems.title(problem, of, style_at(of.now)),
    }


def style_at(now: datetime) -> Style:
    """Return how pages write moments, paths and what is strong."""
    return Style(
        at=partial(short_time, now=now),
        within=partial(at_time, now=now),
        path=Markup("<code>{}</code>").format,
        strong=Markup("<b>{}</b>").format,
    )


def current_problems() -> Assessment | None:
    """Return the problems that an admin should see, None without any or for others."""
    if "backup_problems" not in g:
        set_current_problems(_find_problems())
    found: Assessment | None = g.backup_problems
    return found


def set_current_problems(seen: Assessment | None) -> None:
    """Use these findings for the rest of this request.

    That all copies are on one disk is said where backups are, and not on every page.
    """
    found = seen.findings if seen else None
    is_calm = not found or found.severity is Severity.OK or found.is_only_one_disk
    g.backup_problems = None if is_calm else seen


def _find_problems() -> Assessment | None:
    viewer = current_viewer()
    if viewer is None or not viewer.is_admin or g.get("is_without_database"):
        return None
    settings = site_settings()
    try:
        return assess(
            current_application(), now=utc_now(), settings=settings, patience_s=_PATIENCE_S
        )
    except Exception:  # noqa: BLE001  (the panel shows the error; other pages go on)
        return None
