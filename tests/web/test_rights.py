"""Who may do what: every rule, tried by everybody, by every method, with and without a token.

The rows are the URL map itself, so a new page is tried by all without a word here. What it needs
is a line in `LEAST`, where its blueprint has none yet.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum
from itertools import cycle, product
from pathlib import Path

import pytest
from flask import Flask
from itsdangerous import TimestampSigner
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from launcher.accounts.tokens import create_token
from launcher.accounts.users import create_user, find_user
from launcher.audit import COMMAND_LINE
from launcher.background import process as process_
from launcher.background.process import BEGUN
from launcher.current import current_backups, current_config
from launcher.jobs import process
from launcher.models import Role, TokenScope
from launcher.notifications import recipients, sender
from launcher.offsite import fetch_process
from launcher.offsite.service import OffsiteService
from launcher.offsite.trial import Trial
from tests.conftest import ADA, BEN, CHLOE, Person
from tests.web.addresses import MALFORMED, UNKNOWN, address, parts_of, rules
from tests.web.routes import add_destination, keep_import
from tests.web.visitor import Visitor


class Rank(IntEnum):
    """Who may at least, and who asks."""

    ANYONE = 0
    VIEWER = 1
    EDITOR = 2
    ADMIN = 3
    HOLDER_OF_THE_LINK = 4  # of the first start; once there is an admin, nobody


LEAST: Mapping[str, Rank] = {
    "assets": Rank.ANYONE,
    "health": Rank.ANYONE,
    "home_screen": Rank.ANYONE,
    "metrics": Rank.ANYONE,
    "apps": Rank.EDITOR,
    "icons": Rank.EDITOR,
    "icons.remove": Rank.ADMIN,
    "icons.remove_unused": Rank.ADMIN,
    "icons.replace_set": Rank.ADMIN,
    "icons.remove_set": Rank.ADMIN,
    "icons.symbol": Rank.ANYONE,
    "icons.brand": Rank.ANYONE,
    "auth": Rank.ANYONE,
    "setup": Rank.HOLDER_OF_THE_LINK,
    "setup_elsewhere": Rank.HOLDER_OF_THE_LINK,
    "setup_restore": Rank.HOLDER_OF_THE_LINK,
    "account": Rank.VIEWER,
    "account.change_appearance": Rank.ANYONE,
    "recent": Rank.VIEWER,
    "shortcuts": Rank.VIEWER,
    "start": Rank.VIEWER,
    "find": Rank.VIEWER,
    "launching": Rank.ANYONE,
    "editing": Rank.EDITOR,
    "folding": Rank.VIEWER,
    "app_health": Rank.VIEWER,
    "checks": Rank.ADMIN,
    "network_switch": Rank.ANYONE,
    "samples": Rank.EDITOR,
    "boards": Rank.EDITOR,
    "admin_boards": Rank.EDITOR,
    "importing": Rank.EDITOR,
    "overview": Rank.EDITOR,
    "backups": Rank.ADMIN,
    "backup": Rank.ADMIN,
    "backup_actions": Rank.ADMIN,
    "operations": Rank.ADMIN,
    "restores": Rank.ADMIN,
    "uploads": Rank.ADMIN,
    "schedules": Rank.ADMIN,
    "jobs": Rank.ADMIN,
    "users": Rank.ADMIN,
    "groups": Rank.ADMIN,
    "previews": Rank.ADMIN,
    "notifications": Rank.ADMIN,
    "offsite": Rank.ADMIN,
    "audit": Rank.ADMIN,
    "site": Rank.ADMIN,
    "tokens": Rank.ADMIN,
    "catalogue": Rank.EDITOR,
    "app_check": Rank.EDITOR,
    "app_check.settings": Rank.ADMIN,
    "app_check.save_settings": Rank.ADMIN,
    "app_check.pause_all": Rank.ADMIN,
    "app_check.resume_all": Rank.ADMIN,
    "app_check.add_window_for_all": Rank.ADMIN,
    "app_check.delete_window_for_all": Rank.ADMIN,
}
"""Who may at least, by blueprint; an endpoint of its own comes first."""

RIGHTS_FIRST = {
    "icons.upload", "icons.add", "icons.replace_set", "importing.receive", "uploads.receive",
    "setup_elsewhere.look", "setup_restore.receive", "app_check.save", "app_check.test",
}  # fmt: skip
"""Views that ask for the rights before the token: guests must not cause a form to be read."""

UNREAD = RIGHTS_FIRST - {"icons.upload", "importing.receive", "app_check.save", "app_check.test"}
"""Those of them whose form no guest's request causes to be read, however short."""

HIDDEN_FROM_GUESTS = {"app_health.brief", "start.board_health", "start.icons", "start.media"}
"""What is not found for a guest, where everything else leads to sign-in."""

HIDDEN_FROM_VIEWERS = {"overview.show"}
"""What is not found for viewers, where everything else is refused."""

ELSE_THAN_200: Mapping[str, int] = {
    "setup_elsewhere.choose": 404,  # nothing was found under this key
    "metrics.show": 404,  # no token is set
    "backup_actions.ask_delete_selected": 422,  # nothing is selected
    "recent.ask": 302,  # the password was given just now
    "offsite.ask_to_fetch": 303,  # the backup is here, so its plan is shown
}
"""What GET answers whoever may, where that is not 200."""

OF_ADA = {"importing.preview", "importing.write"}
"""Views of what is the admin's alone: for everyone else it is not there."""

OWNERS = {"boards.delete"}
"""Views for the owner of a board and admins; other editors see the board, and are refused."""

WRITE_BY_GET = {"backup.download", "offsite.kit", "offsite.kit_text"}
"""Views that note in the audit log what they sent."""

FOR_ADMINS_ALONE = {"overview.show"}
"""Pages of administration that redirect editors to the first page that they may open."""

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
WITH_HTMX = {"a guest", "a viewer", "an admin"}
"""Who asks by script and by HEAD as well; the others are refused by the same two functions."""

LET_IN = {200, 204, 303, 409, 422}
"""What a form without fields answers whoever may."""

MARK = "Zebrafish"
"""A word in everything that admins made, and on no board that others see."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody's browser: the cookies that it sends, and the token of its last page."""

    name: str
    rank: Rank
    cookies: str
    token: str
    has_good_token: bool = True
    has_owner: bool = False  # the token is of a page that they had while signed in


@dataclass(frozen=True, slots=True)
class Site:
    """A full site, what is in it by the names of the parts of rules, and who comes.

    `files` are all files as they were, by their paths in the data directory.
    """

    app: Flask
    data_dir: Path
    files: Mapping[Path, bytes]
    things: Mapping[str, str]
    callers: tuple[Caller, ...]

    def ask(
        self, caller: Caller, method: str, path: str, *,
        htmx: bool = False, token: str | None = None, site: str = "same-origin",
    ) -> TestResponse:  # fmt: skip
        """Send one request, which leaves no trace in the browser."""
        headers = {"Cookie": caller.cookies, "Sec-Fetch-Site": site}
        if htmx:
            headers |= {"HX-Request": "true", "HX-Current-URL": "http://localhost/"}
        data = {"csrf_token": token} if token is not None else None
        client = self.app.test_client(use_cookies=False)
        with client.open(path, method=method, headers=headers, data=data) as answer:
            answer.get_data()
        return answer

    def assert_unchanged(self, case: str) -> None:
        """Check that every file is as it was: SQLite writes into its own with each commit."""
        now = _files(self.data_dir)
        changed = [str(path) for path in now | self.files if now.get(path) != self.files.get(path)]
        assert changed == [], f"{case} changed a file"

    def restore(self) -> None:
        """Put every file back as it was."""
        for path in _files(self.data_dir).keys() - self.files.keys():
            (self.data_dir / path).unlink()
        for path, content in self.files.items():
            if (self.data_dir / path).read_bytes() != content:
                (self.data_dir / path).write_bytes(content)


def _files(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and path.parent.name != "locks"
        and not path.name.startswith("launcher.db-")
    }


@pytest.fixture(autouse=True)
def _nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may begin an operation is asked here, and not what it does."""
    monkeypatch.setattr(process_, "start", lambda *_, **__: None)
    monkeypatch.setattr(process, "run_now", lambda *_, **__: None)
    monkeypatch.setattr(fetch_process, "launch", lambda *_: BEGUN)
    monkeypatch.setattr(OffsiteService, "try_out", lambda *_, **__: Trial(()))
    monkeypatch.setattr(sender, "_request", lambda *_: sender.Delivery(shown="json://host/…"))


@pytest.fixture
def site(app: Flask, data_dir: Path, pictures: dict[str, str]) -> Site:
    """A site with something behind every address, and everybody who may ask for it."""
    dora = Person("dora", "dora's long password", "admin")
    with app.app_context():
        create_user(dora.username, dora.password, role=Role.ADMIN, actor=COMMAND_LINE)
        phone = recipients.add_recipient(current_config(), name=MARK, url="json://host")
        recipients.set_heartbeat(current_config(), "https://host.home.arpa/")
        backup = current_backups().create(by="ada", note=MARK)
        destination = add_destination(current_config(), MARK)
        made, *_ = current_backups().journal()
        token = keep_import(user_id=1)
        api_token, _ = create_token(
            find_user("ada"), MARK, [TokenScope.STATUS], expires_at=None, actor=COMMAND_LINE
        )
        token_id = api_token.id
    deactivated = _caller(app, "a deactivated account", Rank.ANYONE, dora)
    with pytest.MonkeyPatch.context() as patch:
        days_ago = 40 * 86400
        now = TimestampSigner.get_timestamp
        patch.setattr(TimestampSigner, "get_timestamp", lambda self: now(self) - days_ago)
        expired = _caller(app, "an expired session", Rank.ANYONE, ADA, has_good_token=False)
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("UPDATE users SET is_active = 0 WHERE username = 'dora'")
        database.execute(f"UPDATE users SET display_name = '{MARK}' WHERE username = 'dora'")
        database.execute(f"UPDATE apps SET description = '{MARK}' WHERE name = 'Diary'")
        tag_id = database.execute("INSERT INTO tags (name) VALUES ('films')").lastrowid
        group = (
            "INSERT INTO user_groups (name, created_at) VALUES ('Family', '2026-11-01 00:00:00')"
        )
        group_id = database.execute(group).lastrowid
    callers = (
        _caller(app, "a guest", Rank.ANYONE, None),
        deactivated,
        expired,
        _caller(app, "a viewer", Rank.VIEWER, CHLOE),
        _caller(app, "an editor", Rank.EDITOR, BEN),
        _caller(app, "an admin", Rank.ADMIN, ADA),
    )
    asset = re.search(r"/assets/([^\"]+)", Visitor(app).open("/login").text)
    assert asset
    things = {
        "address": asset[1],
        "app_id": "1",
        "backup_id": backup.id,
        "destination_id": destination.id,
        "group_id": str(group_id),
        "icon_id": "1",
        "job_id": "scrub",
        "key": "nothing-like-it",
        "placement_id": "1",
        "section_id": "1",
        "name": "apple",
        "operation_id": made.operation_id,
        "recipient_id": phone.id,
        "sha256": pictures["png"],
        "slug": "home",
        "tag_id": str(tag_id),
        "token": token,
        "token_id": str(token_id),
        "user_id": "2",
    }
    return Site(app, data_dir, _files(data_dir), things, callers)


def _caller(
    app: Flask, name: str, rank: Rank, person: Person | None, *, has_good_token: bool = True
) -> Caller:
    visitor = Visitor(app)
    if person is not None:
        visitor.sign_in(person)
    page = visitor.open("/account" if person else "/login").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    cookies = "; ".join(f"{each.key}={each.value}" for each in visitor.client._cookies.values())
    return Caller(name, rank, cookies, token[1], has_good_token, has_owner=person is not None)


def test_every_rule_says_who_may(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in rules(app) if _least(rule) in Rank}
    known = endpoints | {endpoint.partition(".")[0] for endpoint in endpoints}
    assert set(LEAST) <= known, "a line of LEAST is about a rule that is gone"


def test_everybody_gets_what_is_theirs_and_nothing_else(site: Site) -> None:
    for rule, method, caller, htmx in product(
        rules(site.app), ("GET", "POST"), site.callers, (False, True)
    ):
        if method not in (rule.methods or ()) or (htmx and caller.name not in WITH_HTMX):
            continue
        path = address(rule, {name: site.things[name] for name in parts_of(rule)})
        answer = site.ask(caller, method, path, htmx=htmx, token=caller.token)
        case = f"{method} {path} as {caller.name}, {'htmx' if htmx else 'plain'}"
        may = caller.rank >= _least(rule)
        if (
            method == "POST"
            and not caller.has_good_token
            and not (rule.endpoint in RIGHTS_FIRST and not may)
        ):
            _assert_refused(answer, 401, case)  # the token says that they were signed in
        elif not may:
            _assert_refused(answer, _refused(rule, caller, method, htmx=htmx), case)
        else:
            assert answer.status_code in _allowed(rule, method, caller), f"{case}: {answer.status}"
            if method == "POST" or rule.endpoint in WRITE_BY_GET:
                site.restore()
        site.assert_unchanged(case)
        if method == "GET" and not htmx and caller.name in WITH_HTMX:
            head = site.ask(caller, "HEAD", path)
            assert (head.status_code, head.data) == (answer.status_code, b""), case
            site.assert_unchanged(f"HEAD {case}")


def test_a_form_needs_the_token_of_its_own_session(site: Site) -> None:
    """The admin, who may send all forms, sends each in every bad way; the others take turns.

    What refuses a form without its token is one function, before any view and for everybody.
    """
    *others, admin = site.callers
    ways = ("no token", "a guessed token", "a token of somebody else", "from another site")
    turns = cycle(product(others, ways))
    for rule in rules(site.app):
        if "POST" not in (rule.methods or ()):
            continue
        path = address(rule, {name: site.things[name] for name in parts_of(rule)})
        by_others = product(others, ways) if rule.endpoint in RIGHTS_FIRST else [next(turns)]
        for caller, way in (*product([admin], ways), *by_others):
            htmx = way == "a guessed token"
            somebody = others[0] if caller is admin else admin
            answer = site.ask(
                caller, "POST", path, htmx=htmx,
                token={ways[0]: None, ways[1]: "guessed", ways[2]: somebody.token}.get(
                    way, caller.token
                ),
                site="cross-site" if way == ways[3] else "same-origin",
            )  # fmt: skip
            case = f"POST {path} as {caller.name}, {way}"
            rights_first = rule.endpoint in RIGHTS_FIRST and caller.rank < _least(rule)
            knows_owner = way == ways[2] and caller.rank is Rank.ANYONE
            if (
                rights_first
                and way != ways[3]
                and not (knows_owner and rule.endpoint not in UNREAD)
            ):
                _assert_refused(answer, _refused(rule, caller, htmx=htmx), case)
            elif knows_owner:
                _assert_refused(answer, 401, case)  # whoever filled it in may sign in
            else:
                _assert_refused(answer, 400, case)
    site.assert_unchanged("a form without its token")


def test_what_is_not_there_is_not_found_whatever_the_id(site: Site) -> None:
    guest, *_, admin = site.callers
    turns = cycle(MALFORMED)
    for rule, method in product(rules(site.app), ("GET", "POST")):
        if method not in (rule.methods or ()) or not (names := parts_of(rule)):
            continue
        asked = ((guest, None), (guest, next(turns)), *product([admin], (None, *MALFORMED)))
        for caller, text in asked:
            path = address(rule, {name: UNKNOWN[name] if text is None else text for name in names})
            answer = site.ask(caller, method, path, token=caller.token)
            case = f"{method} {path} as {caller.name}"
            allowed = {404, 405, 400} if text else {404}  # another rule may fit what is malformed
            if caller.rank < _least(rule):
                allowed |= {_refused(rule, caller, method, htmx=False)}
            assert answer.status_code in allowed, f"{case}: {answer.status}"
            assert MARK not in answer.text or caller is admin, case
    site.assert_unchanged("what is not there")


def test_a_board_that_is_not_shared_is_as_one_that_is_not_there(site: Site) -> None:
    for caller in site.callers:
        attic, nowhere = (
            site.ask(caller, "GET", f"/b/{slug}") for slug in ("attic", UNKNOWN["slug"])
        )
        if caller.rank >= Rank.EDITOR:  # its owner, and admins
            assert attic.status_code == 200
            continue
        assert attic.status_code == nowhere.status_code, caller.name
        assert attic.data.replace(b"attic", b"nowhere") == nowhere.data
        assert "Diary" not in attic.text


def test_other_methods_are_refused_with_those_that_work(site: Site) -> None:
    guest, *_, admin = site.callers
    adapter = site.app.url_map.bind("localhost")
    paths = {address(rule, {n: site.things[n] for n in parts_of(rule)}) for rule in rules(site.app)}
    for (path, method), caller in zip(
        product(sorted(paths), METHODS), cycle((guest, admin)), strict=False
    ):
        allowed = set(adapter.allowed_methods(path))
        if method == "OPTIONS":
            answer = site.ask(caller, method, path)
            assert (answer.status_code, answer.data) == (200, b""), path
        elif method not in allowed:
            answer = site.ask(caller, method, path, token=caller.token)
            _assert_refused(answer, 405, f"{method} {path} as {caller.name}")
        else:
            continue
        assert set(answer.headers["Allow"].split(", ")) == allowed, path
    site.assert_unchanged("another method")


def _least(rule: Rule) -> Rank:
    blueprint = rule.endpoint.partition(".")[0]
    assert rule.endpoint in LEAST or blueprint in LEAST, (
        f"{rule.endpoint} ({rule.rule}) says nowhere who may: add its blueprint, or it alone,"
        " to LEAST in tests/web/test_rights.py"
    )
    return LEAST.get(rule.endpoint, LEAST[blueprint])


def _refused(rule: Rule, caller: Caller, method: str = "GET", *, htmx: bool) -> int:
    """Return the status by which a view refuses who may not."""
    if rule.endpoint in HIDDEN_FROM_VIEWERS and caller.rank is Rank.VIEWER:
        return 404
    if _least(rule) is Rank.HOLDER_OF_THE_LINK or caller.rank > Rank.ANYONE:
        return 403
    if rule.endpoint in HIDDEN_FROM_GUESTS:
        return 404
    is_own_form = method == "POST" and caller.has_owner and rule.endpoint not in UNREAD
    return 401 if htmx or is_own_form else 302


def _allowed(rule: Rule, method: str, caller: Caller) -> set[int]:
    """Return what a view may answer to those who may."""
    if rule.endpoint in OF_ADA and caller.rank < Rank.ADMIN:
        return {404}
    if method == "POST":
        is_refused = rule.endpoint in OWNERS and caller.rank < Rank.ADMIN
        return {403} if is_refused else LET_IN
    if rule.endpoint == "auth.sign_in" and caller.rank > Rank.ANYONE:
        return {302}
    if rule.endpoint in FOR_ADMINS_ALONE and caller.rank < Rank.ADMIN:
        return {302}
    return {ELSE_THAN_200.get(rule.endpoint, 200)}


def _assert_refused(answer: TestResponse, status: int, case: str) -> None:
    """Check the status, and that the answer holds nothing that is not for everybody."""
    assert answer.status_code == status, f"{case}: {answer.status}"
    assert MARK not in answer.text, case
    if status in {302, 401}:
        way = answer.headers.get("Location" if status == 302 else "HX-Redirect", "")
        assert way.startswith("/login") or '"/login"' in answer.text, case
