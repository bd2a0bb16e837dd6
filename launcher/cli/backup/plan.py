"""The plan of a restore in a shell, in the words of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from launcher.backup.records.plan import FieldChange, NameChange, RestorePlan, RowChange
from launcher.cli.output import moment, one_line, put, say, say_warnings, size
from launcher.db.plan_values import HEADER_VALUES, MAINTENANCE, PAUSES, SECTION, SITE
from launcher.http.plans import (
    changed_part,
    is_list,
    only_added,
    reactivated,
    read_icon,
    shown_changes,
)
from launcher.settings.table import SiteSettings

_MOST = 12
_MOST_CHARACTERS = 200

_TABLES: Mapping[str, str] = {
    "apps": "Apps",
    "boards": "Boards",
    "users": "Users",
    "media": "Icons and uploads",
    "sections": "Sections",
    "tags": "Tags",
    "api_tokens": "API tokens",
    "probes": "Health check results",
    "probe_hours": "Health check results",
    "probe_days": "Health check results",
    "audit_events": "Entries of the audit log",
}
_ALWAYS_SHOWN = 4

KINDS: Mapping[str, str] = {"app": "App", "board": "Board", "group": "Group", "user": "User"}

FIELDS: Mapping[str, str] = {
    "name": "name",
    "url": "URL",
    "url_local": "home network URL",
    "description": "description",
    "keywords": "search words",
    "opens": "opens in",
    "archived": "archived",
    "icon": "icon",
    "tags": "tags",
    "kind": "kind of check",
    "target": "address to check",
    "check_url": "other address to check",
    "method": "method of the check",
    "interval_s": "seconds between checks",
    "timeout_ms": "time limit of the check in milliseconds",
    "accept": "accepted codes",
    "keyword": "text on the page",
    "is_keyword_absent": "down if the page contains this text",
    "verify": "verify the certificate",
    "ca_pem": "certificates of authorities",
    "follow_redirects": "follow redirects",
    "retries": "further tries",
    "slow_ms": "slow from milliseconds",
    "is_enabled": "checked",
    "is_notifying": "notify when it is down",
    "notify_after_min": "minutes down before a notification",
    "headers": "names of headers",
    "header_values": "header values",
    "paused_until": "check paused until",
    "maintenance": "maintenance",
    "checks_paused_until": "checks of all apps paused until",
    "maintenance_for_all": "maintenance for all apps",
    "slug": "address",
    "visibility": "who can view",
    "owner": "owner",
    "density": "density",
    "columns": "columns",
    "shared_with": "shared with",
    "sections": "sections",
    "collapsed": "folded sections",
    "members": "members",
    "display_name": "display name",
    "email": "e-mail address",
    "role": "role",
    "is_active": "may sign in",
    "locale": "language",
    "theme": "appearance",
    "own_home": "own home board",
    "open_new_tab": "open apps in a new tab",
    "has_shortcuts": "single-key shortcuts",
    "counts_launches": "count launches",
    "home_board": "home board",
    "boards": "order of boards",
}
"""The words for each field. A setting has its own name, as in `flask settings`."""


def say_plan(plan: RestorePlan, *, verb: str = "Restore") -> None:
    """Print the plan of a restore to stderr, in English."""
    from launcher.i18n.app import speaking  # noqa: PLC0415  (other commands need no Babel)

    with speaking("en", "UTC"):
        _say_plan(plan, verb)


def _say_plan(plan: RestorePlan, verb: str) -> None:
    taken = f" of {moment(plan.created_at)}" if plan.created_at else ""
    say(f"{verb} {plan.source}{taken} ({size(plan.database_size_bytes)})\n")
    if not plan.live_readable or plan.live_problem:
        say(f"The current data cannot be read ({plan.live_problem}).\n")
    _say_risks(plan)
    say(f"  {'':<26}{'now':>10}{'afterwards':>12}{'difference':>12}")
    for what, now, then in _counts(plan.rows):
        difference = then - now if now is not None else 0
        before = "unknown" if now is None else f"{now:,}"
        mark = f"{difference:+,}" if difference else "same" if now is not None else ""
        say(f"  {what:<26}{before:>10}{then:>12,}{mark:>12}")
    _say_names("Will be removed", [(each.kind, each.vanish) for each in plan.names])
    _say_names("Will be restored", [(each.kind, each.appear) for each in plan.names])
    _say_changes(plan.names)
    say("\nAccounts and access")
    say(f"  Admins afterwards: {_enumerate(plan.admins)}")
    if plan.password_changes:
        say(f"  Sign in with the password from the backup: {_enumerate(plan.password_changes)}")
    if plan.tokens_lost:
        say(f"  API tokens that stop working: {_enumerate(plan.tokens_lost)}")
    if plan.migrations:
        say("\nDatabase version")
        for migration in plan.migrations:
            say(f"  Migration: {migration.revision} {migration.title}")
    if not plan.keep_schedule:
        say(f"\nSchedule from the backup\n  {_schedule_words(plan)}")
    say("\nWill be kept")
    if plan.keep_schedule:
        say(f"  Schedule: {_schedule_words(plan)}")
    if plan.carried_account:
        say(f"  Account, with its current password: {plan.carried_account}")
    say("  Backups and their history, notification settings\n")
    say_warnings(plan.warnings)


def _say_risks(plan: RestorePlan) -> None:
    users = [name for name in reactivated(plan) if name not in plan.admins_restored]
    risks = (
        ("active admins again", plan.admins_restored),
        ("able to sign in again", users),
        ("API tokens that work again", plan.tokens_restored),
    )
    for words, names in risks:
        if names:
            put(f"Risk: {words}: {_enumerate(names)}", fg="red", err=True)
    if any(names for _, names in risks):
        say("After the restore, check these accounts and API tokens.\n")


def _counts(rows: Sequence[RowChange]) -> Iterator[tuple[str, int | None, int]]:
    """Yield what there is of each kind, now and then; tables of the same words are added up."""
    by_table = {change.table: change for change in rows}
    grouped: dict[str, list[RowChange]] = {}
    for table, words in _TABLES.items():
        if table in by_table:
            grouped.setdefault(words, []).append(by_table[table])
    for at, (words, changes) in enumerate(grouped.items()):
        is_known = all(each.now is not None for each in changes)
        now = sum(each.now or 0 for each in changes) if is_known else None
        then = sum(each.then for each in changes)
        if at < _ALWAYS_SHOWN or now or then:
            yield words, now, then


def _say_names(title: str, kinds: Sequence[tuple[str, Sequence[str]]]) -> None:
    if any(names for _, names in kinds):
        say(f"\n{title}")
    for kind, names in kinds:
        if names:
            say(f"  {KINDS.get(kind, kind)}: {_enumerate(names)}")


def _say_changes(changes: Sequence[NameChange]) -> None:
    shown = [(change.kind, shown_changes(change)) for change in changes]
    if any(things for _, things in shown):
        say("\nWill be changed back")
    for kind, things in shown:
        for thing in things[:_MOST]:
            say(
                "  Settings"
                if kind == SITE
                else f"  {KINDS.get(kind, kind)} {one_line(thing.name)}"
            )
            for change in thing.fields[:_MOST]:
                say(f"    {_field_words(change)}")
            if len(thing.fields) > _MOST:
                say(f"    and {len(thing.fields) - _MOST} more")
        if len(things) > _MOST:
            say(f"  and {len(things) - _MOST} more ({KINDS.get(kind, kind).lower()})")


def _field_words(change: FieldChange) -> str:
    field = change.field
    if field.startswith(SECTION):
        what = f"apps in section {field.removeprefix(SECTION)}"
    else:
        what = FIELDS.get(field, field)
    if field == HEADER_VALUES:
        return f"{what} differ: {_cut(_enumerate(change.now.splitlines()))}"
    if is_list(field):
        for names, verb in (
            (only_added(change.now, change.then), "added"),
            (only_added(change.then, change.now), "removed"),
        ):
            if names:
                is_ = "is" if len(names) == 1 else "are"
                return f"{one_line(what)}: {_cut(_listed(field, names))} {is_} {verb}"
        now, then = (_listed(field, part) for part in changed_part(change.now, change.then))
    elif field == "icon":
        now, then = _icon_words(change.now), _icon_words(change.then)
    else:
        now, then = _value_words(field, change.now), _value_words(field, change.then)
    return f"{one_line(what)}: {_cut(now)} → {_cut(then)}"


def _listed(field: str, names: Sequence[str]) -> str:
    from launcher.i18n.windows import logged_window_words  # noqa: PLC0415

    return _enumerate(
        [logged_window_words(each) for each in names] if field in MAINTENANCE else names
    )


def _value_words(field: str, value: str) -> str:
    from launcher.i18n.check_labels import OPTIONS  # noqa: PLC0415

    if field == "columns" and value == "0":
        return "automatic"
    if field == "locale" and not value:
        return "same as browser"
    if field == "interval_s" and not value:
        return "as for all apps"
    if field in PAUSES and value:
        return moment(datetime.fromisoformat(value))
    return str(OPTIONS[field].get(value, value)) if field in OPTIONS else value


def _icon_words(value: str) -> str:
    icon = read_icon(value)
    if icon.media_sha256:
        words = f"uploaded icon {icon.media_name} ({icon.media_sha256[:8]})"
    elif icon.drawing:
        words = icon.drawing.replace(":", " ")
    else:
        words = f"letters {icon.letters}" if icon.letters else "letters of the name"
    return words if icon.hue is None else f"{words}, tint {icon.hue}"


def _cut(text: str) -> str:
    line = one_line(text) or "none"
    return line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + "…"


def _enumerate(names: Sequence[str]) -> str:
    # The database may be hostile: names must not hold control sequences of the terminal.
    shown = ", ".join(one_line(name) for name in names[:_MOST])
    return f"{shown} and {len(names) - _MOST} more" if len(names) > _MOST else shown


def _schedule_words(plan: RestorePlan) -> str:
    if plan.schedule_then is None:
        return "none"
    settings = SiteSettings.of(plan.schedule_then)
    often = settings.backup_restore_test
    restore_tests = "no restore tests" if often == "off" else f"restore test {often}"
    if not settings.backup_enabled:
        return f"off, {restore_tests}"
    cron, count = settings.backup_cron_expression, settings.backup_max_count
    return f"{cron}, keep the last {count}, {restore_tests}"
