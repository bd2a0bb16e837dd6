"""Who is notified of problems, of which, and whether the messages arrive.

Read `dispatch` first: it runs once a minute. `assessment` finds the problems and is what every
door shows, `alerts` decides what is worth a message, `messages` words it, `delivery` queues and
sends it through `sender`, which works in a process of its own. `recipients` and `memory` keep the
two files. The same of apps: `app_sights`, `app_alerts`, `app_messages`. Imports `monitoring`,
`checks`, `i18n` and what they import.
"""
