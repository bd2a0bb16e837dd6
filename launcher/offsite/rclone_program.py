"""The program rclone: found, started with what one destination needs, and ended for certain.

What it needs is in its environment, as `RCLONE_CONFIG_FAR_…`, and in no file and no argument. Only
the user of this process can read that environment, while rclone runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.offsite.rclone_options import OBSCURED, OURS, check_rclone
from launcher.offsite.troubles import RemoteError, Trouble

REMOTE = "far"
_PASSED = (
    "PATH", "HOME", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY",
    "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_QUICK_S = 45.0
_PIECE_BYTES = 1 << 16
_MOST_LOG_BYTES = 1 << 16
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_MOST_DATA_BYTES = 512 << 20  # it takes about 80 MB; a list of 20,000 files fits


def program() -> str:
    """Return the path of rclone: beside this Python, or where the system has it.

    Raises:
        RemoteError: `NO_PROGRAM`.
    """
    beside = Path(sys.executable).parent / "rclone"
    found = str(beside) if beside.is_file() else shutil.which("rclone")
    if found is None:
        raise RemoteError(Trouble.NO_PROGRAM, program="rclone")
    return found


def environment_of(options: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child that works at one destination.

    Args:
        options: `type`, and those of the type by rclone's names; our own are left out.
        secrets: options of the type as well, passwords as they are typed.

    Raises:
        RemoteError: `WRONG_OPTIONS`, as `check_rclone`.
    """
    check_rclone(options, secrets)
    kind = options["type"]
    own = {name: value for name, value in options.items() if name not in OURS}
    given = {name: value for name, value in {**own, **secrets}.items() if value}
    for name, value in given.items():
        if name in OBSCURED or (kind, name) == ("filen", "api_key"):
            given[name] = _obscured(value)
        elif name == "key_pem":
            given[name] = value.strip().replace("\r", "").replace("\n", "\\n")
    known = {f"RCLONE_CONFIG_{REMOTE}_{name}".upper(): value for name, value in given.items()}
    return {**_passed(), **known, f"RCLONE_CONFIG_{REMOTE}_TYPE".upper(): kind}


def _passed() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED if name in os.environ}


def _obscured(value: str) -> str:
    done = subprocess.run(
        [program(), "--config", "", "obscure", "-"],
        input=value.encode(), capture_output=True, env=_passed(), timeout=_QUICK_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RemoteError(Trouble.NO_ANSWER_KNOWN, detail="rclone obscure")
    return done.stdout.decode().strip()


@dataclass
class Ended:
    """What a child wrote to its log, and how it ended."""

    code: int = 0
    messages: list[str] = field(default_factory=list)


class Program:
    """Starts rclone for one destination."""

    def __init__(
        self, environment: Mapping[str, str], flags: Sequence[str], *, silent_s: float
    ) -> None:
        """
        Args:
            environment: of every child.
            flags: that each call gets.
            silent_s: after so many seconds in which nothing came or went a child is killed.
        """
        self._program = program()
        self._environment = dict(environment)
        self._flags = list(flags)
        self._silent_s = silent_s

    def output(self, *words: str, work_s: float = 0.0) -> tuple[bytes, Ended]:
        """Run a call that prints little; return what it printed, and how it ended.

        `work_s`: how many seconds more the service may work before it answers.
        """
        ended = Ended()
        silent_s = self._silent_s * 1.5 + work_s
        return b"".join(self.pieces(*words, ended=ended, silent_s=silent_s)), ended

    def pieces(
        self,
        *words: str,
        ended: Ended,
        on_sent: Callable[[int], None] | None = None,
        silent_s: float | None = None,
    ) -> Iterator[bytes]:
        """Yield what a call prints; the child is gone when the iteration ends, however it does.

        Args:
            words: command and arguments.
            ended: gets its end and its log.
            on_sent: gets how many bytes it has sent.
            silent_s: as for the class, for this call.

        Raises:
            RemoteError: `TIMED_OUT`.
        """
        silent_s = silent_s or self._silent_s
        command = [
            self._program, *words, "--config", "", "--use-json-log", "--log-level", "NOTICE",
            "--retries", "1", "--low-level-retries", "2", "--contimeout", "10s",
            "--timeout", f"{max(1, round(silent_s))}s", *self._flags,
        ]  # fmt: skip
        if on_sent is not None:
            command += ["--stats", "300ms", "--stats-log-level", "NOTICE"]
        with _running(command, self._environment) as process:
            log = _Log(ended, on_sent)
            yield from _watched(process, log, silent_s)
            log.flush()
            with contextlib.suppress(subprocess.TimeoutExpired):
                ended.code = process.wait(self._silent_s)


class _Log:
    """The log of a child, a JSON object a line."""

    def __init__(self, ended: Ended, on_sent: Callable[[int], None] | None) -> None:
        self._ended = ended
        self._on_sent = on_sent
        self._kept = b""
        self._total = 0
        self.sent = 0

    def take(self, piece: bytes) -> None:
        *lines, self._kept = (self._kept + piece)[-_MOST_LOG_BYTES:].split(b"\n")
        for line in lines:
            self._read(line)

    def flush(self) -> None:
        self.take(b"\n")

    def _read(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except ValueError:
            said = {"msg": line.decode(errors="replace")}
        if not isinstance(said, dict):
            return
        stats = said.get("stats")
        if isinstance(stats, dict):
            sent = int(stats.get("bytes") or 0)
            if sent > self.sent and self._on_sent is not None:
                self.sent = sent
                self._on_sent(sent)
        elif self._total < _MOST_LOG_BYTES:
            self._total += len(line)
            self._ended.messages.append(str(said.get("msg", "")))


def _watched(process: subprocess.Popen[bytes], log: _Log, silent_s: float) -> Iterator[bytes]:
    """Yield standard output while `log` takes the other; kill a child that is silent too long."""
    assert process.stdout is not None  # noqa: S101 (both are pipes)
    assert process.stderr is not None  # noqa: S101
    heard_at, sent = time.monotonic(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            events = selector.select(max(0.0, heard_at + silent_s - time.monotonic()))
            for key, _ in events:
                piece = os.read(key.fd, _PIECE_BYTES)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    yield piece
                    heard_at = time.monotonic()  # who takes the piece may take time
                else:
                    log.take(piece)
            if log.sent > sent:  # the log itself comes without any progress, too
                sent, heard_at = log.sent, time.monotonic()
            if time.monotonic() >= heard_at + silent_s:
                raise RemoteError(Trouble.TIMED_OUT)


@contextlib.contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_limit_child,  # noqa: PLW1509 (one call that needs no lock)
        )
    except OSError as error:
        raise RemoteError(Trouble.NO_PROGRAM, program="rclone") from error
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _limit_child() -> None:
    """Let the kernel end the child when this process is killed: no one would read its end.

    And limit its memory: it reads a whole answer of a service before it prints any of it.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(ValueError, OSError):  # it is lower already
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_DATA_BYTES, _MOST_DATA_BYTES))
