"""Tokens with scopes"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    """\
CREATE TABLE scoped_tokens (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    token_sha256 TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME,
    last_used_at DATETIME,
    last_used_from TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
)""",
    """\
INSERT INTO scoped_tokens
SELECT id, user_id, name, prefix, token_sha256,
    CASE scope WHEN 'metrics' THEN 'metrics' ELSE 'status' END,
    created_at, expires_at, last_used_at, ''
FROM api_tokens""",
    "DROP TABLE api_tokens",
    "ALTER TABLE scoped_tokens RENAME TO api_tokens",
    "CREATE INDEX api_tokens_user ON api_tokens (user_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
