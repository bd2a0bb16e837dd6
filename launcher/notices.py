"""The telling: once a trouble, as soon as it is seen, and never in the way of a backup.

What was told, and what could not be, lies in `alarms.json` of the data directory, outside the
database: a restore makes nobody be told twice. Who is told is in `targets`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from launcher import alarms as alarm_book
from launcher import messenger
from launcher import rules as rule_book
from launcher.alarms import Alarms, News, Tiding, consider
from launcher.backup.codec import encode, try_decode
from launcher.backup.errors import SourceDatabaseError
from launcher.backup.files import write_atomic
from launcher.backup.locks import try_lock
from launcher.backup.records import Outcome
from launcher.backup.stamps import Stamp, stamp_of
from launcher.current import current_backups, current_config, current_gate
from launcher.leader import leader
from launcher.messenger import Delivery, Message
from launcher.rules import read_rules
from launcher.setting_table import FALLBACK, SiteSettings
from launcher.situation import PATIENCE_S, Situation, Unreached, look
from launcher.targets import (
    NOTICES_FILE,
    Event,
    NoticeError,
    Notices,
    Target,
    find_target,
    read_notices,
)
from launcher.watch import Concern, Findings, is_scheduled, judge

if TYPE_CHECKING:
    from flask import Flask

    from launcher.backup.locks import Gate
    from launcher.backup.records import JournalEntry
    from launcher.backup.service import BackupService
    from launcher.config import Config

HEARTBEAT = "heartbeat"

_MOST_WAITING = 20
_LONGEST_BACK_OFF = timedelta(hours=1)
_AT_ONCE = 4
_NOTHING_YET = "-"

_log = logging.getLogger(__name__)


_EVENT_OF = {
    News.OPENED: Event.FAILURE,
    News.WORSE: Event.FAILURE,
    News.STILL: Event.FAILURE,
    News.ENDED: Event.RECOVERY,
}


# --- what is remembered ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """The line to one target: what waits for it, and how it went.

    Attributes:
        mark: of the address that the rest is about.
        reason, status: why it last failed, see `messenger.Delivery`.
    """

    mark: str = ""
    waiting: tuple[Message, ...] = ()
    attempts: int = 0
    failed_since: datetime | None = None
    failed_at: datetime | None = None
    reason: str = ""
    status: int = 0
    next_try_at: datetime | None = None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that `alarms.json` holds.

    Attributes:
        seen: the last operation that was looked at, "" before the first look.
    """

    alarms: Alarms = field(default_factory=Alarms)
    lines: Mapping[str, Line] = field(default_factory=dict)
    seen: str = ""
    rules: SiteSettings | None = None


def read_memory(config: Config) -> Memory:
    """Return what is remembered; of a file that cannot be read, nothing."""
    path = _memory_path(config)
    stamp, held = _held.get(path, (None, None))
    if held and stamp == _stamp(path):
        return held
    try:
        facts = json.loads(path.read_bytes())
        return Memory(
            alarms=alarm_book.read_facts(facts.get("alarms")),
            lines=_read_lines(facts.get("lines")),
            seen=str(facts.get("seen", "")),
            rules=rule_book.read_facts(facts.get("rules")),
        )
    except FileNotFoundError:
        pass
    except (OSError, ValueError, AttributeError, TypeError):
        _log.warning("%s cannot be read; alarms begin anew", path)
    return Memory()


_held: dict[Path, tuple[Stamp | None, Memory]] = {}
"""What could not be written, until somebody writes the file: a full disk must not make an alarm of
every look of this process. Another process may repeat one."""


def _save_memory(config: Config, memory: Memory) -> None:
    path = _memory_path(config)
    facts = {
        "alarms": alarm_book.write_facts(memory.alarms),
        "lines": encode(memory.lines),
        "seen": memory.seen,
        "rules": rule_book.write_facts(memory.rules) if memory.rules else None,
    }
    try:
        write_atomic(path, json.dumps(facts, ensure_ascii=False).encode(errors="replace"))
        _held.pop(path, None)
    except OSError as error:
        _log.warning("%s cannot be replaced: %s", path.name, error.strerror)
        _held[path] = (_stamp(path), memory)


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path.stat())
    except OSError:
        return None


def _memory_path(config: Config) -> Path:
    return config.data_dir / "alarms.json"


def _read_lines(facts: object) -> dict[str, Line]:
    found = facts if isinstance(facts, dict) else {}
    return {key: line for key, each in found.items() if (line := try_decode(Line, each))}


# --- the look ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look came to. `alarms` are those that were told and have not ended."""

    situation: Situation
    findings: Findings
    alarms: Alarms


def see(
    app: Flask,
    *,
    now: datetime | None = None,
    rules: SiteSettings | None = None,
    patience_s: float = PATIENCE_S,
) -> Seen:
    """Look at everything and tell nobody.

    Cheap, without SQLAlchemy, and without waiting for a restore: remembered settings do then.

    Args:
        rules: the settings, where the caller has read them.
        patience_s: how long to wait for the disk of the backups, see `situation.look`.

    Raises:
        TimeoutError: it was waited for less than `PATIENCE_S`, and nothing is known of that disk.
    """
    config, service, gate = current_config(app), current_backups(app), current_gate(app)
    memory = read_memory(config)
    rules = rules or _rules(config, gate) or memory.rules
    return _see(config, service, rules, memory, now=now or _now(), patience_s=patience_s)


def _see(
    config: Config,
    service: BackupService,
    rules: SiteSettings | None,
    memory: Memory,
    *,
    now: datetime,
    patience_s: float,
) -> Seen:
    is_anybody_told = True
    try:
        notices = read_notices(config)
        unreached = _unreached(notices, memory)
        is_anybody_told = any(Event.FAILURE in each.events for each in notices.targets)
    except NoticeError as error:
        unreached = [Unreached(name=NOTICES_FILE, since=now, reason=error.code)]
    situation = look(
        service,
        rules=rules,
        now=now,
        leader=leader(config.lock_dir),
        is_scheduler_wanted=config.scheduler,
        unreached=unreached,
        is_anybody_told=is_anybody_told,
        patience_s=patience_s,
    )
    return Seen(situation, judge(situation), memory.alarms)


def _rules(config: Config, gate: Gate, *, timeout_s: float = 0.0) -> SiteSettings | None:
    with suppress(SourceDatabaseError):
        return read_rules(config.database_path, gate, timeout_s=timeout_s)
    return None


def _unreached(notices: Notices, memory: Memory) -> Sequence[Unreached]:
    """Return who could not be told and still has not been, in the order of the list."""
    reached_by = {target.id: (target.name, target.url) for target in notices.targets}
    if notices.heartbeat:
        reached_by[HEARTBEAT] = (notices.heartbeat.shown_url, notices.heartbeat.url)
    return [
        Unreached(name=name, since=line.failed_since, reason=line.reason)
        for key, (name, url) in reached_by.items()
        # What another address failed at is nothing to say of this one.
        if (line := line_to(memory, key, url)).failed_since
    ]


def evaluate(app: Flask, *, now: datetime | None = None) -> Seen | None:
    """Look, open and end alarms, and tell whoever wants to know; what failed before is retried.

    Called once a minute, and after each scheduled operation. However many processes call it at
    once, one of them does it; the others return None at once. It may take as long as the
    slowest target, which is bounded; the gate is not held meanwhile, and must not be held by
    the caller. No target can make it raise.
    """
    config, service, gate = current_config(app), current_backups(app), current_gate(app)
    try:
        descriptor = try_lock(config.lock_dir / "notices", exclusive=True)
    except OSError as error:
        _log.warning("nobody can be told: %s", error)
        return None
    if descriptor is None:
        return None
    try:
        moment = now or _now()
        memory = before = read_memory(config)
        rules = _rules(config, gate, timeout_s=2.0) or memory.rules
        seen = _see(config, service, rules, memory, now=moment, patience_s=30.0)
        alarms, tidings = consider(memory.alarms, seen.findings, now=moment)
        ended = _ended_since(seen.situation, memory.seen)
        memory = replace(
            memory,
            alarms=alarms,
            seen=_newest(seen.situation) or memory.seen or _NOTHING_YET,
            rules=seen.situation.rules if seen.situation.has_rules else memory.rules,
        )
        with suppress(NoticeError):  # that is a trouble, and already among them
            notices = read_notices(config)
            memory = _with_mail(
                app,
                memory,
                notices,
                situation=seen.situation,
                tidings=tidings,
                ended=ended,
            )
            if memory != before:
                _save_memory(config, memory)  # first, so that being killed repeats no alarm
            before, memory = memory, _delivered(memory, notices, now=moment)
        if memory != before:
            _save_memory(config, memory)
        return replace(seen, alarms=alarms)
    finally:
        os.close(descriptor)


def note_start(app: Flask) -> None:
    """Tell the heartbeat, if it wants that, that a scheduled backup begins; waits for nothing."""
    config = current_config(app)
    with suppress(NoticeError):
        heartbeat = read_notices(config).heartbeat
        if heartbeat and heartbeat.tells_start:
            url = _with_end(heartbeat.url, "start")
            threading.Thread(target=messenger.ping, args=(url,), name="ping", daemon=True).start()


def send_test(app: Flask, target_id: str) -> Delivery:
    """Send a test to one target now, and return how that went.

    One that arrived is remembered, and what waits for this target goes out with the next look.
    One that did not is forgotten: it was no alarm, and whoever sent it was told. The caller
    must not hold the gate. Takes up to `messenger.TIMEOUT_S` seconds.

    Raises:
        NoticeError: there is no such target.
    """
    from launcher import notice_words  # noqa: PLC0415  (it brings in the database)
    from launcher.i18n.app import speaking  # noqa: PLC0415

    config, gate = current_config(app), current_gate(app)
    notices = read_notices(config)
    target = find_target(notices, target_id)
    rules = _rules(config, gate) or read_memory(config).rules or FALLBACK
    with app.app_context(), speaking(rules.default_locale, rules.zone.key):
        message = notice_words.compose_test(rules=rules, panel_url=notices.panel_url)
    delivery = messenger.deliver(target.url, [message])
    _log.info("test to %s: %s", target.name, delivery.reason or "told")
    if delivery.is_done:
        _note_test(config, target)
    return delivery


def _note_test(config: Config, target: Target) -> None:
    """Remember that somebody was reached, unless whoever looks just now is about to find out."""
    try:
        descriptor = try_lock(config.lock_dir / "notices", exclusive=True)
    except OSError:
        return
    if descriptor is None:
        return
    try:
        memory = read_memory(config)
        line = line_to(memory, target.id, target.url)
        told = Line(mark=line.mark, told_at=_now())
        if line.waiting:
            told = replace(line, told_at=told.told_at, next_try_at=None)
        _save_memory(config, replace(memory, lines={**memory.lines, target.id: told}))
    finally:
        os.close(descriptor)


def _now() -> datetime:
    return datetime.now(UTC)


def _newest(situation: Situation) -> str:
    return situation.entries[0].operation_id if situation.entries else ""


def _ended_since(situation: Situation, seen: str) -> Sequence[JournalEntry]:
    """Return the scheduled backups that ended since the last look, the oldest first."""
    fresh: list[JournalEntry] = []
    for entry in situation.entries:
        if entry.operation_id == seen:
            return [each for each in reversed(fresh) if is_scheduled(each)]
        fresh.append(entry)
    if seen == _NOTHING_YET:
        return [each for each in reversed(fresh) if is_scheduled(each)]
    return []  # the first look, or one after a very long time: yesterday's news


# --- the mail ----------------------------------------------------------------------------


def _with_mail(
    app: Flask,
    memory: Memory,
    notices: Notices,
    *,
    situation: Situation,
    tidings: Sequence[Tiding],
    ended: Sequence[JournalEntry],
) -> Memory:
    """Put what there is to tell into the line of everybody who wants to know it."""
    lines = {target.id: line_to(memory, target.id, target.url) for target in notices.targets}
    mail: Sequence[tuple[Event, Concern | None, Message]] = []
    if lines:
        mail = _mail(
            app, notices, situation=situation, known=memory.rules, tidings=tidings, ended=ended
        )
    for target in notices.targets:
        line = lines[target.id]
        own = tuple(
            message
            for event, concern, message in mail
            if event in target.events
            and not (concern is Concern.NOTICES_FAILING and line.failed_since)
        )
        lines[target.id] = replace(line, waiting=(*line.waiting, *own)[-_MOST_WAITING:])
    if notices.heartbeat:
        line = line_to(memory, HEARTBEAT, notices.heartbeat.url)
        if ended:
            # Only how the last one ended is of interest to whoever listens to a heart.
            is_well = ended[-1].outcome is Outcome.SUCCEEDED
            line = replace(line, waiting=(Message("", "" if is_well else "fail"),))
        lines[HEARTBEAT] = line
    return replace(memory, lines=lines)


def line_to(memory: Memory, key: str, url: str) -> Line:
    """Return the line to a target; a corrected address is tried at once."""
    mark = hashlib.sha256(url.encode(errors="replace")).hexdigest()[:8]
    line = memory.lines.get(key, Line())
    if line.mark == mark:
        return line
    return Line(mark=mark, waiting=line.waiting)


def _mail(
    app: Flask,
    notices: Notices,
    *,
    situation: Situation,
    known: SiteSettings | None,
    tidings: Sequence[Tiding],
    ended: Sequence[JournalEntry],
) -> Sequence[tuple[Event, Concern | None, Message]]:
    made = [entry for entry in ended if entry.outcome is Outcome.SUCCEEDED]
    if not (tidings or made):
        return []
    from launcher import notice_words  # noqa: PLC0415  (it brings in the database)
    from launcher.i18n.app import speaking  # noqa: PLC0415

    rules = known or FALLBACK
    about: dict[str, Any] = {
        "situation": situation,
        "rules": rules,
        "panel_url": notices.panel_url,
    }
    with app.app_context(), speaking(rules.default_locale, rules.zone.key):
        mail: list[tuple[Event, Concern | None, Message]] = [
            (
                _EVENT_OF[tiding.news],
                tiding.alarm.concern,
                notice_words.compose(tiding, **about),
            )
            for tiding in tidings
        ]
        mail += [
            (Event.SUCCESS, None, notice_words.compose_success(entry, **about)) for entry in made
        ]
    return mail


def _delivered(memory: Memory, notices: Notices, *, now: datetime) -> Memory:
    """Send what waits, to everybody at once, and remember how that went."""
    errands: dict[str, Callable[[Line], Delivery]] = {
        target.id: _letters(target.url) for target in notices.targets
    }
    if notices.heartbeat:
        errands[HEARTBEAT] = _beat(notices.heartbeat.url)
    due = [
        key
        for key in errands
        if memory.lines[key].waiting and _is_due(memory.lines[key].next_try_at, now)
    ]
    if not due:
        return memory
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="notice") as pool:
        came = pool.map(lambda key: errands[key](memory.lines[key]), due)
        lines = {
            key: _noted(memory.lines[key], each, now) for key, each in zip(due, came, strict=True)
        }
    for key, line in lines.items():
        if line.reason:
            _log.warning("%s was not told: %s %s", _name(notices, key), line.reason, line.status)
    return replace(memory, lines={**memory.lines, **lines})


def _is_due(at: datetime | None, now: datetime) -> bool:
    # Not in the time to come either: a clock that ran ahead must not silence anybody.
    return at is None or at <= now or at - now > _LONGEST_BACK_OFF


def _letters(url: str) -> Callable[[Line], Delivery]:
    return lambda line: messenger.deliver(url, line.waiting)


def _beat(url: str) -> Callable[[Line], Delivery]:
    return lambda line: messenger.ping(_with_end(url, line.waiting[-1].body))


def _with_end(url: str, end: str) -> str:
    """Return the address with `end` as one more part of its path, before any parameters."""
    if not end:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{end}"))


def _noted(line: Line, delivery: Delivery, now: datetime) -> Line:
    left = line.waiting[delivery.delivered :]
    if delivery.reason is None:
        return Line(mark=line.mark, told_at=now)
    attempts = 1 if delivery.delivered else line.attempts + 1
    back_off = min(timedelta(minutes=2 ** min(attempts - 1, 10)), _LONGEST_BACK_OFF)
    return replace(
        line,
        waiting=left,
        attempts=attempts,
        failed_since=line.failed_since or now,
        failed_at=now,
        reason=delivery.reason,
        status=delivery.status,
        next_try_at=now + back_off,
        told_at=now if delivery.delivered else line.told_at,
    )


def _name(notices: Notices, key: str) -> str:
    return next((each.name for each in notices.targets if each.id == key), key)
