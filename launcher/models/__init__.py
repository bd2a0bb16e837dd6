"""The rows of the launcher, a file a subject. Backups are not rows: see `launcher.backup`."""

from launcher.models.audit import AuditEvent
from launcher.models.catalogue import (
    App,
    AppTag,
    Board,
    Media,
    Placement,
    Section,
    Tag,
    Visibility,
    hue_of,
    letters_of,
)
from launcher.models.health import (
    CheckKind,
    CheckMethod,
    CheckState,
    Health,
    HealthCheck,
    Probe,
    ProbeDay,
    ProbeHour,
)
from launcher.models.people import ApiToken, Role, SignInFailure, Theme, TokenScope, User
from launcher.models.settings import SystemSettings

__all__ = [
    "ApiToken",
    "App",
    "AppTag",
    "AuditEvent",
    "Board",
    "CheckKind",
    "CheckMethod",
    "CheckState",
    "Health",
    "HealthCheck",
    "Media",
    "Placement",
    "Probe",
    "ProbeDay",
    "ProbeHour",
    "Role",
    "Section",
    "SignInFailure",
    "SystemSettings",
    "Tag",
    "Theme",
    "TokenScope",
    "User",
    "Visibility",
    "hue_of",
    "letters_of",
]
