"""Every route of the pages of a site that has something to show at each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask

from launcher.accounts.groups import create_group
from launcher.accounts.tokens import create_token
from launcher.accounts.users import find_user
from launcher.audit import COMMAND_LINE
from launcher.catalogue.import_draft import check_draft
from launcher.config import Config
from launcher.current import current_backups, current_offsite
from launcher.importing.draft import Draft, DraftApp, DraftSection, Source
from launcher.models import TokenScope
from launcher.notifications.recipients import add_recipient
from launcher.offsite.records import Destination, Service
from launcher.web.importing.kept import Kept, keep
from tests.web.addresses import rules

_SAMPLES: dict[str, object] = {
    "address": "none.css",
    "icon_id": 1,
    "job_id": "scrub",
    "key": "none",
    "name": "apple",
    "sha256": "a" * 64,
    "slug": "garden",
    "app_id": 1,
    "placement_id": 1,
    "section_id": 1,
    "tag_id": 1,
    "user_id": 2,
}


def keep_import(user_id: int) -> str:
    """Keep a file of two links for an import by this user; return its token."""
    links = (DraftApp("Kavita", "https://kavita.old.lan"), DraftApp("Wiki", "https://wiki.old.lan"))
    draft = Draft(Source.BOOKMARKS, (DraftSection("Books", links),))
    return keep(Kept(user_id, "bookmarks.html", check_draft(draft)))


def add_destination(config: Config, name: str = "NAS") -> Destination:
    """Add an encrypted folder beside the data, so that there is a key too."""
    path = config.data_dir.with_name("nas")
    path.mkdir(exist_ok=True)
    return current_offsite().add(
        Destination("", name, Service.FOLDER, options={"path": str(path)}), by="ada"
    )


@dataclass(frozen=True, slots=True)
class Route:
    """One address and one of its methods."""

    endpoint: str
    method: str
    path: str


def routes_of(app: Flask) -> Iterator[Route]:
    """Yield every route, for a backup, a recipient and an operation that are made here.

    `app` has the boards and the pictures of the fixtures.
    """
    config: Config = app.extensions["launcher.config"]
    with app.app_context():
        group = create_group("Family", actor=COMMAND_LINE)
        backup = current_backups().create(by="ada")
        (entry,) = current_backups().journal(limit=1)
        group_id = group.id
        token = keep_import(user_id=1)
        api_token, _ = create_token(
            find_user("ada"), "Script", [TokenScope.STATUS], expires_at=None, actor=COMMAND_LINE
        )
        token_id = api_token.id
        destination = add_destination(config)
    recipient = add_recipient(config, name="phone", url="json://host.example")
    samples = _SAMPLES | {
        "backup_id": backup.id,
        "destination_id": destination.id,
        "group_id": group_id,
        "operation_id": entry.operation_id,
        "recipient_id": recipient.id,
        "token": token,
        "token_id": token_id,
    }
    urls = app.url_map.bind("localhost")
    for rule in rules(app):
        values = {name: samples[name] for name in rule.arguments}
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(rule.endpoint, method, urls.build(rule.endpoint, values, method=method))
