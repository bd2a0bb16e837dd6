"""Sends messages to any service that Apprise knows, and pings the heartbeat.

Each request runs in a process of its own with a time limit: a person types the URL, and a
stranger answers. The process has none of our secrets in its environment and a limit of memory.
The answer is never shown, only its kind. The URL goes through a pipe, because every user of the
machine can read arguments.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from http.client import HTTPException
from typing import IO, TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from launcher.background.child import answering, limit, started
from launcher.config import PREFIX

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

TIMEOUT_S = 20.0
_MEMORY_BYTES = 1 << 30

LOCAL_SERVICES = frozenset({"blink1", "dbus", "glib", "gnome", "macosx", "syslog", "windows"})
"""Modules of Apprise that only talk to this machine, or start programs on it."""

_FILE_PARAMETERS = frozenset({"attach", "keyfile", "pgppub", "pgpprv", "subfile"})
"""Parameters that make Apprise read a file of this machine and send it or what it holds."""


class Undelivered(StrEnum):
    """Why a message was not delivered, or why a URL is not accepted."""

    UNKNOWN_SERVICE = "unknown_service"
    LOCAL_SERVICE = "local_service"
    LOCAL_FILE = "local_file"
    AMBIGUOUS = "ambiguous"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    ANSWERED = "answered"
    REFUSED = "refused"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Message:
    """A title and a text. `mood` is one of Apprise's: `info`, `success`, `warning`, `failure`.

    `about_apps` is whether it is dropped before others, where too many wait.
    """

    title: str
    body: str
    mood: str = "info"
    about_apps: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of a request.

    Attributes:
        delivered: how many of the messages arrived, counted from the first.
        reason: why the next one did not, None if all arrived.
        status: of the HTTP answer, 0 where there was none.
        shown: the URL with its secrets masked, of `check`.
    """

    delivered: int = 0
    reason: Undelivered | None = None
    status: int = 0
    shown: str = ""

    @property
    def is_done(self) -> bool:
        """Whether everything arrived."""
        return self.reason is None


def check(url: str, *, timeout_s: float = TIMEOUT_S) -> Delivery:
    """Return whether messages may be sent to `url`; nothing is sent."""
    return _request({"verb": "check", "url": url}, timeout_s)


def deliver(url: str, messages: Sequence[Message], *, timeout_s: float = TIMEOUT_S) -> Delivery:
    """Send `messages` in order, until one does not arrive."""
    asked = [asdict(message) for message in messages]
    return _request({"verb": "send", "url": url, "messages": asked}, timeout_s)


def ping(url: str, *, timeout_s: float = TIMEOUT_S) -> Delivery:
    """Request `url`, following no redirect."""
    return _request({"verb": "ping", "url": url}, timeout_s)


def _request(request: Mapping[str, object], timeout_s: float) -> Delivery:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    with started("launcher.notifications.sender", environment=environment) as child:
        answer = child.ask(json.dumps(request), timeout_s=timeout_s)
    otherwise = Undelivered.TIMED_OUT if answer.is_late else Undelivered.BROKEN
    return _read_answer(answer.output, otherwise=otherwise)


def _read_answer(output: str, *, otherwise: Undelivered) -> Delivery:
    """Return the last whole line of the other process.

    Each line counts what was delivered until then; only the last one says that it is the end.
    """
    delivered = 0
    for line in output.splitlines():
        try:
            facts = json.loads(line)
            delivered = int(facts["delivered"])
            if facts["is_end"]:
                return Delivery(
                    delivered=delivered,
                    reason=Undelivered(facts["reason"]) if facts["reason"] else None,
                    status=int(facts["status"]),
                    shown=str(facts["shown"]),
                )
        except (ValueError, KeyError, TypeError):
            continue
    return Delivery(delivered=delivered, reason=otherwise)


# --- in the other process ----------------------------------------------------------------


def main() -> None:
    """Answer the request on stdin."""
    limit(memory_bytes=_MEMORY_BYTES, alive_s=60)
    with answering() as (line, stream):
        answer = _Answer(stream)
        try:
            answer.end(_run(json.loads(line), answer))
        except Exception:  # noqa: BLE001  (a service of Apprise may raise anything)
            answer.end(Delivery(delivered=answer.delivered, reason=Undelivered.BROKEN))


def _run(request: Mapping[str, Any], answer: _Answer) -> Delivery:
    url = str(request["url"])
    if request["verb"] == "ping":
        return _ping(url)
    service = _service(url)
    is_first = request["verb"] == "check"  # what is kept already is sent to as before
    if is_first and service is not Undelivered.LOCAL_FILE and _loses_a_part(url, service):
        return Delivery(reason=Undelivered.AMBIGUOUS)
    if isinstance(service, Undelivered):
        return Delivery(reason=service)
    if request["verb"] == "check":
        return Delivery(shown=_shown(service))
    return _send(service, [Message(**each) for each in request["messages"]], answer)


def _asset() -> AppriseAsset:
    from apprise import AppriseAsset, PersistentStoreMode  # noqa: PLC0415  (only this process has it)

    return AppriseAsset(
        app_id="Launcher",
        app_desc="Launcher",
        app_url="",
        http_redirects=False,  # secrets go to the service alone
        plugin_paths=[],
        secure_logging=True,
        storage_mode=PersistentStoreMode.MEMORY,
    )


def _service(url: str) -> NotifyBase | Undelivered:
    """Return the service of `url`, or why it is refused."""
    from apprise import Apprise, AppriseAttachment  # noqa: PLC0415
    from apprise.plugins import url_to_dict  # noqa: PLC0415

    # By its own parser: it separates parameters at `;` as well as at `&`, and folds their case.
    facts = url_to_dict(url) or {}
    if _FILE_PARAMETERS & set(facts.get("qsd", ())):
        return Undelivered.LOCAL_FILE
    service = Apprise.instantiate(url, asset=_asset())
    if service is None:
        schema = url.partition("://")[0].strip().lower()
        is_local = schema in {"file", *LOCAL_SERVICES, "kde", "qt", "gio"}
        return Undelivered.LOCAL_SERVICE if is_local else Undelivered.UNKNOWN_SERVICE
    if type(service).__module__.split(".")[2] in LOCAL_SERVICES:
        return Undelivered.LOCAL_SERVICE
    attached = (getattr(service, name, None) for name in ("template", "keyfile"))
    if any(isinstance(each, AppriseAttachment) and len(each) for each in attached):
        return Undelivered.LOCAL_FILE
    return service


def _loses_a_part(url: str, service: NotifyBase | Undelivered) -> bool:
    """Whether Apprise ends the address, or a parameter, at a `#` or `;` that may belong to it.

    It does so in silence: of `json://ada:12#34@host` it would make port 12 of a host `ada`.
    """
    quoted = url.replace("#", "%23").replace(";", "%3B")
    if quoted == url or isinstance(other := _service(quoted), Undelivered):
        return False
    is_same = not isinstance(service, Undelivered) and service.url() == other.url()
    return not is_same or ";" in url.partition("?")[2]


def _shown(service: NotifyBase) -> str:
    """Return the kind of service and its host: paths and parameters can hold tokens."""
    parts = urlsplit(service.url(privacy=True))
    if parts.scheme == "ntfys" and getattr(service, "mode", "") == "cloud":
        return "ntfys://ntfy.sh/…"  # its host is the topic, which is a secret
    return f"{parts.scheme}://{parts.netloc}/…"


def _send(service: NotifyBase, messages: Sequence[Message], answer: _Answer) -> Delivery:
    from apprise import Apprise, NotifyFormat  # noqa: PLC0415

    service.notify_format = NotifyFormat.TEXT
    apprise = Apprise(asset=_asset())
    apprise.add(service)
    for message in messages:
        with _listening() as heard:
            is_delivered = apprise.notify(
                body=message.body,
                title=message.title,
                notify_type=message.mood,
                body_format=NotifyFormat.TEXT,
            )
        if not is_delivered:
            return _why_not(heard, delivered=answer.delivered)
        answer.one_more()
    return Delivery(delivered=answer.delivered)


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect the log of Apprise. It may hold secrets, so it stays in this process."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    log = logging.getLogger("apprise")
    listener = Listener(logging.DEBUG)
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        log.removeHandler(listener)


_STATUS = re.compile(r"\berror=(\d{3})\b")
_LOST = re.compile(
    r"onnection|timed out|timeout|resolve|unreachable|refused|Errno|SSL|certificate", re.IGNORECASE
)


def _why_not(heard: Sequence[str], *, delivered: int) -> Delivery:
    for line in heard:
        if found := _STATUS.search(line):
            return Delivery(delivered, Undelivered.ANSWERED, int(found[1]))
    is_lost = any(_LOST.search(line) for line in heard)
    return Delivery(delivered, Undelivered.UNREACHABLE if is_lost else Undelivered.REFUSED)


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def _ping(url: str) -> Delivery:
    if urlsplit(url).scheme not in {"http", "https"}:
        return Delivery(reason=Undelivered.UNKNOWN_SERVICE)
    request = Request(url, headers={"User-Agent": "Launcher"})  # noqa: S310 (checked above)
    try:
        with build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S / 2):
            return Delivery(delivered=1)
    except HTTPError as error:
        error.close()
        return Delivery(reason=Undelivered.ANSWERED, status=error.code)
    except (OSError, HTTPException, ValueError):
        return Delivery(reason=Undelivered.UNREACHABLE)


class _Answer:
    """The lines that the parent reads."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.delivered = 0

    def one_more(self) -> None:
        """Report at once that a message arrived: the next one may hang."""
        self.delivered += 1
        self._write(Delivery(delivered=self.delivered), is_end=False)

    def end(self, delivery: Delivery) -> None:
        self._write(delivery, is_end=True)

    def _write(self, delivery: Delivery, *, is_end: bool) -> None:
        # The parent may be gone.
        with contextlib.suppress(OSError):
            self._stream.write(json.dumps(asdict(delivery) | {"is_end": is_end}) + "\n")
            self._stream.flush()


if __name__ == "__main__":
    main()
