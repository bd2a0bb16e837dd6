"""A real gunicorn whose workers are forked by a loader, with a small application of its own.

What is between a master, its loader and its workers is the kernel's: who is whose parent, and which
signal reaches whom when.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from launcher.config import ROOT
from tests.support.server import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a subreaper")

_PATIENCE_S = 60.0
_CONFIG = """
import os
from launcher.master import Master, adopts_orphans

worker_class = "gthread"
control_socket_disable = True
graceful_timeout = 30

def load():
    import application

def on_starting(server):
    assert adopts_orphans()
    Master.become(server, load)

def on_reload(server):
    server.fork_ahead()

def post_fork(server, worker):
    server.report(worker)
"""
# A worker answers who it is, who loaded the application, and what this version of it says.
_APPLICATION = """
import os
LOADED_BY = os.getpid()
WORD = {word!r}

def app(environ, start_response):
    start_response("200 OK", [("Connection", "close")])
    return [f"{{os.getpid()}} {{LOADED_BY}} {{WORD}}".encode()]
"""


class Site:
    """A folder with an application, and the gunicorn that serves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "log"
        (folder / "gunicorn.conf.py").write_text(_CONFIG)
        self.write(_APPLICATION.format(word="first"))

    def write(self, application: str) -> None:
        (self.folder / "application.py").write_text(application)

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "gunicorn", "application:app",
                    "--workers=2", f"--bind=127.0.0.1:{self.port}", "--pid=pid",
                ],
                cwd=self.folder, stdout=log, stderr=log, process_group=0,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
        return self.process

    def ask(self) -> tuple[int, int, str] | None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/") as answer:
            worker, loader, word = answer.read().decode().split()
            return int(worker), int(loader), word
        return None

    def workers(self, count: int, *, word: str = "first", but: set[int] | None = None) -> set[int]:
        """Wait until that many workers are all that the master has, and answer; return them."""
        seen: dict[int, int] = {}

        def is_served() -> bool:
            if (answer := self.ask()) and answer[2] == word and answer[0] not in (but or set()):
                seen[answer[0]] = answer[1]
            children = children_of(self.process.pid)
            return len(children) == count and set(seen) >= children

        self.wait_for(is_served)
        self.loaders = {seen[pid] for pid in children_of(self.process.pid)}
        return children_of(self.process.pid)

    def wait_for(self, is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def everybody(self) -> set[int]:
        """Return the processes of this gunicorn that live."""
        return {int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_of_it(path)}

    def _is_of_it(self, path: Path) -> bool:
        with suppress(OSError):
            state, _, group = (path / "stat").read_text().rpartition(") ")[2].split()[:3]
            return int(group) == self.process.pid and state != "Z"
        return False


def children_of(pid: int) -> set[int]:
    """Return the children of a process, also those whose end it has not noticed."""
    with suppress(OSError):
        return {
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        }
    return set()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    yield made
    with suppress(ProcessLookupError):
        os.killpg(made.process.pid, signal.SIGKILL)
    made.process.wait()


def never_load(site: Site) -> None:
    """Let what loads the application from now on never end, until something opens `never`."""
    os.mkfifo(site.folder / "never")
    site.write("open('loading', 'w').close()\nopen('never')\n")


def hold_the_loader(site: Site) -> int:
    """Reload with a loader that never ends; return it."""
    before = children_of(site.process.pid)
    never_load(site)
    os.kill(site.process.pid, signal.SIGHUP)
    site.wait_for((site.folder / "loading").exists)
    [loader] = children_of(site.process.pid) - before
    return loader


def test_workers_are_children_of_the_master_and_share_what_a_third_one_loaded(site: Site) -> None:
    workers = site.workers(2)
    [loader] = site.loaders
    assert loader not in {site.process.pid, *workers}
    assert site.everybody() == {site.process.pid, *workers}, "the loader has ended"


def test_a_worker_that_is_killed_is_replaced_and_a_reload_lets_all_share_again(site: Site) -> None:
    killed, kept = site.workers(2)
    os.kill(killed, signal.SIGKILL)
    assert kept in site.workers(2, but={killed})
    site.write(_APPLICATION.format(word="second"))
    os.kill(site.process.pid, signal.SIGHUP)
    assert not site.workers(2, word="second") & {killed, kept}
    assert len(site.loaders) == 1
    assert "Traceback" not in site.log.read_text()


def test_workers_that_are_all_killed_are_loaded_together_again(site: Site) -> None:
    before = site.workers(2)
    os.kill(site.process.pid, signal.SIGSTOP)  # so that it sees both at once
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    site.wait_for(lambda: not site.everybody() & before)
    os.kill(site.process.pid, signal.SIGCONT)
    assert not site.workers(2) & before
    assert len(site.loaders) == 1


def test_one_more_and_one_less_can_be_asked_for(site: Site) -> None:
    before = site.workers(2)
    os.kill(site.process.pid, signal.SIGTTIN)
    assert site.workers(3) > before
    os.kill(site.process.pid, signal.SIGTTOU)
    site.workers(2)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_to_stop_does_not_wait_for_a_loader(site: Site, ending: int) -> None:
    site.workers(2)
    hold_the_loader(site)
    os.kill(site.process.pid, ending)
    assert site.process.wait(_PATIENCE_S) == 0
    site.wait_for(lambda: not site.everybody())
    assert not (site.folder / "pid").exists()
    assert "Traceback" not in site.log.read_text()


def test_a_signal_to_stop_does_not_wait_for_the_first_loader(tmp_path: Path) -> None:
    site = Site(tmp_path)
    never_load(site)
    with site.start() as process:
        site.wait_for((site.folder / "loading").exists)
        process.terminate()
        assert process.wait(_PATIENCE_S) == 0
        site.wait_for(lambda: not site.everybody())


def test_without_a_loader_that_is_killed_workers_load_for_themselves(site: Site) -> None:
    before = site.workers(2)
    loader = hold_the_loader(site)
    site.write(_APPLICATION.format(word="third"))
    os.kill(loader, signal.SIGKILL)
    workers = site.workers(2, word="third")
    assert not workers & before
    assert site.loaders == workers
    assert "The loader of the workers ended with status 9." in site.log.read_text()


def test_a_master_that_is_killed_leaves_nobody(site: Site) -> None:
    site.workers(2)
    hold_the_loader(site)
    os.kill(site.process.pid, signal.SIGKILL)
    site.process.wait()
    with (site.folder / "never").open("w"):  # the loader goes on, and forks workers
        site.wait_for(lambda: not site.everybody())


def test_what_cannot_be_imported_ends_the_server_as_without_a_loader(site: Site) -> None:
    site.workers(2)
    site.write("raise RuntimeError('broken on purpose')\n")
    os.kill(site.process.pid, signal.SIGHUP)
    # 3, or 1 when gunicorn meets the second of them while it stops for the first.
    assert site.process.wait(_PATIENCE_S) in {1, 3}
    site.wait_for(lambda: not site.everybody())
    said = site.log.read_text()
    assert "broken on purpose" in said
    assert "Worker failed to boot" in said


def test_a_new_master_takes_over_beside_the_old_one(site: Site) -> None:
    """The way to a new gunicorn: USR2, then TERM for the old one."""
    old_workers = site.workers(2)
    site.write(_APPLICATION.format(word="new"))
    os.kill(site.process.pid, signal.SIGUSR2)
    site.wait_for(lambda: (answer := site.ask()) and answer[2] == "new")
    [new] = children_of(site.process.pid) - old_workers
    site.wait_for(lambda: len(children_of(new)) == 2)
    os.kill(site.process.pid, signal.SIGTERM)
    assert site.process.wait(_PATIENCE_S) == 0
    answer = site.ask()
    assert answer is not None
    assert answer[2] == "new"
    os.kill(new, signal.SIGTERM)
    site.wait_for(lambda: not site.everybody())
