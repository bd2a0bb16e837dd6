"""The moments of a restore in place, one after another, at which a test can strike.

The steps that SQLite makes in one go are made small, so that a small database has them all: the
copy takes several steps, and its pages go into the log as it goes on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from launcher.backup import create, replacement
from launcher.backup.replacement import InPlace
from launcher.backup.safety import Safety
from launcher.backup.sqlite import replace

_STEP_PAGES = 2
_CACHE_PAGES = 1


@dataclass(frozen=True, slots=True)
class Moment:
    """What is so at a moment.

    Attributes:
        is_new: whether others see the restored data.
        is_closed: whether others wait for the gate.
    """

    is_new: bool = False
    is_closed: bool = False


MOMENTS = {
    "locked": Moment(),
    "backing up again": Moment(),
    "backed up again": Moment(),
    "copying": Moment(),
    "closed": Moment(is_closed=True),
    "committed": Moment(is_new=True, is_closed=True),
    "opened": Moment(is_new=True),
    "confirmed": Moment(is_new=True),
    "folding": Moment(is_new=True),
    "reverting: copying": Moment(is_new=True),
    "reverting: closed": Moment(is_new=True, is_closed=True),
    "reverting: committed": Moment(is_closed=True),
}


@contextmanager
def struck(moment: str, act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, when a restore by this process comes to `moment`; "" for never.

    A moment of a reversal makes the confirmation fail.
    """
    if not moment:
        yield
        return
    assert moment in MOMENTS
    with ExitStack() as stack:
        _Strike(moment, act).install(stack)
        yield


class _Strike:
    def __init__(self, moment: str, act: Callable[[], object]) -> None:
        self._moment, self._act = moment, act
        self._is_reverting = self._is_over = False

    def _come_to(self, moment: str) -> None:
        if self._is_reverting:
            moment = f"reverting: {moment}"
        if moment == self._moment and not self._is_over:
            self._is_over = True
            self._act()

    def install(self, stack: ExitStack) -> None:
        def put(where: Any, name: str, stand_in: Any, until: ExitStack = stack) -> Any:
            real = getattr(where, name)
            setattr(where, name, stand_in)
            until.callback(setattr, where, name, real)
            return real

        def keep_all(in_place: InPlace) -> None:
            self._come_to("locked")
            real_keep_all(in_place)

        def begin(safety: Safety) -> None:
            make = safety._make

            def make_again(report: Any) -> Any:
                with ExitStack() as inner:
                    put(create, "pack", pack, inner)
                    made = make(report)
                self._come_to("backed up again")
                return made

            if safety.backup is not None:
                safety._make = make_again
            real_begin(safety)
            safety._make = make

        def pack(*arguments: Any, **named: Any) -> Any:
            self._come_to("backing up again")
            return real_pack(*arguments, **named)

        def connect(path: Any, query: str) -> sqlite3.Connection:
            connection = real_connect(path, query)
            connection.execute(f"PRAGMA cache_size={_CACHE_PAGES}")
            return connection

        def flusher(live: Any) -> Callable[[bool], None]:
            flush, steps = real_flusher(live), 0

            def told(is_due: bool) -> None:
                nonlocal steps
                steps += 1
                if steps == 3:
                    self._come_to("copying")
                flush(is_due)

            return told

        @contextmanager
        def closed(in_place: InPlace) -> Iterator[None]:
            with real_closed(in_place):
                self._come_to("closed")
                yield
                self._come_to("committed")
            self._come_to("opened")

        def confirm(*arguments: Any, **named: Any) -> str:
            problem = real_confirm(*arguments, **named)
            self._come_to("confirmed")
            return "the test says so" if self._moment.startswith("reverting") else problem

        def fold_log(*arguments: Any) -> bool:
            self._come_to("folding")
            return real_fold_log(*arguments)

        def revert(in_place: InPlace, problem: str) -> None:
            self._is_reverting = True
            real_revert(in_place, problem)

        put(replace, "_STEP_PAGES", _STEP_PAGES)
        real_connect = put(replace, "connect", connect)
        real_flusher = put(replace, "_flusher", flusher)
        real_keep_all = put(InPlace, "_keep_all", keep_all)
        real_closed = put(InPlace, "_closed", closed)
        real_revert = put(InPlace, "revert", revert)
        real_begin = put(Safety, "begin", begin)
        real_pack = create.pack
        real_confirm = put(replacement, "confirm", confirm)
        real_fold_log = put(replacement, "fold_log", fold_log)
