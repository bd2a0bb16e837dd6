"""Apps and boards that are edited"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    """\
ALTER TABLE boards ADD COLUMN density TEXT NOT NULL DEFAULT 'comfortable'
    CHECK (density IN ('comfortable', 'compact'))""",
    """\
ALTER TABLE boards ADD COLUMN columns INTEGER NOT NULL DEFAULT 0
    CHECK (columns BETWEEN 0 AND 8)""",
    """\
ALTER TABLE boards ADD COLUMN is_home BOOLEAN NOT NULL DEFAULT 0
    CHECK (is_home IN (0, 1))""",
    """\
ALTER TABLE apps ADD COLUMN opens TEXT NOT NULL DEFAULT 'default'
    CHECK (opens IN ('default', 'same', 'new'))""",
    """\
ALTER TABLE apps ADD COLUMN is_sample BOOLEAN NOT NULL DEFAULT 0
    CHECK (is_sample IN (0, 1))""",
    # One line: SQLAlchemy reads the foreign key from this text.
    "ALTER TABLE apps ADD COLUMN owner_id INTEGER REFERENCES users (id) ON DELETE SET NULL",
    """\
ALTER TABLE system_settings ADD COLUMN fetch_enabled BOOLEAN NOT NULL DEFAULT 1
    CHECK (fetch_enabled IN (0, 1))""",
    """\
ALTER TABLE system_settings ADD COLUMN fetch_private BOOLEAN NOT NULL DEFAULT 1
    CHECK (fetch_private IN (0, 1))""",
    """\
CREATE TABLE set_icons (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT COLLATE NOCASE NOT NULL UNIQUE,
    mime TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    content BLOB NOT NULL
)""",
    """\
CREATE TABLE section_folds (
    user_id INTEGER NOT NULL,
    section_id INTEGER NOT NULL,
    is_folded BOOLEAN NOT NULL CHECK (is_folded IN (0, 1)),
    PRIMARY KEY (user_id, section_id),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (section_id) REFERENCES sections (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    "CREATE INDEX section_folds_section ON section_folds (section_id)",
    """\
CREATE TABLE undo_steps (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    at DATETIME NOT NULL,
    action TEXT NOT NULL,
    facts JSON NOT NULL,
    rows JSON NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
)""",
    "CREATE INDEX undo_steps_user ON undo_steps (user_id, id)",
    """\
CREATE TABLE last_ids (
    name TEXT NOT NULL PRIMARY KEY,
    last_id INTEGER NOT NULL
) WITHOUT ROWID""",
    *(
        f"INSERT INTO last_ids (name, last_id) SELECT '{name}', coalesce(max(id), 0) FROM {name}"  # noqa: S608 (constants)
        for name in ("apps", "boards", "placements", "sections", "tags", "users")
    ),
    "UPDATE apps SET icon = 'symbol:' || icon WHERE icon != '' AND instr(icon, ':') = 0",
    "UPDATE boards SET is_home = 1"
    " WHERE id = (SELECT id FROM boards ORDER BY position, id LIMIT 1)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
