"""The form of the check of an app with *Test now*, its pauses and maintenance, and those of all.

Read `pages` first. `entries` reads the form, `tested` shows the result of a test, `pausing` and
`windows` are the small forms below it, and `for_all` is the page about the checks of all apps.
"""
