"""What an admin may change about the site: one table.

Read `table` first: every setting with its default, kind and use. `kinds` checks values, `weakening`
which change leaves the data less protected. Settings are read and changed in `db`. Imports
`schedule` and `backup.retention`.
"""
