"""The words for one backup: when and why it was made, its note; and the text of the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from babel.dates import format_date, format_skeleton
from flask_babel import get_locale, get_timezone

from launcher.backup.records.backup import Backup, Kind, State
from launcher.backup.records.ids import BackupId, moment_of
from launcher.i18n.actors import actor_in_sentence, actor_words
from launcher.i18n.formats import clock_time, day, day_and_time, long, number, weekday
from launcher.i18n.labels import KIND_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.offsite.found import FoundCopy
from launcher.web.admin.backups.timeline import Timeline

_NIGHT_BEGINS, _NIGHT_ENDS = 21, 5


def at_time(at: datetime, *, now: datetime) -> str:
    """Return a moment for a sentence: `tonight at 03:00`, `Wednesday at 03:00`."""
    time = clock_time(at)
    if _is_tonight(at, now):
        return _("tonight at %(time)s", time=time)
    match _days_ahead(at, now):
        case 0:
            return _("today at %(time)s", time=time)
        case 1:
            return _("tomorrow at %(time)s", time=time)
        case -1:
            return _("yesterday at %(time)s", time=time)
        case days if abs(days) < 7:
            return _("%(day)s at %(time)s", day=weekday(at), time=time)
        case _other:
            return _("%(day)s at %(time)s", day=day(at), time=time)


def in_shared_minutes(backups: Iterable[Backup | FoundCopy]) -> frozenset[BackupId]:
    """Return the backups that need the seconds: another one is of the same minute."""
    minutes: dict[datetime, list[BackupId]] = {}
    for each in backups:
        minutes.setdefault(each.created_at.replace(second=0, microsecond=0), []).append(each.id)
    return frozenset(id_ for ids in minutes.values() if len(ids) > 1 for id_ in ids)


def short_time(at: datetime, *, now: datetime, has_seconds: bool = False) -> str:
    """Return a moment for a heading: `Tonight, 03:00`, `Sat 21 Nov, 03:00`."""
    time = clock_time(at, has_seconds=has_seconds)
    if _is_tonight(at, now):
        return _("Tonight, %(time)s", time=time)
    match _days_ahead(at, now):
        case 0:
            return _("Today, %(time)s", time=time)
        case 1:
            return _("Tomorrow, %(time)s", time=time)
        case _other:
            return _("%(day)s, %(time)s", day=_short_day(at, now), time=time)


def page_title(backup: Backup, *, now: datetime) -> str:
    """Return the title of a backup: its moment, and of a file from outside that of its arrival."""
    if backup.kind is Kind.UPLOAD and not backup.is_of_unknown_origin:
        return _("File uploaded %(when)s", when=at_time(backup.created_at, now=now))
    if backup.kind is Kind.EXTERNAL:
        return _("File in the backup folder, dated %(when)s", when=day_and_time(backup.created_at))
    return short_time(backup.created_at, now=now)


def short_day(at: datetime) -> str:
    """Return a day for a small label: `19 Oct`."""
    return str(format_skeleton("MMMd", at, tzinfo=get_timezone(), locale=get_locale()))


def until_day(at: datetime, *, now: datetime) -> str:
    """Return the day of a moment, with its year if it is far away."""
    return day(at) if abs(at - now) < timedelta(days=300) else _day_and_year(at)


def why(backup: Backup, names: Mapping[str, str]) -> str:
    """Return why a backup exists, and who made it, by the display `names`."""
    who = names.get(backup.created_by) or actor_in_sentence(backup.created_by)
    if backup.kind is Kind.MANUAL and who:
        return _("Manual, by %(who)s", who=who)
    if backup.is_of_unknown_origin:
        return _("Copy from another place")
    if backup.kind is Kind.UPLOAD and who:
        return _("Uploaded by %(who)s", who=who)
    return str(KIND_WORDS[backup.kind])


def note(backup: Backup, names: Mapping[str, str], *, now: datetime) -> str:
    """Return the note of a backup; Launcher's own notes are in the reader's language."""
    if backup.kind is Kind.SAFETY and backup.before:
        who = names.get(backup.created_by) or actor_words(backup.created_by)
        if at := moment_of(backup.before):
            when_ = at_time(at, now=now)
            return _("%(who)s restored the backup from %(when)s", who=who, when=when_)
        return _("%(who)s restored %(file)s", who=who, file=backup.before)
    if backup.kind is Kind.UPGRADE and backup.before:
        return _("To database version %(revision)s", revision=backup.before)
    if backup.kind is Kind.MANUAL and backup.note:
        return _("“%(note)s”", note=backup.note)
    return backup.note


def when(backup_id: str) -> str:
    """Return the moment in a backup id, for a sentence; the backup may be gone."""
    at = moment_of(backup_id)
    return day_and_time(at) if at else backup_id


def describe_timeline(timeline: Timeline) -> str:
    """Return what the timeline shows, for screen readers."""
    sentences = [_("Backups since %(day)s.", day=day(timeline.begin))]
    kinds = [
        _("%(kind)s: %(number)s", kind=KIND_WORDS[kind], number=number(timeline.kinds[kind]))
        for kind in Kind
        if timeline.kinds[kind]
    ]
    sentences.append(_("%(list)s.", list=", ".join(kinds)) if kinds else _("No backups."))
    if unverified := timeline.states[State.UNVERIFIED]:
        sentences.append(ngettext("%(num)s not verified.", "%(num)s not verified.", unverified))
    if damaged := timeline.states[State.DAMAGED]:
        sentences.append(ngettext("%(num)s damaged.", "%(num)s damaged.", damaged))
    if gone := len(timeline.gone):
        sentences.append(
            ngettext(
                "%(num)s was removed by retention.",
                "%(num)s were removed by retention.",
                gone,
            )
        )
    sentences += [
        _("No backups since %(day)s: %(length)s.", day=day(gap.begin), length=long(gap.length))
        if gap.is_open
        else _("No backups between %(begin)s and %(end)s.", begin=day(gap.begin), end=day(gap.end))
        for gap in timeline.gaps
    ]
    return " ".join(sentences)


def _days_ahead(at: datetime, now: datetime) -> int:
    zone = get_timezone()
    return (at.astimezone(zone).date() - now.astimezone(zone).date()).days


def _is_tonight(at: datetime, now: datetime) -> bool:
    """Whether `at` is later in the current or the coming night."""
    zone = get_timezone()
    then, today = at.astimezone(zone), now.astimezone(zone)
    if at < now or _NIGHT_ENDS <= then.hour < _NIGHT_BEGINS:
        return False
    shift = timedelta(hours=_NIGHT_ENDS)
    return (then - shift).date() == (today - shift).date()


def _short_day(at: datetime, now: datetime) -> str:
    zone = get_timezone()
    is_this_year = at.astimezone(zone).year == now.astimezone(zone).year
    skeleton = "MMMEd" if is_this_year else "yMMMd"
    return str(format_skeleton(skeleton, at, tzinfo=zone, locale=get_locale()))


def _day_and_year(at: datetime) -> str:
    local = at.astimezone(get_timezone())
    return str(format_date(local, "long", locale=get_locale()))
