"""The rows of the database, a file a subject; backups are not rows, but files.

Read `catalogue` first: boards, sections and apps. `types` has the column types. Imports
`extensions`, `settings` and `backup.ports`.
"""

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
from launcher.models.people import (
    ApiToken,
    Role,
    SignInFailure,
    Theme,
    TokenScope,
    User,
    UserSession,
)
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
    "UserSession",
    "Visibility",
    "hue_of",
    "letters_of",
]
