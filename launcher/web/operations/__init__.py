"""An operation on backups as any page begins, plans and follows it.

Read `start` first. May be imported by every part of `launcher.web`, and imports none of `admin`.
"""
