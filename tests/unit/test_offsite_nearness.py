"""Where a destination is, as its address says."""

from __future__ import annotations

import socket

import pytest

from launcher.offsite.nearness import assumed_place
from launcher.offsite.records import Place, Service


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("127.0.0.1", Place.THIS_SERVER),
        ("localhost", Place.THIS_SERVER),
        ("[::1]", Place.THIS_SERVER),
        ("[::ffff:127.0.0.1]", Place.THIS_SERVER),
        (socket.gethostname(), Place.THIS_SERVER),
        ("192.168.1.7", Place.OTHER_DEVICE),
        ("[fe80::1]", Place.OTHER_DEVICE),
        ("100.64.0.9", Place.OTHER_DEVICE),
        ("minio.home.arpa", Place.OTHER_DEVICE),
        ("nas.local", Place.OTHER_DEVICE),
        ("minio", Place.OTHER_DEVICE),
        ("8.8.8.8", Place.OFF_SITE),
        ("s3.eu-central-003.backblazeb2.com", Place.OFF_SITE),
    ],
)
def test_the_address_says_where_a_destination_is(host: str, place: Place) -> None:
    options = {"endpoint": f"http://{host}:9000", "bucket": "ada"}
    assert assumed_place(Service.S3, options) is place
    assert assumed_place(Service.RCLONE, {"type": "sftp", "host": host}) is place
    assert assumed_place(Service.RCLONE, {"type": "webdav", "url": f"https://{host}/a"}) is place


def test_without_a_host_it_is_off_site_and_a_folder_is_another_device() -> None:
    assert assumed_place(Service.S3, {"bucket": "ada"}) is Place.OFF_SITE
    assert assumed_place(Service.RCLONE, {"type": "drive"}) is Place.OFF_SITE
    assert assumed_place(Service.FOLDER, {"path": "/mnt/nas"}) is Place.OTHER_DEVICE
