"""Health on pages: the state of a tile, its refresh, and the page of one app.

Read first: `tile_words`. What is shown is decided in `launcher.checks.shown`.
"""
