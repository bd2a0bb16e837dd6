"""The values that the core speaks in: frozen, typed, without behaviour that needs a disk.

Moments are aware and in UTC; sizes are bytes; a `BackupId` is never a path. Read `backup` first,
then `operation`. Imports `errors` and `reasons`.
"""
