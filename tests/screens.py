"""Take the pictures of the documentation: real pages of a real server, in real Chromium.

`make screens` writes them to `docs/screens/`. The server has sample content and five weeks of
backups, so the pictures differ from run to run by nothing but their dates.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from launcher import demo
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.background.service import Installation, build_backups
from launcher.backup.locks import Gate, try_lock
from launcher.backup.records.backup import Kind
from launcher.backup.service import BackupService
from launcher.config import ROOT
from launcher.db.settings import change_settings
from launcher.db.settings_reader import read_settings
from launcher.jobs.history import Book
from launcher.jobs.work import perform
from launcher.models.types import utc_now
from launcher.notifications import recipients
from launcher.notifications.memory import HEARTBEAT, read_memory, save_memory
from launcher.notifications.sender import Message, Undelivered
from tests.browser.conftest import PROGRAMS, SWITCHES
from tests.support.server import Server, serving
from tests.support.words import compile_words

ZONE = "Europe/Berlin"
WIDE, PHONE = (1280, 860), (390, 844)


@dataclass(frozen=True, slots=True)
class Studio:
    """A server with a past, and a browser to look at it with."""

    server: Server
    browser: Browser
    username: str
    password: str
    service: BackupService
    target: Path

    @contextmanager
    def visit(
        self, *, size: tuple[int, int] = WIDE, scheme: str = "light", locale: str = "en"
    ) -> Iterator[Page]:
        """Open a browser in which the admin is signed in."""
        context = self.browser.new_context(
            base_url=self.server.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
            locale=locale,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto("/login")
        page.fill("[name=username]", self.username)
        page.fill("[name=password]", self.password)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{self.server.url}/")
        yield page
        context.close()

    def take(self, page: Page, name: str, *, whole: bool = False) -> None:
        """Keep a picture of what the browser shows, in 256 colours: a third of the size."""
        picture = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(
            self.target / f"{name}.png", optimize=True
        )


def main() -> None:
    """Take every picture again."""
    target = ROOT / "docs" / "screens"
    target.mkdir(exist_ok=True)
    compile_words()
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        sys.exit("There is no Chromium; tests/install-tools installs one.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        data_dir = Path(folder) / "data"
        username, password, service = _make_past(data_dir)
        browser = playwright.chromium.launch(executable_path=program, args=list(SWITCHES))
        with serving(data_dir) as server:
            _take_all(Studio(server, browser, username, password, service, target))
        browser.close()


def _make_past(data_dir: Path) -> tuple[str, str, BackupService]:
    """Fill a data directory with sample content and the backups of five weeks."""
    app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
    clock = _Clock()
    service = build_backups(
        Installation(
            database_path=data_dir / "launcher.db",
            data_dir=data_dir,
            backup_dir=data_dir / "backups",
            compression=True,
        ),
        clock=clock,
    )
    with app.app_context():
        service.initialise(by="command line")
        filled = demo.fill(now=utc_now(), seed=1)
        change_settings(
            {"time_zone": ZONE, "backup_max_count": 14, "backup_keep_weekly": 5},
            actor=COMMAND_LINE,
        )
    admin = filled.accounts[0]
    today = clock.real.astimezone(ZoneInfo(ZONE)).replace(hour=3, minute=0, second=4, microsecond=0)
    for days in range(34, -1, -1):
        clock.moment = (today - timedelta(days=days)).astimezone(UTC)
        if clock.moment > clock.real:
            continue
        _do("backup", service, data_dir, clock)
        if days in _SCRUBBED:
            clock.moment += timedelta(minutes=90)
            _do("scrub", service, data_dir, clock)
        if days in _BY_HAND:
            clock.moment += timedelta(hours=9)
            kind, note = _BY_HAND[days]
            service.create(by=admin.username, kind=kind, note=note, protected=days == 12)
    shell = app.test_cli_runner()
    for words in _CHANGES:
        assert shell.invoke(args=words).exit_code == 0, words
    clock.moment = clock.real - timedelta(hours=1)
    _do("restore-test", service, data_dir, clock)
    clock.moment = clock.real - timedelta(minutes=20)
    service.create(by=admin.username, note="Before moving Jellyfin to the new box", protected=True)
    return admin.username, admin.password, service


def _do(job_id: str, service: BackupService, data_dir: Path, clock: _Clock) -> None:
    """Do a job as the schedule would have done it at the time that the clock shows."""
    site = read_settings(data_dir / "launcher.db", Gate(data_dir / "locks"))
    perform(job_id, service, Book(data_dir), site, clock=clock, is_by_hand=True)


_CHANGES = (
    ["app", "edit", "Grocy", "--name", "Groceries", "--url", "https://groceries.home.arpa"],
    ["app", "add", "ntfy", "https://ntfy.home.arpa", "--board", "home", "--section", "Network"],
    ["app", "delete", "Printer", "--yes"],
)
"""What was changed in the sample content since all backups but the newest."""
_SCRUBBED = range(1, 5)
_BY_HAND = {
    29: (Kind.MANUAL, "Before the big tidy-up"),
    12: (Kind.MANUAL, "All boards as they should be"),
    6: (Kind.SAFETY, "Before restoring"),
    3: (Kind.UPGRADE, "Before the upgrade"),
}


class _Clock:
    """Tells the time that the past is at."""

    def __init__(self) -> None:
        self.real = datetime.now(UTC).replace(microsecond=0)
        self.moment = self.real

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=40)  # whatever is done takes a moment
        return self.moment


def _take_all(studio: Studio) -> None:
    with studio.visit() as page:
        studio.take(page, "start")
        page.goto("/admin/backups")
        studio.take(page, "panel")
        page.goto("/admin/jobs")
        studio.take(page, "jobs")
    with studio.visit(size=PHONE, scheme="dark") as page:
        page.goto("/admin/backups")
        studio.take(page, "panel-phone")
    with studio.visit(scheme="dark") as page, _running(studio):
        page.goto("/admin/backups")
        studio.take(page, "running")
    with studio.visit() as page:
        _notify_some(studio.server.data_dir)
        page.goto("/admin/notifications")
        studio.take(page, "notifications")
    newest, older = studio.service.list()[0].id, studio.service.list()[8].id
    with studio.visit() as page:
        page.goto(f"/admin/backups/{newest}")
        studio.take(page, "backup")
    with studio.visit() as page:
        _restore(studio, page, older)


def _notify_some(data_dir: Path) -> None:
    """Notify two recipients, one of which cannot be reached, and ping a heartbeat."""
    config = create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).extensions["launcher.config"]
    now = utc_now()
    phone = recipients.add_recipient(config, name="My phone", url="ntfys://ntfy.example/backups")
    tablet = recipients.add_recipient(
        config, name="Hall tablet", url="gotifys://gotify.example/Akhj5Sb3kzQhdNv"
    )
    heart = "https://hc-ping.example/5b3kzq"
    recipients.set_heartbeat(config, heart, pings_start=True)
    recipients.set_public_url(config, "https://home.example")
    memory = read_memory(config)
    told = replace(
        memory.delivery_to(phone.id, phone.url),
        notified_at=now - timedelta(days=3, hours=2),
    )
    beaten = replace(memory.delivery_to(HEARTBEAT, heart), notified_at=now)
    failed = replace(
        memory.delivery_to(tablet.id, tablet.url),
        waiting=(Message("Backups fail", ""),),
        failed_since=now - timedelta(hours=9),
        reason=Undelivered.ANSWERED,
        status=401,
        next_try_at=now + timedelta(minutes=38),
    )
    lines = {phone.id: told, HEARTBEAT: beaten, tablet.id: failed}
    save_memory(config, replace(memory, deliveries=lines))


@contextmanager
def _running(studio: Studio) -> Iterator[None]:
    """Stand still in the middle of a backup, which is over too soon to be photographed."""
    data_dir = studio.server.data_dir
    lock = try_lock(data_dir / "locks" / "operation", exclusive=True)
    assert lock is not None
    state = {
        "operation_id": "0" * 16, "verb": "create", "by": studio.username,
        "started_at": (datetime.now(UTC) - timedelta(seconds=3)).isoformat(),
        "stages": ["copy", "check", "compress", "publish"], "stage": "check",
        "done": 7_200_000, "total": 11_800_000, "backup_id": "", "took_s": {"copy": 0.4},
        "facts": {},
    }  # fmt: skip
    path = data_dir / "operation.json"
    path.write_text(json.dumps(state))
    try:
        yield
    finally:
        path.unlink()
        os.close(lock)


def _restore(studio: Studio, page: Page, backup_id: str) -> None:
    page.goto(f"/admin/backups/{backup_id}/restore")
    studio.take(page, "restore", whole=True)
    page.fill("[name=word]", "restore")
    page.press("[name=word]", "Enter")
    page.wait_for_selector("h1:has-text('Restored')")
    studio.take(page, "outcome")


if __name__ == "__main__":
    main()
