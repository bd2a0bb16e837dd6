"""Sample content: the start page of a household, its users, and some months of history.

The same seed and clock give the same content, except for the random passwords.
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa

from launcher import audit
from launcher.accounts import passwords
from launcher.audit import COMMAND_LINE, Actor, Target
from launcher.catalogue.entries import slug_of
from launcher.extensions import db
from launcher.models import (
    App,
    Board,
    CheckKind,
    CheckState,
    Health,
    HealthCheck,
    Media,
    Outage,
    Placement,
    Probe,
    ProbeDay,
    ProbeHour,
    Role,
    Section,
    Tag,
    User,
    Visibility,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ADDED_LATE_BY = 90 * DAY - 3 * MINUTE
"""How much later than the others the app was added that was not checked yet."""
_DAYS_OF_HISTORY = 120


class NotEmptyError(Exception):
    """There is content; nothing was added."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample app: its appearance, and how fast it usually answers."""

    name: str
    address: str
    ms: int
    tags: tuple[str, ...]
    description: str
    letters: str = ""
    icon: str = ""
    local: str = ""
    health: Health = Health.UP

    @property
    def url(self) -> str:
        """Its address, with a scheme."""
        return f"https://{self.address}" if self.address[0].isalpha() else f"http://{self.address}"


@dataclass(frozen=True, slots=True)
class SampleAccount:
    """One sample user, with its password."""

    username: str
    role: Role
    password: str


@dataclass(frozen=True, slots=True)
class Filled:
    """What was added. `accounts` has only users who did not exist before."""

    boards: int
    apps: int
    probes: int
    accounts: tuple[SampleAccount, ...] = field(repr=False)
    slugs: tuple[str, ...] = ()
    """The addresses of the boards."""


MEDIA = (
    Sample(
        "Jellyfin",
        "jellyfin.home.arpa",
        12,
        ("media", "family"),
        "Films and series",
        local="http://10.0.0.4:8096",
        icon="brand:jellyfin",
    ),
    Sample("Immich", "photos.home.arpa", 31, ("media", "family"), "Our photos"),
    Sample("Navidrome", "music.home.arpa", 9, ("media",), "Music"),
    Sample(
        "Audiobookshelf",
        "books.home.arpa",
        18,
        ("media", "family"),
        "Audiobooks and podcasts",
        icon="brand:audiobookshelf",
    ),
    Sample("Kavita", "kavita.home.arpa", 45, ("media",), "Comics and manga", health=Health.SLOW),
    Sample("Jellyseerr", "requests.home.arpa", 27, ("media",), "Ask for a film", letters="Js"),
    Sample(
        "TubeArchivist", "tube.home.arpa", 38, ("media",), "Videos to keep", health=Health.PAUSED
    ),
    Sample("Calibre-Web", "calibre.home.arpa", 22, ("media",), "E-books", icon="brand:calibreweb"),
)
HOUSE = (
    Sample(
        "Home Assistant",
        "ha.home.arpa",
        7,
        ("house", "family"),
        "Lights, heating, doors",
        local="http://10.0.0.3:8123",
        icon="brand:homeassistant",
    ),
    Sample(
        "Paperless-ngx",
        "paperless.home.arpa",
        41,
        ("house", "documents"),
        "Letters and receipts",
        icon="brand:paperlessngx",
    ),
    Sample(
        "Mealie",
        "recipes.home.arpa",
        15,
        ("house", "family"),
        "Recipes and the week's meals",
        icon="brand:mealie",
    ),
    Sample(
        "Vikunja", "tasks.home.arpa", 11, ("house",), "What is to be done", icon="brand:vikunja"
    ),
    Sample(
        "Actual Budget",
        "budget.home.arpa",
        10,
        ("house", "documents"),
        "Household budget",
        icon="brand:actualbudget",
    ),
    Sample("Grocy", "grocy.home.arpa", 24, ("house",), "What is in the larder", icon="brand:grocy"),
    Sample(
        "Frigate",
        "cameras.home.arpa",
        33,
        ("house",),
        "Cameras",
        icon="symbol:camera",
        health=Health.DOWN,
    ),
)
WORK = (
    Sample("Forgejo", "git.home.arpa", 13, ("work",), "Source code", icon="brand:forgejo"),
    Sample(
        "Nextcloud",
        "cloud.home.arpa",
        64,
        ("work", "documents"),
        "Files and calendars",
        letters="Nc",
        icon="brand:nextcloud",
    ),
    Sample(
        "Vaultwarden",
        "vault.home.arpa",
        8,
        ("work", "family"),
        "Passwords",
        letters="Vw",
        icon="brand:vaultwarden",
    ),
    Sample("Miniflux", "feeds.home.arpa", 6, ("work",), "News to read"),
    Sample(
        "Stirling PDF", "pdf.home.arpa", 35, ("work", "documents"), "Everything about PDF files"
    ),
    Sample(
        "Excalidraw",
        "draw.home.arpa",
        20,
        ("work", "family"),
        "A whiteboard",
        health=Health.UNKNOWN,
        icon="brand:excalidraw",
    ),
)
NETWORK = (
    Sample(
        "Pi-hole", "pi.hole/admin", 4, ("network",), "Names, without advertisements",
        icon="brand:pihole",
    ),
    Sample(
        "Proxmox", "10.0.0.2:8006", 5, ("network",), "Virtual machines", letters="Px",
        icon="brand:proxmox",
    ),
    Sample("Grafana", "graphs.home.arpa", 19, ("network",), "Graphs of everything", letters="Gf"),
    Sample("Syncthing", "10.0.0.4:8384", 3, ("network",), "Folders in step"),
    Sample("Router", "10.0.0.1", 2, ("network",), "The way out", icon="symbol:router"),
    Sample("Printer", "10.0.0.9", 88, ("network",), "Upstairs", icon="symbol:printer"),
)  # fmt: skip
SAMPLES = (*MEDIA, *HOUSE, *WORK, *NETWORK)

BOARDS = {
    "Home": {
        "Media": [sample.name for sample in MEDIA],
        "House": [sample.name for sample in HOUSE],
        "Work": [sample.name for sample in WORK],
        "Network": [sample.name for sample in NETWORK],
    },
    "Children": {
        "Watch and listen": ["Jellyfin", "Audiobookshelf", "Navidrome"],
        "Read": ["Kavita", "Calibre-Web"],
        "Make": ["Excalidraw", "Mealie"],
    },
    "Workshop": {
        "Code": ["Forgejo", "Grafana"],
        "Machines": ["Proxmox", "Router", "Pi-hole", "Syncthing", "Printer"],
    },
}
_VISIBILITY = {
    "Home": Visibility.MEMBERS,
    "Children": Visibility.PUBLIC,
    "Workshop": Visibility.PRIVATE,
}
PEOPLE = (("ada", "Ada", Role.ADMIN), ("ben", "Ben", Role.EDITOR), ("chloe", "Chloe", Role.VIEWER))


def fill(*, now: datetime, seed: int, force: bool = False) -> Filled:
    """Add the sample content to a database without apps and boards, in one transaction.

    Args:
        force: add it beside what there is. Boards, apps and users of the site stay as they are,
            and the audit log gets what was added, without an invented past.

    Raises:
        NotEmptyError: without `force`: there is an app or a section, or more than the one board
            that the first admin got; nothing was added.
    """
    is_in_use = _is_in_use()
    if is_in_use and not force:
        raise NotEmptyError("there are apps or boards already in this data directory")
    if not is_in_use:
        _delete_empty_board()
    random = Random(seed)  # noqa: S311
    begun = now - 90 * DAY
    people, made = _people(begun)
    apps = _apps(begun, now)
    boards = _boards(apps, owner=people["ada"], at=begun)
    db.session.flush()
    if is_in_use:
        _audit_addition(people, made, apps, boards)
    else:
        people["ada"].home_board_id = boards["Home"].id
        _audit(people, apps, boards, random=random, begun=begun, now=now)
    probes = _history(apps, random=random, now=now)
    db.session.commit()
    slugs = tuple(board.slug for board in boards.values())
    return Filled(len(boards), len(apps), probes, tuple(made), slugs)


def _is_in_use() -> bool:
    boards = db.session.scalar(sa.select(sa.func.count()).select_from(Board)) or 0
    return boards > 1 or any(
        db.session.scalar(sa.select(rows.id).limit(1)) is not None for rows in (App, Section)
    )


def _delete_empty_board() -> None:
    """Delete the board that the first admin got: the sample boards take its place."""
    for board in db.session.scalars(sa.select(Board)):
        target = Target("board", board.id, board.name)
        audit.record("board.delete", actor=COMMAND_LINE, target=target)
        db.session.delete(board)
    db.session.flush()


def _people(begun: datetime) -> tuple[dict[str, User], list[SampleAccount]]:
    people: dict[str, User] = {}
    made: list[SampleAccount] = []
    for username, display_name, role in PEOPLE:
        user = db.session.scalar(sa.select(User).where(User.username == username))
        if user is None:
            account = SampleAccount(username, role, passwords.random_password())
            user = User(
                username=username,
                display_name=display_name,
                password_hash=passwords.hash_password(account.password),
                role=role,
                created_at=begun,
            )
            db.session.add(user)
            made.append(account)
        people[username] = user
    return people, made


def _apps(begun: datetime, now: datetime) -> dict[str, App]:
    icons = dict(_icons(begun))
    known = {tag.name.casefold(): tag for tag in db.session.scalars(sa.select(Tag))}
    names = sorted({name for sample in SAMPLES for name in sample.tags})
    tags = {name: known.get(name) or Tag(name=name) for name in names}
    apps: dict[str, App] = {}
    for sample in SAMPLES:
        at = begun + ADDED_LATE_BY if sample.health is Health.UNKNOWN else begun
        app = App(
            name=sample.name,
            description=sample.description,
            url=sample.url,
            url_local=sample.local,
            icon=sample.icon,
            icon_media=icons.get(sample.name),
            letters=sample.letters,
            created_at=at,
            updated_at=at,
            tags=[tags[name] for name in sample.tags],
        )
        app.check = HealthCheck(
            kind=CheckKind.SAMPLE,
            paused_until=_next_monday(now) if _is_paused(sample) else None,
            paused_by="Ada" if _is_paused(sample) else "",
        )
        app.check_state = _check_state(sample, now)
        apps[sample.name] = app
    db.session.add_all(apps.values())
    return apps


def _is_paused(sample: Sample) -> bool:
    return sample.health is Health.PAUSED


def _next_monday(now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (7 - midnight.weekday()) * DAY


def _check_state(sample: Sample, now: datetime) -> CheckState:
    since = now - _SINCE[sample.health]
    last_at = now - timedelta(seconds=12)
    state = CheckState(state=sample.health, since=since)
    if sample.health is Health.UNKNOWN:
        return state
    if sample.health is Health.PAUSED:
        last_at = since
    state.last_at = last_at
    state.streak = max(1, int((last_at - since) / MINUTE))
    if sample.health is Health.DOWN:
        state.error = _REFUSED
        return state
    state.last_ms, state.last_code = (_SLOW_MS if sample.health is Health.SLOW else sample.ms), 200
    return state


_REFUSED = "refused"
_SLOW_MS = 2400
_SINCE = {
    Health.UP: 19 * DAY,
    Health.SLOW: 15 * MINUTE,
    Health.DOWN: 45 * MINUTE,
    Health.PAUSED: 26 * HOUR,
    Health.UNKNOWN: 3 * MINUTE,
}


def _boards(apps: dict[str, App], *, owner: User, at: datetime) -> dict[str, Board]:
    taken = set(db.session.scalars(sa.select(Board.slug)))
    last = db.session.scalar(sa.select(sa.func.max(Board.position)))
    boards = {
        name: Board(
            slug=slug_of(name, taken),
            name=name,
            visibility=_VISIBILITY[name],
            owner=owner,
            position=position,
            is_home=position == 0,
            created_at=at,
            updated_at=at,
            sections=[
                Section(
                    name=title,
                    position=index,
                    placements=[
                        Placement(app=apps[app], position=place) for place, app in enumerate(names)
                    ],
                )
                for index, (title, names) in enumerate(sections.items())
            ],
        )
        for position, (name, sections) in enumerate(BOARDS.items(), 0 if last is None else last + 1)
    }
    db.session.add_all(boards.values())
    return boards


def _audit_addition(
    people: dict[str, User],
    made: list[SampleAccount],
    apps: dict[str, App],
    boards: dict[str, Board],
) -> None:
    """Record what was added to a site in use, as of now and by the command."""
    for account in made:
        target = Target("user", people[account.username].id, account.username)
        audit.record("user.create", actor=COMMAND_LINE, target=target)
    for board in boards.values():
        audit.record("board.create", actor=COMMAND_LINE, target=_target("board", board))
    for app in apps.values():
        audit.record("app.create", actor=COMMAND_LINE, target=_target("app", app))


def _target(kind: str, row: App | Board) -> Target:
    return Target(kind, row.id, row.name)


def _audit(
    people: dict[str, User],
    apps: dict[str, App],
    boards: dict[str, Board],
    *,
    random: Random,
    begun: datetime,
    now: datetime,
) -> None:
    """Add audit entries: who created what, and who signed in since."""
    ada, ben = Actor.of(people["ada"]), Actor.of(people["ben"], address="10.0.0.21")
    for user in people.values():
        target = Target("user", user.id, user.username)
        changes = {"role": [None, str(user.role)]}
        audit.record("user.create", actor=ada, target=target, changes=changes, at=begun)
    for board in boards.values():
        target = Target("board", board.id, board.name)
        audit.record("board.create", actor=ada, target=target, at=board.created_at)
    for app in apps.values():
        target = Target("app", app.id, app.name)
        audit.record("app.create", actor=ada, target=target, at=app.created_at)
    names = sorted(apps)
    for day in range(89, 0, -1):
        at = now - day * DAY + random.randrange(600) * MINUTE
        who = people[random.choice(("ada", "ada", "ben", "chloe"))]
        audit.record("session.create", actor=Actor.of(who, address="10.0.0.21"), at=at)
        who.last_seen_at = at
        if day % 9 == 0:
            app = apps[random.choice(names)]
            changes = {"description": ["", app.description]}
            target = Target("app", app.id, app.name)
            audit.record("app.update", actor=ben, target=target, changes=changes, at=at + MINUTE)


# History


def _history(apps: dict[str, App], *, random: Random, now: datetime) -> int:
    """Write the three tiers, each consistent with the finer one; return the number of probes."""
    last = (now - timedelta(seconds=12)).replace(microsecond=0)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first_hour = today - 29 * DAY
    probes: list[dict[str, object]] = []
    outages: list[dict[str, object]] = []
    for sample in SAMPLES:
        if sample.health is Health.UNKNOWN:
            continue
        app_id = apps[sample.name].id
        probes += _probes(sample, app_id, random, last)
        for model, step, start, end in (
            (ProbeHour, HOUR, first_hour, this_hour - 23 * HOUR),
            (ProbeDay, DAY, today - _DAYS_OF_HISTORY * DAY, first_hour),
        ):
            rows = list(_aggregates(sample, app_id, random, start=start, end=end, step=step))
            db.session.execute(sa.insert(model), rows)
            outages += _outages(rows, random)
    db.session.execute(sa.insert(Probe), probes)
    outages += [_outage(apps[each.name], now) for each in SAMPLES if each.health is Health.DOWN]
    db.session.execute(sa.insert(Outage), outages)
    ids = [app.id for app in apps.values()]
    _fold_probes_into_hours(this_hour - 23 * HOUR, ids)
    _fold_hours_into_days(first_hour, ids)
    return len(probes)


def _outage(app: App, now: datetime) -> dict[str, object]:
    """Return the outage of an app that is down, which began with its state."""
    return {
        "app_id": app.id,
        "started_at": now - _SINCE[Health.DOWN],
        "ended_at": None,
        "error": _REFUSED,
        "facts": {},
    }


def _outages(rows: list[dict[str, Any]], random: Random) -> Iterator[dict[str, object]]:
    """Yield the outage of each row that has failed probes, one a minute, somewhere within it."""
    for row in rows:
        failed = row["probes"] - row["up"]
        if failed:
            started_at = row["at"] + random.randrange(row["up"]) * MINUTE
            yield {
                "app_id": row["app_id"],
                "started_at": started_at,
                "ended_at": started_at + failed * MINUTE,
                "error": _REFUSED,
                "facts": {},
            }


def _probes(
    sample: Sample, app_id: int, random: Random, last: datetime
) -> Iterator[dict[str, object]]:
    """Yield one probe a minute for a day, newest last."""
    for minute in range(24 * 60 - 1, -1, -1):
        at = last - minute * MINUTE
        age = minute * MINUTE
        if sample.health is Health.PAUSED and age < _SINCE[Health.PAUSED]:
            continue
        row = {"app_id": app_id, "at": at, "is_up": True, "is_slow": False}
        row |= {"code": 200, "error": None}
        if sample.health is Health.DOWN and age < _SINCE[Health.DOWN]:
            yield row | {"is_up": False, "ms": None, "code": None, "error": _REFUSED}
        elif sample.health is Health.SLOW and age < _SINCE[Health.SLOW]:
            ms = int(_SLOW_MS * random.uniform(0.9, 1.1)) if minute else _SLOW_MS
            yield row | {"ms": ms, "is_slow": True}
        else:
            yield row | {"ms": _usual_ms(sample, at, random) if minute else sample.ms}


def _usual_ms(sample: Sample, at: datetime, random: Random) -> int:
    """Return a likely response time: a little slower in the evening, and rarely very slow."""
    evening = 1 + 0.25 * math.exp(-((at.hour + at.minute / 60 - 20) ** 2) / 8)
    rare = 6 if random.random() < 0.003 else 1
    return max(1, round(sample.ms * evening * rare * random.lognormvariate(0, 0.22)))


def _aggregates(
    sample: Sample,
    app_id: int,
    random: Random,
    *,
    start: datetime,
    end: datetime,
    step: timedelta,
) -> Iterator[dict[str, Any]]:
    """Yield one row for each `step` from `start` up to, not including, `end`."""
    probes = int(step / MINUTE)
    at = start
    while at < end:
        # About one step in two hundred has an outage of some minutes.
        up = probes - (random.randint(2, 25) if random.random() < 0.005 else 0)
        mean = sample.ms * random.lognormvariate(0.03, 0.05)
        yield {
            "app_id": app_id,
            "at": at,
            "probes": probes,
            "up": up,
            "slow": 0,
            "ms_min": max(1, round(mean * 0.6)),
            "ms_max": round(mean * random.uniform(1.7, 6)) + 1,
            "ms_sum": round(mean * up),
        }
        at += step


def _fold_probes_into_hours(start: datetime, app_ids: list[int]) -> None:
    second = int(start.timestamp())
    db.session.execute(
        sa.text(
            """
            INSERT INTO probe_hours (app_id, at, probes, up, slow, ms_min, ms_max, ms_sum)
            SELECT app_id, at - at % 3600, count(*), sum(is_up), sum(is_slow),
                   min(ms), max(ms), coalesce(sum(ms), 0)
            FROM probes WHERE at >= :start AND app_id IN :ids
            GROUP BY app_id, at - at % 3600"""
        ).bindparams(sa.bindparam("ids", expanding=True)),
        {"start": second, "ids": app_ids},
    )


def _fold_hours_into_days(start: datetime, app_ids: list[int]) -> None:
    db.session.execute(
        sa.text(
            """
            INSERT INTO probe_days (app_id, at, probes, up, slow, ms_min, ms_max, ms_sum)
            SELECT app_id, at - at % 86400, sum(probes), sum(up), sum(slow),
                   min(ms_min), max(ms_max), sum(ms_sum)
            FROM probe_hours WHERE at >= :start AND app_id IN :ids
            GROUP BY app_id, at - at % 86400"""
        ).bindparams(sa.bindparam("ids", expanding=True)),
        {"start": int(start.timestamp()), "ids": app_ids},
    )


# Icons


def _icons(at: datetime) -> Iterator[tuple[str, Media]]:
    """Yield app names with small pictures, drawn here so that no logo is copied."""
    yield "Immich", _media("petals.png", "image/png", _png(_petals), at)
    yield "Grafana", _media("rings.png", "image/png", _png(_rings), at)
    yield "Syncthing", _media("arrows.svg", "image/svg+xml", _ARROWS, at)
    yield "Stirling PDF", _media("page.svg", "image/svg+xml", _PAGE, at)


def _media(name: str, mime: str, content: bytes, at: datetime) -> Media:
    """Return the picture, the one of the site where it has it already."""
    sha256 = hashlib.sha256(content).hexdigest()
    return db.session.scalar(sa.select(Media).where(Media.sha256 == sha256)) or Media(
        name=name,
        mime=mime,
        content=content,
        size_bytes=len(content),
        sha256=sha256,
        created_at=at,
    )


_ARROWS = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" fill="none" stroke="#1f7a8c"'
    b' stroke-width="7" stroke-linecap="round"><path d="M14 26a20 20 0 0 1 36-4M50 38a20 20 0 0 1'
    b'-36 4"/><circle cx="50" cy="22" r="5" fill="#1f7a8c"/><circle cx="14" cy="42" r="5"'
    b' fill="#1f7a8c"/></svg>'
)
_PAGE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect x="12" y="6" width="40"'
    b' height="52" rx="6" fill="#b23a48"/><path d="M21 22h22M21 32h22M21 42h13" stroke="#fff"'
    b' stroke-width="5" stroke-linecap="round"/></svg>'
)
_SIDE = 64
Colour = tuple[int, int, int, int]


def _png(colour_at: Callable[[float, float], Colour]) -> bytes:
    """Return a PNG whose pixels are computed from x and y, each from -1 to 1."""
    rows = bytearray()
    for y in range(_SIDE):
        rows.append(0)  # no filter on this row
        for x in range(_SIDE):
            rows += bytes(colour_at((x + 0.5) * 2 / _SIDE - 1, (y + 0.5) * 2 / _SIDE - 1))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(bytes(rows), 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _petals(x: float, y: float) -> Colour:
    radius, angle = math.hypot(x, y), math.atan2(y, x)
    inside = radius < 0.55 + 0.35 * abs(math.cos(2.5 * angle))
    petal = int((angle + math.pi) / (2 * math.pi) * 5) % 5
    tints = ((226, 86, 75), (240, 168, 48), (86, 163, 92), (64, 120, 200), (150, 92, 180))
    return (*tints[petal], 255) if inside and radius > 0.18 else (0, 0, 0, 0)


def _rings(x: float, y: float) -> Colour:
    radius = math.hypot(x, y)
    return (232, 119, 34, 255) if radius < 0.3 or 0.5 < radius < 0.92 else (0, 0, 0, 0)
