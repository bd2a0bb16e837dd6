"""The only package of the core that opens a database: to copy, check and replace it.

Every rule here was measured; `docs/restore.md` gives the reasons. Only SQLite opens the live file:
closing another descriptor would drop SQLite's POSIX locks
(https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).

Read `live` first, then `copy`, then `schema`. Imports `errors`, `reasons` and `ports`.
"""
