"""The test of a destination, in a process of its own: it may hang, and it needs the secrets.

`run_trial` starts it and reads one line for each step. The destination with its secrets is on its
standard input, never among its arguments or in its environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from launcher.background.child import answering
from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.config import ROOT
from launcher.offsite.kept_secrets import with_kept_secrets
from launcher.offsite.mounts import is_in_memory
from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, folders_of
from launcher.offsite.remote import Remote
from launcher.offsite.trial import Step, Trial, TrialStep
from launcher.offsite.troubles import RemoteError, Trouble

OnStep = Callable[[TrialStep], None]

ENVIRONMENT = (
    "PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
    "no_proxy", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONPYCACHEPREFIX",
)  # fmt: skip
"""What a process that talks to a service gets of the environment."""

_GONE_S = 5.0
_PIECE_BYTES = 1 << 16
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """What the other process is to try."""

    destination: Destination
    site: str
    data_dir: Path
    apart: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of its answer: a step, or the result."""

    step: TrialStep | None = None
    trial: Trial | None = None


def as_tried(
    destination: Destination, before: Destination | None, *, cleared: Collection[str] = ()
) -> Destination:
    """Return a destination as it is tried.

    Args:
        destination: as it was entered; its empty secrets are those from before, at the same server.
        before: the destination of this id that is saved, None for a new one.
        cleared: names of secrets that are not taken from it.

    Raises:
        OffsiteError: `secrets_needed`.
    """
    if before is None or before.service is not destination.service:
        return replace(destination, tested_at=None)
    is_same_place = before.options.get("path") == destination.options.get("path")
    return replace(
        with_kept_secrets(destination, before, cleared=cleared),
        tested_at=before.tested_at if is_same_place else None,
    )


def run_trial(
    destination: Destination,
    *,
    site: str,
    data_dir: Path,
    apart: tuple[Path, ...] = (),
    deadline_s: float,
    on_step: OnStep | None = None,
) -> Trial:
    """Try a destination, and return what was found; a small file may be left where it was ended.

    Args:
        destination: with its secrets; `tested_at` says that a folder had copies of this site.
        site: the name of this installation there.
        data_dir: where the data is.
        apart: more folders that one must not be, contain or be inside of.
        deadline_s: after so many seconds the process is killed, and its step `TIMED_OUT`.
        on_step: called after each step.
    """
    started_at = time.monotonic()
    kept = tuple(each.absolute() for each in apart)
    request = json.dumps(encode(TrialRequest(destination, site, data_dir.absolute(), kept)))
    steps: list[TrialStep] = []
    for line in _lines(request, deadline=started_at + deadline_s):
        try:
            heard = decode(_Line, parse(line))
        except DecodeError:
            break
        if heard.trial is not None:
            return heard.trial
        if heard.step is not None:
            steps.append(heard.step)
            if on_step is not None:
                on_step(heard.step)
    is_late = time.monotonic() >= started_at + deadline_s
    trouble = Trouble.TIMED_OUT if is_late else Trouble.NO_ANSWER_KNOWN
    step = [*Step][min(len(steps), len(Step) - 1)]
    took_s = time.monotonic() - started_at - sum(each.took_s or 0 for each in steps)
    ended = TrialStep(step, max(0.0, took_s), trouble, {} if is_late else {"detail": "ended"})
    if on_step is not None:
        on_step(ended)
    return Trial(_all_steps([*steps, ended]))


def _lines(request: str, *, deadline: float) -> Iterator[bytes]:
    """Yield each line that the process writes, until it ends or the deadline comes."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", __name__],
        cwd=ROOT,
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # What a library prints may quote a secret.
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with _ended(process) as (said, heard):
        with contextlib.suppress(BrokenPipeError):
            said.write(request.encode() + b"\n")
            said.flush()
        poll = select.poll()
        poll.register(heard, select.POLLIN)
        kept, total = b"", 0
        while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            piece = os.read(heard.fileno(), _PIECE_BYTES)
            total += len(piece)
            if not piece or total > _MOST_BYTES:
                return
            *lines, kept = (kept + piece).split(b"\n")
            yield from lines


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Yield the pipes of a process; afterwards it and what it started are killed."""
    assert process.stdin is not None  # noqa: S101 (both are pipes)
    assert process.stdout is not None  # noqa: S101
    try:
        yield process.stdin, process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # A kernel that waits for a network folder may keep it for longer.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GONE_S)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


def _all_steps(steps: list[TrialStep]) -> tuple[TrialStep, ...]:
    """Return all steps, the last ones not tried."""
    done = {each.step for each in steps}
    return (*steps, *(TrialStep(step) for step in Step if step not in done))


# --- in the other process ----------------------------------------------------------------


def try_steps(request: TrialRequest, on_step: OnStep) -> Trial:
    """Write, list, read back and delete a small file; every step after a failed one is left out."""
    steps: list[TrialStep] = []
    name, content = f"test-{secrets.token_hex(8)}.txt", secrets.token_hex(64).encode()
    trial = Trial(())
    with contextlib.ExitStack() as stack:
        remote: Remote | None = None

        def connect() -> None:
            nonlocal remote, trial
            remote = open_remote(
                request.destination,
                site=request.site,
                data_dir=request.data_dir,
                apart=request.apart,
            )
            stack.callback(remote.close)
            sites = set(remote.list_sites())
            trial = replace(trial, other_sites=len(sites - {request.site}))

        def find() -> None:
            nonlocal trial
            names = {each.name for each in _opened(remote).list()}
            if name not in names:
                raise RemoteError(Trouble.NOT_THERE, name=name)
            trial = replace(trial, own_copies=sum(map(_is_manifest, names)))

        def read() -> None:
            if _opened(remote).get_bytes(name, limit=len(content) + 1) != content:
                raise RemoteError(Trouble.DIFFERENT, name=name)

        for step, act in {
            Step.CONNECT: connect,
            Step.WRITE: lambda: _opened(remote).put_bytes(name, content),
            Step.LIST: find,
            Step.READ: read,
            Step.DELETE: lambda: _opened(remote).delete(name),
        }.items():
            steps.append(_timed(step, act))
            on_step(steps[-1])
            if steps[-1].trouble is not None:
                if step in {Step.LIST, Step.READ}:
                    stack.callback(_delete_quietly, _opened(remote), name)
                break
        trial = replace(
            trial,
            steps=_all_steps(steps),
            may_delete=_may_delete(steps[-1]),
            is_in_memory=steps[-1].trouble is None
            and any(map(is_in_memory, folders_of([request.destination]))),
        )
        if remote is not None:
            trial = _with_facts(trial, remote)
    return trial


def _opened(remote: Remote | None) -> Remote:
    assert remote is not None  # noqa: S101 (no step follows one that failed)
    return remote


def _delete_quietly(remote: Remote, name: str) -> None:
    with contextlib.suppress(RemoteError):
        remote.delete(name)


def _timed(step: Step, act: Callable[[], object]) -> TrialStep:
    started_at = time.monotonic()
    try:
        act()
    except RemoteError as error:
        took_s = time.monotonic() - started_at
        return TrialStep(step, took_s, error.trouble, error.facts, error.answer)
    return TrialStep(step, time.monotonic() - started_at)


def _may_delete(last: TrialStep) -> bool | None:
    if last.step is not Step.DELETE:
        return None
    return {None: True, Trouble.DENIED: False}.get(last.trouble)


def _with_facts(trial: Trial, remote: Remote) -> Trial:
    """Add what the service says beside the steps; one that does not fails no test."""
    free_bytes = None
    if trial.is_passed:
        with contextlib.suppress(RemoteError):
            free_bytes = remote.free_bytes()
    return replace(
        trial,
        free_bytes=free_bytes,
        clock_apart_s=remote.clock_apart_s(),
        found=remote.found_options(),
    )


def _is_manifest(name: str) -> bool:
    return name.startswith("launcher-") and name.endswith(".json")


def main() -> None:
    """Try the destination that is written on stdin; write each step, then the result."""
    with answering() as (line, stream):
        if not line:
            return

        def write(heard: _Line) -> None:
            stream.write(json.dumps(encode(heard)) + "\n")
            stream.flush()

        request = decode(TrialRequest, parse(line))
        write(_Line(trial=try_steps(request, lambda step: write(_Line(step=step)))))


if __name__ == "__main__":
    main()
