"""The options by which a command is given a place and its secrets.

A secret is never an argument: it would be in the history of the shell and in the list of processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from launcher.offsite.addresses import FLAGS, read_address
from launcher.offsite.records import Service
from launcher.offsite.secret_options import (
    ASKED_FOR,
    IN_PLACE_OF_A_SECRET,
    has_user,
    is_secret,
)

AWS = {"key_id": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY"}
"""The variables by which programs of S3 get their access key."""

_FORMS = "Give s3://BUCKET/FOLDER, /a/folder or rclone:TYPE:FOLDER"
_MOST_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class PlaceGiven:
    """A place as it was given: its service, its options and its secrets."""

    service: Service
    options: Mapping[str, str]
    secrets: Mapping[str, str]


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a place, as `read_place` takes them."""
    options = (
        click.option("--endpoint", metavar="URL", help="S3: URL of the service."),
        click.option("--region", help="S3: region of the bucket."),
        click.option("--key-id", metavar="ID", help="S3: key ID. Asked for if not given."),
        click.option(
            "--path-style",
            type=click.Choice(["on", "off"]),
            help="S3: bucket in the path instead of the host name.",
        ),
        click.option("--ca-file", metavar="PATH", help="S3: certificate of an own authority."),
        click.option(
            "--option",
            "pairs",
            metavar="NAME=VALUE",
            multiple=True,
            help="rclone: option of the type, by its name there (repeatable).",
        ),
        click.option(
            "--secret-file",
            metavar="PATH",
            type=click.Path(path_type=Path),
            help="File (or “-”) with the secret, or with lines NAME=VALUE.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_place(address: str, *, asks: bool = True, **given: Any) -> PlaceGiven:
    """Return the place of an address and the options of `place_options`.

    Secrets come from `--secret-file`, for S3 from the variables of AWS, or from a prompt.

    Raises:
        click.UsageError: the address or an option is not one of a place.
    """
    if (found := read_address(address)) is None:
        raise click.UsageError(f"{address!r} is no address of a place. {_FORMS}.")
    service, options = found
    options |= read_options(service, **given)
    if wrong := next((name for name, value in options.items() if has_user(name, value)), None):
        raise click.UsageError(
            f"{wrong} contains a user or a password. Leave them out: the password is asked for, or"
            " read from --secret-file."
        )
    secrets = read_secrets(service, options, given["key_id"], given["secret_file"])
    if asks:
        secrets = _asked(service, options, secrets)
    return PlaceGiven(service, options, secrets)


def read_options(service: Service, **given: Any) -> dict[str, str]:
    """Return the options that were given, without those of the address.

    Raises:
        click.UsageError: an option is not one of this service.
    """
    flags = {name: str(given[name]) for name in FLAGS if given[name]}
    if service is not Service.S3 and (flags or given["key_id"]):
        name = FLAGS[next(iter(flags))] if flags else "--key-id"
        raise click.UsageError(f"{name} is an option of S3. For rclone use --option NAME=VALUE.")
    if service is not Service.RCLONE and given["pairs"]:
        raise click.UsageError("--option is for places of rclone.")
    pairs = dict(map(_pair, given["pairs"]))
    if secret := next((name for name in pairs if is_secret(name)), None):
        raise click.UsageError(
            f"{secret} is a secret: give it in --secret-file as {secret}=VALUE, or when asked."
        )
    return {**flags, **pairs}


def read_secrets(
    service: Service, options: Mapping[str, str], key_id: str | None, path: Path | None
) -> dict[str, str]:
    """Return the secrets that were given by file or variable, none of which may be there."""
    secrets: dict[str, str] = {}
    if service is Service.S3:
        secrets = {name: os.environ[each] for name, each in AWS.items() if os.environ.get(each)}
        if key_id:
            secrets["key_id"] = key_id
    if path is None:
        return secrets
    return secrets | _from_file(service, options, _text_of(path))


def _from_file(service: Service, options: Mapping[str, str], text: str) -> dict[str, str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = dict(_pair(line) for line in lines if _is_pair(service, line))
    if len(pairs) == len(lines) and pairs:
        names = {variable: name for name, variable in AWS.items()}
        return {names.get(name, name): value for name, value in pairs.items()}
    if len(lines) != 1:
        raise click.UsageError("--secret-file has neither one line nor lines NAME=VALUE.")
    return {_usual_secret(service, options): lines[0]}


def _is_pair(service: Service, line: str) -> bool:
    """Whether a line is NAME=VALUE; a secret alone may have such a sign in it as well."""
    name, equals, _ = line.partition("=")
    if service is Service.S3:
        return bool(equals) and name in {*AWS, *AWS.values()}
    return bool(equals) and is_secret(name)


def _usual_secret(service: Service, options: Mapping[str, str]) -> str:
    if service is Service.S3:
        return "secret"
    return ASKED_FOR.get(options.get("type", ""), "pass")


def _asked(
    service: Service, options: Mapping[str, str], secrets: Mapping[str, str]
) -> dict[str, str]:
    """Return the secrets with those that are asked for on the terminal."""
    found = dict(secrets)
    if service is Service.S3:
        if "key_id" not in found:
            found["key_id"] = _prompt("Key ID", is_hidden=False)
        if "secret" not in found:
            found["secret"] = _prompt("Secret")
    is_needed = options.get("type", "") in ASKED_FOR and IN_PLACE_OF_A_SECRET.isdisjoint(options)
    if service is Service.RCLONE and is_needed and not found:
        name = _usual_secret(service, options)
        found[name] = _prompt("Password" if name.startswith("pass") else "Secret")
    return found


def _prompt(what: str, *, is_hidden: bool = True) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(f"Cannot ask for the {what}: not a terminal. Use --secret-file.")
    return str(click.prompt(what, hide_input=is_hidden, err=True)).strip()


def _text_of(path: Path) -> str:
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(_MOST_BYTES).decode()
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.UsageError(f"{text!r} is not NAME=VALUE.")
    return name, value
