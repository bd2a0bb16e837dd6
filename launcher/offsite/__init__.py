"""Copies of backups in other places: destinations, encryption, what is owed, proof, recovery.

No Flask. Adapters of services are imported by the process that copies, never by one that serves.
Read `service.py` first, then `copying.py`.
"""
