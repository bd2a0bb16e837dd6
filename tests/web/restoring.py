"""What the tests of a restore through the pages share: confirm a plan, wait for its end."""

from __future__ import annotations

import re
import time

from werkzeug.test import TestResponse

from launcher.backup import BackupService
from launcher.backup.records.operation import JournalEntry
from tests.web.visitor import Visitor


def confirm(visitor: Visitor, backup_id: str, **fields: str) -> TestResponse:
    """Enter the word and send the form of the plan that is open."""
    word = re.search(r'for="word">[^<]*[“„«](\w+)[“”»]', visitor.page)
    assert word, visitor.page
    fields = {
        "word": word[1],
        "version": version_of(visitor.page),
        "submission": submission_of(visitor.page),
    } | fields
    return visitor.send(f"/admin/backups/{backup_id}/restore", **fields)


def restore(visitor: Visitor, backup_id: str) -> TestResponse:
    """Open the plan and confirm it."""
    visitor.open(f"/admin/backups/{backup_id}/restore")
    answer = confirm(visitor, backup_id)
    assert answer.status_code == 303, answer.text
    return answer


def version_of(page: str) -> str:
    """Return the version of the plan on a page."""
    found = re.search(r'name="version" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def submission_of(page: str) -> str:
    """Return the key of the form on a page."""
    found = re.search(r'name="submission" value="([A-Za-z0-9_-]{32})"', page)
    assert found, page
    return found[1]


def operation_of(answer: TestResponse) -> str:
    """Return the id of the operation that an answer leads to."""
    found = re.search(r"/operations/([0-9a-f]{16})", answer.location)
    assert found, answer.location
    return found[1]


def ended(service: BackupService, operation_id: str) -> JournalEntry:
    """Wait until an operation is over; for ever, if it never is."""
    while not isinstance(entry := service.operation(operation_id), JournalEntry):
        assert entry is not None, "it never began"
        time.sleep(0.02)
    return entry


def text_of(page: str) -> str:
    """Return a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
