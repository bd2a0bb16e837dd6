"""A real server: gunicorn with several workers, on a free port and a directory of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher.config import ROOT

WORKERS = 3
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `log_path` holds what it printed."""

    url: str
    data_dir: Path
    log_path: Path

    @property
    def setup_link(self) -> str:
        """The link that it printed for the first admin."""
        found = re.search(r"http://\S+/setup\?token=\S+", self.log_path.read_text())
        assert found, self.log_path.read_text()
        return found[0]

    def command(self, *words: str) -> str:
        """Run `flask …` on the same directory, as an admin on the server would."""
        return run_flask(self.data_dir, *words)


def run_flask(
    data_dir: Path, *words: str, said: str = "", expect: int = 0, inside: Sequence[str] = ()
) -> str:
    """Run `flask …` on a data directory, as an admin at a shell does; return what it printed."""
    done = subprocess.run(
        [*inside, sys.executable, "-m", "flask", *words],
        cwd=ROOT, env=_environment(data_dir, {}), capture_output=True, text=True, input=said,
        check=False, timeout=_PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == expect, done.stderr
    return done.stdout


@contextmanager
def serving(
    data_dir: Path,
    *,
    preload: bool = False,
    app: str = "wsgi:app",
    python: str = sys.executable,
    inside: Sequence[str] = (),
    **settings: str,
) -> Iterator[Server]:
    """Serve `data_dir` until the end of the block.

    `preload` builds the application before the fork, as `gunicorn --preload` does. `inside` is a
    command that runs the server.
    """
    command = [*inside, python, "-m", "gunicorn", *(["--preload"] if preload else []), app]
    settings = {"workers": str(WORKERS), "threads": "4"} | settings
    is_served = False
    while not is_served:
        bind = f"127.0.0.1:{free_port()}"
        log_path = data_dir.with_name(f"{data_dir.name}-{bind.rpartition(':')[2]}.log")
        with log_path.open("w") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=_environment(data_dir, {"bind": bind} | settings),
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            is_served = _has_port(process, bind, log_path)
            if is_served:
                _await(process, f"http://{bind}/healthz", log_path)
                yield Server(f"http://{bind}", data_dir, log_path)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_PATIENCE_S)
            finally:
                process.kill()


def _environment(data_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LAUNCHER_")}
    chosen = {f"LAUNCHER_{name.upper()}": value for name, value in settings.items()}
    return kept | {"LAUNCHER_DATA_DIR": str(data_dir), "PYTHONWARNINGS": "default"} | chosen


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _has_port(process: subprocess.Popen[bytes], bind: str, log_path: Path) -> bool:
    """Wait until gunicorn has its port; return False where another server was quicker.

    That one would answer every request of the test, the first one here too.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        log = log_path.read_text()
        if f"Listening at: http://{bind}" in log:
            return True
        if "Connection in use" in log:
            return False
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log_path.read_text()}")


def _await(process: subprocess.Popen[bytes], url: str, log_path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=_PATIENCE_S).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the server did not start:\n{log_path.read_text()}")
