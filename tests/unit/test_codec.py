"""Records as JSON and back, and the files that were written before there was one codec."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NewType

import pytest

from launcher.background import data_files
from launcher.background.data_files import upgrade_data_files
from launcher.backup.codec import DecodeError, decode, encode, parse, try_decode
from launcher.backup.journal import Journal
from launcher.backup.manifest import read_manifest, write_manifest
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import BackupId
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.slots import Claim, Slots
from launcher.config import read_config
from launcher.jobs.history import Book, Record, Run, RunOutcome
from launcher.monitoring.problems import ProblemKind, Severity
from launcher.notifications.alerts import Alert, Alerts
from launcher.notifications.memory import DeliveryState, read_memory
from launcher.notifications.recipients import (
    Event,
    Heartbeat,
    NotificationSettings,
    Recipient,
    RecipientError,
    read_notification_settings,
    set_public_url,
)
from launcher.notifications.sender import Message

NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
BoxId = NewType("BoxId", str)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Lid:
    width: float
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Box:
    id: BoxId
    count: int = field(metadata={"key": "how_many"})
    is_open: bool = False
    lid: Lid | None = None
    colours: tuple[Colour, ...] = ()
    marks: frozenset[Colour] = frozenset()
    sizes: Mapping[Colour, int] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)


FULL = Box(
    BoxId("a"),
    3,
    is_open=True,
    lid=Lid(0.5, NOON),
    colours=(Colour.BLUE, Colour.RED),
    marks=frozenset(Colour),
    sizes={Colour.RED: 2},
    facts={"any": [1, {"thing": None}]},
)
FACTS = {
    "id": "a",
    "how_many": 3,
    "is_open": True,
    "lid": {"width": 0.5, "at": "2026-11-22T12:00:00.250Z"},
    "colours": ["blue", "red"],
    "marks": ["blue", "red"],
    "sizes": {"red": 2},
    "facts": {"any": [1, {"thing": None}]},
}


@pytest.mark.parametrize("box", [FULL, Box(BoxId(""), 0), Box(BoxId("b"), 1, lid=Lid(2.0))])
def test_it_reads_back_what_was_written(box: Box) -> None:
    assert decode(Box, parse(json.dumps(encode(box)))) == box


def test_what_is_written_is_plain_json() -> None:
    assert encode(FULL) == FACTS
    assert encode(
        {Colour.RED: Path("/a"), "at": NOON.astimezone(timezone(timedelta(hours=2)))}
    ) == {
        "red": "/a",
        "at": "2026-11-22T12:00:00.250Z",
    }


def test_a_missing_field_has_its_default_and_an_unknown_key_is_ignored() -> None:
    assert decode(Box, {"id": "a", "how_many": 1, "new": 7}) == Box(BoxId("a"), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 7}, "id: int in place of str"),
        ({"id": None}, "id: NoneType in place of str"),
        ({"how_many": "3"}, "how_many: str in place of int"),
        ({"how_many": True}, "how_many: bool in place of int"),
        ({"how_many": 3.0}, "how_many: float in place of int"),
        ({"is_open": 1}, "is_open: int in place of bool"),
        ({"lid": []}, "lid: list in place of dict"),
        ({"lid": {}}, "lid.width: missing"),
        ({"lid": {"width": False}}, "lid.width: bool in place of int"),
        ({"lid": {"width": 1, "at": "soon"}}, "lid.at: not a time in ISO 8601"),
        ({"lid": {"width": 1, "at": 7}}, "lid.at: int in place of str"),
        ({"lid": {"width": 1, "at": "2026-11-22T12:00:00"}}, "lid.at: a time without a zone"),
        ({"lid": {"width": 1, "at": "0001-01-01T00:00:00+23:59"}}, "lid.at: .*beyond reason"),
        ({"lid": {"width": 1, "at": "9999-12-31T23:59:59-01:00"}}, "lid.at: .*beyond reason"),
        ({"colours": "red"}, "colours: str in place of list"),
        ({"colours": ["green"]}, "colours: not one of red, blue"),
        ({"marks": [["red"]]}, "marks: list in place of str"),
        ({"sizes": {"green": 1}}, "sizes: not one of"),
        ({"sizes": {"red": "1"}}, "sizes: str in place of int"),
        ({"facts": []}, "facts: list in place of dict"),
        ({"how_many": 2**63}, "how_many: a number of more than 64 bits"),
        ({"lid": {"width": 10**400}}, "lid.width: a number of more than 64 bits"),
        ({"lid": {"width": float("nan")}}, "lid.width: a number that is not finite"),
        ({"facts": {"size_bytes": -(10**400)}}, "facts: a number of more than 64 bits"),
        ({"facts": {"took_s": [{"copy": float("inf")}]}}, "facts: a number that is not finite"),
        ({"facts": {"deep": parse("[" * 900 + "]" * 900)}}, "facts: nested too deeply"),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(DecodeError, match=f"^{message}"):
        decode(Box, FACTS | change)
    assert try_decode(Box, FACTS | change) is None


def test_text_that_is_no_unicode_is_made_readable() -> None:
    read = decode(Box, FACTS | {"id": "\ud800a", "facts": {"\udcff": ["Ночь \udfff"]}})
    assert (read.id, read.facts) == ("?a", {"?": ["Ночь ?"]})


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 9999, "\udce4{"])
def test_what_is_not_json_is_refused(data: bytes | str) -> None:
    with pytest.raises(DecodeError, match="not JSON"):
        parse(data)


# --- files of before ---------------------------------------------------------------------

MANIFEST = """\
{
  "format": 1,
  "id": "20261122T170000Z-k3f9q2",
  "kind": "manual",
  "created_at": "2026-11-22T17:00:00.250Z",
  "created_by": "ada",
  "note": "vor dem Umzug · Ночь",
  "protected": true,
  "app_version": "1.4.0",
  "schema_revision": "0003",
  "sqlite_version": "3.40.1",
  "database": {
    "size_bytes": 8192,
    "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "page_size": 4096
  },
  "file": {
    "name": "launcher-20261122T170000Z-k3f9q2.db.zst",
    "size_bytes": 512,
    "sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "encoding": "zstd"
  },
  "contents": {
    "note": 20,
    "person": 2
  },
  "verification": {
    "state": "damaged",
    "at": "2026-11-22T17:00:00.250Z",
    "error": "cut off"
  },
  "seal": "b39eb59cb298737d064ed229c570a708236716ee1b9390cff9818156fb6361a1"
}
"""


def test_a_manifest_of_before_is_read_and_written_again() -> None:
    at = datetime(2026, 11, 22, 17, 0, 0, 250_000, tzinfo=UTC)
    found = read_manifest(MANIFEST.encode())
    assert found == Backup(
        id=BackupId("20261122T170000Z-k3f9q2"),
        kind=Kind.MANUAL,
        created_at=at,
        created_by="ada",
        note="vor dem Umzug · Ночь",
        protected=True,
        app_version="1.4.0",
        schema_revision="0003",
        sqlite_version="3.40.1",
        database=DatabaseFacts(8192, "a" * 64, 4096),
        file=StoredFile("launcher-20261122T170000Z-k3f9q2.db.zst", 512, "b" * 64, Encoding.ZSTD),
        contents={"note": 20, "person": 2},
        verification=Verification(State.DAMAGED, at, "cut off"),
    )
    assert str(found.verification.fault) == "cut off"
    assert read_manifest(write_manifest(found)) == found


def test_a_journal_of_before_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(
        '{"operation_id": "0000000000000000", "verb": "restore", "by": "ada", "started_at":'
        ' "2026-11-22T12:00:00.250+00:00", "ended_at": "2026-11-22T12:00:00.250+00:00", "outcome":'
        ' "succeeded", "backup_id": "20261122T170000Z-k3f9q2", "error_code": "", "error": "",'
        ' "facts": {"safety_id": "20261122T170001Z-aaaaaa", "rows": {"note": 20},'
        ' "took_s": {"unpack": 0.5}}}\n'
        '{"operation_id": "1111111111111111", "verb": "create", "by": "ben", "started_at":'
        ' "2026-11-22T12:00:00.250+00:00", "ended_at": "2026-11-22T12:00:00.250+00:00", "outcome":'
        ' "failed", "backup_id": "", "error_code": "insufficient_space", "error": "könnte nicht",'
        ' "facts": {"kind": "scheduled", "stage": null}}\n'
    )
    failed, restored = Journal(path).entries()
    assert restored.has_replaced_data
    assert restored.facts["took_s"] == {"unpack": 0.5}
    assert failed == JournalEntry(
        "1" * 16, Verb.CREATE, "ben", NOON, NOON, Outcome.FAILED,
        error_code="insufficient_space", error="könnte nicht",
        facts={"kind": "scheduled", "stage": None},
    )  # fmt: skip


CLAIM = (
    '{"last_slot": "2026-11-22T12:00:00+00:00", "at": "2026-11-22T12:00:00.250000+00:00",'
    ' "attempts": 2, "is_done": true,'
    ' "used": ["2026-11-21T12:00:00+00:00", "2026-11-22T12:00:00+00:00"]}'
)


def test_a_claim_of_before_is_read(tmp_path: Path) -> None:
    slot = NOON.replace(microsecond=0)
    path = tmp_path / "schedule.json"
    path.write_text(CLAIM)
    claim = Claim(slot, NOON, 2, is_done=True)
    assert Slots(path).last() == claim
    Slots(path).keep(replace(claim, earlier=(slot,)))
    assert Slots(path).last() == replace(claim, earlier=(slot,))


def test_a_history_of_jobs_of_before_is_read(tmp_path: Path) -> None:
    (tmp_path / "jobs.json").write_text(
        '{"scrub": {"schedule": "30 4 * * * UTC", "since": "2026-11-22T12:00:00.250000+00:00",'
        f' "claim": {CLAIM}, "runs": [{{"id": "8ef509733e4e72e1", "by": "schedule",'
        ' "started_at": "2026-11-22T12:00:00.250000+00:00",'
        ' "ended_at": "2026-11-22T12:00:00.250000+00:00", "outcome": "partly", "error": "no",'
        ' "error_code": "insufficient_space",'
        ' "facts": {"verified": 1, "slot": "2026-11-22T12:00:00.250000+00:00"}}]},'
        ' "backup": {"schedule": "", "runs": [{"id": "87a51459f7b1f99d", "by": "ada",'
        ' "started_at": "2026-11-22T12:00:00.250000+00:00", "ended_at": null, "outcome": null,'
        ' "error": "", "error_code": "", "facts": {}}]}}'
    )
    book = Book(tmp_path)
    assert book.record("backup") == Record(runs=(Run("87a51459f7b1f99d", "ada", NOON),))
    scrub = book.record("scrub")
    assert (scrub.schedule, scrub.since) == ("30 4 * * * UTC", NOON)
    assert scrub.claim == decode(Claim, parse(CLAIM))
    [run] = scrub.runs
    assert (run.ended_at, run.outcome, run.error) == (NOON, RunOutcome.PARTLY, "no")
    assert run.slot == NOON


@pytest.mark.parametrize(
    "facts", [{"runs": 7}, {"since": "often", "claim": 3}, {"runs": [7, {}, {"id": "x"}]}, [], 7]
)
def test_what_cannot_be_read_of_a_job_costs_only_that(tmp_path: Path, facts: object) -> None:
    kept = {"runs": [{"id": "a", "by": "ada", "started_at": "2026-11-22T12:00:00.250Z"}]}
    (tmp_path / "jobs.json").write_text(json.dumps({"scrub": facts, "backup": kept}))
    book = Book(tmp_path)
    assert book.record("scrub") == Record()
    assert book.record("backup").runs == (Run("a", "ada", NOON),)


ALARMS = """\
{"number": 1, "alarms": {"open": [{"concern": "damaged", "seen_at":
"2026-11-22T12:00:00.250000+00:00", "since": "2026-11-22T12:00:00.250000+00:00", "told_at":
"2026-11-22T12:00:00.250000+00:00", "told_tone": "bad", "told_of": ["20261122T170000Z-k3f9q2"],
"gone_at": null}, {"concern": "low_space", "seen_at": "2026-11-22T12:00:00.250000+00:00", "since":
null, "told_at": null, "told_tone": null, "told_of": [], "gone_at":
"2026-11-22T12:00:00.250000+00:00"}, {"concern": "of_another_version"}], "excused":
"ffffffffffffffff"}, "lines": {"a1": {"mark": "01234567", "waiting": [{"title": "t", "body": "b",
"mood": "failure"}], "attempts": 3, "failed_since": "2026-11-22T12:00:00.250000+00:00", "failed_at":
"2026-11-22T12:00:00.250000+00:00", "reason": "answered", "status": 503, "next_try_at":
"2026-11-22T12:00:00.250000+00:00", "told_at": null}, "a2": {"attempts": "many"}}, "seen":
"0000000000000000", "rules": {"is_scheduled": false, "cron_expression": "0 3 * * *",
"stale_after_h": 30, "keep_count": 10, "keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0,
"rehearsal": "off", "zone_name": "UTC", "language": "en", "site_name": "Ada's"}}
"""


def test_alerts_of_before_are_read(tmp_path: Path) -> None:
    (tmp_path / "alarms.json").write_text(ALARMS)
    upgrade_data_files(tmp_path)
    assert not (tmp_path / "alarms.json").exists()
    memory = read_memory(read_config({"LAUNCHER_DATA_DIR": str(tmp_path)}))
    assert memory.alerts == Alerts(
        {
            ProblemKind.DAMAGED: Alert(
                ProblemKind.DAMAGED, NOON, NOON, NOON, Severity.BAD, ("20261122T170000Z-k3f9q2",)
            ),
            ProblemKind.LOW_SPACE: Alert(ProblemKind.LOW_SPACE, NOON, gone_at=NOON),
        },
        acknowledged="f" * 16,
    )
    message = Message("t", "b", "failure")
    assert memory.deliveries == {
        "a1": DeliveryState("01234567", (message,), 3, NOON, NOON, "answered", 503, NOON, None)
    }
    assert memory.seen == "0" * 16
    assert memory.settings is not None
    assert memory.settings.site_name == "Ada's"


NOTICES = """\
{
  "targets": [
    {
      "id": "a1",
      "name": "phone",
      "events": [
        "failure",
        "recovery"
      ],
      "shown_url": "ntfy://…",
      "url": "ntfy://secret"
    }
  ],
  "heartbeat": {
    "shown_url": "https://hc/…",
    "url": "https://hc/x",
    "tells_start": true
  },
  "public_url": "https://home.example"
}
"""


def test_recipients_of_before_are_read_and_written_under_new_names(tmp_path: Path) -> None:
    config = read_config({"LAUNCHER_DATA_DIR": str(tmp_path)})
    config.lock_dir.mkdir()
    (tmp_path / "notices.json").write_text(NOTICES)
    upgrade_data_files(tmp_path)
    assert not (tmp_path / "notices.json").exists()
    assert read_notification_settings(config) == NotificationSettings(
        (
            Recipient(
                "a1",
                "phone",
                frozenset({Event.FAILURE, Event.RECOVERY}),
                "ntfy://…",
                "ntfy://secret",
            ),
        ),
        Heartbeat("https://hc/…", "https://hc/x", pings_start=True),
        "https://home.example",
    )
    set_public_url(config, "https://home.example")
    today = NOTICES.replace("targets", "recipients").replace("tells_start", "pings_start")
    today = today.replace('"ntfy://secret"', '"ntfy://secret",\n      "language": ""')
    assert (tmp_path / "notifications.json").read_text() == today


@pytest.mark.parametrize("text", ["{}", "[]", NOTICES.replace("recovery", "sunshine")])
def test_addresses_that_are_not_all_there_are_an_error(tmp_path: Path, text: str) -> None:
    config = read_config({"LAUNCHER_DATA_DIR": str(tmp_path)})
    (tmp_path / "notices.json").write_text(text)
    upgrade_data_files(tmp_path)
    with pytest.raises(RecipientError, match="cannot be read"):
        read_notification_settings(config)


def test_a_broken_file_of_before_is_renamed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notices.json").write_text(NOTICES[:-9])
    upgrade_data_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notifications.json"]
    assert (tmp_path / "notifications.json").read_text() == NOTICES[:-9]


NESTED = "[" * 900 + '"put_off"' + "]" * 900


@pytest.mark.parametrize("name", ["notices.json", "alarms.json", "jobs.json"])
def test_a_nested_file_of_before_stops_no_start(tmp_path: Path, name: str) -> None:
    config = read_config({"LAUNCHER_DATA_DIR": str(tmp_path)})
    config.lock_dir.mkdir()
    (tmp_path / name).write_text(NESTED)
    upgrade_data_files(tmp_path)
    assert [path.read_text() for path in tmp_path.glob("*.json")] == [NESTED]
    assert Book(tmp_path).record("backup") == Record()
    read_memory(config)


def test_recipients_of_before_that_cannot_be_converted_are_an_error(tmp_path: Path) -> None:
    config = read_config({"LAUNCHER_DATA_DIR": str(tmp_path)})
    config.lock_dir.mkdir()
    (tmp_path / "notices.json").mkdir()
    upgrade_data_files(tmp_path)
    for use in (read_notification_settings, partial(set_public_url, url="https://home.example")):
        with pytest.raises(RecipientError, match=r"notices\.json cannot be read"):
            use(config)
    assert not (tmp_path / "notifications.json").exists()


def test_files_of_today_win_over_files_of_before(tmp_path: Path) -> None:
    (tmp_path / "notices.json").write_text(NOTICES)
    (tmp_path / "notifications.json").write_text("{}")
    upgrade_data_files(tmp_path)
    assert (tmp_path / "notices.json").exists()
    assert (tmp_path / "notifications.json").read_text() == "{}"


def test_files_of_before_are_converted_once_by_processes_that_start_together(
    tmp_path: Path,
) -> None:
    (tmp_path / "notices.json").write_text(NOTICES)
    (tmp_path / "alarms.json").write_text(ALARMS)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upgrade_data_files, [tmp_path] * 8))
    assert {path.name for path in tmp_path.iterdir()} == {"alerts.json", "notifications.json"}


def test_a_full_disk_leaves_the_files_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "notices.json").write_text(NOTICES)
    monkeypatch.setattr(data_files, "keep_once", refuse)
    upgrade_data_files(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notices.json"]


def test_jobs_of_before_keep_their_history(tmp_path: Path) -> None:
    run = {"id": "a", "by": "ada", "started_at": "2026-11-22T12:00:00.250Z", "outcome": "put_off"}
    (tmp_path / "jobs.json").write_text(json.dumps({"rehearsal": {"runs": [run]}, "scrub": {}}))
    (tmp_path / "locks").mkdir()
    upgrade_data_files(tmp_path)
    [kept] = Book(tmp_path).record("restore-test").runs
    assert kept == Run("a", "ada", NOON, outcome=RunOutcome.POSTPONED)
    before = (tmp_path / "jobs.json").stat()
    upgrade_data_files(tmp_path)
    assert (tmp_path / "jobs.json").stat().st_ino == before.st_ino
