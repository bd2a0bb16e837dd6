"""The backup folder: what lies in it, under which names, and how a backup comes and goes.

Read `local` first: a backup exists exactly when its manifest does. The interface is `ports.Store`.
Imports `records`, `manifest`, `files` and what they import.
"""
