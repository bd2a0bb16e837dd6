"""The pages of administration, a package a subject; `page` is where each begins.

Read `backups/panel` first. May import every other part of `launcher.web`; nothing but
`web/__init__.py` imports it.
"""
