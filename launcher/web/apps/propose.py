"""A proposal for a URL, as a part of the form of an app."""

from __future__ import annotations

from flask import render_template, request

from launcher.web.apps.blueprint import blueprint
from launcher.web.apps.proposals import proposal_for
from launcher.web.editing.rights import editing_required


@blueprint.post("/apps/propose")
@editing_required
def propose() -> str:
    """Return what is proposed for the field `url`: name and icon as data, and a sentence."""
    return render_template(
        "apps/_proposal.html", proposal=proposal_for(request.form.get("url", ""))
    )
