"""What every adapter promises (`launcher/offsite/remote.py`), against its real service."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from launcher.offsite.troubles import Trouble
from tests.integration.offsite.places import FarPlace, failing, file_of, names, no_one, read


class StoppedError(Exception):
    """Raised by who hears of progress, as where the process is asked to end."""


def test_what_was_put_there_is_listed_read_back_and_deleted(far: FarPlace, tmp_path: Path) -> None:
    remote, content = far.open(), os.urandom(300_000)
    heard: list[tuple[int, int]] = []
    source = file_of(tmp_path, content)
    remote.put("copy.db.zst.age", source, on_bytes=lambda *s: heard.append(s))
    remote.put_bytes("copy.json", b"{}")

    listed = {each.name: each for each in remote.list()}
    assert {name: each.size_bytes for name, each in listed.items()} == {
        "copy.db.zst.age": 300_000, "copy.json": 2,
    }  # fmt: skip
    when = listed["copy.json"].modified_at
    assert when is None or abs(datetime.now(UTC) - when) < timedelta(minutes=10)
    assert heard[-1] == (300_000, 300_000)
    assert heard == sorted(heard)

    heard.clear()
    assert read(remote, "copy.db.zst.age", tmp_path, lambda *s: heard.append(s)) == content
    assert heard[-1] == (300_000, 300_000)
    assert remote.get_bytes("copy.db.zst.age", limit=10) == content[:10]
    assert remote.get_bytes("copy.json", limit=1 << 20) == b"{}"

    remote.delete("copy.db.zst.age")
    assert names(remote) == {"copy.json"}


def test_a_second_object_of_a_name_replaces_the_first(far: FarPlace, tmp_path: Path) -> None:
    remote = far.open()
    remote.put_bytes("copy.json", b"the first, which is longer")
    remote.put("copy.json", file_of(tmp_path, b"the second"), on_bytes=no_one)
    assert read(remote, "copy.json", tmp_path) == b"the second"
    assert names(remote) == {"copy.json"}


def test_an_empty_object_is_one(far: FarPlace, tmp_path: Path) -> None:
    remote = far.open()
    remote.put("empty", file_of(tmp_path, b""), on_bytes=no_one)
    assert [(each.name, each.size_bytes) for each in remote.list()] == [("empty", 0)]
    assert read(remote, "empty", tmp_path) == b""
    assert remote.get_bytes("empty", limit=10) == b""


def test_where_nothing_was_put_nothing_is_listed(far: FarPlace) -> None:
    remote = far.open()
    assert names(remote) == set()
    assert names(remote, "old") == set()
    assert list(remote.list_sites()) == []


def test_what_is_not_there_is_said_to_be_so(far: FarPlace, tmp_path: Path) -> None:
    remote = far.open()
    remote.put_bytes("other", b"x")
    with failing(Trouble.NOT_THERE) as errors:
        read(remote, "missing.db", tmp_path)
    assert errors[0].facts == {"name": "missing.db"}
    assert not (tmp_path / "target").exists()
    with failing(Trouble.NOT_THERE):
        remote.get_bytes("missing.db", limit=10)
    with failing(Trouble.NOT_THERE):
        remote.get_bytes("nowhere/missing.db", limit=10)
    remote.delete("missing.db")
    remote.delete("nowhere/missing.db")


def test_two_sites_share_a_place_and_see_only_their_own(far: FarPlace) -> None:
    one, two, place = far.open("one00000"), far.open("two00000"), far.open("")
    one.put_bytes("a.json", b"1")
    two.put_bytes("b.json", b"2")
    assert (names(one), names(two)) == ({"a.json"}, {"b.json"})
    assert set(one.list_sites()) == set(place.list_sites()) == {"one00000", "two00000"}
    assert names(place) == {"launcher-one00000/a.json", "launcher-two00000/b.json"}
    assert names(place, "launcher-one00000") == {"launcher-one00000/a.json"}
    one.delete("b.json")
    assert names(two) == {"b.json"}


def test_many_objects_are_all_listed(far: FarPlace) -> None:
    remote = far.open()
    wanted = {f"copy-{number:05}.json" for number in range(far.many)}
    for name in wanted:
        remote.put_bytes(name, b"{}")
    assert names(remote) == wanted


def test_a_name_that_not_every_service_keeps_is_refused(far: FarPlace) -> None:
    remote = far.open()
    for name in ("", "../up", "a/../b", "/root", "umlaut-ä", "a b", ".hidden", "a//b", "a\nb"):
        for call in (
            partial(remote.put_bytes, name, b"x"),
            partial(remote.get_bytes, name, limit=1),
            partial(remote.delete, name),
        ):
            with pytest.raises(ValueError, match="not a name"):
                call()


def test_an_upload_that_is_stopped_leaves_no_object(far: FarPlace, tmp_path: Path) -> None:
    remote = far.open()
    remote.put_bytes("copy.json", b"from before")
    source = file_of(tmp_path, os.urandom(3_000_000))

    def stop(_done: int, _total: int) -> None:
        raise StoppedError

    for name in ("copy.json", "new.db"):
        with pytest.raises(StoppedError):
            remote.put(name, source, on_bytes=stop)
    assert names(remote) <= {"copy.json"}
    assert remote.get_bytes("copy.json", limit=100) == b"from before"
    with pytest.raises(StoppedError):
        read(remote, "copy.json", tmp_path, stop)
    assert not (tmp_path / "target").exists()
    remote.put("new.db", source, on_bytes=no_one)
    assert read(remote, "new.db", tmp_path) == source.read_bytes()


def test_a_target_that_exists_is_not_overwritten(far: FarPlace, tmp_path: Path) -> None:
    remote = far.open()
    remote.put_bytes("copy.json", b"{}")
    target = file_of(tmp_path, b"mine", "target")
    with pytest.raises(FileExistsError):
        remote.get("copy.json", target, on_bytes=no_one)
    assert target.read_bytes() == b"mine"
