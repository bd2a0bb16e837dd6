"""Copies in a bucket that fills up, that keeps versions, and whose connection breaks anywhere.

Of a real SeaweedFS: only a service knows what it makes of parts, versions and locks.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from launcher.offsite.s3 import open_s3
from launcher.offsite.troubles import RemoteError, Trouble
from tests.integration.offsite.places import SITE, FarPlace, failing, file_of, names, no_one, read
from tests.support.cutting_proxy import cutting
from tests.support.storage_servers import StorageServer, s3_client

MB = 1 << 20
LARGE = 18 * MB
"""Two parts of 8 MB, and a rest."""


class _Raw(io.BytesIO):
    status = 507

    def stream(self, **_more: object) -> list[bytes]:
        return [self.read()]


def test_a_bucket_that_is_full_in_the_middle_keeps_what_came(
    bucket: FarPlace, tmp_path: Path
) -> None:
    large = file_of(tmp_path, os.urandom(LARGE))
    remote, tokens, sent = open_s3(bucket.destination, site=SITE, silent_s=30), list[str](), []

    def refuse(request: AWSPreparedRequest, **_more: object) -> AWSResponse | None:
        if "partNumber=1" in request.url:
            sent.append(1)
            return None
        body = b"<Error><Code>XMinioStorageFull</Code><Message>full</Message></Error>"
        return AWSResponse(request.url, 507, {}, _Raw(body))

    remote._calls._client.meta.events.register("before-send.s3.UploadPart", refuse)
    with failing(Trouble.FULL):
        remote.put("copy.db", large, on_bytes=no_one, on_resume=tokens.append)
    assert sent
    assert names(bucket.open()) == set()

    bucket.open().put("copy.db", large, on_bytes=no_one, resume=tokens[0])
    assert read(bucket.open(), "copy.db", tmp_path) == large.read_bytes()


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_bucket_with_versions_and_one_with_a_lock_are_as_any_other(
    seaweed_server: StorageServer, bucket: FarPlace, tmp_path: Path, *, is_locked: bool
) -> None:
    """What is deleted there is no copy any more; the service keeps its older versions."""
    name, client = f"versions-{str(is_locked).lower()}", s3_client(seaweed_server)
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=is_locked)
    if is_locked:
        rule: dict[str, Any] = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
        wanted = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=wanted)
    else:
        versions = {"Status": "Enabled"}
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration=versions)
    options = {**bucket.destination.options, "bucket": name}
    place = open_s3(replace(bucket.destination, options=options), site=SITE, silent_s=30)
    large = file_of(tmp_path, os.urandom(LARGE))

    place.put("copy.db", large, on_bytes=no_one)
    place.put_bytes("copy.json", b"{1}")
    place.put_bytes("copy.json", b"{22}")
    assert names(place) == {"copy.db", "copy.json"}
    assert place.get_bytes("copy.json", limit=99) == b"{22}"
    assert read(place, "copy.db", tmp_path) == large.read_bytes()
    place.delete("copy.json")
    assert names(place) == {"copy.db"}
    with failing(Trouble.NOT_THERE):
        place.get_bytes("copy.json", limit=99)
    assert len(client.list_object_versions(Bucket=name)["Versions"]) == 3
    place.put_bytes("copy.json", b"{333}")
    assert place.get_bytes("copy.json", limit=99) == b"{333}"
    place.close()
    client.close()


@pytest.mark.slow
@pytest.mark.parametrize("cut_after", range(0, LARGE, MB))
def test_a_connection_cut_at_any_megabyte_leaves_no_object_and_is_caught_up(
    bucket: FarPlace, seaweed_server: StorageServer, tmp_path: Path, cut_after: int
) -> None:
    large, tokens = file_of(tmp_path, os.urandom(LARGE)), list[str]()
    with cutting(seaweed_server.port) as proxy:
        options = {**bucket.destination.options, "endpoint": proxy.url}
        destination = replace(bucket.destination, options=options)
        proxy.sent_left = cut_after
        with pytest.raises(RemoteError) as caught:
            open_s3(destination, site=SITE, silent_s=30).put(
                "copy.db", large, on_bytes=no_one, on_resume=tokens.append
            )
        assert caught.value.trouble in {Trouble.BROKEN_OFF, Trouble.REFUSED}
        proxy.heal()
        remote = open_s3(destination, site=SITE, silent_s=30)
        assert names(remote) == set()
        remote.put("copy.db", large, on_bytes=no_one, resume=tokens[-1] if tokens else "")

        proxy.received_left = cut_after
        with pytest.raises(RemoteError):
            read(remote, "copy.db", tmp_path)
        assert not (tmp_path / "target").exists()
        proxy.heal()
        assert read(remote, "copy.db", tmp_path) == large.read_bytes()
