"""The live database as requests and programs see it.

Read `session` first: how a request connects, waits and ends. `connect` does the same with the
standard library alone, and `content` tells the backup core what is inside. Imports `models`,
`migrations`, `extensions` and `backup`.
"""
