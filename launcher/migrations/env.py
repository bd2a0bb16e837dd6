"""Run the revisions on the connection that the caller passed, in the caller's transaction."""

from alembic import context

from launcher.extensions import Base

connection = context.config.attributes["connection"]
# Made here and not by Alembic, so that its text is ours as well.
connection.exec_driver_sql(
    "CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT NOT NULL PRIMARY KEY)"
)
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
