"""Whether the data is safe: what was read at one moment, and which problems follow from it.

Read `problems` first: every problem follows there from a `snapshot`. Imports `schedule`,
`settings` and `backup`; reads no database, and sends and words nothing.
"""
