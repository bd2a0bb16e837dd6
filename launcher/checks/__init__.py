"""Health checks: how an app is probed, when, and what follows from the results.

Read `service` first: in the process that leads, `runner` runs the checks of an `agenda`, and
`keeper` writes what they found. `slots` says when each is due, `pauses` what is not checked for
now, `states` what a result changes, `offline` when results say nothing of an app, `plan` what is to
be checked, `access` opens the database, `store` writes, `retention` removes, `asked` is *Check
now*. May import `models`, `db`, `fetching`, `settings` and the core; the doors read what it writes.

One try of a check: `spec` is what it does, with the address that it resolves to, `outcome` its
result as data, `fields` reads what a person types. `probe` ends by its deadline whatever the other
side does: `http`, `tcp`, `ping` and `sample` are its kinds. `resolver` and `connecting` reach an
address that was judged, `stream` carries the bytes, `certificates` reads what TLS shows. `trial`
runs a check that is not saved.

What pages, commands and the API say of an app comes from `shown`, with the `conditions` that hold
for all checks.
"""
