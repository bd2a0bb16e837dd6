"""`flask token`: API tokens, for scripts and for the first one on a new server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import click
from flask.cli import AppGroup

from launcher.accounts import tokens
from launcher.accounts.users import find_user
from launcher.audit import COMMAND_LINE
from launcher.cli.failures import using_database
from launcher.cli.lookup import find_token
from launcher.cli.output import print_json, print_result, print_table, say
from launcher.cli.shell import json_option, require_word, yes_option
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import ApiToken, TokenScope
from launcher.models.types import utc_now

token = AppGroup("token", help="Create, list and revoke API tokens.\n\nTOKEN is an id or a name.")

_DAYS = re.compile(r"(\d{1,4})d", re.ASCII)


@token.command("create")
@click.argument("name")
@click.option("--user", "username", required=True, help="Owner, who is an admin.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in TokenScope]),
    multiple=True,
    required=True,
    help="Permission (repeatable).",
)
@click.option(
    "--expires",
    default="90d",
    metavar="DAYSd|DATE|never",
    help="90d, 2027-03-31 or never. Default: 90d.",
)
@json_option
@using_database()
def create(name: str, username: str, scopes: Sequence[str], expires: str, *, as_json: bool) -> None:
    """Create the token NAME and print it once to stdout.

    \b
    Examples:
      flask token create Nightly --user ada --scope backups:create --scope status
      TOKEN=$(flask token create Prometheus --user ada --scope metrics --expires never)
    """
    made, secret = tokens.create_token(
        find_user(username),
        name,
        [TokenScope(each) for each in scopes],
        expires_at=_expiry(expires),
        actor=COMMAND_LINE,
    )
    say(f"Token {made.name} created for {made.user.username}. It will not be shown again.")
    print_result(_facts(made) | {"token": secret}, secret, as_json=as_json)


@token.command("list")
@json_option
@using_database(writes=False)
def list_(*, as_json: bool) -> None:
    """List all tokens, newest first.

    \b
    Examples:
      flask token list
      flask token list --json
    """
    found = tokens.all_tokens()
    if as_json:
        print_json([_facts(each) for each in found])
        return
    if not found:
        say("No tokens. `flask token create` creates one.")
        return
    rows = [("ID", "NAME", "USER", "SCOPES", "LAST USED", "EXPIRES")]
    for each in found:
        used = _day(each.last_used_at) or "never"
        expires = "expired" if tokens.is_expired(each) else _day(each.expires_at) or "never"
        scopes = " ".join(sorted(each.scopes))
        rows.append((str(each.id), each.name, each.user.username, scopes, used, expires))
    print_table(rows)


@token.command("revoke")
@click.argument("reference", metavar="TOKEN")
@yes_option
@using_database()
def revoke(reference: str, *, yes: bool) -> None:
    """Revoke a token. Also after a restore it is not valid.

    \b
    Examples:
      flask token revoke Nightly
      flask token revoke 3 --yes
    """
    found = find_token(reference)
    name = found.name
    if not yes:
        say(f"Token {name} of {found.user.username} will stop working immediately.")
        say("You cannot undo this.")
        require_word("revoke")
    tokens.revoke([found], actor=COMMAND_LINE)
    db.session.commit()
    say(f"Token {name} revoked.")


def _expiry(text: str) -> datetime | None:
    if text == "never":
        return None
    if days := _DAYS.fullmatch(text):
        return utc_now() + timedelta(days=int(days[1]))
    try:
        next_day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        message = f"{text!r} is not like 90d, 2027-03-31 or never."
        raise click.BadParameter(message, param_hint="'--expires'") from None
    return datetime.combine(next_day, time(), current_settings().zone)


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


def _facts(one: ApiToken) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "user": one.user.username,
        "prefix": one.prefix,
        "scopes": sorted(str(each) for each in one.scopes),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "last_used_at": one.last_used_at,
        "last_used_from": one.last_used_from,
    }
