"""Health checks: how an app is probed, when, and what follows from the results.

Read `runner` first: it runs the checks in the process that leads. `slots` says when each is due,
`pauses` what is not checked for now, `states` what a result changes, `store` reads what is to be
checked and writes the results. May import `models`, `db`, `fetching`, `settings` and the core;
the doors read what it writes.
"""
