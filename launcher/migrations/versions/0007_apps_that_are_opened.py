"""Apps that are opened, counted for each user"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """\
CREATE TABLE launches (
    user_id INTEGER NOT NULL,
    app_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (user_id, app_id, day),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (app_id) REFERENCES apps (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    "CREATE INDEX launches_app ON launches (app_id)",
    """\
ALTER TABLE users ADD COLUMN counts_launches BOOLEAN NOT NULL DEFAULT 1
    CHECK (counts_launches IN (0, 1))""",
    """\
ALTER TABLE users ADD COLUMN has_shortcuts BOOLEAN NOT NULL DEFAULT 1
    CHECK (has_shortcuts IN (0, 1))""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
