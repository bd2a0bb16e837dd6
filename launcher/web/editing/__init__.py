"""Editing a board in place: its page, and one view for each change.

Read `page` first. Each change calls `launcher.catalogue`, and answers with the board as it is then.
"""
