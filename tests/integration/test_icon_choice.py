"""Which icon an app shows, and what is kept for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from launcher.audit import COMMAND_LINE
from launcher.catalogue.apps import create_app
from launcher.catalogue.entries import AppEntries
from launcher.catalogue.errors import FieldsRefusedError
from launcher.extensions import db
from launcher.icons import store
from launcher.icons.choice import ChoiceRefusedError, apply_choice, choice_of, read_choice
from launcher.icons.uploads import Image
from launcher.models import App, AuditEvent, Media, SetIcon

SHA = "a" * 64
LOGO = Image(b"<svg/>", "image/svg+xml", "logo.svg")


@pytest.fixture
def jellyfin(app: Flask) -> Iterator[App]:
    with app.app_context():
        made = App(name="Jellyfin", url="https://jellyfin.home.arpa", hue=3)
        db.session.add(made)
        db.session.flush()
        yield made


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("symbol:tv", "symbol:tv"),
        (" brand:jellyfin ", "brand:jellyfin"),
        (f"media:{SHA}", f"media:{SHA}"),
        ("set:7", "set:7"),
        ("letters:11", "letters:11"),
        ("letters:", "letters:"),
        ("", "letters:"),
    ],
)
def test_a_field_names_an_icon(text: str, read: str) -> None:
    assert str(read_choice(text)) == read


@pytest.mark.parametrize(
    "text",
    [
        "tv", "symbol:", "symbol:no-such", "brand:../x", "media:abc", f"media:{SHA.upper()}",
        "set:", "set:-1", "set:٣", f"set:{10**18}", "letters:12", "letters:red", ":", "url:x",
    ],
)  # fmt: skip
def test_what_names_no_icon_is_refused(text: str) -> None:
    with pytest.raises(ChoiceRefusedError):
        read_choice(text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("je", "je"),
        (" J e ", "Je"),
        ("Jellyfin", "Je"),
        ("\0\u202e", ""),
        ("🎬🎬🎬", "🎬🎬"),
        ("Яб", "Яб"),
    ],
)
def test_two_letters_are_kept(typed: str, kept: str) -> None:
    assert read_choice("", typed).letters == kept


@pytest.mark.parametrize("text", ["symbol:tv", "brand:jellyfin", "letters:7", "letters:"])
def test_a_form_that_is_sent_back_changes_nothing(jellyfin: App, text: str) -> None:
    apply_choice(jellyfin, read_choice(text, "Jf"), actor=COMMAND_LINE)
    shown = (jellyfin.icon, jellyfin.hue, jellyfin.letters)

    again = choice_of(jellyfin)
    apply_choice(jellyfin, read_choice(str(again), again.letters), actor=COMMAND_LINE)

    assert str(again) == text
    assert (jellyfin.icon, jellyfin.hue, jellyfin.letters) == shown


def test_a_drawing_keeps_the_tint_and_letters_choose_one(jellyfin: App) -> None:
    apply_choice(jellyfin, read_choice("symbol:tv"), actor=COMMAND_LINE)
    assert jellyfin.hue == 3

    apply_choice(jellyfin, read_choice("letters:"), actor=COMMAND_LINE)
    assert (jellyfin.icon, jellyfin.hue) == ("", None)


def test_letters_that_are_those_of_the_name_follow_it(jellyfin: App) -> None:
    apply_choice(jellyfin, read_choice("letters:", "Je"), actor=COMMAND_LINE)
    jellyfin.name = "Films"

    assert jellyfin.glyph_letters == "Fi"


def test_an_icon_of_the_colour_set_is_copied(jellyfin: App) -> None:
    icon = SetIcon(name="jellyfin", mime=LOGO.mime, size_bytes=6, content=LOGO.content)
    db.session.add(icon)
    db.session.flush()

    apply_choice(jellyfin, read_choice(f"set:{icon.id}"), actor=COMMAND_LINE)
    db.session.delete(icon)
    db.session.flush()

    assert jellyfin.icon_media is not None
    assert (jellyfin.icon_media.content, jellyfin.icon_media.name) == (LOGO.content, "jellyfin")


@pytest.mark.parametrize("text", [f"media:{SHA}", "set:7"])
def test_what_is_gone_is_refused_and_the_icon_stays(jellyfin: App, text: str) -> None:
    jellyfin.icon = "symbol:tv"

    with pytest.raises(ChoiceRefusedError):
        apply_choice(jellyfin, read_choice(text), actor=COMMAND_LINE)

    assert jellyfin.icon == "symbol:tv"


def test_the_same_content_is_kept_once_and_noted_once(jellyfin: App) -> None:
    first = store.keep(LOGO, actor=COMMAND_LINE)
    again = store.keep(Image(LOGO.content, LOGO.mime, "copy.svg"), actor=COMMAND_LINE)

    assert again.id == first.id
    assert again.name == "logo.svg"
    events = db.session.scalars(db.select(AuditEvent).where(AuditEvent.target_kind == "icon"))
    (event,) = events.all()
    assert (event.action, event.target_name) == ("icon.upload", "logo.svg")
    assert event.changes == {"mime": [None, "image/svg+xml"], "size_bytes": [None, 6]}


def test_what_no_app_uses_is_listed_and_removed(jellyfin: App) -> None:
    jellyfin.icon_media = store.keep(LOGO, actor=COMMAND_LINE)
    spare = store.keep(Image(b"<svg></svg>", LOGO.mime, "spare.svg"), actor=COMMAND_LINE)
    db.session.flush()

    assert store.unused() == [spare]
    store.remove(spare, actor=COMMAND_LINE)
    db.session.flush()

    assert [each.name for each in db.session.scalars(db.select(Media))] == ["logo.svg"]


@pytest.mark.parametrize("text", ["symbol:no-such", "set:7", "nonsense"])
def test_an_app_with_an_icon_that_is_not_there_is_not_saved(app: Flask, text: str) -> None:
    with app.app_context(), pytest.raises(FieldsRefusedError) as caught:
        create_app(
            AppEntries(name="Jellyfin", url="https://host", icon=text), None, actor=COMMAND_LINE
        )

    assert set(caught.value.fields) == {"icon"}
