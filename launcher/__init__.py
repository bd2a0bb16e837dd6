"""Launcher: a self-hosted start page for web apps, whose data cannot be lost.

Nothing is imported here, so that `launcher.backup` can be used without Flask.
The application is put together in `launcher.app`.
"""
