"""The audit log and the journal of operations, as an admin reads them."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale

from launcher import audit
from launcher.accounts import users
from launcher.audit import COMMAND_LINE, Actor, Target
from launcher.backup.journal import Journal
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.catalogue.actions import IN_LOG
from launcher.config import ROOT
from launcher.current import current_backups
from launcher.db.settings import change_settings
from launcher.extensions import db
from launcher.models import AuditEvent, Role
from launcher.settings.table import SETTINGS
from launcher.web.admin.audit import words as words_
from tests.conftest import ADA
from tests.web.visitor import Visitor

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EVE = Actor("eve", 9, "10.0.0.66")


def lines(page: str) -> list[str]:
    """Return the text of each line of the table."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    texts = (re.sub(r"<[^>]+>", " ", row) for row in body.split("</tr>")[:-1])
    return [html.unescape(" ".join(text.split())) for text in texts]


def record(app: Flask, action: str, **event: object) -> None:
    with app.app_context():
        audit.record(action, **({"actor": EVE, "at": NOON} | event))
        db.session.commit()


# Words


def _recorded() -> Iterator[str]:
    """Yield every action that the code writes: a constant, or a member of `Action`."""
    yield from IN_LOG
    for path in (ROOT / "launcher").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.record":
                action = node.args[0]
                if isinstance(action, ast.Constant):
                    yield str(action.value)
                else:
                    assert path.parent.name == "catalogue", f"{path}: say it as a constant"


def test_every_recorded_action_has_words_and_no_other() -> None:
    operations = {f"backup.{verb}" for verb in Verb}

    assert set(words_.ACTION_WORDS) == set(_recorded()) | operations
    assert set(words_.KIND_WORDS) == {action.partition(".")[0] for action in words_.ACTION_WORDS}


def test_every_setting_has_a_name_in_the_log() -> None:
    assert set(SETTINGS) <= set(words_.FIELD_WORDS)


def test_each_action_reads_as_a_sentence_with_the_name_in_it(app: Flask) -> None:
    with app.test_request_context(), force_locale("en"):
        for action, words in words_.ACTION_WORDS.items():
            event = AuditEvent(action=action, target_name="<Jellyfin>", changes={})
            said = str(words_.action_words(event))
            assert "%" not in said
            assert ("&lt;Jellyfin&gt;" in said) is ("%(name)s" in str(words))


# The log


def test_changes_are_reported_before_and_after_in_the_readers_words(
    ada: Visitor, app: Flask
) -> None:
    with app.app_context():
        users.set_role(users.find_user("ben"), Role.ADMIN, actor=EVE)
        users.set_active(users.find_user("chloe"), False, actor=EVE)
        change_settings({"guest_access": True, "default_locale": "de"}, actor=EVE)

    ada.open("/admin/audit?who=eve")

    changed, switched, role = lines(ada.page)
    assert "Changed the settings" in changed
    assert "Guest access: no → yes" in changed
    assert "Language: English → Deutsch" in changed
    assert "Deactivated or reactivated account chloe May sign in: yes → no" in switched
    assert "eve Changed the role of ben Role: Editor → Admin 10.0.0.66" in role


def test_a_sign_in_is_there_with_its_address(ada: Visitor) -> None:
    ada.sign_in(ADA)
    ada.open("/admin/audit")

    assert re.fullmatch(r"today, \d\d:\d\d ada Signed in 127\.0\.0\.1", lines(ada.page)[0])


def test_failed_sign_ins_are_there_in_words(ada: Visitor, guest: Visitor) -> None:
    guest.send("/login", username="ada", password="wrong")
    guest.send("/login", username="ADA", password="wrong")
    guest.send("/login", username="my secret", password="x")
    ada.open("/admin/audit")

    unknown, known = lines(ada.page)[:2]
    assert re.fullmatch(
        r"today, [\d:]+ Unknown user name Sign-in failed"
        r" 1 attempt since today, [\d:]+ 127\.0\.0\.1",
        unknown,
    )
    assert "ada Sign-in failed 2 attempts since today" in known
    assert "secret" not in ada.page


def test_who_is_no_person_is_named_in_words(ada: Visitor, app: Flask) -> None:
    record(app, "app.update", actor=Actor("root (command line)"))
    record(app, "app.update", actor=Actor("schedule"))

    ada.open("/admin/audit?kind=app")
    assert "The schedule" in lines(ada.page)[0]
    assert "root (command line)" in lines(ada.page)[1]


def test_what_a_newer_launcher_wrote_is_shown_as_it_is(ada: Visitor, app: Flask) -> None:
    record(app, "planet.explode", target=Target("planet", 1, "<i>Earth"), changes={"size": [1, 0]})
    with app.app_context():
        db.session.add(AuditEvent(actor_name="eve", action="app.update", changes=["odd"], at=NOON))
        db.session.add(
            AuditEvent(
                actor_name="eve", action="user.set_role", at=NOON,
                changes={"role": [{"a": 1}, ["b"]], "outcome": [], "default_locale": [[], {}]},
            )
        )  # fmt: skip
        db.session.commit()

    assert ada.open("/admin/audit?who=eve").status_code == 200
    assert "<i>Earth" not in ada.page
    assert "eve planet.explode <i>Earth size: 1 → 0" in lines(ada.page)[-1]


def test_a_failed_operation_says_why(ada: Visitor, app: Flask) -> None:
    changes = {"outcome": "failed", "operation": "0" * 16, "error": "the disk is <full>"}
    record(app, "backup.create", target=Target("backup", "", ""), changes=changes)

    ada.open("/admin/audit?kind=backup&who=eve")
    assert "Creating a backup Failed the disk is <full>" in lines(ada.page)[0]
    assert "<full>" not in ada.page


def test_one_finds_by_person_kind_day_and_words(ada: Visitor, app: Flask) -> None:
    record(app, "app.update", target=Target("app", 1, "Jellyfin"))
    record(app, "board.create", target=Target("board", 1, "Attic"), at=NOON + timedelta(days=1))

    def found(query: str) -> int:
        return len(lines(ada.open(f"/admin/audit?{query}").text))

    assert found("who=eve") == 2
    assert found("who=eve&kind=board") == 1
    assert found("who=eve&day=2026-11-22") == 1
    assert found("q=jellyFIN") == 1
    assert found("q=10.0.0.66") == 2
    assert 'value="2026-11-22"' in ada.open("/admin/audit?day=2026-11-22").text


def test_a_day_is_a_day_of_the_site(ada: Visitor, app: Flask, set_site: object) -> None:
    set_site(time_zone="Pacific/Auckland")
    record(app, "app.update", at=datetime(2026, 11, 22, 10, 59, tzinfo=UTC))
    record(app, "app.update", at=datetime(2026, 11, 22, 11, 0, tzinfo=UTC))

    assert len(lines(ada.open("/admin/audit?who=eve&day=2026-11-22").text)) == 1
    assert len(lines(ada.open("/admin/audit?who=eve&day=2026-11-23").text)) == 1


@pytest.mark.parametrize(
    "query",
    ["day=yesterday", "day=0001-01-01", "day=9999-12-31", "day=2026-11-31", "kind=%25",
     "kind[]=user", "before=x", "before=99999999T999999.999999-1", "who=" + "x" * 9999,
     "q=%00", "q=%25"],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_no_error(ada: Visitor, query: str) -> None:
    assert ada.open(f"/admin/audit?{query}").status_code == 200


def test_an_upload_limit_is_in_the_unit_in_which_it_was_entered(ada: Visitor, app: Flask) -> None:
    record(app, "destination.update", target=Target("destination", "nas", "NAS"),
           changes={"limit_bytes_s": [0, 187_500]})  # fmt: skip
    (line,) = lines(ada.open("/admin/audit?who=eve").text)
    assert "Upload limit in Mbit/s: none → 1.5" in line


def test_nothing_found_says_so_and_leads_back(ada: Visitor) -> None:
    ada.open("/admin/audit?who=nobody")

    assert "No matching entries" in ada.page
    assert "Show everything" in ada.page


def test_one_turns_the_pages_with_the_question_kept(ada: Visitor, app: Flask) -> None:
    with app.app_context():
        for number in range(120):
            target = Target("app", number, f"App {number}")
            audit.record("app.update", actor=EVE, target=target, at=NOON)
        db.session.commit()

    seen: list[str] = []
    path = "/admin/audit?who=eve"
    while path:
        ada.open(path)
        seen += lines(ada.page)
        link = re.search(r'<a class="button" href="([^"]+)">Older', ada.page)
        path = html.unescape(link[1]) if link else ""
    assert len(seen) == len(set(seen)) == 120
    assert 'href="/admin/audit?who=eve">Newest' in ada.page


# The journal


@pytest.fixture
def journal(app: Flask, ada: Visitor) -> Journal:
    config = app.extensions["launcher.config"]
    return Journal(config.data_dir / "journal.jsonl")


def entry(verb: Verb = Verb.CREATE, **facts: object) -> JournalEntry:
    usual = {
        "operation_id": "0" * 16, "verb": verb, "by": "ada", "started_at": NOON,
        "ended_at": NOON + timedelta(seconds=2.4), "outcome": Outcome.SUCCEEDED,
    }  # fmt: skip
    return JournalEntry(**(usual | facts))


def test_operations_show_who_what_when_how_long_and_how_it_ended(
    ada: Visitor, journal: Journal
) -> None:
    journal.append(entry(Verb.RESTORE, by="ben"))
    journal.append(
        entry(outcome=Outcome.FAILED, error_code="insufficient_space", error="<b>3 MB</b> too few")
    )
    journal.append(entry(outcome=Outcome.INTERRUPTED, facts={"data": "unchanged"}))
    journal.append(entry(Verb.RESTORE, outcome=Outcome.INTERRUPTED, facts={"data": "restored"}))

    ada.open("/admin/audit/operations")

    replaced, cut, failed, restored = lines(ada.page)[:4]
    assert "Interrupted The operation was interrupted after the data was replaced." in replaced
    assert "Interrupted The operation was interrupted. The data is unchanged." in cut
    assert "Failed The disk is too full. Nothing was changed <b>3 MB</b> too few" in failed
    assert "<b>3 MB" not in ada.page
    assert "ben Restoring a backup Succeeded Duration 2.4 s" in restored
    assert "This history is kept outside the database, so a restore does not change it." in ada.page


def test_each_operation_leads_to_what_became_of_it(ada: Visitor, journal: Journal) -> None:
    journal.append(entry(Verb.RESTORE, operation_id="0123456789abcdef"))
    ada.open("/admin/audit/operations")

    link = re.search(r'<a class="self" href="([^"]+)"><time', ada.page)
    assert link[1] == "/admin/backups/operations/0123456789abcdef"
    assert ada.open(link[1]).status_code == 200


def test_operations_are_found_by_what_and_how(ada: Visitor, journal: Journal) -> None:
    journal.append(entry(Verb.RESTORE))
    journal.append(entry(Verb.RESTORE, outcome=Outcome.FAILED))
    journal.append(entry(Verb.DELETE, outcome=Outcome.FAILED))

    def found(query: str) -> int:
        return len(lines(ada.open(f"/admin/audit/operations?{query}").text))

    assert found("verb=restore") == 2
    assert found("outcome=failed") == 2
    assert found("verb=restore&outcome=failed") == 1
    assert found("verb=explode&outcome=maybe&page=x") == 4  # and the new database
    assert found("verb=prune") == 0
    assert "No matching operations" in ada.page


def test_a_long_journal_has_pages(ada: Visitor, journal: Journal) -> None:
    for number in range(60):
        journal.append(entry(Verb.VERIFY, by=f"no. {number}"))

    first = lines(ada.open("/admin/audit/operations?verb=verify").text)
    assert "no. 59" in first[0]
    assert len(first) == 50
    older = re.search(r'<a class="button" href="([^"]+)">Older', ada.page)
    second = lines(ada.open(html.unescape(older[1])).text)
    assert len(second) == 10
    assert "no. 0" in second[-1]
    assert "Newer" in ada.page


def test_a_new_journal_says_what_will_be_in_it(ada: Visitor, journal: Journal) -> None:
    journal.path.unlink()

    assert "No operation yet" in ada.open("/admin/audit/operations").text


def test_what_was_done_with_backups_is_in_both(ada: Visitor, app: Flask) -> None:
    with app.app_context():
        made = current_backups().create(by="ada")

    for path in ("/admin/audit?kind=backup", "/admin/audit/operations?verb=create"):
        assert "ada Creating a backup Succeeded" in lines(ada.open(path).text)[0]
        assert f'href="/admin/backups/{made.id}"' in ada.page


def test_what_is_no_backup_any_more_or_never_was_is_no_link(
    ada: Visitor, app: Flask, journal: Journal
) -> None:
    backup_id = "20261122T120000Z-k3f9q2"
    journal.append(entry(Verb.DELETE, backup_id=backup_id))
    journal.append(entry(Verb.RESTORE, backup_id="../../etc/passwd"))
    record(app, "backup.delete", target=Target("backup", backup_id, backup_id))

    for path in ("/admin/audit", "/admin/audit/operations"):
        links = re.findall(r'href="([^"]+)"', ada.open(path).text)
        assert not [link for link in links if backup_id in link or "etc" in link]


def test_the_command_line_is_a_person_one_can_ask_for(ada: Visitor) -> None:
    page = ada.open("/admin/audit").text

    assert f'<option value="{COMMAND_LINE.name}">Command line</option>' in page
