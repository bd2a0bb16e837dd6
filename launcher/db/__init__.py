"""The live database: connections, transactions, and the settings in it.

Read `session` first: how a request connects, waits for a restore, and ends. `connect` needs the
standard library alone, `content` is what the backup core knows of the tables, and `rows` and
`hashes` what it replaces in them. `settings` reads and changes the settings in a request or
command, `settings_reader` reads them without SQLAlchemy. Imports `audit`, `models`, `migrations`,
`settings`, `current`, `extensions` and `backup`.
"""
