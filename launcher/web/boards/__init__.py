"""Boards: the first one, sample apps, and the forms of a board.

Read `welcome` first, what a board without apps shows, then `samples`.
"""
