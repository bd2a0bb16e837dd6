"""Every word in every language."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from flask import Flask
from flask_babel import force_locale

from launcher.accounts.errors import AccountError
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.operation import Outcome, Stage, Verb
from launcher.config import ROOT
from launcher.i18n import labels, locale
from launcher.i18n.actors import actor_in_sentence, actor_words
from launcher.i18n.locale import LOCALES
from launcher.models import Health, Role, Theme
from launcher.settings import kinds, lines, table
from launcher.settings.kinds import Choice
from launcher.settings.table import SETTINGS
from tests.support.plurals import COUNTS, DECLINED, FORM_OF
from tests.support.words import FOLDER, LANGUAGES, catalogue_path, read_catalogue

PLACE = re.compile(r"%\((\w+)\)s")

NAMED = re.compile(r"(?<![„«])%\((?:app|board|section|tag)\)s")

# `docs/words.md` has the words to use instead.
NOT_USED = {
    "de": r"Ikone|Bearbeiter|Protokoll|\beditor|\S…|[ ]…|anping|^Nach Zeitplan",
    "ru": (
        r"иконк|ярлык|имени или URL|%\((?:who|name)\)s (?:сохранил|изменил|удалил|добавил)"
        r"|(?:стартов|начальн)\w+ страниц|Launcher не смог|примечани|планов(?:ой|ых|ая|ую)\b"
        r"|журнал\w* сервера|Отменить это|\s…|[Пп]ровер\w+ восстановление"
    ),
}


def _ids(catalogue: Catalog) -> set[object]:
    return {(message.context, message.id) for message in catalogue if message.id}


def _said_in_code() -> set[object]:
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    mappings = [each for each in mappings if each["pattern"] != "translations/notes.toml"]
    found = extract_from_dir(
        ROOT,
        method_map=[(each["pattern"], each["method"]) for each in mappings],
        options_map={
            each["pattern"]: {k: v for k, v in each.items() if k not in {"pattern", "method"}}
            for each in mappings
        },
    )
    return {(context, message) for _file, _line, message, _comments, context in found}


def _translated(language: str) -> Iterator[Message]:
    catalogue = read_catalogue(catalogue_path(language), language)
    return (message for message in catalogue if message.id)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (str(value),)


def test_the_catalogues_hold_what_the_code_says_and_nothing_else() -> None:
    said = _said_in_code()

    assert _ids(read_catalogue(FOLDER / "messages.pot")) == said
    for language in LANGUAGES:
        assert _ids(read_catalogue(catalogue_path(language), language)) == said


def test_each_note_for_translators_is_about_a_message() -> None:
    known = tomllib.loads((FOLDER / "notes.toml").read_text("utf-8"))
    noted = {(None, message) for message in known["notes"]}
    noted |= {(context, each) for context, notes in known["in_context"].items() for each in notes}
    said = {(context, _texts(message)[0]) for context, message in _said_in_code()}

    assert noted <= said
    assert {key for key in said if key[0]} <= noted, "a context needs a note"
    pot = (FOLDER / "messages.pot").read_text("utf-8")
    assert pot.count("#. Translators:") == len(noted)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_untranslated_or_fuzzy(language: str) -> None:
    catalogue = read_catalogue(catalogue_path(language), language)
    assert not catalogue.obsolete
    for message in _translated(language):
        assert all(_texts(message.string)), message.id
        assert not message.fuzzy, message.id


@pytest.mark.parametrize(("language", "forms"), [("de", 2), ("ru", 3)])
def test_each_plural_has_all_of_its_forms(language: str, forms: int) -> None:
    catalogue = read_catalogue(catalogue_path(language), language)
    assert catalogue.num_plurals == forms
    for message in _translated(language):
        if isinstance(message.id, tuple | list):
            assert len(_texts(message.string)) == forms, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_loses_or_invents_a_fact(language: str) -> None:
    for message in _translated(language):
        wanted = {name for text in _texts(message.id) for name in PLACE.findall(text)}
        first, *others = _texts(message.string)
        # "The last attempt" needs no number where its form stands for one alone, as in German.
        stands_for_one = len(others) == 1
        implied = wanted - set(PLACE.findall(_texts(message.id)[0])) if stands_for_one else set()
        assert wanted - implied <= set(PLACE.findall(first)) <= wanted, message.id
        for text in others:
            assert set(PLACE.findall(text)) == wanted, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_has_a_word_that_was_decided_against(language: str) -> None:
    for message in _translated(language):
        for text in _texts(message.string):
            rest = text.replace("\N{NO-BREAK SPACE}…", "") if language == "de" else text
            assert not re.search(NOT_USED[language], rest), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_the_catalogue_are_in_quotation_marks(language: str) -> None:
    for message in _translated(language):
        for text in _texts(message.string):
            assert not NAMED.search(text), text


def test_no_text_holds_markup() -> None:
    for text in (text for _context, said in _said_in_code() for text in _texts(said)):
        assert not re.search(r"<[a-z/]|&\w+;", text), text


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (labels.KIND_WORDS, Kind),
        (labels.STATE_WORDS, State),
        (labels.VERB_WORDS, Verb),
        (labels.STAGE_WORDS, Stage),
        (labels.OUTCOME_WORDS, Outcome),
        (labels.HEALTH_WORDS, Health),
        (labels.ROLE_WORDS, Role),
        (labels.RIGHTS_WORDS, Role),
        (labels.THEME_WORDS, Theme),
    ],
)
def test_every_member_has_words(words: dict[StrEnum, object], members: type[StrEnum]) -> None:
    assert set(words) == set(members)


def test_every_account_error_has_words() -> None:
    assert set(labels.ACCOUNT_WORDS) == {kind.code for kind in _with_subclasses(AccountError)}


def _with_subclasses(kind: type[AccountError]) -> Iterator[type[AccountError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _with_subclasses(each)


def test_every_reason_against_a_setting_has_words() -> None:
    source = "".join(Path(each.__file__).read_text() for each in (kinds, lines, table))
    raised = set(re.findall(r'SettingError\(\s*name,\s*"(\w+)"', source))
    raised |= {each.kind.code for each in SETTINGS.values() if isinstance(each.kind, Choice)}

    assert raised
    assert set(labels.SETTING_WORDS) == raised


def test_the_languages_offered_are_those_a_site_may_have() -> None:
    assert set(LOCALES) == set(table.LOCALES)
    assert set(LOCALES) == {"en", *LANGUAGES}


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [
        ("en", 1, "1 app"), ("en", 2, "2 apps"),
        ("de", 1, "1 App"), ("de", 5, "5 Apps"),
        ("ru", 1, "1 приложение"), ("ru", 3, "3 приложения"), ("ru", 11, "11 приложений"),
        ("ru", 21, "21 приложение"), ("ru", 25, "25 приложений"),
    ],
)  # fmt: skip
def test_plurals_follow_the_language(app: Flask, language: str, count: int, words: str) -> None:
    with app.test_request_context(), force_locale(language):
        said = locale.ngettext("%(num)s app", "%(num)s apps", count)
    assert said.replace("\N{NO-BREAK SPACE}", " ") == words


_TIMES = re.compile(
    r"\d (?:Sekunde|Minute|Stunde|Tagen?\b|Monat|Jahr|секунд|минут|час|дн[яе]й?|месяц|год|лет)"
)
_UNITS = re.compile(
    r"(?:\d|\)s) (?:(?:Uhr|kB|MB|GB|ms|min|h|s|КБ|МБ|ГБ|мс|мин|ч)(?![\w-])|с(?=[.,]|$))"  # noqa: RUF001
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_line_never_breaks_between_a_number_and_its_unit(language: str) -> None:
    for message in _translated(language):
        for text in _texts(message.string):
            assert not _UNITS.search(text), text
            assert not _TIMES.search(text), text


def _declined(forms: Iterable[str], language: str) -> list[tuple[str, ...]]:
    """Return the words of the table that these forms of a message decline."""
    return [
        words
        for words in DECLINED[language]
        if all(
            re.search(rf"(?<!\w){word}(?!\w)", form)
            for word, form in zip(words, forms, strict=True)
        )
    ]


@pytest.mark.parametrize(("place", "count"), [*enumerate(COUNTS)])
@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_what_is_counted_is_declined(app: Flask, language: str, place: int, count: int) -> None:
    """The table has a row for each word that a message counts."""
    for message in _translated("de" if language == "en" else language):
        if not isinstance(message.id, tuple | list):
            continue
        forms = _texts(message.id if language == "en" else message.string)
        facts = {name: f"<{name}>" for text in message.id for name in PLACE.findall(text)}
        if not facts.keys() & {"num", "count", "number"} or len(set(forms)) == 1:
            continue  # no number, or no word that it changes
        rows = _declined(forms, language)
        assert rows, f"{forms} needs a row in tests/support/plurals.py"
        facts |= {name: str(count) for name in facts.keys() & {"count", "number"}}
        facts.pop("num", None)
        with app.test_request_context(), force_locale(language):
            said = locale.ngettext(*message.id, count, **facts)
        form = FORM_OF[language][place]
        assert any(re.search(rf"(?<!\w){words[form]}(?!\w)", said) for words in rows), said


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_every_plural_says_its_number(app: Flask, language: str, count: int) -> None:
    """A form without the number stands for one thing alone, which in Russian none does."""
    plurals = [m.id for m in _translated("de") if isinstance(m.id, tuple | list)]
    assert plurals
    for one, many in plurals:
        names = {name: f"<{name}>" for text in (one, many) for name in PLACE.findall(text)}
        if not names.keys() & {"num", "count", "number"}:
            continue
        facts = {name: value for name, value in names.items() if name != "num"}
        facts |= {name: str(count) for name in names.keys() & {"count", "number"}}
        with app.test_request_context(), force_locale(language):
            said = locale.ngettext(one, many, count, **facts)
        is_alone = count == 1 and language != "ru"
        assert is_alone or str(count) in said, said
        if language == "ru" and count == 21:
            assert not re.search(r"последн(?:яя|ий|ее)\b", said), said  # noqa: RUF001


def test_every_text_for_a_person_has_a_name_that_is_collected() -> None:
    """`pybabel extract` finds `_("…")` and `gettext("…")`, not `lazy_gettext("…")`."""
    known = {"_", "gettext", "ngettext", "pgettext", "npgettext"}
    for path in sorted((ROOT / "launcher").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        names = {
            each.asname or each.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and node.module in {"flask_babel", "launcher.i18n.locale"}
            for each in node.names
            if each.name.endswith("gettext")
        }
        assert names <= known, path


def test_who_acted_without_being_a_user_reads_well_within_a_sentence(app: Flask) -> None:
    with app.test_request_context():
        assert actor_words("setup") == "The setup of this site"
        assert actor_in_sentence("setup") == "the setup of this site"
        assert actor_in_sentence("schedule") == "the schedule"
        assert actor_in_sentence("Ada") == "Ada"
