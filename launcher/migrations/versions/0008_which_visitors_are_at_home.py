"""Which visitors are in the home network, by their network or the host name in use"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE system_settings ADD COLUMN home_networks TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE system_settings ADD COLUMN home_hosts TEXT NOT NULL DEFAULT ''",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
