"""What the doors show of a plan: parts of lists, icons, and who gets access again."""

from __future__ import annotations

import pytest

from launcher.backup.records.plan import FieldChange, NameChange, ThingChange
from launcher.http.plans import Icon, changed_part, only_added, read_icon, shown_changes


@pytest.mark.parametrize(
    ("now", "then", "shown"),
    [
        ("A B C D", "A C B D", ("… B C …", "… C B …")),
        ("A B C", "A B", ("… C", "")),
        ("", "A B", ("", "A B")),
        ("A A", "A", ("… A", "")),
        ("B C", "A B C", ("", "A …")),
    ],
)
def test_of_two_lists_the_part_that_differs_is_shown(
    now: str, then: str, shown: tuple[str, str]
) -> None:
    parts = changed_part(now.replace(" ", "\n"), then.replace(" ", "\n"))
    assert tuple(" ".join(part) for part in parts) == shown


def test_a_list_that_only_gains_names_says_which() -> None:
    assert only_added("A\nC", "A\nB\nC") == ["B"]
    assert only_added("", "A") == []
    assert only_added("A\nB", "B\nC") == []


@pytest.mark.parametrize(
    ("value", "icon"),
    [
        ("symbol:tv", Icon(drawing="symbol:tv")),
        ("brand:immich tint:3", Icon(drawing="brand:immich", hue=3)),
        ("letters:", Icon()),
        ("letters:Js tint:11", Icon(letters="Js", hue=11)),
        ("media:ab12 my photo.png", Icon(media_sha256="ab12", media_name="my photo.png")),
        ("media:ab12 tint:0 tint:1", Icon(media_sha256="ab12", media_name="tint:1", hue=0)),
        ("letters: tint:twelve", Icon()),
    ],
)
def test_an_icon_is_read_as_it_was_written(value: str, icon: Icon) -> None:
    assert read_icon(value) == icon


@pytest.mark.parametrize(
    ("now", "then", "is_shown"),
    [
        ("Home\nWork", "Work\nHome", True),
        ("Home\nLab\nWork", "Home\nWork", False),
        ("Our home\nWork", "Home\nWork", False),
    ],
)
def test_an_order_is_shown_only_where_boards_moved(now: str, then: str, is_shown: bool) -> None:
    change = ThingChange("site", (FieldChange("boards", now, then),))
    assert bool(shown_changes(NameChange("site", (), (), (change,)))) == is_shown
