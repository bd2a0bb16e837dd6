"""How commands are given a place, and where its secrets come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from launcher.cli.place_options import place_options, read_place

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)

    @click.command()
    @click.argument("address")
    @place_options
    def show(address: str, **given: object) -> None:
        place = read_place(address, **given)
        click.echo(f"{place.service} {dict(place.options)} {dict(place.secrets)}")

    def run_it(*words: str, said: str = "", **environ: str) -> Result:
        return CliRunner().invoke(show, words, input=said, env=environ)

    return run_it


def secret_in(folder: Path, text: str) -> str:
    path = folder / "secret.txt"
    path.write_text(text)
    return str(path)


def test_the_access_key_of_s3_is_read_from_the_variables_of_aws(run: Run) -> None:
    done = run("s3://ada/home", "--endpoint", "https://s3.example",
        AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="sesame")  # fmt: skip
    assert done.stdout == (
        "s3 {'bucket': 'ada', 'folder': 'home', 'endpoint': 'https://s3.example'}"
        " {'key_id': 'AKIA', 'secret': 'sesame'}\n"
    )


def test_what_is_given_is_stronger_than_the_variables(run: Run, tmp_path: Path) -> None:
    file = secret_in(tmp_path, "open=sesame\n")
    done = run("s3://ada", "--key-id", "mine", "--secret-file", file,
        AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="other")  # fmt: skip
    assert "{'key_id': 'mine', 'secret': 'open=sesame'}" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        "AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY=a=b\n",
        "key_id=AKIA\n\nsecret=a=b\n",
    ],
)
def test_a_file_may_hold_both_halves_by_name(run: Run, tmp_path: Path, text: str) -> None:
    done = run("s3://ada", "--secret-file", secret_in(tmp_path, text))
    assert "{'key_id': 'AKIA', 'secret': 'a=b'}" in done.stdout


def test_a_secret_alone_belongs_to_the_option_of_its_type(run: Run, tmp_path: Path) -> None:
    file = secret_in(tmp_path, "my password\n")
    done = run("rclone:sftp:launcher", "--option", "host=box.example", "--secret-file", file)
    assert "'host': 'box.example'} {'pass': 'my password'}" in done.stdout
    done = run("rclone:b2:ada", "--option", "account=1", "--secret-file", file)
    assert "{'key': 'my password'}" in done.stdout


def test_a_secret_is_read_from_stdin(run: Run) -> None:
    done = run("rclone:sftp:x", "--option", "host=h", "--secret-file", "-", said="sesame\n")
    assert "{'pass': 'sesame'}" in done.stdout


def test_a_folder_needs_no_secret(run: Run) -> None:
    assert run("/mnt/usb", AWS_SECRET_ACCESS_KEY="x").stdout == "folder {'path': '/mnt/usb'} {}\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["here"], "no address of a place"),
        (["/mnt", "--endpoint", "https://x"], "--endpoint is an option of S3"),
        (["/mnt", "--key-id", "x"], "--key-id is an option of S3"),
        (["s3://ada", "--option", "a=b"], "--option is for places of rclone"),
        (["rclone:sftp:", "--option", "pass=sesame"], "pass is a secret"),
        (["rclone:s3:", "--option", "secret_access_key=sesame"], "is a secret"),
        (["rclone:azureblob:", "--option", "sas_url=https://x?sig=sesame"], "sas_url=VALUE"),
        (["rclone:drive:", "--option", "service_account_credentials=sesame"], "is a secret"),
        (["rclone:webdav:", "--option", "url=a:sesame@host/dav"], "url contains a user"),
        (["s3://ada", "--endpoint", "https://a:sesame@host"], "endpoint contains a user"),
        (["s3://ada", "--endpoint", "a:sesame@host"], "endpoint contains a user"),
        (["s3://a:sesame@ada"], "bucket contains a user"),
        (["rclone:dropbox:"], "Cannot ask for the Secret: not a terminal"),
        (["rclone:sftp:", "--option", "host"], "'host' is not NAME=VALUE"),
        (["s3://ada"], "Cannot ask for the Key ID: not a terminal"),
        (["s3://ada", "--secret-file", "/nowhere/at/all"], "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(run: Run, words: list[str], reason: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert reason in done.stderr
    assert "sesame" not in done.output
