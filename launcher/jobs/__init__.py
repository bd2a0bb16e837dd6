"""The scheduled jobs: create a backup, verify older ones, test a restore.

Read `registry` first, the table of jobs. One process is elected leader (`election`) and starts what
is due (`scheduler`), each job in a process of its own (`process`, `work`). Outcomes are remembered
outside the database (`history`). Imports `notifications` and what it imports.
"""
