"""Boards that are shared"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    """\
CREATE TABLE user_groups (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT COLLATE NOCASE NOT NULL UNIQUE,
    created_at DATETIME NOT NULL
)""",
    """\
CREATE TABLE group_members (
    group_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (group_id) REFERENCES user_groups (id) ON DELETE CASCADE,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    "CREATE INDEX group_members_user ON group_members (user_id, group_id)",
    """\
CREATE TABLE board_users (
    board_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('view', 'edit')),
    PRIMARY KEY (board_id, user_id),
    FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    "CREATE INDEX board_users_user ON board_users (user_id, board_id)",
    """\
CREATE TABLE board_groups (
    board_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('view', 'edit')),
    PRIMARY KEY (board_id, group_id),
    FOREIGN KEY (board_id) REFERENCES boards (id) ON DELETE CASCADE,
    FOREIGN KEY (group_id) REFERENCES user_groups (id) ON DELETE CASCADE
) WITHOUT ROWID""",
    "CREATE INDEX board_groups_group ON board_groups (group_id, board_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
