"""Buttons of the form that save nothing: they change entries, and the form is shown again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import request

from launcher.catalogue.entries import AppEntries
from launcher.db.settings import site_settings
from launcher.web.apps.proposals import ShownProposal, proposal_for
from launcher.web.icons.picking import picked

LETTERS = "letters:"
_SHOW_AGAIN = {"use_letters", "back", "review"}


@dataclass(frozen=True, slots=True)
class Step:
    """Entries to show again, with the proposal that was made for them, if one was asked for."""

    entries: AppEntries
    proposal: ShownProposal | None = None


def fetched() -> ShownProposal | None:
    """Return the proposal that this form asks for, None when it does not.

    A view calls it before it reads anything: nothing that was read before counts afterwards.
    """
    return proposal_for(request.form.get("url", "")) if "fetch" in request.form else None


def step_of(entries: AppEntries, proposal: ShownProposal | None) -> Step | None:
    """Return the entries to show again, None for a form that is to be saved."""
    form = request.form
    if proposal is not None:
        return Step(with_proposal(entries, proposal), proposal)
    if choice := picked(form):
        return Step(replace(entries, icon=choice.icon or LETTERS, letters=choice.letters))
    if "use_letters" in form:
        return Step(replace(entries, icon=LETTERS, letters=""))
    return Step(entries) if _SHOW_AGAIN & set(form) else None


def with_proposal(entries: AppEntries, proposal: ShownProposal) -> AppEntries:
    """Return `entries` with what is proposed, but for what a person entered.

    A name is replaced where it is empty or was proposed before; an icon, where it is letters, was
    proposed before, or is the one that the app has.
    """
    form = request.form
    name, icon = entries.name, entries.icon
    if proposal.name and name.strip() in {"", form.get("proposed_name", "")}:
        name = proposal.name
    is_ours = {"", LETTERS, form.get("proposed_icon", LETTERS), form.get("seen_icon", LETTERS)}
    if proposal.icon_value != LETTERS and icon in is_ours:
        icon = proposal.icon_value
    return replace(entries, name=name, icon=icon)


def can_fetch() -> bool:
    """Whether names and icons may be fetched on this site."""
    return site_settings().fetch_enabled
