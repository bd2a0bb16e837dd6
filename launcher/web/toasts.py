"""What is said in passing after something was done, with a way back where there is one.

It is flashed: shown by the next page, or by the part that htmx swaps in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from flask import flash


class Toast(TypedDict):
    """One message. `undo_path` is what a form with `undo_ids` is sent to, "" for no way back."""

    severity: str
    text: str
    details: list[str]
    undo_path: str
    undo_field: str
    undo_ids: list[str]


def make_toast(
    text: str,
    *,
    severity: str = "ok",
    details: Sequence[str] = (),
    undo_path: str = "",
    undo_field: str = "",
    undo_ids: Sequence[str] = (),
) -> Toast:
    """Return a message that goes into the cookie of the session as it is.

    Args:
        tone: "ok", "warn" or "bad".
        details: further lines, smaller.
        undo_path: where the way back is asked for, by a form.
        undo_field: the name of the button of that form.
        undo_ids: its fields `id`.
    """
    return Toast(
        severity=severity,
        text=text,
        details=list(details),
        undo_path=undo_path,
        undo_field=undo_field,
        undo_ids=list(undo_ids),
    )


def show(toast: Toast) -> None:
    """Let the next page, or the part that is about to be sent, say it."""
    # Flask keeps any JSON for a message, though its annotation asks for a string.
    flash(toast)  # type: ignore[arg-type]
