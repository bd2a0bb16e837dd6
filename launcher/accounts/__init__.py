"""Who may sign in: passwords, users, sign-in with pauses after failures, and the first admin.

Each function that changes something is one transaction with its audit entry: it commits, or it
raises and nothing has changed. There is always an active admin, once there was one. The package
imports `audit`, `config`, `extensions` and `models`. Read `users` first.
"""
