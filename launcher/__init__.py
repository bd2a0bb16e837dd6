"""Launcher: a self-hosted start page for web apps, with backups of its data.

Nothing is imported here, so that `launcher.backup` can be used without Flask. Read `app` first: the
application is put together there.
"""
