"""The journal: what happened stays readable, whatever happened to the file."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.backup.journal import Journal
from launcher.backup.records.operation import JournalEntry, Outcome, Verb

NOON = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
STOPPED_NS = 1_800_000_000_123_000_000


def entry(number: int, *, error: str = "", **facts: object) -> JournalEntry:
    return JournalEntry(
        operation_id=f"{number:016x}",
        verb=Verb.CREATE,
        by="ada",
        started_at=NOON + timedelta(seconds=number),
        ended_at=NOON + timedelta(seconds=number, milliseconds=500),
        outcome=Outcome.FAILED if error else Outcome.SUCCEEDED,
        backup_id="20261122T170000Z-k3f9q2",
        error_code="internal" if error else "",
        error=error,
        facts=facts,
    )


def numbers(journal: Journal) -> list[int]:
    return [int(found.operation_id, 16) for found in journal.entries()]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def test_it_reads_back_what_happened_newest_first(journal: Journal) -> None:
    written = [
        entry(1, size_bytes=7),
        entry(2, error='no "space"\nleft'),
        entry(3, note="Ночь 夜 🗄️", rows={"note": 3}, removed=["a", "b"], nothing=None),
    ]
    for one in written:
        journal.append(one)
    assert list(journal.entries()) == written[::-1]


def test_before_anything_happened_it_is_empty(journal: Journal) -> None:
    assert journal.is_empty()
    assert list(journal.entries()) == []
    journal.append(entry(1))
    assert not journal.is_empty()


def test_only_its_owner_may_read_it(journal: Journal) -> None:
    journal.append(entry(1))
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_lines_written_by_hand_hold_only_what_can_be_shown(journal: Journal) -> None:
    journal.append(entry(1, took_s={"copy": 1, "check": 0.5}))
    good = journal.path.read_text().strip()
    for old, new in [
        ('"ada"', r'"\ud800"'),
        ('"copy": 1', '"copy": ' + "9" * 400),
        ('"copy": 1', '"copy": NaN'),
        ('"copy": 1', '"copy": 1e999'),
        ('"copy": 1', '"copy": "soon"'),
        ('"copy"', '"size_bytes": 1' + "0" * 400 + ', "copy"'),
    ]:
        assert old in good
        with journal.path.open("a") as file:
            file.write(good.replace(old, new) + "\n")
    soon, surrogate, first = journal.entries()
    assert (soon.took_s, surrogate.by, first.by) == ({}, "?", "ada")
    assert first.took_s == {"copy": 1.0, "check": 0.5}


def test_a_folder_in_its_place_is_an_empty_journal(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.path.mkdir()
    assert list(journal.entries()) == []
    assert not journal.is_empty()  # there was something here
    assert "cannot be read" in caplog.text
    with pytest.raises(OSError, match="directory"):
        journal.append(entry(1))


@pytest.mark.parametrize("keep", [1, 5, 40, -1])
def test_a_torn_last_line_hides_no_other(journal: Journal, keep: int) -> None:
    for number in (1, 2):
        journal.append(entry(number))
    whole = journal.path.read_bytes()
    torn = whole.splitlines(keepends=True)[1][:keep]
    journal.path.write_bytes(whole + torn)
    assert 1 in numbers(journal)
    journal.append(entry(3))
    assert [n for n in numbers(journal) if n != 2] == [3, 1]
    assert numbers(journal)[-2:] == [2, 1]


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"garbage", b"{}", b"null", b"[1, 2]", b"\xff\xfe\x00\x01", b"\x00" * 300_000,
        b"[" * 100_000, b'{"operation_id": "x"}', b"9" * 9999,
        json.dumps({"operation_id": "1", "verb": "dance", "by": "", "started_at": "", "facts": {}})
        .encode(),
        b'{"operation_id":"9","verb":"create","by":"a","started_at":"2026-11-22T17:00:00",'
        b'"ended_at":"2026-11-22T17:00:00","outcome":"succeeded","backup_id":"","error_code":"",'
        b'"error":"","facts":{}}',
        b'{"operation_id":"9","verb":"create","by":"a","started_at":"2026-11-22T17:00:00Z",'
        b'"ended_at":"2026-11-22T17:00:00Z","outcome":"succeeded","backup_id":"","error_code":"",'
        b'"error":"","facts":[]}',
    ],
)  # fmt: skip
def test_a_garbage_line_hides_no_other(journal: Journal, garbage: bytes) -> None:
    journal.append(entry(1))
    with journal.path.open("ab") as file:
        file.write(garbage + b"\n")
    journal.append(entry(2))
    assert numbers(journal) == [2, 1]


def test_it_never_grows_beyond_its_bound(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", max_bytes=4000)
    for number in range(200):
        journal.append(entry(number, error="e" * (number * 7 % 300)))
        assert journal.path.stat().st_size <= 4000
        assert numbers(journal)[0] == number
    kept = numbers(journal)
    assert kept == list(range(199, 199 - len(kept), -1))
    assert len(kept) >= 3


def test_the_last_restore_outlives_any_number_of_other_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", max_bytes=4000)
    restore = replace(entry(0, safety_id="s"), verb=Verb.RESTORE)
    for number in range(3):
        journal.append(replace(restore, operation_id=f"{number:016x}"))
    journal.append(replace(restore, operation_id=f"{3:016x}", outcome=Outcome.FAILED))
    for number in range(4, 200):
        journal.append(entry(number))
        assert journal.path.stat().st_size <= 4000
    kept = numbers(journal)
    assert kept[-2:] == [3, 2]
    assert kept[:-2] == list(range(199, 199 - len(kept) + 2, -1))


def test_the_last_restore_is_found_in_a_file_that_is_far_too_long(tmp_path: Path) -> None:
    """One that an earlier version, or a person, let grow."""
    path = tmp_path / "journal.jsonl"
    long = Journal(path)
    restore = replace(entry(0, safety_id="s"), verb=Verb.RESTORE)
    for number in range(3):
        long.append(replace(restore, operation_id=f"{number:016x}"))
    long.append(replace(restore, operation_id=f"{3:016x}", outcome=Outcome.FAILED))
    for number in range(4, 200):
        long.append(entry(number))
    journal = Journal(path, max_bytes=4000)
    assert path.stat().st_size > 8000
    kept = numbers(journal)
    assert kept[-2:] == [3, 2]
    assert kept[:-2] == list(range(199, 199 - len(kept) + 2, -1))
    journal.append(entry(200))
    assert path.stat().st_size <= 4000
    assert numbers(journal)[-2:] == [3, 2]


def test_one_enormous_line_does_not_break_the_bound(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", max_bytes=4000)
    journal.append(entry(1))
    journal.append(entry(2, error="e" * 5000, removed=["x" * 23] * 500))
    assert journal.path.stat().st_size <= 4000
    assert numbers(journal)[0] == 2
    assert 1 in numbers(journal)


def test_a_journal_full_of_garbage_is_cut_to_its_bound(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", max_bytes=4000)
    journal.path.write_bytes(b"\x00" * 9000)
    journal.append(entry(1))
    assert numbers(journal) == [1]
    assert journal.path.stat().st_size <= 4000


def test_it_leaves_nothing_but_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", max_bytes=2000)
    for number in range(50):
        journal.append(entry(number))
    assert os.listdir(tmp_path) == ["journal.jsonl"]


def test_a_name_that_is_not_text_is_written_readably(journal: Journal) -> None:
    journal.append(entry(1, source=b"caf\xe9.db".decode(errors="surrogateescape")))
    [found] = journal.entries()
    assert str(found.facts["source"]).encode() == b"caf?.db"


def test_a_reader_beside_a_writer_sees_whole_lines_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    seen: list[list[int]] = []
    ended = threading.Event()

    def read() -> None:
        while not (ended.is_set() and any(seen)):
            seen.append(numbers(Journal(path, max_bytes=6000)))

    reader = threading.Thread(target=read)
    reader.start()
    journal = Journal(path, max_bytes=6000)
    for number in range(150):
        journal.append(entry(number))
    ended.set()
    reader.join()
    for found in seen:
        assert found == list(range(found[0], found[-1] - 1, -1)) if found else True


def test_it_never_follows_a_link(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.symlink_to(other)
    with pytest.raises(OSError, match="symbolic"):
        journal.append(entry(1))
    assert other.read_bytes() == b""


# --- read again only when it must be -------------------------------------------------------


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file's times count at once."""
    monkeypatch.setattr("launcher.backup.journal.is_settled", lambda _fingerprint: True)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the list of all that is parsed from now on."""
    seen: list[object] = []
    loads = json.loads

    def counted(line: bytes) -> object:
        seen.append(line)
        return loads(line)

    monkeypatch.setattr(json, "loads", counted)
    return seen


def test_a_line_is_parsed_once(journal: Journal, settled: None, parsed: list[object]) -> None:
    for number in (1, 2, 3):
        journal.append(entry(number))
    assert numbers(journal) == numbers(journal) == [3, 2, 1]
    lines = [line for line in parsed if line]
    assert len(lines) == 3
    journal.append(entry(4))
    assert numbers(journal) == [4, 3, 2, 1]
    assert len([line for line in parsed if line]) == 4


def test_who_wants_the_newest_parses_no_more(journal: Journal, parsed: list[object]) -> None:
    for number in range(50):
        journal.append(entry(number))
    assert next(journal.entries()) == entry(49)
    assert len([line for line in parsed if line]) == 1


def test_what_another_process_writes_is_read_at_once(journal: Journal, settled: None) -> None:
    other = Journal(journal.path)
    for number in range(5):
        other.append(entry(number))
        assert numbers(journal)[0] == number
    journal.path.unlink()
    assert numbers(journal) == []
    other.append(entry(9))
    assert numbers(journal) == [9]


def test_a_journal_rewritten_in_place_is_read_again(journal: Journal, settled: None) -> None:
    journal.append(entry(1))
    assert numbers(journal) == [1]
    facts = journal.path.stat()
    journal.path.write_bytes(journal.path.read_bytes().replace(b"0001", b"0007"))
    os.utime(journal.path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert numbers(journal) == [7]


def test_two_changes_within_one_step_of_the_clock_are_both_seen(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "launcher.backup.journal.fingerprint_of", lambda _facts: (1, 9999, 0, STOPPED_NS)
    )
    monkeypatch.setattr("time.time_ns", lambda: STOPPED_NS + 1_000_000)
    for number in (1, 2, 3):
        journal.append(entry(number))
        assert numbers(journal)[0] == number
