"""What Prometheus and watchers of health are told, and who is not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from launcher.accounts import tokens
from launcher.accounts.users import create_user, find_user, set_role
from launcher.audit import COMMAND_LINE
from launcher.backup.errors import BackupError
from launcher.backup.locks import try_lock
from launcher.config import ROOT
from launcher.current import current_backups
from launcher.extensions import db
from launcher.models import Role, TokenScope
from launcher.offsite.records import CopyState
from launcher.offsite.service import OffsiteService
from launcher.web import copy_metrics
from tests.conftest import ADA, MakeApp
from tests.support.copies import copy_of, destination, offsite, trouble
from tests.web.visitor import Visitor

TOKEN = "a token of more than 32 characters, certainly"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """A site with metrics, two backups and an operation that failed."""
    app = make_app(metrics_token=TOKEN)
    with app.app_context():
        service = current_backups()
        service.initialise(by="test")
        service.create(by="ada")
        service.create(by="ada")
        with pytest.raises(BackupError):
            service.import_(Path("/nowhere/at/all.db"), by="ada")
    return app


def scrape(client: FlaskClient) -> dict[tuple[str, tuple[str, ...]], float]:
    text = client.get("/metrics", headers=BEARER).text
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_without_a_token_in_the_environment_there_are_no_metrics(
    make_app: MakeApp, client: FlaskClient
) -> None:
    bare = make_app().test_client()

    assert bare.get("/metrics").status_code == 404
    assert bare.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ключ"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
    ],
)
def test_who_does_not_know_the_token_learns_nothing(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    answer = client.get("/metrics", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "launcher_" not in answer.text
    assert client.get("/healthz", headers=headers).text == "ok\n"


def test_an_admin_who_is_signed_in_has_no_token_either(ada: Visitor) -> None:
    assert ada.open("/metrics").status_code == 401


def api_token(app: Flask, *scopes: TokenScope) -> dict[str, str]:
    with app.app_context():
        _, secret = tokens.create_token(
            find_user("ada"), "Prometheus", scopes, expires_at=None, actor=COMMAND_LINE
        )
    return {"Authorization": f"Bearer {secret}"}


def test_an_api_token_of_scope_metrics_reads_them(app: Flask, cast: object) -> None:
    client = app.test_client()
    headers = api_token(app, TokenScope.METRICS)
    assert "launcher_backups" in client.get("/metrics", headers=headers).text
    other = client.get("/metrics", headers=api_token(app, TokenScope.STATUS))
    assert (other.status_code, "launcher_" in other.text) == (403, False)
    with app.app_context():
        create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
        set_role(find_user("ada"), Role.VIEWER, actor=COMMAND_LINE)
    assert client.get("/metrics", headers=headers).status_code == 403
    with app.app_context():
        tokens.revoke(tokens.all_tokens(), actor=COMMAND_LINE)
        db.session.commit()
    answer = client.get("/metrics", headers=headers)
    assert (answer.status_code, answer.text) == (401, "the token is not valid\n")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert client.get("/metrics").text == "a bearer token is needed\n"


def test_without_a_token_in_the_environment_api_tokens_still_read_them(
    make_app: MakeApp, app: Flask, cast: object
) -> None:
    bare = make_app(scheduler="off")
    client = bare.test_client()
    headers = api_token(bare, TokenScope.METRICS)
    assert client.get("/metrics").status_code == 404, "it does not say that there are any"
    assert client.get("/metrics", headers=headers).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_invalid_tokens_are_paused_and_no_valid_one(app: Flask, cast: object) -> None:
    client = app.test_client()
    wrong = {"Authorization": "Bearer lch_wrong"}
    found = [client.get("/metrics", headers=wrong).status_code for _ in range(6)]
    assert found == [401, 401, 401, 401, 401, 429]
    assert client.get("/metrics", headers=BEARER).status_code == 200
    assert client.get("/metrics", headers=api_token(app, TokenScope.METRICS)).status_code == 200


def test_an_api_token_waits_for_no_restore_and_needs_the_database(app: Flask, cast: object) -> None:
    client = app.test_client()
    headers = api_token(app, TokenScope.METRICS)
    with app.extensions["launcher.gate"].closed():
        answer = client.get("/metrics", headers=headers)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert client.get("/metrics", headers=BEARER).status_code == 200
    app.extensions["launcher.config"].database_path.write_bytes(b"no database" * 400)
    assert client.get("/metrics", headers=headers).status_code == 503
    assert client.get("/metrics", headers=BEARER).status_code == 200


def test_the_numbers_are_those_of_the_panel(app: Flask, client: FlaskClient) -> None:
    found = scrape(client)
    with app.app_context():
        newest = current_backups().list()[0]

    assert found["launcher_backup_last_success_timestamp_seconds", ()] == pytest.approx(
        newest.created_at.timestamp()
    )
    assert found["launcher_backup_last_attempt_timestamp_seconds", ()] > 0
    assert found["launcher_backup_last_attempt_failed", ()] == 0
    assert found["launcher_backup_last_success_duration_seconds", ()] > 0
    assert newest.database
    assert found["launcher_backup_last_success_database_bytes", ()] == newest.database.size_bytes
    assert found["launcher_backups", ("manual", "verified")] == 2
    assert found["launcher_backups", ("scheduled", "damaged")] == 0
    assert found["launcher_operations_total", ("succeeded", "create")] == 2
    assert found["launcher_operations_total", ("failed", "upload")] == 1
    assert found["launcher_backup_free_bytes", ()] > 0
    assert found["launcher_backup_next_run_timestamp_seconds", ()] > 0
    assert found["launcher_database_up", ()] == 1
    assert found["launcher_alert_open", ("failed",)] == 0


def test_copies_have_a_series_for_each_destination(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    with app.app_context():
        newest, older = current_backups().list()
    cloud = destination(
        "Cloud",
        copy_of(newest),
        replace(copy_of(older), state=CopyState.DAMAGED),
        owed=(older,),
        owed_bytes=7,
        ledger={"trouble": trouble(newest.created_at, count=4)},
    )
    attic = destination("Attic", owed=(newest, older), owed_bytes=9)
    monkeypatch.setattr(OffsiteService, "status", lambda *_, **__: offsite(cloud, attic))
    found = scrape(client)

    def of(gauge: str, *labels: str) -> float | None:
        return found.get((f"launcher_copies{gauge}", labels))

    made_at = newest.created_at.timestamp()
    assert of("_last_good_timestamp_seconds", "Cloud", "cloud") == pytest.approx(made_at)
    assert of("_last_good_timestamp_seconds", "Attic", "attic") is None
    assert of("", "Cloud", "cloud", "good") == of("", "Cloud", "cloud", "damaged") == 1
    assert of("", "Attic", "attic", "good") == 0
    assert of("_stored_bytes", "Cloud", "cloud") == 2000
    assert (of("_owed", "Cloud", "cloud"), of("_owed", "Attic", "attic")) == (1, 2)
    assert of("_owed_bytes", "Cloud", "cloud") == 7
    assert of("_failed_attempts", "Cloud", "cloud") == 4
    assert of("_failed_attempts", "Attic", "attic") == 0
    assert of("_last_read_timestamp_seconds", "Cloud", "cloud") == pytest.approx(made_at)
    assert found["launcher_problem", ("copies_damaged",)] == 1


def test_they_say_whether_someone_leads(app: Flask, client: FlaskClient) -> None:
    assert scrape(client)["launcher_scheduler_leader", ()] == 0
    assert scrape(client)["launcher_problem", ("scheduler_stopped",)] == 1

    lock_dir = app.extensions["launcher.config"].lock_dir
    assert try_lock(lock_dir / "scheduler", exclusive=True) is not None
    found = scrape(client)

    assert found["launcher_scheduler_leader", ()] == 1
    assert found["launcher_scheduler_leader_since_timestamp_seconds", ()] > 0
    assert found["launcher_problem", ("scheduler_stopped",)] == 0


def test_they_are_there_while_the_database_is_damaged_and_while_it_is_replaced(
    app: Flask, client: FlaskClient
) -> None:
    with app.extensions["launcher.gate"].closed():
        assert scrape(client)["launcher_database_up", ()] == 1
    app.extensions["launcher.config"].database_path.write_bytes(b"no database" * 400)
    found = scrape(client)

    assert found["launcher_database_up", ()] == 0
    assert found["launcher_problem", ("live_damaged",)] == 1
    assert found["launcher_backups", ("manual", "verified")] == 2
    assert ("launcher_backup_schedule_enabled", ()) not in found


def _lines(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield name, type and sample lines of each family, as strictly as the format is written."""
    blocks = re.split(r"(?m)^(?=# HELP )", text)
    assert blocks[0] == ""
    for block in blocks[1:]:
        help_, type_, *samples = block.rstrip("\n").split("\n")
        described = re.fullmatch(r"# HELP ([a-z_]+) (\S.*)", help_)
        assert described, help_
        typed = re.fullmatch(rf"# TYPE {described[1]} (gauge|counter)", type_)
        assert typed, type_
        yield described[1], typed[1], samples


def test_the_format_is_clean(client: FlaskClient) -> None:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert answer.text.endswith("\n")

    names, series = [], []
    for name, kind, samples in _lines(answer.text):
        names.append(name)
        assert name.startswith("launcher_")
        assert (kind == "counter") == name.endswith("_total")
        assert not re.search(r"_(count|sum|bucket|ms|kb|mb|minutes|hours)$", name)
        for sample in samples:
            read = re.fullmatch(
                rf'({name}(?:\{{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\}})?) (\S+)', sample
            )
            assert read, sample
            float(read[2])
            series.append(read[1])

    assert len(names) == len(set(names)) > 15
    assert len(series) == len(set(series))


def test_the_document_names_each_gauge_of_copies_and_no_other() -> None:
    document = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    named = set(re.findall(r"launcher_(copies\w*)", document))
    assert named == set(copy_metrics._HELP)


PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path=Path(sys.executable).parent)


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed; tests/install-tools does")
def test_promtool_finds_nothing(client: FlaskClient) -> None:
    text = client.get("/metrics", headers=BEARER).text
    done = subprocess.run(
        [str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed; tests/install-tools does")
def test_promtool_accepts_the_rules_of_the_document(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    [rules] = re.findall(r"```yaml\n(groups:.*?)```", document, re.DOTALL)
    (tmp_path / "rules.yml").write_text(rules, "utf-8")
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(tmp_path / "rules.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rules found" in done.stdout


# --- health ------------------------------------------------------------------------------


def test_an_admin_reads_what_is_wrong_and_no_one_else_does(
    guest: Visitor, chloe: Visitor, ben: Visitor, ada: Visitor
) -> None:
    for visitor in (guest, chloe, ben):
        assert visitor.open("/healthz").text == "ok\n"
    answer = ada.open("/healthz")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json
    assert answer.json["status"] == "ok"
    assert answer.json["last_success_at"]
    assert [each["kind"] for each in answer.json["problems"]] == ["scheduler_stopped", "one_disk"]


def test_the_token_reads_it_too_even_when_the_database_is_lost(
    app: Flask, client: FlaskClient
) -> None:
    app.extensions["launcher.config"].database_path.write_bytes(b"no database" * 400)
    answer = client.get("/healthz", headers=BEARER)

    assert answer.status_code == 503
    assert answer.json
    assert answer.json["status"] == "damaged"
    assert answer.json["problems"][0]["kind"] == "live_damaged"
    assert client.get("/healthz").text == "damaged\n"


def test_an_api_token_of_scope_status_reads_it_too(app: Flask, cast: object) -> None:
    client = app.test_client()
    headers = api_token(app, TokenScope.STATUS)
    answer = client.get("/healthz", headers=headers)
    assert answer.json
    assert answer.json["status"] == "ok"
    assert client.get("/healthz", headers=api_token(app, TokenScope.METRICS)).text == "ok\n"
    wrong = {"Authorization": "Bearer lch_wrong"}
    assert {client.get("/healthz", headers=wrong).text for _ in range(8)} == {"ok\n"}
    assert client.get("/healthz", headers=headers).json, "no wrong one locks it out"
    with app.extensions["launcher.gate"].closed():
        assert client.get("/healthz", headers=headers).text == "ok\n"
    with app.app_context():
        create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
        set_role(find_user("ada"), Role.VIEWER, actor=COMMAND_LINE)
    assert client.get("/healthz", headers=headers).text == "ok\n"


def test_health_waits_for_no_restore(app: Flask, ada: Visitor) -> None:
    with app.extensions["launcher.gate"].closed():
        assert ada.open("/healthz").text == "ok\n"


def test_a_session_that_means_nothing_is_a_guest(guest: Visitor, cast: object) -> None:
    with guest.client.session_transaction() as session:
        session["_user_id"] = "1"
    assert guest.open("/healthz").text == "ok\n"
    assert ADA.username not in guest.page
