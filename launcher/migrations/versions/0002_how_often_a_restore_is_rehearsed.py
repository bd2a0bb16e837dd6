"""How often a restore is rehearsed"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite keeps the text of the column as it stands here, behind the last one.
COLUMN = """\
ALTER TABLE system_settings ADD COLUMN
    backup_rehearsal TEXT NOT NULL DEFAULT 'weekly'
    CHECK (backup_rehearsal IN ('off', 'daily', 'weekly', 'monthly'))"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMN)
