"""The page of the schedule and of retention.

Read `page` first; `form` reads its fields, `retention_preview` shows what would be removed.
"""
