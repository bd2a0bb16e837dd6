"""Toasts: short messages after an action, some with an undo.

A toast is shown by the next page, or by the part that htmx swaps in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from flask import flash


class Toast(TypedDict):
    """One message with smaller `details`.

    Its button `undo_field` sends the fields `id` of `undo_ids` to `undo_path`, "" for no undo. It
    says `undo_words`, else *Redo* where the toast is about an undo, else *Undo*.
    """

    severity: str
    text: str
    details: list[str]
    undo_path: str
    undo_field: str
    undo_ids: list[str]
    is_undo: bool
    undo_words: str


def make_toast(
    text: str,
    *,
    severity: str = "ok",
    details: Sequence[str] = (),
    undo_path: str = "",
    undo_field: str = "",
    undo_ids: Sequence[str] = (),
    is_undo: bool = False,
    undo_words: str = "",
) -> Toast:
    """Return a toast, which is kept in the session cookie; `severity` is "ok", "warn" or "bad"."""
    return Toast(
        severity=severity,
        text=text,
        details=list(details),
        undo_path=undo_path,
        undo_field=undo_field,
        undo_ids=list(undo_ids),
        is_undo=is_undo,
        undo_words=undo_words,
    )


def show(toast: Toast) -> None:
    """Show a toast on the next page, or in the part that is being sent."""
    # Flask keeps any JSON value, though its annotation is a string.
    flash(toast)  # type: ignore[arg-type]
