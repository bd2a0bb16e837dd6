"""What outlives a request: operations in processes of their own, and uploads.

Read `process` first: one operation in its own process. `examination` checks a file in one that has
limits, `child` is what such a process needs, `service` builds the backup service, `uploads` keeps
the files that browsers are sending, `follow_tokens` what opens an operation without the database,
and `data_files` converts files of earlier versions. Imports
`config`, `db` and `backup`.
"""
