"""What a destination still needs, and which of its copies may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
from launcher.backup.retention import RetentionPolicy
from launcher.offsite.owed import Rules, newest_good, owed, removable
from launcher.offsite.records import CopyState, Destination, KeepRule, Service, StoredCopy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAYS = [NOW - timedelta(days=age) for age in range(10)]
FIVE = Rules(RetentionPolicy(keep_count=5), now=NOW)
NAS = Destination("nas", "NAS", Service.FOLDER)


def backup(at: datetime, kind: Kind = Kind.SCHEDULED, **how: object) -> Backup:
    backup_id = BackupId(f"{at:%Y%m%dT%H%M%SZ}-aaaaaa")
    found = Backup(
        backup_id,
        kind,
        at,
        database=DatabaseFacts(4096, "1" * 64, 4096),
        file=StoredFile(f"launcher-{backup_id}.db.zst", 1000, "2" * 64, Encoding.ZSTD),
        verification=Verification(State.VERIFIED, at),
    )
    return replace(found, **how)  # type: ignore[arg-type]


def copy(of: Backup, **how: object) -> StoredCopy:
    made = StoredCopy(of, f"{of.id}.db.zst", 1000, "3" * 64, of.created_at)
    return replace(made, **how)  # type: ignore[arg-type]


BACKUPS = [backup(at) for at in DAYS]
COPIES = [copy(each) for each in BACKUPS]


def test_what_retention_there_would_remove_is_not_owed() -> None:
    assert owed(BACKUPS, [], NAS, FIVE) == tuple(BACKUPS[:5])
    assert owed(BACKUPS, COPIES[:3], NAS, FIVE) == tuple(BACKUPS[3:5])
    everything = replace(NAS, keep=KeepRule.ALL)
    assert owed(BACKUPS, COPIES[:3], everything, FIVE) == tuple(BACKUPS[3:])
    own = replace(NAS, keep=KeepRule.OWN, policy=RetentionPolicy(keep_count=2))
    assert owed(BACKUPS, [], own, FIVE) == tuple(BACKUPS[:2])


def test_what_is_good_there_is_not_owed_whoever_wrote_it() -> None:
    bad = [replace(COPIES[0], state=CopyState.DAMAGED), replace(COPIES[1], is_ours=False)]
    assert owed(BACKUPS[:2], bad, NAS, FIVE) == (BACKUPS[0],)


def test_only_good_backups_of_its_kinds_are_owed() -> None:
    unverified = replace(BACKUPS[0], verification=Verification(State.UNVERIFIED))
    safety = backup(DAYS[1], Kind.SAFETY)
    assert owed([unverified, safety, BACKUPS[2]], [], NAS, FIVE) == (BACKUPS[2],)


def test_a_copy_that_is_owed_is_never_removed_at_once() -> None:
    for count in range(1, 12):
        for daily in (0, 3):
            rules = Rules(RetentionPolicy(keep_count=count, keep_daily=daily), now=NOW)
            copies = COPIES[4:7]
            for missing in owed(BACKUPS, copies, NAS, rules):
                copies = [*copies, copy(missing)]
            gone = {each.id for each in removable(BACKUPS, copies, NAS, rules)}
            kept = [each for each in copies if each.id not in gone]
            assert owed(BACKUPS, kept, NAS, rules) == ()


def test_the_oldest_go_first_and_only_our_own() -> None:
    assert removable([], COPIES, NAS, FIVE) == tuple(COPIES[:4:-1])
    others = [*COPIES[:9], replace(COPIES[9], is_ours=False)]
    assert removable([], others, NAS, FIVE) == tuple(COPIES[8:4:-1])
    assert removable([], COPIES, replace(NAS, keep=KeepRule.ALL), FIVE) == ()


def test_the_newest_good_one_stays_and_all_that_are_newer() -> None:
    mirror = replace(NAS, keep=KeepRule.MIRROR)
    here = [backup(NOW + timedelta(minutes=1))]
    bad = [replace(each, state=CopyState.DAMAGED) for each in COPIES[:2]]
    assert removable(here, [*bad, *COPIES[2:4]], mirror, FIVE) == (COPIES[3],)
    assert removable(here, bad, mirror, FIVE) == ()


def test_a_copy_of_which_only_the_size_is_right_displaces_none() -> None:
    unproved = [replace(each, is_confirmed=False) for each in COPIES[:5]]
    assert removable([], [*unproved, *COPIES[5:]], NAS, FIVE) == tuple(COPIES[:5:-1])
    assert removable([], [replace(each, is_confirmed=False) for each in COPIES], NAS, FIVE) == ()
    read = replace(unproved[0], read_at=NOW)
    assert removable([], [read, *unproved[1:], *COPIES[5:]], NAS, FIVE) == tuple(COPIES[:4:-1])


def test_copies_of_another_machine_displace_none_of_ours() -> None:
    others = [replace(each, is_ours=False) for each in COPIES[:5]]
    assert removable([], [*others, *COPIES[5:]], NAS, FIVE) == ()


def test_a_backup_that_is_protected_by_now_keeps_its_copy() -> None:
    protected = replace(BACKUPS[8], protected=True)
    assert removable([protected], COPIES, NAS, FIVE) == (COPIES[9], *COPIES[7:4:-1])


def test_one_from_the_future_is_the_newest_only_where_there_is_no_other() -> None:
    early = copy(backup(NOW + timedelta(days=9)))
    assert newest_good([early, *COPIES], now=NOW) == COPIES[0]
    assert newest_good([early], now=NOW) == early
    upload = copy(backup(NOW, Kind.UPLOAD))
    assert newest_good([upload, COPIES[3]], now=NOW) == COPIES[3]
    assert newest_good([], now=NOW) is None
