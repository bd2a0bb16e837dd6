"""A form that the browser sends twice: one submission is one operation."""

from __future__ import annotations

import html
import re
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask

from launcher.background import process
from launcher.backup import BackupService
from launcher.backup.errors import NotStartedError
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Outcome, Verb
from tests.web.restoring import confirm, ended, operation_of, submission_of, text_of
from tests.web.visitor import Visitor


@pytest.fixture
def service(app: Flask) -> BackupService:
    kept: BackupService = app.extensions["launcher.background.service"]
    return kept


@pytest.fixture
def backup_id(service: BackupService, boards: None) -> str:
    return service.create(by="ada").id


def outcome_link(page: str) -> str:
    """Return the link that the page keeps for a connection that breaks."""
    found = re.search(r'<template data-lost>.*?<a class="button" href="([^"]+)"', page, re.DOTALL)
    assert found, page
    return html.unescape(found[1])


def test_a_restore_that_is_sent_twice_is_one_restore(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    ada.open(f"/admin/backups/{backup_id}/restore")
    plan = ada.page
    first = confirm(ada, backup_id)
    entry = ended(service, operation_of(first))

    # The data is another one by now, and the session has ended with the old one.
    ada.page = plan
    second = confirm(ada, backup_id)

    assert second.status_code == 303
    assert operation_of(second) == entry.operation_id
    assert "Restored to" in text_of(ada.open(second.location).text)
    restores = service.journal(verbs={Verb.RESTORE})
    assert [each.outcome for each in restores] == [Outcome.SUCCEEDED]


def test_the_restore_is_found_although_its_answer_was_lost(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    ada.open(f"/admin/backups/{backup_id}/restore")
    link = outcome_link(ada.page)
    before = ada.session_cookie
    entry = ended(service, operation_of(confirm(ada, backup_id)))
    ada.client.set_cookie(before[0], before[1])  # the answer with the newer one never came

    assert entry.operation_id in link
    page = text_of(ada.open(link).text)
    assert "Restored to" in page
    assert "You are still signed in" in page


def test_a_restore_that_could_not_start_can_be_sent_again(
    ada: Visitor, service: BackupService, backup_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.open(f"/admin/backups/{backup_id}/restore")
    plan = ada.page

    def refuse(*_args: object, **_named: object) -> None:
        raise NotStartedError(Reason.PROCESS_ENDED)

    with monkeypatch.context() as patched:
        patched.setattr(process, "start", refuse)
        assert confirm(ada, backup_id).status_code == 503
    ada.page = plan
    again = confirm(ada, backup_id)

    assert again.status_code == 303
    assert ended(service, operation_of(again)).outcome is Outcome.SUCCEEDED


def test_a_backup_that_is_sent_twice_is_one_backup(ada: Visitor, service: BackupService) -> None:
    ada.open("/admin/backups")
    page = ada.page
    key = submission_of(page)
    for _ in range(2):
        ada.page = page
        assert ada.send("/admin/backups", submission=key).status_code == 303
    [entry] = service.journal(verbs={Verb.CREATE})
    assert ended(service, entry.operation_id).outcome is Outcome.SUCCEEDED
    assert len(service.list()) == 1


def test_two_buttons_of_one_list_are_two_operations(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    ada.open("/admin/backups")
    page, key = ada.page, submission_of(ada.page)
    for verb in ("verify", "test-restore"):
        ada.page = page
        ada.send(f"/admin/backups/{backup_id}/{verb}", submission=key)
        while service.progress() or service.checks():
            pass
    verbs = {each.verb for each in service.journal(verbs={Verb.VERIFY, Verb.TEST_RESTORE})}
    assert verbs == {Verb.VERIFY, Verb.TEST_RESTORE}


def test_a_file_that_is_sent_twice_is_checked_once_and_another_file_is_another(
    ada: Visitor, service: BackupService, backup_id: str, tmp_path: Path
) -> None:
    ada.open("/admin/backups")
    page, key = ada.page, submission_of(ada.page)
    file = service.export(backup_id, tmp_path / "a.db", by="ada").read_bytes()

    def send(name: str) -> str:
        ada.page = page
        return operation_of(
            ada.send("/admin/backups/upload", submission=key, file=(BytesIO(file), name))
        )

    first, again, other = send("a.db"), send("a.db"), send("b.db")
    assert again == first != other
    for each in (first, other):
        ended(service, each)
