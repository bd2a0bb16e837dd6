"""The pages about backups.

Read `panel` first: the list with its status, `/admin/backups`. The other pages are `backup_page`,
`restore_page`, `upload_page` and `operation_page`; `actions` has what the buttons of a list do.
What they show is put together beside them: `table`, `timeline` and `operation_row` for the panel,
`backup_verdict`, `comparison` and `history` for one backup. The sentences are in
`words` (when and why), `retention_labels` (until when), `file_verdict` (what a file is) and
`outcomes` (how an operation ended).
"""
