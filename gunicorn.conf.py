"""How gunicorn serves Launcher; `gunicorn wsgi:app` in this directory finds it."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from launcher.config import ConfigError, prepare_data_dir, read_config  # noqa: E402
from launcher.master import Master, adopts_orphans  # noqa: E402
from launcher.memory import keep_little_memory  # noqa: E402
from launcher.owner import act_as_owner, owner_of  # noqa: E402
from launcher.serving import CONNECTIONS  # noqa: E402

try:
    deployment = prepare_data_dir(read_config(os.environ))
    owner = owner_of(deployment) if os.geteuid() == 0 else None
except ConfigError as error:
    sys.exit(f"launcher: {error}")

keep_little_memory()  # before there are threads, and for the workers too

bind = deployment.bind
workers = deployment.workers
threads = deployment.threads
worker_class = "launcher.serving.Worker"
worker_connections = CONNECTIONS + threads
sendfile = False  # it would pass by what the worker keeps for slow clients
chdir = str(ROOT)
if owner:  # root may bind any port; the work is done as the owner of the data directory
    user, group = owner.uid, owner.gid

# Its place is the same for every gunicorn of a user: a second one would collide.
control_socket_disable = True
# Proxies are trusted by LAUNCHER_PROXY_HOPS alone, not because they are on this machine.
forwarded_allow_ips = ""

timeout = 60  # a worker that does not stir for so long is replaced; slow requests are no reason
graceful_timeout = 30  # for the requests under way when a worker is to stop
keepalive = 5
loglevel = deployment.log_level.lower()


def on_starting(server: Any) -> None:
    """Make or migrate the database before there are workers, in a process of its own.

    gunicorn itself never opens the database: a connection must not be carried over a fork.
    """
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "database", "upgrade"]
    command.append("--before-serving")
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(1)
    # With `reload`, workers are to see each change of the code.
    if server.cfg.workers > 1 and not server.cfg.reload:
        if not server.cfg.preload_app and adopts_orphans():
            Master.become(server, _load_once)
        else:
            _load_once()


def on_reload(server: Any) -> None:
    """Load what has changed, once for all workers."""
    if isinstance(server, Master):
        server.fork_ahead()


def _load_once() -> None:
    """Import and read what every worker needs, which they then share, and nothing more.

    What a worker uses of it, it copies page by page, since a use counts references. Each builds its
    application itself, as the owner of the data and after the fork.
    """
    import launcher.api  # noqa: PLC0415
    import launcher.app  # noqa: PLC0415
    import launcher.web  # noqa: F401, PLC0415
    from launcher.i18n.locale import load_formats  # noqa: PLC0415
    from launcher.icons.drawn import load_sets  # noqa: PLC0415

    # Every worker needs them, and a request reads little of them: most of their pages stay shared.
    load_formats()
    load_sets()
    gc.collect()
    gc.freeze()  # the collector of a worker would write to each object, and so copy it


def post_fork(server: Any, worker: Any) -> None:
    """Become the owner of the data directory, with no group of root's left."""
    if isinstance(server, Master):
        server.report(worker)
    act_as_owner(deployment)


def post_worker_init(worker: Any) -> None:
    """Let a worker stand for the one that runs the jobs, after the fork and never before.

    What it refuses before there is a request is answered as the API answers. What would wait for a
    restore has no thread until then.
    """
    from launcher.api.refusals import refusal, takes_cut_off  # noqa: PLC0415
    from launcher.current import current_stop  # noqa: PLC0415
    from launcher.db.connect import GATE_TIMEOUT_S  # noqa: PLC0415
    from launcher.db.session import has_to_wait  # noqa: PLC0415
    from launcher.jobs.election import start_election  # noqa: PLC0415

    worker.on_stop = current_stop(worker.wsgi).set
    worker.refusal = refusal
    worker.takes_cut_off = takes_cut_off
    worker.patience_s = GATE_TIMEOUT_S
    worker.has_to_wait = has_to_wait(worker.wsgi)
    worker.election = start_election(worker.wsgi)


def worker_exit(_server: Any, worker: Any) -> None:
    """Hand the jobs over at once, before the worker's threads are taken down."""
    if election := getattr(worker, "election", None):
        election.stop()
