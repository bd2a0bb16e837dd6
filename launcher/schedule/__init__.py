"""When a job is due, and which process runs the jobs.

Read `cron` first: when an expression comes due, with cron's own meaning. `leader` says which
process is the leader. Imports cronsim and `backup`.
"""
