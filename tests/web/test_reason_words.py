"""Each reason to refuse a file or a backup has words on the pages, in each language."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import force_locale

from launcher.backup import errors
from launcher.backup.reasons import Fault, Reason
from launcher.i18n.labels import (
    DAMAGE_WORDS,
    LIVE_WORDS,
    RESTORE_WORDS,
    WARNING_WORDS,
    damage,
    fault_words,
    live_words,
)
from launcher.i18n.locale import LOCALES
from launcher.web.admin.backups.file_verdict import FILE_WORDS, refusal
from tests.support.reasons import RAISED, fault_of

OF_A_FILE = (
    errors.VerificationError, errors.UploadRejectedError, errors.IncompatibleBackupError,
)  # fmt: skip

BY_THEIR_CODE = {
    Reason.FILE_SHORTENED, Reason.FILE_UNREADABLE, Reason.IS_FOLDER, Reason.IS_LIVE,
    Reason.LIVE_NEWER, Reason.MANIFEST_INCOMPLETE, Reason.NAME_UNREADABLE,
    Reason.NOT_CARRIED, Reason.NO_ADMIN, Reason.NO_MANIFEST, Reason.PATH_UNREADABLE,
    Reason.TARGET_EXISTS, Reason.TOO_LARGE,
}  # fmt: skip
"""Those that say no more on a page than the code of their error does."""


def test_every_reason_to_refuse_a_file_has_words() -> None:
    given = {why for name, why, _facts in RAISED if issubclass(getattr(errors, name), OF_A_FILE)}

    assert given <= FILE_WORDS.keys() | DAMAGE_WORDS.keys() | BY_THEIR_CODE
    assert not BY_THEIR_CODE & (FILE_WORDS.keys() | DAMAGE_WORDS.keys())


@pytest.mark.parametrize("language", LOCALES)
def test_each_is_said_in_the_language_of_the_page(app: Flask, language: str) -> None:
    for reason in FILE_WORDS.keys() | DAMAGE_WORDS.keys():
        fault = fault_of(reason)
        said = {}
        for each in ("en", language):
            with app.test_request_context(), force_locale(each):
                words = refusal("verification_failed", fault)
                said[each] = (words.title, words.text, words.advice, damage(fault))
                assert words.problem == str(fault)
        is_translated = all(
            theirs != ours or not ours or ours == str(fault)
            for ours, theirs in zip(said["en"], said[language], strict=True)
        )
        assert is_translated or language == "en", reason
        assert "%(" not in "".join(said[language])


def test_every_warning_before_a_restore_has_words() -> None:
    assert WARNING_WORDS.keys() == {
        Reason.DANGLING_ROWS, Reason.ROWS_BREAK_RULES, Reason.LEFT_OUT, Reason.WILL_GO,
        Reason.WITHOUT_ADMIN, Reason.ORIGIN_NOT_CONFIRMED,
        Reason.FROM_FUTURE, Reason.LOG_APART, Reason.ODD_VALUES, Reason.ODD_SETTINGS,
        Reason.PASSWORDS_REMOVED, Reason.TOKENS_STAY_REVOKED, Reason.TOKENS_REMOVED,
        Reason.LATEST_UPLOAD, Reason.LATEST_EXTERNAL, Reason.LATEST_SAFETY,
    }  # fmt: skip
    for warning in map(fault_of, WARNING_WORDS):
        assert str(WARNING_WORDS[warning.reason]) % warning.facts


@pytest.mark.parametrize("reason", LIVE_WORDS)
def test_what_is_wrong_with_the_database_is_said_in_german(app: Flask, reason: Reason) -> None:
    facts = {"name": "launcher.db", "detail": "x", "theirs": "9", "version": "2.0", "ours": "3"}
    with app.test_request_context(), force_locale("de"):
        said = live_words(Fault(reason, facts))

    assert said != str(Fault(reason, facts))
    assert said.startswith(("Die ", "Es ", "launcher.db ", "„launcher.db“ "))


@pytest.mark.parametrize("reason", [*RESTORE_WORDS, *DAMAGE_WORDS])
def test_why_a_restore_stopped_is_said_in_german(app: Flask, reason: Reason) -> None:
    fault = fault_of(reason)
    with app.test_request_context(), force_locale("de"):
        said = fault_words(fault)

    assert said != str(fault)
