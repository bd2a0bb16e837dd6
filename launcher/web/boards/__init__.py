"""Boards: what an empty one shows, sample apps, and the forms of a board.

Read `pages` first, the forms as pages and as parts for a dialog; `form` reads and words what they
hold. `welcome` has what a board without apps shows, `samples` the sample apps, `preview` a board
as guests see it.
"""
