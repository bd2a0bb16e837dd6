"""The address of a place in one line, for the command line and the recovery kit.

`s3://BUCKET/FOLDER`, `/a/folder` (or `file:///a/folder`), `rclone:TYPE:FOLDER`. What else a
service needs are options beside it; secrets are never part of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import unquote

from launcher.offsite.records import Destination, Service
from launcher.offsite.secret_options import shown_options

KIT_FILE = "kit.txt"
"""The usual name of the file that holds the recovery kit."""

FLAGS: Mapping[str, str] = {
    "endpoint": "--endpoint",
    "region": "--region",
    "path_style": "--path-style",
    "ca_file": "--ca-file",
}
"""The options of S3 that have a flag of their own on the command line."""

_IN_THE_ADDRESS = {"path", "bucket", "folder", "type"}
_SERVER_OPTIONS = ("endpoint", "host", "url")
_NOT_TYPED = {"known_hosts"}  # a server is asked for its keys again


def read_address(text: str) -> tuple[Service, dict[str, str]] | None:
    """Return the service that an address names and the options in it, None where it is none."""
    if not text.isprintable():
        return None
    if text.startswith("file://"):
        text = unquote(text.removeprefix("file://"))
        return (Service.FOLDER, {"path": text}) if text.startswith("/") else None
    if text.startswith("/"):
        return Service.FOLDER, {"path": text}
    if text.startswith("s3://"):
        bucket, _, folder = text.removeprefix("s3://").partition("/")
        return (Service.S3, {"bucket": bucket, "folder": folder.strip("/")}) if bucket else None
    if text.startswith("rclone:"):
        kind, colon, folder = text.removeprefix("rclone:").partition(":")
        return (Service.RCLONE, {"type": kind, "folder": folder}) if kind and colon else None
    return None


def address_of(destination: Destination) -> str:
    """Return the address that `read_address` reads back."""
    options = shown_options(destination.options)
    match destination.service:
        case Service.FOLDER:
            return options.get("path", "")
        case Service.S3:
            return f"s3://{options.get('bucket', '')}/{options.get('folder', '')}".rstrip("/")
        case Service.RCLONE:
            return f"rclone:{options.get('type', '')}:{options.get('folder', '')}"


def full_address(destination: Destination) -> str:
    """Return the address with the server, which tells two places of one kind apart."""
    address = address_of(destination)
    options = shown_options(destination.options)
    server = next((options[name] for name in _SERVER_OPTIONS if options.get(name)), "")
    return f"{address} ({server})" if server else address


def other_options(destination: Destination) -> Mapping[str, str]:
    """Return what the address does not say, sorted by name."""
    options = sorted(shown_options(destination.options).items())
    return {name: value for name, value in options if value and name not in _IN_THE_ADDRESS}


def recover_command(destination: Destination, *, site: str = "", has_key: bool = True) -> str:
    """Return the command that brings a copy back on a bare machine; it asks for every secret.

    With `site` it takes the copies of that site alone, whatever others are in the folder.
    """
    words = ["flask", "backup", "recover", address_of(destination)]
    for name, value in other_options(destination).items():
        if name in _NOT_TYPED:
            continue
        words += [FLAGS[name], value] if name in FLAGS else ["--option", f"{name}={value}"]
    if site:
        words += ["--site", site]
    if has_key and destination.encrypt:
        words += ["--key-file", KIT_FILE]
    return shlex.join(words)
