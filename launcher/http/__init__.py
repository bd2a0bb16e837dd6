"""What pages and the API share of HTTP: starting operations, receiving and sending backup files.

Nothing here words an error or knows who is signed in. It may import what is below `web` and `api`.
"""
