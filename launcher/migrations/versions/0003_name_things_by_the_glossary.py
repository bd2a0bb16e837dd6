"""Name things by the glossary"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE system_settings RENAME COLUMN backup_rehearsal TO backup_restore_test",
    "UPDATE audit_events SET action = 'backup.test_restore' WHERE action = 'backup.rehearse'",
    """
    UPDATE audit_events SET
        action = replace(action, 'notice.', 'recipient.'),
        target_kind = replace(target_kind, 'notice', 'recipient')
    WHERE action LIKE 'notice.%'
    """,
    """
    UPDATE audit_events SET
        changes = replace(changes, '"backup_rehearsal"', '"backup_restore_test"')
    WHERE action = 'settings.update'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
