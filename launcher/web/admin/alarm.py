"""What other pages tell an admin of the backups. They never wait for the disk of the backups.

A folder on a disk or a server that hangs makes every question about it hang as well. So a thread
asks, and a page that would have to wait goes by the last answer there was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import Flask, current_app, g

from launcher.current import current_application
from launcher.models.types import utc_now
from launcher.notices import look_around
from launcher.situation import Situation
from launcher.watch import Tone
from launcher.web.frame import current_viewer, site_settings

from .answer import Answer, judge

T = TypeVar("T")

_PATIENCE_S = 0.05


@dataclass(frozen=True, slots=True)
class Alarm:
    """An answer that is not green, with what it rests on."""

    answer: Answer
    situation: Situation


class Lookout(Generic[T]):
    """Asks something that may hang, one question at a time, and remembers the last answer."""

    def __init__(self, *, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._last: T | None = None

    def ask(self, question: Callable[[], T]) -> T | None:
        """Return the answer, or the last one when this takes too long; None if there was none.

        What goes wrong in the question is an answer that never came.
        """
        with self._lock:
            if self._asking is None or not self._asking.is_alive():
                # A daemon: a disk that hangs must not keep a worker from ending.
                self._asking = threading.Thread(target=self._answer, args=(question,), daemon=True)
                self._asking.start()
            asking = self._asking
        asking.join(self._patience_s)
        return self._last

    def _answer(self, question: Callable[[], T]) -> None:
        try:
            self._last = question()
        except Exception:  # noqa: BLE001  (the panel shows what is wrong; other pages go on)
            self._last = None


def init_app(app: Flask) -> None:
    """Give every template `backup_alarm`."""
    app.extensions["launcher.lookout"] = Lookout[Alarm]()
    app.jinja_env.globals["backup_alarm"] = current_alarm


def current_alarm() -> Alarm | None:
    """Return what an admin should be told of, once a request; None for everybody else."""
    if "backup_alarm" not in g:
        g.backup_alarm = _look()
    alarm: Alarm | None = g.backup_alarm
    return alarm


def set_alarm(answer: Answer, situation: Situation) -> None:
    """Let the rest of this request go by what was just found out."""
    g.backup_alarm = _unless_well(Alarm(answer, situation))


def _look() -> Alarm | None:
    viewer = current_viewer()
    if viewer is None or not viewer.is_admin or g.get("is_without_database"):
        return None
    app, rules, now = current_application(), site_settings(), utc_now()

    def question() -> Alarm:
        situation = look_around(app, rules, now=now)
        return Alarm(judge(situation), situation)

    lookout: Lookout[Alarm] = current_app.extensions["launcher.lookout"]
    return _unless_well(lookout.ask(question))


def _unless_well(alarm: Alarm | None) -> Alarm | None:
    return alarm if alarm and alarm.answer.tone is not Tone.OK else None
