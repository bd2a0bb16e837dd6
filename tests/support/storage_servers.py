"""Real storage services on this machine, for the adapters of destinations.

A stand-in in Python would answer as we think that a service does. These are the programs that
people run: SeaweedFS, which checks signatures, checksums and rights, and what rclone serves.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

PROGRAMS = Path(sys.executable).parent
KEY_ID, SECRET = "full-key", "full-secret-3f9q2k"
KEEPER_ID, KEEPER_SECRET = "keeper-key", "keeper-secret-8d1m4z"
"""May write, list and read, and delete nothing of a bucket that `keep_objects` was called for."""
READER_ID, READER_SECRET = "reader-key", "reader-secret-5v7x0c"
USER, PASSWORD = "ada", "storage-password-6h2w"

_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class StorageServer:
    """A running service.

    Attributes:
        port: where it listens on 127.0.0.1.
        root: the folder that it serves, for those that serve one.
    """

    port: int
    root: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def seaweed(folder: Path, *, volumes: int = 50, nice: int = 0) -> Iterator[StorageServer]:
    """Serve S3 with SeaweedFS; it has no bucket yet, and room for `volumes` of 64 MB.

    With `nice` it gives way to others, as one on another machine does.
    """
    identities = [
        _identity(KEY_ID, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
        _identity(KEEPER_ID, KEEPER_SECRET, ["Read", "List", "Write"]),
        _identity(READER_ID, READER_SECRET, ["Read", "List"]),
    ]
    config = folder / "identities.json"
    config.write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc"]
    names += ["filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc"]

    def command(ports: Sequence[int]) -> Sequence[str | Path]:
        options = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
        return [
            *(["nice", "-n", str(nice)] if nice else []),
            PROGRAMS / "weed", f"-logdir={folder}", "server", f"-dir={folder / 'data'}",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.config={config}",
            "-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-s3.autoCreateBucket=false", f"-volume.max={volumes}", "-master.volumeSizeLimitMB=64",
            *options,
        ]  # fmt: skip

    with _serving(command, len(names), folder / "seaweed.log", _answers_http, at=6) as ports:
        try:
            yield StorageServer(ports[6], folder)
        finally:
            for port in ports:  # SeaweedFS leaves these sockets wherever its data is
                for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    path.unlink(missing_ok=True)


def _identity(key_id: str, secret: str, actions: Sequence[str]) -> dict[str, object]:
    credentials = [{"accessKey": key_id, "secretKey": secret}]
    return {"name": key_id, "credentials": credentials, "actions": actions}


@contextmanager
def rclone_serving(
    protocol: str, folder: Path, *options: str, environment: dict[str, str] | None = None
) -> Iterator[StorageServer]:
    """Serve a folder with rclone as `s3`, `sftp` or `webdav`."""
    root = folder / "served"
    root.mkdir()
    answers = _answers_ssh if protocol == "sftp" else _answers_http

    def command(ports: Sequence[int]) -> Sequence[str | Path]:
        return [
            PROGRAMS / "rclone", "serve", protocol, root, "--addr", f"127.0.0.1:{ports[0]}",
            "--config", "", *options,
        ]  # fmt: skip

    with _serving(command, 1, folder / f"{protocol}.log", answers, environment) as ports:
        yield StorageServer(ports[0], root)


@contextmanager
def _serving(
    command: Callable[[Sequence[int]], Sequence[str | Path]],
    count: int,
    log_path: Path,
    answers: Callable[[int], bool],
    environment: dict[str, str] | None = None,
    *,
    at: int = 0,
) -> Iterator[Sequence[int]]:
    """Run a server on free ports, on others where another program was quicker.

    It is ready once the one `at` its place answers.
    """
    for last in (False, False, False, True):
        with ExitStack() as held:
            ports = free_ports(count, held)
        with running(command(ports), log_path, environment) as ended:
            deadline = time.monotonic() + _PATIENCE_S
            while (log := ended()) is None and not answers(ports[at]):
                assert time.monotonic() < deadline, "it never answered"
                time.sleep(0.02)
            if log is None:
                yield ports
                return
            assert not last, log


def free_ports(count: int, held: ExitStack) -> list[int]:
    """Return free ports, which stay taken until `held` is closed: so they are different ones."""
    listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
    return [each.getsockname()[1] for each in listeners]


@contextmanager
def running(
    command: Sequence[str | Path], log_path: Path, environment: dict[str, str] | None = None
) -> Iterator[Callable[[], str | None]]:
    """Run a server until the end of the block; yield what says that it has ended, and why."""
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=os.environ | (environment or {}),
        )  # fmt: skip

        def ended() -> str | None:
            return None if process.poll() is None else log_path.read_text(errors="replace")[-2000:]

        try:
            yield ended
        finally:
            # It keeps nothing that anyone wants: a server that closes in order takes seconds.
            process.kill()
            process.wait()


def _answers_http(port: int) -> bool:
    return _first_bytes(port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/")


def _answers_ssh(port: int) -> bool:
    return _first_bytes(port, b"").startswith(b"SSH-")


def _first_bytes(port: int, said: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(said)
            return connection.recv(8)
    except OSError:
        return b""


def create_bucket(server: StorageServer, name: str) -> None:
    """Create a bucket as the owner of the service; SeaweedFS may need a moment for the first."""
    client = s3_client(server)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            client.create_bucket(Bucket=name)
            client.put_object(Bucket=name, Key="first", Body=b"")
            client.delete_object(Bucket=name, Key="first")
        except ClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            break
    client.close()


def keep_objects(server: StorageServer, name: str) -> None:
    """Let one key delete nothing in a bucket of SeaweedFS, whose own rights are less fine."""
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": f"arn:aws:iam::000000000000:user/{KEEPER_ID}"},
        "Action": ["s3:DeleteObject"],
        "Resource": [f"arn:aws:s3:::{name}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client = s3_client(server)
    client.put_bucket_policy(Bucket=name, Policy=policy)
    client.close()


def s3_client(server: StorageServer) -> Any:
    """Return a client of the owner, to look at a bucket past the adapter."""
    return botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
