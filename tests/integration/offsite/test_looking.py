"""The search of a place for a page."""

from __future__ import annotations

from pathlib import Path

from launcher.offsite.looking import look_in_child
from launcher.offsite.records import Destination, Service


def test_of_nine_thousand_copies_the_newest_200_are_returned_and_all_are_counted(
    tmp_path: Path,
) -> None:
    (folder := tmp_path / "launcher-abcd2345").mkdir()
    for at in range(9_000):
        hour, rest = divmod(at, 3600)
        (folder / f"launcher-20260101T{hour:02}{rest // 60:02}{rest % 60:02}Z-aaaaaa.json").touch()
    place = Destination("-", "-", Service.FOLDER, options={"path": str(tmp_path)})
    (site,) = look_in_child(place, "").sites
    assert (len(site.copies), site.count) == (200, 9_000)
    assert site.copies[0].id == "20260101T022959Z-aaaaaa"
