"""Copies in a bucket: interrupted, refused, and answered by what is no S3 at all.

What a service does by the book is asked of SeaweedFS; what it seldom does, of a server that
answers as the documentation of Amazon says.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination, Service
from launcher.offsite.remote import Remote
from launcher.offsite.s3 import open_s3
from launcher.offsite.s3_client import region_of_host
from launcher.offsite.s3_options import endpoint_of
from launcher.offsite.troubles import RemoteError, Trouble
from tests.integration.offsite.conftest import BUCKET
from tests.integration.offsite.places import SITE, FarPlace, failing, file_of, names, no_one, read
from tests.support.certificates import authority, server_context
from tests.support.cutting_proxy import CuttingProxy, cutting
from tests.support.odd_servers import Visit, serving
from tests.support.server import free_port
from tests.support.storage_servers import (
    KEEPER_ID,
    KEEPER_SECRET,
    KEY_ID,
    SECRET,
    StorageServer,
    s3_client,
)

MB = 1 << 20
LARGE = 18 * MB
"""Two parts of 8 MB, and a rest."""

LISTED = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult><Name>copies</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>
<Contents><Key>launcher-site0001/a.json</Key><LastModified>2026-11-29T10:00:00.000Z</LastModified>
<ETag>"x"</ETag><Size>2</Size></Contents></ListBucketResult>"""


def at(url: str, **options: str) -> Destination:
    return Destination(
        "s3", "S3", Service.S3,
        options={"endpoint": url, "bucket": BUCKET} | options,
        secrets={"key_id": KEY_ID, "secret": SECRET},
    )  # fmt: skip


def error(code: str, more: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message>{more}</Error>".encode()


@pytest.fixture
def proxy(bucket: FarPlace, seaweed_server: StorageServer) -> Iterator[CuttingProxy]:
    with cutting(seaweed_server.port) as proxy:
        bucket.destination = replace(
            bucket.destination, options={**bucket.destination.options, "endpoint": proxy.url}
        )
        yield proxy


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return file_of(tmp_path, os.urandom(LARGE))


# --- uploads that are interrupted --------------------------------------------------------


@pytest.mark.parametrize(("cut_after", "parts_kept"), [(MB, 0), (9 * MB, 1), (17 * MB, 2)])
def test_an_upload_that_breaks_off_is_continued_by_the_next_process(
    bucket: FarPlace, proxy: CuttingProxy, large: Path, tmp_path: Path,
    *, cut_after: int, parts_kept: int,
) -> None:  # fmt: skip
    tokens: list[str] = []
    proxy.sent_left = MB
    with failing(Trouble.BROKEN_OFF):
        bucket.open().put("copy.db", large, on_bytes=no_one, on_resume=tokens.append)
    proxy.heal()
    proxy.sent_left = cut_after  # from here on one part after another
    with failing(Trouble.BROKEN_OFF):
        bucket.open().put("copy.db", large, on_bytes=no_one, resume=tokens[0])
    proxy.heal()
    assert names(bucket.open()) == set()

    sent_before = proxy.sent
    heard: list[tuple[int, int]] = []
    bucket.open().put(
        "copy.db", large, on_bytes=lambda *s: heard.append(s), resume=tokens[0],
        on_resume=tokens.append,
    )  # fmt: skip
    assert tokens == [tokens[0]] * 2
    assert heard[-1] == (LARGE, LARGE)
    sent_again = proxy.sent - sent_before
    assert LARGE - parts_kept * 8 * MB <= sent_again < LARGE - parts_kept * 8 * MB + MB
    assert read(bucket.open(), "copy.db", tmp_path) == large.read_bytes()


def test_an_upload_is_continued_only_where_the_bytes_are_the_same(
    bucket: FarPlace, large: Path, tmp_path: Path
) -> None:
    tokens: list[str] = []

    def stop(done: int, _total: int) -> None:
        if done > 9 * MB:
            raise KeyError

    with pytest.raises(KeyError):
        bucket.open().put("copy.db", large, on_bytes=stop, on_resume=tokens.append)
    other = file_of(tmp_path, os.urandom(LARGE), "other")
    bucket.open().put("copy.db", other, on_bytes=no_one, resume=tokens[0])
    assert read(bucket.open(), "copy.db", tmp_path) == other.read_bytes()


def test_an_upload_that_is_not_known_any_more_begins_again_and_none_is_left(
    bucket: FarPlace, large: Path, seaweed_server: StorageServer
) -> None:
    tokens: list[str] = []
    client = s3_client(seaweed_server)
    prefix = f"{bucket.destination.options['folder']}/launcher-{SITE}/"
    left = client.create_multipart_upload(Bucket=BUCKET, Key=f"{prefix}copy.db")["UploadId"]
    other = client.create_multipart_upload(Bucket=BUCKET, Key=f"{prefix}other.db")["UploadId"]
    client.abort_multipart_upload(Bucket=BUCKET, Key=f"{prefix}copy.db", UploadId=left)
    again = client.create_multipart_upload(Bucket=BUCKET, Key=f"{prefix}copy.db")["UploadId"]

    bucket.open().put("copy.db", large, on_bytes=no_one, resume=left, on_resume=tokens.append)

    assert left not in tokens
    assert names(bucket.open()) == {"copy.db"}
    uploads = client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", [])
    assert again not in {each["UploadId"] for each in uploads}
    assert {each["UploadId"] for each in uploads} == {other}  # of another process, a moment ago
    client.close()


def test_a_small_upload_that_breaks_off_leaves_the_object_from_before(
    bucket: FarPlace, proxy: CuttingProxy, tmp_path: Path
) -> None:
    bucket.open().put_bytes("copy.db", b"from before")
    proxy.sent_left = 500_000
    with failing(Trouble.BROKEN_OFF):
        bucket.open().put("copy.db", file_of(tmp_path, bytes(MB)), on_bytes=no_one)
    proxy.heal()
    assert bucket.open().get_bytes("copy.db", limit=100) == b"from before"


def test_a_download_that_breaks_off_leaves_no_file(
    bucket: FarPlace, proxy: CuttingProxy, tmp_path: Path
) -> None:
    bucket.open().put("copy.db", file_of(tmp_path, os.urandom(3 * MB)), on_bytes=no_one)
    proxy.received_left = MB
    with pytest.raises(RemoteError) as caught:
        read(bucket.open(), "copy.db", tmp_path)
    assert caught.value.trouble in {Trouble.BROKEN_OFF, Trouble.CUT_SHORT}
    assert not (tmp_path / "target").exists()


def test_a_file_that_changes_while_it_is_sent_is_not_accepted(
    bucket: FarPlace, tmp_path: Path
) -> None:
    source = file_of(tmp_path, bytes(MB))

    def change(_done: int, _total: int) -> None:
        with source.open("r+b") as file:
            file.seek(500_000)
            file.write(b"changed")

    with failing(Trouble.DIFFERENT):
        bucket.open().put("copy.db", source, on_bytes=change)
    assert names(bucket.open()) == set()


def test_the_limit_of_the_speed_is_kept(bucket: FarPlace, tmp_path: Path) -> None:
    remote = bucket.open(limit_bytes_s=2 * MB)
    source = file_of(tmp_path, bytes(MB))
    for act in (
        lambda: remote.put("copy.db", source, on_bytes=no_one),
        lambda: read(remote, "copy.db", tmp_path),
    ):
        started_at = time.monotonic()
        act()
        assert time.monotonic() - started_at >= 0.4


# --- keys and buckets --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secrets", "options", "trouble", "facts"),
    [
        ({"secret": "another-secret-7j3n"}, {}, Trouble.WRONG_SECRET, {}),
        ({"key_id": "no-such-key"}, {}, Trouble.UNKNOWN_KEY, {}),
        ({}, {"bucket": "no-such-bucket"}, Trouble.NO_BUCKET, {"bucket": "no-such-bucket"}),
    ],
)
def test_a_wrong_key_secret_or_bucket_is_named(
    bucket: FarPlace, caplog: pytest.LogCaptureFixture,
    *, secrets: dict[str, str], options: dict[str, str], trouble: Trouble,
    facts: dict[str, object],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    before = bucket.destination
    destination = replace(
        before, secrets={**before.secrets, **secrets}, options={**before.options, **options}
    )
    remote = open_remote(destination, site=SITE)
    for call in (lambda: list(remote.list()), lambda: remote.put_bytes("copy.json", b"{}")):
        with failing(trouble) as errors:
            call()
        assert errors[0].facts == facts
        assert re.fullmatch(r"40[34] \w+", errors[0].answer)
        assert destination.secrets["secret"] not in f"{errors[0]!r} {errors[0]} {vars(errors[0])}"
        assert errors[0].__suppress_context__
    assert destination.secrets["secret"] not in caplog.text
    remote.close()


def test_a_key_that_may_not_delete_is_denied_that_alone(bucket: FarPlace) -> None:
    keeper = bucket.open(secrets={"key_id": KEEPER_ID, "secret": KEEPER_SECRET})
    keeper.put_bytes("copy.json", b"{}")
    with failing(Trouble.DENIED) as errors:
        keeper.delete("copy.json")
    assert errors[0].facts == {"action": "delete"}
    assert names(keeper) == {"copy.json"}


def test_what_others_put_beside_the_copies_is_listed_by_its_name(
    bucket: FarPlace, seaweed_server: StorageServer
) -> None:
    client = s3_client(seaweed_server)
    key = f"{bucket.destination.options['folder']}/launcher-{SITE}/Fotos von früher/ä + b.txt"
    client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    assert names(bucket.open()) == {"Fotos von früher/ä + b.txt"}
    client.close()


# --- services that are away, or are none -------------------------------------------------


def test_a_service_that_cannot_be_reached_is_named() -> None:
    port = free_port()
    with failing(Trouble.REFUSED) as errors:
        list(open_remote(at(f"http://127.0.0.1:{port}"), site=SITE).list())
    assert errors[0].facts == {"host": f"127.0.0.1:{port}"}
    with failing(Trouble.NAME_NOT_FOUND) as errors:
        list(open_remote(at("http://no-such-host.invalid"), site=SITE).list())
    assert errors[0].facts == {"host": "no-such-host.invalid"}


@pytest.mark.parametrize(
    ("status", "body", "headers", "trouble", "facts"),
    [
        ("503 Slow Down", error("SlowDown"), {"Retry-After": "17"},
         Trouble.BUSY, {"retry_after_s": 17}),
        ("503 Service Unavailable", error("ServiceUnavailable"), {}, Trouble.BUSY, {}),
        ("500 Internal Server Error", error("InternalError"), {}, Trouble.BUSY, {}),
        ("429 Too Many Requests", b"", {"Retry-After": "3"}, Trouble.BUSY, {"retry_after_s": 3}),
        ("429 Too Many Requests", b"", {"Retry-After": "soon"}, Trouble.BUSY, {}),
        ("507 Insufficient Storage", error("XMinioStorageFull"), {}, Trouble.FULL, {}),
        ("403 Forbidden", error("QuotaExceeded"), {}, Trouble.FULL, {}),
        ("403 Forbidden", b"", {}, Trouble.DENIED, {"action": "list"}),
        ("418 I'm a teapot", error("Teapot"), {},
         Trouble.NO_ANSWER_KNOWN, {"detail": "418 Teapot"}),
        ("200 OK", b"<html>Welcome to the router</html>", {},
         Trouble.WRONG_ADDRESS, {"detail": "127.0.0.1"}),
        ("200 OK", gzip.compress(b"<ListBucketResult/>", mtime=0), {"Content-Encoding": "gzip"},
         Trouble.NO_ANSWER_KNOWN, {"detail": "200"}),
        ("200 OK", b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><List>&x;</List>', {},
         Trouble.NO_ANSWER_KNOWN, {"detail": "200"}),
        ("200 OK", b"<ListBucketResult><IsTruncated>fal", {},
         Trouble.NO_ANSWER_KNOWN, {"detail": "200"}),
        ("500 Internal Server Error", b"no XML", {}, Trouble.BUSY, {}),
        ("404 Not Found", b"<!doctype html><p>no</p>", {},
         Trouble.WRONG_ADDRESS, {"detail": "127.0.0.1"}),
    ],
)  # fmt: skip
def test_what_a_service_answers_is_understood(
    *, status: str, body: bytes, headers: dict[str, str], trouble: Trouble,
    facts: dict[str, object],
) -> None:  # fmt: skip
    def answer(visit: Visit) -> None:
        visit.answer(body, status, "application/xml", **headers)

    with serving(answer) as server:
        with failing(trouble) as errors:
            list(open_remote(at(server.url), site=SITE).list())
        assert errors[0].facts == facts
        assert len(server.heads) <= 2  # tried once more at most


def test_a_page_in_place_of_an_answer_is_no_upload(tmp_path: Path) -> None:
    def answer(visit: Visit) -> None:
        visit.answer(b"<html>Please sign in</html>")

    large = file_of(tmp_path, bytes(LARGE))
    with serving(answer) as server:
        remote = open_remote(at(server.url), site=SITE)
        with failing(Trouble.WRONG_ADDRESS):
            remote.put_bytes("copy.json", b"{}")
        with failing(Trouble.WRONG_ADDRESS):
            remote.put("copy.db", large, on_bytes=no_one)


def test_an_answer_that_never_comes_is_given_up() -> None:
    with serving(lambda visit: visit.over.wait()) as server:
        remote = open_s3(at(server.url), site=SITE, silent_s=0.2)
        with failing(Trouble.TIMED_OUT):
            list(remote.list())
        with failing(Trouble.TIMED_OUT):
            remote.put_bytes("copy.json", b"{}")


def test_an_answer_that_comes_byte_by_byte_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Silence alone would let it go on for days; a real bucket is never that slow."""
    monkeypatch.setattr("launcher.offsite.s3_calls._ANSWER_S", 0.3)
    monkeypatch.setattr("launcher.offsite.s3_calls._PIECE_S", 0.3)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n"

    def drip(visit: Visit) -> None:
        in_head = b"delete" in visit.head
        visit.drip(b" " if not in_head else b"X-More: 1\r\n", first=head + b"\r\n" * (not in_head))

    with serving(drip) as server:
        remote = open_remote(at(server.url), site=SITE)
        calls = {
            "list": lambda: list(remote.list()),
            "get": lambda: read(remote, "copy.db", tmp_path),
            "get the start": lambda: remote.get_bytes("copy.json", limit=1000),
            "put": lambda: remote.put_bytes("copy.json", b"{}"),
            "delete, in the headers": lambda: remote.delete("delete.json"),
        }
        for name, call in calls.items():
            with failing(Trouble.TIMED_OUT):
                call()
                pytest.fail(name)
        remote.close()
    assert not (tmp_path / "target").exists()


def test_a_redirect_to_itself_is_followed_a_few_times_only() -> None:
    with serving(lambda visit: visit.answer(status="307 Temporary Redirect")) as server:
        with failing(Trouble.NO_ANSWER_KNOWN) as errors:
            list(open_remote(at(server.url), site=SITE).list())
        assert errors[0].facts == {"detail": "redirects without end"}
        assert len(server.heads) <= 6


def test_a_download_that_stops_in_the_middle_is_given_up(tmp_path: Path) -> None:
    def stall(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000))
        visit.over.wait()

    with serving(stall) as server:
        remote = open_s3(at(server.url), site=SITE, silent_s=0.2)
        with failing(Trouble.TIMED_OUT):
            read(remote, "copy.db", tmp_path)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "AccessDenied", "SignatureDoesNotMatch"])
def test_clocks_that_are_apart_are_measured(code: str) -> None:
    def answer(visit: Visit) -> None:
        there = datetime.now(UTC) + timedelta(minutes=20)
        when = format_datetime(there, usegmt=True)
        visit.answer(error(code), "403 Forbidden", Date=when)

    with serving(answer) as server:
        remote = open_remote(at(server.url), site=SITE)
        assert remote.clock_apart_s() is None
        with failing(Trouble.CLOCK) as errors:
            list(remote.list())
    assert 1100 < int(errors[0].facts["apart_s"]) < 1300
    apart_s = remote.clock_apart_s()
    assert apart_s is not None
    assert 1100 < apart_s < 1300


# --- regions, styles, certificates -------------------------------------------------------


def region_server(visit: Visit) -> None:
    """Know the bucket in one region alone, as Amazon does."""
    if b"/eu-west-1/s3/" in visit.head:
        visit.answer(LISTED, mime="application/xml")
    else:
        body = error("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")
        visit.answer(body, "400 Bad Request", "application/xml")


@pytest.mark.parametrize("region", ["", "us-west-2", "eu-west-1"])
def test_the_service_names_the_region_of_the_bucket(region: str) -> None:
    with serving(region_server) as server:
        remote = open_remote(at(server.url, region=region), site=SITE)
        assert names(remote) == {"a.json"}


def test_a_wrong_region_is_named_where_the_service_does_not_say_the_right_one() -> None:
    body = error("IllegalLocationConstraintException")
    with serving(lambda visit: visit.answer(body, "400 Bad Request")) as server:
        with failing(Trouble.WRONG_REGION) as errors:
            list(open_remote(at(server.url), site=SITE).list())
        assert errors[0].facts == {"region": ""}


@pytest.mark.parametrize(
    ("endpoint", "region"),
    [
        ("https://s3.eu-central-003.backblazeb2.com", "eu-central-003"),
        ("https://s3.fr-par.scw.cloud", "fr-par"),
        ("https://fsn1.your-objectstorage.com", ""),
        ("https://minio.home", ""),
        ("", ""),
    ],
)
def test_the_region_is_read_from_the_endpoint(endpoint: str, region: str) -> None:
    assert region_of_host(endpoint) == region


@pytest.mark.parametrize(
    ("style", "first_line", "host"),
    [
        ("", b"GET /copies?", b"127.0.0.1"),
        ("on", b"GET /copies?", b"127.0.0.1"),
        ("off", b"GET /?", b"copies.localhost"),
    ],
)
def test_the_bucket_is_in_the_path_or_in_the_name_of_the_host(
    *, style: str, first_line: bytes, host: bytes
) -> None:
    with serving(lambda visit: visit.answer(LISTED, mime="application/xml")) as server:
        name = "localhost" if style == "off" else "127.0.0.1"
        remote = open_remote(at(f"http://{name}:{server.port}", path_style=style), site=SITE)
        try:
            names(remote)
        except RemoteError:  # this machine may not know any name below `localhost`
            assert style == "off"
            return
    assert server.heads[0].startswith(first_line)
    assert b"Host: " + host in server.heads[0]


def test_plain_http_behind_https_is_named() -> None:
    with serving(lambda visit: visit.answer(LISTED, mime="application/xml")) as server:
        url = server.url.replace("http:", "https:")
        with failing(Trouble.NO_HTTPS):
            list(open_remote(at(url), site=SITE).list())


def test_a_private_authority_is_trusted_once_it_is_named(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for each in (own, other):
        each.mkdir()
    ca_file = authority(own)
    context = server_context(own)

    def answer(visit: Visit) -> None:
        visit.answer(LISTED, mime="application/xml")

    with serving(answer, tls=context) as server:
        url = server.url.replace("http:", "https:")
        assert names(open_remote(at(url, ca_file=str(ca_file)), site=SITE)) == {"a.json"}
        for options in ({}, {"ca_file": str(authority(other))}):
            with failing(Trouble.CERTIFICATE) as errors:
                list(open_remote(at(url, **options), site=SITE).list())
            assert "certificate" in errors[0].answer
    with serving(answer, tls=server_context(own, expired=True)) as server:
        url = server.url.replace("http:", "https:")
        with failing(Trouble.CERTIFICATE) as errors:
            list(open_remote(at(url, ca_file=str(ca_file)), site=SITE).list())
        assert errors[0].answer == "certificate has expired"


# --- options -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "secrets", "wrong"),
    [
        ({"bucket": ""}, {}, "bucket"),
        ({}, {"key_id": ""}, "key_id"),
        ({}, {"secret": ""}, "secret"),
        ({"endpoint": "ftp://x"}, {}, "endpoint"),
        ({"endpoint": "https://"}, {}, "endpoint"),
        ({"endpoint": "https://user:pass@host"}, {}, "endpoint"),
        ({"endpoint": "https://host:99999"}, {}, "endpoint"),
        ({"ca_file": "/no/such/file.pem"}, {}, "ca_file"),
        ({"region": "not a region"}, {}, "region"),
    ],
)
def test_options_that_are_wrong_are_named(
    options: dict[str, str], secrets: dict[str, str], wrong: str
) -> None:
    destination = at("http://127.0.0.1:1", **options)
    destination = replace(destination, secrets={**destination.secrets, **secrets})
    with failing(Trouble.WRONG_OPTIONS) as errors:
        open_remote(destination, site=SITE)
    assert errors[0].facts == {"option": wrong}


def test_an_endpoint_without_a_scheme_is_encrypted() -> None:
    assert endpoint_of({"endpoint": "s3.example.com/"}) == "https://s3.example.com"
    assert endpoint_of({}) == ""


def test_what_the_environment_says_of_other_accounts_is_not_used(
    bucket: FarPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "no-such-profile", "AWS_ACCESS_KEY_ID": "other",
        "AWS_SECRET_ACCESS_KEY": "other", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_CONFIG_FILE": "/no/such/file", "AWS_DEFAULT_REGION": "mars-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    remote: Remote = bucket.open()
    remote.put_bytes("copy.json", b"{}")
    assert names(remote) == {"copy.json"}


def test_ten_thousand_copies_are_listed_a_thousand_at_a_time() -> None:
    def page(visit: Visit) -> None:
        found = re.search(rb"continuation-token=(\d+)", visit.head)
        start = int(found[1]) if found else 0
        keys = "".join(
            f"<Contents><Key>launcher-{SITE}/{number}.json</Key><Size>2</Size>"
            "<LastModified>2026-11-29T10:00:00.000Z</LastModified></Contents>"
            for number in range(start, start + 1000)
        )
        more = start + 1000 < 10_000
        visit.answer(
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{keys}"
            f"<NextContinuationToken>{start + 1000}</NextContinuationToken>"
            "</ListBucketResult>".encode(),
            mime="application/xml",
        )

    with serving(page) as server:
        remote = open_remote(at(server.url), site=SITE)
        assert names(remote) == {f"{number}.json" for number in range(10_000)}


@pytest.mark.parametrize(
    "answer",
    [
        "<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>",
        "<IsTruncated>true</IsTruncated>",
        "<IsTruncated>false</IsTruncated><Contents><Size>2</Size></Contents>",
    ],
)
def test_a_listing_that_never_ends_or_lacks_a_field_is_given_up(answer: str) -> None:
    def page(visit: Visit) -> None:
        text = f"<ListBucketResult>{answer}</ListBucketResult>"
        visit.answer(text.encode(), mime="application/xml")

    with serving(page) as server:
        with failing(Trouble.NO_ANSWER_KNOWN):
            list(open_remote(at(server.url), site=SITE).list())
        assert len(server.heads) <= 2


def test_an_answer_without_end_is_given_up_and_fills_no_memory(tmp_path: Path) -> None:
    sent = []

    def flood(visit: Visit) -> None:
        status = b"403 Forbidden" if b".db" in visit.head else b"200 OK"
        visit.send(b"HTTP/1.1 " + status + b"\r\n\r\n<ListBucketResult>")
        for _ in range(1000):  # 64 MB are enough
            visit.send(b"<Contents/>  \n" * 4681)
            sent.append(1)

    with serving(flood) as server:
        remote = open_remote(at(server.url), site=SITE)
        for call in (lambda: list(remote.list()), lambda: read(remote, "copy.db", tmp_path)):
            with failing(Trouble.NO_ANSWER_KNOWN) as errors:
                call()
            assert errors[0].facts == {"detail": "an answer without end"}
        assert len(server.heads) == 2  # none was asked for again
        assert len(sent) < 2 * 400
        remote.close()


def test_a_listing_ends_at_its_last_page_and_at_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def page(visit: Visit) -> None:
        found = re.search(rb"continuation-token=(\d+)", visit.head)
        number = int(found[1]) + 1 if found else 1
        text = (
            "<ListBucketResult><IsTruncated>true</IsTruncated>"
            f"<NextContinuationToken>{number}</NextContinuationToken></ListBucketResult>"
        )
        visit.answer(text.encode(), mime="application/xml")

    with serving(page) as server:
        monkeypatch.setattr("launcher.offsite.s3._MOST_PAGES", 3)
        with failing(Trouble.NO_ANSWER_KNOWN) as errors:
            list(open_remote(at(server.url), site=SITE).list())
        assert errors[0].facts == {"detail": "a list without end"}
        monkeypatch.setattr("launcher.offsite.s3._MOST_PAGES", 1 << 30)
        monkeypatch.setattr("launcher.offsite.s3._LIST_S", 0.2)
        with failing(Trouble.TIMED_OUT):
            list(open_remote(at(server.url), site=SITE).list())
