"""The site under gunicorn: what a page costs on the wire and in memory."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.timing import ROOT, Row, environment


@contextlib.contextmanager
def serving(
    data_dir: Path, *, workers: int = 3, threads: int = 4, app: str = "wsgi:app", **extra: str
) -> Iterator[int]:
    """Serve a data directory with gunicorn as a deployment does; yield its port.

    Apps with made-up hosts need `LAUNCHER_SCHEDULER="off"`, or each host is looked up every minute.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", app],
        cwd=ROOT,
        env=environment(
            data_dir,
            LAUNCHER_BIND=f"127.0.0.1:{port}",
            LAUNCHER_WORKERS=str(workers),
            LAUNCHER_THREADS=str(threads),
            **extra,
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            if get(port, "/healthz")[0] == http.client.OK:
                return
        time.sleep(0.05)
    raise RuntimeError("gunicorn did not start")


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    """Ask a served site for `path`; return the status and the body as it came over the wire."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def measure_page(data_dir: Path) -> Iterator[Row]:
    """Start-up, memory of a worker, and the start page on the wire."""
    began = time.perf_counter()
    with serving(data_dir, workers=2, threads=8) as port:
        yield Row("site", "gunicorn start, two workers", time.perf_counter() - began, "s")
        status, _ = get(port, "/")
        if status != http.client.OK:
            raise RuntimeError(f"the start page answers {status}")
        times: list[float] = []
        for _ in range(300):
            began = time.perf_counter()
            get(port, "/")
            times.append(time.perf_counter() - began)
        yield Row("site", "start page, median", statistics.median(times) * 1000, "ms")
        yield Row("site", "start page, p95", statistics.quantiles(times, n=20)[18] * 1000, "ms")
        yield from weigh(port, "/", table="site", what="start page")
        for name, memory in memory_of(port):
            yield Row("site", name, memory, "MB", "resident")


def weigh(port: int, path: str, *, table: str, what: str, **headers: str) -> Iterator[Row]:
    """Weigh a page as a browser that has nothing yet gets it, compressed."""
    page = get(port, path, **headers)[1]
    links = set(re.findall(rb'(?:href|src)="(/static/[^"#]+|/assets/[^"#]+)', page))
    packed = headers | {"Accept-Encoding": "gzip"}
    total = len(get(port, path, **packed)[1])
    yield Row(table, f"{what}, compressed", total / 1000, "kB", f"{len(page) / 1000:.1f} unpacked")
    total += sum(len(get(port, link.decode(), **packed)[1]) for link in links)
    note = f"{len(links) + 1} requests"
    yield Row(table, "with style, sprite and script", total / 1000, "kB", note)


def memory_of(port: int) -> Iterator[tuple[str, float]]:
    """Yield the resident memory in MB of each process that serves on `port`."""
    rows = _processes(port)
    roots = {pid for pid, parent, _ in rows if parent not in {other for other, _, _ in rows}}
    for pid, _, resident_mb in rows:
        yield "gunicorn master" if pid in roots else "gunicorn worker", resident_mb


def peaks_of(port: int) -> list[float]:
    """Return the most memory in MB that each process had that serves on `port`."""
    return [_peak(pid) for pid, _, _ in _processes(port)]


def helper_peaks_of(port: int) -> list[float]:
    """Return the same of the processes that these have started, for an operation or a check."""
    lines = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    parents = dict(line.split() for line in lines)
    serving_pids = {pid for pid, _, _ in _processes(port)}
    family = set(serving_pids)
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return [_peak(pid) for pid in family - serving_pids]


def _peak(pid: str) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    peak = re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)
    return int(peak[1]) / 1024 if peak else 0.0


def whole_memory(port: int) -> float:
    """Return the memory in MB of all that serve on `port`; what they share counts once (PSS)."""
    total = 0
    for pid, _, _ in _processes(port):
        facts = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = re.search(r"^Pss: +(\d+)", facts, re.MULTILINE)
        total += int(found[1]) if found else 0
    return total / 1024


def _processes(port: int) -> list[tuple[str, str, float]]:
    """Return id, id of the parent and resident MB of each process that serves on `port`."""
    lines = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,rss=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rows = [line.split(None, 3) for line in lines]
    return [
        (pid, parent, int(resident_kb) / 1024)
        for pid, parent, resident_kb, words in rows
        if "gunicorn" in words and _listens(pid, port)
    ]


def _listens(pid: str, port: int) -> bool:
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"LAUNCHER_BIND=127.0.0.1:{port}".encode() in environ.split(b"\0")
