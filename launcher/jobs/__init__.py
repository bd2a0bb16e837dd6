"""What Launcher does by itself: backups on schedule, proof of the old ones, a rehearsed restore.

`registry.py` is the table of jobs. One worker of all is the leader (`leader.py`) and starts them
when they are due (`scheduler.py`), each in a process of its own (`process.py`, `work.py`), whose
outcome is remembered outside the database (`history.py`). Nothing is imported here.
"""
