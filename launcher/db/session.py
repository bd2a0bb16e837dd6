"""The live database in requests: how to connect and begin, and when to wait.

No connection is kept. Each request opens one, and only while it has entered the gate, so that a
restore that has closed the gate is alone with the file. A request enters the gate when its form has
arrived, and has left it when its response is sent: no slow client delays a restore. A connection
never creates a database that is missing.

A request says at the gate whether it will write: each does, whose method is not GET, HEAD or
OPTIONS. It waits there for the end of a restore; the worker of gunicorn lets it wait before, where
it needs no thread (`has_to_wait`). Any other cannot write, but within `writing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from flask import Flask, current_app, g, has_request_context, request
from sqlalchemy.pool import NullPool
from werkzeug.exceptions import LengthRequired, ServiceUnavailable

from launcher.backup.errors import OF_THE_VERSION
from launcher.backup.locks import GatePass
from launcher.backup.reasons import Fault
from launcher.current import current_backups, current_config, current_gate
from launcher.db.connect import BUSY_TIMEOUT_S, GATE_TIMEOUT_S, connect
from launcher.extensions import db

P = ParamSpec("P")
R = TypeVar("R")


# What a request has read, in `g`. It is out of date once a restore may have run.
_READ_BEFORE = ("_login_user", "site_settings", "frame")


class DatabaseOfAnotherVersionError(ServiceUnavailable):
    """The live database is older or newer than this version: 503 until it is upgraded."""

    def __init__(self, problem: Fault) -> None:
        super().__init__(str(problem), retry_after=30)
        self.problem = problem


_METHODS_THAT_READ = {"GET", "HEAD", "OPTIONS"}


class DataBeingReplacedError(ServiceUnavailable):
    """A restore keeps this request out for longer than it waits: 503, try again."""

    def __init__(self) -> None:
        super().__init__("The data is being replaced; try again in a moment.", retry_after=2)


def init_app(app: Flask) -> None:
    """Bind `db` to the live database and make every request enter the gate.

    The file is not touched, so that the application starts with a missing or damaged one.
    """
    if "sqlalchemy" in app.extensions:
        return
    path = current_config(app).database_path
    app.before_request(_enter)
    # Registered before Flask-SQLAlchemy's, hence run after it: the connection is closed by then.
    app.teardown_appcontext(_leave)
    app.config["SQLALCHEMY_DATABASE_URI"] = sa.URL.create("sqlite", database=str(path))
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "poolclass": NullPool,
        "creator": lambda: connect(path),
    }
    db.init_app(app)
    with app.app_context():
        sa.event.listen(db.engine, "begin", _begin)


def _begin(connection: sa.Connection) -> None:
    """Begin explicitly, for reads and schema changes too.

    A transaction that may write takes the write lock at once: one that reads first and writes later
    fails, without waiting, when another has written in between. No other can write: it would wait
    for the write lock of a restore, which waits until the gate is empty.
    """
    if (wait_s := g.get("writes_within_s")) is not None:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={int(wait_s * 1000)}")
    held: GatePass | None = g.get("gate_pass")
    if held.writes if held else _will_write():
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        if held:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        connection.exec_driver_sql("BEGIN")


def _will_write() -> bool:
    return not has_request_context() or request.method not in _METHODS_THAT_READ


def has_to_wait(app: Flask) -> Callable[[bytes], bool]:
    """Return what says of the first line of a request whether it would wait for a restore now."""
    gate = current_gate(app)

    def would_wait(request_line: bytes) -> bool:
        method = request_line.partition(b" ")[0].decode("latin-1")
        return method not in _METHODS_THAT_READ and gate.holds_writers()

    return would_wait


@contextmanager
def writing(*, wait_s: float = BUSY_TIMEOUT_S) -> Iterator[None]:
    """Let a request that reads write within the block, in transactions of its own.

    What was not committed before is lost. It never waits for a restore: what it writes has to be
    such that the next request can write it, or that no one misses it.

    Args:
        wait_s: how long to wait for others who write.

    Raises:
        DataBeingReplacedError: a restore is writing, or is about to.
    """
    db.session.rollback()
    held: GatePass | None = g.get("gate_pass")
    with held.writing() if held else nullcontext(enter_result=True) as may_write:
        if not may_write:
            raise DataBeingReplacedError
        g.writes_within_s = wait_s
        try:
            yield
        finally:
            g.pop("writes_within_s")
            db.session.rollback()


def ungated(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that needs no database and answers during a restore.

    It may call `enter` when it needs the database after all.
    """
    view.is_ungated = True  # type: ignore[attr-defined]
    return view


def reads_form_itself(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that reads the form of its request after `release`, because it is large."""
    view.reads_form_itself = True  # type: ignore[attr-defined]
    return view


def enters_to_read(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that waits for no restore whatever its method, and writes only in `writing`."""
    view.enters_to_read = True  # type: ignore[attr-defined]
    return view


def _enter() -> None:
    view: Any = current_app.view_functions.get(request.endpoint or "")
    is_static = (request.endpoint or "").rpartition(".")[2] == "static"
    if is_static or getattr(view, "is_ungated", False) or g.get("gate_pass"):
        return
    try:
        if not getattr(view, "reads_form_itself", False):
            _read_form()
    finally:
        # The page of a refused form queries the database too.
        writes = _will_write() and not getattr(view, "enters_to_read", False)
        g.gate_pass = _enter_gate(writes=writes, patience_s=_patience_s())
    _require_our_version()


def _require_our_version() -> None:
    """Refuse a database of another version. Checked until it is ours, once for each process.

    Raises:
        DatabaseOfAnotherVersionError
    """
    seen = current_app.extensions
    if seen.get("launcher.is_our_version"):
        return
    problem = current_backups().schema_problem()
    if problem and problem.reason in OF_THE_VERSION:
        raise DatabaseOfAnotherVersionError(problem)
    seen["launcher.is_our_version"] = problem is None


def _read_form() -> None:
    """Read the whole form before the gate: a client that sends it slowly must not delay a restore.

    Raises:
        LengthRequired: it comes in chunks, without its length.
        RequestEntityTooLarge, ClientDisconnected
    """
    if "Transfer-Encoding" in request.headers:
        raise LengthRequired
    request.form  # noqa: B018 (reading it is the point)


def enter() -> None:
    """Enter the gate, in a view marked `ungated`.

    Raises:
        DataBeingReplacedError: a restore keeps this request out for longer than it waits.
    """
    if not g.get("gate_pass"):
        g.gate_pass = _enter_gate(writes=_will_write(), patience_s=_patience_s())


def enter_for_data() -> None:
    """Enter the gate as `enter` does, and refuse a database of another version.

    Raises:
        DataBeingReplacedError, DatabaseOfAnotherVersionError
    """
    enter()
    _require_our_version()


def _enter_gate(*, writes: bool, patience_s: float | None = None) -> GatePass:
    try:
        timeout_s = GATE_TIMEOUT_S if patience_s is None else patience_s
        return current_gate().enter(writes=writes, timeout_s=timeout_s)
    except TimeoutError:
        raise DataBeingReplacedError from None


def _patience_s() -> float | None:
    """Return what the worker of gunicorn left of the patience of a request that it parked."""
    return getattr(request.environ.get("gunicorn.socket"), "patience_s", None)


def _leave(_error: BaseException | None = None) -> None:
    held = g.pop("gate_pass", None)
    if held is not None:
        held.leave()


def release() -> None:
    """End this request's transaction, close its connection and leave the gate.

    For long work that needs no database: an upload, a backup, a download. What was not committed
    is lost. The database must not be used until `resume`.
    """
    db.session.remove()
    _leave()
    g.is_released = True


def resume(*, writes: bool | None = None) -> None:
    """Enter the gate again after `release`; what was read before is forgotten.

    Does nothing when the gate was not released.

    Args:
        writes: whether the request will write; by default its method says so.

    Raises:
        DataBeingReplacedError: a restore keeps this request out for longer than it waits.
    """
    if not g.pop("is_released", False):
        return
    for name in _READ_BEFORE:
        g.pop(name, None)
    g.gate_pass = _enter_gate(writes=_will_write() if writes is None else writes)


def enter_at_once() -> bool:
    """Enter the gate to read, without waiting; return False while a restore has closed it."""
    if g.get("gate_pass"):
        return True
    try:
        g.gate_pass = current_gate().enter(timeout_s=0)
    except TimeoutError:
        return False
    return True


@contextmanager
def database_context(*, writes: bool = True) -> Iterator[None]:
    """Let a command or a job use the database: it has entered the gate within the block.

    Args:
        writes: whether it may write.

    Raises:
        DataBeingReplacedError: a restore kept it out for too long.
    """
    init_app(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
    outer = g.get("gate_pass")
    with _enter_gate(writes=writes) as entered:
        g.gate_pass = entered
        try:
            yield
        finally:
            db.session.remove()
            g.gate_pass = outer
