"""Fixtures of the tests with real services. Each server runs once for all tests of a process."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from launcher.offsite.records import Destination, Place, Service
from tests.integration.offsite.places import FarPlace
from tests.support.storage_servers import (
    KEY_ID,
    PASSWORD,
    SECRET,
    USER,
    StorageServer,
    create_bucket,
    keep_objects,
    rclone_serving,
    seaweed,
)

BUCKET = "copies"
SIGN_IN = {"RCLONE_USER": USER, "RCLONE_PASS": PASSWORD}


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        create_bucket(server, BUCKET)
        keep_objects(server, BUCKET)
        yield server


@pytest.fixture(scope="session")
def rclone_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    # The key is in the environment of the server as well: a list of processes shows no secret.
    keys = {"RCLONE_AUTH_KEY": f'"{KEY_ID},{SECRET}"'}
    with rclone_serving("s3", tmp_path_factory.mktemp("s3"), environment=keys) as server:
        (server.root / BUCKET).mkdir()
        yield server


def folder_place(tmp_path: Path) -> FarPlace:
    path = tmp_path / "far"
    path.mkdir()
    destination = Destination(
        "nas", "NAS", Service.FOLDER, place=Place.THIS_SERVER, options={"path": str(path)}
    )
    return FarPlace(destination)


def s3_place(server: StorageServer) -> FarPlace:
    """A folder of the one bucket that no other test has."""
    options = {"endpoint": server.url, "bucket": BUCKET, "folder": secrets.token_hex(4)}
    keys = {"key_id": KEY_ID, "secret": SECRET}
    destination = Destination("s3", "S3", Service.S3, options=options, secrets=keys)
    return FarPlace(destination, can_resume=True)


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    with rclone_serving("sftp", tmp_path_factory.mktemp("sftp"), environment=SIGN_IN) as server:
        yield server


@pytest.fixture(scope="session")
def webdav_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    with rclone_serving("webdav", tmp_path_factory.mktemp("webdav"), environment=SIGN_IN) as server:
        yield server


def rclone_place(kind: str, **options: str) -> FarPlace:
    """A folder of a server of rclone that no other test has."""
    shown = {"type": kind, "folder": f"of/{secrets.token_hex(4)}", **options}
    destination = Destination(kind, kind, Service.RCLONE, options=shown, secrets={"pass": PASSWORD})
    return FarPlace(destination, many=3)


def sftp_place(server: StorageServer) -> FarPlace:
    return rclone_place("sftp", host="127.0.0.1", port=str(server.port), user=USER)


def webdav_place(server: StorageServer) -> FarPlace:
    return rclone_place("webdav", url=server.url, vendor="other", user=USER)


@pytest.fixture
def sftp(sftp_server: StorageServer) -> Iterator[FarPlace]:
    place = sftp_place(sftp_server)
    yield place
    place.close()


@pytest.fixture
def webdav(webdav_server: StorageServer) -> Iterator[FarPlace]:
    place = webdav_place(webdav_server)
    yield place
    place.close()


@pytest.fixture
def bucket(seaweed_server: StorageServer) -> Iterator[FarPlace]:
    """A place of S3 at SeaweedFS."""
    place = s3_place(seaweed_server)
    yield place
    place.close()


def _longer(name: str) -> ParameterSet:
    """A second server of an adapter: left to `make fault`."""
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.fixture(params=["folder", "seaweed", "sftp", _longer("rclone_s3"), _longer("webdav")])
def far(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FarPlace]:
    """A place at each service in turn, which the test has for itself."""
    server: Callable[[str], StorageServer] = request.getfixturevalue
    places: dict[str, Callable[[], FarPlace]] = {
        "folder": lambda: folder_place(tmp_path),
        "seaweed": lambda: s3_place(server("seaweed_server")),
        "rclone_s3": lambda: s3_place(server("rclone_s3_server")),
        "sftp": lambda: sftp_place(server("sftp_server")),
        "webdav": lambda: webdav_place(server("webdav_server")),
    }
    place = places[request.param]()
    yield place
    place.close()
