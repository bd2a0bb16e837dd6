"""What a restore would change: the live data beside a backup that was prepared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from launcher.backup.preparing import Choices, Live, Staged
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup
from launcher.backup.records.plan import (
    FieldChange,
    NameChange,
    RestorePlan,
    RowChange,
    ThingChange,
)
from launcher.backup.records.survey import Survey
from launcher.backup.records.text import listed


def plan_restore(
    source: Backup | Path,
    staged: Staged,
    *,
    live: Live,
    choices: Choices,
    doubts: tuple[Fault, ...] = (),
) -> RestorePlan:
    """Return what replacing `live` with `staged` would do; `doubts` are among its warnings."""
    then = staged.survey
    now = live.survey
    backup = source if isinstance(source, Backup) else None
    return RestorePlan(
        source=backup.id if backup else str(source),
        backup_id=backup.id if backup else "",
        created_at=backup.created_at if backup else None,
        schema_revision=staged.checked.revision,
        app_version=backup.app_version if backup else "",
        database_size_bytes=staged.checked.size_bytes,
        live_readable=now is not None,
        live_problem=live.problem,
        live_has_log=live.has_log,
        rows=tuple(
            RowChange(table, now.rows.get(table, 0) if now else None, rows)
            for table, rows in sorted(then.rows.items())
        ),
        names=tuple(_name_changes(now, then)) if now else (),
        migrations=staged.checked.pending,
        schedule_now=now.schedule if now else None,
        schedule_then=then.schedule,
        keep_schedule=bool(now and now.schedule and choices.keep_schedule),
        signed_out=now.names.get("user", ()) if now else (),
        password_changes=_password_changes(now, then) if now else (),
        tokens_lost=_tokens_only_in(now, then) if now else (),
        tokens_restored=_tokens_only_in(then, now) if now else (),
        admins=then.admins,
        admins_restored=tuple(sorted({*then.admins} - {*now.admins})) if now else (),
        site_name_now=now.site_name if now else "",
        site_name_then=then.site_name,
        carried_account=choices.carry_account,
        # An admin is inside by now, be it one that was carried over.
        warnings=(
            *doubts,
            *([Fault(Reason.WILL_GO, {"names": listed(live.foreign)})] if live.foreign else []),
            *(each for each in staged.checked.warnings if each.reason is not Reason.WITHOUT_ADMIN),
        ),
        live_version=version_of(now),
        newest_at=then.newest_at,
    )


def version_of(now: Survey | None) -> str:
    """Return a short text that differs when the survey does, "" for data that cannot be read.

    The number of rows and the newest entry are left out: they change with every sign-in.
    """
    if now is None:
        return ""
    compared = {
        field.name: getattr(now, field.name)
        for field in fields(now)
        if field.name not in {"rows", "newest_at"}
    }
    # `repr`, not JSON: a damaged row may hold bytes.
    canonical = {
        name: sorted(map(repr, value.items())) if isinstance(value, Mapping) else value
        for name, value in compared.items()
    }
    return hashlib.sha256(repr(canonical).encode()).hexdigest()[:16]


_SecretsOfThings = Mapping[str, Mapping[str, Mapping[str, str]]]


def _name_changes(now: Survey, then: Survey) -> list[NameChange]:
    changes = []
    kinds = now.names.keys() | then.names.keys() | now.values.keys() | then.values.keys()
    for kind in sorted(kinds):
        changed = _thing_changes(
            now.values.get(kind, {}),
            then.values.get(kind, {}),
            (now.secrets.get(kind, {}), then.secrets.get(kind, {})),
        )
        renamed = [each for thing in changed for each in thing.fields if each.field == "name"]
        names_now, names_then = set(now.names.get(kind, ())), set(then.names.get(kind, ()))
        vanish = names_now - names_then - {each.now for each in renamed}
        appear = names_then - names_now - {each.then for each in renamed}
        changes.append(NameChange(kind, tuple(sorted(appear)), tuple(sorted(vanish)), changed))
    return changes


def _thing_changes(
    now: Mapping[str, Mapping[str, str]],
    then: Mapping[str, Mapping[str, str]],
    secrets: tuple[_SecretsOfThings, _SecretsOfThings],
) -> tuple[ThingChange, ...]:
    changed = []
    for key in now.keys() & then.keys():
        fields_ = [
            FieldChange(name, now[key].get(name, ""), then[key].get(name, ""))
            for name in {**now[key], **then[key]}
            if now[key].get(name, "") != then[key].get(name, "")
        ]
        fields_ += _replaced(*(side.get(key, {}) for side in secrets))
        if fields_:
            changed.append(ThingChange(now[key].get("name", key), tuple(fields_)))
    return tuple(sorted(changed, key=lambda thing: thing.name))


def _replaced(
    now: Mapping[str, Mapping[str, str]], then: Mapping[str, Mapping[str, str]]
) -> Iterator[FieldChange]:
    """Yield the fields with secrets that are on both sides and differ: their names, no value."""
    for name in now.keys() & then.keys():
        both = now[name].keys() & then[name].keys()
        if replaced := sorted(each for each in both if now[name][each] != then[name][each]):
            yield FieldChange(name, "\n".join(replaced), "\n".join(replaced))


def _password_changes(now: Survey, then: Survey) -> tuple[str, ...]:
    return tuple(
        sorted(
            name
            for name, version in then.password_versions.items()
            if now.password_versions.get(name, version) != version
        )
    )


def _tokens_only_in(one: Survey, other: Survey) -> tuple[str, ...]:
    return tuple(
        sorted(name for key, name in one.api_tokens.items() if key not in other.api_tokens)
    )
