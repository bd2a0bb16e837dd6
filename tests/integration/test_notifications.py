"""Recipients when backups stop: real addresses, a real receiver, a clock in hand."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.audit import COMMAND_LINE
from launcher.backup import create as creating
from launcher.backup import replacement
from launcher.backup.errors import BackupError, InsufficientSpaceError, RestoreError
from launcher.backup.locks import try_lock
from launcher.backup.reasons import Reason
from launcher.config import ROOT, Config
from launcher.current import current_backups
from launcher.db.settings import change_settings
from launcher.models import Role
from launcher.monitoring.problems import ProblemKind
from launcher.notifications import memory, recipients, sender
from launcher.notifications.assessment import assess
from launcher.notifications.delivery import record_result
from launcher.notifications.dispatch import send_notifications
from launcher.notifications.memory import DeliveryState, read_memory
from launcher.notifications.recipients import RecipientError
from launcher.notifications.sender import Message, Undelivered
from tests.conftest import ADA, MakeApp
from tests.support.receivers import MailServer, Receiver, http_receiver
from tests.support.words import compile_words

pytestmark = pytest.mark.usefixtures("quick_errands")

SECRET = "sesame-open-wide"
SLOT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _words() -> None:
    compile_words()


@pytest.fixture
def site(make_app: MakeApp) -> Flask:
    """A site that cron looks after, with one good backup."""
    app = make_app(scheduler="off")
    with app.app_context():
        current_backups().initialise(by="test")
    with app.test_request_context("/", method="POST"):
        users.create_user(
            ADA.username, ADA.password, role=Role.ADMIN, display_name="Ada", actor=COMMAND_LINE
        )
    with app.app_context():
        current_backups().create_scheduled(SLOT, by="schedule")
    send_notifications(app)
    return app


@pytest.fixture
def config(site: Flask) -> Config:
    config: Config = site.extensions["launcher.config"]
    return config


@pytest.fixture
def slot(site: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, bool], None]:
    """Let the schedule run for its slot of a number, with room on the disk or without."""

    def full(*_args: object, **_facts: object) -> None:
        raise InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="the disk is full")

    def run(number: int, is_well: bool = False) -> None:
        with site.app_context(), monkeypatch.context() as patch:
            if not is_well:
                patch.setattr(creating, "require_space", full)
            try:
                current_backups().create_scheduled(SLOT + timedelta(hours=number), by="schedule")
            except BackupError:
                assert not is_well

    return run


def hook(receiver: Receiver, way: str = "hook") -> str:
    return f"json://ada:{SECRET}@{receiver.place}/{way}"


def titles(receiver: Receiver) -> list[str]:
    return [json.loads(body)["title"] for body in receiver.bodies]


def later(**how_long: float) -> datetime:
    return datetime.now(UTC) + timedelta(**how_long)


# --- once a trouble ----------------------------------------------------------------------


def test_ten_failing_slots_are_one_alarm_and_all_backups_are_still_there(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    for number in range(1, 11):
        slot(number)
        send_notifications(site, now=later(minutes=number))

    assert titles(receiver) == ["Launcher: The last backup failed"]
    told = json.loads(receiver.bodies[0])
    assert "not enough space" in told["message"]
    assert "Last good backup:" in told["message"]
    assert "Delete backups you do not need" in told["message"]
    with site.app_context():
        assert len(current_backups().list()) == 1


def test_it_is_said_when_it_is_over_and_again_when_it_comes_back(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    for number, is_well in enumerate((False, True, True, False), start=1):
        slot(number, is_well)
        send_notifications(site)

    assert titles(receiver) == [
        "Launcher: The last backup failed",
        "Launcher: Backups succeed again",
        "Launcher: The last backup failed",
    ]


def test_it_is_reported_again_after_a_week_and_not_before(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    slot(1)
    send_notifications(site)
    send_notifications(site, now=later(days=6.9))
    assert len(receiver.received) == 1

    send_notifications(site, now=later(days=7.1))
    send_notifications(site, now=later(days=7.2))

    assert titles(receiver)[1:] == ["Launcher: Still: The last backup failed"]


def test_each_hears_of_what_they_wished_for(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    for event in ("failure", "recovery", "success"):
        recipients.add_recipient(config, name=event, url=hook(receiver, event), events=[event])
    slot(1)
    send_notifications(site)
    slot(2, True)
    send_notifications(site)
    send_notifications(site)

    assert sorted(receiver.paths) == ["/failure", "/recovery", "/success"]
    made = receiver.bodies[receiver.paths.index("/success")]
    assert "Scheduled backup created" in made


def test_a_restore_makes_no_one_be_notified_twice(
    site: Flask, config: Config, receiver: Receiver
) -> None:
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    with site.app_context():
        service = current_backups()
        broken = service.list()[0]
        service.create(by="ada")
        assert broken.file
        path = config.backup_dir / broken.file.name
        path.chmod(0o600)
        path.write_bytes(bytes(len(path.read_bytes())))
        service.verify(broken.id, by="ada")
        send_notifications(site)
        assert [title.endswith("is damaged") for title in titles(receiver)] == [True]
        told = read_memory(config).alerts.notified

        service.restore("latest", by="ada")
        send_notifications(site)

    assert len(receiver.received) == 1
    assert read_memory(config).alerts.notified == told


def test_a_restore_that_was_taken_back_is_reported_and_then_the_next_success(
    site: Flask, config: Config, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    with site.app_context():
        service = current_backups()
        with monkeypatch.context() as patch:
            patch.setattr(replacement, "confirm", lambda *_a, **_k: "it is odd")
            with pytest.raises(RestoreError):
                service.restore("latest", by="ada")
        send_notifications(site)
        send_notifications(site)
        service.create(by="ada")
        send_notifications(site)

    assert titles(receiver) == [
        "Launcher: The last restore failed",
        "Launcher: A restore or a backup succeeded since",
    ]
    said = json.loads(receiver.bodies[0])["message"]
    assert re.search(r": your data is back. The restored data was visible for \d", said)
    assert "start again from the plan" in said


@pytest.mark.usefixtures("real_errands")
def test_while_another_process_looks_no_one_else_does(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    slot(1)
    looking = try_lock(config.lock_dir / "notifications", exclusive=True)
    assert looking is not None
    assert send_notifications(site) is None
    assert receiver.received == []
    os.close(looking)

    assert send_notifications(site) is not None
    assert len(receiver.received) == 1


def test_a_look_that_finds_nothing_new_writes_nothing(site: Flask, config: Config) -> None:
    before = (config.data_dir / "alerts.json").stat()
    send_notifications(site)

    after = (config.data_dir / "alerts.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("real_errands")
def test_processes_that_look_at_once_notify_once(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    slot(1)
    program = (
        "import sys; from launcher.app import create_app\n"
        "from launcher.notifications.dispatch import send_notifications\n"
        "app = create_app({'LAUNCHER_DATA_DIR': sys.argv[1], 'LAUNCHER_SCHEDULER': 'off'})\n"
        "send_notifications(app)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(config.data_dir)]
    crowd = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]

    assert [process.wait(120) for process in crowd] == [0, 0, 0]
    assert titles(receiver) == ["Launcher: The last backup failed"]


@pytest.mark.parametrize("has_file", [True, False])
def test_a_full_disk_does_not_make_an_alarm_of_every_look(
    site: Flask,
    config: Config,
    slot: Callable[..., None],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_file: bool,
) -> None:
    def full(*_args: object, **_how: object) -> None:
        raise OSError(28, "No space left on device")

    recipients.add_recipient(config, name="phone", url=hook(receiver))
    if not has_file:
        (config.data_dir / "alerts.json").unlink()
    slot(1)
    monkeypatch.setattr(memory, "write_atomic", full)
    send_notifications(site)
    send_notifications(site)
    slot(2, True)
    send_notifications(site)
    send_notifications(site)

    assert titles(receiver) == [
        "Launcher: The last backup failed",
        "Launcher: Backups succeed again",
    ]


def test_a_folder_that_went_away_is_said_and_its_failing_slots_are_not(
    make_app: MakeApp, tmp_path: Path, receiver: Receiver
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    app = make_app(scheduler="off", backup_dir=str(folder))
    recipients.add_recipient(app.extensions["launcher.config"], name="phone", url=hook(receiver))
    with app.app_context():
        service = current_backups()
        service.initialise(by="test")
        service.create_scheduled(SLOT, by="schedule")
        folder.rename(tmp_path / "gone")
        for number in range(1, 4):
            with pytest.raises(BackupError):
                service.create_scheduled(SLOT + timedelta(hours=number), by="schedule")
            send_notifications(app, now=later(hours=number))
        assert titles(receiver) == ["Launcher: The backup folder cannot be read"]

        (tmp_path / "gone").rename(folder)
        send_notifications(app, now=later(hours=4))
        send_notifications(app, now=later(hours=4, minutes=6))
        service.create_scheduled(SLOT + timedelta(hours=4), by="schedule")
        send_notifications(app, now=later(hours=5))

    assert titles(receiver)[1:] == ["Launcher: The backup folder is available again"]


# --- what is said ------------------------------------------------------------------------


@pytest.mark.usefixtures("real_errands")
def test_a_mail_arrives_in_the_language_of_the_site_and_leads_to_the_panel(
    site: Flask, config: Config, slot: Callable[..., None], mailbox: MailServer
) -> None:
    with site.test_request_context("/", method="POST"):
        change_settings({"default_locale": "de", "site_name": "Zuhause"}, actor=COMMAND_LINE)
    recipients.add_recipient(
        config,
        name="ada",
        url=f"mailto://127.0.0.1:{mailbox.port}?from=launcher@home.example&to=ada@home.example",
    )
    recipients.set_public_url(config, "https://home.example/")
    slot(1)
    send_notifications(site)

    assert mailbox.recipients == ["ada@home.example"]
    assert str(mailbox.mails[0]["Subject"]).startswith("Zuhause: ")
    text = mailbox.text(0)
    assert "https://home.example/admin/backups" in text
    assert "<" not in text
    assert "nicht genug Platz" in text


def test_each_recipient_gets_messages_in_its_own_language(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    for language in ("", "de", "ru"):
        name = language or "site"
        recipients.add_recipient(config, name=name, url=hook(receiver, name), language=language)
    slot(1)
    send_notifications(site)

    said = dict(zip(receiver.paths, titles(receiver), strict=True))
    assert said == {
        "/site": "Launcher: The last backup failed",
        "/de": "Launcher: Die letzte Sicherung ist fehlgeschlagen",
        "/ru": "Launcher: Неудачных попыток копирования подряд: 1",
    }


def test_a_lost_database_is_said_in_the_words_that_are_remembered(
    site: Flask, config: Config, receiver: Receiver
) -> None:
    with site.test_request_context("/", method="POST"):
        change_settings({"site_name": "Home"}, actor=COMMAND_LINE)
    recipients.add_recipient(config, name="phone", url=hook(receiver))
    send_notifications(site)
    config.database_path.write_bytes(b"no database" * 400)
    send_notifications(site)

    assert titles(receiver) == ["Home: The database is damaged"]


# --- those who cannot be reached ------------------------------------------------------------


@pytest.mark.usefixtures("real_errands")
def test_who_cannot_be_notified_is_shown_and_notified_later(
    site: Flask,
    config: Config,
    slot: Callable[..., None],
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = recipients.add_recipient(config, name="phone", url=hook(receiver))
    receiver.status, receiver.answer = 500, b"a stranger's words"
    slot(1)
    send_notifications(site)

    seen = assess(site)
    problem = seen.findings.find(ProblemKind.NOTIFICATIONS_FAILING)
    assert problem is not None
    assert problem.names == ("phone",)
    line = read_memory(config).deliveries[made.id]
    assert (line.reason, line.status, line.attempts) == (Undelivered.ANSWERED, 500, 1)
    assert "phone could not be notified" in caplog.text
    assert "stranger" not in caplog.text

    send_notifications(site)  # not before a minute has passed
    assert len(receiver.received) == 1
    receiver.status = 200
    send_notifications(site, now=later(minutes=2))

    assert titles(receiver) == ["Launcher: The last backup failed"] * 2
    assert not assess(site).findings.find(ProblemKind.NOTIFICATIONS_FAILING)


def test_who_hears_of_successes_alone_is_not_notified_of_a_problem(
    site: Flask, config: Config, receiver: Receiver
) -> None:
    def is_missed() -> bool:
        seen = assess(site, now=later(days=3))  # by then the last backup is too old
        return seen.findings.find(ProblemKind.NO_RECIPIENTS) is not None

    assert is_missed()
    made = recipients.add_recipient(config, name="log", url=hook(receiver), events=["success"])
    assert is_missed()
    recipients.change_recipient(config, made.id, name="log", events=["failure"])
    assert not is_missed()


def test_an_address_that_was_set_again_is_not_called_unreached(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    made = recipients.add_recipient(config, name="phone", url="json://127.0.0.1:1/")
    slot(1)
    send_notifications(site)
    assert assess(site).findings.find(ProblemKind.NOTIFICATIONS_FAILING)
    recipients.change_recipient(
        config, made.id, name="phone", events=["failure"], url=hook(receiver)
    )

    assert assess(site).findings.find(ProblemKind.NOTIFICATIONS_FAILING) is None


def test_the_pauses_grow_to_an_hour_and_no_further(
    site: Flask, config: Config, slot: Callable[..., None]
) -> None:
    made = recipients.add_recipient(config, name="phone", url="json://127.0.0.1:1/")
    line = DeliveryState(waiting=(Message("a", "b"),))
    now = later()
    pauses = []
    for _ in range(9):
        line = record_result(line, sender.Delivery(reason=Undelivered.UNREACHABLE), now=now)
        assert line.next_try_at
        pauses.append((line.next_try_at - now).total_seconds() / 60)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert made.id not in read_memory(config).deliveries


@pytest.mark.usefixtures("real_errands")
def test_one_that_hangs_keeps_no_one_waiting_for_ever(receiver: Receiver) -> None:
    is_over = threading.Event()
    receiver.instead = lambda _handler: is_over.wait() and None
    came = sender.deliver(hook(receiver), [Message("t", "b")], timeout_s=4)
    is_over.set()

    assert came.reason is Undelivered.TIMED_OUT


@pytest.mark.usefixtures("real_errands")
def test_one_that_answers_without_end_is_cut_off(receiver: Receiver) -> None:
    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            pass

    receiver.instead = flood
    came = sender.deliver(hook(receiver), [Message("t", "b")], timeout_s=15)

    assert came.reason in {
        Undelivered.TIMED_OUT,
        Undelivered.BROKEN,
        Undelivered.REFUSED,
        Undelivered.UNREACHABLE,
    }


@pytest.mark.usefixtures("real_errands")
def test_a_secret_is_not_carried_to_where_a_stranger_points(receiver: Receiver) -> None:
    with http_receiver() as elsewhere:
        receiver.status = 307
        receiver.headers = {"Location": f"http://{elsewhere.place}/"}
        sent = sender.deliver(hook(receiver), [Message("t", "b")])
        asked = sender.ping(f"http://{receiver.place}/{SECRET}")

    assert (sent.is_done, asked.is_done) == (False, False)
    assert elsewhere.received == []


@pytest.mark.usefixtures("real_errands")
def test_no_one_there_is_said_as_that() -> None:
    delivery = sender.deliver("json://127.0.0.1:1/", [Message("t", "b")])
    assert delivery.reason is Undelivered.UNREACHABLE
    assert sender.ping("http://127.0.0.1:1/").reason is Undelivered.UNREACHABLE


# --- the heartbeat -----------------------------------------------------------------------


def test_the_heart_beats_after_each_scheduled_backup(
    site: Flask, config: Config, slot: Callable[..., None], receiver: Receiver
) -> None:
    recipients.set_heartbeat(config, f"http://{receiver.place}/ping/{SECRET}?who=me")
    send_notifications(site)
    assert receiver.received == []
    slot(1, True)
    send_notifications(site)
    send_notifications(site)
    slot(2)
    send_notifications(site)

    assert receiver.paths == [f"/ping/{SECRET}?who=me", f"/ping/{SECRET}/fail?who=me"]


def test_the_first_backup_of_a_new_site_is_a_beat(make_app: MakeApp, receiver: Receiver) -> None:
    app = make_app(scheduler="off")
    with app.app_context():
        current_backups().initialise(by="test")
    recipients.set_heartbeat(app.extensions["launcher.config"], f"http://{receiver.place}/ping")
    send_notifications(app)
    with app.app_context():
        current_backups().create_scheduled(SLOT, by="schedule")
    send_notifications(app)

    assert receiver.paths == ["/ping"]


def test_a_backup_by_hand_is_no_beat(site: Flask, config: Config, receiver: Receiver) -> None:
    recipients.set_heartbeat(config, f"http://{receiver.place}/ping")
    with site.app_context():
        current_backups().create(by="ada")
    send_notifications(site)

    assert receiver.received == []


# --- who may be told ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "unknown_service"),
        ("nonsense", "unknown_service"),
        ("json://[::1", "unknown_service"),
        ("gotify://host", "unknown_service"),
        ("file:///etc/passwd", "local_service"),
        ("syslog://", "local_service"),
        ("dbus://", "local_service"),
        ("macosx://", "local_service"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F/?template=/etc/passwd", "local_file"),
        ("fcm://project/topic?keyfile=/etc/passwd", "local_file"),
        ("json://host/?a=1;keyfile=/etc/passwd", "local_file"),
        ("json://host/?a=1&AtTaCh=/etc/passwd", "local_file"),
        ("json://ada:12#34@host/hook", "ambiguous"),
        ("mailto://ada:pass;#word@mail.home.arpa?to=ben@home.arpa", "ambiguous"),
        ("json://host/hook#part", "ambiguous"),
        ("json://host/hook;part", "ambiguous"),
        ("json://host/hook?+Token=one;two", "ambiguous"),
        ("mailto://ada:word@mail.home.arpa?to=ben@home.arpa&amp;from=ada@home.arpa", "ambiguous"),
        ("json://host/" + "x" * 3000, "url_too_long"),
    ],
)  # fmt: skip
def test_an_address_that_will_not_do_is_refused(config: Config, url: str, code: str) -> None:
    with pytest.raises(RecipientError) as refused:
        recipients.add_recipient(config, name="phone", url=url)

    assert refused.value.code == code
    assert recipients.read_notification_settings(config).recipients == ()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("  ", "name_empty"),
        ("x" * 61, "name_too_long"),
        ("a\nb", "name_unprintable"),
        ("PHONE", "name_taken"),
        ("Heartbeat", "name_reserved"),
        ("0badcafe", "name_reserved"),
    ],
)
def test_a_name_that_will_not_do_is_refused(
    config: Config, name: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "check", lambda _url: sender.Delivery(shown="json://…"))
    recipients.add_recipient(config, name="phone", url="json://host")
    with pytest.raises(RecipientError) as refused:
        recipients.add_recipient(config, name=name, url="json://host")

    assert refused.value.code == code


@pytest.mark.parametrize(
    "url",
    [
        "json://ada:pass%3B%23word@host/hook",
        "json://ada:pass;word@host/hook",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
        "json://host/hook?+Token=one#two",
    ],
)
def test_an_address_that_loses_nothing_is_kept_as_it_is(config: Config, url: str) -> None:
    assert recipients.add_recipient(config, name="phone", url=url).url == url


@pytest.mark.parametrize("url", ["ftp://host/", "javascript:alert(1)", "http://", "http://a b/"])
def test_a_heartbeat_and_the_address_of_the_site_are_web_addresses(
    config: Config, url: str
) -> None:
    for keep in (recipients.set_heartbeat, recipients.set_public_url):
        with pytest.raises(RecipientError) as refused:
            keep(config, url)
        assert refused.value.code == "web_address"


def test_an_address_is_kept_from_everybody_else(config: Config) -> None:
    made = recipients.add_recipient(
        config, name="phone", url=f"json://ada:{SECRET}@host/{SECRET}?+Token={SECRET}"
    )

    assert made.shown_url == "json://ada:****@host/…"
    assert SECRET not in repr(recipients.read_notification_settings(config))
    assert stat.S_IMODE((config.data_dir / "notifications.json").stat().st_mode) == 0o600


def test_a_name_can_change_and_the_address_stay_hidden(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "check", lambda _url: sender.Delivery(shown="json://…"))
    made = recipients.add_recipient(config, name="phone", url=f"json://host/{SECRET}")
    recipients.change_recipient(config, made.id, name="watch", events=["recovery"])

    (kept,) = recipients.read_notification_settings(config).recipients
    assert (kept.name, kept.url, set(kept.events)) == (
        "watch",
        f"json://host/{SECRET}",
        {"recovery"},
    )


def test_a_file_of_addresses_that_is_broken_is_a_problem_and_stays_as_it_is(
    site: Flask, config: Config
) -> None:
    path = config.data_dir / "notifications.json"
    path.write_text("{")
    send_notifications(site)

    problem = assess(site).findings.find(ProblemKind.NOTIFICATIONS_FAILING)
    assert problem is not None
    assert problem.names == ("notifications.json",)
    with pytest.raises(RecipientError):
        recipients.set_heartbeat(config, "https://heart.example/")
    assert path.read_text() == "{"


@pytest.mark.usefixtures("real_errands")
def test_what_is_secret_is_in_no_log_and_in_nothing_that_is_remembered(
    site: Flask,
    config: Config,
    slot: Callable[..., None],
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.status = 403
    recipients.add_recipient(config, name="phone", url=hook(receiver, SECRET))
    recipients.add_recipient(config, name="nobody", url=f"ntfy://{SECRET}@127.0.0.1:1/{SECRET}")
    recipients.set_heartbeat(config, f"http://127.0.0.1:1/{SECRET}")
    slot(1)
    send_notifications(site)

    assert len(receiver.received) == 1
    assert SECRET not in caplog.text
    assert SECRET not in (config.data_dir / "alerts.json").read_text()
    assert SECRET not in repr(assess(site))
    reasons = {each.name: each.reason for each in assess(site).snapshot.failing_recipients}
    assert reasons["phone"] == "answered"


def test_every_service_that_reaches_no_one_is_known_as_that() -> None:
    """A new one that uses no network fails here until somebody has judged it."""
    program = (
        "import inspect, sys\n"
        "from apprise.manager_plugins import NotificationManager\n"
        "manager = NotificationManager()\n"
        "for schema in manager.schemas():\n"
        "    module = sys.modules[manager[schema].__module__]\n"
        "    while True:\n"
        "        text = inspect.getsource(module)\n"
        "        names = ('import requests', 'socket', 'smtplib', 'gntp', 'smpplib', 'paho')\n"
        "        if any(name in text for name in names): break\n"
        "        bases = [b.__module__ for b in manager[schema].__mro__[1:2]]\n"
        "        if bases == ['apprise.plugins.base'] or sys.modules[bases[0]] is module:\n"
        "            print(module.__name__.split('.')[2]); break\n"
        "        module = sys.modules[bases[0]]\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert set(done.stdout.split()) <= sender.LOCAL_SERVICES
