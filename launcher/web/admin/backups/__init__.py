"""The pages about backups.

Read `panel` first: the list with its status. A page is a module with a blueprint; what it shows is
put together beside it.
"""
