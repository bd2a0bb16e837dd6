"""Whether the data is safe: what is so at one moment, and what is wrong with that.

Read `problems` first: every problem follows there from a `snapshot`, and every door shows what it
finds. Imports `schedule` and `backup`; sends and words nothing.
"""
