"""Stored secrets go to the server that they were entered for, and to no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.offsite.errors import OffsiteError
from launcher.offsite.kept_secrets import with_kept_secrets
from launcher.offsite.records import Destination, Service

BOX = Destination(
    "box",
    "Box",
    Service.RCLONE,
    options={"type": "webdav", "url": "https://box.example/", "user": "ada", "folder": "a"},
    secrets={"pass": "sesame"},
)


def entered(secrets: dict[str, str], **options: str) -> Destination:
    return replace(BOX, options={**BOX.options, **options}, secrets=secrets)


@pytest.mark.parametrize("options", [{}, {"folder": "b"}, {"user": "ben"}, {"port": ""}])
def test_at_the_same_server_an_empty_secret_is_the_stored_one(options: dict[str, str]) -> None:
    assert with_kept_secrets(entered({"pass": ""}, **options), BOX).secrets == BOX.secrets


@pytest.mark.parametrize(
    "options",
    [{"url": "https://other.example/"}, {"type": "sftp"}, {"port": "8080"}, {"http_proxy": "x:1"},
     {"ca_file": "/other"}, {"region": "other"}, {"vendor": "sharepoint"}],
)  # fmt: skip
def test_at_another_server_it_has_to_be_entered_again(options: dict[str, str]) -> None:
    with pytest.raises(OffsiteError, match="secrets_needed"):
        with_kept_secrets(entered({}, **options), BOX)
    assert with_kept_secrets(entered({"pass": "new"}, **options), BOX).secrets == {"pass": "new"}


def test_a_server_among_the_secrets_does_not_get_them() -> None:
    typed = {"url": "https://other.example/"}
    assert with_kept_secrets(entered(typed), BOX).secrets == typed
    both = {"pass": "sesame", "key_pem": "key"}
    assert with_kept_secrets(entered({"key_pem": "key"}), BOX).secrets == both
