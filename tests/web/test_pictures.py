"""Uploaded pictures."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.conftest import DRAWING, PIXEL
from tests.web.visitor import Visitor


def test_a_tile_shows_the_picture_of_its_app(ada: Visitor, pictures: dict[str, str]) -> None:
    ada.open("/")

    assert f'src="/media/{pictures["png"]}" alt=""' in ada.page


def test_a_picture_may_be_kept_for_ever(ada: Visitor, pictures: dict[str, str]) -> None:
    answer = ada.open(f"/media/{pictures['png']}")

    assert answer.data == PIXEL
    assert answer.mimetype == "image/png"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_svg_opened_by_itself_can_run_nothing(ada: Visitor, pictures: dict[str, str]) -> None:
    answer = ada.open(f"/media/{pictures['svg']}")

    assert answer.data == DRAWING
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy.split("; ")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_what_is_no_picture_is_not_sent(ada: Visitor, pictures: dict[str, str]) -> None:
    assert ada.open(f"/media/{'c' * 64}").status_code == 404
    assert ada.open(f"/media/{'d' * 64}").status_code == 404
    assert ada.open("/media/..%2F..%2Fsecret_key").status_code == 404


def test_guests_see_pictures_only_where_they_are_let_in(
    guest: Visitor, pictures: dict[str, str], set_site: Callable[..., None]
) -> None:
    assert guest.open(f"/media/{pictures['png']}").status_code == 404
    set_site(guest_access=True)
    assert guest.open(f"/media/{pictures['png']}").status_code == 200
