"""Start, plan and follow an operation on backups, from any page.

Read `start` first. Every part of `launcher.web` may import it; it imports nothing of `admin`.
"""
