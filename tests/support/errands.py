"""Carrying messages without a process for each: to import Apprise takes a third of a second."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from launcher.notifications import sender
from launcher.notifications.sender import Delivery, Undelivered


@contextmanager
def errands_in_this_process() -> Iterator[None]:
    """Until the end of the block, run the code of the other process in this one.

    What such a process is for is left out: its time limit, its memory and its environment.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sender, "_request", _run_here)
        yield


def _run_here(request: Mapping[str, object], _timeout_s: float) -> Delivery:
    said = io.StringIO()
    answer = sender._Answer(said)
    try:
        with warnings.catch_warnings(action="ignore"):  # as in the other process
            answer.end(sender._run(request, answer))
    except Exception:  # noqa: BLE001  (a service of Apprise may raise anything)
        answer.end(Delivery(delivered=answer.delivered, reason=Undelivered.BROKEN))
    return sender._read_answer(said.getvalue(), otherwise=Undelivered.BROKEN)
