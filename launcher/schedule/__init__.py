"""When something is due, and which process does it.

Read `cron` first: when an expression comes due, with cron's own meaning. `leader` says who runs the
scheduled work at this moment. Imports the standard library, cronsim and `backup.locks`.
"""
