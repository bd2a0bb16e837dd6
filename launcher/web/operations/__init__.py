"""Plan and follow an operation on backups, from any page.

Every part of `launcher.web` may import it; it imports nothing of `admin`.
"""
