"""Work that outlives a request: the backup service of this installation, in processes of its own.

Read `process` first: one operation in its own process. `service` builds the backup service, and
`uploads` keeps the files that browsers are sending. Imports `config`, `db` and `backup`.
"""
