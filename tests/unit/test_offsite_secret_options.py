"""Which options of a destination are secrets, and which are only where it is."""

from __future__ import annotations

import pytest

from launcher.offsite.entering import check_access
from launcher.offsite.errors import OffsiteError
from launcher.offsite.records import Service
from launcher.offsite.secret_options import ASKED_FOR, has_user, is_secret, shown_options


@pytest.mark.parametrize(
    "name",
    [
        "2fa", "access_grant", "api_key", "app_token", "auth_token", "bearer_token",
        "client_secret", "connection_string", "cookies", "headers", "ibm_api_key", "key",
        "key_file_pass", "key_pem", "library_key", "master_key", "mnemonic", "otp_secret_key",
        "pass", "passphrase", "password2", "private_key", "sas_url", "secret_access_key",
        "service_account_credentials", "session_id", "session_token", "sse_customer_key", "token",
    ],
)  # fmt: skip
def test_what_lets_someone_in_is_a_secret(name: str) -> None:
    assert is_secret(name)
    with pytest.raises(OffsiteError) as raised:
        check_access(Service.RCLONE, {"type": "webdav", name: "sesame"}, {})
    assert (raised.value.code, raised.value.facts) == ("secret_option", {"option": name})


@pytest.mark.parametrize(
    "name",
    [
        "account", "ask_password", "auth_url", "client_credentials", "client_id", "domain", "host",
        "key_file", "key_use_agent", "known_hosts", "pubkey", "root_folder_id", "team_drive",
        "tenant", "token_url", "url", "user", "vendor",
    ],
)  # fmt: skip
def test_what_says_where_or_who_is_none(name: str) -> None:
    assert not is_secret(name)


def test_every_secret_that_is_asked_for_is_one() -> None:
    assert {name for name in ASKED_FOR.values() if not is_secret(name)} == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("endpoint", "https://user:sesame@s3.example"),
        ("endpoint", "user:sesame@s3.example"),
        ("endpoint", "//user:sesame@s3.example"),
        ("url", "user:sesame@cloud.example/remote.php/dav"),
        ("url", " HTTPS://user:sesame@cloud.example"),
        ("auth_url", "https://user:sesame@login.example"),
        ("host", "user:sesame@box.example"),
        ("http_proxy", "user:sesame@proxy.example:3128"),
        ("bucket", "user:sesame@bucket"),
        ("folder", "https://user:sesame@other.example"),
        ("endpoint", "https://user:a/sesame@s3.example"),
        ("endpoint", "user:1/sesame@s3.example"),
        ("url", "https://user:a/sesame@cloud.example/remote.php/dav"),
        ("url", "https://user:1?sesame@cloud.example"),
        ("url", "user:a#sesame@cloud.example"),
        ("url", "https://us:er@a/sesame@cloud.example"),
        ("auth_url", "https://user:/sesame@login.example"),
        ("host", "user:1#sesame@box.example"),
        ("folder", "https://user:a/sesame@other.example"),
    ],
)
def test_a_password_in_an_address_is_refused_and_never_shown(name: str, value: str) -> None:
    assert has_user(name, value)
    assert "sesame" not in shown_options({name: value})[name]
    service = Service.S3 if name in {"endpoint", "bucket"} else Service.RCLONE
    with pytest.raises(OffsiteError) as raised:
        check_access(service, {"type": "webdav", name: value}, {})
    assert (raised.value.code, raised.value.facts) == ("user_in_url", {"option": name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "https://cloud.example/remote.php/dav/files/ada@example.org/"),
        ("url", "cloud.example/files/ada@example.org"),
        ("url", "https://cloud.example:8443/files/ada@example.org/"),
        ("url", "https://[fd00::1]:8443/files/ada@example.org/"),
        ("folder", "//share/ada@example.org"),
        ("user", "ada@example.org"),
        ("known_hosts", "box.example ssh-ed25519 AAAA ada@box"),
        ("folder", "backups of ada@home"),
    ],
)
def test_an_at_sign_elsewhere_is_no_password(name: str, value: str) -> None:
    assert not has_user(name, value)
    assert shown_options({name: value}) == {name: value}


def test_a_secret_that_someone_wrote_into_the_file_is_not_shown() -> None:
    options = {"sas_url": "https://x.example?sig=sesame", "endpoint": "http://a:sesame@b:9000/c"}
    assert shown_options(options) == {"endpoint": "http://b:9000/c"}
