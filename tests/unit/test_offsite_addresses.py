"""The address of a place, read and written."""

from __future__ import annotations

import shlex

import pytest

from launcher.offsite.addresses import address_of, read_address, recover_command
from launcher.offsite.records import Destination, Service


@pytest.mark.parametrize(
    ("text", "service", "options"),
    [
        ("s3://ada/home", Service.S3, {"bucket": "ada", "folder": "home"}),
        ("s3://ada/", Service.S3, {"bucket": "ada", "folder": ""}),
        ("s3://ada/a/b/", Service.S3, {"bucket": "ada", "folder": "a/b"}),
        ("/mnt/usb", Service.FOLDER, {"path": "/mnt/usb"}),
        ("file:///mnt/a%20disk", Service.FOLDER, {"path": "/mnt/a disk"}),
        ("rclone:sftp:launcher", Service.RCLONE, {"type": "sftp", "folder": "launcher"}),
        ("rclone:drive:", Service.RCLONE, {"type": "drive", "folder": ""}),
        ("rclone:smb:share/a:b", Service.RCLONE, {"type": "smb", "folder": "share/a:b"}),
    ],
)
def test_an_address_names_the_service_and_what_it_needs(
    text: str, service: Service, options: dict[str, str]
) -> None:
    assert read_address(text) == (service, options)


@pytest.mark.parametrize(
    "text",
    ["", "s3://", "ada/home", "./here", "file://host/x", "rclone:sftp", "rclone::x", "https://a/b",
     "/a\nb"],
)  # fmt: skip
def test_anything_else_is_no_address(text: str) -> None:
    assert read_address(text) is None


def test_the_command_of_the_kit_names_the_same_place_and_no_secret() -> None:
    place = Destination(
        "backblaze",
        "Backblaze",
        Service.S3,
        options={
            "bucket": "ada",
            "folder": "my home",
            "endpoint": "https://s3.example",
            "region": "",
        },
        secrets={"key_id": "AKIA-ID", "secret": "very secret"},
    )
    command = recover_command(place)

    words = shlex.split(command)
    assert words[:3] == ["flask", "backup", "recover"]
    assert read_address(words[3]) == (Service.S3, {"bucket": "ada", "folder": "my home"})
    assert words[4:] == ["--endpoint", "https://s3.example", "--key-file", "kit.txt"]
    assert recover_command(place, site="a3fuwe5d").endswith(" --site a3fuwe5d --key-file kit.txt")
    assert "AKIA-ID" not in command
    assert "very secret" not in command


def test_options_of_rclone_are_given_by_their_names() -> None:
    place = Destination(
        "box",
        "Storage box",
        Service.RCLONE,
        options={
            "type": "sftp",
            "folder": "launcher",
            "host": "box.example",
            "port": "23",
            "known_hosts": "box.example ssh-rsa AAAA\nbox.example ssh-ed25519 AAAA",
        },
        encrypt=False,
    )
    assert recover_command(place) == (
        "flask backup recover rclone:sftp:launcher --option host=box.example --option port=23"
    )
    assert address_of(place) == "rclone:sftp:launcher"
