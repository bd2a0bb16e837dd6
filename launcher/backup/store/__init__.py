"""The backup folder: what is in it, under which names, and how a backup is published and removed.

Read `local` first: a backup exists exactly when its manifest does. `fallback` adds a folder for
when it cannot be written. The interface is `ports.Store`. Imports `records`, `manifest`, `files`
and what they import.
"""
