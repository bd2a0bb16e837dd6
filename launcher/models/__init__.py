"""The rows of the database, a file a subject; backups are not rows, but files.

Read `catalogue` first: boards, sections and apps. `types` has the column types. Imports
`extensions`, `settings` and `backup.ports`.
"""

from launcher.models.audit import AuditEvent
from launcher.models.catalogue import (
    MAX_COLUMNS,
    App,
    AppTag,
    Board,
    Density,
    Media,
    Opening,
    Placement,
    Section,
    SectionFold,
    SetIcon,
    Tag,
    UndoStep,
    Visibility,
    hue_of,
    letters_of,
)
from launcher.models.health import (
    CheckKind,
    CheckMethod,
    ChecksRun,
    CheckState,
    CheckTarget,
    CheckVerify,
    Health,
    HealthCheck,
    MaintenanceWindow,
    Outage,
    Probe,
    ProbeDay,
    ProbeHour,
)
from launcher.models.ids import LastId
from launcher.models.launches import Launch
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
from launcher.models.sharing import Access, BoardGroup, BoardUser, Group, GroupMember

__all__ = [
    "MAX_COLUMNS",
    "Access",
    "ApiToken",
    "App",
    "AppTag",
    "AuditEvent",
    "Board",
    "BoardGroup",
    "BoardUser",
    "CheckKind",
    "CheckMethod",
    "CheckState",
    "CheckTarget",
    "CheckVerify",
    "ChecksRun",
    "Density",
    "Group",
    "GroupMember",
    "Health",
    "HealthCheck",
    "LastId",
    "Launch",
    "MaintenanceWindow",
    "Media",
    "Opening",
    "Outage",
    "Placement",
    "Probe",
    "ProbeDay",
    "ProbeHour",
    "Role",
    "Section",
    "SectionFold",
    "SetIcon",
    "SignInFailure",
    "SystemSettings",
    "Tag",
    "Theme",
    "TokenScope",
    "UndoStep",
    "User",
    "UserSession",
    "Visibility",
    "hue_of",
    "letters_of",
]
